//! Requests to provision that do not come to their end, or take long: what else is to be done goes on beside them.

use std::time::Duration;

use jiff::SignedDuration;
use shared::{
    domain::ProvisioningTarget,
    ledger::{CampaignEnd, CampaignRecord},
    ports::Clock as _,
};
use simulator::{Fault, Latency, Settings};

use super::{
    reprovisioning::{ALL, CANARY, by, granted, named, saying},
    service::{Service, Start},
};

/// The first request is never done.
async fn hanging(reprovision: &str) -> Service {
    let service = by(reprovision).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.world().fail_next("ProvisionPermissionSet", Fault::Hang, 1);
    service.reprovision_for(Duration::from_mins(7)).await;
    service
}

async fn last(service: &Service) -> CampaignRecord {
    service.records().await.pop().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_urgent_edit_is_pushed_at_once_whatever_hangs() {
    let service = Box::pin(hanging(CANARY)).await;
    assert_eq!(service.requests_to_provision(), ["one-prod"]);
    service.edit("ReadOnlyAccess", "two!").await;
    service.deliver_events().await;
    service.push("ReadOnlyAccess").await;
    service.reprovision_for(Duration::from_mins(1)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-prod"]);
    // Another edit is in nobody's way either, but for its canary.
    service.edit("ReadOnlyAccess", "three").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ALL);
    service.push("ReadOnlyAccess").await;
    service.reprovision_for(Duration::from_mins(1)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-prod"]);
    // Where it hangs it is tried until hours have passed in which AWS takes no other.
    service.pass(Duration::from_hours(6)).await;
    service.reprovision_for(Duration::from_mins(2)).await;
    service.pass(Duration::from_hours(6)).await;
    service.reprovision_for(Duration::from_mins(10)).await;
    let record = last(&service).await;
    assert_eq!((record.end, record.edits.len()), (CampaignEnd::Failed, 3));
    assert_eq!(service.names(record.failed.into_keys()), named(["one-prod"]));
    assert_eq!(service.names(record.updated), named(["one-dev", "play", "two-dev"]));
}

#[tokio::test(start_paused = true)]
async fn a_newer_edit_reaches_the_accounts_that_a_request_for_all_has_not_come_to_an_end_with() {
    let service = by("{}").await;
    service.world().settings.assumptions.second_provisioning_is_refused = false;
    service.edit("ReadOnlyAccess", "one").await;
    service.world().fail_next("ProvisionPermissionSet", Fault::Hang, 1);
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.requests_to_provision(), ["all"]);
    service.edit("ReadOnlyAccess", "two!").await;
    service.reprovision_for(Duration::from_mins(10)).await;
    assert_eq!(service.requests_to_provision(), ["all"], "it may take some minutes");
    service.reprovision_for(Duration::from_mins(6)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    // It is over when nothing of it is under way.
    assert!(service.campaign("ReadOnlyAccess").await.is_some());
    service.pass(Duration::from_hours(6)).await;
    service.reprovision_for(Duration::from_mins(10)).await;
    assert_eq!((last(&service).await.end, last(&service).await.updated.len()), (CampaignEnd::Done, 4));
}

#[tokio::test(start_paused = true)]
async fn a_request_for_all_that_takes_long_is_followed_by_another_for_an_edit_meanwhile() {
    let world =
        Settings { provisioning_latency: Latency::Constant(Duration::from_mins(25)), ..Settings::default() };
    let service = granted(Start { world, ..Start::default() }, &saying("{}")).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    service.edit("ReadOnlyAccess", "two!").await;
    service.reprovision_for(Duration::from_mins(16)).await;
    // AWS does not take one account while all are under way: that is no failure.
    let campaign = service.campaign("ReadOnlyAccess").await.unwrap();
    assert!(campaign.tried.values().all(|tried| tried.conflict.is_some()) && !campaign.tried.is_empty());
    assert!(campaign.sent.iter().all(|sent| sent.target == ProvisioningTarget::AllProvisionedAccounts));
    let end = service.clock.now() + SignedDuration::from_mins(90);
    while service.campaign("ReadOnlyAccess").await.is_some() && service.clock.now() < end {
        service.reprovision_for(Duration::from_mins(1)).await;
    }
    assert_eq!(service.requests_to_provision(), ["all", "all"]);
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!((last(&service).await.end, last(&service).await.updated.len()), (CampaignEnd::Done, 4));
}
