//! Who has access to what: the audit's document, and what is asked of it.
//!
//! ```text
//! document  the report as it is kept, compared and shown
//! draft     what takes long to read, kept between runs
//! standing  what each assignment is to Usher
//! compile   all that was read -> document
//! changes   document x the one before -> what has changed, with its cause
//! principals  of them, those of people and groups
//! ask       who can reach an account, what a person can reach, what a permission set is
//! count     the document in numbers
//! csv       the document as tables
//! page      the document as one HTML page
//! ```
//!
//! Pure: the reading is [`crate::engine::Auditor`]'s. A document holds names of people: it is for those who may see them, and never for a log.

mod ask;
mod changes;
mod compile;
mod count;
pub mod csv;
mod document;
mod draft;
pub mod page;
mod principals;
mod standing;

pub use ask::{Access, Register};
pub use changes::{Remembered, changes};
pub use compile::{Findings, Planned};
pub use count::Counts;
pub use document::{
    Assignment, Audit, AuditedAccount, AuditedGroup, AuditedSet, Change, ChangeKind, FORMAT, Only, Person,
    Scope, Standing, Taken, Unit, Unread, Way,
};
pub use draft::{DRAFT_FORMAT, Draft, Holding, Place};
pub use standing::{Next, Sight};
