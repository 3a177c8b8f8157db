//! Permission sets that the rules declare: made, edited and deleted, under the engine's lease. What is to be done to each is decided in
//! [`crate::permission_sets`].
//!
//! ```text
//! claims   which permission sets are Usher's, by the ledger
//! survey   declared x what AWS has -> a plan for each; holds readers only
//! keep     under the lease: one set read once more, and brought to what is declared
//! foreseen  what will be then, for a plan that is shown
//! noted    which of them were found as they are declared, and why others are not
//! place    how far a round over all of them has come
//! round    all of them, in turn, as time allows: what the functions do
//! ```

mod claims;
mod foreseen;
mod keep;
mod noted;
mod place;
mod round;
mod survey;

use std::time::Duration;

pub(super) use claims::{EDITING, MAKING};
pub use foreseen::{Foreseen, StandIns};
pub use keep::{Kept, SetKeeper};
pub(super) use noted::{NOTED, Noted};
pub use noted::{SetStanding, SetWait};
pub(super) use place::{PLACE, Place};
pub use round::KeepSummary;
pub use survey::{DeclaredSets, SetSurvey, Surveyed};

use super::{EpochError, ReadError};
use crate::{
    domain::PermissionSetArn,
    ports::{LedgerError, PortError},
};

/// How long a declared permission set is believed to be as it was found.
const LOOKED_AT_EVERY: Duration = Duration::from_mins(15);

/// Why permission sets could not be planned or kept.
#[derive(Debug, thiserror::Error)]
pub enum DeclaredSetsError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot list the permission sets: {0}")]
    PermissionSets(String),
    #[error("cannot read the permission set `{name}`")]
    Set { name: String, source: PortError },
    #[error("cannot ask which accounts have `{permission_set}`")]
    Accounts { permission_set: PermissionSetArn, source: PortError },
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
    #[error("cannot tell whether the ledger is whole")]
    Epoch(#[from] EpochError),
}

impl DeclaredSetsError {
    /// Whether it is one set that could not be read, so that the others can be gone on with.
    pub fn is_of_one(&self) -> bool {
        match self {
            Self::Set { .. } | Self::Accounts { .. } => true,
            Self::Read(_) | Self::Ledger(_) | Self::PermissionSets(_) | Self::Queue(_) | Self::Epoch(_) => {
                false
            }
        }
    }
}
