//! Where rule bundles are kept.

use super::PortError;
use crate::{domain::RulesVersion, rules::Bundle};

/// Immutable bundles of rule documents, by version. Which one is in force is said by the ledger.
#[async_trait::async_trait]
pub trait RulesStore: Send + Sync {
    /// The bundle of a version; `NotFound` when it is missing. A bundle whose content isn't its version is `Refused`.
    async fn bundle(&self, version: &RulesVersion) -> Result<Bundle, PortError>;
    /// Keeps a bundle. Keeping the same one again changes nothing.
    async fn keep(&self, bundle: &Bundle) -> Result<(), PortError>;
}
