//! What the table's items look like: their keys, and a row as an item.
//!
//! | item | `pk` | `sk` | holds |
//! | --- | --- | --- | --- |
//! | row | `account#<id>` | `<permission set>#<principal>` | `row_json`, `row_version`, `row_state`; `work` and `work_order` while there is work |
//! | rules in force | `rules` | `in-force` | `rules_version`, `rules_json` |
//! | lease | `lease` | `engine` | `lease_fence`, `lease_expires`; `lease_holder` while it is held |
//! | orders | `orders` | `standing` | `orders_version`, `orders_json` |
//! | round | `round` | `sweep` | `round_version`, `round_json` |
//! | campaign | `campaign` | `<permission set>` | `campaign_version`, `campaign_began`, `campaign_json` |
//! | budget | `budget#<name>` | `budget` | `budget_spent`, `budget_expires` (the table's TTL) |
//! | outcome to be told | `outbox` | `<time>#<id>`; `members#<id>` of what is gained or lost | `outcome_json` |
//! | remembered | `seen#<kind>` | `id#<id>` | `seen_id`, `seen_json`, `seen_at` |

use std::{collections::HashMap, fmt::Write as _};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::{BudgetKey, Campaign, Row},
    outcome::Outcome,
    ports::{PortError, Seen, SeenKind},
};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";

/// The index of rows with work in them, and its two attributes. Other items don't have these, so they are not in it.
pub(super) const WORK_INDEX: &str = "work";
pub(super) const WORK: &str = "work";
pub(super) const WORK_ORDER: &str = "work_order";

pub(super) const ROW_JSON: &str = "row_json";
pub(super) const ROW_VERSION: &str = "row_version";
pub(super) const ROW_STATE: &str = "row_state";
pub(super) const RULES_VERSION: &str = "rules_version";
pub(super) const RULES_JSON: &str = "rules_json";
pub(super) const LEASE_FENCE: &str = "lease_fence";
pub(super) const LEASE_EXPIRES: &str = "lease_expires";
pub(super) const LEASE_HOLDER: &str = "lease_holder";
pub(super) const ORDERS_VERSION: &str = "orders_version";
pub(super) const ORDERS_JSON: &str = "orders_json";
pub(super) const ROUND_VERSION: &str = "round_version";
pub(super) const ROUND_JSON: &str = "round_json";
pub(super) const CAMPAIGN_VERSION: &str = "campaign_version";
/// A campaign that came in the place of one that is over has a version of its own, but not its beginning.
pub(super) const CAMPAIGN_BEGAN: &str = "campaign_began";
pub(super) const CAMPAIGN_JSON: &str = "campaign_json";
pub(super) const BUDGET_SPENT: &str = "budget_spent";
/// Seconds since 1970. The table's TTL: of budgets only, so that nothing that claims ownership is ever swept away.
pub(super) const BUDGET_EXPIRES: &str = "budget_expires";
pub(super) const OUTCOME_JSON: &str = "outcome_json";
const SEEN_ID: &str = "seen_id";
const SEEN_JSON: &str = "seen_json";
const SEEN_AT: &str = "seen_at";

/// The `pk` of all campaigns.
pub(super) const CAMPAIGNS: &str = "campaign";

/// Every row's `pk` begins so, and no other item's does.
pub(super) const ACCOUNT: &str = "account#";

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The `pk` of outcomes that are to be told.
pub(super) const OUTBOX: &str = "outbox";

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Place {
    fn of(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn row(key: &AssignmentKey) -> Self {
        Self::of(account(&key.account), format!("{}#{}", key.permission_set, key.principal))
    }

    pub(super) fn rules() -> Self {
        Self::of("rules", "in-force")
    }

    pub(super) fn lease() -> Self {
        Self::of("lease", "engine")
    }

    pub(super) fn orders() -> Self {
        Self::of("orders", "standing")
    }

    pub(super) fn round() -> Self {
        Self::of("round", "sweep")
    }

    pub(super) fn campaign(permission_set: &PermissionSetArn) -> Self {
        Self::of(CAMPAIGNS, permission_set.as_str())
    }

    pub(super) fn outcome(outcome: &Outcome) -> Self {
        Self::of(OUTBOX, outcome.place())
    }

    pub(super) fn budget(budget: &BudgetKey) -> Self {
        Self::of(format!("budget#{budget}"), "budget")
    }

    /// A sort key has at most 1024 bytes, and a group's name may have more: a long id is stored by its digest.
    pub(super) fn seen(kind: SeenKind, id: &str) -> Self {
        if id.len() <= 1000 {
            return Self::of(seen(kind), format!("id#{id}"));
        }
        let mut digest = "digest#".to_owned();
        for byte in Sha256::digest(id.as_bytes()) {
            let _ = write!(digest, "{byte:02x}");
        }
        Self::of(seen(kind), digest)
    }

    pub(super) fn into_item(self) -> Item {
        Item::from([(PK.to_owned(), text(self.pk)), (SK.to_owned(), text(self.sk))])
    }
}

/// How the `sk` of what is remembered by ids that begin so begins.
pub(super) fn below(beginning: &str) -> String {
    format!("id#{beginning}")
}

/// The `pk` of an account's rows.
pub(super) fn account(id: &AccountId) -> String {
    format!("{ACCOUNT}{id}")
}

/// The `pk` of what is remembered of a kind.
pub(super) fn seen(kind: SeenKind) -> String {
    format!("seen#{}", kind.word())
}

pub(super) fn from_row(row: &Row, version: u64) -> Result<Item, PortError> {
    let mut item = Place::row(&row.key).into_item();
    item.insert(ROW_JSON.to_owned(), text(json(row)?));
    item.insert(ROW_VERSION.to_owned(), number(version));
    item.insert(ROW_STATE.to_owned(), text(row.state.label()));
    if let Some(order) = row.work_order() {
        item.insert(WORK.to_owned(), text(WORK));
        item.insert(WORK_ORDER.to_owned(), text(order));
    }
    Ok(item)
}

pub(super) fn to_row(item: &Item) -> Result<Row, PortError> {
    let mut row: Row = from_json(item, ROW_JSON)?;
    row.version = number_of(item, ROW_VERSION)?;
    Ok(row)
}

pub(super) fn from_campaign(campaign: &Campaign) -> Result<Item, PortError> {
    let mut item = Place::campaign(&campaign.permission_set).into_item();
    item.insert(CAMPAIGN_VERSION.to_owned(), number(campaign.version.saturating_add(1)));
    item.insert(CAMPAIGN_BEGAN.to_owned(), text(campaign.began.to_string()));
    item.insert(CAMPAIGN_JSON.to_owned(), text(json(campaign)?));
    Ok(item)
}

pub(super) fn to_campaign(item: &Item) -> Result<Campaign, PortError> {
    let campaign: Campaign = from_json(item, CAMPAIGN_JSON)?;
    Ok(Campaign { version: number_of(item, CAMPAIGN_VERSION)?, ..campaign })
}

pub(super) fn from_seen(kind: SeenKind, seen: &Seen) -> Result<Item, PortError> {
    let mut item = Place::seen(kind, &seen.id).into_item();
    item.insert(SEEN_ID.to_owned(), text(&seen.id));
    item.insert(SEEN_JSON.to_owned(), text(json(&seen.value)?));
    item.insert(SEEN_AT.to_owned(), text(seen.stored_at()));
    Ok(item)
}

pub(super) fn to_seen(item: &Item) -> Result<Seen, PortError> {
    Ok(Seen {
        id: text_of(item, SEEN_ID)?.to_owned(),
        value: from_json(item, SEEN_JSON)?,
        at: time_of(item, SEEN_AT)?,
    })
}

pub(super) fn from_outcome(outcome: &Outcome) -> Result<Item, PortError> {
    let mut item = Place::outcome(outcome).into_item();
    item.insert(OUTCOME_JSON.to_owned(), text(json(outcome)?));
    Ok(item)
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, PortError> {
    serde_json::to_string(value)
        .map_err(|error| PortError::Refused(format!("cannot be written to the ledger: {error}")))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(item: &Item, name: &str) -> Result<T, PortError> {
    serde_json::from_str(text_of(item, name)?).map_err(|error| damaged(item, name, &error))
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, PortError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(item, name, &"it is missing")),
    }
}

pub(super) fn number_of<T>(item: &Item, name: &str) -> Result<T, PortError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().map_err(|error| damaged(item, name, &error)),
        _ => Err(damaged(item, name, &"it is missing")),
    }
}

pub(super) fn time_of(item: &Item, name: &str) -> Result<Timestamp, PortError> {
    text_of(item, name)?.parse().map_err(|error| damaged(item, name, &error))
}

/// An item that we did not write so. Somebody has to look at it; reading it again won't help.
fn damaged(item: &Item, name: &str, why: &dyn std::fmt::Display) -> PortError {
    // The `pk` names an account or a kind; the `sk` of something remembered may be the name of a person.
    let pk = match item.get(PK) {
        Some(AttributeValue::S(pk)) => pk.as_str(),
        _ => "?",
    };
    PortError::Refused(format!("the ledger's item `{pk}` can't be read: `{name}`: {why}"))
}
