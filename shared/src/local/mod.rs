//! Adapters for one machine: the ledger in SQLite, queues in process, rules in a folder.

mod letters;
mod outcomes;
mod queue;
mod rules;
mod sqlite;

pub use letters::FolderQueue;
pub use outcomes::OutcomeFile;
pub use queue::{Chance, Depth, Faults, LocalQueue};
pub use rules::FolderRules;
pub use sqlite::{OpenError, SqliteLedger};
