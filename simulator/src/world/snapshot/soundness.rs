//! Whether a state that was read hangs together: what it refers to is there, the organization is a tree, and its indexes agree.
//!
//! A state is written by a world, but people edit the file: a mistake has to be told when it is read, with its place, and not to come out
//! in some later call. What AWS leaves dangling is no mistake: assignments of deleted principals and of accounts that have left.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::{GroupId, OuId, ParentId, UserId};

use super::{super::Due, Snapshot, directory::Directory, organization::Organization};
use crate::iam::Step;

/// Counters beyond this are no world's; it leaves room for all that may still be counted.
const MOST: u64 = u64::MAX / 2;

/// What doesn't hang together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where, from the top of the state.
    pub(crate) way: Vec<Step>,
    /// What is wrong.
    pub(crate) message: String,
}

type Sound = Result<(), Mistake>;

fn unless(fine: bool, way: &[&str], message: impl FnOnce() -> String) -> Sound {
    if fine {
        return Ok(());
    }
    let way = way.iter().map(|member| Step::Member((*member).to_owned())).collect();
    Err(Mistake { way, message: message() })
}

impl Snapshot {
    /// Refuses a state that doesn't hang together.
    pub(crate) fn is_sound(&self) -> Sound {
        tree(&self.organization)?;
        accounts(&self.organization)?;
        names(&self.directory)?;
        memberships(&self.directory)?;
        self.requests_are_sound()?;
        for (way, count) in
            [("begun", self.begun), ("ids", self.ids.count()), ("outbox", self.outbox.count())]
        {
            unless(count <= MOST, &[way], || {
                format!("the counter of `{way}` is {count}: no world counts so far")
            })?;
        }
        Ok(())
    }

    fn requests_are_sound(&self) -> Sound {
        let mut ids = BTreeSet::new();
        let mut busy = BTreeSet::new();
        for request in self.requests.all() {
            unless(ids.insert(&request.id), &["requests"], || {
                format!("there are two requests with the id `{}`", request.id)
            })?;
            unless(request.settled.is_some() || busy.insert(&request.key), &["requests"], || {
                format!("two requests for one assignment are under way, one of them `{}`", request.id)
            })?;
        }
        for provisioning in self.provisionings.all() {
            unless(ids.insert(&provisioning.id), &["provisionings"], || {
                format!("there are two requests with the id `{}`", provisioning.id)
            })?;
        }
        for due in self.due.values() {
            let (known, what) = match due {
                Due::Request(id) | Due::ProvisioningEnded(id) | Due::Provisioned { request: id, .. } => {
                    (ids.contains(id), format!("request `{id}`"))
                }
                Due::AccountMade(id) => {
                    (self.organization.creations.contains_key(id), format!("account creation `{id}`"))
                }
                // An account may leave while its closing is due, which then does nothing.
                Due::AccountClosed { .. } | Due::AccountCleaned { .. } => (true, String::new()),
            };
            unless(known, &["due"], || format!("there is no {what} that could end"))?;
        }
        Ok(())
    }
}

fn parent_is_there(organization: &Organization, parent: &ParentId, way: &[&str]) -> Sound {
    unless(organization.exists(parent), way, || match parent {
        ParentId::Root(root) => {
            format!("the parent is the root `{root}`, and the organization's root is `{}`", organization.root)
        }
        ParentId::Ou(ou) => format!("the parent is the OU `{ou}`, which isn't there"),
    })
}

/// All OUs hang below the root.
fn tree(organization: &Organization) -> Sound {
    for (id, unit) in &organization.units {
        parent_is_there(organization, &unit.parent, &["organization", "units", id.as_str(), "parent"])?;
    }
    // Each OU is passed once: on the way up from one of them until the root, or until one that is known to hang below it.
    let mut hanging: BTreeSet<&OuId> = BTreeSet::new();
    for start in organization.units.keys() {
        let mut passed = BTreeSet::new();
        let mut at = organization.units.get_key_value(start);
        while let Some((id, unit)) = at.filter(|(id, _)| !hanging.contains(id)) {
            unless(passed.insert(id), &["organization", "units", id.as_str(), "parent"], || {
                format!("the OU `{id}` lies below itself")
            })?;
            at = match &unit.parent {
                ParentId::Root(_) => None,
                ParentId::Ou(parent) => organization.units.get_key_value(parent),
            };
        }
        hanging.append(&mut passed);
    }
    Ok(())
}

fn accounts(organization: &Organization) -> Sound {
    let management = &organization.management;
    unless(organization.account(management).is_some(), &["organization", "management"], || {
        format!("the management account `{management}` is not among the accounts")
    })?;
    for id in organization.accounts.keys() {
        let way = ["organization", "accounts", id.as_str()];
        let Some(facts) = organization.account(id) else {
            return unless(false, &way, || format!("nothing is said of the account `{id}`"));
        };
        parent_is_there(organization, &facts.parent, &way)?;
        unless(!organization.outside.contains_key(id), &["organization", "outside", id.as_str()], || {
            format!("the account `{id}` is a member and outside")
        })?;
    }
    for id in organization.delegations.keys() {
        unless(
            organization.accounts.contains_key(id),
            &["organization", "delegations", id.as_str()],
            || format!("the delegated administrator `{id}` is not among the accounts"),
        )?;
    }
    Ok(())
}

/// Whether an index has a name, in one spelling or the other, for this id: how names are compared may have been changed since.
fn is_indexed<I: PartialEq>(index: &BTreeMap<String, I>, name: &str, id: &I) -> bool {
    index.get(name) == Some(id) || index.get(&name.to_lowercase()) == Some(id)
}

fn names(directory: &Directory) -> Sound {
    let Directory { groups, users, group_names, user_names, emails, external_groups, external_users, .. } =
        directory;
    for (id, group) in groups {
        let fine = group.name.as_ref().is_none_or(|name| is_indexed(group_names, name, id));
        unless(fine, &["directory", "groups", id.as_str()], || {
            format!("`group_names` doesn't find the group `{id}` by its name")
        })?;
    }
    for (id, user) in users {
        unless(is_indexed(user_names, user.user_name(), id), &["directory", "users", id.as_str()], || {
            format!("`user_names` doesn't find the user `{id}` by its name")
        })?;
    }
    let group_is_there = |index: &str, key: &str, id: &GroupId| {
        unless(groups.contains_key(id), &["directory", index, key], || format!("there is no group `{id}`"))
    };
    let user_is_there = |index: &str, key: &str, id: &UserId| {
        unless(users.contains_key(id), &["directory", index, key], || format!("there is no user `{id}`"))
    };
    group_names.iter().try_for_each(|(name, id)| group_is_there("group_names", name, id))?;
    user_names.iter().try_for_each(|(name, id)| user_is_there("user_names", name, id))?;
    emails.iter().try_for_each(|(email, id)| user_is_there("emails", email, id))?;
    external_groups.values().try_for_each(|id| group_is_there("external_groups", "", id))?;
    external_users.values().try_for_each(|id| user_is_there("external_users", "", id))
}

fn memberships(directory: &Directory) -> Sound {
    for (id, membership) in &directory.memberships {
        let (group, user) = (&membership.group, &membership.user);
        let way = ["directory", "memberships", id.as_str()];
        unless(directory.groups.contains_key(group), &way, || format!("there is no group `{group}`"))?;
        unless(directory.users.contains_key(user), &way, || format!("there is no user `{user}`"))?;
        let by_group = directory.members.get(group).and_then(|users| users.get(user));
        let by_user = directory.groups_of.get(user).and_then(|groups| groups.get(group));
        unless(by_group == Some(id) && by_user == Some(id), &way, || {
            "`members` and `groups_of` don't both have this membership".to_owned()
        })?;
    }
    let known = |way: &[&str], id: &String| {
        unless(directory.memberships.contains_key(id), way, || format!("there is no membership `{id}`"))
    };
    for (group, users) in &directory.members {
        users.values().try_for_each(|id| known(&["directory", "members", group.as_str()], id))?;
    }
    for (user, groups) in &directory.groups_of {
        groups.values().try_for_each(|id| known(&["directory", "groups_of", user.as_str()], id))?;
    }
    Ok(())
}
