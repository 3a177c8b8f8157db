//! What the pages say of costs and of how long a round takes is what the templates and the formulas beside it come to.

use shared::metrics::{Metric, classes};

use super::{PLACES, Template, service::PARAMETERS};

const DEPLOY: &str = include_str!("../../../docs/deploy.md");
const ARCHITECTURE: &str = include_str!("../../../docs/architecture.md");

/// `CloudWatch` bills an alarm by the metrics that it goes by. Alarms, and these metrics.
fn alarms(name: &str, parameters: &[(&str, &str)]) -> (usize, usize) {
    let template = Template::read(name).unwrap();
    let alarms = template.of_type("AWS::CloudWatch::Alarm", PLACES[0], parameters);
    // Of an expression, all but itself.
    let metrics = alarms.values().map(|alarm| alarm["Metrics"].as_array().map_or(1, |all| all.len() - 1));
    (alarms.len(), metrics.sum())
}

#[test]
fn the_page_counts_the_alarms_as_cloudwatch_bills_them() {
    let (number, metrics) = alarms("service.yaml", &PARAMETERS);
    let forwarding = [
        ("BusArn", "arn:aws:events:eu-central-1:999988887777:event-bus/usher"),
        ("Organizations", "true"),
        ("ControlTower", "true"),
    ];
    let (_, of_forwarder) = alarms("forwarder.yaml", &forwarding);
    // A metric is billed for each function that tells it, and once more for each part of it.
    let own = Metric::ALL.into_iter().map(|metric| {
        let description = metric.description();
        let parts = match description.split_by {
            None => 0,
            Some("Class") => classes().len(),
            Some("Kind") => ["rate", "window"].len(),
            Some(other) => panic!("{other}"),
        };
        description.functions.len() * (1 + parts)
    });
    let own: usize = own.sum();
    let said = format!(
        "{number} alarms over {metrics} metrics, {of_forwarder} of the forwarder's, {own} metrics of Usher's own"
    );
    let row = DEPLOY.lines().find(|line| line.contains(&said)).unwrap_or_else(|| panic!("{said}"));
    // Ten cents a metric of an alarm, thirty a metric, a dashboard; logs come to next to nothing in a small organization.
    let cents = 10 * (metrics + of_forwarder) + 30 * own + 300;
    let dollars: usize = row.split('|').nth(2).unwrap().trim().parse().unwrap();
    assert_eq!(dollars, (cents + 50) / 100, "{cents} cents");
    // And the sums are sums.
    let rows = || {
        DEPLOY
            .lines()
            .skip_while(|line| !line.starts_with("| Lambda |"))
            .take_while(|line| line.starts_with('|'))
    };
    let number = |line: &str, column: usize| -> f64 {
        line.split('|').nth(column).unwrap().trim().trim_matches('*').parse().unwrap()
    };
    for column in 2..5 {
        let (all, parts): (Vec<f64>, Vec<f64>) = (
            rows().filter(|line| line.contains("together")).map(|line| number(line, column)).collect(),
            rows().filter(|line| !line.contains("together")).map(|line| number(line, column)).collect(),
        );
        let sum: f64 = parts.iter().sum();
        assert!(parts.len() == 4 && all.len() == 1 && (all[0] - sum).abs() <= 0.51, "{all:?}: {sum}");
    }
}

/// How long a round takes that makes so many calls of SSO Admin: in seconds, and in how many runs. A run has ten minutes, reads for a while `before`,
/// and begins nothing in the last tenth of the rest; runs begin each quarter of an hour.
fn round(calls: f64, before: f64) -> (f64, u32) {
    let each = (600.0 - before) * 0.9;
    let (mut left, mut runs) = (calls / 3.0, 1);
    while left > each {
        left -= each;
        runs += 1;
    }
    (f64::from(runs - 1) * 900.0 + before + left, runs)
}

/// A time as the table has it: in seconds, and the runs that it tells.
fn told(column: &str) -> (f64, Option<u32>) {
    let mut words = column.split([' ', ',']).filter(|word| !word.is_empty());
    let number: f64 = words.next().unwrap().parse().unwrap();
    let unit = match words.next().unwrap() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        other => panic!("{other}"),
    };
    (number * unit, words.find_map(|word| word.parse().ok()))
}

#[test]
fn how_long_a_round_takes_is_what_its_formula_comes_to() {
    let mut lines = ARCHITECTURE.lines();
    lines.find(|line| line.starts_with("| A | N | G | p |")).unwrap();
    let rows: Vec<Vec<&str>> = lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 3, "{rows:?}");
    for row in rows {
        let [accounts, assignments, groups, sets] =
            [0, 1, 2, 3].map(|at| row[at].replace(',', "").parse::<f64>().unwrap());
        let before = accounts / 80.0 + accounts / 250.0 + groups / 8.0;
        for (column, calls) in [(row[4], assignments / 100.0 + groups), (row[5], accounts * (1.0 + sets))] {
            let (takes, runs) = round(calls, before);
            let (said, in_runs) = told(column);
            assert!((said / takes - 1.0).abs() < 0.05, "{column}: {takes} s");
            assert_eq!(in_runs.unwrap_or(1), runs, "{column}");
        }
    }
}
