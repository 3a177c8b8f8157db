//! What has to be there before it runs. What can be wrong is found in this order: files, the ledger, the settings, AWS, the rules.

use std::{path::Path, sync::Arc, time::Duration};

use shared::{
    aws::Connection,
    engine::{self, AuditSettings, RulesOnHand, SweepSettings},
    ledger::Row,
    pace::{Paces, Share},
    ports::{OutcomeBus, PortError, Queue},
    settings::Settings,
};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    Failure, Machine,
    args::{ConnectionArgs, LedgerAt, RunArgs},
    commands::plan::Rules,
    connect::{self, Aws},
    ledger::{self, Alone},
    local_runtime::{FedQueues, Ground, InHand, LocalRuntime, Manner, News, Reach, UploadPlace},
    telling::{NotedOrganization, Remembered},
};

/// The pause between two sweeps, if nobody says another: the deployed service's.
const SWEEP: Duration = Duration::from_mins(30);
/// How long a call waits for messages of SQS. The end waits for it too.
const WAIT: Duration = Duration::from_secs(5);
/// More than an engine has under way, or soon, in a small organization; what is beyond is told by the outcomes alone.
const LEFT: usize = 10_000;
/// The pause between two looks for outcomes to tell, where a look costs money.
const TOLD: Duration = Duration::from_secs(10);

/// What runs, and what it runs on.
pub(super) struct Service {
    pub(super) runtime: LocalRuntime,
    pub(super) news: UnboundedReceiver<News>,
    pub(super) names: Arc<Remembered>,
    /// The queue that events come by.
    pub(super) events: Option<Arc<InHand>>,
    pub(super) events_url: Option<String>,
    pub(super) sweep_every: Duration,
    /// The rules in force.
    pub(super) rules: RulesOnHand,
    /// What an earlier run has left under way, if there was one.
    pub(super) left: Option<Vec<Row>>,
    /// Held as long as it runs.
    pub(super) alone: Option<Alone>,
}

impl Service {
    /// Finds everything, and brings the rules into force that were given.
    pub(super) async fn begin(
        arguments: &RunArgs,
        connection: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        let given = if arguments.rules.is_empty() { None } else { Some(Rules::read(&arguments.rules)?) };
        if let Some(folder) = &arguments.reports {
            std::fs::create_dir_all(folder)
                .map_err(|source| Failure::ReportFolder { path: folder.display().to_string(), source })?;
        }
        let settings = Settings::from_env();
        let (manner, sweep_every) = manner(arguments, machine, &settings)?;
        let role = settings.management_role_arn()?;
        let aws = connect::connection(connection, machine).await.with_management_role(role, "usher-run");
        if given.is_none() {
            // Without rules there has to be a ledger that has some.
            ledger::to_use(&arguments.ledger.at, connection, machine).await?;
        }
        let (ground, alone) = ground(arguments, &aws, machine, &settings)?;
        if given.is_none() && ground.ledger.rules_in_force().await?.is_none() {
            return Err(Failure::NothingInForce { ledger: arguments.ledger.at.to_string() });
        }
        let events_url = match &arguments.events_queue {
            Some(url) => Some(url.clone()),
            None => settings.events_queue_url()?,
        };
        can_be_read(arguments, events_url.as_deref(), &aws, &settings).await?;
        let events = events_url.as_deref().map(|url| InHand::of(Arc::new(aws.queue(url).waiting(WAIT))));

        let auditing = AuditSettings { region: aws.region().map(str::to_owned), ..AuditSettings::default() };
        let manner = Manner { auditing, ..manner };
        let names = Arc::new(Remembered::default());
        let reach = reach(&aws, connection, machine, (&settings, &manner), &names).await?;
        // Before anything is written: rules in the ledger of another instance would be carried out there.
        engine::of_this_instance(ground.ledger.as_ref(), reach.aws.access.as_ref())
            .await
            .map_err(Failure::Read)?;
        let (runtime, news) = LocalRuntime::new(reach, ground, Arc::clone(&machine.clock), manner);
        if let Some(Rules { bundle, on_hand, files: _ }) = &given {
            Box::pin(runtime.take_up(bundle, on_hand)).await?;
        }
        let rules = runtime.rules_in_force().await?;
        names.learn(runtime.ledger()).await?;
        let left = if runtime.ledger().rows(None).await?.items.is_empty() {
            None
        } else {
            Some(runtime.ledger().work(LEFT).await?)
        };
        Ok(Self { runtime, news, names, events, events_url, sweep_every, rules, left, alone })
    }
}

/// Whether the queues that are read can be: one that it can never hear from is told now, and not each time that it is asked. What may pass is waited for.
async fn can_be_read(
    arguments: &RunArgs,
    events: Option<&str>,
    aws: &Connection,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut urls: Vec<String> = events.map(str::to_owned).into_iter().collect();
    if arguments.deployed_queues && matches!(arguments.ledger.at, LedgerAt::Table(_)) {
        urls.extend([settings.inbox_queue_url()?, settings.wake_queue_url()?, settings.poll_queue_url()?]);
    }
    for url in urls {
        match aws.receives_from(&url).await {
            Ok(()) => {}
            Err(PortError::NotFound(_)) => return Err(Failure::NoQueue { url }),
            Err(error) if error.is_transient() => {}
            Err(source) => return Err(Failure::Unheard { url, source }),
        }
    }
    Ok(())
}

/// How the functions go about it, and how often they sweep.
fn manner(
    arguments: &RunArgs,
    machine: &Machine,
    settings: &Settings,
) -> Result<(Manner, Duration), Failure> {
    let sweep = settings.sweep()?;
    let set = Some(sweep.every).filter(|every| !every.is_zero());
    let sweep_every = arguments.sweep_every.or(set).unwrap_or(SWEEP);
    let manner = Manner::of(connect::engine(machine)?);
    let manner = Manner {
        sweep: SweepSettings { every: sweep_every, ..sweep },
        reprovision: settings.reprovision()?,
        own_roles: settings.own_roles()?,
        receives: settings.max_receives()?,
        told: match &arguments.ledger.at {
            LedgerAt::File(_) => manner.told,
            LedgerAt::Table(_) => TOLD,
        },
        ..manner
    };
    Ok((manner, sweep_every))
}

/// The ledger, and what belongs to it: beside its file, or where the deployed functions have it.
fn ground(
    arguments: &RunArgs,
    aws: &Connection,
    machine: &Machine,
    settings: &Settings,
) -> Result<(Ground, Option<Alone>), Failure> {
    let table = match &arguments.ledger.at {
        LedgerAt::File(path) => {
            if arguments.deployed_queues {
                return Err(Failure::QueuesOfOthers { ledger: path.display().to_string() });
            }
            return beside(path, arguments, machine);
        }
        LedgerAt::Table(table) => table,
    };
    let rules = settings.rules()?;
    let outcomes: Arc<dyn OutcomeBus> = match &arguments.outcomes {
        Some(path) => Arc::new(ledger::outcomes(Some(path))?),
        None => Arc::new(aws.outcome_bus(&settings.outcome_bus()?)),
    };
    let queues = if arguments.deployed_queues {
        let urls = [settings.inbox_queue_url()?, settings.wake_queue_url()?, settings.poll_queue_url()?];
        FedQueues::shared(urls.map(|url| Arc::new(aws.queue(&url).waiting(WAIT)) as Arc<dyn Queue>))
    } else {
        FedQueues::in_process(&machine.clock)
    };
    let ground = Ground {
        ledger: Arc::new(aws.ledger(table)),
        rules: Arc::new(aws.rules(&rules.bucket, &rules.prefix)),
        witness: Arc::new(aws.witness(&rules.bucket, &rules.prefix)),
        queues,
        parked: Arc::new(aws.queue(&settings.parked_queue_url()?)),
        retries: None,
        outcomes,
        uploads: Some(UploadPlace {
            uploads: Arc::new(aws.uploads(&rules.bucket)),
            incoming: rules.incoming(),
            bucket: rules.bucket,
        }),
    };
    Ok((ground, None))
}

fn beside(path: &Path, arguments: &RunArgs, machine: &Machine) -> Result<(Ground, Option<Alone>), Failure> {
    let outcomes = ledger::outcomes(arguments.outcomes.as_deref())?;
    let record = ledger::file(path)?;
    let alone = ledger::alone(path)?;
    Ok((Ground::beside(path, record, outcomes, &machine.clock), Some(alone)))
}

/// The ways to AWS, each at its pace.
async fn reach(
    aws: &Connection,
    arguments: &ConnectionArgs,
    machine: &Machine,
    (settings, manner): (&Settings, &Manner),
    names: &Arc<Remembered>,
) -> Result<Reach, Failure> {
    let paced = |share: Share| {
        // What stands in for AWS is called by nobody else.
        if machine.connection.is_some() {
            return aws.clone();
        }
        aws.clone().paced(Arc::new(Paces::new(share, Arc::clone(&machine.clock))))
    };
    let instance = || arguments.instance_arn.clone();
    let readers = Aws::of(&paced(settings.readers_share()?), instance()).await?;
    let organization = Arc::new(NotedOrganization::new(Arc::clone(&readers.organization), Arc::clone(names)));
    Ok(Reach {
        aws: Aws { organization, ..readers },
        engine: Aws::of(&aws.clone().sent_once(), instance()).await?,
        in_charge: Aws::of(&paced(Settings::engine_share(&manner.engine)), instance()).await?,
    })
}
