//! What would happen to a permission set, for a person who asks. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ReprovisionError, Reprovisioner, reading::Looking};
use crate::{
    domain::{AccountId, Mode, PermissionSetArn},
    ledger::{Campaign, LeftOut},
    reprovision::{Found, Next, Standing},
};

/// How a permission set stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Its campaign, if there is one.
    pub campaign: Option<Campaign>,
    /// What the campaign does next.
    pub next: Option<Next>,
    /// Outdated accounts that may be written to, by their waves, counted from 0.
    pub waves: BTreeMap<usize, Vec<AccountId>>,
    /// How many waves the rules name.
    pub named_waves: usize,
    /// Outdated accounts that are not written to.
    pub left_out: BTreeMap<AccountId, LeftOut>,
    /// The waves, counted from 0, in which outdated accounts are left out.
    pub left_out_waves: BTreeSet<usize>,
    /// The rules only observe: nothing is sent.
    pub observed: bool,
    /// The permission set doesn't exist any more.
    pub gone: bool,
}

impl Reprovisioner<'_> {
    /// Whether nothing is sent while the rules only observe. A push needs to know no more of its permission set: it is on record before AWS is asked
    /// anything of the accounts.
    pub async fn is_observed(&self) -> Result<bool, ReprovisionError> {
        self.check_instance().await?;
        let rules = self.reader.rulebook.rules(self.ledger).await?;
        Ok(rules.index.settings().mode == Mode::Observe)
    }

    /// Looks at one permission set.
    pub async fn outlook(&self, permission_set: &PermissionSetArn) -> Result<Outlook, ReprovisionError> {
        self.check_instance().await?;
        let rules = self.reader.rulebook.rules(self.ledger).await?;
        let orders = self.ledger.orders().await?;
        let policy = self.policy(&rules, &orders);
        let campaign = self.ledger.campaign(permission_set).await?;
        let now = self.clock().now();
        let asked = campaign.clone().unwrap_or_else(|| Campaign::found(permission_set.clone(), now));
        // Its waves are told even where a push goes through them.
        let asked = Campaign { pushed: None, ..asked };
        let (found, gone) = match self.found(&asked, &rules, Timestamp::MAX).await? {
            Looking::Found(found) => (found, false),
            Looking::Gone | Looking::Unfinished => (Found::default(), true),
        };
        let (mut waves, mut left_out) = (BTreeMap::<usize, Vec<AccountId>>::new(), BTreeMap::new());
        let mut left_out_waves = BTreeSet::new();
        for account in found.outdated {
            let standing = found.standing.get(&account);
            if let Some(why) = Standing::left_out(standing, &account, &policy) {
                left_out_waves.extend(standing.map(|standing| standing.wave));
                left_out.insert(account, why);
            } else {
                let wave = standing.map_or(0, |standing| standing.wave);
                waves.entry(wave).or_default().push(account);
            }
        }
        let next = campaign.as_ref().map(|campaign| campaign.next(&policy, now));
        let (named_waves, observed) = (policy.rules.waves.len(), policy.mode == Mode::Observe);
        Ok(Outlook { campaign, next, waves, named_waves, left_out, left_out_waves, observed, gone })
    }
}
