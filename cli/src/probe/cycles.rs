//! One assignment is made and taken away, several times over: how long it takes, and how late the lists show it.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use shared::{
    domain::{AssignmentKey, Operation},
    ports::{PortError, RequestListing, RequestSummary},
};

use super::{Ended, LIST_EVERY, LOOK_EVERY, Order, PATIENCE, Prober, Trouble, hands::Followed};
use crate::{
    args::Step,
    failure::ProbeFailure,
    report::{Found, Lags, ListLag, ListOrder, Measured, ProvisioningTime, Seconds, StatusLists, Times},
};

/// Fewer records than this may be in an order by chance.
const ENOUGH: usize = 4;
/// The most that a page of a list has.
const PAGE: usize = 100;

/// What was seen so far.
#[derive(Default)]
struct Seen {
    creates: Vec<Duration>,
    deletes: Vec<Duration>,
    troubles: Vec<String>,
    by_account: ListSeen,
    by_principal: ListSeen,
    listed: Vec<Duration>,
    not_listed: usize,
    ended: Vec<Ended>,
}

/// How late one list was.
#[derive(Default)]
struct ListSeen {
    shown: Vec<Duration>,
    gone: Vec<Duration>,
    not_within: usize,
    refused: Option<String>,
}

impl ListSeen {
    fn report(&self) -> Lags {
        Lags {
            shown: Times::of(&self.shown),
            gone: Times::of(&self.gone),
            not_within: self.not_within,
            refused: self.refused.clone(),
        }
    }

    /// What came of looking until the list showed what is so.
    fn take(&mut self, operation: Operation, lag: Result<Option<Duration>, String>) {
        match (lag, operation) {
            (Ok(Some(lag)), Operation::Grant) => self.shown.push(lag),
            (Ok(Some(lag)), Operation::Revoke) => self.gone.push(lag),
            (Ok(None), _) => self.not_within += 1,
            (Err(why), _) => self.refused = Some(why),
        }
    }
}

impl Prober<'_> {
    /// Measures what can be measured so. Gives the last requests that have ended.
    pub(super) async fn measure_cycles(
        &self,
        order: &Order,
        measured: &mut Measured,
    ) -> Result<Vec<Ended>, ProbeFailure> {
        let steps = order.cycles();
        let Some(key) = order.keys.first().filter(|_| !steps.is_empty()) else { return Ok(Vec::new()) };
        let rounds = order.rounds();
        let mut seen = Seen::default();
        for round in 1..=rounds {
            (self.tell)(&format!("an assignment is made and taken away, {round} of {rounds}"));
            let came = self.cycle(key, &steps, &mut seen).await;
            let stop = match came {
                Ok(()) => false,
                Err(Trouble::Fatal(failure)) => return Err(failure),
                Err(Trouble::Told(why)) => {
                    (self.tell)(&why);
                    seen.troubles.push(why);
                    // What failed has left nothing, and may not fail again; of anything else nothing more is piled up.
                    !self.journal.is_clean()
                }
            };
            report(&steps, &seen, measured);
            if stop {
                break;
            }
        }
        if steps.contains(&Step::StatusLists) {
            measured.status_lists = Some(self.status_lists(&seen).await);
        }
        Ok(seen.ended)
    }

    async fn cycle(
        &self,
        key: &AssignmentKey,
        steps: &BTreeSet<Step>,
        seen: &mut Seen,
    ) -> Result<(), Trouble> {
        if !self.journal.is_clean() {
            return Err(Trouble::Told("what was made before is not taken away yet".to_owned()));
        }
        self.wait_until_absent(std::slice::from_ref(key)).await?;
        for operation in [Operation::Grant, Operation::Revoke] {
            let sent = self.send(operation, key).await?;
            let with_lists = steps.contains(&Step::StatusLists);
            let Followed { took, ended, listed } = self.follow(&sent, with_lists).await?;
            match operation {
                Operation::Grant => seen.creates.push(took),
                Operation::Revoke => seen.deletes.push(took),
            }
            if with_lists {
                match listed {
                    Some(listed) => seen.listed.push(listed),
                    None => seen.not_listed += 1,
                }
            }
            seen.ended.push(Ended { operation, request: sent.request, at: ended });
            if steps.contains(&Step::ListLag) {
                self.lists_after(operation, key, ended, seen).await;
            }
        }
        Ok(())
    }

    /// Looks at both lists until they show what is so since a moment.
    async fn lists_after(
        &self,
        operation: Operation,
        key: &AssignmentKey,
        since: Timestamp,
        seen: &mut Seen,
    ) {
        let wanted = operation == Operation::Grant;
        let (mut account, mut principal) = (None, None);
        loop {
            if account.is_none() {
                let there = self.access.principals(&key.account, &key.permission_set).await;
                account = self.look(there.map(|all| all.contains(&key.principal)), wanted, since);
            }
            if principal.is_none() {
                let there = self.access.assignments_of(&key.principal).await;
                principal = self.look(there.map(|all| all.contains(key)), wanted, since);
            }
            if account.is_some() && principal.is_some() {
                break;
            }
            self.clock.sleep(LIST_EVERY).await;
        }
        seen.by_account.take(operation, account.unwrap_or(Ok(None)));
        seen.by_principal.take(operation, principal.unwrap_or(Ok(None)));
    }

    /// What a look came to: nothing yet, how late the list is, that it has taken too long, or that it may not be looked at.
    fn look(
        &self,
        there: Result<bool, PortError>,
        wanted: bool,
        since: Timestamp,
    ) -> Option<Result<Option<Duration>, String>> {
        let passed = self.since(since);
        match there {
            Ok(there) if there == wanted => Some(Ok(Some(passed))),
            Err(error) if !error.is_transient() => Some(Err(error.to_string())),
            Ok(_) | Err(_) => (passed >= PATIENCE).then_some(Ok(None)),
        }
    }

    /// In which order a page of a list of requests is.
    async fn status_lists(&self, seen: &Seen) -> Found<StatusLists> {
        let (operation, listing) = (Operation::Grant, RequestListing::Succeeded);
        let page = self.patiently(async || self.access.requests_page(operation, listing, PAGE, None).await);
        match page.await {
            Ok(page) => {
                let (order, compared) = order_of(&page.items);
                Found::Measured(StatusLists {
                    order,
                    compared,
                    shown: Times::of(&seen.listed),
                    not_within: seen.not_listed,
                })
            }
            Err(error) => Found::NotMeasured { why: error.to_string() },
        }
    }
}

fn report(steps: &BTreeSet<Step>, seen: &Seen, measured: &mut Measured) {
    let nothing = || {
        let why = seen.troubles.join("; ");
        if why.is_empty() { "nothing was made".to_owned() } else { why }
    };
    if steps.contains(&Step::ProvisioningTime) {
        let time = ProvisioningTime {
            creates: Times::of(&seen.creates),
            deletes: Times::of(&seen.deletes),
            looked_every: Seconds(LOOK_EVERY),
            troubles: seen.troubles.clone(),
        };
        let is_measured = time.creates.is_some() || time.deletes.is_some();
        measured.provisioning_time =
            Some(if is_measured { Found::Measured(time) } else { Found::NotMeasured { why: nothing() } });
    }
    if steps.contains(&Step::ListLag) {
        measured.list_lag = Some(if seen.ended.is_empty() {
            Found::NotMeasured { why: nothing() }
        } else {
            Found::Measured(ListLag {
                by_account: seen.by_account.report(),
                by_principal: seen.by_principal.report(),
                looked_every: Seconds(LIST_EVERY),
            })
        });
    }
}

/// The order of a list, by the times in it, and how many different ones there were.
fn order_of(records: &[RequestSummary]) -> (ListOrder, usize) {
    let mut times: Vec<Timestamp> = records.iter().filter_map(|record| record.created_at).collect();
    times.dedup();
    let different = times.iter().collect::<BTreeSet<_>>().len();
    let order = if different < ENOUGH {
        ListOrder::TooFew
    } else if times.is_sorted_by(|a, b| a > b) {
        ListOrder::NewestFirst
    } else if times.is_sorted_by(|a, b| a < b) {
        ListOrder::OldestFirst
    } else {
        ListOrder::Unordered
    };
    (order, different)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_told_by_enough_different_times() {
        let of = |seconds: &[i64]| {
            let record = |(at, second): (usize, &i64)| RequestSummary {
                id: format!("f10fac16-ab5b-45c3-86c1-{at:012}").parse().unwrap(),
                listing: RequestListing::Succeeded,
                created_at: Some(Timestamp::from_second(*second).unwrap()),
            };
            order_of(&seconds.iter().enumerate().map(record).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), (ListOrder::TooFew, 0));
        assert_eq!(of(&[5, 4, 3]), (ListOrder::TooFew, 3));
        assert_eq!(of(&[5, 5, 4, 4, 3, 2]), (ListOrder::NewestFirst, 4));
        assert_eq!(of(&[1, 2, 2, 3, 9]), (ListOrder::OldestFirst, 4));
        assert_eq!(of(&[1, 9, 2, 3]), (ListOrder::Unordered, 4));
        assert_eq!(of(&[5, 4, 3, 2, 5]), (ListOrder::Unordered, 4));
    }
}
