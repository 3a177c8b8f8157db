//! Events that come by a queue: EventBridge puts each into it as it would give it to a function.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::ports::Queue;

use super::{LAST_TRY, LocalRuntime};

impl LocalRuntime {
    /// Gives what is in the queue to the functions that read it, until it is asked to end. What fails comes again later each time, and on its last
    /// try it is put aside.
    pub(crate) async fn run_events(&self, queue: &dyn Queue) {
        self.go_on("the queue of events", || self.hear(queue)).await;
    }

    async fn hear(&self, queue: &dyn Queue) -> Result<(), String> {
        let records = self.batch(queue).await?;
        let mut failed = BTreeSet::new();
        for record in &records {
            if self.halt.is_asked() {
                // It was not looked at: whoever reads the queue next does.
                failed.insert(record.id.as_str());
                continue;
            }
            // What is no JSON is put aside as what it is.
            let event =
                serde_json::from_str(&record.body).unwrap_or_else(|_| Value::String(record.body.clone()));
            let Err(error) = Box::pin(self.deliver(event.clone())).await else { continue };
            let mut error = shared::causes::joined(&error);
            if record.receives < self.manner.receives {
                failed.insert(record.id.as_str());
            } else {
                match self.give_up(&event, &error, record.receives).await {
                    Ok(()) => error.push_str(LAST_TRY),
                    Err(unparked) => {
                        failed.insert(record.id.as_str());
                        self.trouble("putting an event aside", unparked.to_string());
                    }
                }
            }
            self.trouble("the delivery of an event", error);
        }
        self.settle(queue, &records, |record| failed.contains(record.id.as_str())).await
    }
}
