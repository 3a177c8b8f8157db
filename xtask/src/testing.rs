//! Runs all tests, after setting up what they need.

use std::{env, ffi::OsString, fs, path::Path, process::Command};

use crate::{
    command::{self, cargo},
    failure::Failure,
    source,
    tools::{self, AWS_CLI, CFN_LINT, MOTO, Tool},
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

/// A tool that some tests need.
struct Needed {
    tool: &'static Tool,
    /// The tests that need it live in modules whose names begin so.
    tests: &'static str,
    /// Tells them where it is.
    variable: &'static str,
    /// What is left out without it.
    what: &'static str,
}

/// Judges what the end-to-end tests have recorded of the functions' calls, so it comes after them.
const JUDGES_RECORDINGS: &str = "each_role_holds_what_its_function_has_asked_for_and_nothing_unexplained";
/// Where they record: `tests/it/lambda/recorder.rs`.
const RECORDINGS: &str = "target/tmp/calls";

const NEEDED: [Needed; 3] = [
    Needed {
        tool: &MOTO,
        tests: "moto_",
        variable: "USHER_TEST_MOTO",
        what: "the tests against moto's server (DynamoDB, SQS, S3)",
    },
    Needed {
        tool: &AWS_CLI,
        tests: "aws_cli_",
        variable: "USHER_TEST_AWS_CLI",
        what: "the tests with the AWS CLI (the simulator's walk-through, and articles about Identity Center)",
    },
    Needed {
        tool: &CFN_LINT,
        tests: "cfn_lint_",
        variable: "USHER_TEST_CFN_LINT",
        what: "the tests of exported templates with cfn-lint",
    },
];

/// Tests that want a tool that is too large to be installed for every change: `cargo xtask lambda` runs them. Nextest's configuration
/// leaves them out by the same name.
const WITH_A_TOOL_OF_THEIR_OWN: &str = "cargo_lambda_";
/// Tests in which the functions do what they seldom do, so that it is recorded: `cargo xtask roles` runs them. Left out in the same way.
const RECORD_THE_REST: &str = "moto_roles";

/// Runs all tests, or those that these arguments of the test runner choose.
pub(crate) fn run(root: &Path, need: Need, chosen: &[OsString]) -> Result<(), Failure> {
    let mut there = Vec::new();
    let mut missing = Vec::new();
    for needed in &NEEDED {
        match (needed.tool.ready(root), need) {
            (Ok(program), _) => there.push((needed, program)),
            (Err(failure), Need::Everything) => return Err(failure),
            (Err(failure), Need::WhatIsThere) => missing.push((needed, failure)),
        }
    }

    // With all targets and features, as the test runner and clippy are: one build of everything, programs included.
    command::run(&mut cargo(root, ["build", "--locked", "--workspace", "--all-targets", "--all-features"]))?;
    if chosen.is_empty() && has_examples(root)? {
        command::run(&mut cargo(root, ["test", "--locked", "--workspace", "--all-features", "--doc"]))?;
    }

    let left_out: Vec<&str> = missing.iter().map(|(needed, _)| needed.tests).collect();
    let mut tests = runner(root, &left_out, chosen);
    for (needed, program) in &there {
        tests.env(needed.variable, program);
    }
    if need == Need::Everything {
        tests.env("INSTA_UPDATE", "no");
    }
    let outcome = command::run(&mut tests);

    for (needed, failure) in missing {
        println!(
            "\nnot run: {}, because {failure}; install Python 3 with venv and pip, and run this again",
            needed.what
        );
    }
    outcome
}

/// The command that runs the tests that want a tool of their own, and no others.
pub(crate) fn with_a_tool_of_their_own(root: &Path) -> Command {
    let arguments = ["--locked", "--workspace", "--all-features"];
    let mut tests = if tools::cargo_has(root, "nextest") {
        let mut tests = cargo(root, ["nextest", "run"]);
        let these = format!("test(/(^|::){WITH_A_TOOL_OF_THEIR_OWN}/)");
        tests.args(arguments).args(["--ignore-default-filter", "-E", &these]);
        tests
    } else {
        let mut tests = cargo(root, ["test"]);
        tests
            .args(arguments)
            .args(["--lib", "--bins", "--tests", "--no-fail-fast"])
            .arg(WITH_A_TOOL_OF_THEIR_OWN);
        tests
    };
    tests.env("INSTA_UPDATE", "no");
    tests
}

/// The command that runs the tests, less those in modules whose names begin so: nextest where it is installed, else cargo's own.
fn runner(root: &Path, left_out: &[&str], chosen: &[OsString]) -> Command {
    let arguments = ["--locked", "--workspace", "--all-features"];
    if tools::cargo_has(root, "nextest") {
        let mut tests = cargo(root, ["nextest", "run"]);
        tests.args(arguments);
        if !left_out.is_empty() {
            tests.args(["-E", &format!("not test(/(^|::)({})/)", left_out.join("|"))]);
        }
        tests.args(chosen);
        return tests;
    }
    let mut tests = cargo(root, ["test"]);
    // Not --all-targets: it would leave nothing out, and examples and benches are no tests.
    tests.args(arguments).args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
    tests.args(chosen);
    if !chosen.iter().any(|argument| argument == "--") {
        tests.arg("--");
    }
    for prefix in left_out.iter().chain([&WITH_A_TOOL_OF_THEIR_OWN, &RECORD_THE_REST]) {
        tests.args(["--skip", prefix]);
    }
    tests
}

/// Holds the functions' roles against what the functions call when they are run end to end.
pub(crate) fn roles(root: &Path) -> Result<(), Failure> {
    command::run(&mut cargo(root, ["build", "--locked", "--workspace", "--all-targets", "--all-features"]))?;
    // What earlier programs have called is not what these call. There may be none.
    let _ = fs::remove_dir_all(root.join(RECORDINGS));
    let moto = MOTO.ready(root)?;
    let arguments = ["--locked", "--workspace", "--all-features"];
    let mut recording = if tools::cargo_has(root, "nextest") {
        let mut tests = cargo(root, ["nextest", "run"]);
        let these = format!("test(/(^|::)lambda::moto_/) - test(/(^|::){WITH_A_TOOL_OF_THEIR_OWN}/)");
        tests.args(arguments).args(["--ignore-default-filter", "-E", &these]);
        tests
    } else {
        let mut tests = cargo(root, ["test"]);
        tests.args(arguments).args(["--test", "it", "--no-fail-fast", "--", "lambda::moto_"]);
        tests
    };
    command::run(recording.env("USHER_TEST_MOTO", &moto).env("INSTA_UPDATE", "no"))?;
    command::run(&mut judge(root))
}

/// The command that runs the one test of what all others have recorded.
fn judge(root: &Path) -> Command {
    let arguments = ["--locked", "--workspace", "--all-features"];
    if tools::cargo_has(root, "nextest") {
        let mut test = cargo(root, ["nextest", "run"]);
        test.args(arguments).args(["--run-ignored", "only", "-E", &format!("test(/{JUDGES_RECORDINGS}$/)")]);
        return test;
    }
    let mut test = cargo(root, ["test"]);
    test.args(arguments).args(["--test", "it", "--", "--ignored", JUDGES_RECORDINGS]);
    test
}

/// Whether any documentation holds an example to run.
fn has_examples(root: &Path) -> Result<bool, Failure> {
    Ok(source::under(root, "")?.iter().any(|source| source.example))
}
