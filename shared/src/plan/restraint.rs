//! What people and budgets hold back of a decision: a hold, a pause, a delete that was over its budget before.

use super::{
    WithheldReason,
    key::{Decision, Subject, seen},
};
use crate::{
    domain::Operation,
    ledger::{Held, Row, State, held},
};

impl Subject<'_> {
    /// The decision about the key.
    pub(super) fn decide(&self) -> Decision {
        self.noticing_absence(self.decide_restrained())
    }

    fn decide_restrained(&self) -> Decision {
        let decision = self.decide_freely();
        // What may be with AWS can't be called back.
        if self.row.is_some_and(|row| row.claim().is_some()) {
            return decision;
        }
        let orders = self.situation.orders;
        match held(self.key, self.row, orders) {
            // Its rule wants it made again whoever deletes it, now if not then.
            Some(Held::DeletedByHand) if self.repairs() && orders.hold_on(self.key).is_none() => {}
            Some(held) => return self.held_back(decision, WithheldReason::Held(held)),
            None => {}
        }
        match self.stopped_by(&decision) {
            Some(reason) => self.stopped(decision, reason),
            None => self.over_budget(decision),
        }
    }

    /// A delete that is withheld may wait for weeks. What is gone meanwhile by another hand is ours no more: whoever makes it again
    /// has made it, and no consent given later may take it away.
    fn noticing_absence(&self, decision: Decision) -> Decision {
        let waits = |row: &&Row| match &row.state {
            State::Ours | State::Closing(_) | State::Blocked { operation: Operation::Revoke, .. } => {
                row.claim().is_none()
            }
            State::Granting(_)
            | State::Closed
            | State::Uncertain { .. }
            | State::Blocked { operation: Operation::Grant, .. }
            | State::Dormant => false,
        };
        let is_withheld =
            decision.action.is_none() && decision.record.is_none() && decision.withheld.is_some();
        let Some(row) = self.row.filter(waits) else { return decision };
        if !is_withheld || self.wanted.is_some() || !self.situation.account.state.is_active() {
            return decision;
        }
        if self.listed {
            return Decision { record: seen(row).map(Box::new), ..decision };
        }
        let closed = || Decision {
            record: Some(Box::new(self.become_state(row, State::Closed))),
            ..Decision::default()
        };
        let noticed = self.after_two_reads(row, closed);
        let is_over = noticed.record.as_ref().is_some_and(|row| row.state == State::Closed);
        if is_over { noticed } else { Decision { record: noticed.record, ..decision } }
    }

    /// Under a hold nothing is intended, and what was intended is put back.
    fn held_back(&self, decision: Decision, reason: WithheldReason) -> Decision {
        let (lost, operation) = (self.lost_if_gone(&decision), decision.operation());
        let Decision { action: _, record, withheld } = decision;
        let record = record.or(lost);
        let put_back = self.row.and_then(|row| match &row.state {
            State::Granting(_) => Some((Operation::Grant, self.given_up(row))),
            State::Closing(_) => Some((Operation::Revoke, self.become_state(row, State::Ours))),
            State::Ours
            | State::Closed
            | State::Uncertain { .. }
            | State::Blocked { .. }
            | State::Dormant => None,
        });
        let (operation, record) = match put_back {
            // What is given up anyway is given up for the reason that it has.
            _ if record.as_ref().is_some_and(|row| row.work().is_none()) => (operation, record),
            Some((intended, row)) => (operation.or(Some(intended)), Some(Box::new(row))),
            None => (operation, record),
        };
        Decision { action: None, record, withheld: operation.map(|it| (it, reason)).or(withheld) }
    }

    /// What was ours is gone, and is to be made again: if that has to wait, it is ours no more.
    fn lost_if_gone(&self, decision: &Decision) -> Option<Box<Row>> {
        let row = self.row.filter(|row| row.state == State::Ours)?;
        match &decision.action {
            Some((Operation::Grant, _)) => Some(Box::new(self.lost(row))),
            Some((Operation::Revoke, _)) | None => None,
        }
    }

    /// Why nothing like this is sent now, whatever the key.
    fn stopped_by(&self, decision: &Decision) -> Option<WithheldReason> {
        let orders = self.situation.orders;
        if orders.pause.is_some() {
            return Some(WithheldReason::Paused);
        }
        let intended = || self.row.and_then(Row::work).map(|(operation, _)| operation);
        let operation = decision.operation().or_else(intended);
        operation.filter(|operation| orders.stop(*operation)).map(|_| WithheldReason::LedgerUnconfirmed)
    }

    /// What is stopped stays as it was intended: nobody sends it, and it is decided again before anybody does.
    fn stopped(&self, decision: Decision, reason: WithheldReason) -> Decision {
        let (lost, operation) = (self.lost_if_gone(&decision), decision.operation());
        let Decision { action: _, record, withheld } = decision;
        let record = record.or(lost).filter(|row| row.work().is_none());
        let intended = || self.row.and_then(Row::work).map(|(operation, _)| operation);
        let waits = if record.is_some() { None } else { intended() };
        let operation = operation.or(waits);
        let withheld = operation.map(|it| (it, reason)).or(withheld);
        Decision { action: None, record, withheld }
    }

    /// A delete that a budget held back once waits for a person, and not for the next day.
    fn over_budget(&self, decision: Decision) -> Decision {
        let rules = self.situation.rules;
        let over = match (&decision.action, self.row) {
            // What nobody has any more waits for nobody.
            (Some((Operation::Revoke, intended)), Some(_)) if intended.orphaned_since.is_some() => None,
            (Some((Operation::Revoke, _)), Some(row))
                if row.approved(Operation::Revoke, rules, self.situation.now).is_none() =>
            {
                row.over_budget.as_ref()
            }
            (Some(_) | None, _) => None,
        };
        match over {
            Some(over) => {
                let withheld = Some((Operation::Revoke, WithheldReason::Budget(over.budget.clone())));
                Decision { action: None, withheld, ..decision }
            }
            None => decision,
        }
    }
}
