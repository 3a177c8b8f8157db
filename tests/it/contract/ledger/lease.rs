//! The lease: one holder at a time, each with a higher fence.

use super::fixtures::*;

pub(super) async fn only_one_holds_the_lease(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    assert_eq!(lease.holder, "first");
    assert_eq!(lease.expires_at, at(120));
    for moment in [0, 1, 119] {
        assert_eq!(ledger.acquire_lease("second", at(moment), TTL).await, Ok(None));
        assert_eq!(ledger.acquire_lease("first", at(moment), TTL).await, Ok(None), "held is held");
    }
}

pub(super) async fn an_expired_lease_goes_to_the_next_with_a_higher_fence(ledger: &dyn Ledger) {
    let mut fences = Vec::new();
    for number in 0..4 {
        let lease = ledger.acquire_lease("engine", at(number * 120), TTL).await.unwrap().unwrap();
        fences.push(lease.fence);
    }
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
}

pub(super) async fn a_renewed_lease_lasts_longer(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let renewed = ledger.renew_lease(&lease, at(100), TTL).await.unwrap();
    assert_eq!(renewed.expires_at, at(220));
    assert_eq!((renewed.fence, renewed.holder.as_str()), (lease.fence, "first"));
    assert_eq!(ledger.acquire_lease("second", at(219), TTL).await, Ok(None));
    assert_eq!(write_under(ledger, &[ours(1)], &under_lease(renewed.fence)).await, Ok(()));
    assert!(ledger.acquire_lease("second", at(220), TTL).await.unwrap().is_some());
}

pub(super) async fn a_lease_that_passed_to_another_cannot_be_renewed(ledger: &dyn Ledger) {
    let lost = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let held = ledger.acquire_lease("second", at(120), TTL).await.unwrap().unwrap();
    assert_eq!(ledger.renew_lease(&lost, at(121), TTL).await, Err(LedgerError::LeaseLost));
    assert_eq!(ledger.acquire_lease("third", at(239), TTL).await, Ok(None), "the holder's time is unchanged");

    ledger.release_lease(&held).await.unwrap();
    assert_eq!(ledger.renew_lease(&held, at(122), TTL).await, Err(LedgerError::LeaseLost));
}

pub(super) async fn a_lease_given_back_lets_the_next_in_with_a_higher_fence(ledger: &dyn Ledger) {
    let first = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    ledger.release_lease(&first).await.unwrap();
    let second = ledger.acquire_lease("second", at(1), TTL).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
}

pub(super) async fn giving_back_a_lost_lease_is_harmless(ledger: &dyn Ledger) {
    let lost = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let held = ledger.acquire_lease("second", at(120), TTL).await.unwrap().unwrap();

    ledger.release_lease(&lost).await.unwrap();
    ledger.release_lease(&lost).await.unwrap();

    assert_eq!(ledger.acquire_lease("third", at(121), TTL).await, Ok(None));
    assert_eq!(write_under(ledger, &[ours(1)], &under_lease(held.fence)).await, Ok(()));
}
