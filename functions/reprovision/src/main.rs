//! Wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::{SystemClock, deadline},
    engine::{DeclaredSets, ReadError, Reader, Reprovisioner, Rulebook, SetKeeper},
    pace::Paces,
    ports::{AccessReader as _, Clock as _},
    settings::Settings,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules, schedule) = (settings.engine()?, settings.rules()?, settings.reprovision()?);
    let clock = SystemClock;
    let paces = |share| Arc::new(Paces::new(share, Arc::new(clock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")));
    // What is done under the engine's lease has the engine's share, since the engine itself stands still then.
    let in_charge = connection.clone().paced(paces(Settings::engine_share(&engine)));
    let in_charge = in_charge.sso_admin(settings.instance_arn()?);
    let connection = connection.paced(paces(settings.reprovision_share()?));
    let access = connection.sso_admin(settings.instance_arn()?);
    let organization = connection.organizations();
    let ledger = connection.ledger(&settings.ledger_table()?);
    let witness = connection.witness(&rules.bucket, &rules.prefix);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let polls = connection.queue(&settings.poll_queue_url()?);
    let wake = connection.queue(&settings.wake_queue_url()?);
    connection
        .warm_up(&[
            Service::DynamoDb,
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
        let reprovisioner = Reprovisioner {
            reader,
            in_charge: &in_charge,
            writer: &in_charge,
            ledger: &ledger,
            polls: &polls,
            wake: &wake,
            settings: engine,
            schedule,
            only: None,
        };
        let keeper = SetKeeper {
            declared: DeclaredSets { reader, sets: &access, settings: engine },
            in_charge: &in_charge,
            lists_in_charge: &in_charge,
            writer: &in_charge,
            ledger: &ledger,
            wake: &wake,
            witness: &witness,
        };
        let until = deadline(SystemClock.now(), event.context.deadline(), reprovision::RESERVE);
        reprovision::handle(keeper, reprovisioner, &event.context.request_id, until)
            .await
            .map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}
