//! The simulator with small stand-ins beside it for the services that it lacks: each answers the few questions that `usher deploy check` asks, from
//! what a test says is there. Everything else goes on to the simulator as it came.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Response, StatusCode},
};
use serde_json::{Value, json};
use shared::aws::Connection;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is there.
#[derive(Debug, Clone, Default)]
pub(super) struct There {
    /// Tables, with the names of their keys.
    pub(super) tables: BTreeMap<&'static str, Vec<&'static str>>,
    /// What they have lost of what a ledger has: `index`, `protection`, `recovery`, `expiry`.
    pub(super) lost: Vec<&'static str>,
    /// Buckets, with the status that S3 answers a look at them with.
    pub(super) buckets: BTreeMap<&'static str, u16>,
    /// Those of them that are another account's.
    pub(super) of_others: Vec<&'static str>,
    /// Whether buckets are versioned and tell EventBridge.
    pub(super) set_up: bool,
    /// How buckets are open: `block`, `public`, `plain`; `unknown` where it may not be asked.
    pub(super) open: Vec<&'static str>,
    /// Trails, with whether they log and what their selectors are.
    pub(super) trails: Vec<(&'static str, bool, Value)>,
    /// Executions of Lambda's that are not reserved; it is not allowed to ask where there are none.
    pub(super) unreserved: Option<u64>,
    /// The instance is in this Region, and no other has one.
    pub(super) instance_in: Option<&'static str>,
    /// It was extended to the Region that is asked in.
    pub(super) extended: bool,
    /// What stacks' outputs say.
    pub(super) outputs: BTreeMap<&'static str, String>,
    /// Queues, with their messages.
    pub(super) queues: BTreeMap<&'static str, usize>,
    /// Those of them that may not be received from.
    pub(super) closed: Vec<&'static str>,
    /// Service control policies, with how much each is attached to.
    pub(super) policies: Vec<(&'static str, usize, Value)>,
}

#[derive(Clone)]
struct Face {
    there: Arc<Mutex<There>>,
    simulator: String,
}

/// A way to the simulator behind `connection` and to what is beside it, for this access key.
pub(super) async fn beside(connection: &Connection, access_key: &str, there: There) -> Connection {
    let simulator = connection.endpoint().unwrap().strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let face = Face { there: Arc::new(Mutex::new(there)), simulator };
    let service = Router::new().fallback(answer).with_state(face);
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    Connection::to_stand_in(&endpoint, access_key)
}

fn json_of(status: u16, value: &Value) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    answer.body(Body::from(value.to_string())).unwrap()
}

fn xml(status: u16, text: String) -> Response<Body> {
    Response::builder().status(status).header("content-type", "text/xml").body(Body::from(text)).unwrap()
}

/// The service that a request was signed for.
fn service(headers: &HeaderMap) -> String {
    let authorization = headers["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential="), "{authorization}");
    authorization.split('/').nth(3).unwrap().to_owned()
}

async fn answer(State(face): State<Face>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    let there = face.there.lock().unwrap().clone();
    let target = parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let operation = target.as_deref().and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (service(&parts.headers).as_str(), operation) {
        ("dynamodb", "DescribeTable") => table(&there, &input),
        ("dynamodb", "DescribeContinuousBackups") => {
            let status = if there.lost.contains(&"recovery") { "DISABLED" } else { "ENABLED" };
            let recovery = json!({ "PointInTimeRecoveryStatus": status });
            let backups =
                json!({ "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery });
            json_of(200, &json!({ "ContinuousBackupsDescription": backups }))
        }
        ("dynamodb", "DescribeTimeToLive") => {
            let on = json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "budget_expires" });
            let off = json!({ "TimeToLiveStatus": "DISABLED" });
            let expiry = if there.lost.contains(&"expiry") { off } else { on };
            json_of(200, &json!({ "TimeToLiveDescription": expiry }))
        }
        ("s3", _) => {
            let wants_own = parts.headers.contains_key("x-amz-expected-bucket-owner");
            bucket(&there, &parts.method, &parts.uri.to_string(), wants_own)
        }
        ("cloudtrail", _) => trail(&there, operation, &input),
        ("lambda", _) if parts.uri.path() == "/2016-08-19/account-settings/" => match there.unreserved {
            Some(free) => {
                json_of(200, &json!({ "AccountLimit": { "UnreservedConcurrentExecutions": free } }))
            }
            None => json_of(403, &json!({ "Type": "User", "Message": "no" })),
        },
        ("cloudformation", _) => stack(&there, &String::from_utf8_lossy(&body)),
        ("sqs", _) => queue(&there, operation, &input),
        ("organizations", "ListPolicies" | "DescribePolicy" | "ListTargetsForPolicy") => {
            policy(&there, operation, &input)
        }
        ("sso", "ListInstances") if there.instance_in.is_some() => {
            let everywhere = there.extended || input["RegionScope"] == "ALL_REGIONS";
            let instance = json!({
                "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", "OwnerAccountId": "111122223333",
                "IdentityStoreId": "d-9067642ac1", "Status": "ACTIVE", "PrimaryRegion": there.instance_in,
            });
            json_of(200, &json!({ "Instances": if everywhere { vec![instance] } else { Vec::new() } }))
        }
        _ => forwarded(&face.simulator, &parts.method, &parts.uri.to_string(), &parts.headers, &body).await,
    }
}

fn table(there: &There, input: &Value) -> Response<Body> {
    let Some(keys) = there.tables.get(input["TableName"].as_str().unwrap()) else {
        let error = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "not found" });
        return json_of(400, &error);
    };
    let schema = |keys: &[&str]| -> Vec<Value> {
        let keys = keys.iter().zip(["HASH", "RANGE"]);
        keys.map(|(key, kind)| json!({ "AttributeName": key, "KeyType": kind })).collect()
    };
    let work = json!({ "IndexName": "work", "KeySchema": schema(&["work", "work_order"]) });
    let table = json!({
        "TableStatus": "ACTIVE",
        "KeySchema": schema(keys),
        "DeletionProtectionEnabled": !there.lost.contains(&"protection"),
        "GlobalSecondaryIndexes": if there.lost.contains(&"index") { vec![] } else { vec![work] },
    });
    json_of(200, &json!({ "Table": table }))
}

fn bucket(there: &There, method: &Method, uri: &str, wants_own: bool) -> Response<Body> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let name = path.trim_matches('/');
    let status = there.buckets.get(name).copied().unwrap_or(404);
    let status = if wants_own && there.of_others.contains(&name) { 403 } else { status };
    if method == Method::HEAD {
        let region = if status == 301 { "eu-west-1" } else { "us-east-1" };
        let answer = Response::builder().status(status).header("x-amz-bucket-region", region);
        return answer.body(Body::empty()).unwrap();
    }
    let is = |how: &str| there.open.contains(&how);
    let refused =
        |status, code| xml(status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>"));
    if query.contains("publicAccessBlock") {
        if is("unknown") {
            return refused(403, "AccessDenied");
        }
        if is("block") {
            return refused(404, "NoSuchPublicAccessBlockConfiguration");
        }
        let all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        let all = all.map(|name| format!("<{name}>true</{name}>")).concat();
        return xml(200, format!("<PublicAccessBlockConfiguration>{all}</PublicAccessBlockConfiguration>"));
    }
    if query.contains("policyStatus") {
        let text = format!("<PolicyStatus><IsPublic>{}</IsPublic></PolicyStatus>", is("public"));
        return if is("plain") { refused(404, "NoSuchBucketPolicy") } else { xml(200, text) };
    }
    if query.contains("policy") {
        let plain = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
        let policy = json!({ "Version": "2012-10-17", "Statement": [plain] });
        return if is("plain") { refused(404, "NoSuchBucketPolicy") } else { json_of(200, &policy) };
    }
    let text = match (query.contains("versioning"), there.set_up) {
        (true, true) => "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        (true, false) => "<VersioningConfiguration/>",
        (false, true) => "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>",
        (false, false) => "<NotificationConfiguration/>",
    };
    xml(200, text.to_owned())
}

fn trail(there: &There, operation: &str, input: &Value) -> Response<Body> {
    let arn = |name: &str| format!("arn:aws:cloudtrail:us-east-1:111122223333:trail/{name}");
    let named = |member: &str| there.trails.iter().find(|(name, ..)| input[member] == arn(name).as_str());
    match operation {
        "DescribeTrails" => {
            assert_eq!(input["includeShadowTrails"], true);
            let one = |(name, ..): &(&str, bool, Value)| json!({ "Name": name, "TrailARN": arn(name), "HomeRegion": "us-east-1", "IsMultiRegionTrail": true, "IsOrganizationTrail": true });
            json_of(200, &json!({ "trailList": there.trails.iter().map(one).collect::<Vec<_>>() }))
        }
        "GetTrailStatus" => json_of(200, &json!({ "IsLogging": named("Name").unwrap().1 })),
        "GetEventSelectors" => json_of(200, &named("TrailName").unwrap().2),
        other => panic!("{other}"),
    }
}

fn stack(there: &There, form: &str) -> Response<Body> {
    let name = form.split('&').find_map(|pair| pair.strip_prefix("StackName=")).unwrap();
    assert!(form.contains("Action=DescribeStacks&Version=2010-05-15"), "{form}");
    let Some(settings) = there.outputs.get(name) else {
        let text = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id {name} does not exist</Message></Error></ErrorResponse>"
        );
        return xml(400, text);
    };
    xml(
        200,
        format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><Outputs><member><OutputKey>ToolSettings</OutputKey>\
             <OutputValue>{settings}</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        ),
    )
}

fn queue(there: &There, operation: &str, input: &Value) -> Response<Body> {
    let name = input["QueueName"].as_str().or_else(|| input["QueueUrl"].as_str()?.rsplit('/').next());
    let Some((name, depth)) = name.and_then(|name| there.queues.get_key_value(name)) else {
        let error = json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist." });
        return json_of(400, &error);
    };
    match operation {
        "GetQueueUrl" => json_of(
            200,
            &json!({ "QueueUrl": format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}") }),
        ),
        "GetQueueAttributes" => {
            json_of(200, &json!({ "Attributes": { "ApproximateNumberOfMessages": depth.to_string() } }))
        }
        "ReceiveMessage" if there.closed.contains(name) => {
            let message = "User is not authorized to perform: sqs:receivemessage";
            json_of(403, &json!({ "__type": "com.amazonaws.sqs#AccessDeniedException", "message": message }))
        }
        "ReceiveMessage" => json_of(200, &json!({})),
        other => panic!("{other}"),
    }
}

fn policy(there: &There, operation: &str, input: &Value) -> Response<Body> {
    let of = || there.policies.iter().find(|(name, ..)| input["PolicyId"] == format!("p-{name}")).unwrap();
    match operation {
        "ListPolicies" if there.policies.is_empty() => json_of(
            400,
            &json!({ "__type": "AccessDeniedException", "Message": "You don't have permissions to access this resource." }),
        ),
        "ListPolicies" => {
            assert_eq!(input["Filter"], "SERVICE_CONTROL_POLICY");
            let summary = |name: &str| json!({ "Id": format!("p-{name}"), "Name": name, "AwsManaged": name == "FullAWSAccess" });
            let all: Vec<Value> = there.policies.iter().map(|(name, ..)| summary(name)).collect();
            json_of(200, &json!({ "Policies": all }))
        }
        "DescribePolicy" => json_of(200, &json!({ "Policy": { "Content": of().2.to_string() } })),
        "ListTargetsForPolicy" => {
            let target =
                |number| json!({ "TargetId": format!("ou-{number}"), "Type": "ORGANIZATIONAL_UNIT" });
            json_of(200, &json!({ "Targets": (0..of().1).map(target).collect::<Vec<_>>() }))
        }
        other => panic!("{other}"),
    }
}

/// The simulator's answer.
async fn forwarded(
    simulator: &str,
    method: &Method,
    uri: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response<Body> {
    let mut stream = TcpStream::connect(simulator).await.unwrap();
    let mut head =
        format!("{method} {uri} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        if !matches!(name.as_str(), "connection" | "content-length") {
            write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        if !matches!(
            name.to_ascii_lowercase().as_str(),
            "connection" | "content-length" | "transfer-encoding"
        ) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer[end + 4..].to_vec())).unwrap()
}
