//! Whether service control policies keep the tags that the rules in force trust. None binds the management account, so that is not all there is to it.

use std::collections::BTreeSet;

use shared::{
    aws::{Connection, ControlPolicy},
    engine::RulesOnHand,
    policy,
    ports::PortError,
};

use crate::{
    doctor::Findings,
    screen::{count, line},
};

const WHAT: &str = "trusted tags";

/// A key that rules trust, of whose tags, and the API that sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Trusted<'r> {
    service: &'static str,
    whose: &'static str,
    key: &'r str,
}

/// What policies keep.
#[derive(Default)]
struct Kept<'r> {
    keys: BTreeSet<Trusted<'r>>,
    /// The policies, each with what it is attached to.
    by: Vec<String>,
    /// Those that would keep some, and are attached to nothing.
    idle: Vec<String>,
}

pub(super) async fn look(way: &Connection, rules: &RulesOnHand, findings: &mut Findings) {
    let settings = rules.index.settings();
    let trusted: BTreeSet<Trusted<'_>> = [
        ("organizations", "accounts", &settings.trusted_account_tags),
        ("sso", "permission sets", &settings.trusted_permission_set_tags),
    ]
    .into_iter()
    .flat_map(|(service, whose, keys)| keys.iter().map(move |key| Trusted { service, whose, key }))
    .collect();
    if trusted.is_empty() {
        return;
    }
    let Kept { keys, by, idle } = match kept(way, &trusted).await {
        Ok(kept) => kept,
        Err(error) => {
            let told = line(&error.to_string());
            let may = "the management account and delegated administrators may ask, with `organizations:ListPolicies`, `DescribePolicy` and `ListTargetsForPolicy`";
            return findings.untried(
                WHAT,
                format!("whether service control policies keep them can't be told: {told}; {may}"),
            );
        }
    };
    if trusted == keys {
        let found = format!("{} are kept where these are attached: {}", names(&keys), by.join(", "));
        return findings.good(WHAT, found);
    }
    let open = names(&trusted.difference(&keys).copied().collect());
    let idle =
        if idle.is_empty() { String::new() } else { format!("; attached to nothing: {}", idle.join(", ")) };
    findings.warning(
        WHAT,
        format!("no service control policy that is attached keeps {open}: whoever may set them gives access{idle}"),
        "infra/trusted-tags.yaml makes one, with these keys in AccountTagKeys and PermissionSetTagKeys, and attaches it to TargetIds; \
         docs/rules.md#tags-and-trust",
    );
}

async fn kept<'r>(way: &Connection, trusted: &BTreeSet<Trusted<'r>>) -> Result<Kept<'r>, PortError> {
    let mut kept = Kept::default();
    for ControlPolicy { id, name, content } in way.control_policies().await? {
        // What can't be read keeps nothing.
        let document = serde_json::from_str(&content).ok();
        let Some(policy) = document.and_then(|document| policy::read(&document).ok()) else { continue };
        let keys = trusted.iter().filter(|trusted| policy.keeps_tag(trusted.service, trusted.key));
        let keys: Vec<Trusted<'_>> = keys.copied().collect();
        if keys.is_empty() {
            continue;
        }
        match way.targets_of_policy(&id).await? {
            0 => kept.idle.push(line(&name)),
            targets => {
                kept.keys.extend(keys);
                kept.by.push(format!("{} ({})", line(&name), count(targets, "target", "targets")));
            }
        }
    }
    Ok(kept)
}

/// The keys, in one line.
fn names(keys: &BTreeSet<Trusted<'_>>) -> String {
    let names: Vec<String> =
        keys.iter().map(|trusted| format!("{} of {}", line(trusted.key), trusted.whose)).collect();
    names.join(", ")
}
