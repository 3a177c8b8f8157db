//! Taking over everything that others made and that the rules in force want: the first day of an organization that has assignments already.

use std::collections::BTreeMap;

use super::{Consent, ConsentError, MOST_KEYS, TRIES, keys::tombstone};
use crate::{
    domain::{AssignmentKey, Mode, RuleId, RulesVersion},
    engine::Survey,
    ledger::{ConsentRecord, Consented, HeldBy, Row, State, WRITES_AT_ONCE},
    plan::{Withheld, WithheldReason},
    ports::{Guard, LedgerError, PortError, RowWrite},
};

/// What can be adopted, under which rules.
#[derive(Debug, Clone)]
pub struct Adoption {
    pub rules: RulesVersion,
    /// By key.
    pub all: Vec<Adoptable>,
}

/// An assignment that is there, that others made, and that rules want.
#[derive(Debug, Clone)]
pub struct Adoptable {
    pub key: AssignmentKey,
    /// The rules that want it.
    pub wanted_by: BTreeMap<RuleId, Mode>,
    /// The row as it was read.
    row: Option<Row>,
}

impl Adoption {
    /// What a survey by the rules in force withholds for no other reason than that others made it. Adopted, it stays as it is: it is wanted.
    pub fn of(survey: &Survey) -> Self {
        let rows: BTreeMap<&AssignmentKey, &Row> = survey.rows.iter().map(|row| (&row.key, row)).collect();
        let withheld = survey.decided.iter().flat_map(|decided| &decided.plan.withheld);
        let foreign = withheld.filter(|withheld| matches!(withheld.reason, WithheldReason::Foreign));
        let mut all: Vec<Adoptable> = foreign
            .map(|Withheld { key, operation: _, reason: _, rules }| Adoptable {
                key: key.clone(),
                wanted_by: rules.clone(),
                row: rows.get(key).map(|row| (*row).clone()),
            })
            .collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Self { rules: survey.basis.rules.version.clone(), all }
    }
}

impl Consent<'_> {
    /// Takes all of it over, a bounded number at a time, each of them on record first. What has been adopted when it breaks off stays so, and the
    /// next survey finds the rest. `told` hears how many are done.
    ///
    /// INVARIANT: only what the rules in force want is taken over, so nothing is revoked because of it.
    pub async fn adopt_all(
        &self,
        adoption: &Adoption,
        mut told: impl FnMut(usize),
    ) -> Result<usize, ConsentError> {
        let Adoption { rules, all } = adoption;
        let mut adopted = 0;
        for together in all.chunks(MOST_KEYS) {
            let keys = together.iter().map(|one| one.key.clone()).collect();
            let record = self.draft(Consented::AdoptedAll { rules: rules.clone(), keys })?;
            let broken_off = |adopted: usize, why: ConsentError| {
                if adopted == 0 {
                    why
                } else {
                    ConsentError::PartlyAdopted { adopted, all: all.len(), why: Box::new(why) }
                }
            };
            self.keep(&record).await.map_err(|why| broken_off(adopted, why))?;
            for chunk in together.chunks(WRITES_AT_ONCE) {
                let rows = chunk.iter().map(|one| self.ours(one, rules, &record)).collect();
                self.write_adopted(rows, rules).await.map_err(|why| broken_off(adopted, why))?;
                adopted += chunk.len();
                told(adopted);
            }
        }
        Ok(adopted)
    }

    fn ours(&self, one: &Adoptable, rules: &RulesVersion, record: &ConsentRecord) -> Row {
        let Adoptable { key, wanted_by, row } = one;
        let now = self.clock.now();
        let row = row.clone().unwrap_or_else(|| tombstone(key, record.cause(), now));
        Row {
            wanted_by: wanted_by.clone(),
            rules: Some(rules.clone()),
            cause: record.cause(),
            attempts: 0,
            conflicts: 0,
            maybe_sent: false,
            closed_at: None,
            trouble: None,
            // It is there again, so nobody wants it gone any more.
            hold: row.hold.clone().filter(|hold| hold.by != HeldBy::DeletedByHand),
            ..row
        }
        .into_state(State::Ours, now)
    }

    /// Writes all of these rows, or none: what changed since it was looked at is not taken over.
    async fn write_adopted(&self, rows: Vec<Row>, rules: &RulesVersion) -> Result<(), ConsentError> {
        let guard = Guard { rules: Some(rules.clone()), ..Guard::default() };
        let writes: Vec<_> = rows.into_iter().map(RowWrite::of).collect();
        for _ in 0..TRIES {
            match self.ledger.write(&writes, &guard).await {
                Ok(()) => return Ok(()),
                Err(LedgerError::RowChanged(key)) => return Err(ConsentError::Changed(key)),
                Err(LedgerError::Port(PortError::Conflict(_))) => self.give_way().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::Port(PortError::Conflict("the ledger stays busy".to_owned())).into())
    }
}
