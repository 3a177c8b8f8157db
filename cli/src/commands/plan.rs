//! `usher plan`: what the rules would change. It holds no writer, and makes nothing on the disk.

use shared::{
    engine::{self, Planner, Rulebook, RulesOnHand},
    ledger::Cause,
    rules::Bundle,
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, PlanArgs},
    connect, ledger_file, planning, render, rule_files,
};

/// Rules that have been read from files and found to be right.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Under the bare names of the files: what is brought into force.
    pub(crate) bundle: Bundle,
    pub(crate) on_hand: RulesOnHand,
    /// The files as they were given.
    pub(crate) files: Vec<String>,
}

impl Rules {
    /// Reads the files; a mistake in them is shown under the names they were given by.
    pub(crate) fn read(files: &[std::path::PathBuf]) -> Result<Self, Failure> {
        let given = rule_files::read(files)?;
        RulesOnHand::of(&given).map_err(|error| Failure::Rules(Box::new(error)))?;
        let bundle = given.with_short_names();
        let on_hand = RulesOnHand::of(&bundle).map_err(|error| Failure::Rules(Box::new(error)))?;
        Ok(Self { bundle, on_hand, files: given.files.into_keys().collect() })
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
    let ledger = ledger_file::to_read(&arguments.what.ledger)?;
    engine::may_follow(&rules.bundle, &ledger, machine.clock.now()).await.map_err(Failure::Publish)?;
    let settings = connect::engine(machine)?;
    let aws = connect::connect(connection, machine).await?;
    let rulebook = Rulebook::fixed(rules.on_hand);
    let reader = aws.reader(&ledger, &rulebook, machine.clock.as_ref());
    let cause = Cause::new("command", "plan");
    let account = arguments.what.account.as_ref();
    let planned = planning::plan(&Planner { reader, settings }, account, rules.files, &cause).await?;

    if arguments.json {
        render::json(&planned.report, screen)?;
    } else {
        let text = render::plan_text::plan(&planned.report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    let summary = &planned.report.summary;
    Ok(if summary.unread > 0 {
        // What could not be read may differ: neither "nothing to do" nor "this is what is to be done" would be true.
        Ending::Bad
    } else if summary.has_work() {
        Ending::ToDo
    } else {
        Ending::Good
    })
}
