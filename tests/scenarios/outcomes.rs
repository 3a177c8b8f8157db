//! What is told on the outcome bus: each thing once, with its cause, and nobody's name.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;
use shared::{
    domain::{AssignmentKey, Principal},
    outcome::{Happened, Outcome},
    ports::{Clock as _, Ledger as _, LedgerReader as _, OutcomeBus, PortError, Told},
};
use simulator::{Fault, wire::identity_store as store, wire::sso_admin as sso};

use super::{
    holds::repairing,
    members::{joins, leaves},
    model::{Rules, Who, group, in_ou, rule, rules},
    service::Service,
};

pub(super) const ALBA: &str = "alba@example.com";
pub(super) const BRUNO: &str = "bruno@example.com";

pub(super) fn developers() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))])
}

/// What has been told since the last time.
pub(super) async fn told(service: &Service) -> Vec<Outcome> {
    tick::handle(service.ports.tick()).await.unwrap();
    assert_eq!(service.ledger.untold(10).await.unwrap(), [], "all is told");
    let told = std::mem::take(&mut *service.ports.outcomes.0.lock().unwrap());
    let ids: BTreeSet<&str> = told.iter().map(|outcome| outcome.id.as_str()).collect();
    assert_eq!(ids.len(), told.len(), "each has an id of its own: {told:?}");
    for outcome in &told {
        let text = outcome.detail().to_string();
        for name in ["alba", "bruno", "Alba", "Bruno", "Developers", "Support", "Auditors"] {
            assert!(!text.contains(name), "{name} is told: {text}");
        }
    }
    told
}

pub(super) fn words(told: &[Outcome]) -> Vec<String> {
    let word = |outcome: &Outcome| {
        let detail = outcome.detail();
        let more =
            ["reason", "by", "drift", "response"].map(|name| detail[name].as_str().unwrap_or_default());
        format!("{} {}", outcome.happened.word(), more.join(" "))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    told.iter().map(word).collect()
}

pub(super) async fn settled(rules: &Rules) -> Service {
    let service = Service::new();
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

fn key(service: &Service) -> AssignmentKey {
    service.key("play", "ReadOnlyAccess", "Developers")
}

async fn revoked_by_hand(service: &Service) {
    let key = key(service);
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    for _ in 0..3 {
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_and_revoked_is_told_once_with_the_event_the_rule_and_its_version() {
    let service = settled(&developers()).await;
    let version = service.ledger.rules_in_force().await.unwrap().unwrap().version;
    let first = told(&service).await;
    assert_eq!(words(&first), ["granted"]);
    assert_eq!(first[0].happened, Happened::Granted { assignment: key(&service) });
    assert!(first[0].cause.as_str().starts_with("sweep:"), "{first:?}");

    service.pass(Duration::from_mins(10)).await;
    service.move_to("play", "Workloads/Production").await;
    service.settle().await;
    let second = told(&service).await;
    assert_eq!(words(&second), ["revoked"]);
    assert!(second[0].cause.as_str().starts_with("event:"), "{second:?}");
    for outcome in first.iter().chain(&second) {
        assert_eq!(outcome.rules, ["dev".parse().unwrap()].into());
        assert_eq!(outcome.rules_version.as_ref(), Some(&version));
    }
    service.converged(&[]).await;
    assert_eq!(words(&told(&service).await), [""; 0], "nothing is told twice");
}

#[tokio::test(start_paused = true)]
async fn what_others_have_made_is_told_when_it_is_found_and_again_only_when_it_has_been_otherwise() {
    let service = Service::new();
    let key = key(&service);
    service.grant_by_hand(&key).await;
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(words(&told(&service).await), ["withheld foreign"]);
    for _ in 0..3 {
        service.pass(Duration::from_mins(10)).await;
        service.sweep_and_settle().await;
    }
    assert_eq!(words(&told(&service).await), [""; 0]);
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    service.pass(Duration::from_mins(10)).await;
    service.sweep_and_settle().await;
    assert_eq!(words(&told(&service).await), ["granted"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_by_hand_is_drift_and_held_or_made_again_as_its_rule_says() {
    let service = settled(&developers()).await;
    told(&service).await;
    revoked_by_hand(&service).await;
    assert_eq!(words(&told(&service).await), ["drift_found missing held", "held deleted_by_hand"]);

    let mut service = Service::new();
    service.ports.rulebook = Arc::new(repairing(&developers()));
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    told(&service).await;
    revoked_by_hand(&service).await;
    assert_eq!(words(&told(&service).await), ["drift_found missing repaired", "granted"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_is_told_and_one_that_is_refused_for_good_is_told_as_blocked() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 2);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let failures = told(&service).await;
    let all = words(&failures);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[..2].iter().all(|word| word.starts_with("failed An unexpected internal")), "{all:?}");
    assert_eq!(all[2], "granted");

    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::AccessDenied, 1);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let blocked = told(&service).await;
    assert!(matches!(&blocked[..], [one] if one.happened.word() == "blocked"), "{blocked:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_or_leaves_a_group_that_is_granted_itself_is_told_to_gain_or_lose_what_it_has() {
    let service = settled(&developers()).await;
    told(&service).await;
    joins(&service, BRUNO, "Developers").await;
    service.settle().await;
    let gained = told(&service).await;
    let bruno = service.world().user_named(BRUNO).unwrap();
    let Happened::Gained(membership) = &gained[0].happened else { panic!("{gained:?}") };
    assert_eq!((gained.len(), &membership.user), (1, &bruno));
    let access = &membership.access;
    assert_eq!(access.len(), 1);
    assert_eq!(access[0].account, service.account("play"));
    assert_eq!(access[0].permission_set, key(&service).permission_set);
    assert_eq!(access[0].rules, ["dev".parse().unwrap()].into());
    assert!(gained[0].cause.as_str().starts_with("event:"), "{gained:?}");

    leaves(&service, BRUNO, "Developers").await;
    service.settle().await;
    let lost = told(&service).await;
    assert!(
        matches!(&lost[..], [one] if matches!(&one.happened, Happened::Lost(it) if it == membership)),
        "{lost:?}"
    );
    // Each time that somebody joins is another.
    joins(&service, BRUNO, "Developers").await;
    service.settle().await;
    let again = told(&service).await;
    assert_eq!(words(&again), ["gained"]);
    assert_ne!(again[0].id, gained[0].id);
    service.converged(&[]).await;
    assert_eq!(words(&told(&service).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_by_another_group_is_neither_gained_nor_lost() {
    let both = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
        group("sup", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
        group("more", "Support").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
    ]);
    let service = settled(&both).await;
    told(&service).await;
    joins(&service, ALBA, "Support").await;
    service.settle().await;
    let gained = told(&service).await;
    let Happened::Gained(membership) = &gained[0].happened else { panic!("{gained:?}") };
    let sets: Vec<_> = membership.access.iter().map(|access| &access.permission_set).collect();
    assert_eq!(sets, [&service.world().permission_set_named("PowerUserAccess").unwrap()]);
    leaves(&service, ALBA, "Developers").await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_members_that_no_event_told_is_found_by_the_sweep() {
    let service = settled(&developers()).await;
    told(&service).await;
    joins(&service, BRUNO, "Developers").await;
    drop(service.take_events());
    service.pass(Duration::from_mins(30)).await;
    service.sweep_and_settle().await;
    let found = told(&service).await;
    assert_eq!(words(&found), ["gained"]);
    assert!(found[0].cause.as_str().starts_with("sweep:"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_deleted_and_whoever_was_in_a_group_that_is_deleted_loses_what_it_had() {
    let service = settled(&developers()).await;
    told(&service).await;
    let store_id = service.world().identity_store();
    let alba = service.world().user_named(ALBA).unwrap().to_string();
    let input = store::DeleteUser { identity_store_id: store_id, user_id: alba, revision: None };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["lost"]);

    joins(&service, BRUNO, "Developers").await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["gained"]);
    let id = service.world().group_named("Developers").unwrap();
    service.person(|world, now, who| world.delete_group(now, who, &id)).await.unwrap();
    service.settle().await;
    let mut all = words(&told(&service).await);
    all.sort();
    assert_eq!(all, ["lost", "withheld orphaned"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_group_had_is_cleaned_up_after_a_day_within_a_budget_of_its_own() {
    let mut document =
        rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))]);
    document.max_deletes = 0;
    document.max_delete_percent = 0;
    document.max_orphan_deletes = 2;
    let service = settled(&document).await;
    let id = service.world().group_named("Developers").unwrap();
    let before = service.assignments().len();
    assert!(before >= 3);
    service.person(|world, now, who| world.delete_group(now, who, &id)).await.unwrap();
    service.settle().await;
    service.pass(Duration::from_hours(23)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), before, "its grace is not over");
    told(&service).await;
    service.pass(Duration::from_hours(2)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), before - 2, "the budget of the day is spent");
    let cleaned = told(&service).await;
    let is_cleaned = |it: &&Outcome| matches!(it.happened, Happened::Revoked { orphan: true, .. });
    assert_eq!(cleaned.iter().filter(is_cleaned).count(), 2, "{cleaned:?}");
    assert_eq!(words(&cleaned).iter().filter(|word| *word == "withheld budget").count(), before - 2);
    // Nobody looks at what waits for the next day.
    service.pass(Duration::from_mins(10)).await;
    assert_eq!(service.sweep().await.unwrap().differing, 0);
    assert_eq!(service.inbox.depth().waiting, 0);
    service.pass(Duration::from_hours(24)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0], "nobody has to approve it");
    let rows = service.rows().await;
    assert!(rows.iter().all(|row| row.orphaned_since.is_some() && row.state.label() == "closed"));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_late_event_of_a_grant_of_ours_that_is_taken_back_is_told_as_nobody_else_s() {
    let mut service = Service::new();
    // A person with a role of another name runs `usher apply` beside the functions.
    service.ports.own_roles = [].into();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    drop(service.take_events());
    service.run_engine().await;
    let granted = service.take_events();
    service.move_to("play", "Workloads/Production").await;
    service.pass(Duration::from_mins(6)).await;
    service.settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    told(&service).await;
    service.deliver(granted).await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), [""; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_that_somebody_else_makes_is_told_and_left() {
    let service = settled(&developers()).await;
    told(&service).await;
    let other = service.key("play", "PowerUserAccess", "Support");
    let input: sso::CreateAccountAssignment = serde_json::from_value(json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6",
        "TargetId": other.account,
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": other.permission_set,
        "PrincipalType": "GROUP",
        "PrincipalId": other.principal.id(),
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    // Its event comes while AWS is still at it.
    service.deliver_events().await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["drift_found foreign left"]);
    assert!(service.exists(&other));

    let input: sso::DeleteAccountAssignment = serde_json::from_value(json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6",
        "TargetId": other.account,
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": other.permission_set,
        "PrincipalType": "GROUP",
        "PrincipalId": other.principal.id(),
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.deliver_events().await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), [""; 0], "what goes is not told as made");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_begins_again_is_told_again_under_another_id() {
    let service = settled(&developers()).await;
    told(&service).await;
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        service.pause().await;
        service.move_to("play", "Workloads/Production").await;
        service.settle().await;
        let paused = told(&service).await;
        assert_eq!(words(&paused), ["withheld paused"]);
        ids.insert(paused[0].id.clone());
        service.move_to("play", "Sandbox").await;
        service.settle().await;
        service.resume().await;
        service.pass(Duration::from_mins(10)).await;
        service.sweep_and_settle().await;
        assert_eq!(words(&told(&service).await), [""; 0]);
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_taken_out_of_two_groups_at_once_loses_what_neither_gives_any_more() {
    let both = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
        group("sup", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ]);
    let service = settled(&both).await;
    joins(&service, ALBA, "Support").await;
    service.settle().await;
    told(&service).await;
    leaves(&service, ALBA, "Developers").await;
    leaves(&service, ALBA, "Support").await;
    service.settle().await;
    let lost = told(&service).await;
    assert!(!lost.is_empty() && lost.iter().all(|it| it.happened.word() == "lost"), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_member_of_several_groups_keeps_what_one_of_them_still_gives() {
    let service = settled(&rules([
        rule("a", Who::MembersOf("Developers".to_owned()))
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Sandbox")),
        rule("b", Who::MembersOf("Support".to_owned())).gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ]))
    .await;
    let alba = Principal::User(service.world().user_named(ALBA).unwrap());
    let key = AssignmentKey { principal: alba, ..key(&service) };
    joins(&service, ALBA, "Support").await;
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    leaves(&service, ALBA, "Developers").await;
    service.settle().await;
    assert!(service.exists(&key));
    leaves(&service, ALBA, "Support").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

/// A bus that takes nothing, or takes it and then doesn't answer.
struct Unsteady {
    taken: std::sync::Mutex<Vec<String>>,
    answers: std::sync::Mutex<Vec<Result<Told, PortError>>>,
}

#[async_trait::async_trait]
impl OutcomeBus for Unsteady {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        let answer = self.answers.lock().unwrap().pop().unwrap_or(Ok(Told::Taken));
        if !matches!(answer, Ok(Told::Refused(_))) {
            self.taken.lock().unwrap().extend(outcomes.iter().map(|outcome| outcome.id.clone()));
        }
        answer.map(|told| vec![told; outcomes.len()])
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_bus_refuses_or_does_not_answer_is_told_again_under_the_same_id() {
    let service = settled(&developers()).await;
    let lost = Err(PortError::Failed("no answer".to_owned()));
    let refused = Ok(Told::Refused("InternalFailure".to_owned()));
    let bus = Unsteady { taken: std::sync::Mutex::default(), answers: vec![lost, refused].into() };
    let tick = || shared::engine::Tick { outcomes: &bus, ..service.ports.tick() };
    let summary = tick::handle(tick()).await.unwrap();
    assert_eq!(summary.told, 0);
    tick::handle(tick()).await.unwrap_err();
    assert_eq!(tick::handle(tick()).await.unwrap().told, 1);
    assert_eq!(tick::handle(tick()).await.unwrap().told, 0);
    let taken = bus.taken.into_inner().unwrap();
    assert_eq!(taken.len(), 2, "once without an answer");
    assert_eq!(taken[0], taken[1]);
}

/// A bus that never takes the outcome with this id.
struct Picky(String);

#[async_trait::async_trait]
impl OutcomeBus for Picky {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        let refuse = |outcome: &Outcome| {
            if outcome.id == self.0 { Told::Refused("too large".to_owned()) } else { Told::Taken }
        };
        Ok(outcomes.iter().map(refuse).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_refused_for_ever_hides_none_that_comes_after_it() {
    let service = settled(&developers()).await;
    let stuck = service.ledger.untold(1).await.unwrap().remove(0);
    let picky = Picky(stuck.id.clone());
    let later = Outcome::new(
        Happened::RulesRefused { refused: None, reason: "empty".to_owned() },
        "later",
        service.clock.now(),
        stuck.cause.clone(),
    );
    service.ledger.tell(std::slice::from_ref(&later)).await.unwrap();
    let summary =
        tick::handle(shared::engine::Tick { outcomes: &picky, ..service.ports.tick() }).await.unwrap();
    assert_eq!(summary.told, 1);
    assert_eq!(service.ledger.untold(10).await.unwrap(), [stuck]);
}
