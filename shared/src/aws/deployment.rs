//! What a deployment meets and what it leaves: tables, buckets, queues and buses, asked for by whoever looks whether all is in place. Nothing
//! is decided by it, and nothing is changed.

use aws_sdk_dynamodb::{
    operation::describe_table::DescribeTableError,
    types::{KeySchemaElement, TableStatus},
};
use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusError;
use aws_sdk_s3::types::BucketVersioningStatus;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{
    connect::Connection,
    error::{calling, unreadable},
    parse,
};
use crate::ports::PortError;

/// A table of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSeen {
    /// Whether its keys are those of a ledger.
    pub has_keys_of_a_ledger: bool,
    pub is_active: bool,
}

/// A bucket of that name, in whichever account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketSeen {
    /// The name is free.
    None,
    /// Whoever asks may use it.
    Usable {
        /// The Region that it is in, where that is told.
        region: Option<String>,
    },
    /// It is in another Region.
    Elsewhere { region: Option<String> },
    /// It is somebody else's, or whoever asks may not look at it.
    Forbidden,
}

/// How a bucket is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSetUp {
    pub versioned: bool,
    pub tells_eventbridge: bool,
}

impl Connection {
    /// The table of this name, if there is one in this account and Region.
    pub async fn table_seen(&self, name: &str) -> Result<Option<TableSeen>, PortError> {
        let operation = "DescribeTable";
        let answer = match self.dynamodb().describe_table().table_name(name).send().await {
            Ok(answer) => answer,
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(DescribeTableError::ResourceNotFoundException(_))
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(calling(operation)(error)),
        };
        let table = answer.table().ok_or_else(|| unreadable(operation, "it has no table"))?;
        let keys: Vec<&str> = table.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
        Ok(Some(TableSeen {
            has_keys_of_a_ledger: keys == ["pk", "sk"],
            is_active: table.table_status() == Some(&TableStatus::Active),
        }))
    }

    /// The bucket of this name, in whichever account and Region of the partition.
    pub async fn bucket_seen(&self, name: &str) -> Result<BucketSeen, PortError> {
        match self.s3().head_bucket().bucket(name).send().await {
            Ok(answer) => {
                let region = answer.bucket_region().map(str::to_owned);
                Ok(match region.as_deref().zip(self.region()) {
                    Some((there, here)) if there != here => BucketSeen::Elsewhere { region },
                    Some(_) | None => BucketSeen::Usable { region },
                })
            }
            // An answer to HEAD has no body: what it says is in its status, and one header.
            Err(error) => {
                let told = error.raw_response().map(|raw| {
                    let region = raw.headers().get("x-amz-bucket-region").map(str::to_owned);
                    (raw.status().as_u16(), region)
                });
                match told {
                    Some((404, _)) => Ok(BucketSeen::None),
                    Some((301 | 307, region) | (400, region @ Some(_))) => {
                        Ok(BucketSeen::Elsewhere { region })
                    }
                    Some((403, _)) => Ok(BucketSeen::Forbidden),
                    Some(_) | None => Err(calling("HeadBucket")(error)),
                }
            }
        }
    }

    /// How a bucket is set up.
    pub async fn bucket_set_up(&self, name: &str) -> Result<BucketSetUp, PortError> {
        let versioning = self.s3().get_bucket_versioning().bucket(name).send().await;
        let versioning = versioning.map_err(calling("GetBucketVersioning"))?;
        let events = self.s3().get_bucket_notification_configuration().bucket(name).send().await;
        let events = events.map_err(calling("GetBucketNotificationConfiguration"))?;
        Ok(BucketSetUp {
            versioned: versioning.status() == Some(&BucketVersioningStatus::Enabled),
            tells_eventbridge: events.event_bridge_configuration().is_some(),
        })
    }

    /// How many messages wait in a queue, as SQS estimates it.
    pub async fn queue_depth(&self, url: &str) -> Result<usize, PortError> {
        let operation = "GetQueueAttributes";
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.sqs().get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let answer = request.send().await.map_err(calling(operation))?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&name));
        let count = parse::text(operation, "number of messages", count.map(String::as_str))?;
        count.parse().map_err(|error| unreadable(operation, error))
    }

    /// The same of the queue of this name in this account and Region.
    pub async fn queue_depth_of(&self, name: &str) -> Result<usize, PortError> {
        let operation = "GetQueueUrl";
        let answer = self.sqs().get_queue_url().queue_name(name).send().await.map_err(calling(operation))?;
        self.queue_depth(&parse::text(operation, "queue's URL", answer.queue_url())?).await
    }

    /// Whether there is a bus of this name or ARN.
    pub async fn has_bus(&self, bus: &str) -> Result<bool, PortError> {
        match self.eventbridge().describe_event_bus().name(bus).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(DescribeEventBusError::ResourceNotFoundException(_))
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(calling("DescribeEventBus")(error)),
        }
    }
}
