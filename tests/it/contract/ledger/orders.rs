//! Standing orders: given one after the other, and checked with the writes that rest on them.

use super::fixtures::*;

fn order(reason: &str) -> Order {
    Order { by: "Alba Größe".to_owned(), at: at(3), reason: reason.to_owned() }
}

fn paused() -> Orders {
    Orders { pause: Some(order("a “mistake”\nof ours")), ..Orders::default() }
}

fn under_orders(version: u64) -> Guard {
    Guard { orders: Some(version), ..Guard::default() }
}

pub(super) async fn orders_come_back_as_they_were_given(ledger: &dyn Ledger) {
    assert_eq!(ledger.orders().await, Ok(Orders::default()));
    let holds = ["account:111122223333", "group:f10fac16-ab5b-45c3-86c1-0123456789ab"];
    let first =
        Orders { holds: holds.map(|scope| (scope.parse().unwrap(), order("audit"))).into(), ..paused() };

    ledger.give_orders(&first).await.unwrap();
    assert_eq!(ledger.orders().await, Ok(Orders { version: 1, ..first }));

    ledger.give_orders(&Orders { version: 1, ..Orders::default() }).await.unwrap();
    assert_eq!(ledger.orders().await, Ok(Orders { version: 2, ..Orders::default() }));
}

pub(super) async fn orders_are_given_only_after_the_ones_that_were_read(ledger: &dyn Ledger) {
    let never_given = Orders { version: 1, ..paused() };
    assert_eq!(ledger.give_orders(&never_given).await, Err(LedgerError::OrdersChanged));
    ledger.give_orders(&paused()).await.unwrap();
    assert_eq!(ledger.give_orders(&Orders::default()).await, Err(LedgerError::OrdersChanged));
    assert_eq!(ledger.orders().await, Ok(Orders { version: 1, ..paused() }));
}

pub(super) async fn a_write_under_other_orders_is_refused_and_nothing_is_written(ledger: &dyn Ledger) {
    write_under(ledger, &[ours(1)], &under_orders(0)).await.unwrap();
    ledger.give_orders(&paused()).await.unwrap();

    for version in [0, 2] {
        let outcome = write_under(ledger, &[ours(2)], &under_orders(version)).await;
        assert_eq!(outcome, Err(LedgerError::OrdersChanged));
    }
    assert_eq!(all(ledger).await.len(), 1);
    assert_eq!(write_under(ledger, &[ours(2)], &under_orders(1)).await, Ok(()));
}

pub(super) async fn of_many_that_give_orders_at_once_exactly_one_wins(ledger: &dyn Ledger) {
    let attempt = |reason: &'static str| async move {
        ledger.give_orders(&Orders { pause: Some(order(reason)), ..Orders::default() }).await
    };

    let (one, two, three) = tokio::join!(attempt("one"), attempt("two"), attempt("three"));

    let outcomes = [one, two, three];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(ledger.orders().await.unwrap().version, 1);
}
