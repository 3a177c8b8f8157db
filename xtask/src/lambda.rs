//! The functions as cargo-lambda builds them for Lambda's own processors, and in the runtime that it plays: both by people other than us.

use std::{env, ffi::OsString, fs, path::Path, process::Command};

use crate::{
    command::{self, cargo, program},
    failure::{self, Failure},
    report::Report,
    sizes::{self, Judged},
    testing,
    tools::{CARGO_LAMBDA, MOTO},
};

/// What the template's functions run on.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The version of glibc that `provided.al2023` has (Amazon Linux 2023 User Guide, "Comparing AL2 and AL2023").
const GLIBC: (u32, u32) = (2, 34);
/// ELF's number for that processor, in `e_machine`.
const AARCH64: [u8; 2] = [183, 0];

/// `cargo xtask lambda [--accept]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    let judged = Judged::by("lambda", arguments)?;
    let mut report = Report::default();
    report.check("the functions for arm64", || build(root, judged));
    report.check("the functions under cargo lambda", || run(root));
    report.finish()
}

/// Builds all functions for arm64, and compares their sizes with what was accepted.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    build(root, Judged::Compared)
}

fn build(root: &Path, judged: Judged) -> Result<(), Failure> {
    target(root)?;
    let cargo_lambda = CARGO_LAMBDA.ready(root)?;
    let mut build = program(&cargo_lambda, root);
    build.args(["lambda", "build", "--locked", "--release", "--arm64"]);
    let functions = sizes::functions(root)?;
    for name in &functions {
        build.args(["-p", name]);
    }
    // The compiler for C and the linker are zig's, which is installed beside it.
    command::run(with_path_of(&mut build, &cargo_lambda))?;
    let folder = root.join("target/lambda");
    let programs: Vec<_> =
        functions.into_iter().map(|name| (folder.join(&name).join("bootstrap"), name)).collect();
    let mut findings = Vec::new();
    for (path, name) in &programs {
        let bytes = fs::read(path).map_err(|reason| Failure::File { path: path.clone(), reason })?;
        findings.extend(unfit(&bytes).map(|why| format!("{name}: {why}")));
    }
    failure::none(findings)?;
    sizes::judge(root, TARGET, "lambda", programs, judged)
}

/// Runs the chain from an event to access in the runtime that cargo-lambda plays.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let arguments = ["build", "--locked", "--workspace", "--all-targets", "--all-features"];
    command::run(&mut cargo(root, arguments))?;
    let mut tests = testing::with_a_tool_of_their_own(root);
    tests.env("USHER_TEST_MOTO", MOTO.ready(root)?).env("USHER_TEST_CARGO_LAMBDA", CARGO_LAMBDA.ready(root)?);
    command::run(&mut tests)
}

/// Has the standard library for Lambda's processors installed, if it is not.
fn target(root: &Path) -> Result<(), Failure> {
    let library =
        command::capture(program("rustc", root).args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    command::run(program("rustup", root).args(["target", "add", TARGET]))
}

fn with_path_of<'c>(command: &'c mut Command, tool: &Path) -> &'c mut Command {
    let folders = tool.parent().map(Path::to_owned).into_iter();
    let path = env::var_os("PATH").unwrap_or_default();
    match env::join_paths(folders.chain(env::split_paths(&path))) {
        Ok(path) => command.env("PATH", path),
        Err(_) => command,
    }
}

/// Why Lambda could not run this program, if it couldn't.
fn unfit(program: &[u8]) -> Option<String> {
    // The ELF header: its magic number, and `e_machine` at byte 18.
    if !program.starts_with(b"\x7fELF") || program.get(18..20) != Some(&AARCH64) {
        return Some("it is no program for arm64".to_owned());
    }
    let newest = versions(program).max()?;
    (newest > GLIBC).then(|| {
        format!("it asks for glibc {}.{}, and Lambda has {}.{}", newest.0, newest.1, GLIBC.0, GLIBC.1)
    })
}

/// The versions of glibc that are named in a program: `GLIBC_2.17`.
fn versions(program: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    const LABEL: &[u8] = b"GLIBC_";
    program.windows(LABEL.len()).enumerate().filter(|(_, bytes)| *bytes == LABEL).filter_map(|(at, _)| {
        let rest = program.get(at + LABEL.len()..)?;
        let text: String = rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .map(|b| char::from(*b))
            .collect();
        let mut parts = text.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(machine: u8, rest: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.resize(18, 0);
        bytes.extend([machine, 0]);
        bytes.extend(rest.bytes());
        bytes
    }

    #[test]
    fn a_program_for_another_processor_or_for_a_newer_library_is_found_out() {
        assert_eq!(unfit(&program(183, "GLIBC_2.17\0GLIBC_2.34\0GLIBC_PRIVATE\0")), None);
        assert_eq!(unfit(&program(183, "")), None, "a static one asks for none");
        assert!(unfit(&program(62, "")).unwrap().contains("no program for arm64"));
        assert!(unfit(b"#!/bin/sh").unwrap().contains("no program for arm64"));
        assert!(unfit(&program(183, "GLIBC_2.4\0GLIBC_2.39\0")).unwrap().contains("glibc 2.39"));
    }
}
