//! `usher approvals`: who approved, held, paused, adopted or disowned what, and when.

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AssignmentKey, Operation},
    engine::consent,
    ledger::{ConsentRecord, Consented, HoldScope},
};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ApprovalsArgs, ConnectionArgs},
    keys::KeyText,
    ledger,
    names::Names,
    render, report,
    report::PrincipalName,
    screen::{count, line, span},
};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Journal<'a> {
    format: u32,
    /// The oldest first.
    records: &'a [ConsentRecord],
}

/// Reads the journal and tells it, the newest last.
pub(crate) async fn run(
    arguments: &ApprovalsArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let records = consent::journal(ledger.as_ref()).await?;
    if arguments.json {
        render::json(&Journal { format: report::FORMAT, records: &records }, screen)?;
        return Ok(Ending::Good);
    }
    let (names, now) = (Names::remembered(ledger.as_ref()).await?, machine.clock.now());
    for record in &records {
        let ConsentRecord { id, by, at, reason, what } = record;
        let style = screen.out_style;
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", line(reason)) };
        writeln!(
            screen.out,
            "{}  {}  {}  {}{}",
            render::minute(*at),
            line(by),
            line(&told(what, &names, now)),
            style.paint(Paint::Faint, id),
            style.paint(Paint::Faint, reason),
        )
        .map_err(Failure::Output)?;
    }
    let all = count(records.len(), "entry", "entries");
    writeln!(screen.out, "{}", screen.out_style.paint(Paint::Heading, format!("{all} on record.")))
        .map_err(Failure::Output)?;
    Ok(Ending::Good)
}

fn told(what: &Consented, names: &Names, now: Timestamp) -> String {
    match what {
        Consented::Plan { plan, rules, operations, expires_at, shrinks, replaces: _, in_force_since: _ } => {
            format!(
                "approved plan {} under rules {} ({} let through{}; {})",
                plan.short(),
                rules.short(),
                operations,
                if *shrinks { ", and that the rules shrink" } else { "" },
                worth(*expires_at, now),
            )
        }
        Consented::Keys { rules, operations, expires_at } => {
            let keys: Vec<String> =
                operations.iter().map(|(operation, key)| one(*operation, key, names)).collect();
            format!(
                "approved under rules {}: {} ({})",
                rules.short(),
                keys.join(", "),
                worth(*expires_at, now)
            )
        }
        Consented::Paused => "paused everything".to_owned(),
        Consented::Resumed => "let everything go on".to_owned(),
        Consented::HeldKey { key } => format!("put on hold {}", typed(key, names)),
        Consented::ReleasedKey { key } => format!("released {}", typed(key, names)),
        Consented::Held { scope } => format!("put on hold {}", scoped(scope, names)),
        Consented::Released { scope } => format!("released {}", scoped(scope, names)),
        Consented::Adopted { key } => format!("adopted {}", typed(key, names)),
        Consented::AdoptedAll { rules, keys } => {
            let all = count(keys.len(), "assignment", "assignments");
            format!("adopted {all} with rules {}", rules.short())
        }
        Consented::Disowned { key } => format!("disowned {}", typed(key, names)),
        Consented::LedgerConfirmed { doubt } => format!("took the ledger as it was, though {doubt}"),
        Consented::Confirmed { name, permission_set } => format!("confirmed {name} as {permission_set}"),
    }
}

fn one(operation: Operation, key: &AssignmentKey, names: &Names) -> String {
    format!("{operation} {}", typed(key, names))
}

/// A key as commands take it.
fn typed(key: &AssignmentKey, names: &Names) -> String {
    let (permission_set, principal) = report::named(key, names);
    KeyText::of(&key.account, &permission_set, &principal)
}

/// What is on hold, as commands take it.
fn scoped(scope: &HoldScope, names: &Names) -> String {
    match scope {
        HoldScope::Account(id) => format!("account:{id}"),
        HoldScope::Principal(principal) => {
            let PrincipalName { kind, name, id } = report::principal(principal, names);
            format!("{kind}:{}", name.unwrap_or(id))
        }
    }
}

fn worth(expires_at: Timestamp, now: Timestamp) -> String {
    if now < expires_at {
        format!("for {} more", span(expires_at.duration_since(now)))
    } else {
        "expired".to_owned()
    }
}
