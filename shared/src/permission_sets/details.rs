//! What AWS has of one permission set.

use std::collections::BTreeSet;

use crate::{
    domain::{
        CustomerManagedPolicy, ManagedPolicyArn, PermissionSetArn, PermissionsBoundary, SessionDuration, Tags,
    },
    policy::{self, Policy},
};

/// One permission set, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub arn: PermissionSetArn,
    pub name: String,
    pub description: Option<String>,
    /// `None` if it is none that Usher could set.
    pub session_duration: Option<SessionDuration>,
    pub relay_state: Option<String>,
    pub aws_managed: BTreeSet<ManagedPolicyArn>,
    pub customer_managed: BTreeSet<CustomerManagedPolicy>,
    pub inline: Option<Inline>,
    pub boundary: Option<PermissionsBoundary>,
    pub tags: Tags,
}

/// An inline policy, as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    Read(Policy),
    /// One that Usher's grammar can't read: it is not the same as any other.
    Odd(String),
}

impl Inline {
    /// Of AWS's answer; `None` of an empty one, which is how it says that there is none.
    pub fn of_answer(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let read = serde_json::from_str(text).ok().and_then(|document| policy::read(&document).ok());
        Some(read.map_or_else(|| Self::Odd(text.to_owned()), Self::Read))
    }

    /// The policy, if it can be read.
    pub fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Read(policy) => Some(policy),
            Self::Odd(_) => None,
        }
    }
}
