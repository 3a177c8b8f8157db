//! The person who works in the demo's simulated AWS, through the AWS SDK.

use std::{error::Error, time::Duration};

use aws_sdk_organizations::types::{CreateAccountState, Tag};
use shared::{
    aws::Connection,
    domain::{AccountId, OuId},
};
use simulator::{Latency, Settings, World};

use crate::Failure;

/// The person's access key.
pub(super) const KEY: &str = "AKIAEXAMPLEADMIN";

/// How long the simulated AWS takes at the usual speed: quicker than AWS, which takes some seconds for an assignment and up to
/// minutes for an account.
const ASSIGNMENT: (Duration, Duration) = (Duration::from_millis(800), Duration::from_millis(1500));
const ACCOUNT: Duration = Duration::from_millis(1500);

/// The example organization, so many times quicker than usual.
pub(super) fn world(speed: u32) -> Result<World, Failure> {
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
    World::from_yaml(simulator::EXAMPLE, settings).map_err(|error| scene("the example organization", error))
}

/// Someone in the management account.
pub(super) struct Person {
    client: aws_sdk_organizations::Client,
}

impl Person {
    /// The person, on this way to AWS.
    pub(super) fn at(connection: &Connection) -> Self {
        Self { client: aws_sdk_organizations::Client::new(connection.sdk_config()) }
    }

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
