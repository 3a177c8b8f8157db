//! Faults on request: calls of an operation fail, are slow or get no answer, or the requests that they start end badly.

use std::{collections::BTreeMap, time::Duration};

use shared::domain::{AccountId, PermissionSetArn};

use super::{Service, ids::Ids};

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
    /// An assignment request is accepted, and ends `FAILED` with this reason.
    FailLater(String),
    /// An assignment request is accepted, and takes this long.
    Slow(#[serde(with = "crate::duration")] Duration),
    /// An assignment request is accepted, and stays `IN_PROGRESS` for ever.
    Hang,
}

impl Fault {
    /// A request that ends with the transient internal error that people have seen.
    pub fn internal_exception_later() -> Self {
        Self::FailLater("An unexpected internal service exception was encountered.".to_owned())
    }
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
    /// For how many calls; until cleared if absent.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(calls: &u32) -> bool {
    *calls == 0
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
    /// call to those after them.
    pub(crate) fn take(
        &mut self,
        service: Service,
        operation: &str,
        account: Option<&str>,
        chance: &mut Ids,
    ) -> Option<Fault> {
        let mut met = None;
        for (at, rule) in self.rules.iter_mut().enumerate() {
            let concerned = (rule.operation == operation || rule.operation == "*")
                && rule.service.is_none_or(|only| only == service)
                && rule.account.as_ref().is_none_or(|only| Some(only.as_str()) == account)
                && rule.calls != Some(0);
            if !concerned {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            if rule.probability.is_none_or(|probability| chance.fraction() < probability) {
                met = Some((at, rule.fault.clone()));
                break;
            }
        }
        let (at, fault) = met?;
        if let Some(calls) = self.rules.get_mut(at).and_then(|rule| rule.calls.as_mut()) {
            *calls -= 1;
            if *calls == 0 {
                self.rules.remove(at);
            }
        }
        Some(fault)
    }
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

    #[test]
    fn a_fault_meets_as_many_calls_as_it_was_asked_to() {
        let mut faults = Faults::default();
        faults.add(rule(Some(2), None));
        let mut ids = Ids::new(1);
        let mut take = || faults.take(Service::IdentityStore, "GetGroupId", None, &mut ids);
        assert_eq!([take(), take(), take()], [Some(Fault::Throttle), Some(Fault::Throttle), None]);
    }

    #[test]
    fn a_fault_for_one_account_leaves_the_others_alone_and_lasts_until_cleared() {
        let mut faults = Faults::default();
        faults.add(rule(None, Some("111122223333")));
        let mut ids = Ids::new(1);
        let mut take = |faults: &mut Faults, operation, account| {
            faults.take(Service::IdentityStore, operation, Some(account), &mut ids)
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
        let mut met =
            |faults: &mut Faults| faults.take(Service::IdentityStore, "GetGroupId", None, &mut ids).is_some();
        assert_eq!(
            [met(&mut faults), met(&mut faults), met(&mut faults), met(&mut faults)],
            [false, false, true, false]
        );
        faults.add(PlannedFault { probability: Some(0.25), ..rule(None, None).into() });
        let struck = (0..1000).filter(|_| met(&mut faults)).count();
        assert!((150..350).contains(&struck), "{struck} of 1000");
    }
}
