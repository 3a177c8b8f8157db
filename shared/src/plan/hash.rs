//! A plan's hash: what a person has seen, and nothing that changes by itself.

use sha2::{Digest as _, Sha256};

use super::{Plan, WithheldReason};
use crate::domain::{AccountId, AssignmentKey, Operation, PlanHash, RulesVersion};

/// What is written of everything that is to be done.
const DONE: &str = "do";

/// The hash of a whole plan, or of one account's: which operations the rules call for, which of them are withheld and for what
/// kind of reason, and which accounts could not be read.
///
/// Not in it: times, row versions, the order of reading, and what the budgets hold back. What waits for a budget is to be done
/// like everything else, so neither midnight nor an approval makes it another plan.
pub fn hash<'a>(
    rules: &RulesVersion,
    account: Option<&AccountId>,
    plans: impl IntoIterator<Item = &'a Plan>,
    unread: impl IntoIterator<Item = &'a AccountId>,
) -> PlanHash {
    let mut lines: Vec<(&AssignmentKey, Operation, &str)> = Vec::new();
    for Plan { account: _, actions, withheld, records: _ } in plans {
        lines.extend(actions.iter().map(|action| (&action.key, action.operation, DONE)));
        lines.extend(withheld.iter().map(|withheld| {
            let is_done = matches!(withheld.reason, WithheldReason::Budget(_));
            let kind = if is_done { DONE } else { withheld.reason.kind() };
            (&withheld.key, withheld.operation, kind)
        }));
    }
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
