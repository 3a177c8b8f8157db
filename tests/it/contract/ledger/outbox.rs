//! Outcomes that are to be told, and what is remembered by the beginning of its id.

use shared::{
    domain::Principal,
    outcome::{Happened, Outcome},
};

use super::fixtures::*;

fn outcome(principal: usize, seconds: i64) -> Outcome {
    let happened = Happened::Granted { assignment: key(1, principal) };
    let outcome = Outcome::new(happened, "once", at(seconds), Cause::new("event", "6f1c"));
    outcome.by_rules(&["developers".parse().unwrap()], Some(&rules('a')))
}

fn with(principal: usize, outcome: Outcome) -> RowWrite {
    RowWrite { row: ours(principal), outcome: Some(outcome) }
}

pub(super) async fn an_outcome_is_kept_with_its_row_or_not_at_all(ledger: &dyn Ledger) {
    ledger.write(&[with(1, outcome(1, 1)), RowWrite::of(ours(2))], &Guard::default()).await.unwrap();
    assert_eq!(ledger.untold(10).await, Ok(vec![outcome(1, 1)]));
    // The second row is there already.
    let refused = ledger.write(&[with(3, outcome(3, 3)), RowWrite::of(ours(2))], &Guard::default()).await;
    assert!(matches!(refused, Err(LedgerError::RowChanged(_))), "{refused:?}");
    assert_eq!(ledger.untold(10).await, Ok(vec![outcome(1, 1)]));
}

pub(super) async fn outcomes_come_back_the_oldest_first_until_they_are_told(ledger: &dyn Ledger) {
    let (first, second, third) = (outcome(1, 1), outcome(2, 2), outcome(3, 10));
    ledger.tell(&[third.clone(), first.clone()]).await.unwrap();
    ledger.tell(&[]).await.unwrap();
    ledger.tell(&[second.clone(), first.clone()]).await.unwrap();
    assert_eq!(ledger.untold(10).await, Ok(vec![first.clone(), second.clone(), third.clone()]));
    assert_eq!(ledger.untold(2).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(ledger.untold(0).await, Ok(vec![]));
    ledger.told(&[first.clone(), outcome(7, 7)]).await.unwrap();
    assert_eq!(ledger.untold(10).await, Ok(vec![second, third]));
    // Told again when it is kept again.
    ledger.tell(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(ledger.untold(1).await, Ok(vec![first]));
}

pub(super) async fn many_outcomes_are_kept_and_told(ledger: &dyn Ledger) {
    let many: Vec<Outcome> = (0..250).map(|number| outcome(number, i64::try_from(number).unwrap())).collect();
    ledger.tell(&many).await.unwrap();
    assert_eq!(ledger.untold(1000).await, Ok(many.clone()));
    ledger.told(&many).await.unwrap();
    assert_eq!(ledger.untold(1).await, Ok(vec![]));
}

pub(super) async fn rows_and_their_outcomes_count_together(ledger: &dyn Ledger) {
    let most = WRITES_AT_ONCE / 2;
    let writes = |count: usize| (0..count).map(|number| with(number, outcome(number, 1))).collect::<Vec<_>>();
    let refused = ledger.write(&writes(most + 1), &Guard::default()).await;
    assert!(matches!(refused, Err(LedgerError::Port(_))), "{refused:?}");
    ledger.write(&writes(most), &Guard::default()).await.unwrap();
    assert_eq!(ledger.untold(100).await.unwrap().len(), most);
    assert_eq!(all(ledger).await.len(), most);
}

pub(super) async fn an_outcome_of_every_kind_comes_back_as_it_was_kept(ledger: &dyn Ledger) {
    let assignment = || key(1, 1);
    let Principal::Group(group) = assignment().principal else { panic!("not a group") };
    let membership = shared::outcome::Membership {
        user: "9067642ac1-1b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9".parse().unwrap(),
        group,
        access: vec![shared::outcome::Access {
            account: account(1),
            permission_set: assignment().permission_set,
            rules: ["developers".parse().unwrap()].into(),
        }],
        unlisted: 3,
    };
    let operation = Operation::Revoke;
    let reason = "Received a 404 status error: “not found”".to_owned();
    let set = shared::outcome::OfSet {
        name: "Developers".to_owned(),
        permission_set: Some(assignment().permission_set),
    };
    let kinds = [
        Happened::Granted { assignment: assignment() },
        Happened::Revoked { assignment: assignment(), orphan: true },
        Happened::Failed { assignment: assignment(), operation, reason: reason.clone() },
        Happened::Blocked { assignment: assignment(), operation, reason: reason.clone() },
        Happened::Withheld { assignment: assignment(), operation, reason: "foreign".to_owned() },
        Happened::Held { assignment: assignment(), operation, by: shared::ledger::Held::DeletedByHand },
        Happened::Gained(membership.clone()),
        Happened::Lost(membership),
        Happened::Reprovisioned(shared::outcome::Reprovisioned {
            permission_set: assignment().permission_set,
            edits: vec!["6f1c".to_owned()],
            updated: vec![account(1)],
            unlisted: 0,
            failed: [(account(2), reason.clone())].into(),
            failed_unlisted: 2,
        }),
        Happened::RulesRefused { refused: Some(rules('b')), reason },
        Happened::DriftFound {
            assignment: assignment(),
            drift: shared::outcome::Drift::Missing,
            response: shared::outcome::Response::Held,
        },
        Happened::TrustedTagChanged(shared::outcome::OfTag {
            account: Some(account(1)),
            permission_set: None,
            key: "Team".to_owned(),
        }),
        Happened::SetMade(set.clone()),
        Happened::SetEdited(set.clone()),
        Happened::SetDeleted(set.clone()),
        Happened::SetBlocked { set: set.clone(), reason: "CreatePermissionSet: denied".to_owned() },
        Happened::SetWithheld { set, reason: "not_ours".to_owned() },
    ];
    let mut outcomes: Vec<Outcome> = kinds
        .into_iter()
        .enumerate()
        .map(|(number, happened)| {
            let cause = Cause::new("event", "6f1c");
            Outcome::new(happened, "once", at(i64::try_from(number).unwrap()), cause)
        })
        .collect();
    let ids: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.id.as_str()).collect();
    assert_eq!(ids.len(), outcomes.len());
    ledger.tell(&outcomes).await.unwrap();
    // What people gain and lose comes last, by its id: found anew at another time, it is there once.
    let is_of_members = |it: &Outcome| matches!(it.happened, Happened::Gained(_) | Happened::Lost(_));
    let place = |it: &Outcome| is_of_members(it).then(|| it.id.clone());
    outcomes.sort_by_key(place);
    assert_eq!(ledger.untold(100).await, Ok(outcomes.clone()));
    let again: Vec<Outcome> = outcomes
        .iter()
        .filter(|it| is_of_members(it))
        .map(|it| Outcome { at: at(1000), ..it.clone() })
        .collect();
    ledger.tell(&again).await.unwrap();
    let ids = |outcomes: &[Outcome]| outcomes.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&ledger.untold(100).await.unwrap()), ids(&outcomes));
    ledger.told(&again).await.unwrap();
    outcomes.retain(|it| !is_of_members(it));
    assert_eq!(ledger.untold(100).await, Ok(outcomes));
}

pub(super) async fn one_is_recalled_by_its_id_and_several_by_how_their_ids_begin(ledger: &dyn Ledger) {
    let all: Vec<Seen> =
        ["a", "a/", "a/1", "a/2", "ab/1", "b/1"].iter().map(|id| seen(id, json!(id), 1)).collect();
    ledger.remember(SeenKind::Member, &all).await.unwrap();
    ledger.remember(SeenKind::Withheld, &[seen("a/3", json!(null), 1)]).await.unwrap();
    assert_eq!(ledger.recall_one(SeenKind::Member, "a/1").await, Ok(Some(all[2].clone())));
    assert_eq!(ledger.recall_one(SeenKind::Member, "a/3").await, Ok(None));
    assert_eq!(ledger.recall_below(SeenKind::Member, "a/").await, Ok(all[1..4].to_vec()));
    assert_eq!(ledger.recall_below(SeenKind::Member, "c").await, Ok(vec![]));
}
