//! The workflow that docs/ci.md offers: what it says must be YAML, and its commands must be the tool's.

use clap::Parser as _;
use cli::Cli;
use serde_json::Value;

const WORKFLOW: &str = include_str!("../../../docs/ci/usher-plan.yml");

fn workflow() -> Value {
    serde_saphyr::from_str(WORKFLOW).unwrap()
}

/// The scripts of all jobs.
fn scripts(workflow: &Value) -> Vec<&str> {
    let jobs = workflow["jobs"].as_object().unwrap().values();
    let steps = jobs.flat_map(|job| job["steps"].as_array().unwrap());
    steps.filter_map(|step| step["run"].as_str()).collect()
}

#[test]
fn every_command_of_usher_in_it_is_one_that_the_tool_takes() {
    let workflow = workflow();
    let mut commands = Vec::new();
    for line in scripts(&workflow).iter().flat_map(|script| script.lines()).map(str::trim) {
        if !line.starts_with("usher ") {
            continue;
        }
        // Up to where the shell takes over again.
        let words = line.split(' ').take_while(|word| !matches!(*word, ">" | "||" | "&&" | "|"));
        let words: Vec<String> = words.map(|word| word.replace('"', "")).collect();
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("{line}: {error}");
        }
        commands.push(words[1].clone());
    }
    assert_eq!(commands, ["rules", "plan"]);
}

#[test]
fn it_asks_for_no_more_than_each_job_needs() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let triggers: Vec<&String> = workflow["on"].as_object().unwrap().keys().collect();
    assert_eq!(triggers, ["pull_request"]);
    let permissions = |job: &str| workflow["jobs"][job]["permissions"].clone();
    assert_eq!(permissions("check"), serde_json::json!({ "contents": "read" }));
    assert_eq!(permissions("plan"), serde_json::json!({ "contents": "read", "id-token": "write" }));
    assert_eq!(permissions("comment"), serde_json::json!({ "pull-requests": "write" }));
    let fork_safe = "github.event.pull_request.head.repo.full_name == github.repository";
    assert_eq!(workflow["jobs"]["plan"]["if"], fork_safe);
}

#[test]
fn nothing_from_outside_is_pasted_into_a_script() {
    let workflow = workflow();
    for script in scripts(&workflow) {
        assert!(!script.contains("${{"), "{script}");
    }
}
