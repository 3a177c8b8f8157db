//! Looks after assignment requests that take longer than the engine has patience, and after all requests to provision.
//!
//! Each message is one request. One that is still under way goes back to the queue with a longer delay; it is a new message, so
//! that however long AWS takes, none is taken for one that keeps failing.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    engine::{Parked, PollMessage, Poller, ProvisioningPoll},
    ports::Queue,
};

/// Looks once at each request; answers with the records that are to be delivered again.
pub async fn handle(event: SqsEvent, poller: Poller<'_>, parked: &dyn Queue) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for record in event.records {
        if !look(&record, &poller, parked).await {
            failures.push(failure(record));
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

/// Whether the record is done with.
async fn look(record: &SqsMessage, poller: &Poller<'_>, parked: &dyn Queue) -> bool {
    let body = record.body.as_deref().unwrap_or_default();
    let poll = match PollMessage::from_body(body) {
        Ok(PollMessage::Assignment(poll)) => poll,
        Ok(PollMessage::Provisioning(poll)) => return look_at_provisioning(&poll, poller).await,
        Err(error) => {
            let unreadable = Parked::new("poll-provisioning", &shared::causes::joined(&error), body);
            let parking = unreadable.park(parked, poller.clock).await;
            if let Err(error) = &parking {
                tracing::error!(%error, "cannot park a record that cannot be read");
            }
            return parking.is_ok();
        }
    };
    match poller.look(&poll).await {
        Ok(came_of_it) => {
            tracing::info!(account.id = %poll.key.account, key = %poll.key, ?came_of_it, "{}: {came_of_it:?}", poll.key);
            true
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(account.id = %poll.key.account, key = %poll.key, error, "{}: {error}", poll.key);
            false
        }
    }
}

async fn look_at_provisioning(poll: &ProvisioningPoll, poller: &Poller<'_>) -> bool {
    let (set, target) = (&poll.permission_set, &poll.target);
    match poller.look_at_provisioning(poll).await {
        Ok(came_of_it) => {
            tracing::info!(permission_set = %set, ?target, ?came_of_it, "{set}: {came_of_it:?}");
            true
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(permission_set = %set, ?target, error, "{set}: {error}");
            false
        }
    }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
