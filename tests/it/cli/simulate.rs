//! `usher simulate`: what it prints, how it reacts, how it ends, and what can be wrong with what it is given.

use std::path::PathBuf;

use aws_sdk_organizations::types::Tag;
use cli::{Ending, Machine};
use shared::aws::Connection;
use tokio::net::TcpListener;

use super::{ORGANIZATION, RULES, run, simulation::Simulation};

/// The organization and the rules of these tests, in files.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("organization.yaml"), ORGANIZATION).unwrap();
        std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A simulation of them with these options besides, once its first sweep is done.
    async fn simulation(&self, more: &[&str]) -> Simulation {
        let (organization, rules) = (self.path("organization.yaml"), self.path("rules.yaml"));
        let options = ["--organization", organization.as_str(), "--rules", rules.as_str()];
        let simulation = Simulation::start(&[&options, more].concat()).await;
        simulation.log().line("everything is at rest").await;
        simulation
    }
}

/// Creates an account as a person does, and waits for it.
async fn create(simulation: &Simulation, name: &str) -> String {
    let client = simulation.organizations();
    let email = format!("aws+{name}@example.com");
    client.create_account().account_name(name).email(email).send().await.unwrap();
    simulation.log().line("CreateAccountResult: 1 account to look at again").await;
    let accounts = client.list_accounts().send().await.unwrap();
    let account = accounts.accounts().iter().find(|account| account.name() == Some(name)).unwrap();
    account.id().unwrap().to_owned()
}

#[tokio::test]
async fn an_endpoint_that_is_set_to_nothing_is_told_and_no_panic() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO_ADMIN"] {
        let mut command = tokio::process::Command::new(super::simulation::usher());
        let ran = command.args(["plan", "--rules", "none.yaml"]).env(variable, "").output().await.unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(64), "{told}");
        assert!(told.contains(&format!("the variable {variable} is set to nothing")), "{told}");
    }
}

#[tokio::test]
async fn help_has_no_colours_where_none_are_wanted() {
    let help = async |words: &[&str]| {
        let mut command = tokio::process::Command::new(super::simulation::usher());
        let ran =
            command.args(words).env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output().await.unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(help(&["plan", "--help"]).await.contains('\u{1b}'));
    for words in [["--no-color", "plan", "--help"], ["plan", "--no-color", "--help"]] {
        let help = help(&words).await;
        assert!(help.contains("Exit codes:") && !help.contains('\u{1b}'), "{help}");
    }
}

#[tokio::test]
async fn an_account_created_in_it_gets_its_access_and_ctrl_c_ends_it_with_the_ledger_kept() {
    let files = Files::new();
    let ledger = files.path("kept/ledger.db");
    let simulation = files.simulation(&["--ledger", &ledger, "--speed", "20"]).await;
    for told in [
        "4 accounts, 2 permission sets, 2 groups, 0 users, 1 assignment",
        "2 rules",
        &format!("export AWS_ENDPOINT_URL={}", simulation.endpoint()),
        "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        &format!("usher status --ledger {ledger}"),
        "withheld (`usher withheld` says why)",
    ] {
        assert_eq!(simulation.count(told), 1, "{told}: {:#?}", simulation.log().lines());
    }

    let account = create(&simulation, "labs").await;
    let granted = simulation.log().line("granted   ReadOnlyAccess to group Auditors in labs").await;
    assert!(granted.contains("rule auditors") && granted.contains("after CreateAccountResult"), "{granted}");

    // Anybody can look at the ledger meanwhile, and what rules want is what there is.
    let machine = Machine {
        connection: Some(Connection::to_stand_in(simulation.endpoint(), "AKIAEXAMPLEADMIN")),
        ..Machine::this()
    };
    let status = run(&["usher", "status", "--ledger", &ledger, "--json"], &machine).await;
    assert_eq!(status.json()["counts"]["ours"], 5, "{}", status.out);
    let plan =
        run(&["usher", "plan", "--rules", &files.path("rules.yaml"), "--ledger", &ledger], &machine).await;
    assert_eq!(plan.ending, Ending::Good, "{}", plan.out);
    let (_, assignments) = simulation.control("GET", "assignments", "").await;
    assert_eq!(assignments.matches(&account).count(), 1, "{assignments}");

    let (status, lines) = simulation.interrupted().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let end = lines.iter().find(|line| line.starts_with("Ended: 5 granted, 0 revoked, 0 failed.")).unwrap();
    assert!(end.contains(&format!("usher status --ledger {ledger}")), "{end}");
    assert!(PathBuf::from(&ledger).exists());
}

#[tokio::test]
async fn each_event_is_told_with_what_it_led_to() {
    let files = Files::new();
    let simulation = files.simulation(&["--speed", "20"]).await;
    let client = simulation.organizations();
    let root = client.list_roots().send().await.unwrap().roots()[0].id().unwrap().to_owned();
    let units = client.list_organizational_units_for_parent().parent_id(&root).send().await.unwrap();
    let unit = |name: &str| {
        let unit = units.organizational_units().iter().find(|unit| unit.name() == Some(name)).unwrap();
        unit.id().unwrap().to_owned()
    };

    // An assignment that somebody made stays theirs, and is told where a look meets it.
    let tag = Tag::builder().key("Team").value("search").build().unwrap();
    client.tag_resource().resource_id("200000000001").tags(tag).send().await.unwrap();
    let withheld =
        simulation.log().line("withheld  grant PowerUserAccess to group Developers in shop-dev").await;
    assert!(withheld.contains("made by others"), "{withheld}");

    // Moved out of where it was developed, the account loses what was given there.
    let (from, to) = (unit("Development"), unit("Production"));
    let moved = client.move_account().account_id("200000000002");
    moved.source_parent_id(from).destination_parent_id(to).send().await.unwrap();
    simulation.log().line("looked    search-dev (200000000002): 1 to revoke").await;
    let revoked = simulation.log().line("revoked   PowerUserAccess to group Developers in search-dev").await;
    assert!(revoked.contains("after MoveAccount"), "{revoked}");

    let (status, _) = simulation.interrupted().await;
    assert!(status.success());
}

#[tokio::test]
async fn what_aws_refuses_for_a_while_is_told_and_done_later() {
    let files = Files::new();
    let simulation = files.simulation(&["--speed", "20"]).await;
    let fault = r#"{"operation": "CreateAccountAssignment", "fault": "conflict", "calls": 2}"#;
    let (status, body) = simulation.control("POST", "faults", fault).await;
    assert!(status.contains("204"), "{status}: {body}");

    create(&simulation, "labs").await;

    simulation.log().line("again     grant ReadOnlyAccess to group Auditors in labs: ").await;
    simulation.log().line("granted   ReadOnlyAccess to group Auditors in labs").await;
}

#[tokio::test]
async fn an_event_whose_function_fails_is_delivered_again_a_minute_later() {
    let files = Files::new();
    let simulation = files.simulation(&["--speed", "60"]).await;
    let client = simulation.organizations();
    let root = client.list_roots().send().await.unwrap().roots()[0].id().unwrap().to_owned();
    let units = client.list_organizational_units_for_parent().parent_id(&root).send().await.unwrap();
    let unit = units.organizational_units()[0].id().unwrap().to_owned();
    // What happens to an OU concerns its accounts, and this once they can't be listed.
    let fault = r#"{"operation": "ListAccounts", "fault": "access_denied", "calls": 1}"#;
    simulation.control("POST", "faults", fault).await;

    client.update_organizational_unit().organizational_unit_id(unit).name("Renamed").send().await.unwrap();

    simulation.log().line("failed    the delivery of an event: ").await;
    simulation.log().line("event     UpdateOrganizationalUnit: ").await;
}

#[tokio::test]
async fn rules_that_are_published_from_another_terminal_take_effect() {
    let files = Files::new();
    let ledger = files.path("kept/ledger.db");
    let simulation = files.simulation(&["--ledger", &ledger, "--speed", "60"]).await;
    let machine = Machine {
        connection: Some(Connection::to_stand_in(simulation.endpoint(), "AKIAEXAMPLEADMIN")),
        ..Machine::this()
    };
    let other = files.path("other.yaml");
    let wider = RULES.replace("[{ group: Auditors }, { group: Nobody }]", "[{ group: Developers }]");
    std::fs::write(&other, wider).unwrap();
    let line = ["usher", "rules", "publish", &other, "--ledger", &ledger, "--yes"];
    let published = run(&line, &machine).await;
    assert_eq!(published.ending, Ending::Good, "{published:?}");
    simulation.log().line("granted   ReadOnlyAccess to group Developers in shop-prod").await;

    let back = run(&["usher", "rules", "rollback", "--ledger", &ledger, "--yes"], &machine).await;
    assert_eq!(back.ending, Ending::Good, "{back:?}");
    simulation.log().line("revoked   ReadOnlyAccess to group Developers in shop-prod").await;
}

#[tokio::test]
async fn an_event_that_fails_for_good_is_a_dead_letter_and_can_be_tried_again() {
    let files = Files::new();
    let ledger = files.path("kept/ledger.db");
    let simulation = files.simulation(&["--ledger", &ledger, "--speed", "60"]).await;
    let client = simulation.organizations();
    let root = client.list_roots().send().await.unwrap().roots()[0].id().unwrap().to_owned();
    let units = client.list_organizational_units_for_parent().parent_id(&root).send().await.unwrap();
    let unit = units.organizational_units()[0].id().unwrap().to_owned();
    let fault = r#"{"operation": "ListAccounts", "fault": "access_denied"}"#;
    simulation.control("POST", "faults", fault).await;
    client.update_organizational_unit().organizational_unit_id(unit).name("Renamed").send().await.unwrap();
    simulation.log().line("it was the last try: `usher dead-letters` shows the event").await;

    let listed = run(&["usher", "dead-letters", "list", "--ledger", &ledger], &Machine::this()).await;
    assert!(listed.out.contains("on-account-event, tried 3 times"), "{listed:?}");
    assert!(listed.out.contains("UpdateOrganizationalUnit ("), "{listed:?}");
    simulation.control("DELETE", "faults", "").await;
    let retried =
        run(&["usher", "dead-letters", "retry", "--all", "--ledger", &ledger], &Machine::this()).await;
    assert_eq!(retried.ending, Ending::Good, "{retried:?}");
    simulation.log().line("event     UpdateOrganizationalUnit: ").await;
    let listed = run(&["usher", "dead-letters", "list", "--ledger", &ledger], &Machine::this()).await;
    assert_eq!(listed.out, "0 dead letters.\n");
}

#[tokio::test]
async fn without_functions_nothing_reacts() {
    let files = Files::new();
    let organization = files.path("organization.yaml");
    let simulation = Simulation::start(&["--without-functions", "--organization", &organization]).await;
    let accounts = simulation.organizations().list_accounts().send().await.unwrap();
    assert_eq!(accounts.accounts().len(), 4);
    assert_eq!(simulation.count("nothing that reacts to it"), 1);
    assert_eq!(simulation.count("--ledger"), 0);
    let (_, counters) = simulation.control("GET", "counters", "").await;
    assert!(!counters.contains("SsoAdmin") && !counters.contains("ListInstances"), "{counters}");
    let (status, lines) = simulation.interrupted().await;
    assert!(status.success(), "{lines:#?}");
}

#[tokio::test]
async fn a_hurried_world_sweeps_by_its_own_clock() {
    let files = Files::new();
    let simulation = files.simulation(&["--speed", "100", "--sweep-every", "2m"]).await;
    let sweeps = || {
        let lines = simulation.log().lines();
        let sweeps = lines.iter().filter(|line| line.contains("  sweep  "));
        sweeps.map(|line| line[..8].to_owned()).collect::<Vec<_>>()
    };
    while sweeps().len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let second = |time: &str| {
        let parts: Vec<i64> = time.split(':').map(|part| part.parse().unwrap()).collect();
        parts[0] * 3600 + parts[1] * 60 + parts[2]
    };
    let times: Vec<i64> = sweeps().iter().map(|time| second(time)).collect();
    for pair in times.windows(2) {
        // Midnight may lie between them.
        assert!((pair[1] - pair[0]).rem_euclid(86_400) >= 120, "{times:?}");
    }
}

#[tokio::test]
async fn a_rule_file_that_changes_comes_into_force_and_one_with_a_mistake_does_not() {
    let files = Files::new();
    let outcomes = files.path("outcomes.jsonl");
    let simulation = files.simulation(&["--speed", "20", "--outcomes", &outcomes]).await;
    let wider = RULES.replace("in_ou: [Development, Production]", "everywhere: yes");
    std::fs::write(files.path("rules.yaml"), wider).unwrap();
    simulation.log().line("rules     the files on the disk have changed, and ").await;

    let wider = RULES.replace("[{ group: Auditors }, { group: Nobody }]", "[{ group: Developers }]");
    std::fs::write(files.path("rules.yaml"), wider).unwrap();
    let told = simulation.log().line(" is in force, 2 rules. Plan: 3 to grant, 3 to revoke").await;
    assert!(told.contains("rules     version "), "{told}");
    simulation.log().line("granted   ReadOnlyAccess to group Developers in shop-prod").await;
    simulation.log().line("revoked   ReadOnlyAccess to group Auditors in shop-prod").await;
    let told = std::fs::read_to_string(outcomes).unwrap();
    assert_eq!(told.matches(r#""outcome":"rules_refused""#).count(), 1, "{told}");
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_waited_for_until_somebody_asks_again() {
    let files = Files::new();
    let simulation = files.simulation(&["--speed", "5"]).await;
    let fault = r#"{"operation": "CreateAccountAssignment", "fault": "hang", "calls": 1}"#;
    simulation.control("POST", "faults", fault).await;
    create(&simulation, "labs").await;
    // With AWS, where it will stay.
    while !simulation.control("GET", "counters", "").await.1.contains(r#""outstanding":1"#) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    simulation.press_ctrl_c().await;
    simulation.log().line("ending    waiting up to 10 seconds for 1 assignment under way").await;
    let (status, lines) = simulation.interrupted().await;
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("The ledger was temporary, and is gone.")), "{lines:#?}");
}

#[tokio::test]
async fn a_ledger_that_was_kept_goes_on_where_it_was() {
    let files = Files::new();
    let ledger = files.path("ledger.db");
    let first = files.simulation(&["--ledger", &ledger, "--speed", "100"]).await;
    first.interrupted().await;
    let second = files.simulation(&["--ledger", &ledger, "--speed", "100"]).await;
    // The world is a new one, and what Usher had made in the old one is not in it: as after a deletion by hand, people are asked.
    assert_eq!(second.count("Ended"), 0);
    let (status, lines) = second.interrupted().await;
    assert!(status.success(), "{lines:#?}");
}

/// How a command ended that was given something wrong: its exit code, and what it told.
async fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Simulation::ended(arguments).await;
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_file_that_is_missing_or_has_a_mistake_is_told_with_its_place() {
    let files = Files::new();
    let (code, error) = refused(&["--port", "0", "--organization", &files.path("missing.yaml")]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot read the organization") && error.contains("missing.yaml"), "{error}");
    assert!(error.contains("docs/simulator.md"), "{error}");

    let wrong = ORGANIZATION.replace("name: shop-dev, id", "name: shop-dev, colour: red, id");
    std::fs::write(files.path("organization.yaml"), wrong).unwrap();
    let (code, error) = refused(&["--port", "0", "--organization", &files.path("organization.yaml")]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("organization.yaml:8:"), "{error}");
    assert!(error.contains("colour: red"), "the line itself is shown: {error}");

    let (code, error) = refused(&["--port", "0", "--rules", &files.path("none.yaml")]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot read the rule file") && error.contains("none.yaml"), "{error}");

    std::fs::write(files.path("rules.yaml"), "version: 1\nsettings: { mode: sync }\nrulez: []\n").unwrap();
    let (code, error) = refused(&["--port", "0", "--rules", &files.path("rules.yaml")]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("rules.yaml:3:1") && error.contains("rulez"), "{error}");

    std::fs::write(files.path("notes.txt"), "notes ".repeat(200)).unwrap();
    let (code, error) = refused(&["--port", "0", "--ledger", &files.path("notes.txt")]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("is not a ledger of Usher") && error.contains("--ledger"), "{error}");
}

#[tokio::test]
async fn rules_that_give_something_beyond_the_scope_of_their_team_begin_nothing() {
    let files = Files::new();
    std::fs::create_dir(files.path("rules")).unwrap();
    let root = "version: 1\nsettings: { mode: sync, trusted_account_tags: [Team] }\nteams: [{ id: web, files: web.yaml, scope: { permission_sets: any, accounts: { in_ou: Sandbox } } }]\n";
    let own = "version: 1\nrules: [{ id: own, principals: [{ group: Yet to be made }], permission_sets: [ReadOnlyAccess], accounts: { named: shop-dev } }]\n";
    std::fs::write(files.path("rules/usher.yaml"), root).unwrap();
    std::fs::write(files.path("rules/web.yaml"), own).unwrap();
    let (organization, rules) = (files.path("organization.yaml"), files.path("rules"));
    let (code, error) = refused(&["--port", "0", "--organization", &organization, "--rules", &rules]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("beyond the scope of") && error.contains("web.yaml:2 (team web)"), "{error}");
}

#[tokio::test]
async fn reports_are_made_beside_the_sweeps_by_the_function_that_lambda_runs() {
    let files = Files::new();
    let folder = files.path("reports");
    let more = ["--speed", "100", "--reports", &folder, "--audit-every", "30m", "--sweep-every", "1m"];
    let simulation = files.simulation(&more).await;
    let reports = || {
        let lines = simulation.log().lines();
        let reports =
            lines.iter().filter_map(|line| line.split_once("  report  ").map(|(_, report)| report.trim()));
        reports.map(str::to_owned).collect::<Vec<_>>()
    };
    while reports().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for report in reports() {
        let (name, told) = report.split_once(": ").unwrap();
        assert!(told.contains("assignment"), "{report}");
        let content = std::fs::read(std::path::Path::new(&folder).join(name)).unwrap();
        let report: shared::audit::Audit = serde_json::from_slice(&content).unwrap();
        assert_eq!(report.unread, []);
    }
    assert!(std::path::Path::new(&folder).join("latest.json").exists());
    let (status, lines) = simulation.interrupted().await;
    assert!(status.success(), "{lines:#?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for more in [&["--without-functions"][..], &[]] {
        let (code, error) = refused(&[&["--port", &port], more].concat()).await;
        assert_eq!(code, Some(1));
        assert!(error.contains(&format!("cannot listen on port {port}")), "{error}");
        assert!(error.contains("--port 0"), "{error}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_on_the_command_line_is_refused_before_anything_begins() {
    for wrong in [
        &["--speed", "0"][..],
        &["--speed", "1000"],
        &["--port", "65536"],
        &["--sweep-every", "0s"],
        &["--ledger", "dynamodb:usher-ledger"],
        &["--without-functions", "--rules", "rules.yaml"],
    ] {
        let (code, error) = refused(wrong).await;
        assert_eq!(code, Some(64), "{wrong:?}: {error}");
    }
}
