//! Time, members, names made from data, joins, protected and re-created permission sets.

use super::*;
use crate::{
    domain::{Mode, OrganizationalUnit},
    rules::{
        AccountSelector, Guardrails, Join, JoinedWith, NameTemplate, Never, PermissionSetSelector,
        PrincipalSelector, Repair, Reprovision, Rule, RuleSet, Settings, TagSelector, TagValueSelector, Team,
        WrittenAt,
    },
};

fn name(template: &str) -> NameTemplate {
    NameTemplate::parse(template).unwrap()
}

fn group(template: &str) -> PrincipalSelector {
    PrincipalSelector::Group(name(template))
}

fn members_of(template: &str) -> PrincipalSelector {
    PrincipalSelector::MembersOf(name(template))
}

fn called(template: &str) -> PermissionSetSelector {
    PermissionSetSelector::Name(name(template))
}

/// All that have a level, whichever.
fn levelled() -> PermissionSetSelector {
    PermissionSetSelector::Tagged(TagSelector(BTreeMap::from([(
        "Level".to_owned(),
        vec![TagValueSelector::Present],
    )])))
}

fn written_at(line: usize) -> WrittenAt {
    WrittenAt { file: "rules.yaml".into(), line }
}

/// A rule that gives these permission sets to these principals everywhere, and does nothing else that is special.
pub(super) fn rule(
    id: &str,
    principals: Vec<PrincipalSelector>,
    permission_sets: Vec<PermissionSetSelector>,
) -> Rule {
    Rule {
        id: id.parse().unwrap(),
        mode: Mode::Sync,
        principals,
        permission_sets,
        accounts: AccountSelector::Everywhere,
        joins: Vec::new(),
        from: None,
        until: None,
        repair: Repair::Hold,
        team: None,
        written_at: written_at(1),
    }
}

/// A rule that gives Reader to Developers.
fn plain(id: &str) -> Rule {
    rule(id, vec![group("Developers")], vec![called("Reader")])
}

/// What is never given, everywhere.
fn never(principals: Option<Vec<PrincipalSelector>>, permission_sets: Vec<PermissionSetSelector>) -> Never {
    Never { principals, permission_sets, accounts: AccountSelector::Everywhere, written_at: written_at(9) }
}

pub(super) fn document(rules: Vec<Rule>, never: Vec<Never>, protected: &[&str]) -> Index {
    document_of(Vec::new(), rules, never, protected)
}

pub(super) fn document_of(
    teams: Vec<Team>,
    rules: Vec<Rule>,
    never: Vec<Never>,
    protected: &[&str],
) -> Index {
    let settings = Settings {
        mode: Mode::Sync,
        guardrails: Guardrails::default(),
        trusted_account_tags: BTreeSet::new(),
        trusted_permission_set_tags: BTreeSet::new(),
        protected_permission_sets: protected.iter().map(|name| (*name).to_owned()).collect(),
    };
    Index::compile(RuleSet {
        settings,
        teams,
        never,
        reprovision: Reprovision::default(),
        permission_sets: Vec::new(),
        rules,
    })
}

fn of_rules(rules: Vec<Rule>) -> String {
    shown(&desired(&document(rules, Vec::new(), &[]), &account(), &facts(), now()))
}

/// Developers has alice and bob for members, Operators has none, and nothing is known of who is in Auditors.
fn with_members() -> Facts {
    let mut facts = facts();
    let [devs, ops]: [GroupId; 2] = [DEVS, OPS].map(|id| id.parse().unwrap());
    let auditors: GroupId = "00000000-0000-0000-0000-00000000000f".parse().unwrap();
    let users: BTreeSet<UserId> =
        [ALICE, "00000000-0000-0000-0000-00000000000b"].map(|id| id.parse().unwrap()).into();
    facts.groups.insert("Auditors".to_owned(), Lookup::Found(auditors.clone()));
    facts.member_groups.clone_from(&facts.groups);
    facts.members = BTreeMap::from([
        (devs, Lookup::Found(users)),
        (ops, Lookup::Found(BTreeSet::new())),
        (auditors, Lookup::Failed("throttled".to_owned())),
    ]);
    facts
}

#[test]
fn a_rule_holds_from_its_beginning_until_just_before_its_end() {
    let timed = Rule { from: Some(at(10)), until: Some(at(14)), ..plain("r") };
    let index = document(vec![timed], Vec::new(), &[]);
    let moment = jiff::SignedDuration::from_nanos(1);
    for (time, holds) in [(at(10) - moment, false), (at(10), true), (at(14) - moment, true), (at(14), false)]
    {
        let desired = desired(&index, &account(), &facts(), time);
        assert_eq!(!desired.wanted.is_empty(), holds, "{time}");
        assert_eq!(needs(&index, &account(), time) != Needs::default(), holds, "{time}");
    }
}

#[test]
fn a_rule_outside_its_time_freezes_nothing_and_waits_for_nothing() {
    let over = Rule {
        until: Some(at(12)),
        ..rule("r", vec![group("Broken"), group("Gone")], vec![called("Reader")])
    };
    assert_eq!(of_rules(vec![over]), "");
}

#[test]
fn a_key_ends_with_the_last_of_the_rules_that_may_grant_it() {
    let ending = |id: &str, hour| Rule { until: Some(at(hour)), ..plain(id) };
    let observe = |rule: Rule| Rule { mode: Mode::Observe, ..rule };
    insta::assert_snapshot!(of_rules(vec![ending("a", 14), ending("b", 18), ending("c", 16)]), @"
    wanted 1 group..d by a sync, b sync, c sync
    until 1 group..d 2027-01-15T18:00:00Z
    ");
    insta::assert_snapshot!(of_rules(vec![ending("a", 14), plain("b")]), @"wanted 1 group..d by a sync, b sync");
    // What only observes makes no grant last longer.
    insta::assert_snapshot!(of_rules(vec![ending("a", 14), observe(plain("b"))]), @"
    wanted 1 group..d by a sync, b observe
    until 1 group..d 2027-01-15T14:00:00Z
    ");
    insta::assert_snapshot!(of_rules(vec![observe(ending("a", 14))]), @"wanted 1 group..d by a observe");
}

#[test]
fn one_rule_that_says_so_is_enough_for_a_repair_if_it_may_grant() {
    let always = Rule { repair: Repair::Always, ..plain("a") };
    insta::assert_snapshot!(of_rules(vec![plain("b"), always.clone()]), @"
    wanted 1 group..d by a sync, b sync
    repaired 1 group..d
    ");
    let observing = Rule { mode: Mode::Observe, ..always.clone() };
    insta::assert_snapshot!(of_rules(vec![plain("b"), observing]), @"wanted 1 group..d by a observe, b sync");
    let index = document(vec![always], vec![never(None, vec![called("Reader")])], &[]);
    insta::assert_snapshot!(shown(&desired(&index, &account(), &facts(), now())), @"forbidden 1 group..d by a sync");
}

#[test]
fn each_member_of_a_group_gets_it_and_the_group_does_not() {
    let facts = with_members();
    let decide = |principals| {
        let rules = vec![rule("r", principals, vec![called("Reader")])];
        shown(&desired(&document(rules, Vec::new(), &[]), &account(), &facts, now()))
    };
    insta::assert_snapshot!(decide(vec![members_of("Developers")]), @"
    wanted 1 user:..a by r sync
    wanted 1 user:..b by r sync
    ");
    insta::assert_snapshot!(decide(vec![PrincipalSelector::MembersOfId(DEVS.parse().unwrap())]), @"
    wanted 1 user:..a by r sync
    wanted 1 user:..b by r sync
    ");
    insta::assert_snapshot!(decide(vec![members_of("Operators")]), @"");
    insta::assert_snapshot!(decide(vec![members_of("Gone"), members_of("Operators")]), @"r waits for group `Gone`");
    insta::assert_snapshot!(decide(vec![members_of("Auditors"), members_of("Broken")]), @"frozen r: principal 1: throttled (and 1 more)");
    // A list that nobody has read is not an empty one.
    let unread = PrincipalSelector::MembersOfId(ALICE.parse().unwrap());
    insta::assert_snapshot!(decide(vec![unread]), @"frozen r: principal 1: not looked up");
}

#[test]
fn whoever_is_in_two_groups_has_it_from_both() {
    let mut facts = with_members();
    let alice: BTreeSet<UserId> = [ALICE.parse().unwrap()].into();
    facts.members.insert(OPS.parse().unwrap(), Lookup::Found(alice));
    let of = |id: &str, of: &str| rule(id, vec![members_of(of)], vec![called("Reader")]);
    let index = document(vec![of("a", "Developers"), of("b", "Operators")], Vec::new(), &[]);
    insta::assert_snapshot!(shown(&desired(&index, &account(), &facts, now())), @"
    wanted 1 user:..a by a sync, b sync
    wanted 1 user:..b by a sync
    ");
}

#[test]
fn a_never_about_members_takes_it_from_each_of_them_however_they_got_it() {
    let rules = || {
        let alice = PrincipalSelector::User(name("alice"));
        vec![rule("r", vec![members_of("Developers"), group("Developers"), alice], vec![called("Reader")])]
    };
    let decide = |of: &str| {
        let never = never(Some(vec![members_of(of)]), vec![called("Reader")]);
        shown(&desired(&document(rules(), vec![never], &[]), &account(), &with_members(), now()))
    };
    insta::assert_snapshot!(decide("Developers"), @"
    wanted 1 group..d by r sync
    forbidden 1 user:..a by r sync
    forbidden 1 user:..b by r sync
    ");
    insta::assert_snapshot!(decide("Operators"), @"
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 1 user:..b by r sync
    ");
    insta::assert_snapshot!(decide("Auditors"), @"
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 1 user:..b by r sync
    no grants: the `never` at rules.yaml:9 can't be decided: throttled
    ");
}

#[test]
fn needs_name_the_groups_whose_members_are_asked_for() {
    let by_id = PrincipalSelector::MembersOfId(OPS.parse().unwrap());
    let rules = vec![rule("r", vec![members_of("{account_name}-team"), by_id], vec![called("Reader")])];
    let barred = never(Some(vec![members_of("Barred")]), vec![called("Reader")]);
    let expected = Needs {
        groups: ["Barred", "web-team"].map(str::to_owned).into(),
        members_of: ["Barred", "web-team"].map(str::to_owned).into(),
        members_of_ids: [OPS.parse().unwrap()].into(),
        permission_sets: true,
        ..Needs::default()
    };
    assert_eq!(needs(&document(rules, vec![barred], &[]), &account(), now()), expected);
}

#[test]
fn names_are_made_from_the_account_s_data_and_wait_for_what_it_has_not_got() {
    let rules = vec![rule(
        "r",
        vec![group("{account_tag.Team}ers"), members_of("{ou_name}"), group("Developers")],
        vec![called("{account_tag.Right}er"), called("Writ{account_tag.None}")],
    )];
    let index = document(rules, Vec::new(), &[]);
    let tags = [("Team", "Develop"), ("Right", "Read")];
    let tagged = Account { tags: tags.into_iter().collect(), ..account() };
    insta::assert_snapshot!(shown(&desired(&index, &tagged, &facts(), now())), @"
    wanted 1 group..d by r sync
    r waits for a name made from `account_tag.None`, which the account has not got
    r waits for a name made from `ou_name`, which the account has not got
    ");
    insta::assert_snapshot!(shown(&desired(&index, &account(), &facts(), now())), @"
    r waits for a name made from `account_tag.None`, which the account has not got
    r waits for a name made from `account_tag.Right`, which the account has not got
    r waits for a name made from `account_tag.Team`, which the account has not got
    r waits for a name made from `ou_name`, which the account has not got
    ");
}

/// Whether a permission set whose tag has this value is given in an account with these tags, in these OUs.
fn joins(
    value: Option<&str>,
    with: JoinedWith,
    wildcard: Option<&str>,
    tags: &[(&str, &str)],
    ous: &[&str],
) -> bool {
    let join = Join { permission_set_tag: "On".to_owned(), with, wildcard: wildcard.map(str::to_owned) };
    let index = document(vec![Rule { joins: vec![join], ..plain("r") }], Vec::new(), &[]);
    let ous = ous
        .iter()
        .map(|name| OrganizationalUnit { id: "ou-ab12-cdefgh34".parse().unwrap(), name: (*name).to_owned() });
    let account = Account { tags: tags.iter().copied().collect(), path: OuPath(ous.collect()), ..account() };
    let tags: Vec<_> = value.map(|value| ("On", value)).into_iter().collect();
    let facts = Facts { permission_sets: Lookup::Found(vec![set("Reader", "1", &tags)].into()), ..facts() };
    let desired = desired(&index, &account, &facts, now());
    assert!(desired.waiting.is_empty() && desired.frozen.is_empty());
    !desired.wanted.is_empty()
}

#[test]
fn a_join_with_a_tag_wants_the_same_value_on_both_sides() {
    let environment = || JoinedWith::AccountTag("Env".to_owned());
    for (set, account, wildcard, expected) in [
        (Some("dev"), Some("dev"), None, true),
        (Some("dev"), Some("Dev"), None, false),
        (Some("dev"), Some("prod"), Some("All"), false),
        (Some("dev"), None, None, false),
        (None, Some("dev"), None, false),
        (None, None, None, false),
        // The wildcard is the permission set's, and still wants the account to have the tag.
        (Some("All"), Some("prod"), Some("All"), true),
        (Some("All"), Some("prod"), None, false),
        (Some("All"), None, Some("All"), false),
        (None, Some("All"), Some("All"), false),
        (Some("dev"), Some("All"), Some("All"), false),
        (Some(""), Some(""), None, true),
    ] {
        let tags: Vec<_> = account.map(|value| ("Env", value)).into_iter().collect();
        assert_eq!(
            joins(set, environment(), wildcard, &tags, &["dev"]),
            expected,
            "{set:?} {account:?} {wildcard:?}"
        );
    }
}

#[test]
fn a_join_with_ous_wants_the_nearest_or_any_of_them() {
    for (set, ous, wildcard, nearest, any) in [
        (Some("Dev"), &["Work", "Dev"][..], None, true, true),
        (Some("Work"), &["Work", "Dev"], None, false, true),
        (Some("work"), &["Work", "Dev"], None, false, false),
        (Some("Dev"), &[], None, false, false),
        (None, &["Dev"], None, false, false),
        (Some("All"), &["Work", "Dev"], Some("All"), true, true),
        // Directly below the root there is no OU that could be meant.
        (Some("All"), &[], Some("All"), false, false),
        (Some("Dev"), &["All"], Some("All"), false, false),
    ] {
        assert_eq!(joins(set, JoinedWith::NearestOu, wildcard, &[], ous), nearest, "{set:?} {ous:?}");
        assert_eq!(joins(set, JoinedWith::AnyOu, wildcard, &[], ous), any, "{set:?} {ous:?}");
    }
}

#[test]
fn all_joins_must_hold() {
    let join = |tag: &str, key: &str| Join {
        permission_set_tag: tag.to_owned(),
        with: JoinedWith::AccountTag(key.to_owned()),
        wildcard: None,
    };
    let index = document(
        vec![Rule {
            joins: vec![join("Level", "Env"), join("Team", "Team")],
            ..rule("r", vec![group("Developers")], vec![levelled()])
        }],
        Vec::new(),
        &[],
    );
    let sets = vec![
        set("Both", "1", &[("Level", "dev"), ("Team", "web")]),
        set("One", "2", &[("Level", "dev"), ("Team", "data")]),
        set("Neither", "3", &[("Level", "prod")]),
    ];
    let facts = Facts { permission_sets: Lookup::Found(sets.into()), ..facts() };
    let account = Account { tags: [("Env", "dev"), ("Team", "web")].into_iter().collect(), ..account() };
    insta::assert_snapshot!(shown(&desired(&index, &account, &facts, now())), @"wanted 1 group..d by r sync");
}

#[test]
fn a_protected_permission_set_is_given_by_name_in_accounts_that_are_listed_and_in_no_other_way() {
    let here = || AccountSelector::Id([account().id].into());
    let decide = |sets: Vec<PermissionSetSelector>, accounts: AccountSelector| {
        let rules = vec![Rule { accounts, ..rule("r", vec![group("Developers")], sets) }];
        let index = document(rules, Vec::new(), &["Writer"]);
        let account = Account { tags: [("Can", "Write")].into_iter().collect(), ..account() };
        shown(&desired(&index, &account, &facts(), now()))
    };
    insta::assert_snapshot!(decide(vec![called("Writer")], here()), @"wanted 2 group..d by r sync");
    let pinned = || PermissionSetSelector::Arn(arn("2"));
    insta::assert_snapshot!(decide(vec![pinned()], here()), @"wanted 2 group..d by r sync");
    let waits = "r waits for permission set `Writer`, which is protected: only a rule that names it, in accounts that it lists by id, gives it";
    for sets in [vec![called("Writer")], vec![pinned()]] {
        assert_eq!(decide(sets, AccountSelector::Everywhere), waits);
    }
    assert_eq!(decide(vec![called("{account_tag.Can}r")], here()), waits);
    assert_eq!(decide(vec![levelled()], here()), format!("wanted 1 group..d by r sync\n{waits}"));
    // Where it is named as well, nothing is kept back.
    insta::assert_snapshot!(decide(vec![levelled(), called("Writer")], here()), @"
    wanted 1 group..d by r sync
    wanted 2 group..d by r sync
    ");
    // What a join leaves out was not selected.
    insta::assert_snapshot!(decide(vec![called("Reader")], AccountSelector::Everywhere), @"wanted 1 group..d by r sync");
}

#[test]
fn a_name_that_another_permission_set_bore_gives_nothing_until_it_is_confirmed() {
    let confirmed = BTreeMap::from([("Reader".to_owned(), arn("9")), ("Writer".to_owned(), arn("2"))]);
    let facts = Facts { confirmed, ..facts() };
    let decide = |rules: Vec<Rule>| {
        let desired = desired(&document(rules, Vec::new(), &[]), &account(), &facts, now());
        let named: Vec<&str> = desired.named.keys().map(String::as_str).collect();
        format!("{}\nnamed {}", shown(&desired), named.join(" "))
    };
    let gives = |id: &str, selector| rule(id, vec![group("Developers")], vec![selector]);
    insta::assert_snapshot!(decide(vec![gives("a", called("Reader")), gives("b", called("Writer"))]), @"
    wanted 1 group..d by a sync
    wanted 2 group..d by b sync
    unconfirmed 1 group..d: Reader was 9
    named Reader Writer
    ");
    // A rule that pins it, or selects by tags, says itself what it gives.
    insta::assert_snapshot!(decide(vec![gives("a", called("Reader")), gives("b", PermissionSetSelector::Arn(arn("1")))]), @"
    wanted 1 group..d by a sync, b sync
    named Reader
    ");
    insta::assert_snapshot!(decide(vec![gives("a", levelled())]), @"
    wanted 1 group..d by a sync
    wanted 2 group..d by a sync
    named
    ");
    insta::assert_snapshot!(decide(vec![rule("a", vec![group("Developers")], vec![levelled(), called("Reader")])]), @"
    wanted 1 group..d by a sync
    wanted 2 group..d by a sync
    named Reader
    ");
    // One that only observes lets nothing through, and one that ends lends its end to none but itself.
    let observing = Rule { mode: Mode::Observe, ..gives("b", PermissionSetSelector::Arn(arn("1"))) };
    insta::assert_snapshot!(decide(vec![gives("a", called("Reader")), observing]), @"
    wanted 1 group..d by a sync, b observe
    unconfirmed 1 group..d: Reader was 9
    named Reader
    ");
    let ending = Rule { until: Some(at(14)), ..gives("b", PermissionSetSelector::Arn(arn("1"))) };
    insta::assert_snapshot!(decide(vec![gives("a", called("Reader")), ending]), @"
    wanted 1 group..d by a sync, b sync
    until 1 group..d 2027-01-15T14:00:00Z
    named Reader
    ");
}
