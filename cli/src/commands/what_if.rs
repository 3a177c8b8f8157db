//! `usher plan --what-if`: what would change if something were otherwise. Two plans, and the difference.

use shared::{domain::AccountId, ledger::Cause};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, Output, PlanArgs},
    desk::Desk,
    ledger, render,
    report::WhatIfReport,
    screen::line,
    what_if::Supposed,
};

/// Plans as things are and as they are supposed to be, and tells the difference.
pub(crate) async fn run(
    arguments: &PlanArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let PlanArgs { rules, account, what_if, ledger: at, output } = arguments;
    let ledger = if rules.is_empty() {
        ledger::to_use(&at.at, connection, machine).await?
    } else {
        ledger::to_read(&at.at, connection, machine).await?
    };
    // Both plans are of the same world, whatever changes in it meanwhile.
    let desk = Desk::of(rules, ledger, &at.at, connection, machine).await?.asking_once();
    let supposed = Supposed::of(what_if, &desk.aws).await?;
    // An account's own place and tags make no difference for others.
    let looks: Vec<Option<&AccountId>> = match account {
        Some(account) => vec![Some(account)],
        None if supposed.rules.is_empty() => supposed.accounts.keys().map(Some).collect(),
        None => vec![None],
    };
    let one = looks.first().copied().flatten();
    let then = desk.supposing(&supposed, machine).await?.foreseeing_for(one, screen).await?;
    let desk = desk.foreseeing_for(one, screen).await?;
    let cause = Cause::new("command", "plan");
    let mut plans = Vec::with_capacity(looks.len());
    let (mut refused, mut scopes_untold) = (None, false);
    for account in looks {
        let now = desk.plan(account, &cause, screen).await?.report;
        let mut planned = then.plan(account, &cause, screen).await?;
        if !supposed.rules.is_empty() {
            then.weigh(&mut planned, &at.at, connection, machine).await?;
            scopes_untold |= planned.report.scopes_untold;
        }
        refused = refused.or_else(|| planned.report.refused.take());
        plans.push((now, planned.report));
    }
    let mut notes = supposed.mistrusted(&then.trusted_account_tags().await?);
    notes.extend(refused.map(|why| format!("these rules would not come into force: {}", line(&why))));
    if scopes_untold {
        notes.push(
            "one account can't tell whether the teams' rules stay within their scopes everywhere".to_owned(),
        );
    }
    let Some(report) = WhatIfReport::of(supposed, plans) else { return Ok(Ending::Good) };
    let report = WhatIfReport { notes, ..report };
    let text = match output.form() {
        Output::Json => render::as_json(&report)?,
        Output::Text => render::what_if_text::what_if(&report, screen.out_style),
        Output::Markdown => render::what_if_text::markdown(&report),
    };
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    Ok(if report.summary.is_incomplete() {
        Ending::Bad
    } else if report.summary.has_difference() {
        Ending::ToDo
    } else {
        Ending::Good
    })
}
