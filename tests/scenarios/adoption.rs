//! Taking over all that others made and that rules want, broken off wherever that is possible: the same command once more does the rest.

use std::collections::BTreeSet;

use shared::{
    domain::AssignmentKey,
    engine::consent::{Adoption, Consent, ConsentError, journal},
    ledger::{Cause, Consented},
    ports::Clock as _,
};

use super::{
    fleet::fleet,
    fuse::{Fuse, When, fused},
    model::{Rules, Who, group, in_ou, rules},
    ports::Ports,
    service::{Service, Start},
};

/// An organization whose rules want what people have made in it, and nothing else.
async fn made_by_hand(start: Start<'_>, rules: &Rules, keys: &[(&str, &str, &str)]) -> Service {
    let service = Service::start(start);
    for (account, set, group) in keys {
        let key = service.key(account, set, group);
        service.grant_by_hand(&key).await;
    }
    service.publish(rules).await;
    service
}

/// Six assignments, of the small organization's three active accounts.
async fn small() -> Service {
    let rules = rules([
        group("a", "Developers")
            .and(Who::Group("Support".to_owned()))
            .gets("PowerUserAccess")
            .in_accounts(in_ou("Workloads/Development")),
        group("b", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
    ]);
    let keys = [
        ("one-dev", "PowerUserAccess", "Developers"),
        ("two-dev", "PowerUserAccess", "Developers"),
        ("one-dev", "PowerUserAccess", "Support"),
        ("two-dev", "PowerUserAccess", "Support"),
        ("one-dev", "ReadOnlyAccess", "Auditors"),
        ("two-dev", "ReadOnlyAccess", "Auditors"),
    ];
    made_by_hand(Start::default(), &rules, &keys).await
}

/// Two hundred of them: more than are written at once.
async fn large() -> Service {
    let organization = fleet(100, 2);
    let rules = rules([group("a", "Developers").gets("Set0").gets("Set1").in_accounts(in_ou("Fleet"))]);
    let names: Vec<String> = (0..100).map(|number| format!("unit-{number:02}")).collect();
    let keys: Vec<(&str, &str, &str)> = names
        .iter()
        .flat_map(|name| ["Set0", "Set1"].map(|set| (name.as_str(), set, "Developers")))
        .collect();
    made_by_hand(Start { organization: &organization, ..Start::default() }, &rules, &keys).await
}

/// What `usher import --adopt` does once the rules are in force.
async fn adopt_all(service: &Service, ports: &Ports) -> Result<usize, ConsentError> {
    let survey = ports.planner().everything(&Cause::new("command", "import")).await?;
    assert!(survey.unread.is_empty());
    let adoption = Adoption::of(&survey);
    for one in &adoption.all {
        let now = service.clock.now();
        service.checker().allowed.adopt(&one.key, now);
    }
    Consent { ledger: &*ports.ledger, ..service.consent() }.adopt_all(&adoption, |_| {}).await
}

/// The same until it is broken off; how many things were done, and how it ended if it did.
async fn broken_off(service: &Service, when: When) -> (usize, Option<Result<usize, ConsentError>>) {
    let fuse = Fuse::new(when);
    let ports = fused(&service.ports, &fuse);
    let ended = tokio::select! {
        ended = adopt_all(service, &ports) => Some(ended),
        () = fuse.blown() => None,
    };
    service.check().await;
    (fuse.count(), ended)
}

async fn ours(service: &Service) -> BTreeSet<AssignmentKey> {
    service.rows().await.into_iter().filter(|row| row.state.label() == "ours").map(|row| row.key).collect()
}

/// Everything that people consented to.
async fn on_record(service: &Service) -> BTreeSet<AssignmentKey> {
    let records = journal(&*service.ledger).await.unwrap().into_iter();
    let keys = records.flat_map(|record| {
        let Consented::AdoptedAll { rules: _, keys } = record.what else { panic!("{:?}", record.id) };
        keys
    });
    keys.collect()
}

/// What holds wherever it was broken off, and after the second run.
async fn is_mended_by_a_second_run(service: &Service, all: usize, context: &str) {
    let there = service.assignments();
    let first = ours(service).await;
    assert!(first.is_subset(&on_record(service).await), "{context}: adopted, and not on record");
    // Whoever carries the rules out comes between the two, and finds half of it adopted.
    service.sweep_and_settle().await;
    assert_eq!(ours(service).await, first, "{context}");

    let second = adopt_all(service, &service.ports).await.unwrap();
    assert_eq!((first.len() + second, ours(service).await.len()), (all, all), "{context}");
    assert!(ours(service).await.is_subset(&on_record(service).await), "{context}");
    assert_eq!(adopt_all(service, &service.ports).await.unwrap(), 0, "{context}: nothing is left");
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), there, "{context}");
    assert_eq!(service.world().request_log().count(), 0, "{context}: nothing was asked of AWS");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_may_die_before_or_after_anything_that_it_does_and_the_next_one_does_the_rest() {
    let (steps, ended) = broken_off(&small().await, When::Never).await;
    assert!(steps > 10 && matches!(ended, Some(Ok(6))), "{steps} steps, {ended:?}");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n), When::Fails(n), When::Conflicts(n)] {
            let service = small().await;
            broken_off(&service, when).await;
            is_mended_by_a_second_run(&service, 6, &format!("{when:?} of {steps}")).await;
            if n % 8 == 0 {
                service.converged(&[]).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_of_many_that_breaks_off_between_two_writes_says_how_far_it_came_and_goes_on_from_there()
{
    let (steps, ended) = broken_off(&large().await, When::Never).await;
    assert!(matches!(ended, Some(Ok(200))), "{ended:?}");
    // The last four are the record, and rows three times.
    let mut came = Vec::new();
    for n in steps - 4..steps {
        for when in [When::Before(n), When::After(n), When::Fails(n)] {
            let service = large().await;
            let (_, ended) = broken_off(&service, when).await;
            if when == When::Fails(n) {
                match ended {
                    Some(Err(ConsentError::PartlyAdopted { adopted, all: 200, why })) => {
                        assert!(matches!(*why, ConsentError::Ledger(_)), "{why:?}");
                        came.push(adopted);
                    }
                    Some(Err(ConsentError::Ledger(_))) => came.push(0),
                    Some(Ok(200)) => {}
                    other => panic!("{when:?}: {other:?}"),
                }
            }
            is_mended_by_a_second_run(&service, 200, &format!("{when:?} of {steps}")).await;
        }
    }
    assert_eq!(came, [0, 90, 180]);
}
