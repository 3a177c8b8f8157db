//! Outcomes on one machine: a file with one JSON document a line, the very one that the bus has as `detail`.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    outcome::Outcome,
    ports::{OutcomeBus, PortError, Told},
};

/// A file that outcomes are appended to, or none: then they are told to nobody.
#[derive(Debug, Clone, Default)]
pub struct OutcomeFile(Option<PathBuf>);

impl OutcomeFile {
    /// Appends to this file; it is made when there is something to tell.
    pub fn at(path: &Path) -> Self {
        Self(Some(path.to_owned()))
    }

    /// Tells nobody.
    pub fn none() -> Self {
        Self(None)
    }
}

#[async_trait::async_trait]
impl OutcomeBus for OutcomeFile {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        if let Some(path) = &self.0 {
            let lines: Vec<String> = outcomes.iter().map(|outcome| outcome.detail().to_string()).collect();
            let lines = lines.join("\n") + "\n";
            let write = || {
                // In one piece: nobody reads half a line of it.
                OpenOptions::new().create(true).append(true).open(path)?.write_all(lines.as_bytes())
            };
            write().map_err(|error| PortError::Failed(format!("`{}`: {error}", path.display())))?;
        }
        Ok(vec![Told::Taken; outcomes.len()])
    }
}
