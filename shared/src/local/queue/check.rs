//! What SQS would not take.

use std::time::Duration;

use super::Kind;
use crate::ports::{Message, PortError};

/// The largest body, in bytes of UTF-8: 1 MiB.
const LARGEST_BODY: usize = 1024 * 1024;

/// The longest group and deduplication id, in characters.
const LONGEST_ID: usize = 128;

/// The longest visibility time-out: twelve hours.
const LONGEST_VISIBILITY: Duration = Duration::from_hours(12);

/// A message as `SendMessage` documents it.
pub(super) fn message(message: &Message, kind: Kind) -> Result<(), PortError> {
    let Message { group, deduplication, body, delay: _ } = message;
    if body.is_empty() || body.len() > LARGEST_BODY {
        return Err(PortError::Refused(format!(
            "a body of {} bytes; a message has 1 to {LARGEST_BODY}",
            body.len()
        )));
    }
    if let Some(odd) = body.chars().find(|character| !is_allowed(*character)) {
        return Err(PortError::Refused(format!("the body holds the character U+{:04X}", u32::from(odd))));
    }
    match kind {
        Kind::Fifo => id("group", group).and_then(|()| id("deduplication id", deduplication)),
        Kind::Standard => Ok(()),
    }
}

/// Printable ASCII without spaces.
fn id(what: &str, text: &str) -> Result<(), PortError> {
    if (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err(PortError::Refused(format!(
        "`{text}` is no {what}: 1 to {LONGEST_ID} letters, digits and punctuation of ASCII"
    )))
}

/// The characters of XML 1.0, by which SQS goes.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Zero to twelve hours.
pub(super) fn visibility(visibility: Duration) -> Result<(), PortError> {
    if visibility <= LONGEST_VISIBILITY {
        return Ok(());
    }
    Err(PortError::Refused(format!("hidden for {} seconds; twelve hours at most", visibility.as_secs())))
}

/// The message and the delivery that a receipt stands for.
pub(super) fn receipt(receipt: &str) -> Result<(&str, u32), PortError> {
    receipt
        .rsplit_once('#')
        .and_then(|(id, delivery)| Some((id, delivery.parse().ok()?)))
        .ok_or_else(|| PortError::Refused(format!("`{receipt}` is no receipt")))
}

/// The message is visible again, delivered again, or gone.
pub(super) fn expired() -> PortError {
    PortError::Refused("the receipt has expired".to_owned())
}
