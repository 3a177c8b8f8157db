//! The second place that tells of the ledger.

use super::PortError;
use crate::ledger::Testimony;

/// What is kept, and which writing of it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTestimony {
    pub testimony: Testimony,
    /// Another one each time that it is written.
    pub mark: String,
}

/// A place that isn't lost, restored or exchanged together with the ledger.
#[async_trait::async_trait]
pub trait Witness: Send + Sync {
    /// What is kept, if anything ever was.
    async fn recall(&self) -> Result<Option<KeptTestimony>, PortError>;
    /// Keeps this in the place of what was read (`None`: of nothing), if that is still what is kept there; tells whether it is kept now.
    async fn keep(
        &self,
        testimony: &Testimony,
        instead_of: Option<&KeptTestimony>,
    ) -> Result<bool, PortError>;
}
