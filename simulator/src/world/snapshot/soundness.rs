//! Whether a state that was read hangs together: what it refers to is there, the organization is a tree, and its indexes agree.
//!
//! A state is written by a world, but people edit the file: a mistake has to be told when it is read, with its place, and not to come out
//! in some later call. What AWS leaves dangling is no mistake: assignments of deleted principals and of accounts that have left.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::{AccountId, OuId, ParentId, RequestId};

use super::{super::Due, Instance, Snapshot, directory::Directory, organization::Organization};
use crate::{iam::Step, wire::identity_store::ExternalId};

/// Counters beyond this are no world's; it leaves room for all that may still be counted, and every tool reads such numbers exactly.
pub(crate) const MOST_COUNTED: u64 = 1 << 53;

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
    let steps = || way.iter().map(|member| Step::Member((*member).to_owned())).collect();
    unless_at(fine, steps, message)
}

fn unless_at(fine: bool, way: impl FnOnce() -> Vec<Step>, message: impl FnOnce() -> String) -> Sound {
    if fine { Ok(()) } else { Err(Mistake { way: way(), message: message() }) }
}

fn is_countable(count: u64, way: &[&str], says: impl FnOnce() -> String) -> Sound {
    unless(count <= MOST_COUNTED, way, || format!("{}: no world counts so far", says()))
}

impl Snapshot {
    /// Refuses a state that doesn't hang together.
    pub(crate) fn is_sound(&self) -> Sound {
        tree(&self.organization)?;
        accounts(&self.organization)?;
        emails(&self.organization)?;
        self.owners_are_there()?;
        self.permission_sets_are_sound()?;
        names(&self.directory)?;
        external_names(&self.directory)?;
        memberships(&self.directory)?;
        self.requests_are_sound()?;
        self.turns_end()?;
        for (way, count) in
            [("begun", self.begun), ("ids", self.ids.count()), ("outbox", self.outbox.count())]
        {
            is_countable(count, &[way], || format!("the counter of `{way}` is {count}"))?;
        }
        changes(&self.directory)
    }

    /// The organization's instance is the management account's. Others are of whoever made them, who may have left, or never have been here.
    fn owners_are_there(&self) -> Sound {
        for (at, instance) in self.instances.iter().enumerate() {
            let Instance { arn, owner, .. } = instance;
            let fine = instance.is_of_account() || *owner == self.organization.management;
            let member = |name: &str| Step::Member(name.to_owned());
            let way = [member("instances"), Step::Item(at), member("owner")];
            unless_at(
                fine,
                || way.to_vec(),
                || {
                    format!(
                        "the instance `{arn}` belongs to the account `{owner}`, and not to the management account"
                    )
                },
            )?;
        }
        Ok(())
    }

    fn permission_sets_are_sound(&self) -> Sound {
        let mut names = BTreeSet::new();
        for (arn, set) in &self.permission_sets {
            let way = ["permission_sets", arn.as_str()];
            unless(names.insert(&set.name), &way, || {
                format!("there are two permission sets named `{}`", set.name)
            })?;
            let version = set.version;
            let way = ["permission_sets", arn.as_str(), "version"];
            unless(version > 0, &way, || "versions are counted from 1".to_owned())?;
            is_countable(version, &way, || format!("the version is {version}"))?;
        }
        Ok(())
    }

    /// A request that has the turn in an account is under way and will come to its end: else nothing there would ever happen again.
    fn turns_end(&self) -> Sound {
        let mut ending: BTreeSet<(&RequestId, Option<&AccountId>)> = BTreeSet::new();
        for due in self.due.values() {
            match due {
                Due::Request(id) => drop(ending.insert((id, None))),
                Due::Provisioned { request, account, .. } => drop(ending.insert((request, Some(account)))),
                Due::ProvisioningEnded(_)
                | Due::AccountMade(_)
                | Due::AccountClosed { .. }
                | Due::AccountCleaned { .. } => {}
            }
        }
        for (account, holder, waiting) in self.turns.all() {
            let way = ["turns", "accounts", account.as_str()];
            for id in std::iter::once(holder).chain(waiting) {
                let under_way =
                    self.requests.is_under_way(account, id) || self.provisionings.is_left(account, id);
                unless(under_way, &way, || format!("no request `{id}` is under way in the account"))?;
            }
            let ends = ending.contains(&(holder, None)) || ending.contains(&(holder, Some(account)));
            unless(ends, &way, || {
                format!("the request `{holder}` has the turn, and nothing in `due` would ever end it")
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

/// No two accounts have one e-mail address, be they members or not.
fn emails(organization: &Organization) -> Sound {
    let mut seen = BTreeSet::new();
    let accounts = organization.accounts.keys().map(|id| ("accounts", id));
    let outside = organization.outside.keys().map(|id| ("outside", id));
    for (kind, id) in accounts.chain(outside) {
        let email = organization.email_of(id).unwrap_or_default();
        unless(seen.insert(email.to_ascii_lowercase()), &["organization", kind, id.as_str()], || {
            format!("two accounts have the e-mail address `{email}`")
        })?;
    }
    Ok(())
}

/// How often things were changed.
fn changes(directory: &Directory) -> Sound {
    let groups = directory.groups.iter().map(|(id, group)| ("groups", id.as_str(), &group.record));
    let users = directory.users.iter().map(|(id, user)| ("users", id.as_str(), &user.record));
    let memberships =
        directory.memberships.iter().map(|(id, joined)| ("memberships", id.as_str(), &joined.record));
    for (kind, id, record) in groups.chain(users).chain(memberships) {
        let changes = record.changes();
        let way = ["directory", kind, id, "record", "changes"];
        is_countable(changes, &way, || format!("there were {changes} changes"))?;
    }
    Ok(())
}

/// Whether a name is spelled so in an index, in one spelling or the other.
fn is_spelled(name: Option<&str>, key: &str) -> bool {
    name.is_some_and(|name| name == key || name.to_lowercase() == key)
}

/// Whether an index has a name, in one spelling or the other, for this id: how names are compared may have been changed since.
fn is_indexed<I: PartialEq>(index: &BTreeMap<String, I>, name: &str, id: &I) -> bool {
    index.get(name) == Some(id) || index.get(&name.to_lowercase()) == Some(id)
}

fn names(directory: &Directory) -> Sound {
    let Directory { groups, users, group_names, user_names, emails, .. } = directory;
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
    for (key, id) in group_names {
        let group = groups.get(id);
        let way = ["directory", "group_names", key];
        unless(group.is_some(), &way, || format!("there is no group `{id}`"))?;
        let name = group.and_then(|group| group.name.as_deref());
        unless(is_spelled(name, key), &way, || {
            format!("the group `{id}` is not named `{key}` but `{}`", name.unwrap_or_default())
        })?;
    }
    for (index, keys, what) in [("user_names", user_names, "name"), ("emails", emails, "e-mail address")] {
        for (key, id) in keys {
            let user = users.get(id);
            let way = ["directory", index, key];
            unless(user.is_some(), &way, || format!("there is no user `{id}`"))?;
            let own =
                user.and_then(|user| if index == "emails" { user.email() } else { Some(user.user_name()) });
            unless(is_spelled(own, key), &way, || {
                format!("the {what} of the user `{id}` is not `{key}` but `{}`", own.unwrap_or_default())
            })?;
        }
    }
    Ok(())
}

/// What identity providers call groups and users: each finds the one that has it, and so no two have the same.
fn external_names(directory: &Directory) -> Sound {
    let Directory { groups, users, external_groups, external_users, .. } = directory;
    let of_groups = groups.iter().map(|(id, group)| (id, &group.external_ids));
    external_ids("groups", "external_groups", of_groups, external_groups)?;
    let of_users = users.iter().map(|(id, user)| (id, &user.external_ids));
    external_ids("users", "external_users", of_users, external_users)
}

fn external_ids<'d, I: Ord + std::fmt::Display + 'd>(
    kind: &str,
    index: &str,
    named: impl Iterator<Item = (&'d I, &'d Vec<ExternalId>)>,
    known: &BTreeMap<(String, String), I>,
) -> Sound {
    let mut had = 0;
    for (id, names) in named {
        for ExternalId { issuer, id: name } in names {
            had += 1;
            let found = known.get(&(issuer.clone(), name.clone()));
            unless(found == Some(id), &["directory", kind, &id.to_string()], || {
                format!("`{index}` doesn't find `{id}` by what `{issuer}` calls it, `{name}`")
            })?;
        }
    }
    // All that are had are found; what is found beyond that, nobody has.
    unless(had == known.len(), &["directory", index], || {
        "there is an external id here that nobody has".to_owned()
    })
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
