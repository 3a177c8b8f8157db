//! `usher probe`: measures in one sandbox account what AWS does not document, by consent, and takes away what it has made for that.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use shared::{
    domain::{AssignmentKey, InstanceArn},
    ports::Ledger,
};

use crate::{
    Ending, Failure, ImportFailure, Machine, Screen,
    args::{ConnectionArgs, LedgerAt, ProbeArgs},
    connect::{self, Aws},
    failure::ProbeFailure,
    ledger, out_file,
    probe::{self, Began, Doubt, Extent, Journal, Order, Prober},
    render::{self, probe_text},
    report::{self, CleanUpReport, Left, Measured, ProbeReport},
    screen::{count, line},
    stop::Stop,
};

mod before;

use before::{Looked, PrincipalTold};

/// Measures, or cleans up after an earlier probe.
pub(crate) async fn run(
    arguments: &ProbeArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let path = arguments.journal.clone().unwrap_or_else(|| beside(&arguments.ledger.at));
    if arguments.clean_up {
        return Box::pin(clean_up(&path, arguments, connection, machine, screen)).await;
    }
    if let Some(out) = arguments.out.as_deref().filter(|out| out.symlink_metadata().is_ok()) {
        return Err(ImportFailure::OutExists { path: out.display().to_string() }.into());
    }
    if let Some(left) = Journal::open(&path)? {
        drop(left);
        return Err(ProbeFailure::Unfinished { path: path.display().to_string() }.into());
    }
    let hands = Hands::of(&arguments.ledger.at, connection, machine).await?;
    let looked = before::look(arguments, &hands, connection, machine).await?;
    let order = Order {
        steps: arguments.steps(),
        keys: looked.keys.clone(),
        repetitions: usize::try_from(arguments.repetitions).unwrap_or(1),
        status_for: arguments.status_for,
    };
    let question = format!("{}{}", question(&looked, order.extent()), without_a_ledger(&arguments.ledger.at));
    if arguments.yes {
        screen.err.write_all(format!("{question}\n").as_bytes()).map_err(Failure::Output)?;
    } else {
        screen.confirm(&format!("{question} Go on?"))?;
    }
    // Whoever was asked may have taken their time.
    let looked = before::look(arguments, &hands, connection, machine).await?;
    let at = machine.clock.now();
    let began = Began { at, instance: hands.instance.clone(), account: looked.account.clone() };
    let journal = Journal::begin(&path, began)?;
    let (measured, left, interrupted) = Box::pin(measure(&hands, &order, &journal, machine, screen)).await?;
    journal.close()?;
    let report = ProbeReport {
        format: report::FORMAT,
        at,
        instance: hands.instance,
        account: looked.account,
        settings: probe::settings(&measured),
        measured,
        interrupted,
        left,
    };
    tell(&report, arguments, screen)
}

/// What measures: one way to AWS at a command's pace, and one as fast as it goes.
struct Hands {
    ledger: Arc<dyn Ledger>,
    aws: Aws,
    fast: Aws,
    instance: InstanceArn,
}

impl Hands {
    async fn of(at: &LedgerAt, connection: &ConnectionArgs, machine: &Machine) -> Result<Self, Failure> {
        let ledger = ledger::to_read(at, connection, machine).await?;
        let aws = connect::connect(connection, machine).await?;
        let fast = connect::for_the_engine(connection, machine).await?;
        let instance = aws.access.instance().await.map_err(Failure::Instance)?.arn;
        Ok(Self { ledger, aws, fast, instance })
    }

    fn prober<'a>(
        &'a self,
        journal: &'a Journal,
        machine: &'a Machine,
        tell: &'a dyn Fn(&str),
    ) -> Result<Prober<'a>, Failure> {
        Ok(Prober {
            access: self.aws.access.as_ref(),
            fast: self.fast.access.as_ref(),
            writer: self.fast.writer.as_ref(),
            ledger: self.ledger.as_ref(),
            clock: machine.clock.as_ref(),
            journal,
            settings: connect::engine(machine)?,
            tell,
        })
    }
}

/// Measures until it is done or somebody asks to end it, and takes away what was made.
async fn measure(
    hands: &Hands,
    order: &Order,
    journal: &Journal,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<(Measured, Vec<Left>, bool), Failure> {
    let err = RefCell::new(&mut *screen.err);
    let tell = |text: &str| {
        // Whoever doesn't read on the way reads the result.
        let _ = writeln!(err.borrow_mut(), "  {}", line(text));
    };
    let prober = hands.prober(journal, machine, &tell)?;
    let mut stop = Stop::new()?;
    let mut measured = Measured::default();
    // What is under way when it is dropped is in the journal.
    let ended = tokio::select! {
        ended = prober.measure(order, &mut measured) => Some(ended?),
        () = stop.asked() => None,
    };
    tell("taking away what was made");
    let left = tokio::select! {
        left = prober.clean_up(Doubt::Leave) => left?,
        () = stop.asked() => return Err(ProbeFailure::InterruptedAgain.into()),
    };
    let Some(ended) = ended else { return Ok((measured, left, true)) };
    let interrupted = tokio::select! {
        () = prober.measure_lifetime(order, &ended, &mut measured) => false,
        () = stop.asked() => true,
    };
    Ok((measured, left, interrupted))
}

fn tell(report: &ProbeReport, arguments: &ProbeArgs, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    if arguments.json {
        render::json(report, screen)?;
    } else {
        let text = probe_text::probe(report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    if let Some(out) = &arguments.out {
        out_file::new_file(out, &probe::env_file(report))
            .map_err(|source| out_file::unwritten(out, source))?;
        writeln!(screen.err, "Written: {}.", out.display()).map_err(Failure::Output)?;
    }
    let is_good = report.left.is_empty() && !report.interrupted;
    Ok(if is_good { Ending::Good } else { Ending::Bad })
}

async fn clean_up(
    path: &Path,
    arguments: &ProbeArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let Some(journal) = Journal::open(path)? else {
        return Err(ProbeFailure::NoJournal { path: path.display().to_string() }.into());
    };
    let left = {
        let hands = Hands::of(&arguments.ledger.at, connection, machine).await?;
        if journal.began().instance != hands.instance {
            let instance = journal.began().instance.clone();
            return Err(ProbeFailure::OtherInstance { journal: instance, here: hands.instance }.into());
        }
        let err = RefCell::new(&mut *screen.err);
        let tell = |text: &str| {
            let _ = writeln!(err.borrow_mut(), "  {}", line(text));
        };
        let doubt = if arguments.even_uncertain { Doubt::TakeAway } else { Doubt::Leave };
        let left = hands.prober(&journal, machine, &tell)?.clean_up(doubt).await?;
        journal.close()?;
        left
    };
    let ending = if left.is_empty() { Ending::Good } else { Ending::Bad };
    let report = CleanUpReport { format: report::FORMAT, left };
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = probe_text::clean_up(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(ending)
}

/// The journal's place where nobody says another.
fn beside(ledger: &LedgerAt) -> PathBuf {
    match ledger {
        LedgerAt::File(path) => ledger::folder(path),
        LedgerAt::Table(_) => PathBuf::from(".usher"),
    }
    .join("probe.journal")
}

/// What is said where there is no ledger to look into.
fn without_a_ledger(at: &LedgerAt) -> String {
    match at {
        LedgerAt::File(path) if !path.exists() => format!(
            " There is no ledger at {}: whether a service of Usher's has or wants any of it is not known; --ledger names its ledger.",
            line(&path.display().to_string())
        ),
        LedgerAt::File(_) | LedgerAt::Table(_) => String::new(),
    }
}

/// What is asked before anything is made: all of it.
fn question(looked: &Looked, extent: Extent) -> String {
    let Looked { account, account_name, sets, principals, keys } = looked;
    let Extent { assignments, at_once, fast_calls } = extent;
    let mut parts = Vec::new();
    if assignments > 0 {
        let names = |key: &AssignmentKey| {
            let set = sets.get(&key.permission_set).map_or("", String::as_str);
            let principal = principals.get(&key.principal).map_or("", |told| told.name.as_str());
            line(&format!("{set} to {principal}"))
        };
        let which: Vec<String> = keys.iter().take(at_once).map(names).collect();
        parts.push(format!(
            "In account {} ({account}), assignments are made and taken away again {}, at most {at_once} of them there at once: {}.",
            line(account_name),
            count(assignments, "time", "times"),
            which.join(", ")
        ));
        let with_people = |(_, told): &(_, &PrincipalTold)| told.people != Some(0);
        for (_, PrincipalTold { name, people }) in principals.iter().filter(with_people) {
            let who = match people {
                Some(people) => format!("{} in {name} have", count(*people, "person", "people")),
                None => format!("{name} has"),
            };
            parts.push(format!("{} that access meanwhile.", line(&who)));
        }
    }
    if fast_calls > 0 {
        parts.push(format!(
            "Up to {fast_calls} calls of IAM Identity Center that change nothing are made as fast as they go: for some seconds AWS \
             may throttle everybody else in the organization."
        ));
    }
    parts.join(" ")
}
