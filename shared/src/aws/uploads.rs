//! S3: rules as their authors upload them, and what is left beside them.

use aws_sdk_s3::{Client, primitives::ByteStream};

use super::{
    error::{calling_in_private, unreadable},
    parse,
};
use crate::ports::{PortError, Upload, UploadContent, Uploads};

/// The objects of a bucket. Their names may be those of people, and S3's messages quote them.
#[derive(Debug, Clone)]
pub struct S3Uploads {
    client: Client,
    bucket: String,
}

impl S3Uploads {
    pub fn new(client: Client, bucket: &str) -> Self {
        Self { client, bucket: bucket.to_owned() }
    }
}

#[async_trait::async_trait]
impl Uploads for S3Uploads {
    async fn fetch(&self, key: &str, most: usize) -> Result<Upload, PortError> {
        let operation = "GetObject";
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let answer = request.send().await.map_err(calling_in_private(operation))?;
        let made_at = parse::time(operation, answer.last_modified())?
            .ok_or_else(|| unreadable(operation, "no time of the last change"))?;
        let told = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let most_told = u64::try_from(most).unwrap_or(u64::MAX);
        if let Some(bytes) = told.filter(|bytes| *bytes > most_told) {
            return Ok(Upload { made_at, content: UploadContent::TooLong { bytes } });
        }
        let (mut body, mut content) = (answer.body, Vec::new());
        while let Some(bytes) = body.try_next().await.map_err(|error| unreadable(operation, error))? {
            content.extend_from_slice(&bytes);
            if content.len() > most {
                let bytes = told.unwrap_or(u64::try_from(content.len()).unwrap_or(u64::MAX));
                return Ok(Upload { made_at, content: UploadContent::TooLong { bytes } });
            }
        }
        Ok(Upload { made_at, content: UploadContent::Whole(content) })
    }

    async fn leave(&self, key: &str, text: &str) -> Result<(), PortError> {
        let kind = if std::path::Path::new(key).extension().is_some_and(|end| end == "json") {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(kind);
        let request = request.body(ByteStream::from(text.as_bytes().to_vec()));
        request.send().await.map_err(calling_in_private("PutObject"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::{get_object::GetObjectOutput, put_object::PutObjectOutput};
    use aws_smithy_mocks::mock;
    use aws_smithy_types::DateTime;

    use super::*;
    use crate::aws::testing::client;

    fn object(content: &'static [u8], told: Option<i64>) -> impl Fn() -> GetObjectOutput {
        move || {
            GetObjectOutput::builder()
                .last_modified(DateTime::from_secs(1_800_000_000))
                .set_content_length(told)
                .body(ByteStream::from_static(content))
                .build()
        }
    }

    #[tokio::test]
    async fn an_object_comes_with_its_time_and_a_long_one_is_not_read() {
        let rule = mock!(Client::get_object)
            .sequence()
            .output(object(b"version: 1", Some(10)))
            .output(object(b"", Some(300_000_000)))
            .output(object(b"more than it said", None))
            .http_status(404, Some("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>".to_owned()))
            .build();
        let uploads = S3Uploads::new(client!(aws_sdk_s3, &rule), "bucket");
        let fetch = async || uploads.fetch("incoming/a.yaml", 10).await;

        let made_at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let content = UploadContent::Whole(b"version: 1".to_vec());
        assert_eq!(fetch().await, Ok(Upload { made_at, content }));
        let long = |bytes| Ok(Upload { made_at, content: UploadContent::TooLong { bytes } });
        assert_eq!(fetch().await, long(300_000_000));
        assert_eq!(fetch().await, long(17));
        assert!(matches!(fetch().await, Err(PortError::NotFound(_))));
    }

    #[tokio::test]
    async fn what_s3_says_of_an_object_is_not_passed_on_with_its_name() {
        let denied = "<Error><Code>AccessDenied</Code><Message>User: arn:aws:sts::111122223333:assumed-role/usher/f is not \
                      authorized to perform: s3:GetObject on resource: arn:aws:s3:::bucket/incoming/alice.yaml</Message></Error>";
        let get = mock!(Client::get_object).sequence().http_status(403, Some(denied.to_owned())).build();
        let put = mock!(Client::put_object).sequence().http_status(403, Some(denied.to_owned())).build();
        let uploads = S3Uploads::new(client!(aws_sdk_s3, &get, &put), "bucket");
        let fetched = uploads.fetch("incoming/alice.yaml", 10).await;
        assert_eq!(fetched, Err(PortError::Denied("GetObject: AccessDenied".to_owned())));
        let left = uploads.leave("incoming/alice.yaml.result.txt", "").await;
        assert_eq!(left, Err(PortError::Denied("PutObject: AccessDenied".to_owned())));
    }

    #[tokio::test]
    async fn an_object_without_a_time_is_no_answer() {
        let timeless = || GetObjectOutput::builder().body(ByteStream::from_static(b"x")).build();
        let rule = mock!(Client::get_object).then_output(timeless);
        let uploads = S3Uploads::new(client!(aws_sdk_s3, &rule), "bucket");
        assert!(matches!(uploads.fetch("a", 10).await, Err(PortError::Failed(_))));
    }

    #[tokio::test]
    async fn what_is_left_says_what_it_is() {
        let of_kind = |kind: &'static str| {
            mock!(Client::put_object)
                .match_requests(move |request| request.content_type() == Some(kind))
                .then_output(|| PutObjectOutput::builder().build())
        };
        let (json, text) = (of_kind("application/json"), of_kind("text/plain; charset=utf-8"));
        let uploads = S3Uploads::new(client!(aws_sdk_s3, &json, &text), "bucket");
        uploads.leave("incoming/a.yaml.result.json", "{}").await.unwrap();
        uploads.leave("incoming/a.yaml.result.txt", "in force").await.unwrap();
        assert_eq!((json.num_calls(), text.num_calls()), (1, 1));
    }
}
