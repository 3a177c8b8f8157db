//! A built Lambda function, running as its own process as Lambda would run it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

use super::{
    log::Log,
    runtime_api::{Desk, RuntimeApi},
};

/// A running function. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Function {
    log: Log,
    desk: Arc<Desk>,
    kill: watch::Sender<bool>,
    /// Holds the process, and ends with it.
    watcher: Option<JoinHandle<()>>,
}

impl Function {
    /// Starts the function of this name, with these variables and those that Lambda sets, and no others.
    pub(crate) fn spawn<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        name: &str,
        envs: impl IntoIterator<Item = (K, V)>,
        api: &RuntimeApi,
    ) -> Self {
        let program = built(name);
        assert!(program.exists(), "`{}` is not there; build it first: cargo xtask test", program.display());
        Self::spawn_program(&program, name, envs, api)
    }

    fn spawn_program<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: &Path,
        name: &str,
        envs: impl IntoIterator<Item = (K, V)>,
        api: &RuntimeApi,
    ) -> Self {
        let mut command = command(program, name, api.address(), envs);
        let log = Log::default();
        let desk = api.desk();
        desk.started(name, &log);
        let child = command.spawn().unwrap_or_else(|reason| panic!("`{}`: {reason}", program.display()));
        let (kill, killed) = watch::channel(false);
        let watcher =
            tokio::spawn(watch_over(child, name.to_owned(), log.clone(), Arc::clone(&desk), killed));
        Self { log, desk, kill, watcher: Some(watcher) }
    }

    /// What it printed so far, on stdout and stderr.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Kills it on the spot (SIGKILL), as a crash or Lambda's own time limit does, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> Log {
        let _ = self.kill.send(true);
        self.end().await
    }

    /// Waits until it ended by itself.
    pub(crate) async fn ended(mut self) -> Log {
        self.end().await
    }

    async fn end(&mut self) -> Log {
        if let Some(watcher) = self.watcher.take() {
            watcher.await.unwrap();
        }
        self.log.clone()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
            self.desk.ended("the test let go of it");
        }
    }
}

/// Follows the process to its end, reads all it printed, and tells the Runtime API.
async fn watch_over(
    mut child: Child,
    name: String,
    log: Log,
    desk: Arc<Desk>,
    mut killed: watch::Receiver<bool>,
) {
    let streams =
        [child.stdout.take().map(|out| log.read(out)), child.stderr.take().map(|err| log.read(err))];
    let ended_by_itself = tokio::select! {
        status = child.wait() => Some(status.unwrap()),
        // Fails when the sender is gone, and then this task is about to be ended as well.
        _ = killed.wait_for(|killed| *killed) => None,
    };
    let status = if let Some(status) = ended_by_itself {
        status
    } else {
        child.start_kill().unwrap();
        child.wait().await.unwrap()
    };
    for stream in streams.into_iter().flatten() {
        stream.await.unwrap();
    }
    desk.ended(&format!("`{name}` ended with {status}; {}", log.tail()));
}

/// A function's program, to be started with what Lambda sets, these variables, and the Runtime API at this address.
pub(super) fn command<K: AsRef<OsStr>, V: AsRef<OsStr>>(
    program: &Path,
    name: &str,
    api: impl AsRef<OsStr>,
    envs: impl IntoIterator<Item = (K, V)>,
) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(lambda_sets(name))
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .envs(envs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Where cargo puts the program of this name: beside the folder of the test program.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The variables that Lambda sets (Lambda Developer Guide, "Defined runtime environment variables").
fn lambda_sets(name: &str) -> Vec<(&'static str, String)> {
    [
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]00000000000000000000000000000000"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "session"),
        ("LANG", "en_US.UTF-8"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ]
    .into_iter()
    .map(|(key, value)| (key, value.to_owned()))
    .chain([("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))])
    .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::lambda::runtime_api::FunctionError;

    const NO_ENVS: [(&str, &str); 0] = [];

    /// A shell script in the place of a function.
    fn script(api: &RuntimeApi, text: &str, envs: &[(&str, &str)]) -> (tempfile::TempDir, Function) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let function = Function::spawn_program(&path, "script", envs.iter().copied(), api);
        (folder, function)
    }

    #[tokio::test]
    async fn a_function_sees_what_lambda_sets_and_what_the_test_adds_and_nothing_else() {
        let api = RuntimeApi::start().await;
        let (_folder, function) = script(&api, "env", &[("USHER_LEDGER", "table")]);
        let printed = function.ended().await.lines();
        for expected in
            ["USHER_LEDGER=table", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/script", "AWS_REGION=us-east-1"]
        {
            assert!(printed.iter().any(|line| line == expected), "no {expected} in {printed:?}");
        }
        assert!(printed.contains(&format!("AWS_LAMBDA_RUNTIME_API={}", api.address())), "{printed:?}");
        assert!(!printed.iter().any(|line| line.starts_with("CARGO")), "{printed:?}");
    }

    #[tokio::test]
    async fn what_a_function_prints_can_be_waited_for() {
        let api = RuntimeApi::start().await;
        let (_folder, function) = script(&api, "echo first; echo 'second thing' >&2; exec sleep 1000", &[]);
        assert_eq!(function.log().line("second").await, "second thing");
        assert_eq!(function.log().line("first").await, "first");
        assert_eq!(function.kill().await.lines().len(), 2);
    }

    #[tokio::test]
    async fn a_function_that_ends_fails_the_invocation_with_what_it_printed() {
        let api = RuntimeApi::start().await;
        let (_folder, _function) = script(&api, "echo 'no settings'; exit 3", &[]);
        let Err(FunctionError::Exited { how }) = api.invoke("{}").await else { panic!("it ended") };
        assert!(how.contains("`script` ended with exit status: 3") && how.contains("no settings"), "{how}");
    }

    #[tokio::test]
    async fn after_one_process_was_killed_the_next_may_come() {
        let api = RuntimeApi::start().await;
        let (_folder, function) = script(&api, "echo up; exec sleep 1000", &[]);
        function.log().line("up").await;
        function.kill().await;
        let Err(FunctionError::Exited { how }) = api.invoke("{}").await else { panic!("it was killed") };
        assert!(how.contains("signal: 9"), "{how}");

        let (_folder, second) = script(&api, "echo up again; exec sleep 1000", &[]);
        second.log().line("up again").await;
        drop(second);
        let Err(FunctionError::Exited { how }) = api.invoke("{}").await else { panic!("it was dropped") };
        assert!(how.contains("let go"), "{how}");
    }

    #[tokio::test]
    #[should_panic(expected = "build it first: cargo xtask test")]
    async fn a_function_that_was_not_built_is_said_to_be_missing() {
        let api = RuntimeApi::start().await;
        drop(Function::spawn("no-such-function", NO_ENVS, &api));
    }
}
