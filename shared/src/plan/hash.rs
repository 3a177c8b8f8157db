//! A plan's hash: what a person has seen, and nothing that changes by itself.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::{IfGone, Plan, WithheldReason};
use crate::{
    domain::{AccountId, AssignmentKey, Operation, PlanHash, RulesVersion},
    ledger::{Held, Row},
};

/// What is written of everything that is to be done.
const DONE: &str = "do";

/// What was intended before, has not been sent, and is not given up by these plans: the engine will send it. That of an account
/// that could not be read is among it.
pub fn pending<'a>(
    account: Option<&AccountId>,
    plans: impl IntoIterator<Item = &'a Plan>,
    rows: &[Row],
) -> BTreeSet<(AssignmentKey, Operation)> {
    let mut decided: BTreeMap<&AssignmentKey, Option<Operation>> = BTreeMap::new();
    for Plan { account: _, actions, withheld, records } in plans {
        decided.extend(records.iter().map(|row| (&row.key, row.work().map(|(operation, _)| operation))));
        decided.extend(actions.iter().map(|action| (&action.key, None)));
        // Nobody sends it while it is stopped by order. What is withheld for another reason, and not given up, may still be sent.
        let stopped = withheld.iter().filter(|withheld| {
            matches!(withheld.reason, WithheldReason::Paused | WithheldReason::LedgerUnconfirmed)
        });
        decided.extend(stopped.map(|withheld| (&withheld.key, None)));
    }
    let in_scope = rows.iter().filter(|row| account.is_none_or(|account| row.key.account == *account));
    let standing = |row: &Row| {
        let (intended, _) = row.work().filter(|(_, intent)| intent.claim.is_none())?;
        let operation = decided.get(&row.key).copied().unwrap_or(Some(intended))?;
        Some((row.key.clone(), operation))
    };
    in_scope.filter_map(standing).collect()
}

/// The hash of a whole plan, or of one account's: which operations the rules call for, which of them are withheld and for what
/// kind of reason, and which accounts could not be read. What is pending is to be done, whoever intended it: the same decision
/// makes the same plan before and after it is written down.
///
/// Not in it: times, row versions, the order of reading, and what the budgets hold back. What waits for a budget is to be done
/// like everything else, so neither midnight nor an approval makes it another plan.
pub fn hash<'a>(
    rules: &RulesVersion,
    account: Option<&AccountId>,
    plans: impl IntoIterator<Item = &'a Plan>,
    pending: &'a BTreeSet<(AssignmentKey, Operation)>,
    unread: impl IntoIterator<Item = &'a AccountId>,
) -> PlanHash {
    let mut lines: Vec<(&AssignmentKey, Operation, &str)> = Vec::new();
    for Plan { account: _, actions, withheld, records: _ } in plans {
        lines.extend(actions.iter().map(|action| (&action.key, action.operation, DONE)));
        lines.extend(withheld.iter().map(|withheld| {
            // What comes of what two looks don't find is told at the first: that time passes makes it no other plan.
            let reason = &withheld.reason;
            let is_done =
                matches!(reason, WithheldReason::Budget(_) | WithheldReason::Missing(IfGone::MadeAgain));
            let kind = if is_done {
                DONE
            } else if matches!(reason, WithheldReason::Missing(IfGone::Held)) {
                WithheldReason::Held(Held::DeletedByHand).kind()
            } else {
                reason.kind()
            };
            (&withheld.key, withheld.operation, kind)
        }));
    }
    lines.extend(pending.iter().map(|(key, operation)| (key, *operation, DONE)));
    lines.sort();
    let mut unread: Vec<&AccountId> = unread.into_iter().collect();
    unread.sort();

    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    };
    add("usher plan 1");
    add(rules.as_str());
    add(account.map_or("everything", AccountId::as_str));
    for (key, operation, kind) in lines {
        add(&operation.to_string());
        add(key.account.as_str());
        add(key.permission_set.as_str());
        add(&key.principal.to_string());
        add(kind);
    }
    for account in unread {
        add("unread");
        add(account.as_str());
    }
    PlanHash::of_digest(&hash.finalize().into())
}

/// The hash of a plan with something else besides.
pub fn hash_with(plan: &PlanHash, more: &str) -> PlanHash {
    let mut hash = Sha256::new();
    for part in ["usher plan 1, and permission sets", &plan.to_string(), more] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    PlanHash::of_digest(&hash.finalize().into())
}
