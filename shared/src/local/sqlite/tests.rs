//! What only the file can do wrong; what every ledger promises is tested by the contract.

use std::sync::{Arc, Barrier};

use futures::FutureExt as _;
use rusqlite::TransactionBehavior;

use super::*;
use crate::{
    ledger::{Cause, Charge, State},
    ports::PortError,
};

fn now() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

fn row(number: u32) -> Row {
    Row {
        key: AssignmentKey {
            account: "111122223333".parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: format!("group:9067642ac1-f10fac16-ab5b-45c3-86c1-{number:012}").parse().unwrap(),
        },
        version: 0,
        state: State::Ours,
        wanted_by: [].into(),
        rules: None,
        cause: Cause::new("event", "1"),
        attempts: 0,
        conflicts: 0,
        changed_at: now(),
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

async fn write(ledger: &SqliteLedger, rows: &[Row]) -> Result<(), LedgerError> {
    let writes: Vec<RowWrite> = rows.iter().map(|row| RowWrite::of(row.clone())).collect();
    ledger.write(&writes, &Guard::default()).await
}

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    write(&ledger, &[row(1)]).await.unwrap();
    let lease = ledger.acquire_lease("first", now(), Duration::from_mins(1)).await.unwrap().unwrap();
    ledger.release_lease(&lease).await.unwrap();
    drop(ledger);

    let ledger = SqliteLedger::open(&path).unwrap();

    assert_eq!(ledger.row(&row(1).key).await, Ok(Some(Row { version: 1, ..row(1) })));
    let next = ledger.acquire_lease("second", now(), Duration::from_mins(1)).await.unwrap().unwrap();
    assert!(next.fence > lease.fence);
}

#[tokio::test]
async fn two_openers_of_one_file_see_each_others_writes_and_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (one, other) = (SqliteLedger::open(&path).unwrap(), SqliteLedger::open(&path).unwrap());

    write(&one, &[row(1)]).await.unwrap();

    let seen = other.row(&row(1).key).await.unwrap().unwrap();
    write(&other, std::slice::from_ref(&seen)).await.unwrap();
    assert_eq!(write(&one, &[seen]).await, Err(LedgerError::RowChanged(Box::new(row(1).key))));
}

#[test]
fn of_many_that_open_a_new_file_and_write_one_row_at_once_exactly_one_wins() {
    const WRITERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let path = Arc::new(folder.path().join("ledger.db"));
    let start = Arc::new(Barrier::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (path, start) = (Arc::clone(&path), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let ledger = SqliteLedger::open(&path).unwrap();
                write(&ledger, &[row(1), row(2)]).now_or_never().unwrap()
            })
        })
        .collect();

    let outcomes: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(LedgerError::RowChanged(_)))),
        "{outcomes:?}"
    );
}

#[test]
fn many_engines_on_one_file_never_spend_more_than_a_budget_has() {
    const WRITERS: u32 = 8;
    let folder = tempfile::tempdir().unwrap();
    let path = Arc::new(folder.path().join("ledger.db"));
    let budget = BudgetKey::of_day(crate::domain::Operation::Revoke, now());
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (path, budget) = (Arc::clone(&path), budget.clone());
            std::thread::spawn(move || {
                let ledger = SqliteLedger::open(&path).unwrap();
                let guard =
                    Guard { charges: vec![Charge { budget, amount: 2, limit: 7 }], ..Guard::default() };
                ledger.write(&[RowWrite::of(row(number))], &guard).now_or_never().unwrap()
            })
        })
        .collect();

    let outcomes: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();

    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3, "{outcomes:?}");
    assert_eq!(ledger.spent(&budget).now_or_never().unwrap(), Ok(6));
    assert_eq!(ledger.rows(None).now_or_never().unwrap().unwrap().items.len(), 3);
}

#[test]
fn a_ledger_of_a_newer_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let before = std::fs::read(&path).unwrap();

    let error = SqliteLedger::open(&path).unwrap_err();

    assert!(matches!(error, OpenError::Newer { found: 9, .. }), "{error:?}");
    assert!(error.to_string().contains("ledger.db` has format 9"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_ledger_from_before_there_were_orders_is_brought_up_to_date_and_keeps_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    write(&SqliteLedger::open(&path).unwrap(), &[row(1)]).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DROP TABLE orders").unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);

    let ledger = SqliteLedger::open(&path).unwrap();

    assert_eq!(ledger.row(&row(1).key).await, Ok(Some(Row { version: 1, ..row(1) })));
    assert_eq!(ledger.orders().await, Ok(Orders::default()));
    ledger.give_orders(&Orders::default()).await.unwrap();
    let format: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(format, 2, "an older Usher refuses it");
}

#[tokio::test]
async fn a_time_from_before_times_were_compared_gives_way() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let seen = |name: &str, at: &str| Seen {
        id: "ou".to_owned(),
        value: serde_json::json!(name),
        at: at.parse().unwrap(),
    };
    let kind = SeenKind::OrganizationalUnit;
    ledger.remember(kind, &[seen("Development", "2026-11-02T09:00:00Z")]).await.unwrap();
    let before = "UPDATE seen SET at = '2026-11-02T09:00:00.5Z'";
    ledger.connection.lock().unwrap().execute(before, []).unwrap();
    assert_eq!(ledger.recall(kind).await, Ok(vec![seen("Development", "2026-11-02T09:00:00.5Z")]));

    let now = seen("Labs", "2026-11-02T09:00:00.4Z");
    ledger.remember(kind, std::slice::from_ref(&now)).await.unwrap();
    assert_eq!(ledger.recall(kind).await, Ok(vec![now]));
}

#[tokio::test]
async fn orders_that_cannot_be_read_are_an_error_and_not_no_orders() {
    let ledger = SqliteLedger::in_memory().unwrap();
    ledger.give_orders(&Orders::default()).await.unwrap();
    ledger.connection.lock().unwrap().execute("UPDATE orders SET content = '[]'", []).unwrap();
    let answer = ledger.orders().await;
    assert!(matches!(answer, Err(LedgerError::Port(PortError::Refused(_)))), "{answer:?}");
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photos.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE photo (id INTEGER)").unwrap();
    let before = std::fs::read(&path).unwrap();

    let error = SqliteLedger::open(&path).unwrap_err();

    assert!(matches!(error, OpenError::NotALedger { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "not a database\n".repeat(200);
    std::fs::write(&path, &notes).unwrap();

    let error = SqliteLedger::open(&path).unwrap_err();

    assert!(matches!(error, OpenError::NotALedger { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[test]
fn a_folder_that_does_not_exist_is_an_error_that_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteLedger::open(&folder.path().join("missing/ledger.db")).unwrap_err();
    assert!(
        matches!(&error, OpenError::Open { path, .. } if path.ends_with("missing/ledger.db")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_and_not_a_missing_row() {
    let ledger = SqliteLedger::in_memory().unwrap();
    write(&ledger, &[row(1), row(2)]).await.unwrap();
    ledger
        .connection
        .lock()
        .unwrap()
        .execute("UPDATE row SET content = '{}' WHERE principal LIKE '%2'", [])
        .unwrap();

    for answer in [
        ledger.row(&row(2).key).await.map(|_| ()),
        ledger.rows_of(&row(2).key.account).await.map(|_| ()),
        ledger.rows(None).await.map(|_| ()),
    ] {
        assert!(matches!(answer, Err(LedgerError::Port(PortError::Refused(_)))), "{answer:?}");
    }
}

#[tokio::test]
async fn while_another_process_writes_a_write_is_in_conflict_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    let mut other = Connection::open(&path).unwrap();
    ledger.connection.lock().unwrap().busy_timeout(Duration::ZERO).unwrap();
    let under_way = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();

    let outcome = write(&ledger, &[row(1)]).await;
    assert!(matches!(&outcome, Err(LedgerError::Port(PortError::Conflict(_)))), "{outcome:?}");
    assert_eq!(ledger.row(&row(1).key).await, Ok(None), "reading goes on");

    drop(under_way);
    assert_eq!(write(&ledger, &[row(1)]).await, Ok(()));
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_write_leaves_nothing_of_it_and_a_ledger_that_works() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ledger.change(|transaction| -> Result<(), LedgerError> {
            write::write(transaction, &[RowWrite::of(row(1))], &Guard::default())?;
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(ledger.row(&row(1).key).await, Ok(None));
    assert_eq!(write(&ledger, &[row(1)]).await, Ok(()));
}

#[tokio::test]
async fn what_the_ledger_in_aws_would_not_take_is_refused_here_too() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let too_many: Vec<Row> = (0..91).map(row).collect();
    let budget = BudgetKey::of_day(crate::domain::Operation::Grant, now());
    let charge = Charge { budget, amount: 1, limit: 10 };
    let twice = Guard { charges: vec![charge.clone(), charge.clone()], ..Guard::default() };

    for refused in [
        write(&ledger, &too_many).await,
        write(&ledger, &[row(1), row(1)]).await,
        ledger.write(&[RowWrite::of(row(1))], &twice).await,
    ] {
        assert!(matches!(&refused, Err(LedgerError::Port(PortError::Refused(_)))), "{refused:?}");
    }
    assert_eq!(ledger.rows(None).await.unwrap().items, []);
    assert_eq!(ledger.spent(&charge.budget).await, Ok(0));
}

#[tokio::test]
async fn a_place_to_go_on_from_that_is_no_place_is_refused() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let answer = ledger.rows(Some("somewhere")).await;
    assert!(matches!(&answer, Err(LedgerError::Port(PortError::Refused(_)))), "{answer:?}");
}
