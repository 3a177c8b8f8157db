//! Self-tests: an event of our own is put on a default bus, and the record that it leads to is waited for. It grants nothing
//! (`docs/adr/0034`).

use std::{
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};

use jiff::Timestamp;
use shared::{
    aws::Connection,
    domain::{Route, SelfTest, SelfTestId, SelfTestRecord},
    engine::self_test_record,
    ports::{Clock, LedgerReader, PortError},
};

use crate::{
    report::{Hop, HopName, SelfTestTold},
    screen::line,
};

/// The pause between two looks at the ledger.
const GLANCE: Duration = Duration::from_millis(500);

/// What came of a self-test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It came through.
    Came,
    /// It could not be put on the bus.
    NotSent(PortError),
    /// It did not come in time, and the ledger could be read.
    NotCome {
        /// Another one came by the same way meanwhile, whose record may stand in the place of this one's.
        another: Option<SelfTestId>,
    },
    /// It did not come in time, or it did: the ledger could not be read.
    Unread(String),
}

/// Where self-tests end, and how long they are waited for.
pub(super) struct Waiting<'a> {
    pub(super) ledger: &'a dyn LedgerReader,
    pub(super) clock: &'a dyn Clock,
    pub(super) patience: Duration,
}

impl Waiting<'_> {
    /// Sends one this way, and waits for it.
    pub(super) async fn for_one(&self, way: &Connection, route: Route) -> (SelfTestTold, End) {
        let sent = self.clock.now();
        let test = SelfTest { id: SelfTestId::of(drawn()), route, sent };
        let mut hops = vec![hop(HopName::Sent, sent, sent)];
        let put = way.put_self_test(&test).await;
        let end = if let Err(error) = put {
            End::NotSent(error)
        } else {
            hops.push(hop(HopName::Taken, self.clock.now(), sent));
            match self.record_of(&test).await {
                Ok((record, read)) => {
                    hops.push(hop(HopName::Received, record.received, sent));
                    hops.push(hop(HopName::Written, record.written, sent));
                    hops.push(hop(HopName::ReadBack, read, sent));
                    End::Came
                }
                Err(end) => end,
            }
        };
        (SelfTestTold { id: test.id, route, came: end == End::Came, hops }, end)
    }

    /// The record that a self-test led to, and when it was read.
    async fn record_of(&self, test: &SelfTest) -> Result<(SelfTestRecord, Timestamp), End> {
        let until = self.clock.now().checked_add(self.patience).unwrap_or(Timestamp::MAX);
        loop {
            let read = self_test_record(self.ledger, test.route).await;
            let now = self.clock.now();
            let end = match read {
                Ok(Some(record)) if record.test == *test => return Ok((record, now)),
                Ok(Some(record)) if record.received >= test.sent => {
                    End::NotCome { another: Some(record.test.id) }
                }
                Ok(Some(_) | None) => End::NotCome { another: None },
                Err(error) => End::Unread(line(&shared::causes::joined(&error))),
            };
            if now >= until {
                return Err(end);
            }
            self.clock.sleep(GLANCE).await;
        }
    }
}

fn hop(hop: HopName, at: Timestamp, sent: Timestamp) -> Hop {
    let after = at.duration_since(sent).as_millis();
    Hop { hop, at, after_ms: i64::try_from(after).unwrap_or(i64::MAX) }
}

/// Chance from the seeds that the standard library's hash tables get of the operating system.
fn drawn() -> u128 {
    let half = || u128::from(std::hash::RandomState::new().build_hasher().finish());
    (half() << 64) | half()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::{
        clock::SystemClock,
        engine::SelfTests,
        local::SqliteLedger,
        ports::{Ledger as _, Seen, SeenKind},
    };

    use super::*;

    #[test]
    fn no_two_self_tests_have_the_same_id() {
        assert_ne!(drawn(), drawn());
        assert_ne!(drawn() >> 64, drawn() & u128::from(u64::MAX));
    }

    fn test(id: u128, sent: Timestamp) -> SelfTest {
        SelfTest { id: SelfTestId::of(id), route: Route::Direct, sent }
    }

    /// The event as EventBridge would deliver it.
    fn envelope(test: &SelfTest) -> shared::events::Envelope {
        shared::payloads::envelope(&serde_json::json!({
            "source": shared::events::SELF_TEST,
            "detail-type": shared::events::self_test_type(test.route),
            "detail": shared::events::self_test_detail(test),
        }))
        .unwrap()
    }

    async fn waited(ledger: &SqliteLedger, test: &SelfTest) -> Result<SelfTestId, End> {
        let clock = SystemClock;
        let waiting = Waiting { ledger, clock: &clock, patience: Duration::from_millis(1) };
        waiting.record_of(test).await.map(|(record, _)| record.test.id)
    }

    #[tokio::test]
    async fn only_the_record_of_the_same_self_test_is_what_was_waited_for() {
        let (ledger, clock) = (SqliteLedger::in_memory().unwrap(), Arc::new(SystemClock));
        let sent = clock.now();
        let (one, other) = (test(1, sent), test(2, sent));
        assert_eq!(waited(&ledger, &one).await, Err(End::NotCome { another: None }));
        let answering = SelfTests { ledger: &ledger, clock: clock.as_ref() };
        answering.answer(&envelope(&one)).await.unwrap();
        assert_eq!(waited(&ledger, &one).await, Ok(one.id.clone()));
        // Of the same id, sent at another time: somebody has seen the id and sent an event of their own.
        let forged = SelfTest { sent: sent - jiff::SignedDuration::from_secs(9), ..one.clone() };
        assert!(waited(&ledger, &forged).await.is_err());
        answering.answer(&envelope(&other)).await.unwrap();
        assert_eq!(waited(&ledger, &one).await, Err(End::NotCome { another: Some(other.id) }));
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_read_is_told_from_one_that_is_not_there() {
        let (ledger, clock) = (SqliteLedger::in_memory().unwrap(), SystemClock);
        let seen = Seen { id: "direct".to_owned(), value: serde_json::json!({ "id": 1 }), at: clock.now() };
        ledger.remember(SeenKind::SelfTest, &[seen]).await.unwrap();
        assert!(matches!(waited(&ledger, &test(1, clock.now())).await, Err(End::Unread(_))));
    }
}
