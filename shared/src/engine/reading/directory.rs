//! Looking up what rules name in the directory. A question is asked once in a reading, but for the confirmation of a loss.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use futures::stream::{self, StreamExt as _};

use super::{CONTRADICTION, Reading};
use crate::{
    domain::{GroupId, Principal, UserId},
    ports::{LastName, Memberships, PortError, SeenKind},
    resolve::{Catalogue, Facts, Lookup, Needs},
};

/// The answers to one question, by what was asked about.
type Answered<K, V> = Mutex<BTreeMap<K, Lookup<V>>>;

/// What the directory has said in a reading.
#[derive(Debug, Default)]
pub(super) struct Answers {
    groups: Answered<String, GroupId>,
    /// The same, doubted: see [`Reading::doubt`].
    member_groups: Answered<String, GroupId>,
    group_ids: Answered<GroupId, ()>,
    users: Answered<String, UserId>,
    user_ids: Answered<UserId, ()>,
    members: Answered<GroupId, Memberships>,
    /// Names, asked for when something would be taken away. What was said of an id before does not count here: one of two answers
    /// may be stale, and it must not be believed twice.
    names: Answered<Principal, String>,
}

impl Reading<'_> {
    /// Looks up what rules name. Never fails as a whole: each look-up that failed says so in its place.
    pub(in crate::engine) async fn facts(&self, needs: &Needs) -> Facts {
        let (directory, answers) = (self.reader.directory, &self.answers);
        let group = async |name: &String| lookup(directory.group_id(name).await);
        let user = async |name: &String| lookup(directory.user_id(name).await);
        let group_id = async |id: &GroupId| exists(directory.group_name(id).await);
        let user_id = async |id: &UserId| exists(directory.user_name(id).await);
        let members = async |id: &GroupId| match lookup(directory.memberships(id).await) {
            // Its members would lose access by it, and they are still there: it must really be gone.
            Lookup::Absent => match directory.group_name(id).await {
                Ok(None) => Lookup::Absent,
                Ok(Some(_)) => Lookup::Failed(CONTRADICTION.to_owned()),
                Err(error) => Lookup::Failed(error.to_string()),
            },
            found @ (Lookup::Found(_) | Lookup::Failed(_)) => found,
        };

        let groups = each(&answers.groups, &needs.groups, group).await;
        // Apart from the others: a doubt that one account has must not be another's.
        let doubted = async |name: &String| {
            let mut found = groups.get(name).cloned().unwrap_or(Lookup::Absent);
            self.doubt(name, &mut found).await;
            found
        };
        for (name, found) in &groups {
            self.learn_id(SeenKind::Group, SeenKind::GroupName, name, found);
        }
        let member_groups = each(&answers.member_groups, &needs.members_of, doubted).await;
        let named = member_groups.values().filter_map(|found| match found {
            Lookup::Found(id) => Some(id.clone()),
            Lookup::Absent | Lookup::Failed(_) => None,
        });
        let of: BTreeSet<GroupId> = needs.members_of_ids.iter().cloned().chain(named).collect();
        let (permission_sets, confirmed) = if needs.permission_sets {
            self.catalogue_by_names(needs.permission_set_tags).await
        } else {
            (Lookup::Found(Catalogue::default()), BTreeMap::new())
        };
        let users = each(&answers.users, &needs.users, user).await;
        for (name, found) in &users {
            self.learn_id(SeenKind::User, SeenKind::UserName, name, found);
        }
        Facts {
            users,
            group_ids: each(&answers.group_ids, &needs.group_ids, group_id).await,
            user_ids: each(&answers.user_ids, &needs.user_ids, user_id).await,
            members: each(&answers.members, &of, members).await.into_iter().map(alone).collect(),
            groups,
            member_groups,
            permission_sets,
            confirmed,
        }
    }

    /// Learns whose a name is, and what it is called, where that is news.
    fn learn_id<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + ToString>(
        &self,
        by_name: SeenKind,
        by_id: SeenKind,
        name: &str,
        found: &Lookup<T>,
    ) {
        let Lookup::Found(id) = found else { return };
        let before = self.remembered(by_name, name);
        if before.and_then(|before| serde_json::from_value(before).ok()).as_ref() != Some(id) {
            self.learn(by_name, name, id);
            self.learn(by_id, &id.to_string(), &seen(name));
        }
    }

    /// Who loses access when a group's name is gone are its members, and they are still there: the group that bore the name
    /// last must be gone too, or bear another one. Otherwise one of the two answers is stale.
    async fn doubt(&self, name: &str, found: &mut Lookup<GroupId>) {
        let before = self.remembered(SeenKind::Group, name);
        let before: Option<GroupId> = before.and_then(|value| serde_json::from_value(value).ok());
        match found {
            Lookup::Found(_) => self.learn_id(SeenKind::Group, SeenKind::GroupName, name, found),
            Lookup::Failed(_) => {}
            Lookup::Absent => {
                let Some(before) = before else { return };
                match self.reader.directory.group_name(&before).await {
                    Ok(Some(now)) if now == name => *found = Lookup::Failed(CONTRADICTION.to_owned()),
                    Ok(Some(_) | None) => {}
                    Err(error) => *found = Lookup::Failed(error.to_string()),
                }
            }
        }
    }

    /// The groups that were found by what rules name.
    pub(in crate::engine) fn groups_found(&self) -> BTreeSet<GroupId> {
        let found = |answered: &Answered<String, GroupId>| {
            let answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
            let ids = answered.values().filter_map(|found| match found {
                Lookup::Found(id) => Some(id.clone()),
                Lookup::Absent | Lookup::Failed(_) => None,
            });
            ids.collect::<Vec<_>>()
        };
        let pinned = self.answers.group_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = pinned.iter().filter(|(_, found)| matches!(found, Lookup::Found(()))).map(|(id, _)| id);
        let named = found(&self.answers.groups).into_iter().chain(found(&self.answers.member_groups));
        named.chain(pinned.cloned()).collect()
    }

    /// The names of the groups that rules name by them.
    pub(in crate::engine) fn group_names(&self) -> BTreeMap<GroupId, String> {
        let answers = [&self.answers.groups, &self.answers.member_groups];
        let named = answers.into_iter().flat_map(|answered| {
            let answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
            let found = answered.iter().filter_map(|(name, found)| match found {
                Lookup::Found(id) => Some((id.clone(), name.clone())),
                Lookup::Absent | Lookup::Failed(_) => None,
            });
            found.collect::<Vec<_>>()
        });
        named.collect()
    }

    /// The members of a group, if they were read.
    pub(in crate::engine) fn members_read(&self, group: &GroupId) -> Option<Memberships> {
        let answered = self.answers.members.lock().unwrap_or_else(PoisonError::into_inner);
        match answered.get(group) {
            Some(Lookup::Found(members)) => Some(members.clone()),
            Some(Lookup::Absent | Lookup::Failed(_)) | None => None,
        }
    }

    /// The names that principals bear now, if they still exist.
    pub(in crate::engine) async fn standing(
        &self,
        principals: &BTreeSet<Principal>,
    ) -> BTreeMap<Principal, Lookup<String>> {
        let directory = self.reader.directory;
        let standing = each(&self.answers.names, principals, async |principal: &Principal| match principal {
            Principal::Group(id) => lookup(directory.group_name(id).await),
            Principal::User(id) => lookup(directory.user_name(id).await),
        })
        .await;
        // Perhaps no event has told it: the next one is not one of a name that all accounts have heard of.
        for (principal, found) in &standing {
            let kind = match principal {
                Principal::Group(_) => SeenKind::GroupName,
                Principal::User(_) => SeenKind::UserName,
            };
            if let Lookup::Found(name) = found {
                self.learn(kind, principal.id(), &seen(name));
            }
        }
        standing
    }
}

/// Asks about each that was not asked about before, a few at a time.
async fn each<K: Ord + Clone, V: Clone>(
    answered: &Answered<K, V>,
    keys: &BTreeSet<K>,
    ask: impl AsyncFn(&K) -> Lookup<V>,
) -> BTreeMap<K, Lookup<V>> {
    let known = |key: &K| answered.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    let ask = &ask;
    let asked: Vec<(K, Lookup<V>)> = stream::iter(keys.iter().filter(|key| known(key).is_none()))
        .map(async |key| (key.clone(), ask(key).await))
        .buffered(4)
        .collect()
        .await;
    let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
    answered.extend(asked);
    keys.iter().filter_map(|key| Some((key.clone(), answered.get(key)?.clone()))).collect()
}

/// The members without their memberships.
fn alone((group, members): (GroupId, Lookup<Memberships>)) -> (GroupId, Lookup<BTreeSet<UserId>>) {
    let members = match members {
        Lookup::Found(members) => Lookup::Found(members.into_keys().collect()),
        Lookup::Absent => Lookup::Absent,
        Lookup::Failed(why) => Lookup::Failed(why),
    };
    (group, members)
}

fn lookup<T>(found: Result<Option<T>, PortError>) -> Lookup<T> {
    match found {
        Ok(Some(found)) => Lookup::Found(found),
        Ok(None) => Lookup::Absent,
        Err(error) => Lookup::Failed(error.to_string()),
    }
}

fn seen(name: &str) -> LastName {
    LastName { name: name.to_owned(), gone: false, hinted: false }
}

fn exists<T>(found: Result<Option<T>, PortError>) -> Lookup<()> {
    lookup(found.map(|found| found.map(|_| ())))
}
