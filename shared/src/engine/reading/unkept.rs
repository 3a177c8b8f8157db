//! Which declared permission sets may still be on their way.

use jiff::SignedDuration;

use super::Reading;
use crate::{
    engine::{
        RulesOnHand,
        declared::{MAKING, PLACE, Place},
    },
    ports::SeenKind,
    resolve::Unkept,
    rules::Wanted,
};

/// However long permission sets may take or fail, nothing waits for them longer after the rules came into force.
const WAITS_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Reading<'_> {
    /// The declared permission sets that rules may wait for. Once they have all been gone through under these rules, and what was
    /// remembered of them before is believed no more, only those that have failed.
    ///
    /// INVARIANT: what may not be known is waited for.
    pub(in crate::engine) async fn unkept(&self, rules: &RulesOnHand) -> Unkept {
        let there = rules.index.declared().iter().filter(|set| set.wanted != Wanted::Gone);
        let mut names: std::collections::BTreeSet<String> = there.map(|set| set.name.clone()).collect();
        if names.is_empty() {
            return Unkept::default();
        }
        let ledger = self.reader.ledger;
        match ledger.rules_in_force().await {
            Ok(Some(rules_now)) if rules_now.version == rules.version => {
                if rules_now.since + WAITS_FOR <= self.started {
                    return Unkept::default();
                }
            }
            // What is not in force is planned as if all were kept.
            Ok(_) => return Unkept::default(),
            Err(_) => {}
        }
        let place = self.remembered(SeenKind::Fact, PLACE);
        let place = place.and_then(|place| serde_json::from_value::<Place>(place).ok());
        if let Some(place) = place.filter(|place| place.rules == rules.version)
            && place.settled.is_some_and(|settled| settled + self.facts_age <= self.started)
        {
            names.retain(|name| place.failed.contains_key(name));
        }
        if names.is_empty() {
            return Unkept::default();
        }
        let begun = match ledger.recall_below(SeenKind::OwnPermissionSet, MAKING).await {
            Ok(seen) => {
                seen.iter().filter_map(|seen| seen.id.strip_prefix(MAKING)).map(str::to_owned).collect()
            }
            Err(_) => names.clone(),
        };
        Unkept { names, begun }
    }
}
