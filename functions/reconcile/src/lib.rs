//! Decides what one account should have, and writes the intents.
//!
//! A batch holds hints for several accounts, each in its account's message group. Hints commute, so one bad record never
//! holds up its neighbours; only the later records of its own group fail with it, so that the group keeps its order.
//!
//! When the function's time is over, what isn't done comes again. Lambda would have the whole batch come again, and what takes too
//! long together would be too long each time.

use std::{collections::BTreeSet, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use shared::{
    engine::{AccountHint, Parked, ReconcileError, Reconciled, Reconciler},
    ports::Queue,
};

/// What came of looking at an account, for whoever watches.
pub type Looked<'a> = (&'a AccountHint, Result<&'a Reconciled, &'a ReconcileError>);

/// Looks at each hinted account, as long as there is time; answers with the records that are to be delivered again.
pub async fn handle(
    event: SqsEvent,
    reconciler: Reconciler<'_>,
    parked: &dyn Queue,
    until: Timestamp,
) -> SqsBatchResponse {
    handle_watched(event, reconciler, parked, until, |_| ()).await
}

/// The same, and tells `watcher` what came of each account that could be looked at, or could not.
pub async fn handle_watched(
    event: SqsEvent,
    reconciler: Reconciler<'_>,
    parked: &dyn Queue,
    until: Timestamp,
    mut watcher: impl FnMut(Looked<'_>),
) -> SqsBatchResponse {
    let clock = reconciler.planner.reader.clock;
    let mut failed_groups = BTreeSet::new();
    let mut failures = Vec::new();
    for record in event.records {
        let group = record.attributes.get("MessageGroupId").cloned();
        let follows_a_failure = group.as_ref().is_some_and(|group| failed_groups.contains(group));
        let left = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
        let is_done = !follows_a_failure
            && !left.is_zero()
            && tokio::select! {
                is_done = Box::pin(look(&record, &reconciler, parked, &mut watcher)) => is_done,
                // It may break off anywhere: so may the function.
                () = clock.sleep(left) => false,
            };
        if !is_done {
            failed_groups.extend(group);
            failures.push(failure(record));
        }
    }
    if clock.now() >= until {
        let left = failures.len();
        tracing::warn!(left, "the function's time is over: {left} records come again");
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

/// Whether the record is done with.
async fn look(
    record: &SqsMessage,
    reconciler: &Reconciler<'_>,
    parked: &dyn Queue,
    watcher: &mut impl FnMut(Looked<'_>),
) -> bool {
    let body = record.body.as_deref().unwrap_or_default();
    let hint = match AccountHint::from_body(body) {
        Ok(hint) => hint,
        Err(error) => {
            let unreadable = Parked::new("reconcile", &shared::causes::joined(&error), body);
            let parking = unreadable.park(parked, reconciler.planner.reader.clock).await;
            if let Err(error) = &parking {
                tracing::error!(%error, "cannot park a record that cannot be read");
            }
            return parking.is_ok();
        }
    };
    let account = &hint.account;
    let looked = reconciler.account(&hint).await;
    watcher((&hint, looked.as_ref()));
    match looked {
        Ok(done) => {
            let (grants, revokes, withheld) = (done.grants, done.revokes, done.withheld.len());
            tracing::info!(
                account.id = %account,
                cause = hint.cause.as_str(),
                grants,
                revokes,
                withheld,
                "account {account}: {grants} to grant, {revokes} to revoke, {withheld} withheld"
            );
            true
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(account.id = %account, cause = hint.cause.as_str(), error, "account {account}: {error}");
            false
        }
    }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
