//! What only this queue can do; what every queue promises is tested by the contract.

use super::*;
use crate::clock::TokioClock;

const HIDDEN: Duration = Duration::from_secs(30);

fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()))
}

fn message(group: &str, id: &str) -> Message {
    Message {
        group: group.to_owned(),
        deduplication: id.to_owned(),
        body: id.to_owned(),
        delay: Duration::ZERO,
    }
}

async fn send(queue: &LocalQueue, messages: &[(&str, &str)]) {
    let messages: Vec<Message> = messages.iter().map(|(group, id)| message(group, id)).collect();
    queue.send(&messages).await.unwrap();
}

async fn bodies(queue: &LocalQueue) -> Vec<String> {
    queue.receive(10, HIDDEN).await.unwrap().into_iter().map(|received| received.body).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_received_too_often_goes_to_the_dead_letters_and_frees_its_group() {
    let clock = clock();
    let dead = Arc::new(LocalQueue::fifo(Arc::clone(&clock)));
    let queue = LocalQueue::fifo(Arc::clone(&clock)).with_dead_letters(2, Arc::clone(&dead));
    send(&queue, &[("a", "poison"), ("a", "behind")]).await;
    for _ in 0..2 {
        assert_eq!(queue.receive(1, HIDDEN).await.unwrap().first().unwrap().body, "poison");
        clock.sleep(HIDDEN).await;
    }

    assert_eq!(bodies(&queue).await, ["behind"]);
    let buried = dead.receive(10, HIDDEN).await.unwrap();
    assert_eq!(buried.len(), 1);
    assert_eq!((buried[0].body.as_str(), buried[0].receives), ("poison", 1));
    assert_eq!(buried[0].group.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_fifo_receipt_is_worth_nothing_after_its_time_and_a_standard_one_until_the_next_delivery() {
    let clock = clock();
    for (queue, in_time_only) in
        [(LocalQueue::fifo(Arc::clone(&clock)), true), (LocalQueue::standard(Arc::clone(&clock)), false)]
    {
        send(&queue, &[("a", "1")]).await;
        let first = queue.receive(1, HIDDEN).await.unwrap().remove(0);
        clock.sleep(HIDDEN).await;
        if in_time_only {
            assert!(matches!(queue.acknowledge(&first.receipt).await, Err(PortError::Refused(_))));
        }
        let second = queue.receive(1, HIDDEN).await.unwrap().remove(0);
        assert_eq!(queue.acknowledge(&first.receipt).await.is_err(), in_time_only);
        assert_eq!(
            queue.depth(),
            Depth { in_flight: 1, ..Depth::default() },
            "an old receipt removes nothing"
        );
        assert!(queue.release(&first.receipt, Duration::ZERO).await.is_err());

        queue.acknowledge(&second.receipt).await.unwrap();
        queue.acknowledge(&second.receipt).await.unwrap();
        assert_eq!(queue.depth(), Depth::default());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_dropped_when_it_is_too_old() {
    let clock = clock();
    let queue = LocalQueue::standard(Arc::clone(&clock)).with_retention(Duration::from_mins(10));
    send(&queue, &[("a", "old")]).await;
    clock.sleep(Duration::from_mins(9)).await;
    send(&queue, &[("a", "young")]).await;
    clock.sleep(Duration::from_mins(1)).await;
    assert_eq!(bodies(&queue).await, ["young"]);
}

#[tokio::test(start_paused = true)]
async fn what_sqs_does_not_take_is_refused_and_nothing_is_sent() {
    let queue = LocalQueue::fifo(clock());
    let good = message("a", "1");
    let long = "x".repeat(129);
    for bad in [
        Message { body: String::new(), ..good.clone() },
        Message { body: "x".repeat(1024 * 1024 + 1), ..good.clone() },
        Message { body: "bell\u{7}".to_owned(), ..good.clone() },
        Message { group: String::new(), ..good.clone() },
        Message { group: long.clone(), ..good.clone() },
        Message { group: "with space".to_owned(), ..good.clone() },
        Message { deduplication: long, ..good.clone() },
    ] {
        let outcome = queue.send(&[good.clone(), bad]).await;
        assert!(matches!(outcome, Err(PortError::Refused(_))), "{outcome:?}");
    }
    assert_eq!(queue.depth(), Depth::default());
    assert!(queue.receive(1, Duration::from_hours(13)).await.is_err());
    assert!(queue.acknowledge("no receipt").await.is_err());
    assert!(queue.release("message-7#1", HIDDEN).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_depth_and_the_next_time_to_look_are_known() {
    let clock = clock();
    let queue = LocalQueue::fifo(Arc::clone(&clock));
    send(&queue, &[("a", "1"), ("b", "2")]).await;
    assert_eq!(queue.next_visible_at(), None);
    queue.receive(1, HIDDEN).await.unwrap();
    assert_eq!(queue.depth(), Depth { waiting: 1, delayed: 0, in_flight: 1 });
    assert_eq!(queue.next_visible_at(), Some(later(clock.now(), HIDDEN)));
    clock.sleep(HIDDEN).await;
    assert_eq!(queue.depth(), Depth { waiting: 2, ..Depth::default() });
}

#[tokio::test(start_paused = true)]
async fn on_request_messages_are_lost() {
    let queue = LocalQueue::fifo(clock());
    queue.set_faults(Faults { seed: 1, drop: Chance(40), ..Faults::default() });
    let ids: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    for id in &ids {
        send(&queue, &[(id, id)]).await;
    }
    let left = queue.depth().waiting;
    assert!((40..80).contains(&left), "{left}");

    queue.set_faults(Faults::default());
    send(&queue, &[("after", "after")]).await;
    assert_eq!(queue.depth().waiting, left + 1);
}

#[tokio::test(start_paused = true)]
async fn on_request_messages_come_late_and_their_group_keeps_its_order() {
    let clock = clock();
    let queue = LocalQueue::fifo(Arc::clone(&clock));
    let late = Duration::from_mins(2);
    queue.set_faults(Faults { delay: (Chance(100), late), ..Faults::default() });
    send(&queue, &[("a", "1")]).await;
    queue.set_faults(Faults::default());
    send(&queue, &[("a", "2"), ("b", "3")]).await;

    assert_eq!(bodies(&queue).await, ["3"]);
    assert_eq!(queue.depth().delayed, 1);
    clock.sleep(late).await;
    assert_eq!(bodies(&queue).await.iter().filter(|body| *body != "3").collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn on_request_a_standard_queue_gives_a_message_out_twice() {
    let queue = LocalQueue::standard(clock());
    queue.set_faults(Faults { repeat: Chance(100), ..Faults::default() });
    send(&queue, &[("a", "1")]).await;
    let first = queue.receive(1, HIDDEN).await.unwrap().remove(0);
    let second = queue.receive(1, HIDDEN).await.unwrap().remove(0);
    assert_eq!((first.id.as_str(), first.receives + 1), (second.id.as_str(), second.receives));
    queue.acknowledge(&second.receipt).await.unwrap();
    assert_eq!(queue.depth(), Depth::default());
}

#[tokio::test(start_paused = true)]
async fn on_request_a_fifo_queue_loses_an_acknowledgement() {
    let clock = clock();
    let queue = LocalQueue::fifo(Arc::clone(&clock));
    queue.set_faults(Faults { repeat: Chance(100), ..Faults::default() });
    send(&queue, &[("a", "1")]).await;
    let first = queue.receive(1, HIDDEN).await.unwrap().remove(0);
    queue.acknowledge(&first.receipt).await.unwrap();
    assert_eq!(bodies(&queue).await, <[String; 0]>::default(), "its group stays blocked");
    clock.sleep(HIDDEN).await;
    assert_eq!(bodies(&queue).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn on_request_groups_change_places_the_same_way_for_the_same_seed_and_keep_their_own_order() {
    let mut orders = Vec::new();
    for seed in [1, 1, 2, 3, 4, 5] {
        let queue = LocalQueue::fifo(clock());
        queue.set_faults(Faults { seed, reorder: Chance(100), ..Faults::default() });
        send(&queue, &[("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("b", "b2"), ("d", "d1")]).await;
        let order = bodies(&queue).await;
        assert_eq!(order.len(), 6);
        for group in ["a", "b"] {
            let own: Vec<_> = order.iter().filter(|body| body.starts_with(group)).collect();
            assert!(own.is_sorted(), "{order:?}");
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 1, "{orders:?}");
}
