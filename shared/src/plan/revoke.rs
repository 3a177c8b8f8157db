//! Taking away what is ours and no rule wants any more, and cleaning up what its principal has left behind.

use super::{
    Situation, WithheldReason,
    key::{Decision, Subject},
};
use crate::{
    domain::{Mode, Operation, RuleId},
    ledger::{Intent, Row, State},
    resolve::Lookup,
};

impl Subject<'_> {
    /// A row that is ours and that no rule wants any more.
    pub(super) fn revoke(&self, row: &Row) -> Decision {
        let row = &self.with_its_principal(row.clone());
        if let Some(reason) = self.why_not_revoke(row) {
            let withheld = Decision::withhold(Operation::Revoke, reason);
            return if row.state == State::Dormant {
                withheld.and_record(self.become_state(row, State::Ours))
            } else if self.row.is_some_and(|read| read.orphaned_since != row.orphaned_since) {
                withheld.and_record(row.clone())
            } else {
                withheld
            };
        }
        let intent = Intent {
            decided_at: self.read_at(),
            not_before: None,
            not_after: None,
            fingerprint: self.fingerprint(Operation::Revoke),
            claim: None,
        };
        let orphaned_since = row.orphaned_since;
        let row = self.with_intent(Some(row), State::Closing(intent), &row.wanted_by);
        let row = Row { orphaned_since, ..row };
        Decision { action: Some((Operation::Revoke, Box::new(row))), ..Decision::default() }
    }

    /// Whether a row that is marked as an orphan has its principal.
    pub(super) fn is_no_orphan(&self, row: &Row) -> bool {
        let found = self.situation.principals.get(&self.key.principal);
        row.orphaned_since.is_some() && matches!(found, Some(Lookup::Found(())))
    }

    /// The row, marked as an orphan since the first look that found its principal gone. A look that finds it takes the mark away; one that fails
    /// says nothing.
    fn with_its_principal(&self, row: Row) -> Row {
        let orphaned_since = match self.situation.principals.get(&self.key.principal) {
            Some(Lookup::Absent) => row.orphaned_since.or(Some(self.situation.now)),
            Some(Lookup::Found(())) => None,
            Some(Lookup::Failed(_)) | None => row.orphaned_since,
        };
        Row { orphaned_since, ..row }
    }

    /// The first reason that speaks against taking away what is ours, if there is one.
    pub(super) fn why_not_revoke(&self, row: &Row) -> Option<WithheldReason> {
        let Situation { desired, principals, vanished, mode, orphan_grace, now, .. } = self.situation;
        if let Some(why) = self.frozen(row) {
            return Some(WithheldReason::LookupFailed(why));
        }
        match principals.get(&self.key.principal) {
            Some(Lookup::Absent) if row.orphaned_since.is_none_or(|since| *now < since + *orphan_grace) => {
                return Some(WithheldReason::Orphaned);
            }
            Some(Lookup::Failed(why)) => return Some(WithheldReason::LookupFailed(why.clone())),
            Some(Lookup::Absent | Lookup::Found(())) | None => {}
        }
        // A permission set can't be deleted while it is assigned: one of the two lists is wrong.
        if self.listed && vanished.contains(&self.key.permission_set) {
            let why = "the permission set is assigned here, and missing from the list of permission sets";
            return Some(WithheldReason::LookupFailed(why.to_owned()));
        }
        // What is forbidden, or was given and is beyond a scope by now, waits for nothing.
        let beyond = desired.beyond.get(self.key);
        let powerless = &desired.out_of_reach.powerless;
        let mode_of =
            |rule: &RuleId| beyond.and_then(|modes| modes.get(rule)).or_else(|| powerless.get(rule));
        let gave = row.wanted_by.keys().any(|rule| mode_of(rule).is_some());
        if !desired.forbidden.contains_key(self.key)
            && !gave
            && let Some(name) = desired.awaited.by(&self.key.principal)
        {
            return Some(WithheldReason::PermissionSetAwaited(name.to_owned()));
        }
        // A rule that wants the key still, but for a `never`, speaks with the mode it has now. So does one that is beyond the scope of its
        // team by now, if it is one of those that gave the key: another has no say.
        let now = |(rule, had): (&RuleId, &Mode)| mode_of(rule).copied().unwrap_or(*had);
        let strictest = if let Some(modes) = desired.forbidden.get(self.key) {
            modes.values().copied().min()
        } else {
            row.wanted_by.iter().map(now).min()
        };
        let strictest = strictest.unwrap_or(Mode::Sync).min(*mode);
        match strictest {
            Mode::Observe => Some(WithheldReason::Observed),
            Mode::CreateOnly => Some(WithheldReason::CreateOnly),
            Mode::Sync => None,
        }
    }

    /// Why a rule that concerns the account could not be resolved: one that wanted the row, or one that may want it now.
    pub(super) fn frozen(&self, row: &Row) -> Option<String> {
        let frozen = &self.situation.desired.frozen;
        row.wanted_by.keys().find_map(|rule| frozen.get(rule)).or_else(|| frozen.values().next()).cloned()
    }
}
