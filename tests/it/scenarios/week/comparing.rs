//! After every sweep: is all as the rules want it, but for what says why not? Are the assignments of others what they were?

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{AccountId, AssignmentKey},
    ledger::Cause,
};
use simulator::World;

use super::running;
use crate::scenarios::{
    checker::Violation,
    ports::Ports,
    service::{Service, USHER},
};

/// The reasons for which a key may differ from what the rules want while nothing is wrong with AWS.
const REASONS: [&str; 10] = [
    "foreign",
    "observed",
    "create_only",
    "uncertain",
    "blocked",
    "account_not_active",
    "orphaned",
    "budget",
    "quota",
    "held",
];

/// Asks why what differs does.
pub(super) struct Comparing {
    /// As somebody sees AWS whose calls are not counted as the service's.
    ports: Ports,
    /// The differences that have been explained, with the reason.
    pub(super) excused: BTreeMap<AssignmentKey, &'static str>,
    /// The assignments that others have made.
    theirs: BTreeSet<AssignmentKey>,
}

impl Comparing {
    pub(super) fn new(service: &Service) -> Self {
        let ports = running::of_observer(service);
        let theirs = by_others(&service.world()).collect();
        Self { ports, excused: BTreeMap::new(), theirs }
    }

    /// Somebody has made an assignment by hand.
    pub(super) fn given_by_hand(&mut self, key: AssignmentKey) {
        self.theirs.insert(key);
    }

    /// Asks about every difference anew from now on.
    pub(super) fn ask_again(&mut self) {
        self.excused.clear();
    }

    /// What differs and says no reason that is allowed. What has said its reason before is not asked again.
    pub(super) async fn unexplained(&mut self, service: &Service) -> Vec<Violation> {
        let differences: BTreeMap<AssignmentKey, bool> =
            service.checker().differences(&service.world()).into_iter().collect();
        self.excused.retain(|key, _| differences.contains_key(key));
        let new = differences.keys().filter(|key| !self.excused.contains_key(*key));
        let accounts: BTreeSet<AccountId> = new.map(|key| key.account.clone()).collect();
        let cause = Cause::new("command", "comparing");
        for account in accounts {
            let (decided, _) = self.ports.planner().account(&account, &cause).await.unwrap();
            for withheld in decided.plan.withheld {
                if differences.contains_key(&withheld.key) {
                    self.excused.insert(withheld.key, withheld.reason.kind());
                }
            }
        }
        let unexplained = differences.into_iter().filter_map(|(key, wanted)| {
            let reason = self.excused.get(&key).copied();
            let excused = reason.is_some_and(|reason| REASONS.contains(&reason));
            (!excused).then(|| Violation::Differs { key, wanted, reason: reason.map(str::to_owned) })
        });
        let unexplained: Vec<Violation> = unexplained.collect();
        for violation in &unexplained {
            if let Violation::Differs { key, .. } = violation {
                self.excused.remove(key);
            }
        }
        unexplained
    }

    /// Assignments of others that are not there any more, or count as the service's.
    pub(super) fn touched(&self, world: &World) -> Vec<AssignmentKey> {
        let there: BTreeSet<AssignmentKey> = by_others(world).collect();
        self.theirs.difference(&there).cloned().collect()
    }
}

fn by_others(world: &World) -> impl Iterator<Item = AssignmentKey> {
    world.assignments().into_iter().filter(|(_, made)| *made.by.name != *USHER).map(|(key, _)| key)
}
