//! What Usher keeps, and what it goes by: settings, the ledger, the rules.

use std::path::PathBuf;

use shared::{
    aws::InstanceSeen,
    engine::{self, Rulebook, RulesOnHand},
    ports::{Ledger, LedgerReader},
};

use super::{Findings, told};
use crate::{
    Failure, Machine,
    args::{ConnectionArgs, LedgerAt},
    commands::plan::Rules,
    connect, desk, ledger,
    report::Verdict,
    screen::{count, line},
};

/// The variables that an engine on this machine would be run by.
pub(super) fn settings(machine: &Machine, findings: &mut Findings) {
    match connect::engine(machine) {
        Ok(_) => findings.good("settings", "what the environment says of the engine can be read"),
        Err(failure) => {
            findings.bad("settings", told(&failure), "mend the variable; docs/settings.md has all of them");
        }
    }
}

/// The ledger, if there is one.
pub(super) async fn ledger(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
    instance: Option<&InstanceSeen>,
    findings: &mut Findings,
) {
    let what = "ledger";
    let shown = line(&at.to_string());
    if let LedgerAt::File(path) = at
        && !path.try_exists().unwrap_or(true)
    {
        findings.note(what, format!("there is none at {shown} yet; `usher apply` makes it"));
        return;
    }
    match open(at, connection, machine).await {
        Ok((ledger, in_force)) => {
            if in_force {
                findings.good(what, format!("{shown} can be read, and rules are in force"));
            } else {
                findings.note(what, format!("{shown} can be read; no rules are in force yet"));
            }
            owner(ledger.as_ref(), instance, findings).await;
        }
        Err(failure) => {
            let told = (told(&failure), ledger_way_out(at));
            findings.failed(what, Verdict::Bad, &failure, told);
        }
    }
}

/// Whether a ledger belongs to the instance that was found, if one was, and it belongs to one yet.
pub(crate) async fn owner(
    ledger: &dyn LedgerReader,
    instance: Option<&InstanceSeen>,
    findings: &mut Findings,
) {
    let what = "ledger";
    let Some(here) = instance.map(|instance| &instance.arn) else { return };
    match engine::instance_of(ledger).await {
        Ok(Some(owner)) if owner != *here => findings.bad(
            what,
            format!("it belongs to the instance {owner}, and this is {here}"),
            "use the ledger of this instance, or the other instance's Region and credentials: nothing is decided by a ledger of another one",
        ),
        Ok(_) => {}
        Err(error) => findings.untried(
            what,
            format!("whose instance it belongs to can't be told: {}", line(&shared::causes::joined(&error))),
        ),
    }
}

/// What to do about a ledger that can't be read.
pub(crate) fn ledger_way_out(at: &LedgerAt) -> &'static str {
    match at {
        LedgerAt::File(_) => "check that it is a ledger of Usher's, and that you may read it",
        LedgerAt::Table(_) => {
            "check the table's name and Region, and allow `dynamodb:GetItem`, `Query` and `Scan` on it"
        }
    }
}

/// The ledger, and whether rules are in force in it.
async fn open(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<(std::sync::Arc<dyn Ledger>, bool), Failure> {
    let ledger = ledger::to_use(at, connection, machine).await?;
    let in_force = ledger.rules_in_force().await?;
    Ok((ledger, in_force.is_some()))
}

/// The rules of the files, or those in force.
pub(super) async fn rules(
    files: &[PathBuf],
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
    findings: &mut Findings,
) {
    let what = "rules";
    if !files.is_empty() {
        in_files(files, findings);
        return;
    }
    let in_force = match open(at, connection, machine).await {
        Ok((in_force, true)) => in_force,
        Ok((_, false)) => {
            findings.untried(what, "none are in force in the ledger; --rules PATH looks at rule files");
            return;
        }
        Err(_) => {
            findings.untried(what, "the ledger can't be read; --rules PATH looks at rule files");
            return;
        }
    };
    let store = match desk::store(at, connection, machine).await {
        Ok(store) => store,
        Err(failure) => {
            let way_out = "set USHER_RULES_BUCKET, and USHER_RULES_PREFIX if they are below one";
            findings.bad(what, told(&failure), way_out);
            return;
        }
    };
    self::in_force(&Rulebook::of_store(store), in_force.as_ref(), findings).await;
}

/// The rules of these files.
pub(crate) fn in_files(files: &[PathBuf], findings: &mut Findings) {
    let what = "rules";
    match Rules::read(files) {
        Ok(rules) => {
            let number = count(rules.on_hand.index.rules().len(), "rule", "rules");
            findings.good(
                what,
                format!("{number}, without mistakes, mode {}", rules.on_hand.index.settings().mode),
            );
        }
        Err(failure) => {
            findings.bad(what, told(&failure), "`usher rules check` shows each mistake with its place");
        }
    }
}

/// The rules that are in force, as the functions read them; `None` if they can't be read.
pub(crate) async fn in_force(
    rulebook: &Rulebook,
    ledger: &dyn Ledger,
    findings: &mut Findings,
) -> Option<RulesOnHand> {
    let what = "rules";
    match rulebook.in_force(ledger).await {
        Ok(rules) => {
            let number = count(rules.index.rules().len(), "rule", "rules");
            let (mode, version) = (rules.index.settings().mode, rules.version.short());
            findings.good(what, format!("{number} in force, mode {mode}, version {version}"));
            Some(rules)
        }
        Err(error) => {
            let way_out =
                "check the folder `rules` beside the ledger, or the bucket, and publish the rules again";
            findings.failed(what, Verdict::Bad, &error, (line(&shared::causes::joined(&error)), way_out));
            None
        }
    }
}
