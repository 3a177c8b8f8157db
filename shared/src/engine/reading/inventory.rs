//! All accounts at once: as they are listed, with the tags that come in bulk and the names of all OUs above them.

use std::collections::{BTreeMap, BTreeSet};

use super::{ReadError, Reading, bulk};
use crate::{
    domain::{Account, AccountId, OuId, ParentId, Tags},
    ports::{AccountRecord, LedgerError, PortError, SeenKind},
};

impl Reading<'_> {
    /// All accounts as they are listed.
    pub(in crate::engine) async fn records(&self) -> Result<Vec<AccountRecord>, ReadError> {
        self.reader.organization.accounts().await.map_err(ReadError::Organization)
    }

    /// The tags of the accounts that an answer in bulk speaks for. Where there is none, of no account.
    pub(in crate::engine) async fn tags_in_bulk(
        &self,
        listed: &BTreeSet<AccountId>,
    ) -> Result<BTreeMap<AccountId, Tags>, LedgerError> {
        let answer = match self.reader.organization.tags_in_bulk().await {
            Ok(answer) => answer,
            // Whatever the reason: one by one they can still be asked.
            Err(error) => {
                tracing::info!(%error, "no tags in bulk; asking account by account");
                BTreeMap::new()
            }
        };
        let before = self.reader.ledger.recall(SeenKind::TaggedAccount).await?;
        let mut had_tags = BTreeMap::new();
        for seen in before {
            if let (Ok(id), Ok(had)) = (seen.id.parse(), serde_json::from_value(seen.value.clone())) {
                had_tags.insert(id, had);
                self.recalled(SeenKind::TaggedAccount, seen);
            }
        }
        let spoken_for = bulk::spoken_for(listed, answer, &had_tags);
        for (id, tags) in &spoken_for {
            self.learn_tagged(id, tags);
        }
        Ok(spoken_for)
    }

    /// Learns whether an account has tags, where that is news.
    fn learn_tagged(&self, id: &AccountId, tags: &Tags) {
        let has_tags = !tags.0.is_empty();
        let kind = SeenKind::TaggedAccount;
        if self.remembered(kind, id.as_str()) != Some(has_tags.into()) {
            self.learn(kind, id.as_str(), &has_tags);
        }
    }

    /// Learns the names of all OUs above these accounts that aren't known: one call for each twenty OUs below the same parent. What
    /// this fails to learn is asked for by itself where it is needed.
    pub(in crate::engine) async fn learn_ous(&self, records: &[AccountRecord]) {
        let mut parents = BTreeSet::new();
        for record in records {
            let mut parent = ParentId::Root(record.root.clone());
            for ou in &record.parents {
                if self.known::<String>(SeenKind::OrganizationalUnit, ou.as_str()).is_none() {
                    parents.insert(parent);
                }
                parent = ParentId::Ou(ou.clone());
            }
        }
        for parent in parents {
            match self.reader.organization.ous_below(&parent).await {
                Ok(names) => {
                    for (ou, name) in names.unwrap_or_default() {
                        self.learn_ou(&ou, &name);
                    }
                }
                Err(error @ (PortError::Denied(_) | PortError::Refused(_) | PortError::Barred(_))) => {
                    tracing::info!(%error, "cannot list the OUs below a parent; asking one by one");
                    return;
                }
                Err(
                    PortError::NotFound(_)
                    | PortError::Unassumed(_)
                    | PortError::Throttled(_)
                    | PortError::WindowFull(_)
                    | PortError::Conflict(_)
                    | PortError::Failed(_),
                ) => {}
            }
        }
    }

    fn learn_ou(&self, ou: &OuId, name: &str) {
        if self.known::<String>(SeenKind::OrganizationalUnit, ou.as_str()).is_none() {
            self.learn(SeenKind::OrganizationalUnit, ou.as_str(), &name);
        }
    }

    /// The tags of one account, as they are now; `None` only when AWS says that there is no such account.
    pub(in crate::engine) async fn tags_of(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        let tags = self.reader.organization.account_tags(id).await?;
        if let Some(tags) = &tags {
            self.learn_tagged(id, tags);
        }
        Ok(tags)
    }

    /// A listed account with its tags and the names of its OUs; its tags are asked for, unless they came in bulk.
    pub(in crate::engine) async fn listed(
        &self,
        record: AccountRecord,
        tags: Option<Tags>,
    ) -> Result<Account, ReadError> {
        let id = record.id.clone();
        let tags = if let Some(tags) = tags {
            tags
        } else {
            let failed = |source| ReadError::Account { account: id.clone(), source };
            let gone = || failed(PortError::NotFound("it was listed, and its tags are gone".into()));
            self.tags_of(&id).await.map_err(failed)?.ok_or_else(gone)?
        };
        self.assemble(record, tags).await
    }
}
