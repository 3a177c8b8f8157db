//! A rule that gives something beyond the scope of its team.

use std::fmt;

use crate::domain::{AssignmentKey, RuleId, TeamId};

/// A rule that gives something beyond the scope of its team, in the organization as it was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Beyond {
    pub rule: RuleId,
    pub team: TeamId,
    /// Where the rule is written: `teams/payments/shop.yaml:4`.
    pub written_at: String,
    /// How many assignments it would give.
    pub assignments: usize,
    /// The first of them.
    pub examples: Vec<AssignmentKey>,
    /// How many permission sets in accounts it would give to principals none of which is there yet.
    #[serde(default, skip_serializing_if = "is_none")]
    pub for_nobody: usize,
    /// The first of them: `111122223333 ps-…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Whether these rules are what makes it so.
    #[serde(default)]
    pub why: WhyBeyond,
}

/// Why something is beyond a scope, and so whether it keeps rules from coming into force.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WhyBeyond {
    /// These rules make it so: they are refused.
    #[default]
    New,
    /// It is just as much beyond under the rules in force: the organization has changed since they came into force.
    Drifted,
    /// A `never` forbids it, so that it would not be given without any scope either.
    Forbidden,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(number: &usize) -> bool {
    *number == 0
}

impl Beyond {
    /// Whether it keeps rules from coming into force.
    pub fn refuses(&self) -> bool {
        match self.why {
            WhyBeyond::New => true,
            WhyBeyond::Drifted | WhyBeyond::Forbidden => false,
        }
    }
}

/// `rule shop at teams/shop.yaml:4 (team shop), 12 assignments such as …`
impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, team, written_at, assignments, examples, for_nobody, places, why: _ } = self;
        write!(f, "rule {rule} at {written_at} (team {team})")?;
        if *assignments > 0 {
            let what = if *assignments == 1 { "assignment" } else { "assignments" };
            let examples: Vec<String> = examples.iter().map(ToString::to_string).collect();
            write!(f, ", {assignments} {what}{}", told(*assignments, &examples))?;
        }
        if *for_nobody > 0 {
            let what = if *for_nobody == 1 { "permission set" } else { "permission sets" };
            let also = if *assignments > 0 { "; and " } else { ", " };
            write!(
                f,
                "{also}{for_nobody} {what} for principals that are not there yet{}",
                told(*for_nobody, places)
            )?;
        }
        Ok(())
    }
}

/// Examples of so many.
fn told(all: usize, examples: &[String]) -> String {
    match examples {
        [] => String::new(),
        [only] if all == 1 => format!(": {only}"),
        several => format!(" such as {}", several.join(", ")),
    }
}
