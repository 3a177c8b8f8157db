//! Bringing rules into force: read, compared with those in force, kept, and only then pointed to.
//!
//! INVARIANT: the pointer is the truth. What tells of it (the history, the hints) is written so that a crash anywhere leaves nothing untold:
//! before others take their place, those in force are put on record once more; and that accounts are yet to be hinted is in the ledger
//! before the pointer moves, where the minute's tick finds it.

use jiff::{SignedDuration, Timestamp};

use super::{
    Inbox, InboxError,
    beyond::{told, weigh},
    consent,
};
use crate::{
    domain::RulesVersion,
    ledger::{Beyond, Cause, Forecast, Provenance, Publication, PublishedBy},
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, RulesInForce, RulesStore, Seen, SeenKind},
    rules::{self, Bundle, Index},
};

/// How the facts begin that name rules of which no account was hinted yet.
const UNHINTED: &str = "unhinted:";

/// After this long, rules that are not in force never came into force, or are no more.
const OVERTAKEN: SignedDuration = SignedDuration::from_hours(1);

/// Why rules did not come into force. Those that were in force still are.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the rules cannot be read")]
    Rules(#[from] Box<rules::Diagnostics>),
    #[error(
        "the rules are empty, which would take away all that the rules in force give, and which nobody can approve: keep at least one rule"
    )]
    Empty,
    #[error("the rules have shrunk from {before} to {after}, which looks like a mistake")]
    Shrunk { before: usize, after: usize },
    #[error(
        "they give what is beyond the scope of their team, in the organization as it is: {}. Narrow them, or have the scope widened in the root file",
        told(.0)
    )]
    BeyondScope(Vec<Beyond>),
    #[error(
        "version {}, in force since {since}, is newer than this object: upload it again if it is to hold",
        version.short()
    )]
    Overtaken { version: RulesVersion, since: Timestamp },
    #[error("cannot read the rules in force, to tell what is beyond a scope already")]
    Compare(#[source] PortError),
    #[error("cannot keep the rules")]
    Keep(#[source] PortError),
    #[error("cannot bring the rules into force")]
    Ledger(#[from] LedgerError),
}

/// Whether rules may come into force after those that are: not if they are empty, and if they have shrunk to less than half only
/// with consent to a plan under exactly these rules, given while exactly those were in force.
pub async fn may_follow(
    bundle: &Bundle,
    ledger: &dyn LedgerReader,
    now: Timestamp,
) -> Result<(), PublishError> {
    let in_force = ledger.rules_in_force().await?;
    follow(bundle, in_force.as_ref(), ledger, now).await.map(|_| ())
}

/// The rules, if they may come into force after these.
async fn follow(
    bundle: &Bundle,
    in_force: Option<&RulesInForce>,
    ledger: &dyn LedgerReader,
    now: Timestamp,
) -> Result<Index, PublishError> {
    let (version, index) = (bundle.version(), Index::compile(rules::read(bundle).map_err(Box::new)?));
    let after = index.rules().len();
    if in_force.is_some_and(|rules| rules.version == version) {
        return Ok(index);
    }
    if after == 0 {
        return Err(PublishError::Empty);
    }
    if let Some(others) = in_force.filter(|others| has_shrunk(others.rules, after)) {
        let journal = consent::journal(ledger).await?;
        if !journal.iter().any(|record| record.lets_shrink(&version, (&others.version, others.since), now)) {
            return Err(PublishError::Shrunk { before: others.rules, after });
        }
    }
    Ok(index)
}

/// Whether so few rules after so many look like a mistake.
pub(super) fn has_shrunk(before: usize, after: usize) -> bool {
    after < before.div_ceil(2)
}

/// Reads a bundle, keeps it, and brings it into force, for whoever carries it out himself: no account is hinted. The same bundle again
/// changes nothing.
pub async fn publish(
    bundle: &Bundle,
    store: &dyn RulesStore,
    ledger: &dyn Ledger,
    clock: &dyn Clock,
) -> Result<RulesInForce, PublishError> {
    publish_planned(bundle, &[], store, ledger, clock).await
}

/// The same for rules that were planned: refused where they were found to give something beyond the scope of their team.
pub async fn publish_planned(
    bundle: &Bundle,
    beyond: &[Beyond],
    store: &dyn RulesStore,
    ledger: &dyn Ledger,
    clock: &dyn Clock,
) -> Result<RulesInForce, PublishError> {
    let press = Press { store, ledger, clock };
    let in_force = ledger.rules_in_force().await?;
    Ok(press.run(bundle, None, (None, beyond), in_force.as_ref()).await?.rules)
}

/// Refuses rules that were found to make something new beyond the scope of their team ([`super::weigh`]). Those in force stay so: the
/// organization may have changed since, and what is beyond is withheld.
pub fn stay_in_scope(
    version: &RulesVersion,
    beyond: &[Beyond],
    in_force: Option<&RulesInForce>,
) -> Result<(), PublishError> {
    let refused: Vec<Beyond> = beyond.iter().filter(|beyond| beyond.refuses()).cloned().collect();
    if refused.is_empty() || in_force.is_some_and(|rules| rules.version == *version) {
        return Ok(());
    }
    Err(PublishError::BeyondScope(refused))
}

/// Rules in force, and whether they came into force just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub rules: RulesInForce,
    pub is_new: bool,
}

/// Where rules are kept and come into force.
#[derive(Clone, Copy)]
pub struct Press<'a> {
    pub store: &'a dyn RulesStore,
    pub ledger: &'a dyn Ledger,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Press<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Press").finish_non_exhaustive()
    }
}

impl Press<'_> {
    /// Reads a bundle, keeps it, and brings it into force. Every account is to be hinted of it: by [`hint_everywhere`], or by the next tick.
    /// The same bundle again changes nothing, but that it holds as of now. `after` is in whose place it was planned to come: if others are in
    /// force by now, it is [`LedgerError::RulesChanged`].
    pub async fn bring_into_force(
        &self,
        bundle: &Bundle,
        provenance: &Provenance,
        forecast: Option<&Forecast>,
        after: Option<&RulesInForce>,
    ) -> Result<Published, PublishError> {
        let beyond = forecast.map_or(&[][..], |forecast| &forecast.beyond);
        self.run(bundle, Some(provenance), (forecast, beyond), after).await
    }

    async fn run(
        &self,
        bundle: &Bundle,
        hinted: Option<&Provenance>,
        (forecast, beyond): (Option<&Forecast>, &[Beyond]),
        after: Option<&RulesInForce>,
    ) -> Result<Published, PublishError> {
        // What they were compared with is what they replace: looked at here, and once more when the pointer moves.
        let in_force = self.ledger.rules_in_force().await?;
        if in_force.as_ref() != after {
            return Err(LedgerError::RulesChanged.into());
        }
        let now = self.clock.now();
        if let Some(provenance) = hinted {
            is_not_overtaken(&bundle.version(), in_force.as_ref(), provenance)?;
        }
        let index = follow(bundle, in_force.as_ref(), self.ledger, now).await?;
        let beyond = weigh(beyond.to_vec(), &index, in_force.as_ref(), self.store).await?;
        stay_in_scope(&bundle.version(), &beyond, in_force.as_ref())?;
        let number = index.rules().len();
        self.store.keep(bundle).await.map_err(PublishError::Keep)?;
        let version = bundle.version();
        if let Some(same) = in_force.as_ref().filter(|rules| rules.version == version) {
            let rules = self.hold_as_of(same, hinted).await?;
            return Ok(Published { rules, is_new: false });
        }
        let provenance =
            hinted.cloned().unwrap_or(Provenance { by: PublishedBy::Command, as_of: now, said: None });
        let provenance = Some(not_before(in_force.as_ref(), provenance));
        let rules =
            RulesInForce { version, since: later_than(in_force.as_ref(), now), rules: number, provenance };
        if let Some(others) = &in_force {
            self.ledger.remember_first(SeenKind::Publication, &[record(others, None)?]).await?;
        }
        if hinted.is_some() {
            let seen = Seen { id: unhinted(&rules), value: serde_json::Value::Null, at: now };
            self.ledger.remember(SeenKind::Fact, &[seen]).await?;
        }
        self.ledger.bring_into_force(in_force.as_ref(), &rules).await?;
        self.ledger.remember(SeenKind::Publication, &[record(&rules, forecast)?]).await?;
        Ok(Published { rules, is_new: true })
    }

    /// The rules in force were asked for once more: what was asked for in between is older.
    async fn hold_as_of(
        &self,
        same: &RulesInForce,
        again: Option<&Provenance>,
    ) -> Result<RulesInForce, PublishError> {
        let Some(again) = again.filter(|again| again.as_of > as_of(same)) else { return Ok(same.clone()) };
        let rules = RulesInForce { provenance: Some(again.clone()), ..same.clone() };
        self.ledger.bring_into_force(Some(same), &rules).await?;
        Ok(rules)
    }
}

/// Now, and later than the rules before came into force, whatever this clock says: the order of versions is that of their times.
fn later_than(before: Option<&RulesInForce>, now: Timestamp) -> Timestamp {
    let just_after = |before: &RulesInForce| {
        before.since.checked_add(SignedDuration::from_micros(1)).unwrap_or(before.since)
    };
    before.map_or(now, |before| now.max(just_after(before)))
}

/// What a person says now is no older than what was in force, whatever this clock says; and newer than an upload that was, of which S3 may
/// tell once more. Times of objects are whole seconds.
fn not_before(before: Option<&RulesInForce>, provenance: Provenance) -> Provenance {
    let Provenance { by, as_of, said } = provenance;
    let after = |before: &RulesInForce| match before.provenance.as_ref().map(|provenance| &provenance.by) {
        Some(PublishedBy::Upload { .. }) => {
            let uploaded = self::as_of(before);
            uploaded.checked_add(SignedDuration::from_secs(1)).unwrap_or(uploaded)
        }
        Some(PublishedBy::Command | PublishedBy::Rollback) | None => self::as_of(before),
    };
    let as_of = match by {
        PublishedBy::Upload { .. } => as_of,
        PublishedBy::Command | PublishedBy::Rollback => {
            before.map_or(as_of, |before| as_of.max(after(before)))
        }
    };
    Provenance { by, as_of, said }
}

/// As of when rules hold.
fn as_of(rules: &RulesInForce) -> Timestamp {
    rules.provenance.as_ref().map_or(rules.since, |provenance| provenance.as_of)
}

/// Whether rules may take the place of others by their age. What a command brings is newer than all that is in force; the same rules are
/// never older than themselves.
pub(super) fn is_not_overtaken(
    version: &RulesVersion,
    in_force: Option<&RulesInForce>,
    Provenance { by, as_of, said: _ }: &Provenance,
) -> Result<(), PublishError> {
    let (Some(rules), PublishedBy::Upload { key }) = (in_force, by) else { return Ok(()) };
    let unknown = || Provenance { by: PublishedBy::Command, as_of: rules.since, said: None };
    let provenance = rules.provenance.clone().unwrap_or_else(unknown);
    if rules.version != *version && provenance.is_newer_than_upload(key, *as_of) {
        return Err(PublishError::Overtaken { version: rules.version.clone(), since: rules.since });
    }
    Ok(())
}

/// What the history holds of rules.
fn record(rules: &RulesInForce, forecast: Option<&Forecast>) -> Result<Seen, LedgerError> {
    let RulesInForce { version, since, rules, provenance } = rules;
    let publication = Publication {
        version: version.clone(),
        since: *since,
        rules: *rules,
        provenance: provenance.clone(),
        forecast: forecast.cloned(),
    };
    let value = serde_json::to_value(&publication)
        .map_err(|error| PortError::Refused(format!("a publication can't be kept: {error}")))?;
    Ok(Seen { id: Publication::id(version, *since), value, at: *since })
}

/// Every version that came into force, the oldest first; the one in force is the last.
pub async fn publications(ledger: &dyn LedgerReader) -> Result<Vec<Publication>, LedgerError> {
    let mut all = Vec::new();
    for Seen { id, value, at: _ } in ledger.recall(SeenKind::Publication).await? {
        let publication: Publication = serde_json::from_value(value)
            .map_err(|error| PortError::Refused(format!("the publication `{id}` can't be read: {error}")))?;
        all.push(publication);
    }
    // A crash may have kept the latest out of it.
    if let Some(rules) = ledger.rules_in_force().await? {
        let RulesInForce { version, since, rules, provenance } = rules;
        if !all.iter().any(|known| known.version == version && known.since == since) {
            all.push(Publication { version, since, rules, provenance, forecast: None });
        }
    }
    all.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.version.cmp(&b.version)));
    Ok(all)
}

/// The version that is gone back to if nobody names one: that before the rules in force came, not counting what was gone back from.
/// `None` where there was none.
pub fn version_before(publications: &[Publication], in_force: &RulesVersion) -> Option<RulesVersion> {
    let mut stand: Vec<&RulesVersion> = Vec::new();
    for Publication { version, since: _, rules: _, provenance, forecast: _ } in publications {
        let is_rollback = provenance.as_ref().is_some_and(|from| from.by == PublishedBy::Rollback);
        match stand.iter().rposition(|standing| *standing == version) {
            // What came after it was taken back.
            Some(at) if is_rollback => stand.truncate(at + 1),
            Some(_) | None => stand.push(version),
        }
    }
    let earlier = stand.into_iter().rev();
    earlier.skip_while(|version| *version != in_force).find(|version| *version != in_force).cloned()
}

/// Puts a look at every account into the inbox, since these rules came into force; tells how many.
pub async fn hint_everywhere(inbox: &Inbox<'_>, rules: &RulesInForce) -> Result<usize, InboxError> {
    // The same for whoever tells of them, so that the budgets of one publication are one.
    let id = format!("{}-{}", rules.version.short(), rules.since.as_microsecond());
    let hinted = inbox.everywhere(&Cause::new("rules", &id)).await?;
    inbox.ledger.unlearn(SeenKind::Fact, &[unhinted(rules)]).await?;
    Ok(hinted)
}

/// Hints every account of the rules in force, if that is yet to be done: a command leaves it to the tick, and a function may have crashed.
/// Tells how many accounts were hinted.
pub(super) async fn hint_if_nobody_did(inbox: &Inbox<'_>) -> Result<usize, InboxError> {
    let waiting = inbox.ledger.recall_below(SeenKind::Fact, UNHINTED).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut hinted = 0;
    let in_force = inbox.ledger.rules_in_force().await?;
    for fact in waiting {
        if let Some(rules) = in_force.as_ref().filter(|rules| unhinted(rules) == fact.id) {
            hinted += hint_everywhere(inbox, rules).await?;
        } else if fact.at + OVERTAKEN < inbox.clock.now() {
            inbox.ledger.unlearn(SeenKind::Fact, std::slice::from_ref(&fact.id)).await?;
        }
    }
    Ok(hinted)
}

fn unhinted(rules: &RulesInForce) -> String {
    format!("{UNHINTED}{}", Publication::id(&rules.version, rules.since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_changes_no_order() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let before = RulesInForce {
            version: "a".repeat(64).parse().unwrap(),
            since: at(0),
            rules: 1,
            provenance: Some(Provenance { by: PublishedBy::Command, as_of: at(0), said: None }),
        };
        assert_eq!(later_than(Some(&before), at(9)), at(9));
        assert!(later_than(Some(&before), at(-9)) > at(0) && later_than(Some(&before), at(-9)) < at(1));
        assert_eq!(later_than(None, at(-9)), at(-9));
        let said =
            |by, second| not_before(Some(&before), Provenance { by, as_of: at(second), said: None }).as_of;
        assert_eq!((said(PublishedBy::Rollback, -9), said(PublishedBy::Command, 9)), (at(0), at(9)));
        assert_eq!(said(PublishedBy::Upload { key: "k".into() }, -9), at(-9), "its time is S3's");
        let upload = Provenance { by: PublishedBy::Upload { key: "k".into() }, as_of: at(0), said: None };
        let before = RulesInForce { provenance: Some(upload), ..before };
        for by in [PublishedBy::Rollback, PublishedBy::Command] {
            for (second, as_of) in [(-9, 1), (0, 1), (9, 9)] {
                let said =
                    not_before(Some(&before), Provenance { by: by.clone(), as_of: at(second), said: None });
                assert_eq!(said.as_of, at(as_of));
                assert!(said.is_newer_than_upload("k", at(0)));
            }
        }
    }

    #[test]
    fn the_version_before_is_another_one() {
        let version = |digit: char| -> RulesVersion { digit.to_string().repeat(64).parse().unwrap() };
        let of = |digits: &str| -> Vec<Publication> {
            let one = |(second, digit)| Publication {
                version: version(digit),
                since: Timestamp::from_second(second).unwrap(),
                rules: 1,
                provenance: None,
                forecast: None,
            };
            (1_800_000_000..).zip(digits.chars()).map(one).collect()
        };
        assert_eq!(version_before(&of("abc"), &version('c')), Some(version('b')));
        assert_eq!(version_before(&of("abcc"), &version('c')), Some(version('b')));
        assert_eq!(
            version_before(&of("aba"), &version('a')),
            Some(version('b')),
            "somebody published it again"
        );
        assert_eq!(version_before(&of("a"), &version('a')), None);
        assert_eq!(version_before(&[], &version('a')), None);

        // What was gone back from is not offered again. Capitals are rollbacks.
        let back = |letters: &str| {
            let mut all = of(&letters.to_lowercase());
            for (publication, letter) in all.iter_mut().zip(letters.chars()) {
                let by = if letter.is_uppercase() { PublishedBy::Rollback } else { PublishedBy::Command };
                publication.provenance = Some(Provenance { by, as_of: publication.since, said: None });
            }
            let in_force = all.last().unwrap().version.clone();
            version_before(&all, &in_force)
        };
        assert_eq!(back("abA"), None);
        assert_eq!(back("abcB"), Some(version('a')));
        assert_eq!(back("bdeDB"), None);
        assert_eq!(back("abAc"), Some(version('a')));
        assert_eq!(back("abAbcB"), Some(version('a')));
        assert_eq!(back("bF"), Some(version('b')), "what it went back to is not on record");
    }
}
