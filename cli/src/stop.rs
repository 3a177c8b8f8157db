//! Asking a process to end.

use crate::Failure;

/// Somebody asks to end it: Ctrl-C, or the signal that `kill` sends. Asked for while nobody waits, it is kept for whoever waits next.
pub(crate) struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signal)?;
        let terminate = signal(SignalKind::terminate()).map_err(Failure::Signal)?;
        Ok(Self { signals: [interrupt, terminate] })
    }

    #[cfg(windows)]
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { ctrl_c: tokio::signal::windows::ctrl_c().map_err(Failure::Signal)? })
    }

    #[cfg(unix)]
    pub(crate) async fn asked(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(windows)]
    pub(crate) async fn asked(&mut self) {
        self.ctrl_c.recv().await;
    }
}
