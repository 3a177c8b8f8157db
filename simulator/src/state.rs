//! The whole state as YAML: what a world is, written in the form of the organization's file, and taken up again.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{DescriptionError, World};

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
            let written = serde_saphyr::to_string(&json!({ section: value }));
            text.push_str(
                &written.map_err(|error| format!("the section `{section}` can't be written: {error}"))?,
            );
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
            if let Some(trust) = &role.trust {
                add("trust", trust.source().clone());
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
        world.goes_on_from(self);
        *self = world;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[a-z0-9:#,&*!|>'\"%@`{}\\[\\] .-]{0,12}",
            Just("2026-11-21T12:00:00Z".to_owned()),
            Just("~".to_owned()),
            Just("0x1F".to_owned()),
            Just("e3".to_owned()),
            Just(".inf".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000_i32..1000).prop_map(|number| Value::from(f64::from(number) / 8.0 + 0.0625)),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(value in any_value()) {
            let text = serde_saphyr::to_string(&json!({ "value": value })).unwrap();
            let read: Value = serde_saphyr::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(read, json!({ "value": value }), "{}", text);
        }
    }
}
