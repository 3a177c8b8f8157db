//! `usher approvals`: who approved, held, paused, adopted or disowned what, and when.

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AssignmentKey, Operation},
    engine::consent,
    ledger::{ConsentRecord, Consented},
};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ApprovalsArgs, ConnectionArgs},
    ledger, render, report,
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
    let now = machine.clock.now();
    for record in &records {
        let ConsentRecord { id, by, at, reason, what } = record;
        let style = screen.out_style;
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", line(reason)) };
        writeln!(
            screen.out,
            "{}  {}  {}  {}{}",
            render::minute(*at),
            line(by),
            told(what, now),
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

fn told(what: &Consented, now: Timestamp) -> String {
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
            let keys: Vec<String> = operations.iter().map(|(operation, key)| one(*operation, key)).collect();
            format!(
                "approved under rules {}: {} ({})",
                rules.short(),
                keys.join(", "),
                worth(*expires_at, now)
            )
        }
        Consented::Paused => "paused everything".to_owned(),
        Consented::Resumed => "let everything go on".to_owned(),
        Consented::HeldKey { key } => format!("put on hold {key}"),
        Consented::ReleasedKey { key } => format!("released {key}"),
        Consented::Held { scope } => format!("put on hold {scope}"),
        Consented::Released { scope } => format!("released {scope}"),
        Consented::Adopted { key } => format!("adopted {key}"),
        Consented::AdoptedAll { rules, keys } => {
            let all = count(keys.len(), "assignment", "assignments");
            format!("adopted {all} with rules {}", rules.short())
        }
        Consented::Disowned { key } => format!("disowned {key}"),
        Consented::LedgerConfirmed { doubt } => format!("took the ledger as it was, though {doubt}"),
        Consented::Confirmed { name, permission_set } => format!("confirmed {name} as {permission_set}"),
    }
}

fn one(operation: Operation, key: &AssignmentKey) -> String {
    format!("{operation} {key}")
}

fn worth(expires_at: Timestamp, now: Timestamp) -> String {
    if now < expires_at {
        format!("for {} more", span(expires_at.duration_since(now)))
    } else {
        "expired".to_owned()
    }
}
