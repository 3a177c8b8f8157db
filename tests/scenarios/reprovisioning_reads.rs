//! What reprovisioning reads of many accounts: at the function's own pace, and in the time that it has.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use shared::{
    engine::Reprovisioner,
    ledger::CampaignEnd,
    pace::Paces,
    ports::{Clock as _, LedgerReader as _, SeenKind},
    settings::Settings as OfFunctions,
};
use simulator::{
    Caller, CallerKind, Fault, FaultRule, InProcess, Latency, Service as Api, Settings,
    wire::organizations as org,
};

use super::{
    fleet::fleet,
    model::{group, in_ou, rules},
    ports::Ports,
    reprovisioning::by,
    service::{Service, Start, USHER},
};

const ACCOUNTS: usize = 200;

/// The function's time limit for so many accounts, as docs/settings.md has it.
const LIMIT: Duration = Duration::from_secs(120 + ACCOUNTS as u64 / 8);

/// A permission set in many accounts, of which one is a canary by its tag, and tags that don't come in bulk.
async fn many(reprovision: &str) -> Service {
    let organization = fleet(ACCOUNTS, 2);
    let world =
        Settings { provisioning_latency: Latency::Constant(Duration::from_secs(1)), ..Settings::default() };
    let service = Service::start(Start { organization: &organization, world, ..Start::default() });
    let document = rules([group("all", "Support").gets("Set1").in_accounts(in_ou("Yard"))]);
    service.publish(&document.with_reprovision(reprovision)).await;
    for n in 0..ACCOUNTS {
        service.grant_by_hand(&service.key(&format!("unit-{n:02}"), "Set0", "Developers")).await;
    }
    service.tag("unit-77", "Ring", "canary").await;
    let fault = Fault::AccessDenied;
    let operation = "GetResources".to_owned();
    service.world().faults.add(FaultRule { operation, service: None, fault, calls: None, account: None });
    service.edit("Set0", "one").await;
    service.deliver_events().await;
    service.pass(Duration::from_mins(6)).await;
    service
}

/// The ports as the function has them: at its share of the rate.
fn at_its_pace(service: &Service) -> Ports {
    let management = service.world().management_account().clone();
    let share = OfFunctions::reading(|_| None).reprovision_share().unwrap();
    let face = Arc::new(InProcess {
        world: Arc::clone(&service.world),
        clock: service.clock.clone(),
        caller: Caller::new(USHER, management, CallerKind::Management),
        round_trip: Duration::from_millis(50),
        paces: Some(Arc::new(Paces::new(share, service.clock.clone()))),
    });
    Ports { organization: face.clone(), directory: face.clone(), access: face, ..service.ports.clone() }
}

/// One invocation, which Lambda would stop at the limit; tells whether it ended by itself.
async fn invoke(service: &Service, ports: &Ports) -> bool {
    let reprovisioner = Reprovisioner { in_charge: &*service.ports.access, ..ports.reprovisioner() };
    let until = service.clock.now() + SignedDuration::try_from(LIMIT).unwrap() - reprovision::RESERVE;
    let run =
        tokio::time::timeout(LIMIT, reprovision::handle(ports.keeper(), reprovisioner, "reprovision", until));
    let mut run = std::pin::pin!(run);
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            () = tokio::time::sleep(Duration::from_secs(1)) => service.poll_requests().await,
        }
    };
    service.pass(Duration::from_secs(10)).await;
    ended.map(Result::unwrap).is_ok()
}

/// How often tags were asked for account by account.
fn tags_read(service: &Service) -> usize {
    let world = service.world();
    let ours = world.log().iter().filter(|entry| *entry.caller.name == *USHER);
    ours.filter(|entry| entry.operation == "ListTagsForResource" && entry.service == Api::Organizations)
        .count()
}

#[tokio::test(start_paused = true)]
async fn tags_that_take_longer_than_a_run_are_read_on_by_the_next_one() {
    let service =
        many("{ waves: [{ accounts: { tagged: { Ring: canary } } }, { accounts: everywhere }] }").await;
    let ports = at_its_pace(&service);
    let mut runs = 0;
    while service.requests_to_provision().is_empty() {
        assert!(invoke(&service, &ports).await, "run {runs} was stopped");
        runs += 1;
        assert!(runs < 10, "{} tags read", tags_read(&service));
    }
    assert!(runs > 1, "it was to be more than a run has time for");
    assert_eq!(service.requests_to_provision()[0], "unit-77");
    assert_eq!(service.ledger.recall(SeenKind::AccountTags).await.unwrap().len(), ACCOUNTS);
    let mut runs = 0;
    while service.campaign("Set0").await.is_some() {
        assert!(invoke(&service, &ports).await, "run {runs} was stopped");
        runs += 1;
        assert!(runs < 60, "{:?}", service.campaign("Set0").await.map(|campaign| campaign.todo.len()));
    }
    // None is asked twice for the next look at so many; the last few are, since few are read as they are now.
    assert!(tags_read(&service) <= ACCOUNTS + 3 * 20, "{}", tags_read(&service));
    assert_eq!(service.outdated("Set0").await, [""; 0]);
    assert_eq!(
        (service.record().await.end, service.record().await.updated.len()),
        (CampaignEnd::Done, ACCOUNTS)
    );
}

#[tokio::test(start_paused = true)]
async fn accounts_that_have_left_the_organization_are_asked_for_no_tags() {
    const LEFT: usize = 150;
    let service =
        many("{ waves: [{ accounts: { tagged: { Ring: canary } } }, { accounts: everywhere }] }").await;
    for n in 0..ACCOUNTS {
        if n != 77 && n <= LEFT {
            let account_id = service.account(&format!("unit-{n:02}")).to_string();
            let input = org::RemoveAccountFromOrganization { account_id };
            service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
        }
    }
    let ports = at_its_pace(&service);
    assert!(invoke(&service, &ports).await);
    assert_eq!(service.requests_to_provision(), ["unit-77"]);
    assert!(tags_read(&service) <= ACCOUNTS - LEFT, "{}", tags_read(&service));
}

#[tokio::test(start_paused = true)]
async fn no_tags_are_read_where_no_wave_goes_by_them_and_none_for_a_push() {
    let service = many("{ waves: [{ accounts: { named: unit-77 } }, { accounts: everywhere }] }").await;
    let ports = at_its_pace(&service);
    assert!(invoke(&service, &ports).await);
    assert_eq!((service.requests_to_provision()[0].as_str(), tags_read(&service)), ("unit-77", 0));

    let service =
        many("{ waves: [{ accounts: { tagged: { Ring: canary } } }, { accounts: everywhere }] }").await;
    let ports = at_its_pace(&service);
    service.push("Set0").await;
    assert!(invoke(&service, &ports).await);
    assert_eq!((service.requests_to_provision(), tags_read(&service)), (vec!["all".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_looked_at_stops_no_look_at_those_behind_it() {
    let service = by("{}").await;
    service.reprovision().await;
    service.grant_by_hand(&service.key("one-dev", "PowerUserAccess", "Support")).await;
    service.grant_by_hand(&service.key("play", "DeployAccess", "Support")).await;
    let (mut first, mut second) = ("PowerUserAccess", "DeployAccess");
    if service.set(second) < service.set(first) {
        std::mem::swap(&mut first, &mut second);
    }
    service.edit(first, "one").await;
    service.edit(second, "one").await;
    service.take_events();
    // The account of the first one can't be read.
    let account = Some(service.account(if first == "DeployAccess" { "play" } else { "one-dev" }));
    let fault = |fault: Fault, calls| FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault,
        calls,
        account: account.clone(),
    };
    service.world().faults.add(fault(Fault::AccessDenied, None));
    service.reprovision_for(Duration::from_mins(25)).await;
    assert_eq!((service.outdated(first).await.len(), service.outdated(second).await.len()), (1, 0));
    // What passes is waited for in its place.
    service.world().faults.clear_all();
    service.edit(second, "two!").await;
    service.take_events();
    service.checker().throttles_expected = true;
    service.world().faults.add(fault(Fault::Throttle, Some(3)));
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!((service.outdated(first).await.len(), service.outdated(second).await.len()), (0, 0));
    // And what never passes is waited for a few runs.
    service.edit(first, "three").await;
    service.edit(second, "three").await;
    service.take_events();
    service.world().faults.add(fault(Fault::Throttle, None));
    service.reprovision_for(Duration::from_mins(40)).await;
    assert_eq!((service.outdated(first).await.len(), service.outdated(second).await.len()), (1, 0));
}
