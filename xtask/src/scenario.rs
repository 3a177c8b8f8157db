//! One scenario that takes too long to run with the others, optimized and by itself.

use std::{path::Path, process::Command};

use crate::command::cargo;

/// The command that runs this test of the program that holds all scenarios, and not by the test runner, which ends what takes so long.
pub(crate) fn alone(root: &Path, test: &str) -> Command {
    let arguments = ["test", "--locked", "--package", "scenarios", "--profile", "histories", "--test", "it"];
    let mut scenario = cargo(root, arguments);
    scenario.args(["--", test, "--exact", "--ignored", "--nocapture"]);
    scenario
}
