//! An error with all its causes in one line: what prints an error usually shows only the outermost.

use std::{error::Error, fmt};

/// An error together with its causes, in one line, however it is printed.
///
/// It is not itself an [`Error`], so that `?` makes one of any error: `fn main() -> Result<(), WithCauses>` tells everything.
#[derive(Clone, PartialEq, Eq)]
pub struct WithCauses(String);

impl WithCauses {
    /// Of an error that is known as such only.
    pub fn of(error: &(dyn Error + Send + Sync + 'static)) -> Self {
        Self(joined(error))
    }
}

impl<E: Error> From<E> for WithCauses {
    fn from(error: E) -> Self {
        Self(joined(&error))
    }
}

impl From<WithCauses> for Box<dyn Error + Send + Sync> {
    fn from(WithCauses(text): WithCauses) -> Self {
        text.into()
    }
}

impl fmt::Display for WithCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As `main` prints it.
impl fmt::Debug for WithCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Joins an error and its causes, outermost first.
pub fn with_causes(error: impl Error) -> WithCauses {
    WithCauses::from(error)
}

/// The messages of an error and of what caused it, outermost first, separated by colons.
pub fn joined(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        // A transparent error repeats its cause, and some errors of others already end in theirs.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{LedgerError, PortError};

    #[derive(Debug, thiserror::Error)]
    #[error("cannot plan account `111122223333`")]
    struct Outer(#[source] LedgerError);

    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Repeats(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_all_its_causes_and_none_twice() {
        let error = Outer(LedgerError::Port(PortError::Throttled("Rate exceeded".to_owned())));
        let told = "cannot plan account `111122223333`: the ledger cannot be used: throttled: Rate exceeded";
        assert_eq!(with_causes(error).to_string(), told);
        assert_eq!(format!("{:?}", with_causes(Repeats(std::io::Error::other("inner")))), "outer: inner");
    }
}
