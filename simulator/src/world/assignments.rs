//! The assignments that exist, with their past, and the lists of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::domain::{AccountId, AssignmentKey, PermissionSetArn, Principal, RequestId};

use super::{
    Call, World, earlier,
    paging::{PageRequest, page},
    timeline::Timeline,
    validate,
};
use crate::{ApiError, Caller, CallerKind, wire::sso_admin as wire};

/// Who made an assignment, when, and by which request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Made {
    /// Who asked for it.
    pub by: Caller,
    /// When it took effect.
    pub at: Timestamp,
    /// The request; `None` for one that was put there by hand.
    pub request: Option<RequestId>,
}

type ByPrincipal = BTreeMap<Principal, Timeline<Option<Made>>>;

/// All assignments that there are or were.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(crate) struct Assignments {
    by_account: BTreeMap<AccountId, BTreeMap<PermissionSetArn, ByPrincipal>>,
    #[serde(with = "crate::pairs")]
    by_principal: BTreeMap<Principal, BTreeSet<(AccountId, PermissionSetArn)>>,
    /// The accounts in which a permission set is or was provisioned.
    by_permission_set: BTreeMap<PermissionSetArn, BTreeSet<AccountId>>,
    /// The version of the permission set that each account's role has had; none where there was no role.
    roles: BTreeMap<AccountId, BTreeMap<PermissionSetArn, Timeline<Option<u64>>>>,
}

/// Assignments as a state holds them.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    assignments: Vec<History>,
    roles: BTreeMap<AccountId, BTreeMap<PermissionSetArn, Timeline<Option<u64>>>>,
}

/// One assignment, with all that it has been.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    key: AssignmentKey,
    made: Timeline<Option<Made>>,
}

impl From<Assignments> for Written {
    fn from(assignments: Assignments) -> Self {
        let Assignments { by_account, by_principal: _, by_permission_set: _, roles } = assignments;
        let mut written = Self { assignments: Vec::new(), roles };
        for (account, sets) in by_account {
            for (permission_set, principals) in sets {
                for (principal, made) in principals {
                    let key = AssignmentKey {
                        account: account.clone(),
                        permission_set: permission_set.clone(),
                        principal,
                    };
                    written.assignments.push(History { key, made });
                }
            }
        }
        written
    }
}

impl From<Written> for Assignments {
    fn from(written: Written) -> Self {
        let mut assignments = Self { roles: written.roles, ..Self::default() };
        for (account, sets) in &assignments.roles {
            for set in sets.keys() {
                assignments.by_permission_set.entry(set.clone()).or_default().insert(account.clone());
            }
        }
        for History { key: AssignmentKey { account, permission_set, principal }, made } in written.assignments
        {
            let place = (account.clone(), permission_set.clone());
            assignments.by_principal.entry(principal.clone()).or_default().insert(place);
            assignments.by_permission_set.entry(permission_set.clone()).or_default().insert(account.clone());
            let sets = assignments.by_account.entry(account).or_default();
            sets.entry(permission_set).or_default().insert(principal, made);
        }
        assignments
    }
}

impl Assignments {
    fn principals(&self, account: &AccountId, set: &PermissionSetArn) -> Option<&ByPrincipal> {
        self.by_account.get(account).and_then(|sets| sets.get(set))
    }

    pub(super) fn get(&self, key: &AssignmentKey) -> Option<&Made> {
        self.principals(&key.account, &key.permission_set)?.get(&key.principal)?.latest()?.as_ref()
    }

    /// All that an assignment has been, oldest first.
    pub(super) fn history(&self, key: &AssignmentKey) -> Vec<(Timestamp, Option<Made>)> {
        let line =
            self.principals(&key.account, &key.permission_set).and_then(|line| line.get(&key.principal));
        line.map(|line| line.entries().to_vec()).unwrap_or_default()
    }

    /// From `at` on the assignment exists, or doesn't.
    pub(super) fn set(&mut self, at: Timestamp, key: &AssignmentKey, made: Option<Made>) {
        let AssignmentKey { account, permission_set, principal } = key;
        self.by_principal
            .entry(principal.clone())
            .or_default()
            .insert((account.clone(), permission_set.clone()));
        let ends = made.is_none();
        self.by_account
            .entry(account.clone())
            .or_default()
            .entry(permission_set.clone())
            .or_default()
            .entry(principal.clone())
            .or_default()
            .set(at, made);
        // The end of the last assignment takes the role away.
        if ends && self.keys_in(account, permission_set).next().is_none() {
            self.end_role(at, account, permission_set);
        }
    }

    /// How many principals have or had a permission set in an account.
    pub(super) fn ever_in(&self, account: &AccountId, set: &PermissionSetArn) -> usize {
        self.principals(account, set).map_or(0, BTreeMap::len)
    }

    fn end_role(&mut self, at: Timestamp, account: &AccountId, set: &PermissionSetArn) {
        if let Some(role) = self.roles.get_mut(account).and_then(|sets| sets.get_mut(set)) {
            role.set(at, None);
        }
    }

    /// From `at` on the account's role has this version; one that is there keeps the version that it has unless it is to be renewed.
    pub(super) fn provision(
        &mut self,
        at: Timestamp,
        account: &AccountId,
        set: &PermissionSetArn,
        version: u64,
        renew: bool,
    ) {
        self.by_permission_set.entry(set.clone()).or_default().insert(account.clone());
        let role = self.roles.entry(account.clone()).or_default().entry(set.clone()).or_default();
        if renew || !matches!(role.latest(), Some(Some(_))) {
            role.set(at, Some(version));
        }
    }

    /// The version of a permission set that an account's role has.
    fn role(&self, account: &AccountId, set: &PermissionSetArn, at: Timestamp) -> Option<u64> {
        self.roles.get(account)?.get(set)?.at(at).copied().flatten()
    }

    /// A permission set is in an account from its first assignment there, or from being provisioned without one, to the end of the
    /// last assignment, or of the permission set.
    pub(super) fn is_provisioned(&self, account: &AccountId, set: &PermissionSetArn, at: Timestamp) -> bool {
        self.role(account, set, at).is_some()
    }

    /// The accounts in which a permission set is provisioned now.
    pub(super) fn accounts_with(&self, set: &PermissionSetArn) -> impl Iterator<Item = &AccountId> {
        let accounts = self.by_permission_set.get(set).into_iter().flatten();
        accounts.filter(|account| self.is_provisioned(account, set, Timestamp::MAX))
    }

    /// Whether anybody has a permission set in any account.
    pub(super) fn is_assigned(&self, set: &PermissionSetArn) -> bool {
        let mut accounts = self.by_permission_set.get(set).into_iter().flatten();
        accounts.any(|account| self.keys_in(account, set).next().is_some())
    }

    /// Takes all roles of a permission set away, which came about without an assignment.
    pub(super) fn end_roles(&mut self, at: Timestamp, set: &PermissionSetArn) {
        let accounts: Vec<AccountId> = self.accounts_with(set).cloned().collect();
        for account in &accounts {
            self.end_role(at, account, set);
        }
    }

    /// The permission sets that are provisioned in an account now.
    pub(super) fn provisioned_in(&self, account: &AccountId) -> impl Iterator<Item = &PermissionSetArn> {
        let roles = self.roles.get(account).into_iter().flatten();
        roles.filter(|(_, role)| matches!(role.latest(), Some(Some(_)))).map(|(set, _)| set)
    }

    /// Ends all assignments and takes all roles away.
    pub(super) fn end_all(&mut self, at: Timestamp) {
        for key in self.all().into_keys() {
            self.set(at, &key, None);
        }
        for role in self.roles.values_mut().flat_map(BTreeMap::values_mut) {
            role.set(at, None);
        }
    }

    /// The assignments of a permission set that an account has now.
    pub(super) fn keys_in<'a>(
        &'a self,
        account: &'a AccountId,
        set: &'a PermissionSetArn,
    ) -> impl Iterator<Item = AssignmentKey> + 'a {
        let principals = self.principals(account, set).into_iter().flatten();
        principals.filter(|(_, line)| matches!(line.latest(), Some(Some(_)))).map(|(principal, _)| {
            AssignmentKey {
                account: account.clone(),
                permission_set: set.clone(),
                principal: principal.clone(),
            }
        })
    }

    pub(super) fn all(&self) -> BTreeMap<AssignmentKey, Made> {
        let mut all = BTreeMap::new();
        for (account, sets) in &self.by_account {
            for (set, principals) in sets {
                for (principal, line) in principals {
                    if let Some(Some(made)) = line.latest() {
                        let key = AssignmentKey {
                            account: account.clone(),
                            permission_set: set.clone(),
                            principal: principal.clone(),
                        };
                        all.insert(key, made.clone());
                    }
                }
            }
        }
        all
    }
}

pub(super) fn principal_type(principal: &Principal) -> &'static str {
    match principal {
        Principal::Group(_) => "GROUP",
        Principal::User(_) => "USER",
    }
}

fn shape(account: &AccountId, set: &PermissionSetArn, principal: &Principal) -> wire::Assignment {
    wire::Assignment {
        account_id: account.to_string(),
        permission_set_arn: set.to_string(),
        principal_type: principal_type(principal).to_owned(),
        principal_id: principal.id().to_owned(),
    }
}

fn seen(world: &World, call: &Call) -> Timestamp {
    earlier(call.now, world.settings.list_lag)
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountAssignments,
) -> Result<wire::AssignmentsOutput, ApiError> {
    let account: AccountId = validate::id(call, "accountId", &input.account_id)?;
    let set = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let seen = seen(world, call);
    let entries = world
        .assignments
        .principals(&account, &set)
        .into_iter()
        .flatten()
        .filter(|(_, line)| matches!(line.at(seen), Some(Some(_))))
        .map(|(principal, _)| (principal.to_string(), shape(&account, &set, principal)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (account_assignments, next_token) = page(call, &request, entries)?;
    Ok(wire::AssignmentsOutput { account_assignments, next_token })
}

pub(super) fn list_for_principal(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountAssignmentsForPrincipal,
) -> Result<wire::AssignmentsOutput, ApiError> {
    validate::instance(world, call, &input.instance_arn)?;
    if call.caller.kind != CallerKind::Management
        && world.settings.assumptions.principal_lists_need_the_management_account
    {
        return Err(ApiError::denied("This action must be called from the management account."));
    }
    let principal = validate::principal(call, &input.principal_type, &input.principal_id)?;
    let only: Option<AccountId> = input
        .filter
        .as_ref()
        .and_then(|filter| filter.account_id.as_deref())
        .map(|id| validate::id(call, "filter.accountId", id))
        .transpose()?;
    let mut principals = vec![principal.clone()];
    if let Principal::User(user) = &principal
        && world.settings.assumptions.user_lists_hold_group_assignments
    {
        principals.extend(world.directory.groups_of(user).map(|(_, group)| Principal::Group(group.clone())));
    }
    let seen = seen(world, call);
    let mut entries = BTreeMap::new();
    for principal in &principals {
        for (account, set) in world.assignments.by_principal.get(principal).into_iter().flatten() {
            let line =
                world.assignments.principals(account, set).and_then(|principals| principals.get(principal));
            let there = line.is_some_and(|line| matches!(line.at(seen), Some(Some(_))));
            if there && only.as_ref().is_none_or(|only| only == account) {
                entries.insert(format!("{account} {set} {principal}"), shape(account, set, principal));
            }
        }
    }
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (account_assignments, next_token) = page(call, &request, entries.into_iter())?;
    Ok(wire::AssignmentsOutput { account_assignments, next_token })
}

/// Whether a list asks for roles of the newest version, or for those that are behind, if it doesn't take both.
fn asks_for_newest(call: &Call, status: Option<&str>) -> Result<Option<bool>, ApiError> {
    let Some(status) = status else { return Ok(None) };
    let newest = "LATEST_PERMISSION_SET_PROVISIONED";
    validate::one_of(call, "provisioningStatus", status, &[newest, "LATEST_PERMISSION_SET_NOT_PROVISIONED"])?;
    Ok(Some(status == newest))
}

/// Whether an account had a permission set then, in a version as it is asked for.
fn had(
    world: &World,
    seen: Timestamp,
    account: &AccountId,
    set: &PermissionSetArn,
    newest: Option<bool>,
) -> bool {
    let role = world.assignments.role(account, set, seen);
    let latest = world.permission_sets.get(set).map(|set| set.version);
    role.is_some() && newest.is_none_or(|newest| (role == latest) == newest)
}

pub(super) fn provisioned_to(
    world: &mut World,
    call: &Call,
    input: &wire::ListPermissionSetsProvisionedToAccount,
) -> Result<wire::PermissionSetsOutput, ApiError> {
    validate::instance(world, call, &input.instance_arn)?;
    let account: AccountId = validate::id(call, "accountId", &input.account_id)?;
    let newest = asks_for_newest(call, input.provisioning_status.as_deref())?;
    let seen = seen(world, call);
    let sets = world.assignments.roles.get(&account).into_iter().flat_map(BTreeMap::keys);
    let sets = sets.filter(|set| had(world, seen, &account, set, newest)).map(ToString::to_string);
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (permission_sets, next_token) = page(call, &request, sets.map(|set| (set.clone(), set)))?;
    Ok(wire::PermissionSetsOutput { permission_sets, next_token })
}

pub(super) fn accounts_with(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountsForProvisionedPermissionSet,
) -> Result<wire::AccountIdsOutput, ApiError> {
    let set = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let newest = asks_for_newest(call, input.provisioning_status.as_deref())?;
    let seen = seen(world, call);
    let accounts = world.assignments.by_permission_set.get(&set).into_iter().flatten();
    let ids = accounts.filter(|account| had(world, seen, account, &set, newest)).map(ToString::to_string);
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (account_ids, next_token) = page(call, &request, ids.map(|id| (id.clone(), id)))?;
    Ok(wire::AccountIdsOutput { account_ids, next_token })
}
