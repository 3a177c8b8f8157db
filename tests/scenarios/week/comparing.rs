//! After every sweep: is all as the rules want it, but for what says why not? Are the assignments of others what they were?

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{AccountId, AssignmentKey},
    engine::AccountHint,
    ledger::Cause,
    ports::Clock as _,
};
use simulator::World;

use super::running;
use crate::scenarios::{
    ports::Ports,
    promises::Violation,
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
        self.without_reason(differences)
    }

    /// The same, once no sweep has anything to add: a look that may write is asked, for what a budget holds back is no part of the plan
    /// itself. What that look acts on has no reason either, and should have been acted on before.
    pub(super) async fn unexplained_by_a_look(&mut self, service: &Service) -> Vec<Violation> {
        let found = self.unexplained(service).await;
        let mut differences = BTreeMap::new();
        for violation in found {
            if let Violation::Differs { key, wanted, .. } = violation {
                differences.insert(key, wanted);
            }
        }
        let accounts: BTreeSet<AccountId> = differences.keys().map(|key| key.account.clone()).collect();
        for account in accounts {
            let hint = AccountHint::new(account, Cause::new("command", "comparing"), service.clock.now());
            for withheld in service.ports.reconciler().account(&hint).await.unwrap().withheld {
                if differences.contains_key(&withheld.key) {
                    self.excused.insert(withheld.key, withheld.reason.kind());
                }
            }
        }
        self.without_reason(differences)
    }

    /// Those of the differences for which no reason was told that is allowed.
    fn without_reason(&mut self, differences: BTreeMap<AssignmentKey, bool>) -> Vec<Violation> {
        let mut found = Vec::new();
        for (key, wanted) in differences {
            let reason = self.excused.get(&key).copied();
            if !reason.is_some_and(|reason| REASONS.contains(&reason)) {
                self.excused.remove(&key);
                found.push(Violation::Differs { key, wanted, reason: reason.map(str::to_owned) });
            }
        }
        found
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
