//! IAM's JSON policies, as far as a permission set's inline policy goes: what one says, whether two say the same, and where they differ.
//!
//! What is written in another order, or as a list of one, says the same (IAM user guide, "Grammar of the IAM JSON policy language": elements
//! that may have several values take one alone as well, and the order of statements, members and values has no meaning).

mod diff;
mod read;
mod tag_keys;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::ser::{Serialize, SerializeMap, Serializer};

pub use diff::{Kind, Part, StatementDiff, diff};
pub use read::{Mistake, Step, read};

/// The most characters of a permission set's inline policy, white space not counted (Identity Center user guide, "Quotas").
pub const MOST_CHARACTERS: usize = 10_240;

/// The most bytes of it as it is sent.
pub const MOST_BYTES: usize = 32_768;

/// A policy of a role: it names no principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `None` is the older version, as IAM takes it.
    pub version: Option<Version>,
    pub id: Option<String>,
    pub statements: Vec<Statement>,
}

/// The version of the policy language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `2008-10-17`, which has no policy variables.
    Of2008,
    /// `2012-10-17`
    Of2012,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    pub actions: Matched,
    pub resources: Matched,
    /// By operator and key: the values of which any will do.
    pub conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Allow,
    Deny,
}

/// Actions or resources: these, or all but these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    pub all_but: bool,
    pub patterns: BTreeSet<String>,
}

impl Version {
    /// As a policy has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Of2008 => "2008-10-17",
            Self::Of2012 => "2012-10-17",
        }
    }
}

impl Effect {
    /// As a policy has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl Matched {
    /// The member's name: `Action` or `NotAction`.
    fn member(&self, plain: &'static str, negated: &'static str) -> &'static str {
        if self.all_but { negated } else { plain }
    }
}

impl Statement {
    fn actions_member(&self) -> &'static str {
        self.actions.member("Action", "NotAction")
    }

    fn resources_member(&self) -> &'static str {
        self.resources.member("Resource", "NotResource")
    }

    /// The same in one form: IAM tells neither the letters of actions apart by their case nor those of condition keys.
    fn plain(&self) -> Self {
        let actions = Matched {
            all_but: self.actions.all_but,
            patterns: self.actions.patterns.iter().map(|action| action.to_lowercase()).collect(),
        };
        let lower = |keys: &BTreeMap<String, BTreeSet<String>>| {
            keys.iter().map(|(key, values)| (key.to_lowercase(), values.clone())).collect()
        };
        let conditions = self.conditions.iter().map(|(operator, keys)| (operator.clone(), lower(keys)));
        Self { actions, conditions: conditions.collect(), ..self.clone() }
    }
}

impl Policy {
    /// Whether both say the same.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { version, id, statements } = self;
        version.unwrap_or(Version::Of2008) == other.version.unwrap_or(Version::Of2008)
            && *id == other.id
            && sorted(statements) == sorted(&other.statements)
    }

    /// As AWS takes it: JSON without white space between its parts, and with letters above `ÿ`, which its API doesn't take (the API model's
    /// pattern), as `\u` escapes. That IAM reads these as the letters, as JSON has it, is not verified.
    pub fn to_json(&self) -> String {
        // Maps with keys that are text can always be written.
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut written = String::with_capacity(json.len());
        for letter in json.chars() {
            if letter <= '\u{ff}' {
                written.push(letter);
            } else {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
        }
        written
    }
}

fn sorted(statements: &[Statement]) -> Vec<Statement> {
    let mut plain: Vec<Statement> = statements.iter().map(Statement::plain).collect();
    plain.sort();
    plain
}

/// How many characters of a text count: all but white space.
pub fn counted(json: &str) -> usize {
    json.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// In the order in which people write it.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(version) = self.version {
            map.serialize_entry("Version", version.as_str())?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("Id", id)?;
        }
        map.serialize_entry("Statement", &self.statements)?;
        map.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            map.serialize_entry("Sid", sid)?;
        }
        map.serialize_entry("Effect", self.effect.as_str())?;
        map.serialize_entry(self.actions_member(), &OneOrMore(&self.actions.patterns))?;
        map.serialize_entry(self.resources_member(), &OneOrMore(&self.resources.patterns))?;
        if !self.conditions.is_empty() {
            let conditions: BTreeMap<&str, BTreeMap<&str, OneOrMore<'_>>> = self
                .conditions
                .iter()
                .map(|(operator, keys)| {
                    let keys = keys.iter().map(|(key, values)| (key.as_str(), OneOrMore(values)));
                    (operator.as_str(), keys.collect())
                })
                .collect();
            map.serialize_entry("Condition", &conditions)?;
        }
        map.end()
    }
}

/// A list, but for one value alone.
struct OneOrMore<'a>(&'a BTreeSet<String>);

impl Serialize for OneOrMore<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0.len(), self.0.first()) {
            (1, Some(only)) => serializer.serialize_str(only),
            _ => serializer.collect_seq(self.0),
        }
    }
}
