//! Turns the pages of a listing, to the end or to an error.
//!
//! The SDK's own paginators are not used: when a service repeats a token they end the listing without a word, and a shorter
//! listing would look like a whole one.

use std::collections::BTreeSet;

use super::error::unreadable;
use crate::ports::PortError;

/// Where a listing stands.
#[derive(Debug)]
pub(super) struct Pages {
    operation: &'static str,
    /// Whether there is a page to ask for, and the token to ask with if it is not the first.
    more: bool,
    token: Option<String>,
    seen: BTreeSet<String>,
}

impl Pages {
    pub(super) fn of(operation: &'static str) -> Self {
        Self { operation, more: true, token: None, seen: BTreeSet::new() }
    }

    /// The token to ask the next page with (`None` for the first), or `None` when there is no further page.
    #[expect(clippy::option_option, reason = "the inner one is what `set_next_token` takes")]
    pub(super) fn next(&mut self) -> Option<Option<String>> {
        std::mem::take(&mut self.more).then(|| self.token.take())
    }

    /// A page was read, and this token came with it. A token that came before is an error: the listing would never end.
    pub(super) fn turn(&mut self, token: Option<String>) -> Result<(), PortError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(());
        };
        if !self.seen.insert(token.clone()) {
            return Err(unreadable(self.operation, "the same page token came twice"));
        }
        self.more = true;
        self.token = Some(token);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_ends_without_a_token_or_with_an_empty_one() {
        let mut pages = Pages::of("ListAccounts");
        assert_eq!(pages.next(), Some(None));
        pages.turn(Some("a".into())).unwrap();
        assert_eq!(pages.next(), Some(Some("a".into())));
        pages.turn(Some(String::new())).unwrap();
        assert_eq!(pages.next(), None);
    }

    #[test]
    fn tokens_that_go_round_in_a_circle_are_an_error() {
        let mut pages = Pages::of("ListAccounts");
        for token in ["a", "b"] {
            pages.turn(Some(token.into())).unwrap();
        }
        assert!(matches!(pages.turn(Some("a".into())), Err(PortError::Failed(_))));
    }
}
