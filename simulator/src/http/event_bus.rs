//! `EventBridge`: `PutEvents`, which leaves no trace but the events themselves.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::Value;

use super::{Face, protocol, signature};
use crate::{ApiError, in_process::lock, world::event_bus::PutEvents};

/// The name that requests to it are signed with.
const NAME: &str = "events";
const SERVICE: &str = "AWSEvents";
const OPERATION: &str = "PutEvents";

/// Whether `X-Amz-Target` names it.
pub(super) fn is_asked(target: &str) -> bool {
    target.split('.').next() == Some(SERVICE)
}

/// One call.
pub(super) fn answer(
    face: &Face,
    headers: &HeaderMap,
    target: &str,
    body: Result<Bytes, ApiError>,
) -> Response {
    let request_id = lock(&face.world).answer_id().to_string();
    match body.and_then(|body| answered(face, headers, target, &body)) {
        Ok(output) => protocol::reply(StatusCode::OK, &request_id, &output),
        Err(error) => {
            let status = protocol::status(&error);
            protocol::reply(status, &request_id, &protocol::error_body(target, &request_id, error))
        }
    }
}

fn answered(face: &Face, headers: &HeaderMap, target: &str, body: &[u8]) -> Result<Value, ApiError> {
    if target.split_once('.').map(|(_, operation)| operation) != Some(OPERATION) {
        return Err(ApiError::new(
            "UnknownOperationException",
            "EventBridge has PutEvents here, and nothing else",
        ));
    }
    protocol::is_json(headers)?;
    let signed = signature::read_for(headers, NAME, None)?;
    let mut world = lock(&face.world);
    let caller = protocol::caller(face, &world, signed.access_key, protocol::token(headers))?;
    let input: PutEvents = serde_json::from_slice(body).map_err(|error| {
        ApiError::new("SerializationException", format!("the body can't be read: {error}"))
    })?;
    world.put_events(face.clock.now(), &caller, signed.region, &input)
}
