//! Declared permission sets of a plan as text: policies statement by statement.

use std::fmt::Write as _;

use shared::{
    permission_sets::Difference,
    policy::{Kind, Part, StatementDiff},
};

use crate::{
    Paint, Style,
    report::{SetAction, SetEnd, SetOutcome, SetReport, SetsSummary},
    screen::{count, line},
};

/// A longer value is told in part.
const LONGEST: usize = 160;

/// Writes each set that differs, under a heading.
pub(super) fn sets(text: &mut String, heading: &str, sets: &[SetReport], style: Style) {
    if sets.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", style.paint(Paint::Heading, heading));
    for set in sets {
        let (sign, paint, what) = headline(set);
        let adopts = if set.adopts && set.withheld.is_none() && set.action != SetAction::Adopt {
            ", and becomes Usher's"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  {} {}  {}",
            style.paint(paint, sign),
            line(&set.name),
            style.paint(Paint::Faint, format!("{what}{adopts} (declared at {})", line(&set.declared_at)))
        );
        for row in differences(&set.differences) {
            let _ = writeln!(text, "      {}", painted(&row, style));
        }
    }
    text.push('\n');
}

fn headline(set: &SetReport) -> (&'static str, Paint, String) {
    let what = match set.action {
        SetAction::Unknown => {
            let why = set.why.as_deref().map(line).unwrap_or_default();
            return ("?", Paint::Bad, why);
        }
        SetAction::Make => "made",
        SetAction::Edit => "edited",
        SetAction::Adopt => "taken over, and is as it is declared",
        SetAction::Delete => "deleted",
    };
    if let Some(why) = &set.why {
        return ("!", Paint::Warning, format!("not {what}: {}", line(why)));
    }
    let (sign, paint) = match set.action {
        SetAction::Make => ("+", Paint::Good),
        SetAction::Edit | SetAction::Adopt | SetAction::Unknown => ("~", Paint::Accent),
        SetAction::Delete => ("-", Paint::Bad),
    };
    (sign, paint, what.to_owned())
}

/// A row of a difference, without its colour: its sign is the first letter after the blanks.
pub(super) fn differences(all: &[Difference]) -> Vec<String> {
    let mut rows = Vec::new();
    for difference in all {
        match difference {
            Difference::Value { what, from, to } => {
                rows.extend(from.iter().map(|value| format!("- {what}  {}", told(value))));
                rows.extend(to.iter().map(|value| format!("+ {what}  {}", told(value))));
            }
            Difference::List { what, removed, added } => {
                rows.extend(removed.iter().map(|value| format!("- {what}  {}", told(value))));
                rows.extend(added.iter().map(|value| format!("+ {what}  {}", told(value))));
            }
            Difference::OddInlinePolicy { text } => {
                rows.push(format!("- inline_policy  one that can't be read: {}", told(text)));
            }
            Difference::InlinePolicy { statements } => {
                rows.push("~ inline_policy".to_owned());
                rows.extend(statements.iter().flat_map(statement));
            }
        }
    }
    rows
}

fn statement(diff: &StatementDiff) -> Vec<String> {
    let StatementDiff { kind, statement, parts } = diff;
    let sign = match kind {
        Kind::Added => '+',
        Kind::Removed => '-',
        Kind::Changed => '~',
    };
    let name = if statement.is_empty() { "the policy itself".to_owned() } else { told(statement) };
    let mut rows = vec![format!("  {sign} {name}")];
    for Part { part, removed, added } in parts {
        rows.extend(removed.iter().map(|value| format!("    - {}  {}", told(part), told(value))));
        rows.extend(added.iter().map(|value| format!("    + {}  {}", told(part), told(value))));
    }
    rows
}

fn told(text: &str) -> String {
    let text = line(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn painted(row: &str, style: Style) -> String {
    let bare = row.trim_start();
    let blanks = row.len() - bare.len();
    let paint = match bare.chars().next() {
        Some('+') => Paint::Good,
        Some('-') => Paint::Bad,
        _ => Paint::Accent,
    };
    let (sign, rest) = bare.split_at_checked(1).unwrap_or((bare, ""));
    format!("{}{}{rest}", " ".repeat(blanks), style.paint(paint, sign))
}

/// So many lines of differences are put into a comment.
const DIFF_LINES: usize = 300;

/// All of them as a `diff` that web pages colour: signs stand at the beginning of a line, and nothing in it ends the block.
pub(super) fn as_diff(sets: &[SetReport]) -> Vec<String> {
    let mut lines = Vec::new();
    for set in sets {
        let (sign, _, what) = headline(set);
        lines.push(format!("{sign} {}: {what}", line(&set.name)));
        lines.extend(differences(&set.differences).iter().map(|row| {
            let bare = row.trim_start();
            let (sign, rest) = bare.split_at_checked(1).unwrap_or((bare, ""));
            format!("{sign}   {}{}", " ".repeat(row.len() - bare.len()), rest.trim_start())
        }));
    }
    let more = lines.len().saturating_sub(DIFF_LINES);
    lines.truncate(DIFF_LINES);
    if more > 0 {
        lines.push(format!("  … and {}", count(more, "more line", "more lines")));
    }
    lines.iter().map(|row| row.replace("```", "'''")).collect()
}

/// What is to be done to permission sets, in a few words; empty if nothing is.
pub(crate) fn in_short(summary: &SetsSummary) -> String {
    let SetsSummary { make, edit, adopt, delete, withheld, unread } = summary;
    let parts: Vec<String> = [
        (make, "to make"),
        (edit, "to edit"),
        (adopt, "to take over"),
        (delete, "to delete"),
        (withheld, "withheld"),
        (unread, "that could not be read"),
    ]
    .into_iter()
    .filter(|(number, _)| **number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    if parts.is_empty() { String::new() } else { format!("permission sets: {}", parts.join(", ")) }
}

/// Writes what has become of them.
pub(super) fn outcomes(text: &mut String, outcomes: &[SetOutcome], style: Style) {
    for SetOutcome { name, outcome, why } in outcomes {
        let (sign, paint, what) = match outcome {
            SetEnd::Made => ("✓", Paint::Good, "made"),
            SetEnd::Edited => ("✓", Paint::Good, "edited"),
            SetEnd::Deleted => ("✓", Paint::Good, "deleted"),
            SetEnd::AlreadyDone => ("✓", Paint::Good, "is as it is declared"),
            SetEnd::Withheld => ("!", Paint::Warning, "withheld"),
            SetEnd::Left => ("!", Paint::Warning, "left"),
            SetEnd::Failed => ("✗", Paint::Bad, "failed"),
        };
        let why = why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
        let _ = writeln!(text, "{} permission set {}  {what}{why}", style.paint(paint, sign), line(name));
    }
    let edited = outcomes.iter().filter(|set| set.outcome == SetEnd::Edited).count();
    if edited > 0 {
        let them = if edited == 1 { "it" } else { "them" };
        let _ = writeln!(
            text,
            "{}",
            style.paint(
                Paint::Faint,
                format!(
                    "  {} edited: accounts that have {them} get the newest version as `reprovision` in the rules says (`usher reprovision`)",
                    count(edited, "permission set", "permission sets")
                )
            )
        );
    }
}
