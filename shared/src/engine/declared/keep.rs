//! One permission set, brought to what is declared, by whoever holds the engine's lease.
//!
//! It is read once more under the lease, and planned by what is there: so a run that was broken off anywhere is gone on with, and nothing is
//! done twice. Before the first call the ledger is asked whether lease, rules and orders are still those that it was planned under; a set
//! that was begun is then finished.

use std::time::Duration;

use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use super::{
    DeclaredSets, DeclaredSetsError,
    claims::{self, Begun},
    noted::{Notes, Reason},
    survey::{Ground, Surveyed},
};
use crate::{
    domain::{Mode, Operation, PermissionSetArn, RulesVersion, hex},
    engine::{Epochs, Reader, RulesOnHand, Wake, memory::remember, reprovision::mark},
    ledger::{Edit, Lease},
    outcome::{Happened, OfSet},
    permission_sets::{Change, MAKING_TAG, SetPlan},
    ports::{
        AccessReader, Clock, Guard, Ledger, LedgerError, PermissionSetReader, PermissionSetWriter, PortError,
        Queue, Seen, SeenKind, Witness,
    },
    rules::{DeclaredSet, Wanted},
};

/// A call may take so long; none is begun that could outlive the lease.
const CALL: SignedDuration = SignedDuration::from_secs(25);

/// How often a call is tried that was in conflict, or too fast.
const TRIES: u32 = 6;

/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// Brings declared permission sets to what is declared.
#[derive(Clone, Copy)]
pub struct SetKeeper<'a> {
    pub declared: DeclaredSets<'a>,
    /// SSO Admin for what is done under the engine's lease.
    pub in_charge: &'a dyn PermissionSetReader,
    /// The same, for what is read of all permission sets.
    pub lists_in_charge: &'a dyn AccessReader,
    pub writer: &'a dyn PermissionSetWriter,
    pub ledger: &'a dyn Ledger,
    pub wake: &'a dyn Queue,
    /// What tells of the ledger: nothing is made, edited or deleted by one that was restored.
    pub witness: &'a dyn Witness,
}

impl std::fmt::Debug for SetKeeper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetKeeper").field("declared", &self.declared).finish_non_exhaustive()
    }
}

/// What became of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is as it is declared; so many calls were made for that.
    Done { calls: usize },
    /// It was made.
    Made,
    /// It is gone, by Usher's call.
    Deleted,
    /// Nothing was done, for this reason.
    Withheld(crate::permission_sets::Withheld),
    /// It is no more declared as it was, or no more to be done as it was seen.
    Overtaken,
    /// Usher is paused, or its ledger is in doubt.
    Paused,
    /// Another has the lease.
    HeldOff,
    /// A call has failed: the next run goes on.
    Failed { call: &'static str, why: PortError },
}

/// What the writes of one set go by.
struct Under<'a> {
    lease: &'a mut Lease,
    guard: Guard,
    /// Names the run in marks and edits: of an edit, the one that began with it.
    run: String,
    declared: &'a DeclaredSet,
    rules: &'a RulesVersion,
    /// The mark of one that was begun to be made, and is finished.
    mark: Option<String>,
}

/// Why the writes of a set broke off.
enum Broken {
    Call(&'static str, PortError),
    Ledger(LedgerError),
}

impl From<LedgerError> for Broken {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl SetKeeper<'_> {
    pub(super) fn clock(&self) -> &dyn Clock {
        self.declared.reader.clock
    }

    pub(super) fn notes(&self) -> Notes<'_> {
        Notes { ledger: self.ledger, clock: self.clock() }
    }

    /// Brings one set to what these rules declare, if they are still in force and the lease can be had. Where somebody has `seen` what is to
    /// be done, nothing else is.
    pub async fn keep(
        &self,
        holder: &str,
        rules: &RulesOnHand,
        name: &str,
        seen: Option<&SetPlan>,
    ) -> Result<Kept, DeclaredSetsError> {
        let (now, ttl) = (self.clock().now(), self.declared.settings.lease);
        let Some(mut lease) = self.ledger.acquire_lease(holder, now, ttl).await? else {
            return Ok(Kept::HeldOff);
        };
        let kept = self.keep_under(&mut lease, rules, name, seen).await;
        let declared = rules.index.declared().iter().find(|set| set.name == name);
        if let (Err(error), Some(declared)) = (&kept, declared)
            && error.is_of_one()
        {
            self.has_failed(declared, None, &rules.version, &crate::causes::joined(error)).await?;
        }
        self.ledger.release_lease(&lease).await?;
        if !self.ledger.work(1).await?.is_empty() {
            let now = self.clock().now();
            let woken = Wake::first().send(self.wake, now, Duration::ZERO).await;
            woken.map_err(DeclaredSetsError::Queue)?;
        }
        match kept {
            Err(DeclaredSetsError::Ledger(
                LedgerError::LeaseLost | LedgerError::OrdersChanged | LedgerError::RulesChanged,
            )) => Ok(Kept::Overtaken),
            kept => kept,
        }
    }

    /// Notes what was found: which sets are as they are declared, and why others are not.
    pub async fn found(&self, survey: &[Surveyed], rules: &RulesVersion) -> Result<(), LedgerError> {
        let as_declared = survey.iter().filter(|surveyed| surveyed.plan.is_quiet());
        let as_declared: Vec<_> = as_declared.map(|surveyed| &surveyed.declared).collect();
        self.notes().as_declared(&as_declared).await?;
        for Surveyed { declared, plan, .. } in survey {
            if let Some(withheld) = &plan.withheld {
                self.notes().waits(declared, plan.arn.as_ref(), rules, Reason::Withheld(withheld)).await?;
            }
        }
        Ok(())
    }

    /// Notes why a set could not be read or kept.
    pub(super) async fn has_failed(
        &self,
        set: &DeclaredSet,
        arn: Option<&PermissionSetArn>,
        rules: &RulesVersion,
        why: &str,
    ) -> Result<(), LedgerError> {
        self.notes().waits(set, arn, rules, Reason::Failed(why)).await
    }

    async fn keep_under(
        &self,
        lease: &mut Lease,
        rules: &RulesOnHand,
        name: &str,
        seen: Option<&SetPlan>,
    ) -> Result<Kept, DeclaredSetsError> {
        let orders = self.ledger.orders().await?;
        if orders.stop_everything() {
            return Ok(Kept::Paused);
        }
        let Some(declared) = rules.index.declared().iter().find(|set| set.name == name) else {
            return Ok(Kept::Overtaken);
        };
        let reader = Reader { access: self.lists_in_charge, ..self.declared.reader };
        let sets = DeclaredSets { reader, sets: self.in_charge, settings: self.declared.settings };
        let ground = sets.ground(rules.clone()).await?;
        remember(self.ledger, &ground.learned).await?;
        let surveyed = sets.surveyed(&ground, declared, self.in_charge).await?;
        if let Some(withheld) = surveyed.plan.withheld {
            let (arn, reason) = (surveyed.plan.arn.as_ref(), Reason::Withheld(&withheld));
            self.notes().waits(declared, arn, &rules.version, reason).await?;
            return Ok(Kept::Withheld(withheld));
        }
        if surveyed.plan.changes == [Change::Delete] && orders.stop(Operation::Revoke) {
            return Ok(Kept::Paused);
        }
        if seen.is_some_and(|seen| seen.changes != surveyed.plan.changes) {
            return Ok(Kept::Overtaken);
        }
        let is_ours = surveyed.actual.as_ref().filter(|_| rules.index.settings().mode != Mode::Observe);
        let found_again = is_ours.is_some_and(|actual| ground.claims().is_being_made(actual));
        if surveyed.plan.changes.is_empty() && !surveyed.plan.adopts && !found_again {
            let is_gone = declared.wanted == Wanted::Gone && ground.claims().begun(name).is_some();
            if is_gone || surveyed.plan.arn.is_some() && ground.claims().is_begun(name) {
                self.finish(&ground, declared, surveyed.plan.arn.as_ref()).await?;
            }
            self.notes().as_declared(&[declared]).await?;
            return Ok(Kept::Done { calls: 0 });
        }
        let guard = Guard {
            rules: Some(rules.version.clone()),
            lease: Some(lease.fence),
            orders: Some(orders.version),
            charges: Vec::new(),
        };
        // INVARIANT: nothing is begun under other rules, other orders or another's lease; a ledger that was restored is stopped by an order.
        Epochs { ledger: self.ledger, witness: self.witness, clock: self.clock() }.check().await?;
        self.ledger.write(&[], &guard).await?;
        let run = format!("{}-{}", lease.fence.0, self.clock().now().as_microsecond());
        let arn = surveyed.plan.arn.clone();
        if let Some(arn) = arn.as_ref().filter(|_| surveyed.plan.adopts || found_again) {
            claims::claim(self.ledger, self.clock(), (name, arn), surveyed.plan.adopts).await?;
        }
        self.notes().strike(name).await?;
        let mark = ground.claims().mark_of(name).map(str::to_owned);
        let mut under = Under { lease, guard, run, declared, rules: &rules.version, mark };
        let changes = surveyed.plan.changes;
        let done = if let Some(arn) = &arn {
            let digest = digest(rules, &changes);
            if let Some(begun) = ground.claims().begun(name).filter(|begun| begun.changes == digest) {
                begun.run.clone_into(&mut under.run);
            }
            let kept = self.edit(&mut under, (name, &digest), arn, &changes).await;
            if let (Ok(Kept::Done { .. }), Wanted::There(content)) = (&kept, &declared.wanted) {
                // Rules that select it by its tags find it by these from now on, whenever they were last read.
                let tags = serde_json::to_value(&content.tags)
                    .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
                let seen = Seen { id: arn.to_string(), value: tags, at: self.clock().now() };
                self.ledger.remember(SeenKind::PermissionSetTags, &[seen]).await?;
            }
            kept
        } else {
            let mark = under.mark.clone().unwrap_or_else(|| under.run.clone());
            self.make(&mut under, (name, &mark), &changes).await
        };
        match done {
            Ok(kept) => {
                self.notes().as_declared(&[declared]).await?;
                Ok(kept)
            }
            Err(Broken::Ledger(error)) => Err(error.into()),
            Err(Broken::Call(call, why)) => {
                let told = format!("{call}: {why}");
                self.has_failed(declared, arn.as_ref(), &rules.version, &told).await?;
                Ok(Kept::Failed { call, why })
            }
        }
    }

    /// Makes a set: first the mark in the ledger, then the set with the mark, then all that is in it.
    async fn make(
        &self,
        under: &mut Under<'_>,
        (name, mark): (&str, &str),
        changes: &[Change],
    ) -> Result<Kept, Broken> {
        let Some((Change::Create(new), rest)) = changes.split_first() else {
            return Ok(Kept::Done { calls: 0 });
        };
        claims::begin(self.ledger, self.clock(), name, mark).await?;
        let marked = new.clone().marked(mark);
        // After an answer that was lost it may be there: the next run knows it by its mark.
        let arn = self.tried(under, "CreatePermissionSet", || self.writer.create(&marked)).await?;
        claims::claim(self.ledger, self.clock(), (name, &arn), false).await?;
        for change in rest {
            self.tried(under, change.call(), || self.writer.change(&arn, change)).await?;
        }
        let unmark = Change::Untag(vec![MAKING_TAG.to_owned()]);
        self.tried(under, unmark.call(), || self.writer.change(&arn, &unmark)).await?;
        self.tell(under, Happened::SetMade, Some(&arn), mark).await?;
        claims::made(self.ledger, name).await?;
        Ok(Kept::Made)
    }

    async fn edit(
        &self,
        under: &mut Under<'_>,
        (name, digest): (&str, &str),
        arn: &PermissionSetArn,
        changes: &[Change],
    ) -> Result<Kept, Broken> {
        let outdates = changes.iter().find(|change| change.outdates_roles());
        // INVARIANT: it is due before it is edited, so that no crash leaves accounts with an old version and nobody who knows; and once more
        // when all is done, so that no look comes before the last call. An edit that is tried again and again, and gets no further, is due
        // once: it puts off and begins anew nothing that is under way.
        // INVARIANT: it is in the ledger as begun until it is told.
        if !changes.is_empty() {
            let call = outdates.map(|first| first.call().to_owned()).unwrap_or_default();
            let (changes, run) = (digest.to_owned(), under.run.clone());
            claims::edit(self.ledger, self.clock(), name, Begun { changes, run, call }).await?;
        }
        if let Some(first) = outdates {
            self.mark(&under.run, arn, first.call(), "begun").await?;
        }
        for change in changes {
            self.tried(under, change.call(), || self.writer.change(arn, change)).await?;
        }
        if let Some(first) = outdates {
            self.mark(&under.run, arn, first.call(), "done").await?;
        }
        let (mark, run) = (under.mark.clone(), under.run.clone());
        if changes == [Change::Delete] {
            self.tell(under, Happened::SetDeleted, Some(arn), &run).await?;
        } else if let Some(mark) = mark {
            self.tell(under, Happened::SetMade, Some(arn), &mark).await?;
        } else if !changes.is_empty() {
            self.tell(under, Happened::SetEdited, Some(arn), &run).await?;
        }
        claims::made(self.ledger, name).await?;
        if changes == [Change::Delete] {
            claims::forget(self.ledger, arn).await?;
            return Ok(Kept::Deleted);
        }
        // A set that was found by its mark, or adopted, may have another's name on record.
        claims::confirm(self.ledger, self.clock(), name, arn).await?;
        Ok(Kept::Done { calls: changes.len() })
    }

    /// Tells what was done, before it is forgotten that it was begun.
    async fn tell(
        &self,
        under: &Under<'_>,
        happened: fn(OfSet) -> Happened,
        arn: Option<&PermissionSetArn>,
        occasion: &str,
    ) -> Result<(), LedgerError> {
        let set = OfSet { name: under.declared.name.clone(), permission_set: arn.cloned() };
        self.notes().tell(under.declared, happened(set), occasion, under.rules).await
    }

    /// The last call of a run was made, and the run has died of something: what was left to be written down is, and told.
    async fn finish(
        &self,
        ground: &Ground,
        declared: &DeclaredSet,
        arn: Option<&PermissionSetArn>,
    ) -> Result<(), LedgerError> {
        let (name, claims) = (&declared.name, ground.claims());
        let deleted = if arn.is_none() { claims.arn_of(name) } else { None };
        let permission_set = arn.cloned().or_else(|| deleted.clone());
        let set = OfSet { name: name.clone(), permission_set };
        let told = match (claims.mark_of(name), claims.begun(name)) {
            (Some(mark), _) if arn.is_some() => Some((Happened::SetMade(set), mark)),
            (_, Some(Begun { run, .. })) if arn.is_some() => Some((Happened::SetEdited(set), run.as_str())),
            (_, Some(Begun { run, .. })) => Some((Happened::SetDeleted(set), run.as_str())),
            (Some(_) | None, None) => None,
        };
        if let (Some(Begun { run, call, .. }), Some(arn)) = (claims.begun(name), arn)
            && !call.is_empty()
        {
            self.mark(run, arn, call, "done").await?;
        }
        if let Some((happened, occasion)) = told {
            self.notes().tell(declared, happened, occasion, &ground.rules.version).await?;
        }
        claims::made(self.ledger, name).await?;
        match deleted {
            Some(arn) => claims::forget(self.ledger, &arn).await,
            None => Ok(()),
        }
    }

    async fn mark(
        &self,
        run: &str,
        arn: &PermissionSetArn,
        call: &str,
        when: &str,
    ) -> Result<(), LedgerError> {
        let edit = Edit {
            event: format!("usher-{run}-{when}"),
            name: call.to_owned(),
            by: "Usher".to_owned(),
            role: String::new(),
            at: self.clock().now(),
        };
        mark(self.ledger, self.clock(), arn, &edit).await.map(drop)
    }

    /// Makes a call, again if it was in conflict or too fast: nothing was done then.
    async fn tried<T, F>(
        &self,
        under: &mut Under<'_>,
        name: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Broken>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let now = self.clock().now();
            if now + CALL > under.lease.expires_at {
                let renewed = self.ledger.renew_lease(under.lease, now, self.declared.settings.lease).await?;
                // Whoever pauses Usher waits for no more than a lease.
                self.ledger.write(&[], &under.guard).await?;
                *under.lease = renewed;
            }
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(PortError::Conflict(_) | PortError::Throttled(_) | PortError::WindowFull(_))
                    if tries < TRIES =>
                {
                    self.clock().sleep(pause).await;
                    (pause, tries) = (pause * 2, tries + 1);
                }
                Err(why) => return Err(Broken::Call(name, why)),
            }
        }
    }
}

/// What names these changes under these rules.
fn digest(rules: &RulesOnHand, changes: &[Change]) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("{} {changes:?}", rules.version)).into();
    hex(&digest)
}
