//! Why somebody has access, or why not, as text for a terminal.

use std::fmt::Write as _;

use shared::{
    domain::{AccountState, Operation, Principal},
    resolve::{
        Condition, NeverWhy, OneScopeWhy, PrincipalOutcome, PrincipalWhy, RuleWhy, ScopeWhy, SetOutcome,
        SetWhy,
    },
    rules::{Deciding, Finding},
};

use crate::{
    Paint, Style,
    report::{AssignmentExplained, ExplainReport, SetAction, SetExplained, SetReport},
    rule_files,
    screen::{count, line},
};

/// So many rules that don't give something are written; JSON has them all.
const LISTED: usize = 8;

/// Writes the whole story.
pub(crate) fn explain(report: &ExplainReport, style: Style) -> String {
    let mut text = String::new();
    head(&mut text, report, style);
    for set in &report.permission_sets {
        one_set(&mut text, set, report, style);
    }
    if report.permission_sets.is_empty() {
        let nothing = match &report.unread {
            None => "They have nothing here, and no rule gives them anything.".to_owned(),
            Some(why) => {
                format!("No rule gives them anything here. What they have was not read: {}.", line(why))
            }
        };
        let _ = writeln!(text, "{}\n", style.paint(Paint::Heading, nothing));
    }
    if !report.elsewhere.is_empty() {
        let _ =
            writeln!(text, "{}", style.paint(Paint::Heading, "Rules about them that give them nothing here"));
        rules(&mut text, &report.elsewhere, &[], report, style);
        text.push('\n');
    }
    text
}

fn head(text: &mut String, report: &ExplainReport, style: Style) {
    let account = &report.account;
    let ou = if account.ou.is_empty() { "directly below the root".to_owned() } else { line(&account.ou) };
    let _ = writeln!(
        text,
        "{}  in  {}  {}  {}",
        style.paint(Paint::Heading, &report.principal),
        style.paint(Paint::Heading, line(&account.name)),
        account.id,
        style.paint(Paint::Faint, ou)
    );
    if report.principal_is_gone {
        let gone = "AWS does not know them any more; the ledger does";
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, gone));
    }
    if let Some(why) = &report.declared_unread {
        let told =
            format!("declared permission sets are told as they are, not as they will be: {}", line(why));
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, told));
    }
    for supposed in &report.what_if {
        let _ = writeln!(text, "  {} {supposed}", style.paint(Paint::Warning, "supposed:"));
    }
    if !report.groups.is_empty() {
        let groups: Vec<String> =
            report.groups.iter().map(|group| line(group.name.as_deref().unwrap_or(&group.id))).collect();
        let _ = writeln!(text, "  member of  {}", groups.join(", "));
    }
    if !account.tags.is_empty() {
        let tags: Vec<String> =
            account.tags.iter().map(|(key, value)| format!("{}={}", line(key), line(value))).collect();
        let _ = writeln!(text, "  tags       {}", tags.join(", "));
    }
    let rules = &report.rules;
    let files = if rules.files.is_empty() { "in force".to_owned() } else { rule_files::told(&rules.files) };
    let _ = writeln!(
        text,
        "  rules      {files} ({}, mode {}, version {})",
        count(rules.count, "rule", "rules"),
        rules.mode,
        rules.version.short()
    );
    if account.is_management {
        let management = "it is the management account: only rules that list its id give access to it";
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, management));
    }
    let state = match account.state {
        AccountState::Active => None,
        AccountState::Suspended => Some("suspended"),
        AccountState::PendingActivation => Some("not yet active"),
        AccountState::PendingClosure => Some("being closed"),
        AccountState::Closed => Some("closed"),
        AccountState::Unknown => Some("in a state that Usher does not know"),
    };
    if let Some(state) = state {
        let _ = writeln!(
            text,
            "  {}",
            style.paint(Paint::Warning, format!("the account is {state}: nothing is written to it"))
        );
    }
    text.push('\n');
}

/// What is to be done to a declared permission set before what is told of it is so.
fn first(declared: &SetReport) -> String {
    let at = line(&declared.declared_at);
    match (&declared.why, declared.action) {
        (Some(why), _) => {
            format!("The rules declare it at {at}, and it is not brought to that: {}.", line(why))
        }
        (None, SetAction::Make) => format!("The rules declare it at {at}, and it is yet to be made."),
        (None, SetAction::Delete) => {
            format!("The rules declare at {at} that it is deleted, once nothing holds it.")
        }
        (None, SetAction::Adopt | SetAction::Unknown) => {
            format!("The rules declare it at {at}, and it is yet to become Usher's.")
        }
        (None, SetAction::Edit) => {
            format!(
                "The rules declare it at {at}, and it is yet to be edited: this is told of it as it will be then."
            )
        }
    }
}

fn one_set(text: &mut String, set: &SetExplained, report: &ExplainReport, style: Style) {
    let there: Vec<&AssignmentExplained> =
        set.assignments.iter().filter(|it| it.is_there == Some(true)).collect();
    let (paint, verdict) = match set.has {
        None => (Paint::Warning, "not known whether they have it".to_owned()),
        Some(false) if set.assignments.iter().any(|it| it.next == Some(Operation::Grant)) => {
            (Paint::Warning, "no access yet".to_owned())
        }
        Some(false) => (Paint::Bad, "no access".to_owned()),
        Some(true) if report.principal_is_gone => {
            (Paint::Warning, "assigned, and it gives nobody access: they have been deleted".to_owned())
        }
        Some(true) if !is_user(report) => (Paint::Good, "access".to_owned()),
        Some(true) => {
            let through: Vec<String> = there
                .iter()
                .map(|it| {
                    if it.by_membership {
                        it.principal.to_string()
                    } else {
                        "their own assignment".to_owned()
                    }
                })
                .collect();
            (Paint::Good, format!("access, through {}", through.join(" and ")))
        }
    };
    let _ = writeln!(
        text,
        "{}: {}",
        style.paint(Paint::Heading, &set.permission_set),
        style.paint(paint, verdict)
    );
    if let Some(declared) = &set.declared {
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, first(declared)));
    }
    for assignment in &set.assignments {
        let whose = if assignment.by_membership {
            format!("{}, of which they are a member", assignment.principal)
        } else {
            assignment.principal.to_string()
        };
        let _ = writeln!(text, "  {whose}");
        for sentence in &assignment.says {
            let _ = writeln!(text, "    {sentence}");
        }
    }
    for never in &set.never {
        a_never(text, never, report, style);
    }
    rules(text, &set.rules, &set.never, report, style);
    if set.assignments.is_empty() && set.rules.is_empty() && set.never.is_empty() {
        let _ = writeln!(text, "  No rule gives it to them, and none nearly does.");
    }
    text.push('\n');
}

fn a_never(text: &mut String, never: &NeverWhy, report: &ExplainReport, style: Style) {
    let at = line(&never.written_at);
    if let Some(why) = &never.unresolved {
        let told = format!(
            "what the `never` at {at} forbids can't be told, so nothing is granted here: {}",
            line(why)
        );
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, told));
    }
    if never.bars.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {}", style.paint(Paint::Bad, format!("forbidden by the `never` at {at}")));
    let mut lines: Vec<(bool, String)> = Vec::new();
    match &never.principals {
        None => lines.push((true, "principals: everybody".to_owned())),
        Some(all) => {
            lines.extend(all.iter().filter(|it| it.these().next().is_some()).map(|it| principal(it, report)));
        }
    }
    let of_sets = never.permission_sets.iter().filter(|it| it.outcome == SetOutcome::This);
    lines.extend(of_sets.flat_map(permission_set));
    lines.extend(findings(&never.accounts));
    write(text, &lines, style);
}

fn rules(text: &mut String, all: &[RuleWhy], never: &[NeverWhy], report: &ExplainReport, style: Style) {
    let (giving, others): (Vec<&RuleWhy>, Vec<&RuleWhy>) =
        all.iter().partition(|rule| !rule.gives.is_empty());
    for rule in giving {
        let to: Vec<String> = rule.gives.iter().map(|it| principal_told(it, report)).collect();
        let is_forbidden = rule.gives.iter().all(|it| never.iter().any(|never| never.bars.contains(it)));
        let (gives, paint) =
            if is_forbidden { ("would give it", Paint::Warning) } else { ("gives it", Paint::Good) };
        a_rule(text, rule, &format!("{gives} to {}", to.join(" and ")), paint, style);
        write(text, &conditions(rule, true, report), style);
    }
    for rule in others.iter().take(LISTED) {
        let unmet = rule.unmet();
        let verdict = if rule.frozen().is_some() {
            "it can't be told whether it gives it; what it gave stays"
        } else if report.permission_set.is_none() {
            "gives nothing here"
        } else if rule.lacks_one_thing() {
            "would give it, but for one thing"
        } else {
            "does not give it"
        };
        a_rule(text, rule, verdict, Paint::Warning, style);
        let mut told = conditions(rule, unmet.len() == 1, report);
        if unmet.is_empty() && rule.frozen().is_none() {
            let why = if rule.powerless {
                "all that it would give here is beyond the scope of its team"
            } else {
                "none of its permission sets fits here"
            };
            told.push((false, format!("{why}: ask about one of them to see why")));
        }
        write(text, &told, style);
    }
    if let Some(more) = others.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more that do not; --json has them all");
    }
}

fn principal_told(principal: &Principal, report: &ExplainReport) -> String {
    let named = report.groups.iter().chain([&report.principal]).find(|it| it.id == principal.id());
    named.map_or_else(|| principal.to_string(), ToString::to_string)
}

fn a_rule(text: &mut String, rule: &RuleWhy, verdict: &str, paint: Paint, style: Style) {
    let team = rule.team.as_ref().map(|team| format!(", team {team}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "  rule {} {}: {}",
        style.paint(Paint::Accent, &rule.id),
        style.paint(Paint::Faint, format!("({}, {}{team})", line(&rule.written_at), rule.mode)),
        style.paint(paint, verdict)
    );
}

/// What a rule asks, and whether it is so: all of it, or only what is not.
fn conditions(rule: &RuleWhy, all: bool, report: &ExplainReport) -> Vec<(bool, String)> {
    let mut lines = Vec::new();
    let unmet = rule.unmet();
    let is_shown = |condition| all || unmet.contains(&condition);
    if is_shown(Condition::Principals) {
        let these: Vec<&PrincipalWhy> =
            rule.principals.iter().filter(|it| it.these().next().is_some()).collect();
        if these.is_empty() {
            lines.extend(rule.principals.iter().map(|it| principal(it, report)));
        } else {
            lines.extend(these.into_iter().map(|it| principal(it, report)));
        }
    }
    if is_shown(Condition::PermissionSets) {
        let this = |it: &&SetWhy| it.outcome == SetOutcome::This;
        if rule.permission_sets.iter().any(|it| this(&it)) {
            lines.extend(rule.permission_sets.iter().filter(this).flat_map(permission_set));
        } else {
            lines.extend(rule.permission_sets.iter().flat_map(permission_set));
        }
    }
    if is_shown(Condition::Accounts) {
        lines.extend(findings(&rule.accounts));
    }
    if is_shown(Condition::Match) {
        lines.extend(rule.joins.iter().flat_map(findings));
    }
    if is_shown(Condition::Scope) {
        lines.extend(rule.scope.iter().flat_map(scope));
    }
    lines.extend(time(rule));
    lines
}

/// The scope of the team that has it; else what each of them lacks.
fn scope(why: &ScopeWhy) -> Vec<(bool, String)> {
    let told = |scope: &OneScopeWhy| {
        let at = line(&scope.written_at);
        let lines = findings(&scope.finding).into_iter();
        lines.map(|(holds, told)| (holds, format!("the team's scope at {at}: {told}"))).collect::<Vec<_>>()
    };
    match why.scopes.iter().find(|scope| scope.finding.holds) {
        Some(scope) if why.within => {
            vec![(true, format!("the team's scope at {} has it", line(&scope.written_at)))]
        }
        Some(_) | None => why.scopes.iter().flat_map(told).collect(),
    }
}

fn time(rule: &RuleWhy) -> Option<(bool, String)> {
    let times: Vec<String> = [("from", rule.from), ("until", rule.until)]
        .into_iter()
        .filter_map(|(key, time)| Some(format!("{key} {}", super::minute(time?))))
        .collect();
    if times.is_empty() {
        return None;
    }
    let is = if rule.in_time { "it is in its time" } else { "it is not in its time" };
    Some((rule.in_time, format!("{}: {is}", times.join(", "))))
}

/// Whether a user is asked about, and not a group.
fn is_user(report: &ExplainReport) -> bool {
    report.principal.kind == "user"
}

fn principal(why: &PrincipalWhy, report: &ExplainReport) -> (bool, String) {
    let is_of_group = why.key.starts_with("group") || why.key == "members_of";
    let named = why.named.as_ref().map(|name| format!(" (here `{}`)", line(name))).unwrap_or_default();
    let (holds, found) = match &why.outcome {
        PrincipalOutcome::These(_) => {
            let found = match why.key {
                "members_of" => "they are a member, and have it as their own",
                _ if !is_user(report) => "it is this group",
                _ if is_of_group => "they are a member",
                _ => "it is they",
            };
            (true, found.to_owned())
        }
        PrincipalOutcome::Others if is_of_group && is_user(report) => {
            (false, "they are no member".to_owned())
        }
        PrincipalOutcome::Others if is_of_group => (false, "it is another group".to_owned()),
        PrincipalOutcome::Others => (false, "it is somebody else".to_owned()),
        PrincipalOutcome::EachMember => {
            (false, "it gives to each member of the group by themselves, and not to the group".to_owned())
        }
        PrincipalOutcome::Missing(missing) => (false, line(missing)),
        PrincipalOutcome::Failed(why) => (false, format!("could not be looked up: {}", line(why))),
    };
    (holds, format!("{} {}{named}: {found}", why.key, line(&why.asks)))
}

fn permission_set(why: &SetWhy) -> Vec<(bool, String)> {
    let named = why.named.as_ref().map(|name| format!(" (here `{}`)", line(name))).unwrap_or_default();
    let asks = format!("permission set {} {}{named}", why.key, line(&why.asks));
    let of_tags = || why.tags.iter().flat_map(findings).collect::<Vec<_>>();
    let protected = "it is protected: only a rule that names it, in accounts that it lists by id, gives it";
    match &why.outcome {
        SetOutcome::Unasked => Vec::new(),
        SetOutcome::This | SetOutcome::Other if why.tags.is_some() => of_tags(),
        SetOutcome::This => vec![(true, format!("{asks}: it is this one"))],
        SetOutcome::Other => vec![(false, format!("{asks}: it is another one"))],
        SetOutcome::Protected if why.tags.is_some() => {
            of_tags().into_iter().chain([(false, protected.to_owned())]).collect()
        }
        SetOutcome::Protected => vec![(false, format!("{asks}: {protected}"))],
        SetOutcome::Missing(missing) => vec![(false, format!("{asks}: {}", line(missing)))],
        SetOutcome::Failed(failed) => {
            vec![(false, format!("{asks}: could not be looked up: {}", line(failed)))]
        }
    }
}

/// The parts of a selector that decide it.
fn findings(finding: &Finding) -> Vec<(bool, String)> {
    let deciding = finding.deciding().into_iter();
    let lines = deciding.map(|Deciding { finding, excepted }| {
        let except = if excepted { "except " } else { "" };
        let asks = if finding.asks.is_empty() { String::new() } else { format!(" {}", line(&finding.asks)) };
        let found = if finding.found.is_empty() { "nothing of it fits" } else { &finding.found };
        (finding.holds != excepted, format!("{except}{}{asks}: {}", finding.key, line(found)))
    });
    lines.collect()
}

fn write(text: &mut String, lines: &[(bool, String)], style: Style) {
    for (holds, told) in lines {
        let sign = if *holds { style.paint(Paint::Good, "+") } else { style.paint(Paint::Bad, "-") };
        let _ = writeln!(text, "    {sign} {told}");
    }
}
