//! What identifies a rule, and how far it may go.

use super::id::id;

id!(
    /// A rule's name in its document: letters, digits, `-`, `_` and `.`, at most 64.
    RuleId, "a rule's id: up to 64 letters, digits, `-`, `_` or `.`, such as developers-in-development",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
);

id!(
    /// One immutable set of rule documents: the SHA-256 of their names and contents, in hexadecimal.
    RulesVersion, "a version of the rules: 64 hexadecimal digits",
    |text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

id!(
    /// A team's name in the root document: letters, digits, `-`, `_` and `.`, at most 64.
    TeamId, "a team's id: up to 64 letters, digits, `-`, `_` or `.`, such as payments",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
);

impl RulesVersion {
    /// Of a digest just made: 64 lower-case hexadecimal digits.
    pub(crate) fn of_digest(hex: String) -> Self {
        Self(hex.into())
    }

    /// The first twelve digits: enough for people to tell versions apart.
    pub fn short(&self) -> &str {
        self.as_str().get(..12).unwrap_or_default()
    }
}

/// How far Usher may go. The stricter of the document's and the rule's holds, so the order matters: stricter is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Plans, and writes nothing.
    Observe,
    /// Grants, and never revokes.
    CreateOnly,
    /// Grants and revokes.
    Sync,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::CreateOnly => "create-only",
            Self::Sync => "sync",
        })
    }
}
