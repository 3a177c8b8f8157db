//! All that a world holds, to be written down and taken up again later.
//!
//! What is left out is no state of AWS's: the log and its counters, the buckets of the rates, and what a call holds while it is made.

mod soundness;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use shared::domain::{AccountId, PermissionSetArn};

use super::{
    Due, Instance, Settings, World, assignments, creations, delivery, directory, ids, later, organization,
    permission_sets, provisionings, requests, turns,
};

pub(crate) use soundness::{MOST_COUNTED, Mistake};

/// A world at a time.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    /// The time that it was then.
    at: Timestamp,
    organization: organization::Organization,
    instances: Vec<Instance>,
    directory: directory::Directory,
    permission_sets: BTreeMap<PermissionSetArn, permission_sets::State>,
    assignments: assignments::Assignments,
    requests: requests::Requests,
    provisionings: provisionings::Provisionings,
    turns: turns::Turns,
    /// What will happen by itself, and when.
    #[serde(with = "crate::pairs")]
    due: BTreeMap<(Timestamp, u64), Due>,
    begun: u64,
    ids: ids::Ids,
    #[serde(with = "crate::pairs")]
    missing_policies: BTreeMap<(AccountId, PermissionSetArn), String>,
    /// The events that are on their way, or that nobody has taken yet.
    outbox: delivery::Outbox,
}

impl World {
    /// All that it holds now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: self.now,
            organization: self.organization.clone(),
            instances: self.instances.clone(),
            directory: self.directory.clone(),
            permission_sets: self.permission_sets.clone(),
            assignments: self.assignments.clone(),
            requests: self.requests.clone(),
            provisionings: self.provisionings.clone(),
            turns: self.turns.clone(),
            due: self.due.clone(),
            begun: self.begun,
            ids: self.ids.clone(),
            missing_policies: self.faults.missing_policies.clone(),
            outbox: self.outbox.clone(),
        }
    }

    /// A world that goes on where the snapshot was taken, from the time of its first call on: what was under way then has as long
    /// to go as it had.
    pub(crate) fn restored(settings: Settings, snapshot: Snapshot) -> Self {
        let Snapshot {
            at,
            organization,
            instances,
            directory,
            permission_sets,
            assignments,
            requests,
            provisionings,
            turns,
            due,
            begun,
            ids,
            missing_policies,
            outbox,
        } = snapshot;
        let mut world = Self::new(settings, organization.clone(), instances);
        world.organization = organization;
        world.directory = directory;
        world.permission_sets = permission_sets;
        world.assignments = assignments;
        world.requests = requests;
        world.provisionings = provisionings;
        world.turns = turns;
        world.due = due;
        world.begun = begun;
        world.ids = ids;
        world.faults.missing_policies = missing_policies;
        world.outbox = outbox;
        world.now = at;
        world.stood_still_since = Some(at);
        world.log.counters.most_outstanding = world.outstanding();
        world
    }

    /// Moves what is under way by the time that the world stood still; a world that has not been taken up yet does so now.
    pub(super) fn take_up(&mut self, now: Timestamp) {
        let Some(since) = self.stood_still_since.take() else { return };
        let still = now.duration_since(since);
        // A world that was hurried is left later than the present. It goes on from there, ahead of the clock from now on: if it waited for
        // the clock, nothing in it would end until then.
        self.ahead = std::time::Duration::try_from(-still).unwrap_or_default();
        if let Some(still) = std::time::Duration::try_from(still).ok().filter(|still| !still.is_zero()) {
            let due = std::mem::take(&mut self.due);
            self.due = due.into_iter().map(|((at, order), due)| ((later(at, still), order), due)).collect();
            self.outbox.put_off(still);
        }
    }
}

/// Reads how an account joined.
pub(super) fn joined_method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "CREATED" => Ok("CREATED"),
        "INVITED" => Ok("INVITED"),
        other => Err(unknown_word(other)),
    }
}

/// Reads how the making of an account ended.
pub(super) fn creation_outcome<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Result<AccountId, &'static str>>, D::Error> {
    let outcome: Option<Result<AccountId, String>> = Deserialize::deserialize(deserializer)?;
    Ok(match outcome {
        None => None,
        Some(Ok(account)) => Some(Ok(account)),
        Some(Err(reason)) => Some(Err(creations::failure(&reason).ok_or_else(|| unknown_word(&reason))?)),
    })
}

/// Reads how the making of an account is going to end.
pub(super) fn creation_failure<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'static str>, D::Error> {
    let reason: Option<String> = Deserialize::deserialize(deserializer)?;
    reason.map(|reason| creations::failure(&reason).ok_or_else(|| unknown_word(&reason))).transpose()
}

fn unknown_word<E: de::Error>(text: &str) -> E {
    E::custom(format!("`{text}` is no word of AWS's here"))
}
