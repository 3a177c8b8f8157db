//! CloudFormation templates, read as CloudFormation would with these parameters.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

/// A template as JSON in which the short forms (`!Ref X`) have become the long ones.
#[derive(Debug, Clone)]
pub struct Template {
    pub text: String,
    pub tree: Value,
}

/// Where a stack is, in a partition.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub partition: &'static str,
    pub region: &'static str,
    pub suffix: &'static str,
    pub account: &'static str,
}

pub const MANAGEMENT: &str = "123456789012";

pub const PLACES: [Place; 3] = [
    Place { partition: "aws", region: "us-east-1", suffix: "amazonaws.com", account: MANAGEMENT },
    Place { partition: "aws-us-gov", region: "us-gov-west-1", suffix: "amazonaws.com", account: MANAGEMENT },
    Place { partition: "aws-cn", region: "cn-northwest-1", suffix: "amazonaws.com.cn", account: MANAGEMENT },
];

impl Template {
    /// The template of this name in `infra/`; `None` if there is none.
    pub fn read(name: &str) -> Option<Self> {
        let text = fs::read_to_string(folder().join(name)).ok()?;
        let tree = parse(&text);
        Some(Self { text, tree })
    }

    /// All templates in `infra/`, by their names.
    pub fn all() -> BTreeMap<String, Self> {
        let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        let is_template =
            |name: &String| !name.starts_with('.') && Path::new(name).extension() == Some(OsStr::new("yaml"));
        let names = names.filter(is_template);
        names.map(|name| (name.clone(), Self::read(&name).unwrap())).collect()
    }

    /// The resources that are made with these parameters at this place, with all that can be said of them beforehand said.
    pub fn resources(&self, place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
        self.resources_of(&Stack { template: self, place, parameters, made: false })
    }

    /// The same when all is made: names and ARNs of other resources are known too.
    pub fn made(&self, place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
        self.resources_of(&Stack { template: self, place, parameters, made: true })
    }

    fn resources_of(&self, stack: &Stack<'_>) -> BTreeMap<String, Value> {
        let all = self.tree["Resources"].as_object().unwrap();
        let made = all.iter().filter(|(_, resource)| match resource.get("Condition") {
            Some(condition) => stack.holds(condition.as_str().unwrap()),
            None => true,
        });
        made.map(|(name, resource)| (name.clone(), stack.said(resource).unwrap())).collect()
    }

    /// What the outputs say when all is made.
    pub fn outputs(&self, place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
        let stack = Stack { template: self, place, parameters, made: true };
        let outputs = self.tree["Outputs"].as_object().unwrap().iter();
        outputs.map(|(name, output)| (name.clone(), text(&stack.said(&output["Value"]).unwrap()))).collect()
    }

    /// Those of a type.
    pub fn of_type(&self, kind: &str, place: Place, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
        let mut resources = self.resources(place, parameters);
        resources.retain(|_, resource| resource["Type"] == kind);
        resources.into_iter().map(|(name, mut resource)| (name, resource["Properties"].take())).collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra"))
}

/// A stack's parameters and place, by which functions come to something.
struct Stack<'a> {
    template: &'a Template,
    place: Place,
    parameters: &'a [(&'a str, &'a str)],
    /// Whether resources are there, so that what they are called is known.
    made: bool,
}

impl Stack<'_> {
    /// What an expression comes to; `None` is `AWS::NoValue`.
    fn said(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => {
                Some(Value::Array(items.iter().filter_map(|item| self.said(item)).collect()))
            }
            Value::Object(members) => {
                if let (1, Some((name, argument))) = (members.len(), members.iter().next())
                    && (name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.function(name, argument);
                }
                let members = members.iter().filter_map(|(key, it)| Some((key.clone(), self.said(it)?)));
                Some(Value::Object(members.collect()))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        let parts = || argument.as_array().unwrap_or_else(|| panic!("{name}: {argument}"));
        let said = |part: &Value| self.said(part).unwrap();
        let word = |part: &Value| text(&said(part));
        Some(match name {
            "Ref" => return self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => json!(self.attribute(&joined(argument))),
            "Fn::Sub" => match argument {
                Value::Array(both) => json!(self.substituted(both[0].as_str().unwrap(), &both[1])),
                whole @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_)) => {
                    json!(self.substituted(whole.as_str().unwrap(), &json!({})))
                }
            },
            "Fn::Join" => {
                let words: Vec<String> = said(&parts()[1]).as_array().unwrap().iter().map(text).collect();
                json!(words.join(&word(&parts()[0])))
            }
            "Fn::Split" => {
                let (at, whole) = (word(&parts()[0]), word(&parts()[1]));
                whole.split(at.as_str()).map(|part| json!(part)).collect()
            }
            "Fn::Select" => {
                let index: usize = word(&parts()[0]).parse().unwrap();
                said(&parts()[1])[index].clone()
            }
            "Fn::FindInMap" => {
                let [map, first, second] = [0, 1, 2].map(|at| word(&parts()[at]));
                self.template.tree["Mappings"][map][first][second].clone()
            }
            "Fn::If" => {
                let holds = self.holds(parts()[0].as_str().unwrap());
                return self.said(&parts()[if holds { 1 } else { 2 }]);
            }
            other => panic!("{other} is not known here"),
        })
    }

    fn reference(&self, name: &str) -> Option<Value> {
        let Place { partition, region, suffix, account } = self.place;
        Some(match name {
            "AWS::NoValue" => return None,
            "AWS::Partition" => json!(partition),
            "AWS::Region" => json!(region),
            "AWS::URLSuffix" => json!(suffix),
            "AWS::AccountId" => json!(account),
            "AWS::StackName" => json!("usher"),
            "AWS::StackId" => {
                json!(format!("arn:{partition}:cloudformation:{region}:{account}:stack/usher/1"))
            }
            _ => match self.template.tree["Parameters"].get(name) {
                Some(parameter) => {
                    let given = self.parameters.iter().find(|(known, _)| *known == name);
                    let given = given.map(|(_, value)| (*value).to_owned());
                    let value = given.unwrap_or_else(|| match parameter.get("Default") {
                        Some(default) => text(default),
                        None => panic!("the parameter {name} has no value"),
                    });
                    match parameter["Type"].as_str().unwrap() {
                        "CommaDelimitedList" => value.split(',').map(|part| json!(part.trim())).collect(),
                        _ => json!(value),
                    }
                }
                None => json!(self.attribute(name)),
            },
        })
    }

    /// An attribute of a resource (`Name.Attribute`), or what a reference to it comes to. Before anything is made only CloudFormation knows: then it is
    /// any text that is no other one's.
    fn attribute(&self, path: &str) -> String {
        let (name, attribute) = path.split_once('.').unwrap_or((path, "Ref"));
        let resource = &self.template.tree["Resources"][name];
        let known = if self.made { self.known(resource, attribute) } else { None };
        known.unwrap_or_else(|| format!("<{path}>"))
    }

    fn known(&self, resource: &Value, attribute: &str) -> Option<String> {
        let Place { partition, region, suffix, account } = self.place;
        let kind = resource["Type"].as_str()?;
        let called = match kind {
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Events::EventBus" | "AWS::Events::Rule" => "Name",
            "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
            "AWS::IAM::Role" => "RoleName",
            "AWS::Lambda::Function" => "FunctionName",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::SQS::Queue" => "QueueName",
            _ => return None,
        };
        let property = |name: &str| self.said(&resource["Properties"][name]).map(|value| text(&value));
        let name = property(called)?;
        let arn = |service: &str, what: &str| format!("arn:{partition}:{service}:{region}:{account}:{what}");
        Some(match (kind, attribute) {
            ("AWS::SQS::Queue", "Ref") => format!("https://sqs.{region}.{suffix}/{account}/{name}"),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", &name),
            ("AWS::IAM::ManagedPolicy", "Ref") => format!("arn:{partition}:iam::{account}:policy/{name}"),
            ("AWS::IAM::Role", "Arn") => format!("arn:{partition}:iam::{account}:role/{name}"),
            ("AWS::Lambda::Function", "Arn") => arn("lambda", &format!("function:{name}")),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{name}:*")),
            ("AWS::S3::Bucket", "Arn") => format!("arn:{partition}:s3:::{name}"),
            ("AWS::Events::EventBus", "Arn") => arn("events", &format!("event-bus/{name}")),
            ("AWS::Events::Rule", "Arn") => match property("EventBusName").filter(|bus| bus != "null") {
                Some(bus) => arn("events", &format!("rule/{bus}/{name}")),
                None => arn("events", &format!("rule/{name}")),
            },
            (_, "Ref" | "Name" | "QueueName") => name,
            _ => return None,
        })
    }

    fn substituted(&self, whole: &str, own: &Value) -> String {
        let mut out = String::new();
        let mut rest = whole;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').unwrap();
            out.push_str(before);
            match (name.strip_prefix('!'), own.get(name)) {
                (Some(literal), _) => out.extend(["${", literal, "}"]),
                (None, Some(value)) => out.push_str(&text(&self.said(value).unwrap())),
                (None, None) if name.contains('.') => out.push_str(&self.attribute(name)),
                (None, None) => out.push_str(&text(&self.reference(name).unwrap())),
            }
            rest = behind;
        }
        out + rest
    }

    fn holds(&self, condition: &str) -> bool {
        self.is_true(&self.template.tree["Conditions"][condition])
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (name, argument) = condition.as_object().unwrap().iter().next().unwrap();
        let parts = || argument.as_array().unwrap();
        match name.as_str() {
            "Condition" => self.holds(argument.as_str().unwrap()),
            "Fn::Equals" => text(&self.said(&parts()[0]).unwrap()) == text(&self.said(&parts()[1]).unwrap()),
            "Fn::Not" => !self.is_true(&parts()[0]),
            "Fn::And" => parts().iter().all(|part| self.is_true(part)),
            "Fn::Or" => parts().iter().any(|part| self.is_true(part)),
            other => panic!("{other} is no condition that is known here"),
        }
    }
}

/// A scalar as CloudFormation compares and joins it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn joined(argument: &Value) -> String {
    match argument {
        Value::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join("."),
        whole @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            text(whole)
        }
    }
}

/// A map or list that is not complete yet, with its tag.
enum Open {
    List(Vec<Value>, Option<String>),
    Map(Map<String, Value>, Option<String>, Option<String>),
}

fn parse(text: &str) -> Value {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, at) = event.unwrap();
        let tag = at.tag_span().and_then(|span| text.get(span.byte_range()?)).map(str::to_owned);
        let complete = if let Event::Scalar(scalar, style, ..) = event {
            long_form(plain(&scalar, style), tag.as_deref())
        } else if matches!(event, Event::SequenceStart(..)) {
            open.push(Open::List(Vec::new(), tag));
            continue;
        } else if matches!(event, Event::MappingStart(..)) {
            open.push(Open::Map(Map::new(), None, tag));
            continue;
        } else if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            match open.pop().unwrap() {
                Open::List(items, tag) => long_form(Value::Array(items), tag.as_deref()),
                Open::Map(members, _, tag) => long_form(Value::Object(members), tag.as_deref()),
            }
        } else {
            assert!(!matches!(event, Event::Alias(_)), "CloudFormation knows no aliases");
            continue;
        };
        match open.last_mut() {
            None => root = Some(complete),
            Some(Open::List(items, _)) => items.push(complete),
            Some(Open::Map(members, key, _)) => match key.take() {
                Some(key) => assert!(members.insert(key.clone(), complete).is_none(), "{key} twice"),
                None => *key = Some(self::text(&complete)),
            },
        }
    }
    root.unwrap()
}

fn plain(scalar: &str, style: ScalarStyle) -> Value {
    let json = (style == ScalarStyle::Plain).then(|| serde_json::from_str(scalar).ok()).flatten();
    // A date is none of CloudFormation's types.
    json.filter(|value: &Value| value.is_boolean() || value.is_number()).unwrap_or_else(|| json!(scalar))
}

fn long_form(value: Value, tag: Option<&str>) -> Value {
    match tag.and_then(|tag| tag.strip_prefix('!')) {
        None | Some("") => value,
        Some(name @ ("Ref" | "Condition")) => json!({ name: value }),
        Some(name) => json!({ format!("Fn::{name}"): value }),
    }
}
