//! Faults on request: the next calls of an operation fail, or the requests that they start do.

use std::{collections::BTreeMap, time::Duration};

use shared::domain::{AccountId, PermissionSetArn};

use super::Service;

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
    /// An assignment request is accepted, and ends `FAILED` with this reason.
    FailLater(String),
    /// An assignment request is accepted, and takes this long.
    Slow(Duration),
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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The operation, such as `GetGroupId`; `*` is every operation.
    pub operation: String,
    /// Only in this service; operations such as `TagResource` exist in several.
    #[serde(default)]
    pub service: Option<Service>,
    /// What goes wrong.
    pub fault: Fault,
    /// For how many calls; until cleared if absent.
    #[serde(default)]
    pub calls: Option<u32>,
    /// Only for calls that name this account as their target.
    #[serde(default)]
    pub account: Option<AccountId>,
}

/// The faults in force, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<FaultRule>,
    pub(crate) missing_policies: BTreeMap<(AccountId, PermissionSetArn), String>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
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

    /// The first fault that this call meets, used up by one call.
    pub(crate) fn take(&mut self, service: Service, operation: &str, account: Option<&str>) -> Option<Fault> {
        let at = self.rules.iter().position(|rule| {
            (rule.operation == operation || rule.operation == "*")
                && rule.service.is_none_or(|only| only == service)
                && rule.account.as_ref().is_none_or(|only| Some(only.as_str()) == account)
                && rule.calls != Some(0)
        })?;
        let rule = self.rules.get_mut(at)?;
        let fault = rule.fault.clone();
        if let Some(calls) = &mut rule.calls {
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
        let mut take = || faults.take(Service::IdentityStore, "GetGroupId", None);
        assert_eq!([take(), take(), take()], [Some(Fault::Throttle), Some(Fault::Throttle), None]);
    }

    #[test]
    fn a_fault_for_one_account_leaves_the_others_alone_and_lasts_until_cleared() {
        let mut faults = Faults::default();
        faults.add(rule(None, Some("111122223333")));
        assert_eq!(faults.take(Service::IdentityStore, "GetGroupId", Some("444455556666")), None);
        assert_eq!(faults.take(Service::IdentityStore, "GetUserId", Some("111122223333")), None);
        for _ in 0..3 {
            assert!(faults.take(Service::IdentityStore, "GetGroupId", Some("111122223333")).is_some());
        }
        faults.clear("GetGroupId");
        assert_eq!(faults.take(Service::IdentityStore, "GetGroupId", Some("111122223333")), None);
    }
}
