//! Asking the functions to end: each finishes what it has in hand, and takes nothing more.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Asked once, it stays so.
#[derive(Debug, Default)]
pub(super) struct Halt {
    asked: AtomicBool,
    waiting: Notify,
}

impl Halt {
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.waiting.notify_waiters();
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The same, for who knows no more of it than that.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.asked
    }

    /// Waits until it is asked.
    pub(super) async fn asked(&self) {
        let mut waiting = pin!(self.waiting.notified());
        // Whoever asks from here on is heard.
        waiting.as_mut().enable();
        if !self.is_asked() {
            waiting.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_and_who_comes_later_both_hear_of_it() {
        let halt = Halt::default();
        assert!(!halt.is_asked());
        tokio::join!(halt.asked(), async {
            tokio::task::yield_now().await;
            halt.ask();
        });
        halt.asked().await;
        assert!(halt.is_asked() && halt.flag().load(Ordering::Relaxed));
    }
}
