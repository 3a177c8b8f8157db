//! The service's rules: each event that the forwarder sends reaches the one function that it is for, and nobody else's does.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::events::Family;

use templates::problems;

use super::{
    MANAGEMENT, PLACES, Place, Template,
    events::{PERSON, by_role, documented, envelope_of},
    fits,
};

pub(super) const SERVICE: &str = "999988887777";

pub(super) const PARAMETERS: [(&str, &str); 5] = [
    ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
    ("OrganizationId", "o-exampleorg1"),
    ("ManagementAccountId", MANAGEMENT),
    ("RulesBucketName", "usher-rules"),
    ("ReportsBucketName", "usher-reports"),
];

/// Each rule's pattern and the function that it is for: those on Usher's bus, and those on the account's default bus.
pub(super) struct Buses {
    pub(super) forwarded: BTreeMap<String, (Value, String)>,
    pub(super) default: BTreeMap<String, (Value, String)>,
}

/// `None` where there is no such template, which it says.
pub(super) fn buses() -> Option<Buses> {
    let Some(template) = Template::read("service.yaml") else {
        println!("not run: there is no infra/service.yaml");
        return None;
    };
    let rules = template.of_type("AWS::Events::Rule", Place { account: SERVICE, ..PLACES[0] }, &PARAMETERS);
    let rules = rules.into_iter().filter(|(_, rule)| rule.get("EventPattern").is_some());
    let (forwarded, default) = rules.partition::<Vec<_>, _>(|(_, rule)| rule.get("EventBusName").is_some());
    let read = |rules: Vec<(String, Value)>| {
        let rules = rules.into_iter().map(|(name, rule)| {
            let target = rule["Targets"][0]["Id"].as_str().unwrap().to_owned();
            (name, (rule["EventPattern"].clone(), target))
        });
        rules.collect::<BTreeMap<_, _>>()
    };
    let buses = Buses { forwarded: read(forwarded), default: read(default) };
    assert!(!buses.forwarded.is_empty() && !buses.default.is_empty());
    Some(buses)
}

pub(super) fn reached(rules: &BTreeMap<String, (Value, String)>, event: &Value) -> Vec<String> {
    rules.values().filter(|(pattern, _)| fits(pattern, event)).map(|(_, function)| function.clone()).collect()
}

/// Events that lead to a look, with the functions that they are for; a permission set that somebody has provisioned leads no further.
fn wanted() -> impl Iterator<Item = (Value, &'static str)> {
    let wanted = documented()
        .into_iter()
        .filter(|(event, wanted)| *wanted && event["detail"]["eventName"] != "ProvisionPermissionSet");
    wanted.map(|(event, _)| {
        let function = Family::of(&envelope_of(&event)).unwrap().function();
        (event, function)
    })
}

#[test]
fn each_event_that_is_forwarded_reaches_the_function_that_it_is_for_and_no_other() {
    let Some(buses) = buses() else { return };
    for (event, function) in wanted() {
        assert_eq!(reached(&buses.forwarded, &event), [function], "{event}");
        assert_eq!(reached(&buses.forwarded, &by_role(&event, PERSON)), [function], "{event}");
        let mut failed = event.clone();
        failed["detail"]["errorCode"] = json!("AccessDenied");
        assert!(event["source"] == "aws.tag" || reached(&buses.forwarded, &failed).is_empty(), "{event}");
    }
}

#[test]
fn an_event_of_another_account_reaches_nobody_on_the_bus() {
    let Some(buses) = buses() else { return };
    for (event, _) in wanted() {
        for account in ["444455556666", SERVICE] {
            let mut forged = event.clone();
            forged["account"] = json!(account);
            assert!(reached(&buses.forwarded, &forged).is_empty(), "{forged}");
        }
    }
}

#[test]
fn what_is_done_in_the_services_own_account_reaches_the_function_that_it_is_for() {
    let Some(buses) = buses() else { return };
    for (event, function) in wanted().filter(|(_, function)| *function != Family::Accounts.function()) {
        let mut event = event;
        event["account"] = json!(SERVICE);
        assert_eq!(reached(&buses.default, &event), [function], "{event}");
        let mut failed = event.clone();
        failed["detail"]["errorCode"] = json!("AccessDenied");
        assert!(reached(&buses.default, &failed).is_empty(), "{failed}");
    }
}

#[test]
fn the_services_patterns_are_understood_and_short_enough() {
    let Some(buses) = buses() else { return };
    for (name, (pattern, _)) in buses.forwarded.iter().chain(&buses.default) {
        assert_eq!(problems(pattern), Vec::<String>::new(), "{name}");
    }
}
