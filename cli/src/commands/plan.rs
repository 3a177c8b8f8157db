//! `usher plan`: what the rules would change. It holds no writer, and makes nothing on the disk.

use std::path::PathBuf;

use shared::{
    engine::{self, Planner, PublishError, Rulebook, RulesOnHand},
    ledger::Cause,
    rules::Bundle,
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, Output, PlanArgs},
    connect, ledger, planning, progress, render,
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
    let rules = Rules::read(&arguments.what.rules)?;
    let ledger = ledger::to_read(&arguments.what.ledger.at, connection, machine).await?;
    match engine::may_follow(&rules.bundle, ledger.as_ref(), machine.clock.now()).await {
        // What they would do has to be seen before anybody can approve it. The plan says so.
        Ok(()) | Err(PublishError::Shrunk { .. }) => {}
        Err(error) => return Err(Failure::Publish(error)),
    }
    let settings = connect::engine(machine)?;
    let (aws, counts) = connect::connect(connection, machine).await?.counted();
    let rulebook = Rulebook::fixed(rules.on_hand);
    let reader = aws.reader(ledger.as_ref(), &rulebook, machine.clock.as_ref());
    let cause = Cause::new("command", "plan");
    let planner = Planner { reader, settings };
    let planning = planning::plan(&planner, arguments.what.account.as_ref(), rules.files, &cause);
    let report = progress::while_reading(planning, &counts, machine.clock.as_ref(), screen).await??.report;

    let text = match arguments.output.form() {
        Output::Json => render::as_json(&report)?,
        Output::Text => render::plan_text::plan(&report, screen.out_style),
        Output::Markdown => render::markdown::plan(&report),
    };
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    let summary = &report.summary;
    Ok(if summary.unread > 0 {
        // What could not be read may differ: neither "nothing to do" nor "this is what is to be done" would be true.
        Ending::Bad
    } else if summary.has_work() {
        Ending::ToDo
    } else {
        Ending::Good
    })
}
