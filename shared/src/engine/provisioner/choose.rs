//! Which waiting rows are sent next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    roles::Roles,
    stale::{SentBack, Stale},
};
use crate::{
    domain::{AccountId, Operation, PermissionSetArn, RulesVersion},
    ledger::{Orders, Row, held},
};

/// Whether AWS takes a request that may update a role of an account while another is being updated there. It is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecondUpdate {
    /// One is tried, and no other before AWS has answered.
    Unknown,
    Taken,
    /// With a conflict: the others wait.
    Refused,
}

/// What bounds the choice.
pub(super) struct Limits<'a> {
    /// How many more requests the window takes.
    pub(super) room: usize,
    pub(super) rules: Option<&'a RulesVersion>,
    pub(super) orders: &'a Orders,
    pub(super) intent_age: SignedDuration,
    pub(super) second_update: SecondUpdate,
    /// How many accounts are sent back at most.
    pub(super) sent_back: usize,
    pub(super) now: Timestamp,
}

/// What is under way in the accounts, as far as it bears on what is sent next.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    /// How many requests are under way in an account.
    under_way: BTreeMap<AccountId, usize>,
    /// The permission sets whose role may be being made or deleted, by account.
    updating: BTreeMap<AccountId, BTreeSet<PermissionSetArn>>,
    /// How many of these requests are revokes.
    revoking: BTreeMap<AccountId, usize>,
    /// Accounts in which such requests take so long that others would only wait behind them, and take places of the window for that:
    /// how many grants, and how many revokes.
    stuck: BTreeMap<AccountId, (usize, usize)>,
    /// A request is on its way to AWS although another updates a role of its account.
    pub(super) tries_a_second: bool,
}

impl Load {
    /// With one more row under way; tells whether it may update a role.
    pub(super) fn add(&mut self, row: &Row, roles: &Roles) -> bool {
        let Some((operation, _)) = row.work() else { return false };
        *self.under_way.entry(row.key.account.clone()).or_default() += 1;
        if !roles.may_change(&row.key, operation) {
            return false;
        }
        let updating = self.updating.entry(row.key.account.clone()).or_default();
        updating.insert(row.key.permission_set.clone());
        if operation == Operation::Revoke {
            *self.revoking.entry(row.key.account.clone()).or_default() += 1;
        }
        true
    }

    /// With one more row under way that takes very long.
    pub(super) fn add_stuck(&mut self, row: &Row, roles: &Roles) {
        if !self.add(row, roles) {
            return;
        }
        let (grants, revokes) = self.stuck.entry(row.key.account.clone()).or_default();
        match row.work() {
            Some((Operation::Revoke, _)) => *revokes += 1,
            Some((Operation::Grant, _)) | None => *grants += 1,
        }
    }

    fn of(&self, account: &AccountId) -> usize {
        self.under_way.get(account).copied().unwrap_or(0)
    }

    /// How much a row would stand in the way of others, or others in its way.
    fn hindrance(&self, row: &Row, operation: Operation, roles: &Roles) -> Hindrance {
        match self.updating.get(&row.key.account) {
            Some(_) if !roles.may_change(&row.key, operation) => Hindrance::None,
            Some(_) if self.stuck.contains_key(&row.key.account) => Hindrance::BehindStuck,
            Some(updating) if updating.contains(&row.key.permission_set) => Hindrance::ItsRoleIsMade,
            Some(_) => Hindrance::AnotherIsMade,
            None => Hindrance::None,
        }
    }

    /// Whether it may be sent so.
    fn allows(&self, row: &Row, operation: Operation, hindrance: Hindrance, second: SecondUpdate) -> bool {
        match (hindrance, second) {
            (Hindrance::None, _)
            | (Hindrance::AnotherIsMade | Hindrance::ItsRoleIsMade, SecondUpdate::Taken) => true,
            // One stuck request costs one place of the window; where there is something to revoke in its account, one more.
            (Hindrance::BehindStuck, _) => {
                operation == Operation::Revoke && self.may_revoke_behind(&row.key.account)
            }
            (Hindrance::AnotherIsMade | Hindrance::ItsRoleIsMade, SecondUpdate::Unknown) => {
                !self.tries_a_second
            }
            (Hindrance::AnotherIsMade | Hindrance::ItsRoleIsMade, SecondUpdate::Refused) => false,
        }
    }

    /// Whether no other revoke of the account waits behind the request that is stuck.
    fn may_revoke_behind(&self, account: &AccountId) -> bool {
        let revoking = self.revoking.get(account).copied().unwrap_or(0);
        let is_itself_one = matches!(self.stuck.get(account), Some((0, 1..)));
        revoking <= usize::from(is_itself_one)
    }
}

/// What is in the way of a row in its account, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hindrance {
    None,
    /// It would make a role while another of the account is being made.
    AnotherIsMade,
    /// Its own is being made.
    ItsRoleIsMade,
    /// The one before it is stuck.
    BehindStuck,
}

/// A row to be sent.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) row: Row,
    /// Nothing that is under way in its account can hold it up.
    pub(super) unhindered: bool,
}

/// The choice.
#[derive(Default)]
pub(super) struct Choice {
    /// To be sent now, in this order.
    pub(super) ready: Vec<Ready>,
    /// How many others could be sent as they are, if there were room.
    pub(super) others: usize,
    /// In how many accounts something can be sent, if there is room.
    pub(super) accounts: usize,
    /// Accounts with rows that are too old, were decided by rules that are no longer in force, or are on hold meanwhile: those that are to be
    /// decided again next.
    pub(super) sent_back: Vec<SentBack>,
    /// Accounts in which something waits for another's role update: more about their roles is worth knowing.
    pub(super) hindered: BTreeSet<AccountId>,
    /// All of these have been so for long, and there are some.
    pub(super) late: bool,
    /// When the next of those that are backing off may be sent.
    pub(super) earliest: Option<Timestamp>,
    /// Whether all that could be sent is waiting to be decided again, or for a request that is stuck.
    pub(super) waiting_for_others: bool,
    /// Whether something was passed over that doesn't wait to be decided again: others behind it might be sent.
    pub(super) passed_over: bool,
}

/// Revokes go before grants. Then the work is spread over accounts, since AWS updates one role of an account at a time: the
/// account with the least under way comes first, and within an account the oldest decision. What would make a role beside
/// another of its account, or needs a role that is being made, comes last; where refusals have shown that AWS takes no second one, it
/// waits. Behind a request that is stuck only a revoke goes. `waiting` is ordered by key.
pub(super) fn choose<'r>(
    waiting: impl Iterator<Item = &'r Row>,
    load: &Load,
    roles: &Roles,
    limits: &Limits<'_>,
) -> Choice {
    let Limits { room, rules, orders, intent_age, second_update, sent_back, now } = *limits;
    let mut choice = Choice::default();
    if orders.stop_everything() {
        return choice;
    }
    let (mut candidates, mut stopped) = (Vec::new(), false);
    let mut stale = Stale::default();
    for row in waiting {
        let Some((operation, intent)) = row.work() else { continue };
        if held(&row.key, Some(row), orders).is_some() {
            stale.add(row, operation, intent.decided_at);
            choice.passed_over = true;
        } else if orders.stop(operation) {
            stopped = true;
            choice.passed_over = true;
        } else if let Some(time) = intent.not_before.filter(|time| *time > now) {
            choice.earliest = Some(choice.earliest.map_or(time, |earliest| earliest.min(time)));
            choice.passed_over = true;
        } else if row.rules.as_ref() != rules || intent.is_stale(intent_age, now) {
            stale.add(row, operation, intent.decided_at);
        } else {
            candidates.push((operation, intent.decided_at, row));
        }
    }
    // Rows come by their keys, so those of an account come together.
    let accounts = candidates.chunk_by(|(_, _, a), (_, _, b)| a.key.account == b.key.account);
    choice.accounts = accounts.count();
    choice.waiting_for_others = candidates.is_empty() && (stopped || !stale.is_empty());
    choice.late = stale.are_late(intent_age, now);
    choice.sent_back = stale.next(sent_back, intent_age, now);

    let mut load = load.clone();
    while choice.ready.len() < room {
        let rank = |(operation, decided_at, row): &(Operation, Timestamp, &'r Row)| {
            let hindrance = load.hindrance(row, *operation, roles);
            (*operation == Operation::Grant, hindrance, load.of(&row.key.account), *decided_at, &row.key)
        };
        let best = candidates
            .iter()
            .enumerate()
            .map(|(at, candidate)| (rank(candidate), at, candidate))
            .filter(|((_, hindrance, ..), _, (operation, _, row))| {
                load.allows(row, *operation, *hindrance, second_update)
            })
            .map(|(rank, at, _)| (rank, at))
            .min();
        let Some(((_, hindrance, ..), at)) = best else { break };
        let unhindered = hindrance == Hindrance::None;
        let (_, _, row) = candidates.swap_remove(at);
        load.add(row, roles);
        load.tries_a_second |= !unhindered;
        choice.ready.push(Ready { row: row.clone(), unhindered });
    }
    choice.others = candidates.len();
    if choice.ready.len() < room {
        let of = |(operation, _, row): &(Operation, Timestamp, &Row)| load.hindrance(row, *operation, roles);
        choice.passed_over |= !candidates.is_empty();
        choice.waiting_for_others |=
            choice.ready.is_empty() && candidates.iter().any(|row| of(row) == Hindrance::BehindStuck);
        choice.hindered = candidates.iter().map(|(_, _, row)| row.key.account.clone()).collect();
    }
    choice
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        domain::AssignmentKey,
        ledger::{Cause, HeldBy, Hold, Intent, Order, State},
    };

    pub(in crate::engine::provisioner) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn rules() -> RulesVersion {
        "0".repeat(64).parse().unwrap()
    }

    /// `account` and `group` are single digits.
    pub(in crate::engine::provisioner) fn row(
        operation: Operation,
        account: u8,
        group: u8,
        decided: i64,
    ) -> Row {
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
            conflicts: 0,
            changed_at: at(decided),
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

    fn choice(waiting: &[Row], outstanding: &[Row], room: usize) -> Choice {
        choice_under(waiting, outstanding, room, &Orders::default())
    }

    fn choice_under(waiting: &[Row], outstanding: &[Row], room: usize, orders: &Orders) -> Choice {
        choice_with(waiting, outstanding, room, orders, &Roles::default(), SecondUpdate::Taken)
    }

    fn choice_with(
        waiting: &[Row],
        outstanding: &[Row],
        room: usize,
        orders: &Orders,
        roles: &Roles,
        second_update: SecondUpdate,
    ) -> Choice {
        let mut load = Load::default();
        for row in outstanding {
            load.add(row, roles);
        }
        let in_force = rules();
        let limits = Limits { room, second_update, ..limits(&in_force, orders) };
        choose(waiting.iter(), &load, roles, &limits)
    }

    fn limits<'a>(in_force: &'a RulesVersion, orders: &'a Orders) -> Limits<'a> {
        Limits {
            room: 9,
            rules: Some(in_force),
            orders,
            intent_age: SignedDuration::from_mins(15),
            second_update: SecondUpdate::Taken,
            sent_back: 20,
            now: at(100),
        }
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
        let mut roles = Roles::default();
        roles.seen(&waiting[0].key.account, &waiting[0].key.permission_set);
        let orders = Orders::default();
        let with = |waiting: &[Row], outstanding: &[Row], room, roles: &Roles, second| {
            choice_with(waiting, outstanding, room, &orders, roles, second)
        };
        let known = with(&waiting[..4], &[grant(1, 9, 9)], 2, &roles, SecondUpdate::Taken);
        assert_eq!(sent(&known), ["11", "12"]);
        // Where AWS has refused a second one, the others wait.
        let refused = with(&waiting, &[], 9, &Roles::default(), SecondUpdate::Refused);
        assert_eq!(sent(&refused), ["11", "25"]);
        assert_eq!(refused.hindered, [waiting[0].key.account.clone()].into());
        let refused = with(&waiting, &[grant(1, 9, 9)], 9, &roles, SecondUpdate::Refused);
        assert_eq!(sent(&refused), ["25", "11", "12"]);
        // As long as it isn't known, one is tried.
        let tried = with(&waiting, &[], 9, &Roles::default(), SecondUpdate::Unknown);
        assert_eq!(sent(&tried), ["11", "25", "13"]);
        assert_eq!((tried.others, tried.accounts), (2, 2));
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
        let mut roles = Roles::default();
        roles.seen(&waiting[0].key.account, &waiting[0].key.permission_set);
        load.add_stuck(&grant(1, 9, 9), &roles);
        let (in_force, orders) = (rules(), Orders::default());
        let limits = limits(&in_force, &orders);
        let others = choose(waiting.iter(), &load, &roles, &limits);
        assert_eq!(sent(&others), ["23", "11"]);
        assert!(!others.waiting_for_others);
        let alone = choose(waiting[1..2].iter(), &load, &roles, &limits);
        assert!(alone.ready.is_empty() && alone.waiting_for_others);
    }

    #[test]
    fn behind_a_request_that_is_stuck_one_revoke_goes_and_no_second_one_waits_there() {
        let revoke = |group, set| of_set(row(Operation::Revoke, 1, group, 0), set);
        let waiting = [revoke(1, 1), revoke(2, 2)];
        let (in_force, orders, mut roles) = (rules(), Orders::default(), Roles::default());
        let limits = limits(&in_force, &orders);
        let mut load = Load::default();
        load.add_stuck(&of_set(row(Operation::Grant, 1, 9, 0), 9), &roles);
        let one = choose(waiting.iter(), &load, &roles, &limits);
        assert_eq!(sent(&one), ["11"]);
        assert!(!one.ready[0].unhindered);
        // It is stuck as well: AWS does not update another role beside it.
        load.add_stuck(&waiting[0], &roles);
        assert!(choose(waiting[1..].iter(), &load, &roles, &limits).ready.is_empty());
        // But what is known to delete no role goes on.
        roles.granted(&of_set(row(Operation::Grant, 1, 3, 0), 2).key);
        assert_eq!(sent(&choose(waiting[1..].iter(), &load, &roles, &limits)), ["12"]);
        // The one that is stuck may be a revoke itself.
        let mut load = Load::default();
        load.add_stuck(&revoke(9, 9), &roles);
        assert_eq!(sent(&choose(waiting[..1].iter(), &load, &roles, &limits)), ["11"]);
        // Where AWS refuses a second update, it is tried now and then: it may delete no role.
        let refused = Limits { second_update: SecondUpdate::Refused, ..limits };
        assert_eq!(sent(&choose(waiting[..1].iter(), &load, &roles, &refused)), ["11"]);
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
        assert_eq!(choice_now.sent_back.len(), 2);
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
        assert_eq!((choice_now.ready.len(), choice_now.sent_back.len()), (0, 2));
        assert_eq!(sent(&choice(&[ended(101)], &[], 9)), ["21"]);

        let waiting = [row(Operation::Revoke, 1, 1, 90), row(Operation::Grant, 2, 1, 90)];
        let order = Order { by: String::new(), at: at(0), reason: String::new() };
        let on_hold =
            Orders::default().with_hold("account:111111111111".parse().unwrap(), order.clone()).unwrap();
        let choice_now = choice_under(&waiting, &[], 9, &on_hold);
        assert_eq!((sent(&choice_now), choice_now.sent_back.len()), (vec!["21".to_owned()], 1));
        let paused = Orders { pause: Some(order), ..Orders::default() };
        let choice_now = choice_under(&waiting, &[], 9, &paused);
        assert!(
            choice_now.ready.is_empty() && choice_now.sent_back.is_empty() && !choice_now.waiting_for_others
        );
    }
}
