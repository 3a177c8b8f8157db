//! Any YAML value with the place of each of its parts: for what has a form of its own, such as policy documents.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::iam::Step;

/// A value that knows where it stands.
#[derive(Debug, Clone)]
pub(super) struct Document(Spanned<Part>);

#[derive(Debug, Clone)]
enum Part {
    Scalar(Value),
    List(Vec<Document>),
    Mapping(Vec<(Spanned<String>, Document)>),
}

/// Whether a document is the text of a JSON document, and its line and column.
pub(super) enum JsonText<'d> {
    Text((u64, u64), &'d str),
    No,
}

impl Document {
    /// The value without its places.
    pub(super) fn value(&self) -> Value {
        match &self.0.value {
            Part::Scalar(value) => value.clone(),
            Part::List(items) => items.iter().map(Self::value).collect(),
            Part::Mapping(members) => {
                Value::Object(members.iter().map(|(key, part)| (key.value.clone(), part.value())).collect())
            }
        }
    }

    pub(super) fn json_text(&self) -> JsonText<'_> {
        match &self.0.value {
            Part::Scalar(Value::String(text)) => JsonText::Text(self.place(), text),
            Part::Scalar(_) | Part::List(_) | Part::Mapping(_) => JsonText::No,
        }
    }

    fn place(&self) -> (u64, u64) {
        (self.0.referenced.line(), self.0.referenced.column())
    }

    /// The line and column of the part that a way leads to, as far as it leads.
    pub(super) fn find(&self, way: &[Step]) -> (u64, u64) {
        let Some((step, rest)) = way.split_first() else { return self.place() };
        match (&self.0.value, step) {
            (Part::List(items), Step::Item(index)) => {
                items.get(*index).map_or(self.place(), |item| item.find(rest))
            }
            (Part::Mapping(members), Step::Member(name)) => {
                match members.iter().find(|(key, _)| key.value == *name) {
                    // A mistake in a member as a whole is shown at its name.
                    Some((key, _)) if rest.is_empty() => (key.referenced.line(), key.referenced.column()),
                    Some((_, part)) => part.find(rest),
                    None => self.place(),
                }
            }
            // One entry stands for a list of one.
            (Part::Scalar(_) | Part::List(_), Step::Member(_))
            | (Part::Scalar(_) | Part::Mapping(_), Step::Item(_)) => self.place(),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Part, E> {
        Ok(Part::Scalar(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Part, E> {
        Ok(Part::Scalar(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Part, E> {
        Ok(Part::Scalar(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Part, E> {
        Ok(Part::Scalar(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Part, E> {
        Ok(Part::Scalar(value.into()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Part, E> {
        Ok(Part::Scalar(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Part, E> {
        Ok(Part::Scalar(Value::Null))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Part, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Part::List(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut mapping: A) -> Result<Part, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = mapping.next_entry()? {
            members.push(member);
        }
        Ok(Part::Mapping(members))
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}
