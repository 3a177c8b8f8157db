//! Who has access to what: the audit's document, and what is asked of it.
//!
//! ```text
//! document  the report as it is kept, compared and shown
//! findings  what was read of AWS, the ledger and the rules
//! standing  what each assignment is to Usher
//! compile   findings -> document
//! changes   document x the one before -> what has changed, with its cause
//! ask       who can reach an account, what a person can reach, what a permission set is
//! csv       the document as tables
//! ```
//!
//! Pure: the reading is [`crate::engine::Auditor`]'s. A document holds names of people: it is for those who may see them, and never for a log.

mod document;
pub mod page;

pub use document::{
    Assignment, Audit, AuditedAccount, AuditedGroup, AuditedSet, Change, ChangeKind, FORMAT, Person, Scope,
    Standing, Taken, Unit, Unread, Way,
};
