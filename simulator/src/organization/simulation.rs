//! What is read of a description a second time, since it is told by its way from the top: the settings, which lie over those that the
//! world would have anyway, and the mistakes of a state.

use serde::Deserialize;
use serde_json::Value;

use super::{DescriptionError, document::Document};
use crate::{OrganizationsLimits, Settings, iam::Step, world::Mistake};

/// Only what this is about; all else has been read already.
#[derive(Deserialize)]
struct Simulation {
    #[serde(default)]
    simulation: Option<Document>,
}

/// A state can be long, so it is read a second time only where something is wrong with it.
#[derive(Deserialize)]
struct State {
    #[serde(default)]
    state: Option<Document>,
}

/// A mistake in the state, with the line and column of the part that it is in.
pub(super) fn mistake_in_state(yaml: &str, mistake: Mistake) -> DescriptionError {
    let Mistake { way, message } = mistake;
    let file: Result<State, DescriptionError> = super::read(yaml);
    match file.map(|file| file.state.map_or((1, 1), |state| state.find(&way))) {
        Ok((line, column)) => DescriptionError { line, column, message },
        Err(unreadable) => DescriptionError { message, ..unreadable },
    }
}

/// The settings that a description gives, over others.
pub(super) fn settings(yaml: &str, base: Settings) -> Result<Settings, DescriptionError> {
    let file: Simulation = super::read(yaml)?;
    let Some(given) = file.simulation else { return Ok(base) };
    let at = |way: &[Step], message: String| {
        let (line, column) = given.find(way);
        DescriptionError { line, column, message }
    };
    let unreadable = |error: serde_json::Error| at(&[], error.to_string());
    let value = given.value();
    let mut base = base;
    // What is said of some operations only needs the documented table for the others.
    if base.quotas.organizations.is_none()
        && value.pointer("/quotas/organizations").is_some_and(Value::is_object)
    {
        base.quotas.organizations = Some(OrganizationsLimits::default());
    }
    let mut merged = serde_json::to_value(&base).map_err(unreadable)?;
    lay_over(&mut merged, value, Members::Known);
    let settings: Settings = serde_json::from_value(merged).map_err(unreadable)?;
    match settings.mistake() {
        None => Ok(settings),
        Some(Mistake { way, message }) => Err(at(&way, format!("`{}`: {message}", name(&way)))),
    }
}

/// What a way leads to.
fn name(way: &[Step]) -> &str {
    let last = way.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name.as_str()),
        Step::Item(_) => None,
    });
    last.unwrap_or_default()
}

/// Which members something can have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    /// Those of a section, which are all there already; what has others is another choice.
    Known,
    /// Entries of a table, which may get more.
    Any,
}

/// Sections are laid over member by member, and so are tables; of choices such as a latency's the new one replaces the old one as a whole.
fn lay_over(base: &mut Value, given: Value, members: Members) {
    match (base, given) {
        (Value::Object(base), Value::Object(given))
            if members == Members::Any || given.keys().all(|key| base.contains_key(key)) =>
        {
            for (key, value) in given {
                let inner = if key == "operations" { Members::Any } else { Members::Known };
                lay_over(base.entry(key).or_insert(Value::Null), value, inner);
            }
        }
        (base, given) => *base = given,
    }
}
