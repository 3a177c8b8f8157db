//! What else there is to say of rules that select something beyond the scope of their team.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{AssignmentKey, Mode, PermissionSetArn, RuleId};

/// What is beyond the scopes of teams in one account, besides the assignments that rules want there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutOfReach {
    /// Of what rules want beyond their scope, what a `never` forbids: it would not be given without any scope either.
    pub forbidden: BTreeSet<AssignmentKey>,
    /// Permission sets that a rule would give here beyond its scope, to principals none of which is there, or was found.
    pub of_nobody: BTreeMap<RuleId, BTreeSet<PermissionSetArn>>,
    /// Rules with a look-up that failed, and that give nothing here whatever it would have said, since all of it is beyond their scope:
    /// they freeze nothing. With the modes that they have.
    pub powerless: BTreeMap<RuleId, Mode>,
}

impl OutOfReach {
    pub(super) fn forbid<'a>(&mut self, keys: impl Iterator<Item = &'a AssignmentKey>) {
        self.forbidden.extend(keys.cloned());
    }

    /// What nobody may have can't be given to those who are yet to come.
    pub(super) fn forbid_to_all(&mut self, sets: &BTreeSet<PermissionSetArn>) {
        for of_rule in self.of_nobody.values_mut() {
            of_rule.retain(|set| !sets.contains(set));
        }
        self.of_nobody.retain(|_, of_rule| !of_rule.is_empty());
    }
}
