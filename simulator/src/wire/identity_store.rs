//! Identity Store's shapes (API version 2020-06-15).

use super::{Absent, Epoch, inputs, outputs};

inputs! {
    /// Input of `CreateGroup`.
    CreateGroup { identity_store_id: String, display_name: Option<String>, description: Option<String> }
    /// Input of `DeleteGroup`.
    DeleteGroup { identity_store_id: String, group_id: String }
    /// Input of `UpdateGroup`.
    UpdateGroup { identity_store_id: String, group_id: String, operations: Vec<AttributeOperation> }
    /// One change of an attribute: absent value means removal.
    AttributeOperation { attribute_path: String, attribute_value: Option<serde_json::Value> }
    /// Input of `DescribeGroup`.
    DescribeGroup { identity_store_id: String, group_id: String }
    /// Input of `GetGroupId`.
    GetGroupId { identity_store_id: String, alternate_identifier: AlternateIdentifier }
    /// A union: exactly one member is set.
    AlternateIdentifier { external_id: Option<ExternalId>, unique_attribute: Option<UniqueAttribute> }
    /// An id that an external identity provider gave.
    ExternalId { issuer: String, id: String }
    /// An attribute that no two may share.
    UniqueAttribute { attribute_path: String, attribute_value: serde_json::Value }
    /// Input of `ListGroups`. `Filters` is deprecated and still works.
    ListGroups { identity_store_id: String, max_results: Option<i64>, next_token: Option<String>, filters: Option<Vec<Filter>> }
    /// A deprecated filter.
    Filter { attribute_path: String, attribute_value: String }
    /// Input of `CreateUser`, as far as it is built; further attributes are read and forgotten.
    CreateUser {
        identity_store_id: String, user_name: Option<String>, name: Option<Name>, display_name: Option<String>, emails: Option<Vec<Email>>,
    }
    /// A person's name.
    Name { formatted: Option<String>, family_name: Option<String>, given_name: Option<String> }
    /// An e-mail address.
    Email { value: Option<String>, r#type: Option<String>, primary: Option<bool> }
    /// Input of `DeleteUser`.
    DeleteUser { identity_store_id: String, user_id: String }
    /// Input of `DescribeUser`.
    DescribeUser { identity_store_id: String, user_id: String }
    /// Input of `GetUserId`.
    GetUserId { identity_store_id: String, alternate_identifier: AlternateIdentifier }
    /// Input of `ListUsers`. `Filters` is deprecated and still works.
    ListUsers { identity_store_id: String, max_results: Option<i64>, next_token: Option<String>, filters: Option<Vec<Filter>> }
    /// A union with one possible member.
    MemberId { user_id: String }
    /// Input of `CreateGroupMembership`.
    CreateGroupMembership { identity_store_id: String, group_id: String, member_id: MemberId }
    /// Input of `DeleteGroupMembership`.
    DeleteGroupMembership { identity_store_id: String, membership_id: String }
    /// Input of `ListGroupMemberships`.
    ListGroupMemberships { identity_store_id: String, group_id: String, max_results: Option<i64>, next_token: Option<String> }
    /// Input of `ListGroupMembershipsForMember`.
    ListGroupMembershipsForMember { identity_store_id: String, member_id: MemberId, max_results: Option<i64>, next_token: Option<String> }
    /// Input of `IsMemberInGroups`.
    IsMemberInGroups { identity_store_id: String, member_id: MemberId, group_ids: Vec<String> }
}

impl Absent for AlternateIdentifier {}
impl Absent for MemberId {}
impl Absent for serde_json::Value {}

outputs! {
    /// Output of the writes that answer nothing.
    Nothing {}
    /// Output of `CreateGroup` and `GetGroupId`.
    GroupIdOutput { group_id: String, identity_store_id: String }
    /// Output of `DescribeGroup`, and an item of `ListGroups`.
    Group {
        group_id: String, display_name: Option<String>, description: Option<String>, created_at: Epoch, updated_at: Epoch, created_by: String,
        updated_by: String, identity_store_id: String,
    }
    /// Output of `ListGroups`.
    ListGroupsOutput { groups: Vec<Group>, next_token: Option<String> }
    /// Output of `CreateUser` and `GetUserId`.
    UserIdOutput { identity_store_id: String, user_id: String }
    /// Output of `DescribeUser`, and an item of `ListUsers`.
    User {
        identity_store_id: String, user_id: String, user_name: Option<String>, name: Option<Name>, display_name: Option<String>,
        emails: Option<Vec<Email>>, user_status: String, created_at: Epoch, updated_at: Epoch, created_by: String, updated_by: String,
    }
    /// Output of `ListUsers`.
    ListUsersOutput { users: Vec<User>, next_token: Option<String> }
    /// Output of `CreateGroupMembership`.
    CreateGroupMembershipOutput { membership_id: String, identity_store_id: String }
    /// A membership.
    GroupMembership {
        identity_store_id: String, membership_id: String, group_id: String, member_id: MemberId, created_at: Epoch, updated_at: Epoch,
        created_by: String, updated_by: String,
    }
    /// Output of the two lists of memberships.
    MembershipsOutput { group_memberships: Vec<GroupMembership>, next_token: Option<String> }
    /// Whether the member is in one group.
    MembershipExistence { group_id: String, member_id: MemberId, membership_exists: bool }
    /// Output of `IsMemberInGroups`.
    IsMemberInGroupsOutput { results: Vec<MembershipExistence> }
}
