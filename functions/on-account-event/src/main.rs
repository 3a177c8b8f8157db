//! Wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::Inbox,
    pace::Paces,
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let paces = Arc::new(Paces::new(Settings::events_share(), Arc::new(SystemClock)));
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?.paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let queue = connection.queue(&settings.inbox_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let inbox = Inbox { organization: &organization, ledger: &ledger, queue: &queue, clock: &clock };
    connection.warm_up(&[Service::DynamoDb, Service::Organizations, Service::Sqs]).await;

    run(service_fn(async |event: LambdaEvent<_>| {
        on_account_event::handle(event.payload, inbox, &parked)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
