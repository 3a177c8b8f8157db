//! How a function reaches AWS: by what Lambda puts into its environment, and nothing that takes time to find.
//!
//! A function has its role's credentials in its environment, and its Region. To look for them as the operator's tool does, in
//! profiles, sign-in sessions and the machine's own service, would be code to load at every cold start and never to run.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{
    Credentials,
    credential_fn::provide_credentials_fn,
    provider::{SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut},
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use futures::future::join_all;

use super::{
    ConnectOptions, Connection,
    connect::{ATTEMPTS, timeouts},
    http::{self, Trust, TrustError},
};

/// How long the opening of connections may take: what isn't open by then is opened by the first call.
const WARMING: Duration = Duration::from_secs(2);

/// The services that a function calls, by the names that `AWS_ENDPOINT_URL_…` knows them by.
const SERVICES: [&str; 9] = [
    "DYNAMODB",
    "EVENTBRIDGE",
    "IDENTITYSTORE",
    "ORGANIZATIONS",
    "RESOURCE_GROUPS_TAGGING_API",
    "S3",
    "SQS",
    "SSO_ADMIN",
    "STS",
];

/// A service that a function is going to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service<'a> {
    DynamoDb,
    EventBridge,
    IdentityStore,
    Organizations,
    /// A bucket: each has a host name of its own.
    S3(&'a str),
    Sqs,
    SsoAdmin,
}

impl Connection {
    /// The connection of a Lambda function, by the variables that `read` gives: the credentials and the Region that Lambda
    /// sets, and of what a person may set the endpoints, FIPS, dual stack and `AWS_CA_BUNDLE`.
    ///
    /// Nothing is sent, and the clients that adapters are made with share one pool of connections.
    pub fn of_function(read: impl Fn(&str) -> Option<String>) -> Result<Self, TrustError> {
        let options = ConnectOptions::default();
        let path = |variable| read(variable).map(PathBuf::from);
        let (bundle, folder) = (path("AWS_CA_BUNDLE").or(path("SSL_CERT_FILE")), path("SSL_CERT_DIR"));
        let trust = if bundle.is_none() && folder.is_none() {
            Trust::Mozilla
        } else {
            Trust::Files { bundle, folder }
        };
        let is_set = |variable| read(variable).map(|value| value.eq_ignore_ascii_case("true"));
        let is_ignored = is_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").unwrap_or_default();
        let endpoint = |variable: &str| if is_ignored { None } else { read(variable) };
        let region = read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION"));
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http::client(&trust, options.connect_timeout)?)
            .timeout_config(timeouts(&options))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .service_config(Endpoints::reading(endpoint))
            .credentials_provider(credentials(&read));
        config.set_region(region.map(Region::new));
        config.set_endpoint_url(endpoint("AWS_ENDPOINT_URL"));
        config.set_use_fips(is_set("AWS_USE_FIPS_ENDPOINT"));
        config.set_use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"));
        Ok(Self::new(config.build()))
    }

    /// Opens a connection to each of these, all at once, so that the first call of an invocation finds it open: while it
    /// initializes, Lambda gives a function more of a processor than it has later, and a TLS handshake is mostly arithmetic.
    ///
    /// Each is asked for its front page, unsigned: what AWS answers to that is not documented, and doesn't matter. Failing is
    /// no failure: the first call opens what is not open.
    pub async fn warm_up(&self, services: &[Service<'_>]) {
        let knocking = join_all(services.iter().map(|service| self.knock(*service)));
        if tokio::time::timeout(WARMING, knocking).await.is_err() {
            tracing::info!("not all connections were opened in time; the first calls open them");
        }
    }

    async fn knock(&self, service: Service<'_>) {
        /// One request of this client, with nothing in it but where it goes to.
        macro_rules! knock {
            ($sdk:ident, $request:expr) => {{
                let once = $sdk::config::Config::builder()
                    .retry_config(RetryConfig::disabled())
                    .interceptor(FrontPage);
                // The answer is not what was asked for, which is an error.
                let _ = $request.customize().config_override(once).send().await;
            }};
        }
        match service {
            Service::DynamoDb => {
                knock!(aws_sdk_dynamodb, self.dynamodb().get_item().table_name("none"));
            }
            Service::EventBridge => {
                knock!(aws_sdk_eventbridge, self.eventbridge().put_events());
            }
            Service::IdentityStore => {
                let client = aws_sdk_identitystore::Client::new(self.sdk_config());
                knock!(
                    aws_sdk_identitystore,
                    client.describe_group().identity_store_id("none").group_id("none")
                );
            }
            Service::Organizations => {
                let client = aws_sdk_organizations::Client::new(self.sdk_config());
                knock!(aws_sdk_organizations, client.describe_organization());
            }
            Service::S3(bucket) => {
                knock!(aws_sdk_s3, self.s3().get_object().bucket(bucket).key("none"));
            }
            Service::Sqs => {
                knock!(aws_sdk_sqs, self.sqs().send_message_batch().queue_url("none"));
            }
            Service::SsoAdmin => {
                let client = aws_sdk_ssoadmin::Client::new(self.sdk_config());
                knock!(aws_sdk_ssoadmin, client.list_instances());
            }
        }
    }
}

/// Makes any request one for `/`, without a body, a signature or anything else in it.
#[derive(Debug)]
struct FrontPage;

impl Intercept for FrontPage {
    fn name(&self) -> &'static str {
        "FrontPage"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let page = front_page(request.uri()).ok_or("the endpoint is no address")?;
        *request = HttpRequest::get(page)?;
        Ok(())
    }
}

/// `https://host:port/` of any address there.
fn front_page(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?']).next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}/"))
}

/// Those that Lambda gave; they hold as long as the process lives.
fn credentials(read: impl Fn(&str) -> Option<String>) -> SharedCredentialsProvider {
    let (id, secret) = (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY"));
    let (Some(id), Some(secret)) = (id, secret) else {
        let missing = "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are not set";
        return SharedCredentialsProvider::new(provide_credentials_fn(move || {
            std::future::ready(Err(CredentialsError::not_loaded(missing)))
        }));
    };
    let session = read("AWS_SESSION_TOKEN");
    SharedCredentialsProvider::new(Credentials::new(id, secret, session, None, "the function's environment"))
}

/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`, as far as they are set.
struct Endpoints(BTreeMap<String, String>);

impl Endpoints {
    fn reading(read: impl Fn(&str) -> Option<String>) -> Self {
        let variables = SERVICES.iter().map(|service| format!("AWS_ENDPOINT_URL_{service}"));
        let set = variables.filter_map(|variable| read(&variable).map(|url| (variable, url)));
        Self(set.collect())
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace([' ', '-'], "_");
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoints").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::ports::{LedgerReader as _, OrganizationReader as _, PortError};

    /// An address that refuses every request in a connection that stays open; counts connections, and notes what was asked.
    async fn refusing() -> (String, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, noted) = (Arc::clone(&count), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                        noted.lock().unwrap().push(text);
                        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        (url, count, asked)
    }

    fn in_lambda(variables: &[(&str, &str)]) -> Result<Connection, TrustError> {
        let mut all = BTreeMap::from([
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "session"),
        ]);
        all.extend(variables.iter().copied());
        Connection::of_function(|variable| all.get(variable).map(|value| (*value).to_owned()))
    }

    #[tokio::test]
    async fn connections_are_open_before_the_first_call_and_the_first_calls_use_them() {
        let (url, connections, asked) = refusing().await;
        let connection = in_lambda(&[("AWS_ENDPOINT_URL", &url)]).unwrap();
        let services = [
            Service::DynamoDb,
            Service::IdentityStore,
            Service::Organizations,
            Service::S3("rules"),
            Service::Sqs,
            Service::SsoAdmin,
        ];
        connection.warm_up(&services).await;
        // All services have the same address here, and all were asked at once.
        assert_eq!(connections.load(Ordering::SeqCst), services.len());
        for request in asked.lock().unwrap().drain(..) {
            assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
            assert!(!request.to_lowercase().contains("authorization"), "{request}");
            assert!(!request.contains("session") && !request.contains("AKIA"), "{request}");
        }

        connection.organizations().organization().await.unwrap_err();
        connection.ledger("usher").orders().await.unwrap_err();
        assert_eq!(asked.lock().unwrap().len(), 2);
        assert_eq!(connections.load(Ordering::SeqCst), services.len(), "no connection was opened anew");
    }

    #[tokio::test]
    async fn a_service_that_cannot_be_reached_is_no_reason_not_to_start() {
        let connection = in_lambda(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]).unwrap();
        connection.warm_up(&[Service::DynamoDb, Service::Sqs]).await;
        let error = connection.organizations().organization().await.unwrap_err();
        assert!(matches!(error, PortError::Failed(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_does_not_answer_holds_the_start_up_for_two_seconds_at_most() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connection = in_lambda(&[("AWS_ENDPOINT_URL", &url)]).unwrap();
        let started = tokio::time::Instant::now();
        connection.warm_up(&[Service::SsoAdmin]).await;
        assert!(started.elapsed() <= WARMING + Duration::from_millis(1), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn each_service_may_have_an_endpoint_of_its_own() {
        let (all, to_all, _) = refusing().await;
        let (own, to_own, _) = refusing().await;
        let variables = [("AWS_ENDPOINT_URL", all.as_str()), ("AWS_ENDPOINT_URL_SSO_ADMIN", own.as_str())];
        let connection = in_lambda(&variables).unwrap();
        connection.warm_up(&[Service::SsoAdmin, Service::DynamoDb]).await;
        assert_eq!((to_all.load(Ordering::SeqCst), to_own.load(Ordering::SeqCst)), (1, 1));
        let ignored = [variables.as_slice(), &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]].concat();
        assert_eq!(in_lambda(&ignored).unwrap().sdk_config().endpoint_url(), None);
    }

    #[tokio::test]
    async fn missing_credentials_bar_everything() {
        let region = |variable: &str| (variable == "AWS_REGION").then(|| "eu-west-1".to_owned());
        let connection = Connection::of_function(region).unwrap();
        match connection.organizations().organization().await {
            Err(PortError::Barred(text)) => assert!(text.contains("AWS_ACCESS_KEY_ID"), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bundle_of_certificates_that_is_not_there_is_an_error_and_not_ignored() {
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            let error = in_lambda(&[(variable, "/nowhere/at-all.pem")]).unwrap_err().to_string();
            assert!(error.contains("`/nowhere/at-all.pem`"), "{error}");
        }
    }

    #[test]
    fn the_front_page_is_that_of_the_same_host() {
        assert_eq!(
            front_page("https://sso.eu-west-1.amazonaws.com/a/b?c=/").unwrap(),
            "https://sso.eu-west-1.amazonaws.com/"
        );
        assert_eq!(front_page("http://127.0.0.1:9").unwrap(), "http://127.0.0.1:9/");
        assert_eq!(front_page("https://host?x").unwrap(), "https://host/");
        assert_eq!((front_page("nothing"), front_page("https://")), (None, None));
    }
}
