//! Handing over what takes long: a request past the engine's patience is looked after by messages with delays, and no engine
//! stays up for it. It keeps its slot in the window.
//!
//! INVARIANT: who may end a claimed row is said by the row. While its claim is marked as handed over, only the poller does; without
//! the mark, only the engine. Both write on the row's version.

use jiff::Timestamp;

use super::{
    RunError,
    flight::{Following, Stage},
    hand::Hand,
    looks::Open,
    session::{Done, Session},
    watch::ROUGHLY,
};
use crate::{
    domain::AssignmentKey,
    engine::{Poll, signed},
    ledger::{Claim, Intent, Row},
    ports::Queue,
};

/// What came of handing a request over.
pub(super) enum HandedOver {
    /// Messages look after it from now on.
    Marked(Box<Row>),
    /// Another has changed the row meanwhile: it is taken up again as it is now, and handed over once more.
    Changed,
    /// The queue for what takes long can't be used.
    NoQueue,
}

impl Hand<'_> {
    async fn hand_over(&self, row: Row, polls: &dyn Queue) -> Result<HandedOver, RunError> {
        let now = self.now();
        let Some(poll) = Poll::of(&row, now) else { return Ok(HandedOver::Changed) };
        // The message first: with the mark alone, nobody would look for an hour. Until the mark is there, it waits.
        if let Err(error) = poll.send(polls, now, Poll::FIRST_LOOK).await {
            tracing::warn!(%error, "cannot hand over what takes long: this run of the engine looks after it itself");
            return Ok(HandedOver::NoQueue);
        }
        let marked = self.write(marked(row, Some(now))).await?;
        Ok(marked.map_or(HandedOver::Changed, |row| HandedOver::Marked(Box::new(row))))
    }
}

fn marked(row: Row, polled: Option<Timestamp>) -> Row {
    row.map_intent(|intent| Intent { claim: intent.claim.map(|claim| Claim { polled, ..claim }), ..intent })
}

impl Session<'_> {
    /// Hands over every request that the engine has followed for as long as its patience lasts.
    pub(super) fn start_handing_over(&mut self, now: Timestamp) {
        if self.engine().polls.is_none() || self.polls_failed {
            return;
        }
        let patience = signed(self.engine().settings.patience);
        let (mut slow, mut later) = (Vec::new(), Timestamp::MAX);
        for (key, flight) in &self.flights {
            let Some(following) = flight.following() else { continue };
            let due = flight.row.claim().map_or(now, |claim| claim.at) + patience;
            if due > now {
                later = later.min(due);
            } else if !following.busy {
                slow.push(key.clone());
            }
        }
        self.wake_by(later);
        for key in slow {
            self.hand_over(key);
        }
    }

    fn hand_over(&mut self, key: AssignmentKey) {
        let Some(polls) = self.engine().polls else { return };
        let Some(flight) = self.flights.get_mut(&key) else { return };
        flight.stage = Stage::HandingOver;
        let (hand, row) = (self.hand.clone(), flight.row.clone());
        self.start(async move {
            let came_of_it = hand.hand_over(row, polls).await?;
            Ok(Done::HandedOver { key, came_of_it })
        });
    }

    /// Takes in what came of handing over.
    pub(super) fn take_handed_over(&mut self, key: AssignmentKey, came_of_it: HandedOver) {
        match came_of_it {
            HandedOver::Marked(row) => {
                if let Some(flight) = self.flights.get_mut(&key) {
                    (flight.row, flight.stage) = (*row, Stage::Slow);
                }
            }
            HandedOver::Changed => self.take_over(key),
            HandedOver::NoQueue => {
                self.polls_failed = true;
                self.take_over(key);
            }
        }
    }

    /// Takes up a claim that this session doesn't know: a dead engine's, or an earlier run's. The listing may be late; the row itself
    /// is not.
    pub(super) fn take_over(&mut self, key: AssignmentKey) {
        let Some(flight) = self.flights.get_mut(&key) else { return };
        flight.stage = Stage::Reading;
        let hand = self.hand.clone();
        self.start(async move {
            let row = hand.engine.ledger.row(&key).await?;
            Ok(Done::Taken { key, row })
        });
    }

    /// Takes in a row that was read because of its claim.
    pub(super) fn take_row(&mut self, key: AssignmentKey, row: Option<Row>) {
        let now = self.hand.now();
        let Some(row) = row.filter(|row| row.claim().is_some()) else {
            self.land(&key);
            return;
        };
        let Some(claim) = row.claim().cloned() else { return };
        let Some(flight) = self.flights.get_mut(&key) else { return };
        let handed_over = row.is_handed_over(now);
        flight.row = row;
        flight.stage = match (claim.request, claim.polled) {
            _ if handed_over => Stage::Slow,
            (Some(request), None) => Stage::Open(Following {
                request,
                // By our own clock, and so roughly.
                created_at: Some(claim.at),
                // The call was made a moment after its claim.
                open: Open { since: claim.at + signed(ROUGHLY), looked: None },
                exact: false,
                // What was under way beside it when it was sent isn't known any more.
                unhindered: false,
                closer: None,
                busy: false,
            }),
            (_, Some(_)) => {
                self.take_back(key);
                return;
            }
            (None, None) => Stage::Lost { next: now, busy: false },
        };
    }

    /// The messages about it seem to have been lost: others are sent, or this engine itself looks after it.
    fn take_back(&mut self, key: AssignmentKey) {
        if self.engine().polls.is_some() && !self.polls_failed {
            self.hand_over(key);
            return;
        }
        let Some(flight) = self.flights.get_mut(&key) else { return };
        flight.stage = Stage::Reading;
        let (hand, row) = (self.hand.clone(), marked(flight.row.clone(), None));
        self.start(async move {
            let row = hand.write(row).await?;
            Ok(Done::Taken { key, row })
        });
    }
}
