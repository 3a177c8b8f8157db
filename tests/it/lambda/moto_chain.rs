//! The whole chain: from a change in the organization to the assignment in Identity Center, and back to nothing to do.

use std::collections::BTreeSet;

use aws_sdk_organizations::types::{CreateAccountState, Tag};
use serde_json::json;
use shared::{
    clock::SystemClock,
    domain::{AccountId, ParentId, Principal},
    ledger::State,
    ports::{Clock as _, LedgerReader as _},
};
use simulator::{Caller, CallerKind, wire::identity_store as store};

use super::service::{Functions, Named, RULES, Service};

fn named(account: &str, set: &str, principal: &str) -> Named {
    (account.to_owned(), set.to_owned(), principal.to_owned())
}

/// What [`RULES`] give in the example organization, less what somebody granted by hand.
fn at_first() -> BTreeSet<Named> {
    let mut wanted = BTreeSet::new();
    for team in ["payments", "storefront", "search", "data", "mobile", "identity"] {
        wanted.extend(sandbox(&format!("sandbox-{team}")));
    }
    for account in ["storefront-dev", "storefront-test", "storefront-prod", "sandbox-storefront"] {
        wanted.insert(named(account, "ReadOnlyAccess", "Support"));
    }
    for account in ["log-archive", "security-tooling"] {
        wanted.insert(named(account, "SecurityAudit", "SecurityAuditors"));
    }
    wanted
}

fn sandbox(account: &str) -> [Named; 2] {
    ["Developers", "a user"].map(|principal| named(account, "EC2-S3-FullAccess", principal))
}

/// Makes an account as a person's tool does, and waits until it is there.
async fn create_account(service: &Service, name: &str) -> AccountId {
    let organizations = service.organizations();
    let email = format!("aws+{name}@example.com");
    let created = organizations.create_account().account_name(name).email(email).send().await.unwrap();
    let id = created.create_account_status.unwrap().id.unwrap();
    loop {
        let request = organizations.describe_create_account_status().create_account_request_id(&id);
        let status = request.send().await.unwrap().create_account_status.unwrap();
        if status.state == Some(CreateAccountState::Succeeded) {
            return status.account_id.unwrap().parse().unwrap();
        }
        assert_eq!(status.state, Some(CreateAccountState::InProgress), "{status:?}");
    }
}

async fn tag(service: &Service, account: &AccountId, key: &str, value: &str) {
    let tag = Tag::builder().key(key).value(value).build().unwrap();
    let request = service.organizations().tag_resource().resource_id(account.as_str()).tags(tag);
    request.send().await.unwrap();
}

async fn untag(service: &Service, account: &AccountId, key: &str) {
    let request = service.organizations().untag_resource().resource_id(account.as_str()).tag_keys(key);
    request.send().await.unwrap();
}

async fn move_account(service: &Service, account: &AccountId, from: &ParentId, to: &ParentId) {
    let request = service.organizations().move_account().account_id(account.as_str());
    let request = request.source_parent_id(from.to_string()).destination_parent_id(to.to_string());
    request.send().await.unwrap();
}

/// Usher's assignments are these, each has a row that says `ours`, nothing is left to do, and nobody else's were touched.
async fn assert_ours(service: &Service, wanted: &BTreeSet<Named>, others: &BTreeSet<Named>) {
    assert_eq!(service.truth(), (wanted.clone(), others.clone()));
    assert_eq!(service.ledger.work(10).await.unwrap(), []);
    let rows = service.rows().await;
    let owned: BTreeSet<_> = rows.iter().filter(|row| row.state == State::Ours).map(|row| &row.key).collect();
    let world = service.world();
    let made = world.assignments();
    let made: BTreeSet<_> =
        made.iter().filter(|(_, made)| &*made.by.name == "usher").map(|(key, _)| key).collect();
    assert_eq!(owned, made);
    let left = rows.iter().filter(|row| row.state != State::Ours && row.state != State::Closed);
    assert_eq!(left.map(|row| row.state.label()).collect::<Vec<_>>(), [""; 0]);
}

async fn settled_first_sweep(service: &Service) -> (Functions, BTreeSet<Named>) {
    service.publish(RULES).await;
    let functions = service.functions().await;
    let (_, others) = service.truth();
    let found = service.sweep(&functions).await;
    // Six sandboxes, three of the four of the storefront (one is a sandbox), two of security.
    assert_eq!((&found["differing"], &found["unread"]), (&json!(11), &json!(0)), "{found}");
    service.settle(&functions).await;
    (functions, others)
}

#[tokio::test]
async fn an_account_that_is_made_tagged_and_moved_has_what_the_rules_say_and_then_nothing_more_is_written() {
    let service = Service::start(Service::quick()).await;
    let (functions, others) = settled_first_sweep(&service).await;
    let mut wanted = at_first();
    assert_ours(&service, &wanted, &others).await;

    let root = service.world().root();
    let sandboxes = ParentId::Ou(service.world().ou_at("Sandbox").unwrap());
    let mut events = Vec::new();

    let account = create_account(&service, "newcomer").await;
    events.extend(service.events());
    tag(&service, &account, "Team", "storefront").await;
    service.settle(&functions).await;
    wanted.insert(named("newcomer", "ReadOnlyAccess", "Support"));
    assert_ours(&service, &wanted, &others).await;

    move_account(&service, &account, &root, &sandboxes).await;
    service.settle(&functions).await;
    wanted.extend(sandbox("newcomer"));
    assert_ours(&service, &wanted, &others).await;

    untag(&service, &account, "Team").await;
    service.settle(&functions).await;
    wanted.remove(&named("newcomer", "ReadOnlyAccess", "Support"));
    assert_ours(&service, &wanted, &others).await;

    let old = service.world().account_named("sandbox-search").unwrap();
    move_account(&service, &old, &sandboxes, &root).await;
    events.extend(service.events());
    for event in &events {
        functions.on_account_event.api.invoke(event.to_string()).await.unwrap();
    }
    service.settle(&functions).await;
    for gone in sandbox("sandbox-search") {
        wanted.remove(&gone);
    }
    assert_ours(&service, &wanted, &others).await;

    // A second round of everything: the events again, a hint for every account, a sweep, a tick.
    let (before, requests) = (service.rows().await, service.requests());
    let found = service.sweep(&functions).await;
    assert_eq!((&found["differing"], &found["unread"]), (&json!(0), &json!(0)), "{found}");
    assert_eq!(found["owned"], json!(wanted.len()), "{found}");
    for event in &events {
        functions.on_account_event.api.invoke(event.to_string()).await.unwrap();
    }
    for id in before.iter().map(|row| row.key.account.clone()).collect::<BTreeSet<_>>() {
        service.hint(&id, "again").await;
    }
    service.tick().await;
    service.settle(&functions).await;
    assert_eq!(service.requests(), requests);
    assert_eq!(service.rows().await, before);
    assert_ours(&service, &wanted, &others).await;
    service.assert_the_logs_are_discreet_json();
    assert_eq!(service.parked().await, [json!(null); 0]);
}

#[tokio::test]
async fn each_outcome_is_told_in_one_line() {
    let service = Service::start(Service::quick()).await;
    settled_first_sweep(&service).await;
    let lines = service.lines();
    let told = |what: &str| lines.iter().filter(|(_, line)| line.contains(what)).count();
    assert_eq!(told(": granted\""), at_first().len());
    // Eleven accounts with something to grant, and two where all there is to tell is that it is withheld.
    assert_eq!(told(" to grant, "), 11 + 2);
    assert_eq!(told("\"sweep: "), 1);
    // Every grant has its key in its line, so that it can be searched for.
    for row in service.rows().await {
        let lines = lines.iter().filter(|(function, line)| {
            function == "provision" && line.contains(&format!("\"{}: granted\"", row.key))
        });
        assert_eq!(lines.count(), 1, "{}", row.key);
    }
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn what_has_come_of_everything_is_told_on_the_bus_once() {
    let service = Service::start(Service::quick()).await;
    let (_, others) = settled_first_sweep(&service).await;
    let tick = service.function("tick").await;
    let summary = tick.api.invoke(json!({}).to_string()).await.unwrap();
    let told = service.outcomes().await;
    assert_eq!(summary["told"], json!(told.len()), "{summary}");
    let of = |outcome: &str| told.iter().filter(|told| told["outcome"] == outcome).count();
    assert_eq!(of("granted"), at_first().len());
    assert!(of("withheld") > 0 && !others.is_empty());
    for each in &told {
        assert_eq!(each["schema_version"], "1");
        assert!(each["cause"].as_str().unwrap().starts_with("sweep:"), "{each}");
        assert!(each["rules"][0].is_string() && each["rules_version"].is_string(), "{each}");
    }
    let ids: BTreeSet<&str> = told.iter().map(|told| told["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len());
    let summary = tick.api.invoke(json!({}).to_string()).await.unwrap();
    assert_eq!(summary["told"], json!(0), "{summary}");
    assert_eq!(service.outcomes().await, [json!(null); 0]);
    service.assert_the_logs_are_discreet_json();
}

/// An identity provider that was away deletes a group and makes it again.
#[tokio::test]
async fn a_group_that_is_made_again_is_granted_by_its_events_and_a_set_that_is_tagged_is_looked_at() {
    let service = Service::start(Service::quick()).await;
    let (functions, _) = settled_first_sweep(&service).await;
    let on_group_event = service.function("on-group-event").await;
    let on_permission_set_event = service.function("on-permission-set-event").await;
    drop(service.events());

    let before = service.world().group_named("SecurityAuditors").unwrap();
    {
        let mut world = service.world();
        let (now, store) = (SystemClock.now(), world.identity_store());
        let management = world.management_account().clone();
        let person = Caller::new("person", management, CallerKind::Management);
        world.delete_group(now, &person, &before).unwrap();
        let input = store::CreateGroup {
            identity_store_id: store,
            display_name: Some("SecurityAuditors".to_owned()),
            description: None,
        };
        world.call(now, &person, input).unwrap();
    }
    for event in service.events() {
        let heard = on_group_event.api.invoke(event.to_string()).await.unwrap();
        assert!(heard["hinted"].as_u64() >= Some(2), "{heard}");
        let elsewhere = on_permission_set_event.api.invoke(event.to_string()).await.unwrap();
        assert!(elsewhere["ignored"].as_str().unwrap().contains("on-group-event"), "{elsewhere}");
    }
    service.settle(&functions).await;
    let after = service.world().group_named("SecurityAuditors").unwrap();
    assert_ne!(before, after);
    let rows = service.rows().await;
    let of = rows.iter().filter(|row| row.key.principal == Principal::Group(after.clone()));
    // Where somebody had granted it by hand, that was the old one's.
    assert_eq!(of.map(|row| row.state.label()).collect::<Vec<_>>(), ["ours"; 3]);

    let arn = service.world().permission_set_named("SecurityAudit").unwrap();
    let tagged = json!({
        "id": "6f1a0b0e-0000-4000-8000-000000000001", "source": "aws.sso",
        "detail-type": "AWS API Call via CloudTrail", "resources": [],
        "detail": {
            "eventSource": "sso.amazonaws.com", "eventName": "TagResource",
            "eventID": "6f1a0b0e-0000-4000-8000-000000000002", "errorCode": null,
            "requestParameters": { "resourceArn": arn, "tags": [{ "key": "Level", "value": "High" }] },
        },
    });
    let heard = on_permission_set_event.api.invoke(tagged.to_string()).await.unwrap();
    assert!(heard["hinted"].as_u64() >= Some(2), "{heard}");
    service.settle(&functions).await;
}
