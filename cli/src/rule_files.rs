//! Reading rule files from the disk into a bundle.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use shared::rules::Bundle;

use crate::{
    Failure,
    screen::{count, line},
};

/// No more than this is read of a file, in bytes; the reader of the language says what is too long.
const READ_AT_MOST: u64 = 16 * 1024 * 1024;
/// A folder with more entries than this, or nested deeper, is hardly a folder of rules.
const ENTRIES: usize = 10_000;
const DEPTH: usize = 16;
/// So many files are told by name.
const TOLD: usize = 4;

/// Rules as they were read, not yet understood.
#[derive(Debug)]
pub(crate) struct RuleFiles {
    /// What is looked at for mistakes: files under the names that they were given by, so that they are found again.
    pub(crate) shown: Bundle,
    /// What comes into force: files under their path, with `/`, from the folder that was given or that all of them are in. From
    /// wherever the rules are applied, they have one version.
    pub(crate) bundle: Bundle,
    /// The files as they were given, in the order of their names in the bundle.
    pub(crate) files: Vec<String>,
}

/// Reads these files, and what is in these folders.
pub(crate) fn read(paths: &[PathBuf]) -> Result<RuleFiles, Failure> {
    let mut found = BTreeMap::new();
    let only_files = !paths.iter().any(|path| path.is_dir());
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if metadata.is_dir() {
            for (name, file) in Folder::read(path)? {
                add(&mut found, name, file)?;
            }
        } else {
            // Beside a folder a file counts as one at its top.
            let name =
                if only_files { path.as_os_str() } else { path.file_name().unwrap_or(path.as_os_str()) };
            let name = name.to_str().ok_or_else(|| Failure::RulesOddName { path: told_path(path) })?;
            add(&mut found, name.to_owned(), path.clone())?;
        }
    }
    let mut shown = Bundle { files: BTreeMap::new() };
    let mut files = Vec::new();
    for (name, path) in found {
        shown.files.insert(name, text(&path)?);
        files.push(told_path(&path));
    }
    for name in shown.policy_files() {
        if let Some(text) = policy(&name, paths, only_files)? {
            shown.files.insert(name, text);
        }
    }
    let bundle = if only_files { shown.with_short_names() } else { shown.clone() };
    Ok(RuleFiles { shown, bundle, files })
}

/// The text of a policy's file that the rules name; `None` if there is none, which the reader of the language tells where it is named.
fn policy(name: &str, paths: &[PathBuf], only_files: bool) -> Result<Option<String>, Failure> {
    let folders = paths.iter().filter(|path| path.is_dir());
    let places: Vec<PathBuf> = if only_files {
        vec![PathBuf::from(name)]
    } else {
        folders.map(|folder| folder.join(name)).collect()
    };
    let Some(path) = places.into_iter().find(|path| path.exists()) else { return Ok(None) };
    // It is named by its way from the folder of the rules, so it is in there, but for what links lead to.
    let depth = if only_files { policy_depth(name, paths) } else { Path::new(name).components().count() };
    let folder = path.ancestors().nth(depth).filter(|folder| !folder.as_os_str().is_empty());
    let real = |path: &Path| fs::canonicalize(path).map_err(|source| unreadable(path, source));
    if !real(&path)?.starts_with(real(folder.unwrap_or(Path::new(".")))?) {
        return Err(Failure::RulesLink { path: told_path(&path) });
    }
    text(&path).map(Some)
}

/// How many parts of a policy's path lie below the folder of the rules that were given as files.
fn policy_depth(name: &str, paths: &[PathBuf]) -> usize {
    let above = paths.iter().filter_map(|path| path.parent()).map(|folder| folder.components().count()).min();
    Path::new(name).components().count().saturating_sub(above.unwrap_or_default())
}

/// The files in a few words.
pub(crate) fn told(files: &[String]) -> String {
    let named: Vec<&str> = files.iter().take(TOLD).map(String::as_str).collect();
    let named = line(&named.join(", "));
    match files.len().saturating_sub(TOLD) {
        0 => named,
        more => format!("{named} and {}", count(more, "more file", "more files")),
    }
}

fn add(found: &mut BTreeMap<String, PathBuf>, name: String, path: PathBuf) -> Result<(), Failure> {
    match found.get(&name) {
        Some(first) if *first == path => Err(Failure::RulesTwice { path: told_path(&path) }),
        Some(first) => {
            Err(Failure::RulesSameName { name, first: told_path(first), second: told_path(&path) })
        }
        None => {
            found.insert(name, path);
            Ok(())
        }
    }
}

fn told_path(path: &Path) -> String {
    path.display().to_string()
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    Failure::RulesFile { path: told_path(path), source }
}

/// A folder of rules: every `.yaml` and `.yml` file below it. What is hidden is passed over.
struct Folder {
    /// Where it really is: nothing outside is read.
    real: PathBuf,
    /// Files by their path from the folder.
    files: BTreeMap<String, PathBuf>,
    entries: usize,
}

impl Folder {
    fn read(path: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
        let real = fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
        let mut folder = Self { real, files: BTreeMap::new(), entries: 0 };
        folder.walk(path, "", 0)?;
        if folder.files.is_empty() {
            return Err(Failure::RulesNone { path: told_path(path) });
        }
        Ok(folder.files)
    }

    fn walk(&mut self, at: &Path, prefix: &str, depth: usize) -> Result<(), Failure> {
        for entry in fs::read_dir(at).map_err(|source| unreadable(at, source))? {
            let entry = entry.map_err(|source| unreadable(at, source))?;
            let path = entry.path();
            self.entries += 1;
            if self.entries > ENTRIES || depth > DEPTH {
                return Err(Failure::RulesTooMany { path: told_path(&self.real) });
            }
            let odd = entry.file_name();
            let Some(name) = odd.to_str() else {
                // Only what would be read needs a name that can be written down.
                if is_rules(&odd.to_string_lossy()) {
                    return Err(Failure::RulesOddName { path: told_path(&path) });
                }
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(|source| unreadable(&path, source))?;
            let inner = format!("{prefix}{name}");
            if kind.is_dir() {
                self.walk(&path, &format!("{inner}/"), depth + 1)?;
            } else if kind.is_symlink() {
                self.link(inner, path)?;
            } else if is_rules(name) {
                self.files.insert(inner, path);
            }
        }
        Ok(())
    }

    /// A link is followed inside the folder only, and not to a folder, whose files are read where they are. One that leads
    /// out is refused rather than passed over: rules that are not read look like rules that are gone.
    fn link(&mut self, name: String, path: PathBuf) -> Result<(), Failure> {
        let target = fs::canonicalize(&path);
        let leads_to_folder = target.as_ref().is_ok_and(|target| target.is_dir());
        if !is_rules(&name) && !leads_to_folder {
            return Ok(());
        }
        let target = target.map_err(|source| unreadable(&path, source))?;
        if !target.starts_with(&self.real) {
            return Err(Failure::RulesLink { path: told_path(&path) });
        }
        if !leads_to_folder {
            self.files.insert(name, path);
        }
        Ok(())
    }
}

fn is_rules(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = |source| unreadable(path, source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mut bytes = Vec::new();
    file.take(READ_AT_MOST).read_to_end(&mut bytes).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| Failure::RulesNotText {
        path: told_path(path),
        at: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn names(read: &RuleFiles) -> Vec<&str> {
        read.bundle.files.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_file_that_is_missing_or_no_text_and_a_folder_without_rules_are_told_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.yaml");
        assert!(read(&[missing]).unwrap_err().to_string().contains("missing.yaml"));
        file(folder.path(), "readme.md", b"no rules");
        assert!(matches!(read(&[folder.path().to_owned()]), Err(Failure::RulesNone { .. })));
        let binary = file(folder.path(), "binary", b"ab\xff");
        assert!(matches!(read(&[binary]), Err(Failure::RulesNotText { at: 2, .. })));
    }

    #[test]
    fn one_file_given_twice_is_an_error_and_so_are_two_of_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "a.yaml", b"version: 1");
        assert!(matches!(read(&[path.clone(), path.clone()]), Err(Failure::RulesTwice { .. })));
        let other = file(folder.path(), "b/a.yaml", b"version: 1");
        assert_eq!(names(&read(&[path.clone(), other]).unwrap()), ["a.yaml", "b/a.yaml"]);
        let folder = folder.path().join("b");
        assert!(matches!(read(&[path, folder]), Err(Failure::RulesSameName { .. })));
    }

    #[test]
    fn the_version_does_not_depend_on_where_file_or_folder_are() {
        let version = |paths: &[PathBuf]| read(paths).unwrap().bundle.version();
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rules = |folder: &Path| file(folder, "rules.yaml", b"version: 1");
        assert_eq!(version(&[rules(one.path())]), version(&[rules(other.path())]));

        for folder in [one.path(), other.path()] {
            file(folder, "teams/payments.yaml", b"rules: []");
        }
        let folders = [one.path().to_owned(), other.path().join("teams/..")];
        assert_eq!(version(&folders[..1]), version(&folders[1..]));
    }

    #[test]
    fn a_folder_means_every_rule_file_below_it_and_nothing_that_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "usher.yaml",
            "teams/a.yml",
            "teams/x/b.yaml",
            ".hidden.yaml",
            ".git/c.yaml",
            "notes.txt",
            "yaml",
        ] {
            file(folder.path(), name, b"version: 1");
        }
        let read = read(&[folder.path().to_owned()]).unwrap();
        assert_eq!(names(&read), ["teams/a.yml", "teams/x/b.yaml", "usher.yaml"]);
        assert_eq!(
            read.files,
            [
                folder.path().join("teams/a.yml").display().to_string(),
                folder.path().join("teams/x/b.yaml").display().to_string(),
                folder.path().join("usher.yaml").display().to_string(),
            ]
        );
        assert_eq!(read.shown, read.bundle);
    }

    const WITH_POLICY: &[u8] =
        b"version: 1\npermission_sets: [{ name: A, inline_policy: { file: policies/a.json } }]";

    #[test]
    fn a_policy_s_file_that_the_rules_name_is_part_of_them_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "usher.yaml", WITH_POLICY);
        file(folder.path(), "usher-rules.schema.json", b"{}");
        assert_eq!(
            names(&read(std::slice::from_ref(&path)).unwrap()),
            ["usher.yaml"],
            "told where it is named"
        );
        file(folder.path(), "policies/a.json", b"{}");
        file(folder.path(), "policies/b.json", b"{}");
        for paths in [vec![path], vec![folder.path().to_owned()]] {
            let read = read(&paths).unwrap();
            assert_eq!(names(&read), ["policies/a.json", "usher.yaml"], "{paths:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_policy_s_file_that_is_a_link_out_of_the_folder_is_refused() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = file(folder.path(), "usher.yaml", WITH_POLICY);
        fs::create_dir(folder.path().join("policies")).unwrap();
        let secret = file(outside.path(), "a.json", b"{}");
        std::os::unix::fs::symlink(secret, folder.path().join("policies/a.json")).unwrap();
        for paths in [vec![path], vec![folder.path().to_owned()]] {
            assert!(matches!(read(&paths), Err(Failure::RulesLink { .. })), "{paths:?}");
        }
    }

    #[test]
    fn a_single_file_is_shown_as_it_was_given_and_kept_under_its_bare_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "rules.yaml", b"version: 1");
        let read = read(std::slice::from_ref(&path)).unwrap();
        assert_eq!(names(&read), ["rules.yaml"]);
        assert!(read.shown.files.contains_key(path.to_str().unwrap()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused_and_one_inside_is_followed() {
        use std::os::unix::fs::symlink;
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        file(folder.path(), "..data/usher.yaml", b"version: 1");
        symlink("..data/usher.yaml", folder.path().join("usher.yaml")).unwrap();
        symlink(".", folder.path().join("round")).unwrap();
        let paths = [folder.path().to_owned()];
        assert_eq!(names(&read(&paths).unwrap()), ["usher.yaml"]);

        let secret = file(outside.path(), "secret", b"secret");
        let link = folder.path().join("more.yaml");
        symlink(secret, &link).unwrap();
        assert!(matches!(read(&paths), Err(Failure::RulesLink { .. })));
        fs::remove_file(&link).unwrap();
        symlink(outside.path(), folder.path().join("more")).unwrap();
        assert!(matches!(read(&paths), Err(Failure::RulesLink { .. })));
    }

    #[test]
    fn many_files_are_told_in_a_few_words() {
        let files: Vec<String> = (0..7).map(|number| format!("{number}.yaml")).collect();
        assert_eq!(told(&files[..2]), "0.yaml, 1.yaml");
        assert_eq!(told(&files), "0.yaml, 1.yaml, 2.yaml, 3.yaml and 3 more files");
    }
}
