//! Where reports are kept.

use super::PortError;

/// A folder of objects by name, such as `reports/2026/11/02/2026-11-02T09-00-00Z.json`. An object is there whole or not at all.
#[async_trait::async_trait]
pub trait Reports: Send + Sync {
    /// The object of this name; `None` only if there is none.
    async fn fetch(&self, name: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// Keeps an object for good. Keeping the same one again changes nothing; `Refused` where another one has the name.
    async fn keep(&self, name: &str, kind: &str, content: &[u8]) -> Result<(), PortError>;
    /// Writes an object in the place of the one that is there.
    async fn replace(&self, name: &str, kind: &str, content: &[u8]) -> Result<(), PortError>;
}
