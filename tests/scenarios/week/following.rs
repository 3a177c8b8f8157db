//! Follows each change from the moment when AWS had it to the end of the last request that it led to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::domain::AssignmentKey;
use simulator::World;

use super::running::Running;
use crate::scenarios::model::{Rules, Truth};

/// How long the backlog of a bad time may last after it.
const BACKLOG: SignedDuration = SignedDuration::from_mins(30);

/// Something that changed what the rules want.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) at: Timestamp,
    /// For each call, what its events are known by, of which one is enough. Nothing, if no event tells of it.
    pub(super) signs: Vec<Vec<String>>,
}

/// What the time that a change took was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Every event came.
    Heard,
    /// An event was lost, or there is none: a sweep found it.
    Found,
    /// AWS throttled, the identity store was away, or an identity provider made all its groups again.
    HeldUp,
    /// A budget or a hold waited for a person.
    Waited,
}

impl Way {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Heard => "its event came",
            Self::Found => "no event came: the sweep found it",
            Self::HeldUp => "in a bad time, or within half an hour after it",
            Self::Waited => "waited for a person",
        }
    }
}

/// A key that became wanted, or unwanted, and is not there, or is there still.
#[derive(Debug, Clone, Copy)]
struct Open {
    since: Timestamp,
    wanted: bool,
    change: usize,
}

/// One key that is as the rules want it again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) wanted: bool,
    pub(super) way: Way,
    pub(super) took: Duration,
}

/// All changes, and how far each has come.
#[derive(Debug, Default)]
pub(super) struct Following {
    wanted: BTreeSet<AssignmentKey>,
    changes: Vec<Change>,
    open: BTreeMap<AssignmentKey, Open>,
    pub(super) done: Vec<Done>,
    /// Bad times: from when to when.
    pub(super) bad: Vec<(Timestamp, Timestamp)>,
    /// Keys that were seen to wait for a person.
    pub(super) waited: BTreeSet<AssignmentKey>,
    /// Changes that were undone before anything came of them.
    pub(super) undone: usize,
}

impl Following {
    /// Something has changed.
    pub(super) fn changed(&mut self, change: Change, rules: &Rules, world: &World) {
        let truth = Truth::of(world);
        let wanted = rules.wanted(&truth);
        let (since, place) = (change.at, self.changes.len());
        self.changes.push(change);
        let is_there = |key: &AssignmentKey| {
            world.assignment_history(key).last().is_some_and(|(_, made)| made.is_some())
        };
        for key in wanted.symmetric_difference(&self.wanted) {
            let is_wanted = wanted.contains(key);
            self.undone += usize::from(self.open.remove(key).is_some());
            // What rules only observe is never given.
            let is_given = !is_wanted || rules.may_grant(&truth, key);
            if is_there(key) != is_wanted && is_given {
                self.open.insert(key.clone(), Open { since, wanted: is_wanted, change: place });
            }
        }
        self.wanted = wanted;
    }

    pub(super) fn wants(&self, key: &AssignmentKey) -> bool {
        self.wanted.contains(key)
    }

    /// Looks how far all that is open has come.
    pub(super) fn look(&mut self, world: &World, running: &Running<'_>) {
        let open = std::mem::take(&mut self.open);
        for (key, open) in open {
            let history = world.assignment_history(&key);
            let end = history.iter().find(|(at, made)| *at >= open.since && made.is_some() == open.wanted);
            match end {
                Some((end, _)) => {
                    let way = self.way(&key, open, *end, running);
                    let took = Duration::try_from(end.duration_since(open.since)).unwrap();
                    self.done.push(Done { wanted: open.wanted, way, took });
                }
                None => {
                    self.open.insert(key, open);
                }
            }
        }
    }

    fn way(&self, key: &AssignmentKey, open: Open, end: Timestamp, running: &Running<'_>) -> Way {
        let Change { at, signs } = &self.changes[open.change];
        let heard = |sign: &String| running.heard_at(sign).is_some_and(|at| at <= end);
        if self.waited.contains(key) {
            Way::Waited
        } else if self.bad.iter().any(|(from, to)| *at < *to + BACKLOG && *from < end) {
            Way::HeldUp
        } else if !signs.is_empty() && signs.iter().all(|call| call.iter().any(heard)) {
            Way::Heard
        } else {
            Way::Found
        }
    }

    /// What was open is not part of what is measured.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.done.clear();
    }

    /// Keys that are not as the rules want them yet.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}
