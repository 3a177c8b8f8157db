//! The whole state, written down and taken up again; and the settings that a file gives.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use simulator::{ApiError, EXAMPLE, Latency, Limit, Settings, World, dispatch::dispatch};

use crate::{
    served::served,
    support::{INSTANCE, SMALL, STORE, at, create_input, key, locked, person, small},
};

const ORG: &str = "AWSOrganizationsV20161128";
const IDS: &str = "AWSIdentityStore";
const SSO: &str = "SWBExternalService";

fn ask(world: &mut World, now: Timestamp, target: &str, body: &Value) -> Result<Value, ApiError> {
    dispatch(world, now, &person(), target, body.to_string().as_bytes())
}

/// Settings without rates, so that any number of questions can be asked at one time.
fn unhurried() -> Settings {
    let mut settings = Settings {
        assignment_latency: Latency::Uniform {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(40),
        },
        list_lag: Duration::from_secs(3),
        ..Settings::default()
    };
    settings.quotas.sso_admin = None;
    settings.quotas.identity_store = None;
    settings.quotas.organizations = None;
    settings.quotas.tagging = None;
    settings
}

/// One change, chosen by numbers; whether it is refused doesn't matter.
#[expect(clippy::too_many_lines, reason = "a table of changes")]
fn change(world: &mut World, now: Timestamp, (kind, one, two): (u8, usize, usize)) {
    let accounts = world.accounts_now();
    let sets = world.permission_sets_now();
    let groups: Vec<_> = world.groups_now().into_values().collect();
    let users: Vec<_> = world.users_now().into_values().collect();
    let (account, other) = (&accounts[one % accounts.len()], &accounts[two % accounts.len()]);
    let parents = ["Workloads", "Workloads/Development", "Sandbox"].map(|path| world.ou_at(path));
    let parent = |n: usize| parents[n % 3].as_ref().map_or_else(|| "r-ab12".to_owned(), ToString::to_string);
    let set = sets.get(one % sets.len().max(1)).map(|set| set.arn.to_string()).unwrap_or_default();
    let group = groups.get(two % groups.len().max(1)).map(ToString::to_string).unwrap_or_default();
    let user = users.get(one % users.len().max(1)).map(ToString::to_string).unwrap_or_default();
    let tags = json!([{ "Key": format!("K{}", two % 3), "Value": format!("v: {one} \"#\n") }]);
    let assignment = |account: &str| {
        json!({ "InstanceArn": INSTANCE, "TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": set,
            "PrincipalType": "GROUP", "PrincipalId": group })
    };
    let in_set = |more: Value| {
        let mut body = json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (target, body) = match kind {
        0..=5 => (format!("{SSO}.CreateAccountAssignment"), assignment(other.id.as_str())),
        6 | 7 => (format!("{SSO}.DeleteAccountAssignment"), assignment(other.id.as_str())),
        8 => (
            format!("{SSO}.CreatePermissionSet"),
            json!({ "InstanceArn": INSTANCE, "Name": format!("Set{one}"), "Tags": tags }),
        ),
        9 => (format!("{SSO}.DeletePermissionSet"), in_set(json!({}))),
        10 => (
            format!("{SSO}.TagResource"),
            json!({ "InstanceArn": INSTANCE, "ResourceArn": set, "Tags": tags }),
        ),
        11 => {
            let policy = format!("arn:aws:iam::aws:policy/Policy{}", two % 4);
            (
                format!("{SSO}.AttachManagedPolicyToPermissionSet"),
                in_set(json!({ "ManagedPolicyArn": policy })),
            )
        }
        12 => {
            let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
            (
                format!("{SSO}.PutInlinePolicyToPermissionSet"),
                in_set(json!({ "InlinePolicy": policy.to_string() })),
            )
        }
        13 => {
            let reference =
                json!({ "CustomerManagedPolicyReference": { "Name": format!("Own{}", two % 3) } });
            (format!("{SSO}.AttachCustomerManagedPolicyReferenceToPermissionSet"), in_set(reference))
        }
        14 => (
            format!("{SSO}.PutPermissionsBoundaryToPermissionSet"),
            in_set(
                json!({ "PermissionsBoundary": { "ManagedPolicyArn": "arn:aws:iam::aws:policy/Boundary" } }),
            ),
        ),
        15 => (
            format!("{SSO}.ProvisionPermissionSet"),
            in_set(json!({ "TargetType": "ALL_PROVISIONED_ACCOUNTS" })),
        ),
        16 => (
            format!("{SSO}.ProvisionPermissionSet"),
            in_set(json!({ "TargetType": "AWS_ACCOUNT", "TargetId": other.id })),
        ),
        17 => (
            format!("{IDS}.CreateGroup"),
            json!({ "IdentityStoreId": STORE, "DisplayName": format!("yes: {one}"), "Description": "~" }),
        ),
        18 => (format!("{IDS}.DeleteGroup"), json!({ "IdentityStoreId": STORE, "GroupId": group })),
        19 | 20 => (
            format!("{IDS}.CreateGroupMembership"),
            json!({ "IdentityStoreId": STORE, "GroupId": group, "MemberId": { "UserId": user } }),
        ),
        21 => (
            format!("{ORG}.CreateAccount"),
            json!({ "AccountName": format!("n {one}"), "Email": format!("n{one}@example.com"), "Tags": tags }),
        ),
        22 => {
            (format!("{ORG}.CreateAccount"), json!({ "AccountName": "again", "Email": "again@example.com" }))
        }
        23 => {
            let from = world
                .accounts_now()
                .into_iter()
                .find(|known| known.id == account.id)
                .and_then(|known| known.path.0.last().map(|unit| unit.id.to_string()))
                .unwrap_or_else(|| "r-ab12".to_owned());
            (
                format!("{ORG}.MoveAccount"),
                json!({ "AccountId": account.id, "SourceParentId": from, "DestinationParentId": parent(two) }),
            )
        }
        24 => (format!("{ORG}.TagResource"), json!({ "ResourceId": account.id, "Tags": tags })),
        25 => (format!("{ORG}.CloseAccount"), json!({ "AccountId": account.id })),
        26 => (
            format!("{ORG}.CreateOrganizationalUnit"),
            json!({ "ParentId": parent(one), "Name": format!("ou {two}") }),
        ),
        _ => (
            format!("{ORG}.UpdateOrganizationalUnit"),
            json!({ "OrganizationalUnitId": parent(one), "Name": format!("new {two}") }),
        ),
    };
    let _ = ask(world, now, &target, &body);
}

/// Every list and every look at one thing.
#[expect(clippy::too_many_lines, reason = "a table of questions")]
fn questions(world: &World) -> Vec<(String, Value)> {
    let mut questions: Vec<(String, Value)> = Vec::new();
    let mut add = |service: &str, operation: &str, body: Value| {
        questions.push((format!("{service}.{operation}"), body));
    };
    for operation in ["DescribeOrganization", "ListRoots", "ListAccounts"] {
        add(ORG, operation, json!({}));
    }
    add(
        "ResourceGroupsTaggingAPI_20170126",
        "GetResources",
        json!({ "ResourceTypeFilters": ["organizations:account"] }),
    );
    add(ORG, "ListOrganizationalUnitsForParent", json!({ "ParentId": "r-ab12" }));
    let accounts = world.accounts_now();
    for account in &accounts {
        add(ORG, "DescribeAccount", json!({ "AccountId": account.id }));
        add(ORG, "ListTagsForResource", json!({ "ResourceId": account.id }));
        add(ORG, "ListParents", json!({ "ChildId": account.id }));
        add(
            SSO,
            "ListPermissionSetsProvisionedToAccount",
            json!({ "InstanceArn": INSTANCE, "AccountId": account.id }),
        );
        for unit in account.path.0.iter().map(|unit| &unit.id) {
            add(ORG, "ListAccountsForParent", json!({ "ParentId": unit }));
            add(ORG, "ListOrganizationalUnitsForParent", json!({ "ParentId": unit }));
            add(ORG, "DescribeOrganizationalUnit", json!({ "OrganizationalUnitId": unit }));
        }
    }
    for operation in ["ListGroups", "ListUsers"] {
        add(IDS, operation, json!({ "IdentityStoreId": STORE }));
    }
    for (name, group) in world.groups_now() {
        add(IDS, "DescribeGroup", json!({ "IdentityStoreId": STORE, "GroupId": group }));
        let unique = json!({ "UniqueAttribute": { "AttributePath": "displayName", "AttributeValue": name } });
        add(IDS, "GetGroupId", json!({ "IdentityStoreId": STORE, "AlternateIdentifier": unique }));
        add(IDS, "ListGroupMemberships", json!({ "IdentityStoreId": STORE, "GroupId": group }));
        add(
            SSO,
            "ListAccountAssignmentsForPrincipal",
            json!({ "InstanceArn": INSTANCE, "PrincipalId": group, "PrincipalType": "GROUP" }),
        );
    }
    for user in world.users_now().into_values() {
        add(IDS, "DescribeUser", json!({ "IdentityStoreId": STORE, "UserId": user }));
        add(
            IDS,
            "ListGroupMembershipsForMember",
            json!({ "IdentityStoreId": STORE, "MemberId": { "UserId": user } }),
        );
        add(
            SSO,
            "ListAccountAssignmentsForPrincipal",
            json!({ "InstanceArn": INSTANCE, "PrincipalId": user, "PrincipalType": "USER" }),
        );
    }
    for operation in [
        "DescribeInstance",
        "ListPermissionSets",
        "ListAccountAssignmentCreationStatus",
        "ListAccountAssignmentDeletionStatus",
        "ListPermissionSetProvisioningStatus",
        "ListRegions",
    ] {
        add(SSO, operation, json!({ "InstanceArn": INSTANCE }));
    }
    add(SSO, "ListInstances", json!({}));
    for set in world.permission_sets_now() {
        for operation in [
            "DescribePermissionSet",
            "ListManagedPoliciesInPermissionSet",
            "GetInlinePolicyForPermissionSet",
            "GetPermissionsBoundaryForPermissionSet",
            "ListCustomerManagedPolicyReferencesInPermissionSet",
        ] {
            add(SSO, operation, json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set.arn }));
        }
        add(SSO, "ListTagsForResource", json!({ "InstanceArn": INSTANCE, "ResourceArn": set.arn }));
        for status in ["LATEST_PERMISSION_SET_PROVISIONED", "LATEST_PERMISSION_SET_NOT_PROVISIONED"] {
            add(
                SSO,
                "ListAccountsForProvisionedPermissionSet",
                json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set.arn, "ProvisioningStatus": status }),
            );
        }
        for account in &accounts {
            add(
                SSO,
                "ListAccountAssignments",
                json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set.arn, "AccountId": account.id }),
            );
        }
    }
    for record in world.request_log() {
        add(
            SSO,
            "DescribeAccountAssignmentCreationStatus",
            json!({ "InstanceArn": INSTANCE, "AccountAssignmentCreationRequestId": record.id }),
        );
        add(
            SSO,
            "DescribeAccountAssignmentDeletionStatus",
            json!({ "InstanceArn": INSTANCE, "AccountAssignmentDeletionRequestId": record.id }),
        );
    }
    questions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_world_that_is_written_down_and_taken_up_answers_everything_as_before(
        changes in prop::collection::vec(((0_u8..28, 0_usize..9, 0_usize..9), 0_i64..20), 1..40),
    ) {
        let mut world = small(unhurried());
        let mut now = at(0);
        for (what, seconds) in changes {
            now += SignedDuration::from_secs(seconds);
            change(&mut world, now, what);
        }
        let yaml = world.to_yaml().unwrap();
        let mut again = World::from_yaml(&yaml, Settings::default()).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(&again.settings, &world.settings);
        prop_assert_eq!(again.to_yaml().unwrap(), yaml, "written twice, it is the same");
        for seconds in [0, 2, 30, 2_000] {
            now += SignedDuration::from_secs(seconds);
            for (target, body) in questions(&world) {
                let (expected, answer) = (ask(&mut world, now, &target, &body), ask(&mut again, now, &target, &body));
                prop_assert_eq!(answer, expected, "{} {} after {} s", target, body, seconds);
            }
        }
        prop_assert_eq!(again.assignments(), world.assignments());
        // And it goes on alike: what is made next has the same id.
        let group = json!({ "IdentityStoreId": STORE, "DisplayName": "the next one" });
        let target = format!("{IDS}.CreateGroup");
        prop_assert_eq!(ask(&mut again, now, &target, &group), ask(&mut world, now, &target, &group));
    }
}

#[test]
fn what_was_under_way_has_as_long_to_go_as_it_had() {
    let settings =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(10)), ..Settings::default() };
    let mut world = small(settings);
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.call(at(0), &person(), create_input(&key)).unwrap();
    world.advance(at(4));
    let yaml = world.to_yaml().unwrap();

    // Taken up an hour later, it needs six seconds more.
    let mut again = World::from_yaml(&yaml, Settings::default()).unwrap();
    again.advance(at(3600));
    again.advance(at(3605));
    assert_eq!((again.outstanding(), again.assignments().len()), (1, 0));
    again.advance(at(3606));
    assert_eq!((again.outstanding(), again.assignments().len()), (0, 1));
}

#[test]
fn callers_and_faults_are_part_of_it() {
    let callers = "unknown_access_keys: refused\ndelegated_administrators: [two-dev]\nfaults: [{ operation: ListRoots, fault: { slow_answer: 2s }, after: 1 }]\n\
                   callers:\n  - { access_key: A, role: r, account: one-dev, tags: { Team: \"on\" }, policies: [{ Version: \"2012-10-17\", Statement: { Effect: Allow, Action: \"sso:*\", Resource: \"*\" } }] }\n  \
                   - { access_key: B, role: s }\n";
    let world = World::from_yaml(&format!("{SMALL}{callers}"), Settings::default()).unwrap();
    let yaml = world.to_yaml().unwrap();
    let again = World::from_yaml(&yaml, Settings::default()).unwrap();
    assert_eq!(again.to_yaml().unwrap(), yaml);
    assert_eq!(again.caller_of("A"), world.caller_of("A"));
    assert_eq!(again.faults.list(), world.faults.list());
    let delegated = simulator::CallerKind::DelegatedAdministrator;
    assert_eq!(again.standing(&again.account_named("two-dev").unwrap()), delegated);
    assert!(yaml.contains("unknown_access_keys: refused"), "{yaml}");
}

#[tokio::test]
async fn the_control_endpoint_writes_and_takes_states_and_a_mistake_changes_nothing() {
    let served = served(World::from_yaml(EXAMPLE, Settings::default()).unwrap()).await;
    let before = locked(&served.world).to_yaml().unwrap();
    let (status, head, _) = served.send("GET", "/_usher/state", "", b"").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/yaml"), "{head}");
    let answer = served.exchange(b"GET /_usher/state HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let yaml = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert!(yaml.len() > 10_000);

    for (bad, line, expected) in [
        (yaml.replacen("    id: o-", "    idd: o-", 1), 0, "idd"),
        (yaml.replacen("\nstate:\n", "\nstates:\n", 1), 0, "states"),
        (format!("{SMALL}accounts: [{{ name: x, id: 3 }}]\n"), 24, "account id"),
        ("management_account: [\n".to_owned(), 1, "expected mapping"),
        (format!("{yaml}management_account: {{ name: a }}\n"), 0, "either a `state`"),
        (String::new(), 1, ""),
    ] {
        let (status, _, told) = served.send("PUT", "/_usher/state", "", bad.as_bytes()).await;
        assert_eq!(status, 400, "{told}");
        assert!(told["message"].as_str().unwrap().contains(expected), "{told}");
        assert!(told["column"].as_u64().unwrap() >= 1, "{told}");
        if line > 0 {
            assert_eq!(told["line"], line, "{told}");
        } else {
            assert!(told["line"].as_u64().unwrap() > 1, "{told}");
        }
    }
    assert_eq!(served.send("PUT", "/_usher/state", "", b"\xff").await.0, 400);
    locked(&served.world).advance(at(0));
    assert_eq!(locked(&served.world).assignments().len(), 7, "nothing has changed");

    // A plain organization is taken too, and then the state from before.
    assert_eq!(served.send("PUT", "/_usher/state", "", SMALL.as_bytes()).await.0, 204);
    assert!(locked(&served.world).assignments().is_empty());
    assert_eq!(served.send("PUT", "/_usher/state", "", before.as_bytes()).await.0, 204);
    assert_eq!(locked(&served.world).assignments().len(), 7);
    let (status, _) = served.call("SWBExternalService.ListInstances", "AKIAANY", b"{}").await;
    assert_eq!(status, 200);
}

#[test]
fn a_file_gives_any_setting_over_those_that_hold_anyway() {
    let simulation = r"simulation:
  seed: 7
  region: eu-west-1
  assignment_latency: { log_normal: { median: 2s, p99: 30s } }
  create_account_latency: { uniform: { shortest: 500ms, longest: 1m 30s } }
  list_lag: 5s
  empty_pages: 0.25
  quotas: { outstanding: 15, sso_admin: null }
  assumptions: { status_retention: 1h, status_order: unordered, deletes_share_the_window: false }
";
    let base = Settings { page_size: 7, ..Settings::default() };
    let settings = World::from_yaml(&format!("{SMALL}{simulation}"), base.clone()).unwrap().settings;
    let mut expected = base;
    expected.seed = 7;
    expected.region = "eu-west-1".to_owned();
    expected.assignment_latency =
        Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(30) };
    expected.create_account_latency =
        Latency::Uniform { shortest: Duration::from_millis(500), longest: Duration::from_secs(90) };
    expected.list_lag = Duration::from_secs(5);
    expected.empty_pages = 0.25;
    expected.quotas.outstanding = 15;
    expected.quotas.sso_admin = None;
    expected.assumptions.status_retention = Some(Duration::from_hours(1));
    expected.assumptions.status_order = simulator::StatusOrder::Unordered;
    expected.assumptions.deletes_share_the_window = false;
    assert_eq!(settings, expected);
}

#[test]
fn a_mistake_in_settings_is_shown_where_it_is() {
    let lines = u64::try_from(SMALL.lines().count()).unwrap();
    for (setting, expected) in [
        ("sed: 7", "sed"),
        ("list_lag: soon", "a duration such as"),
        ("assignment_latency: { always: 2s }", "always"),
        ("assignment_latency: { uniform: { shortest: 3s, longest: 1s } }", "the shortest is longer"),
        ("empty_pages: 1", "no list would ever end"),
        ("page_size: 0", "one entry at least"),
        ("quotas: { outstanding: 0 }", "nothing could ever be assigned"),
        ("quotas: { outstandin: 10 }", "outstandin"),
        ("region: \"\"", "the name of a Region"),
        ("region: Europe", "the name of a Region"),
        (
            "quotas: { organizations: { operations: { ListAccountsOf: { account: { interval: 1s, burst: 1 } } } } }",
            "`ListAccountsOf`: Organizations has no operation of this name",
        ),
        (
            "quotas: { organizations: { operations: { ListGroups: { account: { interval: 1s, burst: 1 } } } } }",
            "`ListGroups`: Organizations has no operation of this name",
        ),
        ("quotas: { outstanding_provisionings: 0 }", "nothing could ever be provisioned"),
        ("instance_latency: { uniform: { shortest: 3s, longest: 1s } }", "the shortest is longer"),
        ("provisioning_latency: { log_normal: { median: 3s, p99: 1s } }", "not above the 99th percentile"),
        ("delivery: { delay: { uniform: { shortest: 3s, longest: 1s } } }", "the shortest is longer"),
        ("assumptions: { status_order: sideways }", "sideways"),
    ] {
        let yaml = format!("{SMALL}simulation:\n  seed: 1\n  {setting}\n")
            .replace("  seed: 1\n  sed", "  sed: 1\n  sed");
        let error = World::from_yaml(&yaml, Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        let line = if setting.starts_with("sed") { lines + 2 } else { lines + 3 };
        assert_eq!(error.line, line, "{error}");
        assert!(error.column > 1, "{error}");
    }
}

#[test]
fn the_rate_of_one_operation_leaves_the_others_theirs() {
    let simulation = "simulation: { quotas: { organizations: { operations: { \
                      ListAccounts: { account: { interval: 1s, burst: 1 } }, \
                      CreateOrganizationalUnit: { account: { interval: 2s, burst: 7 } } } } } }\n";
    let mut without = Settings::default();
    without.quotas.organizations = None;
    for base in [Settings::default(), without] {
        let settings = World::from_yaml(&format!("{SMALL}{simulation}"), base).unwrap().settings;
        let mut expected = simulator::OrganizationsLimits::default();
        let limit = |seconds, burst| Limit { interval: Duration::from_secs(seconds), burst };
        expected.operations.get_mut("ListAccounts").unwrap().account = limit(1, 1);
        expected.operations.get_mut("CreateOrganizationalUnit").unwrap().account = limit(2, 7);
        assert_eq!(settings.quotas.organizations, Some(expected));
    }
}

#[test]
fn lists_with_empty_and_short_pages_hold_everything_all_the_same() {
    let settings = Settings { empty_pages: 0.4, short_pages: 0.4, page_size: 4, ..unhurried() };
    let mut world = small(settings);
    for number in 0..20 {
        let body = json!({ "IdentityStoreId": STORE, "DisplayName": format!("group {number}") });
        ask(&mut world, at(number), &format!("{IDS}.CreateGroup"), &body).unwrap();
    }
    for (target, entries, mut body, expected) in [
        (format!("{IDS}.ListGroups"), "Groups", json!({ "IdentityStoreId": STORE }), 22),
        (format!("{ORG}.ListAccounts"), "Accounts", json!({}), 5),
        (format!("{SSO}.ListPermissionSets"), "PermissionSets", json!({ "InstanceArn": INSTANCE }), 2),
    ] {
        let mut found = std::collections::BTreeSet::new();
        let mut sizes = Vec::new();
        for _round in 0..200 {
            let page = ask(&mut world, at(100), &target, &body).unwrap();
            let page_entries = page[entries].as_array().unwrap();
            sizes.push(page_entries.len());
            found.extend(page_entries.iter().map(ToString::to_string));
            match page.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(found.len(), expected, "{target}");
        if expected == 22 {
            assert!(sizes.contains(&0) && sizes.iter().any(|size| (1..4).contains(size)), "{sizes:?}");
        }
    }
}
