//! What a report is made of that takes long to read: kept between the runs of a reading that is too long for one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{AuditedSet, Unread, Way};
use crate::domain::{
    AccountId, AssignmentKey, GroupId, InstanceArn, PermissionSetArn, Principal, Tags, UserId,
};

/// Of drafts: one of another format is begun anew.
pub const DRAFT_FORMAT: u32 = 1;

/// A reading under way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Draft {
    pub format: u32,
    pub began: Timestamp,
    pub instance: InstanceArn,
    /// The permission sets that were there when it was begun.
    pub listed: Option<BTreeSet<PermissionSetArn>>,
    /// Those that have been read; `None` of one that was gone by then.
    pub sets: BTreeMap<PermissionSetArn, Option<AuditedSet>>,
    /// How assignments are asked for, once that is known.
    pub way: Option<Way>,
    /// What those have who were asked for.
    pub holdings: Vec<Holding>,
    /// Who is in those places that were asked for.
    pub places: Vec<Place>,
    /// The groups whose members were read; `None` of one that was gone by then.
    pub members: BTreeMap<GroupId, Option<BTreeSet<UserId>>>,
    /// The accounts whose tags came in no answer in bulk, once that is known.
    #[serde(default)]
    pub untold: Option<BTreeSet<AccountId>>,
    /// The tags of those of them that were asked; `None` of one whose could not be read.
    #[serde(default)]
    pub tags: BTreeMap<AccountId, Option<Tags>>,
    pub unread: BTreeSet<Unread>,
    pub changed_meanwhile: BTreeSet<String>,
}

/// Everything that one principal has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holding {
    pub principal: Principal,
    pub at: BTreeSet<(AccountId, PermissionSetArn)>,
}

/// Everybody who has one permission set in one account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    pub account: AccountId,
    pub permission_set: PermissionSetArn,
    pub principals: BTreeSet<Principal>,
}

impl Draft {
    /// A reading that begins now.
    pub fn begun(began: Timestamp, instance: InstanceArn) -> Self {
        Self {
            format: DRAFT_FORMAT,
            began,
            instance,
            listed: None,
            sets: BTreeMap::new(),
            way: None,
            holdings: Vec::new(),
            places: Vec::new(),
            members: BTreeMap::new(),
            untold: None,
            tags: BTreeMap::new(),
            unread: BTreeSet::new(),
            changed_meanwhile: BTreeSet::new(),
        }
    }

    /// The permission sets that were read.
    pub fn there(&self) -> impl Iterator<Item = &AuditedSet> {
        self.sets.values().flatten()
    }

    /// Where anything is provisioned.
    pub fn provisioned(&self) -> BTreeSet<(AccountId, PermissionSetArn)> {
        let of_set = |set: &AuditedSet| -> Vec<_> {
            set.provisioned.iter().map(|account| (account.clone(), set.arn.clone())).collect()
        };
        self.there().flat_map(of_set).collect()
    }

    /// Every assignment that was found, each once.
    pub fn present(&self) -> BTreeSet<AssignmentKey> {
        let key =
            |account: &AccountId, permission_set: &PermissionSetArn, principal: &Principal| AssignmentKey {
                account: account.clone(),
                permission_set: permission_set.clone(),
                principal: principal.clone(),
            };
        let held = self.holdings.iter().flat_map(|Holding { principal, at }| {
            at.iter().map(move |(account, set)| key(account, set, principal))
        });
        let placed = self.places.iter().flat_map(|Place { account, permission_set, principals }| {
            principals.iter().map(move |principal| key(account, permission_set, principal))
        });
        held.chain(placed).collect()
    }

    /// The groups that have something.
    pub fn groups(&self) -> BTreeSet<GroupId> {
        let principals = self.holdings.iter().filter(|holding| !holding.at.is_empty());
        let principals = principals.map(|holding| &holding.principal);
        let groups = principals.chain(self.places.iter().flat_map(|place| &place.principals));
        groups
            .filter_map(|principal| match principal {
                Principal::Group(group) => Some(group.clone()),
                Principal::User(_) => None,
            })
            .collect()
    }
}
