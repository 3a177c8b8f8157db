//! Pages of listings.

use std::collections::BTreeSet;

use super::PortError;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Turns the pages of a listing: to the last one, to an error, or until there are so many items. `page` reads the page that a token
    /// leads to, which holds no more than so many.
    pub async fn turn_all<F, R>(most: usize, mut page: F) -> Result<Vec<T>, PortError>
    where
        F: FnMut(Option<String>, usize) -> R,
        R: Future<Output = Result<Self, PortError>>,
    {
        let (mut items, mut token, mut seen) = (Vec::new(), None, BTreeSet::new());
        loop {
            let Self { items: more, next } = page(token, most.saturating_sub(items.len())).await?;
            items.extend(more);
            let next = next.filter(|next| !next.is_empty() && items.len() < most);
            let Some(next) = next else { break };
            if !seen.insert(next.clone()) {
                let why = "the answer can't be read: the same page token came twice";
                return Err(PortError::Failed(why.to_owned()));
            }
            token = Some(next);
        }
        items.truncate(most);
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Three items, one a page.
    fn of_three(most: usize) -> (Result<Vec<usize>, PortError>, usize) {
        let mut pages = 0;
        let page = |token: Option<String>, _| {
            pages += 1;
            let at = token.map_or(0, |token| token.parse().unwrap());
            let next = (at < 2).then(|| (at + 1).to_string());
            std::future::ready(Ok(Page { items: vec![at], next }))
        };
        let all = Page::turn_all(most, page).now_or_never().unwrap();
        (all, pages)
    }

    #[test]
    fn pages_are_turned_to_the_last_one_or_until_there_are_enough_items() {
        assert_eq!(of_three(usize::MAX), (Ok(vec![0, 1, 2]), 3));
        assert_eq!(of_three(2), (Ok(vec![0, 1]), 2));
    }

    #[test]
    fn a_token_that_comes_twice_and_a_page_that_fails_are_no_end() {
        let circle = |_, _| std::future::ready(Ok(Page { items: vec![()], next: Some("again".to_owned()) }));
        let turned = Page::turn_all(usize::MAX, circle).now_or_never().unwrap();
        assert!(matches!(turned, Err(PortError::Failed(_))));
        let fails = |token: Option<String>, _| {
            let first = Page { items: vec![()], next: Some("more".to_owned()) };
            std::future::ready(token.map_or(Ok(first), |_| Err(PortError::Denied(String::new()))))
        };
        let turned = Page::turn_all(usize::MAX, fails).now_or_never().unwrap();
        assert_eq!(turned, Err(PortError::Denied(String::new())));
    }
}
