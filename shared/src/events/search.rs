//! Looking for the account that an event is about, where nobody has published how the event is laid out.
//!
//! Only what the event says about its subject is looked through, never who caused it. The management account is in most events
//! one way or another, so it counts only where nothing else is named. Two different accounts are both looked at rather than
//! one of them guessed. The work is bounded, whatever the event holds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Envelope, Hint};
use crate::domain::AccountId;

/// The parts of a CloudTrail record that tell what was done, the most telling first.
const PARTS: [&str; 4] =
    ["serviceEventDetails", "requestParameters", "responseElements", "additionalEventData"];

/// How deep a part is looked through, and how many values of it.
const DEPTH: usize = 6;
const VALUES: usize = 2_000;

/// With more accounts than this, everything is looked at.
const FEW: usize = 20;

/// What members of another account than the subject have in their names.
const OTHERS: [&str; 5] = ["management", "master", "payer", "govcloud", "delegated"];

/// The account that an event is about, or the few of which it must be one; `None` if it names none.
pub(super) fn subject(envelope: &Envelope) -> Option<Hint> {
    let mut found = Search { accounts: BTreeSet::new(), others: BTreeSet::new(), left: VALUES };
    for part in PARTS {
        if let Some(part) = envelope.detail.get(part) {
            found.look(part, DEPTH, false);
        }
    }
    // `accountId` beside an ARN is whose resource it is: the management account's. The ARN's end is the account itself.
    let resources = envelope.detail.get("resources").and_then(Value::as_array);
    let arns =
        resources.into_iter().flatten().filter_map(|it| it.get("ARN").or_else(|| it.get("arn"))?.as_str());
    for arn in arns.chain(envelope.resources.iter().map(String::as_str)).take(FEW) {
        found.accounts.extend(account_of_arn(arn));
    }
    let Search { mut accounts, mut others, left } = found;
    if left == 0 && !accounts.is_empty() {
        // There is more than was looked at: what was found may not be what it is about.
        return Some(Hint::Everything);
    }
    for place in ["/recipientAccountId", "/userIdentity/accountId"] {
        let caller = envelope.detail.pointer(place).and_then(Value::as_str);
        others.extend(caller.and_then(|id| id.parse().ok()));
    }
    let named: BTreeSet<AccountId> = accounts.difference(&others).cloned().collect();
    if !named.is_empty() {
        accounts = named;
    }
    match (accounts.len(), accounts.first()) {
        (_, None) => None,
        (1, Some(one)) => Some(Hint::Account(one.clone())),
        (2..=FEW, _) => Some(Hint::Accounts(accounts)),
        _ => Some(Hint::Everything),
    }
}

struct Search {
    accounts: BTreeSet<AccountId>,
    /// Accounts that the event names as something else than its subject.
    others: BTreeSet<AccountId>,
    left: usize,
}

impl Search {
    fn look(&mut self, value: &Value, depth: usize, others: bool) {
        // One more than a few is enough to know that there are many.
        if self.left == 0 || self.accounts.len() > FEW {
            return;
        }
        self.left -= 1;
        match value {
            Value::String(text) => {
                let account = text.parse().ok().or_else(|| account_of_arn(text));
                let known = if others { &mut self.others } else { &mut self.accounts };
                known.extend(account);
            }
            Value::Array(items) if depth > 0 => {
                for item in items.iter().take(self.left) {
                    self.look(item, depth - 1, others);
                }
            }
            Value::Object(members) if depth > 0 => {
                for (name, member) in members.iter().take(self.left) {
                    let name = name.to_ascii_lowercase();
                    // People may call an account whatever they like.
                    if name.ends_with("name") || name == "tags" || name == "notes" {
                        continue;
                    }
                    let others = others || OTHERS.iter().any(|other| name.contains(other));
                    self.look(member, depth - 1, others);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

/// The account of `arn:aws:organizations::<management account>:account/o-…/<account>`.
pub(super) fn account_of_arn(arn: &str) -> Option<AccountId> {
    let (service, place) = arn.strip_prefix("arn:")?.split_once(":account/")?;
    service.split(':').any(|part| part == "organizations").then(|| place.rsplit('/').next())??.parse().ok()
}
