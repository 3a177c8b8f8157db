//! Why a check did not pass.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why a check did not pass, in words for the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("`{command}` ended with {status}")]
    Command { command: String, status: ExitStatus },
    #[error("`{command}` cannot be started: {reason}")]
    NotStarted { command: String, reason: io::Error },
    #[error("cannot use `{}`: {reason}", path.display())]
    File { path: PathBuf, reason: io::Error },
    #[error("cannot read what `{command}` said: {reason}")]
    Unreadable { command: String, reason: serde_json::Error },
    /// What was found, a line each.
    #[error("{}", .0.join("\n        "))]
    Broken(Vec<String>),
}

/// Passes when nothing was found.
pub(crate) fn none(findings: Vec<String>) -> Result<(), Failure> {
    if findings.is_empty() { Ok(()) } else { Err(Failure::Broken(findings)) }
}
