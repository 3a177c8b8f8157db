//! Work: what is to be done, in its order.

use super::fixtures::*;

async fn worked(ledger: &dyn Ledger, limit: usize) -> Vec<AssignmentKey> {
    ledger.work(limit).await.unwrap().into_iter().map(|row| row.key).collect()
}

pub(super) async fn work_is_revokes_first_then_the_oldest_decision(ledger: &dyn Ledger) {
    let rows = [
        pending(1, at(20)),
        closing(2, at(900)),
        pending(3, at(10)),
        closing(4, at(30)),
        pending(5, at(-86_400)),
        // Whole seconds and parts of a second, which are written with more digits.
        closing(6, "2026-11-02T09:00:30.5Z".parse().unwrap()),
        closing(7, "2026-11-02T09:00:29.999Z".parse().unwrap()),
    ];
    write(ledger, &rows).await.unwrap();
    let expected: Vec<AssignmentKey> =
        [7, 4, 6, 2, 5, 3, 1].into_iter().map(|number| key(1, number)).collect();

    assert_eq!(worked(ledger, 100).await, expected);

    let work = ledger.work(1).await.unwrap();
    assert_eq!(work, [stored(ledger, &rows[6]).await], "with its version and all it says");
}

pub(super) async fn work_stops_at_the_limit(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..20).map(|number| pending(number, at(i64::try_from(number).unwrap()))).collect();
    write(ledger, &rows).await.unwrap();
    assert_eq!(worked(ledger, 3).await, [key(1, 0), key(1, 1), key(1, 2)]);
    assert_eq!(worked(ledger, 20).await.len(), 20);
    assert_eq!(worked(ledger, 0).await, []);
}

pub(super) async fn work_that_was_decided_lately_is_found_behind_any_number_of_old_decisions(
    ledger: &dyn Ledger,
) {
    let old = (0..9).map(|number| pending(number, at(i64::try_from(number).unwrap())));
    let new = [pending(11, at(101)), closing(12, at(102)), closing(13, at(99)), pending(14, at(100))];
    write(ledger, &old.chain(new).collect::<Vec<Row>>()).await.unwrap();
    let since = async |time: Timestamp, limit| {
        let rows = ledger.work_decided_since(time, limit).await.unwrap();
        rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(since(at(100), 100).await, [12, 14, 11].map(|number| key(1, number)));
    assert_eq!(since(at(100), 2).await, [12, 14].map(|number| key(1, number)));
    assert_eq!(since(at(102), 100).await, [key(1, 12)]);
    assert_eq!(since(at(103), 100).await, []);
    assert_eq!(since(Timestamp::MIN, 100).await.len(), 13);
}

pub(super) async fn rows_without_work_are_not_in_it_and_claimed_ones_are(ledger: &dyn Ledger) {
    let blocked = State::Blocked {
        operation: Operation::Grant,
        reason: "no".to_owned(),
        fingerprint: "f".to_owned(),
        retry_at: at(0),
    };
    let rows = [
        ours(1),
        row(key(1, 2), State::Closed),
        row(key(1, 3), State::Uncertain { reason: "perhaps".to_owned(), contested: false }),
        row(key(1, 4), blocked),
        row(key(1, 5), State::Dormant),
        row(key(1, 6), State::Granting(claimed(at(6)))),
        row(key(1, 7), State::Closing(claimed(at(7)))),
        row(key(1, 8), State::Closing(intent(at(5)))),
    ];
    write(ledger, &rows).await.unwrap();
    // What may be with AWS comes first, whatever it does: it must never be lost sight of behind a backlog.
    assert_eq!(worked(ledger, 100).await, [key(1, 6), key(1, 7), key(1, 8)]);
}

pub(super) async fn work_follows_the_row(ledger: &dyn Ledger) {
    write(ledger, &[pending(1, at(1)), pending(2, at(2))]).await.unwrap();
    let made = stored(ledger, &pending(1, at(1))).await.into_state(State::Ours, at(3));
    write(ledger, &[made]).await.unwrap();
    assert_eq!(worked(ledger, 100).await, [key(1, 2)]);

    let unwanted = stored(ledger, &ours(1)).await.into_state(State::Closing(intent(at(4))), at(4));
    write(ledger, &[unwanted]).await.unwrap();
    assert_eq!(worked(ledger, 100).await, [key(1, 1), key(1, 2)]);
}
