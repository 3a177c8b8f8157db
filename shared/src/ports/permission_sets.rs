//! SSO Admin: what permission sets are, and the calls that make, edit and delete them.

use super::PortError;
use crate::{
    domain::PermissionSetArn,
    permission_sets::{Change, Details, NewSet},
};

/// Reads permission sets whole.
#[async_trait::async_trait]
pub trait PermissionSetReader: Send + Sync {
    /// One permission set with all that belongs to it; `None` only when AWS says that it doesn't exist.
    async fn details(&self, arn: &PermissionSetArn) -> Result<Option<Details>, PortError>;
}

/// Makes, edits and deletes permission sets. Each is one call, sent once.
#[async_trait::async_trait]
pub trait PermissionSetWriter: Send + Sync {
    /// `CreatePermissionSet`
    async fn create(&self, set: &NewSet) -> Result<PermissionSetArn, PortError>;
    /// Every other call.
    async fn change(&self, arn: &PermissionSetArn, change: &Change) -> Result<(), PortError>;
}
