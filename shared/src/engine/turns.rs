//! The sweep and the audit read everything, at one share of AWS's rates: so one of them reads at a time, and they take turns.
//!
//! Whoever reads has the sweep's round in the ledger. Whoever is refused leaves a word there, and the other one gives way to it at its next
//! run. See [`Round::is_the_others`] and `docs/adr/0026`.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::signed;
use crate::{
    ledger::{Round, Worker},
    ports::{Ledger, LedgerError, LedgerReader, Seen, SeenKind},
    rules::Bundle,
};

/// How long the audit has the round: no Lambda function runs longer. A run that ends gives it back sooner.
const LONGEST_RUN: Duration = Duration::from_mins(15);

/// Whether it is the other one's turn. If so, this one is waited for.
pub(super) async fn is_the_others(
    round: &Round,
    one: Worker,
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<bool, LedgerError> {
    if !round.is_the_others(one, now, waits_since(one.other(), ledger).await?) {
        return Ok(false);
    }
    let word = Seen { id: word(one).to_owned(), value: true.into(), at: now };
    ledger.remember(SeenKind::Fact, &[word]).await?;
    Ok(true)
}

async fn waits_since(one: Worker, ledger: &dyn LedgerReader) -> Result<Option<Timestamp>, LedgerError> {
    Ok(ledger.recall_one(SeenKind::Fact, word(one)).await?.map(|seen| seen.at))
}

fn word(one: Worker) -> &'static str {
    match one {
        Worker::Sweep => "waits:sweep",
        Worker::Audit => "waits:audit",
    }
}

/// Keeps the sweep from reading while the audit does; `None` if it is the sweep's turn.
pub(super) async fn take_for_audit(
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Option<Round>, LedgerError> {
    // Where no sweep has ever been, this is one that the first will not go on with.
    let nothing = || Round::begin(0, Timestamp::UNIX_EPOCH, Bundle { files: BTreeMap::new() }.version());
    let round = ledger.round().await?.unwrap_or_else(nothing);
    if is_the_others(&round, Worker::Audit, now, ledger).await? || round.is_taken(now) {
        return Ok(None);
    }
    let mut round = round.taken(Worker::Audit, now, now + signed(LONGEST_RUN));
    let is_taken = ledger.keep_round(&round).await?;
    round.version += 1;
    Ok(is_taken.then_some(round))
}

/// Gives the round back, if it was not taken since.
pub(super) async fn give_back(round: Round, ledger: &dyn Ledger) -> Result<(), LedgerError> {
    ledger.keep_round(&Round { taken_until: None, ..round }).await.map(|_| ())
}
