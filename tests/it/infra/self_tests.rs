//! Self-tests through the rules: each kind goes one way, none twice, and nothing else goes with them.

use serde_json::{Value, json};
use shared::{
    domain::{Route, SelfTest, SelfTestId},
    events,
};

use super::{
    EVERYTHING, MANAGEMENT, PLACES, Place, Template, fits, forwarded, passing,
    service::{SERVICE, buses, reached},
};

/// One as a rule on a default bus meets it.
pub(super) fn self_test(route: Route, account: &str) -> Value {
    let test = SelfTest { id: SelfTestId::of(7), route, sent: "2026-11-02T09:00:00.5Z".parse().unwrap() };
    json!({
        "version": "0", "id": "0b3f7a52-0000-4000-8000-000000000001", "detail-type": events::self_test_type(route),
        "source": events::SELF_TEST, "account": account, "time": "2026-11-02T09:00:00Z", "region": "us-east-1", "resources": [],
        "detail": events::self_test_detail(&test),
    })
}

#[test]
fn the_forwarder_sends_its_own_kind_of_self_test_on_and_no_other() {
    assert_eq!(passing(&self_test(Route::Forwarded, MANAGEMENT)), ["SelfTestsRule"]);
    assert_eq!(passing(&self_test(Route::Direct, MANAGEMENT)), [""; 0]);
    // Only what was put on this account's bus by its own people.
    assert_eq!(passing(&self_test(Route::Forwarded, SERVICE)), [""; 0]);
    let mut other = self_test(Route::Forwarded, MANAGEMENT);
    other["source"] = json!("usher.self-test.more");
    assert_eq!(passing(&other), [""; 0]);
}

#[test]
fn the_forwarder_sends_self_tests_on_whatever_else_it_forwards() {
    for which in ["Organizations", "ControlTower", "IdentityCenter"] {
        let parameters = [EVERYTHING[0], EVERYTHING[1], (which, "true")];
        let patterns = forwarded(PLACES[0], &parameters);
        let event = self_test(Route::Forwarded, MANAGEMENT);
        let sent: Vec<&String> =
            patterns.iter().filter(|(_, pattern)| fits(pattern, &event)).map(|(name, _)| name).collect();
        assert_eq!(sent, ["SelfTestsRule"], "{which}");
    }
}

#[test]
fn a_self_test_reaches_on_account_event_by_its_own_way_once() {
    let buses = buses().unwrap();
    assert_eq!(reached(&buses.default, &self_test(Route::Direct, SERVICE)), ["on-account-event"]);
    assert_eq!(reached(&buses.forwarded, &self_test(Route::Forwarded, MANAGEMENT)), ["on-account-event"]);
    for event in [
        // Not the other way round, and not from elsewhere.
        self_test(Route::Forwarded, SERVICE),
        self_test(Route::Direct, MANAGEMENT),
    ] {
        assert!(reached(&buses.default, &event).is_empty(), "{event}");
    }
    for event in [
        self_test(Route::Direct, MANAGEMENT),
        self_test(Route::Forwarded, SERVICE),
        self_test(Route::Forwarded, "444455556666"),
    ] {
        assert!(reached(&buses.forwarded, &event).is_empty(), "{event}");
    }
}

#[test]
fn where_both_stacks_are_in_one_account_neither_kind_comes_twice() {
    let template = Template::read("service.yaml").unwrap();
    let mut parameters = super::service::PARAMETERS;
    parameters[2].1 = SERVICE;
    let place = Place { account: SERVICE, ..PLACES[0] };
    let rules = template.of_type("AWS::Events::Rule", place, &parameters);
    let on_default = |event: &Value| {
        let here = rules.values().filter(|rule| rule.get("EventBusName").is_none());
        here.filter(|rule| rule.get("EventPattern").is_some_and(|pattern| fits(pattern, event))).count()
    };
    let passed_on =
        |event: &Value| forwarded(place, &EVERYTHING).values().filter(|pattern| fits(pattern, event)).count();
    let (direct, by_forwarder) = (self_test(Route::Direct, SERVICE), self_test(Route::Forwarded, SERVICE));
    assert_eq!((on_default(&direct), passed_on(&direct)), (1, 0));
    assert_eq!((on_default(&by_forwarder), passed_on(&by_forwarder)), (0, 1));
}

#[test]
fn what_calls_itself_a_self_test_reaches_no_other_function_whatever_it_says() {
    let buses = buses().unwrap();
    for (route, account, bus) in
        [(Route::Direct, SERVICE, &buses.default), (Route::Forwarded, MANAGEMENT, &buses.forwarded)]
    {
        let mut event = self_test(route, account);
        event["detail"]["eventSource"] = json!("sso-directory.amazonaws.com");
        event["detail"]["eventName"] = json!("CreateGroup");
        event["resources"] =
            json!([format!("arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg1/444455556666")]);
        assert_eq!(reached(bus, &event), ["on-account-event"]);
    }
}

#[test]
fn the_role_that_hears_self_tests_may_write_their_record_and_read_nothing_of_the_ledger() {
    let template = Template::read("service.yaml").unwrap();
    let place = Place { account: SERVICE, ..PLACES[0] };
    let roles = template.of_type("AWS::IAM::Role", place, &super::service::PARAMETERS);
    let statements = |role: &Value| -> Vec<Value> {
        let documents = role["Policies"].as_array().unwrap().iter();
        documents
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone())
            .collect()
    };
    let own = statements(&roles["OnAccountEventRole"]);
    let of_ledger: Vec<&Value> =
        own.iter().filter(|statement| statement["Action"].to_string().contains("dynamodb:")).collect();
    let [writes] = &of_ledger[..] else { panic!("{of_ledger:?}") };
    assert_eq!(writes["Action"], "dynamodb:PutItem");
    let keys = json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["seen#organizational-unit", "seen#self-test"] },
                       "Null": { "dynamodb:LeadingKeys": "false" } });
    assert_eq!(writes["Condition"], keys);
    for (name, role) in roles.iter().filter(|(name, _)| *name != "OnAccountEventRole") {
        assert!(!statements(role).iter().any(|one| one.to_string().contains("self-test")), "{name}");
    }
}
