//! The rules in force, and what was read from AWS.

use super::fixtures::*;

pub(super) async fn rules_come_into_force_only_after_the_ones_expected(ledger: &dyn Ledger) {
    let (a, b) = (in_force('a', 3), in_force('b', 12));
    assert_eq!(ledger.rules_in_force().await, Ok(None));
    assert_eq!(ledger.bring_into_force(Some(&a), &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.rules_in_force().await, Ok(None));

    ledger.bring_into_force(None, &a).await.unwrap();
    assert_eq!(ledger.bring_into_force(None, &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.bring_into_force(Some(&in_force('c', 3)), &b).await, Err(LedgerError::RulesChanged));
    // The same version, as it came into force at another time: somebody else went away from it and came back.
    let earlier = RulesInForce { since: at(4), ..a.clone() };
    assert_eq!(ledger.bring_into_force(Some(&earlier), &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.rules_in_force().await, Ok(Some(a.clone())));

    ledger.bring_into_force(Some(&a), &b).await.unwrap();
    assert_eq!(ledger.rules_in_force().await, Ok(Some(b)));
}

pub(super) async fn what_is_remembered_comes_back_by_id_and_can_be_replaced(ledger: &dyn Ledger) {
    let value = json!({ "name": "Größe “9”", "tags": { "a": [1, null, true] } });
    let many: Vec<Seen> =
        (0..60).map(|number| seen(&format!("group {number:02}/ä"), value.clone(), number)).collect();
    ledger.remember(SeenKind::Group, &[]).await.unwrap();
    let (odd, even): (Vec<Seen>, Vec<Seen>) =
        many.iter().cloned().partition(|seen| seen.at.as_second() % 2 == 1);
    ledger.remember(SeenKind::Group, &odd).await.unwrap();
    ledger.remember(SeenKind::Group, &even).await.unwrap();
    assert_eq!(ledger.recall(SeenKind::Group).await, Ok(many.clone()));

    let newer = seen("group 07/ä", json!(null), 5000);
    ledger.remember(SeenKind::Group, std::slice::from_ref(&newer)).await.unwrap();

    let mut expected = many;
    expected[7] = newer;
    assert_eq!(ledger.recall(SeenKind::Group).await, Ok(expected));
}

pub(super) async fn what_is_older_never_takes_the_place_of_what_is_newer(ledger: &dyn Ledger) {
    let kind = SeenKind::OrganizationalUnit;
    let moment = |nanoseconds| at(60) + SignedDuration::from_nanos(nanoseconds);
    // As text of any width, some of these would stand in another order.
    for (older, newer) in [
        (moment(0), moment(500_000_000)),
        (moment(500_000_000), moment(500_000_001)),
        (moment(999_999_999), moment(1_000_000_000)),
        (moment(900_000_000), at(3600)),
    ] {
        let of = |name: &str, at| Seen { id: newer.to_string(), value: json!(name), at };
        let other = Seen { id: "other".to_owned(), value: json!("Sandbox"), at: newer };
        ledger.remember(kind, &[of("Labs", newer)]).await.unwrap();

        ledger.remember(kind, &[of("Development", older), other.clone()]).await.unwrap();

        let recalled = ledger.recall(kind).await.unwrap();
        assert!(recalled.contains(&of("Labs", newer)), "{older} and {newer}: {recalled:?}");
        assert!(recalled.contains(&other), "what is with it is remembered nevertheless");
        assert_eq!(recalled.iter().filter(|seen| seen.id == newer.to_string()).count(), 1);
    }
}

pub(super) async fn of_equal_times_the_later_call_stays(ledger: &dyn Ledger) {
    for name in ["Development", "Labs"] {
        ledger.remember(SeenKind::OrganizationalUnit, &[seen("ou", json!(name), 7)]).await.unwrap();
    }
    let recalled = ledger.recall(SeenKind::OrganizationalUnit).await;
    assert_eq!(recalled, Ok(vec![seen("ou", json!("Labs"), 7)]));
}

pub(super) async fn what_was_seen_first_stays_until_it_is_replaced_on_purpose(ledger: &dyn Ledger) {
    let kind = SeenKind::PermissionSetName;
    let first = seen("ReadOnlyAccess", json!("first"), 5);
    ledger.remember_first(kind, &[]).await.unwrap();
    ledger.remember_first(kind, std::slice::from_ref(&first)).await.unwrap();
    // Neither the time nor what else is in the call makes a difference.
    for later in [0, 5, 9] {
        let also = seen(&format!("Other{later}"), json!("first"), later);
        let again = [seen("ReadOnlyAccess", json!("later"), later), also.clone()];
        ledger.remember_first(kind, &again).await.unwrap();
        let recalled = ledger.recall(kind).await.unwrap();
        assert!(recalled.contains(&first) && recalled.contains(&also), "{recalled:?}");
    }

    let confirmed = seen("ReadOnlyAccess", json!("confirmed"), 9);
    ledger.remember(kind, std::slice::from_ref(&confirmed)).await.unwrap();
    assert!(ledger.recall(kind).await.unwrap().contains(&confirmed));
}

pub(super) async fn kinds_are_remembered_apart(ledger: &dyn Ledger) {
    let kinds = [
        SeenKind::PermissionSet,
        SeenKind::PermissionSetTags,
        SeenKind::TaggedAccount,
        SeenKind::AccountTags,
        SeenKind::PermissionSetName,
        SeenKind::Group,
        SeenKind::GroupName,
        SeenKind::User,
        SeenKind::UserName,
        SeenKind::OrganizationalUnit,
        SeenKind::Consent,
        SeenKind::Reprovisioned,
        SeenKind::Publication,
        SeenKind::Fact,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        ledger.remember(kind, &[seen("same", json!(number), 0)]).await.unwrap();
    }
    for (number, kind) in kinds.into_iter().enumerate() {
        assert_eq!(ledger.recall(kind).await, Ok(vec![seen("same", json!(number), 0)]));
    }
}

pub(super) async fn what_is_unlearned_is_gone_and_the_rest_stays(ledger: &dyn Ledger) {
    let all: Vec<Seen> =
        ["a", "b", "c", "d"].into_iter().map(|id| seen(id, json!("ou-ab12-cdefgh34"), 1)).collect();
    ledger.remember(SeenKind::OrganizationalUnit, &all).await.unwrap();
    ledger.remember(SeenKind::Fact, &all).await.unwrap();

    let ids = ["b", "d", "never there"].map(str::to_owned);
    ledger.unlearn(SeenKind::OrganizationalUnit, &ids).await.unwrap();
    ledger.unlearn(SeenKind::OrganizationalUnit, &[]).await.unwrap();

    let left = ledger.recall(SeenKind::OrganizationalUnit).await.unwrap();
    assert_eq!(left, [all[0].clone(), all[2].clone()]);
    assert_eq!(ledger.recall(SeenKind::Fact).await, Ok(all));
}
