//! Work to be done: an organization, what is assigned in it, and the intents that would bring it to what the rules want.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AccountId, AssignmentKey, GroupId, Operation, PermissionSetArn, Principal, RulesVersion},
    ledger::{Cause, Intent, Row, State},
};
use simulator::{Caller, CallerKind, Settings, World};

use crate::trouble::Trouble;

/// Permission sets in the organization.
pub(crate) const SETS: usize = 10;

/// Groups in the organization.
const GROUPS: usize = 40;

/// One operation after the other.
pub(crate) type Operations = Vec<(Operation, AssignmentKey)>;

/// What share of the operations are revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    Grants,
    /// Every fifth operation is a revoke: 80 % grants.
    Mixed,
}

impl Mix {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grants => "grants",
            Self::Mixed => "mixed",
        }
    }
}

/// An organization of accounts, permission sets and groups, with names to reach them by.
#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) world: World,
    pub(crate) accounts: Vec<AccountId>,
    sets: Vec<PermissionSetArn>,
    groups: Vec<GroupId>,
}

impl Organization {
    /// With this many accounts beside the management account.
    pub(crate) fn with(accounts: usize, settings: Settings) -> Result<Self, Trouble> {
        let mut text = "management_account: { name: management }\naccounts:\n".to_owned();
        for n in 0..accounts {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  - {{ name: account-{n} }}");
        }
        text.push_str("permission_sets:\n");
        for n in 0..SETS {
            let _ = writeln!(text, "  - {{ name: Set-{n} }}");
        }
        text.push_str("groups:\n");
        for n in 0..GROUPS {
            let _ = writeln!(text, "  - {{ name: Group-{n} }}");
        }
        let world =
            World::from_yaml(&text, settings).map_err(Trouble::while_doing("describing an organization"))?;
        let accounts = world
            .accounts_now()
            .into_iter()
            .filter(|account| !account.is_management)
            .map(|account| account.id);
        Ok(Self {
            accounts: accounts.collect(),
            sets: world.permission_sets_now().into_iter().map(|set| set.arn).collect(),
            groups: world.groups_now().into_values().collect(),
            world,
        })
    }

    /// A caller of the management account.
    pub(crate) fn caller(&self, name: &str) -> Caller {
        Caller::new(name, self.world.management_account().clone(), CallerKind::Management)
    }

    /// The first so many keys of these accounts: one of each account, then another of each, and so on. In one account the
    /// permission sets take turns.
    pub(crate) fn keys(&self, accounts: &[AccountId], count: usize) -> Vec<AssignmentKey> {
        let turns = (0..SETS * GROUPS).flat_map(|turn| {
            let set = self.sets.get(turn % SETS);
            let group = self.groups.get((turn / SETS + turn) % GROUPS);
            accounts.iter().zip(std::iter::repeat((set, group)))
        });
        turns
            .filter_map(|(account, (set, group))| {
                Some(AssignmentKey {
                    account: account.clone(),
                    permission_set: set?.clone(),
                    principal: Principal::Group(group?.clone()),
                })
            })
            .take(count)
            .collect()
    }

    /// The same as operations; what is to be revoked is assigned already.
    pub(crate) fn operations(&mut self, accounts: &[AccountId], count: usize, mix: Mix) -> Operations {
        let by = self.caller("usher");
        let keys = self.keys(accounts, count);
        let mut operations = Operations::new();
        for (at, key) in keys.into_iter().enumerate() {
            // Counted so that the revokes fall on different accounts and permission sets.
            let operation = match mix {
                Mix::Mixed if at % 5 == 4 => Operation::Revoke,
                Mix::Mixed | Mix::Grants => Operation::Grant,
            };
            if operation == Operation::Revoke {
                self.world.grant_by_hand(Timestamp::MIN, &by, &key);
            }
            operations.push((operation, key));
        }
        operations
    }
}

/// The rules in force: any version will do, since nothing is decided here.
pub(crate) fn rules() -> Result<RulesVersion, Trouble> {
    "0".repeat(64).parse().map_err(Trouble::while_doing("naming the rules"))
}

/// The rows that ask for these operations. One account after the other was decided, a millisecond each, the last of them now.
pub(crate) fn rows(operations: &Operations, now: Timestamp) -> Result<Vec<Row>, Trouble> {
    let rules = rules()?;
    let accounts: BTreeSet<&AccountId> = operations.iter().map(|(_, key)| &key.account).collect();
    let since = |ahead: usize| SignedDuration::from_millis(i64::try_from(ahead).unwrap_or(i64::MAX));
    let decided: BTreeMap<&AccountId, Timestamp> = accounts
        .into_iter()
        .rev()
        .enumerate()
        .map(|(ahead, account)| (account, now - since(ahead)))
        .collect();
    let row = |(operation, key): &(Operation, AssignmentKey)| {
        row(*operation, key, &rules, decided.get(&key.account).copied().unwrap_or(now))
    };
    Ok(operations.iter().map(row).collect())
}

/// A row that asks for one operation, decided at a time.
pub(crate) fn row(
    operation: Operation,
    key: &AssignmentKey,
    rules: &RulesVersion,
    decided_at: Timestamp,
) -> Row {
    let intent =
        Intent { decided_at, not_before: None, not_after: None, fingerprint: String::new(), claim: None };
    Row {
        key: key.clone(),
        version: 0,
        state: match operation {
            Operation::Grant => State::Granting(intent),
            Operation::Revoke => State::Closing(intent),
        },
        wanted_by: BTreeMap::new(),
        rules: Some(rules.clone()),
        cause: Cause::new("event", "bench"),
        attempts: 0,
        conflicts: 0,
        changed_at: decided_at,
        missing_since: None,
        departed_since: None,
        orphaned_since: None,
        maybe_sent: false,
        closed_at: None,
        last_request: None,
        overheard: None,
        look_again: false,
        trouble: None,
        approval: None,
        hold: None,
        over_budget: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_about_a_key_of_its_own_and_revokes_about_what_is_assigned() {
        let mut organization = Organization::with(7, Settings::default()).unwrap();
        let accounts = organization.accounts.clone();
        let operations = organization.operations(&accounts, 1000, Mix::Mixed);
        let keys: BTreeSet<_> = operations.iter().map(|(_, key)| key).collect();
        assert_eq!((operations.len(), keys.len()), (1000, 1000));
        let revoked: BTreeSet<_> = operations
            .iter()
            .filter(|(operation, _)| *operation == Operation::Revoke)
            .map(|(_, key)| key.clone())
            .collect();
        assert_eq!(revoked.len(), 200);
        assert_eq!(revoked, organization.world.assignments().into_keys().collect());
    }
}
