//! What a probe makes is written down before it is made, so that it can be taken away whatever happens in between.
//!
//! One line of JSON for each entry. A line that was begun and not ended is of an entry that nothing had come of yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::domain::{AccountId, AssignmentKey, InstanceArn, Operation, RequestId};

use crate::failure::ProbeFailure;

/// What is measured where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Began {
    pub at: Timestamp,
    pub instance: InstanceArn,
    pub account: AccountId,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Entry {
    Began(Began),
    /// About to be sent.
    Sent {
        at: Timestamp,
        operation: Operation,
        key: AssignmentKey,
    },
    /// AWS has accepted it.
    Accepted {
        operation: Operation,
        key: AssignmentKey,
        request: RequestId,
    },
    /// AWS has answered that nothing was done, or it never was.
    NotDone {
        operation: Operation,
        key: AssignmentKey,
    },
    /// The request has ended.
    Ended {
        operation: Operation,
        key: AssignmentKey,
        /// Whether the assignment is there now.
        present: bool,
    },
}

/// How far a key is, by the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is not there, or not by this probe.
    Absent,
    /// Being made. Without a request the call may have been made or not.
    Creating { since: Timestamp, request: Option<RequestId> },
    /// There, and made by this probe.
    Present,
    /// Being taken away.
    Deleting { request: Option<RequestId> },
}

/// The journal of a probe. Whoever holds it holds its file's lock.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    began: Began,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    standing: BTreeMap<AssignmentKey, Standing>,
    /// The requests that AWS has accepted.
    requests: BTreeSet<RequestId>,
}

impl Inner {
    fn take(&mut self, entry: &Entry) {
        if let Entry::Accepted { request, .. } = entry {
            self.requests.insert(request.clone());
        }
        take(&mut self.standing, entry);
    }
}

impl Journal {
    /// A new one. One that is there already belongs to a probe that was not cleaned up.
    pub fn begin(path: &Path, began: Began) -> Result<Self, ProbeFailure> {
        let failed = |source| ProbeFailure::Journal { path: path.display().to_string(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = match OpenOptions::new().append(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ProbeFailure::Unfinished { path: path.display().to_string() });
            }
            Err(error) => return Err(failed(error)),
        };
        lock(&file, path)?;
        let journal = Self {
            path: path.to_owned(),
            began: began.clone(),
            inner: Mutex::new(Inner { file, standing: BTreeMap::new(), requests: BTreeSet::new() }),
        };
        journal.write(&Entry::Began(began))?;
        Ok(journal)
    }

    /// One that is there; `None` if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, ProbeFailure> {
        let failed = |source| ProbeFailure::Journal { path: path.display().to_string(), source };
        let unreadable =
            |line, why: String| ProbeFailure::JournalLine { path: path.display().to_string(), line, why };
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        lock(&file, path)?;
        let text = fs::read_to_string(path).map_err(failed)?;
        // What comes after the last line break was being written when the probe was broken off.
        let whole = text.rfind('\n').map_or("", |end| text.get(..=end).unwrap_or_default());
        if whole.len() < text.len() {
            file.set_len(whole.len() as u64).map_err(failed)?;
        }
        let mut entries = whole.lines().enumerate().map(|(at, line)| {
            serde_json::from_str::<Entry>(line).map_err(|error| unreadable(at + 1, error.to_string()))
        });
        let began = match entries.next() {
            // Broken off before its first line: nothing was made.
            None => {
                drop(file);
                fs::remove_file(path).map_err(failed)?;
                return Ok(None);
            }
            Some(Ok(Entry::Began(began))) => began,
            Some(Ok(_)) => return Err(unreadable(1, "it does not say where it was begun".to_owned())),
            Some(Err(error)) => return Err(error),
        };
        let mut inner = Inner { file, standing: BTreeMap::new(), requests: BTreeSet::new() };
        for entry in entries {
            inner.take(&entry?);
        }
        Ok(Some(Self { path: path.to_owned(), began, inner: Mutex::new(inner) }))
    }

    /// What is measured where.
    pub fn began(&self) -> &Began {
        &self.began
    }

    /// Writes an entry down. It is on the disk when this returns.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), ProbeFailure> {
        let failed = |source| ProbeFailure::Journal { path: self.path.display().to_string(), source };
        let mut text = serde_json::to_string(entry).map_err(|error| failed(error.into()))?;
        text.push('\n');
        let mut inner = self.inner();
        inner.file.write_all(text.as_bytes()).and_then(|()| inner.file.sync_data()).map_err(failed)?;
        inner.take(entry);
        Ok(())
    }

    /// How far each key is that is not known to be absent.
    pub(super) fn open_keys(&self) -> Vec<AssignmentKey> {
        let inner = self.inner();
        let open = inner.standing.iter().filter(|(_, standing)| **standing != Standing::Absent);
        open.map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn standing(&self, key: &AssignmentKey) -> Standing {
        self.inner().standing.get(key).cloned().unwrap_or(Standing::Absent)
    }

    /// Whether AWS has accepted this request of the probe.
    pub(super) fn knows(&self, request: &RequestId) -> bool {
        self.inner().requests.contains(request)
    }

    /// Whether nothing of the probe is left.
    pub fn is_clean(&self) -> bool {
        self.open_keys().is_empty()
    }

    /// Takes the file away where nothing of the probe is left.
    pub fn close(self) -> Result<(), ProbeFailure> {
        if !self.is_clean() {
            return Ok(());
        }
        let Self { path, .. } = self;
        fs::remove_file(&path)
            .map_err(|source| ProbeFailure::Journal { path: path.display().to_string(), source })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody else works with the file as long as it is open here.
fn lock(file: &File, path: &Path) -> Result<(), ProbeFailure> {
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Err(ProbeFailure::AtWork { path: path.display().to_string() }),
        // Not every file system has locks.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(()),
    }
}

/// What an entry says of its key.
fn take(standing: &mut BTreeMap<AssignmentKey, Standing>, entry: &Entry) {
    let (key, now) = match entry {
        Entry::Began(_) => return,
        Entry::Sent { at, operation: Operation::Grant, key } => {
            (key, Standing::Creating { since: *at, request: None })
        }
        Entry::Sent { operation: Operation::Revoke, key, .. } => (key, Standing::Deleting { request: None }),
        Entry::Accepted { operation: Operation::Grant, key, request } => {
            let since = match standing.get(key) {
                Some(Standing::Creating { since, .. }) => *since,
                Some(Standing::Absent | Standing::Present | Standing::Deleting { .. }) | None => {
                    Timestamp::MIN
                }
            };
            (key, Standing::Creating { since, request: Some(request.clone()) })
        }
        Entry::Accepted { operation: Operation::Revoke, key, request } => {
            (key, Standing::Deleting { request: Some(request.clone()) })
        }
        Entry::NotDone { operation: Operation::Revoke, key } | Entry::Ended { key, present: true, .. } => {
            (key, Standing::Present)
        }
        Entry::NotDone { operation: Operation::Grant, key } | Entry::Ended { key, present: false, .. } => {
            (key, Standing::Absent)
        }
    };
    standing.insert(key.clone(), now);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began() -> Began {
        Began {
            at: "2026-11-02T09:00:00Z".parse().unwrap(),
            instance: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6".parse().unwrap(),
            account: "200000000001".parse().unwrap(),
        }
    }

    fn key() -> AssignmentKey {
        AssignmentKey {
            account: "200000000001".parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
        }
    }

    fn sent(operation: Operation) -> Entry {
        Entry::Sent { at: began().at, operation, key: key() }
    }

    #[test]
    fn what_was_written_down_is_read_back_and_a_line_that_was_broken_off_had_no_effect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/probe.journal");
        let journal = Journal::begin(&path, began()).unwrap();
        journal.write(&sent(Operation::Grant)).unwrap();
        assert!(!journal.is_clean());
        assert!(matches!(Journal::begin(&path, began()), Err(ProbeFailure::Unfinished { .. })));
        assert!(matches!(Journal::open(&path), Err(ProbeFailure::AtWork { .. })));
        drop(journal);

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"accepted\":{\"operation\":\"grant\",").unwrap();
        drop(file);
        let journal = Journal::open(&path).unwrap().unwrap();
        assert_eq!(journal.began(), &began());
        let lost = Standing::Creating { since: began().at, request: None };
        assert_eq!(journal.standing(&key()), lost);

        // It goes on behind the last whole line.
        let request: RequestId = "f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
        let accepted = Entry::Accepted { operation: Operation::Grant, key: key(), request: request.clone() };
        journal.write(&accepted).unwrap();
        drop(journal);
        let journal = Journal::open(&path).unwrap().unwrap();
        let making = Standing::Creating { since: began().at, request: Some(request) };
        assert_eq!(journal.standing(&key()), making);
        journal.write(&Entry::Ended { operation: Operation::Grant, key: key(), present: true }).unwrap();
        journal.write(&sent(Operation::Revoke)).unwrap();
        assert_eq!(journal.standing(&key()), Standing::Deleting { request: None });
        journal.write(&Entry::NotDone { operation: Operation::Revoke, key: key() }).unwrap();
        assert_eq!(journal.standing(&key()), Standing::Present);
        journal.write(&Entry::Ended { operation: Operation::Revoke, key: key(), present: false }).unwrap();
        assert!(journal.is_clean());
        journal.close().unwrap();
        assert!(Journal::open(&path).unwrap().is_none());
    }

    #[test]
    fn a_line_that_is_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.journal");
        drop(Journal::begin(&path, began()).unwrap());
        let whole = fs::read_to_string(&path).unwrap();
        for (text, line) in [
            (format!("{whole}nonsense\n"), 2),
            (format!("{whole}{whole}{{\"sent\":{{}}}}\n"), 3),
            ("{}\n".to_owned(), 1),
        ] {
            fs::write(&path, text).unwrap();
            let error = Journal::open(&path).unwrap_err();
            assert!(matches!(error, ProbeFailure::JournalLine { line: at, .. } if at == line), "{error}");
        }
        fs::write(&path, "{\"began\":").unwrap();
        assert!(Journal::open(&path).unwrap().is_none(), "nothing was made before the first line");
        assert!(!path.exists());
    }
}
