//! `usher reprovision`: what edited permission sets wait for, what came of those before, and a push for one that can't wait.

use std::time::Duration;

use jiff::SignedDuration;
use shared::{
    domain::PermissionSetArn,
    engine::{
        self, Mark, PollMessage, Poller, ProvisioningPoll, ReprovisionSettings, Reprovisioner, Rulebook,
        RulesOnHand,
    },
    ledger::{Campaign, CampaignRecord, Order, name, reason},
    local::LocalQueue,
    ports::{LedgerReader, PortError, Queue as _},
    reprovision::{Next, Policy, Waiting},
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, LedgerAt, ReprovisionArgs},
    connect,
    desk::{self, Desk},
    keys::SetText,
    ledger,
    names::Names,
    render::{self, reprovision_text},
    report::{self, CampaignStatus, OutlookReport, RecordStatus, ReprovisionReport},
};

/// How long a push is followed to its end, where no functions do that.
const FOLLOWED: SignedDuration = SignedDuration::from_mins(30);
/// How long one run of it lasts.
const RUN: SignedDuration = SignedDuration::from_secs(50);
/// The pause between two looks at what is under way.
const GLANCE: Duration = Duration::from_millis(200);
/// How long a message is kept from others while it is worked on.
const HIDDEN: Duration = Duration::from_mins(5);

/// Tells, or pushes.
pub(crate) async fn run(
    arguments: &ReprovisionArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    match &arguments.name {
        None => list(arguments, connection, machine, screen).await,
        Some(name) if arguments.now => push(arguments, name, connection, machine, screen).await,
        Some(name) => show(arguments, name, connection, machine, screen).await,
    }
}

/// Campaigns and records, by the ledger alone.
async fn list(
    arguments: &ReprovisionArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let names = Names::remembered(ledger.as_ref()).await?;
    let campaigns = ledger.campaigns().await?;
    let records = engine::records(ledger.as_ref()).await?;
    let (orders, now) = (ledger.orders().await?, machine.clock.now());
    let rules = in_force(&arguments.ledger.at, ledger.as_ref(), connection, machine).await;
    let settings = connect::engine_asked(machine)?;
    let waiting = campaigns.iter().map(|campaign| {
        let status = status(campaign, &names);
        let Some(rules) = &rules else { return status };
        let policy = Policy {
            rules: rules.index.reprovision(),
            mode: rules.index.settings().mode,
            orders: &orders,
            management: settings.management,
            settle_after: SignedDuration::try_from(settings.settle_after).unwrap_or(SignedDuration::MAX),
        };
        match campaign.next(&policy, now) {
            Next::Wait(Waiting { why, until }) => CampaignStatus { waits_for: Some(why), until, ..status },
            Next::Look | Next::Send(_) | Next::Tell => status,
        }
    });
    let report = ReprovisionReport {
        format: report::FORMAT,
        at: now,
        campaigns: waiting.collect(),
        records: records.iter().map(|record| recorded(record, &names)).collect(),
    };
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        write(&reprovision_text::list(&report, screen.out_style), screen)?;
    }
    Ok(Ending::Good)
}

/// The rules in force, where they can be read: what they say of the time is worth telling, and nothing rests on it.
async fn in_force(
    at: &LedgerAt,
    ledger: &dyn LedgerReader,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Option<RulesOnHand> {
    let store = desk::store(at, connection, machine).await.ok()?;
    Rulebook::of_store(store).in_force(ledger).await.ok()
}

/// What would happen to one permission set, and when.
async fn show(
    arguments: &ReprovisionArgs,
    name: &SetText,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let at = &arguments.ledger.at;
    let ledger = ledger::to_use(at, connection, machine).await?;
    let desk = Desk::of(&[], ledger, at, connection, machine).await?;
    let set = name.look_up(&desk.aws, desk.ledger.as_ref()).await?;
    let queue = LocalQueue::standard(std::sync::Arc::clone(&machine.clock));
    let outlook = reprovisioner(&desk, &desk.aws, &queue, &queue, &set).outlook(&set).await;
    let outlook = outlook.map_err(Failure::Reprovision)?;
    let names = names(&desk, name, &set).await?;
    let records = engine::records(desk.ledger.as_ref()).await?;
    let of_it = records.iter().filter(|record| record.permission_set == set);
    let last = of_it.max_by_key(|record| record.ended);
    let (why, until) = match &outlook.next {
        Some(Next::Wait(Waiting { why, until })) => (Some(why.clone()), *until),
        Some(Next::Look | Next::Send(_) | Next::Tell) | None => (None, None),
    };
    let report = OutlookReport {
        format: report::FORMAT,
        at: machine.clock.now(),
        name: names.permission_set(&set),
        gone: outlook.gone,
        campaign: outlook.campaign.as_ref().map(|campaign| status(campaign, &names)),
        waits_for: why,
        until,
        named_waves: outlook.named_waves,
        waves: outlook.waves.into_iter().map(|(wave, accounts)| (wave + 1, accounts)).collect(),
        left_out: outlook.left_out,
        left_out_waves: outlook.left_out_waves.into_iter().map(|wave| wave + 1).collect(),
        last: last.map(|record| recorded(record, &names)),
        permission_set: set,
    };
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        write(&reprovision_text::outlook(&report, screen.out_style), screen)?;
    }
    Ok(Ending::Good)
}

/// At once, whatever the rules say of the time.
async fn push(
    arguments: &ReprovisionArgs,
    name: &SetText,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger_at = &arguments.ledger.at;
    let ledger = ledger::to_use(ledger_at, connection, machine).await?;
    let desk = Desk::of(&[], ledger, ledger_at, connection, machine).await?;
    let set = name.look_up(&desk.aws, desk.ledger.as_ref()).await?;
    let by = self::name(&arguments.by.by);
    if by.is_empty() {
        return Err(Failure::Consent(engine::consent::ConsentError::Nameless));
    }
    let queue = LocalQueue::standard(std::sync::Arc::clone(&machine.clock));
    let observed = reprovisioner(&desk, &desk.aws, &queue, &queue, &set).is_observed().await;
    let observed = observed.map_err(Failure::Reprovision)?;
    let order = Order { by, at: machine.clock.now(), reason: reason(&arguments.by.reason) };
    let mark = engine::push(desk.ledger.as_ref(), machine.clock.as_ref(), &set, &order).await?;
    let joined = match mark {
        Mark::Begun => "",
        Mark::Joined | Mark::Known => " It was under way or waiting already, and waits no more.",
    };
    let orders = desk.ledger.orders().await?;
    if orders.stop_everything() {
        let text = if orders.pause.is_some() {
            "Usher is paused, so nothing is sent until `usher resume`."
        } else {
            "The ledger is in doubt, so nothing is sent until `usher ledger confirm`."
        };
        return super::orders::say(screen, &format!("Pushed.{joined} {text}"));
    }
    if observed {
        let text = "The rules only observe, so nothing is sent while they do.";
        return super::orders::say(screen, &format!("Pushed.{joined} {text}"));
    }
    match ledger_at {
        LedgerAt::Table(_) => {
            let text =
                "The functions send it within a minute or two; `usher reprovision` shows how far it is.";
            super::orders::say(screen, &format!("Pushed.{joined} {text}"))
        }
        LedgerAt::File(_) => {
            super::orders::say(screen, &format!("Pushed.{joined}"))?;
            Box::pin(follow(&desk, (name, &set), connection, machine, screen)).await
        }
    }
}

/// Sends it and follows it to its end, and no other: what else is due has its time. Functions that work on the same ledger do no harm: it is
/// done under the engine's lease.
async fn follow(
    desk: &Desk,
    (name, set): (&SetText, &PermissionSetArn),
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let Some(campaign) = desk.ledger.campaign(set).await? else { return Ok(Ending::Good) };
    let in_charge = connect::for_the_engine(connection, machine).await?;
    let clock = machine.clock.as_ref();
    let queue = || LocalQueue::standard(std::sync::Arc::clone(&machine.clock));
    let (polls, wake) = (queue(), queue());
    let reprovisioner = reprovisioner(desk, &in_charge, &polls, &wake, set);
    let poller = Poller {
        access: in_charge.access.as_ref(),
        ledger: desk.ledger.as_ref(),
        inbox: &wake,
        wake: &wake,
        polls: &polls,
        clock,
    };
    let holder = format!("usher-reprovision-{}", std::process::id());
    let end = clock.now() + FOLLOWED;
    // The messages of a command that was broken off have gone with it.
    for poll in campaign.sent.iter().filter_map(|sent| ProvisioningPoll::of(&campaign, sent)) {
        look_at(&poller, &poll).await?;
    }
    while clock.now() < end {
        let mut run = std::pin::pin!(reprovisioner.run(&holder, (clock.now() + RUN).min(end)));
        let mut looked = Ok(());
        // INVARIANT: a run is never dropped: what AWS has answered is written down. It ends by itself, and soon where nothing is left.
        let summary = loop {
            tokio::select! {
                ran = &mut run => break ran.map_err(Failure::Reprovision)?,
                () = clock.sleep(GLANCE), if looked.is_ok() => looked = look(&poller, &polls).await,
            }
        };
        looked?;
        if is_over(desk, &campaign).await? {
            let names = names(desk, name, set).await?;
            let records = engine::records(desk.ledger.as_ref()).await?;
            let of_it = |record: &&CampaignRecord| {
                record.permission_set == campaign.permission_set && record.began == campaign.began
            };
            let Some(record) = records.iter().find(of_it) else { return Ok(Ending::Good) };
            write(&reprovision_text::record(&recorded(record, &names), screen.out_style), screen)?;
            let is_good = record.failed.is_empty() && record.not_begun.is_empty();
            return Ok(if is_good { Ending::Good } else { Ending::Bad });
        }
        if summary.troubled > 0 || summary.sent == 0 {
            look(&poller, &polls).await?;
            clock.sleep(Duration::from_secs(1)).await;
        }
    }
    let text = "It is still under way: `usher reprovision` shows how far it is, and the functions, or the same command, go on with it.";
    super::orders::say(screen, text)?;
    Ok(Ending::Bad)
}

/// The names that the ledger remembers, and that of the one that is asked about: rules need not name it.
async fn names(desk: &Desk, asked: &SetText, set: &PermissionSetArn) -> Result<Names, Failure> {
    let name = match asked {
        SetText::Name(name) => Some(name.clone()),
        // One that is gone has none.
        SetText::Id(_) => desk.aws.access.permission_set_name(set).await.map_err(Failure::LookUp)?,
    };
    Ok(Names::remembered(desk.ledger.as_ref()).await?.with_permission_set(set, name))
}

async fn is_over(desk: &Desk, campaign: &Campaign) -> Result<bool, Failure> {
    let now = desk.ledger.campaign(&campaign.permission_set).await?;
    Ok(now.is_none_or(|now| now.began != campaign.began))
}

/// Looks at what is under way, as far as it is due.
async fn look(poller: &Poller<'_>, polls: &LocalQueue) -> Result<(), Failure> {
    for message in polls.receive(10, HIDDEN).await.map_err(Failure::Queue)? {
        if let Ok(PollMessage::Provisioning(poll)) = PollMessage::from_body(&message.body) {
            look_at(poller, &poll).await?;
        }
        polls.acknowledge(&message.receipt).await.map_err(Failure::Queue)?;
    }
    Ok(())
}

/// Looks at one, which then comes again by itself if it has to.
async fn look_at(poller: &Poller<'_>, poll: &ProvisioningPoll) -> Result<(), Failure> {
    let looked = poller.look_at_provisioning(poll).await;
    looked.map_err(|error| Failure::Queue(PortError::Failed(shared::causes::joined(&error))))?;
    Ok(())
}

fn reprovisioner<'a>(
    desk: &'a Desk,
    in_charge: &'a connect::Aws,
    polls: &'a LocalQueue,
    wake: &'a LocalQueue,
    only: &'a PermissionSetArn,
) -> Reprovisioner<'a> {
    let planner = desk.planner();
    Reprovisioner {
        reader: planner.reader,
        in_charge: in_charge.access.as_ref(),
        writer: in_charge.writer.as_ref(),
        ledger: desk.ledger.as_ref(),
        polls,
        wake,
        settings: planner.settings,
        // What nobody asked for is the schedule's to look for.
        schedule: ReprovisionSettings { looks: false, ..ReprovisionSettings::default() },
        only: Some(only),
    }
}

fn status(campaign: &Campaign, names: &Names) -> CampaignStatus {
    CampaignStatus {
        name: names.permission_set(&campaign.permission_set),
        campaign: campaign.clone(),
        under_way: campaign.sent.len(),
        waits_for: None,
        until: None,
    }
}

fn recorded(record: &CampaignRecord, names: &Names) -> RecordStatus {
    RecordStatus { name: names.permission_set(&record.permission_set), record: record.clone() }
}

fn write(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)
}
