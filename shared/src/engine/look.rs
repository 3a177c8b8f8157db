//! A look at many accounts: what is read of all of them at once, and the same decision about each that a look at it alone makes.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{
    BeyondHere, Decided, Planner, ReadError, RulesOnHand,
    planner::{Asked, Doubts, Material, Untold, concerned, has_work, leaving},
    reading::Reading,
};
use crate::{
    domain::{Account, AccountId, AssignmentKey, Principal, Tags},
    ledger::{Cause, Orders, Row, State},
    outcome,
    plan::Actual,
    ports::{AccountRecord, LedgerError, LedgerReader, PortError},
    resolve::{self, Desired, Facts, Lookup, Needs},
};

/// A look, as far as it does not depend on which accounts are decided.
pub(super) struct Look<'a> {
    planner: Planner<'a>,
    pub(super) rules: RulesOnHand,
    orders: Orders,
    pub(super) reading: Reading<'a>,
    /// Every row of the ledger, as it was at the beginning.
    pub(super) rows: BTreeMap<AccountId, Vec<Row>>,
    /// The accounts of the organization.
    pub(super) records: BTreeMap<AccountId, AccountRecord>,
    tags: BTreeMap<AccountId, Tags>,
    /// Accounts that could not be read, with the reason. Nothing is decided about them.
    pub(super) unread: BTreeMap<AccountId, ReadError>,
}

/// Accounts of which everything is known but what is assigned there.
pub(super) struct Drafts {
    pub(super) each: Vec<Draft>,
    facts: Facts,
    standing: BTreeMap<Principal, Lookup<String>>,
}

/// One of them.
pub(super) struct Draft {
    pub(super) account: Account,
    pub(super) desired: Desired,
}

impl<'a> Look<'a> {
    /// Reads what a look at many accounts needs, believing nothing that was read before `since`, or before now.
    pub(super) async fn begin(planner: &Planner<'a>, since: Option<Timestamp>) -> Result<Self, ReadError> {
        let reader = planner.reader;
        let rules = reader.rulebook.rules(reader.ledger).await?;
        let orders = reader.ledger.orders().await?;
        let mut rows: BTreeMap<AccountId, Vec<Row>> = BTreeMap::new();
        for row in all_rows(reader.ledger).await? {
            rows.entry(row.key.account.clone()).or_default().push(row);
        }
        let reading = Reading::begin(reader, &planner.settings).await?.afresh_since(since);
        // A person who looks is shown the names that there are; a round reads of them what its rules look at.
        let reading = reading.with_any_ou_names(since.is_some() && !rules.index.looks_at_ou_names());
        let records = reading.records().await?;
        let tags = reading.tags_in_bulk(&records.iter().map(|record| record.id.clone()).collect()).await?;
        reading.learn_ous(&records).await;
        let records = records.into_iter().map(|record| (record.id.clone(), record)).collect();
        Ok(Self { planner: *planner, rules, orders, reading, rows, records, tags, unread: BTreeMap::new() })
    }

    /// All accounts of the organization, in order.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        self.records.keys().cloned().collect()
    }

    /// Of how many accounts the tags have to be asked for one by one.
    pub(super) fn without_tags(&self) -> usize {
        self.records.keys().filter(|id| !self.tags.contains_key(id)).count()
    }

    /// Knows tags that were read before, where none came in bulk.
    pub(super) fn know_tags(&mut self, read: impl IntoIterator<Item = (AccountId, Tags)>) {
        for (id, tags) in read {
            self.tags.entry(id).or_insert(tags);
        }
    }

    /// The tags of accounts, as far as they were read.
    pub(super) fn tags(&self) -> &BTreeMap<AccountId, Tags> {
        &self.tags
    }

    /// The rows of an account.
    pub(super) fn rows_of(&self, account: &AccountId) -> &[Row] {
        self.rows.get(account).map_or(&[], Vec::as_slice)
    }

    /// What the rules need to be looked up for these accounts. Accounts that can't be read are left out, and told.
    pub(super) async fn read(&mut self, accounts: &[AccountId]) -> (Vec<Account>, Needs) {
        let records: Vec<_> = accounts.iter().filter_map(|id| self.records.get(id)).cloned().collect();
        // A few at a time: Organizations gives out the tags of ten accounts a second.
        let read: Vec<_> = stream::iter(records)
            .map(async |record| {
                (
                    record.id.clone(),
                    self.reading.listed(record.clone(), self.tags.get(&record.id).cloned()).await,
                )
            })
            .buffered(4)
            .collect()
            .await;
        let (mut found, mut needs) = (Vec::new(), Needs::default());
        for (id, account) in read {
            match account {
                Ok(account) => {
                    needs.merge(resolve::needs(&self.rules.index, &account, self.reading.started()));
                    // It may be read again: its tags are known now.
                    self.tags.insert(id, account.tags.clone());
                    found.push(account);
                }
                Err(error) => _ = self.unread.insert(id, error),
            }
        }
        (found, needs)
    }

    /// What the rules want in these accounts, and whether those who would lose something are still there.
    pub(super) async fn draft(&self, accounts: Vec<Account>, needs: &Needs) -> Drafts {
        let facts = self.reading.facts(needs).await;
        let unkept = self.reading.unkept(&self.rules).await;
        let now = self.reading.started();
        let mut drafts: Vec<Draft> = Vec::with_capacity(accounts.len());
        for account in accounts {
            let awaited = resolve::awaited(&self.rules.index, &account, &facts, now, &unkept);
            let desired = Desired { awaited, ..resolve::desired(&self.rules.index, &account, &facts, now) };
            self.reading.learn_names(&desired.named);
            drafts.push(Draft { account, desired });
        }
        let leaving =
            drafts.iter().flat_map(|draft| leaving(&draft.desired, self.rows_of(&draft.account.id)));
        let standing = self.reading.standing(&leaving.collect()).await;
        Drafts { each: drafts, facts, standing }
    }

    /// Reads what is assigned in an account, by account.
    pub(super) async fn actual(&self, draft: &Draft) -> Result<Actual, ReadError> {
        let Draft { account, desired } = draft;
        self.reading.actual(&account.id, &concerned(desired, self.rows_of(&account.id))).await
    }

    /// Nothing is written to an account that isn't active, so nothing need be read there.
    pub(super) fn unasked(&self) -> Actual {
        Actual { present: BTreeSet::new(), read_at: self.reading.started() }
    }

    /// Decides about an account; about these principals only, where some are named.
    pub(super) fn decide(
        &self,
        drafts: &Drafts,
        draft: &Draft,
        only: Option<&BTreeSet<Principal>>,
        actual: &Actual,
        cause: &Cause,
    ) -> Decided {
        let (desired, rows);
        let (desired, rows): (&Desired, &[Row]) = match only {
            None => (&draft.desired, self.rows_of(&draft.account.id)),
            Some(principals) => {
                desired = of_principals(&draft.desired, principals);
                let of_account = self.rows_of(&draft.account.id).iter();
                rows = of_account
                    .filter(|row| principals.contains(&row.key.principal))
                    .cloned()
                    .collect::<Vec<_>>();
                (&desired, &rows)
            }
        };
        let (account, index, now) = (&draft.account, &self.rules.index, self.reading.started());
        let material = Material { account, rows, rules: &self.rules, orders: &self.orders, cause };
        let asked = Asked { index, account, desired, rows, now };
        let (principals, vanished) = (asked.bearers(&drafts.standing), asked.vanished(&drafts.facts));
        let doubts = Doubts { principals: &principals, vanished: &vanished };
        let plan = self.planner.plan(&material, desired, &doubts, actual);
        Decided {
            drift: outcome::drift(rows, &plan),
            plan,
            account: Some(account.clone()),
            waiting: draft.desired.waiting.clone(),
            beyond: BeyondHere::of(&draft.desired),
            untold: Untold::of(&draft.desired),
            has_work: has_work(rows),
            only: only.cloned(),
        }
    }

    /// Decides about the accounts that only the ledger still knows.
    pub(super) fn departed(&self) -> Vec<Decided> {
        let gone = self.rows.iter().filter(|(id, _)| !self.records.contains_key(id));
        gone.map(|(id, rows)| self.planner.departed(id, rows)).collect()
    }

    /// The principals whose assignments matter for an account.
    pub(super) fn principals<'b>(&'b self, draft: &'b Draft) -> impl Iterator<Item = &'b Principal> {
        let of_rows = self.rows_of(&draft.account.id).iter();
        let of_rows = of_rows.filter(|row| row.state != State::Closed).map(|row| &row.key);
        draft.desired.wanted.keys().chain(of_rows).map(|key| &key.principal)
    }

    /// What these principals have, everywhere: a hundredth of the calls that asking account by account takes. `None` where the
    /// caller may not ask so; only the management account may.
    pub(super) async fn by_principal(&self, principals: &BTreeSet<Principal>) -> Option<Everywhere> {
        let mut everywhere = Everywhere {
            present: BTreeMap::new(),
            read_at: self.planner.reader.clock.now(),
            silent: BTreeSet::new(),
        };
        for principal in principals {
            match self.planner.reader.access.assignments_of(principal).await {
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
                Err(error @ PortError::Unassumed(_)) => {
                    tracing::warn!(%error, "cannot ask by principal, for the management account's role can't be assumed; asking account by account");
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
                    everywhere.silent.insert(principal.clone());
                }
            }
        }
        Some(everywhere)
    }
}

/// The assignments of all principals that were asked about.
pub(super) struct Everywhere {
    present: BTreeMap<AccountId, BTreeSet<AssignmentKey>>,
    read_at: Timestamp,
    /// Principals that no answer was given for.
    pub(super) silent: BTreeSet<Principal>,
}

impl Everywhere {
    pub(super) fn of_account(&self, account: &AccountId) -> Actual {
        Actual { present: self.present.get(account).cloned().unwrap_or_default(), read_at: self.read_at }
    }
}

/// What is wanted for these principals only.
fn of_principals(desired: &Desired, principals: &BTreeSet<Principal>) -> Desired {
    fn of<V: Clone>(
        keys: &BTreeMap<AssignmentKey, V>,
        principals: &BTreeSet<Principal>,
    ) -> BTreeMap<AssignmentKey, V> {
        let mine = keys.iter().filter(|(key, _)| principals.contains(&key.principal));
        mine.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
    let Desired {
        account,
        wanted,
        repair,
        until,
        unconfirmed,
        forbidden,
        beyond,
        out_of_reach,
        frozen,
        grants_frozen,
        waiting,
        named,
        awaited,
    } = desired;
    Desired {
        account: account.clone(),
        wanted: of(wanted, principals),
        repair: repair.iter().filter(|key| principals.contains(&key.principal)).cloned().collect(),
        until: of(until, principals),
        unconfirmed: of(unconfirmed, principals),
        forbidden: of(forbidden, principals),
        beyond: of(beyond, principals),
        out_of_reach: out_of_reach.clone(),
        frozen: frozen.clone(),
        grants_frozen: grants_frozen.clone(),
        waiting: waiting.clone(),
        named: named.clone(),
        awaited: awaited.clone(),
    }
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
