//! Whether the demo has ended as its rules say, asked of the simulated world itself.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{AccountId, AssignmentKey, Operation, Principal},
    ledger::{Cause, Row, State},
};
use simulator::Made;

use crate::{
    Failure,
    local_runtime::LocalRuntime,
    stage::{Stage, WorldCast},
    telling::Cast as _,
};

/// What the new account must have, by permission set, group and rule: written down here apart from the rules, so that the two check each other.
const NEW_ACCOUNT: [(&str, &str, &str); 3] = [
    ("EC2-S3-FullAccess", "group Developers", "developers-in-development"),
    ("PowerUserAccess", "group payments-developers", "payments-team"),
    ("SecurityAudit", "group SecurityAuditors", "audit"),
];

/// How it ended.
pub(super) struct End {
    pub(super) rows: Vec<Row>,
    /// Assignments that Usher has made, and that people have.
    pub(super) ushers: usize,
    pub(super) others: usize,
}

/// Looks at the truth of the simulated world, at the ledger, and at what Usher would do next. `before` is what people had made.
pub(super) async fn end(
    runtime: &LocalRuntime,
    stage: &Stage,
    before: &BTreeMap<AssignmentKey, Made>,
    account: &AccountId,
) -> Result<End, Failure> {
    let survey = runtime.planner().everything(&Cause::new("command", "demo")).await.map_err(Failure::Read)?;
    let truth = stage.world().assignments();
    let (ushers, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        truth.into_iter().partition(|(_, made)| made.by.name.as_ref() == "usher");
    if others != *before {
        return Err(Failure::DemoEnd("an assignment that people had made is no longer as it was".to_owned()));
    }
    if let Some((id, error)) = survey.unread.iter().next() {
        let error = shared::causes::joined(error);
        return Err(Failure::DemoEnd(format!("account {id} could not be read: {error}")));
    }
    if let Some(action) = survey.decided.iter().flat_map(|decided| &decided.plan.actions).next() {
        return Err(Failure::DemoEnd(format!(
            "there is still something to do: {} {}",
            action.operation, action.key
        )));
    }
    let mut withheld = survey.decided.iter().flat_map(|decided| &decided.plan.withheld);
    if let Some(withheld) = withheld.find(|withheld| withheld.operation == Operation::Revoke) {
        return Err(Failure::DemoEnd(format!("something of Usher's is wanted by no rule: {}", withheld.key)));
    }
    let ours: BTreeSet<&AssignmentKey> =
        survey.rows.iter().filter(|row| row.state == State::Ours).map(|row| &row.key).collect();
    if !ours.iter().copied().eq(ushers.keys()) {
        return Err(Failure::DemoEnd(format!(
            "the ledger claims {} assignments as its own, and AWS has {} of Usher's",
            ours.len(),
            ushers.len()
        )));
    }
    let cast = WorldCast::of(&stage.world);
    let rows: Vec<Row> = survey.rows.iter().filter(|row| row.key.account == *account).cloned().collect();
    let mut has: Vec<(String, String, String)> = rows
        .iter()
        .filter(|row| ushers.contains_key(&row.key))
        .map(|row| {
            let AssignmentKey { account: _, permission_set, principal } = &row.key;
            let rules: Vec<&str> = row.wanted_by.keys().map(shared::domain::RuleId::as_str).collect();
            (cast.permission_set(permission_set), cast.principal(principal), rules.join(", "))
        })
        .collect();
    has.sort();
    let wanted = NEW_ACCOUNT.map(|(set, group, rule)| (set.to_owned(), group.to_owned(), rule.to_owned()));
    if has != wanted {
        return Err(Failure::DemoEnd(format!("the new account has {has:?}, and should have {wanted:?}")));
    }
    let groups_only = ushers.keys().all(|key| matches!(key.principal, Principal::Group(_)));
    if !groups_only {
        return Err(Failure::DemoEnd(
            "somebody has been given access by name, which no rule says".to_owned(),
        ));
    }
    Ok(End { rows, ushers: ushers.len(), others: others.len() })
}
