//! The sweep: a look at everything on a schedule. It finds drift and what lost events should have told.
//!
//! A round looks at everything once. What doesn't fit into one run is taken up by the next: the ledger keeps where the round
//! stands, page by page, and what a page found is in the inbox before the page counts as done. See `docs/adr/0015`.

mod round;

use std::time::Duration;

use jiff::Timestamp;

use self::round::Run;
use super::{
    AccountHint, Basis, Decided, Members, MembersError, Planner, ReadError, Wake,
    allowance::budgets,
    gauges::{Gauges, SWEPT},
    members::Why,
    signed, turns,
};
use crate::{
    causes, guardrail,
    ledger::{Round, Row, State, Worker},
    ports::{Ledger, LedgerError, PortError, Queue, Seen, SeenKind},
};

const FUNCTION: &str = "sweep";

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SweepSummary {
    /// How the run ended.
    pub run: SweepEnd,
    /// Accounts of the organization, and those that only the ledger still knows.
    pub accounts: usize,
    /// Hints that this round has sent for accounts that differ from what the rules want.
    pub differing: usize,
    /// Accounts that could not be read in this run; nothing was decided about them.
    pub unread: usize,
    /// Keys withheld in this round, for whatever reason.
    pub withheld: usize,
    /// Assignments that are ours.
    pub owned: usize,
    /// Tombstones forgotten.
    pub forgotten: usize,
    /// People who have joined or left a group that matters, and of whom no event has told.
    pub moved: usize,
    /// Tags that rules go by that have changed, or have come with something new.
    pub retagged: usize,
}

/// How a run of the sweep ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepEnd {
    /// The round is over.
    #[default]
    RoundEnded,
    /// Its time was over; the next run goes on where it stopped.
    Unfinished,
    /// Another run is at it, and this one has left it alone.
    UnderWay,
    /// The next round is to begin later.
    TooSoon,
    /// The audit is at work, or it has waited for longer: both have one share of AWS's rates.
    AuditsTurn,
}

/// How a sweep goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepSettings {
    /// How long a run may last before it leaves the rest to the next. A page is finished first: leave it a minute or two.
    pub run_for: Duration,
    /// How many calls a page takes at most, or one account or principal with more: what a crash costs.
    pub page: usize,
    /// How long a run keeps others off the round without getting anywhere. Longer than a page may take.
    pub hold: Duration,
    /// How long a round may rest and still be taken up again: after that it begins anew.
    pub patience: Duration,
    /// The least time from the beginning of a round to that of the next.
    pub every: Duration,
}

impl Default for SweepSettings {
    fn default() -> Self {
        Self {
            run_for: Duration::from_mins(10),
            page: 100,
            hold: Duration::from_mins(5),
            patience: Duration::from_hours(1),
            every: Duration::ZERO,
        }
    }
}

/// Why a sweep could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot write to the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
}

/// Looks at everything. It writes no intent itself: every key is decided under its account's message group.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    pub planner: Planner<'a>,
    pub ledger: &'a dyn Ledger,
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    pub settings: SweepSettings,
}

impl std::fmt::Debug for Sweep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep").field("planner", &self.planner).finish_non_exhaustive()
    }
}

impl Sweep<'_> {
    /// Sweeps once: begins a round, or goes on with the one that isn't over.
    pub async fn run(&self) -> Result<SweepSummary, SweepError> {
        let now = self.planner.reader.clock.now();
        let round = match self.take(now).await? {
            Ok(round) => round,
            Err(end) => return Ok(SweepSummary { run: end, ..SweepSummary::default() }),
        };
        let taken = round.clone();
        let mut run = match Run::begin(self, round).await {
            Ok(run) => run,
            Err(error) => {
                self.give_back(taken).await;
                return Err(error);
            }
        };
        match self.go_through(&mut run, now + signed(self.settings.run_for)).await {
            Ok(summary) => Ok(summary),
            Err(error) => {
                self.give_back(run.round).await;
                Err(error)
            }
        }
    }

    async fn go_through(&self, run: &mut Run<'_>, until: Timestamp) -> Result<SweepSummary, SweepError> {
        self.count(run).await?;
        let end = Box::pin(run.work(until)).await?;
        let trusted = run.trusted();
        let retagged = run.retagged + trusted.compare(run.look.tags(), []).await?;
        let mut moved = 0;
        if end == SweepEnd::RoundEnded {
            trusted.looked_at_all().await?;
            moved = self.compare_members(run, until).await?;
            let ended =
                Seen { id: SWEPT.to_owned(), value: true.into(), at: self.planner.reader.clock.now() };
            self.ledger.remember(SeenKind::Fact, &[ended]).await?;
            self.give_back(run.round.clone()).await;
        }
        let forgotten = self.forget_tombstones(run.rows()).await?;
        let (round, look) = (&run.round, &run.look);
        Ok(SweepSummary {
            run: end,
            accounts: look.records.len() + look.departed().len(),
            differing: round.tally.differing,
            unread: look.unread.len(),
            withheld: round.tally.withheld,
            owned: run.rows().filter(|row| row.is_ours()).count(),
            forgotten,
            moved,
            retagged,
        })
    }

    /// Takes the round that is to be worked at, or tells why there is none.
    async fn take(&self, now: Timestamp) -> Result<Result<Round, SweepEnd>, SweepError> {
        let rules = self.planner.reader.rulebook.rules(self.planner.reader.ledger).await?.version;
        let kept = self.ledger.round().await?;
        if let Some(round) = &kept {
            let is_due = !round.is_over() || now >= round.began + signed(self.settings.every);
            if is_due && turns::is_the_others(round, Worker::Sweep, now, self.ledger).await? {
                return Ok(Err(SweepEnd::AuditsTurn));
            }
            if round.is_taken(now) {
                return Ok(Err(SweepEnd::UnderWay));
            }
            if !is_due {
                return Ok(Err(SweepEnd::TooSoon));
            }
        }
        let round = match kept {
            Some(round) if round.goes_on(now, &rules, signed(self.settings.patience)) => round,
            Some(before) => Round {
                swept_at: before.swept_at,
                audited_at: before.audited_at,
                ..Round::begin(before.version, now, rules)
            },
            None => Round::begin(0, now, rules),
        };
        let mut round = round.taken(Worker::Sweep, now, now + signed(self.settings.hold));
        let taken = self.ledger.keep_round(&round).await?;
        round.version += 1;
        Ok(if taken { Ok(round) } else { Err(SweepEnd::UnderWay) })
    }

    /// Lets the next run have the round at once, where this one has failed. If that fails too, the round is free when its time has passed.
    async fn give_back(&self, round: Round) {
        if let Err(error) = turns::give_back(round, self.ledger).await {
            tracing::warn!(%error, "the sweep's round could not be given back; it is free again later");
        }
    }

    /// How many assignments are ours is what guardrails are a share of. And work that is there may have lost its wake.
    async fn count(&self, run: &Run<'_>) -> Result<(), SweepError> {
        let now = self.planner.reader.clock.now();
        let owned = run.rows().filter(|row| row.is_ours()).count();
        let count = Seen { id: "owned".into(), value: owned.into(), at: now };
        let standing = Gauges::of(run.rows(), run.refusals.len()).to_fact(now);
        self.ledger.remember(SeenKind::Fact, &[count, standing]).await?;
        if run.rows().any(|row| row.work().is_some()) {
            Wake::first().send(self.wake, now, Duration::ZERO).await.map_err(SweepError::Queue)?;
        }
        Ok(())
    }

    /// Hints the accounts that differ, and those of which something is to be told; tells how many differ.
    async fn hint(&self, decided: &[Decided], run: &Run<'_>) -> Result<usize, SweepError> {
        let at = self.planner.reader.clock.now();
        let (mut hints, mut differing) = (Vec::new(), 0);
        let Run { round, cause, refusals, .. } = run;
        let basis = Basis::of(run.look.rules.clone(), &run.look.reading);
        let budgets = budgets(self.ledger, &basis, cause, at).await?;
        for Decided { plan, only, .. } in decided {
            // What waits for a budget's next day, or for a person, is no work for anybody until then.
            let approved = guardrail::approve(plan.clone(), &budgets);
            let account = approved.account();
            let differs = !(approved.actions().is_empty() && approved.records().is_empty());
            if !(differs || refusals.differ(account, approved.withheld(), only.as_ref())) {
                continue;
            }
            differing += usize::from(differs);
            // The same for a page that is done again; another for a later page, since the account may have been looked at in between.
            let deduplication = format!("sweep-{}-{}-{account}", round.began.as_microsecond(), round.leg);
            let hint = AccountHint::new(account.clone(), cause.clone(), at);
            hints.push(hint.message(&deduplication).map_err(SweepError::Queue)?);
        }
        self.inbox.send(&hints).await.map_err(SweepError::Queue)?;
        Ok(differing)
    }

    /// Compares who is in the groups that matter with who was, as long as there is time: the next round begins with those that are left.
    async fn compare_members(&self, run: &mut Run<'_>, until: Timestamp) -> Result<usize, SweepError> {
        let reader = self.planner.reader;
        let members = Members { ledger: self.ledger, directory: reader.directory, clock: reader.clock };
        let mut moved = 0;
        for (group, has_something) in members.groups(run.look.reading.groups_found()).await? {
            if reader.clock.now() >= until || !run.go_on_in_time().await? {
                break;
            }
            let (reading, why) = (&run.look.reading, Why::of(&run.cause).having(has_something));
            let compared = match reading.members_read(&group) {
                Some(read) => members.compare_with(&group, Some(read), reading.started(), why).await,
                None => members.compare(&group, why).await,
            };
            match compared {
                Ok(more) => moved += more,
                // One group that can't be read, or written down, holds up no other, and takes nothing from anybody.
                Err(
                    error @ (MembersError::Directory { .. }
                    | MembersError::Groups { .. }
                    | MembersError::Ledger(LedgerError::Port(PortError::Refused(_)))),
                ) => {
                    tracing::warn!(group.id = %group, error = %causes::joined(&error), "the members of {group} are compared later");
                }
                Err(MembersError::Ledger(error)) => return Err(error.into()),
            }
        }
        Ok(moved)
    }

    async fn forget_tombstones(&self, rows: impl Iterator<Item = &Row>) -> Result<usize, LedgerError> {
        let now = self.planner.reader.clock.now();
        let horizon = now - signed(self.planner.settings.tombstones);
        let is_old = |row: &&Row| row.state == State::Closed && row.changed_at < horizon && !row.speaks(now);
        let old: Vec<Row> = rows.filter(is_old).cloned().collect();
        if !old.is_empty() {
            self.ledger.forget(&old).await?;
        }
        Ok(old.len())
    }
}
