//! What a group has, and who has the same besides.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

use jiff::Timestamp;

use super::{Kept, Members, MembersError, has_or_will};
use crate::{
    domain::{AccountId, GroupId, PermissionSetArn, Principal, RuleId, RulesVersion, UserId},
    ledger::Cause,
    outcome::{Access, Happened, Membership, Outcome, fitting_access},
    ports::{LedgerError, LedgerReader, PortError},
};

/// How many calls are made at most to learn who of those who have left is in another group. Functions that wait for events make two a second, and have a minute.
const ASKED: usize = 60;

/// How many members one page of AWS's lists shows.
const PAGE: usize = 100;

/// What a group has, and who else has the same.
pub(super) struct Holdings {
    group: GroupId,
    /// What the group has or is about to have, by the rules that want it; ordered.
    access: Vec<Access>,
    /// As much of it as an outcome lists, and how much there is beyond.
    listed: (Vec<Access>, usize),
    rules: BTreeSet<RuleId>,
    rules_version: Option<RulesVersion>,
    /// Which of these others have besides, by their places in `access`.
    others: BTreeMap<Principal, BTreeSet<usize>>,
    /// The other groups, with how many pages their members take and whether all of these are kept.
    groups: BTreeMap<GroupId, (usize, bool)>,
    /// In which of them those are who have joined or left.
    members: BTreeMap<UserId, BTreeSet<GroupId>>,
}

type Place = (AccountId, PermissionSetArn);

impl Holdings {
    /// What a group has, and in which other groups with some of it these users are as far as it is kept.
    pub(super) async fn read(
        ledger: &dyn LedgerReader,
        group: &GroupId,
        users: &BTreeSet<&UserId>,
    ) -> Result<Self, LedgerError> {
        // Of each page only what is needed stays.
        let the_group = Principal::Group(group.clone());
        let mut of_group: BTreeMap<Place, BTreeSet<RuleId>> = BTreeMap::new();
        let mut having: BTreeMap<Place, BTreeSet<Principal>> = BTreeMap::new();
        let (mut rules_version, mut after) = (None, None);
        loop {
            let page = ledger.rows(after.as_deref()).await?;
            for row in page.items.into_iter().filter(has_or_will) {
                let place = (row.key.account, row.key.permission_set);
                if row.key.principal == the_group {
                    rules_version = row.rules.or(rules_version);
                    of_group.insert(place, row.wanted_by.into_keys().collect());
                } else {
                    having.entry(place).or_default().insert(row.key.principal);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut others: BTreeMap<Principal, BTreeSet<usize>> = BTreeMap::new();
        for (index, place) in of_group.keys().enumerate() {
            for other in having.remove(place).unwrap_or_default() {
                others.entry(other).or_default().insert(index);
            }
        }
        let rules = of_group.values().flatten().cloned().collect();
        let access = of_group.into_iter().map(|((account, permission_set), rules)| Access {
            account,
            permission_set,
            rules,
        });
        let access: Vec<Access> = access.collect();
        let mut holdings = Self {
            group: group.clone(),
            listed: fitting_access(access.clone()),
            access,
            rules,
            rules_version,
            others,
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
        };
        holdings.recall(ledger, users).await?;
        Ok(holdings)
    }

    async fn recall(
        &mut self,
        ledger: &dyn LedgerReader,
        users: &BTreeSet<&UserId>,
    ) -> Result<(), LedgerError> {
        for other in self.others.keys() {
            let Principal::Group(other) = other else { continue };
            let kept = Kept::read(ledger, other).await?;
            let pages = kept.members.len() / PAGE + 1;
            self.groups.insert(other.clone(), (pages, kept.whole_since.is_some()));
            for user in kept.members.into_keys().filter(|user| users.contains(user)) {
                self.members.entry(user).or_default().insert(other.clone());
            }
        }
        Ok(())
    }

    /// Whether the group has nothing, and is about to have nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.access.is_empty()
    }

    /// Asks in which of the other groups those are who have left: whoever is taken out of two at once has what neither gives, and what was kept may
    /// not know yet. Person by person or group by group, whichever takes fewer calls; if either takes too many, what was kept has to do.
    ///
    /// Tells the groups that some of them are in and were not when their members were kept.
    pub(super) async fn ask(
        &mut self,
        all: &Members<'_>,
        left: &[&UserId],
    ) -> Result<BTreeSet<GroupId>, MembersError> {
        let pages: usize = self.groups.values().map(|(pages, _)| pages).sum();
        if left.len().min(pages) > ASKED {
            let (group, left) = (&self.group, left.len());
            tracing::info!(group.id = %group, left, "{left} have left {group}: what else they have is taken from what is kept");
            return Ok(BTreeSet::new());
        }
        let mut now: BTreeMap<UserId, BTreeSet<GroupId>> = BTreeMap::new();
        if left.len() <= pages {
            for user in left {
                let groups = match all.groups_of(user).await {
                    Ok(groups) => groups,
                    // A role of before this was asked may not ask it.
                    Err(MembersError::Groups { source: PortError::Denied(_), .. }) => {
                        tracing::warn!(
                            "may not ask which groups somebody is in: what who left has besides is taken from what is kept"
                        );
                        return Ok(BTreeSet::new());
                    }
                    Err(error) => return Err(error),
                };
                let groups = groups.into_iter().filter(|group| self.groups.contains_key(group));
                now.insert((*user).clone(), groups.collect());
            }
        } else {
            for other in self.groups.keys() {
                let members = all.read(other).await?.unwrap_or_default();
                for user in left {
                    let groups = now.entry((*user).clone()).or_default();
                    groups.extend(members.contains_key(*user).then(|| other.clone()));
                }
            }
        }
        let mut since = BTreeSet::new();
        for (user, groups) in now {
            let kept = self.members.insert(user, groups.clone()).unwrap_or_default();
            let is_known = |group: &GroupId| self.groups.get(group).is_some_and(|(_, is_whole)| *is_whole);
            since.extend(groups.into_iter().filter(|group| !kept.contains(group) && is_known(group)));
        }
        Ok(since)
    }

    /// What the group gives a user that nothing else of ours does; `None` if that is nothing.
    pub(super) fn of(&self, user: &UserId) -> Option<Membership> {
        let groups = self.members.get(user).into_iter().flatten().cloned().map(Principal::Group);
        let theirs = iter::once(Principal::User(user.clone())).chain(groups);
        let besides: BTreeSet<usize> =
            theirs.filter_map(|other| self.others.get(&other)).flatten().copied().collect();
        let (access, unlisted) = if besides.is_empty() {
            self.listed.clone()
        } else {
            let given = self.access.iter().enumerate().filter(|(index, _)| !besides.contains(index));
            fitting_access(given.map(|(_, access)| access.clone()).collect())
        };
        let (user, group) = (user.clone(), self.group.clone());
        (!access.is_empty()).then_some(Membership { user, group, access, unlisted })
    }

    pub(super) fn told(&self, happened: Happened, occasion: &str, at: Timestamp, cause: &Cause) -> Outcome {
        Outcome::new(happened, occasion, at, cause.clone()).by_rules(&self.rules, self.rules_version.as_ref())
    }
}
