//! Parking: what can never be read is put aside with its reason, and no longer stands in anybody's way.

use std::time::Duration;

use crate::ports::{Clock, Message, PortError, Queue};

/// How much of an unreadable payload is kept, in bytes.
const KEPT: usize = 200 * 1024;

/// How much of a reason is kept, in characters: it may quote what came from outside.
const REASON: usize = 1000;

/// JSON that is not what it should be: says where, and what was expected. What was found is told by its kind only, since it comes
/// from outside, may be long, and may be the name of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableJson(String);

impl From<serde_json::Error> for UnreadableJson {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // Mistakes of syntax are told without their text, and the names of missing members are ours.
        if !error.is_data() || text.starts_with("missing field `") {
            return Self(text);
        }
        // serde's words: `invalid type: string "…", expected …`
        let kind = text.strip_prefix("invalid type: ").map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphabetic() || *c == ' ').collect::<String>()
        });
        Self(match (kind, text.rsplit_once(", expected ")) {
            (Some(kind), Some((_, expected))) => {
                format!("invalid type: {}, expected {expected}", kind.trim_end())
            }
            _ if error.line() == 0 => "a value in it is not what it should be".to_owned(),
            _ => {
                let (line, column) = (error.line(), error.column());
                format!("a value in it is not what it should be, at line {line} column {column}")
            }
        })
    }
}

/// Something that could not be read, put aside for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// The function that could not read it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The payload, cut if it is very long.
    pub payload: String,
}

impl Parked {
    /// What is to be parked. The payload is kept as it came: it may be what shows the mistake.
    pub fn new(by: &str, reason: &str, payload: &str) -> Self {
        let cut = payload.floor_char_boundary(KEPT.min(payload.len()));
        let reason = reason.chars().take(REASON).collect();
        Self { by: by.to_owned(), reason, payload: payload.get(..cut).unwrap_or_default().to_owned() }
    }

    /// Puts it aside. An error means that it is not parked, and must not be acknowledged.
    pub async fn park(&self, queue: &dyn Queue, clock: &dyn Clock) -> Result<(), PortError> {
        let body = serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?;
        // Two characters that JSON may hold and a message of SQS may not (it takes those of XML 1.0).
        let body = body.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff");
        tracing::error!(
            by = self.by,
            reason = self.reason,
            "{}: parked what cannot be read: {}",
            self.by,
            self.reason
        );
        let message = Message {
            group: self.by.clone(),
            deduplication: format!("parked-{}", clock.now().as_microsecond()),
            body,
            delay: Duration::ZERO,
        };
        queue.send(&[message]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::AccountHint;

    fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        UnreadableJson::from(serde_json::from_str::<T>(text).unwrap_err()).to_string()
    }

    #[test]
    fn what_was_found_is_never_quoted() {
        for text in [
            r#""alba@example.com""#,
            r#""alba@example.com, expected something""#,
            r#"{"account": "alba@example.com", "cause": "x", "at": "2026-11-21T12:00:00Z"}"#,
            r#"{"account": "111122223333", "cause": "x", "at": "alba@example.com"}"#,
            "alba@example.com",
        ] {
            let told = told::<AccountHint>(text);
            assert!(!told.contains("alba") && !told.contains("something"), "{told}");
            assert!(told.contains("line 1 column "), "{told}");
        }
    }

    #[test]
    fn where_and_what_was_expected_is_told() {
        assert_eq!(told::<AccountHint>("{}"), "missing field `account` at line 1 column 2");
        assert_eq!(
            told::<AccountHint>(r#""x""#),
            "invalid type: string, expected struct AccountHint at line 1 column 3"
        );
        assert_eq!(told::<String>("[1]"), "invalid type: sequence, expected a string at line 1 column 0");
        assert_eq!(told::<String>("12"), "invalid type: integer, expected a string at line 1 column 2");
    }

    #[test]
    fn what_is_kept_of_the_reason_and_of_the_payload_is_bounded() {
        let parked = Parked::new("x", &"r".repeat(5000), &"ä".repeat(KEPT));
        assert_eq!((parked.reason.len(), parked.payload.len()), (REASON, KEPT));
    }
}
