//! S3: reports, one object for each of their forms.

use aws_sdk_s3::{Client, operation::get_object::GetObjectError, primitives::ByteStream};

use super::error::{calling_in_private, unreadable};
use crate::ports::{PortError, Reports};

/// Reports in a bucket, below a prefix.
#[derive(Debug, Clone)]
pub struct S3Reports {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Reports {
    /// `prefix` is empty, or ends in `/`.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

#[async_trait::async_trait]
impl Reports for S3Reports {
    async fn fetch(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let operation = "GetObject";
        let answer = self.client.get_object().bucket(&self.bucket).key(self.key(name)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => {
                return Ok(None);
            }
            Err(error) => return Err(calling_in_private(operation)(error)),
        };
        let content = answer.body.collect().await.map_err(|error| unreadable(operation, error))?;
        Ok(Some(content.to_vec()))
    }

    async fn keep(&self, name: &str, kind: &str, content: &[u8]) -> Result<(), PortError> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.key(name)).content_type(kind);
        let request = request.if_none_match("*").body(ByteStream::from(content.to_vec()));
        match request.send().await {
            Ok(_) => Ok(()),
            // Kept before, by a call whose answer was lost; or another report has the name.
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 412) => {
                match self.fetch(name).await? {
                    Some(kept) if kept == content => Ok(()),
                    Some(_) | None => Err(PortError::Refused(format!("another report is kept as `{name}`"))),
                }
            }
            Err(error) => Err(calling_in_private("PutObject")(error)),
        }
    }

    async fn replace(&self, name: &str, kind: &str, content: &[u8]) -> Result<(), PortError> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.key(name)).content_type(kind);
        let request = request.body(ByteStream::from(content.to_vec()));
        request.send().await.map_err(calling_in_private("PutObject"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::{get_object::GetObjectOutput, put_object::PutObjectOutput};
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::client;

    fn object(content: &'static [u8]) -> impl Fn() -> GetObjectOutput {
        move || GetObjectOutput::builder().body(ByteStream::from_static(content)).build()
    }

    #[tokio::test]
    async fn what_is_missing_is_none_and_what_may_not_be_read_is_an_error() {
        let rule = mock!(Client::get_object)
            .sequence()
            .output(object(b"{}"))
            .http_status(404, Some("<Error><Code>NoSuchKey</Code></Error>".to_owned()))
            .http_status(404, Some("<Error><Code>NoSuchBucket</Code></Error>".to_owned()))
            .http_status(403, Some("<Error><Code>AccessDenied</Code></Error>".to_owned()))
            .build();
        let reports = S3Reports::new(client!(aws_sdk_s3, &rule), "bucket", "usher/");
        assert_eq!(reports.fetch("latest.json").await, Ok(Some(b"{}".to_vec())));
        assert_eq!(reports.fetch("latest.json").await, Ok(None));
        assert!(reports.fetch("latest.json").await.is_err(), "a bucket that is missing is not an empty one");
        assert!(matches!(reports.fetch("latest.json").await, Err(PortError::Denied(_))));
    }

    #[tokio::test]
    async fn a_report_is_never_written_over() {
        let put = mock!(Client::put_object)
            .match_requests(|request| {
                request.if_none_match() == Some("*") && request.key() == Some("usher/reports/x.json")
            })
            .sequence()
            .output(|| PutObjectOutput::builder().build())
            .http_status(412, Some("<Error><Code>PreconditionFailed</Code></Error>".to_owned()))
            .repeatedly()
            .build();
        let get = mock!(Client::get_object).sequence().output(object(b"one")).output(object(b"two")).build();
        let reports = S3Reports::new(client!(aws_sdk_s3, &put, &get), "bucket", "usher/");
        let keep = async || reports.keep("reports/x.json", "application/json", b"one").await;
        assert_eq!(keep().await, Ok(()));
        assert_eq!(keep().await, Ok(()), "the same one again");
        assert!(matches!(keep().await, Err(PortError::Refused(_))));
    }

    #[tokio::test]
    async fn a_pointer_is_replaced() {
        let put = mock!(Client::put_object)
            .match_requests(|request| {
                request.if_none_match().is_none() && request.key() == Some("latest.json")
            })
            .then_output(|| PutObjectOutput::builder().build());
        let reports = S3Reports::new(client!(aws_sdk_s3, &put), "bucket", "");
        assert_eq!(reports.replace("latest.json", "application/json", b"{}").await, Ok(()));
    }
}
