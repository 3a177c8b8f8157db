//! Wiring only.

use std::{sync::Arc, time::Duration};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::{
    aws::{Connection, Service},
    causes::{WithCauses, with_causes},
    clock::SystemClock,
    engine::{Auditor, ReadError, Reader, ReportSettings, Reporter, Rulebook, Steps},
    pace::Paces,
    ports::{AccessReader as _, Clock},
    settings::Settings,
    telemetry,
};

/// What is left to the draft that is kept at the end of a run, or to the report and its log.
const MARGIN: Duration = Duration::from_mins(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WithCauses> {
    telemetry::init();
    let settings = Settings::from_env();
    let (engine, rules, reports) = (settings.engine()?, settings.rules()?, settings.reports()?);
    let (auditing, reporting) = (settings.auditing(), settings.audit()?);
    let paces = Arc::new(Paces::new(settings.audit_share()?, Arc::new(SystemClock)));
    let role = settings.management_role_arn()?;
    let connection = Connection::of_function(|variable| settings.of_aws(variable))?
        .with_management_role(role, concat!("usher-", env!("CARGO_PKG_NAME")))
        .paced(paces);
    let (organization, clock) = (connection.organizations(), SystemClock);
    let access = connection.sso_admin(settings.instance_arn()?);
    let ledger = connection.ledger(&settings.ledger_table()?);
    let rulebook = Rulebook::of_store(Arc::new(connection.rules(&rules.bucket, &rules.prefix)));
    let store = connection.reports(&reports.bucket, &reports.prefix);
    connection
        .warm_up(&[
            Service::DynamoDb,
            Service::IdentityStore,
            Service::Organizations,
            Service::S3(&rules.bucket),
            Service::S3(&reports.bucket),
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
        let reporter = Reporter {
            auditor: Auditor {
                reader,
                sets: &access,
                settings: engine,
                auditing: &auditing,
                steps: &Steps::default(),
            },
            ledger: &ledger,
            reports: &store,
            settings: ReportSettings {
                run_for: reporting.run_for.min(time_left(&event, &clock)),
                ..reporting
            },
        };
        audit::handle(reporter).await.map_err(|error| Error::from(with_causes(error)))
    }))
    .await
    .map_err(|error| WithCauses::of(&*error))
}

/// How long the function may go on: Lambda stops it then.
fn time_left(event: &LambdaEvent<Value>, clock: &dyn Clock) -> Duration {
    let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
    let left = deadline.saturating_sub(clock.now().as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(MARGIN)
}
