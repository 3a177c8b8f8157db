//! Each function's environment in the template is what its settings read: nothing it cannot do without is missing, and nothing is given that it
//! never reads.

use std::collections::{BTreeMap, BTreeSet};

use cli::report::{Found, Measured, SettingFound};
use serde_json::Value;
use shared::settings::Settings;

use super::{MANAGEMENT, PLACES, Place, Template};
use crate::lambda::{
    Function,
    runtime_api::{FunctionError, RuntimeApi},
};

const SETTINGS: &str = include_str!("../../../docs/settings.md");

/// A delegated administrator's stack, where everything is given that can be.
const PARAMETERS: [(&str, &str); 7] = [
    ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
    ("OrganizationId", "o-exampleorg1"),
    ("ManagementAccountId", MANAGEMENT),
    ("RulesBucketName", "usher-rules"),
    ("ReportsBucketName", "usher-reports"),
    ("ManagementReadRoleArn", "arn:aws:iam::123456789012:role/usher-management-reads"),
    ("ManagementWriteRoleArn", "arn:aws:iam::123456789012:role/usher-management-writes"),
];

/// What functions read and are not given though others are, since it makes no difference to them. All functions but on-account-event and
/// poll-provisioning read how decisions are made and carried out as a whole.
const OF_NO_CONCERN: [(&str, &str, &[&str]); 9] = [
    ("USHER_ENGINE_RATE", "only who holds the engine's lease goes by it", &DECIDERS),
    ("USHER_ENGINE_BURST", "only who holds the engine's lease goes by it", &DECIDERS),
    ("USHER_SETTLE_AFTER", "only who sends requests looks for one whose answer was lost", &DECIDERS),
    ("USHER_PATIENCE", "only who sends requests hands them over, and tick measures by it", &PLANNERS),
    ("USHER_LAG", "they hold no rows against AWS's lists", &WITHOUT_LISTS),
    ("USHER_WINDOW", "only who sends requests has a window, and tick measures by it", &PLANNERS),
    ("USHER_MANAGEMENT_ACCOUNT", "they plan nothing and send nothing", &LISTENERS),
    ("USHER_ORPHAN_GRACE", "they plan nothing", &LISTENERS),
    ("USHER_PERMISSION_SETS_PER_ACCOUNT", "they plan nothing", &LISTENERS),
];

const DECIDERS: [&str; 7] =
    ["audit", "on-group-event", "on-permission-set-event", "on-rules-change", "reconcile", "sweep", "tick"];
const PLANNERS: [&str; 7] = [
    "audit",
    "on-group-event",
    "on-permission-set-event",
    "on-rules-change",
    "reconcile",
    "reprovision",
    "sweep",
];
const WITHOUT_LISTS: [&str; 5] =
    ["on-group-event", "on-permission-set-event", "provision", "reprovision", "tick"];
const LISTENERS: [&str; 3] = ["on-group-event", "on-permission-set-event", "tick"];

/// What functions are given and the tool is not told, with the reason.
const NOT_FOR_THE_TOOL: [(&str, &str); 1] = [("USHER_LOG", "how much the functions log")];

type Variables = BTreeMap<String, String>;

/// What the template gives each function.
fn given(template: &Template, parameters: &[(&str, &str)]) -> BTreeMap<String, Variables> {
    let resources = template.made(Place { account: "999988887777", ..PLACES[0] }, parameters);
    let functions = resources.into_values().filter(|resource| resource["Type"] == "AWS::Lambda::Function");
    let functions = functions.map(|resource| {
        let properties = &resource["Properties"];
        let name = properties["FunctionName"].as_str().unwrap().strip_prefix("usher-").unwrap().to_owned();
        let variables = properties["Environment"]["Variables"].as_object().unwrap().iter();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, variables.map(|(variable, value)| (variable.clone(), text(value))).collect())
    });
    functions.collect()
}

/// The variables of ours that a built function asks for until it has its first invocation; or why it has none.
async fn read(function: &str, given: &Variables) -> Result<BTreeSet<String>, FunctionError> {
    let mut envs = given.clone();
    envs.insert("USHER_LOG".to_owned(), "trace".to_owned());
    // Nobody is there, and nobody is needed.
    envs.insert("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:9".to_owned());
    let api = RuntimeApi::start().await;
    let running = Function::spawn(function, envs, &api);
    // What is no JSON no handler gets to see.
    match api.invoke("").await {
        Err(FunctionError::Reported { .. }) => {}
        Err(other) => return Err(other),
        Ok(answer) => panic!("{function}: {answer}"),
    }
    let lines = running.kill().await.lines();
    let settings = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["setting"].as_str().filter(|name| name.starts_with("USHER_")).map(str::to_owned)
    });
    Ok(settings.collect())
}

/// What each row of the tables under this head says behind a variable: the second column.
fn documented(head: &str) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    let mut within = false;
    for line in SETTINGS.lines() {
        within = line.starts_with(head) || within && line.starts_with('|');
        let mut columns = line.split('|').map(str::trim).skip(1);
        if let (true, Some(names), Some(second)) = (within, columns.next(), columns.next()) {
            let names = names.split('`').skip(1).step_by(2);
            rows.extend(names.map(|name| (name.to_owned(), second.to_owned())));
        }
    }
    rows
}

/// What is wrong with what a function is given, by what it reads.
fn wrong(function: &str, given: &BTreeMap<String, Variables>, read: &BTreeSet<String>) -> Vec<String> {
    let own = &given[function];
    // How much is logged is read before anything can be logged; that there are lines of this level shows it.
    let unread = own.keys().filter(|name| *name != "USHER_LOG" && !read.contains(*name));
    let mut wrong: Vec<String> =
        unread.map(|name| format!("{function} is given {name} and never reads it")).collect();
    let defaults = documented("| variable | default |");
    let others: BTreeSet<&String> = given.values().flat_map(BTreeMap::keys).collect();
    for name in read.iter().filter(|name| !own.contains_key(*name)) {
        let known =
            OF_NO_CONCERN.iter().any(|(of, _, functions)| of == name && functions.contains(&function));
        if others.contains(name) && !known {
            wrong.push(format!("{function} reads {name} and is not given it, though others are"));
        } else if defaults.get(name).is_none_or(String::is_empty) {
            wrong.push(format!(
                "{function} reads {name}, is not given it, and docs/settings.md has no default"
            ));
        }
    }
    wrong
}

#[tokio::test]
async fn each_function_is_given_the_variables_that_it_reads_and_no_others() {
    let template = Template::read("service.yaml").unwrap();
    let all = given(&template, &PARAMETERS);
    assert_eq!(all.len(), 11);
    let mut readers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut found = Vec::new();
    for (function, variables) in &all {
        let read = read(function, variables).await.unwrap_or_else(|error| panic!("{function}: {error:?}"));
        assert!(read.contains("USHER_LEDGER_TABLE"), "{function}: {read:?}");
        found.extend(wrong(function, &all, &read));
        for name in read {
            readers.entry(name).or_default().insert(function.clone());
        }
    }
    assert_eq!(found, [""; 0]);

    // And the page says who reads what.
    let said = documented("| variable | read by |");
    assert!(said.len() > 8, "{said:?}");
    for (name, by) in said {
        let by: BTreeSet<String> =
            by.split(", ").filter(|name| all.contains_key(*name)).map(str::to_owned).collect();
        assert_eq!(readers.remove(&name).unwrap_or_default(), by, "{name}");
    }
}

#[tokio::test]
async fn a_variable_that_is_missing_or_too_many_is_found() {
    let template = Template::read("service.yaml").unwrap();
    let mut all = given(&template, &PARAMETERS);
    let tick = all.get_mut("tick").unwrap();
    tick.insert("USHER_WINDOWS".to_owned(), "10".to_owned());
    tick.remove("USHER_WINDOW");
    let read_by_tick = read("tick", &all["tick"]).await.unwrap();
    assert_eq!(
        wrong("tick", &all, &read_by_tick),
        [
            "tick is given USHER_WINDOWS and never reads it",
            "tick reads USHER_WINDOW and is not given it, though others are",
        ]
    );

    let tick = all.get_mut("tick").unwrap();
    tick.remove("USHER_LEDGER_TABLE");
    let refused = read("tick", &all["tick"]).await.unwrap_err();
    assert!(format!("{refused:?}").contains("`USHER_LEDGER_TABLE` is not set"), "{refused:?}");
}

/// The lines of the output `ToolSettings`, as a shell would take them.
fn told(template: &Template, parameters: &[(&str, &str)]) -> Variables {
    let outputs = template.outputs(Place { account: "999988887777", ..PLACES[0] }, parameters);
    let lines = outputs["ToolSettings"].lines();
    let pairs = lines.map(|line| line.strip_prefix("export ").unwrap().split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_tool_is_told_what_the_functions_are_given() {
    let template = Template::read("service.yaml").unwrap();
    let none = [&PARAMETERS[..5], &[("ManagementAccountWrites", "withhold")]].concat();
    let direct =
        [&PARAMETERS[..], &[("ManagementAccountWrites", "direct"), ("Window", "15"), ("SweepRate", "2")]];
    for parameters in [none, direct.concat()] {
        let told = told(&template, &parameters);
        let mut missing = Vec::new();
        for (function, variables) in given(&template, &parameters) {
            for (name, value) in variables {
                let role = name == "USHER_MANAGEMENT_ROLE_ARN" && !told[&name].is_empty();
                let known = NOT_FOR_THE_TOOL.iter().any(|(of, _)| *of == name);
                if !known && !role && told.get(&name) != Some(&value) {
                    missing
                        .push(format!("{function} has {name}={value}, and the tool {:?}", told.get(&name)));
                }
            }
        }
        assert_eq!(missing, [""; 0]);
        // The tool reads them all.
        let settings = Settings::reading(move |name| told.get(name).cloned());
        settings.engine().unwrap();
        settings.management_role_arn().unwrap();
        settings.own_roles().unwrap();
        settings.command_share().unwrap();
        settings.rules().unwrap();
    }
}

/// What `usher probe` writes can be given to the stack, and so comes to those who go by it, and to the tool.
#[test]
fn each_setting_that_a_probe_writes_is_a_parameter_of_the_stack() {
    let why = || "AWS was away".to_owned();
    let nothing = Measured {
        provisioning_time: Some(Found::NotMeasured { why: why() }),
        list_lag: Some(Found::NotMeasured { why: why() }),
        status_lists: Some(Found::NotMeasured { why: why() }),
        window: Some(Found::NotMeasured { why: why() }),
        burst: Some(Found::NotMeasured { why: why() }),
        status_lifetime: Some(Found::NotMeasured { why: why() }),
    };
    let settings = cli::probe::settings(&nothing);
    assert_eq!(settings.len(), 6);
    let template = Template::read("service.yaml").unwrap();
    for SettingFound { variable, default, .. } in settings {
        // `USHER_ENGINE_RATE` is `EngineRate`.
        let words = variable.strip_prefix("USHER_").unwrap().split('_');
        let words = words.map(|word| format!("{}{}", &word[..1], word[1..].to_ascii_lowercase()));
        let parameter = words.collect::<String>();
        let by_default = &template.tree["Parameters"][&parameter]["Default"];
        let by_default = by_default.as_str().map_or_else(|| by_default.to_string(), str::to_owned);
        assert_eq!(by_default, default, "{parameter}");
        let other = if default.ends_with('m') { "7m" } else { "3" };
        let parameters = [&PARAMETERS[..], &[(parameter.as_str(), other)]].concat();
        assert_eq!(told(&template, &parameters)[variable], other);
        let functions = given(&template, &parameters);
        let with_it: Vec<&String> = functions
            .iter()
            .filter(|(_, variables)| variables.get(variable).is_some_and(|value| value == other))
            .map(|(name, _)| name)
            .collect();
        assert!(!with_it.is_empty(), "{variable}");
    }
}

#[test]
fn where_a_role_writes_to_the_management_account_it_is_the_tools() {
    let template = Template::read("service.yaml").unwrap();
    let role = |parameters| told(&template, parameters)["USHER_MANAGEMENT_ROLE_ARN"].clone();
    assert_eq!(role(&PARAMETERS[..5]), "");
    assert_eq!(role(&PARAMETERS[..6]), PARAMETERS[5].1);
    assert_eq!(role(&PARAMETERS), PARAMETERS[6].1);
}
