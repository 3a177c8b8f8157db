//! What the rules want in one account: rules and looked-up names become assignment keys.
//!
//! Missing is not empty. A look-up that failed freezes what rests on it; only a name that is proved absent wants nothing.

mod awaited;
mod catalogue;
mod desired;
mod missing;
mod names;
mod needs;
mod out_of_reach;
mod why;

use std::collections::{BTreeMap, BTreeSet};

pub use awaited::{Awaited, Unkept, awaited};
pub use catalogue::Catalogue;
pub use desired::{Desired, Recreated, desired};
pub use missing::{Missing, NamedBy};
pub use needs::{Needs, needs};
pub use out_of_reach::OutOfReach;
pub use why::{
    Condition, NeverWhy, OneScopeWhy, PrincipalOutcome, PrincipalWhy, Question, RuleWhy, ScopeWhy,
    SetOutcome, SetWhy, Why, why,
};

use crate::domain::{GroupId, PermissionSetArn, UserId};

/// How a look-up ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    Found(T),
    /// AWS said that there is no such thing.
    Absent,
    /// Nothing is known: throttled, denied, in part, or not looked up. With the reason, without names of people.
    Failed(String),
}

/// What was looked up. A name or id that is not in its map counts as failed, never as absent.
#[derive(Debug, Clone)]
pub struct Facts {
    pub groups: BTreeMap<String, Lookup<GroupId>>,
    /// Whether a pinned group exists.
    pub group_ids: BTreeMap<GroupId, Lookup<()>>,
    pub users: BTreeMap<String, Lookup<UserId>>,
    /// Whether a pinned user exists.
    pub user_ids: BTreeMap<UserId, Lookup<()>>,
    /// The users who are members of a group, all of them.
    pub members: BTreeMap<GroupId, Lookup<BTreeSet<UserId>>>,
    /// The groups whose members are asked for, by display name. They are doubted where `groups` is not: who loses access by a
    /// wrong answer are people who are still there.
    pub member_groups: BTreeMap<String, Lookup<GroupId>>,
    /// The whole catalogue of the instance; [`Lookup::Absent`] is the same as an empty one.
    pub permission_sets: Lookup<Catalogue>,
    /// The permission set that a name stands for: the one that bore it first, or that a person has confirmed since. A name that
    /// no rule has found yet is not in it.
    pub confirmed: BTreeMap<String, PermissionSetArn>,
}

#[cfg(test)]
mod tests;
