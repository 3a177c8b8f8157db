//! What failed as often as it may is put aside with its cause, holds up nobody, and can be tried again.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use serde_json::json;
use shared::{
    engine::{self, AccountHint, FedBy, Inbox, Letter, Queues, WayBack},
    events::Hint,
    ledger::Cause,
    ports::{Clock as _, Message, PortError, Queue, Received},
};
use simulator::{Fault, FaultRule};

use super::{
    model::{Rules, group, in_ou, rules},
    records::sqs_event,
    service::Service,
};

fn developers() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

/// The service, with messages that are received three times at most.
fn service() -> Service {
    let mut service = Service::new();
    service.ports.beside.receives = 3;
    service
}

fn poisoned(service: &Service, account: &str) {
    let fault = FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: Some(service.account(account)),
    };
    service.world().faults.add(fault);
}

async fn hint(service: &Service, account: &str, event: &str) {
    let inbox: Inbox<'_> = service.ports.inbox();
    inbox.submit(&Hint::Account(service.account(account)), event).await.unwrap();
}

/// Delivers what is in the inbox until it is empty, as often as that takes; tells how many records failed.
async fn drain(service: &Service) -> usize {
    let mut failed = 0;
    for _ in 0..6 {
        failed += service.drain_inbox().await;
        service.pass(Duration::from_mins(4)).await;
    }
    failed
}

pub(super) async fn letters(service: &Service) -> Vec<Letter> {
    let letters = engine::letters(&*service.parked, Duration::from_mins(1)).await.unwrap();
    for letter in &letters {
        service.parked.release(&letter.receipt, Duration::ZERO).await.unwrap();
    }
    letters
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_on_its_last_try_is_put_aside_with_its_cause_and_comes_back_by_the_sweep() {
    let service = service();
    service.publish(&developers()).await;
    poisoned(&service, "one-dev");
    hint(&service, "one-dev", "e-1").await;
    hint(&service, "two-dev", "e-2").await;
    assert_eq!(drain(&service).await, 2, "twice it came again, and then no more");

    let [letter] = letters(&service).await.try_into().unwrap();
    assert_eq!((letter.function.as_deref(), letter.tries), (Some("reconcile"), Some(3)));
    assert!(
        letter.cause.contains("cannot read account") && letter.cause.contains("AccessDeniedException"),
        "{letter:?}"
    );
    assert!(letter.about.contains("event:e-1"), "{}", letter.about);
    assert_eq!(service.inbox.depth(), shared::local::Depth::default(), "its group is free");
    service.run_engine().await;
    service.settle().await;
    assert_eq!(service.assignments(), ["two-dev ReadOnlyAccess Developers"]);

    service.world().faults.clear_all();
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 2);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_tried_again_is_done_at_once_and_no_repetition() {
    let service = service();
    service.publish(&developers()).await;
    poisoned(&service, "one-dev");
    hint(&service, "one-dev", "e-1").await;
    drain(&service).await;
    service.world().faults.clear_all();

    let [letter] = letters(&service).await.try_into().unwrap();
    let WayBack::Queue { queue: FedBy::Inbox, group } = &letter.way else { panic!("{letter:?}") };
    assert_eq!(*group, service.account("one-dev").to_string());
    let queues = Queues {
        inbox: &*service.inbox,
        wake: &*service.wake,
        polls: &*service.polls,
        clock: &*service.clock,
    };
    queues.send(&letter, FedBy::Inbox, group).await.unwrap();
    service.settle().await;
    assert_eq!(service.assignments(), ["one-dev ReadOnlyAccess Developers"]);
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_poison_message_in_its_group_is_done_once_that_is_put_aside() {
    let mut service = service();
    service.ports.beside.receives = 1;
    service.publish(&developers()).await;
    let account = service.account("one-dev");
    let old = AccountHint::new(account.clone(), Cause::new("event", "e-1"), service.clock.now());
    let broken = Message {
        group: account.to_string(),
        deduplication: "broken".into(),
        body: "no hint at all".into(),
        delay: Duration::ZERO,
    };
    let good = Message {
        deduplication: "good".into(),
        body: serde_json::to_string(&old).unwrap(),
        ..broken.clone()
    };
    service.inbox.send(&[broken, good]).await.unwrap();
    assert_eq!(service.drain_inbox().await, 0);
    service.settle().await;
    assert_eq!(service.assignments(), ["one-dev ReadOnlyAccess Developers"]);
    let [letter] = letters(&service).await.try_into().unwrap();
    assert!(letter.cause.starts_with("it can't be read: "), "{}", letter.cause);
}

#[tokio::test(start_paused = true)]
async fn a_wake_whose_runs_fail_is_put_aside_and_the_tick_wakes_the_engine_again() {
    let service = service();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let wake = |receives| -> SqsEvent {
        let received = Received {
            id: "w".into(),
            receipt: "w".into(),
            group: None,
            body: json!({ "hops": 0 }).to_string(),
            receives,
            sent_at: None,
        };
        serde_json::from_value(sqs_event(&[received])).unwrap()
    };
    let fault = FaultRule {
        operation: "ListInstances".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    };
    service.world().faults.add(fault);
    let dead = service.ports.dead_letters();
    let run = async |receives, holder| {
        let until = service.soon();
        provision::handle_or_park(wake(receives), service.ports.provisioner(), holder, until, dead).await
    };
    let first = run(1, "first").await;
    assert!(first.is_err(), "{first:?}");
    assert_eq!(run(3, "last").await.unwrap(), None);
    let [letter] = letters(&service).await.try_into().unwrap();
    assert_eq!(
        (letter.function.as_deref(), letter.about.as_str()),
        (Some("provision"), "a wake of the engine")
    );
    assert!(letter.cause.contains("AccessDeniedException"), "{}", letter.cause);

    service.world().faults.clear_all();
    service.pass(Duration::from_mins(5)).await;
    assert!(tick::handle(service.ports.tick()).await.unwrap().woken);
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);
    service.converged(&[]).await;
}

/// A queue that answers like SQS, whose machines don't all have every message; `None` is an error.
struct Patchy {
    answers: Mutex<VecDeque<Option<Vec<Received>>>>,
    released: Mutex<Vec<String>>,
}

impl Patchy {
    fn of(answers: &[Option<&[&str]>]) -> Self {
        let received = |id: &&str| Received {
            id: (*id).to_owned(),
            receipt: (*id).to_owned(),
            group: None,
            body: "{}".to_owned(),
            receives: 1,
            sent_at: None,
        };
        let answers =
            answers.iter().map(|answer| answer.map(|ids| ids.iter().map(received).collect())).collect();
        Self { answers: Mutex::new(answers), released: Mutex::default() }
    }
}

#[async_trait::async_trait]
impl Queue for Patchy {
    async fn send(&self, _: &[Message]) -> Result<(), PortError> {
        Ok(())
    }
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Received>, PortError> {
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Some(Vec::new()));
        answer.ok_or_else(|| PortError::Failed("the queue is away".to_owned()))
    }
    async fn acknowledge(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
    async fn release(&self, receipt: &str, _: Duration) -> Result<(), PortError> {
        self.released.lock().unwrap().push(receipt.to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn one_empty_answer_is_not_taken_for_an_empty_queue_and_an_error_hides_nothing() {
    let read = async |queue: &Patchy| engine::letters(queue, Duration::from_mins(5)).await;
    let patchy = Patchy::of(&[Some(&[]), Some(&["a"]), Some(&[]), Some(&["b"]), Some(&[]), Some(&[])]);
    let ids: Vec<String> = read(&patchy).await.unwrap().into_iter().map(|letter| letter.id).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(*patchy.released.lock().unwrap(), [""; 0]);

    let failing = Patchy::of(&[Some(&["a", "b"]), None]);
    assert!(read(&failing).await.is_err());
    assert_eq!(*failing.released.lock().unwrap(), ["a", "b"]);
}
