//! Which declared permission sets may still be on their way.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::Reading;
use crate::{
    engine::{
        RulesOnHand,
        declared::{EDITING, MAKING, NOTED, Noted, PLACE, Place},
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
        let mut names: BTreeSet<String> = there.map(|set| set.name.clone()).collect();
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
            // What is not in force is planned as if all were kept, but for those of which that can't be told.
            Ok(_) => {
                let untold = self.reader.access.untold();
                names.retain(|name| untold.contains(name));
                return Unkept { unlike: names.clone(), names };
            }
            Err(_) => {}
        }
        let kept_then = self.reader.access.kept_then();
        names.retain(|name| !kept_then.contains(name));
        let place = self.remembered(SeenKind::Fact, PLACE);
        let place = place.and_then(|place| serde_json::from_value::<Place>(place).ok());
        let place = place.filter(|place| place.rules == rules.version);
        let is_failing = |name: &String| place.as_ref().is_some_and(|place| place.failed.contains_key(name));
        if let Some(settled) = place.as_ref().and_then(|place| place.settled)
            && settled + self.facts_age <= self.started
        {
            names.retain(is_failing);
        }
        if names.is_empty() {
            return Unkept::default();
        }
        let noted = self.remembered(SeenKind::Fact, NOTED);
        let noted = noted.and_then(|noted| serde_json::from_value::<Noted>(noted).ok()).unwrap_or_default();
        let declared = rules.index.declared().iter().filter(|set| names.contains(&set.name));
        let may_differ = declared.filter(|set| is_failing(&set.name) || !noted.has(set));
        let mut unlike: BTreeSet<String> = may_differ.map(|set| set.name.clone()).collect();
        for beginning in [MAKING, EDITING] {
            match ledger.recall_below(SeenKind::OwnPermissionSet, beginning).await {
                Ok(seen) => {
                    unlike.extend(
                        seen.iter().filter_map(|seen| seen.id.strip_prefix(beginning)).map(str::to_owned),
                    );
                }
                Err(_) => unlike.extend(names.iter().cloned()),
            }
        }
        Unkept { names, unlike }
    }
}
