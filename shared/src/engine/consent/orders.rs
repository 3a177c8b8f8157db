//! Pausing everything, and holding accounts and principals.

use super::{Consent, ConsentError, TRIES};
use crate::{
    engine::Epochs,
    ledger::{Consented, Freeze, HoldScope, Order, Orders},
    ports::{LedgerError, PortError, Witness},
};

impl Consent<'_> {
    /// Stops everything. Once this has returned, no engine claims anything more. If it is stopped already, that order stands.
    pub async fn pause(&self) -> Result<Order, ConsentError> {
        let order = self.order()?;
        // The button works first, and is put on record then: whoever presses it is in a hurry.
        let change = |orders: Orders| match orders.pause.clone() {
            Some(stands) => Ok((None, stands)),
            None => Ok((Some(Orders { pause: Some(order.clone()), ..orders }), order.clone())),
        };
        self.change(change, Consented::Paused).await
    }

    /// Lets everything go on; tells the order that stood.
    pub async fn resume(&self) -> Result<Order, ConsentError> {
        let change = |mut orders: Orders| match orders.pause.take() {
            Some(stood) => Ok((Some(orders), stood)),
            None => Err(ConsentError::NotPaused),
        };
        self.change(change, Consented::Resumed).await
    }

    /// Holds everything in an account, or of a principal. If it is on hold already, that order stands.
    pub async fn hold(&self, scope: &HoldScope) -> Result<Order, ConsentError> {
        let order = self.order()?;
        let change = |orders: Orders| match orders.holds.get(scope).cloned() {
            Some(stands) => Ok((None, stands)),
            None => Ok((Some(orders.with_hold(scope.clone(), order.clone())?), order.clone())),
        };
        self.change(change, Consented::Held { scope: scope.clone() }).await
    }

    /// Lets it go on; tells the order that stood.
    pub async fn release(&self, scope: &HoldScope) -> Result<Order, ConsentError> {
        let change = |mut orders: Orders| match orders.holds.remove(scope) {
            Some(stood) => Ok((Some(orders), stood)),
            None => Err(ConsentError::NotHeld(scope.clone())),
        };
        self.change(change, Consented::Released { scope: scope.clone() }).await
    }

    /// Takes the ledger as it is, though it differs from what is told of it; tells what was frozen.
    pub async fn confirm_ledger(&self, witness: &dyn Witness) -> Result<Freeze, ConsentError> {
        let epochs = Epochs { ledger: self.ledger, witness, clock: self.clock };
        let frozen = epochs.check().await?.ok_or(ConsentError::NotFrozen)?;
        // On record first: what goes on by it must be told of, whatever happens next.
        self.keep(&self.draft(Consented::LedgerConfirmed { doubt: frozen.doubt })?).await?;
        epochs.confirm().await?;
        Ok(frozen)
    }

    fn order(&self) -> Result<Order, ConsentError> {
        let reason = crate::ledger::reason(self.reason);
        Ok(Order { by: self.name()?, at: self.clock.now(), reason })
    }

    /// Changes the orders as they stand, and tells which order that is about.
    async fn change(
        &self,
        change: impl Fn(Orders) -> Result<(Option<Orders>, Order), ConsentError>,
        what: Consented,
    ) -> Result<Order, ConsentError> {
        let record = self.draft(what)?;
        let mut tries = 0;
        loop {
            let (changed, order) = change(self.ledger.orders().await?)?;
            let Some(changed) = changed else { return Ok(order) };
            match self.ledger.give_orders(&changed).await {
                Ok(()) => {
                    self.keep(&record).await?;
                    return Ok(order);
                }
                Err(LedgerError::OrdersChanged | LedgerError::Port(PortError::Conflict(_)))
                    if tries < TRIES =>
                {
                    tries += 1;
                    self.give_way().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
