//! Who is in the groups that matter, as far as the ledger knows, and what somebody gains or loses by joining or leaving one.
//!
//! A group that is granted itself gives its members what it has, and takes it from them, without anything of ours: all that is left to do is
//! to say so. What is kept also tells whose a membership was that an event names by nothing but its own id.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::all_rows;
use crate::{
    domain::{AccountId, GroupId, MembershipId, PermissionSetArn, Principal, RuleId, UserId},
    ledger::{Cause, Row},
    outcome::{Access, Happened, Membership, Outcome},
    ports::{Clock, Directory, Ledger, LedgerError, Memberships, PortError, Seen, SeenKind},
};

/// Why the members of a group could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot list the members of the group `{group}`")]
    Directory { group: GroupId, source: PortError },
}

/// Compares who is in a group with who was.
#[derive(Clone, Copy)]
pub struct Members<'a> {
    pub ledger: &'a dyn Ledger,
    pub directory: &'a dyn Directory,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members").finish_non_exhaustive()
    }
}

/// A group's members as they were kept.
struct Kept {
    members: Memberships,
    /// When all of them were last read; `None` if they never were, and then nobody is known to have joined or left.
    whole_since: Option<Timestamp>,
}

impl Members<'_> {
    /// Whose a membership was, as far as that was kept.
    pub(super) async fn group_of(&self, membership: &MembershipId) -> Result<Option<GroupId>, LedgerError> {
        let kept = self.ledger.recall_one(SeenKind::Membership, membership.as_str()).await?;
        Ok(kept.and_then(|seen| of_id(seen.value.as_str()?)).map(|(group, _)| group))
    }

    /// The groups that a user is in, as far as that was kept.
    pub(super) async fn groups_with(&self, user: &UserId) -> Result<BTreeSet<GroupId>, LedgerError> {
        let kept = self.ledger.recall(SeenKind::Member).await?;
        let ids = kept.iter().filter_map(|seen| of_id(&seen.id));
        Ok(ids.filter(|(_, member)| member == user).map(|(group, _)| group).collect())
    }

    /// Whether a group is one whose members are kept.
    pub(super) async fn are_kept(&self, group: &GroupId) -> Result<bool, LedgerError> {
        Ok(self.ledger.recall_one(SeenKind::Member, &whole(group)).await?.is_some())
    }

    /// The groups whose members are to be kept, those first that were compared longest ago: groups that rules name, groups that have
    /// something, and groups that once were either.
    pub(super) async fn groups(&self, named: BTreeSet<GroupId>) -> Result<Vec<GroupId>, LedgerError> {
        let rows = all_rows(self.ledger).await?;
        let having = rows.into_iter().filter(Row::is_ours).filter_map(|row| match row.key.principal {
            Principal::Group(group) => Some(group),
            Principal::User(_) => None,
        });
        let kept = self.ledger.recall(SeenKind::Member).await?;
        let compared: BTreeMap<GroupId, Timestamp> = kept
            .iter()
            .filter_map(|seen| Some((seen.id.strip_suffix('/')?.parse().ok()?, seen.at)))
            .collect();
        let all: BTreeSet<GroupId> = having.chain(named).chain(compared.keys().cloned()).collect();
        let mut all: Vec<GroupId> = all.into_iter().collect();
        all.sort_by_key(|group| compared.get(group).copied());
        Ok(all)
    }

    /// Compares a group's members with those that were kept, tells what those who joined or left have gained or lost, and keeps the members that there
    /// are. Tells how many have joined and left.
    pub(super) async fn compare(&self, group: &GroupId, cause: &Cause) -> Result<usize, MembersError> {
        let at = self.clock.now();
        let members = self.read(group).await?;
        self.compare_with(group, members, at, cause).await
    }

    /// The members of a group; `None` if two answers say that there is no such group: its members would seem to lose what it has.
    async fn read(&self, group: &GroupId) -> Result<Option<Memberships>, MembersError> {
        let failed = |source| MembersError::Directory { group: group.clone(), source };
        let members = self.directory.memberships(group).await.map_err(failed)?;
        if members.is_none() && self.directory.group_name(group).await.map_err(failed)?.is_some() {
            let why = "the group is there, and its members are not: one of the two answers is stale";
            return Err(failed(PortError::Failed(why.to_owned())));
        }
        Ok(members)
    }

    /// The same with the members as they were read at this time; `None` if there was no such group.
    pub(super) async fn compare_with(
        &self,
        group: &GroupId,
        members: Option<Memberships>,
        at: Timestamp,
        cause: &Cause,
    ) -> Result<usize, MembersError> {
        let kept = self.kept(group).await?;
        // Somebody has read them since: what was read before that is no news.
        if kept.whole_since.is_some_and(|since| since > at) {
            return Ok(0);
        }
        let is_gone = members.is_none();
        let members = members.unwrap_or_default();
        let joined: Vec<&UserId> = members.keys().filter(|user| !kept.members.contains_key(user)).collect();
        let left: Vec<&UserId> = kept.members.keys().filter(|user| !members.contains_key(user)).collect();
        if kept.whole_since.is_some() && !(joined.is_empty() && left.is_empty()) {
            let mut access = Holdings::read(self.ledger, group).await?;
            if !left.is_empty() {
                access.ask(self).await?;
            }
            let gained = joined.iter().filter_map(|user| {
                let happened = Happened::Gained(access.of(user, group)?);
                Some(access.told(happened, &occasion(members.get(*user), &kept, at), at, cause))
            });
            let lost = left.iter().filter_map(|user| {
                let happened = Happened::Lost(access.of(user, group)?);
                Some(access.told(happened, &occasion(kept.members.get(*user), &kept, at), at, cause))
            });
            // INVARIANT: kept to be told before the members are kept. A crash in between has it told again, under the same id.
            let outcomes: Vec<Outcome> = gained.chain(lost).collect();
            if !outcomes.is_empty() {
                self.ledger.tell(&outcomes).await?;
            }
        }
        // Whoever has left and joined again between two looks has another membership.
        let new: Vec<(&UserId, &Option<MembershipId>)> =
            members.iter().filter(|(user, id)| kept.members.get(*user) != Some(*id)).collect();
        let ids = new.iter().filter_map(|(user, id)| {
            let id = id.as_ref()?.to_string();
            Some(Seen { id, value: member(group, user).into(), at })
        });
        self.ledger.remember(SeenKind::Membership, &ids.collect::<Vec<_>>()).await?;
        let users = new.iter().map(|(user, id)| Seen {
            id: member(group, user),
            value: serde_json::to_value(id).unwrap_or_default(),
            at,
        });
        self.ledger.remember(SeenKind::Member, &users.collect::<Vec<_>>()).await?;
        let ended = kept.members.iter().filter(|(user, id)| members.get(*user) != Some(*id));
        let ended: Vec<String> = ended.filter_map(|(_, id)| Some(id.as_ref()?.to_string())).collect();
        self.ledger.unlearn(SeenKind::Membership, &ended).await?;
        let mut old: Vec<String> = left.iter().map(|user| member(group, user)).collect();
        if is_gone {
            old.push(whole(group));
        }
        self.ledger.unlearn(SeenKind::Member, &old).await?;
        if !is_gone {
            let whole = Seen { id: whole(group), value: serde_json::Value::Null, at };
            self.ledger.remember(SeenKind::Member, &[whole]).await?;
        }
        Ok(joined.len() + left.len())
    }

    async fn kept(&self, group: &GroupId) -> Result<Kept, LedgerError> {
        let mut kept = Kept { members: Memberships::new(), whole_since: None };
        for seen in self.ledger.recall_below(SeenKind::Member, &whole(group)).await? {
            match of_id(&seen.id) {
                Some((_, user)) => {
                    let membership = serde_json::from_value(seen.value).unwrap_or_default();
                    kept.members.insert(user, membership);
                }
                None => kept.whole_since = Some(seen.at),
            }
        }
        Ok(kept)
    }
}

/// What tells a change from another of the same user in the same group: the membership's id, and when the members were last read. A stale list
/// may have somebody leave and join who never did, and what is true in the end must not bear an id that was heard before.
fn occasion(membership: Option<&Option<MembershipId>>, kept: &Kept, at: Timestamp) -> String {
    let id = membership.and_then(Option::as_ref).map(MembershipId::as_str).unwrap_or_default();
    format!("{id} {}", kept.whole_since.unwrap_or(at))
}

/// The id of the mark that a group's members were read to the last page; the ids of its members begin so.
fn whole(group: &GroupId) -> String {
    format!("{group}/")
}

fn member(group: &GroupId, user: &UserId) -> String {
    format!("{group}/{user}")
}

/// Whose a member's id is; `None` for the mark.
fn of_id(id: &str) -> Option<(GroupId, UserId)> {
    let (group, user) = id.split_once('/')?;
    Some((group.parse().ok()?, user.parse().ok()?))
}

/// What a group has, and who else has the same.
struct Holdings {
    /// What the group has, by the rules that want it.
    of_group: BTreeMap<Place, BTreeSet<RuleId>>,
    /// Who has each of these besides.
    others: BTreeMap<Place, BTreeSet<Principal>>,
    /// Who is in which groups, as far as it is kept.
    members: BTreeSet<(GroupId, UserId)>,
    rules_version: Option<crate::domain::RulesVersion>,
}

type Place = (AccountId, PermissionSetArn);

impl Holdings {
    async fn read(ledger: &dyn Ledger, group: &GroupId) -> Result<Self, LedgerError> {
        // Of each page only what is needed stays.
        let place = |row: &Row| (row.key.account.clone(), row.key.permission_set.clone());
        let mut having: BTreeMap<Place, BTreeMap<Principal, BTreeSet<RuleId>>> = BTreeMap::new();
        let (mut rules_version, mut after) = (None, None);
        loop {
            let page = ledger.rows(after.as_deref()).await?;
            for row in page.items.into_iter().filter(Row::is_ours) {
                rules_version = row.rules.clone().or(rules_version);
                let rules = row.wanted_by.keys().cloned().collect();
                having.entry(place(&row)).or_default().insert(row.key.principal, rules);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let the_group = Principal::Group(group.clone());
        let (mut of_group, mut others) = (BTreeMap::new(), BTreeMap::new());
        for (place, mut having) in having {
            if let Some(rules) = having.remove(&the_group) {
                others.insert(place.clone(), having.into_keys().collect());
                of_group.insert(place, rules);
            }
        }
        let mut holdings = Self { of_group, others, members: BTreeSet::new(), rules_version };
        for other in holdings.other_groups() {
            let kept = ledger.recall_below(SeenKind::Member, &whole(&other)).await?;
            holdings.members.extend(kept.iter().filter_map(|seen| of_id(&seen.id)));
        }
        Ok(holdings)
    }

    /// The other groups that have something of what the group has.
    fn other_groups(&self) -> BTreeSet<GroupId> {
        let groups = self.others.values().flatten().filter_map(|other| match other {
            Principal::Group(id) => Some(id.clone()),
            Principal::User(_) => None,
        });
        groups.collect()
    }

    /// Asks who is in the other groups now: whoever is taken out of two at once has what neither gives, and what was kept may not know yet.
    async fn ask(&mut self, all: &Members<'_>) -> Result<(), MembersError> {
        for other in self.other_groups() {
            let members = all.read(&other).await?.unwrap_or_default();
            self.members.retain(|(group, _)| *group != other);
            self.members.extend(members.into_keys().map(|user| (other.clone(), user)));
        }
        Ok(())
    }

    /// What the group gives a user that nothing else of ours does; `None` if that is nothing.
    fn of(&self, user: &UserId, group: &GroupId) -> Option<Membership> {
        let has_it_besides = |place: &Place| {
            self.others.get(place).is_some_and(|others| {
                others.iter().any(|other| match other {
                    Principal::User(id) => id == user,
                    Principal::Group(id) => self.members.contains(&(id.clone(), user.clone())),
                })
            })
        };
        let given = self.of_group.iter().filter(|(place, _)| !has_it_besides(place));
        let access = given.map(|((account, permission_set), rules)| Access {
            account: account.clone(),
            permission_set: permission_set.clone(),
            rules: rules.clone(),
        });
        let access: Vec<Access> = access.collect();
        let (user, group) = (user.clone(), group.clone());
        (!access.is_empty()).then_some(Membership { user, group, access, unlisted: 0 })
    }

    fn told(&self, happened: Happened, occasion: &str, at: Timestamp, cause: &Cause) -> Outcome {
        let rules: BTreeSet<&RuleId> = self.of_group.values().flatten().collect();
        Outcome::new(happened, occasion, at, cause.clone()).by_rules(rules, self.rules_version.as_ref())
    }
}
