//! AWS's article on delegating the management of identity: its three models as the policies of three callers, each of which tries with
//! the real AWS CLI what it may do and what it may not.
//!
//! The policies are our own, of the article's structure and with accounts of our own. Where the article slips, or is a fragment:
//!
//! - none of them is a whole document: a `Version`, and a `Statement` around it, are added.
//! - the second lacks the `]` after its resources, and a comma follows its end; the third is two statements with no list around them.
//! - the first names accounts and nothing else. As it is printed it allows no assignment at all, since that needs the instance and the
//!   permission set too: both is tried, as printed and with them.
//! - the third is described as allowing what bears `Development` in both tags; its condition asks for `Test` in the tag `OU`, and that is
//!   what holds.
//! - `sso:ProvisionApplicationInstanceForAWSAccount` and the three actions of access control attributes stay in, for whoever has them;
//!   none of them is needed here.

use simulator::{Settings, World};

use super::{aws::Aws, simulation::Simulation};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
/// Accounts that are delegated, and one that is not.
const OURS: [&str; 2] = ["222233334444", "333344445555"];
const OTHER: &str = "444455556666";

const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts: [{ name: shop-dev, id: "222233334444" }, { name: search-dev, id: "333344445555" }]
  - name: Production
    accounts: [{ name: shop-prod, id: "444455556666" }]
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1 }
permission_sets:
  - { name: DevelopersInTest, tags: { Environment: Development, OU: Test } }
  - { name: DevelopersEverywhere, tags: { Environment: Development, OU: All } }
  - { name: ReadOnly, tags: { Environment: All, OU: All } }
groups: [{ name: Developers }]
"#;

/// What the article lets its delegates do.
const ACTIONS: &str = r#"[
  "sso:ProvisionPermissionSet", "sso:CreateAccountAssignment", "sso:DeleteAccountAssignment",
  "sso:CreatePermissionSet", "sso:UpdatePermissionSet", "sso:DeletePermissionSet",
  "sso:PutInlinePolicyToPermissionSet", "sso:DeleteInlinePolicyFromPermissionSet",
  "sso:AttachManagedPolicyToPermissionSet", "sso:DetachManagedPolicyFromPermissionSet",
  "sso:CreateInstanceAccessControlAttributeConfiguration", "sso:UpdateInstanceAccessControlAttributeConfiguration",
  "sso:DeleteInstanceAccessControlAttributeConfiguration", "sso:ProvisionApplicationInstanceForAWSAccount" ]"#;

fn statement(sid: &str, resources: &[&str], condition: &str) -> String {
    let resources = resources.iter().map(|arn| format!("\"{arn}\"")).collect::<Vec<_>>().join(", ");
    format!(
        r#"{{ "Sid": "{sid}", "Effect": "Allow", "Action": {ACTIONS}, "Resource": [{resources}]{condition} }}"#
    )
}

/// A caller with a policy of these statements, in the organization's file.
fn caller(access_key: &str, statements: &[String]) -> String {
    format!(
        "  - access_key: {access_key}\n    role: delegate-{}\n    policies:\n      - {{ \"Version\": \"2012-10-17\", \"Statement\": [{}] }}\n",
        access_key.to_lowercase(),
        statements.join(", ").replace('\n', " ")
    )
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

        let accounts = OURS.map(|account| format!("arn:aws:sso:::account/{account}"));
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let tagged = r#", "Condition": { "StringEquals": { "aws:ResourceTag/Environment": "Development", "aws:ResourceTag/OU": "Test" } }"#;
        let whole =
            [&accounts[..], &["arn:aws:sso:::instance/*", "arn:aws:sso:::permissionSet/*/*"]].concat();
        let callers = [
            caller("ASPRINTED", &[statement("Accounts", &accounts, "")]),
            caller("BYACCOUNT", &[statement("Accounts", &whole, "")]),
            caller("BYSET", &[statement("Set", &[INSTANCE, "arn:aws:sso:::account/*", &sets[2]], "")]),
            caller(
                "BYTAGS",
                &[
                    statement("Sets", &["arn:aws:sso:::permissionSet/*/*"], tagged),
                    statement("Instance", &[&[INSTANCE], &accounts[..]].concat(), ""),
                ],
            ),
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
}

/// Tries to grant each of these sets in each of these accounts; whether it was let.
async fn tries(place: &Place, caller: &Aws, asked: &[(usize, &str)]) -> Vec<bool> {
    let mut answers = Vec::new();
    for (set, account) in asked {
        let words = [
            ["sso-admin", "create-account-assignment"],
            ["--instance-arn", INSTANCE],
            ["--permission-set-arn", &place.sets[*set]],
            ["--principal-type", "GROUP"],
            ["--principal-id", &place.developers],
            ["--target-type", "AWS_ACCOUNT"],
            ["--target-id", account],
        ]
        .concat();
        let (allowed, told) = caller.attempt(&words).await;
        if !allowed {
            let why = "is not authorized to perform: sso:CreateAccountAssignment on resource: arn:aws:sso:::";
            assert!(told.contains("AccessDeniedException") && told.contains(why), "{told}");
        }
        answers.push(allowed);
    }
    answers
}

#[tokio::test]
async fn the_reader_finds_the_ids_that_the_policies_need() {
    let place = Place::new().await;
    let aws = place.as_caller("AKIAEXAMPLEADMIN");
    let instances = aws.answer(&["sso-admin", "list-instances"]).await;
    assert_eq!(instances["Instances"][0]["InstanceArn"], INSTANCE);
    let sets = aws.answer(&["sso-admin", "list-permission-sets", "--instance-arn", INSTANCE]).await;
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
async fn accounts_are_delegated_with_any_permission_set_and_no_others() {
    let place = Place::new().await;
    let as_printed = place.as_caller("ASPRINTED");
    assert_eq!(tries(&place, &as_printed, &[(0, OURS[0]), (2, OTHER)]).await, [false, false]);
    let completed = place.as_caller("BYACCOUNT");
    let asked = [(0, OURS[0]), (2, OURS[1]), (0, OTHER), (2, OTHER)];
    assert_eq!(tries(&place, &completed, &asked).await, [true, true, false, false]);
}

#[tokio::test]
async fn one_permission_set_is_delegated_for_all_accounts() {
    let place = Place::new().await;
    let delegate = place.as_caller("BYSET");
    let asked = [(2, OURS[0]), (2, OTHER), (0, OURS[0]), (1, OTHER)];
    assert_eq!(tries(&place, &delegate, &asked).await, [true, true, false, false]);
    // Its policies too are the delegate's.
    let attach = ["sso-admin", "attach-managed-policy-to-permission-set", "--instance-arn", INSTANCE];
    let policy = ["--managed-policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--permission-set-arn"];
    delegate.answer(&[&attach[..], &policy, &[&place.sets[2]]].concat()).await;
    let refused = delegate.refusal(&[&attach[..], &policy, &[&place.sets[0]]].concat()).await;
    assert!(refused.contains("AccessDeniedException"), "{refused}");
}

#[tokio::test]
async fn permission_sets_with_both_tags_are_delegated_for_the_accounts_of_the_ou() {
    let place = Place::new().await;
    let delegate = place.as_caller("BYTAGS");
    let asked = [(0, OURS[0]), (0, OURS[1]), (0, OTHER), (1, OURS[0]), (2, OURS[0])];
    assert_eq!(tries(&place, &delegate, &asked).await, [true, true, false, false, false]);

    // The tag is read when the call is made.
    let admin = place.as_caller("AKIAEXAMPLEADMIN");
    let about = ["--instance-arn", INSTANCE, "--resource-arn", &place.sets[1], "--tags", "Key=OU,Value=Test"];
    admin.answer(&[&["sso-admin", "tag-resource"][..], &about].concat()).await;
    assert_eq!(tries(&place, &delegate, &[(1, OURS[0]), (1, OTHER)]).await, [true, false]);
}
