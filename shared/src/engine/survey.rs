//! Deciding about every account, from reads in bulk.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{
    Basis, Decided, Planner, ReadError,
    planner::{Asked, Doubts, Material, concerned, has_work, leaving},
    reading::Reading,
};
use crate::{
    domain::{Account, AccountId, AssignmentKey, Principal},
    ledger::{Cause, Row, State},
    plan::Actual,
    ports::{LedgerError, LedgerReader, PortError},
    resolve::{self, Desired, Needs},
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

/// What is known about one account after its tags and names have been looked up.
struct Drafted {
    account: Account,
    rows: Vec<Row>,
    desired: Desired,
}

impl Planner<'_> {
    /// Decides about every account of the organization, and about those that only the ledger still knows.
    pub async fn everything(&self, cause: &Cause) -> Result<Survey, ReadError> {
        let rules = self.reader.rulebook.rules(self.reader.ledger).await?;
        let orders = self.reader.ledger.orders().await?;
        let rows = all_rows(self.reader.ledger).await?;
        let reading = Reading::begin(self.reader, &self.settings).await?.afresh();
        let mut by_account: BTreeMap<AccountId, Vec<Row>> = BTreeMap::new();
        for row in &rows {
            by_account.entry(row.key.account.clone()).or_default().push(row.clone());
        }

        let mut unread = BTreeMap::new();
        let mut accounts = Vec::new();
        // A few at a time: Organizations gives out the tags of ten accounts a second.
        let mut listed = stream::iter(reading.records().await?)
            .map(async |record| (record.id.clone(), reading.listed(record).await))
            .buffered(4);
        while let Some((id, account)) = listed.next().await {
            match account {
                Ok(account) => accounts.push(account),
                Err(error) => {
                    by_account.remove(&id);
                    unread.insert(id, error);
                }
            }
        }
        drop(listed);

        let now = reading.started();
        let mut needs = Needs::default();
        for account in &accounts {
            needs.merge(resolve::needs(&rules.index, account, now));
        }
        let facts = reading.facts(&needs).await;
        let mut drafted: Vec<Drafted> = Vec::with_capacity(accounts.len());
        for account in accounts {
            let desired = resolve::desired(&rules.index, &account, &facts, now);
            reading.learn_names(&desired.named);
            let rows = by_account.remove(&account.id).unwrap_or_default();
            drafted.push(Drafted { account, rows, desired });
        }
        let standing = reading
            .standing(&drafted.iter().flat_map(|draft| leaving(&draft.desired, &draft.rows)).collect())
            .await;
        let everywhere = self.by_principal(&drafted).await;

        let mut decided = Vec::with_capacity(drafted.len());
        for Drafted { account, rows, desired } in drafted {
            let actual = match &everywhere {
                // Nothing is written there, so nothing need be read.
                _ if !account.state.is_active() => {
                    Ok(Actual { present: BTreeSet::new(), read_at: reading.started() })
                }
                Some(everywhere) if everywhere.speaks_for(&desired, &rows) => {
                    Ok(everywhere.of_account(&account.id))
                }
                Some(_) | None => reading.actual(&account.id, &concerned(&desired, &rows)).await,
            };
            match actual {
                Ok(actual) => {
                    let material =
                        Material { account: &account, rows: &rows, rules: &rules, orders: &orders, cause };
                    let index = &rules.index;
                    let asked = Asked { index, account: &account, desired: &desired, rows: &rows, now };
                    let principals = asked.bearers(&standing);
                    let vanished = asked.vanished(&facts);
                    let doubts = Doubts { principals: &principals, vanished: &vanished };
                    let plan = self.plan(&material, &desired, &doubts, &actual);
                    let has_work = has_work(&rows);
                    decided.push(Decided {
                        plan,
                        account: Some(account),
                        waiting: desired.waiting,
                        has_work,
                    });
                }
                Err(error) => {
                    unread.insert(account.id, error);
                }
            }
        }
        for (id, rows) in by_account {
            decided.push(self.departed(&id, &rows));
        }
        decided.sort_by(|a, b| a.plan.account.cmp(&b.plan.account));
        Ok(Survey { basis: Basis::of(rules, &reading), decided, unread, rows })
    }

    /// What every principal that matters has, everywhere: a hundredth of the calls that asking account by account takes.
    /// `None` where the caller may not ask so; only the management account may.
    async fn by_principal(&self, drafted: &[Drafted]) -> Option<Everywhere> {
        let principals: BTreeSet<Principal> =
            drafted.iter().flat_map(|draft| concerned_principals(&draft.desired, &draft.rows)).collect();
        let mut everywhere = Everywhere {
            present: BTreeMap::new(),
            read_at: self.reader.clock.now(),
            silent: BTreeSet::new(),
        };
        for principal in principals {
            match self.reader.access.assignments_of(&principal).await {
                Ok(keys) => {
                    for key in keys {
                        everywhere.present.entry(key.account.clone()).or_default().insert(key);
                    }
                }
                // Only the management account may ask so: no other principal will be answered either.
                Err(error @ (PortError::Denied(_) | PortError::Refused(_) | PortError::Barred(_))) => {
                    tracing::info!(%error, "cannot ask by principal; asking account by account");
                    return None;
                }
                // A principal that is gone keeps its assignments, and an answer may fail: the accounts that it matters to
                // are asked one by one.
                Err(
                    PortError::NotFound(_)
                    | PortError::Throttled(_)
                    | PortError::WindowFull(_)
                    | PortError::Conflict(_)
                    | PortError::Failed(_),
                ) => {
                    everywhere.silent.insert(principal);
                }
            }
        }
        Some(everywhere)
    }
}

/// The assignments of all principals that were asked about.
struct Everywhere {
    present: BTreeMap<AccountId, BTreeSet<AssignmentKey>>,
    read_at: Timestamp,
    /// Principals that no answer was given for.
    silent: BTreeSet<Principal>,
}

impl Everywhere {
    fn speaks_for(&self, desired: &Desired, rows: &[Row]) -> bool {
        concerned_principals(desired, rows).all(|principal| !self.silent.contains(&principal))
    }

    fn of_account(&self, account: &AccountId) -> Actual {
        Actual { present: self.present.get(account).cloned().unwrap_or_default(), read_at: self.read_at }
    }
}

/// The principals whose assignments matter for an account.
fn concerned_principals<'a>(
    desired: &'a Desired,
    rows: &'a [Row],
) -> impl Iterator<Item = Principal> + use<'a> {
    let of_rows = rows.iter().filter(|row| row.state != State::Closed).map(|row| &row.key);
    desired.wanted.keys().chain(of_rows).map(|key| key.principal.clone())
}

/// Every row of the ledger, by key.
pub async fn all_rows(ledger: &dyn LedgerReader) -> Result<Vec<Row>, LedgerError> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.rows(after.as_deref()).await?;
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            rows.sort_by(|a, b| a.key.cmp(&b.key));
            return Ok(rows);
        }
    }
}
