//! An organization's existing assignments as rules that want exactly these: the first day of an organization that already has some.
//!
//! ```text
//! existing  what was read: accounts, names, assignments
//! place     the selections that the organization's own shape offers: OUs, trusted tags, everywhere
//! cover     a set of accounts, said by places, with exceptions, the rest by ids
//! induce    who has what where -> rules; what is left out, and why
//! yaml      text as a rule document has it
//! sets      permission sets as declarations
//! document  the rules as one document, or as a folder of files
//! exact     whether the document wants exactly what there is: asked of the same code that plans
//! ```
//!
//! Which of many rule documents that say the same is the natural one is decided by `cost`: the one that costs least to read.

mod cost;
mod cover;
mod document;
mod exact;
mod existing;
mod induce;
mod place;
mod positions;
mod sets;
#[cfg(test)]
mod tests;
mod yaml;

pub use document::{Document, Heading, TooLarge, declared_alone, document};
pub use exact::{Inexact, is_exact};
pub use existing::{Existing, Named};
pub use induce::{Choices, Induced, LeftOut, LeftOutWhy, Rule, Selection, induce, is_control_towers};
pub use place::{InOu, Place};
pub(crate) use sets::written;
pub use sets::{Declaration, declaration};
pub(crate) use yaml::block;
