//! Rows: written as they are, or not at all.

use super::fixtures::*;

pub(super) async fn rows_come_back_as_written_in_every_state(ledger: &dyn Ledger) {
    let states = [
        State::Granting(intent(at(1))),
        State::Granting(claimed(at(2))),
        State::Ours,
        State::Closing(intent(at(3))),
        State::Closing(claimed(at(4))),
        State::Closed,
        State::Uncertain {
            reason: "the engine died while it was sending “this”\nand said nothing".to_owned(),
            contested: true,
        },
        State::Blocked {
            operation: Operation::Revoke,
            reason: "404 … was not found".to_owned(),
            fingerprint: "f2".to_owned(),
            retry_at: at(86_400),
        },
        State::Dormant,
    ];
    let mut rows: Vec<Row> =
        states.into_iter().enumerate().map(|(number, state)| row(key(1, number), state)).collect();
    rows.push(Row {
        wanted_by: [].into(),
        rules: None,
        attempts: u32::MAX,
        missing_since: Some(at(9)),
        departed_since: None,
        maybe_sent: false,
        closed_at: Some(at(7)),
        look_again: true,
        trouble: Some("throttled: Rate exceeded".to_owned()),
        ..ours(20)
    });
    let approval = Approval {
        id: "0123456789abcdef".parse().unwrap(),
        operation: Operation::Revoke,
        rules: rules('b'),
        by: "Alba Größe".to_owned(),
        at: at(1),
        expires_at: at(86_400),
    };
    let hold = |by| Some(Hold { by, at: at(2), reason: "an audit".to_owned() });
    rows.push(Row {
        approval: Some(approval),
        hold: hold(HeldBy::Person("Alba Größe".to_owned())),
        over_budget: Some(OverBudget { since: at(3), budget: budget("one") }),
        ..ours(22)
    });
    rows.push(Row { hold: hold(HeldBy::DeletedByHand), ..row(key(1, 23), State::Closed) });
    let mut user = ours(21);
    user.key.principal = "user:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
    rows.push(user);

    write(ledger, &rows).await.unwrap();

    for row in &rows {
        assert_eq!(stored(ledger, row).await, Row { version: 1, ..row.clone() });
    }
    let written: Vec<Row> = rows.into_iter().map(|row| Row { version: 1, ..row }).collect();
    assert_eq!(ledger.rows_of(&account(1)).await.unwrap(), written);
}

pub(super) async fn the_version_counts_the_writes(ledger: &dyn Ledger) {
    write(ledger, &[ours(1)]).await.unwrap();
    for version in 1..5 {
        let row = stored(ledger, &ours(1)).await;
        assert_eq!(row.version, version);
        write(ledger, &[row]).await.unwrap();
    }
}

pub(super) async fn a_row_that_nobody_wrote_is_not_there(ledger: &dyn Ledger) {
    assert_eq!(ledger.row(&key(1, 1)).await, Ok(None));
    assert_eq!(ledger.rows_of(&account(1)).await, Ok(Vec::new()));
    assert_eq!(all(ledger).await, []);
    assert_eq!(ledger.work(10).await, Ok(Vec::new()));
}

pub(super) async fn the_rows_of_an_account_are_its_own_by_key(ledger: &dyn Ledger) {
    let mut keys: Vec<AssignmentKey> = [9, 3, 12, 1].into_iter().map(|principal| key(2, principal)).collect();
    let mut user = key(2, 5);
    user.principal = "user:00000000-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
    let mut other_set = key(2, 5);
    other_set.permission_set =
        "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000".parse().unwrap();
    keys.extend([user, other_set]);
    let mut rows: Vec<Row> = keys.iter().map(|key| row(key.clone(), State::Closed)).collect();
    rows.extend([row(key(1, 7), State::Ours), row(key(3, 7), State::Ours)]);
    write(ledger, &rows).await.unwrap();

    let found: Vec<AssignmentKey> =
        ledger.rows_of(&account(2)).await.unwrap().into_iter().map(|row| row.key).collect();

    keys.sort();
    assert_eq!(found, keys);
}

pub(super) async fn a_row_made_twice_is_in_conflict_and_nothing_of_the_call_is_written(ledger: &dyn Ledger) {
    write(ledger, &[ours(2)]).await.unwrap();

    let again = [ours(1), row(key(1, 2), State::Dormant), ours(3)];

    assert_eq!(write(ledger, &again).await, changed(&ours(2)));
    assert_eq!(all(ledger).await, [Row { version: 1, ..ours(2) }]);
}

pub(super) async fn a_stale_row_is_in_conflict_and_nothing_of_the_call_is_written(ledger: &dyn Ledger) {
    write(ledger, &[ours(1), ours(2)]).await.unwrap();
    let (first, stale) = (stored(ledger, &ours(1)).await, stored(ledger, &ours(2)).await);
    write(ledger, std::slice::from_ref(&stale)).await.unwrap();

    let update = |row: &Row| Row { state: State::Dormant, ..row.clone() };

    assert_eq!(write(ledger, &[update(&first), update(&stale), ours(3)]).await, changed(&stale));
    assert_eq!(stored(ledger, &first).await, first);
    assert_eq!(stored(ledger, &stale).await, Row { version: 2, ..stale });
    assert_eq!(ledger.row(&ours(3).key).await, Ok(None));
}

pub(super) async fn a_row_that_was_never_there_cannot_be_updated(ledger: &dyn Ledger) {
    let update = Row { version: 4, ..ours(1) };
    assert_eq!(write(ledger, std::slice::from_ref(&update)).await, changed(&update));
    assert_eq!(ledger.row(&update.key).await, Ok(None));
}

pub(super) async fn of_many_writers_that_have_read_the_same_row_the_first_wins(ledger: &dyn Ledger) {
    write(ledger, &[ours(1)]).await.unwrap();
    let read = stored(ledger, &ours(1)).await;
    for number in 1..5 {
        let written = write(ledger, &[Row { attempts: number, ..read.clone() }]).await;
        assert_eq!(written, if number == 1 { Ok(()) } else { changed(&ours(1)) });
    }
    assert_eq!(stored(ledger, &read).await, Row { version: 2, attempts: 1, ..read });
}

pub(super) async fn of_many_concurrent_writers_of_one_row_exactly_one_wins(ledger: &dyn Ledger) {
    write(ledger, &[ours(1)]).await.unwrap();
    let read = stored(ledger, &ours(1)).await;
    let attempt = |number: u32| {
        let row = Row { attempts: number, ..read.clone() };
        async move { (number, write(ledger, &[row]).await) }
    };

    let (one, two, three, four) = tokio::join!(attempt(1), attempt(2), attempt(3), attempt(4));

    let outcomes = [one, two, three, four];
    let winners: Vec<u32> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(number, _)| *number).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(stored(ledger, &read).await, Row { version: 2, attempts: winners[0], ..read });
}

pub(super) async fn ninety_rows_are_written_at_once(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..WRITES_AT_ONCE).map(ours).collect();
    ledger.bring_into_force(None, &in_force('a', 3)).await.unwrap();
    let lease = ledger.acquire_lease("engine", at(0), TTL).await.unwrap().unwrap();
    let mut guard = charge(&budget("one"), 90, 90);
    guard.charges.extend(charge(&budget("two"), 90, 100).charges);
    guard.charges.extend((0..5).flat_map(|n| charge(&budget(&n.to_string()), 1, 90).charges));
    guard.rules = Some(rules('a'));
    guard.orders = Some(0);
    guard.lease = Some(lease.fence);

    write_under(ledger, &rows, &guard).await.unwrap();

    assert_eq!(ledger.rows_of(&account(1)).await.unwrap().len(), 90);
    assert_eq!(ledger.spent(&budget("two")).await, Ok(90));
}

pub(super) async fn ninety_rows_with_one_conflict_are_not_written(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..WRITES_AT_ONCE).map(ours).collect();
    write(ledger, &[ours(89)]).await.unwrap();
    assert_eq!(write(ledger, &rows).await, changed(&ours(89)));
    assert_eq!(all(ledger).await.len(), 1);
}

pub(super) async fn all_rows_come_by_pages_exactly_once(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..450).map(|number| row(key(number % 7, number), State::Ours)).collect();
    for rows in rows.chunks(WRITES_AT_ONCE) {
        write(ledger, rows).await.unwrap();
    }
    ledger.bring_into_force(None, &in_force('a', 1)).await.unwrap();
    ledger.acquire_lease("engine", at(0), TTL).await.unwrap();
    ledger.remember(SeenKind::Group, &[seen("Developers", json!(null), 0)]).await.unwrap();

    let found = all(ledger).await;

    assert_eq!(found.len(), rows.len());
    let keys: BTreeSet<AssignmentKey> = found.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, rows.into_iter().map(|row| row.key).collect());
}

pub(super) async fn only_closed_rows_at_that_version_are_forgotten(ledger: &dyn Ledger) {
    let closed = |number| row(key(1, number), State::Closed);
    let rows = [closed(1), closed(2), ours(3), pending(4, at(4)), closed(5), row(key(1, 6), State::Dormant)];
    write(ledger, &rows).await.unwrap();
    let mut read = ledger.rows_of(&account(1)).await.unwrap();
    let reopened = read[1].clone().into_state(State::Granting(intent(at(7))), at(7));
    write(ledger, &[reopened, read[4].clone()]).await.unwrap();
    // Whatever the caller believes of them.
    for row in &mut read {
        row.state = State::Closed;
    }
    read.push(Row { version: 1, ..closed(99) });

    ledger.forget(&read).await.unwrap();

    let left: Vec<AssignmentKey> =
        ledger.rows_of(&account(1)).await.unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(left, [key(1, 2), key(1, 3), key(1, 4), key(1, 5), key(1, 6)]);
    ledger.forget(&[]).await.unwrap();
}

pub(super) async fn a_forgotten_row_can_be_made_again(ledger: &dyn Ledger) {
    write(ledger, &[row(key(1, 1), State::Closed)]).await.unwrap();
    let closed = stored(ledger, &ours(1)).await;
    ledger.forget(std::slice::from_ref(&closed)).await.unwrap();

    assert_eq!(write(ledger, std::slice::from_ref(&closed)).await, changed(&closed));
    assert_eq!(write(ledger, &[ours(1)]).await, Ok(()));
    assert_eq!(stored(ledger, &ours(1)).await, Row { version: 1, ..ours(1) });
}
