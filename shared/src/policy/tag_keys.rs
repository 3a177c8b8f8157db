//! Whether a policy keeps a tag's key to somebody: denies everybody else to set it and to remove it.

use super::{Effect, Matched, Policy, Statement};

/// What sets a tag and what removes one.
const OPERATIONS: [&str; 2] = ["TagResource", "UntagResource"];

impl Policy {
    /// Whether it denies setting and removing the key by this service's API, to all but principals that it names.
    pub fn keeps_tag(&self, service: &str, key: &str) -> bool {
        OPERATIONS.iter().all(|operation| {
            let action = format!("{service}:{operation}").to_lowercase();
            self.statements.iter().any(|statement| statement.denies_tag(&action, key))
        })
    }
}

impl Statement {
    fn denies_tag(&self, action: &str, key: &str) -> bool {
        self.effect == Effect::Deny
            && takes_in(&self.actions, action)
            && takes_in(&self.resources, "*")
            && self.conditions.iter().all(|(operator, keys)| {
                keys.iter().all(|(of, values)| is_met(operator, of, key, values.iter().map(String::as_str)))
            })
    }
}

/// INVARIANT: what is not understood takes nothing in, and no condition that is not understood is met: too little is found to be kept rather than too much.
fn takes_in(matched: &Matched, text: &str) -> bool {
    !matched.all_but && matched.patterns.iter().any(|pattern| is_like(&pattern.to_lowercase(), text))
}

/// Whether a condition holds whenever anybody who isn't named sets or removes the key.
fn is_met<'a>(operator: &str, of: &str, key: &str, mut values: impl Iterator<Item = &'a str>) -> bool {
    match (of.to_lowercase().as_str(), operator) {
        ("aws:tagkeys", "ForAnyValue:StringEqualsIgnoreCase") => {
            values.any(|value| value.to_lowercase() == key.to_lowercase())
        }
        ("aws:tagkeys", "ForAnyValue:StringEquals") => values.any(|value| value == key),
        ("aws:tagkeys", "ForAnyValue:StringLike") => values.any(|value| is_like(value, key)),
        // Those who may are left out, whoever that is.
        ("aws:principalarn", "ArnNotLike" | "ArnNotEquals" | "StringNotLike" | "StringNotEquals") => {
            values.all(|value| value != "*")
        }
        _ => false,
    }
}

/// A pattern with nothing in it but an asterisk at its end.
fn is_like(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}
