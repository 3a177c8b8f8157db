//! The red button: once it is pressed, nothing more is sent, whatever happens.

use std::time::Duration;

use shared::{
    domain::Operation,
    engine::{RunEnd, consent::ConsentError},
    ledger::Row,
    ports::{Ledger as _, LedgerReader as _},
};
use simulator::{Latency, Settings};

use super::{
    fleet::fleet,
    model::{Rules, group, in_ou, rules},
    service::{Service, Start, USHER},
};

fn everybody() -> Rules {
    rules([group("dev", "Developers").gets("Set0").in_accounts(in_ou("Fleet"))])
}

fn others() -> Rules {
    rules([
        group("dev", "Developers").gets("Set0").in_accounts(in_ou("Yard")),
        group("support", "Support").gets("Set1").in_accounts(in_ou("Fleet")),
    ])
}

fn sent(service: &Service) -> usize {
    service.world().request_log().filter(|request| *request.by.name == *USHER).count()
}

async fn settled(accounts: usize, world: Settings) -> Service {
    let organization = fleet(accounts, 2);
    let service = Service::start(Start { organization: &organization, world, ..Start::default() });
    service.publish(&everybody()).await;
    service.sweep_and_settle().await;
    service
}

#[tokio::test(start_paused = true)]
async fn a_person_s_red_button_holds_through_a_sweep_and_a_change_of_rules() {
    let service = settled(8, Settings::default()).await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&others()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    assert_eq!(sent(&service), 8, "the intents are there, and wait for the engine");

    service.pause().await;
    let ends: Vec<RunEnd> = service.run_engine().await.into_iter().map(|run| run.end).collect();
    assert_eq!(ends, [RunEnd::Paused]);
    service.settle().await;
    service.publish(&everybody()).await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&others()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_hours(24)).await;
    service.sweep_and_settle().await;
    assert_eq!((sent(&service), service.assignments().len()), (8, 8));
    let reasons = service.withheld().await;
    assert!(reasons.len() == 16 && reasons.values().all(|reason| reason == "paused"), "{reasons:?}");
    service.converged(&["paused"]).await;

    service.resume().await;
    service.sweep_and_settle().await;
    service.converged(&[]).await;
    assert_eq!(service.assignments().iter().filter(|it| it.ends_with("Set1 Support")).count(), 8);
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_when_the_button_was_pressed_is_followed_to_its_end() {
    let world =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(30)), ..Settings::default() };
    let service = settled(12, world).await;
    service.publish(&others()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let (runs, ()) = tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(8)).await;
        assert!(service.rows().await.iter().any(|row| row.claim().is_some()));
        service.pause().await;
    });
    assert_eq!(runs.last().unwrap().end, RunEnd::Paused);
    assert!(service.rows().await.iter().all(|row| row.claim().is_none()), "all that was sent has ended");
    let made = service.assignments().len();
    service.settle().await;
    assert_eq!(service.assignments().len(), made);
    service.resume().await;
    service.converged(&[]).await;
}

/// The engine is in the middle of its round when the button is pressed.
#[tokio::test(start_paused = true)]
async fn no_claim_that_races_with_the_button_succeeds_after_it() {
    let mut stopped = 0;
    for offset in (0..1_600).step_by(50) {
        let service = settled(10, Settings::default()).await;
        service.publish(&others()).await;
        service.sweep().await.unwrap();
        service.drain_inbox().await;
        let before = sent(&service);
        let ((), pressed) = tokio::join!(async { drop(service.run_engine().await) }, async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            service.consent().pause().await.unwrap();
            // Whatever was claimed by this moment and not yet answered may still be sent; nothing else.
            let rows = service.rows().await;
            let unanswered = |row: &&Row| row.claim().is_some_and(|claim| claim.request.is_none());
            let claimed = rows.iter().filter(unanswered).count();
            let ended = sent(&service) - before;
            (claimed, ended)
        });
        service.settle().await;
        let (claimed, ended) = pressed;
        let now = sent(&service) - before;
        assert!(now <= ended + claimed && now <= 20, "{offset} ms: {now} sent, {ended} before");
        stopped += usize::from(now > 0 && now < 20);
        service.consent().resume().await.unwrap();
        service.converged(&[]).await;
    }
    assert!(stopped > 5, "only {stopped} were caught in the middle");
}

/// Whoever reads the orders, and claims after they changed, is refused by the ledger itself.
#[tokio::test(start_paused = true)]
async fn orders_that_two_people_give_at_once_are_both_kept() {
    let service = Service::new();
    let account = "account:222233334444".parse().unwrap();
    let (paused, held) = (service.consent(), service.consent());
    let (one, other) = tokio::join!(paused.pause(), held.hold(&account));
    one.unwrap();
    other.unwrap();
    let orders = service.ledger.orders().await.unwrap();
    assert!(orders.pause.is_some() && orders.holds.contains_key(&account));
    // Again is no other order, and what does not stand can't be lifted.
    assert_eq!(service.consent().pause().await.unwrap(), orders.pause.clone().unwrap());
    assert_eq!(service.ledger.orders().await.unwrap(), orders);
    service.consent().resume().await.unwrap();
    assert!(matches!(service.consent().resume().await, Err(ConsentError::NotPaused)));
    service.consent().release(&account).await.unwrap();
    assert!(matches!(service.consent().release(&account).await, Err(ConsentError::NotHeld(_))));
    let nobody = shared::engine::consent::Consent { by: " \n", ..service.consent() };
    assert!(matches!(nobody.pause().await, Err(ConsentError::Nameless)));
    let what: Vec<_> = shared::engine::consent::journal(&*service.ledger).await.unwrap();
    assert_eq!(what.len(), 4, "{what:?}");
    assert!(what.iter().all(|record| record.by == super::people::ALBA));
    // An older reading of the orders can't undo what was given since.
    assert!(service.ledger.give_orders(&orders).await.is_err());
    assert!(
        service.ledger.work(1).await.unwrap().iter().all(|row| row.work().unwrap().0 == Operation::Grant)
    );
}
