//! The decision about one key.

use std::{cell::OnceCell, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{IfGone, ManagementWrites, Situation, WithheldReason};
use crate::{
    domain::{AssignmentKey, Mode, Operation, RuleId, hex},
    ledger::{Approval, Held, HeldBy, Hold, Intent, Row, State},
    resolve::Recreated,
};

/// What is decided about a key. At most one of each: a row may be brought up to date and something be withheld at once.
///
/// Rows are boxed: they are large, most decisions have none, and a decision passes through many hands.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// The operation, and the row with its intent.
    pub(super) action: Option<(Operation, Box<Row>)>,
    pub(super) record: Option<Box<Row>>,
    pub(super) withheld: Option<(Operation, WithheldReason)>,
}

impl Decision {
    fn nothing() -> Self {
        Self::default()
    }

    fn record(row: Row) -> Self {
        Self { record: Some(Box::new(row)), ..Self::default() }
    }

    pub(super) fn withhold(operation: Operation, reason: WithheldReason) -> Self {
        Self { withheld: Some((operation, reason)), ..Self::default() }
    }

    pub(super) fn and_record(self, row: Row) -> Self {
        Self { record: Some(Box::new(row)), ..self }
    }

    /// What is to be done to AWS: now, or when another look has made it certain.
    pub(super) fn operation(&self) -> Option<Operation> {
        match (&self.action, &self.withheld) {
            (Some((operation, _)), _)
            | (None, Some((operation, WithheldReason::Missing(IfGone::MadeAgain)))) => Some(*operation),
            (None, Some(_) | None) => None,
        }
    }
}

/// One key, and what the situation says about it.
pub(super) struct Subject<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) key: &'a AssignmentKey,
    /// The rules that want it, less `never`.
    pub(super) wanted: Option<&'a BTreeMap<RuleId, Mode>>,
    pub(super) row: Option<&'a Row>,
    /// Whether the list shows it.
    pub(super) listed: bool,
    pub(super) fingerprints: &'a Fingerprints,
}

/// The fingerprints of an account's operations: the same for all of its keys, so each is made once.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    grant: OnceCell<String>,
    revoke: OnceCell<String>,
}

impl Subject<'_> {
    /// What the table says, before what people and budgets hold back.
    pub(super) fn decide_freely(&self) -> Decision {
        if !self.situation.account.state.is_active() {
            return self.asleep();
        }
        if self.situation.account.is_management && self.situation.management == ManagementWrites::Withheld {
            return self.in_management_account();
        }
        match (self.row, self.wanted) {
            (None, None) => Decision::nothing(),
            (None, Some(wanted)) => self.grant(None, wanted),
            (Some(row), Some(wanted)) => self.wanted_row(row, wanted),
            (Some(row), None) => self.unwanted_row(row),
        }
    }

    /// The account is not active: what is ours sleeps, what wasn't sent is given up, and nothing is written to AWS.
    fn asleep(&self) -> Decision {
        let asleep = || WithheldReason::AccountNotActive(self.situation.account.state);
        let row = match self.row {
            None => None,
            Some(row) => match &row.state {
                State::Ours => Some(self.become_state(row, State::Dormant)),
                State::Closing(intent) if intent.claim.is_none() => {
                    Some(self.become_state(row, State::Dormant))
                }
                State::Granting(intent) if intent.claim.is_none() => Some(self.given_up(row)),
                // What was not found before it fell asleep says nothing about what is found when it wakes.
                State::Dormant => seen(row),
                State::Granting(_)
                | State::Closing(_)
                | State::Closed
                | State::Uncertain { .. }
                | State::Blocked { .. } => None,
            },
        };
        let has_it = self.row.is_some_and(Row::is_ours);
        let decision = match (self.wanted.is_some(), has_it) {
            (true, false) => Decision::withhold(Operation::Grant, asleep()),
            (false, true) => Decision::withhold(Operation::Revoke, asleep()),
            (true, true) | (false, false) => Decision::nothing(),
        };
        match row {
            Some(row) => decision.and_record(row),
            None => decision,
        }
    }

    fn in_management_account(&self) -> Decision {
        match (self.wanted.is_some(), self.row.is_some_and(Row::is_ours)) {
            (true, false) if !self.listed => {
                Decision::withhold(Operation::Grant, WithheldReason::ManagementAccount)
            }
            (false, true) => Decision::withhold(Operation::Revoke, WithheldReason::ManagementAccount),
            (true | false, _) => Decision::nothing(),
        }
    }

    fn wanted_row(&self, row: &Row, wanted: &BTreeMap<RuleId, Mode>) -> Decision {
        match &row.state {
            State::Closed => self.grant(Some(row), wanted),
            // Under way, so only who wants it may change: what is revoked one day depends on who wanted it last.
            State::Granting(intent) if intent.claim.is_some() => {
                let wanted_by = self.wanted_by(row, wanted);
                if row.wanted_by == wanted_by {
                    Decision::nothing()
                } else {
                    Decision::record(Row { wanted_by, ..row.clone() })
                }
            }
            State::Granting(intent) => self.keep_grant(row, intent, wanted),
            State::Ours => self.keep(row, wanted),
            State::Closing(intent) if intent.claim.is_some() => look_again(row),
            // Gone while the account slept: nobody deleted it by hand.
            State::Dormant if !self.listed => self.after_two_reads(row, || self.grant(Some(row), wanted)),
            State::Closing(_) | State::Dormant => Decision::record(self.ours_again(row, wanted)),
            State::Uncertain { reason, contested: _ } => {
                if self.listed {
                    let withheld =
                        Decision::withhold(Operation::Grant, WithheldReason::Uncertain(reason.clone()));
                    seen(row).map_or_else(Decision::default, Decision::record).merge(withheld)
                } else {
                    self.after_two_reads(row, || self.grant(Some(row), wanted))
                }
            }
            State::Blocked { operation: Operation::Revoke, .. } => {
                Decision::record(self.ours_again(row, wanted))
            }
            State::Blocked { operation: Operation::Grant, reason, fingerprint, retry_at } => {
                if self.listed {
                    Decision::withhold(Operation::Grant, WithheldReason::Foreign)
                        .and_record(self.become_state(row, State::Closed))
                } else if self.tried_again(fingerprint, *retry_at) {
                    self.grant(Some(row), wanted)
                } else {
                    Decision::withhold(Operation::Grant, WithheldReason::Blocked(reason.clone()))
                }
            }
        }
    }

    fn unwanted_row(&self, row: &Row) -> Decision {
        match &row.state {
            State::Closed => Decision::nothing(),
            State::Granting(intent) if intent.claim.is_some() => {
                if self.frozen(row).is_some() {
                    Decision::nothing()
                } else {
                    look_again(row)
                }
            }
            State::Granting(_) => match self.frozen(row) {
                Some(_) => Decision::nothing(),
                // An earlier attempt may have had effect: gone only when two reads don't find it.
                None if row.maybe_sent && !self.listed => {
                    self.after_two_reads(row, || Decision::record(self.become_state(row, State::Closed)))
                }
                None => Decision::record(self.given_up(row)),
            },
            State::Ours | State::Dormant => self.revoke(row),
            State::Closing(intent) if intent.claim.is_some() => Decision::nothing(),
            // Its principal is back: it is decided anew, as what somebody has.
            State::Closing(_) if self.is_no_orphan(row) => {
                Decision::record(Row { orphaned_since: None, ..self.become_state(row, State::Ours) })
            }
            State::Closing(intent) => match self.why_not_revoke(row) {
                None if self.is_due_for_refresh(row, intent) => Decision::record(self.refreshed(row, None)),
                None => Decision::nothing(),
                // Decided on facts that held then; without confirmation it grows too old to be sent.
                Some(WithheldReason::LookupFailed(why)) => {
                    Decision::withhold(Operation::Revoke, WithheldReason::LookupFailed(why))
                }
                Some(reason) => Decision::withhold(Operation::Revoke, reason)
                    .and_record(self.become_state(row, State::Ours)),
            },
            State::Uncertain { reason, contested: _ } => {
                if self.listed {
                    let withheld =
                        Decision::withhold(Operation::Revoke, WithheldReason::Uncertain(reason.clone()));
                    seen(row).map_or_else(Decision::default, Decision::record).merge(withheld)
                } else {
                    self.after_two_reads(row, || Decision::record(self.become_state(row, State::Closed)))
                }
            }
            State::Blocked { operation: Operation::Grant, .. } => {
                Decision::record(self.become_state(row, State::Closed))
            }
            State::Blocked { operation: Operation::Revoke, reason, fingerprint, retry_at } => {
                if self.tried_again(fingerprint, *retry_at) {
                    self.revoke(row)
                } else {
                    Decision::withhold(Operation::Revoke, WithheldReason::Blocked(reason.clone()))
                }
            }
        }
    }

    /// A key that is wanted, and that the ledger does not claim.
    fn grant(&self, row: Option<&Row>, wanted: &BTreeMap<RuleId, Mode>) -> Decision {
        let now = self.situation.now;
        // A list that shows what we have just revoked may be stale, or right: it is believed once the lag has passed.
        let settled = row.and_then(|row| row.closed_at).map(|closed_at| closed_at + self.situation.lag);
        let settling = settled.filter(|settled| self.listed && *settled > now);
        if self.listed && settling.is_none() {
            return Decision::withhold(Operation::Grant, WithheldReason::Foreign);
        }
        if let Some(why) = &self.situation.desired.grants_frozen {
            return Decision::withhold(Operation::Grant, WithheldReason::NeverUnresolved(why.clone()));
        }
        if !may_grant(wanted) {
            return Decision::withhold(Operation::Grant, WithheldReason::Observed);
        }
        if let Some(reason) = self.recreated() {
            return Decision::withhold(Operation::Grant, reason);
        }
        let intent = Intent {
            decided_at: self.read_at(),
            not_before: settling,
            not_after: self.until(),
            fingerprint: self.fingerprint(Operation::Grant),
            claim: None,
        };
        Decision {
            action: Some((
                Operation::Grant,
                Box::new(self.with_intent(row, State::Granting(intent), wanted)),
            )),
            ..Decision::default()
        }
    }

    /// Why a person must confirm the permission set first, if one must.
    fn recreated(&self) -> Option<WithheldReason> {
        let Recreated { name, before } = self.situation.desired.unconfirmed.get(self.key)?;
        Some(WithheldReason::Recreated { name: name.clone(), before: before.clone() })
    }

    /// When the facts were read: a decision is as old as they are.
    pub(super) fn read_at(&self) -> Timestamp {
        self.situation.actual.read_at.min(self.situation.now)
    }

    /// A grant that is intended and not sent.
    fn keep_grant(&self, row: &Row, intent: &Intent, wanted: &BTreeMap<RuleId, Mode>) -> Decision {
        let settling = intent.not_before.is_some_and(|time| time > self.situation.now);
        let gives_up = |reason| Decision::withhold(Operation::Grant, reason).and_record(self.given_up(row));
        if self.listed && !settling {
            return gives_up(WithheldReason::Foreign);
        }
        if let Some(why) = &self.situation.desired.grants_frozen {
            return gives_up(WithheldReason::NeverUnresolved(why.clone()));
        }
        if !may_grant(wanted) {
            return gives_up(WithheldReason::Observed);
        }
        if let Some(reason) = self.recreated() {
            return gives_up(reason);
        }
        if self.is_due_for_refresh(row, intent)
            || row.wanted_by != self.wanted_by(row, wanted)
            || intent.not_after != self.until()
        {
            return Decision::record(self.refreshed(row, Some(wanted)));
        }
        Decision::nothing()
    }

    /// Who wants the row now. A rule that could not be resolved keeps its say.
    pub(super) fn wanted_by(&self, row: &Row, wanted: &BTreeMap<RuleId, Mode>) -> BTreeMap<RuleId, Mode> {
        let frozen = &self.situation.desired.frozen;
        let unresolved = row.wanted_by.iter().filter(|(rule, _)| frozen.contains_key(*rule));
        unresolved.chain(wanted).map(|(rule, mode)| (rule.clone(), *mode)).collect()
    }

    /// A row that is ours and stays so.
    fn keep(&self, row: &Row, wanted: &BTreeMap<RuleId, Mode>) -> Decision {
        if !self.listed {
            return self.after_two_reads(row, || self.gone(row, wanted));
        }
        if Self::has_nothing_to_forget(row)
            && row.wanted_by == *wanted
            && self.situation.desired.frozen.is_empty()
        {
            // Almost every key at almost every look.
            return Decision::nothing();
        }
        let mut kept = seen(row).unwrap_or_else(|| row.clone());
        // Wanted again: what was held back of its delete, and what was approved of it, is over; unless it is so only until the permission
        // set is edited, which was known when that was approved.
        let is_for_now = self.situation.desired.awaited.may_change(&self.key.permission_set);
        if !is_for_now {
            kept.over_budget = None;
        }
        kept.orphaned_since = None;
        let is_over = |approval: &Approval| {
            approval.operation == Operation::Revoke && approval.rules == *self.situation.rules
        };
        kept.approval = kept.approval.filter(|approval| is_for_now || !is_over(approval));
        // A revoke that was put back would have shown by now.
        kept.maybe_sent &= self.situation.actual.read_at < row.changed_at + self.situation.lag;
        let wanted_by = self.wanted_by(row, wanted);
        if row.wanted_by != wanted_by {
            kept.wanted_by = wanted_by;
            kept.rules = Some(self.situation.rules.clone());
        }
        if kept == *row { Decision::nothing() } else { Decision::record(kept) }
    }

    /// Whether the row holds nothing that ends when its key is found, and wanted.
    fn has_nothing_to_forget(row: &Row) -> bool {
        row.missing_since.is_none()
            && row.orphaned_since.is_none()
            && row.over_budget.is_none()
            && row.approval.is_none()
            && !row.maybe_sent
    }

    /// A row of ours that is gone for certain. Whoever deleted it by hand may have had a reason: it is not made again unless its
    /// rule says so, or it was us.
    fn gone(&self, row: &Row, wanted: &BTreeMap<RuleId, Mode>) -> Decision {
        if self.repairs() || row.maybe_sent {
            let decision = self.grant(Some(row), wanted);
            return if decision.action.is_some() { decision } else { decision.and_record(self.lost(row)) };
        }
        let mut closed = self.become_state(row, State::Closed);
        closed.wanted_by.clone_from(wanted);
        closed.hold.get_or_insert_with(|| Hold {
            by: HeldBy::DeletedByHand,
            at: self.situation.now,
            reason: String::new(),
        });
        let held = WithheldReason::Held(Held::DeletedByHand);
        Decision::withhold(Operation::Grant, held).and_record(closed)
    }

    /// The row of what was ours and is gone: whoever makes it again has made it.
    pub(super) fn lost(&self, row: &Row) -> Row {
        self.become_state(row, State::Closed)
    }

    /// Whether a rule that wants the key has it made again whoever deletes it.
    pub(super) fn repairs(&self) -> bool {
        self.situation.desired.repair.contains(self.key)
    }

    /// When no rule wants the key any more, if that is known.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.situation.desired.until.get(self.key).copied()
    }

    /// At the first read that does not find what should be there, nothing but that it is told what comes of it; `then` at one that is the
    /// lag later or more. What has changed within the lag may be there for all that a list says.
    pub(super) fn after_two_reads(&self, row: &Row, then: impl FnOnce() -> Decision) -> Decision {
        let Situation { now, lag, actual, .. } = *self.situation;
        if actual.read_at < row.changed_at {
            // A list from before says nothing of it.
            return Decision::nothing();
        }
        let is_fresh = !self.must_be_listed(row);
        let record = match row.missing_since {
            Some(since) if !is_fresh && actual.read_at >= since + lag => return then(),
            Some(_) => None,
            None if is_fresh => None,
            None => Some(Row { missing_since: Some(actual.read_at.min(now)), ..row.clone() }),
        };
        let Decision { action, record: _, withheld } = then();
        let withheld = match (action, withheld) {
            (Some((operation, _)), _) => Some((operation, WithheldReason::Missing(IfGone::MadeAgain))),
            (None, Some((operation, WithheldReason::Held(Held::DeletedByHand)))) => {
                Some((operation, WithheldReason::Missing(IfGone::Held)))
            }
            (None, withheld) => withheld,
        };
        Decision { action: None, record: record.map(Box::new), withheld }
    }

    /// Whether the row is so old that what it says is in every list that was read since.
    fn must_be_listed(&self, row: &Row) -> bool {
        self.situation.actual.read_at >= row.changed_at + self.situation.lag
    }

    fn is_due_for_refresh(&self, row: &Row, intent: &Intent) -> bool {
        let third = SignedDuration::from_millis(
            i64::try_from(self.situation.intent_age.as_millis() / 3).unwrap_or(i64::MAX),
        );
        row.rules.as_ref() != Some(self.situation.rules) || self.situation.now >= intent.decided_at + third
    }

    fn tried_again(&self, fingerprint: &str, retry_at: Timestamp) -> bool {
        // A blocked operation's fingerprint was made for that operation.
        let operation = if self.wanted.is_some() { Operation::Grant } else { Operation::Revoke };
        self.situation.now >= retry_at || self.fingerprint(operation) != fingerprint
    }

    /// Of everything the decision rests on that can be seen from outside the row.
    pub(super) fn fingerprint(&self, operation: Operation) -> String {
        let Fingerprints { grant, revoke } = self.fingerprints;
        let made = match operation {
            Operation::Grant => grant,
            Operation::Revoke => revoke,
        };
        made.get_or_init(|| self.make_fingerprint(operation)).clone()
    }

    fn make_fingerprint(&self, operation: Operation) -> String {
        let Situation { account, rules, .. } = self.situation;
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        };
        add(&operation.to_string());
        add(rules.as_str());
        add(&account.name);
        for unit in account.path.units() {
            add(unit.id.as_str());
        }
        for (key, value) in account.tags.iter() {
            add(key);
            add(value);
        }
        hex(hash.finalize().get(..8).unwrap_or_default())
    }
}

impl Decision {
    fn merge(self, other: Self) -> Self {
        Self {
            action: self.action.or(other.action),
            record: self.record.or(other.record),
            withheld: self.withheld.or(other.withheld),
        }
    }
}

/// The row without its mark of being missing, if it has one.
pub(super) fn seen(row: &Row) -> Option<Row> {
    row.missing_since.is_some().then(|| Row { missing_since: None, ..row.clone() })
}

/// What is under way can't be called back: the account is decided again when it has ended.
fn look_again(row: &Row) -> Decision {
    if row.look_again {
        Decision::nothing()
    } else {
        Decision::record(Row { look_again: true, ..row.clone() })
    }
}

/// One rule that may grant is enough.
fn may_grant(wanted: &BTreeMap<RuleId, Mode>) -> bool {
    wanted.values().any(|mode| *mode >= Mode::CreateOnly)
}
