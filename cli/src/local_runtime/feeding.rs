//! The functions that queues feed.

use std::{sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use shared::{
    causes,
    engine::{Poller, Provisioner, Reconciler},
    ports::{Queue, Received},
};

use super::{HIDDEN, LocalRuntime, RUN, pauses, sqs};

/// How many records a function is given at once.
const BATCH: usize = 10;
/// The pause between two looks at an empty queue.
const IDLE: Duration = Duration::from_millis(20);
/// How long `reconcile` may be at one batch: the longest that Lambda lets a function run.
const DECIDING: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

impl LocalRuntime {
    pub(super) async fn run_reconcile(&self) {
        self.go_on("the inbox", || self.reconcile()).await;
    }

    async fn reconcile(&self) -> Result<(), String> {
        let queue = self.queues.inbox.as_ref();
        let records = self.batch(queue).await?;
        if records.is_empty() {
            return Ok(());
        }
        let (planner, wake) = (self.planner(), self.queues.wake.as_ref());
        let reconciler = Reconciler { planner, ledger: &self.ledger, wake };
        let event = sqs::event(&records)?;
        let looked = |looked: reconcile::Looked<'_>| self.teller.looked(looked);
        let until = self.clock.now().checked_add(DECIDING).unwrap_or(Timestamp::MAX);
        let deciding = reconcile::handle_watched(event, reconciler, self.dead_letters(), until, looked);
        let answer = Box::pin(deciding).await;
        let failed = &answer.batch_item_failures;
        self.settle(queue, &records, |record| failed.iter().any(|failed| failed.item_identifier == record.id))
            .await
    }

    pub(super) async fn run_provision(&self) {
        self.go_on("the engine", || self.provision()).await;
    }

    async fn provision(&self) -> Result<(), String> {
        let queue = self.queues.wake.as_ref();
        let records = self.batch(queue).await?;
        if records.is_empty() {
            return Ok(());
        }
        let provisioner = Provisioner {
            access: self.reach.engine.access.as_ref(),
            writer: self.reach.engine.writer.as_ref(),
            ledger: &self.ledger,
            inbox: self.queues.inbox.as_ref(),
            wake: queue,
            polls: Some(self.queues.polls.as_ref()),
            witness: self.witness.as_ref(),
            clock: self.clock.as_ref(),
            settings: self.manner.engine,
            called_off: Some(self.halt.flag()),
        };
        let holder = self.holder("provision");
        let until = self.clock.now().checked_add(RUN).unwrap_or(Timestamp::MAX);
        let (event, dead) = (sqs::event(&records)?, self.dead_letters());
        let ran = Box::pin(provision::handle_or_park(event, provisioner, &holder, until, dead)).await;
        let settled = self.settle(queue, &records, |_| ran.is_err()).await;
        ran.map_err(|error| causes::joined(&error))?;
        settled
    }

    pub(super) async fn run_poll_provisioning(&self) {
        self.go_on("the looks at what takes long", || self.poll_provisioning()).await;
    }

    async fn poll_provisioning(&self) -> Result<(), String> {
        let queue = self.queues.polls.as_ref();
        let records = self.batch(queue).await?;
        if records.is_empty() {
            return Ok(());
        }
        let poller = Poller {
            access: self.reach.in_charge.access.as_ref(),
            ledger: &self.ledger,
            inbox: self.queues.inbox.as_ref(),
            wake: self.queues.wake.as_ref(),
            polls: queue,
            clock: self.clock.as_ref(),
        };
        let event = sqs::event(&records)?;
        let answer = Box::pin(poll_provisioning::handle(event, poller, self.dead_letters())).await;
        let failed = &answer.batch_item_failures;
        self.settle(queue, &records, |record| failed.iter().any(|failed| failed.item_identifier == record.id))
            .await
    }

    /// What names a run in the engine's lease.
    pub(super) fn holder(&self, function: &str) -> String {
        let run = self.invocations.fetch_add(1, Ordering::Relaxed);
        format!("usher-{}-{function}-{run}", std::process::id())
    }

    /// The next batch of a queue, once there is one; an empty one when it is asked to end.
    pub(super) async fn batch(&self, queue: &dyn Queue) -> Result<Vec<Received>, String> {
        loop {
            // A call that receives is never broken off: what SQS has just given out would be hidden from everybody.
            let records = queue.receive(BATCH, HIDDEN).await.map_err(|error| causes::joined(&error))?;
            if !records.is_empty() || !self.rest(IDLE).await {
                return Ok(records);
            }
        }
    }

    /// Acknowledges what is done with, and lets the rest come again, later each time.
    pub(super) async fn settle(
        &self,
        queue: &dyn Queue,
        records: &[Received],
        has_failed: impl Fn(&Received) -> bool,
    ) -> Result<(), String> {
        let mut settled = Ok(());
        for record in records {
            let done = if has_failed(record) {
                queue.release(&record.receipt, pauses::of_message(record.receives)).await
            } else {
                queue.acknowledge(&record.receipt).await
            };
            // One that can't be settled comes again by itself, and holds up no other.
            settled = settled.and(done.map_err(|error| causes::joined(&error)));
        }
        settled
    }
}
