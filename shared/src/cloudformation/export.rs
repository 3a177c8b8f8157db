//! Permission sets and assignments as templates that CloudFormation can take over, for those who leave or want both.
//!
//! The same input gives the same templates: logical ids are made from what a resource is, and not from where it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{AssignmentKey, InstanceArn, PermissionSetArn, PermissionsBoundary, Principal, hex},
    import::block,
    rules::SetContent,
};

/// What is written.
#[derive(Debug, Clone)]
pub struct ToExport {
    pub instance: InstanceArn,
    /// Names of permission sets, and what they are where that is declared: those become resources, others are named by their ARNs.
    pub sets: BTreeMap<PermissionSetArn, (String, Option<SetContent>)>,
    pub assignments: BTreeSet<AssignmentKey>,
}

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Yaml,
}

/// What one template may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub resources: usize,
    pub bytes: usize,
}

impl Limits {
    /// Of a template in S3 (CloudFormation user guide, "Quotas": 500 resources, 1 MB). One import takes over 200 resources at most (CloudFormation's API model, `ResourcesToImport`).
    pub const IN_S3: Self = Self { resources: 200, bytes: 1_000_000 };
    /// Of one that is sent along with the call (the same: 51,200 bytes).
    pub const DIRECT: Self = Self { resources: 200, bytes: 51_200 };
}

/// A resource that no template can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the permission set `{name}` alone takes {bytes} bytes, and a template has at most {most}")]
pub struct TooMuch {
    pub name: String,
    pub bytes: usize,
    pub most: usize,
}

/// One template, and what its resources are in AWS already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub template: String,
    /// What `aws cloudformation create-change-set --change-set-type IMPORT` takes as `--resources-to-import`.
    pub to_import: String,
    pub resources: usize,
}

/// All templates, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    pub stacks: Vec<Stack>,
}

/// One resource: what it is in the template, and how it is found in AWS.
struct Resource {
    id: String,
    name: String,
    content: Value,
    found_by: Value,
}

/// Writes templates, each within the limits. Whatever a template names is in it or in AWS already, so that they depend on nothing but the instance.
pub fn export(what: &ToExport, form: Form, limits: Limits) -> Result<Exported, TooMuch> {
    let ToExport { instance, sets, assignments } = what;
    let mut by_set: BTreeMap<(&str, &PermissionSetArn), Vec<&AssignmentKey>> = BTreeMap::new();
    for (arn, (name, content)) in sets {
        if content.is_some() {
            by_set.entry((name, arn)).or_default();
        }
    }
    for key in assignments {
        let name = sets.get(&key.permission_set).map(|(name, _)| name.as_str()).unwrap_or_default();
        by_set.entry((name, &key.permission_set)).or_default().push(key);
    }
    let mut stacks = Stacks { instance, form, limits, done: Vec::new(), open: Vec::new(), bytes: 0 };
    for ((name, arn), keys) in by_set {
        let content = sets.get(arn).and_then(|(_, content)| content.as_ref());
        if let Some(content) = content {
            stacks.add(permission_set(name, arn, content, instance))?;
        }
        for key in keys {
            let is_here = content.is_some() && stacks.has(&set_id(name, arn));
            let made = assignment(key, name, is_here, instance);
            if stacks.is_full_for(&made) && is_here {
                // In the next template the set is named by its ARN.
                stacks.close();
                stacks.add(assignment(key, name, false, instance))?;
            } else {
                stacks.add(made)?;
            }
        }
    }
    stacks.close();
    Ok(Exported { stacks: stacks.done })
}

struct Stacks<'a> {
    instance: &'a InstanceArn,
    form: Form,
    limits: Limits,
    done: Vec<Stack>,
    open: Vec<Resource>,
    bytes: usize,
}

impl Stacks<'_> {
    fn has(&self, id: &str) -> bool {
        self.open.iter().any(|resource| resource.id == id)
    }

    fn size(&self, resource: &Resource) -> usize {
        let one: BTreeMap<&str, &Value> = [(resource.id.as_str(), &resource.content)].into();
        let one = json!({ "Resources": one });
        written(&one, self.form).len()
    }

    /// What stands around the resources.
    fn around(&self) -> usize {
        written(&self.template(&BTreeMap::new()), self.form).len() + 64
    }

    fn is_full_for(&self, resource: &Resource) -> bool {
        let bytes = self.around() + self.bytes + self.size(resource);
        self.open.len() >= self.limits.resources || bytes > self.limits.bytes
    }

    fn add(&mut self, resource: Resource) -> Result<(), TooMuch> {
        if self.is_full_for(&resource) {
            self.close();
        }
        let size = self.size(&resource);
        if self.around() + size > self.limits.bytes {
            return Err(TooMuch { name: resource.name, bytes: size, most: self.limits.bytes });
        }
        self.bytes += size;
        self.open.push(resource);
        Ok(())
    }

    fn template(&self, resources: &BTreeMap<&str, &Value>) -> Value {
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "Permission sets and account assignments of IAM Identity Center, written by usher export.",
            "Parameters": {
                "InstanceArn": {
                    "Type": "String",
                    "Default": self.instance.as_str(),
                    "Description": "The Identity Center instance",
                },
            },
            "Resources": resources,
        })
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.bytes = 0;
        if open.is_empty() {
            return;
        }
        let resources = open.iter().map(|resource| (resource.id.as_str(), &resource.content)).collect();
        let to_import: Vec<Value> = open
            .iter()
            .map(|resource| {
                json!({
                    "ResourceType": resource.content.get("Type"),
                    "LogicalResourceId": resource.id,
                    "ResourceIdentifier": resource.found_by,
                })
            })
            .collect();
        self.done.push(Stack {
            template: written(&self.template(&resources), self.form),
            to_import: written(&Value::Array(to_import), Form::Json),
            resources: open.len(),
        });
    }
}

fn written(value: &Value, form: Form) -> String {
    let mut text = match form {
        // What is text and maps with text for keys can always be written.
        Form::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
        Form::Yaml => block(value, 0),
    };
    text.push('\n');
    text
}

/// A logical id has letters and digits only.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn digest(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hex(&digest).chars().take(12).collect()
}

fn set_id(name: &str, arn: &PermissionSetArn) -> String {
    format!("PermissionSet{}{}", letters(name), digest(arn.as_str()))
}

fn permission_set(
    name: &str,
    arn: &PermissionSetArn,
    content: &SetContent,
    instance: &InstanceArn,
) -> Resource {
    let SetContent {
        description,
        session_duration,
        relay_state,
        aws_managed,
        customer_managed,
        inline,
        boundary,
        tags,
    } = content;
    let mut properties = json!({
        "InstanceArn": { "Ref": "InstanceArn" },
        "Name": name,
        "SessionDuration": session_duration.to_string(),
    });
    let mut put = |key: &str, value: Value| {
        if let Value::Object(members) = &mut properties {
            members.insert(key.to_owned(), value);
        }
    };
    let customer =
        |policy: &crate::domain::CustomerManagedPolicy| json!({ "Name": policy.name, "Path": policy.path });
    if let Some(description) = description {
        put("Description", json!(description));
    }
    if let Some(relay_state) = relay_state {
        put("RelayStateType", json!(relay_state));
    }
    if !aws_managed.is_empty() {
        put("ManagedPolicies", aws_managed.iter().map(ToString::to_string).collect());
    }
    if !customer_managed.is_empty() {
        put("CustomerManagedPolicyReferences", customer_managed.iter().map(customer).collect());
    }
    if let Some(policy) = inline {
        put("InlinePolicy", serde_json::to_value(policy).unwrap_or_default());
    }
    match boundary {
        Some(PermissionsBoundary::AwsManaged(arn)) => {
            put("PermissionsBoundary", json!({ "ManagedPolicyArn": arn.as_str() }));
        }
        Some(PermissionsBoundary::CustomerManaged(policy)) => {
            put("PermissionsBoundary", json!({ "CustomerManagedPolicyReference": customer(policy) }));
        }
        None => {}
    }
    if !tags.is_empty() {
        put("Tags", tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect());
    }
    Resource {
        id: set_id(name, arn),
        name: name.to_owned(),
        content: kept("AWS::SSO::PermissionSet", &properties),
        found_by: json!({ "InstanceArn": instance.as_str(), "PermissionSetArn": arn.as_str() }),
    }
}

fn assignment(key: &AssignmentKey, name: &str, is_here: bool, instance: &InstanceArn) -> Resource {
    let AssignmentKey { account, permission_set, principal } = key;
    let kind = match principal {
        Principal::Group(_) => "GROUP",
        Principal::User(_) => "USER",
    };
    let arn = if is_here {
        json!({ "Fn::GetAtt": [set_id(name, permission_set), "PermissionSetArn"] })
    } else {
        json!(permission_set.as_str())
    };
    let own = |instance: Value, arn: Value| {
        json!({
            "InstanceArn": instance,
            "PermissionSetArn": arn,
            "PrincipalId": principal.id(),
            "PrincipalType": kind,
            "TargetId": account.as_str(),
            "TargetType": "AWS_ACCOUNT",
        })
    };
    let id = format!(
        "Assignment{account}{}{}",
        letters(name),
        digest(&format!("{account} {permission_set} {principal}"))
    );
    Resource {
        id,
        name: name.to_owned(),
        content: kept("AWS::SSO::Assignment", &own(json!({ "Ref": "InstanceArn" }), arn)),
        found_by: own(json!(instance.as_str()), json!(permission_set.as_str())),
    }
}

/// A resource that stays when it leaves its stack: to take one over, CloudFormation asks for that as well.
fn kept(kind: &str, properties: &Value) -> Value {
    json!({
        "Type": kind,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}
