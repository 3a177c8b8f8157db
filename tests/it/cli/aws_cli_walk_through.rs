//! The walk-through of docs/simulator.md, as a newcomer types it: the page itself is read, and every command in it is run.
//!
//! On a line of its own, `<!-- wait: TEXT -->` in the page means that the first terminal has to show a line with this text before the
//! walk goes on; with `again:` before the text, one more line than there was when the last command was typed. Lines of a console
//! block that don't begin with `$` are what the command above them prints, in this order, perhaps with more between them; `…` stands
//! for anything.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use tokio::{net::TcpListener, process::Command};

use super::{
    aws::{Aws, called},
    simulation::{Simulation, usher},
};

const PAGE: &str = include_str!("../../../docs/simulator.md");
/// The port in the page, which here is another one.
const PORT: &str = "4580";

/// What the page asks for, in its order.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Type { command: String, shown: Vec<String> },
    Wait { text: String, again: bool },
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut in_console = false;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_console = language == "console" && !in_console;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) {
            steps.push(Step::Type { command: command.to_owned(), shown: Vec::new() });
        } else if in_console {
            let Some(Step::Type { shown, .. }) = steps.last_mut() else {
                panic!("output of nothing: {line}")
            };
            shown.push(line.to_owned());
        } else if let Some(text) = line.strip_prefix("<!-- wait: ").and_then(|text| text.strip_suffix(" -->"))
        {
            let (again, text) = text.strip_prefix("again: ").map_or((false, text), |text| (true, text));
            steps.push(Step::Wait { text: text.to_owned(), again });
        }
    }
    steps
}

/// Whether a line is as the page shows it.
fn matches(shown: &str, line: &str) -> bool {
    let mut rest = line;
    for (index, part) in shown.split('…').enumerate() {
        match rest.find(part) {
            Some(at) if index > 0 || at == 0 => rest = rest.get(at + part.len()..).unwrap_or_default(),
            _ => return false,
        }
    }
    shown.ends_with('…') || rest.is_empty()
}

/// A shell that remembers its variables from one command to the next.
struct Shell {
    aws: Aws,
    folder: tempfile::TempDir,
}

impl Shell {
    /// In a folder like the project's own, with `usher` and `aws` in the path.
    fn new(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        std::os::unix::fs::symlink(project.join("cli"), folder.path().join("cli")).unwrap();
        Self { aws: Aws::caller(endpoint, "not used"), folder }
    }

    async fn types(&self, command: &str) -> String {
        let state = self.aws.environment();
        let (_, path) = &state[0];
        let path = format!("{}:{path}", usher().parent().unwrap().display());
        let script = format!(
            "set -a; [ -e .state ] && . ./.state\n{command}\nstatus=$?; export -p > .state; exit $status"
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.folder.path())
            .env_clear()
            .envs(state.into_iter().filter(|(name, _)| !is_typed(name)))
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "$ {command}\n{out}{err}");
        out.into_owned()
    }
}

/// Whether the page has the reader set this variable.
fn is_typed(variable: &str) -> bool {
    ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .contains(&variable)
}

#[tokio::test]
async fn every_command_of_the_page_works_and_shows_what_the_page_shows() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port().to_string();
    // What comes after the walk describes, and is tried elsewhere.
    let (walk, _) = PAGE.split_once("\n## The options\n").unwrap();
    let page = walk.replace(PORT, &port);
    let shell = Shell::new(&format!("http://127.0.0.1:{port}"));
    let mut simulation: Option<Simulation> = None;
    let mut lines_before = 0;
    let mut commands = 0;
    let mut calls = BTreeSet::new();
    for step in steps(&page) {
        match step {
            Step::Type { command, shown } if simulation.is_none() => {
                let options = command.strip_prefix("usher simulate ").unwrap();
                let options = options.replace("walk/", &format!("{}/walk/", shell.folder.path().display()));
                // A reader has time to look; what the page shows doesn't depend on it.
                let options: Vec<&str> = options.split(' ').chain(["--speed", "10"]).collect();
                let started = Simulation::at_port(&port, &options).await;
                for line in shown.iter().filter(|line| !line.is_empty()) {
                    started.log().line(line).await;
                }
                simulation = Some(started);
            }
            Step::Type { command, shown } => {
                lines_before = simulation.as_ref().unwrap().log().lines().len();
                let checked = shell.aws.checked().len();
                let out = shell.types(&command).await;
                assert!(
                    shell.aws.checked().len() >= checked + called(&command).len(),
                    "$ {command}: not checked"
                );
                calls.extend(called(&command));
                let mut lines = out.lines();
                for wanted in shown {
                    assert!(lines.any(|line| matches(&wanted, line)), "$ {command}\n{out}\nlacks: {wanted}");
                }
                commands += 1;
            }
            Step::Wait { text, again } => {
                let log = simulation.as_ref().unwrap().log();
                if again {
                    log.line_after(lines_before, &text).await;
                } else {
                    log.line(&text).await;
                }
            }
        }
    }
    assert!(commands > 25, "the page was read wrongly: {commands} commands");
    assert_eq!(shell.aws.checked_operations(), calls);
    assert!(calls.len() > 10, "{calls:?}");
    let simulation = simulation.unwrap();
    assert_eq!(simulation.count("failed  "), 0, "{:#?}", simulation.log().lines());
    let (status, lines) = simulation.interrupted().await;
    assert!(status.success());
    assert!(
        lines.iter().any(|line| line.starts_with("Ended: ") && line.contains("walk/ledger.db")),
        "{lines:#?}"
    );
}

#[test]
fn the_page_is_read_as_it_is_meant() {
    let page = "```console\n$ one\nits output\n$ two\n```\n<!-- wait: ready -->\n```text\n$ no\n```\n<!-- wait: again: x -->\n";
    let typed = |command: &str, shown: &[&str]| Step::Type {
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
    };
    let waits = |text: &str, again| Step::Wait { text: text.to_owned(), again };
    let expected =
        [typed("one", &["its output"]), typed("two", &[]), waits("ready", false), waits("x", true)];
    assert_eq!(steps(page), expected);
    assert!(matches("a … c…", "a b c d") && matches("a", "a") && matches("…", ""));
    assert!(!matches("a", "a b") && !matches("b", "a b") && !matches("a … d", "a b c"));
}
