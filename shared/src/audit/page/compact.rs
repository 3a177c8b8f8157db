//! The report as the page carries it: each name once, and columns of numbers in place of names.
//!
//! A large organization's report is some 20 MB of JSON; so it is a tenth of that, and read within a tenth of a second. The script's
//! `data.js` is the other side of this file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::super::{
    Assignment, Audit, AuditedAccount, AuditedGroup, AuditedSet, Change, ChangeKind, Person, Scope, Standing,
    Taken, Way,
};
use crate::domain::{AccountId, ManagedPolicyArn, Mode, PermissionSetArn, Principal, RuleId, Tags, UserId};

/// Something that the report's lists have.
const LISTED: u8 = 0;
/// The identity store no longer has it.
const GONE: u8 = 1;
/// It is referred to, and in no list: all that is known of it is its id.
const UNLISTED: u8 = 2;
/// In a column: none.
const NONE: i64 = -1;

#[derive(Debug, Serialize)]
pub(super) struct Compact<'a> {
    taken: CompactTaken<'a>,
    /// What all times below are seconds after.
    epoch: i64,
    unread: Vec<CompactUnread<'a>>,
    meanwhile: &'a [String],
    /// Id and path; the first is the root.
    ous: Vec<(&'a str, &'a str)>,
    accounts: Vec<CompactAccount<'a>>,
    sets: Vec<CompactSet<'a>>,
    groups: Vec<CompactGroup<'a>>,
    people: Vec<CompactPerson<'a>>,
    standings: Vec<&'static str>,
    change_kinds: Vec<&'static str>,
    /// Causes and notes.
    texts: Vec<&'a str>,
    rules: Vec<&'a str>,
    /// Each set of rules that something has, by the numbers of the rules.
    rule_lists: Vec<Vec<usize>>,
    assignments: CompactAssignments,
    changes: CompactChanges,
}

#[derive(Debug, Serialize)]
struct CompactTaken<'a> {
    began: i64,
    ended: i64,
    instance: &'a str,
    identity_store: &'a str,
    region: Option<&'a str>,
    management_account: &'a str,
    rules: Option<String>,
    mode: Option<Mode>,
    since: Option<i64>,
    way: Way,
}

/// What, why, the kinds and numbers of what it is about, and whether it is who has access there.
type CompactUnread<'a> = (&'a str, &'a str, Vec<(&'static str, usize)>, u8);
/// Id, name, number of the OU, state, management account, not all read, listed, tags.
type CompactAccount<'a> = (&'a str, &'a str, usize, String, bool, bool, u8, Option<&'a Tags>);
/// Id, name, members, members not read, listed.
type CompactGroup<'a> = (&'a str, &'a str, Vec<i64>, bool, u8);
/// Id, user name, display name, listed.
type CompactPerson<'a> = (&'a str, &'a str, &'a str, u8);

#[derive(Debug, Serialize)]
struct CompactSet<'a> {
    #[serde(flatten)]
    set: Option<SetFacts<'a>>,
    arn: &'a str,
    name: &'a str,
    listed: u8,
    provisioned: Vec<i64>,
    outdated: Vec<i64>,
}

#[derive(Debug, Serialize)]
struct SetFacts<'a> {
    description: Option<&'a str>,
    session_duration: Option<String>,
    relay_state: Option<&'a str>,
    tags: &'a Tags,
    managed_policies: Vec<&'a str>,
    customer_managed_policies: Vec<String>,
    inline_policy: Option<&'a serde_json::Value>,
    permissions_boundary: Option<String>,
    declared: bool,
    differs: bool,
    unread: bool,
}

#[derive(Debug, Default, Serialize)]
struct CompactAssignments {
    /// Differences.
    account: Vec<i64>,
    /// Differences.
    set: Vec<i64>,
    principal: Vec<usize>,
    standing: Vec<usize>,
    /// 1: AWS has it; 2: the ledger proves it ours; 4: rules want it.
    flags: Vec<u8>,
    rules: Vec<usize>,
    since: Vec<i64>,
    cause: Vec<i64>,
    until: Vec<i64>,
    note: Vec<i64>,
}

#[derive(Debug, Default, Serialize)]
struct CompactChanges {
    at: Vec<i64>,
    change: Vec<usize>,
    account: Vec<i64>,
    set: Vec<i64>,
    principal: Vec<i64>,
    person: Vec<i64>,
    cause: Vec<i64>,
    rules: Vec<usize>,
    note: Vec<i64>,
}

/// Things by their ids, each with its number; one that is asked for and not there gets the next.
#[derive(Debug)]
struct Numbered<'a, T> {
    numbers: BTreeMap<&'a str, usize>,
    rows: Vec<T>,
    unlisted: fn(&'a str) -> T,
}

impl<'a, T> Numbered<'a, T> {
    fn new(unlisted: fn(&'a str) -> T) -> Self {
        Self { numbers: BTreeMap::new(), rows: Vec::new(), unlisted }
    }

    fn add(&mut self, id: &'a str, row: T) {
        self.numbers.insert(id, self.rows.len());
        self.rows.push(row);
    }

    fn number(&mut self, id: &'a str) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let row = (self.unlisted)(id);
        self.add(id, row);
        self.rows.len() - 1
    }

    fn maybe(&mut self, id: Option<&'a str>) -> i64 {
        id.map_or(NONE, |id| column(self.number(id)))
    }
}

/// What is referred to by number.
struct Names<'a> {
    ous: Numbered<'a, (&'a str, &'a str)>,
    accounts: Numbered<'a, CompactAccount<'a>>,
    sets: Numbered<'a, CompactSet<'a>>,
    groups: Numbered<'a, CompactGroup<'a>>,
    people: Numbered<'a, CompactPerson<'a>>,
    texts: Numbered<'a, &'a str>,
    rules: Numbered<'a, &'a str>,
    rule_lists: BTreeMap<Vec<usize>, usize>,
}

/// What the page carries of the report.
pub(super) fn compact(audit: &Audit) -> Compact<'_> {
    let Audit {
        format: _,
        taken,
        unread,
        changed_meanwhile,
        organizational_units,
        accounts,
        permission_sets,
        groups,
        people,
        assignments,
        changes,
    } = audit;
    let mut names = Names::new();
    names.ous.add("", ("", ""));
    for unit in organizational_units {
        names.ous.add(&unit.path, (unit.id.as_str(), &unit.path));
    }
    for account in accounts {
        names.account(account);
    }
    for person in people {
        names.person(person);
    }
    for group in groups {
        names.group(group);
    }
    for set in permission_sets {
        names.set(set);
    }
    // Principals are numbered groups first, so all groups must have their numbers before the first person is counted.
    let referred = assignments.iter().map(|one| &one.key.principal);
    for principal in referred.chain(changes.iter().filter_map(|change| change.principal.as_ref())) {
        if let Principal::Group(id) = principal {
            names.groups.number(id.as_str());
        }
    }
    for scope in unread.iter().map(|unread| &unread.scope) {
        names.about(scope);
    }
    let epoch = epoch(assignments, changes, taken);
    let assignments = names.assignments(assignments, epoch);
    let changes = names.changes(changes, epoch);
    let unread = unread
        .iter()
        .map(|unread| (&*unread.what, &*unread.why, names.about(&unread.scope), super::access(&unread.scope)))
        .collect();
    let mut rule_lists: Vec<(Vec<usize>, usize)> = names.rule_lists.into_iter().collect();
    rule_lists.sort_by_key(|(_, number)| *number);
    Compact {
        taken: compact_taken(taken),
        epoch,
        unread,
        meanwhile: changed_meanwhile,
        ous: names.ous.rows,
        accounts: names.accounts.rows,
        sets: names.sets.rows,
        groups: names.groups.rows,
        people: names.people.rows,
        standings: Standing::ALL.map(Standing::as_str).to_vec(),
        change_kinds: ChangeKind::ALL.map(ChangeKind::as_str).to_vec(),
        texts: names.texts.rows,
        rules: names.rules.rows,
        rule_lists: rule_lists.into_iter().map(|(rules, _)| rules).collect(),
        assignments,
        changes,
    }
}

impl<'a> Names<'a> {
    fn new() -> Self {
        Self {
            ous: Numbered::new(|path| ("", path)),
            accounts: Numbered::new(|id| (id, id, 0, "UNKNOWN".to_owned(), false, false, UNLISTED, None)),
            sets: Numbered::new(|arn| CompactSet {
                set: None,
                arn,
                name: arn.rsplit('/').next().unwrap_or(arn),
                listed: UNLISTED,
                provisioned: Vec::new(),
                outdated: Vec::new(),
            }),
            groups: Numbered::new(|id| (id, id, Vec::new(), false, UNLISTED)),
            people: Numbered::new(|id| (id, id, "", UNLISTED)),
            texts: Numbered::new(|text| text),
            rules: Numbered::new(|rule| rule),
            rule_lists: BTreeMap::new(),
        }
    }

    fn account(&mut self, account: &'a AuditedAccount) {
        let AuditedAccount { id, name, ou, state, management, tags, unread } = account;
        let ou = self.ous.number(ou);
        // As AWS writes it, which is how serde does too.
        let state = serde_json::to_value(state).ok();
        let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or("UNKNOWN").to_owned();
        self.accounts
            .add(id.as_str(), (id.as_str(), name, ou, state, *management, *unread, LISTED, Some(tags)));
    }

    fn person(&mut self, person: &'a Person) {
        let Person { id, user_name, display_name, gone } = person;
        let listed = if *gone { GONE } else { LISTED };
        let display = display_name.as_deref().unwrap_or_default();
        self.people.add(id.as_str(), (id.as_str(), user_name, display, listed));
    }

    fn group(&mut self, group: &'a AuditedGroup) {
        let AuditedGroup { id, name, members, members_unread, gone } = group;
        let members = differences(members.iter().map(|member| self.people.number(member.as_str())));
        let listed = if *gone { GONE } else { LISTED };
        self.groups.add(id.as_str(), (id.as_str(), name, members, *members_unread, listed));
    }

    fn set(&mut self, set: &'a AuditedSet) {
        let AuditedSet {
            arn,
            name,
            description,
            session_duration,
            relay_state,
            tags,
            managed_policies,
            customer_managed_policies,
            inline_policy,
            permissions_boundary,
            declared,
            differs,
            unread,
            provisioned,
            outdated,
        } = set;
        let facts = SetFacts {
            description: description.as_deref(),
            session_duration: session_duration.as_ref().map(ToString::to_string),
            relay_state: relay_state.as_deref(),
            tags,
            managed_policies: managed_policies.iter().map(ManagedPolicyArn::as_str).collect(),
            customer_managed_policies: customer_managed_policies.iter().map(ToString::to_string).collect(),
            inline_policy: inline_policy.as_ref(),
            permissions_boundary: permissions_boundary.as_ref().map(ToString::to_string),
            declared: *declared,
            differs: *differs,
            unread: *unread,
        };
        let row = CompactSet {
            set: Some(facts),
            arn: arn.as_str(),
            name,
            listed: LISTED,
            provisioned: differences(provisioned.iter().map(|id| self.accounts.number(id.as_str()))),
            outdated: differences(outdated.iter().map(|id| self.accounts.number(id.as_str()))),
        };
        self.sets.add(arn.as_str(), row);
    }

    fn principal(&mut self, principal: &'a Principal) -> usize {
        match principal {
            Principal::Group(id) => self.groups.number(id.as_str()),
            Principal::User(id) => self.groups.rows.len() + self.people.number(id.as_str()),
        }
    }

    fn rules(&mut self, rules: impl IntoIterator<Item = &'a RuleId>) -> usize {
        let rules = rules.into_iter().map(|rule| self.rules.number(rule.as_str())).collect();
        let next = self.rule_lists.len();
        *self.rule_lists.entry(rules).or_insert(next)
    }

    /// In the order of account, permission set and principal, by their numbers: the script counts on it.
    fn assignments(&mut self, assignments: &'a [Assignment], epoch: i64) -> CompactAssignments {
        let mut rows: Vec<_> = assignments
            .iter()
            .map(|one| {
                let account = self.accounts.number(one.key.account.as_str());
                let set = self.sets.number(one.key.permission_set.as_str());
                (account, set, self.principal(&one.key.principal), one)
            })
            .collect();
        rows.sort_by_key(|(account, set, principal, _)| (*account, *set, *principal));
        let mut columns = CompactAssignments::default();
        let (mut last_account, mut last_set) = (0, 0);
        for (account, set, principal, one) in rows {
            let Assignment { key: _, present, standing, ours, wanted, rules, since, cause, until, note } =
                one;
            columns.account.push(column(account) - last_account);
            columns.set.push(column(set) - last_set);
            (last_account, last_set) = (column(account), column(set));
            columns.principal.push(principal);
            columns
                .standing
                .push(Standing::ALL.iter().position(|other| other == standing).unwrap_or_default());
            columns.flags.push(u8::from(*present) | u8::from(*ours) << 1 | u8::from(*wanted) << 2);
            columns.rules.push(self.rules(rules));
            columns.since.push(after(*since, epoch));
            columns.cause.push(self.texts.maybe(cause.as_deref()));
            columns.until.push(after(*until, epoch));
            columns.note.push(self.texts.maybe(note.as_deref()));
        }
        columns
    }

    fn changes(&mut self, changes: &'a [Change], epoch: i64) -> CompactChanges {
        let mut columns = CompactChanges::default();
        for Change { at, change, account, permission_set, principal, person, cause, rules, note } in changes {
            columns.at.push(after(*at, epoch));
            columns.change.push(ChangeKind::ALL.iter().position(|kind| kind == change).unwrap_or_default());
            columns.account.push(self.accounts.maybe(account.as_ref().map(AccountId::as_str)));
            columns.set.push(self.sets.maybe(permission_set.as_ref().map(PermissionSetArn::as_str)));
            columns.principal.push(principal.as_ref().map_or(NONE, |one| column(self.principal(one))));
            columns.person.push(self.people.maybe(person.as_ref().map(UserId::as_str)));
            columns.cause.push(self.texts.maybe(cause.as_deref()));
            columns.rules.push(self.rules(rules));
            columns.note.push(self.texts.maybe(note.as_deref()));
        }
        columns
    }

    /// The pages that something unread belongs on.
    fn about(&mut self, scope: &'a Scope) -> Vec<(&'static str, usize)> {
        match scope {
            Scope::Assignments { account, permission_set } => {
                let mut about = vec![("account", self.accounts.number(account.as_str()))];
                about.extend(permission_set.as_ref().map(|arn| ("set", self.sets.number(arn.as_str()))));
                about
            }
            Scope::Account { account } | Scope::Departed { account } | Scope::Never { account } => {
                vec![("account", self.accounts.number(account.as_str()))]
            }
            Scope::PermissionSet { permission_set } | Scope::Provisioned { permission_set } => {
                vec![("set", self.sets.number(permission_set.as_str()))]
            }
            Scope::Members { group } => vec![("group", self.groups.number(group.as_str()))],
            Scope::AssignmentsOf { principal } | Scope::Principal { principal } => vec![match principal {
                Principal::Group(id) => ("group", self.groups.number(id.as_str())),
                Principal::User(id) => ("person", self.people.number(id.as_str())),
            }],
            Scope::People | Scope::Groups | Scope::Rule { .. } => Vec::new(),
        }
    }
}

fn compact_taken(taken: &Taken) -> CompactTaken<'_> {
    // `only` is said by the summary.
    let Taken {
        only: _,
        trusted_account_tags: _,
        trusted_permission_set_tags: _,
        began,
        ended,
        instance,
        identity_store,
        region,
        management_account,
        rules,
        mode,
        since,
        way,
    } = taken;
    CompactTaken {
        began: began.as_second(),
        ended: ended.as_second(),
        instance: instance.as_str(),
        identity_store: identity_store.as_str(),
        region: region.as_deref(),
        management_account: management_account.as_str(),
        rules: rules.as_ref().map(ToString::to_string),
        mode: *mode,
        since: since.map(Timestamp::as_second),
        way: *way,
    }
}

/// The earliest time that the report's rows tell of.
fn epoch(assignments: &[Assignment], changes: &[Change], taken: &Taken) -> i64 {
    let of_assignments = assignments.iter().flat_map(|one| [one.since, one.until]);
    let times = of_assignments.chain(changes.iter().map(|change| change.at)).flatten();
    times.map(Timestamp::as_second).chain([taken.began.as_second()]).min().unwrap_or_default()
}

fn after(time: Option<Timestamp>, epoch: i64) -> i64 {
    time.map_or(NONE, |time| time.as_second() - epoch)
}

/// A number in a column that may be empty: no report has more than fit.
fn column(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Numbers in their order, each told by what it is more than the one before.
fn differences(numbers: impl Iterator<Item = usize>) -> Vec<i64> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    let mut last = 0;
    numbers
        .into_iter()
        .map(|number| {
            let number = column(number);
            let difference = number - last;
            last = number;
            difference
        })
        .collect()
}
