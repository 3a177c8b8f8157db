//! Events that come late, twice, in another order or not at all, by chance from the world's seed.

use std::time::Duration;

use simulator::{Delivery, Latency, Settings};

use super::{
    model::{group, in_ou, rules, tagged},
    service::{Service, Start},
};

/// Several accounts change several times under this delivery. Tells what is assigned once all that was heard of has been acted on, and
/// what after two sweeps.
async fn ends(delivery: Delivery, seed: u64) -> (Vec<String>, Vec<String>) {
    let service =
        Service::start(Start { world: Settings { seed, ..Settings::default() }, ..Start::default() });
    let document = rules([
        group("dev", "Developers").gets("PowerUserAccess").in_accounts(tagged("Environment", "Development")),
        group("prod", "Developers").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        group("sandbox", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ]);
    service.publish(&document).await;
    service.sweep_and_settle().await;
    service.world().settings.delivery = delivery;
    service.tag("one-dev", "Environment", "Production").await;
    service.move_to("play", "Workloads/Production").await;
    service.tag("play", "Environment", "Production").await;
    service.move_to("one-prod", "Sandbox").await;
    service.tag("two-dev", "Environment", "Test").await;
    service.tag("one-dev", "Environment", "Development").await;
    service.settle().await;
    let heard = service.assignments();
    service.sweep_and_settle().await;
    service.sweep_and_settle().await;
    service.converged(&[]).await;
    (heard, service.assignments())
}

#[tokio::test(start_paused = true)]
async fn no_delivery_of_events_however_bad_changes_where_it_ends() {
    let bad = Delivery {
        delay: Latency::Uniform { shortest: Duration::ZERO, longest: Duration::from_secs(17) },
        lost: 0.4,
        repeated: 0.3,
        late: 0.3,
        late_by: Duration::from_mins(5),
    };
    let (heard, end) = ends(Delivery::default(), 1).await;
    assert_eq!(heard, end, "with a good delivery the sweeps find nothing to do");
    assert!(end.contains(&"play DeployAccess Developers".to_owned()), "{end:?}");
    let mut missed = 0;
    for seed in 1..=6 {
        let (heard, after) = ends(bad, seed).await;
        missed += usize::from(heard != end);
        assert_eq!(after, end, "seed {seed}");
    }
    assert!(missed > 0, "the delivery was not bad enough to be noticed");
}

#[tokio::test(start_paused = true)]
async fn late_and_repeated_events_alone_need_no_sweep() {
    let late = Delivery {
        delay: Latency::Uniform { shortest: Duration::ZERO, longest: Duration::from_secs(17) },
        repeated: 0.5,
        late: 0.5,
        ..Delivery::default()
    };
    let (_, end) = ends(Delivery::default(), 1).await;
    for seed in 1..=4 {
        let (heard, after) = ends(late, seed).await;
        assert_eq!((&heard, &after), (&end, &end), "seed {seed}");
    }
}
