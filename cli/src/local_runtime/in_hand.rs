//! What was taken from a queue that others read too, and is not done with: left behind, it would be hidden from them until its time has passed, and in a
//! FIFO queue all of its group with it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::ports::{Message, PortError, Queue, Received};

/// A queue that knows what was received from it and neither acknowledged nor released.
pub(crate) struct InHand {
    queue: Arc<dyn Queue>,
    receipts: Mutex<BTreeSet<String>>,
}

impl InHand {
    pub(crate) fn of(queue: Arc<dyn Queue>) -> Arc<Self> {
        Arc::new(Self { queue, receipts: Mutex::default() })
    }

    /// Gives everything back that is in hand, for whoever reads the queue next. Of what fails the first reason is told: it comes again by itself.
    pub(crate) async fn let_go(&self) -> Result<(), PortError> {
        let receipts = std::mem::take(&mut *self.receipts());
        let releases = receipts.iter().map(|receipt| self.queue.release(receipt, Duration::ZERO));
        futures::future::join_all(releases).await.into_iter().collect()
    }

    fn receipts(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Queue for InHand {
    async fn send(&self, messages: &[Message]) -> Result<(), PortError> {
        self.queue.send(messages).await
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        let received = self.queue.receive(max, visibility).await?;
        self.receipts().extend(received.iter().map(|message| message.receipt.clone()));
        Ok(received)
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError> {
        self.queue.acknowledge(receipt).await?;
        self.receipts().remove(receipt);
        Ok(())
    }

    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError> {
        self.queue.release(receipt, delay).await?;
        self.receipts().remove(receipt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::{clock::SystemClock, local::LocalQueue};

    use super::*;

    fn message(number: usize) -> Message {
        Message {
            group: if number < 3 { "111122223333" } else { "444455556666" }.to_owned(),
            deduplication: number.to_string(),
            body: number.to_string(),
            delay: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn what_is_in_hand_at_the_end_can_be_received_at_once_and_in_its_order() {
        let queue = Arc::new(LocalQueue::fifo(Arc::new(SystemClock)));
        let ours = InHand::of(Arc::clone(&queue) as Arc<dyn Queue>);
        ours.send(&[0, 1, 2, 3].map(message)).await.unwrap();
        let hour = Duration::from_hours(1);
        let received = ours.receive(10, hour).await.unwrap();
        ours.acknowledge(&received[0].receipt).await.unwrap();
        // What has failed keeps its time.
        ours.release(&received[3].receipt, hour).await.unwrap();
        assert_eq!(queue.receive(10, hour).await.unwrap(), [], "another reader has to wait");

        ours.let_go().await.unwrap();
        let next = queue.receive(10, hour).await.unwrap();
        assert_eq!(next.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        ours.let_go().await.unwrap();
        assert_eq!(queue.receive(10, hour).await.unwrap(), [], "they are another's by now");
    }
}
