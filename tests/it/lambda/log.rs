//! What a process printed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::Notify,
    task::JoinHandle,
};

/// How long a line is waited for before the test fails. Generous: it only ends a test that would fail anyway.
const PATIENCE: Duration = Duration::from_mins(1);

/// The lines that a process printed so far, on either stream, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    more: Arc<Notify>,
}

impl Log {
    /// Reads this stream to its end.
    pub(crate) fn read(&self, stream: impl AsyncRead + Send + Unpin + 'static) -> JoinHandle<()> {
        let log = self.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                log.lines.lock().unwrap().push(text);
                log.more.notify_waiters();
                line.clear();
            }
        })
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The last lines, for a message.
    pub(crate) fn tail(&self) -> String {
        let lines = self.lines();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
        if last.is_empty() {
            "it printed nothing".to_owned()
        } else {
            format!("it printed:\n{}", last.join("\n"))
        }
    }

    /// The first line that contains this; waits until there is one.
    pub(crate) async fn line(&self, wanted: &str) -> String {
        self.line_after(0, wanted).await
    }

    /// The same, of the lines after the first so many.
    pub(crate) async fn line_after(&self, first: usize, wanted: &str) -> String {
        let wait = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(line) = self.lines().into_iter().skip(first).find(|line| line.contains(wanted)) {
                    return line;
                }
                more.await;
            }
        };
        let line = tokio::time::timeout(PATIENCE, wait).await.ok();
        line.unwrap_or_else(|| panic!("no line with `{wanted}` was printed; {}", self.tail()))
    }
}
