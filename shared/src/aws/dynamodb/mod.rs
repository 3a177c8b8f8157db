//! DynamoDB: the ledger, in one table.

mod guard;
mod item;
mod lease;
mod table;
#[cfg(test)]
mod tests;
mod transaction;

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, put_item::PutItemError},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

pub use table::create_table;

use self::{
    item::{
        ACCOUNT, BUDGET_SPENT, Item, ORDERS_JSON, ORDERS_VERSION, PK, Place, ROUND_JSON, ROUND_VERSION,
        ROW_STATE, ROW_VERSION, RULES_JSON, RULES_VERSION, SK, WORK, WORK_INDEX, WORK_ORDER, number, text,
    },
    transaction::{Condition, Step, transact},
};
use super::error::{calling, unreadable};
use crate::{
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::{BudgetKey, Campaign, Lease, Orders, Round, Row, State, WRITES_AT_ONCE},
    outcome::Outcome,
    ports::{
        Guard, Ledger, LedgerError, LedgerReader, Page, PortError, RowWrite, RulesInForce, Seen, SeenKind,
    },
};

/// How many single writes are on their way at a time, where there are many.
const ABREAST: usize = 16;

/// The ledger in a DynamoDB table, which [`create_table`] can make. How its items look is in `item.rs`.
///
/// DynamoDB refuses a transaction that meets another one on any of its items, even if both only look at it. The rules in force
/// and the lease are looked at by many, so [`PortError::Conflict`] is to be expected and the write to be tried again.
#[derive(Debug, Clone)]
pub struct DynamoDbLedger {
    client: Client,
    table: String,
}

impl DynamoDbLedger {
    pub fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// One item, as the last finished write left it.
    async fn get(&self, place: Place) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(place.into_item())).send().await.map_err(calling("GetItem"))?;
        Ok(answer.item)
    }

    /// All items under a `pk`, ordered by `sk`, as the last finished writes left them.
    async fn query(&self, pk: &str) -> Result<Vec<Item>, PortError> {
        self.query_some(pk, None, usize::MAX).await
    }

    /// The first of them, of those whose `sk` begins so.
    async fn query_some(
        &self,
        pk: &str,
        beginning: Option<&str>,
        most: usize,
    ) -> Result<Vec<Item>, PortError> {
        let mut items = Vec::new();
        let mut start = None;
        while items.len() < most {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .expression_attribute_values(":pk", text(pk))
                .set_limit(i32::try_from(most - items.len()).ok())
                .set_exclusive_start_key(start);
            let request = match beginning {
                None => request.key_condition_expression("pk = :pk"),
                Some(beginning) => request
                    .key_condition_expression("pk = :pk AND begins_with(sk, :beginning)")
                    .expression_attribute_values(":beginning", text(beginning)),
            };
            let page = request.send().await.map_err(calling("Query"))?;
            items.extend(page.items.unwrap_or_default());
            match page.last_evaluated_key.filter(|key| !key.is_empty()) {
                Some(next) => start = Some(next),
                None => break,
            }
        }
        Ok(items)
    }

    /// Rows with work in their order, at most `limit`: all, or those between two places in that order.
    async fn work_between(
        &self,
        places: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let mut rows = Vec::new();
        let mut start = None;
        while rows.len() < limit {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(WORK_INDEX)
                .expression_attribute_names("#work", WORK)
                .expression_attribute_values(":work", text(WORK))
                .limit(i32::try_from(limit - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let request = match &places {
                None => request.key_condition_expression("#work = :work"),
                Some((from, to)) => request
                    .key_condition_expression("#work = :work AND #order BETWEEN :from AND :to")
                    .expression_attribute_names("#order", WORK_ORDER)
                    .expression_attribute_values(":from", text(from))
                    .expression_attribute_values(":to", text(to)),
            };
            let page = request.send().await.map_err(calling("Query"))?;
            for item in page.items() {
                rows.push(item::to_row(item)?);
            }
            match page.last_evaluated_key.filter(|key| !key.is_empty()) {
                Some(next) => start = Some(next),
                None => break,
            }
        }
        Ok(rows)
    }

    /// Stores what was seen, if this holds of what is stored. Sent again after a lost answer, it changes nothing more.
    async fn put_seen(&self, kind: SeenKind, seen: &Seen, condition: &Condition) -> Result<(), PortError> {
        self.put_if(item::from_seen(kind, seen)?, condition).await.map(|_| ())
    }

    /// Stores an item if this holds of what is stored; tells whether it did.
    async fn put_if(&self, item: Item, condition: &Condition) -> Result<bool, PortError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(calling("PutItem")(error)),
            },
        }
    }

    async fn delete(&self, place: Place) -> Result<(), PortError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(place.into_item()));
        request.send().await.map_err(calling("DeleteItem"))?;
        Ok(())
    }

    /// Deletes a row if it still is the tombstone that was read. Sent again after a lost answer, it finds nothing to delete.
    async fn forget_row(&self, place: Place, version: u64) -> Result<(), PortError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(place.into_item()))
            .condition_expression("#version = :version AND #state = :closed")
            .expression_attribute_names("#version", ROW_VERSION)
            .expression_attribute_names("#state", ROW_STATE)
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":closed", text(State::Closed.label()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(calling("DeleteItem")(error)),
            },
        }
    }
}

#[async_trait::async_trait]
impl LedgerReader for DynamoDbLedger {
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
        let items = self.query(&item::account(account)).await?;
        let mut rows = items.iter().map(item::to_row).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(rows)
    }

    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
        let item = self.get(Place::row(key)).await?;
        Ok(item.as_ref().map(item::to_row).transpose()?)
    }

    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
        let mut start = after.map(position).transpose()?;
        loop {
            let request = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("begins_with(pk, :account)")
                .expression_attribute_values(":account", text(ACCOUNT))
                .set_exclusive_start_key(start.map(Place::into_item));
            let page = request.send().await.map_err(calling("Scan"))?;
            let next = page.last_evaluated_key().filter(|key| !key.is_empty()).map(place).transpose()?;
            // A page may hold other items only.
            if !page.items().is_empty() || next.is_none() {
                let items = page.items().iter().map(item::to_row).collect::<Result<_, _>>()?;
                return Ok(Page { items, next: next.map(|Place { pk, sk }| format!("{pk}\n{sk}")) });
            }
            start = next;
        }
    }

    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.work_between(None, limit).await
    }

    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError> {
        let mut rows = Vec::new();
        for part in Row::work_decided_since(since) {
            rows.extend(self.work_between(Some(part), limit - rows.len()).await?);
        }
        Ok(rows)
    }

    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError> {
        let item = self.get(Place::rules()).await?;
        Ok(item.map(|item| item::from_json(&item, RULES_JSON)).transpose()?)
    }

    async fn orders(&self) -> Result<Orders, LedgerError> {
        let Some(item) = self.get(Place::orders()).await? else { return Ok(Orders::default()) };
        let version = item::number_of(&item, ORDERS_VERSION)?;
        Ok(Orders { version, ..item::from_json(&item, ORDERS_JSON)? })
    }

    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError> {
        let item = self.get(Place::budget(budget)).await?;
        Ok(item.map_or(Ok(0), |item| item::number_of(&item, BUDGET_SPENT))?)
    }

    async fn round(&self) -> Result<Option<Round>, LedgerError> {
        let Some(item) = self.get(Place::round()).await? else { return Ok(None) };
        let version = item::number_of(&item, ROUND_VERSION)?;
        Ok(Some(Round { version, ..item::from_json(&item, ROUND_JSON)? }))
    }

    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        let items = self.query(item::CAMPAIGNS).await?;
        Ok(items.iter().map(item::to_campaign).collect::<Result<_, _>>()?)
    }

    async fn campaign(&self, permission_set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError> {
        let item = self.get(Place::campaign(permission_set)).await?;
        Ok(item.as_ref().map(item::to_campaign).transpose()?)
    }

    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
        let items = self.query(&item::seen(kind)).await?;
        let mut seen = items.iter().map(item::to_seen).collect::<Result<Vec<_>, _>>()?;
        seen.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(seen)
    }

    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError> {
        let item = self.get(Place::seen(kind, id)).await?;
        Ok(item.as_ref().map(item::to_seen).transpose()?)
    }

    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError> {
        let items = self.query_some(&item::seen(kind), Some(&item::below(beginning)), usize::MAX).await?;
        Ok(items.iter().map(item::to_seen).collect::<Result<_, _>>()?)
    }

    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
        let items = self.query_some(item::OUTBOX, None, limit).await?;
        Ok(items.iter().map(|item| item::from_json(item, item::OUTCOME_JSON)).collect::<Result<_, _>>()?)
    }
}

#[async_trait::async_trait]
impl Ledger for DynamoDbLedger {
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        if RowWrite::items(rows) > WRITES_AT_ONCE {
            let count = RowWrite::items(rows);
            return Err(PortError::Refused(format!(
                "{count} rows and outcomes in one write: {WRITES_AT_ONCE} at most"
            ))
            .into());
        }
        let keys: BTreeSet<&AssignmentKey> = rows.iter().map(|write| &write.row.key).collect();
        if keys.len() != rows.len() {
            return Err(PortError::Refused("a row is written twice in one write".to_owned()).into());
        }
        let mut steps = guard::all(&self.table, guard)?;
        for write in rows {
            steps.push(guard::row(&self.table, &write.row)?);
            if let Some(outcome) = &write.outcome {
                steps.push(guard::outcome(&self.table, outcome)?);
            }
        }
        steps.extend(guard::charges(&self.table, &guard.charges, rows)?);
        transact(&self.client, steps).await
    }

    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError> {
        let closed = rows.iter().filter(|row| row.state == State::Closed);
        let deletes: Vec<_> = closed.map(|row| self.forget_row(Place::row(&row.key), row.version)).collect();
        Ok(stream::iter(deletes).buffer_unordered(ABREAST).try_collect().await?)
    }

    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError> {
        let mut item = Place::rules().into_item();
        item.insert(RULES_VERSION.to_owned(), text(rules.version.as_str()));
        item.insert(RULES_JSON.to_owned(), text(item::json(rules)?));
        let condition = match expected {
            Some(expected) => {
                // Compared as read and replaced as it stands, since another Usher may have written the same in another way.
                let stored = self.get(Place::rules()).await?.ok_or(LedgerError::RulesChanged)?;
                let found: RulesInForce = item::from_json(&stored, RULES_JSON)?;
                let json = stored.get(RULES_JSON).filter(|_| found == *expected);
                let json = json.cloned().ok_or(LedgerError::RulesChanged)?;
                Condition::new("rules_json = :expected", [(":expected", json)])
            }
            None => Condition::new("attribute_not_exists(pk)", []),
        };
        let step = Step::put(&self.table, item, &condition, LedgerError::RulesChanged)?;
        transact(&self.client, vec![step]).await
    }

    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError> {
        let mut item = Place::orders().into_item();
        item.insert(ORDERS_VERSION.to_owned(), number(orders.version.saturating_add(1)));
        item.insert(ORDERS_JSON.to_owned(), text(item::json(orders)?));
        let condition = guard::of_orders(orders.version);
        let step = Step::put(&self.table, item, &condition, LedgerError::OrdersChanged)?;
        transact(&self.client, vec![step]).await
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        lease::acquire(self, holder, now, ttl).await
    }

    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError> {
        lease::renew(self, lease, now, ttl).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        lease::release(self, lease).await
    }

    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError> {
        let mut item = Place::round().into_item();
        item.insert(ROUND_VERSION.to_owned(), number(round.version.saturating_add(1)));
        item.insert(ROUND_JSON.to_owned(), text(item::json(round)?));
        let condition = match round.version {
            0 => Condition::new("attribute_not_exists(pk)", []),
            version => Condition::new("round_version = :version", [(":version", number(version))]),
        };
        Ok(self.put_if(item, &condition).await?)
    }

    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError> {
        let changed = LedgerError::CampaignChanged(campaign.permission_set.clone());
        let (item, condition) = (item::from_campaign(campaign)?, guard::of_campaign(campaign));
        let mut steps = guard::all(&self.table, guard)?;
        steps.push(Step::put(&self.table, item, &condition, changed)?);
        steps.extend(guard::charges(&self.table, &guard.charges, &[])?);
        transact(&self.client, steps).await
    }

    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        let changed = LedgerError::CampaignChanged(campaign.permission_set.clone());
        let (place, condition) = (Place::campaign(&campaign.permission_set), guard::of_campaign(campaign));
        transact(&self.client, vec![Step::delete(&self.table, place, &condition, changed)?]).await
    }

    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        let conditions: Vec<_> = seen.iter().map(not_newer).collect();
        let both = seen.iter().zip(&conditions);
        let puts: Vec<_> = both.map(|(seen, condition)| self.put_seen(kind, seen, condition)).collect();
        Ok(stream::iter(puts).buffer_unordered(ABREAST).try_collect().await?)
    }

    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        let nothing = Condition::new("attribute_not_exists(pk)", []);
        let puts: Vec<_> = seen.iter().map(|seen| self.put_seen(kind, seen, &nothing)).collect();
        Ok(stream::iter(puts).buffer_unordered(ABREAST).try_collect().await?)
    }

    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        // One by one: together they may be more than a transaction takes, and none rests on another.
        let always = Condition::new("attribute_not_exists(pk) OR attribute_exists(pk)", []);
        let items: Vec<_> = outcomes.iter().map(item::from_outcome).collect::<Result<_, _>>()?;
        let puts: Vec<_> = items.into_iter().map(|item| self.put_if(item, &always)).collect();
        Ok(stream::iter(puts).buffer_unordered(ABREAST).try_for_each(|_| std::future::ready(Ok(()))).await?)
    }

    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        let deletes: Vec<_> = outcomes.iter().map(|outcome| self.delete(Place::outcome(outcome))).collect();
        Ok(stream::iter(deletes).buffer_unordered(ABREAST).try_collect().await?)
    }

    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError> {
        let deletes: Vec<_> = ids.iter().map(|id| self.delete(Place::seen(kind, id))).collect();
        Ok(stream::iter(deletes).buffer_unordered(ABREAST).try_collect().await?)
    }
}

/// What is stored is not newer than this, or its time can't be compared.
fn not_newer(than: &Seen) -> Condition {
    let expression = "attribute_not_exists(pk) OR size(seen_at) <> :width OR seen_at <= :at";
    let (width, at) = (number(Seen::STORED_AT), text(than.stored_at()));
    Condition::new(expression, [(":width", width), (":at", at)])
}

/// Reads [`Page::next`] back.
fn position(next: &str) -> Result<Place, PortError> {
    let (pk, sk) = next
        .split_once('\n')
        .ok_or_else(|| PortError::Refused("this is not where a page of rows starts".to_owned()))?;
    Ok(Place { pk: pk.to_owned(), sk: sk.to_owned() })
}

fn place(key: &Item) -> Result<Place, PortError> {
    let part = |name| item::text_of(key, name).map(str::to_owned);
    match (part(PK), part(SK)) {
        (Ok(pk), Ok(sk)) => Ok(Place { pk, sk }),
        _ => Err(unreadable("Scan", "the next page's start has no key")),
    }
}
