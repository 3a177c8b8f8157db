//! The plan as text for a terminal.

use std::{collections::BTreeMap, fmt::Write as _};

use shared::domain::Operation;

use super::{
    rows::{self, Row},
    sets_text,
};
use crate::{
    Paint, Style,
    report::{
        AccountPlan, Budget, Change, IdleScope, Period, PlanReport, RuleName, UnderWay, UntoldRule, Withheld,
    },
    rule_files,
    screen::{count, line},
};

/// Writes the whole plan.
pub(crate) fn plan(report: &PlanReport, style: Style) -> String {
    let mut text = String::new();
    let rules = &report.rules;
    let _ = writeln!(
        text,
        "{} {} ({}, mode {}, version {})\n",
        style.paint(Paint::Heading, "Rules"),
        if rules.files.is_empty() { "in force".to_owned() } else { rule_files::told(&rules.files) },
        count(rules.count, "rule", "rules"),
        rules.mode,
        rules.version.short(),
    );
    sets_text::sets(&mut text, "Permission sets", &report.permission_sets, style);
    for plan in report.accounts.iter().filter(|plan| !is_only_waiting(plan)) {
        account(&mut text, plan, style);
    }
    waiting(&mut text, report, style);
    if !report.unread.is_empty() {
        let _ =
            writeln!(text, "{}", style.paint(Paint::Bad, "Could not be read; nothing is decided about them"));
        for unread in &report.unread {
            let _ = writeln!(text, "  {}  {}", unread.id, line(&unread.why));
        }
        text.push('\n');
    }
    untold(&mut text, &report.untold, style);
    summary(&mut text, report, style);
    by_its_hash(&mut text, report, style);
    text
}

/// Writes which rules can't be told.
pub(super) fn untold(text: &mut String, all: &[UntoldRule], style: Style) {
    if all.is_empty() {
        return;
    }
    let heading = "Could not be told; nothing is given or taken by it";
    let _ = writeln!(text, "{}", style.paint(Paint::Bad, heading));
    for one in all {
        let accounts = count(one.accounts, "account", "accounts");
        let _ = writeln!(text, "  {}, in {accounts}: {}", one.what(), line(&one.why));
    }
    text.push('\n');
}

/// A command that is about exactly this plan.
fn exactly(report: &PlanReport, verb: &str) -> String {
    let account = report.account.as_ref().map(|id| format!(" --account {id}")).unwrap_or_default();
    line(&format!("{}{account} --plan {}", report.given.command_by_rules(verb), report.hash))
}

/// What one account leaves open.
pub(super) const SCOPES_UNTOLD: &str = "One account can't tell whether the teams' rules stay within their scopes everywhere: bring these rules into force over all accounts first, without --account.";

/// What can be done with exactly this plan.
fn by_its_hash(text: &mut String, report: &PlanReport, style: Style) {
    if report.shrinks {
        let shrunk = match &report.account {
            None => {
                "The rules have shrunk to fewer than half of those in force: they come into force only if this plan is approved."
            }
            Some(_) => {
                "The rules have shrunk to fewer than half of those in force: they come into force only if the plan without --account is approved."
            }
        };
        let _ = writeln!(text, "{}", style.paint(Paint::Warning, shrunk));
    }
    if let Some(why) = &report.refused {
        let _ = writeln!(
            text,
            "{}",
            style.paint(Paint::Bad, format!("These rules would not come into force: {}.", line(why)))
        );
    }
    if report.scopes_untold {
        let _ = writeln!(text, "{}", style.paint(Paint::Warning, SCOPES_UNTOLD));
    }
    if report.awaits_permission_sets {
        let first = "Permission sets that the rules declare are yet to be made or edited; this is planned with them as they will be. `usher apply` without --account brings them about, and what waits for them.";
        let _ = writeln!(text, "{}", style.paint(Paint::Warning, first));
    }
    let may_come_into_force = report.refused.is_none() && !report.shrinks && !report.scopes_untold;
    let may_come_into_force = may_come_into_force && !report.awaits_permission_sets;
    // Deployed functions carry their rules out by themselves.
    if report.summary.has_work() && may_come_into_force && !report.given.is_deployed() {
        let _ = writeln!(
            text,
            "  {}",
            style.paint(
                Paint::Faint,
                format!("exactly this, and nothing else:   {}", exactly(report, "apply"))
            )
        );
    }
    if report.waits_for_consent() && report.refused.is_none() {
        let what = match (report.shrinks, report.is_over_budget()) {
            (true, false) => "so few rules, let through:          ",
            (true, true) => "so few rules, and what is over budget, let through:",
            (false, _) => "what is over budget, let through:",
        };
        let command = exactly(report, "approve");
        let _ = writeln!(text, "  {}", style.paint(Paint::Faint, format!("{what} {command}")));
    }
}

fn is_only_waiting(plan: &AccountPlan) -> bool {
    let AccountPlan { grants, revokes, withheld, under_way, .. } = plan;
    grants.is_empty() && revokes.is_empty() && withheld.is_empty() && under_way.is_empty()
}

fn account(text: &mut String, plan: &AccountPlan, style: Style) {
    let name = plan.name.as_deref().map_or_else(|| "(departed)".to_owned(), line);
    let ou = match plan.ou.as_deref() {
        Some("") => "directly below the root".to_owned(),
        Some(ou) => line(ou),
        None => "not in the organization".to_owned(),
    };
    let _ = writeln!(
        text,
        "{}  {}  {}",
        style.paint(Paint::Heading, name),
        plan.id,
        style.paint(Paint::Faint, ou)
    );
    let mut lines = Vec::new();
    lines.extend(plan.revokes.iter().map(|change| changed(change, Operation::Revoke)));
    lines.extend(plan.grants.iter().map(|change| changed(change, Operation::Grant)));
    lines.extend(plan.under_way.iter().map(under_way));
    lines.extend(plan.withheld.iter().map(withheld));
    rows::write(text, &lines, style);
    text.push('\n');
}

fn changed(change: &Change, operation: Operation) -> Row {
    let (sign, paint, by) = match operation {
        Operation::Grant => ("+", Paint::Good, "by"),
        Operation::Revoke => ("-", Paint::Bad, why_revoked(change)),
    };
    Row {
        sign,
        paint,
        columns: [change.permission_set.to_string(), change.principal.to_string()],
        rest: format!("{by} {}{}", rules(&change.rules), awaits(change)),
    }
}

/// Why something goes, before the rules that gave it.
pub(super) fn why_revoked(change: &Change) -> &'static str {
    if change.out_of_scope { "beyond the scope of its team; was by" } else { "wanted no more; was by" }
}

/// What has to be there before it is given.
pub(super) fn awaits(change: &Change) -> &'static str {
    if change.awaits_permission_set { ", once the permission set is made" } else { "" }
}

fn under_way(work: &UnderWay) -> Row {
    let what = match work.operation {
        Operation::Grant => "grant",
        Operation::Revoke => "revoke",
    };
    let stage = if work.sent { "sent to AWS, not yet ended" } else { "decided, not yet sent" };
    let trouble = work.trouble.as_deref().map(|why| format!(" ({})", line(why))).unwrap_or_default();
    Row {
        sign: "~",
        paint: Paint::Accent,
        columns: [work.permission_set.to_string(), work.principal.to_string()],
        rest: format!("{what} {stage}{trouble}; by {}", rules(&work.rules)),
    }
}

fn withheld(withheld: &Withheld) -> Row {
    let what = match withheld.operation {
        Operation::Grant => "not granted",
        Operation::Revoke => "not revoked",
    };
    Row {
        sign: "!",
        paint: Paint::Warning,
        columns: [withheld.permission_set.to_string(), withheld.principal.to_string()],
        rest: format!("{what}: {} (rule {})", line(&withheld.why), rules(&withheld.rules)),
    }
}

fn rules(rules: &[RuleName]) -> String {
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    ids.join(", ")
}

/// Names that nothing bears with what names them, and in how many accounts it holds.
pub(super) fn waiting_names(report: &PlanReport) -> BTreeMap<(&str, String), usize> {
    let mut by_name: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for waiting in report.accounts.iter().flat_map(|plan| &plan.waiting) {
        let by = match (&waiting.rule, &waiting.never) {
            (Some(rule), _) => format!("rule {rule}"),
            (None, Some(at)) => format!("the `never` at {}, which forbids nothing by it", line(at)),
            (None, None) => String::new(),
        };
        *by_name.entry((waiting.name.as_str(), by)).or_default() += 1;
    }
    by_name
}

/// Names that nothing bears are the same in every account where their rule holds: each is told once.
fn waiting(text: &mut String, report: &PlanReport, style: Style) {
    let by_name = waiting_names(report);
    let PlanReport { idle_rules, idle_never, idle_scopes, .. } = report;
    if by_name.is_empty() && idle_rules.is_empty() && idle_never.is_empty() && idle_scopes.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "{}",
        style.paint(Paint::Heading, "Named or selected by rules, and there is nothing like it")
    );
    for rule in &report.idle_rules {
        let (sign, what) = (style.paint(Paint::Warning, "?"), "no account is as this rule selects");
        let _ = writeln!(text, "  {sign} {what}  {}", style.paint(Paint::Faint, format!("rule {rule}")));
    }
    for at in &report.idle_never {
        let (sign, what) =
            (style.paint(Paint::Warning, "?"), "no account is as this selects, so it forbids nothing");
        let by = style.paint(Paint::Faint, format!("the `never` at {}", line(at)));
        let _ = writeln!(text, "  {sign} {what}  {by}");
    }
    for IdleScope { team, written_at, what } in idle_scopes {
        let by = format!("the scope of team {team} at {}", line(written_at));
        let sign = style.paint(Paint::Warning, "?");
        let _ = writeln!(text, "  {sign} {}  {}", line(what), style.paint(Paint::Faint, by));
    }
    for ((name, by), accounts) in by_name {
        let _ = writeln!(
            text,
            "  {} {}  {}",
            style.paint(Paint::Warning, "?"),
            line(name),
            style.paint(Paint::Faint, format!("{by}, in {}", count(accounts, "account", "accounts")))
        );
    }
    text.push('\n');
}

/// The plan in one line.
pub(super) fn in_short(report: &PlanReport) -> String {
    let summary = &report.summary;
    let mut parts = Vec::new();
    if summary.grants + summary.revokes > 0 {
        parts.push(format!(
            "{} to grant, {} to revoke in {}",
            summary.grants,
            summary.revokes,
            count(summary.differing, "account", "accounts")
        ));
    } else if summary.under_way == 0 {
        let told = if summary.is_incomplete() { " that could be told" } else { "" };
        parts.push(format!("nothing to do{told} in {}", count(summary.accounts, "account", "accounts")));
    }
    if summary.under_way > 0 {
        parts.push(format!("{} under way", summary.under_way));
    }
    if summary.withheld > 0 {
        parts.push(format!("{} withheld", summary.withheld));
    }
    let sets = sets_text::in_short(&summary.permission_sets);
    if !sets.is_empty() {
        parts.push(sets);
    }
    if summary.unread > 0 {
        parts.push(format!("{} could not be read", count(summary.unread, "account", "accounts")));
    }
    parts.extend(entries_untold(summary.untold));
    parts.join("; ")
}

/// How many entries of the rules could not be told, if any.
pub(super) fn entries_untold(number: usize) -> Option<String> {
    let entries = count(number, "entry of the rules", "entries of the rules");
    (number > 0).then(|| format!("{entries} could not be told"))
}

fn summary(text: &mut String, report: &PlanReport, style: Style) {
    let summary = &report.summary;
    let _ = writeln!(text, "{} {}.", style.paint(Paint::Heading, "Plan:"), in_short(report));
    if summary.grants + summary.revokes > 0 {
        for budget in &report.budgets {
            let _ = writeln!(text, "  {}", style.paint(Paint::Faint, budget_line(budget)));
        }
    }
}

pub(super) fn budget_line(budget: &Budget) -> String {
    let Budget { operation, per, limit, spent, planned } = budget;
    let (what, per) = (
        match operation {
            Operation::Grant => "grants",
            Operation::Revoke => "revokes",
        },
        match per {
            Period::Run => "this run",
            Period::Day => "today",
        },
    );
    let spent = if *spent > 0 { format!(", {spent} spent before") } else { String::new() };
    format!("{what} {per}: {planned} of {limit} allowed{spent}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn a_plan_reads_account_by_account_and_ends_in_one_line() {
        insta::assert_snapshot!(plan(&sample::plan(), Style::default()), @r"
        Rules rules.yaml (3 rules, mode sync, version abababababab)

        shop-dev elopment  111122223333  Workloads/Development
          - PowerUserAccess      group Contractors                                      wanted no more; was by contractors
          + EC2-S3-FullAccess    group Developers                                       by developers-in-development
          ~ ReadOnlyAccess       group Support                                          grant sent to AWS, not yet ended (Rate exceeded); by support
          ! ps-1234567890abcdef  group 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab  not granted: exists already, made by others; it stays theirs unless `usher adopt` takes it over (rule support)

        Named or selected by rules, and there is nothing like it
          ? no account is as this rule selects  rule forgotten
          ? no account is as this selects, so it forbids nothing  the `never` at rules.yaml:7
          ? group `Quants`  rule quants, in 1 account

        Could not be read; nothing is decided about them
          444455556666  throttled: Rate exceeded

        Plan: 1 to grant, 1 to revoke in 1 account; 1 under way; 1 withheld; 1 account could not be read.
          grants this run: 1 of 500 allowed
          revokes today: 1 of 25 allowed, 3 spent before
          exactly this, and nothing else:   usher apply --rules rules.yaml --ledger state/ledger.db --plan cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
        ");
    }

    #[test]
    fn a_plan_with_nothing_in_it_says_so() {
        insta::assert_snapshot!(plan(&sample::quiet_plan(), Style::default()), @r"
        Rules rules.yaml (3 rules, mode sync, version abababababab)

        Plan: nothing to do in 41 accounts.
        ");
    }
}
