//! The tool from its command line to its output, with the real SDK against the simulator on a loopback port.

mod afresh;
mod articles;
mod audit;
pub(crate) mod aws;
mod aws_cli_articles;
mod aws_cli_delegation;
mod aws_cli_teams;
mod aws_cli_walk_through;
mod beside;
mod cfn_lint_export;
mod consent;
mod delegation;
mod demo;
mod deploy;
mod doctor;
mod event;
mod explain;
mod explain_example;
mod explain_nothing;
mod foreseen;
mod import;
mod import_page;
mod import_shapes;
mod moto_run;
mod named_alike;
mod pages;
mod permission_sets;
mod plan_and_apply;
mod probe;
mod publish;
mod reprovision;
mod rules_check;
mod run;
mod seeds;
mod simulate;
mod simulation;
mod status;
mod trouble;
mod untold;
mod what_if;
mod workflow;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use ::cli::{Cli, Ending, Machine, Screen};
use clap::Parser as _;
use serde_json::Value;
use shared::{aws::Connection, clock::SystemClock, engine::EngineSettings};
use simulator::{Latency, Settings, World, http::Callers};
use tokio::net::TcpListener;

/// A simulated AWS and an empty folder to work in.
pub(super) struct Place {
    world: Arc<Mutex<World>>,
    machine: Machine,
    folder: tempfile::TempDir,
}

/// What a command wrote, and how it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

impl Place {
    pub(super) async fn new(organization: &str) -> Self {
        let mut settings = Settings {
            assignment_latency: Latency::Constant(Duration::from_millis(20)),
            ..Settings::default()
        };
        // How fast the engine may call is tried elsewhere; here every call takes real time.
        settings.quotas.sso_admin = None;
        settings.quotas.identity_store = None;
        settings.quotas.organizations = None;
        let world = Arc::new(Mutex::new(World::from_yaml(organization, settings).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(SystemClock);
        let served = simulator::http::serve(
            listener,
            Arc::clone(&world),
            clock.clone(),
            Callers::default(),
            std::future::pending(),
        );
        tokio::spawn(served);
        let engine = EngineSettings {
            tick: Duration::from_millis(20),
            rate: 1000,
            burst: 1000,
            ..EngineSettings::default()
        };
        let connection = Connection::to_stand_in(&endpoint, "AKIAEXAMPLEUSHER");
        let machine = Machine { clock, connection: Some(connection), engine: Some(engine) };
        Self { world, machine, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// How often Usher has asked AWS to write.
    pub(super) fn writes(&self) -> u64 {
        let world = self.world();
        let is_write = |name: &str| {
            name.ends_with("CreateAccountAssignment") || name.ends_with("DeleteAccountAssignment")
        };
        world.counters().calls.iter().filter(|(name, _)| is_write(name)).map(|(_, calls)| calls).sum()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `usher <command> --rules <rules> --ledger <in the folder> <more>`
    pub(super) async fn usher(&self, command: &str, rules: &Path, more: &[&str]) -> Ran {
        let ledger = self.path("state/ledger.db");
        let mut line =
            vec!["usher", command, "--rules", rules.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()];
        line.extend(more);
        run(&line, &self.machine).await
    }
}

pub(super) async fn run(line: &[&str], machine: &Machine) -> Ran {
    let arguments = Cli::try_parse_from(line).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ending = ::cli::ending(arguments, machine, &mut Screen::plain(&mut out, &mut err)).await;
    Ran { ending, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// A small organization: two development accounts, one of them with an assignment that somebody made by hand.
pub(super) const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "200000000001", tags: { Team: shop } }
      - { name: search-dev, id: "200000000002", tags: { Team: search } }
  - name: Production
    accounts:
      - { name: shop-prod, id: "200000000003", tags: { Team: shop } }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets:
  - { name: ReadOnlyAccess }
  - { name: PowerUserAccess }
groups: [{ name: Developers }, { name: Auditors }]
assignments:
  - { account: shop-dev, permission_set: PowerUserAccess, group: Developers }
"#;

/// Developers get power where they develop, and auditors look at everything.
pub(super) const RULES: &str = "
version: 1
settings: { mode: sync }
never:
  - { permission_sets: [PowerUserAccess], accounts: { in_ou: Production } }
rules:
  - id: developers
    principals: [{ group: Developers }]
    permission_sets: [PowerUserAccess]
    accounts: { in_ou: [Development, Production] }
  - id: auditors
    principals: [{ group: Auditors }, { group: Nobody }]
    permission_sets: [ReadOnlyAccess]
    accounts: everywhere
";
