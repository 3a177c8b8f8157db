//! A group's members as the ledger knows them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Why;
use crate::{
    domain::{GroupId, MembershipId, UserId},
    ports::{LedgerError, LedgerReader, Memberships, Seen, SeenKind},
};

/// How long it is still news that somebody has joined, who was there at the first look or joined a group that had nothing.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// A group's members as they were kept.
pub(super) struct Kept {
    pub(super) members: BTreeMap<UserId, Member>,
    /// When all of them were last read; `None` if they never were, and then nobody is known to have joined or left.
    pub(super) whole_since: Option<Timestamp>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) membership: Option<MembershipId>,
    pub(super) standing: Standing,
    pub(super) at: Timestamp,
}

/// Whether it was told that somebody has joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// They were there at the first look, which tells nobody. Only an event says that they have just joined.
    #[default]
    Before,
    /// They have joined when the group had nothing, or were in it when it appeared: told once it has something.
    Waiting,
    /// Told, or there was nothing to tell.
    Told,
}

/// What is kept of a member, as JSON.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Stored {
    #[serde(default)]
    membership: Option<MembershipId>,
    #[serde(default)]
    standing: Standing,
}

impl Member {
    pub(super) fn seen(&self, group: &GroupId, user: &UserId) -> Seen {
        let stored = Stored { membership: self.membership.clone(), standing: self.standing };
        let value = serde_json::to_value(stored).unwrap_or_default();
        Seen { id: member(group, user), value, at: self.at }
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.at + NEWS
    }
}

impl Kept {
    pub(super) async fn read(ledger: &dyn LedgerReader, group: &GroupId) -> Result<Self, LedgerError> {
        let mut kept = Self { members: BTreeMap::new(), whole_since: None };
        for seen in ledger.recall_below(SeenKind::Member, &whole(group)).await? {
            match of_id(&seen.id) {
                Some((_, user)) => {
                    let Stored { membership, standing } =
                        serde_json::from_value(seen.value).unwrap_or_default();
                    kept.members.insert(user, Member { membership, standing, at: seen.at });
                }
                None => kept.whole_since = Some(seen.at),
            }
        }
        Ok(kept)
    }

    pub(super) fn memberships(&self) -> Memberships {
        self.members.iter().map(|(user, member)| (user.clone(), member.membership.clone())).collect()
    }

    /// The id of a user's membership.
    pub(super) fn membership(&self, user: &UserId) -> Option<String> {
        Some(self.members.get(user)?.membership.as_ref()?.to_string())
    }

    /// Whether it is news that this user is in the group now.
    pub(super) fn is_news(&self, user: &UserId, why: &Why<'_>, now: Timestamp) -> bool {
        let is_named = why.joined == Some(user);
        match self.members.get(user) {
            None => self.whole_since.is_some() || is_named,
            Some(member) => match member.standing {
                Standing::Before => is_named && member.is_fresh(now),
                Standing::Waiting => member.is_fresh(now),
                Standing::Told => false,
            },
        }
    }

    /// What is to be kept of a user who is in the group; `None` if that is what is kept.
    pub(super) fn renewed(
        &self,
        user: &UserId,
        membership: Option<&MembershipId>,
        standing: Standing,
        at: Timestamp,
    ) -> Option<Member> {
        let kept = self.members.get(user);
        let as_before = kept.filter(|kept| kept.standing == standing);
        if as_before.is_some_and(|kept| kept.membership.as_ref() == membership) {
            return None;
        }
        // Who waits, waits since then; and what a later look has written is not replaced by what is older.
        let at = as_before.map_or(at, |kept| kept.at).max(kept.map_or(at, |kept| kept.at));
        Some(Member { membership: membership.cloned(), standing, at })
    }

    /// What tells a change from another of the same user in the same group: the membership's id, and when the members were last read, or the event
    /// that names who is found at the first look. A stale list may have somebody leave and join who never did, and what is true in the end must
    /// not bear an id that was heard before.
    pub(super) fn occasion(&self, user: &UserId, membership: Option<&MembershipId>, why: &Why<'_>) -> String {
        let id = membership.map(MembershipId::as_str).unwrap_or_default();
        let is_first = self.members.get(user).is_some_and(|member| member.standing == Standing::Before);
        match self.whole_since {
            Some(since) if !(is_first && why.joined == Some(user)) => format!("{id} {since}"),
            Some(_) | None => format!("{id} {}", why.cause.as_str()),
        }
    }
}

/// The id of the mark that a group's members were read to the last page; the ids of its members begin so.
pub(super) fn whole(group: &GroupId) -> String {
    format!("{group}/")
}

pub(super) fn member(group: &GroupId, user: &UserId) -> String {
    format!("{group}/{user}")
}

/// Whose a member's id is; `None` for the mark.
pub(super) fn of_id(id: &str) -> Option<(GroupId, UserId)> {
    let (group, user) = id.split_once('/')?;
    Some((group.parse().ok()?, user.parse().ok()?))
}
