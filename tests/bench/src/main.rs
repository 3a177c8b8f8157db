//! `cargo xtask bench`: each benchmark is a function that gives rows; a row is a line of the table and an object of the JSON.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod planning;
mod row;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use row::Row;

/// Measures Usher against the simulated AWS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Only benchmarks whose name holds one of these.
    only: Vec<String>,
    /// Write every row with all its figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A group of rows that are measured and printed together.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Vec<Row>, Trouble>,
}

/// Why a benchmark gave no figures.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot measure planning")]
    Planning(#[from] planning::Trouble),
}

/// All benchmarks, in the order in which they run.
const ALL: &[Benchmark] = &[Benchmark {
    name: "planning",
    about: "what deciding costs on one core, in real time",
    run: || Ok(planning::measure()?),
}];

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
    let mut rows = Vec::new();
    for benchmark in ALL {
        let wanted = arguments.only.iter().any(|part| benchmark.name.contains(part.as_str()));
        if !wanted && !arguments.only.is_empty() {
            continue;
        }
        println!("\n{}: {}\n", benchmark.name, benchmark.about);
        let measured = (benchmark.run)()?;
        print!("{}", row::table(&measured));
        rows.extend(measured);
    }
    if let Some(path) = &arguments.json {
        let write = |source| Trouble::Write { path: path.clone(), source };
        let text = serde_json::to_string_pretty(&rows).map_err(|error| write(error.into()))?;
        std::fs::write(path, text + "\n").map_err(write)?;
    }
    Ok(())
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
