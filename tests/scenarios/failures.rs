//! AWS says no, says nothing, or says it later.

use std::time::Duration;

use shared::domain::{AssignmentKey, Operation};
use simulator::{Assumptions, Fault, FaultRule, Latency, Service as Api, Settings, World};

use super::{
    model::{Rules, Where, Who, group, in_ou, rule, rules, tagged},
    service::{SMALL, Service, Start, USHER},
};

/// Every look-up that a decision can rest on takes part: names of groups and users, tags of accounts and sets, names of OUs.
fn everything() -> Rules {
    rules([
        group("names", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("tags", "Support")
            .gets_tagged("Environment", "Development")
            .in_accounts(tagged("Environment", "Development")),
        rule("users", Who::User("bruno@example.com".into()))
            .gets("DeployAccess")
            .in_accounts(in_ou("Workloads")),
    ])
    .never(group("", "Auditors").gets("DeployAccess").in_accounts(in_ou("Sandbox")))
}

async fn settled(rules: &Rules, start: Start<'_>) -> Service {
    let service = Service::start(start);
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

fn until_cleared(operation: &str, service: Option<Api>, fault: Fault) -> FaultRule {
    FaultRule { operation: operation.to_owned(), service, fault, calls: None, account: None }
}

const LOOK_UPS: [(&str, Option<Api>); 17] = [
    ("GetGroupId", None),
    ("GetUserId", None),
    ("DescribeGroup", None),
    ("DescribeUser", None),
    ("ListInstances", None),
    ("DescribeInstance", None),
    ("ListPermissionSets", None),
    ("DescribePermissionSet", None),
    ("ListTagsForResource", Some(Api::SsoAdmin)),
    ("ListTagsForResource", Some(Api::Organizations)),
    ("DescribeOrganization", None),
    ("DescribeAccount", None),
    ("ListAccounts", None),
    ("DescribeOrganizationalUnit", None),
    ("ListAccountAssignments", None),
    ("ListAccountAssignmentsForPrincipal", None),
    ("ListPermissionSetsProvisionedToAccount", None),
];

#[tokio::test(start_paused = true)]
async fn a_look_up_that_is_throttled_fails_or_is_denied_takes_nothing_away() {
    for (operation, api) in LOOK_UPS {
        for fault in [Fault::Throttle, Fault::InternalError, Fault::AccessDenied] {
            let service = settled(&everything(), Start::default()).await;
            let before = service.assignments();
            assert!(before.len() >= 5);
            // What is remembered grows too old.
            service.pass(Duration::from_mins(16)).await;
            service.checker().throttles_expected = fault == Fault::Throttle;
            service.world().faults.add(until_cleared(operation, api, fault.clone()));
            let requests = service.world().request_log().count();
            let _ = service.sweep().await;
            for account in ["one-dev", "two-dev", "one-prod", "play"] {
                service.hint(account).await;
            }
            service.settle_for(Duration::from_mins(12)).await;
            let _ = service.sweep().await;
            service.settle_for(Duration::from_mins(12)).await;
            assert_eq!(service.assignments(), before, "{operation}: {fault:?}");
            assert_eq!(service.world().request_log().count(), requests, "{operation}: {fault:?}");
            service.converged(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_fails_while_the_account_changes_holds_back_and_loses_nothing() {
    for (operation, api) in LOOK_UPS {
        let service = settled(&everything(), Start::default()).await;
        service.pass(Duration::from_mins(16)).await;
        service.world().faults.add(until_cleared(operation, api, Fault::InternalError));
        service.tag("one-dev", "Environment", "Production").await;
        service.move_to("two-dev", "Sandbox").await;
        service.settle_for(Duration::from_mins(4)).await;
        service.converged(&[]).await;
        assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Support")), "{operation}");
        assert!(!service.exists(&service.key("two-dev", "ReadOnlyAccess", "Developers")), "{operation}");
    }
}

fn one_grant() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Named("one-dev".into()))])
}

fn nothing_there() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Named("nobody".into()))])
}

const INTERNAL: &str = "An unexpected internal service exception was encountered.";
const LONGER: &str = "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account \
                      '222233334444' is taking longer than usual.";
const UNKNOWN_ASSIGNEE: &str =
    "Received a 404 status error: the GROUP assignee x was not found in directory d-9067642ac1.";
const NO_POLICY: &str = "Received a 404 status error: Not supported policy CustomPolicy.";
const NO_IAM: &str = "Received a 403 status error: Access denied by IAM for iam:CreateSAMLProvider.";

#[tokio::test(start_paused = true)]
async fn a_grant_that_fails_for_a_passing_reason_is_sent_again() {
    for reason in [INTERNAL, LONGER] {
        let service = Service::new();
        service.world().fail_next("CreateAccountAssignment", Fault::FailLater(reason.into()), 5);
        service.publish(&one_grant()).await;
        service.sweep_and_settle().await;
        assert!(service.exists(&service.key("one-dev", "ReadOnlyAccess", "Developers")), "{reason}");
        assert_eq!(service.world().request_log().count(), 6);
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_keeps_failing_is_blocked_and_tried_again_after_a_day() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::FailLater(INTERNAL.into()), 6);
    service.publish(&one_grant()).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    assert_eq!(service.state(&key).await, "blocked");
    assert_eq!(service.world().request_log().count(), 6);
    service.converged(&["blocked"]).await;
    service.pass(Duration::from_hours(24)).await;
    service.converged(&[]).await;
    assert_eq!(service.state(&key).await, "ours");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_refused_for_good_is_blocked_with_its_reason_and_delays_nothing_else() {
    for reason in [UNKNOWN_ASSIGNEE, NO_POLICY, NO_IAM, "something that nobody has seen"] {
        let service = Service::new();
        let document = rules([
            group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
            group("b", "Support").gets("PowerUserAccess").in_accounts(in_ou("Workloads")),
        ]);
        let account = Some(service.account("one-dev"));
        let fault = Fault::FailLater(reason.into());
        let rule =
            FaultRule { calls: Some(1), account, ..until_cleared("CreateAccountAssignment", None, fault) };
        service.world().faults.add(rule);
        service.publish(&document).await;
        service.sweep_and_settle().await;
        let rows = service.rows().await;
        let blocked: Vec<_> = rows.iter().filter(|row| row.state.label() == "blocked").collect();
        assert_eq!(blocked.len(), 1);
        assert_eq!(blocked[0].trouble.as_deref(), Some(reason));
        assert_eq!(service.assignments().len(), 5);
        service.converged(&["blocked"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_blocked_is_tried_again_when_its_account_changes() {
    let service = Service::new();
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let (account, set) = (key.account.clone(), key.permission_set.clone());
    service.world().faults.policy_is_missing(account.clone(), set.clone(), "CustomPolicy");
    service.publish(&one_grant()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "blocked");
    let requests = service.world().request_log().count();
    service.hint("one-dev").await;
    service.settle().await;
    assert_eq!(service.world().request_log().count(), requests, "nothing has changed");
    service.world().faults.policy_is_there(account, set);
    service.tag("one-dev", "Policies", "there").await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_whose_group_is_deleted_before_it_is_sent_is_closed_in_the_end() {
    let service = Service::new();
    service.publish(&one_grant()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let shared::domain::Principal::Group(group) = key.principal.clone() else { panic!("not a group") };
    service.person(|world, now, who| world.delete_group(now, who, &group)).await.unwrap();
    // The engine is there before the event.
    service.run_engine().await;
    assert_eq!(service.state(&key).await, "blocked");
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_is_not_there_any_more_is_done() {
    let service = settled(&one_grant(), Start::default()).await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.publish(&nothing_there()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_fails_is_sent_again_or_blocked_and_stays_ours() {
    for (reason, blocked) in [(INTERNAL, false), (LONGER, false), (NO_IAM, true)] {
        let service = settled(&one_grant(), Start::default()).await;
        let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
        service.world().fail_next("DeleteAccountAssignment", Fault::FailLater(reason.into()), 1);
        service.publish(&nothing_there()).await;
        service.sweep_and_settle().await;
        assert_eq!(service.exists(&key), blocked, "{reason}");
        if blocked {
            assert!(service.rows().await[0].is_ours());
            service.converged(&["blocked"]).await;
            service.pass(Duration::from_hours(24)).await;
        }
        service.converged(&[]).await;
        assert_eq!(service.state(&key).await, "closed");
    }
}

/// What went wrong with the calls themselves: nothing is lost, and in the end all is granted and revoked.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_throttled_refused_for_now_or_unanswered_is_made_again() {
    let faults =
        [Fault::Throttle, Fault::WindowFull, Fault::Conflict, Fault::InternalError, Fault::LostAnswer];
    for fault in faults {
        for operation in ["CreateAccountAssignment", "DeleteAccountAssignment"] {
            let first =
                rules([group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))]);
            let then = rules([group("a", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))]);
            let service = settled(&first, Start::default()).await;
            service.checker().throttles_expected = true;
            service.world().fail_next(operation, fault.clone(), 2);
            service.publish(&then).await;
            service.sweep_and_settle().await;
            let context = format!("{operation}: {fault:?}");
            let rows = service.rows().await;
            let labels: Vec<_> = rows.iter().map(|row| row.state.label()).collect();
            assert_eq!(labels.iter().filter(|label| **label == "ours").count(), 3, "{context}: {labels:?}");
            assert_eq!(service.assignments().len(), 3, "{context}");
            service.converged(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_costs_no_attempt() {
    let service = Service::new();
    service.checker().throttles_expected = true;
    service.world().fail_next("CreateAccountAssignment", Fault::Throttle, 10);
    // Five failures are borne; a sixth would block it.
    service.world().fail_next("CreateAccountAssignment", Fault::FailLater(INTERNAL.into()), 5);
    service.publish(&one_grant()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&service.key("one-dev", "ReadOnlyAccess", "Developers")).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_allowed_blocks_its_key() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::AccessDenied, 1);
    service.publish(&one_grant()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&service.key("one-dev", "ReadOnlyAccess", "Developers")).await, "blocked");
    service.converged(&["blocked"]).await;
}

#[tokio::test(start_paused = true)]
async fn one_request_that_hangs_for_hours_costs_one_place_in_the_window() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 1);
    service.publish(&everything()).await;
    service.sweep().await.unwrap();
    assert!(!service.settle_for(Duration::from_hours(3)).await);
    let rows = service.rows().await;
    let count = |label| rows.iter().filter(|row| row.state.label() == label).count();
    assert_eq!((count("sending"), count("ours")), (1, rows.len() - 1));
}

/// A person's request for the same key while the engine's answer is lost: it can't be said whose the assignment is.
#[tokio::test(start_paused = true)]
async fn a_lost_call_for_what_a_person_makes_meanwhile_is_uncertain_and_never_deleted() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::InternalError, 1);
    service.publish(&one_grant()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(20)).await;
        assert_eq!(service.state(&key).await, "sending");
        service.grant_by_hand(&key).await;
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "uncertain");
    service.publish(&nothing_there()).await;
    service.converged(&[]).await;
    assert!(service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn lists_of_requests_that_lag_are_in_no_order_or_forget_change_nothing_in_the_end() {
    let order = simulator::StatusOrder::Unordered;
    let lag = Duration::from_secs(30);
    let minute = Some(Duration::from_mins(1));
    let table = [
        Assumptions { status_order: order, ..Assumptions::default() },
        Assumptions { status_lag: lag, ..Assumptions::default() },
        Assumptions { status_retention: Some(Duration::ZERO), ..Assumptions::default() },
        Assumptions {
            status_order: order,
            status_lag: lag,
            status_retention: minute,
            ..Assumptions::default()
        },
    ];
    for assumptions in table {
        for fault in [None, Some(Fault::LostAnswer), Some(Fault::FailLater(INTERNAL.into()))] {
            let uniform =
                Latency::Uniform { shortest: Duration::from_secs(1), longest: Duration::from_secs(40) };
            let world = Settings {
                assumptions: assumptions.clone(),
                assignment_latency: uniform,
                ..Settings::default()
            };
            let service = Service::start(Start { world, ..Start::default() });
            // Others' requests fill the lists.
            let others = service.key("play", "DeployAccess", "Auditors");
            service.person(|world, now, who| by_request(world, now, who, &others)).await;
            if let Some(fault) = fault {
                service.world().fail_next("CreateAccountAssignment", fault, 1);
            }
            service.publish(&everything()).await;
            service.sweep_and_settle().await;
            service.tag("one-dev", "Environment", "Production").await;
            service.settle().await;
            let uncertain = service.rows().await.iter().any(|row| row.state.label() == "uncertain");
            // A record that is forgotten at once can leave a lost grant uncertain; nothing else may.
            assert!(!uncertain || assumptions.status_retention == Some(Duration::ZERO));
            service.converged(&[]).await;
        }
    }
}

pub(super) fn by_request(
    world: &mut World,
    now: jiff::Timestamp,
    who: &simulator::Caller,
    key: &AssignmentKey,
) {
    let input = simulator::wire::sso_admin::CreateAccountAssignment {
        instance_arn: world.instances_mut()[0].arn.to_string(),
        target_id: key.account.to_string(),
        target_type: "AWS_ACCOUNT".into(),
        permission_set_arn: key.permission_set.to_string(),
        principal_type: "GROUP".into(),
        principal_id: key.principal.id().into(),
    };
    world.call(now, who, input).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_create_of_what_exists_that_fails_instead_of_succeeding_is_no_harm() {
    let assumptions = Assumptions { duplicate_create_succeeds: false, ..Assumptions::default() };
    let world = Settings { assumptions, ..Settings::default() };
    let service = Service::start(Start { world, organization: SMALL, ..Start::default() });
    service.publish(&one_grant()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.grant_by_hand(&key).await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "blocked");
    service.converged(&[]).await;
    assert_eq!(service.state(&key).await, "closed", "it was there: it is somebody else's");
    let grants = service
        .world()
        .request_log()
        .filter(|r| *r.by.name == *USHER && r.operation == Operation::Grant)
        .count();
    assert_eq!(grants, 1);
}

/// Moves the only account that is given something in or out, and carries on until the intent of that is in the ledger.
async fn moved(service: &Service, ou: &str) {
    service.move_to("one-dev", ou).await;
    service.deliver_events().await;
    service.drain_inbox().await;
}

fn in_development() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

/// Out, in and out again within a minute: the delete of before must not be taken for the one that never arrived.
#[tokio::test(start_paused = true)]
async fn a_revoke_that_never_arrived_is_not_taken_for_the_one_of_a_moment_before() {
    let service = settled(&in_development(), Start::default()).await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    moved(&service, "Sandbox").await;
    service.settle().await;
    moved(&service, "Workloads/Development").await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.world().fail_next("DeleteAccountAssignment", Fault::InternalError, 1);
    moved(&service, "Sandbox").await;
    service.settle().await;
    assert!(!service.exists(&key));
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&[]).await;
}

/// In, out and in again: the same for grants.
#[tokio::test(start_paused = true)]
async fn a_grant_that_never_arrived_is_not_taken_for_the_one_of_a_moment_before() {
    let service = settled(&in_development(), Start::default()).await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    moved(&service, "Sandbox").await;
    service.settle().await;
    service.world().fail_next("CreateAccountAssignment", Fault::InternalError, 1);
    moved(&service, "Workloads/Development").await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    assert!(service.exists(&key), "a row that says ours is not enough");
    service.converged(&[]).await;
}

/// Two requests that failed, and a third that was done and whose answer is lost: it is the third.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_after_failures_is_found_among_them() {
    for fault in [Fault::LostAnswer, Fault::InternalError] {
        let service = Service::new();
        service.world().fail_next("CreateAccountAssignment", Fault::FailLater(INTERNAL.into()), 2);
        service.world().fail_next("CreateAccountAssignment", fault, 1);
        service.publish(&in_development()).await;
        service.checker().scope = Some(service.account("one-dev"));
        service.hint("one-dev").await;
        service.settle().await;
        let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
        assert_eq!(service.state(&key).await, "ours");
        assert!(service.exists(&key));
        service.checker().scope = None;
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_group_had_is_left_as_an_orphan() {
    let service = settled(&one_grant(), Start::default()).await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let shared::domain::Principal::Group(group) = key.principal.clone() else { panic!("not a group") };
    service.person(|world, now, who| world.delete_group(now, who, &group)).await.unwrap();
    service.converged(&["orphaned"]).await;
    assert_eq!(service.state(&key).await, "ours");
}
