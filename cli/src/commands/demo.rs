//! `usher demo`: the whole of Usher on one machine, against a simulated AWS: from the event to the provisioned assignment.

mod check;
mod person;
mod timeline;

use std::{fs, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use shared::{
    clock::SystemClock,
    domain::AccountId,
    engine::{EngineSettings, RulesOnHand},
    ledger::Row,
    local::{OutcomeFile, SqliteLedger},
    plan::WithheldReason,
    ports::Clock,
    rules::{self, Bundle},
};
use tokio::{net::TcpListener, sync::mpsc::UnboundedReceiver};

use crate::{
    Ending, Failure, Paint, Screen,
    args::DemoArgs,
    connect::Aws,
    local_runtime::{Ground, LocalRuntime, Manner, News, Reach},
    stage::{EXAMPLE_RULES as RULES, Stage, WorldCast},
    telling::Cast as _,
};
use person::Person;
use timeline::{Tally, Timeline, seconds};

/// The account that is created.
const NEW_ACCOUNT: &str = "payments-labs";
const ITS_OU: &str = "Workloads/Development";
const ITS_TAGS: [(&str, &str); 2] = [("Environment", "Development"), ("Team", "payments")];

/// The demo takes a fraction of this. Something is wrong if it does not end by then.
const LIMIT: Duration = Duration::from_secs(90);
/// The pause between two looks at whether everything has come to rest.
const GLANCE: Duration = Duration::from_millis(25);

/// Runs the demo.
pub(crate) async fn run(arguments: &DemoArgs, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    let temporary;
    let folder = if let Some(folder) = &arguments.keep {
        claim(folder)?;
        folder.as_path()
    } else {
        temporary = tempfile::tempdir().map_err(Failure::DemoFolder)?;
        temporary.path()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let scene = |error| person::scene("a loopback port", error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(scene)?;
    let stage = Stage::open(listener, person::world(arguments.speed)?, Arc::clone(&clock)).map_err(scene)?;
    let path = folder.join("ledger.db");
    let ledger = SqliteLedger::open(&path)
        .map_err(|source| Failure::OpenLedger { path: path.display().to_string(), source })?;
    let bundle = Bundle { files: [("rules.yaml".to_owned(), RULES.to_owned())].into() };
    let aws = Aws::of(&stage.ushers(), None).await?;
    let settings = EngineSettings {
        // The simulated AWS answers sooner than AWS does, so the engine looks sooner.
        tick: Duration::from_millis(250),
        rate: 16,
        ..EngineSettings::default()
    };
    let reach = Reach { engine: aws.clone(), in_charge: aws.clone(), aws };
    let ground = Ground::beside(&path, ledger, OutcomeFile::none(), &clock);
    let (runtime, news) = LocalRuntime::new(reach, ground, Arc::clone(&clock), Manner::of(settings));
    let rules = RulesOnHand::of(&bundle).map_err(|error| Failure::Rules(Box::new(error)))?;
    runtime.begin_with(&bundle, &rules).await?;
    if arguments.keep.is_some() {
        fs::write(folder.join("rules.yaml"), RULES).map_err(Failure::DemoFolder)?;
    }

    let started = clock.now();
    let tale = Story {
        stage: &stage,
        runtime: &runtime,
        clock: clock.as_ref(),
        cast: WorldCast::of(&stage.world),
        news,
        timeline: Timeline::begin(started),
        started,
    };
    let told = async { tokio::time::timeout(LIMIT, tale.tell(arguments, screen)).await };
    tokio::select! {
        told = told => told.unwrap_or(Err(Failure::DemoTooLong { limit: LIMIT }))?,
        () = runtime.run() => {}
    }
    Ok(Ending::Good)
}

/// Makes the folder that is to be kept, or finds it empty.
fn claim(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::DemoFolder)?;
    let mut content = fs::read_dir(folder).map_err(Failure::DemoFolder)?;
    if content.next().is_some() {
        return Err(Failure::DemoFolderInUse { path: folder.display().to_string() });
    }
    Ok(())
}

/// The story, and who takes part in it.
struct Story<'a> {
    stage: &'a Stage,
    runtime: &'a LocalRuntime,
    clock: &'a dyn Clock,
    cast: WorldCast,
    news: UnboundedReceiver<News>,
    timeline: Timeline,
    started: Timestamp,
}

impl Story<'_> {
    async fn tell(mut self, arguments: &DemoArgs, screen: &mut Screen<'_>) -> Result<(), Failure> {
        self.opening(screen)?;
        let before = self.stage.world().assignments();

        heading("1. The rules come into force, and a sweep looks at everything", screen)?;
        self.first_sweep(screen).await?;

        heading(
            &format!("2. Somebody creates the account {NEW_ACCOUNT}, tags it, and moves it to its place"),
            screen,
        )?;
        let person = Person::at(&self.stage.of_key(person::KEY));
        let account = self.create(&person, screen).await?;
        self.person("TagResource Environment=Development, Team=payments", screen)?;
        person.tag(&account, &ITS_TAGS).await?;
        self.follow(screen).await?;
        let ou = self.stage.world().ou_at(ITS_OU).ok_or_else(|| {
            person::scene("the OU of the new account", std::io::Error::other("it is not in the organization"))
        })?;
        self.person(&format!("MoveAccount to {ITS_OU}"), screen)?;
        person.move_account(&account, &ou).await?;
        self.follow(screen).await?;

        heading(&format!("3. Who has what in {NEW_ACCOUNT} ({account}) now"), screen)?;
        let end = check::end(self.runtime, self.stage, &before, &account).await?;
        self.table(&end.rows, screen)?;
        let text = format!(
            "\n  {} Checked against the simulated AWS: {} assignments are Usher's and in its ledger, each wanted by a rule;\n    \
             the {} that people had made are untouched; and Usher would do nothing more. All of it took {}.",
            screen.out_style.paint(Paint::Good, "✓"),
            end.ushers,
            end.others,
            seconds(since(self.started, self.clock.now())),
        );
        say(&text, screen)?;
        closing(arguments, screen)
    }

    fn opening(&self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let text = format!(
            "{}\n\n  \
             The stage     a simulated AWS at {}: Organizations, Identity Store and SSO Admin, as AWS speaks them\n  \
             The players   Usher's Lambda handlers with the AWS SDK, a ledger in SQLite, queues in this process\n  \
             The rules     cli/examples/rules.yaml; nothing here touches your AWS",
            screen.out_style.paint(Paint::Heading, "Usher, on this machine alone"),
            self.stage.endpoint,
        );
        say(&text, screen)
    }

    async fn first_sweep(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let rules = rules::read(&Bundle { files: [("rules.yaml".to_owned(), RULES.to_owned())].into() })
            .map_err(|error| Failure::Rules(Box::new(error)))?;
        let in_force = format!("{} rules and {} `never` are in force", rules.rules.len(), rules.never.len());
        self.timeline.tell(self.clock.now(), ("rules", Paint::Accent), &in_force, screen)?;
        let found = self.runtime.sweep().await?;
        let text =
            format!("{} accounts looked at, {} differ from the rules", found.accounts, found.differing);
        self.timeline.tell(self.clock.now(), ("sweep", Paint::Accent), &text, screen)?;

        let (mut tally, mut told) = (Tally::default(), Tally::default());
        let mut next = self.clock.now();
        loop {
            self.deliver().await?;
            while let Ok(news) = self.news.try_recv() {
                self.timeline.count(&news, &mut tally);
            }
            let quiet = self.runtime.is_quiet().await? && self.news.is_empty();
            let now = self.clock.now();
            if tally != told && (quiet || now >= next) {
                told = tally;
                next = now.checked_add(jiff::SignedDuration::from_secs(2)).unwrap_or(now);
                let text = format!(
                    "assignments so far: {} decided, {} accepted by AWS, {} provisioned",
                    tally.decided, tally.accepted, tally.ended
                );
                self.timeline.tell(now, ("engine", Paint::Warning), &text, screen)?;
            }
            if quiet {
                break;
            }
            self.clock.sleep(GLANCE).await;
        }
        self.withheld(screen).await
    }

    /// What is not done, and why.
    async fn withheld(&self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let cause = shared::ledger::Cause::new("command", "demo");
        let survey = self.runtime.planner().everything(&cause).await.map_err(Failure::Read)?;
        let withheld = survey.decided.iter().flat_map(|decided| &decided.plan.withheld);
        for withheld in withheld {
            let place = self.cast.account(&withheld.key.account);
            let why = if withheld.reason == WithheldReason::Foreign {
                "somebody made it by hand; it stays theirs".to_owned()
            } else {
                withheld.reason.to_string()
            };
            let why = screen.out_style.paint(Paint::Faint, why);
            let text = format!("{} in {place}  {why}", self.cast.assignment(&withheld.key));
            self.timeline.tell(self.clock.now(), ("withheld", Paint::Warning), &text, screen)?;
        }
        Ok(())
    }

    async fn create(&mut self, person: &Person, screen: &mut Screen<'_>) -> Result<AccountId, Failure> {
        self.person(&format!("CreateAccount {NEW_ACCOUNT}"), screen)?;
        let request = person.create_account(NEW_ACCOUNT).await?;
        let account = loop {
            self.deliver().await?;
            self.tell_news(screen)?;
            if let Some(account) = person.created(&request).await? {
                break account;
            }
            self.clock.sleep(Duration::from_millis(100)).await;
        };
        self.follow(screen).await?;
        Ok(account)
    }

    fn person(&self, text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
        self.timeline.tell(self.clock.now(), ("you", Paint::Heading), text, screen)
    }

    /// Tells what happens until everything has come to rest.
    async fn follow(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        loop {
            self.deliver().await?;
            self.tell_news(screen)?;
            if self.runtime.is_quiet().await? && self.news.is_empty() {
                return Ok(());
            }
            self.clock.sleep(GLANCE).await;
        }
    }

    /// Gives Usher the events that AWS has sent, as an EventBridge rule would.
    async fn deliver(&self) -> Result<(), Failure> {
        for event in self.stage.events() {
            if LocalRuntime::is_for_us(&event) {
                self.runtime.deliver(event).await?;
            }
        }
        Ok(())
    }

    fn tell_news(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        while let Ok(news) = self.news.try_recv() {
            self.timeline.news(&news, &self.cast, screen)?;
        }
        Ok(())
    }

    /// Who has what, by which rule, because of which event, and how long that took.
    fn table(&self, rows: &[Row], screen: &mut Screen<'_>) -> Result<(), Failure> {
        let heard = |row: &Row| {
            let id = row.cause.as_str().strip_prefix("event:")?;
            self.timeline.events.get(id)
        };
        let mut lines: Vec<[String; 5]> = rows
            .iter()
            .map(|row| {
                let took = heard(row).map(|event| seconds(since(event.at, row.changed_at)));
                let rules: Vec<&str> = row.wanted_by.keys().map(shared::domain::RuleId::as_str).collect();
                [
                    self.cast.permission_set(&row.key.permission_set),
                    self.cast.principal(&row.key.principal),
                    rules.join(", "),
                    heard(row).map_or_else(|| row.cause.as_str().to_owned(), |event| event.name.clone()),
                    took.unwrap_or_default(),
                ]
            })
            .collect();
        lines.sort();
        let titles =
            ["permission set", "who", "by rule", "since event", "event to access"].map(str::to_owned);
        let width = |column: usize| {
            let texts = lines.iter().chain([&titles]).filter_map(|line| line.get(column));
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2), width(3), width(4)];
        for (is_title, line) in std::iter::once((true, &titles)).chain(lines.iter().map(|line| (false, line)))
        {
            let cells = line.iter().zip(widths).map(|(text, width)| format!("{text:<width$}"));
            let text = cells.collect::<Vec<_>>().join("  ");
            let text = if is_title { screen.out_style.paint(Paint::Faint, text.trim_end()) } else { text };
            say(&format!("  {}", text.trim_end()), screen)?;
        }
        Ok(())
    }
}

fn closing(arguments: &DemoArgs, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let kept = match &arguments.keep {
        Some(folder) => format!("\n  The ledger and the rules of this demo are kept in {}", folder.display()),
        None => String::new(),
    };
    let text = format!(
        "\n{}\n  \
         cargo usher rules check cli/examples/rules.yaml   the rules of this demo; with a mistake in them, it is shown in its place\n  \
         cargo usher plan --rules rules.yaml               your rules against your AWS: reads only, changes nothing\n  \
         cargo usher apply --rules rules.yaml              carries the plan out, after asking\n  \
         docs/rules.md, docs/cli.md                        the rule language, and this tool{kept}",
        screen.out_style.paint(Paint::Heading, "How to go on"),
    );
    say(&text, screen)
}

fn heading(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let text = screen.out_style.paint(Paint::Heading, text);
    say(&format!("\n{text}"), screen)
}

fn say(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
}

fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_rules_are_right_and_say_something_of_everything() {
        let rules =
            rules::read(&Bundle { files: [("rules.yaml".to_owned(), RULES.to_owned())].into() }).unwrap();
        assert_eq!((rules.rules.len(), rules.never.len()), (6, 1));
    }

    #[test]
    fn a_folder_is_claimed_only_when_it_is_empty_or_missing() {
        let folder = tempfile::tempdir().unwrap();
        claim(&folder.path().join("a/b")).unwrap();
        claim(&folder.path().join("a/b")).unwrap();
        assert!(matches!(claim(folder.path()), Err(Failure::DemoFolderInUse { .. })));
    }
}
