//! Adapters for one machine: the ledger in SQLite, queues in process, rules in a folder.

mod outcomes;
mod queue;
mod rules;
mod sqlite;

pub use outcomes::OutcomeFile;
pub use queue::{Chance, Depth, Faults, LocalQueue};
pub use rules::FolderRules;
pub use sqlite::{OpenError, SqliteLedger};
