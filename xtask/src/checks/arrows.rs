//! What inside `shared` may use what. Nothing points back, and what decides stays pure.

use std::{collections::BTreeSet, path::Path};

use crate::{
    command,
    failure::{self, Failure},
    source::{self, Source},
};

/// One module of `shared`, and the modules that it may use.
struct Module {
    name: &'static str,
    /// Pure modules decide: no waiting, no clock, no environment, no logging, no SDK.
    pure: bool,
    uses: &'static [&'static str],
}

const fn pure(name: &'static str, uses: &'static [&'static str]) -> Module {
    Module { name, pure: true, uses }
}

const fn acts(name: &'static str, uses: &'static [&'static str]) -> Module {
    Module { name, pure: false, uses }
}

/// The modules of `shared`, from the bottom up. A module uses only what stands in its line.
#[rustfmt::skip]
const MODULES: &[Module] = &[
    pure("domain",       &[]),
    pure("causes",       &[]),
    pure("policy",       &[]),
    pure("rules",        &["domain", "policy"]),
    pure("permission_sets", &["domain", "policy", "rules"]),
    pure("events",       &["causes", "domain"]),
    pure("ledger",       &["domain"]),
    pure("resolve",      &["domain", "rules", "events", "ledger"]),
    pure("plan",         &["domain", "rules", "ledger", "resolve"]),
    pure("guardrail",    &["domain", "rules", "ledger", "resolve", "plan"]),
    pure("provisioning", &["domain", "ledger"]),
    pure("reprovision",  &["domain", "rules", "ledger", "plan", "provisioning"]),
    pure("outcome",      &["domain", "ledger", "plan"]),
    pure("delegation",   &["domain", "policy", "rules"]),
    pure("import",       &["domain", "policy", "permission_sets", "rules", "resolve"]),
    pure("cloudformation", &["domain", "policy", "permission_sets", "rules", "import"]),
    pure("audit",        &["domain", "permission_sets", "rules", "ledger", "plan"]),
    pure("payloads",     &["events"]),
    acts("metrics",      &[]),
    acts("ports",        &["domain", "permission_sets", "rules", "events", "ledger", "resolve", "plan", "guardrail", "provisioning", "outcome"]),
    acts("clock",        &["ports"]),
    acts("pace",         &["ports"]),
    acts("engine",       &["causes", "domain", "rules", "permission_sets", "events", "ledger", "resolve", "plan", "guardrail", "provisioning", "outcome", "reprovision", "import", "audit", "metrics", "ports"]),
    acts("aws",          &["domain", "rules", "permission_sets", "events", "ledger", "resolve", "plan", "guardrail", "provisioning", "outcome", "ports", "clock", "pace"]),
    acts("local",        &["domain", "rules", "events", "ledger", "resolve", "plan", "guardrail", "provisioning", "outcome", "ports", "clock"]),
    acts("settings",     &["domain", "plan", "pace", "engine"]),
    acts("telemetry",    &["metrics", "settings"]),
];

/// Words that no pure module has, each with the reason.
const IMPURE: &[(&str, &str)] = &[
    ("async", "it waits for nothing"),
    ("tokio", "it waits for nothing"),
    ("futures", "it waits for nothing"),
    ("tracing", "it returns what happened and logs nothing"),
    ("println", "it returns what happened and prints nothing"),
    ("env", "the environment comes in as an argument"),
    ("SystemTime", "time comes in as an argument"),
    ("Instant", "time comes in as an argument"),
    ("lambda_runtime", "it knows nothing of Lambda"),
];

/// Packages that `shared` must not need without its adapters.
const ADAPTERS_ONLY: &[&str] = &["tokio", "hyper", "lambda_runtime"];

/// Whether everything but the adapters builds without them.
pub(super) fn builds_without_adapters(root: &Path) -> Result<(), Failure> {
    command::run(&mut command::cargo(root, ["check", "--locked", "-p", "shared", "--no-default-features"]))
}

/// Whether `shared` without its adapters is free of the SDK, of tokio and of Lambda.
pub(super) fn needs_no_sdk(root: &Path) -> Result<(), Failure> {
    let arguments =
        ["tree", "--locked", "-p", "shared", "--no-default-features", "-e", "normal", "--prefix", "none"];
    let tree = command::capture(&mut command::cargo(root, arguments))?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    println!("{} packages", names.len());
    failure::none(
        names
            .into_iter()
            .filter(|name| {
                name.starts_with("aws-") || name.starts_with("aws_") || ADAPTERS_ONLY.contains(name)
            })
            .map(|name| format!("`shared` needs `{name}` without its adapters"))
            .collect(),
    )
}

/// Whether the modules of `shared` use only what they may, and the pure ones are pure.
pub(super) fn modules(root: &Path) -> Result<(), Failure> {
    let sources = source::under(root, "shared/src")?;
    println!("{} files of `shared`", sources.len());
    failure::none(sources.iter().flat_map(findings).collect())
}

/// What is wrong with one file of `shared`.
fn findings(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix("shared/src/").filter(|inside| *inside != "lib.rs") else {
        return Vec::new();
    };
    let name = inside.split(['/', '.']).next().unwrap_or(inside);
    let Some(module) = MODULES.iter().find(|module| module.name == name) else {
        return vec![format!("{}: `{name}` is not in the table of xtask/src/checks/arrows.rs", source.path)];
    };
    let mut findings: Vec<String> = used(&source.code, depth(inside))
        .into_iter()
        .filter(|used| used != name && MODULES.iter().any(|module| module.name == used))
        .filter(|used| !module.uses.contains(&used.as_str()))
        .map(|used| format!("{}: `{name}` uses `{used}`, which is not below it", source.path))
        .collect();
    if module.pure {
        findings.extend(
            impure(&source.code).map(|(word, reason)| {
                format!("{}: `{word}` in `{name}`, which is pure: {reason}", source.path)
            }),
        );
    }
    findings
}

/// How many `super::` lead from a file to the crate's root.
fn depth(inside: &str) -> usize {
    inside.split('/').filter(|part| *part != "mod.rs").count()
}

/// The modules at the crate's root that this code names, by `crate::` or by enough `super::`.
fn used(code: &str, depth: usize) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (before, word, after) in source::words(code) {
        let Some(mut rest) = after.strip_prefix("::") else { continue };
        if before.ends_with("::") || !["crate", "super"].contains(&word) {
            continue;
        }
        let mut climbed = 1;
        while let Some(above) = rest.strip_prefix("super::").filter(|_| word == "super") {
            rest = above;
            climbed += 1;
        }
        if word == "super" && climbed < depth {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => used.extend(first_words(group)),
            None => used.extend(source::words(rest).next().map(|(_, word, _)| word.to_owned())),
        }
    }
    used
}

/// The first word of each part of a group: `a` and `d` in `a::{b, c}, d}`.
fn first_words(group: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut parts = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        if let Some(part) = parts.last_mut().filter(|_| depth == 0 && character != ',') {
            part.push(character);
        }
    }
    parts.iter().filter_map(|part| source::words(part).next().map(|(_, word, _)| word.to_owned())).collect()
}

/// The words in this code that no pure module has.
fn impure(code: &str) -> impl Iterator<Item = (&str, &'static str)> {
    source::words(code).filter_map(|(before, word, after)| {
        if word.starts_with("aws_sdk_") || word.starts_with("aws_smithy_") {
            return Some((word, "SDK types end in `aws`"));
        }
        let (_, reason) = IMPURE.iter().find(|(impure, _)| *impure == word)?;
        // `env` is a common word: only the standard library's module counts, and not the macro `env!`.
        (word != "env" || (before.ends_with("std::") && !after.starts_with('!'))).then_some((word, *reason))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        findings(&source::parse(path.to_owned(), text))
    }

    #[test]
    fn what_points_down_or_stays_inside_is_fine() {
        let text = "use crate::{domain::{AccountId, Tags}, plan::Action};\nuse super::row::Row;\nuse crate::ports::Clock;";
        assert_eq!(found("shared/src/ports/ledger.rs", text), [""; 0]);
        assert_eq!(found("shared/src/ports/ledger.rs", "// crate::engine\n/// [`crate::aws`]"), [""; 0]);
    }

    #[test]
    fn what_points_back_is_found_however_it_is_written() {
        for text in [
            "use crate::engine::Planner;",
            "use crate::{domain::{Mode, Tags}, engine::Planner};",
            "use crate::{\n    domain::Mode,\n    engine,\n};",
            "fn f() -> crate::engine::Planner { todo!() }",
            "use super::super::engine::Planner;",
        ] {
            let found = found("shared/src/ports/clock.rs", text);
            assert_eq!(
                found,
                ["shared/src/ports/clock.rs: `ports` uses `engine`, which is not below it"],
                "{text}"
            );
        }
        assert_eq!(found("shared/src/plan.rs", "use super::engine::Planner;").len(), 1);
        assert_eq!(found("shared/src/plan/mod.rs", "use super::engine::Planner;").len(), 1);
        assert_eq!(found("shared/src/plan/x.rs", "use super::engine::Planner;").len(), 0);
    }

    #[test]
    fn adapters_never_see_the_engine() {
        assert_eq!(found("shared/src/aws/sqs.rs", "use crate::engine::Inbox;").len(), 1);
        assert_eq!(found("shared/src/local/queue.rs", "use crate::aws::Sqs;").len(), 1);
    }

    #[test]
    fn a_pure_module_waits_for_nothing_and_reads_nothing() {
        for text in [
            "async fn f() {}",
            "use tokio::time;",
            "tracing::info!();",
            "std::env::var(x);",
            "aws_sdk_sqs::X",
        ] {
            assert_eq!(found("shared/src/plan.rs", text).len(), 1, "{text}");
            assert_eq!(found("shared/src/engine/plan.rs", text).len(), 0, "{text}");
        }
        assert_eq!(found("shared/src/plan.rs", "#[cfg(test)]\nmod tests { async fn f() {} }").len(), 0);
    }

    #[test]
    fn a_module_without_a_line_in_the_table_is_found() {
        assert_eq!(found("shared/src/utils.rs", "").len(), 1);
        assert_eq!(found("shared/src/lib.rs", "pub use crate::engine::X;").len(), 0);
    }

    #[test]
    fn the_table_itself_only_points_down() {
        for (at, module) in MODULES.iter().enumerate() {
            for used in module.uses {
                let below = MODULES.iter().position(|other| other.name == *used).unwrap();
                assert!(below < at, "{} uses {used}", module.name);
                assert!(!module.pure || MODULES[below].pure, "{} is pure, {used} is not", module.name);
            }
        }
    }
}
