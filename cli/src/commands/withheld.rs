//! `usher withheld`: what waits, why, and the way out of it.

use shared::{engine::SetStanding, ledger::Cause};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, Output, WithheldArgs},
    desk::Desk,
    ledger, render,
    report::WithheldReport,
};

/// Plans, and tells what is withheld.
pub(crate) async fn run(
    arguments: &WithheldArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let WithheldArgs { rules, account, ledger: at, output } = arguments;
    let ledger = if rules.is_empty() {
        ledger::to_use(&at.at, connection, machine).await?
    } else {
        ledger::to_read(&at.at, connection, machine).await?
    };
    let desk = Desk::of(rules, ledger, &at.at, connection, machine).await?;
    let desk = desk.foreseeing_for(account.as_ref(), screen).await?;
    let cause = Cause::new("command", "withheld");
    let planned = desk.plan(account.as_ref(), &cause, screen).await?;
    let standing = SetStanding::read(desk.ledger.as_ref()).await?;
    let can_tell = !planned.report.summary.is_incomplete();
    let report = WithheldReport::of(planned.report, &standing);
    let text = match output.form() {
        Output::Json => render::as_json(&report)?,
        Output::Text => render::withheld_text::withheld(&report, screen.out_style),
        Output::Markdown => render::markdown::withheld_by_reason(&report),
    };
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    Ok(if can_tell { Ending::Good } else { Ending::Bad })
}
