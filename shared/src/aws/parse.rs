//! Reads what AWS answers into the domain's words. What does not parse is an error, never skipped.

use std::str::FromStr;

use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::error::unreadable;
use crate::{domain::InvalidId, ports::PortError};

/// An id that AWS always sends.
pub(super) fn id<T>(operation: &str, what: &str, text: Option<&str>) -> Result<T, PortError>
where
    T: FromStr<Err = InvalidId>,
{
    let text = text.ok_or_else(|| unreadable(operation, format_args!("no {what}")))?;
    text.parse().map_err(|error| unreadable(operation, error))
}

/// A text that AWS always sends.
pub(super) fn text(operation: &str, what: &str, text: Option<&str>) -> Result<String, PortError> {
    text.map(str::to_owned).ok_or_else(|| unreadable(operation, format_args!("no {what}")))
}

/// A time, where AWS sends one.
pub(super) fn time(operation: &str, time: Option<&DateTime>) -> Result<Option<Timestamp>, PortError> {
    time.map(|time| {
        let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
        Timestamp::new(time.secs(), nanoseconds).map_err(|error| unreadable(operation, error))
    })
    .transpose()
}
