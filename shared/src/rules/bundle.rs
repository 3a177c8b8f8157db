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
}
