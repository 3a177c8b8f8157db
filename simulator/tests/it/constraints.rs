//! What the API models constrain: required members, lengths, patterns and sizes, in the words of each service.

use serde_json::{Value, json};
use simulator::{
    ApiError, Caller, CallerKind, Settings, World,
    dispatch::dispatch,
    wire::{identity_store as store, organizations as org, sso_admin as sso},
};

use crate::{
    faces::{both, both_with},
    support::{INSTANCE, STORE, account, at, person, small, unhurried},
};

/// A call with its body as it is.
fn call(world: &mut World, target: &str, body: &Value) -> Result<Value, ApiError> {
    dispatch(world, at(0), &person(), target, body.to_string().as_bytes())
}

fn reason(error: &ApiError) -> &str {
    error.extra.get("Reason").map_or("", String::as_str)
}

#[test]
fn a_tag_without_its_value_is_refused_and_null_is_no_value() {
    let mut world = small(unhurried());
    let set = json!(world.permission_set_named("ReadOnlyAccess").unwrap());
    for tag in [json!({ "Key": "Team" }), json!({ "Key": "Team", "Value": null })] {
        let body = json!({ "ResourceId": "222233334444", "Tags": [{ "Key": "a", "Value": "" }, tag] });
        let error = call(&mut world, "AWSOrganizationsV20161128.TagResource", &body).unwrap_err();
        assert_eq!((error.code, reason(&error)), ("InvalidInputException", "INPUT_REQUIRED"));
        assert!(error.message.contains("tags.2.member.value"), "{error}");
        let body = json!({ "InstanceArn": INSTANCE, "ResourceArn": set, "Tags": [tag] });
        let error = call(&mut world, "SWBExternalService.TagResource", &body).unwrap_err();
        assert_eq!(error.code, "ValidationException");
        assert!(error.message.contains("Value null at 'tags.1.member.value'"), "{error}");
    }
    let body = json!({ "ResourceId": "222233334444", "Tags": [{ "Key": "Team", "Value": "" }] });
    call(&mut world, "AWSOrganizationsV20161128.TagResource", &body).unwrap();
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let mut world = small(unhurried());
    let error = call(&mut world, "SWBExternalService.ListAccountAssignments", &json!({})).unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert!(error.message.starts_with("3 validation errors detected: Value null at '"), "{error}");
    for member in ["'accountId'", "'instanceArn'", "'permissionSetArn'"] {
        assert!(error.message.contains(member), "{error}");
    }
    let body = json!({ "IdentityStoreId": STORE, "Filters": [{ "AttributePath": "DisplayName" }] });
    let error = call(&mut world, "AWSIdentityStore.ListGroups", &body).unwrap_err();
    assert!(error.message.contains("'filters.1.member.attributeValue'"), "{error}");
    let body = json!({ "InstanceArn": INSTANCE, "NetworkConfiguration": {} });
    let error = call(&mut world, "SWBExternalService.UpdateInstance", &body).unwrap_err();
    assert!(error.message.contains("'networkConfiguration.vpceAccessRequired'"), "{error}");
    let error = call(&mut world, "AWSOrganizationsV20161128.MoveAccount", &json!({})).unwrap_err();
    assert_eq!((error.code, reason(&error)), ("InvalidInputException", "INPUT_REQUIRED"));
    // What an update sets may be null: it takes the attribute away.
    let group = json!(world.group_named("Developers").unwrap());
    let operations = json!([{ "AttributePath": "description", "AttributeValue": null }]);
    let body = json!({ "IdentityStoreId": STORE, "GroupId": group, "Operations": operations });
    call(&mut world, "AWSIdentityStore.UpdateGroup", &body).unwrap();
}

#[test]
fn organizations_gives_the_reason_that_fits_and_text_that_fits_the_reason() {
    both_with(&unhurried(), |aws| {
        for (size, expected, text) in [
            (0, "MIN_VALUE_EXCEEDED", "smaller value"),
            (-1, "MIN_VALUE_EXCEEDED", "smaller value"),
            (21, "MAX_VALUE_EXCEEDED", "larger value"),
        ] {
            let error =
                aws.refused::<org::ListAccounts>(json!({ "MaxResults": size }), "InvalidInputException");
            assert_eq!(reason(&error), expected);
            assert!(error.message.contains(text), "{error}");
        }
        let children = |kind: &str| json!({ "ParentId": "r-ab12", "ChildType": kind });
        for (kind, expected, text) in
            [("PERSON", "INVALID_ENUM", "invalid value"), ("", "INPUT_REQUIRED", "all required parameters")]
        {
            let error = aws.refused::<org::ListChildren>(children(kind), "InvalidInputException");
            assert_eq!(reason(&error), expected);
            assert!(error.message.contains(text), "{error}");
        }
        let tags: Vec<Value> = (0..51).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
        let many = json!({ "ResourceId": "222233334444", "Tags": tags });
        let error = aws.refused::<org::TagResource>(many, "ConstraintViolationException");
        assert_eq!(reason(&error), "MAX_TAG_LIMIT_EXCEEDED");
    });
}

#[test]
fn a_page_has_its_size_before_anybody_looks_for_what_is_listed() {
    both_with(&unhurried(), |aws| {
        let nobody = json!({ "AccountId": "999999999999", "MaxResults": 21 });
        let error = aws.refused::<org::ListDelegatedServicesForAccount>(nobody, "InvalidInputException");
        assert_eq!(reason(&error), "MAX_VALUE_EXCEEDED");
        let nothing = json!({ "GroupId": "11111111-2222-3333-4444-555555555555", "MaxResults": 0 });
        aws.refused::<store::ListGroupMemberships>(nothing, "ValidationException");
        let nothing = json!({
            "PermissionSetArn": "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-0000000000000000", "MaxResults": 101,
        });
        aws.refused::<sso::ListAccountsForProvisionedPermissionSet>(nothing, "ValidationException");
    });
}

#[test]
fn filters_are_looked_at() {
    both_with(&unhurried(), |aws| {
        let filter = |path: &str, value: &str| json!({ "Filters": [{ "AttributePath": path, "AttributeValue": value }] });
        for bad in ["", &"a".repeat(1025), "a\u{7}b"] {
            aws.refused::<store::ListGroups>(filter("DisplayName", bad), "ValidationException");
            aws.refused::<store::ListUsers>(filter("UserName", bad), "ValidationException");
        }
        aws.ok::<store::ListGroups>(filter("DisplayName", "Nobody"));
        let parent = |id: &str| json!({ "Filter": { "ParentHandshakeId": id } });
        for bad in ["", "h-short", "h-UPPERCASE", "x-12345678"] {
            let error =
                aws.refused::<org::ListHandshakesForOrganization>(parent(bad), "InvalidInputException");
            assert_eq!(reason(&error), "INVALID_PATTERN");
            aws.refused::<org::ListHandshakesForAccount>(parent(bad), "InvalidInputException");
        }
        aws.ok::<org::ListHandshakesForAccount>(parent("h-12345678"));
    });
}

#[test]
fn a_revision_is_made_of_digits_and_anything_else_is_no_conflict() {
    both(|aws| {
        let made = aws.ok::<store::CreateGroup>(json!({ "DisplayName": "広い\u{3000}名前" }));
        let revision = made["Revision"].as_str().unwrap();
        assert!(
            (1..=64).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_digit()),
            "{revision}"
        );
        let id = made["GroupId"].clone();
        let user = json!(aws.world.user_named("alba@example.com").unwrap());
        let operations = json!([{ "AttributePath": "description", "AttributeValue": "x" }]);
        for bad in ["", "abc", "12 ", &"1".repeat(65)] {
            let update = json!({ "GroupId": id, "Operations": operations, "Revision": bad });
            aws.refused::<store::UpdateGroup>(update, "ValidationException");
            aws.refused::<store::DeleteGroup>(
                json!({ "GroupId": id, "Revision": bad }),
                "ValidationException",
            );
            let update = json!({ "UserId": user, "Operations": operations, "Revision": bad });
            aws.refused::<store::UpdateUser>(update, "ValidationException");
            aws.refused::<store::DeleteUser>(
                json!({ "UserId": user, "Revision": bad }),
                "ValidationException",
            );
        }
        aws.refused::<store::DeleteGroup>(json!({ "GroupId": id, "Revision": "1" }), "ConflictException");
    });
}

#[test]
fn a_path_that_is_none_is_named() {
    both(|aws| {
        let user = json!(aws.world.user_named("alba@example.com").unwrap());
        for path in ["\"name\".\"givenName\"", "emails[0].value", "name.shoeSize", "displayName.first"] {
            let fine = json!({ "AttributePath": "title", "AttributeValue": "Lead" });
            let operations = json!([fine, { "AttributePath": path, "AttributeValue": "secret" }, fine]);
            let error = aws.refused::<store::UpdateUser>(
                json!({ "UserId": user, "Operations": operations }),
                "ValidationException",
            );
            assert!(error.message.contains(&format!("Value '{path}' at")), "{error}");
        }
        let operations = json!([{ "AttributePath": "displayName", "AttributeValue": ["secret"] }]);
        let update = json!({ "UserId": user, "Operations": operations });
        let error = aws.refused::<store::UpdateUser>(update, "ValidationException");
        assert!(error.message.contains("'displayName'") && !error.message.contains("secret"), "{error}");
    });
}

#[test]
fn an_account_in_no_organization_is_told_so() {
    let outside = "666677778888";
    both_with(&unhurried(), |aws| {
        aws.world.put_outside(account(outside), "acquired", "root@acquired.example.com");
        aws.caller = Caller::new("admin", account(outside), CallerKind::Member);
        let code = "AWSOrganizationsNotInUseException";
        aws.refused::<org::DescribeOrganization>(json!({}), code);
        aws.refused::<org::ListAccounts>(json!({}), code);
        aws.refused::<org::DescribeAccount>(json!({ "AccountId": outside }), code);
        aws.refused::<org::CreateAccount>(json!({ "AccountName": "a", "Email": "a@example.com" }), code);
        aws.refused::<org::LeaveOrganization>(json!({}), code);
        assert!(aws.all::<org::ListHandshakesForAccount>(json!({}), "Handshakes").is_empty());
        let handshake = json!({ "HandshakeId": "h-12345678" });
        aws.refused::<org::DescribeHandshake>(handshake.clone(), "HandshakeNotFoundException");
        aws.refused::<org::AcceptHandshake>(handshake.clone(), "HandshakeNotFoundException");
        aws.refused::<org::DeclineHandshake>(handshake, "HandshakeNotFoundException");
        aws.caller = Caller::new("app", account("333344445555"), CallerKind::Member);
        aws.refused::<org::ListAccounts>(json!({}), "AccessDeniedException");
    });
}

#[test]
fn the_old_status_of_accounts_is_sent_only_where_it_is_asked_for() {
    for sent in [false, true] {
        let mut settings = unhurried();
        assert!(!settings.assumptions.account_status_is_sent);
        settings.assumptions.account_status_is_sent = sent;
        both_with(&settings, |aws| {
            let accounts = aws.ok::<org::ListAccounts>(json!({}))["Accounts"].clone();
            for shown in accounts.as_array().unwrap() {
                assert_eq!(shown.get("Status").is_some(), sent, "{shown}");
                assert!(shown["State"].is_string());
            }
        });
    }
}

#[test]
fn a_latency_longer_than_all_time_is_refused_where_it_stands() {
    let yaml = format!(
        "{}simulation:\n  seed: 1\n  assignment_latency: {{ constant: 18446744073709551615 }}\n",
        crate::support::SMALL
    );
    let error = World::from_yaml(&yaml, Settings::default()).unwrap_err();
    assert!(error.message.contains("longer than"), "{error}");
    assert_eq!(usize::try_from(error.line).unwrap(), yaml.lines().count());
}

#[test]
fn an_inline_policy_has_the_form_of_one() {
    both_with(&unhurried(), |aws| {
        let set = json!(aws.world.permission_set_named("ReadOnlyAccess").unwrap());
        let put = |policy: Value| json!({ "PermissionSetArn": set, "InlinePolicy": policy.to_string() });
        let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        aws.ok::<sso::PutInlinePolicyToPermissionSet>(put(
            json!({ "Version": "2012-10-17", "Statement": [statement] }),
        ));
        for bad in [
            json!({ "Version": "2012-10-18", "Statement": [statement] }),
            json!({ "Version": "2012-10-17", "Statement": { "Action": "*", "Resource": "*" } }),
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Resource": "*" }] }),
        ] {
            aws.refused::<sso::PutInlinePolicyToPermissionSet>(put(bad), "ValidationException");
        }
    });
}

#[test]
fn a_description_may_not_say_what_no_call_could_have_made() {
    let small = crate::support::SMALL;
    for (from, to, expected) in [
        ("{ Environment: All }", "{ \"aws:createdBy\": me }", "are AWS's own"),
        (
            "{ Environment: Development } }\n          - { name: two",
            "{ \"\": x } }\n          - { name: two",
            "no tag's key",
        ),
        ("{ Environment: All }", "{ Environment: \"a{b\" }", "a value that is none"),
        (
            "{ name: PowerUserAccess }",
            "{ name: PowerUserAccess, managed_policies: [ReadOnlyAccess] }",
            "not the ARN",
        ),
        (
            "{ name: PowerUserAccess }",
            "{ name: PowerUserAccess, permissions_boundary: { managed_policy: x } }",
            "not the ARN",
        ),
        (
            "{ name: PowerUserAccess }",
            "{ name: PowerUserAccess, inline_policy: { Version: \"2012-10-17\", Statement: { Action: \"*\", Resource: \"*\" } } }",
            "`Effect`",
        ),
    ] {
        let yaml = small.replacen(from, to, 1);
        assert_ne!(yaml, small, "{from}");
        let error = World::from_yaml(&yaml, Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        let line = yaml.lines().nth(usize::try_from(error.line).unwrap() - 1).unwrap();
        assert!(line.contains(to.lines().next().unwrap()), "{error}: {line}");
    }
}
