//! How many requests may be under way at once, and whether those that take away count.
//!
//! All are sent at the same time, so that none has ended before the last is sent. A permission set's first assignment in an account makes a
//! role there, and roles of an account are made one at a time: so each permission set is there with one principal before.

use std::collections::BTreeSet;

use shared::{
    domain::{AssignmentKey, Operation, PermissionSetArn, RequestId},
    ports::{PortError, RequestListing},
};

use super::{
    LIST_EVERY, LOOK_EVERY, Prober, Trouble,
    hands::{LOOKED_THROUGH, Sent},
};
use crate::{failure::ProbeFailure, report::Window};

/// How many are sent at the same time at most: AWS's pages say 15, or 10, and take 20 calls a second.
const AT_ONCE: usize = 20;
/// How often calls that came too fast are sent again.
const VOLLEYS: usize = 4;
/// How many are needed, besides one for each permission set, to see a window of 15.
pub(super) const TO_SEE: usize = 16;

/// The keys, by what they are for.
struct Keys {
    /// The first of each permission set that has several.
    first: Vec<AssignmentKey>,
    /// Those that are made at once.
    rest: Vec<AssignmentKey>,
}

impl Keys {
    fn of(keys: &[AssignmentKey]) -> Self {
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        let mut seen: BTreeSet<&PermissionSetArn> = BTreeSet::new();
        for key in keys {
            if seen.insert(&key.permission_set) {
                first.push(key.clone());
            } else if rest.len() < AT_ONCE {
                rest.push(key.clone());
            }
        }
        first.retain(|first| rest.iter().any(|key| key.permission_set == first.permission_set));
        Self { first, rest }
    }
}

/// How many assignments there are at a time at most.
pub(super) fn most(keys: &[AssignmentKey]) -> usize {
    let Keys { first, rest } = Keys::of(keys);
    first.len() + rest.len()
}

/// What came of sending as many as there are.
#[derive(Default)]
struct Filled {
    sent: Vec<Sent>,
    /// Refused since the window was full.
    refused: Vec<AssignmentKey>,
    /// AWS's words for it.
    refusal: Option<String>,
}

impl Prober<'_> {
    /// Measures it with as many keys as there are.
    pub(super) async fn window(&self, keys: &[AssignmentKey]) -> Result<Window, Trouble> {
        let Keys { first, rest } = Keys::of(keys);
        if rest.is_empty() {
            return Err(Trouble::Told(format!(
                "it takes several principals: one more than are to be under way at once, so {} to see a window of 15",
                TO_SEE + 1
            )));
        }
        let all: Vec<AssignmentKey> = first.iter().chain(&rest).cloned().collect();
        self.wait_until_absent(&all).await?;
        for key in &first {
            let sent = self.send(Operation::Grant, key).await?;
            self.follow(&sent, false).await?;
        }
        let before = self.under_way(&[]).await?;
        let Filled { sent, refused, refusal } = self.fill(Operation::Grant, rest).await?;
        let listed = self.under_way(&sent).await?;
        let seen = self.follow_all(&sent).await?;
        let mut window = Window {
            accepted: sent.len(),
            under_way: listed.own.max(seen),
            refused: refused.len(),
            refusal,
            of_others: before.of_others.max(listed.of_others),
            deletes_count: None,
            deletes_why: None,
        };
        match (window.size(), refused.first()) {
            (Some(size), Some(one_more)) => match self.deletes_count(&sent, one_more, size).await {
                Ok(counts) => window.deletes_count = Some(counts),
                Err(Trouble::Told(why)) => window.deletes_why = Some(why),
                Err(fatal @ Trouble::Fatal(_)) => return Err(fatal),
            },
            (Some(_) | None, _) => {
                window.deletes_why = Some("that takes a window that is known to be full".to_owned());
            }
        }
        Ok(window)
    }

    /// Sends all at the same time, and again those that came too fast.
    async fn fill(&self, operation: Operation, mut keys: Vec<AssignmentKey>) -> Result<Filled, Trouble> {
        let mut filled = Filled::default();
        for _ in 0..VOLLEYS {
            let mut too_fast = Vec::new();
            let mut trouble = None;
            for (key, answer) in self.send_at_once(operation, &keys).await? {
                match answer {
                    Ok(sent) => filled.sent.push(sent),
                    Err(PortError::Throttled(_)) => too_fast.push(key),
                    Err(error) if is_full(&error) => {
                        filled.refused.push(key);
                        filled.refusal.get_or_insert_with(|| error.to_string());
                    }
                    Err(error) => trouble = Some(error),
                }
            }
            if let Some(error) = trouble {
                return Err(error.into());
            }
            if too_fast.is_empty() || !filled.refused.is_empty() {
                break;
            }
            self.clock.sleep(LIST_EVERY).await;
            keys = too_fast;
        }
        Ok(filled)
    }

    /// Fills the window with requests that take away, and sends one more that makes something.
    async fn deletes_count(
        &self,
        sent: &[Sent],
        one_more: &AssignmentKey,
        size: usize,
    ) -> Result<bool, Trouble> {
        let keys: Vec<AssignmentKey> = sent.iter().map(|sent| sent.key.clone()).collect();
        let there = self.present(&keys);
        if there.len() < size {
            let told = format!("of {size} assignments that were to be taken away, {} are there", there.len());
            return Err(Trouble::Told(told));
        }
        let deletes = self.fill(Operation::Revoke, there).await?;
        if deletes.sent.len() < size {
            self.follow_all(&deletes.sent).await?;
            let why = deletes.refusal.unwrap_or_else(|| "the others came too fast".to_owned());
            let told = format!("{} of {size} requests to take away were accepted: {why}", deletes.sent.len());
            return Err(Trouble::Told(told));
        }
        let answer = self.one_more(one_more).await?;
        let listed = self.under_way_of(Operation::Revoke, &deletes.sent).await?.own;
        let still = self.follow_all(&deletes.sent).await?.max(listed);
        match answer {
            Err(error) if is_full(&error) => Ok(true),
            Err(error) => Err(error.into()),
            Ok(made) => {
                self.follow_all(&[made]).await?;
                if still >= size {
                    return Ok(false);
                }
                let told = "requests to take away had ended before one more could be made";
                Err(Trouble::Told(told.to_owned()))
            }
        }
    }

    /// Sends one, and again if it came too fast.
    async fn one_more(&self, key: &AssignmentKey) -> Result<Result<Sent, PortError>, ProbeFailure> {
        let mut answer = self.send_once(Operation::Grant, key).await?;
        for _ in 1..VOLLEYS {
            if !matches!(answer, Err(PortError::Throttled(_))) {
                break;
            }
            self.clock.sleep(LOOK_EVERY).await;
            answer = self.send_once(Operation::Grant, key).await?;
        }
        Ok(answer)
    }

    /// How many requests are under way by the lists: these, and any others.
    async fn under_way(&self, sent: &[Sent]) -> Result<UnderWay, Trouble> {
        let grants = self.under_way_of(Operation::Grant, sent).await?;
        let revokes = self.under_way_of(Operation::Revoke, sent).await?;
        Ok(UnderWay { own: grants.own, of_others: grants.of_others + revokes.of_others })
    }

    async fn under_way_of(&self, operation: Operation, sent: &[Sent]) -> Result<UnderWay, Trouble> {
        let own: BTreeSet<&RequestId> = sent.iter().map(|sent| &sent.request).collect();
        let listing = RequestListing::InProgress;
        let listed = self.patiently(async || self.access.requests(operation, listing, LOOKED_THROUGH).await);
        let listed = listed.await?;
        let found = listed.iter().filter(|one| own.contains(&one.id)).count();
        let of_others = listed.iter().filter(|one| !self.journal.knows(&one.id)).count();
        Ok(UnderWay { own: found, of_others })
    }
}

/// Requests under way.
struct UnderWay {
    own: usize,
    of_others: usize,
}

/// Whether AWS says that too many are under way: by the throttle of that kind, or as a quota.
fn is_full(error: &PortError) -> bool {
    match error {
        PortError::WindowFull(_) => true,
        PortError::Refused(text) => text.contains("ServiceQuotaExceeded"),
        PortError::Throttled(_)
        | PortError::Conflict(_)
        | PortError::Denied(_)
        | PortError::Unassumed(_)
        | PortError::Barred(_)
        | PortError::NotFound(_)
        | PortError::Failed(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(sets: usize, groups: usize) -> Vec<AssignmentKey> {
        let key = |set: usize, group: usize| AssignmentKey {
            account: "200000000001".parse().unwrap(),
            permission_set: format!("arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-{set:016}")
                .parse()
                .unwrap(),
            principal: format!("group:f10fac16-ab5b-45c3-86c1-{group:012}").parse().unwrap(),
        };
        (0..sets).flat_map(|set| (0..groups).map(move |group| key(set, group))).collect()
    }

    #[test]
    fn one_of_each_permission_set_is_there_first_and_a_set_with_one_principal_is_left_out() {
        assert_eq!(most(&keys(1, 1)), 0);
        assert_eq!(most(&keys(3, 1)), 0);
        assert_eq!(most(&keys(1, 17)), 17);
        assert_eq!(most(&keys(2, 9)), 18);
        assert_eq!(most(&keys(1, 99)), 1 + AT_ONCE);
        let Keys { first, rest } = Keys::of(&keys(2, 3));
        assert_eq!((first.len(), rest.len()), (2, 4));
        assert!(rest.iter().all(|key| !first.contains(key)));
    }
}
