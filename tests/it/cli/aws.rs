//! The AWS CLI, as somebody types it, pointed at a simulation. Every answer is held against the CLI's own model.
//!
//! Tests that need it live in modules whose names begin with `aws_cli_`, so that they can be left out where it is missing.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::process::Command;

/// The plugin that checks the answers.
const CHECK: &str = include_str!("check_answers.py");

/// The AWS CLI with its own home, as one caller.
#[derive(Debug)]
pub(crate) struct Aws {
    home: tempfile::TempDir,
    endpoint: String,
    access_key: String,
}

impl Aws {
    /// Whoever has this access key.
    pub(crate) fn caller(endpoint: &str, access_key: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config"), "[plugins]\ncheck_answers = check_answers\n").unwrap();
        std::fs::write(home.path().join("check_answers.py"), CHECK).unwrap();
        Self { home, endpoint: endpoint.to_owned(), access_key: access_key.to_owned() }
    }

    /// What a shell needs so that `aws` in it is this caller's.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.home.path();
        let file = |name: &str| home.join(name).display().to_string();
        let folder = program().parent().unwrap().display().to_string();
        vec![
            ("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin")),
            ("HOME", home.display().to_string()),
            ("AWS_CONFIG_FILE", file("config")),
            ("AWS_SHARED_CREDENTIALS_FILE", file("none")),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
            ("AWS_PAGER", String::new()),
            ("PYTHONPATH", home.display().to_string()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("USHER_CHECKED_ANSWERS", file("checked")),
            ("LANG", "C.UTF-8".to_owned()),
        ]
    }

    /// `aws <words>`, whatever comes of it.
    async fn output(&self, words: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.args(words);
        self.outcome(&mut command, &format!("aws {}", words.join(" "))).await
    }

    /// What comes of a command that calls AWS, each answer checked: a command that never gets to an answer is a mistake of the test's.
    async fn outcome(&self, command: &mut Command, said: &str) -> Output {
        let before = self.checked().len();
        let command = command.env_clear().envs(self.environment()).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("is not what its model says"), "{said}: {told}");
        assert!(self.checked().len() > before, "{said}: no answer came to be checked: {told}");
        output
    }

    /// A line as it is typed into a shell, that is answered, with the answer; null where there is none.
    pub(crate) async fn types(&self, line: &str) -> Value {
        let mut command = Command::new("bash");
        command.args(["-c", line]);
        let output = self.outcome(&mut command, line).await;
        answered(&output, line)
    }

    /// Whether a text as a whole is what this pattern says, which may have what only Java and Python know.
    pub(crate) async fn matches(&self, pattern: &str, text: &str) -> bool {
        let script = "import re, sys; sys.exit(0 if re.fullmatch(sys.argv[1], sys.argv[2]) else 3)";
        let python = program().with_file_name("python");
        let output = Command::new(python).args(["-c", script, pattern, text]).output().await.unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 3)), "{pattern}: {}", String::from_utf8_lossy(&output.stderr));
        code == Some(0)
    }

    /// `aws <words>` that is answered, with the answer; null where there is none.
    pub(crate) async fn answer(&self, words: &[&str]) -> Value {
        let output = self.output(words).await;
        answered(&output, &format!("aws {}", words.join(" ")))
    }

    /// `aws <words>` that is refused, with what the CLI tells of it.
    pub(crate) async fn refusal(&self, words: &[&str]) -> String {
        let output = self.output(words).await;
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert!(!output.status.success(), "aws {words:?}: it was answered");
        told
    }

    /// `aws <words>`: whether it was answered, and what the CLI tells if not.
    pub(crate) async fn attempt(&self, words: &[&str]) -> (bool, String) {
        let output = self.output(words).await;
        (output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// The operations whose answers were checked, each as often as it was called: `sso-admin ListInstances`.
    pub(crate) fn checked(&self) -> Vec<String> {
        let checked = std::fs::read_to_string(self.home.path().join("checked")).unwrap_or_default();
        checked.lines().map(str::to_owned).collect()
    }

    /// The same, each once.
    pub(crate) fn checked_operations(&self) -> BTreeSet<String> {
        self.checked().into_iter().collect()
    }
}

/// The operation that a command of the CLI calls: `ListInstances` of `list-instances`.
pub(crate) fn operation_name(command: &str) -> String {
    let capital =
        |word: &str| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
    command.split('-').map(capital).collect()
}

/// What a line in a shell calls, once for each command: `sso-admin ListInstances` of `x=$(aws sso-admin list-instances)`.
pub(crate) fn called(line: &str) -> Vec<String> {
    let line = line.replace("$(", " ");
    let words: Vec<&str> = line.split_whitespace().collect();
    let commands = words.windows(3).filter(|words| words[0] == "aws");
    commands.map(|words| format!("{} {}", words[1], operation_name(words[2].trim_end_matches(')')))).collect()
}

/// The answer of a command that was not refused; null where there is none.
fn answered(output: &Output, said: &str) -> Value {
    assert!(output.status.success(), "{said}: {}", String::from_utf8_lossy(&output.stderr));
    if output.stdout.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{said}: {error}"))
}

/// The CLI's program: as `cargo xtask test` says, or where that command put it earlier.
#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
pub(crate) fn program() -> PathBuf {
    if let Ok(path) = std::env::var("USHER_TEST_AWS_CLI") {
        return PathBuf::from(path);
    }
    let installed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/awscli/bin/aws"));
    assert!(installed.exists(), "the AWS CLI is not there; install it first: cargo xtask test");
    installed.canonicalize().unwrap()
}

#[test]
fn what_a_line_calls_is_read_from_it() {
    assert_eq!(called("aws sso-admin list-instances --query x"), ["sso-admin ListInstances"]);
    let two = called("x=$(aws organizations list-roots) && aws identitystore list-users --filter 'aws a b'");
    assert_eq!(two[..2], ["organizations ListRoots", "identitystore ListUsers"]);
    assert!(called("usher status --ledger aws").is_empty());
}
