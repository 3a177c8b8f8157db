//! After a deployment: whether what the settings name is there, and whether an event gets through to the ledger.

use shared::{
    aws::{CallerIdentity, Connection},
    domain::Route,
    engine::Rulebook,
    ports::{Ledger, PortError},
    settings::{Settings, SettingsError},
};

use super::{
    self_test::{End, Waiting},
    table, trusted_tags,
};
use crate::{
    Failure, Machine,
    args::{AfterArgs, ConnectionArgs, LedgerAt},
    desk,
    doctor::{Findings, Surroundings, records, told, way_out},
    ledger,
    report::{SelfTestTold, Verdict},
    screen::{count, line},
};

const PASTE: &str = "paste the stack's output `ToolSettings` into this shell, or name the stack by --stack";

/// What is deployed, as far as it can be reached.
pub(super) struct Deployed<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) settings: &'a Settings,
    pub(super) arguments: &'a AfterArgs,
    pub(super) connection: &'a ConnectionArgs,
    pub(super) machine: &'a Machine,
}

impl Deployed<'_> {
    fn way(&self) -> &Connection {
        &self.around.way
    }

    /// Looks at everything, and tells of the self-tests that were sent.
    pub(super) async fn look(&self, findings: &mut Findings) -> Vec<SelfTestTold> {
        let at = match &self.arguments.ledger {
            Some(at) => at.clone(),
            None => match self.settings.ledger_table() {
                Ok(table) => LedgerAt::Table(table),
                Err(error) => {
                    findings.bad("ledger", line(&error.to_string()), PASTE);
                    return Vec::new();
                }
            },
        };
        let is_deployed = matches!(at, LedgerAt::Table(_));
        let ledger = self.ledger(&at, findings).await;
        if let LedgerAt::Table(name) = &at {
            table::after(self.way(), name, findings).await;
        }
        if is_deployed {
            self.queues(findings).await;
            self.outcome_bus(findings).await;
        }
        let Some(ledger) = ledger else {
            findings.untried("self-test", "it ends in the ledger, which can't be read");
            return Vec::new();
        };
        self.self_tests(ledger.as_ref(), is_deployed, findings).await
    }

    /// The ledger, if it can be read, and the rules in it.
    async fn ledger(&self, at: &LedgerAt, findings: &mut Findings) -> Option<std::sync::Arc<dyn Ledger>> {
        let shown = line(&at.to_string());
        let opened = match at {
            LedgerAt::Table(table) => Ok(std::sync::Arc::new(self.way().ledger(table)) as _),
            LedgerAt::File(_) => ledger::to_use(at, self.connection, self.machine).await,
        };
        let read = async {
            let ledger: std::sync::Arc<dyn Ledger> = opened?;
            let in_force = ledger.rules_in_force().await?;
            Ok::<_, Failure>((ledger, in_force))
        };
        let (ledger, in_force) = match read.await {
            Ok(read) => read,
            Err(failure) => {
                let told = (format!("{shown}: {}", told(&failure)), records::ledger_way_out(at));
                findings.failed("ledger", Verdict::Bad, &failure, told);
                return None;
            }
        };
        findings.good("ledger", format!("{shown} can be read"));
        records::owner(ledger.as_ref(), self.around.instance.as_ref(), findings).await;
        if in_force.is_none() {
            let way_out =
                "`usher rules publish`, or upload some: until then nothing is granted and nothing revoked";
            findings.add("rules", Verdict::Note, "none are in force yet", Some(way_out.to_owned()));
            return Some(ledger);
        }
        let store = match at {
            LedgerAt::File(_) => {
                desk::store(at, self.connection, self.machine).await.map_err(|failure| told(&failure))
            }
            LedgerAt::Table(_) => match self.settings.rules() {
                Ok(rules) => Ok(std::sync::Arc::new(self.way().rules(&rules.bucket, &rules.prefix)) as _),
                Err(error) => Err(line(&error.to_string())),
            },
        };
        match store {
            Ok(store) => {
                let rulebook = Rulebook::of_store(store);
                if let Some(rules) = records::in_force(&rulebook, ledger.as_ref(), findings).await {
                    trusted_tags::look(self.way(), &rules, findings).await;
                }
            }
            Err(why) => findings.bad("rules", why, PASTE),
        }
        Some(ledger)
    }

    /// The queues between the functions.
    async fn queues(&self, findings: &mut Findings) {
        let what = "queues";
        let of = |url: Result<String, SettingsError>| url.map(Some);
        let urls = [
            ("inbox", of(self.settings.inbox_queue_url())),
            ("dead inbox", self.settings.dead_inbox_queue_url()),
            ("wake", of(self.settings.wake_queue_url())),
            ("polls", of(self.settings.poll_queue_url())),
            ("parked", of(self.settings.parked_queue_url())),
        ];
        let (mut there, mut aside) = (Vec::new(), 0);
        for (name, url) in urls {
            let url = match url {
                Ok(Some(url)) => url,
                Ok(None) => continue,
                Err(error) => {
                    findings.bad(what, format!("{name}: {}", line(&error.to_string())), PASTE);
                    continue;
                }
            };
            match self.way().queue_depth(&url).await {
                Ok(depth) => {
                    there.push(format!("{name} ({depth})"));
                    aside += if matches!(name, "dead inbox" | "parked") { depth } else { 0 };
                }
                Err(error) => findings.bad(
                    what,
                    format!("{name}: {}", line(&error.to_string())),
                    "is the stack whole (`aws cloudformation detect-stack-drift`), and may you `sqs:GetQueueAttributes` there?",
                ),
            }
        }
        if !there.is_empty() {
            findings.good(what, format!("there, with so many messages: {}", there.join(", ")));
        }
        if aside > 0 {
            let found = format!("{} put aside", count(aside, "message is", "messages are"));
            findings.warning("dead letters", found, "`usher dead-letters list`; docs/runbook.md#parked");
        }
    }

    async fn outcome_bus(&self, findings: &mut Findings) {
        let what = "outcome bus";
        let bus = match self.settings.outcome_bus() {
            Ok(bus) => bus,
            Err(error) => return findings.bad(what, line(&error.to_string()), PASTE),
        };
        match self.way().has_bus(&bus).await {
            Ok(true) => findings.good(what, format!("{} is there", line(&bus))),
            Ok(false) => findings.bad(
                what,
                format!("there is no bus {}", line(&bus)),
                "`aws cloudformation detect-stack-drift`, and deploy the stack again",
            ),
            Err(error) => {
                findings.warning(what, line(&error.to_string()), way_out(&error, "events:DescribeEventBus"));
            }
        }
    }

    /// First from the default bus of the service's own account, then by the forwarder: what breaks lies in the way that the second has alone.
    async fn self_tests(
        &self,
        ledger: &dyn Ledger,
        is_deployed: bool,
        findings: &mut Findings,
    ) -> Vec<SelfTestTold> {
        let waiting = Waiting { ledger, clock: self.machine.clock.as_ref(), patience: self.arguments.wait };
        let parked = self.parked().await;
        let (direct, end) = waiting.for_one(self.way(), Route::Direct).await;
        let came = direct.came;
        self.tell_direct(&direct, end, parked, findings).await;
        let mut sent = vec![direct];
        let what = "by the forwarder";
        let AfterArgs { forwarder_profile, forwarder_region, .. } = self.arguments;
        if !came {
            findings.untried(what, "it would end as the self-test before has");
        } else if forwarder_profile.is_none() && forwarder_region.is_none() {
            if is_deployed {
                let why = "--forwarder-profile and --forwarder-region say where the forwarder is, and test the way from there";
                findings.untried(what, why);
            }
        } else {
            let there = super::forwarders(self.arguments, self.connection, self.machine).await;
            let caller = there.caller().await.ok();
            let management = self.around.organization.as_ref().map(|facts| &facts.management_account);
            if let Some((caller, management)) = caller.as_ref().zip(management)
                && caller.account != *management
            {
                findings.bad(
                    what,
                    format!(
                        "these are credentials of account {}, and the forwarder is in {management}",
                        caller.account
                    ),
                    "give a profile of the management account by --forwarder-profile",
                );
                return sent;
            }
            let (forwarded, end) = waiting.for_one(&there, Route::Forwarded).await;
            self.tell_forwarded(&there, caller.as_ref(), &forwarded, end, findings).await;
            sent.push(forwarded);
        }
        sent
    }

    /// How many messages are put aside, where that can be told.
    async fn parked(&self) -> Option<usize> {
        let url = self.settings.parked_queue_url().ok()?;
        self.way().queue_depth(&url).await.ok()
    }

    async fn tell_direct(
        &self,
        test: &SelfTestTold,
        end: End,
        before: Option<usize>,
        findings: &mut Findings,
    ) {
        let what = "self-test";
        let place = place(self.way(), self.around.caller.as_ref());
        match end {
            End::Came => {
                findings.good(what, format!("from the default bus of {place} to the ledger and back"));
            }
            End::NotSent(error) => {
                let told = (not_sent(&place, &error), way_out(&error, PUT));
                findings.failed(what, Verdict::Bad, &error, told);
            }
            End::Unread(why) => {
                findings.bad(what, unread(test, &why), "the ledger could be read a moment before: try again");
            }
            End::NotCome { another: Some(other) } => findings.bad(what, in_its_place(test, &other), AGAIN),
            End::NotCome { another: None } => {
                let found = format!(
                    "EventBridge has taken {} on the default bus of {place}; no record came within {}",
                    test.id,
                    self.patience()
                );
                let after = self.parked().await;
                let way_out = if before.zip(after).is_some_and(|(before, after)| after > before) {
                    "it was put aside meanwhile: `usher dead-letters list` says by whom and why; docs/runbook.md#parked"
                } else {
                    "the rule of the service's stack that ends in `-self-tests` sends it to on-account-event: is the stack of this version here? Then \
                     that function's errors and log: docs/runbook.md#self-test. What it fails at is put aside after some three minutes"
                };
                findings.bad(what, found, way_out);
            }
        }
    }

    async fn tell_forwarded(
        &self,
        there: &Connection,
        caller: Option<&CallerIdentity>,
        test: &SelfTestTold,
        end: End,
        findings: &mut Findings,
    ) {
        let what = "by the forwarder";
        let place = place(there, caller);
        match end {
            End::Came => findings
                .good(what, format!("from the default bus of {place}, by the forwarder and the service's bus, to the ledger and back")),
            End::NotSent(error) => findings.failed(
                what,
                Verdict::Bad,
                &error,
                (
                    not_sent(&place, &error),
                    format!("{}; --forwarder-profile is a profile of the management account", way_out(&error, PUT)),
                ),
            ),
            End::Unread(why) => findings.bad(what, unread(test, &why), "the ledger could be read a moment before: try again"),
            End::NotCome { another: Some(other) } => findings.bad(what, in_its_place(test, &other), AGAIN),
            End::NotCome { another: None } => {
                let queue = format!("{}-undelivered", self.arguments.forwarder_name);
                let lying = match there.queue_depth_of(&queue).await {
                    Ok(0) => format!("nothing lies in {queue}"),
                    Ok(depth) => format!("{} in {queue}", count(depth, "event lies", "events lie")),
                    Err(PortError::NotFound(_)) => format!("there is no queue {queue} there"),
                    Err(error) => format!("{queue} can't be looked at: {}", line(&error.to_string())),
                };
                findings.bad(
                    what,
                    format!(
                        "EventBridge has taken {} on the default bus of {place}; no record came within {}, and {lying}. From the service's own default \
                         bus one came, so it was lost between the two",
                        test.id,
                        self.patience()
                    ),
                    "is the forwarder of this version in that account and Region, and does its BusArn name this service's bus? What could not be \
                     delivered says why: docs/forwarder.md#undelivered. Else the bus does not admit it: OrganizationId, ManagementAccountId, ForwarderName",
                );
            }
        }
    }

    fn patience(&self) -> String {
        let patience = self.arguments.wait;
        if patience.as_secs() == 0 {
            return format!("{} ms", patience.as_millis());
        }
        crate::screen::span(jiff::SignedDuration::try_from(patience).unwrap_or(jiff::SignedDuration::MAX))
    }
}

/// What lets somebody put events on a bus.
const PUT: &str = "events:PutEvents";

const AGAIN: &str = "try again when nobody else does; whoever may put events on the bus can send such events (docs/threat-model.md)";

fn place(way: &Connection, caller: Option<&CallerIdentity>) -> String {
    let region = line(way.region().unwrap_or_default());
    match caller {
        Some(caller) => format!("account {} in {region}", caller.account),
        None => format!("the account in {region}"),
    }
}

fn not_sent(place: &str, error: &PortError) -> String {
    format!("it could not be put on the default bus of {place}: {}", line(&error.to_string()))
}

fn unread(test: &SelfTestTold, why: &str) -> String {
    format!("whether {} came can't be told: {why}", test.id)
}

fn in_its_place(test: &SelfTestTold, other: &shared::domain::SelfTestId) -> String {
    format!("another one came meanwhile, {other}: of {} nothing can be told", test.id)
}
