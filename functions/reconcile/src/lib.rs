//! Decides what one account should have, and writes the intents.
//!
//! A batch holds hints for several accounts, each in its account's message group. Hints commute, so one bad record never
//! holds up its neighbours; only the later records of its own group fail with it, so that the group keeps its order.
//!
//! When the function's time is over, what isn't done comes again. Lambda would have the whole batch come again, and what takes too
//! long together would be too long each time.
//!
//! What fails on its last try is put aside with its cause, so that its account's group goes on. The next sweep looks at that account again.

use std::{collections::BTreeSet, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use shared::{
    engine::{AccountHint, DeadLetters, ReconcileError, Reconciled, Reconciler, Tried},
    payloads,
};

const FUNCTION: &str = "reconcile";

/// Why a record was not got to.
const NO_TIME: &str = "the function's time was over before the account was done, each time";

/// What came of looking at an account, for whoever watches.
pub type Looked<'a> = (&'a AccountHint, Result<&'a Reconciled, &'a ReconcileError>);

/// Looks at each hinted account, as long as there is time; answers with the records that are to be delivered again.
pub async fn handle(
    event: SqsEvent,
    reconciler: Reconciler<'_>,
    dead: DeadLetters<'_>,
    until: Timestamp,
) -> SqsBatchResponse {
    handle_watched(event, reconciler, dead, until, |_| ()).await
}

/// The same, and tells `watcher` what came of each account that could be looked at, or could not.
pub async fn handle_watched(
    event: SqsEvent,
    reconciler: Reconciler<'_>,
    dead: DeadLetters<'_>,
    until: Timestamp,
    mut watcher: impl FnMut(Looked<'_>),
) -> SqsBatchResponse {
    let clock = reconciler.planner.reader.clock;
    let mut failed_groups = BTreeSet::new();
    let mut failures = Vec::new();
    for record in event.records {
        let tried = tried(&record);
        let follows_a_failure = tried.group.as_ref().is_some_and(|group| failed_groups.contains(group));
        let left = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
        let looked = if follows_a_failure {
            Err("an earlier message of its account failed each time".to_owned())
        } else if left.is_zero() {
            Err(NO_TIME.to_owned())
        } else {
            tokio::select! {
                biased;
                looked = Box::pin(look(&tried, &reconciler, dead, &mut watcher)) => looked,
                // It may break off anywhere: so may the function.
                () = clock.sleep(left) => Err(NO_TIME.to_owned()),
            }
        };
        let Err(reason) = looked else { continue };
        if !dead.take(FUNCTION, &tried, &reason).await {
            failed_groups.extend(tried.group);
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

fn tried(record: &SqsMessage) -> Tried {
    let (group, receives) = payloads::deliveries(record);
    Tried { body: record.body.clone().unwrap_or_default(), group: group.map(str::to_owned), receives }
}

/// Looks at the account, or says why the record is not done with.
async fn look(
    tried: &Tried,
    reconciler: &Reconciler<'_>,
    dead: DeadLetters<'_>,
    watcher: &mut impl FnMut(Looked<'_>),
) -> Result<(), String> {
    let hint = match AccountHint::from_body(&tried.body) {
        Ok(hint) => hint,
        Err(error) => {
            let reason = shared::causes::joined(&error);
            return if dead.take_unreadable(FUNCTION, tried, &reason).await { Ok(()) } else { Err(reason) };
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
            Ok(())
        }
        Err(error) => {
            let error = shared::causes::joined(&error);
            tracing::error!(account.id = %account, cause = hint.cause.as_str(), error, "account {account}: {error}");
            Err(error)
        }
    }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
