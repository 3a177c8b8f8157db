//! Rules x organization -> desired. (types agreed; replaced on merge)

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{Account, AccountId, AssignmentKey, GroupId, Mode, PermissionSet, RuleId, UserId},
    rules::Index,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    Found(T),
    Absent,
    Failed(String),
}
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub groups: BTreeSet<String>,
    pub users: BTreeSet<String>,
    pub group_ids: BTreeSet<GroupId>,
    pub user_ids: BTreeSet<UserId>,
    pub permission_sets: bool,
}
pub fn needs(_index: &Index, _account: &Account) -> Needs {
    Needs::default()
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub groups: BTreeMap<String, Lookup<GroupId>>,
    pub users: BTreeMap<String, Lookup<UserId>>,
    pub group_ids: BTreeMap<GroupId, Lookup<()>>,
    pub user_ids: BTreeMap<UserId, Lookup<()>>,
    pub permission_sets: Lookup<Vec<PermissionSet>>,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    pub account: AccountId,
    pub wanted: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    pub forbidden: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    pub frozen: BTreeMap<RuleId, String>,
    pub grants_frozen: Option<String>,
    pub waiting: BTreeSet<(RuleId, Missing)>,
}
pub fn desired(_index: &Index, account: &Account, _facts: &Facts) -> Desired {
    Desired {
        account: account.id.clone(),
        wanted: BTreeMap::new(),
        forbidden: BTreeMap::new(),
        frozen: BTreeMap::new(),
        grants_frozen: None,
        waiting: BTreeSet::new(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    Group(String),
}
