//! Between each function and AWS: writes down what IAM would be asked about its calls, and passes them on.
//!
//! What a test's functions have called lies in `target/tmp/calls` after it. `infra::roles` holds it against the functions' roles.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, Method, StatusCode, Uri,
        header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING},
    },
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use simulator::{Caller, CallerKind, World};
use tokio::{net::TcpListener, task::JoinHandle};

use super::calls::{Asked, Here, Sent};

/// What one function's environment says of the stack that it would be of: parameters of the template, by the variables that they set.
const PARAMETERS: [(&str, &[&str]); 8] = [
    ("USHER_INSTANCE_ARN", &["InstanceArn"]),
    ("USHER_LEDGER_TABLE", &["LedgerTableName"]),
    ("USHER_RULES_BUCKET", &["RulesBucketName"]),
    ("USHER_RULES_PREFIX", &["RulesPrefix"]),
    ("USHER_REPORTS_BUCKET", &["ReportsBucketName"]),
    ("USHER_REPORTS_PREFIX", &["ReportsPrefix"]),
    ("USHER_MANAGEMENT_ACCOUNT", &["ManagementAccountWrites"]),
    ("USHER_MANAGEMENT_ROLE_ARN", &["ManagementReadRoleArn", "ManagementWriteRoleArn"]),
];

/// Where recordings lie.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("calls")
}

/// Who makes calls: a function in a stack, by its own role or by one that it has assumed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Made {
    pub(crate) function: String,
    /// The account that the stack is in.
    pub(crate) account: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Whether they are signed with the credentials of the role in the management account.
    pub(crate) by_management_role: bool,
}

/// All that was asked.
pub(crate) type Recording = BTreeMap<Made, BTreeSet<Asked>>;

/// What the functions of one test call.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    recording: Arc<Mutex<Recording>>,
    proxies: Mutex<Vec<JoinHandle<()>>>,
}

/// Where a function's calls go, and by whom they are made.
pub(super) struct Upstream {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) simulator: String,
    pub(super) moto: String,
}

struct Proxy {
    upstream: Upstream,
    recording: Arc<Mutex<Recording>>,
    made: Made,
    access_key: String,
    client: Client<HttpConnector, Body>,
}

impl Recorder {
    /// Has the calls of a function with this environment go by a proxy of its own, if it is set up as the template sets it up.
    pub(super) async fn listen(
        &self,
        function: &str,
        account: &str,
        upstream: Upstream,
        mut envs: BTreeMap<&'static str, String>,
    ) -> BTreeMap<&'static str, String> {
        let named = |variable: &str| envs.get(variable).filter(|value| !value.is_empty());
        let (Some(access_key), Some(_)) = (named("AWS_ACCESS_KEY_ID"), named("USHER_INSTANCE_ARN")) else {
            return envs;
        };
        let access_key = access_key.clone();
        let mut parameters = BTreeMap::new();
        {
            let world = upstream.world.lock().unwrap();
            parameters.insert("ManagementAccountId".to_owned(), world.management_account().to_string());
            parameters.insert("OrganizationId".to_owned(), world.organization_id().to_owned());
        }
        for (variable, names) in PARAMETERS {
            let value =
                named(variable).into_iter().flat_map(|value| names.iter().map(move |name| (name, value)));
            parameters.extend(value.map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        let proxy = Proxy {
            upstream,
            recording: Arc::clone(&self.recording),
            made: Made {
                function: function.to_owned(),
                account: account.to_owned(),
                parameters,
                by_management_role: false,
            },
            access_key,
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(pass_on).with_state(Arc::new(proxy));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        self.proxies.lock().unwrap().push(server);
        for (variable, value) in &mut envs {
            if variable.starts_with("AWS_ENDPOINT_URL") {
                value.clone_from(&url);
            }
        }
        envs
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        for proxy in self.proxies.lock().unwrap().drain(..) {
            proxy.abort();
        }
        write(&self.recording.lock().unwrap());
    }
}

/// Each recording of a test has a file of its own, which the next run of the same test writes over.
fn write(recording: &Recording) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if recording.is_empty() {
        return;
    }
    let test = std::thread::current().name().unwrap_or("main").replace("::", ".");
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let calls = recording.iter().map(|(made, asked)| {
        let Made { function, account, parameters, by_management_role } = made;
        json!({
            "function": function, "account": account, "parameters": parameters, "by_management_role": by_management_role,
            "asked": asked.iter().map(Asked::to_json).collect::<Vec<_>>(),
        })
    });
    let json = Value::Array(calls.collect()).to_string();
    let _ = fs::create_dir_all(folder());
    // What can't be written is missed by who reads it.
    let _ = fs::write(folder().join(format!("{test}-{number}.json")), json);
}

/// All recordings that there are.
pub(crate) fn read_all() -> Recording {
    let mut all = Recording::new();
    for entry in fs::read_dir(folder()).into_iter().flatten() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let calls: Value = serde_json::from_str(&text).unwrap();
        for each in calls.as_array().unwrap() {
            let made = Made {
                function: each["function"].as_str().unwrap().to_owned(),
                account: each["account"].as_str().unwrap().to_owned(),
                parameters: serde_json::from_value(each["parameters"].clone()).unwrap(),
                by_management_role: each["by_management_role"].as_bool().unwrap(),
            };
            all.entry(made)
                .or_default()
                .extend(each["asked"].as_array().unwrap().iter().map(Asked::from_json));
        }
    }
    all
}

/// What a signature says: the access key, and the service that it is for.
fn signature(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = text.split_once("Credential=")?;
    let mut parts = credential.split([',', ' ']).next()?.split('/');
    let key = parts.next()?.to_owned();
    Some((key, parts.nth(2)?.to_owned()))
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // What is not signed is a knock at the door.
    let Some((key, service)) = signature(&head.headers) else { return StatusCode::NOT_FOUND.into_response() };
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let simulated = proxy.simulated(&head.headers, &service, &body);
    let to = if simulated.is_some() || service == "sts" {
        &proxy.upstream.simulator
    } else {
        &proxy.upstream.moto
    };
    let answer = proxy.send(to, &head.method, &head.uri, &head.headers, body.clone()).await;
    let asked = simulated.unwrap_or_else(|| {
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let target = text("x-amz-target").unwrap_or_default();
        let sent = Sent {
            service: &service,
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            operation: target.split_once('.').map_or("", |(_, operation)| operation),
            body: &body,
            not_found: answer.as_ref().is_some_and(|answer| answer.status() == StatusCode::NOT_FOUND),
            copied: text("x-amz-copy-source"),
        };
        let account = proxy.made.account.clone();
        sent.asks(&Here { region: "us-east-1", account })
    });
    let made = Made { by_management_role: key != proxy.access_key, ..proxy.made.clone() };
    proxy.recording.lock().unwrap().entry(made).or_default().extend(asked);
    match answer {
        Some(answer) => answer,
        // The connection was cut, and so it is here: it ends with its task, and nothing is printed.
        None => std::panic::resume_unwind(Box::new("cut")),
    }
}

impl Proxy {
    /// What IAM is asked about a call to the simulator; `None` if it isn't one.
    fn simulated(&self, headers: &HeaderMap, service: &str, body: &[u8]) -> Option<Vec<Asked>> {
        if !["organizations", "identitystore", "sso", "tagging"].contains(&service) {
            return None;
        }
        let target = headers.get("x-amz-target")?.to_str().ok()?;
        let input = serde_json::from_slice(body).unwrap_or(Value::Null);
        let world = self.upstream.world.lock().unwrap();
        let caller = Caller::new("usher", world.management_account().clone(), CallerKind::Management);
        let questions = world.questions(&caller, target, &input).unwrap_or_default();
        let asked = questions.into_iter().map(|question| Asked {
            actions: question.actions,
            resource: question.resource,
            keys: BTreeMap::new(),
        });
        Some(asked.collect())
    }

    /// The answer; `None` if the connection ended without one.
    async fn send(
        &self,
        to: &str,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Option<Response> {
        const OF_A_CONNECTION: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING];
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = format!("{to}{path}").parse().unwrap();
        *request.headers_mut() = headers.clone();
        for name in &OF_A_CONNECTION {
            request.headers_mut().remove(name);
        }
        let (mut head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await.ok()?;
        if *method != Method::HEAD {
            for name in &OF_A_CONNECTION {
                head.headers.remove(name);
            }
        }
        Some(Response::from_parts(head, Body::from(body)))
    }
}
