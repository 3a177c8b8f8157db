//! Users and groups, changed by an identity provider through SCIM.
//!
//! Layouts: the user guide's samples, and by their pattern where there is none. They come only from providers whose token was made since
//! September 2024. What EventBridge writes as their source is not documented; they are known by what CloudTrail does.

use super::{Layout, Service};

pub(super) const SERVICE: Service<Layout> = Service {
    source: "aws.identitystore-scim",
    event_source: Some("identitystore-scim.amazonaws.com"),
    names: NAMES,
};

const MADE: &str = "/responseElements/id";
const SUBJECT: &str = "/requestParameters/id";

const NAMES: &[(&str, Layout)] = &[
    ("CreateGroup", Layout::NewGroup(MADE)),
    // A new name, members who come and go, or all of that: what it is is hidden.
    ("PatchGroup", Layout::Group(SUBJECT)),
    ("DeleteGroup", Layout::Group(SUBJECT)),
    ("CreateUser", Layout::User(MADE)),
    ("PutUser", Layout::User(SUBJECT)),
    ("PatchUser", Layout::User(SUBJECT)),
    ("DeleteUser", Layout::User(SUBJECT)),
];
