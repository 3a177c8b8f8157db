//! The service behind the forwarder: of what AWS tells, it hears what the forwarder's rules let through.

use std::time::Duration;

use super::{
    identity_center::{make_group, tag_set},
    members::{joins, leaves, of_group},
    model::{group, in_ou, rules, tagged},
    service::{Service, USHER},
};

/// For an hour, everything goes on as it does, but for what the forwarder keeps back. Tells how many events that were.
async fn an_hour_behind_the_forwarder(service: &Service) -> usize {
    let passes = templates::forwarder("111122223333", &format!("arn:aws:iam::111122223333:role/{USHER}"));
    let mut kept_back = 0;
    for _ in 0..60 {
        let (heard, rest): (Vec<_>, Vec<_>) = service.take_events().into_iter().partition(&passes);
        kept_back += rest.len();
        service.deliver(heard).await;
        service.drain_inbox().await;
        service.run_engine().await;
        service.poll_requests().await;
        service.pass(Duration::from_mins(1)).await;
    }
    kept_back
}

#[tokio::test(start_paused = true)]
async fn what_the_forwarder_lets_through_is_all_that_the_service_needs_to_hear() {
    let service = Service::new();
    let in_development =
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"));
    let by_tag =
        group("tag", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Production"));
    let by_set = group("set", "Auditors").gets_tagged("Environment", "Audit").in_accounts(in_ou("Sandbox"));
    let of_new = group("new", "Newcomers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    let of_members = of_group("members", "Developers");
    service.publish(&rules([in_development, by_tag, by_set, of_new, of_members])).await;
    service.sweep_and_settle().await;

    // One of each kind of event: no sweep comes to help.
    service.move_to("play", "Workloads/Development").await;
    an_hour_behind_the_forwarder(&service).await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    service.move_to("play", "Sandbox").await;
    service.tag("two-dev", "Environment", "Production").await;
    make_group(&service, "Newcomers").await;
    tag_set(&service, "DeployAccess", "Environment", "Audit").await;
    joins(&service, "bruno@example.com", "Developers").await;
    leaves(&service, "alba@example.com", "Developers").await;
    let kept_back = an_hour_behind_the_forwarder(&service).await;
    assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", "Support")));
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Newcomers")));
    assert!(service.exists(&service.key("play", "DeployAccess", "Auditors")));
    // Its own calls about assignments are among what it hears.
    assert_eq!(kept_back, 0);

    // What it does besides, to permission sets, is kept back.
    assert!(service.take_events().is_empty());
    service.converged(&[]).await;
}
