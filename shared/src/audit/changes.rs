//! What has changed since an earlier report, with its cause as far as the ledger knows.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use super::{
    Assignment, Audit, AuditedAccount, AuditedSet, Change, ChangeKind, Register, Standing, Way,
    compile::Blind, principals,
};
use crate::{
    domain::{AccountId, AccountState, AssignmentKey, GroupId, PermissionSetArn, Principal, Tags, UserId},
    ledger::{ConsentRecord, Edit, Row, State},
};

/// What the ledger remembers of the time between two reports.
#[derive(Debug, Default)]
pub struct Remembered<'a> {
    /// Whether the ledger was asked. Where two kept reports are compared it is not, and nobody can know who took something away.
    pub was_asked: bool,
    pub rows: BTreeMap<&'a AssignmentKey, &'a Row>,
    /// Edits of permission sets that events have told of.
    pub edits: BTreeMap<PermissionSetArn, BTreeSet<Edit>>,
    /// Who gave up what was Usher's, the last time of each.
    pub disowned: BTreeMap<AssignmentKey, ConsentRecord>,
    /// When it was noticed that somebody is in a group that matters.
    pub joined: BTreeMap<(GroupId, UserId), Timestamp>,
    /// Who was asked for what they have, in the later report, and has answered.
    pub asked: BTreeSet<Principal>,
}

/// What is otherwise in `now` than in `before`. Where either could not be read, nothing is said to have changed.
pub fn changes(before: &Audit, now: &Audit, remembered: &Remembered<'_>) -> Vec<Change> {
    let mut all = of_assignments(before, now, remembered);
    all.extend(in_between(before, now, remembered));
    all.extend(principals::of_members(before, now, remembered));
    all.extend(principals::of_names(before, now));
    all.extend(of_sets(before, now, remembered));
    all.extend(of_accounts(before, now));
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    all
}

impl Audit {
    /// The same report, told with what has changed since an earlier one.
    #[must_use = "the report is another one"]
    pub fn since(self, before: &Audit, remembered: &Remembered<'_>) -> Self {
        let changes = changes(before, &self, remembered);
        let taken = super::Taken { since: Some(before.taken.began), ..self.taken };
        Self { taken, changes, ..self }
    }
}

/// The newest first, what has no time last; of the same time by what they are about.
fn order(change: &Change) -> impl Ord {
    (
        change.at.is_none(),
        Reverse(change.at),
        change.change,
        change.account.clone(),
        change.permission_set.clone(),
        change.principal.clone(),
        change.person.clone(),
    )
}

pub(super) fn nothing(change: ChangeKind) -> Change {
    Change {
        at: None,
        change,
        account: None,
        permission_set: None,
        principal: None,
        person: None,
        cause: None,
        rules: BTreeSet::new(),
        note: None,
    }
}

fn of_key(change: ChangeKind, key: &AssignmentKey) -> Change {
    Change {
        account: Some(key.account.clone()),
        permission_set: Some(key.permission_set.clone()),
        principal: Some(key.principal.clone()),
        ..nothing(change)
    }
}

fn of_assignments(before: &Audit, now: &Audit, remembered: &Remembered<'_>) -> Vec<Change> {
    let there = |audit: &Audit| -> BTreeMap<AssignmentKey, Assignment> {
        let there = audit.assignments.iter().filter(|one| one.present);
        there.map(|one| (one.key.clone(), one.clone())).collect()
    };
    let (old, new) = (there(before), there(now));
    let (blind_before, blind_now) = (Blind::of(&before.unread), Blind::of(&now.unread));
    let (found_before, found_now) = (Found::of(before, &old), Found::of(now, &new));
    let is_alive = alive(now, remembered);
    let mut all = Vec::new();
    for (key, one) in &new {
        let told = |change| Change {
            at: one.since,
            cause: one.cause.clone(),
            rules: one.rules.clone(),
            ..of_key(change, key)
        };
        match old.get(key) {
            None if blind_before.covers(key) => {}
            None if one.ours || one.standing == Standing::Pending => all.push(told(ChangeKind::Granted)),
            None if !found_before.has_looked_for(key, &is_alive) => {}
            None => all.push(told(ChangeKind::Appeared)),
            Some(was) if one.ours && !was.ours => all.push(told(match was.standing {
                Standing::Pending => ChangeKind::Granted,
                Standing::Ours
                | Standing::Foreign
                | Standing::Uncertain
                | Standing::Drifted
                | Standing::Orphaned => ChangeKind::Adopted,
            })),
            Some(was) if was.ours && !one.ours => {
                let row = remembered.rows.get(key).copied();
                let revoked = |row: &&Row| {
                    row.state == State::Closed && row.closed_at.is_some_and(|at| at >= before.taken.began)
                };
                match row.map(|row| &row.state) {
                    // It was read before Usher revoked it, or was made anew by others since.
                    Some(State::Closed) if row.as_ref().is_some_and(revoked) => {
                        all.push(of_gone(key, was, row, before, remembered.was_asked));
                    }
                    // Whose it is can't be said: nobody gave it up.
                    Some(State::Uncertain { .. }) => {}
                    Some(
                        State::Granting(_)
                        | State::Ours
                        | State::Closing(_)
                        | State::Closed
                        | State::Blocked { .. }
                        | State::Dormant,
                    )
                    | None => all.push(of_disowned(key, was, before, remembered)),
                }
            }
            Some(_) => {}
        }
    }
    let (was, is) = (Register::of(before), Register::of(now));
    for (key, one) in old.iter().filter(|(key, _)| !new.contains_key(*key) && !blind_now.covers(key)) {
        if !one.ours && !found_now.has_looked_for(key, &is_alive) {
            continue;
        }
        let row = remembered.rows.get(key).copied();
        let mut change = of_gone(key, one, row, before, remembered.was_asked);
        if is.account(&key.account).is_none()
            || is.set(&key.permission_set).is_none()
            || !is.knows(&key.principal)
        {
            change.note = Some(join(change.note.take(), &was.in_words(key)));
        }
        all.push(change);
    }
    for (key, row) in &remembered.rows {
        if let State::Blocked { operation, reason, .. } = &row.state
            && row.changed_at >= before.taken.began
        {
            all.push(Change {
                at: Some(row.changed_at),
                cause: Some(row.cause.as_str().to_owned()),
                rules: row.wanted_by.keys().cloned().collect(),
                note: Some(format!("AWS refused to {operation} it: {reason}")),
                ..of_key(ChangeKind::Blocked, key)
            });
        }
    }
    all
}

/// What a report has looked for, and would have found.
struct Found {
    way: Way,
    /// Where somebody has something.
    places: BTreeSet<(AccountId, PermissionSetArn)>,
}

impl Found {
    fn of(audit: &Audit, there: &BTreeMap<AssignmentKey, Assignment>) -> Self {
        let places = there.keys().map(|key| (key.account.clone(), key.permission_set.clone()));
        Self { way: audit.taken.way, places: places.collect() }
    }

    /// Whether an assignment of others would have been found. By principal nobody is asked who is no longer there, and no place where
    /// others were found.
    fn has_looked_for(&self, key: &AssignmentKey, is_alive: impl Fn(&Principal) -> bool) -> bool {
        self.way == Way::ByAccount
            || !self.places.contains(&(key.account.clone(), key.permission_set.clone()))
            || is_alive(&key.principal)
    }
}

/// Who is proved to be there, by the later report.
fn alive<'a>(now: &'a Audit, remembered: &'a Remembered<'_>) -> impl Fn(&Principal) -> bool + 'a {
    let is = Register::of(now);
    move |principal| {
        remembered.asked.contains(principal)
            || match principal {
                Principal::Group(id) => is.group(id).is_some_and(|group| !group.gone),
                Principal::User(id) => is.person(id).is_some_and(|person| !person.gone),
            }
    }
}

/// What was given after the earlier report and taken away before the later one: it is in neither, and the ledger still knows it.
fn in_between(before: &Audit, now: &Audit, remembered: &Remembered<'_>) -> Vec<Change> {
    let there: BTreeSet<&AssignmentKey> =
        now.assignments.iter().filter(|one| one.present).map(|one| &one.key).collect();
    let was: BTreeSet<&AssignmentKey> =
        before.assignments.iter().filter(|one| one.present || one.ours).map(|one| &one.key).collect();
    let (blind, is) = (Blind::of(&before.unread), Register::of(now));
    let mut all = Vec::new();
    for (key, row) in &remembered.rows {
        let is_in_neither = !there.contains(key) && !was.contains(key) && !blind.covers(key);
        let was_revoked =
            row.state == State::Closed && row.closed_at.is_some_and(|at| at >= before.taken.ended);
        if !(is_in_neither && was_revoked) {
            continue;
        }
        let is_named = is.account(&key.account).is_some()
            && is.set(&key.permission_set).is_some()
            && is.knows(&key.principal);
        let name = (!is_named).then(|| is.in_words(key));
        let rules: BTreeSet<_> = row.wanted_by.keys().cloned().collect();
        let told = |kind, more: &str| Change {
            rules: rules.clone(),
            note: Some(name.as_ref().map_or_else(|| more.to_owned(), |name| format!("{name}; {more}"))),
            ..of_key(kind, key)
        };
        all.push(told(ChangeKind::Granted, "it was taken away again before this report"));
        all.push(Change {
            at: row.closed_at,
            cause: Some(row.cause.as_str().to_owned()),
            ..told(ChangeKind::Revoked, "it was given after the report before")
        });
    }
    all
}

/// What is there as before, and Usher's no more. Its row may be gone by now, or tell of what came after: the journal has who gave it up.
fn of_disowned(key: &AssignmentKey, was: &Assignment, before: &Audit, remembered: &Remembered<'_>) -> Change {
    let record = remembered.disowned.get(key).filter(|record| record.at >= before.taken.began);
    Change {
        at: record.map(|record| record.at),
        cause: record.map(|record| record.cause().as_str().to_owned()),
        rules: was.rules.clone(),
        note: record.map(|ConsentRecord { by, reason, .. }| match reason.as_str() {
            "" => format!("{by} gave it up"),
            reason => format!("{by} gave it up: {reason}"),
        }),
        ..of_key(ChangeKind::Disowned, key)
    }
}

/// An assignment that is no longer there: whether it was Usher who took it away is told by what its row has become.
fn of_gone(
    key: &AssignmentKey,
    was: &Assignment,
    row: Option<&Row>,
    before: &Audit,
    was_asked: bool,
) -> Change {
    let by_row = |kind, row: &Row| Change {
        at: Some(row.changed_at),
        cause: Some(row.cause.as_str().to_owned()),
        rules: row.wanted_by.keys().cloned().collect(),
        ..of_key(kind, key)
    };
    match row {
        Some(row)
            if row.state == State::Closed && row.closed_at.is_some_and(|at| at >= before.taken.began) =>
        {
            by_row(ChangeKind::Revoked, row)
        }
        Some(row) if matches!(row.state, State::Closing(_)) => by_row(ChangeKind::Revoked, row),
        Some(row) if row.state == State::Closed && row.changed_at >= before.taken.began => Change {
            note: Some("it was found to be gone by another's hand".to_owned()),
            cause: None,
            ..by_row(ChangeKind::Gone, row)
        },
        Some(_) | None => Change {
            rules: was.rules.clone(),
            note: was.ours.then(|| {
                let why = if was_asked {
                    "the ledger does not say why it is gone"
                } else {
                    "who took it away is not in the two reports"
                };
                format!("it was Usher's, and {why}")
            }),
            ..of_key(ChangeKind::Gone, key)
        },
    }
}

fn join(note: Option<String>, more: &str) -> String {
    note.map_or_else(|| more.to_owned(), |note| format!("{more}; {note}"))
}

fn of_sets(before: &Audit, now: &Audit, remembered: &Remembered<'_>) -> Vec<Change> {
    let by_arn = |audit: &Audit| -> BTreeMap<PermissionSetArn, AuditedSet> {
        audit.permission_sets.iter().map(|set| (set.arn.clone(), set.clone())).collect()
    };
    let (old, new) = (by_arn(before), by_arn(now));
    let of_set = |change, arn: &PermissionSetArn, note| Change {
        permission_set: Some(arn.clone()),
        note,
        ..nothing(change)
    };
    let mut all = Vec::new();
    for (arn, set) in new.iter().filter(|(_, set)| !set.unread) {
        match old.get(arn) {
            None => all.push(of_set(ChangeKind::SetMade, arn, None)),
            Some(was) if was.unread => {}
            Some(was) => {
                let what = edited(was, set);
                if !what.is_empty() {
                    let tags = tagged(&was.tags, &set.tags, &now.taken.trusted_permission_set_tags);
                    let note = [format!("another {}", what.join(", "))].into_iter().chain(tags);
                    let note = note.collect::<Vec<_>>().join("; ");
                    let told = of_set(ChangeKind::SetEdited, arn, Some(note));
                    all.push(with_edit(told, remembered.edits.get(arn), before));
                }
            }
        }
    }
    let gone = old.iter().filter(|(arn, set)| !set.unread && !new.contains_key(*arn));
    all.extend(
        gone.map(|(arn, set)| {
            of_set(ChangeKind::SetDeleted, arn, Some(format!("permission set {}", set.name)))
        }),
    );
    all
}

/// With the last edit that an event has told of since the earlier report.
fn with_edit(change: Change, edits: Option<&BTreeSet<Edit>>, before: &Audit) -> Change {
    let since = edits.into_iter().flatten().filter(|edit| edit.at >= before.taken.began);
    let Some(last) = since.max_by_key(|edit| edit.at) else { return change };
    let by = if last.role.is_empty() { String::new() } else { format!(" by {}", last.role) };
    Change {
        at: Some(last.at),
        cause: Some(format!("event:{}", last.event)),
        note: Some(join(change.note, &format!("{}{by}", last.name))),
        ..change
    }
}

/// In what a permission set is another.
fn edited(was: &AuditedSet, is: &AuditedSet) -> Vec<&'static str> {
    let AuditedSet {
        arn: _,
        name,
        description,
        session_duration,
        relay_state,
        tags,
        managed_policies,
        customer_managed_policies,
        inline_policy,
        permissions_boundary,
        declared: _,
        differs: _,
        unread: _,
        provisioned: _,
        outdated: _,
    } = was;
    let all = [
        ("name", *name != is.name),
        ("description", *description != is.description),
        ("session duration", *session_duration != is.session_duration),
        ("relay state", *relay_state != is.relay_state),
        ("set of tags", *tags != is.tags),
        ("list of AWS managed policies", *managed_policies != is.managed_policies),
        ("list of customer managed policies", *customer_managed_policies != is.customer_managed_policies),
        ("inline policy", *inline_policy != is.inline_policy),
        ("permissions boundary", *permissions_boundary != is.permissions_boundary),
    ];
    all.into_iter().filter(|(_, is_other)| *is_other).map(|(what, _)| what).collect()
}

/// In what an account is otherwise.
fn otherwise(
    was: &AuditedAccount,
    is: &AuditedAccount,
    trusted: &BTreeSet<String>,
) -> Vec<(ChangeKind, String)> {
    let mut all = Vec::new();
    if was.name != is.name {
        all.push((ChangeKind::AccountRenamed, format!("from {} to {}", was.name, is.name)));
    }
    if was.state != is.state {
        all.push((
            ChangeKind::AccountStateChanged,
            format!("from {} to {}", word(was.state), word(is.state)),
        ));
    }
    if was.unread || is.unread {
        return all;
    }
    if was.ou != is.ou {
        let place = |path: &str| if path.is_empty() { "the root".to_owned() } else { path.to_owned() };
        all.push((ChangeKind::AccountMoved, format!("from {} to {}", place(&was.ou), place(&is.ou))));
    }
    all.extend(tagged(&was.tags, &is.tags, trusted).map(|note| (ChangeKind::AccountTagged, note)));
    all
}

/// As AWS writes it.
fn word(state: AccountState) -> String {
    let word = serde_json::to_value(state).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("UNKNOWN").to_owned()
}

/// In what tags are otherwise, those first that rules may look at; `None` where they are the same.
fn tagged(was: &Tags, is: &Tags, trusted: &BTreeSet<String>) -> Option<String> {
    let keys: BTreeSet<&String> = was.0.keys().chain(is.0.keys()).collect();
    let mut told: Vec<(bool, String)> = Vec::new();
    for key in keys {
        let what = match (was.0.get(key), is.0.get(key)) {
            (old, new) if old == new => continue,
            (Some(old), Some(new)) => format!("from `{old}` to `{new}`"),
            (None, Some(new)) => format!("set to `{new}`"),
            (Some(old), None) => format!("taken away (it was `{old}`)"),
            (None, None) => continue,
        };
        let is_trusted = trusted.contains(key);
        let why = if is_trusted { ", which rules may look at," } else { "" };
        told.push((!is_trusted, format!("tag `{key}`{why} {what}")));
    }
    told.sort();
    let told: Vec<String> = told.into_iter().map(|(_, what)| what).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn of_accounts(before: &Audit, now: &Audit) -> Vec<Change> {
    let old: BTreeMap<_, &AuditedAccount> = before.accounts.iter().map(|one| (&one.id, one)).collect();
    let new: BTreeMap<_, &AuditedAccount> = now.accounts.iter().map(|one| (&one.id, one)).collect();
    let of_account = |change, account: &AuditedAccount, note| Change {
        account: Some(account.id.clone()),
        note,
        ..nothing(change)
    };
    let mut all = Vec::new();
    for (id, account) in &new {
        match old.get(id) {
            None => all.push(of_account(ChangeKind::AccountJoined, account, None)),
            Some(was) => {
                let told = otherwise(was, account, &now.taken.trusted_account_tags).into_iter();
                all.extend(told.map(|(change, note)| of_account(change, account, Some(note))));
            }
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(*id));
    all.extend(gone.map(|(_, account)| {
        of_account(ChangeKind::AccountLeft, account, Some(format!("account {}", account.name)))
    }));
    all
}
