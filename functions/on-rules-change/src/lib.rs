//! Rules were uploaded: they are checked, planned, and come into force or are refused whole. The answer is left beside them.
//!
//! The event is a hint. We take the object's name from it and nothing else, so a late, repeated or forged event costs a look at what is
//! there.

use jiff::Timestamp;
use serde_json::Value;
use shared::{
    causes,
    engine::{self, Incoming, IncomingError, Parked, Taken, UnreadableJson, is_answer},
    events::{self, Reading, Uploaded},
    payloads,
    ports::{Clock, PortError, Queue, Uploads},
};

/// Why the event has to be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot act on the event")]
    Incoming(#[from] IncomingError),
    #[error("cannot park an event that cannot be read")]
    Park(#[source] PortError),
}

/// Where uploads are expected.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub bucket: &'a str,
    /// What their names begin with.
    pub incoming: &'a str,
}

/// Reads one event, and takes in the object that it names. What is not decided by `until` comes again.
pub async fn handle(
    payload: Value,
    place: Place<'_>,
    incoming: Incoming<'_>,
    parked: &dyn Queue,
    until: Timestamp,
) -> Result<Taken, Error> {
    let reading = payloads::envelope(&payload)
        .map_err(|error| format!("not an EventBridge event: {}", UnreadableJson::from(error)))
        .and_then(|envelope| events::read_upload(&envelope).map_err(|error| causes::joined(&error)));
    let (uploaded, event) = match reading {
        Ok(Reading::Hint { hint, event, caller_role: _ }) => (hint, event),
        Ok(Reading::Ignored(why)) => return Ok(ignored(&why.to_string())),
        // It will never be read, however often it comes.
        Err(reason) => {
            park(&payload, &reason, parked, incoming.reader.clock).await?;
            return Ok(Taken::Parked(reason));
        }
    };
    if let Some(why) = place.does_not_expect(&uploaded) {
        return Ok(ignored(why));
    }
    Ok(incoming.take(&uploaded.key, &event, until).await?)
}

/// Leaves word beside the object that an event names, if it is an upload, that nothing can be decided yet: AWS can't even be asked where
/// to look. The event comes again, so what can't be left or read is no error here.
pub async fn put_off(
    payload: &Value,
    place: Place<'_>,
    uploads: &dyn Uploads,
    clock: &dyn Clock,
    why: &dyn std::error::Error,
) {
    let Ok(envelope) = payloads::envelope(payload) else { return };
    let Ok(Reading::Hint { hint: uploaded, event: _, caller_role: _ }) = events::read_upload(&envelope)
    else {
        return;
    };
    if place.does_not_expect(&uploaded).is_some() {
        return;
    }
    if let Err(error) = engine::put_off(uploads, &uploaded.key, clock.now(), why).await {
        tracing::warn!(%error, "cannot leave a word beside the uploaded rules");
    }
}

async fn park(payload: &Value, reason: &str, parked: &dyn Queue, clock: &dyn Clock) -> Result<(), Error> {
    let event = Parked::new("on-rules-change", reason, &payload.to_string());
    event.park(parked, clock).await.map_err(Error::Park)
}

fn ignored(why: &str) -> Taken {
    tracing::info!(reason = why, "event ignored: {why}");
    Taken::Ignored(why.to_owned())
}

impl Place<'_> {
    /// Why an object is none that somebody uploads as rules.
    fn does_not_expect(&self, Uploaded { bucket, key }: &Uploaded) -> Option<&'static str> {
        if bucket != self.bucket {
            Some("the object is in another bucket than that of the rules")
        } else if !key.starts_with(self.incoming) {
            Some("the object is not among those that are uploaded as rules")
        } else if is_answer(key) {
            Some("the object is an answer of Usher's own")
        } else if key.ends_with('/') {
            Some("the object is a folder")
        } else {
            None
        }
    }
}
