//! Events on their way to a function, as EventBridge and Lambda's queue of asynchronous invocations carry them.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{LAST_TRY, LocalRuntime};

/// When an event whose function failed is tried again: after one minute, after two more, and then no more (Lambda developer guide,
/// "asynchronous invocation").
const AGAIN: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// Events that are yet to be delivered.
#[derive(Debug, Default)]
pub(crate) struct EventBus {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    event: Value,
    failed: usize,
    not_before: Timestamp,
}

impl EventBus {
    /// Takes events that AWS has just sent. Those that no rule of Usher's would let through go no further.
    pub(crate) fn take(&mut self, events: Vec<Value>) {
        let ours = events.into_iter().filter(LocalRuntime::is_for_us);
        self.waiting.extend(ours.map(|event| Waiting { event, failed: 0, not_before: Timestamp::MIN }));
    }

    /// Delivers what is due. An event that fails stands in no other's way, and after its last try it is put aside.
    pub(crate) async fn deliver(&mut self, runtime: &LocalRuntime, now: Timestamp) {
        for _ in 0..self.waiting.len() {
            let Some(Waiting { event, failed, not_before }) = self.waiting.pop_front() else { return };
            if not_before > now {
                self.waiting.push_back(Waiting { event, failed, not_before });
                continue;
            }
            let Err(error) = runtime.deliver(event.clone()).await else { continue };
            let mut error = shared::causes::joined(&error);
            if let Some(pause) = AGAIN.get(failed) {
                let not_before = now.checked_add(*pause).unwrap_or(Timestamp::MAX);
                self.waiting.push_back(Waiting { event, failed: failed + 1, not_before });
            } else {
                if let Err(unparked) = runtime.give_up(&event, &error, tries(failed)).await {
                    runtime.trouble("putting an event aside", unparked.to_string());
                }
                error.push_str(LAST_TRY);
            }
            runtime.trouble("the delivery of an event", error);
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// How often an event was tried that has failed so often before.
fn tries(failed: usize) -> u32 {
    u32::try_from(failed + 1).unwrap_or(u32::MAX)
}
