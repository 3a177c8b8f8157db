//! Following requests to their end. Accepted is not provisioned: only a terminal status read from AWS ends an operation.

use std::{collections::BTreeSet, time::Duration};

use super::{
    RunError,
    outcome::{self, Ended, Outcome},
    session::Session,
};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    engine::signed,
    ledger::Row,
    ports::{PortError, RequestListing, RequestStatus},
    provisioning::{backoff, next_look},
};

/// How many finished requests one look at the list shows: one page.
const LISTED: usize = 100;

impl Session<'_> {
    /// Looks at everything outstanding: one list for all that succeeded, and a closer look at what it doesn't show.
    pub(super) async fn follow(&mut self) -> Result<(), RunError> {
        for operation in [Operation::Revoke, Operation::Grant] {
            if self.followed(operation).next().is_none() {
                continue;
            }
            self.turn().await;
            match self.engine.access.requests(operation, RequestListing::Succeeded, LISTED).await {
                Ok(listed) => {
                    let succeeded: BTreeSet<RequestId> =
                        listed.into_iter().map(|request| request.id).collect();
                    let done: Vec<Row> = self
                        .followed(operation)
                        .filter(|(_, request)| succeeded.contains(request))
                        .map(|(row, _)| row.clone())
                        .collect();
                    for row in done {
                        self.conclude(row, RequestStatus::Succeeded).await?;
                    }
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(RunError::Access(error)),
            }
            self.look_closer(operation).await?;
        }
        Ok(())
    }

    /// Outstanding requests whose id is known.
    fn followed(&self, operation: Operation) -> impl Iterator<Item = (&Row, &RequestId)> {
        self.outstanding.values().filter_map(move |row| match row.work() {
            Some((of_row, intent)) if of_row == operation => {
                intent.claim.as_ref().and_then(|claim| claim.request.as_ref()).map(|request| (row, request))
            }
            _ => None,
        })
    }

    /// Asks about single requests that the list of the succeeded has not shown for a while: they failed, or the list lags.
    async fn look_closer(&mut self, operation: Operation) -> Result<(), RunError> {
        let now = self.engine.clock.now();
        let waited = |row: &Row| {
            let since = row.claim().map_or(now, |claim| claim.at);
            Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
        };
        let due: Vec<(Row, RequestId)> = self
            .followed(operation)
            .filter(|(row, _)| match self.looks.get(&row.key) {
                Some(at) => *at <= now,
                None => waited(row) >= next_look(Duration::ZERO),
            })
            .map(|(row, request)| (row.clone(), request.clone()))
            .collect();
        for (row, request) in due {
            self.keep_lease().await?;
            self.looks.insert(row.key.clone(), now + signed(next_look(waited(&row))));
            self.turn().await;
            match self.engine.access.request(operation, &request).await {
                Ok(Some(request)) if request.status == RequestStatus::InProgress => {}
                Ok(Some(request)) => self.conclude(row, request.status).await?,
                Ok(None) => self.conclude_unknown(row, operation).await?,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(RunError::Access(error)),
            }
        }
        Ok(())
    }

    /// AWS has said how it ended.
    pub(super) async fn conclude(&mut self, row: Row, status: RequestStatus) -> Result<(), RunError> {
        match outcome::of(row, &status, self.engine.clock.now()) {
            Some(outcome) => self.take(outcome).await,
            None => Ok(()),
        }
    }

    /// Writes an outcome down, and tells it once it is written: who has lost the lease meanwhile leaves it to the other to tell.
    async fn take(&mut self, outcome: Outcome) -> Result<(), RunError> {
        let Outcome { row, ended } = outcome;
        let (key, reason) = (row.key.clone(), row.trouble.clone().unwrap_or_default());
        self.end(row).await?;
        let account = &key.account;
        match ended {
            Ended::Granted => {
                tracing::info!(account.id = %account, %key, "{key}: granted");
                self.summary.granted += 1;
            }
            Ended::Revoked => {
                tracing::info!(account.id = %account, %key, "{key}: revoked");
                self.summary.revoked += 1;
            }
            Ended::Retried => self.summary.retried += 1,
            Ended::Blocked => {
                tracing::warn!(account.id = %account, %key, %reason, "{key}: refused");
                self.summary.blocked += 1;
            }
        }
        Ok(())
    }

    /// AWS no longer knows a request that it had accepted: what the assignments say decides, once they can be trusted.
    async fn conclude_unknown(&mut self, row: Row, operation: Operation) -> Result<(), RunError> {
        let now = self.engine.clock.now();
        if row.claim().is_none_or(|claim| claim.at + signed(self.engine.settings.settle_after) > now) {
            return Ok(());
        }
        let Some(there) = self.is_there(&row.key).await? else { return Ok(()) };
        match (operation, there) {
            (Operation::Grant, true) => self.granted(row).await,
            (Operation::Revoke, false) => self.revoked(row).await,
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let wait = backoff(row.attempts);
                self.retry_in_doubt(
                    row,
                    wait,
                    "AWS no longer knows the request, and it has had no effect".to_owned(),
                )
                .await
            }
        }
    }

    /// Whether AWS lists an assignment; `None` when that could not be told this time.
    pub(super) async fn is_there(&mut self, key: &AssignmentKey) -> Result<Option<bool>, RunError> {
        self.turn().await;
        match self.engine.access.principals(&key.account, &key.permission_set).await {
            Ok(principals) => Ok(Some(principals.contains(&key.principal))),
            Err(PortError::NotFound(_)) => Ok(Some(false)),
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(RunError::Access(error)),
        }
    }

    async fn granted(&mut self, row: Row) -> Result<(), RunError> {
        self.take(outcome::granted(row, self.engine.clock.now())).await
    }

    pub(super) async fn revoked(&mut self, row: Row) -> Result<(), RunError> {
        self.take(outcome::revoked(row, self.engine.clock.now())).await
    }

    /// AWS refused for good.
    pub(super) async fn block(&mut self, row: Row, reason: String) -> Result<(), RunError> {
        match outcome::blocked(row, reason, self.engine.clock.now()) {
            Some(row) => self.take(Outcome { row, ended: Ended::Blocked }).await,
            None => Ok(()),
        }
    }
}
