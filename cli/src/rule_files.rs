//! Reading rule files from the disk into a bundle.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use shared::rules::Bundle;

use crate::Failure;

/// No more than this is read of a file, in bytes; the reader of the language says what is too long.
const READ_AT_MOST: u64 = 16 * 1024 * 1024;

/// The files under the names they were given by: what diagnostics show.
pub(crate) fn read(files: &[PathBuf]) -> Result<Bundle, Failure> {
    let mut bundle = Bundle { files: std::collections::BTreeMap::new() };
    for path in files {
        let name = path.display().to_string();
        let text = text(path)?;
        if bundle.files.insert(name.clone(), text).is_some() {
            return Err(Failure::RulesTwice { path: name });
        }
    }
    Ok(bundle)
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::RulesFile { path: path.display().to_string(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mut bytes = Vec::new();
    file.take(READ_AT_MOST).read_to_end(&mut bytes).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| Failure::RulesNotText {
        path: path.display().to_string(),
        at: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_file_that_is_missing_a_folder_or_no_text_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.yaml");
        assert!(read(&[missing]).unwrap_err().to_string().contains("missing.yaml"));
        assert!(matches!(read(&[folder.path().to_owned()]), Err(Failure::RulesFile { .. })));
        let binary = file(folder.path(), "binary", b"ab\xff");
        assert!(matches!(read(&[binary]), Err(Failure::RulesNotText { at: 2, .. })));
    }

    #[test]
    fn one_file_given_twice_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "a.yaml", b"version: 1");
        assert!(matches!(read(&[path.clone(), path]), Err(Failure::RulesTwice { .. })));
    }

    #[test]
    fn the_version_does_not_depend_on_where_the_file_is_read_from() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let version = |folder: &Path| {
            read(&[file(folder, "rules.yaml", b"version: 1")]).unwrap().with_short_names().version()
        };
        assert_eq!(version(one.path()), version(other.path()));
    }
}
