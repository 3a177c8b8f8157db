//! Policies that say the same, policies that don't, and policies that AWS would refuse.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn policy(document: &Value) -> Policy {
    read(document).unwrap_or_else(|mistakes| panic!("{document}: {mistakes:?}"))
}

fn statement(more: &Value) -> Value {
    let mut whole = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
    let (Value::Object(whole_map), Value::Object(more)) = (&mut whole, more) else { panic!("{more}") };
    for (key, value) in more {
        if value.is_null() {
            whole_map.remove(key);
        } else {
            whole_map.insert(key.clone(), value.clone());
        }
    }
    json!({ "Version": "2012-10-17", "Statement": [whole] })
}

/// The difference as people read it.
fn told(from: Option<&Policy>, to: Option<&Policy>) -> String {
    let mut text = String::new();
    for StatementDiff { kind, statement, parts } in diff(from, to) {
        writeln!(text, "{kind:?} {statement}").unwrap();
        for Part { part, removed, added } in parts {
            writeln!(text, "  {part} -{removed:?} +{added:?}").unwrap();
        }
    }
    text
}

#[test]
fn order_and_lists_of_one_and_case_where_iam_takes_none_make_no_difference() {
    let one = policy(&json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Sid": "A", "Effect": "Allow", "Action": ["s3:GetObject", "ec2:Describe*"], "Resource": "*" },
            { "Effect": "Deny", "Action": "iam:*", "Resource": ["*"], "Condition": { "Bool": { "aws:SecureTransport": false } } },
        ],
    }));
    let other = policy(&json!({
        "Statement": [
            { "Resource": "*", "NotAction": "x:y", "Effect": "Deny" },
            { "Effect": "Deny", "Action": ["IAM:*"], "Resource": "*", "Condition": { "Bool": { "AWS:securetransport": ["false"] } } },
            { "Sid": "A", "Effect": "Allow", "Action": ["EC2:describe*", "s3:GetObject", "s3:GetObject"], "Resource": ["*"] },
        ],
        "Version": "2012-10-17",
    }));
    assert!(!one.is_same(&other));
    let other = Policy { statements: other.statements[1..].to_vec(), ..other };
    assert!(one.is_same(&other));
    assert_eq!(told(Some(&one), Some(&other)), "");
    assert!(!one.is_same(&Policy { version: None, ..other.clone() }), "the older version has no variables");
    let older = Policy { version: Some(Version::Of2008), ..other.clone() };
    assert!(older.is_same(&Policy { version: None, ..other }));
}

#[test]
fn a_difference_is_told_statement_by_statement() {
    let from = policy(&json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*" },
            { "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*" },
            { "Effect": "Deny", "Action": "iam:*", "Resource": "*" },
        ],
    }));
    let to = policy(&json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "arn:aws:ec2:*" },
            {
                "Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*",
                "Condition": { "StringEquals": { "aws:PrincipalTag/Team": ["web", "shop"] } },
            },
            { "Sid": "New", "Effect": "Allow", "NotAction": ["a:b", "c:d"], "NotResource": "*" },
        ],
    }));
    insta::assert_snapshot!(told(Some(&from), Some(&to)), @r#"
    Removed Deny iam:*
      Action -["iam:*"] +[]
      Effect -["Deny"] +[]
      Resource -["*"] +[]
    Changed Read
      Action -["s3:ListBucket"] +["s3:PutObject"]
      Condition StringEquals aws:PrincipalTag/Team -[] +["shop", "web"]
    Changed Allow ec2:Describe*
      Resource -["*"] +["arn:aws:ec2:*"]
    Added New
      Effect -[] +["Allow"]
      NotAction -[] +["a:b", "c:d"]
      NotResource -[] +["*"]
    "#);
    assert_eq!(told(None, Some(&to)).matches("Added").count(), 3);
    assert_eq!(told(Some(&to), None).matches("Removed").count(), 3);
}

#[test]
fn every_mistake_says_where_it_is() {
    let mut all = String::new();
    let text = |length: usize| format!("arn:aws:s3:::{}", "x".repeat(length));
    for wrong in [
        json!([]),
        json!({}),
        json!({ "statement": [] }),
        json!({ "Version": "2012-10-18", "Statement": [] }),
        json!({ "Statement": ["x"] }),
        statement(&json!({ "Effect": null })),
        statement(&json!({ "Effect": "allow" })),
        statement(&json!({ "Action": null })),
        statement(&json!({ "NotAction": "a:b" })),
        statement(&json!({ "Action": [] })),
        statement(&json!({ "Action": ["s3:GetObject", "GetObject", 1] })),
        statement(&json!({ "Resource": ["bucket", "arn:nonsense", "arn:aws:s3"] })),
        statement(&json!({ "Principal": "*" })),
        statement(&json!({ "Sid": "a b" })),
        statement(&json!({ "Condition": [] })),
        statement(&json!({ "Condition": { "StringEqual": { "a": "b" } } })),
        statement(&json!({ "Condition": { "NullIfExists": { "a": "b" } } })),
        statement(&json!({ "Condition": { "Bool": {} } })),
        statement(&json!({ "Condition": { "Bool": { "a": { "b": "c" } } } })),
        statement(&json!({ "Condition": { "Bool": { "a": "true", "A": "false" } } })),
        json!({ "Statement": [statement(&json!({ "Sid": "A" }))["Statement"][0], statement(&json!({ "Sid": "A" }))["Statement"][0]] }),
        statement(&json!({ "Resource": text(MOST_CHARACTERS) })),
        statement(&json!({ "Condition": { "StringEquals": { "a": " ".repeat(MOST_BYTES) } } })),
    ] {
        for Mistake { at, message, help } in read(&wrong).expect_err(&wrong.to_string()) {
            let at: String = at
                .iter()
                .map(|step| match step {
                    Step::Member(name) => format!("/{name}"),
                    Step::Item(number) => format!("/{number}"),
                })
                .collect();
            let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
            writeln!(all, "{at}: {message}{help}").unwrap();
        }
    }
    insta::assert_snapshot!(all, @r##"
    : a policy is a map with Version, Id, Statement
    : a policy has a `Statement`
    /statement: a policy has no member `statement` | did you mean `Statement`? Members are told apart by their case
    : a policy has a `Statement`
    /Version: the version of the policy language is "2012-10-17", or the older "2008-10-17"
    /Statement: a policy has at least one statement
    /Statement/0: a statement is a map with Sid, Effect, Action, NotAction, Resource, NotResource, Condition
    /Statement/0: a statement has an `Effect`, `Allow` or `Deny`
    /Statement/0/Effect: an `Effect` is `Allow` or `Deny`
    /Statement/0: a statement has either `Action` or `NotAction`
    /Statement/0: a statement has either `Action` or `NotAction`
    /Statement/0/Action: an empty list | list at least one
    /Statement/0/Action/1: `GetObject` is no action: it is `*`, or has a service before it, such as `s3:GetObject` or `ec2:Describe*`
    /Statement/0/Action/2: this is a text
    /Statement/0/Resource/0: `bucket` is no resource: it is `*` or an ARN, such as `arn:aws:s3:::bucket/*`
    /Statement/0/Resource/1: `arn:nonsense` is no resource: it is `*` or an ARN, such as `arn:aws:s3:::bucket/*`
    /Statement/0/Resource/2: `arn:aws:s3` is no resource: it is `*` or an ARN, such as `arn:aws:s3:::bucket/*`
    /Statement/0/Principal: a permission set's policy has no `Principal`: it is about whoever uses the permission set | leave it out
    /Statement/0/Sid: a `Sid` has letters and digits only
    /Statement/0/Condition: a `Condition` is a map of operators, such as `StringEquals`
    /Statement/0/Condition/StringEqual: there is no condition operator `StringEqual` | did you mean `StringEquals`?
    /Statement/0/Condition/NullIfExists: there is no condition operator `NullIfExists`
    /Statement/0/Condition/Bool: a condition is a map of keys with their values, such as `aws:PrincipalTag/Team: web`
    /Statement/0/Condition/Bool/a: a condition's value is a text
    /Statement/0/Condition/Bool/A: the key `A` stands here twice
    /Statement/1/Sid: two statements have the `Sid` `A`
    : the policy has 10348 characters without white space; an inline policy has at most 10240 | put part of it into a customer managed policy, and name that under `customer_managed_policies`
    : the policy has 32902 bytes; an inline policy has at most 32768
    "##);
}

#[test]
fn the_size_is_counted_without_white_space_as_aws_counts_it() {
    let at_most = |more: usize| {
        let empty = policy(&statement(&json!({ "Resource": "arn:aws:s3:::" }))).to_json();
        let room = MOST_CHARACTERS - counted(&empty);
        statement(&json!({ "Resource": format!("arn:aws:s3:::{}", "x".repeat(room + more)) }))
    };
    assert_eq!(counted(&policy(&at_most(0)).to_json()), MOST_CHARACTERS);
    assert!(read(&at_most(1)).is_err());
    // Blanks inside of texts don't count either.
    assert_eq!(counted("{ \"a b\": 1 }"), 8);
}

#[test]
fn what_tools_write_and_aws_takes_is_taken() {
    let nameless = policy(&statement(&json!({ "Sid": "" })));
    assert!(nameless.is_same(&policy(&statement(&json!({})))));
    for resource in ["arn:aws:s3:::bucket/${aws:PrincipalTag/Team}/*", "arn:aws:s3:*", "arn:*:s3:::b", "*"] {
        policy(&statement(&json!({ "Resource": resource })));
    }
    // The API takes letters up to `ÿ`, and JSON can say all others with these.
    let far = policy(&statement(&json!({ "Condition": { "StringEquals": { "a": ["東京", "é", "🗼"] } } })));
    let json = far.to_json();
    assert!(json.chars().all(|letter| letter <= 'ÿ'), "{json}");
    assert!(json.contains(r"\u6771\u4eac") && json.contains(r"\ud83d\uddfc"), "{json}");
    assert!(policy(&serde_json::from_str(&json).unwrap()).is_same(&far));
}

/// Some policy that can be read.
fn any_policy() -> impl Strategy<Value = Policy> {
    let actions = prop::collection::btree_set("[sS]3:(Get|Put)[AB]", 1..4);
    let resources = prop::collection::btree_set("arn:aws:s3:::[ab]", 1..3);
    let keys = prop::collection::btree_map("aws:[ab]", prop::collection::btree_set("[xy]", 1..3), 1..3);
    let conditions = prop::collection::btree_map("(StringEquals|StringLike)", keys, 0..2);
    let statement = (any::<bool>(), any::<(bool, bool)>(), actions, resources, conditions);
    let statement =
        statement.prop_map(|(deny, (not_action, not_resource), actions, resources, conditions)| Statement {
            sid: None,
            effect: if deny { Effect::Deny } else { Effect::Allow },
            actions: Matched { all_but: not_action, patterns: actions },
            resources: Matched { all_but: not_resource, patterns: resources },
            conditions,
        });
    let statements = prop::collection::vec((any::<bool>(), statement), 1..4).prop_map(|statements| {
        let named = |(number, (named, statement)): (usize, (bool, Statement))| Statement {
            sid: named.then(|| format!("S{number}")),
            ..statement
        };
        statements.into_iter().enumerate().map(named).collect::<Vec<_>>()
    });
    (prop::option::of(Just(Version::Of2012)), statements).prop_map(|(version, statements)| Policy {
        version,
        id: None,
        statements,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_two_policies_differ_just_when_there_is_a_difference(
        (one, other) in (any_policy(), any_policy())
    ) {
        let again: Value = serde_json::from_str(&one.to_json()).unwrap();
        prop_assert!(policy(&again).is_same(&one));
        prop_assert_eq!(one.is_same(&other), diff(Some(&one), Some(&other)).is_empty());
        prop_assert!(diff(Some(&one), Some(&one)).is_empty());
        let mut turned = one.clone();
        turned.statements.reverse();
        prop_assert!(one.is_same(&turned));
    }
}

/// Which of these keys of accounts' tags one statement keeps.
fn keeps(more: &Value) -> Vec<&'static str> {
    let all =
        json!({ "Effect": "Deny", "Action": ["organizations:TagResource", "organizations:UntagResource"] });
    let (Value::Object(mut all), Value::Object(more)) = (all, more.clone()) else { panic!("{more}") };
    all.extend(more);
    let policy = policy(&statement(&Value::Object(all)));
    assert!(!policy.keeps_tag("sso", "Team"), "of permission sets");
    ["Team", "TEAM", "Stage"].into_iter().filter(|key| policy.keeps_tag("organizations", key)).collect()
}

#[test]
fn a_policy_keeps_the_keys_that_it_denies_to_set_and_to_remove_to_all_but_those_it_names() {
    let only = |operator: &str, keys: &[&str]| json!({ "Condition": { operator: { "aws:TagKeys": keys } } });
    assert_eq!(keeps(&json!({})), ["Team", "TEAM", "Stage"]);
    assert_eq!(keeps(&only("ForAnyValue:StringEqualsIgnoreCase", &["team", "x"])), ["Team", "TEAM"]);
    assert_eq!(keeps(&only("ForAnyValue:StringEquals", &["Team"])), ["Team"]);
    assert_eq!(keeps(&only("ForAnyValue:StringLike", &["T*"])), ["Team", "TEAM"]);
    let but = |who: &str| json!({ "Condition": { "ArnNotLike": { "aws:PrincipalArn": who } } });
    assert_eq!(keeps(&but("arn:aws:iam::111122223333:role/admin")), ["Team", "TEAM", "Stage"]);
    assert_eq!(keeps(&json!({ "Action": "organizations:*" })), ["Team", "TEAM", "Stage"]);
    for nothing in [
        json!({ "Effect": "Allow" }),
        json!({ "Action": "organizations:TagResource" }),
        json!({ "Action": null, "NotAction": "s3:GetObject" }),
        json!({ "Resource": "arn:aws:organizations::*:account/*" }),
        json!({ "Condition": { "StringEquals": { "aws:RequestedRegion": "us-east-1" } } }),
        only("ForAllValues:StringEquals", &["Team"]),
        only("ForAnyValue:StringEquals", &["Other"]),
        but("*"),
    ] {
        assert_eq!(keeps(&nothing), [""; 0], "{nothing}");
    }
}
