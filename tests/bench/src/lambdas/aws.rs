//! An AWS that the functions can work with: the simulated one, and beside it as much of DynamoDB, S3 and SQS as they ask for, with rules and rows
//! in it. It looks at no condition: one function works with it at a time.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    clock::SystemClock,
    domain::{AccountId, Operation},
    engine::AccountHint,
    ledger::{Cause, Row, State},
    ports::{Clock as _, RulesInForce},
    rules::Bundle,
};
use simulator::{Caller, CallerKind, Latency, Settings, World, dispatch::dispatch, wire::organizations};

use super::stub::Request;
use crate::{
    trouble::Trouble,
    work::{self, Organization},
};

const ACCOUNTS: usize = 50;
const RULES: usize = 500;
/// Rows in the ledger, and how many of them ask for a grant.
const ROWS: usize = 1_000;
const TO_GRANT: usize = 200;

type Items = BTreeMap<(String, String), Value>;

pub(super) struct Aws {
    state: Mutex<Place>,
    account: AccountId,
}

struct Place {
    world: World,
    caller: Caller,
    bundle: String,
    items: Items,
}

impl Aws {
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut settings = Settings {
            assignment_latency: Latency::Constant(Duration::from_millis(10)),
            ..Settings::default()
        };
        // How fast the functions may call is theirs to keep to.
        settings.quotas.sso_admin = None;
        settings.quotas.identity_store = None;
        settings.quotas.organizations = None;
        let organization = Organization::with(ACCOUNTS, settings)?;
        let caller = organization.caller("usher");
        let keys = organization.keys(&organization.accounts, ROWS);
        let account = organization.accounts.first().cloned().ok_or(Trouble::Nothing("an account"))?;
        let bundle = Bundle { files: [("usher.yaml".to_owned(), rules())].into() };
        let (now, version) = (SystemClock.now(), bundle.version());
        let mut items = Items::new();
        for (at, key) in keys.iter().enumerate() {
            let mut row = work::row(Operation::Grant, key, &version, now);
            if at >= TO_GRANT {
                row.state = State::Ours;
            }
            put(&mut items, item(&row)?);
        }
        let in_force = RulesInForce { version: version.clone(), since: now, rules: RULES, provenance: None };
        let text = |value: String| json!({ "S": value });
        put(
            &mut items,
            json!({
                "pk": text("rules".to_owned()), "sk": text("in-force".to_owned()),
                "rules_version": text(version.to_string()), "rules_json": text(written(&in_force)?),
            }),
        );
        let bundle = written(&bundle)?;
        let state = Mutex::new(Place { world: organization.world, caller, bundle, items });
        Ok(Self { state, account })
    }

    /// The event that gives a function something to do; `None` if it is happy with any.
    pub(super) fn event(&self, function: &str) -> Result<Option<String>, Trouble> {
        let now = SystemClock.now();
        match function {
            "on-account-event" => {
                let mut place = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let management = place.world.management_account().clone();
                let person = Caller::new("person", management, CallerKind::Management);
                let input = organizations::TagResource {
                    resource_id: self.account.to_string(),
                    tags: vec![simulator::wire::Tag { key: "Team".to_owned(), value: "shop".to_owned() }],
                };
                let tagged = place.world.call(now, &person, input);
                tagged.map_err(Trouble::while_doing("tagging an account"))?;
                let events = place.world.take_events(now + Duration::from_hours(1));
                Ok(events.first().map(Value::to_string))
            }
            "reconcile" => {
                let hint = AccountHint::new(self.account.clone(), Cause::new("event", "bench"), now);
                Ok(Some(batch(&written(&hint)?)))
            }
            "provision" => Ok(Some(batch(r#"{ "hops": 0 }"#))),
            _ => Ok(None),
        }
    }

    /// The status and the body of an answer.
    pub(super) fn answer(&self, request: &Request) -> (u16, String) {
        let mut place = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match request.target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB") => {
                (200, place.dynamodb(operation, &body).to_string())
            }
            Some(("AmazonSQS", operation)) => (200, sqs(operation, &body).to_string()),
            Some(_) => {
                let Place { world, caller, .. } = &mut *place;
                match dispatch(world, SystemClock.now(), caller, &request.target, &request.body) {
                    Ok(answer) => (200, answer.to_string()),
                    Err(error) => {
                        (error.status, json!({ "__type": error.code, "message": error.message }).to_string())
                    }
                }
            }
            None => (200, place.bundle.clone()),
        }
    }
}

impl Place {
    fn dynamodb(&mut self, operation: &str, body: &Value) -> Value {
        match operation {
            "GetItem" => match self.items.get(&place_of(&body["Key"])) {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            },
            "Query" => {
                let values = &body["ExpressionAttributeValues"];
                let limit = body["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
                let mut found: Vec<&Value> = match text(values, ":pk") {
                    Some(pk) => self.items.values().filter(|item| text(item, "pk") == Some(pk)).collect(),
                    None => self.items.values().filter(|item| item.get("work").is_some()).collect(),
                };
                found.sort_by_key(|item| text(item, "work_order"));
                found.truncate(limit.unwrap_or(usize::MAX));
                json!({ "Items": found })
            }
            "Scan" => {
                let is_row = |item: &&Value| item.get("row_json").is_some();
                json!({ "Items": self.items.values().filter(is_row).collect::<Vec<_>>() })
            }
            "PutItem" => {
                put(&mut self.items, body["Item"].clone());
                json!({})
            }
            "DeleteItem" => {
                self.items.remove(&place_of(&body["Key"]));
                json!({})
            }
            "TransactWriteItems" => {
                for step in body["TransactItems"].as_array().into_iter().flatten() {
                    if let Some(item) = step.pointer("/Put/Item") {
                        put(&mut self.items, item.clone());
                    }
                }
                json!({})
            }
            _ => json!({}),
        }
    }
}

fn sqs(operation: &str, body: &Value) -> Value {
    let sent = |id: &Value| json!({ "Id": id, "MessageId": "1", "MD5OfMessageBody": "" });
    match operation {
        "SendMessageBatch" => {
            let entries = body["Entries"].as_array().into_iter().flatten();
            json!({ "Successful": entries.map(|entry| sent(&entry["Id"])).collect::<Vec<_>>(), "Failed": [] })
        }
        _ => sent(&Value::Null),
    }
}

/// Five hundred rules, of which ten are about each account.
fn rules() -> String {
    let mut text = "version: 1\nsettings: { mode: sync }\nrules:\n".to_owned();
    for n in 0..RULES {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "  - {{ id: rule-{n}, principals: [{{ group: Group-{} }}], permission_sets: [Set-{}], accounts: {{ named: account-{} }} }}",
            n % 40,
            n % 10,
            n % ACCOUNTS
        );
    }
    text
}

/// A row as the ledger writes it into its table.
fn item(row: &Row) -> Result<Value, Trouble> {
    let text = |value: String| json!({ "S": value });
    let mut item = json!({
        "pk": text(format!("account#{}", row.key.account)),
        "sk": text(format!("{}#{}", row.key.permission_set, row.key.principal)),
        "row_json": text(written(row)?),
        "row_version": { "N": "1" },
        "row_state": text(row.state.label().to_owned()),
    });
    if let (Some(order), Some(members)) = (row.work_order(), item.as_object_mut()) {
        members.insert("work".to_owned(), text("work".to_owned()));
        members.insert("work_order".to_owned(), text(order));
    }
    Ok(item)
}

fn put(items: &mut Items, item: Value) {
    items.insert(place_of(&item), item);
}

fn place_of(key: &Value) -> (String, String) {
    let of = |name: &str| text(key, name).unwrap_or_default().to_owned();
    (of("pk"), of("sk"))
}

/// An attribute that is text.
fn text<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// A batch of one message, as SQS gives it to a function.
fn batch(body: &str) -> String {
    json!({ "Records": [{
        "messageId": "1", "receiptHandle": "1", "body": body, "md5OfBody": "", "messageAttributes": {},
        "attributes": { "ApproximateReceiveCount": "1", "MessageGroupId": "1" },
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:inbox.fifo", "awsRegion": "us-east-1",
    }] })
    .to_string()
}

fn written(value: &impl serde::Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(Trouble::while_doing("writing JSON"))
}
