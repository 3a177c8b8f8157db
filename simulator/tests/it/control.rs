//! The control endpoint, and the faults that are asked for by it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    served::{Served, served},
    support::{STORE, at, key, locked, person, small},
};

const LIST: &str = "AWSOrganizationsV20161128.ListRoots";

impl Served {
    async fn fault(&self, fault: &Value) -> u16 {
        self.send("POST", "/_usher/faults", "", fault.to_string().as_bytes()).await.0
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, "", b"").await.2
    }

    async fn list(&self) -> (u16, String) {
        let (status, body) = self.call(LIST, "AKIAANY", b"{}").await;
        (status, body["__type"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn a_lost_answer_closes_the_connection_before_a_byte_of_it() {
    let served = served(small(Settings::default())).await;
    assert_eq!(
        served.fault(&json!({ "operation": "CreateGroup", "fault": "lost_answer", "calls": 1 })).await,
        204
    );
    let body = format!(r#"{{"IdentityStoreId": "{STORE}", "DisplayName": "Finance"}}"#);
    let head = served.headers("AWSIdentityStore.CreateGroup", "AKIAANY");
    let request =
        format!("POST / HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
    assert_eq!(served.exchange(request.as_bytes()).await, "");
    assert!(locked(&served.world).group_named("Finance").is_some(), "it was done all the same");
}

#[tokio::test]
async fn a_call_that_times_out_is_not_done_and_holds_up_nobody_else() {
    let served = served(small(Settings::default())).await;
    assert_eq!(served.fault(&json!({ "operation": "CreateGroup", "fault": "time_out" })).await, 204);
    let body = format!(r#"{{"IdentityStoreId": "{STORE}", "DisplayName": "Finance"}}"#);
    let head = served.headers("AWSIdentityStore.CreateGroup", "AKIAANY");
    let request =
        format!("POST / HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 1];
    let patience = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer)).await;
    assert!(patience.is_err(), "there was an answer");
    assert_eq!(served.list().await.0, 200);
    drop(stream);
    let mut world = locked(&served.world);
    assert!(world.group_named("Finance").is_none());
    assert!(world.log()[0].answer_lost);
    let now = world.now();
    assert!(world.take_events(now).is_empty(), "what was never done is no event");
}

#[tokio::test]
async fn a_slow_answer_comes_later_to_a_call_that_was_done_at_once() {
    let served = served(small(Settings::default())).await;
    assert_eq!(
        served.fault(&json!({ "operation": "ListRoots", "fault": { "slow_answer": "90s" } })).await,
        204
    );
    let before = shared::ports::Clock::now(&*served.clock);
    assert_eq!(served.list().await.0, 200);
    let after = shared::ports::Clock::now(&*served.clock);
    assert_eq!(after.duration_since(before).as_secs(), 90);
    assert_eq!(locked(&served.world).log()[0].at, before);
}

#[tokio::test]
async fn faults_begin_later_strike_by_chance_are_listed_and_cleared() {
    let served = served(small(Settings::default())).await;
    let throttle = json!({ "operation": "ListRoots", "service": "organizations", "fault": "throttle", "calls": 1, "after": 1 });
    let internal = json!({ "operation": "*", "fault": "internal_error", "probability": 1.0 });
    assert_eq!(served.fault(&throttle).await, 204);
    assert_eq!(served.list().await.0, 200);
    assert_eq!(served.list().await, (400, "TooManyRequestsException".to_owned()));
    assert_eq!(served.fault(&internal).await, 204);
    assert_eq!(served.get("/_usher/faults").await, json!({ "faults": [internal] }));
    assert_eq!(served.list().await, (500, "ServiceException".to_owned()));
    assert_eq!(served.send("DELETE", "/_usher/faults/ListRoots", "", b"").await.0, 204);
    assert_eq!(
        served.get("/_usher/faults").await["faults"].as_array().unwrap().len(),
        1,
        "it was of all operations"
    );
    assert_eq!(served.send("DELETE", "/_usher/faults", "", b"").await.0, 204);
    assert_eq!(served.list().await.0, 200);
}

#[tokio::test]
async fn a_bad_control_request_is_told_what_is_wrong_with_it() {
    let served = served(small(Settings::default())).await;
    for (fault, expected) in [
        ("{", "EOF while parsing"),
        ("[]", "not a fault"),
        (r#"{"operation": "ListRoots"}"#, "missing field `fault`"),
        (r#"{"operation": "ListRoots", "fault": "explode"}"#, "unknown variant `explode`"),
        (r#"{"operation": "ListRoots", "fault": "throttle", "call": 2}"#, "unknown field `call`"),
        (r#"{"operation": "ListRoots", "fault": "throttle", "probability": 2}"#, "probability 2"),
        (r#"{"operation": "ListRoots", "fault": {"slow_answer": "soon"}}"#, "a duration such as"),
        (r#"{"operation": "ListRoot", "fault": "throttle"}"#, "`ListRoot` is no operation"),
        (
            r#"{"operation": "ListRoots", "service": "sso-admin", "fault": "throttle"}"#,
            "`ListRoots` is no operation",
        ),
    ] {
        let (status, _, body) = served.send("POST", "/_usher/faults", "", fault.as_bytes()).await;
        let message = body["message"].as_str().unwrap();
        assert_eq!(status, 400, "{fault}");
        assert!(message.contains(expected), "{message}");
    }
    for (method, path) in
        [("GET", "/_usher/nothing"), ("PUT", "/_usher/faults"), ("POST", "/_usher/counters")]
    {
        let (status, head, body) = served.send(method, path, "", b"").await;
        assert_eq!(status, 404, "{path}");
        assert!(
            body["message"].as_str().unwrap().contains(&format!("there is no `{method} {path}`")),
            "{body}"
        );
        assert!(head.contains("x-amzn-requestid"), "{head}");
    }
    assert!(served.get("/_usher/").await["GET /_usher/faults"].is_string());
    assert_eq!(served.list().await.0, 200);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_told_how_long_it_may_be() {
    let served = served(small(Settings::default())).await;
    let (status, _, body) = served.send("POST", "/_usher/faults", "", &vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!(status, 413);
    assert!(body["message"].as_str().unwrap().contains("at most 1048576 bytes"), "{body}");
}

#[tokio::test]
async fn the_counters_tell_limits_apart_and_begin_again() {
    let served = served(small(Settings::default())).await;
    assert_eq!(
        served.fault(&json!({ "operation": "ListInstances", "fault": "window_full", "calls": 1 })).await,
        204
    );
    assert_eq!(
        served.fault(&json!({ "operation": "ListInstances", "fault": "throttle", "calls": 2 })).await,
        204
    );
    for _ in 0..4 {
        served.call("SWBExternalService.ListInstances", "AKIAANY", b"{}").await;
    }
    let counters = served.get("/_usher/counters").await["counters"].clone();
    assert_eq!(counters["calls"]["sso-admin:ListInstances"], 4);
    assert_eq!(counters["throttles"]["sso-admin:ListInstances"], 3);
    assert_eq!(counters["throttles_by_limit"], json!({ "rate": 2, "window": 1 }));
    assert_eq!(counters["refused"]["sso-admin:ListInstances"], 3);
    // What is not understood is counted as well, and strikes no fault.
    let describe = "SWBExternalService.DescribeInstance";
    assert_eq!(
        served.fault(&json!({ "operation": "DescribeInstance", "fault": "throttle", "calls": 1 })).await,
        204
    );
    for body in [&b"[]"[..], b"{", &vec![b' '; 1024 * 1024 + 1]] {
        served.call(describe, "AKIAANY", body).await;
    }
    served.call("SWBExternalService.Nothing", "AKIAANY", b"[]").await;
    served.call("SWBExternalService.*", "AKIAANY", b"[]").await;
    let counters = served.get("/_usher/counters").await["counters"].clone();
    assert_eq!(counters["calls"], json!({ "sso-admin:DescribeInstance": 3, "sso-admin:ListInstances": 4 }));
    assert_eq!(counters["refused"]["sso-admin:DescribeInstance"], 3);
    assert_eq!(counters["errors"]["SerializationException"], 2);
    assert_eq!(counters["errors"]["RequestEntityTooLargeException"], 1);
    assert_eq!(served.get("/_usher/faults").await["faults"].as_array().unwrap().len(), 1);
    assert_eq!(served.send("DELETE", "/_usher/counters", "", b"").await.0, 204);
    assert_eq!(served.get("/_usher/counters").await["counters"]["calls"], json!({}));
}

#[tokio::test]
async fn the_control_endpoint_shows_the_world() {
    let served = served(small(Settings::default())).await;
    let made = key(&locked(&served.world), "one-dev", "ReadOnlyAccess", "Developers");
    let asked = key(&locked(&served.world), "two-dev", "ReadOnlyAccess", "Developers");
    locked(&served.world).grant_by_hand(at(0), &person(), &made);
    let body = served.get("/_usher/assignments").await;
    assert_eq!(body["assignments"][0]["key"], json!(made));
    assert_eq!(body["assignments"][0]["made"]["by"]["name"], "console-admin");

    let input = crate::support::create_input(&asked);
    locked(&served.world).call(at(0), &person(), input).unwrap();
    let body = served.get("/_usher/requests").await;
    assert_eq!(
        (&body["requests"][0]["status"], &body["requests"][0]["key"]),
        (&json!("IN_PROGRESS"), &json!(asked))
    );
    assert_eq!(served.get("/_usher/counters").await["outstanding"], 1);
    served.clock.forward(Duration::from_mins(1));
    assert_eq!(served.get("/_usher/requests").await["requests"][0]["status"], "SUCCEEDED");
    locked(&served.world).take_events(at(0));

    let create = br#"{"AccountName": "new", "Email": "new@example.com"}"#;
    served.call("AWSOrganizationsV20161128.CreateAccount", "AKIAUSHER", create).await;
    served.clock.forward(Duration::from_secs(10));
    let body = served.get("/_usher/events").await;
    let names: Vec<_> =
        body["events"].as_array().unwrap().iter().map(|event| &event["detail"]["eventName"]).collect();
    assert_eq!(names, ["CreateAccount", "CreateAccountResult", "AccountJoinedOrganization"]);
    assert_eq!(served.get("/_usher/events").await["events"], json!([]));
}
