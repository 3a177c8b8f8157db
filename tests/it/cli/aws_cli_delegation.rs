//! AWS's article on delegating the management of identity: its three models as the policies of three callers, each of which tries with
//! the real AWS CLI everything that the policies speak of.
//!
//! The policies are the article's own. Where it slips, or prints a fragment, this is how it is read:
//!
//! - none of them is a whole document: a `Version`, and a `Statement` around it, are added. As they are printed, `usher simulate` refuses each
//!   and says where.
//! - the first lacks the `{` at its beginning; a comma follows the end of the second; the third is two statements with no list around them.
//! - instance and permission set in the second are too short to be any: they stand for the reader's own, as the article says of all ids. Its
//!   accounts, and the instance of the third, could be real ones, and the organization here has them.
//! - a note below the third says that its instance is `ssoins-11112222233333`, and the policy has another: the policy counts.
//! - the first names accounts and nothing else. So it allows nothing at all, since everything that it speaks of needs the instance, and most of
//!   it the permission set too. It is described as allowing any permission set in these accounts: both is tried, as printed and with
//!   instances and permission sets.
//! - the third is described as allowing what bears `Development` in both tags; its condition asks for `Test` in the tag `OU`, and that is
//!   what holds.
//! - the second and the third allow `sso:ProvisionApplicationInstanceForAWSAccount`, which is none of the CLI's commands and is not tried; the
//!   first does not have it.
//! - `<instance arn from above>` is typed without its brackets, which a shell would take for files.

use serde_json::{Value, json};
use simulator::{Settings, World};

use super::{
    aws::{Aws, operation_name},
    seeds::{self, digest},
    simulation::Simulation,
};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-82593a6ed92c8920";
/// An account that is delegated, and one that is not.
const OURS: &str = "112233445566";
const OTHER: &str = "444455556666";

const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "112233445566" }
      - { name: search-dev, id: "223344556677" }
      - { name: labs-dev, id: "334455667788" }
  - name: Production
    accounts: [{ name: shop-prod, id: "444455556666" }]
instance: { arn: "arn:aws:sso:::instance/ssoins-82593a6ed92c8920", identity_store: d-9067642ac1 }
permission_sets:
  - { name: DevelopersInTest, tags: { Environment: Development, OU: Test } }
  - { name: DevelopersEverywhere, tags: { Environment: Development, OU: All } }
  - { name: ReadOnly, tags: { Environment: All, OU: All } }
groups: [{ name: Developers }]
"#;

/// The article's three policies as it prints them, but for line breaks and indentation.
const PRINTED: [&str; 3] = [
    r#""Sid": "DelegatedAdminsAccounts", "Effect": "Allow", "Action": [ "sso:ProvisionPermissionSet", "sso:CreateAccountAssignment",
"sso:DeleteInlinePolicyFromPermissionSet", "sso:UpdateInstanceAccessControlAttributeConfiguration",
"sso:PutInlinePolicyToPermissionSet", "sso:DeleteAccountAssignment", "sso:DetachManagedPolicyFromPermissionSet",
"sso:DeletePermissionSet", "sso:AttachManagedPolicyToPermissionSet", "sso:CreatePermissionSet", "sso:UpdatePermissionSet",
"sso:CreateInstanceAccessControlAttributeConfiguration", "sso:DeleteInstanceAccessControlAttributeConfiguration" ], "Resource": [
"arn:aws:sso:::account/112233445566", "arn:aws:sso:::account/223344556677", "arn:aws:sso:::account/334455667788" ] }"#,
    r#"{ "Sid": "DelegatedPermissionsAdmin", "Effect": "Allow", "Action": [ "sso:ProvisionPermissionSet", "sso:CreateAccountAssignment",
"sso:DeleteInlinePolicyFromPermissionSet", "sso:UpdateInstanceAccessControlAttributeConfiguration",
"sso:PutInlinePolicyToPermissionSet", "sso:DeleteAccountAssignment", "sso:DetachManagedPolicyFromPermissionSet",
"sso:DeletePermissionSet", "sso:AttachManagedPolicyToPermissionSet", "sso:CreatePermissionSet", "sso:UpdatePermissionSet",
"sso:CreateInstanceAccessControlAttributeConfiguration", "sso:DeleteInstanceAccessControlAttributeConfiguration",
"sso:ProvisionApplicationInstanceForAWSAccount" ], "Resource": [ "arn:aws:sso:::instance/ssoins-1111111111",
"arn:aws:sso:::account/*", "arn:aws:sso:::permissionSet/ssoins-1111111111/ps-112233abcdef123" ] },"#,
    r#"{ "Sid": "DelegatedOUAdmin", "Effect": "Allow", "Action": [ "sso:ProvisionPermissionSet", "sso:CreateAccountAssignment",
"sso:DeleteInlinePolicyFromPermissionSet", "sso:UpdateInstanceAccessControlAttributeConfiguration",
"sso:PutInlinePolicyToPermissionSet", "sso:DeleteAccountAssignment", "sso:DetachManagedPolicyFromPermissionSet",
"sso:DeletePermissionSet", "sso:AttachManagedPolicyToPermissionSet", "sso:CreatePermissionSet", "sso:UpdatePermissionSet",
"sso:CreateInstanceAccessControlAttributeConfiguration", "sso:DeleteInstanceAccessControlAttributeConfiguration",
"sso:ProvisionApplicationInstanceForAWSAccount" ], "Resource": "arn:aws:sso:::permissionSet/*/*", "Condition": { "StringEquals": {
"aws:ResourceTag/Environment": "Development", "aws:ResourceTag/OU": "Test" } } }, { "Sid": "Instance", "Effect": "Allow",
"Action": [ "sso:ProvisionPermissionSet", "sso:CreateAccountAssignment", "sso:DeleteInlinePolicyFromPermissionSet",
"sso:UpdateInstanceAccessControlAttributeConfiguration", "sso:PutInlinePolicyToPermissionSet", "sso:DeleteAccountAssignment",
"sso:DetachManagedPolicyFromPermissionSet", "sso:DeletePermissionSet", "sso:AttachManagedPolicyToPermissionSet",
"sso:CreatePermissionSet", "sso:UpdatePermissionSet", "sso:CreateInstanceAccessControlAttributeConfiguration",
"sso:DeleteInstanceAccessControlAttributeConfiguration", "sso:ProvisionApplicationInstanceForAWSAccount" ], "Resource": [
"arn:aws:sso:::instance/ssoins-82593a6ed92c8920", "arn:aws:sso:::account/112233445566", "arn:aws:sso:::account/223344556677",
"arn:aws:sso:::account/334455667788" ] }"#,
];

/// What makes sure that they stay so where the article is not at hand.
const PRINTED_DIGEST: &str = "5f51ee85a5bdf215c0c30c20922326105f6570c9973828d2b5645ecd27de939a";

/// The policy of a fragment, with what it lacks and without what is too much.
fn completed(fragment: &str) -> Value {
    let body = fragment.trim().trim_end_matches(',');
    let brace = if body.starts_with('{') { "" } else { "{" };
    let statements: Value = serde_json::from_str(&format!("[{brace}{body}]")).unwrap();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A caller with a policy, in the organization's file.
fn caller(access_key: &str, policy: &str) -> String {
    let role = access_key.to_lowercase();
    format!("  - access_key: {access_key}\n    role: delegate-{role}\n    policies:\n      - {policy}\n")
}

/// The simulated AWS with the delegates of the three models, and the ARNs of its permission sets.
struct Place {
    simulation: Simulation,
    /// `DevelopersInTest`, `DevelopersEverywhere`, `ReadOnly`.
    sets: [String; 3],
    developers: String,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        // What has no id gets one by its name, the same each time, so that a policy can name it.
        let world = World::from_yaml(ORGANIZATION, Settings::default()).unwrap();
        let sets = ["DevelopersInTest", "DevelopersEverywhere", "ReadOnly"]
            .map(|name| world.permission_set_named(name).unwrap().to_string());
        let developers = world.groups_now()["Developers"].to_string();

        let [by_account, by_set, by_tags] = PRINTED.map(completed);
        let mut with_the_rest = by_account.clone();
        let resources = with_the_rest["Statement"][0]["Resource"].as_array_mut().unwrap();
        resources.extend(["arn:aws:sso:::instance/*", "arn:aws:sso:::permissionSet/*/*"].map(Value::from));
        let by_set = by_set
            .to_string()
            .replace("arn:aws:sso:::permissionSet/ssoins-1111111111/ps-112233abcdef123", &sets[2])
            .replace("arn:aws:sso:::instance/ssoins-1111111111", INSTANCE);
        let callers = [
            caller("ASPRINTED", &by_account.to_string()),
            caller("BYACCOUNT", &with_the_rest.to_string()),
            caller("BYSET", &by_set),
            caller("BYTAGS", &by_tags.to_string()),
        ];
        let folder = tempfile::tempdir().unwrap();
        let organization = folder.path().join("organization.yaml");
        std::fs::write(&organization, format!("{ORGANIZATION}callers:\n{}", callers.concat())).unwrap();
        let organization = organization.to_str().unwrap();
        let options = ["--without-functions", "--speed", "20", "--organization", organization];
        Self { simulation: Simulation::start(&options).await, sets, developers, _folder: folder }
    }

    fn as_caller(&self, access_key: &str) -> Aws {
        Aws::caller(self.simulation.endpoint(), access_key)
    }

    /// What follows `aws sso-admin <command> --instance-arn <instance>`, for one permission set and one account.
    fn about<'a>(&'a self, command: &str, set: &'a str, account: &'a str) -> Vec<&'a str> {
        const ATTRIBUTES: &str = r#"{ "AccessControlAttributes": [{ "Key": "Team", "Value": { "Source": ["${path:enterprise.department}"] } }] }"#;
        let of_set = ["--permission-set-arn", set];
        let in_account = ["--target-type", "AWS_ACCOUNT", "--target-id", account];
        let to_developers = ["--principal-type", "GROUP", "--principal-id", &self.developers];
        match command {
            "create-account-assignment" | "delete-account-assignment" => {
                [&of_set[..], &in_account, &to_developers].concat()
            }
            "provision-permission-set" => [&of_set[..], &in_account].concat(),
            "update-permission-set" => {
                [&of_set[..], &["--description", "Looked after by a delegate"]].concat()
            }
            "put-inline-policy-to-permission-set" => {
                let policy = r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Deny", "Action": "iam:*", "Resource": "*" } }"#;
                [&of_set[..], &["--inline-policy", policy]].concat()
            }
            "attach-managed-policy-to-permission-set" | "detach-managed-policy-from-permission-set" => {
                [&of_set[..], &["--managed-policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"]].concat()
            }
            "delete-inline-policy-from-permission-set" | "delete-permission-set" => of_set.to_vec(),
            "create-permission-set" => vec!["--name", "MadeByADelegate"],
            "create-instance-access-control-attribute-configuration"
            | "update-instance-access-control-attribute-configuration" => {
                vec!["--instance-access-control-attribute-configuration", ATTRIBUTES]
            }
            "delete-instance-access-control-attribute-configuration" => Vec::new(),
            other => panic!("{other}: of which the policies don't speak"),
        }
    }
}

/// What is to become of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Allowed,
    /// For the first of its resources that the policy doesn't have.
    RefusedOn(&'static str),
    /// The column before tells it: there it is the same.
    AsBefore,
}
use Expected::AsBefore;
const YES: Expected = Expected::Allowed;
const INST: Expected = Expected::RefusedOn("instance");
const ACCT: Expected = Expected::RefusedOn("account");
const PSET: Expected = Expected::RefusedOn("permissionSet");

/// Who tries it, with which permission set, in which account.
const COLUMNS: [(&str, usize, &str); 8] = [
    ("ASPRINTED", 0, OURS),
    ("BYACCOUNT", 0, OURS),
    ("BYACCOUNT", 0, OTHER),
    ("BYSET", 2, OTHER),
    ("BYSET", 0, OTHER),
    ("BYTAGS", 0, OURS),
    ("BYTAGS", 0, OTHER),
    ("BYTAGS", 1, OURS),
];

/// Everything that the policies speak of, in an order in which it can be done, and what becomes of it for whom.
#[rustfmt::skip]
const TABLE: [(&str, [Expected; 8]); 13] = [
    ("create-account-assignment",                              [INST, YES, ACCT,     YES,  PSET,     YES,  ACCT,     PSET]),
    ("update-permission-set",                                  [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    ("put-inline-policy-to-permission-set",                    [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    ("delete-inline-policy-from-permission-set",               [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    ("attach-managed-policy-to-permission-set",                [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    ("detach-managed-policy-from-permission-set",              [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    ("create-instance-access-control-attribute-configuration", [INST, YES, AsBefore, YES,  AsBefore, YES,  AsBefore, AsBefore]),
    ("update-instance-access-control-attribute-configuration", [INST, YES, AsBefore, YES,  AsBefore, YES,  AsBefore, AsBefore]),
    ("delete-instance-access-control-attribute-configuration", [INST, YES, AsBefore, YES,  AsBefore, YES,  AsBefore, AsBefore]),
    ("provision-permission-set",                               [INST, YES, ACCT,     YES,  PSET,     YES,  ACCT,     PSET]),
    ("delete-account-assignment",                              [INST, YES, ACCT,     YES,  PSET,     YES,  ACCT,     PSET]),
    ("delete-permission-set",                                  [INST, YES, AsBefore, YES,  PSET,     YES,  AsBefore, PSET]),
    // What is made new has no ARN yet, and no tags: only who has all permission sets may make one.
    ("create-permission-set",                                  [INST, YES, AsBefore, PSET, AsBefore, PSET, AsBefore, AsBefore]),
];

/// Tries everything in the table's columns of one caller: first what is refused, so that what is allowed finds all as it was.
async fn holds(access_key: &str) {
    let place = Place::new().await;
    let delegate = place.as_caller(access_key);
    for allowed in [false, true] {
        for (at, (_, set, account)) in
            COLUMNS.into_iter().enumerate().filter(|(_, column)| column.0 == access_key)
        {
            for (command, expected) in TABLE {
                let begin = ["sso-admin", command, "--instance-arn", INSTANCE];
                let words = [&begin[..], &place.about(command, &place.sets[set], account)].concat();
                match expected[at] {
                    Expected::Allowed if allowed => is_done(&delegate, &words).await,
                    Expected::RefusedOn(kind) if !allowed => {
                        let told = delegate.refusal(&words).await;
                        let action = operation_name(command);
                        let why = format!(
                            "is not authorized to perform: sso:{action} on resource: arn:aws:sso:::{kind}/"
                        );
                        assert!(
                            told.contains("AccessDeniedException") && told.contains(&why),
                            "{words:?}: {told}"
                        );
                    }
                    Expected::Allowed | Expected::RefusedOn(_) | AsBefore => {}
                }
            }
        }
    }
}

/// It is allowed, and done: where an earlier write is still under way, as soon as that has ended.
async fn is_done(delegate: &Aws, words: &[&str]) {
    for _ in 0..20 {
        let (done, told) = delegate.attempt(words).await;
        if done {
            return;
        }
        assert!(told.contains("ConflictException"), "{words:?}: {told}");
    }
    panic!("{words:?}: a conflict that doesn't end");
}

#[test]
fn our_policies_are_the_article_s_own_and_speak_of_what_the_table_tries() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ours = PRINTED.map(words);
    assert_eq!(
        digest(&ours.join("\n")),
        PRINTED_DIGEST,
        "these are not the policies that the article prints"
    );
    for (at, fragment) in PRINTED.iter().enumerate() {
        let policy = completed(fragment);
        for statement in policy["Statement"].as_array().unwrap() {
            let mut actions: Vec<&str> = statement["Action"]
                .as_array()
                .unwrap()
                .iter()
                .map(|action| action.as_str().unwrap())
                .collect();
            actions.sort_unstable();
            let mut tried: Vec<String> =
                TABLE.iter().map(|(command, _)| format!("sso:{}", operation_name(command))).collect();
            tried.extend((at > 0).then(|| "sso:ProvisionApplicationInstanceForAWSAccount".to_owned()));
            tried.sort_unstable();
            assert_eq!(actions, tried);
        }
    }

    // Where the article itself stands beside the checkout, nobody has to believe a digest.
    let Some(article) = seeds::article("DelegatedOUAdmin") else { return };
    let printed = article.split("as follows.\n").skip(1).map(|rest| {
        let end = ["This policy specifies", "In the delegated policy"]
            .iter()
            .filter_map(|end| rest.find(end))
            .min();
        &rest[..end.unwrap()]
    });
    let printed: Vec<&str> = printed.collect();
    assert_eq!(printed.iter().map(|text| words(text)).collect::<Vec<_>>(), ours);
    for (theirs, ours) in printed.into_iter().zip(PRINTED) {
        assert_eq!(completed(theirs), completed(ours));
    }
}

#[tokio::test]
async fn a_policy_as_it_is_printed_is_refused_with_the_place_where_it_is_no_policy() {
    let one_alone = completed(PRINTED[1])["Statement"][0].to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("organization.yaml");
    let file = file.to_str().unwrap();
    for (policy, place) in [
        // The name of the first member is a text, and what follows it is too much.
        (PRINTED[0], "this is no JSON: trailing characters at line 1 column 6"),
        (PRINTED[1], "this is no JSON: trailing characters at line 7 column 98"),
        (PRINTED[2], "this is no JSON: trailing characters at line 7 column 81"),
        (&one_alone, "expected Version, Id, Statement"),
    ] {
        let text = format!("|\n          {}", policy.replace('\n', "\n          "));
        let organization = format!("{ORGANIZATION}callers:\n{}", caller("ASPRINTED", &text));
        let line = organization.lines().position(|line| line.ends_with("- |")).unwrap() + 2;
        std::fs::write(file, organization).unwrap();
        let output = Simulation::ended(&["--port", "0", "--organization", file]).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.contains(place) && told.contains(&format!("organization.yaml:{line}:")),
            "{place}: {told}"
        );
    }
}

#[tokio::test]
async fn the_reader_finds_the_ids_that_the_policies_need() {
    let place = Place::new().await;
    let aws = place.as_caller("AKIAEXAMPLEADMIN");
    let instances = aws.types("aws sso-admin list-instances").await;
    assert_eq!(instances["Instances"][0]["InstanceArn"], INSTANCE);
    let list = "aws sso-admin list-permission-sets --instance-arn <instance arn from above>";
    let sets = aws.types(&list.replace("<instance arn from above>", INSTANCE)).await;
    let mut found: Vec<&str> =
        sets["PermissionSets"].as_array().unwrap().iter().map(|set| set.as_str().unwrap()).collect();
    found.sort_unstable();
    let mut wanted: Vec<&str> = place.sets.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);

    // A delegate can't even list: the policies give nothing but what they are about.
    let refused = place
        .as_caller("BYSET")
        .refusal(&["sso-admin", "list-permission-sets", "--instance-arn", INSTANCE])
        .await;
    assert!(
        refused.contains("AccessDeniedException") && refused.contains("sso:ListPermissionSets"),
        "{refused}"
    );
}

#[tokio::test]
async fn accounts_alone_allow_nothing() {
    holds("ASPRINTED").await;
}

#[tokio::test]
async fn accounts_are_delegated_with_any_permission_set_and_no_others() {
    holds("BYACCOUNT").await;
}

#[tokio::test]
async fn one_permission_set_is_delegated_for_all_accounts() {
    holds("BYSET").await;
}

#[tokio::test]
async fn permission_sets_with_both_tags_are_delegated_for_the_accounts_of_the_ou() {
    holds("BYTAGS").await;
}

#[tokio::test]
async fn a_tag_is_read_when_the_call_is_made() {
    let place = Place::new().await;
    let (delegate, admin) = (place.as_caller("BYTAGS"), place.as_caller("AKIAEXAMPLEADMIN"));
    let grant = ["sso-admin", "create-account-assignment", "--instance-arn", INSTANCE];
    let grant = [&grant[..], &place.about("create-account-assignment", &place.sets[1], OURS)].concat();
    assert!(delegate.refusal(&grant).await.contains("AccessDeniedException"));
    let about = ["--instance-arn", INSTANCE, "--resource-arn", &place.sets[1], "--tags", "Key=OU,Value=Test"];
    admin.answer(&[&["sso-admin", "tag-resource"][..], &about].concat()).await;
    delegate.answer(&grant).await;
}
