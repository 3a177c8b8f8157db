//! What a bundle says, once it has been read.

use std::{fmt, sync::Arc};

use crate::domain::{Mode, RuleId};

use super::selector::{AccountSelector, PermissionSetSelector, PrincipalSelector};

/// The rules that come into force together, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    pub settings: Settings,
    pub never: Vec<Never>,
    pub rules: Vec<Rule>,
}

/// What holds for the whole rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub mode: Mode,
    pub guardrails: Guardrails,
}

/// How much may change for one cause before a person must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guardrails {
    /// Assignments deleted. The larger of this and `max_delete_percent` holds.
    pub max_deletes: u32,
    /// Assignments deleted, in per cent of those that are ours.
    pub max_delete_percent: u32,
    /// Assignments created.
    pub max_creates: u32,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self { max_deletes: 25, max_delete_percent: 5, max_creates: 500 }
    }
}

/// Which principals get which permission sets in which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: RuleId,
    /// The stricter of the document's mode and the rule's own.
    pub mode: Mode,
    pub principals: Vec<PrincipalSelector>,
    pub permission_sets: Vec<PermissionSetSelector>,
    pub accounts: AccountSelector,
    pub written_at: WrittenAt,
}

/// What no rule may give, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// To whom; `None` is everybody.
    pub principals: Option<Vec<PrincipalSelector>>,
    pub permission_sets: Vec<PermissionSetSelector>,
    pub accounts: AccountSelector,
    pub written_at: WrittenAt,
}

/// Where in the bundle something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenAt {
    /// The file's name in its bundle.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: usize,
}

/// `rules.yaml:12`
impl fmt::Display for WrittenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
