//! The whole service in one process under virtual time: the real handlers, fed with the payloads that Lambda would get.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{
    clock::TokioClock,
    domain::{AccountId, AssignmentKey, ParentId, Principal},
    engine::{
        AccountHint, EngineSettings, PublishError, Rulebook, RunError, RunSummary, SweepError, SweepSettings,
        SweepSummary,
    },
    ledger::Cause,
    local::{LocalQueue, SqliteLedger},
    ports::{Clock as _, LedgerReader as _, Message, Queue as _},
};
use simulator::{Caller, CallerKind, InProcess, Settings, World, wire::organizations as org};

use super::{
    checker::Checker,
    model::Rules,
    names::readable,
    ports::{Beside, MemoryRules, Ports, Stores, Watched},
    records::sqs_event,
};

/// How long a record is hidden from others while it is worked on.
const VISIBILITY: Duration = Duration::from_mins(3);

/// The name of Usher's role in the world's records.
pub(super) const USHER: &str = "usher";

/// What a service begins with.
pub(super) struct Start<'a> {
    pub(super) organization: &'a str,
    pub(super) world: Settings,
    pub(super) engine: EngineSettings,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { organization: SMALL, world: Settings::default(), engine: EngineSettings::default() }
    }
}

/// A small organization.
pub(super) const SMALL: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333", tags: { Environment: Development } }
organizational_units:
  - name: Workloads
    organizational_units:
      - name: Development
        accounts:
          - { name: one-dev, id: "222233334444", tags: { Environment: Development } }
          - { name: two-dev, id: "333344445555", tags: { Environment: Development } }
      - name: Production
        accounts:
          - { name: one-prod, id: "666677778888", tags: { Environment: Production } }
  - name: Sandbox
    accounts:
      - { name: play, id: "444455556666" }
  - name: Suspended
    accounts:
      - { name: gone, id: "555566667777", state: SUSPENDED }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1 }
permission_sets:
  - { name: ReadOnlyAccess, tags: { Environment: All } }
  - { name: PowerUserAccess, tags: { Environment: Development } }
  - { name: DeployAccess, tags: { Environment: Production } }
groups: [{ name: Developers }, { name: Support }, { name: Auditors }]
users:
  - { user_name: alba@example.com, display_name: Alba Example, groups: [Developers] }
  - { user_name: bruno@example.com, display_name: Bruno Example }
"#;

/// AWS as Usher sees it.
fn face(world: &Arc<Mutex<World>>, clock: &Arc<TokioClock>) -> InProcess {
    let management = world.lock().unwrap().management_account().clone();
    let caller = Caller::new(USHER, management, CallerKind::Management);
    let round_trip = Duration::from_millis(50);
    InProcess { world: Arc::clone(world), clock: clock.clone(), caller, round_trip, paces: None }
}

/// The service, the world around it, and the one who watches.
pub(super) struct Service {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) clock: Arc<TokioClock>,
    pub(super) ledger: Arc<SqliteLedger>,
    pub(super) inbox: Arc<LocalQueue>,
    pub(super) wake: Arc<LocalQueue>,
    pub(super) polls: Arc<LocalQueue>,
    pub(super) parked: Arc<LocalQueue>,
    pub(super) store: Arc<MemoryRules>,
    pub(super) ports: Ports,
    pub(super) person: Caller,
    /// Events that could not be acted on, to be delivered again.
    undelivered: Mutex<Vec<Value>>,
    pub(super) unclaimed: Arc<Mutex<Vec<AssignmentKey>>>,
    checker: Mutex<Checker>,
    runs: AtomicU32,
}

impl Service {
    /// The small organization, and everything else as it is by default.
    pub(super) fn new() -> Self {
        Self::start(Start::default())
    }

    pub(super) fn start(start: Start<'_>) -> Self {
        let Start { organization, world, engine } = start;
        let mut world = World::from_yaml(organization, world).unwrap();
        // How fast Organizations may be asked is tried where it is the subject, by setting it back.
        world.settings.quotas.organizations = None;
        let management = world.management_account().clone();
        let world = Arc::new(Mutex::new(world));
        let clock = Arc::new(TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()));
        let face = face(&world, &clock);
        let (ledger, unclaimed) = (Arc::new(SqliteLedger::in_memory().unwrap()), Arc::default());
        let writer =
            Watched { writer: face.clone(), ledger: Arc::clone(&ledger), unclaimed: Arc::clone(&unclaimed) };
        let inbox = Arc::new(LocalQueue::fifo(clock.clone()));
        let standard = || Arc::new(LocalQueue::standard(clock.clone()));
        let (wake, polls, parked) = (standard(), standard(), standard());
        let store = Arc::new(MemoryRules::default());
        let face = Arc::new(face);
        let (beside, outcomes) = (Beside::of(&store), Arc::default());
        let ports = Ports {
            organization: face.clone(),
            directory: face.clone(),
            access: face.clone(),
            writer: Arc::new(writer),
            sets: face.clone(),
            set_writer: face,
            ledger: ledger.clone(),
            inbox: inbox.clone(),
            wake: wake.clone(),
            polls: polls.clone(),
            parked: parked.clone(),
            stores: Stores::of(&beside, &outcomes),
            beside,
            outcomes,
            own_roles: [format!("arn:aws:iam::{management}:role/{USHER}")].into(),
            rulebook: Arc::new(Rulebook::of_store(store.clone())),
            clock: clock.clone(),
            settings: engine,
            sweep: SweepSettings::default(),
        };
        Self {
            world,
            clock,
            ledger,
            inbox,
            wake,
            polls,
            parked,
            store,
            ports,
            person: Caller::new("console-admin", management, CallerKind::Management),
            undelivered: Mutex::default(),
            unclaimed,
            checker: Mutex::new(Checker::new(USHER, engine)),
            runs: AtomicU32::new(0),
        }
    }

    /// Another ledger takes the place of the one that there was.
    pub(super) fn exchange_ledger(&mut self, ledger: SqliteLedger) {
        let ledger = Arc::new(ledger);
        self.ports.writer = Arc::new(Watched {
            writer: face(&self.world, &self.clock),
            ledger: Arc::clone(&ledger),
            unclaimed: Arc::clone(&self.unclaimed),
        });
        self.ports.ledger = ledger.clone();
        self.ledger = ledger;
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        world.advance(self.clock.now());
        world
    }

    pub(super) fn checker(&self) -> MutexGuard<'_, Checker> {
        self.checker.lock().unwrap()
    }

    // What people do.

    /// Something that a person does in AWS, now.
    pub(super) async fn person<T>(&self, act: impl FnOnce(&mut World, Timestamp, &Caller) -> T) -> T {
        let done = act(&mut self.world(), self.clock.now(), &self.person);
        self.checker().see(self.clock.now(), &self.world());
        self.check().await;
        done
    }

    /// A person sets a tag of an account.
    pub(super) async fn tag(&self, account: &str, key: &str, value: &str) {
        let id = self.account(account);
        let tags = serde_json::from_value(json!([{ "Key": key, "Value": value }])).unwrap();
        let input = org::TagResource { resource_id: id.to_string(), tags };
        self.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    }

    /// A person moves an account into the OU at this path.
    pub(super) async fn move_to(&self, account: &str, ou: &str) {
        let id = self.account(account);
        let to = ParentId::Ou(self.world().ou_at(ou).unwrap());
        self.person(|world, now, who| world.move_account(now, who, &id, &to)).await.unwrap();
    }

    /// A person assigns by hand.
    pub(super) async fn grant_by_hand(&self, key: &AssignmentKey) {
        self.person(|world, now, who| world.grant_by_hand(now, who, key)).await;
    }

    /// Brings rules into force.
    pub(super) async fn publish(&self, rules: &Rules) {
        self.try_publish(rules).await.unwrap();
    }

    pub(super) async fn try_publish(&self, rules: &Rules) -> Result<(), PublishError> {
        shared::engine::publish(&rules.bundle(), &*self.store, &*self.ledger, &*self.clock).await?;
        self.checker().rules_published(self.clock.now(), rules);
        self.check().await;
        Ok(())
    }

    // What the service does.

    /// The events that have arrived, which then nobody else gets.
    pub(super) fn take_events(&self) -> Vec<Value> {
        let now = self.clock.now();
        self.world().take_events(now)
    }

    /// Gives the events that AWS has sent to the function that waits for them.
    pub(super) async fn deliver_events(&self) {
        let mut events = std::mem::take(&mut *self.undelivered.lock().unwrap());
        events.extend(self.take_events());
        self.deliver(events).await;
    }

    /// Gives these events to the function, in this order. What fails, or is broken off, comes again with the next ones.
    pub(super) async fn deliver(&self, events: Vec<Value>) {
        let first = {
            let mut undelivered = self.undelivered.lock().unwrap();
            undelivered.extend(events.iter().cloned());
            undelivered.len() - events.len()
        };
        let mut failed = 0;
        for event in events {
            if self.ports.hear(event, &*self.parked).await.is_err() {
                failed += 1;
            } else {
                self.undelivered.lock().unwrap().remove(first + failed);
            }
        }
        self.check().await;
    }

    /// Takes what is in the inbox now to the function that decides. Tells how many records failed.
    pub(super) async fn drain_inbox(&self) -> usize {
        let mut failed = 0;
        loop {
            let received = self.inbox.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                return failed;
            }
            let event = serde_json::from_value(sqs_event(&received)).unwrap();
            let answer = self.ports.decide(event, self.soon()).await;
            let failures: BTreeSet<String> =
                answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
            failed += failures.len();
            for received in received.iter().filter(|received| !failures.contains(&received.id)) {
                // Too late is late: it comes again.
                let _ = self.inbox.acknowledge(&received.receipt).await;
            }
            self.check().await;
        }
    }

    /// When Lambda would stop a function that begins now.
    pub(super) fn soon(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_mins(15)
    }

    /// Runs the engine for every wake that has come. A run that fails leaves its wake to come again.
    pub(super) async fn run_engine(&self) -> Vec<RunSummary> {
        let mut summaries = Vec::new();
        loop {
            let received = self.wake.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                return summaries;
            }
            let run = self.run_with(&self.ports, &sqs_event(&received)).await;
            self.check().await;
            if let Ok(summary) = run {
                summaries.push(summary);
                for received in &received {
                    let _ = self.wake.acknowledge(&received.receipt).await;
                }
            }
        }
    }

    /// One run of the engine with these ports.
    pub(super) async fn run_with(&self, ports: &Ports, event: &Value) -> Result<RunSummary, RunError> {
        let event = serde_json::from_value(event.clone()).unwrap();
        let holder = format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed));
        provision::handle(event, ports.provisioner(), &holder, self.soon()).await
    }

    /// Looks at every request that has been handed over and is due. What fails comes again.
    pub(super) async fn poll_requests(&self) {
        loop {
            let received = self.polls.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                return;
            }
            let event = serde_json::from_value(sqs_event(&received)).unwrap();
            let answer = self.ports.poll(event).await;
            let failures: BTreeSet<String> =
                answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
            for received in received.iter().filter(|received| !failures.contains(&received.id)) {
                let _ = self.polls.acknowledge(&received.receipt).await;
            }
            self.check().await;
        }
    }

    /// One sweep; what it hints at is in the inbox afterwards.
    pub(super) async fn sweep(&self) -> Result<SweepSummary, SweepError> {
        let summary = sweep::handle(self.ports.sweep()).await;
        self.check().await;
        summary
    }

    /// A hint for one account, as any event would leave it.
    pub(super) async fn hint(&self, account: &str) {
        let account = self.account(account);
        let at = self.clock.now();
        let cause = Cause::new("event", &format!("hint-{}", at.as_microsecond()));
        let deduplication = format!("{}-{account}", cause.as_str());
        let hint = AccountHint::new(account.clone(), cause, at);
        let body = serde_json::to_string(&hint).unwrap();
        let message = Message { group: account.to_string(), deduplication, body, delay: Duration::ZERO };
        self.inbox.send(&[message]).await.unwrap();
    }

    // Time.

    /// Nothing happens for a while.
    pub(super) async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
        self.check().await;
    }

    /// Until all is quiet: no event, no message, nothing under way.
    pub(super) async fn settle(&self) {
        assert!(self.settle_for(Duration::from_hours(2)).await, "it did not become quiet in two hours");
    }

    /// The service goes on for this long at most; tells whether all is quiet before.
    pub(super) async fn settle_for(&self, duration: Duration) -> bool {
        let end = self.clock.now() + duration;
        let mut before = None;
        loop {
            self.deliver_events().await;
            self.drain_inbox().await;
            self.run_engine().await;
            self.poll_requests().await;
            let waiting = self.inbox.depth().waiting + self.wake.depth().waiting + self.polls.depth().waiting;
            let undelivered = !self.undelivered.lock().unwrap().is_empty();
            let again = undelivered.then(|| self.clock.now() + SignedDuration::from_mins(1));
            let due = self.world().next_due();
            let later = [
                self.inbox.next_visible_at(),
                self.wake.next_visible_at(),
                self.polls.next_visible_at(),
                due,
                again,
            ];
            let next = later.into_iter().flatten().min();
            // What waits behind another of its group, which somebody has in hand, can't be received yet.
            let stuck = before.replace((self.clock.now(), waiting)) == Some((self.clock.now(), waiting));
            match next {
                _ if self.clock.now() >= end => return false,
                _ if waiting > 0 && !stuck => {}
                None => return true,
                Some(at) => {
                    let wait = Duration::try_from(at.min(end).duration_since(self.clock.now()));
                    // A moment later, so that what is due then is over.
                    self.pass(wait.unwrap_or_default() + Duration::from_millis(1)).await;
                }
            }
        }
    }

    /// A sweep, and all that follows from it.
    pub(super) async fn sweep_and_settle(&self) {
        self.sweep().await.unwrap();
        self.settle().await;
    }

    // What there is.

    /// The word for a row's state; `none` if there is no row.
    pub(super) async fn state(&self, key: &AssignmentKey) -> &'static str {
        self.ledger.row(key).await.unwrap().map_or("none", |row| row.state.label())
    }

    pub(super) fn account(&self, name: &str) -> AccountId {
        self.world().account_named(name).unwrap()
    }

    /// The key of a group's assignment, by names.
    pub(super) fn key(&self, account: &str, set: &str, group: &str) -> AssignmentKey {
        let world = self.world();
        AssignmentKey {
            account: world.account_named(account).unwrap(),
            permission_set: world.permission_set_named(set).unwrap(),
            principal: Principal::Group(world.group_named(group).unwrap()),
        }
    }

    /// Whether an assignment exists in truth.
    pub(super) fn exists(&self, key: &AssignmentKey) -> bool {
        self.world().assignments().contains_key(key)
    }

    /// All assignments that there are, as `account set group`.
    pub(super) fn assignments(&self) -> Vec<String> {
        let world = self.world();
        let mut all: Vec<String> = world.assignments().keys().map(|key| readable(&world, key)).collect();
        all.sort();
        all
    }
}
