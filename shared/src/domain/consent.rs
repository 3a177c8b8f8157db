//! What consent is about: a plan by its hash, and the consent itself by its id.

use super::id::id;

id!(
    /// A whole plan: the SHA-256 of what it does and withholds under one version of the rules, in hexadecimal.
    PlanHash, "a plan's hash: 64 hexadecimal digits",
    |text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

id!(
    /// One act of consent: what a person approved, held, adopted or stopped, at one moment.
    ConsentId, "a consent's id: 16 hexadecimal digits",
    |text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl PlanHash {
    /// Of a digest just made.
    pub(crate) fn of_digest(digest: &[u8; 32]) -> Self {
        Self(hex(digest).into())
    }

    /// The first twelve digits: enough for people to tell plans apart.
    pub fn short(&self) -> &str {
        self.as_str().get(..12).unwrap_or_default()
    }
}

impl ConsentId {
    /// The first half of a digest's first half: nobody consents often enough for two to meet.
    pub(crate) fn of_digest(digest: &[u8; 32]) -> Self {
        let (head, _) = digest.split_at(8);
        Self(hex(head).into())
    }
}

/// Two lower-case digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
