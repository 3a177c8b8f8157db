//! `usher run`: the service as its own process, against a simulated AWS that is here.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use shared::{
    aws::Connection,
    clock::SystemClock,
    local::SqliteLedger,
    ports::{Clock as _, Ledger as _, LedgerReader as _},
};
use simulator::{Fault, FaultRule, Latency};
use tokio::process::{Child, Command};

use super::{
    ORGANIZATION, Place, RULES,
    beside::{There, beside},
    run,
    simulation::usher,
};
use crate::lambda::log::Log;

/// `usher run`, as it runs. It is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    log: Log,
}

impl Running {
    /// `usher run <arguments>` with these variables.
    pub(super) fn start<'a>(arguments: &[&str], envs: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut child = command(arguments, envs).spawn().unwrap();
        let log = Log::default();
        // Both streams are read to their end by themselves; nobody waits for that.
        drop(child.stdout.take().map(|out| log.read(out)));
        drop(child.stderr.take().map(|err| log.read(err)));
        Self { child, log }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// How many lines with this there were so far.
    pub(super) fn count(&self, wanted: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(wanted)).count()
    }

    /// Sends SIGTERM, as whoever stops services does.
    pub(super) async fn ask_to_end(&self) {
        let process = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    }

    /// The same, and waits for the end.
    pub(super) async fn terminated(mut self) -> (ExitStatus, Vec<String>) {
        self.ask_to_end().await;
        let status = self.child.wait().await.unwrap();
        // The reader of the log may be a moment behind the end of the process.
        if status.success() {
            self.log.line("nded").await;
        }
        (status, self.log.lines())
    }
}

fn command<'a>(arguments: &[&str], envs: impl IntoIterator<Item = (&'a str, String)>) -> Command {
    let mut command = Command::new(usher());
    command
        .arg("run")
        .args(arguments)
        .envs(envs)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How `usher run <arguments>` ends that is refused, and what it says.
pub(super) async fn refused<'a>(
    arguments: &[&str],
    envs: impl IntoIterator<Item = (&'a str, String)>,
) -> (ExitStatus, String) {
    let ran = command(arguments, envs).output().await.unwrap();
    (ran.status, said(&ran.stderr))
}

/// What an error says, however it is wrapped.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// What is said to a process that works in this place's AWS.
fn envs(place: &Place) -> Vec<(&'static str, String)> {
    let endpoint = place.machine().connection.as_ref().and_then(Connection::endpoint).unwrap();
    vec![
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEUSHER".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// An organization where accounts are made quickly, and rules in a file.
async fn place() -> (Place, String, String) {
    let place = Place::new(ORGANIZATION).await;
    place.world().settings.create_account_latency = Latency::Constant(Duration::from_millis(100));
    let rules = place.file("rules.yaml", RULES).display().to_string();
    let ledger = place.path("state/ledger.db").display().to_string();
    (place, rules, ledger)
}

/// What the assignments in the world are, for a comparison.
fn made(place: &Place) -> BTreeSet<String> {
    place.world().assignments().keys().map(ToString::to_string).collect()
}

/// Creates an account as a person does, and tells its id.
async fn create(place: &Place, name: &str) -> String {
    let connection = place.machine().connection.clone().unwrap();
    let client = aws_sdk_organizations::Client::new(connection.sdk_config());
    let email = format!("aws+{name}@example.com");
    client.create_account().account_name(name).email(email).send().await.unwrap();
    loop {
        let accounts = client.list_accounts().send().await.unwrap();
        if let Some(account) = accounts.accounts().iter().find(|account| account.name() == Some(name)) {
            return account.id().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether nobody holds the engine's lease.
async fn lease_is_free(ledger: &Path) -> bool {
    let ledger = SqliteLedger::open(ledger).unwrap();
    let lease = ledger.acquire_lease("test", SystemClock.now(), Duration::from_secs(1)).await.unwrap();
    match lease {
        Some(lease) => {
            ledger.release_lease(&lease).await.unwrap();
            true
        }
        None => false,
    }
}

#[tokio::test]
async fn access_is_there_after_the_first_sweep_and_that_of_a_new_account_after_the_next() {
    let (place, rules, ledger) = place().await;
    let outcomes = place.path("outcomes.jsonl").display().to_string();
    let running = Running::start(
        &["--rules", &rules, "--ledger", &ledger, "--sweep-every", "2s", "--outcomes", &outcomes],
        envs(&place),
    );
    running.log().line("Usher runs. Ctrl-C ends it.").await;
    running.log().line("everything is at rest").await;
    assert_eq!(running.count("2 rules, from "), 1, "{:#?}", running.log().lines());
    // Three accounts for the auditors and one for the developers: one was there already, and the management account is in no selection.
    assert_eq!(made(&place).len(), 5, "{:#?}", made(&place));

    let account = create(&place, "labs").await;
    let granted = running.log().line("granted   ReadOnlyAccess to group Auditors in labs").await;
    assert!(granted.contains("rule auditors, found by a sweep"), "{granted}");
    assert_eq!(made(&place).iter().filter(|key| key.contains(&account)).count(), 1);

    // Others work with its ledger meanwhile.
    let status = run(&["usher", "status", "--ledger", &ledger, "--json"], place.machine()).await;
    assert_eq!(status.json()["counts"]["ours"], 5, "{}", status.out);
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "Ended: 5 granted, 0 revoked, 0 failed."), "{lines:#?}");
    let told = std::fs::read_to_string(outcomes).unwrap();
    assert_eq!(told.matches(r#""outcome":"granted""#).count(), 5, "{told}");
    assert!(lease_is_free(Path::new(&ledger)).await);
}

#[tokio::test]
async fn each_line_is_json_if_asked_for() {
    let (place, rules, ledger) = place().await;
    let running = Running::start(&["--rules", &rules, "--ledger", &ledger, "--json"], envs(&place));
    for what in ["begun", "sweep", "looked", "outcome"] {
        running.log().line(&format!(r#""what":"{what}""#)).await;
    }
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["at"].is_string() && line["what"].is_string()), "{lines:#?}");
    assert_eq!(lines.first().unwrap()["ledger"], ledger);
    assert_eq!(lines.last().unwrap()["what"], "ended");
}

#[tokio::test]
async fn it_goes_on_with_the_rules_in_force_and_says_so_where_there_are_none() {
    let (place, rules, ledger) = place().await;
    let none = command(&["--ledger", &ledger], envs(&place)).output().await.unwrap();
    let told = said(&none.stderr);
    assert_eq!(none.status.code(), Some(1), "{told}");
    assert!(told.contains("there is no ledger") && !Path::new(&ledger).exists(), "{told}");

    SqliteLedger::open(&place.file("empty.db", "")).unwrap();
    let empty = place.path("empty.db").display().to_string();
    let none = command(&["--ledger", &empty], envs(&place)).output().await.unwrap();
    let told = said(&none.stderr);
    assert_eq!(none.status.code(), Some(1), "{told}");
    assert!(told.contains("no rules are in force") && told.contains("--rules"), "{told}");

    let line = ["usher", "rules", "publish", &rules, "--ledger", &ledger, "--yes"];
    run(&line, place.machine()).await;
    let running = Running::start(&["--ledger", &ledger], envs(&place));
    running.log().line("everything is at rest").await;
    assert_eq!(made(&place).len(), 5);
    let (status, _) = running.terminated().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn rules_that_may_not_follow_those_in_force_begin_nothing() {
    let (place, rules, ledger) = place().await;
    let many = format!(
        "{RULES}  - {{ id: more, principals: [{{ group: Auditors }}], permission_sets: [ReadOnlyAccess], accounts: everywhere }}\n"
    );
    let many = place.file("many.yaml", &many).display().to_string();
    let published =
        run(&["usher", "rules", "publish", &many, "--ledger", &ledger, "--yes"], place.machine()).await;
    assert_eq!(published.ending, cli::Ending::Good, "{published:?}");
    let few = "version: 1\nsettings: { mode: sync }\nrules: [{ id: one, principals: [{ group: Auditors }], permission_sets: [ReadOnlyAccess], accounts: everywhere }]\n";
    let few = place.file("few.yaml", few).display().to_string();
    let refused = command(&["--rules", &few, "--ledger", &ledger], envs(&place)).output().await.unwrap();
    let told = said(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("the rules have shrunk from 3 to 1"), "{told}");
    assert_eq!(place.writes(), 0);

    // Those that may are in force at once, though the last sweep was a moment ago.
    let running = Running::start(&["--rules", &rules, "--ledger", &ledger], envs(&place));
    running.log().line("2 rules, from ").await;
    let now = SqliteLedger::open(Path::new(&ledger)).unwrap().rules_in_force().await.unwrap().unwrap();
    assert_eq!(now.rules, 2);
}

#[tokio::test]
async fn a_second_one_on_the_same_ledger_is_refused() {
    let (place, rules, ledger) = place().await;
    let arguments = ["--rules", &rules, "--ledger", &ledger];
    let running = Running::start(&arguments, envs(&place));
    running.log().line("Usher runs.").await;
    let second = command(&arguments, envs(&place)).output().await.unwrap();
    let told = said(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another `usher run` or `usher simulate` works with the ledger"), "{told}");
    assert!(second.stdout.is_empty());
    let link = format!("{ledger}.link");
    std::os::unix::fs::symlink(&ledger, &link).unwrap();
    let by_link = command(&["--rules", &rules, "--ledger", &link], envs(&place)).output().await.unwrap();
    assert!(said(&by_link.stderr).contains("works with the ledger"), "{}", said(&by_link.stderr));
    let (status, _) = running.terminated().await;
    assert_eq!(status.code(), Some(0));
    let third = Running::start(&arguments, envs(&place));
    third.log().line("Usher runs.").await;
}

#[tokio::test]
async fn the_engine_hands_over_what_is_under_way_when_it_is_to_end_and_another_goes_on_with_it() {
    let (place, rules, ledger) = place().await;
    let slow = Fault::Slow(Duration::from_secs(25));
    place.world().faults.add(FaultRule {
        operation: "CreateAccountAssignment".to_owned(),
        service: None,
        fault: slow,
        calls: None,
        account: None,
    });
    let arguments = ["--rules", &rules, "--ledger", &ledger];
    let running = Running::start(&arguments, envs(&place));
    while place.writes() < 4 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!lease_is_free(Path::new(&ledger)).await, "the engine is at work");
    let asked = Instant::now();
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    // Neither the requests nor the engine's own time were waited for.
    assert!(asked.elapsed() < Duration::from_secs(12), "{:?}: {lines:#?}", asked.elapsed());
    assert!(lease_is_free(Path::new(&ledger)).await);
    let left = SqliteLedger::open(Path::new(&ledger)).unwrap().work(100).await.unwrap();
    assert_eq!(left.len(), 4, "{left:#?}");
    assert!(left.iter().all(|row| row.claim().is_some_and(|claim| claim.request.is_some())), "{left:#?}");

    let again = Running::start(&arguments, envs(&place));
    again.log().line("granted   ").await;
    assert_eq!(place.writes(), 4, "nothing is asked for twice");
}

#[tokio::test]
async fn while_aws_fails_sweeps_are_tried_again_and_nothing_is_taken_away() {
    let (place, rules, ledger) = place().await;
    let running =
        Running::start(&["--rules", &rules, "--ledger", &ledger, "--sweep-every", "2s"], envs(&place));
    running.log().line("everything is at rest").await;
    let before = made(&place);
    let all = |fault: Fault| FaultRule {
        operation: "*".to_owned(),
        service: None,
        fault,
        calls: None,
        account: None,
    };
    place.world().faults.add(all(Fault::AccessDenied));
    while running.count("failed    the sweep: ") < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(made(&place), before);
    place.world().faults.clear_all();

    create(&place, "labs").await;
    running.log().line("granted   ReadOnlyAccess to group Auditors in labs").await;
    assert!(before.is_subset(&made(&place)));
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "Ended: 5 granted, 0 revoked, 0 failed."), "{lines:#?}");
}

#[tokio::test]
async fn what_is_missing_is_told_before_anything_is_begun() {
    let (place, rules, ledger) = place().await;
    let nowhere = place.path("none.yaml").display().to_string();
    let notes = place.file("notes.txt", &"notes ".repeat(200)).display().to_string();
    let folder: PathBuf = place.path("state");
    for (arguments, wanted) in [
        (["--rules", &nowhere, "--ledger", &ledger], "cannot read the rule file"),
        (["--rules", &rules, "--ledger", &notes], "is not a ledger of Usher"),
        (["--rules", &rules, "--ledger", "dynamodb:usher-ledger"], "`USHER_RULES_BUCKET` is not set"),
    ] {
        let ended = command(&arguments, envs(&place)).output().await.unwrap();
        let told = said(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains(wanted), "{arguments:?}: {told}");
        assert!(ended.stdout.is_empty() && !folder.exists());
    }
    let line = ["--rules", &rules, "--ledger", &ledger, "--deployed-queues"];
    let ended = command(&line, envs(&place)).output().await.unwrap();
    let told = said(&ended.stderr);
    assert!(told.contains("the queues of the deployed functions belong to another one"), "{told}");
    assert!(!folder.exists());
    assert_eq!(place.writes(), 0);
}

#[tokio::test]
async fn a_queue_that_cannot_be_received_from_ends_the_start_and_nothing_is_begun() {
    let (place, rules, ledger) = place().await;
    let connection = place.machine().connection.clone().unwrap();
    let queues = [("events", 0), ("closed", 0)].into();
    let there = There { queues, closed: vec!["closed"], ..There::default() };
    let beside = beside(&connection, "AKIAEXAMPLEUSHER", there).await;
    let envs = || {
        let mut envs = envs(&place);
        envs[0].1 = beside.endpoint().unwrap().to_owned();
        envs
    };
    for (queue, wanted) in [("closed", "cannot receive from the queue"), ("nowhere", "there is no queue")] {
        let url = format!("https://sqs.us-east-1.amazonaws.com/111122223333/{queue}");
        let arguments = ["--rules", &rules, "--ledger", &ledger, "--events-queue", &url];
        let (status, told) = refused(&arguments, envs()).await;
        assert_eq!(status.code(), Some(1), "{queue}: {told}");
        assert!(told.contains(wanted) && told.contains(queue), "{queue}: {told}");
        assert!(queue != "closed" || told.contains("sqs:ReceiveMessage"), "{told}");
    }
    assert_eq!(place.writes(), 0);
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/events";
    let running = Running::start(&["--rules", &rules, "--ledger", &ledger, "--events-queue", url], envs());
    running.log().line("everything is at rest").await;
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
}

#[tokio::test]
async fn rules_do_not_come_into_force_in_the_ledger_of_another_instance() {
    let (place, rules, ledger) = place().await;
    let running = Running::start(&["--rules", &rules, "--ledger", &ledger], envs(&place));
    running.log().line("everything is at rest").await;
    running.terminated().await;
    let in_force = async || {
        let opened = SqliteLedger::open(Path::new(&ledger)).unwrap();
        opened.rules_in_force().await.unwrap().unwrap().version
    };
    let before = in_force().await;
    let instance = ORGANIZATION.replace("ssoins-7223a1b2c3d4e5f6", "ssoins-1111222233334444");
    let other = Place::new(&instance).await;
    let document = std::fs::read_to_string(&rules).unwrap();
    let more = place.file("more.yaml", &document.replace("rules:", "# another version\nrules:"));
    let arguments = ["--rules", more.to_str().unwrap(), "--ledger", &ledger];
    let refused = command(&arguments, envs(&other)).output().await.unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused.stderr).contains("the ledger belongs to the instance"),
        "{}",
        said(&refused.stderr)
    );
    assert_eq!(in_force().await, before);
}
