//! The working week of a large company, which takes too long for every change: lived through, and told as tables.

use std::{ffi::OsString, path::Path};

use crate::{command, failure::Failure, marks, scenario};

/// The test, in the program that holds all scenarios.
const TEST: &str = "scenarios::week::the_whole_week_of_a_large_company";

/// Where the test leaves its tables, from the checkout's top.
const TABLES: &str = "target/week.md";

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    seed: Option<u64>,
    write_docs: bool,
}

/// `cargo xtask week [--seed N] [--write-docs]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    run(root, &asked(arguments)?)
}

/// The same with the seed that the documentation shows.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    run(root, &Asked::default())
}

fn asked(arguments: &[OsString]) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        match &*word {
            "--write-docs" => asked.write_docs = true,
            "--seed" => {
                let seed = words.next().and_then(|seed| seed.parse().ok());
                asked.seed = Some(seed.ok_or_else(|| mistake("`--seed` is followed by a whole number"))?);
            }
            other => return Err(mistake(&format!("there is no `{other}` here; try help"))),
        }
    }
    Ok(asked)
}

fn mistake(text: &str) -> Failure {
    Failure::Broken(vec![format!("`cargo xtask week`: {text}")])
}

fn run(root: &Path, asked: &Asked) -> Result<(), Failure> {
    let tables = root.join(TABLES);
    let mut week = scenario::alone(root, TEST);
    week.env("USHER_WEEK_TABLE", &tables);
    if let Some(seed) = asked.seed {
        week.env("USHER_WEEK_SEED", seed.to_string());
    }
    command::run(&mut week)?;
    if asked.write_docs {
        marks::renew(root, "docs/reliability.md", "week", &tables)?;
    }
    Ok(())
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
        assert_eq!(words("--seed 7 --write-docs").unwrap(), Asked { seed: Some(7), write_docs: true });
        for line in ["--seed", "--seed seven", "--seed -1", "7", "--write"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
