//! What a role grants and the end-to-end tests never have its function ask for, with why it is granted all the same.

/// A part of a statement, and its reason.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason {
    pub(super) function: &'static str,
    pub(super) sid: &'static str,
    /// The action, the leading key, or the end of the resource.
    pub(super) part: &'static str,
    pub(super) why: &'static str,
}

impl Reason {
    pub(super) fn is_of(&self, sid: &str, text: &str) -> bool {
        self.sid == sid && text.ends_with(self.part)
    }
}

const NO_BULK: &str =
    "Tags come in bulk here; one by one they are asked for where that is refused (scenarios::bulk_reads).";
const NO_LIST: &str = "OUs are listed below their parent here; one by one they are asked for where that is refused (engine/reading/inventory.rs).";
const MANY: &str = "Asked only where rules may be about more than 20 accounts by their tags (engine/center.rs, scenarios::identity_center).";
const LEFT: &str = "Asked only of who has left a group while other groups have something in the same place (engine/members/holdings.rs, scenarios::gains).";
const AT_ONCE: &str = "Reached only where another keeps the same group's members at that moment (engine/members.rs, compare_with).";
const LONG_REVOKE: &str =
    "Only a revoke that takes long is asked about by itself (scenarios::slow_requests, scenarios::watching).";
const FEW: &str = "A permission set that few accounts have has them asked for one by one (engine/reprovision/reading.rs, scenarios::reprovisioning_reads).";
const WAVES: &str = "Read only where waves go by OUs and accounts are still outdated (engine/reprovision/reading.rs, scenarios::reprovisioning_reads).";
const ENDS: &str =
    "Read only where rules end, for those who have something by them (engine/tick.rs, scenarios::ticks).";
const LATE_END: &str =
    "An edit ends the campaign before it whose end a crash has left undone (engine/reprovision/records.rs).";
const LATER: &str =
    "Only a request in the management account that takes long goes by that role (scenarios::slow_requests).";

pub(super) const REASONS: [Reason; 40] = [
    reason("audit", "ReadsItsAccounts", "organizations:ListTagsForResource", NO_BULK),
    reason("audit", "ReadsItsUnits", "organizations:DescribeOrganizationalUnit", NO_LIST),
    reason(
        "audit",
        "ReadsTheInstance",
        "sso:ListAccountAssignmentsForPrincipal",
        "A report goes by principal only where that takes fewer calls, in larger organizations (engine/audit/collect.rs, scenarios::audits).",
    ),
    reason("on-group-event", "ReadsTagsInBulk", "tag:GetResources", MANY),
    reason("on-group-event", "ReadsWhatOnlyTheManagementAccountMayRead", "sts:AssumeRole", MANY),
    reason("on-group-event", "LooksUpPeopleAndGroups", "identitystore:ListGroupMembershipsForMember", LEFT),
    reason("on-permission-set-event", "ReadsTagsInBulk", "tag:GetResources", MANY),
    reason("on-permission-set-event", "ReadsWhatOnlyTheManagementAccountMayRead", "sts:AssumeRole", MANY),
    reason("on-permission-set-event", "TakesOutWhatIsDoneWith", "dynamodb:DeleteItem", LATE_END),
    reason("on-permission-set-event", "WritesWhatItLearnsAndDecides", "seen#reprovisioned", LATE_END),
    reason(
        "on-permission-set-event",
        "WritesWhatItLearnsAndDecides",
        "account#*",
        "The event of a request of our own settles a row whose answer was lost for minutes (scenarios::own_events).",
    ),
    reason("on-rules-change", "ReadsItsAccounts", "organizations:ListTagsForResource", NO_BULK),
    reason("on-rules-change", "ReadsItsUnits", "organizations:DescribeOrganizationalUnit", NO_LIST),
    reason(
        "on-rules-change",
        "ReadsAssignments",
        "sso:ListAccountAssignments",
        "It reads by principal, and account by account where that is refused (engine/existing.rs).",
    ),
    reason(
        "on-rules-change",
        "ReadsAssignments",
        "sso:ListPermissionSetsProvisionedToAccount",
        "It reads by principal, and account by account where that is refused (engine/existing.rs).",
    ),
    reason(
        "poll-provisioning",
        "HintsAccounts",
        "sqs:SendMessage",
        "Only what was ended too late for its row is decided again (engine/poll.rs, scenarios::slow_requests).",
    ),
    reason("poll-provisioning", "WritesToTheManagementAccountByItsRole", "sts:AssumeRole", LATER),
    reason(
        "provision",
        "HintsAccounts",
        "sqs:SendMessage",
        "Only an intent that is old, or of rules no longer in force, is decided again (engine/provisioner/stale.rs).",
    ),
    reason(
        "provision",
        "ParksWhatItCannotRead",
        "sqs:SendMessage",
        "A wake is put aside where a run fails for the last time (engine/parking.rs, scenarios::dead_letters).",
    ),
    reason("reprovision", "ReadsItsUnits", "organizations:DescribeOrganizationalUnit", NO_LIST),
    reason(
        "reprovision",
        "ReadsTagsInBulk",
        "tag:GetResources",
        "Tags of few accounts are asked for one by one (engine/reprovision/reading.rs, scenarios::reprovisioning_reads).",
    ),
    reason(
        "reprovision",
        "TakesOutWhatIsDoneWith",
        "seen#reprovisioned",
        "Old records go when there are very many (engine/reprovision/records.rs).",
    ),
    reason(
        "reprovision",
        "WritesToTheManagementAccountByItsRole",
        "sts:AssumeRole",
        "No permission set of the management account is edited here (scenarios::declared).",
    ),
    reason("sweep", "ReadsItsUnits", "organizations:DescribeOrganizationalUnit", NO_LIST),
    reason("sweep", "LooksUpPeopleAndGroups", "identitystore:ListGroupMembershipsForMember", LEFT),
    reason(
        "sweep",
        "WritesWhatItLearnsAndDecides",
        "outbox",
        "It tells of tags and members of which no event has told (scenarios::alarms, scenarios::gains).",
    ),
    reason(
        "sweep",
        "TakesOutWhatIsDoneWith",
        "account#*",
        "Rows that are closed are kept for weeks (engine/sweep.rs).",
    ),
    reason(
        "tick",
        "TakesOutWhatIsDoneWith",
        "seen#fact",
        "Only of rules that a command has brought into force (engine/publish.rs, scenarios::publishing).",
    ),
    reason(
        "poll-provisioning",
        "AsksAboutRequests",
        "sso:DescribeAccountAssignmentDeletionStatus",
        LONG_REVOKE,
    ),
    reason("provision", "FollowsRequests", "sso:DescribeAccountAssignmentDeletionStatus", LONG_REVOKE),
    reason("reconcile", "ReadsTheLedger", "dynamodb:Scan", AT_ONCE),
    reason("reconcile", "TakesOutWhatIsDoneWith", "seen#member", AT_ONCE),
    reason("reconcile", "TakesOutWhatIsDoneWith", "seen#membership", AT_ONCE),
    reason("tick", "ReadsTheLedger", "dynamodb:Scan", ENDS),
    reason("reprovision", "ListsTheOrganization", "organizations:ListAccounts", FEW),
    reason("reprovision", "ListsTheOrganization", "organizations:DescribeOrganization", WAVES),
    reason("reprovision", "ReadsItsUnits", "organizations:ListOrganizationalUnitsForParent", WAVES),
    reason("reprovision", "WritesWhatItLearnsAndDecides", "seen#organizational-unit", WAVES),
    reason("reprovision", "WritesWhatItLearnsAndDecides", "seen#account-tags", FEW),
    reason(
        "reprovision",
        "WakesTheEngine",
        "sqs:SendMessage",
        "It wakes the engine where work has waited for the lease that it had (engine/reprovision/send.rs, engine/declared/keep.rs).",
    ),
];

const fn reason(function: &'static str, sid: &'static str, part: &'static str, why: &'static str) -> Reason {
    Reason { function, sid, part, why }
}

/// What functions are not told by S3 and need not be: whose version of the rules is gone can do nothing, whether S3 says so or that it is forbidden.
/// The reason that they give names both (`shared/src/aws/s3.rs`).
pub(super) const NOT_TOLD: [&str; 5] =
    ["on-group-event", "on-permission-set-event", "reconcile", "reprovision", "sweep"];
