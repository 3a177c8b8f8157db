//! `usher simulate` as its own process, as somebody at a terminal has it.

use std::{
    path::PathBuf,
    process::{ExitStatus, Output, Stdio},
};

use shared::aws::Connection;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
};

use crate::lambda::{built, log::Log};

/// A running simulation. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Simulation {
    child: Child,
    log: Log,
    endpoint: String,
}

/// The program `usher`, as it was built.
pub(crate) fn usher() -> PathBuf {
    let program = built("usher");
    assert!(program.exists(), "`{}` is not there; build it first: cargo xtask test", program.display());
    program
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(usher());
    command
        .arg("simulate")
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Simulation {
    /// `usher simulate --port 0 <more>`, once it listens.
    pub(crate) async fn start(more: &[&str]) -> Self {
        Self::at_port("0", more).await
    }

    /// The same on this port.
    pub(crate) async fn at_port(port: &str, more: &[&str]) -> Self {
        let mut child = command(&[&["--port", port], more].concat()).spawn().unwrap();
        let log = Log::default();
        // Both streams are read to their end by themselves; nobody waits for that.
        drop(child.stdout.take().map(|out| log.read(out)));
        drop(child.stderr.take().map(|err| log.read(err)));
        let line = log.line("A simulated AWS listens at ").await;
        let (_, address) = line.split_once("listens at ").unwrap();
        let (endpoint, _) = address.split_once(',').unwrap();
        Self { child, endpoint: endpoint.to_owned(), log }
    }

    /// `usher simulate <arguments>` that is expected to end by itself.
    pub(crate) async fn ended(arguments: &[&str]) -> Output {
        command(arguments).output().await.unwrap()
    }

    /// Where it is reached.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What it printed.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// How often a line with this was printed so far.
    pub(crate) fn count(&self, wanted: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(wanted)).count()
    }

    /// What a person works with in its Organizations.
    pub(crate) fn organizations(&self) -> aws_sdk_organizations::Client {
        let connection = Connection::to_stand_in(&self.endpoint, "AKIAEXAMPLEADMIN");
        aws_sdk_organizations::Client::new(connection.sdk_config())
    }

    /// One request to the control endpoint: the status line, and the body.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "{method} /_usher/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }

    /// Presses Ctrl-C, and waits for the end.
    pub(crate) async fn interrupted(mut self) -> (ExitStatus, Vec<String>) {
        self.press_ctrl_c().await;
        let status = self.child.wait().await.unwrap();
        // The reader of the log may be a moment behind the end of the process.
        if status.success() {
            self.log.line("Ended").await;
        }
        (status, self.log.lines())
    }

    /// Presses Ctrl-C.
    pub(crate) async fn press_ctrl_c(&self) {
        let process = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status().await.unwrap();
        assert!(sent.success());
    }
}
