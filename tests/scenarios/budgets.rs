//! How much may go at once, and which rules are not taken at all.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde_json::Value;
use shared::{
    domain::Operation,
    engine::{AccountHint, PublishError},
    ledger::{BudgetKey, Cause},
    ports::{Clock as _, LedgerReader as _},
    rules::Bundle,
};

use super::{
    fleet::{calm, fleet},
    model::{Rules, Where, group, in_ou, rules, tagged},
    records::sqs_event,
    service::{Service, Start, USHER},
};

/// Where one account of many is tried out.
fn unit(n: usize) -> Where {
    Where::Named(format!("unit-{n:02}"))
}

/// Developers have `Set0` in the whole fleet.
fn first() -> Rules {
    rules([
        group("dev", "Developers").gets("Set0").in_accounts(in_ou("Fleet")),
        group("one", "Auditors").gets("Set0").in_accounts(unit(0)),
    ])
}

/// Developers lose it; Support gets `Set1`.
fn then() -> Rules {
    rules([
        group("dev", "Developers").gets("Set0").in_accounts(in_ou("Yard")),
        group("support", "Support").gets("Set1").in_accounts(in_ou("Fleet")),
        group("one", "Auditors").gets("Set0").in_accounts(unit(0)),
    ])
}

async fn settled(accounts: usize, rules: &Rules) -> Service {
    let organization = fleet(accounts, 12);
    let service = Service::start(Start { organization: &organization, ..Start::default() });
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

fn sent(service: &Service, operation: Operation) -> usize {
    let world = service.world();
    world.request_log().filter(|r| *r.by.name == *USHER && r.operation == operation).count()
}

async fn spent_today(service: &Service, operation: Operation) -> usize {
    let budget = BudgetKey::of_day(operation, service.clock.now());
    usize::try_from(service.ledger.spent(&budget).await.unwrap()).unwrap()
}

async fn withheld_by_budget(service: &Service) -> usize {
    service.withheld().await.values().filter(|reason| *reason == "budget").count()
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_loses_sixty_accounts_takes_away_what_the_budget_allows_and_grants_go_on() {
    let service = settled(60, &first()).await;
    assert_eq!(service.assignments().len(), 61);
    service.publish(&then()).await;
    service.sweep_and_settle().await;
    assert_eq!((sent(&service, Operation::Revoke), sent(&service, Operation::Grant)), (25, 61 + 60));
    assert_eq!(withheld_by_budget(&service).await, 35);

    // Neither another sweep nor an event gets round it on the same day.
    service.converged(&["budget"]).await;
    service.tag("unit-59", "Kind", "other").await;
    service.settle().await;
    assert_eq!(sent(&service, Operation::Revoke), 25);

    // Nor does another day: what a budget has held back once waits for a person.
    service.pass(Duration::from_hours(24)).await;
    service.converged(&["budget"]).await;
    assert_eq!((sent(&service, Operation::Revoke), withheld_by_budget(&service).await), (25, 35));
    service.approve_plan(None, SignedDuration::from_hours(1)).await.unwrap();
    service.converged(&[]).await;
    assert_eq!(sent(&service, Operation::Revoke), 60);
}

#[tokio::test(start_paused = true)]
async fn a_share_of_what_is_ours_may_go_where_that_is_more() {
    let share = |mut rules: Rules| {
        rules.max_deletes = 1;
        rules.max_delete_percent = 50;
        rules
    };
    let service = settled(40, &share(first())).await;
    let less = rules([
        group("dev", "Developers").gets("Set0").in_accounts(in_ou("Yard")),
        group("one", "Auditors").gets("Set0").in_accounts(unit(0)),
    ]);
    service.publish(&share(less)).await;
    service.sweep_and_settle().await;
    assert_eq!(sent(&service, Operation::Revoke), 20, "half of the 41 that are ours");
    service.converged(&["budget"]).await;
    assert_eq!(sent(&service, Operation::Revoke), 20, "and no share of the share");
}

#[tokio::test(start_paused = true)]
async fn more_creates_than_the_budget_allows_wait_and_deletes_go_on() {
    let few = |mut rules: Rules| {
        rules.max_creates = 30;
        rules
    };
    let service = settled(20, &few(first())).await;
    assert_eq!(sent(&service, Operation::Grant), 21);
    service.publish(&few(then())).await;
    service.sweep_and_settle().await;
    assert_eq!((sent(&service, Operation::Grant), sent(&service, Operation::Revoke)), (30, 20));
    assert_eq!(withheld_by_budget(&service).await, 11);
    service.converged(&["budget"]).await;
    assert_eq!(sent(&service, Operation::Grant), 30);
    service.pass(Duration::from_hours(24)).await;
    service.converged(&[]).await;
    assert_eq!(sent(&service, Operation::Grant), 41);
}

#[tokio::test(start_paused = true)]
async fn one_account_that_loses_everything_loses_no_more_than_the_budget() {
    let all = (0..12)
        .fold(group("all", "Developers").and(super::model::Who::Group("Support".into())), |r, n| {
            r.gets(&format!("Set{n}"))
        });
    let also = (0..12).fold(group("also", "Auditors"), |rule, n| rule.gets(&format!("Set{n}")));
    let document = rules([
        all.in_accounts(Where::All(vec![unit(1), tagged("Kind", "unit")])),
        also.in_accounts(Where::All(vec![unit(1), tagged("Kind", "unit")])),
    ]);
    let service = settled(3, &document).await;
    assert_eq!(service.assignments().len(), 36);
    service.tag("unit-01", "Kind", "other").await;
    service.settle().await;
    assert_eq!(sent(&service, Operation::Revoke), 25);
    service.converged(&["budget"]).await;
    service.approve_plan(None, SignedDuration::from_hours(1)).await.unwrap();
    service.converged(&[]).await;
    assert_eq!(service.assignments().len(), 0);
}

/// Two instances of the function see the same room in the budget, and only one can have it.
#[tokio::test(start_paused = true)]
async fn decisions_at_the_same_time_do_not_share_what_is_left_of_a_budget() {
    let rule = |id: &str, n: usize| {
        let rule = (0..12).fold(group(id, "Developers"), |rule, set| rule.gets(&format!("Set{set}")));
        rule.in_accounts(Where::All(vec![unit(n), tagged("Kind", "unit")]))
    };
    let document = rules([rule("a", 0), rule("b", 1), rule("c", 2)]);
    for offset in (0..1_500).step_by(100) {
        let organization = fleet(3, 12);
        let service =
            Service::start(Start { organization: &organization, world: calm(), ..Start::default() });
        service.publish(&document).await;
        service.sweep_and_settle().await;
        for n in 0..3 {
            service.tag(&format!("unit-{n:02}"), "Kind", "other").await;
        }
        service.take_events();
        let decide = async |account: &str, delay: u64| {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            let account = service.account(account);
            let cause = Cause::new("event", account.as_str());
            let hint = AccountHint::new(account, cause, service.clock.now());
            service.ports.reconciler().account(&hint).await.unwrap()
        };
        let (a, b, c) =
            tokio::join!(decide("unit-00", 0), decide("unit-01", offset), decide("unit-02", 2 * offset));
        assert_eq!(a.revokes + b.revokes + c.revokes, 25, "{offset} ms");
        assert_eq!(a.withheld.len() + b.withheld.len() + c.withheld.len(), 11, "{offset} ms");
        service.settle().await;
        assert_eq!(sent(&service, Operation::Revoke), 25, "{offset} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_and_sharply_shrunk_rules_are_refused_whole() {
    let rule = |n: usize| group(&format!("r{n}"), "Developers").gets("Set0").in_accounts(unit(n));
    let some = |count: usize| rules((0..count).map(rule));
    let service = settled(10, &some(10)).await;
    let before = (service.assignments(), service.ledger.rules_in_force().await.unwrap());

    for empty in ["rules: []", "rules:", ""] {
        let text = format!("version: 1\nsettings: {{ mode: sync }}\n{empty}\n");
        let bundle = Bundle { files: BTreeMap::from([("usher.yaml".to_owned(), text)]) };
        let published =
            shared::engine::publish(&bundle, &*service.store, &*service.ledger, &*service.clock).await;
        assert!(matches!(published, Err(PublishError::Empty | PublishError::Rules(_))), "{published:?}");
    }
    for count in [1, 4] {
        let refused = service.try_publish(&some(count)).await;
        assert!(
            matches!(refused, Err(PublishError::Shrunk { before: 10, after }) if after == count),
            "{refused:?}"
        );
    }
    service.sweep_and_settle().await;
    assert_eq!(before, (service.assignments(), service.ledger.rules_in_force().await.unwrap()));
    service.converged(&[]).await;

    service.publish(&some(5)).await;
    service.converged(&[]).await;
    assert_eq!(service.assignments().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn rules_that_change_while_intents_wait_charge_nothing_twice_and_send_nothing_of_the_old() {
    let service = settled(10, &first()).await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&then()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let spent =
        (spent_today(&service, Operation::Revoke).await, spent_today(&service, Operation::Grant).await);
    assert_eq!(spent, (10, 11 + 10));

    // The same, but that Support gets another permission set: what waits for the first is not sent.
    let last = rules([
        group("dev", "Developers").gets("Set0").in_accounts(in_ou("Yard")),
        group("support", "Support").gets("Set2").in_accounts(in_ou("Fleet")),
        group("one", "Auditors").gets("Set0").in_accounts(unit(0)),
    ]);
    service.publish(&last).await;
    service.settle().await;
    let old = service.key("unit-00", "Set1", "Support").permission_set;
    assert!(service.world().request_log().all(|request| request.key.permission_set != old));
    assert_eq!(sent(&service, Operation::Revoke), 10);
    assert_eq!(spent_today(&service, Operation::Revoke).await, 10, "the same revokes, decided again");
    assert_eq!(spent_today(&service, Operation::Grant).await, 11 + 10 + 10);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn old_rules_that_come_back_while_intents_wait_leave_everything_as_it_was() {
    let service = settled(10, &first()).await;
    service.publish(&then()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service.publish(&first()).await;
    service.settle().await;
    assert_eq!((sent(&service, Operation::Revoke), sent(&service, Operation::Grant)), (0, 11));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_intent_older_than_a_quarter_of_an_hour_is_sent_only_after_a_new_decision() {
    let service = settled(4, &first()).await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&then()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service.pass(Duration::from_mins(16)).await;
    let since = service.clock.now();
    service.settle().await;
    assert_eq!((sent(&service, Operation::Revoke), sent(&service, Operation::Grant)), (4, 5 + 4));
    {
        let world = service.world();
        let calls = |account: &str, operation: &str| {
            let names = |parameters: &Value| {
                ["AccountId", "TargetId"].iter().any(|member| parameters[*member] == *account)
            };
            let found = world.log().iter().filter(|entry| entry.at >= since && entry.operation == operation);
            found.filter(|entry| names(&entry.parameters)).map(|entry| entry.at).next().unwrap()
        };
        for n in 0..4 {
            let account = world.account_named(&format!("unit-{n:02}")).unwrap();
            let decided = calls(account.as_str(), "DescribeAccount");
            assert!(decided < calls(account.as_str(), "DeleteAccountAssignment"));
            assert!(decided < calls(account.as_str(), "CreateAccountAssignment"));
        }
    }
    assert_eq!(spent_today(&service, Operation::Revoke).await, 4, "and nothing was charged twice");
    service.converged(&[]).await;
}

/// A wake from anywhere, with any body, is a wake and nothing else.
#[tokio::test(start_paused = true)]
async fn no_wake_makes_the_engine_do_what_is_not_in_the_ledger() {
    let service = settled(4, &first()).await;
    let requests = service.world().request_log().count();
    for body in ["", "{}", "not json", r#"{"hops":4294967295}"#, r#"{"grant":"everything"}"#] {
        let received = shared::ports::Received {
            id: "w".into(),
            receipt: "w".into(),
            group: None,
            body: body.into(),
            receives: 1,
            sent_at: None,
        };
        service.run_with(&service.ports, &sqs_event(&[received])).await.unwrap();
        service.check().await;
    }
    assert_eq!(service.world().request_log().count(), requests);
    service.converged(&[]).await;
}
