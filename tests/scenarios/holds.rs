//! What is on hold stays as it is: a key, an account, a principal; and what somebody deleted by hand.

use std::{sync::Arc, time::Duration};

use shared::{
    domain::{AccountState, AssignmentKey, Principal},
    engine::{
        Rulebook, RulesOnHand,
        consent::{ConsentError, Unwanted},
    },
    ledger::HoldScope,
    ports::LedgerReader as _,
    rules::{Index, Repair},
};

use super::{
    model::{Reach, Rules, group, in_ou, rules},
    service::{Service, USHER},
};

fn developers() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ])
}

/// The same without the first rule.
fn without() -> Rules {
    rules([group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))])
}

async fn settled() -> (Service, AssignmentKey) {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.pass(Duration::from_mins(6)).await;
    (service, key)
}

/// Somebody deletes it by hand, and two sweeps do not find it.
async fn deleted_by_hand() -> (Service, AssignmentKey) {
    let (service, key) = settled().await;
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "ours", "one read that does not find it proves nothing");
    service.pass(Duration::from_mins(6)).await;
    service.sweep_and_settle().await;
    (service, key)
}

#[tokio::test(start_paused = true)]
async fn an_account_a_principal_or_a_key_on_hold_is_left_as_it_is_and_all_else_goes_on() {
    let (_, key) = settled().await;
    let scopes = [
        Some(HoldScope::Account(key.account.clone())),
        Some(HoldScope::Principal(key.principal.clone())),
        None,
    ];
    for scope in scopes {
        let (service, key) = settled().await;
        let other = service.key("two-dev", "ReadOnlyAccess", "Developers");
        match &scope {
            Some(scope) => service.hold(scope).await,
            None => service.hold_key(&key).await,
        }
        service.publish(&without()).await;
        service.sweep_and_settle().await;
        assert!(service.exists(&key), "{scope:?}");
        let other_goes = !matches!(scope, Some(HoldScope::Principal(_)));
        assert_eq!(service.exists(&other), !other_goes, "{scope:?}");
        service.converged(&["held"]).await;
        service.pass(Duration::from_hours(48)).await;
        service.converged(&["held"]).await;

        match &scope {
            Some(scope) => service.release(scope).await,
            None => service.release_key(&key).await,
        }
        service.sweep_and_settle().await;
        assert!(!service.exists(&key));
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_intended_before_the_hold_is_put_back_and_never_sent() {
    for reached in [false, true] {
        let (service, key) = settled().await;
        let wanted = service.key("play", "ReadOnlyAccess", "Developers");
        let moved = rules([
            group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        ]);
        service.publish(&moved).await;
        service.sweep().await.unwrap();
        service.drain_inbox().await;
        let states = (service.state(&key).await, service.state(&wanted).await);
        assert_eq!(states, ("closing", "pending"));
        let principal = HoldScope::Principal(key.principal.clone());
        if reached {
            service.hold_key(&key).await;
            service.hold_key(&wanted).await;
        } else {
            service.hold(&principal).await;
        }
        service.settle().await;
        let states = (service.state(&key).await, service.state(&wanted).await);
        assert_eq!(states, ("ours", "closed"), "{reached}");
        service.converged(&["held"]).await;
        if reached {
            service.release_key(&key).await;
            service.release_key(&wanted).await;
        } else {
            service.release(&principal).await;
        }
        service.sweep_and_settle().await;
        assert!(!service.exists(&key) && service.exists(&wanted));
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_on_what_is_under_way_is_kept_and_holds_from_its_end_on() {
    let (service, key) = settled().await;
    service.publish(&without()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let runs = service.run_engine();
    tokio::join!(runs, async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if service.state(&key).await == "closing"
                && service.ledger.row(&key).await.unwrap().unwrap().claim().is_some()
            {
                break;
            }
        }
        service.consent().hold_key(&key).await.unwrap();
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&["held"]).await;
    service.consent().release_key(&key).await.unwrap();
    service.sweep_and_settle().await;
    assert!(service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_knows_yet_can_be_held_and_the_hold_outlives_tombstones() {
    let service = Service::new();
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    assert!(matches!(service.consent().release_key(&key).await, Err(ConsentError::KeyNotHeld(_))));
    service.hold_key(&key).await;
    service.pass(Duration::from_hours(72)).await;
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&["held"]).await;
    service.release_key(&key).await;
    service.converged(&[]).await;
    assert!(service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_deletes_by_hand_is_held_until_somebody_releases_it() {
    let (service, key) = deleted_by_hand().await;
    assert!(!service.exists(&key));
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&["held"]).await;
    service.pass(Duration::from_hours(72)).await;
    service.converged(&["held"]).await;
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("held"));

    service.consent().release_key(&key).await.unwrap();
    service.sweep_and_settle().await;
    assert!(service.exists(&key));
    service.converged(&[]).await;
}

/// The rules in force, every one of which has what it wants made again whoever deletes it.
pub(super) fn repairing(document: &Rules) -> Rulebook {
    let mut read = shared::rules::read(&document.bundle()).unwrap();
    for rule in &mut read.rules {
        rule.repair = Repair::Always;
    }
    Rulebook::fixed(RulesOnHand {
        version: document.bundle().version(),
        index: Arc::new(Index::compile(read)),
    })
}

#[tokio::test(start_paused = true)]
async fn what_a_person_deletes_by_hand_comes_back_where_its_rule_repairs_always() {
    for from_the_start in [true, false] {
        let (mut service, key) = settled().await;
        if from_the_start {
            service.ports.rulebook = Arc::new(repairing(&developers()));
        }
        service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
        service.sweep_and_settle().await;
        assert!(!service.exists(&key), "one read that does not find it proves nothing");
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
        assert_eq!(service.exists(&key), from_the_start);
        // What is held already is let go when its rule says so from now on.
        service.ports.rulebook = Arc::new(repairing(&developers()));
        service.converged(&[]).await;
        assert!(service.exists(&key));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_person_deletes_and_makes_again_by_hand_is_theirs_until_it_is_adopted() {
    let (service, key) = deleted_by_hand().await;
    service.grant_by_hand(&key).await;
    service.converged(&[]).await;
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("foreign"));
    service.adopt(&key, Unwanted::Refuse).await.unwrap();
    service.converged(&[]).await;
    service.publish(&without()).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn in_observe_mode_too_what_was_deleted_by_hand_is_only_written_down() {
    let (service, key) = settled().await;
    let mut observed = developers();
    observed.reach = Reach::Observe;
    service.publish(&observed).await;
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    for _ in 0..2 {
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
    }
    service.converged(&["observed"]).await;
    assert!(!service.exists(&key));
    assert!(service.ledger.row(&key).await.unwrap().unwrap().hold.is_some());
}

/// None of these is a deletion by hand, though all of them make an assignment go.
#[tokio::test(start_paused = true)]
async fn what_goes_with_its_group_or_its_account_is_not_held() {
    let (service, key) = settled().await;
    let Principal::Group(group) = key.principal.clone() else { panic!("not a group") };
    service.person(|world, now, who| world.delete_group(now, who, &group)).await.unwrap();
    for _ in 0..3 {
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
    }
    assert!(service.rows().await.iter().all(|row| row.hold.is_none()));

    let (service, key) = settled().await;
    let account = key.account.clone();
    service.person(|world, now, _| world.depart(now, &account)).await;
    for _ in 0..3 {
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
    }
    assert!(service.rows().await.iter().all(|row| row.hold.is_none()));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_when_a_suspended_account_comes_back_is_made_again() {
    let (service, key) = settled().await;
    let account = key.account.clone();
    let set = |state| {
        let account = account.clone();
        move |world: &mut simulator::World, now, _: &_| world.set_account_state(now, &account, state)
    };
    service.person(set(AccountState::Suspended)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "dormant");
    // What AWS does to assignments of a suspended account is not documented: here it has taken them away.
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    service.pass(Duration::from_mins(6)).await;
    service.person(set(AccountState::Active)).await;
    for _ in 0..2 {
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
    }
    assert!(service.exists(&key), "{:?}", service.ledger.row(&key).await);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn adopt_takes_over_only_what_is_there_and_wanted_and_not_ours() {
    let service = Service::new();
    service.publish(&developers()).await;
    let wanted = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let unwanted = service.key("play", "PowerUserAccess", "Support");
    assert!(matches!(service.adopt(&wanted, Unwanted::Refuse).await, Err(ConsentError::NotThere(_))));
    service.grant_by_hand(&wanted).await;
    service.grant_by_hand(&unwanted).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&wanted).await, "none");

    service.adopt(&wanted, Unwanted::Refuse).await.unwrap();
    assert_eq!(service.state(&wanted).await, "ours");
    assert!(matches!(service.adopt(&wanted, Unwanted::Refuse).await, Err(ConsentError::AlreadyOurs(_))));
    assert!(matches!(service.adopt(&unwanted, Unwanted::Refuse).await, Err(ConsentError::Unwanted(_))));
    let mut elsewhere = wanted.clone();
    elsewhere.account = "999900001111".parse().unwrap();
    let unknown = service.adopt(&elsewhere, Unwanted::Refuse).await;
    assert!(matches!(unknown, Err(ConsentError::UnknownAccount(_))), "{unknown:?}");
    service.converged(&[]).await;

    service.adopt(&unwanted, Unwanted::Adopt).await.unwrap();
    service.sweep_and_settle().await;
    assert!(!service.exists(&unwanted));
    service.publish(&without()).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&wanted));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_disowned_stays_where_it_is_whatever_the_rules_say() {
    let (service, key) = settled().await;
    let foreign = service.key("play", "PowerUserAccess", "Support");
    service.grant_by_hand(&foreign).await;
    assert!(matches!(service.disown(&foreign).await, Err(ConsentError::NotOurs(_))));

    // In the last moment: the revoke is intended, and not sent.
    service.publish(&without()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    assert_eq!(service.state(&key).await, "closing");
    service.disown(&key).await.unwrap();
    service.settle().await;
    assert!(service.exists(&key));
    service.converged(&[]).await;
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("foreign"));
    service.publish(&without()).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&key));
    assert!(matches!(service.disown(&key).await, Err(ConsentError::NotOurs(_))));

    // And back again.
    service.adopt(&key, Unwanted::Adopt).await.unwrap();
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
    let revokes = service.world().request_log().filter(|r| *r.by.name == *USHER && r.key == key).count();
    assert_eq!(revokes, 2, "one grant, one revoke");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_say_whose_it_is_a_person_can() {
    for adopted in [true, false] {
        let (service, key) = settled().await;
        let mut row = service.ledger.row(&key).await.unwrap().unwrap();
        row.state =
            shared::ledger::State::Uncertain { reason: "an answer was lost".into(), contested: false };
        let write = shared::ports::RowWrite::of(row);
        shared::ports::Ledger::write(&*service.ledger, &[write], &shared::ports::Guard::default())
            .await
            .unwrap();
        if adopted {
            service.adopt(&key, Unwanted::Refuse).await.unwrap();
        } else {
            service.disown(&key).await.unwrap();
        }
        service.publish(&without()).await;
        service.sweep_and_settle().await;
        assert_eq!(service.exists(&key), !adopted);
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_just_revoked_is_not_adopted_by_a_stale_list() {
    let (service, key) = settled().await;
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.grant_by_hand(&key).await;
    let refused = service.adopt(&key, Unwanted::Adopt).await;
    assert!(matches!(refused, Err(ConsentError::Unsettled { .. })), "{refused:?}");
    service.pass(Duration::from_mins(6)).await;
    service.adopt(&key, Unwanted::Adopt).await.unwrap();
    service.converged(&[]).await;
    assert!(!service.exists(&key));
}
