//! `usher probe` from its command line: what it refuses, what it asks, what it tells and what it leaves.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use clap::Parser as _;
use cli::{Cli, Ending, Machine, Screen};
use shared::{
    clock::{ScaledClock, SystemClock},
    domain::{AssignmentKey, Principal},
    engine::EngineSettings,
    ports::Clock as _,
    settings::Settings as Env,
};
use simulator::{Caller, CallerKind, Fault, Settings, World, http::Callers};
use tokio::net::TcpListener;

use super::{ORGANIZATION, Place, RULES, Ran, run};

const ACCOUNT: &str = "200000000001";

/// The usual place, in which an hour takes a minute.
async fn place() -> Place {
    let world = Arc::new(Mutex::new(World::from_yaml(ORGANIZATION, Settings::default()).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(ScaledClock::starting_at(SystemClock.now(), NonZeroU32::new(60).unwrap()));
    let (callers, never) = (Callers::default(), std::future::pending());
    tokio::spawn(simulator::http::serve(listener, Arc::clone(&world), clock.clone(), callers, never));
    let connection = Some(shared::aws::Connection::to_stand_in(&endpoint, "AKIAEXAMPLEUSHER"));
    let machine = Machine { clock, connection, engine: Some(EngineSettings::default()) };
    Place { world, machine, folder: tempfile::tempdir().unwrap() }
}

impl Place {
    /// `usher probe <account> --permission-set <set> --principal <group> <more>`
    async fn probe(&self, account: &str, set: &str, who: &str, more: &[&str]) -> Ran {
        let ledger = self.path("state/ledger.db");
        let mut line =
            vec!["usher", "probe", account, "--permission-set", set, "--principal", who, "--ledger"];
        line.push(ledger.to_str().unwrap());
        line.extend(more);
        run(&line, &self.machine).await
    }

    fn key(&self, set: &str, group: &str) -> AssignmentKey {
        let world = self.world();
        AssignmentKey {
            account: ACCOUNT.parse().unwrap(),
            permission_set: world.permission_set_named(set).unwrap(),
            principal: Principal::Group(world.group_named(group).unwrap()),
        }
    }

    fn has_journal(&self) -> bool {
        self.path("state/probe.journal").exists()
    }
}

#[tokio::test]
async fn without_a_yes_nothing_is_written_anywhere() {
    let place = place().await;
    let nobody = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &[]).await;
    assert_eq!(nobody.ending, Ending::Bad);
    assert!(nobody.err.contains("--yes"), "{}", nobody.err);

    let ledger = place.path("state/ledger.db");
    let line = ["usher", "probe", "shop-dev", "--permission-set", "ReadOnlyAccess", "--principal"];
    let more = ["group:Auditors", "--ledger", ledger.to_str().unwrap()];
    let arguments = Cli::try_parse_from(line.iter().chain(&more)).unwrap();
    let (mut out, mut err, mut answer) = (Vec::new(), Vec::new(), &b"no\n"[..]);
    let mut screen = Screen { input: Some(&mut answer), can_ask: true, ..Screen::plain(&mut out, &mut err) };
    let declined = cli::ending(arguments, &place.machine, &mut screen).await;
    assert_eq!(declined, Ending::Bad);
    let asked = String::from_utf8(err).unwrap();
    for said in
        ["shop-dev (200000000001)", "3 times", "at most 1", "ReadOnlyAccess to group:Auditors", "102 calls"]
    {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    assert!(!asked.contains("have that access"), "nobody is in the group: {asked}");
    assert_eq!(place.writes(), 0);
    assert!(!place.path("state").exists());
}

#[tokio::test]
async fn what_is_somebodys_is_refused_before_anything_is_made() {
    let place = place().await;
    let yes = &["--yes"][..];
    let management = place.probe("management", "ReadOnlyAccess", "group:Auditors", yes).await;
    assert!(management.err.contains("is the management account"), "{}", management.err);
    let there = place.probe("shop-dev", "PowerUserAccess", "group:Developers", yes).await;
    assert!(there.err.contains("is there already"), "{}", there.err);
    let unknown = place.probe("shop-deb", "ReadOnlyAccess", "group:Auditors", yes).await;
    assert!(unknown.err.contains("perhaps shop-dev"), "{}", unknown.err);
    let nobody = place.probe("shop-dev", "ReadOnlyAccess", "group:Editors", yes).await;
    assert!(nobody.err.contains("no user and no group is called"), "{}", nobody.err);
    let state = shared::domain::AccountState::Suspended;
    place.world().set_account_state(place.machine.clock.now(), &ACCOUNT.parse().unwrap(), state);
    let suspended = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", yes).await;
    assert!(suspended.err.contains("not active"), "{}", suspended.err);
    for ran in [management, there, unknown, nobody, suspended] {
        assert_eq!(ran.ending, Ending::Bad);
    }
    assert_eq!(place.writes(), 0);
    assert!(!place.has_journal());
}

#[tokio::test]
async fn what_rules_in_force_want_or_the_ledger_has_is_refused() {
    let (place, _) = Place::applied().await;
    let (writes, before) = (place.writes(), place.world().assignments());
    let ours = place.probe("search-dev", "ReadOnlyAccess", "group:Auditors", &["--yes"]).await;
    assert!(ours.err.contains("the ledger has the assignment"), "{}", ours.err);

    // Wanted, and not in the ledger yet: an account that a rule has come to select since.
    let observe = place.file("more.yaml", &format!(
        "{RULES}  - id: more\n    principals: [{{ group: Developers }}]\n    permission_sets: [ReadOnlyAccess]\n    accounts: everywhere\n"
    ));
    let ledger = place.path("state/ledger.db");
    let published = run(
        &[
            "usher",
            "rules",
            "publish",
            observe.to_str().unwrap(),
            "--ledger",
            ledger.to_str().unwrap(),
            "--yes",
        ],
        place.machine(),
    )
    .await;
    assert_eq!(published.ending, Ending::Good, "{published:?}");
    let wanted = place.probe("search-dev", "ReadOnlyAccess", "group:Developers", &["--yes"]).await;
    assert!(wanted.err.contains("rules in force want") && wanted.err.contains("more"), "{}", wanted.err);
    assert_eq!((ours.ending, wanted.ending), (Ending::Bad, Ending::Bad));
    assert_eq!((place.writes(), place.world().assignments()), (writes, before));
    assert!(!place.has_journal());
}

#[tokio::test]
async fn it_measures_over_the_wire_and_writes_settings_that_are_taken() {
    let place = place().await;
    let before = place.world().assignments();
    let out = place.path("probe.env");
    let more =
        ["--yes", "--json", "--repetitions", "2", "--status-for", "5s", "--out", out.to_str().unwrap()];
    let ran = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &more).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    let report = ran.json();
    let measured = &report["measured"];
    assert_eq!(measured["provisioning_time"]["measured"]["creates"]["count"], 2, "{report}");
    assert_eq!(measured["list_lag"]["measured"]["by_principal"]["gone"]["count"], 2, "{report}");
    assert!(measured["window"]["not_measured"]["why"].as_str().unwrap().contains("17"), "{report}");
    assert!(measured["burst"]["measured"]["reads"]["measured"]["calls"].as_u64().unwrap() > 0, "{report}");
    assert!(measured["status_lifetime"]["measured"]["create"]["gone_after"].is_null(), "{report}");
    assert_eq!(report["left"].as_array().unwrap().len(), 0);
    assert_eq!(place.world().assignments(), before);
    assert!(!place.has_journal());

    let file = std::fs::read_to_string(&out).unwrap();
    assert!(file.contains("# USHER_LAG stays 5m: "), "{file}");
    let lines: Vec<(String, String)> = file
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(variable, value)| (variable.to_owned(), value.to_owned()))
        .collect();
    let read = move |variable: &str| lines.iter().find(|(name, _)| name == variable).map(|(_, v)| v.clone());
    Env::reading(read).engine().unwrap();

    let again = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &more).await;
    assert!(again.err.contains("is there already"), "nothing is written over: {}", again.err);
}

#[tokio::test]
async fn what_is_left_is_told_and_cleaned_up_by_the_journal() {
    let place = place().await;
    let before = place.world().assignments();
    place.world().fail_next("DeleteAccountAssignment", Fault::FailLater("not today".to_owned()), 100);
    let ran =
        place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &["--yes", "--only", "list-lag"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(ran.out.contains("not today") && ran.out.contains("usher probe --clean-up"), "{}", ran.out);
    assert!(place.has_journal());
    let key = place.key("ReadOnlyAccess", "Auditors");
    assert!(place.world().assignments().contains_key(&key));

    let again = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &["--yes"]).await;
    assert!(again.err.contains("has not been cleaned up"), "{}", again.err);

    place.world().faults.clear_all();
    let clean = place.order(&["probe", "--clean-up"]).await;
    assert_eq!(clean.ending, Ending::Good, "{clean:?}");
    assert!(clean.out.contains("Nothing is left"), "{}", clean.out);
    assert_eq!(place.world().assignments(), before);
    assert!(!place.has_journal());
    let nothing = place.order(&["probe", "--clean-up", "--json"]).await;
    assert_eq!(nothing.ending, Ending::Bad, "another journal may be meant: {nothing:?}");
    assert!(nothing.err.contains("there is no journal at"), "{}", nothing.err);
}

/// A running service takes what a probe makes for anybody's, and leaves it.
#[tokio::test]
async fn a_service_that_revokes_what_no_rule_wants_leaves_what_a_probe_has_made() {
    let (place, rules) = Place::applied().await;
    let management = place.world().management_account().clone();
    let probe = Caller::new("operator", management, CallerKind::Management);
    let key = place.key("ReadOnlyAccess", "Developers");
    place.world().grant_by_hand(place.machine.clock.now(), &probe, &key);
    let before = place.world().assignments();
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!(place.world().assignments(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_and_takes_away_what_was_made() {
    let place = place().await;
    let before = place.world().assignments();
    let interrupting = async {
        // It listens for the signal before it makes anything.
        while place.writes() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let own = std::process::id().to_string();
        let sent = tokio::process::Command::new("kill").args(["-INT", &own]).status().await.unwrap();
        assert!(sent.success());
    };
    let probing = place.probe("shop-dev", "ReadOnlyAccess", "group:Auditors", &["--yes", "--json"]);
    let (ran, ()) = tokio::join!(probing, interrupting);
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    let report = ran.json();
    assert_eq!(report["interrupted"], true, "{report}");
    assert!(report["measured"]["burst"].is_null(), "{report}");
    assert_eq!(report["left"].as_array().unwrap().len(), 0);
    assert_eq!(place.world().assignments(), before);
    assert!(!place.has_journal());
}
