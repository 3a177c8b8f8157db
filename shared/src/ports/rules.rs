//! Where rule bundles are kept, and where new ones arrive.

use jiff::Timestamp;

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

/// An object that somebody uploaded, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// When it was made, by the store's clock, in whole seconds.
    pub made_at: Timestamp,
    pub content: UploadContent,
}

/// What is in an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadContent {
    Whole(Vec<u8>),
    /// More than was asked for, and so not read.
    TooLong {
        bytes: u64,
    },
}

/// Where authors put new rules, and find what became of them.
#[async_trait::async_trait]
pub trait Uploads: Send + Sync {
    /// The object of this name; `NotFound` when it is gone. No more than `most` bytes are read.
    async fn fetch(&self, key: &str, most: usize) -> Result<Upload, PortError>;
    /// Writes a text under this name, in the place of the one that is there.
    async fn leave(&self, key: &str, text: &str) -> Result<(), PortError>;
}
