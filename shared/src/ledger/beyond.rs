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
}

/// `rule shop at teams/shop.yaml:4 (team shop), 12 assignments such as …`
impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, team, written_at, assignments, examples } = self;
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
