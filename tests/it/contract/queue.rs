//! The promises of [`Queue`].

use std::{future::ready, sync::Arc, time::Duration};

use shared::{
    aws::SqsQueue,
    clock::{SystemClock, TokioClock},
    local::LocalQueue,
    ports::{Clock, Message, Queue, Received},
};

use crate::lambda::moto::Moto;

/// A queue under test, the clock that it goes by, and what it runs in.
struct Opened {
    queue: Box<dyn Queue>,
    clock: Arc<dyn Clock>,
    _server: Option<Moto>,
}

/// Runs every promise of FIFO queues over one adapter: `fifo_contract!(name, expression)`, see the module above.
macro_rules! fifo_contract {
    ($adapter:ident, $open:expr) => {
        contract! { $adapter, $open,
            an_empty_queue_gives_nothing
            messages_of_a_group_come_in_order
            a_group_in_flight_gives_no_others_until_it_is_acknowledged
            other_groups_go_on_while_one_is_in_flight
            a_message_sent_again_is_dropped
            the_same_body_under_another_id_is_another_message
            a_released_message_comes_again_before_those_behind_it
            a_message_says_its_group
            every_delivery_has_its_own_receipt_and_a_higher_count
            an_acknowledged_message_is_gone
            more_than_ten_messages_are_sent_in_order_and_come_ten_at_most
            bodies_come_as_they_were_sent
            a_body_of_a_mebibyte_comes_and_a_larger_one_is_refused
        }
    };
}

/// The same for queues without groups: `standard_contract!(name, expression)`.
macro_rules! standard_contract {
    ($adapter:ident, $open:expr) => {
        contract! { $adapter, $open,
            an_empty_queue_gives_nothing
            a_standard_queue_drops_no_repeated_message
            a_standard_queue_goes_on_while_a_message_is_in_flight
            every_delivery_has_its_own_receipt_and_a_higher_count
            an_acknowledged_message_is_gone
            bodies_come_as_they_were_sent
            a_body_of_a_mebibyte_comes_and_a_larger_one_is_refused
        }
    };
}

/// What a FIFO queue promises as time passes: only for queues that go by a clock of ours, since nothing here waits. Also that
/// it knows an id whose message is gone, as SQS does; moto 5.2 forgets the id with its message.
macro_rules! fifo_time_contract {
    ($adapter:ident, $open:expr) => {
        contract! { $adapter, $open,
            a_message_comes_again_when_its_visibility_ends
            a_group_is_free_again_when_its_visibility_ends
            a_message_released_with_a_delay_stays_hidden_for_it_and_blocks_its_group
            an_acknowledged_message_stays_gone
            a_message_sent_again_is_dropped_even_when_the_first_is_gone
            a_message_sent_again_within_the_window_is_dropped_and_after_it_is_not
        }
    };
}

/// The same for queues without groups.
macro_rules! standard_time_contract {
    ($adapter:ident, $open:expr) => {
        contract! { $adapter, $open,
            a_message_comes_again_when_its_visibility_ends
            an_acknowledged_message_stays_gone
        }
    };
}

macro_rules! contract {
    ($adapter:ident, $open:expr, $($promise:ident)*) => {
        mod $adapter {
            use super::*;

            $(
                #[tokio::test]
                async fn $promise() {
                    if let Some(opened) = $open.await {
                        super::$promise(opened.queue.as_ref(), opened.clock.as_ref()).await;
                    }
                }
            )*
        }
    };
}

/// A queue in process, under virtual time.
fn local(make: fn(Arc<dyn Clock>) -> LocalQueue) -> Opened {
    tokio::time::pause();
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()));
    Opened { queue: Box::new(make(Arc::clone(&clock))), clock, _server: None }
}

/// A queue of SQS, which is FIFO if its name says so.
async fn in_sqs(name: &str) -> Option<Opened> {
    let moto = Moto::start().await;
    let url = match name.strip_suffix(".fifo") {
        Some(name) => moto.fifo_queue(name).await,
        None => moto.standard_queue(name).await,
    };
    let queue = Box::new(SqsQueue::new(moto.sqs(), &url));
    Some(Opened { queue, clock: Arc::new(SystemClock), _server: Some(moto) })
}

fifo_contract!(local_fifo, ready(Some(local(LocalQueue::fifo))));
fifo_time_contract!(local_fifo_in_time, ready(Some(local(LocalQueue::fifo))));
standard_contract!(local_standard, ready(Some(local(LocalQueue::standard))));
standard_time_contract!(local_standard_in_time, ready(Some(local(LocalQueue::standard))));

fifo_contract!(moto_sqs_fifo, in_sqs("inbox.fifo"));
standard_contract!(moto_sqs_standard, in_sqs("wake"));

// What the promises are told with.

/// Long enough that nothing becomes visible again by itself while a promise is tested on a queue in real time.
const HIDDEN: Duration = Duration::from_mins(10);

fn message(group: &str, id: &str, body: &str) -> Message {
    Message {
        group: group.to_owned(),
        deduplication: id.to_owned(),
        body: body.to_owned(),
        delay: Duration::ZERO,
    }
}

/// Sends messages as `(group, id)`; the id is the body too.
async fn send(queue: &dyn Queue, messages: &[(&str, &str)]) {
    let messages: Vec<Message> = messages.iter().map(|(group, id)| message(group, id, id)).collect();
    queue.send(&messages).await.unwrap();
}

/// All that can be received now. A queue may give less than it is asked for, but not nothing while it has something.
async fn receive(queue: &dyn Queue) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let some = queue.receive(10, HIDDEN).await.unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

async fn receive_one(queue: &dyn Queue) -> Received {
    let mut received = queue.receive(1, HIDDEN).await.unwrap();
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

async fn bodies(queue: &dyn Queue) -> Vec<String> {
    receive(queue).await.into_iter().map(|received| received.body).collect()
}

async fn assert_nothing(queue: &dyn Queue) {
    assert_eq!(receive(queue).await, []);
}

// Promises.

async fn an_empty_queue_gives_nothing(queue: &dyn Queue, _: &dyn Clock) {
    queue.send(&[]).await.unwrap();
    assert_nothing(queue).await;
}

async fn messages_of_a_group_come_in_order(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1"), ("a", "2")]).await;
    send(queue, &[("a", "3"), ("a", "4")]).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        let received = receive_one(queue).await;
        queue.acknowledge(&received.receipt).await.unwrap();
        order.push(received.body);
    }
    assert_eq!(order, ["1", "2", "3", "4"]);
}

async fn a_group_in_flight_gives_no_others_until_it_is_acknowledged(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1"), ("a", "2")]).await;
    let first = receive_one(queue).await;
    assert_nothing(queue).await;
    send(queue, &[("a", "3")]).await;
    assert_nothing(queue).await;

    queue.acknowledge(&first.receipt).await.unwrap();

    assert_eq!(receive_one(queue).await.body, "2");
    assert_nothing(queue).await;
}

async fn other_groups_go_on_while_one_is_in_flight(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "a1"), ("a", "a2"), ("b", "b1"), ("c", "c1")]).await;
    assert_eq!(receive_one(queue).await.body, "a1");
    let mut others = bodies(queue).await;
    others.sort();
    assert_eq!(others, ["b1", "c1"]);
}

async fn a_message_sent_again_is_dropped(queue: &dyn Queue, _: &dyn Clock) {
    queue.send(&[message("a", "1", "first"), message("a", "1", "second")]).await.unwrap();
    queue.send(&[message("a", "1", "third"), message("b", "1", "other group")]).await.unwrap();
    assert_eq!(bodies(queue).await, ["first"]);
}

async fn a_message_sent_again_is_dropped_even_when_the_first_is_gone(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1")]).await;
    let first = receive_one(queue).await;
    queue.acknowledge(&first.receipt).await.unwrap();

    send(queue, &[("a", "1"), ("a", "2")]).await;

    assert_eq!(bodies(queue).await, ["2"]);
}

async fn the_same_body_under_another_id_is_another_message(queue: &dyn Queue, _: &dyn Clock) {
    queue.send(&[message("a", "1", "same"), message("a", "2", "same")]).await.unwrap();
    let first = receive_one(queue).await;
    queue.acknowledge(&first.receipt).await.unwrap();
    let second = receive_one(queue).await;
    assert_eq!(second.body, "same");
    assert_ne!(first.id, second.id);
}

async fn a_released_message_comes_again_before_those_behind_it(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1"), ("a", "2")]).await;
    let first = receive_one(queue).await;
    queue.release(&first.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(bodies(queue).await, ["1", "2"]);
}

async fn a_message_says_its_group(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("111122223333", "1")]).await;
    assert_eq!(receive_one(queue).await.group.as_deref(), Some("111122223333"));
}

async fn every_delivery_has_its_own_receipt_and_a_higher_count(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1")]).await;
    let mut receipts = Vec::new();
    let mut ids = Vec::new();
    for count in 1..=4 {
        let received = receive_one(queue).await;
        assert_eq!(received.receives, count);
        queue.release(&received.receipt, Duration::ZERO).await.unwrap();
        receipts.push(received.receipt);
        ids.push(received.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    receipts.sort();
    receipts.dedup();
    assert_eq!(receipts.len(), 4);
}

async fn an_acknowledged_message_is_gone(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1"), ("b", "2")]).await;
    let mut received = receive(queue).await;
    received.sort_by(|one, other| one.body.cmp(&other.body));
    queue.acknowledge(&received[0].receipt).await.unwrap();
    queue.release(&received[1].receipt, Duration::ZERO).await.unwrap();
    assert_eq!(bodies(queue).await, ["2"]);
}

async fn more_than_ten_messages_are_sent_in_order_and_come_ten_at_most(queue: &dyn Queue, _: &dyn Clock) {
    let ids: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
    let messages: Vec<Message> = ids.iter().map(|id| message("a", id, id)).collect();
    queue.send(&messages).await.unwrap();
    let mut order = Vec::new();
    while order.len() < ids.len() {
        let some = queue.receive(25, HIDDEN).await.unwrap();
        assert!((1..=10).contains(&some.len()), "{}", some.len());
        for received in some {
            queue.acknowledge(&received.receipt).await.unwrap();
            order.push(received.body);
        }
    }
    assert_eq!(order, ids);
}

async fn bodies_come_as_they_were_sent(queue: &dyn Queue, _: &dyn Clock) {
    let odd = "{\"reason\": \"Grüße, 世界 🦀 <&>\\u0000\"}\r\n\tline two  ";
    let large = "ä€🦀".repeat(20_000);
    queue.send(&[message("a", "1", odd), message("b", "2", &large)]).await.unwrap();
    let mut found = bodies(queue).await;
    found.sort_by_key(String::len);
    assert!(found == [odd, &large], "{} bodies", found.len());
}

async fn a_body_of_a_mebibyte_comes_and_a_larger_one_is_refused(queue: &dyn Queue, _: &dyn Clock) {
    let largest = "x".repeat(1024 * 1024);
    queue.send(&[message("a", "1", &largest)]).await.unwrap();
    assert!(queue.send(&[message("b", "2", &format!("{largest}x"))]).await.is_err());
    let found = bodies(queue).await;
    assert!(found == [largest], "{} bodies", found.len());
}

async fn a_standard_queue_drops_no_repeated_message(queue: &dyn Queue, _: &dyn Clock) {
    queue.send(&[message("a", "1", "wake"), message("a", "1", "wake")]).await.unwrap();
    queue.send(&[message("a", "1", "wake")]).await.unwrap();
    assert_eq!(bodies(queue).await, ["wake", "wake", "wake"]);
}

async fn a_standard_queue_goes_on_while_a_message_is_in_flight(queue: &dyn Queue, _: &dyn Clock) {
    send(queue, &[("a", "1"), ("a", "2")]).await;
    let first = receive_one(queue).await;
    let second = receive_one(queue).await;
    assert_ne!(first.id, second.id);
    assert_nothing(queue).await;
}

// Promises about time.

const SHORT: Duration = Duration::from_secs(30);

/// More than the millisecond to which Tokio rounds a sleep up.
const MOMENT: Duration = Duration::from_millis(10);

async fn a_message_comes_again_when_its_visibility_ends(queue: &dyn Queue, clock: &dyn Clock) {
    send(queue, &[("a", "1")]).await;
    let first = queue.receive(1, SHORT).await.unwrap().remove(0);
    clock.sleep(SHORT.saturating_sub(MOMENT)).await;
    assert_nothing(queue).await;

    clock.sleep(MOMENT).await;

    let second = receive_one(queue).await;
    assert_eq!((second.id, second.body), (first.id, first.body));
    assert_eq!((first.receives, second.receives), (1, 2));
    queue.acknowledge(&second.receipt).await.unwrap();
}

async fn a_group_is_free_again_when_its_visibility_ends(queue: &dyn Queue, clock: &dyn Clock) {
    send(queue, &[("a", "1"), ("a", "2"), ("a", "3")]).await;
    assert_eq!(queue.receive(2, SHORT).await.unwrap().len(), 2);
    assert_nothing(queue).await;
    clock.sleep(SHORT).await;
    assert_eq!(bodies(queue).await, ["1", "2", "3"]);
}

async fn a_message_released_with_a_delay_stays_hidden_for_it_and_blocks_its_group(
    queue: &dyn Queue,
    clock: &dyn Clock,
) {
    send(queue, &[("a", "1"), ("a", "2")]).await;
    let first = receive_one(queue).await;
    queue.release(&first.receipt, SHORT).await.unwrap();
    clock.sleep(SHORT.saturating_sub(MOMENT)).await;
    assert_nothing(queue).await;
    clock.sleep(MOMENT).await;
    assert_eq!(bodies(queue).await, ["1", "2"]);
}

async fn an_acknowledged_message_stays_gone(queue: &dyn Queue, clock: &dyn Clock) {
    send(queue, &[("a", "1")]).await;
    let first = queue.receive(1, SHORT).await.unwrap().remove(0);
    queue.acknowledge(&first.receipt).await.unwrap();
    clock.sleep(2 * SHORT).await;
    assert_nothing(queue).await;
}

async fn a_message_sent_again_within_the_window_is_dropped_and_after_it_is_not(
    queue: &dyn Queue,
    clock: &dyn Clock,
) {
    let window = Duration::from_mins(5);
    send(queue, &[("a", "1")]).await;
    let first = receive_one(queue).await;
    queue.acknowledge(&first.receipt).await.unwrap();

    // A dropped message doesn't begin a new window.
    clock.sleep(window.saturating_sub(MOMENT)).await;
    send(queue, &[("a", "1")]).await;
    assert_nothing(queue).await;

    clock.sleep(MOMENT).await;
    send(queue, &[("a", "1")]).await;
    assert_eq!(bodies(queue).await, ["1"]);
}
