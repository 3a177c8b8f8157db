//! `usher event`.

use std::io::BufRead;

use clap::Parser as _;
use cli::{Cli, Ending, Machine, Screen};
use serde_json::{Value, json};

use super::{Ran, run};

fn call(name: &str, source: &str, parameters: &Value) -> Value {
    json!({
        "id": "3b1c", "source": format!("aws.{source}"), "detail-type": "AWS API Call via CloudTrail", "account": "111122223333",
        "detail": { "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "eventID": "6ab5",
                    "requestParameters": parameters },
    })
}

fn moved() -> Value {
    let parameters = json!({ "accountId": "200000000001", "sourceParentId": "r-ab12", "destinationParentId": "ou-ab12-abcdefgh" });
    call("MoveAccount", "organizations", &parameters)
}

async fn event(content: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event.json");
    std::fs::write(&path, content).unwrap();
    let mut line = vec!["usher", "event", path.to_str().unwrap()];
    line.extend(more);
    run(&line, &Machine::this()).await
}

#[tokio::test]
async fn an_event_leads_to_a_look_at_what_it_names() {
    let text = event(&moved().to_string(), &[]).await;
    assert_eq!(text.ending, Ending::Good, "{text:?}");
    insta::assert_snapshot!(text.out, @r"
      → MoveAccount  look again at account 200000000001  line 1: event 6ab5

    1 event: 1 leads to a look, 0 ignored.
    ");
    let json = event(&moved().to_string(), &["--json"]).await.json();
    assert_eq!(json["events"][0]["outcome"], "hint");
    assert_eq!(json["events"][0]["hint"], json!({ "account": "200000000001" }));
}

#[tokio::test]
async fn what_is_ignored_and_what_cannot_be_read_say_why_and_the_code_tells_them_apart() {
    let ignored = call("RunInstances", "ec2", &json!({}));
    let records = json!({ "Records": [
        { "eventSource": "aws:sqs", "body": ignored.to_string() },
        { "eventSource": "aws:sqs", "body": moved().to_string() },
    ] });
    let good = event(&records.to_string(), &["--json"]).await;
    assert_eq!(good.ending, Ending::Good, "{good:?}");
    let summary = good.json()["summary"].clone();
    assert_eq!(summary, json!({ "hints": 1, "ignored": 1, "messages": 0, "unreadable": 0 }));
    assert!(good.json()["events"][0]["why"].as_str().unwrap().contains("aws.ec2"), "{}", good.out);

    let lame = call("MoveAccount", "organizations", &json!({ "accountId": "twelve" }));
    let bad = event(&format!("{records}\n{lame}\n{{"), &[]).await;
    assert_eq!(bad.ending, Ending::Bad);
    assert!(bad.out.contains("✗ MoveAccount"), "{}", bad.out);
    assert!(bad.out.contains("line 3: not JSON"), "{}", bad.out);
    assert!(bad.out.contains("5 events") || bad.out.contains("4 events"), "{}", bad.out);
}

#[tokio::test]
async fn events_are_read_from_the_standard_input_too() {
    let line = ["usher", "event", "-", "--json"];
    let content = moved().to_string();
    let mut input = content.as_bytes();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let input: &mut dyn BufRead = &mut input;
    let mut screen = Screen { input: Some(input), ..Screen::plain(&mut out, &mut err) };
    let ending = cli::ending(Cli::try_parse_from(line).unwrap(), &Machine::this(), &mut screen).await;
    assert_eq!(ending, Ending::Good);
    let document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["summary"]["hints"], 1);
}

#[tokio::test]
async fn a_file_that_is_missing_packed_or_empty_is_an_error() {
    let missing = run(&["usher", "event", "/nowhere/event.json"], &Machine::this()).await;
    assert_eq!(missing.ending, Ending::Bad);
    assert!(missing.err.contains("cannot read the events `/nowhere/event.json`"), "{}", missing.err);
    assert_eq!(event("", &[]).await.ending, Ending::Bad);

    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("log.json.gz");
    std::fs::write(&packed, b"\x1f\x8b\x08\x00").unwrap();
    let packed = run(&["usher", "event", packed.to_str().unwrap()], &Machine::this()).await;
    assert!(packed.err.contains("gunzip"), "{}", packed.err);
}

#[tokio::test]
async fn rules_that_were_uploaded_are_told_with_their_bucket_and_name() {
    let event = json!({ "source": "aws.s3", "detail-type": "Object Created", "id": "e-1",
        "detail": { "bucket": { "name": "rules" }, "object": { "key": "incoming/a.json" } } });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event.json");
    std::fs::write(&path, event.to_string()).unwrap();
    let told = run(&["usher", "event", path.to_str().unwrap()], &Machine::this()).await;
    assert_eq!(told.ending, Ending::Good, "{told:?}");
    assert!(told.out.contains("look again at bucket rules, key incoming/a.json"), "{}", told.out);
}
