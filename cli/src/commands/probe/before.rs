//! What is looked at before anything is made: that nothing which anybody has, or is to have, is touched.

use std::{collections::BTreeMap, sync::Arc};

use shared::{
    domain::{AccountId, AssignmentKey, PermissionSetArn, Principal, RuleId},
    ledger::Cause,
    ports::{AccountRecord, Ledger},
};

use crate::{
    Failure, Machine,
    args::{ConnectionArgs, ProbeArgs},
    desk::Desk,
    failure::{ProbeFailure, Unknown},
    look_up, suggestions,
};

use super::Hands;

/// What may be made.
pub(super) struct Looked {
    pub(super) account: AccountId,
    pub(super) account_name: String,
    /// With their names.
    pub(super) sets: BTreeMap<PermissionSetArn, String>,
    pub(super) principals: BTreeMap<Principal, PrincipalTold>,
    pub(super) keys: Vec<AssignmentKey>,
}

/// Who would have access.
pub(super) struct PrincipalTold {
    /// As it was written.
    pub(super) name: String,
    /// How many are in the group; `None` of a user.
    pub(super) people: Option<usize>,
}

/// Looks everything up, and refuses what is somebody's.
pub(super) async fn look(
    arguments: &ProbeArgs,
    hands: &Hands,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Looked, Failure> {
    let (aws, ledger) = (&hands.aws, Arc::clone(&hands.ledger));
    let text = arguments.account.as_deref().unwrap_or_default();
    let account = look_up::account(text, aws).await?;
    let record = aws.organization.account(&account).await.map_err(Failure::LookUp)?;
    let record = record.ok_or_else(|| suggestions::no_account::<AccountRecord>(account.as_str(), &[]))?;
    let organization = aws.organization.organization().await.map_err(Failure::LookUp)?;
    if account == organization.management_account {
        return Err(ProbeFailure::ManagementAccount(account).into());
    }
    if !record.state.is_active() {
        return Err(ProbeFailure::NotActive { account, state: record.state }.into());
    }
    let mut sets = BTreeMap::new();
    let mut keys: Vec<AssignmentKey> = Vec::new();
    let mut in_order = Vec::new();
    for text in &arguments.permission_sets {
        let set = look_up::permission_set(text, aws, ledger.as_ref()).await?;
        if sets.insert(set.clone(), text.clone()).is_none() {
            in_order.push(set);
        }
    }
    let mut principals = BTreeMap::new();
    let mut who = Vec::new();
    for text in &arguments.principals {
        let principal = text.look_up(aws).await?;
        let people = match &principal {
            Principal::Group(group) => {
                let members = aws.directory.members(group).await.map_err(Failure::LookUp)?;
                let members =
                    members.ok_or_else(|| Unknown::Nobody { name: text.to_string(), nearest: Vec::new() })?;
                Some(members.len())
            }
            Principal::User(_) => None,
        };
        let told = PrincipalTold { name: text.to_string(), people };
        if principals.insert(principal.clone(), told).is_none() {
            who.push(principal);
        }
    }
    for permission_set in &in_order {
        keys.extend(who.iter().map(|principal| AssignmentKey {
            account: account.clone(),
            permission_set: permission_set.clone(),
            principal: principal.clone(),
        }));
    }
    is_nobodys(ledger, &keys, arguments, connection, machine).await?;
    for set in &in_order {
        let there = aws.access.principals(&account, set).await.map_err(Failure::LookUp)?;
        let is_there = |key: &&AssignmentKey| key.permission_set == *set && there.contains(&key.principal);
        if let Some(key) = keys.iter().find(is_there) {
            return Err(ProbeFailure::AlreadyThere(key.clone()).into());
        }
    }
    Ok(Looked { account, account_name: record.name, sets, principals, keys })
}

/// Nothing of it is in the ledger, and no rule in force wants it.
async fn is_nobodys(
    ledger: Arc<dyn Ledger>,
    keys: &[AssignmentKey],
    arguments: &ProbeArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<(), Failure> {
    let Some(AssignmentKey { account, permission_set, .. }) = keys.first() else { return Ok(()) };
    let rows = ledger.rows_of(account).await?;
    if let Some(row) = rows.iter().find(|row| keys.contains(&row.key) && row.state.label() != "closed") {
        let state = row.state.label();
        return Err(ProbeFailure::InLedger { key: row.key.clone(), state }.into());
    }
    if ledger.rules_in_force().await?.is_none() {
        return Ok(());
    }
    let desk = Desk::of(&[], ledger, &arguments.ledger.at, connection, machine).await?;
    let cause = Cause::new("command", "probe");
    let planner = desk.planner();
    let dossier = Box::pin(planner.dossier(account, Some(permission_set), &cause)).await;
    let cannot_tell = |why| ProbeFailure::CannotTell { account: account.clone(), why };
    let dossier = dossier.map_err(|error| cannot_tell(shared::causes::joined(&error)))?;
    let Some(opened) = dossier.found else { return Ok(()) };
    if let Some((rule, why)) = opened.desired.frozen.first_key_value() {
        return Err(cannot_tell(format!("rule {rule}: {why}")).into());
    }
    let wanted = keys.iter().find_map(|key| Some((key, opened.desired.wanted.get(key)?)));
    if let Some((key, rules)) = wanted {
        let rules = rules.keys().map(RuleId::to_string).collect();
        return Err(ProbeFailure::Wanted { key: key.clone(), rules }.into());
    }
    Ok(())
}
