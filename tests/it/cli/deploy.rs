//! `usher deploy check`: before a deployment each thing that would go wrong, after one whether an event gets through.

use cli::{Ending, Machine};
use serde_json::{Value, json};
use shared::{
    clock::SystemClock, domain::Route, engine::self_test_record, local::SqliteLedger,
    ports::LedgerReader as _,
};

use super::{
    ORGANIZATION, Place, RULES, Ran,
    beside::{There, beside},
    run,
    simulation::Simulation,
};

const NAMES: [&str; 4] = ["--rules-bucket", "example-rules", "--reports-bucket", "example-reports"];

fn all() -> Value {
    json!({ "EventSelectors": [{ "ReadWriteType": "All", "IncludeManagementEvents": true }] })
}

/// An account in which everything is as it should be.
fn ready() -> There {
    There { trails: vec![("all-regions", true, all())], unreserved: Some(1000), ..There::default() }
}

/// `usher deploy check <more>` where this is there.
async fn check(place: &Place, there: There, more: &[&str]) -> Ran {
    Box::pin(check_as(place, "AKIAEXAMPLEUSHER", there, more)).await
}

async fn check_as(place: &Place, access_key: &str, there: There, more: &[&str]) -> Ran {
    let mut machine = place.machine().clone();
    machine.connection = Some(beside(machine.connection.as_ref().unwrap(), access_key, there).await);
    run(&[&["usher", "deploy", "check"], more].concat(), &machine).await
}

/// The findings of one thing, each with its verdict.
fn found(ran: &Ran, what: &str) -> Vec<(String, String, String)> {
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["what"] == what);
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap_or_default().to_owned();
    findings
        .map(|finding| (text(finding, "verdict"), text(finding, "found"), text(finding, "way_out")))
        .collect()
}

/// The one finding of a thing that has this verdict, with its way out behind it.
fn one(ran: &Ran, what: &str, verdict: &str) -> String {
    let all = found(ran, what);
    let mut those = all.iter().filter(|(is, ..)| is == verdict);
    let (Some((_, found, way_out)), None) = (those.next(), those.next()) else { panic!("{what}: {all:?}") };
    format!("{found} >> {way_out}")
}

#[tokio::test]
async fn where_everything_is_ready_the_check_says_so_and_tells_the_parameters() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let more =
        [&NAMES[..], &["--organization-id", "o-exampleorg1", "--management-account-id", "111122223333"]]
            .concat();
    let ran = check(&place, ready(), &[&more[..], &["--rules", rules.to_str().unwrap()]].concat()).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    for told in [
        "✓ parameters      InstanceArn=arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6 OrganizationId=o-exampleorg1 ManagementAccountId=111122223333",
        "✓ table           usher-ledger is free, and will be made",
        "✓ rules bucket    example-rules is free, and will be made",
        "✓ reports bucket  example-reports is free, and will be made",
        "✓ rules           2 rules, without mistakes, mode sync",
        "✓ trail           all-regions, the organization's: it logs management events in us-east-1",
        "✓ concurrency     1000 executions are not reserved yet; the service reserves 7",
        "The service can be deployed.",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let json = check(&place, ready(), &[&NAMES[..], &["--json"]].concat()).await.json();
    assert_eq!(
        (&json["ok"], &json["stage"], &json["self_tests"]),
        (&json!(true), &json!("before"), &json!([]))
    );
    assert_eq!(place.writes(), 0);
}

#[tokio::test]
async fn in_another_region_than_the_instances_the_check_names_the_right_one() {
    let place = Place::new(ORGANIZATION).await;
    let there = There { instance_in: Some("eu-central-1"), ..ready() };
    let ran = check(&place, there, &["--json"]).await;
    assert_eq!(ran.ending, Ending::Bad);
    let told = one(&ran, "instance", "bad");
    assert!(told.contains("no Identity Center instance in us-east-1: it is in eu-central-1"), "{told}");
    assert!(told.contains("--region eu-central-1"), "{told}");
    // Extended to this Region, it can be seen here, and is written to in its own alone.
    let there = There { instance_in: Some("eu-central-1"), extended: true, ..ready() };
    let told = one(&check(&place, there, &["--json"]).await, "instance", "bad");
    assert!(told.contains("is in us-east-1 too, and its primary Region is eu-central-1"), "{told}");
}

#[tokio::test]
async fn permission_sets_that_are_switched_off_are_told_with_the_way_to_switch_them_on() {
    let off = ORGANIZATION.replace("name: example }", "name: example, permission_sets_enabled: false }");
    assert_ne!(off, ORGANIZATION);
    let without =
        off.replace("  - { account: shop-dev, permission_set: PowerUserAccess, group: Developers }\n", "");
    let without = without
        .replace("assignments:\n", "")
        .replace("permission_sets:\n  - { name: ReadOnlyAccess }\n  - { name: PowerUserAccess }\n", "");
    let place = Place::new(&without).await;
    let ran = check(&place, ready(), &["--json"]).await;
    assert_eq!(ran.ending, Ending::Bad);
    let told = one(&ran, "instance", "bad");
    assert!(told.contains("permission sets are switched off"), "{told}");
}

#[tokio::test]
async fn ids_of_another_organization_are_told_with_the_right_ones() {
    let place = Place::new(ORGANIZATION).await;
    let more = ["--organization-id", "o-otherorg123", "--management-account-id", "444455556666", "--json"];
    let ran = check(&place, ready(), &more).await;
    assert_eq!(ran.ending, Ending::Bad);
    let told = found(&ran, "parameters");
    let [(_, organization, right), (_, account, _), (good, ..)] = &told[..] else { panic!("{told:?}") };
    assert!(
        organization.contains("would be o-otherorg123, and this is the organization o-exampleorg1"),
        "{told:?}"
    );
    assert!(right.contains("OrganizationId=o-exampleorg1"), "{told:?}");
    assert!(account.contains("would be 444455556666, and the organization's is 111122223333"), "{told:?}");
    assert_eq!(good, "good");
}

#[tokio::test]
async fn a_table_that_is_there_is_an_error_unless_it_is_meant_and_is_a_ledger() {
    let place = Place::new(ORGANIZATION).await;
    let with = |keys: &[&'static str]| There { tables: [("usher-ledger", keys.to_vec())].into(), ..ready() };
    let ledger = ["pk", "sk"];
    let told = one(&check(&place, with(&ledger), &["--json"]).await, "table", "bad");
    assert!(told.contains("already") && told.contains("LedgerTableIs=existing"), "{told}");
    let meant = ["--existing", "table", "--json"];
    assert!(one(&check(&place, with(&ledger), &meant).await, "table", "good").contains("a ledger's keys"));
    for more in [&meant[..], &meant[2..]] {
        let told = one(&check(&place, with(&["id"]), more).await, "table", "bad");
        assert!(told.contains("no ledger of Usher's"), "{told}");
    }
    let told = one(&check(&place, ready(), &meant).await, "table", "bad");
    assert!(told.contains("there is no table usher-ledger"), "{told}");
}

/// DynamoDB restores neither protection nor recovery nor expiry, and leaves indexes out if it is told to.
#[tokio::test]
async fn a_table_that_was_restored_is_told_what_it_has_lost_and_how_to_give_it_back() {
    let place = Place::new(ORGANIZATION).await;
    let tables = || [("usher-ledger", vec!["pk", "sk"])].into();
    let with = |lost: &[&'static str]| There { tables: tables(), lost: lost.to_vec(), ..ready() };
    let meant = ["--existing", "table", "--json"];
    let lost = check(&place, with(&["protection", "recovery", "expiry"]), &meant).await;
    assert_eq!(lost.ending, Ending::Good, "it works, and is not safe: {lost:?}");
    let warned: Vec<_> =
        found(&lost, "table").into_iter().filter(|(verdict, ..)| verdict == "warning").collect();
    for (told, command) in [
        ("can be deleted by mistake", "update-table --table-name usher-ledger --deletion-protection-enabled"),
        ("can't be restored as it was", "update-continuous-backups --table-name usher-ledger"),
        ("keeps budgets for ever", "Enabled=true,AttributeName=budget_expires"),
    ] {
        assert!(
            warned.iter().any(|(_, found, way_out)| found.contains(told) && way_out.contains(command)),
            "{told}: {warned:?}"
        );
    }
    assert_eq!(warned.len(), 3);
    let lost = check(&place, with(&["index"]), &meant).await;
    assert_eq!(lost.ending, Ending::Bad);
    let told = one(&lost, "table", "bad");
    assert!(told.contains("has no index `work`") && told.contains("\"IndexName\":\"work\""), "{told}");

    // The same of the one that the service works with.
    let outputs = [("usher", "export USHER_LEDGER_TABLE=usher-ledger".to_owned())].into();
    let there = There { outputs, ..with(&["recovery"]) };
    let told = one(&check(&place, there, &["--stack", "usher", "--json"]).await, "table", "warning");
    assert!(told.contains("PointInTimeRecoveryEnabled=true"), "{told}");
}

#[tokio::test]
async fn a_bucket_that_is_there_is_an_error_unless_it_is_meant_and_can_be_used() {
    let place = Place::new(ORGANIZATION).await;
    let with = |status, set_up| There { buckets: [("example-rules", status)].into(), set_up, ..ready() };
    let new = [&NAMES[..], &["--json"]].concat();
    let existing = [&new[..], &["--existing", "rules-bucket"]].concat();
    for (status, set_up, more, verdict, told) in [
        (200, false, &new, "bad", "already, and the deployment would fail"),
        (403, false, &new, "bad", "somebody else's"),
        (301, false, &new, "bad", "in another Region, eu-west-1"),
        (404, false, &existing, "bad", "there is no bucket example-rules"),
        (200, false, &existing, "bad", "is not versioned and sends no events to EventBridge"),
        (200, true, &existing, "good", "versioned, and sends its events to EventBridge"),
    ] {
        let ran = check(&place, with(status, set_up), more).await;
        let found = one(&ran, "rules bucket", verdict);
        assert!(found.contains(told), "{status}: {found}");
        assert_eq!(ran.ending == Ending::Good, verdict == "good", "{status}");
        assert!(one(&ran, "reports bucket", "good").contains("is free"));
    }
    let same = ["--rules-bucket", "example-rules", "--reports-bucket", "example-rules", "--json"];
    let told = found(&check(&place, ready(), &same).await, "reports bucket");
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("bad", "it would be that of the rules"));
}

#[tokio::test]
async fn a_bucket_of_another_account_that_lets_this_one_in_is_refused() {
    let place = Place::new(ORGANIZATION).await;
    let buckets = [("example-rules", 200)].into();
    let there = There { buckets, of_others: vec!["example-rules"], set_up: true, ..ready() };
    let ran = check(&place, there, &[&NAMES[..], &["--json", "--existing", "rules-bucket"]].concat()).await;
    assert!(one(&ran, "rules bucket", "bad").contains("example-rules is another account's"), "{ran:?}");
}

/// The template leaves a bucket as it is that it doesn't make.
#[tokio::test]
async fn a_bucket_that_is_there_and_open_is_told() {
    let place = Place::new(ORGANIZATION).await;
    let existing = [&NAMES[..], &["--json", "--existing", "reports-bucket"]].concat();
    for (open, verdict, told) in [
        (&["block"][..], "warning", "doesn't block public access >> `aws s3api put-public-access-block"),
        (&["block", "public"], "bad", "is public by its policy"),
        (&["plain"], "warning", "takes what doesn't come by TLS"),
        (&["unknown"], "warning", "s3:GetBucketPolicyStatus"),
    ] {
        let there = There { buckets: [("example-reports", 200)].into(), open: open.to_vec(), ..ready() };
        let ran = check(&place, there, &existing).await;
        let found = one(&ran, "reports bucket", verdict);
        assert!(found.contains(told), "{open:?}: {found}");
        assert_eq!(ran.ending == Ending::Good, verdict != "bad", "{open:?}");
    }
}

#[tokio::test]
async fn rules_that_cannot_be_read_are_told_before_they_are_deployed() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", "version: 1\nsettings: { mode: sink }\nrules: []\n");
    let ran = check(&place, ready(), &["--rules", rules.to_str().unwrap(), "--json"]).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(one(&ran, "rules", "bad").contains("usher rules check"));
}

#[tokio::test]
async fn without_a_trail_that_logs_what_is_written_the_check_warns() {
    let place = Place::new(ORGANIZATION).await;
    let reads =
        json!({ "EventSelectors": [{ "ReadWriteType": "ReadOnly", "IncludeManagementEvents": true }] });
    let data = json!({ "AdvancedEventSelectors": [{ "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Data"] }] }] });
    let finer = json!({ "AdvancedEventSelectors": [{ "FieldSelectors": [
        { "Field": "eventCategory", "Equals": ["Management"] }, { "Field": "eventSource", "Equals": ["s3.amazonaws.com"] }] }] });
    for (trails, told) in [
        (vec![], "there is no trail in us-east-1"),
        (vec![("off", false, all())], "no trail logs what is written in us-east-1: off"),
        (
            vec![("reads", true, reads), ("data", true, data)],
            "no trail logs what is written in us-east-1: reads, data",
        ),
        (vec![("finer", true, finer)], "whether finer logs all management events"),
    ] {
        let ran = check(&place, There { trails, ..ready() }, &["--json"]).await;
        assert_eq!(ran.ending, Ending::Good, "sweeps find what no event tells");
        let found = one(&ran, "trail", "warning");
        assert!(found.contains(told) && found.contains("create a trail"), "{found}");
    }
}

#[tokio::test]
async fn too_few_executions_for_what_is_reserved_are_told_with_what_to_ask_for() {
    let place = Place::new(ORGANIZATION).await;
    for (unreserved, verdict) in [(10, "bad"), (106, "bad"), (107, "good")] {
        let there = There { unreserved: Some(unreserved), ..ready() };
        let ran = check(&place, there, &["--json"]).await;
        let told = one(&ran, "concurrency", verdict);
        assert!(verdict == "good" || told.contains("Concurrent executions"), "{told}");
    }
    let ran = check(&place, There { unreserved: None, ..ready() }, &["--json"]).await;
    assert!(one(&ran, "concurrency", "warning").contains("lambda:GetAccountSettings"));
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_more_is() {
    let place = Place::new(&format!("{ORGANIZATION}unknown_access_keys: refused\n")).await;
    let ran = check_as(&place, "AKIAEXAMPLENOBODY", ready(), &["--json"]).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(one(&ran, "deployment", "untried").contains("AWS can't be asked"));
    let deployed = check_as(&place, "AKIAEXAMPLENOBODY", ready(), &["--deployed", "--json"]).await;
    assert!(one(&deployed, "service", "untried").contains("AWS can't be asked"));
}

/// A ledger with rules in force, as somebody has it who has applied them.
async fn applied(place: &Place) -> String {
    let rules = place.file("rules.yaml", RULES);
    let ran = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    place.path("state/ledger.db").display().to_string()
}

#[tokio::test]
async fn a_self_test_that_nobody_answers_is_told_with_the_last_hop_that_was_seen() {
    let place = Place::new(ORGANIZATION).await;
    let ledger = applied(&place).await;
    let writes = place.writes();
    let more = ["--deployed", "--ledger", &ledger, "--wait", "1s", "--json"];
    let ran = check(&place, ready(), &more).await;
    assert_eq!(ran.ending, Ending::Bad);
    let told = one(&ran, "self-test", "bad");
    assert!(told.contains("EventBridge has taken") && told.contains("no record came within 1 s"), "{told}");
    assert!(
        told.contains("account 111122223333 in us-east-1") && told.contains("docs/runbook.md#self-test"),
        "{told}"
    );
    let report = ran.json();
    let hops: Vec<&Value> =
        report["self_tests"][0]["hops"].as_array().unwrap().iter().map(|hop| &hop["hop"]).collect();
    assert_eq!(hops, ["sent", "taken"]);
    assert_eq!(report["self_tests"][0]["came"], false);
    assert!(one(&ran, "by the forwarder", "untried").contains("as the self-test before"));
    assert!(one(&ran, "rules", "good").contains("2 rules in force"));
    // The event is on the bus, as anybody would have put it there, and that is all.
    let events = place.world().take_events(jiff::Timestamp::MAX);
    let sent: Vec<&Value> = events.iter().filter(|event| event["source"] == "usher.self-test").collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["detail"].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "sent"]);
    assert_eq!(place.writes(), writes);
}

#[tokio::test]
async fn a_self_test_that_may_not_be_sent_is_told_with_the_right_that_is_missing() {
    let callers = r#"
callers:
  - access_key: AKIAEXAMPLEREADER
    role: reader
    policies:
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "*", Resource: "*" }
          - { Effect: Deny, Action: "events:PutEvents", Resource: "arn:aws:events:us-east-1:111122223333:event-bus/default" }
"#;
    let place = Place::new(&format!("{ORGANIZATION}{callers}")).await;
    let ledger = applied(&place).await;
    let ran =
        check_as(&place, "AKIAEXAMPLEREADER", ready(), &["--deployed", "--ledger", &ledger, "--json"]).await;
    let told = one(&ran, "self-test", "bad");
    assert!(
        told.contains("not authorized to perform: events:PutEvents")
            && told.contains("allow `events:PutEvents`"),
        "{told}"
    );
    assert_eq!(ran.json()["self_tests"][0]["hops"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_ledger_or_with_rules_that_are_gone_the_check_says_so() {
    let place = Place::new(ORGANIZATION).await;
    let ledger = applied(&place).await;
    let nowhere = place.path("nowhere.db").display().to_string();
    let ran = check(&place, ready(), &["--deployed", "--ledger", &nowhere, "--json"]).await;
    assert!(one(&ran, "ledger", "bad").contains("nowhere.db"));
    assert!(one(&ran, "self-test", "untried").contains("can't be read"));
    std::fs::remove_dir_all(place.path("state/rules")).unwrap();
    let ran = check(&place, ready(), &["--deployed", "--ledger", &ledger, "--wait", "1s", "--json"]).await;
    assert!(one(&ran, "rules", "bad").contains("publish the rules again"));
}

#[tokio::test]
async fn trusted_tags_that_no_attached_policy_keeps_are_told() {
    let place = Place::new(ORGANIZATION).await;
    let trusting = RULES.replace(
        "mode: sync",
        "mode: sync, trusted_account_tags: [Team, Environment], trusted_permission_set_tags: [Level]",
    );
    let rules = place.file("rules.yaml", &trusting);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let ledger = place.path("state/ledger.db").display().to_string();
    // As infra/trusted-tags.yaml makes it.
    let keeps = |service: &str, keys: &[&str]| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Resource": "*", "Action": [format!("{service}:TagResource"), format!("{service}:UntagResource")],
            "Condition": {
                "ForAnyValue:StringEqualsIgnoreCase": { "aws:TagKeys": keys },
                "ArnNotLike": { "aws:PrincipalArn": ["arn:aws:iam::111122223333:role/access"] },
            },
        }] })
    };
    let look = async |policies: Vec<(&'static str, usize, Value)>| {
        let more = ["--deployed", "--ledger", &ledger, "--wait", "1ms", "--json"];
        Box::pin(check(&place, There { policies, ..ready() }, &more)).await
    };
    let own = ("FullAWSAccess", 1, json!({}));
    let accounts = |targets| ("accounts", targets, keeps("organizations", &["Team", "environment"]));
    let sets = ("sets", 1, keeps("sso", &["Level"]));

    let all = look(vec![own.clone(), accounts(2), sets.clone()]).await;
    assert_eq!(
        one(&all, "trusted tags", "good"),
        "Environment of accounts, Team of accounts, Level of permission sets are kept where these are attached: accounts (2 targets), sets (1 target) >> "
    );
    let told = one(&look(vec![own.clone(), accounts(0), sets]).await, "trusted tags", "warning");
    assert!(told.contains("keeps Environment of accounts, Team of accounts: whoever may set them"), "{told}");
    assert!(told.contains("attached to nothing: accounts >> infra/trusted-tags.yaml"), "{told}");
    let none = one(&look(vec![own]).await, "trusted tags", "warning");
    assert!(none.contains("Level of permission sets: whoever may set them gives access >> "), "{none}");
    let denied = one(&look(Vec::new()).await, "trusted tags", "untried");
    assert!(denied.contains("not allowed") && denied.contains("organizations:ListPolicies"), "{denied}");
}

#[tokio::test]
async fn a_stack_is_found_by_its_outputs_and_what_is_missing_of_it_is_told() {
    let place = Place::new(ORGANIZATION).await;
    let queue = |name: &str| format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}");
    let settings = format!(
        "export AWS_REGION=us-east-1\nexport USHER_LEDGER_TABLE=usher-ledger\nexport USHER_RULES_BUCKET=example-rules\n\
         export USHER_INBOX_QUEUE_URL={}\nexport USHER_WAKE_QUEUE_URL={}\nexport USHER_POLL_QUEUE_URL={}\n\
         export USHER_PARKED_QUEUE_URL={}\n",
        queue("usher-inbox.fifo"),
        queue("usher-wake"),
        queue("usher-polls"),
        queue("usher-parked")
    );
    let there = There {
        outputs: [("usher", settings)].into(),
        queues: [("usher-inbox.fifo", 3), ("usher-wake", 0), ("usher-parked", 2)].into(),
        ..ready()
    };
    let ran = check(&place, there.clone(), &["--stack", "usher", "--json"]).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(one(&ran, "ledger", "bad").contains("dynamodb:usher-ledger"));
    assert!(one(&ran, "queues", "good").contains("inbox (3), wake (0), parked (2)"));
    assert!(one(&ran, "queues", "bad").contains("polls: "));
    assert!(one(&ran, "dead letters", "warning").contains("2 messages are put aside"));
    assert!(one(&ran, "outcome bus", "bad").contains("USHER_OUTCOME_BUS"));

    let ran = check(&place, there, &["--stack", "another", "--json"]).await;
    assert!(one(&ran, "stack", "bad").contains("Stack with id another does not exist"));
}

/// The whole way but for the forwarder, which is not simulated: event, function, ledger, and back.
#[tokio::test]
async fn a_self_test_goes_through_a_running_simulation_and_each_hop_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (organization, rules) = (file("organization.yaml", ORGANIZATION), file("rules.yaml", RULES));
    let ledger = folder.path().join("ledger.db").display().to_string();
    let options = ["--organization", &organization, "--rules", &rules, "--ledger", &ledger];
    let simulation = Simulation::start(&options).await;
    simulation.log().line("everything is at rest").await;
    let (_, before) = simulation.control("GET", "assignments", "").await;
    let connection = shared::aws::Connection::to_stand_in(simulation.endpoint(), "AKIAEXAMPLEADMIN");
    let machine =
        Machine { connection: Some(connection), clock: std::sync::Arc::new(SystemClock), engine: None };
    let line = ["usher", "deploy", "check", "--deployed", "--ledger", &ledger, "--wait", "30s"];
    let ran = run(&line, &machine).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    for told in [
        "self-test",
        "to the ledger and back",
        "taken by EventBridge",
        "received by on-account-event",
        "read back",
        "The service works",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    simulation.log().line("has come, and is written down").await;

    let report = run(&[&line[..], &["--json"]].concat(), &machine).await.json();
    let test = &report["self_tests"][0];
    let after: Vec<i64> =
        test["hops"].as_array().unwrap().iter().map(|hop| hop["after_ms"].as_i64().unwrap()).collect();
    // The answer of EventBridge may come back after the function has been given the event already.
    let [sent, taken, received, written, read] = after[..] else { panic!("{after:?}") };
    assert!([sent, received, written, read].is_sorted() && (sent..=read).contains(&taken), "{after:?}");
    assert!(sent == 0 && read < 30_000, "{after:?}");
    let kept = SqliteLedger::open(std::path::Path::new(&ledger)).unwrap();
    let record = self_test_record(&kept, Route::Direct).await.unwrap().unwrap();
    assert_eq!(record.test.id.as_str(), test["id"].as_str().unwrap());
    assert_eq!(kept.recall(shared::ports::SeenKind::SelfTest).await.unwrap().len(), 1);
    let (_, now) = simulation.control("GET", "assignments", "").await;
    assert_eq!(now, before);

    // The forwarder's kind goes nowhere here, since there is none: that is told, and that the other came.
    let forwarded = [&line[..6], &["--wait", "2s", "--forwarder-region", "us-east-1", "--json"]].concat();
    let ran = run(&forwarded, &machine).await;
    assert_eq!(ran.ending, Ending::Bad);
    let told = one(&ran, "by the forwarder", "bad");
    assert!(
        told.contains("it was lost between the two") && told.contains("docs/forwarder.md#undelivered"),
        "{told}"
    );
    assert!(one(&ran, "self-test", "good").contains("and back"));
}
