//! Adapters for one machine: the ledger in SQLite, queues in process, rules and reports in a folder.

mod letters;
mod outcomes;
mod queue;
mod reports;
mod rules;
mod sqlite;
mod witness;

pub use letters::FolderQueue;
pub use outcomes::OutcomeFile;
pub use queue::{Chance, Depth, Faults, LocalQueue};
pub use reports::{FolderReports, whole};
pub use rules::FolderRules;
pub use sqlite::{OpenError, SqliteLedger};
pub use witness::{FileWitness, MemoryWitness};
