//! Deciding about every account, from reads in bulk.

use std::collections::{BTreeMap, BTreeSet};

use super::{Basis, Decided, Planner, ReadError, look::Look};
use crate::{
    domain::{AccountId, Principal},
    ledger::{Cause, Row},
};

/// A look at everything: one decision an account, the same that a look at that account alone would make.
#[derive(Debug)]
pub struct Survey {
    pub basis: Basis,
    /// Ordered by account.
    pub decided: Vec<Decided>,
    /// Accounts that could not be read, with the reason. Nothing is decided about them.
    pub unread: BTreeMap<AccountId, ReadError>,
    /// Every row of the ledger, as it was at the beginning.
    pub rows: Vec<Row>,
}

impl Planner<'_> {
    /// Decides about every account of the organization, and about those that only the ledger still knows.
    pub async fn everything(&self, cause: &Cause) -> Result<Survey, ReadError> {
        let mut look = Look::begin(self, None).await?;
        let all = look.accounts();
        let (accounts, needs) = look.read(&all).await;
        let drafts = look.draft(accounts, &needs).await;
        let principals: BTreeSet<Principal> =
            drafts.each.iter().flat_map(|draft| look.principals(draft)).cloned().collect();
        let everywhere = look.by_principal(&principals).await;

        let mut decided = look.departed();
        for draft in &drafts.each {
            let actual = match &everywhere {
                _ if !draft.account.state.is_active() => Ok(look.unasked()),
                Some(everywhere) if !look.principals(draft).any(|one| everywhere.silent.contains(one)) => {
                    Ok(everywhere.of_account(&draft.account.id))
                }
                Some(_) | None => look.actual(draft).await,
            };
            match actual {
                Ok(actual) => decided.push(look.decide(&drafts, draft, None, &actual, cause)),
                Err(error) => _ = look.unread.insert(draft.account.id.clone(), error),
            }
        }
        decided.sort_by(|a, b| a.plan.account.cmp(&b.plan.account));
        let Look { rules, reading, rows, unread, .. } = look;
        Ok(Survey {
            basis: Basis::of(rules, &reading),
            decided,
            unread,
            rows: rows.into_values().flatten().collect(),
        })
    }
}
