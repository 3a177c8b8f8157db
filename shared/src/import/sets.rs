//! Permission sets as declarations, which say all that a set is.

use std::fmt::Write as _;

use super::yaml;
use crate::{
    domain::{CustomerManagedPolicy, PermissionsBoundary},
    permission_sets::{Details, Inline},
    rules::SetContent,
};

/// A permission set as a rule document declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub name: String,
    pub content: SetContent,
    /// It is there, and others made it.
    pub adopt: bool,
}

/// The declaration that says what a permission set is, so that nothing of it would be changed; or why there can't be one.
pub fn declaration(details: &Details) -> Result<Declaration, String> {
    let Details {
        arn: _,
        name,
        description,
        session_duration,
        relay_state,
        aws_managed,
        customer_managed,
        inline,
        boundary,
        tags,
    } = details;
    let inline = match inline {
        None => None,
        Some(Inline::Read(policy)) => Some(policy.clone()),
        Some(Inline::Odd(_)) => return Err("its inline policy has what Usher can't declare".to_owned()),
    };
    let Some(session_duration) = *session_duration else {
        return Err("its session duration is none that can be declared".to_owned());
    };
    let own = tags.iter().filter(|(key, _)| !key.to_ascii_lowercase().starts_with("aws:"));
    let content = SetContent {
        description: description.clone().filter(|text| !text.is_empty()),
        session_duration,
        relay_state: relay_state.clone().filter(|text| !text.is_empty()),
        aws_managed: aws_managed.clone(),
        customer_managed: customer_managed.clone(),
        inline,
        boundary: boundary.clone(),
        tags: own.collect(),
    };
    Ok(Declaration { name: name.clone(), content, adopt: true })
}

/// As an item of `permission_sets`.
pub(crate) fn written(declaration: &Declaration) -> String {
    let Declaration { name, content, adopt } = declaration;
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
    let mut text = format!("  - name: {}\n", yaml::text(name));
    let mut line = |key: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {key}: {value}");
    };
    if *adopt {
        line("adopt", "true".to_owned());
    }
    if let Some(description) = description {
        line("description", yaml::quoted(description));
    }
    if *session_duration != crate::domain::SessionDuration::default() {
        line("session_duration", session_duration.to_string());
    }
    if let Some(relay_state) = relay_state {
        line("relay_state", yaml::quoted(relay_state));
    }
    if !aws_managed.is_empty() {
        let arns: Vec<String> = aws_managed.iter().map(|arn| format!("\"{arn}\"")).collect();
        line("aws_managed_policies", yaml::list(&arns, 4));
    }
    if !customer_managed.is_empty() {
        let policies: Vec<String> = customer_managed.iter().map(customer).collect();
        line("customer_managed_policies", yaml::list(&policies, 4));
    }
    match boundary {
        Some(PermissionsBoundary::AwsManaged(arn)) => {
            line("permissions_boundary", format!("{{ aws_managed_policy: \"{arn}\" }}"));
        }
        Some(PermissionsBoundary::CustomerManaged(policy)) => {
            line("permissions_boundary", format!("{{ customer_managed_policy: {} }}", customer(policy)));
        }
        None => {}
    }
    if !tags.is_empty() {
        let tags = tags.iter().map(|(key, value)| format!("{}: {}", yaml::text(key), yaml::text(value)));
        line("tags", format!("{{ {} }}", tags.collect::<Vec<_>>().join(", ")));
    }
    if let Some(policy) = inline {
        // A policy can always be written as JSON.
        let json = serde_json::to_value(policy).unwrap_or_default();
        let _ = write!(text, "    inline_policy:\n{}\n", yaml::block(&json, 6));
    }
    text
}

fn customer(policy: &CustomerManagedPolicy) -> String {
    let CustomerManagedPolicy { path, name } = policy;
    if path == "/" {
        yaml::text(name)
    } else {
        format!("{{ name: {}, path: {} }}", yaml::text(name), yaml::quoted(path))
    }
}
