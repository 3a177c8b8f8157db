//! Which waiting rows are sent next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{AccountId, Operation, PermissionSetArn, RulesVersion},
    ledger::{Orders, Row, held},
};

/// What bounds the choice.
pub(super) struct Limits<'a> {
    /// How many more requests the window takes.
    pub(super) room: usize,
    pub(super) rules: Option<&'a RulesVersion>,
    pub(super) orders: &'a Orders,
    pub(super) intent_age: SignedDuration,
    pub(super) now: Timestamp,
}

/// What is under way in the accounts, as far as it bears on what is sent next.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    /// How many requests are under way in an account.
    under_way: BTreeMap<AccountId, usize>,
    /// The permission sets whose role may be being made or deleted, by account.
    updating: BTreeMap<AccountId, BTreeSet<PermissionSetArn>>,
    /// Accounts in which such a request takes so long that another would only wait behind it, and take a place of the window for that.
    stuck: BTreeSet<AccountId>,
}

/// Where a permission set has its role already.
pub(super) type Roles = BTreeMap<AccountId, BTreeSet<PermissionSetArn>>;

/// Whether a request may make a role in its account, or delete one: AWS updates one at a time. The last revoke of a permission set
/// deletes its role, and which one is the last isn't known.
fn may_update_a_role(row: &Row, operation: Operation, roles: &Roles) -> bool {
    operation == Operation::Revoke
        || !roles.get(&row.key.account).is_some_and(|sets| sets.contains(&row.key.permission_set))
}

impl Load {
    /// With one more row under way.
    pub(super) fn add(&mut self, row: &Row, roles: &Roles) {
        let Some((operation, _)) = row.work() else { return };
        *self.under_way.entry(row.key.account.clone()).or_default() += 1;
        if may_update_a_role(row, operation, roles) {
            let updating = self.updating.entry(row.key.account.clone()).or_default();
            updating.insert(row.key.permission_set.clone());
        }
    }

    /// With one more row under way that takes very long.
    pub(super) fn add_stuck(&mut self, row: &Row, roles: &Roles) {
        self.add(row, roles);
        if row.work().is_some_and(|(operation, _)| may_update_a_role(row, operation, roles)) {
            self.stuck.insert(row.key.account.clone());
        }
    }

    fn of(&self, account: &AccountId) -> usize {
        self.under_way.get(account).copied().unwrap_or(0)
    }

    /// How much a row would stand in the way of others, or others in its way: not at all; it would make a role while another of the account
    /// is being made; its own is being made; the one before it is stuck.
    fn hindrance(&self, row: &Row, operation: Operation, roles: &Roles) -> u8 {
        match self.updating.get(&row.key.account) {
            Some(_) if !may_update_a_role(row, operation, roles) => 0,
            Some(_) if self.stuck.contains(&row.key.account) => BEHIND_STUCK,
            Some(updating) => {
                if updating.contains(&row.key.permission_set) {
                    2
                } else {
                    1
                }
            }
            None => 0,
        }
    }
}

/// The hindrance with which nothing is sent: one stuck request costs one place of the window.
const BEHIND_STUCK: u8 = 3;

/// A row to be sent.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) row: Row,
    /// Nothing that is under way in its account can hold it up.
    pub(super) unhindered: bool,
}

/// The choice.
pub(super) struct Choice {
    /// To be sent now, in this order.
    pub(super) ready: Vec<Ready>,
    /// Too old, decided by rules that are no longer in force, or on hold meanwhile: to be decided again.
    pub(super) stale: Vec<Row>,
    /// When the next of those that are backing off may be sent.
    pub(super) earliest: Option<Timestamp>,
    /// Whether all that could be sent is waiting to be decided again, or for a request that is stuck.
    pub(super) waiting_for_others: bool,
}

/// Revokes go before grants. Then the work is spread over accounts, since AWS updates one role of an account at a time: the
/// account with the least under way comes first, and within an account the oldest decision. What would make a role beside
/// another of its account, or needs a role that is being made, comes last; where refusals have shown that AWS takes no second one (`strict`),
/// it waits.
pub(super) fn choose<'r>(
    waiting: impl Iterator<Item = &'r Row>,
    load: &Load,
    roles: &Roles,
    strict: bool,
    limits: &Limits<'_>,
) -> Choice {
    let Limits { room, rules, orders, intent_age, now } = *limits;
    let mut choice =
        Choice { ready: Vec::new(), stale: Vec::new(), earliest: None, waiting_for_others: false };
    if orders.pause.is_some() {
        return choice;
    }
    let mut candidates = Vec::new();
    for row in waiting {
        let Some((operation, intent)) = row.work() else { continue };
        if held(&row.key, Some(row), orders).is_some() {
            choice.stale.push(row.clone());
        } else if let Some(time) = intent.not_before.filter(|time| *time > now) {
            choice.earliest = Some(choice.earliest.map_or(time, |earliest| earliest.min(time)));
        } else if row.rules.as_ref() != rules || intent.is_stale(intent_age, now) {
            choice.stale.push(row.clone());
        } else {
            candidates.push((operation, intent.decided_at, row));
        }
    }
    choice.waiting_for_others = candidates.is_empty() && !choice.stale.is_empty();

    let mut load = load.clone();
    while choice.ready.len() < room {
        let rank = |(operation, decided_at, row): &(Operation, Timestamp, &'r Row)| {
            let hindrance = load.hindrance(row, *operation, roles);
            (*operation == Operation::Grant, hindrance, load.of(&row.key.account), *decided_at, &row.key)
        };
        let best = candidates
            .iter()
            .enumerate()
            .map(|(at, candidate)| (rank(candidate), at))
            .filter(|((_, hindrance, ..), _)| *hindrance < if strict { 1 } else { BEHIND_STUCK })
            .min();
        let Some(((_, hindrance, ..), at)) = best else { break };
        let unhindered = hindrance == 0;
        let (_, _, row) = candidates.swap_remove(at);
        load.add(row, roles);
        choice.ready.push(Ready { row: row.clone(), unhindered });
    }
    let behind_stuck = |(operation, _, row): &(Operation, Timestamp, &Row)| {
        load.hindrance(row, *operation, roles) == BEHIND_STUCK
    };
    choice.waiting_for_others |= choice.ready.is_empty() && candidates.iter().any(behind_stuck);
    choice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::AssignmentKey,
        ledger::{Cause, HeldBy, Hold, Intent, Order, State},
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn rules() -> RulesVersion {
        "0".repeat(64).parse().unwrap()
    }

    /// `account` and `group` are single digits.
    fn row(operation: Operation, account: u8, group: u8, decided: i64) -> Row {
        let intent = Intent {
            decided_at: at(decided),
            not_before: None,
            not_after: None,
            fingerprint: String::new(),
            claim: None,
        };
        Row {
            key: AssignmentKey {
                account: account.to_string().repeat(12).parse().unwrap(),
                permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                    .parse()
                    .unwrap(),
                principal: format!("group:f10fac16-ab5b-45c3-86c1-01234567890{group}").parse().unwrap(),
            },
            version: 1,
            state: match operation {
                Operation::Grant => State::Granting(intent),
                Operation::Revoke => State::Closing(intent),
            },
            wanted_by: BTreeMap::new(),
            rules: Some(rules()),
            cause: Cause::new("event", "e"),
            attempts: 0,
            changed_at: at(decided),
            missing_since: None,
            departed_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            look_again: false,
            trouble: None,
            approval: None,
            hold: None,
            over_budget: None,
        }
    }

    fn choice(waiting: &[Row], outstanding: &[Row], room: usize) -> Choice {
        choice_under(waiting, outstanding, room, &Orders::default())
    }

    fn choice_under(waiting: &[Row], outstanding: &[Row], room: usize, orders: &Orders) -> Choice {
        choice_with(waiting, outstanding, room, orders, &Roles::new(), false)
    }

    fn choice_with(
        waiting: &[Row],
        outstanding: &[Row],
        room: usize,
        orders: &Orders,
        roles: &Roles,
        strict: bool,
    ) -> Choice {
        let mut load = Load::default();
        for row in outstanding {
            load.add(row, roles);
        }
        let in_force = rules();
        let intent_age = SignedDuration::from_mins(15);
        let limits = Limits { room, rules: Some(&in_force), orders, intent_age, now: at(100) };
        choose(waiting.iter(), &load, roles, strict, &limits)
    }

    /// The same row for another permission set.
    fn of_set(row: Row, set: u8) -> Row {
        let arn = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcde{set}");
        Row { key: AssignmentKey { permission_set: arn.parse().unwrap(), ..row.key }, ..row }
    }

    #[test]
    fn one_role_of_an_account_is_updated_at_a_time_where_there_is_anything_else_to_send() {
        let grant = |account, group, set| of_set(row(Operation::Grant, account, group, 0), set);
        let waiting = [grant(1, 1, 1), grant(1, 2, 1), grant(1, 3, 2), grant(1, 4, 3), grant(2, 5, 1)];
        // The first of each account, then the first of each set, and only then what needs a role that is being made.
        assert_eq!(sent(&choice(&waiting, &[], 9)), ["11", "25", "13", "14", "12"]);
        // What needs no role goes beside one that is being made.
        let roles = Roles::from([(
            waiting[0].key.account.clone(),
            BTreeSet::from([waiting[0].key.permission_set.clone()]),
        )]);
        let orders = Orders::default();
        let known = choice_with(&waiting[..4], &[grant(1, 9, 9)], 2, &orders, &roles, false);
        assert_eq!(sent(&known), ["11", "12"]);
        // Where AWS has refused a second one, the others wait.
        let strict = choice_with(&waiting, &[], 9, &orders, &Roles::new(), true);
        assert_eq!(sent(&strict), ["11", "25"]);
        let strict = choice_with(&waiting, &[grant(1, 9, 9)], 9, &orders, &roles, true);
        assert_eq!(sent(&strict), ["25", "11", "12"]);
    }

    /// Account and group of each row, in order.
    fn sent(choice: &Choice) -> Vec<String> {
        let name = |row: &Row| {
            let (account, group) = (row.key.account.as_str(), row.key.principal.id());
            format!("{}{}", &account[..1], &group[group.len() - 1..])
        };
        choice.ready.iter().map(|ready| name(&ready.row)).collect()
    }

    #[test]
    fn revokes_go_before_grants_and_the_room_is_kept() {
        let waiting = [
            row(Operation::Grant, 1, 1, 0),
            row(Operation::Grant, 2, 1, 1),
            row(Operation::Revoke, 3, 1, 99),
        ];
        assert_eq!(sent(&choice(&waiting, &[], 2)), ["31", "11"]);
        assert!(sent(&choice(&waiting, &[], 0)).is_empty());
    }

    #[test]
    fn the_work_is_spread_over_accounts_and_the_busy_ones_come_last() {
        let waiting: Vec<Row> = (1..=3).map(|group| row(Operation::Grant, 1, group, 0)).collect();
        let waiting =
            [waiting, vec![row(Operation::Grant, 2, 1, 50), row(Operation::Grant, 2, 2, 50)]].concat();
        assert_eq!(sent(&choice(&waiting, &[], 9)), ["11", "21", "12", "22", "13"]);
        let busy = [row(Operation::Grant, 1, 8, 0), row(Operation::Grant, 1, 9, 0)];
        assert_eq!(sent(&choice(&waiting, &busy, 3)), ["21", "22", "11"]);
    }

    #[test]
    fn behind_a_request_that_is_stuck_no_other_role_update_of_its_account_takes_a_place() {
        let grant = |account, group, set| of_set(row(Operation::Grant, account, group, 0), set);
        let waiting = [grant(1, 1, 1), grant(1, 2, 2), grant(2, 3, 1)];
        let mut load = Load::default();
        let roles = Roles::from([(
            waiting[0].key.account.clone(),
            BTreeSet::from([waiting[0].key.permission_set.clone()]),
        )]);
        load.add_stuck(&grant(1, 9, 9), &roles);
        let (in_force, orders) = (rules(), Orders::default());
        let intent_age = SignedDuration::from_mins(15);
        let limits = Limits { room: 9, rules: Some(&in_force), orders: &orders, intent_age, now: at(100) };
        let others = choose(waiting.iter(), &load, &roles, false, &limits);
        assert_eq!(sent(&others), ["23", "11"]);
        assert!(!others.waiting_for_others);
        let alone = choose(waiting[1..2].iter(), &load, &roles, false, &limits);
        assert!(alone.ready.is_empty() && alone.waiting_for_others);
    }

    #[test]
    fn what_backs_off_waits_and_says_until_when() {
        let mut waiting =
            row(Operation::Grant, 1, 1, 90).map_intent(|i| Intent { not_before: Some(at(130)), ..i });
        let choice_now = choice(std::slice::from_ref(&waiting), &[], 9);
        assert!(choice_now.ready.is_empty());
        assert_eq!(choice_now.earliest, Some(at(130)));
        waiting = waiting.map_intent(|intent| Intent { not_before: Some(at(100)), ..intent });
        assert_eq!(sent(&choice(&[waiting], &[], 9)), ["11"]);
    }

    #[test]
    fn an_old_intent_and_one_of_other_rules_are_not_sent_but_decided_again() {
        let old = row(Operation::Grant, 1, 1, 100 - 15 * 60);
        let other = Row { rules: Some("1".repeat(64).parse().unwrap()), ..row(Operation::Revoke, 2, 1, 99) };
        let choice_now = choice(&[old, other], &[], 9);
        assert!(choice_now.ready.is_empty());
        assert_eq!(choice_now.stale.len(), 2);
        assert!(choice_now.waiting_for_others);
    }

    #[test]
    fn what_is_held_or_past_its_end_is_decided_again_and_a_pause_stops_all() {
        let held = Row {
            hold: Some(Hold { by: HeldBy::DeletedByHand, at: at(0), reason: String::new() }),
            ..row(Operation::Grant, 1, 1, 90)
        };
        let ended = |end| {
            row(Operation::Grant, 2, 1, 90).map_intent(|intent| Intent { not_after: Some(at(end)), ..intent })
        };
        let choice_now = choice(&[held, ended(100)], &[], 9);
        assert_eq!((choice_now.ready.len(), choice_now.stale.len()), (0, 2));
        assert_eq!(sent(&choice(&[ended(101)], &[], 9)), ["21"]);

        let waiting = [row(Operation::Revoke, 1, 1, 90), row(Operation::Grant, 2, 1, 90)];
        let order = Order { by: String::new(), at: at(0), reason: String::new() };
        let on_hold =
            Orders::default().with_hold("account:111111111111".parse().unwrap(), order.clone()).unwrap();
        let choice_now = choice_under(&waiting, &[], 9, &on_hold);
        assert_eq!((sent(&choice_now), choice_now.stale.len()), (vec!["21".to_owned()], 1));
        let paused = Orders { pause: Some(order), ..Orders::default() };
        let choice_now = choice_under(&waiting, &[], 9, &paused);
        assert!(choice_now.ready.is_empty() && choice_now.stale.is_empty() && !choice_now.waiting_for_others);
    }
}
