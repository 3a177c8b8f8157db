//! Why what a team may give can't be written or told.

use shared::{
    delegation::NoPolicy,
    domain::{InvalidId, TeamId},
};

/// Why there is no policy of a team.
#[derive(Debug, thiserror::Error)]
pub enum Undelegated {
    #[error("the rules have no team `{name}`")]
    Team { name: String, nearest: Vec<String>, all: Vec<String> },
    #[error("the team `{team}` has no scope: its files may give anything anywhere")]
    NoScope { team: TeamId },
    #[error("the team `{team}` has no scope {number}: it has {scopes}")]
    NoSuchScope { team: TeamId, number: u32, scopes: usize },
    #[error("the permission sets can't be read: {why}")]
    SetsUnread { why: String },
    #[error("no policy can be written for the team `{team}`")]
    NoPolicy { team: TeamId, scopes: usize, source: NoPolicy },
    #[error(
        "the policy of the team `{team}` is {over} characters too long for a permission set's inline policy"
    )]
    TooLong { team: TeamId, over: usize },
    #[error("no permission set can be called `{name}`")]
    NotASetName { name: String },
    #[error("`--session-duration` is none")]
    NotADuration(#[source] InvalidId),
}

impl Undelegated {
    /// What to do about it.
    pub(super) fn way_out(&self) -> String {
        match self {
            Self::Team { nearest, all, .. } if nearest.is_empty() && all.is_empty() => {
                "the root file lists teams under `teams`; it has none".to_owned()
            }
            Self::Team { nearest, all, .. } if nearest.is_empty() => {
                format!("the root file has {}", all.join(", "))
            }
            Self::Team { nearest, .. } => format!("perhaps {} is meant", nearest.join(" or ")),
            Self::NoScope { .. } => "give it a `scope` in the root file: without one there is nothing that a policy could be limited to".to_owned(),
            Self::NoSuchScope { .. } => "scopes are counted from 1, in the order of the root file".to_owned(),
            Self::SetsUnread { .. } => "try again: without the permission sets and their tags the policy would be another one".to_owned(),
            Self::NoPolicy { team, scopes, source: NoPolicy::Pairs(_) } => {
                let each: Vec<String> =
                    (1..=*scopes).map(|number| format!("`usher delegation policy {team} --scope {number}`")).collect();
                format!("write one for each scope, for a permission set of its own: {}", each.join(", "))
            }
            Self::NoPolicy { source: NoPolicy::NoAccount, .. } => {
                "`usher delegation who ACCOUNT` tells what teams may give in an account".to_owned()
            }
            Self::NoPolicy { source: NoPolicy::KeysByCase(_), .. } => {
                "ask for one of the keys in the root file, and write it so on the permission sets".to_owned()
            }
            Self::NoPolicy { source: NoPolicy::NoSet(_), .. } => {
                "names are compared letter by letter; make the permission sets first, or correct the scope".to_owned()
            }
            Self::TooLong { .. } => {
                "delegate the scopes one by one (--scope), or select fewer accounts; without --as-permission-set the policy is written all the same, to be split into customer managed policies".to_owned()
            }
            Self::NotASetName { .. } => "say another one with --name: up to 32 letters, digits and `_+=,.@-`".to_owned(),
            Self::NotADuration(_) => "from PT1H to PT12H".to_owned(),
        }
    }
}
