//! The organization as somebody supposes it to be: AWS is asked as ever, and its answers are changed on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use shared::{
    domain::{AccountId, OuId, ParentId, RootId, Tags},
    ports::{AccountRecord, OrganizationFacts, OrganizationReader, PortError},
};

use crate::{
    Failure,
    args::{Place, WhatIf},
    connect::Aws,
    failure::Unknown,
    look_up,
    screen::line,
    suggestions,
};

/// What is supposed, its accounts and OUs looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supposed {
    /// Each in words, in the order in which they were given.
    pub(crate) told: Vec<String>,
    pub(crate) accounts: BTreeMap<AccountId, Otherwise>,
    /// Of accounts that are supposed to be elsewhere: the OU that they are in, and the one that is supposed.
    pub(crate) places: BTreeMap<AccountId, (String, String)>,
    pub(crate) rules: Vec<PathBuf>,
    /// Keys of tags that are supposed.
    pub(crate) tags: BTreeSet<String>,
}

/// How an account is supposed to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Otherwise {
    /// The OUs from the root down to it.
    parents: Option<Vec<OuId>>,
    /// By key; `None` for a tag that is taken away.
    tags: BTreeMap<String, Option<String>>,
}

impl Otherwise {
    fn record(&self, record: AccountRecord) -> AccountRecord {
        AccountRecord { parents: self.parents.clone().unwrap_or(record.parents), ..record }
    }

    fn tags(&self, tags: Tags) -> Tags {
        let Tags(mut tags) = tags;
        for (key, value) in &self.tags {
            match value {
                Some(value) => _ = tags.insert(key.clone(), value.clone()),
                None => _ = tags.remove(key),
            }
        }
        Tags(tags)
    }
}

impl Supposed {
    /// Looks up what is supposed.
    pub(crate) async fn of(what_if: &[WhatIf], aws: &Aws) -> Result<Self, Failure> {
        let mut supposed = Self::default();
        let is_about_accounts = what_if.iter().any(|one| !matches!(one, WhatIf::Rules(_)));
        let all = if is_about_accounts {
            aws.organization.accounts().await.map_err(Failure::LookUp)?
        } else {
            Vec::new()
        };
        for one in what_if {
            supposed
                .suppose(one, &all, aws)
                .await
                .map_err(|failure| Unknown::WhatIf { written: one.to_string(), source: Box::new(failure) })?;
        }
        Ok(supposed)
    }

    async fn suppose(&mut self, one: &WhatIf, all: &[AccountRecord], aws: &Aws) -> Result<(), Failure> {
        let told = |record: &AccountRecord| format!("{} ({})", line(&record.name), record.id);
        match one {
            WhatIf::Move { account, to } => {
                let record = look_up::account_among(account, all)?;
                let tree = tree(&record.root, aws.organization.as_ref()).await?;
                let (parents, then) = find(to, &tree)?;
                let now = record.parents.last().and_then(|ou| tree.get(ou));
                let now = now.map(|path| in_names(path)).unwrap_or_default();
                let place = |ou: &str| if ou.is_empty() { "the root".to_owned() } else { line(ou) };
                self.told.push(format!(
                    "{} is in {}, and not in {}",
                    told(record),
                    place(&then),
                    place(&now)
                ));
                once(self.otherwise(record).parents.replace(parents))?;
                self.places.insert(record.id.clone(), (now, then));
            }
            WhatIf::Tag { account, key, value } => {
                let record = look_up::account_among(account, all)?;
                self.told.push(format!("{} has the tag {}={}", told(record), line(key), line(value)));
                self.tags.insert(key.clone());
                once(self.otherwise(record).tags.insert(key.clone(), Some(value.clone())))?;
            }
            WhatIf::Untag { account, key } => {
                let record = look_up::account_among(account, all)?;
                self.told.push(format!("{} has no tag {}", told(record), line(key)));
                self.tags.insert(key.clone());
                once(self.otherwise(record).tags.insert(key.clone(), None))?;
            }
            WhatIf::Rules(path) => {
                self.told.push(format!("the rules are those in {}", line(&path.display().to_string())));
                self.rules.push(path.clone());
            }
        }
        Ok(())
    }

    /// What is to be known of tags that no rule can look at, since the rules don't trust them.
    pub(crate) fn mistrusted(&self, trusted: &BTreeSet<String>) -> Vec<String> {
        let mistrusted = self.tags.iter().filter(|key| !trusted.contains(*key));
        let told = mistrusted.map(|key| {
            let near = suggestions::nearest(key, trusted.iter().map(String::as_str));
            let meant = near.first().map(|near| format!("; `{}` is", line(near))).unwrap_or_default();
            format!(
                "the tag {} makes no difference: it is not among the rules' trusted_account_tags{meant}",
                line(key)
            )
        });
        told.collect()
    }

    fn otherwise(&mut self, record: &AccountRecord) -> &mut Otherwise {
        self.accounts.entry(record.id.clone()).or_default()
    }

    /// The organization, as supposed.
    pub(crate) fn organization(&self, real: Arc<dyn OrganizationReader>) -> Arc<dyn OrganizationReader> {
        Arc::new(SupposedOrganization { real, accounts: self.accounts.clone() })
    }
}

/// Whether nothing was supposed of the same before.
fn once<T>(before: Option<T>) -> Result<(), Unknown> {
    before.map_or(Ok(()), |_| Err(Unknown::SupposedTwice))
}

/// Every OU, with the way down to it.
type Tree = BTreeMap<OuId, Vec<(OuId, String)>>;

/// `Workloads/Development`
fn in_names(path: &[(OuId, String)]) -> String {
    path.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("/")
}

/// The way down to an OU, and its path in names; both empty for the root.
fn find(to: &Place, tree: &Tree) -> Result<(Vec<OuId>, String), Unknown> {
    let found = match to {
        Place::Root => return Ok((Vec::new(), String::new())),
        Place::Ou(id) => tree.get(id),
        Place::Path(names) => tree.values().find(|path| path.iter().map(|(_, name)| name).eq(names)),
    };
    if let Some(path) = found {
        return Ok((path.iter().map(|(id, _)| id.clone()).collect(), in_names(path)));
    }
    let written = to.to_string();
    let paths: BTreeMap<String, &OuId> = tree.iter().map(|(id, path)| (in_names(path), id)).collect();
    // Whoever writes the last name alone means the whole path.
    let below = format!("/{written}");
    let is_meant = |path: &&String| **path == written || path.ends_with(&below);
    let mut near: Vec<&str> = paths.keys().filter(is_meant).map(String::as_str).collect();
    if near.is_empty() {
        let known = paths.keys().map(String::as_str).chain(tree.keys().map(OuId::as_str));
        near = suggestions::nearest(&written, known);
    }
    let told = near.into_iter().map(|near| match paths.get(near) {
        Some(id) => told_ou(id, tree),
        None => near.to_owned(),
    });
    Err(Unknown::Ou { name: written, nearest: told.collect() })
}

/// An OU as it can be typed: by its path, or by its id where a name in that has a slash, or looks like an id.
fn told_ou(id: &OuId, tree: &Tree) -> String {
    let path = tree.get(id).map(Vec::as_slice).unwrap_or_default();
    let (told, names) = (in_names(path), path.iter().map(|(_, name)| name.clone()).collect());
    if told.parse() == Ok(Place::Path(names)) { line(&told) } else { format!("{id} ({})", line(&told)) }
}

/// Reads every OU below a root.
async fn tree(root: &RootId, organization: &dyn OrganizationReader) -> Result<Tree, Failure> {
    let mut tree = Tree::new();
    let mut open: Vec<(ParentId, Vec<(OuId, String)>)> = vec![(ParentId::Root(root.clone()), Vec::new())];
    while let Some((parent, path)) = open.pop() {
        // One that is gone meanwhile has nothing below it.
        let below = organization.ous_below(&parent).await.map_err(Failure::LookUp)?.unwrap_or_default();
        for (id, name) in below {
            let mut path = path.clone();
            path.push((id.clone(), name));
            if tree.insert(id.clone(), path.clone()).is_none() {
                open.push((ParentId::Ou(id), path));
            }
        }
    }
    Ok(tree)
}

struct SupposedOrganization {
    real: Arc<dyn OrganizationReader>,
    accounts: BTreeMap<AccountId, Otherwise>,
}

#[async_trait::async_trait]
impl OrganizationReader for SupposedOrganization {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.real.organization().await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        let record = self.real.account(id).await?;
        Ok(record.map(|record| match self.accounts.get(id) {
            Some(otherwise) => otherwise.record(record),
            None => record,
        }))
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let records = self.real.accounts().await?.into_iter();
        let supposed = records.map(|record| match self.accounts.get(&record.id) {
            Some(otherwise) => otherwise.record(record),
            None => record,
        });
        Ok(supposed.collect())
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        let tags = self.real.account_tags(id).await?;
        Ok(tags.map(|tags| match self.accounts.get(id) {
            Some(otherwise) => otherwise.tags(tags),
            None => tags,
        }))
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let mut all = self.real.tags_in_bulk().await?;
        for (id, otherwise) in &self.accounts {
            // An account without tags is in no such list, and now it may have some.
            if let Some(tags) = self.real.account_tags(id).await? {
                all.insert(id.clone(), otherwise.tags(tags));
            }
        }
        Ok(all)
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.real.ous_below(parent).await
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.real.ou_name(id).await
    }
}
