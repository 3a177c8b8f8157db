//! AWS's article on multi-account access by the account assignment APIs, walked through with the real AWS CLI against `usher simulate`:
//! permission sets, their policies, look-ups, assignments, the audit and the clean-up; then the same by the template's resources.
//!
//! The commands are those that the article prints, typed into a shell in its order. Where it slips, this is how it is read:
//!
//! - `list-users --filter`: the option is `--filters`. The CLI takes any beginning of an option that fits only one, so that `--filter` works;
//!   it is typed here as there.
//! - one `--filter` follows its neighbour without a blank, which no shell takes apart: there is a blank here.
//! - the two commands of the clean-up lack `aws sso-admin` before them.
//! - `arn:aws:iam::aws:policy/amazonec2fullaccess` and its sister are in small letters, which AWS takes. A sentence has `amazonec2fullacess`,
//!   which is no policy: the command below it counts.
//! - sentences have `EC2-S3FullAccess` for `EC2-S3-FullAccess`, and `EC2-S3- AuditAccess` for `AuditAccess`: the commands count.
//! - the description of `PowerUserAccess` speaks of `ExampleOrgDev`, though it is assigned in `ExampleOrgTest`; it is made as it is printed.
//! - the article asks for version 2 of the AWS CLI, which comes from no package index; all of its commands are the same in version 1.
//! - the template stands between two lines that are no JSON, and in it `\d` is no escape of JSON: it is read as `\\d`.
//! - its descriptions of two permission sets are others than those of the commands. Each is made with its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    aws::{Aws, called},
    seeds::{self, digest},
    simulation::Simulation,
};

/// The article's organization: a management account, two others, a developer and the lead of security.
const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: ExampleOrgMaster, id: "111122223333" }
accounts:
  - { name: ExampleOrgDev, id: "222233334444" }
  - { name: ExampleOrgTest, id: "333344445555" }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1 }
groups: [{ name: Developers }]
users:
  - { user_name: alice@example.com, display_name: Alice Developer, groups: [Developers] }
  - { user_name: frank@example.com, display_name: Frank Infosec }
"#;
const DEV: &str = "222233334444";
const TEST: &str = "333344445555";

/// The article's commands as it prints them, slips included, in its order. Three of them are the same, for the three assignments.
const PRINTED: [&str; 20] = [
    "aws sso-admin list-instances",
    "aws sso-admin create-permission-set --instance-arn '<Instance ARN>' --name 'EC2-S3-FullAccess' --description 'EC2 and S3 access for developers'",
    "aws sso-admin create-permission-set --instance-arn '<Instance ARN>' --name 'AuditAccess' --description 'Audit Access for security team on ExampleOrgDev account'",
    "aws sso-admin create-permission-set --instance-arn '<Instance ARN>' --name 'PowerUserAccess' --description 'Power User Access for security team on ExampleOrgDev account'",
    "aws sso-admin attach-managed-policy-to-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --managed-policy-arn 'arn:aws:iam::aws:policy/amazonec2fullaccess'",
    "aws sso-admin attach-managed-policy-to-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --managed-policy-arn 'arn:aws:iam::aws:policy/amazons3fullaccess'",
    "aws sso-admin attach-managed-policy-to-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --managed-policy-arn 'arn:aws:iam::aws:policy/SecurityAudit'",
    "aws sso-admin attach-managed-policy-to-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --managed-policy-arn 'arn:aws:iam::aws:policy/PowerUserAccess'",
    "aws identitystore list-users --identity-store-id '<Identity Store ID>' --filter AttributePath='UserName',AttributeValue='alice@example.com'",
    "aws identitystore list-users --identity-store-id '<Identity Store ID>'--filter AttributePath='UserName',AttributeValue='frank@example.com'",
    "aws identitystore list-groups --identity-store-id '<Identity Store ID>' --filter AttributePath='DisplayName',AttributeValue='<Group Name>'",
    "aws sso-admin create-account-assignment --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --principal-id '<user/group ID>' --principal-type '<USER/GROUP>' --target-id '<AWS Account ID>' --target-type AWS_ACCOUNT",
    "aws sso-admin create-account-assignment --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --principal-id '<user/group ID>' --principal-type '<USER/GROUP>' --target-id '<AWS Account ID>' --target-type AWS_ACCOUNT",
    "aws sso-admin create-account-assignment --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>' --principal-id '<user/group ID>' --principal-type '<USER/GROUP>' --target-id '<AWS Account ID>' --target-type AWS_ACCOUNT",
    "aws sso-admin list-permission-sets-provisioned-to-account --instance-arn '<Instance ARN>' --account-id '<AWS Account ID>'",
    "aws sso-admin list-managed-policies-in-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>'",
    "aws sso-admin list-account-assignments --instance-arn '<Instance ARN>' --account-id '<Account ID>' --permission-set-arn '<Permission Set ARN>'",
    "aws sso-admin list-accounts-for-provisioned-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<Permission Set ARN>'",
    "delete-account-assignment --instance-arn '<Instance ARN>' --target-id '<AWS Account ID>' --target-type 'AWS_ACCOUNT' --permission-set-arn '<PermissionSet ARN>' --principal-type '<USER/GROUP>' --principal-id '<user/group ID>'",
    "delete-permission-set --instance-arn '<Instance ARN>' --permission-set-arn '<PermissionSet ARN>'",
];

/// What makes sure that they stay so where the article is not at hand.
const PRINTED_DIGEST: &str = "da5103d4532180213dcf4458042c99d4c48b111dc1a4c868cf539d70452bd11e";

/// The article's three permission sets, and the policies that get attached to each.
const SETS: [(&str, &[&str]); 3] = [
    ("EC2-S3-FullAccess", &["amazonec2fullaccess", "amazons3fullaccess"]),
    ("AuditAccess", &["SecurityAudit"]),
    ("PowerUserAccess", &["PowerUserAccess"]),
];

/// Who gets which of them where.
const ASSIGNMENTS: [(&str, &str, &str); 3] = [
    ("EC2-S3-FullAccess", "alice@example.com", DEV),
    ("AuditAccess", "frank@example.com", DEV),
    ("PowerUserAccess", "frank@example.com", TEST),
];

/// A printed command without its slips.
fn corrected(printed: &str) -> String {
    let apart = printed.replace("'--filter", "' --filter");
    if apart.starts_with("aws ") { apart } else { format!("aws sso-admin {apart}") }
}

/// Somebody in the management account, with the AWS CLI and the article.
struct Reader {
    simulation: Simulation,
    aws: Aws,
    instance: String,
    store: String,
    /// The commands that were typed so far, as they are printed.
    typed: BTreeSet<&'static str>,
    _folder: tempfile::TempDir,
}

impl Reader {
    async fn begins() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let organization = folder.path().join("organization.yaml");
        std::fs::write(&organization, ORGANIZATION).unwrap();
        let organization = organization.to_str().unwrap();
        let options = ["--without-functions", "--speed", "20", "--organization", organization];
        let simulation = Simulation::start(&options).await;
        let aws = Aws::caller(simulation.endpoint(), "AKIAEXAMPLEADMIN");
        let mut reader = Self {
            simulation,
            aws,
            instance: String::new(),
            store: String::new(),
            typed: BTreeSet::new(),
            _folder: folder,
        };
        let instances = reader.types("list-instances", &[]).await;
        let text = |member: &str| instances["Instances"][0][member].as_str().unwrap().to_owned();
        (reader.instance, reader.store) = (text("InstanceArn"), text("IdentityStoreId"));
        reader
    }

    /// Types the printed command that has this in it, with these in place of what stands in angle brackets.
    async fn types(&mut self, part: &str, values: &[(&str, &str)]) -> Value {
        let printed = PRINTED.into_iter().find(|command| command.contains(part)).unwrap();
        self.typed.insert(printed);
        let ours = [("Instance ARN", self.instance.as_str()), ("Identity Store ID", &self.store)];
        let mut command = corrected(printed);
        for (name, value) in ours.iter().chain(values) {
            command = command.replace(&format!("<{name}>"), value);
        }
        assert!(!command.contains('<'), "{command}");
        self.aws.types(&command).await
    }

    /// `aws sso-admin <operation> --instance-arn <instance> <more>`, for what the article has no command for.
    async fn sso(&self, operation: &str, more: &[&str]) -> Value {
        let begin = ["sso-admin", operation, "--instance-arn", self.instance.as_str()];
        self.aws.answer(&[&begin, more].concat()).await
    }

    async fn user(&mut self, name: &str) -> String {
        let found = self.types(&format!("AttributeValue='{name}'"), &[]).await;
        let users = found["Users"].as_array().unwrap();
        assert_eq!((users.len(), &users[0]["UserName"]), (1, &json!(name)));
        users[0]["UserId"].as_str().unwrap().to_owned()
    }

    /// Makes or deletes a user's assignment, and follows the request to its end.
    async fn assignment(&mut self, verb: &str, set: &str, user: &str, account: &str) {
        let values = [
            ("Permission Set ARN", set),
            ("PermissionSet ARN", set),
            ("user/group ID", user),
            ("USER/GROUP", "USER"),
            ("AWS Account ID", account),
        ];
        let begun = self.types(&format!("{verb}-account-assignment "), &values).await;
        let (noun, member) = match verb {
            "create" => ("creation", "AccountAssignmentCreationStatus"),
            _ => ("deletion", "AccountAssignmentDeletionStatus"),
        };
        let mut status = begun[member].clone();
        assert_eq!(status["TargetId"], account);
        let request = status["RequestId"].as_str().unwrap().to_owned();
        let option = format!("--account-assignment-{noun}-request-id");
        while status["Status"] == "IN_PROGRESS" {
            let describe = format!("describe-account-assignment-{noun}-status");
            status = self.sso(&describe, &[&option, &request]).await[member].clone();
        }
        assert_eq!(status["Status"], "SUCCEEDED", "{status}");
    }

    async fn provisioned(&mut self, account: &str) -> Vec<String> {
        let values = [("AWS Account ID", account)];
        let listed = self.types("list-permission-sets-provisioned-to-account", &values).await;
        // Where there are none, the member may be missing.
        let sets = listed["PermissionSets"].as_array().cloned().unwrap_or_default();
        sets.iter().map(|set| set.as_str().unwrap().to_owned()).collect()
    }

    /// What is left in the simulated AWS.
    async fn assignments(&self) -> usize {
        let (_, body) = self.simulation.control("GET", "assignments", "").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        body["assignments"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn the_article_works_command_by_command_from_permission_sets_to_the_clean_up() {
    let mut reader = Reader::begins().await;
    let mut sets = BTreeMap::new();
    for (name, _) in SETS {
        let made = reader.types(&format!("--name '{name}'"), &[]).await;
        assert_eq!(made["PermissionSet"]["Name"], name);
        sets.insert(name, made["PermissionSet"]["PermissionSetArn"].as_str().unwrap().to_owned());
    }
    for (name, policies) in SETS {
        for policy in policies {
            reader.types(&format!(":policy/{policy}'"), &[("Permission Set ARN", &sets[name])]).await;
        }
    }
    let mut users = BTreeMap::new();
    for name in ["alice@example.com", "frank@example.com"] {
        users.insert(name, reader.user(name).await);
    }
    let groups = reader.types("list-groups", &[("Group Name", "Developers")]).await;
    assert_eq!(groups["Groups"][0]["DisplayName"], "Developers");

    for (set, user, account) in ASSIGNMENTS {
        reader.assignment("create", &sets[set], &users[user], account).await;
    }
    let mut in_dev = [sets["EC2-S3-FullAccess"].clone(), sets["AuditAccess"].clone()];
    in_dev.sort();
    let mut found = reader.provisioned(DEV).await;
    found.sort();
    assert_eq!(found, in_dev);

    for (name, wanted) in SETS {
        let (_, user, account) = ASSIGNMENTS.iter().find(|(set, ..)| *set == name).unwrap();
        let of_set = [("Permission Set ARN", sets[name].as_str()), ("Account ID", account)];
        let policies = reader.types("list-managed-policies-in-permission-set", &of_set).await;
        let policies = policies["AttachedManagedPolicies"].as_array().unwrap();
        let arns: Vec<&str> = policies.iter().map(|policy| policy["Arn"].as_str().unwrap()).collect();
        assert_eq!(arns.len(), wanted.len(), "{arns:?}");
        for policy in wanted {
            let policy = format!("arn:aws:iam::aws:policy/{policy}");
            assert!(arns.iter().any(|arn| arn.eq_ignore_ascii_case(&policy)), "{policy}: {arns:?}");
        }
        let assigned = reader.types("list-account-assignments", &of_set).await;
        let expected = json!([{
            "AccountId": account, "PermissionSetArn": sets[name], "PrincipalType": "USER", "PrincipalId": users[user],
        }]);
        assert_eq!(assigned["AccountAssignments"], expected);
        let accounts = reader.types("list-accounts-for-provisioned-permission-set", &of_set).await;
        assert_eq!(accounts["AccountIds"], json!([account]));
    }

    // What is assigned can't be deleted.
    let delete = ["sso-admin", "delete-permission-set", "--instance-arn", &reader.instance];
    let in_use = [&delete[..], &["--permission-set-arn", &sets["AuditAccess"]]].concat();
    let refused = reader.aws.refusal(&in_use).await;
    assert!(refused.contains("ConflictException"), "{refused}");

    // In the printed order: first the assignment, then its permission set, from which nothing was detached.
    for (set, user, account) in ASSIGNMENTS {
        reader.assignment("delete", &sets[set], &users[user], account).await;
        reader.types("delete-permission-set ", &[("PermissionSet ARN", &sets[set])]).await;
    }
    let left = reader.sso("list-permission-sets", &[]).await;
    assert_eq!(left["PermissionSets"].as_array().map_or(0, Vec::len), 0, "{left}");
    assert_eq!(reader.assignments().await, 0);
    assert!(reader.provisioned(DEV).await.is_empty() && reader.provisioned(TEST).await.is_empty());

    let printed: BTreeSet<&str> = PRINTED.into_iter().collect();
    assert_eq!(reader.typed, printed, "every command of the article was typed");
    let ours = [
        "DescribeAccountAssignmentCreationStatus",
        "DescribeAccountAssignmentDeletionStatus",
        "ListPermissionSets",
    ];
    let operations = printed.iter().flat_map(|printed| called(&corrected(printed)));
    let ours = ours.iter().map(|name| format!("sso-admin {name}"));
    assert_eq!(reader.aws.checked_operations(), operations.chain(ours).collect());
}

/// The article's template, slips included, without the words that only people read: those of the template and of its parameters.
const TEMPLATE: &str = r#"
//start of Template//
{ "AWSTemplateFormatVersion": "2010-09-09",
  "Parameters": {
    "InstanceARN": { "Type": "String", "AllowedPattern": "arn:aws:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}" },
    "ExampleOrgDevAccountId": { "Type": "String", "AllowedPattern": "\d{12}" },
    "ExampleOrgTestAccountId": { "Type": "String", "AllowedPattern": "\d{12}" },
    "AliceDeveloperUserId": { "Type": "String",
      "AllowedPattern": "^([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$" },
    "FrankInfosecUserId": { "Type": "String",
      "AllowedPattern": "^([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$" } },
  "Resources": {
    "EC2S3Access": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "EC2 and S3 access for developers", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "EC2-S3-FullAccess",
      "ManagedPolicies": ["arn:aws:iam::aws:policy/amazonec2fullaccess", "arn:aws:iam::aws:policy/amazons3fullaccess"],
      "Tags": [{ "Key": "Name", "Value": "EC2S3Access" }] } },
    "SecurityAuditAccess": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "Audit Access for Infosec team", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "AuditAccess",
      "ManagedPolicies": ["arn:aws:iam::aws:policy/SecurityAudit"],
      "Tags": [{ "Key": "Name", "Value": "SecurityAuditAccess" }] } },
    "PowerUserAccess": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "Power User Access for Infosec team", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "PowerUserAccess",
      "ManagedPolicies": ["arn:aws:iam::aws:policy/PowerUserAccess"],
      "Tags": [{ "Key": "Name", "Value": "PowerUserAccess" }] } },
    "EC2S3userAssignment": { "Type": "AWS::SSO::Assignment", "Properties": {
      "InstanceArn": { "Ref": "InstanceARN" }, "PermissionSetArn": { "Fn::GetAtt": ["EC2S3Access", "PermissionSetArn"] },
      "PrincipalId": { "Ref": "AliceDeveloperUserId" }, "PrincipalType": "USER",
      "TargetId": { "Ref": "ExampleOrgDevAccountId" }, "TargetType": "AWS_ACCOUNT" } },
    "SecurityAudituserAssignment": { "Type": "AWS::SSO::Assignment", "Properties": {
      "InstanceArn": { "Ref": "InstanceARN" }, "PermissionSetArn": { "Fn::GetAtt": ["SecurityAuditAccess", "PermissionSetArn"] },
      "PrincipalId": { "Ref": "FrankInfosecUserId" }, "PrincipalType": "USER",
      "TargetId": { "Ref": "ExampleOrgDevAccountId" }, "TargetType": "AWS_ACCOUNT" } },
    "PowerUserAssignment": { "Type": "AWS::SSO::Assignment", "Properties": {
      "InstanceArn": { "Ref": "InstanceARN" }, "PermissionSetArn": { "Fn::GetAtt": ["PowerUserAccess", "PermissionSetArn"] },
      "PrincipalId": { "Ref": "FrankInfosecUserId" }, "PrincipalType": "USER",
      "TargetId": { "Ref": "ExampleOrgTestAccountId" }, "TargetType": "AWS_ACCOUNT" } } }
}
//End of Template//
"#;

/// What makes sure that its parameters and resources stay so where the article is not at hand.
const TEMPLATE_DIGEST: &str = "5081812559e17ef4bffa0fd27564d68d88984d23ea222c4c6d086b8cce566e5e";

/// A template without its slips and without the words that only people read.
fn template(text: &str) -> Value {
    let lines = text.lines().filter(|line| !line.starts_with("//"));
    // Of all that may follow a backslash in a pattern, only `d` is used, and JSON has no such escape.
    let corrected = lines.collect::<Vec<_>>().join("\n").replace(r"\d", r"\\d");
    let mut template: Value = serde_json::from_str(&corrected).unwrap();
    template.as_object_mut().unwrap().remove("Description");
    for parameter in template["Parameters"].as_object_mut().unwrap().values_mut() {
        parameter
            .as_object_mut()
            .unwrap()
            .retain(|name, _| ["Type", "AllowedPattern"].contains(&name.as_str()));
    }
    template
}

#[tokio::test]
async fn the_resources_of_the_template_can_be_made_and_deleted_by_the_calls_that_they_stand_for() {
    let mut reader = Reader::begins().await;
    let template = template(TEMPLATE);
    let parameters = BTreeMap::from([
        ("InstanceARN", reader.instance.clone()),
        ("ExampleOrgDevAccountId", DEV.to_owned()),
        ("ExampleOrgTestAccountId", TEST.to_owned()),
        ("AliceDeveloperUserId", reader.user("alice@example.com").await),
        ("FrankInfosecUserId", reader.user("frank@example.com").await),
    ]);
    let named: BTreeSet<&str> =
        template["Parameters"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, parameters.keys().copied().collect());
    for (name, value) in &parameters {
        let pattern = template["Parameters"][name]["AllowedPattern"].as_str().unwrap();
        assert!(reader.aws.matches(pattern, value).await, "{name}: `{value}` is not {pattern}");
        assert!(!reader.aws.matches(pattern, &value[1..]).await, "{name}: {pattern} takes anything");
    }
    let of_type = |kind: &'static str| {
        let resources = template["Resources"].as_object().unwrap();
        let resources = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        resources.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let mut sets = BTreeMap::new();
    for (name, properties) in of_type("AWS::SSO::PermissionSet") {
        let tag = &properties["Tags"][0];
        let tag = format!("Key={},Value={}", text(&tag["Key"]), text(&tag["Value"]));
        let [title, about] = ["Name", "Description"].map(|property| text(&properties[property]));
        let made = reader
            .sso("create-permission-set", &["--name", &title, "--description", &about, "--tags", &tag])
            .await;
        assert_eq!(made["PermissionSet"]["Description"], about);
        let arn = text(&made["PermissionSet"]["PermissionSetArn"]);
        for policy in properties["ManagedPolicies"].as_array().unwrap() {
            let attached = ["--permission-set-arn", &arn, "--managed-policy-arn", &text(policy)];
            reader.sso("attach-managed-policy-to-permission-set", &attached).await;
        }
        sets.insert(name, arn);
    }
    let tags = reader.sso("list-tags-for-resource", &["--resource-arn", &sets["EC2S3Access"]]).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "Name", "Value": "EC2S3Access" }]));

    let resolved = |value: &Value| {
        let plain = value.as_str().map(str::to_owned);
        let parameter = || value["Ref"].as_str().map(|name| parameters[name].clone());
        plain.or_else(parameter).unwrap_or_else(|| sets[text(&value["Fn::GetAtt"][0]).as_str()].clone())
    };
    for verb in ["create", "delete"] {
        for (_, properties) in of_type("AWS::SSO::Assignment") {
            assert_eq!(
                (&properties["PrincipalType"], &properties["TargetType"]),
                (&json!("USER"), &json!("AWS_ACCOUNT"))
            );
            let [set, principal, account] = ["PermissionSetArn", "PrincipalId", "TargetId"]
                .map(|property| resolved(&properties[property]));
            reader.assignment(verb, &set, &principal, &account).await;
        }
        assert_eq!(reader.assignments().await, if verb == "create" { 3 } else { 0 });
    }
    for set in sets.values() {
        reader.sso("delete-permission-set", &["--permission-set-arn", set]).await;
    }
}

#[test]
fn our_commands_and_our_template_are_the_article_s_own() {
    assert_eq!(
        digest(&PRINTED.join("\n")),
        PRINTED_DIGEST,
        "these are not the commands that the article prints"
    );
    let ours = seeds::canonical(&template(TEMPLATE));
    assert_eq!(digest(&ours), TEMPLATE_DIGEST, "this is not the template that the article prints");

    // Where the article itself stands beside the checkout, nobody has to believe a digest.
    let Some(article) = seeds::article("AWSTemplateFormatVersion") else { return };
    let is_command = |line: &&str| {
        let begins = ["aws ", "create-", "delete-", "list-"].iter().any(|begin| line.starts_with(begin));
        begins && (line.contains(" --") || line.ends_with("list-instances"))
    };
    assert_eq!(article.lines().filter(is_command).collect::<Vec<_>>(), PRINTED);
    let begin = article.find("//start of Template//").unwrap();
    let end = article.find("//End of Template//").unwrap();
    assert_eq!(seeds::canonical(&template(&article[begin..end])), ours);
}
