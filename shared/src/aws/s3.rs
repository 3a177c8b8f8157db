//! S3: immutable bundles of rules, one object each, named by their content.

use aws_sdk_s3::{Client, operation::get_object::GetObjectOutput, primitives::ByteStream};

use super::error::{calling, unreadable};
use crate::{
    domain::RulesVersion,
    ports::{PortError, RulesStore},
    rules::Bundle,
};

/// The most bytes that a bundle may have as an object. A larger one is neither kept nor read.
pub const LARGEST_BUNDLE: usize = crate::rules::MAX_STORED_BYTES;

/// Bundles in a bucket, as `<prefix>rules/<version>.json`.
#[derive(Debug, Clone)]
pub struct S3Rules {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Rules {
    /// `prefix` is empty, or ends in `/`.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    fn key(&self, version: &RulesVersion) -> String {
        format!("{}rules/{version}.json", self.prefix)
    }
}

#[async_trait::async_trait]
impl RulesStore for S3Rules {
    async fn bundle(&self, version: &RulesVersion) -> Result<Bundle, PortError> {
        let request = self.client.get_object().bucket(&self.bucket).key(self.key(version));
        let answer = request.send().await.map_err(calling("GetObject")).map_err(perhaps_missing)?;
        let content = content(answer).await?;
        let bundle: Bundle = serde_json::from_slice(&content).map_err(|_| {
            PortError::Refused(format!("the object of the rules `{version}` is not a bundle"))
        })?;
        if bundle.version() != *version {
            return Err(PortError::Refused(format!("the bundle kept as `{version}` is another one")));
        }
        Ok(bundle)
    }

    async fn keep(&self, bundle: &Bundle) -> Result<(), PortError> {
        let version = bundle.version();
        let content = serde_json::to_vec(bundle)
            .map_err(|error| PortError::Refused(format!("the bundle can't be written: {error}")))?;
        if content.len() > LARGEST_BUNDLE {
            return Err(too_large());
        }
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(&version))
            .content_type("application/json")
            .if_none_match("*")
            .body(ByteStream::from(content));
        match request.send().await {
            Ok(_) => Ok(()),
            // Kept before. Said only after a look at it: what is there may not be what its name says.
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 412) => {
                self.bundle(&version).await.map(drop)
            }
            Err(error) => Err(calling("PutObject")(error)),
        }
    }
}

/// Whoever may not list a bucket is told of what is missing that it may not be read. Most functions may not: they read a bundle by its name.
fn perhaps_missing(error: PortError) -> PortError {
    if let PortError::Denied(why) = &error {
        let unless = "unless the object is missing, which S3 tells only to those who may `s3:ListBucket`";
        return PortError::Denied(format!("{why}; {unless}"));
    }
    error
}

fn too_large() -> PortError {
    PortError::Refused(format!("the bundle of rules has more than {LARGEST_BUNDLE} bytes"))
}

async fn content(answer: GetObjectOutput) -> Result<Vec<u8>, PortError> {
    let mut body = answer.body;
    let mut content = Vec::new();
    while let Some(bytes) = body.try_next().await.map_err(|error| unreadable("GetObject", error))? {
        if content.len() + bytes.len() > LARGEST_BUNDLE {
            return Err(too_large());
        }
        content.extend_from_slice(&bytes);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::client;

    fn bundle(text: &str) -> Bundle {
        Bundle { files: [("usher.yaml".to_owned(), text.to_owned())].into() }
    }

    fn object(content: impl Into<Vec<u8>>) -> impl Fn() -> GetObjectOutput {
        let content = content.into();
        move || GetObjectOutput::builder().body(ByteStream::from(content.clone())).build()
    }

    #[tokio::test]
    async fn a_bundle_is_read_only_if_it_is_what_its_name_says() {
        let wanted = bundle("version: 1");
        let rule = mock!(Client::get_object)
            .sequence()
            .output(object(serde_json::to_vec(&wanted).unwrap()))
            .output(object(serde_json::to_vec(&bundle("version: 2")).unwrap()))
            .output(object("not JSON"))
            .output(object(vec![b' '; LARGEST_BUNDLE + 1]))
            .http_status(404, Some("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>".to_owned()))
            .build();
        let rules = S3Rules::new(client!(aws_sdk_s3, &rule), "bucket", "usher/");
        let version = wanted.version();

        assert_eq!(rules.bundle(&version).await, Ok(wanted));
        for _ in 0..3 {
            assert!(matches!(rules.bundle(&version).await, Err(PortError::Refused(_))));
        }
        assert!(matches!(rules.bundle(&version).await, Err(PortError::NotFound(_))));
    }

    #[tokio::test]
    async fn a_bundle_that_may_not_be_read_may_be_missing_too() {
        let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        let rule = mock!(Client::get_object).sequence().http_status(403, Some(denied.to_owned())).build();
        let rules = S3Rules::new(client!(aws_sdk_s3, &rule), "bucket", "");
        let error = rules.bundle(&bundle("version: 1").version()).await.unwrap_err();
        assert!(matches!(error, PortError::Denied(_)), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("(AccessDenied); unless the object is missing"), "{told}");
    }

    #[tokio::test]
    async fn keeping_a_bundle_again_changes_nothing_and_a_false_one_in_its_place_is_noticed() {
        let wanted = bundle("version: 1");
        let put = mock!(Client::put_object)
            .match_requests(|request| request.if_none_match() == Some("*"))
            .sequence()
            .http_status(412, Some("<Error><Code>PreconditionFailed</Code></Error>".to_owned()))
            .repeatedly()
            .build();
        let get = mock!(Client::get_object)
            .sequence()
            .output(object(serde_json::to_vec(&wanted).unwrap()))
            .output(object(serde_json::to_vec(&bundle("version: 2")).unwrap()))
            .build();
        let rules = S3Rules::new(client!(aws_sdk_s3, &put, &get), "bucket", "");

        assert_eq!(rules.keep(&wanted).await, Ok(()));
        assert!(matches!(rules.keep(&wanted).await, Err(PortError::Refused(_))));
        let huge = bundle(&"x".repeat(LARGEST_BUNDLE));
        assert!(matches!(rules.keep(&huge).await, Err(PortError::Refused(_))));
        assert_eq!(put.num_calls(), 2, "the huge one was not sent");
    }
}
