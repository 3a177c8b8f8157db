//! The table of the plan, row by row.

pub(crate) mod restraint;

mod refused;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    domain::{OuPath, Tags},
    ledger::{Claim, Fence, Intent, State},
    resolve::{Awaited, OutOfReach, Recreated},
};

const ACCOUNT: &str = "111122223333";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
const GROUP: &str = "f10fac16-ab5b-45c3-86c1-0123456789ab";
const LAG: SignedDuration = SignedDuration::from_mins(5);

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

pub(crate) fn key() -> AssignmentKey {
    AssignmentKey {
        account: ACCOUNT.parse().unwrap(),
        permission_set: SET.parse().unwrap(),
        principal: Principal::Group(GROUP.parse().unwrap()),
    }
}

fn by(rule: &str, mode: Mode) -> BTreeMap<RuleId, Mode> {
    BTreeMap::from([(rule.parse().unwrap(), mode)])
}

pub(crate) fn rules() -> RulesVersion {
    "0".repeat(64).parse().unwrap()
}

fn intent(decided: Timestamp, claimed: bool) -> Intent {
    let claim = claimed.then_some(Claim { fence: Fence(1), at: decided, request: None, polled: None });
    Intent { decided_at: decided, not_before: None, not_after: None, fingerprint: "f".into(), claim }
}

/// A row that has been in its state for an hour at minute 60.
pub(crate) fn row(state: State) -> Row {
    Row {
        key: key(),
        version: 7,
        state,
        wanted_by: by("r", Mode::Sync),
        rules: Some(rules()),
        cause: Cause::new("event", "old"),
        attempts: 0,
        conflicts: 0,
        changed_at: at(0),
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

/// What a test says about the world; everything else is as usual.
pub(crate) struct Case {
    wanted: Option<BTreeMap<RuleId, Mode>>,
    row: Option<Row>,
    listed: bool,
    mode: Mode,
    state: AccountState,
    management: bool,
    frozen: BTreeMap<RuleId, String>,
    grants_frozen: Option<String>,
    forbidden: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    beyond: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    out_of_reach: OutOfReach,
    repair: bool,
    until: Option<Timestamp>,
    orders: Orders,
    principals: BTreeMap<Principal, Lookup<()>>,
    vanished: BTreeSet<PermissionSetArn>,
    unconfirmed: BTreeMap<AssignmentKey, Recreated>,
    read_at: Timestamp,
    awaited: Awaited,
}

pub(crate) fn case() -> Case {
    Case {
        wanted: None,
        row: None,
        listed: false,
        mode: Mode::Sync,
        state: AccountState::Active,
        management: false,
        frozen: BTreeMap::new(),
        grants_frozen: None,
        forbidden: BTreeMap::new(),
        beyond: BTreeMap::new(),
        out_of_reach: OutOfReach::default(),
        repair: false,
        until: None,
        orders: Orders::default(),
        principals: BTreeMap::new(),
        vanished: BTreeSet::new(),
        unconfirmed: BTreeMap::new(),
        read_at: at(60),
        awaited: Awaited::default(),
    }
}

impl Case {
    /// The plan at minute 60.
    fn plan(&self) -> Plan {
        self.plan_of(&self.row.clone().into_iter().collect::<Vec<_>>())
    }

    /// The list shows every key.
    pub(crate) fn listed(self) -> Self {
        Self { listed: true, ..self }
    }

    /// The same with these rows.
    pub(crate) fn plan_of(&self, rows: &[Row]) -> Plan {
        let account = Account {
            id: ACCOUNT.parse().unwrap(),
            name: "one".into(),
            state: self.state,
            path: OuPath::default(),
            tags: Tags::default(),
            is_management: self.management,
        };
        let desired = Desired {
            account: account.id.clone(),
            wanted: self.wanted.clone().map(|rules| (key(), rules)).into_iter().collect(),
            repair: self.repair.then(key).into_iter().collect(),
            until: self.until.map(|until| (key(), until)).into_iter().collect(),
            forbidden: self.forbidden.clone(),
            beyond: self.beyond.clone(),
            out_of_reach: self.out_of_reach.clone(),
            frozen: self.frozen.clone(),
            grants_frozen: self.grants_frozen.clone(),
            waiting: BTreeSet::new(),
            unconfirmed: self.unconfirmed.clone(),
            named: BTreeMap::new(),
            awaited: self.awaited.clone(),
        };
        let keys = rows.iter().map(|row| row.key.clone()).chain([key()]);
        let present = if self.listed { keys.collect() } else { BTreeSet::new() };
        plan(&Situation {
            account: &account,
            desired: &desired,
            rows,
            actual: &Actual { present, read_at: self.read_at },
            principals: &self.principals,
            vanished: &self.vanished,
            orders: &self.orders,
            mode: self.mode,
            rules: &rules(),
            cause: &Cause::new("event", "new"),
            management: ManagementWrites::Withheld,
            quotas: Quotas::default(),
            lag: LAG,
            orphan_grace: SignedDuration::from_hours(24),
            intent_age: SignedDuration::from_mins(15),
            now: at(60),
        })
    }

    /// The plan in one line: `grant`, `revoke`, `record:<state>`, `withheld:<reason>`, joined; or `nothing`.
    fn says(&self) -> String {
        let plan = self.plan();
        let mut parts: Vec<String> = plan.actions.iter().map(|action| action.operation.to_string()).collect();
        parts.extend(plan.records.iter().map(|row| format!("record:{}", row.state.label())));
        parts.extend(plan.withheld.iter().map(|withheld| {
            let reason = serde_json::to_value(&withheld.reason).unwrap();
            format!("withheld:{}", reason["kind"].as_str().unwrap())
        }));
        if parts.is_empty() { "nothing".into() } else { parts.join(" ") }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a case says what is wanted, or not")]
fn sync() -> Option<BTreeMap<RuleId, Mode>> {
    Some(by("r", Mode::Sync))
}

#[test]
fn what_is_wanted_and_not_there_is_granted() {
    assert_eq!(Case { wanted: sync(), ..case() }.says(), "grant");
    let plan = Case { wanted: sync(), ..case() }.plan();
    assert_eq!(plan.actions[0].row.version, 0);
    assert_eq!(plan.actions[0].row.state.label(), "pending");
}

#[test]
fn what_others_made_is_left_alone_wanted_or_not() {
    assert_eq!(Case { wanted: sync(), listed: true, ..case() }.says(), "withheld:foreign");
    assert_eq!(Case { listed: true, ..case() }.says(), "nothing");
    let closed = Some(row(State::Closed));
    assert_eq!(
        Case { wanted: sync(), row: closed.clone(), listed: true, ..case() }.says(),
        "withheld:foreign"
    );
    assert_eq!(Case { row: closed, listed: true, ..case() }.says(), "nothing");
}

#[test]
fn observe_grants_nothing_and_create_only_takes_nothing_away() {
    assert_eq!(Case { wanted: Some(by("r", Mode::Observe)), ..case() }.says(), "withheld:observed");
    assert_eq!(Case { wanted: Some(by("r", Mode::CreateOnly)), ..case() }.says(), "grant");
    let held = |mode| Row { wanted_by: by("r", mode), ..row(State::Ours) };
    assert_eq!(
        Case { row: Some(held(Mode::CreateOnly)), listed: true, ..case() }.says(),
        "withheld:create_only"
    );
    assert_eq!(Case { row: Some(held(Mode::Observe)), listed: true, ..case() }.says(), "withheld:observed");
    let global = Case { row: Some(row(State::Ours)), listed: true, mode: Mode::CreateOnly, ..case() };
    assert_eq!(global.says(), "withheld:create_only");
}

#[test]
fn what_is_ours_and_no_longer_wanted_goes_whatever_the_list_says() {
    for listed in [true, false] {
        assert_eq!(Case { row: Some(row(State::Ours)), listed, ..case() }.says(), "revoke");
    }
}

#[test]
fn a_failed_look_up_takes_nothing_away() {
    let frozen = BTreeMap::from([("r".parse().unwrap(), "group: throttled".to_owned())]);
    for state in [State::Ours, State::Closing(intent(at(59), false))] {
        let case = Case { row: Some(row(state)), listed: true, frozen: frozen.clone(), ..case() };
        assert_eq!(case.says(), "withheld:lookup_failed");
    }
    let pending = Some(row(State::Granting(intent(at(50), false))));
    assert_eq!(Case { row: pending, frozen, ..case() }.says(), "nothing");
    let principals = BTreeMap::from([(key().principal, Lookup::Failed("throttled".into()))]);
    assert_eq!(
        Case { row: Some(row(State::Ours)), listed: true, principals, ..case() }.says(),
        "withheld:lookup_failed"
    );
}

#[test]
fn an_orphan_is_not_deleted_and_a_renamed_group_s_access_is() {
    let principals = |found| BTreeMap::from([(key().principal, found)]);
    let gone =
        Case { row: Some(row(State::Ours)), listed: true, principals: principals(Lookup::Absent), ..case() };
    assert_eq!(gone.says(), "record:ours withheld:orphaned", "the first look marks it");
    let since = |hours: i64| {
        Some(Row { orphaned_since: Some(at(60) - SignedDuration::from_hours(hours)), ..row(State::Ours) })
    };
    let orphan =
        |hours, found| Case { row: since(hours), listed: true, principals: principals(found), ..case() };
    assert_eq!(orphan(23, Lookup::Absent).says(), "withheld:orphaned");
    assert_eq!(orphan(24, Lookup::Absent).says(), "revoke");
    assert_eq!(Case { mode: Mode::CreateOnly, ..orphan(24, Lookup::Absent) }.says(), "withheld:create_only");
    assert_eq!(orphan(24, Lookup::Failed("throttled".to_owned())).says(), "withheld:lookup_failed");
    assert_eq!(orphan(24, Lookup::Found(())).says(), "revoke", "as what nobody wants");
    let renamed = Case { row: Some(row(State::Ours)), principals: principals(Lookup::Found(())), ..case() };
    assert_eq!(renamed.says(), "revoke");
}

#[test]
fn an_intent_that_is_not_sent_can_be_given_up_and_one_that_is_cannot() {
    let pending = |claimed| Some(row(State::Granting(intent(at(59), claimed))));
    assert_eq!(Case { row: pending(false), ..case() }.says(), "record:closed");
    assert_eq!(Case { row: pending(true), ..case() }.says(), "record:sending");
    assert!(Case { row: pending(true), ..case() }.plan().records[0].look_again);
    assert_eq!(Case { row: pending(true), wanted: sync(), ..case() }.says(), "nothing");
    assert_eq!(
        Case { row: pending(false), wanted: sync(), listed: true, ..case() }.says(),
        "record:closed withheld:foreign"
    );

    let closing = |claimed| Some(row(State::Closing(intent(at(59), claimed))));
    assert_eq!(Case { row: closing(false), wanted: sync(), listed: true, ..case() }.says(), "record:ours");
    assert_eq!(Case { row: closing(true), wanted: sync(), listed: true, ..case() }.says(), "record:closing");
    assert_eq!(Case { row: closing(true), listed: true, ..case() }.says(), "nothing");
}

#[test]
fn an_intent_that_grows_old_or_was_decided_by_other_rules_is_decided_again() {
    let pending = |decided| Some(row(State::Granting(intent(decided, false))));
    assert_eq!(Case { row: pending(at(59)), wanted: sync(), ..case() }.says(), "nothing");
    assert_eq!(Case { row: pending(at(50)), wanted: sync(), ..case() }.says(), "record:pending");
    let other =
        Row { rules: Some("1".repeat(64).parse().unwrap()), ..row(State::Granting(intent(at(59), false))) };
    let plan = Case { row: Some(other), wanted: sync(), ..case() }.plan();
    assert_eq!(plan.records[0].rules, Some(rules()));
}

#[test]
fn ours_gone_by_another_hand_is_believed_gone_only_after_two_reads_the_lag_apart() {
    let mut ours = row(State::Ours);
    let missing = |row: &Row| Case { row: Some(row.clone()), wanted: sync(), ..case() };
    assert_eq!(missing(&ours).says(), "record:ours withheld:missing");
    assert_eq!(missing(&ours).plan().records[0].missing_since, Some(at(60)));
    ours.missing_since = Some(at(57));
    assert_eq!(missing(&ours).says(), "withheld:missing");
    let hash = |row: &Row| hash(&rules(), None, &[missing(row).plan()], &BTreeSet::new(), []);
    let before = hash(&ours);
    ours.missing_since = Some(at(55));
    assert_eq!(missing(&ours).says(), "record:closed withheld:held");
    assert_eq!(hash(&ours), before, "that time passes makes it no other plan");
    // A fresh row is believed over the list, and that they differ is told.
    let fresh = Row { changed_at: at(58), missing_since: None, ..row(State::Ours) };
    assert_eq!(missing(&fresh).says(), "withheld:missing");
    assert_eq!(hash(&fresh), before);
    assert_eq!(missing(&Row { changed_at: at(61), ..fresh }).says(), "nothing", "the list is older");
    // Seen again: the mark goes.
    let seen = Case { row: Some(ours), wanted: sync(), listed: true, ..case() };
    assert_eq!(seen.plan().records[0].missing_since, None);
}

#[test]
fn what_was_just_revoked_and_is_wanted_again_waits_until_the_list_can_be_believed() {
    let closed = Row { closed_at: Some(at(58)), changed_at: at(58), ..row(State::Closed) };
    let listed = Case { row: Some(closed.clone()), wanted: sync(), listed: true, ..case() };
    let plan = listed.plan();
    assert_eq!(listed.says(), "grant");
    let (_, intent) = plan.actions[0].row.work().unwrap();
    assert_eq!(intent.not_before, Some(at(63)));
    let absent = Case { row: Some(closed), wanted: sync(), ..case() };
    assert_eq!(absent.plan().actions[0].row.work().unwrap().1.not_before, None);
}

#[test]
fn an_uncertain_row_is_never_deleted() {
    let uncertain = Some(row(State::Uncertain { reason: "lost".into(), contested: false }));
    assert_eq!(Case { row: uncertain.clone(), listed: true, ..case() }.says(), "withheld:uncertain");
    assert_eq!(
        Case { row: uncertain.clone(), wanted: sync(), listed: true, ..case() }.says(),
        "withheld:uncertain"
    );
    assert_eq!(Case { row: uncertain, ..case() }.says(), "record:uncertain");
    let absent = Some(Row {
        missing_since: Some(at(50)),
        ..row(State::Uncertain { reason: "lost".into(), contested: false })
    });
    assert_eq!(Case { row: absent.clone(), ..case() }.says(), "record:closed");
    assert_eq!(Case { row: absent, wanted: sync(), ..case() }.says(), "grant");
}

#[test]
fn a_blocked_key_is_tried_again_when_its_inputs_change_or_its_day_has_passed() {
    let fingerprint =
        Case { wanted: sync(), ..case() }.plan().actions[0].row.work().unwrap().1.fingerprint.clone();
    let blocked = |fingerprint: &str, retry_at| {
        Some(row(State::Blocked {
            operation: Operation::Grant,
            reason: "no".into(),
            fingerprint: fingerprint.into(),
            retry_at,
        }))
    };
    assert_eq!(
        Case { row: blocked(&fingerprint, at(99)), wanted: sync(), ..case() }.says(),
        "withheld:blocked"
    );
    assert_eq!(Case { row: blocked("other", at(99)), wanted: sync(), ..case() }.says(), "grant");
    assert_eq!(Case { row: blocked(&fingerprint, at(60)), wanted: sync(), ..case() }.says(), "grant");
    assert_eq!(Case { row: blocked(&fingerprint, at(99)), ..case() }.says(), "record:closed");
}

#[test]
fn an_account_that_is_not_active_is_only_slept_on() {
    let suspended =
        |row, wanted| Case { row, wanted, state: AccountState::Suspended, listed: true, ..case() };
    assert_eq!(suspended(Some(row(State::Ours)), None).says(), "record:dormant withheld:account_not_active");
    assert_eq!(suspended(Some(row(State::Ours)), sync()).says(), "record:dormant");
    assert_eq!(suspended(None, sync()).says(), "withheld:account_not_active");
    assert_eq!(suspended(Some(row(State::Dormant)), sync()).says(), "nothing");
    let pending = Some(row(State::Granting(intent(at(59), false))));
    assert_eq!(suspended(pending, sync()).says(), "record:closed withheld:account_not_active");
    // Active again.
    assert_eq!(
        Case { row: Some(row(State::Dormant)), wanted: sync(), listed: true, ..case() }.says(),
        "record:ours"
    );
    assert_eq!(Case { row: Some(row(State::Dormant)), listed: true, ..case() }.says(), "revoke");
}

#[test]
fn the_management_account_is_written_to_only_by_its_own_role() {
    let there = |row, wanted| Case { row, wanted, management: true, ..case() };
    assert_eq!(there(None, sync()).says(), "withheld:management_account");
    let ours = Case { listed: true, ..there(Some(row(State::Ours)), None) };
    assert_eq!(ours.says(), "withheld:management_account");
}

#[test]
fn a_departed_account_s_rows_close_after_two_answers_the_lag_apart() {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let first = departed(&account, &[row(State::Ours)], LAG, at(60));
    assert_eq!(first.records[0].departed_since, Some(at(60)));
    assert_eq!(
        first.records[0].state,
        State::Dormant,
        "it sleeps: back again, what is gone was deleted by nobody"
    );
    let second = departed(&account, &first.records, LAG, at(65));
    assert_eq!(second.records[0].state, State::Closed);
    assert!(departed(&account, &second.records, LAG, at(70)).changes_nothing());
}

#[test]
fn a_second_plan_over_what_the_first_left_changes_nothing() {
    let first = Case { wanted: sync(), ..case() }.plan();
    let pending = first.actions[0].row.clone();
    assert_eq!(Case { wanted: sync(), row: Some(pending), ..case() }.says(), "nothing");
    assert_eq!(
        Case { wanted: sync(), row: Some(row(State::Ours)), listed: true, ..case() }.says(),
        "nothing"
    );
}

#[test]
fn any_rule_of_the_account_that_cannot_be_resolved_freezes_all_its_revokes() {
    // The row was wanted by `r`; `other` may want it now, and its look-up fails.
    let frozen = BTreeMap::from([("other".parse().unwrap(), "group: throttled".to_owned())]);
    let ours = Case { row: Some(row(State::Ours)), listed: true, frozen: frozen.clone(), ..case() };
    assert_eq!(ours.says(), "withheld:lookup_failed");
    // A rule that can't be resolved keeps its say, and its mode, in who wants the row.
    let wanted_by: BTreeMap<_, _> =
        by("other", Mode::CreateOnly).into_iter().chain(by("r", Mode::Sync)).collect();
    let both = Row { wanted_by: wanted_by.clone(), ..row(State::Ours) };
    let kept = Case { row: Some(both), wanted: sync(), listed: true, frozen, ..case() };
    assert_eq!(kept.says(), "nothing");
}

#[test]
fn a_permission_set_that_is_assigned_and_missing_from_the_catalogue_takes_nothing_away() {
    let vanished = BTreeSet::from([key().permission_set]);
    let case = |listed| Case { row: Some(row(State::Ours)), listed, vanished: vanished.clone(), ..case() };
    assert_eq!(case(true).says(), "withheld:lookup_failed");
    assert_eq!(case(false).says(), "revoke");
}

#[test]
fn a_grant_that_may_have_had_effect_is_never_given_up_as_somebody_elses() {
    let pending = Row { maybe_sent: true, ..row(State::Granting(intent(at(59), false))) };
    let wanted = Case { row: Some(pending.clone()), wanted: sync(), listed: true, ..case() };
    assert_eq!(wanted.says(), "record:uncertain withheld:foreign");
    let unwanted = |row: Row, listed| Case { row: Some(row), listed, ..case() }.says();
    assert_eq!(unwanted(pending.clone(), true), "record:uncertain");
    // Not there: gone only after two reads, and until then it still may be.
    assert_eq!(unwanted(pending.clone(), false), "record:pending");
    assert_eq!(unwanted(Row { missing_since: Some(at(50)), ..pending.clone() }, false), "record:closed");
    let suspended = Case { row: Some(pending), state: AccountState::Suspended, ..case() };
    assert_eq!(suspended.says(), "record:uncertain");
}

#[test]
fn a_decision_is_as_old_as_the_facts_it_rests_on() {
    let slow = Case { wanted: sync(), read_at: at(58), ..case() }.plan();
    assert_eq!(slow.actions[0].row.work().unwrap().1.decided_at, at(58));
}

#[test]
fn an_account_that_was_wrongly_said_to_have_departed_loses_that_mark() {
    let marked = Row { departed_since: Some(at(1)), ..row(State::Ours) };
    let plan = Case { row: Some(marked.clone()), wanted: sync(), listed: true, ..case() }.plan();
    assert_eq!(plan.records[0].departed_since, None);
    // A mark of being missing from a list is no mark of having departed.
    let missing = Row { missing_since: Some(at(1)), ..row(State::Ours) };
    let account: AccountId = ACCOUNT.parse().unwrap();
    assert_eq!(departed(&account, &[missing], LAG, at(60)).records[0].state, State::Dormant);
    assert_eq!(departed(&account, &[marked], LAG, at(60)).records[0].state, State::Closed);
}

#[test]
fn a_permission_set_that_was_made_again_under_its_name_waits_for_a_person() {
    let before: PermissionSetArn =
        "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-ffffffffffffffff".parse().unwrap();
    let recreated = Recreated { name: "Reader".to_owned(), before };
    let unconfirmed = BTreeMap::from([(key(), recreated)]);
    let case = || Case { wanted: sync(), unconfirmed: unconfirmed.clone(), ..case() };
    assert_eq!(case().says(), "withheld:recreated");
    let text = case().plan().withheld[0].reason.to_string();
    assert!(text.contains("`usher confirm Reader`") && text.contains("ps-ffffffffffffffff"), "{text}");
    // An intent from before is given up, and what is there already stays.
    let pending = row(State::Granting(intent(at(59), false)));
    assert_eq!(Case { row: Some(pending), ..case() }.says(), "record:closed withheld:recreated");
    assert_eq!(Case { row: Some(row(State::Ours)), listed: true, ..case() }.says(), "nothing");
    assert_eq!(Case { listed: true, ..case() }.says(), "withheld:foreign");
    let observing = Some(by("r", Mode::Observe));
    assert_eq!(Case { wanted: observing, ..case() }.says(), "withheld:observed");
}
