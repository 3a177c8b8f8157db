//! The functions that time starts.

use std::{sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use shared::{
    causes,
    engine::{
        Announcer, DeclaredSets, Reprovisioner, SetKeeper, Sweep, SweepEnd, SweepSettings, SweepSummary,
        Tick, TickSummary,
    },
};

use super::{LocalRuntime, RUN, TICK, pauses::Pauses};
use crate::Failure;

/// What is told where the ledger is not the one that was used last.
const FROZEN: &str = "it may not be whole, and nothing is taken away by it: see `usher ledger confirm`";

impl LocalRuntime {
    /// Runs `sweep` once.
    pub async fn sweep(&self) -> Result<SweepSummary, Failure> {
        self.sweep_as(self.manner.sweep).await
    }

    async fn sweep_as(&self, settings: SweepSettings) -> Result<SweepSummary, Failure> {
        let sweep = Sweep {
            planner: self.planner(),
            ledger: &self.ledger,
            inbox: self.queues.inbox.as_ref(),
            wake: self.queues.wake.as_ref(),
            settings,
        };
        sweep::handle(sweep).await.map_err(Failure::Sweep)
    }

    /// Runs `sweep` now and then each time this much later, until it is asked to end. What comes of it is told as news. A round that is not over
    /// is gone on with at once, and one that may not begin yet, or that another run holds, is asked for again in a minute.
    pub async fn sweep_every(&self, pause: Duration) {
        let mut failed = Pauses::default();
        let mut settings = self.manner.sweep;
        if self.queues.are_own() {
            // What the last round hinted may have been in queues that are gone.
            settings.every = Duration::ZERO;
        }
        loop {
            let swept = tokio::select! {
                // As a crash would leave it: whoever sweeps next goes on with the round.
                () = self.halt.asked() => return,
                swept = Box::pin(self.sweep_as(settings)) => swept,
            };
            let wait = match swept {
                Ok(found) => {
                    failed = Pauses::default();
                    let run = found.run;
                    if run != SweepEnd::TooSoon {
                        self.teller.swept(found);
                    }
                    match run {
                        SweepEnd::RoundEnded => {
                            settings = self.manner.sweep;
                            pause
                        }
                        SweepEnd::Unfinished => Duration::ZERO,
                        SweepEnd::UnderWay | SweepEnd::TooSoon | SweepEnd::AuditsTurn => pause.min(TICK),
                    }
                }
                Err(error) => {
                    self.trouble("the sweep", causes::joined(&error));
                    failed.after_another().min(pause)
                }
            };
            if !self.rest(wait).await {
                return;
            }
        }
    }

    pub(super) async fn tell_outcomes(&self) {
        self.go_on("what has come of it", async || {
            // Once more at the end too.
            self.rest(self.manner.told).await;
            let announcer =
                Announcer { ledger: &self.ledger, bus: &self.outcomes, clock: self.clock.as_ref() };
            announcer.run(Timestamp::MAX).await.map(|_| ()).map_err(|error| causes::joined(&error))
        })
        .await;
    }

    pub(super) async fn run_tick(&self) {
        self.go_on("the minute's tick", || self.tick()).await;
    }

    async fn tick(&self) -> Result<(), String> {
        if !self.rest(TICK).await {
            return Ok(());
        }
        let tick = Tick {
            outcomes: &self.outcomes,
            organization: self.reach.aws.organization.as_ref(),
            ledger: &self.ledger,
            rulebook: &self.rulebook,
            inbox: self.queues.inbox.as_ref(),
            wake: self.queues.wake.as_ref(),
            witness: self.witness.as_ref(),
            clock: self.clock.as_ref(),
            settings: self.manner.engine,
        };
        let TickSummary { frozen, .. } = tick::handle(tick).await.map_err(|error| causes::joined(&error))?;
        if self.was_frozen.swap(frozen, Ordering::Relaxed) != frozen && frozen {
            self.trouble("the ledger", FROZEN.to_owned());
        }
        Ok(())
    }

    pub(super) async fn run_reprovision(&self) {
        self.go_on("reprovisioning", || self.reprovision()).await;
    }

    async fn reprovision(&self) -> Result<(), String> {
        if !self.rest(TICK).await {
            return Ok(());
        }
        let reader = self.planner().reader;
        let (aws, in_charge, settings) = (&self.reach.aws, &self.reach.in_charge, self.manner.engine);
        let reprovisioner = Reprovisioner {
            reader,
            in_charge: in_charge.access.as_ref(),
            writer: in_charge.writer.as_ref(),
            ledger: &self.ledger,
            polls: self.queues.polls.as_ref(),
            wake: self.queues.wake.as_ref(),
            settings,
            schedule: self.manner.reprovision,
            only: None,
        };
        let keeper = SetKeeper {
            declared: DeclaredSets { reader, sets: aws.sets.as_ref(), settings },
            in_charge: in_charge.sets.as_ref(),
            lists_in_charge: in_charge.access.as_ref(),
            writer: in_charge.set_writer.as_ref(),
            ledger: &self.ledger,
            wake: self.queues.wake.as_ref(),
            witness: self.witness.as_ref(),
        };
        let until = self.clock.now().checked_add(RUN).unwrap_or(Timestamp::MAX);
        let holder = self.holder("reprovision");
        let ran = reprovision::handle(keeper, reprovisioner, &holder, until);
        Box::pin(ran).await.map(|_| ()).map_err(|error| causes::joined(&error))
    }
}
