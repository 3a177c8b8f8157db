//! Names for people's eyes: no call of Usher's is spent on them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use shared::{
    domain::{AccountId, AssignmentKey, OuId, ParentId, PermissionSetArn, Principal, Tags},
    ports::{AccountRecord, LedgerError, LedgerReader, OrganizationFacts, OrganizationReader, PortError},
};

use crate::{names::Names, screen::line};

/// Who is who.
pub(crate) trait Cast: Send + Sync {
    fn account(&self, id: &AccountId) -> String;

    fn permission_set(&self, arn: &PermissionSetArn) -> String;

    /// The name of a group. People are told by their ids, as in logs.
    fn group(&self, principal: &Principal) -> Option<String>;

    fn principal(&self, principal: &Principal) -> String {
        match principal {
            Principal::Group(id) => {
                let name = self.group(principal);
                format!("group {}", line(name.as_deref().unwrap_or(id.as_str())))
            }
            Principal::User(id) => format!("user {id}"),
        }
    }

    /// `EC2-S3-FullAccess to group Developers`
    fn assignment(&self, key: &AssignmentKey) -> String {
        format!("{} to {}", self.permission_set(&key.permission_set), self.principal(&key.principal))
    }
}

/// Names that the functions have come across: accounts where they were read, all else in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    accounts: Mutex<BTreeMap<AccountId, String>>,
    names: Mutex<Names>,
    /// Somebody was told without a name.
    is_behind: AtomicBool,
}

impl Remembered {
    /// Whether somebody had no name since they were last learned.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Learns what the ledger has by now.
    pub(crate) async fn learn(&self, ledger: &dyn LedgerReader) -> Result<(), LedgerError> {
        let names = Names::remembered(ledger).await?;
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        self.is_behind.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn note<'a>(&self, accounts: impl IntoIterator<Item = &'a AccountRecord>) {
        let mut names = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        names.extend(accounts.into_iter().map(|account| (account.id.clone(), account.name.clone())));
    }

    fn named(&self, name: impl FnOnce(&Names) -> Option<String>) -> Option<String> {
        let name = name(&self.names.lock().unwrap_or_else(PoisonError::into_inner));
        if name.is_none() {
            self.is_behind.store(true, Ordering::Relaxed);
        }
        name
    }
}

impl Cast for Remembered {
    fn account(&self, id: &AccountId) -> String {
        let names = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(id).map_or_else(|| id.to_string(), |name| line(name))
    }

    fn permission_set(&self, arn: &PermissionSetArn) -> String {
        self.named(|names| names.permission_set(arn)).map_or_else(|| arn.to_string(), |name| line(&name))
    }

    fn group(&self, principal: &Principal) -> Option<String> {
        self.named(|names| names.principal(principal))
    }
}

/// The organization, whose accounts' names are remembered as they are read.
pub(crate) struct NotedOrganization {
    inner: Arc<dyn OrganizationReader>,
    noted: Arc<Remembered>,
}

impl NotedOrganization {
    pub(crate) fn new(inner: Arc<dyn OrganizationReader>, noted: Arc<Remembered>) -> Self {
        Self { inner, noted }
    }
}

#[async_trait::async_trait]
impl OrganizationReader for NotedOrganization {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.inner.organization().await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        let account = self.inner.account(id).await?;
        self.noted.note(&account);
        Ok(account)
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let accounts = self.inner.accounts().await?;
        self.noted.note(&accounts);
        Ok(accounts)
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        self.inner.account_tags(id).await
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        self.inner.tags_in_bulk().await
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.inner.ous_below(parent).await
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.inner.ou_name(id).await
    }
}
