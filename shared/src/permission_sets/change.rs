//! One change of a permission set: one call of AWS's.

use std::fmt;

use super::MAKING_TAG;
use crate::{
    domain::{CustomerManagedPolicy, ManagedPolicyArn, PermissionsBoundary, SessionDuration, Tags},
    policy::Policy,
};

/// What a permission set is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSet {
    pub name: String,
    pub description: Option<String>,
    pub session_duration: SessionDuration,
    pub relay_state: Option<String>,
    pub tags: Tags,
}

impl NewSet {
    /// The same with the tag that says who makes it.
    pub fn marked(mut self, by: &str) -> Self {
        self.tags.0.insert(MAKING_TAG.to_owned(), by.to_owned());
        self
    }
}

/// One call, in the order in which they are made: a boundary comes before what it bounds, and policies are detached before others are
/// attached, since their number is bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `CreatePermissionSet`
    Create(NewSet),
    /// `PutPermissionsBoundaryToPermissionSet`
    PutBoundary(PermissionsBoundary),
    /// `UpdatePermissionSet`. AWS takes a relay state away that isn't sent again (seen by others; undocumented), so all of them are sent.
    Update { description: Option<String>, session_duration: SessionDuration, relay_state: Option<String> },
    /// `DetachManagedPolicyFromPermissionSet`
    DetachAws(ManagedPolicyArn),
    /// `DetachCustomerManagedPolicyReferenceFromPermissionSet`
    DetachCustomer(CustomerManagedPolicy),
    /// `DeleteInlinePolicyFromPermissionSet`
    DeleteInline,
    /// `PutInlinePolicyToPermissionSet`
    PutInline(Policy),
    /// `AttachManagedPolicyToPermissionSet`
    AttachAws(ManagedPolicyArn),
    /// `AttachCustomerManagedPolicyReferenceToPermissionSet`
    AttachCustomer(CustomerManagedPolicy),
    /// `DeletePermissionsBoundaryFromPermissionSet`
    DeleteBoundary,
    /// `TagResource`
    Tag(Tags),
    /// `UntagResource`
    Untag(Vec<String>),
    /// `DeletePermissionSet`
    Delete,
}

impl Change {
    /// AWS's name of the call.
    pub fn call(&self) -> &'static str {
        match self {
            Self::Create(_) => "CreatePermissionSet",
            Self::PutBoundary(_) => "PutPermissionsBoundaryToPermissionSet",
            Self::Update { .. } => "UpdatePermissionSet",
            Self::DetachAws(_) => "DetachManagedPolicyFromPermissionSet",
            Self::DetachCustomer(_) => "DetachCustomerManagedPolicyReferenceFromPermissionSet",
            Self::DeleteInline => "DeleteInlinePolicyFromPermissionSet",
            Self::PutInline(_) => "PutInlinePolicyToPermissionSet",
            Self::AttachAws(_) => "AttachManagedPolicyToPermissionSet",
            Self::AttachCustomer(_) => "AttachCustomerManagedPolicyReferenceToPermissionSet",
            Self::DeleteBoundary => "DeletePermissionsBoundaryFromPermissionSet",
            Self::Tag(_) => "TagResource",
            Self::Untag(_) => "UntagResource",
            Self::Delete => "DeletePermissionSet",
        }
    }

    /// Whether the roles in accounts that have the permission set are outdated by it.
    pub fn outdates_roles(&self) -> bool {
        match self {
            Self::PutBoundary(_)
            | Self::Update { .. }
            | Self::DetachAws(_)
            | Self::DetachCustomer(_)
            | Self::DeleteInline
            | Self::PutInline(_)
            | Self::AttachAws(_)
            | Self::AttachCustomer(_)
            | Self::DeleteBoundary => true,
            Self::Create(_) | Self::Tag(_) | Self::Untag(_) | Self::Delete => false,
        }
    }
}

/// The call.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call())
    }
}
