//! What is asked of a report: who can reach an account, what a person can reach.

use std::collections::{BTreeMap, BTreeSet};

use super::{Assignment, Audit, AuditedAccount, AuditedGroup, AuditedSet, Person};
use crate::domain::{AccountId, AssignmentKey, GroupId, PermissionSetArn, Principal, UserId};

/// A report's lists by id.
#[derive(Debug)]
pub struct Register<'a> {
    accounts: BTreeMap<&'a AccountId, &'a AuditedAccount>,
    sets: BTreeMap<&'a PermissionSetArn, &'a AuditedSet>,
    groups: BTreeMap<&'a GroupId, &'a AuditedGroup>,
    people: BTreeMap<&'a UserId, &'a Person>,
}

/// One way to an account: somebody, with a permission set, by an assignment.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    pub assignment: &'a Assignment,
    /// `None` where a group has nobody in it, or who is in it could not be read.
    pub person: Option<&'a Person>,
    /// The group that they have it through; `None` of what they have as their own.
    pub through: Option<&'a AuditedGroup>,
}

impl<'a> Register<'a> {
    pub fn of(audit: &'a Audit) -> Self {
        Self {
            accounts: audit.accounts.iter().map(|one| (&one.id, one)).collect(),
            sets: audit.permission_sets.iter().map(|one| (&one.arn, one)).collect(),
            groups: audit.groups.iter().map(|one| (&one.id, one)).collect(),
            people: audit.people.iter().map(|one| (&one.id, one)).collect(),
        }
    }

    pub fn account(&self, id: &AccountId) -> Option<&'a AuditedAccount> {
        self.accounts.get(id).copied()
    }

    pub fn set(&self, arn: &PermissionSetArn) -> Option<&'a AuditedSet> {
        self.sets.get(arn).copied()
    }

    pub fn group(&self, id: &GroupId) -> Option<&'a AuditedGroup> {
        self.groups.get(id).copied()
    }

    pub fn person(&self, id: &UserId) -> Option<&'a Person> {
        self.people.get(id).copied()
    }

    /// Whether it has this principal.
    pub fn knows(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Group(id) => self.groups.contains_key(id),
            Principal::User(id) => self.people.contains_key(id),
        }
    }

    /// The name of a principal; its id where there is none.
    pub fn principal_name(&self, principal: &'a Principal) -> &'a str {
        let name = match principal {
            Principal::Group(id) => self.group(id).map(|group| group.name.as_str()),
            Principal::User(id) => self.person(id).map(|person| person.user_name.as_str()),
        };
        name.unwrap_or_else(|| principal.id())
    }

    /// The name of a permission set; its own id where there is none.
    pub fn set_name(&self, arn: &'a PermissionSetArn) -> &'a str {
        let own = || arn.as_str().rsplit('/').next().unwrap_or_default();
        self.set(arn).map_or_else(own, |set| set.name.as_str())
    }

    /// The name of an account; its id where there is none.
    pub fn account_name(&self, id: &'a AccountId) -> &'a str {
        self.account(id).map_or_else(|| id.as_str(), |account| account.name.as_str())
    }

    /// An assignment by the names that it has here.
    pub fn in_words(&self, key: &'a AssignmentKey) -> String {
        let kind = match key.principal {
            Principal::Group(_) => "group",
            Principal::User(_) => "user",
        };
        let (account, set) = (self.account_name(&key.account), self.set_name(&key.permission_set));
        format!("{set} in {account} for {kind} {}", self.principal_name(&key.principal))
    }

    /// Everybody who has access by an assignment. One that AWS doesn't have, and one whose principal is gone, gives none.
    pub fn accesses(&self, assignment: &'a Assignment) -> Vec<Access<'a>> {
        if !assignment.present {
            return Vec::new();
        }
        match &assignment.key.principal {
            Principal::User(id) => {
                let person = self.person(id).filter(|person| !person.gone);
                person
                    .map(|person| Access { assignment, person: Some(person), through: None })
                    .into_iter()
                    .collect()
            }
            Principal::Group(id) => {
                let Some(group) = self.group(id).filter(|group| !group.gone) else { return Vec::new() };
                let through = Some(group);
                let of = |person| Access { assignment, person, through };
                let people: Vec<_> = group
                    .members
                    .iter()
                    .filter_map(|user| self.person(user))
                    .map(|one| of(Some(one)))
                    .collect();
                if people.is_empty() { vec![of(None)] } else { people }
            }
        }
    }
}

impl Audit {
    /// Who can reach an account with what, groups expanded to people: by permission set, then by user name.
    pub fn who_reaches(&self, account: &AccountId) -> Vec<Access<'_>> {
        let register = Register::of(self);
        let there = self.assignments.iter().filter(|one| one.key.account == *account);
        let mut all: Vec<_> = there.flat_map(|one| register.accesses(one)).collect();
        all.sort_by(|a, b| {
            let by = |access: &Access<'_>| {
                (
                    register.set(&access.assignment.key.permission_set).map(|set| set.name.clone()),
                    access.person.map(|person| person.user_name.clone()),
                    access.through.map(|group| group.name.clone()),
                )
            };
            by(a).cmp(&by(b))
        });
        all
    }

    /// What a person can reach, and through which group: by OU, account and permission set.
    pub fn reached_by(&self, person: &UserId) -> Vec<Access<'_>> {
        let register = Register::of(self);
        let groups: BTreeSet<&GroupId> = self
            .groups
            .iter()
            .filter(|group| group.members.contains(person))
            .map(|group| &group.id)
            .collect();
        let theirs = self.assignments.iter().filter(|one| match &one.key.principal {
            Principal::User(user) => user == person,
            Principal::Group(group) => groups.contains(group),
        });
        let mut all: Vec<_> = theirs
            .flat_map(|one| register.accesses(one))
            .filter(|access| access.person.is_some_and(|of| of.id == *person))
            .collect();
        all.sort_by(|a, b| {
            let by = |access: &Access<'_>| {
                let key = &access.assignment.key;
                (
                    register.account(&key.account).map(|account| (account.ou.clone(), account.name.clone())),
                    key.account.clone(),
                    register.set(&key.permission_set).map(|set| set.name.clone()),
                    access.through.map(|group| group.name.clone()),
                )
            };
            by(a).cmp(&by(b))
        });
        all
    }
}
