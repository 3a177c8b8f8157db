//! What Usher's readers make of every event of Identity Center that the simulator sends.

use serde_json::{Value, json};
use shared::events::{self, DirectoryHint, PermissionSetHint, Reading};
use simulator::{Settings, World, wire::sso_admin as sso};

use crate::{
    hints::{change_everything, envelope},
    support::{INSTANCE, at, create_input, delete_input, key, person, small},
};

/// What each of the changes leads to, in a few words: a group is created, once more, renamed, joined, left, left once more and deleted,
/// and a user is deleted.
fn directory(way: impl FnOnce(&mut World)) -> Vec<&'static str> {
    let mut world = small(Settings::default());
    let user = world.user_named("alba@example.com").unwrap();
    way(&mut world);
    let mut groups = std::collections::BTreeSet::new();
    let mut read = |event: &Value| match events::read_directory(&envelope(event)).unwrap() {
        Reading::Hint { hint, event, .. } => {
            assert!(!event.is_empty());
            match hint {
                DirectoryHint::NewGroup(group) => {
                    groups.insert(group);
                    "new group"
                }
                DirectoryHint::Group(group) => {
                    groups.insert(group);
                    "group"
                }
                DirectoryHint::GroupMember { group, user: who, joined: _ } => {
                    assert_eq!(who.as_ref(), Some(&user));
                    groups.insert(group);
                    "group, and who"
                }
                DirectoryHint::Membership(_) => "membership",
                DirectoryHint::User(who) => {
                    assert_eq!(who, user);
                    "user"
                }
                DirectoryHint::Groups(_) | DirectoryHint::Users(_) | DirectoryHint::Directory => "many",
            }
        }
        Reading::Ignored(why) => {
            assert!(why.to_string().contains("failed with"), "{why}");
            "failed"
        }
    };
    let read = world.take_events(at(5)).iter().map(&mut read).collect();
    assert_eq!(groups.len(), 1);
    read
}

#[test]
fn usher_understands_every_change_of_the_identity_store_by_each_way() {
    assert_eq!(
        directory(change_everything),
        ["new group", "failed", "group", "group, and who", "membership", "failed", "group", "user"]
    );
    assert_eq!(
        directory(|world| world.in_console(change_everything)),
        ["new group", "failed", "group", "group, and who", "group, and who", "failed", "group", "user"]
    );
    assert_eq!(
        directory(|world| world.by_identity_provider(change_everything)),
        ["new group", "failed", "group", "group", "group", "failed", "group", "user"]
    );
}

#[test]
fn usher_understands_every_change_of_a_permission_set_and_who_made_it() {
    let mut world = small(Settings::default());
    let me = person();
    let create = sso::CreatePermissionSet {
        instance_arn: INSTANCE.to_owned(),
        name: "Operators".to_owned(),
        ..Default::default()
    };
    let set = world.call(at(0), &me, create).unwrap().permission_set.permission_set_arn;
    let tag = sso::TagResource {
        instance_arn: None,
        resource_arn: set.clone(),
        tags: vec![simulator::wire::Tag { key: "Team".to_owned(), value: "a".to_owned() }],
    };
    world.call(at(1), &me, tag).unwrap();
    let update = sso::UpdatePermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: set.clone(),
        session_duration: Some("PT4H".to_owned()),
        ..Default::default()
    };
    world.call(at(2), &me, update).unwrap();
    let policy = sso::PutInlinePolicyToPermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: set.clone(),
        inline_policy: json!({ "Version": "2012-10-17", "Statement": [] }).to_string(),
    };
    world.call(at(3), &me, policy).unwrap();
    let delete =
        sso::DeletePermissionSet { instance_arn: INSTANCE.to_owned(), permission_set_arn: set.clone() };
    world.call(at(4), &me, delete).unwrap();
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let begun = world.call(at(5), &me, create_input(&key)).unwrap().account_assignment_creation_status;
    world.advance(at(60));
    let provision = sso::ProvisionPermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: key.permission_set.to_string(),
        target_id: None,
        target_type: "ALL_PROVISIONED_ACCOUNTS".to_owned(),
    };
    world.call(at(61), &me, provision).unwrap();
    world.advance(at(120));
    let ended = world.call(at(121), &me, delete_input(&key)).unwrap().account_assignment_deletion_status;

    let hints: Vec<PermissionSetHint> = world
        .take_events(at(200))
        .iter()
        .map(|event| match events::read_permission_set(&envelope(event)).unwrap() {
            Reading::Hint { hint, caller_role, .. } => {
                assert_eq!(caller_role.as_deref(), Some("arn:aws:iam::111122223333:role/console-admin"));
                hint
            }
            Reading::Ignored(why) => panic!("{why}"),
        })
        .collect();
    let set: shared::domain::PermissionSetArn = set.parse().unwrap();
    let assignment = |request: &str| PermissionSetHint::Assignment {
        key: key.clone(),
        request: Some(request.parse().unwrap()),
    };
    assert_eq!(
        hints,
        [
            PermissionSetHint::Changed(set.clone()),
            PermissionSetHint::Changed(set.clone()),
            PermissionSetHint::Edited(set.clone()),
            PermissionSetHint::Edited(set.clone()),
            PermissionSetHint::Changed(set),
            assignment(&begun.request_id),
            PermissionSetHint::Provisioned(key.permission_set.clone()),
            assignment(&ended.request_id),
        ]
    );
}
