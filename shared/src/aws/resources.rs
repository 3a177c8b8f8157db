//! Makes the table, the queues and the bucket that Usher works with: for tests, and to try it out. In an account that is used
//! in earnest they are made by its infrastructure code.

use aws_sdk_s3::{
    operation::create_bucket::CreateBucketError,
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};
use aws_sdk_sqs::types::QueueAttributeName;

use super::{Connection, create_table, error::calling, parse};
use crate::ports::PortError;

impl Connection {
    /// Makes the ledger's table, if it isn't there, and waits until it can be used.
    pub async fn create_ledger(&self, table: &str) -> Result<(), PortError> {
        create_table(&self.dynamodb(), table).await
    }

    /// Makes a queue, if it isn't there, and tells its URL. FIFO if its name ends in `.fifo`.
    pub async fn create_queue(&self, name: &str) -> Result<String, PortError> {
        let operation = "CreateQueue";
        let mut request = self.sqs().create_queue().queue_name(name);
        if name.strip_suffix(".fifo").is_some() {
            request = request.attributes(QueueAttributeName::FifoQueue, "true");
        }
        let answer = request.send().await.map_err(calling(operation))?;
        parse::text(operation, "queue's URL", answer.queue_url())
    }

    /// Makes the bucket that rules are kept in, if it isn't there.
    pub async fn create_bucket(&self, name: &str) -> Result<(), PortError> {
        let mut request = self.s3().create_bucket().bucket(name);
        // The oldest Region is the one that must not be named.
        if let Some(region) = self.region().filter(|region| *region != "us-east-1") {
            let place = BucketLocationConstraint::from(region);
            request = request.create_bucket_configuration(
                CreateBucketConfiguration::builder().location_constraint(place).build(),
            );
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(CreateBucketError::BucketAlreadyOwnedByYou(_)) => Ok(()),
                _ => Err(calling("CreateBucket")(error)),
            },
        }
    }
}
