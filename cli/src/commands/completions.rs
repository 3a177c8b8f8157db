//! `usher completions`: what a shell needs to complete commands and options.

use clap::CommandFactory as _;

use crate::{Cli, Ending, Failure, Screen, args::CompletionsArgs};

/// Prints the script.
pub(crate) fn run(arguments: &CompletionsArgs, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    // Made whole before it is written: the generator takes an error of its writer for a mistake of its own.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "usher", &mut script);
    screen.out.write_all(&script).map_err(Failure::Output)?;
    Ok(Ending::Good)
}
