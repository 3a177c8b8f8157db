//! What a `never` and a team's scope do to a plan.

use super::*;

#[test]
fn never_takes_away_what_is_ours_and_grants_nothing() {
    let forbidden = BTreeMap::from([(key(), by("r", Mode::Sync))]);
    let ours = Case { row: Some(row(State::Ours)), listed: true, forbidden: forbidden.clone(), ..case() };
    assert_eq!(ours.says(), "revoke");
    assert_eq!(Case { forbidden, ..case() }.says(), "withheld:never");
    let unresolved = Some("group: throttled".to_owned());
    assert_eq!(
        Case { wanted: sync(), grants_frozen: unresolved, ..case() }.says(),
        "withheld:never_unresolved"
    );
}

#[test]
fn what_is_beyond_a_scope_is_not_granted_and_taken_away_as_what_no_rule_wants() {
    let beyond = |mode| BTreeMap::from([(key(), by("r", mode))]);
    assert_eq!(Case { beyond: beyond(Mode::Sync), ..case() }.says(), "withheld:out_of_scope");
    let ours = Case { row: Some(row(State::Ours)), listed: true, beyond: beyond(Mode::Sync), ..case() };
    assert_eq!(ours.says(), "revoke");
    // The rule speaks with the mode that it has now, and a look-up that failed freezes it.
    let only_grants =
        Case { row: Some(row(State::Ours)), listed: true, beyond: beyond(Mode::CreateOnly), ..case() };
    assert_eq!(only_grants.says(), "withheld:create_only");
    let frozen = BTreeMap::from([("r".parse().unwrap(), "throttled".to_owned())]);
    let unsure =
        Case { row: Some(row(State::Ours)), listed: true, beyond: beyond(Mode::Sync), frozen, ..case() };
    assert_eq!(unsure.says(), "withheld:lookup_failed");
    // Another rule that may give it does, and a `never` is told before a scope.
    assert_eq!(Case { wanted: sync(), beyond: beyond(Mode::Sync), ..case() }.says(), "grant");
    let both = Case { beyond: beyond(Mode::Sync), forbidden: beyond(Mode::Sync), ..case() };
    assert_eq!(both.says(), "withheld:never");
    let pending =
        Case { row: Some(row(State::Granting(intent(at(59), false)))), beyond: beyond(Mode::Sync), ..case() };
    assert_eq!(pending.says(), "record:closed withheld:out_of_scope");
}

#[test]
fn a_rule_that_can_give_nothing_here_speaks_with_its_mode_though_nobody_was_found() {
    let of = |mode| {
        let out_of_reach = OutOfReach { powerless: by("r", mode), ..OutOfReach::default() };
        Case { row: Some(row(State::Ours)), listed: true, out_of_reach, ..case() }.says()
    };
    assert_eq!([of(Mode::Sync), of(Mode::Observe)], ["revoke", "withheld:observed"]);
}

#[test]
fn a_rule_that_is_beyond_its_scope_and_never_gave_it_holds_no_revoke_back() {
    let beyond = BTreeMap::from([(key(), by("another", Mode::Observe))]);
    let ours = Case { row: Some(row(State::Ours)), listed: true, beyond, ..case() };
    assert_eq!(ours.says(), "revoke");
}
