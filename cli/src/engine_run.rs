//! Running the engine until nothing is left that it can do, with the progress on the screen.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use shared::{
    engine::{AccountHint, EngineSettings, Provisioner, Reconciler, RunEnd, Wake},
    guardrail::Scope,
    ledger::Row,
    local::LocalQueue,
    ports::{Clock, Ledger, Queue as _, Witness},
};

use crate::{
    Failure, Screen,
    connect::Aws,
    progress::{GLANCE, Progress},
};

/// How long a message is kept from others while it is worked on.
const HIDDEN: Duration = Duration::from_mins(5);
/// How long until the next look at what takes long.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(30);
/// Why nothing more is sent.
const PAUSED: &str = "Usher is paused: nothing more is sent until `usher resume`";
const FROZEN: &str = "the ledger may not be whole: nothing more is sent until `usher ledger confirm`";
/// More rows with work than are ever looked at.
const ALL: usize = 1_000_000;

/// The engine, and what it needs.
pub(crate) struct EngineRun<'a> {
    pub(crate) aws: &'a Aws,
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) reconciler: Reconciler<'a>,
    pub(crate) inbox: &'a LocalQueue,
    pub(crate) wake: &'a LocalQueue,
    pub(crate) witness: &'a dyn Witness,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) settings: EngineSettings,
    /// What may be done, where that is not everything.
    pub(crate) scope: Option<&'a Scope>,
    /// When to stop waiting.
    pub(crate) until: Timestamp,
}

impl EngineRun<'_> {
    /// Runs until there is no work, or only what is stuck, or time is up. What is left stays in the ledger.
    pub(crate) async fn to_the_end(
        &self,
        mut progress: Progress,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        loop {
            self.decide_again().await?;
            let mut left = self.ledger.work(ALL).await?;
            // What waits for somebody to confirm the ledger doesn't wait for AWS.
            let frozen = self.ledger.orders().await?.freeze;
            let waits = |row: &Row| match (&frozen, row.work()) {
                (Some(freeze), Some((operation, intent))) => {
                    intent.claim.is_none() && freeze.stops(operation)
                }
                (None | Some(_), _) => false,
            };
            left.retain(|row| !waits(row));
            let now = self.clock.now();
            let patience = jiff::SignedDuration::try_from(self.settings.patience).unwrap_or_default();
            let stuck = |claimed: Option<Timestamp>| claimed.is_some_and(|at| at + patience <= now);
            if left.iter().all(|row| stuck(row.claim().map(|claim| claim.at))) || now >= self.until {
                let done = progress.done_of(left.len());
                progress.end(done, screen)?;
                return Ok(());
            }
            let end = self.run_once(&mut progress, screen).await?;
            let wait = match end {
                RunEnd::Done | RunEnd::LeaseLost => Duration::ZERO,
                RunEnd::Paused => {
                    let why = if frozen.is_some() { FROZEN } else { PAUSED };
                    progress.say(why, screen)?;
                    let done = progress.done_of(self.ledger.work(ALL).await?.len());
                    progress.end(done, screen)?;
                    return Ok(());
                }
                RunEnd::HeldElsewhere => {
                    progress.say("another engine is at work on this ledger, or was broken off less than 90 s ago; waiting for it", screen)?;
                    Duration::from_secs(1)
                }
                RunEnd::HandedOver => self.until_woken(),
                // What it has sent back is decided again at once; what takes long is looked at now and then.
                RunEnd::Waiting if self.inbox.depth().waiting > 0 => Duration::ZERO,
                RunEnd::Waiting => LOOKED_AT_AGAIN,
            };
            let remaining =
                Duration::try_from(self.until.duration_since(self.clock.now())).unwrap_or_default();
            self.clock.sleep(wait.min(remaining)).await;
        }
    }

    async fn run_once(&self, progress: &mut Progress, screen: &mut Screen<'_>) -> Result<RunEnd, Failure> {
        for message in self.wake.receive(10, HIDDEN).await.map_err(Failure::Queue)? {
            self.wake.acknowledge(&message.receipt).await.map_err(Failure::Queue)?;
        }
        let provisioner = Provisioner {
            access: self.aws.access.as_ref(),
            writer: self.aws.writer.as_ref(),
            ledger: self.ledger,
            inbox: self.inbox,
            wake: self.wake,
            polls: None,
            witness: self.witness,
            clock: self.clock,
            settings: self.settings,
            called_off: None,
        };
        let holder = format!("usher-apply-{}", std::process::id());
        let wake = Wake::first();
        let mut run = std::pin::pin!(provisioner.run(&holder, &wake, self.until));
        loop {
            tokio::select! {
                ended = &mut run => return Ok(ended.map_err(Failure::Run)?.end),
                () = self.clock.sleep(GLANCE) => {
                    let left = self.ledger.work(ALL).await?.len();
                    let done = progress.done_of(left);
                    progress.update(done, self.clock.now(), screen)?;
                }
            }
        }
    }

    /// Accounts that the engine has sent back: their intents had grown old, or something else changed under them.
    async fn decide_again(&self) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        loop {
            let messages = self.inbox.receive(10, HIDDEN).await.map_err(Failure::Queue)?;
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                // These messages are the engine's own, so there is none that can't be read.
                if let Ok(hint) = AccountHint::from_body(&message.body)
                    && seen.insert(hint.account.clone())
                {
                    let reconciled = match self.scope {
                        Some(scope) => self.reconciler.account_within(&hint, scope).await,
                        None => self.reconciler.account(&hint).await,
                    };
                    reconciled.map_err(Failure::Reconcile)?;
                }
                self.inbox.acknowledge(&message.receipt).await.map_err(Failure::Queue)?;
            }
        }
    }

    /// How long the engine wants to be left alone.
    fn until_woken(&self) -> Duration {
        let now = self.clock.now();
        let next = self.wake.next_visible_at().unwrap_or(now);
        Duration::try_from(next.duration_since(now)).unwrap_or_default()
    }
}
