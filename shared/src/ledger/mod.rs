//! What the ledger's rows mean: whose an assignment is, what is under way, and which steps lead from one state to the next.
//!
//! Pure: the storing is done behind [`crate::ports::Ledger`], the same for SQLite and DynamoDB.

mod beyond;
mod budget;
mod campaign;
mod consent;
mod epoch;
mod journal;
mod orders;
mod publication;
mod round;
mod row;

pub use beyond::{Beyond, WhyBeyond};
pub use budget::{BudgetKey, Charge};
pub use campaign::{
    Campaign, CampaignEnd, CampaignRecord, Conflict, Edit, LeftOut, MOST_EDITS, MOST_RECORDS, Sent, Stage,
    Tried,
};
pub use consent::{Approval, Held, HeldBy, Hold, OverBudget, held, name, reason};
pub use epoch::{Compared, Doubt, Epoch, Freeze, Frozen, Testimony, compared};
pub use journal::{ConsentRecord, Consented};
pub use orders::{HoldScope, MOST_HOLDS, Order, Orders, TooManyHolds};
pub use publication::{Forecast, Provenance, Publication, PublishedBy, Said};
pub use round::{Leg, Round, Tally, Worker};
pub use row::{Cause, Claim, Fence, Intent, Lease, Row, State};

/// How many rows, and outcomes with them, one conditional write may hold. DynamoDB's transactions take 100 items, and guards are items too.
pub const WRITES_AT_ONCE: usize = 90;
