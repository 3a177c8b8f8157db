//! A plan that is too large to be told account by account: lists of what it does, cut where there is no more room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use shared::domain::{AccountId, Operation};

use super::{by_rules, changed, code, head, sentence, under_way, withheld};
use crate::{
    render::{plan_text, withheld_text::set_text},
    report::{AccountPlan, IdleScope, PlanReport, RuleName, WithheldReport},
    screen::count,
};

/// Room kept for the title of each list and for the line that says what is left out of it, in bytes.
const MARGIN: usize = 400;
/// A list of grants is opened only where so much of it can be shown, in bytes.
const WORTH_OPENING: usize = 1000;

/// A list with its title.
pub(super) struct Section {
    title: String,
    /// What stands above the rows: the table's head, or nothing.
    head: &'static str,
    rows: Vec<String>,
    /// One of what is listed, and several.
    nouns: [&'static str; 2],
}

impl Section {
    /// All of it.
    pub(super) fn whole(&self) -> String {
        let mut text = self.begin();
        self.rows.iter().for_each(|row| text.push_str(row));
        text
    }

    fn begin(&self) -> String {
        format!("#### {}\n\n{}", self.title, self.head)
    }

    /// As much of it as there is room for, and how much is left out.
    fn cut(&self, room: usize) -> String {
        let mut text = self.begin();
        let mut left = self.rows.len();
        for row in &self.rows {
            if text.len() + row.len() > room {
                break;
            }
            text.push_str(row);
            left -= 1;
        }
        if left > 0 {
            let [one, many] = self.nouns;
            text.push_str(&left_out(&count(left, one, many)));
        }
        text
    }
}

const TABLE: &str = "| account | permission set | principal |   |\n| --- | --- | --- | --- |\n";

/// The plan by what it does, in at most so many bytes if that is possible at all.
pub(super) fn folded(report: &PlanReport, room: usize) -> String {
    let mut text = head(report);
    let lists = before_grants(report);
    let end = closing(report);
    // Every list that follows keeps its margin, and so does the line about grants that are left out.
    let mut kept = MARGIN * (lists.len() + end.len() + 1);
    for section in &lists {
        kept -= MARGIN;
        let _ = write!(text, "\n{}", section.cut(room.saturating_sub(text.len() + kept + MARGIN)));
    }
    kept -= MARGIN;
    grants(&mut text, report, room.saturating_sub(kept + MARGIN));
    for section in &end {
        kept -= MARGIN;
        let _ = write!(text, "\n{}", section.cut(room.saturating_sub(text.len() + kept + MARGIN)));
    }
    text
}

/// What is never cut before grants are, in this order.
fn before_grants(report: &PlanReport) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut add = |title: &str, nouns: [&'static str; 2], rows: Vec<String>| {
        if !rows.is_empty() {
            sections.push(Section { title: format!("{title} ({})", rows.len()), head: TABLE, rows, nouns });
        }
    };
    let all = |lines: fn(&AccountPlan) -> Vec<super::Row>| {
        report
            .accounts
            .iter()
            .flat_map(|plan| lines(plan).into_iter().map(|row| table_row(plan, &row)))
            .collect()
    };
    add(
        "Revoked",
        ["revoke", "revokes"],
        all(|plan| plan.revokes.iter().map(|change| changed(change, Operation::Revoke)).collect()),
    );
    add(
        "Withheld",
        ["withheld assignment", "withheld assignments"],
        all(|plan| {
            plan.withheld
                .iter()
                .map(withheld)
                .map(|row| super::Row { rest: format!("{}: {}", row.what, row.rest), ..row })
                .collect()
        }),
    );
    add(
        "Under way",
        ["assignment under way", "assignments under way"],
        all(|plan| {
            plan.under_way
                .iter()
                .map(under_way)
                .map(|row| super::Row { rest: format!("{}: {}", row.what, row.rest), ..row })
                .collect()
        }),
    );
    sections
}

/// What waits, by its reason, with the way out.
pub(super) fn by_reason(report: &WithheldReport, room: usize) -> String {
    let mut text = format!("### Usher: {} withheld\n", report.count);
    super::untold(&mut text, &report.untold);
    if !report.unread.is_empty() {
        let unread = count(report.unread.len(), "account", "accounts");
        let _ = writeln!(text, "\n**Incomplete:** {unread} could not be read.");
    }
    if !report.permission_sets.is_empty() {
        let rows = report.permission_sets.iter().map(|set| {
            format!("| {} | {} | {} |\n", code(&set.name), sentence(&set_text(set)), sentence(set.way_out))
        });
        let section = Section {
            title: format!("Declared permission sets ({})", report.permission_sets.len()),
            head: "| permission set |   | way out |\n| --- | --- | --- |\n",
            rows: rows.collect(),
            nouns: ["permission set", "permission sets"],
        };
        let _ = write!(text, "\n{}", section.cut(room / 4));
    }
    let mut kept = MARGIN * report.groups.len();
    for group in &report.groups {
        let rows = group.assignments.iter().map(|waiting| {
            let name = waiting.account_name.as_deref().map_or_else(|| "*(departed)*".to_owned(), code);
            let rules = by_rules(&waiting.rules);
            format!("| {name} | {} | {} (rule {rules}) |\n", code(&waiting.key), sentence(&waiting.why))
        });
        let section = Section {
            title: format!("{} ({})\n\nWay out: {}", group.title, group.assignments.len(), group.way_out),
            head: "| account | assignment |   |\n| --- | --- | --- |\n",
            rows: rows.collect(),
            nouns: ["withheld assignment", "withheld assignments"],
        };
        kept -= MARGIN;
        let _ = write!(text, "\n{}", section.cut(room.saturating_sub(text.len() + kept + MARGIN)));
    }
    text
}

fn table_row(plan: &AccountPlan, row: &super::Row) -> String {
    format!("| {} | {} | {} | {} |\n", account(plan), row.set, row.principal, row.rest)
}

/// The end of a list that is folded up.
const CLOSING: &str = "\n</details>\n";

/// The grants that the same rules want.
#[derive(Default)]
struct Fold<'a> {
    rules: &'a [RuleName],
    rows: Vec<String>,
    accounts: BTreeSet<&'a AccountId>,
}

impl Fold<'_> {
    fn opening(&self) -> String {
        format!(
            "\n<details><summary>{} in {} by {}</summary>\n\n| account | permission set | principal |\n| --- | --- | --- |\n",
            count(self.rows.len(), "grant", "grants"),
            count(self.accounts.len(), "account", "accounts"),
            // Ids of rules are letters, digits, `-`, `_` and `.`: they need no code around them, and it means nothing in HTML.
            by_rules(self.rules).replace('`', ""),
        )
    }

    /// As much of it as there is room for; nothing where that is hardly any.
    fn cut(&self, room: usize) -> Option<String> {
        let mut text = self.opening();
        let size: usize = self.rows.iter().map(String::len).sum();
        if text.len() + size.min(WORTH_OPENING) + MARGIN > room {
            return None;
        }
        let mut left = self.rows.len();
        for row in &self.rows {
            if text.len() + row.len() + MARGIN > room {
                break;
            }
            text.push_str(row);
            left -= 1;
        }
        if left > 0 {
            text.push_str(&left_out(&count(left, "grant", "grants")));
        }
        text.push_str(CLOSING);
        Some(text)
    }
}

/// Grants folded by the rules that want them, up to a length of the whole text.
fn grants(text: &mut String, report: &PlanReport, room: usize) {
    let mut folds: BTreeMap<Vec<&str>, Fold<'_>> = BTreeMap::new();
    for plan in &report.accounts {
        for grant in &plan.grants {
            let ids = grant.rules.iter().map(|rule| rule.id.as_str()).collect();
            let fold = folds.entry(ids).or_default();
            fold.rules = &grant.rules;
            fold.accounts.insert(&plan.id);
            let super::Row { set, principal, .. } = changed(grant, Operation::Grant);
            fold.rows.push(format!("| {} | {set} | {principal} |\n", account(plan)));
        }
    }
    if folds.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n#### Granted ({})", report.summary.grants);
    let (mut left, mut rules_left) = (0, 0);
    for fold in folds.into_values() {
        if let Some(told) = fold.cut(room.saturating_sub(text.len())) {
            text.push_str(&told);
        } else {
            left += fold.rows.len();
            rules_left += 1;
        }
    }
    if left > 0 {
        let (grants, rules) = (count(left, "grant", "grants"), count(rules_left, "rule", "rules"));
        text.push_str(&left_out(&format!("{grants} by {rules}")));
    }
}

fn account(plan: &AccountPlan) -> String {
    let name = plan.name.as_deref().map_or_else(|| "*(departed)*".to_owned(), code);
    format!("{name} {}", plan.id)
}

fn left_out(what: &str) -> String {
    format!("\n*Left out here for want of room: {what}; `usher plan` lists all.*\n")
}

/// What stands at the end in any case: names that nothing bears, accounts that could not be read, the budgets.
pub(super) fn closing(report: &PlanReport) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut add = |title: &str, nouns: [&'static str; 2], rows: Vec<String>| {
        if !rows.is_empty() {
            sections.push(Section { title: title.to_owned(), head: "", rows, nouns });
        }
    };
    add(
        "Could not be read",
        ["account", "accounts"],
        report.unread.iter().map(|unread| format!("- {}: {}\n", unread.id, sentence(&unread.why))).collect(),
    );
    let idle = report
        .idle_rules
        .iter()
        .map(|rule| format!("- no account is as rule {} selects\n", code(rule.as_str())));
    let idle_never = report
        .idle_never
        .iter()
        .map(|at| format!("- no account is as the `never` at {} selects, so it forbids nothing\n", code(at)));
    let idle_scopes = report.idle_scopes.iter().map(|IdleScope { team, written_at, what }| {
        format!("- {} (the scope of team {} at {})\n", sentence(what), code(team.as_str()), code(written_at))
    });
    let names = plan_text::waiting_names(report).into_iter().map(|((name, by), accounts)| {
        let accounts = count(accounts, "account", "accounts");
        format!("- {} ({}, in {accounts})\n", code(name), code(&by))
    });
    add(
        "Named or selected by rules, and there is nothing like it",
        ["of them", "of them"],
        idle.chain(idle_never).chain(idle_scopes).chain(names).collect(),
    );
    if report.summary.grants + report.summary.revokes > 0 {
        let budgets = report.budgets.iter().map(|budget| format!("- {}\n", plan_text::budget_line(budget)));
        add("Budgets", ["budget", "budgets"], budgets.collect());
    }
    sections
}
