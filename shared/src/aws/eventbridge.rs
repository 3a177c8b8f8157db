//! EventBridge: the bus that outcomes are told on.

use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};

use super::error::{calling, unreadable};
use crate::{
    outcome::Outcome,
    ports::{OutcomeBus, PortError, Told},
};

/// The most events in one call.
const BATCH: usize = 10;

/// The most bytes of details in one call. All entries together may have 256 KB, and names and times count too.
const BATCH_BYTES: usize = 200_000;

/// What every outcome's event has as its `source`.
const SOURCE: &str = "usher";

/// What every outcome's event has as its `detail-type`.
const DETAIL_TYPE: &str = "Usher Outcome";

/// An event bus.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    bus: String,
}

impl EventBridgeBus {
    /// The bus with this name or ARN.
    pub fn new(client: Client, bus: &str) -> Self {
        Self { client, bus: bus.to_owned() }
    }

    fn entry(&self, outcome: &Outcome) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .time(DateTime::from_secs(outcome.at.as_second()))
            .detail(outcome.detail().to_string())
            .build()
    }
}

#[async_trait::async_trait]
impl OutcomeBus for EventBridgeBus {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        let operation = "PutEvents";
        let mut told = Vec::with_capacity(outcomes.len());
        for batch in batches(outcomes.iter().map(|outcome| self.entry(outcome))) {
            let count = batch.len();
            let request = self.client.put_events().set_entries(Some(batch));
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => match calling(operation)(error) {
                    // It is about these, and not about those after them.
                    PortError::Refused(why) => {
                        told.resize(told.len() + count, Told::Refused(why));
                        continue;
                    }
                    // What the calls before have put on the bus need not be told again.
                    error if !told.is_empty() => {
                        told.resize(outcomes.len(), Told::Refused(error.to_string()));
                        break;
                    }
                    error => return Err(error),
                },
            };
            if answer.entries().len() != count {
                return Err(unreadable(operation, "not every event was answered"));
            }
            told.extend(answer.entries().iter().map(of_entry));
        }
        Ok(told)
    }
}

/// Entries in their order, as many to a call as it takes.
fn batches(entries: impl Iterator<Item = PutEventsRequestEntry>) -> Vec<Vec<PutEventsRequestEntry>> {
    let mut batches: Vec<(usize, Vec<PutEventsRequestEntry>)> = Vec::new();
    for entry in entries {
        let size = entry.detail().map_or(0, str::len);
        match batches.last_mut() {
            Some((bytes, batch)) if batch.len() < BATCH && *bytes + size <= BATCH_BYTES => {
                *bytes += size;
                batch.push(entry);
            }
            Some(_) | None => batches.push((size, vec![entry])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// An event that was not taken has a code in the place of an id.
fn of_entry(entry: &PutEventsResultEntry) -> Told {
    match (entry.error_code(), entry.event_id()) {
        (None, Some(_)) => Told::Taken,
        (Some(code), _) => Told::Refused(code.to_owned()),
        (None, None) => Told::Refused("it was answered with neither an id nor a reason".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
    use aws_smithy_mocks::mock;
    use jiff::Timestamp;

    use super::*;
    use crate::{aws::testing::client, ledger::Cause, outcome::Happened};

    fn outcomes(count: usize) -> Vec<Outcome> {
        let refused =
            |number| Happened::RulesRefused { refused: None, reason: format!("the reason {number}") };
        let cause = || Cause::new("event", "1");
        (0..count)
            .map(|number| Outcome::new(refused(number), &number.to_string(), Timestamp::UNIX_EPOCH, cause()))
            .collect()
    }

    fn taken(count: usize) -> PutEventsOutput {
        let entry = PutEventsResultEntry::builder().event_id("1").build();
        PutEventsOutput::builder().set_entries(Some(vec![entry; count])).build()
    }

    #[tokio::test]
    async fn outcomes_go_ten_at_a_time_with_their_schema_and_their_id() {
        let first = outcomes(1).remove(0);
        let ten = mock!(Client::put_events)
            .match_requests(move |request| {
                let entry = &request.entries()[0];
                let detail: serde_json::Value = serde_json::from_str(entry.detail().unwrap()).unwrap();
                request.entries().len() == 10
                    && entry.event_bus_name() == Some("outcomes")
                    && entry.source() == Some("usher")
                    && entry.detail_type() == Some("Usher Outcome")
                    && detail["schema_version"] == "1"
                    && detail["id"] == first.id
                    && detail["outcome"] == "rules_refused"
            })
            .then_output(|| taken(10));
        let rest = mock!(Client::put_events)
            .match_requests(|request| request.entries().len() == 2)
            .then_output(|| taken(2));
        let bus = EventBridgeBus::new(client!(aws_sdk_eventbridge, &ten, &rest), "outcomes");
        assert_eq!(bus.put(&outcomes(12)).await, Ok(vec![Told::Taken; 12]));
    }

    #[tokio::test]
    async fn one_that_is_not_taken_is_told_from_those_that_are() {
        let answer = || {
            let failed = PutEventsResultEntry::builder().error_code("InternalFailure").build();
            let nothing = PutEventsResultEntry::builder().build();
            let good = PutEventsResultEntry::builder().event_id("1").build();
            PutEventsOutput::builder().set_entries(Some(vec![good, failed, nothing])).build()
        };
        let rule = mock!(Client::put_events).then_output(answer);
        let bus = EventBridgeBus::new(client!(aws_sdk_eventbridge, &rule), "outcomes");
        let told = bus.put(&outcomes(3)).await.unwrap();
        assert_eq!(told[0], Told::Taken);
        assert_eq!(told[1], Told::Refused("InternalFailure".to_owned()));
        assert!(matches!(told[2], Told::Refused(_)));
    }

    #[tokio::test]
    async fn large_outcomes_go_in_calls_of_their_own_and_one_that_is_refused_holds_up_no_other() {
        let long = || Happened::RulesRefused { refused: None, reason: "x".repeat(150_000) };
        let large =
            |number: &str| Outcome::new(long(), number, Timestamp::UNIX_EPOCH, Cause::new("event", number));
        let refused = mock!(Client::put_events)
            .match_requests(|request| request.entries()[0].detail().unwrap().contains("event:2"))
            .then_http_response(|| {
                let body = r#"{"__type":"ValidationException","message":"Total size of the entries in the request is over the limit."}"#;
                aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(
                    400.try_into().unwrap(),
                    aws_smithy_types::body::SdkBody::from(body),
                )
            });
        let one = mock!(Client::put_events)
            .match_requests(|request| request.entries().len() == 1)
            .then_output(|| taken(1));
        let bus = EventBridgeBus::new(client!(aws_sdk_eventbridge, &refused, &one), "outcomes");
        let told = bus.put(&[large("1"), large("2"), large("3")]).await.unwrap();
        assert!(matches!(&told[..], [Told::Taken, Told::Refused(_), Told::Taken]), "{told:?}");
    }

    #[tokio::test]
    async fn an_answer_that_leaves_one_out_is_no_answer() {
        let rule = mock!(Client::put_events).then_output(|| taken(1));
        let bus = EventBridgeBus::new(client!(aws_sdk_eventbridge, &rule), "outcomes");
        assert!(matches!(bus.put(&outcomes(2)).await, Err(PortError::Failed(_))));
    }
}
