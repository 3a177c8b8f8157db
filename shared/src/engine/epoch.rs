//! Watches that the ledger is the one that was used last, and as far: a ledger that was restored, wiped or exchanged says of assignments that they
//! are ours, or are wanted no more, as it was once.
//!
//! INVARIANT: the ledger goes first, then what is told of it, and never further than one ahead. So the ledger is at most one ahead of what is
//! told, whoever dies between the two, and one that is behind is an older one.

use crate::{
    ledger::{Compared, Epoch, Freeze, Orders, Testimony, compared},
    ports::{Clock, KeptTestimony, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind, Witness},
};

/// The fact that says which epoch the ledger is in.
pub(super) const EPOCH: &str = "epoch";

/// How often something is looked at, or written, again when others change it meanwhile.
const TRIES: u32 = 20;

/// Why it can't be said whether the ledger is whole. Then nothing is sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EpochError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot read what is kept of the ledger's epoch in the second place")]
    Recall(#[source] PortError),
    #[error("cannot keep the ledger's epoch in the second place")]
    Keep(#[source] PortError),
    #[error("the ledger's epoch can't be read: {0}")]
    Unreadable(String),
}

/// The ledger, and what tells of it.
#[derive(Clone, Copy)]
pub struct Epochs<'a> {
    pub ledger: &'a dyn Ledger,
    pub witness: &'a dyn Witness,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Epochs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Epochs").finish_non_exhaustive()
    }
}

impl Epochs<'_> {
    /// Looks whether the ledger is as far as what is told of it, and freezes it if it isn't; tells what is frozen, by this or by an
    /// earlier look.
    pub async fn check(&self) -> Result<Option<Freeze>, EpochError> {
        self.freeze_if(&self.look().await?).await
    }

    /// The same, and then goes one further, in both places, unless something is frozen.
    pub async fn advance(&self) -> Result<Option<Freeze>, EpochError> {
        let look = self.look().await?;
        if let Some(frozen) = self.freeze_if(&look).await? {
            return Ok(Some(frozen));
        }
        let epoch = match (look.compared, look.ledger) {
            // What broke off is finished first.
            (Compared::Ahead, Some(epoch)) => epoch,
            (_, Some(epoch)) => self.go_on_to(epoch.next()).await?,
            (_, None) => self.go_on_to(Epoch::first(self.clock.now())).await?,
        };
        // Whoever has told something else meanwhile has gone on himself.
        self.tell(epoch, look.told.as_ref()).await?;
        Ok(None)
    }

    /// A person has looked: the ledger is taken as it is, and told of anew. Tells what was frozen.
    pub async fn confirm(&self) -> Result<Option<Freeze>, EpochError> {
        self.begin_anew().await?;
        self.thaw().await
    }

    /// Goes on with a beginning of its own: no other copy of this ledger can be taken for it any more.
    pub(super) async fn begin_anew(&self) -> Result<(), EpochError> {
        let Look { ledger, told, .. } = self.look().await?;
        let told_number = told.as_ref().map_or(0, |kept| kept.testimony.epoch.number);
        let number = ledger.map_or(0, |epoch| epoch.number).max(told_number);
        let next = Epoch { number: number.saturating_add(1), begun: self.clock.now() };
        if self.go_on_to(next).await? == next && self.tell(next, told.as_ref()).await? {
            return Ok(());
        }
        let other =
            "another has written it at this moment, or has a clock that is ahead: try again".to_owned();
        Err(EpochError::Keep(PortError::Conflict(other)))
    }

    /// What the ledger says, what is told of it, and how they compare.
    async fn look(&self) -> Result<Look, EpochError> {
        let mut told = self.recall().await?;
        for _ in 0..TRIES {
            let ledger = epoch_of(self.ledger).await?;
            let compared = compared(ledger, told.as_ref().map(|kept| &kept.testimony));
            if !matches!(compared, Compared::Differs(_)) {
                return Ok(Look { ledger, told, compared });
            }
            // Both go on all the time. They differ only if the same was told before the ledger was looked at and after it.
            let again = self.recall().await?;
            if again == told {
                return Ok(Look { ledger, told, compared });
            }
            told = again;
        }
        let restless = "it changes all the time".to_owned();
        Err(EpochError::Recall(PortError::Conflict(restless)))
    }

    async fn recall(&self) -> Result<Option<KeptTestimony>, EpochError> {
        self.witness.recall().await.map_err(EpochError::Recall)
    }

    /// Freezes what differs; tells what is frozen.
    async fn freeze_if(&self, look: &Look) -> Result<Option<Freeze>, EpochError> {
        for _ in 0..TRIES {
            let orders = self.ledger.orders().await?;
            let Compared::Differs(doubt) = look.compared else { return Ok(orders.freeze) };
            if orders.freeze.is_some() {
                return Ok(orders.freeze);
            }
            let rules = self.ledger.rules_in_force().await?.map(|rules| rules.version);
            let told = look.told.as_ref().map(|kept| &kept.testimony);
            let freeze = Freeze::of(doubt, (rules.as_ref(), orders.version), told, self.clock.now());
            if self.give(&Orders { freeze: Some(freeze.clone()), ..orders }).await? {
                return Ok(Some(freeze));
            }
        }
        Err(LedgerError::OrdersChanged.into())
    }

    /// Lets everything go on; tells what was frozen.
    async fn thaw(&self) -> Result<Option<Freeze>, EpochError> {
        for _ in 0..TRIES {
            let mut orders = self.ledger.orders().await?;
            let Some(frozen) = orders.freeze.take() else { return Ok(None) };
            if self.give(&orders).await? {
                return Ok(Some(frozen));
            }
        }
        Err(LedgerError::OrdersChanged.into())
    }

    /// Gives orders; tells whether they stand, and not those of somebody else.
    async fn give(&self, orders: &Orders) -> Result<bool, EpochError> {
        match self.ledger.give_orders(orders).await {
            Ok(()) => Ok(true),
            Err(LedgerError::OrdersChanged | LedgerError::Port(PortError::Conflict(_))) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the epoch into the ledger; tells which one is there then.
    async fn go_on_to(&self, epoch: Epoch) -> Result<Epoch, EpochError> {
        let value = serde_json::to_value(epoch).map_err(|error| EpochError::Unreadable(error.to_string()))?;
        let seen = Seen { id: EPOCH.to_owned(), value, at: self.clock.now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await?;
        // A clock that is behind is not listened to: what is told is what is there.
        Ok(epoch_of(self.ledger).await?.unwrap_or(epoch))
    }

    async fn tell(&self, epoch: Epoch, instead_of: Option<&KeptTestimony>) -> Result<bool, EpochError> {
        let rules = self.ledger.rules_in_force().await?.map(|rules| rules.version);
        let orders = self.ledger.orders().await?.version;
        let testimony = Testimony { epoch, rules, orders, at: self.clock.now() };
        self.witness.keep(&testimony, instead_of).await.map_err(EpochError::Keep)
    }
}

/// One look at both places.
#[derive(Debug)]
struct Look {
    ledger: Option<Epoch>,
    told: Option<KeptTestimony>,
    compared: Compared,
}

/// The epoch that the ledger is in.
async fn epoch_of(ledger: &dyn LedgerReader) -> Result<Option<Epoch>, EpochError> {
    let Some(Seen { value, .. }) = ledger.recall_one(SeenKind::Fact, EPOCH).await? else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| EpochError::Unreadable(error.to_string()))
}
