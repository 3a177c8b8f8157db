//! Dead letters in a folder: one file each, so that they outlive the process, and another process can look at them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    clock::later,
    ports::{Clock, Message, PortError, Queue, Received},
};

/// Tells apart the files of one process.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// A larger file is no letter.
const LARGEST: u64 = 1024 * 1024;

/// A message as it is kept.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    sent_at: Timestamp,
    group: String,
    body: String,
}

/// A standard queue in a folder, which is made when the first message is sent. Messages are given out by their age. What this process has
/// received is hidden from itself alone, and how often a message was received is not kept.
pub struct FolderQueue {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    hidden: Mutex<BTreeMap<String, Timestamp>>,
}

impl std::fmt::Debug for FolderQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderQueue").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl FolderQueue {
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.to_owned(), clock, hidden: Mutex::default() }
    }

    /// The names of the files, the oldest message's first.
    fn names(&self) -> Result<Vec<String>, PortError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable(&error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| self.unusable(&error))?.file_name();
            names.extend(name.to_str().filter(|name| is_name(name)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn keep(&self, message: &Message) -> io::Result<()> {
        let sent_at = self.clock.now();
        let Message { group, body, .. } = message;
        let kept = Kept { sent_at, group: group.clone(), body: body.clone() };
        let content = serde_json::to_vec_pretty(&kept).map_err(io::Error::other)?;
        fs::create_dir_all(&self.folder)?;
        let (process, number) = (std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
        let path = self.folder.join(format!("{:020}-{process}-{number}.json", sent_at.as_microsecond()));
        // Written beside it and renamed: nobody ever reads half a letter.
        let temporary = path.with_extension("tmp");
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(&content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// A letter; one that can't be read is given out as what it is, since somebody should look at it.
    fn read(&self, name: &str) -> Result<Option<Received>, PortError> {
        let path = self.folder.join(name);
        let text = match fs::metadata(&path)
            .and_then(|found| if found.len() > LARGEST { Ok(Vec::new()) } else { fs::read(&path) })
        {
            Ok(text) => text,
            // Another process was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(&error)),
        };
        let kept: Option<Kept> = serde_json::from_slice(&text).ok();
        let body = kept
            .as_ref()
            .map_or_else(|| String::from_utf8_lossy(&text).into_owned(), |kept| kept.body.clone());
        Ok(Some(Received {
            id: name.trim_end_matches(".json").to_owned(),
            receipt: name.to_owned(),
            group: None,
            body,
            receives: 1,
            sent_at: kept.map(|kept| kept.sent_at),
        }))
    }

    fn unusable(&self, error: &io::Error) -> PortError {
        PortError::Failed(format!("cannot use the folder `{}`: {error}", self.folder.display()))
    }
}

/// Whether a file is a letter: nothing else in the folder is ever read or deleted.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || c == '-';
    name.strip_suffix(".json").is_some_and(|stem| !stem.is_empty() && stem.chars().all(plain))
}

#[async_trait::async_trait]
impl Queue for FolderQueue {
    async fn send(&self, messages: &[Message]) -> Result<(), PortError> {
        messages.iter().try_for_each(|message| self.keep(message)).map_err(|error| self.unusable(&error))
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        let now = self.clock.now();
        let names = self.names()?;
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.retain(|_, until| *until > now);
        let mut received = Vec::new();
        for name in names {
            if received.len() >= max {
                break;
            }
            if hidden.contains_key(&name) {
                continue;
            }
            if let Some(message) = self.read(&name)? {
                received.push(message);
                hidden.insert(name, later(now, visibility));
            }
        }
        Ok(received)
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError> {
        if !is_name(receipt) {
            return Err(PortError::Refused("the receipt is none of this queue's".to_owned()));
        }
        match fs::remove_file(self.folder.join(receipt)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.unusable(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError> {
        let until = later(self.clock.now(), delay);
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.insert(receipt.to_owned(), until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn message(body: &str) -> Message {
        Message { group: "g".into(), deduplication: "d".into(), body: body.into(), delay: Duration::ZERO }
    }

    async fn bodies(queue: &FolderQueue) -> Vec<String> {
        let received = queue.receive(10, Duration::ZERO).await.unwrap();
        received.into_iter().map(|received| received.body).collect()
    }

    #[tokio::test]
    async fn a_letter_outlives_the_process_and_is_gone_once_it_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("dead-letters");
        let queue = || FolderQueue::new(&place, Arc::new(SystemClock));
        assert!(bodies(&queue()).await.is_empty(), "there is no folder yet");
        queue().send(&[message("one"), message("other")]).await.unwrap();
        assert_eq!(bodies(&queue()).await, ["one", "other"]);
        let another = queue();
        let first = another.receive(1, Duration::from_mins(1)).await.unwrap().remove(0);
        assert!(first.sent_at.is_some());
        assert_eq!(bodies(&another).await, ["other"], "the first is hidden");
        another.release(&first.receipt, Duration::ZERO).await.unwrap();
        another.acknowledge(&first.receipt).await.unwrap();
        another.acknowledge(&first.receipt).await.unwrap();
        assert_eq!(bodies(&queue()).await, ["other"]);
    }

    #[tokio::test]
    async fn what_is_no_letter_is_left_alone_and_a_broken_one_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let queue = FolderQueue::new(folder.path(), Arc::new(SystemClock));
        fs::write(folder.path().join("notes.json"), "{}").unwrap();
        fs::write(folder.path().join("123-4-5.json"), "broken").unwrap();
        assert_eq!(bodies(&queue).await, ["broken"]);
        for receipt in ["notes.json", "../123.json", ""] {
            assert!(matches!(queue.acknowledge(receipt).await, Err(PortError::Refused(_))), "{receipt}");
        }
        assert!(folder.path().join("notes.json").exists());
    }
}
