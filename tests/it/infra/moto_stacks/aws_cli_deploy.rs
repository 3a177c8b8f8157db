//! By the AWS CLI: what is there then is what the template says.
//!
//! What moto can't do: of templates it makes no alarms, policies of queues, service control policies and resource policies of organizations; it takes a list of one for a text, so
//! lists have two here; of a managed policy it doesn't leave out what `AWS::NoValue` leaves out, so names of accounts are kept here; and it gives policies
//! of roles back as Python writes them.

use serde_json::Value;
use tokio::process::Command;

use super::super::{EVERYTHING, OWN_ROLE, PLACES, Template};
use crate::{cli::aws, lambda::moto::Moto};

/// `aws <words>`, which must succeed; its answer, or null where it is none.
pub(super) async fn types(moto: &Moto, words: &[&str]) -> Value {
    let mut command = Command::new(aws::program());
    command.args(words).args(["--output", "json", "--region", "us-east-1"]).env_clear().envs([
        // By this name it knows that a template lies in a bucket of its own.
        ("AWS_ENDPOINT_URL", moto.endpoint().replace("127.0.0.1", "localhost").as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("LANG", "C.UTF-8"),
    ]);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "aws {}: {output:?}", words.join(" "));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

async fn deploy(moto: &Moto, template: &str, parameters: &[(&str, &str)]) {
    let file = format!("{}/../infra/{template}", env!("CARGO_MANIFEST_DIR"));
    let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut words = vec!["cloudformation", "deploy", "--stack-name", "usher", "--template-file", &file];
    words.extend(["--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides"]);
    words.extend(parameters.iter().map(String::as_str));
    types(moto, &words).await;
}

/// With what is written as `<…>` in the place of what only CloudFormation knows replaced by what it made.
fn known(value: &Value, made: &[(&str, &str)]) -> Value {
    let mut text = value.to_string();
    for (name, is) in made {
        text = text.replace(name, is);
    }
    serde_json::from_str(&text).unwrap()
}

/// A role's policy as moto gives it back: as Python writes it, with `None` in the place of statements that are left out.
pub(super) fn document(answer: &Value) -> Value {
    let mut document = answer["PolicyDocument"].clone();
    if let Some(text) = document.as_str() {
        document = serde_json::from_str(&text.replace('\'', "\"").replace("None", "null")).unwrap();
    }
    if let Some(statements) = document["Statement"].as_array_mut() {
        statements.retain(|statement| !statement.is_null());
    }
    document
}

#[tokio::test]
async fn the_forwarder_is_made_as_its_template_says() {
    let moto = Moto::start().await;
    let own = format!("{OWN_ROLE},{OWN_ROLE}-2");
    let mut parameters = EVERYTHING;
    parameters[1].1 = &own;
    deploy(&moto, "forwarder.yaml", &parameters).await;

    let role = "arn:aws:iam::123456789012:role/usher-forwarder-us-east-1";
    let queue = "arn:aws:sqs:us-east-1:123456789012:usher-forwarder-undelivered";
    let made = [("<Role.Arn>", role), ("<Undelivered.Arn>", queue)];
    let template = Template::read("forwarder.yaml").unwrap();
    let rules = template.of_type("AWS::Events::Rule", PLACES[0], &parameters);
    assert_eq!(rules.len(), 7);
    for rule in rules.values().map(|rule| known(rule, &made)) {
        let name = rule["Name"].as_str().unwrap();
        let there = types(&moto, &["events", "describe-rule", "--name", name]).await;
        let pattern: Value = serde_json::from_str(there["EventPattern"].as_str().unwrap()).unwrap();
        assert_eq!(pattern, rule["EventPattern"], "{name}");
        assert_eq!(there["State"], "ENABLED", "{name}");
        let there = types(&moto, &["events", "list-targets-by-rule", "--rule", name]).await;
        assert_eq!(there["Targets"], rule["Targets"], "{name}");
    }

    let there = types(&moto, &["iam", "get-role", "--role-name", "usher-forwarder-us-east-1"]).await;
    let expected = &template.of_type("AWS::IAM::Role", PLACES[0], &parameters)["Role"];
    assert_eq!(
        there["Role"]["AssumeRolePolicyDocument"],
        known(&expected["AssumeRolePolicyDocument"], &made)
    );
    let policy = ["--role-name", "usher-forwarder-us-east-1", "--policy-name", "put-events-on-ushers-bus"];
    let there = types(&moto, &[&["iam", "get-role-policy"], &policy[..]].concat()).await;
    assert_eq!(document(&there), expected["Policies"][0]["PolicyDocument"]);

    let url = format!("{}/123456789012/usher-forwarder-undelivered", moto.endpoint());
    let there =
        moto.sqs().get_queue_attributes().queue_url(url).attribute_names("All".into()).send().await.unwrap();
    let there = there.attributes.unwrap();
    assert_eq!(there[&"SqsManagedSseEnabled".into()], "true");
    assert_eq!(there[&"MessageRetentionPeriod".into()], "1209600");
}

#[tokio::test]
async fn the_roles_in_the_management_account_are_made_as_their_template_says() {
    let moto = Moto::start().await;
    let parameters = [
        ("ServiceAccountId", "999988887777"),
        ("OrganizationId", "o-exampleorg1"),
        ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
        (
            "ReadingRoles",
            "arn:aws:iam::999988887777:role/usher-sweep,arn:aws:iam::999988887777:role/usher-audit",
        ),
        (
            "WritingRoles",
            "arn:aws:iam::999988887777:role/usher-provision,arn:aws:iam::999988887777:role/usher-reprovision",
        ),
        ("OrganizationReads", "true"),
        ("IdentityCenterKeyArn", "arn:aws:kms:eu-central-1:123456789012:key/1"),
    ];
    deploy(&moto, "management-account.yaml", &parameters).await;
    let template = Template::read("management-account.yaml").unwrap();
    let roles = template.of_type("AWS::IAM::Role", PLACES[0], &parameters);
    assert_eq!(roles.len(), 2);
    for role in roles.values() {
        let name = role["RoleName"].as_str().unwrap();
        let there = types(&moto, &["iam", "get-role", "--role-name", name]).await;
        assert_eq!(there["Role"]["AssumeRolePolicyDocument"], role["AssumeRolePolicyDocument"], "{name}");
        for policy in role["Policies"].as_array().unwrap() {
            let called = policy["PolicyName"].as_str().unwrap();
            let words = ["iam", "get-role-policy", "--role-name", name, "--policy-name", called];
            assert_eq!(document(&types(&moto, &words).await), policy["PolicyDocument"], "{name}");
        }
    }
}

#[tokio::test]
async fn the_managed_policy_that_keeps_trusted_tags_is_made_as_its_template_says() {
    let moto = Moto::start().await;
    let parameters = [
        ("AccountTagKeys", "Environment,Team"),
        ("PermissionSetTagKeys", "Environment,OU"),
        ("AccountNames", "true"),
        ("Administrators", "arn:aws:iam::123456789012:role/a,arn:aws:iam::123456789012:role/b"),
    ];
    deploy(&moto, "trusted-tags.yaml", &parameters).await;
    let template = Template::read("trusted-tags.yaml").unwrap();
    let expected = &template.of_type("AWS::IAM::ManagedPolicy", PLACES[0], &parameters)["ManagedPolicy"];
    let arn = "arn:aws:iam::123456789012:policy/usher-trusted-tags";
    let there = types(&moto, &["iam", "get-policy-version", "--policy-arn", arn, "--version-id", "v1"]).await;
    assert_eq!(there["PolicyVersion"]["Document"], expected["PolicyDocument"]);
}
