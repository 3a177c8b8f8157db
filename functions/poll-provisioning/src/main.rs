//! Wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws::{Connection, Service},
    causes::WithCauses,
    clock::SystemClock,
    engine::{DeadLetters, Poller},
    pace::Paces,
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let paces = Arc::new(Paces::new(settings.rest_share()?, Arc::new(SystemClock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")))
        .paced(paces);
    let (access, clock) = (connection.sso_admin(settings.instance_arn()?), SystemClock);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let inbox = connection.queue(&settings.inbox_queue_url()?);
    let wake = connection.queue(&settings.wake_queue_url()?);
    let polls = connection.queue(&settings.poll_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
    let dead = DeadLetters { queue: &parked, clock: &clock, receives: settings.max_receives()? };
    let poller =
        Poller { access: &access, ledger: &ledger, inbox: &inbox, wake: &wake, polls: &polls, clock: &clock };
    connection.warm_up(&[Service::DynamoDb, Service::Sqs, Service::SsoAdmin]).await;

    run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, Error>(poll_provisioning::handle(event.payload, poller, dead).await)
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
