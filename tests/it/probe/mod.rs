//! What `usher probe` measures and takes away again, against the simulator under virtual time: it must find what the simulator was told.

mod interrupted;
mod measured;
mod stopping;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use cli::{
    args::Step,
    probe::{Began, Doubt, Journal, Order, Prober},
    report::{Left, Measured},
};
use shared::{
    clock::TokioClock,
    domain::{AccountId, AssignmentKey, PermissionSetArn, Principal},
    engine::EngineSettings,
    ledger::State,
    local::SqliteLedger,
    pace::Paces,
    ports::{AccessReader, AccessWriter, Clock as _, Guard, Ledger as _, RowWrite},
    settings::Settings as Env,
};
use simulator::{Caller, CallerKind, InProcess, Made, Settings, World};

const SANDBOX: &str = "200000000001";

/// A sandbox in which somebody has something already, and groups for a probe.
fn organization(groups: usize) -> String {
    let groups: Vec<String> = (0..groups).map(|at| format!("{{ name: probe-{at:02} }}")).collect();
    format!(
        r#"
organization: o-exampleorg1
root: r-ab12
management_account: {{ name: management, id: "111122223333" }}
accounts:
  - {{ name: sandbox, id: "{SANDBOX}" }}
  - {{ name: shop, id: "200000000002" }}
instance: {{ arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }}
permission_sets: [{{ name: Probe }}, {{ name: ReadOnlyAccess }}]
groups: [{{ name: Developers }}, {}]
assignments:
  - {{ account: sandbox, permission_set: ReadOnlyAccess, group: Developers }}
  - {{ account: shop, permission_set: Probe, group: Developers }}
"#,
        groups.join(", ")
    )
}

/// A simulated AWS, and a place for journals.
struct Bench {
    world: Arc<Mutex<World>>,
    clock: Arc<TokioClock>,
    face: InProcess,
    /// A service's.
    ledger: SqliteLedger,
    folder: tempfile::TempDir,
    groups: usize,
}

impl Bench {
    fn new(groups: usize, settings: Settings) -> Self {
        let world = World::from_yaml(&organization(groups), settings).unwrap();
        let management = world.management_account().clone();
        let world = Arc::new(Mutex::new(world));
        let clock = Arc::new(TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()));
        let caller = Caller::new("operator", management, CallerKind::Management);
        let face = InProcess::new(Arc::clone(&world), clock.clone(), caller);
        let ledger = SqliteLedger::in_memory().unwrap();
        Self { world, clock, face, ledger, folder: tempfile::tempdir().unwrap(), groups }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("probe.journal")
    }

    /// The service decides on this, or has it.
    async fn claimed(&self, key: &AssignmentKey) {
        let row = crate::contract::ledger::fixtures::row(key.clone(), State::Ours);
        self.ledger.write(&[RowWrite::of(row)], &Guard::default()).await.unwrap();
    }

    /// All that is assigned anywhere, by whom and since when.
    fn assignments(&self) -> BTreeMap<AssignmentKey, Made> {
        let mut world = self.world();
        world.advance(self.clock.now());
        world.assignments()
    }

    /// What the lists say of the sandbox: its permission sets, each with its principals.
    async fn lists(&self) -> BTreeMap<PermissionSetArn, BTreeSet<Principal>> {
        let account: AccountId = SANDBOX.parse().unwrap();
        let mut lists = BTreeMap::new();
        for set in self.face.provisioned_in(&account).await.unwrap() {
            let principals = self.face.principals(&account, &set).await.unwrap();
            lists.insert(set, principals.into_iter().collect());
        }
        lists
    }

    fn key(&self, group: usize) -> AssignmentKey {
        let world = self.world();
        AssignmentKey {
            account: SANDBOX.parse().unwrap(),
            permission_set: world.permission_set_named("Probe").unwrap(),
            principal: Principal::Group(world.group_named(&format!("probe-{group:02}")).unwrap()),
        }
    }

    fn order(&self, steps: &[Step], repetitions: usize) -> Order {
        Order {
            steps: steps.iter().copied().collect(),
            keys: (0..self.groups).map(|at| self.key(at)).collect(),
            repetitions,
            status_for: Duration::from_mins(5),
        }
    }

    fn begin(&self) -> Journal {
        let began = Began {
            at: self.clock.now(),
            instance: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6".parse().unwrap(),
            account: SANDBOX.parse().unwrap(),
        };
        Journal::begin(&self.path(), began).unwrap()
    }

    fn prober<'a>(
        &'a self,
        journal: &'a Journal,
        access: &'a dyn AccessReader,
        writer: &'a dyn AccessWriter,
    ) -> Prober<'a> {
        let settings = EngineSettings::default();
        let (fast, ledger, clock) = (&self.face, &self.ledger, &*self.clock);
        Prober { access, fast, writer, ledger, clock, journal, settings, tell: &|_| {} }
    }

    /// The ports at the pace of a command.
    fn at_a_pace(&self) -> InProcess {
        let share = Env::reading(|_| None).command_share().unwrap();
        let paces = Some(Arc::new(Paces::new(share, self.clock.clone())));
        InProcess { paces, ..self.face.clone() }
    }

    /// Measures and cleans up, as the command does.
    async fn probe(&self, order: &Order) -> (Measured, Vec<Left>) {
        let journal = self.begin();
        let paced = self.at_a_pace();
        let prober = self.prober(&journal, &paced, &self.face);
        let mut measured = Measured::default();
        let ended = prober.measure(order, &mut measured).await.unwrap();
        let left = prober.clean_up(Doubt::Leave).await.unwrap();
        prober.measure_lifetime(order, &ended, &mut measured).await;
        journal.close().unwrap();
        (measured, left)
    }

    /// Cleans up by the journal that is there, as a new process does.
    async fn clean_up(&self, doubt: Doubt) -> Vec<Left> {
        let Some(journal) = Journal::open(&self.path()).unwrap() else { return Vec::new() };
        let left = self.prober(&journal, &self.face, &self.face).clean_up(doubt).await.unwrap();
        journal.close().unwrap();
        left
    }
}
