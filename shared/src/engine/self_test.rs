//! Self-tests: that the event of one has come is written down, and nothing else is done.

use super::{HearError, Heard, InboxError};
use crate::{
    domain::{Route, SelfTestRecord},
    events::{self, Envelope},
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
};

/// Who answers self-tests.
#[derive(Clone, Copy)]
pub struct SelfTests<'a> {
    pub ledger: &'a dyn Ledger,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for SelfTests<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfTests").finish_non_exhaustive()
    }
}

impl SelfTests<'_> {
    /// Writes down that the event has come.
    // INVARIANT: anybody may have sent it. It leads to this one record, of which there is one for each route, and to nothing that any decision reads.
    pub async fn answer(&self, envelope: &Envelope) -> Result<Heard, HearError> {
        let received = self.clock.now();
        let test = match events::read_self_test(envelope) {
            Ok(test) => test,
            // Parked, it would wake somebody, and whoever sends such events could fill the queue.
            Err(why) => {
                tracing::info!(reason = %why, "event ignored: {why}");
                return Ok(Heard::Ignored(why.to_string()));
            }
        };
        let (id, route) = (test.id.clone(), test.route);
        let written = self.clock.now();
        let record = SelfTestRecord { test, received, written };
        let value = serde_json::to_value(&record)
            .map_err(|error| LedgerError::Port(PortError::Refused(error.to_string())))
            .map_err(InboxError::Ledger)?;
        let seen = Seen { id: route.word().to_owned(), value, at: written };
        self.ledger.remember(SeenKind::SelfTest, &[seen]).await.map_err(InboxError::Ledger)?;
        tracing::info!(self_test = %id, route = route.word(), "self-test {id}, {route}: written down");
        Ok(Heard::Noted(id))
    }
}

/// What is written down of the self-test that came last by a route.
pub async fn self_test_record(
    ledger: &dyn LedgerReader,
    route: Route,
) -> Result<Option<SelfTestRecord>, LedgerError> {
    let Some(seen) = ledger.recall_one(SeenKind::SelfTest, route.word()).await? else { return Ok(None) };
    let unreadable = |error| PortError::Refused(format!("the record of a self-test can't be read: {error}"));
    Ok(Some(serde_json::from_value(seen.value).map_err(unreadable)?))
}
