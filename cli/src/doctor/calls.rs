//! Which calls are allowed: each is made once, of something that does not matter. That a thing does not exist is an answer too.

use shared::{
    aws::OrganizationsApi,
    domain::{GroupId, Operation, ParentId, Principal, RequestId, UserId},
    ports::{OfVersion, OrganizationFacts, OrganizationReader as _, PortError, RequestListing},
};

use super::{Findings, is_busy};
use crate::{
    connect::Aws,
    report::{CallOutcome, CallTried},
    screen::line,
};

/// What writes assignments, permission sets and the rest. None is tried: there is no way to, but to do it.
const WRITES: &str = "sso:CreateAccountAssignment, sso:DeleteAccountAssignment, and for edited permission sets sso:ProvisionPermissionSet";

/// Names and ids that nothing bears.
const NOBODY: &str = "usher-doctor-looks-for-nobody";
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

const ALL: &str = "everything";
const NAMES: &str = "rules that name groups and people";
const MEMBERS: &str = "`members_of`, and who gained or lost what";
const ASSIGNMENTS: &str = "seeing what there is";
const FOLLOWING: &str = "following requests to their end";
const REPROVISIONING: &str = "reprovisioning edited permission sets";

#[derive(Default)]
struct Trials(Vec<CallTried>);

impl Trials {
    /// Notes what came of a call, and gives what it answered.
    fn note<T>(
        &mut self,
        actions: &[&'static str],
        needed_for: &'static str,
        answer: Result<T, PortError>,
    ) -> Option<T> {
        let (outcome, why) = match &answer {
            Ok(_) | Err(PortError::NotFound(_)) => (CallOutcome::Allowed, None),
            Err(error @ PortError::Denied(_)) => (CallOutcome::Denied, Some(line(&error.to_string()))),
            Err(error) if is_busy(error) => (CallOutcome::Unanswered, Some(line(&error.to_string()))),
            Err(error) => (CallOutcome::Failed, Some(line(&error.to_string()))),
        };
        // One answer stands for several calls: of one that was not allowed, AWS's words name it.
        let tried = actions.iter().filter(|action| {
            let operation = action.split(':').nth(1).unwrap_or(action);
            let is_named = why
                .as_deref()
                .is_some_and(|why| why.starts_with(operation) || why.contains(&format!(" {operation}:")));
            outcome == CallOutcome::Allowed || actions.len() == 1 || is_named
        });
        self.0.extend(tried.map(|action| CallTried { action, outcome, why: why.clone(), needed_for }));
        answer.ok()
    }

    fn untried(&mut self, action: &'static str, needed_for: &'static str) {
        self.0.push(CallTried { action, outcome: CallOutcome::Untried, why: None, needed_for });
    }
}

/// Tries everything that commands and functions read.
pub(super) async fn try_all(
    organization: &OrganizationsApi,
    aws: Option<&Aws>,
    facts: Option<&OrganizationFacts>,
) -> Vec<CallTried> {
    let mut trials = Trials::default();
    if let Some(facts) = facts {
        organizations(organization, facts, &mut trials).await;
    }
    if let Some(aws) = aws {
        sso_admin(aws, facts, &mut trials).await;
        directory(aws, &mut trials).await;
    }
    trials.0
}

/// Says that writes are not tried.
pub(super) fn writes(findings: &mut Findings) {
    findings
        .untried("writes", format!("no call is made that changes anything; `usher apply` needs {WRITES}"));
}

async fn organizations(api: &OrganizationsApi, facts: &OrganizationFacts, trials: &mut Trials) {
    let account = &facts.management_account;
    let record = trials.note(&["organizations:DescribeAccount"], ALL, api.account(account).await).flatten();
    trials.note(&["organizations:ListAccounts"], ALL, api.accounts().await);
    trials.note(
        &["organizations:ListTagsForResource"],
        "rules that select by tags",
        api.account_tags(account).await,
    );
    let below = match record {
        Some(record) => {
            let below = api.ous_below(&ParentId::Root(record.root)).await;
            trials
                .note(&["organizations:ListOrganizationalUnitsForParent"], "sweeps, `--what-if move:`", below)
                .flatten()
        }
        None => None,
    };
    let action = "organizations:DescribeOrganizationalUnit";
    match below.and_then(|below| below.into_keys().next()) {
        Some(ou) => _ = trials.note(&[action], "rules that select by OUs", api.ou_name(&ou).await),
        None => trials.untried(action, "rules that select by OUs"),
    }
    let bulk = api.tags_in_bulk().await;
    trials.note(&["tag:GetResources"], "sweeps: without it, tags are read account by account", bulk);
}

async fn sso_admin(aws: &Aws, facts: Option<&OrganizationFacts>, trials: &mut Trials) {
    let access = aws.access.as_ref();
    let sets =
        trials.note(&["sso:ListPermissionSets"], ALL, access.permission_sets().await).unwrap_or_default();
    let one_set = ["sso:DescribePermissionSet", "sso:ListTagsForResource"];
    let contents = [
        "sso:ListManagedPoliciesInPermissionSet",
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        "sso:GetInlinePolicyForPermissionSet",
        "sso:GetPermissionsBoundaryForPermissionSet",
    ];
    let declared = "permission sets that rules declare, and the audit";
    if let Some(set) = sets.first() {
        trials.note(&one_set[..1], ALL, access.permission_set_name(set).await);
        trials.note(
            &one_set[1..],
            "rules that select permission sets by tags",
            access.permission_set_tags(set).await,
        );
        trials.note(&contents, declared, aws.sets.details(set).await);
        let accounts = access.accounts_page(set, OfVersion::Any, None).await;
        trials.note(&["sso:ListAccountsForProvisionedPermissionSet"], REPROVISIONING, accounts);
    } else {
        for action in
            one_set.into_iter().chain(contents).chain(["sso:ListAccountsForProvisionedPermissionSet"])
        {
            trials.untried(action, declared);
        }
    }
    match (facts.map(|facts| &facts.management_account), sets.first()) {
        (Some(account), Some(set)) => {
            let provisioned = access.provisioned_in(account).await;
            trials.note(&["sso:ListPermissionSetsProvisionedToAccount"], ASSIGNMENTS, provisioned);
            let principals = access.principals_page(account, set, None).await;
            trials.note(&["sso:ListAccountAssignments"], ASSIGNMENTS, principals);
        }
        _ => trials.untried("sso:ListAccountAssignments", ASSIGNMENTS),
    }
    if let Ok(nobody) = NO_ID.parse::<GroupId>() {
        let assigned = access.assignments_of(&Principal::Group(nobody)).await;
        let needed_for = "fast sweeps: the management account alone may ask";
        trials.note(&["sso:ListAccountAssignmentsForPrincipal"], needed_for, assigned);
    }
    for (operation, list, describe) in [
        (
            Operation::Grant,
            "sso:ListAccountAssignmentCreationStatus",
            "sso:DescribeAccountAssignmentCreationStatus",
        ),
        (
            Operation::Revoke,
            "sso:ListAccountAssignmentDeletionStatus",
            "sso:DescribeAccountAssignmentDeletionStatus",
        ),
    ] {
        let page = access.requests_page(operation, RequestListing::InProgress, 1, None).await;
        trials.note(&[list], FOLLOWING, page);
        if let Ok(none) = NO_ID.parse::<RequestId>() {
            trials.note(&[describe], FOLLOWING, access.request(operation, &none).await);
        }
    }
    let page = access.provisionings_page(RequestListing::InProgress, 1, None).await;
    trials.note(&["sso:ListPermissionSetProvisioningStatus"], REPROVISIONING, page);
    if let Ok(none) = NO_ID.parse::<RequestId>() {
        let one = access.provisioning(&none).await;
        trials.note(&["sso:DescribePermissionSetProvisioningStatus"], REPROVISIONING, one);
    }
}

async fn directory(aws: &Aws, trials: &mut Trials) {
    let directory = aws.directory.as_ref();
    trials.note(&["identitystore:GetGroupId"], NAMES, directory.group_id(NOBODY).await);
    trials.note(&["identitystore:GetUserId"], NAMES, directory.user_id(NOBODY).await);
    if let (Ok(group), Ok(user)) = (NO_ID.parse::<GroupId>(), NO_ID.parse::<UserId>()) {
        trials.note(&["identitystore:DescribeGroup"], NAMES, directory.group_name(&group).await);
        trials.note(&["identitystore:DescribeUser"], NAMES, directory.user_name(&user).await);
        trials.note(&["identitystore:ListGroupMemberships"], MEMBERS, directory.memberships(&group).await);
        trials.note(
            &["identitystore:ListGroupMembershipsForMember"],
            MEMBERS,
            directory.groups_of(&user).await,
        );
    }
}
