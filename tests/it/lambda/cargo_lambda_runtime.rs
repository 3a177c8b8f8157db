//! The functions in a runtime that nobody here wrote: `cargo lambda watch` plays Lambda, and `cargo lambda invoke` its callers.
//!
//! It is given the programs as they were built, so it builds nothing. `cargo xtask lambda` runs this.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{clock::SystemClock, ports::Clock as _};
use tokio::process::{Child, Command};

use super::{
    function::{built, command},
    log::Log,
    payloads::scheduled,
    runtime_api::FunctionError,
    service::{RULES, Service},
};

/// How long the emulator is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running emulator with the functions that were started for it. All are killed when this is dropped.
struct Emulator {
    program: PathBuf,
    port: u16,
    folder: tempfile::TempDir,
    log: Log,
    _server: Child,
    functions: Vec<(Child, Log)>,
}

impl Emulator {
    async fn start() -> Self {
        let program = std::env::var_os("USHER_TEST_CARGO_LAMBDA");
        let program =
            PathBuf::from(program.expect("run `cargo xtask lambda`: it tells where cargo-lambda is"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(&program)
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            // It wants to be in a package, and looks at this one.
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/sweep"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        drop(server.stdout.take().map(|out| log.read(out)));
        drop(server.stderr.take().map(|err| log.read(err)));
        let folder = tempfile::tempdir().unwrap();
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let is_there = tokio::time::timeout(PATIENCE, listens).await.is_ok();
        assert!(is_there, "the emulator does not listen: {}", log.tail());
        Self { program, port, folder, log, _server: server, functions: Vec::new() }
    }

    /// Starts a function that asks the emulator for its events.
    fn function(&mut self, name: &str, envs: &BTreeMap<&'static str, String>) {
        let api = format!("http://127.0.0.1:{}/.rt/{name}", self.port);
        let mut child = command(&built(name), name, api, envs).spawn().unwrap();
        let log = Log::default();
        drop(child.stdout.take().map(|out| log.read(out)));
        drop(child.stderr.take().map(|err| log.read(err)));
        self.functions.push((child, log));
    }

    async fn called(&self, name: &str, event: &str) -> Output {
        let file = self.folder.path().join("event.json");
        std::fs::write(&file, event).unwrap();
        let invoke = Command::new(&self.program)
            .args(["lambda", "invoke", name, "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &self.port.to_string(), "--output-format", "json", "--data-file"])
            .arg(&file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(Duration::from_mins(1), invoke).await.unwrap().unwrap()
    }

    /// Invokes a function by the command line, and gives its answer.
    async fn invoke(&self, name: &str, event: String) -> Result<Value, FunctionError> {
        let Output { status, stdout, stderr } = self.called(name, &event).await;
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        if !status.success() {
            return Err(FunctionError::Reported { kind: status.to_string(), message: err.into_owned() });
        }
        let told: Vec<String> = self.functions.iter().map(|(_, log)| log.tail()).collect();
        let answer = serde_json::from_str(&out);
        Ok(answer
            .unwrap_or_else(|error| panic!("{name}: {error}: {out}{err}\n{}\n{told:?}", self.log.tail())))
    }
}

#[tokio::test]
async fn moto_keeps_the_queues_of_a_chain_from_an_event_to_access_under_cargo_lambda() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let mut lambda = Emulator::start().await;
    let envs = service.envs();
    for name in ["on-account-event", "reconcile", "provision", "sweep", "tick"] {
        lambda.function(name, &envs);
    }

    let swept = lambda.invoke("sweep", scheduled().to_string()).await.unwrap();
    assert_eq!(swept["differing"], json!(11), "{swept}");
    let before = service.truth().0.len();
    settle(&service, &lambda).await;
    let after = service.truth().0.len();
    assert!(before == 0 && after > 12, "{before}, {after}");

    let account = service.world().account_named("sandbox-search").unwrap();
    service.world().take_events(SystemClock.now());
    let client = service.organizations();
    let tag = aws_sdk_organizations::types::Tag::builder().key("Team").value("storefront").build().unwrap();
    client.tag_resource().resource_id(account.as_str()).tags(tag).send().await.unwrap();
    settle(&service, &lambda).await;
    assert_eq!(service.truth().0.len(), after + 1, "an event gave access");
    lambda.invoke("tick", scheduled().to_string()).await.unwrap();
    let swept = lambda.invoke("sweep", scheduled().to_string()).await.unwrap();
    assert_eq!(swept["differing"], json!(0), "{swept}");

    // What can't be read is put aside there as it is in Lambda, and the next event is taken all the same.
    let parked = lambda.invoke("on-account-event", "\"no event\"".to_owned()).await.unwrap();
    assert!(
        parked["parked"].as_str().is_some_and(|why| why.contains("not an EventBridge event")),
        "{parked}"
    );
    settle(&service, &lambda).await;
}

/// Delivers everything until nothing is left.
async fn settle(service: &Service, lambda: &Emulator) {
    loop {
        let mut quiet = true;
        for event in service.events() {
            quiet = false;
            lambda.invoke("on-account-event", event.to_string()).await.unwrap();
        }
        for (queue, name) in [(&service.inbox, "reconcile"), (&service.wake, "provision")] {
            let deliver =
                async || service.deliver_by(queue, async |event| lambda.invoke(name, event).await).await;
            while let Some(delivery) = deliver().await {
                quiet = false;
                assert_eq!(delivery.failed, [""; 0], "{:?}", delivery.answer);
                delivery.answer.unwrap();
            }
        }
        if quiet {
            return;
        }
    }
}
