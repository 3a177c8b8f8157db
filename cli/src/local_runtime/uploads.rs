//! Rules that somebody uploads, as `on-rules-change` takes them in.

use jiff::{SignedDuration, Timestamp};
use on_rules_change::Place;
use serde_json::Value;
use shared::engine::Incoming;

use super::{LocalRuntime, UploadPlace};
use crate::Failure;

/// How long the plan of uploaded rules may take: what the function has in Lambda.
const PLANNING: SignedDuration = SignedDuration::from_mins(13);

impl LocalRuntime {
    /// Gives the event of an upload to its function.
    pub(super) async fn upload(&self, event: Value, place: &UploadPlace) -> Result<(), Failure> {
        let incoming = Incoming {
            uploads: place.uploads.as_ref(),
            store: self.store.as_ref(),
            reader: self.planner().reader,
            access: &self.reach.aws.access,
            sets: self.reach.aws.sets.as_ref(),
            ledger: &self.ledger,
            inbox: self.queues.inbox.as_ref(),
            settings: self.manner.engine,
        };
        let expected = Place { bucket: &place.bucket, incoming: &place.incoming };
        let until = self.clock.now().checked_add(PLANNING).unwrap_or(Timestamp::MAX);
        let parked = self.parked.as_ref();
        let taken = on_rules_change::handle(event.clone(), expected, incoming, parked, until).await;
        self.teller.upload(&event, taken.map_err(Failure::UploadEvent)?);
        Ok(())
    }
}
