//! What is counted and measured of Usher at work: the one list of its metrics.
//!
//! Each is told by an event of the log, of a target of its own, which `telemetry` writes as a line of `CloudWatch`'s embedded metric format and as
//! nothing else. A metric has numbers, the name of a function and words of ours: no id, and no name of a person.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Usher";

/// The target of the log's events that tell metrics.
pub const TARGET: &str = "usher::metrics";

/// The dimension that every metric has: the name of the function in Lambda, else the package's.
pub const FUNCTION: &str = "Function";

/// Something that is counted or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// What a function has put aside.
    DeadLetters,
    /// From the time of the event that a grant was decided for to AWS's word that it is provisioned.
    EventToAccess,
    Granted,
    Revoked,
    /// Requests that ended as FAILED or were refused for good, by [`class`].
    Failed,
    /// Calls that AWS has refused because they were too many: at once (`window`) or a second (`rate`).
    Throttled,
    /// The most requests that were outstanding in a run.
    Outstanding,
    /// How much of the window requests hold that have taken longer than the engine has patience.
    WindowHeldByStuck,
    /// For how long the oldest intent has waited to be sent.
    OldestIntent,
    /// Keys that AWS has refused for good, as the last sweep has found them.
    Blocked,
    /// What was withheld, as the last sweep has found it.
    Withheld,
    /// Keys of which it can't be said whose they are, as the last sweep has found them.
    Uncertain,
    /// What AWS has otherwise than the ledger, by another's hand.
    Drift,
    /// Since the last round of the sweep has ended.
    SweepAge,
    RulesRefused,
    /// Tags that rules go by that have changed, or have come with something new.
    TrustedTagChanged,
    /// Accounts that a permission set's edits have not reached, when that is over.
    NotReprovisioned,
    /// Since the last report of who has what was finished.
    AuditAge,
    /// 1 while something is frozen because the ledger may not be whole.
    EpochMismatch,
}

/// What a metric is, for `CloudWatch` and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    pub name: &'static str,
    /// In the words of `CloudWatch`.
    pub unit: &'static str,
    /// The dimension that it is split by as well, where there is one.
    pub split_by: Option<&'static str>,
    /// The functions that tell it, by their packages.
    pub functions: &'static [&'static str],
}

const fn of(
    name: &'static str,
    unit: &'static str,
    split_by: Option<&'static str>,
    functions: &'static [&'static str],
) -> Description {
    Description { name, unit, split_by, functions }
}

/// Those that end requests.
const ENDS: &[&str] = &["provision", "poll-provisioning"];

/// Those that put aside what they can't do.
const PARKS: &[&str] = &[
    "on-account-event",
    "on-group-event",
    "on-permission-set-event",
    "on-rules-change",
    "reconcile",
    "provision",
    "poll-provisioning",
];

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 19] = [
        Self::DeadLetters,
        Self::EventToAccess,
        Self::Granted,
        Self::Revoked,
        Self::Failed,
        Self::Throttled,
        Self::Outstanding,
        Self::WindowHeldByStuck,
        Self::OldestIntent,
        Self::Blocked,
        Self::Withheld,
        Self::Uncertain,
        Self::Drift,
        Self::SweepAge,
        Self::RulesRefused,
        Self::TrustedTagChanged,
        Self::NotReprovisioned,
        Self::AuditAge,
        Self::EpochMismatch,
    ];

    /// The table of metrics.
    pub const fn description(self) -> Description {
        match self {
            Self::DeadLetters => of("DeadLetters", "Count", None, PARKS),
            Self::EventToAccess => of("EventToAccess", "Milliseconds", None, ENDS),
            Self::Granted => of("Granted", "Count", None, ENDS),
            Self::Revoked => of("Revoked", "Count", None, ENDS),
            Self::Failed => of("Failed", "Count", Some("Class"), ENDS),
            Self::Throttled => of("Throttled", "Count", Some("Kind"), &["provision"]),
            Self::Outstanding => of("Outstanding", "Count", None, &["provision"]),
            Self::WindowHeldByStuck => of("WindowHeldByStuck", "Percent", None, &["tick"]),
            Self::OldestIntent => of("OldestIntent", "Seconds", None, &["tick"]),
            Self::Blocked => of("Blocked", "Count", None, &["tick"]),
            Self::Withheld => of("Withheld", "Count", None, &["tick"]),
            Self::Uncertain => of("Uncertain", "Count", None, &["tick"]),
            Self::Drift => of("Drift", "Count", None, &["reconcile", "on-permission-set-event"]),
            Self::SweepAge => of("SweepAge", "Seconds", None, &["tick"]),
            Self::RulesRefused => of("RulesRefused", "Count", None, &["on-rules-change"]),
            Self::TrustedTagChanged => of("TrustedTagChanged", "Count", None, &["sweep", "reconcile"]),
            Self::NotReprovisioned => of("NotReprovisioned", "Count", None, &["reprovision"]),
            Self::AuditAge => of("AuditAge", "Seconds", None, &["tick"]),
            Self::EpochMismatch => of("EpochMismatch", "Count", None, &["tick"]),
        }
    }

    /// The metric of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.description().name == name)
    }

    /// Tells a value. `function` is the package's name.
    pub fn tell(self, function: &str, at: Timestamp, value: u64) {
        self.tell_part(function, at, value, "");
    }

    /// Tells a value of one part of what the metric is split by.
    pub fn tell_part(self, function: &str, at: Timestamp, value: u64, part: &str) {
        let (metric, at_ms) = (self.description().name, at.as_millisecond());
        tracing::info!(target: TARGET, metric, function, at_ms, value, part);
    }
}

const OTHER: &str = "other";

/// What [`class`] knows: words of AWS's, and the class.
const CLASSES: [(&str, &str); 11] = [
    ("unexpected internal", "internal"),
    ("taking longer than usual", "not_ready"),
    ("unable to complete your request", "not_ready"),
    ("too many requests", "throttled"),
    ("rate exceeded", "throttled"),
    ("not supported policy", "policy"),
    ("access denied", "denied"),
    ("not authorized", "denied"),
    ("quota", "quota"),
    ("limit", "quota"),
    ("was not found", "not_found"),
];

/// All classes that [`class`] can tell.
pub fn classes() -> BTreeSet<&'static str> {
    CLASSES.iter().map(|(_, class)| *class).chain([OTHER]).collect()
}

/// A short word for why AWS has failed or refused a request, by what it says: they are few, and none quotes anything.
pub fn class(reason: &str) -> &'static str {
    let reason = reason.to_ascii_lowercase();
    let found = CLASSES.iter().find(|(words, _)| reason.contains(words));
    found.map_or(OTHER, |(_, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_a_name_of_its_own_that_finds_it() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.description().name).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.description().name), Some(metric));
            assert_eq!(metric.description().name, format!("{metric:?}"));
        }
        assert_eq!(Metric::named("Other"), None);
    }

    #[test]
    fn the_reasons_that_others_have_seen_have_each_a_class() {
        for (reason, expected) in [
            ("An unexpected internal service exception was encountered.", "internal"),
            (
                "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account \
                 '111122223333' is taking longer than usual",
                "not_ready",
            ),
            ("Received a 404 status error: Not supported policy CustomPolicy", "policy"),
            ("Received a 403 status error: Access denied by IAM for iam:CreateSAMLProvider", "denied"),
            (
                "Received a 404 status error: the GROUP assignee f10fac16 was not found in directory d-1234567890",
                "not_found",
            ),
            ("something that nobody has seen", "other"),
        ] {
            assert_eq!(class(reason), expected, "{reason}");
        }
    }
}
