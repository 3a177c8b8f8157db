//! `usher rules publish`, `rollback` and `bundle`: rules come into force by a person's command, checked and planned as uploaded ones are.

use std::sync::Arc;

use jiff::Timestamp;
use shared::{
    domain::PlanHash,
    engine::{self, Press, PublishError, Published, RulesOnHand},
    ledger::{Cause, Provenance, PublishedBy, Said},
    ports::RulesInForce,
};

use super::{plan::Rules, rules_versions};
use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ConnectionArgs, LedgerAt, RulesBundleArgs, RulesPublishArgs, RulesRollbackArgs},
    desk::{self, Desk},
    ledger, render,
    report::Given,
    screen::{count, line},
};

/// Prints the bundle of rule files that are right.
pub(crate) fn bundle(arguments: &RulesBundleArgs, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    let Rules { bundle, on_hand: _, files: _ } = Rules::read(&arguments.files)?;
    render::json(&bundle, screen)?;
    Ok(Ending::Good)
}

/// Brings the rules in these files into force.
pub(crate) async fn publish(
    arguments: &RulesPublishArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let RulesPublishArgs { files, ledger, by, yes } = arguments;
    let rules = Rules::read(files)?;
    let given = Given::of(files, &ledger.at, connection);
    let way_out = |plan: &PlanHash| {
        let approve = line(&given.command_by_rules("approve"));
        format!("What lets them through: `{approve} --plan {plan}`, then this command again.\n")
    };
    let said = Said::of(&by.by, &by.reason);
    bring(rules, (PublishedBy::Command, said), way_out, (&ledger.at, *yes), connection, machine, screen).await
}

/// Brings an earlier version into force again.
pub(crate) async fn rollback(
    arguments: &RulesRollbackArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let RulesRollbackArgs { version, ledger: at, by, yes } = arguments;
    let record = ledger::to_use(&at.at, connection, machine).await?;
    let publications = engine::publications(record.as_ref()).await?;
    let version = match version {
        Some(asked) => rules_versions::find(&publications, asked)?,
        None => record
            .rules_in_force()
            .await?
            .and_then(|rules| engine::version_before(&publications, &rules.version))
            .ok_or(Failure::NothingBefore)?,
    };
    let store = desk::store(&at.at, connection, machine).await?;
    let bundle = store
        .bundle(&version)
        .await
        .map_err(|source| Failure::FetchBundle { version: version.clone(), source })?;
    let on_hand = RulesOnHand::of(&bundle).map_err(|error| Failure::Rules(Box::new(error)))?;
    let rules = Rules { bundle, on_hand, files: Vec::new() };
    let given = Given::of(&["FOLDER".into()], &at.at, connection);
    let way_out = |plan: &PlanHash| {
        let show = line(&given.command(&format!("rules show {} --json", version.short())));
        let approve = line(&given.command_by_rules("approve"));
        format!(
            "What lets them through: put each file of `{show}` into a folder, unchanged and under its name, then `{approve} --plan {plan}`, then the rollback again.\n"
        )
    };
    let said = Said::of(&by.by, &by.reason);
    bring(rules, (PublishedBy::Rollback, said), way_out, (&at.at, *yes), connection, machine, screen).await
}

/// Plans, shows, asks, and brings into force. `way_out` is what lets rules through that have shrunk.
async fn bring(
    rules: Rules,
    (by, said): (PublishedBy, Option<Said>),
    way_out: impl Fn(&PlanHash) -> String,
    (at, yes): (&LedgerAt, bool),
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let Rules { bundle, on_hand, files: _ } = rules;
    // Looked at before anything is made on the disk: whoever says no finds everything as it was.
    let read = ledger::to_read(at, connection, machine).await?;
    let in_force = read.rules_in_force().await?;
    let version = on_hand.version.clone();
    let is_same = in_force.as_ref().is_some_and(|rules| rules.version == version);
    let number = on_hand.index.rules().len();
    let mut forecast = None;
    if !is_same {
        let refused = match engine::may_follow(&bundle, read.as_ref(), machine.clock.now()).await {
            Ok(()) => None,
            // What they would do has to be seen before anybody can approve it.
            Err(error @ PublishError::Shrunk { .. }) => Some(error),
            Err(error) => return Err(Failure::Publish(error)),
        };
        let cause = Cause::new("rules", &format!("{}-planned", version.short()));
        let index = Arc::clone(&on_hand.index);
        let desk = Desk::with_rules(on_hand, read, connection, machine).await?.foreseeing(screen).await?;
        let mut planned = desk.forecast(&cause, screen).await?;
        let store = desk::store(at, connection, machine).await?;
        planned.beyond = engine::weigh(planned.beyond, &index, in_force.as_ref(), store.as_ref())
            .await
            .map_err(Failure::Publish)?;
        let after = in_force.as_ref().map_or_else(String::new, after);
        let told =
            format!("Version {}, {}{after}\n{planned}", version.short(), count(number, "rule", "rules"));
        say(&told, screen)?;
        if let Some(refused) = refused {
            say(&way_out(&planned.plan), screen)?;
            return Err(Failure::Publish(refused));
        }
        engine::stay_in_scope(&version, &planned.beyond, in_force.as_ref()).map_err(Failure::Publish)?;
        if !yes {
            screen.confirm(&format!("Bring version {} into force?", version.short()))?;
        }
        forecast = Some(planned);
    }

    let ledger = ledger::to_write(at, connection, machine).await?;
    let store = desk::store(at, connection, machine).await?;
    let press = Press { store: store.as_ref(), ledger: ledger.as_ref(), clock: machine.clock.as_ref() };
    let provenance = Provenance { by, as_of: machine.clock.now(), said };
    let published = press.bring_into_force(&bundle, &provenance, forecast.as_ref(), in_force.as_ref()).await;
    let Published { rules: _, is_new } = published.map_err(Failure::Publish)?;
    let good = screen.out_style.paint(Paint::Good, "✓");
    let told = if is_new {
        format!("{good} Version {} is in force. {}\n", version.short(), follows(at))
    } else {
        format!("{good} Version {} is in force already.\n", version.short())
    };
    say(&told, screen)?;
    Ok(Ending::Good)
}

/// What the rules come after.
fn after(RulesInForce { version, since, rules, provenance: _ }: &RulesInForce) -> String {
    format!(
        ", after version {} ({}, in force since {})",
        version.short(),
        count(*rules, "rule", "rules"),
        minute(*since)
    )
}

fn minute(at: Timestamp) -> String {
    render::minute(at)
}

/// Who carries it out.
fn follows(at: &LedgerAt) -> &'static str {
    match at {
        LedgerAt::File(_) => {
            "A running `usher run` or `usher simulate` of this ledger looks at every account within a minute; `usher apply` carries the rules out too."
        }
        LedgerAt::Table(_) => "The deployed functions look at every account within a minute.",
    }
}

fn say(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    screen.out.write_all(text.as_bytes()).and_then(|()| screen.out.flush()).map_err(Failure::Output)
}
