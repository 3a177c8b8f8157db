//! AWS's article on multi-account access by the account assignment APIs, walked through with the real AWS CLI against `usher simulate`:
//! permission sets, their policies, look-ups, assignments, the audit and the clean-up; then the same by the template's resources.
//!
//! Where the article slips, this is how it is read:
//!
//! - `list-users --filter`: the option is `--filters`. The CLI takes any beginning of an option that fits only one, so that `--filter` works;
//!   it is typed here as there.
//! - one `--filter` follows its neighbour without a blank, which no shell takes apart: there is a blank here.
//! - the two commands of the clean-up lack `aws sso-admin` before them.
//! - `arn:aws:iam::aws:policy/amazonec2fullaccess` and its sister are in small letters, which AWS takes.
//! - the permission set of the audit is called `EC2-S3- AuditAccess` in one sentence: it is `AuditAccess`.
//! - policies need not be detached before their permission set is deleted; here they are, so that detaching is tried too.
//! - the template stands between two lines that are no JSON, and in it `\d` is no escape of JSON: it is read as `\\d`.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{aws::Aws, simulation::Simulation};

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

/// The article's three permission sets: name, description, policies.
const SETS: [(&str, &str, &[&str]); 3] = [
    (
        "EC2-S3-FullAccess",
        "Machines and buckets, for those who develop",
        &["arn:aws:iam::aws:policy/amazonec2fullaccess", "arn:aws:iam::aws:policy/amazons3fullaccess"],
    ),
    ("AuditAccess", "A look at everything in development", &["arn:aws:iam::aws:policy/SecurityAudit"]),
    ("PowerUserAccess", "Everything but identity", &["arn:aws:iam::aws:policy/PowerUserAccess"]),
];

/// Who gets which of them where.
const ASSIGNMENTS: [(&str, &str, &str); 3] = [
    ("EC2-S3-FullAccess", "alice@example.com", DEV),
    ("AuditAccess", "frank@example.com", DEV),
    ("PowerUserAccess", "frank@example.com", TEST),
];

/// Somebody in the management account, with the AWS CLI.
struct Reader {
    simulation: Simulation,
    aws: Aws,
    instance: String,
    store: String,
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
        let instances = aws.answer(&["sso-admin", "list-instances"]).await;
        let text = |member: &str| instances["Instances"][0][member].as_str().unwrap().to_owned();
        let (instance, store) = (text("InstanceArn"), text("IdentityStoreId"));
        Self { simulation, aws, instance, store, _folder: folder }
    }

    /// `aws sso-admin <operation> --instance-arn <instance> <more>`
    async fn sso(&self, operation: &str, more: &[&str]) -> Value {
        let begin = ["sso-admin", operation, "--instance-arn", self.instance.as_str()];
        self.aws.answer(&[&begin, more].concat()).await
    }

    async fn create_set(&self, name: &str, description: &str, more: &[&str]) -> String {
        let about = ["--name", name, "--description", description];
        let made = self.sso("create-permission-set", &[&about, more].concat()).await;
        assert_eq!(made["PermissionSet"]["Name"], name);
        made["PermissionSet"]["PermissionSetArn"].as_str().unwrap().to_owned()
    }

    async fn attach(&self, set: &str, policy: &str) {
        let about = ["--permission-set-arn", set, "--managed-policy-arn", policy];
        self.sso("attach-managed-policy-to-permission-set", &about).await;
    }

    async fn user(&self, name: &str) -> String {
        let filter = format!("AttributePath=UserName,AttributeValue={name}");
        let words = ["identitystore", "list-users", "--identity-store-id", &self.store, "--filter", &filter];
        let found = self.aws.answer(&words).await;
        let users = found["Users"].as_array().unwrap();
        assert_eq!((users.len(), &users[0]["UserName"]), (1, &json!(name)));
        users[0]["UserId"].as_str().unwrap().to_owned()
    }

    /// Makes or deletes an assignment, and follows the request to its end.
    async fn assignment(&self, verb: &str, set: &str, (kind, principal): (&str, &str), account: &str) {
        let about = [
            ["--permission-set-arn", set],
            ["--principal-id", principal],
            ["--principal-type", kind],
            ["--target-id", account],
            ["--target-type", "AWS_ACCOUNT"],
        ];
        let begun = self.sso(&format!("{verb}-account-assignment"), &about.concat()).await;
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

    /// Everything that the article's audit asks, of one permission set and one account.
    async fn audit(&self, set: &str, account: &str) -> (Value, Value, Value) {
        let of_set = ["--permission-set-arn", set];
        let policies = self.sso("list-managed-policies-in-permission-set", &of_set).await;
        let here = [&of_set[..], &["--account-id", account]].concat();
        let assigned = self.sso("list-account-assignments", &here).await;
        let accounts = self.sso("list-accounts-for-provisioned-permission-set", &of_set).await;
        let policies = policies["AttachedManagedPolicies"].clone();
        (policies, assigned["AccountAssignments"].clone(), accounts["AccountIds"].clone())
    }

    async fn provisioned(&self, account: &str) -> Vec<String> {
        let listed =
            self.sso("list-permission-sets-provisioned-to-account", &["--account-id", account]).await;
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
    let reader = Reader::begins().await;
    let mut sets = BTreeMap::new();
    for (name, description, _) in SETS {
        sets.insert(name, reader.create_set(name, description, &[]).await);
    }
    for (name, _, policies) in SETS {
        for policy in policies {
            reader.attach(&sets[name], policy).await;
        }
    }
    let mut users = BTreeMap::new();
    for name in ["alice@example.com", "frank@example.com"] {
        users.insert(name, reader.user(name).await);
    }
    let filter = "AttributePath=DisplayName,AttributeValue=Developers";
    let words = ["identitystore", "list-groups", "--identity-store-id", &reader.store, "--filter", filter];
    let groups = reader.aws.answer(&words).await;
    assert_eq!(groups["Groups"][0]["DisplayName"], "Developers");

    for (set, user, account) in ASSIGNMENTS {
        reader.assignment("create", &sets[set], ("USER", &users[user]), account).await;
    }
    let mut in_dev = [sets["EC2-S3-FullAccess"].clone(), sets["AuditAccess"].clone()];
    in_dev.sort();
    let mut found = reader.provisioned(DEV).await;
    found.sort();
    assert_eq!(found, in_dev);

    for (name, _, wanted) in SETS {
        let (_, user, account) = ASSIGNMENTS.iter().find(|(set, ..)| *set == name).unwrap();
        let (policies, assigned, accounts) = reader.audit(&sets[name], account).await;
        let arns: Vec<&str> =
            policies.as_array().unwrap().iter().map(|policy| policy["Arn"].as_str().unwrap()).collect();
        assert_eq!(arns.len(), wanted.len(), "{policies}");
        for policy in wanted {
            assert!(arns.iter().any(|arn| arn.eq_ignore_ascii_case(policy)), "{policy}: {arns:?}");
        }
        let expected = json!([{
            "AccountId": account, "PermissionSetArn": sets[name], "PrincipalType": "USER", "PrincipalId": users[user],
        }]);
        assert_eq!(assigned, expected);
        assert_eq!(accounts, json!([account]));
    }

    // What is assigned can't be deleted.
    let delete = ["sso-admin", "delete-permission-set", "--instance-arn", &reader.instance];
    let in_use = [&delete[..], &["--permission-set-arn", &sets["AuditAccess"]]].concat();
    let refused = reader.aws.refusal(&in_use).await;
    assert!(refused.contains("ConflictException"), "{refused}");

    for (set, user, account) in ASSIGNMENTS {
        reader.assignment("delete", &sets[set], ("USER", &users[user]), account).await;
    }
    for (name, _, policies) in SETS {
        for policy in policies {
            let about = ["--permission-set-arn", &sets[name], "--managed-policy-arn", policy];
            reader.sso("detach-managed-policy-from-permission-set", &about).await;
        }
        reader.sso("delete-permission-set", &["--permission-set-arn", &sets[name]]).await;
    }
    let left = reader.sso("list-permission-sets", &[]).await;
    assert_eq!(left["PermissionSets"].as_array().map_or(0, Vec::len), 0, "{left}");
    assert_eq!(reader.assignments().await, 0);
    assert!(reader.provisioned(DEV).await.is_empty() && reader.provisioned(TEST).await.is_empty());
    assert!(reader.aws.checked().len() > 40, "{:?}", reader.aws.checked());
}

/// A template of the article's shape, slips included: what it makes is the same, what it says of it is ours.
const TEMPLATE: &str = r#"
//the template begins//
{ "AWSTemplateFormatVersion": "2010-09-09", "Description": "Who may do what in two accounts",
  "Parameters": {
    "InstanceARN": { "Type": "String", "AllowedPattern": "arn:aws:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}" },
    "ExampleOrgDevAccountId": { "Type": "String", "AllowedPattern": "\d{12}" },
    "ExampleOrgTestAccountId": { "Type": "String", "AllowedPattern": "\d{12}" },
    "AliceDeveloperUserId": { "Type": "String" },
    "FrankInfosecUserId": { "Type": "String" } },
  "Resources": {
    "EC2S3Access": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "Machines and buckets, for those who develop", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "EC2-S3-FullAccess",
      "ManagedPolicies": ["arn:aws:iam::aws:policy/amazonec2fullaccess", "arn:aws:iam::aws:policy/amazons3fullaccess"],
      "Tags": [{ "Key": "Name", "Value": "EC2S3Access" }] } },
    "SecurityAuditAccess": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "A look at everything in development", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "AuditAccess",
      "ManagedPolicies": ["arn:aws:iam::aws:policy/SecurityAudit"],
      "Tags": [{ "Key": "Name", "Value": "SecurityAuditAccess" }] } },
    "PowerUserAccess": { "Type": "AWS::SSO::PermissionSet", "Properties": {
      "Description": "Everything but identity", "InstanceArn": { "Ref": "InstanceARN" }, "Name": "PowerUserAccess",
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
//the template ends//
"#;

/// The resources of a template that may have the article's slips.
fn resources(text: &str) -> BTreeMap<String, Value> {
    let lines = text.lines().filter(|line| !line.starts_with("//"));
    // Of all that may follow a backslash in a pattern, only `d` is used, and JSON has no such escape.
    let corrected = lines.collect::<Vec<_>>().join("\n").replace(r"\d", r"\\d");
    let template: Value = serde_json::from_str(&corrected).unwrap();
    assert_eq!(template["Parameters"]["ExampleOrgDevAccountId"]["AllowedPattern"], r"\d{12}");
    serde_json::from_value(template["Resources"].clone()).unwrap()
}

#[tokio::test]
async fn the_resources_of_the_template_can_be_made_and_deleted_by_the_calls_that_they_stand_for() {
    let reader = Reader::begins().await;
    let resources = resources(TEMPLATE);
    let parameters = BTreeMap::from([
        ("InstanceARN", reader.instance.clone()),
        ("ExampleOrgDevAccountId", DEV.to_owned()),
        ("ExampleOrgTestAccountId", TEST.to_owned()),
        ("AliceDeveloperUserId", reader.user("alice@example.com").await),
        ("FrankInfosecUserId", reader.user("frank@example.com").await),
    ]);
    let of_type = |kind: &'static str| {
        let resources = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        resources.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let mut sets = BTreeMap::new();
    for (name, properties) in of_type("AWS::SSO::PermissionSet") {
        let tag = &properties["Tags"][0];
        let tag = format!("Key={},Value={}", text(&tag["Key"]), text(&tag["Value"]));
        let (title, about) = (text(&properties["Name"]), text(&properties["Description"]));
        let arn = reader.create_set(&title, &about, &["--tags", &tag]).await;
        for policy in properties["ManagedPolicies"].as_array().unwrap() {
            reader.attach(&arn, &text(policy)).await;
        }
        sets.insert(name, arn);
    }
    let tags = reader.sso("list-tags-for-resource", &["--resource-arn", &sets["EC2S3Access"]]).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "Name", "Value": "EC2S3Access" }]));

    let resolved = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other if other["Ref"].is_string() => parameters[text(&other["Ref"]).as_str()].clone(),
        other => sets[text(&other["Fn::GetAtt"][0]).as_str()].clone(),
    };
    for verb in ["create", "delete"] {
        for (_, properties) in of_type("AWS::SSO::Assignment") {
            let [set, kind, principal, account] =
                ["PermissionSetArn", "PrincipalType", "PrincipalId", "TargetId"]
                    .map(|property| resolved(&properties[property]));
            reader.assignment(verb, &set, (&kind, &principal), &account).await;
        }
        assert_eq!(reader.assignments().await, if verb == "create" { 3 } else { 0 });
    }
    for set in sets.values() {
        reader.sso("delete-permission-set", &["--permission-set-arn", set]).await;
    }
}

/// Where the article itself stands beside the checkout, its template makes what ours makes.
#[test]
fn our_template_makes_what_the_article_s_own_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/seeds");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("not run: the articles don't stand beside the checkout, in `{}`", folder.display());
        return;
    };
    let texts = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let article = texts.into_iter().find(|text| text.contains("AWSTemplateFormatVersion")).unwrap();
    let begin = article.find("//start of Template//").unwrap();
    let end = article.find("//End of Template//").unwrap();
    let without_words = |text: &str| {
        let mut resources = resources(text);
        for resource in resources.values_mut() {
            resource["Properties"]["Description"] = Value::Null;
        }
        resources
    };
    assert_eq!(without_words(&article[begin..end]), without_words(TEMPLATE));
}
