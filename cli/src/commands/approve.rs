//! `usher approve`: lets what is over a budget through, once: a whole plan by its hash, or single keys. It writes to the ledger alone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::{
    domain::{AssignmentKey, Operation},
    engine::consent::{Approvable, Consent, ConsentError},
    ledger::Cause,
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ApproveArgs, ConnectionArgs, LedgerAt},
    desk::Desk,
    ledger,
    planning::Planned,
    render,
    screen::count,
};

/// Plans, shows what would be let through, asks, and puts it on record.
pub(crate) async fn run(
    arguments: &ApproveArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ApproveArgs { keys, plan, rules, account, lasts, ledger: at, yes, by } = arguments;
    // Rules that were never applied need no ledger to be planned; what is approved needs one.
    let read = match at.at {
        LedgerAt::File(_) if !rules.is_empty() => ledger::to_read(&at.at, connection, machine).await?,
        LedgerAt::File(_) | LedgerAt::Table(_) => ledger::to_use(&at.at, connection, machine).await?,
    };
    let desk = Desk::of(rules, read, &at.at, connection, machine).await?;
    let desk = desk.foreseeing_for(account.as_ref(), screen).await?;
    let planned = desk.plan(account.as_ref(), &Cause::new("command", "approve"), screen).await?;
    if let Some(asked) = plan.as_ref().filter(|asked| *asked != planned.proposal.hash()) {
        let now = planned.proposal.hash().clone();
        return Err(ConsentError::PlanChanged { asked: asked.clone(), now }.into());
    }
    let (mut chosen, mut typed) = (BTreeSet::new(), Vec::new());
    for text in keys {
        let key = text.look_up(&desk.aws, desk.ledger.as_ref()).await?;
        typed.push((key.to_string(), text.to_string()));
        chosen.insert(key);
    }
    let expires_at = machine.clock.now().checked_add(*lasts).unwrap_or(Timestamp::MAX);
    let what = tell(&planned, plan.is_none().then_some(&chosen), screen)?;
    if !yes {
        screen.confirm(&format!("Let {what} through, once, until {}?", render::minute(expires_at)))?;
    }

    let writable = ledger::to_write(&at.at, connection, machine).await?;
    let consent =
        Consent { ledger: writable.as_ref(), clock: machine.clock.as_ref(), by: &by.by, reason: &by.reason };
    let record = match plan {
        Some(hash) => consent.approve_plan(&planned.proposal, hash, expires_at).await,
        None => consent.approve_keys(&planned.proposal, &chosen, expires_at).await,
    };
    let record = record.map_err(|error| Failure::consent_to(error, &typed))?;
    let style = screen.out_style;
    writeln!(
        screen.out,
        "{} {what} approved until {}; on record as {}.",
        style.paint(crate::Paint::Good, "✓"),
        render::minute(expires_at),
        record.id
    )
    .map_err(Failure::Output)?;
    Ok(Ending::Good)
}

/// Lists what is let through, and says it in short.
fn tell(
    planned: &Planned,
    chosen: Option<&BTreeSet<AssignmentKey>>,
    screen: &mut Screen<'_>,
) -> Result<String, Failure> {
    let named = |it: &&Approvable| chosen.is_none_or(|chosen| chosen.contains(&it.key));
    let let_through: Vec<_> = planned.proposal.let_through().filter(named).collect();
    let text = render::withheld_text::let_through(&let_through, &planned.names, screen.out_style);
    screen.out.write_all(text.as_bytes()).and_then(|()| screen.out.flush()).map_err(Failure::Output)?;
    let number = |operation| let_through.iter().filter(|it| it.operation == operation).count();
    let shrinks = chosen.is_none() && planned.proposal.lets_shrink();
    Ok(format!(
        "{} and {}{}",
        count(number(Operation::Grant), "grant", "grants"),
        count(number(Operation::Revoke), "revoke", "revokes"),
        if shrinks { ", and rules that have shrunk," } else { "" },
    ))
}
