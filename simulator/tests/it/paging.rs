//! Every list, page by page: whole whatever the size of its pages, and with tokens that are good for nothing else.

use serde_json::{Value, json};
use simulator::{
    Operation, Service, Settings,
    wire::{identity_store as store, organizations as org, sso_admin as sso},
};

use crate::{
    faces::{Faced, both, both_with},
    support::{at, key, person, unhurried},
};

/// Makes two of everything that the lists show.
fn filled(world: &mut Faced) -> Value {
    let first = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
    for key in [
        first.clone(),
        key(&world.world, "one-dev", "ReadOnlyAccess", "Support"),
        key(&world.world, "two-dev", "ReadOnlyAccess", "Developers"),
        key(&world.world, "one-dev", "PowerUserAccess", "Developers"),
    ] {
        world.world.grant_by_hand(at(0), &person(), &key);
    }
    let set = json!({ "PermissionSetArn": first.permission_set });
    for name in ["one", "two"] {
        let mut body = set.clone();
        body["ManagedPolicyArn"] = json!(format!("arn:aws:iam::aws:policy/{name}"));
        world.ok::<sso::AttachManagedPolicyToPermissionSet>(body);
        let mut body = set.clone();
        body["CustomerManagedPolicyReference"] = json!({ "Name": name });
        world.ok::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(body);
        let tag = json!({ "ResourceArn": first.permission_set, "Tags": [{ "Key": name, "Value": "" }] });
        world.ok::<sso::TagResource>(tag);
        let mut body = set.clone();
        body["TargetType"] = json!("ALL_PROVISIONED_ACCOUNTS");
        world.ok::<sso::ProvisionPermissionSet>(body);
        let mut assignment = set.clone();
        for (member, value) in [
            ("TargetId", json!("444455556666")),
            ("TargetType", json!("AWS_ACCOUNT")),
            ("PrincipalType", json!("GROUP")),
            ("PrincipalId", json!(first.principal.id())),
        ] {
            assignment[member] = value;
        }
        world.ok::<sso::CreateAccountAssignment>(assignment.clone());
        world.second += 10;
        world.ok::<sso::DeleteAccountAssignment>(assignment);
        world.second += 10;
    }
    world.ok::<sso::AddRegion>(json!({ "RegionName": "eu-west-1" }));
    let [support, alba, bruno] = [
        json!(world.world.group_named("Support")),
        json!(world.world.user_named("alba@example.com")),
        json!(world.world.user_named("bruno@example.com")),
    ];
    for user in [&alba, &bruno] {
        world.ok::<store::CreateGroupMembership>(
            json!({ "GroupId": support, "MemberId": { "UserId": user } }),
        );
    }
    json!({ "set": first.permission_set, "group": first.principal.id(), "support": support, "alba": alba })
}

/// The code with which a service refuses a token or a size.
fn refusal<O: Operation>() -> &'static str {
    if O::SERVICE == Service::Organizations { "InvalidInputException" } else { "ValidationException" }
}

/// One list: it has at least two entries, and the same ones by pages of one.
#[expect(clippy::needless_pass_by_value, reason = "the tests read better with plain values")]
fn is_whole<O: Operation>(world: &mut Faced, body: Value, entries: &str) {
    let name = O::NAME;
    let whole = world.all::<O>(body.clone(), entries);
    assert!(whole.len() >= 2, "{name} {whole:?}");
    let full_size = world.world.settings.page_size;
    for size in [2, 1] {
        world.world.settings.page_size = size;
        let short = world.all::<O>(body.clone(), entries);
        assert_eq!(short, whole, "{name} by pages of {size}");
    }
    let token = world.ok::<O>(body.clone())["NextToken"].clone();
    world.world.settings.page_size = full_size;

    let mut with_token = body.clone();
    with_token["NextToken"] = token.clone();
    let rest = world.ok::<O>(with_token.clone())[entries].clone();
    assert_eq!(rest.as_array().unwrap().as_slice(), &whole[1..], "{name} by its token");
    // A token is good for its own call only.
    if name == store::ListGroups::NAME {
        world.refused::<store::ListUsers>(json!({ "NextToken": token }), "ValidationException");
    } else {
        world.refused::<store::ListGroups>(json!({ "NextToken": token }), "ValidationException");
    }
    with_token["NextToken"] = json!("neither/here+nor-there");
    world.refused::<O>(with_token, refusal::<O>());
}

/// The same for a list whose pages' size the caller may choose.
#[expect(clippy::needless_pass_by_value, reason = "the tests read better with plain values")]
fn is_whole_in_any_size<O: Operation>(world: &mut Faced, body: Value, entries: &str) {
    is_whole::<O>(world, body.clone(), entries);
    let sized = |size: i64| {
        let mut sized = body.clone();
        sized["MaxResults"] = json!(size);
        sized
    };
    let whole = world.all::<O>(body.clone(), entries);
    assert_eq!(world.all::<O>(sized(1), entries), whole, "{}", O::NAME);
    assert_eq!(world.all::<O>(sized(2), entries), whole, "{}", O::NAME);
    let most = if O::SERVICE == Service::Organizations { 20 } else { 100 };
    assert_eq!(world.all::<O>(sized(most), entries), whole, "{}", O::NAME);
    for size in [0, -1, most + 1] {
        world.refused::<O>(sized(size), refusal::<O>());
    }
}

#[test]
fn every_list_is_whole_whatever_the_size_of_its_pages() {
    both(|world| {
        let made = filled(world);
        let set = json!({ "PermissionSetArn": made["set"] });
        let in_one = json!({ "PermissionSetArn": made["set"], "AccountId": "222233334444" });
        let of_group = json!({ "PrincipalType": "GROUP", "PrincipalId": made["group"] });
        let member = json!({ "MemberId": { "UserId": made["alba"] } });
        is_whole_in_any_size::<sso::ListPermissionSets>(world, json!({}), "PermissionSets");
        is_whole_in_any_size::<sso::ListRegions>(world, json!({}), "Regions");
        is_whole_in_any_size::<sso::ListAccountAssignments>(world, in_one, "AccountAssignments");
        is_whole_in_any_size::<sso::ListAccountAssignmentsForPrincipal>(
            world,
            of_group,
            "AccountAssignments",
        );
        is_whole_in_any_size::<sso::ListAccountsForProvisionedPermissionSet>(
            world,
            set.clone(),
            "AccountIds",
        );
        is_whole_in_any_size::<sso::ListPermissionSetsProvisionedToAccount>(
            world,
            json!({ "AccountId": "222233334444" }),
            "PermissionSets",
        );
        is_whole_in_any_size::<sso::ListManagedPoliciesInPermissionSet>(
            world,
            set.clone(),
            "AttachedManagedPolicies",
        );
        is_whole_in_any_size::<sso::ListCustomerManagedPolicyReferencesInPermissionSet>(
            world,
            set,
            "CustomerManagedPolicyReferences",
        );
        is_whole_in_any_size::<sso::ListPermissionSetProvisioningStatus>(
            world,
            json!({}),
            "PermissionSetsProvisioningStatus",
        );
        is_whole_in_any_size::<sso::ListAccountAssignmentCreationStatus>(
            world,
            json!({}),
            "AccountAssignmentsCreationStatus",
        );
        is_whole_in_any_size::<sso::ListAccountAssignmentDeletionStatus>(
            world,
            json!({}),
            "AccountAssignmentsDeletionStatus",
        );
        is_whole::<sso::ListTagsForResource>(world, json!({ "ResourceArn": made["set"] }), "Tags");
        is_whole_in_any_size::<store::ListGroups>(world, json!({}), "Groups");
        is_whole_in_any_size::<store::ListUsers>(world, json!({}), "Users");
        is_whole_in_any_size::<store::ListGroupMemberships>(
            world,
            json!({ "GroupId": made["support"] }),
            "GroupMemberships",
        );
        is_whole_in_any_size::<store::ListGroupMembershipsForMember>(world, member, "GroupMemberships");
    });
}

#[test]
fn the_list_of_instances_has_pages_too() {
    both_with(&Settings::default(), |world| {
        let mut second = world.world.instances_mut()[0].clone();
        second.arn = "arn:aws:sso:::instance/ssoins-0000000000000001".parse().unwrap();
        // Made later than the first, and before it by its ARN.
        world.world.instances_mut().push(second);
        is_whole_in_any_size::<sso::ListInstances>(world, json!({}), "Instances");
    });
}

/// `ListRoots` and `ListParents` have one entry at most, and an account has one invitation of an organization.
#[test]
fn every_list_of_an_organization_is_whole_whatever_the_size_of_its_pages() {
    both_with(&unhurried(), |world| {
        let development = world.world.ou_at("Workloads/Development").unwrap();
        for name in ["one", "two", "three"] {
            let email = format!("{name}@example.com");
            world.ok::<org::CreateAccount>(json!({ "AccountName": name, "Email": email }));
            let guest = format!("guest-{name}@example.com");
            world.ok::<org::InviteAccountToOrganization>(
                json!({ "Target": { "Type": "EMAIL", "Id": guest } }),
            );
            let tags = json!([{ "Key": name, "Value": "" }]);
            world.ok::<org::TagResource>(json!({ "ResourceId": "222233334444", "Tags": tags }));
            world.ok::<org::CreateOrganizationalUnit>(json!({ "ParentId": development, "Name": name }));
            let service = format!("{name}.amazonaws.com");
            world.ok::<org::EnableAWSServiceAccess>(json!({ "ServicePrincipal": service }));
            for account in ["222233334444", "333344445555"] {
                world.ok::<org::RegisterDelegatedAdministrator>(
                    json!({ "AccountId": account, "ServicePrincipal": service }),
                );
            }
        }
        // Until the accounts are made.
        world.second += 20;
        let below = json!({ "ParentId": development });
        let children = |kind: &str| json!({ "ParentId": development, "ChildType": kind });
        is_whole_in_any_size::<org::ListAccounts>(world, json!({}), "Accounts");
        is_whole_in_any_size::<org::ListAccountsForParent>(world, below.clone(), "Accounts");
        is_whole_in_any_size::<org::ListChildren>(world, children("ACCOUNT"), "Children");
        is_whole_in_any_size::<org::ListChildren>(world, children("ORGANIZATIONAL_UNIT"), "Children");
        is_whole_in_any_size::<org::ListOrganizationalUnitsForParent>(world, below, "OrganizationalUnits");
        is_whole_in_any_size::<org::ListCreateAccountStatus>(world, json!({}), "CreateAccountStatuses");
        is_whole_in_any_size::<org::ListHandshakesForOrganization>(world, json!({}), "Handshakes");
        is_whole_in_any_size::<org::ListDelegatedAdministrators>(world, json!({}), "DelegatedAdministrators");
        is_whole_in_any_size::<org::ListDelegatedServicesForAccount>(
            world,
            json!({ "AccountId": "222233334444" }),
            "DelegatedServices",
        );
        is_whole_in_any_size::<org::ListAWSServiceAccessForOrganization>(
            world,
            json!({}),
            "EnabledServicePrincipals",
        );
        is_whole::<org::ListTagsForResource>(world, json!({ "ResourceId": "222233334444" }), "Tags");
    });
}
