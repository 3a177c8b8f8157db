//! Wiring only.

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::{DeadLetters, Provisioner},
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
        let Context { request_id, .. } = &event.context;
        let until = deadline(&event.context);
        // The tick of a schedule is no batch of wakes: it wakes all the same.
        let wakes = serde_json::from_value(event.payload).unwrap_or_default();
        provision::handle_or_park(wakes, provisioner, request_id, until, dead)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}

/// When the run has to end, by the time that Lambda gives the function.
fn deadline(context: &Context) -> Timestamp {
    let end = context.deadline().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let end = i64::try_from(end.as_millis()).ok().and_then(|end| Timestamp::from_millisecond(end).ok());
    end.and_then(|end| end.checked_sub(provision::RESERVE).ok()).unwrap_or(Timestamp::MAX)
}
