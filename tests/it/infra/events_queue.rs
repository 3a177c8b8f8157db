//! The queue of events for `usher run`: the service's own rules, with a queue in the place of the functions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    MANAGEMENT, PLACES, Place, Template,
    service::{PARAMETERS, SERVICE},
};

/// What the service's patterns call its own roles before they are made.
const OWN: &str = "<ProvisionRole.Arn>,<ReprovisionRole.Arn>";

const QUEUE: [(&str, &str); 3] =
    [("OrganizationId", "o-exampleorg1"), ("ManagementAccountId", MANAGEMENT), ("OwnRoles", OWN)];

#[test]
fn its_rules_are_the_services_for_all_that_leads_to_a_look() {
    let place = Place { account: SERVICE, ..PLACES[0] };
    let here = Template::read("events-queue.yaml").unwrap().of_type("AWS::Events::Rule", place, &QUEUE);
    let service = Template::read("service.yaml").unwrap().of_type("AWS::Events::Rule", place, &PARAMETERS);
    // Uploads and self-tests need a bucket and a function.
    let wanted: BTreeSet<&String> = service
        .iter()
        .filter(|(name, rule)| rule.get("EventPattern").is_some() && name.ends_with("Events"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(here.keys().collect::<BTreeSet<_>>(), wanted);
    for (name, rule) in &here {
        assert_eq!(rule["EventPattern"], service[name]["EventPattern"], "{name}");
        assert_eq!(rule.get("EventBusName"), service[name].get("EventBusName"), "{name}");
        assert_eq!(rule["State"], "ENABLED", "{name}");
        let [target] = rule["Targets"].as_array().unwrap().as_slice() else { panic!("{name}") };
        assert_eq!(target["Arn"], "<Events.Arn>", "{name}");
        assert_eq!(target["DeadLetterConfig"]["Arn"], "<Undelivered.Arn>", "{name}");
        assert_eq!(target["RetryPolicy"], service[name]["Targets"][0]["RetryPolicy"], "{name}");
    }
}

#[test]
fn a_key_of_ones_own_is_that_of_its_queues_and_its_bus() {
    let place = Place { account: SERVICE, ..PLACES[0] };
    let template = Template::read("events-queue.yaml").unwrap();
    let key = "arn:aws:kms:us-east-1:999988887777:key/1";
    let with_key = [&QUEUE[..], &[("KeyArn", key)]].concat();
    for (kind, member) in
        [("AWS::SQS::Queue", "KmsMasterKeyId"), ("AWS::Events::EventBus", "KmsKeyIdentifier")]
    {
        for (name, made) in template.of_type(kind, place, &with_key) {
            assert_eq!(made[member], key, "{name}");
            assert_eq!(made.get("SqsManagedSseEnabled"), None, "{name}: one or the other");
        }
        for (name, made) in template.of_type(kind, place, &QUEUE) {
            assert_eq!(made.get(member), None, "{name}");
            assert!(kind != "AWS::SQS::Queue" || made["SqsManagedSseEnabled"] == true, "{name}");
        }
    }
}

#[test]
fn only_its_rules_may_send_to_its_queues_and_its_bus_admits_whom_the_services_admits() {
    let place = Place { account: SERVICE, ..PLACES[0] };
    let template = Template::read("events-queue.yaml").unwrap();
    let rules = template.of_type("AWS::Events::Rule", place, &QUEUE);
    let policy = template.of_type("AWS::SQS::QueuePolicy", place, &QUEUE).remove("QueuesPolicy").unwrap();
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let [allowed] = statements.iter().filter(|one| one["Effect"] == "Allow").collect::<Vec<_>>()[..] else {
        panic!("{policy}")
    };
    assert_eq!(allowed["Action"], "sqs:SendMessage");
    let sources = allowed["Condition"]["ArnEquals"]["aws:SourceArn"].as_array().unwrap().iter();
    let sources: BTreeSet<&str> = sources.map(|source| source.as_str().unwrap()).collect();
    let arns: Vec<String> = rules.keys().map(|name| format!("<{name}.Arn>")).collect();
    assert_eq!(sources, arns.iter().map(String::as_str).collect());
    let admitted = |template: &Template, parameters: &[(&str, &str)]| -> Vec<Value> {
        template.of_type("AWS::Events::EventBusPolicy", place, parameters).into_values().collect()
    };
    let service = Template::read("service.yaml").unwrap();
    assert_eq!(admitted(&template, &QUEUE), admitted(&service, &PARAMETERS));
}
