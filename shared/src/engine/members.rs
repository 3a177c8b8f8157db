//! Who is in the groups that matter, as far as the ledger knows, and what somebody gains or loses by joining or leaving one.
//!
//! A group that is granted itself gives its members what it has, and takes it from them, without anything of ours: all that is left to do is
//! to say so. What is kept also tells whose a membership was that an event names by nothing but its own id.

mod holdings;
mod kept;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::{
    holdings::Holdings,
    kept::{Kept, Standing, member, of_id, whole},
};
use super::all_rows;
use crate::{
    domain::{GroupId, MembershipId, Principal, UserId},
    ledger::{Cause, Row, State},
    outcome::{Happened, Outcome},
    ports::{Clock, Directory, Ledger, LedgerError, Memberships, PortError, Seen, SeenKind},
};

/// How many people are told of and kept at once.
const AT_ONCE: usize = 100;

/// How long whoever reads a group's members for the first time keeps others from doing the same.
const READ_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Why the members of a group could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot list the members of the group `{group}`")]
    Directory { group: GroupId, source: PortError },
    #[error("cannot list the groups of the user `{user}`")]
    Groups { user: UserId, source: PortError },
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

/// What members are compared for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Why<'a> {
    cause: &'a Cause,
    /// Whom an event says to have joined.
    joined: Option<&'a UserId>,
    /// The group has just appeared: nothing was known of it.
    is_new: bool,
    /// The group is known to have nothing: no row need be read to tell so.
    has_nothing: bool,
    /// It is for another group, which somebody has left who is in this one now.
    is_beside: bool,
}

impl<'a> Why<'a> {
    pub(super) fn of(cause: &'a Cause) -> Self {
        Self { cause, joined: None, is_new: false, has_nothing: false, is_beside: false }
    }

    /// An event says that this user has joined. Whether it is so, the list of members says.
    pub(super) fn naming(self, joined: Option<&'a UserId>) -> Self {
        Self { joined, ..self }
    }

    /// The group has just appeared, or not: whoever is in it then has joined it, as long as it has nothing.
    pub(super) fn appearing(self, is_new: bool) -> Self {
        Self { is_new, ..self }
    }

    /// Whether the group has something is known.
    pub(super) fn having(self, has_something: bool) -> Self {
        Self { has_nothing: !has_something, ..self }
    }
}

/// Whether the group, or the user, has what a row is about, or is about to have it.
fn has_or_will(row: &Row) -> bool {
    row.is_ours() || matches!(row.state, State::Granting(_))
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
    /// something or are about to, and groups that once were either. With each: whether it has something.
    pub(super) async fn groups(&self, named: BTreeSet<GroupId>) -> Result<Vec<(GroupId, bool)>, LedgerError> {
        let rows = all_rows(self.ledger).await?;
        let having = rows.into_iter().filter(has_or_will).filter_map(|row| match row.key.principal {
            Principal::Group(group) => Some(group),
            Principal::User(_) => None,
        });
        let having: BTreeSet<GroupId> = having.collect();
        let kept = self.ledger.recall(SeenKind::Member).await?;
        let compared: BTreeMap<GroupId, Timestamp> = kept
            .iter()
            .filter_map(|seen| Some((seen.id.strip_suffix('/')?.parse().ok()?, seen.at)))
            .collect();
        let all: BTreeSet<GroupId> =
            having.iter().cloned().chain(named).chain(compared.keys().cloned()).collect();
        let mut all: Vec<GroupId> = all.into_iter().collect();
        all.sort_by_key(|group| compared.get(group).copied());
        Ok(all.into_iter().map(|group| (group.clone(), having.contains(&group))).collect())
    }

    /// Keeps the members of a group that is given something, if nobody has kept them yet: whoever joins or leaves from now on is told, though no sweep has
    /// come by. Of several who want to at once one or two do.
    pub(super) async fn keep_first(&self, group: &GroupId, cause: &Cause) -> Result<(), MembersError> {
        if self.are_kept(group).await? {
            return Ok(());
        }
        let now = self.clock.now();
        let reading = format!("members:{group}");
        let others = self.ledger.recall_one(SeenKind::Fact, &reading).await?;
        if others.is_some_and(|seen| now < seen.at + READ_WITHIN) {
            return Ok(());
        }
        let mark = Seen { id: reading.clone(), value: serde_json::Value::Null, at: now };
        self.ledger.remember(SeenKind::Fact, &[mark]).await?;
        self.compare(group, Why::of(cause)).await?;
        Ok(self.ledger.unlearn(SeenKind::Fact, &[reading]).await?)
    }

    /// Compares a group's members with those that were kept, tells what those who joined or left have gained or lost, and keeps the members that there
    /// are. Tells how many have joined and left.
    pub(super) async fn compare(&self, group: &GroupId, why: Why<'_>) -> Result<usize, MembersError> {
        let at = self.clock.now();
        let members = self.read(group).await?;
        self.compare_with(group, members, at, why).await
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

    /// The groups that a user is in; none if there is no such user.
    async fn groups_of(&self, user: &UserId) -> Result<BTreeSet<GroupId>, MembersError> {
        let failed = |source| MembersError::Groups { user: user.clone(), source };
        Ok(self.directory.groups_of(user).await.map_err(failed)?.unwrap_or_default())
    }

    /// The same with the members as they were read at this time; `None` if there was no such group.
    pub(super) async fn compare_with(
        &self,
        group: &GroupId,
        members: Option<Memberships>,
        at: Timestamp,
        why: Why<'_>,
    ) -> Result<usize, MembersError> {
        let kept = Kept::read(self.ledger, group).await?;
        // Somebody has read them since: what was read before that is no news, but for who is named and was not told yet.
        let is_overtaken = kept.whole_since.is_some_and(|since| since > at);
        let is_gone = members.is_none() && !is_overtaken;
        let members = if is_overtaken { kept.memberships() } else { members.unwrap_or_default() };
        let joined: Vec<&UserId> = members.keys().filter(|user| kept.is_news(user, &why, at)).collect();
        // Whom a later look has found is not known to have left.
        let left = kept.members.iter().filter(|(user, kept)| !members.contains_key(user) && kept.at <= at);
        let left: Vec<&UserId> = left.map(|(user, _)| user).collect();

        let is_told = kept.whole_since.is_some();
        let moving: BTreeSet<&UserId> =
            joined.iter().chain(left.iter().filter(|_| is_told)).copied().collect();
        let appears = kept.whole_since.is_none() && why.is_new;
        let mut access = None;
        if !why.has_nothing && (appears || !moving.is_empty()) {
            let mut holdings = Holdings::read(self.ledger, group, &moving).await?;
            if is_told && !left.is_empty() {
                for other in holdings.ask(self, &left).await? {
                    // What they have by a group that they have just joined is not lost, and not gained by that one either, as long as this one still
                    // counts: so it comes first.
                    if !why.is_beside {
                        let beside = Why { is_beside: true, ..Why::of(why.cause) };
                        Box::pin(self.compare(&other, beside)).await?;
                    }
                }
            }
            access = Some(holdings);
        }

        // INVARIANT: kept to be told before it is kept who is in the group. A crash in between has it told again, under the same id: the mark of
        // when all were read, which ids are made of, comes last.
        let has_nothing = why.has_nothing || access.as_ref().is_some_and(Holdings::is_empty);
        let of_joined = if has_nothing { Standing::Waiting } else { Standing::Told };
        let at_first = if appears && has_nothing { Standing::Waiting } else { Standing::Before };
        for some in joined.chunks(AT_ONCE) {
            let outcomes = some.iter().filter_map(|user| {
                let (access, membership) = (access.as_ref()?, members.get(*user)?.as_ref());
                let happened = Happened::Gained(access.of(user)?);
                Some(access.told(happened, &kept.occasion(user, membership, &why), at, why.cause))
            });
            self.tell(outcomes.collect()).await?;
            self.keep(group, some, &members, &kept, |_| of_joined, at).await?;
        }
        let of_other = |user: &UserId| kept.members.get(user).map_or(at_first, |kept| kept.standing);
        let others: Vec<&UserId> = members.keys().filter(|user| !moving.contains(user)).collect();
        for some in others.chunks(AT_ONCE) {
            self.keep(group, some, &members, &kept, of_other, at).await?;
        }
        for some in left.chunks(AT_ONCE) {
            let outcomes = some.iter().filter(|_| is_told).filter_map(|user| {
                let (access, membership) = (access.as_ref()?, kept.members.get(*user)?.membership.as_ref());
                let happened = Happened::Lost(access.of(user)?);
                Some(access.told(happened, &kept.occasion(user, membership, &why), at, why.cause))
            });
            self.tell(outcomes.collect()).await?;
            let ids: Vec<String> = some.iter().filter_map(|user| kept.membership(user)).collect();
            self.ledger.unlearn(SeenKind::Membership, &ids).await?;
            let ids: Vec<String> = some.iter().map(|user| member(group, user)).collect();
            self.ledger.unlearn(SeenKind::Member, &ids).await?;
        }
        if is_gone {
            self.ledger.unlearn(SeenKind::Member, &[whole(group)]).await?;
        } else if !is_overtaken {
            let whole = Seen { id: whole(group), value: serde_json::Value::Null, at };
            self.ledger.remember(SeenKind::Member, &[whole]).await?;
        }
        let new = members.keys().filter(|user| is_told && !kept.members.contains_key(user));
        Ok(new.count() + if is_told { left.len() } else { 0 })
    }

    async fn tell(&self, outcomes: Vec<Outcome>) -> Result<(), LedgerError> {
        if outcomes.is_empty() { Ok(()) } else { self.ledger.tell(&outcomes).await }
    }

    /// Keeps these users, who are in the group, where that is not what is kept.
    async fn keep(
        &self,
        group: &GroupId,
        users: &[&UserId],
        members: &Memberships,
        kept: &Kept,
        standing: impl Fn(&UserId) -> Standing + Send,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        let (mut ids, mut entries, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for user in users {
            let membership = members.get(*user).and_then(Option::as_ref);
            let Some(renewed) = kept.renewed(user, membership, standing(user), at) else { continue };
            // Whoever has left and joined again between two looks has another membership.
            let before = kept.membership(user);
            let id = membership.map(ToString::to_string);
            if id != before {
                let value = member(group, user).into();
                ids.extend(id.map(|id| Seen { id, value, at }));
                ended.extend(before);
            }
            entries.push(renewed.seen(group, user));
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.ledger.remember(SeenKind::Membership, &ids).await?;
        self.ledger.remember(SeenKind::Member, &entries).await?;
        self.ledger.unlearn(SeenKind::Membership, &ended).await
    }
}
