//! The table itself: its keys, its index, its TTL.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    client::Waiters as _,
    error::ProvideErrorMetadata as _,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
    },
};

use super::item::{BUDGET_EXPIRES, PK, SK, WORK, WORK_INDEX, WORK_ORDER};
use crate::{
    aws::error::{calling, unbuildable},
    ports::PortError,
};

/// How long a new table may take until it can be used.
const PATIENCE: Duration = Duration::from_mins(2);

/// Makes the ledger's table, if it isn't there: paid by request, with the index of work and the TTL of budgets.
pub async fn create_table(client: &Client, table: &str) -> Result<(), PortError> {
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for name in [PK, SK, WORK, WORK_ORDER] {
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(attribute.build().map_err(unbuildable)?);
    }
    let [hash, range] = keys(PK, SK)?;
    let [work, order] = keys(WORK, WORK_ORDER)?;
    let index = GlobalSecondaryIndex::builder()
        .index_name(WORK_INDEX)
        .key_schema(work)
        .key_schema(order)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .map_err(unbuildable)?;
    let request = request.key_schema(hash).key_schema(range).global_secondary_indexes(index);
    if let Err(error) = request.send().await
        && error.code() != Some("ResourceInUseException")
    {
        return Err(calling("CreateTable")(error));
    }
    client
        .wait_until_table_exists()
        .table_name(table)
        .wait(PATIENCE)
        .await
        .map_err(|error| PortError::Failed(format!("the table `{table}` does not become active: {error}")))?;
    keep_budgets_short(client, table).await
}

async fn keep_budgets_short(client: &Client, table: &str) -> Result<(), PortError> {
    let found = client.describe_time_to_live().table_name(table).send().await;
    let found = found.map_err(calling("DescribeTimeToLive"))?;
    let attribute = found.time_to_live_description().and_then(|ttl| ttl.attribute_name());
    if attribute == Some(BUDGET_EXPIRES) {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(BUDGET_EXPIRES);
    let ttl = ttl.build().map_err(unbuildable)?;
    let request = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    request.send().await.map_err(calling("UpdateTimeToLive"))?;
    Ok(())
}

fn keys(hash: &str, range: &str) -> Result<[KeySchemaElement; 2], PortError> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok([key(hash, KeyType::Hash).map_err(unbuildable)?, key(range, KeyType::Range).map_err(unbuildable)?])
}
