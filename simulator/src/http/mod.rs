//! The face on the wire: JSON 1.1 over HTTP on a loopback port, all services on one.
//!
//! Nothing that a client sends brings the server down: what can't be read is answered with AWS's own error. Beside the protocol there
//! is a control endpoint under `/_usher/`.

mod body;
mod connection;
mod control;
mod event_bus;
mod protocol;
mod signature;
mod sts;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    middleware::map_response_with_state,
    routing::{delete, get, post},
};
use shared::ports::Clock;
use tokio::net::TcpListener;

use crate::{Caller, World, in_process::lock};
use connection::{Cut, Listener};

/// The longest body that a call may have: AWS's own services take less.
const MOST_BYTES: usize = 1024 * 1024;
/// The longest state that is taken.
const MOST_STATE_BYTES: usize = 64 * 1024 * 1024;
/// How many of the latest calls a served world keeps with what they said; the counters count all.
const MOST_CALLS: usize = 10_000;
/// How many events a served world keeps for whoever takes them: 10,000 are some 20 MB, and fit into a state.
const MOST_EVENTS: usize = 10_000;
/// How long requests that are being answered are waited for after the shutdown has been asked for. Some are never answered, by a fault.
const GRACE: Duration = Duration::from_secs(2);

/// Who is behind access keys, beside those that the organization's file names.
#[derive(Debug, Clone, Default)]
pub struct Callers {
    by_access_key: BTreeMap<String, Caller>,
}

impl Callers {
    /// A key's calls are this caller's from now on.
    pub fn with(mut self, access_key_id: &str, caller: Caller) -> Self {
        self.by_access_key.insert(access_key_id.to_owned(), caller);
        self
    }
}

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    callers: Arc<Callers>,
}

/// Serves a world until `shutdown` ends, and then ends what is being answered. The time of each call is the clock's.
pub async fn serve(
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    callers: Callers,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    {
        let mut world = lock(&world);
        world.keep_calls(MOST_CALLS);
        world.keep_events(MOST_EVENTS);
    }
    let face = Face { world, clock, callers: Arc::new(callers) };
    let service = Router::new()
        .route("/", post(protocol::answer).fallback(protocol::elsewhere))
        .route("/_usher/", get(control::index))
        .nest("/_usher", control_endpoint())
        .fallback(protocol::elsewhere)
        .layer(map_response_with_state(face.clone(), protocol::with_request_id))
        .with_state(face)
        .into_make_service_with_connect_info::<Cut>();
    let (told, was_told) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // Nobody listens any more if the server has ended by itself.
        let _ = told.send(());
    };
    let serving = axum::serve(Listener(listener), service).with_graceful_shutdown(shutdown);
    let out_of_patience = async {
        match was_told.await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_never_told) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = serving => served,
        () = out_of_patience => Ok(()),
    }
}

fn control_endpoint() -> Router<Face> {
    Router::new()
        .route("/", get(control::index))
        .route("/assignments", get(control::assignments))
        .route("/counters", get(control::counters).delete(control::reset_counters))
        .route("/events", get(control::events))
        .route("/faults", get(control::faults).post(control::add_fault).delete(control::clear_faults))
        .route("/faults/{operation}", delete(control::clear_faults_of))
        .route("/requests", get(control::requests))
        .route("/state", get(control::state).put(control::load_state))
        .fallback(control::unknown)
        .method_not_allowed_fallback(control::unknown)
}
