//! Runs other programs, cargo first of all.

use std::{
    env,
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use crate::failure::Failure;

/// A program to be run in `folder`.
///
/// What `cargo run` told *us* about our package is taken away: build scripts that ask for it (ring's does) would
/// otherwise be run again each time the checks change hands between xtask and a person.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    for (key, _) in env::vars_os() {
        let ours = key.to_str().is_some_and(|key| {
            key.starts_with("CARGO_PKG_")
                || key.starts_with("CARGO_MANIFEST_")
                || ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"]
                    .contains(&key)
        });
        if ours {
            command.env_remove(key);
        }
    }
    command
}

/// Cargo, to be run in `folder` with these arguments.
pub(crate) fn cargo<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = program("cargo", folder);
    command.args(arguments);
    command
}

/// Runs it in sight of the person; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", said(command));
    let status = command.stdin(Stdio::null()).status().map_err(|reason| not_started(command, reason))?;
    if status.success() { Ok(()) } else { Err(Failure::Command { command: said(command), status }) }
}

/// Runs it and keeps what it says on stdout; what it says on stderr is shown when it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|reason| not_started(command, reason))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    print!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Failure::Command { command: said(command), status: output.status })
}

/// The command as a person would type it.
fn said(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.contains([' ', '(', '*', '\'']) { format!("\"{word}\"") } else { word.into_owned() }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn not_started(command: &Command, reason: std::io::Error) -> Failure {
    Failure::NotStarted { command: said(command), reason }
}
