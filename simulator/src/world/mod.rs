//! The state machine: an organization, its identity store and its Identity Center instance, at a time that is passed in.
//!
//! Nothing happens between calls. Each call first settles what has come due since the last one, in order of its time; so the same
//! calls at the same times give the same bytes, however long the real time between them was.

mod access_control_attributes;
mod account_management;
mod accounts;
mod assignments;
mod authorization;
mod closures;
mod creations;
mod delegation;
mod delivery;
mod departures;
mod described;
mod directory;
mod directory_events;
pub(crate) mod event_bus;
mod events;
mod faults;
mod groups;
mod hands;
mod handshakes;
mod identity_stores;
pub(crate) mod ids;
mod instances;
mod log;
mod memberships;
mod networks;
mod observe;
mod operation;
mod organization;
mod paging;
mod permission_sets;
mod policies;
mod provisionings;
mod quotas;
mod rates;
mod reach;
mod regions;
mod requests;
mod required;
pub(crate) mod sessions;
mod settings;
mod snapshot;
mod statuses;
pub(crate) mod table;
mod tagging;
mod tags;
mod timeline;
mod turns;
mod units;
mod user_attributes;
mod users;
mod validate;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use shared::domain::{AccountId, AssignmentKey, GroupId, PermissionSetArn, RequestId, UserId};
use uuid::Uuid;

use crate::{Caller, Role, RoleTaken, caller::Roles};

pub use assignments::Made;
pub use authorization::Question;
pub use delivery::Delivery;
pub(crate) use described::{Details, Stated};
pub use faults::{Fault, FaultRule, Faults, PlannedFault};
pub(crate) use hands::{NewAccount, NewPermissionSet};
pub use instances::Instance;
pub use log::{Counters, LogEntry, Throttle};
pub(crate) use operation::Facts;
pub use operation::{Allowed, Call, Operation, Service};
pub(crate) use permission_sets::arn as permission_set_arn;
pub(crate) use policies::is_managed_policy;
pub use provisionings::ProvisioningRecord;
pub use rates::{Limit, OperationLimits, OrganizationsLimits};
pub use requests::RequestRecord;
pub use settings::{
    Assumptions, Latency, MembershipEvents, Quotas, Rate, SecondRoleUpdate, Settings, StatusOrder,
};
pub(crate) use snapshot::{MOST_COUNTED, Mistake, Snapshot};
pub(crate) use validate::{tag_mistake, word as is_word};

/// AWS for one machine.
#[derive(Debug)]
pub struct World {
    /// What can be set; it may be changed at any time and holds from then on.
    pub settings: Settings,
    /// The faults asked for.
    pub faults: Faults,
    pub(crate) organization: organization::Organization,
    pub(crate) instances: Vec<Instance>,
    pub(crate) directory: directory::Directory,
    permission_sets: BTreeMap<PermissionSetArn, permission_sets::State>,
    assignments: assignments::Assignments,
    requests: requests::Requests,
    provisionings: provisionings::Provisionings,
    turns: turns::Turns,
    pub(crate) ids: ids::Ids,
    /// The ids of answers that belong to no call: looking at a world leaves all others as they are.
    answer_ids: ids::Ids,
    rates: rates::Rates,
    log: log::Log,
    outbox: delivery::Outbox,
    /// By which way the identity store is changed just now, if not by its API, and whose membership of which group just ends.
    way: Option<directory_events::Way>,
    leaving: Option<(GroupId, UserId)>,
    /// Events that follow that of the call which is being made.
    afterwards: Vec<Value>,
    /// What will happen by itself: by its time, and then in the order in which it was begun.
    due: BTreeMap<(Timestamp, u64), Due>,
    begun: u64,
    pub(crate) now: Timestamp,
    /// The Region that calls are sent to just now, where it is known.
    region: Option<String>,
    /// Who callers are, and what their policies allow.
    pub(crate) roles: Roles,
    /// The sessions of roles that were assumed.
    sessions: sessions::Sessions,
    /// How much later the answer of the latest call comes.
    answer_delay: Duration,
    /// Since when a world that was written down has been waiting to be taken up.
    stood_still_since: Option<Timestamp>,
    /// How far its time is ahead of that of its callers, since it was taken up from a state of a later time.
    ahead: Duration,
}

/// Something that happens by itself.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
enum Due {
    /// An assignment request ends.
    Request(RequestId),
    /// An account is brought to this version of a permission set.
    Provisioned { request: RequestId, account: AccountId, version: u64 },
    /// A provisioning that no account is left for ends.
    ProvisioningEnded(RequestId),
    /// The making of an account ends.
    AccountMade(String),
    /// An account that was being closed is closed.
    AccountClosed { account: AccountId, since: Timestamp },
    /// An account that is closed since then vanishes.
    AccountCleaned { account: AccountId, since: Timestamp },
}

impl World {
    /// A world with an organization that has nothing in it but its root and its management account.
    pub(crate) fn new(
        settings: Settings,
        mut organization: organization::Organization,
        instances: Vec<Instance>,
    ) -> Self {
        if let Some(instance) = instances.first() {
            // An instance of an organization comes with its service's trusted access; accounts are mostly managed with that of Account Management.
            for service in [delegation::IDENTITY_CENTER, "account.amazonaws.com"] {
                organization.services.insert(service.to_owned(), instance.created_at);
            }
        }
        let ids = ids::Ids::new(settings.seed);
        let outbox = delivery::Outbox::new(settings.seed);
        Self {
            settings,
            faults: Faults::default(),
            organization,
            instances,
            directory: directory::Directory::default(),
            permission_sets: BTreeMap::new(),
            assignments: assignments::Assignments::default(),
            requests: requests::Requests::default(),
            provisionings: provisionings::Provisionings::default(),
            turns: turns::Turns::default(),
            answer_ids: ids.apart("answers"),
            ids,
            rates: rates::Rates::default(),
            log: log::Log::default(),
            outbox,
            way: None,
            leaving: None,
            afterwards: Vec::new(),
            due: BTreeMap::new(),
            begun: 0,
            now: Timestamp::MIN,
            region: None,
            roles: Roles::default(),
            sessions: sessions::Sessions::default(),
            answer_delay: Duration::ZERO,
            stood_still_since: None,
            ahead: Duration::ZERO,
        }
    }

    /// Makes calls as if they were sent to this Region. Calls that say nothing about it go where the service is at home.
    pub fn from_region<R>(&mut self, region: Option<&str>, calls: impl FnOnce(&mut Self) -> R) -> R {
        self.region = region.map(str::to_owned);
        let answer = calls(self);
        self.region = None;
        answer
    }

    /// Settles all that is due by `now`. A time before the latest one seen changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        self.take_up(now);
        let now = later(now, self.ahead).max(self.now);
        while let Some(first) = self.due.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ((at, _), due) = first.remove_entry();
            self.now = at.max(self.now);
            match due {
                Due::Request(id) => requests::settle(self, &id),
                Due::Provisioned { request, account, version } => {
                    provisionings::account_done(self, &request, &account, version);
                }
                Due::ProvisioningEnded(id) => provisionings::end(self, &id),
                Due::AccountMade(id) => creations::made(self, &id),
                Due::AccountClosed { account, since } => closures::closed(self, &account, since),
                Due::AccountCleaned { account, since } => closures::cleaned(self, &account, since),
            }
        }
        self.now = now;
    }

    /// When something will next happen by itself, or an event that is on its way arrive: where virtual time may jump to.
    /// The vanishing of closed accounts, months later, doesn't count.
    pub fn next_due(&self) -> Option<Timestamp> {
        let soon = |due: &Due| !matches!(due, Due::AccountCleaned { .. });
        let due = self.due.iter().find(|(_, due)| soon(due)).map(|((at, _), _)| *at);
        let next = due.into_iter().chain(self.outbox.next_after(self.now)).min();
        next.map(|next| earlier(next, self.ahead))
    }

    /// The time of the latest call, as the world has it: a world taken up from a state of a later time stays ahead of its callers, and
    /// so do the times in its answers and events.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The id of the latest call.
    pub(crate) fn latest_call(&self) -> Option<Uuid> {
        self.log.latest
    }

    /// The id of an answer that belongs to no call.
    pub(crate) fn answer_id(&mut self) -> Uuid {
        self.answer_ids.next()
    }

    /// Keeps this many of the latest calls at least, and twice as many at most: who serves a world for long need not keep all.
    pub(crate) fn keep_calls(&mut self, most: usize) {
        self.log.most = Some(most);
    }

    /// Keeps this many events at most that nobody has taken: beyond them the oldest go.
    pub(crate) fn keep_events(&mut self, most: usize) {
        self.outbox.keep(most);
    }

    /// Takes over from a world that it replaces what is of the one who serves it.
    pub(crate) fn goes_on_from(&mut self, old: &Self) {
        self.log.most = old.log.most;
        if let Some(most) = old.outbox.most() {
            self.keep_events(most);
        }
        self.answer_ids = old.answer_ids.clone();
    }

    fn schedule(&mut self, at: Timestamp, due: Due) {
        self.begun += 1;
        self.due.insert((at, self.begun), due);
    }

    /// The next calls of an operation meet a fault.
    pub fn fail_next(&mut self, operation: &str, fault: Fault, calls: u32) {
        self.faults.add(FaultRule {
            operation: operation.to_owned(),
            service: None,
            fault,
            calls: Some(calls),
            account: None,
        });
    }

    /// The assignments that exist now, in truth: no lag.
    pub fn assignments(&self) -> BTreeMap<AssignmentKey, Made> {
        self.assignments.all()
    }

    /// Every call since the beginning, or since they were last taken, oldest first; a world that is served keeps the latest ones only.
    pub fn log(&self) -> &[LogEntry] {
        &self.log.entries
    }

    /// The calls since the last time they were taken, oldest first: who looks at them one by one need not keep all. The counters go on.
    pub fn take_log(&mut self) -> Vec<LogEntry> {
        std::mem::take(&mut self.log.entries)
    }

    /// Calls, throttles and errors, counted.
    pub fn counters(&self) -> &Counters {
        &self.log.counters
    }

    /// Counts from zero again; the requests under way stay the largest number so far.
    pub fn reset_counters(&mut self) {
        let most_outstanding = self.outstanding();
        self.log.counters = Counters { most_outstanding, ..Counters::default() };
    }

    /// How much later than its call the answer of the latest call is to come, by a fault.
    pub(crate) fn answer_delay(&self) -> Duration {
        self.answer_delay
    }

    /// Adds a role that calls, and the access key that it signs with.
    pub fn add_role(&mut self, access_key: &str, role: Role) -> Result<(), RoleTaken> {
        self.roles.add(access_key, role)
    }

    /// Access keys that are no role's are refused from now on; until then they are an administrator's.
    pub fn refuse_unknown_keys(&mut self, refused: bool) {
        self.roles.unknown_keys_are_refused = refused;
    }

    /// Whether access keys that are no role's are refused.
    pub fn refuses_unknown_keys(&self) -> bool {
        self.roles.unknown_keys_are_refused
    }

    /// The caller that an access key belongs to, with the standing that its account has now.
    pub fn caller_of(&self, access_key: &str) -> Option<Caller> {
        let role = self.roles.of_key(access_key)?;
        let kind = self.standing(&role.account);
        Some(Caller { name: role.name.clone(), account: role.account.clone(), kind, session: None })
    }

    /// Every assignment request since the beginning, oldest first.
    pub fn request_log(&self) -> impl Iterator<Item = &RequestRecord> {
        self.requests.all()
    }

    /// Every provisioning request since the beginning, oldest first.
    pub fn provisioning_log(&self) -> impl Iterator<Item = &ProvisioningRecord> {
        self.provisionings.all()
    }

    /// How many assignment requests are under way.
    pub fn outstanding(&self) -> usize {
        self.requests.outstanding()
    }

    /// The events that have arrived since the last time this was asked, in the order in which they did; see [`Delivery`]. They are those of
    /// all accounts and Regions: an event bus of AWS gets those of its own `account` and `region` only.
    pub fn take_events(&mut self, now: Timestamp) -> Vec<Value> {
        self.advance(now);
        self.outbox.take(self.now)
    }

    /// Sends an event on its way to whoever takes them.
    fn send(&mut self, event: &Value) {
        self.outbox.send(&self.settings.delivery, self.now, event);
    }
}

/// An organization with nothing in it.
pub(crate) fn organization_of(
    id: String,
    root: shared::domain::RootId,
    management: AccountId,
) -> organization::Organization {
    organization::Organization::new(id, root, management)
}

/// A later time; the end of time if that is beyond it.
fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An earlier time; the beginning of time if that is before it.
fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
