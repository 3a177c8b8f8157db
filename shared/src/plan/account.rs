//! The plan for one account, key by key.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Plan, Situation, Withheld, WithheldReason,
    key::{Fingerprints, Subject},
    quota,
};
use crate::{
    domain::{AccountId, AssignmentKey, Mode, Operation, RuleId},
    ledger::{Row, State},
};

/// Plans one account. Planning all accounts is planning each.
pub fn plan(situation: &Situation<'_>) -> Plan {
    let account = &situation.account.id;
    let rows: BTreeMap<&AssignmentKey, &Row> =
        situation.rows.iter().filter(|row| row.key.account == *account).map(|row| (&row.key, row)).collect();

    let mut plan =
        Plan { account: account.clone(), actions: Vec::new(), withheld: Vec::new(), records: Vec::new() };
    let hashes = Fingerprints::default();
    let mut present = situation.actual.present.iter().peekable();
    for (key, row, wanted) in side_by_side(&rows, situation) {
        // All three are ordered by key, so each is gone through once.
        while present.next_if(|listed| *listed < key).is_some() {}
        let listed = present.peek().is_some_and(|listed| *listed == key);
        let decision = Subject { situation, key, wanted, row, listed, fingerprints: &hashes }.decide();
        let rules = || wanted.or(row.map(|row| &row.wanted_by)).cloned().unwrap_or_default();
        let is_decided = decision.action.is_some();
        if let Some((operation, intended)) = decision.action {
            let approval = row.and_then(|row| row.approved(operation, situation.rules, situation.now));
            plan.actions.push(Action {
                operation,
                key: key.clone(),
                rules: intended.wanted_by.clone(),
                row: *intended,
                before: row.cloned(),
                approval: approval.map(|approval| approval.id.clone()),
            });
        }
        if let Some((operation, reason)) = decision.withheld {
            plan.withheld.push(Withheld { key: key.clone(), operation, reason, rules: rules() });
        }
        plan.records.extend(match (decision.record, is_decided) {
            (Some(record), _) => Some(Row { departed_since: None, ..*record }),
            (None, false) => row.and_then(found_again),
            (None, true) => None,
        });
    }
    let over = quota::over(&plan.actions, situation);
    for action in plan.actions.extract_if(.., |action| over.contains_key(&action.key)) {
        if let Some(quota) = over.get(&action.key) {
            let Action { operation, key, rules, .. } = action;
            plan.records.extend(rows.get(&key).copied().and_then(found_again));
            plan.withheld.push(Withheld { key, operation, reason: WithheldReason::Quota(*quota), rules });
        }
    }
    let forbidden = situation.desired.forbidden.iter().map(|it| (it, WithheldReason::Never));
    let out_of_scope = situation.desired.out_of_scope().map(|it| (it, WithheldReason::OutOfScope));
    for ((key, rules), reason) in forbidden.chain(out_of_scope) {
        let had = rows.get(key).is_some_and(|row| row.is_ours());
        if !had {
            plan.withheld.push(Withheld {
                key: key.clone(),
                operation: Operation::Grant,
                reason,
                rules: rules.clone(),
            });
        }
    }
    plan.withheld.sort_by(|a, b| a.key.cmp(&b.key));
    plan.records.sort_by(|a, b| a.key.cmp(&b.key));
    // Revokes go before grants: `Grant` sorts first, so the order is turned round.
    plan.actions.sort_by(|a, b| b.operation.cmp(&a.operation).then_with(|| a.key.cmp(&b.key)));
    plan
}

/// Every key that the ledger or the rules know in the account, in order, with its row and the rules that want it.
fn side_by_side<'a>(
    rows: &'a BTreeMap<&'a AssignmentKey, &'a Row>,
    situation: &Situation<'a>,
) -> impl Iterator<Item = (&'a AssignmentKey, Option<&'a Row>, Option<&'a BTreeMap<RuleId, Mode>>)> {
    let account = &situation.account.id;
    let mut rows = rows.iter().map(|(key, row)| (*key, *row)).peekable();
    let mut wanted =
        situation.desired.wanted.iter().filter(move |(key, _)| key.account == *account).peekable();
    std::iter::from_fn(move || {
        let order = match (rows.peek(), wanted.peek()) {
            (Some((row, _)), Some((want, _))) => row.cmp(want),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let row = if order.is_le() { rows.next() } else { None };
        let want = if order.is_ge() { wanted.next() } else { None };
        let key = row.map(|(key, _)| key).or(want.map(|(key, _)| key))?;
        Some((key, row.map(|(_, row)| row), want.map(|(_, rules)| rules)))
    })
}

/// The row of an account that was said to have departed, and is there: whoever said so was wrong.
pub(crate) fn found_again(row: &Row) -> Option<Row> {
    let is_marked = row.departed_since.is_some() && row.claim().is_none();
    is_marked.then(|| Row { departed_since: None, ..row.clone() })
}

/// Plans an account that Organizations does not know: it has departed, or it never was there.
///
/// Nothing is written to AWS. What the ledger holds is closed only after two such answers that are the lag apart: one wrong
/// answer must not cost us what we know to be ours. After the first it sleeps: what is gone when the account is back was deleted
/// by nobody's hand.
pub fn departed(account: &AccountId, rows: &[Row], lag: SignedDuration, now: Timestamp) -> Plan {
    let records = rows.iter().filter(|row| row.key.account == *account && row.claim().is_none()).filter_map(
        |row| match (&row.state, row.departed_since) {
            (State::Closed, _) => None,
            (State::Ours, None) => {
                Some(Row { departed_since: Some(now), ..row.clone().into_state(State::Dormant, now) })
            }
            (_, None) => Some(Row { departed_since: Some(now), ..row.clone() }),
            (_, Some(since)) if now >= since + lag => Some(row.clone().into_state(State::Closed, now)),
            (_, Some(_)) => None,
        },
    );
    Plan { account: account.clone(), actions: Vec::new(), withheld: Vec::new(), records: records.collect() }
}
