//! The whole service on one machine: the built functions, the simulator on the wire, and moto's queues, table and bucket.
//!
//! Tests play what AWS does between them: EventBridge's deliveries, and SQS's event source mappings.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_sdk_organizations::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Map, Value};
use shared::{
    aws::{DynamoDbLedger, S3Rules, create_table},
    clock::SystemClock,
    domain::{AccountId, RulesVersion},
    engine::{AccountHint, publish},
    ledger::{Cause, Row},
    ports::{Clock as _, LedgerReader as _},
    rules::Bundle,
};
use simulator::{EXAMPLE, Latency, Settings, World, http::Callers};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    function::Function,
    log::Log,
    moto::Moto,
    names::names_of_the_example,
    payloads::{scheduled, sqs_event},
    recorder::{Recorder, Upstream},
    runtime_api::{FunctionError, RuntimeApi},
};

/// Rules for the simulator's example organization. They name a group that has made assignments by hand, and a person.
pub(crate) const RULES: &str = "
version: 1
settings: { mode: sync, trusted_account_tags: [Team] }
rules:
  - id: developers-in-sandboxes
    principals: [{ group: Developers }, { user_name: alba.abelson@example.com }]
    permission_sets: [EC2-S3-FullAccess]
    accounts: { in_ou: Sandbox }
  - id: support-of-storefront
    principals: [{ group: Support }]
    permission_sets: [ReadOnlyAccess]
    accounts: { tagged: { Team: storefront } }
  - id: auditors
    principals: [{ group: SecurityAuditors }]
    permission_sets: [SecurityAudit]
    accounts: { in_ou: Security }
";

/// How long a condition is waited for before the test fails. Generous: it only ends a test that would fail anyway.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a message is hidden while a function has it: longer than any test.
const HIDDEN: i32 = 600;

const TABLE: &str = "usher-ledger";
const BUS: &str = "usher-outcomes";

/// An assignment by names: account, permission set, principal.
pub(crate) type Named = (String, String, String);

/// Everything around the functions.
pub(crate) struct Service {
    pub(crate) moto: Moto,
    world: Arc<Mutex<World>>,
    pub(crate) ledger: DynamoDbLedger,
    pub(crate) inbox: String,
    pub(crate) wake: String,
    pub(crate) polls: String,
    pub(crate) parked: String,
    /// What is told on the bus.
    heard: String,
    simulator: String,
    server: JoinHandle<()>,
    logs: Mutex<Vec<(String, Log)>>,
    recorder: Recorder,
    /// The account that the functions run in.
    pub(crate) account: String,
}

/// A function in its execution environment.
pub(crate) struct Lambda {
    pub(crate) api: RuntimeApi,
    pub(crate) function: Function,
}

/// The functions of the way that an event travels.
pub(crate) struct Functions {
    pub(crate) on_account_event: Lambda,
    pub(crate) reconcile: Lambda,
    pub(crate) provision: Lambda,
    pub(crate) sweep: Lambda,
}

/// What came of one batch of a queue.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The bodies of the records, in their order.
    pub(crate) bodies: Vec<String>,
    /// The bodies of those that are to be delivered again.
    pub(crate) failed: Vec<String>,
    pub(crate) answer: Result<Value, FunctionError>,
}

impl Service {
    pub(super) const BUCKET: &str = "example-usher-rules";
    pub(super) const REPORTS: &str = "example-usher-reports";

    /// The example organization, with these settings, and nothing of Usher's in it: no rules are in force.
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::start_in(EXAMPLE, settings).await
    }

    /// The same in the organization that a file describes.
    pub(crate) async fn start_in(organization: &str, settings: Settings) -> Self {
        let mut world = World::from_yaml(organization, settings).unwrap();
        world.advance(SystemClock.now());
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = format!("http://{}", listener.local_addr().unwrap());
        let its_world = Arc::clone(&world);
        let server = tokio::spawn(async move {
            let never = std::future::pending();
            simulator::http::serve(listener, its_world, Arc::new(SystemClock), Callers::default(), never)
                .await
                .unwrap();
        });

        let moto = Moto::start().await;
        create_table(&moto.dynamodb(), TABLE).await.unwrap();
        moto.bucket(Self::BUCKET).await;
        moto.bucket(Self::REPORTS).await;
        // All are called as in the template.
        let (inbox, wake) = (moto.fifo_queue("usher-inbox").await, moto.standard_queue("usher-wake").await);
        let polls = moto.standard_queue("usher-polls").await;
        let parked = moto.standard_queue("usher-parked").await;
        let ledger = DynamoDbLedger::new(moto.dynamodb(), TABLE);
        let heard = moto.bus(BUS).await;
        let account = world.lock().unwrap().management_account().to_string();
        Self {
            moto,
            world,
            ledger,
            inbox,
            wake,
            polls,
            parked,
            heard,
            simulator,
            server,
            logs: Mutex::default(),
            recorder: Recorder::default(),
            account,
        }
    }

    /// Settings with times that tests can wait for.
    pub(crate) fn quick() -> Settings {
        let quick = Latency::Constant(Duration::from_millis(200));
        let mut settings =
            Settings { assignment_latency: quick, create_account_latency: quick, ..Settings::default() };
        // Real time passes here, and the SDK would wait for the slow ones of Organizations' rates.
        settings.quotas.organizations = None;
        settings
    }

    /// The world as it is now.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        world.advance(SystemClock.now());
        world
    }

    /// Brings rules into force, and tells their version.
    pub(crate) async fn publish(&self, rules: &str) -> RulesVersion {
        let bundle = Bundle { files: [("usher.yaml".to_owned(), rules.to_owned())].into() };
        let store = S3Rules::new(self.moto.s3(), Self::BUCKET, "");
        publish(&bundle, &store, &self.ledger, &SystemClock).await.unwrap().version
    }

    /// Where the bundle of a version is kept: the bucket and the key.
    pub(crate) fn bundle(version: &RulesVersion) -> (&'static str, String) {
        (Self::BUCKET, format!("rules/{version}.json"))
    }

    /// What a function's environment says: the same for all.
    pub(crate) fn envs(&self) -> BTreeMap<&'static str, String> {
        let simulator = [
            "AWS_ENDPOINT_URL_ORGANIZATIONS",
            "AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API",
            "AWS_ENDPOINT_URL_IDENTITYSTORE",
            "AWS_ENDPOINT_URL_SSO_ADMIN",
            "AWS_ENDPOINT_URL_STS",
        ]
        .map(|variable| (variable, self.simulator.clone()));
        let instance = self.world().instances_mut().first().map(|instance| instance.arn.to_string());
        let ours = [
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEUSHER"),
            ("USHER_INSTANCE_ARN", instance.as_deref().unwrap_or_default()),
            ("USHER_LEDGER_TABLE", TABLE),
            ("USHER_RULES_BUCKET", Self::BUCKET),
            ("USHER_REPORTS_BUCKET", Self::REPORTS),
            ("USHER_INBOX_QUEUE_URL", &self.inbox),
            ("USHER_WAKE_QUEUE_URL", &self.wake),
            ("USHER_POLL_QUEUE_URL", &self.polls),
            ("USHER_PARKED_QUEUE_URL", &self.parked),
            ("USHER_OUTCOME_BUS", BUS),
            // Nobody else is there to leave something to, but where a test says so.
            ("USHER_RECONCILE_RATE", "20"),
            ("USHER_RECONCILE_CONCURRENCY", "1"),
            ("USHER_SWEEP_RATE", "20"),
            ("USHER_REST_RATE", "20"),
            ("USHER_REST_CONCURRENCY", "1"),
        ]
        .map(|(variable, value)| (variable, value.to_owned()));
        simulator.into_iter().chain(self.moto.envs()).chain(ours).collect()
    }

    /// Starts a function in an execution environment of its own.
    pub(crate) async fn function(&self, name: &str) -> Lambda {
        self.function_with(name, self.envs()).await
    }

    /// Starts a function with these variables.
    pub(crate) async fn function_with(&self, name: &str, envs: BTreeMap<&'static str, String>) -> Lambda {
        let api = RuntimeApi::start().await;
        let upstream = Upstream {
            world: Arc::clone(&self.world),
            simulator: self.simulator.clone(),
            moto: self.moto.endpoint().to_owned(),
        };
        let envs = self.recorder.listen(name, &self.account, upstream, envs).await;
        let function = Function::spawn(name, envs, &api);
        self.logs.lock().unwrap().push((name.to_owned(), function.log().clone()));
        Lambda { api, function }
    }

    /// Starts all functions.
    pub(crate) async fn functions(&self) -> Functions {
        Functions {
            on_account_event: self.function("on-account-event").await,
            reconcile: self.function("reconcile").await,
            provision: self.function("provision").await,
            sweep: self.function("sweep").await,
        }
    }

    /// Organizations as a person's tools reach it.
    pub(crate) fn organizations(&self) -> aws_sdk_organizations::Client {
        let config = aws_sdk_organizations::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("AKIAEXAMPLEPERSON", "secret", None, None, "tests"))
            .endpoint_url(&self.simulator)
            .http_client(self.moto.http())
            .build();
        aws_sdk_organizations::Client::from_conf(config)
    }

    /// The events since the last time this was asked, as EventBridge delivers them.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.world().take_events(SystemClock.now())
    }

    /// Sends a hint for an account, as the inbox's writers do.
    pub(crate) async fn hint(&self, account: &AccountId, cause: &str) {
        let hint = AccountHint::new(account.clone(), Cause::new("event", cause), SystemClock.now());
        self.send(account.as_str(), &format!("{cause}-{account}"), &serde_json::to_string(&hint).unwrap())
            .await;
    }

    /// Sends a message of this group to the inbox.
    pub(crate) async fn send(&self, group: &str, id: &str, body: &str) {
        let message = self.moto.sqs().send_message().queue_url(&self.inbox).message_body(body);
        message.message_group_id(group).message_deduplication_id(id).send().await.unwrap();
    }

    /// Wakes the engine, as the tick of every minute does.
    pub(crate) async fn tick(&self) {
        self.moto.sqs().send_message().queue_url(&self.wake).message_body("{}").send().await.unwrap();
    }

    /// Sends a message to a standard queue, without a delay.
    pub(crate) async fn send_to(&self, queue: &str, body: &str) {
        self.moto.sqs().send_message().queue_url(queue).message_body(body).send().await.unwrap();
    }

    /// Loses every message of a queue that could be received now.
    pub(crate) async fn forget(&self, queue: &str) {
        self.moto.sqs().purge_queue().queue_url(queue).send().await.unwrap();
    }

    /// How many messages of a queue are held back for a while.
    pub(crate) async fn delayed(&self, queue: &str) -> usize {
        self.count(queue, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await
    }

    /// How many messages of a queue somebody has received and not yet settled.
    pub(crate) async fn hidden(&self, queue: &str) -> usize {
        self.count(queue, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await
    }

    async fn count(&self, queue: &str, name: QueueAttributeName) -> usize {
        let sqs = self.moto.sqs();
        let request = sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone());
        let attributes = request.send().await.unwrap().attributes.unwrap_or_default();
        attributes.get(&name).map_or(0, |count| count.parse().unwrap())
    }

    /// Plays an event source mapping that reports failures of single records: receives up to ten messages, invokes the function,
    /// and deletes the messages that did not fail. Those that failed can be received again at once, as if their time had passed.
    /// `None` when there is nothing to receive.
    pub(crate) async fn deliver(&self, queue: &str, lambda: &Lambda) -> Option<Delivery> {
        self.deliver_by(queue, async |event| lambda.api.invoke(event).await).await
    }

    /// The same with this way to invoke the function.
    pub(crate) async fn deliver_by(
        &self,
        queue: &str,
        invoke: impl AsyncFnOnce(String) -> Result<Value, FunctionError>,
    ) -> Option<Delivery> {
        let sqs = self.moto.sqs();
        let request = sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        let request = request
            .visibility_timeout(HIDDEN)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return None;
        }
        let answer = invoke(sqs_event(queue, &messages).to_string()).await;
        let again: BTreeSet<&str> = match &answer {
            Err(_) => messages.iter().filter_map(SqsMessage::message_id).collect(),
            Ok(answer) => answer
                .pointer("/batchItemFailures")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|failure| failure["itemIdentifier"].as_str().unwrap())
                .collect(),
        };
        let mut failed = Vec::new();
        for message in &messages {
            let receipt = message.receipt_handle().unwrap();
            if again.contains(message.message_id().unwrap()) {
                failed.push(message.body().unwrap().to_owned());
                let release = sqs.change_message_visibility().queue_url(queue).receipt_handle(receipt);
                release.visibility_timeout(0).send().await.unwrap();
            } else {
                sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            }
        }
        let bodies = messages.iter().map(|message| message.body().unwrap().to_owned()).collect();
        Some(Delivery { bodies, failed, answer })
    }

    /// Delivers everything until nothing is left: events, hints and wakes.
    pub(crate) async fn settle(&self, functions: &Functions) {
        let Functions { on_account_event, reconcile, provision, sweep: _ } = functions;
        loop {
            let mut quiet = true;
            for event in self.events() {
                quiet = false;
                on_account_event.api.invoke(event.to_string()).await.unwrap();
            }
            while let Some(delivery) = self.deliver(&self.inbox, reconcile).await {
                quiet = false;
                assert_eq!(delivery.failed, [""; 0], "{}", reconcile.function.log().tail());
            }
            while let Some(delivery) = self.deliver(&self.wake, provision).await {
                quiet = false;
                delivery.answer.unwrap();
            }
            if quiet {
                return;
            }
        }
    }

    /// Sweeps, and tells what was found.
    pub(crate) async fn sweep(&self, functions: &Functions) -> Value {
        functions.sweep.api.invoke(scheduled().to_string()).await.unwrap()
    }

    /// The bodies of all messages in the parked queue.
    pub(crate) async fn parked(&self) -> Vec<Value> {
        let request = self.moto.sqs().receive_message().queue_url(&self.parked).max_number_of_messages(10);
        let messages = request.visibility_timeout(0).send().await.unwrap().messages.unwrap_or_default();
        messages.iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap()).collect()
    }

    /// The outcomes on the bus that were not taken from it before.
    pub(crate) async fn outcomes(&self) -> Vec<Value> {
        let mut outcomes = Vec::new();
        loop {
            let request = self.moto.sqs().receive_message().queue_url(&self.heard).max_number_of_messages(10);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return outcomes;
            }
            let event = |message: &aws_sdk_sqs::types::Message| -> Value {
                serde_json::from_str(message.body().unwrap()).unwrap()
            };
            outcomes.extend(messages.iter().map(|message| event(message)["detail"].take()));
        }
    }

    /// The ledger's rows, by key.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        let (mut rows, mut after): (Vec<Row>, Option<String>) = (Vec::new(), None);
        loop {
            let page = self.ledger.rows(after.as_deref()).await.unwrap();
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                rows.sort_by(|a, b| a.key.cmp(&b.key));
                return rows;
            }
        }
    }

    /// The assignments there are, by names: those that Usher made, and those that others made.
    pub(crate) fn truth(&self) -> (BTreeSet<Named>, BTreeSet<Named>) {
        let world = self.world();
        let (ours, others): (Vec<_>, Vec<_>) =
            world.assignments().into_iter().partition(|(_, made)| &*made.by.name == "usher");
        let named = |(key, _)| named(&world, &key);
        (ours.into_iter().map(named).collect(), others.into_iter().map(named).collect())
    }

    /// How many assignment requests there have been so far.
    pub(crate) fn requests(&self) -> usize {
        self.world().request_log().count()
    }

    /// All lines that the functions printed so far, with the function's name.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let logs = self.logs.lock().unwrap();
        logs.iter().flat_map(|(name, log)| log.lines().into_iter().map(|line| (name.clone(), line))).collect()
    }

    /// INVARIANT: no names of groups or people, and no addresses, are in any log; and every line is a JSON object that tells its
    /// time, level and message.
    pub(crate) fn assert_the_logs_are_discreet_json(&self) {
        let names = names_of_the_example();
        for (function, line) in self.lines() {
            assert!(!line.contains("@example.com"), "an address in a line of {function}: {line}");
            for name in &names {
                assert!(!line.contains(name), "`{name}` in a line of {function}: {line}");
            }
            let read: Map<String, Value> = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{error} in a line of {function}: {line}"));
            for member in ["timestamp", "level", "message"] {
                assert!(read.get(member).is_some_and(Value::is_string), "no {member} in {line}");
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Waits until something is so. The processes are real, so this is real time.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn named(world: &World, key: &shared::domain::AssignmentKey) -> Named {
    use shared::domain::Principal;
    let principal = match &key.principal {
        Principal::Group(id) => world.group_name(id).unwrap_or("?").to_owned(),
        Principal::User(_) => "a user".to_owned(),
    };
    let account = world.account_name(&key.account).unwrap_or("?");
    let set = world.permission_set_name(&key.permission_set).unwrap_or("?");
    (account.to_owned(), set.to_owned(), principal)
}
