//! What is gone through without gaps: a death before and after each I/O of the reference workloads, and every order of six events.

use std::{ffi::OsString, path::Path};

use crate::{command, failure::Failure, marks, scenario};

/// A test in the program that holds all scenarios, the variable that tells it where to leave its table, that place from the checkout's top,
/// and the marks between which the table stands in docs/reliability.md.
struct Exhaustive {
    test: &'static str,
    variable: &'static str,
    table: &'static str,
    marks: &'static str,
}

const CRASHES: Exhaustive = Exhaustive {
    test: "scenarios::crash_points::every_crash_point",
    variable: "USHER_CRASH_TABLE",
    table: "target/crashes.md",
    marks: "crashes",
};

const ORDERS: Exhaustive = Exhaustive {
    test: "scenarios::orders::every_order_of_six_events",
    variable: "USHER_ORDERS_TABLE",
    table: "target/orders.md",
    marks: "orders",
};

/// What was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Asked {
    pairs: bool,
    write_docs: bool,
}

/// `cargo xtask exhaustive [--pairs] [--write-docs]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    run(root, asked(arguments)?)
}

/// All of it, pairs too.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    run(root, Asked { pairs: true, write_docs: false })
}

fn asked(arguments: &[OsString]) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    for word in arguments {
        match word.to_str() {
            Some("--pairs") => asked.pairs = true,
            Some("--write-docs") => asked.write_docs = true,
            _ => {
                let word = word.to_string_lossy();
                return Err(Failure::Broken(vec![format!(
                    "`cargo xtask exhaustive`: there is no `{word}` here; try help"
                )]));
            }
        }
    }
    Ok(asked)
}

fn run(root: &Path, asked: Asked) -> Result<(), Failure> {
    for Exhaustive { test, variable, table, marks } in [CRASHES, ORDERS] {
        let mut all = scenario::alone(root, test);
        all.env(variable, root.join(table));
        if asked.pairs {
            all.env("USHER_CRASH_PAIRS", "yes");
        }
        command::run(&mut all)?;
        if asked.write_docs {
            marks::renew(root, "docs/reliability.md", marks, &root.join(table))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_nothing_is_guessed() {
        let words = |line: &str| asked(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(words("").unwrap(), Asked::default());
        assert_eq!(words("--pairs --write-docs").unwrap(), Asked { pairs: true, write_docs: true });
        assert!(words("--pair").is_err());
    }
}
