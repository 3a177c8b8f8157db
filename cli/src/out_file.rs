//! Files that a command writes: whole, or not at all, and never over what is there.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use shared::rules::{Bundle, ROOT_FILE};

use crate::{Failure, ImportFailure, Screen, screen::count};

/// Where a result goes.
#[derive(Debug)]
pub(crate) enum Out {
    Screen,
    /// A file, by its ending.
    File(PathBuf),
    Folder(PathBuf),
}

impl Out {
    /// What a path means. What is there already is refused before anything is read.
    pub(crate) fn of(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Screen) };
        if path.symlink_metadata().is_ok() {
            return Err(ImportFailure::OutExists { path: path.display().to_string() }.into());
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        Ok(if matches!(ending, "yaml" | "yml" | "json" | "template") {
            Self::File(path.to_owned())
        } else {
            Self::Folder(path.to_owned())
        })
    }

    /// The same for a rule document, which is YAML.
    pub(crate) fn of_rules(path: Option<&Path>) -> Result<Self, Failure> {
        let out = Self::of(path)?;
        if let Self::File(path) = &out
            && !path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            return Err(ImportFailure::OutNotYaml { path: path.display().to_string() }.into());
        }
        Ok(out)
    }

    /// Writes the files of a bundle.
    pub(crate) fn write(&self, bundle: &Bundle, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let files = &bundle.files;
        let only = files.get(ROOT_FILE).or_else(|| files.values().next()).filter(|_| files.len() == 1);
        match (self, only) {
            (Self::Screen, Some(text)) => screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?,
            (Self::File(path), Some(text)) => {
                new_file(path, text).map_err(|source| unwritten(path, source))?;
            }
            (Self::Screen | Self::File(_), None) => {
                return Err(ImportFailure::NeedsFolder { files: files.len() }.into());
            }
            (Self::Folder(path), _) => new_folder(path, bundle).map_err(|source| unwritten(path, source))?,
        }
        self.told(files.len(), screen)
    }

    /// Writes templates, with what is needed to take their resources over. One template alone can go to a file or to the screen, without that.
    pub(crate) fn write_templates(&self, bundle: &Bundle, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let templates: Vec<&String> = bundle
            .files
            .iter()
            .filter(|(name, _)| !name.ends_with(".import.json"))
            .map(|(_, text)| text)
            .collect();
        match (self, templates.as_slice()) {
            (Self::Folder(path), _) => new_folder(path, bundle).map_err(|source| unwritten(path, source))?,
            (Self::Screen, [only]) => screen.out.write_all(only.as_bytes()).map_err(Failure::Output)?,
            (Self::File(path), [only]) => new_file(path, only).map_err(|source| unwritten(path, source))?,
            (Self::Screen | Self::File(_), several) => {
                return Err(ImportFailure::NeedsFolder { files: several.len() }.into());
            }
        }
        self.told(bundle.files.len(), screen)
    }

    fn told(&self, files: usize, screen: &mut Screen<'_>) -> Result<(), Failure> {
        if let Self::File(path) | Self::Folder(path) = self {
            let files = if matches!(self, Self::File(_)) { 1 } else { files };
            let told = format!("Written: {} ({}).\n", path.display(), count(files, "file", "files"));
            screen.err.write_all(told.as_bytes()).map_err(Failure::Output)?;
        }
        Ok(())
    }
}

pub(crate) fn unwritten(path: &Path, source: io::Error) -> Failure {
    ImportFailure::OutFile { path: path.display().to_string(), source }.into()
}

/// The folder that a path is in.
fn beside(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file of this text under a name that nothing has.
pub(crate) fn new_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(beside(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// A folder of these files under a name that nothing has.
fn new_folder(path: &Path, bundle: &Bundle) -> io::Result<()> {
    let folder = tempfile::tempdir_in(beside(path))?;
    for (name, text) in &bundle.files {
        fs::write(folder.path().join(name), text)?;
    }
    // A rename takes the place of an empty folder; what else is there is left alone.
    fs::rename(folder.path(), path)?;
    // It is not there under its first name any more, so there is nothing to clean up.
    let _ = folder.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(names: &[&str]) -> Bundle {
        Bundle { files: names.iter().map(|name| ((*name).to_owned(), format!("# {name}\n"))).collect() }
    }

    fn write(out: &Out, bundle: &Bundle) -> Result<String, Failure> {
        let (mut written, mut err) = (Vec::new(), Vec::new());
        out.write(bundle, &mut Screen::plain(&mut written, &mut err))?;
        Ok(String::from_utf8(written).unwrap())
    }

    #[test]
    fn a_file_is_whole_or_not_there_and_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        write(&Out::of(Some(&path)).unwrap(), &bundle(&["usher.yaml"])).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# usher.yaml\n");
        assert!(matches!(Out::of(Some(&path)), Err(Failure::Import(ImportFailure::OutExists { .. }))));
        assert!(matches!(
            write(&Out::File(path), &bundle(&["usher.yaml"])),
            Err(Failure::Import(ImportFailure::OutFile { .. }))
        ));
        let missing = folder.path().join("missing/rules.yaml");
        assert!(matches!(
            write(&Out::File(missing), &bundle(&["usher.yaml"])),
            Err(Failure::Import(ImportFailure::OutFile { .. }))
        ));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn several_files_need_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let several = bundle(&["usher.yaml", "imported-0002.yaml"]);
        assert!(matches!(
            write(&Out::Screen, &several),
            Err(Failure::Import(ImportFailure::NeedsFolder { files: 2 }))
        ));
        let path = folder.path().join("rules");
        write(&Out::of(Some(&path)).unwrap(), &several).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(write(&Out::Screen, &bundle(&["usher.yaml"])).unwrap(), "# usher.yaml\n");
    }
}
