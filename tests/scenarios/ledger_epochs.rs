//! A ledger that was restored, wiped or exchanged takes nothing away until somebody has looked; and a whole ledger goes into another one.

use std::time::Duration;

use serde_json::Value;
use shared::{
    engine::{Epochs, consent::ConsentError, exported, import_ledger, read_ledger},
    ledger::{Doubt, Frozen, Orders},
    local::MemoryWitness,
    ports::{Clock as _, Ledger as _, LedgerReader as _, Seen, SeenKind},
};

use super::{
    fuse::{Fuse, When, fused},
    model::{Rules, group, in_ou, rules, tagged},
    service::Service,
};

fn before() -> Rules {
    rules([
        group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("b", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

fn after() -> Rules {
    rules([group("b", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production"))])
}

impl Service {
    fn epochs(&self) -> Epochs<'_> {
        Epochs { ledger: &*self.ledger, witness: &*self.ports.beside.witness, clock: &*self.clock }
    }

    async fn tick(&self) -> bool {
        tick::handle(self.ports.tick()).await.unwrap().frozen
    }

    async fn frozen(&self) -> Option<(Frozen, Doubt)> {
        self.ledger.orders().await.unwrap().freeze.map(|freeze| (freeze.stops, freeze.doubt))
    }

    /// Says in the ledger that it is as far as it was then.
    async fn put_epoch_back(&self, epoch: &Value) {
        let seen = Seen { id: "epoch".to_owned(), value: epoch.clone(), at: self.clock.now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await.unwrap();
    }

    async fn epoch(&self) -> Value {
        self.ledger.recall_one(SeenKind::Fact, "epoch").await.unwrap().unwrap().value
    }
}

/// All is as the rules want it, and the ledger has an epoch.
async fn settled() -> Service {
    let service = Service::new();
    service.publish(&before()).await;
    service.sweep_and_settle().await;
    for _ in 0..3 {
        assert!(!service.tick().await);
        service.pass(Duration::from_mins(1)).await;
    }
    service
}

#[tokio::test(start_paused = true)]
async fn a_restored_ledger_takes_nothing_away_and_grants_on_under_the_same_rules_until_it_is_confirmed() {
    let service = settled().await;
    let yesterday = service.epoch().await;
    for _ in 0..4 {
        service.tick().await;
        service.pass(Duration::from_mins(2)).await;
    }
    service.put_epoch_back(&yesterday).await;

    // The tag that a rule goes by is gone, and another account has it.
    service.tag("one-prod", "Environment", "None").await;
    service.tag("play", "Environment", "Production").await;
    service.settle().await;
    assert_eq!(service.frozen().await, Some((Frozen::Revokes, Doubt::Behind)));
    assert!(service.tick().await);
    let (gone, new) =
        (service.key("one-prod", "DeployAccess", "Support"), service.key("play", "DeployAccess", "Support"));
    assert!(service.exists(&gone) && service.exists(&new));
    let reasons = service.withheld().await;
    assert_eq!(reasons.get(&gone).map(String::as_str), Some("ledger_unconfirmed"), "{reasons:?}");
    service.pass(Duration::from_hours(30)).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&gone));
    service.converged(&["ledger_unconfirmed"]).await;

    let frozen = service.consent().confirm_ledger(&*service.ports.beside.witness).await.unwrap();
    assert_eq!(frozen.doubt, Doubt::Behind);
    service.sweep_and_settle().await;
    assert!(!service.exists(&gone) && service.exists(&new));
    assert!(!service.tick().await);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn under_rules_that_were_in_force_before_those_that_are_told_of_nothing_is_granted_either() {
    let service = settled().await;
    let yesterday = service.epoch().await;
    service.publish(&after()).await;
    service.sweep_and_settle().await;
    for _ in 0..3 {
        service.tick().await;
        service.pass(Duration::from_mins(1)).await;
    }
    // The ledger comes back with the rules of the day before.
    service.publish(&before()).await;
    service.put_epoch_back(&yesterday).await;
    let had = service.assignments();
    service.sweep_and_settle().await;
    assert_eq!(service.frozen().await, Some((Frozen::Everything, Doubt::Behind)));
    assert_eq!(service.assignments(), had);
    service.epochs().confirm().await.unwrap();
    service.sweep_and_settle().await;
    assert!(service.assignments().len() > had.len());
}

#[tokio::test(start_paused = true)]
async fn a_second_place_that_has_lost_what_it_kept_freezes_and_one_that_cannot_be_read_stops() {
    let service = settled().await;
    service.ports.beside.witness.forget();
    assert!(service.tick().await);
    assert_eq!(service.frozen().await, Some((Frozen::Everything, Doubt::Untold)));
    let witness = &*service.ports.beside.witness;
    service.consent().confirm_ledger(witness).await.unwrap();
    assert_eq!(service.frozen().await, None);
    let again = service.consent().confirm_ledger(witness).await;
    assert!(matches!(again, Err(ConsentError::NotFrozen)));
}

/// Yesterday's rules may declare a permission set as it must not be any more.
#[tokio::test(start_paused = true)]
async fn a_restored_ledger_makes_and_edits_no_permission_set() {
    let service = settled().await;
    let yesterday = service.epoch().await;
    for _ in 0..3 {
        service.tick().await;
        service.pass(Duration::from_mins(1)).await;
    }
    service.publish(&before().with_permission_sets("[{ name: Fresh }]")).await;
    service.put_epoch_back(&yesterday).await;
    let run = async || {
        let (ports, until) = (&service.ports, service.soon());
        reprovision::handle(ports.keeper(), ports.reprovisioner(), "reprovision", until).await.unwrap()
    };
    assert_eq!(run().await.permission_sets.made, 0);
    assert_eq!(service.frozen().await, Some((Frozen::Everything, Doubt::Behind)));
    assert!(service.world().permission_set_named("Fresh").is_none());
    service.consent().confirm_ledger(&*service.ports.beside.witness).await.unwrap();
    service.pass(Duration::from_mins(20)).await;
    run().await;
    assert!(service.world().permission_set_named("Fresh").is_some());
}

/// Whoever dies between the two places, and however many go on at once.
#[tokio::test(start_paused = true)]
async fn the_epoch_goes_on_whatever_dies_in_the_middle_and_nothing_is_frozen_by_it() {
    let service = settled().await;
    for point in 0..12 {
        for when in [When::Before(point), When::After(point)] {
            let fuse = Fuse::new(when);
            let ports = fused(&service.ports, &fuse);
            let epochs = Epochs { ledger: &*ports.ledger, ..service.epochs() };
            tokio::select! {
                ended = epochs.advance() => assert_eq!(ended.unwrap(), None),
                () = fuse.blown() => {}
            }
            assert_eq!(service.epochs().check().await.unwrap(), None, "{when:?}");
        }
    }
    let (one, two, three) = (service.epochs(), service.epochs(), service.epochs());
    for _ in 0..20 {
        let (a, b, c) = tokio::join!(one.advance(), two.check(), three.advance());
        assert!([a, b, c].into_iter().all(|ended| ended.unwrap().is_none()));
    }
}

/// What an export holds, the rules in this one's store among it, but for when it was made.
async fn held(ledger: &dyn shared::ports::LedgerReader, service: &Service) -> Vec<String> {
    let (lines, _) = exported(ledger, &*service.store, service.clock.now()).await.unwrap();
    lines[1..].iter().map(|line| serde_json::to_string(line).unwrap()).collect()
}

async fn copy(service: &Service) -> String {
    let (lines, _) = exported(&*service.ledger, &*service.store, service.clock.now()).await.unwrap();
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

#[tokio::test(start_paused = true)]
async fn a_whole_ledger_goes_into_an_empty_one_wherever_that_breaks_off() {
    let service = settled().await;
    service.hold(&"account:222233334444".parse().unwrap()).await;
    let text = copy(&service).await;
    let content = read_ledger(&text).unwrap();
    let wanted = held(&*service.ledger, &service).await;

    let mut points = 0;
    for point in 0.. {
        let target = Service::new();
        let fuse = Fuse::new(When::After(point));
        let ports = fused(&target.ports, &fuse);
        let witness = &*target.ports.beside.witness;
        let epochs = Epochs { ledger: &*ports.ledger, witness, clock: &*service.clock };
        let broke_off = tokio::select! {
            ended = import_ledger(&content, &epochs, &*target.store) => { ended.unwrap(); false }
            () = fuse.blown() => true,
        };
        if !broke_off {
            points = point;
            assert_eq!(held(&*target.ledger, &target).await, wanted);
            break;
        }
        let orders = target.ledger.orders().await.unwrap();
        let done = target.frozen().await == Some((Frozen::Everything, Doubt::Imported));
        let touched = !target.ledger.rows(None).await.unwrap().items.is_empty();
        assert!(
            orders.stop_everything() || !touched || done,
            "{point}: nothing may be sent by half a ledger"
        );
        let epochs = Epochs { ledger: &*target.ledger, witness, clock: &*service.clock };
        if done {
            assert_eq!(held(&*target.ledger, &target).await, wanted);
            continue;
        }
        import_ledger(&content, &epochs, &*target.store).await.unwrap();
        assert_eq!(target.frozen().await, Some((Frozen::Everything, Doubt::Imported)));
        assert_eq!(held(&*target.ledger, &target).await, wanted, "{point}");
    }
    assert!(points > 15, "{points}");
}

/// An old copy would take away what a person has made since: it does nothing before somebody has looked.
#[tokio::test(start_paused = true)]
async fn what_was_imported_sends_nothing_until_it_is_confirmed() {
    let service = settled().await;
    let content = read_ledger(&copy(&service).await).unwrap();
    let target = Service::new();
    import_ledger(&content, &target.epochs(), &*target.store).await.unwrap();
    let everything = Some((Frozen::Everything, Doubt::Imported));
    assert_eq!(target.frozen().await, everything);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(target.epochs().advance().await.unwrap().is_some(), "time alone confirms nothing");
    assert_eq!(target.frozen().await, everything);
    target.consent().confirm_ledger(&*target.ports.beside.witness).await.unwrap();
    assert_eq!((target.frozen().await, target.epochs().advance().await.unwrap()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn half_a_ledger_is_gone_on_with_by_the_same_copy_alone_and_never_written_out() {
    let (service, other) = (settled().await, settled().await);
    other.hold(&"account:222233334444".parse().unwrap()).await;
    let (mine, others) =
        (read_ledger(&copy(&service).await).unwrap(), read_ledger(&copy(&other).await).unwrap());
    let target = Service::new();
    let fuse = Fuse::new(When::After(9));
    let ports = fused(&target.ports, &fuse);
    let epochs = Epochs { ledger: &*ports.ledger, ..target.epochs() };
    tokio::select! {
        ended = import_ledger(&mine, &epochs, &*target.store) => panic!("it was to break off: {ended:?}"),
        () = fuse.blown() => {}
    }
    assert_eq!(target.frozen().await, Some((Frozen::Everything, Doubt::Importing)));
    let refused = import_ledger(&others, &target.epochs(), &*target.store).await.unwrap_err();
    assert!(refused.to_string().contains("another copy"), "{refused}");
    let refused = exported(&*target.ledger, &*target.store, target.clock.now()).await.unwrap_err();
    assert!(refused.to_string().contains("half a ledger"), "{refused}");
    import_ledger(&mine, &target.epochs(), &*target.store).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_damaged_or_for_another_ledger_is_refused_before_anything_is_written() {
    let service = settled().await;
    let text = copy(&service).await;
    let lines: Vec<&str> = text.lines().collect();
    let without = |left_out: usize| {
        let kept = lines.iter().enumerate().filter(|(number, _)| *number != left_out);
        kept.fold(String::new(), |text, (_, line)| text + line + "\n")
    };
    for number in 0..lines.len() {
        assert!(read_ledger(&without(number)).is_err(), "line {number} is missing");
        let cut = lines[..number].iter().fold(String::new(), |text, line| text + line + "\n");
        assert!(read_ledger(&cut).is_err(), "cut off before line {number}");
    }
    let row = lines.iter().find(|line| line.contains("\"line\":\"row\"")).unwrap();
    let twice = text.replacen(row, &format!("{row}\n{row}"), 1);
    assert!(read_ledger(&twice).unwrap_err().to_string().contains("earlier line"));
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(
        read_ledger(&newer).unwrap_err().to_string(),
        "it has format 2, and this version of Usher reads format 1"
    );

    let content = read_ledger(&text).unwrap();
    let used = settled().await;
    let had = held(&*used.ledger, &used).await;
    let refused = import_ledger(&content, &used.epochs(), &*used.store).await.unwrap_err();
    assert!(refused.to_string().contains("only an empty one"), "{refused}");
    assert_eq!(held(&*used.ledger, &used).await, had);
    assert_eq!(used.ledger.orders().await.unwrap(), Orders::default());
}

#[tokio::test(start_paused = true)]
async fn another_witness_is_another_ledger_s() {
    let (service, other) = (settled().await, settled().await);
    let witness: &MemoryWitness = &other.ports.beside.witness;
    let epochs = Epochs { witness, ..service.epochs() };
    let frozen = epochs.check().await.unwrap();
    // They were begun at the same virtual moment, so only their numbers can tell them apart; one that is further is not taken for the same.
    other.pass(Duration::from_mins(1)).await;
    for _ in 0..3 {
        other.tick().await;
    }
    assert!(frozen.is_none() && epochs.check().await.unwrap().is_some());
}
