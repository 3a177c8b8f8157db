//! Request x status x waited -> next step: what an asynchronous request's answer means.
//!
//! The reasons are those seen by others (no list of them is published), so each is matched by what it says, and what nobody
//! has seen is taken for a refusal that a person should look at.

use std::time::Duration;

use crate::domain::Operation;

/// What a request that ended as FAILED tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A delete of what is not there: done.
    AlreadyGone,
    /// AWS's own trouble, or an account that isn't ready yet: the same request may succeed later.
    Passing,
    /// It will fail again until somebody changes something.
    Lasting,
}

/// Reads AWS's reason. Several different ones begin with the same words, so only the rest of them tells.
pub fn failure(operation: Operation, reason: &str) -> Failure {
    let says = |words: &str| reason.to_ascii_lowercase().contains(words);
    if operation == Operation::Revoke && says("entitlementitem doesn't exist") {
        return Failure::AlreadyGone;
    }
    let passing = [
        "unexpected internal service exception",
        "unable to complete your request at this time",
        "taking longer than usual",
        "too many requests",
        "rate exceeded",
    ];
    if passing.iter().any(|words| says(words)) { Failure::Passing } else { Failure::Lasting }
}

/// How often a passing failure is tried again before it counts as lasting.
pub const ATTEMPTS: u32 = 6;

/// How long to wait before the next attempt: 2 s, doubling, five minutes at most. A conflict is tried again for as long as it lasts: whoever
/// is in the way may be at it for minutes.
pub fn backoff(attempts: u32) -> Duration {
    Duration::from_secs((2_u64 << attempts.min(8)).min(300))
}

/// How long to wait between two looks at one request: it starts at 2 s and grows with the time it has taken so far, to 30 s.
pub fn next_look(waited: Duration) -> Duration {
    (waited / 3).clamp(Duration::from_secs(2), Duration::from_secs(30))
}

/// How long to wait between two looks at a request that nobody stays up for: it grows with the time it has taken so far, from 30 s to
/// 15 minutes, the longest that a queue holds a message back.
pub fn next_poll(waited: Duration) -> Duration {
    (waited / 10).clamp(Duration::from_secs(30), Duration::from_mins(15))
}

/// How long to wait between two looks at a request to provision: roles take seconds to be changed, so it starts at 5 s.
pub fn next_provisioning_look(waited: Duration) -> Duration {
    (waited / 3).clamp(Duration::from_secs(5), Duration::from_mins(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_that_others_have_seen_is_told_apart_from_those_that_begin_alike() {
        let gone =
            "Received a 404 status error: EntitlementItem doesn't exist with the given entitlement key …";
        assert_eq!(failure(Operation::Revoke, gone), Failure::AlreadyGone);
        assert_eq!(failure(Operation::Grant, gone), Failure::Lasting);
        for lasting in [
            "Received a 404 status error: the GROUP assignee f10fac16 was not found in directory d-1234567890",
            "Received a 404 status error: Not supported policy CustomPolicy",
            "Received a 403 status error: Access denied by IAM for iam:CreateSAMLProvider",
            "something that nobody has seen",
        ] {
            assert_eq!(failure(Operation::Revoke, lasting), Failure::Lasting, "{lasting}");
        }
        for passing in [
            "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account \
             '111122223333' is taking longer than usual",
            "An unexpected internal service exception was encountered",
        ] {
            assert_eq!(failure(Operation::Grant, passing), Failure::Passing, "{passing}");
        }
    }

    #[test]
    fn waiting_grows_and_stays_within_bounds() {
        assert_eq!(backoff(0), Duration::from_secs(2));
        assert_eq!(backoff(3), Duration::from_secs(16));
        assert_eq!(backoff(u32::MAX), Duration::from_mins(5));
        assert_eq!(next_look(Duration::ZERO), Duration::from_secs(2));
        assert_eq!(next_look(Duration::from_secs(30)), Duration::from_secs(10));
        assert_eq!(next_look(Duration::from_hours(9)), Duration::from_secs(30));
        assert_eq!(next_poll(Duration::ZERO), Duration::from_secs(30));
        assert_eq!(next_poll(Duration::from_hours(1)), Duration::from_mins(6));
        assert_eq!(next_poll(Duration::from_hours(100)), Duration::from_mins(15));
    }
}
