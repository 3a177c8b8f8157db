//! `usher simulate`: a simulated AWS on a loopback port, with the functions reacting to its events in the same process.

mod opening;
mod outcomes;
mod rule_watch;
mod telling;

use std::{pin::pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use shared::{
    clock::ScaledClock,
    engine::{self, Published},
    local::{FolderRules, SqliteLedger},
    pace::{Paces, Share},
    ports::{Clock, LedgerReader, RulesStore},
    rules::Bundle,
    settings::Settings,
};
use tokio::{net::TcpListener, sync::mpsc::UnboundedReceiver};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::SimulateArgs,
    commands::plan::Rules,
    connect::Aws,
    ledger,
    local_runtime::{EventBus, LocalRuntime, News, Reach},
    organization_file,
    screen::count,
    stage::{Cast, EXAMPLE_RULES, Stage},
};
use opening::Functions;
use rule_watch::{Found, RuleWatch};
use telling::Telling;

/// What the functions that read may take together: what is deployed shares it out among reconcile, the sweep and the rest. The engine
/// has ten calls a second besides, and people two.
const READERS: Share = Share { sso_admin: 8.0, identity_store: 16.0, organizations: 0.75, burst: 8 };
/// The pause between two looks at what has happened, in real time.
const GLANCE: Duration = Duration::from_millis(25);
/// The pause between two looks at the rule files, in real time.
const RULES: Duration = Duration::from_secs(2);
/// How long the end waits for what is under way, in real time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs until Ctrl-C.
pub(crate) async fn run(
    arguments: &SimulateArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    // What can be wrong is found before anything is begun: first the files, then the ledger, then the port.
    let world = organization_file::world(arguments.organization.as_deref())?;
    if arguments.without_functions {
        let clock = clock(arguments, machine, world.now(), None).await?;
        let mut stage = open(arguments.port, world, clock).await?;
        let mut stop = Stop::new()?;
        opening::tell(arguments, &stage, None, screen)?;
        tokio::select! {
            () = stop.asked() => {}
            served = stage.served() => served.map_err(Failure::Served)?,
        }
        stage.close().await;
        say("Ended.", screen)?;
        return Ok(Ending::Good);
    }
    let outcomes = ledger::outcomes(arguments.outcomes.as_deref())?;
    if let Some(folder) = &arguments.reports {
        std::fs::create_dir_all(folder)
            .map_err(|source| Failure::ReportFolder { path: folder.display().to_string(), source })?;
    }
    let rules = if arguments.rules.is_empty() { example()? } else { Rules::read(&arguments.rules)? };
    let temporary;
    let path = if let Some(path) = &arguments.ledger {
        path.clone()
    } else {
        temporary = tempfile::tempdir().map_err(|source| Failure::LedgerFolder {
            path: std::env::temp_dir().display().to_string(),
            source,
        })?;
        temporary.path().join("ledger.db")
    };
    let record = ledger::file(&path)?;
    let _alone = ledger::alone(&path)?;
    let clock = clock(arguments, machine, world.now(), Some(&record)).await?;
    let stage = open(arguments.port, world, Arc::clone(&clock)).await?;
    let folder = ledger::folder(&path);
    let store: Arc<dyn RulesStore> = Arc::new(FolderRules::new(&folder));
    let paces = Arc::new(Paces::new(READERS, Arc::clone(&clock)));
    let reach = Reach {
        aws: Aws::of(&stage.ushers().paced(paces), None).await?,
        engine: Aws::of(&stage.ushers(), None).await?,
    };
    let (runtime, news) = LocalRuntime::new(
        reach,
        record,
        Arc::clone(&store),
        &path,
        Arc::clone(&clock),
        Settings::from_env().engine()?,
        outcomes,
    );
    let in_force = runtime.begin_with(&rules.bundle, &rules.on_hand).await?;
    let functions = Functions {
        files: &rules.files,
        rules: in_force.rules,
        ledger: &path,
        kept: arguments.ledger.is_some(),
    };
    let mut stop = Stop::new()?;
    opening::tell(arguments, &stage, Some(&functions), screen)?;

    let mut play = Play {
        telling: Telling::new(Cast::of(&stage.world)),
        bus: EventBus::default(),
        watch: RuleWatch::new(&arguments.rules, in_force.version),
        looked: tokio::time::Instant::now(),
        stage,
        runtime: &runtime,
        clock: clock.as_ref(),
        news,
    };
    let mut functions = pin!(runtime.run());
    tokio::select! {
        ran = &mut functions => ran?,
        () = runtime.sweep_every(arguments.sweep_every) => {}
        () = reports(&runtime, arguments) => {}
        told = play.until(&mut stop, screen) => told?,
    }
    tokio::select! {
        ran = &mut functions => ran?,
        told = play.finish(&mut stop, screen) => told?,
    }
    let kept = arguments.ledger.as_deref().map(opening::quoted);
    play.closing(kept.as_deref(), screen)?;
    play.stage.close().await;
    Ok(Ending::Good)
}

/// Makes reports, if a folder is named for them.
async fn reports(runtime: &LocalRuntime, arguments: &SimulateArgs) {
    match &arguments.reports {
        Some(folder) => runtime.audit_every(folder, arguments.audit_every).await,
        None => std::future::pending().await,
    }
}

/// The rules of the example.
fn example() -> Result<Rules, Failure> {
    let bundle = Bundle { files: [("rules.yaml".to_owned(), EXAMPLE_RULES.to_owned())].into() };
    let on_hand = engine::RulesOnHand::of(&bundle).map_err(|error| Failure::Rules(Box::new(error)))?;
    Ok(Rules { bundle, on_hand, files: Vec::new() })
}

/// The time of the world and of the functions in it. It begins now, or where a ledger that was kept, or the state of a world that was
/// written down, has got to: in a world that was hurried that is later, and time never goes back in either.
async fn clock(
    arguments: &SimulateArgs,
    machine: &Machine,
    left: Timestamp,
    record: Option<&SqliteLedger>,
) -> Result<Arc<dyn Clock>, Failure> {
    let now = machine.clock.now();
    let mut latest = now.max(left);
    if let Some(record) = record {
        latest = record.rules_in_force().await?.map_or(latest, |rules| rules.since.max(latest));
        let rows = engine::all_rows(record).await?;
        latest = rows.iter().map(|row| row.changed_at).fold(latest, Ord::max);
    }
    if arguments.speed.get() == 1 && latest == now {
        return Ok(Arc::clone(&machine.clock));
    }
    Ok(Arc::new(ScaledClock::starting_at(latest, arguments.speed)))
}

async fn open(port: u16, world: simulator::World, clock: Arc<dyn Clock>) -> Result<Stage, Failure> {
    let failed = |source| Failure::Port { port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    Stage::open(listener, world, clock).map_err(failed)
}

/// Everything that runs beside the functions.
struct Play<'a> {
    stage: Stage,
    runtime: &'a LocalRuntime,
    clock: &'a dyn Clock,
    news: UnboundedReceiver<News>,
    bus: EventBus,
    telling: Telling,
    watch: RuleWatch,
    /// When the rule files were last looked at.
    looked: tokio::time::Instant,
}

impl Play<'_> {
    /// Delivers events and tells what happens until somebody asks to end it, whatever is being waited for then.
    async fn until(&mut self, stop: &mut Stop, screen: &mut Screen<'_>) -> Result<(), Failure> {
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(()),
                done = self.turn(screen) => done?,
            }
        }
    }

    async fn turn(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        tokio::time::sleep(GLANCE).await;
        if self.stage.has_ended() {
            return self.stage.served().await.map_err(Failure::Served);
        }
        if self.looked.elapsed() >= RULES {
            self.looked = tokio::time::Instant::now();
            match self.watch.look() {
                Found::Nothing => {}
                Found::Told(text) => {
                    telling::tell(self.clock.now(), ("rules", Paint::Warning), &text, screen)?;
                }
                Found::Refused(text) => {
                    telling::tell(self.clock.now(), ("rules", Paint::Bad), &text, screen)?;
                    self.runtime.refused(None, &text).await;
                }
                Found::Changed(rules) => self.publish(rules, screen).await?,
            }
        }
        self.glance(screen).await
    }

    /// The rule files have changed: they come into force as uploaded rules do in AWS, or are refused whole, and why is told.
    async fn publish(&mut self, rules: Rules, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let version = rules.bundle.version();
        let (paint, text) = match self.runtime.publish(&rules.bundle, rules.on_hand).await {
            Ok((Published { rules, is_new: true }, forecast)) => {
                let text = format!(
                    "version {} is in force, {}. {forecast}",
                    rules.version.short(),
                    count(rules.rules, "rule", "rules")
                );
                (Paint::Accent, text)
            }
            Ok((Published { rules, is_new: false }, _)) => {
                (Paint::Faint, format!("version {} is in force already", rules.version.short()))
            }
            Err(failure) => {
                let why = shared::causes::joined(&failure);
                self.runtime.refused(Some(version.clone()), &why).await;
                (Paint::Bad, format!("version {} of the files on the disk: {why}", version.short()))
            }
        };
        telling::tell(self.clock.now(), ("rules", paint), text.trim_end(), screen)
    }

    async fn glance(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        self.bus.take(self.stage.events());
        self.bus.deliver(self.runtime, self.clock.now()).await;
        self.tell_news(screen)?;
        let quiet = self.is_quiet().await?;
        self.telling.rest(self.clock.now(), quiet, screen)
    }

    fn tell_news(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        while let Ok(news) = self.news.try_recv() {
            self.telling.news(&news, screen)?;
        }
        Ok(())
    }

    async fn is_quiet(&self) -> Result<bool, Failure> {
        Ok(self.runtime.is_quiet().await? && self.bus.is_empty() && self.news.is_empty())
    }

    /// Lets what is under way come to its end, for some seconds, unless somebody asks again. Nothing new is begun: no event is
    /// delivered any more, and no sweep made.
    async fn finish(&mut self, stop: &mut Stop, screen: &mut Screen<'_>) -> Result<(), Failure> {
        self.tell_news(screen)?;
        let under_way = self.under_way().await?;
        if under_way == 0 {
            return Ok(());
        }
        let text = format!(
            "waiting up to {} seconds for {} under way; Ctrl-C again doesn't",
            PATIENCE.as_secs(),
            count(under_way, "assignment", "assignments")
        );
        telling::tell(self.clock.now(), ("ending", Paint::Heading), &text, screen)?;
        let patience = tokio::time::sleep(PATIENCE);
        let mut patience = pin!(patience);
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(()),
                () = &mut patience => return Ok(()),
                () = tokio::time::sleep(GLANCE) => {}
            }
            self.tell_news(screen)?;
            if self.under_way().await? == 0 {
                return Ok(());
            }
        }
    }

    /// How many assignments are with AWS, or about to be sent.
    async fn under_way(&self) -> Result<usize, Failure> {
        Ok(self.runtime.ledger().work(1_000).await?.len())
    }

    fn closing(&self, kept: Option<&str>, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let telling::Totals { granted, revoked, failed } = self.telling.totals();
        let ledger = match kept {
            Some(path) => format!("The ledger is kept: usher status --ledger {path}"),
            None => "The ledger was temporary, and is gone.".to_owned(),
        };
        say(&format!("\nEnded: {granted} granted, {revoked} revoked, {failed} failed. {ledger}"), screen)
    }
}

fn say(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
}

/// Somebody asks to end it: Ctrl-C, or the signal that `kill` sends. Asked for while nobody waits, it is kept for whoever waits next.
pub(super) struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Stop {
    #[cfg(unix)]
    pub(super) fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signal)?;
        let terminate = signal(SignalKind::terminate()).map_err(Failure::Signal)?;
        Ok(Self { signals: [interrupt, terminate] })
    }

    #[cfg(windows)]
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { ctrl_c: tokio::signal::windows::ctrl_c().map_err(Failure::Signal)? })
    }

    #[cfg(unix)]
    pub(super) async fn asked(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(windows)]
    pub(super) async fn asked(&mut self) {
        self.ctrl_c.recv().await;
    }
}
