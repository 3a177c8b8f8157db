//! What a rule costs whoever reads it. Of two documents that say the same, the one that costs less is the more natural one.

/// A rule, whatever it says.
pub(super) const RULE: usize = 6;
/// A principal or a permission set in it.
pub(super) const NAME: usize = 2;
/// An OU, or a tag.
pub(super) const SELECTOR: usize = 3;
/// More than an OU or a tag: it takes in every account that is yet to come.
pub(super) const EVERYWHERE: usize = 4;
/// An account by its id.
pub(super) const ACCOUNT: usize = 2;
/// That something is left out.
pub(super) const EXCEPT: usize = 1;
