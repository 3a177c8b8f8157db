//! Events of AWS Account Management: an account was renamed.
//!
//! Layout: the API's model; no sample is published. A call without `accountId` is about the account that makes it.

use super::{Service, layout::Layout};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.account", event_source: Some("account.amazonaws.com"), names: NAMES };

const NAMES: &[(&str, Layout)] = &[
    ("PutAccountName", Layout::AccountOrOwn("/requestParameters/accountId")),
    ("PutContactInformation", Layout::Unconcerned),
    ("PutAlternateContact", Layout::Unconcerned),
    ("DeleteAlternateContact", Layout::Unconcerned),
    ("StartPrimaryEmailUpdate", Layout::Unconcerned),
    ("AcceptPrimaryEmailUpdate", Layout::Unconcerned),
    ("EnableRegion", Layout::Unconcerned),
    ("DisableRegion", Layout::Unconcerned),
];
