//! Wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::{CenterInbox, Inbox, ReadError, Rulebook},
    pace::Paces,
    ports::AccessReader as _,
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules, own_roles) = (settings.engine()?, settings.rules()?, settings.own_roles()?);
    let paces = Arc::new(Paces::new(Settings::events_share(), Arc::new(SystemClock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")))
        .paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let access = connection.sso_admin(settings.instance_arn()?);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let queue = connection.queue(&settings.inbox_queue_url()?);
    let parked = connection.queue(&settings.parked_queue_url()?);
    let inbox = Inbox { organization: &organization, ledger: &ledger, queue: &queue, clock: &clock };
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
        let inbox = CenterInbox {
            inbox,
            directory: &directory,
            access: &access,
            rulebook: &rulebook,
            own_roles: &own_roles,
            facts_age: engine.facts_age,
        };
        on_permission_set_event::handle(event.payload, inbox, &parked)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
