//! The control endpoint: what a test or a person asks of the simulator itself, outside AWS's protocol.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::Face;
use crate::{FaultRule, in_process::lock};

/// `GET /_usher/assignments`: the assignments that exist now, in truth.
pub(super) async fn assignments(State(face): State<Face>) -> Json<Value> {
    let mut world = lock(&face.world);
    world.advance(face.clock.now());
    let rows: Vec<Value> =
        world.assignments().iter().map(|(key, made)| json!({ "key": key, "made": made })).collect();
    Json(json!({ "assignments": rows }))
}

/// `GET /_usher/counters`: calls, throttles, errors, and the requests under way.
pub(super) async fn counters(State(face): State<Face>) -> Json<Value> {
    let mut world = lock(&face.world);
    world.advance(face.clock.now());
    Json(json!({ "counters": world.counters(), "outstanding": world.outstanding() }))
}

/// `GET /_usher/events`: the events since the last time this was asked.
pub(super) async fn events(State(face): State<Face>) -> Json<Value> {
    let mut world = lock(&face.world);
    Json(json!({ "events": world.take_events(face.clock.now()) }))
}

/// `POST /_usher/faults`: one fault more, such as `{"operation": "GetGroupId", "fault": "throttle", "calls": 2}`.
pub(super) async fn faults(State(face): State<Face>, body: Bytes) -> Response {
    match serde_json::from_slice::<FaultRule>(&body) {
        Ok(rule) => {
            lock(&face.world).faults.add(rule);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            let message = format!(
                "not a fault: {error}; an example is {{\"operation\": \"GetGroupId\", \"fault\": \"throttle\", \"calls\": 2}}"
            );
            (StatusCode::BAD_REQUEST, Json(json!({ "message": message }))).into_response()
        }
    }
}

/// `DELETE /_usher/faults`: no faults from now on.
pub(super) async fn clear_faults(State(face): State<Face>) -> StatusCode {
    lock(&face.world).faults.clear_all();
    StatusCode::NO_CONTENT
}
