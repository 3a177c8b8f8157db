//! A ledger that is wiped, or comes back as it was: what then belongs to nobody, and what a person has to say before anything goes on.

use serde_json::Value;
use shared::{
    engine::{Epochs, exported, import_ledger, read_ledger},
    ledger::Orders,
    local::{MemoryWitness, SqliteLedger},
    ports::{Clock as _, Ledger as _, LedgerReader as _, Seen, SeenKind},
};

use super::simulation::Simulation;
use crate::scenarios::{allowed::Stop, people::stop};

/// A copy of the ledger.
pub(super) struct Snapshot {
    text: String,
    orders: Orders,
    epoch: Option<Value>,
}

/// Keeps a copy, if the ledger can be copied at the moment.
pub(super) async fn keep(simulation: &mut Simulation) {
    let ledger = &*simulation.service.ledger;
    let Ok((lines, _)) = exported(ledger, &*simulation.service.store, simulation.now()).await else { return };
    let text = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    let orders = ledger.orders().await.unwrap();
    let epoch = ledger.recall_one(SeenKind::Fact, "epoch").await.unwrap().map(|seen| seen.value);
    simulation.snapshot = Some(Snapshot { text, orders, epoch });
}

/// An empty ledger in its place.
pub(super) async fn wipe(simulation: &mut Simulation) {
    exchange(simulation, SqliteLedger::in_memory().unwrap()).await;
    simulation.did("ledger lost");
}

/// The ledger as it was when it was last copied, with its orders and its epoch of then.
pub(super) async fn restore(simulation: &mut Simulation) {
    let Some(Snapshot { text, orders, epoch }) = simulation.snapshot.take() else { return };
    let (ledger, witness) = (SqliteLedger::in_memory().unwrap(), MemoryWitness::default());
    let clock = &*simulation.service.clock;
    let content = read_ledger(&text).unwrap();
    let epochs = Epochs { ledger: &ledger, witness: &witness, clock };
    import_ledger(&content, &epochs, &*simulation.service.store).await.unwrap();
    // As the same ledger that was put back, and not as another one that was imported.
    loop {
        let version = ledger.orders().await.unwrap().version;
        ledger.give_orders(&Orders { version, ..orders.clone() }).await.unwrap();
        if version + 1 >= orders.version {
            break;
        }
    }
    if let Some(value) = epoch {
        let seen = Seen { id: "epoch".to_owned(), value, at: clock.now() };
        ledger.remember(SeenKind::Fact, &[seen]).await.unwrap();
    }
    exchange(simulation, ledger).await;
    simulation.did("ledger lost");
}

/// From now on this is the ledger. What it doesn't know of is nobody's, and what it calls Usher's a person has to vouch for.
async fn exchange(simulation: &mut Simulation, ledger: SqliteLedger) {
    simulation.service.exchange_ledger(ledger);
    let (now, service) = (simulation.now(), &simulation.service);
    let rows = service.rows().await;
    let orders = service.ledger.orders().await.unwrap();
    let in_force = service.ledger.rules_in_force().await.unwrap();
    let mut checker = service.checker();
    checker.ledger_exchanged(now, &service.world(), &rows);
    checker.allowed.go_on_all(now);
    if orders.pause.is_some() {
        checker.allowed.stop(Stop::Everything, now);
    }
    for scope in orders.holds.keys() {
        checker.allowed.stop(stop(scope), now);
    }
    let known = in_force.and_then(|rules| simulation.state.borrow().published.get(&rules.version).cloned());
    if let Some(rules) = known {
        checker.rules_published(now, &rules);
    }
}
