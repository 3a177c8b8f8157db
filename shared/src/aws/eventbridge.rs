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
        for batch in outcomes.chunks(BATCH) {
            let entries = batch.iter().map(|outcome| self.entry(outcome)).collect();
            let request = self.client.put_events().set_entries(Some(entries));
            let answer = match request.send().await {
                Ok(answer) => answer,
                // What the calls before have put on the bus need not be told again.
                Err(error) if !told.is_empty() => {
                    let why = calling(operation)(error).to_string();
                    told.resize(outcomes.len(), Told::Refused(why));
                    break;
                }
                Err(error) => return Err(calling(operation)(error)),
            };
            if answer.entries().len() != batch.len() {
                return Err(unreadable(operation, "not every event was answered"));
            }
            told.extend(answer.entries().iter().map(of_entry));
        }
        Ok(told)
    }
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
    async fn an_answer_that_leaves_one_out_is_no_answer() {
        let rule = mock!(Client::put_events).then_output(|| taken(1));
        let bus = EventBridgeBus::new(client!(aws_sdk_eventbridge, &rule), "outcomes");
        assert!(matches!(bus.put(&outcomes(2)).await, Err(PortError::Failed(_))));
    }
}
