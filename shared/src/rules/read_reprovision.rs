//! Reads how edited permission sets reach their accounts: `reprovision`.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::{
    calendar::{Calendar, Day, Freeze, TimeOfDay, Window, Zone},
    diagnostic::{Report, Span as Place},
    node::{Node, Value},
    read_accounts::accounts,
    read_selector::all,
    read_term::time,
    reader::{Fields, Reader, shorten},
    rule_set::{Reprovision, Wave},
};

pub(super) const REPROVISION_KEYS: [&str; 4] = ["quiet", "waves", "windows", "freezes"];
pub(super) const WAVE_KEYS: [&str; 2] = ["accounts", "after"];
pub(super) const WINDOW_KEYS: [&str; 4] = ["days", "from", "to", "time_zone"];
pub(super) const FREEZE_KEYS: [&str; 3] = ["from", "until", "reason"];

/// A longer freeze is one that nobody will remember to end.
const LONGEST_FREEZE: SignedDuration = SignedDuration::from_hours(366 * 24);
const MOST_WAVES: usize = 20;
const MOST_WINDOWS: usize = 50;
const MOST_FREEZES: usize = 50;
const LONGEST_REASON: usize = 200;

/// Reads `reprovision`.
pub(super) fn reprovision(reader: &mut Reader, node: &Node) -> Option<Reprovision> {
    let fields = reader.fields(node, "`reprovision`", &REPROVISION_KEYS)?;
    let default = Reprovision::default();
    let quiet = match fields.get("quiet") {
        None => Some(default.quiet),
        Some(node) => duration(reader, node, SignedDuration::from_hours(24), "5m", "a day"),
    };
    let waves = match fields.get("waves") {
        None => Some(Vec::new()),
        Some(node) => waves(reader, node),
    };
    let what = "a list of windows, such as `[ { days: [mon], from: \"08:00\", to: \"18:00\", time_zone: Europe/Berlin } ]`";
    let windows = bounded(reader, &fields, "windows", what, MOST_WINDOWS, window);
    let what = "a list of freezes, such as `[ { from: 2026-12-18T00:00:00Z, until: 2027-01-04T00:00:00Z } ]`";
    let freezes = bounded(reader, &fields, "freezes", what, MOST_FREEZES, freeze);
    Some(Reprovision {
        quiet: quiet?,
        waves: waves?,
        calendar: Calendar { windows: windows?, freezes: freezes? },
    })
}

/// The items of a list that may be left out, of which there are at most so many.
fn bounded<T>(
    reader: &mut Reader,
    fields: &Fields<'_>,
    key: &str,
    what: &str,
    most: usize,
    read: impl Fn(&mut Reader, &Node) -> Option<T>,
) -> Option<Vec<T>> {
    match fields.get(key) {
        None if fields.seem_to_have(key) => None,
        None => Some(Vec::new()),
        Some(node) => {
            let items = reader.list(node, what)?;
            fit(reader, node, items, most)?;
            all(items, |item| read(reader, item))
        }
    }
}

fn fit(reader: &mut Reader, node: &Node, items: &[Node], most: usize) -> Option<()> {
    if items.len() > most {
        let message = format!("expected at most {most} here, found {}", items.len());
        reader.report(Report::at(node.span, message).label("too many"));
        return None;
    }
    Some(())
}

fn waves(reader: &mut Reader, node: &Node) -> Option<Vec<Wave>> {
    let what = "a list of waves, such as `[ { accounts: { tagged: { Ring: canary } } }, { after: 2h, accounts: everywhere } ]`";
    let items = reader.list(node, what)?;
    fit(reader, node, items, MOST_WAVES)?;
    // A wave says when, and never who gets what: any tag will do for that.
    let trusted = reader.trust.account_tags.take();
    let waves = items.iter().enumerate().map(|(number, item)| wave(reader, item, number)).collect::<Vec<_>>();
    reader.trust.account_tags = trusted;
    waves.into_iter().collect()
}

fn wave(reader: &mut Reader, node: &Node, number: usize) -> Option<Wave> {
    let what = "a wave";
    let fields = reader.fields(node, what, &WAVE_KEYS)?;
    let help = "say which accounts are in it; all that are left are `everywhere`";
    let accounts = reader.required(&fields, what, "accounts", help).and_then(|node| accounts(reader, node));
    let after = match fields.entry("after") {
        None => Some(SignedDuration::ZERO),
        Some(entry) if number == 0 => {
            let report =
                Report::at(entry.key_span, "the first wave comes after nothing").label("after what?");
            reader.report(report.help("leave `after` out: `quiet` says how long edits are waited for"));
            None
        }
        Some(entry) => duration(reader, &entry.value, SignedDuration::from_hours(30 * 24), "2h", "30 days"),
    };
    Some(Wave { accounts: accounts?, after: after?, written_at: reader.written_at(node.span) })
}

fn window(reader: &mut Reader, node: &Node) -> Option<Window> {
    let what = "a window";
    let fields = reader.fields(node, what, &WINDOW_KEYS)?;
    let days = match fields.get("days") {
        None if fields.seem_to_have("days") => None,
        None => Some(Day::ALL.map(|(_, day)| day).into()),
        Some(node) => reader
            .one_or_more(node, "a day or a list of days, such as `[mon, tue]`")
            .and_then(|items| all(items, |item| day(reader, item)))
            .map(|days| days.into_iter().collect()),
    };
    let from = reader.required(&fields, what, "from", "say when it opens, such as `from: \"08:00\"`");
    let from = from.and_then(|node| Some((time_of_day(reader, node)?, node.span)));
    let to = reader.required(&fields, what, "to", "say when it closes, such as `to: \"18:00\"`");
    let to = to.and_then(|node| Some((time_of_day(reader, node)?, node.span)));
    let help = "say whose clock it is, such as `time_zone: Europe/Berlin`";
    let zone = reader.required(&fields, what, "time_zone", help).and_then(|node| zone(reader, node));
    let ((from, opens), (to, closes)) = (from?, to?);
    if from == TimeOfDay::END {
        let report = Report::at(opens, "a window that opens when the day is over").label("opens here");
        reader.report(report.help("midnight is \"00:00\" of the next day; \"24:00\" is for `to`"));
        return None;
    }
    if from == to {
        reader.report(
            Report::at(closes, "a window that never opens: it closes when it opens")
                .label("closes here")
                .help("the whole day is from \"00:00\" to \"24:00\"; a window that ends on the next day closes earlier than it opens")
                .also(opens, "opens here"),
        );
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

fn day(reader: &mut Reader, node: &Node) -> Option<Day> {
    let what = "a day: `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`";
    let text = reader.text(node, what)?;
    let found = Day::ALL.into_iter().find(|(word, _)| *word == text).map(|(_, day)| day);
    if found.is_none() {
        reader.unknown_word(node, text, what, &Day::ALL.map(|(word, _)| word));
    }
    found
}

fn time_of_day(reader: &mut Reader, node: &Node) -> Option<TimeOfDay> {
    let what = "a time of the day such as \"08:00\", at most \"24:00\"";
    let text = reader.text(node, what)?;
    let time = TimeOfDay::read(text);
    if time.is_none() {
        reader.expected(node, what);
    }
    time
}

fn zone(reader: &mut Reader, node: &Node) -> Option<Zone> {
    let what = "a time zone such as `Europe/Berlin`";
    let text = reader.text(node, what)?;
    let zone = Zone::named(text);
    if zone.is_none() {
        let report = Report::at(node.span, format!("there is no time zone `{}`", shorten(text)));
        let help = Zone::near(text).map_or_else(
            || {
                "zones are called as in the IANA database: `Europe/Berlin`, `America/New_York`, `UTC`"
                    .to_owned()
            },
            |near| format!("did you mean `{near}`?"),
        );
        reader.report(report.label("unknown zone").help(help));
    }
    zone
}

fn freeze(reader: &mut Reader, node: &Node) -> Option<Freeze> {
    let what = "a freeze";
    let fields = reader.fields(node, what, &FREEZE_KEYS)?;
    let mut time_at = |key, help| -> Option<(Timestamp, Place)> {
        let node = reader.required(&fields, what, key, help)?;
        Some((time(reader, node)?, node.span))
    };
    let from = time_at("from", "say when it begins, such as `from: 2026-12-18T00:00:00Z`");
    let until =
        time_at("until", "say when it ends, such as `until: 2027-01-04T00:00:00Z`: a year later at most");
    let reason = match fields.get("reason") {
        None => Some(None),
        Some(node) => reader.text(node, "the reason, as people read it").map(|text| {
            let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            Some(clean.take(LONGEST_REASON).collect())
        }),
    };
    let ((from, begins), (until, ends)) = (from?, until?);
    let wrong = if until <= from {
        Some(("`until` is not after `from`", "would never hold"))
    } else if until.duration_since(from) > LONGEST_FREEZE {
        Some(("a freeze of more than a year: no window would open in it", "ends here"))
    } else {
        None
    };
    if let Some((message, label)) = wrong {
        let help = "a freeze holds at `from` and after it, and no more at `until`; it lasts a year at most";
        reader.report(Report::at(ends, message).label(label).help(help).also(begins, "begins here"));
        return None;
    }
    Some(Freeze { from, until, reason: reason?, written_at: reader.written_at(node.span) })
}

/// A length of time.
fn duration(
    reader: &mut Reader,
    node: &Node,
    most: SignedDuration,
    example: &str,
    bound: &str,
) -> Option<SignedDuration> {
    let what = format!("a length of time such as `{example}`, at most {bound}");
    let text = match &node.value {
        Value::Text(text) => text.text.as_str(),
        Value::List(_) | Value::Map(_) | Value::Invalid => "",
    };
    let fits = |duration: &SignedDuration| *duration >= SignedDuration::ZERO && *duration <= most;
    // A day is 24 hours here, whatever the clocks of a place do in it.
    let duration = text.parse::<Span>().ok();
    let duration =
        duration.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()).filter(fits);
    if duration.is_none() {
        reader.expected(node, &what);
    }
    duration
}
