//! What there is, as it was read: whole, or it would not be here.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Account, AccountId, AssignmentKey, PermissionSet, PermissionSetArn, Principal};

use super::place::can_be_written;

/// An organization with its assignments.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// All accounts of the organization.
    pub accounts: BTreeMap<AccountId, Account>,
    /// All permission sets of the instance.
    pub sets: BTreeMap<PermissionSetArn, PermissionSet>,
    /// Everybody whom the directory knows, with their names: who is not in it has been deleted.
    pub principals: BTreeMap<Principal, String>,
    pub assignments: BTreeSet<AssignmentKey>,
    /// Principals whose names are only what they are called in a template: rules pin them.
    pub pinned: BTreeSet<Principal>,
}

/// How rules name somebody, or a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named<'a> {
    /// By a name that nobody else bears.
    ByName(&'a str),
    /// By the id: the name is another's too, or can't be written. It is told beside it.
    Pinned { name: &'a str },
}

/// The names of principals, and how many of a kind bear each. Upper and lower case make no difference here: whether they do for AWS is not
/// said, and a name that is taken for another's gives access to somebody else.
#[derive(Debug, Default)]
pub(super) struct Bearers<'a> {
    groups: BTreeMap<String, usize>,
    users: BTreeMap<String, usize>,
    names: BTreeMap<&'a Principal, &'a str>,
    pinned: Option<&'a BTreeSet<Principal>>,
}

impl<'a> Bearers<'a> {
    pub(super) fn of(existing: &'a Existing) -> Self {
        let mut bearers = Self { pinned: Some(&existing.pinned), ..Self::default() };
        for (principal, name) in &existing.principals {
            *bearers.of_kind_mut(principal).entry(name.to_lowercase()).or_default() += 1;
            bearers.names.insert(principal, name);
        }
        bearers
    }

    fn of_kind_mut(&mut self, principal: &Principal) -> &mut BTreeMap<String, usize> {
        match principal {
            Principal::Group(_) => &mut self.groups,
            Principal::User(_) => &mut self.users,
        }
    }

    pub(super) fn named(&self, principal: &Principal) -> Named<'a> {
        let name = self.names.get(principal).copied().unwrap_or_default();
        let of_kind = match principal {
            Principal::Group(_) => &self.groups,
            Principal::User(_) => &self.users,
        };
        let is_only = of_kind.get(&name.to_lowercase()) == Some(&1);
        let is_pinned = self.pinned.is_some_and(|pinned| pinned.contains(principal));
        if !is_pinned && is_only && can_be_written(name) && !name.contains(['{', '}']) {
            Named::ByName(name)
        } else {
            Named::Pinned { name }
        }
    }
}

/// How rules name a permission set.
pub(super) fn set_named<'a>(arn: &PermissionSetArn, existing: &'a Existing) -> Named<'a> {
    let name = existing.sets.get(arn).map(|set| set.name.as_str()).unwrap_or_default();
    let is_only = existing.sets.values().filter(|set| set.name == name).count() == 1;
    if is_only && can_be_written(name) && !name.contains(['{', '}']) {
        Named::ByName(name)
    } else {
        Named::Pinned { name }
    }
}
