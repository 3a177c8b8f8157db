//! What goes by the role in the management account, and what by the function's own credentials.

use aws_sdk_ssoadmin::{
    Client,
    operation::{
        create_account_assignment::CreateAccountAssignmentOutput,
        delete_inline_policy_from_permission_set::DeleteInlinePolicyFromPermissionSetOutput,
        describe_account_assignment_creation_status::DescribeAccountAssignmentCreationStatusOutput,
        list_account_assignments_for_principal::ListAccountAssignmentsForPrincipalOutput,
        list_permission_sets_provisioned_to_account::ListPermissionSetsProvisionedToAccountOutput,
    },
    types::{AccountAssignmentOperationStatus, StatusValues},
};
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{INSTANCE, REQUEST, SET, SsoAdminApi, described, key};
use crate::{
    aws::{management::Clients, testing::client},
    domain::{AssignmentKey, Operation},
    permission_sets::Change,
    ports::{AccessReader as _, AccessWriter as _, PermissionSetWriter as _},
};

/// What goes by the function's own credentials is answered by `own`, the rest by `role`; the management account is 999999999999.
fn by_two_ways(own: Client, role: Client) -> SsoAdminApi {
    let clients = Clients::own_only(own).with_role("999999999999".parse().unwrap(), role);
    SsoAdminApi::new(clients, Some(INSTANCE.parse().unwrap()))
}

fn accepted() -> Rule {
    mock!(Client::create_account_assignment).then_output(|| {
        let status =
            AccountAssignmentOperationStatus::builder().status(StatusValues::InProgress).request_id(REQUEST);
        CreateAccountAssignmentOutput::builder().account_assignment_creation_status(status.build()).build()
    })
}

fn status_known() -> Rule {
    mock!(Client::describe_account_assignment_creation_status).then_output(|| {
        let status =
            AccountAssignmentOperationStatus::builder().status(StatusValues::Succeeded).request_id(REQUEST);
        let output = DescribeAccountAssignmentCreationStatusOutput::builder();
        output.account_assignment_creation_status(status.build()).build()
    })
}

#[tokio::test]
async fn an_assignment_of_the_management_account_goes_by_its_role_and_so_does_its_status() {
    let there = AssignmentKey { account: "999999999999".parse().unwrap(), ..key() };
    let (own, role) = (accepted(), accepted());
    let followed = status_known();
    let api = by_two_ways(
        client!(aws_sdk_ssoadmin, &described(), &own),
        client!(aws_sdk_ssoadmin, &role, &followed),
    );
    let request = api.grant(&there).await.unwrap();
    assert_eq!((own.num_calls(), role.num_calls()), (0, 1));
    assert!(api.request(Operation::Grant, &request.id).await.unwrap().is_some());
    assert_eq!(followed.num_calls(), 1);

    api.grant(&key()).await.unwrap();
    assert_eq!((own.num_calls(), role.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_request_that_nothing_is_told_of_may_be_one_of_the_roles() {
    let unknown = || {
        mock!(Client::describe_account_assignment_creation_status).then_http_response(|| {
            let body = r#"{"__type":"ResourceNotFoundException","message":"no"}"#;
            HttpResponse::new(400.try_into().unwrap(), body.into())
        })
    };
    let denied = mock!(Client::describe_account_assignment_creation_status).then_http_response(|| {
        let body = r#"{"__type":"AccessDeniedException","message":"no"}"#;
        HttpResponse::new(400.try_into().unwrap(), body.into())
    });
    let id = REQUEST.parse().unwrap();
    let own = || client!(aws_sdk_ssoadmin, &described(), &unknown());
    let api = by_two_ways(own(), client!(aws_sdk_ssoadmin, &status_known()));
    assert!(api.request(Operation::Grant, &id).await.unwrap().is_some());
    // A role that only reads is not asked in vain for long: it has made none.
    let api = by_two_ways(own(), client!(aws_sdk_ssoadmin, &denied));
    assert_eq!(api.request(Operation::Grant, &id).await, Ok(None));
}

#[tokio::test]
async fn what_a_principal_has_is_asked_by_the_role() {
    let listed = mock!(Client::list_account_assignments_for_principal)
        .then_output(|| ListAccountAssignmentsForPrincipalOutput::builder().build());
    let api = by_two_ways(client!(aws_sdk_ssoadmin, &described()), client!(aws_sdk_ssoadmin, &listed));
    assert_eq!(api.assignments_of(&key().principal).await, Ok(Vec::new()));
    assert_eq!(listed.num_calls(), 1);
}

#[tokio::test]
async fn a_permission_set_that_the_management_account_has_is_changed_and_provisioned_by_the_role() {
    let provisioned = |there: bool| {
        mock!(Client::list_permission_sets_provisioned_to_account)
            .match_requests(|request| request.account_id() == Some("999999999999"))
            .then_output(move || {
                let output = ListPermissionSetsProvisionedToAccountOutput::builder();
                output
                    .set_permission_sets(Some(if there { vec![SET.to_owned()] } else { Vec::new() }))
                    .build()
            })
    };
    let changed = || {
        mock!(Client::delete_inline_policy_from_permission_set)
            .then_output(|| DeleteInlinePolicyFromPermissionSetOutput::builder().build())
    };
    for there in [true, false] {
        let (own, role, asked) = (changed(), changed(), provisioned(there));
        let api = by_two_ways(
            client!(aws_sdk_ssoadmin, &described(), &asked, &own),
            client!(aws_sdk_ssoadmin, &role),
        );
        let set = SET.parse().unwrap();
        api.change(&set, &Change::DeleteInline).await.unwrap();
        api.change(&set, &Change::DeleteInline).await.unwrap();
        let expected = if there { (0, 2) } else { (2, 0) };
        assert_eq!((own.num_calls(), role.num_calls()), expected);
        assert_eq!(asked.num_calls(), 1, "it is remembered for a while");
    }
}
