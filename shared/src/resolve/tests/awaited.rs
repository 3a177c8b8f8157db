//! Which rules wait for declared permission sets.

use super::*;
use crate::domain::Principal;

/// Reader is declared as it is, Writer with another level than it has, and Builder is yet to be made.
const DECLARED: &str = "permission_sets: [{ name: Reader, tags: { Level: low } }, { name: Writer, tags: { Level: top } }, \
    { name: Builder, tags: { Level: new, Environment: Development } }]\n";

fn unkept(unlike: &[&str]) -> Unkept {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Unkept { names: names(&["Reader", "Writer", "Builder"]), unlike: names(unlike) }
}

/// The set that a rule of these words, which gives access to Developers, waits for in an account of this environment.
fn waits(rule: &str, environment: &str, unkept: &Unkept) -> Option<String> {
    let body = format!("{DECLARED}rules:\n- {{ id: r, principals: [{{ group: Developers }}], {rule} }}\n");
    let account = Account { tags: [("Environment", environment)].into_iter().collect(), ..account() };
    let awaited = awaited(&index(&body), &account, &facts(), now(), unkept);
    for other in [Principal::Group(OPS.parse().unwrap()), Principal::User(ALICE.parse().unwrap())] {
        assert_eq!(awaited.by(&other), None, "whom the rule does not name waits for nothing");
    }
    awaited.by(&Principal::Group(DEVS.parse().unwrap())).map(str::to_owned)
}

#[test]
fn a_rule_waits_for_what_it_gives_as_declared_and_not_as_read() {
    for (rule, set) in [
        ("permission_sets: [Reader], accounts: everywhere", None),
        ("permission_sets: [Builder], accounts: everywhere", Some("Builder")),
        ("permission_sets: [Undeclared], accounts: everywhere", None),
        // By its name it is given already, whatever its tags are.
        ("permission_sets: [Writer], accounts: everywhere", None),
        ("permission_sets: { tagged: { Level: high } }, accounts: everywhere", None),
        ("permission_sets: { tagged: { Level: top } }, accounts: everywhere", Some("Writer")),
        ("permission_sets: { tagged: { Level: new } }, accounts: everywhere", Some("Builder")),
        ("permission_sets: [Builder], accounts: { named: other }", None),
        ("mode: observe, permission_sets: [Builder], accounts: everywhere", None),
    ] {
        assert_eq!(waits(rule, "Development", &unkept(&[])).as_deref(), set, "{rule}");
        assert_eq!(waits(rule, "Development", &Unkept::default()), None, "{rule}");
    }
}

#[test]
fn a_set_that_may_not_be_as_declared_is_waited_for_although_it_is_there() {
    let rule = "permission_sets: [Reader], accounts: everywhere";
    assert_eq!(waits(rule, "Development", &unkept(&["Reader"])).as_deref(), Some("Reader"));
    assert_eq!(waits(rule, "Development", &unkept(&["Writer"])), None);
}

#[test]
fn a_set_is_waited_for_only_where_its_tags_will_match_the_account() {
    let rule = "permission_sets: [Builder], accounts: everywhere, \
        match: [{ permission_set_tag: Environment, account_tag: Environment }]";
    assert_eq!(waits(rule, "Development", &unkept(&[])).as_deref(), Some("Builder"));
    assert_eq!(waits(rule, "Production", &unkept(&[])), None);
}

#[test]
fn a_catalogue_that_could_not_be_read_is_no_wait() {
    let body = format!("{DECLARED}{}", one_rule("[{ group: Developers }]", "[Builder]"));
    let failed = Facts { permission_sets: Lookup::Failed("throttled".to_owned()), ..facts() };
    let nothing = awaited(&index(&body), &account(), &failed, now(), &unkept(&[]));
    assert_eq!(nothing, Awaited::default(), "its rules are frozen, which says more");
    let empty = Facts { permission_sets: Lookup::Absent, ..facts() };
    assert_ne!(awaited(&index(&body), &account(), &empty, now(), &unkept(&[])), Awaited::default());
}
