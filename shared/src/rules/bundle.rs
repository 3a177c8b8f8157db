//! A bundle: one immutable set of rule documents, named by its content.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use crate::domain::RulesVersion;

/// The rule documents that come into force together, by file name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// File name to content. The names are what diagnostics show.
    pub files: BTreeMap<String, String>,
}

impl Bundle {
    /// Its version: the SHA-256 over every file's name and content, each preceded by its length.
    pub fn version(&self) -> RulesVersion {
        let mut hash = Sha256::new();
        for part in self.files.iter().flat_map(|(name, content)| [name, content]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(hex, "{byte:02x}");
        }
        RulesVersion::of_digest(hex)
    }

    /// The same files, named from the folder that all of them are in: from wherever they are read, they have one version.
    pub fn with_short_names(&self) -> Self {
        let names = self.short_names();
        let short: BTreeMap<_, _> = names.into_iter().zip(self.files.values().cloned()).collect();
        if short.len() < self.files.len() {
            // One file under two names, such as `a` and `./a`: the reader refuses that.
            return self.clone();
        }
        Self { files: short }
    }

    /// The files' names from the folder that all of them are in, in the order of the files.
    pub(super) fn short_names(&self) -> Vec<String> {
        let paths: Vec<Vec<&str>> =
            self.files.keys().map(|name| name.split('/').filter(|part| *part != ".").collect()).collect();
        let folder = |path: &Vec<&str>| path.len().saturating_sub(1);
        let mut shared = paths.first().map_or(0, folder);
        for path in &paths {
            let same = paths.first().into_iter().flatten().zip(path).take_while(|(one, other)| one == other);
            shared = shared.min(same.count()).min(folder(path));
        }
        paths.iter().map(|path| path.get(shared..).unwrap_or_default().join("/")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(names: &[&str]) -> Bundle {
        Bundle { files: names.iter().map(|name| ((*name).to_owned(), format!("# {name}"))).collect() }
    }

    fn short(names: &[&str]) -> Vec<String> {
        let short = bundle(names).with_short_names();
        assert_eq!(short.with_short_names(), short);
        short.files.into_keys().collect()
    }

    #[test]
    fn names_are_shortened_by_the_folder_that_all_files_are_in() {
        assert_eq!(short(&["rules.yaml"]), ["rules.yaml"]);
        assert_eq!(short(&["/etc/usher/rules.yaml"]), ["rules.yaml"]);
        assert_eq!(short(&["a/b/usher.yaml", "a/b/teams/x.yaml"]), ["teams/x.yaml", "usher.yaml"]);
        assert_eq!(short(&["../usher.yaml", "../teams/x.yaml"]), ["teams/x.yaml", "usher.yaml"]);
        assert_eq!(short(&["./usher.yaml", "teams/x.yaml"]), ["teams/x.yaml", "usher.yaml"]);
        assert_eq!(short(&["ab/x.yaml", "abc/x.yaml"]), ["ab/x.yaml", "abc/x.yaml"]);
        assert_eq!(short(&["a", "a/b"]), ["a", "a/b"]);
        assert_eq!(short(&["", "/", "//x"]), ["", "/", "//x"]);
        assert_eq!(short(&[]), [""; 0]);
    }

    #[test]
    fn no_file_is_lost_where_short_names_are_the_same() {
        assert_eq!(short(&["a.yaml", "./a.yaml"]), ["./a.yaml", "a.yaml"]);
    }
}
