//! The patterns by somebody else's matching: moto's bus, which passes on what fits, and our own agree.

use std::collections::BTreeSet;

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use serde_json::{Value, json};
use shared::domain::Route;

use super::{EVERYTHING, MANAGEMENT, PLACES, events::everything_documented, fits, forwarded};
use crate::lambda::moto::Moto;
use templates::examples;

/// A rule for each pattern, with a queue; which events come out of it.
async fn passed(moto: &Moto, patterns: &[(String, Value)], events: &[Value]) -> Vec<BTreeSet<usize>> {
    let client = moto.eventbridge();
    let mut queues = Vec::new();
    for (name, pattern) in patterns {
        queues.push(moto.standard_queue(name).await);
        client.put_rule().name(name).event_pattern(pattern.to_string()).send().await.unwrap();
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{name}");
        let target = Target::builder().id("queue").arn(arn).build().unwrap();
        client.put_targets().rule(name).targets(target).send().await.unwrap();
    }
    for (number, batch) in (0..).zip(events.chunks(10)) {
        let entries = (0..).zip(batch).map(|(at, event)| {
            let mut detail = event["detail"].clone();
            detail["number"] = json!(number * 10 + at);
            let resources = event["resources"].as_array().into_iter().flatten();
            PutEventsRequestEntry::builder()
                .source(event["source"].as_str().unwrap_or("unsaid"))
                .detail_type(event["detail-type"].as_str().unwrap_or("unsaid"))
                .set_resources(Some(resources.map(|arn| arn.as_str().unwrap().to_owned()).collect()))
                .detail(detail.to_string())
                .build()
        });
        let answer = client.put_events().set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!(answer.failed_entry_count, 0);
    }
    let mut passed = Vec::new();
    for queue in queues {
        let mut numbers = BTreeSet::new();
        loop {
            let received =
                moto.sqs().receive_message().queue_url(&queue).max_number_of_messages(10).send().await;
            let messages = received.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let event: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
                numbers.insert(usize::try_from(event["detail"]["number"].as_u64().unwrap()).unwrap());
            }
        }
        passed.push(numbers);
    }
    passed
}

#[tokio::test]
async fn the_forwarders_rules_pass_what_they_pass_by_our_own_matching() {
    let moto = Moto::start().await;
    let patterns: Vec<(String, Value)> = forwarded(PLACES[0], &EVERYTHING).into_iter().collect();
    let self_test = super::self_tests::self_test(Route::Forwarded, MANAGEMENT);
    let events = [everything_documented(), vec![self_test]].concat();
    let passed = passed(&moto, &patterns, &events).await;
    for ((name, pattern), passed) in patterns.iter().zip(&passed) {
        let ours: BTreeSet<usize> =
            (0..).zip(&events).filter(|(_, event)| fits(pattern, event)).map(|(number, _)| number).collect();
        assert_eq!(*passed, ours, "{name}");
        assert!(!ours.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_examples_of_each_operator_are_the_same_there() {
    let moto = Moto::start().await;
    let examples: Vec<_> =
        examples().into_iter().filter(|(_, event, _)| event.get("detail").is_some()).collect();
    let patterns: Vec<(String, Value)> = (0..)
        .zip(&examples)
        .map(|(number, (pattern, ..))| (format!("example-{number}"), pattern.clone()))
        .collect();
    let events: Vec<Value> = examples.iter().map(|(_, event, _)| event.clone()).collect();
    let passed = passed(&moto, &patterns, &events).await;
    for (number, (pattern, event, expected)) in examples.iter().enumerate() {
        assert_eq!(passed[number].contains(&number), *expected, "{pattern} {event}");
    }
}
