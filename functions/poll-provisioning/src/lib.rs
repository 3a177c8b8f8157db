//! Looks after assignment requests that take longer than the engine has patience, and after all requests to provision.
//!
//! Each message is one request. One that is still under way goes back to the queue with a longer delay; it is a new message, so
//! that however long AWS takes, none is taken for one that keeps failing. What fails on its last try is put aside with its cause; its row
//! keeps its slot, and the engine takes it up again when it finds that nobody looks after it.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    engine::{DeadLetters, PollMessage, Poller, ProvisioningPoll, Tried},
    payloads,
};

const FUNCTION: &str = "poll-provisioning";

/// Looks once at each request; answers with the records that are to be delivered again.
pub async fn handle(event: SqsEvent, poller: Poller<'_>, dead: DeadLetters<'_>) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for record in event.records {
        let (group, receives) = payloads::deliveries(&record);
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
    let poll = match PollMessage::from_body(&tried.body) {
        Ok(PollMessage::Assignment(poll)) => poll,
        Ok(PollMessage::Provisioning(poll)) => return look_at_provisioning(&poll, poller).await,
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

async fn look_at_provisioning(poll: &ProvisioningPoll, poller: &Poller<'_>) -> Result<(), String> {
    let (set, target) = (&poll.permission_set, &poll.target);
    match poller.look_at_provisioning(poll).await {
        Ok(came_of_it) => {
            tracing::info!(permission_set = %set, ?target, ?came_of_it, "{set}: {came_of_it:?}");
            Ok(())
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(permission_set = %set, ?target, error, "{set}: {error}");
            Err(error)
        }
    }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
