//! What a doctor has found, as text for a terminal.

use std::fmt::Write as _;

use crate::{
    Paint, Style,
    report::{CallOutcome, CallTried, DoctorReport, Finding, Verdict},
    screen::{count, line},
};

/// What it comes to where nothing is known to be wrong, and not everything could be told.
pub(super) const UNANSWERED: &str = "AWS was too busy to tell everything: try again in a minute.";

/// Writes each finding, and the way out below it.
pub(crate) fn doctor(report: &DoctorReport, style: Style) -> String {
    let mut text = String::new();
    let width = report.findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
    for finding in &report.findings {
        one(&mut text, finding, width, style);
        if finding.what == "reads" {
            calls(&mut text, &report.calls, width, style);
        }
    }
    let of = |verdict| report.findings.iter().filter(|finding| finding.verdict == verdict).count();
    let sum = match (of(Verdict::Bad), of(Verdict::Unanswered), of(Verdict::Warning)) {
        (0, 0, 0) => "Everything that Usher needs is there.".to_owned(),
        (0, 0, some) => format!("Usher can work, with {}.", count(some, "warning", "warnings")),
        (0, _, _) => UNANSWERED.to_owned(),
        (some, _, _) => format!("Usher can't work so: {} to mend.", count(some, "thing", "things")),
    };
    let _ = writeln!(text, "\n{}", style.paint(Paint::Heading, sum));
    text
}

pub(super) fn one(text: &mut String, finding: &Finding, width: usize, style: Style) {
    let Finding { what, verdict, found, way_out } = finding;
    let (sign, paint) = match verdict {
        Verdict::Good => ("✓", Paint::Good),
        Verdict::Note => ("i", Paint::Accent),
        Verdict::Warning => ("!", Paint::Warning),
        Verdict::Bad => ("✗", Paint::Bad),
        Verdict::Unanswered => ("?", Paint::Warning),
        Verdict::Untried => ("-", Paint::Faint),
    };
    let name = style.paint(Paint::Heading, format!("{what:width$}"));
    let _ = writeln!(text, "{} {name}  {found}", style.paint(paint, sign));
    if let Some(way_out) = way_out {
        let _ = writeln!(text, "  {:width$}  {}", "", style.paint(Paint::Faint, way_out));
    }
}

/// The calls that are not allowed, each with what needs it.
pub(super) fn calls(text: &mut String, calls: &[CallTried], width: usize, style: Style) {
    let refused = calls.iter().filter(|call| {
        matches!(call.outcome, CallOutcome::Denied | CallOutcome::Unanswered | CallOutcome::Failed)
    });
    for call in refused {
        let why = call.why.as_deref().map(line).unwrap_or_default();
        let told = format!("{}, for {}: {why}", call.action, call.needed_for);
        let _ = writeln!(text, "  {:width$}  {}", "", style.paint(Paint::Faint, told));
    }
}
