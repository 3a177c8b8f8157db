//! What IAM is asked before a call is done: the actions and resources of each operation, and AWS's words where it is not allowed.
//!
//! The table is that of the service authorization reference. A call of SSO Admin needs its action on every resource that it names: the
//! instance, the account and the permission set, each with its own tags. Where the reference leaves something open, the comment says so.

use serde_json::Value;
use shared::domain::{AccountId, GroupId, PermissionSetArn, Tags, UserId};

use uuid::Uuid;

use super::{Call, Fault, Service, World, events, groups, paging::Cut, table, users, validate};
use crate::{
    ApiError, Caller, CallerKind, Role, dispatch,
    iam::{Context, Decision, Policy, Request, decide},
    wire::identity_store::AlternateIdentifier,
};

/// What IAM is asked before a call is done: whether any of these actions is allowed on this resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The action. Where several stand for the same, as the older ones of `sso-directory` may, any of them does.
    pub actions: Vec<String>,
    /// The resource's ARN; `*` for an action that is on no resource.
    pub resource: String,
}

/// A question with what conditions know of its resource.
struct Need {
    actions: Vec<String>,
    resource: String,
    /// The resource's tags.
    tags: Tags,
}

impl World {
    /// What IAM is asked about a call on the wire before it is done, each of which has to be allowed; `None` if `X-Amz-Target` names no
    /// operation. What the management account's own IAM is asked in the caller's name is not among it.
    pub fn questions(&self, caller: &Caller, target: &str, input: &Value) -> Option<Vec<Question>> {
        let service = dispatch::service(target)?;
        let (_, operation) = target.split_once('.')?;
        let facts = table::named(operation).find(|facts| facts.service == service && operation != "*")?;
        let call = Call {
            now: self.now,
            caller: caller.clone(),
            service,
            operation: facts.name,
            request_id: Uuid::nil(),
            input: input.clone(),
            page_size: self.settings.page_size,
            cut: Cut::Whole,
            region: None,
            fault: None,
        };
        let needs = needs(self, &call).into_iter();
        Some(needs.map(|Need { actions, resource, tags: _ }| Question { actions, resource }).collect())
    }
}

/// The action that an operation is allowed by.
pub(super) fn action(service: Service, operation: &str) -> String {
    let prefix = match service {
        Service::Organizations => "organizations",
        Service::IdentityStore => "identitystore",
        Service::SsoAdmin => "sso",
        Service::Tagging => "tag",
    };
    format!("{prefix}:{operation}")
}

/// Refuses a call that the caller's policies don't allow. Callers without policies may do whatever their account may.
pub(super) fn authorize(world: &World, call: &mut Call) -> Result<(), ApiError> {
    let Some((role, policies)) =
        world.roles.of(&call.caller).and_then(|role| Some((role, role.policies.as_ref()?)))
    else {
        return Ok(());
    };
    for need in needs(world, call) {
        allowed(world, call, role, policies, &need)?;
    }
    if let Err(denied) = may_change_the_management_account(world, call, role, policies) {
        if !world.settings.assumptions.missing_iam_rights_fail_later {
            return Err(denied);
        }
        if call.fault.is_none() {
            call.fault = Some(Fault::FailLater(format!(
                "Received a 403 status error: Access denied by IAM. {}",
                denied.message
            )));
        }
    }
    Ok(())
}

fn allowed(
    world: &World,
    call: &Call,
    role: &Role,
    policies: &[Policy],
    need: &Need,
) -> Result<(), ApiError> {
    let context = context(world, call, role, &need.tags);
    let mut refusal = None;
    for action in &need.actions {
        let request = Request { action, resource: &need.resource, context: &context };
        let why = match decide(policies, &request) {
            Decision::Allowed => return Ok(()),
            Decision::ExplicitlyDenied(_) => "with an explicit deny in an identity-based policy".to_owned(),
            Decision::ImplicitlyDenied => {
                format!("because no identity-based policy allows the {action} action")
            }
        };
        refusal.get_or_insert_with(|| {
            ApiError::denied(format!(
                "User: {} is not authorized to perform: {action} on resource: {} {why}",
                events::caller_arn(&call.caller),
                need.resource
            ))
        });
    }
    refusal.map_or(Ok(()), Err)
}

/// What conditions can know of who calls.
pub(super) fn of_principal(world: &World, caller: &Caller, tags: Option<&Tags>) -> Context {
    let account = caller.account.to_string();
    let arn = format!("arn:aws:iam::{account}:role/{}", caller.name);
    let mut context = Context::default()
        .with("aws:PrincipalAccount", [account])
        .with("aws:PrincipalArn", [arn])
        .with("aws:PrincipalType", ["AssumedRole"])
        // The simulator is called by plain HTTP in one machine only, which stands for TLS.
        .with("aws:SecureTransport", ["true"])
        // Every call comes from its caller directly.
        .with("aws:ViaAWSService", ["false"])
        .with("aws:PrincipalIsAWSService", ["false"]);
    if world.organization.account(&caller.account).is_some() {
        context = context.with("aws:PrincipalOrgID", [world.organization.id.clone()]);
    }
    for (key, value) in tags.into_iter().flat_map(|tags| &tags.0) {
        context = context.with(&format!("aws:PrincipalTag/{key}"), [value.clone()]);
    }
    context
}

fn context(world: &World, call: &Call, role: &Role, resource_tags: &Tags) -> Context {
    let mut context = of_principal(world, &call.caller, Some(&role.tags))
        .with("sso:PrimaryRegion", [world.settings.region.clone()])
        .with("identitystore:PrimaryRegion", [world.settings.region.clone()]);
    if let Some(region) = &call.region {
        context = context.with("aws:RequestedRegion", [region.clone()]);
    }
    for (key, value) in &resource_tags.0 {
        context = context.with(&format!("aws:ResourceTag/{key}"), [value.clone()]);
    }
    let mut keys = Vec::new();
    for (key, value) in request_tags(call) {
        context = context.with(&format!("aws:RequestTag/{key}"), [value]);
        keys.push(key.to_owned());
    }
    let untagged = call.input.get("TagKeys").and_then(Value::as_array).into_iter().flatten();
    keys.extend(untagged.filter_map(Value::as_str).map(str::to_owned));
    context = context.with("aws:TagKeys", keys);
    match text(call, "ServicePrincipal") {
        Some(service) => context.with("organizations:ServicePrincipal", [service]),
        None => context,
    }
}

fn request_tags(call: &Call) -> impl Iterator<Item = (&str, &str)> {
    let tags = call.input.get("Tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| Some((tag.get("Key")?.as_str()?, tag.get("Value")?.as_str()?)))
}

/// A member of the input, if it is a text with anything in it. What is missing is refused by the call's own validation.
fn text<'c>(call: &'c Call, member: &str) -> Option<&'c str> {
    call.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn needs(world: &World, call: &Call) -> Vec<Need> {
    let own = action(call.service, call.operation);
    let on = |(resource, tags): (String, Tags)| Need { actions: vec![own.clone()], resource, tags };
    let everything = || ("*".to_owned(), Tags::default());
    let or_everything = |mut resources: Vec<(String, Tags)>| {
        if resources.is_empty() {
            resources.push(everything());
        }
        resources
    };
    match call.service {
        Service::SsoAdmin => or_everything(sso_admin(world, call)).into_iter().map(on).collect(),
        Service::Organizations => {
            let mut needs: Vec<Need> =
                or_everything(organizations(world, call)).into_iter().map(on).collect();
            // What is made with tags needs the right to tag as well.
            if call.operation != "TagResource" && request_tags(call).next().is_some() {
                let (resource, tags) = everything();
                needs.push(Need { actions: vec!["organizations:TagResource".to_owned()], resource, tags });
            }
            needs
        }
        Service::IdentityStore => {
            let stores = identity_store(world, call).into_iter().map(|arn| (arn, Tags::default())).collect();
            let mut needs: Vec<Need> = or_everything(stores).into_iter().map(on).collect();
            let older = sso_directory(call.operation);
            if world.settings.assumptions.identity_store_needs_sso_directory && !older.is_empty() {
                // The older actions know no resources. Where several stand for one operation, any is taken to do.
                let actions = older.iter().map(|name| format!("sso-directory:{name}")).collect();
                let (resource, tags) = everything();
                needs.push(Need { actions, resource, tags });
            }
            needs
        }
        Service::Tagging => vec![on(everything())],
    }
}

fn sso_admin(world: &World, call: &Call) -> Vec<(String, Tags)> {
    let account = |id: &str| (format!("arn:aws:sso:::account/{id}"), Tags::default());
    let mut resources = Vec::new();
    if let Some(id) = text(call, "TargetId").or(text(call, "AccountId")) {
        resources.push(account(id));
    } else if call.operation == "ProvisionPermissionSet" {
        let reached = reached_accounts(world, call);
        if reached.is_empty() || !world.settings.assumptions.provisioning_asks_for_each_account {
            resources.push(account("*"));
        } else {
            resources.extend(reached.into_iter().map(|id| account(id.as_str())));
        }
    }
    for member in ["InstanceArn", "PermissionSetArn", "ResourceArn"] {
        if let Some(arn) = text(call, member) {
            resources.push((arn.to_owned(), sso_tags(world, arn)));
        }
    }
    match (call.operation, text(call, "InstanceArn")) {
        // The set has no ARN yet, and no tags.
        ("CreatePermissionSet", Some(instance)) => {
            let own = instance.rsplit('/').next().unwrap_or_default();
            resources.push((format!("arn:aws:sso:::permissionSet/{own}/*"), Tags::default()));
        }
        ("CreateInstance", _) => resources.push(("arn:aws:sso:::instance/*".to_owned(), Tags::default())),
        _named_in_full => {}
    }
    resources
}

/// The accounts that `ProvisionPermissionSet` reaches when it names none: all that have the permission set.
fn reached_accounts<'w>(world: &'w World, call: &Call) -> Vec<&'w AccountId> {
    let set = text(call, "PermissionSetArn").and_then(|arn| arn.parse::<PermissionSetArn>().ok());
    set.map(|set| world.assignments.accounts_with(&set).collect()).unwrap_or_default()
}

fn sso_tags(world: &World, arn: &str) -> Tags {
    if let Some(instance) = world.instances.iter().find(|instance| instance.arn.as_str() == arn) {
        return instance.tags.clone();
    }
    let set = arn.parse::<PermissionSetArn>().ok().and_then(|arn| world.permission_sets.get(&arn));
    set.map(|set| set.tags.clone()).unwrap_or_default()
}

fn organizations(world: &World, call: &Call) -> Vec<(String, Tags)> {
    const MEMBERS: [&str; 8] = [
        "AccountId",
        "ChildId",
        "ParentId",
        "SourceParentId",
        "DestinationParentId",
        "ResourceId",
        "OrganizationalUnitId",
        "RootId",
    ];
    let resource = |id: &str| {
        let kind = world.organization.kind_of(id);
        let known = kind != "account" || id.parse::<AccountId>().is_ok();
        known.then(|| (world.organization.arn(kind, id), world.organization.tags_of(id)))
    };
    if let Some(handshake) = text(call, "HandshakeId") {
        return vec![(world.organization.arn("handshake", &format!("invite/{handshake}")), Tags::default())];
    }
    if call.operation == "InviteAccountToOrganization" {
        // Of an invitation by e-mail, the account isn't known: it is asked for any.
        let of_account = call.input.pointer("/Target/Type").and_then(Value::as_str) == Some("ACCOUNT");
        let invited = call.input.pointer("/Target/Id").and_then(Value::as_str).filter(|_| of_account);
        return invited.and_then(resource).into_iter().collect();
    }
    MEMBERS.iter().filter_map(|member| text(call, member)).filter_map(resource).collect()
}

fn identity_store(world: &World, call: &Call) -> Vec<String> {
    let mut arns = Vec::new();
    if let Some(store) = text(call, "IdentityStoreId").map(validate::identity_store_text) {
        let owner = world.instances.iter().find(|instance| instance.identity_store.as_str() == store);
        let owner =
            owner.map_or_else(|| call.caller.account.to_string(), |instance| instance.owner.to_string());
        arns.push(format!("arn:aws:identitystore::{owner}:identitystore/{store}"));
    }
    let mut named = |kind: &str, id: Option<&str>| {
        // An id may be given as an ARN, which is the same resource.
        let id = id.map_or("*", |id| validate::directory_text(kind, id));
        arns.push(format!("arn:aws:identitystore:::{kind}/{id}"));
    };
    let group = text(call, "GroupId");
    let member = call.input.get("MemberId").and_then(|member| member.get("UserId")).and_then(Value::as_str);
    let membership = text(call, "MembershipId");
    let known =
        membership.and_then(|id| world.directory.memberships.get(validate::directory_text("membership", id)));
    match call.operation {
        "DescribeGroup" | "UpdateGroup" | "DeleteGroup" => named("group", group),
        "DescribeUser" | "UpdateUser" | "DeleteUser" => named("user", text(call, "UserId")),
        "GetGroupId" => named("group", named_group(world, call).map(GroupId::as_str)),
        "GetUserId" => named("user", named_user(world, call).map(UserId::as_str)),
        "ListGroups" => named("group", None),
        "ListUsers" => named("user", None),
        "CreateGroupMembership" => {
            named("group", group);
            named("user", member);
        }
        "DescribeGroupMembership" | "DeleteGroupMembership" => {
            named("membership", membership);
            named("group", known.map(|membership| membership.group.as_str()));
            named("user", known.map(|membership| membership.user.as_str()));
        }
        "GetGroupMembershipId" => {
            named("membership", membership_between(world, group, member));
            named("group", group);
            named("user", member);
        }
        "ListGroupMemberships" => {
            named("membership", None);
            named("group", group);
        }
        "ListGroupMembershipsForMember" => {
            named("membership", None);
            named("user", member);
        }
        "IsMemberInGroups" => {
            named("membership", None);
            named("user", member);
            let groups = call.input.get("GroupIds").and_then(Value::as_array).into_iter().flatten();
            groups.filter_map(Value::as_str).for_each(|group| named("group", Some(group)));
        }
        // What is made has no id yet: the store is all that is asked for.
        _on_the_store => {}
    }
    arns
}

fn identifier(call: &Call) -> Option<AlternateIdentifier> {
    serde_json::from_value(call.input.get("AlternateIdentifier")?.clone()).ok()
}

/// The group that the call will find; none where it will be refused or find nothing.
fn named_group<'w>(world: &'w World, call: &Call) -> Option<&'w GroupId> {
    groups::found(world, call, &identifier(call)?).ok().flatten()
}

/// The user likewise.
fn named_user<'w>(world: &'w World, call: &Call) -> Option<&'w UserId> {
    users::found(world, call, &identifier(call)?).ok().flatten()
}

fn membership_between<'w>(world: &'w World, group: Option<&str>, user: Option<&str>) -> Option<&'w str> {
    let group: GroupId = validate::directory_text("group", group?).parse().ok()?;
    let user: UserId = validate::directory_text("user", user?).parse().ok()?;
    world.directory.members.get(&group)?.get(&user).map(String::as_str)
}

/// The older actions beside an operation of the identity store. For identity stores themselves, none is known.
fn sso_directory(operation: &str) -> &'static [&'static str] {
    match operation {
        "CreateGroup" => &["CreateGroup"],
        "CreateGroupMembership" => &["AddMemberToGroup"],
        "CreateUser" => &["CreateUser"],
        "DeleteGroup" => &["DeleteGroup"],
        "DeleteGroupMembership" => &["RemoveMemberFromGroup"],
        "DeleteUser" => &["DeleteUser"],
        "DescribeGroup" => &["DescribeGroup", "DescribeGroups"],
        "DescribeUser" => &["DescribeUser", "DescribeUsers"],
        "DescribeGroupMembership" | "GetGroupMembershipId" | "ListGroupMembershipsForMember" => {
            &["ListGroupsForMember", "ListGroupsForUser"]
        }
        "GetGroupId" => &["GetGroupId"],
        "GetUserId" => &["GetUserId"],
        "IsMemberInGroups" => &["IsMemberInGroups", "IsMemberInGroup"],
        "ListGroupMemberships" => &["ListMembersInGroup"],
        "ListGroups" => &["ListGroups", "SearchGroups"],
        "ListUsers" => &["ListUsers", "SearchUsers"],
        "UpdateGroup" => &["UpdateGroup", "UpdateGroupDisplayName"],
        "UpdateUser" => &["UpdateUser", "UpdateUserName"],
        _unlisted => &[],
    }
}

/// Identity Center makes roles in the management account in the caller's own name, so the caller needs rights in IAM there. Which ones
/// exactly is undocumented: these are those that people's failures have named.
fn may_change_the_management_account(
    world: &World,
    call: &Call,
    role: &Role,
    policies: &[Policy],
) -> Result<(), ApiError> {
    let management = &world.organization.management;
    let reached = match (call.operation, text(call, "TargetId")) {
        ("CreateAccountAssignment" | "ProvisionPermissionSet", Some(id)) => id == management.as_str(),
        ("ProvisionPermissionSet", None) => reached_accounts(world, call).contains(&management),
        _changes_no_role => false,
    };
    let concerned =
        reached && call.service == Service::SsoAdmin && call.caller.kind == CallerKind::Management;
    if !concerned {
        return Ok(());
    }
    let set = text(call, "PermissionSetArn").and_then(|arn| arn.parse::<PermissionSetArn>().ok());
    let name = set.and_then(|arn| world.permission_set_name(&arn).map(str::to_owned)).unwrap_or_default();
    let suffix = "0123456789abcdef";
    let roles = format!(
        "arn:aws:iam::{management}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{name}_{suffix}"
    );
    let provider = format!("arn:aws:iam::{management}:saml-provider/AWSSSO_{suffix}_DO_NOT_DELETE");
    let asked = ["GetSAMLProvider", "CreateSAMLProvider"].map(|name| (name, &provider));
    let asked = asked.into_iter().chain(
        ["CreateRole", "AttachRolePolicy", "PutRolePolicy", "ListRolePolicies"].map(|name| (name, &roles)),
    );
    for (name, resource) in asked {
        let need =
            Need { actions: vec![format!("iam:{name}")], resource: resource.clone(), tags: Tags::default() };
        allowed(world, call, role, policies, &need)?;
    }
    Ok(())
}
