//! Who may write what in the ledger, by the keys that the roles name.

use std::collections::BTreeSet;

use serde_json::Value;
use simulator::iam::{Context, Decision, Policy, Request, decide};

use super::{
    PLACES, Place, Template,
    service::{PARAMETERS, SERVICE},
};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:999988887777:table/usher-ledger";

/// The functions whose roles may put an item below this key.
fn writers(key: &str) -> BTreeSet<String> {
    let template = Template::read("service.yaml").unwrap();
    let resources = template.made(Place { account: SERVICE, ..PLACES[0] }, &PARAMETERS).into_values();
    let roles = resources.filter(|resource| resource["Type"] == "AWS::IAM::Role");
    let roles: Vec<Value> = roles.map(|mut role| role["Properties"].take()).collect();
    let context = Context::default().with("dynamodb:LeadingKeys", [key]);
    let may = |role: &Value| {
        let documents = role["Policies"].as_array().unwrap().iter().map(|policy| &policy["PolicyDocument"]);
        let policies: Vec<Policy> = documents.map(|document| Policy::read(document).unwrap()).collect();
        ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"].iter().any(|action| {
            decide(&policies, &Request { action, resource: TABLE, context: &context }) == Decision::Allowed
        })
    };
    let named = roles.iter().filter(|role| may(role)).map(|role| role["RoleName"].as_str().unwrap());
    named.map(|name| name.strip_prefix("usher-").unwrap().to_owned()).collect()
}

/// As docs/adr/0029 and the threat model tell it.
#[test]
fn what_is_peoples_in_the_ledger_few_functions_may_write() {
    let by = |key: &str| writers(key).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(by("seen#consent"), "");
    assert_eq!(by("orders"), "provision reprovision tick");
    assert_eq!(by("rules"), "on-rules-change");
    assert_eq!(by("lease"), "provision reprovision");
    assert_eq!(by("seen#trusted-tags"), "reconcile sweep");
    // The sweep only deletes rows that are long closed.
    assert_eq!(
        by("account#111122223333"),
        "on-permission-set-event poll-provisioning provision reconcile sweep"
    );
}
