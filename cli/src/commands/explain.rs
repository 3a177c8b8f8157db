//! `usher explain`: why somebody has access to an account, or why not. It holds no writer.

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, ExplainArgs},
    desk::Desk,
    explaining,
    foresight::Foreseeing,
    ledger, look_up, render,
    report::ExplainReport,
    what_if::Supposed,
};

/// Looks up what was asked about, and tells.
pub(crate) async fn run(
    arguments: &ExplainArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ExplainArgs { principal, account, permission_set, rules, what_if, ledger: at, json } = arguments;
    let ledger = if rules.is_empty() {
        ledger::to_use(&at.at, connection, machine).await?
    } else {
        ledger::to_read(&at.at, connection, machine).await?
    };
    let desk = Desk::of(rules, ledger, &at.at, connection, machine).await?;
    let supposed = Supposed::of(what_if, &desk.aws).await?;
    let desk = if what_if.is_empty() { desk } else { desk.supposing(&supposed, machine).await? };
    let account = look_up::account(account, &desk.aws).await?;
    let who = look_up::who(principal, &desk.aws, desk.ledger.as_ref()).await?;
    let which = match permission_set {
        Some(text) => text.parse().map_or(Foreseeing::All, Foreseeing::Asked),
        None => Foreseeing::All,
    };
    let (desk, unforeseen) = desk.foreseeing_if_it_can(&which, screen).await?;
    let set = match permission_set {
        Some(text) => Some(look_up::permission_set(text, &desk.aws, desk.ledger.as_ref()).await?),
        None => None,
    };
    let report = explaining::explain(&desk, &who, &account, set.as_ref(), supposed.told).await?;
    let report = ExplainReport {
        declared_unread: unforeseen
            .map(|failure| shared::causes::joined(&failure))
            .or_else(|| desk.foresight().unread()),
        ..report
    };
    if *json {
        render::json(&report, screen)?;
    } else {
        let text = render::explain_text::explain(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(Ending::Good)
}
