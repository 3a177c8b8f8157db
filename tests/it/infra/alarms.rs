//! The alarms can come: what they wait for can happen by the schedules that there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{PLACES, Place, Template, service::PARAMETERS};

/// The slowest that schedules may be: nothing of a round of the sweep that rested for longer is believed.
const SLOWEST: u64 = 3600;

/// How far apart two runs are, in seconds.
fn apart(schedule: &str) -> u64 {
    if schedule == "rate(1 minute)" {
        return 60;
    }
    let minutes = schedule.strip_prefix("cron(").unwrap().split(' ').next().unwrap();
    let every = minutes.split_once('/').unwrap().1;
    every.parse::<u64>().unwrap() * 60
}

/// Of each function that a schedule starts, how far apart its runs are; as slow as may be where a parameter says so.
fn schedules(template: &Template, resources: &BTreeMap<String, Value>) -> BTreeMap<String, Vec<u64>> {
    let rules = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule");
    let scheduled = rules.filter_map(|(name, rule)| {
        let schedule = rule["Properties"].get("ScheduleExpression")?;
        let function = rule["Properties"]["Targets"][0]["Id"].as_str().unwrap().to_owned();
        let said = &template.tree["Resources"][name]["Properties"]["ScheduleExpression"];
        let mut apart = vec![apart(schedule.as_str().unwrap())];
        if said.get("Ref").is_some() {
            apart.push(SLOWEST);
        }
        Some((function, apart))
    });
    scheduled.collect()
}

fn number(alarm: &Value, name: &str) -> u64 {
    let value = &alarm[name];
    value.as_u64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// Whether a function that fails in each run, and is not tried again, has the alarm come.
fn comes(alarm: &Value, apart: u64) -> bool {
    let [period, evaluated, enough, threshold] =
        ["Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"].map(|name| number(alarm, name));
    let in_one = if apart <= period { period / apart } else { 1 };
    let periods_with_one = period * evaluated / apart.max(period);
    in_one >= threshold && periods_with_one >= enough
}

#[test]
fn errors_of_a_function_that_a_schedule_starts_are_heard_of_however_slow_it_is() {
    let template = Template::read("service.yaml").unwrap();
    let resources = template.made(Place { account: "999988887777", ..PLACES[0] }, &PARAMETERS);
    let schedules = schedules(&template, &resources);
    assert_eq!(schedules.keys().collect::<Vec<_>>(), ["audit", "reprovision", "sweep", "tick"]);
    let alarms = resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms = alarms.map(|alarm| &alarm["Properties"]);
    let errors: Vec<&Value> = alarms
        .filter(|alarm| alarm["Namespace"] == "AWS/Lambda" && alarm["MetricName"] == "Errors")
        .collect();
    for (function, apart) in schedules {
        let named = format!("usher-{function}");
        let alarm = errors.iter().find(|alarm| alarm["Dimensions"][0]["Value"] == *named).unwrap();
        for apart in apart {
            assert!(comes(alarm, apart), "{function}, each {apart} s: {alarm}");
        }
    }
    // As it was: three errors within a quarter of an hour, of what starts once in that time.
    let once =
        serde_json::json!({ "Period": 900, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 3 });
    assert!(comes(&once, 60) && !comes(&once, 900));
}

fn alarms(template: &Template) -> BTreeMap<String, Value> {
    template.of_type("AWS::CloudWatch::Alarm", Place { account: "999988887777", ..PLACES[0] }, &PARAMETERS)
}

/// Runs that Lambda drops, for errors or for want of room, go nowhere: an alarm tells of each function that a schedule starts, however slow it is.
#[test]
fn a_function_that_a_schedule_starts_and_that_never_succeeds_is_heard_of() {
    let template = Template::read("service.yaml").unwrap();
    let resources = template.made(Place { account: "999988887777", ..PLACES[0] }, &PARAMETERS);
    let alarms = resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: Vec<&Value> = alarms.map(|alarm| &alarm["Properties"]).collect();
    for (function, apart) in schedules(&template, &resources) {
        let named = format!("usher-{function}");
        let goes_by = |alarm: &Value, metric: &str| {
            let stats = alarm["Metrics"].as_array().into_iter().flatten().map(|one| &one["MetricStat"]);
            let of_it = |stat: &&Value| {
                stat["Metric"]["MetricName"] == metric && stat["Metric"]["Dimensions"][0]["Value"] == *named
            };
            stats.filter(of_it).map(|stat| stat["Period"].clone()).next()
        };
        let dropped = alarms.iter().any(|alarm| {
            let Some(period) = goes_by(alarm, "AsyncEventsDropped") else { return false };
            let mut alarm = (*alarm).clone();
            alarm["Period"] = period;
            apart.iter().all(|apart| comes(&alarm, *apart))
        });
        let missing = alarms.iter().any(|alarm| {
            goes_by(alarm, "Invocations").is_some()
                && goes_by(alarm, "Errors").is_some()
                && alarm["ComparisonOperator"] == "LessThanThreshold"
                && alarm["TreatMissingData"] == "breaching"
        });
        assert!(dropped || missing, "{function}");
        // Of reprovision runs are dropped by design, while one takes minutes.
        assert_eq!(dropped, function != "reprovision", "{function}");
    }
}

/// What EventBridge can neither deliver nor put aside nobody else hears of.
#[test]
fn what_eventbridge_loses_is_heard_of_for_every_rule_but_those_of_self_tests() {
    let template = Template::read("service.yaml").unwrap();
    let rules =
        template.of_type("AWS::Events::Rule", Place { account: "999988887777", ..PLACES[0] }, &PARAMETERS);
    // By what AWS calls the metrics' dimensions: the bus is named where it isn't the default one.
    let mut wanted = BTreeSet::new();
    for rule in rules.values() {
        let name = rule["Name"].as_str().unwrap();
        let bus = rule.get("EventBusName").map_or("", |bus| bus.as_str().unwrap());
        if !name.ends_with("self-tests") {
            wanted.insert((bus.to_owned(), name.to_owned()));
        }
    }
    for metric in ["FailedInvocations", "InvocationsFailedToBeSentToDlq"] {
        let mut watched = BTreeSet::new();
        for alarm in alarms(&template).values() {
            let metrics = alarm["Metrics"].as_array().into_iter().flatten();
            for one in
                metrics.map(|one| &one["MetricStat"]["Metric"]).filter(|one| one["MetricName"] == metric)
            {
                let mut named: BTreeMap<&str, String> = BTreeMap::new();
                for dimension in one["Dimensions"].as_array().unwrap() {
                    let value = dimension["Value"].as_str().unwrap().to_owned();
                    named.insert(dimension["Name"].as_str().unwrap(), value);
                }
                watched.insert((
                    named.remove("EventBusName").unwrap_or_default(),
                    named.remove("RuleName").unwrap(),
                ));
                assert!(named.is_empty(), "{named:?}");
            }
        }
        assert_eq!(watched, wanted, "{metric}");
    }
}

/// `CloudWatch` takes ten metrics in an expression of an alarm.
#[test]
fn no_alarm_has_more_metrics_than_cloudwatch_takes() {
    for name in ["service.yaml", "forwarder.yaml"] {
        let template = Template::read(name).unwrap();
        for (alarm, said) in template.tree["Resources"].as_object().unwrap() {
            let metrics = said["Properties"]["Metrics"].as_array().map_or(0, Vec::len);
            assert!(metrics <= 11, "{alarm}: {metrics} with the expression");
        }
    }
}

#[test]
fn every_alarm_has_a_section_of_the_runbook_and_is_on_the_dashboard() {
    let template = Template::read("service.yaml").unwrap();
    let page = include_str!("../../../docs/runbook.md");
    let resources = template.made(Place { account: "999988887777", ..PLACES[0] }, &PARAMETERS);
    let dashboard = resources["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    for alarm in alarms(&template).values() {
        let name = alarm["AlarmName"].as_str().unwrap();
        assert!(dashboard.contains(&format!(":alarm:{name}\"")), "{name}");
        let told = alarm["AlarmDescription"].as_str().unwrap();
        let section = told.split_once("docs/runbook.md#").unwrap().1;
        assert!(page.lines().any(|line| line == format!("### {section}")), "{name}: {section}");
    }
}

/// "At most" is what may be: the alarm comes with more.
#[test]
fn what_may_be_at_most_is_no_alarm_yet() {
    let template = Template::read("service.yaml").unwrap();
    let resources = template.tree["Resources"].as_object().unwrap().values();
    let alarms = resources.filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let at_most = alarms.map(|alarm| &alarm["Properties"]).filter(|alarm| {
        alarm["Threshold"]["Ref"].as_str().is_some_and(|parameter| parameter.ends_with("AtMost"))
    });
    let operators: Vec<&Value> = at_most.map(|alarm| &alarm["ComparisonOperator"]).collect();
    assert_eq!(operators, ["GreaterThanThreshold"; 3]);
}
