//! Wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::{SystemClock, deadline},
    engine::{DeadLetters, Provisioner},
    ports::Clock as _,
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules) = (settings.engine()?, settings.rules()?);
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")));
    // The engine repeats calls itself, so that each has its turn in the engine's share.
    let (access, clock) = (connection.clone().sent_once().sso_admin(settings.instance_arn()?), SystemClock);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let inbox = connection.queue(&settings.inbox_queue_url()?);
    let wake = connection.queue(&settings.wake_queue_url()?);
    let polls = connection.queue(&settings.poll_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
    let witness = connection.witness(&rules.bucket, &rules.prefix);
    let dead = DeadLetters { queue: &parked, clock: &clock, receives: settings.max_receives()? };
    connection
        .warm_up(&[Service::DynamoDb, Service::S3(&rules.bucket), Service::Sqs, Service::SsoAdmin])
        .await;

    run(service_fn(async |event: LambdaEvent<Value>| {
        let provisioner = Provisioner {
            access: &access,
            writer: &access,
            ledger: &ledger,
            inbox: &inbox,
            wake: &wake,
            polls: Some(&polls),
            witness: &witness,
            clock: &clock,
            settings: engine,
            called_off: None,
        };
        let request_id = &event.context.request_id;
        let until = deadline(SystemClock.now(), event.context.deadline(), provision::RESERVE);
        // The tick of a schedule is no batch of wakes: it wakes all the same.
        let wakes = serde_json::from_value(event.payload).unwrap_or_default();
        provision::handle_or_park(wakes, provisioner, request_id, until, dead)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
