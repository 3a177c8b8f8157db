//! Everything that is called `sso.amazonaws.com`: Identity Center's API, and besides it the access portal and its tokens.
//!
//! Layouts: the API's model, whose members are written with a small first letter; captures of `CreatePermissionSet` and
//! `CreateAccountAssignment` agree with it. The names are those of the API and those that the user guide lists, without what only reads.

use super::{Layout, Service};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.sso", event_source: Some("sso.amazonaws.com"), names: NAMES };

const SET: &str = "/requestParameters/permissionSetArn";
const RESOURCE: &str = "/requestParameters/resourceArn";

const NAMES: &[(&str, Layout)] = &[
    ("CreatePermissionSet", Layout::Changed("/responseElements/permissionSet/permissionSetArn")),
    ("DeletePermissionSet", Layout::Changed(SET)),
    ("TagResource", Layout::Tagged(RESOURCE)),
    ("UntagResource", Layout::Tagged(RESOURCE)),
    ("UpdatePermissionSet", Layout::Edited(SET)),
    ("PutInlinePolicyToPermissionSet", Layout::Edited(SET)),
    ("DeleteInlinePolicyFromPermissionSet", Layout::Edited(SET)),
    ("AttachManagedPolicyToPermissionSet", Layout::Edited(SET)),
    ("DetachManagedPolicyFromPermissionSet", Layout::Edited(SET)),
    ("AttachCustomerManagedPolicyReferenceToPermissionSet", Layout::Edited(SET)),
    ("DetachCustomerManagedPolicyReferenceFromPermissionSet", Layout::Edited(SET)),
    ("PutPermissionsBoundaryToPermissionSet", Layout::Edited(SET)),
    ("DeletePermissionsBoundaryFromPermissionSet", Layout::Edited(SET)),
    // The console's own, from before there was an API.
    ("PutPermissionsPolicy", Layout::EditedSomewhere),
    ("DeletePermissionsPolicy", Layout::EditedSomewhere),
    ("ProvisionPermissionSet", Layout::Provisioned(SET)),
    (
        "CreateAccountAssignment",
        Layout::Assignment { answer: "/responseElements/accountAssignmentCreationStatus/requestId" },
    ),
    (
        "DeleteAccountAssignment",
        Layout::Assignment { answer: "/responseElements/accountAssignmentDeletionStatus/requestId" },
    ),
    // Another instance, or users and groups from elsewhere.
    ("StartSSO", Layout::ForTheSweep),
    ("CreateInstance", Layout::ForTheSweep),
    ("DeleteInstance", Layout::ForTheSweep),
    ("AssociateDirectory", Layout::ForTheSweep),
    ("DisassociateDirectory", Layout::ForTheSweep),
    ("UpdateDirectoryAssociation", Layout::ForTheSweep),
    ("UpdateInstance", Layout::Unconcerned),
    ("AddRegion", Layout::Unconcerned),
    ("RemoveRegion", Layout::Unconcerned),
    ("CreateInstanceAccessControlAttributeConfiguration", Layout::Unconcerned),
    ("UpdateInstanceAccessControlAttributeConfiguration", Layout::Unconcerned),
    ("DeleteInstanceAccessControlAttributeConfiguration", Layout::Unconcerned),
    ("PutMfaDeviceManagementForDirectory", Layout::Unconcerned),
    // Applications, by their API and by the console's own calls.
    ("CreateApplication", Layout::Unconcerned),
    ("UpdateApplication", Layout::Unconcerned),
    ("DeleteApplication", Layout::Unconcerned),
    ("CreateApplicationAssignment", Layout::Unconcerned),
    ("DeleteApplicationAssignment", Layout::Unconcerned),
    ("PutApplicationAssignmentConfiguration", Layout::Unconcerned),
    ("PutApplicationAccessScope", Layout::Unconcerned),
    ("DeleteApplicationAccessScope", Layout::Unconcerned),
    ("PutApplicationAuthenticationMethod", Layout::Unconcerned),
    ("DeleteApplicationAuthenticationMethod", Layout::Unconcerned),
    ("PutApplicationGrant", Layout::Unconcerned),
    ("DeleteApplicationGrant", Layout::Unconcerned),
    ("PutApplicationSessionConfiguration", Layout::Unconcerned),
    ("CreateTrustedTokenIssuer", Layout::Unconcerned),
    ("UpdateTrustedTokenIssuer", Layout::Unconcerned),
    ("DeleteTrustedTokenIssuer", Layout::Unconcerned),
    ("CreateApplicationInstance", Layout::Unconcerned),
    ("DeleteApplicationInstance", Layout::Unconcerned),
    ("CreateApplicationInstanceCertificate", Layout::Unconcerned),
    ("DeleteApplicationInstanceCertificate", Layout::Unconcerned),
    ("ImportApplicationInstanceServiceProviderMetadata", Layout::Unconcerned),
    ("UpdateApplicationInstanceActiveCertificate", Layout::Unconcerned),
    ("UpdateApplicationInstanceDisplayData", Layout::Unconcerned),
    ("UpdateApplicationInstanceServiceProviderConfiguration", Layout::Unconcerned),
    ("UpdateApplicationInstanceStatus", Layout::Unconcerned),
    ("UpdateApplicationInstanceResponseConfiguration", Layout::Unconcerned),
    ("UpdateApplicationInstanceResponseSchemaConfiguration", Layout::Unconcerned),
    ("UpdateApplicationInstanceSecurityConfiguration", Layout::Unconcerned),
    ("CreateProfile", Layout::Unconcerned),
    ("UpdateProfile", Layout::Unconcerned),
    ("DeleteProfile", Layout::Unconcerned),
    ("AssociateProfile", Layout::Unconcerned),
    ("DisassociateProfile", Layout::Unconcerned),
    // People who sign in.
    ("Authenticate", Layout::Unconcerned),
    ("Federate", Layout::Unconcerned),
    ("Logout", Layout::Unconcerned),
    ("BatchDeleteSession", Layout::Unconcerned),
    ("RegisterClient", Layout::Unconcerned),
    ("StartDeviceAuthorization", Layout::Unconcerned),
    ("CreateToken", Layout::Unconcerned),
    ("CreateTokenWithIAM", Layout::Unconcerned),
];
