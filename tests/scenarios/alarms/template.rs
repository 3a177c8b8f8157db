//! The template's alarms and its dashboard name the metrics that there are, each with its dimensions and from a function that tells it; and
//! each alarm has its test.

use std::{collections::BTreeSet, path::Path};

use shared::metrics::{FUNCTION, Metric, NAMESPACE};

/// A metric as the template names it: the metric, the function, and the dimension that it is split by.
type Named = (String, String, Option<String>);

fn template() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("infra/service.yaml")).unwrap()
}

/// What is between two texts, the first time.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {text:.200}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no `{after}` behind `{before}`")).0
}

/// `OnAccountEvent` is `on-account-event`.
fn package(logical_id: &str) -> String {
    let mut name = String::new();
    for letter in logical_id.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Names and values of dimensions, the first of which has to be the function.
fn named(metric: &str, dimensions: &[(&str, &str)]) -> Named {
    let [(function, id), others @ ..] = dimensions else { panic!("{metric} has no dimensions") };
    assert_eq!(*function, FUNCTION, "{metric}");
    assert!(others.len() <= 1, "{metric}: {dimensions:?}");
    let split_by = others.first().map(|(name, _)| (*name).to_owned());
    (metric.to_owned(), package(id), split_by)
}

fn of_alarms(template: &str) -> Vec<Named> {
    let namespace = format!("Namespace: {NAMESPACE}");
    let after = template.split(&namespace).skip(1);
    let is_whole = |text: &&str| text.starts_with(',') || text.starts_with('\n');
    after
        .filter(is_whole)
        .map(|text| {
            let metric = between(text, "MetricName: ", if text.starts_with(',') { "," } else { "\n" });
            let dimensions: Vec<(&str, &str)> = between(text, "Dimensions: [", "]")
                .split("Name: ")
                .skip(1)
                .map(|one| {
                    (
                        one.split(',').next().unwrap(),
                        between(one, "Value: ", " }").trim_start_matches("!Ref "),
                    )
                })
                .collect();
            named(metric, &dimensions)
        })
        .collect()
}

fn of_widgets(template: &str) -> Vec<Named> {
    let beginning = format!("[\"{NAMESPACE}\", ");
    let widgets = template.split(&beginning).skip(1);
    widgets
        .map(|text| {
            let words: Vec<&str> =
                between(text, "\"", ", {\"").split('"').filter(|word| *word != ", ").collect();
            let [metric, dimensions @ ..] = words.as_slice() else { panic!("{text:.200}") };
            let dimensions: Vec<(&str, &str)> = dimensions
                .chunks_exact(2)
                .map(|pair| (pair[0], pair[1].trim_start_matches("${").trim_end_matches('}')))
                .collect();
            named(metric, &dimensions)
        })
        .collect()
}

#[test]
fn alarms_and_dashboard_name_the_metrics_that_there_are_and_all_of_them() {
    let template = template();
    let (alarms, widgets) = (of_alarms(&template), of_widgets(&template));
    assert!(alarms.len() > 20 && widgets.len() > 15, "{} and {}", alarms.len(), widgets.len());
    let mut used: BTreeSet<(Metric, String)> = BTreeSet::new();
    for (name, function, split_by) in alarms.into_iter().chain(widgets) {
        let metric = Metric::named(&name).unwrap_or_else(|| panic!("there is no metric `{name}`"));
        let description = metric.description();
        assert!(description.functions.contains(&function.as_str()), "{function} does not tell {name}");
        assert!(split_by.is_none() || split_by.as_deref() == description.split_by, "{name}: {split_by:?}");
        used.insert((metric, function));
    }
    for metric in Metric::ALL {
        for function in metric.description().functions {
            assert!(
                used.contains(&(metric, (*function).to_owned())),
                "nothing in the template looks at {metric:?} of {function}"
            );
        }
    }
}

#[test]
fn each_metric_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let page = std::fs::read_to_string(root.join("docs/observability.md")).unwrap();
    for metric in Metric::ALL {
        let name = format!("`{}`", metric.description().name);
        let is_row = |line: &str| line.starts_with('|') && line.split('|').nth(1).unwrap().contains(&name);
        assert!(page.lines().any(is_row), "{name} is not in the table of docs/observability.md");
    }
}

#[test]
fn each_alarm_on_a_metric_of_ours_has_a_test_by_its_name() {
    let (template, tests) = (template(), include_str!("../alarms.rs"));
    let mut alarms = 0;
    for alarm in template.split("Type: AWS::CloudWatch::Alarm").skip(1) {
        let alarm = alarm.split("\n\n").next().unwrap();
        if !alarm.contains(&format!("Namespace: {NAMESPACE}\n"))
            && !alarm.contains(&format!("Namespace: {NAMESPACE},"))
        {
            continue;
        }
        alarms += 1;
        let name = between(alarm, "AlarmName: !Sub \"${Name}-", "\"");
        let test = format!("async fn {}_", name.replace('-', "_"));
        assert!(tests.contains(&test), "the alarm `{name}` has no test: `{test}…`");
    }
    assert_eq!(alarms, 16);
}
