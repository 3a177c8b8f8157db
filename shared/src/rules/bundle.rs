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

/// Why something is no bundle. What is in it is never quoted: it may be anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBundle {
    #[error(
        "the name must end in `.json` for a bundle, as `usher rules bundle` writes it, or in `.yaml` for one rule document"
    )]
    Form,
    #[error("it is not text: byte {at} does not belong to UTF-8")]
    NotText { at: usize },
    #[error("it is not a bundle, as `usher rules bundle` writes it: see line {line}, column {column}")]
    NotABundle { line: usize, column: usize },
}

impl Bundle {
    /// Of an object: a bundle as JSON if its name says so, or one rule document, which is then named by the last part of the name.
    pub fn of_object(name: &str, content: Vec<u8>) -> Result<Self, NoBundle> {
        let last = name.rsplit('/').next().unwrap_or_default();
        match last.rsplit_once('.').map(|(_, end)| end) {
            Some("json") => {
                return serde_json::from_slice(&content)
                    .map_err(|error| NoBundle::NotABundle { line: error.line(), column: error.column() });
            }
            Some("yaml" | "yml") => {}
            Some(_) | None => return Err(NoBundle::Form),
        }
        let text = String::from_utf8(content)
            .map_err(|error| NoBundle::NotText { at: error.utf8_error().valid_up_to() })?;
        Ok(Self { files: [(last.to_owned(), text)].into() })
    }

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
    fn an_object_is_a_bundle_or_one_document_by_its_name() {
        let of = |name: &str, content: &[u8]| Bundle::of_object(name, content.to_vec());
        let document = Bundle { files: [("rules.yaml".to_owned(), "version: 1".to_owned())].into() };
        assert_eq!(of("incoming/a/rules.yaml", b"version: 1"), Ok(document.clone()));
        let json = serde_json::to_vec(&document).unwrap();
        assert_eq!(of("incoming/x.json", &json), Ok(document));
        assert_eq!(of("incoming/rules.txt", b""), Err(NoBundle::Form));
        assert_eq!(of("incoming/rules.yml", b"ab\xff"), Err(NoBundle::NotText { at: 2 }));
        for wrong in [&b""[..], b"[]", b"{\"files\": []}", b"{\"files\": {}, \"more\": 1}"] {
            assert!(matches!(of("x.json", wrong), Err(NoBundle::NotABundle { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn no_file_is_lost_where_short_names_are_the_same() {
        assert_eq!(short(&["a.yaml", "./a.yaml"]), ["./a.yaml", "a.yaml"]);
    }
}
