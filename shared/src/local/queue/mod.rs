//! Queues in process, with what SQS guarantees and no more.
//!
//! Times are the clock's, so under virtual time a queue is deterministic. Receiving never waits: an empty answer comes at
//! once. What is in a queue is gone with the process; the ledger is the list of work, so that costs look-ups only.

mod check;
mod faults;
mod held;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

pub use faults::{Chance, Faults};

use self::held::{Held, State};
use crate::clock::later;
use crate::ports::{Clock, Message, PortError, Queue, Received};

/// For how long a FIFO queue knows a message by its deduplication id (SQS: five minutes, whatever became of the message).
const DEDUPLICATION: Duration = Duration::from_mins(5);

/// How many messages one receive gives at most (SQS: ten).
const RECEIVED_AT_ONCE: usize = 10;

/// How long a message is kept (SQS: four days, unless the queue says otherwise).
const RETENTION: Duration = Duration::from_hours(4 * 24);

/// Which of SQS's two kinds a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fifo,
    Standard,
}

/// Where messages go that are received too often.
struct DeadLetters {
    after: u32,
    queue: Arc<LocalQueue>,
}

/// How much is in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Could be received now, or once those before them in their group are done.
    pub waiting: usize,
    /// Sent with a delay that has not passed yet.
    pub delayed: usize,
    /// Received, and neither acknowledged nor visible again.
    pub in_flight: usize,
}

/// A queue in process.
pub struct LocalQueue {
    kind: Kind,
    clock: Arc<dyn Clock>,
    retention: Duration,
    dead_letters: Option<DeadLetters>,
    state: Mutex<State>,
}

impl std::fmt::Debug for LocalQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalQueue")
            .field("kind", &self.kind)
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

impl LocalQueue {
    /// A queue that keeps the order inside a group and drops repeated messages.
    pub fn fifo(clock: Arc<dyn Clock>) -> Self {
        Self::new(Kind::Fifo, clock)
    }

    /// A queue without groups, order and deduplication.
    pub fn standard(clock: Arc<dyn Clock>) -> Self {
        Self::new(Kind::Standard, clock)
    }

    fn new(kind: Kind, clock: Arc<dyn Clock>) -> Self {
        Self { kind, clock, retention: RETENTION, dead_letters: None, state: Mutex::new(State::default()) }
    }

    /// Messages that were received `after` times go to `queue` instead of being received once more.
    pub fn with_dead_letters(mut self, after: u32, queue: Arc<LocalQueue>) -> Self {
        self.dead_letters = Some(DeadLetters { after, queue });
        self
    }

    /// Messages are dropped this long after they were sent; four days if nothing else is said.
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// From now on the queue misbehaves like this.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How much is in it.
    pub fn depth(&self) -> Depth {
        let now = self.clock.now();
        let mut depth = Depth::default();
        for held in &self.state().messages {
            if held.visible_at <= now {
                depth.waiting += 1;
            } else if held.in_flight {
                depth.in_flight += 1;
            } else {
                depth.delayed += 1;
            }
        }
        depth
    }

    /// When the next message that is hidden now becomes visible: the time to look again at a queue that gave nothing.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        self.state().messages.iter().map(|held| held.visible_at).filter(|at| *at > now).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made in one piece after its checks: what a panic elsewhere left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over messages that another queue gave up on. Here they count from the beginning.
    fn bury(&self, dead: Vec<Held>, now: Timestamp) {
        let mut state = self.state();
        for held in dead {
            let id = state.next_id();
            state.push(id, held.message, now, now);
        }
    }
}

#[async_trait::async_trait]
impl Queue for LocalQueue {
    async fn send(&self, messages: &[Message]) -> Result<(), PortError> {
        for message in messages {
            check::message(message, self.kind)?;
        }
        let now = self.clock.now();
        let mut state = self.state();
        state.sweep(now, self.retention);
        for message in messages {
            if self.kind == Kind::Fifo && !state.first_seen(&message.deduplication, now) {
                continue;
            }
            let id = state.next_id();
            if state.faults.drops() {
                continue;
            }
            // FIFO queues have no delay for single messages.
            let asked = if self.kind == Kind::Standard { message.delay } else { Duration::ZERO };
            let visible_at = later(now, state.faults.delays().unwrap_or_default().max(asked));
            state.push(id, message.clone(), now, visible_at);
        }
        Ok(())
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        check::visibility(visibility)?;
        let now = self.clock.now();
        let hidden_until = later(now, visibility);
        let limit = self.dead_letters.as_ref().map(|dead| dead.after);
        let (received, dead) = {
            let mut state = self.state();
            state.sweep(now, self.retention);
            let mut received = Vec::new();
            let mut dead = Vec::new();
            for at in state.available(now, self.kind) {
                if received.len() >= max.min(RECEIVED_AT_ONCE) {
                    break;
                }
                let stays_visible = self.kind == Kind::Standard && state.faults.repeats();
                let Some(held) = state.messages.get_mut(at) else { continue };
                if limit.is_some_and(|limit| held.receives >= limit) {
                    dead.push(held.id.clone());
                } else {
                    received.push(held.deliver(if stays_visible { now } else { hidden_until }, self.kind));
                }
            }
            (received, dead.iter().filter_map(|id| state.remove(id)).collect::<Vec<_>>())
        };
        if let Some(DeadLetters { queue, .. }) = &self.dead_letters
            && !dead.is_empty()
        {
            queue.bury(dead, now);
        }
        Ok(received)
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError> {
        let (id, delivery) = check::receipt(receipt)?;
        let now = self.clock.now();
        let mut state = self.state();
        let Some(held) = state.find(id) else { return Ok(()) };
        let latest = held.receives == delivery;
        let in_flight = held.in_flight && held.visible_at > now;
        match self.kind {
            Kind::Fifo if !(latest && in_flight) => Err(check::expired()),
            // At least once: the acknowledgement is lost, and the message comes again when it is visible.
            Kind::Fifo if state.faults.repeats() => Ok(()),
            // SQS takes an older receipt too, and keeps the message.
            Kind::Standard if !latest => Ok(()),
            Kind::Fifo | Kind::Standard => {
                state.remove(id);
                Ok(())
            }
        }
    }

    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError> {
        check::visibility(delay)?;
        let (id, delivery) = check::receipt(receipt)?;
        let now = self.clock.now();
        let mut state = self.state();
        match state.find(id) {
            Some(held) if held.receives == delivery && held.in_flight && held.visible_at > now => {
                held.visible_at = later(now, delay);
                Ok(())
            }
            Some(_) | None => Err(check::expired()),
        }
    }
}

impl State {
    /// The places of what can be received now, in the order in which it is given out.
    fn available(&mut self, now: Timestamp, kind: Kind) -> Vec<usize> {
        let Self { messages, faults, .. } = self;
        let mut blocked: BTreeSet<&str> = BTreeSet::new();
        if kind == Kind::Fifo {
            let under_way = messages.iter().filter(|held| held.in_flight && held.visible_at > now);
            blocked.extend(under_way.map(|held| held.message.group.as_str()));
        }
        let mut free: Vec<(&str, usize)> = Vec::new();
        for (at, held) in messages.iter().enumerate() {
            // In a standard queue every message is a group of its own.
            let group = match kind {
                Kind::Fifo => held.message.group.as_str(),
                Kind::Standard => held.id.as_str(),
            };
            if blocked.contains(group) {
                continue;
            }
            if held.visible_at > now {
                // What is behind a delayed message of its group waits for it.
                blocked.insert(group);
            } else {
                free.push((group, at));
            }
        }
        faults.reorder(&mut free);
        free.into_iter().map(|(_, at)| at).collect()
    }
}

#[cfg(test)]
mod tests;
