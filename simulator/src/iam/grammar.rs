//! Whether a document has the form of an identity-based policy, as far as IAM's grammar looks at it before anything is evaluated: its
//! version, and of each statement the effect, the actions and the resources. What [`Policy::read`](super::Policy::read) can't evaluate
//! passes here.

use serde_json::{Map, Value};

/// What is wrong with the form of a document, if anything is.
pub(crate) fn mistake(document: &Value) -> Option<String> {
    let Some(members) = document.as_object() else { return Some("a policy is a JSON object".to_owned()) };
    if let Some(version) = members.get("Version")
        && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
    {
        return Some(format!("{version} is no version of the policy language: 2012-10-17 or 2008-10-17"));
    }
    match members.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().find_map(in_statement),
        Some(one) => in_statement(one),
        None => Some("a policy has a `Statement`".to_owned()),
    }
}

fn in_statement(statement: &Value) -> Option<String> {
    let Some(members) = statement.as_object() else { return Some("a statement is a JSON object".to_owned()) };
    if !matches!(members.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Some("a statement has the `Effect` Allow or Deny".to_owned());
    }
    if members.contains_key("Principal") || members.contains_key("NotPrincipal") {
        return Some("a policy of a role has no principal".to_owned());
    }
    either(members, "Action", "NotAction").or_else(|| either(members, "Resource", "NotResource")).or_else(
        || {
            let conditions = members.get("Condition")?;
            (!conditions.is_object()).then(|| "a `Condition` is a JSON object".to_owned())
        },
    )
}

fn either(members: &Map<String, Value>, plain: &str, negated: &str) -> Option<String> {
    let ((Some(value), None) | (None, Some(value))) = (members.get(plain), members.get(negated)) else {
        return Some(format!("a statement has either `{plain}` or `{negated}`"));
    };
    let texts = match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::String(_) => true,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    (!texts).then(|| format!("`{plain}` and `{negated}` are a text or a list of texts"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_form_of_a_policy_is_looked_at() {
        let dated = json!({ "DateGreaterThan": { "aws:CurrentTime": "2026-01-01T00:00:00Z" } });
        for good in [
            json!({ "Version": "2012-10-17", "Statement": [] }),
            json!({ "Statement": { "Effect": "Deny", "NotAction": ["s3:*"], "NotResource": "*", "Condition": dated } }),
        ] {
            assert_eq!(mistake(&good), None, "{good}");
        }
        for (bad, expected) in [
            (json!([]), "a JSON object"),
            (json!({}), "has a `Statement`"),
            (json!({ "Version": "2012-10-18", "Statement": [] }), "no version"),
            (json!({ "Statement": ["x"] }), "a statement is"),
            (json!({ "Statement": { "Action": "*", "Resource": "*" } }), "`Effect`"),
            (json!({ "Statement": { "Effect": "allow", "Action": "*", "Resource": "*" } }), "`Effect`"),
            (json!({ "Statement": { "Effect": "Allow", "Resource": "*" } }), "either `Action`"),
            (
                json!({ "Statement": { "Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*" } }),
                "either `Action`",
            ),
            (json!({ "Statement": { "Effect": "Allow", "Action": [1], "Resource": "*" } }), "list of texts"),
            (json!({ "Statement": { "Effect": "Allow", "Action": "*" } }), "either `Resource`"),
            (
                json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*" } }),
                "no principal",
            ),
        ] {
            let message = mistake(&bad).unwrap_or_default();
            assert!(message.contains(expected), "{bad}: {message}");
        }
    }
}
