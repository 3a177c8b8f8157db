//! The sweep's round: whoever writes where it stands must have read it as it is.

use std::collections::BTreeSet;

use shared::{
    domain::Principal,
    ledger::{Leg, Round, Tally},
    ports::Ledger,
};

fn group(last: char) -> Principal {
    Principal::Group(format!("f81d4fae-7dec-11d0-a765-00a0c91e6bf{last}").parse().unwrap())
}

fn first() -> Round {
    let began = "2026-11-02T09:00:00.5Z".parse().unwrap();
    Round::begin(0, began, "a".repeat(64).parse().unwrap())
}

pub(super) async fn a_round_comes_back_as_it_was_kept_last(ledger: &dyn Ledger) {
    assert_eq!(ledger.round().await, Ok(None));
    assert_eq!(ledger.keep_round(&first()).await, Ok(true));
    let kept = ledger.round().await.unwrap().unwrap();
    assert_eq!(kept, Round { version: 1, ..first() });

    let silent = BTreeSet::from([group('1'), group('2')]);
    let further = Round {
        taken_until: Some("2026-11-02T09:05:00Z".parse().unwrap()),
        leg: Leg::Principals { after: Some(group('6')), silent: silent.clone() },
        tally: Tally { differing: 3, withheld: 2 },
        ..kept
    };
    assert_eq!(ledger.keep_round(&further).await, Ok(true));
    assert_eq!(ledger.round().await, Ok(Some(Round { version: 2, ..further.clone() })));

    let account = Some("111122223333".parse().unwrap());
    for leg in [Leg::Accounts { after: account, of: Some(silent) }, Leg::Ended] {
        let version = ledger.round().await.unwrap().unwrap().version;
        let next = Round { version, leg, ..further.clone() };
        assert_eq!(ledger.keep_round(&next).await, Ok(true));
        assert_eq!(ledger.round().await, Ok(Some(Round { version: version + 1, ..next })));
    }
}

pub(super) async fn a_round_is_kept_only_after_the_one_that_was_read(ledger: &dyn Ledger) {
    let stale = Round { version: 1, ..first() };
    assert_eq!(ledger.keep_round(&stale).await, Ok(false), "there is none yet");
    assert_eq!(ledger.keep_round(&first()).await, Ok(true));
    assert_eq!(ledger.keep_round(&first()).await, Ok(false), "there is one already");
    assert_eq!(ledger.keep_round(&stale).await, Ok(true));
    let late = Round { leg: Leg::Ended, ..stale };
    assert_eq!(ledger.keep_round(&late).await, Ok(false));
    assert_ne!(ledger.round().await.unwrap().unwrap().leg, Leg::Ended);
}

pub(super) async fn of_many_that_keep_a_round_at_once_exactly_one_does(ledger: &dyn Ledger) {
    let round = first();
    let (a, b, c, d) = tokio::join!(
        ledger.keep_round(&round),
        ledger.keep_round(&round),
        ledger.keep_round(&round),
        ledger.keep_round(&round)
    );
    assert_eq!([a, b, c, d].into_iter().filter(|kept| kept.as_ref().is_ok_and(|kept| *kept)).count(), 1);
}
