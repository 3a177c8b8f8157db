//! How results and errors are written.

pub(crate) mod apply_text;
pub(crate) mod audit_text;
pub(crate) mod deploy_text;
pub(crate) mod doctor_text;
pub(crate) mod event_text;
pub(crate) mod explain_text;
pub(crate) mod markdown;
pub(crate) mod plan_text;
pub(crate) mod probe_text;
pub(crate) mod reprovision_text;
mod rows;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod sets_text;
pub(crate) mod status_text;
pub(crate) mod what_if_text;
pub(crate) mod withheld_text;

use std::io;

use jiff::Timestamp;

use crate::{Failure, Screen};

/// A time as people read it.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// One JSON document, with a line break at its end.
pub(crate) fn as_json(document: &impl serde::Serialize) -> Result<String, Failure> {
    let mut text =
        serde_json::to_string_pretty(document).map_err(|error| Failure::Output(io::Error::other(error)))?;
    text.push('\n');
    Ok(text)
}

/// Writes one JSON document.
pub(crate) fn json(document: &impl serde::Serialize, screen: &mut Screen<'_>) -> Result<(), Failure> {
    screen.out.write_all(as_json(document)?.as_bytes()).map_err(Failure::Output)
}

/// Writes problems of which the command's work goes on.
pub(crate) fn problems(problems: &Failure, screen: &mut Screen<'_>) -> io::Result<()> {
    failure(problems, screen)
}

/// Writes an error: what was tried, why it failed, the way out.
pub(crate) fn failure(failure: &Failure, screen: &mut Screen<'_>) -> io::Result<()> {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = screen.err_style.diagnostics().render_report(&mut text, failure);
    screen.err.write_all(text.as_bytes())?;
    screen.err.flush()
}
