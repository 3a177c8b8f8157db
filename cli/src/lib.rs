//! `usher`, the operator's tool: the same engine and the same handlers as in Lambda, run from a terminal.
//!
//! [`run`] takes everything it touches as arguments: what was asked for, the machine it runs on, and the screen it writes to.

pub mod args;
mod asked;
mod commands;
mod connect;
mod deploy;
mod desk;
mod doctor;
mod engine_run;
mod event_file;
mod explaining;
mod failure;
mod foresight;
mod keys;
mod ledger;
pub mod local_runtime;
mod look_up;
mod machine;
mod names;
mod once;
mod organization_file;
mod out_file;
mod planning;
pub mod probe;
mod progress;
mod render;
pub mod report;
mod rule_files;
mod scope_names;
mod screen;
mod stage;
mod stop;
mod suggestions;
mod telling;
mod what_if;

use std::{io, process::ExitCode};

pub use args::Cli;
pub use failure::{Failure, ImportFailure, ProbeFailure, Undelegated, Unknown};
pub use machine::Machine;
pub use organization_file::Mistake as OrganizationMistake;
pub use screen::{Paint, Screen, Style, Terminal};

use args::{Command, DeadLettersCommand, DelegationCommand, DeployCommand, LedgerCommand, RulesCommand};

/// How a command ended, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// 0: done, or nothing to do.
    Good,
    /// 1: something is wrong, failed or is left.
    Bad,
    /// 2: `plan` has found something to do.
    ToDo,
}

impl Ending {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::ToDo => 2,
        }
    }
}

/// Runs a command and tells what went wrong. A reader that has gone away (`usher plan | head`) is no error.
pub async fn run(arguments: Cli, machine: &Machine, screen: &mut Screen<'_>) -> ExitCode {
    ExitCode::from(ending(arguments, machine, screen).await.code())
}

/// The same as [`run`], for callers that look at how it ended.
pub async fn ending(arguments: Cli, machine: &Machine, screen: &mut Screen<'_>) -> Ending {
    if arguments.verbose {
        shared::telemetry::init();
    }
    let acts = acts(&arguments.command);
    let ended = command(arguments, machine, screen).await;
    match ended.and_then(|ending| screen.out.flush().map(|()| ending).map_err(Failure::Output)) {
        Ok(ending) => ending,
        // Who stops reading has read enough. Of what was to be done too, nobody may think that it is done.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe && !acts => Ending::Good,
        Err(failure) => {
            // Where even the error can't be told, the exit code still tells it.
            let _ = render::failure(&failure, screen);
            Ending::Bad
        }
    }
}

/// Whether a command is given to change something, and not to show it.
fn acts(command: &Command) -> bool {
    match command {
        Command::Apply(_)
        | Command::Approve(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Hold(_)
        | Command::Release(_)
        | Command::Adopt(_)
        | Command::Disown(_)
        | Command::Confirm(_)
        | Command::Run(_)
        | Command::Probe(_)
        | Command::DeadLetters(DeadLettersCommand::Retry(_))
        | Command::Ledger(LedgerCommand::Confirm(_) | LedgerCommand::Import(_))
        | Command::Rules(RulesCommand::Publish(_) | RulesCommand::Rollback(_)) => true,
        Command::Import(import) => import.adopt,
        Command::Ledger(LedgerCommand::Export(export)) => export.moves,
        Command::Reprovision(reprovision) => reprovision.now,
        Command::Rules(
            RulesCommand::Check(_)
            | RulesCommand::Bundle(_)
            | RulesCommand::Versions(_)
            | RulesCommand::Show(_)
            | RulesCommand::Schema,
        )
        | Command::Plan(_)
        | Command::Explain(_)
        | Command::Audit(_)
        | Command::Export(_)
        | Command::Status(_)
        | Command::Withheld(_)
        | Command::Approvals(_)
        | Command::DeadLetters(DeadLettersCommand::List(_))
        | Command::Delegation(_)
        | Command::Doctor(_)
        | Command::Deploy(_)
        | Command::Completions(_)
        | Command::Event(_)
        | Command::Demo(_)
        | Command::Simulate(_) => false,
    }
}

async fn command(arguments: Cli, machine: &Machine, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    let Cli { command, connection, no_color: _, verbose: _ } = arguments;
    match command {
        Command::Rules(rules) => rules_command(rules, &connection, machine, screen).await,
        Command::Plan(plan) => Box::pin(commands::plan::run(&plan, &connection, machine, screen)).await,
        Command::Explain(explain) => {
            Box::pin(commands::explain::run(&explain, &connection, machine, screen)).await
        }
        Command::Audit(audit) => Box::pin(commands::audit::run(&audit, &connection, machine, screen)).await,
        Command::Import(import) => {
            Box::pin(commands::import::run(&import, &connection, machine, screen)).await
        }
        Command::Export(export) => {
            Box::pin(commands::export::run(&export, &connection, machine, screen)).await
        }
        Command::Demo(demo) => Box::pin(commands::demo::run(&demo, screen)).await,
        Command::Run(run) => Box::pin(commands::run::run(&run, &connection, machine, screen)).await,
        Command::Simulate(simulate) => Box::pin(commands::simulate::run(&simulate, machine, screen)).await,
        Command::Apply(apply) => Box::pin(commands::apply::run(&apply, &connection, machine, screen)).await,
        Command::Status(status) => commands::status::run(&status, &connection, machine, screen).await,
        Command::Withheld(withheld) => {
            Box::pin(commands::withheld::run(&withheld, &connection, machine, screen)).await
        }
        Command::Approve(approve) => {
            Box::pin(commands::approve::run(&approve, &connection, machine, screen)).await
        }
        Command::Approvals(approvals) => {
            commands::approvals::run(&approvals, &connection, machine, screen).await
        }
        Command::Pause(pause) => commands::orders::pause(&pause, &connection, machine, screen).await,
        Command::Resume(resume) => commands::orders::resume(&resume, &connection, machine, screen).await,
        Command::Hold(hold) => commands::orders::hold(&hold, &connection, machine, screen).await,
        Command::Release(release) => commands::orders::release(&release, &connection, machine, screen).await,
        Command::Adopt(adopt) => Box::pin(commands::own::adopt(&adopt, &connection, machine, screen)).await,
        Command::Disown(disown) => commands::own::disown(&disown, &connection, machine, screen).await,
        Command::Confirm(confirm) => commands::own::confirm(&confirm, &connection, machine, screen).await,
        Command::Reprovision(reprovision) => {
            Box::pin(commands::reprovision::run(&reprovision, &connection, machine, screen)).await
        }
        Command::DeadLetters(DeadLettersCommand::List(list)) => {
            commands::dead_letters::list(&list, &connection, machine, screen).await
        }
        Command::DeadLetters(DeadLettersCommand::Retry(retry)) => {
            Box::pin(commands::dead_letters::retry(&retry, &connection, machine, screen)).await
        }
        Command::Doctor(doctor) => {
            Box::pin(commands::doctor::run(&doctor, &connection, machine, screen)).await
        }
        Command::Probe(probe) => Box::pin(commands::probe::run(&probe, &connection, machine, screen)).await,
        Command::Deploy(DeployCommand::Check(check)) => {
            Box::pin(commands::deploy::check(&check, &connection, machine, screen)).await
        }
        Command::Completions(completions) => commands::completions::run(&completions, screen),
        Command::Delegation(DelegationCommand::Policy(policy)) => {
            Box::pin(commands::delegation::policy(&policy, &connection, machine, screen)).await
        }
        Command::Delegation(DelegationCommand::Who(who)) => {
            Box::pin(commands::delegation::who(&who, &connection, machine, screen)).await
        }
        Command::Ledger(ledger) => Box::pin(ledger_command(ledger, &connection, machine, screen)).await,
        Command::Event(event) => commands::event::run(&event, screen),
    }
}

async fn ledger_command(
    command: LedgerCommand,
    connection: &args::ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    match command {
        LedgerCommand::Confirm(confirm) => {
            commands::ledger_copy::confirm(&confirm, connection, machine, screen).await
        }
        LedgerCommand::Export(export) => {
            commands::ledger_copy::export(&export, connection, machine, screen).await
        }
        LedgerCommand::Import(import) => {
            commands::ledger_copy::import(&import, connection, machine, screen).await
        }
    }
}

async fn rules_command(
    command: RulesCommand,
    connection: &args::ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    match command {
        RulesCommand::Check(check) => commands::rules_check::run(&check, machine.clock.now(), screen),
        RulesCommand::Bundle(bundle) => commands::rules_publish::bundle(&bundle, screen),
        RulesCommand::Publish(publish) => {
            Box::pin(commands::rules_publish::publish(&publish, connection, machine, screen)).await
        }
        RulesCommand::Versions(versions) => {
            commands::rules_versions::versions(&versions, connection, machine, screen).await
        }
        RulesCommand::Show(show) => commands::rules_versions::show(&show, connection, machine, screen).await,
        RulesCommand::Rollback(rollback) => {
            Box::pin(commands::rules_publish::rollback(&rollback, connection, machine, screen)).await
        }
        RulesCommand::Schema => commands::rules_schema::run(screen),
    }
}
