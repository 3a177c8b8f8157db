//! Provisioning: bringing a permission set's newest version to the roles of one account, or of all accounts that have it.
//!
//! A request is accepted at once and done later, account by account; each account's role waits for its turn there. A request for all
//! accounts has one status, and which account failed shows only by asking which ones still have an old version.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use shared::domain::{AccountId, PermissionSetArn, RequestId};

use super::{
    Call, Due, Latency, SecondRoleUpdate, World, later,
    paging::PageRequest,
    permission_sets::delegated_may,
    quotas, reach, requests,
    statuses::{self, Followed, failure, status_at},
    validate,
};
use crate::{
    ApiError, Caller,
    wire::{Epoch, sso_admin as wire},
};

/// One request from its acceptance on.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ProvisioningRecord {
    /// Its id, which is the call's too.
    pub id: RequestId,
    /// What is provisioned.
    pub permission_set: PermissionSetArn,
    /// The account; `None` for all that have the permission set.
    pub account: Option<AccountId>,
    /// Who asked for it.
    pub by: Caller,
    /// When the call was answered with `IN_PROGRESS`.
    pub accepted_at: Timestamp,
    /// When it ended, and the reason if it failed; `None` while it is under way.
    pub settled: Option<(Timestamp, Result<(), String>)>,
    /// The accounts that are still to be done.
    #[serde(default)]
    left: BTreeSet<AccountId>,
    /// Why the first account that failed did.
    #[serde(default)]
    failed: Option<String>,
    /// The reason with which a fault makes it end.
    #[serde(default)]
    doomed: Option<String>,
    /// How long an account takes from the time when it is begun; `None` is for ever.
    #[serde(default)]
    takes: Option<Latency>,
}

impl Followed for ProvisioningRecord {
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

/// All provisionings.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
#[serde(from = "Vec<ProvisioningRecord>", into = "Vec<ProvisioningRecord>")]
pub(crate) struct Provisionings {
    /// In the order of acceptance.
    records: Vec<ProvisioningRecord>,
    places: BTreeMap<RequestId, usize>,
    under_way: BTreeSet<RequestId>,
}

impl From<Provisionings> for Vec<ProvisioningRecord> {
    fn from(provisionings: Provisionings) -> Self {
        provisionings.records
    }
}

impl From<Vec<ProvisioningRecord>> for Provisionings {
    fn from(records: Vec<ProvisioningRecord>) -> Self {
        let places = records.iter().enumerate().map(|(place, record)| (record.id.clone(), place)).collect();
        let under_way = records
            .iter()
            .filter(|record| record.settled.is_none())
            .map(|record| record.id.clone())
            .collect();
        Self { records, places, under_way }
    }
}

impl Provisionings {
    pub(super) fn all(&self) -> impl Iterator<Item = &ProvisioningRecord> {
        self.records.iter()
    }

    fn get(&self, id: &RequestId) -> Option<&ProvisioningRecord> {
        self.places.get(id).and_then(|place| self.records.get(*place))
    }

    fn get_mut(&mut self, id: &RequestId) -> Option<&mut ProvisioningRecord> {
        self.places.get(id).and_then(|place| self.records.get_mut(*place))
    }

    fn running(&self) -> impl Iterator<Item = &ProvisioningRecord> {
        self.under_way.iter().filter_map(|id| self.get(id))
    }

    /// Whether a permission set is being provisioned in this account.
    pub(super) fn concern(&self, account: &AccountId, set: &PermissionSetArn) -> bool {
        self.running().any(|record| record.permission_set == *set && record.left.contains(account))
    }

    /// Whether a request is under way that this account is still to be done for.
    pub(super) fn is_left(&self, account: &AccountId, id: &RequestId) -> bool {
        self.under_way.contains(id) && self.get(id).is_some_and(|record| record.left.contains(account))
    }

    /// Whether a permission set is being provisioned.
    pub(super) fn concerns(&self, set: &PermissionSetArn) -> bool {
        self.running().any(|record| record.permission_set == *set)
    }
}

/// The accounts that a request is for.
fn targets(
    world: &World,
    call: &Call,
    input: &wire::ProvisionPermissionSet,
    set: &PermissionSetArn,
) -> Result<(Option<AccountId>, BTreeSet<AccountId>), ApiError> {
    if input.target_type == "ALL_PROVISIONED_ACCOUNTS" {
        if let Some(id) = &input.target_id {
            return Err(call.invalid("targetId", id, "Member must be null for ALL_PROVISIONED_ACCOUNTS"));
        }
        let accounts: BTreeSet<_> = world.assignments.accounts_with(set).cloned().collect();
        if accounts.len() > world.settings.quotas.accounts_per_provisioning {
            return Err(ApiError::validation("The permission set is provisioned in too many accounts."));
        }
        return Ok((None, accounts));
    }
    let account: AccountId = validate::id(call, "targetId", input.target_id.as_deref().unwrap_or_default())?;
    let assumed = &world.settings.assumptions;
    if assumed.unknown_account_is_refused && world.organization.account(&account).is_none() {
        return Err(ApiError::not_found(format!("Could not find account with id {account}")));
    }
    if !assumed.provisioning_needs_no_assignment
        && !world.assignments.is_provisioned(&account, set, Timestamp::MAX)
    {
        return Err(ApiError::not_found(format!(
            "The permission set is not provisioned in account {account}"
        )));
    }
    Ok((Some(account.clone()), BTreeSet::from([account])))
}

/// Which error a fourth request at a time meets is undocumented; it is taken to be the one of the window of assignments.
pub(super) fn provision(
    world: &mut World,
    call: &Call,
    input: &wire::ProvisionPermissionSet,
) -> Result<wire::ProvisioningStatusOutput, ApiError> {
    let kinds = ["AWS_ACCOUNT", "ALL_PROVISIONED_ACCOUNTS"];
    validate::one_of(call, "targetType", &input.target_type, &kinds)?;
    let set = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let (account, left) = targets(world, call, input, &set)?;
    delegated_may(world, call, account.as_ref(), &set)?;
    let clashes = |running: &ProvisioningRecord| {
        running.permission_set == set
            && (running.account.is_none() || account.is_none() || running.account == account)
    };
    if world.settings.assumptions.second_provisioning_is_refused && world.provisionings.running().any(clashes)
    {
        return Err(ApiError::new(
            "ConflictException",
            "Could not complete the request. The permission set is being provisioned already.",
        ));
    }
    if world.provisionings.under_way.len() >= world.settings.quotas.outstanding_provisionings {
        return Err(ApiError::window_full());
    }
    if world.settings.assumptions.second_role_update == SecondRoleUpdate::Refused
        && left.iter().any(|account| world.turns.is_taken(account))
    {
        return Err(requests::role_is_busy());
    }
    let id: RequestId =
        call.request_id.to_string().parse().map_err(|_| ApiError::internal("InternalServerException"))?;
    let usual = world.settings.provisioning_latency;
    let (doomed, takes) = requests::course(call.fault.as_ref(), usual);
    let record = ProvisioningRecord {
        id: id.clone(),
        permission_set: set,
        account,
        by: call.caller.clone(),
        accepted_at: call.now,
        settled: None,
        left: left.clone(),
        failed: None,
        doomed,
        takes,
    };
    let output = wire::ProvisioningStatusOutput { permission_set_provisioning_status: shape(&record) };
    let place = world.provisionings.records.len();
    world.provisionings.places.insert(id.clone(), place);
    world.provisionings.under_way.insert(id.clone());
    world.provisionings.records.push(record);
    if left.is_empty() {
        let takes = takes.map(|latency| latency.sample(&mut world.ids));
        let at = takes.map_or(Timestamp::MAX, |takes| later(call.now, takes));
        world.schedule(at, Due::ProvisioningEnded(id));
    } else {
        for account in &left {
            begin(world, &id, account);
        }
    }
    Ok(output)
}

/// Begins one account, or lets it wait for its turn; whether this is such a request at all.
pub(super) fn begin(world: &mut World, id: &RequestId, account: &AccountId) -> bool {
    let Some(record) = world.provisionings.get(id) else { return false };
    let Some(takes) = record.takes else { return true };
    let set = record.permission_set.clone();
    let goes_along = world.settings.assumptions.second_role_update == SecondRoleUpdate::GoesAlong;
    if goes_along || world.turns.enter(account, id) {
        let takes: Duration = takes.sample(&mut world.ids);
        // The version that holds when the account is begun: what is edited meanwhile needs a request of its own.
        let version = world.permission_sets.get(&set).map_or(0, |set| set.version);
        let due = Due::Provisioned { request: id.clone(), account: account.clone(), version };
        world.schedule(later(world.now, takes), due);
    }
    true
}

/// One account is done, or hangs on because it can't be reached.
pub(super) fn account_done(world: &mut World, id: &RequestId, account: &AccountId, version: u64) {
    let at = world.now;
    let Some(record) = world.provisionings.get(id).cloned() else { return };
    let wait = reach::waits_until(world, account, record.accepted_at);
    let active = wait.is_none();
    if let Some(until) = wait.filter(|until| at < *until)
        && record.doomed.is_none()
    {
        let due = Due::Provisioned { request: id.clone(), account: account.clone(), version };
        world.schedule(until, due);
        return;
    }
    let missing = world.faults.missing_policies.get(&(account.clone(), record.permission_set.clone()));
    let failed = match (&record.doomed, active, missing) {
        (Some(reason), _, _) => Some(reason.clone()),
        (None, false, _) => Some(reach::never(account)),
        (None, true, Some(policy)) => Some(requests::policy_is_missing(policy)),
        // The operation declares no error for the quota, so it is the request that fails.
        (None, true, None) => quotas::of_provisioning(world, account, &record.permission_set),
    };
    if failed.is_none() && world.permission_sets.contains_key(&record.permission_set) {
        world.assignments.provision(at, account, &record.permission_set, version, true);
    }
    let ended = world.provisionings.get_mut(id).is_some_and(|record| {
        record.failed = record.failed.take().or(failed);
        record.left.remove(account);
        record.left.is_empty()
    });
    if ended {
        end(world, id);
    }
    requests::pass_on(world, account, id);
}

/// A request comes to its end.
pub(super) fn end(world: &mut World, id: &RequestId) {
    let at = world.now;
    world.provisionings.under_way.remove(id);
    if let Some(record) = world.provisionings.get_mut(id) {
        let reason = record.failed.take().or_else(|| record.doomed.clone());
        record.settled = Some((at, reason.map_or(Ok(()), Err)));
    }
}

fn shape(record: &ProvisioningRecord) -> wire::ProvisioningStatus {
    wire::ProvisioningStatus {
        status: status_at(record, Timestamp::MAX).to_owned(),
        request_id: record.id.to_string(),
        account_id: record.account.as_ref().map(ToString::to_string),
        permission_set_arn: record.permission_set.to_string(),
        failure_reason: failure(record),
        created_date: Epoch(record.accepted_at),
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribePermissionSetProvisioningStatus,
) -> Result<wire::ProvisioningStatusOutput, ApiError> {
    let id = &input.provision_permission_set_request_id;
    let member = "provisionPermissionSetRequestId";
    let records = &world.provisionings;
    let record = statuses::described(world, call, &input.instance_arn, member, id, |id| records.get(id))?;
    Ok(wire::ProvisioningStatusOutput { permission_set_provisioning_status: shape(record) })
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListPermissionSetProvisioningStatus,
) -> Result<wire::ProvisioningStatusesOutput, ApiError> {
    let asked = statuses::Asked {
        instance: &input.instance_arn,
        filter: input.filter.as_ref(),
        page: PageRequest { token: input.next_token.as_deref(), size: input.max_results },
    };
    let records = world.provisionings.records.iter().enumerate();
    let (permission_sets_provisioning_status, next_token) = statuses::listed(world, call, &asked, records)?;
    Ok(wire::ProvisioningStatusesOutput { permission_sets_provisioning_status, next_token })
}
