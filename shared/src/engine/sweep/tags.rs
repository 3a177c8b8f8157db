//! Tags that rules go by: whoever sets them can give access, so it is told when one of their values has changed since it was last looked at.
//!
//! Only what a sweep reads anyway is compared. What is kept of a value is a digest: neither it nor what it was before is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Run, Sweep};
use crate::{
    domain::{Tags, hex},
    metrics::Metric,
    outcome::{Happened, OfTag, Outcome},
    ports::{LedgerError, Seen, SeenKind},
};

const FUNCTION: &str = "sweep";

/// Of each trusted key, the digest of its value; none where there is no such tag.
type Digests = BTreeMap<String, Option<String>>;

impl Sweep<'_> {
    /// Compares the trusted tags that this run has read with those that were kept, tells what has changed, and keeps them.
    pub(super) async fn compare_tags(&self, run: &Run<'_>) -> Result<usize, LedgerError> {
        let settings = run.look.rules.index.settings();
        let mut read: BTreeMap<String, (OfTag, Digests)> = BTreeMap::new();
        if !settings.trusted_account_tags.is_empty() {
            for (id, tags) in run.look.tags() {
                let of = OfTag { account: Some(id.clone()), ..OfTag::default() };
                read.insert(id.to_string(), (of, digests(&settings.trusted_account_tags, tags)));
            }
        }
        if !settings.trusted_permission_set_tags.is_empty() {
            for (arn, tags) in &run.set_tags {
                let digests = digests(&settings.trusted_permission_set_tags, tags);
                let of = OfTag { permission_set: Some(arn.clone()), ..OfTag::default() };
                read.insert(arn.to_string(), (of, digests));
            }
        }
        if read.is_empty() {
            return Ok(0);
        }
        let kept = self.ledger.recall(SeenKind::TrustedTags).await?;
        let kept: BTreeMap<String, Seen> = kept.into_iter().map(|seen| (seen.id.clone(), seen)).collect();
        let now = self.planner.reader.clock.now();
        let (mut told, mut changed) = (Vec::new(), Vec::new());
        for (id, (of, digests)) in read {
            let before = kept.get(&id);
            let was: Option<Digests> =
                before.and_then(|seen| serde_json::from_value(seen.value.clone()).ok());
            if was.as_ref() == Some(&digests) {
                continue;
            }
            // The first look has nothing to compare with, nor has that at a key which is trusted only now.
            let was = was.unwrap_or_default();
            let news = digests.iter().filter(|(key, digest)| was.get(*key).is_some_and(|was| was != *digest));
            let before_at = before.map(|seen| seen.at);
            told.extend(news.map(|(key, _)| outcome(run, &of, key, before_at, now)));
            let value = serde_json::to_value(&digests).unwrap_or_default();
            changed.push(Seen { id, value, at: now });
        }
        // INVARIANT: kept to be told before it counts as told. A crash in between has it kept again, under the same id.
        if !told.is_empty() {
            self.ledger.tell(&told).await?;
            Metric::TrustedTagChanged.tell(FUNCTION, now, u64::try_from(told.len()).unwrap_or(u64::MAX));
        }
        self.ledger.remember(SeenKind::TrustedTags, &changed).await?;
        Ok(told.len())
    }
}

fn outcome(run: &Run<'_>, of: &OfTag, key: &str, before_at: Option<Timestamp>, now: Timestamp) -> Outcome {
    let happened = Happened::TrustedTagChanged(OfTag { key: key.to_owned(), ..of.clone() });
    let occasion = before_at.map(|at| at.to_string()).unwrap_or_default();
    let outcome = Outcome::new(happened, &occasion, now, run.cause.clone());
    outcome.by_rules([], Some(&run.look.rules.version))
}

fn digests<'a>(trusted: impl IntoIterator<Item = &'a String>, tags: &Tags) -> Digests {
    let digest = |value: &str| hex(Sha256::digest(value).get(..8).unwrap_or_default());
    trusted.into_iter().map(|key| (key.clone(), tags.get(key).map(digest))).collect()
}
