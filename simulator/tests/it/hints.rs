//! What Usher's own functions make of every event that the simulator sends, and the layouts of those that are not API calls.

use serde_json::{Value, json};
use shared::{
    domain::{AccountId, ParentId},
    events::{self, Envelope, Hint, Reading},
};
use simulator::{
    Assumptions, Caller, CallerKind, MembershipEvents, Settings, World,
    wire::{Tag, identity_store as store, organizations as org},
};

use crate::support::{STORE, account, at, person, small, unhurried};

const ONE: &str = "222233334444";
const OUTSIDE: &str = "666677778888";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

pub(crate) fn envelope(event: &Value) -> Envelope {
    let text = |member: &str| event[member].as_str().unwrap().to_owned();
    let resources = event["resources"].as_array().unwrap();
    Envelope {
        time: None,
        id: Some(text("id")),
        source: text("source"),
        detail_type: text("detail-type"),
        resources: resources.iter().map(|arn| arn.as_str().unwrap().to_owned()).collect(),
        detail: event["detail"].clone(),
    }
}

/// Each event's name and what is made of it, in a few words.
fn readings(world: &mut World, second: i64) -> Vec<String> {
    let read = |event: &Value| {
        let name = event["detail"]["eventName"].as_str().unwrap_or("tag change").to_owned();
        let made = match events::read(&envelope(event)).unwrap() {
            Reading::Hint { hint: Hint::Account(id), event: id_of_event, .. } => {
                assert!(!id_of_event.is_empty());
                format!("account {id}")
            }
            Reading::Hint { hint: Hint::Ou(_), .. } => "OU".to_owned(),
            Reading::Hint { hint: Hint::RenamedOu(_), .. } => "renamed OU".to_owned(),
            Reading::Hint { hint: Hint::Accounts(_) | Hint::Everything, .. } => "much".to_owned(),
            Reading::Ignored(ignored) => {
                let reason = ignored.to_string();
                if reason.contains("failed with") { "failed" } else { "nothing" }.to_owned()
            }
        };
        format!("{name}: {made}")
    };
    world.take_events(at(second)).iter().map(read).collect()
}

fn role_in(id: &str) -> Caller {
    Caller::new("admin", account(id), CallerKind::Member)
}

fn tags() -> Vec<Tag> {
    vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]
}

fn invite(world: &mut World, second: i64) -> String {
    let target = org::HandshakeParty { id: OUTSIDE.to_owned(), r#type: "ACCOUNT".to_owned() };
    let input = org::InviteAccountToOrganization { target, ..Default::default() };
    world.call(at(second), &person(), input).unwrap().handshake.id
}

#[test]
fn usher_understands_the_event_of_everything_that_happens_to_an_account() {
    let mut world = small(unhurried());
    let one = || ONE.to_owned();
    let me = person();
    let create = org::CreateAccount {
        email: "new@example.com".to_owned(),
        account_name: "new".to_owned(),
        tags: Some(tags()),
        ..Default::default()
    };
    world.call(at(0), &me, create.clone()).unwrap();
    world.advance(at(20));
    let new = world.account_named("new").unwrap();
    assert_eq!(
        readings(&mut world, 20),
        [
            "CreateAccount: nothing".to_owned(),
            format!("CreateAccountResult: account {new}"),
            format!("AccountJoinedOrganization: account {new}"),
        ]
    );
    world.call(at(21), &me, create).unwrap();
    assert_eq!(readings(&mut world, 40), ["CreateAccount: nothing", "CreateAccountResult: nothing"]);

    let sandbox = ParentId::Ou(world.ou_at("Sandbox").unwrap());
    world.move_account(at(41), &me, &account(ONE), &sandbox).unwrap();
    world.move_account(at(41), &me, &account(ONE), &sandbox).unwrap_err();
    world.rename_account(at(42), &me, Some(&account(ONE)), "uno").unwrap();
    world.rename_account(at(42), &role_in(ONE), None, "one").unwrap();
    let tag = |resource_id: String| org::TagResource { resource_id, tags: tags() };
    world.call(at(43), &me, tag(one())).unwrap();
    world.call(at(43), &me, tag(sandbox.to_string())).unwrap();
    world.call(at(43), &me, tag("r-ab12".to_owned())).unwrap();
    let untag = org::UntagResource { resource_id: one(), tag_keys: vec!["Team".to_owned()] };
    world.call(at(44), &me, untag).unwrap();
    assert_eq!(
        readings(&mut world, 44),
        [
            "MoveAccount: account 222233334444",
            "MoveAccount: failed",
            "PutAccountName: account 222233334444",
            "PutAccountName: account 222233334444",
            "TagResource: account 222233334444",
            "tag change: account 222233334444",
            "TagResource: OU",
            "TagResource: nothing",
            "UntagResource: account 222233334444",
            "tag change: account 222233334444",
        ]
    );

    world.call(at(50), &me, org::RemoveAccountFromOrganization { account_id: one() }).unwrap();
    world.call(at(51), &role_in("333344445555"), org::LeaveOrganization {}).unwrap();
    world.call(at(52), &me, org::CloseAccount { account_id: "444455556666".to_owned() }).unwrap();
    let day = 24 * 60 * 60;
    assert_eq!(
        readings(&mut world, 91 * day),
        [
            "RemoveAccountFromOrganization: account 222233334444",
            "AccountDepartedOrganization: account 222233334444",
            "LeaveOrganization: account 333344445555",
            "AccountDepartedOrganization: account 333344445555",
            "CloseAccount: account 444455556666",
            "CloseAccountResult: account 444455556666",
            "AccountDepartedOrganization: account 444455556666",
        ]
    );
}

#[test]
fn usher_understands_invitations_ous_and_delegations() {
    let mut world = small(unhurried());
    let me = person();
    let declined = invite(&mut world, 0);
    world.call(at(1), &role_in(OUTSIDE), org::DeclineHandshake { handshake_id: declined }).unwrap();
    let canceled = invite(&mut world, 2);
    world.call(at(3), &me, org::CancelHandshake { handshake_id: canceled }).unwrap();
    let accepted = invite(&mut world, 4);
    world.call(at(5), &role_in(OUTSIDE), org::AcceptHandshake { handshake_id: accepted.clone() }).unwrap();
    world.call(at(6), &role_in(OUTSIDE), org::AcceptHandshake { handshake_id: accepted }).unwrap_err();
    let joined = format!("account {OUTSIDE}");
    assert_eq!(
        readings(&mut world, 6),
        [
            "InviteAccountToOrganization: nothing",
            "DeclineHandshake: nothing",
            "InviteAccountToOrganization: nothing",
            "CancelHandshake: nothing",
            "InviteAccountToOrganization: nothing",
            &format!("AcceptHandshake: {joined}"),
            &format!("AccountJoinedOrganization: {joined}"),
            "AcceptHandshake: failed",
        ]
    );

    let create =
        org::CreateOrganizationalUnit { parent_id: "r-ab12".to_owned(), name: "New".to_owned(), tags: None };
    let ou = world.call(at(10), &me, create).unwrap().organizational_unit.id;
    world.rename_ou(at(11), &me, &ou.parse().unwrap(), "Newer").unwrap();
    world.call(at(12), &me, org::DeleteOrganizationalUnit { organizational_unit_id: ou }).unwrap();
    let service = || "sso.amazonaws.com".to_owned();
    let register =
        org::RegisterDelegatedAdministrator { account_id: ONE.to_owned(), service_principal: service() };
    world.call(at(13), &me, register).unwrap();
    let deregister =
        org::DeregisterDelegatedAdministrator { account_id: ONE.to_owned(), service_principal: service() };
    world.call(at(14), &me, deregister).unwrap();
    world.call(at(15), &me, org::DisableAWSServiceAccess { service_principal: service() }).unwrap();
    world.call(at(16), &me, org::EnableAWSServiceAccess { service_principal: service() }).unwrap();
    assert_eq!(
        readings(&mut world, 16),
        [
            "CreateOrganizationalUnit: nothing",
            "UpdateOrganizationalUnit: renamed OU",
            "DeleteOrganizationalUnit: nothing",
            "RegisterDelegatedAdministrator: nothing",
            "DeregisterDelegatedAdministrator: nothing",
            "DisableAWSServiceAccess: nothing",
            "EnableAWSServiceAccess: nothing",
        ]
    );
}

#[test]
fn usher_finds_the_account_wherever_joined_and_departed_events_may_have_it() {
    for (membership_events, expected) in
        [(MembershipEvents::InDetails, 1), (MembershipEvents::InResources, 1), (MembershipEvents::NotSent, 0)]
    {
        let assumptions = Assumptions { membership_events, ..Assumptions::default() };
        let mut world = small(Settings { assumptions, ..unhurried() });
        world
            .call(at(0), &person(), org::RemoveAccountFromOrganization { account_id: ONE.to_owned() })
            .unwrap();
        let departed: Vec<_> =
            readings(&mut world, 0).into_iter().filter(|made| made.starts_with("AccountDeparted")).collect();
        assert_eq!(departed, vec![format!("AccountDepartedOrganization: account {ONE}"); expected]);
    }
    let assumptions = Assumptions { account_tag_changes_are_events: false, ..Assumptions::default() };
    let mut world = small(Settings { assumptions, ..unhurried() });
    world.call(at(0), &person(), org::TagResource { resource_id: ONE.to_owned(), tags: tags() }).unwrap();
    assert_eq!(readings(&mut world, 0), [format!("TagResource: account {ONE}")]);
}

/// Where each event is logged, and its name.
fn places(world: &mut World, second: i64) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    world
        .take_events(at(second))
        .iter()
        .map(|event| {
            assert_eq!(event["account"], event["detail"]["recipientAccountId"]);
            assert_eq!(event["region"], "us-east-1");
            (text(&event["account"]), text(&event["detail"]["eventName"]))
        })
        .collect()
}

#[test]
fn what_a_member_does_is_logged_in_the_member_and_what_aws_tells_in_the_management_account() {
    let accept = |reaches: bool| {
        let assumptions =
            Assumptions { handshake_answers_reach_management: reaches, ..Assumptions::default() };
        let mut world = small(Settings { assumptions, ..unhurried() });
        let handshake_id = invite(&mut world, 0);
        world.call(at(1), &role_in(OUTSIDE), org::AcceptHandshake { handshake_id }).unwrap();
        world.call(at(2), &role_in(OUTSIDE), org::LeaveOrganization {}).unwrap();
        places(&mut world, 2)
    };
    let place = |account: &str, name: &str| (account.to_owned(), name.to_owned());
    let management = "111122223333";
    let mut expected = vec![
        place(management, "InviteAccountToOrganization"),
        place(OUTSIDE, "AcceptHandshake"),
        place(management, "AccountJoinedOrganization"),
        place(OUTSIDE, "LeaveOrganization"),
        place(management, "AccountDepartedOrganization"),
    ];
    assert_eq!(accept(false), expected);
    expected.insert(2, place(management, "AcceptHandshake"));
    assert_eq!(accept(true), expected);
}

#[test]
fn an_invitation_shows_nobody_s_address() {
    let mut world = small(unhurried());
    let target =
        org::HandshakeParty { id: "boss@elsewhere.example.com".to_owned(), r#type: "EMAIL".to_owned() };
    let input = org::InviteAccountToOrganization { target, notes: Some("welcome".to_owned()), tags: None };
    world.call(at(0), &person(), input).unwrap();
    let event = world.take_events(at(0)).remove(0);
    assert!(!event.to_string().contains('@'), "{event}");
    let detail = &event["detail"];
    assert_eq!(detail["requestParameters"]["target"], json!({ "id": "****", "type": "EMAIL" }));
    let handshake = &detail["responseElements"]["handshake"];
    assert_eq!((&handshake["action"], &handshake["state"]), (&json!("invite"), &json!("OPEN")));
    assert_eq!(
        (&handshake["requestedTimestamp"], &handshake["expirationTimestamp"]),
        (&json!("Nov 21, 2026, 12:00:00 PM"), &json!("Dec 6, 2026, 12:00:00 PM"))
    );
}

#[test]
fn a_renamed_account_is_an_event_of_account_management_without_the_name() {
    let mut world = small(unhurried());
    world.rename_account(at(0), &person(), Some(&account(ONE)), "secret plans").unwrap();
    world.rename_account(at(1), &role_in(ONE), Some(&account("333344445555")), "secret plans").unwrap_err();
    let events = world.take_events(at(1));
    assert_eq!(
        (&events[0]["source"], &events[0]["region"], &events[0]["detail"]["eventSource"]),
        (&json!("aws.account"), &json!("us-east-1"), &json!("account.amazonaws.com"))
    );
    assert_eq!(events[0]["detail"]["requestParameters"], json!({ "accountId": ONE, "accountName": HIDDEN }));
    assert_eq!(
        (&events[1]["account"], &events[1]["detail"]["errorCode"]),
        (&json!(ONE), &json!("AccessDenied"))
    );
}

/// All that can be done to groups and users, by whichever way it is done.
pub(crate) fn change_everything(world: &mut World) {
    let me = person();
    let create_group = store::CreateGroup {
        identity_store_id: STORE.to_owned(),
        display_name: Some("Secret project".to_owned()),
        ..Default::default()
    };
    let group = world.call(at(0), &me, create_group.clone()).unwrap().group_id.parse().unwrap();
    world.call(at(0), &me, create_group).unwrap_err();
    world.rename_group(at(1), &me, &group, "Secret plan").unwrap();
    let user = world.user_named("alba@example.com").unwrap();
    world.add_to_group(at(2), &me, &group, &user).unwrap();
    world.remove_from_group(at(3), &me, &group, &user).unwrap();
    world.remove_from_group(at(3), &me, &group, &user).unwrap_err();
    world.delete_group(at(4), &me, &group).unwrap();
    let delete_user =
        store::DeleteUser { identity_store_id: STORE.to_owned(), user_id: user.to_string(), revision: None };
    world.call(at(5), &me, delete_user).unwrap();
}

/// The events of all those changes: their source, names and parameters.
fn changed(way: impl FnOnce(&mut World)) -> (Vec<Value>, Vec<(String, Value)>) {
    let mut world = small(Settings::default());
    way(&mut world);
    assert!(world.groups_now().keys().all(|name| !name.starts_with("Secret")));
    assert_eq!(world.user_named("alba@example.com"), None);
    let events = world.take_events(at(5));
    for event in &events {
        assert!(!event.to_string().contains("Secret"), "{event}");
        events::read(&envelope(event)).unwrap();
    }
    let shown = events
        .iter()
        .map(|event| {
            let name = event["detail"]["eventName"].as_str().unwrap().to_owned();
            (name, event["detail"]["requestParameters"].clone())
        })
        .collect();
    (events, shown)
}

#[test]
fn the_console_changes_the_identity_store_by_events_of_its_own() {
    let (events, shown) = changed(|world| world.in_console(change_everything));
    for event in &events {
        assert_eq!(event["source"], "aws.sso-directory");
        assert_eq!(event["detail"]["eventSource"], "sso-directory.amazonaws.com");
        assert_eq!(event["detail"]["userIdentity"]["type"], "AssumedRole");
    }
    let group = events[0]["detail"]["responseElements"]["group"].clone();
    assert_eq!(group["displayName"], HIDDEN);
    let id = &group["groupId"];
    let user = small(Settings::default()).user_named("alba@example.com").unwrap();
    let named = |name: &str, parameters: Value| (name.to_owned(), parameters);
    let create = || named("CreateGroup", json!({ "identityStoreId": STORE, "displayName": HIDDEN }));
    let remove = || {
        named("RemoveMemberFromGroup", json!({ "identityStoreId": STORE, "groupId": id, "memberId": user }))
    };
    assert_eq!(
        shown,
        [
            create(),
            create(),
            named(
                "UpdateGroupDisplayName",
                json!({ "identityStoreId": STORE, "groupId": id, "displayName": HIDDEN })
            ),
            named(
                "AddMemberToGroup",
                json!({ "identityStoreId": STORE, "groupId": id, "member": { "memberId": user } })
            ),
            remove(),
            remove(),
            named("DeleteGroup", json!({ "identityStoreId": STORE, "groupId": id })),
            named("DeleteUser", json!({ "identityStoreId": STORE, "userId": user })),
        ]
    );
    let errors: Vec<_> = events.iter().map(|event| event["detail"]["errorCode"].as_str()).collect();
    assert_eq!((errors[1], errors[5]), (Some("ConflictException"), Some("ResourceNotFoundException")));
    assert_eq!(errors.iter().flatten().count(), 2);
}

#[test]
fn an_identity_provider_changes_the_identity_store_by_patches_that_hide_what_they_change() {
    let (events, shown) = changed(|world| world.by_identity_provider(change_everything));
    for event in &events {
        assert_eq!(event["detail"]["eventSource"], "identitystore-scim.amazonaws.com");
        let failed = event["detail"].get("errorCode").is_some();
        let kind = if failed { "Unknown" } else { "WebIdentityUser" };
        assert_eq!(event["detail"]["userIdentity"]["type"], kind);
    }
    let made = &events[0]["detail"]["responseElements"];
    assert_eq!(made["displayName"], HIDDEN);
    let tenant = &shown[0].1["tenantId"];
    let patch = |op: &str, path: &str| {
        let operations = json!([{ "op": op, "path": path, "value": HIDDEN }]);
        let body = json!({ "operations": operations, "schemas": [HIDDEN] });
        ("PatchGroup".to_owned(), json!({ "tenantId": tenant, "id": made["id"], "httpBody": body }))
    };
    let create =
        ("CreateGroup".to_owned(), json!({ "tenantId": tenant, "httpBody": { "displayName": HIDDEN } }));
    let user = small(Settings::default()).user_named("alba@example.com").unwrap();
    assert_eq!(
        shown,
        [
            create.clone(),
            create,
            patch("replace", "displayName"),
            patch("add", "members"),
            patch("remove", "members"),
            patch("remove", "members"),
            ("DeleteGroup".to_owned(), json!({ "tenantId": tenant, "id": made["id"] })),
            ("DeleteUser".to_owned(), json!({ "tenantId": tenant, "id": user })),
        ]
    );
}

#[test]
fn outside_of_the_console_the_api_has_its_own_events_again() {
    let mut world = small(Settings::default());
    let group = world.group_named("Support").unwrap();
    world.in_console(|world| world.rename_group(at(0), &person(), &group, "Helpers")).unwrap();
    world.rename_group(at(1), &person(), &group, "Support").unwrap();
    let sources: Vec<_> = world.take_events(at(1)).iter().map(|event| event["source"].clone()).collect();
    assert_eq!(sources, ["aws.sso-directory", "aws.identitystore"]);
}

#[test]
fn the_ids_that_events_name_are_accounts_of_the_organization() {
    let mut world = small(unhurried());
    let known: Vec<AccountId> = world.accounts_now().into_iter().map(|account| account.id).collect();
    for id in &known {
        world.call(at(0), &person(), org::TagResource { resource_id: id.to_string(), tags: tags() }).unwrap();
    }
    for event in world.take_events(at(0)) {
        let Reading::Hint { hint: Hint::Account(id), .. } = events::read(&envelope(&event)).unwrap() else {
            panic!("{event}");
        };
        assert!(known.contains(&id));
    }
}
