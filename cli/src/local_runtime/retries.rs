//! Dead letters: what an event becomes that failed for the last time, and what is to be tried again.

use std::time::Duration;

use serde_json::Value;
use shared::{
    engine::{Letter, Parked, Queues, WayBack, letters},
    ports::PortError,
};

use super::{HIDDEN, LocalRuntime, family, is_upload};

/// The pause between two looks for letters that are to be tried again.
const PAUSE: Duration = Duration::from_secs(5);

impl LocalRuntime {
    /// Puts an event aside that its function could not act on, so often.
    pub(super) async fn give_up(&self, event: &Value, error: &str, tries: u32) -> Result<(), PortError> {
        let function = if is_upload(event) {
            "on-rules-change"
        } else {
            family(event).map_or("on-account-event", shared::events::Family::function)
        };
        let letter = Parked::failed(function, error, &event.to_string(), tries);
        letter.park(self.parked.as_ref(), self.clock.as_ref()).await
    }

    /// Takes what `usher dead-letters retry` has given back to the function that it was for.
    pub(super) async fn run_retries(&self) {
        let Some(retries) = &self.retries else { return };
        self.go_on("what is to be tried again", async || {
            if !self.rest(PAUSE).await {
                return Ok(());
            }
            let joined = |error: PortError| shared::causes::joined(&error);
            for letter in letters(retries.as_ref(), HIDDEN).await.map_err(joined)? {
                self.retry(&letter).await.map_err(joined)?;
                retries.acknowledge(&letter.receipt).await.map_err(joined)?;
            }
            Ok(())
        })
        .await;
    }

    /// Tries a letter again; what fails once more is a dead letter once more.
    async fn retry(&self, letter: &Letter) -> Result<(), PortError> {
        match &letter.way {
            WayBack::Queue { queue, group } => {
                let queues = Queues {
                    inbox: self.queues.inbox.as_ref(),
                    wake: self.queues.wake.as_ref(),
                    polls: self.queues.polls.as_ref(),
                    clock: self.clock.as_ref(),
                };
                queues.send(letter, *queue, group).await
            }
            WayBack::Event { function: _, event } => {
                let Err(error) = self.deliver(event.clone()).await else { return Ok(()) };
                let error = shared::causes::joined(&error);
                self.trouble("an event that was tried again", error.clone());
                self.give_up(event, &error, 1).await
            }
            WayBack::None { why } => {
                self.trouble("a dead letter that cannot be tried again", why.clone());
                Parked::new("usher", why, &letter.payload)
                    .park(self.parked.as_ref(), self.clock.as_ref())
                    .await
            }
        }
    }
}
