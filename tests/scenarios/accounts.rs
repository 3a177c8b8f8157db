//! Accounts that are not like others: the management account, and those that are not active or not there.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use shared::{
    domain::{AccountId, AccountState, OuId, ParentId, Tags},
    engine::EngineSettings,
    plan::ManagementWrites,
    ports::{AccountRecord, OrganizationFacts, OrganizationReader, PortError},
};
use simulator::wire::organizations as org;

use super::{
    model::{Rules, Where, group, in_ou, rules, tagged},
    service::{Service, Start},
};

/// The management account's id in the small organization.
fn management() -> Where {
    Where::Id("111122223333".into())
}

fn by_id() -> Rules {
    rules([
        group("id", "Auditors").gets("ReadOnlyAccess").in_accounts(management()),
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ])
}

fn with(management: ManagementWrites) -> Service {
    let engine = EngineSettings { management, ..EngineSettings::default() };
    Service::start(Start { engine, ..Start::default() })
}

#[tokio::test(start_paused = true)]
async fn the_management_account_is_in_no_selection_but_by_its_id() {
    for writes in [ManagementWrites::Withheld, ManagementWrites::Direct] {
        let service = with(writes);
        let management = service.account("management");
        let document = rules([
            group("all", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Everywhere),
            group("tag", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Development")),
            group("name", "Auditors").gets("ReadOnlyAccess").in_accounts(Where::Any(vec![
                Where::Named("management".into()),
                Where::Named("play".into()),
            ])),
            group("less", "Auditors")
                .gets("PowerUserAccess")
                .in_accounts(Where::Everywhere.except([in_ou("Workloads"), in_ou("Suspended")])),
        ]);
        service.publish(&document).await;
        service.sweep_and_settle().await;
        assert!(service.assignments().len() >= 8);
        assert!(service.rows().await.iter().all(|row| row.key.account != management));
        assert!(service.withheld().await.keys().all(|key| key.account != management));
        service.converged(&["account_not_active"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_gives_in_the_management_account_by_id_is_withheld_unless_that_is_allowed() {
    let service = with(ManagementWrites::Withheld);
    let key = service.key("management", "ReadOnlyAccess", "Auditors");
    service.publish(&by_id()).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("management_account"));
    service.converged(&["management_account"]).await;

    let service = with(ManagementWrites::Direct);
    service.publish(&by_id()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))]))
        .await;
    service.converged(&[]).await;
    assert!(!service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_is_ours_in_the_management_account_stays_once_writing_there_is_no_longer_allowed() {
    let mut service = with(ManagementWrites::Direct);
    let key = service.key("management", "ReadOnlyAccess", "Auditors");
    service.publish(&by_id()).await;
    service.sweep_and_settle().await;
    service.ports.settings.management = ManagementWrites::Withheld;
    let requests = service.world().request_log().count();
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))]))
        .await;
    service.converged(&["management_account"]).await;
    assert!(service.exists(&key));
    assert_eq!(service.world().request_log().count(), requests);
}

#[tokio::test(start_paused = true)]
async fn a_never_holds_in_the_management_account_too() {
    let service = with(ManagementWrites::Direct);
    let document = by_id().never(group("", "Auditors").gets("ReadOnlyAccess").in_accounts(Where::Everywhere));
    service.publish(&document).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&service.key("management", "ReadOnlyAccess", "Auditors")));
    service.converged(&[]).await;
}

fn developers() -> Rules {
    rules([
        group("dev", "Developers")
            .gets("ReadOnlyAccess")
            .in_accounts(Where::Any(vec![in_ou("Workloads"), in_ou("Sandbox")])),
        group("tag", "Support").gets("PowerUserAccess").in_accounts(tagged("Environment", "Development")),
    ])
}

async fn settled() -> Service {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service
}

async fn put(service: &Service, account: &str, state: AccountState) {
    let id = service.account(account);
    service.person(|world, now, _| world.set_account_state(now, &id, state)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_ours_in_a_suspended_account_sleeps_and_wakes_with_it() {
    let service = settled().await;
    let (kept, lost) = (
        service.key("one-dev", "ReadOnlyAccess", "Developers"),
        service.key("one-dev", "PowerUserAccess", "Support"),
    );
    put(&service, "one-dev", AccountState::Suspended).await;
    service.sweep_and_settle().await;
    assert_eq!((service.state(&kept).await, service.state(&lost).await), ("dormant", "dormant"));
    service.converged(&[]).await;

    // What the rules want changes meanwhile: nothing is written.
    let requests = service.world().request_log().count();
    service.tag("one-dev", "Environment", "Production").await;
    service.settle().await;
    service.converged(&["account_not_active"]).await;
    assert_eq!(service.world().request_log().count(), requests);
    assert_eq!(service.state(&lost).await, "dormant");

    put(&service, "one-dev", AccountState::Active).await;
    service.sweep_and_settle().await;
    assert_eq!((service.state(&kept).await, service.state(&lost).await), ("ours", "closed"));
    assert!(service.exists(&kept) && !service.exists(&lost));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_suspended_while_intents_wait_gets_them_only_once_it_is_active_again() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    put(&service, "one-dev", AccountState::Suspended).await;
    service.pass(Duration::from_mins(16)).await;
    service.settle().await;
    let account = service.account("one-dev");
    assert!(service.world().request_log().all(|request| request.key.account != account));
    service.converged(&["account_not_active"]).await;
    put(&service, "one-dev", AccountState::Active).await;
    service.converged(&[]).await;
}

/// The request is on its way, or goes out, just when the account is suspended: it hangs, fails, and is not sent again.
#[tokio::test(start_paused = true)]
async fn an_account_that_is_suspended_just_before_the_call_costs_one_failed_request_a_key() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    put(&service, "one-dev", AccountState::Suspended).await;
    service.settle().await;
    let account = service.account("one-dev");
    let sent = service.world().request_log().filter(|request| request.key.account == account).count();
    assert!(sent <= 4, "{sent} requests");
    assert_eq!(service.assignments().len(), 4, "the others have theirs");
    service.converged(&["account_not_active"]).await;
    put(&service, "one-dev", AccountState::Active).await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_account_is_left_as_it_is_for_good() {
    let service = settled().await;
    let key = service.key("two-dev", "ReadOnlyAccess", "Developers");
    let id = service.account("two-dev").to_string();
    let requests = service.world().request_log().count();
    let input = org::CloseAccount { account_id: id };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert_eq!(service.state(&key).await, "dormant");
    service.pass(Duration::from_hours(1)).await;
    service.converged(&[]).await;
    service.tag("two-dev", "Environment", "Production").await;
    service.converged(&["account_not_active"]).await;
    assert_eq!(service.world().request_log().count(), requests);
    assert!(service.rows().await.iter().all(|row| ["ours", "dormant"].contains(&row.state.label())));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_yet_active_is_waited_for() {
    let service = settled().await;
    let input = org::CreateAccount {
        email: "aws+fresh@example.com".into(),
        account_name: "fresh".into(),
        tags: serde_json::from_value(json!([{ "Key": "Environment", "Value": "Development" }])).ok(),
        ..org::CreateAccount::default()
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.pass(Duration::from_secs(20)).await;
    put(&service, "fresh", AccountState::PendingActivation).await;
    service.settle().await;
    let key = service.key("fresh", "PowerUserAccess", "Support");
    assert_eq!((service.state(&key).await, service.exists(&key)), ("none", false));
    service.converged(&["account_not_active"]).await;
    put(&service, "fresh", AccountState::Active).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_has_departed_is_closed_in_the_ledger_after_two_looks_and_nothing_is_sent() {
    let service = settled().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let requests = service.world().request_log().count();
    service.person(|world, now, _| world.depart(now, &key.account)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "dormant", "one answer proves nothing");
    service.pass(Duration::from_mins(4)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "dormant", "nor do two that follow closely");
    service.pass(Duration::from_mins(2)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "closed");
    assert_eq!(service.world().request_log().count(), requests);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_departs_while_its_grants_wait_gets_none() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.person(|world, now, _| world.depart(now, &key.account)).await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
    assert_eq!(service.state(&key).await, "closed");
}

/// The organization as it is, but that one account is said not to be there.
struct Blind {
    inner: Arc<dyn OrganizationReader>,
    account: AccountId,
    on: AtomicBool,
}

impl Blind {
    fn hides(&self, id: &AccountId) -> bool {
        self.on.load(Ordering::Relaxed) && *id == self.account
    }
}

#[async_trait::async_trait]
impl OrganizationReader for Blind {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.inner.organization().await
    }
    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        if self.hides(id) { Ok(None) } else { self.inner.account(id).await }
    }
    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let mut accounts = self.inner.accounts().await?;
        accounts.retain(|record| !self.hides(&record.id));
        Ok(accounts)
    }
    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        if self.hides(id) { Ok(None) } else { self.inner.account_tags(id).await }
    }
    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let mut tags = self.inner.tags_in_bulk().await?;
        tags.retain(|id, _| !self.hides(id));
        Ok(tags)
    }
    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.inner.ous_below(parent).await
    }
    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.inner.ou_name(id).await
    }
}

#[tokio::test(start_paused = true)]
async fn one_wrong_answer_that_an_account_is_gone_costs_nothing_that_is_ours() {
    let mut service = settled().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let blind = Arc::new(Blind {
        inner: Arc::clone(&service.ports.organization),
        account: key.account.clone(),
        on: AtomicBool::new(true),
    });
    service.ports.organization = blind.clone();
    for _ in 0..3 {
        service.sweep_and_settle().await;
        service.hint("one-dev").await;
        service.settle().await;
        blind.on.store(false, Ordering::Relaxed);
        service.pass(Duration::from_mins(6)).await;
        service.sweep_and_settle().await;
        blind.on.store(true, Ordering::Relaxed);
        assert_eq!(service.state(&key).await, "ours");
    }
    blind.on.store(false, Ordering::Relaxed);
    service
        .publish(&rules([group("none", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.converged(&[]).await;
    assert!(!service.exists(&key), "it was ours to the end");
}
