//! The way of events from AWS to whoever listens: they can be late, lost, repeated and out of order.
//!
//! CloudTrail delivers by best effort, and `EventBridge` at least once and in no order. What happens to an event is decided by chance
//! from the world's seed when the event arises; it has its own source of chance, so that ids and latencies are the same whatever the
//! delivery is like.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{ids::Ids, later, settings::Latency};

/// How events are delivered. The default is prompt, complete, once and in order.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// How long every event takes. Captures show 0 to 17 seconds; a latency that is not constant turns events round.
    pub delay: Latency,
    /// The probability that an event never comes.
    pub lost: f64,
    /// The probability that an event comes twice, with the same ids. The copy takes a delay of its own.
    pub repeated: f64,
    /// The probability that an event, or a copy, takes `late_by` more than the others, which then overtake it.
    pub late: f64,
    /// How much longer a late one takes.
    #[serde(with = "crate::duration")]
    pub late_by: Duration,
}

impl Delivery {
    /// The first setting that can't be, and why.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        if let Some(message) = self.delay.mistake() {
            return Some(("delay", message));
        }
        [("lost", self.lost), ("repeated", self.repeated), ("late", self.late)]
            .into_iter()
            .find(|(_, probability)| !(0.0..=1.0).contains(probability))
            .map(|(way, _)| (way, "a probability from 0 to 1"))
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            delay: Latency::Constant(Duration::ZERO),
            lost: 0.0,
            repeated: 0.0,
            late: 0.0,
            late_by: Duration::from_mins(1),
        }
    }
}

/// The events under way.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbox {
    chance: Ids,
    /// By the time when they arrive, and then in the order in which they arose.
    #[serde(with = "crate::pairs")]
    under_way: BTreeMap<(Timestamp, u64), Value>,
    sent: u64,
    /// How many are kept that nobody takes; all of them if absent.
    #[serde(skip)]
    most: Option<usize>,
}

impl Outbox {
    /// Everything under way arrives so much later.
    pub(super) fn put_off(&mut self, by: Duration) {
        let under_way = std::mem::take(&mut self.under_way);
        self.under_way =
            under_way.into_iter().map(|((at, order), event)| ((later(at, by), order), event)).collect();
    }

    pub(crate) fn new(seed: u64) -> Self {
        // Another seed than the world's own chance has.
        Self {
            chance: Ids::new(seed.rotate_left(32) ^ 0x6576_656e_7473),
            under_way: BTreeMap::new(),
            sent: 0,
            most: None,
        }
    }

    /// Keeps this many events at most from now on.
    pub(super) fn keep(&mut self, most: usize) {
        self.most = Some(most);
        self.drop_the_oldest();
    }

    pub(super) fn most(&self) -> Option<usize> {
        self.most
    }

    fn drop_the_oldest(&mut self) {
        while self.most.is_some_and(|most| self.under_way.len() > most) {
            self.under_way.pop_first();
        }
    }

    /// How many events there have been, and how often chance was asked: the larger number.
    pub(crate) fn count(&self) -> u64 {
        self.sent.max(self.chance.count())
    }

    /// Sends an event on its way.
    pub(crate) fn send(&mut self, delivery: &Delivery, at: Timestamp, event: &Value) {
        let copies = if self.happens(delivery.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            let mut delay = delivery.delay.sample(&mut self.chance);
            if self.happens(delivery.late) {
                delay = delay.saturating_add(delivery.late_by);
            }
            if !self.happens(delivery.lost) {
                self.sent += 1;
                self.under_way.insert((later(at, delay), self.sent), event.clone());
            }
        }
        self.drop_the_oldest();
    }

    fn happens(&mut self, probability: f64) -> bool {
        // Always one number for each question, so that one setting doesn't change what another leads to.
        self.chance.fraction() < probability
    }

    /// What has arrived by now.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<Value> {
        let mut arrived = Vec::new();
        while let Some(first) = self.under_way.first_entry() {
            if first.key().0 > now {
                break;
            }
            arrived.push(first.remove());
        }
        arrived
    }

    /// When the first event that is still on its way after `now` arrives.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.under_way.range((now, u64::MAX)..).next().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// A thousand events a second apart, and what arrived in the end, with when each arose.
    fn thousand(seed: u64, delivery: &Delivery) -> Vec<i64> {
        let mut outbox = Outbox::new(seed);
        for second in 0..1000 {
            outbox.send(delivery, at(second), &second.into());
        }
        outbox.take(at(1_000_000)).iter().map(|event| event.as_i64().unwrap()).collect()
    }

    #[test]
    fn by_default_every_event_comes_once_and_in_order() {
        assert_eq!(thousand(1, &Delivery::default()), (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn events_are_lost_and_repeated_as_often_as_was_set() {
        let lost = thousand(1, &Delivery { lost: 0.25, ..Delivery::default() }).len();
        assert!((700..800).contains(&lost), "{lost}");
        let repeated = thousand(1, &Delivery { repeated: 0.25, ..Delivery::default() });
        assert!((1200..1300).contains(&repeated.len()), "{}", repeated.len());
        assert_eq!(thousand(1, &Delivery { lost: 1.0, ..Delivery::default() }), Vec::<i64>::new());
    }

    #[test]
    fn late_events_are_overtaken_and_only_they() {
        let delivery = Delivery { late: 0.1, late_by: Duration::from_secs(30), ..Delivery::default() };
        let order = thousand(1, &delivery);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        let late = order.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((60..140).contains(&late), "{late}");
    }

    #[test]
    fn an_event_arrives_after_its_delay_and_not_before() {
        let mut outbox = Outbox::new(1);
        let delivery = Delivery { delay: Latency::Constant(Duration::from_secs(15)), ..Delivery::default() };
        outbox.send(&delivery, at(0), &1.into());
        assert_eq!(outbox.next_after(at(0)), Some(at(15)));
        assert_eq!(outbox.take(at(14)), Vec::<Value>::new());
        assert_eq!(outbox.next_after(at(15)), None);
        assert_eq!(outbox.take(at(15)), [Value::from(1)]);
        assert_eq!(outbox.take(at(15)), Vec::<Value>::new());
    }

    #[test]
    fn of_what_nobody_takes_the_oldest_goes() {
        let mut outbox = Outbox::new(1);
        outbox.keep(3);
        for second in 0..10 {
            outbox.send(&Delivery::default(), at(second), &second.into());
        }
        assert_eq!(outbox.take(at(10)), [7, 8, 9].map(Value::from));
    }

    #[test]
    fn the_same_seed_gives_the_same_delivery_and_another_seed_another() {
        let delay = Latency::Uniform { shortest: Duration::ZERO, longest: Duration::from_mins(1) };
        let delivery = Delivery { delay, lost: 0.1, repeated: 0.1, late: 0.1, ..Delivery::default() };
        assert_eq!(thousand(7, &delivery), thousand(7, &delivery));
        assert_ne!(thousand(7, &delivery), thousand(8, &delivery));
    }
}
