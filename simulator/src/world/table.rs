//! The table of all operations: who may call each, whether it writes, which account it is about, and what does it.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Allowed, Call, Facts, Operation, Service, World, access_control_attributes, accounts, assignments,
    closures, creations, delegation, departures, groups, handshakes, identity_stores, instances, memberships,
    organization, permission_sets, policies, provisionings, regions, requests, required,
    tagging as tag_groups, tags, units, users,
};
use crate::{
    ApiError, Caller,
    wire::{identity_store as store, organizations as org, sso_admin as sso, tagging},
};

/// A member that can name an account.
trait Names {
    fn account(&self) -> Option<&str>;
}

impl Names for String {
    fn account(&self) -> Option<&str> {
        Some(self)
    }
}

impl Names for Option<String> {
    fn account(&self) -> Option<&str> {
        self.as_deref()
    }
}

impl Names for Option<sso::AccountFilter> {
    fn account(&self) -> Option<&str> {
        self.as_ref().and_then(|filter| filter.account_id.as_deref())
    }
}

impl Names for org::HandshakeParty {
    fn account(&self) -> Option<&str> {
        (self.r#type == "ACCOUNT").then_some(&self.id)
    }
}

/// Makes an [`Operation`] of every row, and a function that finds the row by the operation's name.
macro_rules! operations {
    (
        $service:ident, $wire:ident, $dispatch:ident, $facts:ident;
        $($input:ident -> $output:ident, $writes:literal, $allowed:ident $(, account $account:ident)? => $function:path;)*
    ) => {
        $(impl Operation for $wire::$input {
            type Output = $wire::$output;
            const SERVICE: Service = Service::$service;
            const NAME: &'static str = stringify!($input);
            const WRITES: bool = $writes;
            const ALLOWED: Allowed = Allowed::$allowed;

            $(const ACCOUNT: Option<&'static str> = Some(stringify!($account));

            fn account(&self) -> Option<&str> {
                self.$account.account()
            })?

            fn run(self, world: &mut World, call: &Call) -> Result<Self::Output, ApiError> {
                $function(world, call, &self)
            }
        })*

        /// What is known of the operations.
        const $facts: &[Facts] = &[$(Facts::of::<$wire::$input>()),*];

        /// Reads the input of the operation with this name and makes the call; `None` if there is none of this name.
        pub(crate) fn $dispatch(
            world: &mut World,
            now: Timestamp,
            caller: &Caller,
            operation: &str,
            body: &[u8],
        ) -> Option<Result<Value, ApiError>> {
            Some(match operation {
                $(stringify!($input) => by_wire::<$wire::$input>(world, now, caller, body),)*
                _ => return None,
            })
        }
    };
}

/// All operations of this name; `*` is all that there are.
pub(crate) fn named(operation: &str) -> impl Iterator<Item = &'static Facts> {
    let all = [ORGANIZATIONS, IDENTITY_STORE, SSO_ADMIN, TAGGING];
    all.into_iter().flatten().filter(move |facts| operation == "*" || facts.name == operation)
}

fn by_wire<O: Operation>(
    world: &mut World,
    now: Timestamp,
    caller: &Caller,
    body: &[u8],
) -> Result<Value, ApiError> {
    let (given, input) = read::<O>(body).map_err(|error| {
        let error = ApiError::new("SerializationException", error.to_string());
        world.count_malformed(O::SERVICE, O::NAME, &error);
        error
    })?;
    let missing = required::missing(&given, &serde_json::to_value(&input).unwrap_or_default());
    let output = world.make(now, caller, input, &missing)?;
    serde_json::to_value(output).map_err(|_| ApiError::internal("InternalFailure"))
}

/// A body as it is, and as the operation's input.
fn read<O: Operation>(body: &[u8]) -> Result<(Value, O), serde_json::Error> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    // By way of an object, since a structure would read from a list too.
    let members: serde_json::Map<String, Value> = serde_json::from_slice(body)?;
    let given = Value::Object(required::without_nulls(members));
    let input = serde_json::from_value(given.clone())?;
    Ok((given, input))
}

operations! {
    Organizations, org, organizations, ORGANIZATIONS;
    DescribeOrganization -> DescribeOrganizationOutput, false, Anyone => organization::describe;
    ListRoots -> ListRootsOutput, false, Administrators => organization::list_roots;
    ListAccounts -> AccountsOutput, false, Administrators => accounts::list;
    DescribeAccount -> DescribeAccountOutput, false, Administrators, account account_id => accounts::describe;
    ListAccountsForParent -> AccountsOutput, false, Administrators => accounts::list_for_parent;
    ListParents -> ListParentsOutput, false, Administrators, account child_id => organization::list_parents;
    ListChildren -> ListChildrenOutput, false, Administrators => organization::list_children;
    ListOrganizationalUnitsForParent -> OrganizationalUnitsOutput, false, Administrators => units::list_for_parent;
    DescribeOrganizationalUnit -> OrganizationalUnitOutput, false, Administrators => units::describe;
    CreateOrganizationalUnit -> OrganizationalUnitOutput, true, Management => units::create;
    UpdateOrganizationalUnit -> OrganizationalUnitOutput, true, Management => units::update;
    DeleteOrganizationalUnit -> Nothing, true, Management => units::delete;
    CreateAccount -> CreateAccountOutput, true, Management => creations::create;
    CreateGovCloudAccount -> CreateAccountOutput, true, Management => creations::create_in_gov_cloud;
    DescribeCreateAccountStatus -> CreateAccountOutput, false, Administrators => creations::describe;
    ListCreateAccountStatus -> ListCreateAccountStatusOutput, false, Administrators => creations::list;
    MoveAccount -> Nothing, true, Management, account account_id => accounts::move_account;
    CloseAccount -> Nothing, true, Management, account account_id => closures::close;
    RemoveAccountFromOrganization -> Nothing, true, Management, account account_id => departures::remove;
    LeaveOrganization -> Nothing, true, Anyone => departures::leave;
    InviteAccountToOrganization -> HandshakeOutput, true, Management, account target => handshakes::invite;
    AcceptHandshake -> HandshakeOutput, true, Anyone => handshakes::accept;
    DeclineHandshake -> HandshakeOutput, true, Anyone => handshakes::decline;
    CancelHandshake -> HandshakeOutput, true, Management => handshakes::cancel;
    DescribeHandshake -> HandshakeOutput, false, Anyone => handshakes::describe;
    ListHandshakesForOrganization -> HandshakesOutput, false, Administrators => handshakes::list_for_organization;
    ListHandshakesForAccount -> HandshakesOutput, false, Anyone => handshakes::list_for_account;
    RegisterDelegatedAdministrator -> Nothing, true, Management, account account_id => delegation::register;
    DeregisterDelegatedAdministrator -> Nothing, true, Management, account account_id => delegation::deregister;
    ListDelegatedAdministrators -> DelegatedAdministratorsOutput, false, Administrators => delegation::list_administrators;
    ListDelegatedServicesForAccount -> DelegatedServicesOutput, false, Administrators, account account_id => delegation::list_services;
    EnableAWSServiceAccess -> Nothing, true, Management => delegation::enable;
    DisableAWSServiceAccess -> Nothing, true, Management => delegation::disable;
    ListAWSServiceAccessForOrganization -> EnabledServicePrincipalsOutput, false, Administrators => delegation::list_service_access;
    TagResource -> Nothing, true, Management, account resource_id => tags::tag_in_organization;
    UntagResource -> Nothing, true, Management, account resource_id => tags::untag_in_organization;
    ListTagsForResource -> ListTagsForResourceOutput, false, Administrators, account resource_id => tags::list_in_organization;
}

operations! {
    IdentityStore, store, identity_store, IDENTITY_STORE;
    CreateGroup -> GroupWritten, true, Administrators => groups::create;
    DeleteGroup -> Nothing, true, Administrators => groups::delete;
    UpdateGroup -> GroupWritten, true, Administrators => groups::update;
    DescribeGroup -> Group, false, Administrators => groups::describe;
    GetGroupId -> GroupIdOutput, false, Administrators => groups::get_id;
    ListGroups -> ListGroupsOutput, false, Administrators => groups::list;
    CreateUser -> UserWritten, true, Administrators => users::create;
    UpdateUser -> UserWritten, true, Administrators => users::update;
    DeleteUser -> Nothing, true, Administrators => users::delete;
    DescribeUser -> User, false, Administrators => users::describe;
    GetUserId -> UserIdOutput, false, Administrators => users::get_id;
    ListUsers -> ListUsersOutput, false, Administrators => users::list;
    CreateGroupMembership -> MembershipIdOutput, true, Administrators => memberships::create;
    DeleteGroupMembership -> Nothing, true, Administrators => memberships::delete;
    DescribeGroupMembership -> GroupMembership, false, Administrators => memberships::describe;
    GetGroupMembershipId -> MembershipIdOutput, false, Administrators => memberships::get_id;
    ListGroupMemberships -> MembershipsOutput, false, Administrators => memberships::list;
    ListGroupMembershipsForMember -> MembershipsOutput, false, Administrators => memberships::list_for_member;
    IsMemberInGroups -> IsMemberInGroupsOutput, false, Administrators => memberships::is_member;
    DescribeIdentityStore -> IdentityStoreDetails, false, Anyone => identity_stores::describe;
    ListIdentityStores -> ListIdentityStoresOutput, false, Anyone => identity_stores::list;
    UpdateIdentityStore -> IdentityStore, true, Anyone => identity_stores::update;
}

operations! {
    SsoAdmin, sso, sso_admin, SSO_ADMIN;
    ListInstances -> ListInstancesOutput, false, Anyone => instances::list;
    DescribeInstance -> DescribeInstanceOutput, false, Anyone => instances::describe;
    CreateInstance -> CreateInstanceOutput, true, Anyone => instances::create;
    UpdateInstance -> Nothing, true, Anyone => instances::update;
    DeleteInstance -> Nothing, true, Anyone => instances::delete;
    AddRegion -> RegionStatusOutput, true, Management => regions::add;
    DescribeRegion -> Region, false, Administrators => regions::describe;
    ListRegions -> RegionsOutput, false, Administrators => regions::list;
    RemoveRegion -> RegionStatusOutput, true, Management => regions::remove;
    CreateInstanceAccessControlAttributeConfiguration -> Nothing, true, Administrators => access_control_attributes::create;
    UpdateInstanceAccessControlAttributeConfiguration -> Nothing, true, Administrators => access_control_attributes::update;
    DescribeInstanceAccessControlAttributeConfiguration -> AttributeConfigurationOutput, false, Administrators => access_control_attributes::describe;
    DeleteInstanceAccessControlAttributeConfiguration -> Nothing, true, Administrators => access_control_attributes::delete;
    CreatePermissionSet -> PermissionSetOutput, true, Administrators => permission_sets::create;
    DescribePermissionSet -> PermissionSetOutput, false, Administrators => permission_sets::describe;
    ListPermissionSets -> PermissionSetsOutput, false, Administrators => permission_sets::list;
    DeletePermissionSet -> Nothing, true, Administrators => permission_sets::delete;
    UpdatePermissionSet -> Nothing, true, Administrators => permission_sets::update;
    ProvisionPermissionSet -> ProvisioningStatusOutput, true, Administrators, account target_id => provisionings::provision;
    DescribePermissionSetProvisioningStatus -> ProvisioningStatusOutput, false, Administrators => provisionings::describe;
    ListPermissionSetProvisioningStatus -> ProvisioningStatusesOutput, false, Administrators => provisionings::list;
    TagResource -> Nothing, true, Administrators => tags::tag;
    UntagResource -> Nothing, true, Administrators => tags::untag;
    ListTagsForResource -> ListTagsForResourceOutput, false, Administrators => tags::list;
    CreateAccountAssignment -> CreationStatusOutput, true, Administrators, account target_id => requests::create;
    DeleteAccountAssignment -> DeletionStatusOutput, true, Administrators, account target_id => requests::delete;
    DescribeAccountAssignmentCreationStatus -> CreationStatusOutput, false, Administrators => requests::describe_creation;
    DescribeAccountAssignmentDeletionStatus -> DeletionStatusOutput, false, Administrators => requests::describe_deletion;
    ListAccountAssignmentCreationStatus -> CreationStatusesOutput, false, Administrators => requests::list_creations;
    ListAccountAssignmentDeletionStatus -> DeletionStatusesOutput, false, Administrators => requests::list_deletions;
    ListAccountAssignments -> AssignmentsOutput, false, Administrators, account account_id => assignments::list;
    ListAccountAssignmentsForPrincipal -> AssignmentsOutput, false, Administrators, account filter => assignments::list_for_principal;
    ListPermissionSetsProvisionedToAccount -> PermissionSetsOutput, false, Administrators, account account_id => assignments::provisioned_to;
    ListAccountsForProvisionedPermissionSet -> AccountIdsOutput, false, Administrators => assignments::accounts_with;
    AttachManagedPolicyToPermissionSet -> Nothing, true, Administrators => policies::attach_managed;
    DetachManagedPolicyFromPermissionSet -> Nothing, true, Administrators => policies::detach_managed;
    ListManagedPoliciesInPermissionSet -> ManagedPoliciesOutput, false, Administrators => policies::list_managed;
    AttachCustomerManagedPolicyReferenceToPermissionSet -> Nothing, true, Administrators => policies::attach_customer_managed;
    DetachCustomerManagedPolicyReferenceFromPermissionSet -> Nothing, true, Administrators => policies::detach_customer_managed;
    ListCustomerManagedPolicyReferencesInPermissionSet -> CustomerManagedPoliciesOutput, false, Administrators => policies::list_customer_managed;
    PutInlinePolicyToPermissionSet -> Nothing, true, Administrators => policies::put_inline;
    GetInlinePolicyForPermissionSet -> InlinePolicyOutput, false, Administrators => policies::get_inline;
    DeleteInlinePolicyFromPermissionSet -> Nothing, true, Administrators => policies::delete_inline;
    PutPermissionsBoundaryToPermissionSet -> Nothing, true, Administrators => policies::put_boundary;
    GetPermissionsBoundaryForPermissionSet -> PermissionsBoundaryOutput, false, Administrators => policies::get_boundary;
    DeletePermissionsBoundaryFromPermissionSet -> Nothing, true, Administrators => policies::delete_boundary;
}

operations! {
    Tagging, tagging, tagging_api, TAGGING;
    GetResources -> GetResourcesOutput, false, Anyone => tag_groups::get_resources;
}
