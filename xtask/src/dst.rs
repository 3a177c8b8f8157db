//! Deterministic simulation: histories of the whole service, drawn from seeds, each held against every promise.

use std::{ffi::OsString, path::Path, process::Command};

use crate::{command, failure::Failure, marks, scenario};

/// The test, in the program that holds all scenarios.
const TEST: &str = "scenarios::dst::histories_by_chance";

/// Where the test leaves its tables, from the checkout's top.
const TABLES: &str = "target/dst.md";

/// How many are lived through where nothing is said.
const BY_HAND: u64 = 1_000;

/// How many are lived through by night.
const BY_NIGHT: u64 = 10_000;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    seeds: Option<u64>,
    from: Option<u64>,
    /// One alone, told step by step.
    seed: Option<u64>,
    json: Option<String>,
    write_docs: bool,
}

/// `cargo xtask dst [--seeds N] [--from N] [--json FILE] [--write-docs]`, or `cargo xtask dst --seed N`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    run(root, &asked(arguments)?)
}

/// As many as are lived through by night.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    run(root, &Asked { seeds: Some(BY_NIGHT), ..Asked::default() })
}

fn asked(arguments: &[OsString]) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|number| number.replace('_', "").parse().ok());
            number.ok_or_else(|| mistake(&format!("`{word}` is followed by a whole number")))
        };
        match &*word {
            "--seeds" => asked.seeds = Some(number()?),
            "--from" => asked.from = Some(number()?),
            "--seed" => asked.seed = Some(number()?),
            "--json" => {
                asked.json = Some(words.next().ok_or_else(|| mistake("`--json` is followed by a file"))?);
            }
            "--write-docs" => asked.write_docs = true,
            other => return Err(mistake(&format!("there is no `{other}` here; try help"))),
        }
    }
    let Asked { seeds, from, seed, json, write_docs } = &asked;
    if seed.is_some() && (seeds.is_some() || from.is_some() || json.is_some() || *write_docs) {
        return Err(mistake("`--seed` is one history alone, and takes no other words"));
    }
    Ok(asked)
}

fn mistake(text: &str) -> Failure {
    Failure::Broken(vec![format!("`cargo xtask dst`: {text}")])
}

fn run(root: &Path, asked: &Asked) -> Result<(), Failure> {
    command::run(&mut histories(root, asked))?;
    if asked.write_docs {
        marks::renew(root, "docs/reliability.md", "dst", &root.join(TABLES))?;
    }
    Ok(())
}

fn histories(root: &Path, asked: &Asked) -> Command {
    let mut histories = scenario::alone(root, TEST);
    if let Some(seed) = asked.seed {
        histories.env("USHER_DST_SEED", seed.to_string());
    }
    histories.env("USHER_DST_SEEDS", asked.seeds.unwrap_or(BY_HAND).to_string());
    histories.env("USHER_DST_FROM", asked.from.unwrap_or_default().to_string());
    histories.env("USHER_DST_TABLE", root.join(TABLES));
    if let Some(json) = &asked.json {
        histories.env("USHER_DST_JSON", root.join(json));
    }
    histories
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Asked, Failure> {
        asked(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_asked_for_is_read_and_nothing_is_guessed() {
        assert_eq!(words("").unwrap(), Asked::default());
        let some =
            Asked { seeds: Some(10_000), from: Some(7), json: Some("a.json".into()), ..Asked::default() };
        assert_eq!(words("--seeds 10_000 --from 7 --json a.json").unwrap(), some);
        assert_eq!(words("--seed 9").unwrap(), Asked { seed: Some(9), ..Asked::default() });
        for line in ["--seeds", "--seeds many", "--seed -1", "7", "--json", "--seed 1 --seeds 2", "--write"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
