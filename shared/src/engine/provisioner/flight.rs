//! What is under way, and where each of it stands.

use std::time::Duration;

use jiff::Timestamp;

use super::looks::Open;
use crate::{
    domain::{Operation, RequestId},
    ledger::Row,
};

/// A row that the engine is at work on, or that takes a place in the window.
#[derive(Debug)]
pub(super) struct Flight {
    /// As this session last wrote or read it. Nobody else changes a claimed row's state.
    pub(super) row: Row,
    pub(super) stage: Stage,
}

/// Where it stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Being claimed and sent.
    Sending { unhindered: bool },
    /// The listing shows a claim that this session doesn't know: the row itself is being read.
    Reading,
    /// AWS has taken the request.
    Open(Following),
    /// Claimed, and nothing is known of a request: being settled now and then.
    Lost { next: Timestamp, busy: bool },
    /// Being handed over to messages.
    HandingOver,
    /// Messages look after it: it only takes its place in the window.
    Slow,
    /// It has ended, and that is being written down. Its place is free.
    Ending,
}

/// A request that is followed.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) request: RequestId,
    /// When AWS accepted it, by its own clock, where it has said so.
    pub(super) created_at: Option<Timestamp>,
    pub(super) open: Open,
    /// Whether this session has sent it: else the moment of the call is known only roughly.
    pub(super) exact: bool,
    /// Nothing in its account can have held it up: it tells how long requests take.
    pub(super) unhindered: bool,
    /// When it is to be asked about by itself, if the lists don't tell before.
    pub(super) closer: Option<Timestamp>,
    /// It is being asked about.
    pub(super) busy: bool,
}

impl Flight {
    pub(super) fn operation(&self) -> Option<Operation> {
        self.row.work().map(|(operation, _)| operation)
    }

    /// Whether it takes a place in the window.
    pub(super) fn takes_a_place(&self) -> bool {
        !matches!(self.stage, Stage::Ending)
    }

    pub(super) fn following(&self) -> Option<&Following> {
        match &self.stage {
            Stage::Open(following) => Some(following),
            Stage::Sending { .. }
            | Stage::Reading
            | Stage::Lost { .. }
            | Stage::HandingOver
            | Stage::Slow
            | Stage::Ending => None,
        }
    }

    pub(super) fn following_mut(&mut self) -> Option<&mut Following> {
        match &mut self.stage {
            Stage::Open(following) => Some(following),
            Stage::Sending { .. }
            | Stage::Reading
            | Stage::Lost { .. }
            | Stage::HandingOver
            | Stage::Slow
            | Stage::Ending => None,
        }
    }

    /// For how long the row has been claimed.
    pub(super) fn waited(&self, now: Timestamp) -> Duration {
        let since = self.row.claim().map_or(now, |claim| claim.at);
        Duration::try_from(now.duration_since(since)).unwrap_or_default()
    }
}
