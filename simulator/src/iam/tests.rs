//! What policies say, and what is said of mistakes in them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn policy(statement: &Value) -> Policy {
    Policy::read(&json!({ "Version": "2012-10-17", "Statement": statement })).unwrap()
}

fn asked(policies: &[Policy], action: &str, resource: &str, context: &Context) -> Decision {
    decide(policies, &Request { action, resource, context })
}

fn allows(policy: &Policy, action: &str, resource: &str) -> bool {
    asked(std::slice::from_ref(policy), action, resource, &Context::default()) == Decision::Allowed
}

const ACCOUNT: &str = "arn:aws:sso:::account/111122223333";

#[test]
fn what_nothing_allows_is_denied_and_an_explicit_deny_wins() {
    let allow = policy(&json!({ "Effect": "Allow", "Action": "sso:*", "Resource": "*" }));
    let deny = policy(
        &json!({ "Sid": "No", "Effect": "Deny", "Action": "sso:Delete*", "Resource": "arn:aws:sso:::account/*" }),
    );
    let context = Context::default();
    let both = [deny, allow];
    assert_eq!(asked(&[], "sso:ListInstances", "*", &context), Decision::ImplicitlyDenied);
    assert_eq!(asked(&both, "sso:CreateAccountAssignment", ACCOUNT, &context), Decision::Allowed);
    assert_eq!(
        asked(&both, "sso:DeleteAccountAssignment", ACCOUNT, &context),
        Decision::ExplicitlyDenied(Some("No".to_owned()))
    );
    assert_eq!(asked(&both, "organizations:ListRoots", "*", &context), Decision::ImplicitlyDenied);
}

#[test]
fn actions_differ_by_no_case_and_resources_do() {
    let policy = policy(
        &json!({ "Effect": "Allow", "Action": ["SSO:list*", "sso:Get?"], "Resource": "arn:aws:sso:::account/1111*" }),
    );
    assert!(allows(&policy, "sso:ListInstances", ACCOUNT));
    assert!(allows(&policy, "sso:GetX", ACCOUNT));
    assert!(!allows(&policy, "sso:GetXY", ACCOUNT));
    assert!(!allows(&policy, "sso:ListInstances", "arn:aws:sso:::Account/111122223333"));
}

#[test]
fn a_star_in_an_arn_reaches_over_slashes_and_not_over_colons() {
    let sets =
        policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:sso:::permissionSet/*/*" }));
    assert!(allows(&sets, "sso:X", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"));
    assert!(!allows(&sets, "sso:X", "arn:aws:sso:::instance/ssoins-1"));
    let star = policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:*:::account/1*" }));
    assert!(allows(&star, "sso:X", ACCOUNT));
    assert!(!allows(&star, "sso:X", "arn:aws:sso:us-east-1::account/111122223333"));
    let any = policy(
        &json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:organizations::*:account/*" }),
    );
    assert!(allows(&any, "x:y", "arn:aws:organizations::111122223333:account/o-example123/444455556666"));
}

#[test]
fn not_action_and_not_resource_mean_everything_else() {
    let policy = policy(&json!({
        "Effect": "Allow", "NotAction": ["sso:Delete*"], "NotResource": ["arn:aws:sso:::account/9*"],
    }));
    assert!(allows(&policy, "sso:ListInstances", ACCOUNT));
    assert!(!allows(&policy, "sso:DeleteInstance", ACCOUNT));
    assert!(!allows(&policy, "sso:ListInstances", "arn:aws:sso:::account/999922223333"));
}

/// Whether a statement with this condition applies.
fn holds(condition: &Value, context: &Context) -> bool {
    let policy =
        policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }));
    asked(&[policy], "sso:X", "*", context) == Decision::Allowed
}

fn tagged(key: &str, value: &str) -> Context {
    Context::default().with(&format!("aws:ResourceTag/{key}"), [value])
}

#[test]
fn conditions_compare_as_their_operators_say() {
    let dev = tagged("Environment", "Development");
    let key = "aws:ResourceTag/Environment";
    for (operator, value, expected) in [
        ("StringEquals", json!("Development"), true),
        ("StringEquals", json!(["Production", "Development"]), true),
        ("StringEquals", json!("development"), false),
        ("StringEquals", json!("Dev*"), false),
        ("StringNotEquals", json!("Production"), true),
        ("StringNotEquals", json!(["Production", "Development"]), false),
        ("StringEqualsIgnoreCase", json!("DEVELOPMENT"), true),
        ("StringNotEqualsIgnoreCase", json!("DEVELOPMENT"), false),
        ("StringLike", json!("Dev*"), true),
        ("StringLike", json!("Dev?"), false),
        ("StringNotLike", json!(["Prod*", "Test"]), true),
        ("stringequals", json!("Development"), true),
        ("Null", json!("false"), true),
        ("Null", json!(true), false),
    ] {
        assert_eq!(holds(&json!({ operator: { key: value } }), &dev), expected, "{operator} {value}");
    }
    // Keys don't differ by case, and all of them have to hold.
    assert!(holds(&json!({ "StringEquals": { "AWS:resourcetag/environment": "Development" } }), &dev));
    assert!(!holds(&json!({ "StringEquals": { key: "Development", "aws:ResourceTag/OU": "Test" } }), &dev));
    let arn = Context::default().with("aws:PrincipalArn", ["arn:aws:iam::111122223333:role/team/a"]);
    for (operator, value, expected) in [
        ("ArnLike", "arn:aws:iam::*:role/team/*", true),
        ("ArnEquals", "arn:aws:iam::111122223333:role/team/?", true),
        ("ArnLike", "arn:aws:*:role/team/*:x:y:z", false),
        ("ArnNotLike", "arn:aws:iam::*:role/other/*", true),
        ("ArnNotEquals", "arn:aws:iam::*:role/team/*", false),
    ] {
        assert_eq!(
            holds(&json!({ operator: { "aws:PrincipalArn": value } }), &arn),
            expected,
            "{operator} {value}"
        );
    }
    let secure = Context::default().with("aws:SecureTransport", ["true"]);
    assert!(holds(&json!({ "Bool": { "aws:SecureTransport": "True" } }), &secure));
    assert!(!holds(&json!({ "Bool": { "aws:SecureTransport": false } }), &secure));
}

#[test]
fn what_is_absent_equals_nothing() {
    let none = Context::default();
    let key = "aws:ResourceTag/Environment";
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringNotEquals", true),
        ("StringLike", false),
        ("StringNotLike", true),
        ("StringEqualsIfExists", true),
        ("StringLikeIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringEqualsIfExists", true),
    ] {
        assert_eq!(holds(&json!({ operator: { key: "x" } }), &none), expected, "{operator}");
    }
    assert!(holds(&json!({ "Null": { key: "true" } }), &none));
    assert!(!holds(&json!({ "BoolIfExists": { key: "true" } }), &tagged("Environment", "false")));
}

#[test]
fn quantifiers_count_the_values_of_the_request() {
    let keys = Context::default().with("aws:TagKeys", ["Team", "CostCenter"]);
    for (operator, values, expected) in [
        ("ForAllValues:StringEquals", json!(["Team", "CostCenter", "Owner"]), true),
        ("ForAllValues:StringEquals", json!(["Team"]), false),
        ("ForAnyValue:StringEquals", json!(["Team"]), true),
        ("ForAnyValue:StringLike", json!("Own*"), false),
        ("ForAllValues:StringNotEquals", json!("Owner"), true),
        ("ForAnyValue:StringNotEquals", json!("Team"), true),
        ("ForAllValues:StringNotEquals", json!("Team"), false),
    ] {
        assert_eq!(
            holds(&json!({ operator: { "aws:TagKeys": values } }), &keys),
            expected,
            "{operator} {values}"
        );
    }
}

#[test]
fn of_several_values_without_a_quantifier_one_is_enough_to_deny_and_all_are_needed_to_allow() {
    let keys = Context::default().with("aws:TagKeys", ["Team", "CostCenter"]);
    let everything = policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    for (operator, values) in
        [("StringEquals", json!("Team")), ("StringNotEquals", json!("Team")), ("StringLike", json!("Cost*"))]
    {
        let condition = json!({ operator: { "aws:TagKeys": values } });
        assert!(!holds(&condition, &keys), "{operator} allows");
        let deny =
            policy(&json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition }));
        let decision = asked(&[everything.clone(), deny], "sso:X", "*", &keys);
        assert_eq!(decision, Decision::ExplicitlyDenied(None), "{operator} denies");
    }
}

#[test]
fn policy_variables_stand_for_what_the_request_says() {
    let same = json!({ "StringEquals": { "aws:ResourceTag/Team": "${aws:PrincipalTag/Team}" } });
    let both = tagged("Team", "a").with("aws:PrincipalTag/Team", ["a"]);
    assert!(holds(&same, &both));
    assert!(!holds(&same, &tagged("Team", "b").with("aws:PrincipalTag/Team", ["a"])));
    assert!(!holds(&same, &tagged("Team", "a")), "an absent tag equals nothing");
    // A wildcard in a tag is only a letter.
    let like = json!({ "StringLike": { "aws:ResourceTag/Team": "${aws:PrincipalTag/Team}-?" } });
    assert!(!holds(&like, &tagged("Team", "abc-1").with("aws:PrincipalTag/Team", ["*"])));
    assert!(holds(&like, &tagged("Team", "*-1").with("aws:PrincipalTag/Team", ["*"])));
    // Defaults, and the signs themselves.
    let default = json!({ "StringEquals": { "aws:ResourceTag/Team": "${aws:PrincipalTag/Team, 'none'}" } });
    assert!(holds(&default, &tagged("Team", "none")));
    assert!(holds(
        &json!({ "StringLike": { "aws:ResourceTag/Team": "${*}${?}${$}" } }),
        &tagged("Team", "*?$")
    ));
    // In resources, too; and not in the older version of the language, where a dollar is a dollar.
    let resource = "arn:aws:sso:::account/${aws:PrincipalTag/Account}";
    let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": resource });
    let context = Context::default().with("aws:PrincipalTag/Account", ["111122223333"]);
    assert_eq!(asked(&[policy(&statement)], "sso:X", ACCOUNT, &context), Decision::Allowed);
    let old = Policy::read(&json!({ "Statement": statement })).unwrap();
    assert_eq!(asked(&[old], "sso:X", ACCOUNT, &context), Decision::ImplicitlyDenied);
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    let good = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let with = |member: &str, value: Value| {
        let mut statement = good.clone();
        statement[member] = value;
        json!({ "Version": "2012-10-17", "Statement": [good.clone(), statement] })
    };
    let place = "aws:ResourceTag/Team";
    for (document, expected) in [
        (json!([]), "a policy is an object"),
        (json!({ "Version": "2012-10-17" }), "a policy has a `Statement`"),
        (json!({ "Version": "2020-01-01", "Statement": good }), "Version: `2020-01-01` is no version"),
        (json!({ "Statement": [] }), "Statement: the list is empty"),
        (json!({ "Statement": good, "Statements": [] }), "Statements: unknown element `Statements`"),
        (with("Effect", json!("allow")), "Statement[1].Effect: `allow` is no effect"),
        (
            with("Action", json!(["sso:*", "ListInstances"])),
            "Statement[1].Action[1]: `ListInstances` is no action",
        ),
        (with("NotAction", json!("sso:*")), "Statement[1].NotAction: a statement has either"),
        (
            with("Resource", json!(["account/1"])),
            "Statement[1].Resource[0]: `account/1` is no ARN of six parts",
        ),
        (with("Resource", json!("arn:aws:sso:::x/${aws:PrincipalTag/")), "has no `}`"),
        (with("Resource", json!("arn:aws:sso:::x/${Team}")), "is no key of a request"),
        (with("Principal", json!("*")), "Statement[1].Principal: a policy of a role has no principal"),
        (with("Sid", json!("a b")), "Statement[1].Sid: `a b` is no Sid"),
        (with("Effects", json!("Allow")), "Statement[1].Effects: unknown element"),
        (
            with("Condition", json!({ "StringIs": {} })),
            "Statement[1].Condition.StringIs: `StringIs` is no condition operator",
        ),
        (with("Condition", json!({ "DateLessThan": {} })), "Condition.DateLessThan"),
        (with("Condition", json!({ "NullIfExists": {} })), "Condition.NullIfExists"),
        (with("Condition", json!({ "ForSome:Bool": {} })), "Condition.ForSome:Bool"),
        (
            with("Condition", json!({ "Bool": { place: "maybe" } })),
            "Statement[1].Condition.Bool.aws:ResourceTag/Team: `true` or `false`",
        ),
        (with("Condition", json!({ "StringEquals": { "Team": "a" } })), "`Team` is no condition key"),
        (
            with("Condition", json!({ "StringEquals": { place: ["a", null] } })),
            "Team[1]: a text was expected",
        ),
    ] {
        let error = Policy::read(&document).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\n{document}");
    }
    let error = Policy::from_json("{ \"Version\": \"2012-10-17\",\n ]").unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    let twice = json!([{ "Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Sid": "A", "Effect": "Deny", "Action": "*", "Resource": "*" }]);
    let error = Policy::read(&json!({ "Statement": twice })).unwrap_err().to_string();
    assert_eq!(error, "Statement[1].Sid: two statements have the Sid `A`");
}

/// The plain definition of a match, as slow as it is clear.
fn slow(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
        Some((letter, rest)) => text
            .split_first()
            .is_some_and(|(first, others)| (*letter == '?' || letter == first) && slow(rest, others)),
    }
}

fn statement() -> impl Strategy<Value = Value> {
    let action = prop_oneof![
        Just("*"),
        Just("sso:*"),
        Just("sso:List*"),
        Just("sso:DeleteInstance"),
        Just("organizations:*")
    ];
    let resource = prop_oneof![
        Just("*"),
        Just("arn:aws:sso:::account/*"),
        Just(ACCOUNT),
        Just("arn:aws:sso:::instance/*")
    ];
    let team = prop_oneof![Just("a"), Just("b"), Just("${aws:PrincipalTag/Team}")];
    let operator = prop_oneof![
        Just("StringEquals"),
        Just("StringNotEquals"),
        Just("StringEqualsIfExists"),
        Just("ForAllValues:StringLike")
    ];
    (any::<bool>(), any::<bool>(), any::<bool>(), action, resource, prop::option::of((operator, team)))
        .prop_map(|(allow, not_action, not_resource, action, resource, condition)| {
            let mut statement = json!({ "Effect": if allow { "Allow" } else { "Deny" } });
            statement[if not_action { "NotAction" } else { "Action" }] = json!(action);
            statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resource);
            if let Some((operator, team)) = condition {
                statement["Condition"] = json!({ operator: { "aws:ResourceTag/Team": team } });
            }
            statement
        })
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("Version"),
        Just("2012-10-17"),
        Just("Statement"),
        Just("Effect"),
        Just("Allow"),
        Just("Action"),
        Just("Resource"),
        Just("Condition"),
        Just("StringLike"),
        Just("aws:ResourceTag/a"),
        Just("*"),
        Just("${"),
        Just("${a:b,'c'}"),
        Just("arn:a:b:c:d:e"),
    ]
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        words.clone().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(words.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn wildcards_match_as_their_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
        let read = Pattern::read(&pattern, pattern::Syntax { wildcards: true, variables: true }).unwrap();
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(read.matches(&text, &Context::default()), slow(&letters(&pattern), &letters(&text)));
    }

    #[test]
    fn a_variable_matches_its_value_and_nothing_else(value in "[ab*?$]{1,6}", other in "[ab*?$]{1,6}") {
        let read = Pattern::read("${aws:PrincipalTag/T}", pattern::Syntax { wildcards: true, variables: true }).unwrap();
        let context = Context::default().with("aws:PrincipalTag/T", [value.clone()]);
        prop_assert!(read.matches(&value, &context));
        prop_assert_eq!(read.matches(&other, &context), value == other);
    }

    #[test]
    fn more_denies_never_allow_more_and_order_never_matters(
        statements in prop::collection::vec(statement(), 1..5),
        extra in statement(),
        action in prop_oneof![Just("sso:ListInstances"), Just("sso:DeleteInstance"), Just("organizations:ListRoots")],
        resource in prop_oneof![Just(ACCOUNT), Just("arn:aws:sso:::instance/ssoins-1"), Just("*")],
        team in prop::option::of("[ab]"), own in prop::option::of("[ab]"),
    ) {
        let context = Context::default().with("aws:ResourceTag/Team", team).with("aws:PrincipalTag/Team", own);
        let ask = |statements: &[Value]| {
            let policies: Vec<Policy> = statements.iter().map(policy).collect();
            asked(&policies, action, resource, &context)
        };
        let before = ask(&statements);
        let mut reversed = statements.clone();
        reversed.reverse();
        prop_assert_eq!(&ask(&reversed), &before);
        // One document or several makes no difference.
        let one = policy(&Value::from(statements.clone()));
        prop_assert_eq!(&asked(&[one], action, resource, &context), &before);
        let denies = extra["Effect"] == "Deny";
        let mut more = statements;
        more.push(extra);
        let after = ask(&more);
        match (&before, denies) {
            (Decision::ExplicitlyDenied(_), _) => prop_assert_eq!(&after, &before),
            (Decision::Allowed, false) => prop_assert_eq!(&after, &before),
            (Decision::ImplicitlyDenied, true) => prop_assert_ne!(&after, &Decision::Allowed),
            (Decision::Allowed, true) | (Decision::ImplicitlyDenied, false) => {}
        }
    }

    #[test]
    fn no_document_is_too_strange_to_be_read_or_refused(document in any_json()) {
        if let Ok(policy) = Policy::read(&document) {
            asked(&[policy], "sso:X", ACCOUNT, &Context::default());
        }
    }
}
