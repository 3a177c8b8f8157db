//! Approving a plan, or keys of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Consent, ConsentError, TRIES, journal, keys::tombstone};
use crate::{
    domain::{AccountId, AssignmentKey, Mode, Operation, PlanHash, RuleId, RulesVersion},
    engine::{StandIns, Survey, allowance::budgets, publish::has_shrunk},
    guardrail::{self, Scope},
    ledger::{Approval, Cause, ConsentRecord, Consented, Row, WRITES_AT_ONCE},
    plan::{self, IfGone, Withheld, WithheldReason},
    ports::{Guard, LedgerError, LedgerReader, PortError, RowWrite},
};

/// How long an approval may last.
pub(super) const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How many keys are approved one by one: their record is one item of the ledger.
pub const MOST_KEYS: usize = 500;

/// A plan as it can be approved: what the budgets would hold back of it, and what waits for other reasons.
#[derive(Debug, Clone)]
pub struct Proposal {
    hash: PlanHash,
    rules: RulesVersion,
    /// The rules have fewer than half of those in force, and nobody has consented to that.
    shrinks: bool,
    /// It is the plan of all accounts: consent to it lets its rules come into force.
    is_whole: bool,
    /// The rules that were in force when it was made.
    in_force: Option<(RulesVersion, Timestamp)>,
    planned: BTreeSet<(AssignmentKey, Operation)>,
    over_budget: BTreeMap<AssignmentKey, Approvable>,
    /// What the budgets would let through now of what is approved along with that.
    along: BTreeMap<AssignmentKey, Approvable>,
    others: BTreeMap<AssignmentKey, Withheld>,
}

/// An operation that can be approved.
#[derive(Debug, Clone)]
pub struct Approvable {
    pub key: AssignmentKey,
    pub operation: Operation,
    /// The rules that want it, or were the last to.
    pub rules: BTreeMap<RuleId, Mode>,
    /// The row as it was read.
    row: Option<Row>,
}

impl Proposal {
    /// What can be approved of a survey: of everything, or of one account's in the shape of a survey.
    pub async fn of(
        survey: &Survey,
        account: Option<&AccountId>,
        ledger: &dyn LedgerReader,
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let Survey { basis, decided, unread, rows } = survey;
        let rules = &basis.rules.version;
        let plans = || decided.iter().map(|decided| &decided.plan);
        let pending = plan::pending(account, plans(), rows);
        let hash = plan::hash(rules, account, plans(), &pending, unread.keys());

        let rows: BTreeMap<&AssignmentKey, &Row> = rows.iter().map(|row| (&row.key, row)).collect();
        let mut budgets = budgets(ledger, basis, cause, now).await?;
        let approvable = |key: &AssignmentKey, operation, rules: &BTreeMap<RuleId, Mode>| {
            let row = rows.get(key).map(|row| (*row).clone());
            (key.clone(), Approvable { key: key.clone(), operation, rules: rules.clone(), row })
        };
        let (mut planned, mut over_budget, mut others) = (pending.clone(), BTreeMap::new(), BTreeMap::new());
        let mut along = BTreeMap::new();
        for plan in plans() {
            let approved = guardrail::approve(plan.clone(), &budgets);
            budgets.spend(&approved);
            planned.extend(approved.actions().iter().map(|action| (action.key.clone(), action.operation)));
            for withheld in approved.withheld() {
                let Withheld { key, operation, reason, rules } = withheld;
                if matches!(reason, WithheldReason::Budget(_)) {
                    planned.insert((key.clone(), *operation));
                    over_budget.extend([approvable(key, *operation, rules)]);
                } else {
                    if matches!(reason, WithheldReason::Missing(IfGone::MadeAgain)) {
                        planned.insert((key.clone(), *operation));
                    }
                    others.insert(key.clone(), withheld.clone());
                }
            }
            let charged = approved.actions().iter().filter(|action| action.approval.is_none());
            along.extend(charged.map(|action| approvable(&action.key, action.operation, &action.rules)));
        }
        let in_force = ledger.rules_in_force().await?;
        let count = basis.rules.index.rules().len();
        let after = in_force.as_ref().filter(|old| old.version != *rules && has_shrunk(old.rules, count));
        let shrinks = match after {
            Some(old) => {
                let journal = journal(ledger).await?;
                !journal.iter().any(|record| record.lets_shrink(rules, (&old.version, old.since), now))
            }
            None => false,
        };
        let in_force = in_force.map(|old| (old.version, old.since));
        // What is approved does not depend on how much of a budget is left at the moment: whatever else spends it before the plan
        // is carried out would make a second approval necessary.
        let is_whole = account.is_none();
        let is_over = |operation| over_budget.values().any(|it: &Approvable| it.operation == operation);
        let (deletes, creates) =
            (shrinks && is_whole || is_over(Operation::Revoke), is_over(Operation::Grant));
        along.retain(|_, it| match it.operation {
            Operation::Revoke => deletes,
            Operation::Grant => creates,
        });
        Ok(Self {
            hash,
            rules: rules.clone(),
            shrinks,
            is_whole,
            in_force,
            planned,
            over_budget,
            along,
            others,
        })
    }

    /// The same with what is to be done to permission sets besides, by what names that. What is given by sets that are yet to be made can't
    /// be approved before they are.
    #[must_use = "it names another plan"]
    pub fn with(mut self, permission_sets: &str, stand_ins: &StandIns) -> Self {
        self.over_budget.retain(|key, _| !stand_ins.has(&key.permission_set));
        self.along.retain(|key, _| !stand_ins.has(&key.permission_set));
        if permission_sets.is_empty() {
            return self;
        }
        Self { hash: plan::hash_with(&self.hash, permission_sets), ..self }
    }

    /// What names the plan. It stays the same while the same is to be done and withheld.
    pub fn hash(&self) -> &PlanHash {
        &self.hash
    }

    /// The rules that were planned by.
    pub fn rules(&self) -> &RulesVersion {
        &self.rules
    }

    /// Whether its rules may come into force only with consent to their whole plan.
    pub fn shrinks(&self) -> bool {
        self.shrinks
    }

    /// Whether consent to it lets rules come into force that have shrunk.
    pub fn lets_shrink(&self) -> bool {
        self.shrinks && self.is_whole
    }

    /// Whether the rules that were planned by are those in force.
    pub fn is_in_force(&self) -> bool {
        self.in_force.as_ref().is_some_and(|(version, _)| *version == self.rules)
    }

    /// What the budgets hold back, by key.
    pub fn over_budget(&self) -> impl Iterator<Item = &Approvable> {
        self.over_budget.values()
    }

    /// What an approval of the plan lets through: all deletes where the budgets hold one back or the rules have shrunk, and all
    /// creates where they hold one back.
    pub fn let_through(&self) -> impl Iterator<Item = &Approvable> {
        self.over_budget.values().chain(self.along.values())
    }

    /// Everything that is to be done, what is pending and what waits for a budget included: what `apply --plan` may do and nothing else.
    pub fn scope(&self) -> Scope {
        Scope(self.planned.clone())
    }
}

impl Consent<'_> {
    /// Approves what [`Proposal::let_through`] tells of a plan, if it still is the plan of this hash. Where its rules have shrunk
    /// below half, exactly these rules may come into force once all of it is approved, after those that are in force now.
    pub async fn approve_plan(
        &self,
        proposal: &Proposal,
        hash: &PlanHash,
        expires_at: Timestamp,
    ) -> Result<ConsentRecord, ConsentError> {
        if *hash != proposal.hash {
            return Err(ConsentError::PlanChanged { asked: hash.clone(), now: proposal.hash.clone() });
        }
        if proposal.over_budget.is_empty() && !proposal.lets_shrink() {
            return Err(ConsentError::NothingToApprove);
        }
        let let_through: Vec<_> = proposal.let_through().collect();
        let what = Consented::Plan {
            plan: hash.clone(),
            rules: proposal.rules.clone(),
            operations: let_through.len(),
            expires_at,
            shrinks: false,
            replaces: proposal.in_force.as_ref().map(|(version, _)| version.clone()),
            in_force_since: proposal.in_force.as_ref().map(|(_, since)| *since),
        };
        self.approve(proposal, let_through, what, expires_at).await
    }

    /// Approves what the budgets hold back for these keys. Nothing is approved if one of them waits for another reason.
    pub async fn approve_keys(
        &self,
        proposal: &Proposal,
        keys: &BTreeSet<AssignmentKey>,
        expires_at: Timestamp,
    ) -> Result<ConsentRecord, ConsentError> {
        if keys.len() > MOST_KEYS {
            return Err(ConsentError::TooManyKeys);
        }
        let mut waiting = Vec::with_capacity(keys.len());
        for key in keys {
            let boxed = || Box::new(key.clone());
            match (proposal.over_budget.get(key), proposal.others.get(key)) {
                (Some(found), _) => waiting.push(found),
                (None, Some(Withheld { reason, .. })) => {
                    return Err(ConsentError::NotOverBudget { key: boxed(), reason: reason.clone() });
                }
                (None, None) => return Err(ConsentError::NotWithheld(boxed())),
            }
        }
        if waiting.is_empty() {
            return Err(ConsentError::NothingToApprove);
        }
        let operations = waiting.iter().map(|it| (it.operation, it.key.clone())).collect();
        let what = Consented::Keys { rules: proposal.rules.clone(), operations, expires_at };
        self.approve(proposal, waiting, what, expires_at).await
    }

    async fn approve(
        &self,
        proposal: &Proposal,
        waiting: Vec<&Approvable>,
        what: Consented,
        expires_at: Timestamp,
    ) -> Result<ConsentRecord, ConsentError> {
        let mut record = self.draft(what)?;
        if expires_at <= record.at || expires_at > record.at + LONGEST {
            return Err(ConsentError::Ends);
        }
        // On record before it has any effect: each row names the record that it was approved by.
        self.keep(&record).await?;
        let approval = |operation| Approval {
            id: record.id.clone(),
            operation,
            rules: proposal.rules.clone(),
            by: record.by.clone(),
            at: record.at,
            expires_at,
        };
        let mut approved = 0;
        for chunk in waiting.chunks(WRITES_AT_ONCE) {
            let rows = chunk.iter().map(|Approvable { key, operation, rules, row }| {
                let row = row.clone().unwrap_or_else(|| {
                    let row = tombstone(key, record.cause(), record.at);
                    Row { wanted_by: rules.clone(), ..row }
                });
                Row { approval: Some(approval(*operation)), ..row }
            });
            let written = self.write_approved(rows.collect()).await;
            written.map_err(|error| broken_off(error, approved, waiting.len()))?;
            approved += chunk.len();
        }
        if let Consented::Plan { shrinks, .. } = &mut record.what
            && proposal.lets_shrink()
        {
            // INVARIANT: rules that have shrunk come into force only when all that they take away is approved, so that this
            // is the last to be written.
            *shrinks = true;
            self.keep(&record).await.map_err(|error| broken_off(error, approved, waiting.len()))?;
        }
        Ok(record)
    }

    /// Writes all of these rows, or none. One that changed meanwhile without another decision is approved as it is now.
    async fn write_approved(&self, mut rows: Vec<Row>) -> Result<(), ConsentError> {
        for _ in 0..TRIES {
            let writes: Vec<_> = rows.iter().map(|row| RowWrite::of(row.clone())).collect();
            match self.ledger.write(&writes, &Guard::default()).await {
                Ok(()) => return Ok(()),
                Err(LedgerError::RowChanged(key)) => {
                    let Some(row) = rows.iter_mut().find(|row| row.key == *key) else {
                        return Err(ConsentError::Changed(key));
                    };
                    let Some(now) = self.ledger.row(&key).await? else {
                        return Err(ConsentError::Changed(key));
                    };
                    if now.state != row.state || now.approval.is_some() || now.hold != row.hold {
                        return Err(ConsentError::Changed(key));
                    }
                    *row = Row { approval: row.approval.take(), ..now };
                }
                Err(LedgerError::Port(PortError::Conflict(_))) => self.give_way().await,
                Err(error) => return Err(error.into()),
            }
        }
        let key = rows.into_iter().next().map(|row| row.key);
        Err(key.map_or(ConsentError::NothingToApprove, |key| ConsentError::Changed(Box::new(key))))
    }
}

/// Why an approval was not written to its end.
fn broken_off(error: ConsentError, approved: usize, all: usize) -> ConsentError {
    if approved == 0 { error } else { ConsentError::Partly { approved, all, why: Box::new(error) } }
}
