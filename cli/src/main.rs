//! `usher`: wiring only.

use std::{io, process::ExitCode};

use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let terminal = cli::Terminal::of_process(arguments.no_color);
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let mut input = io::stdin().lock();
    let mut screen = terminal.screen(&mut out, &mut err, &mut input);
    cli::run(arguments, &cli::Machine::this(), &mut screen).await
}
