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
    noted,
    survey::Ground,
};
use crate::{
    domain::{Mode, PermissionSetArn, hex},
    engine::{Reader, RulesOnHand, Wake, memory::remember, reprovision::mark},
    ledger::{Edit, Lease},
    permission_sets::{Change, MAKING_TAG, SetPlan},
    ports::{
        AccessReader, Clock, Guard, Ledger, LedgerError, PermissionSetReader, PermissionSetWriter, PortError,
        Queue, Seen, SeenKind,
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
    /// Usher is paused.
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

    /// Notes that these sets were found as they are declared.
    pub async fn found(&self, sets: &[&DeclaredSet]) -> Result<(), LedgerError> {
        noted::note(self.ledger, self.clock(), sets).await
    }

    async fn keep_under(
        &self,
        lease: &mut Lease,
        rules: &RulesOnHand,
        name: &str,
        seen: Option<&SetPlan>,
    ) -> Result<Kept, DeclaredSetsError> {
        let orders = self.ledger.orders().await?;
        if orders.pause.is_some() {
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
            return Ok(Kept::Withheld(withheld));
        }
        if seen.is_some_and(|seen| seen.changes != surveyed.plan.changes) {
            return Ok(Kept::Overtaken);
        }
        let is_ours = surveyed.actual.as_ref().filter(|_| rules.index.settings().mode != Mode::Observe);
        let found_again = is_ours.is_some_and(|actual| ground.claims().is_being_made(actual));
        if surveyed.plan.changes.is_empty() && !surveyed.plan.adopts && !found_again {
            if let Some(arn) = surveyed.plan.arn.filter(|_| ground.claims().is_begun(name)) {
                self.finish(&ground, name, &arn).await?;
            }
            noted::note(self.ledger, self.clock(), &[declared]).await?;
            return Ok(Kept::Done { calls: 0 });
        }
        let guard = Guard {
            rules: Some(rules.version.clone()),
            lease: Some(lease.fence),
            orders: Some(orders.version),
            charges: Vec::new(),
        };
        // INVARIANT: nothing is begun under other rules, other orders or another's lease.
        self.ledger.write(&[], &guard).await?;
        let run = format!("{}-{}", lease.fence.0, self.clock().now().as_microsecond());
        let arn = surveyed.plan.arn.clone();
        if let Some(arn) = arn.as_ref().filter(|_| surveyed.plan.adopts || found_again) {
            claims::claim(self.ledger, self.clock(), (name, arn), surveyed.plan.adopts).await?;
        }
        noted::strike(self.ledger, self.clock(), name).await?;
        let mut under = Under { lease, guard, run };
        let changes = surveyed.plan.changes;
        let done = if let Some(arn) = arn {
            let digest = digest(rules, &changes);
            if let Some(begun) = ground.claims().begun(name).filter(|begun| begun.changes == digest) {
                begun.run.clone_into(&mut under.run);
            }
            let kept = self.edit(&mut under, (name, &digest), &arn, &changes).await;
            if let (Ok(Kept::Done { .. }), Wanted::There(content)) = (&kept, &declared.wanted) {
                // Rules that select it by its tags find it by these from now on, whenever they were last read.
                let tags = serde_json::to_value(&content.tags)
                    .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
                let seen = Seen { id: arn.to_string(), value: tags, at: self.clock().now() };
                self.ledger.remember(SeenKind::PermissionSetTags, &[seen]).await?;
            }
            kept
        } else {
            let mark = ground.claims().mark_of(name).map_or_else(|| under.run.clone(), str::to_owned);
            self.make(&mut under, (name, &mark), &changes).await
        };
        match done {
            Ok(kept) => {
                noted::note(self.ledger, self.clock(), &[declared]).await?;
                Ok(kept)
            }
            Err(Broken::Ledger(error)) => Err(error.into()),
            Err(Broken::Call(call, why)) => Ok(Kept::Failed { call, why }),
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
        if let Some(first) = outdates {
            let (changes, run, call) = (digest.to_owned(), under.run.clone(), first.call().to_owned());
            claims::edit(self.ledger, self.clock(), name, Begun { changes, run, call }).await?;
            self.mark(&under.run, arn, first.call(), "begun").await?;
        }
        for change in changes {
            self.tried(under, change.call(), || self.writer.change(arn, change)).await?;
        }
        if let Some(first) = outdates {
            self.mark(&under.run, arn, first.call(), "done").await?;
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

    /// The last call of a run was made, and the run has died of something: what was left to be written down is.
    async fn finish(&self, ground: &Ground, name: &str, arn: &PermissionSetArn) -> Result<(), LedgerError> {
        if let Some(Begun { run, call, .. }) = ground.claims().begun(name) {
            self.mark(run, arn, call, "done").await?;
        }
        claims::made(self.ledger, name).await
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
