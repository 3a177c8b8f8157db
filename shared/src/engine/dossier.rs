//! Everything that a decision about one account rests on, with the decision: for people who ask why.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Basis, Planner, ReadError,
    allowance::budgets,
    planner::{Besides, Found, LookedAt},
};
use crate::{
    domain::{Account, AccountId, AssignmentKey, PermissionSetArn},
    guardrail::{self, ApprovedPlan},
    ledger::{Cause, Orders, Row},
    resolve::{Desired, Facts, Lookup},
};

/// An account, as it is decided about now.
#[derive(Debug)]
pub struct Dossier {
    pub basis: Basis,
    pub orders: Orders,
    /// The ledger's rows of the account, ordered by key.
    pub rows: Vec<Row>,
    /// When the reading began: rules hold, or don't, at this time.
    pub now: Timestamp,
    /// `None` when the organization does not know the account.
    pub found: Option<Opened>,
}

/// The dossier of an account that is there.
#[derive(Debug)]
pub struct Opened {
    pub account: Account,
    pub facts: Facts,
    pub desired: Desired,
    /// What is assigned there. Nothing is read of an account that is not active.
    pub present: Lookup<BTreeSet<AssignmentKey>>,
    /// What is done and what is withheld, by the budgets as they stand.
    pub plan: ApprovedPlan,
}

impl Planner<'_> {
    /// Decides about one account as [`Planner::account`] does, and keeps what it rests on. It looks at the assignments of `set` too;
    /// without one at those of all permission sets that the account has.
    pub async fn dossier(
        &self,
        id: &AccountId,
        set: Option<&PermissionSetArn>,
        cause: &Cause,
    ) -> Result<Dossier, ReadError> {
        let besides = set.map_or(Besides::All(id), Besides::One);
        let LookedAt { rules, orders, rows, reading, found } = self.look_at(id, cause, None, besides).await?;
        let (basis, now) = (Basis::of(rules, &reading), reading.started());
        let found = match found {
            None => None,
            Some(Found { account, facts, desired, present, plan }) => {
                let budgets = budgets(self.reader.ledger, &basis, cause, now).await?;
                let plan = guardrail::approve(plan, &budgets);
                Some(Opened { account, facts, desired, present, plan })
            }
        };
        Ok(Dossier { basis, orders, rows, now, found })
    }
}
