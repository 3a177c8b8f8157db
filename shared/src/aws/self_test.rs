//! EventBridge: the event of a self-test, put on a default bus as anybody may who has the right to.

use aws_sdk_eventbridge::{primitives::DateTime, types::PutEventsRequestEntry};

use super::{
    connect::Connection,
    error::{calling, entry_error, unreadable},
};
use crate::{domain::SelfTest, events, ports::PortError};

impl Connection {
    /// Puts it on the default bus of the caller's account and Region. Sent again after a lost answer, it comes twice, which changes nothing.
    pub async fn put_self_test(&self, test: &SelfTest) -> Result<(), PortError> {
        let operation = "PutEvents";
        let entry = PutEventsRequestEntry::builder()
            .source(events::SELF_TEST)
            .detail_type(events::self_test_type(test.route))
            .time(DateTime::from_millis(test.sent.as_millisecond()))
            .detail(events::self_test_detail(test).to_string())
            .build();
        let request = self.eventbridge().put_events().entries(entry);
        let answer = request.send().await.map_err(calling(operation))?;
        let [entry] = answer.entries() else {
            return Err(unreadable(operation, "one event was sent, and not one was answered"));
        };
        match (entry.error_code(), entry.event_id()) {
            (None, Some(_)) => Ok(()),
            // Which of these are the sender's fault is not told: an internal failure is called so.
            (Some(code), _) => {
                let ours = !code.contains("Internal");
                Err(entry_error(operation, code, entry.error_message(), ours))
            }
            (None, None) => Err(unreadable(operation, "neither an id nor a reason")),
        }
    }
}
