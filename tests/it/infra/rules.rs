//! The rules themselves: where they send events, by which role, and what becomes of those that can't be sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use templates::{LONGEST, examples, problems};

use super::{EVERYTHING, MANAGEMENT, PLACES, Template, fits, forwarded};

#[test]
fn the_matching_is_that_of_the_documentation() {
    for (pattern, event, expected) in examples() {
        assert_eq!(fits(&pattern, &event), expected, "{pattern} {event}");
        assert_eq!(problems(&pattern), Vec::<String>::new(), "{pattern}");
    }
}

#[test]
fn patterns_that_eventbridge_would_refuse_are_found_out() {
    for (bad, why) in [
        (json!({}), "no object with fields"),
        (json!({ "source": "aws.sso" }), "/source"),
        (json!({ "source": [] }), "/source"),
        (json!({ "source": [{ "prefixes": "aws." }] }), "prefixes"),
        (json!({ "source": [{ "prefix": "aws.", "suffix": "x" }] }), "suffix"),
        (json!({ "source": [{ "exists": "false" }] }), "exists"),
        (json!({ "source": [{ "wildcard": "a**b" }] }), "a**b"),
        (json!({ "$or": [{ "source": ["a"] }] }), "$or"),
        (json!({ "detail": { "$or": [{ "a": ["b"] }, { "c": "d" }] } }), "/detail/$or/c"),
        (json!({ "source": ["a".repeat(LONGEST)] }), "too many"),
    ] {
        let found = problems(&bad).join("\n");
        assert!(found.contains(why), "{bad}: {found}");
    }
}

#[test]
fn every_pattern_is_understood_and_short_enough_in_every_partition() {
    // Five roles whose names are as long as IAM lets them be.
    let roles: Vec<String> =
        (0..5).map(|number| format!("arn:aws-us-gov:iam::{MANAGEMENT}:role/{number:064}")).collect();
    let roles = roles.join(",");
    let mut parameters = EVERYTHING;
    parameters[1].1 = &roles;
    for place in PLACES {
        let patterns = forwarded(place, &parameters);
        assert_eq!(patterns.len(), 7);
        for (name, pattern) in patterns {
            assert_eq!(problems(&pattern), Vec::<String>::new(), "{name}");
        }
    }
}

fn properties(kind: &str) -> Vec<(String, Value)> {
    let template = Template::read("forwarder.yaml").unwrap();
    template.of_type(kind, PLACES[0], &EVERYTHING).into_iter().collect()
}

#[test]
fn every_rule_sends_to_ushers_bus_and_nowhere_else_and_tries_for_a_day() {
    let rules = properties("AWS::Events::Rule");
    assert_eq!(rules.len(), 7);
    for (name, rule) in rules {
        let [target] = rule["Targets"].as_array().unwrap().as_slice() else { panic!("{name}") };
        assert_eq!(target["Arn"], EVERYTHING[0].1, "{name}");
        assert_eq!(target["RoleArn"], "<Role.Arn>", "{name}");
        let retry = json!({ "MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185 });
        assert_eq!(target["RetryPolicy"], retry, "{name}");
        assert_eq!(target["DeadLetterConfig"], json!({ "Arn": "<Undelivered.Arn>" }), "{name}");
        // With another state it would hear of reads as well.
        assert_eq!(rule["State"], "ENABLED", "{name}");
        // The default bus, which alone has the events of AWS.
        assert_eq!(rule.get("EventBusName"), None, "{name}");
    }
}

#[test]
fn only_the_rules_may_use_the_role_and_the_queue_and_the_role_may_do_one_thing_only() {
    let names = properties("AWS::Events::Rule")
        .into_iter()
        .map(|(_, rule)| rule["Name"].as_str().unwrap().to_owned());
    let arn = |name: String| format!("arn:aws:events:us-east-1:{MANAGEMENT}:rule/{name}");
    let rules: BTreeSet<String> = names.map(arn).collect();
    let admitted = |statement: &Value| {
        assert_eq!(statement["Principal"], json!({ "Service": "events.amazonaws.com" }));
        let sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"].as_array().unwrap().iter();
        sources.map(|source| source.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };

    let [(_, role)] = &properties("AWS::IAM::Role")[..] else { panic!() };
    let trust = &role["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust.as_array().unwrap().len(), 1);
    assert_eq!(trust[0]["Condition"]["StringEquals"]["aws:SourceAccount"], MANAGEMENT);
    assert_eq!(admitted(&trust[0]), rules);
    let policies = role["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1);
    assert_eq!(
        policies[0]["PolicyDocument"]["Statement"],
        json!([{ "Sid": "OnUshersBusOnly", "Effect": "Allow", "Action": "events:PutEvents", "Resource": EVERYTHING[0].1 }])
    );

    let [(_, policy)] = &properties("AWS::SQS::QueuePolicy")[..] else { panic!() };
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let allowed: Vec<&Value> = statements.iter().filter(|statement| statement["Effect"] == "Allow").collect();
    assert_eq!(allowed.len(), 1);
    assert_eq!(admitted(allowed[0]), rules);
    assert_eq!(allowed[0]["Action"], "sqs:SendMessage");
}

#[test]
fn alarms_watch_every_rule_and_the_queue() {
    let alarms = properties("AWS::CloudWatch::Alarm");
    let page = include_str!("../../../docs/forwarder.md");
    for (name, alarm) in &alarms {
        let told = alarm["AlarmDescription"].as_str().unwrap();
        let anchor = told.split_once("docs/forwarder.md#").unwrap().1;
        let heading = format!("### `{anchor}`");
        assert!(page.lines().any(|line| line == heading), "{name}: {anchor}");
    }
    for metric in ["FailedInvocations", "InvocationsFailedToBeSentToDlq"] {
        let watched: BTreeSet<&str> = alarms
            .iter()
            .flat_map(|(_, alarm)| alarm["Metrics"].as_array().into_iter().flatten())
            .filter(|one| one["MetricStat"]["Metric"]["MetricName"] == metric)
            .map(|one| one["MetricStat"]["Metric"]["Dimensions"][0]["Value"].as_str().unwrap())
            .collect();
        let rules = properties("AWS::Events::Rule");
        let rules: Vec<String> = rules.iter().map(|(name, _)| format!("<{name}>")).collect();
        assert_eq!(watched, rules.iter().map(String::as_str).collect::<BTreeSet<_>>());
    }
    assert!(alarms.iter().any(|(_, alarm)| alarm["Namespace"] == "AWS/SQS"));
}

#[test]
fn no_template_says_which_partition_region_or_account_it_is_for() {
    let regions = ["us-", "eu-", "ap-", "ca-", "sa-", "me-", "af-", "il-", "mx-", "cn-"];
    for (name, template) in Template::all() {
        for (number, line) in (1..).zip(template.text.lines()) {
            let words = || line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'));
            let is_region = |word: &str| {
                regions.iter().any(|region| word.starts_with(region))
                    && word.ends_with(|c: char| c.is_ascii_digit())
            };
            for word in words() {
                assert!(!word.starts_with("arn:aws"), "{name}:{number}: {word}");
                assert!(!word.split(':').any(is_region), "{name}:{number}: {word}");
                let is_account =
                    |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
                assert!(!word.split(':').any(is_account), "{name}:{number}: {word}");
            }
        }
    }
}
