//! Adapters for one machine: the ledger in SQLite, queues in process, rules in a folder, and the clocks.

mod clock;
mod queue;
mod rules;
mod sqlite;

pub use clock::{SystemClock, TokioClock};
pub use queue::{Chance, Depth, Faults, LocalQueue};
pub use rules::FolderRules;
pub use sqlite::{OpenError, SqliteLedger};
