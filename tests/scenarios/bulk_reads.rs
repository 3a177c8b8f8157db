//! What is read of many things at once: nothing twice, tags that are missing or late, and nothing written where nothing differs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use shared::{
    domain::{AccountId, OuId, ParentId, Tags},
    ports::{AccountRecord, LedgerReader as _, OrganizationFacts, OrganizationReader, PortError, SeenKind},
};
use simulator::{
    Assumptions, EXAMPLE, Fault, FaultRule, Service as Api, Settings, wire::organizations as org,
    wire::sso_admin as sso,
};

use super::{
    model::{Rules, Where, Who, group, in_ou, rule, rules, tagged},
    service::{Service, Start, USHER},
};

fn by_tag() -> Rules {
    rules([
        group("dev", "Developers").gets("PowerUserAccess").in_accounts(tagged("Environment", "Development")),
        group("prod", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

const DEV_AND_PROD: [&str; 3] = [
    "one-dev PowerUserAccess Developers",
    "one-prod DeployAccess Support",
    "two-dev PowerUserAccess Developers",
];

/// How often Usher made a call since that entry of the log.
fn calls(service: &Service, since: usize, operation: &str, api: Api) -> usize {
    let world = service.world();
    let ours = world.log().iter().skip(since).filter(|entry| *entry.caller.name == *USHER);
    ours.filter(|entry| entry.operation == operation && entry.service == api).count()
}

fn tags_one_by_one(service: &Service, since: usize) -> usize {
    calls(service, since, "ListTagsForResource", Api::Organizations)
}

async fn service(assumptions: Assumptions) -> Service {
    let world = Settings { assumptions, ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    service.publish(&by_tag()).await;
    service
}

#[tokio::test(start_paused = true)]
async fn tags_come_in_bulk_once_it_was_proved_who_has_none() {
    let service = service(Assumptions::default()).await;
    service.sweep().await.unwrap();
    // Of those that have a tag, none is asked one by one; of the others, each.
    assert_eq!(tags_one_by_one(&service, 0), 2, "play and gone");
    service.settle().await;
    assert_eq!(service.assignments(), DEV_AND_PROD);

    let since = service.world().log().len();
    service.sweep().await.unwrap();
    assert_eq!(tags_one_by_one(&service, since), 0);
    assert_eq!(calls(&service, since, "GetResources", Api::Tagging), 1);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_bulk_that_is_empty_or_refused_is_asked_again_one_by_one() {
    for refused in [false, true] {
        let mut service = service(Assumptions::default()).await;
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
        if refused {
            service.world().faults.add(FaultRule {
                operation: "GetResources".to_owned(),
                service: None,
                fault: Fault::AccessDenied,
                calls: None,
                account: None,
            });
        } else {
            service.ports.organization = without(&service, |_| false);
        }
        let since = service.world().log().len();
        service.sweep().await.unwrap();
        assert_eq!(tags_one_by_one(&service, since), 6);
        assert_eq!(service.inbox.depth().waiting, 0, "nothing differs");
        service.settle().await;
        assert_eq!(service.assignments(), DEV_AND_PROD);
    }
}

/// An organization whose tags in bulk are only those of some accounts.
struct Partial<F> {
    inner: Arc<dyn OrganizationReader>,
    shows: F,
}

pub(super) fn without(
    service: &Service,
    shows: impl Fn(&AccountId) -> bool + Send + Sync + 'static,
) -> Arc<dyn OrganizationReader> {
    let inner = Arc::clone(&service.ports.organization);
    Arc::new(Partial { inner, shows })
}

#[async_trait::async_trait]
impl<F: Fn(&AccountId) -> bool + Send + Sync> OrganizationReader for Partial<F> {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.inner.organization().await
    }
    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        self.inner.account(id).await
    }
    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        self.inner.accounts().await
    }
    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        self.inner.account_tags(id).await
    }
    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let mut tags = self.inner.tags_in_bulk().await?;
        tags.retain(|id, _| (self.shows)(id));
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
async fn an_account_that_is_missing_in_bulk_is_asked_itself_if_it_had_tags() {
    for known_before in [true, false] {
        let mut service = service(Assumptions::default()).await;
        if known_before {
            service.sweep_and_settle().await;
            service.pass(Duration::from_mins(6)).await;
        }
        let missing = service.account("one-dev");
        service.ports.organization = without(&service, move |id| *id != missing);
        service.sweep_and_settle().await;
        assert_eq!(service.assignments(), DEV_AND_PROD, "known before: {known_before}");
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tags_in_bulk_that_lag_take_nothing_away_and_are_made_up_for_later() {
    let lag = Duration::from_mins(30);
    let service = service(Assumptions { tagging_lag: lag, ..Assumptions::default() }).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), DEV_AND_PROD);
    service.pass(lag).await;
    // What it was is taken away, by the event; in bulk it is still seen for a while, and given to nobody.
    service.tag("one-dev", "Environment", "Production").await;
    service.settle_for(Duration::from_mins(5)).await;
    let moved = ["one-dev DeployAccess Support", "one-prod DeployAccess Support", DEV_AND_PROD[2]];
    assert_eq!(service.assignments(), moved);
    let requests = service.world().request_log().count();
    for _ in 0..3 {
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
        assert_eq!(service.assignments(), moved);
    }
    assert_eq!(
        service.world().request_log().count(),
        requests,
        "every decision has asked for the tags themselves"
    );

    // With its event lost, a change is seen by the first sweep after the lag.
    service.pass(lag).await;
    service.tag("two-dev", "Environment", "Production").await;
    service.take_events();
    service.pass(lag + Duration::from_mins(1)).await;
    service.sweep_and_settle().await;
    assert!(service.assignments().contains(&"two-dev DeployAccess Support".to_owned()));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn before_a_delete_that_rests_on_a_tag_the_tag_is_read_from_organizations() {
    let service = service(Assumptions::default()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    let account = service.account("one-dev");
    let since = service.world().log().len();
    let input =
        org::UntagResource { resource_id: account.to_string(), tag_keys: vec!["Environment".to_owned()] };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.take_events();
    service.sweep_and_settle().await;
    assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Developers")));
    let world = service.world();
    let at = |operation: &str, member: &str| {
        let mut log = world.log().iter().skip(since);
        log.position(|entry| entry.operation == operation && entry.parameters[member] == json!(account))
    };
    let (read, deleted) =
        (at("ListTagsForResource", "ResourceId"), at("DeleteAccountAssignment", "TargetId"));
    assert!(read.is_some() && read < deleted, "{read:?} {deleted:?}");
}

/// Rules of every kind over the example organization.
fn of_every_kind() -> Rules {
    rules([
        group("read", "Developers").and(Who::Group("Support".into())).gets("ReadOnlyAccess"),
        group("tagged", "Developers")
            .gets_tagged("Environment", "Development")
            .in_accounts(in_ou("Workloads")),
        rule("members", Who::MembersOf("Support".into()))
            .gets("ViewOnlyAccess")
            .in_accounts(in_ou("Workloads")),
        rule("person", Who::User("pavel.eskerby@example.com".into())).gets("ViewOnlyAccess"),
        rule("team", Who::GroupOfTag("Team".into(), "-developers".into()))
            .gets("ReadOnlyAccess")
            .in_accounts(Where::Has("Team".into(), true)),
        group("nobody", "Group that is not there").gets("Billing").in_accounts(in_ou("Sandbox")),
    ])
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_twice_in_a_run() {
    for denied in [false, true] {
        let service = Service::start(Start { organization: EXAMPLE, ..Start::default() });
        service.publish(&of_every_kind()).await;
        if denied {
            service.world().faults.add(FaultRule {
                operation: "ListAccountAssignmentsForPrincipal".to_owned(),
                service: None,
                fault: Fault::AccessDenied,
                calls: None,
                account: None,
            });
        }
        // Cold, with everything to do; and warm, with nothing.
        for run in ["cold", "warm"] {
            let since = service.world().log().len();
            service.sweep().await.unwrap();
            let mut asked: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
            for entry in service.world().log().iter().skip(since) {
                *asked.entry((entry.operation, entry.parameters.to_string())).or_default() += 1;
            }
            let twice: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "{run}: {twice:?}");
            let names = asked.keys().filter(|(operation, _)| *operation == "DescribePermissionSet").count();
            assert_eq!(names == 0, run == "warm", "a permission set's name is asked for once and for good");
            service.settle().await;
            service.pass(Duration::from_mins(20)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_permission_sets_are_read_only_where_rules_look_at_them_and_then_in_every_sweep() {
    let service = Service::new();
    service.publish(&by_tag()).await;
    service.sweep_and_settle().await;
    assert_eq!(calls(&service, 0, "ListTagsForResource", Api::SsoAdmin), 0);

    service
        .publish(&rules([
            group("t", "Auditors").gets_tagged("Environment", "All").in_accounts(in_ou("Workloads")),
            group("u", "Nobody of this name").gets("ReadOnlyAccess"),
        ]))
        .await;
    service.sweep_and_settle().await;
    let set = service.world().permission_set_named("DeployAccess").unwrap();
    let tags = serde_json::from_value(json!([{ "Key": "Environment", "Value": "All" }])).unwrap();
    let input = sso::TagResource { resource_arn: set.to_string(), tags, ..sso::TagResource::default() };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    let since = service.world().log().len();
    service.sweep_and_settle().await;
    assert!(calls(&service, since, "ListTagsForResource", Api::SsoAdmin) >= 3);
    assert!(service.exists(&service.key("two-dev", "DeployAccess", "Auditors")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_with_nothing_to_do_changes_nothing_but_when_things_were_seen() {
    let service = Service::start(Start { organization: EXAMPLE, ..Start::default() });
    service.publish(&of_every_kind()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(20)).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(20)).await;

    let seen = async || {
        let mut values = BTreeSet::new();
        for kind in [
            SeenKind::PermissionSet,
            SeenKind::PermissionSetTags,
            SeenKind::PermissionSetName,
            SeenKind::Group,
            SeenKind::GroupName,
            SeenKind::User,
            SeenKind::UserName,
            SeenKind::OrganizationalUnit,
            SeenKind::TaggedAccount,
            SeenKind::Consent,
            SeenKind::Publication,
            SeenKind::Fact,
        ] {
            for seen in service.ledger.recall(kind).await.unwrap() {
                values.insert((kind, seen.id, seen.value.to_string()));
            }
        }
        values
    };
    let writes = |service: &Service| {
        let world = service.world();
        let by_operation = world.log().iter().filter(|entry| {
            let reads = ["List", "Describe", "Get"];
            *entry.caller.name == *USHER && !reads.iter().any(|verb| entry.operation.starts_with(verb))
        });
        by_operation.count()
    };
    let before = (service.rows().await, seen().await, writes(&service));
    let summary = service.sweep().await.unwrap();
    assert_eq!((summary.differing, service.inbox.depth().waiting, service.wake.depth().waiting), (0, 0, 0));
    assert_eq!((service.rows().await, seen().await, writes(&service)), before);
}
