//! What the functions stand on: on one machine all of it is beside the ledger's file; with a table it is what the deployed functions have.

use std::{path::Path, sync::Arc, time::Duration};

use shared::{
    engine::{AuditSettings, EngineSettings, ReprovisionSettings, SweepSettings},
    local::{FolderQueue, FolderRules, LocalQueue, OutcomeFile, SqliteLedger},
    ports::{Clock, Ledger, OutcomeBus, Queue, RulesStore, Uploads, Witness},
};

use super::{InHand, dead_letters, retries};
use crate::{connect::Aws, ledger};

/// The ways in which the functions reach AWS.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// What is read to decide.
    pub(crate) aws: Aws,
    /// The engine's: it keeps to a pace of its own.
    pub(crate) engine: Aws,
    /// That of who holds the engine's lease in its place.
    pub(crate) in_charge: Aws,
}

/// Where everything is kept, and what goes in and out.
pub(crate) struct Ground {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) rules: Arc<dyn RulesStore>,
    /// What tells of the ledger.
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) queues: FedQueues,
    /// What failed for good. It outlives the process: `usher dead-letters` looks at it from another one.
    pub(crate) parked: Arc<dyn Queue>,
    /// What `usher dead-letters retry` leaves to the running functions; with the deployed ones it does it by itself.
    pub(crate) retries: Option<Arc<dyn Queue>>,
    /// Where outcomes are told.
    pub(crate) outcomes: Arc<dyn OutcomeBus>,
    /// Where rules are uploaded.
    pub(crate) uploads: Option<UploadPlace>,
}

/// The queues that feed functions.
pub(crate) struct FedQueues {
    pub(crate) inbox: Arc<dyn Queue>,
    pub(crate) wake: Arc<dyn Queue>,
    pub(crate) polls: Arc<dyn Queue>,
    /// Those among them that are in this process: how much is in them is known.
    own: Vec<Arc<LocalQueue>>,
    /// Those among them that others read too.
    shared: Vec<Arc<InHand>>,
}

/// A bucket that rules are uploaded to.
pub(crate) struct UploadPlace {
    pub(crate) uploads: Arc<dyn Uploads>,
    pub(crate) bucket: String,
    /// What the names of uploads begin with.
    pub(crate) incoming: String,
}

/// How the functions go about it.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) engine: EngineSettings,
    pub(crate) sweep: SweepSettings,
    pub(crate) reprovision: ReprovisionSettings,
    pub(crate) auditing: AuditSettings,
    /// The roles that requests to assign are made with, as events name them.
    pub(crate) own_roles: Vec<String>,
    /// Received so often, a message is put aside.
    pub(crate) receives: u32,
    /// The pause between two looks for outcomes to tell.
    pub(crate) told: Duration,
}

impl Ground {
    /// Everything beside a ledger in a file.
    pub(crate) fn beside(
        file: &Path,
        ledger: SqliteLedger,
        outcomes: OutcomeFile,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let folder = |path: &Path| Arc::new(FolderQueue::new(path, Arc::clone(clock)));
        Self {
            ledger: Arc::new(ledger),
            rules: Arc::new(FolderRules::new(&ledger::folder(file))),
            witness: Arc::new(ledger::witness_beside(file)),
            queues: FedQueues::in_process(clock),
            parked: folder(&dead_letters(file)),
            retries: Some(folder(&retries(file))),
            outcomes: Arc::new(outcomes),
            uploads: None,
        }
    }
}

impl FedQueues {
    /// Queues that are gone with the process: the ledger is the list of work.
    pub(crate) fn in_process(clock: &Arc<dyn Clock>) -> Self {
        let inbox = Arc::new(LocalQueue::fifo(Arc::clone(clock)));
        let [wake, polls] = [(); 2].map(|()| Arc::new(LocalQueue::standard(Arc::clone(clock))));
        let own = vec![Arc::clone(&inbox), Arc::clone(&wake), Arc::clone(&polls)];
        Self { inbox, wake, polls, own, shared: Vec::new() }
    }

    /// Queues that others read too.
    pub(crate) fn shared(queues: [Arc<dyn Queue>; 3]) -> Self {
        let [inbox, wake, polls] = queues.map(InHand::of);
        let shared = vec![Arc::clone(&inbox), Arc::clone(&wake), Arc::clone(&polls)];
        Self { inbox, wake, polls, own: Vec::new(), shared }
    }

    /// Those that others read too.
    pub(super) fn of_others(&self) -> impl Iterator<Item = &InHand> {
        self.shared.iter().map(AsRef::as_ref)
    }

    /// Whether they are in this process, and go with it.
    pub(super) fn are_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether nothing is in those of this process.
    pub(super) fn are_empty(&self) -> bool {
        self.own.iter().all(|queue| {
            let depth = queue.depth();
            depth.waiting + depth.delayed + depth.in_flight == 0
        })
    }
}

impl Manner {
    /// With these settings of the engine, and all else as it is by default.
    pub(crate) fn of(engine: EngineSettings) -> Self {
        Self {
            engine,
            sweep: SweepSettings::default(),
            reprovision: ReprovisionSettings::default(),
            auditing: AuditSettings::default(),
            own_roles: Vec::new(),
            receives: 5,
            told: Duration::from_secs(1),
        }
    }
}
