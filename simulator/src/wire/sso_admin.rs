//! SSO Admin's shapes (API version 2020-07-20).

use super::{Absent, Epoch, Tag, inputs, outputs};

inputs! {
    /// Input of `ListInstances`.
    ListInstances { max_results: Option<i64>, next_token: Option<String>, region_scope: Option<String> }
    /// Input of `DescribeInstance`.
    DescribeInstance { instance_arn: String }
    /// Input of `CreateInstance`.
    CreateInstance { name: Option<String>, client_token: Option<String>, tags: Option<Vec<Tag>> }
    /// Input of `UpdateInstance`.
    UpdateInstance {
        instance_arn: String, name: Option<String>, encryption_configuration: Option<EncryptionConfiguration>,
        permission_sets_enabled: Option<bool>, network_configuration: Option<NetworkConfiguration>,
    }
    /// How an instance's data is to be encrypted.
    EncryptionConfiguration { key_type: String, kms_key_arn: Option<String> }
    /// From where an instance can be reached; in the answer of `DescribeInstance` too.
    NetworkConfiguration {
        vpce_access_required: bool, restrict_source_vpcs: Option<Vec<String>>, allow_source_ips: Option<Vec<String>>,
        exclude_application_arns: Option<Vec<String>>,
    }
    /// Input of `DeleteInstance`.
    DeleteInstance { instance_arn: String }
    /// Input of `AddRegion`.
    AddRegion { instance_arn: String, region_name: String }
    /// Input of `DescribeRegion`.
    DescribeRegion { instance_arn: String, region_name: String }
    /// Input of `ListRegions`.
    ListRegions { instance_arn: String, max_results: Option<i64>, next_token: Option<String> }
    /// Input of `RemoveRegion`.
    RemoveRegion { instance_arn: String, region_name: String }
    /// Input of `CreateInstanceAccessControlAttributeConfiguration`.
    CreateInstanceAccessControlAttributeConfiguration {
        instance_arn: String, instance_access_control_attribute_configuration: Option<AttributeConfiguration>,
    }
    /// Input of `UpdateInstanceAccessControlAttributeConfiguration`.
    UpdateInstanceAccessControlAttributeConfiguration {
        instance_arn: String, instance_access_control_attribute_configuration: Option<AttributeConfiguration>,
    }
    /// Input of `DescribeInstanceAccessControlAttributeConfiguration`.
    DescribeInstanceAccessControlAttributeConfiguration { instance_arn: String }
    /// Input of `DeleteInstanceAccessControlAttributeConfiguration`.
    DeleteInstanceAccessControlAttributeConfiguration { instance_arn: String }
    /// The attributes of users that become tags of their sessions.
    AttributeConfiguration { access_control_attributes: Vec<AccessControlAttribute> }
    /// One such attribute.
    AccessControlAttribute { key: String, value: AttributeSource }
    /// Where an attribute's value comes from.
    AttributeSource { source: Vec<String> }
    /// Input of `CreatePermissionSet`.
    CreatePermissionSet {
        name: String, description: Option<String>, instance_arn: String, session_duration: Option<String>, relay_state: Option<String>,
        tags: Option<Vec<Tag>>,
    }
    /// Input of `DescribePermissionSet`.
    DescribePermissionSet { instance_arn: String, permission_set_arn: String }
    /// Input of `ListPermissionSets`.
    ListPermissionSets { instance_arn: String, next_token: Option<String>, max_results: Option<i64> }
    /// Input of `DeletePermissionSet`.
    DeletePermissionSet { instance_arn: String, permission_set_arn: String }
    /// Input of `UpdatePermissionSet`: absent members stay as they are.
    UpdatePermissionSet {
        instance_arn: String, permission_set_arn: String, description: Option<String>, session_duration: Option<String>,
        relay_state: Option<String>,
    }
    /// Input of `ProvisionPermissionSet`.
    ProvisionPermissionSet { instance_arn: String, permission_set_arn: String, target_id: Option<String>, target_type: String }
    /// Input of `DescribePermissionSetProvisioningStatus`.
    DescribePermissionSetProvisioningStatus { instance_arn: String, provision_permission_set_request_id: String }
    /// Input of `ListPermissionSetProvisioningStatus`.
    ListPermissionSetProvisioningStatus {
        instance_arn: String, max_results: Option<i64>, next_token: Option<String>, filter: Option<StatusFilter>,
    }
    /// Input of `TagResource`.
    TagResource { instance_arn: Option<String>, resource_arn: String, tags: Vec<Tag> }
    /// Input of `UntagResource`.
    UntagResource { instance_arn: Option<String>, resource_arn: String, tag_keys: Vec<String> }
    /// Input of `ListTagsForResource`.
    ListTagsForResource { instance_arn: Option<String>, resource_arn: String, next_token: Option<String> }
    /// Input of `CreateAccountAssignment`.
    CreateAccountAssignment {
        instance_arn: String, target_id: String, target_type: String, permission_set_arn: String, principal_type: String, principal_id: String,
    }
    /// Input of `DeleteAccountAssignment`.
    DeleteAccountAssignment {
        instance_arn: String, target_id: String, target_type: String, permission_set_arn: String, principal_type: String, principal_id: String,
    }
    /// Input of `DescribeAccountAssignmentCreationStatus`.
    DescribeAccountAssignmentCreationStatus { instance_arn: String, account_assignment_creation_request_id: String }
    /// Input of `DescribeAccountAssignmentDeletionStatus`.
    DescribeAccountAssignmentDeletionStatus { instance_arn: String, account_assignment_deletion_request_id: String }
    /// Input of `ListAccountAssignmentCreationStatus`.
    ListAccountAssignmentCreationStatus {
        instance_arn: String, max_results: Option<i64>, next_token: Option<String>, filter: Option<StatusFilter>,
    }
    /// Input of `ListAccountAssignmentDeletionStatus`.
    ListAccountAssignmentDeletionStatus {
        instance_arn: String, max_results: Option<i64>, next_token: Option<String>, filter: Option<StatusFilter>,
    }
    /// Asks for requests of one status only.
    StatusFilter { status: Option<String> }
    /// Input of `ListAccountAssignments`.
    ListAccountAssignments {
        instance_arn: String, account_id: String, permission_set_arn: String, max_results: Option<i64>, next_token: Option<String>,
    }
    /// Input of `ListAccountAssignmentsForPrincipal`.
    ListAccountAssignmentsForPrincipal {
        instance_arn: String, principal_id: String, principal_type: String, filter: Option<AccountFilter>, next_token: Option<String>,
        max_results: Option<i64>,
    }
    /// Asks for the assignments in one account only.
    AccountFilter { account_id: Option<String> }
    /// Input of `ListPermissionSetsProvisionedToAccount`.
    ListPermissionSetsProvisionedToAccount {
        instance_arn: String, account_id: String, provisioning_status: Option<String>, max_results: Option<i64>, next_token: Option<String>,
    }
    /// Input of `ListAccountsForProvisionedPermissionSet`.
    ListAccountsForProvisionedPermissionSet {
        instance_arn: String, permission_set_arn: String, provisioning_status: Option<String>, max_results: Option<i64>,
        next_token: Option<String>,
    }
    /// Input of `AttachManagedPolicyToPermissionSet`.
    AttachManagedPolicyToPermissionSet { instance_arn: String, permission_set_arn: String, managed_policy_arn: String }
    /// Input of `ListManagedPoliciesInPermissionSet`.
    ListManagedPoliciesInPermissionSet {
        instance_arn: String, permission_set_arn: String, max_results: Option<i64>, next_token: Option<String>,
    }
    /// Input of `DetachManagedPolicyFromPermissionSet`.
    DetachManagedPolicyFromPermissionSet { instance_arn: String, permission_set_arn: String, managed_policy_arn: String }
    /// A policy that every account with the permission set has to have, by its name and path.
    CustomerManagedPolicyReference { name: String, path: Option<String> }
    /// Input of `AttachCustomerManagedPolicyReferenceToPermissionSet`.
    AttachCustomerManagedPolicyReferenceToPermissionSet {
        instance_arn: String, permission_set_arn: String, customer_managed_policy_reference: CustomerManagedPolicyReference,
    }
    /// Input of `DetachCustomerManagedPolicyReferenceFromPermissionSet`.
    DetachCustomerManagedPolicyReferenceFromPermissionSet {
        instance_arn: String, permission_set_arn: String, customer_managed_policy_reference: CustomerManagedPolicyReference,
    }
    /// Input of `ListCustomerManagedPolicyReferencesInPermissionSet`.
    ListCustomerManagedPolicyReferencesInPermissionSet {
        instance_arn: String, permission_set_arn: String, max_results: Option<i64>, next_token: Option<String>,
    }
    /// Input of `PutInlinePolicyToPermissionSet`.
    PutInlinePolicyToPermissionSet { instance_arn: String, permission_set_arn: String, inline_policy: String }
    /// Input of `GetInlinePolicyForPermissionSet`.
    GetInlinePolicyForPermissionSet { instance_arn: String, permission_set_arn: String }
    /// Input of `DeleteInlinePolicyFromPermissionSet`.
    DeleteInlinePolicyFromPermissionSet { instance_arn: String, permission_set_arn: String }
    /// A union: exactly one member is set.
    PermissionsBoundary {
        customer_managed_policy_reference: Option<CustomerManagedPolicyReference>, managed_policy_arn: Option<String>,
    }
    /// Input of `PutPermissionsBoundaryToPermissionSet`.
    PutPermissionsBoundaryToPermissionSet { instance_arn: String, permission_set_arn: String, permissions_boundary: PermissionsBoundary }
    /// Input of `GetPermissionsBoundaryForPermissionSet`.
    GetPermissionsBoundaryForPermissionSet { instance_arn: String, permission_set_arn: String }
    /// Input of `DeletePermissionsBoundaryFromPermissionSet`.
    DeletePermissionsBoundaryFromPermissionSet { instance_arn: String, permission_set_arn: String }
}

outputs! {
    /// Output of the writes that answer nothing.
    Nothing {}
    /// Output of `ListInstances`.
    ListInstancesOutput { instances: Vec<InstanceMetadata>, next_token: Option<String> }
    /// An instance in the list.
    InstanceMetadata {
        instance_arn: String, identity_store_id: String, identity_store_arn: String, owner_account_id: String, name: Option<String>,
        created_date: Epoch, status: String, primary_region: String, regions: Vec<Region>,
    }
    /// Output of `DescribeInstance`.
    DescribeInstanceOutput {
        instance_arn: String, identity_store_id: String, identity_store_arn: String, owner_account_id: String, name: Option<String>,
        created_date: Epoch, status: String, primary_region: String, regions: Vec<Region>, permission_sets_enabled: bool,
        encryption_configuration_details: Encryption, network_configuration_details: Option<NetworkConfiguration>,
    }
    /// Output of `CreateInstance`.
    CreateInstanceOutput { instance_arn: String }
    /// Output of `DescribeRegion`, and an item of `ListRegions`.
    Region { region_name: String, status: String, added_date: Epoch, is_primary_region: bool }
    /// Output of `ListRegions`.
    RegionsOutput { regions: Vec<Region>, next_token: Option<String> }
    /// Output of `AddRegion` and `RemoveRegion`.
    RegionStatusOutput { status: String }
    /// Output of `DescribeInstanceAccessControlAttributeConfiguration`.
    AttributeConfigurationOutput { status: String, instance_access_control_attribute_configuration: AttributeConfiguration }
    /// How the instance's data is encrypted.
    Encryption { key_type: String, kms_key_arn: Option<String>, encryption_status: String }
    /// Output of the calls about one permission set.
    PermissionSetOutput { permission_set: PermissionSet }
    /// A permission set.
    PermissionSet {
        name: String, permission_set_arn: String, description: Option<String>, created_date: Epoch, session_duration: Option<String>,
        relay_state: Option<String>,
    }
    /// Output of the lists of permission sets.
    PermissionSetsOutput { permission_sets: Vec<String>, next_token: Option<String> }
    /// Output of `ListAccountsForProvisionedPermissionSet`.
    AccountIdsOutput { account_ids: Vec<String>, next_token: Option<String> }
    /// Output of `ListTagsForResource`.
    ListTagsForResourceOutput { tags: Vec<Tag>, next_token: Option<String> }
    /// Output of `CreateAccountAssignment` and of its status.
    CreationStatusOutput { account_assignment_creation_status: OperationStatus }
    /// Output of `DeleteAccountAssignment` and of its status.
    DeletionStatusOutput { account_assignment_deletion_status: OperationStatus }
    /// Where a request stands.
    OperationStatus {
        status: String, request_id: String, failure_reason: Option<String>, target_id: String, target_type: String, permission_set_arn: String,
        principal_type: String, principal_id: String, created_date: Epoch,
    }
    /// Output of `ListAccountAssignmentCreationStatus`.
    CreationStatusesOutput { account_assignments_creation_status: Vec<StatusMetadata>, next_token: Option<String> }
    /// Output of `ListAccountAssignmentDeletionStatus`.
    DeletionStatusesOutput { account_assignments_deletion_status: Vec<StatusMetadata>, next_token: Option<String> }
    /// A request in a list: no target and no reason.
    StatusMetadata { status: String, request_id: String, created_date: Epoch }
    /// Output of `ListAccountAssignments` and `ListAccountAssignmentsForPrincipal`.
    AssignmentsOutput { account_assignments: Vec<Assignment>, next_token: Option<String> }
    /// An assignment.
    Assignment { account_id: String, permission_set_arn: String, principal_type: String, principal_id: String }
    /// Output of `ListManagedPoliciesInPermissionSet`.
    ManagedPoliciesOutput { attached_managed_policies: Vec<AttachedPolicy>, next_token: Option<String> }
    /// A policy of AWS's.
    AttachedPolicy { name: String, arn: String }
    /// Output of `ListCustomerManagedPolicyReferencesInPermissionSet`.
    CustomerManagedPoliciesOutput { customer_managed_policy_references: Vec<CustomerManagedPolicyReference>, next_token: Option<String> }
    /// Output of `GetInlinePolicyForPermissionSet`.
    InlinePolicyOutput { inline_policy: String }
    /// Output of `GetPermissionsBoundaryForPermissionSet`.
    PermissionsBoundaryOutput { permissions_boundary: PermissionsBoundary }
    /// Output of `ProvisionPermissionSet` and of its status.
    ProvisioningStatusOutput { permission_set_provisioning_status: ProvisioningStatus }
    /// Where the provisioning of a permission set stands.
    ProvisioningStatus {
        status: String, request_id: String, account_id: Option<String>, permission_set_arn: String, failure_reason: Option<String>,
        created_date: Epoch,
    }
    /// Output of `ListPermissionSetProvisioningStatus`.
    ProvisioningStatusesOutput { permission_sets_provisioning_status: Vec<StatusMetadata>, next_token: Option<String> }
}

impl Absent for AttributeConfiguration {}
impl Absent for AttributeSource {}
impl Absent for CustomerManagedPolicyReference {}
impl Absent for PermissionsBoundary {}
impl Absent for ProvisioningStatus {}

impl Absent for Encryption {}
impl Absent for PermissionSet {}
impl Absent for OperationStatus {}
