//! Parking: what can never be read, or failed as often as it may, is put aside with its reason, and no longer stands in anybody's way.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    metrics::Metric,
    ports::{Clock, Message, PortError, Queue},
};

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

/// Why something was put aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkedFor {
    /// It can never be read.
    #[default]
    Unreadable,
    /// It could be read, and acting on it failed as often as it may.
    Failed,
}

/// Something that could not be acted on, put aside for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// The function that could not act on it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The payload, cut if it is very long.
    pub payload: String,
    #[serde(default)]
    pub parked_for: ParkedFor,
    /// Whether it was cut: what is left is to be looked at, and no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// When it was put aside; `None` where that was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How often it was tried, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// The message group that it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Parked {
    /// What can never be read is to be parked. The payload is kept as it came: it may be what shows the mistake.
    pub fn new(by: &str, reason: &str, payload: &str) -> Self {
        let cut = payload.floor_char_boundary(KEPT.min(payload.len()));
        let reason = reason.chars().take(REASON).collect();
        Self {
            by: by.to_owned(),
            reason,
            payload: payload.get(..cut).unwrap_or_default().to_owned(),
            parked_for: ParkedFor::Unreadable,
            is_cut: cut < payload.len(),
            at: None,
            tries: None,
            group: None,
        }
    }

    /// What failed on its last try is to be parked.
    pub fn failed(by: &str, reason: &str, payload: &str, tries: u32) -> Self {
        Self { parked_for: ParkedFor::Failed, tries: Some(tries), ..Self::new(by, reason, payload) }
    }

    /// The same with the message group that it came in.
    #[must_use = "what it is made of stays as it is"]
    pub fn of_group(self, group: Option<&str>) -> Self {
        Self { group: group.map(str::to_owned), ..self }
    }

    /// Puts it aside. An error means that it is not parked, and must not be acknowledged.
    pub async fn park(&self, queue: &dyn Queue, clock: &dyn Clock) -> Result<(), PortError> {
        let now = clock.now();
        let body = serde_json::to_string(&Self { at: Some(now), ..self.clone() })
            .map_err(|error| PortError::Refused(error.to_string()))?;
        // Two characters that JSON may hold and a message of SQS may not (it takes those of XML 1.0).
        let body = body.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff");
        let message = Message {
            group: self.by.clone(),
            deduplication: format!("parked-{}", now.as_microsecond()),
            body,
            delay: Duration::ZERO,
        };
        queue.send(&[message]).await?;
        let Self { by, reason, .. } = self;
        let what = match self.parked_for {
            ParkedFor::Unreadable => "what cannot be read",
            ParkedFor::Failed => "what failed on its last try",
        };
        tracing::error!(by, reason, "{by}: parked {what}: {reason}");
        // Once a letter, when it is there.
        Metric::DeadLetters.tell(by, now, 1);
        Ok(())
    }
}

/// A message that was received, as far as it is put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub body: String,
    pub group: Option<String>,
    /// How often it was received, this time included.
    pub receives: u32,
}

/// Where messages go that failed on their last try, and when that is.
#[derive(Clone, Copy)]
pub struct DeadLetters<'a> {
    pub queue: &'a dyn Queue,
    pub clock: &'a dyn Clock,
    /// How often a message is received at most: what the queue's redrive policy says.
    pub receives: u32,
}

impl std::fmt::Debug for DeadLetters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").field("receives", &self.receives).finish_non_exhaustive()
    }
}

impl DeadLetters<'_> {
    /// Puts a message aside that the function could not act on, if it would not be received again. Tells whether it is done with.
    pub async fn take(&self, function: &str, tried: &Tried, reason: &str) -> bool {
        let Tried { body, group, receives } = tried;
        if *receives < self.receives {
            return false;
        }
        let letter = Parked::failed(function, reason, body, *receives).of_group(group.as_deref());
        self.put(&letter).await
    }

    /// Puts a message aside that can never be read. Tells whether it is done with.
    pub async fn take_unreadable(&self, function: &str, tried: &Tried, reason: &str) -> bool {
        self.put(&Parked::new(function, reason, &tried.body).of_group(tried.group.as_deref())).await
    }

    /// A letter that cannot be put aside stays where it is: the queue gives it again, or moves it away by itself.
    async fn put(&self, letter: &Parked) -> bool {
        let put = letter.park(self.queue, self.clock).await;
        if let Err(error) = &put {
            tracing::error!(by = letter.by, %error, "{}: cannot put a message aside", letter.by);
        }
        put.is_ok()
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
        assert!(parked.is_cut && !Parked::new("x", "", "short").is_cut);
    }
}
