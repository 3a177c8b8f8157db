//! Measuring what AWS does not document, in one account, and taking away what was made for it.
//!
//! INVARIANT: every call that may make or take away something is in the [`Journal`] before it is sent. So whatever happens, also if the
//! process dies, [`Prober::clean_up`] finds everything that a probe has made, and nothing else is ever taken away.

mod burst;
mod clean_up;
mod cycles;
mod follows;
mod hands;
mod journal;
mod lifetime;
mod window;

use std::{collections::BTreeSet, time::Duration};

use shared::{
    domain::{AssignmentKey, Operation, RequestId},
    engine::EngineSettings,
    ports::{AccessReader, AccessWriter, Clock, LedgerReader, PortError},
};

pub use clean_up::Doubt;
pub use follows::{env_file, settings};
pub use journal::{Began, Journal};

use crate::{
    args::Step,
    failure::ProbeFailure,
    report::{Found, Measured},
};

/// How far apart two looks at a request are while it is measured.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How far apart two looks at a list are, and two rounds of looks at many requests.
const LIST_EVERY: Duration = Duration::from_secs(1);
/// How long a request or a list is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Order {
    pub steps: BTreeSet<Step>,
    /// What may be made: each permission set with each principal in one account.
    pub keys: Vec<AssignmentKey>,
    pub repetitions: usize,
    pub status_for: Duration,
}

/// The most that an order makes, for those who are to consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Assignments that are made, and taken away again; one that is made twice counts twice.
    pub assignments: usize,
    /// Of them, how many there are at a time.
    pub at_once: usize,
    /// Calls that are made as fast as they go.
    pub fast_calls: usize,
}

impl Order {
    /// The most that it makes.
    pub fn extent(&self) -> Extent {
        let cycles = if self.cycles().is_empty() { 0 } else { self.rounds() };
        let window = if self.steps.contains(&Step::Window) { window::most(&self.keys) } else { 0 };
        let fast_calls = if self.steps.contains(&Step::Burst) { burst::MOST } else { 0 };
        Extent { assignments: cycles + window, at_once: window.max(usize::from(cycles > 0)), fast_calls }
    }

    /// What is measured by making one assignment and taking it away.
    fn cycles(&self) -> BTreeSet<Step> {
        let by_cycles = [Step::ProvisioningTime, Step::ListLag, Step::StatusLists, Step::StatusLifetime];
        self.steps.intersection(&by_cycles.into()).copied().collect()
    }

    /// How often.
    fn rounds(&self) -> usize {
        if self.cycles() == [Step::StatusLifetime].into() { 1 } else { self.repetitions }
    }
}

/// Measures, and cleans up.
#[derive(Clone, Copy)]
pub struct Prober<'a> {
    /// At a share of the rate, and calls are repeated.
    pub access: &'a dyn AccessReader,
    /// As fast as it goes, and each call is sent once.
    pub fast: &'a dyn AccessReader,
    /// As fast as it goes, and each call is sent once.
    pub writer: &'a dyn AccessWriter,
    /// What a service of Usher's has, or is about to, is not touched.
    pub ledger: &'a dyn LedgerReader,
    pub clock: &'a dyn Clock,
    pub journal: &'a Journal,
    pub settings: EngineSettings,
    /// Takes what there is to say on the way.
    pub tell: &'a dyn Fn(&str),
}

impl std::fmt::Debug for Prober<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober").finish_non_exhaustive()
    }
}

/// A request that has ended and is still asked about.
#[derive(Debug, Clone)]
pub struct Ended {
    operation: Operation,
    request: RequestId,
    at: jiff::Timestamp,
}

/// Why a step did not go on.
#[derive(Debug)]
enum Trouble {
    /// Nothing more may be made: the journal can't be written.
    Fatal(ProbeFailure),
    /// This could not be measured.
    Told(String),
}

impl From<ProbeFailure> for Trouble {
    fn from(failure: ProbeFailure) -> Self {
        Self::Fatal(failure)
    }
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Self::Told(error.to_string())
    }
}

/// What came of a step, as the report has it.
fn found<T>(came: Result<T, Trouble>) -> Result<Found<T>, ProbeFailure> {
    match came {
        Ok(measured) => Ok(Found::Measured(measured)),
        Err(Trouble::Told(why)) => Ok(Found::NotMeasured { why }),
        Err(Trouble::Fatal(failure)) => Err(failure),
    }
}

impl Prober<'_> {
    /// Measures what is asked for, but for what is measured when everything has been taken away again. What is measured is in `measured` as
    /// soon as it is: a probe may be dropped at any time, and is cleaned up all the same.
    pub async fn measure(&self, order: &Order, measured: &mut Measured) -> Result<Vec<Ended>, ProbeFailure> {
        if order.steps.contains(&Step::Window) {
            (self.tell)("measuring how many requests may be under way at once");
            measured.window = Some(found(self.window(&order.keys).await)?);
            self.clean_up(Doubt::Leave).await?;
        }
        if order.steps.contains(&Step::Burst)
            && let Some(key) = order.keys.first()
        {
            (self.tell)("measuring how many calls may come at once");
            measured.burst = Some(found(self.burst(key).await)?);
        }
        self.measure_cycles(order, measured).await
    }

    /// Asks for requests that have ended until AWS doesn't know them any more. Nothing of the probe has to be there for that.
    pub async fn measure_lifetime(&self, order: &Order, ended: &[Ended], measured: &mut Measured) {
        if order.steps.contains(&Step::StatusLifetime) {
            (self.tell)("measuring how long AWS knows a request that has ended");
            measured.status_lifetime = Some(self.lifetime(ended, order.status_for).await);
        }
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// How long ago something was.
    fn since(&self, at: jiff::Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
    }
}
