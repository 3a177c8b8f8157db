//! SQS: the FIFO inbox, and the standard queues that only wake.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{Message as SdkMessage, MessageSystemAttributeName, SendMessageBatchRequestEntry},
};

use jiff::Timestamp;

use super::error::{calling, entry_error, unbuildable, unreadable};
use crate::ports::{Message, PortError, Queue, Received};

/// The most messages in one call, either way.
const BATCH: usize = 10;

/// The most bytes of bodies sent in one call. SQS takes 1 MiB; the room left is for what goes along with the bodies, and for
/// older imitations of SQS, which take 256 KiB.
const BATCH_BYTES: usize = 200 * 1024;

/// The longest that a message can be delayed: fifteen minutes. FIFO queues have no delay for single messages.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The longest that a message can be hidden: twelve hours.
const LONGEST_HIDDEN: i32 = 12 * 60 * 60;

/// The longest that receiving can wait: twenty seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// One queue. FIFO if its URL ends in `.fifo`; a standard queue gets neither groups nor deduplication ids.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    fifo: bool,
    /// How long a call that receives may wait for the first message.
    wait: Duration,
}

impl SqsQueue {
    pub fn new(client: Client, url: &str) -> Self {
        Self { client, url: url.to_owned(), fifo: url.strip_suffix(".fifo").is_some(), wait: Duration::ZERO }
    }

    /// Receiving waits so long, and asks all of SQS's machines: without that a part of them is asked, and the answer may be empty though
    /// there are messages.
    #[must_use = "the queue that waits is another one"]
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    fn entry(&self, number: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, PortError> {
        let Message { group, deduplication, body, delay } = message;
        let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body);
        let entry = if self.fifo {
            entry.message_group_id(group).message_deduplication_id(deduplication)
        } else {
            entry.delay_seconds(seconds((*delay).min(LONGEST_DELAY)))
        };
        entry.build().map_err(unbuildable)
    }
}

#[async_trait::async_trait]
impl Queue for SqsQueue {
    async fn send(&self, messages: &[Message]) -> Result<(), PortError> {
        let operation = "SendMessageBatch";
        // One batch after the other: messages of a group keep their order.
        for batch in batches(messages) {
            let entries = batch.iter().enumerate().map(|(number, message)| self.entry(number, message));
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let answer = request.send().await.map_err(calling(operation))?;
            if let Some(failed) = answer.failed().first() {
                return Err(entry_error(operation, failed.code(), failed.message(), failed.sender_fault()));
            }
            if answer.successful().len() != batch.len() {
                return Err(unreadable(operation, "not every message was answered"));
            }
        }
        Ok(())
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        let operation = "ReceiveMessage";
        let Some(max) = i32::try_from(max.min(BATCH)).ok().filter(|max| *max > 0) else {
            return Ok(Vec::new());
        };
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(max)
            .visibility_timeout(seconds(visibility))
            .wait_time_seconds(seconds(self.wait.min(LONGEST_WAIT)))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let answer = request.send().await.map_err(calling(operation))?;
        answer.messages().iter().map(|message| received(operation, message)).collect()
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt);
        request.send().await.map_err(calling("DeleteMessage"))?;
        Ok(())
    }

    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let request = request.visibility_timeout(seconds(delay));
        request.send().await.map_err(calling("ChangeMessageVisibility"))?;
        Ok(())
    }
}

/// Neighbours, as many as one call takes. A message that is too large by itself is sent by itself, for SQS to refuse.
fn batches(messages: &[Message]) -> Vec<&[Message]> {
    let mut batches = Vec::new();
    let mut rest = messages;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH).take_while(|message| {
            bytes += message.body.len();
            bytes <= BATCH_BYTES
        });
        let (batch, after) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = after;
    }
    batches
}

/// Whole seconds, rounded up: hidden too long is only late, hidden too short is a second delivery.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(whole).unwrap_or(LONGEST_HIDDEN).min(LONGEST_HIDDEN)
}

fn received(operation: &str, message: &SdkMessage) -> Result<Received, PortError> {
    let attribute = |name: &MessageSystemAttributeName| message.attributes().and_then(|all| all.get(name));
    let text = |what: &str, text: Option<&str>| super::parse::text(operation, what, text);
    let receives = attribute(&MessageSystemAttributeName::ApproximateReceiveCount);
    Ok(Received {
        id: text("message's id", message.message_id())?,
        receipt: text("receipt", message.receipt_handle())?,
        group: attribute(&MessageSystemAttributeName::MessageGroupId).cloned(),
        body: text("body", message.body())?,
        receives: receives
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| unreadable(operation, "no count of deliveries"))?,
        sent_at: attribute(&MessageSystemAttributeName::SentTimestamp)
            .and_then(|sent| sent.parse().ok())
            .and_then(|sent| Timestamp::from_millisecond(sent).ok()),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::{
        operation::{receive_message::ReceiveMessageOutput, send_message_batch::SendMessageBatchOutput},
        types::{BatchResultErrorEntry, SendMessageBatchResultEntry},
    };
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::client;

    const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111111111111/inbox.fifo";

    fn messages(count: usize, bytes: usize) -> Vec<Message> {
        let message = |number| Message {
            delay: Duration::ZERO,
            group: "111111111111".into(),
            deduplication: format!("event-{number}"),
            body: "x".repeat(bytes),
        };
        (0..count).map(message).collect()
    }

    fn sent(count: usize) -> impl Fn() -> SendMessageBatchOutput {
        move || {
            let entry = |number: usize| {
                let entry = SendMessageBatchResultEntry::builder().id(number.to_string()).message_id("m");
                entry.md5_of_message_body("x").build().unwrap()
            };
            let entries = (0..count).map(entry).collect();
            SendMessageBatchOutput::builder()
                .set_successful(Some(entries))
                .set_failed(Some(vec![]))
                .build()
                .unwrap()
        }
    }

    #[tokio::test]
    async fn messages_go_out_ten_at_a_time_in_their_order() {
        let full = mock!(Client::send_message_batch)
            .match_requests(|request| request.entries().len() == 10)
            .then_output(sent(10));
        let rest = mock!(Client::send_message_batch)
            .match_requests(|request| {
                let ids: Vec<_> = request
                    .entries()
                    .iter()
                    .map(SendMessageBatchRequestEntry::message_deduplication_id)
                    .collect();
                ids == [Some("event-20"), Some("event-21"), Some("event-22")]
            })
            .then_output(sent(3));
        let queue = SqsQueue::new(client!(aws_sdk_sqs, &full, &rest), URL);

        queue.send(&messages(23, 1)).await.unwrap();

        assert_eq!((full.num_calls(), rest.num_calls()), (2, 1));
    }

    #[tokio::test]
    async fn a_message_that_was_not_taken_is_an_error() {
        let refused = |ours: bool| {
            move || {
                let failed = BatchResultErrorEntry::builder()
                    .id("1")
                    .code("Whatever")
                    .sender_fault(ours)
                    .build()
                    .unwrap();
                let output = SendMessageBatchOutput::builder().failed(failed).set_successful(Some(vec![]));
                output.build().unwrap()
            }
        };
        let rule = mock!(Client::send_message_batch)
            .sequence()
            .output(refused(true))
            .output(refused(false))
            .output(sent(1))
            .build();
        let queue = SqsQueue::new(client!(aws_sdk_sqs, &rule), URL);

        assert!(matches!(queue.send(&messages(2, 1)).await, Err(PortError::Refused(_))));
        assert!(matches!(queue.send(&messages(2, 1)).await, Err(PortError::Failed(_))));
        assert!(
            matches!(queue.send(&messages(2, 1)).await, Err(PortError::Failed(_))),
            "one of two answered"
        );
    }

    #[test]
    fn batches_are_bounded_by_size_too() {
        let sizes =
            |count, bytes| batches(&messages(count, bytes)).iter().map(|b| b.len()).collect::<Vec<_>>();
        assert_eq!(sizes(5, 100 * 1024), [2, 2, 1]);
        assert_eq!(sizes(2, 300 * 1024), [1, 1]);
        assert!(sizes(0, 1).is_empty());
    }

    #[test]
    fn parts_of_a_second_are_rounded_up() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_millis(2001)), 3);
        assert_eq!(seconds(Duration::MAX), LONGEST_HIDDEN);
    }

    #[tokio::test]
    async fn only_a_queue_that_waits_asks_for_all_of_sqs() {
        let waits = |seconds: i32| {
            mock!(Client::receive_message)
                .match_requests(move |request| request.wait_time_seconds() == Some(seconds))
                .then_output(|| ReceiveMessageOutput::builder().build())
        };
        let (short, long, longest) = (waits(0), waits(2), waits(20));
        let queue = SqsQueue::new(client!(aws_sdk_sqs, &short, &long, &longest), URL);
        let patient = |seconds| queue.clone().waiting(Duration::from_secs(seconds));
        for queue in [queue.clone(), patient(2), patient(60)] {
            assert_eq!(queue.receive(10, Duration::ZERO).await, Ok(Vec::new()));
        }
        assert_eq!((short.num_calls(), long.num_calls(), longest.num_calls()), (1, 1, 1));
    }
}
