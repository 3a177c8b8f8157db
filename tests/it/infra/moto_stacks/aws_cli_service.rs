//! The service's own template, packaged and deployed as docs/deploy.md says: what is there then is what it says.
//!
//! What moto can't do is listed below, and none of it is passed over in silence: each kind of resource is made or listed, and each property is compared or
//! listed. Besides, an ARN of a group of logs has no `:*` at its end there, numbers stay numbers in environments, and sources of permissions are told
//! as `ArnLike`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Map, Value, json};

use super::{
    super::{MANAGEMENT, PLACES, Template},
    aws_cli_deploy::{document, types},
};
use crate::lambda::moto::Moto;

const PARAMETERS: [(&str, &str); 11] = [
    ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
    ("OrganizationId", "o-exampleorg1"),
    ("ManagementAccountId", MANAGEMENT),
    ("RulesBucketName", "usher-rules"),
    ("RulesPrefix", "access/"),
    ("ReportsBucketName", "usher-reports"),
    ("MaxReceives", "7"),
    ("Window", "5"),
    ("ManagementAccountWrites", "direct"),
    ("AuditStarts", "cron(9/15 * * * ? *)"),
    ("LogRetentionDays", "30"),
];

/// Kinds of resources that moto makes none of.
const NOT_MADE: [&str; 5] = [
    "AWS::CloudWatch::Alarm",
    "AWS::Events::EventBusPolicy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
];

/// Properties that moto takes and does nothing about.
const NOT_HEEDED: [(&str, &[&str]); 6] = [
    ("AWS::DynamoDB::Table", &["PointInTimeRecoverySpecification", "TimeToLiveSpecification"]),
    ("AWS::Events::EventBus", &["Description"]),
    ("AWS::Lambda::Function", &["Architectures", "LoggingConfig", "RecursiveLoop"]),
    (
        "AWS::S3::Bucket",
        &[
            "LifecycleConfiguration",
            "NotificationConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "VersioningConfiguration",
        ],
    ),
    // What was packaged is another thing than what is there.
    ("AWS::Lambda::Function", &["Code"]),
    // Its text is made of what AWS puts into it.
    ("AWS::CloudWatch::Dashboard", &["DashboardBody"]),
];

/// The template's resources of a kind, by what they are called.
struct Said {
    kind: &'static str,
    all: BTreeMap<String, Map<String, Value>>,
}

/// What is not as it was said.
type Differences = Vec<String>;

impl Said {
    fn of(made: &BTreeMap<String, Value>, kind: &'static str, called: &str) -> Self {
        let of_kind = made.values().filter(|resource| resource["Type"] == kind);
        let all = of_kind.map(|resource| {
            let mut properties = resource["Properties"].as_object().unwrap().clone();
            for (_, names) in NOT_HEEDED.iter().filter(|(of, _)| *of == kind) {
                properties.retain(|name, _| !names.contains(&name.as_str()));
            }
            (text(&properties[called]), properties)
        });
        Self { kind, all: all.collect() }
    }

    /// Where what is there is not these and no others, each with its properties.
    fn differ(&self, there: impl IntoIterator<Item = (String, Value)>) -> Differences {
        let there: BTreeMap<String, Value> = there.into_iter().collect();
        assert!(!self.all.is_empty(), "the template has no {}", self.kind);
        let names: BTreeSet<&String> = there.keys().chain(self.all.keys()).collect();
        let both = names.into_iter().map(|name| {
            let said = self.all.get(name).map(|said| as_texts(&Value::Object(said.clone())));
            (name, said, there.get(name).map(as_texts))
        });
        let differing = both.filter(|(_, said, is)| said != is);
        let told =
            differing.map(|(name, said, is)| format!("{} {name} is\n{is:?}\nand not\n{said:?}", self.kind));
        told.collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// With numbers and truths as texts, as parameters bring them; and groups of logs called as moto calls them.
fn as_texts(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), as_texts(it))).collect(),
        Value::Array(items) => items.iter().map(as_texts).collect(),
        Value::String(text) if text.contains(":log-group:") => {
            json!(text.strip_suffix(":*").unwrap_or(text))
        }
        Value::String(_) | Value::Null => value.clone(),
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
    }
}

/// Some members of an answer, those that are there.
fn picked(answer: &Value, names: &[&str]) -> Map<String, Value> {
    let there = names.iter().filter_map(|name| Some(((*name).to_owned(), answer.get(*name)?.clone())));
    there.collect()
}

fn list(answer: &Value, member: &str) -> Vec<Value> {
    answer[member].as_array().cloned().unwrap_or_default()
}

/// Packages and deploys the template, with something in the place of each function's program.
async fn deployed(moto: &Moto, functions: &BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path).into_os_string().into_string().unwrap();
    fs::create_dir_all(at("infra")).unwrap();
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/service.yaml");
    fs::copy(template, at("infra/service.yaml")).unwrap();
    for function in functions {
        fs::create_dir_all(at(&format!("target/lambda/{function}"))).unwrap();
        fs::write(at(&format!("target/lambda/{function}/bootstrap")), function).unwrap();
    }
    moto.bucket("packages").await;
    let (template, packaged) = (at("infra/service.yaml"), at("packaged.yaml"));
    let words = ["cloudformation", "package", "--template-file", &template, "--s3-bucket", "packages"];
    types(moto, &[&words[..], &["--output-template-file", &packaged]].concat()).await;
    let parameters: Vec<String> = PARAMETERS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut words = vec!["cloudformation", "deploy", "--stack-name", "usher", "--template-file", &packaged];
    words.extend([
        "--s3-bucket",
        "packages",
        "--capabilities",
        "CAPABILITY_NAMED_IAM",
        "--parameter-overrides",
    ]);
    words.extend(parameters.iter().map(String::as_str));
    types(moto, &words).await;
}

#[tokio::test]
async fn the_service_is_made_as_its_template_says_as_far_as_moto_makes_it() {
    let moto = Moto::start().await;
    let template = Template::read("service.yaml").unwrap();
    let made = template.made(PLACES[0], &PARAMETERS);
    let of_kind = |kind: &'static str, called: &str| Said::of(&made, kind, called);
    let functions = of_kind("AWS::Lambda::Function", "FunctionName");
    let names: BTreeSet<String> =
        functions.all.keys().map(|name| name.strip_prefix("usher-").unwrap().to_owned()).collect();
    deployed(&moto, &names).await;

    let there = types(&moto, &["cloudformation", "describe-stack-resources", "--stack-name", "usher"]).await;
    // It has an entry of no name besides.
    let there = list(&there, "StackResources").into_iter().filter(|it| it["LogicalResourceId"].is_string());
    let there: BTreeSet<String> = there.map(|it| text(&it["LogicalResourceId"])).collect();
    let listed = |resource: &Value| NOT_MADE.iter().any(|kind| resource["Type"] == *kind);
    let expected = made.iter().filter(|(_, resource)| !listed(resource)).map(|(name, _)| name.clone());
    assert_eq!(there, expected.collect());

    let found = [
        queues(&moto, &of_kind("AWS::SQS::Queue", "QueueName")).await,
        table(&moto, &of_kind("AWS::DynamoDB::Table", "TableName")).await,
        buckets(&moto, &of_kind("AWS::S3::Bucket", "BucketName")).await,
        buses(&moto, &of_kind("AWS::Events::EventBus", "Name")).await,
        rules(&moto, &of_kind("AWS::Events::Rule", "Name")).await,
        roles(&moto, &of_kind("AWS::IAM::Role", "RoleName")).await,
        lambdas(&moto, &functions).await,
        mappings(&moto, &of_kind("AWS::Lambda::EventSourceMapping", "EventSourceArn")).await,
        permissions(&moto, &of_kind("AWS::Lambda::Permission", "SourceArn"), &functions).await,
        logs(&moto, &of_kind("AWS::Logs::LogGroup", "LogGroupName")).await,
        dashboards(&moto, &of_kind("AWS::CloudWatch::Dashboard", "DashboardName")).await,
    ];
    let found: Differences = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

async fn logs(moto: &Moto, said: &Said) -> Differences {
    let there = types(moto, &["logs", "describe-log-groups"]).await;
    let there = list(&there, "logGroups").into_iter().map(|group| {
        let (name, days) = (&group["logGroupName"], &group["retentionInDays"]);
        (text(name), json!({ "LogGroupName": name, "RetentionInDays": days }))
    });
    said.differ(there)
}

async fn dashboards(moto: &Moto, said: &Said) -> Differences {
    let there = types(moto, &["cloudwatch", "list-dashboards"]).await;
    let there = list(&there, "DashboardEntries").into_iter();
    said.differ(there.map(|it| (text(&it["DashboardName"]), Value::Object(picked(&it, &["DashboardName"])))))
}

async fn queues(moto: &Moto, said: &Said) -> Differences {
    let sqs = moto.sqs();
    let mut there = Vec::new();
    for url in sqs.list_queues().send().await.unwrap().queue_urls.unwrap_or_default() {
        let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names("All".into()).send();
        let attributes = asked.await.unwrap().attributes.unwrap_or_default();
        let name = url.rsplit('/').next().unwrap().to_owned();
        let mut properties = Map::from_iter([("QueueName".to_owned(), json!(name))]);
        // Of what was not said there are AWS's own defaults.
        for property in said.all.get(&name).into_iter().flat_map(Map::keys).filter(|it| *it != "QueueName") {
            let value = attributes.get(&property.as_str().into()).cloned().unwrap_or_default();
            let value = if property == "RedrivePolicy" {
                serde_json::from_str(&value).unwrap()
            } else {
                json!(value)
            };
            properties.insert(property.clone(), value);
        }
        there.push((name, Value::Object(properties)));
    }
    assert!(said.all.values().any(|it| it.contains_key("RedrivePolicy") && it.contains_key("FifoQueue")));
    said.differ(there)
}

async fn table(moto: &Moto, said: &Said) -> Differences {
    let words = ["dynamodb", "describe-table", "--table-name", "usher-ledger"];
    let there = types(moto, &words).await["Table"].take();
    let same = ["TableName", "AttributeDefinitions", "KeySchema", "DeletionProtectionEnabled"];
    let mut properties = picked(&there, &same);
    properties.insert("BillingMode".to_owned(), there["BillingModeSummary"]["BillingMode"].clone());
    let indexes = list(&there, "GlobalSecondaryIndexes");
    let indexes = indexes.iter().map(|index| picked(index, &["IndexName", "KeySchema", "Projection"]));
    properties.insert("GlobalSecondaryIndexes".to_owned(), indexes.map(Value::Object).collect());
    said.differ([("usher-ledger".to_owned(), Value::Object(properties))])
}

async fn buckets(moto: &Moto, said: &Said) -> Differences {
    let mut there = Vec::new();
    let named = moto.s3().list_buckets().send().await.unwrap();
    for name in named.buckets().iter().filter_map(|bucket| bucket.name()).filter(|name| *name != "packages") {
        let asked = moto.s3().get_bucket_encryption().bucket(name).send().await.unwrap();
        let rules = asked.server_side_encryption_configuration.unwrap().rules;
        let rules = rules.iter().map(|rule| {
            let by_default = rule.apply_server_side_encryption_by_default().unwrap();
            json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": by_default.sse_algorithm().as_str() } })
        });
        let encryption = json!({ "ServerSideEncryptionConfiguration": rules.collect::<Vec<_>>() });
        there.push((name.to_owned(), json!({ "BucketName": name, "BucketEncryption": encryption })));
    }
    said.differ(there)
}

async fn buses(moto: &Moto, said: &Said) -> Differences {
    let listed = moto.eventbridge().list_event_buses().send().await.unwrap();
    let names = listed.event_buses().iter().filter_map(|bus| bus.name.clone());
    let own = names.filter(|name| *name != "default");
    said.differ(own.map(|name| (name.clone(), json!({ "Name": name }))))
}

async fn rules(moto: &Moto, said: &Said) -> Differences {
    let client = moto.eventbridge();
    let buses: BTreeSet<String> =
        said.all.values().filter_map(|rule| rule.get("EventBusName")).map(text).collect();
    let mut there = Vec::new();
    for bus in buses.into_iter().chain(["default".to_owned()]) {
        let asked = client.list_rules().event_bus_name(&bus).send().await.unwrap();
        for rule in asked.rules.unwrap_or_default() {
            let name = rule.name.unwrap();
            let mut is = json!({ "Name": name, "Description": rule.description, "State": rule.state.unwrap().as_str() });
            if bus != "default" {
                is["EventBusName"] = json!(bus);
            }
            if let Some(pattern) = rule.event_pattern {
                is["EventPattern"] = serde_json::from_str(&pattern).unwrap();
            }
            if let Some(schedule) = rule.schedule_expression {
                is["ScheduleExpression"] = json!(schedule);
            }
            let asked = client.list_targets_by_rule().rule(&name).event_bus_name(&bus).send().await.unwrap();
            let targets = asked.targets.unwrap_or_default().into_iter().map(|target| {
                let retries = target.retry_policy.unwrap();
                json!({
                    "Id": target.id, "Arn": target.arn, "DeadLetterConfig": { "Arn": target.dead_letter_config.unwrap().arn },
                    "RetryPolicy": {
                        "MaximumEventAgeInSeconds": retries.maximum_event_age_in_seconds,
                        "MaximumRetryAttempts": retries.maximum_retry_attempts,
                    },
                })
            });
            is["Targets"] = targets.collect();
            there.push((name, is));
        }
    }
    said.differ(there)
}

async fn roles(moto: &Moto, said: &Said) -> Differences {
    let roles = types(moto, &["iam", "list-roles"]).await;
    let mut there = Vec::new();
    for role in list(&roles, "Roles") {
        let name = text(&role["RoleName"]);
        let mut policies = Vec::new();
        for policy in
            list(&json!({ "Policies": said.all.get(&name).map(|said| &said["Policies"]) }), "Policies")
        {
            let called = text(&policy["PolicyName"]);
            let words = ["iam", "get-role-policy", "--role-name", &name, "--policy-name", &called];
            let document = document(&types(moto, &words).await);
            policies.push(json!({ "PolicyName": called, "PolicyDocument": document }));
        }
        let mut properties = picked(&role, &["RoleName", "Description", "AssumeRolePolicyDocument"]);
        properties.insert("Policies".to_owned(), Value::Array(policies));
        there.push((name, Value::Object(properties)));
    }
    said.differ(there)
}

async fn lambdas(moto: &Moto, said: &Said) -> Differences {
    let there = types(moto, &["lambda", "list-functions"]).await;
    let mut all = Vec::new();
    for function in list(&there, "Functions") {
        let same = [
            "FunctionName",
            "Description",
            "Runtime",
            "Handler",
            "Role",
            "MemorySize",
            "Timeout",
            "Environment",
        ];
        let mut properties = picked(&function, &same);
        let name = text(&function["FunctionName"]);
        if said.all.get(&name).is_some_and(|said| said.contains_key("ReservedConcurrentExecutions")) {
            let words = ["lambda", "get-function-concurrency", "--function-name", &name];
            properties.extend(picked(&types(moto, &words).await, &["ReservedConcurrentExecutions"]));
        }
        all.push((name, Value::Object(properties)));
    }
    said.differ(all)
}

async fn mappings(moto: &Moto, said: &Said) -> Differences {
    let there = types(moto, &["lambda", "list-event-source-mappings"]).await;
    let there = list(&there, "EventSourceMappings").into_iter().map(|mapping| {
        let same = ["EventSourceArn", "BatchSize", "FunctionResponseTypes", "ScalingConfig"];
        let mut properties = picked(&mapping, &same);
        let function = text(&mapping["FunctionArn"]);
        properties.insert("FunctionName".to_owned(), json!(function.rsplit(':').next()));
        (text(&mapping["EventSourceArn"]), Value::Object(properties))
    });
    said.differ(there)
}

/// Who may invoke: each function is asked for, since moto has no list of all.
async fn permissions(moto: &Moto, said: &Said, functions: &Said) -> Differences {
    let mut there = Vec::new();
    for function in
        functions.all.keys().filter(|name| said.all.values().any(|it| it["FunctionName"] == **name))
    {
        let policy = types(moto, &["lambda", "get-policy", "--function-name", function]).await;
        let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
        for statement in list(&policy, "Statement") {
            let source = &statement["Condition"]["ArnLike"]["AWS:SourceArn"];
            let properties = json!({
                "FunctionName": function, "Action": statement["Action"], "Principal": statement["Principal"]["Service"],
                "SourceArn": source,
            });
            there.push((text(source), properties));
        }
    }
    said.differ(there)
}
