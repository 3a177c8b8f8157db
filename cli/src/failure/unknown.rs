//! What a person has named and what is not there, or is there more than once: told with what may be meant.

use shared::domain::AccountId;

use super::Failure;

/// Why it can't be told what a person means.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    #[error("there is no permission set `{name}`")]
    PermissionSet { name: String, nearest: Vec<String> },
    #[error("no user and no group is called `{name}`")]
    Nobody { name: String, nearest: Vec<String> },
    #[error("whether anybody is called `{name}` can't be told: {what} could not be read ({why})")]
    Untold { name: String, what: String, why: String },
    #[error("the organization has no account `{name}`")]
    Account { name: String, nearest: Vec<String> },
    #[error("the organization has no OU `{name}`")]
    Ou { name: String, nearest: Vec<String> },
    #[error("{what} called `{name}`: {}", found.join(", "))]
    Ambiguous { what: &'static str, name: String, found: Vec<String> },
    #[error(
        "account `{account}` is not in the organization any more; the ledger still has {rows} assignments of it"
    )]
    Departed { account: AccountId, rows: usize },
    #[error("an earlier `--what-if` is about the same place or tag of this account")]
    SupposedTwice,
    #[error("`--what-if {written}` can't be supposed")]
    WhatIf { written: String, source: Box<Failure> },
}

impl Unknown {
    /// What to do about it.
    pub(super) fn way_out(&self) -> Option<String> {
        Some(match self {
            Self::PermissionSet { nearest, .. } => {
                perhaps(nearest, "names are compared letter by letter; its own id works too: ps-…")
            }
            Self::Nobody { nearest, .. } => perhaps(
                nearest,
                "names are compared letter by letter; an id works too, and so do user:NAME and group:NAME",
            ),
            Self::Untold { .. } => "give the id, or try again once that can be read".to_owned(),
            Self::Account { nearest, .. } => {
                perhaps(nearest, "an account is told by its id or by its whole name")
            }
            Self::Ou { nearest, .. } => perhaps(
                nearest,
                "an OU is told by the names from the outermost down, such as Workloads/Production, or by its id",
            ),
            Self::Ambiguous { .. } => "say which one, by what is listed".to_owned(),
            Self::Departed { .. } => {
                "what the ledger has of it closes by itself after two looks; `usher status` shows what is left"
                    .to_owned()
            }
            Self::SupposedTwice => "suppose one of them, or one after the other".to_owned(),
            Self::WhatIf { source, .. } => return source.way_out(),
        })
    }
}

/// What may be meant, and how it is written.
fn perhaps(nearest: &[String], written: &str) -> String {
    match nearest {
        [] => written.to_owned(),
        near => format!("perhaps {} is meant; {written}", near.join(" or ")),
    }
}
