//! Reprovisioning where something is in the way: accounts that can't be written to, orders, refusals, failures, limits, crashes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    domain::AccountState,
    engine::EngineSettings,
    ledger::{Campaign, CampaignEnd, CampaignRecord, HoldScope, LeftOut, Orders},
    outcome::Happened,
    plan::ManagementWrites,
    ports::{Clock as _, Guard, Ledger as _, LedgerReader as _, Queue as _},
};
use simulator::{Fault, FaultRule, Latency, Settings, wire::sso_admin as sso};

use super::{
    fleet::fleet,
    fuse::{Fuse, When, fused},
    model::{Where, group, in_ou, rules},
    reprovisioning::{CANARY, by, granted, named, order, saying},
    service::{Service, Start},
};

#[tokio::test(start_paused = true)]
async fn a_suspended_account_is_left_out_and_so_said_and_does_not_stop_the_others() {
    let service = by("{}").await;
    let account = service.account("two-dev");
    service.person(|world, now, _| world.set_account_state(now, &account, AccountState::Suspended)).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["two-dev"]);
    let record = service.record().await;
    assert_eq!(record.left_out, [(account.clone(), LeftOut::NotActive)].into());
    assert_eq!(record.end, CampaignEnd::Done);
    // Once it is back, the schedule finds it.
    service.person(|world, now, _| world.set_account_state(now, &account, AccountState::Active)).await;
    service.reprovision_for(Duration::from_mins(25)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_management_account_is_left_out_unless_it_may_be_written_to() {
    for management in [ManagementWrites::Withheld, ManagementWrites::Direct] {
        let engine = EngineSettings { management, ..EngineSettings::default() };
        let service = granted(Start { engine, ..Start::default() }, &saying("{}")).await;
        let account = service.account("management");
        let mut key = service.key("play", "ReadOnlyAccess", "Developers");
        key.account = account.clone();
        service.grant_by_hand(&key).await;
        service.edit("ReadOnlyAccess", "one").await;
        service.reprovision_for(Duration::from_mins(8)).await;
        let (record, requests) = (service.record().await, service.requests_to_provision());
        // One request for all would reach it.
        assert!(!requests.contains(&"all".to_owned()), "{requests:?}");
        match management {
            ManagementWrites::Withheld => {
                assert_eq!(service.outdated("ReadOnlyAccess").await, ["management"]);
                assert_eq!(record.left_out, [(account, LeftOut::Management)].into());
                assert!(!requests.contains(&"management".to_owned()), "{requests:?}");
            }
            ManagementWrites::Direct => {
                assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
                assert_eq!((record.left_out.len(), record.updated.contains(&account)), (0, true));
                assert!(requests.contains(&"management".to_owned()), "{requests:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_and_a_hold_stop_what_has_not_been_sent() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.deliver_events().await;
    service.order(Orders { pause: Some(order(service.clock.now())), ..Orders::default() }).await;
    service.reprovision_for(Duration::from_mins(20)).await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    let scope = HoldScope::Account(service.account("play"));
    service.order(Orders { holds: [(scope, order(service.clock.now()))].into(), ..Orders::default() }).await;
    service.reprovision_for(Duration::from_mins(20)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["play"]);
    assert_eq!(service.record().await.left_out.into_values().collect::<Vec<_>>(), [LeftOut::Held]);
    service.order(Orders::default()).await;
    service.reprovision_for(Duration::from_mins(25)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn rules_that_only_observe_send_nothing() {
    let document = saying("{}").observing();
    let service = Service::new();
    service.publish(&document).await;
    service.grant_by_hand(&service.key("play", "ReadOnlyAccess", "Developers")).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(20)).await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    assert!(service.campaign("ReadOnlyAccess").await.is_some(), "it waits");
}

#[tokio::test(start_paused = true)]
async fn throttles_and_conflicts_are_waited_out() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    for fault in [Fault::Throttle, Fault::WindowFull, Fault::InternalError] {
        service.world().fail_next("ProvisionPermissionSet", fault, 2);
    }
    service.checker().throttles_expected = true;
    service.reprovision_for(Duration::from_mins(20)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.record().await.end, CampaignEnd::Done);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_for_a_while_is_made_again_and_one_for_all_becomes_one_for_each() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.world().fail_next("ProvisionPermissionSet", Fault::internal_exception_later(), 2);
    service.reprovision_for(Duration::from_mins(20)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    let record = service.record().await;
    assert_eq!((record.end, record.updated.len()), (CampaignEnd::Done, 4));
}

#[tokio::test(start_paused = true)]
async fn of_a_request_for_all_that_failed_in_one_account_that_one_is_named() {
    let service = by("{}").await;
    let (account, set) = (service.account("two-dev"), service.set("ReadOnlyAccess"));
    service.world().faults.policy_is_missing(account.clone(), set, "CustomPolicy");
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(12)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["two-dev"]);
    assert_eq!(service.requests_to_provision(), ["all", "two-dev"]);
    let record = service.record().await;
    assert_eq!(record.end, CampaignEnd::Failed);
    assert!(record.failed[&account].contains("CustomPolicy"), "{record:?}");
    assert_eq!(service.names(record.updated), named(["one-dev", "one-prod", "play"]));
    // Nobody has changed anything: it is left so for a day.
    service.reprovision_for(Duration::from_hours(2)).await;
    assert_eq!(service.records().await.len(), 1);
}

/// What meets this account alone, each time or so often.
fn meets(service: &Service, account: &str, fault: Fault, calls: Option<u32>) {
    let account = Some(service.account(account));
    let operation = "ProvisionPermissionSet".to_owned();
    service.world().faults.add(FaultRule { operation, service: None, fault, calls, account });
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_is_given_up_after_hours_and_costs_one_place() {
    let of = |set| group(set, "Developers").gets(set).in_accounts(Where::Everywhere);
    let document = rules([of("ReadOnlyAccess"), of("PowerUserAccess")]).with_reprovision(
        "{ waves: [{ accounts: { in_ou: Workloads } }, { after: 1h, accounts: everywhere }] }",
    );
    let service = granted(Start::default(), &document).await;
    service.edit("ReadOnlyAccess", "one").await;
    meets(&service, "one-dev", Fault::Hang, Some(1));
    service.reprovision_for(Duration::from_mins(8)).await;
    // The others of its wave are done beside it, and no later wave is begun.
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-dev", "play"]);
    // Another permission set is done beside it to its end, in that account too.
    service.edit("PowerUserAccess", "one").await;
    service.reprovision_for(Duration::from_mins(80)).await;
    assert_eq!(service.outdated("PowerUserAccess").await, [""; 0]);
    let record = service.record().await;
    assert_eq!(
        (record.permission_set.clone(), record.end),
        (service.set("PowerUserAccess"), CampaignEnd::Done)
    );
    service.pass(Duration::from_mins(270)).await;
    service.reprovision_for(Duration::from_mins(30)).await;
    let records = service.records().await;
    let record = records.iter().find(|other| **other != record).unwrap();
    assert_eq!(record.end, CampaignEnd::Stopped { wave: 1 });
    assert!(record.failed[&service.account("one-dev")].contains("six hours"), "{record:?}");
    assert_eq!(service.names(record.updated.clone()), named(["one-prod", "two-dev"]));
    assert_eq!(service.names(record.not_begun.clone()), named(["play"]));
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_that_is_deleted_under_way_ends_it() {
    let service = by(CANARY).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    let set = service.set("ReadOnlyAccess");
    let keys: Vec<_> = service.world().assignments().into_keys().collect();
    let now = service.clock.now();
    service.person(|world, _, _| keys.iter().for_each(|key| world.revoke_by_hand(now, key))).await;
    let delete =
        json!({ "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", "PermissionSetArn": set });
    let delete: sso::DeletePermissionSet = serde_json::from_value(delete).unwrap();
    service.person(|world, now, who| world.call(now, who, delete)).await.unwrap();
    service.pass(Duration::from_hours(2)).await;
    service.reprovision_for(Duration::from_mins(2)).await;
    assert_eq!(service.ledger.campaigns().await.unwrap(), []);
    assert_eq!(service.record().await.end, CampaignEnd::Gone);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_three_are_ever_under_way_whoever_else_provisions() {
    let organization = fleet(12, 3);
    let document = rules((0..3).map(|n| {
        group(&format!("all-{n}"), "Developers").gets(&format!("Set{n}")).in_accounts(in_ou("Fleet"))
    }));
    let world =
        Settings { provisioning_latency: Latency::Constant(Duration::from_secs(20)), ..Settings::default() };
    let start = Start { organization: &organization, world, ..Start::default() };
    // The first account is its own wave, so that the others are never all of them.
    let document =
        document.with_reprovision("{ waves: [{ accounts: { named: unit-00 } }, { accounts: everywhere }] }");
    let service = granted(start, &document).await;
    for n in 0..3 {
        service.edit(&format!("Set{n}"), "one").await;
    }
    // Somebody's own.
    let (set, account) = (service.set("Set0"), service.account("unit-05"));
    service.pass(Duration::from_secs(299)).await;
    let instance = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
    let input = json!({
        "InstanceArn": instance, "PermissionSetArn": set, "TargetType": "AWS_ACCOUNT", "TargetId": account,
    });
    let input: sso::ProvisionPermissionSet = serde_json::from_value(input).unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.reprovision_for(Duration::from_mins(20)).await;
    for n in 0..3 {
        assert_eq!(service.outdated(&format!("Set{n}")).await, [""; 0]);
    }
    let refused = service.world().counters().throttles.clone();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_beside_a_busy_engine_and_never_while_another_holds_the_lease() {
    let service = by("{}").await;
    let lease = service.ledger.acquire_lease("engine", service.clock.now(), Duration::from_mins(10)).await;
    let lease = lease.unwrap().unwrap();
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    // The engine is done in the middle of a run, which then has it within a second.
    let run = service.reprovision();
    let release = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        service.ledger.release_lease(&lease).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(service.requests_to_provision(), ["all"]);
    };
    tokio::join!(run, release);
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    // It has been given back: an engine that was turned away meanwhile is not kept waiting.
    let lease =
        service.ledger.acquire_lease("engine", service.clock.now(), Duration::from_secs(9)).await.unwrap();
    assert!(lease.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_turned_away_is_woken() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.deliver_events().await;
    service.pass(Duration::from_mins(6)).await;
    service
        .publish(&rules([group("two", "Support").gets("DeployAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.hint("play").await;
    service.drain_inbox().await;
    for lost in service.wake.receive(10, Duration::from_secs(1)).await.unwrap() {
        service.wake.acknowledge(&lost.receipt).await.unwrap();
    }
    service.reprovision().await;
    assert!(service.wake.depth().waiting > 0);
    service.settle().await;
    assert!(service.exists(&service.key("play", "DeployAccess", "Support")));
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_in_the_middle_leaves_it_where_the_next_one_ends_it() {
    let begin = async || {
        let service = by(CANARY).await;
        service.edit("ReadOnlyAccess", "one").await;
        service.deliver_events().await;
        service.pass(Duration::from_mins(6)).await;
        service
    };
    let run = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        tokio::select! {
            _ = service.reprovision_with(&ports) => {}
            () = fuse.blown() => {}
        }
        service.poll_requests().await;
        service.check().await;
        fuse.count()
    };
    let steps = run(&begin().await, When::Never).await;
    assert!(steps > 15, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = begin().await;
            run(&service, when).await;
            // The lease of the dead one runs out, and what it claimed is settled.
            service.pass(Duration::from_mins(2)).await;
            service.reprovision_for(Duration::from_mins(5)).await;
            service.pass(Duration::from_hours(2)).await;
            service.reprovision_for(Duration::from_mins(20)).await;
            assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0], "{when:?} of {steps}");
            let record = service.record().await;
            assert_eq!((record.end, record.updated.len()), (CampaignEnd::Done, 4), "{when:?} of {steps}");
            assert_eq!(told(&service).await.len(), 1, "{when:?} of {steps}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_request_may_die_before_or_after_anything_that_it_does() {
    let begin = async || {
        let service = by("{}").await;
        service.edit("ReadOnlyAccess", "one").await;
        service.deliver_events().await;
        service.pass(Duration::from_mins(6)).await;
        service
            .ports
            .reprovisioner()
            .run("reprovision", service.clock.now() + SignedDuration::from_secs(3))
            .await
            .unwrap();
        service.pass(Duration::from_secs(6)).await;
        service
    };
    let look = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = Arc::new(fused(&service.ports, &fuse));
        let received = service.polls.receive(10, Duration::from_mins(3)).await.unwrap();
        assert_eq!(received.len(), 1);
        let event = serde_json::from_value(super::records::sqs_event(&received)).unwrap();
        tokio::select! {
            answer = ports.poll(event) => {
                assert!(answer.batch_item_failures.is_empty());
                service.polls.acknowledge(&received[0].receipt).await.unwrap();
            }
            () = fuse.blown() => {}
        }
        fuse.count()
    };
    let steps = look(&begin().await, When::Never).await;
    assert!(steps > 2, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = begin().await;
            look(&service, when).await;
            service.reprovision_for(Duration::from_mins(10)).await;
            assert_eq!(service.record().await.end, CampaignEnd::Done, "{when:?} of {steps}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_always_in_conflict_holds_up_no_other() {
    // The wave before has them asked for one by one.
    let service = by("{ waves: [{ accounts: { named: play } }, { accounts: everywhere }] }").await;
    service.edit("ReadOnlyAccess", "one").await;
    meets(&service, "one-dev", Fault::Conflict, None);
    service.reprovision_for(Duration::from_mins(10)).await;
    // It comes before the others in line.
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-dev"]);
    let campaign = service.campaign("ReadOnlyAccess").await.unwrap();
    let tried = &campaign.tried[&service.account("one-dev")];
    assert!(tried.conflict.is_some_and(|conflict| conflict.times > 3) && !tried.lasting, "{tried:?}");
    service.pass(Duration::from_hours(6)).await;
    service.reprovision_for(Duration::from_mins(5)).await;
    let record = service.record().await;
    assert_eq!(record.end, CampaignEnd::Failed);
    assert_eq!(service.names(record.failed.into_keys()), named(["one-dev"]));
    assert_eq!(service.names(record.updated), named(["one-prod", "play", "two-dev"]));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_suspended_after_the_look_is_not_written_to() {
    let world =
        Settings { provisioning_latency: Latency::Constant(Duration::from_secs(40)), ..Settings::default() };
    // A wave of its own, so that the others are asked for one by one.
    let rules = saying("{ waves: [{ accounts: { named: play } }, { accounts: everywhere }] }");
    let service = granted(Start { world, ..Start::default() }, &rules).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_secs(5 * 60 + 1)).await;
    assert_eq!(service.requests_to_provision(), ["play"]);
    let mut campaign = service.campaign("ReadOnlyAccess").await.unwrap();
    // It was looked at when it was active still.
    let account = service.account("two-dev");
    campaign.todo.insert(account.clone());
    service.ledger.keep_campaign(&campaign, &Guard::default()).await.unwrap();
    service.person(|world, now, _| world.set_account_state(now, &account, AccountState::Suspended)).await;
    service.reprovision_for(Duration::from_mins(20)).await;
    assert!(!service.requests_to_provision().contains(&"two-dev".to_owned()));
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["two-dev"]);
    assert_eq!(service.record().await.left_out, [(account, LeftOut::NotActive)].into());
}

/// The ids of what was told of campaigns that are over.
async fn told(service: &Service) -> BTreeSet<String> {
    let told = service.ledger.untold(1000).await.unwrap().into_iter();
    told.filter(|outcome| matches!(outcome.happened, Happened::Reprovisioned(_)))
        .map(|outcome| outcome.id)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_comes_while_a_campaign_ends_begins_the_next_and_each_is_told_once() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    let (record, now) = (service.record().await, service.clock.now());
    // Somebody has died between the mark and the record.
    let record = CampaignRecord { began: now, ended: now, edits: BTreeSet::new(), ..record };
    let over = Campaign::found(service.set("ReadOnlyAccess"), now).over_by(Box::new(record));
    service.ledger.keep_campaign(&over, &Guard::default()).await.unwrap();
    service.pass(Duration::from_mins(1)).await;
    service.edit("ReadOnlyAccess", "two!").await;
    service.deliver_events().await;
    let campaign = service.campaign("ReadOnlyAccess").await.unwrap();
    assert!(!campaign.is_over() && campaign.began > now, "{campaign:?}");
    assert_eq!((service.records().await.len(), told(&service).await.len()), (2, 2));
    service.reprovision_for(Duration::from_mins(8)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!((service.records().await.len(), told(&service).await.len()), (3, 3));
}
