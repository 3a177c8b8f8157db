//! `usher plan`: what the rules would change. It holds no writer, and makes nothing on the disk.

use std::path::PathBuf;

use shared::{engine::RulesOnHand, ledger::Cause, rules::Bundle};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, Output, PlanArgs},
    commands::what_if,
    desk::Desk,
    ledger, render,
    rule_files::{self, RuleFiles},
};

/// Rules that have been read from files and found to be right.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What is brought into force.
    pub(crate) bundle: Bundle,
    pub(crate) on_hand: RulesOnHand,
    /// The files as they were given.
    pub(crate) files: Vec<String>,
}

impl Rules {
    /// Reads the files, and finds them right or says what is wrong with them.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let RuleFiles { shown, bundle, files } = rule_files::read(paths)?;
        RulesOnHand::of(&shown).map_err(|error| Failure::Rules(Box::new(error)))?;
        let on_hand = RulesOnHand::of(&bundle).map_err(|error| Failure::Rules(Box::new(error)))?;
        Ok(Self { bundle, on_hand, files })
    }
}

/// Plans and tells.
pub(crate) async fn run(
    arguments: &PlanArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let PlanArgs { rules, account, what_if, ledger: at, output } = arguments;
    if !what_if.is_empty() {
        return what_if::run(arguments, connection, machine, screen).await;
    }
    let ledger = ledger::to_read(&at.at, connection, machine).await?;
    let desk = Desk::of(rules, ledger, &at.at, connection, machine).await?;
    let desk = desk.foreseeing_for(account.as_ref(), screen).await?;
    let cause = Cause::new("command", "plan");
    let mut planned = desk.plan(account.as_ref(), &cause, screen).await?;
    desk.weigh(&mut planned, &at.at, connection, machine).await?;
    let report = planned.report;

    let text = match output.form() {
        Output::Json => render::as_json(&report)?,
        Output::Text => render::plan_text::plan(&report, screen.out_style),
        Output::Markdown => render::markdown::plan(&report),
    };
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    let summary = &report.summary;
    Ok(if summary.is_incomplete() {
        // What could not be read may differ: neither "nothing to do" nor "this is what is to be done" would be true.
        Ending::Bad
    } else if summary.has_work() {
        Ending::ToDo
    } else {
        Ending::Good
    })
}
