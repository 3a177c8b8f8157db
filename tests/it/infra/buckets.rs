//! The buckets: roles reach those of their own account alone, and nobody takes a version of the rules away.

use serde_json::{Value, json};
use simulator::iam::{Context, Decision, Policy, Request, decide};

use super::{
    PLACES, Place, Template,
    service::{PARAMETERS, SERVICE},
};

const PLACE: Place = Place { account: SERVICE, ..PLACES[0] };

/// A name of a bucket that is free again may be anybody's.
#[test]
fn roles_reach_buckets_of_their_own_account_alone() {
    let template = Template::read("service.yaml").unwrap();
    let mut of_buckets = 0;
    for (name, role) in template.of_type("AWS::IAM::Role", PLACE, &PARAMETERS) {
        let policies = role["Policies"].as_array().unwrap().iter();
        let statements =
            policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        for statement in statements.filter(|statement| statement["Action"].to_string().contains("\"s3:")) {
            of_buckets += 1;
            assert_eq!(
                statement["Condition"]["StringEquals"]["aws:ResourceAccount"], SERVICE,
                "{name}: {statement}"
            );
        }
    }
    assert!(of_buckets > 10, "{of_buckets}");
}

#[test]
fn versions_of_the_rules_are_neither_written_over_nor_deleted_whatever_somebody_may_do() {
    let template = Template::read("service.yaml").unwrap();
    let parameters = [&PARAMETERS[..], &[("RulesPrefix", "access/")]].concat();
    let mut policy =
        template.of_type("AWS::S3::BucketPolicy", PLACE, &parameters).remove("RulesBucketPolicy").unwrap();
    let document = &mut policy["PolicyDocument"];
    for statement in document["Statement"].as_array_mut().unwrap() {
        // It is about everybody, which policies of roles don't say.
        assert_eq!(statement.as_object_mut().unwrap().remove("Principal"), Some(json!("*")));
    }
    let everything = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let text = document.to_string().replace("<RulesBucket.Arn>", "arn:aws:s3:::usher-rules");
    let document: Value = serde_json::from_str(&text).unwrap();
    let policies = [Policy::read(&document).unwrap(), Policy::read(&everything).unwrap()];
    let may = |action: &str, key: &str, only_new: bool| {
        let context = Context::default().with("aws:SecureTransport", ["true"]);
        let context = if only_new { context.with("s3:if-none-match", ["*"]) } else { context };
        let resource = format!("arn:aws:s3:::usher-rules/access/{key}");
        decide(&policies, &Request { action, resource: &resource, context: &context }) == Decision::Allowed
    };
    assert!(may("s3:PutObject", "rules/1.json", true) && !may("s3:PutObject", "rules/1.json", false));
    assert!(may("s3:PutObject", "ledger-epoch.json", false), "each minute");
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion"] {
        assert!(!may(action, "rules/1.json", false), "{action}");
        assert!(!may(action, "ledger-epoch.json", false), "{action}");
        assert!(may(action, "incoming/rules.yaml", false), "{action}");
    }
}
