//! What a delegated administrator's policy allows, why, and what has to be known of it.

use std::fmt;

use super::Note;

/// What an action is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The delegated work itself, which the scope limits.
    Assign,
    /// To find the permission set, and see what there is.
    LookAtAccess,
    /// To find the account.
    LookAtAccounts,
    /// To find the group or the person.
    LookAtPeople,
}

/// An action of the policy, and why it is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    pub name: &'static str,
    pub purpose: Purpose,
    pub why: &'static str,
}

const fn action(name: &'static str, purpose: Purpose, why: &'static str) -> Action {
    Action { name, purpose, why }
}

/// Every action that a policy allows (service authorization reference of IAM Identity Center, Identity Store and Organizations).
///
/// None of them edits a permission set: whoever edits one decides what everybody may do who has it, in accounts beyond any scope, and the
/// calls that do it name no account that could be asked for. None makes one, or tags one, which would put it into a scope by tags.
pub const ACTIONS: [Action; 30] = [
    action("sso:CreateAccountAssignment", Purpose::Assign, "to give access"),
    action("sso:DeleteAccountAssignment", Purpose::Assign, "to take it away"),
    action("sso:ProvisionPermissionSet", Purpose::Assign, "to try again where it could not be provisioned"),
    action("sso:ListInstances", Purpose::LookAtAccess, "to find the instance; it is on no resource"),
    action("sso:DescribeInstance", Purpose::LookAtAccess, "to find its identity store"),
    action("sso:ListPermissionSets", Purpose::LookAtAccess, "to choose a permission set"),
    action("sso:DescribePermissionSet", Purpose::LookAtAccess, "to see its name"),
    action("sso:ListTagsForResource", Purpose::LookAtAccess, "to see its tags"),
    action("sso:GetInlinePolicyForPermissionSet", Purpose::LookAtAccess, "to see what it allows"),
    action("sso:ListManagedPoliciesInPermissionSet", Purpose::LookAtAccess, "to see what it allows"),
    action(
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        Purpose::LookAtAccess,
        "to see what it allows",
    ),
    action("sso:GetPermissionsBoundaryForPermissionSet", Purpose::LookAtAccess, "to see what it allows"),
    action("sso:ListAccountAssignments", Purpose::LookAtAccess, "to see who has it in an account"),
    action("sso:ListPermissionSetsProvisionedToAccount", Purpose::LookAtAccess, "to see what an account has"),
    action("sso:ListAccountsForProvisionedPermissionSet", Purpose::LookAtAccess, "to see where it is"),
    action(
        "sso:DescribeAccountAssignmentCreationStatus",
        Purpose::LookAtAccess,
        "to see whether giving has ended",
    ),
    action(
        "sso:DescribeAccountAssignmentDeletionStatus",
        Purpose::LookAtAccess,
        "to see whether taking away has ended",
    ),
    action(
        "sso:DescribePermissionSetProvisioningStatus",
        Purpose::LookAtAccess,
        "to see whether provisioning has ended",
    ),
    action("organizations:DescribeOrganization", Purpose::LookAtAccounts, "what the console begins with"),
    action("organizations:ListRoots", Purpose::LookAtAccounts, "to go down the tree"),
    action("organizations:ListOrganizationalUnitsForParent", Purpose::LookAtAccounts, "to go down the tree"),
    action("organizations:ListAccountsForParent", Purpose::LookAtAccounts, "to choose an account in an OU"),
    action("organizations:ListAccounts", Purpose::LookAtAccounts, "to choose an account"),
    action("organizations:DescribeAccount", Purpose::LookAtAccounts, "to see its name"),
    action("identitystore:ListGroups", Purpose::LookAtPeople, "to choose a group"),
    action("identitystore:DescribeGroup", Purpose::LookAtPeople, "to see its name"),
    action("identitystore:ListUsers", Purpose::LookAtPeople, "to choose a person"),
    action("identitystore:DescribeUser", Purpose::LookAtPeople, "to see their name"),
    action(
        "sso-directory:SearchGroups",
        Purpose::LookAtPeople,
        "the same in the console, by the older actions",
    ),
    action(
        "sso-directory:SearchUsers",
        Purpose::LookAtPeople,
        "the same in the console, by the older actions",
    ),
];

/// As people read it: a sentence or two.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expanded { selector, accounts } => write!(
                f,
                "IAM knows neither OUs nor tags nor names of the account that is assigned: the {accounts} accounts are those that the scope ({selector}) selects now. Write the policy again when they change; rules are held against the scope by Usher itself, at every decision."
            ),
            Self::NoAccount(ids) => write!(
                f,
                "These accounts of the scope can't be given access now, and are left out: {}.",
                listed(ids)
            ),
            Self::Unread(accounts) => write!(
                f,
                "{accounts} accounts could not be read, and are left out as far as the scope doesn't list them."
            ),
            Self::NoSet(names) => {
                write!(f, "No permission set is called so now, and each is left out: {}.", listed(names))
            }
            Self::ProtectedByArn => f.write_str(
                "Protected permission sets are kept out by the ARNs that they have now. Write the policy again when one is protected, or made anew under its name.",
            ),
            Self::UnmadeProtected(names) => write!(
                f,
                "These protected permission sets are not there now, so the policy can't keep them out: {}. Write it again once they are made.",
                listed(names)
            ),
            Self::CaseOfTagKeys(keys) => write!(
                f,
                "IAM doesn't tell upper and lower case apart in the keys of tags, and Usher does: have no other key that differs from {} by that alone.",
                listed(keys)
            ),
            Self::Attributes(keys) => write!(
                f,
                "Whoever is signed in needs the attributes for access control {}; without one, nothing is allowed. That is IAM's alone: Usher doesn't know who wrote a rule.",
                listed(keys)
            ),
            Self::Management(account) => write!(
                f,
                "The scope has the management account ({account}): to give access there takes rights in IAM of that account besides, which this policy does not give."
            ),
        }
    }
}

fn listed<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
