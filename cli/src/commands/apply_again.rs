//! The second plan of `usher apply`, where the first one foresaw permission sets: with the sets as they are by then.
//!
//! INVARIANT: nothing is carried out that the first plan did not show, and what was planned with sets that were yet to be made is
//! neither remembered nor carried out.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{AssignmentKey, Operation, PermissionSetArn, Principal},
    guardrail::Scope,
};

use super::apply::Work;
use crate::{Failure, Screen, foresight::Foresight, planning::Planned, report::Unread};

/// What is carried out, and what is left.
pub(super) struct Again {
    pub(super) planned: Planned,
    /// Nothing else is done.
    pub(super) scope: Scope,
    /// What waits for permission sets that were not made or edited.
    pub(super) waiting: BTreeMap<AssignmentKey, Operation>,
    /// Accounts that could be read before, and not any more.
    pub(super) unread: Vec<Unread>,
}

impl Work<'_> {
    /// Plans again what was shown, with the sets that have been made since by their names.
    pub(super) async fn again(
        &self,
        shown: Planned,
        foresight: &Foresight,
        made: &BTreeMap<String, PermissionSetArn>,
        screen: &mut Screen<'_>,
    ) -> Result<Again, Failure> {
        let Planned { report, names, changing, proposal, .. } = shown;
        let Scope(mut scope) = foresight.stand_ins().real(proposal.scope(), made);
        let Scope(changing) = foresight.stand_ins().real(Scope(changing.into_iter().collect()), made);
        let now = self.plan_again(&report, screen).await?;
        let is_left = |(key, operation): &&(AssignmentKey, Operation)| {
            now.changing.get(key) != Some(operation) && foresight.touches(&key.permission_set)
        };
        let mut waiting: BTreeMap<AssignmentKey, Operation> =
            changing.iter().filter(is_left).cloned().collect();
        // What somebody has stays until what they get instead can be given.
        let who: BTreeSet<&Principal> = waiting
            .iter()
            .filter(|(_, operation)| **operation == Operation::Grant)
            .map(|(key, _)| &key.principal)
            .collect();
        let stays = |key: &AssignmentKey, operation: Operation| {
            report.account.is_some() && operation == Operation::Revoke && who.contains(&key.principal)
        };
        let kept: Vec<_> =
            changing.iter().filter(|(key, operation)| stays(key, *operation)).cloned().collect();
        scope.retain(|(key, operation)| !stays(key, *operation));
        waiting.extend(kept);
        // What was shown and is not to be done any more is told of too.
        let changing = changing.into_iter().filter(|(key, _)| !waiting.contains_key(key)).collect();
        let unread =
            now.report.unread.iter().filter(|account| !report.unread.contains(account)).cloned().collect();
        let planned = Planned { report, names: names.and(now.names), changing, ..now };
        Ok(Again { planned, scope: Scope(scope), waiting, unread })
    }
}
