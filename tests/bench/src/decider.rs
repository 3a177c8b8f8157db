//! Who decides again what has waited too long, as `reconcile` does it: account by account, at its share of the rate.

use std::{convert::Infallible, time::Duration};

use jiff::Timestamp;
use shared::{
    engine::{AccountHint, EngineSettings},
    ledger::{Row, State},
    ports::{
        AccessReader as _, Clock as _, Guard, Ledger as _, LedgerError, LedgerReader as _, Queue as _,
        RowWrite,
    },
};

use crate::{engine::Stage, trouble::Trouble};

/// `reconcile` keeps to four calls a second.
const APART: Duration = Duration::from_millis(250);

/// How long a message that is being worked on is hidden.
const HIDDEN: Duration = Duration::from_mins(3);

/// The settings of a bench with the ages of decisions as they are shipped.
pub(crate) fn as_shipped(settings: EngineSettings) -> EngineSettings {
    let EngineSettings { look_age, intent_age, .. } = EngineSettings::default();
    EngineSettings { look_age, intent_age, ..settings }
}

/// Runs of the engine that hand over to one another until nothing is left to do, with somebody who decides again beside them; tells how
/// many there were.
pub(crate) async fn run_to_the_end(stage: &Stage, most: Duration) -> Result<u32, Trouble> {
    tokio::select! {
        // Else Tokio draws lots, and no two runs are alike.
        biased;
        runs = stage.run_to_the_end(most) => runs,
        never = decides_again(stage) => match never? {},
    }
}

/// Decides again what the engine sends back, for ever: one look at each account, and what was decided stays as it was, but for its
/// time. Nobody has changed rules or accounts.
async fn decides_again(stage: &Stage) -> Result<Infallible, Trouble> {
    loop {
        let received = stage.inbox.receive(1, HIDDEN).await;
        let received = received.map_err(Trouble::while_doing("receiving a hint"))?;
        for message in received {
            let hint = AccountHint::from_body(&message.body);
            let hint = hint.map_err(Trouble::while_doing("reading a hint"))?;
            let read_at = stage.clock.now();
            let looked = stage.face.provisioned_in(&hint.account).await;
            looked.map_err(Trouble::while_doing("looking at an account"))?;
            let rows = stage.ledger.rows_of(&hint.account).await;
            let rows = rows.map_err(Trouble::while_doing("reading the ledger"))?;
            for row in rows.into_iter().filter_map(|row| decided_at(row, read_at)) {
                match stage.ledger.write(&[RowWrite::of(row)], &Guard::default()).await {
                    // The engine was faster: then there is nothing to decide.
                    Ok(()) | Err(LedgerError::RowChanged(_)) => {}
                    Err(error) => return Err(Trouble::while_doing("writing the ledger")(error)),
                }
            }
            let done = stage.inbox.acknowledge(&message.receipt).await;
            done.map_err(Trouble::while_doing("acknowledging a hint"))?;
        }
        stage.clock.sleep(APART).await;
    }
}

/// The row with what it asks for decided then; `None` if it asks for nothing.
fn decided_at(mut row: Row, then: Timestamp) -> Option<Row> {
    match &mut row.state {
        State::Granting(intent) | State::Closing(intent) if intent.claim.is_none() => {
            intent.decided_at = then;
            Some(row)
        }
        State::Granting(_)
        | State::Closing(_)
        | State::Ours
        | State::Closed
        | State::Uncertain { .. }
        | State::Blocked { .. }
        | State::Dormant => None,
    }
}
