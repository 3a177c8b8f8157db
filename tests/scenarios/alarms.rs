//! A test for each alarm of the template on a metric of Usher's own: what it is about happens, and the metric that it goes by says so.
//!
//! Whatever happens, no line of the log and none of a metric has a name of a person or a group: that is looked for in each of them.

mod names;
mod tags;
mod template;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    engine::{Became, EngineSettings, ReportEnd, Taken},
    ports::{Clock as _, Ledger as _, LedgerReader as _, Seen, SeenKind},
    settings::LogLevel,
    telemetry,
};
use simulator::Fault;
use tracing::subscriber::DefaultGuard;

use super::{
    audit_reports::{self, Shelf},
    model::{Rules, group, in_ou, rules, tagged},
    service::{Service, Start},
};

/// Names that are in the world of each of these tests.
const NAMES: [&str; 7] = ["alba", "Alba", "bruno", "Bruno", "example.com", "Developers", "Auditors"];

/// What is printed, in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged and measured, as in Lambda, as long as this lives. It is of this thread only, as such a test is.
struct Log {
    lines: Lines,
    _of_this_thread: DefaultGuard,
}

impl Log {
    fn begin() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = telemetry::as_json(LogLevel::Debug, None, move || writer.clone());
        Self { lines, _of_this_thread: tracing::subscriber::set_default(subscriber) }
    }

    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        for name in NAMES {
            let line = text.lines().find(|line| line.contains(name));
            assert!(line.is_none(), "`{name}` is in the log: {line:?}");
        }
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The values of a metric, in order, as this function has told them.
    fn values(&self, metric: &str, function: &str) -> Vec<u64> {
        let lines = self.lines();
        let of_it = lines.iter().filter(|line| {
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == metric
                && line["Function"] == function
        });
        of_it.map(|line| line[metric].as_u64().unwrap()).collect()
    }

    /// The same of one part of it.
    fn values_of(&self, metric: &str, function: &str, part: (&str, &str)) -> Vec<u64> {
        let lines = self.lines();
        let of_it = lines.iter().filter(|line| {
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == metric
                && line["Function"] == function
                && line[part.0] == part.1
        });
        of_it.map(|line| line[metric].as_u64().unwrap()).collect()
    }

    fn last(&self, metric: &str, function: &str) -> u64 {
        let values = self.values(metric, function);
        *values.last().unwrap_or_else(|| panic!("{metric} was not told"))
    }
}

fn developers() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

fn production() -> Rules {
    rules([group("prod", "Auditors").gets("DeployAccess").in_accounts(tagged("Environment", "Production"))])
}

async fn settled(rules: &Rules) -> Service {
    let service = Service::new();
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

async fn tick(service: &Service) {
    tick::handle(service.ports.tick()).await.unwrap();
}

/// An event of an account that was moved, if that is one.
fn moved(account: &Value) -> Value {
    json!({
        "version": "0", "id": "0b3f7a52-0000-4000-8000-000000000001", "source": "aws.organizations",
        "detail-type": "AWS API Call via CloudTrail", "account": "111122223333", "region": "us-east-1",
        "time": "2026-11-02T09:00:00Z", "resources": [],
        "detail": {
            "eventSource": "organizations.amazonaws.com", "eventName": "MoveAccount",
            "eventID": "0b3f7a52-0000-4000-8000-000000000002", "requestParameters": { "accountId": account },
        },
    })
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_counted_when_an_event_cannot_be_read() {
    let (service, log) = (settled(&developers()).await, Log::begin());
    service.deliver(vec![moved(&json!("alba@example.com"))]).await;
    assert_eq!(log.values("DeadLetters", "on-account-event"), [1]);
}

#[tokio::test(start_paused = true)]
async fn slow_access_is_measured_from_the_event_to_the_word_of_aws() {
    let (service, log) = (settled(&developers()).await, Log::begin());
    assert_eq!(log.values("EventToAccess", "provision"), [0; 0]);
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    let usual = log.last("EventToAccess", "provision");
    assert!((1_000..120_000).contains(&usual), "{usual} ms");
    assert_eq!(log.values("Granted", "provision"), [1]);

    service.world().fail_next("CreateAccountAssignment", Fault::Slow(Duration::from_mins(20)), 1);
    service.move_to("one-prod", "Workloads/Development").await;
    service.settle().await;
    let slow = log.last("EventToAccess", "poll-provisioning");
    assert!((1_200_000..1_500_000).contains(&slow), "{slow} ms");
    assert_eq!(log.values("Granted", "poll-provisioning"), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_has_found_has_no_event_to_be_measured_from() {
    let log = Log::begin();
    let service = settled(&developers()).await;
    assert_eq!(log.values("Granted", "provision"), [1, 1]);
    assert_eq!(log.values("EventToAccess", "provision"), [0; 0]);
    assert!(log.last("Outstanding", "provision") <= 2 && service.assignments().len() == 2);
}

#[tokio::test(start_paused = true)]
async fn oldest_intent_grows_while_nobody_sends_it() {
    let (service, log) = (Service::new(), Log::begin());
    service.publish(&developers()).await;
    tick(&service).await;
    assert_eq!(log.last("OldestIntent", "tick"), 0);
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service.pass(Duration::from_mins(31)).await;
    tick(&service).await;
    assert!(log.last("OldestIntent", "tick") > 1800);
    service.settle().await;
    tick(&service).await;
    assert_eq!(log.last("OldestIntent", "tick"), 0);
}

#[tokio::test(start_paused = true)]
async fn sweep_age_grows_while_no_round_ends() {
    let log = Log::begin();
    let service = settled(&developers()).await;
    tick(&service).await;
    assert!(log.last("SweepAge", "tick") < 600);
    service.pass(Duration::from_hours(7)).await;
    tick(&service).await;
    assert!(log.last("SweepAge", "tick") > 21_600);
    service.sweep_and_settle().await;
    tick(&service).await;
    assert!(log.last("SweepAge", "tick") < 600);
}

#[tokio::test(start_paused = true)]
async fn sweep_age_grows_where_no_round_has_ever_ended() {
    let (service, log) = (Service::new(), Log::begin());
    tick(&service).await;
    service.pass(Duration::from_hours(7)).await;
    tick(&service).await;
    assert_eq!(log.values("SweepAge", "tick"), [0; 0], "there are no rules to sweep by");

    service.publish(&developers()).await;
    tick(&service).await;
    assert_eq!(log.last("SweepAge", "tick"), 0);
    // That other rules come into force meanwhile makes it no younger.
    service.pass(Duration::from_hours(4)).await;
    service.publish(&production()).await;
    service.pass(Duration::from_hours(3)).await;
    tick(&service).await;
    assert!(log.last("SweepAge", "tick") > 21_600);
    service.sweep_and_settle().await;
    tick(&service).await;
    assert!(log.last("SweepAge", "tick") < 600);
}

#[tokio::test(start_paused = true)]
async fn failed_requests_are_counted_by_the_class_of_their_reason() {
    let (service, log) = (Service::new(), Log::begin());
    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 5);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(log.values("Failed", "provision").len(), 5);
    assert_eq!(log.values_of("Failed", "provision", ("Class", "internal")), [1; 5]);
    assert_eq!(service.assignments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_counted_by_what_there_were_too_many_of() {
    let (service, log) = (Service::new(), Log::begin());
    service.checker().throttles_expected = true;
    service.world().fail_next("CreateAccountAssignment", Fault::Throttle, 101);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(log.values_of("Throttled", "provision", ("Kind", "rate")).len(), 101);
    service.world().fail_next("CreateAccountAssignment", Fault::WindowFull, 1);
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    assert_eq!(log.values_of("Throttled", "provision", ("Kind", "window")), [1]);
}

#[tokio::test(start_paused = true)]
async fn stuck_window_says_how_much_of_it_hanging_requests_hold() {
    let engine = EngineSettings { window: 4, ..EngineSettings::default() };
    let (service, log) = (Service::start(Start { engine, ..Start::default() }), Log::begin());
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 2);
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    tick(&service).await;
    assert_eq!(log.last("WindowHeldByStuck", "tick"), 0);
    assert!(!service.settle_for(Duration::from_mins(10)).await);
    tick(&service).await;
    assert_eq!(log.last("WindowHeldByStuck", "tick"), 50);
}

#[tokio::test(start_paused = true)]
async fn blocked_keys_are_counted_by_the_sweep_and_told_each_minute() {
    let (service, log) = (Service::new(), Log::begin());
    let reason = "Received a 404 status error: Not supported policy Baseline".to_owned();
    service.world().fail_next("CreateAccountAssignment", Fault::FailLater(reason), 1);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(log.values_of("Failed", "provision", ("Class", "policy")), [1]);
    service.sweep_and_settle().await;
    for _ in 0..3 {
        tick(&service).await;
        assert_eq!(log.last("Blocked", "tick"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn withheld_changes_are_counted_by_the_sweep_and_told_each_minute() {
    let (service, log) = (Service::new(), Log::begin());
    service.grant_by_hand(&service.key("one-dev", "ReadOnlyAccess", "Developers")).await;
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service.sweep_and_settle().await;
    tick(&service).await;
    assert_eq!(log.last("Withheld", "tick"), 1);
    assert_eq!((log.last("Blocked", "tick"), log.last("Uncertain", "tick")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn uncertain_keys_are_counted_by_the_sweep_and_told_each_minute() {
    let (service, log) = (Service::new(), Log::begin());
    service.world().fail_next("CreateAccountAssignment", Fault::InternalError, 1);
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(20)).await;
        service.grant_by_hand(&key).await;
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "uncertain");
    service.sweep_and_settle().await;
    tick(&service).await;
    assert_eq!(log.last("Uncertain", "tick"), 1);
}

#[tokio::test(start_paused = true)]
async fn rules_refused_are_counted_when_they_are_uploaded() {
    let (service, log) = (settled(&developers()).await, Log::begin());
    assert_eq!(upload(&service, "incoming/alba.yaml", "rules: alba@example.com").await, Became::Refused);
    assert_eq!(log.values("RulesRefused", "on-rules-change"), [1]);
}

/// Somebody uploads this, and the function hears of it.
async fn upload(service: &Service, key: &str, content: &str) -> Became {
    let made_at = jiff::Timestamp::from_second(service.clock.now().as_second()).unwrap();
    let uploaded = (made_at, content.as_bytes().to_vec());
    service.ports.beside.uploads.0.lock().unwrap().insert(key.to_owned(), uploaded);
    let event = json!({
        "version": "0", "id": "8f2c0b52-0000-4000-8000-000000000001", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2026-11-02T09:00:00Z", "region": "eu-central-1",
        "resources": ["arn:aws:s3:::rules"],
        "detail": { "bucket": { "name": "rules" }, "object": { "key": key, "size": 3 }, "reason": "PutObject" },
    });
    let place = on_rules_change::Place { bucket: "rules", incoming: "incoming/" };
    let (incoming, parked) = (service.ports.incoming(), &*service.parked);
    match on_rules_change::handle(event, place, incoming, parked, service.soon()).await.unwrap() {
        Taken::Answered(became) => became,
        other @ (Taken::Ignored(_) | Taken::Parked(_)) => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_counted_when_others_delete_and_when_they_make() {
    let (service, log) = (settled(&developers()).await, Log::begin());
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    for _ in 0..3 {
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
    }
    assert_eq!(log.values("Drift", "reconcile"), [1]);

    let other = service.key("play", "PowerUserAccess", "Support");
    let input: simulator::wire::sso_admin::CreateAccountAssignment = serde_json::from_value(json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6",
        "TargetId": other.account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": other.permission_set,
        "PrincipalType": "GROUP", "PrincipalId": other.principal.id(),
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert_eq!(log.values("Drift", "on-permission-set-event"), [1]);
}

#[tokio::test(start_paused = true)]
async fn trusted_tags_that_change_are_told_with_their_key_and_counted_by_whoever_looks_first() {
    let log = Log::begin();
    let service = settled(&production()).await;
    service.sweep_and_settle().await;
    assert_eq!(tags::told(&service).await, [], "the first look has nothing to compare with");

    service.tag("play", "Environment", "Production").await;
    service.tag("one-dev", "Owner", "Alba Example").await;
    service.settle().await;
    assert_eq!(tags::told(&service).await, [tags::of_account(&service, "play", "Environment")]);
    service.sweep_and_settle().await;
    service.sweep_and_settle().await;
    assert_eq!(tags::told(&service).await, [], "it is told once");
    assert_eq!(log.values("TrustedTagChanged", "reconcile"), [1]);
    assert_eq!(log.values("TrustedTagChanged", "sweep"), [0; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn audit_age_grows_while_no_report_is_finished_and_where_none_ever_was() {
    let (service, log) = (Service::new(), Log::begin());
    tick(&service).await;
    assert_eq!(log.values("AuditAge", "tick"), [0; 0], "there are no rules yet");
    service.publish(&developers()).await;
    tick(&service).await;
    service.pass(Duration::from_hours(49)).await;
    tick(&service).await;
    assert!(log.last("AuditAge", "tick") > 172_800);
    let shelf = Shelf::default();
    let ended = audit_reports::run(&service, &shelf, audit_reports::DAILY).await.unwrap();
    assert_eq!(ended.run, ReportEnd::Written);
    tick(&service).await;
    assert!(log.last("AuditAge", "tick") < 600);
    // Runs that finish none make it no younger.
    service.pass(Duration::from_hours(49)).await;
    shelf.fail();
    audit_reports::run(&service, &shelf, audit_reports::DAILY).await.unwrap_err();
    tick(&service).await;
    assert!(log.last("AuditAge", "tick") > 172_800);
}

#[tokio::test(start_paused = true)]
async fn not_reprovisioned_accounts_are_counted_when_an_edit_does_not_reach_them() {
    let service = settled(&developers()).await;
    let log = Log::begin();
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(25)).await;
    assert_eq!(log.values("NotReprovisioned", "reprovision"), [0; 0], "it has reached all");

    let (account, set) = (service.account("two-dev"), service.set("ReadOnlyAccess"));
    service.world().faults.policy_is_missing(account, set, "CustomPolicy");
    service.edit("ReadOnlyAccess", "two").await;
    service.reprovision_for(Duration::from_hours(2)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["two-dev"]);
    assert_eq!(log.values("NotReprovisioned", "reprovision"), [1]);
}

#[tokio::test(start_paused = true)]
async fn epoch_mismatch_is_one_while_the_ledger_is_not_the_one_that_was_there() {
    let (service, log) = (settled(&developers()).await, Log::begin());
    tick(&service).await;
    let then = service.ledger.recall_one(SeenKind::Fact, "epoch").await.unwrap().unwrap().value;
    for _ in 0..4 {
        service.pass(Duration::from_mins(1)).await;
        tick(&service).await;
    }
    assert_eq!(log.values("EpochMismatch", "tick"), [0; 5]);
    let seen = Seen { id: "epoch".to_owned(), value: then, at: service.clock.now() };
    service.ledger.remember(SeenKind::Fact, &[seen]).await.unwrap();
    tick(&service).await;
    assert_eq!(log.last("EpochMismatch", "tick"), 1);
}
