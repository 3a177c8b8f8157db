//! What the rows of the ledger tell as they are written: how far each assignment is.

use std::collections::BTreeMap;

use shared::{
    domain::{AssignmentKey, Operation},
    ledger::{Intent, Row, State},
};

/// How an assignment has just gone on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is to be granted or revoked.
    Decided(Operation),
    /// AWS has accepted the request with this id.
    Accepted(Operation, String),
    /// It is sent again later, and why.
    Again(Operation, String),
    /// It is provisioned.
    Granted,
    /// It is gone.
    Revoked,
    /// What was decided is not done after all: nobody wants it any more, or somebody else has done it.
    GivenUp(Operation),
    /// AWS has refused it, or it can't be said how it ended.
    Failed(String),
}

/// What is under way, and what of it was told already: a row is also written to bring it up to date.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    under_way: BTreeMap<AssignmentKey, Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    operation: Operation,
    request: Option<String>,
    trouble: Option<String>,
}

impl Steps {
    /// The step that a row tells, if it is a new one.
    pub(crate) fn next(&mut self, row: &Row) -> Option<Step> {
        match &row.state {
            State::Granting(intent) => self.work(row, Operation::Grant, intent),
            State::Closing(intent) => self.work(row, Operation::Revoke, intent),
            State::Ours => self.under_way.remove(&row.key).map(|told| match told.operation {
                Operation::Grant => Step::Granted,
                Operation::Revoke => Step::GivenUp(Operation::Revoke),
            }),
            State::Closed => self.under_way.remove(&row.key).map(|told| match told.operation {
                Operation::Grant => Step::GivenUp(Operation::Grant),
                Operation::Revoke => Step::Revoked,
            }),
            State::Blocked { reason, .. } | State::Uncertain { reason, .. } => {
                self.under_way.remove(&row.key).map(|_| Step::Failed(reason.clone()))
            }
            State::Dormant => {
                self.under_way.remove(&row.key);
                None
            }
        }
    }

    fn work(&mut self, row: &Row, operation: Operation, intent: &Intent) -> Option<Step> {
        let request = intent.claim.as_ref().and_then(|claim| claim.request.as_ref()).map(ToString::to_string);
        let now = Told { operation, request, trouble: row.trouble.clone() };
        let before = self.under_way.insert(row.key.clone(), now.clone());
        let before = before.filter(|before| before.operation == operation);
        if let Some(request) = now.request {
            let is_new = before.is_none_or(|before| before.request.as_ref() != Some(&request));
            return is_new.then_some(Step::Accepted(operation, request));
        }
        match (now.trouble, before) {
            (_, None) => Some(Step::Decided(operation)),
            (Some(trouble), Some(before)) if intent.claim.is_none() => {
                (before.trouble.as_ref() != Some(&trouble)).then_some(Step::Again(operation, trouble))
            }
            (_, Some(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use shared::{
        domain::Principal,
        ledger::{Cause, Claim, Fence},
    };

    use super::*;

    fn row(state: State) -> Row {
        Row {
            key: AssignmentKey {
                account: "200000000001".parse().unwrap(),
                permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                    .parse()
                    .unwrap(),
                principal: Principal::Group(
                    "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
                ),
            },
            version: 1,
            state,
            wanted_by: BTreeMap::new(),
            rules: None,
            cause: Cause::new("event", "1"),
            attempts: 0,
            conflicts: 0,
            changed_at: Timestamp::UNIX_EPOCH,
            missing_since: None,
            departed_since: None,
            orphaned_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            overheard: None,
            look_again: false,
            trouble: None,
            approval: None,
            hold: None,
            over_budget: None,
        }
    }

    fn intent(claim: impl Into<Option<Claim>>) -> Intent {
        Intent {
            decided_at: Timestamp::UNIX_EPOCH,
            not_before: None,
            not_after: None,
            fingerprint: String::new(),
            claim: claim.into(),
        }
    }

    fn claim(request: Option<&str>) -> Claim {
        let request = request.map(|id| id.parse().unwrap());
        Claim { fence: Fence(1), at: Timestamp::UNIX_EPOCH, request, polled: None }
    }

    const REQUEST: &str = "00000000-0000-4000-8000-000000000009";

    #[test]
    fn an_assignment_goes_from_decided_to_granted_and_each_step_is_told_once() {
        let mut steps = Steps::default();
        let mut tell = |state| steps.next(&row(state));
        assert_eq!(tell(State::Granting(intent(None))), Some(Step::Decided(Operation::Grant)));
        assert_eq!(tell(State::Granting(intent(None))), None);
        assert_eq!(tell(State::Granting(intent(claim(None)))), None);
        let accepted = Step::Accepted(Operation::Grant, REQUEST.to_owned());
        assert_eq!(tell(State::Granting(intent(claim(Some(REQUEST))))), Some(accepted));
        assert_eq!(tell(State::Granting(intent(claim(Some(REQUEST))))), None);
        assert_eq!(tell(State::Ours), Some(Step::Granted));
        assert_eq!(tell(State::Ours), None, "brought up to date");
    }

    #[test]
    fn a_grant_whose_answer_was_lost_is_told_when_it_is_found_to_be_ours() {
        let mut steps = Steps::default();
        steps.next(&row(State::Granting(intent(None))));
        steps.next(&row(State::Granting(intent(claim(None)))));
        assert_eq!(steps.next(&row(State::Ours)), Some(Step::Granted));
    }

    #[test]
    fn what_is_given_up_is_not_told_as_done() {
        let mut steps = Steps::default();
        steps.next(&row(State::Granting(intent(None))));
        assert_eq!(steps.next(&row(State::Closed)), Some(Step::GivenUp(Operation::Grant)));
        steps.next(&row(State::Closing(intent(None))));
        assert_eq!(steps.next(&row(State::Ours)), Some(Step::GivenUp(Operation::Revoke)));
        steps.next(&row(State::Closing(intent(None))));
        assert_eq!(steps.next(&row(State::Closed)), Some(Step::Revoked));
    }

    #[test]
    fn trouble_is_told_once_and_again_when_it_is_another() {
        let mut steps = Steps::default();
        let troubled =
            |trouble: &str| Row { trouble: Some(trouble.to_owned()), ..row(State::Granting(intent(None))) };
        steps.next(&row(State::Granting(intent(None))));
        let again = |trouble: &str| Some(Step::Again(Operation::Grant, trouble.to_owned()));
        assert_eq!(steps.next(&troubled("conflict")), again("conflict"));
        assert_eq!(steps.next(&troubled("conflict")), None);
        assert_eq!(steps.next(&troubled("rate")), again("rate"));
        let refused = State::Uncertain { reason: "nobody knows".to_owned(), contested: false };
        assert_eq!(steps.next(&row(refused)), Some(Step::Failed("nobody knows".to_owned())));
    }
}
