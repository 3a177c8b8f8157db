//! What must be looked up to decide an account.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::Timestamp;

use super::desired::rules_at;
use crate::{
    domain::{Account, GroupId, UserId},
    rules::{Index, NameTemplate, PermissionSetSelector, PrincipalSelector, Scope},
};

/// What must be looked up to decide an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Groups, by display name.
    pub groups: BTreeSet<String>,
    pub group_ids: BTreeSet<GroupId>,
    /// Users, by user name.
    pub users: BTreeSet<String>,
    pub user_ids: BTreeSet<UserId>,
    /// Groups whose members are asked for, by display name; each is in `groups` too.
    pub members_of: BTreeSet<String>,
    pub members_of_ids: BTreeSet<GroupId>,
    /// The catalogue of all permission sets.
    pub permission_sets: bool,
    /// The tags of all of them.
    pub permission_set_tags: bool,
}

/// What must be looked up to decide this account at this time.
pub fn needs(index: &Index, account: &Account, now: Timestamp) -> Needs {
    let mut needs = Needs::default();
    let rules = rules_at(index, account, now);
    if rules.is_empty() {
        // With nothing to give, there is nothing for `never` to take out.
        return needs;
    }
    needs.permission_sets = true;
    let tagged = |sets: &[PermissionSetSelector]| {
        sets.iter().any(|set| matches!(set, PermissionSetSelector::Tagged(_)))
    };
    needs.permission_set_tags = rules.iter().any(|rule| {
        let scopes = index.limits_of(rule).unwrap_or_default();
        !rule.joins.is_empty() || tagged(&rule.permission_sets) || scopes.iter().any(Scope::looks_at_set_tags)
    }) || index
        .never_for(account)
        .into_iter()
        .any(|never| tagged(&never.permission_sets));
    for principal in rules.iter().flat_map(|rule| &rule.principals) {
        needs.add(principal, account);
    }
    for principal in index.never_for(account).into_iter().flat_map(|never| never.principals.iter().flatten())
    {
        match principal {
            // A pinned id is barred whether it exists or not.
            PrincipalSelector::GroupId(_) | PrincipalSelector::UserId(_) => {}
            PrincipalSelector::Group(_)
            | PrincipalSelector::User(_)
            | PrincipalSelector::MembersOf(_)
            | PrincipalSelector::MembersOfId(_) => needs.add(principal, account),
        }
    }
    needs
}

impl Needs {
    /// All of these needs and of those.
    pub fn merge(&mut self, more: Self) {
        let Self {
            groups,
            group_ids,
            users,
            user_ids,
            members_of,
            members_of_ids,
            permission_sets,
            permission_set_tags,
        } = more;
        self.groups.extend(groups);
        self.group_ids.extend(group_ids);
        self.users.extend(users);
        self.user_ids.extend(user_ids);
        self.members_of.extend(members_of);
        self.members_of_ids.extend(members_of_ids);
        self.permission_sets |= permission_sets;
        self.permission_set_tags |= permission_set_tags;
    }

    /// What has to be looked up for a principal in an account: nothing for a name that can't be made for it.
    fn add(&mut self, principal: &PrincipalSelector, account: &Account) {
        let name_for = |name: &NameTemplate| name.name_for(account).ok().map(Cow::into_owned);
        match principal {
            PrincipalSelector::Group(name) => self.groups.extend(name_for(name)),
            PrincipalSelector::User(name) => self.users.extend(name_for(name)),
            PrincipalSelector::MembersOf(name) => {
                self.groups.extend(name_for(name));
                self.members_of.extend(name_for(name));
            }
            PrincipalSelector::GroupId(id) => _ = self.group_ids.insert(id.clone()),
            PrincipalSelector::UserId(id) => _ = self.user_ids.insert(id.clone()),
            PrincipalSelector::MembersOfId(id) => _ = self.members_of_ids.insert(id.clone()),
        }
    }
}
