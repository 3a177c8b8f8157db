//! Watches what the product does, by the world's own records and the ledger's rows, and by nothing of the product's own thinking.
//!
//! It is asked after every step of every scenario, and says which promise (`docs/semantics.md`) was broken and by what.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::{
    domain::{AccountId, AssignmentKey, Operation, Principal},
    engine::EngineSettings,
    ledger::{Row, State},
    plan::ManagementWrites,
};
use simulator::{LogEntry, RequestRecord, World};

use super::{
    allowed::{Allowed, Whose},
    model::{Reach, Rules, Truth},
    promises::{Promise, Violation},
};

/// The time between the engine's look at the rules in force and its last call of that round.
const ROUND: SignedDuration = SignedDuration::from_secs(30);

/// What the checker remembers between its looks.
pub(super) struct Checker {
    usher: String,
    settings: EngineSettings,
    truths: Vec<(Timestamp, Truth)>,
    rules: Vec<(Timestamp, Rules)>,
    owned: BTreeMap<String, usize>,
    log_read: usize,
    requests_read: usize,
    /// All requests before this one had ended at the last look.
    requests_ended: usize,
    /// Whether rows are looked at only where the scenario says so, for there are very many of them: see [`Checker::step`].
    pub(super) sparing: bool,
    /// Throttles are part of the scenario.
    pub(super) throttles_expected: bool,
    /// Keys that a person made within the seconds that ADR 0003 names.
    pub(super) taken_over: BTreeSet<AssignmentKey>,
    /// What people have approved, stopped, adopted and disowned.
    pub(super) allowed: Allowed,
    /// Only this account may be written to.
    pub(super) scope: Option<AccountId>,
    /// When the ledger was exchanged, and what it had charged to budgets was lost.
    charges_lost: Option<Timestamp>,
    /// How often each promise was held against what happened.
    pub(super) asked: BTreeMap<Promise, u64>,
}

impl Checker {
    pub(super) fn new(usher: &str, settings: EngineSettings) -> Self {
        Self {
            usher: usher.to_owned(),
            settings,
            truths: Vec::new(),
            rules: Vec::new(),
            owned: BTreeMap::new(),
            log_read: 0,
            requests_read: 0,
            requests_ended: 0,
            sparing: false,
            throttles_expected: false,
            taken_over: BTreeSet::new(),
            allowed: Allowed::default(),
            scope: None,
            charges_lost: None,
            asked: BTreeMap::new(),
        }
    }

    pub(super) fn asked(&mut self, promise: Promise) {
        *self.asked.entry(promise).or_default() += 1;
    }

    /// The rules that are in force now.
    pub(super) fn rules_now(&self) -> Option<&Rules> {
        self.rules.last().map(|(_, rules)| rules)
    }

    /// Another ledger is in the place of the one before. What it has no row for is nobody's, what it calls ours somebody has to vouch for before
    /// anything is taken away, and what was charged to budgets is lost with the other.
    pub(super) fn ledger_exchanged(&mut self, now: Timestamp, world: &World, rows: &[Row]) {
        // An intent that was never sent admits nothing: what is there already is somebody else's to it.
        let admits = |row: &&Row| match &row.state {
            State::Granting(intent) => intent.claim.is_some(),
            State::Ours
            | State::Closing(_)
            | State::Uncertain { .. }
            | State::Blocked { .. }
            | State::Dormant => true,
            State::Closed => false,
        };
        let admitted: BTreeSet<&AssignmentKey> = rows.iter().filter(admits).map(|row| &row.key).collect();
        let assignments = world.assignments();
        let made = assignments.iter().filter(|(_, made)| *made.by.name == *self.usher).map(|(key, _)| key);
        let under_way =
            world.request_log().filter(|r| self.is_ours(r) && r.settled.is_none()).map(|r| &r.key);
        let lost: Vec<AssignmentKey> =
            made.chain(under_way).filter(|key| !admitted.contains(key)).cloned().collect();
        for key in &lost {
            self.allowed.disown(key, now);
        }
        for row in rows.iter().filter(|row| row.is_ours()) {
            self.allowed.adopt(&row.key, now);
        }
        self.charges_lost = Some(now);
    }

    /// These rules are in force from now on.
    pub(super) fn rules_published(&mut self, now: Timestamp, rules: &Rules) {
        self.rules.push((now, rules.clone()));
    }

    /// Everything that has gone wrong since the last look.
    pub(super) fn check(&mut self, now: Timestamp, world: &World, rows: &[Row]) -> Vec<Violation> {
        self.see(now, world);
        let owned = rows.iter().filter(|row| row.is_ours()).count();
        let most = self.owned.entry(day(now)).or_default();
        *most = owned.max(*most);

        let mut found = Vec::new();
        self.check_rows(world, rows, &mut found);
        found.extend(self.step(world));
        for row in rows.iter().filter(|row| row.over_budget.is_some()) {
            self.allowed.held_back(&row.key, now);
        }
        self.check_deletes(world, &mut found);
        found
    }

    /// What has gone wrong with the calls and requests since the last look; [`Checker::check`] asks about all else too.
    pub(super) fn step(&mut self, world: &World) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_log(world, &mut found);
        self.check_requests(world, &mut found);
        found
    }

    /// Takes down the truth, if it is another one than before.
    pub(super) fn see(&mut self, now: Timestamp, world: &World) {
        let last = self.truths.last().map(|(_, last)| last);
        let truth = Truth::of(world).sharing(last);
        if last.is_none_or(|last| *last != truth) {
            self.truths.push((now, truth));
        }
    }

    /// The calls that were looked at are taken out of the world's log, which would get too long.
    pub(super) fn log_taken(&mut self) {
        self.log_read = 0;
    }

    fn is_ours(&self, request: &RequestRecord) -> bool {
        *request.by.name == *self.usher
    }

    /// Intent before action: what is ours, or on its way, has a row; and a row that claims something can prove it.
    fn check_rows(&mut self, world: &World, rows: &[Row], found: &mut Vec<Violation>) {
        let Some((_, truth)) = self.truths.last() else { return };
        let mut asked = 0;
        let admitted: BTreeSet<&AssignmentKey> =
            rows.iter().filter(|row| row.state != State::Closed).map(|row| &row.key).collect();
        let assignments = world.assignments();
        let made = assignments.iter().filter(|(_, made)| *made.by.name == *self.usher).map(|(key, _)| key);
        let under_way =
            world.request_log().filter(|r| self.is_ours(r) && r.settled.is_none()).map(|r| &r.key);
        for key in made.chain(under_way) {
            asked += 1;
            // What has departed from the organization is out of reach.
            if !admitted.contains(key)
                && self.allowed.said_last(key) != Some(Whose::Theirs)
                && truth.account(&key.account).is_some()
            {
                found.push(Violation::NoRow(key.clone()));
            }
        }
        let proved: BTreeSet<&AssignmentKey> = world
            .request_log()
            .filter(|r| {
                self.is_ours(r) && r.operation == Operation::Grant && matches!(r.settled, Some((_, Ok(()))))
            })
            .map(|r| &r.key)
            .collect();
        let unproved = rows.iter().filter(|row| {
            row.is_ours()
                && !proved.contains(&row.key)
                && self.allowed.said_last(&row.key) != Some(Whose::Ours)
        });
        found.extend(unproved.map(|row| Violation::NotProved(row.key.clone())));
        let proofs = rows.iter().filter(|row| row.is_ours()).count();
        for (promise, times) in [(Promise::IntentFirst, asked), (Promise::Proved, proofs as u64)] {
            if times > 0 {
                *self.asked.entry(promise).or_default() += times;
            }
        }
    }

    /// Calls that AWS refused because of us.
    fn check_log(&mut self, world: &World, found: &mut Vec<Violation>) {
        let log = world.log();
        let new = &log[self.log_read..];
        self.log_read = log.len();
        for entry in new.iter().filter(|entry| *entry.caller.name == *self.usher) {
            match entry.error.as_deref() {
                Some("ThrottlingException" | "TooManyRequestsException") if !self.throttles_expected => {
                    found.push(Violation::Throttled(entry.operation.to_owned()));
                }
                Some("ConflictException") => {
                    if let Some(key) = key_of(entry)
                        && world
                            .request_log()
                            .any(|r| self.is_ours(r) && r.key == key && under_way_at(r, entry.at))
                    {
                        found.push(Violation::TwoAtOnce(key));
                    }
                }
                _ => {}
            }
        }
    }

    /// Requests that were accepted since the last look: each was right at its time.
    fn check_requests(&mut self, world: &World, found: &mut Vec<Violation>) {
        let new: Vec<&RequestRecord> = world.request_log().skip(self.requests_read).collect();
        self.requests_read += new.len();
        let ours: Vec<&RequestRecord> = new.into_iter().filter(|request| self.is_ours(request)).collect();
        for request in ours {
            let (at, key) = (request.accepted_at, &request.key);
            for promise in [Promise::Stopped, Promise::OnlyActive, Promise::OneAtATime, Promise::Window] {
                self.asked(promise);
            }
            let intent_age = signed(self.settings.intent_age);
            let facts = within(&self.truths, at - intent_age - signed(self.settings.lag), at);
            let rules = within(&self.rules, at - ROUND, at);
            let any = |holds: &dyn Fn(&Rules, &Truth) -> bool| {
                facts.iter().any(|truth| rules.iter().any(|rules| holds(rules, truth)))
            };
            match request.operation {
                Operation::Grant => {
                    *self.asked.entry(Promise::OnlyWanted).or_default() += 1;
                    if !any(&|rules, truth| rules.may_grant(truth, key)) {
                        found.push(Violation::GrantedUnwanted(key.clone()));
                    }
                }
                Operation::Revoke => {
                    for promise in [Promise::MissingIsNotEmpty, Promise::OnlyOurs, Promise::Bounded] {
                        *self.asked.entry(promise).or_default() += 1;
                    }
                    if !any(&|rules, truth| !rules.wants(truth, key)) {
                        found.push(Violation::RevokedWanted(key.clone()));
                    }
                    if !rules.iter().any(|rules| rules.reach == Reach::Sync) {
                        found.push(Violation::RevokedWithoutSync(key.clone()));
                    }
                    self.check_whose(world, key, at, found);
                    let since = self.allowed.was_held_back(key);
                    let wanted = |since: Timestamp| {
                        let (facts, rules) =
                            (within(&self.truths, since, at), within(&self.rules, since, at));
                        facts.iter().any(|truth| rules.iter().any(|rules| rules.wants(truth, key)))
                    };
                    let late = intent_age + ROUND;
                    if since.is_some_and(|since| !wanted(since))
                        && !self.allowed.approves(key, Operation::Revoke, at, late)
                    {
                        found.push(Violation::NotApproved(key.clone()));
                    }
                }
            }
            if self.allowed.was_stopped(key, at) {
                found.push(Violation::SentWhileStopped(key.clone()));
            }
            let recent = within(&self.truths, at - SignedDuration::from_mins(15), at);
            let accounts: Vec<_> = recent.iter().filter_map(|truth| truth.account(&key.account)).collect();
            if !accounts.iter().any(|account| account.state.is_active()) {
                found.push(Violation::NotActive(key.clone()));
            }
            let withheld = self.settings.management == ManagementWrites::Withheld;
            if withheld && accounts.iter().any(|account| account.is_management) {
                found.push(Violation::Management(key.clone()));
            }
            if self.scope.as_ref().is_some_and(|scope| *scope != key.account) {
                found.push(Violation::OutOfScope(key.clone()));
            }
        }
        // What had ended at the last look was under way together with nothing that has come since.
        let open = world.request_log().skip(self.requests_ended);
        let most = most_at_once(open.filter(|request| self.is_ours(request)));
        let open = world.request_log().skip(self.requests_ended);
        self.requests_ended += open.take_while(|request| request.settled.is_some()).count();
        if most > self.settings.window {
            found.push(Violation::WindowExceeded(most));
        }
    }

    /// What is there when a delete is sent, and what it takes away, is ours.
    fn check_whose(&self, world: &World, key: &AssignmentKey, at: Timestamp, found: &mut Vec<Violation>) {
        let history = world.assignment_history(key);
        let before = history.iter().rev().find(|(since, _)| *since <= at);
        if let Some((since, Some(made))) = before
            && self.is_theirs(&made.by.name, key, *since, at)
        {
            found.push(Violation::DeletedTheirs(key.clone()));
        }
    }

    /// Whether what was made by this caller at the one time belonged to people at the other.
    fn is_theirs(&self, by: &str, key: &AssignmentKey, made_at: Timestamp, at: Timestamp) -> bool {
        match self.allowed.said_by(key, at) {
            Some((_, Whose::Ours)) => false,
            Some((since, Whose::Theirs)) if made_at <= since => !self.taken_over.contains(key),
            Some(_) | None => by != self.usher && !self.taken_over.contains(key),
        }
    }

    /// Whether nobody has had it for as long as an orphan is left alone.
    fn is_orphan(&self, request: &RequestRecord) -> bool {
        let since = request.accepted_at - signed(self.settings.orphan_grace);
        let truths = within(&self.truths, since, request.accepted_at);
        !truths.iter().any(|truth| truth.has(&request.key.principal))
    }

    fn check_deletes(&self, world: &World, found: &mut Vec<Violation>) {
        let mut by_day: BTreeMap<String, usize> = BTreeMap::new();
        let mut orphans: BTreeMap<String, usize> = BTreeMap::new();
        let mut last: BTreeMap<&AssignmentKey, bool> = BTreeMap::new();
        for request in world.request_log().filter(|r| self.is_ours(r)) {
            let is_delete = request.operation == Operation::Revoke;
            // A delete that is sent again was charged once.
            let again = last.insert(&request.key, is_delete && !matches!(request.settled, Some((_, Ok(())))));
            if !is_delete {
                continue;
            }
            let late = signed(self.settings.intent_age) + ROUND;
            let approved = self.allowed.approves(&request.key, Operation::Revoke, request.accepted_at, late);
            let forgotten = self.charges_lost.is_some_and(|lost| request.accepted_at < lost);
            if again != Some(true) && !approved && !forgotten {
                let counted = if self.is_orphan(request) { &mut orphans } else { &mut by_day };
                *counted.entry(day(request.accepted_at)).or_default() += 1;
            }
            if let Some((at, Ok(()))) = &request.settled {
                let history = world.assignment_history(&request.key);
                let taken = history.iter().rev().find(|(when, made)| when <= at && made.is_some());
                if let Some((since, Some(made))) = taken
                    && self.is_theirs(&made.by.name, &request.key, *since, request.accepted_at)
                {
                    found.push(Violation::DeletedTheirs(request.key.clone()));
                }
            }
        }
        let limit = self.rules.iter().map(|(_, rules)| rules.max_orphan_deletes as usize).max();
        for deletes in orphans.into_values() {
            if let Some(limit) = limit.filter(|limit| deletes > *limit) {
                found.push(Violation::OverBudget { deletes, limit });
            }
        }
        for (day, deletes) in by_day {
            let owned = self.owned.get(&day).copied().unwrap_or_default();
            let limit = |rules: &Rules| {
                (rules.max_deletes as usize).max(owned * rules.max_delete_percent as usize / 100)
            };
            let limit = self.rules.iter().map(|(_, rules)| limit(rules)).max().unwrap_or_default();
            if deletes > limit {
                found.push(Violation::OverBudget { deletes, limit });
            }
        }
    }

    /// Whether all is as the rules want it, but for keys that the service withholds for a reason that was declared.
    pub(super) fn converged(
        &self,
        world: &World,
        withheld: &BTreeMap<AssignmentKey, String>,
        declared: &[&str],
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut given = BTreeSet::new();
        for (key, wanted) in self.differences(world) {
            let reason = withheld.get(&key);
            if reason.is_some_and(|reason| declared.contains(&reason.as_str())) {
                given.extend(reason.map(String::as_str));
            } else {
                found.push(Violation::Differs { key, wanted, reason: reason.cloned() });
            }
        }
        let missing = declared.iter().filter(|reason| !given.contains(**reason));
        found.extend(missing.map(|reason| Violation::ReasonMissing((*reason).to_owned())));
        found
    }

    /// Every key that is not as the rules in force want it, and whether they want it.
    pub(super) fn differences(&self, world: &World) -> Vec<(AssignmentKey, bool)> {
        let Some((_, rules)) = self.rules.last() else { return Vec::new() };
        let truth = Truth::of(world);
        let wanted = rules.wanted(&truth);
        let assignments = world.assignments();
        let ours = assignments
            .iter()
            .filter(|(key, made)| {
                *made.by.name == *self.usher && self.allowed.said_last(key) != Some(Whose::Theirs)
            })
            .map(|(key, _)| key);
        let missing = wanted.iter().filter(|key| !assignments.contains_key(key)).map(|key| (key, true));
        let unwanted = ours
            .filter(|key| truth.account(&key.account).is_some() && !wanted.contains(key))
            .map(|key| (key, false));
        missing.chain(unwanted).map(|(key, wanted)| (key.clone(), wanted)).collect()
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// All that held at some moment of a span of time.
fn within<T>(line: &[(Timestamp, T)], from: Timestamp, to: Timestamp) -> Vec<&T> {
    let first = line.partition_point(|(since, _)| *since <= from).saturating_sub(1);
    line.iter().skip(first).take_while(|(since, _)| *since <= to).map(|(_, value)| value).collect()
}

fn under_way_at(request: &RequestRecord, at: Timestamp) -> bool {
    request.accepted_at <= at && request.settled.as_ref().is_none_or(|(ended, _)| *ended > at)
}

fn most_at_once<'a>(requests: impl Iterator<Item = &'a RequestRecord>) -> usize {
    let mut changes: Vec<(Timestamp, i32)> = Vec::new();
    for request in requests {
        changes.push((request.accepted_at, 1));
        changes.extend(request.settled.as_ref().map(|(at, _)| (*at, -1)));
    }
    // Of two changes at one time, the end comes first.
    changes.sort_unstable();
    let mut now = 0;
    let most = changes.iter().map(|(_, change)| {
        now += change;
        now
    });
    usize::try_from(most.max().unwrap_or(0)).unwrap()
}

/// The key that a write of SSO Admin names.
fn key_of(entry: &LogEntry) -> Option<AssignmentKey> {
    let text = |member: &str| entry.parameters.get(member).and_then(Value::as_str);
    let id = text("PrincipalId")?;
    Some(AssignmentKey {
        account: text("TargetId")?.parse().ok()?,
        permission_set: text("PermissionSetArn")?.parse().ok()?,
        principal: match text("PrincipalType")? {
            "GROUP" => Principal::Group(id.parse().ok()?),
            _ => Principal::User(id.parse().ok()?),
        },
    })
}
