//! What would change if something were otherwise, as text for a terminal and as Markdown.

use std::fmt::Write as _;

use shared::domain::Operation;

use super::{
    plan_text::awaits,
    rows::{self, Row},
    sets_text,
};
use crate::{
    Paint, Style,
    report::{AccountWhatIf, Change, RuleName, RulesUsed, UnderWay, WhatIfReport, WhatIfSummary, Withheld},
    rule_files,
    screen::{count, line},
};

/// Writes it account by account.
pub(crate) fn what_if(report: &WhatIfReport, style: Style) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", style.paint(Paint::Heading, "Suppose that"));
    for supposed in &report.what_if {
        let _ = writeln!(text, "  {supposed}");
    }
    for note in &report.notes {
        let _ = writeln!(text, "  {} {note}", style.paint(Paint::Warning, "!"));
    }
    let _ = writeln!(text, "\n{} {}", style.paint(Paint::Heading, "Rules"), rules_used(&report.rules));
    if let Some(then) = &report.rules_then {
        let _ = writeln!(text, "{} {}", style.paint(Paint::Heading, "Then "), rules_used(then));
    }
    text.push('\n');
    sets_text::sets(&mut text, "Permission sets, then", &report.permission_sets, style);
    let as_they_are = "Permission sets: what is to be done as things are, and would not be";
    sets_text::sets(&mut text, as_they_are, &report.no_longer_permission_sets, style);
    for account in &report.accounts {
        one(&mut text, account, style);
    }
    if !report.unread.is_empty() {
        let _ = writeln!(
            text,
            "{}",
            style.paint(Paint::Bad, "Could not be read; nothing is known of the difference there")
        );
        for unread in &report.unread {
            let _ = writeln!(text, "  {}  {}", unread.id, line(&unread.why));
        }
        text.push('\n');
    }
    super::plan_text::untold(&mut text, &report.untold, style);
    if report.shrinks {
        let shrunk = "The rules would have shrunk to fewer than half of those in force: they come into force only if their plan is approved.";
        let _ = writeln!(text, "{}", style.paint(Paint::Warning, shrunk));
    }
    let _ = writeln!(
        text,
        "{} {}. Nothing was changed.",
        style.paint(Paint::Heading, "Then:"),
        in_short(&report.summary)
    );
    text
}

fn rules_used(rules: &RulesUsed) -> String {
    let files = if rules.files.is_empty() { "in force".to_owned() } else { rule_files::told(&rules.files) };
    let count = count(rules.count, "rule", "rules");
    format!("{files} ({count}, mode {}, version {})", rules.mode, rules.version.short())
}

fn place(ou: Option<&str>) -> String {
    match ou {
        Some("") => "directly below the root".to_owned(),
        Some(ou) => line(ou),
        None => "not in the organization".to_owned(),
    }
}

fn one(text: &mut String, account: &AccountWhatIf, style: Style) {
    let name = account.name.as_deref().map_or_else(|| "(departed)".to_owned(), line);
    let then = account.ou_then.as_deref().map(|ou| format!(" -> {}", place(Some(ou)))).unwrap_or_default();
    let place = format!("{}{then}", place(account.ou.as_deref()));
    let _ = writeln!(
        text,
        "{}  {}  {}",
        style.paint(Paint::Heading, name),
        account.id,
        style.paint(Paint::Faint, place)
    );
    rows::write(text, &lines(account), style);
    for waiting in &account.waiting {
        let by = match (&waiting.rule, &waiting.never) {
            (Some(rule), _) => format!("rule {rule}"),
            (None, Some(at)) => format!("the `never` at {}", line(at)),
            (None, None) => String::new(),
        };
        let _ = writeln!(
            text,
            "  {} there is no {}  {}",
            style.paint(Paint::Warning, "?"),
            line(&waiting.name),
            style.paint(Paint::Faint, by)
        );
    }
    text.push('\n');
}

fn lines(account: &AccountWhatIf) -> Vec<Row> {
    let changes = |changes: &[Change], sign: &'static str, paint: Paint, what: &str| -> Vec<Row> {
        let rows = changes.iter().map(|change| Row {
            sign,
            paint,
            columns: [change.permission_set.to_string(), change.principal.to_string()],
            rest: format!("{}{what} {}{}", scope(change), by(&change.rules), awaits(change)),
        });
        rows.collect()
    };
    let mut lines = changes(&account.revokes, "-", Paint::Bad, "would be revoked; is by");
    lines.extend(changes(&account.grants, "+", Paint::Good, "would be granted, by"));
    lines.extend(changes(
        &account.no_longer_granted,
        "-",
        Paint::Warning,
        "would not be granted, as the next run does now, by",
    ));
    lines.extend(changes(
        &account.no_longer_revoked,
        "+",
        Paint::Warning,
        "would not be revoked, as the next run does now; was by",
    ));
    lines.extend(account.given_up.iter().map(|it| under_way(it, "-", "would be given up")));
    lines.extend(
        account.going_on.iter().map(|it| under_way(it, "~", "would go on, and is given up as things are")),
    );
    lines.extend(account.withheld.iter().map(|it| refused(it, "!", "would be")));
    lines.extend(account.no_longer_withheld.iter().map(|it| refused(it, "~", "would no longer be")));
    lines
}

/// Whether it goes for the scope's sake.
fn scope(change: &Change) -> &'static str {
    if change.out_of_scope { "beyond the scope of its team: " } else { "" }
}

fn under_way(work: &UnderWay, sign: &'static str, what_then: &str) -> Row {
    let what = match work.operation {
        Operation::Grant => "grant",
        Operation::Revoke => "revoke",
    };
    Row {
        sign,
        paint: Paint::Warning,
        columns: [work.permission_set.to_string(), work.principal.to_string()],
        rest: format!("its {what}, decided and not finished, {what_then}; by {}", by(&work.rules)),
    }
}

fn refused(withheld: &Withheld, sign: &'static str, would: &str) -> Row {
    let what = match withheld.operation {
        Operation::Grant => "grant",
        Operation::Revoke => "revoke",
    };
    Row {
        sign,
        paint: Paint::Warning,
        columns: [withheld.permission_set.to_string(), withheld.principal.to_string()],
        rest: format!("its {what} {would} withheld: {} (rule {})", line(&withheld.why), by(&withheld.rules)),
    }
}

fn by(rules: &[RuleName]) -> String {
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    ids.join(", ")
}

/// The difference in one line.
fn in_short(summary: &WhatIfSummary) -> String {
    let mut parts = Vec::new();
    if !summary.has_difference() {
        let told = if summary.is_incomplete() { " that could be told" } else { "" };
        let accounts = count(summary.accounts, "account", "accounts");
        parts.push(format!("nothing would be granted or revoked otherwise{told} in {accounts}"));
    }
    if summary.grants + summary.revokes > 0 {
        parts.push(format!(
            "{} would be granted, {} would be revoked in {}",
            summary.grants,
            summary.revokes,
            count(summary.differing, "account", "accounts")
        ));
    }
    if summary.no_longer_granted > 0 {
        parts.push(format!("{} would not be granted any more", summary.no_longer_granted));
    }
    if summary.no_longer_revoked > 0 {
        parts.push(format!("{} would not be revoked any more", summary.no_longer_revoked));
    }
    if summary.given_up > 0 {
        parts.push(format!("{} under way would be given up", summary.given_up));
    }
    if summary.going_on > 0 {
        parts.push(format!("{} under way would go on", summary.going_on));
    }
    let sets = sets_text::in_short(&summary.permission_sets);
    parts.extend(Some(sets).filter(|sets| !sets.is_empty()));
    let as_they_are = sets_text::in_short(&summary.no_longer_permission_sets);
    parts.extend(Some(as_they_are).filter(|sets| !sets.is_empty()).map(|sets| format!("no longer {sets}")));
    if summary.withheld > 0 {
        parts.push(format!("{} would be withheld", summary.withheld));
    }
    if summary.no_longer_withheld > 0 {
        parts.push(format!("{} would not be withheld any more", summary.no_longer_withheld));
    }
    if summary.unread > 0 {
        parts.push(format!("{} could not be read", count(summary.unread, "account", "accounts")));
    }
    parts.extend(super::plan_text::entries_untold(summary.untold));
    parts.join("; ")
}

/// Writes it for a comment on a pull request: the text, as it is, below its sum.
pub(crate) fn markdown(report: &WhatIfReport) -> String {
    let text = what_if(report, Style::default());
    // A fence longer than any in it.
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("### Usher, what if: {}\n\n{fence}text\n{text}{fence}\n", in_short(&report.summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{render::sample, what_if::Supposed};

    fn report() -> WhatIfReport {
        let (mut now, mut then) = (sample::plan(), sample::plan());
        then.accounts[0].revokes.clear();
        then.accounts[0].ou = Some(String::new());
        now.accounts[0].grants.clear();
        now.accounts[0].withheld.clear();
        let told = vec!["shop (111122223333) is in the root".to_owned()];
        WhatIfReport::of(Supposed { told, ..Supposed::default() }, vec![(now, then)]).unwrap()
    }

    #[test]
    fn the_difference_reads_account_by_account_and_ends_in_one_line() {
        insta::assert_snapshot!(what_if(&report(), Style::default()), @r"
        Suppose that
          shop (111122223333) is in the root

        Rules rules.yaml (3 rules, mode sync, version abababababab)

        shop-dev elopment  111122223333  Workloads/Development -> directly below the root
          + EC2-S3-FullAccess    group Developers                                       would be granted, by developers-in-development
          + PowerUserAccess      group Contractors                                      would not be revoked, as the next run does now; was by contractors
          ! ps-1234567890abcdef  group 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab  its grant would be withheld: exists already, made by others; it stays theirs unless `usher adopt` takes it over (rule support)

        Could not be read; nothing is known of the difference there
          444455556666  throttled: Rate exceeded

        Then: 1 would be granted, 0 would be revoked in 1 account; 1 would not be revoked any more; 1 would be withheld; 1 account could not be read. Nothing was changed.
        ");
    }

    #[test]
    fn markdown_has_the_text_in_a_fence_that_nothing_in_it_ends() {
        let markdown = markdown(&report());
        assert!(markdown.starts_with("### Usher, what if: 1 would be granted"), "{markdown}");
        assert!(
            markdown.contains("\n```text\nSuppose that\n") && markdown.ends_with("\n```\n"),
            "{markdown}"
        );
        let mut odd = report();
        odd.what_if = vec!["a ```` b".to_owned()];
        assert!(super::markdown(&odd).ends_with("\n`````\n"));
    }
}
