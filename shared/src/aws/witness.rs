//! S3: what is told of the ledger, one object beside the rules.

use aws_sdk_s3::{Client, operation::get_object::GetObjectError, primitives::ByteStream};

use super::error::{calling, unreadable};
use crate::{
    ledger::Testimony,
    ports::{KeptTestimony, PortError, Witness},
};

/// The object's name below the prefix.
const NAME: &str = "ledger-epoch.json";

/// One object of a bucket.
#[derive(Debug, Clone)]
pub struct S3Witness {
    client: Client,
    bucket: String,
    key: String,
}

impl S3Witness {
    /// `prefix` is empty, or ends in `/`.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.to_owned(), key: format!("{prefix}{NAME}") }
    }
}

#[async_trait::async_trait]
impl Witness for S3Witness {
    async fn recall(&self) -> Result<Option<KeptTestimony>, PortError> {
        let operation = "GetObject";
        let answer = self.client.get_object().bucket(&self.bucket).key(&self.key).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => {
                return Ok(None);
            }
            Err(error) => return Err(calling(operation)(error)),
        };
        let mark = answer.e_tag.clone().ok_or_else(|| unreadable(operation, "no ETag"))?;
        let content = answer.body.collect().await.map_err(|error| unreadable(operation, error))?;
        let testimony =
            serde_json::from_slice(&content.to_vec()).map_err(|error| unreadable(operation, error))?;
        Ok(Some(KeptTestimony { testimony, mark }))
    }

    async fn keep(
        &self,
        testimony: &Testimony,
        instead_of: Option<&KeptTestimony>,
    ) -> Result<bool, PortError> {
        let content = serde_json::to_vec(testimony)
            .map_err(|error| PortError::Refused(format!("the ledger's epoch can't be kept: {error}")))?;
        let request = self.client.put_object().bucket(&self.bucket).key(&self.key);
        let request = match instead_of {
            Some(kept) => request.if_match(&kept.mark),
            None => request.if_none_match("*"),
        };
        let request = request.content_type("application/json").body(ByteStream::from(content));
        match request.send().await {
            Ok(_) => Ok(true),
            // 412: another one is kept by now. 409: somebody writes it at this moment. 404: it is gone.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| matches!(raw.status().as_u16(), 404 | 409 | 412)) =>
            {
                Ok(false)
            }
            Err(error) => Err(calling("PutObject")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::{get_object::GetObjectOutput, put_object::PutObjectOutput};
    use aws_smithy_mocks::mock;
    use jiff::Timestamp;

    use super::*;
    use crate::{aws::testing::client, ledger::Epoch};

    fn testimony() -> Testimony {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        Testimony { epoch: Epoch::first(at), rules: None, orders: 0, at }
    }

    #[tokio::test]
    async fn what_is_missing_is_none_and_what_cannot_be_read_is_an_error() {
        let body = serde_json::to_vec(&testimony()).unwrap();
        let object =
            move || GetObjectOutput::builder().e_tag("\"1\"").body(ByteStream::from(body.clone())).build();
        let rule = mock!(Client::get_object)
            .sequence()
            .output(object)
            .output(|| GetObjectOutput::builder().e_tag("\"1\"").body(ByteStream::from_static(b"{")).build())
            .http_status(404, Some("<Error><Code>NoSuchKey</Code></Error>".to_owned()))
            .http_status(404, Some("<Error><Code>NoSuchBucket</Code></Error>".to_owned()))
            .http_status(403, Some("<Error><Code>AccessDenied</Code></Error>".to_owned()))
            .build();
        let witness = S3Witness::new(client!(aws_sdk_s3, &rule), "bucket", "usher/");
        let kept = KeptTestimony { testimony: testimony(), mark: "\"1\"".to_owned() };
        assert_eq!(witness.recall().await, Ok(Some(kept)));
        assert!(witness.recall().await.is_err(), "a damaged one is not none");
        assert_eq!(witness.recall().await, Ok(None));
        assert!(witness.recall().await.is_err(), "a bucket that is missing is not an empty one");
        assert!(matches!(witness.recall().await, Err(PortError::Denied(_))));
    }

    #[tokio::test]
    async fn it_is_written_only_in_the_place_of_what_was_read() {
        let first = mock!(Client::put_object)
            .match_requests(|put| put.if_none_match() == Some("*") && put.if_match().is_none())
            .then_output(|| PutObjectOutput::builder().build());
        let next = mock!(Client::put_object)
            .match_requests(|put| {
                put.if_match() == Some("\"1\"") && put.key() == Some("usher/ledger-epoch.json")
            })
            .sequence()
            .output(|| PutObjectOutput::builder().build())
            .http_status(412, Some("<Error><Code>PreconditionFailed</Code></Error>".to_owned()))
            .http_status(409, Some("<Error><Code>ConditionalRequestConflict</Code></Error>".to_owned()))
            .http_status(403, Some("<Error><Code>AccessDenied</Code></Error>".to_owned()))
            .build();
        let witness = S3Witness::new(client!(aws_sdk_s3, &first, &next), "bucket", "usher/");
        let kept = KeptTestimony { testimony: testimony(), mark: "\"1\"".to_owned() };
        assert_eq!(witness.keep(&testimony(), None).await, Ok(true));
        assert_eq!(witness.keep(&testimony(), Some(&kept)).await, Ok(true));
        assert_eq!(witness.keep(&testimony(), Some(&kept)).await, Ok(false));
        assert_eq!(witness.keep(&testimony(), Some(&kept)).await, Ok(false));
        assert!(matches!(witness.keep(&testimony(), Some(&kept)).await, Err(PortError::Denied(_))));
    }
}
