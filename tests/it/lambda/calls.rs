//! What IAM is asked about a request, for the services that moto stands in for. The simulator knows its own.
//!
//! By the service authorization reference: a batch of messages is asked for as one message, and a transaction as each of its items.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One question to IAM: whether any of these actions is allowed on this resource, by what is known of the request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) actions: Vec<String>,
    pub(crate) resource: String,
    /// The keys that conditions read, beside those that are the same for all.
    pub(crate) keys: BTreeMap<String, Vec<String>>,
}

impl Asked {
    fn of(action: &str, resource: String) -> Self {
        Self { actions: vec![action.to_owned()], resource, keys: BTreeMap::new() }
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.keys.insert(key.to_owned(), vec![value.to_owned()]);
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "actions": self.actions, "resource": self.resource, "keys": self.keys })
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        Self {
            actions: serde_json::from_value(value["actions"].clone()).unwrap(),
            resource: value["resource"].as_str().unwrap().to_owned(),
            keys: serde_json::from_value(value["keys"].clone()).unwrap(),
        }
    }
}

/// A request as the function sent it.
pub(super) struct Sent<'a> {
    /// The service that its signature is for.
    pub(super) service: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// What `X-Amz-Target` says behind the dot.
    pub(super) operation: &'a str,
    pub(super) body: &'a [u8],
    /// Whether what it names was not found.
    pub(super) not_found: bool,
    /// Where an object is copied from.
    pub(super) copied: Option<&'a str>,
}

/// The account and Region that the resources of a request are in.
#[derive(Debug, Clone)]
pub(super) struct Here {
    pub(super) region: &'static str,
    pub(super) account: String,
}

impl Sent<'_> {
    /// What IAM is asked; what is not known here is asked as it is called, which no role allows.
    pub(super) fn asks(&self, here: &Here) -> Vec<Asked> {
        let input = || serde_json::from_slice(self.body).unwrap_or(Value::Null);
        match self.service {
            "dynamodb" => dynamodb(self.operation, &input(), here),
            "sqs" => vec![sqs(self.operation, &input(), here)],
            "events" => events(self.operation, &input(), here),
            "s3" => {
                self.s3().into_iter().map(|asked| asked.with("aws:ResourceAccount", &here.account)).collect()
            }
            "sts" => sts(&String::from_utf8_lossy(self.body)),
            other => vec![Asked::of(&format!("{other}:{}", self.operation), "*".to_owned())],
        }
    }

    fn s3(&self) -> Vec<Asked> {
        let path = decoded(self.path);
        let (bucket, key) = match path.trim_start_matches('/').split_once('/') {
            Some((bucket, key)) => (bucket, key),
            None => (path.trim_start_matches('/'), ""),
        };
        let (of_bucket, of_object) =
            (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/{key}"));
        let asks = |name: &str| self.query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match (self.method, key) {
            ("GET", "") if asks("list-type") => vec![Asked::of("s3:ListBucket", of_bucket)],
            (_, "") => vec![Asked::of(&format!("s3:{} {}", self.method, self.query), of_bucket)],
            ("GET" | "HEAD", _) => {
                let action = if asks("versionId") { "s3:GetObjectVersion" } else { "s3:GetObject" };
                let mut asked = vec![Asked::of(action, of_object)];
                // Who may not list the bucket is told that it is forbidden, and not that there is none.
                asked.extend(self.not_found.then(|| Asked::of("s3:ListBucket", of_bucket)));
                asked
            }
            ("PUT" | "POST", _) => {
                let source =
                    self.copied.map(|from| format!("arn:aws:s3:::{}", decoded(from).trim_start_matches('/')));
                let mut asked = vec![Asked::of("s3:PutObject", of_object)];
                asked.extend(source.map(|source| Asked::of("s3:GetObject", source)));
                asked
            }
            ("DELETE", _) => vec![Asked::of("s3:DeleteObject", of_object)],
            (method, _) => vec![Asked::of(&format!("s3:{method}"), of_object)],
        }
    }
}

const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

fn dynamodb(operation: &str, input: &Value, here: &Here) -> Vec<Asked> {
    let table = |input: &Value| {
        let name = input["TableName"].as_str().unwrap_or("?");
        format!("arn:aws:dynamodb:{}:{}:table/{name}", here.region, here.account)
    };
    let item = |action: &str, input: &Value| {
        let asked = Asked::of(&format!("dynamodb:{action}"), table(input));
        let place = if action == "PutItem" { &input["Item"] } else { &input["Key"] };
        match place["pk"]["S"].as_str() {
            Some(key) => asked.with(LEADING_KEYS, key),
            None => asked,
        }
    };
    let steps = |known: &[(&str, &str)]| {
        let items = input["TransactItems"].as_array().into_iter().flatten();
        let items = items.flat_map(|step| step.as_object().into_iter().flatten());
        let action =
            |kind: &str| known.iter().find(|(name, _)| *name == kind).map_or("?", |(_, action)| action);
        items.map(|(kind, input)| item(action(kind), input)).collect()
    };
    match operation {
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => vec![item(operation, input)],
        "TransactGetItems" => steps(&[("Get", "GetItem")]),
        "TransactWriteItems" => steps(&[
            ("Put", "PutItem"),
            ("Update", "UpdateItem"),
            ("Delete", "DeleteItem"),
            ("ConditionCheck", "ConditionCheckItem"),
        ]),
        "Query" => {
            let resource = match input["IndexName"].as_str() {
                Some(index) => format!("{}/index/{index}", table(input)),
                None => table(input),
            };
            let asked = Asked::of("dynamodb:Query", resource);
            // `pk = :pk AND …`
            let condition = input["KeyConditionExpression"].as_str().unwrap_or_default();
            let value = condition.split_whitespace().nth(2).unwrap_or_default();
            vec![match input["ExpressionAttributeValues"][value]["S"].as_str() {
                Some(key) => asked.with(LEADING_KEYS, key),
                None => asked,
            }]
        }
        other => vec![Asked::of(&format!("dynamodb:{other}"), table(input))],
    }
}

fn sqs(operation: &str, input: &Value, here: &Here) -> Asked {
    let name = input["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or("?");
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    Asked::of(&format!("sqs:{action}"), format!("arn:aws:sqs:{}:{}:{name}", here.region, here.account))
}

fn events(operation: &str, input: &Value, here: &Here) -> Vec<Asked> {
    let action = format!("events:{operation}");
    let entries = input["Entries"].as_array().into_iter().flatten();
    let asked = entries.map(|entry| {
        let text = |member: &str| entry[member].as_str().unwrap_or_default();
        let bus = match text("EventBusName") {
            arn if arn.starts_with("arn:") => arn.to_owned(),
            "" => format!("arn:aws:events:{}:{}:event-bus/default", here.region, here.account),
            name => format!("arn:aws:events:{}:{}:event-bus/{name}", here.region, here.account),
        };
        let asked = Asked::of(&action, bus).with("events:source", text("Source"));
        asked.with("events:detail-type", text("DetailType"))
    });
    asked.collect()
}

fn sts(form: &str) -> Vec<Asked> {
    let of = |name: &str| {
        let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| decoded(value)).next().unwrap_or_default()
    };
    match of("Action").as_str() {
        // Nobody needs a permission for that.
        "GetCallerIdentity" => Vec::new(),
        action => vec![Asked::of(&format!("sts:{action}"), of("RoleArn"))],
    }
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
            }
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(service: &str, operation: &str, body: &Value) -> Vec<Asked> {
        let body = body.to_string();
        let sent = Sent {
            service,
            method: "POST",
            path: "/",
            query: "",
            operation,
            body: body.as_bytes(),
            not_found: false,
            copied: None,
        };
        sent.asks(&here())
    }

    fn here() -> Here {
        Here { region: "us-east-1", account: "111122223333".to_owned() }
    }

    fn said(asked: &[Asked]) -> Vec<String> {
        let keys = |asked: &Asked| asked.keys.values().flatten().cloned().collect::<Vec<_>>().join(" ");
        asked.iter().map(|it| format!("{} {} {}", it.actions.join("|"), it.resource, keys(it))).collect()
    }

    #[test]
    fn a_transaction_asks_for_each_item_by_its_key() {
        let key = |pk: &str| json!({ "pk": { "S": pk }, "sk": { "S": "x" } });
        let items = json!([
            { "Put": { "TableName": "usher-ledger", "Item": key("account#1") } },
            { "ConditionCheck": { "TableName": "usher-ledger", "Key": key("lease") } },
            { "Update": { "TableName": "usher-ledger", "Key": key("budget#day") } },
            { "Delete": { "TableName": "usher-ledger", "Key": key("outbox") } },
        ]);
        let asked = asks("dynamodb", "TransactWriteItems", &json!({ "TransactItems": items }));
        let table = "arn:aws:dynamodb:us-east-1:111122223333:table/usher-ledger";
        assert_eq!(
            said(&asked),
            [
                format!("dynamodb:PutItem {table} account#1"),
                format!("dynamodb:ConditionCheckItem {table} lease"),
                format!("dynamodb:UpdateItem {table} budget#day"),
                format!("dynamodb:DeleteItem {table} outbox"),
            ]
        );
        let query = json!({
            "TableName": "usher-ledger", "IndexName": "work", "KeyConditionExpression": "#work = :work AND #order > :from",
            "ExpressionAttributeValues": { ":work": { "S": "due" } },
        });
        assert_eq!(
            said(&asks("dynamodb", "Query", &query)),
            [format!("dynamodb:Query {table}/index/work due")]
        );
        assert_eq!(
            said(&asks("dynamodb", "DeleteTable", &json!({ "TableName": "usher-ledger" }))),
            [format!("dynamodb:DeleteTable {table} ")]
        );
    }

    #[test]
    fn messages_events_and_roles_are_asked_for_by_name() {
        let queue = json!({ "QueueUrl": "http://127.0.0.1:1/123456789012/usher-inbox.fifo" });
        assert_eq!(
            said(&asks("sqs", "SendMessageBatch", &queue)),
            ["sqs:SendMessage arn:aws:sqs:us-east-1:111122223333:usher-inbox.fifo "]
        );
        let told =
            json!({ "EventBusName": "usher-outcomes", "Source": "usher", "DetailType": "Usher Outcome" });
        assert_eq!(
            said(&asks("events", "PutEvents", &json!({ "Entries": [told] }))),
            [
                "events:PutEvents arn:aws:events:us-east-1:111122223333:event-bus/usher-outcomes Usher Outcome usher"
            ]
        );
        assert_eq!(
            said(&sts("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx")),
            ["sts:AssumeRole arn:aws:iam::1:role/x "]
        );
        assert_eq!(sts("Action=GetCallerIdentity"), []);
    }

    #[test]
    fn objects_are_asked_for_by_method_and_path_and_what_is_missing_asks_for_the_list() {
        let asks = |method: &str, path: &str, query: &str, not_found: bool| {
            let sent = Sent {
                service: "s3",
                method,
                path,
                query,
                operation: "",
                body: b"",
                not_found,
                copied: None,
            };
            said(&sent.asks(&here()))
        };
        assert_eq!(
            asks("GET", "/b/rules/a%20b.json", "x-id=GetObject", false),
            ["s3:GetObject arn:aws:s3:::b/rules/a b.json 111122223333"]
        );
        assert_eq!(
            asks("GET", "/b/x", "", true),
            ["s3:GetObject arn:aws:s3:::b/x 111122223333", "s3:ListBucket arn:aws:s3:::b 111122223333"]
        );
        assert_eq!(
            asks("PUT", "/b/x", "x-id=PutObject", false),
            ["s3:PutObject arn:aws:s3:::b/x 111122223333"]
        );
        assert_eq!(asks("DELETE", "/b/x", "", false), ["s3:DeleteObject arn:aws:s3:::b/x 111122223333"]);
        assert_eq!(
            asks("GET", "/b", "list-type=2&prefix=a", false),
            ["s3:ListBucket arn:aws:s3:::b 111122223333"]
        );
        assert_eq!(asks("GET", "/b/", "policy", false), ["s3:GET policy arn:aws:s3:::b 111122223333"]);
    }
}
