//! Users and groups, changed by the Identity Store's API.
//!
//! Layouts: the API's model, whose members are written with a small first letter; a capture of `CreateGroupMembership` agrees with it.

use super::{Layout, Service};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.identitystore", event_source: Some("identitystore.amazonaws.com"), names: NAMES };

const GROUP: &str = "/requestParameters/groupId";
const USER: &str = "/requestParameters/userId";

const NAMES: &[(&str, Layout)] = &[
    ("CreateGroup", Layout::NewGroup("/responseElements/groupId")),
    ("UpdateGroup", Layout::Group(GROUP)),
    ("DeleteGroup", Layout::Group(GROUP)),
    (
        "CreateGroupMembership",
        Layout::GroupMember { group: GROUP, user: "/requestParameters/memberId/userId", joined: true },
    ),
    // When it is read, the membership is gone, and nobody can be asked whose it was.
    ("DeleteGroupMembership", Layout::Membership("/requestParameters/membershipId")),
    ("CreateUser", Layout::User("/responseElements/userId")),
    ("UpdateUser", Layout::User(USER)),
    ("DeleteUser", Layout::User(USER)),
];
