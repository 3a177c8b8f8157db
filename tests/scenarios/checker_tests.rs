//! The checker is checked: each promise is broken by hand, and it has to say so.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AccountState, AssignmentKey, Operation, Principal},
    engine::EngineSettings,
    ledger::{Cause, Claim, Fence, Intent, Row, State},
};
use simulator::{Caller, CallerKind, Settings, World, wire::sso_admin as sso};

use super::{
    checker::Checker,
    model::{Reach, Rules, Where, group, in_ou, rules},
    promises::Violation,
    service::{SMALL, USHER},
};

/// A world, a checker, and a product that does whatever a test says.
struct Broken {
    world: World,
    checker: Checker,
    rows: Vec<Row>,
    now: Timestamp,
}

impl Broken {
    /// Developers may read everywhere outside of the sandbox; Support never.
    fn new() -> Self {
        let world = World::from_yaml(SMALL, Settings::default()).unwrap();
        let mut broken = Self {
            world,
            checker: Checker::new(USHER, EngineSettings::default()),
            rows: Vec::new(),
            now: "2026-11-02T09:00:00Z".parse().unwrap(),
        };
        broken.publish(&document());
        broken
    }

    fn publish(&mut self, rules: &Rules) {
        self.checker.rules_published(self.now, rules);
        self.check();
    }

    fn caller(&self, name: &str) -> Caller {
        Caller::new(name, self.world.management_account().clone(), CallerKind::Management)
    }

    fn key(&self, account: &str, group: &str) -> AssignmentKey {
        AssignmentKey {
            account: self.world.account_named(account).unwrap(),
            permission_set: self.world.permission_set_named("ReadOnlyAccess").unwrap(),
            principal: Principal::Group(self.world.group_named(group).unwrap()),
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.world.advance(self.now);
    }

    fn grant(&mut self, key: &AssignmentKey) {
        let input = sso::CreateAccountAssignment {
            instance_arn: self.world.instances_mut()[0].arn.to_string(),
            target_id: key.account.to_string(),
            target_type: "AWS_ACCOUNT".into(),
            permission_set_arn: key.permission_set.to_string(),
            principal_type: "GROUP".into(),
            principal_id: key.principal.id().into(),
        };
        let _ = self.world.call(self.now, &self.caller(USHER), input);
    }

    fn revoke(&mut self, key: &AssignmentKey) {
        let input = sso::DeleteAccountAssignment {
            instance_arn: self.world.instances_mut()[0].arn.to_string(),
            target_id: key.account.to_string(),
            target_type: "AWS_ACCOUNT".into(),
            permission_set_arn: key.permission_set.to_string(),
            principal_type: "GROUP".into(),
            principal_id: key.principal.id().into(),
        };
        let _ = self.world.call(self.now, &self.caller(USHER), input);
    }

    /// The ledger says this about the key.
    fn row(&mut self, key: &AssignmentKey, state: State) {
        self.rows.retain(|row| row.key != *key);
        self.rows.push(Row {
            key: key.clone(),
            version: 1,
            state,
            wanted_by: BTreeMap::new(),
            rules: None,
            cause: Cause::new("event", "e"),
            attempts: 0,
            conflicts: 0,
            changed_at: self.now,
            missing_since: None,
            departed_since: None,
            orphaned_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            overheard: None,
            look_again: false,
            trouble: None,
            approval: None,
            hold: None,
            over_budget: None,
        });
    }

    /// A row that admits that something may be with AWS.
    fn sending(&mut self, key: &AssignmentKey) {
        let claim = Some(Claim { fence: Fence(1), at: self.now, request: None, polled: None });
        let intent = Intent {
            decided_at: self.now,
            not_before: None,
            not_after: None,
            fingerprint: String::new(),
            claim,
        };
        self.row(key, State::Granting(intent));
    }

    /// Granted as it should be.
    fn own(&mut self, key: &AssignmentKey) {
        self.sending(key);
        self.grant(key);
        self.pass(3);
        self.row(key, State::Ours);
        assert_eq!(self.check(), []);
    }

    fn check(&mut self) -> Vec<Violation> {
        self.checker.check(self.now, &self.world, &self.rows)
    }
}

fn document() -> Rules {
    let read = || group("read", "Developers").gets("ReadOnlyAccess");
    rules([read().in_accounts(Where::Any(vec![in_ou("Workloads"), Where::Named("gone".into())]))])
        .never(group("", "Support").gets("ReadOnlyAccess"))
}

#[test]
fn what_is_right_is_not_reported() {
    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.own(&key);
    let all = ["one-dev", "two-dev", "one-prod", "gone"].map(|account| broken.key(account, "Developers"));
    let found = broken.checker.converged(&broken.world, &BTreeMap::new(), &[]);
    let missing = |key: &AssignmentKey| Violation::Differs { key: key.clone(), wanted: true, reason: None };
    assert_eq!(found.len(), 3);
    assert!(all[1..].iter().all(|key| found.contains(&missing(key))));
}

#[test]
fn a_reason_excuses_only_if_it_was_declared_and_every_declared_one_must_occur() {
    let broken = Broken::new();
    let reasons: BTreeMap<_, _> = ["one-dev", "two-dev", "one-prod", "gone"]
        .map(|account| (broken.key(account, "Developers"), "blocked".to_owned()))
        .into();
    let ask = |declared: &[&str]| broken.checker.converged(&broken.world, &reasons, declared);
    assert_eq!(ask(&["blocked"]), []);
    assert_eq!(ask(&[]).len(), 4);
    assert_eq!(ask(&["blocked", "budget"]), [Violation::ReasonMissing("budget".into())]);
}

#[test]
fn a_delete_of_what_a_person_made_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("play", "Developers");
    let person = broken.caller("console-admin");
    broken.world.grant_by_hand(broken.now, &person, &key);
    assert_eq!(broken.check(), []);
    broken.pass(1);
    broken.sending(&key);
    broken.revoke(&key);
    assert_eq!(broken.check(), [Violation::DeletedTheirs(key.clone())]);
    broken.pass(3);
    assert_eq!(broken.check(), [Violation::DeletedTheirs(key.clone())]);
    broken.checker.taken_over.insert(key);
    assert_eq!(broken.check(), []);
}

#[test]
fn a_delete_of_what_a_person_made_again_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("play", "Developers");
    broken
        .publish(&rules([group("read", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]));
    broken.own(&key);
    broken.publish(&document());
    broken.pass(60);
    broken.revoke(&key);
    broken.pass(3);
    assert_eq!(broken.check(), []);
    broken.row(&key, State::Closed);
    let person = broken.caller("console-admin");
    broken.world.grant_by_hand(broken.now, &person, &key);
    broken.pass(1);
    broken.revoke(&key);
    broken.pass(3);
    assert!(broken.check().contains(&Violation::DeletedTheirs(key)));
}

#[test]
fn a_grant_that_nobody_wants_or_that_is_forbidden_is_reported() {
    for group in ["Auditors", "Support"] {
        let mut broken = Broken::new();
        let key = broken.key("one-dev", group);
        broken.sending(&key);
        broken.grant(&key);
        assert_eq!(broken.check(), [Violation::GrantedUnwanted(key)]);
    }
}

#[test]
fn a_grant_is_excused_by_facts_of_twenty_minutes_ago_and_not_by_rules_of_a_minute_ago() {
    let moved = |seconds: i64| {
        let mut broken = Broken::new();
        let key = broken.key("one-dev", "Developers");
        let person = broken.caller("console-admin");
        let to = simulator::World::ou_at(&broken.world, "Sandbox").unwrap();
        let now = broken.now;
        broken.world.move_account(now, &person, &key.account, &shared::domain::ParentId::Ou(to)).unwrap();
        assert_eq!(broken.check(), []);
        broken.pass(seconds);
        broken.sending(&key);
        broken.grant(&key);
        broken.check()
    };
    assert_eq!(moved(19 * 60), []);
    assert!(matches!(moved(21 * 60)[..], [Violation::GrantedUnwanted(_)]));

    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.publish(&rules([group("none", "Auditors").gets("ReadOnlyAccess")]));
    broken.pass(60);
    broken.sending(&key);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::GrantedUnwanted(key)]);
}

#[test]
fn a_grant_under_observation_is_reported() {
    let mut broken = Broken::new();
    let mut document = document();
    document.reach = Reach::Observe;
    broken.publish(&document);
    broken.pass(60);
    let key = broken.key("one-dev", "Developers");
    broken.sending(&key);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::GrantedUnwanted(key)]);
}

#[test]
fn a_delete_of_what_is_wanted_and_one_in_create_only_mode_are_reported() {
    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.own(&key);
    broken.revoke(&key);
    assert_eq!(broken.check(), [Violation::RevokedWanted(key.clone())]);
    broken.pass(3);
    broken.own(&key);
    let mut document = rules([group("none", "Auditors").gets("ReadOnlyAccess")]);
    document.reach = Reach::CreateOnly;
    broken.publish(&document);
    broken.pass(60);
    broken.revoke(&key);
    assert_eq!(broken.check(), [Violation::RevokedWithoutSync(key)]);
}

#[test]
fn an_assignment_or_a_request_without_a_row_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::NoRow(key.clone())]);
    broken.pass(3);
    assert_eq!(broken.check(), [Violation::NoRow(key.clone())]);
    broken.row(&key, State::Closed);
    assert_eq!(broken.check(), [Violation::NoRow(key)]);
}

#[test]
fn a_row_that_claims_what_no_request_of_ours_made_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.row(&key, State::Ours);
    assert_eq!(broken.check(), [Violation::NotProved(key.clone())]);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::NotProved(key.clone())], "accepted is not provisioned");
    broken.pass(3);
    assert_eq!(broken.check(), []);
}

#[test]
fn more_requests_than_the_window_holds_are_reported() {
    let mut broken = Broken::new();
    let settings = EngineSettings { window: 1, ..EngineSettings::default() };
    broken.checker = Checker::new(USHER, settings);
    broken.publish(&document());
    for account in ["one-dev", "two-dev"] {
        let key = broken.key(account, "Developers");
        broken.sending(&key);
        broken.grant(&key);
    }
    assert_eq!(broken.check(), [Violation::WindowExceeded(2)]);
}

#[test]
fn a_second_request_for_a_key_under_way_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("one-dev", "Developers");
    broken.sending(&key);
    broken.grant(&key);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::TwoAtOnce(key)]);
}

#[test]
fn a_throttle_of_our_own_making_is_reported_unless_the_scenario_makes_it() {
    let mut broken = Broken::new();
    let caller = broken.caller(USHER);
    for _ in 0..21 {
        let _ = broken.world.call(broken.now, &caller, sso::ListInstances::default());
    }
    assert_eq!(broken.check(), [Violation::Throttled("ListInstances".into())]);
    broken.checker.throttles_expected = true;
    let _ = broken.world.call(broken.now, &caller, sso::ListInstances::default());
    assert_eq!(broken.check(), []);
}

#[test]
fn a_write_to_an_account_that_has_not_been_active_for_a_while_is_reported() {
    let write_after = |seconds: i64| {
        let mut broken = Broken::new();
        let key = broken.key("one-dev", "Developers");
        broken.world.set_account_state(broken.now, &key.account, AccountState::Suspended);
        assert_eq!(broken.check(), []);
        broken.pass(seconds);
        broken.sending(&key);
        broken.grant(&key);
        broken.check()
    };
    assert_eq!(write_after(14 * 60), []);
    assert!(matches!(write_after(16 * 60)[..], [Violation::NotActive(_)]));
}

#[test]
fn a_write_to_the_management_account_is_reported() {
    let mut broken = Broken::new();
    let key = broken.key("management", "Developers");
    broken.publish(&rules([group("payer", "Developers")
        .gets("ReadOnlyAccess")
        .in_accounts(Where::Id(key.account.to_string()))]));
    broken.sending(&key);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::Management(key)]);
}

#[test]
fn a_write_outside_of_the_scope_is_reported() {
    let mut broken = Broken::new();
    broken.checker.scope = broken.world.account_named("two-dev");
    let key = broken.key("one-dev", "Developers");
    broken.sending(&key);
    broken.grant(&key);
    assert_eq!(broken.check(), [Violation::OutOfScope(key)]);
}

#[test]
fn more_deletes_in_a_day_than_the_guardrails_allow_are_reported() {
    let mut broken = Broken::new();
    let mut document = document();
    (document.max_deletes, document.max_delete_percent) = (1, 50);
    broken.checker = Checker::new(USHER, EngineSettings::default());
    broken.publish(&document);
    let keys = ["one-dev", "two-dev", "one-prod"].map(|account| broken.key(account, "Developers"));
    for key in &keys {
        broken.own(key);
    }
    let mut fewer = rules([group("none", "Auditors").gets("ReadOnlyAccess")]);
    (fewer.max_deletes, fewer.max_delete_percent) = (1, 50);
    broken.publish(&fewer);
    broken.pass(60);
    broken.revoke(&keys[0]);
    broken.pass(3);
    assert_eq!(broken.check(), []);
    broken.revoke(&keys[1]);
    assert_eq!(broken.check(), [Violation::OverBudget { deletes: 2, limit: 1 }]);
    broken.pass(i64::try_from(Duration::from_hours(24).as_secs()).unwrap());
    let requests = broken.world.request_log().filter(|r| r.operation == Operation::Revoke).count();
    assert_eq!(requests, 2);
}
