//! A fuse that blows at the n-th thing which the engine does to the outside, just before it is done or just after.
//!
//! The future that was doing it never goes on: dropped there, it is an engine that has died.

use std::{
    future::pending,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shared::ports::{LedgerError, PortError, Queue};
use tokio::sync::Notify;

use super::{
    fused::Fused,
    ports::{Ports, Stores},
};

/// When the fuse blows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Never,
    Before(usize),
    After(usize),
    /// It does not blow: this one fails, if it is a write of rows.
    Fails(usize),
    /// It does not blow: this one meets another write and does nothing, if it is a write of rows.
    Conflicts(usize),
    /// It does not blow: of two writes that depend on the lease and meet, one is refused, as DynamoDB does. So is one in ten by chance,
    /// from this seed, as if it had met somebody else's.
    Meets(u64),
    /// It does not blow: the first so many renewals of the lease are refused, as if they had met somebody else's write.
    RenewsNot(usize),
    /// It does not blow: all stands still for a while after this one.
    StallAfter(usize, Duration),
    /// It does not blow: this one, whatever it is, fails and is not done.
    Refuses(usize),
    /// It does not blow: this one, whatever it is, is done, and fails all the same.
    LosesAnswer(usize),
    /// It does not blow: nothing that the ledger is asked for is done.
    LedgerIsAway,
}

/// Counts what goes through it.
pub(super) struct Fuse {
    pub(super) when: When,
    count: AtomicUsize,
    /// Writes that depend on the lease and are under way.
    writes: AtomicUsize,
    pub(super) renewals: AtomicUsize,
    blown: Notify,
}

impl Fuse {
    pub(super) fn new(when: When) -> Arc<Self> {
        let [count, writes, renewals] = [const { AtomicUsize::new(0) }; 3];
        Arc::new(Self { when, count, writes, renewals, blown: Notify::new() })
    }

    /// How many things have been done, or were about to be.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until it has blown.
    pub(super) async fn blown(&self) {
        self.blown.notified().await;
    }

    pub(super) async fn through<T, E: From<PortError>>(
        &self,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        if self.when == When::Before(n) {
            self.blow().await;
        }
        if self.when == When::Refuses(n) {
            return Err(PortError::Failed("it is not there".to_owned()).into());
        }
        let done = doing.await;
        if self.when == When::After(n) {
            self.blow().await;
        }
        if self.when == When::LosesAnswer(n) {
            return Err(PortError::Failed("the connection was closed".to_owned()).into());
        }
        if let When::StallAfter(at, time) = self.when
            && at == n
        {
            tokio::time::sleep(time).await;
        }
        done
    }

    /// Something that the ledger is asked for.
    pub(super) async fn of_ledger<T>(
        &self,
        doing: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        if self.when == When::LedgerIsAway {
            self.count.fetch_add(1, Ordering::Relaxed);
            return Err(PortError::Failed("the ledger is not there".to_owned()).into());
        }
        self.through(doing).await
    }

    /// A write that depends on the lease.
    pub(super) async fn meeting<T>(
        &self,
        doing: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let When::Meets(seed) = self.when else { return self.of_ledger(doing).await };
        let mut chance = DefaultHasher::new();
        (seed, self.count.load(Ordering::Relaxed)).hash(&mut chance);
        let met = self.writes.fetch_add(1, Ordering::Relaxed) > 0 || chance.finish().is_multiple_of(10);
        tokio::time::sleep(Duration::from_millis(8)).await;
        let done = self.through(async {
            if met { Err(PortError::Conflict("TransactionConflict".to_owned()).into()) } else { doing.await }
        });
        let done = done.await;
        self.writes.fetch_sub(1, Ordering::Relaxed);
        done
    }

    async fn blow(&self) {
        self.blown.notify_one();
        pending::<()>().await;
    }
}

/// The same ports with a fuse before the ledger, SSO Admin and the queues.
pub(super) fn fused(ports: &Ports, fuse: &Arc<Fuse>) -> Ports {
    let access =
        Fused { fuse: Arc::clone(fuse), inner: (Arc::clone(&ports.access), Arc::clone(&ports.writer)) };
    let access = Arc::new(access);
    let sets =
        Fused { fuse: Arc::clone(fuse), inner: (Arc::clone(&ports.sets), Arc::clone(&ports.set_writer)) };
    let sets = Arc::new(sets);
    let queue = |inner: &Arc<dyn Queue>| Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(inner) });
    Ports {
        access: access.clone(),
        writer: access,
        sets: sets.clone(),
        set_writer: sets,
        ledger: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(&ports.ledger) }),
        inbox: queue(&ports.inbox),
        wake: queue(&ports.wake),
        polls: queue(&ports.polls),
        ..ports.clone()
    }
}

/// The same, and before all else that a function asks or tells. What it knows already of the rules it goes on knowing.
pub(super) fn fused_throughout(ports: &Ports, fuse: &Arc<Fuse>) -> Ports {
    let Stores { bus, rules, uploads, witness } = &ports.stores;
    Ports {
        organization: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(&ports.organization) }),
        directory: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(&ports.directory) }),
        parked: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(&ports.parked) }),
        stores: Stores {
            bus: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(bus) }),
            rules: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(rules) }),
            uploads: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(uploads) }),
            witness: Arc::new(Fused { fuse: Arc::clone(fuse), inner: Arc::clone(witness) }),
        },
        ..fused(ports, fuse)
    }
}
