//! How large the functions are as Lambda gets them, held against what was accepted: loading the program is part of every cold
//! start, and nobody sees a dependency grow.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
    /// In per cent. Compilers differ a little from version to version.
    tolerance: u64,
    /// For each processor: another one's programs have other sizes.
    targets: BTreeMap<String, Measured>,
}

/// By the function's name.
type Measured = BTreeMap<String, Sizes>;

/// The sizes of one function, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sizes {
    program: u64,
    /// As it is uploaded.
    zip: u64,
}

/// What becomes of sizes that were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// One that has grown is a failure.
    Compared,
    /// They are what later ones are compared with.
    Accepted,
}

impl Judged {
    /// By the arguments of a command that measures.
    pub(crate) fn by(command: &str, arguments: &[OsString]) -> Result<Self, Failure> {
        match arguments {
            [] => Ok(Self::Compared),
            [accept] if accept == "--accept" => Ok(Self::Accepted),
            [..] => Err(Failure::Broken(vec![format!(
                "`cargo xtask {command}` takes nothing, or `--accept`; try help"
            )])),
        }
    }
}

/// `cargo xtask sizes [--accept]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    of_this_machine(root, Judged::by("sizes", arguments)?)
}

/// Builds the functions in the way that they are released in, and fails where one has grown.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    of_this_machine(root, Judged::Compared)
}

fn of_this_machine(root: &Path, judged: Judged) -> Result<(), Failure> {
    build_all(root)?;
    let programs = functions(root)?.into_iter();
    let programs = programs.map(|name| (root.join("target/release").join(&name), name)).collect();
    judge(root, &host(root)?, "sizes", programs, judged)
}

/// Measures these programs, each with its function's name, against what was accepted for this target; `command` accepts them.
pub(crate) fn judge(
    root: &Path,
    target: &str,
    command: &str,
    programs: Vec<(PathBuf, String)>,
    judged: Judged,
) -> Result<(), Failure> {
    let measured: Measured =
        programs.into_iter().map(|(path, name)| Ok((name, sizes(&path)?))).collect::<Result<_, Failure>>()?;
    println!("\n{target}\n{}", table(&measured));
    let mut accepted = accepted(root)?;
    match (judged, accepted.targets.get(target)) {
        (Judged::Accepted, _) => {
            accepted.targets.insert(target.to_owned(), measured);
            write(root, &accepted)
        }
        (Judged::Compared, Some(before)) => {
            failure::none(findings(before, accepted.tolerance, &measured, command))
        }
        (Judged::Compared, None) => {
            println!("no sizes were accepted for {target}: not compared");
            Ok(())
        }
    }
}

/// What has grown by more than is let pass, a line each.
fn findings(accepted: &Measured, tolerance: u64, measured: &Measured, command: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, sizes) in measured {
        let Some(before) = accepted.get(name) else {
            findings
                .push(format!("{name}: it is new; accept its size with `cargo xtask {command} --accept`"));
            continue;
        };
        for (what, before, now) in
            [("program", before.program, sizes.program), ("zip", before.zip, sizes.zip)]
        {
            if now * 100 > before * (100 + tolerance) {
                findings.push(format!(
                    "{name}: its {what} has grown by {} KiB, from {} to {} KiB ({} %); if that is worth it, accept it with \
                     `cargo xtask {command} --accept`",
                    kib(now - before),
                    kib(before),
                    kib(now),
                    (now - before) * 100 / before.max(1),
                ));
            } else if now * (100 + tolerance) < before * 100 {
                println!("{name}: its {what} has shrunk; keep it so with `cargo xtask {command} --accept`");
            }
        }
    }
    findings
}

/// The names of all functions: their programs are called so.
pub(crate) fn functions(root: &Path) -> Result<Vec<String>, Failure> {
    Ok(packages(root)?.iter().flat_map(Package::programs).map(str::to_owned).collect())
}

fn packages(root: &Path) -> Result<Vec<Package>, Failure> {
    let all = metadata::ours(root)?.into_iter();
    Ok(all.filter(|package| package.folder(root).starts_with("functions/")).collect())
}

/// Builds all functions as they are released.
pub(crate) fn build_all(root: &Path) -> Result<(), Failure> {
    let mut build = cargo(root, ["build", "--locked", "--release", "--bins"]);
    for package in packages(root)? {
        build.args(["-p", &package.name]);
    }
    command::run(&mut build)
}

fn sizes(path: &Path) -> Result<Sizes, Failure> {
    let size = fs::metadata(path).map_err(|reason| Failure::File { path: path.to_owned(), reason })?.len();
    // A zip is compressed as gzip compresses, and has a name and a few numbers besides.
    let mut gzip = Command::new("gzip");
    let output = gzip.args(["-9", "-c"]).arg(path).output();
    let output = output.map_err(|reason| Failure::NotStarted { command: "gzip".to_owned(), reason })?;
    if !output.status.success() {
        return Err(Failure::Command {
            command: format!("gzip -9 -c {}", path.display()),
            status: output.status,
        });
    }
    Ok(Sizes { program: size, zip: u64::try_from(output.stdout.len()).unwrap_or(u64::MAX) })
}

/// What this machine's programs are built for.
fn host(root: &Path) -> Result<String, Failure> {
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

fn table(sizes: &Measured) -> String {
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

    fn sizes(program: u64, zip: u64) -> Measured {
        BTreeMap::from([("tick".to_owned(), Sizes { program: program * 1024, zip: zip * 1024 })])
    }

    #[test]
    fn a_function_that_grows_past_the_tolerance_is_told_with_how_much_and_how_to_accept_it() {
        let accepted = sizes(1_000, 500);
        assert!(findings(&accepted, 3, &sizes(1_030, 515), "sizes").is_empty());
        assert!(findings(&accepted, 3, &sizes(400, 100), "sizes").is_empty());
        let found = findings(&accepted, 3, &sizes(1_031, 600), "lambda");
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("tick: its program has grown by 31 KiB, from 1000 to 1031 KiB (3 %)"));
        assert!(found[1].starts_with("tick: its zip has grown by 100 KiB, from 500 to 600 KiB (20 %)"));
        assert!(found.iter().all(|line| line.contains("`cargo xtask lambda --accept`")));
    }

    #[test]
    fn a_new_function_is_told() {
        let found = findings(&BTreeMap::new(), 3, &sizes(1, 1), "sizes");
        assert!(found[0].contains("it is new"), "{found:?}");
    }
}
