//! SSO Admin's shapes (API version 2020-07-20).

use super::{Absent, Epoch, Tag, inputs, outputs};

inputs! {
    /// Input of `ListInstances`.
    ListInstances { max_results: Option<i64>, next_token: Option<String> }
    /// Input of `DescribeInstance`.
    DescribeInstance { instance_arn: String }
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
}

outputs! {
    /// Output of the writes that answer nothing.
    Nothing {}
    /// Output of `ListInstances`.
    ListInstancesOutput { instances: Vec<InstanceMetadata>, next_token: Option<String> }
    /// An instance in the list.
    InstanceMetadata {
        instance_arn: String, identity_store_id: String, owner_account_id: String, name: Option<String>, created_date: Epoch, status: String,
    }
    /// Output of `DescribeInstance`.
    DescribeInstanceOutput {
        instance_arn: String, identity_store_id: String, owner_account_id: String, name: Option<String>, created_date: Epoch, status: String,
        permission_sets_enabled: bool, encryption_configuration_details: Encryption,
    }
    /// How the instance's data is encrypted.
    Encryption { key_type: String, encryption_status: String }
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
}

impl Absent for Encryption {}
impl Absent for PermissionSet {}
impl Absent for OperationStatus {}
