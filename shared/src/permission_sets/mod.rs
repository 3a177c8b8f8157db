//! Permission sets as they are declared, and as they are: what has to be done to come from one to the other.
//!
//! ```text
//! details  what AWS has of one permission set
//! change   one call, and the order of calls
//! plan     declared x actual x whose it is -> changes, or why they are withheld
//! tell     the same as differences that people read
//! ```

mod change;
mod details;
mod plan;
mod tell;
#[cfg(test)]
mod tests;

pub use change::{Change, NewSet};
pub use details::{Details, Inline};
pub use plan::{Claim, Facts, Held, SetPlan, Withheld, plan};
pub use tell::{Difference, differences};

/// The key of the tag that a permission set has while Usher makes it. Its value is in the ledger before the set is there, so whoever finds it
/// knows that it is Usher's own, and not complete yet.
pub const MAKING_TAG: &str = "usher:making";
