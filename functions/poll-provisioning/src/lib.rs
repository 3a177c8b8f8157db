//! Looks after assignment requests that take longer than the engine has patience.
//!
//! Each message is one request. One that is still under way goes back to the queue with a longer delay; it is a new message, so
//! that however long AWS takes, none is taken for one that keeps failing. What fails on its last try is put aside with its cause; its row
//! keeps its slot, and the engine takes it up again when it finds that nobody looks after it.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    aws,
    engine::{DeadLetters, Poll, Poller, Tried},
};

const FUNCTION: &str = "poll-provisioning";

/// Looks once at each request; answers with the records that are to be delivered again.
pub async fn handle(event: SqsEvent, poller: Poller<'_>, dead: DeadLetters<'_>) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for record in event.records {
        let (group, receives) = aws::deliveries(&record);
        let body = record.body.clone().unwrap_or_default();
        let tried = Tried { body, group: group.map(str::to_owned), receives };
        let Err(reason) = look(&tried, &poller, dead).await else { continue };
        if !dead.take(FUNCTION, &tried, &reason).await {
            failures.push(failure(record));
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

/// Looks at the request, or says why the record is not done with.
async fn look(tried: &Tried, poller: &Poller<'_>, dead: DeadLetters<'_>) -> Result<(), String> {
    let poll = match Poll::from_body(&tried.body) {
        Ok(poll) => poll,
        Err(error) => {
            let reason = shared::causes::joined(&error);
            return if dead.take_unreadable(FUNCTION, tried, &reason).await { Ok(()) } else { Err(reason) };
        }
    };
    match poller.look(&poll).await {
        Ok(came_of_it) => {
            tracing::info!(account.id = %poll.key.account, key = %poll.key, ?came_of_it, "{}: {came_of_it:?}", poll.key);
            Ok(())
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(account.id = %poll.key.account, key = %poll.key, error, "{}: {error}", poll.key);
            Err(error)
        }
    }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
