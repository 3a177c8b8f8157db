//! The plan as Markdown, for a comment on a pull request.
//!
//! A small plan is told account by account. A large one is told by what it does, so that what matters most is cut last:
//! revokes, then what is withheld, then the rest, and grants folded by their rules. What is left out is said in numbers.

mod audit;
mod escape;
mod sections;

use std::fmt::Write as _;

use shared::domain::Operation;

use super::{
    plan_text::{self, awaits},
    sets_text,
};
use crate::{
    report::{AccountPlan, Change, PlanReport, RuleName, UnderWay, UntoldRule, Withheld, WithheldReport},
    screen::count,
};
pub(crate) use audit::audit;
use escape::{code, sentence};

/// How long the text may be, in bytes. A comment on GitHub has at most 65,536 characters; the rest is for whoever puts
/// something around it.
const ROOM: usize = 60_000;
/// More changes than this are not told account by account.
const BY_ACCOUNT: usize = 200;
/// So many files are told by name.
const FILES: usize = 4;

/// Writes the plan.
pub(crate) fn plan(report: &PlanReport) -> String {
    within(report, ROOM)
}

/// Writes what waits.
pub(crate) fn withheld_by_reason(report: &WithheldReport) -> String {
    sections::by_reason(report, ROOM)
}

fn within(report: &PlanReport, room: usize) -> String {
    let summary = &report.summary;
    if summary.grants + summary.revokes + summary.withheld + summary.under_way <= BY_ACCOUNT {
        let whole = by_account(report);
        if whole.len() <= room {
            return whole;
        }
    }
    sections::folded(report, room)
}

/// What the plan comes to, and by which rules.
fn head(report: &PlanReport) -> String {
    let mut text = format!("### Usher: {}\n\n", plan_text::in_short(report));
    let rules = &report.rules;
    let mut files: Vec<String> = rules.files.iter().take(FILES).map(|file| code(file)).collect();
    if let Some(more) = rules.files.len().checked_sub(FILES).filter(|more| *more > 0) {
        files.push(count(more, "more file", "more files"));
    }
    let _ = writeln!(
        text,
        "Rules {} ({}, mode {}, version `{}`)",
        files.join(", "),
        count(rules.count, "rule", "rules"),
        rules.mode,
        rules.version.short()
    );
    let _ = writeln!(text, "\nPlan `{}`", report.hash);
    if report.is_over_budget() {
        text.push_str("\n**Over budget:** what the budgets hold back waits for `usher approve --plan` with this plan's hash.\n");
    }
    if report.shrinks {
        let plan = if report.account.is_some() { "the plan without `--account`" } else { "this plan" };
        let _ = writeln!(
            text,
            "\n**The rules have shrunk** to fewer than half of those in force: they come into force only if {plan} is approved, by `usher approve --plan` with its hash."
        );
    }
    if report.scopes_untold {
        let _ = writeln!(text, "\n{}", plan_text::SCOPES_UNTOLD);
    }
    if let Some(why) = &report.refused {
        let _ = writeln!(text, "\n**These rules would not come into force:** {}.", sentence(why));
    }
    if let Some(account) = &report.account {
        let _ = writeln!(text, "\nOnly account {account} was looked at.");
    }
    if !report.permission_sets.is_empty() {
        text.push_str("\n#### Permission sets\n\n```diff\n");
        for row in sets_text::as_diff(&report.permission_sets) {
            let _ = writeln!(text, "{row}");
        }
        text.push_str("```\n");
    }
    let sets = report.summary.permission_sets.unread;
    if sets > 0 {
        let sets = count(sets, "declared permission set", "declared permission sets");
        let _ = writeln!(text, "\n**Incomplete:** {sets} could not be read.");
    }
    untold(&mut text, &report.untold);
    if !report.unread.is_empty() {
        let unread = count(report.unread.len(), "account", "accounts");
        let _ = writeln!(text, "\n**Incomplete:** {unread} could not be read, and nothing is decided there.");
    }
    text
}

/// What can't be told of rules: the plan may lack it.
fn untold(text: &mut String, all: &[UntoldRule]) {
    for one in all {
        let accounts = count(one.accounts, "account", "accounts");
        let (what, why) = (sentence(&one.what()), sentence(&one.why));
        let _ = writeln!(text, "\n**Incomplete:** {what} could not be told in {accounts}: {why}.");
    }
}

fn by_account(report: &PlanReport) -> String {
    let mut text = head(report);
    for plan in &report.accounts {
        let rows = rows(plan);
        if rows.is_empty() {
            continue;
        }
        let name = plan.name.as_deref().map_or_else(|| "*(departed)*".to_owned(), code);
        let ou = plan.ou.as_deref().filter(|ou| !ou.is_empty()).map(code).unwrap_or_default();
        let _ = writeln!(text, "\n#### {name} {} {ou}", plan.id);
        let _ = writeln!(text, "\n|   | permission set | principal |   |\n| --- | --- | --- | --- |");
        for row in rows {
            let _ = writeln!(text, "| {} | {} | {} | {} |", row.what, row.set, row.principal, row.rest);
        }
    }
    for section in sections::closing(report) {
        let _ = write!(text, "\n{}", section.whole());
    }
    text
}

/// A line of a table.
struct Row {
    what: &'static str,
    set: String,
    principal: String,
    rest: String,
}

/// All of an account: what is taken away first.
fn rows(plan: &AccountPlan) -> Vec<Row> {
    let mut rows: Vec<Row> = plan.revokes.iter().map(|change| changed(change, Operation::Revoke)).collect();
    rows.extend(plan.withheld.iter().map(withheld));
    rows.extend(plan.grants.iter().map(|change| changed(change, Operation::Grant)));
    rows.extend(plan.under_way.iter().map(under_way));
    rows
}

fn changed(change: &Change, operation: Operation) -> Row {
    let (what, by) = match operation {
        Operation::Grant => ("**grant**", "by"),
        Operation::Revoke => ("**revoke**", plan_text::why_revoked(change)),
    };
    Row {
        what,
        set: set(&change.permission_set),
        principal: principal(&change.principal),
        rest: format!("{by} {}{}", by_rules(&change.rules), awaits(change)),
    }
}

fn withheld(withheld: &Withheld) -> Row {
    let what = match withheld.operation {
        Operation::Grant => "not granted",
        Operation::Revoke => "not revoked",
    };
    Row {
        what,
        set: set(&withheld.permission_set),
        principal: principal(&withheld.principal),
        rest: format!("{} (rule {})", sentence(&withheld.why), by_rules(&withheld.rules)),
    }
}

fn under_way(work: &UnderWay) -> Row {
    let what = match work.operation {
        Operation::Grant => "grant under way",
        Operation::Revoke => "revoke under way",
    };
    let stage = if work.sent { "sent to AWS, not yet ended" } else { "decided, not yet sent" };
    let trouble = work.trouble.as_deref().map(|why| format!(" ({})", sentence(why))).unwrap_or_default();
    Row {
        what,
        set: set(&work.permission_set),
        principal: principal(&work.principal),
        rest: format!("{stage}{trouble}; by {}", by_rules(&work.rules)),
    }
}

fn set(set: &crate::report::PermissionSetName) -> String {
    code(&set.to_string())
}

fn principal(principal: &crate::report::PrincipalName) -> String {
    format!("{} {}", principal.kind, code(principal.name.as_deref().unwrap_or(&principal.id)))
}

fn by_rules(rules: &[RuleName]) -> String {
    let ids: Vec<String> = rules.iter().map(|rule| code(rule.id.as_str())).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests;
