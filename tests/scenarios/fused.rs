//! What a fuse lies before: each thing that the service asks of the outside, or tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use shared::{
    domain::{
        AccountId, AssignmentKey, GroupId, Instance, Operation, OuId, ParentId, PermissionSetArn, Principal,
        ProvisioningTarget, RequestId, RulesVersion, Tags, UserId,
    },
    ledger::{BudgetKey, Campaign, Lease, Orders, Round, Row, Testimony},
    outcome::Outcome,
    permission_sets::{Change, Details, NewSet},
    ports::{
        AccessReader, AccessWriter, AccountRecord, Directory, Guard, KeptTestimony, Ledger, LedgerError,
        LedgerReader, Memberships, Message, OfVersion, OrganizationFacts, OrganizationReader, OutcomeBus,
        Page, PermissionSetReader, PermissionSetWriter, PortError, Provisioning, Queue, Received, Request,
        RequestListing, RequestSummary, RowWrite, RulesInForce, RulesStore, Seen, SeenKind, Told, Upload,
        Uploads, UserNames, Witness,
    },
    rules::Bundle,
};

use super::fuse::{Fuse, When};

pub(super) struct Fused<T> {
    pub(super) fuse: Arc<Fuse>,
    pub(super) inner: T,
}

type Access = (Arc<dyn AccessReader>, Arc<dyn AccessWriter>);
type Sets = (Arc<dyn PermissionSetReader>, Arc<dyn PermissionSetWriter>);

#[async_trait::async_trait]
impl PermissionSetReader for Fused<Sets> {
    async fn details(&self, arn: &PermissionSetArn) -> Result<Option<Details>, PortError> {
        self.fuse.through(self.inner.0.details(arn)).await
    }
}

#[async_trait::async_trait]
impl PermissionSetWriter for Fused<Sets> {
    async fn create(&self, set: &NewSet) -> Result<PermissionSetArn, PortError> {
        self.fuse.through(self.inner.1.create(set)).await
    }
    async fn change(&self, arn: &PermissionSetArn, change: &Change) -> Result<(), PortError> {
        self.fuse.through(self.inner.1.change(arn, change)).await
    }
}

#[async_trait::async_trait]
impl AccessReader for Fused<Access> {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.fuse.through(self.inner.0.instance()).await
    }
    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        self.fuse.through(self.inner.0.permission_sets()).await
    }
    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        self.fuse.through(self.inner.0.permission_set_name(arn)).await
    }
    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        self.fuse.through(self.inner.0.permission_set_tags(arn)).await
    }
    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        self.fuse.through(self.inner.0.provisioned_in(account)).await
    }
    async fn principals_page(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        self.fuse.through(self.inner.0.principals_page(account, set, token)).await
    }
    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        self.fuse.through(self.inner.0.assignments_of(principal)).await
    }
    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.fuse.through(self.inner.0.requests_page(operation, status, most, token)).await
    }
    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        self.fuse.through(self.inner.0.request(operation, id)).await
    }
    async fn accounts_page(
        &self,
        set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        self.fuse.through(self.inner.0.accounts_page(set, version, token)).await
    }
    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.fuse.through(self.inner.0.provisionings_page(status, most, token)).await
    }
    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        self.fuse.through(self.inner.0.provisioning(id)).await
    }
}

#[async_trait::async_trait]
impl AccessWriter for Fused<Access> {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.fuse.through(self.inner.1.grant(key)).await
    }
    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.fuse.through(self.inner.1.revoke(key)).await
    }
    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        self.fuse.through(self.inner.1.provision(set, target)).await
    }
}

#[async_trait::async_trait]
impl OrganizationReader for Fused<Arc<dyn OrganizationReader>> {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.fuse.through(self.inner.organization()).await
    }
    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        self.fuse.through(self.inner.account(id)).await
    }
    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        self.fuse.through(self.inner.accounts()).await
    }
    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        self.fuse.through(self.inner.account_tags(id)).await
    }
    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        self.fuse.through(self.inner.tags_in_bulk()).await
    }
    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.fuse.through(self.inner.ous_below(parent)).await
    }
    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.fuse.through(self.inner.ou_name(id)).await
    }
}

#[async_trait::async_trait]
impl Directory for Fused<Arc<dyn Directory>> {
    async fn group_id(&self, name: &str) -> Result<Option<GroupId>, PortError> {
        self.fuse.through(self.inner.group_id(name)).await
    }
    async fn user_id(&self, user_name: &str) -> Result<Option<UserId>, PortError> {
        self.fuse.through(self.inner.user_id(user_name)).await
    }
    async fn group_name(&self, id: &GroupId) -> Result<Option<String>, PortError> {
        self.fuse.through(self.inner.group_name(id)).await
    }
    async fn user_name(&self, id: &UserId) -> Result<Option<String>, PortError> {
        self.fuse.through(self.inner.user_name(id)).await
    }
    async fn memberships(&self, group: &GroupId) -> Result<Option<Memberships>, PortError> {
        self.fuse.through(self.inner.memberships(group)).await
    }
    async fn groups_of(&self, user: &UserId) -> Result<Option<BTreeSet<GroupId>>, PortError> {
        self.fuse.through(self.inner.groups_of(user)).await
    }
    async fn all_groups(&self) -> Result<BTreeMap<GroupId, String>, PortError> {
        self.fuse.through(self.inner.all_groups()).await
    }
    async fn people(&self) -> Result<BTreeMap<UserId, UserNames>, PortError> {
        self.fuse.through(self.inner.people()).await
    }
}

#[async_trait::async_trait]
impl Queue for Fused<Arc<dyn Queue>> {
    async fn send(&self, messages: &[Message]) -> Result<(), PortError> {
        self.fuse.through(self.inner.send(messages)).await
    }
    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        self.fuse.through(self.inner.receive(max, visibility)).await
    }
    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError> {
        self.fuse.through(self.inner.acknowledge(receipt)).await
    }
    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError> {
        self.fuse.through(self.inner.release(receipt, delay)).await
    }
}

#[async_trait::async_trait]
impl LedgerReader for Fused<Arc<dyn Ledger>> {
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
        self.fuse.of_ledger(self.inner.rows_of(account)).await
    }
    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
        self.fuse.of_ledger(self.inner.row(key)).await
    }
    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
        self.fuse.of_ledger(self.inner.rows(after)).await
    }
    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.fuse.of_ledger(self.inner.work(limit)).await
    }
    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.fuse.of_ledger(self.inner.work_decided_since(since, limit)).await
    }
    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError> {
        self.fuse.of_ledger(self.inner.rules_in_force()).await
    }
    async fn orders(&self) -> Result<Orders, LedgerError> {
        self.fuse.of_ledger(self.inner.orders()).await
    }
    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError> {
        self.fuse.of_ledger(self.inner.spent(budget)).await
    }
    async fn round(&self) -> Result<Option<Round>, LedgerError> {
        self.fuse.of_ledger(self.inner.round()).await
    }
    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
        self.fuse.of_ledger(self.inner.recall(kind)).await
    }
    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        self.fuse.of_ledger(self.inner.campaigns()).await
    }
    async fn campaign(&self, set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError> {
        self.fuse.of_ledger(self.inner.campaign(set)).await
    }
    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError> {
        self.fuse.of_ledger(self.inner.recall_one(kind, id)).await
    }
    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError> {
        self.fuse.of_ledger(self.inner.recall_below(kind, beginning)).await
    }
    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
        self.fuse.of_ledger(self.inner.untold(limit)).await
    }
}

#[async_trait::async_trait]
impl Ledger for Fused<Arc<dyn Ledger>> {
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        if self.fuse.when == When::Fails(self.fuse.count()) {
            let failed = async { Err(PortError::Failed("the ledger is not there".to_owned()).into()) };
            return self.fuse.through(failed).await;
        }
        if self.fuse.when == When::Conflicts(self.fuse.count()) {
            let met = async { Err(PortError::Conflict("another write is under way".to_owned()).into()) };
            return self.fuse.through(met).await;
        }
        if guard.lease.is_some() {
            return self.fuse.meeting(self.inner.write(rows, guard)).await;
        }
        self.fuse.of_ledger(self.inner.write(rows, guard)).await
    }
    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.forget(rows)).await
    }
    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.bring_into_force(expected, rules)).await
    }
    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.give_orders(orders)).await
    }
    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.fuse.of_ledger(self.inner.acquire_lease(holder, now, ttl)).await
    }
    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError> {
        let before = self.fuse.renewals.fetch_add(1, Ordering::Relaxed);
        if let When::RenewsNot(first) = self.fuse.when
            && before < first
        {
            return Err(PortError::Conflict("TransactionConflict".to_owned()).into());
        }
        self.fuse.meeting(self.inner.renew_lease(lease, now, ttl)).await
    }
    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.release_lease(lease)).await
    }
    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError> {
        self.fuse.of_ledger(self.inner.keep_round(round)).await
    }
    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.keep_campaign(campaign, guard)).await
    }
    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.end_campaign(campaign)).await
    }
    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.remember(kind, seen)).await
    }
    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.remember_first(kind, seen)).await
    }
    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.unlearn(kind, ids)).await
    }
    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.tell(outcomes)).await
    }
    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.fuse.of_ledger(self.inner.told(outcomes)).await
    }
}

#[async_trait::async_trait]
impl RulesStore for Fused<Arc<dyn RulesStore>> {
    async fn bundle(&self, version: &RulesVersion) -> Result<Bundle, PortError> {
        self.fuse.through(self.inner.bundle(version)).await
    }
    async fn keep(&self, bundle: &Bundle) -> Result<(), PortError> {
        self.fuse.through(self.inner.keep(bundle)).await
    }
}

#[async_trait::async_trait]
impl Uploads for Fused<Arc<dyn Uploads>> {
    async fn fetch(&self, key: &str, most: usize) -> Result<Upload, PortError> {
        self.fuse.through(self.inner.fetch(key, most)).await
    }
    async fn leave(&self, key: &str, text: &str) -> Result<(), PortError> {
        self.fuse.through(self.inner.leave(key, text)).await
    }
}

#[async_trait::async_trait]
impl OutcomeBus for Fused<Arc<dyn OutcomeBus>> {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        self.fuse.through(self.inner.put(outcomes)).await
    }
}

#[async_trait::async_trait]
impl Witness for Fused<Arc<dyn Witness>> {
    async fn recall(&self) -> Result<Option<KeptTestimony>, PortError> {
        self.fuse.through(self.inner.recall()).await
    }
    async fn keep(
        &self,
        testimony: &Testimony,
        instead_of: Option<&KeptTestimony>,
    ) -> Result<bool, PortError> {
        self.fuse.through(self.inner.keep(testimony, instead_of)).await
    }
}
