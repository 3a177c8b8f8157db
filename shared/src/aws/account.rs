//! What an account has to have beside the service that is deployed in it: trails, room for functions; and what a stack says of itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    connect::Connection,
    error::unreadable,
    signed::{Form, Question, between},
};
use crate::ports::PortError;

/// A trail that concerns this Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailSeen {
    pub name: String,
    pub of_organization: bool,
    pub is_logging: bool,
    /// Whether it logs the management events of all that is written; `None` where that can't be told.
    pub logs_writes: Option<bool>,
}

const CLOUDTRAIL: &str = "cloudtrail";

impl Connection {
    /// The trails that concern this Region: its own, and those of all Regions.
    pub async fn trails(&self) -> Result<Vec<TrailSeen>, PortError> {
        let operation = "DescribeTrails";
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails";
        let answer = self.trail_question(operation, target, &json!({ "includeShadowTrails": true })).await?;
        let list = answer.get("trailList").and_then(Value::as_array);
        let list = list.ok_or_else(|| unreadable(operation, "it has no list of trails"))?;
        let mut trails = Vec::new();
        for trail in list {
            let text = |name: &str| trail.get(name).and_then(Value::as_str).unwrap_or_default();
            let yes = |name: &str| trail.get(name) == Some(&Value::Bool(true));
            let here = yes("IsMultiRegionTrail") || Some(text("HomeRegion")) == self.region();
            if here {
                let arn = text("TrailARN");
                trails.push(TrailSeen {
                    name: text("Name").to_owned(),
                    of_organization: yes("IsOrganizationTrail"),
                    is_logging: self.is_logging(arn).await?,
                    logs_writes: self.logs_writes(arn).await?,
                });
            }
        }
        Ok(trails)
    }

    async fn trail_question(
        &self,
        operation: &'static str,
        target: &'static str,
        input: &Value,
    ) -> Result<Value, PortError> {
        self.ask_for_json(&Question { service: CLOUDTRAIL, operation, form: Form::Json { target, input } })
            .await
    }

    async fn is_logging(&self, arn: &str) -> Result<bool, PortError> {
        let operation = "GetTrailStatus";
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetTrailStatus";
        let answer = self.trail_question(operation, target, &json!({ "Name": arn })).await?;
        Ok(answer.get("IsLogging") == Some(&Value::Bool(true)))
    }

    async fn logs_writes(&self, arn: &str) -> Result<Option<bool>, PortError> {
        let operation = "GetEventSelectors";
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetEventSelectors";
        match self.trail_question(operation, target, &json!({ "TrailName": arn })).await {
            Ok(answer) => Ok(selects_writes(&answer)),
            // Of an organization's trail a member account may see less.
            Err(PortError::Denied(_) | PortError::NotFound(_) | PortError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many concurrent executions of Lambda's nobody has reserved yet.
    pub async fn unreserved_executions(&self) -> Result<u64, PortError> {
        let operation = "GetAccountSettings";
        let form = Form::Get { path: "/2016-08-19/account-settings/" };
        let answer = self.ask_for_json(&Question { service: "lambda", operation, form }).await?;
        let free = answer.pointer("/AccountLimit/UnreservedConcurrentExecutions").and_then(Value::as_u64);
        free.ok_or_else(|| unreadable(operation, "it has no limit"))
    }

    /// The outputs of a stack, by their keys.
    pub async fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, PortError> {
        let operation = "DescribeStacks";
        let parameters = [("Action", operation), ("Version", "2010-05-15"), ("StackName", stack)];
        let form = Form::Query { parameters: &parameters };
        let body = self.ask(&Question { service: "cloudformation", operation, form }).await?;
        let text = String::from_utf8(body).map_err(|error| unreadable(operation, error))?;
        Ok(outputs(&text))
    }
}

/// Whether event selectors have all that is written among management events; `None` if they are finer than can be told from here.
fn selects_writes(answer: &Value) -> Option<bool> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (basic, advanced) = (list("EventSelectors"), list("AdvancedEventSelectors"));
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let by_basic = basic.iter().any(|selector| {
        selector.get("IncludeManagementEvents") != Some(&Value::Bool(false))
            && matches!(text(selector, "ReadWriteType").as_str(), "All" | "WriteOnly" | "")
    });
    if by_basic {
        return Some(true);
    }
    let mut finer = false;
    for selector in &advanced {
        let fields = selector.get("FieldSelectors").and_then(Value::as_array).cloned().unwrap_or_default();
        let is = |field: &str, value: &str| {
            fields.iter().any(|one| {
                let equals = one.get("Equals").and_then(Value::as_array);
                text(one, "Field") == field
                    && equals.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(value)))
            })
        };
        if !is("eventCategory", "Management") || is("readOnly", "true") {
            continue;
        }
        if fields.iter().all(|one| matches!(text(one, "Field").as_str(), "eventCategory" | "readOnly")) {
            return Some(true);
        }
        finer = true;
    }
    if finer { None } else { Some(false) }
}

/// What `DescribeStacks` answers of outputs.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for member in text.split("<member>") {
        let key = between(member, "<OutputKey>", "</OutputKey>");
        let value = between(member, "<OutputValue>", "</OutputValue>");
        found.extend(key.zip(value));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_logs_writes_if_its_selectors_say_so_in_either_form() {
        let basic = |of: &str, management: bool| json!({ "EventSelectors": [{ "ReadWriteType": of, "IncludeManagementEvents": management, "DataResources": [] }] });
        assert_eq!(selects_writes(&basic("All", true)), Some(true));
        assert_eq!(selects_writes(&basic("WriteOnly", true)), Some(true));
        assert_eq!(selects_writes(&basic("ReadOnly", true)), Some(false));
        assert_eq!(selects_writes(&basic("All", false)), Some(false));
        let field = |field: &str, value: &str| json!({ "Field": field, "Equals": [value] });
        let advanced = |fields: &[Value]| json!({ "AdvancedEventSelectors": [{ "FieldSelectors": fields }] });
        let management = field("eventCategory", "Management");
        assert_eq!(selects_writes(&advanced(std::slice::from_ref(&management))), Some(true));
        assert_eq!(selects_writes(&advanced(&[management.clone(), field("readOnly", "false")])), Some(true));
        assert_eq!(selects_writes(&advanced(&[management.clone(), field("readOnly", "true")])), Some(false));
        assert_eq!(selects_writes(&advanced(&[field("eventCategory", "Data")])), Some(false));
        assert_eq!(selects_writes(&advanced(&[management, field("eventSource", "s3.amazonaws.com")])), None);
        assert_eq!(selects_writes(&json!({})), Some(false));
        assert_eq!(selects_writes(&json!("nonsense")), Some(false));
    }

    #[test]
    fn outputs_are_read_with_their_line_breaks() {
        let text = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>usher</StackName><Outputs>\
                    <member><OutputKey>ToolSettings</OutputKey><OutputValue>export A=1\nexport B=x&amp;y</OutputValue></member>\
                    <member><Description>d</Description><OutputKey>BusArn</OutputKey><OutputValue>arn</OutputValue></member>\
                    </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";
        let found = outputs(text);
        assert_eq!(found["ToolSettings"], "export A=1\nexport B=x&y");
        assert_eq!(found["BusArn"], "arn");
        assert_eq!(found.len(), 2);
        assert!(outputs("").is_empty());
    }
}
