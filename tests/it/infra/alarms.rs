//! The alarms can come: what they wait for can happen by the schedules that there are.

use std::collections::BTreeMap;

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
