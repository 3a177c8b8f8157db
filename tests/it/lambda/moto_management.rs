//! The built functions in a delegated administrator's account, with roles in the management account and without.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::EXAMPLE;

use super::service::{Functions, Lambda, RULES, Service};

const MANAGEMENT: &str = "111122223333";
const READS: &str = "arn:aws:iam::111122223333:role/usher-management-reads";
const WRITES: &str = "arn:aws:iam::111122223333:role/usher-management-writes";

/// The functions' roles in the account that Identity Center is delegated to, and the two in the management account that trust them.
const CALLERS: &str = r#"
delegated_administrators: [shared-services]
unknown_access_keys: refused
callers:
  - { access_key: AKIASWEEP, role: usher-sweep, account: shared-services }
  - { access_key: AKIARECONCILE, role: usher-reconcile, account: shared-services }
  - { access_key: AKIAPROVISION, role: usher-provision, account: shared-services }
  - access_key: AKIAREADS
    role: usher-management-reads
    policies:
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: ["sso:ListAccountAssignmentsForPrincipal", "tag:GetResources"], Resource: "*" }
    trust:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { AWS: "arn:aws:iam::200005050505:root" }
          Action: sts:AssumeRole
          Condition: { ArnEquals: { "aws:PrincipalArn": "arn:aws:iam::200005050505:role/usher-sweep" } }
  - access_key: AKIAWRITES
    role: usher-management-writes
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action:
              - sso:CreateAccountAssignment
              - sso:DeleteAccountAssignment
              - sso:DescribeAccountAssignmentCreationStatus
              - sso:DescribeAccountAssignmentDeletionStatus
            Resource:
              - arn:aws:sso:::instance/*
              - arn:aws:sso:::permissionSet/*/*
              - arn:aws:sso:::account/111122223333
          - { Effect: Allow, Action: "iam:*", Resource: "*" }
    trust:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { AWS: "arn:aws:iam::200005050505:root" }
          Action: sts:AssumeRole
          Condition: { ArnEquals: { "aws:PrincipalArn": "arn:aws:iam::200005050505:role/usher-provision" } }
"#;

/// What the management account has is a permission set of its own: a delegated administrator can't assign one that is provisioned there.
fn rules() -> String {
    format!(
        "{RULES}  - id: auditors-of-the-management-account
    principals: [{{ group: SecurityAuditors }}]
    permission_sets: [Billing]
    accounts: {{ id: [\"{MANAGEMENT}\"] }}
"
    )
}

async fn service() -> Service {
    let mut service = Service::start_in(&format!("{EXAMPLE}{CALLERS}"), Service::quick()).await;
    "200005050505".clone_into(&mut service.account);
    service.publish(&rules()).await;
    service
}

/// A function that signs with this key, with this role in the management account.
async fn function(service: &Service, name: &str, key: &str, role: &str) -> Lambda {
    let mut envs = service.envs();
    envs.insert("AWS_ACCESS_KEY_ID", key.to_owned());
    envs.insert("USHER_MANAGEMENT_ACCOUNT", "direct".to_owned());
    envs.insert("USHER_MANAGEMENT_ROLE_ARN", role.to_owned());
    service.function_with(name, envs).await
}

/// The functions, each with its own key; the first role is the one that reads.
async fn functions(service: &Service, reads: &str, writes: &str) -> Functions {
    Functions {
        on_account_event: function(service, "on-account-event", "AKIARECONCILE", "").await,
        reconcile: function(service, "reconcile", "AKIARECONCILE", "").await,
        provision: function(service, "provision", "AKIAPROVISION", writes).await,
        sweep: function(service, "sweep", "AKIASWEEP", reads).await,
    }
}

/// Who has made calls of this operation that were answered, by the names of their roles.
fn callers(service: &Service, operation: &str) -> BTreeSet<String> {
    let world = service.world();
    let calls = world.log().iter().filter(|entry| entry.operation == operation && entry.error.is_none());
    calls.map(|entry| entry.caller.name.to_string()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Who has made the assignment in the management account.
fn made_there(service: &Service) -> Vec<String> {
    let world = service.world();
    let there = world
        .assignments()
        .into_iter()
        .filter(|(key, made)| key.account.as_str() == MANAGEMENT && made.by.name.starts_with("usher-"));
    there.map(|(_, made)| made.by.name.to_string()).collect()
}

#[tokio::test]
async fn a_delegated_administrator_sweeps_by_principal_and_assigns_in_the_management_account_by_roles() {
    let service = service().await;
    let functions = functions(&service, READS, WRITES).await;
    let swept = service.sweep(&functions).await;
    assert_eq!(swept["run"], "round_ended", "{swept}");
    assert_eq!(callers(&service, "ListAccountAssignmentsForPrincipal"), set(&["usher-management-reads"]));
    assert_eq!(callers(&service, "GetResources"), set(&["usher-management-reads"]));
    assert_eq!(callers(&service, "ListAccountAssignments"), set(&[]), "nothing was read account by account");
    assert_eq!(callers(&service, "ListAccounts"), set(&["usher-sweep"]));

    service.settle(&functions).await;
    assert_eq!(made_there(&service), ["usher-management-writes"]);
    let by = callers(&service, "CreateAccountAssignment");
    assert_eq!(by, set(&["usher-management-writes", "usher-provision"]));
    assert_eq!(service.sweep(&functions).await["run"], "round_ended");
    let troubled: Vec<_> = service.rows().await.into_iter().filter(|row| row.trouble.is_some()).collect();
    assert!(troubled.is_empty(), "{troubled:?}");
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn roles_that_cannot_be_assumed_leave_the_slow_way_and_an_assignment_that_waits() {
    let service = service().await;
    // Each is given the other's, which does not trust it.
    let functions = functions(&service, WRITES, READS).await;
    let swept = service.sweep(&functions).await;
    assert_eq!(swept["run"], "round_ended", "{swept}");
    assert_eq!(callers(&service, "ListAccountAssignmentsForPrincipal"), set(&[]));
    assert_eq!(callers(&service, "ListAccountAssignments"), set(&["usher-sweep"]));
    let lines = service.lines();
    let warnings = lines.iter().filter(|(name, line)| name == "sweep" && is_warning(line)).count();
    assert_eq!(warnings, 1, "{}", functions.sweep.function.log().tail());

    service.settle(&functions).await;
    assert_eq!(made_there(&service), Vec::<String>::new());
    assert_eq!(
        callers(&service, "CreateAccountAssignment"),
        set(&["usher-provision"]),
        "the others wait for none of it"
    );
    let rows = service.rows().await;
    let there = rows.iter().find(|row| row.key.account.as_str() == MANAGEMENT).unwrap();
    let trouble = there.trouble.as_deref().unwrap_or_default();
    assert!(trouble.contains("AssumeRole") && trouble.contains(READS), "{trouble}");
    assert!(
        there.work().is_some_and(|(_, intent)| intent.not_before.is_some() && intent.claim.is_none()),
        "{there:?}"
    );
}

fn is_warning(line: &str) -> bool {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    line["level"] == json!("WARN")
}
