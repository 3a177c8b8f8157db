//! AWS's protocol, JSON 1.1: one request, one answer, whatever the request is like.

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::{
    Face,
    body::{self, Unreadable},
    connection::Cut,
    event_bus, signature, sts,
};
use crate::{ApiError, Caller, CallerKind, World, dispatch, in_process::lock};

/// What the answer's and the request's content type are.
const JSON_1_1: &str = "application/x-amz-json-1.1";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// One call.
pub(super) async fn answer(
    State(face): State<Face>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = body::read(request, super::MOST_BYTES).await.map_err(unreadable);
    if sts::is_asked(&headers) {
        return sts::answer(&face, &headers, body);
    }
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if event_bus::is_asked(target) {
        return event_bus::answer(&face, &headers, target, body);
    }
    let (result, request_id, delay) = {
        // A call that never gets as far as the operation has an id all the same.
        let mut world = lock(&face.world);
        let before = world.latest_call();
        let result = call(&face, &mut world, &headers, target, body);
        match world.latest_call().filter(|id| Some(*id) != before) {
            Some(id) => (result, id.to_string(), world.answer_delay()),
            None => (result, world.answer_id().to_string(), std::time::Duration::ZERO),
        }
    };
    if !delay.is_zero() {
        face.clock.sleep(delay).await;
    }
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        // The client waits until it gives up, which ends this future.
        Err(error) if error.is_silence() => std::future::pending().await,
        Err(error) if error.is_lost() => {
            cut.cut();
            (StatusCode::INTERNAL_SERVER_ERROR, Value::Null)
        }
        Err(error) => (status(&error), error_body(target, &request_id, error)),
    };
    reply(status, &request_id, &body)
}

fn call(
    face: &Face,
    world: &mut World,
    headers: &HeaderMap,
    target: &str,
    body: Result<Bytes, ApiError>,
) -> Result<Value, ApiError> {
    let service = dispatch::service(target).ok_or_else(|| unknown(target))?;
    is_json(headers)?;
    let signed = signature::read(headers, service, &world.settings.region)?;
    let caller = caller(face, world, signed.access_key, token(headers))?;
    let body = body.inspect_err(|error| dispatch::count_malformed(world, target, error))?;
    let now = face.clock.now();
    world.from_region(Some(signed.region), |world| dispatch::dispatch(world, now, &caller, target, &body))
}

/// Whether the body says that it is of this protocol.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // What follows a semicolon is the character set, which JSON leaves no choice of.
    if content_type.split(';').next().map(str::trim) == Some(JSON_1_1) {
        return Ok(());
    }
    Err(ApiError::new(
        "UnknownOperationException",
        format!("the Content-Type is `{content_type}`: this protocol's is {JSON_1_1}"),
    ))
}

/// The token that comes with the key of a session.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-security-token").and_then(|value| value.to_str().ok())
}

/// The caller whose key a request was signed with. A key that nobody named is an administrator's of the management account, and Usher's
/// if it ends in `USHER`, unless unknown keys are refused. A key of a session is never one that nobody named.
pub(super) fn caller(
    face: &Face,
    world: &World,
    access_key: &str,
    token: Option<&str>,
) -> Result<Caller, ApiError> {
    if let Some(caller) = face.callers.by_access_key.get(access_key) {
        return Ok(caller.clone());
    }
    if let Some(caller) = world.caller_of(access_key) {
        return Ok(caller);
    }
    if let Some(caller) = world.caller_in_session(face.clock.now(), access_key, token) {
        return caller;
    }
    if world.refuses_unknown_keys() {
        return Err(ApiError::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
    }
    let name = if access_key.ends_with("USHER") { "usher" } else { "administrator" };
    Ok(Caller::new(name, world.management_account().clone(), CallerKind::Management))
}

/// AWS says nothing but the code.
fn unknown(target: &str) -> ApiError {
    let message = if target.is_empty() {
        "there is no X-Amz-Target header, such as `X-Amz-Target: SWBExternalService.ListInstances`".to_owned()
    } else {
        String::new()
    };
    ApiError::new("UnknownOperationException", message)
}

fn unreadable(why: Unreadable) -> ApiError {
    match why {
        Unreadable::Broken => ApiError::new("SerializationException", "the body ended before its end"),
        Unreadable::TooLong => ApiError {
            status: 413,
            ..ApiError::new(
                "RequestEntityTooLargeException",
                format!("Request must be smaller than {} bytes", super::MOST_BYTES),
            )
        },
    }
}

/// What is neither AWS's protocol nor the control endpoint.
pub(super) async fn elsewhere(State(face): State<Face>) -> Response {
    let error = ApiError::new(
        "UnknownOperationException",
        "AWS's protocol is `POST /` with an X-Amz-Target header; the simulator's own endpoint is described at `GET /_usher/`",
    );
    let request_id = lock(&face.world).answer_id().to_string();
    reply(StatusCode::NOT_FOUND, &request_id, &error_body("", &request_id, error))
}

/// Every answer has an id, the control endpoint's too.
pub(super) async fn with_request_id(State(face): State<Face>, mut response: Response) -> Response {
    if !response.headers().contains_key(REQUEST_ID) {
        let id = lock(&face.world).answer_id().to_string();
        set_request_id(&mut response, &id);
    }
    response
}

fn set_request_id(response: &mut Response, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
}

pub(super) fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn reply(status: StatusCode, request_id: &str, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON_1_1));
    set_request_id(&mut response, request_id);
    response
}

/// An error as JSON 1.1 writes it. All services name the text `Message` in their models; clients read both spellings. Identity Store's
/// errors have the request's id in them as well, and say when it may be tried again where that can help.
pub(super) fn error_body(target: &str, request_id: &str, error: ApiError) -> Value {
    let ApiError { code, message, status: _, extra } = error;
    let mut members = Map::new();
    members.insert("__type".to_owned(), code.into());
    let spelling = if target.starts_with("SWBExternalService") { "message" } else { "Message" };
    if !message.is_empty() {
        members.insert(spelling.to_owned(), message.into());
    }
    if target.starts_with("AWSIdentityStore") {
        members.insert("RequestId".to_owned(), request_id.into());
        if matches!(code, "ThrottlingException" | "InternalServerException") {
            members.insert("RetryAfterSeconds".to_owned(), 1.into());
        }
    }
    for (member, value) in extra {
        members.insert(member.to_owned(), value.into());
    }
    Value::Object(members)
}
