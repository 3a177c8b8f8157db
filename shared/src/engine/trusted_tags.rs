//! Tags that rules go by: whoever sets them can give access, so it is told when one of them has changed since it was last looked at.
//!
//! They are compared wherever they are read to be decided by: in a look at an account, before anything is given by them, and in the sweep, for
//! what no event has told. What is kept of a value is a digest: neither it nor what it was before is told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::RulesOnHand;
use crate::{
    domain::{AccountId, PermissionSetArn, Tags, hex},
    ledger::Cause,
    metrics::Metric,
    outcome::{Happened, OfTag, Outcome},
    ports::{Ledger, LedgerError, Seen, SeenKind},
};

/// The fact that says of which keys a whole round of the sweep has looked at everything that could bear them.
const WHOLE: &str = "trusted-tags";

/// As many as these are asked for one by one; of more, all that is kept is read.
const FEW: usize = 3;

/// Of each trusted key, the digest of its value; none where there is no such tag.
type Digests = BTreeMap<String, Option<String>>;

/// Of these keys everything was looked at once: what bears one and was never looked at has come since.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Whole {
    accounts: BTreeSet<String>,
    permission_sets: BTreeSet<String>,
}

impl Whole {
    fn of(&self, of: &OfTag) -> &BTreeSet<String> {
        if of.account.is_some() { &self.accounts } else { &self.permission_sets }
    }
}

/// Who compares.
pub(super) struct TrustedTags<'a> {
    pub(super) ledger: &'a dyn Ledger,
    pub(super) rules: &'a RulesOnHand,
    pub(super) cause: &'a Cause,
    /// The function that tells.
    pub(super) function: &'static str,
    /// No tag was read before.
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}

impl TrustedTags<'_> {
    /// Compares tags that were read with those that were kept, tells what has changed or has come with something new, and keeps them. Tells
    /// how many that are.
    pub(super) async fn compare(
        &self,
        accounts: impl IntoIterator<Item = (&AccountId, &Tags)>,
        permission_sets: impl IntoIterator<Item = (&PermissionSetArn, &Tags)>,
    ) -> Result<usize, LedgerError> {
        let settings = self.rules.index.settings();
        let mut read: BTreeMap<String, (OfTag, Digests)> = BTreeMap::new();
        if !settings.trusted_account_tags.is_empty() {
            for (id, tags) in accounts {
                let of = OfTag { account: Some(id.clone()), ..OfTag::default() };
                read.insert(id.to_string(), (of, digests(&settings.trusted_account_tags, tags)));
            }
        }
        if !settings.trusted_permission_set_tags.is_empty() {
            for (arn, tags) in permission_sets {
                let of = OfTag { permission_set: Some(arn.clone()), ..OfTag::default() };
                read.insert(arn.to_string(), (of, digests(&settings.trusted_permission_set_tags, tags)));
            }
        }
        if read.is_empty() {
            return Ok(0);
        }
        let kept = self.kept(&read).await?;
        read.retain(|id, (_, digests)| {
            kept.get(id).is_none_or(|seen| was(seen).as_ref() != Some(digests) && seen.at <= self.since)
        });
        if read.is_empty() {
            return Ok(0);
        }
        let whole = self.whole().await?;
        let (mut told, mut first, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for (id, (of, digests)) in read {
            let before = kept.get(&id);
            let was = before.and_then(was).unwrap_or_default();
            // What has nothing to be compared with is news only if it was not there when everything was looked at.
            let is_news = |key: &String, digest: &Option<String>| match was.get(key) {
                Some(was) => was != digest,
                None => digest.is_some() && whole.of(&of).contains(key),
            };
            let news = digests.iter().filter(|(key, digest)| is_news(key, digest));
            let before_at = before.map(|seen| seen.at);
            told.extend(news.map(|(key, _)| self.outcome(&of, key, before_at)));
            let value = serde_json::to_value(&digests).unwrap_or_default();
            let kept = if before.is_some() { &mut changed } else { &mut first };
            kept.push(Seen { id, value, at: self.since });
        }
        // INVARIANT: kept to be told before it counts as told. A crash in between has it kept again, under the same id.
        if !told.is_empty() {
            self.ledger.tell(&told).await?;
            let number = u64::try_from(told.len()).unwrap_or(u64::MAX);
            Metric::TrustedTagChanged.tell(self.function, self.now, number);
        }
        // Another may have kept what it has read meanwhile, and read it later.
        self.ledger.remember_first(SeenKind::TrustedTags, &first).await?;
        self.ledger.remember(SeenKind::TrustedTags, &changed).await?;
        Ok(told.len())
    }

    /// Writes down that a whole round has looked at everything: whatever comes from now on with a trusted tag is told.
    pub(super) async fn looked_at_all(&self) -> Result<(), LedgerError> {
        let settings = self.rules.index.settings();
        let mut whole =
            Whole { accounts: settings.trusted_account_tags.clone(), permission_sets: BTreeSet::new() };
        // Tags of permission sets are read only where rules go by them.
        if !settings.trusted_permission_set_tags.is_empty() {
            let kept = self.ledger.recall(SeenKind::TrustedTags).await?;
            let of_sets = kept.iter().filter(|seen| seen.id.parse::<PermissionSetArn>().is_ok());
            let keys = of_sets.filter_map(was).flat_map(BTreeMap::into_keys);
            let trusted = |key: &String| settings.trusted_permission_set_tags.contains(key);
            whole.permission_sets.extend(keys.filter(trusted));
        }
        if self.whole().await? == whole {
            return Ok(());
        }
        let value = serde_json::to_value(&whole).unwrap_or_default();
        let seen = Seen { id: WHOLE.to_owned(), value, at: self.now };
        self.ledger.remember(SeenKind::Fact, &[seen]).await
    }

    async fn whole(&self) -> Result<Whole, LedgerError> {
        let seen = self.ledger.recall_one(SeenKind::Fact, WHOLE).await?;
        Ok(seen.and_then(|seen| serde_json::from_value(seen.value).ok()).unwrap_or_default())
    }

    async fn kept(
        &self,
        read: &BTreeMap<String, (OfTag, Digests)>,
    ) -> Result<BTreeMap<String, Seen>, LedgerError> {
        let mut kept = BTreeMap::new();
        if read.len() > FEW {
            let all = self.ledger.recall(SeenKind::TrustedTags).await?;
            kept.extend(all.into_iter().map(|seen| (seen.id.clone(), seen)));
        } else {
            for id in read.keys() {
                let seen = self.ledger.recall_one(SeenKind::TrustedTags, id).await?;
                kept.extend(seen.map(|seen| (id.clone(), seen)));
            }
        }
        Ok(kept)
    }

    fn outcome(&self, of: &OfTag, key: &str, before_at: Option<Timestamp>) -> Outcome {
        let happened = Happened::TrustedTagChanged(OfTag { key: key.to_owned(), ..of.clone() });
        let occasion = before_at.map(|at| at.to_string()).unwrap_or_default();
        let outcome = Outcome::new(happened, &occasion, self.now, self.cause.clone());
        outcome.by_rules([], Some(&self.rules.version))
    }
}

/// What was kept; none if it can't be read.
fn was(seen: &Seen) -> Option<Digests> {
    serde_json::from_value(seen.value.clone()).ok()
}

fn digests<'a>(trusted: impl IntoIterator<Item = &'a String>, tags: &Tags) -> Digests {
    let digest = |value: &str| hex(Sha256::digest(value).get(..8).unwrap_or_default());
    trusted.into_iter().map(|key| (key.clone(), tags.get(key).map(digest))).collect()
}

/// The tags of permission sets among what was learned.
pub(super) fn of_sets(learned: &BTreeMap<SeenKind, Vec<Seen>>) -> BTreeMap<PermissionSetArn, Tags> {
    let seen = learned.get(&SeenKind::PermissionSetTags).into_iter().flatten();
    let read = |seen: &Seen| Some((seen.id.parse().ok()?, serde_json::from_value(seen.value.clone()).ok()?));
    seen.filter_map(read).collect()
}
