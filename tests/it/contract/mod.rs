//! What every ledger, every queue and every place for reports promises, whatever is behind it: each promise is one function over the port, and runs
//! over every adapter.
//!
//! A new adapter is one line in `ledger.rs`, `queue.rs` or `reports.rs`: a name, and an expression that opens a fresh, empty one and is
//! awaited. It gives an `Option`: `None` where what it needs is not on this machine, after saying so by "not run".

pub(crate) mod ledger;
mod queue;
mod reports;
