//! Rules that now give something beyond the scope of their team: what keeps them from coming into force.

use std::collections::BTreeMap;

use super::Decided;
use crate::{
    domain::{AssignmentKey, RuleId},
    ledger::Beyond,
    rules::Index,
};

/// How many of what a rule gives beyond its team's scope are told, as examples.
const EXAMPLES: usize = 3;

/// How many such rules are told.
const RULES: usize = 8;

/// Every rule that gives something beyond the scope of its team where these decisions were made, in the order of the document.
pub fn beyond<'a>(decided: impl IntoIterator<Item = &'a Decided>, index: &Index) -> Vec<Beyond> {
    let mut by_rule: BTreeMap<&RuleId, (usize, Vec<&AssignmentKey>)> = BTreeMap::new();
    for (key, rules) in decided.into_iter().flat_map(|decided| &decided.beyond) {
        for rule in rules.keys() {
            let (assignments, examples) = by_rule.entry(rule).or_default();
            *assignments += 1;
            if examples.len() < EXAMPLES {
                examples.push(key);
            }
        }
    }
    let found = index.rules().iter().filter_map(|rule| {
        let (assignments, examples) = by_rule.get(&rule.id)?;
        Some(Beyond {
            rule: rule.id.clone(),
            team: rule.team.clone()?,
            written_at: rule.written_at.to_string(),
            assignments: *assignments,
            examples: examples.iter().map(|key| (*key).clone()).collect(),
        })
    });
    found.collect()
}

/// Several of them, on one line.
pub(super) fn told(all: &[Beyond]) -> String {
    let mut told: Vec<String> = all.iter().take(RULES).map(ToString::to_string).collect();
    if let Some(more) = all.len().checked_sub(RULES).filter(|more| *more > 0) {
        told.push(format!("and {more} rules more"));
    }
    told.join("; ")
}
