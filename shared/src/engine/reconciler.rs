//! From a hint to intents in the ledger: decide, approve, write, wake.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    AccountHint, Basis, Decided, Members, Planner, ReadError, Wake,
    allowance::budgets,
    refusals, remember,
    trusted_tags::{TrustedTags, of_sets},
};
use crate::{
    causes,
    domain::{AccountId, AssignmentKey, GroupId, Operation, Principal, RulesVersion},
    guardrail::{self, ApprovedPlan, Budgets, Scope},
    ledger::{Cause, HeldBy, Row, WRITES_AT_ONCE},
    metrics::Metric,
    outcome::{self, Outcome, Response},
    plan::Withheld,
    ports::{Guard, Ledger, LedgerError, PortError, Queue, RowWrite},
};

/// The function that decides about accounts.
const FUNCTION: &str = "reconcile";

/// How often a decision is made anew when something else changed under it.
const TRIES: u32 = 5;

/// How often a write is made that meets another one: for some seconds.
const WRITES: u32 = 10;

/// How many rows are written at once: each may have an outcome with it.
const WITH_OUTCOMES: usize = WRITES_AT_ONCE / 2;

/// What is to be told of rows that are written.
struct Told<'a> {
    drift: &'a BTreeMap<AssignmentKey, Response>,
    now: Timestamp,
}

impl Told<'_> {
    fn of(&self, row: &Row) -> RowWrite {
        let happened = self.drift.get(&row.key).map(|response| outcome::missing(&row.key, *response));
        let outcome = happened.map(|happened| Outcome::of_row(row, happened, self.now));
        RowWrite { row: row.clone(), outcome }
    }
}

/// What came of looking at an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    pub account: AccountId,
    /// Intents written.
    pub grants: usize,
    pub revokes: usize,
    /// Rows brought up to date without any write to AWS.
    pub records: usize,
    pub withheld: Vec<Withheld>,
}

/// Why an account could not be reconciled. What was not written will be decided again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot write to the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot wake the engine")]
    Wake(#[source] PortError),
    #[error("account `{0}` kept changing while it was decided")]
    Restless(AccountId),
}

/// Decides about accounts and writes down what is to be done. It sends nothing to AWS.
#[derive(Clone, Copy)]
pub struct Reconciler<'a> {
    pub planner: Planner<'a>,
    pub ledger: &'a dyn Ledger,
    pub wake: &'a dyn Queue,
}

impl std::fmt::Debug for Reconciler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciler").field("planner", &self.planner).finish_non_exhaustive()
    }
}

impl Reconciler<'_> {
    /// Looks at an account and writes what follows.
    pub async fn account(&self, hint: &AccountHint) -> Result<Reconciled, ReconcileError> {
        Box::pin(self.bounded(hint, None)).await
    }

    /// The same, and no intent for anything but what is in the scope.
    pub async fn account_within(
        &self,
        hint: &AccountHint,
        scope: &Scope,
    ) -> Result<Reconciled, ReconcileError> {
        Box::pin(self.bounded(hint, Some(scope))).await
    }

    async fn bounded(&self, hint: &AccountHint, scope: Option<&Scope>) -> Result<Reconciled, ReconcileError> {
        for _ in 0..TRIES {
            let began = self.planner.reader.clock.now();
            let (decided, basis) =
                self.planner.account_with_names(&hint.account, &hint.cause, hint.ou_names_since).await?;
            let now = self.planner.reader.clock.now();
            let budgets = budgets(self.ledger, &basis, &hint.cause, now).await?;
            // INVARIANT: told before it is remembered. Whoever finds tags in memory decides by them, and compares nothing.
            self.compare_tags(&decided, &basis, hint, began).await?;
            remember(self.ledger, &basis.learned).await?;
            let approved = match scope {
                Some(scope) => guardrail::approve_within(decided.plan, &budgets, scope),
                None => guardrail::approve(decided.plan, &budgets),
            };
            let told = Told { drift: &decided.drift, now };
            match self.write(&approved, &budgets, &basis.rules.version, &told).await {
                Ok(()) => {}
                // Something changed since it was read: it is read and decided again.
                Err(LedgerError::RowChanged(_) | LedgerError::RulesChanged | LedgerError::BudgetSpent(_)) => {
                    continue;
                }
                Err(
                    error @ (LedgerError::LeaseLost
                    | LedgerError::OrdersChanged
                    | LedgerError::CampaignChanged(_)
                    | LedgerError::Port(_)),
                ) => {
                    return Err(error.into());
                }
            }
            let written = approved.actions().iter().map(|action| &action.row).chain(approved.records());
            let drifted = written.filter(|row| told.drift.contains_key(&row.key)).count();
            if drifted > 0 {
                Metric::Drift.tell(FUNCTION, now, u64::try_from(drifted).unwrap_or(u64::MAX));
            }
            for row in approved.records().iter().filter(|row| was_deleted_by_hand(row)) {
                let key = &row.key;
                tracing::warn!(account.id = %key.account, %key, cause = hint.cause.as_str(), "{key}: deleted by hand, and on hold");
            }
            // Within a scope, what is withheld for being outside of it hides why it would be otherwise.
            if scope.is_none() {
                let decided = (&hint.cause, &basis.rules.version, now);
                refusals::tell(self.ledger, &hint.account, approved.withheld(), decided).await?;
            }
            let has_work = |row: &Row| row.work().is_some();
            // Work that was there before may have lost its wake.
            if decided.has_work
                || approved.actions().iter().any(|action| has_work(&action.row))
                || approved.records().iter().any(has_work)
            {
                Wake::first().send(self.wake, now, Duration::ZERO).await.map_err(ReconcileError::Wake)?;
            }
            self.keep_members(&approved, &hint.cause).await;
            return Ok(summary(&approved));
        }
        Err(ReconcileError::Restless(hint.account.clone()))
    }

    /// Tells what has changed of the tags that it was decided by, before anything is given by them: they may be gone again at the next look.
    async fn compare_tags(
        &self,
        decided: &Decided,
        basis: &Basis,
        hint: &AccountHint,
        since: Timestamp,
    ) -> Result<(), LedgerError> {
        let trusted = TrustedTags {
            ledger: self.ledger,
            rules: &basis.rules,
            cause: &hint.cause,
            function: FUNCTION,
            since,
            now: self.planner.reader.clock.now(),
        };
        let account = decided.account.as_ref().map(|account| (&account.id, &account.tags));
        trusted.compare(account, &of_sets(&basis.learned)).await?;
        Ok(())
    }

    /// Keeps who is in the groups that are given something for the first time. No access waits for it: what fails is left to the events and the sweep.
    async fn keep_members(&self, approved: &ApprovedPlan, cause: &Cause) {
        let grants = approved.actions().iter().filter(|action| action.operation == Operation::Grant);
        let groups: BTreeSet<&GroupId> = grants
            .filter_map(|action| match &action.key.principal {
                Principal::Group(group) => Some(group),
                Principal::User(_) => None,
            })
            .collect();
        let reader = self.planner.reader;
        let members = Members { ledger: self.ledger, directory: reader.directory, clock: reader.clock };
        for group in groups {
            if let Err(error) = members.keep_first(group, cause).await {
                let error = causes::joined(&error);
                tracing::warn!(group.id = %group, error, "the members of {group} are kept later");
            }
        }
    }

    /// Writes the intents, revokes first, with what they cost; then what only the ledger learns.
    async fn write(
        &self,
        approved: &ApprovedPlan,
        budgets: &Budgets,
        rules: &RulesVersion,
        told: &Told<'_>,
    ) -> Result<(), LedgerError> {
        // INVARIANT: intents are written only while the rules that want them are in force, and never without their charge.
        let guard = |charges| Guard { rules: Some(rules.clone()), charges, ..Guard::default() };
        for actions in approved.actions().chunks(WITH_OUTCOMES) {
            let rows: Vec<_> = actions.iter().map(|action| told.of(&action.row)).collect();
            self.insist(approved.account(), &rows, &guard(budgets.charges_of(actions))).await?;
        }
        for records in approved.records().chunks(WITH_OUTCOMES) {
            let rows: Vec<_> = records.iter().map(|row| told.of(row)).collect();
            self.insist(approved.account(), &rows, &guard(Vec::new())).await?;
        }
        Ok(())
    }

    /// Writes, and writes again where another write is under way: it has changed nothing yet that this one rests on, so nothing is read
    /// or decided again for it. If it does change something, the next try is told.
    async fn insist(&self, account: &AccountId, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.ledger.write(rows, guard).await {
                Err(LedgerError::Port(PortError::Conflict(_))) if tries < WRITES => {
                    self.planner.reader.clock.sleep(pause(account, tries)).await;
                }
                written => return written,
            }
        }
    }
}

/// How long to give way after so many tries: longer each time, and each account for another time. Two writers that met are at two
/// accounts, and shall not meet again.
fn pause(account: &AccountId, tries: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (account, tries).hash(&mut hasher);
    let longest = 50 << tries.min(5);
    Duration::from_millis(longest / 2 + hasher.finish() % (longest / 2))
}

/// Whether this is the record that somebody else deleted what was ours.
fn was_deleted_by_hand(row: &Row) -> bool {
    row.hold.as_ref().is_some_and(|hold| hold.by == HeldBy::DeletedByHand && hold.at == row.changed_at)
}

fn summary(approved: &ApprovedPlan) -> Reconciled {
    let count = |operation| approved.actions().iter().filter(|action| action.operation == operation).count();
    Reconciled {
        account: approved.account().clone(),
        grants: count(Operation::Grant),
        revokes: count(Operation::Revoke),
        records: approved.records().len(),
        withheld: approved.withheld().to_vec(),
    }
}
