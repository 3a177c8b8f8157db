//! The templates in `infra/`: what they let through, and whom they allow what.

mod alarms;
mod buckets;
mod costs;
mod environment;
mod events;
mod events_queue;
mod ledger_keys;
mod moto_patterns;
mod moto_stacks;
mod pages;
mod pattern;
mod policies;
mod roles;
mod rules;
mod self_tests;
mod service;
mod template;
mod threat_model;

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use pattern::fits;
use template::{MANAGEMENT, PLACES, Place, Template};

/// The role that Usher calls Identity Center with from the management account.
const OWN_ROLE: &str = "arn:aws:iam::123456789012:role/usher-management-writes";

/// The forwarder with all that it can forward.
const EVERYTHING: [(&str, &str); 5] = [
    ("BusArn", "arn:aws:events:eu-central-1:999988887777:event-bus/usher"),
    ("OwnRoles", OWN_ROLE),
    ("Organizations", "true"),
    ("ControlTower", "true"),
    ("IdentityCenter", "true"),
];

/// The forwarder in this management account, with this role of ours, as a function that tells whether it lets an event through.
pub(crate) fn forwarder(account: &'static str, own_role: &str) -> impl Fn(&Value) -> bool + use<> {
    let mut parameters = EVERYTHING;
    parameters[1].1 = own_role;
    let patterns = forwarded(Place { account, ..PLACES[0] }, &parameters);
    move |event| patterns.values().any(|pattern| fits(pattern, event))
}

/// The patterns of the forwarder's rules.
fn forwarded(place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let template = Template::read("forwarder.yaml").unwrap();
    let rules = template.of_type("AWS::Events::Rule", place, parameters);
    rules.into_iter().map(|(name, rule)| (name, rule["EventPattern"].clone())).collect()
}

/// The rules of the forwarder, with everything switched on, that an event fits.
fn passing(event: &Value) -> Vec<&'static str> {
    static PATTERNS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| forwarded(PLACES[0], &EVERYTHING));
    PATTERNS.iter().filter(|(_, pattern)| fits(pattern, event)).map(|(name, _)| name.as_str()).collect()
}
