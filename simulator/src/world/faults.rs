//! Faults on request: calls of an operation fail, are slow or get no answer, or the requests that they start end badly.

use std::{collections::BTreeMap, time::Duration};

use shared::domain::{AccountId, PermissionSetArn};

use super::{Facts, Service, creations, ids::Ids, table};

/// The operations that start what ends later.
const LATER: [&str; 5] = [
    "CreateAccountAssignment",
    "DeleteAccountAssignment",
    "ProvisionPermissionSet",
    "CreateAccount",
    "CloseAccount",
];

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request rate is said to be used up; nothing is done.
    Throttle,
    /// The window is said to be full ("too many requests processing"); nothing is done.
    WindowFull,
    /// In conflict with an earlier write; nothing is done.
    Conflict,
    /// An internal error; nothing is done.
    InternalError,
    /// Not allowed; nothing is done.
    AccessDenied,
    /// The call is done, and its answer lost.
    LostAnswer,
    /// Nothing is done, and no answer comes: the client waits until it gives up.
    TimeOut,
    /// The call is done at once, and its answer comes this much later.
    SlowAnswer(#[serde(with = "crate::duration")] Duration),
    /// A request to assign, to provision or to make an account is accepted, and ends `FAILED` with this reason. For accounts it is one of
    /// AWS's own words, such as `INTERNAL_FAILURE`; that the closing of an account could fail later is not documented.
    FailLater(String),
    /// Such a request, or one to close an account, is accepted, and takes this long.
    Slow(#[serde(with = "crate::duration")] Duration),
    /// Such a request is accepted, and stays `IN_PROGRESS` for ever.
    Hang,
}

impl Fault {
    /// A request that ends with the transient internal error that people have seen.
    pub fn internal_exception_later() -> Self {
        Self::FailLater("An unexpected internal service exception was encountered.".to_owned())
    }

    /// Whether it strikes the request that a call starts, and not the call.
    fn is_later(&self) -> bool {
        matches!(self, Self::FailLater(_) | Self::Slow(_) | Self::Hang)
    }

    /// Why calls of this operation can't meet it, if they can't.
    fn mistake(&self, operation: &Facts) -> Option<String> {
        let name = operation.name;
        match self {
            Self::WindowFull if operation.service != Service::SsoAdmin => Some(format!(
                "`{name}` starts no assignment, and only SSO Admin has a window that can be full"
            )),
            Self::Conflict if !declares_conflicts(operation) => {
                Some(format!("`{name}` only reads, and has no error for a conflict"))
            }
            Self::FailLater(_) | Self::Slow(_) | Self::Hang => self.later_mistake(name),
            Self::Throttle
            | Self::WindowFull
            | Self::Conflict
            | Self::InternalError
            | Self::AccessDenied
            | Self::LostAnswer
            | Self::TimeOut
            | Self::SlowAnswer(_) => None,
        }
    }

    fn later_mistake(&self, operation: &str) -> Option<String> {
        match (operation, self) {
            ("CreateAccount", Self::FailLater(reason)) if creations::failure(reason).is_none() => {
                let known = creations::FAILURES.join(", ");
                Some(format!("`{reason}` is no reason for which the making of an account fails: {known}"))
            }
            ("CloseAccount", Self::FailLater(_)) => Some(
                "that the closing of an account fails later is not documented: let it be slow, or hang"
                    .to_owned(),
            ),
            (operation, _) if LATER.contains(&operation) => None,
            (operation, _) => {
                let known = LATER.join(", ");
                Some(format!("`{operation}` starts nothing that could end later, as these do: {known}"))
            }
        }
    }
}

/// Whether the API model has an error for a conflict of this operation: of all that write, and of some of Organizations that read.
fn declares_conflicts(operation: &Facts) -> bool {
    let reads = [
        "DescribeHandshake",
        "DescribeOrganization",
        "ListHandshakesForAccount",
        "ListHandshakesForOrganization",
    ];
    operation.writes || (operation.service == Service::Organizations && reads.contains(&operation.name))
}

/// A fault with what it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// The operation, such as `GetGroupId`; `*` is every operation.
    pub operation: String,
    /// Only in this service; operations such as `TagResource` exist in several.
    pub service: Option<Service>,
    /// What goes wrong.
    pub fault: Fault,
    /// For how many calls; until cleared if absent. What strikes later counts the calls that were accepted.
    pub calls: Option<u32>,
    /// Only for calls that name this account as their target.
    pub account: Option<AccountId>,
}

/// A fault rule with when it begins and how often it strikes: what the control endpoint takes and shows.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// See [`FaultRule::operation`].
    pub operation: String,
    /// See [`FaultRule::service`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// See [`FaultRule::fault`].
    pub fault: Fault,
    /// See [`FaultRule::calls`]. Calls that chance has spared don't count.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "calls")]
    pub calls: Option<u32>,
    /// See [`FaultRule::account`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// How many calls it spares before it begins.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
    /// Above 0 and at most 1: how probable it is that a call is struck, by chance from the world's seed. Every call if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "probability")]
    pub probability: Option<f64>,
}

impl PlannedFault {
    /// Why no call could ever meet it, if none could.
    pub(crate) fn mistake(&self) -> Option<String> {
        let mut why = None;
        for operation in table::named(&self.operation) {
            if self.service.is_some_and(|only| only != operation.service) {
                continue;
            }
            let name = operation.name;
            let account = self.account.as_ref().filter(|_| !operation.names_account);
            let other = account.map(|_| format!("`{name}` names no account, by which a fault could know it"));
            // One that can meet it is enough.
            let mistake = self.fault.mistake(operation).or(other)?;
            why.get_or_insert(mistake);
        }
        match why {
            None => Some(format!("`{}` is no operation that is simulated", self.operation)),
            Some(_) if self.operation == "*" && self.fault.is_later() => {
                Some("the service starts nothing that could end later".to_owned())
            }
            Some(_) if self.operation == "*" => Some("no operation of the service could".to_owned()),
            why => why,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(calls: &u32) -> bool {
    *calls == 0
}

fn calls<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match serde::Deserialize::deserialize(deserializer)? {
        Some(0) => Err(serde::de::Error::custom("`calls` is 0: no call would ever meet this fault")),
        calls => Ok(calls),
    }
}

fn probability<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let probability: f64 = serde::Deserialize::deserialize(deserializer)?;
    if probability > 0.0 && probability <= 1.0 {
        return Ok(Some(probability));
    }
    Err(serde::de::Error::custom(format!("the probability {probability} is not above 0 and at most 1")))
}

impl From<FaultRule> for PlannedFault {
    fn from(rule: FaultRule) -> Self {
        let FaultRule { operation, service, fault, calls, account } = rule;
        Self { operation, service, fault, calls, account, after: 0, probability: None }
    }
}

/// The faults in force, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<PlannedFault>,
    pub(crate) missing_policies: BTreeMap<(AccountId, PermissionSetArn), String>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, rule: impl Into<PlannedFault>) {
        self.rules.push(rule.into());
    }

    /// The faults in force, in the order in which they were asked for.
    pub fn list(&self) -> &[PlannedFault] {
        &self.rules
    }

    /// Ends all faults of an operation.
    pub fn clear(&mut self, operation: &str) {
        self.rules.retain(|rule| rule.operation != operation);
    }

    /// Ends all faults, missing policies too.
    pub fn clear_all(&mut self) {
        self.rules.clear();
        self.missing_policies.clear();
    }

    /// An account lacks a customer-managed policy that a permission set names: requests for the two fail until it is there.
    pub fn policy_is_missing(&mut self, account: AccountId, permission_set: PermissionSetArn, policy: &str) {
        self.missing_policies.insert((account, permission_set), policy.to_owned());
    }

    /// The policy is there now.
    pub fn policy_is_there(&mut self, account: AccountId, permission_set: PermissionSetArn) {
        self.missing_policies.remove(&(account, permission_set));
    }

    /// The first fault that this call meets, used up by one call. Rules that only begin later, or that chance lets pass, leave the
    /// call to those after them. What strikes a request later is not used up before the request is [accepted](Self::accepted).
    pub(crate) fn take(&mut self, operation: &Facts, account: Option<&str>, chance: &mut Ids) -> Met {
        let mut met = Met::default();
        let mut at_once = None;
        for (at, rule) in self.rules.iter_mut().enumerate() {
            let concerned = (rule.operation == operation.name || rule.operation == "*")
                && rule.service.is_none_or(|only| only == operation.service)
                && rule.account.as_ref().is_none_or(|only| Some(only.as_str()) == account)
                && rule.calls != Some(0)
                && rule.fault.mistake(operation).is_none();
            if !concerned {
                continue;
            }
            if rule.after > 0 {
                if rule.fault.is_later() {
                    met.spared.push(at);
                } else {
                    rule.after -= 1;
                }
                continue;
            }
            if rule.probability.is_none_or(|probability| chance.fraction() < probability) {
                met.fault = Some(rule.fault.clone());
                if rule.fault.is_later() {
                    met.used = Some(at);
                } else {
                    at_once = Some(at);
                }
                break;
            }
        }
        // Those that were spared come before it, so their places stay.
        if let Some(at) = at_once {
            self.use_up(at);
        }
        met
    }

    /// The call that met this was accepted.
    pub(crate) fn accepted(&mut self, met: &Met) {
        for at in &met.spared {
            if let Some(rule) = self.rules.get_mut(*at) {
                rule.after = rule.after.saturating_sub(1);
            }
        }
        if let Some(at) = met.used {
            self.use_up(at);
        }
    }

    fn use_up(&mut self, at: usize) {
        if let Some(calls) = self.rules.get_mut(at).and_then(|rule| rule.calls.as_mut()) {
            *calls -= 1;
            if *calls == 0 {
                self.rules.remove(at);
            }
        }
    }
}

/// What one call meets.
#[derive(Debug, Default)]
pub(crate) struct Met {
    pub(crate) fault: Option<Fault>,
    /// The places of the rules that count accepted calls only: those that spared this one, and the one that it uses up.
    spared: Vec<usize>,
    used: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(calls: Option<u32>, account: Option<&str>) -> FaultRule {
        FaultRule {
            operation: "GetGroupId".to_owned(),
            service: None,
            fault: Fault::Throttle,
            calls,
            account: account.map(|id| id.parse().unwrap()),
        }
    }

    fn facts(operation: &str) -> Facts {
        *table::named(operation).next().unwrap()
    }

    #[test]
    fn a_fault_meets_as_many_calls_as_it_was_asked_to() {
        let mut faults = Faults::default();
        faults.add(rule(Some(2), None));
        let mut ids = Ids::new(1);
        let mut take = || faults.take(&facts("GetGroupId"), None, &mut ids).fault;
        assert_eq!([take(), take(), take()], [Some(Fault::Throttle), Some(Fault::Throttle), None]);
    }

    #[test]
    fn a_fault_for_one_account_leaves_the_others_alone_and_lasts_until_cleared() {
        let mut faults = Faults::default();
        faults.add(rule(None, Some("111122223333")));
        let mut ids = Ids::new(1);
        let mut take = |faults: &mut Faults, operation, account| {
            faults.take(&facts(operation), Some(account), &mut ids).fault
        };
        assert_eq!(take(&mut faults, "GetGroupId", "444455556666"), None);
        assert_eq!(take(&mut faults, "GetUserId", "111122223333"), None);
        for _ in 0..3 {
            assert!(take(&mut faults, "GetGroupId", "111122223333").is_some());
        }
        faults.clear("GetGroupId");
        assert_eq!(take(&mut faults, "GetGroupId", "111122223333"), None);
    }

    #[test]
    fn a_fault_can_begin_later_and_strike_by_chance() {
        let mut ids = Ids::new(1);
        let mut faults = Faults::default();
        faults.add(PlannedFault { after: 2, ..rule(Some(1), None).into() });
        let mut met = |faults: &mut Faults| faults.take(&facts("GetGroupId"), None, &mut ids).fault.is_some();
        assert_eq!(
            [met(&mut faults), met(&mut faults), met(&mut faults), met(&mut faults)],
            [false, false, true, false]
        );
        faults.add(PlannedFault { probability: Some(0.25), ..rule(None, None).into() });
        let struck = (0..1000).filter(|_| met(&mut faults)).count();
        assert!((150..350).contains(&struck), "{struck} of 1000");
    }
}
