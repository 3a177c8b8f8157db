//! What `apply` has done, as text for a terminal.

use std::fmt::Write as _;

use super::{
    rows::{self, Row},
    sets_text,
};
use crate::{
    Paint, Style,
    report::{ApplyReport, KeyOutcome, Outcome},
    screen::{count, line},
};

/// Writes what did not go as planned, account by account, and one line with the numbers.
pub(crate) fn outcomes(report: &ApplyReport, style: Style) -> String {
    let mut text = String::new();
    let summary = &report.summary;
    let is_whole = !report.plan.summary.is_incomplete();
    sets_text::outcomes(&mut text, &report.permission_sets, style);
    if report.outcomes.is_empty()
        && !report.permission_sets.is_empty()
        && report.undecided.is_empty()
        && is_whole
    {
        return text;
    }
    if report.outcomes.is_empty() && report.undecided.is_empty() && is_whole {
        let _ =
            writeln!(text, "\n{} Nothing to do: nothing was written to AWS.", style.paint(Paint::Good, "✓"));
        return text;
    }
    text.push('\n');
    let mut rest = report.outcomes.as_slice();
    while let Some(first) = rest.first() {
        let end = rest.iter().take_while(|outcome| outcome.account == first.account).count();
        let (account, others) = rest.split_at(end);
        rest = others;
        let name = first.account_name.as_deref().map(line).unwrap_or_default();
        let _ = writeln!(text, "{}  {}", style.paint(Paint::Heading, name), first.account);
        let lines: Vec<Row> = account.iter().map(row).collect();
        rows::write(&mut text, &lines, style);
        text.push('\n');
    }
    for undecided in &report.undecided {
        let _ = writeln!(
            text,
            "{} {}  nothing was done here: {}",
            style.paint(Paint::Bad, "✗"),
            undecided.id,
            line(&undecided.why)
        );
    }
    let mut parts = vec![format!("{} granted, {} revoked", summary.granted, summary.revoked)];
    let more = [
        (summary.blocked, "refused by AWS"),
        (summary.uncertain, "uncertain"),
        (summary.given_up, "given up"),
        (summary.left, "left"),
        (summary.awaiting, "waiting for permission sets"),
        (report.plan.summary.withheld, "withheld"),
    ];
    parts.extend(
        more.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")),
    );
    if summary.undecided + report.plan.unread.len() > 0 {
        let accounts = summary.undecided + report.plan.unread.len();
        parts.push(format!("{} not looked at", count(accounts, "account", "accounts")));
    }
    if !report.plan.untold.is_empty() {
        let rules = count(report.plan.untold.len(), "entry of the rules", "entries of the rules");
        parts.push(format!("{rules} could not be told, and left as they are"));
    }
    let sets = report.plan.summary.permission_sets.unread;
    if sets > 0 {
        let sets = count(sets, "declared permission set", "declared permission sets");
        parts.push(format!("{sets} could not be read"));
    }
    let (sign, paint) = if report.is_good() { ("✓", Paint::Good) } else { ("✗", Paint::Bad) };
    let _ = writeln!(text, "{} {}.", style.paint(paint, sign), parts.join(", "));
    if summary.left > 0 {
        let _ = writeln!(
            text,
            "  What is left is in the ledger: run the same command again to go on; if Usher is paused, `usher resume` comes first, and `usher ledger confirm` if its ledger is in doubt."
        );
    }
    if summary.blocked > 0 {
        let _ = writeln!(
            text,
            "  What AWS refused is tried again when its rule or its account changes, or after a day."
        );
    }
    text
}

fn row(outcome: &KeyOutcome) -> Row {
    let (sign, paint, what) = match outcome.outcome {
        Outcome::Granted => ("✓", Paint::Good, "granted"),
        Outcome::Revoked => ("✓", Paint::Good, "revoked"),
        Outcome::Blocked => ("✗", Paint::Bad, "refused by AWS"),
        Outcome::Uncertain => ("?", Paint::Warning, "it cannot be said whose it is"),
        Outcome::GivenUp => ("!", Paint::Warning, "given up"),
        Outcome::Left => ("~", Paint::Warning, "not finished"),
        Outcome::Awaiting => ("~", Paint::Warning, "left"),
    };
    let why = outcome.why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    Row {
        sign,
        paint,
        columns: [outcome.permission_set.to_string(), outcome.principal.to_string()],
        rest: format!("{what}{why}"),
    }
}
