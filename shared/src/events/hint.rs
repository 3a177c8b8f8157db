//! What events ask to look at again; never what to do.

use std::collections::BTreeSet;

use super::Uploaded;
use crate::domain::{
    AccountId, AssignmentKey, GroupId, MembershipId, OuId, PermissionSetArn, RequestId, UserId,
};

/// Of accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    Account(AccountId),
    /// A few accounts: each that an event names, where it can't be told which one it is about.
    Accounts(BTreeSet<AccountId>),
    /// The OU and all below it.
    Ou(OuId),
    /// The same, and what is remembered of its name is no longer to be believed.
    RenamedOu(OuId),
    Everything,
}

/// Of whatever an event is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum AnyHint {
    Account(Hint),
    Directory(DirectoryHint),
    PermissionSet(PermissionSetHint),
    /// Rules that somebody has uploaded.
    Upload(Uploaded),
}

/// Of groups, their members, and users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryHint {
    /// It was made just now.
    NewGroup(GroupId),
    /// It was deleted, renamed or changed, or its members were: the event doesn't tell which.
    Group(GroupId),
    /// A few groups: each that an event names, where it can't be told which one it is about.
    Groups(BTreeSet<GroupId>),
    /// Somebody joined or left.
    GroupMember {
        group: GroupId,
        /// `None` where the event hides who.
        user: Option<UserId>,
        /// Whether the event is one of joining. Who is in the group is read all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        joined: bool,
    },
    /// A membership has ended, of which only its own id is told: neither the group nor the user.
    Membership(MembershipId),
    /// They were created, deleted, disabled, enabled or changed.
    User(UserId),
    /// A few users: each that an event names, where it can't be told which one it is about.
    Users(BTreeSet<UserId>),
    /// All groups and users that rules name.
    Directory,
}

/// Of permission sets, and of assignments that somebody makes or removes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionSetHint {
    /// It was created, deleted, tagged or untagged: what rules select may have changed.
    Changed(PermissionSetArn),
    /// Its policies, its boundary, its session or its relay state: accounts keep the old version until it is provisioned.
    Edited(PermissionSetArn),
    /// An event of unknown name is about it: either of the above may be so.
    Named(PermissionSetArn),
    /// Somebody called `CreateAccountAssignment` or `DeleteAccountAssignment`; AWS has accepted the call, and may yet fail.
    Assignment {
        key: AssignmentKey,
        /// What AWS calls the request by; `None` if the event doesn't tell.
        request: Option<RequestId>,
    },
    /// Somebody called `ProvisionPermissionSet`; AWS has accepted the call, and may yet fail.
    Provisioned(PermissionSetArn),
    /// All permission sets that rules name, and their assignments.
    PermissionSets,
}
