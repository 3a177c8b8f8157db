//! The whole state as YAML: what a world is, written in the form of the organization's file, and taken up again.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{DescriptionError, World, yaml};

impl World {
    /// Everything that exists, ids and what is under way included, as a file that [`World::from_yaml`] reads: settings, callers, faults
    /// and state.
    ///
    /// # Errors
    /// Says what can't be written, which no world should hold.
    pub fn to_yaml(&self) -> Result<String, String> {
        let mut file = Map::new();
        let mut add = |section: &str, value: Result<Value, serde_json::Error>| match value {
            Ok(value) => {
                file.insert(section.to_owned(), value);
                Ok(())
            }
            Err(error) => Err(format!("the section `{section}` can't be written: {error}")),
        };
        add("simulation", serde_json::to_value(&self.settings))?;
        let unknown = if self.roles.unknown_keys_are_refused { "refused" } else { "administrator" };
        add("unknown_access_keys", Ok(unknown.into()))?;
        add("callers", Ok(self.written_callers()))?;
        add("faults", serde_json::to_value(self.faults.list()))?;
        add("state", serde_json::to_value(self.snapshot()))?;
        // In this order, for people: what is set, who calls, what is wrong, and then the rest.
        let mut text = String::new();
        for section in ["simulation", "unknown_access_keys", "callers", "faults", "state"] {
            let value = file.remove(section).unwrap_or_default();
            text.push_str(&yaml::write(&json!({ section: value })));
        }
        Ok(text)
    }

    fn written_callers(&self) -> Value {
        let caller = |(access_key, role): (&str, &crate::Role)| {
            let mut caller = Map::new();
            let mut add = |key: &str, value: Value| caller.insert(key.to_owned(), value);
            add("access_key", access_key.into());
            add("role", (*role.name).into());
            add("account", role.account.to_string().into());
            add(
                "tags",
                role.tags.0.clone().into_iter().map(|(key, value)| (key, Value::from(value))).collect(),
            );
            if let Some(policies) = &role.policies {
                add("policies", policies.iter().map(|policy| policy.source().clone()).collect());
            }
            Value::Object(caller)
        };
        self.roles.all().map(caller).collect()
    }

    /// Becomes the world that a YAML text describes, be it an organization or a whole state. Settings that the text doesn't give stay as
    /// they are. On a mistake in it nothing changes.
    pub fn load(&mut self, now: Timestamp, yaml: &str) -> Result<(), DescriptionError> {
        let mut world = Self::from_yaml(yaml, self.settings.clone())?;
        world.advance(now);
        *self = world;
        Ok(())
    }
}
