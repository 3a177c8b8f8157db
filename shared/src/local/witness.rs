//! What is told of the ledger, in a file beside it or in memory.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::whole;
use crate::{
    ledger::Testimony,
    ports::{KeptTestimony, PortError, Witness},
};

/// A file. Written whole or not at all; two processes that write it at the same moment may both be told that theirs is kept.
#[derive(Debug, Clone)]
pub struct FileWitness {
    path: PathBuf,
}

impl FileWitness {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

#[async_trait::async_trait]
impl Witness for FileWitness {
    async fn recall(&self) -> Result<Option<KeptTestimony>, PortError> {
        let path = self.path.display();
        match fs::read_to_string(&self.path) {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(testimony) => Ok(Some(KeptTestimony { testimony, mark: text })),
                Err(error) => Err(PortError::Refused(format!("`{path}` can't be read: {error}"))),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PortError::Failed(format!("cannot read `{path}`: {error}"))),
        }
    }

    async fn keep(
        &self,
        testimony: &Testimony,
        instead_of: Option<&KeptTestimony>,
    ) -> Result<bool, PortError> {
        if self.recall().await?.as_ref() != instead_of {
            return Ok(false);
        }
        let text = serde_json::to_string(testimony)
            .map_err(|error| PortError::Refused(format!("the ledger's epoch can't be kept: {error}")))?;
        whole(&self.path, text.as_bytes())
            .map_err(|error| PortError::Failed(format!("cannot write `{}`: {error}", self.path.display())))?;
        Ok(true)
    }
}

/// In memory, for a ledger that is there too.
#[derive(Debug, Default)]
pub struct MemoryWitness {
    kept: Mutex<Option<KeptTestimony>>,
}

impl MemoryWitness {
    /// Loses what was kept.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[async_trait::async_trait]
impl Witness for MemoryWitness {
    async fn recall(&self) -> Result<Option<KeptTestimony>, PortError> {
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn keep(
        &self,
        testimony: &Testimony,
        instead_of: Option<&KeptTestimony>,
    ) -> Result<bool, PortError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref() != instead_of {
            return Ok(false);
        }
        let mark = format!("{}/{}", testimony.epoch.number, testimony.at);
        *kept = Some(KeptTestimony { testimony: testimony.clone(), mark });
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ledger::Epoch;

    #[tokio::test]
    async fn a_file_keeps_what_it_is_told_and_a_damaged_one_is_not_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db.epoch");
        let witness = FileWitness::new(&path);
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let first = Testimony { epoch: Epoch::first(at), rules: None, orders: 0, at };
        let next = Testimony { epoch: first.epoch.next(), ..first.clone() };
        assert_eq!(witness.recall().await, Ok(None));
        assert_eq!(witness.keep(&first, None).await, Ok(true));
        let kept = witness.recall().await.unwrap().unwrap();
        assert_eq!(kept.testimony, first);
        assert_eq!(witness.keep(&next, None).await, Ok(false), "something is kept already");
        assert_eq!(witness.keep(&next, Some(&kept)).await, Ok(true));
        assert_eq!(witness.keep(&next, Some(&kept)).await, Ok(false), "it was another one that was read");
        fs::write(&path, "{").unwrap();
        assert!(witness.recall().await.is_err());
        assert!(witness.keep(&first, None).await.is_err());
    }
}
