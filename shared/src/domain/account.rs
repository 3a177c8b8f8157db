//! Accounts and where they stand in the organization.

use super::{
    Tags,
    id::{id, lower_alphanumeric},
};

id!(
    /// An AWS account's id: twelve digits.
    AccountId, "an account id of 12 digits, such as 111122223333",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

id!(
    /// An organizational unit's id: `ou-`, four to thirty-two characters of its root, a dash, eight to thirty-two more.
    OuId, "an organizational unit's id, such as ou-ab12-cdefgh34",
    |text| text
        .strip_prefix("ou-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(root, own)| lower_alphanumeric(root, 4..=32) && lower_alphanumeric(own, 8..=32))
);

id!(
    /// The id of the organization's root: `r-` and four to thirty-two characters.
    RootId, "a root's id, such as r-ab12",
    |text| text.strip_prefix("r-").is_some_and(|own| lower_alphanumeric(own, 4..=32))
);

/// What an account or an OU hangs below: the root or an OU.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParentId {
    Root(RootId),
    Ou(OuId),
}

impl std::str::FromStr for ParentId {
    type Err = super::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("r-") { text.parse().map(Self::Root) } else { text.parse().map(Self::Ou) }
    }
}

impl std::fmt::Display for ParentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(id) => id.fmt(f),
            Self::Ou(id) => id.fmt(f),
        }
    }
}

/// The life of an account in its organization (`State` of Organizations; the older `Status` is read where `State` is missing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountState {
    PendingActivation,
    Active,
    Suspended,
    PendingClosure,
    Closed,
    /// A state that AWS has added since: never written to.
    Unknown,
}

impl AccountState {
    /// Only an active account is written to.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

/// One organizational unit on the way from the root to an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct OrganizationalUnit {
    pub id: OuId,
    /// Its name, unique among its siblings; it can be renamed, its id stays.
    pub name: String,
}

/// The way from the root down to an account's parent, outermost first; empty for an account directly below the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct OuPath(pub Vec<OrganizationalUnit>);

impl OuPath {
    /// The OUs, outermost first.
    pub fn units(&self) -> &[OrganizationalUnit] {
        &self.0
    }

    /// The OU that the account is directly in.
    pub fn innermost(&self) -> Option<&OrganizationalUnit> {
        self.0.last()
    }

    /// Whether the way leads through this OU.
    pub fn contains(&self, ou: &OuId) -> bool {
        self.0.iter().any(|unit| unit.id == *ou)
    }
}

/// Prints the names, as rules write them: `Workloads/Development`.
impl std::fmt::Display for OuPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (depth, unit) in self.0.iter().enumerate() {
            if depth > 0 {
                f.write_str("/")?;
            }
            f.write_str(&unit.name)?;
        }
        Ok(())
    }
}

/// What rules can see of an account. It exists only when all of it has been read: there is no account with unknown tags.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub state: AccountState,
    pub path: OuPath,
    pub tags: Tags,
    /// The organization's management account is in no selection but the one by its id.
    pub is_management: bool,
}
