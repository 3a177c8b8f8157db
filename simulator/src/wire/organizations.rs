//! Organizations' shapes (API version 2016-11-28).

use super::{Absent, Epoch, Tag, inputs, outputs};

inputs! {
    /// Input of `DescribeOrganization`: empty.
    DescribeOrganization {}
    /// Input of `ListRoots`.
    ListRoots { next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListAccounts`.
    ListAccounts { next_token: Option<String>, max_results: Option<i64> }
    /// Input of `DescribeAccount`.
    DescribeAccount { account_id: String }
    /// Input of `ListAccountsForParent`.
    ListAccountsForParent { parent_id: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListParents`.
    ListParents { child_id: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListChildren`.
    ListChildren { parent_id: String, child_type: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListOrganizationalUnitsForParent`.
    ListOrganizationalUnitsForParent { parent_id: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `DescribeOrganizationalUnit`.
    DescribeOrganizationalUnit { organizational_unit_id: String }
    /// Input of `CreateOrganizationalUnit`.
    CreateOrganizationalUnit { parent_id: String, name: String, tags: Option<Vec<Tag>> }
    /// Input of `UpdateOrganizationalUnit`.
    UpdateOrganizationalUnit { organizational_unit_id: String, name: Option<String> }
    /// Input of `CreateAccount`.
    CreateAccount {
        email: String, account_name: String, role_name: Option<String>, iam_user_access_to_billing: Option<String>, tags: Option<Vec<Tag>>,
    }
    /// Input of `DescribeCreateAccountStatus`.
    DescribeCreateAccountStatus { create_account_request_id: String }
    /// Input of `CreateGovCloudAccount`.
    CreateGovCloudAccount {
        email: String, account_name: String, role_name: Option<String>, iam_user_access_to_billing: Option<String>, tags: Option<Vec<Tag>>,
    }
    /// Input of `ListCreateAccountStatus`.
    ListCreateAccountStatus { states: Option<Vec<String>>, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `MoveAccount`.
    MoveAccount { account_id: String, source_parent_id: String, destination_parent_id: String }
    /// Input of `CloseAccount`.
    CloseAccount { account_id: String }
    /// Input of `RemoveAccountFromOrganization`.
    RemoveAccountFromOrganization { account_id: String }
    /// Input of `LeaveOrganization`: empty.
    LeaveOrganization {}
    /// Input of `InviteAccountToOrganization`.
    InviteAccountToOrganization { target: HandshakeParty, notes: Option<String>, tags: Option<Vec<Tag>> }
    /// Who has a part in a handshake: an account, an organization or an e-mail address.
    HandshakeParty { id: String, r#type: String }
    /// Input of `AcceptHandshake`.
    AcceptHandshake { handshake_id: String }
    /// Input of `DeclineHandshake`.
    DeclineHandshake { handshake_id: String }
    /// Input of `CancelHandshake`.
    CancelHandshake { handshake_id: String }
    /// Input of `DescribeHandshake`.
    DescribeHandshake { handshake_id: String }
    /// Input of `ListHandshakesForOrganization`.
    ListHandshakesForOrganization { filter: Option<HandshakeFilter>, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListHandshakesForAccount`.
    ListHandshakesForAccount { filter: Option<HandshakeFilter>, next_token: Option<String>, max_results: Option<i64> }
    /// Which handshakes to list: one of the two members.
    HandshakeFilter { action_type: Option<String>, parent_handshake_id: Option<String> }
    /// Input of `DeleteOrganizationalUnit`.
    DeleteOrganizationalUnit { organizational_unit_id: String }
    /// Input of `RegisterDelegatedAdministrator`.
    RegisterDelegatedAdministrator { account_id: String, service_principal: String }
    /// Input of `DeregisterDelegatedAdministrator`.
    DeregisterDelegatedAdministrator { account_id: String, service_principal: String }
    /// Input of `ListDelegatedAdministrators`.
    ListDelegatedAdministrators { service_principal: Option<String>, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `ListDelegatedServicesForAccount`.
    ListDelegatedServicesForAccount { account_id: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `EnableAWSServiceAccess`.
    EnableAWSServiceAccess { service_principal: String }
    /// Input of `DisableAWSServiceAccess`.
    DisableAWSServiceAccess { service_principal: String }
    /// Input of `ListAWSServiceAccessForOrganization`.
    ListAWSServiceAccessForOrganization { next_token: Option<String>, max_results: Option<i64> }
    /// Input of `TagResource`.
    TagResource { resource_id: String, tags: Vec<Tag> }
    /// Input of `UntagResource`.
    UntagResource { resource_id: String, tag_keys: Vec<String> }
    /// Input of `ListTagsForResource`.
    ListTagsForResource { resource_id: String, next_token: Option<String> }
}

outputs! {
    /// Output of the writes that answer nothing.
    Nothing {}
    /// Output of `DescribeOrganization`.
    DescribeOrganizationOutput { organization: Organization }
    /// An organization.
    Organization {
        id: String, arn: String, feature_set: String, master_account_arn: String, master_account_id: String,
        master_account_email: String, available_policy_types: Vec<PolicyType>,
    }
    /// A kind of policy that a root or an organization knows.
    PolicyType { r#type: String, status: String }
    /// Output of `ListRoots`.
    ListRootsOutput { roots: Vec<Root>, next_token: Option<String> }
    /// The root.
    Root { id: String, arn: String, name: String, policy_types: Vec<PolicyType> }
    /// Output of `ListAccounts` and `ListAccountsForParent`.
    AccountsOutput { accounts: Vec<Account>, next_token: Option<String> }
    /// Output of `DescribeAccount`.
    DescribeAccountOutput { account: Account }
    /// An account.
    Account {
        id: String, arn: String, email: String, name: String, status: Option<String>, state: String, paths: Vec<String>,
        joined_method: String, joined_timestamp: Epoch,
    }
    /// Output of `ListParents`.
    ListParentsOutput { parents: Vec<Relative>, next_token: Option<String> }
    /// Output of `ListChildren`.
    ListChildrenOutput { children: Vec<Relative>, next_token: Option<String> }
    /// A parent or a child.
    Relative { id: String, r#type: String }
    /// Output of `ListOrganizationalUnitsForParent`.
    OrganizationalUnitsOutput { organizational_units: Vec<OrganizationalUnit>, next_token: Option<String> }
    /// Output of the calls about one OU.
    OrganizationalUnitOutput { organizational_unit: OrganizationalUnit }
    /// An OU.
    OrganizationalUnit { id: String, arn: String, name: String, path: String }
    /// Output of `CreateAccount` and `DescribeCreateAccountStatus`.
    CreateAccountOutput { create_account_status: CreateAccountStatus }
    /// Where the making of an account stands.
    CreateAccountStatus {
        id: String, account_name: String, state: String, requested_timestamp: Epoch, completed_timestamp: Option<Epoch>,
        account_id: Option<String>, failure_reason: Option<String>,
    }
    /// Output of `ListCreateAccountStatus`.
    ListCreateAccountStatusOutput { create_account_statuses: Vec<CreateAccountStatus>, next_token: Option<String> }
    /// Output of the calls about one handshake.
    HandshakeOutput { handshake: Handshake }
    /// Output of the two lists of handshakes.
    HandshakesOutput { handshakes: Vec<Handshake>, next_token: Option<String> }
    /// An invitation, and what became of it.
    Handshake {
        id: String, arn: String, parties: Vec<HandshakeParty>, state: String, requested_timestamp: Epoch, expiration_timestamp: Epoch,
        action: String, resources: Vec<HandshakeResource>,
    }
    /// What a handshake is about; resources can have resources of their own.
    HandshakeResource { value: String, r#type: String, resources: Option<Vec<HandshakeResource>> }
    /// Output of `ListDelegatedAdministrators`.
    DelegatedAdministratorsOutput { delegated_administrators: Vec<DelegatedAdministrator>, next_token: Option<String> }
    /// A delegated administrator: an account, and since when.
    DelegatedAdministrator {
        id: String, arn: String, email: String, name: String, status: Option<String>, state: String, joined_method: String,
        joined_timestamp: Epoch, delegation_enabled_date: Epoch,
    }
    /// Output of `ListDelegatedServicesForAccount`.
    DelegatedServicesOutput { delegated_services: Vec<DelegatedService>, next_token: Option<String> }
    /// A service that is delegated to an account, and since when.
    DelegatedService { service_principal: String, delegation_enabled_date: Epoch }
    /// Output of `ListAWSServiceAccessForOrganization`.
    EnabledServicePrincipalsOutput { enabled_service_principals: Vec<EnabledServicePrincipal>, next_token: Option<String> }
    /// A service that may act in the organization, and since when.
    EnabledServicePrincipal { service_principal: String, date_enabled: Epoch }
    /// Output of `ListTagsForResource`.
    ListTagsForResourceOutput { tags: Vec<Tag>, next_token: Option<String> }
}

impl Absent for Organization {}
impl Absent for Account {}
impl Absent for OrganizationalUnit {}
impl Absent for CreateAccountStatus {}
impl Absent for Handshake {}
impl Absent for HandshakeParty {}
