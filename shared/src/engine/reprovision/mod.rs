//! Reprovisioning: an edited permission set reaches its accounts. What a campaign does next is decided in [`crate::reprovision`].
//!
//! ```text
//! reading   which accounts have an old version, and how they stand
//! send      under the engine's lease: claims, calls, answers
//! follow    one request under way -> its end; what poll-provisioning does with its messages
//! outdated  the schedule's look for what no event told
//! records   what campaigns came to
//! outlook   what would happen, for a person who asks
//! ```

mod follow;
mod mark;
mod outdated;
mod outlook;
mod reading;
mod records;
mod send;

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

pub use follow::ProvisioningPoll;
pub(super) use mark::mark;
pub use mark::{Mark, push};
pub use outlook::Outlook;
use reading::Looking;
use records::end;
pub use records::records;

use super::{EngineSettings, OutlineError, ReadError, Reader, RulesOnHand, reading::owner};
use crate::{
    domain::{InstanceArn, PermissionSetArn},
    ledger::{Campaign, CampaignEnd, Orders, Stage},
    metrics::Metric,
    ports::{AccessReader, AccessWriter, Clock, Guard, Ledger, LedgerError, PortError, Queue, SeenKind},
    reprovision::{Looked, Next, Policy, Waiting, Why},
};

const FUNCTION: &str = "reprovision";

/// How reprovisioning goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReprovisionSettings {
    /// How often all permission sets are looked at, for edits that no event told of.
    pub every: Duration,
    /// Whether that is done at all.
    pub looks: bool,
    /// How long one run lasts at most.
    pub run_for: Duration,
}

impl Default for ReprovisionSettings {
    fn default() -> Self {
        Self { every: Duration::from_mins(15), looks: true, run_for: Duration::from_secs(50) }
    }
}

/// The pause before another try for the lease: a run of the engine that ends leaves it free for about as long.
const KNOCK: SignedDuration = SignedDuration::from_millis(250);

/// The pause between two looks at what is under way.
const GLANCE: SignedDuration = SignedDuration::from_secs(5);

/// A run stays up for a request that is no older than this: what takes longer is for the messages alone.
const STAYED_UP_FOR: SignedDuration = SignedDuration::from_mins(2);

/// A run stays up for what is due so soon; the next one comes within the minute.
const WORTH_STAYING: SignedDuration = SignedDuration::from_secs(15);

/// A request whose message has not been heard of for so long gets another one.
const FOLLOWED_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// So many campaigns are looked at before what is ready is sent: a look at thousands of accounts takes a while.
const LOOKS_AT_A_TIME: usize = 3;

/// How often a campaign is read anew where another has changed it meanwhile.
const TRIES: usize = 5;

/// Why a run broke off. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum ReprovisionError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Outline(#[from] OutlineError),
    #[error("cannot ask which accounts have an old version of `{permission_set}`")]
    Outdated { permission_set: PermissionSetArn, source: PortError },
    #[error("cannot list the permission sets")]
    PermissionSets(#[source] PortError),
    #[error("cannot list the requests to provision that are under way")]
    UnderWay(#[source] PortError),
    #[error("cannot provision `{permission_set}`")]
    Provision { permission_set: PermissionSetArn, source: PortError },
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
    #[error(
        "the ledger belongs to the instance `{ledger}`, and this is `{here}`: use the ledger of this instance"
    )]
    OtherInstance { ledger: InstanceArn, here: InstanceArn },
}

impl ReprovisionError {
    /// What AWS said.
    fn of_aws(&self) -> Option<&PortError> {
        match self {
            Self::Read(
                ReadError::Account { account: _, source }
                | ReadError::Assignments { account: _, source }
                | ReadError::Organization(source)
                | ReadError::Instance(source),
            )
            | Self::Outline(OutlineError::Organization(source))
            | Self::Outdated { permission_set: _, source }
            | Self::Provision { permission_set: _, source }
            | Self::PermissionSets(source)
            | Self::UnderWay(source) => Some(source),
            Self::Read(
                ReadError::NoRules
                | ReadError::FetchRules { .. }
                | ReadError::Rules { .. }
                | ReadError::Ledger(_)
                | ReadError::OtherInstance { .. },
            )
            | Self::Ledger(_)
            | Self::Outline(OutlineError::Ledger(_))
            | Self::Queue(_)
            | Self::OtherInstance { .. } => None,
        }
    }

    /// Whether AWS may answer the same a little later.
    fn is_transient(&self) -> bool {
        self.of_aws().is_some_and(PortError::is_transient)
    }

    /// Whether it may be one permission set's, or one account's, and is nothing to stop others for.
    fn is_of_one_set(&self) -> bool {
        let (Self::Outdated { permission_set: _, source }
        | Self::Read(ReadError::Account { account: _, source })) = self
        else {
            return is_refused(self);
        };
        !matches!(source, PortError::Barred(_))
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ReprovisionSummary {
    /// Requests that AWS has accepted.
    pub sent: usize,
    /// Campaigns that are over.
    pub ended: usize,
    /// Campaigns that could not be gone on with; the log says why.
    pub troubled: usize,
    /// Permission sets that were found outdated without any event.
    pub found: usize,
    /// Campaigns that wait, or are under way.
    pub open: usize,
    /// The engine held the lease all the time.
    pub held_off: bool,
}

/// What one round over all campaigns came to.
#[derive(Debug, Default)]
struct Round {
    sent: usize,
    ended: usize,
    troubled: usize,
    open: usize,
    held_off: bool,
    under_way: bool,
    /// When the next one is due that waits for its time.
    again: Option<Timestamp>,
}

impl Round {
    fn waits(&mut self, waiting: &Waiting) {
        self.again = match (self.again, waiting.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// The looks of a run.
#[derive(Debug)]
struct Looks {
    /// None is begun any more.
    until: Timestamp,
    /// What was looked at, and when: the others come first.
    looked: BTreeMap<PermissionSetArn, Timestamp>,
    /// How many more there may be in this round.
    left: usize,
}

impl Looks {
    /// Whether one more may be made now; takes it if so.
    fn may(&mut self, permission_set: &PermissionSetArn, now: Timestamp) -> bool {
        if now >= self.until {
            return false;
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.looked.insert(permission_set.clone(), now);
        true
    }
}

/// Brings edited permission sets to their accounts.
#[derive(Clone, Copy)]
pub struct Reprovisioner<'a> {
    pub reader: Reader<'a>,
    /// SSO Admin for what is done under the engine's lease: the engine's share of the rate is free then.
    pub in_charge: &'a dyn AccessReader,
    pub writer: &'a dyn AccessWriter,
    pub ledger: &'a dyn Ledger,
    /// Where requests under way are looked after.
    pub polls: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    pub settings: EngineSettings,
    pub schedule: ReprovisionSettings,
    /// The only permission set that it goes on with; all where there is none.
    pub only: Option<&'a PermissionSetArn>,
}

impl std::fmt::Debug for Reprovisioner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reprovisioner")
            .field("settings", &self.settings)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// What a campaign is to do, after everything that needs no lease.
enum Advanced {
    Waits(Waiting),
    Sends,
    Over,
}

impl Reprovisioner<'_> {
    fn clock(&self) -> &dyn Clock {
        self.reader.clock
    }

    /// Whether it goes on with this one.
    fn concerns(&self, campaign: &Campaign) -> bool {
        self.only.is_none_or(|only| *only == campaign.permission_set)
    }

    fn policy<'p>(&self, rules: &'p RulesOnHand, orders: &'p Orders) -> Policy<'p> {
        Policy {
            rules: rules.index.reprovision(),
            mode: rules.index.settings().mode,
            orders,
            management: self.settings.management,
            settle_after: super::signed(self.settings.settle_after),
        }
    }

    /// Goes on with all campaigns, and looks for what no event told, until nothing is left to do now or `until` has come. `holder` names
    /// this run in the lease.
    pub async fn run(&self, holder: &str, until: Timestamp) -> Result<ReprovisionSummary, ReprovisionError> {
        let until = until.min(self.clock().now() + super::signed(self.schedule.run_for));
        let mut summary = ReprovisionSummary::default();
        self.check_instance().await?;
        let mut looks = Looks { until, looked: BTreeMap::new(), left: 0 };
        let mut look = if self.schedule.looks { self.outdated_look().await? } else { None };
        loop {
            // Each round goes by those that are in force then.
            let Some(rules) = self.reader.rulebook.if_any(self.ledger).await? else {
                // What is due waits for them.
                return Ok(summary);
            };
            let round = self.round(&rules, holder, &mut looks).await?;
            summary.sent += round.sent;
            summary.ended += round.ended;
            summary.troubled += round.troubled;
            (summary.open, summary.held_off) = (round.open, round.held_off);
            let looks_on = self.look_on(&mut look, &rules, until, &mut summary).await?;
            let now = self.clock().now();
            let soon = |at: &Timestamp| *at <= now + WORTH_STAYING;
            let next = if looks_on {
                Some(now)
            } else if round.held_off {
                Some(now + KNOCK)
            } else if round.sent > 0 || round.under_way {
                Some(round.again.filter(soon).unwrap_or(now + GLANCE).min(now + GLANCE))
            } else {
                round.again.filter(soon)
            };
            let Some(next) = next.filter(|next| *next < until) else { return Ok(summary) };
            // A look goes on at once, at its own pace.
            if !looks_on {
                let pause = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                self.clock().sleep(pause.max(Duration::from_millis(1))).await;
            }
        }
    }

    /// Calls go to a usable instance, and the ledger is of that one.
    async fn check_instance(&self) -> Result<(), ReprovisionError> {
        let here = self.reader.access.instance().await.map_err(ReadError::Instance)?.arn;
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        match owner(&facts) {
            Some(ledger) if ledger != here => Err(ReprovisionError::OtherInstance { ledger, here }),
            Some(_) | None => Ok(()),
        }
    }

    /// Goes on with each campaign as far as it can be now.
    async fn round(
        &self,
        rules: &RulesOnHand,
        holder: &str,
        looks: &mut Looks,
    ) -> Result<Round, ReprovisionError> {
        let orders = self.ledger.orders().await?;
        let policy = self.policy(rules, &orders);
        let mut round = Round::default();
        let mut sends = false;
        let mut campaigns = self.ledger.campaigns().await?;
        campaigns.retain(|campaign| self.concerns(campaign));
        let now = self.clock().now();
        campaigns.sort_by_cached_key(|campaign| {
            (campaign.rank(&policy, now), looks.looked.get(&campaign.permission_set).copied(), campaign.began)
        });
        looks.left = LOOKS_AT_A_TIME;
        for campaign in campaigns {
            let permission_set = campaign.permission_set.clone();
            let now = self.clock().now();
            round.under_way |= campaign.sent.iter().any(|sent| sent.at + STAYED_UP_FOR > now);
            match self.advance(campaign, rules, &policy, looks).await {
                Ok(Advanced::Waits(waiting)) => round.waits(&waiting),
                Ok(Advanced::Sends) => sends = true,
                Ok(Advanced::Over) => {
                    round.ended += 1;
                    continue;
                }
                // Somebody else goes on with it, or has turned it back: it is read anew.
                Err(ReprovisionError::Ledger(LedgerError::CampaignChanged(_))) => {
                    round.again = Some(self.clock().now());
                }
                Err(error @ ReprovisionError::Ledger(_)) if !is_refused(&error) => return Err(error),
                // One that can't be gone on with holds up no other.
                Err(error) => {
                    round.troubled += 1;
                    let error = crate::causes::joined(&error);
                    tracing::warn!(permission_set = %permission_set, error, "{permission_set}: {error}");
                }
            }
            round.open += 1;
        }
        if sends {
            self.send(holder, rules, &policy, &mut round).await?;
        }
        Ok(round)
    }

    /// Counts the accounts that it has not reached. It has not ended yet: after a crash they are counted once more.
    fn tell_failures(&self, campaign: &Campaign) {
        let Stage::Over { record } = &campaign.stage else { return };
        // Of a permission set that is gone nobody has anything.
        if record.end == CampaignEnd::Gone {
            return;
        }
        let behind = record.failed.len() + record.not_begun.len();
        if behind > 0 {
            let behind = u64::try_from(behind).unwrap_or(u64::MAX);
            Metric::NotReprovisioned.tell(FUNCTION, self.clock().now(), behind);
        }
    }

    /// Does all that needs no lease.
    async fn advance(
        &self,
        campaign: Campaign,
        rules: &RulesOnHand,
        policy: &Policy<'_>,
        looks: &mut Looks,
    ) -> Result<Advanced, ReprovisionError> {
        let mut campaign = self.tend(campaign, policy).await?;
        // What a look finds may be nothing to wait for, and then that it is over.
        for _ in 0..3 {
            match campaign.next(policy, self.clock().now()) {
                Next::Wait(waiting) => return Ok(Advanced::Waits(waiting)),
                Next::Send(_) => return Ok(Advanced::Sends),
                Next::Tell => {
                    self.tell_failures(&campaign);
                    end(self.ledger, &campaign).await?;
                    return Ok(Advanced::Over);
                }
                Next::Look => {}
            }
            let asked = self.clock().now();
            if !looks.may(&campaign.permission_set, asked) {
                return Ok(Advanced::Waits(Waiting { why: Why::Again, until: Some(asked) }));
            }
            let found = match self.found(&campaign, rules, looks.until).await? {
                Looking::Found(found) => Some(found),
                Looking::Gone => None,
                Looking::Unfinished => {
                    return Ok(Advanced::Waits(Waiting { why: Why::Again, until: Some(self.clock().now()) }));
                }
            };
            match campaign.clone().looked(found.as_ref(), policy, asked, self.clock().now()) {
                Looked::GoesOn(looked) => {
                    self.ledger.keep_campaign(&looked, &Guard::default()).await?;
                    campaign = Campaign { version: looked.version + 1, ..*looked };
                }
                // INVARIANT: marked before anything is told of it, so that an edit that comes meanwhile makes nothing untrue.
                Looked::Over(record) => {
                    let over = campaign.over_by(record);
                    self.ledger.keep_campaign(&over, &Guard::default()).await?;
                    campaign = Campaign { version: over.version + 1, ..over };
                }
            }
        }
        let until = Some(self.clock().now() + GLANCE);
        Ok(Advanced::Waits(Waiting { why: Why::Again, until }))
    }

    /// Sees to requests that nobody looks after: what was claimed and never answered, and messages that were lost.
    async fn tend(&self, mut campaign: Campaign, policy: &Policy<'_>) -> Result<Campaign, ReprovisionError> {
        let now = self.clock().now();
        let mut changed = campaign.settle(policy.settle_after, now);
        let polls: Vec<_> = campaign.sent.iter().map(|sent| ProvisioningPoll::of(&campaign, sent)).collect();
        for (sent, poll) in campaign.sent.iter_mut().zip(polls) {
            let lost = sent.followed_at.is_none_or(|at| at + FOLLOWED_AGAIN <= now);
            if let Some(poll) = poll.filter(|_| lost) {
                poll.send(self.polls, now, Duration::ZERO).await.map_err(ReprovisionError::Queue)?;
                sent.followed_at = Some(now);
                changed = true;
            }
        }
        if changed {
            self.ledger.keep_campaign(&campaign, &Guard::default()).await?;
            campaign.version += 1;
        }
        Ok(campaign)
    }
}

/// Whether the ledger does not take one campaign, whatever is tried: others it does.
fn is_refused(error: &ReprovisionError) -> bool {
    matches!(error, ReprovisionError::Ledger(LedgerError::Port(PortError::Refused(_))))
}

/// Changes a campaign as it is in the ledger, if it is still this one; `None` if it is not. `change` tells whether there is anything to
/// write.
async fn change(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    (permission_set, began): (&PermissionSetArn, Timestamp),
    mut change: impl FnMut(&mut Campaign) -> bool,
) -> Result<Option<Campaign>, LedgerError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let campaign = ledger.campaign(permission_set).await?;
        let Some(mut campaign) = campaign.filter(|campaign| campaign.began == began) else { return Ok(None) };
        if !change(&mut campaign) {
            return Ok(Some(campaign));
        }
        match ledger.keep_campaign(&campaign, &Guard::default()).await {
            Ok(()) => return Ok(Some(Campaign { version: campaign.version + 1, ..campaign })),
            Err(LedgerError::CampaignChanged(_)) if tries < TRIES => {}
            Err(LedgerError::Port(PortError::Conflict(_))) if tries < TRIES => {
                clock.sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
