//! The demo's stage: the simulated AWS on a loopback port, and the person who works in it through the AWS SDK.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_organizations::types::{CreateAccountState, Tag};
use serde_json::Value;
use shared::{
    aws::Connection,
    clock::SystemClock,
    domain::{AccountId, OuId},
    ports::Clock,
};
use simulator::{Latency, Settings, World, http::Callers};
use tokio::{net::TcpListener, sync::oneshot};

use crate::Failure;

/// Usher's access key: the simulator takes a key that ends so for Usher's.
const USHERS_KEY: &str = "AKIAEXAMPLEUSHER";
/// Any other key is a person's.
const PERSONS_KEY: &str = "AKIAEXAMPLEADMIN";

/// How long the simulated AWS takes at the usual speed: quicker than AWS, which takes some seconds for an assignment and up to
/// minutes for an account.
const ASSIGNMENT: (Duration, Duration) = (Duration::from_millis(800), Duration::from_millis(1500));
const ACCOUNT: Duration = Duration::from_millis(1500);

/// The simulated AWS, for as long as this lives.
pub(super) struct Stage {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) endpoint: String,
    clock: Arc<dyn Clock>,
    _running: oneshot::Sender<()>,
}

impl Stage {
    /// Starts the simulator with the example organization.
    pub(super) async fn set(speed: u32) -> Result<Self, Failure> {
        let mut settings = Settings {
            assignment_latency: Latency::Uniform {
                shortest: ASSIGNMENT.0 / speed,
                longest: ASSIGNMENT.1 / speed,
            },
            create_account_latency: Latency::Constant(ACCOUNT / speed),
            ..Settings::default()
        };
        // What it shows is a new account's way; waiting for Organizations' slow rates is no part of it.
        settings.quotas.organizations = None;
        let world = World::from_yaml(simulator::EXAMPLE, settings)
            .map_err(|error| scene("the example organization", error))?;
        let world = Arc::new(Mutex::new(world));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(|error| scene("a loopback port", error))?;
        let address = listener.local_addr().map_err(|error| scene("a loopback port", error))?;
        let (running, ended) = oneshot::channel::<()>();
        let served = simulator::http::serve(
            listener,
            Arc::clone(&world),
            Arc::clone(&clock),
            Callers::default(),
            async {
                let _ = ended.await;
            },
        );
        tokio::spawn(served);
        Ok(Self { world, endpoint: format!("http://{address}"), clock, _running: running })
    }

    /// Usher's way to the simulated AWS: the real SDK.
    pub(super) fn ushers(&self) -> Connection {
        Connection::to_stand_in(&self.endpoint, USHERS_KEY)
    }

    /// The person's.
    pub(super) fn person(&self) -> Person {
        let connection = Connection::to_stand_in(&self.endpoint, PERSONS_KEY);
        Person { client: aws_sdk_organizations::Client::new(connection.sdk_config()) }
    }

    /// The simulated world, as of now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world
    }

    /// The events that AWS has sent since the last time.
    pub(super) fn events(&self) -> Vec<Value> {
        self.world().take_events(self.clock.now())
    }
}

/// Someone in the management account.
pub(super) struct Person {
    client: aws_sdk_organizations::Client,
}

impl Person {
    /// `CreateAccount`: it only begins there. Tells the request's id.
    pub(super) async fn create_account(&self, name: &str) -> Result<String, Failure> {
        let email = format!("aws+{name}@example.com");
        let answer = self
            .client
            .create_account()
            .account_name(name)
            .email(email)
            .send()
            .await
            .map_err(|error| scene("CreateAccount", error))?;
        let status = answer.create_account_status();
        let id = status.and_then(|status| status.id()).ok_or_else(|| missing("CreateAccount"))?;
        Ok(id.to_owned())
    }

    /// `DescribeCreateAccountStatus`: the account, once it is made.
    pub(super) async fn created(&self, request: &str) -> Result<Option<AccountId>, Failure> {
        let what = "DescribeCreateAccountStatus";
        let answer = self
            .client
            .describe_create_account_status()
            .create_account_request_id(request)
            .send()
            .await
            .map_err(|error| scene(what, error))?;
        let status = answer.create_account_status().ok_or_else(|| missing(what))?;
        if status.state() != Some(&CreateAccountState::Succeeded) {
            return Ok(None);
        }
        let id = status.account_id().ok_or_else(|| missing(what))?;
        id.parse().map(Some).map_err(|error: shared::domain::InvalidId| scene(what, error))
    }

    /// `TagResource`
    pub(super) async fn tag(&self, account: &AccountId, tags: &[(&str, &str)]) -> Result<(), Failure> {
        let mut call = self.client.tag_resource().resource_id(account.as_str());
        for (key, value) in tags {
            let tag = Tag::builder().key(*key).value(*value).build();
            call = call.tags(tag.map_err(|error| scene("TagResource", error))?);
        }
        call.send().await.map(|_| ()).map_err(|error| scene("TagResource", error))
    }

    /// `MoveAccount`, from the root, where new accounts are.
    pub(super) async fn move_account(&self, account: &AccountId, to: &OuId) -> Result<(), Failure> {
        let roots = self.client.list_roots().send().await.map_err(|error| scene("ListRoots", error))?;
        let root = roots.roots().first().and_then(|root| root.id()).ok_or_else(|| missing("ListRoots"))?;
        self.client
            .move_account()
            .account_id(account.as_str())
            .source_parent_id(root)
            .destination_parent_id(to.as_str())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| scene("MoveAccount", error))
    }
}

/// Something on the stage did not work.
pub(super) fn scene(what: &str, error: impl Error + Send + Sync + 'static) -> Failure {
    Failure::DemoScene { what: what.to_owned(), source: Box::new(error) }
}

fn missing(what: &str) -> Failure {
    scene(what, std::io::Error::other("the answer lacks what it always has"))
}
