//! The permission sets that there are. A set's name is asked for once and for good; its tags, where rules look at tags.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::Reading;
use crate::{
    domain::{PermissionSet, PermissionSetArn, Tags},
    engine::consent::ConfirmedName,
    ports::{PortError, SeenKind},
    resolve::{Catalogue, Lookup},
};

/// What a reading has listed.
#[derive(Debug, Default)]
pub(super) struct ListedSets {
    /// The permission sets that there are, once they have been listed, or why they could not be.
    listed: Mutex<Option<Result<Vec<PermissionSetArn>, PortError>>>,
}

impl Reading<'_> {
    /// Which permission set each name stands for, as far as it was seen or confirmed before.
    pub(super) fn confirmed_names(&self) -> Result<BTreeMap<String, PermissionSetArn>, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let names =
            known.values().zip(known.keys()).filter(|(_, (kind, _))| *kind == SeenKind::PermissionSetName);
        let read = names.map(|(seen, _)| match serde_json::from_value(seen.value.clone()) {
            Ok(ConfirmedName { permission_set, consent: _ }) => Ok((seen.id.clone(), permission_set)),
            Err(_) => {
                Err(format!("what the ledger remembers of the permission set `{}` can't be read", seen.id))
            }
        });
        read.collect()
    }

    /// The same, with the whole catalogue. A name that a declared set is made under anew stands for that: whoever makes it confirms it so.
    pub(super) async fn catalogue_by_names(
        &self,
        with_tags: bool,
    ) -> (Lookup<Catalogue>, BTreeMap<String, PermissionSetArn>) {
        let mut confirmed = match self.confirmed_names() {
            Ok(confirmed) => confirmed,
            // Any set might be another than the one that was confirmed.
            Err(why) => return (Lookup::Failed(why), BTreeMap::new()),
        };
        let catalogue = self.catalogue(with_tags).await;
        if let Lookup::Found(catalogue) = &catalogue {
            let access = self.reader.access;
            for set in catalogue.sets() {
                if access.foretold(&set.arn).is_some_and(|foretold| foretold.is_to_be_made) {
                    confirmed.remove(&set.name);
                }
            }
        }
        (catalogue, confirmed)
    }

    /// Learns which permission sets bear the names that rules have found. A name that is known already keeps the set that it
    /// stands for: only a person gives it another.
    pub(in crate::engine) fn learn_names(&self, named: &BTreeMap<String, PermissionSetArn>) {
        for (name, permission_set) in named {
            if self.remembered(SeenKind::PermissionSetName, name).is_none() {
                let seen = ConfirmedName { permission_set: permission_set.clone(), consent: None };
                self.learn(SeenKind::PermissionSetName, name, &seen);
            }
        }
    }

    /// The whole catalogue: listed afresh, since a set may be new or gone; its tags as old as the settings allow, and none where
    /// nobody looks at them.
    pub(in crate::engine) async fn catalogue(&self, with_tags: bool) -> Lookup<Catalogue> {
        match self.permission_sets(with_tags).await {
            Ok(sets) => Lookup::Found(sets.into()),
            Err(error) => Lookup::Failed(format!("permission sets: {error}")),
        }
    }

    async fn permission_sets(&self, with_tags: bool) -> Result<Vec<PermissionSet>, PortError> {
        let mut sets = Vec::new();
        for arn in self.set_arns().await? {
            let Some(name) = self.set_name(&arn).await? else { continue };
            let tags = if with_tags { self.set_tags(&arn).await? } else { Some(Tags::default()) };
            sets.extend(tags.map(|tags| PermissionSet { arn, name, tags }));
        }
        Ok(sets)
    }

    /// Learns some of what [`Self::catalogue`] needs, so that it can be remembered before all of it is known; at most so many calls.
    /// Tells whether there is more to learn. What fails is told when the catalogue is read.
    pub(in crate::engine) async fn learn_sets(&self, with_tags: bool, at_most: usize) -> bool {
        let Ok(arns) = self.set_arns().await else { return false };
        let mut calls = 0;
        for arn in arns {
            let (name, tags) = (self.known_name(&arn), self.known_tags(&arn));
            let unknown = usize::from(name.is_none()) + usize::from(with_tags && tags.is_none());
            if unknown == 0 {
                continue;
            }
            if calls >= at_most {
                return true;
            }
            calls += unknown;
            let learned = match self.set_name(&arn).await {
                Ok(Some(_)) if with_tags => self.set_tags(&arn).await.map(|_| ()),
                learned => learned.map(|_| ()),
            };
            if learned.is_err() {
                return false;
            }
        }
        false
    }

    async fn set_arns(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        if let Some(listed) = &*self.catalogue.listed.lock().unwrap_or_else(PoisonError::into_inner) {
            return listed.clone();
        }
        let listed = self.reader.access.permission_sets().await;
        *self.catalogue.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed.clone());
        listed
    }

    /// However long ago it was read: `UpdatePermissionSet` has no name, and a set made anew has another ARN.
    fn known_name(&self, arn: &PermissionSetArn) -> Option<String> {
        let remembered = self.remembered(SeenKind::PermissionSet, arn.as_str())?;
        serde_json::from_value::<PermissionSet>(remembered).ok().map(|set| set.name)
    }

    async fn set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        if let Some(name) = self.known_name(arn) {
            return Ok(Some(name));
        }
        let name = self.reader.access.permission_set_name(arn).await?;
        let is_there = self.reader.access.foretold(arn).is_none_or(|foretold| !foretold.is_to_be_made);
        if let Some(name) = name.as_ref().filter(|_| is_there) {
            let set = PermissionSet { arn: arn.clone(), name: name.clone(), tags: Tags::default() };
            self.learn(SeenKind::PermissionSet, arn.as_str(), &set);
        }
        Ok(name)
    }

    fn known_tags(&self, arn: &PermissionSetArn) -> Option<Tags> {
        self.known(SeenKind::PermissionSetTags, arn.as_str())
    }

    async fn set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        if let Some(foretold) = self.reader.access.foretold(arn) {
            return Ok(Some(foretold.tags));
        }
        if let Some(tags) = self.known_tags(arn) {
            return Ok(Some(tags));
        }
        let tags = self.reader.access.permission_set_tags(arn).await?;
        if let Some(tags) = &tags {
            self.learn(SeenKind::PermissionSetTags, arn.as_str(), tags);
        }
        Ok(tags)
    }
}
