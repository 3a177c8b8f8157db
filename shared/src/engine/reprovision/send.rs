//! Sending, under the engine's lease: whoever holds it is the only one that writes to AWS.
//!
//! It is held for a few calls, and not while anything is waited for; the engine is woken once it is free, since it may have been turned
//! away meanwhile.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;

use super::{ProvisioningPoll, ReprovisionError, Reprovisioner, Round, TRIES, change, is_refused};
use crate::{
    domain::{ProvisioningTarget, RequestId},
    engine::{ReadError, RulesOnHand, Wake},
    ledger::{Campaign, Lease, LeftOut, Sent},
    ports::{Guard, LedgerError, PortError, RequestListing},
    reprovision::{AT_ONCE, Next, Policy, Refusal},
};

/// A call may take so long; none is begun that could outlive the lease.
const CALL: SignedDuration = SignedDuration::from_secs(25);

/// Whether more may be sent in this round.
enum Goes {
    On,
    NoFurther,
}

/// What it is sent by: each claim holds only as long as all of these are in force.
#[derive(Clone, Copy)]
struct Under<'a> {
    lease: &'a Lease,
    rules: &'a RulesOnHand,
    policy: &'a Policy<'a>,
}

/// Whether an account may be written to.
enum Active {
    Yes(Campaign),
    /// The campaign as it is without it.
    No(Option<Campaign>),
    Unknown,
}

/// The first target in which no other campaign is at work; else the first.
fn preferred(
    targets: Vec<ProvisioningTarget>,
    busy: &BTreeSet<ProvisioningTarget>,
) -> Option<ProvisioningTarget> {
    let idle = targets.iter().position(|target| !busy.contains(target));
    targets.into_iter().nth(idle.unwrap_or(0))
}

impl Reprovisioner<'_> {
    /// Sends what fits, if the lease can be had.
    pub(super) async fn send(
        &self,
        holder: &str,
        rules: &RulesOnHand,
        policy: &Policy<'_>,
        round: &mut Round,
    ) -> Result<(), ReprovisionError> {
        let now = self.clock().now();
        let Some(lease) = self.ledger.acquire_lease(holder, now, self.settings.lease).await? else {
            round.held_off = true;
            return Ok(());
        };
        let sent = self.send_under(Under { lease: &lease, rules, policy }, round).await;
        self.ledger.release_lease(&lease).await?;
        if !self.ledger.work(1).await?.is_empty() {
            let now = self.clock().now();
            Wake::first().send(self.wake, now, Duration::ZERO).await.map_err(ReprovisionError::Queue)?;
        }
        match sent {
            // Whoever has it now goes on.
            Err(ReprovisionError::Ledger(
                LedgerError::LeaseLost
                | LedgerError::OrdersChanged
                | LedgerError::RulesChanged
                | LedgerError::CampaignChanged(_),
            )) => Ok(()),
            sent => sent,
        }
    }

    async fn send_under(&self, under: Under<'_>, round: &mut Round) -> Result<(), ReprovisionError> {
        round.under_way = true;
        let listed = self.in_charge.provisionings_page(RequestListing::InProgress, 100, None).await;
        let listed = match listed {
            Ok(page) => page.items,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(ReprovisionError::UnderWay(error)),
        };
        // Read under the lease: nobody else claims anything now.
        let mut campaigns = self.ledger.campaigns().await?;
        let sent = || campaigns.iter().flat_map(|campaign| &campaign.sent);
        let ids: BTreeSet<&RequestId> = listed
            .iter()
            .map(|item| &item.id)
            .chain(sent().filter_map(|sent| sent.request.as_ref()))
            .collect();
        let unanswered = sent().filter(|sent| sent.request.is_none()).count();
        // INVARIANT: everybody's requests count, and claims of which nobody knows.
        let mut free = AT_ONCE.saturating_sub(ids.len() + unanswered);
        let is_over =
            |sent: &Sent| sent.request.as_ref().is_some_and(|id| listed.iter().all(|item| item.id != *id));
        // What is done in an account by one campaign may be in conflict with another's.
        let mut busy: BTreeSet<ProvisioningTarget> = sent().map(|sent| sent.target.clone()).collect();
        campaigns.retain(|campaign| self.concerns(campaign));
        campaigns.sort_by_key(Campaign::turn);
        // In turn, so that a long one holds up no other.
        while free > 0 && !campaigns.is_empty() {
            let mut further = Vec::new();
            for campaign in campaigns {
                let now = self.clock().now();
                if free == 0 || now + CALL > under.lease.expires_at {
                    return Ok(());
                }
                let Next::Send(targets) = campaign.next(under.policy, now) else { continue };
                // It is over by now, and its message says so soon: what is left may be done by one request again.
                if campaign.all_under_way().is_some_and(is_over) {
                    continue;
                }
                let Some(target) = preferred(targets, &busy) else { continue };
                let claimed = target.clone();
                let permission_set = campaign.permission_set.clone();
                let (goes, campaign) = match self.send_one(under, campaign, target, round).await {
                    Err(error) if is_refused(&error) => {
                        round.troubled += 1;
                        let error = crate::causes::joined(&error);
                        tracing::warn!(%permission_set, error, "{permission_set}: {error}");
                        continue;
                    }
                    sent => sent?,
                };
                busy.insert(claimed);
                free -= 1;
                if matches!(goes, Goes::NoFurther) {
                    return Ok(());
                }
                further.extend(campaign);
            }
            campaigns = further;
        }
        Ok(())
    }

    /// Claims, sends, and writes the answer down; gives the campaign as it is then, if more of it may be sent.
    async fn send_one(
        &self,
        under: Under<'_>,
        campaign: Campaign,
        target: ProvisioningTarget,
        round: &mut Round,
    ) -> Result<(Goes, Option<Campaign>), ReprovisionError> {
        let campaign = match self.still_active(under, campaign, &target).await? {
            Active::Yes(campaign) => campaign,
            Active::No(campaign) => return Ok((Goes::On, campaign)),
            Active::Unknown => return Ok((Goes::NoFurther, None)),
        };
        let claimed_at = self.clock().now();
        let set = campaign.permission_set.clone();
        let name = (&set, campaign.began);
        if !self.claim(under, campaign, &target, claimed_at).await? {
            return Ok((Goes::On, None));
        }
        let answer = self.writer.provision(&set, &target).await;
        let now = self.clock().now();
        let (refusal, goes) = match answer {
            Ok(provisioning) => {
                let request = provisioning.id;
                let poll = ProvisioningPoll {
                    permission_set: set.clone(),
                    began: name.1,
                    target: target.clone(),
                    claimed_at,
                    request: request.clone(),
                };
                // The message first: it names the claim, so that it finds it whether the answer is written down or not.
                poll.send(self.polls, now, ProvisioningPoll::FIRST_LOOK)
                    .await
                    .map_err(ReprovisionError::Queue)?;
                round.sent += 1;
                let kept = change(self.ledger, self.clock(), name, |campaign| {
                    campaign.accepted(&target, claimed_at, &request, now);
                    true
                });
                return Ok((Goes::On, kept.await?));
            }
            // It may have arrived: the claim stays until that would show.
            Err(PortError::Failed(why)) => {
                tracing::warn!(permission_set = %set, error = %why, "{set}: no usable answer: {why}");
                return Ok((Goes::NoFurther, None));
            }
            Err(PortError::Throttled(why) | PortError::WindowFull(why)) => {
                (Refusal::Passing(why), Goes::NoFurther)
            }
            Err(PortError::Conflict(why)) => (Refusal::Conflict(why), Goes::On),
            // It is about this target: those that need no role may go.
            Err(error @ PortError::Unassumed(_)) => (Refusal::Conflict(error.to_string()), Goes::On),
            Err(PortError::Denied(why) | PortError::Refused(why)) => (Refusal::Lasting(why), Goes::On),
            Err(PortError::NotFound(why)) => (Refusal::NotFound(why), Goes::On),
            Err(source @ PortError::Barred(_)) => {
                let refusal = Refusal::Passing(source.to_string());
                let unclaim = change(self.ledger, self.clock(), name, |campaign| {
                    campaign.refused(&target, claimed_at, refusal.clone(), now);
                    true
                });
                unclaim.await?;
                return Err(ReprovisionError::Provision { permission_set: set.clone(), source });
            }
        };
        let kept = change(self.ledger, self.clock(), name, |campaign| {
            campaign.refused(&target, claimed_at, refusal.clone(), now);
            true
        });
        Ok((goes, kept.await?))
    }

    /// Asks once more whether an account that is about to be written to is active: the look may be minutes old. A request for all goes by
    /// a look that is fresh.
    async fn still_active(
        &self,
        under: Under<'_>,
        campaign: Campaign,
        target: &ProvisioningTarget,
    ) -> Result<Active, ReprovisionError> {
        let ProvisioningTarget::Account(id) = target else { return Ok(Active::Yes(campaign)) };
        let why = match self.reader.organization.account(id).await {
            Ok(Some(record)) if record.state.is_active() => {
                let is_time_left = self.clock().now() + CALL <= under.lease.expires_at;
                return Ok(if is_time_left { Active::Yes(campaign) } else { Active::Unknown });
            }
            Ok(Some(_)) => LeftOut::NotActive,
            Ok(None) => LeftOut::Departed,
            Err(error) if error.is_transient() => return Ok(Active::Unknown),
            Err(source) => return Err(ReadError::Account { account: id.clone(), source }.into()),
        };
        let name = (&campaign.permission_set, campaign.began);
        let kept = change(self.ledger, self.clock(), name, |campaign| {
            campaign.not_active(id, why);
            true
        });
        Ok(Active::No(kept.await?))
    }

    /// Writes down what is about to be sent; tells whether it may be.
    async fn claim(
        &self,
        under: Under<'_>,
        mut campaign: Campaign,
        target: &ProvisioningTarget,
        at: jiff::Timestamp,
    ) -> Result<bool, LedgerError> {
        campaign.claim(target.clone(), at);
        let guard = Guard {
            rules: Some(under.rules.version.clone()),
            lease: Some(under.lease.fence),
            orders: Some(under.policy.orders.version),
            charges: Vec::new(),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.ledger.keep_campaign(&campaign, &guard).await {
                Ok(()) => return Ok(true),
                // An edit has come: what is to be sent is decided again.
                Err(LedgerError::CampaignChanged(_)) => return Ok(false),
                // DynamoDB refuses writes that meet on an item that both only look at.
                Err(LedgerError::Port(PortError::Conflict(_))) if tries < TRIES => {
                    self.clock().sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
