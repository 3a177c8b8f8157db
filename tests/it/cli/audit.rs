//! `audit`, from its command line to its output.

use std::time::Duration;

use cli::Ending;
use serde_json::{Value, json};
use shared::{audit::Audit, clock::SystemClock, domain::AssignmentKey, domain::Principal, ports::Clock as _};
use simulator::{Caller, CallerKind, Fault};

use super::{Place, Ran};

/// Alice develops, Bob audits and has something of his own, and two things were made by hand.
const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "200000000001", tags: { Team: shop } }
      - { name: search-dev, id: "200000000002", tags: { Team: search } }
  - name: Production
    accounts:
      - { name: shop-prod, id: "200000000003", tags: { Team: shop } }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets:
  - { name: ReadOnlyAccess }
  - { name: PowerUserAccess }
groups: [{ name: Developers }, { name: Auditors }, { name: "=Evil" }]
users:
  - { user_name: alice@example.com, display_name: Alice Example, groups: [Developers] }
  - { user_name: bob@example.com, display_name: Bob Example, groups: [Auditors] }
  - { user_name: carol@example.com, display_name: Carol Example }
assignments:
  - { account: shop-prod, permission_set: PowerUserAccess, user: bob@example.com }
  - { account: shop-prod, permission_set: ReadOnlyAccess, group: "=Evil" }
"#;

const RULES: &str = "
version: 1
settings: { mode: sync }
rules:
  - id: developers
    principals: [{ group: Developers }]
    permission_sets: [PowerUserAccess]
    accounts: { in_ou: Development }
    until: 2036-03-31T00:00:00Z
  - id: auditors
    principals: [{ group: Auditors }]
    permission_sets: [ReadOnlyAccess]
    accounts: everywhere
";

async fn applied() -> Place {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    place
}

impl Place {
    async fn audit(&self, words: &[&str]) -> Ran {
        let mut line = vec!["audit"];
        line.extend(words);
        self.order(&line).await
    }

    async fn audited(&self, words: &[&str]) -> String {
        let ran = self.audit(words).await;
        assert_eq!(ran.ending, Ending::Good, "{words:?}: {ran:?}");
        ran.out
    }
}

#[tokio::test]
async fn a_summary_comes_first_and_each_question_has_its_answer() {
    let place = applied().await;
    let summary = place.audited(&[]).await;
    for told in [
        "4 accounts in 2 OUs, 2 permission sets, 2 people with access of 3",
        "7 assignments",
        "5  ours       Usher's",
        "2  foreign    made by others",
        "2  expiring   the first at 2036-03-31 00:00 UTC",
    ] {
        assert!(summary.contains(told), "`{told}` is missing in:\n{summary}");
    }

    let account = place.audited(&["--account", "shop-dev"]).await;
    assert!(account.contains("2 people can reach it"), "{account}");
    assert!(
        account.contains("alice@example.com  Alice Example  ours  through Developers, by developers"),
        "{account}"
    );
    let person = place.audited(&["--person", "bob@example.com"]).await;
    assert!(person.contains("3 accounts can be reached"), "{person}");
    assert!(person.contains("member of  Auditors") && person.contains("their own"), "{person}");
    let nothing = place.audited(&["--person", "carol@example.com"]).await;
    assert!(nothing.contains("0 accounts can be reached"), "{nothing}");
    let set = place.audited(&["--permission-set", "PowerUserAccess"]).await;
    assert!(set.contains("Provisioned in 3 accounts, up to date in all"), "{set}");
    assert!(set.contains("the rules do not declare it"), "{set}");
    let foreign = place.audited(&["--only", "foreign"]).await;
    assert!(foreign.contains("2 assignments") && foreign.contains("user bob@example.com"), "{foreign}");
    assert!(!foreign.contains("Developers"), "{foreign}");
    let markdown = place.audited(&["--output", "markdown", "--account", "shop-prod"]).await;
    assert!(
        markdown.contains("| `shop-prod` | `PowerUserAccess` | `bob@example.com` | `their own` | foreign |"),
        "{markdown}"
    );
}

#[tokio::test]
async fn the_page_has_the_report_and_opens_at_what_was_asked() {
    let place = applied().await;
    let page = place.audited(&["--output", "html"]).await;
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", page.get(..80).unwrap());
    for name in ["shop-prod", "PowerUserAccess", "bob@example.com", "=Evil"] {
        assert!(page.contains(&format!("\"{name}\"")), "{name}");
    }
    let account = place.audited(&["--output", "html", "--account", "shop-prod"]).await;
    assert!(account.contains("data-start=\"#/account/200000000003\""));
    assert!(account.contains("only of what there is in account shop-prod (200000000003)"));
    let foreign = place.audited(&["--output", "html", "--only", "foreign,drifted"]).await;
    assert!(foreign.contains("data-start=\"#/matrix?standing=foreign,drifted\""));
}

#[tokio::test]
async fn tables_are_for_spreadsheets_and_no_cell_is_a_formula() {
    let place = applied().await;
    let table = place.audited(&["--output", "csv"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 8, "{table}");
    assert!(
        lines[0].starts_with("account_id,account,ou,permission_set,principal_type,principal,"),
        "{}",
        lines[0]
    );
    assert!(table.contains("200000000003,shop-prod,Production,ReadOnlyAccess,group,'=Evil,"), "{table}");
    let people = place.audited(&["--output", "csv", "--account", "200000000003"]).await;
    assert!(people.contains("bob@example.com,Bob Example,"), "{people}");
    assert!(people.contains("(nobody is in it)"), "an empty group is told: {people}");
}

#[tokio::test]
async fn a_report_that_was_kept_answers_without_aws_and_is_what_changes_are_told_since() {
    let place = applied().await;
    let monday = place.path("reports/monday.json");
    let monday = monday.to_str().unwrap();
    let kept = place.audit(&["--output", "json", "--out", monday]).await;
    assert_eq!((kept.ending, kept.out.as_str()), (Ending::Good, ""), "{kept:?}");
    assert!(kept.err.contains("7 assignments"), "{}", kept.err);
    let report: Audit = serde_json::from_slice(&std::fs::read(monday).unwrap()).unwrap();
    assert_eq!(report.taken.region.as_deref(), Some("us-east-1"));

    let calls = place.world().log().len();
    for question in
        [["--account", "shop-dev"], ["--person", "bob@example.com"], ["--permission-set", "ReadOnlyAccess"]]
    {
        let from = [&["--from", monday, "--output", "csv"], question.as_slice()].concat();
        let kept = place.audited(&from).await;
        assert!(kept.lines().count() > 1, "{kept}");
    }
    assert_eq!(place.world().log().len(), calls, "nothing is asked of AWS");

    let (gone, appeared) = {
        let world = place.world();
        let key = |account: &str, set: &str, principal: Principal| AssignmentKey {
            account: world.account_named(account).unwrap(),
            permission_set: world.permission_set_named(set).unwrap(),
            principal,
        };
        let group = |name: &str| Principal::Group(world.group_named(name).unwrap());
        let carol = Principal::User(world.user_named("carol@example.com").unwrap());
        (key("shop-dev", "ReadOnlyAccess", group("Auditors")), key("search-dev", "ReadOnlyAccess", carol))
    };
    {
        let mut world = place.world();
        let person = Caller::new("console-admin", world.management_account().clone(), CallerKind::Management);
        world.revoke_by_hand(SystemClock.now(), &gone);
        world.grant_by_hand(SystemClock.now(), &person, &appeared);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let changes = place.audited(&["--since", monday]).await;
    assert!(changes.contains("2 changes since"), "{changes}");
    assert!(
        changes.contains("appeared  ReadOnlyAccess  search-dev 200000000002  user carol@example.com"),
        "{changes}"
    );
    assert!(changes.contains("gone  ReadOnlyAccess  shop-dev 200000000001  group Auditors"), "{changes}");
    let json: Value = serde_json::from_str(&place.audited(&["--since", monday, "--json"]).await).unwrap();
    assert_eq!(json["changes"].as_array().unwrap().len(), 2);
    assert_eq!(json["taken"]["since"], json!(report.taken.began));

    // What is compared without the ledger is not said to be anybody's doing.
    let tuesday = place.path("reports/tuesday.json");
    let tuesday = tuesday.to_str().unwrap();
    place.audited(&["--output", "json", "--out", tuesday]).await;
    let compared = place.audited(&["--from", tuesday, "--since", monday]).await;
    assert!(compared.contains("who took it away is not in the two reports"), "{compared}");
    let page = place.audited(&["--from", tuesday, "--since", monday, "--output", "html"]).await;
    assert!(!page.contains("and not by Usher"));
}

#[tokio::test]
async fn what_was_given_up_is_told_with_when_and_by_whom() {
    let place = applied().await;
    let monday = place.path("monday.json");
    let monday = monday.to_str().unwrap();
    place.audited(&["--output", "json", "--out", monday]).await;
    let key = "200000000001/ReadOnlyAccess/group:Auditors";
    for order in [
        // The last time counts, and only of what was given up since.
        &["disown", key, "--by", "berta", "--reason", "by mistake"][..],
        &["adopt", key, "--by", "berta"],
        &["disown", key, "--by", "alba", "--reason", "theirs by now"],
    ] {
        let ran = place.order(order).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    }
    let told: Value = serde_json::from_str(&place.audited(&["--since", monday, "--json"]).await).unwrap();
    let [change] = told["changes"].as_array().unwrap().as_slice() else { panic!("{}", told["changes"]) };
    let journal = place.order(&["approvals", "--json"]).await.json();
    let record = journal["records"].as_array().unwrap().last().unwrap();
    assert_eq!(change["change"], "disowned");
    assert_eq!(change["at"], record["at"]);
    assert_eq!(change["cause"], json!(format!("command:{}", record["id"].as_str().unwrap())));
    assert_eq!(change["note"], "alba gave it up: theirs by now");
    assert_eq!(change["rules"], json!(["auditors"]));

    let tuesday = place.path("tuesday.json");
    let tuesday = tuesday.to_str().unwrap();
    place.audited(&["--output", "json", "--out", tuesday]).await;
    let compared = place.audited(&["--from", tuesday, "--since", monday]).await;
    assert!(compared.contains("disowned") && !compared.contains("alba"), "by the reports alone: {compared}");
}

#[tokio::test]
async fn what_is_not_there_is_told_and_counted_apart() {
    let place = applied().await;
    let gone = {
        let mut world = place.world();
        let gone = AssignmentKey {
            account: world.account_named("shop-dev").unwrap(),
            permission_set: world.permission_set_named("ReadOnlyAccess").unwrap(),
            principal: Principal::Group(world.group_named("Auditors").unwrap()),
        };
        world.revoke_by_hand(SystemClock.now(), &gone);
        gone
    };
    let summary = place.audited(&[]).await;
    assert!(summary.contains("6 assignments") && summary.contains("; 1 not there"), "{summary}");
    let set = place.audited(&["--permission-set", "ReadOnlyAccess"]).await;
    assert!(set.contains(", and 1 not there"), "{} in {set}", gone.account);
    let table = place.audited(&["--output", "markdown"]).await;
    assert!(table.contains("; 1 not there |"), "{table}");
}

#[tokio::test]
async fn what_can_not_be_answered_says_why_and_writes_nothing() {
    let place = applied().await;
    for (words, said) in [
        (["--account", "shop-dve"], "perhaps shop-dev (200000000001) is meant"),
        (["--account", "999999999999"], "the organization has no account `999999999999`"),
        (["--person", "alise@example.com"], "perhaps user:alice@example.com"),
        (["--person", "group:Developers"], "no user and no group is called `group:Developers`"),
        (["--permission-set", "PowerUserAcess"], "perhaps PowerUserAccess is meant"),
        (["--from", "nowhere.json"], "cannot read the report `nowhere.json`"),
    ] {
        let ran = place.audit(&words).await;
        assert_eq!((ran.ending, ran.out.as_str()), (Ending::Bad, ""), "{ran:?}");
        let told = ran.err.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(told.contains(said), "{words:?}: {}", ran.err);
    }
    let broken = place.file("broken.json", "{ \"format\": 1 }");
    let ran = place.audit(&["--since", broken.to_str().unwrap()]).await;
    assert!(ran.err.contains("cannot be used as a report"), "{}", ran.err);
    let taken = place.file("taken", "");
    let below = taken.join("all.csv");
    let ran = place.audit(&["--account", "shop-dev", "--out", below.to_str().unwrap()]).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(ran.err.contains("cannot write the file"), "{}", ran.err);
}

#[tokio::test]
async fn what_could_not_be_read_is_told_and_changes_the_exit_code() {
    let place = applied().await;
    place.world().fail_next("ListGroupMemberships", Fault::AccessDenied, 1);
    let ran = place.audit(&[]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(ran.out.contains("Not read (1): what is told leaves it out"), "{}", ran.out);
    assert!(ran.out.contains("7 assignments"), "the rest is told: {}", ran.out);
    place.world().fail_next("ListGroupMemberships", Fault::AccessDenied, 9);
    let told = place.audit(&["--account", "shop-dev"]).await.out;
    assert!(told.contains("at least 0 people can reach it"), "{told}");
    place.world().fail_next("ListAccountsForProvisionedPermissionSet", Fault::AccessDenied, 9);
    let told = place.audit(&["--permission-set", "ReadOnlyAccess"]).await.out;
    assert!(told.contains("Where it is provisioned could not be read"), "{told}");
    assert!(told.contains("at least ") && !told.contains("Provisioned in"), "{told}");
    let whole = place.path("whole.json");
    place.world().fail_next("ListPermissionSets", Fault::AccessDenied, 9);
    let ran = place.audit(&["--json", "--out", whole.to_str().unwrap()]).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(!whole.exists(), "there is no report at all, and no half of one");
}

#[tokio::test]
async fn nobody_is_said_to_be_missing_who_was_not_read() {
    let place = applied().await;
    place.world().fail_next("ListUsers", Fault::AccessDenied, 50);
    let ran = place.audit(&["--person", "alice@example.com"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    let told = ran.err.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
    assert!(told.contains("whether anybody is called `alice@example.com` can't be told"), "{told}");
    assert!(!told.contains("no user and no group"), "{told}");
}

#[tokio::test]
async fn a_rule_that_can_not_be_told_is_named_once_and_changes_the_exit_code() {
    let place = applied().await;
    place.world().fail_next("GetGroupId", Fault::AccessDenied, 500);
    let ran = place.audit(&["--json"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{}", ran.err);
    let unread = ran.json()["unread"].clone();
    let of_rules: Vec<&str> =
        unread.as_array().unwrap().iter().filter_map(|one| one["scope"]["rule"].as_str()).collect();
    assert_eq!(of_rules, ["auditors", "developers"], "{unread}");
    assert!(unread.to_string().contains("what the rule `auditors` wants"), "{unread}");
    let text = place.audit(&[]).await.out;
    assert!(text.contains("what the rule `developers` wants"), "{text}");
}

#[tokio::test]
async fn without_a_ledger_and_without_rules_it_tells_what_there_is() {
    let place = Place::new(ORGANIZATION).await;
    let told = place.audited(&[]).await;
    assert!(told.contains("no rules in force"), "{told}");
    assert!(told.contains("2  foreign") && told.contains("0  ours"), "{told}");
    assert!(!place.path("state").exists(), "and makes nothing");
}

#[tokio::test]
async fn what_a_person_has_is_not_told_as_nothing_where_nobody_may_ask() {
    let place = Place::new(ORGANIZATION).await;
    place.world().fail_next("ListAccountAssignmentsForPrincipal", simulator::Fault::AccessDenied, 50);
    let ran = place.order(&["audit", "--person", "alice@example.com"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(ran.out.contains("a whole report goes by account where this is not allowed"), "{}", ran.out);
}
