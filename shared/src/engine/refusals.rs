//! Telling what is withheld in an account: each refusal once, when it begins.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    domain::{AccountId, Principal, RulesVersion},
    ledger::Cause,
    outcome::Standing,
    plan::Withheld,
    ports::{Ledger, LedgerError, Seen, SeenKind},
};

/// What was told of an account, and when that was written down.
fn told(seen: Option<Seen>) -> (Standing, Option<Timestamp>) {
    match seen {
        // What can't be read is told again.
        Some(seen) => (serde_json::from_value(seen.value).unwrap_or_default(), Some(seen.at)),
        None => (Standing::default(), None),
    }
}

/// Tells what is withheld in an account that was not before, and remembers it. Nothing is written where nothing has changed.
pub(super) async fn tell(
    ledger: &dyn Ledger,
    account: &AccountId,
    withheld: &[Withheld],
    decided: (&Cause, &RulesVersion, Timestamp),
) -> Result<(), LedgerError> {
    let (before, before_at) = told(ledger.recall_one(SeenKind::Withheld, account.as_str()).await?);
    let standing = Standing::of(withheld);
    if standing == before {
        return Ok(());
    }
    // INVARIANT: kept to be told before it counts as told. A crash in between has it kept again, under the same id.
    let news = before.news(withheld, before_at, decided);
    if !news.is_empty() {
        ledger.tell(&news).await?;
    }
    // Nothing that stands is kept too, with its time: what begins again is another refusal, under another id.
    let (_, _, at) = decided;
    let value = serde_json::to_value(&standing).unwrap_or_default();
    ledger.remember(SeenKind::Withheld, &[Seen { id: account.to_string(), value, at }]).await
}

/// What was told of every account, for a look at all of them.
pub(super) async fn of_all(ledger: &dyn Ledger) -> Result<Refusals, LedgerError> {
    let seen = ledger.recall(SeenKind::Withheld).await?;
    Ok(Refusals(seen.into_iter().map(|seen| (seen.id.clone(), told(Some(seen)).0)).collect()))
}

/// What was told, by account.
pub(super) struct Refusals(std::collections::BTreeMap<String, Standing>);

impl Refusals {
    /// How many stand.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Standing::len).sum()
    }

    /// Whether something is withheld in an account that was not told, or no longer is, in a decision about all or about some principals.
    pub(super) fn differ(
        &self,
        account: &AccountId,
        withheld: &[Withheld],
        only: Option<&BTreeSet<Principal>>,
    ) -> bool {
        let nothing = Standing::default();
        let before = self.0.get(account.as_str()).unwrap_or(&nothing);
        let now = Standing::of(withheld);
        match only {
            None => *before != now,
            // What is about nobody's key is nobody's.
            Some(principals) => before.about(principals) != now,
        }
    }
}
