//! What people do. An act that can't be done at that moment is none.

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    domain::{Account, AccountState, AssignmentKey, GroupId, ParentId, Principal, UserId},
    engine::consent::Proposal,
    ledger::{Cause, HoldScope},
    ports::{Clock as _, LedgerReader as _},
};
use simulator::{
    World,
    wire::{identity_store as store, organizations as org, sso_admin as sso},
};

use super::{documents, history::Act, simulation::Simulation};
use crate::scenarios::{chance::Chance, service::USHER};

pub(super) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";

const UNITS: [&str; 4] = ["Workloads/Development", "Workloads/Production", "Sandbox", "Suspended"];
const ENVIRONMENTS: [&str; 3] = ["Development", "Production", "None"];
const GROUPS: [&str; 4] = ["Developers", "Support", "Auditors", "Team-One"];

pub(super) async fn act(simulation: &Simulation, act: Act, chance: &mut Chance) {
    let service = &simulation.service;
    match act {
        Act::TagAccount => {
            let account = an_account(&service.world(), chance);
            if let Some(account) = account {
                let (key, value) = if chance.percent(75) {
                    ("Environment", chance.one(&ENVIRONMENTS).copied().unwrap_or("None"))
                } else {
                    ("Team", if chance.percent(50) { "Team-One" } else { "Nobody" })
                };
                let tags = serde_json::from_value(json!([{ "Key": key, "Value": value }])).unwrap();
                let input = org::TagResource { resource_id: account.id.to_string(), tags };
                let _ = service.person(|world, now, who| world.call(now, who, input)).await;
            }
        }
        Act::UntagAccount => {
            let account = an_account(&service.world(), chance);
            if let Some(account) = account {
                let input = org::UntagResource {
                    resource_id: account.id.to_string(),
                    tag_keys: vec!["Environment".to_owned()],
                };
                let _ = service.person(|world, now, who| world.call(now, who, input)).await;
            }
        }
        Act::MoveAccount => {
            let to = chance.one(&UNITS).and_then(|path| service.world().ou_at(path)).map(ParentId::Ou);
            let account = an_account(&service.world(), chance);
            if let (Some(account), Some(to)) = (account, to) {
                let _ =
                    service.person(|world, now, who| world.move_account(now, who, &account.id, &to)).await;
            }
        }
        Act::ChangeState => {
            let account = an_account(&service.world(), chance);
            if let Some(account) = account {
                let state =
                    if account.state.is_active() { AccountState::Suspended } else { AccountState::Active };
                service.person(|world, now, _| world.set_account_state(now, &account.id, state)).await;
            }
        }
        Act::Depart => {
            let account = an_account(&service.world(), chance);
            let are_many = service.world().accounts_now().len() > 4;
            if let Some(account) = account.filter(|_| are_many) {
                service.person(|world, now, _| world.depart(now, &account.id)).await;
            }
        }
        Act::MakeAccount => make_account(simulation).await,
        Act::JoinOrLeaveGroup => join_or_leave(simulation, chance).await,
        Act::RenameGroup => {
            let groups: Vec<(String, GroupId)> = service.world().groups_now().into_iter().collect();
            if let Some((name, id)) = chance.one(&groups) {
                let other = name.strip_suffix("-old").map_or_else(|| format!("{name}-old"), str::to_owned);
                let _ = service.person(|world, now, who| world.rename_group(now, who, id, &other)).await;
            }
        }
        Act::TagSet => tag_set(simulation, chance).await,
        Act::EditSet => edit_set(simulation, chance).await,
        Act::GiveByHand => give(simulation, chance).await,
        Act::TakeByHand => take(simulation, chance).await,
        Act::Publish => documents::publish(simulation, chance).await,
        Act::Approve => approve(simulation, chance).await,
        Act::HoldOrRelease => hold_or_release(simulation, chance).await,
        Act::PauseOrResume => {
            if service.ledger.orders().await.unwrap().pause.is_some() {
                service.resume().await;
            } else {
                service.pause().await;
            }
        }
        Act::Adopt => {
            if let Some(key) = a_key(simulation, chance, false) {
                let unwanted = shared::engine::consent::Unwanted::Adopt;
                let _ = service.adopt(&key, unwanted).await;
            }
        }
        Act::Disown => {
            if let Some(key) = a_key(simulation, chance, true) {
                let _ = service.disown(&key).await;
            }
        }
        Act::ConfirmSet => {
            let sets = service.world().permission_sets_now();
            if let Some(set) = chance.one(&sets) {
                let access = &*service.ports.access;
                let _ = service.consent().confirm_permission_set(access, &set.name, None).await;
            }
        }
    }
}

/// An account of the organization, but never the management account.
fn an_account(world: &World, chance: &mut Chance) -> Option<Account> {
    let mut accounts = world.accounts_now();
    accounts.retain(|account| !account.is_management);
    chance.one(&accounts).cloned()
}

/// Somebody's assignment: one of Usher's, or one of others.
fn a_key(simulation: &Simulation, chance: &mut Chance, ours: bool) -> Option<AssignmentKey> {
    let assignments = simulation.service.world().assignments();
    let keys: Vec<AssignmentKey> = assignments
        .into_iter()
        .filter(|(_, made)| (*made.by.name == *USHER) == ours)
        .map(|(key, _)| key)
        .collect();
    chance.one(&keys).cloned()
}

async fn make_account(simulation: &Simulation) {
    let number = {
        let mut state = simulation.state.borrow_mut();
        state.made += 1;
        state.made
    };
    if number > 4 {
        return;
    }
    let name = format!("made-{number}");
    let input = org::CreateAccount {
        email: format!("aws+{name}@example.com"),
        account_name: name,
        role_name: None,
        iam_user_access_to_billing: None,
        tags: None,
    };
    let _ = simulation.service.person(|world, now, who| world.call(now, who, input)).await;
}

async fn join_or_leave(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let (groups, users, members) = {
        let world = service.world();
        let groups: Vec<GroupId> = world.groups_now().into_values().collect();
        let users: Vec<UserId> = world.users_now().into_values().collect();
        (groups, users, world.members_now())
    };
    let (Some(group), Some(user)) = (chance.one(&groups), chance.one(&users)) else { return };
    let is_in = members.get(group).is_some_and(|members| members.contains(user));
    let _ = service
        .person(|world, now, who| {
            if is_in {
                world.remove_from_group(now, who, group, user)
            } else {
                world.add_to_group(now, who, group, user)
            }
        })
        .await;
}

/// A group is deleted and made again under its name, with the same members.
pub(super) async fn make_group_again(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let name = chance.one(&GROUPS).copied().unwrap_or("Developers");
    let identity_store_id = service.world().identity_store();
    let input =
        store::CreateGroup { identity_store_id, display_name: Some(name.to_owned()), description: None };
    let there = service.world().group_named(name);
    let members = there.as_ref().and_then(|id| service.world().members_now().remove(id));
    let _ = service
        .person(|world, now, who| {
            if let Some(id) = &there {
                world.delete_group(now, who, id)?;
            }
            let made: GroupId = world.call(now, who, input)?.group_id.parse().unwrap();
            for user in members.into_iter().flatten() {
                world.add_to_group(now, who, &made, &user)?;
            }
            Ok::<_, simulator::ApiError>(())
        })
        .await;
}

/// A permission set is deleted, and what it gave with it, and made again under its name.
pub(super) async fn make_set_again(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let sets = service.world().permission_sets_now();
    let Some(set) = chance.one(&sets) else { return };
    let keys: Vec<AssignmentKey> =
        service.world().assignments().into_keys().filter(|key| key.permission_set == set.arn).collect();
    let tags: Vec<_> = set.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    let delete: sso::DeletePermissionSet =
        serde_json::from_value(json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set.arn })).unwrap();
    let create: sso::CreatePermissionSet =
        serde_json::from_value(json!({ "InstanceArn": INSTANCE, "Name": set.name, "Tags": tags })).unwrap();
    let _ = service
        .person(|world, now, who| {
            for key in &keys {
                world.revoke_by_hand(now, key);
            }
            world.call(now, who, delete)?;
            world.call(now, who, create).map(|_| ())
        })
        .await;
    simulation.did("taken by hand");
}

async fn tag_set(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let sets = service.world().permission_sets_now();
    let Some(set) = chance.one(&sets) else { return };
    let value = chance.one(&["All", "Development", "Production"]).copied().unwrap_or("All");
    let input: sso::TagResource = serde_json::from_value(json!({
        "InstanceArn": INSTANCE, "ResourceArn": set.arn, "Tags": [{ "Key": "Environment", "Value": value }],
    }))
    .unwrap();
    let _ = service.person(|world, now, who| world.call(now, who, input)).await;
}

async fn edit_set(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let sets = service.world().permission_sets_now();
    let Some(set) = chance.one(&sets) else { return };
    let input: sso::UpdatePermissionSet = serde_json::from_value(json!({
        "InstanceArn": INSTANCE, "PermissionSetArn": set.arn, "Description": format!("Edit {}", chance.below(1000)),
    }))
    .unwrap();
    let _ = service.person(|world, now, who| world.call(now, who, input)).await;
}

async fn give(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let (sets, groups) = {
        let world = service.world();
        (world.permission_sets_now(), world.groups_now().into_values().collect::<Vec<_>>())
    };
    let account = an_account(&service.world(), chance).filter(|account| account.state.is_active());
    let (Some(account), Some(set), Some(group)) = (account, chance.one(&sets), chance.one(&groups)) else {
        return;
    };
    let principal = Principal::Group(group.clone());
    let key = AssignmentKey { account: account.id, permission_set: set.arn.clone(), principal };
    if !service.exists(&key) {
        // Taken away and given again before Usher has looked: nothing in AWS tells the two apart (`docs/semantics.md`).
        if service.ledger.row(&key).await.unwrap().is_some_and(|row| row.is_ours()) {
            service.checker().taken_over.insert(key.clone());
        }
        simulation.state.borrow_mut().by_hand.push((key.clone(), service.clock.now()));
        service.grant_by_hand(&key).await;
        simulation.did("given by hand");
    }
}

async fn take(simulation: &Simulation, chance: &mut Chance) {
    let keys: Vec<AssignmentKey> = simulation.service.world().assignments().into_keys().collect();
    if let Some(key) = chance.one(&keys) {
        simulation.service.person(|world, now, _| world.revoke_by_hand(now, key)).await;
        simulation.did("taken by hand");
    }
}

/// Whatever waits for a budget at this moment is let through.
async fn approve(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let planner = service.ports.planner();
    let now = service.clock.now();
    let cause = Cause::new("command", &format!("plan-{now}"));
    let Ok(survey) = planner.everything(&cause).await else { return };
    let proposal = Proposal::of(&survey, None, &*service.ports.ledger, &cause, service.clock.now()).await;
    let Ok(proposal) = proposal else { return };
    let (from, lasting) =
        (service.clock.now(), SignedDuration::from_hours(1 + i64::from(chance.percent(50)) * 47));
    let approved = service.consent().approve_plan(&proposal, &proposal.hash().clone(), from + lasting).await;
    if approved.is_ok() {
        service.approved(&proposal, from, from + lasting, |_| true);
    }
}

async fn hold_or_release(simulation: &Simulation, chance: &mut Chance) {
    let service = &simulation.service;
    let held: Vec<HoldScope> = service.ledger.orders().await.unwrap().holds.into_keys().collect();
    if let Some(scope) = chance.one(&held).filter(|_| chance.clone().percent(60)) {
        return service.release(scope).await;
    }
    let groups: Vec<GroupId> = service.world().groups_now().into_values().collect();
    let scope = if chance.percent(50) {
        an_account(&service.world(), chance).map(|account| HoldScope::Account(account.id))
    } else {
        chance.one(&groups).cloned().map(|group| HoldScope::Principal(Principal::Group(group)))
    };
    if let Some(scope) = scope.filter(|scope| !held.contains(scope)) {
        simulation.did("held");
        service.hold(&scope).await;
    }
}

/// Names of people that must be in nothing that Usher tells.
pub(super) const PEOPLE: [&str; 4] =
    ["alba@example.com", "bruno@example.com", "Alba Example", "Bruno Example"];
