//! Wiring only.

use std::sync::Arc;

use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use on_rules_change::Place;
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::{SystemClock, deadline},
    engine::{Incoming, ReadError, Reader, Rulebook},
    pace::Paces,
    ports::{AccessReader, Clock as _},
    settings::Settings,
    telemetry,
};

/// What is left to bringing into force what was planned, to the hints, and to the answer.
const RESERVE: SignedDuration = SignedDuration::from_mins(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules) = (settings.engine()?, settings.rules()?);
    let prefix = rules.incoming();
    let paces = Arc::new(Paces::new(settings.command_share()?, Arc::new(SystemClock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")))
        .paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let sso_admin = Arc::new(connection.sso_admin(settings.instance_arn()?));
    let access: Arc<dyn AccessReader> = Arc::clone(&sso_admin) as _;
    let ledger = connection.ledger(&settings.ledger_table()?);
    let (store, uploads) =
        (Arc::new(connection.rules(&rules.bucket, &rules.prefix)), connection.uploads(&rules.bucket));
    let rulebook = Rulebook::of_store(store.clone());
    let inbox = connection.queue(&settings.inbox_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
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
        let place = Place { bucket: &rules.bucket, incoming: &prefix };
        let instance = match access.instance().await.map_err(ReadError::Instance) {
            Ok(instance) => instance,
            Err(error) => {
                on_rules_change::put_off(&event.payload, place, &uploads, &clock, &error).await;
                return Err(Error::from(with_causes(error)));
            }
        };
        let directory = connection.identity_store(instance.identity_store);
        let reader = Reader {
            organization: &organization,
            directory: &directory,
            access: access.as_ref(),
            ledger: &ledger,
            rulebook: &rulebook,
            clock: &clock,
        };
        let incoming = Incoming {
            uploads: &uploads,
            store: store.as_ref(),
            reader,
            access: &access,
            sets: sso_admin.as_ref(),
            ledger: &ledger,
            inbox: &inbox,
            settings: engine,
        };
        let until = deadline(SystemClock.now(), event.context.deadline(), RESERVE);
        on_rules_change::handle(event.payload, place, incoming, &parked, until)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
