//! Runs all tests, after setting up what they need.

use std::{env, ffi::OsString, path::Path, process::Command};

use crate::{
    command::{self, cargo},
    failure::Failure,
    source,
    tools::{self, MOTO},
};

/// Whether tests may be left out when something for them is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// What is missing is a failure.
    Everything,
    /// What is missing leaves its tests out, and says so.
    WhatIsThere,
}

impl Need {
    /// Everything, where `CI` is set.
    pub(crate) fn from_environment() -> Self {
        if env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false") {
            Self::Everything
        } else {
            Self::WhatIsThere
        }
    }
}

/// The tests that need moto's server live in modules whose names begin so.
const MOTO_TESTS: &str = "moto_";

/// Runs all tests, or those that these arguments of the test runner choose.
pub(crate) fn run(root: &Path, need: Need, chosen: &[OsString]) -> Result<(), Failure> {
    let moto = match (MOTO.ready(root), need) {
        (Ok(moto), _) => Ok(moto),
        (Err(failure), Need::Everything) => return Err(failure),
        (Err(failure), Need::WhatIsThere) => Err(failure),
    };

    // With all targets and features, as the test runner and clippy are: one build of everything, programs included.
    command::run(&mut cargo(root, ["build", "--locked", "--workspace", "--all-targets", "--all-features"]))?;
    if chosen.is_empty() && has_examples(root)? {
        command::run(&mut cargo(root, ["test", "--locked", "--workspace", "--all-features", "--doc"]))?;
    }

    let mut tests = runner(root, moto.is_err(), chosen);
    if let Ok(moto) = &moto {
        tests.env("USHER_TEST_MOTO", moto);
    }
    if need == Need::Everything {
        tests.env("INSTA_UPDATE", "no");
    }
    let outcome = command::run(&mut tests);

    if let Err(failure) = moto {
        println!(
            "\nnot run: the tests against moto's server (DynamoDB, SQS, S3), because {failure}; \
             install Python 3 with venv and pip, and run this again"
        );
    }
    outcome
}

/// The command that runs the tests: nextest where it is installed, else cargo's own.
fn runner(root: &Path, without_moto: bool, chosen: &[OsString]) -> Command {
    let arguments = ["--locked", "--workspace", "--all-features"];
    if tools::cargo_has(root, "nextest") {
        let mut tests = cargo(root, ["nextest", "run"]);
        tests.args(arguments);
        if without_moto {
            tests.args(["-E", &format!("not test(/(^|::){MOTO_TESTS}/)")]);
        }
        tests.args(chosen);
        return tests;
    }
    let mut tests = cargo(root, ["test"]);
    // Not --all-targets: it would leave nothing out, and examples and benches are no tests.
    tests.args(arguments).args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
    tests.args(chosen);
    if without_moto {
        if !chosen.iter().any(|argument| argument == "--") {
            tests.arg("--");
        }
        tests.args(["--skip", MOTO_TESTS]);
    }
    tests
}

/// Whether any documentation holds an example to run.
fn has_examples(root: &Path) -> Result<bool, Failure> {
    Ok(source::under(root, "")?.iter().any(|source| source.example))
}
