//! Denials that hold, whatever way somebody looks for round them; and accounts that can't do what they could.

use serde_json::{Value, json};
use simulator::{
    Operation, Settings, World, wire::identity_store as store, wire::organizations as org,
    wire::sso_admin as sso,
};

use crate::{
    faces::{Faced, both_in, both_with},
    support::{INSTANCE, SMALL, STORE, account, at, key, person, unhurried},
};

/// The small organization and a caller that may do everything but what the statements deny.
fn denied(statements: &str, settings: &Settings) -> World {
    let allow = "{ Effect: Allow, Action: \"*\", Resource: \"*\" }";
    let callers = format!(
        "callers:\n  - {{ access_key: HELD, role: held, policies: [{{ Version: \"2012-10-17\", Statement: [{allow}, {statements}] }}] }}\n"
    );
    World::from_yaml(&format!("{SMALL}{callers}"), settings.clone()).unwrap()
}

/// Runs a test behind both faces as that caller; what the statements deny is found in the world.
fn with_denied(statements: &dyn Fn(&World) -> String, test: impl Fn(&mut Faced)) {
    with_denied_in(&Settings::default(), statements, test);
}

fn with_denied_in(settings: &Settings, statements: &dyn Fn(&World) -> String, test: impl Fn(&mut Faced)) {
    let plain = World::from_yaml(SMALL, settings.clone()).unwrap();
    both_in(&|| denied(&statements(&plain), settings), |aws| {
        aws.caller = aws.world.caller_of("HELD").unwrap();
        test(aws);
    });
}

#[track_caller]
fn is_denied<O: Operation>(aws: &mut Faced, body: Value) {
    aws.refused::<O>(body, "AccessDeniedException");
}

fn deny(action: &str, resource: &str) -> String {
    format!("{{ Effect: Deny, Action: \"{action}\", Resource: \"{resource}\" }}")
}

fn developers(world: &World) -> String {
    world.group_named("Developers").unwrap().to_string()
}

fn alba(world: &World) -> String {
    world.user_named("alba@example.com").unwrap().to_string()
}

/// An id as it is, and as an ARN.
fn spellings(kind: &str, id: &str) -> [String; 2] {
    [id.to_owned(), format!("arn:aws:identitystore:::{kind}/{id}")]
}

#[test]
fn a_group_that_is_denied_is_denied_by_its_arn_too() {
    let statement = |world: &World| {
        deny("identitystore:*", &format!("arn:aws:identitystore:::group/{}", developers(world)))
    };
    with_denied(&statement, |aws| {
        let (user, other) = (alba(&aws.world), aws.world.user_named("bruno@example.com").unwrap());
        for group in spellings("group", &developers(&aws.world)) {
            is_denied::<store::DescribeGroup>(aws, json!({ "GroupId": group }));
            is_denied::<store::DeleteGroup>(aws, json!({ "GroupId": group }));
            is_denied::<store::ListGroupMemberships>(aws, json!({ "GroupId": group }));
            let membership = json!({ "GroupId": group, "MemberId": { "UserId": other } });
            is_denied::<store::CreateGroupMembership>(aws, membership);
            let asked = json!({ "MemberId": { "UserId": user }, "GroupIds": [group] });
            is_denied::<store::IsMemberInGroups>(aws, asked);
        }
        let by_name =
            json!({ "UniqueAttribute": { "AttributePath": "displayName", "AttributeValue": "Developers" } });
        is_denied::<store::GetGroupId>(aws, json!({ "AlternateIdentifier": by_name }));
        let support = aws.world.group_named("Support").unwrap();
        aws.ok::<store::DescribeGroup>(json!({ "GroupId": support }));
    });
}

#[test]
fn a_user_that_is_denied_is_denied_by_every_way_to_it() {
    let statement =
        |world: &World| deny("identitystore:*", &format!("arn:aws:identitystore:::user/{}", alba(world)));
    with_denied(&statement, |aws| {
        let id = alba(&aws.world);
        aws.world.name_user_externally(&id.parse().unwrap(), "idp.example.com", "u-1");
        for user in spellings("user", &id) {
            is_denied::<store::DescribeUser>(aws, json!({ "UserId": user }));
            let member = json!({ "MemberId": { "UserId": user } });
            is_denied::<store::ListGroupMembershipsForMember>(aws, member);
        }
        let unique = |path: &str| json!({ "UniqueAttribute": { "AttributePath": path, "AttributeValue": "alba@example.com" } });
        for identifier in [
            unique("userName"),
            unique("emails.value"),
            json!({ "ExternalId": { "Issuer": "idp.example.com", "Id": "u-1" } }),
        ] {
            is_denied::<store::GetUserId>(aws, json!({ "AlternateIdentifier": identifier }));
        }
        let other = json!({ "UniqueAttribute": { "AttributePath": "emails.value", "AttributeValue": "bruno@example.com" } });
        aws.ok::<store::GetUserId>(json!({ "AlternateIdentifier": other }));
    });
}

#[test]
fn a_group_that_is_denied_is_denied_by_what_its_provider_calls_it() {
    let statement = |world: &World| {
        deny("identitystore:GetGroupId", &format!("arn:aws:identitystore:::group/{}", developers(world)))
    };
    with_denied(&statement, |aws| {
        let id = aws.world.group_named("Developers").unwrap();
        aws.world.name_group_externally(&id, "idp.example.com", "g-1");
        let external = json!({ "ExternalId": { "Issuer": "idp.example.com", "Id": "g-1" } });
        is_denied::<store::GetGroupId>(aws, json!({ "AlternateIdentifier": external }));
    });
}

fn membership(world: &mut World) -> String {
    let input = store::GetGroupMembershipId {
        identity_store_id: STORE.to_owned(),
        group_id: developers(world),
        member_id: store::MemberId { user_id: alba(world) },
    };
    world.call(at(0), &person(), input).unwrap().membership_id
}

#[test]
fn a_membership_that_is_denied_is_denied_by_every_way_to_it() {
    let mut plain = World::from_yaml(SMALL, Settings::default()).unwrap();
    let id = membership(&mut plain);
    with_denied(&|_| deny("identitystore:*", &format!("arn:aws:identitystore:::membership/{id}")), |aws| {
        for spelling in spellings("membership", &id) {
            is_denied::<store::DescribeGroupMembership>(aws, json!({ "MembershipId": spelling }));
            is_denied::<store::DeleteGroupMembership>(aws, json!({ "MembershipId": spelling }));
        }
        let (group, user) = (developers(&aws.world), alba(&aws.world));
        is_denied::<store::GetGroupMembershipId>(
            aws,
            json!({ "GroupId": group, "MemberId": { "UserId": user } }),
        );
    });
    // The group at its end is found whichever way the membership is written.
    let statement = |world: &World| {
        deny("identitystore:*", &format!("arn:aws:identitystore:::group/{}", developers(world)))
    };
    with_denied(&statement, |aws| {
        for spelling in spellings("membership", &id) {
            is_denied::<store::DeleteGroupMembership>(aws, json!({ "MembershipId": spelling }));
        }
    });
}

#[test]
fn an_identity_store_that_is_denied_is_denied_by_its_arn_too() {
    let store_arn = format!("arn:aws:identitystore::111122223333:identitystore/{STORE}");
    with_denied(&|_| deny("identitystore:ListGroups", &store_arn), |aws| {
        for id in [STORE, &store_arn] {
            is_denied::<store::ListGroups>(aws, json!({ "IdentityStoreId": id }));
        }
        aws.ok::<store::ListUsers>(json!({ "IdentityStoreId": store_arn }));
    });
}

#[test]
fn the_tags_of_an_instance_are_compared() {
    let statement = "{ Effect: Deny, Action: \"sso:*\", Resource: \"arn:aws:sso:::instance/*\", Condition: { StringEquals: { \
                     \"aws:ResourceTag/Stage\": live } } }";
    with_denied(&|_| statement.to_owned(), |aws| {
        aws.ok::<sso::ListPermissionSets>(json!({}));
        let tags = json!([{ "Key": "Stage", "Value": "live" }]);
        aws.ok::<sso::TagResource>(json!({ "ResourceArn": INSTANCE, "Tags": tags }));
        is_denied::<sso::ListPermissionSets>(aws, json!({}));
        is_denied::<sso::UntagResource>(aws, json!({ "ResourceArn": INSTANCE, "TagKeys": ["Stage"] }));
    });
}

/// Provisions everywhere where developers have been given the set by hand.
fn provision_everywhere(aws: &mut Faced, accounts: &[&str]) -> Result<Value, simulator::ApiError> {
    let mut set = None;
    for name in accounts {
        let key = key(&aws.world, name, "ReadOnlyAccess", "Developers");
        aws.world.grant_by_hand(at(0), &person(), &key);
        set = Some(key.permission_set);
    }
    let body = json!({ "PermissionSetArn": set, "TargetType": "ALL_PROVISIONED_ACCOUNTS" });
    aws.call::<sso::ProvisionPermissionSet>(body)
}

#[test]
fn provisioning_everywhere_needs_the_right_for_each_account_that_it_reaches() {
    let statement = deny("sso:ProvisionPermissionSet", "arn:aws:sso:::account/333344445555");
    with_denied(&|_| statement.clone(), |aws| {
        let error = provision_everywhere(aws, &["one-dev", "two-dev"]).unwrap_err();
        assert_eq!(error.code, "AccessDeniedException");
        assert!(error.message.contains("account/333344445555"), "{error}");
    });
    // Where the set isn't, nothing is asked.
    with_denied(&|_| statement.clone(), |aws| drop(provision_everywhere(aws, &["one-dev"]).unwrap()));
    let mut settings = Settings::default();
    settings.assumptions.provisioning_asks_for_each_account = false;
    with_denied_in(&settings, &|_| statement.clone(), |aws| {
        drop(provision_everywhere(aws, &["one-dev", "two-dev"]).unwrap());
    });
}

#[test]
fn provisioning_everywhere_needs_rights_in_iam_where_it_reaches_the_management_account() {
    let mut settings = Settings::default();
    settings.assumptions.missing_iam_rights_fail_later = false;
    let statement = |_: &World| deny("iam:CreateRole", "*");
    with_denied_in(&settings, &statement, |aws| {
        let error = provision_everywhere(aws, &["one-dev", "management"]).unwrap_err();
        assert!(error.message.contains("iam:CreateRole"), "{error}");
    });
    with_denied_in(&settings, &statement, |aws| drop(provision_everywhere(aws, &["one-dev"]).unwrap()));
}

#[test]
fn invitations_and_handshakes_are_resources() {
    let outside = "arn:aws:organizations::111122223333:account/o-exampleorg1/666677778888";
    with_denied(&|_| deny("organizations:InviteAccountToOrganization", outside), |aws| {
        let target = |id: &str| json!({ "Target": { "Type": "ACCOUNT", "Id": id } });
        is_denied::<org::InviteAccountToOrganization>(aws, target("666677778888"));
        aws.ok::<org::InviteAccountToOrganization>(target("777788889999"));
    });
    let handshakes = "arn:aws:organizations::111122223333:handshake/o-exampleorg1/invite/*";
    with_denied(&|_| deny("organizations:CancelHandshake", handshakes), |aws| {
        let target = json!({ "Target": { "Type": "EMAIL", "Id": "a@example.com" } });
        let told = aws.ok::<org::InviteAccountToOrganization>(target);
        let id = json!({ "HandshakeId": told["Handshake"]["Id"] });
        aws.ok::<org::DescribeHandshake>(id.clone());
        is_denied::<org::CancelHandshake>(aws, id);
    });
}

#[test]
fn calls_are_direct_and_as_if_by_tls() {
    for (condition, denied) in [
        ("{ Bool: { \"aws:SecureTransport\": \"false\" } }", false),
        ("{ BoolIfExists: { \"aws:SecureTransport\": \"true\" } }", true),
        ("{ Bool: { \"aws:ViaAWSService\": \"false\" } }", true),
        ("{ Bool: { \"aws:ViaAWSService\": \"true\" } }", false),
        ("{ Bool: { \"aws:PrincipalIsAWSService\": \"false\" } }", true),
    ] {
        let statement =
            format!("{{ Effect: Deny, Action: \"sso:*\", Resource: \"*\", Condition: {condition} }}");
        with_denied(&|_| statement.clone(), |aws| {
            let result = aws.call::<sso::ListPermissionSets>(json!({}));
            assert_eq!(result.is_err(), denied, "{condition}");
        });
    }
}

#[test]
fn accounts_that_are_not_active_call_nothing_and_administer_nothing() {
    use shared::domain::AccountState;
    use simulator::{Caller, CallerKind};
    let one = "222233334444";
    for state in [AccountState::Suspended, AccountState::PendingClosure, AccountState::Closed] {
        for refused in [true, false] {
            let mut settings = unhurried();
            settings.assumptions.inactive_accounts_are_refused = refused;
            both_with(&settings, |aws| {
                let service = json!({ "AccountId": one, "ServicePrincipal": "sso.amazonaws.com" });
                aws.ok::<org::RegisterDelegatedAdministrator>(service);
                let delegated = Caller::new("app", account(one), CallerKind::DelegatedAdministrator);
                aws.caller = delegated.clone();
                aws.ok::<sso::ListPermissionSets>(json!({}));
                aws.world.set_account_state(at(aws.second), &account(one), state);
                assert_eq!(aws.world.standing(&account(one)), CallerKind::Member);
                is_denied::<sso::ListPermissionSets>(aws, json!({}));
                is_denied::<org::ListAccounts>(aws, json!({}));
                let answered = aws.call::<org::DescribeOrganization>(json!({})).is_ok();
                assert_eq!(answered, !refused, "{state:?}");
            });
        }
    }
}

#[test]
fn an_account_that_has_left_sees_nothing_of_the_organizations_instance() {
    use simulator::{Caller, CallerKind};
    both_with(&unhurried(), |aws| {
        aws.caller = Caller::new("app", account("444455556666"), CallerKind::DelegatedAdministrator);
        let seen = aws.ok::<sso::ListInstances>(json!({}));
        assert_eq!(seen["Instances"].as_array().unwrap().len(), 1);
        aws.ok::<org::LeaveOrganization>(json!({}));
        let seen = aws.ok::<sso::ListInstances>(json!({}));
        assert_eq!(seen["Instances"], json!([]));
        is_denied::<sso::ListPermissionSets>(aws, json!({}));
    });
}

#[test]
fn the_event_of_a_refusal_hides_the_value_that_the_refusal_quotes() {
    both_with(&unhurried(), |aws| {
        let name = "alba' at 'smith \u{7}";
        let user = json!({ "UserName": name, "DisplayName": "Alba Smith", "Name": { "GivenName": "Alba", "FamilyName": "Smith" } });
        let error = aws.refused::<store::CreateUser>(user, "ValidationException");
        assert!(error.message.contains("alba"), "the caller is told: {error}");
        let events = aws.world.take_events(at(aws.second));
        let detail = &events[0]["detail"];
        assert!(!detail.to_string().contains("alba"), "{detail}");
        let message = detail["errorMessage"].as_str().unwrap();
        assert!(message.contains("Value 'HIDDEN_DUE_TO_SECURITY_REASONS' at 'userName' failed"), "{message}");
    });
}
