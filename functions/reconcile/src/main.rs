//! Wiring only.

use std::sync::Arc;

use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::{SystemClock, deadline},
    engine::{DeadLetters, Planner, ReadError, Reader, Reconciler, Rulebook},
    pace::Paces,
    ports::{AccessReader as _, Clock as _},
    settings::Settings,
    telemetry,
};

/// What is left to the answer, which tells the records that were not got to.
const RESERVE: SignedDuration = SignedDuration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules) = (settings.engine()?, settings.rules()?);
    let paces = Arc::new(Paces::new(settings.reconcile_share()?, Arc::new(SystemClock)));
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?.paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let access = connection.sso_admin(settings.instance_arn()?);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let wake = connection.queue(&settings.wake_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
    let dead = DeadLetters { queue: &parked, clock: &clock, receives: settings.max_receives()? };
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

    run(service_fn(async |event: LambdaEvent<_>| {
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
        let reconciler =
            Reconciler { planner: Planner { reader, settings: engine }, ledger: &ledger, wake: &wake };
        let until = deadline(SystemClock.now(), event.context.deadline(), RESERVE);
        Ok::<_, Error>(reconcile::handle(event.payload, reconciler, dead, until).await)
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
