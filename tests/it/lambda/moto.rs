//! moto's server: stands in for DynamoDB, EventBridge, SQS and S3.
//!
//! Tests that need it live in modules whose names begin with `moto_`, so that they can be left out where it is missing.

use std::{path::PathBuf, process::Stdio};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use tokio::process::{Child, Command};

use super::log::Log;

/// A server of its own for one test, on a free port. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Moto {
    endpoint: String,
    http: SharedHttpClient,
    /// Held for its end.
    _server: Child,
}

impl Moto {
    /// Starts the server and waits until it listens.
    pub(crate) async fn start() -> Self {
        let mut server = Command::new(program())
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("moto's server cannot be started");
        let log = Log::default();
        // Both streams are read to their end by themselves; nobody waits for that.
        drop(server.stdout.take().map(|out| log.read(out)));
        drop(server.stderr.take().map(|err| log.read(err)));
        // werkzeug says so when it has bound the port and listens: what connects from now on is answered.
        let line = log.line("Running on http://").await;
        let (_, address) = line.split_once("http://").unwrap();
        let endpoint = format!("http://{}", address.split_whitespace().next().unwrap());
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        Self { endpoint, http, _server: server }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What sends a function's DynamoDB, EventBridge, SQS and S3 calls here.
    pub(crate) fn envs(&self) -> [(&'static str, String); 4] {
        [
            "AWS_ENDPOINT_URL_DYNAMODB",
            "AWS_ENDPOINT_URL_EVENTBRIDGE",
            "AWS_ENDPOINT_URL_SQS",
            "AWS_ENDPOINT_URL_S3",
        ]
        .map(|key| (key, self.endpoint.clone()))
    }

    /// What clients of other services can send their calls with too.
    pub(crate) fn http(&self) -> SharedHttpClient {
        self.http.clone()
    }

    /// A client of SQS here.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials())
            .endpoint_url(&self.endpoint)
            .http_client(self.http.clone())
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    /// A client of S3 here.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials())
            .endpoint_url(&self.endpoint)
            .http_client(self.http.clone())
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client of DynamoDB here.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials())
            .endpoint_url(&self.endpoint)
            .http_client(self.http.clone())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// A client of EventBridge here.
    pub(crate) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials())
            .endpoint_url(&self.endpoint)
            .http_client(self.http.clone())
            .build();
        aws_sdk_eventbridge::Client::from_conf(config)
    }

    /// Makes a bus of this name, and a queue with all that is told on it; gives the queue's URL.
    pub(crate) async fn bus(&self, name: &str) -> String {
        let client = self.eventbridge();
        client.create_event_bus().name(name).send().await.unwrap();
        let all = r#"{"source":["usher"],"detail-type":["Usher Outcome"]}"#;
        client.put_rule().name("all").event_bus_name(name).event_pattern(all).send().await.unwrap();
        let queue = self.standard_queue(&format!("{name}-heard")).await;
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{name}-heard");
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).build().unwrap();
        client.put_targets().rule("all").event_bus_name(name).targets(target).send().await.unwrap();
        queue
    }

    /// Makes a FIFO queue and gives its URL; `.fifo` is added to the name.
    pub(crate) async fn fifo_queue(&self, name: &str) -> String {
        let request = self.sqs().create_queue().queue_name(format!("{name}.fifo"));
        let created = request.attributes(QueueAttributeName::FifoQueue, "true").send().await.unwrap();
        created.queue_url.unwrap()
    }

    /// Makes a standard queue and gives its URL.
    pub(crate) async fn standard_queue(&self, name: &str) -> String {
        self.sqs().create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
    }

    /// Makes a bucket.
    pub(crate) async fn bucket(&self, name: &str) {
        self.s3().create_bucket().bucket(name).send().await.unwrap();
    }
}

fn credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "tests")
}

/// The server's program: as `cargo xtask test` says, or where that command put it earlier.
#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn program() -> PathBuf {
    if let Ok(path) = std::env::var("USHER_TEST_MOTO") {
        return PathBuf::from(path);
    }
    let installed =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/python/bin/moto_server"));
    assert!(installed.exists(), "moto's server is not there; install it first: cargo xtask test");
    installed
}

#[cfg(test)]
mod moto_itself {
    use super::*;

    #[tokio::test]
    async fn queues_and_buckets_can_be_made_and_used() {
        let moto = Moto::start().await;
        assert!(moto.envs().iter().all(|(_, url)| url == moto.endpoint()));

        let fifo = moto.fifo_queue("inbox").await;
        assert!(fifo.ends_with("/inbox.fifo"), "{fifo}");
        let message = moto.sqs().send_message().queue_url(&fifo).message_body("hint");
        message.message_group_id("111122223333").message_deduplication_id("1").send().await.unwrap();
        let received = moto.sqs().receive_message().queue_url(&fifo).send().await.unwrap();
        assert_eq!(received.messages()[0].body(), Some("hint"));

        let standard = moto.standard_queue("wake").await;
        assert!(standard.ends_with("/wake"), "{standard}");

        moto.bucket("rules").await;
        moto.s3().put_object().bucket("rules").key("a").body(b"b".to_vec().into()).send().await.unwrap();
        let object = moto.s3().get_object().bucket("rules").key("a").send().await.unwrap();
        assert_eq!(object.body.collect().await.unwrap().to_vec(), b"b");
    }
}
