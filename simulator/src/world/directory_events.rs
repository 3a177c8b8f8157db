//! The ways to change the identity store that are not its API: the console and an identity provider's SCIM. Both end in the same
//! changes, and CloudTrail writes each down in a layout of its own.
//!
//! The members of the console's events are those of captures and of code that reads them; the SCIM ones those of the documentation's
//! samples, and by their pattern where there is none. That the envelope's source is `aws.identitystore-scim` is not
//! documented.

use serde_json::{Map, Value, json};
use shared::domain::{GroupId, UserId};

use super::{
    Call, World,
    events::{HIDDEN, for_people},
};
use crate::{ApiError, Caller};

/// How changes of the identity store are made just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// In the console of Identity Center.
    Console,
    /// By an identity provider, through SCIM.
    Scim,
}

impl World {
    /// Changes of the identity store inside are made in Identity Center's console: calls of its API become the console's events, and
    /// no rate is met.
    pub fn in_console<R>(&mut self, changes: impl FnOnce(&mut Self) -> R) -> R {
        self.by_way(Way::Console, changes)
    }

    /// Changes of the identity store inside are made by an identity provider through SCIM: calls of its API become SCIM's events, and
    /// no rate is met.
    pub fn by_identity_provider<R>(&mut self, changes: impl FnOnce(&mut Self) -> R) -> R {
        self.by_way(Way::Scim, changes)
    }

    fn by_way<R>(&mut self, way: Way, changes: impl FnOnce(&mut Self) -> R) -> R {
        let rate = self.settings.quotas.identity_store.take();
        self.way = Some(way);
        let result = changes(self);
        self.way = None;
        self.settings.quotas.identity_store = rate;
        result
    }

    /// A person, or an identity provider, adds a user to a group.
    pub fn add_to_group(
        &mut self,
        now: jiff::Timestamp,
        by: &Caller,
        group: &GroupId,
        user: &UserId,
    ) -> Result<(), ApiError> {
        let input = crate::wire::identity_store::CreateGroupMembership {
            identity_store_id: self.identity_store(),
            group_id: group.to_string(),
            member_id: crate::wire::identity_store::MemberId { user_id: user.to_string() },
        };
        self.call(now, by, input).map(drop)
    }

    /// A person, or an identity provider, takes a user out of a group.
    pub fn remove_from_group(
        &mut self,
        now: jiff::Timestamp,
        by: &Caller,
        group: &GroupId,
        user: &UserId,
    ) -> Result<(), ApiError> {
        let membership = self.directory.members.get(group).and_then(|members| members.get(user)).cloned();
        let input = crate::wire::identity_store::DeleteGroupMembership {
            identity_store_id: self.identity_store(),
            // One that doesn't exist is refused as such.
            membership_id: membership.unwrap_or_else(|| self.ids.named("no membership", "").to_string()),
        };
        self.leaving = Some((group.clone(), user.clone()));
        let result = self.call(now, by, input).map(drop);
        self.leaving = None;
        result
    }
}

/// What a way makes of one call: the event's name, its parameters and its answer.
struct Dressed {
    name: &'static str,
    parameters: Value,
    answer: Value,
}

fn text<'a>(call: &'a Call, member: &str) -> &'a str {
    call.input.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an update of a group or user changes this attribute.
fn updates(call: &Call, attribute: &str) -> bool {
    let operations = call.input.get("Operations").and_then(Value::as_array);
    operations.into_iter().flatten().any(|operation| {
        operation
            .get("AttributePath")
            .and_then(Value::as_str)
            .is_some_and(|path| path.eq_ignore_ascii_case(attribute))
    })
}

/// The group and the user whose membership is begun or ended.
fn membership(world: &World, call: &Call) -> (String, String) {
    if let Some((group, user)) = &world.leaving {
        return (group.to_string(), user.to_string());
    }
    let user = call.input.pointer("/MemberId/UserId").and_then(Value::as_str).unwrap_or_default();
    (text(call, "GroupId").to_owned(), user.to_owned())
}

/// Turns the record of an API call into that of the way by which it was made; gives the first label of the event's source.
pub(super) fn dress(
    world: &World,
    call: &Call,
    way: &Way,
    answer: Option<&Value>,
    detail: &mut Map<String, Value>,
) -> &'static str {
    let (endpoint, dressed) = match way {
        Way::Console => ("sso-directory", console(world, call, answer)),
        Way::Scim => {
            // A caller that could not do what it wanted is written down as unknown.
            let kind = if answer.is_some() { "WebIdentityUser" } else { "Unknown" };
            let account = &call.caller.account;
            let identity = json!({ "type": kind, "accountId": account, "accessKeyId": account_key(world) });
            detail.insert("userIdentity".to_owned(), identity);
            ("identitystore-scim", scim(world, call, answer))
        }
    };
    detail.insert("eventSource".to_owned(), json!(format!("{endpoint}.amazonaws.com")));
    if let Some(Dressed { name, parameters, answer: elements }) = dressed {
        detail.insert("eventName".to_owned(), json!(name));
        detail.insert("requestParameters".to_owned(), parameters);
        let elements = if answer.is_some() { elements } else { Value::Null };
        detail.insert("responseElements".to_owned(), elements);
    }
    endpoint
}

fn account_key(world: &World) -> String {
    super::ids::letters(world.ids.named("scim", "access token"), 20)
}

fn console(world: &World, call: &Call, answer: Option<&Value>) -> Option<Dressed> {
    let store = text(call, "IdentityStoreId");
    let (now, by) = (for_people(call.now), &call.caller.account);
    let meta = || json!({ "createdAt": now, "updatedAt": now, "createdBy": by, "updatedBy": by });
    let new = |member: &str| answer.and_then(|answer| answer.get(member)).cloned().unwrap_or_default();
    let (name, parameters, answer) = match call.operation {
        "CreateGroup" => (
            "CreateGroup",
            json!({ "identityStoreId": store, "displayName": HIDDEN }),
            json!({ "group": {
                "groupId": new("GroupId"), "displayName": HIDDEN, "groupAttributes": {}, "meta": meta(),
            } }),
        ),
        "UpdateGroup" if updates(call, "displayName") => (
            "UpdateGroupDisplayName",
            json!({ "identityStoreId": store, "groupId": text(call, "GroupId"), "displayName": HIDDEN }),
            Value::Null,
        ),
        "UpdateGroup" => (
            "UpdateGroup",
            json!({
                "identityStoreId": store, "groupId": text(call, "GroupId"),
                "groupAttributes": { "description": { "stringValue": HIDDEN } },
            }),
            Value::Null,
        ),
        "DeleteGroup" => (
            "DeleteGroup",
            json!({ "identityStoreId": store, "groupId": text(call, "GroupId") }),
            Value::Null,
        ),
        "CreateGroupMembership" => {
            let (group, user) = membership(world, call);
            let parameters =
                json!({ "identityStoreId": store, "groupId": group, "member": { "memberId": user } });
            ("AddMemberToGroup", parameters, Value::Null)
        }
        "DeleteGroupMembership" => {
            let (group, user) = membership(world, call);
            // Flat, unlike that of the event above.
            let parameters = json!({ "identityStoreId": store, "groupId": group, "memberId": user });
            ("RemoveMemberFromGroup", parameters, Value::Null)
        }
        "CreateUser" => (
            "CreateUser",
            json!({ "identityStoreId": store, "userName": HIDDEN, "userAttributes": HIDDEN }),
            json!({ "user": { "userId": new("UserId"), "userName": HIDDEN, "active": true, "meta": meta() } }),
        ),
        "UpdateUser" => (
            "UpdateUser",
            json!({ "identityStoreId": store, "userId": text(call, "UserId"), "userAttributes": HIDDEN }),
            Value::Null,
        ),
        "DeleteUser" => {
            ("DeleteUser", json!({ "identityStoreId": store, "userId": text(call, "UserId") }), Value::Null)
        }
        // The console has nothing else that changes the identity store.
        _ => return None,
    };
    Some(Dressed { name, parameters, answer })
}

fn scim(world: &World, call: &Call, answer: Option<&Value>) -> Option<Dressed> {
    let tenant = super::ids::hex(world.ids.named("scim", "tenant"), 32);
    let now = for_people(call.now);
    let made = |kind: &str, id: &str| {
        json!({
            "id": answer.and_then(|answer| answer.get(id)), "displayName": HIDDEN,
            "schemas": [format!("urn:ietf:params:scim:schemas:core:2.0:{kind}")],
            "meta": { "resourceType": kind, "created": now, "lastModified": now },
        })
    };
    let of = |id: &str| json!({ "tenantId": tenant, "id": id });
    let patch = |id: &str, op: &str, path: &str| {
        let operations = json!([{ "op": op, "path": path, "value": HIDDEN }]);
        json!({ "tenantId": tenant, "id": id, "httpBody": { "operations": operations, "schemas": [HIDDEN] } })
    };
    let (name, parameters, answer) = match call.operation {
        "CreateGroup" => (
            "CreateGroup",
            json!({ "tenantId": tenant, "httpBody": { "displayName": HIDDEN } }),
            made("Group", "GroupId"),
        ),
        "UpdateGroup" if updates(call, "displayName") => {
            ("PatchGroup", patch(text(call, "GroupId"), "replace", "displayName"), Value::Null)
        }
        "UpdateGroup" => ("PatchGroup", patch(text(call, "GroupId"), "replace", "externalId"), Value::Null),
        "DeleteGroup" => ("DeleteGroup", of(text(call, "GroupId")), Value::Null),
        "CreateGroupMembership" => {
            ("PatchGroup", patch(&membership(world, call).0, "add", "members"), Value::Null)
        }
        "DeleteGroupMembership" => {
            ("PatchGroup", patch(&membership(world, call).0, "remove", "members"), Value::Null)
        }
        "CreateUser" => {
            let name = json!({ "familyName": HIDDEN, "givenName": HIDDEN });
            let body = json!({
                "displayName": HIDDEN, "name": name, "active": true, "userName": HIDDEN,
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            });
            let mut elements = made("User", "UserId");
            if let Some(members) = elements.as_object_mut() {
                members.extend([
                    ("userName".to_owned(), json!(HIDDEN)),
                    ("name".to_owned(), name),
                    ("active".to_owned(), json!(true)),
                ]);
            }
            ("CreateUser", json!({ "tenantId": tenant, "httpBody": body }), elements)
        }
        "UpdateUser" => ("PatchUser", patch(text(call, "UserId"), "replace", HIDDEN), Value::Null),
        "DeleteUser" => ("DeleteUser", of(text(call, "UserId")), Value::Null),
        // SCIM has nothing else that changes the identity store.
        _ => return None,
    };
    Some(Dressed { name, parameters, answer })
}
