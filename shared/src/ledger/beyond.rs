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
    /// Whether these rules are what makes it so.
    #[serde(default)]
    pub why: WhyBeyond,
}

/// Why something is beyond a scope, and so whether it keeps rules from coming into force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyBeyond {
    /// These rules make it so: they are refused.
    #[default]
    New,
    /// It is just as much beyond under the rules in force: the organization has changed since they came into force.
    Drifted,
}

impl Beyond {
    /// Whether it keeps rules from coming into force.
    pub fn refuses(&self) -> bool {
        match self.why {
            WhyBeyond::New => true,
            WhyBeyond::Drifted => false,
        }
    }
}

/// `rule shop at teams/shop.yaml:4 (team shop), 12 assignments such as …`
impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, team, written_at, assignments, examples, why: _ } = self;
        let what = if *assignments == 1 { "assignment" } else { "assignments" };
        write!(f, "rule {rule} at {written_at} (team {team}), {assignments} {what}")?;
        let examples: Vec<String> = examples.iter().map(ToString::to_string).collect();
        match examples.as_slice() {
            [] => Ok(()),
            [only] if *assignments == 1 => write!(f, ": {only}"),
            several => write!(f, " such as {}", several.join(", ")),
        }
    }
}
