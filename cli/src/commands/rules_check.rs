//! `usher rules check`: all mistakes of rule files at once.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{Mode, RulesVersion, TeamId},
    rules::{self, Diagnostics, PlainProblem, RuleExtent, RuleSet, Settings, TeamScope},
};

use crate::{
    Ending, Failure, Paint, Screen, Style,
    args::RulesCheckArgs,
    render,
    rule_files::{self, RuleFiles},
    screen::{count, line},
};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    format: u32,
    ok: bool,
    files: &'a [String],
    /// Null where there are mistakes.
    version: Option<RulesVersion>,
    mode: Option<Mode>,
    rules: Option<usize>,
    never: Option<usize>,
    guardrails: Option<Guardrails>,
    /// In the order of the root file.
    teams: Option<Vec<TeamChecked>>,
    /// What is right, and hardly meant so; in the order of the text.
    warnings: Vec<Warning>,
    /// In the order of the text.
    problems: Vec<PlainProblem>,
    /// How many more there are than are listed.
    unlisted: usize,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the words of the rule document")]
struct Guardrails {
    max_deletes: u32,
    max_delete_percent: u32,
    max_creates: u32,
    max_orphan_deletes: u32,
}

/// Something that whoever wrote it should look at.
#[derive(Debug, Serialize)]
struct Warning {
    /// File and line.
    at: String,
    says: String,
}

/// A team, and how its rules stand to its scope.
#[derive(Debug, Serialize)]
struct TeamChecked {
    id: TeamId,
    rules: usize,
    /// `unsaid`, `unlimited` or `within`.
    scope: &'static str,
    scopes: Vec<String>,
    /// Rules of which it takes an organization to tell whether they stay within the scope.
    open: usize,
}

/// Reads the files and tells what is wrong with them.
pub(crate) fn run(
    arguments: &RulesCheckArgs,
    now: Timestamp,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let RuleFiles { shown, bundle, files } = rule_files::read(&arguments.files)?;
    let read = rules::read(&shown);
    let ending = if read.is_ok() { Ending::Good } else { Ending::Bad };
    if arguments.json {
        render::json(&checked(&files, bundle.version(), &read, now), screen)?;
        return Ok(ending);
    }
    match &read {
        Ok(rules) => good(&files, rules, now, screen)?,
        Err(diagnostics) => bad(diagnostics, screen)?,
    }
    Ok(ending)
}

fn checked<'a>(
    files: &'a [String],
    version: RulesVersion,
    read: &Result<RuleSet, Diagnostics>,
    now: Timestamp,
) -> Checked<'a> {
    let rules = read.as_ref().ok();
    let problems = read.as_ref().err();
    Checked {
        format: crate::report::FORMAT,
        ok: rules.is_some(),
        files,
        version: rules.map(|_| version),
        mode: rules.map(|rules| rules.settings.mode),
        rules: rules.map(|rules| rules.rules.len()),
        never: rules.map(|rules| rules.never.len()),
        guardrails: rules.map(|rules| {
            let rules::Guardrails { max_deletes, max_delete_percent, max_creates, max_orphan_deletes } =
                rules.settings.guardrails;
            Guardrails { max_deletes, max_delete_percent, max_creates, max_orphan_deletes }
        }),
        teams: rules.map(teams),
        warnings: rules.map(|rules| warnings(rules, now)).unwrap_or_default(),
        problems: problems.map(Diagnostics::plain).unwrap_or_default(),
        unlisted: problems.map_or(0, Diagnostics::unlisted),
    }
}

fn warnings(set: &RuleSet, now: Timestamp) -> Vec<Warning> {
    let notes = set.reprovision.notes(now).into_iter();
    notes.map(|rules::Note { at, says }| Warning { at: at.to_string(), says }).collect()
}

fn teams(set: &RuleSet) -> Vec<TeamChecked> {
    let protected = &set.settings.protected_permission_sets;
    let one = |team: &rules::Team| {
        let own = || set.rules.iter().filter(|rule| rule.team.as_ref() == Some(&team.id));
        let scopes = team.limits().unwrap_or_default();
        let is_open = |rule: &&rules::Rule| {
            team.limits().is_some() && rules::extent(rule, scopes, protected) == RuleExtent::Open
        };
        TeamChecked {
            id: team.id.clone(),
            rules: own().count(),
            scope: match team.scope {
                TeamScope::Unsaid => "unsaid",
                TeamScope::Unlimited => "unlimited",
                TeamScope::Within(_) => "within",
            },
            scopes: scopes.iter().map(ToString::to_string).collect(),
            open: own().filter(is_open).count(),
        }
    };
    set.teams.iter().map(one).collect()
}

/// A line for each team: what may be in its files.
fn teams_told(set: &RuleSet, style: Style) -> String {
    let mut text = String::new();
    for (at, TeamChecked { id, rules, scope, scopes, open }) in teams(set).into_iter().enumerate() {
        let rules = count(rules, "rule", "rules");
        let told = match scope {
            "within" => {
                let open = match open {
                    0 => String::new(),
                    open => format!(
                        "; {open} can be held against it only with an organization, when they come into force"
                    ),
                };
                format!("{rules}, within {}{open}", line(&scopes.join(", or ")))
            }
            "unlimited" => format!("{rules}, unlimited"),
            _ => style
                .paint(Paint::Warning, format!("{rules}, no scope: its files may give anything anywhere")),
        };
        let head = if at == 0 { "teams" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {head:10}  {id}: {told}");
    }
    text
}

fn good(files: &[String], set: &RuleSet, now: Timestamp, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let RuleSet {
        settings: Settings { mode, guardrails, .. },
        teams: _,
        never,
        reprovision: _,
        permission_sets,
        rules,
    } = set;
    let style = screen.out_style;
    let teams = teams_told(set, style);
    let rules = count(rules.len(), "rule", "rules");
    let never = match never.len() {
        0 => String::new(),
        entries => format!(" and {} of `never`", count(entries, "entry", "entries")),
    };
    let sets = match permission_sets.len() {
        0 => String::new(),
        sets => format!(", {} declared", count(sets, "permission set", "permission sets")),
    };
    let mode = match mode {
        Mode::Observe => "observe: plans, and writes nothing",
        Mode::CreateOnly => "create-only: grants, and never revokes",
        Mode::Sync => "sync: grants and revokes",
    };
    let rules::Guardrails { max_deletes, max_delete_percent, max_creates, max_orphan_deletes } = guardrails;
    let mut text = format!(
        "{} {}: {rules}{never}{sets}\n  mode        {mode}\n  guardrails  at once at most {max_creates} assignments created, and \
         {max_deletes} deleted (or {max_delete_percent} % of Usher's own, if that is more)\n              on a day at most \
         {max_orphan_deletes} orphans deleted\n{teams}",
        style.paint(Paint::Good, "✓"),
        rule_files::told(files),
    );
    for Warning { at, says } in warnings(set, now) {
        let _ = writeln!(text, "{} {}: {says}", style.paint(Paint::Warning, "!"), line(&at));
    }
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)
}

fn bad(diagnostics: &Diagnostics, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let handler = screen.out_style.diagnostics();
    let mut text = String::new();
    for problem in diagnostics.problems() {
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, problem);
        text.push('\n');
    }
    let style = screen.out_style;
    let _ = writeln!(text, "{} {diagnostics}", style.paint(Paint::Bad, "✗"));
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)
}
