//! `usher ledger`: the whole of a ledger, confirmed, written out, and put in again.

use std::{fs, path::Path};

use shared::{
    domain::Operation,
    engine::{Epochs, exported, import_ledger, read_ledger},
    ledger::{Doubt, Freeze, Lease, Orders},
    ports::{Ledger, RulesStore},
};

use super::orders::{consent, say};
use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, LedgerConfirmArgs, LedgerExportArgs, LedgerImportArgs},
    desk, ledger, out_file, render,
    screen::count,
};

/// How long nobody else sends anything while the ledger is written out.
const LEASE: std::time::Duration = std::time::Duration::from_mins(5);

/// Takes the ledger as it is.
pub(crate) async fn confirm(
    arguments: &LedgerConfirmArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let LedgerConfirmArgs { ledger: at, yes, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let witness = ledger::witness(&at.at, connection, machine).await?;
    let epochs = Epochs { ledger: ledger.as_ref(), witness: witness.as_ref(), clock: machine.clock.as_ref() };
    let Some(frozen) = epochs.check().await.map_err(Failure::Epoch)? else {
        return say(screen, "The ledger is as far as what is kept beside it: nothing was frozen.");
    };
    let Freeze { at: since, stops: _, doubt } = &frozen;
    if *doubt == Doubt::Importing {
        return Err(Failure::HalfImported);
    }
    let stopped = if frozen.stops(Operation::Grant) { "sent" } else { "taken away" };
    let told = format!("Since {} nothing is {stopped}: {doubt}.", render::minute(*since));
    let moved = "Another ledger has its content by now: two that are used at once undo each other's work.";
    let meant = if *doubt == Doubt::Moved { moved } else { "`usher plan` shows what it would do." };
    if !yes {
        screen.confirm(&format!("{told} {meant} Take it as it is?"))?;
    }
    consent(ledger.as_ref(), machine, by).confirm_ledger(witness.as_ref()).await?;
    say(
        screen,
        "Confirmed. What was frozen goes on with the next look: the next sweep at the latest, or `usher apply`.",
    )
}

/// Writes a ledger out.
pub(crate) async fn export(
    arguments: &LedgerExportArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let LedgerExportArgs { ledger: at, out, moves } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let store = desk::store(&at.at, connection, machine).await?;
    let holder = format!("usher-ledger-{}", std::process::id());
    let lease =
        ledger.acquire_lease(&holder, machine.clock.now(), LEASE).await?.ok_or(Failure::EngineAtWork)?;
    let written = write_out(ledger.as_ref(), store.as_ref(), out.as_deref(), machine, screen).await;
    let told = match written {
        Ok(told) if *moves => leave(ledger.as_ref(), machine).await.map(|()| told),
        written => written,
    };
    give_back(ledger.as_ref(), &lease).await?;
    let told = told?;
    if *moves {
        say(screen, &format!("{told} This ledger sends nothing any more."))
    } else {
        // It is not part of what was written to the screen.
        writeln!(screen.err, "{told}").map_err(Failure::Output)?;
        Ok(Ending::Good)
    }
}

async fn write_out(
    ledger: &dyn Ledger,
    store: &dyn RulesStore,
    out: Option<&Path>,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<String, Failure> {
    let (lines, copied) = exported(ledger, store, machine.clock.now()).await.map_err(Failure::Transfer)?;
    let mut text = String::new();
    for line in &lines {
        let line = serde_json::to_string(line).map_err(|error| Failure::Output(error.into()))?;
        text.push_str(&line);
        text.push('\n');
    }
    match out {
        Some(path) => out_file::new_file(path, &text).map_err(|source| out_file::unwritten(path, source))?,
        None => screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?,
    }
    Ok(format!(
        "{} ({} under way), {} remembered.",
        count(copied.rows, "assignment", "assignments"),
        copied.under_way,
        count(copied.remembered, "thing", "things")
    ))
}

/// Nothing is sent by this ledger any more.
async fn leave(ledger: &dyn Ledger, machine: &Machine) -> Result<(), Failure> {
    let orders = ledger.orders().await?;
    let freeze = Some(Freeze::whole(Doubt::Moved, machine.clock.now()));
    Ok(ledger.give_orders(&Orders { freeze, ..orders }).await?)
}

async fn give_back(ledger: &dyn Ledger, lease: &Lease) -> Result<(), Failure> {
    Ok(ledger.release_lease(lease).await?)
}

/// Puts one in.
pub(crate) async fn import(
    arguments: &LedgerImportArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let LedgerImportArgs { file, ledger: at } = arguments;
    let path = || file.display().to_string();
    let text = fs::read_to_string(file).map_err(|source| Failure::LedgerCopy { path: path(), source })?;
    let content = read_ledger(&text).map_err(Failure::Transfer)?;
    let store = desk::store(&at.at, connection, machine).await?;
    let ledger = ledger::to_write(&at.at, connection, machine).await?;
    let witness = ledger::witness(&at.at, connection, machine).await?;
    let epochs = Epochs { ledger: ledger.as_ref(), witness: witness.as_ref(), clock: machine.clock.as_ref() };
    let copied = import_ledger(&content, &epochs, store.as_ref()).await.map_err(Failure::Transfer)?;
    say(
        screen,
        &format!(
            "Put in: {} ({} under way), {} remembered. Nothing is sent until `usher ledger confirm` says that no newer copy is to be had.",
            count(copied.rows, "assignment", "assignments"),
            copied.under_way,
            count(copied.remembered, "thing", "things")
        ),
    )
}
