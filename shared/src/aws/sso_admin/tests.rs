//! Paging, finding the instance, what is retried and what is not, and how errors are read.

mod by_role;

use aws_sdk_ssoadmin::{
    Client,
    operation::{
        describe_instance::DescribeInstanceOutput,
        describe_permission_set_provisioning_status::DescribePermissionSetProvisioningStatusOutput,
        list_account_assignment_creation_status::ListAccountAssignmentCreationStatusOutput,
        list_account_assignments::ListAccountAssignmentsOutput,
        list_account_assignments_for_principal::ListAccountAssignmentsForPrincipalOutput,
        list_accounts_for_provisioned_permission_set::ListAccountsForProvisionedPermissionSetOutput,
        list_instances::ListInstancesOutput,
        list_permission_set_provisioning_status::ListPermissionSetProvisioningStatusOutput,
        provision_permission_set::ProvisionPermissionSetOutput,
    },
    types::{
        AccountAssignment, AccountAssignmentForPrincipal, AccountAssignmentOperationStatusMetadata,
        InstanceMetadata, PermissionSetProvisioningStatus, PermissionSetProvisioningStatusMetadata,
        PrincipalType, StatusValues,
    },
};
use aws_smithy_mocks::{Rule, mock};

use super::SsoAdminApi;
use crate::{
    aws::{management::Clients, testing::client},
    domain::{AssignmentKey, Operation, Principal, ProvisioningTarget},
    ports::{AccessReader as _, AccessWriter as _, OfVersion, PortError, RequestListing, RequestStatus},
};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-1234567890abcdef";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
const GROUP: &str = "f10fac16-ab5b-45c3-86c1-0123456789ab";
const USER: &str = "a10fac16-ab5b-45c3-86c1-0123456789ab";
const REQUEST: &str = "b10fac16-ab5b-45c3-86c1-0123456789ab";

fn described() -> Rule {
    described_as(DescribeInstanceOutput::builder().permission_sets_enabled(true))
}

fn described_as(
    output: aws_sdk_ssoadmin::operation::describe_instance::builders::DescribeInstanceOutputBuilder,
) -> Rule {
    mock!(Client::describe_instance).then_output(move || {
        let output = output.clone().instance_arn(INSTANCE).identity_store_id("d-9067642ac1");
        output.owner_account_id("999999999999").build()
    })
}

fn api(client: Client) -> SsoAdminApi {
    SsoAdminApi::new(Clients::own_only(client), Some(INSTANCE.parse().unwrap()))
}

fn key() -> AssignmentKey {
    AssignmentKey {
        account: "111111111111".parse().unwrap(),
        permission_set: SET.parse().unwrap(),
        principal: Principal::Group(GROUP.parse().unwrap()),
    }
}

#[tokio::test]
async fn the_only_instance_is_found_by_itself() {
    let listed = mock!(Client::list_instances)
        .sequence()
        .output(|| ListInstancesOutput::builder().next_token("1").build())
        .output(|| {
            let instance = InstanceMetadata::builder().instance_arn(INSTANCE).build();
            ListInstancesOutput::builder().instances(instance).build()
        })
        .build();
    let api = SsoAdminApi::new(Clients::own_only(client!(aws_sdk_ssoadmin, &listed, &described())), None);

    let instance = api.instance().await.unwrap();
    assert_eq!(instance.arn.as_str(), INSTANCE);
    assert_eq!(instance.owner.as_str(), "999999999999");
    assert_eq!(api.instance().await, Ok(instance));
    assert_eq!(listed.num_calls(), 2, "it is found once");
}

#[tokio::test]
async fn none_several_or_a_switched_off_instance_are_refused_with_what_to_do() {
    let none = mock!(Client::list_instances).then_output(|| ListInstancesOutput::builder().build());
    let several = mock!(Client::list_instances).then_output(|| {
        let other = "arn:aws:sso:::instance/ssoins-fedcba0987654321";
        let [first, second] =
            [INSTANCE, other].map(|arn| InstanceMetadata::builder().instance_arn(arn).build());
        ListInstancesOutput::builder().instances(first).instances(second).build()
    });
    let off = described_as(DescribeInstanceOutput::builder().permission_sets_enabled(false));
    for (api, advice) in [
        (SsoAdminApi::new(Clients::own_only(client!(aws_sdk_ssoadmin, &none)), None), "set AWS_REGION"),
        (SsoAdminApi::new(Clients::own_only(client!(aws_sdk_ssoadmin, &several)), None), "name the one"),
        (api(client!(aws_sdk_ssoadmin, &off)), "enable multi-account permissions"),
    ] {
        match api.instance().await {
            Err(PortError::Refused(text)) => assert!(text.contains(advice), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn principals_are_read_from_all_pages() {
    let item = |kind: PrincipalType, id: &str| {
        AccountAssignment::builder()
            .account_id("111111111111")
            .permission_set_arn(SET)
            .principal_type(kind)
            .principal_id(id)
            .build()
    };
    let listed = mock!(Client::list_account_assignments)
        .sequence()
        .output(move || {
            let group = item(PrincipalType::Group, GROUP);
            ListAccountAssignmentsOutput::builder().account_assignments(group).next_token("1").build()
        })
        .output(move || {
            let user = item(PrincipalType::User, USER);
            ListAccountAssignmentsOutput::builder().account_assignments(user).build()
        })
        .output(move || {
            let odd = item("ROBOT".into(), USER);
            ListAccountAssignmentsOutput::builder().account_assignments(odd).build()
        })
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &listed));
    let AssignmentKey { account, permission_set, principal } = key();

    let principals = api.principals(&account, &permission_set).await.unwrap();

    assert_eq!(principals, [principal, Principal::User(USER.parse().unwrap())]);
    assert!(matches!(api.principals(&account, &permission_set).await, Err(PortError::Failed(_))));
}

#[tokio::test]
async fn what_a_user_has_through_a_group_is_not_the_users() {
    let listed = mock!(Client::list_account_assignments_for_principal).then_output(|| {
        let item = |kind: PrincipalType, id: &str| {
            AccountAssignmentForPrincipal::builder()
                .account_id("111111111111")
                .permission_set_arn(SET)
                .principal_type(kind)
                .principal_id(id)
                .build()
        };
        ListAccountAssignmentsForPrincipalOutput::builder()
            .account_assignments(item(PrincipalType::Group, GROUP))
            .account_assignments(item(PrincipalType::User, USER))
            .build()
    });
    let api = api(client!(aws_sdk_ssoadmin, &described(), &listed));
    let user = Principal::User(USER.parse().unwrap());

    assert_eq!(api.assignments_of(&user).await, Ok(vec![AssignmentKey { principal: user, ..key() }]));
}

#[tokio::test]
async fn requests_are_read_up_to_the_limit() {
    let page = |from: u32, count: u32, next: Option<&str>| {
        let items = (from..from + count).map(|number| {
            AccountAssignmentOperationStatusMetadata::builder()
                .status(StatusValues::Succeeded)
                .request_id(format!("b10fac16-ab5b-45c3-86c1-{number:012}"))
                .build()
        });
        ListAccountAssignmentCreationStatusOutput::builder()
            .set_account_assignments_creation_status(Some(items.collect()))
            .set_next_token(next.map(str::to_owned))
            .build()
    };
    let first = mock!(Client::list_account_assignment_creation_status)
        .match_requests(|request| request.max_results() == Some(100) && request.next_token().is_none())
        .then_output(move || page(0, 100, Some("1")));
    let second = mock!(Client::list_account_assignment_creation_status)
        .match_requests(|request| request.max_results() == Some(20) && request.next_token() == Some("1"))
        .then_output(move || page(100, 20, Some("2")));
    let api = api(client!(aws_sdk_ssoadmin, &described(), &first, &second));

    let requests = api.requests(Operation::Grant, RequestListing::Succeeded, 120).await.unwrap();

    assert_eq!(requests.len(), 120);
    assert_eq!(requests[119].id.as_str(), "b10fac16-ab5b-45c3-86c1-000000000119");
    assert!(requests.iter().all(|request| request.listing == RequestListing::Succeeded));
}

#[tokio::test]
async fn a_failed_request_tells_why_and_a_forgotten_one_is_none() {
    let failed = format!(
        r#"{{"AccountAssignmentDeletionStatus":{{"Status":"FAILED","RequestId":"{REQUEST}","CreatedDate":1700000000.5,
            "FailureReason":"Received a 404 status error: EntitlementItem doesn't exist","TargetId":"111111111111",
            "TargetType":"AWS_ACCOUNT","PermissionSetArn":"{SET}","PrincipalType":"GROUP","PrincipalId":"{GROUP}"}}}}"#
    );
    let rule = mock!(Client::describe_account_assignment_deletion_status)
        .sequence()
        .http_status(200, Some(failed))
        .http_status(400, Some(r#"{"__type":"ResourceNotFoundException","message":"no"}"#.to_owned()))
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &rule));
    let id = REQUEST.parse().unwrap();

    let request = api.request(Operation::Revoke, &id).await.unwrap().unwrap();

    assert_eq!(
        request.status,
        RequestStatus::Failed("Received a 404 status error: EntitlementItem doesn't exist".into())
    );
    assert_eq!(request.key, Some(key()));
    assert_eq!(request.created_at.unwrap().as_millisecond(), 1_700_000_000_500);
    assert_eq!(api.request(Operation::Revoke, &id).await, Ok(None));
}

#[tokio::test]
async fn a_permission_set_is_absent_only_while_the_instance_is_there() {
    let gone = r#"{"__type":"ResourceNotFoundException","message":"no"}"#;
    let encrypted =
        r#"{"__type":"ResourceNotFoundException","message":"no","Reason":"KMS_NotFoundException"}"#;
    let set = |body: &str| {
        mock!(Client::describe_permission_set)
            .sequence()
            .http_status(400, Some(body.to_owned()))
            .repeatedly()
            .build()
    };
    let arn = SET.parse().unwrap();

    let present = api(client!(aws_sdk_ssoadmin, &described(), &set(gone)));
    assert_eq!(present.permission_set(&arn).await, Ok(None));

    let once = mock!(Client::describe_instance)
        .sequence()
        .output(|| {
            let output =
                DescribeInstanceOutput::builder().instance_arn(INSTANCE).identity_store_id("d-9067642ac1");
            output.owner_account_id("999999999999").build()
        })
        .http_status(400, Some(r#"{"__type":"AccessDeniedException","message":"no"}"#.to_owned()))
        .build();
    let vanished = api(client!(aws_sdk_ssoadmin, &once, &set(gone)));
    assert!(matches!(vanished.permission_set(&arn).await, Err(PortError::Denied(_))));

    let locked = api(client!(aws_sdk_ssoadmin, &described(), &set(encrypted)));
    assert!(matches!(locked.permission_set(&arn).await, Err(PortError::Barred(_))));
}

#[tokio::test(start_paused = true)]
async fn writes_are_sent_once_whatever_happens_and_reads_three_times() {
    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let create = mock!(Client::create_account_assignment)
        .sequence()
        .http_status(400, Some(throttled.to_owned()))
        .http_status(
            400,
            Some(r#"{"__type":"ThrottlingException","message":"Too many requests processing"}"#.to_owned()),
        )
        .http_status(400, Some(r#"{"__type":"ConflictException","message":"try again"}"#.to_owned()))
        .http_status(500, Some(r#"{"__type":"InternalServerException","message":"oh"}"#.to_owned()))
        .http_status(200, Some("{".to_owned()))
        .http_status(200, Some("{}".to_owned()))
        .build();
    let delete = mock!(Client::delete_account_assignment)
        .sequence()
        .http_status(500, Some(r#"{"__type":"InternalServerException","message":"oh"}"#.to_owned()))
        .repeatedly()
        .build();
    let sets = mock!(Client::list_permission_sets)
        .sequence()
        .http_status(400, Some(throttled.to_owned()))
        .repeatedly()
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &create, &delete, &sets));

    assert!(matches!(api.grant(&key()).await, Err(PortError::Throttled(_))));
    assert!(matches!(api.grant(&key()).await, Err(PortError::WindowFull(_))));
    assert!(matches!(api.grant(&key()).await, Err(PortError::Conflict(_))));
    for _ in 0..3 {
        assert!(matches!(api.grant(&key()).await, Err(PortError::Failed(_))));
    }
    assert_eq!(create.num_calls(), 6);

    assert!(matches!(api.revoke(&key()).await, Err(PortError::Failed(_))));
    assert_eq!(delete.num_calls(), 1);

    assert!(matches!(api.permission_sets().await, Err(PortError::Throttled(_))));
    assert_eq!(sets.num_calls(), 3);
}

#[tokio::test]
async fn an_accepted_grant_is_in_progress_and_nothing_more() {
    let accepted = format!(
        r#"{{"AccountAssignmentCreationStatus":{{"Status":"IN_PROGRESS","RequestId":"{REQUEST}"}}}}"#
    );
    let create = mock!(Client::create_account_assignment)
        .match_requests(|request| {
            request.instance_arn() == Some(INSTANCE)
                && request.target_id() == Some("111111111111")
                && request.permission_set_arn() == Some(SET)
                && request.principal_type() == Some(&PrincipalType::Group)
                && request.principal_id() == Some(GROUP)
        })
        .sequence()
        .http_status(200, Some(accepted))
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &create));

    let request = api.grant(&key()).await.unwrap();

    assert_eq!(request.id.as_str(), REQUEST);
    assert_eq!((request.status, request.key), (RequestStatus::InProgress, None));
}

#[tokio::test]
async fn the_outdated_accounts_are_read_page_by_page_and_by_their_version() {
    let page = |account: &str, next: Option<&str>| {
        let page = ListAccountsForProvisionedPermissionSetOutput::builder().account_ids(account);
        page.set_next_token(next.map(str::to_owned)).build()
    };
    let listed = mock!(Client::list_accounts_for_provisioned_permission_set)
        .match_requests(|request| {
            request.provisioning_status().map(aws_sdk_ssoadmin::types::ProvisioningStatus::as_str)
                == Some("LATEST_PERMISSION_SET_NOT_PROVISIONED")
        })
        .sequence()
        .output(move || page("111111111111", Some("more")))
        .output(move || page("222222222222", None))
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &listed));
    let accounts = api.accounts_on(&SET.parse().unwrap(), OfVersion::Outdated).await.unwrap().unwrap();
    let ids: Vec<&str> = accounts.iter().map(crate::domain::AccountId::as_str).collect();
    assert_eq!(ids, ["111111111111", "222222222222"]);
}

#[tokio::test]
async fn a_permission_set_that_is_gone_is_provisioned_nowhere() {
    let gone = mock!(Client::list_accounts_for_provisioned_permission_set)
        .sequence()
        .http_status(400, Some(r#"{"__type":"ResourceNotFoundException","message":"no"}"#.to_owned()))
        .build();
    let api = api(client!(aws_sdk_ssoadmin, &described(), &gone));
    assert_eq!(api.accounts_on(&SET.parse().unwrap(), OfVersion::Any).await, Ok(None));
}

#[tokio::test]
async fn a_request_to_provision_says_for_whom_and_is_followed_by_its_id() {
    let status = |status: StatusValues, reason: Option<&str>| {
        PermissionSetProvisioningStatus::builder()
            .status(status)
            .request_id(REQUEST)
            .set_failure_reason(reason.map(str::to_owned))
            .build()
    };
    let for_one = mock!(Client::provision_permission_set)
        .match_requests(|request| {
            request.target_id() == Some("111111111111")
                && request.target_type().map(aws_sdk_ssoadmin::types::ProvisionTargetType::as_str)
                    == Some("AWS_ACCOUNT")
        })
        .then_output(move || {
            let status = status(StatusValues::InProgress, None);
            ProvisionPermissionSetOutput::builder().permission_set_provisioning_status(status).build()
        });
    let for_all = mock!(Client::provision_permission_set)
        .match_requests(|request| {
            request.target_id().is_none()
                && request.target_type().map(aws_sdk_ssoadmin::types::ProvisionTargetType::as_str)
                    == Some("ALL_PROVISIONED_ACCOUNTS")
        })
        .then_output(move || {
            let status = status(StatusValues::Succeeded, None);
            ProvisionPermissionSetOutput::builder().permission_set_provisioning_status(status).build()
        });
    let followed = mock!(Client::describe_permission_set_provisioning_status).then_output(move || {
        let status = status(StatusValues::Failed, Some("Not supported policy alba@example.com"));
        let output = DescribePermissionSetProvisioningStatusOutput::builder();
        output.permission_set_provisioning_status(status).build()
    });
    let under_way = mock!(Client::list_permission_set_provisioning_status).then_output(|| {
        let item = PermissionSetProvisioningStatusMetadata::builder();
        let item = item.status(StatusValues::InProgress).request_id(REQUEST).build();
        ListPermissionSetProvisioningStatusOutput::builder().permission_sets_provisioning_status(item).build()
    });
    let rules = client!(aws_sdk_ssoadmin, &described(), &for_one, &for_all, &followed, &under_way);
    let api = api(rules);
    let set = SET.parse().unwrap();
    let one = api.provision(&set, &ProvisioningTarget::Account(key().account)).await.unwrap();
    assert_eq!((one.id.as_str(), one.status), (REQUEST, RequestStatus::InProgress));
    let all = api.provision(&set, &ProvisioningTarget::AllProvisionedAccounts).await.unwrap();
    assert_eq!(all.status, RequestStatus::Succeeded);
    match api.provisioning(&one.id).await.unwrap().unwrap().status {
        RequestStatus::Failed(reason) => {
            assert!(reason.contains("Not supported policy") && !reason.contains("alba"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let listed = api.provisionings_page(RequestListing::InProgress, 100, None).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}
