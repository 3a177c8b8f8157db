//! The face on the wire: JSON 1.1 over HTTP on a loopback port, all three services on one.
//!
//! Nothing that a client sends brings the server down: what can't be read is answered with AWS's own error. Beside the protocol there
//! is a small control endpoint under `/_usher/`.

mod connection;
mod control;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value};
use shared::ports::Clock;
use tokio::net::TcpListener;

use crate::{ApiError, Caller, CallerKind, World, dispatch, in_process::lock};
use connection::{Cut, Listener};

/// The longest body that is read: AWS's own services take less.
const MOST_BYTES: usize = 1024 * 1024;

/// Who is behind each access key id. A key that is not here belongs to a role of the management account.
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

    /// The caller whose key a request was signed with. Signatures are not checked. A key that ends in `USHER` is Usher's; every
    /// other key that was not named is a person's.
    fn of(&self, headers: &HeaderMap, world: &World) -> Caller {
        let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(access_key_id);
        if let Some(caller) = key.and_then(|key| self.by_access_key.get(key)) {
            return caller.clone();
        }
        let name = if key.is_some_and(|key| key.ends_with("USHER")) { "usher" } else { "administrator" };
        Caller::new(name, world.management_account().clone(), CallerKind::Management)
    }
}

/// The key in `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
fn access_key_id(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(['/', ',']).next().filter(|key| !key.is_empty())
}

/// The Region in the same place: where the client thinks that it sends its call.
fn region_of_scope(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(',').next()?.split('/').nth(2).filter(|region| !region.is_empty())
}

#[derive(Clone)]
struct Face {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    callers: Arc<Callers>,
}

/// Serves a world until `shutdown` ends. The time of each call is the clock's.
pub async fn serve(
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    callers: Callers,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let face = Face { world, clock, callers: Arc::new(callers) };
    let service = Router::new()
        .route("/", post(answer))
        .route("/_usher/assignments", get(control::assignments))
        .route("/_usher/counters", get(control::counters))
        .route("/_usher/events", get(control::events))
        .route("/_usher/faults", post(control::faults).delete(control::clear_faults))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(face)
        .into_make_service_with_connect_info::<Cut>();
    axum::serve(Listener(listener), service).with_graceful_shutdown(shutdown).await
}

/// One call of the protocol.
async fn answer(
    State(face): State<Face>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (result, request_id) = {
        let mut world = lock(&face.world);
        let caller = face.callers.of(&headers, &world);
        let before = world.log().len();
        let region =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(region_of_scope);
        let now = face.clock.now();
        let result =
            world.from_region(region, |world| dispatch::dispatch(world, now, &caller, target, &body));
        (result, world.answer_id(before))
    };
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        Err(error) if error.is_lost() => {
            cut.cut();
            (StatusCode::INTERNAL_SERVER_ERROR, Value::Null)
        }
        Err(error) => (
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error_body(target, error),
        ),
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// An error as JSON 1.1 writes it. All three services name the text `Message` in their models; clients read both spellings.
fn error_body(target: &str, error: ApiError) -> Value {
    let ApiError { code, message, status: _, extra } = error;
    let mut members = Map::new();
    members.insert("__type".to_owned(), code.into());
    let spelling = if target.starts_with("SWBExternalService") { "message" } else { "Message" };
    if !message.is_empty() {
        members.insert(spelling.to_owned(), message.into());
    }
    for (member, value) in extra {
        members.insert(member.to_owned(), value.into());
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_is_found_in_the_signature_header_or_not_at_all() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEUSHER/20261121/us-east-1/sso/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(access_key_id(header), Some("AKIAEXAMPLEUSHER"));
        for bad in ["", "Bearer x", "Credential=", "AWS4-HMAC-SHA256 Credential=/20261121"] {
            assert_eq!(access_key_id(bad), None, "{bad}");
            assert_eq!(region_of_scope(bad), None, "{bad}");
        }
        assert_eq!(region_of_scope(header), Some("us-east-1"));
    }
}
