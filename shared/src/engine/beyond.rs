//! Rules that now give something beyond the scope of their team: what keeps them from coming into force.

use std::collections::BTreeMap;

use super::{Decided, PublishError, RulesOnHand};
use crate::{
    domain::{AssignmentKey, RuleId},
    ledger::{Beyond, WhyBeyond},
    ports::{PortError, RulesInForce, RulesStore},
    rules::{Index, Unchanged},
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
            why: WhyBeyond::New,
        })
    });
    found.collect()
}

/// Tells what these rules make new from what is just as much beyond under those in force, where the organization has changed since. The
/// rules in force are read only where there is anything to tell.
pub async fn weigh(
    found: Vec<Beyond>,
    index: &Index,
    in_force: Option<&RulesInForce>,
    store: &dyn RulesStore,
) -> Result<Vec<Beyond>, PublishError> {
    let (false, Some(in_force)) = (found.is_empty(), in_force) else { return Ok(found) };
    let before = match store.bundle(&in_force.version).await {
        // Rules that can't be had any more are no excuse.
        Ok(bundle) => RulesOnHand::of(&bundle).ok(),
        Err(PortError::NotFound(_) | PortError::Refused(_)) => None,
        Err(error) => return Err(PublishError::Compare(error)),
    };
    let Some(before) = before else { return Ok(found) };
    let unchanged = Unchanged::since(&before.index, index);
    let weighed = found.into_iter().map(|beyond| {
        let is_unchanged =
            index.rules().iter().find(|rule| rule.id == beyond.rule).is_some_and(|rule| unchanged.has(rule));
        let why = match beyond.why {
            WhyBeyond::New | WhyBeyond::Drifted if is_unchanged => WhyBeyond::Drifted,
            WhyBeyond::New | WhyBeyond::Drifted => WhyBeyond::New,
        };
        Beyond { why, ..beyond }
    });
    Ok(weighed.collect())
}

/// Several of them, on one line.
pub(super) fn told(all: &[Beyond]) -> String {
    let mut told: Vec<String> = all.iter().take(RULES).map(ToString::to_string).collect();
    if let Some(more) = all.len().checked_sub(RULES).filter(|more| *more > 0) {
        told.push(format!("and {more} rules more"));
    }
    told.join("; ")
}
