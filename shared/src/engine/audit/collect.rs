//! What takes long: permission sets, assignments, and who is in the groups that have some.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{AuditError, Auditor};
use crate::{
    audit::{AuditedSet, Draft, Holding, Only, Place, Scope, Unread, Way},
    domain::{AccountId, GroupId, PermissionSetArn, Principal},
    engine::{ReadError, look::all_rows, reading::Reading},
    ledger::State,
    ports::{LedgerError, OfVersion, PortError},
};

/// Up to so many calls nothing is left out to save some.
const FEW: usize = 600;

/// How many calls it takes to ask for what one user has. What they have through groups is listed as well, a hundred to a page.
const CALLS_OF_A_USER: usize = 3;

/// Collects, until it has all or its time is over.
pub(super) struct Collector<'a> {
    pub(super) auditor: &'a Auditor<'a>,
    /// `None`: however long it takes.
    pub(super) until: Option<Timestamp>,
}

/// Whether there is more to collect than there was time for.
type Whole = bool;

impl Collector<'_> {
    /// Goes on with a draft; tells whether it is whole.
    pub(super) async fn collect(&self, draft: &mut Draft) -> Result<Whole, AuditError> {
        Ok(self.sets(draft).await?
            && self.assignments(draft).await?
            && self.members(draft).await?
            && self.tags(draft).await?)
    }

    /// Whether the rest is for another run.
    fn is_late(&self) -> bool {
        let now = self.auditor.reader.clock.now();
        self.until.is_some_and(|until| now >= until)
    }

    async fn sets(&self, draft: &mut Draft) -> Result<Whole, AuditError> {
        let access = self.auditor.reader.access;
        let listed = if let Some(listed) = &draft.listed {
            listed.clone()
        } else {
            let listed = match &self.auditor.auditing.only {
                Only::Everything | Only::Person(_) => access.permission_sets().await,
                Only::Account(account) => access.provisioned_in(account).await,
                Only::PermissionSet(set) => Ok(vec![set.clone()]),
            };
            let listed: BTreeSet<_> = listed.map_err(AuditError::PermissionSets)?.into_iter().collect();
            draft.listed = Some(listed.clone());
            listed
        };
        let mut left = listed.clone();
        left.extend(self.recorded().await?);
        left.retain(|arn| !draft.sets.contains_key(arn));
        self.auditor.steps.more(left.len());
        for arn in left {
            if self.is_late() {
                return Ok(false);
            }
            let mut set = self.set(&arn, draft).await?;
            if !listed.contains(&arn)
                && let Some(set) = &mut set
            {
                set.provisioned.clear();
            }
            draft.sets.insert(arn, set);
            self.auditor.steps.done();
        }
        Ok(true)
    }

    /// What Usher has in an account that is asked about by itself, or is to have there: the account may not have the permission set any more.
    async fn recorded(&self) -> Result<BTreeSet<PermissionSetArn>, AuditError> {
        let Only::Account(account) = &self.auditor.auditing.only else { return Ok(BTreeSet::new()) };
        let reader = self.auditor.reader;
        let rows = reader.ledger.rows_of(account).await.map_err(ReadError::Ledger)?;
        let rows = rows.into_iter().filter(|row| row.state != State::Closed);
        let mut sets: BTreeSet<_> = rows.map(|row| row.key.permission_set).collect();
        if !sets.is_empty() {
            let all = reader.access.permission_sets().await.map_err(AuditError::PermissionSets)?;
            sets.retain(|arn| all.contains(arn));
        }
        Ok(sets)
    }

    /// One permission set; `None` of one that is gone.
    async fn set(&self, arn: &PermissionSetArn, draft: &mut Draft) -> Result<Option<AuditedSet>, AuditError> {
        let access = self.auditor.reader.access;
        let mut set = match self.auditor.sets.details(arn).await {
            Ok(Some(details)) => AuditedSet::of(details),
            Ok(None) => {
                let name = self.auditor.set_name(arn).await.unwrap_or_else(|| arn.to_string());
                draft.changed_meanwhile.insert(format!("permission set {name} was deleted"));
                return Ok(None);
            }
            Err(error) => {
                let scope = Scope::PermissionSet { permission_set: arn.clone() };
                let unknown = AuditedSet::unknown(arn.clone());
                let name = self.auditor.set_name(arn).await.unwrap_or(unknown.name);
                unread(draft, format!("what permission set {name} holds"), error, scope)?;
                AuditedSet { name, ..unknown }
            }
        };
        // In an account that is asked about by itself it is known where it is.
        if let Only::Account(account) = &self.auditor.auditing.only {
            set.provisioned.insert(account.clone());
        }
        if matches!(self.auditor.auditing.only, Only::Person(_)) {
            return Ok(Some(set));
        }
        for version in [OfVersion::Any, OfVersion::Outdated] {
            if version == OfVersion::Any && matches!(self.auditor.auditing.only, Only::Account(_)) {
                continue;
            }
            match access.accounts_on(arn, version).await {
                Ok(Some(accounts)) => {
                    let known = match version {
                        OfVersion::Any => &mut set.provisioned,
                        OfVersion::Outdated => &mut set.outdated,
                    };
                    known.extend(accounts);
                }
                Ok(None) => {
                    draft.changed_meanwhile.insert(format!("permission set {} was deleted", set.name));
                    return Ok(None);
                }
                Err(error) => {
                    let scope = Scope::Provisioned { permission_set: arn.clone() };
                    unread(draft, format!("where permission set {} is provisioned", set.name), error, scope)?;
                    break;
                }
            }
        }
        if let Only::Account(account) = &self.auditor.auditing.only {
            set.outdated.retain(|outdated| outdated == account);
        }
        // It was provisioned between the two lists.
        set.provisioned.extend(set.outdated.iter().cloned());
        Ok(Some(set))
    }

    async fn assignments(&self, draft: &mut Draft) -> Result<Whole, AuditError> {
        let way = match draft.way {
            Some(way) => way,
            None => self.way(draft).await?,
        };
        draft.way = Some(way);
        match way {
            Way::ByAccount => self.places(draft, draft.provisioned()).await,
            Way::ByPrincipal => {
                let Some(silent) = self.holdings(draft).await? else { return Ok(false) };
                if draft.way == Some(Way::ByAccount) {
                    return self.places(draft, draft.provisioned()).await;
                }
                let mut left = match self.auditor.auditing.only {
                    Only::Person(_) => BTreeSet::new(),
                    Only::Everything | Only::Account(_) | Only::PermissionSet(_) => draft.provisioned(),
                };
                for holding in &draft.holdings {
                    left.retain(|place| !holding.at.contains(place));
                }
                left.extend(silent);
                self.places(draft, left).await
            }
        }
    }

    /// Whichever takes fewer calls. A few more don't matter to find all there is.
    async fn way(&self, draft: &Draft) -> Result<Way, AuditError> {
        match &self.auditor.auditing.only {
            Only::Person(_) => return Ok(Way::ByPrincipal),
            Only::Account(_) | Only::PermissionSet(_) => return Ok(Way::ByAccount),
            Only::Everything => {}
        }
        if let Some(way) = self.auditor.auditing.way {
            return Ok(way);
        }
        let directory = self.auditor.reader.directory;
        let places = draft.provisioned().len();
        let (Ok(groups), Ok(people)) = (directory.all_groups().await, directory.people().await) else {
            return Ok(Way::ByAccount);
        };
        let by_principal = groups.len() + people.len() * CALLS_OF_A_USER;
        Ok(if places <= by_principal.max(FEW) { Way::ByAccount } else { Way::ByPrincipal })
    }

    /// Who is in each of these places.
    async fn places(
        &self,
        draft: &mut Draft,
        places: BTreeSet<(AccountId, PermissionSetArn)>,
    ) -> Result<Whole, AuditError> {
        let done: BTreeSet<(AccountId, PermissionSetArn)> =
            draft.places.iter().map(|place| (place.account.clone(), place.permission_set.clone())).collect();
        self.auditor.steps.more(places.difference(&done).count());
        for (account, permission_set) in places.difference(&done) {
            if self.is_late() {
                return Ok(false);
            }
            let scope =
                Scope::Assignments { account: account.clone(), permission_set: Some(permission_set.clone()) };
            match self.auditor.reader.access.principals(account, permission_set).await {
                Ok(principals) => {
                    read(draft, &scope);
                    draft.places.push(Place {
                        account: account.clone(),
                        permission_set: permission_set.clone(),
                        principals: principals.into_iter().collect(),
                    });
                }
                Err(error) => {
                    let name = draft.sets.get(permission_set).and_then(Option::as_ref);
                    let name = name.map_or_else(|| permission_set.to_string(), |set| set.name.clone());
                    let what = format!("who has {name} in account {account}");
                    unread(draft, what, error, scope)?;
                }
            }
            self.auditor.steps.done();
        }
        Ok(true)
    }

    /// What everybody has. Tells the places of those that no answer is given for, because they are gone; `None` if there is more to ask.
    /// Where the caller may not ask so, the draft goes account by account from here on.
    async fn holdings(
        &self,
        draft: &mut Draft,
    ) -> Result<Option<BTreeSet<(AccountId, PermissionSetArn)>>, AuditError> {
        let reader = &self.auditor.reader;
        let rows = all_rows(reader.ledger).await.map_err(super::ReadError::Ledger)?;
        let recorded: Vec<_> =
            rows.into_iter().filter(|row| row.state != State::Closed).map(|row| row.key).collect();
        let mut everybody: BTreeSet<Principal> = BTreeSet::new();
        if let Only::Person(person) = &self.auditor.auditing.only {
            let groups = reader.directory.groups_of(person).await.map_err(AuditError::LookUp)?;
            everybody.extend(groups.unwrap_or_default().into_iter().map(Principal::Group));
            everybody.insert(Principal::User(person.clone()));
        } else {
            everybody.extend(recorded.iter().map(|key| key.principal.clone()));
            match reader.directory.all_groups().await {
                Ok(groups) => everybody.extend(groups.into_keys().map(Principal::Group)),
                Err(error) => unread(draft, "which groups there are".to_owned(), error, Scope::Groups)?,
            }
            match reader.directory.people().await {
                Ok(people) => everybody.extend(people.into_keys().map(Principal::User)),
                Err(error) => unread(draft, "which people there are".to_owned(), error, Scope::People)?,
            }
        }
        let done: BTreeSet<Principal> =
            draft.holdings.iter().map(|holding| holding.principal.clone()).collect();
        let mut silent = BTreeSet::new();
        self.auditor.steps.more(everybody.difference(&done).count());
        for principal in everybody.difference(&done) {
            if self.is_late() {
                return Ok(None);
            }
            let scope = Scope::AssignmentsOf { principal: principal.clone() };
            match reader.access.assignments_of(principal).await {
                Ok(keys) => {
                    read(draft, &scope);
                    draft.holdings.push(Holding {
                        principal: principal.clone(),
                        at: keys.into_iter().map(|key| (key.account, key.permission_set)).collect(),
                    });
                }
                // Only the management account may ask so. What one person has is asked for in no other way: it is not known, then.
                Err(error @ (PortError::Denied(_) | PortError::Refused(_) | PortError::Unassumed(_)))
                    if matches!(self.auditor.auditing.only, Only::Person(_)) =>
                {
                    let what = format!(
                        "what {principal} has; a whole report goes by account where this is not allowed"
                    );
                    unread(draft, what, error, scope)?;
                }
                Err(error @ (PortError::Denied(_) | PortError::Refused(_) | PortError::Unassumed(_)))
                    if draft.holdings.is_empty() =>
                {
                    if let PortError::Unassumed(_) = error {
                        tracing::warn!(%error, "cannot ask by principal, for the management account's role can't be assumed; asking account by account");
                    }
                    draft.way = Some(Way::ByAccount);
                    return Ok(Some(BTreeSet::new()));
                }
                // Whoever is gone keeps their assignments: they are looked for where the ledger knows some.
                Err(PortError::NotFound(_)) => {
                    let theirs = recorded.iter().filter(|key| key.principal == *principal);
                    silent.extend(theirs.map(|key| (key.account.clone(), key.permission_set.clone())));
                }
                Err(error) => unread(draft, format!("what {principal} has"), error, scope)?,
            }
            self.auditor.steps.done();
        }
        Ok(Some(silent))
    }

    async fn members(&self, draft: &mut Draft) -> Result<Whole, AuditError> {
        for group in draft.groups() {
            if draft.members.contains_key(&group) {
                continue;
            }
            if self.is_late() {
                return Ok(false);
            }
            self.members_of(&group, draft).await?;
        }
        Ok(true)
    }

    /// The tags of accounts that are told in no answer in bulk: Organizations gives out those of ten accounts a second.
    async fn tags(&self, draft: &mut Draft) -> Result<Whole, AuditError> {
        if self.auditor.auditing.only != Only::Everything {
            return Ok(true);
        }
        let reader = self.auditor.reader;
        let untold = if let Some(untold) = &draft.untold {
            untold.clone()
        } else {
            let reading = Reading::begin(reader, &self.auditor.settings).await?;
            let records = reading.records().await?;
            let mut untold: BTreeSet<AccountId> = records.into_iter().map(|record| record.id).collect();
            let told = reading.tags_in_bulk(&untold).await?;
            untold.retain(|id| !told.contains_key(id));
            draft.untold = Some(untold.clone());
            untold
        };
        let left: Vec<_> = untold.into_iter().filter(|id| !draft.tags.contains_key(id)).collect();
        self.auditor.steps.more(left.len());
        for account in left {
            if self.is_late() {
                return Ok(false);
            }
            let tags = match reader.organization.account_tags(&account).await {
                Ok(tags) => tags,
                Err(error) => {
                    let scope = Scope::Account { account: account.clone() };
                    unread(draft, format!("account {account}"), error, scope)?;
                    None
                }
            };
            draft.tags.insert(account, tags);
            self.auditor.steps.done();
        }
        Ok(true)
    }

    /// Who is in a group.
    pub(super) async fn members_of(&self, group: &GroupId, draft: &mut Draft) -> Result<(), AuditError> {
        let scope = Scope::Members { group: group.clone() };
        match self.auditor.reader.directory.members(group).await {
            Ok(members) => {
                read(draft, &scope);
                draft.members.insert(group.clone(), members);
            }
            Err(error) => unread(draft, format!("who is in group {group}"), error, scope)?,
        }
        Ok(())
    }
}

/// Notes what could not be read. Where nothing can be read any more, that is an error.
pub(super) fn unread(
    draft: &mut Draft,
    what: String,
    error: PortError,
    scope: Scope,
) -> Result<(), AuditError> {
    if let PortError::Barred(_) = error {
        return Err(AuditError::Barred(error));
    }
    draft.unread.insert(Unread { what, why: error.to_string(), scope });
    Ok(())
}

/// What an earlier run could not read.
fn read(draft: &mut Draft, scope: &Scope) {
    draft.unread.retain(|unread| unread.scope != *scope);
}

impl From<LedgerError> for AuditError {
    fn from(error: LedgerError) -> Self {
        Self::Read(super::ReadError::Ledger(error))
    }
}
