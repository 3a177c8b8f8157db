//! What reprovisioning reads of many accounts: at the function's own pace, and in the time that it has.

use std::time::Duration;

use simulator::{Fault, FaultRule};

use super::reprovisioning::by;

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
}
