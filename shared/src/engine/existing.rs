//! Reading an organization whole: accounts, names and every assignment, for an import.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::{Planner, ReadError, look::Look, reading::Reading};
use crate::{
    domain::{AccountId, AssignmentKey, InstanceArn, Operation, PermissionSet, PermissionSetArn, Principal},
    import::Existing,
    ports::{OfVersion, PortError, RequestListing},
    resolve::Lookup,
    rules::DeclaredSet,
};

/// How many questions are asked at once; how fast is up to the connection.
const AT_ONCE: usize = 4;
/// Among how many requests that have ended a new one is looked for: AWS doesn't say in which order it lists them. Of more than these it isn't known
/// whether one is new.
const LOOKED_THROUGH: usize = 1000;

/// Why an organization could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot list the groups and users of the identity store")]
    Directory(#[source] PortError),
    #[error("cannot read the permission sets: {0}")]
    Sets(String),
    #[error("cannot read what is assigned")]
    Assignments(#[source] PortError),
    #[error("the organization changed while it was read: {0}")]
    Changed(&'static str),
}

/// What was read, and what is not known about it.
#[derive(Debug)]
pub struct ReadExisting {
    pub existing: Existing,
    /// Whether it is not known if assignments were changed meanwhile: the caller may not be told, or there are more requests than are looked through.
    pub may_have_changed: bool,
}

impl Planner<'_> {
    /// Reads everything. An organization that changes meanwhile is told as such: half of it before and half of it after is what nobody has.
    pub async fn existing(&self) -> Result<ReadExisting, ExistingError> {
        let reader = self.reader;
        let began = reader.clock.now();
        let reading = Reading::begin(reader, &self.settings).await?.afresh_since(None);
        let records = reading.records().await?;
        let ids: BTreeSet<AccountId> = records.iter().map(|record| record.id.clone()).collect();
        let mut tags = reading.tags_in_bulk(&ids).await.map_err(ReadError::from)?;
        reading.learn_ous(&records).await;
        let listed = records.iter().cloned().map(|record| {
            let tags = tags.remove(&record.id);
            reading.listed(record, tags)
        });
        let listed: Vec<_> = listed.collect();
        let accounts: Vec<_> = stream::iter(listed).buffered(AT_ONCE).try_collect().await?;

        let sets = match reading.catalogue(true).await {
            Lookup::Found(catalogue) => catalogue.sets().to_vec(),
            Lookup::Absent => Vec::new(),
            Lookup::Failed(why) => return Err(ExistingError::Sets(why)),
        };
        let sets: BTreeMap<PermissionSetArn, PermissionSet> =
            sets.into_iter().map(|set| (set.arn.clone(), set)).collect();
        let mut principals = self.everybody().await?;
        let assignments = self.assignments(&ids, sets.keys(), &principals).await?;
        self.find_unlisted(&assignments, &mut principals).await?;
        let existing = Existing {
            accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
            sets,
            principals,
            assignments,
            pinned: BTreeSet::new(),
        };

        if reading.records().await? != records {
            return Err(ExistingError::Changed("an account came, went, moved or was renamed"));
        }
        let listed = reader.access.permission_sets().await.map_err(ExistingError::Assignments)?;
        if listed.iter().collect::<BTreeSet<_>>() != existing.sets.keys().collect() {
            return Err(ExistingError::Changed("a permission set came or went"));
        }
        let may_have_changed = !self.is_quiet_since(began).await?;
        Ok(ReadExisting { existing, may_have_changed })
    }

    /// Everybody in the identity store, with their names.
    async fn everybody(&self) -> Result<BTreeMap<Principal, String>, ExistingError> {
        let directory = self.reader.directory;
        let groups = directory.all_groups().await.map_err(ExistingError::Directory)?;
        let users = directory.all_users().await.map_err(ExistingError::Directory)?;
        let groups = groups.into_iter().map(|(id, name)| (Principal::Group(id), name));
        Ok(groups.chain(users.into_iter().map(|(id, name)| (Principal::User(id), name))).collect())
    }

    /// Looks for those who have something and were not listed, one by one: they are gone, or have no name to be listed by.
    async fn find_unlisted(
        &self,
        assignments: &BTreeSet<AssignmentKey>,
        principals: &mut BTreeMap<Principal, String>,
    ) -> Result<(), ExistingError> {
        let all: BTreeSet<&Principal> = assignments.iter().map(|key| &key.principal).collect();
        let directory = self.reader.directory;
        for principal in all {
            if principals.contains_key(principal) {
                continue;
            }
            let name = match principal {
                Principal::Group(id) => directory.group_name(id).await,
                Principal::User(id) => directory.user_name(id).await,
            };
            if let Some(name) = name.map_err(ExistingError::Directory)? {
                principals.insert(principal.clone(), name);
            }
        }
        Ok(())
    }

    /// Every assignment: by principal where that may be asked, and of whom the directory doesn't know any more by account and permission set.
    async fn assignments(
        &self,
        accounts: &BTreeSet<AccountId>,
        sets: impl Iterator<Item = &PermissionSetArn>,
        principals: &BTreeMap<Principal, String>,
    ) -> Result<BTreeSet<AssignmentKey>, ExistingError> {
        let access = self.reader.access;
        let asked = stream::iter(principals.keys())
            .map(|principal| access.assignments_of(principal))
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await;
        let (mut found, by_principal): (BTreeSet<AssignmentKey>, bool) = match asked {
            Ok(found) => (found.into_iter().flatten().collect(), true),
            // Only the management account may ask so.
            Err(PortError::Denied(_) | PortError::Refused(_) | PortError::Unassumed(_)) => {
                (BTreeSet::new(), false)
            }
            Err(error) => return Err(ExistingError::Assignments(error)),
        };
        let mut pairs: BTreeSet<(AccountId, PermissionSetArn)> = BTreeSet::new();
        for set in sets {
            let provisioned =
                access.accounts_on(set, OfVersion::Any).await.map_err(ExistingError::Assignments)?;
            pairs.extend(provisioned.unwrap_or_default().into_iter().map(|account| (account, set.clone())));
        }
        if by_principal {
            for key in &found {
                pairs.remove(&(key.account.clone(), key.permission_set.clone()));
            }
        }
        let rest = stream::iter(pairs.into_iter().filter(|(account, _)| accounts.contains(account)))
            .map(async |(account, permission_set)| {
                let principals = access.principals(&account, &permission_set).await?;
                let key = |principal| AssignmentKey {
                    account: account.clone(),
                    permission_set: permission_set.clone(),
                    principal,
                };
                Ok(principals.into_iter().map(key).collect::<Vec<_>>())
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
            .map_err(ExistingError::Assignments)?;
        found.extend(rest.into_iter().flatten());
        Ok(found)
    }

    /// Whether nobody has asked AWS to grant or revoke anything since; `false` where that can't be told.
    async fn is_quiet_since(&self, began: Timestamp) -> Result<bool, ExistingError> {
        let mut is_known = true;
        for operation in [Operation::Grant, Operation::Revoke] {
            let listings = [(RequestListing::InProgress, 1), (RequestListing::Succeeded, LOOKED_THROUGH)];
            for (listing, most) in listings {
                let requests = match self.reader.access.requests(operation, listing, most).await {
                    Ok(requests) => requests,
                    Err(PortError::Denied(_)) => return Ok(false),
                    Err(error) => return Err(ExistingError::Assignments(error)),
                };
                let is_new = requests.iter().any(|request| {
                    listing == RequestListing::InProgress || request.created_at.is_some_and(|at| at >= began)
                });
                if is_new {
                    return Err(ExistingError::Changed("assignments were made or deleted meanwhile"));
                }
                let is_undated = requests.iter().any(|request| request.created_at.is_none());
                if is_undated || requests.len() >= most {
                    is_known = false;
                }
            }
        }
        Ok(is_known)
    }
}

/// What the rules want now, of all accounts that are active.
#[derive(Debug)]
pub struct WantedNow {
    pub instance: InstanceArn,
    /// The permission sets that the rules declare.
    pub declared: Vec<DeclaredSet>,
    /// The names of all permission sets that there are.
    pub sets: BTreeMap<PermissionSetArn, String>,
    pub assignments: BTreeSet<AssignmentKey>,
    /// What ends by itself, which is said of nothing else.
    pub ending: BTreeSet<AssignmentKey>,
    /// What a person has to confirm before rules give it.
    pub unconfirmed: BTreeSet<AssignmentKey>,
    /// How many names in rules nothing bears yet.
    pub waiting: usize,
    /// Why it can't be said for some account or rule.
    pub uncertain: Vec<String>,
}

impl Planner<'_> {
    /// What the rules want, whatever there is. What can't be looked up is told, and nothing of it is made up.
    pub async fn wanted_now(&self) -> Result<WantedNow, ExistingError> {
        let mut look = Look::begin(self, None).await?;
        let all = look.accounts();
        let (accounts, needs) = look.read(&all).await;
        let drafts = look.draft(accounts, &needs).await;
        let mut uncertain: Vec<String> =
            look.unread.iter().map(|(account, error)| format!("account {account}: {error}")).collect();
        let (mut assignments, mut ending, mut unconfirmed) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut waiting = BTreeSet::new();
        for draft in &drafts.each {
            uncertain.extend(draft.desired.frozen.iter().map(|(rule, why)| format!("rule {rule}: {why}")));
            uncertain.extend(draft.desired.grants_frozen.clone());
            if !draft.account.state.is_active() {
                continue;
            }
            waiting.extend(draft.desired.waiting.iter().cloned());
            for key in draft.desired.wanted.keys() {
                let into = if draft.desired.unconfirmed.contains_key(key) {
                    &mut unconfirmed
                } else if draft.desired.until.contains_key(key) {
                    &mut ending
                } else {
                    &mut assignments
                };
                into.insert(key.clone());
            }
        }
        let sets = match look.reading.catalogue(false).await {
            Lookup::Found(catalogue) => catalogue.sets().to_vec(),
            Lookup::Absent => Vec::new(),
            Lookup::Failed(why) => return Err(ExistingError::Sets(why)),
        };
        let instance = self.reader.access.instance().await.map_err(ReadError::Instance)?.arn;
        Ok(WantedNow {
            instance,
            declared: look.rules.index.declared().to_vec(),
            sets: sets.into_iter().map(|set| (set.arn, set.name)).collect(),
            assignments,
            ending,
            unconfirmed,
            waiting: waiting.len(),
            uncertain,
        })
    }
}
