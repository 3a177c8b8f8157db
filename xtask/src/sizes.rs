//! How large the functions are as Lambda gets them, held against what was accepted: loading the program is part of every cold
//! start, and nobody sees a dependency grow.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{
    command::{self, cargo},
    failure::{self, Failure},
    metadata::{self, Package},
};

/// What was accepted, from the checkout's top.
const ACCEPTED: &str = "functions/sizes.json";

/// Sizes that were accepted, and how much more is let pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Accepted {
    /// For which processor: another one's programs have other sizes.
    target: String,
    /// In per cent. Compilers differ a little from version to version.
    tolerance: u64,
    functions: BTreeMap<String, Sizes>,
}

/// The sizes of one function, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sizes {
    program: u64,
    /// As it is uploaded.
    zip: u64,
}

/// `cargo xtask sizes [--accept]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    match arguments {
        [] => check(root),
        [accept] if accept == "--accept" => {
            let mut accepted = accepted(root)?;
            accepted.target = target(root)?;
            accepted.functions = measured(root)?;
            println!("\n{}", table(&accepted.functions));
            write(root, &accepted)
        }
        [..] => Err(Failure::Broken(vec![
            "`cargo xtask sizes` takes nothing, or `--accept`; try help".to_owned(),
        ])),
    }
}

/// Builds the functions in the way that they are released in, and fails where one has grown.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let accepted = accepted(root)?;
    let target = target(root)?;
    if accepted.target != target {
        println!(
            "the sizes that were accepted are for {}, and this is {target}: not compared",
            accepted.target
        );
        return Ok(());
    }
    let measured = measured(root)?;
    println!("\n{}", table(&measured));
    failure::none(findings(&accepted, &measured))
}

/// What has grown by more than is let pass, a line each.
fn findings(accepted: &Accepted, measured: &BTreeMap<String, Sizes>) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, sizes) in measured {
        let Some(before) = accepted.functions.get(name) else {
            findings.push(format!("{name}: it is new; accept its size with `cargo xtask sizes --accept`"));
            continue;
        };
        for (what, before, now) in
            [("program", before.program, sizes.program), ("zip", before.zip, sizes.zip)]
        {
            if now * 100 > before * (100 + accepted.tolerance) {
                findings.push(format!(
                    "{name}: its {what} has grown by {} KiB, from {} to {} KiB ({} %); if that is worth it, accept it with \
                     `cargo xtask sizes --accept`",
                    kib(now - before),
                    kib(before),
                    kib(now),
                    (now - before) * 100 / before.max(1),
                ));
            } else if now * (100 + accepted.tolerance) < before * 100 {
                println!("{name}: its {what} has shrunk; keep it so with `cargo xtask sizes --accept`");
            }
        }
    }
    findings
}

fn measured(root: &Path) -> Result<BTreeMap<String, Sizes>, Failure> {
    let packages: Vec<Package> = metadata::ours(root)?
        .into_iter()
        .filter(|package| package.folder(root).starts_with("functions/"))
        .collect();
    build(root, &packages)?;
    let programs = packages.iter().flat_map(Package::programs);
    programs.map(|name| Ok((name.to_owned(), sizes(root, name)?))).collect()
}

/// Builds these as they are released.
fn build(root: &Path, packages: &[Package]) -> Result<(), Failure> {
    let mut build = cargo(root, ["build", "--locked", "--release", "--bins"]);
    for package in packages {
        build.args(["-p", &package.name]);
    }
    command::run(&mut build)
}

/// Builds all functions as they are released.
pub(crate) fn build_all(root: &Path) -> Result<(), Failure> {
    let all = metadata::ours(root)?.into_iter();
    build(root, &all.filter(|package| package.folder(root).starts_with("functions/")).collect::<Vec<_>>())
}

fn sizes(root: &Path, program: &str) -> Result<Sizes, Failure> {
    let path = root.join("target/release").join(program);
    let size = fs::metadata(&path).map_err(|reason| Failure::File { path: path.clone(), reason })?.len();
    // A zip is compressed as gzip compresses, and has a name and a few numbers besides.
    let mut gzip = Command::new("gzip");
    let output = gzip.args(["-9", "-c"]).arg(&path).output();
    let output = output.map_err(|reason| Failure::NotStarted { command: "gzip".to_owned(), reason })?;
    if !output.status.success() {
        return Err(Failure::Command { command: format!("gzip -9 -c {program}"), status: output.status });
    }
    Ok(Sizes { program: size, zip: u64::try_from(output.stdout.len()).unwrap_or(u64::MAX) })
}

fn target(root: &Path) -> Result<String, Failure> {
    let said = command::capture(command::program("rustc", root).arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or("an unknown target").to_owned())
}

fn accepted(root: &Path) -> Result<Accepted, Failure> {
    let path = root.join(ACCEPTED);
    let text = fs::read_to_string(&path).map_err(|reason| Failure::File { path, reason })?;
    serde_json::from_str(&text).map_err(|reason| Failure::Unreadable { command: ACCEPTED.to_owned(), reason })
}

fn write(root: &Path, accepted: &Accepted) -> Result<(), Failure> {
    let unreadable = |reason| Failure::Unreadable { command: ACCEPTED.to_owned(), reason };
    let text = serde_json::to_string_pretty(accepted).map_err(unreadable)?;
    let path = root.join(ACCEPTED);
    fs::write(&path, text + "\n").map_err(|reason| Failure::File { path, reason })
}

fn table(sizes: &BTreeMap<String, Sizes>) -> String {
    let line = |(name, sizes): (&String, &Sizes)| {
        format!("{name:24} {:>10} {:>10}\n", kib(sizes.program), kib(sizes.zip))
    };
    let lines: String = sizes.iter().map(line).collect();
    format!("{:24} {:>10} {:>10}\n{lines}", "function", "KiB", "zip")
}

fn kib(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(program: u64, zip: u64) -> BTreeMap<String, Sizes> {
        BTreeMap::from([("tick".to_owned(), Sizes { program: program * 1024, zip: zip * 1024 })])
    }

    #[test]
    fn a_function_that_grows_past_the_tolerance_is_told_with_how_much_and_how_to_accept_it() {
        let accepted = Accepted { target: "here".to_owned(), tolerance: 3, functions: sizes(1_000, 500) };
        assert!(findings(&accepted, &sizes(1_030, 515)).is_empty());
        assert!(findings(&accepted, &sizes(400, 100)).is_empty());
        let found = findings(&accepted, &sizes(1_031, 600));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("tick: its program has grown by 31 KiB, from 1000 to 1031 KiB (3 %)"));
        assert!(found[1].starts_with("tick: its zip has grown by 100 KiB, from 500 to 600 KiB (20 %)"));
        assert!(found.iter().all(|line| line.contains("`cargo xtask sizes --accept`")));
    }

    #[test]
    fn a_new_function_is_told() {
        let accepted = Accepted { target: "here".to_owned(), tolerance: 3, functions: BTreeMap::new() };
        let found = findings(&accepted, &sizes(1, 1));
        assert!(found[0].contains("it is new"), "{found:?}");
    }
}
