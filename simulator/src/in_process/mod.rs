//! The face in process: Usher's ports over the same calls that the wire makes, paging included.

mod access;
mod directory;
mod organization;
mod permission_sets;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::{
    pace::{Api, Paces},
    ports::{Clock, PortError},
};

use crate::{ApiError, Caller, Operation, Service, World};

/// How long a caller in process waits for an answer that never comes. Clients on the wire have their own patience.
const PATIENCE: Duration = Duration::from_secs(30);

/// Usher's ports, in front of a world that others may share.
#[derive(Clone)]
pub struct InProcess {
    /// The world.
    pub world: Arc<Mutex<World>>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Who calls.
    pub caller: Caller,
    /// How long a call takes from the caller's side: half of it passes before the world sees the call, half after.
    pub round_trip: Duration,
    /// The share that the caller keeps to, if any.
    pub paces: Option<Arc<Paces>>,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess")
            .field("caller", &self.caller)
            .field("round_trip", &self.round_trip)
            .finish_non_exhaustive()
    }
}

impl InProcess {
    /// The ports as this caller sees them, with no time spent on the way.
    pub fn new(world: Arc<Mutex<World>>, clock: Arc<dyn Clock>, caller: Caller) -> Self {
        Self { world, clock, caller, round_trip: Duration::ZERO, paces: None }
    }

    /// One call, there and back.
    async fn call<O: Operation>(&self, input: O) -> Result<O::Output, ApiError> {
        if let Some(paces) = &self.paces {
            paces.turn(api(O::SERVICE), O::NAME).await;
        }
        let there = self.round_trip / 2;
        self.travel(there).await;
        let now = self.clock.now();
        let (answer, delay) = {
            let mut world = lock(&self.world);
            let answer = world.call(now, &self.caller, input);
            (answer, world.answer_delay())
        };
        let silent = answer.as_ref().err().is_some_and(ApiError::is_silence);
        let back = if silent { PATIENCE } else { self.round_trip.saturating_sub(there) + delay };
        self.travel(back).await;
        answer
    }

    async fn travel(&self, duration: Duration) {
        if !duration.is_zero() {
            self.clock.sleep(duration).await;
        }
    }
}

/// The service as shares know it.
fn api(service: Service) -> Api {
    match service {
        Service::Organizations => Api::Organizations,
        Service::IdentityStore => Api::IdentityStore,
        Service::SsoAdmin => Api::SsoAdmin,
        Service::Tagging => Api::Tagging,
    }
}

/// A world whose holder panicked is still a world: each call changes it only once it has been found good.
pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// AWS's error in the ports' words, as the adapter to AWS puts it.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn port_error(error: ApiError) -> PortError {
    let ApiError { code, message, status: _, extra: _ } = &error;
    let text = if message.is_empty() { (*code).to_owned() } else { format!("{code}: {message}") };
    match *code {
        "ThrottlingException" if message.to_lowercase().contains("too many requests processing") => {
            PortError::WindowFull(text)
        }
        "ThrottlingException" | "ThrottledException" | "TooManyRequestsException" => {
            PortError::Throttled(text)
        }
        "ConflictException" | "ConcurrentModificationException" => PortError::Conflict(text),
        "AccessDeniedException" => PortError::Denied(text),
        "ResourceNotFoundException"
        | "AccountNotFoundException"
        | "ChildNotFoundException"
        | "ParentNotFoundException"
        | "SourceParentNotFoundException"
        | "DestinationParentNotFoundException"
        | "OrganizationalUnitNotFoundException"
        | "TargetNotFoundException"
        | "CreateAccountStatusNotFoundException" => PortError::NotFound(text),
        _ if error.status >= 500 => PortError::Failed(text),
        // Validation, quotas, constraints, duplicates: the same call will fail again.
        _ => PortError::Refused(text),
    }
}

/// An answer that can't be read: an id that is none.
fn unreadable(error: &shared::domain::InvalidId) -> PortError {
    PortError::Failed(format!("cannot read the answer: {error}"))
}

/// Reads an id out of an answer.
fn read<T: std::str::FromStr<Err = shared::domain::InvalidId>>(text: &str) -> Result<T, PortError> {
    text.parse().map_err(|error| unreadable(&error))
}

/// Nothing, if the error says that the thing is not there.
fn unless_absent<T>(
    answer: Result<T, ApiError>,
    absent: impl Fn(&ApiError) -> bool,
) -> Result<Option<T>, PortError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(port_error(error)),
    }
}
