//! What an approval lets through, over rows of chance.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::AssignmentKey,
    ledger::State,
    plan::tests::{
        at, case, key,
        restraint::{approved, latched},
        row, rules,
    },
};

/// A key whose row is ours and which no rule wants any more.
#[derive(Debug, Clone)]
struct Unwanted {
    latched: bool,
    /// Valid, of the other operation, of other rules, expired, or none.
    approval: Option<usize>,
}

fn unwanted() -> impl Strategy<Value = Vec<Unwanted>> {
    let one = (any::<bool>(), proptest::option::of(0..4_usize));
    proptest::collection::vec(one.prop_map(|(latched, approval)| Unwanted { latched, approval }), 0..24)
}

fn with_key(row: Row, number: usize) -> Row {
    let principal = format!("group:f10fac16-ab5b-45c3-86c1-{number:012}").parse().unwrap();
    Row { key: AssignmentKey { principal, ..key() }, ..row }
}

proptest! {
    /// Whatever waits, whatever room the budgets have: beyond them goes exactly what a valid approval names, and it costs nothing.
    #[test]
    fn approve_lets_through_exactly_what_it_named(keys in unwanted(), room in 0_u32..30) {
        let rows: Vec<Row> = keys
            .iter()
            .enumerate()
            .map(|(number, Unwanted { latched: is_latched, approval })| {
                let row = with_key(row(State::Ours), number);
                let row = if *is_latched { latched(row) } else { row };
                let mut row = match approval {
                    None => row,
                    Some(1) => approved(row, Operation::Grant, at(99)),
                    Some(3) => approved(row, Operation::Revoke, at(60)),
                    Some(_) => approved(row, Operation::Revoke, at(61)),
                };
                if *approval == Some(2) {
                    row.approval.as_mut().unwrap().rules = "1".repeat(64).parse().unwrap();
                }
                row
            })
            .collect();
        let guardrails = Guardrails { max_deletes: room, max_delete_percent: 0, max_creates: 0, max_orphan_deletes: 0 };
        let cause = Cause::new("event", "new");
        let budgets = Budgets::new(guardrails, 0, &cause, &rules(), at(60));
        let approved = approve(case().listed().plan_of(&rows), &budgets);

        let named = |number: &usize| keys[*number].approval == Some(0);
        let fits = (0..keys.len()).filter(|number| !named(number) && !keys[*number].latched).take(room as usize);
        let expected: BTreeSet<AssignmentKey> =
            (0..keys.len()).filter(named).chain(fits.clone()).map(|number| rows[number].key.clone()).collect();
        let gone: BTreeSet<AssignmentKey> =
            approved.actions().iter().map(|action| action.key.clone()).collect();
        prop_assert_eq!(gone, expected);
        prop_assert_eq!(approved.charged(Operation::Revoke) as usize, fits.count());
        // What stays back is told, and marked once.
        prop_assert_eq!(approved.withheld().len(), keys.len() - approved.actions().len());
        prop_assert!(approved.records().iter().all(|row| row.over_budget.is_some()));
        let marked: BTreeSet<_> = approved.records().iter().map(|row| &row.key).collect();
        prop_assert!(rows.iter().all(|row| row.over_budget.is_none() || !marked.contains(&row.key)));
    }
}
