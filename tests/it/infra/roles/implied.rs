//! `infra/implied-actions.json`: what AWS asks for beside the calls that the code makes, each with its source.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::held::{Held, texts};

const LIST: &str = include_str!("../../../../infra/implied-actions.json");

/// One entry of the list.
#[derive(Debug)]
pub(super) struct Implied {
    /// An action, or a sentence about what is done.
    call: String,
    pub(super) implies: Vec<String>,
    /// The roles that do it, where that is no action; none for all that make the call.
    roles: Vec<String>,
    /// A managed policy that holds it for all roles.
    pub(super) policy: Option<String>,
    /// The condition of the template under which it is so.
    pub(super) condition: Option<String>,
}

pub(super) fn all() -> Vec<Implied> {
    let list: Value = serde_json::from_str(LIST).unwrap();
    let entries = list["implied"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let text = |member: &str| entry[member].as_str().map(str::to_owned);
            for needed in ["call", "resource", "sure", "source", "why"] {
                assert!(text(needed).is_some_and(|text| !text.is_empty()), "{needed}: {entry}");
            }
            Implied {
                call: text("call").unwrap(),
                implies: texts(&entry["implies"]),
                roles: texts(&entry["roles"]),
                policy: text("policy"),
                condition: text("condition"),
            }
        })
        .collect()
}

impl Implied {
    /// Whether it says why this role holds what it implies, its function having asked for these actions.
    pub(super) fn concerns(&self, role: &str, asked: &BTreeSet<&str>) -> bool {
        self.roles.iter().any(|known| known == role) || asked.contains(self.call.as_str())
    }
}

/// What of the implied actions roles lack. `held` are roles with everything switched on, `asked` the actions that each one's function has asked for.
pub(super) fn lacking(
    held: &BTreeMap<String, Held>,
    asked: &BTreeMap<String, BTreeSet<&str>>,
) -> Vec<String> {
    let mut lacking = Vec::new();
    let none = BTreeSet::new();
    for entry in all() {
        for role in &entry.roles {
            assert!(held.contains_key(role), "the list of implied actions names {role}, which is no role");
        }
        for (role, held) in held {
            let actions = held.actions();
            let due = entry.concerns(role, asked.get(role).unwrap_or(&none)) || entry.policy.is_some();
            let missing = entry.implies.iter().filter(|action| due && !actions.contains(*action));
            lacking.extend(missing.map(|action| format!("{role} lacks {action}, implied by {}", entry.call)));
        }
    }
    lacking
}
