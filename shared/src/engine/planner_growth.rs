//! What a plan costs where there are many keys.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    domain::{AssignmentKey, Principal},
    ledger::{Row, State},
    plan::tests::{case, key, row},
};

/// So many rows that are ours and no longer wanted.
fn rows_of(keys: u64) -> Vec<Row> {
    let group = |n| format!("f10fac16-ab5b-45c3-86c1-{n:012}");
    let of = |n| AssignmentKey { principal: Principal::Group(group(n).parse().unwrap()), ..key() };
    (0..keys).map(|n| Row { key: of(n), ..row(State::Ours) }).collect()
}

/// How long this thread has computed, where Linux tells: what else the machine does at the time is not in it.
fn computed(since: Instant) -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    nanoseconds.filter(|time| *time > 0).map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// How long it takes to plan these rows so often.
fn costs(rows: &[Row], times: usize) -> Duration {
    let since = Instant::now();
    let began = computed(since);
    for _ in 0..times {
        assert_eq!(case().listed().plan_of(rows).actions.len(), rows.len());
    }
    computed(since).saturating_sub(began)
}

/// The same number of keys in all, in one account or in sixteen: where each key is held against each other, one costs sixteen times as much.
#[test]
fn a_plan_of_many_keys_costs_hardly_more_for_each_than_one_of_few() {
    let (few, many) = (rows_of(250), rows_of(4_000));
    let least = |rows, times| (0..5).map(|_| costs(rows, times)).min().unwrap_or_default();
    let (of_few, of_many) = (least(&few, 16), least(&many, 1));
    assert!(of_many < of_few * 3, "{of_many:?} for all at once, and {of_few:?} in sixteen parts");
}
