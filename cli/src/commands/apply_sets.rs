//! The part of `usher apply` that makes, edits and deletes permission sets, under the lease of the local ledger.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use shared::{
    domain::PermissionSetArn,
    engine::{DeclaredSets, Kept, SetKeeper, Surveyed},
    local::LocalQueue,
    permission_sets::{Change, SetPlan},
};

use super::apply::Work;
use crate::{Failure, Screen, report::SetOutcome};

/// The pause before another try for the lease.
const KNOCK: Duration = Duration::from_secs(1);

/// Keeps declared permission sets.
pub(super) struct Sets<'a> {
    work: &'a Work<'a>,
    wake: LocalQueue,
    /// When to stop waiting for the lease.
    until: Timestamp,
}

impl<'a> Sets<'a> {
    pub(super) fn of(work: &'a Work<'a>, until: Timestamp) -> Self {
        Self { work, wake: LocalQueue::standard(Arc::clone(&work.clock)), until }
    }

    fn keeper(&self) -> SetKeeper<'_> {
        let work = self.work;
        SetKeeper {
            declared: DeclaredSets {
                reader: work.aws.reader(work.ledger, &work.rulebook, work.clock.as_ref()),
                sets: work.aws.sets.as_ref(),
                settings: work.settings,
            },
            in_charge: work.aws.sets.as_ref(),
            lists_in_charge: work.aws.access.as_ref(),
            writer: work.aws.set_writer.as_ref(),
            ledger: work.ledger,
            wake: &self.wake,
            witness: &work.witness,
        }
    }

    /// Does nothing to them. What was found is worth knowing: nothing waits for those that are as they are declared.
    pub(super) async fn leave_alone(&self, planned: &[Surveyed]) -> Result<Vec<SetOutcome>, Failure> {
        if !planned.is_empty() {
            let rules = self.work.rulebook.in_force(self.work.ledger).await.map_err(Failure::Read)?;
            self.keeper().found(planned, &rules.version).await?;
        }
        Ok(Vec::new())
    }

    /// Makes, edits and takes over what was planned so.
    pub(super) async fn make_and_edit(
        &self,
        planned: &[Surveyed],
        screen: &mut Screen<'_>,
    ) -> Result<Vec<SetOutcome>, Failure> {
        let is_kept = |surveyed: &&Surveyed| {
            let plan = &surveyed.plan;
            plan.withheld.is_none() && !plan.is_quiet() && plan.changes != [Change::Delete]
        };
        let seen = planned
            .iter()
            .filter(is_kept)
            .map(|surveyed| (surveyed.plan.name.as_str(), Some(&surveyed.plan)));
        let mut outcomes = self.leave_alone(planned).await?;
        outcomes.extend(self.keep(&seen.collect::<Vec<_>>(), screen).await?);
        let unread = planned.iter().filter(|surveyed| surveyed.plan.is_unread());
        outcomes.extend(unread.map(|surveyed| {
            let why = surveyed.plan.withheld.as_ref().map(ToString::to_string).unwrap_or_default();
            SetOutcome::failed(&surveyed.plan.name, why)
        }));
        Ok(outcomes)
    }

    /// Deletes those that nothing holds any more.
    pub(super) async fn delete(
        &self,
        names: &[String],
        screen: &mut Screen<'_>,
    ) -> Result<Vec<SetOutcome>, Failure> {
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        self.keep(&names, screen).await
    }

    async fn keep(
        &self,
        sets: &[(&str, Option<&SetPlan>)],
        screen: &mut Screen<'_>,
    ) -> Result<Vec<SetOutcome>, Failure> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let rules = self.work.rulebook.in_force(self.work.ledger).await.map_err(Failure::Read)?;
        let holder = format!("usher-apply-{}", std::process::id());
        let mut outcomes = Vec::new();
        let mut told = false;
        for (name, seen) in sets {
            let kept = loop {
                let kept = match self.keeper().keep(&holder, &rules, name, *seen).await {
                    Ok(kept) => Ok(kept),
                    // It holds up no other.
                    Err(error) if error.is_of_one() => Err(shared::causes::joined(&error)),
                    Err(error) => return Err(Failure::DeclaredSets(error)),
                };
                let now = self.work.clock.now();
                if kept != Ok(Kept::HeldOff) || now >= self.until {
                    break kept;
                }
                if !told {
                    told = true;
                    let text = "another engine is at work on this ledger, or was broken off less than 90 s ago; waiting for it\n";
                    screen.err.write_all(text.as_bytes()).map_err(Failure::Output)?;
                }
                self.work.clock.sleep(KNOCK).await;
            };
            outcomes.push(match kept {
                Ok(kept) => SetOutcome::of(name, kept),
                Err(why) => SetOutcome::failed(name, why),
            });
        }
        Ok(outcomes)
    }

    /// The permission sets that there are now, by their names.
    pub(super) async fn arns(&self) -> Result<BTreeMap<String, PermissionSetArn>, Failure> {
        self.keeper().declared.arns().await.map_err(Failure::DeclaredSets)
    }
}
