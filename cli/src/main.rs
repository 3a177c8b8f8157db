//! `usher`: wiring only.

use std::{io, process::ExitCode};

/// A wrong command line, as BSD's `sysexits.h` has it. Not clap's 2, which is how `usher plan` says that there is something to do.
const WRONG_COMMAND_LINE: u8 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match cli::Cli::of_command_line(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Asked for help or the version is no error. That nobody reads it is none either.
            let _ = error.print();
            return if error.use_stderr() { WRONG_COMMAND_LINE.into() } else { ExitCode::SUCCESS };
        }
    };
    let terminal = cli::Terminal::of_process(arguments.no_color);
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let mut input = io::stdin().lock();
    let mut screen = terminal.screen(&mut out, &mut err, &mut input);
    cli::run(arguments, &cli::Machine::this(), &mut screen).await
}
