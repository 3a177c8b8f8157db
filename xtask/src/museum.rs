//! The bug museum: what has gone wrong in real systems of this kind, done to our own code, one after the other. Each must be caught by the
//! tests that its patch names: they pass without it, and fail with it.
//!
//! All of it happens to a copy of the checkout, which is built into a folder of its own: only what a patch changes is built anew.

mod exhibit;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    command::{self, cargo, program},
    failure::{self, Failure},
};
use exhibit::{Exhibit, Test};

/// The copy, and what is built of it, from the checkout's top.
const COPY: &str = "target/museum";
const BUILT: &str = "target/museum-build";

/// A test that takes longer than this hangs: the test runner would end it, and say that it has failed.
const HANGS_AFTER: Duration = Duration::from_mins(5);

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    Hung,
    /// The program has no such test.
    Missing,
}

/// What became of an exhibit at one of its tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Caught,
    Escaped,
    NoSuchTest,
    DoesNotApply,
    DoesNotBuild,
}

impl Verdict {
    fn of(ended: Ended) -> Self {
        match ended {
            Ended::Failed | Ended::Hung => Self::Caught,
            Ended::Passed => Self::Escaped,
            Ended::Missing => Self::NoSuchTest,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Escaped => "NOT CAUGHT",
            Self::NoSuchTest => "NO SUCH TEST",
            Self::DoesNotApply => "PATCH DOES NOT APPLY",
            Self::DoesNotBuild => "DOES NOT BUILD",
        }
    }
}

/// `cargo xtask museum [NN]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    match arguments {
        [] => check(root),
        [number] => show(root, Some(&number.to_string_lossy())),
        [..] => Err(Failure::Broken(vec![
            "`cargo xtask museum` takes the number of one exhibit, or nothing".into(),
        ])),
    }
}

/// All exhibits.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    show(root, None)
}

fn show(root: &Path, number: Option<&str>) -> Result<(), Failure> {
    let all = exhibit::all(root)?;
    let packages: BTreeSet<&str> = all.iter().flat_map(|it| &it.caught_by).map(Test::package).collect();
    let shown: Vec<&Exhibit> =
        all.iter().filter(|exhibit| number.is_none_or(|number| exhibit.number() == number)).collect();
    if shown.is_empty() {
        return Err(Failure::Broken(vec![format!("there is no exhibit {}", number.unwrap_or_default())]));
    }
    let copy = Copy { root, folder: root.join(COPY), packages };
    copy.take()?;
    let tests: BTreeSet<&Test> = shown.iter().flat_map(|exhibit| &exhibit.caught_by).collect();
    println!("\nwithout any patch");
    let programs = copy.build(&tests)?;
    let mut ill = Vec::new();
    for test in tests {
        let ended = Copy::run(&programs, test)?;
        if ended != Ended::Passed {
            ill.push(format!("{test}: {ended:?} without any patch, so it proves nothing"));
        }
    }
    failure::none(ill)?;

    let mut verdicts = Vec::new();
    for exhibit in shown {
        println!("\n{}\n  {}\n  {}", exhibit.name, exhibit.story, exhibit.promise);
        for (test, verdict) in exhibit.caught_by.iter().zip(copy.with(exhibit)?) {
            verdicts.push((exhibit.name.as_str(), test, verdict));
        }
    }
    println!("\n{}", table(&verdicts));
    let escaped = verdicts.iter().filter(|(_, _, verdict)| *verdict != Verdict::Caught);
    failure::none(
        escaped.map(|(name, test, verdict)| format!("{name}: {test}: {}", verdict.word())).collect(),
    )
}

fn table(verdicts: &[(&str, &Test, Verdict)]) -> String {
    let widest = |of: &mut dyn Iterator<Item = usize>| of.max().unwrap_or_default();
    let names = widest(&mut verdicts.iter().map(|(name, _, _)| name.len()));
    let tests = widest(&mut verdicts.iter().map(|(_, test, _)| test.to_string().len()));
    let mut table = String::new();
    for (name, test, verdict) in verdicts {
        let test = test.to_string();
        let _ = writeln!(table, "{name:names$}  {test:tests$}  {}", verdict.word());
    }
    table
}

/// A program that holds tests.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    path: PathBuf,
    /// The folder of its package, where tests are run.
    package: PathBuf,
}

/// The copy of the checkout that patches are applied to.
struct Copy<'a> {
    root: &'a Path,
    folder: PathBuf,
    /// Always the same ones are built together: of what they need, they ask for the same features then.
    packages: BTreeSet<&'a str>,
}

impl Copy<'_> {
    /// Makes it the same as what is tracked here. A file that is the same already is left, so that nothing is built for it.
    fn take(&self) -> Result<(), Failure> {
        let listed = command::capture(program("git", self.root).args(["ls-files", "-z"]))?;
        let tracked: BTreeSet<&str> =
            listed.split('\0').filter(|file| self.root.join(file).is_file()).collect();
        for file in &tracked {
            self.put_back(file)?;
        }
        for file in files_under(&self.folder).map_err(at(&self.folder))? {
            let shown = file.strip_prefix(&self.folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            if !tracked.contains(shown.as_str()) {
                fs::remove_file(&file).map_err(at(&file))?;
            }
        }
        Ok(())
    }

    /// Makes one file the same as here.
    fn put_back(&self, file: &str) -> Result<(), Failure> {
        let (from, to) = (self.root.join(file), self.folder.join(file));
        let here = fs::read(&from).map_err(at(&from))?;
        if fs::read(&to).is_ok_and(|there| there == here) {
            return Ok(());
        }
        let folder = to.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(at(folder))?;
        fs::copy(&from, &to).map_err(at(&to))?;
        Ok(())
    }

    /// What becomes of an exhibit at each of its tests. Afterwards the copy is as it was.
    fn with(&self, exhibit: &Exhibit) -> Result<Vec<Verdict>, Failure> {
        let verdicts = self.judge(exhibit);
        for file in exhibit.files() {
            self.put_back(file)?;
        }
        verdicts
    }

    fn judge(&self, exhibit: &Exhibit) -> Result<Vec<Verdict>, Failure> {
        let all = |verdict| Ok(vec![verdict; exhibit.caught_by.len()]);
        // From the top: git applies nothing outside of the folder that it stands in, and says nothing of it.
        let mut apply = program("git", self.root);
        apply.args(["apply", &format!("--directory={COPY}"), &exhibit.patch()]);
        if command::run(&mut apply).is_err() {
            return all(Verdict::DoesNotApply);
        }
        let Ok(programs) = self.build(&exhibit.caught_by.iter().collect()) else {
            return all(Verdict::DoesNotBuild);
        };
        exhibit.caught_by.iter().map(|test| Ok(Verdict::of(Self::run(&programs, test)?))).collect()
    }

    /// Builds the programs that hold these tests; tells where they are, by their names.
    fn build(&self, tests: &BTreeSet<&Test>) -> Result<BTreeMap<String, Built>, Failure> {
        let mut build = cargo(&self.folder, ["test", "--locked", "--no-run", "--quiet", "--all-features"]);
        build.arg("--message-format=json-render-diagnostics");
        for package in &self.packages {
            build.args(["--package", package]);
        }
        let targets: BTreeSet<Option<&str>> =
            tests.iter().map(|test| test.program.split_once("::").map(|(_, target)| target)).collect();
        for target in targets {
            match target {
                Some(target) => build.args(["--test", target]),
                None => build.arg("--lib"),
            };
        }
        // Nobody looks at where a test has failed, and without that it is built sooner.
        build.env("CARGO_TARGET_DIR", self.root.join(BUILT)).env("CARGO_PROFILE_DEV_DEBUG", "0");
        build.stdin(Stdio::null()).stderr(Stdio::inherit());
        let said = |command: &Command| format!("{} test in {COPY}", command.get_program().to_string_lossy());
        let output =
            build.output().map_err(|reason| Failure::NotStarted { command: said(&build), reason })?;
        if !output.status.success() {
            return Err(Failure::Command { command: said(&build), status: output.status });
        }
        Ok(programs(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Runs one test, by itself.
    fn run(programs: &BTreeMap<String, Built>, test: &Test) -> Result<Ended, Failure> {
        let Some(built) = programs.get(&test.program) else { return Ok(Ended::Missing) };
        let mut command = program(&built.path, &built.package);
        command.args([&*test.name, "--exact"]).env("INSTA_UPDATE", "no").env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let not_started = |reason| Failure::NotStarted { command: test.to_string(), reason };
        let mut running = command.spawn().map_err(not_started)?;
        let stdout = running.stdout.take();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let said = stdout.and_then(|mut stdout| io::read_to_string(&mut stdout).ok());
            let _ = tell.send(said.unwrap_or_default());
        });
        let said = told.recv_timeout(HANGS_AFTER);
        if said.is_err() {
            running.kill().map_err(not_started)?;
        }
        let status = running.wait().map_err(not_started)?;
        let ended = said.map_or(Ended::Hung, |said| ended(&said, status.success()));
        println!("{test}: {ended:?}");
        Ok(ended)
    }
}

/// How the one test ended that a program was run for, by what it said.
fn ended(said: &str, succeeded: bool) -> Ended {
    let result = said.lines().find_map(|line| line.strip_prefix("test result: "));
    match result {
        Some(result) if result.contains(" 1 passed;") => Ended::Passed,
        Some(result) if result.contains(" 1 failed;") => Ended::Failed,
        // It took the whole program with it.
        None if !succeeded => Ended::Failed,
        Some(_) | None => Ended::Missing,
    }
}

/// The programs that cargo says to have built for tests, by the names that the test runner gives them.
fn programs(said: &str) -> BTreeMap<String, Built> {
    let artifacts = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    artifacts
        .filter_map(|artifact| {
            let path = PathBuf::from(artifact.get("executable")?.as_str()?);
            let package = Path::new(artifact.get("manifest_path")?.as_str()?).parent()?.to_owned();
            let folder = package.file_name()?.to_string_lossy();
            let target = artifact.get("target")?;
            let kind = target.get("kind")?.get(0)?.as_str()?;
            let name = match kind {
                "test" => format!("{folder}::{}", target.get("name")?.as_str()?),
                "lib" => folder.into_owned(),
                _ => return None,
            };
            Some((name, Built { path, package }))
        })
        .collect()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |reason| Failure::File { path, reason }
}

/// All files under a folder; none where there is no folder.
fn files_under(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut waiting, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { waiting.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_failed_only_if_it_was_run_and_said_so() {
        let said = |passed, failed| {
            format!(
                "\nrunning 1 test\ntest result: x. {passed} passed; {failed} failed; 0 ignored; 0 measured; 900 filtered out\n"
            )
        };
        assert_eq!(ended(&said(1, 0), true), Ended::Passed);
        assert_eq!(ended(&said(0, 1), false), Ended::Failed);
        assert_eq!(ended(&said(0, 0), true), Ended::Missing);
        assert_eq!(ended("running 1 test\n", false), Ended::Failed, "the stack was too small");
        assert_eq!(ended("", true), Ended::Missing);
        assert_eq!(Verdict::of(Ended::Missing), Verdict::NoSuchTest);
        assert_eq!(Verdict::of(Ended::Hung), Verdict::Caught);
    }

    #[test]
    fn programs_have_the_names_that_the_test_runner_gives_them() {
        let said = r#"
{"reason":"compiler-artifact","manifest_path":"/w/shared/Cargo.toml","target":{"kind":["lib"],"name":"shared"},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/shared/Cargo.toml","target":{"kind":["lib"],"name":"shared"},"executable":"/t/shared-1"}
{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{"kind":["test"],"name":"it"},"executable":"/t/it-2"}
{"reason":"compiler-artifact","manifest_path":"/w/cli/Cargo.toml","target":{"kind":["bin"],"name":"usher"},"executable":"/t/usher"}
{"reason":"build-finished","success":true}
"#;
        let built = |path: &str, package: &str| Built { path: path.into(), package: package.into() };
        let expected = [
            ("shared".to_owned(), built("/t/shared-1", "/w/shared")),
            ("tests::it".to_owned(), built("/t/it-2", "/w/tests")),
        ];
        assert_eq!(programs(said), BTreeMap::from(expected));
    }

    #[test]
    fn the_table_has_a_line_for_each_test() {
        let test = |name: &str| Test { program: "shared".into(), name: name.into() };
        let (short, long) = (test("a"), test("longer"));
        let verdicts = [("01-one", &short, Verdict::Caught), ("02-other", &long, Verdict::Escaped)];
        assert_eq!(
            table(&verdicts),
            "01-one    shared a       caught\n02-other  shared longer  NOT CAUGHT\n"
        );
    }
}
