//! `usher audit`: who has access to what. It holds no writer, and makes nothing but the file that it is told to.

use std::{fs, path::Path};

use shared::{
    audit::{Audit, FORMAT, Only, Remembered, Way},
    domain::Principal,
    engine::AuditSettings,
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{AuditArgs, AuditOutput, ConnectionArgs},
    asked::{self, Question},
    connect,
    desk::Desk,
    failure::Unknown,
    ledger, look_up, render,
    screen::count,
    suggestions,
};

/// Reads, and tells.
pub(crate) async fn run(
    arguments: &AuditArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let before = arguments.since.as_deref().map(|path| report(path, true)).transpose()?;
    let audit = match &arguments.from {
        Some(path) => kept(path, before.as_ref())?,
        None => Box::pin(read(arguments, before.as_ref(), connection, machine, screen)).await?,
    };
    let question = question(arguments, &audit)?;
    let text = match arguments.form() {
        AuditOutput::Text => render::audit_text::audit(&audit, &question, screen.out_style),
        AuditOutput::Markdown => render::markdown::audit(&audit, &question),
        AuditOutput::Csv => asked::csv(&audit, &question)?,
        AuditOutput::Json => asked::json(&audit, &question)?,
        AuditOutput::Html => asked::html(&audit, &question),
    };
    match &arguments.out {
        None => screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?,
        Some(path) => {
            shared::local::whole(path, text.as_bytes())
                .map_err(|source| Failure::OutFile { path: path.display().to_string(), source })?;
            let assignments = audit.assignments.iter().filter(|one| one.present).count();
            let told = format!("{}: {}\n", path.display(), count(assignments, "assignment", "assignments"));
            screen.err.write_all(told.as_bytes()).map_err(Failure::Output)?;
        }
    }
    // Who has looked must know that there is more.
    Ok(if audit.unread.is_empty() { Ending::Good } else { Ending::Bad })
}

/// What was asked, of a report that has the answer.
fn question(arguments: &AuditArgs, audit: &Audit) -> Result<Question, Failure> {
    Ok(match (&arguments.account, &arguments.person, &arguments.permission_set) {
        (Some(text), ..) => Question::Account(asked::account(text, audit)?),
        (_, Some(text), _) => Question::Person(asked::person(text, audit)?),
        (.., Some(text)) => Question::PermissionSet(asked::permission_set(text, audit)?),
        (None, None, None) if arguments.since.is_some() => Question::Changes,
        (None, None, None) => Question::Everything,
    }
    .of(&arguments.only))
}

/// Reads AWS, the ledger and the rules: no more than the question needs.
async fn read(
    arguments: &AuditArgs,
    before: Option<&Audit>,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Audit, Failure> {
    let at = &arguments.ledger.at;
    let ledger = ledger::to_read(at, connection, machine).await?;
    let desk = Desk::of(&arguments.rules, ledger, at, connection, machine).await?;
    let only = match (&arguments.account, &arguments.person, &arguments.permission_set) {
        (Some(text), ..) => Only::Account(look_up::account(text, &desk.aws).await?),
        (_, Some(text), _) => match look_up::who(text, &desk.aws, desk.ledger.as_ref()).await?.principal {
            Principal::User(user) => Only::Person(user),
            Principal::Group(_) => {
                return Err(Unknown::Nobody { name: text.clone(), nearest: Vec::new() }.into());
            }
        },
        (.., Some(text)) => {
            Only::PermissionSet(look_up::permission_set(text, &desk.aws, desk.ledger.as_ref()).await?)
        }
        (None, None, None) => Only::Everything,
    };
    if let Only::Account(account) = &only
        && desk.aws.organization.account(account).await.map_err(Failure::LookUp)?.is_none()
    {
        let all = desk.aws.organization.accounts().await.map_err(Failure::LookUp)?;
        return Err(suggestions::no_account(account.as_str(), &all).into());
    }
    let settings = AuditSettings {
        way: arguments.thorough.then_some(Way::ByAccount),
        only,
        region: connect::connection(connection, machine).await.region().map(str::to_owned),
    };
    desk.audit(&settings, before, screen).await
}

/// A report that was kept, with what has changed since another one.
fn kept(path: &Path, before: Option<&Audit>) -> Result<Audit, Failure> {
    let audit = report(path, false)?;
    let Some(before) = before else { return Ok(audit) };
    comparable(path, &audit, before)?;
    Ok(audit.since(before, &Remembered::default()))
}

/// Whether changes can be told between two reports.
fn comparable(path: &Path, audit: &Audit, before: &Audit) -> Result<(), Failure> {
    let why = if audit.taken.instance != before.taken.instance {
        format!(
            "it is of the instance {}, and the one before is of {}",
            audit.taken.instance, before.taken.instance
        )
    } else if audit.taken.began < before.taken.began {
        "it is older than the one that changes are to be told since: give them the other way round".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::NoReport { path: path.display().to_string(), why })
}

/// Reads a report; a whole one, if others are to be compared with it.
fn report(path: &Path, whole: bool) -> Result<Audit, Failure> {
    let shown = path.display().to_string();
    let content = fs::read(path).map_err(|source| Failure::ReportFile { path: shown.clone(), source })?;
    let audit: Audit = serde_json::from_slice(&content)
        .map_err(|source| Failure::NoReport { path: shown.clone(), why: source.to_string() })?;
    if audit.format != FORMAT {
        let why = format!("it has the format {}, and this is {FORMAT}", audit.format);
        return Err(Failure::NoReport { path: shown, why });
    }
    if whole && audit.taken.only != Only::Everything {
        let why = "it is of a part, and what changes are told since is a whole one".to_owned();
        return Err(Failure::NoReport { path: shown, why });
    }
    Ok(audit)
}
