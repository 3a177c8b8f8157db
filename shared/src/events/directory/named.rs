//! The ids that an event of the identity store names, wherever they stand. Ids of groups and of users look alike, so it is the name of
//! the member that tells what an id is.

use std::{collections::BTreeSet, str::FromStr};

use super::super::{
    Envelope,
    event::bare,
    search::{self, Several},
};
use crate::domain::{GroupId, MembershipId, UserId};

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Group,
    User,
    Membership,
    /// It is called `id`, as SCIM calls what a call is about.
    Subject,
}

impl Of {
    /// By the names of the members that lead to an id, the innermost last.
    fn path(path: &[&str]) -> Option<Self> {
        let (last, before) = path.split_last()?;
        let owner = before.last().map(|owner| owner.to_ascii_lowercase());
        match last.to_ascii_lowercase().as_str() {
            "groupid" | "groupids" | "grouparn" => Some(Self::Group),
            "userid" | "userids" | "userarn" | "memberid" | "memberids" => Some(Self::User),
            "membershipid" | "membershipids" | "membershiparn" => Some(Self::Membership),
            "id" => match owner.as_deref() {
                None | Some("httpbody") => Some(Self::Subject),
                Some("group" | "groups") => Some(Self::Group),
                Some("user" | "users" | "member" | "members") => Some(Self::User),
                Some(_) => None,
            },
            _ => None,
        }
    }
}

/// The ids that an event names.
#[derive(Debug)]
pub(super) struct Named<'a> {
    found: BTreeSet<(Of, &'a str)>,
    whole: bool,
}

impl<'a> Named<'a> {
    pub(super) fn in_event(envelope: &'a Envelope) -> Self {
        let mut found = BTreeSet::new();
        let whole = search::each_text(envelope, |path, text| {
            found.extend(Of::path(path).map(|of| (of, bare(text))));
        });
        Self { found, whole }
    }

    pub(super) fn groups(&self) -> Several<GroupId> {
        self.ids(Of::Group)
    }

    pub(super) fn users(&self) -> Several<UserId> {
        self.ids(Of::User)
    }

    pub(super) fn memberships(&self) -> Several<MembershipId> {
        self.ids(Of::Membership)
    }

    /// Where no id is called a group's: what is only called `id`.
    pub(super) fn groups_or_ids(&self) -> Several<GroupId> {
        self.ids_or_subjects(Of::Group)
    }

    /// Where no id is called a user's: what is only called `id`.
    pub(super) fn users_or_ids(&self) -> Several<UserId> {
        self.ids_or_subjects(Of::User)
    }

    fn ids_or_subjects<T: FromStr + Ord + Clone>(&self, of: Of) -> Several<T> {
        let is_called_so = self.found.iter().any(|(found, text)| *found == of && text.parse::<T>().is_ok());
        self.ids(if is_called_so { of } else { Of::Subject })
    }

    /// What is no id, such as what stands for a hidden one, is none of them.
    fn ids<T: FromStr + Ord + Clone>(&self, wanted: Of) -> Several<T> {
        let ids = self.found.iter().filter(|(of, _)| *of == wanted).filter_map(|(_, text)| text.parse().ok());
        Several::of(ids.collect(), self.whole)
    }
}
