//! Wiring only.

use std::{sync::Arc, time::Duration};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::{Planner, ReadError, Reader, Rulebook, Sweep, SweepSettings},
    pace::Paces,
    ports::{AccessReader as _, Clock},
    settings::Settings,
    telemetry,
};

/// What is left to the last page of a run, to its writes and its log.
const MARGIN: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules) = (settings.engine()?, settings.rules()?);
    let sweeping = settings.sweep()?;
    let paces = Arc::new(Paces::new(settings.sweep_share()?, Arc::new(SystemClock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")))
        .paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let access = connection.sso_admin(settings.instance_arn()?);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let inbox = connection.queue(&settings.inbox_queue_url()?);
    let wake = connection.queue(&settings.wake_queue_url()?);
    connection
        .warm_up(&[
            Service::DynamoDb,
            Service::IdentityStore,
            Service::Organizations,
            Service::S3(&rules.bucket),
            Service::Sqs,
            Service::SsoAdmin,
        ])
        .await;

    run(service_fn(async |event: LambdaEvent<Value>| {
        let instance = access.instance().await.map_err(|error| with_causes(ReadError::Instance(error)))?;
        let directory = connection.identity_store(instance.identity_store);
        let reader = Reader {
            organization: &organization,
            directory: &directory,
            access: &access,
            ledger: &ledger,
            rulebook: &rulebook,
            clock: &clock,
        };
        let sweep = Sweep {
            planner: Planner { reader, settings: engine },
            ledger: &ledger,
            inbox: &inbox,
            wake: &wake,
            settings: SweepSettings { run_for: sweeping.run_for.min(time_left(&event, &clock)), ..sweeping },
        };
        sweep::handle(sweep).await.map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}

/// How long the function may go on: Lambda stops it then, and a page is to be finished before.
fn time_left(event: &LambdaEvent<Value>, clock: &dyn Clock) -> Duration {
    let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
    let left = deadline.saturating_sub(clock.now().as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(MARGIN)
}
