//! Who has access to what as Markdown, for a page or a ticket.

use std::fmt::Write as _;

use shared::{
    audit::{Assignment, Audit, Counts, Register, Standing},
    domain::{Principal, RuleId},
};

use super::escape::{code, sentence};
use crate::{
    asked::{self, Question},
    render::{
        audit_text::{changed, contents, meaning, through},
        minute,
    },
    screen::count,
};

/// So many rows of a table are written; CSV and JSON have them all.
const ROWS: usize = 200;

/// Writes the answer.
pub(crate) fn audit(audit: &Audit, question: &Question) -> String {
    let register = Register::of(audit);
    let mut text = format!("### Who has access to what, as of {}\n\n", minute(audit.taken.ended));
    match &audit.taken.rules {
        Some(rules) => _ = writeln!(text, "Rules version `{}`", rules.short()),
        None => text.push_str("No rules are in force\n"),
    }
    match question {
        Question::Everything => {
            summary(&mut text, audit);
            let apart = |one: &&Assignment| !matches!(one.standing, Standing::Ours | Standing::Foreign);
            let all: Vec<_> = audit.assignments.iter().filter(apart).collect();
            if !all.is_empty() {
                text.push_str("\n#### What is not just there\n\n");
                table(&mut text, &register, &all);
            }
            if audit.taken.since.is_some() {
                changes(&mut text, audit, &register);
            }
        }
        Question::Only(what) => {
            text.push('\n');
            table(&mut text, &register, &asked::only(audit, what));
        }
        Question::Changes => changes(&mut text, audit, &register),
        Question::Account(account) => {
            let _ = writeln!(text, "\n#### {} {account}\n", code(register.account_name(account)));
            accesses(&mut text, &register, &audit.who_reaches(account));
        }
        Question::Person(person) => {
            let name = register.person(person).map_or(person.as_str(), |person| person.user_name.as_str());
            let _ = writeln!(text, "\n#### {}\n", code(name));
            accesses(&mut text, &register, &audit.reached_by(person));
        }
        Question::PermissionSet(arn) => {
            let _ = writeln!(text, "\n#### {}\n", code(register.set_name(arn)));
            if let Some(set) = register.set(arn) {
                for (what, told) in contents(set) {
                    let _ = writeln!(text, "- {what} {}", code(&told));
                }
                let (all, old) = (set.provisioned.len(), set.outdated.len());
                let told = count(all, "account", "accounts");
                let _ = writeln!(text, "- provisioned in {told}, an older version in {old}");
            }
            text.push('\n');
            table(&mut text, &register, &asked::of_set(audit, arn));
        }
    }
    for unread in &audit.unread {
        let _ = writeln!(text, "\n**Not read:** {}", code(&unread.in_words()));
    }
    text
}

fn summary(text: &mut String, audit: &Audit) {
    let counts = Counts::of(audit);
    let _ = writeln!(
        text,
        "\n{}, {}, {} of {} with access\n\n| assignments | |\n| ---: | --- |",
        count(counts.accounts, "account", "accounts"),
        count(counts.permission_sets, "permission set", "permission sets"),
        counts.people_with_access,
        count(counts.people, "person", "people"),
    );
    for standing in Standing::ALL {
        let number = counts.standing(standing);
        let _ = writeln!(
            text,
            "| {number} | **{standing}**: {}{} |",
            meaning(standing),
            counts.not_there(standing)
        );
    }
    let _ = writeln!(text, "| {} | **expiring** |", counts.expiring);
}

fn table(text: &mut String, register: &Register<'_>, all: &[&Assignment]) {
    text.push_str(
        "| account | permission set | principal | | rules | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for one in all.iter().take(ROWS) {
        let kind = match one.key.principal {
            Principal::Group(_) => "group",
            Principal::User(_) => "user",
        };
        let rules: Vec<&str> = one.rules.iter().map(RuleId::as_str).collect();
        let _ = writeln!(
            text,
            "| {} {} | {} | {kind} {} | {} | {} | {} |",
            code(register.account_name(&one.key.account)),
            one.key.account,
            code(register.set_name(&one.key.permission_set)),
            code(register.principal_name(&one.key.principal)),
            one.standing,
            rules.join(", "),
            one.note.as_deref().map(sentence).unwrap_or_default()
        );
    }
    more(text, all.len());
}

fn accesses(text: &mut String, register: &Register<'_>, all: &[shared::audit::Access<'_>]) {
    text.push_str("| account | permission set | person | | |\n| --- | --- | --- | --- | --- |\n");
    for access in all.iter().take(ROWS) {
        let key = &access.assignment.key;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code(register.account_name(&key.account)),
            code(register.set_name(&key.permission_set)),
            access.person.map_or_else(|| "nobody".to_owned(), |person| code(&person.user_name)),
            code(&through(access)),
            access.assignment.standing
        );
    }
    more(text, all.len());
}

fn changes(text: &mut String, audit: &Audit, register: &Register<'_>) {
    let since = audit.taken.since.map(minute).unwrap_or_default();
    let _ = writeln!(text, "\n#### {} since {since}\n", count(audit.changes.len(), "change", "changes"));
    for change in audit.changes.iter().take(ROWS) {
        let at = change.at.map_or_else(|| "some time since".to_owned(), minute);
        let _ = writeln!(text, "- {at}: {}", code(&changed(register, change)));
    }
    more(text, audit.changes.len());
}

fn more(text: &mut String, all: usize) {
    if let Some(more) = all.checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {more} more");
    }
}
