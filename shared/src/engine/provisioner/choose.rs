//! Which waiting rows are sent next. Pure.

use std::collections::{BTreeMap, btree_map};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{AccountId, AssignmentKey, Operation, RulesVersion},
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

/// The choice.
pub(super) struct Choice {
    /// To be sent now, in this order.
    pub(super) ready: Vec<Row>,
    /// Too old, decided by rules that are no longer in force, or on hold meanwhile: to be decided again.
    pub(super) stale: Vec<Row>,
    /// When the next of those that are backing off may be sent.
    pub(super) earliest: Option<Timestamp>,
    /// Whether all that could be sent is waiting to be decided again.
    pub(super) waiting_for_others: bool,
}

/// Revokes go before grants. Then the work is spread over accounts, since AWS updates one role of an account at a time: the
/// account with the least under way comes first, and within an account the oldest decision.
pub(super) fn choose(
    waiting: &[Row],
    outstanding: &BTreeMap<AssignmentKey, Row>,
    limits: &Limits<'_>,
) -> Choice {
    let Limits { room, rules, orders, intent_age, now } = *limits;
    let mut choice =
        Choice { ready: Vec::new(), stale: Vec::new(), earliest: None, waiting_for_others: false };
    if orders.pause.is_some() {
        return choice;
    }
    let mut load: BTreeMap<&AccountId, usize> = BTreeMap::new();
    for key in outstanding.keys() {
        *load.entry(&key.account).or_default() += 1;
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
            candidates.push((operation == Operation::Grant, intent.decided_at, row));
        }
    }
    choice.waiting_for_others = candidates.is_empty() && !choice.stale.is_empty();
    candidates.sort_by(|a, b| (a.0, a.1, &a.2.key).cmp(&(b.0, b.1, &b.2.key)));

    let mut turns = Vec::with_capacity(candidates.len());
    for (is_grant, decided_at, row) in candidates {
        let turn = match load.entry(&row.key.account) {
            btree_map::Entry::Vacant(entry) => *entry.insert(1) - 1,
            btree_map::Entry::Occupied(mut entry) => {
                *entry.get_mut() += 1;
                *entry.get() - 1
            }
        };
        turns.push((is_grant, turn, decided_at, row));
    }
    turns.sort_by(|a, b| (a.0, a.1, a.2, &a.3.key).cmp(&(b.0, b.1, b.2, &b.3.key)));
    choice.ready = turns.into_iter().take(room).map(|(.., row)| row.clone()).collect();
    choice
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::{Cause, HeldBy, Hold, Intent, Order, State};

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
        let outstanding = outstanding.iter().map(|row| (row.key.clone(), row.clone())).collect();
        let rules = rules();
        let intent_age = SignedDuration::from_mins(15);
        let limits = Limits { room, rules: Some(&rules), orders, intent_age, now: at(100) };
        choose(waiting, &outstanding, &limits)
    }

    /// Account and group of each row, in order.
    fn sent(choice: &Choice) -> Vec<String> {
        let name = |row: &Row| {
            let (account, group) = (row.key.account.as_str(), row.key.principal.id());
            format!("{}{}", &account[..1], &group[group.len() - 1..])
        };
        choice.ready.iter().map(name).collect()
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
