//! Looking for what an event is about, where nobody has published how the event is laid out, or it is laid out in another way.
//!
//! Only what the event says about its subject is looked through, never who caused it. Two different things are both looked at
//! rather than one of them guessed. The work is bounded, whatever the event holds.

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

/// With more things than this, everything is looked at.
pub(super) const FEW: usize = 20;

/// Members that hold what people or other systems have chosen: it may look like an id, and is none.
const CHOSEN: [&str; 6] = ["tags", "notes", "description", "inlinepolicy", "externalid", "externalids"];

/// What members of another account than the subject have in their names.
const OTHERS: [&str; 5] = ["management", "master", "payer", "govcloud", "delegated"];

/// How many different things were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Several<T> {
    None,
    One(T),
    /// Up to [`FEW`].
    Few(BTreeSet<T>),
    /// More, or it is not known how many.
    Many,
}

impl<T: Ord + Clone> Several<T> {
    /// `whole`: whether everything was looked through. If not, what was found may not be what it is about.
    pub(super) fn of(found: BTreeSet<T>, whole: bool) -> Self {
        match (found.len(), found.first()) {
            (_, None) => Self::None,
            _ if !whole => Self::Many,
            (1, Some(one)) => Self::One(one.clone()),
            (2..=FEW, _) => Self::Few(found),
            _ => Self::Many,
        }
    }
}

/// Shows each text of the telling parts, with the names of the members that lead to it, the innermost last; tells whether that
/// was all of them.
pub(super) fn each_text<'a>(envelope: &'a Envelope, see: impl FnMut(&[&'a str], &'a str)) -> bool {
    let mut search = Search { path: Vec::new(), left: VALUES, see };
    for part in PARTS {
        if let Some(part) = envelope.detail.get(part) {
            search.look(part, DEPTH);
        }
    }
    search.left > 0
}

/// The ARNs of the event's resources.
pub(super) fn resources(envelope: &Envelope) -> impl Iterator<Item = &str> {
    let of_record = envelope.detail.get("resources").and_then(Value::as_array);
    let of_record =
        of_record.into_iter().flatten().filter_map(|it| it.get("ARN").or_else(|| it.get("arn"))?.as_str());
    of_record.chain(envelope.resources.iter().map(String::as_str)).take(FEW)
}

/// The account that an event is about, or the few of which it must be one; `None` if it names none. The management account is in
/// most events one way or another, so it counts only where nothing else is named.
pub(super) fn subject(envelope: &Envelope) -> Option<Hint> {
    let (mut accounts, mut others) = (BTreeSet::new(), BTreeSet::new());
    let whole = each_text(envelope, |path, text| {
        let is_other = path.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            OTHERS.iter().any(|other| name.contains(other))
        });
        let found = if is_other { &mut others } else { &mut accounts };
        found.extend(text.parse().ok().or_else(|| account_of_arn(text)));
    });
    // `accountId` beside an ARN is whose resource it is: the management account's. The ARN's end is the account itself.
    accounts.extend(resources(envelope).filter_map(account_of_arn));
    for place in ["/recipientAccountId", "/userIdentity/accountId"] {
        let caller = envelope.detail.pointer(place).and_then(Value::as_str);
        others.extend(caller.and_then(|id| id.parse().ok()));
    }
    let named: BTreeSet<AccountId> = accounts.difference(&others).cloned().collect();
    match Several::of(if named.is_empty() { accounts } else { named }, whole) {
        Several::None => None,
        Several::One(account) => Some(Hint::Account(account)),
        Several::Few(accounts) => Some(Hint::Accounts(accounts)),
        Several::Many => Some(Hint::Everything),
    }
}

struct Search<'a, S> {
    /// The names of the members that lead here.
    path: Vec<&'a str>,
    left: usize,
    see: S,
}

impl<'a, S: FnMut(&[&'a str], &'a str)> Search<'a, S> {
    fn look(&mut self, value: &'a Value, depth: usize) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        match value {
            Value::String(text) => (self.see)(&self.path, text),
            Value::Array(items) if depth > 0 => {
                for item in items.iter().take(self.left) {
                    self.look(item, depth - 1);
                }
            }
            Value::Object(members) if depth > 0 => {
                for (name, member) in members.iter().take(self.left) {
                    if !is_chosen(name) {
                        self.path.push(name);
                        self.look(member, depth - 1);
                        self.path.pop();
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

/// People may call an account whatever they like.
fn is_chosen(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("name") || CHOSEN.contains(&name.as_str())
}

/// The account of `arn:aws:organizations::<management account>:account/o-…/<account>`.
fn account_of_arn(arn: &str) -> Option<AccountId> {
    let (service, place) = arn.strip_prefix("arn:")?.split_once(":account/")?;
    service.split(':').any(|part| part == "organizations").then(|| place.rsplit('/').next())??.parse().ok()
}
