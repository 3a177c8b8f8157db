//! What is otherwise about people and groups.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{Audit, AuditedGroup, Change, ChangeKind, Person, Register, Remembered, Scope, changes::nothing};
use crate::domain::{Principal, UserId};

/// How old a list of the identity store may be at most. Not documented; ten times what AWS's lists were seen to lag.
const STALE: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn of_members(before: &Audit, now: &Audit, remembered: &Remembered<'_>) -> Vec<Change> {
    let old: BTreeMap<_, &AuditedGroup> = before.groups.iter().map(|group| (&group.id, group)).collect();
    let is_known = |group: &AuditedGroup| !group.members_unread && !group.gone;
    let mut all = Vec::new();
    for group in now.groups.iter().filter(|group| is_known(group)) {
        let Some(was) = old.get(&group.id).filter(|was| is_known(was)) else { continue };
        let joined = group.members.difference(&was.members).map(|user| (ChangeKind::Joined, user));
        let left = was.members.difference(&group.members).map(|user| (ChangeKind::Left, user));
        let noticed = |user: &UserId| {
            let at = remembered.joined.get(&(group.id.clone(), user.clone())).copied();
            at.filter(|at| *at >= before.taken.began)
        };
        all.extend(joined.chain(left).map(|(change, user)| Change {
            at: if change == ChangeKind::Joined { noticed(user) } else { None },
            principal: Some(Principal::Group(group.id.clone())),
            person: Some(user.clone()),
            ..nothing(change)
        }));
    }
    let (was, is) = (Register::of(before), Register::of(now));
    let is_gone = |person: &&UserId| is.person(person).is_none_or(|person| person.gone);
    for change in &mut all {
        if let Some(person) = change.person.as_ref().filter(is_gone) {
            change.note =
                was.person(person).map(|person| format!("{}, who is no longer there", person.user_name));
        }
    }
    all
}

/// Groups that have another name, and who was deleted: what they had may have been given by a name, and gives nobody anything now.
pub(super) fn of_names(before: &Audit, now: &Audit) -> Vec<Change> {
    let old: BTreeMap<_, &AuditedGroup> = before.groups.iter().map(|group| (&group.id, group)).collect();
    let mut all = Vec::new();
    for group in &now.groups {
        let Some(was) = old.get(&group.id).filter(|was| !was.gone) else { continue };
        let about = |change, note| Change {
            principal: Some(Principal::Group(group.id.clone())),
            note: Some(note),
            ..nothing(change)
        };
        if group.gone {
            all.push(about(ChangeKind::GroupDeleted, format!("group {}", was.name)));
        } else if group.name != was.name {
            all.push(about(ChangeKind::GroupRenamed, format!("from {} to {}", was.name, group.name)));
        }
    }
    // A list that is as old as the report before proves nothing.
    let is_later = now.taken.began.duration_since(before.taken.ended) >= STALE;
    let are_listed = is_later && !now.unread.iter().any(|unread| unread.scope == Scope::People);
    let new: BTreeMap<&UserId, &Person> = now.people.iter().map(|person| (&person.id, person)).collect();
    let is_gone = |person: &&Person| match new.get(&person.id) {
        Some(now) => now.gone,
        None => are_listed,
    };
    let deleted = before.people.iter().filter(|person| !person.gone).filter(is_gone);
    all.extend(deleted.map(|person| Change {
        person: Some(person.id.clone()),
        note: Some(person.user_name.clone()),
        ..nothing(ChangeKind::PersonDeleted)
    }));
    all
}
