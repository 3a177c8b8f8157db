//! The one list of checks: what a person runs, what CI runs and what runs by night, with nothing to install beforehand.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod bench;
mod checks;
mod command;
mod dst;
mod exhaustive;
mod failure;
mod infra;
mod lambda;
mod marks;
mod metadata;
mod museum;
mod nightly;
mod page;
mod report;
mod scenario;
mod sizes;
mod source;
mod testing;
mod tools;
mod week;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use failure::Failure;
use testing::Need;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  test [ARGS]  sets up what the tests need and runs them all; ARGS go to the test runner.
               What is missing on this machine is told as `not run` (with CI set, it is a failure)
  ci           every check that a change must pass, the tests among them; nothing may be missing
  bench [ARGS] measures what Usher reaches against the simulated AWS, and what its decisions cost; `bench --help` tells ARGS
  infra        judges the templates in infra/ with cfn-lint and checkov (part of `ci`), and `sam validate` (part of `nightly`: to install it takes minutes)
  page         opens the audit's page in Chromium, as its readers do; Node.js 20 must be there, Chromium is installed where apt-get may.
               `--measure` tells how fast the page of a large organization is instead
  lambda       builds the functions for Lambda's arm64 with cargo-lambda, fails where one has grown (`--accept`, as below), and runs them in the runtime that
               `cargo lambda watch` plays; Python 3 with pip must be there, and rustup if the target isn't
  roles        holds the functions' roles in infra/ against what the functions call when they are run end to end
  sizes        builds the functions as Lambda gets them, and fails where one has grown; `sizes --accept` takes their sizes over
  dst [ARGS]   lives through histories of the whole service, drawn from seeds, and holds each against every promise: `--seeds N` of them (1,000 if not said),
               `--from N` on, `--json FILE` for the figures, `--write-docs` for the tables in docs/reliability.md; `--seed N` is one alone, told step by step,
               and what fails cut to the shortest history that does
  exhaustive   has whoever works at six workloads die before and after each I/O, and goes through every order of six events: `--pairs` adds each
               pair of two deaths in one workload, `--write-docs` puts the tables into docs/reliability.md
  week [ARGS]  lives through a working week of a company of 400 accounts, by chance from a seed, and tells it as tables (target/week.md):
               `--seed N` takes another week, `--write-docs` puts the tables into docs/reliability.md
  museum [NN]  does to a copy of the code what has gone wrong in other systems (tests/museum), one after the other or NN alone, and fails where
               the tests that are named for it don't notice
  nightly      `ci`, and what takes too long for every change: SAM on the templates, the roles against what is called, the functions' sizes, arm64 and cargo-lambda, 10,000 histories, pairs of deaths, that week, that museum, and all benchmarks, with their rows in target/bench.json
  help         this text
";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next();
    let rest: Vec<OsString> = arguments.collect();
    let outcome = match command.as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("test") => testing::run(&root(), Need::from_environment(), &rest),
        Some("ci") if rest.is_empty() => checks::run(&root(), checks::CI),
        Some("bench") => bench::run(&root(), &rest),
        Some("exhaustive") => exhaustive::command(&root(), &rest),
        Some("dst") => dst::command(&root(), &rest),
        Some("infra") if rest.is_empty() => infra::command(&root()),
        Some("page") => page::command(&root(), &rest),
        Some("lambda") => lambda::command(&root(), &rest),
        Some("roles") if rest.is_empty() => testing::roles(&root()),
        Some("sizes") => sizes::command(&root(), &rest),
        Some("week") => week::command(&root(), &rest),
        Some("museum") => museum::command(&root(), &rest),
        Some("nightly") if rest.is_empty() => nightly::run(&root()),
        Some("help" | "--help" | "-h") | None => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            let arguments = if rest.is_empty() { "" } else { " with these arguments" };
            Err(Failure::Broken(vec![format!("there is no `cargo xtask {other}`{arguments}; try help")]))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("\nfailed: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout's top folder, wherever in it the command was typed.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
