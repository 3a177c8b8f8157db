//! AWS's quotas: a create that AWS would refuse is not planned.
//!
//! Counted is what the account has by the ledger, what is on its way there, and what the rules want and others have made: the
//! same for a look at one account and for a look at all. What others have made besides, Usher may not know: such a create is
//! refused by AWS, and its key blocked with AWS's reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Action, Situation};
use crate::{
    domain::{AssignmentKey, GroupId, Operation, PermissionSetArn, Principal},
    ledger::{Row, State},
};

/// How much AWS allows in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Groups that one permission set can be assigned to. AWS doesn't raise it.
    pub groups: usize,
    /// Permission sets that can be provisioned. AWS raises it when asked.
    pub permission_sets: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { groups: 100, permission_sets: 500 }
    }
}

/// A quota that is used up, with what it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    GroupsPerPermissionSet(usize),
    PermissionSetsPerAccount(usize),
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupsPerPermissionSet(limit) => write!(
                f,
                "AWS assigns a permission set to no more than {limit} groups in one account: join groups into one, or give some of them another permission set"
            ),
            Self::PermissionSetsPerAccount(limit) => write!(
                f,
                "AWS provisions no more than {limit} permission sets in one account: give fewer, or have the quota raised and say so in `USHER_PERMISSION_SETS_PER_ACCOUNT`"
            ),
        }
    }
}

/// The creates that would exceed a quota, in the order of their keys. What exists counts until it is gone, and stays.
pub(super) fn over(actions: &[Action], situation: &Situation<'_>) -> BTreeMap<AssignmentKey, Quota> {
    let Situation { account, desired, rows, actual, quotas, .. } = situation;
    // Almost every account: so few keys are over no quota, whatever they are.
    if actions.len() + rows.len() + actual.present.len() <= quotas.groups.min(quotas.permission_sets) {
        return BTreeMap::new();
    }
    let creates: BTreeSet<&AssignmentKey> = actions
        .iter()
        .filter(|action| action.operation == Operation::Grant)
        .map(|action| &action.key)
        .collect();
    if creates.is_empty() {
        return BTreeMap::new();
    }
    let held = rows.iter().filter(|row| row.key.account == account.id && may_exist(row)).map(|row| &row.key);
    let foreign = desired.wanted.keys().filter(|key| actual.present.contains(*key));
    let mut taken = Taken::default();
    for key in held.chain(foreign).filter(|key| !creates.contains(key)) {
        taken.add(key);
    }
    let mut over = BTreeMap::new();
    for key in creates {
        match taken.used_up(key, *quotas) {
            Some(quota) => _ = over.insert(key.clone(), quota),
            None => taken.add(key),
        }
    }
    over
}

/// What an account has of what quotas count: by permission set, the groups that it is assigned to.
#[derive(Default)]
struct Taken<'a>(BTreeMap<&'a PermissionSetArn, BTreeSet<&'a GroupId>>);

impl<'a> Taken<'a> {
    fn add(&mut self, key: &'a AssignmentKey) {
        let groups = self.0.entry(&key.permission_set).or_default();
        match &key.principal {
            Principal::Group(group) => _ = groups.insert(group),
            Principal::User(_) => {}
        }
    }

    /// The quota that leaves no room for a key.
    fn used_up(&self, key: &AssignmentKey, quotas: Quotas) -> Option<Quota> {
        let Some(groups) = self.0.get(&key.permission_set) else {
            let limit = quotas.permission_sets;
            return (self.0.len() >= limit).then_some(Quota::PermissionSetsPerAccount(limit));
        };
        let limit = quotas.groups;
        match &key.principal {
            Principal::Group(group) if !groups.contains(group) && groups.len() >= limit => {
                Some(Quota::GroupsPerPermissionSet(limit))
            }
            Principal::Group(_) | Principal::User(_) => None,
        }
    }
}

/// Whether there may be an assignment behind a row, now or soon.
fn may_exist(row: &Row) -> bool {
    match &row.state {
        State::Granting(_) | State::Ours | State::Closing(_) | State::Uncertain { .. } | State::Dormant => {
            true
        }
        State::Blocked { operation, .. } => *operation == Operation::Revoke,
        State::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Account, AccountState, Mode, OuPath, RuleId, Tags},
        ledger::{Cause, Claim, Fence, Intent, Orders},
        plan::{Actual, ManagementWrites, Plan, WithheldReason, plan},
        resolve::{Awaited, Desired, OutOfReach},
    };

    const QUOTAS: Quotas = Quotas { groups: 3, permission_sets: 2 };

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn account() -> Account {
        Account {
            id: "111122223333".parse().unwrap(),
            name: "one".into(),
            state: AccountState::Active,
            path: OuPath::default(),
            tags: Tags::default(),
            is_management: false,
        }
    }

    /// A group's key, or with a number from 50 on a user's.
    fn key(set: usize, who: usize) -> AssignmentKey {
        let id = format!("00000000-0000-0000-0000-{who:012}");
        let set = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{set:016}");
        AssignmentKey {
            account: account().id,
            permission_set: set.parse().unwrap(),
            principal: if who < 50 {
                Principal::Group(id.parse().unwrap())
            } else {
                Principal::User(id.parse().unwrap())
            },
        }
    }

    fn wanted_by() -> BTreeMap<RuleId, Mode> {
        BTreeMap::from([("r".parse().unwrap(), Mode::Sync)])
    }

    /// A row in one of eight states; behind the last two there is no assignment.
    fn row(key: AssignmentKey, which: usize) -> Row {
        let intent = || Intent {
            decided_at: now(),
            not_before: None,
            not_after: None,
            fingerprint: "f".into(),
            claim: Some(Claim { fence: Fence(1), at: now(), request: None, polled: None }),
        };
        let blocked = |operation| State::Blocked {
            operation,
            reason: "refused".into(),
            fingerprint: "f".into(),
            retry_at: now() + SignedDuration::from_hours(1),
        };
        let state = match which {
            0 => State::Ours,
            1 => State::Granting(intent()),
            2 => State::Closing(intent()),
            3 => State::Uncertain { reason: "lost".into(), contested: false },
            4 => State::Dormant,
            5 => blocked(Operation::Revoke),
            6 => blocked(Operation::Grant),
            _ => State::Closed,
        };
        Row {
            key,
            version: 1,
            state,
            wanted_by: wanted_by(),
            rules: None,
            cause: Cause::new("event", "old"),
            attempts: 0,
            conflicts: 0,
            changed_at: now() - SignedDuration::from_hours(1),
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

    fn planned(wanted: &[AssignmentKey], rows: &[Row], present: &[AssignmentKey]) -> Plan {
        let account = account();
        let desired = Desired {
            account: account.id.clone(),
            wanted: wanted.iter().map(|key| (key.clone(), wanted_by())).collect(),
            repair: BTreeSet::new(),
            until: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            forbidden: BTreeMap::new(),
            beyond: BTreeMap::new(),
            out_of_reach: OutOfReach::default(),
            frozen: BTreeMap::new(),
            grants_frozen: None,
            waiting: BTreeSet::new(),
            named: BTreeMap::new(),
            awaited: Awaited::default(),
        };
        plan(&Situation {
            account: &account,
            desired: &desired,
            rows,
            actual: &Actual { present: present.iter().cloned().collect(), read_at: now() },
            principals: &BTreeMap::new(),
            vanished: &BTreeSet::new(),
            orders: &Orders::default(),
            mode: Mode::Sync,
            rules: &"0".repeat(64).parse().unwrap(),
            cause: &Cause::new("event", "new"),
            management: ManagementWrites::Withheld,
            quotas: QUOTAS,
            lag: SignedDuration::from_mins(5),
            orphan_grace: SignedDuration::from_hours(24),
            intent_age: SignedDuration::from_mins(15),
            now: now(),
        })
    }

    fn created(plan: &Plan) -> BTreeSet<AssignmentKey> {
        let creates = plan.actions.iter().filter(|action| action.operation == Operation::Grant);
        creates.map(|action| action.key.clone()).collect()
    }

    fn over_quota(plan: &Plan) -> Vec<(AssignmentKey, String)> {
        let over = plan.withheld.iter().filter(|it| matches!(it.reason, WithheldReason::Quota(_)));
        over.map(|it| (it.key.clone(), it.reason.to_string())).collect()
    }

    #[test]
    fn creates_beyond_a_quota_wait_in_the_order_of_their_keys() {
        let wanted: Vec<_> = (0..5).map(|who| key(1, who)).collect();
        let plan = planned(&wanted, &[], &[]);
        assert_eq!(created(&plan), wanted[..3].iter().cloned().collect());
        let over = over_quota(&plan);
        assert_eq!(over.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&wanted[3], &wanted[4]]);
        assert!(over[0].1.contains("no more than 3 groups in one account: join groups into one"), "{over:?}");

        let plan = planned(&[key(1, 0), key(2, 0), key(3, 0)], &[], &[]);
        assert_eq!(created(&plan), [key(1, 0), key(2, 0)].into());
        assert!(over_quota(&plan)[0].1.contains("`USHER_PERMISSION_SETS_PER_ACCOUNT`"));
    }

    #[test]
    fn what_is_there_counts_and_stays_and_users_do_not_count_as_groups() {
        let held: Vec<_> = (0..3).map(|who| row(key(1, who), 0)).collect();
        let present: Vec<_> = held.iter().map(|row| row.key.clone()).collect();
        let mut wanted = present.clone();
        wanted.extend([key(1, 3), key(1, 50), key(2, 3)]);
        let plan = planned(&wanted, &held, &present);
        assert_eq!(created(&plan), [key(1, 50), key(2, 3)].into());
        assert_eq!(over_quota(&plan).len(), 1);
        // There is one more than there should be, and it is not taken away for that.
        let more: Vec<_> = (0..4).map(|who| row(key(1, who), 0)).collect();
        let there: Vec<_> = more.iter().map(|row| row.key.clone()).collect();
        assert!(planned(&there, &more, &there).actions.is_empty());
        // What goes makes room when it is gone, and not before.
        let plan = planned(&[key(1, 1), key(1, 2), key(1, 4)], &held, &present);
        assert_eq!((plan.count(Operation::Revoke), over_quota(&plan).len()), (1, 1));
        // What others made and rules want takes its place too.
        let plan = planned(&[key(1, 0), key(1, 1), key(1, 2), key(1, 3)], &[], &[key(1, 3)]);
        assert_eq!((created(&plan).len(), over_quota(&plan).len()), (2, 1));
    }

    proptest! {
        #[test]
        fn after_no_plan_there_is_more_than_a_quota_allows_but_for_what_there_was(
            rows in prop::collection::btree_map((0..4_usize, 0..6_usize), 0..8_usize, 0..12),
            wanted in prop::collection::btree_set((0..4_usize, prop_oneof![0..6_usize, 50..52_usize]), 0..16),
        ) {
            let rows: Vec<_> = rows.into_iter().map(|((set, who), which)| row(key(set, who), which)).collect();
            let has_none = |row: &Row| matches!(row.state.label(), "closed") || matches!(row.state, State::Blocked { operation: Operation::Grant, .. });
            let there: BTreeSet<_> = rows.iter().filter(|row| !has_none(row)).map(|row| row.key.clone()).collect();
            let present: Vec<_> = there.iter().cloned().collect();
            let wanted: Vec<_> = wanted.into_iter().map(|(set, who)| key(set, who)).collect();
            let plan = planned(&wanted, &rows, &present);
            let after: BTreeSet<_> = there.union(&created(&plan)).cloned().collect();
            let sets = |keys: &BTreeSet<AssignmentKey>| keys.iter().map(|key| key.permission_set.clone()).collect::<BTreeSet<_>>();
            let groups = |keys: &BTreeSet<AssignmentKey>, set: &PermissionSetArn| {
                keys.iter().filter(|key| key.permission_set == *set && matches!(key.principal, Principal::Group(_))).count()
            };
            prop_assert!(sets(&after).len() <= QUOTAS.permission_sets.max(sets(&there).len()));
            for set in sets(&after) {
                prop_assert!(groups(&after, &set) <= QUOTAS.groups.max(groups(&there, &set)));
            }
            // Nothing waits while there is room for it.
            for (key, why) in over_quota(&plan) {
                let is_there = sets(&after).contains(&key.permission_set);
                let full = if is_there { groups(&after, &key.permission_set) >= QUOTAS.groups } else { sets(&after).len() >= QUOTAS.permission_sets };
                prop_assert!(full, "{key}: {why}");
            }
        }
    }
}
