//! Requests to provision that are under way: one message each, that comes back with growing delays.

use std::time::Duration;

use jiff::Timestamp;

use super::change;
use crate::{
    domain::{PermissionSetArn, ProvisioningTarget, RequestId},
    engine::{PollEnd, PollError, Polled, Poller},
    ledger::{Campaign, Sent},
    ports::{Message, PortError, Queue, RequestStatus},
    provisioning::next_provisioning_look,
    reprovision::Ended,
};

/// A request that takes so long keeps its place among those that AWS takes at once, and holds up nothing else any more.
const GIVEN_UP: Duration = Duration::from_hours(6);
const STUCK: &str = "AWS has not come to an end with it in six hours";

/// A request to provision, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProvisioningPoll {
    pub permission_set: PermissionSetArn,
    /// When its campaign began.
    pub began: Timestamp,
    pub target: ProvisioningTarget,
    /// When it was claimed: together with the target it names the claim.
    pub claimed_at: Timestamp,
    pub request: RequestId,
}

impl ProvisioningPoll {
    /// The delay before the first look.
    pub(super) const FIRST_LOOK: Duration = Duration::from_secs(5);

    /// What looks after a request of a campaign; `None` as long as AWS's answer is not written down.
    pub fn of(campaign: &Campaign, sent: &Sent) -> Option<Self> {
        Some(Self {
            permission_set: campaign.permission_set.clone(),
            began: campaign.began,
            target: sent.target.clone(),
            claimed_at: sent.at,
            request: sent.request.clone()?,
        })
    }

    /// Sends it, to be looked at after a while.
    pub(super) async fn send(
        &self,
        queue: &dyn Queue,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), PortError> {
        let body = serde_json::to_string(&serde_json::json!({ super::super::poll::PROVISIONING: self }));
        let message = Message {
            group: "provisioning".to_owned(),
            // Fresh each time: the next look must never be taken for the one before.
            deduplication: format!("poll-{}-{}", now.as_microsecond(), self.request),
            body: body.map_err(|error| PortError::Refused(error.to_string()))?,
            delay: delay.min(Duration::from_mins(15)),
        };
        queue.send(&[message]).await
    }
}

impl Poller<'_> {
    /// Looks once at a request to provision, and sends the message on if it has to be looked at again.
    pub async fn look_at_provisioning(&self, poll: &ProvisioningPoll) -> Result<Polled, PollError> {
        let polled = self.provisioning_once(poll).await?;
        if let Polled::Again(delay) = polled {
            poll.send(self.polls, self.clock.now(), delay).await.map_err(PollError::Queue)?;
        }
        Ok(polled)
    }

    async fn provisioning_once(&self, poll: &ProvisioningPoll) -> Result<Polled, PollError> {
        let ProvisioningPoll { permission_set, began, target, claimed_at, request } = poll;
        let campaign = self.ledger.campaign(permission_set).await?;
        let stands = campaign.filter(|campaign| campaign.began == *began);
        if stands.is_none_or(|campaign| campaign.claimed(target, *claimed_at).is_none()) {
            return Ok(Polled::Done(PollEnd::Overtaken));
        }
        let waited = Duration::try_from(self.clock.now().duration_since(*claimed_at)).unwrap_or_default();
        let again = Polled::Again(next_provisioning_look(waited));
        let ended = match self.access.provisioning(request).await {
            Ok(Some(found)) => match found.status {
                RequestStatus::InProgress if waited < GIVEN_UP => return Ok(again),
                RequestStatus::InProgress => Ended::Failed(STUCK.to_owned()),
                RequestStatus::Succeeded => Ended::Succeeded,
                RequestStatus::Failed(reason) => Ended::Failed(reason),
            },
            Ok(None) => Ended::Unknown,
            Err(error) if error.is_transient() => return Ok(again),
            Err(source) => return Err(PollError::Access { request: request.clone(), source }),
        };
        let end = match &ended {
            Ended::Succeeded => PollEnd::Provisioned,
            Ended::Failed(_) | Ended::Unknown => PollEnd::NotProvisioned,
        };
        let now = self.clock.now();
        let mut taken = false;
        change(self.ledger, self.clock, (permission_set, *began), |campaign| {
            taken = campaign.ended(target, *claimed_at, ended.clone(), now);
            taken
        })
        .await?;
        Ok(Polled::Done(if taken { end } else { PollEnd::Overtaken }))
    }
}
