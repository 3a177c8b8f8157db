//! What waits, as text for a terminal.

use std::fmt::Write as _;

use shared::{
    domain::{Operation, RuleId},
    engine::consent::Approvable,
};

use super::rows::{self, Row};
use crate::{
    Paint, Style,
    names::Names,
    report::{self, SetAction, WithheldKey, WithheldReport, WithheldSet},
    screen::{count, line},
};

/// So many of what waits for one reason are written; JSON has them all.
const LISTED: usize = 100;

/// Writes it by reason, each with the way out.
pub(crate) fn withheld(report: &WithheldReport, style: Style) -> String {
    let mut text = String::new();
    for group in &report.groups {
        let _ = writeln!(
            text,
            "{} ({})\n  {}",
            style.paint(Paint::Heading, group.title),
            group.assignments.len(),
            style.paint(Paint::Faint, format!("way out: {}", group.way_out)),
        );
        let lines: Vec<Row> = group.assignments.iter().take(LISTED).map(row).collect();
        rows::write(&mut text, &lines, style);
        if let Some(more) = group.assignments.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more; --output json lists all");
        }
        text.push('\n');
    }
    if !report.permission_sets.is_empty() {
        let title = style.paint(Paint::Heading, "Declared permission sets");
        let _ = writeln!(text, "{title} ({})", report.permission_sets.len());
        for set in &report.permission_sets {
            let sign = style.paint(Paint::Warning, "!");
            let _ =
                writeln!(text, "  {sign} {}  {}", line(&set.name), style.paint(Paint::Faint, set_text(set)));
            let way_out = style.paint(Paint::Faint, format!("way out: {}", set.way_out));
            let _ = writeln!(text, "      {way_out}");
        }
        text.push('\n');
    }
    super::plan_text::untold(&mut text, &report.untold, style);
    if !report.unread.is_empty() {
        let _ =
            writeln!(text, "{}", style.paint(Paint::Bad, "Could not be read; what waits there is not known"));
        for unread in &report.unread {
            let _ = writeln!(text, "  {}  {}", unread.id, line(&unread.why));
        }
        text.push('\n');
    }
    let sets = match report.permission_sets.len() {
        0 => String::new(),
        number => format!("; {}", count(number, "permission set", "permission sets")),
    };
    let _ = writeln!(text, "{} {} withheld{sets}.", style.paint(Paint::Heading, "Waiting:"), report.count);
    text
}

/// What is told of a permission set that waits.
pub(super) fn set_text(set: &WithheldSet) -> String {
    let what = match set.action {
        SetAction::Make => "not made",
        SetAction::Edit => "not edited",
        SetAction::Adopt => "not taken over",
        SetAction::Delete => "not deleted",
        SetAction::Unknown => "not decided",
    };
    let since = set.since.map(|at| format!(", since {}", super::minute(at))).unwrap_or_default();
    format!("{what}: {} (declared at {}{since})", line(&set.why), line(&set.declared_at))
}

fn row(waiting: &WithheldKey) -> Row {
    let what = match waiting.operation {
        Operation::Grant => "not granted",
        Operation::Revoke => "not revoked",
    };
    let name = waiting.account_name.as_deref().map(line).unwrap_or_default();
    let rules: Vec<&str> = waiting.rules.iter().map(|rule| rule.id.as_str()).collect();
    Row {
        sign: "!",
        paint: Paint::Warning,
        columns: [line(&waiting.key), name],
        rest: format!("{what}: {} (rule {})", line(&waiting.why), rules.join(", ")),
    }
}

/// Writes what an approval lets through.
pub(crate) fn let_through(all: &[&Approvable], names: &Names, style: Style) -> String {
    let mut text = format!(
        "{} ({})\n",
        style.paint(Paint::Heading, "Let through"),
        count(all.len(), "assignment", "assignments")
    );
    let line_of = |approvable: &&Approvable| {
        let (set, principal) = report::named(&approvable.key, names);
        let (sign, paint) = match approvable.operation {
            Operation::Grant => ("+", Paint::Good),
            Operation::Revoke => ("-", Paint::Bad),
        };
        let rules: Vec<&str> = approvable.rules.keys().map(RuleId::as_str).collect();
        Row {
            sign,
            paint,
            columns: [format!("{}  {set}", approvable.key.account), principal.to_string()],
            rest: format!("rule {}", rules.join(", ")),
        }
    };
    let lines: Vec<Row> = all.iter().map(line_of).collect();
    rows::write(&mut text, &lines, style);
    text
}
