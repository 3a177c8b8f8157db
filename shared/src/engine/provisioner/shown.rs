//! What one look at a list of requests has shown, and of which other requests it tells by not showing them. Pure.
//!
//! A look is one page. AWS documents neither the order of these lists nor how long they keep what has ended: a full page that begins with
//! the newest tells of nothing older than its end, and a full page in no order of nothing but what is on it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{domain::RequestId, ports::RequestSummary};

/// What a look has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) ids: BTreeSet<RequestId>,
    reach: Reach,
}

/// Of which requests a look tells that it does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It came to the end of the list.
    All,
    /// Of those that AWS accepted after this moment, by its own clock.
    Since(Timestamp),
    /// The list is long, and in no order.
    Nothing,
}

impl Shown {
    /// What a page of at most so many has shown.
    pub(super) fn of(page: &[RequestSummary], most: usize) -> Self {
        let ids = page.iter().map(|request| request.id.clone()).collect();
        let newest_first = page.is_sorted_by(|a, b| a.created_at >= b.created_at);
        let reach = match page.last().and_then(|last| last.created_at) {
            _ if page.len() < most => Reach::All,
            Some(last) if newest_first => Reach::Since(last),
            Some(_) | None => Reach::Nothing,
        };
        Self { ids, reach }
    }

    /// Whether a request that AWS accepted at this moment would be shown if it belonged on the list.
    pub(super) fn would_show(&self, created_at: Option<Timestamp>) -> bool {
        match self.reach {
            Reach::All => true,
            // Of the same moment some may be on the next page.
            Reach::Since(last) => created_at.is_some_and(|at| at > last),
            Reach::Nothing => false,
        }
    }

    /// Whether the list is too long to be looked through, and in no order.
    pub(super) fn is_in_no_order(&self) -> bool {
        self.reach == Reach::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::RequestListing;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn page(created: &[Option<i64>]) -> Vec<RequestSummary> {
        let of = |(n, second): (usize, &Option<i64>)| RequestSummary {
            id: format!("00000000-0000-4000-8000-0000000000{n:02}").parse().unwrap(),
            listing: RequestListing::Succeeded,
            created_at: second.map(at),
        };
        created.iter().enumerate().map(of).collect()
    }

    #[test]
    fn a_list_that_came_to_its_end_tells_of_everything() {
        for created in [&[][..], &[Some(3), Some(9)], &[None, Some(1)]] {
            let shown = Shown::of(&page(created), 3);
            assert!(shown.would_show(Some(at(0))) && shown.would_show(None) && !shown.is_in_no_order());
        }
    }

    #[test]
    fn a_full_page_that_begins_with_the_newest_tells_of_what_is_newer_than_its_end() {
        let shown = Shown::of(&page(&[Some(9), Some(5), Some(5)]), 3);
        assert!(shown.would_show(Some(at(6))));
        for older in [Some(at(5)), Some(at(4)), None] {
            assert!(!shown.would_show(older), "{older:?}");
        }
        assert!(!shown.is_in_no_order());
    }

    #[test]
    fn a_full_page_in_no_order_tells_of_nothing_but_what_is_on_it() {
        for created in [[Some(5), Some(9), Some(1)], [Some(9), Some(5), None]] {
            let shown = Shown::of(&page(&created), 3);
            assert!(!shown.would_show(Some(at(99))) && shown.is_in_no_order(), "{created:?}");
        }
    }
}
