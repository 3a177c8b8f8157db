//! Organizations described in YAML, and what is said of mistakes in them.

use serde_json::json;
use simulator::{
    Description, DescriptionError, EXAMPLE, Settings, World,
    wire::{identity_store as store, sso_admin as sso},
};

use crate::{faces::both_in, support::SMALL};

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

/// The small organization with more said of a permission set, a group, a user and an assignment.
fn detailed(set: &str, group: &str, user: &str, assignments: &str) -> String {
    let yaml = SMALL
        .replace("{ name: PowerUserAccess }", &format!("{{ name: PowerUserAccess{set} }}"))
        .replace("{ name: Support }", &format!("{{ name: Support{group} }}"))
        .replace("display_name: Bruno Example }", &format!("display_name: Bruno Example{user} }}"));
    format!("{yaml}{assignments}")
}

#[test]
fn what_a_description_says_of_sets_groups_and_users_is_what_aws_answers() {
    let yaml = detailed(
        ", version: 3, relay_state: \"https://example.com/\", inline_policy: { Version: \"2012-10-17\", Statement: [] }, \
         customer_managed_policies: [{ name: own, path: /team/ }], permissions_boundary: { managed_policy: \"arn:aws:iam::aws:policy/B\" }",
        ", external_ids: [{ issuer: idp, id: g-1 }]",
        ", external_ids: [{ issuer: idp, id: u-1 }], attributes: { NickName: Bru, Addresses: [{ Locality: Bern }] }",
        "assignments:\n  - { account: play, permission_set: PowerUserAccess, group: Support, version: 2 }\n",
    );
    both_in(&|| World::from_yaml(&yaml, Settings::default()).unwrap(), |faced| {
        let set = faced.world.permission_set_named("PowerUserAccess").unwrap();
        let asked = || json!({ "PermissionSetArn": set });
        assert_eq!(
            faced.ok::<sso::DescribePermissionSet>(asked())["PermissionSet"]["RelayState"],
            "https://example.com/"
        );
        let inline = faced.ok::<sso::GetInlinePolicyForPermissionSet>(asked());
        let inline: serde_json::Value =
            serde_json::from_str(inline["InlinePolicy"].as_str().unwrap()).unwrap();
        assert_eq!(inline, json!({ "Version": "2012-10-17", "Statement": [] }));
        let own = faced.ok::<sso::ListCustomerManagedPolicyReferencesInPermissionSet>(asked());
        assert_eq!(own["CustomerManagedPolicyReferences"], json!([{ "Name": "own", "Path": "/team/" }]));
        let boundary = faced.ok::<sso::GetPermissionsBoundaryForPermissionSet>(asked());
        assert_eq!(boundary["PermissionsBoundary"]["ManagedPolicyArn"], "arn:aws:iam::aws:policy/B");
        let mut behind = asked();
        behind["ProvisioningStatus"] = json!("LATEST_PERMISSION_SET_NOT_PROVISIONED");
        let behind = faced.ok::<sso::ListAccountsForProvisionedPermissionSet>(behind);
        assert_eq!(behind["AccountIds"], json!(["444455556666"]));

        let by = |id: &str| json!({ "AlternateIdentifier": { "ExternalId": { "Issuer": "idp", "Id": id } } });
        let group = faced.ok::<store::GetGroupId>(by("g-1"))["GroupId"].clone();
        assert_eq!(group, json!(faced.world.group_named("Support")));
        let user = faced.ok::<store::GetUserId>(by("u-1"))["UserId"].clone();
        let user = faced.ok::<store::DescribeUser>(json!({ "UserId": user }));
        assert_eq!((&user["NickName"], &user["Addresses"][0]["Locality"]), (&json!("Bru"), &json!("Bern")));
        assert_eq!(user["DisplayName"], "Bruno Example");
    });
}

#[test]
fn a_mistake_in_what_is_said_of_them_is_shown_where_it_is() {
    for (set, user, assignments, expected) in [
        (", inline_policy: \"{\"", "", "", "this is no JSON"),
        (", customer_managed_policies: [{ name: \"a b\" }]", "", "", "letters, digits and `_+=,.@-`"),
        (", permissions_boundary: { policy: x }", "", "", "policy"),
        (", version: 0", "", "", "versions are counted from 1"),
        (", version: 18446744073709551615", "", "", "`18446744073709551615` is none"),
        ("", ", attributes: { Nick: x }", "", "`Nick` is no attribute of a user"),
        ("", ", attributes: { UserName: x }", "", "`UserName` is given as `user_name`"),
        ("", ", attributes: [x]", "", "attributes are a mapping"),
        (
            "",
            "",
            "assignments: [{ account: play, permission_set: PowerUserAccess, group: Support, version: 2 }]\n",
            "the permission set has the versions 1 to 1",
        ),
    ] {
        let error = mistake(&detailed(set, "", user, assignments));
        assert!(error.message.contains(expected), "{error}");
        assert!(error.line > 1 && error.column > 1, "{error}");
    }
}

#[test]
fn the_file_that_the_documentation_shows_is_an_organization() {
    let page = include_str!("../../../docs/simulator.md").split_once("## The organization file").unwrap().1;
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2, "the organization, and its callers");
    let world = World::from_yaml(&blocks.concat(), Settings::default()).unwrap();
    assert!(world.caller_of("AKIAEXAMPLESHOP").is_some());
    assert_eq!((world.settings.seed, world.settings.quotas.outstanding), (7, 15));
}
