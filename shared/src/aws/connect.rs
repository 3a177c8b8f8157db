//! One connection for all services: one HTTP client, one set of timeouts, one credential chain.

use std::{sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::{
    DynamoDbLedger, EventBridgeBus, IdentityStoreApi, OrganizationsApi, S3Reports, S3Rules, S3Uploads,
    S3Witness, SqsQueue, SsoAdminApi,
    management::{Clients, assuming},
    paced::paced,
};
use crate::{
    domain::{AccountId, IdentityStoreId, InstanceArn, RoleArn},
    pace::Paces,
};

/// How often a call is sent at most, the first time included. Writes of assignments are sent once.
pub(super) const ATTEMPTS: u32 = 3;

/// The same for a command that somebody waits for: some seconds more cost less than its whole run again. Only after a throttle are the pauses long.
const PATIENT_ATTEMPTS: u32 = 5;

/// How to reach AWS. What is `None` comes from where every AWS tool looks for it: the environment and the profile.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The Region of all services; for Identity Center its primary Region.
    pub region: Option<String>,
    /// One endpoint for all services, instead of AWS or of the environment's `AWS_ENDPOINT_URL…`.
    pub endpoint_url: Option<String>,
    /// The profile that credentials and Region are read from.
    pub profile: Option<String>,
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// For the first byte of an answer.
    pub read_timeout: Duration,
    /// For one attempt as a whole.
    pub attempt_timeout: Duration,
    /// For a call with all its attempts and the pauses between them.
    pub operation_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            profile: None,
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(15),
            attempt_timeout: Duration::from_secs(20),
            operation_timeout: Duration::from_mins(1),
        }
    }
}

/// Everything that reaching AWS needs. Cheap to clone; all adapters made from it share one pool of connections.
#[derive(Debug, Clone)]
pub struct Connection {
    config: SdkConfig,
    /// What the services are reached by whose calls are counted, where that is another way.
    counted: Option<Box<SdkConfig>>,
    /// The management account and the way to it by a role, where there is one.
    management: Option<Box<(AccountId, Connection)>>,
}

/// Prepares the connection. Nothing is sent to the services yet, and missing credentials or a missing Region show at the first
/// call.
pub async fn connect(options: &ConnectOptions) -> Connection {
    let ConnectOptions { region, endpoint_url, profile, .. } = options;
    // Named here so that `AWS_RETRY_MODE=adaptive` has no say: the engine keeps to the rate, and the SDK must not guess at it.
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);

    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .timeout_config(timeouts(options))
        .retry_config(retries);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint_url) = endpoint_url {
        loader = loader.endpoint_url(endpoint_url);
    }
    if let Some(profile) = profile {
        // Named, it is used: keys in the environment do not win over it, as they don't in AWS's own tools.
        let config = ProviderConfig::without_region()
            .with_region(region.clone().map(Region::new))
            .with_http_client(http_client());
        let credentials =
            ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    Connection::new(loader.load().await)
}

pub(super) fn timeouts(options: &ConnectOptions) -> TimeoutConfig {
    let ConnectOptions { connect_timeout, read_timeout, attempt_timeout, operation_timeout, .. } = options;
    TimeoutConfig::builder()
        .connect_timeout(*connect_timeout)
        .read_timeout(*read_timeout)
        .operation_attempt_timeout(*attempt_timeout)
        .operation_timeout(*operation_timeout)
        .build()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

impl Connection {
    pub(super) fn new(config: SdkConfig) -> Self {
        Self { config, counted: None, management: None }
    }

    /// The same, with a role in the management account for what only that account may do; see `management`. Its sessions are named as
    /// is said here.
    #[must_use = "the connection itself has no role"]
    pub fn with_management_role(self, role: Option<RoleArn>, session: &str) -> Self {
        let Some(role) = role else { return self };
        let by_role = assuming(&self, &role, session);
        Self { management: Some(Box::new((role.account().clone(), by_role))), ..self }
    }

    /// A connection to something that stands in for AWS, such as the simulator: nothing in the environment has a say in it, and
    /// any access key will do.
    pub fn to_stand_in(endpoint_url: &str, access_key_id: &str) -> Self {
        let credentials = Credentials::new(access_key_id, "not a secret", None, None, "stand-in");
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint_url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Self::new(config)
    }

    /// The same with another Region.
    #[must_use = "the connection itself stays in its Region"]
    pub fn in_region(self, region: &str) -> Self {
        let there = |config: SdkConfig| config.into_builder().region(Region::new(region.to_owned())).build();
        Self {
            config: there(self.config),
            counted: self.counted.map(|config| Box::new(there(*config))),
            management: alike(self.management, |by_role| by_role.in_region(region)),
        }
    }

    /// The same connection at this pace: what is made from it waits for a turn before each call to a service that is counted.
    pub fn paced(self, paces: Arc<Paces>) -> Self {
        // A call by the role is one of the same share.
        let management = alike(self.management, |by_role| by_role.paced(Arc::clone(&paces)));
        let counted = paced(&self.config, paces).map(Box::new);
        Self { config: self.config, counted, management }
    }

    /// What a client is made of whose calls are counted.
    fn counted(&self) -> &SdkConfig {
        self.counted.as_deref().unwrap_or(&self.config)
    }

    /// A client for each way there is.
    fn clients<C>(&self, client: impl Fn(&SdkConfig) -> C) -> Clients<C> {
        let own = Clients::own_only(client(self.counted()));
        match self.management.as_deref() {
            Some((account, by_role)) => own.with_role(account.clone(), client(by_role.counted())),
            None => own,
        }
    }

    /// The same connection for whoever repeats calls himself, at his own pace: each is sent once.
    #[must_use = "the connection itself goes on repeating calls"]
    pub fn sent_once(self) -> Self {
        let once = |config: SdkConfig| config.into_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            config: once(self.config),
            counted: self.counted.map(|config| Box::new(once(*config))),
            management: alike(self.management, Self::sent_once),
        }
    }

    /// The same connection for a command that reads much: what is throttled, or fails in another way that may pass, is repeated more often
    /// before it counts as failed.
    #[must_use = "the connection itself is no more patient"]
    pub fn patient(self) -> Self {
        let patient = |config: SdkConfig| {
            let retries = RetryConfig::standard().with_max_attempts(PATIENT_ATTEMPTS);
            config.into_builder().retry_config(retries).build()
        };
        Self {
            config: patient(self.config),
            counted: self.counted.map(|config| Box::new(patient(*config))),
            management: alike(self.management, Self::patient),
        }
    }

    /// What a client of a service is made of, for those who play a person's part beside Usher.
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }

    /// The Region, as far as one is known.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// The endpoint that stands for all services, if one does.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// Organizations, with the tags that the tagging API has of it.
    pub fn organizations(&self) -> OrganizationsApi {
        let tagging = self.clients(|config| {
            let home = Region::new(home_of_organizations(self.region()));
            let tagging = aws_sdk_resourcegroupstagging::config::Builder::from(config).region(home).build();
            aws_sdk_resourcegroupstagging::Client::from_conf(tagging)
        });
        OrganizationsApi::new(aws_sdk_organizations::Client::new(self.counted())).with_tagging(tagging)
    }

    /// SSO Admin in the instance named, or else in the only one that there is.
    pub fn sso_admin(&self, instance: Option<InstanceArn>) -> SsoAdminApi {
        SsoAdminApi::new(self.clients(aws_sdk_ssoadmin::Client::new), instance)
    }

    /// The identity store of an instance, which [`crate::ports::AccessReader::instance`] names.
    pub fn identity_store(&self, store: IdentityStoreId) -> IdentityStoreApi {
        IdentityStoreApi::new(aws_sdk_identitystore::Client::new(self.counted()), store)
    }

    /// The queue with this URL: FIFO if its name ends in `.fifo`.
    pub fn queue(&self, url: &str) -> SqsQueue {
        SqsQueue::new(self.sqs(), url)
    }

    /// The ledger in the table with this name.
    pub fn ledger(&self, table: &str) -> DynamoDbLedger {
        DynamoDbLedger::new(self.dynamodb(), table)
    }

    /// The rules in this bucket, below a prefix that is empty or ends in `/`.
    pub fn rules(&self, bucket: &str, prefix: &str) -> S3Rules {
        S3Rules::new(self.s3(), bucket, prefix)
    }

    /// What is told of the ledger, in the bucket of the rules and below their prefix.
    pub fn witness(&self, bucket: &str, prefix: &str) -> S3Witness {
        S3Witness::new(self.s3(), bucket, prefix)
    }

    /// What authors upload to this bucket.
    pub fn uploads(&self, bucket: &str) -> S3Uploads {
        S3Uploads::new(self.s3(), bucket)
    }

    /// The reports in this bucket, below a prefix that is empty or ends in `/`.
    pub fn reports(&self, bucket: &str, prefix: &str) -> S3Reports {
        S3Reports::new(self.s3(), bucket, prefix)
    }

    /// The bus with this name or ARN, for outcomes.
    pub fn outcome_bus(&self, bus: &str) -> EventBridgeBus {
        EventBridgeBus::new(self.eventbridge(), bus)
    }

    pub(super) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }

    pub(super) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    pub(super) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// An endpoint of our own seldom has a host name for every bucket, so the bucket goes into the path there. (The SDK does the
    /// same by itself for an endpoint that is an IP address.)
    pub(super) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(self.config.endpoint_url().is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}

/// The same change to the way by the role, if there is one.
fn alike(
    management: Option<Box<(AccountId, Connection)>>,
    change: impl Fn(Connection) -> Connection,
) -> Option<Box<(AccountId, Connection)>> {
    management.map(|management| {
        let (account, by_role) = *management;
        Box::new((account, change(by_role)))
    })
}

/// The Region that Organizations lives in, in the partition of this one. Its resources are tagged there and nowhere else.
fn home_of_organizations(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("us-gov-") => "us-gov-west-1",
        Some(region) if region.starts_with("cn-") => "cn-northwest-1",
        Some(_) | None => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{credential_fn::provide_credentials_fn, provider::error::CredentialsError};

    use super::*;
    use crate::ports::{OrganizationReader as _, PortError};

    /// With a Region, so that nobody goes looking for one.
    fn somewhere() -> ConnectOptions {
        ConnectOptions { region: Some("eu-west-1".into()), ..ConnectOptions::default() }
    }

    fn someone() -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test"))
    }

    #[tokio::test]
    async fn a_service_that_cannot_be_reached_gives_no_usable_answer() {
        // Nothing listens on the discard port of the loopback.
        let options = ConnectOptions { endpoint_url: Some("http://127.0.0.1:9".into()), ..somewhere() };
        let mut connection = connect(&options).await;
        connection.config = connection
            .config
            .into_builder()
            .credentials_provider(someone())
            .retry_config(RetryConfig::disabled())
            .build();
        let error = connection.organizations().organization().await.unwrap_err();
        assert!(matches!(error, PortError::Failed(_)), "{error}");
    }

    #[tokio::test]
    async fn missing_credentials_bar_everything_and_say_what_to_do() {
        let nothing =
            provide_credentials_fn(|| std::future::ready(Err(CredentialsError::not_loaded("none anywhere"))));
        let mut connection = connect(&somewhere()).await;
        connection.config = connection
            .config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(nothing))
            .build();
        match connection.organizations().organization().await {
            Err(PortError::Barred(text)) => assert!(text.contains("set AWS_PROFILE"), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_profile_that_is_not_there_gives_no_credentials_whatever_the_environment_has() {
        let profile = Some("a-profile-that-nobody-has".to_owned());
        let endpoint_url = Some("http://127.0.0.1:9".to_owned());
        let connection = connect(&ConnectOptions { endpoint_url, profile, ..somewhere() }).await;
        match connection.organizations().organization().await {
            Err(PortError::Barred(text)) => {
                assert!(text.contains("check the profile that is named"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_missing_region_is_refused_with_what_to_do() {
        let mut connection = connect(&somewhere()).await;
        connection.config =
            connection.config.into_builder().region(None::<Region>).credentials_provider(someone()).build();
        match crate::ports::AccessReader::instance(&connection.sso_admin(None)).await {
            Err(PortError::Refused(text)) => assert!(text.contains("set AWS_REGION"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
