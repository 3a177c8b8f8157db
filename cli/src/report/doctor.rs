//! What a doctor has found, as data.

use serde::Serialize;

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// Whether everything that Usher needs is there.
    pub ok: bool,
    /// In the order in which one rests on the other.
    pub findings: Vec<Finding>,
    /// The calls that were tried to see whether they are allowed, in their order.
    pub calls: Vec<CallTried>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `credentials`, `instance`.
    pub what: &'static str,
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it; null where there is nothing.
    pub way_out: Option<String>,
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    /// Good enough, and worth knowing.
    Note,
    /// Something will not work, or not as it should.
    Warning,
    /// Usher can't work so.
    Bad,
    /// AWS was too busy to tell: nothing is known to be wrong, nor to be right.
    Unanswered,
    /// It was not looked at.
    Untried,
}

/// A call that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallTried {
    /// As IAM calls it: `sso:ListPermissionSets`.
    pub action: &'static str,
    pub outcome: CallOutcome,
    /// AWS's words where it was not allowed or failed.
    pub why: Option<String>,
    /// What needs it.
    pub needed_for: &'static str,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    Allowed,
    Denied,
    /// AWS was too busy to answer, several times.
    Unanswered,
    /// It failed for another reason.
    Failed,
    /// There is nothing to try it on.
    Untried,
}
