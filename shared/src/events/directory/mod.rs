//! Events of groups, their members, and users. They come by three ways: the console, the API and an identity provider's SCIM,
//! each with a layout of its own; whether one change is told of by more than one of them is not documented.
//!
//! Names of people and groups are hidden in them (`HIDDEN_DUE_TO_SECURITY_REASONS`), and nothing here reads a name: ids only.

mod console;
mod identity_store;
mod named;
mod scim;

use super::{DirectoryHint, Event, EventError, Family, Found, Service, search::Several};
use crate::domain::{GroupId, UserId};
use named::Named;

/// Where an event names what it is about. Places are JSON pointers into its `detail`. Where an id is not in its place, it is looked
/// for in all places where it may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// The answer names the group here that was made.
    NewGroup(&'static str),
    /// The call names the group here.
    Group(&'static str),
    /// The call names the group and the user here, who joins or leaves.
    GroupMember { group: &'static str, user: &'static str, joined: bool },
    /// The call names the membership here, and neither the group nor the user.
    Membership(&'static str),
    /// The call names the user here.
    User(&'static str),
    /// Where users and groups come from has changed.
    ForTheSweep,
    /// Nothing that rules select by changes.
    Unconcerned,
}

impl super::Layout for Layout {
    type Hint = DirectoryHint;
    const FAMILY: Family = Family::Directory;
    const SERVICES: &'static [Service<Self>] = &[console::SERVICE, identity_store::SERVICE, scim::SERVICE];
    const SUBJECT: &'static str = "group or user";

    fn read(self, event: &Event<'_>) -> Found<DirectoryHint> {
        match self {
            Self::NewGroup(place) => look_at_groups(event, place, DirectoryHint::NewGroup),
            Self::Group(place) => look_at_groups(event, place, DirectoryHint::Group),
            Self::GroupMember { group, user, joined } => look_at_groups(event, group, |group| {
                DirectoryHint::GroupMember { group, user: member(event, user), joined }
            }),
            Self::Membership(place) => look_at_membership(event, place).map(Ok),
            Self::User(place) => look_at_user(event, place).map(Ok),
            Self::ForTheSweep => Ok(Err(event.for_the_sweep())),
            Self::Unconcerned => Ok(Err(event.unconcerned())),
        }
    }

    fn of_unknown(event: &Event<'_>) -> Option<DirectoryHint> {
        let named = Named::in_event(event.envelope);
        // An id that is only called `id` is what the event's name says it is.
        let (of_group, of_user) = (event.name.contains("Group"), event.name.contains("User"));
        let groups = if of_group { named.groups_or_ids() } else { named.groups() };
        let users = if of_user && !of_group { named.users_or_ids() } else { named.users() };
        match (groups, users) {
            (Several::One(group), Several::None) => Some(DirectoryHint::Group(group)),
            (Several::One(group), Several::One(user)) => {
                Some(DirectoryHint::GroupMember { group, user: Some(user), joined: false })
            }
            (Several::None, Several::One(user)) => Some(DirectoryHint::User(user)),
            _ => None,
        }
    }
}

/// `one`: what to look at if the event names one group.
fn look_at_groups(
    event: &Event<'_>,
    place: &'static str,
    one: impl FnOnce(GroupId) -> DirectoryHint,
) -> Found<DirectoryHint> {
    if let Some(group) = event.id_at(place)? {
        return Ok(Ok(one(group)));
    }
    match Named::in_event(event.envelope).groups_or_ids() {
        Several::None => Err(event.without(place)),
        Several::One(group) => Ok(Ok(one(group))),
        Several::Few(groups) => Ok(Ok(DirectoryHint::Groups(groups))),
        Several::Many => Ok(Ok(DirectoryHint::Directory)),
    }
}

/// Who joined or left; to look at the group is enough where it isn't told.
fn member(event: &Event<'_>, place: &str) -> Option<UserId> {
    if let Some(user) = event.id_at(place).ok().flatten() {
        return Some(user);
    }
    only(Named::in_event(event.envelope).users())
}

fn only<T>(several: Several<T>) -> Option<T> {
    match several {
        Several::One(one) => Some(one),
        Several::None | Several::Few(_) | Several::Many => None,
    }
}

fn look_at_membership(event: &Event<'_>, place: &'static str) -> Result<DirectoryHint, EventError> {
    let named = Named::in_event(event.envelope);
    // Should AWS ever tell the group too, then it is better known by that.
    if let Several::One(group) = named.groups() {
        return Ok(DirectoryHint::GroupMember { group, user: only(named.users()), joined: false });
    }
    if let Some(membership) = event.id_at(place)? {
        return Ok(DirectoryHint::Membership(membership));
    }
    match named.memberships() {
        Several::None => Err(event.without(place)),
        Several::One(membership) => Ok(DirectoryHint::Membership(membership)),
        Several::Few(_) | Several::Many => Ok(DirectoryHint::Directory),
    }
}

fn look_at_user(event: &Event<'_>, place: &'static str) -> Result<DirectoryHint, EventError> {
    if let Some(user) = event.id_at(place)? {
        return Ok(DirectoryHint::User(user));
    }
    match Named::in_event(event.envelope).users_or_ids() {
        Several::None => Err(event.without(place)),
        Several::One(user) => Ok(DirectoryHint::User(user)),
        Several::Few(users) => Ok(DirectoryHint::Users(users)),
        Several::Many => Ok(DirectoryHint::Directory),
    }
}
