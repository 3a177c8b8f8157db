//! Assignment requests: accepted at once, done later, and then found in the lists of requests.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use shared::domain::{AccountId, AssignmentKey, Operation, PermissionSetArn, Principal, RequestId};

use super::{
    Call, Due, Fault, Latency, Made, SecondRoleUpdate, World,
    assignments::principal_type,
    later,
    paging::PageRequest,
    permission_sets::delegated_may,
    provisionings, quotas, reach,
    statuses::{self, Followed, failure, status_at},
    validate,
};
use crate::{
    ApiError, Caller,
    wire::{Epoch, sso_admin as wire},
};

/// One request from its acceptance on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RequestRecord {
    /// Its id, which is the call's too.
    pub id: RequestId,
    /// What it does.
    pub operation: Operation,
    /// What it does it to.
    pub key: AssignmentKey,
    /// Who asked for it.
    pub by: Caller,
    /// When the call was answered with `IN_PROGRESS`.
    pub accepted_at: Timestamp,
    /// When it ended, and the reason if it failed; `None` while it is under way.
    pub settled: Option<(Timestamp, Result<(), String>)>,
    /// The reason with which a fault makes it end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doomed: Option<String>,
    /// How long it takes from the time when it is begun; `None` is for ever.
    #[serde(default, with = "crate::duration::optional")]
    takes: Option<Duration>,
}

impl Followed for RequestRecord {
    fn id(&self) -> &RequestId {
        &self.id
    }

    fn accepted_at(&self) -> Timestamp {
        self.accepted_at
    }

    fn settled(&self) -> Option<(Timestamp, Result<(), &str>)> {
        self.settled
            .as_ref()
            .map(|(at, outcome)| (*at, outcome.as_ref().map(|&()| ()).map_err(String::as_str)))
    }
}

/// All requests.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
#[serde(from = "Vec<RequestRecord>", into = "Vec<RequestRecord>")]
pub(crate) struct Requests {
    /// In the order of acceptance.
    records: Vec<RequestRecord>,
    places: BTreeMap<RequestId, usize>,
    /// The keys that a request is under way for.
    #[serde(with = "crate::pairs")]
    busy: BTreeMap<AssignmentKey, RequestId>,
}

impl From<Requests> for Vec<RequestRecord> {
    fn from(requests: Requests) -> Self {
        requests.records
    }
}

impl From<Vec<RequestRecord>> for Requests {
    fn from(records: Vec<RequestRecord>) -> Self {
        let mut requests = Self::default();
        for record in records {
            let (key, settled) = (record.key.clone(), record.settled.is_some());
            requests.add(record);
            if settled {
                requests.busy.remove(&key);
            }
        }
        requests
    }
}

impl Requests {
    /// Whether a request for this account and permission set is under way.
    pub(super) fn concern(&self, account: &AccountId, set: &PermissionSetArn) -> bool {
        self.busy.keys().any(|key| key.account == *account && key.permission_set == *set)
    }

    /// Whether a request is under way in this account.
    pub(super) fn is_under_way(&self, account: &AccountId, id: &RequestId) -> bool {
        self.get(id).is_some_and(|record| record.settled.is_none() && record.key.account == *account)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter()
    }

    pub(super) fn outstanding(&self) -> usize {
        self.busy.len()
    }

    fn get(&self, id: &RequestId) -> Option<&RequestRecord> {
        self.places.get(id).and_then(|place| self.records.get(*place))
    }

    /// Whether a request of this kind is under way for a key.
    fn is_being(&self, operation: Operation, key: &AssignmentKey) -> bool {
        self.busy.get(key).and_then(|id| self.get(id)).is_some_and(|record| record.operation == operation)
    }

    /// Whether a request is under way for this permission set.
    pub(super) fn concerns(&self, set: &PermissionSetArn) -> bool {
        self.busy.keys().any(|key| key.permission_set == *set)
    }

    /// The keys in an account that are being granted.
    pub(super) fn grants_in(&self, account: &AccountId) -> impl Iterator<Item = &AssignmentKey> {
        let here = self.busy.iter().filter(move |(key, _)| key.account == *account);
        here.filter(|(_, id)| self.get(id).is_some_and(|record| record.operation == Operation::Grant))
            .map(|(key, _)| key)
    }

    fn add(&mut self, record: RequestRecord) {
        self.busy.insert(record.key.clone(), record.id.clone());
        self.places.insert(record.id.clone(), self.records.len());
        self.records.push(record);
    }

    fn settle(&mut self, id: &RequestId, at: Timestamp, outcome: Result<(), String>) {
        if let Some(record) = self.places.get(id).and_then(|place| self.records.get_mut(*place)) {
            record.settled = Some((at, outcome));
            self.busy.remove(&record.key);
        }
    }
}

/// What both writes ask for.
struct Asked<'a> {
    instance: &'a str,
    account: &'a str,
    target_type: &'a str,
    permission_set: &'a str,
    principal_type: &'a str,
    principal: &'a str,
}

fn accept(
    world: &mut World,
    call: &Call,
    operation: Operation,
    asked: &Asked<'_>,
) -> Result<wire::OperationStatus, ApiError> {
    let account: AccountId = validate::id(call, "targetId", asked.account)?;
    validate::one_of(call, "targetType", asked.target_type, &["AWS_ACCOUNT"])?;
    let principal = validate::principal(call, asked.principal_type, asked.principal)?;
    let permission_set = validate::permission_set(world, call, asked.instance, asked.permission_set)?;
    if world.settings.assumptions.unknown_account_is_refused && world.organization.account(&account).is_none()
    {
        return Err(ApiError::not_found(format!("Could not find account with id {account}")));
    }
    delegated_may(world, call, Some(&account), &permission_set)?;
    let key = AssignmentKey { account, permission_set, principal };
    if world.requests.busy.contains_key(&key) {
        return Err(ApiError::new(
            "ConflictException",
            "Could not complete the request. There is a conflict with another request that is being processed for this assignment.",
        ));
    }
    if in_window(world, operation) >= world.settings.quotas.outstanding {
        let counts = operation == Operation::Grant || world.settings.assumptions.deletes_share_the_window;
        if counts {
            return Err(ApiError::window_full());
        }
    }
    let id: RequestId =
        call.request_id.to_string().parse().map_err(|_| ApiError::internal("InternalServerException"))?;
    let assumed = world.settings.assumptions.second_role_update;
    if assumed == SecondRoleUpdate::Refused
        && world.turns.is_taken(&key.account)
        && updates_role(world, operation, &key)
    {
        return Err(role_is_busy());
    }
    let over_quota = if operation == Operation::Grant { quotas::of_account(world, &key)? } else { None };
    let (doomed, takes) = course(call.fault.as_ref(), world.settings.assignment_latency);
    let record = RequestRecord {
        id: id.clone(),
        operation,
        key,
        by: call.caller.clone(),
        accepted_at: call.now,
        settled: None,
        doomed: doomed.or(over_quota),
        takes: takes.map(|latency| latency.sample(&mut world.ids)),
    };
    let output = shape(&record);
    world.requests.add(record);
    world.log.counters.most_outstanding =
        world.log.counters.most_outstanding.max(world.requests.outstanding());
    begin(world, &id);
    Ok(output)
}

/// How a request will go: the reason with which a fault makes it end, and how long it takes, if not for ever.
pub(super) fn course(fault: Option<&Fault>, usual: Latency) -> (Option<String>, Option<Latency>) {
    match fault {
        Some(Fault::FailLater(reason)) => (Some(reason.clone()), Some(usual)),
        Some(Fault::Hang) => (None, None),
        Some(Fault::Slow(latency)) => (None, Some(Latency::Constant(*latency))),
        _none_that_comes_later => (None, Some(usual)),
    }
}

/// A second role update in an account, where that is refused.
pub(super) fn role_is_busy() -> ApiError {
    ApiError::new(
        "ConflictException",
        "Could not complete the request. Another permission set is being provisioned in this account.",
    )
}

/// Begins a request, or lets it wait for its turn in the account. One that hangs never gets as far as the role, and so keeps no other
/// from its turn.
fn begin(world: &mut World, id: &RequestId) {
    let Some(record) = world.requests.get(id) else { return };
    let (Some(takes), operation, key) = (record.takes, record.operation, record.key.clone()) else { return };
    let alone = match world.settings.assumptions.second_role_update {
        SecondRoleUpdate::Waits | SecondRoleUpdate::Refused => updates_role(world, operation, &key),
        SecondRoleUpdate::GoesAlong => false,
    };
    if !alone || world.turns.enter(&key.account, id) {
        world.schedule(later(world.now, takes), Due::Request(id.clone()));
    }
}

/// Whether a request makes or takes away a role: the first assignment of a permission set in an account, or the end of the last one.
fn updates_role(world: &World, operation: Operation, key: &AssignmentKey) -> bool {
    let AssignmentKey { account, permission_set, .. } = key;
    match operation {
        Operation::Grant => {
            world.settings.assumptions.assignment_updates_the_role
                || !world.assignments.is_provisioned(account, permission_set, Timestamp::MAX)
        }
        Operation::Revoke => {
            world.assignments.get(key).is_some()
                && world
                    .assignments
                    .keys_in(account, permission_set)
                    .all(|other| other == *key || world.requests.is_being(Operation::Revoke, &other))
        }
    }
}

/// The turn that a request had in an account passes to those that waited.
pub(super) fn pass_on(world: &mut World, account: &AccountId, id: &RequestId) {
    for waiting in world.turns.leave(account, id) {
        if !provisionings::begin(world, &waiting, account) {
            begin(world, &waiting);
        }
    }
}

/// How many requests fill the window that a request of this kind would go through.
fn in_window(world: &World, operation: Operation) -> usize {
    if world.settings.assumptions.deletes_share_the_window {
        return world.requests.outstanding();
    }
    world
        .requests
        .busy
        .values()
        .filter_map(|id| world.requests.get(id))
        .filter(|record| record.operation == operation)
        .count()
}

/// A request comes to its end, or hangs on because its account can't be reached.
pub(super) fn settle(world: &mut World, id: &RequestId) {
    let at = world.now;
    let Some(record) = world.requests.get(id).cloned() else { return };
    if record.settled.is_some() {
        return;
    }
    let wait = reach::waits_until(world, &record.key.account, record.accepted_at);
    let active = wait.is_none();
    if let Some(until) = wait.filter(|until| at < *until)
        && record.doomed.is_none()
    {
        world.schedule(until, Due::Request(id.clone()));
        return;
    }
    let outcome = outcome(world, &record, active);
    if outcome.is_ok() {
        match record.operation {
            Operation::Grant => {
                if world.assignments.get(&record.key).is_none() {
                    let made = Made { by: record.by.clone(), at, request: Some(id.clone()) };
                    world.assignments.set(at, &record.key, Some(made));
                }
                let version =
                    world.permission_sets.get(&record.key.permission_set).map_or(0, |set| set.version);
                let renew = world.settings.assumptions.assignment_updates_the_role;
                let AssignmentKey { account, permission_set, .. } = &record.key;
                world.assignments.provision(at, account, permission_set, version, renew);
            }
            Operation::Revoke => world.assignments.set(at, &record.key, None),
        }
    }
    world.requests.settle(id, at, outcome);
    pass_on(world, &record.key.account, id);
}

fn outcome(world: &World, record: &RequestRecord, active: bool) -> Result<(), String> {
    let AssignmentKey { account, permission_set, principal } = &record.key;
    if let Some(reason) = &record.doomed {
        return Err(reason.clone());
    }
    if !active {
        return Err(reach::never(account));
    }
    let exists = world.assignments.get(&record.key).is_some();
    match record.operation {
        Operation::Grant => {
            let store = world
                .instances
                .first()
                .map(|instance| instance.identity_store.to_string())
                .unwrap_or_default();
            let known = match principal {
                Principal::Group(group) => world.directory.groups.contains_key(group),
                Principal::User(user) => world.directory.users.contains_key(user),
            };
            if !known {
                return Err(format!(
                    "Received a 404 status error: the {} assignee {} was not found in directory {store}.",
                    principal_type(principal),
                    principal.id()
                ));
            }
            if let Some(policy) =
                world.faults.missing_policies.get(&(account.clone(), permission_set.clone()))
            {
                return Err(policy_is_missing(policy));
            }
            if exists && !world.settings.assumptions.duplicate_create_succeeds {
                return Err("Received a 409 status error: EntitlementItem already exists.".to_owned());
            }
            Ok(())
        }
        Operation::Revoke if exists => Ok(()),
        Operation::Revoke => Err(format!(
            "Received a 404 status error: EntitlementItem doesn't exist with the given entitlement key {account} {} {}.",
            permission_set,
            principal.id()
        )),
    }
}

/// What AWS says of a policy that a permission set names and an account lacks.
pub(super) fn policy_is_missing(policy: &str) -> String {
    format!("Received a 404 status error: Not supported policy {policy}.")
}

fn shape(record: &RequestRecord) -> wire::OperationStatus {
    wire::OperationStatus {
        status: status_at(record, Timestamp::MAX).to_owned(),
        request_id: record.id.to_string(),
        failure_reason: failure(record),
        target_id: record.key.account.to_string(),
        target_type: "AWS_ACCOUNT".to_owned(),
        permission_set_arn: record.key.permission_set.to_string(),
        principal_type: principal_type(&record.key.principal).to_owned(),
        principal_id: record.key.principal.id().to_owned(),
        created_date: Epoch(record.accepted_at),
    }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateAccountAssignment,
) -> Result<wire::CreationStatusOutput, ApiError> {
    let asked = Asked {
        instance: &input.instance_arn,
        account: &input.target_id,
        target_type: &input.target_type,
        permission_set: &input.permission_set_arn,
        principal_type: &input.principal_type,
        principal: &input.principal_id,
    };
    let status = accept(world, call, Operation::Grant, &asked)?;
    Ok(wire::CreationStatusOutput { account_assignment_creation_status: status })
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteAccountAssignment,
) -> Result<wire::DeletionStatusOutput, ApiError> {
    let asked = Asked {
        instance: &input.instance_arn,
        account: &input.target_id,
        target_type: &input.target_type,
        permission_set: &input.permission_set_arn,
        principal_type: &input.principal_type,
        principal: &input.principal_id,
    };
    let status = accept(world, call, Operation::Revoke, &asked)?;
    Ok(wire::DeletionStatusOutput { account_assignment_deletion_status: status })
}

fn described(
    world: &World,
    call: &Call,
    operation: Operation,
    instance: &str,
    id: &str,
) -> Result<wire::OperationStatus, ApiError> {
    let member = match operation {
        Operation::Grant => "accountAssignmentCreationRequestId",
        Operation::Revoke => "accountAssignmentDeletionRequestId",
    };
    let find = |id: &RequestId| world.requests.get(id).filter(|record| record.operation == operation);
    statuses::described(world, call, instance, member, id, find).map(shape)
}

pub(super) fn describe_creation(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeAccountAssignmentCreationStatus,
) -> Result<wire::CreationStatusOutput, ApiError> {
    let id = &input.account_assignment_creation_request_id;
    let status = described(world, call, Operation::Grant, &input.instance_arn, id)?;
    Ok(wire::CreationStatusOutput { account_assignment_creation_status: status })
}

pub(super) fn describe_deletion(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeAccountAssignmentDeletionStatus,
) -> Result<wire::DeletionStatusOutput, ApiError> {
    let id = &input.account_assignment_deletion_request_id;
    let status = described(world, call, Operation::Revoke, &input.instance_arn, id)?;
    Ok(wire::DeletionStatusOutput { account_assignment_deletion_status: status })
}

type StatusPage = (Vec<wire::StatusMetadata>, Option<String>);

fn listed(
    world: &World,
    call: &Call,
    operation: Operation,
    asked: &statuses::Asked<'_>,
) -> Result<StatusPage, ApiError> {
    let records = world.requests.records.iter().enumerate();
    statuses::listed(world, call, asked, records.filter(|(_, record)| record.operation == operation))
}

pub(super) fn list_creations(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountAssignmentCreationStatus,
) -> Result<wire::CreationStatusesOutput, ApiError> {
    let asked = statuses::Asked {
        instance: &input.instance_arn,
        filter: input.filter.as_ref(),
        page: PageRequest { token: input.next_token.as_deref(), size: input.max_results },
    };
    let (statuses, next_token) = listed(world, call, Operation::Grant, &asked)?;
    Ok(wire::CreationStatusesOutput { account_assignments_creation_status: statuses, next_token })
}

pub(super) fn list_deletions(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountAssignmentDeletionStatus,
) -> Result<wire::DeletionStatusesOutput, ApiError> {
    let asked = statuses::Asked {
        instance: &input.instance_arn,
        filter: input.filter.as_ref(),
        page: PageRequest { token: input.next_token.as_deref(), size: input.max_results },
    };
    let (statuses, next_token) = listed(world, call, Operation::Revoke, &asked)?;
    Ok(wire::DeletionStatusesOutput { account_assignments_deletion_status: statuses, next_token })
}
