//! Rules that now give something beyond the scope of their team: what keeps them from coming into force.

use std::collections::BTreeMap;

use super::{Basis, Decided, PublishError, RulesOnHand};
use crate::{
    domain::{AssignmentKey, Mode, PermissionSetArn, Principal, RuleId},
    ledger::{Beyond, WhyBeyond},
    ports::{PortError, RulesInForce, RulesStore},
    resolve::{Desired, OutOfReach},
    rules::{Index, Unchanged},
};

/// How many of what a rule gives beyond its team's scope are told, as examples.
const EXAMPLES: usize = 3;

/// How many such rules are told.
const RULES: usize = 8;

/// What rules want in one account beyond the scope of their team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BeyondHere {
    wanted: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    out_of_reach: OutOfReach,
}

impl BeyondHere {
    pub(super) fn of(desired: &Desired) -> Self {
        Self { wanted: desired.beyond.clone(), out_of_reach: desired.out_of_reach.clone() }
    }

    /// Whether one of these rules, which were the last to want this, wants it still and may not give it: it is taken away for the
    /// scope's sake.
    pub fn took(&self, key: &AssignmentKey, rules: &BTreeMap<RuleId, Mode>) -> bool {
        let OutOfReach { forbidden, of_nobody: _, powerless } = &self.out_of_reach;
        let beyond = self.wanted.get(key);
        let may_not =
            |rule: &RuleId| beyond.is_some_and(|by| by.contains_key(rule)) || powerless.contains_key(rule);
        !forbidden.contains(key) && rules.keys().any(may_not)
    }
}

/// What was found of one rule.
#[derive(Default)]
struct Found<'a> {
    assignments: usize,
    examples: Vec<&'a AssignmentKey>,
    for_nobody: usize,
    places: Vec<String>,
    /// The names of the accounts among these.
    names: BTreeMap<String, String>,
}

/// Every rule that gives something beyond the scope of its team where these decisions were made, in the order of the document.
pub fn beyond<'a>(decided: impl IntoIterator<Item = &'a Decided>, basis: &Basis) -> Vec<Beyond> {
    let index = &basis.rules.index;
    let mut by_rule: BTreeMap<(&RuleId, WhyBeyond), Found<'_>> = BTreeMap::new();
    for Decided { plan, account, beyond: BeyondHere { wanted, out_of_reach }, .. } in decided {
        let name = || account.iter().map(|account| (account.id.to_string(), account.name.clone()));
        for (key, rules) in wanted {
            let is_forbidden = out_of_reach.forbidden.contains(key);
            let why = if is_forbidden { WhyBeyond::Forbidden } else { WhyBeyond::New };
            for rule in rules.keys() {
                let found = by_rule.entry((rule, why)).or_default();
                found.assignments += 1;
                if found.examples.len() < EXAMPLES {
                    found.examples.push(key);
                    found.names.extend(name());
                }
            }
        }
        for (rule, sets) in &out_of_reach.of_nobody {
            let found = by_rule.entry((rule, WhyBeyond::New)).or_default();
            found.for_nobody += sets.len();
            let room = EXAMPLES.saturating_sub(found.places.len());
            found
                .places
                .extend(sets.iter().take(room).map(|set| format!("{} {}", plan.account, own_id(set))));
            if room > 0 {
                found.names.extend(name());
            }
        }
    }
    let mut all = Vec::new();
    for rule in index.rules() {
        let Some(team) = &rule.team else { continue };
        for why in [WhyBeyond::New, WhyBeyond::Forbidden] {
            let Some(found) = by_rule.remove(&(&rule.id, why)) else { continue };
            let Found { assignments, examples, for_nobody, places, mut names } = found;
            let is_told = |id: &str| {
                examples.iter().any(|key| own_id(&key.permission_set) == id)
                    || places.iter().any(|place| place.ends_with(id))
            };
            let sets = basis.set_names.iter().map(|(arn, name)| (own_id(arn).to_owned(), name.clone()));
            names.extend(sets.filter(|(id, _)| is_told(id)));
            names.extend(examples.iter().filter_map(|key| match &key.principal {
                Principal::Group(id) => Some((id.to_string(), basis.group_names.get(id)?.clone())),
                // Refusals are logged, and people's names are not.
                Principal::User(_) => None,
            }));
            all.push(Beyond {
                rule: rule.id.clone(),
                team: team.clone(),
                written_at: rule.written_at.to_string(),
                assignments,
                examples: examples.into_iter().cloned().collect(),
                for_nobody,
                places,
                names,
                why,
            });
        }
    }
    all
}

fn own_id(set: &PermissionSetArn) -> &str {
    set.as_str().rsplit('/').next().unwrap_or_default()
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
            WhyBeyond::Forbidden => WhyBeyond::Forbidden,
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
