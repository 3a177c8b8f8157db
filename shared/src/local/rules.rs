//! Rule bundles in a folder: one file a bundle, named by its version.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    domain::RulesVersion,
    ports::{PortError, RulesStore},
    rules::{Bundle, MAX_STORED_BYTES},
};

/// How large a bundle may be, in bytes of JSON.
const LARGEST_BUNDLE: u64 = MAX_STORED_BYTES as u64;

/// Tells apart the temporary files of one process.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Bundles as `rules/<version>.json` below a folder. Files are written whole or not at all, and never changed.
#[derive(Debug, Clone)]
pub struct FolderRules {
    folder: PathBuf,
}

impl FolderRules {
    /// Keeps bundles below `folder`, which is made when the first is kept.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.join("rules") }
    }

    fn path(&self, version: &RulesVersion) -> PathBuf {
        self.folder.join(format!("{version}.json"))
    }
}

#[async_trait::async_trait]
impl RulesStore for FolderRules {
    async fn bundle(&self, version: &RulesVersion) -> Result<Bundle, PortError> {
        let path = self.path(version);
        let size = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
        if size > LARGEST_BUNDLE {
            return Err(PortError::Refused(format!(
                "`{}` is {size} bytes; a bundle has at most {LARGEST_BUNDLE}",
                path.display()
            )));
        }
        let content = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let bundle: Bundle = serde_json::from_slice(&content).map_err(|error| {
            PortError::Refused(format!("`{}` is not a bundle of rules: {error}", path.display()))
        })?;
        let found = bundle.version();
        if found != *version {
            return Err(PortError::Refused(format!(
                "`{}` holds the rules {}, not {}: the file was changed",
                path.display(),
                found.short(),
                version.short()
            )));
        }
        Ok(bundle)
    }

    async fn keep(&self, bundle: &Bundle) -> Result<(), PortError> {
        let version = bundle.version();
        let content = serde_json::to_vec_pretty(bundle).map_err(|error| {
            PortError::Refused(format!("the rules {} cannot be written as JSON: {error}", version.short()))
        })?;
        if content.len() as u64 > LARGEST_BUNDLE {
            return Err(PortError::Refused(format!(
                "the rules {} are {} bytes; a bundle has at most {LARGEST_BUNDLE}",
                version.short(),
                content.len()
            )));
        }
        let path = self.path(&version);
        if fs::read(&path).is_ok_and(|kept| kept == content) {
            return Ok(());
        }
        self.write(&path, &content).map_err(|error| unwritable(&path, &error))
    }
}

impl FolderRules {
    /// Writes beside the file and renames over it, so that nobody ever reads half a bundle.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let temporary = path.with_extension(format!(
            "{}-{}.tmp",
            std::process::id(),
            WRITES.fetch_add(1, Ordering::Relaxed)
        ));
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

fn unreadable(path: &Path, error: &io::Error) -> PortError {
    if error.kind() == ErrorKind::NotFound {
        return PortError::NotFound(format!("there is no file `{}`", path.display()));
    }
    unusable(format!("cannot read `{}`: {error}", path.display()), error)
}

fn unwritable(path: &Path, error: &io::Error) -> PortError {
    unusable(format!("cannot write `{}`: {error}", path.display()), error)
}

fn unusable(text: String, error: &io::Error) -> PortError {
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

    fn bundle(content: &str) -> Bundle {
        Bundle { files: [("usher.yaml".to_owned(), content.to_owned())].into() }
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder.join("rules"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_bundle_comes_back_as_it_was_kept_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let rules = FolderRules::new(folder.path());
        let bundle = bundle("version: 1\n# Grüße\n");

        rules.keep(&bundle).await.unwrap();
        rules.keep(&bundle).await.unwrap();

        assert_eq!(rules.bundle(&bundle.version()).await.unwrap(), bundle);
        assert_eq!(files(folder.path()), [format!("{}.json", bundle.version())]);
    }

    #[tokio::test]
    async fn a_bundle_that_was_never_kept_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let rules = FolderRules::new(folder.path());
        let error = rules.bundle(&bundle("version: 1").version()).await.unwrap_err();
        assert!(matches!(error, PortError::NotFound(_)), "{error}");
    }

    #[tokio::test]
    async fn a_bundle_that_was_changed_on_the_disk_is_refused_and_can_be_kept_again() {
        let folder = tempfile::tempdir().unwrap();
        let rules = FolderRules::new(folder.path());
        let (good, other) = (bundle("version: 1"), bundle("version: 2"));
        rules.keep(&good).await.unwrap();
        let path = rules.path(&good.version());

        fs::write(&path, serde_json::to_vec(&other).unwrap()).unwrap();
        let error = rules.bundle(&good.version()).await.unwrap_err();
        assert!(
            matches!(&error, PortError::Refused(text) if text.contains("the file was changed")),
            "{error}"
        );

        fs::write(&path, "{").unwrap();
        let error = rules.bundle(&good.version()).await.unwrap_err();
        assert!(matches!(&error, PortError::Refused(text) if text.contains("not a bundle")), "{error}");

        rules.keep(&good).await.unwrap();
        assert_eq!(rules.bundle(&good.version()).await.unwrap(), good);
    }

    #[tokio::test]
    async fn a_bundle_that_is_too_large_is_neither_kept_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let rules = FolderRules::new(folder.path());
        let large = bundle(&"x".repeat(MAX_STORED_BYTES));

        assert!(matches!(rules.keep(&large).await, Err(PortError::Refused(_))));

        fs::create_dir_all(&rules.folder).unwrap();
        fs::write(rules.path(&large.version()), serde_json::to_vec(&large).unwrap()).unwrap();
        assert!(matches!(rules.bundle(&large.version()).await, Err(PortError::Refused(_))));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        fs::write(&file, "").unwrap();
        let error = FolderRules::new(&file).keep(&bundle("version: 1")).await.unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
    }
}
