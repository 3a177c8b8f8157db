//! Durations as people write them in files and control requests: `250ms`, `2s`, `1h 30m`; a bare number is seconds.

use std::{fmt, time::Duration};

use jiff::SignedDuration;
use serde::{Deserializer, Serializer, de};

const EXPECTED: &str = "a duration such as `250ms`, `2s` or `1h 30m`, or a number of seconds";

/// Ten thousand years: no time is further away.
const LONGEST: Duration = Duration::from_hours(10_000 * 366 * 24);

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        if let Ok(seconds) = text.parse::<f64>() {
            return self.visit_f64(seconds);
        }
        let parsed: SignedDuration =
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
        Duration::try_from(parsed)
            .map_err(|_| E::custom(format!("`{text}` is less than no time: {EXPECTED}")))
            .and_then(|duration| within_time(duration, text))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Duration, E> {
        within_time(Duration::from_secs(seconds), seconds)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::custom(format!("`{seconds}` is less than no time: {EXPECTED}")))
            .and_then(|duration| within_time(duration, seconds))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::custom(format!("`{seconds}` is no time that can pass: {EXPECTED}")))
            .and_then(|duration| within_time(duration, seconds))
    }
}

/// Refuses what is longer than all time that there is here, and could not be read again where it is written in small units.
fn within_time<E: de::Error>(duration: Duration, given: impl fmt::Display) -> Result<Duration, E> {
    if duration <= LONGEST {
        return Ok(duration);
    }
    Err(E::custom(format!("`{given}` is longer than ten thousand years: {EXPECTED}")))
}

/// Writes a duration so that it reads back as exactly the same one.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*duration))
}

/// Reads a duration.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Visitor)
}

/// `90s`, `1500ms`, `250us`, `3ns`: the largest of these units that is exact.
pub(crate) fn text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos > u128::from(i64::MAX.unsigned_abs()) && duration.subsec_nanos() > 0 {
        // More of a small unit than can be read.
        return format!("{}s {}ns", duration.as_secs(), duration.subsec_nanos());
    }
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    format!("{nanos}ns")
}

/// The same for a duration that may be absent.
pub(crate) mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Some_(#[serde(with = "super")] Duration);

    /// Writes a duration, or nothing.
    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration, or nothing.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Some_>::deserialize(deserializer)?.map(|Some_(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Both {
        #[serde(with = "super")]
        a: Duration,
        #[serde(with = "super::optional")]
        b: Option<Duration>,
    }

    #[test]
    fn durations_are_written_as_people_write_them_and_read_back_exactly() {
        for (text, expected) in [
            ("\"250ms\"", Duration::from_millis(250)),
            ("\"2s\"", Duration::from_secs(2)),
            ("\"1h 30m\"", Duration::from_mins(90)),
            ("\"1.5\"", Duration::from_millis(1500)),
            ("3", Duration::from_secs(3)),
            ("0.25", Duration::from_millis(250)),
        ] {
            let both: Both = serde_json::from_str(&format!("{{\"a\": {text}, \"b\": {text}}}")).unwrap();
            assert_eq!(both, Both { a: expected, b: Some(expected) });
            assert_eq!(serde_json::from_value::<Both>(serde_json::to_value(&both).unwrap()).unwrap(), both);
        }
        for nanos in [0, 1, 1_000, 1_001, 2_000_000, 1_500_000_000, 86_400_000_000_000] {
            let both = Both { a: Duration::from_nanos(nanos), b: None };
            assert_eq!(serde_json::from_value::<Both>(serde_json::to_value(&both).unwrap()).unwrap(), both);
        }
        let longest = Both { a: LONGEST.checked_sub(Duration::from_nanos(1)).unwrap(), b: Some(LONGEST) };
        let written = serde_json::to_value(&longest).unwrap();
        assert_eq!(serde_json::from_value::<Both>(written).unwrap(), longest);
        for bad in [
            "\"-2s\"",
            "-1",
            "\"soon\"",
            "[]",
            "\"NaN\"",
            "18446744073709551615",
            "\"18446744073709551615\"",
            "1e300",
            "1e18",
            "9223372036854775807",
            "\"9223372036854775807s\"",
        ] {
            assert!(
                serde_json::from_str::<Both>(&format!("{{\"a\": {bad}, \"b\": null}}")).is_err(),
                "{bad}"
            );
        }
    }
}
