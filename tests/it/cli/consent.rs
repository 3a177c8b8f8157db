//! What people approve, pause, hold, adopt and disown, with the tool.

use clap::Parser as _;
use cli::{Cli, Ending};
use serde_json::Value;
use shared::{aws::Connection, clock::SystemClock, domain::ParentId, ports::Clock as _};
use simulator::{Caller, CallerKind};

use super::{ORGANIZATION, Place, RULES, Ran, run};

const DEVELOPERS: &str = "200000000001/PowerUserAccess/group:Developers";
const AUDITORS: &str = "200000000001/ReadOnlyAccess/group:Auditors";

impl Place {
    /// `usher <words> --ledger <in the folder>`
    pub(super) async fn order(&self, words: &[&str]) -> Ran {
        let ledger = self.path("state/ledger.db");
        let mut line = vec!["usher"];
        line.extend(words);
        line.extend(["--ledger", ledger.to_str().unwrap()]);
        run(&line, &self.machine).await
    }

    /// A person moves an account into the OU at this path.
    pub(super) fn moved(&self, account: &str, ou: &str) {
        let management = "111122223333".parse().unwrap();
        let person = Caller::new("console-admin", management, CallerKind::Management);
        let mut world = self.world();
        let to = ParentId::Ou(world.ou_at(ou).unwrap());
        world.move_account(SystemClock.now(), &person, &account.parse().unwrap(), &to).unwrap();
    }

    /// A place where the rules are applied already.
    pub(super) async fn applied() -> (Self, std::path::PathBuf) {
        let place = Self::new(ORGANIZATION).await;
        let rules = place.file("rules.yaml", RULES);
        let apply = place.usher("apply", &rules, &["--yes"]).await;
        assert_eq!(apply.ending, Ending::Good, "{apply:?}");
        (place, rules)
    }
}

/// The rules with fewer of them: what auditors have is to go.
fn without_auditors() -> &'static str {
    RULES.split("  - id: auditors").next().unwrap()
}

fn bounded(guardrails: &str) -> String {
    RULES.replace("{ mode: sync }", &format!("{{ mode: sync, guardrails: {{ {guardrails} }} }}"))
}

fn hash(plan: &Ran) -> String {
    plan.json()["hash"].as_str().unwrap().to_owned()
}

fn kinds(withheld: &Value) -> Vec<&str> {
    withheld["groups"].as_array().unwrap().iter().map(|group| group["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_approved_plan_passes_the_budgets_once_and_is_on_record() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &bounded("max_creates: 1"));
    let text = place.usher("plan", &rules, &[]).await;
    let plan = place.usher("plan", &rules, &["--json"]).await;
    let hash = hash(&plan);
    assert!(text.out.contains(&format!("--plan {hash}")), "{}", text.out);

    let nobody = place.usher("approve", &rules, &["--plan", &hash]).await;
    assert_eq!(nobody.ending, Ending::Bad);
    assert!(nobody.err.contains("--yes"), "{}", nobody.err);
    assert!(!place.path("state").exists(), "who says no finds everything as it was");

    let approve = place
        .usher("approve", &rules, &["--plan", &hash, "--yes", "--by", "alba", "--reason", "first run"])
        .await;
    assert_eq!(approve.ending, Ending::Good, "{approve:?}");
    assert!(approve.out.contains("Let through (4 assignments)"), "{}", approve.out);
    assert!(approve.out.contains("4 grants and 0 revokes approved until"), "{}", approve.out);
    assert_eq!(place.writes(), 0);

    let apply = place.usher("apply", &rules, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["granted"], 4, "{apply:?}");

    let approvals = place.order(&["approvals", "--json"]).await.json();
    let record = &approvals["records"][0];
    assert_eq!(
        (&record["by"], &record["reason"], &record["operations"]),
        (&"alba".into(), &"first run".into(), &4.into())
    );
    let again = place.usher("approve", &rules, &["--plan", &hash, "--yes", "--by", "alba"]).await;
    assert_eq!(again.ending, Ending::Bad, "{again:?}");
}

#[tokio::test]
async fn an_approved_key_is_let_through_and_no_other() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &bounded("max_creates: 0"));
    let key = "200000000002/PowerUserAccess/group:Developers";
    let approve =
        place.order(&["approve", key, "--rules", rules.to_str().unwrap(), "--yes", "--by", "alba"]).await;
    assert_eq!(approve.ending, Ending::Good, "{approve:?}");
    let explain = ["group:Developers", "200000000002", "PowerUserAccess"];
    let explain = place.usher("explain", &rules, &explain).await.out;
    assert!(
        explain.contains("The next run grants it, past the budgets: alba has approved it, until "),
        "{explain}"
    );
    assert!(!explain.contains("The ledger has had nothing of it"), "{explain}");

    let apply = place.usher("apply", &rules, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["granted"], 1, "{apply:?}");
    assert_eq!(place.writes(), 1);

    // It waits for another reason, and its way out is told.
    let foreign = place
        .order(&["approve", DEVELOPERS, "--rules", rules.to_str().unwrap(), "--yes", "--by", "alba"])
        .await;
    assert_eq!(foreign.ending, Ending::Bad);
    assert!(
        foreign.err.contains("does not wait") && foreign.err.contains("usher withheld"),
        "{}",
        foreign.err
    );
}

#[tokio::test]
async fn a_plan_that_is_another_by_now_is_neither_approved_nor_applied() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &bounded("max_creates: 2"));
    let hash = hash(&place.usher("plan", &rules, &["--json"]).await);
    let other = place.file("rules.yaml", &bounded("max_creates: 3"));
    for command in ["approve", "apply"] {
        let ran = place.usher(command, &other, &["--plan", &hash, "--yes"]).await;
        assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
        assert!(
            ran.err.contains("the plan has changed since") && ran.err.contains("usher plan"),
            "{}",
            ran.err
        );
    }
    assert_eq!(place.writes(), 0);
    assert!(!place.path("state").exists());
}

#[tokio::test]
async fn a_plan_is_applied_by_its_hash() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let hash = hash(&place.usher("plan", &rules, &["--json"]).await);
    let apply = place.usher("apply", &rules, &["--plan", &hash, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(apply.out.contains("4 granted, 0 revoked"), "{}", apply.out);
}

#[tokio::test]
async fn what_is_planned_approved_and_applied_has_the_same_budgets() {
    let place = Place::new(ORGANIZATION).await;
    let share = "max_deletes: 0, max_delete_percent: 50";
    let rules = place.file("rules.yaml", &bounded(share));
    let limit = |plan: &Ran| {
        let plan = plan.json();
        let budgets = plan["budgets"].as_array().unwrap().clone();
        budgets.iter().find(|it| it["operation"] == "revoke").unwrap()["limit"].as_u64().unwrap()
    };
    // Nothing was ever counted: that is no share of anything, for all of them.
    assert_eq!(limit(&place.usher("plan", &rules, &["--json"]).await), 0);
    let apply = place.usher("apply", &rules, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["granted"], 4, "{apply:?}");

    // Half of the four that were counted, whatever has been given up since.
    let search = "200000000002/PowerUserAccess/group:Developers";
    let disown = place.order(&["disown", search, "--by", "alba"]).await;
    assert_eq!(disown.ending, Ending::Good, "{disown:?}");
    let fewer = bounded(share);
    let fewer = place.file("rules.yaml", fewer.split("  - id: auditors").next().unwrap());
    let plan = place.usher("plan", &fewer, &["--json"]).await;
    assert_eq!((limit(&plan), &plan.json()["summary"]["revokes"]), (2, &2.into()));
    let held =
        place.order(&["withheld", "--rules", fewer.to_str().unwrap(), "--output", "json"]).await.json();
    let over = held["groups"].as_array().unwrap().iter().find(|group| group["kind"] == "budget").unwrap();
    assert_eq!(over["assignments"].as_array().unwrap().len(), 1, "{held}");

    // What fits by the plan does not wait for an approval.
    let key = |number: u8| format!("20000000000{number}/ReadOnlyAccess/group:Auditors");
    let approve = async |number| {
        let rules = fewer.to_str().unwrap();
        place.order(&["approve", &key(number), "--rules", rules, "--yes", "--by", "alba"]).await.ending
    };
    assert_eq!((approve(1).await, approve(2).await), (Ending::Bad, Ending::Bad));
    let apply = place.usher("apply", &fewer, &["--plan", &hash(&plan), "--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["revoked"], 2, "{apply:?}");
    assert_eq!(
        limit(&place.usher("plan", &fewer, &["--json"]).await),
        0,
        "one is left, and half of it is none"
    );
}

#[tokio::test]
async fn what_another_run_has_written_down_since_makes_it_another_plan() {
    let (place, rules) = Place::applied().await;
    place.moved("200000000003", "Development");
    let grant = hash(&place.usher("plan", &rules, &["--json"]).await);

    // Another run decides a revoke elsewhere, and ends before it has sent it.
    place.moved("200000000002", "Production");
    let begun = ["--account", "200000000002", "--timeout", "1ns", "--yes", "--json"];
    let begun = place.usher("apply", &rules, &begun).await;
    assert_eq!(begun.json()["summary"]["left"], 1, "{begun:?}");
    let writes = place.writes();
    let apply = place.usher("apply", &rules, &["--plan", &grant, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    assert!(apply.err.contains("the plan has changed since"), "{}", apply.err);
    assert_eq!(place.writes(), writes, "nothing that was not seen is done");

    // Written down or not, it is the same plan, and it goes as it was seen.
    let both = hash(&place.usher("plan", &rules, &["--json"]).await);
    place.usher("apply", &rules, &["--timeout", "1ns", "--yes"]).await;
    assert_eq!(hash(&place.usher("plan", &rules, &["--json"]).await), both);
    let apply = place.usher("apply", &rules, &["--plan", &both, "--yes"]).await;
    assert!(apply.out.contains("1 granted, 1 revoked"), "{apply:?}");
    assert_eq!(place.writes(), writes + 2);
}

#[tokio::test]
async fn a_paused_ledger_sends_nothing_until_it_is_resumed() {
    let (place, _) = Place::applied().await;
    let writes = place.writes();
    let fewer = place.file("rules.yaml", without_auditors());
    let pause = place.order(&["pause", "--by", "alba", "--reason", "incident 12"]).await;
    assert_eq!(pause.ending, Ending::Good, "{pause:?}");

    place.usher("apply", &fewer, &["--yes"]).await;
    assert_eq!(place.writes(), writes);
    let status = place.order(&["status"]).await;
    assert!(status.out.contains("Paused by alba") && status.out.contains("incident 12"), "{}", status.out);
    let withheld = place.order(&["withheld", "--output", "json"]).await.json();
    assert!(kinds(&withheld).contains(&"paused"), "{withheld}");

    let resume = place.order(&["resume", "--by", "alba"]).await;
    assert_eq!(resume.ending, Ending::Good, "{resume:?}");
    let apply = place.usher("apply", &fewer, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["revoked"], 3, "{apply:?}");
    let twice = place.order(&["resume", "--by", "alba"]).await;
    assert!(twice.err.contains("not paused"), "{}", twice.err);
}

#[tokio::test]
async fn a_principal_an_account_and_a_key_are_held_and_released() {
    for (target, kind, held) in [
        ("group:Auditors", "held_principal", 3),
        ("200000000001", "held_account", 1),
        (AUDITORS, "held_key", 1),
    ] {
        let (place, _) = Place::applied().await;
        let writes = place.writes();
        let hold = place.order(&["hold", target, "--by", "alba"]).await;
        assert_eq!(hold.ending, Ending::Good, "{hold:?}");
        let fewer = place.file("rules.yaml", without_auditors());
        place.usher("apply", &fewer, &["--yes"]).await;
        assert_eq!(place.writes(), writes + 3 - held, "{target}");

        let withheld = place.order(&["withheld", "--output", "json"]).await.json();
        assert!(kinds(&withheld).contains(&kind), "{withheld}");
        let released = place.order(&["release", target, "--by", "alba"]).await;
        assert_eq!(released.ending, Ending::Good, "{released:?}");
        place.usher("apply", &fewer, &["--yes"]).await;
        assert_eq!(place.writes(), writes + 3, "{target}");
    }
}

#[tokio::test]
async fn what_is_on_record_is_told_by_name_and_as_commands_take_it() {
    let (place, _) = Place::applied().await;
    for order in [
        ["hold", AUDITORS],
        ["release", AUDITORS],
        ["hold", "group:Auditors"],
        ["hold", "200000000001"],
        ["adopt", DEVELOPERS],
        ["disown", DEVELOPERS],
    ] {
        let ran = place.order(&[&order[..], &["--by", "alba"]].concat()).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    }
    let calls = place.world().log().len();
    let told = place.order(&["approvals"]).await.out;
    for part in [
        format!("put on hold {AUDITORS}"),
        format!("released {AUDITORS}"),
        "put on hold group:Auditors".to_owned(),
        "put on hold account:200000000001".to_owned(),
        format!("adopted {DEVELOPERS}"),
        format!("disowned {DEVELOPERS}"),
    ] {
        assert!(told.contains(&part), "{part}: {told}");
    }
    assert_eq!(place.world().log().len(), calls, "nothing is asked of AWS");
}

#[tokio::test]
async fn a_hold_is_given_by_ids_where_aws_can_not_be_asked_and_by_names_it_is_refused() {
    let (mut place, _) = Place::applied().await;
    let auditors = format!("group:{}", place.world().group_named("Auditors").unwrap());
    place.machine.connection = Some(Connection::to_stand_in("http://127.0.0.1:9", "AKIAEXAMPLE"));
    // The ledger knows one of the accounts, and of the other nobody can tell.
    for target in ["200000000001", "200000000011", auditors.as_str()] {
        let hold = place.order(&["hold", target, "--by", "alba"]).await;
        assert_eq!(hold.ending, Ending::Good, "{hold:?}");
        assert!(hold.out.contains("On hold"), "{}", hold.out);
    }
    let by_name = place.order(&["hold", "group:Developers", "--by", "alba"]).await;
    assert_eq!(by_name.ending, Ending::Bad);
    assert!(by_name.err.contains("cannot use IAM Identity Center"), "{}", by_name.err);
    let held = place.order(&["approvals", "--json"]).await.json();
    assert_eq!(held["records"].as_array().unwrap().len(), 3, "{held}");
}

#[tokio::test]
async fn what_others_made_is_adopted_and_what_is_ours_is_given_up() {
    let (place, rules) = Place::applied().await;
    let adopt = place.order(&["adopt", DEVELOPERS, "--by", "alba"]).await;
    assert_eq!(adopt.ending, Ending::Good, "{adopt:?}");
    assert!(adopt.out.contains("wanted by developers"), "{}", adopt.out);
    for words in [
        &["adopt", DEVELOPERS][..],
        &["release", DEVELOPERS],
        &["release", "group:Developers"],
        &["approve", DEVELOPERS, "--yes"],
    ] {
        let refused = place.order(&[words, &["--by", "alba"]].concat()).await;
        let told = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            refused.ending == Ending::Bad && told.contains(&format!("`{}`", words[1])),
            "{words:?}: {told}"
        );
    }
    let plan = place.usher("plan", &rules, &["--json"]).await;
    assert!(!plan.out.contains("\"foreign\""), "{}", plan.out);

    let disown = place.order(&["disown", DEVELOPERS, "--by", "alba"]).await;
    assert_eq!(disown.ending, Ending::Good, "{disown:?}");
    let plan = place.usher("plan", &rules, &["--json"]).await;
    assert!(plan.out.contains("\"foreign\""), "{}", plan.out);
    assert_eq!(place.writes(), 4, "nothing changes in AWS by it");

    let nobody = place.order(&["adopt", "200000000001/PowerUserAccess/group:Nobody", "--by", "alba"]).await;
    assert!(nobody.err.contains("no user and no group is called `group:Nobody`"), "{}", nobody.err);
    let nearly =
        place.order(&["adopt", "200000000001/PowerUserAcces/group:Developers", "--by", "alba"]).await;
    assert!(nearly.err.contains("perhaps PowerUserAccess is meant"), "{}", nearly.err);
    let nowhere = place.order(&["hold", "200000000011", "--by", "alba"]).await;
    assert!(nowhere.err.contains("no account `200000000011`"), "{}", nowhere.err);
    assert!(nowhere.err.contains("200000000001"), "{}", nowhere.err);
    let nearly = place.order(&["hold", "group:Developer", "--by", "alba"]).await;
    assert!(nearly.err.contains("perhaps group:Developers is meant"), "{}", nearly.err);
    let no_set = place.order(&["disown", "200000000001/Power/group:Developers", "--by", "alba"]).await;
    assert!(no_set.err.contains("no permission set `Power`"), "{}", no_set.err);
}

#[tokio::test]
async fn a_name_is_confirmed_for_the_permission_set_that_bears_it() {
    let (place, _) = Place::applied().await;
    let same = place.order(&["confirm", "ReadOnlyAccess", "--by", "alba"]).await;
    assert_eq!(same.ending, Ending::Good, "{same:?}");
    assert!(same.out.contains("from now on; as before."), "{}", same.out);

    let other = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
    let other = place.order(&["confirm", "ReadOnlyAccess", other, "--by", "alba"]).await;
    assert_eq!(other.ending, Ending::Bad);
    assert!(other.err.contains("look again"), "{}", other.err);
    let nothing = place.order(&["confirm", "ReadOnly", "--by", "alba"]).await;
    assert!(nothing.err.contains("there is no permission set `ReadOnly`"), "{}", nothing.err);
}

#[tokio::test]
async fn rules_that_shrink_are_planned_approved_and_then_applied() {
    let place = Place::new(ORGANIZATION).await;
    let more: Vec<String> = (0..4)
        .map(|number| {
            format!(
                "  - id: more-{number}
    principals: [{{ group: Auditors }}]
    permission_sets: [ReadOnlyAccess]
    accounts: {{ in_ou: Development }}
"
            )
        })
        .collect();
    let more = format!("{RULES}{}", more.concat());
    let rules = place.file("rules.yaml", &more);
    place.usher("apply", &rules, &["--yes"]).await;
    let fewer = place.file("rules.yaml", RULES);

    let refused = place.usher("apply", &fewer, &["--yes"]).await;
    assert_eq!(refused.ending, Ending::Bad, "{refused:?}");
    assert!(refused.err.contains("shrunk"), "{}", refused.err);
    let plan = place.usher("plan", &fewer, &["--json"]).await;
    assert_eq!(plan.json()["shrinks"], true);
    let text = place.usher("plan", &fewer, &[]).await.out;
    assert!(text.contains("so few rules, let through: ") && !text.contains("usher apply"), "{text}");
    assert!(!text.contains("over budget"), "{text}");
    let comment = place.usher("plan", &fewer, &["--output", "markdown"]).await.out;
    assert!(comment.contains("**The rules have shrunk**") && !comment.contains("Over budget"), "{comment}");
    let approve = place.usher("approve", &fewer, &["--plan", &hash(&plan), "--yes", "--by", "alba"]).await;
    assert_eq!(approve.ending, Ending::Good, "{approve:?}");
    assert!(approve.out.contains("and rules that have shrunk, approved"), "{}", approve.out);
    let approved = place.usher("plan", &fewer, &["--json"]).await.json();
    assert_eq!(
        (&approved["shrinks"], &approved["hash"]),
        (&false.into(), &plan.json()["hash"]),
        "{approved}"
    );
    let apply = place.usher("apply", &fewer, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
}

#[tokio::test]
async fn what_waits_is_told_by_reason_with_commands_that_the_tool_takes() {
    let (place, _) = Place::applied().await;
    let withheld = place.order(&["withheld"]).await;
    assert_eq!(withheld.ending, Ending::Good, "{withheld:?}");
    insta::assert_snapshot!(withheld.out, @r"
    Made by others (1)
      way out: `usher adopt KEY` makes it Usher's own; else it stays theirs
      ! 200000000001/PowerUserAccess/group:Developers  shop-dev  not granted: exists already, made by others; it stays theirs unless `usher adopt` takes it over (rule developers)

    Forbidden by a `never` (1)
      way out: it is as the rules say; nothing waits for you
      ! 200000000003/PowerUserAccess/group:Developers  shop-prod  not granted: forbidden by a `never` (rule developers)

    Waiting: 2 withheld.
    ");
    let json = place.order(&["withheld", "--output", "json"]).await.json();
    let command = json["groups"][0]["assignments"][0]["command"].as_str().unwrap();
    assert!(Cli::try_parse_from(command.split(' ')).is_ok(), "{command}");
    assert!(
        command.ends_with(&format!(" --ledger {}", place.path("state/ledger.db").display())),
        "{command}"
    );
    let markdown = place.order(&["withheld", "--output", "markdown"]).await;
    assert!(markdown.out.starts_with("### Usher: 2 withheld\n"), "{}", markdown.out);
}

#[tokio::test]
async fn a_command_that_a_plan_suggests_is_about_the_same_ledger() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &bounded("max_creates: 1"));
    let plan = place.usher("plan", &rules, &[]).await.out;
    for (verb, more) in [("approve", &["--yes", "--by", "alba"][..]), ("apply", &["--yes"])] {
        let suggested = plan.lines().find_map(|line| line.split_once(&format!("usher {verb} ")));
        let (_, words) = suggested.unwrap_or_else(|| panic!("{plan}"));
        let line: Vec<&str> =
            ["usher", verb].into_iter().chain(words.split(' ')).chain(more.iter().copied()).collect();
        let ran = run(&line, place.machine()).await;
        assert_eq!(ran.ending, Ending::Good, "{line:?}: {ran:?}");
    }
    assert!(place.path("state/ledger.db").exists());
    assert!(place.writes() > 1, "what was over the budget was approved");
}

#[tokio::test]
async fn whoever_consents_has_a_name() {
    let (place, _) = Place::applied().await;
    let pause = place.order(&["pause", "--by", ""]).await;
    assert_eq!(pause.ending, Ending::Bad, "{pause:?}");
    assert!(pause.err.contains("a name is needed") && pause.err.contains("--by"), "{}", pause.err);
}
