//! Trusted services, delegated administrators, OUs and who may read what.

use serde_json::json;
use simulator::{
    ApiError, Caller, CallerKind, World,
    wire::{organizations as org, sso_admin as sso},
};

use crate::{
    faces::{both, both_with},
    support::{INSTANCE, account, at, create_input, delegated, key, person, small, unhurried},
};

const SSO: &str = "sso.amazonaws.com";
const BACKUP: &str = "backup.amazonaws.com";
const ONE: &str = "222233334444";
const TWO: &str = "333344445555";

fn reason(error: &ApiError) -> &str {
    error.extra.get("Reason").map_or("", String::as_str)
}

#[test]
fn who_is_registered_for_identity_center_administers_it() {
    both_with(&unhurried(), |aws| {
        let member = Caller::new("app", account(ONE), CallerKind::Member);
        let register = |id: &str, service: &str| json!({ "AccountId": id, "ServicePrincipal": service });
        assert_eq!(aws.world.standing(&account("111122223333")), CallerKind::Management);
        assert_eq!(aws.world.standing(&account(ONE)), CallerKind::Member);
        aws.caller = member.clone();
        aws.refused::<org::ListAccounts>(json!({}), "AccessDeniedException");
        aws.refused::<sso::ListPermissionSets>(json!({}), "AccessDeniedException");

        aws.caller = person();
        aws.ok::<org::RegisterDelegatedAdministrator>(register(ONE, SSO));
        assert_eq!(aws.world.standing(&account(ONE)), CallerKind::DelegatedAdministrator);
        aws.caller = member.clone();
        aws.ok::<org::ListAccounts>(json!({}));
        aws.ok::<sso::ListPermissionSets>(json!({}));
        aws.refused::<org::MoveAccount>(
            json!({ "AccountId": TWO, "SourceParentId": "r-ab12", "DestinationParentId": "r-ab12" }),
            "AccessDeniedException",
        );

        aws.caller = person();
        aws.ok::<org::DeregisterDelegatedAdministrator>(register(ONE, SSO));
        assert_eq!(aws.world.standing(&account(ONE)), CallerKind::Member);
        // Another service's administrator may read the organization, and nothing of Identity Center.
        aws.ok::<org::EnableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        aws.ok::<org::RegisterDelegatedAdministrator>(register(ONE, BACKUP));
        aws.caller = member;
        aws.ok::<org::ListAccounts>(json!({}));
        aws.refused::<sso::ListPermissionSets>(json!({}), "AccessDeniedException");
    });
}

#[test]
fn delegated_administrators_are_listed_by_service_and_account() {
    both_with(&unhurried(), |aws| {
        aws.ok::<org::EnableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        for (id, service) in [(ONE, SSO), (ONE, BACKUP), (TWO, BACKUP)] {
            aws.ok::<org::RegisterDelegatedAdministrator>(
                json!({ "AccountId": id, "ServicePrincipal": service }),
            );
        }
        let mut ids = |body| {
            let all = aws.all::<org::ListDelegatedAdministrators>(body, "DelegatedAdministrators");
            all.iter().map(|entry| entry["Id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(json!({ "MaxResults": 1 })), [ONE, TWO]);
        assert_eq!(ids(json!({ "ServicePrincipal": SSO })), [ONE]);
        assert_eq!(ids(json!({ "ServicePrincipal": "config.amazonaws.com" })), Vec::<String>::new());
        let services =
            aws.all::<org::ListDelegatedServicesForAccount>(json!({ "AccountId": ONE }), "DelegatedServices");
        assert_eq!(
            services.iter().map(|entry| &entry["ServicePrincipal"]).collect::<Vec<_>>(),
            [&json!(BACKUP), &json!(SSO)]
        );
        let all = aws.ok::<org::ListDelegatedAdministrators>(json!({}));
        let first = &all["DelegatedAdministrators"][0];
        assert_eq!(
            (&first["Name"], &first["State"], &first["JoinedMethod"]),
            (&json!("one-dev"), &json!("ACTIVE"), &json!("CREATED"))
        );
        assert!(first["DelegationEnabledDate"].is_number());

        let error = aws.refused::<org::RemoveAccountFromOrganization>(
            json!({ "AccountId": ONE }),
            "ConstraintViolationException",
        );
        assert_eq!(reason(&error), "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG");
        let error = aws.refused::<org::DisableAWSServiceAccess>(
            json!({ "ServicePrincipal": BACKUP }),
            "ConstraintViolationException",
        );
        assert_eq!(reason(&error), "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE");
    });
}

#[test]
fn delegations_are_refused_as_documented() {
    both_with(&unhurried(), |aws| {
        let body = |id: &str, service: &str| json!({ "AccountId": id, "ServicePrincipal": service });
        aws.ok::<org::RegisterDelegatedAdministrator>(body(ONE, SSO));
        for (id, service, code, expected) in [
            (ONE, SSO, "AccountAlreadyRegisteredException", ""),
            (
                TWO,
                SSO,
                "ConstraintViolationException",
                "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED",
            ),
            (TWO, BACKUP, "ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED"),
            (
                "111122223333",
                SSO,
                "ConstraintViolationException",
                "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            ),
            (
                "555566667777",
                SSO,
                "ConstraintViolationException",
                "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            ),
            ("999999999999", SSO, "AccountNotFoundException", ""),
            (TWO, "elsewhere.example.com", "InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL"),
            (TWO, "", "InvalidInputException", "INPUT_REQUIRED"),
            (TWO, "no spaces.amazonaws.com", "InvalidInputException", "INVALID_PATTERN"),
        ] {
            let error = aws.refused::<org::RegisterDelegatedAdministrator>(body(id, service), code);
            assert_eq!(reason(&error), expected, "{id} {service}");
        }
        aws.refused::<org::DeregisterDelegatedAdministrator>(body(TWO, SSO), "AccountNotRegisteredException");
        aws.refused::<org::DeregisterDelegatedAdministrator>(
            body(ONE, BACKUP),
            "AccountNotRegisteredException",
        );
        aws.refused::<org::ListDelegatedServicesForAccount>(
            json!({ "AccountId": TWO }),
            "AccountNotRegisteredException",
        );
    });
}

#[test]
fn trusted_services_are_enabled_listed_and_disabled() {
    both(|aws| {
        let listed = |aws: &mut crate::faces::Faced| {
            let all =
                aws.all::<org::ListAWSServiceAccessForOrganization>(json!({}), "EnabledServicePrincipals");
            all.iter().map(|entry| entry["ServicePrincipal"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed(aws), ["account.amazonaws.com", SSO]);
        aws.ok::<org::EnableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        aws.ok::<org::EnableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        assert_eq!(listed(aws), ["account.amazonaws.com", BACKUP, SSO]);
        aws.ok::<org::DisableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        aws.ok::<org::DisableAWSServiceAccess>(json!({ "ServicePrincipal": BACKUP }));
        assert_eq!(listed(aws), ["account.amazonaws.com", SSO]);
    });
}

#[test]
fn only_an_empty_ou_can_be_deleted_and_there_are_so_many_at_most() {
    both_with(&unhurried(), |aws| {
        let ou = |aws: &crate::faces::Faced, path: &str| aws.world.ou_at(path).unwrap().to_string();
        let body = |id: &str| json!({ "OrganizationalUnitId": id });
        let (workloads, sandbox) = (ou(aws, "Workloads"), ou(aws, "Sandbox"));
        for full in [&workloads, &sandbox] {
            aws.refused::<org::DeleteOrganizationalUnit>(body(full), "OrganizationalUnitNotEmptyException");
        }
        for id in ["444455556666", "555566667777"] {
            aws.ok::<org::MoveAccount>(
                json!({ "AccountId": id, "SourceParentId": sandbox, "DestinationParentId": "r-ab12" }),
            );
        }
        aws.ok::<org::DeleteOrganizationalUnit>(body(&sandbox));
        aws.refused::<org::DescribeOrganizationalUnit>(body(&sandbox), "OrganizationalUnitNotFoundException");
        aws.refused::<org::DeleteOrganizationalUnit>(body(&sandbox), "OrganizationalUnitNotFoundException");
        aws.refused::<org::ListTagsForResource>(json!({ "ResourceId": sandbox }), "TargetNotFoundException");
        let rest = aws.all::<org::ListOrganizationalUnitsForParent>(
            json!({ "ParentId": "r-ab12" }),
            "OrganizationalUnits",
        );
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0]["Path"], json!(format!("o-exampleorg1/r-ab12/{workloads}/")));

        aws.world.settings.quotas.organizational_units = 3;
        aws.ok::<org::CreateOrganizationalUnit>(json!({ "ParentId": "r-ab12", "Name": "third" }));
        let error = aws.refused::<org::CreateOrganizationalUnit>(
            json!({ "ParentId": "r-ab12", "Name": "fourth" }),
            "ConstraintViolationException",
        );
        assert_eq!(reason(&error), "OU_NUMBER_LIMIT_EXCEEDED");
    });
}

#[test]
fn the_root_and_ous_have_tags_as_accounts_do() {
    both(|aws| {
        let sandbox = aws.world.ou_at("Sandbox").unwrap().to_string();
        for id in ["r-ab12", sandbox.as_str(), ONE] {
            let tags = json!([{ "Key": "Owner", "Value": "platform" }]);
            aws.ok::<org::TagResource>(json!({ "ResourceId": id, "Tags": tags }));
            let found = aws.all::<org::ListTagsForResource>(json!({ "ResourceId": id }), "Tags");
            assert!(found.contains(&tags[0]), "{id}");
            aws.ok::<org::UntagResource>(json!({ "ResourceId": id, "TagKeys": ["Owner"] }));
            let found = aws.all::<org::ListTagsForResource>(json!({ "ResourceId": id }), "Tags");
            assert!(!found.contains(&tags[0]), "{id}");
        }
        for (tags, expected) in [
            (json!([{ "Key": "aws:x", "Value": "" }]), "INVALID_SYSTEM_TAGS_PARAMETER"),
            (json!([{ "Key": "a", "Value": "" }, { "Key": "a", "Value": "" }]), "DUPLICATE_TAG_KEY"),
            (json!([{ "Key": "k".repeat(129), "Value": "" }]), "MAX_LENGTH_EXCEEDED"),
        ] {
            let error = aws.refused::<org::TagResource>(
                json!({ "ResourceId": ONE, "Tags": tags }),
                "InvalidInputException",
            );
            assert_eq!(reason(&error), expected);
        }
    });
}

#[test]
fn an_account_is_renamed_by_itself_or_by_who_may_manage_accounts() {
    let mut world = crate::support::small(unhurried());
    let one = account(ONE);
    let member = Caller::new("app", one.clone(), CallerKind::Member);
    world.rename_account(at(0), &person(), Some(&one), "first").unwrap();
    assert_eq!(world.account_name(&one), Some("first"));
    world.rename_account(at(1), &member, None, "uno").unwrap();
    assert_eq!(world.account_name(&one), Some("uno"));
    world.rename_account(at(2), &person(), None, "payer").unwrap();
    assert_eq!(world.account_name(&account("111122223333")), Some("payer"));

    let codes: Vec<_> = [
        world.rename_account(at(3), &person(), Some(&account("111122223333")), "self"),
        world.rename_account(at(3), &person(), Some(&account("999999999999")), "nobody"),
        world.rename_account(at(3), &member, Some(&account(TWO)), "mine"),
        world.rename_account(at(3), &person(), Some(&one), "<b>"),
        world.rename_account(at(3), &person(), Some(&one), ""),
    ]
    .into_iter()
    .map(|renamed| renamed.unwrap_err().code)
    .collect();
    let (denied, invalid) = ("AccessDeniedException", "ValidationException");
    assert_eq!(codes, [denied, denied, denied, invalid, invalid]);
    let service_principal = || "account.amazonaws.com".to_owned();
    world
        .call(at(4), &person(), org::DisableAWSServiceAccess { service_principal: service_principal() })
        .unwrap();
    assert_eq!(world.rename_account(at(5), &person(), Some(&one), "eins").unwrap_err().code, denied);
    world
        .call(at(6), &person(), org::EnableAWSServiceAccess { service_principal: service_principal() })
        .unwrap();
    let delegated = org::RegisterDelegatedAdministrator {
        account_id: ONE.to_owned(),
        service_principal: service_principal(),
    };
    world.call(at(7), &person(), delegated).unwrap();
    world.rename_account(at(8), &member, Some(&account(TWO)), "zwei").unwrap();
    assert_eq!(world.account_name(&account(TWO)), Some("zwei"));
    assert_eq!(world.account_name(&one), Some("uno"));
}

#[test]
fn a_permission_set_on_its_way_into_the_management_account_is_out_of_reach_already() {
    let mut world = small(unhurried());
    let grant =
        |world: &World, account: &str| create_input(&key(world, account, "ReadOnlyAccess", "Developers"));
    let (there, elsewhere) = (grant(&world, "management"), grant(&world, "two-dev"));
    world.call(at(0), &person(), there).unwrap();
    assert_eq!(world.outstanding(), 1);
    let error = world.call(at(0), &delegated(), elsewhere).unwrap_err();
    assert_eq!(error.code, "AccessDeniedException");
    let other = create_input(&key(&world, "two-dev", "PowerUserAccess", "Developers"));
    world.call(at(0), &delegated(), other).unwrap();
}

#[test]
fn so_is_one_that_is_provisioned_into_the_management_account_without_an_assignment() {
    let mut world = small(unhurried());
    let set = world.permission_set_named("ReadOnlyAccess").unwrap().to_string();
    let provision = sso::ProvisionPermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: set.clone(),
        target_type: "AWS_ACCOUNT".to_owned(),
        target_id: Some("111122223333".to_owned()),
    };
    let update = |set: &str| sso::UpdatePermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: set.to_owned(),
        description: Some("more".to_owned()),
        ..sso::UpdatePermissionSet::default()
    };
    world.call(at(0), &delegated(), update(&set)).unwrap();
    world.call(at(1), &person(), provision).unwrap();
    assert!(world.provisioning_log().next().unwrap().settled.is_none());
    let error = world.call(at(1), &delegated(), update(&set)).unwrap_err();
    assert_eq!(error.code, "AccessDeniedException");
    let other = world.permission_set_named("PowerUserAccess").unwrap().to_string();
    world.call(at(1), &delegated(), update(&other)).unwrap();
    // It stays so once it is there.
    world.advance(at(30));
    assert_eq!(world.call(at(30), &delegated(), update(&set)).unwrap_err().code, "AccessDeniedException");
}
