//! AWS, asked each question once: two plans over one world, whatever changes in it meanwhile, and for half the calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::lock::Mutex;
use shared::{
    domain::{
        AccountId, AssignmentKey, Instance, Operation, OuId, ParentId, PermissionSetArn, Principal,
        RequestId, Tags,
    },
    permission_sets::Details,
    ports::{
        AccessReader, AccountRecord, Foretold, OfVersion, OrganizationFacts, OrganizationReader, Page,
        PermissionSetReader, PortError, Provisioning, Request, RequestListing, RequestSummary,
    },
};

use crate::connect::Aws;

/// The same services: what the organization and SSO Admin have answered once they answer again. Names of people and groups are asked
/// for each time: a look-up that would take something away is confirmed by a second one.
pub(crate) fn asked_once(aws: &Aws) -> Aws {
    let organization = OrganizationOnce {
        real: Arc::clone(&aws.organization),
        organization: Once::default(),
        account: Once::default(),
        accounts: Once::default(),
        account_tags: Once::default(),
        tags_in_bulk: Once::default(),
        ous_below: Once::default(),
        ou_name: Once::default(),
    };
    let access = AccessOnce {
        real: Arc::clone(&aws.access),
        permission_sets: Once::default(),
        name: Once::default(),
        tags: Once::default(),
        provisioned_in: Once::default(),
        principals: Once::default(),
        assignments_of: Once::default(),
    };
    let sets = SetsOnce { real: Arc::clone(&aws.sets), details: Once::default() };
    Aws {
        organization: Arc::new(organization),
        access: Arc::new(access),
        sets: Arc::new(sets),
        ..aws.clone()
    }
}

/// The same services, which ask once what the organization is, and everything else each time: which account manages it is asked for
/// with every account, and stays what it is.
pub(crate) fn organization_once(aws: Aws) -> Aws {
    let organization = FactsOnce { real: Arc::clone(&aws.organization), facts: Once::default() };
    Aws { organization: Arc::new(organization), ..aws }
}

struct FactsOnce {
    real: Arc<dyn OrganizationReader>,
    facts: Once<(), OrganizationFacts>,
}

#[async_trait::async_trait]
impl OrganizationReader for FactsOnce {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.facts.get(&(), self.real.organization()).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        self.real.account(id).await
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        self.real.accounts().await
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        self.real.account_tags(id).await
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        self.real.tags_in_bulk().await
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.real.ous_below(parent).await
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.real.ou_name(id).await
    }
}

/// Answers to one question, by what was asked about. What failed is asked again.
struct Once<K, V>(Mutex<BTreeMap<K, V>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Ord + Clone, V: Clone> Once<K, V> {
    async fn get<E>(&self, about: &K, ask: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        if let Some(known) = self.0.lock().await.get(about) {
            return Ok(known.clone());
        }
        let answer = ask.await?;
        self.0.lock().await.insert(about.clone(), answer.clone());
        Ok(answer)
    }
}

struct OrganizationOnce {
    real: Arc<dyn OrganizationReader>,
    organization: Once<(), OrganizationFacts>,
    account: Once<AccountId, Option<AccountRecord>>,
    accounts: Once<(), Vec<AccountRecord>>,
    account_tags: Once<AccountId, Option<Tags>>,
    tags_in_bulk: Once<(), BTreeMap<AccountId, Tags>>,
    ous_below: Once<ParentId, Option<BTreeMap<OuId, String>>>,
    ou_name: Once<OuId, Option<String>>,
}

#[async_trait::async_trait]
impl OrganizationReader for OrganizationOnce {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.organization.get(&(), self.real.organization()).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        self.account.get(id, self.real.account(id)).await
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        self.accounts.get(&(), self.real.accounts()).await
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        self.account_tags.get(id, self.real.account_tags(id)).await
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        self.tags_in_bulk.get(&(), self.real.tags_in_bulk()).await
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.ous_below.get(parent, self.real.ous_below(parent)).await
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.ou_name.get(id, self.real.ou_name(id)).await
    }
}

struct AccessOnce {
    real: Arc<dyn AccessReader>,
    permission_sets: Once<(), Vec<PermissionSetArn>>,
    name: Once<PermissionSetArn, Option<String>>,
    tags: Once<PermissionSetArn, Option<Tags>>,
    provisioned_in: Once<AccountId, Vec<PermissionSetArn>>,
    principals: Once<(AccountId, PermissionSetArn), Vec<Principal>>,
    assignments_of: Once<Principal, Vec<AssignmentKey>>,
}

#[async_trait::async_trait]
impl AccessReader for AccessOnce {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.real.instance().await
    }

    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        self.permission_sets.get(&(), self.real.permission_sets()).await
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        self.name.get(arn, self.real.permission_set_name(arn)).await
    }

    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        self.tags.get(arn, self.real.permission_set_tags(arn)).await
    }

    fn foretold(&self, arn: &PermissionSetArn) -> Option<Foretold> {
        self.real.foretold(arn)
    }

    fn untold(&self) -> BTreeSet<String> {
        self.real.untold()
    }

    fn kept_then(&self) -> BTreeSet<String> {
        self.real.kept_then()
    }

    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        self.provisioned_in.get(account, self.real.provisioned_in(account)).await
    }

    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        self.real.principals_page(account, permission_set, token).await
    }

    async fn principals(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
    ) -> Result<Vec<Principal>, PortError> {
        let about = (account.clone(), permission_set.clone());
        self.principals.get(&about, self.real.principals(account, permission_set)).await
    }

    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        self.assignments_of.get(principal, self.real.assignments_of(principal)).await
    }

    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.real.requests_page(operation, status, most, token).await
    }

    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        self.real.request(operation, id).await
    }

    async fn accounts_page(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        self.real.accounts_page(permission_set, version, token).await
    }

    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.real.provisionings_page(status, most, token).await
    }

    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        self.real.provisioning(id).await
    }
}

struct SetsOnce {
    real: Arc<dyn PermissionSetReader>,
    details: Once<PermissionSetArn, Option<Details>>,
}

#[async_trait::async_trait]
impl PermissionSetReader for SetsOnce {
    async fn details(&self, arn: &PermissionSetArn) -> Result<Option<Details>, PortError> {
        self.details.get(arn, self.real.details(arn)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_was_answered_is_not_asked_again_and_what_failed_is() {
        let (once, asked) = (Once::default(), AtomicUsize::new(0));
        let ask = async |about: &str, answer: Result<usize, &'static str>| {
            let asking = async {
                asked.fetch_add(1, Ordering::Relaxed);
                answer
            };
            once.get(&about.to_owned(), asking).await
        };
        assert_eq!(ask("a", Err("throttled")).await, Err("throttled"));
        assert_eq!(ask("a", Ok(1)).await, Ok(1));
        assert_eq!(ask("a", Ok(2)).await, Ok(1));
        assert_eq!(ask("b", Ok(3)).await, Ok(3));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
