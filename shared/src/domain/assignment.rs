//! One assignment, and the requests that make and remove it.

use super::{
    AccountId, PermissionSetArn, Principal,
    id::{id, uuid},
};

/// The identity of an assignment inside the instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct AssignmentKey {
    pub account: AccountId,
    pub permission_set: PermissionSetArn,
    pub principal: Principal,
}

/// Account, permission set's own id, principal: short enough for a log line, and no name in it.
impl std::fmt::Display for AssignmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = self.permission_set.as_str().rsplit('/').next().unwrap_or_default();
        write!(f, "{} {set} {}", self.account, self.principal)
    }
}

/// What a request does to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `CreateAccountAssignment`
    Grant,
    /// `DeleteAccountAssignment`
    Revoke,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
        })
    }
}

id!(
    /// The id of an asynchronous request, given by AWS when it accepts the call; CloudTrail's `requestID` of the same call.
    RequestId, "a request's id: a UUID", uuid
);
