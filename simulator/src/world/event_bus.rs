//! `EventBridge`, as far as people put events of their own on their account's default bus: `PutEvents`.
//!
//! What is put there comes to whoever takes the world's events, as AWS's own events do. Other buses, rules and targets are not simulated.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, authorization, events};
use crate::{
    ApiError, Caller,
    iam::{Decision, Request, decide},
};

/// The most entries of one call.
const MOST: usize = 10;

/// Input of `PutEvents`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PutEvents {
    entries: Vec<Entry>,
}

/// One event as it is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    resources: Vec<String>,
    event_bus_name: Option<String>,
    /// Seconds since 1970.
    time: Option<f64>,
}

/// Why an entry was not taken: AWS's code and words.
type Refused = (&'static str, String);

fn required(member: &str) -> Refused {
    let message = format!("Parameter {member} is not valid. Reason: {member} is a required argument.");
    ("InvalidArgument", message)
}

impl World {
    /// Puts events on the default bus of the caller's account in this Region.
    pub(crate) fn put_events(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        region: &str,
        input: &PutEvents,
    ) -> Result<Value, ApiError> {
        let PutEvents { entries } = input;
        if !(1..=MOST).contains(&entries.len()) {
            return Err(ApiError::new(
                "ValidationException",
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10",
            ));
        }
        let bus = format!("arn:{}:events:{region}:{}:event-bus/default", self.partition(), caller.account);
        let others = |entry: &&Entry| {
            entry.event_bus_name.as_ref().is_some_and(|name| name != "default" && *name != bus)
        };
        if entries.iter().any(|entry| others(&entry)) {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                "there is the default bus here, and no other",
            ));
        }
        self.may_put(caller, region, &bus, entries)?;
        self.advance(now);
        let answers: Vec<Value> = entries
            .iter()
            .map(|entry| match self.put(caller, region, entry) {
                Ok(id) => json!({ "EventId": id }),
                Err((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
            })
            .collect();
        let failed = answers.iter().filter(|answer| answer.get("ErrorCode").is_some()).count();
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    fn may_put(&self, caller: &Caller, region: &str, bus: &str, entries: &[Entry]) -> Result<(), ApiError> {
        let Some((role, policies)) =
            self.roles.of(caller).and_then(|role| Some((role, role.policies.as_ref()?)))
        else {
            return Ok(());
        };
        let named =
            |name: fn(&Entry) -> &Option<String>| entries.iter().filter_map(move |entry| name(entry).clone());
        let context = authorization::of_principal(self, caller, Some(&role.tags))
            .with("aws:RequestedRegion", [region])
            .with("events:source", named(|entry| &entry.source))
            .with("events:detail-type", named(|entry| &entry.detail_type));
        let request = Request { action: "events:PutEvents", resource: bus, context: &context };
        if decide(policies, &request) == Decision::Allowed {
            return Ok(());
        }
        let who = events::caller_arn(caller);
        Err(ApiError::denied(format!(
            "User: {who} is not authorized to perform: events:PutEvents on resource: {bus}"
        )))
    }

    fn put(&mut self, caller: &Caller, region: &str, entry: &Entry) -> Result<Uuid, Refused> {
        let Entry { source, detail_type, detail, resources, event_bus_name: _, time } = entry;
        let source = source.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| required("Source"))?;
        let detail_type =
            detail_type.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| required("DetailType"))?;
        let detail = detail.as_deref().ok_or_else(|| required("Detail"))?;
        if source.starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
        }
        let detail = serde_json::from_str::<Value>(detail).ok().filter(Value::is_object);
        let detail = detail.ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit by far")]
        let at = time.and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
        let id = self.ids.next();
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": caller.account,
            "time": events::second(at.unwrap_or(self.now)),
            "region": region,
            "resources": resources,
            "detail": detail,
        });
        self.send(&event);
        Ok(id)
    }
}
