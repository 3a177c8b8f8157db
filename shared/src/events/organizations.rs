//! Events of AWS Organizations: accounts created, joined, moved, tagged, closed, removed and gone; OUs renamed and tagged.
//!
//! Layouts: the Organizations user guide's CloudTrail page, the API's model, and samples published by others. Names and addresses
//! are redacted there (`****`), and nothing here reads them. They come in us-east-1 only, and in the account that acts.

use super::{Service, layout::Layout};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.organizations", event_source: Some("organizations.amazonaws.com"), names: NAMES };

const ACCOUNT: &str = "/requestParameters/accountId";

const NAMES: &[(&str, Layout)] = &[
    // Of the two accounts that the making of a GovCloud account ends with, `accountId` is the member of this organization; the other
    // lives in another partition, where it belongs to no organization until it is invited to one there.
    (
        "CreateAccountResult",
        Layout::Ended { status: "/serviceEventDetails/createAccountStatus", account: "/accountId" },
    ),
    (
        "CloseAccountResult",
        Layout::Ended { status: "/serviceEventDetails/closeAccountStatus", account: "/accountId" },
    ),
    ("AccountJoinedOrganization", Layout::Somewhere),
    ("AccountDepartedOrganization", Layout::Somewhere),
    ("AcceptHandshake", Layout::Handshake),
    ("MoveAccount", Layout::Account(ACCOUNT)),
    ("CloseAccount", Layout::Account(ACCOUNT)),
    ("RemoveAccountFromOrganization", Layout::Account(ACCOUNT)),
    // Logged in the member that leaves: it names nobody else.
    ("LeaveOrganization", Layout::Own),
    ("TagResource", Layout::Tagged("/requestParameters/resourceId")),
    ("UntagResource", Layout::Tagged("/requestParameters/resourceId")),
    ("UpdateOrganizationalUnit", Layout::RenamedOu("/requestParameters/organizationalUnitId")),
    ("CreateAccount", Layout::NotYet),
    ("CreateGovCloudAccount", Layout::NotYet),
    ("InviteAccountToOrganization", Layout::NotYet),
    ("CancelHandshake", Layout::Unconcerned),
    ("DeclineHandshake", Layout::Unconcerned),
    // A new OU holds no account, and only an empty one can be deleted.
    ("CreateOrganizationalUnit", Layout::Unconcerned),
    ("DeleteOrganizationalUnit", Layout::Unconcerned),
    ("CreatePolicy", Layout::Unconcerned),
    ("UpdatePolicy", Layout::Unconcerned),
    ("DeletePolicy", Layout::Unconcerned),
    ("AttachPolicy", Layout::Unconcerned),
    ("DetachPolicy", Layout::Unconcerned),
    ("EnablePolicyType", Layout::Unconcerned),
    ("DisablePolicyType", Layout::Unconcerned),
    ("EnableAWSServiceAccess", Layout::Unconcerned),
    ("DisableAWSServiceAccess", Layout::Unconcerned),
    ("EnableAllFeatures", Layout::Unconcerned),
    ("RegisterDelegatedAdministrator", Layout::Unconcerned),
    ("DeregisterDelegatedAdministrator", Layout::Unconcerned),
    ("PutResourcePolicy", Layout::Unconcerned),
    ("DeleteResourcePolicy", Layout::Unconcerned),
    ("CreateOrganization", Layout::Unconcerned),
    // Only an organization without other members can be deleted.
    ("DeleteOrganization", Layout::Unconcerned),
];
