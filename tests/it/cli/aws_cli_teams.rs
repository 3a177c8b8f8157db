//! The three use cases of AWS's article on delegation, each as a team's scope: the policy that Usher writes for it is a caller's, who tries
//! with the real AWS CLI what it allows, and what it doesn't.

use serde_json::Value;

use super::{Place, aws::Aws, run, simulation::Simulation};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-82593a6ed92c8920";
const OURS: &str = "112233445566";
const OTHER: &str = "444455556666";

/// The article's organization, tags and values. `AdministratorAccess` is there as it is in most.
const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Test
    accounts:
      - { name: shop-test, id: "112233445566" }
      - { name: search-test, id: "223344556677" }
  - name: Production
    accounts: [{ name: shop-prod, id: "444455556666" }]
instance: { arn: "arn:aws:sso:::instance/ssoins-82593a6ed92c8920", identity_store: d-9067642ac1 }
permission_sets:
  - { name: DevelopersInTest, tags: { Environment: Development, OU: Test } }
  - { name: DevelopersEverywhere, tags: { Environment: Development, OU: All } }
  - { name: Deploy, tags: { Environment: Production, OU: Shop } }
  - { name: ReadOnly, tags: { Environment: All, OU: All } }
  - { name: AdministratorAccess, tags: { Environment: All, OU: All } }
groups: [{ name: Developers }]
"#;

const RULES: &str = "
version: 1
settings: { mode: sync, trusted_permission_set_tags: [Environment, OU], protected_permission_sets: [AdministratorAccess] }
teams:
  - id: byaccount
    files: teams/a.yaml
    scope: { permission_sets: any, accounts: { id: ['112233445566', '223344556677'] } }
  - id: byset
    files: teams/b.yaml
    scope: { permission_sets: [ReadOnly], accounts: everywhere }
  - id: bytags
    files: teams/c.yaml
    scope:
      permission_sets: { tagged: { Environment: [Development, All], OU: [Test, All] } }
      accounts: { in_ou: Test }
  - id: byattribute
    files: teams/d.yaml
    scope:
      permission_sets: { tagged: { Environment: [Development, Production, All] } }
      accounts: everywhere
      match: [{ permission_set_tag: OU, principal_tag: Unit, wildcard: All }]
rules: [{ id: r, principals: [{ group: Developers }], permission_sets: [ReadOnly], accounts: everywhere }]
";

/// The simulated AWS with a delegate of each team, whose only policy is what Usher has written.
struct Delegates {
    simulation: Simulation,
    sets: Vec<(String, String)>,
    developers: String,
    _folder: tempfile::TempDir,
}

impl Delegates {
    async fn new() -> Self {
        let place = Place::new(ORGANIZATION).await;
        let rules = place.file("usher.yaml", RULES);
        let ledger = place.path("ledger.db");
        let mut callers = String::new();
        // One of them has the attribute, and another one hasn't.
        for (team, key, tags) in [
            ("byaccount", "BYACCOUNT", "{}"),
            ("byset", "BYSET", "{}"),
            ("bytags", "BYTAGS", "{}"),
            ("byattribute", "OFSHOP", "{ Unit: Shop }"),
            ("byattribute", "OFNOTHING", "{}"),
        ] {
            let line = [
                "usher",
                "delegation",
                "policy",
                team,
                "--rules",
                rules.to_str().unwrap(),
                "--ledger",
                ledger.to_str().unwrap(),
            ];
            let written = run(&line, place.machine()).await;
            let policy: Value = written.json();
            let role = key.to_lowercase();
            let caller = format!(
                "  - access_key: {key}\n    role: delegate-{role}\n    tags: {tags}\n    policies:\n      - {policy}\n"
            );
            callers.push_str(&caller);
        }
        let (sets, developers) = {
            let world = place.world();
            let sets =
                ["DevelopersInTest", "DevelopersEverywhere", "Deploy", "ReadOnly", "AdministratorAccess"];
            let sets =
                sets.map(|name| (name.to_owned(), world.permission_set_named(name).unwrap().to_string()));
            (sets.to_vec(), world.groups_now()["Developers"].to_string())
        };
        let folder = tempfile::tempdir().unwrap();
        let organization = folder.path().join("organization.yaml");
        std::fs::write(&organization, format!("{ORGANIZATION}callers:\n{callers}")).unwrap();
        let options =
            ["--without-functions", "--speed", "20", "--organization", organization.to_str().unwrap()];
        Self { simulation: Simulation::start(&options).await, sets, developers, _folder: folder }
    }

    fn as_caller(&self, access_key: &str) -> Aws {
        Aws::caller(self.simulation.endpoint(), access_key)
    }

    fn set(&self, name: &str) -> &str {
        self.sets.iter().find(|(known, _)| known == name).map(|(_, arn)| arn.as_str()).unwrap()
    }

    /// `aws sso-admin <command>` about a permission set, and an account where the command has one.
    fn about<'a>(&'a self, command: &'a str, set: &str, account: &'a str) -> Vec<&'a str> {
        let begin = ["sso-admin", command, "--instance-arn", INSTANCE, "--permission-set-arn", self.set(set)];
        let in_account = ["--target-type", "AWS_ACCOUNT", "--target-id", account];
        let to_developers = ["--principal-type", "GROUP", "--principal-id", &self.developers];
        let more: Vec<&str> = match command {
            "provision-permission-set" => in_account.to_vec(),
            "create-account-assignment" | "delete-account-assignment" => {
                [&in_account[..], &to_developers].concat()
            }
            "put-inline-policy-to-permission-set" => vec![
                "--inline-policy",
                r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }"#,
            ],
            "attach-managed-policy-to-permission-set" => {
                vec!["--managed-policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess"]
            }
            "update-permission-set" => vec!["--description", "Mine"],
            "delete-permission-set" => Vec::new(),
            other => panic!("{other}"),
        };
        [&begin[..], &more].concat()
    }

    async fn is_refused(&self, delegate: &Aws, command: &str, set: &str, account: &str, on: &str) {
        let words = self.about(command, set, account);
        let told = delegate.refusal(&words).await;
        let is_denied =
            told.contains("AccessDeniedException") && told.contains(&format!("arn:aws:sso:::{on}/"));
        assert!(is_denied, "{words:?}: {told}");
    }

    /// Gives, provisions and takes away, once an earlier write has ended.
    async fn may_work(&self, delegate: &Aws, set: &str, account: &str) {
        for command in ["create-account-assignment", "provision-permission-set", "delete-account-assignment"]
        {
            let words = self.about(command, set, account);
            let mut answered = (false, String::new());
            for _ in 0..20 {
                answered = delegate.attempt(&words).await;
                if answered.0 || !answered.1.contains("ConflictException") {
                    break;
                }
            }
            assert!(answered.0, "{words:?}: {}", answered.1);
        }
    }

    /// What no delegate may do, whatever the scope: edit what others have, make new permission sets, or tag one into the scope.
    async fn edits_nothing(&self, delegate: &Aws, set: &str) {
        for command in [
            "put-inline-policy-to-permission-set",
            "attach-managed-policy-to-permission-set",
            "update-permission-set",
            "delete-permission-set",
        ] {
            self.is_refused(delegate, command, set, OURS, "instance").await;
        }
        let make = ["sso-admin", "create-permission-set", "--instance-arn", INSTANCE, "--name", "Mine"];
        let tag = ["sso-admin", "tag-resource", "--instance-arn", INSTANCE, "--resource-arn", self.set(set)];
        let tag = [&tag[..], &["--tags", "Key=OU,Value=All"]].concat();
        for words in [&make[..], &tag] {
            assert!(delegate.refusal(words).await.contains("AccessDeniedException"), "{words:?}");
        }
    }
}

#[tokio::test]
async fn any_permission_set_is_given_in_the_team_s_accounts_and_nowhere_else() {
    let place = Delegates::new().await;
    let delegate = place.as_caller("BYACCOUNT");
    place.is_refused(&delegate, "create-account-assignment", "DevelopersInTest", OTHER, "account").await;
    place.is_refused(&delegate, "provision-permission-set", "DevelopersInTest", OTHER, "account").await;
    place
        .is_refused(&delegate, "create-account-assignment", "AdministratorAccess", OURS, "permissionSet")
        .await;
    place.edits_nothing(&delegate, "ReadOnly").await;
    place.may_work(&delegate, "DevelopersInTest", OURS).await;
    place.may_work(&delegate, "Deploy", OURS).await;
}

#[tokio::test]
async fn one_permission_set_is_given_in_any_account_but_the_management_account() {
    let place = Delegates::new().await;
    let delegate = place.as_caller("BYSET");
    place.is_refused(&delegate, "create-account-assignment", "Deploy", OTHER, "permissionSet").await;
    place.is_refused(&delegate, "create-account-assignment", "ReadOnly", "111122223333", "account").await;
    place.edits_nothing(&delegate, "ReadOnly").await;
    place.may_work(&delegate, "ReadOnly", OTHER).await;
    place.may_work(&delegate, "ReadOnly", OURS).await;
}

#[tokio::test]
async fn permission_sets_with_these_tags_are_given_in_the_accounts_of_the_ou() {
    let place = Delegates::new().await;
    let delegate = place.as_caller("BYTAGS");
    place.is_refused(&delegate, "create-account-assignment", "DevelopersInTest", OTHER, "account").await;
    place.is_refused(&delegate, "create-account-assignment", "Deploy", OURS, "permissionSet").await;
    place
        .is_refused(&delegate, "create-account-assignment", "AdministratorAccess", OURS, "permissionSet")
        .await;
    place.edits_nothing(&delegate, "DevelopersInTest").await;
    for set in ["DevelopersInTest", "DevelopersEverywhere", "ReadOnly"] {
        place.may_work(&delegate, set, OURS).await;
    }
}

#[tokio::test]
async fn whoever_has_the_attribute_gives_what_is_tagged_with_its_value() {
    let place = Delegates::new().await;
    let (of_shop, of_nothing) = (place.as_caller("OFSHOP"), place.as_caller("OFNOTHING"));
    place.is_refused(&of_shop, "create-account-assignment", "DevelopersInTest", OURS, "permissionSet").await;
    place.is_refused(&of_nothing, "create-account-assignment", "ReadOnly", OURS, "permissionSet").await;
    place.may_work(&of_shop, "Deploy", OTHER).await;
    place.may_work(&of_shop, "ReadOnly", OURS).await;
}

#[tokio::test]
async fn a_delegate_finds_what_they_need_to_choose() {
    let place = Delegates::new().await;
    let delegate = place.as_caller("BYTAGS");
    let instances = delegate.answer(&["sso-admin", "list-instances"]).await;
    assert_eq!(instances["Instances"][0]["InstanceArn"], INSTANCE);
    delegate.answer(&["organizations", "list-accounts"]).await;
    delegate.answer(&["identitystore", "list-groups", "--identity-store-id", "d-9067642ac1"]).await;
    let about = ["--instance-arn", INSTANCE, "--permission-set-arn", place.set("Deploy")];
    delegate.answer(&[&["sso-admin", "describe-permission-set"][..], &about].concat()).await;
    let assigned = [&["sso-admin", "list-account-assignments", "--account-id", OTHER][..], &about].concat();
    delegate.answer(&assigned).await;
}
