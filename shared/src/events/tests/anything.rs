//! Whatever JSON an event is made of: it is read or refused, no id is made up, and the work is bounded.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// JSON of any shape, with members and texts that readers look for among it.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[0-9]{11,13}",
        Just("ou-ab12-cdefgh34".to_owned()),
        Just("SUCCEEDED".to_owned()),
        Just("arn:aws:organizations::999988887777:account/o-exampleorg1/111122223333".to_owned()),
        "[0-9a-f]{8}-0000-4000-8000-00000000000[0-9]",
        Just("HIDDEN_DUE_TO_SECURITY_REASONS".to_owned()),
        Just("arn:aws:identitystore:::group/11111111-0000-4000-8000-000000000001".to_owned()),
        "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-123456789012345[0-9]",
        Just("GROUP".to_owned()),
        Just("AWS_ACCOUNT".to_owned()),
        "\\PC{0,20}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let member = prop_oneof![
        proptest::sample::select(vec![
            "accountId",
            "state",
            "status",
            "account",
            "handshake",
            "parties",
            "managementAccountId",
            "resourceId",
            "organizationalUnitId",
            "createAccountStatus",
            "createManagedAccountStatus",
            "ARN",
            "groupId",
            "group",
            "userId",
            "user",
            "memberId",
            "member",
            "membershipId",
            "id",
            "httpBody",
            "permissionSet",
            "permissionSetArn",
            "resourceArn",
            "targetId",
            "targetType",
            "principalType",
            "principalId",
            "requestId",
            "accountAssignmentCreationStatus",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,8}",
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(member.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn every_name() -> Vec<(String, String)> {
    let known = Family::ALL.into_iter().flat_map(Family::names);
    let sources: BTreeSet<&str> = known.clone().map(|(source, _)| source).collect();
    let new = ["SomethingNew", "PutGroup", "RenameUser"];
    let unknown = sources.into_iter().flat_map(|source| new.map(|name| (source, name)));
    known.chain(unknown).map(|(source, name)| (source.to_owned(), name.to_owned())).collect()
}

/// The ids of a hint, and whether there are few enough.
fn ids_of_accounts(hint: &Hint) -> Vec<String> {
    match hint {
        Hint::Account(id) => vec![id.to_string()],
        Hint::Accounts(ids) => few(ids),
        Hint::Ou(id) | Hint::RenamedOu(id) => vec![id.to_string()],
        Hint::Everything => vec![],
    }
}

fn ids_of_directory(hint: &DirectoryHint) -> Vec<String> {
    match hint {
        DirectoryHint::NewGroup(id) | DirectoryHint::Group(id) => vec![id.to_string()],
        DirectoryHint::Groups(ids) => few(ids),
        DirectoryHint::GroupMember { group, user, joined: _ } => {
            [group.to_string()].into_iter().chain(user.as_ref().map(ToString::to_string)).collect()
        }
        DirectoryHint::Membership(id) => vec![id.to_string()],
        DirectoryHint::User(id) => vec![id.to_string()],
        DirectoryHint::Users(ids) => few(ids),
        DirectoryHint::Directory => vec![],
    }
}

fn ids_of_permission_sets(hint: &PermissionSetHint) -> Vec<String> {
    match hint {
        PermissionSetHint::Changed(id)
        | PermissionSetHint::Edited(id)
        | PermissionSetHint::Named(id)
        | PermissionSetHint::Provisioned(id) => vec![id.to_string()],
        PermissionSetHint::Assignment { key, request } => {
            let ids =
                [key.account.to_string(), key.permission_set.to_string(), key.principal.id().to_owned()];
            ids.into_iter().chain(request.as_ref().map(ToString::to_string)).collect()
        }
        PermissionSetHint::PermissionSets => vec![],
    }
}

fn few<T: ToString>(ids: &BTreeSet<T>) -> Vec<String> {
    assert!((2..=20).contains(&ids.len()));
    ids.iter().map(ToString::to_string).collect()
}

proptest! {
    #[test]
    fn whatever_an_event_holds_is_read_or_refused(
        (source, name) in proptest::sample::select(every_name()),
        parts in proptest::collection::btree_map(
            proptest::sample::select(vec![
                "serviceEventDetails", "requestParameters", "responseElements", "additionalEventData", "resources",
                "userIdentity", "recipientAccountId", "eventType", "eventID", "service", "errorCode", "readOnly",
                "requestID",
            ]),
            any_json(),
            0..8,
        ),
        resources in proptest::collection::vec("\\PC{0,40}", 0..3),
    ) {
        let mut detail: serde_json::Map<String, Value> =
            parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
        detail.insert("eventName".to_owned(), json!(name));
        let text = Value::Object(detail.clone()).to_string() + &resources.concat();
        let envelope = Envelope { id: None, time: None, source, detail_type: name, resources, detail: detail.into() };
        let ids = [
            hint_of(read(&envelope)).as_ref().map(ids_of_accounts),
            hint_of(read_directory(&envelope)).as_ref().map(ids_of_directory),
            hint_of(read_permission_set(&envelope)).as_ref().map(ids_of_permission_sets),
        ];
        prop_assert!(ids.iter().flatten().count() <= 1, "it leads to something of one family only: {ids:?}");
        // No id is made up.
        for id in ids.into_iter().flatten().flatten() {
            prop_assert!(text.contains(&id), "{id}");
        }
    }
}

fn hint_of<H>(reading: Result<Reading<H>, EventError>) -> Option<H> {
    match reading {
        Ok(Reading::Hint { hint, .. }) => Some(hint),
        Ok(Reading::Ignored(_)) | Err(_) => None,
    }
}

#[test]
fn very_wide_and_very_deep_events_of_identity_center_cost_bounded_work() {
    let mut deep = json!({ "groupId": "11111111-0000-4000-8000-000000000001" });
    for _ in 0..100 {
        deep = json!({ "inner": [deep] });
    }
    let mut wide: Vec<Value> = (0..200_000).map(Value::from).collect();
    wide.push(json!({ "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef" }));
    for parameters in [deep, json!(wide)] {
        for (source, name) in Family::ALL.into_iter().flat_map(Family::names) {
            let detail = json!({ "eventName": name, "requestParameters": parameters });
            let event = Envelope {
                id: None,
                time: None,
                source: source.to_owned(),
                detail_type: name.to_owned(),
                resources: Vec::new(),
                detail,
            };
            assert!(!matches!(read_directory(&event), Ok(Reading::Hint { .. })), "{name}");
            let set = hint_of(read_permission_set(&event));
            assert!(matches!(set, None | Some(PermissionSetHint::PermissionSets)), "{name}: {set:?}");
        }
    }
}
