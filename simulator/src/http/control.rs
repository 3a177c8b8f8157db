//! The control endpoint: what a test or a person asks of the simulator itself, outside AWS's protocol and without a signature.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Face,
    body::{self, Unreadable},
};
use crate::{DescriptionError, PlannedFault, World, in_process::lock};

/// What there is to ask for.
const INDEX: &[(&str, &str)] = &[
    ("GET /_usher/assignments", "the assignments that exist now, in truth"),
    ("GET /_usher/requests", "all assignment requests, ended or under way"),
    ("GET /_usher/counters", "calls, throttles and refusals, and the requests under way"),
    ("DELETE /_usher/counters", "counts from zero again"),
    ("GET /_usher/events", "the events since the last time this was asked"),
    ("GET /_usher/faults", "the faults in force"),
    ("POST /_usher/faults", "one fault more, as JSON"),
    ("DELETE /_usher/faults", "ends all faults"),
    ("DELETE /_usher/faults/<Operation>", "ends the faults of one operation"),
    ("GET /_usher/state", "the whole state as YAML"),
    ("PUT /_usher/state", "becomes what a YAML file describes: an organization or a whole state"),
];

/// The world as of now, and something made of it.
fn looking<T>(face: &Face, look: impl FnOnce(&mut World) -> T) -> T {
    let mut world = lock(&face.world);
    world.advance(face.clock.now());
    look(&mut world)
}

fn mistake(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(json!({ "message": message.into() }))).into_response()
}

/// A body that is longer than is taken, or that ended early.
fn unreadable(why: Unreadable, most: usize) -> Response {
    match why {
        Unreadable::TooLong => mistake(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is too long: at most {most} bytes are taken"),
        ),
        Unreadable::Broken => mistake(StatusCode::BAD_REQUEST, "the body ended before its end"),
    }
}

/// `GET /_usher/`: what there is to ask for.
pub(super) async fn index() -> Json<Value> {
    let lines: serde_json::Map<String, Value> =
        INDEX.iter().map(|(request, what)| ((*request).to_owned(), (*what).into())).collect();
    Json(Value::Object(lines))
}

/// Everything else under `/_usher/`.
pub(super) async fn unknown(method: Method, uri: Uri) -> Response {
    let known: Vec<&str> = INDEX.iter().map(|(request, _)| *request).collect();
    let message = format!("there is no `{method} /_usher{}`; there is {}", uri.path(), known.join(", "));
    mistake(StatusCode::NOT_FOUND, message)
}

/// `GET /_usher/assignments`
pub(super) async fn assignments(State(face): State<Face>) -> Json<Value> {
    Json(looking(&face, |world| {
        let rows: Vec<Value> =
            world.assignments().iter().map(|(key, made)| json!({ "key": key, "made": made })).collect();
        json!({ "assignments": rows })
    }))
}

/// `GET /_usher/requests`
pub(super) async fn requests(State(face): State<Face>) -> Json<Value> {
    Json(looking(&face, |world| {
        let rows: Vec<Value> = world
            .request_log()
            .map(|record| {
                let (status, ended_at, reason) = match &record.settled {
                    None => ("IN_PROGRESS", None, None),
                    Some((at, Ok(()))) => ("SUCCEEDED", Some(at), None),
                    Some((at, Err(reason))) => ("FAILED", Some(at), Some(reason)),
                };
                json!({
                    "id": record.id, "operation": record.operation, "key": record.key, "by": record.by, "status": status,
                    "accepted_at": record.accepted_at, "ended_at": ended_at, "failure_reason": reason,
                })
            })
            .collect();
        json!({ "requests": rows })
    }))
}

/// `GET /_usher/counters`
pub(super) async fn counters(State(face): State<Face>) -> Json<Value> {
    Json(looking(&face, |world| json!({ "counters": world.counters(), "outstanding": world.outstanding() })))
}

/// `DELETE /_usher/counters`
pub(super) async fn reset_counters(State(face): State<Face>) -> StatusCode {
    looking(&face, World::reset_counters);
    StatusCode::NO_CONTENT
}

/// `GET /_usher/events`
pub(super) async fn events(State(face): State<Face>) -> Json<Value> {
    let now = face.clock.now();
    Json(looking(&face, |world| json!({ "events": world.take_events(now) })))
}

/// `GET /_usher/faults`
pub(super) async fn faults(State(face): State<Face>) -> Json<Value> {
    Json(json!({ "faults": lock(&face.world).faults.list() }))
}

/// `POST /_usher/faults`, such as `{"operation": "GetGroupId", "fault": "throttle", "calls": 2}`.
pub(super) async fn add_fault(State(face): State<Face>, request: Request) -> Response {
    let body = match body::read(request, super::MOST_BYTES).await {
        Ok(body) => body,
        Err(why) => return unreadable(why, super::MOST_BYTES),
    };
    let rule = match serde_json::from_slice::<PlannedFault>(&body) {
        Ok(rule) => rule,
        Err(error) => {
            let message = format!(
                "not a fault: {error}; examples are {{\"operation\": \"GetGroupId\", \"fault\": \"throttle\", \"calls\": 2}} and \
                 {{\"operation\": \"*\", \"fault\": {{\"slow_answer\": \"2s\"}}, \"probability\": 0.1}}"
            );
            return mistake(StatusCode::BAD_REQUEST, message);
        }
    };
    let mut world = lock(&face.world);
    if let Some(why) = rule.mistake() {
        return mistake(StatusCode::BAD_REQUEST, format!("no call would ever meet this fault: {why}"));
    }
    world.faults.add(rule);
    StatusCode::NO_CONTENT.into_response()
}

/// `GET /_usher/state`
pub(super) async fn state(State(face): State<Face>) -> Response {
    match looking(&face, |world| world.to_yaml()) {
        Ok(yaml) => ([(CONTENT_TYPE, "application/yaml")], yaml).into_response(),
        Err(message) => mistake(StatusCode::INTERNAL_SERVER_ERROR, message),
    }
}

/// `PUT /_usher/state`
pub(super) async fn load_state(State(face): State<Face>, request: Request) -> Response {
    let body = match body::read(request, super::MOST_STATE_BYTES).await {
        Ok(body) => body,
        Err(why) => return unreadable(why, super::MOST_STATE_BYTES),
    };
    let yaml = match std::str::from_utf8(&body) {
        Ok(yaml) => yaml,
        Err(error) => return mistake(StatusCode::BAD_REQUEST, format!("this is no UTF-8: {error}")),
    };
    let now = face.clock.now();
    match lock(&face.world).load(now, yaml) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let DescriptionError { line, column, message } = error;
            let told = json!({ "message": message, "line": line, "column": column });
            (StatusCode::BAD_REQUEST, Json(told)).into_response()
        }
    }
}

/// `DELETE /_usher/faults`
pub(super) async fn clear_faults(State(face): State<Face>) -> StatusCode {
    lock(&face.world).faults.clear_all();
    StatusCode::NO_CONTENT
}

/// `DELETE /_usher/faults/<Operation>`
pub(super) async fn clear_faults_of(State(face): State<Face>, Path(operation): Path<String>) -> StatusCode {
    lock(&face.world).faults.clear(&operation);
    StatusCode::NO_CONTENT
}
