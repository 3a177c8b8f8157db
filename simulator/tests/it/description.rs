//! Organizations described in YAML, and what is said of mistakes in them.

use simulator::{Description, DescriptionError, EXAMPLE, Settings, World};

use crate::support::SMALL;

fn mistake(yaml: &str) -> DescriptionError {
    match Description::read(yaml).and_then(|description| description.build(Settings::default())) {
        Ok(_) => panic!("taken for an organization"),
        Err(error) => error,
    }
}

#[test]
fn the_example_is_an_organization_of_a_realistic_size() {
    let world = World::from_yaml(EXAMPLE, Settings::default()).unwrap();
    for path in [
        "Workloads/Development",
        "Workloads/Production",
        "Workloads/Test",
        "Sandbox",
        "Security",
        "Infrastructure",
        "Suspended",
    ] {
        assert!(world.ou_at(path).is_some(), "{path}");
    }
    for group in ["Developers", "Support", "SecurityAuditors", "PlatformEngineers"] {
        assert!(world.group_named(group).is_some(), "{group}");
    }
    for set in
        ["EC2-S3-FullAccess", "ReadOnlyAccess", "PowerUserAccess", "SecurityAudit", "AdministratorAccess"]
    {
        assert!(world.permission_set_named(set).is_some(), "{set}");
    }
    assert_eq!(world.assignments().len(), 7);
    let count = |entry: &str| EXAMPLE.lines().filter(|line| line.contains(entry)).count();
    assert_eq!((count("CostCenter"), count("user_name:"), count("session_duration:")), (40, 60, 12));
}

#[test]
fn a_description_always_gives_the_same_ids() {
    let ids = |yaml: &str| {
        let world = World::from_yaml(yaml, Settings::default()).unwrap();
        (
            world.ou_at("Workloads/Development"),
            world.group_named("Developers"),
            world.permission_set_named("ReadOnlyAccess"),
        )
    };
    assert_eq!(ids(SMALL), ids(SMALL));
    let more = SMALL.replace("groups: [{", "groups: [{ name: Newcomers }, {");
    assert_eq!(ids(SMALL), ids(&more), "what is added changes no other id");
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    for (from, to, expected) in [
        ("name: Sandbox\n", "nmae: Sandbox\n", "nmae"),
        ("id: \"222233334444\"", "id: \"2222\"", "`2222` is not an account id of 12 digits"),
        ("id: \"222233334444\"", "id: \"111122223333\"", "there are two accounts with the id `111122223333`"),
        ("{ name: Support }", "{ name: Developers }", "there are two groups named `Developers`"),
        ("groups: [Developers]", "groups: [Devs]", "there is no group named `Devs`"),
        ("o-exampleorg1", "example", "`example` is not an organization's id"),
        ("name: PowerUserAccess", "name: Power User", "`Power User` is not a permission set's name"),
        ("state: SUSPENDED", "state: ASLEEP", "ASLEEP"),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let yaml = SMALL.replacen(from, to, 1);
        let error = mistake(&yaml);
        assert!(error.message.contains(expected), "{error}");
        let line = SMALL.lines().position(|line| line.contains(from.trim_end())).unwrap() + 1;
        assert_eq!(error.line, u64::try_from(line).unwrap(), "{error}");
        assert!(error.column > 1 || to.starts_with("o-"), "{error}");
    }
}

#[test]
fn an_assignment_names_what_exists_and_one_principal() {
    for (assignment, expected) in [
        (
            "{ account: nowhere, permission_set: ReadOnlyAccess, group: Developers }",
            "there is no account `nowhere`",
        ),
        (
            "{ account: play, permission_set: Other, group: Developers }",
            "there is no permission set named `Other`",
        ),
        (
            "{ account: play, permission_set: ReadOnlyAccess, user: nobody }",
            "there is no user named `nobody`",
        ),
        ("{ account: play, permission_set: ReadOnlyAccess }", "either a `group` or a `user`"),
    ] {
        let error = mistake(&format!("{SMALL}assignments:\n  - {assignment}\n"));
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(error.line, u64::try_from(SMALL.lines().count() + 2).unwrap());
    }
    let yaml = format!(
        "{SMALL}assignments:\n  - {{ account: \"444455556666\", permission_set: ReadOnlyAccess, user: alba@example.com }}\n"
    );
    assert_eq!(World::from_yaml(&yaml, Settings::default()).unwrap().assignments().len(), 1);
}

#[test]
fn text_that_is_no_description_is_refused() {
    for yaml in [
        "",
        "[",
        "just words",
        "management_account: 3",
        "management_account: {name: a}\nmanagement_account: {name: b}",
    ] {
        assert!(!mistake(yaml).message.is_empty());
    }
}
