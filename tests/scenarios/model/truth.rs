//! What there is to see, without the eyes of the product.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use shared::domain::{Account, AccountId, GroupId, PermissionSet, Principal, UserId};
use simulator::World;

/// Everything that rules can see, as it really is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenarios) struct Truth {
    /// In the order of their ids, as all of this is.
    pub(in crate::scenarios) accounts: Arc<Vec<Account>>,
    pub(super) sets: Arc<Vec<PermissionSet>>,
    pub(super) groups: Arc<BTreeMap<String, GroupId>>,
    pub(super) users: Arc<BTreeMap<String, UserId>>,
    pub(super) members: Arc<BTreeMap<GroupId, BTreeSet<UserId>>>,
    /// Rules begin and end at whole minutes.
    pub(super) minute: Timestamp,
}

impl Truth {
    pub(in crate::scenarios) fn of(world: &World) -> Self {
        Self {
            accounts: world.accounts_now().into(),
            sets: world.permission_sets_now().into(),
            groups: world.groups_now().into(),
            users: world.users_now().into(),
            members: world.members_now().into(),
            minute: Timestamp::from_second(world.now().as_second() / 60 * 60).unwrap(),
        }
    }

    pub(in crate::scenarios) fn has(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Group(id) => self.groups.values().any(|group| group == id),
            Principal::User(id) => self.users.values().any(|user| user == id),
        }
    }

    pub(in crate::scenarios) fn account(&self, id: &AccountId) -> Option<&Account> {
        let at = self.accounts.binary_search_by(|account| account.id.cmp(id)).ok()?;
        self.accounts.get(at)
    }

    /// The same, and what is as it was is kept once.
    pub(in crate::scenarios) fn sharing(self, before: Option<&Self>) -> Self {
        fn kept<T: PartialEq>(now: Arc<T>, before: &Arc<T>) -> Arc<T> {
            if now == *before { Arc::clone(before) } else { now }
        }
        let Some(before) = before else { return self };
        let Self { accounts, sets, groups, users, members, minute } = self;
        Self {
            accounts: kept(accounts, &before.accounts),
            sets: kept(sets, &before.sets),
            groups: kept(groups, &before.groups),
            users: kept(users, &before.users),
            members: kept(members, &before.members),
            minute,
        }
    }
}
