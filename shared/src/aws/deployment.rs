//! What a deployment meets and what it leaves: tables, buckets, queues and buses, asked for by whoever looks whether all is in place. Nothing
//! is decided by it, and nothing is changed.

use aws_sdk_dynamodb::{
    operation::describe_table::DescribeTableError,
    types::{
        GlobalSecondaryIndexDescription, KeySchemaElement, PointInTimeRecoveryStatus, TableDescription,
        TableStatus, TimeToLiveStatus,
    },
};
use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusError;
use aws_sdk_s3::types::BucketVersioningStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use super::{
    connect::Connection,
    error::{calling, unreadable},
    parse,
};
use crate::{domain::AccountId, ports::PortError};

/// What was asked for, or nothing where AWS says by this code that there is none.
fn there_is<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    none: &str,
    operation: &'static str,
) -> Result<Option<T>, PortError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some(none) => Ok(None),
        Err(error) => Err(calling(operation)(error)),
    }
}

/// A table of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSeen {
    pub shape: TableShape,
    pub is_active: bool,
    /// Whether nobody can delete it by mistake.
    pub is_protected: bool,
}

/// What a table could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableShape {
    /// A ledger: its keys and its index of work.
    Ledger,
    /// A ledger's keys, without the index by which the engine finds its work.
    WithoutWork,
    /// Something else.
    Other,
}

impl TableShape {
    fn of(table: &TableDescription) -> Self {
        if keys(table.key_schema()) != ["pk", "sk"] {
            return Self::Other;
        }
        let is_work = |index: &GlobalSecondaryIndexDescription| {
            index.index_name() == Some("work") && keys(index.key_schema()) == ["work", "work_order"]
        };
        if table.global_secondary_indexes().iter().any(is_work) { Self::Ledger } else { Self::WithoutWork }
    }
}

fn keys(schema: &[KeySchemaElement]) -> Vec<&str> {
    schema.iter().map(KeySchemaElement::attribute_name).collect()
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

/// Who may reach into a bucket, as far as it says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketGuard {
    /// Whether all that would make it public is blocked.
    pub blocks_public_access: bool,
    /// Whether its policy makes it public, by S3's own judgement.
    pub is_public: bool,
    /// Whether its policy denies what doesn't come by TLS.
    pub by_tls_only: bool,
}

/// Whether a policy denies everybody what doesn't come by TLS.
fn denies_plain(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some(statements) = policy.get("Statement") else { return false };
    let statements = statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice);
    statements.iter().any(|statement| {
        let plain = statement.pointer("/Condition/Bool/aws:SecureTransport");
        let is_denied = statement.get("Effect").is_some_and(|effect| effect == "Deny");
        is_denied && plain.is_some_and(|plain| plain == "false" || *plain == Value::Bool(false))
    })
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
        Ok(Some(TableSeen {
            shape: TableShape::of(table),
            is_active: table.table_status() == Some(&TableStatus::Active),
            is_protected: table.deletion_protection_enabled() == Some(true),
        }))
    }

    /// Whether budgets that have passed go from the table by themselves.
    pub async fn table_forgets_budgets(&self, name: &str) -> Result<bool, PortError> {
        let answer = self.dynamodb().describe_time_to_live().table_name(name).send().await;
        let answer = answer.map_err(calling("DescribeTimeToLive"))?;
        Ok(answer.time_to_live_description().is_some_and(|ttl| {
            let is_on = matches!(
                ttl.time_to_live_status(),
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            );
            is_on && ttl.attribute_name() == Some("budget_expires")
        }))
    }

    /// Whether the table can be restored as it was at any second.
    pub async fn table_is_recoverable(&self, name: &str) -> Result<bool, PortError> {
        let answer = self.dynamodb().describe_continuous_backups().table_name(name).send().await;
        let answer = answer.map_err(calling("DescribeContinuousBackups"))?;
        let backups = answer.continuous_backups_description();
        let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description());
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status());
        Ok(status == Some(&PointInTimeRecoveryStatus::Enabled))
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

    /// Whether a bucket that may be used is this account's own. Others may have let this account into theirs.
    pub async fn bucket_is_of(&self, name: &str, account: &AccountId) -> Result<bool, PortError> {
        let owner = account.to_string();
        match self.s3().head_bucket().bucket(name).expected_bucket_owner(owner).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 403) => Ok(false),
            Err(error) => Err(calling("HeadBucket")(error)),
        }
    }

    /// Whether messages may be received from a queue. One that is there comes again at once.
    pub async fn receives_from(&self, url: &str) -> Result<(), PortError> {
        let request = self.sqs().receive_message().queue_url(url).max_number_of_messages(1);
        let answer = request.visibility_timeout(0).wait_time_seconds(0).send().await;
        answer.map(|_| ()).map_err(calling("ReceiveMessage"))
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

    /// Who may reach into a bucket.
    pub async fn bucket_guard(&self, name: &str) -> Result<BucketGuard, PortError> {
        let block = self.s3().get_public_access_block().bucket(name).send().await;
        let block = there_is(block, "NoSuchPublicAccessBlockConfiguration", "GetPublicAccessBlock")?;
        let block = block.and_then(|answer| answer.public_access_block_configuration);
        let blocks_public_access = block.is_some_and(|block| {
            [
                block.block_public_acls,
                block.block_public_policy,
                block.ignore_public_acls,
                block.restrict_public_buckets,
            ]
            .iter()
            .all(|is_on| *is_on == Some(true))
        });
        let status = self.s3().get_bucket_policy_status().bucket(name).send().await;
        let status = there_is(status, "NoSuchBucketPolicy", "GetBucketPolicyStatus")?;
        let policy = self.s3().get_bucket_policy().bucket(name).send().await;
        let policy = there_is(policy, "NoSuchBucketPolicy", "GetBucketPolicy")?;
        Ok(BucketGuard {
            blocks_public_access,
            is_public: status.and_then(|answer| answer.policy_status?.is_public).unwrap_or(false),
            by_tls_only: policy.is_some_and(|answer| answer.policy().is_some_and(denies_plain)),
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
