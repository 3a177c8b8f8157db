//! `cargo xtask bench`: each benchmark is a function that gives rows; a row is a line of the table and an object of the JSON.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod account;
mod backlog;
mod calls;
mod decider;
mod engine;
mod figures;
mod import;
mod lambdas;
mod ledger;
mod neighbour;
mod page;
mod planning;
mod reads;
mod reports;
mod revoke;
mod row;
mod strategies;
mod trouble;
mod virtual_time;
mod work;
mod writes;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;

use row::Row;
use trouble::Trouble;

/// Measures Usher against the simulated AWS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Only benchmarks whose name holds one of these.
    only: Vec<String>,
    /// A small part of each, in seconds: to see whether they run at all.
    #[arg(long)]
    quick: bool,
    /// Write every row with all its figures to this file, as JSON; after each benchmark, those so far.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the tables of what is measured into the documentation's page.
    #[arg(long, conflicts_with = "quick")]
    write_docs: bool,
}

/// The page that `--write-docs` renews.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What the documentation tells.
    Full,
    /// The same with little work and few variants.
    Quick,
}

/// A group of rows that are measured and printed together. Benchmarks run one after the other, so those that measure real time
/// have the machine to themselves.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn(Extent) -> Result<Vec<Row>, Trouble>,
}

/// All benchmarks, in the order in which they run.
const ALL: &[Benchmark] = &[
    Benchmark {
        name: "writes",
        about: "a backlog of grants, or of grants and revokes, through the window of outstanding requests",
        run: writes::measure,
    },
    Benchmark {
        name: "strategies",
        about: "the same with three simpler ways to do it",
        run: strategies::measure,
    },
    Benchmark {
        name: "neighbour",
        about: "somebody else takes 10 requests a second and 5 places of the window, from the 2nd to the 7th minute",
        run: neighbour::measure,
    },
    Benchmark {
        name: "revoke",
        about: "revokes that are decided while 10,000 grants wait",
        run: revoke::measure,
    },
    Benchmark {
        name: "account",
        about: "a new account with 50 assignments, of 10 permission sets",
        run: account::measure,
    },
    Benchmark {
        name: "backlog",
        about: "50,000 operations: straight through, handed over 20 times, killed 20 times",
        run: backlog::measure,
    },
    Benchmark {
        name: "reads",
        about: "what it takes to see every assignment, and a whole sweep",
        run: reads::measure,
    },
    Benchmark {
        name: "planning",
        about: "what deciding costs on one core, in the time that it has the core",
        run: |extent| Ok(planning::measure(extent)?),
    },
    Benchmark {
        name: "reports",
        about: "a report of who has access to what, once all is read: how long it takes to make, and how large it is",
        run: reports::measure,
    },
    Benchmark {
        name: "import",
        about: "how many rules an import finds, of an organization of known ones",
        run: import::measure,
    },
    Benchmark {
        name: "lambdas",
        about: "the functions as Lambda gets them: their size, their start, their memory",
        run: lambdas::measure,
    },
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("failed: {}", with_causes(&trouble));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Trouble> {
    let extent = if arguments.quick { Extent::Quick } else { Extent::Full };
    let began = Instant::now();
    let mut rows = Vec::new();
    for benchmark in ALL {
        let wanted = arguments.only.iter().any(|part| benchmark.name.contains(part.as_str()));
        if !wanted && !arguments.only.is_empty() {
            continue;
        }
        println!("\n{}: {}\n", benchmark.name, benchmark.about);
        let began = Instant::now();
        let measured = (benchmark.run)(extent)?;
        print!("{}", row::table(&measured));
        let (reached, aimed) = row::reached(&measured);
        println!("\n{reached} of {aimed} aims reached; measured in {:.1} s", began.elapsed().as_secs_f64());
        if arguments.write_docs {
            page::renew(Path::new(PAGE), benchmark.name, &measured)?;
        }
        rows.extend(measured);
        // Not only at the end: what was measured stays, whatever becomes of the next ones.
        if let Some(path) = &arguments.json {
            write_json(path, &rows)?;
        }
    }
    println!("\n{} rows in {:.1} s", rows.len(), began.elapsed().as_secs_f64());
    Ok(())
}

fn write_json(path: &Path, rows: &[Row]) -> Result<(), Trouble> {
    let text = serde_json::to_string_pretty(rows).map_err(|error| Trouble::write(path, error.into()))?;
    std::fs::write(path, text + "\n").map_err(|error| Trouble::write(path, error))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_has_its_place_in_the_page() {
        let text = std::fs::read_to_string(PAGE).unwrap();
        for benchmark in ALL {
            assert!(page::has_place(&text, benchmark.name), "{} has no marks in {PAGE}", benchmark.name);
        }
    }
}
