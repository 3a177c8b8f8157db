//! Reports in a folder.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::ports::{PortError, Reports};

/// Tells apart the temporary files of one process.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Reports as files below a folder, which is made when the first is kept. Files are written whole or not at all.
#[derive(Debug, Clone)]
pub struct FolderReports {
    folder: PathBuf,
}

impl FolderReports {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self, name: &str) -> Result<PathBuf, PortError> {
        let relative = Path::new(name);
        let is_below = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if is_below && !name.is_empty() {
            Ok(self.folder.join(relative))
        } else {
            Err(PortError::Refused(format!("`{name}` is no name of a report")))
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), PortError> {
        let path = self.path(name)?;
        whole(&path, content).map_err(|error| failed("write", &path, &error))
    }
}

#[async_trait::async_trait]
impl Reports for FolderReports {
    async fn fetch(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let path = self.path(name)?;
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, &error)),
        }
    }

    async fn keep(&self, name: &str, _kind: &str, content: &[u8]) -> Result<(), PortError> {
        match self.fetch(name).await? {
            Some(kept) if kept == content => Ok(()),
            Some(_) => Err(PortError::Refused(format!("another report is kept as `{name}`"))),
            None => self.write(name, content),
        }
    }

    async fn replace(&self, name: &str, _kind: &str, content: &[u8]) -> Result<(), PortError> {
        self.write(name, content)
    }
}

/// Writes beside the file and renames over it, so that nobody ever reads half of it. The folder is made if it is missing. A report has
/// names of people in it: nobody but who has made the file may read it.
/// What is no file, such as a terminal or a pipe, is written to as it is; a link is followed.
pub fn whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(there) if there.is_file() => Some(fs::canonicalize(path)?),
        Ok(there) if !there.is_dir() => {
            return fs::OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        Ok(_) | Err(_) => None,
    };
    let path = target.as_deref().unwrap_or(path);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{}.tmp", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> PortError {
    let text = format!("cannot {doing} `{}`: {error}", path.display());
    let kind = error.kind();
    if matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) {
        PortError::Denied(text)
    } else if matches!(kind, ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists) {
        PortError::Refused(text)
    } else {
        PortError::Failed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_report_is_kept_for_good_and_a_pointer_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let reports = FolderReports::new(&folder.path().join("a"));
        assert_eq!(reports.fetch("latest.json").await, Ok(None));
        reports.keep("reports/2026/x.json", "application/json", b"one").await.unwrap();
        reports.keep("reports/2026/x.json", "application/json", b"one").await.unwrap();
        let other = reports.keep("reports/2026/x.json", "application/json", b"two").await;
        assert!(matches!(other, Err(PortError::Refused(_))), "{other:?}");
        assert_eq!(reports.fetch("reports/2026/x.json").await, Ok(Some(b"one".to_vec())));
        for content in [b"1", b"2"] {
            reports.replace("latest.json", "application/json", content).await.unwrap();
        }
        assert_eq!(reports.fetch("latest.json").await, Ok(Some(b"2".to_vec())));
        let left = fs::read_dir(folder.path().join("a")).unwrap().count();
        assert_eq!(left, 2, "no temporary file is left");
    }

    #[tokio::test]
    async fn no_report_is_outside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let reports = FolderReports::new(&folder.path().join("a"));
        for name in ["../x", "/etc/x", "", "a/../../x"] {
            let kept = reports.keep(name, "text/plain", b"").await;
            assert!(matches!(kept, Err(PortError::Refused(_))), "{name}: {kept:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_report_is_for_nobody_but_who_has_made_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open.json");
        fs::write(&open, "").unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
        for path in [open, folder.path().join("new.json")] {
            whole(&path, b"{}").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("taken"), "").unwrap();
        let reports = FolderReports::new(&folder.path().join("taken"));
        let kept = reports.keep("x.json", "application/json", b"").await;
        assert!(kept.unwrap_err().to_string().contains("taken"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
