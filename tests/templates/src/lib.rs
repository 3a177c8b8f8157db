//! The templates in `infra/`, read as CloudFormation reads them, and their patterns, matched as EventBridge matches them.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests alone use it, and fail by its panics"
)]

mod pattern;
mod template;

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

pub use pattern::{LONGEST, examples, fits, problems};
pub use template::{MANAGEMENT, PLACES, Place, Template};

/// The role that Usher calls Identity Center with from the management account.
pub const OWN_ROLE: &str = "arn:aws:iam::123456789012:role/usher-management-writes";

/// The forwarder with all that it can forward.
pub const EVERYTHING: [(&str, &str); 5] = [
    ("BusArn", "arn:aws:events:eu-central-1:999988887777:event-bus/usher"),
    ("OwnRoles", OWN_ROLE),
    ("Organizations", "true"),
    ("ControlTower", "true"),
    ("IdentityCenter", "true"),
];

/// The forwarder in this management account, with this role of ours, as a function that tells whether it lets an event through.
pub fn forwarder(account: &'static str, own_role: &str) -> impl Fn(&Value) -> bool + use<> {
    let mut parameters = EVERYTHING;
    parameters[1].1 = own_role;
    let patterns = forwarded(Place { account, ..PLACES[0] }, &parameters);
    move |event| patterns.values().any(|pattern| fits(pattern, event))
}

/// The patterns of the forwarder's rules.
pub fn forwarded(place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let template = Template::read("forwarder.yaml").unwrap();
    let rules = template.of_type("AWS::Events::Rule", place, parameters);
    rules.into_iter().map(|(name, rule)| (name, rule["EventPattern"].clone())).collect()
}

/// The rules of the forwarder, with everything switched on, that an event fits.
pub fn passing(event: &Value) -> Vec<&'static str> {
    static PATTERNS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| forwarded(PLACES[0], &EVERYTHING));
    PATTERNS.iter().filter(|(_, pattern)| fits(pattern, event)).map(|(name, _)| name.as_str()).collect()
}
