//! What a command is given by the machine that it runs on: time, settings and, in tests, the way to AWS.

use std::sync::Arc;

use shared::{aws::Connection, clock::SystemClock, engine::EngineSettings, ports::Clock};

/// The machine.
#[derive(Clone)]
pub struct Machine {
    pub clock: Arc<dyn Clock>,
    /// How to reach AWS; `None` for the options of the command line and the usual credential chain.
    pub connection: Option<Connection>,
    /// How the engine works; `None` for what the environment says.
    pub engine: Option<EngineSettings>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

impl Machine {
    /// The machine that this process runs on.
    pub fn this() -> Self {
        Self { clock: Arc::new(SystemClock), connection: None, engine: None }
    }
}
