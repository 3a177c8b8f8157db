//! A simulated AWS on a loopback port, for as long as a command runs beside it.

mod cast;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use shared::{aws::Connection, ports::Clock};
use simulator::{Caller, CallerKind, World, http::Callers};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) use cast::WorldCast;

/// Rules for the simulator's example organization, as a file that one can begin with.
pub(crate) const EXAMPLE_RULES: &str = include_str!("../../examples/rules.yaml");

/// Usher's access key. A file may name its role, and with it what Usher may do; else it may do everything.
const USHERS_KEY: &str = "AKIAEXAMPLEUSHER";

/// How long connections that are still open may hold up the end.
const CLOSING: Duration = Duration::from_secs(3);

/// The simulated AWS. It goes when this does.
pub(crate) struct Stage {
    pub(crate) world: Arc<Mutex<World>>,
    /// Where it is reached: `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
    /// The Region of its Identity Center.
    pub(crate) region: String,
    clock: Arc<dyn Clock>,
    running: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Serves the world on a port that is listened on already, by this clock.
    pub(crate) fn open(listener: TcpListener, world: World, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let endpoint = format!("http://{}", listener.local_addr()?);
        let region = world.settings.region.clone();
        let mut callers = Callers::default();
        if world.caller_of(USHERS_KEY).is_none() {
            // Also where the file refuses all keys but its own.
            let management = world.management_account().clone();
            callers = callers.with(USHERS_KEY, Caller::new("usher", management, CallerKind::Management));
        }
        let world = Arc::new(Mutex::new(world));
        let (running, ended) = oneshot::channel::<()>();
        let served =
            simulator::http::serve(listener, Arc::clone(&world), Arc::clone(&clock), callers, async {
                // An error is an end too: whoever held the other side is gone.
                let _ = ended.await;
            });
        let served = tokio::spawn(served);
        Ok(Self { world, endpoint, region, clock, running, served })
    }

    /// Usher's way to it: the real SDK.
    pub(crate) fn ushers(&self) -> Connection {
        self.of_key(USHERS_KEY)
    }

    /// The way to it of whoever has this access key.
    pub(crate) fn of_key(&self, access_key_id: &str) -> Connection {
        Connection::to_stand_in(&self.endpoint, access_key_id).in_region(&self.region)
    }

    /// The simulated world, as of now.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world
    }

    /// The events that have come to the management account's event bus since the last time.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut world = self.world();
        let mut events = world.take_events(self.clock.now());
        let management = world.management_account().as_str();
        // What a member does is told in its own account, where no rule of Usher's listens.
        events.retain(|event| event.get("account").and_then(Value::as_str) == Some(management));
        events
    }

    /// Whether it serves no more.
    pub(crate) fn has_ended(&self) -> bool {
        self.served.is_finished()
    }

    /// Waits for as long as it serves; that ends only by an error.
    pub(crate) async fn served(&mut self) -> io::Result<()> {
        match (&mut self.served).await {
            Ok(served) => served,
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Takes no more connections, and lets the calls that are under way have their answers.
    pub(crate) async fn close(mut self) {
        // An error means that it serves no more.
        let _ = self.running.send(());
        if tokio::time::timeout(CLOSING, &mut self.served).await.is_err() {
            self.served.abort();
        }
    }
}
