//! Reads from when until when a rule holds.

use jiff::Timestamp;

use super::{
    diagnostic::Report,
    node::{Node, Value},
    reader::{Fields, Reader, shorten},
};

/// From when until when.
pub(super) fn term(
    reader: &mut Reader,
    fields: &Fields<'_>,
) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let mut time = |key| match fields.get(key) {
        None => Some(None),
        Some(node) => time(reader, node).map(Some),
    };
    let (from, until) = (time("from"), time("until"));
    let (from, until) = (from?, until?);
    if let (Some(start), Some(end)) = (from, until)
        && start >= end
        && let (Some(start), Some(end)) = (fields.get("from"), fields.get("until"))
    {
        reader.report(
            Report::at(end.span, "`until` is not after `from`")
                .label("would never hold")
                .help("the rule holds at `from` and after it, and no more at `until`")
                .also(start.span, "from this time on"),
        );
        return None;
    }
    Some((from, until))
}

/// RFC 3339, with its offset: a time that is the same whoever reads it.
pub(super) fn time(reader: &mut Reader, node: &Node) -> Option<Timestamp> {
    let what = "a time such as `2027-03-31T00:00:00Z`";
    let Value::Text(text) = &node.value else {
        reader.expected(node, what);
        return None;
    };
    let time = text.text.parse().ok().filter(|_| has_shape_of_time(&text.text));
    if time.is_some() {
        return time;
    }
    let written = shorten(&text.text);
    let help = if has_shape_of_time(&text.text) {
        "there is no such time"
    } else if text.text.get(..10).is_some_and(has_shape_of_date) {
        "write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`"
    } else {
        reader.expected(node, what);
        return None;
    };
    let report = Report::at(node.span, format!("expected {what}, found `{written}`")).label("found this");
    reader.report(report.help(help));
    None
}

fn has_shape_of_date(text: &str) -> bool {
    has_shape(text, "dddd-dd-dd")
}

fn has_shape_of_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some((time, rest)) = rest.split_at_checked(9) else { return false };
    let offset = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = rest.strip_suffix(offset).unwrap_or_default();
    let fraction_is_good = fraction.strip_prefix('.').map_or(fraction.is_empty(), |digits| {
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    fraction_is_good
        && has_shape_of_date(date)
        && has_shape(time, "Tdd:dd:dd")
        && (offset == "Z" || has_shape(offset, "+dd:dd") || has_shape(offset, "-dd:dd"))
}

/// Whether a text has digits where the shape has `d`, and is the same elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(c, as_in)| if as_in == b'd' { c.is_ascii_digit() } else { c == as_in })
}
