//! The names behind ids, for the operator's eyes: they are looked up to be shown, and nothing is decided by them.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use shared::{
    domain::{AssignmentKey, PermissionSet, PermissionSetArn, Principal},
    engine::Reader,
    ledger::Beyond,
    ports::{AccessReader, Directory, LastName, LedgerError, LedgerReader, Seen, SeenKind},
};

/// Names of principals and permission sets. What is gone has the name that it was last seen with; what was never seen has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    principals: BTreeMap<Principal, String>,
    permission_sets: BTreeMap<PermissionSetArn, String>,
}

/// Where names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) directory: &'a dyn Directory,
    pub(crate) access: &'a dyn AccessReader,
    pub(crate) ledger: &'a dyn LedgerReader,
}

impl<'a> From<Reader<'a>> for Source<'a> {
    fn from(reader: Reader<'a>) -> Self {
        Self { directory: reader.directory, access: reader.access, ledger: reader.ledger }
    }
}

impl Names {
    /// Looks up all names that these keys need, a few at a time. `learned` is what a reading has just seen.
    pub(crate) async fn of(
        keys: impl Iterator<Item = &AssignmentKey>,
        learned: &BTreeMap<SeenKind, Vec<Seen>>,
        source: Source<'_>,
    ) -> Self {
        let (mut principals, mut sets) = (BTreeSet::new(), BTreeSet::new());
        for key in keys {
            principals.insert(key.principal.clone());
            sets.insert(key.permission_set.clone());
        }
        let principals = stream::iter(principals)
            .map(async |principal| (principal.clone(), principal_name(&principal, source).await))
            .buffered(4)
            .filter_map(async |(principal, name)| Some((principal, name?)))
            .collect()
            .await;

        let mut permission_sets = BTreeMap::new();
        let remembered = source.ledger.recall(SeenKind::PermissionSet).await.unwrap_or_default();
        for seen in remembered.iter().chain(learned.get(&SeenKind::PermissionSet).into_iter().flatten()) {
            if let Ok(set) = serde_json::from_value::<PermissionSet>(seen.value.clone()) {
                permission_sets.insert(set.arn, set.name);
            }
        }
        for arn in sets {
            if !permission_sets.contains_key(&arn)
                && let Ok(Some(set)) = source.access.permission_set(&arn).await
            {
                permission_sets.insert(arn, set.name);
            }
        }
        Self { principals, permission_sets }
    }

    /// The names that the ledger remembers: those that rules name. They may have changed since.
    pub(crate) async fn remembered(ledger: &dyn LedgerReader) -> Result<Self, LedgerError> {
        let mut names = Self::default();
        for seen in ledger.recall(SeenKind::PermissionSet).await? {
            if let Ok(set) = serde_json::from_value::<PermissionSet>(seen.value) {
                names.permission_sets.insert(set.arn, set.name);
            }
        }
        for seen in ledger.recall(SeenKind::GroupName).await? {
            if let (Ok(id), Some(name)) = (seen.id.parse(), last_name(seen)) {
                names.principals.insert(Principal::Group(id), name);
            }
        }
        for seen in ledger.recall(SeenKind::UserName).await? {
            if let (Ok(id), Some(name)) = (seen.id.parse(), last_name(seen)) {
                names.principals.insert(Principal::User(id), name);
            }
        }
        Ok(names)
    }

    /// These, with the name that a permission set bears now, where it was told.
    #[must_use = "it has one more"]
    pub(crate) fn with_permission_set(mut self, arn: &PermissionSetArn, name: Option<String>) -> Self {
        self.permission_sets.extend(name.map(|name| (arn.clone(), name)));
        self
    }

    /// These, and those.
    #[must_use = "it has the names of both"]
    pub(crate) fn and(mut self, others: Self) -> Self {
        let Self { principals, permission_sets } = others;
        self.principals.extend(principals);
        self.permission_sets.extend(permission_sets);
        self
    }

    pub(crate) fn principal(&self, principal: &Principal) -> Option<String> {
        self.principals.get(principal).cloned()
    }

    pub(crate) fn permission_set(&self, arn: &PermissionSetArn) -> Option<String> {
        self.permission_sets.get(arn).cloned()
    }
}

/// Names the principals of what is beyond scopes, people among them: what a person is shown is no log.
pub(crate) async fn name_principals(beyond: &mut [Beyond], source: Source<'_>) {
    for Beyond { examples, names, .. } in beyond {
        for principal in examples.iter().map(|key| &key.principal) {
            if !names.contains_key(principal.id())
                && let Some(name) = principal_name(principal, source).await
            {
                names.insert(principal.id().to_owned(), name);
            }
        }
    }
}

/// The name that a principal bears, or bore when AWS still knew it.
async fn principal_name(principal: &Principal, source: Source<'_>) -> Option<String> {
    let (name, kind) = match principal {
        Principal::Group(id) => (source.directory.group_name(id).await, SeenKind::GroupName),
        Principal::User(id) => (source.directory.user_name(id).await, SeenKind::UserName),
    };
    match name {
        Ok(Some(name)) => Some(name),
        Ok(None) | Err(_) => source.ledger.recall_one(kind, principal.id()).await.ok()?.and_then(last_name),
    }
}

fn last_name(seen: Seen) -> Option<String> {
    Some(serde_json::from_value::<LastName>(seen.value).ok()?.name)
}
