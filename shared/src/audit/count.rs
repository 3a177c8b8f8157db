//! A report in numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Audit, Standing, Unread};
use crate::domain::UserId;

/// How much there is of what.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub accounts: usize,
    pub permission_sets: usize,
    /// Permission sets that are an older version somewhere.
    pub outdated_sets: usize,
    pub groups: usize,
    pub people: usize,
    /// People who can reach something.
    pub people_with_access: usize,
    /// Assignments that AWS has.
    pub assignments: usize,
    /// Assignments by their standing, those that AWS hasn't included.
    pub standings: BTreeMap<Standing, usize>,
    /// Those of them that AWS hasn't.
    #[serde(default)]
    pub absent: BTreeMap<Standing, usize>,
    /// Assignments that AWS has and that end by themselves.
    pub expiring: usize,
    pub changes: usize,
    pub unread: usize,
    pub changed_meanwhile: usize,
}

impl Counts {
    pub fn of(audit: &Audit) -> Self {
        let mut standings: BTreeMap<Standing, usize> = Standing::ALL.iter().map(|one| (*one, 0)).collect();
        for one in &audit.assignments {
            *standings.entry(one.standing).or_default() += 1;
        }
        let mut absent = BTreeMap::new();
        for one in audit.assignments.iter().filter(|one| !one.present) {
            *absent.entry(one.standing).or_default() += 1;
        }
        let Audit { unread, changed_meanwhile, changes, .. } = audit;
        Self {
            accounts: audit.accounts.len(),
            permission_sets: audit.permission_sets.len(),
            outdated_sets: audit.permission_sets.iter().filter(|set| !set.outdated.is_empty()).count(),
            groups: audit.groups.len(),
            people: audit.people.iter().filter(|person| !person.gone).count(),
            people_with_access: with_access(audit).len(),
            assignments: audit.assignments.iter().filter(|one| one.present).count(),
            standings,
            absent,
            expiring: audit.assignments.iter().filter(|one| one.present && one.until.is_some()).count(),
            changes: changes.len(),
            unread: unread.len(),
            changed_meanwhile: changed_meanwhile.len(),
        }
    }

    /// How many have this standing.
    pub fn standing(&self, standing: Standing) -> usize {
        self.standings.get(&standing).copied().unwrap_or_default()
    }

    /// How many of those are not there, in words; nothing if all are.
    pub fn not_there(&self, standing: Standing) -> String {
        match self.absent.get(&standing) {
            Some(absent) if *absent > 0 => format!("; {absent} not there"),
            Some(_) | None => String::new(),
        }
    }
}

/// Everybody who can reach something.
fn with_access(audit: &Audit) -> BTreeSet<&UserId> {
    use crate::domain::Principal;
    let groups: BTreeMap<_, _> = audit.groups.iter().map(|group| (&group.id, group)).collect();
    let gone: BTreeSet<&UserId> = audit.people.iter().filter(|one| one.gone).map(|one| &one.id).collect();
    let principals: BTreeSet<&Principal> =
        audit.assignments.iter().filter(|one| one.present).map(|one| &one.key.principal).collect();
    let mut people = BTreeSet::new();
    for principal in principals {
        match principal {
            Principal::User(user) => _ = people.insert(user),
            Principal::Group(id) => {
                people.extend(groups.get(id).into_iter().flat_map(|group| &group.members));
            }
        }
    }
    people.retain(|user| !gone.contains(user));
    people
}

impl Unread {
    /// In one line.
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.what, self.why)
    }
}
