//! One way in: every call of every service passes here, so that time, faults, rates, the log and the events are the same for all.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Fault, World, authorization, events,
    log::{LogEntry, Throttle},
    paging::{Cut, page_size},
    validate,
};
use crate::{ApiError, Caller, CallerKind};

/// A service; also what a target on the wire begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// `organizations`
    Organizations,
    /// `identitystore`
    #[serde(rename = "identitystore")]
    IdentityStore,
    /// `sso-admin`
    SsoAdmin,
    /// `resourcegroupstaggingapi`
    #[serde(rename = "resourcegroupstaggingapi")]
    Tagging,
}

/// Who may call an operation, as AWS documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Only the management account.
    Management,
    /// The management account and the delegated administrator.
    Administrators,
    /// Every account of the organization.
    Anyone,
}

/// An operation: its input says which it is, and [`World::call`] does it.
pub trait Operation: Serialize + DeserializeOwned + Send {
    /// What it answers.
    type Output: Serialize + Send;
    /// The service that it belongs to.
    const SERVICE: Service;
    /// Its name in the API.
    const NAME: &'static str;
    /// Whether it changes anything; only such calls become events.
    const WRITES: bool;
    /// Who may call it.
    const ALLOWED: Allowed;

    /// The member that can name an account, if it has one.
    const ACCOUNT: Option<&'static str> = None;

    /// The account that it is about, if it names one.
    fn account(&self) -> Option<&str> {
        None
    }

    /// Does it. Whatever it refuses, it refuses before it changes anything.
    fn run(self, world: &mut World, call: &Call) -> Result<Self::Output, ApiError>;
}

/// What is known of an operation without its input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) service: Service,
    pub(crate) name: &'static str,
    pub(crate) writes: bool,
    pub(crate) names_account: bool,
}

impl Facts {
    pub(super) const fn of<O: Operation>() -> Self {
        Self { service: O::SERVICE, name: O::NAME, writes: O::WRITES, names_account: O::ACCOUNT.is_some() }
    }
}

const NOT_NULL: &str = "Member must not be null";

/// What surrounds one call.
#[derive(Debug)]
pub struct Call {
    pub(crate) now: Timestamp,
    pub(crate) caller: Caller,
    pub(crate) service: Service,
    pub(crate) operation: &'static str,
    /// The call's own id; an assignment request that it starts has the same.
    pub(crate) request_id: Uuid,
    pub(crate) input: Value,
    pub(crate) page_size: usize,
    /// What becomes of the page that this call answers, if it answers one.
    pub(crate) cut: Cut,
    /// The Region that the call was sent to, where that is known.
    pub(crate) region: Option<String>,
    /// What is to go wrong later with the request that this call starts.
    pub(crate) fault: Option<Fault>,
}

impl Call {
    /// An input that breaks a documented constraint, in the service's own words.
    pub(crate) fn invalid(&self, member: &str, value: &str, constraint: &str) -> ApiError {
        let value: String = value.chars().take(120).collect();
        match self.service {
            Service::Organizations => {
                let (reason, says) = validate::reason(constraint, &value);
                ApiError::invalid_input(reason, format!("{says}: {member}"))
            }
            Service::Tagging => {
                ApiError::new("InvalidParameterException", format!("{member} is not valid: {constraint}"))
            }
            Service::IdentityStore | Service::SsoAdmin => {
                let value = if value == "null" { value } else { format!("'{value}'") };
                ApiError::validation(format!(
                    "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
                ))
            }
        }
    }

    /// An input without members that it requires, of which there is one at least.
    fn without(&self, missing: &[String]) -> ApiError {
        match (self.service, missing) {
            (Service::IdentityStore | Service::SsoAdmin, several @ [_, _, ..]) => {
                let each: Vec<String> = several
                    .iter()
                    .map(|member| {
                        format!("Value null at '{member}' failed to satisfy constraint: {NOT_NULL}")
                    })
                    .collect();
                ApiError::validation(format!(
                    "{} validation errors detected: {}",
                    several.len(),
                    each.join("; ")
                ))
            }
            (_, [first, ..]) => self.invalid(first, "null", NOT_NULL),
            (_, []) => self.invalid("", "null", NOT_NULL),
        }
    }
}

impl World {
    /// Makes a call: settles what is due, meets the faults asked for, counts it to the rates, checks who calls, does it, and
    /// writes it down. Times that go backwards are taken for the latest seen.
    pub fn call<O: Operation>(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        input: O,
    ) -> Result<O::Output, ApiError> {
        self.make(now, caller, input, &[])
    }

    /// The same for an input in which required members may be missing, as only one on the wire can be.
    pub(super) fn make<O: Operation>(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        input: O,
        missing: &[String],
    ) -> Result<O::Output, ApiError> {
        self.advance(now);
        let request_id = self.ids.next();
        let parameters = serde_json::to_value(&input).unwrap_or_default();
        let met = self.faults.take(&Facts::of::<O>(), input.account(), &mut self.ids);
        let fault = met.fault.clone();
        let standing = self.standing_towards(caller, O::SERVICE);
        let mut call = Call {
            now: self.now,
            caller: Caller { kind: standing, ..caller.clone() },
            service: O::SERVICE,
            operation: O::NAME,
            request_id,
            input: parameters,
            page_size: self.settings.page_size,
            cut: Cut::by_chance(&self.settings, &mut self.ids),
            region: self.region.clone(),
            fault: fault.clone(),
        };
        let refused = fault.as_ref().and_then(|fault| refusal(fault, O::SERVICE)).or_else(|| {
            let in_rate =
                self.rates.take(&self.settings.quotas, O::SERVICE, O::NAME, &call.caller.account, call.now);
            (!in_rate).then(|| rate_exceeded(O::SERVICE))
        });
        let result = match refused {
            Some(error) => Err(error),
            None => self
                .in_use(&call)
                .and_then(|()| self.in_organization(&call))
                .and_then(|()| allowed::<O>(&call))
                .and_then(|()| authorization::authorize(self, &mut call))
                .and_then(|()| if missing.is_empty() { Ok(()) } else { Err(call.without(missing)) })
                .and_then(|()| page_size(&call))
                .and_then(|()| input.run(self, &call)),
        };
        if result.is_ok() {
            self.faults.accepted(&met);
        }
        let outcome = result.as_ref().err().map(|error| error.code);
        let silent = fault == Some(Fault::TimeOut);
        if O::WRITES && !silent {
            let answer = result.as_ref().map(|output| serde_json::to_value(output).unwrap_or_default());
            let event = events::api_call(self, &call, answer.as_ref().map_err(|error| *error));
            self.send(&event);
            if let Some(event) = events::for_management(self, &call, &event) {
                self.send(&event);
            }
            for event in std::mem::take(&mut self.afterwards) {
                self.send(&event);
            }
        }
        let lost = fault == Some(Fault::LostAnswer);
        self.answer_delay = match fault {
            Some(Fault::SlowAnswer(delay)) => delay,
            _answered_at_once => Duration::ZERO,
        };
        let throttle = result.as_ref().err().and_then(Throttle::of);
        let entry = LogEntry {
            at: call.now,
            caller: call.caller,
            service: call.service,
            operation: call.operation,
            request_id,
            parameters: std::mem::take(&mut call.input),
            error: outcome.map(str::to_owned),
            answer_lost: lost || silent,
        };
        self.log.record(entry, throttle);
        if lost { Err(ApiError::lost()) } else { result }
    }
}

impl World {
    /// Refuses a caller whose account isn't active.
    fn in_use(&self, call: &Call) -> Result<(), ApiError> {
        if self.settings.assumptions.inactive_accounts_are_refused && self.is_out_of_use(&call.caller) {
            return Err(ApiError::denied(format!("Account {} is not active.", call.caller.account)));
        }
        Ok(())
    }
}

/// What Organizations has to say to accounts outside of any organization; everything else they are told that they are outside. Of
/// `CancelHandshake`, which only those who invite can call, the API model has no such error.
const OUTSIDE: [&str; 5] = [
    "AcceptHandshake",
    "CancelHandshake",
    "DeclineHandshake",
    "DescribeHandshake",
    "ListHandshakesForAccount",
];

impl World {
    /// Refuses calls about an organization from an account that is in none.
    fn in_organization(&self, call: &Call) -> Result<(), ApiError> {
        let concerned = call.service == Service::Organizations && !OUTSIDE.contains(&call.operation);
        if !concerned || self.organization.account(&call.caller.account).is_some() {
            return Ok(());
        }
        Err(ApiError::new(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ))
    }
}

fn rate_exceeded(service: Service) -> ApiError {
    match service {
        // The words that users of AWS's deployment framework quote.
        Service::Organizations => ApiError::new(
            "TooManyRequestsException",
            "You have sent too many requests in too short a period of time. Try again later.",
        ),
        Service::IdentityStore | Service::SsoAdmin => ApiError::rate_exceeded("ThrottlingException"),
        Service::Tagging => ApiError::rate_exceeded("ThrottledException"),
    }
}

/// The answer of a fault that keeps the call from being done.
fn refusal(fault: &Fault, service: Service) -> Option<ApiError> {
    match fault {
        Fault::Throttle => Some(rate_exceeded(service)),
        Fault::WindowFull => Some(ApiError::window_full()),
        Fault::Conflict => Some(match service {
            Service::Organizations => ApiError::new(
                "ConcurrentModificationException",
                "The target of the operation is currently being modified by a different request.",
            ),
            Service::IdentityStore => {
                ApiError::new("ConflictException", "The resource is being modified by another request.")
                    .with("Reason", "CONCURRENT_MODIFICATION")
            }
            Service::SsoAdmin => ApiError::new(
                "ConflictException",
                "Could not complete the request due to a conflict with a previous write.",
            ),
            // It has no error for a conflict, and such a fault is passed over.
            Service::Tagging => ApiError::internal("InternalServiceException"),
        }),
        Fault::InternalError => Some(ApiError::internal(match service {
            Service::Organizations => "ServiceException",
            Service::IdentityStore | Service::SsoAdmin => "InternalServerException",
            Service::Tagging => "InternalServiceException",
        })),
        Fault::AccessDenied => Some(ApiError::denied("User is not authorized to perform this operation")),
        Fault::TimeOut => Some(ApiError::timed_out()),
        Fault::LostAnswer | Fault::SlowAnswer(_) | Fault::FailLater(_) | Fault::Slow(_) | Fault::Hang => None,
    }
}

fn allowed<O: Operation>(call: &Call) -> Result<(), ApiError> {
    let may = match (O::ALLOWED, call.caller.kind) {
        (Allowed::Anyone, _)
        | (_, CallerKind::Management)
        | (Allowed::Administrators, CallerKind::DelegatedAdministrator) => true,
        (Allowed::Administrators | Allowed::Management, CallerKind::Member)
        | (Allowed::Management, CallerKind::DelegatedAdministrator) => false,
    };
    if may {
        return Ok(());
    }
    Err(ApiError::denied(match O::SERVICE {
        Service::Organizations => "You don't have permissions to access this resource.".to_owned(),
        Service::IdentityStore | Service::SsoAdmin | Service::Tagging => {
            let action = authorization::action(O::SERVICE, O::NAME);
            format!("User: {} is not authorized to perform: {action}", events::caller_arn(&call.caller))
        }
    }))
}
