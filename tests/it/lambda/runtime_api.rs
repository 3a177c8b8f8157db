//! The Lambda Runtime API on loopback: hands events to a function and takes its answers.
//!
//! Paths, headers and bodies as in the Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

use super::log::Log;

/// The largest answer that Lambda takes from a function: 6 MB (Lambda quotas, "Invocation payload").
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// How long an answer is waited for. Generous: it only ends a test that would fail anyway.
const PATIENCE: Duration = Duration::from_mins(2);

/// One execution environment's Runtime API. It serves one process at a time; the next may come when that one has ended.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

/// Why an invocation has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FunctionError {
    /// The function said that it failed; Lambda would try the event again.
    Reported { kind: String, message: String },
    /// The function could not start.
    Init { kind: String, message: String },
    /// The process ended before it answered.
    Exited { how: String },
    /// No answer came in time; says what was missing.
    Unanswered { missing: String },
}

/// What the server and the tests share.
#[derive(Debug)]
pub(super) struct Desk {
    inner: Mutex<Inner>,
    /// Something changed for those who ask for an event.
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    /// How long the function is told it has.
    time_limit: Duration,
    patience: Duration,
    /// Events that no process has taken yet.
    events: VecDeque<(String, Vec<u8>)>,
    /// Invocations without an answer, by request id.
    open: BTreeMap<String, Invocation>,
    process: Process,
    /// How many processes have ended: those that ask for an event and belong to an earlier one get none.
    ended: usize,
}

#[derive(Debug)]
struct Invocation {
    answer: oneshot::Sender<Result<Value, FunctionError>>,
    taken: bool,
}

/// The process that the API serves, as far as the tests started one.
#[derive(Debug)]
enum Process {
    /// None yet; a client of the test's own may ask.
    None,
    Running {
        name: String,
        log: Log,
    },
    Ended {
        how: String,
    },
}

impl RuntimeApi {
    /// Starts to listen on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            inner: Mutex::new(Inner {
                time_limit: Duration::from_mins(5),
                patience: PATIENCE,
                events: VecDeque::new(),
                open: BTreeMap::new(),
                process: Process::None,
                ended: 0,
            }),
            changed: Notify::new(),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .route("/2020-01-01/extension/register", post(register))
            .route("/2020-01-01/extension/event/next", get(extension_next))
            .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
            .with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, desk, server }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` is to be.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The time limit that later invocations are told; the API itself does not enforce it.
    pub(crate) fn set_time_limit(&self, limit: Duration) {
        self.desk.lock().time_limit = limit;
    }

    /// How long later invocations wait for their answer.
    pub(crate) fn set_patience(&self, patience: Duration) {
        self.desk.lock().patience = patience;
    }

    /// Gives the function one event and waits for its answer. Not for tests whose clock is paused: the process is real.
    pub(crate) async fn invoke(&self, event: impl Into<Vec<u8>>) -> Result<Value, FunctionError> {
        let id = Uuid::new_v4().to_string();
        let (answer, answered) = oneshot::channel();
        let patience = {
            let mut inner = self.desk.lock();
            if let Process::Ended { how } = &inner.process {
                return Err(FunctionError::Exited { how: how.clone() });
            }
            inner.events.push_back((id.clone(), event.into()));
            inner.open.insert(id.clone(), Invocation { answer, taken: false });
            inner.patience
        };
        self.desk.changed.notify_waiters();
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                Err(FunctionError::Unanswered { missing: "the Runtime API itself ended".to_owned() })
            }
            Err(_) => Err(self.desk.lock().give_up(&id)),
        }
    }

    pub(super) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// A process begins to use the API.
    pub(super) fn started(&self, name: &str, log: &Log) {
        let mut inner = self.lock();
        let busy = matches!(inner.process, Process::Running { .. });
        assert!(!busy, "a Runtime API serves one process at a time; start another for `{name}`");
        inner.process = Process::Running { name: name.to_owned(), log: log.clone() };
    }

    /// The process is gone: what it had not answered, it never will.
    pub(super) fn ended(&self, how: &str) {
        let mut inner = self.lock();
        if !matches!(inner.process, Process::Running { .. }) {
            return;
        }
        inner.process = Process::Ended { how: how.to_owned() };
        inner.ended += 1;
        inner.fail_all(&FunctionError::Exited { how: how.to_owned() });
        drop(inner);
        self.changed.notify_waiters();
    }

    fn answer(&self, id: &str, outcome: Result<Value, FunctionError>) -> Response {
        let mut inner = self.lock();
        if !inner.open.get(id).is_some_and(|invocation| invocation.taken) {
            let body = json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"});
            return (StatusCode::BAD_REQUEST, body.to_string()).into_response();
        }
        if let Some(invocation) = inner.open.remove(id) {
            // Whoever asked may have given up.
            let _ = invocation.answer.send(outcome);
        }
        (StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()).into_response()
    }
}

impl Inner {
    fn fail_all(&mut self, failure: &FunctionError) {
        self.events.clear();
        for (_, invocation) in std::mem::take(&mut self.open) {
            let _ = invocation.answer.send(Err(failure.clone()));
        }
    }

    fn give_up(&mut self, id: &str) -> FunctionError {
        self.events.retain(|(event, _)| event != id);
        let taken = self.open.remove(id).is_some_and(|invocation| invocation.taken);
        let missing = match (&self.process, taken) {
            (Process::None | Process::Ended { .. }, false) => "no function asked for the event".to_owned(),
            (Process::None | Process::Ended { .. }, true) => {
                "the event was taken and not answered".to_owned()
            }
            (Process::Running { name, log }, false) => {
                format!("`{name}` runs and did not ask for the event; {}", log.tail())
            }
            (Process::Running { name, log }, true) => {
                format!("`{name}` took the event and did not answer; {}", log.tail())
            }
        };
        FunctionError::Unanswered { missing }
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    let asked_at = desk.lock().ended;
    loop {
        let changed = desk.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        {
            let mut inner = desk.lock();
            if inner.ended != asked_at {
                return StatusCode::GONE.into_response();
            }
            if let Some((id, event)) = inner.events.pop_front() {
                if let Some(invocation) = inner.open.get_mut(&id) {
                    invocation.taken = true;
                }
                return invocation_response(&id, event, inner.time_limit);
            }
        }
        changed.await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the function under test is a process, and reads the wall clock too"
)]
fn invocation_response(id: &str, event: Vec<u8>, time_limit: Duration) -> Response {
    let deadline = jiff::Timestamp::now() + time_limit;
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:under-test".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".to_owned(),
        ),
    ];
    (headers, event).into_response()
}

async fn response(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: Bytes) -> Response {
    let outcome = serde_json::from_slice(&body).map_err(|reason| FunctionError::Reported {
        kind: "Runtime.InvalidResponse".to_owned(),
        message: format!("the answer is not JSON: {reason}"),
    });
    desk.answer(&id, outcome)
}

async fn error(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: Bytes) -> Response {
    let (kind, message) = reported(&body);
    desk.answer(&id, Err(FunctionError::Reported { kind, message }))
}

async fn init_error(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let (kind, message) = reported(&body);
    desk.lock().fail_all(&FunctionError::Init { kind, message });
    (StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()).into_response()
}

/// The type and the message of a function's error document.
fn reported(body: &[u8]) -> (String, String) {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}

async fn register() -> Response {
    let body = json!({"functionName": "under-test", "functionVersion": "$LATEST", "handler": "bootstrap"});
    ([("lambda-extension-identifier", Uuid::new_v4().to_string())], body.to_string()).into_response()
}

/// An extension that asks for an event waits until the environment is shut down, which here is never.
async fn extension_next() -> Response {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// The least of an HTTP client: the status, the head in lower case, and the body.
    async fn http(api: &RuntimeApi, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    fn header(head: &str, name: &str) -> String {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no `{name}` in {head}")).to_owned()
    }

    async fn take(api: &RuntimeApi) -> (String, String) {
        let (status, head, event) = http(api, "GET", "/2018-06-01/runtime/invocation/next", "").await;
        assert_eq!(status, 200);
        (header(&head, "lambda-runtime-aws-request-id"), event)
    }

    #[tokio::test]
    async fn an_event_reaches_the_function_and_its_answer_comes_back() {
        let api = RuntimeApi::start().await;
        let function = async {
            let (id, event) = take(&api).await;
            assert_eq!(event, r#"{"hello":"world"}"#);
            let path = format!("/2018-06-01/runtime/invocation/{id}/response");
            assert_eq!(http(&api, "POST", &path, r#"{"done":1}"#).await.0, 202);
        };
        let (outcome, ()) = tokio::join!(api.invoke(r#"{"hello":"world"}"#), function);
        assert_eq!(outcome, Ok(json!({"done": 1})));
    }

    #[tokio::test]
    async fn events_come_in_the_order_in_which_they_were_given() {
        let api = RuntimeApi::start().await;
        let function = async {
            for expected in ["1", "2"] {
                let (id, event) = take(&api).await;
                assert_eq!(event, expected);
                http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), &event).await;
            }
        };
        let (first, second, ()) = tokio::join!(biased; api.invoke("1"), api.invoke("2"), function);
        assert_eq!((first, second), (Ok(json!(1)), Ok(json!(2))));
    }

    #[tokio::test]
    async fn an_error_of_the_function_comes_back_as_one() {
        let api = RuntimeApi::start().await;
        let function = async {
            let (id, _) = take(&api).await;
            let body = r#"{"errorType":"Throttled","errorMessage":"try me again"}"#;
            http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/error"), body).await;
        };
        let (outcome, ()) = tokio::join!(api.invoke("{}"), function);
        let expected =
            FunctionError::Reported { kind: "Throttled".to_owned(), message: "try me again".to_owned() };
        assert_eq!(outcome, Err(expected));
    }

    #[tokio::test]
    async fn a_function_that_cannot_start_fails_what_waits_for_it() {
        let api = RuntimeApi::start().await;
        let body = r#"{"errorType":"Runtime.InitError","errorMessage":"no settings"}"#;
        let function = http(&api, "POST", "/2018-06-01/runtime/init/error", body);
        let (outcome, _) = tokio::join!(biased; api.invoke("{}"), function);
        let expected =
            FunctionError::Init { kind: "Runtime.InitError".to_owned(), message: "no settings".to_owned() };
        assert_eq!(outcome, Err(expected));
    }

    #[tokio::test]
    async fn an_answer_to_an_unknown_request_is_refused() {
        let api = RuntimeApi::start().await;
        assert_eq!(http(&api, "POST", "/2018-06-01/runtime/invocation/none/response", "{}").await.0, 400);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_json_is_an_error() {
        let api = RuntimeApi::start().await;
        let function = async {
            let (id, _) = take(&api).await;
            http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "oops").await;
        };
        let (outcome, ()) = tokio::join!(api.invoke("{}"), function);
        assert!(
            matches!(outcome, Err(FunctionError::Reported { kind, .. }) if kind == "Runtime.InvalidResponse")
        );
    }

    #[tokio::test]
    async fn who_waits_in_vain_learns_what_was_missing() {
        let api = RuntimeApi::start().await;
        api.set_patience(Duration::ZERO);
        let missing = "no function asked for the event".to_owned();
        assert_eq!(api.invoke("1").await, Err(FunctionError::Unanswered { missing }));

        // The event that was given up is not handed out later.
        api.set_patience(PATIENCE);
        let function = async {
            let (id, event) = take(&api).await;
            assert_eq!(event, "2");
            http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "2").await;
        };
        assert_eq!(tokio::join!(api.invoke("2"), function).0, Ok(json!(2)));
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the deadline is in wall-clock time")]
    async fn the_function_is_told_its_deadline() {
        let api = RuntimeApi::start().await;
        api.set_time_limit(Duration::from_hours(24));
        let before = jiff::Timestamp::now();
        let function = async {
            let (_, head, _) = http(&api, "GET", "/2018-06-01/runtime/invocation/next", "").await;
            let deadline: i64 = header(&head, "lambda-runtime-deadline-ms").parse().unwrap();
            assert!(deadline >= (before + Duration::from_hours(24)).as_millisecond());
            for name in ["lambda-runtime-invoked-function-arn", "lambda-runtime-trace-id"] {
                assert!(!header(&head, name).is_empty());
            }
            let id = header(&head, "lambda-runtime-aws-request-id");
            http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "null").await;
        };
        assert_eq!(tokio::join!(api.invoke("{}"), function).0, Ok(Value::Null));
    }

    #[tokio::test]
    async fn an_extension_may_register() {
        let api = RuntimeApi::start().await;
        let (status, head, _) = http(&api, "POST", "/2020-01-01/extension/register", "{}").await;
        assert_eq!(status, 200);
        assert!(!header(&head, "lambda-extension-identifier").is_empty());
    }
}
