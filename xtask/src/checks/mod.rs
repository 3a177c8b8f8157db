//! The one list of checks. All are run, also after one failed; the table at the end says how each went.

mod arrows;
mod lengths;
mod packages;

use std::path::Path;

use crate::{
    command::{self, cargo, program},
    failure::Failure,
    infra, page,
    report::Report,
    testing::{self, Need},
    tools,
};

/// A name for the table, and what to run in the checkout.
pub(crate) type Check = (&'static str, fn(&Path) -> Result<(), Failure>);

/// What every change must pass, in this order.
#[rustfmt::skip]
pub(crate) const CI: &[Check] = &[
    ("format",                           format),
    ("clippy",                           clippy),
    ("shared builds without adapters",   arrows::builds_without_adapters),
    ("shared needs no SDK",              arrows::needs_no_sdk),
    ("arrows inside shared",             arrows::modules),
    ("arrows between packages",          packages::arrows),
    ("every package takes the lints",    packages::lints),
    ("file lengths",                     lengths::check),
    ("tests",                            tests),
    ("the audit's page in a browser",    page::check),
    ("templates",                        infra::check),
    ("templates by checkov",             infra::security),
    ("documentation",                    documentation),
    ("unused dependencies",              unused_dependencies),
    ("bans, licences, sources",          deny),
    ("TOML format",                      toml_format),
    ("spelling",                         spelling),
];

/// Runs these checks; fails when one did.
pub(crate) fn run(root: &Path, checks: &[Check]) -> Result<(), Failure> {
    let mut report = Report::default();
    for (name, check) in checks {
        report.check(name, || check(root));
    }
    report.finish()
}

fn format(root: &Path) -> Result<(), Failure> {
    command::run(&mut cargo(root, ["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<(), Failure> {
    let arguments = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features"];
    command::run(cargo(root, arguments).args(["--", "-D", "warnings"]))
}

fn tests(root: &Path) -> Result<(), Failure> {
    testing::run(root, Need::Everything, &[])
}

fn documentation(root: &Path) -> Result<(), Failure> {
    let arguments = ["doc", "--locked", "--no-deps", "--workspace", "--all-features"];
    command::run(cargo(root, arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

fn unused_dependencies(root: &Path) -> Result<(), Failure> {
    command::run(program(tools::MACHETE.ready(root)?, root).arg("--skip-target-dir"))
}

fn deny(root: &Path) -> Result<(), Failure> {
    command::run(program(tools::DENY.ready(root)?, root).args(["check", "bans", "licenses", "sources"]))
}

fn toml_format(root: &Path) -> Result<(), Failure> {
    command::run(program(tools::TAPLO.ready(root)?, root).args(["fmt", "--check"]))
}

fn spelling(root: &Path) -> Result<(), Failure> {
    command::run(&mut program(tools::TYPOS.ready(root)?, root))
}
