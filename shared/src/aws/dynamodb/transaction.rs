//! Conditional writes. All of them are transactions, even of one item: a transaction carries a token (which the SDK makes), so
//! when it is sent again after a lost answer it is not refused for its own first success.

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, ConditionCheck, Put, TransactWriteItem, Update, builders},
};

use super::item::{Item, PK, Place, SK, text};
use crate::{
    aws::error::{calling, entry_error, unbuildable, unreadable},
    ports::{LedgerError, PortError},
};

/// DynamoDB takes 100 items in a transaction.
pub(super) const MOST_STEPS: usize = 100;

/// One item of a transaction, and what it means if its condition does not hold.
#[derive(Debug)]
pub(super) struct Step {
    item: TransactWriteItem,
    broken: LedgerError,
}

impl Step {
    /// Writes an item whole, under a condition.
    pub(super) fn put(
        table: &str,
        item: Item,
        condition: &Condition,
        broken: LedgerError,
    ) -> Result<Self, PortError> {
        let put: builders::PutBuilder = Put::builder().table_name(table).set_item(Some(item));
        let put = put
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .build()
            .map_err(unbuildable)?;
        Ok(Self { item: TransactWriteItem::builder().put(put).build(), broken })
    }

    /// Writes an item whole, whatever is there.
    pub(super) fn put_always(table: &str, item: Item) -> Result<Self, PortError> {
        let put = Put::builder().table_name(table).set_item(Some(item)).build().map_err(unbuildable)?;
        let broken = unreadable(OPERATION, "a condition broke that was not asked for").into();
        Ok(Self { item: TransactWriteItem::builder().put(put).build(), broken })
    }

    /// Changes nothing, and looks whether the condition holds.
    pub(super) fn check(
        table: &str,
        place: Place,
        condition: &Condition,
        broken: LedgerError,
    ) -> Result<Self, PortError> {
        let check = ConditionCheck::builder()
            .table_name(table)
            .key(PK, text(place.pk))
            .key(SK, text(place.sk))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .build()
            .map_err(unbuildable)?;
        Ok(Self { item: TransactWriteItem::builder().condition_check(check).build(), broken })
    }

    /// Changes some attributes of an item, under a condition. The values of both expressions are the condition's.
    pub(super) fn update(
        table: &str,
        place: Place,
        change: &str,
        condition: &Condition,
        broken: LedgerError,
    ) -> Result<Self, PortError> {
        let update = Update::builder()
            .table_name(table)
            .key(PK, text(place.pk))
            .key(SK, text(place.sk))
            .update_expression(change)
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .build()
            .map_err(unbuildable)?;
        Ok(Self { item: TransactWriteItem::builder().update(update).build(), broken })
    }
}

/// A condition expression and the values it mentions.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) expression: &'static str,
    values: Item,
}

impl Condition {
    pub(super) fn new<const N: usize>(expression: &'static str, values: [(&str, AttributeValue); N]) -> Self {
        Self {
            expression,
            values: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }

    /// The same, with a value that only the change mentions.
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// DynamoDB refuses an empty set of values.
    pub(super) fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// Does all steps or none. If several conditions don't hold, the first step's is told.
pub(super) async fn transact(client: &Client, steps: Vec<Step>) -> Result<(), LedgerError> {
    if steps.is_empty() {
        return Ok(());
    }
    if steps.len() > MOST_STEPS {
        let count = steps.len();
        return Err(PortError::Refused(format!("{count} items in one write: {MOST_STEPS} at most")).into());
    }
    let (items, broken): (Vec<_>, Vec<_>) =
        steps.into_iter().map(|Step { item, broken }| (item, broken)).unzip();
    match client.transact_write_items().set_transact_items(Some(items)).send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) => match error.err() {
            TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                Err(why(cancelled.cancellation_reasons(), broken))
            }
            _ => Err(calling(OPERATION)(SdkError::ServiceError(error)).into()),
        },
        Err(error) => Err(calling(OPERATION)(error).into()),
    }
}

const OPERATION: &str = "TransactWriteItems";

/// The reasons come one for each step, in their order; `None` for a step that was in order.
fn why(reasons: &[CancellationReason], broken: Vec<LedgerError>) -> LedgerError {
    let code = |reason: &CancellationReason| reason.code().filter(|code| *code != "None").map(str::to_owned);
    if reasons.len() == broken.len() {
        let mut both = reasons.iter().zip(broken);
        if let Some((_, broken)) = both.find(|(reason, _)| reason.code() == Some("ConditionalCheckFailed")) {
            return broken;
        }
    }
    match reasons.iter().find_map(|reason| code(reason).map(|code| (code, reason.message()))) {
        Some((code, message)) => entry_error(OPERATION, &code, message, true).into(),
        None => unreadable(OPERATION, "cancelled without a reason").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AssignmentKey;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    fn row_changed() -> LedgerError {
        LedgerError::RowChanged(Box::new(AssignmentKey {
            account: "111111111111".parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
        }))
    }

    #[test]
    fn the_first_condition_that_does_not_hold_is_told() {
        let broken = || vec![LedgerError::LeaseLost, LedgerError::RulesChanged, row_changed()];
        let first = reasons(&["None", "ConditionalCheckFailed", "ConditionalCheckFailed"]);
        assert_eq!(why(&first, broken()), LedgerError::RulesChanged);
        let row = reasons(&["TransactionConflict", "None", "ConditionalCheckFailed"]);
        assert_eq!(why(&row, broken()), row_changed());
    }

    #[test]
    fn a_conflict_is_a_conflict_and_no_broken_condition() {
        let conflict = why(&reasons(&["TransactionConflict"]), vec![LedgerError::LeaseLost]);
        assert!(matches!(conflict, LedgerError::Port(PortError::Conflict(_))));
        let throttled =
            why(&reasons(&["None", "ThrottlingError"]), vec![LedgerError::LeaseLost, LedgerError::LeaseLost]);
        assert!(matches!(throttled, LedgerError::Port(PortError::Throttled(_))));
        let refused = why(&reasons(&["ValidationError"]), vec![LedgerError::LeaseLost]);
        assert!(matches!(refused, LedgerError::Port(PortError::Refused(_))));
        assert!(matches!(why(&[], vec![LedgerError::LeaseLost]), LedgerError::Port(PortError::Failed(_))));
    }
}
