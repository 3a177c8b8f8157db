//! What we need from the world, in our words. `aws/` and `local/` implement it; above it nobody knows an SDK.

mod access;
mod clock;
mod directory;
mod ledger;
mod organization;
mod outcomes;
mod page;
mod permission_sets;
mod queue;
mod reports;
mod rules;
mod witness;

pub use access::{
    AccessReader, AccessWriter, Foretold, OfVersion, Provisioning, Request, RequestListing, RequestStatus,
    RequestSummary,
};
pub use clock::Clock;
pub use directory::{Directory, Memberships, UserNames};
pub use ledger::{
    Guard, LastName, Ledger, LedgerError, LedgerReader, RowWrite, RulesInForce, Seen, SeenKind,
};
pub use organization::{AccountRecord, OrganizationFacts, OrganizationReader};
pub use outcomes::{OutcomeBus, Told};
pub use page::Page;
pub use permission_sets::{PermissionSetReader, PermissionSetWriter};
pub use queue::{Message, Queue, Received};
pub use reports::Reports;
pub use rules::{RulesStore, Upload, UploadContent, Uploads};
pub use witness::{KeptTestimony, Witness};

/// Why a port could not do what it was asked. The message is AWS's own, without names of people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Too fast: the request rate. Nothing was done.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Too much at once: the window of outstanding asynchronous calls is full. Nothing was done.
    #[error("too many requests under way: {0}")]
    WindowFull(String),
    /// In conflict with a write that hasn't spread yet, or with one under way for the same key. Nothing was done.
    #[error("in conflict with another write: {0}")]
    Conflict(String),
    /// Not allowed. Nothing was done.
    #[error("not allowed: {0}")]
    Denied(String),
    /// The role that this call goes by could not be assumed. Nothing was done. It is about the calls of that role and no others, and may
    /// pass.
    #[error("not done for want of its role: {0}")]
    Unassumed(String),
    /// Barred altogether: credentials are missing, expired or not recognized, or a key of encryption can't be used. It is about
    /// every call and not about what this one asks. Nothing was done, and nothing will be until somebody mends it.
    #[error("no access: {0}")]
    Barred(String),
    /// What the call names does not exist. Nothing was done.
    #[error("not found: {0}")]
    NotFound(String),
    /// Refused for what it asks: invalid, over a quota, switched off. Nothing was done, and the same call will fail again.
    #[error("refused: {0}")]
    Refused(String),
    /// No answer that says what happened: a lost connection, a time-out, an internal error. A write may have been done.
    #[error("no usable answer: {0}")]
    Failed(String),
}

impl PortError {
    /// Whether the same call may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled(_)
            | Self::WindowFull(_)
            | Self::Conflict(_)
            | Self::Unassumed(_)
            | Self::Failed(_) => true,
            Self::Denied(_) | Self::Barred(_) | Self::NotFound(_) | Self::Refused(_) => false,
        }
    }
}
