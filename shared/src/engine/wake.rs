//! Waking the engine: "there is work in the ledger".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::provisioner::{latency::Latency, window::Left};
use crate::ports::{Message, PortError, Queue, Seen};

/// A wake, as it travels. The ledger is the list of work; a wake that is lost or repeated costs a look-up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wake {
    /// How many runs of the engine in a row have woken the next one.
    #[serde(default)]
    pub hops: u32,
    /// What the run that sent it has learned, so that the next one goes on where it left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// What a run of the engine learns of AWS. It is a start for the next run and nothing more: whatever of it is wrong by then is soon
/// noticed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Learned {
    /// How long grants take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grants: Option<Latency>,
    /// The same of revokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revokes: Option<Latency>,
    /// AWS's lists of requests were found to hide what has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distrusted_at: Option<Timestamp>,
    /// What others leave to us of the window, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<Left>,
    /// The rate that others leave to us, and the one that was refused, in thousandths of a call a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<(u32, u32)>,
    /// When the bucket of calls will be full again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) full_at: Option<Timestamp>,
    /// Until when AWS is believed to refuse a second role update in an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) strict_until: Option<Timestamp>,
    /// AWS has taken one.
    #[serde(default)]
    pub(super) takes_second: bool,
}

/// The fact in the ledger that keeps what was learned, for runs that no other has woken.
const LEARNED: &str = "learned";

/// What others leave to us is not believed any more after this long.
const OTHERS_STAY: SignedDuration = SignedDuration::from_mins(10);

impl Learned {
    /// Whether there is nothing in the other that it doesn't say, but for how much has just been called.
    pub(super) fn says(&self, other: &Self) -> bool {
        Self { full_at: other.full_at, ..self.clone() } == *other
    }

    /// As the ledger keeps it.
    pub(super) fn to_fact(&self, now: Timestamp) -> Option<Seen> {
        let value = serde_json::to_value(self).ok()?;
        Some(Seen { id: LEARNED.to_owned(), value, at: now })
    }

    /// Of the facts that the ledger keeps. What can't be read is learned anew.
    pub(super) fn of_facts(facts: &[Seen], now: Timestamp) -> Option<Self> {
        let fact = facts.iter().find(|seen| seen.id == LEARNED)?;
        let learned: Self = serde_json::from_value(fact.value.clone()).ok()?;
        if fact.at + OTHERS_STAY > now {
            return Some(learned);
        }
        Some(Self { left: None, rate: None, full_at: None, ..learned })
    }
}

/// After so many runs in a row that each woke the next, the engine waits for the next event or sweep.
const HOPS: u32 = 2_000;

impl Wake {
    /// A wake from outside the engine.
    pub fn first() -> Self {
        Self { hops: 0, learned: None }
    }

    /// The tick's wake: turned away by another engine, it need not come again, for the next tick does.
    pub(super) fn of_tick() -> Self {
        Self { hops: 1, learned: None }
    }

    /// Reads a message's body; anything unreadable is a first wake, since a wake says nothing but "look".
    pub fn from_body(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_else(|_| Self::first())
    }

    /// Several wakes that came at once, as one: a wake from outside begins a new chain, and what was learned stays.
    pub fn together(wakes: impl IntoIterator<Item = Self>) -> Self {
        let together = |a: Self, b: Self| Self { hops: a.hops.min(b.hops), learned: a.learned.or(b.learned) };
        wakes.into_iter().reduce(together).unwrap_or_else(Self::first)
    }

    /// The wake that a run sends for the next one; `None` when there have been too many in a row.
    pub(super) fn next(&self) -> Option<Self> {
        (self.hops < HOPS).then(|| Self { hops: self.hops + 1, learned: None })
    }

    pub(super) async fn send(
        &self,
        queue: &dyn Queue,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), PortError> {
        let message = Message {
            group: "engine".into(),
            // Fresh each time: a wake must never be taken for an earlier one.
            deduplication: format!("wake-{}-{}", now.as_microsecond(), self.hops),
            body: serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?,
            delay: delay.min(Duration::from_mins(15)),
        };
        queue.send(&[message]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_ledger_keeps_is_believed_and_what_it_says_of_others_only_for_a_while() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let rate = Some((7_000, 10_000));
        let learned = Learned { distrusted_at: Some(at(-9)), rate, ..Learned::default() };
        let facts = [learned.to_fact(at(0)).unwrap()];
        assert_eq!(Learned::of_facts(&facts, at(60)), Some(learned.clone()));
        let later = Learned::of_facts(&facts, at(601)).unwrap();
        assert_eq!((later.distrusted_at, later.rate), (Some(at(-9)), None));
        assert_eq!(Learned::of_facts(&[], at(0)), None);
        let unreadable = [Seen { value: "x".into(), ..facts[0].clone() }];
        assert_eq!(Learned::of_facts(&unreadable, at(0)), None);
        assert!(learned.says(&Learned { full_at: Some(at(9)), ..learned.clone() }));
        assert!(!learned.says(&Learned { rate: None, ..learned.clone() }));
    }
}
