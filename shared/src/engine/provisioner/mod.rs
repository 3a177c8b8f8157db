//! The engine: the one thing that sends writes to AWS.
//!
//! A run takes the lease, and then does many things at once: what is outstanding is followed to its end, what a dead engine left is
//! settled, and what waits is claimed and sent the moment the window has room. No call waits for another's answer. Whatever happens at
//! whatever moment, the ledger holds an intent before AWS holds a request, so the next run knows what this one was about to do.
//!
//! ```text
//! session    the loop: starts what is due, takes in what has ended
//!   reading    what the ledger holds, a little at a time
//!   dispatch   sends; choose says what (roles what it knows of accounts, stale what goes back), pace and window how much
//!   follow     looks at what is under way; watch and looks say when, latency what has been learned
//!   settle     claims of which no request is known; hand_over: what takes long
//! hand       what all tasks share: the lease, the turns to call AWS, guarded writes
//! telling    what has ended, in the log and in what is counted
//! ```

mod choose;
mod dispatch;
pub(super) mod ending;
mod flight;
mod follow;
mod hand;
mod hand_over;
pub(super) mod latency;
mod learning;
mod looks;
mod pace;
mod reading;
mod roles;
mod send;
mod session;
mod settle;
mod shown;
mod stale;
pub(super) mod telling;
mod trips;
mod watch;
pub(super) mod window;

use std::{collections::BTreeMap, sync::atomic::AtomicBool, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{EngineSettings, EpochError, Epochs, Learned, Wake, reading::owner, signed};
use crate::{
    domain::{AssignmentKey, InstanceArn},
    ports::{AccessReader, AccessWriter, Clock, Ledger, LedgerError, PortError, Queue, SeenKind, Witness},
};
use session::{Pause, Session};

/// Whoever decides has a clock of its own, and takes a while to write down what it has decided.
const LATELY: SignedDuration = SignedDuration::from_mins(2);

/// The engine with everything that it needs. Only the holder of the lease can do anything with it.
#[derive(Clone, Copy)]
pub struct Provisioner<'a> {
    pub access: &'a dyn AccessReader,
    pub writer: &'a dyn AccessWriter,
    pub ledger: &'a dyn Ledger,
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    /// Who looks after requests that outlive the engine's patience; without it the engine itself does, once a minute.
    pub polls: Option<&'a dyn Queue>,
    /// What tells of the ledger: nothing is taken away by one that was restored.
    pub witness: &'a dyn Witness,
    pub clock: &'a dyn Clock,
    pub settings: EngineSettings,
    /// Set by whoever wants the run to end: from then on no call is begun, and it hands over once those under way are answered.
    pub called_off: Option<&'a AtomicBool>,
}

impl std::fmt::Debug for Provisioner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Another engine holds the lease; it will see the work.
    #[default]
    HeldElsewhere,
    /// There is nothing left to do now.
    Done,
    /// Time was up, or what is left waits for a time of its own: the next run has been woken.
    HandedOver,
    /// What is left can't be helped on now. Whatever changes that wakes the engine, and so does the next tick.
    Waiting,
    /// Somebody has paused Usher. What was under way is finished; nothing else is sent.
    Paused,
    /// The lease passed to another in the middle.
    LeaseLost,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RunSummary {
    pub end: RunEnd,
    /// Assignments that AWS says are provisioned.
    pub granted: usize,
    /// Assignments that AWS says are gone.
    pub revoked: usize,
    /// Requests that failed and will be sent again.
    pub retried: usize,
    /// Keys that AWS refused for good.
    pub blocked: usize,
    /// Keys of which it cannot be said whose they are.
    pub uncertain: usize,
    /// Grants given up because somebody else had made the assignment meanwhile.
    pub given_up: usize,
    /// The most requests that were outstanding at once.
    pub outstanding: usize,
}

/// Why a run broke off. The ledger says what was under way; the next run takes it up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot use the access administration of Identity Center")]
    Access(#[source] PortError),
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
    #[error("cannot tell whether the ledger is whole")]
    Epoch(#[from] EpochError),
    #[error(
        "the ledger belongs to the instance `{ledger}`, and this is `{here}`: use the ledger of this instance"
    )]
    OtherInstance { ledger: InstanceArn, here: InstanceArn },
}

impl RunError {
    /// Whether the ledger may well do it a little later.
    fn is_transient(&self) -> bool {
        matches!(self, Self::Ledger(LedgerError::Port(error)) if error.is_transient())
    }
}

impl Provisioner<'_> {
    /// Runs the engine until there is nothing to do or `until` has come. `holder` names this run in the lease.
    pub async fn run(&self, holder: &str, wake: &Wake, until: Timestamp) -> Result<RunSummary, RunError> {
        let until = until.min(self.clock.now() + signed(self.settings.run_for));
        let mut summary = RunSummary::default();
        // Without a usable instance every call would be refused, and every key be blocked for a day for what is no fault of it.
        let kept = self.check_instance().await?;
        // INVARIANT: before anything is sent. What it freezes is an order, and no claim is made under other orders than were read.
        Epochs { ledger: self.ledger, witness: self.witness, clock: self.clock }.check().await?;
        let mut written = kept.clone().unwrap_or_default();
        let mut known = wake.learned.clone().or(kept);
        // Each row is news once in a run, and only as it is.
        let mut looked_through = BTreeMap::new();
        loop {
            let now = self.clock.now();
            let Some(lease) = self.ledger.acquire_lease(holder, now, self.settings.lease).await? else {
                // The holder will see the work, unless it is dead: then somebody must look once its lease has run out. Once is
                // enough, so a wake that has been put off before isn't again.
                if wake.hops == 0
                    && let Some(later) = wake.next()
                {
                    later.send(self.wake, now, self.settings.lease).await.map_err(RunError::Queue)?;
                }
                return Ok(summary);
            };
            let mut session = Session::begin(self, lease, &mut summary, known.as_ref(), until);
            let pause = Box::pin(session.work()).await;
            let (lease, learned) = (session.lease(), session.learned());
            if matches!(pause, Ok(Pause::Others | Pause::Until(_))) {
                looked_through.extend(session.versions());
            }
            drop(session);
            let pause = match pause {
                Err(RunError::Ledger(LedgerError::LeaseLost)) => {
                    summary.end = RunEnd::LeaseLost;
                    return Ok(summary);
                }
                Err(error) => {
                    // Given back at once, so that the next run need not wait for its end.
                    self.ledger.release_lease(&lease).await?;
                    return Err(error);
                }
                Ok(pause) => pause,
            };
            self.ledger.release_lease(&lease).await?;
            if !matches!(pause, Pause::Until(_)) && !written.says(&learned) {
                // Whoever wakes the next run hasn't learned this.
                self.remember(&learned).await?;
                written = learned.clone();
            }
            known = Some(learned);
            match pause {
                // The same of what is not to be sent soon.
                Pause::Others if self.has_news(&mut looked_through).await? => {}
                Pause::Until(time)
                    if time > self.clock.now() && self.has_news(&mut looked_through).await? => {}
                Pause::Until(time) => {
                    summary.end = RunEnd::HandedOver;
                    let delay = time.duration_since(self.clock.now());
                    let delay = Duration::try_from(delay).unwrap_or(Duration::ZERO);
                    if let Some(next) = wake.next() {
                        let next = Wake { learned: known, ..next };
                        next.send(self.wake, self.clock.now(), delay).await.map_err(RunError::Queue)?;
                    }
                    return Ok(summary);
                }
                // INVARIANT: no wake for a guess. A run that finds nothing to do and wakes the next one never ends, and each tick would add
                // another of its kind.
                Pause::Others => {
                    summary.end = RunEnd::Waiting;
                    return Ok(summary);
                }
                Pause::Ordered => {
                    summary.end = RunEnd::Paused;
                    return Ok(summary);
                }
                // Whoever wrote an intent while we held the lease may have been turned away: look once more without it.
                Pause::Nothing if self.nothing_is_left().await? => {
                    summary.end = RunEnd::Done;
                    return Ok(summary);
                }
                Pause::Nothing => {}
            }
        }
    }

    /// Whether calls have a usable instance to go to, and the ledger is of that one; tells what earlier runs have learned.
    async fn check_instance(&self) -> Result<Option<Learned>, RunError> {
        let instance = match self.access.instance().await {
            Err(error) if !error.is_transient() => return Err(RunError::Access(error)),
            Err(_) => None,
            Ok(instance) => Some(instance.arn),
        };
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        match (owner(&facts), instance) {
            (Some(ledger), Some(here)) if ledger != here => Err(RunError::OtherInstance { ledger, here }),
            _ => Ok(Learned::of_facts(&facts, self.clock.now())),
        }
    }

    /// Writes down what was learned.
    async fn remember(&self, learned: &Learned) -> Result<(), LedgerError> {
        match learned.to_fact(self.clock.now()) {
            Some(fact) => self.ledger.remember(SeenKind::Fact, &[fact]).await,
            None => Ok(()),
        }
    }

    /// Whether something has been decided lately that isn't among what was looked through. From then on it is.
    async fn has_news(&self, looked_through: &mut BTreeMap<AssignmentKey, u64>) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        let rows =
            self.ledger.work_decided_since(now - LATELY, self.settings.window.saturating_mul(4)).await?;
        let mut news = false;
        for row in rows.into_iter().filter(|row| row.claim().is_none() && row.is_due(now)) {
            news |= looked_through.insert(row.key, row.version) != Some(row.version);
        }
        Ok(news)
    }

    /// Whether there is no work but what messages look after. It is first in the order of work, and no more than the window.
    async fn nothing_is_left(&self) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        let work = self.ledger.work(self.settings.window.saturating_mul(2)).await?;
        Ok(work.iter().all(|row| row.is_handed_over(now)))
    }
}
