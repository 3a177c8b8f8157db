//! Users and groups, changed in Identity Center's console.
//!
//! Layouts: captures and code that reads them; the names are those that the user guide lists, without what only reads. SCIM was written
//! down so too before September 2024.

use super::{Layout, Service};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.sso-directory", event_source: Some("sso-directory.amazonaws.com"), names: NAMES };

const GROUP: &str = "/requestParameters/groupId";
const USER: &str = "/requestParameters/userId";

const NAMES: &[(&str, Layout)] = &[
    ("CreateGroup", Layout::NewGroup("/responseElements/group/groupId")),
    ("UpdateGroup", Layout::Group(GROUP)),
    ("UpdateGroupDisplayName", Layout::Group(GROUP)),
    ("DeleteGroup", Layout::Group(GROUP)),
    (
        "AddMemberToGroup",
        Layout::GroupMember { group: GROUP, user: "/requestParameters/member/memberId", joined: true },
    ),
    // Flat, unlike that of the event above.
    (
        "RemoveMemberFromGroup",
        Layout::GroupMember { group: GROUP, user: "/requestParameters/memberId", joined: false },
    ),
    ("CreateUser", Layout::User("/responseElements/user/userId")),
    ("UpdateUser", Layout::User(USER)),
    ("UpdateUserName", Layout::User(USER)),
    ("EnableUser", Layout::User(USER)),
    ("DisableUser", Layout::User(USER)),
    ("DeleteUser", Layout::User(USER)),
    // The identity source is switched: users and groups may be others from now on.
    ("EnableExternalIdPConfigurationForDirectory", Layout::ForTheSweep),
    ("DisableExternalIdPConfigurationForDirectory", Layout::ForTheSweep),
    ("CreateExternalIdPConfigurationForDirectory", Layout::Unconcerned),
    ("UpdateExternalIdPConfigurationForDirectory", Layout::Unconcerned),
    ("DeleteExternalIdPConfigurationForDirectory", Layout::Unconcerned),
    ("CreateAlias", Layout::Unconcerned),
    ("UpdatePassword", Layout::Unconcerned),
    ("VerifyEmail", Layout::Unconcerned),
    ("StartVirtualMfaDeviceRegistration", Layout::Unconcerned),
    ("CompleteVirtualMfaDeviceRegistration", Layout::Unconcerned),
    ("StartWebAuthnDeviceRegistration", Layout::Unconcerned),
    ("CompleteWebAuthnDeviceRegistration", Layout::Unconcerned),
    ("UpdateMfaDeviceForUser", Layout::Unconcerned),
    ("DeleteMfaDeviceForUser", Layout::Unconcerned),
    ("PutMfaDeviceManagementForDirectory", Layout::Unconcerned),
    // The access of identity providers, not that of people.
    ("CreateProvisioningTenant", Layout::Unconcerned),
    ("DeleteProvisioningTenant", Layout::Unconcerned),
    ("CreateBearerToken", Layout::Unconcerned),
    ("DeleteBearerToken", Layout::Unconcerned),
];
