//! Wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::{Rulebook, Tick},
    pace::Paces,
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules) = (settings.engine()?, settings.rules()?);
    let paces = Arc::new(Paces::new(Settings::tick_share(), Arc::new(SystemClock)));
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?.paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let inbox = connection.queue(&settings.inbox_queue_url()?);
    let wake = connection.queue(&settings.wake_queue_url()?);
    let outcomes = connection.outcome_bus(&settings.outcome_bus()?);
    let witness = connection.witness(&rules.bucket, &rules.prefix);
    let tick = Tick {
        organization: &organization,
        ledger: &ledger,
        rulebook: &rulebook,
        inbox: &inbox,
        wake: &wake,
        outcomes: &outcomes,
        witness: &witness,
        clock: &clock,
        settings: engine,
    };
    connection
        .warm_up(&[
            Service::DynamoDb,
            Service::EventBridge,
            Service::Organizations,
            Service::S3(&rules.bucket),
            Service::Sqs,
        ])
        .await;

    run(service_fn(async |_: LambdaEvent<Value>| {
        tick::handle(tick).await.map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
