//! Identity Store's shapes (API version 2020-06-15).

use std::collections::BTreeMap;

use super::{Absent, Epoch, inputs, outputs};

/// Attributes beyond the fixed ones, by the name of their extension.
pub type Extensions = BTreeMap<String, serde_json::Value>;

inputs! {
    /// Input of `CreateGroup`.
    CreateGroup { identity_store_id: String, display_name: Option<String>, description: Option<String> }
    /// Input of `DeleteGroup`.
    DeleteGroup { identity_store_id: String, group_id: String, revision: Option<String> }
    /// Input of `UpdateGroup`.
    UpdateGroup { identity_store_id: String, group_id: String, operations: Vec<AttributeOperation>, revision: Option<String> }
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
    /// Input of `CreateUser`.
    CreateUser {
        identity_store_id: String, user_name: Option<String>, name: Option<Name>, display_name: Option<String>, nick_name: Option<String>,
        profile_url: Option<String>, emails: Option<Vec<Email>>, addresses: Option<Vec<Address>>, phone_numbers: Option<Vec<PhoneNumber>>,
        user_type: Option<String>, title: Option<String>, preferred_language: Option<String>, locale: Option<String>,
        timezone: Option<String>, photos: Option<Vec<Photo>>, website: Option<String>, birthdate: Option<String>, roles: Option<Vec<Role>>,
        extensions: Option<Extensions>,
    }
    /// All that a user is, but for the ids: the members that `CreateUser` gives and `UpdateUser` changes.
    UserAttributes {
        user_name: Option<String>, name: Option<Name>, display_name: Option<String>, nick_name: Option<String>, profile_url: Option<String>,
        emails: Option<Vec<Email>>, addresses: Option<Vec<Address>>, phone_numbers: Option<Vec<PhoneNumber>>, user_type: Option<String>,
        title: Option<String>, preferred_language: Option<String>, locale: Option<String>, timezone: Option<String>,
        photos: Option<Vec<Photo>>, website: Option<String>, birthdate: Option<String>, roles: Option<Vec<Role>>,
        extensions: Option<Extensions>,
    }
    /// A person's name.
    Name {
        formatted: Option<String>, family_name: Option<String>, given_name: Option<String>, middle_name: Option<String>,
        honorific_prefix: Option<String>, honorific_suffix: Option<String>,
    }
    /// A postal address.
    Address {
        street_address: Option<String>, locality: Option<String>, region: Option<String>, postal_code: Option<String>,
        country: Option<String>, formatted: Option<String>, r#type: Option<String>, primary: Option<bool>,
    }
    /// A phone number.
    PhoneNumber { value: Option<String>, r#type: Option<String>, primary: Option<bool> }
    /// A photo, or where it is.
    Photo { value: String, r#type: Option<String>, display: Option<String>, primary: Option<bool> }
    /// A role in a company.
    Role { value: Option<String>, r#type: Option<String>, primary: Option<bool> }
    /// An e-mail address.
    Email { value: Option<String>, r#type: Option<String>, primary: Option<bool> }
    /// Input of `DeleteUser`.
    DeleteUser { identity_store_id: String, user_id: String, revision: Option<String> }
    /// Input of `UpdateUser`.
    UpdateUser { identity_store_id: String, user_id: String, operations: Vec<AttributeOperation>, revision: Option<String> }
    /// Input of `DescribeUser`.
    DescribeUser { identity_store_id: String, user_id: String, extensions: Option<Vec<String>> }
    /// Input of `GetUserId`.
    GetUserId { identity_store_id: String, alternate_identifier: AlternateIdentifier }
    /// Input of `ListUsers`. `Filters` is deprecated and still works.
    ListUsers {
        identity_store_id: String, extensions: Option<Vec<String>>, max_results: Option<i64>, next_token: Option<String>,
        filters: Option<Vec<Filter>>,
    }
    /// A union with one possible member.
    MemberId { user_id: String }
    /// Input of `CreateGroupMembership`.
    CreateGroupMembership { identity_store_id: String, group_id: String, member_id: MemberId }
    /// Input of `DeleteGroupMembership`.
    DeleteGroupMembership { identity_store_id: String, membership_id: String }
    /// Input of `DescribeGroupMembership`.
    DescribeGroupMembership { identity_store_id: String, membership_id: String }
    /// Input of `GetGroupMembershipId`.
    GetGroupMembershipId { identity_store_id: String, group_id: String, member_id: MemberId }
    /// Input of `ListGroupMemberships`.
    ListGroupMemberships { identity_store_id: String, group_id: String, max_results: Option<i64>, next_token: Option<String> }
    /// Input of `ListGroupMembershipsForMember`.
    ListGroupMembershipsForMember { identity_store_id: String, member_id: MemberId, max_results: Option<i64>, next_token: Option<String> }
    /// Input of `IsMemberInGroups`.
    IsMemberInGroups { identity_store_id: String, member_id: MemberId, group_ids: Vec<String> }
    /// Input of `DescribeIdentityStore`.
    DescribeIdentityStore { identity_store_id: String }
    /// Input of `ListIdentityStores`.
    ListIdentityStores { max_results: Option<i64>, next_token: Option<String> }
    /// Input of `UpdateIdentityStore`.
    UpdateIdentityStore { identity_store_id: String, network_configuration: Option<NetworkConfiguration> }
    /// From where an identity store can be reached; in the answer of `DescribeIdentityStore` too.
    NetworkConfiguration {
        vpce_access_required: bool, api_restrict_source_vpcs: Option<Vec<String>>, api_allow_source_ips: Option<Vec<String>>,
        scim_allow_source_ips: Option<Vec<String>>,
    }
}

impl Absent for AlternateIdentifier {}
impl Absent for MemberId {}
impl Absent for serde_json::Value {}

outputs! {
    /// Output of the writes that answer nothing.
    Nothing {}
    /// Output of `CreateGroup` and `UpdateGroup`.
    GroupWritten { identity_store_id: String, group_id: String, group_arn: String, revision: String }
    /// Output of `GetGroupId`.
    GroupIdOutput { identity_store_id: String, group_id: String, group_arn: String }
    /// Output of `DescribeGroup`, and an item of `ListGroups`.
    Group {
        identity_store_id: String, group_id: String, group_arn: String, revision: String, display_name: Option<String>,
        external_ids: Option<Vec<ExternalId>>, description: Option<String>, created_at: Epoch, updated_at: Epoch, created_by: String,
        updated_by: String,
    }
    /// Output of `ListGroups`.
    ListGroupsOutput { groups: Vec<Group>, next_token: Option<String> }
    /// Output of `CreateUser` and `UpdateUser`.
    UserWritten { identity_store_id: String, user_id: String, user_arn: String, revision: String }
    /// Output of `GetUserId`.
    UserIdOutput { identity_store_id: String, user_id: String, user_arn: String }
    /// Output of `DescribeUser`, and an item of `ListUsers`.
    User {
        identity_store_id: String, user_id: String, user_arn: String, revision: String, user_name: Option<String>,
        external_ids: Option<Vec<ExternalId>>, name: Option<Name>, display_name: Option<String>, nick_name: Option<String>,
        profile_url: Option<String>, emails: Option<Vec<Email>>, addresses: Option<Vec<Address>>, phone_numbers: Option<Vec<PhoneNumber>>,
        user_type: Option<String>, title: Option<String>, preferred_language: Option<String>, locale: Option<String>,
        timezone: Option<String>, user_status: String, photos: Option<Vec<Photo>>, website: Option<String>, birthdate: Option<String>,
        roles: Option<Vec<Role>>, extensions: Option<Extensions>, created_at: Epoch, created_by: String, updated_at: Epoch,
        updated_by: String,
    }
    /// Output of `ListUsers`.
    ListUsersOutput { users: Vec<User>, next_token: Option<String> }
    /// Output of `CreateGroupMembership` and `GetGroupMembershipId`.
    MembershipIdOutput { identity_store_id: String, membership_id: String, membership_arn: String }
    /// Output of `DescribeGroupMembership`, and an item of the lists of memberships.
    GroupMembership {
        identity_store_id: String, membership_id: String, membership_arn: String, group_id: String, member_id: MemberId, created_at: Epoch,
        updated_at: Epoch, created_by: String, updated_by: String,
    }
    /// Output of the two lists of memberships.
    MembershipsOutput { group_memberships: Vec<GroupMembership>, next_token: Option<String> }
    /// Whether the member is in one group.
    MembershipExistence { group_id: String, member_id: MemberId, membership_exists: bool }
    /// Output of `DescribeIdentityStore`.
    IdentityStoreDetails { identity_store_id: String, identity_store_arn: String, network_configuration: Option<NetworkConfiguration> }
    /// Output of `UpdateIdentityStore`, and an item of `ListIdentityStores`.
    IdentityStore { identity_store_id: String, identity_store_arn: String }
    /// Output of `ListIdentityStores`.
    ListIdentityStoresOutput { identity_stores: Vec<IdentityStore>, next_token: Option<String> }
    /// Output of `IsMemberInGroups`.
    IsMemberInGroupsOutput { results: Vec<MembershipExistence> }
}
