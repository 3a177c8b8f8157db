//! Users, groups and memberships, behind both faces.

use serde_json::{Value, json};
use simulator::{Settings, wire::identity_store as store};

use crate::{
    faces::{Faced, both, both_with},
    support::{STORE, at},
};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn alba() -> Value {
    json!({
        "UserName": "alba2", "DisplayName": "Alba Example", "Name": { "GivenName": "Alba", "FamilyName": "Example", "HonorificPrefix": "Dr" },
        "NickName": "Al", "ProfileUrl": "https://example.com/alba", "Emails": [{ "Value": "alba2@example.com", "Type": "work", "Primary": true }],
        "Addresses": [{ "StreetAddress": "1 Main Street", "Locality": "Town", "PostalCode": "1000", "Country": "CH", "Primary": true }],
        "PhoneNumbers": [{ "Value": "+41 44 000 00 00", "Type": "work" }], "UserType": "employee", "Title": "Engineer",
        "PreferredLanguage": "de-CH", "Locale": "de-CH", "Timezone": "Europe/Zurich", "Photos": [{ "Value": "https://example.com/alba.png", "Display": "Alba", "Primary": true }],
        "Website": "https://example.com", "Birthdate": "1990-02-28", "Roles": [{ "Value": "lead", "Primary": true }],
        "Extensions": { "aws:identitystore:enterprise": { "department": "Platform" } },
    })
}

#[test]
fn a_user_keeps_all_its_attributes_and_shows_extensions_only_when_asked() {
    both(|world| {
        let made = world.ok::<store::CreateUser>(alba());
        let id = made["UserId"].clone();
        assert_eq!(made["UserArn"], format!("arn:aws:identitystore:::user/{}", id.as_str().unwrap()));
        let mut shown = world.ok::<store::DescribeUser>(json!({ "UserId": id }));
        assert!(shown.get("Extensions").is_none());
        let enterprise = json!(["aws:identitystore:enterprise"]);
        shown = world.ok::<store::DescribeUser>(json!({ "UserId": id, "Extensions": enterprise }));
        for (member, value) in alba().as_object().unwrap() {
            assert_eq!(&shown[member], value, "{member}");
        }
        assert_eq!((&shown["UserStatus"], &shown["CreatedBy"]), (&json!("ENABLED"), &json!("console-admin")));
        assert_eq!(shown["Revision"], made["Revision"]);
        let listed = world.all::<store::ListUsers>(json!({ "Extensions": enterprise }), "Users");
        assert!(listed.contains(&shown));
        world.refused::<store::DescribeUser>(
            json!({ "UserId": id, "Extensions": ["aws:identitystore:other"] }),
            "ValidationException",
        );
    });
}

#[test]
fn a_user_is_refused_for_each_attribute_that_is_not_as_documented() {
    both(|world| {
        for (member, wrong) in [
            ("UserName", json!(null)),
            ("UserName", json!("with space")),
            ("UserName", json!("a".repeat(129))),
            ("UserName", json!("AWSAdministrators")),
            ("UserName", json!("zero\u{200b}width")),
            ("DisplayName", json!(null)),
            ("DisplayName", json!("")),
            ("DisplayName", json!("a".repeat(1025))),
            ("DisplayName", json!("bell\u{7}")),
            ("Name", json!(null)),
            ("Name", json!({ "GivenName": "" })),
            ("Emails", json!([])),
            ("Emails", json!([{ "Value": "a@example.com" }, { "Value": "b@example.com" }])),
            ("Emails", json!([{ "Value": "" }])),
            ("Addresses", json!([{}, {}])),
            ("PhoneNumbers", json!([])),
            ("Photos", json!([{ "Value": "a", "Primary": true }, { "Value": "b", "Primary": true }])),
            ("Photos", json!([{ "Value": "" }])),
            ("Roles", json!([{}, {}])),
            ("Birthdate", json!("28.2.1990")),
            ("Birthdate", json!("1990-02-30")),
            ("Extensions", json!({})),
            ("Extensions", json!({ "aws:identitystore:other": {} })),
        ] {
            let mut body = alba();
            body[member] = wrong;
            world.refused::<store::CreateUser>(body, "ValidationException");
        }
        world.ok::<store::CreateUser>(alba());
        let same_name = world.refused::<store::CreateUser>(alba(), "ConflictException");
        assert_eq!(same_name.extra["Reason"], "UNIQUENESS_CONSTRAINT_VIOLATION");
        let mut same_email = alba();
        same_email["UserName"] = json!("alba3");
        world.refused::<store::CreateUser>(same_email.clone(), "ConflictException");
        world.world.settings.assumptions.emails_are_unique = false;
        world.ok::<store::CreateUser>(same_email);
    });
}

fn change(path: &str, value: &Value) -> Value {
    json!([{ "AttributePath": path, "AttributeValue": value }])
}

#[test]
fn an_update_reaches_attributes_by_their_paths() {
    both(|world| {
        let id = world.ok::<store::CreateUser>(alba())["UserId"].clone();
        let update = |operations: Value| json!({ "UserId": id, "Operations": operations });
        world.ok::<store::UpdateUser>(update(json!([
            { "AttributePath": "displayName", "AttributeValue": "Alba Other" },
            { "AttributePath": "name.familyName", "AttributeValue": "Other" },
            { "AttributePath": "emails", "AttributeValue": [{ "value": "new@example.com", "type": "work", "primary": true }] },
            { "AttributePath": "nickName" },
            { "AttributePath": "aws:identitystore:enterprise.costCenter", "AttributeValue": "42" },
        ])));
        let shown = world.ok::<store::DescribeUser>(
            json!({ "UserId": id, "Extensions": ["aws:identitystore:enterprise"] }),
        );
        assert_eq!(shown["DisplayName"], "Alba Other");
        assert_eq!(
            shown["Name"],
            json!({ "GivenName": "Alba", "FamilyName": "Other", "HonorificPrefix": "Dr" })
        );
        assert_eq!(shown["Emails"], json!([{ "Value": "new@example.com", "Type": "work", "Primary": true }]));
        assert!(shown.get("NickName").is_none());
        assert_eq!(
            shown["Extensions"]["aws:identitystore:enterprise"],
            json!({ "department": "Platform", "costCenter": "42" })
        );
        world.ok::<store::UpdateUser>(update(change("emails.value", &json!("newer@example.com"))));
        let by_email = |email: &str| json!({ "AlternateIdentifier": { "UniqueAttribute": { "AttributePath": "emails.value", "AttributeValue": email } } });
        assert_eq!(world.ok::<store::GetUserId>(by_email("newer@example.com"))["UserId"], id);
        for gone in ["new@example.com", "alba2@example.com"] {
            world.refused::<store::GetUserId>(by_email(gone), "ResourceNotFoundException");
        }
        world.ok::<store::UpdateUser>(update(change("userName", &json!("renamed"))));
        assert!(world.world.user_named("alba2").is_none() && world.world.user_named("renamed").is_some());

        for wrong in [
            json!([]),
            change("", &json!("x")),
            change("shoeSize", &json!("42")),
            change("name.shoeSize", &json!("42")),
            change("displayName.first", &json!("x")),
            change("displayName", &json!(["x"])),
            change("displayName", &Value::Null),
            change("userName", &Value::Null),
            change("emails", &json!([])),
            change("aws:identitystore:other", &json!({})),
        ] {
            world.refused::<store::UpdateUser>(update(wrong), "ValidationException");
        }
        world.refused::<store::UpdateUser>(
            update(change("userName", &json!("alba@example.com"))),
            "ConflictException",
        );
        world.refused::<store::UpdateUser>(
            json!({ "UserId": NOBODY, "Operations": change("title", &json!("x")) }),
            "ResourceNotFoundException",
        );
    });
}

#[test]
fn a_write_on_a_state_that_is_gone_is_refused() {
    both(|world| {
        let concurrent =
            |error: simulator::ApiError| assert_eq!(error.extra["Reason"], "CONCURRENT_MODIFICATION");
        let made = world.ok::<store::CreateUser>(alba());
        let (id, first) = (made["UserId"].clone(), made["Revision"].clone());
        let title = change("title", &json!("Lead"));
        let update = |revision: &Value| json!({ "UserId": id, "Operations": title, "Revision": revision });
        let second = world.ok::<store::UpdateUser>(update(&first))["Revision"].clone();
        assert_ne!(first, second);
        concurrent(world.refused::<store::UpdateUser>(update(&first), "ConflictException"));
        concurrent(
            world.refused::<store::DeleteUser>(
                json!({ "UserId": id, "Revision": first }),
                "ConflictException",
            ),
        );
        world.ok::<store::DeleteUser>(json!({ "UserId": id, "Revision": second }));

        let made = world.ok::<store::CreateGroup>(json!({ "DisplayName": "Operators" }));
        let (id, first) = (made["GroupId"].clone(), made["Revision"].clone());
        let rename = json!({ "GroupId": id, "Operations": change("displayName", &json!("Engineers")), "Revision": first });
        let second = world.ok::<store::UpdateGroup>(rename.clone())["Revision"].clone();
        concurrent(world.refused::<store::UpdateGroup>(rename, "ConflictException"));
        assert_eq!(world.ok::<store::DescribeGroup>(json!({ "GroupId": id }))["Revision"], second);
        concurrent(
            world.refused::<store::DeleteGroup>(
                json!({ "GroupId": id, "Revision": first }),
                "ConflictException",
            ),
        );
        world.ok::<store::DeleteGroup>(json!({ "GroupId": id, "Revision": second }));
    });
}

#[test]
fn a_group_is_made_described_changed_and_deleted() {
    both(|world| {
        let made =
            world.ok::<store::CreateGroup>(json!({ "DisplayName": "Operators", "Description": "on call" }));
        let id = made["GroupId"].clone();
        let shown = world.ok::<store::DescribeGroup>(json!({ "GroupId": id }));
        assert_eq!(shown["GroupArn"], format!("arn:aws:identitystore:::group/{}", id.as_str().unwrap()));
        assert_eq!((&shown["DisplayName"], &shown["Description"]), (&json!("Operators"), &json!("on call")));
        let update = |operations: Value| json!({ "GroupId": id, "Operations": operations });
        world.ok::<store::UpdateGroup>(update(json!([
            { "AttributePath": "displayName", "AttributeValue": "Engineers" },
            { "AttributePath": "description" },
        ])));
        let shown = world.ok::<store::DescribeGroup>(json!({ "GroupId": id }));
        assert_eq!(shown["DisplayName"], "Engineers");
        assert!(shown.get("Description").is_none());
        for wrong in [
            json!([]),
            change("displayName", &Value::Null),
            change("displayName", &json!("AWSAdministrators")),
            change("displayName", &json!("line\u{2028}separator")),
            change("displayName", &json!(1)),
            change("description", &json!("a".repeat(1025))),
            change("members", &json!("x")),
        ] {
            world.refused::<store::UpdateGroup>(update(wrong), "ValidationException");
        }
        world.refused::<store::UpdateGroup>(
            update(change("displayName", &json!("Support"))),
            "ConflictException",
        );
        let found = json!({ "Filters": [{ "AttributePath": "DisplayName", "AttributeValue": "Engineers" }] });
        assert_eq!(world.ok::<store::ListGroups>(found)["Groups"], json!([shown]));
        for wrong in [
            json!({ "Description": "no name" }),
            json!({ "DisplayName": "Administrator" }),
            json!({ "DisplayName": "" }),
        ] {
            world.refused::<store::CreateGroup>(wrong, "ValidationException");
        }
        world.ok::<store::DeleteGroup>(json!({ "GroupId": id }));
        let gone =
            world.refused::<store::DescribeGroup>(json!({ "GroupId": id }), "ResourceNotFoundException");
        assert_eq!((&*gone.extra["ResourceType"], json!(gone.extra["ResourceId"])), ("GROUP", id));
    });
}

#[test]
fn ids_may_be_given_as_arns_and_are_answered_as_ids() {
    both(|world| {
        let group = world.world.group_named("Developers").unwrap().to_string();
        let user = world.world.user_named("alba@example.com").unwrap().to_string();
        let arn = |kind: &str, id: &str| format!("arn:aws:identitystore:::{kind}/{id}");
        let whole = format!("arn:aws:identitystore::111122223333:identitystore/{STORE}");
        let shown = world
            .ok::<store::DescribeGroup>(json!({ "IdentityStoreId": whole, "GroupId": arn("group", &group) }));
        assert_eq!((&shown["GroupId"], &shown["IdentityStoreId"]), (&json!(group), &json!(STORE)));
        assert_eq!(
            world.ok::<store::DescribeUser>(json!({ "UserId": arn("user", &user) }))["UserId"],
            json!(user)
        );
        let asked =
            json!({ "MemberId": { "UserId": arn("user", &user) }, "GroupIds": [arn("group", &group)] });
        let answer = world.ok::<store::IsMemberInGroups>(asked);
        assert_eq!(
            answer["Results"],
            json!([{ "GroupId": group, "MemberId": { "UserId": user }, "MembershipExists": true }])
        );
        // An ARN of another kind is no id.
        world.refused::<store::DescribeGroup>(
            json!({ "GroupId": arn("user", &group) }),
            "ValidationException",
        );
        let other = json!({ "IdentityStoreId": "d-0000000000", "GroupId": group });
        let unknown = world.refused::<store::DescribeGroup>(other, "ResourceNotFoundException");
        assert_eq!(unknown.extra["ResourceType"], "IDENTITY_STORE");
    });
}

#[test]
fn what_an_identity_provider_named_is_found_by_that_name() {
    both(|world| {
        let group = world.world.group_named("Developers").unwrap();
        let user = world.world.user_named("alba@example.com").unwrap();
        world.world.name_group_externally(&group, "https://idp.example.com", "g-1");
        world.world.name_user_externally(&user, "https://idp.example.com", "u-1");
        let external = |id: &str| json!({ "AlternateIdentifier": { "ExternalId": { "Issuer": "https://idp.example.com", "Id": id } } });
        assert_eq!(world.ok::<store::GetGroupId>(external("g-1"))["GroupId"], json!(group));
        assert_eq!(world.ok::<store::GetUserId>(external("u-1"))["UserId"], json!(user));
        world.refused::<store::GetGroupId>(external("u-1"), "ResourceNotFoundException");
        world.refused::<store::GetUserId>(external(""), "ValidationException");
        let shown = world.ok::<store::DescribeGroup>(json!({ "GroupId": group }));
        assert_eq!(shown["ExternalIds"], json!([{ "Issuer": "https://idp.example.com", "Id": "g-1" }]));
        world.ok::<store::DeleteGroup>(json!({ "GroupId": group }));
        world.refused::<store::GetGroupId>(external("g-1"), "ResourceNotFoundException");
        world.ok::<store::DeleteUser>(json!({ "UserId": user }));
        world.refused::<store::GetUserId>(external("u-1"), "ResourceNotFoundException");
    });
}

#[test]
fn unions_have_exactly_one_member_and_known_paths() {
    both(|world| {
        let unique = |path: &str, value: Value| json!({ "UniqueAttribute": { "AttributePath": path, "AttributeValue": value } });
        let mut two = unique("displayName", json!("Developers"));
        two["ExternalId"] = json!({ "Issuer": "i", "Id": "x" });
        for wrong in [json!({}), two, unique("description", json!("x")), unique("displayName", json!(""))] {
            world
                .refused::<store::GetGroupId>(json!({ "AlternateIdentifier": wrong }), "ValidationException");
        }
        world.refused::<store::GetUserId>(
            json!({ "AlternateIdentifier": unique("displayName", json!("Alba")) }),
            "ValidationException",
        );
        let nobody = world.refused::<store::GetUserId>(
            json!({ "AlternateIdentifier": unique("userName", json!("nobody")) }),
            "ResourceNotFoundException",
        );
        assert_eq!(nobody.extra["ResourceType"], "USER");
    });
}

#[test]
fn a_membership_is_made_found_listed_and_ended() {
    both(|world| {
        let group = world.world.group_named("Support").unwrap();
        let user = world.world.user_named("bruno@example.com").unwrap();
        let ends = json!({ "GroupId": group, "MemberId": { "UserId": user } });
        let absent = world.refused::<store::GetGroupMembershipId>(ends.clone(), "ResourceNotFoundException");
        assert_eq!(absent.extra["ResourceType"], "GROUP_MEMBERSHIP");
        let made = world.ok::<store::CreateGroupMembership>(ends.clone());
        let id = made["MembershipId"].clone();
        assert_eq!(
            made["MembershipArn"],
            format!("arn:aws:identitystore:::membership/{}", id.as_str().unwrap())
        );
        assert_eq!(world.ok::<store::GetGroupMembershipId>(ends.clone()), made);
        let again = world.refused::<store::CreateGroupMembership>(ends.clone(), "ConflictException");
        assert_eq!(again.extra["Reason"], "UNIQUENESS_CONSTRAINT_VIOLATION");
        let shown = world.ok::<store::DescribeGroupMembership>(json!({ "MembershipId": id }));
        assert_eq!((&shown["GroupId"], &shown["MemberId"]["UserId"]), (&json!(group), &json!(user)));
        let of_group =
            world.all::<store::ListGroupMemberships>(json!({ "GroupId": group }), "GroupMemberships");
        let of_member = world.all::<store::ListGroupMembershipsForMember>(
            json!({ "MemberId": { "UserId": user } }),
            "GroupMemberships",
        );
        assert_eq!((&of_group, &of_member), (&vec![shown.clone()], &vec![shown]));
        world.ok::<store::DeleteGroupMembership>(json!({ "MembershipId": id }));
        world.refused::<store::DescribeGroupMembership>(
            json!({ "MembershipId": id }),
            "ResourceNotFoundException",
        );
        world.refused::<store::DeleteGroupMembership>(
            json!({ "MembershipId": id }),
            "ResourceNotFoundException",
        );
        for (member, wrong) in [("GroupId", json!(NOBODY)), ("MemberId", json!({ "UserId": NOBODY }))] {
            let mut body = ends.clone();
            body[member] = wrong;
            world.refused::<store::CreateGroupMembership>(body.clone(), "ResourceNotFoundException");
            world.refused::<store::GetGroupMembershipId>(body, "ResourceNotFoundException");
        }
        let many: Vec<_> = (0..101).map(|_| json!(group)).collect();
        for groups in [json!([]), json!(many)] {
            let body = json!({ "MemberId": { "UserId": user }, "GroupIds": groups });
            world.refused::<store::IsMemberInGroups>(body, "ValidationException");
        }
    });
}

#[test]
fn the_identity_store_holds_only_so_many_users_and_groups() {
    let mut settings = Settings::default();
    settings.quotas.users = 3;
    settings.quotas.groups = 3;
    both_with(&settings, |world| {
        world.ok::<store::CreateUser>(alba());
        let more = json!({ "UserName": "more", "DisplayName": "More", "Name": { "GivenName": "More" } });
        world.refused::<store::CreateUser>(more, "ServiceQuotaExceededException");
        world.ok::<store::CreateGroup>(json!({ "DisplayName": "Third" }));
        world.refused::<store::CreateGroup>(
            json!({ "DisplayName": "Fourth" }),
            "ServiceQuotaExceededException",
        );
    });
}

#[test]
fn each_operation_of_the_identity_store_has_a_rate_of_its_own() {
    both(|world| {
        let caller = world.caller.clone();
        let store = || store::ListGroups { identity_store_id: STORE.to_owned(), ..Default::default() };
        for _ in 0..20 {
            world.ok_at(at(1), &caller, store());
        }
        assert_eq!(world.refused_at(at(1), &caller, store()).code, "ThrottlingException");
        let users = store::ListUsers { identity_store_id: STORE.to_owned(), ..Default::default() };
        world.ok_at(at(1), &caller, users);
        world.ok_at(at(2), &caller, store());
    });
}

/// The one event since the last time, with its parameters and its response.
fn event(world: &mut Faced) -> (String, Value, Value) {
    let mut events = world.world.take_events(at(world.second));
    assert_eq!(events.len(), 1);
    let detail = events.remove(0)["detail"].take();
    (
        detail["eventName"].as_str().unwrap().to_owned(),
        detail["requestParameters"].clone(),
        detail["responseElements"].clone(),
    )
}

#[test]
fn events_name_ids_and_hide_all_else() {
    const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
    both(|world| {
        let id = world.ok::<store::CreateUser>(alba())["UserId"].clone();
        let (name, parameters, response) = event(world);
        assert_eq!((name.as_str(), &response["userId"]), ("CreateUser", &id));
        for (member, value) in parameters.as_object().unwrap() {
            let expected = if member == "identityStoreId" { STORE } else { HIDDEN };
            assert_eq!(value, expected, "{member}");
        }
        world.ok::<store::UpdateUser>(json!({ "UserId": id, "Operations": change("title", &json!("Lead")) }));
        let (_, parameters, _) = event(world);
        assert_eq!(parameters["operations"], json!([{ "attributePath": "title", "attributeValue": HIDDEN }]));

        let group = world.world.group_named("Support").unwrap();
        let made = world
            .ok::<store::CreateGroupMembership>(json!({ "GroupId": group, "MemberId": { "UserId": id } }));
        let (name, parameters, response) = event(world);
        assert_eq!(name, "CreateGroupMembership");
        assert_eq!(
            parameters,
            json!({ "identityStoreId": STORE, "groupId": group, "memberId": { "userId": id } })
        );
        assert_eq!(response["membershipId"], made["MembershipId"]);
        // Neither the group nor the user is in it, and the membership is gone by now.
        world.ok::<store::DeleteGroupMembership>(json!({ "MembershipId": made["MembershipId"] }));
        let (name, parameters, response) = event(world);
        assert_eq!(name, "DeleteGroupMembership");
        assert_eq!(parameters, json!({ "identityStoreId": STORE, "membershipId": made["MembershipId"] }));
        assert_eq!(response, Value::Null);
    });
}
