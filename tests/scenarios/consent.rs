//! What budgets hold back, and what people let through.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use shared::{
    domain::{AssignmentKey, Operation},
    engine::{
        AccountHint, PublishError, RulesOnHand,
        consent::{Consent, ConsentError, Proposal, journal},
    },
    ledger::{Cause, Consented},
    ports::{Clock as _, LedgerError, LedgerReader as _},
    rules::Bundle,
};

use super::{
    fleet::fleet,
    fuse::{Fuse, When, fused},
    model::{Rules, Where, group, in_ou, rules},
    service::{Service, Start, USHER},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// One rule for each of these groups, and one more that always stays.
fn teams(names: &[&str]) -> Rules {
    let team = |name: &&str| group(name, name).gets("Set0").in_accounts(in_ou("Fleet"));
    let stays = group("stays", "Auditors").gets("Set1").in_accounts(Where::Named("unit-00".into()));
    rules(names.iter().map(team).chain([stays]))
}

fn both() -> Rules {
    teams(&["Developers", "Support"])
}

async fn settled(accounts: usize, rules: &Rules) -> Service {
    let organization = fleet(accounts, 2);
    let service = Service::start(Start { organization: &organization, ..Start::default() });
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    service
}

fn revoked(service: &Service) -> usize {
    let world = service.world();
    world.request_log().filter(|r| *r.by.name == *USHER && r.operation == Operation::Revoke).count()
}

async fn waiting(service: &Service) -> BTreeSet<AssignmentKey> {
    let withheld = service.withheld().await;
    withheld.into_iter().filter(|(_, reason)| reason == "budget").map(|(key, _)| key).collect()
}

/// Developers lose everything, and the budget has let 25 go.
async fn over_budget(accounts: usize) -> Service {
    let service = settled(accounts, &teams(&["Developers"])).await;
    service.publish(&teams(&["Support"])).await;
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 25);
    service
}

#[tokio::test(start_paused = true)]
async fn an_ou_of_400_accounts_renamed_by_mistake_costs_one_budget_and_not_one_a_day() {
    let service = settled(400, &teams(&["Developers"])).await;
    assert_eq!(service.assignments().len(), 401);
    let ou = service.world().ou_at("Fleet").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Fleets")).await.unwrap();
    for _ in 0..3 {
        service.pass(Duration::from_mins(16)).await;
        service.sweep_and_settle().await;
        assert_eq!((revoked(&service), service.assignments().len()), (25, 376));
        service.pass(Duration::from_hours(24)).await;
    }
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Fleet")).await.unwrap();
    service.pass(Duration::from_mins(16)).await;
    service.sweep_and_settle().await;
    assert_eq!((revoked(&service), service.assignments().len()), (25, 401), "nothing is lost");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_emptied_are_refused_and_nobody_can_approve_them() {
    let service = settled(30, &both()).await;
    for text in
        ["", "version: 1\nsettings: { mode: sync }\n", "version: 1\nsettings: { mode: sync }\nrules: []\n"]
    {
        let bundle = Bundle { files: [("usher.yaml".to_owned(), text.to_owned())].into() };
        let refused =
            shared::engine::publish(&bundle, &*service.store, &*service.ledger, &*service.clock).await;
        assert!(matches!(refused, Err(PublishError::Empty | PublishError::Rules(_))), "{refused:?}");
        assert!(RulesOnHand::of(&bundle).is_err(), "there is no plan under them that could be approved");
        service.sweep_and_settle().await;
        assert_eq!((service.assignments().len(), revoked(&service)), (61, 0));
    }
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn retiring_a_whole_team_takes_one_approval() {
    let service = settled(60, &both()).await;
    let without = teams(&[]);
    let refused = service.try_publish(&without).await;
    assert!(matches!(refused, Err(PublishError::Shrunk { before: 3, after: 1 })), "{refused:?}");

    let record = service.approve_plan(Some(&without), DAY).await.unwrap();
    assert_eq!(service.assignments().len(), 121, "an approval sends nothing");
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 121, "and is worth nothing under the rules in force");
    // Something else spends most of the day's budget meanwhile.
    for n in 50..60 {
        service.move_to(&format!("unit-{n:02}"), "Yard").await;
    }
    service.settle().await;
    assert_eq!(revoked(&service), 20);
    service.publish(&without).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), ["unit-00 Set1 Auditors"]);
    service.converged(&[]).await;
    let Consented::Plan { operations, shrinks, .. } = record.what else { panic!("{record:?}") };
    assert_eq!((operations, shrinks), (120, true), "also what the budget of 25 would have let through");
    assert_eq!(journal(&*service.ledger).await.unwrap().len(), 1);
}

/// What one person approves of a plan with these ports, if nothing happens to them.
async fn approve_shrunk(service: &Service, rules: &Rules, when: When) -> (usize, Option<ConsentError>) {
    let proposal = service.proposal(Some(rules)).await;
    let fuse = Fuse::new(when);
    let ports = fused(&service.ports, &fuse);
    let consent = Consent { ledger: &*ports.ledger, ..service.consent() };
    let (from, until) = (service.clock.now(), service.clock.now() + DAY);
    service.approved(&proposal, from, until, |_| true);
    let hash = proposal.hash().clone();
    let error = tokio::select! {
        record = consent.approve_plan(&proposal, &hash, until) => record.err(),
        () = fuse.blown() => None,
    };
    (fuse.count(), error)
}

#[tokio::test(start_paused = true)]
async fn rules_that_have_shrunk_come_into_force_only_when_all_of_their_plan_is_approved() {
    let without = teams(&[]);
    let (steps, error) = approve_shrunk(&settled(60, &both()).await, &without, When::Never).await;
    assert!(steps >= 4 && error.is_none(), "{steps} steps, {error:?}");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = settled(60, &both()).await;
            approve_shrunk(&service, &without, when).await;
            let published = service.try_publish(&without).await;
            if when == When::After(steps - 1) {
                published.unwrap();
            } else {
                assert!(matches!(published, Err(PublishError::Shrunk { .. })), "{when:?}: {published:?}");
                // Once more, to the end.
                service.approve_plan(Some(&without), DAY).await.unwrap();
                service.publish(&without).await;
            }
            service.sweep_and_settle().await;
            assert_eq!(service.assignments(), ["unit-00 Set1 Auditors"], "{when:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_breaks_off_says_how_far_it_got() {
    let (service, without) = (settled(100, &both()).await, teams(&[]));
    let (_, error) = approve_shrunk(&service, &without, When::Fails(1)).await;
    assert!(matches!(error, Some(ConsentError::Ledger(_))), "{error:?}");
    let (_, error) = approve_shrunk(&service, &without, When::Fails(2)).await;
    let Some(ConsentError::Partly { approved: 90, all, why }) = error else { panic!("{error:?}") };
    assert!(all > 90 && matches!(*why, ConsentError::Ledger(_)), "{why:?}");
    assert!(matches!(service.try_publish(&without).await, Err(PublishError::Shrunk { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_rules_that_have_shrunk_is_for_those_that_they_replace() {
    let (service, without) = (settled(30, &both()).await, teams(&[]));
    service.approve_plan(Some(&without), DAY).await.unwrap();
    let mut other = both();
    other.max_creates = 400;
    service.publish(&other).await;
    let refused = service.try_publish(&without).await;
    assert!(matches!(refused, Err(PublishError::Shrunk { before: 3, after: 1 })), "{refused:?}");
    // They are the same as then, and may have been taken back for a reason since.
    service.publish(&both()).await;
    let refused = service.try_publish(&without).await;
    assert!(matches!(refused, Err(PublishError::Shrunk { before: 3, after: 1 })), "{refused:?}");
    service.pass(Duration::from_secs(1)).await;
    service.approve_plan(Some(&without), DAY).await.unwrap();
    service.publish(&without).await;
}

/// Whoever brings rules into force is slow, and somebody else brings others into force meanwhile.
#[tokio::test(start_paused = true)]
async fn rules_replace_those_that_they_were_compared_with() {
    let service = settled(2, &teams(&[])).await;
    let slow = fused(&service.ports, &Fuse::new(When::StallAfter(0, Duration::from_mins(1))));
    let bundle = teams(&["Support"]).bundle();
    let late = async {
        service.pass(Duration::from_secs(1)).await;
        service.publish(&both()).await;
    };
    let publish = shared::engine::publish(&bundle, &*service.store, &*slow.ledger, &*service.clock);
    let (published, ()) = tokio::join!(publish, late);
    assert!(matches!(published, Err(PublishError::Ledger(LedgerError::RulesChanged))), "{published:?}");
}

#[tokio::test(start_paused = true)]
async fn an_approved_plan_goes_at_once_and_is_the_same_plan_until_it_has() {
    let service = over_budget(40).await;
    let before = service.proposal(None).await;
    assert_eq!((before.over_budget().count(), before.scope().0.len()), (15, 15));
    service.pass(Duration::from_hours(24)).await;
    assert_eq!(service.proposal(None).await.hash(), before.hash(), "midnight makes it no other plan");

    let record = service.approve_plan(None, DAY).await.unwrap();
    assert_eq!(service.proposal(None).await.hash(), before.hash(), "nor does its approval");
    assert!(matches!(service.approve_plan(None, DAY).await, Err(ConsentError::NothingToApprove)));
    assert_eq!((record.by.as_str(), record.reason.as_str()), (super::people::ALBA, "a drill"));
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 40);
    service.converged(&[]).await;
    assert_ne!(service.proposal(None).await.hash(), before.hash());
}

#[tokio::test(start_paused = true)]
async fn an_approval_for_a_plan_that_has_changed_since_is_refused() {
    let service = over_budget(40).await;
    let seen = service.proposal(None).await;
    service.tag("unit-39", "Kind", "other").await;
    service.settle().await;
    assert_eq!(service.proposal(None).await.hash(), seen.hash(), "a tag that no rule asks for is no change");
    let foreign = service.key("unit-39", "Set0", "Support");
    service.disown(&foreign).await.unwrap();
    let until = service.clock.now() + DAY;
    let refused = service.consent().approve_plan(&service.proposal(None).await, seen.hash(), until).await;
    assert!(matches!(refused, Err(ConsentError::PlanChanged { .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("run `usher plan` again"));
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 25);

    // It was seen, and the rows have changed under it: what is under way is not approved.
    let proposal = service.proposal(None).await;
    let key = proposal.over_budget().next().unwrap().key.clone();
    service.disown(&key).await.unwrap();
    let refused = service.consent().approve_plan(&proposal, &proposal.hash().clone(), until).await;
    assert!(matches!(refused, Err(ConsentError::Changed(_))), "{refused:?}");
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 25);
    for ends in [SignedDuration::ZERO, SignedDuration::from_hours(32 * 24)] {
        assert!(matches!(service.approve_plan(None, ends).await, Err(ConsentError::Ends)));
    }
}

#[tokio::test(start_paused = true)]
async fn exactly_the_keys_that_are_named_go_and_the_approval_is_used_up() {
    let service = over_budget(40).await;
    let waits = waiting(&service).await;
    assert_eq!(waits.len(), 15);
    let named: BTreeSet<_> = waits.iter().take(4).cloned().collect();
    service.approve_keys(&named, DAY).await.unwrap();
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 29);
    assert!(named.iter().all(|key| !service.exists(key)));
    assert!(waits.difference(&named).all(|key| service.exists(key)));

    // Given again and taken away again: that was not approved.
    service.publish(&both()).await;
    service.sweep_and_settle().await;
    assert!(named.iter().all(|key| service.exists(key)));
    service.publish(&teams(&["Support"])).await;
    service.sweep_and_settle().await;
    assert!(named.iter().all(|key| service.exists(key)));
    assert_eq!(revoked(&service), 29);
    service.converged(&["budget"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_ends_and_is_worth_nothing_under_other_rules() {
    let service = over_budget(40).await;
    service.approve_plan(None, SignedDuration::from_hours(1)).await.unwrap();
    service.pass(Duration::from_hours(1)).await;
    service.sweep_and_settle().await;
    assert_eq!((revoked(&service), waiting(&service).await.len()), (25, 15), "it has expired");

    service.approve_plan(None, DAY).await.unwrap();
    let mut other = teams(&["Support"]);
    other.max_creates = 400;
    service.publish(&other).await;
    service.sweep_and_settle().await;
    assert_eq!((revoked(&service), waiting(&service).await.len()), (25, 15), "it was for other rules");
    service.approve_plan(None, DAY).await.unwrap();
    service.sweep_and_settle().await;
    assert_eq!(revoked(&service), 40);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn only_what_waits_for_a_budget_can_be_approved() {
    let service = over_budget(40).await;
    let refused = async |key: &AssignmentKey| {
        service.approve_keys(&BTreeSet::from([key.clone()]), DAY).await.unwrap_err().to_string()
    };
    let done = service.key("unit-00", "Set1", "Auditors");
    assert!(refused(&done).await.contains("usher withheld"), "{}", refused(&done).await);
    let key = waiting(&service).await.pop_first().unwrap();
    service.hold_key(&key).await;
    let why = refused(&key).await;
    assert!(why.contains("on hold") && why.contains("usher release"), "{why}");
    service.release_key(&key).await;
    service.pause().await;
    assert!(refused(&key).await.contains("usher resume"));
    service.resume().await;
    let none = service.approve_keys(&BTreeSet::new(), DAY).await;
    assert!(matches!(none, Err(ConsentError::NothingToApprove)));
    service.approve_keys(&BTreeSet::from([key.clone()]), DAY).await.unwrap();
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&["budget"]).await;
}

#[tokio::test(start_paused = true)]
async fn creates_over_their_budget_can_be_approved_and_go_on_the_next_day_if_not() {
    let mut few = teams(&["Developers"]);
    few.max_creates = 10;
    let service = settled(16, &few).await;
    assert_eq!((service.assignments().len(), waiting(&service).await.len()), (10, 7));
    let named: BTreeSet<_> = waiting(&service).await.into_iter().take(2).collect();
    service.approve_keys(&named, DAY).await.unwrap();
    assert!(matches!(service.approve_keys(&named, DAY).await, Err(ConsentError::NotWithheld(_))));
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 12);
    assert!(named.iter().all(|key| service.exists(key)));
    service.pass(Duration::from_hours(24)).await;
    service.converged(&[]).await;
    assert_eq!(service.assignments().len(), 17);
}

#[tokio::test(start_paused = true)]
async fn apply_of_a_plan_does_what_was_seen_and_nothing_else() {
    let service = settled(6, &teams(&["Developers"])).await;
    service.publish(&teams(&["Support"])).await;
    let scope = service.proposal(None).await.scope();
    assert_eq!(scope.0.len(), 12);
    // What comes after the plan was seen is not in it.
    let late = teams(&["Support"]);
    let key = service.key("unit-05", "Set0", "Developers");
    let mut seen = scope.clone();
    seen.0.remove(&(key.clone(), Operation::Revoke));
    service.publish(&late).await;
    for n in 0..6 {
        let account = service.account(&format!("unit-{n:02}"));
        let cause = Cause::new("command", "apply");
        let hint = AccountHint::new(account, cause, service.clock.now());
        let reconciled = service.ports.reconciler().account_within(&hint, &seen).await.unwrap();
        let out: Vec<_> = reconciled.withheld.iter().map(|withheld| withheld.reason.kind()).collect();
        assert_eq!(out, if n == 5 { vec!["not_in_plan"] } else { vec![] });
    }
    service.settle().await;
    assert!(service.exists(&key));
    assert_eq!(revoked(&service), 5);
    service.converged(&[]).await;
}

/// Whoever approves dies in the middle: what was approved is on record, and the rest still waits.
#[tokio::test(start_paused = true)]
async fn whoever_approves_may_die_before_or_after_anything_that_is_written() {
    let approve = async |service: &Service, when: When| {
        let proposal: Proposal = service.proposal(None).await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let consent = Consent { ledger: &*ports.ledger, ..service.consent() };
        let (from, until) = (service.clock.now(), service.clock.now() + DAY);
        service.approved(&proposal, from, until, |_| true);
        let hash = proposal.hash().clone();
        tokio::select! {
            record = consent.approve_plan(&proposal, &hash, until) => drop(record.unwrap()),
            () = fuse.blown() => {}
        }
        service.check().await;
        fuse.count()
    };
    let steps = approve(&over_budget(40).await, When::Never).await;
    assert!(steps >= 2, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = over_budget(40).await;
            approve(&service, when).await;
            let named: BTreeSet<_> = service
                .rows()
                .await
                .into_iter()
                .filter_map(|row| row.approval.map(|approval| approval.id))
                .collect();
            let kept: BTreeSet<_> =
                journal(&*service.ledger).await.unwrap().into_iter().map(|record| record.id).collect();
            assert!(named.is_subset(&kept), "{when:?}: an approval without a record");
            match service.approve_plan(None, DAY).await {
                Ok(_) | Err(ConsentError::NothingToApprove) => {}
                Err(error) => panic!("{when:?}: {error}"),
            }
            service.sweep_and_settle().await;
            assert_eq!(revoked(&service), 40, "{when:?}");
            service.converged(&[]).await;
        }
    }
}

/// The function that decides, and the engine, die in the middle of what was approved: it is done once all the same.
#[tokio::test(start_paused = true)]
async fn an_approved_revoke_is_sent_once_whoever_dies_on_the_way() {
    let begin = async || {
        let service = over_budget(27).await;
        service.approve_plan(None, DAY).await.unwrap();
        service.sweep().await.unwrap();
        service
    };
    let go = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        tokio::select! {
            () = async {
                for n in 25..27 {
                    let account = service.account(&format!("unit-{n:02}"));
                    let cause = Cause::new("event", "again");
                    let hint = AccountHint::new(account, cause, service.clock.now());
                    ports.reconciler().account(&hint).await.unwrap();
                }
                let wake = shared::engine::Wake::first();
                let until = service.clock.now() + SignedDuration::from_mins(10);
                ports.provisioner().run("engine", &wake, until).await.unwrap();
            } => {}
            () = fuse.blown() => {}
        }
        service.check().await;
        fuse.count()
    };
    let steps = go(&begin().await, When::Never).await;
    assert!(steps > 20, "only {steps} steps");
    for n in (0..steps).step_by(5) {
        for when in [When::Before(n), When::After(n)] {
            let service = begin().await;
            go(&service, when).await;
            service.settle().await;
            service.pass(Duration::from_mins(3)).await;
            service.sweep_and_settle().await;
            assert_eq!(revoked(&service), 27, "{when:?} of {steps}");
            service.converged(&[]).await;
            assert!(service.ledger.orders().await.unwrap().pause.is_none());
        }
    }
}
