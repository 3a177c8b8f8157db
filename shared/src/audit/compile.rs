//! What was read -> the report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    Assignment, Audit, AuditedAccount, AuditedGroup, AuditedSet, Draft, FORMAT, Next, Person, Scope, Sight,
    Taken, Unit, Unread,
};
use crate::{
    domain::{AccountId, AssignmentKey, GroupId, PermissionSetArn, Principal, RuleId, UserId},
    ledger::{Row, State},
    permission_sets::{Details, Inline, differences},
    rules::{DeclaredSet, Wanted},
};

/// Everything that a report is made of.
#[derive(Debug)]
pub struct Findings {
    /// What took long to read.
    pub draft: Draft,
    pub taken: Taken,
    pub organizational_units: BTreeSet<Unit>,
    pub accounts: Vec<AuditedAccount>,
    /// What the rules want in each account about which that can be said.
    pub planned: BTreeMap<AccountId, Planned>,
    /// The permission sets that the rules declare.
    pub declared: Vec<DeclaredSet>,
    /// All groups that the identity store lists, by name.
    pub groups: BTreeMap<GroupId, String>,
    pub people: Vec<Person>,
    /// Principals that are no longer there, as proved by asking for each.
    pub gone: BTreeSet<Principal>,
    /// What they, and others that are not listed, were called last.
    pub last_names: BTreeMap<Principal, String>,
    pub rows: BTreeMap<AssignmentKey, Row>,
    /// How long a fresh row is believed over a list.
    pub lag: SignedDuration,
}

/// What the rules want in an account, and what would be done about it now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    pub wanted: BTreeMap<AssignmentKey, BTreeSet<RuleId>>,
    pub until: BTreeMap<AssignmentKey, Timestamp>,
    pub next: BTreeMap<AssignmentKey, Next>,
}

impl Findings {
    /// The report, without what has changed since the one before.
    pub fn compile(mut self) -> Audit {
        let known: BTreeSet<AccountId> = self.accounts.iter().map(|account| account.id.clone()).collect();
        let mut unread = std::mem::take(&mut self.draft.unread);
        let mut changed = std::mem::take(&mut self.draft.changed_meanwhile);
        let mut present = self.draft.present();
        for stranger in present.iter().map(|key| &key.account).filter(|id| !known.contains(*id)) {
            changed
                .insert(format!("account {stranger} has something, and the organization does not list it"));
        }
        present.retain(|key| known.contains(&key.account));
        unread.extend(departed(&self.rows, &known));
        let assignments = self.assignments(&present, &known, &unread);
        changed.extend(moved(&self.rows, &assignments, self.taken.began));

        let Self { draft, taken, organizational_units, accounts, declared, groups, people, gone, .. } = &self;
        let groups = of_groups(draft, groups, gone, &self.last_names, &assignments);
        let people = of_people(people, &groups, gone, &self.last_names, &assignments);
        Audit {
            format: FORMAT,
            taken: taken.clone(),
            unread: unread.into_iter().collect(),
            changed_meanwhile: changed.into_iter().collect(),
            organizational_units: organizational_units.iter().cloned().collect(),
            accounts: accounts.clone(),
            permission_sets: of_sets(draft, declared, &assignments),
            groups,
            people,
            assignments,
            changes: Vec::new(),
        }
    }

    fn assignments(
        &self,
        present: &BTreeSet<AssignmentKey>,
        known: &BTreeSet<AccountId>,
        unread: &BTreeSet<Unread>,
    ) -> Vec<Assignment> {
        let blind = Blind::of(unread);
        let wanted = self.planned.values().flat_map(|planned| planned.wanted.keys());
        let recorded = self.rows.keys().filter(|key| known.contains(&key.account));
        let keys: BTreeSet<&AssignmentKey> = present.iter().chain(wanted).chain(recorded).collect();
        let none = BTreeSet::new();
        let told = keys.into_iter().filter_map(|key| {
            let is_present = present.contains(key);
            // INVARIANT: what was not read is not said to be missing.
            if !is_present && blind.covers(key) {
                return None;
            }
            let planned = self.planned.get(&key.account);
            Sight {
                key,
                present: is_present,
                row: self.rows.get(key),
                wanted: planned.map(|planned| planned.wanted.get(key).unwrap_or(&none)),
                until: planned.and_then(|planned| planned.until.get(key).copied()),
                next: planned.and_then(|planned| planned.next.get(key)),
                orphaned: self.gone.contains(&key.principal),
                began: self.taken.began,
                lag: self.lag,
            }
            .assignment()
        });
        told.collect()
    }
}

/// Where nothing can be said to be missing.
pub(super) struct Blind {
    accounts: BTreeSet<AccountId>,
    places: BTreeSet<(AccountId, PermissionSetArn)>,
    principals: BTreeSet<Principal>,
    sets: BTreeSet<PermissionSetArn>,
}

impl Blind {
    pub(super) fn of<'a>(unread: impl IntoIterator<Item = &'a Unread>) -> Self {
        let mut blind = Self {
            accounts: BTreeSet::new(),
            places: BTreeSet::new(),
            principals: BTreeSet::new(),
            sets: BTreeSet::new(),
        };
        for unread in unread {
            match &unread.scope {
                Scope::Assignments { account, permission_set: None } => {
                    blind.accounts.insert(account.clone());
                }
                Scope::Assignments { account, permission_set: Some(set) } => {
                    blind.places.insert((account.clone(), set.clone()));
                }
                Scope::AssignmentsOf { principal } => {
                    blind.principals.insert(principal.clone());
                }
                // Where it is provisioned is where it is looked for.
                Scope::Provisioned { permission_set } => {
                    blind.sets.insert(permission_set.clone());
                }
                Scope::Account { .. }
                | Scope::PermissionSet { .. }
                | Scope::Members { .. }
                | Scope::Principal { .. }
                | Scope::Rule { .. }
                | Scope::Never { .. }
                | Scope::People
                | Scope::Groups
                | Scope::Departed { .. } => {}
            }
        }
        blind
    }

    pub(super) fn covers(&self, key: &AssignmentKey) -> bool {
        self.accounts.contains(&key.account)
            || self.sets.contains(&key.permission_set)
            || self.principals.contains(&key.principal)
            || self.places.contains(&(key.account.clone(), key.permission_set.clone()))
    }
}

/// What the ledger has of accounts that the organization doesn't list.
fn departed(rows: &BTreeMap<AssignmentKey, Row>, known: &BTreeSet<AccountId>) -> Vec<Unread> {
    let mut of: BTreeMap<&AccountId, usize> = BTreeMap::new();
    for row in rows.values().filter(|row| row.state != State::Closed && !known.contains(&row.key.account)) {
        *of.entry(&row.key.account).or_default() += 1;
    }
    let told = of.into_iter().map(|(account, rows)| Unread {
        what: format!("what there is in account {account}"),
        why: format!("the organization does not list it, and the ledger has {rows} assignments of it"),
        scope: Scope::Departed { account: account.clone() },
    });
    told.collect()
}

/// How much Usher has changed while it was read, in a sentence.
fn moved(
    rows: &BTreeMap<AssignmentKey, Row>,
    assignments: &[Assignment],
    began: Timestamp,
) -> Option<String> {
    let of_row = rows.values().filter(|row| row.changed_at >= began).count();
    let pending = assignments.iter().filter(|one| one.since.is_some_and(|since| since >= began)).count();
    let changed = of_row.max(pending);
    (changed > 0).then(|| format!("the ledger has changed what it says of {changed} assignments"))
}

fn of_sets(draft: &Draft, declared: &[DeclaredSet], assignments: &[Assignment]) -> Vec<AuditedSet> {
    let mut sets: Vec<AuditedSet> = draft.there().cloned().collect();
    for set in &mut sets {
        let Some(declared) = declared.iter().find(|declared| declared.name == set.name) else { continue };
        set.declared = true;
        set.differs = match &declared.wanted {
            Wanted::There(content) => !set.unread && !differences(Some(&details(set)), content).is_empty(),
            Wanted::Gone => true,
        };
    }
    // What refers to a set finds it, whatever has become of it.
    let named: BTreeSet<&PermissionSetArn> = sets.iter().map(|set| &set.arn).collect();
    let missing: BTreeSet<&PermissionSetArn> =
        assignments.iter().map(|one| &one.key.permission_set).filter(|arn| !named.contains(arn)).collect();
    let missing: Vec<AuditedSet> = missing.into_iter().map(|arn| AuditedSet::unknown(arn.clone())).collect();
    sets.extend(missing);
    sets.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
    sets
}

/// The same as what it is compared with.
fn details(set: &AuditedSet) -> Details {
    let text = match &set.inline_policy {
        None => String::new(),
        Some(serde_json::Value::String(odd)) => odd.clone(),
        Some(policy) => policy.to_string(),
    };
    Details {
        arn: set.arn.clone(),
        name: set.name.clone(),
        description: set.description.clone(),
        session_duration: set.session_duration,
        relay_state: set.relay_state.clone(),
        aws_managed: set.managed_policies.clone(),
        customer_managed: set.customer_managed_policies.clone(),
        inline: Inline::of_answer(&text),
        boundary: set.permissions_boundary.clone(),
        tags: set.tags.clone(),
    }
}

impl AuditedSet {
    /// As it was read, before it is known where it is provisioned.
    pub fn of(details: Details) -> Self {
        let inline_policy = details.inline.map(|inline| match inline {
            Inline::Read(policy) => serde_json::to_value(&policy).unwrap_or_default(),
            Inline::Odd(text) => serde_json::Value::String(text),
        });
        Self {
            name: details.name,
            description: details.description,
            session_duration: details.session_duration,
            relay_state: details.relay_state,
            tags: details.tags,
            managed_policies: details.aws_managed,
            customer_managed_policies: details.customer_managed,
            inline_policy,
            permissions_boundary: details.boundary,
            unread: false,
            ..Self::unknown(details.arn)
        }
    }

    /// One of which only the ARN is known.
    pub fn unknown(arn: PermissionSetArn) -> Self {
        let own = arn.as_str().rsplit('/').next().unwrap_or_default();
        Self {
            name: own.to_owned(),
            description: None,
            session_duration: None,
            relay_state: None,
            tags: crate::domain::Tags::default(),
            managed_policies: BTreeSet::new(),
            customer_managed_policies: BTreeSet::new(),
            inline_policy: None,
            permissions_boundary: None,
            declared: false,
            differs: false,
            unread: true,
            provisioned: BTreeSet::new(),
            outdated: BTreeSet::new(),
            arn,
        }
    }
}

fn of_groups(
    draft: &Draft,
    listed: &BTreeMap<GroupId, String>,
    gone: &BTreeSet<Principal>,
    last_names: &BTreeMap<Principal, String>,
    assignments: &[Assignment],
) -> Vec<AuditedGroup> {
    let ids: BTreeSet<&GroupId> = assignments
        .iter()
        .filter_map(|one| match &one.key.principal {
            Principal::Group(group) => Some(group),
            Principal::User(_) => None,
        })
        .collect();
    let mut groups: Vec<AuditedGroup> = ids
        .into_iter()
        .map(|id| {
            let principal = Principal::Group(id.clone());
            let gone = gone.contains(&principal);
            let members = draft.members.get(id).and_then(Option::as_ref);
            AuditedGroup {
                name: listed
                    .get(id)
                    .or_else(|| last_names.get(&principal))
                    .cloned()
                    .unwrap_or_else(|| id.to_string()),
                members: members.cloned().unwrap_or_default(),
                members_unread: members.is_none() && !gone,
                gone,
                id: id.clone(),
            }
        })
        .collect();
    groups.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    groups
}

fn of_people(
    listed: &[Person],
    groups: &[AuditedGroup],
    gone: &BTreeSet<Principal>,
    last_names: &BTreeMap<Principal, String>,
    assignments: &[Assignment],
) -> Vec<Person> {
    let known: BTreeSet<&UserId> = listed.iter().map(|person| &person.id).collect();
    let assigned = assignments.iter().filter_map(|one| match &one.key.principal {
        Principal::User(user) => Some(user),
        Principal::Group(_) => None,
    });
    let members = groups.iter().flat_map(|group| &group.members);
    let others: BTreeSet<&UserId> = assigned.chain(members).filter(|user| !known.contains(user)).collect();
    let others = others.into_iter().map(|id| {
        let principal = Principal::User(id.clone());
        Person {
            user_name: last_names.get(&principal).cloned().unwrap_or_else(|| id.to_string()),
            display_name: None,
            gone: gone.contains(&principal),
            id: id.clone(),
        }
    });
    let mut people: Vec<Person> = listed.iter().cloned().chain(others).collect();
    people.sort_by(|a, b| (&a.user_name, &a.id).cmp(&(&b.user_name, &b.id)));
    people
}
