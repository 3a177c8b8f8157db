//! The journal of consent: who allowed, stopped, took over or gave up what, and when.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Cause, Doubt, HoldScope};
use crate::domain::{AssignmentKey, ConsentId, Operation, PermissionSetArn, PlanHash, RulesVersion};

/// One act of a person, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConsentRecord {
    pub id: ConsentId,
    /// Not for logs.
    pub by: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(flatten)]
    pub what: Consented,
}

/// What was consented to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Consented {
    /// All deletes of one plan where the budgets held one back or its rules have shrunk, all creates where they held one back.
    Plan {
        plan: PlanHash,
        rules: RulesVersion,
        /// How many operations were let through by it.
        operations: usize,
        expires_at: Timestamp,
        /// The rules have fewer than half of those that were in force: they may come into force all the same. It is said once
        /// all operations are approved.
        shrinks: bool,
        /// The rules that were in force then: only after these may they come. Without it, they may not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<RulesVersion>,
        /// When those had come into force.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_force_since: Option<Timestamp>,
    },
    /// These operations.
    Keys {
        rules: RulesVersion,
        operations: Vec<(Operation, AssignmentKey)>,
        expires_at: Timestamp,
    },
    Paused,
    Resumed,
    HeldKey {
        key: AssignmentKey,
    },
    ReleasedKey {
        key: AssignmentKey,
    },
    Held {
        scope: HoldScope,
    },
    Released {
        scope: HoldScope,
    },
    Adopted {
        key: AssignmentKey,
    },
    /// All of these, with the rules that want them.
    AdoptedAll {
        rules: RulesVersion,
        keys: Vec<AssignmentKey>,
    },
    Disowned {
        key: AssignmentKey,
    },
    /// The ledger was taken as it is, after that was in doubt.
    LedgerConfirmed {
        doubt: Doubt,
    },
    /// The name of a permission set stands for this one.
    Confirmed {
        name: String,
        permission_set: PermissionSetArn,
    },
}

impl ConsentRecord {
    /// A record with the id that who, when and what make.
    pub fn new(by: &str, at: Timestamp, reason: &str, what: Consented) -> Self {
        let (by, reason) = (super::name(by), super::reason(reason));
        let mut hash = Sha256::new();
        // What can't be written as JSON has no maps with keys other than text: there is none.
        let what_text = serde_json::to_string(&what).unwrap_or_default();
        for part in [by.as_str(), &at.as_nanosecond().to_string(), &reason, &what_text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self { id: ConsentId::of_digest(&hash.finalize().into()), by, at, reason, what }
    }

    /// Why what it was about is as it is since then.
    pub fn cause(&self) -> Cause {
        Cause::new("command", self.id.as_str())
    }

    /// Whether it lets rules come into force although they have shrunk, after those in force since some time, at this time. Once: when others have come into force
    /// since, and the same again after them, it was given to something else.
    pub fn lets_shrink(
        &self,
        version: &RulesVersion,
        (in_force, since): (&RulesVersion, Timestamp),
        now: Timestamp,
    ) -> bool {
        match &self.what {
            Consented::Plan {
                plan: _,
                rules,
                operations: _,
                expires_at,
                shrinks,
                replaces,
                in_force_since,
            } => {
                *shrinks
                    && rules == version
                    && replaces.as_ref().is_some_and(|replaced| replaced == in_force)
                    && *in_force_since == Some(since)
                    && now < *expires_at
            }
            Consented::Keys { .. }
            | Consented::Paused
            | Consented::Resumed
            | Consented::HeldKey { .. }
            | Consented::ReleasedKey { .. }
            | Consented::Held { .. }
            | Consented::Released { .. }
            | Consented::Adopted { .. }
            | Consented::AdoptedAll { .. }
            | Consented::Disowned { .. }
            | Consented::LedgerConfirmed { .. }
            | Consented::Confirmed { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_comes_back_as_it_was_kept() {
        let key = AssignmentKey {
            account: "111122223333".parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
        };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let rules: RulesVersion = "a".repeat(64).parse().unwrap();
        let scope: HoldScope = "account:111122223333".parse().unwrap();
        let kinds = [
            Consented::Plan {
                plan: "b".repeat(64).parse().unwrap(),
                rules: rules.clone(),
                operations: 3,
                expires_at: at,
                shrinks: true,
                replaces: Some("c".repeat(64).parse().unwrap()),
                in_force_since: Some(at),
            },
            Consented::Keys { rules, operations: vec![(Operation::Grant, key.clone())], expires_at: at },
            Consented::Paused,
            Consented::Resumed,
            Consented::HeldKey { key: key.clone() },
            Consented::ReleasedKey { key: key.clone() },
            Consented::Held { scope: scope.clone() },
            Consented::Released { scope },
            Consented::Adopted { key: key.clone() },
            Consented::AdoptedAll { rules: "c".repeat(64).parse().unwrap(), keys: vec![key.clone()] },
            Consented::Disowned { key },
            Consented::LedgerConfirmed { doubt: Doubt::Behind },
        ];
        let mut ids = std::collections::BTreeSet::new();
        for what in kinds {
            let record = ConsentRecord::new("Alba", at, "why not", what);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<ConsentRecord>(&text).unwrap(), record);
            assert!(ids.insert(record.id));
        }
    }
    #[test]
    fn rules_may_shrink_only_after_those_that_were_in_force_when_it_was_approved() {
        let version = |digit: &str| digit.repeat(64).parse::<RulesVersion>().unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let lets = |shrinks, replaces: Option<&str>| {
            let what = Consented::Plan {
                plan: "b".repeat(64).parse().unwrap(),
                rules: version("a"),
                operations: 3,
                expires_at: at(60),
                shrinks,
                replaces: replaces.map(version),
                in_force_since: replaces.map(|_| at(0)),
            };
            let record = ConsentRecord::new("Alba", at(0), "", what);
            move |new: &str, in_force: &str, now| {
                let lets =
                    |since| record.lets_shrink(&version(new), (&version(in_force), at(since)), at(now));
                assert!(!lets(1), "it is the same once more");
                lets(0)
            }
        };
        let record = lets(true, Some("c"));
        assert!(record("a", "c", 59));
        assert!(!record("a", "c", 60) && !record("a", "d", 59) && !record("d", "c", 59));
        assert!(!lets(false, Some("c"))("a", "c", 59), "not all of it was approved");
        assert!(!lets(true, None)("a", "c", 59), "an older record doesn't say");
    }
}
