//! What the pages have people type is what the templates take.

use std::collections::{BTreeMap, BTreeSet};

use super::Template;

const DEPLOY: &str = include_str!("../../../docs/deploy.md");
const FORWARDER: &str = include_str!("../../../docs/forwarder.md");
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// The command lines of a page, each as one.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut in_block, mut goes_on) = (false, false);
    for line in page.lines().map(str::trim) {
        if line.starts_with("```") {
            (in_block, goes_on) = (line == "```console", false);
            continue;
        }
        if !in_block {
            continue;
        }
        let text = line.strip_suffix('\\').unwrap_or(line).trim();
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (None, Some(last)) if goes_on => {
                last.push(' ');
                last.push_str(text);
            }
            (Some(_), _) => commands.push(text.trim_start_matches("$ ").to_owned()),
            (None, _) => {}
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// The template that a command deploys, and the parameters that it gives.
fn deployed(command: &str) -> Option<(String, BTreeSet<String>)> {
    let command = command.split(" #").next().unwrap();
    if !command.contains("cloudformation deploy") {
        return None;
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    let behind = |option: &str| words.iter().position(|word| *word == option).map(|at| &words[at + 1..]);
    let file = behind("--template-file").unwrap()[0];
    let template = file.trim_start_matches("infra/").replace(".packaged", "");
    let given = behind("--parameter-overrides").unwrap_or_default().iter();
    let names = given.map_while(|word| word.split_once('=')).map(|(name, _)| name.to_owned());
    Some((template, names.collect()))
}

#[test]
fn parameters_that_the_pages_give_are_those_of_the_templates_and_none_is_left_out_that_has_no_default() {
    let mut wholly: BTreeMap<String, bool> = BTreeMap::new();
    for page in [DEPLOY, FORWARDER] {
        for (name, given) in commands(page).iter().filter_map(|command| deployed(command)) {
            let template = Template::read(&name).unwrap_or_else(|| panic!("there is no {name}"));
            let parameters = template.tree["Parameters"].as_object().unwrap();
            for parameter in &given {
                assert!(parameters.contains_key(parameter), "{name} has no parameter {parameter}");
            }
            let mut needed = parameters.iter().filter(|(_, said)| said.get("Default").is_none());
            *wholly.entry(name).or_default() |= needed.all(|(parameter, _)| given.contains(parameter));
        }
    }
    // A second deployment keeps what the first was given.
    let all: Vec<(&str, bool)> = wholly.iter().map(|(name, wholly)| (name.as_str(), *wholly)).collect();
    assert_eq!(
        all,
        [
            ("events-queue.yaml", true),
            ("forwarder.yaml", true),
            ("management-account.yaml", true),
            ("service.yaml", true)
        ]
    );
}

/// What a stack is given of another's outputs has the names that both call it by.
#[test]
fn a_delegated_administrators_steps_name_what_the_stacks_give_each_other() {
    let commands = commands(DEPLOY);
    let gives = |template: &str, parameter: &str| {
        let mut all = commands.iter().filter_map(|command| deployed(command));
        all.any(|(name, given)| name == template && given.contains(parameter))
    };
    for (template, parameter, from, output) in [
        ("management-account.yaml", "ReadingRoles", "service.yaml", "RolesThatRead"),
        ("management-account.yaml", "WritingRoles", "service.yaml", "RolesThatWrite"),
        ("service.yaml", "ManagementReadRoleArn", "management-account.yaml", "ReadRoleArn"),
        ("service.yaml", "ManagementWriteRoleArn", "management-account.yaml", "WriteRoleArn"),
        ("forwarder.yaml", "OwnRoles", "management-account.yaml", "WriteRoleArn"),
        ("forwarder.yaml", "BusArn", "service.yaml", "BusArn"),
    ] {
        assert!(gives(template, parameter), "no step gives {template} {parameter}");
        assert!(
            Template::read(from).unwrap().tree["Outputs"].get(output).is_some(),
            "{from} has no {output}"
        );
        assert!(DEPLOY.contains(&format!("`{output}`")), "{output}");
    }
}

/// A stack in a wrong Region is made, and works with nothing: so the page says in which one each command works.
#[test]
fn each_command_of_the_page_says_its_region() {
    let commands = commands(DEPLOY);
    let of_aws: Vec<&String> = commands.iter().filter(|command| command.contains("aws ")).collect();
    assert!(of_aws.len() > 10, "{of_aws:?}");
    for command in of_aws {
        assert!(command.contains("--region "), "{command}");
    }
}

#[test]
fn every_parameter_that_a_page_names_as_one_is_one() {
    let templates = [
        "service.yaml",
        "forwarder.yaml",
        "management-account.yaml",
        "events-queue.yaml",
        "trusted-tags.yaml",
    ];
    let known: BTreeSet<String> = templates
        .iter()
        .flat_map(|name| {
            let tree = Template::read(name).unwrap().tree;
            ["Parameters", "Outputs"]
                .iter()
                .flat_map(|of| tree[*of].as_object().into_iter().flatten().map(|(name, _)| name.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    // `Name=value` in backticks.
    for page in [DEPLOY, FORWARDER, RUNBOOK] {
        for named in page.split('`').skip(1).step_by(2).filter_map(|code| code.split_once('=')) {
            let (name, _) = named;
            let is_parameter = name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().any(|byte| byte.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(!is_parameter || known.contains(name), "{name}");
        }
    }
}
