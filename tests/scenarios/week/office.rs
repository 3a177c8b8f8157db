//! How people, the identity provider and AWS's support act, and that each change is followed.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::{domain::Account, ports::Clock as _};
use simulator::{ApiError, Caller, Operation, World, wire::organizations as org};

use super::{
    company::{self, Size},
    comparing::Comparing,
    following::{Change, Following},
    happenings::{Happening, Trouble},
    running::Running,
    signs,
};
use crate::scenarios::{chance::Chance, model::Rules, service::Service};

pub(super) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";

/// What the events of one happening are known by.
pub(super) type Signs = Vec<Vec<String>>;

/// Everybody but Usher.
pub(super) struct Office<'a> {
    pub(super) service: &'a Service,
    pub(super) running: &'a Running<'a>,
    pub(super) size: Size,
    pub(super) chance: Chance,
    pub(super) rules: Rules,
    pub(super) following: Following,
    pub(super) comparing: Comparing,
    /// What is to happen, by its time.
    pub(super) agenda: BTreeMap<(Timestamp, usize), Happening>,
    pub(super) counts: BTreeMap<&'static str, usize>,
    /// Usher's calls, by operation.
    pub(super) calls: BTreeMap<&'static str, usize>,
    /// Since when it is a bad time.
    pub(super) troubles: BTreeMap<Trouble, Timestamp>,
    pub(super) made: usize,
}

impl Office<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.service.clock.now()
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Something is to happen after this time.
    pub(super) fn later(&mut self, after: SignedDuration, happening: Happening) {
        let at = self.now() + after;
        self.at(at, happening);
    }

    pub(super) fn at(&mut self, at: Timestamp, happening: Happening) {
        let place = self.agenda.range((at, 0)..=(at, usize::MAX)).count();
        self.agenda.insert((at, place), happening);
    }

    pub(super) fn is_bad_time(&self) -> bool {
        !self.troubles.is_empty()
    }

    pub(super) fn has_trouble(&self, trouble: Trouble) -> bool {
        self.troubles.contains_key(&trouble)
    }

    /// A person calls AWS, and again where they are throttled. What is refused changes nothing.
    pub(super) async fn call<O: Operation + Clone>(
        &mut self,
        signs: &mut Signs,
        input: O,
    ) -> Option<O::Output> {
        for _ in 0..100 {
            let answer = self.service.person(|world, now, who| world.call(now, who, input.clone())).await;
            self.running.ring();
            match answer {
                Ok(output) => {
                    let world = self.service.world();
                    let ours =
                        world.log().iter().rev().find(|entry| entry.caller.name == self.service.person.name);
                    signs.push(ours.map(signs::of_call).into_iter().collect());
                    return Some(output);
                }
                Err(error) if is_throttle(&error) => tokio::time::sleep(Duration::from_secs(2)).await,
                Err(_) => {
                    self.count("calls of people that AWS refused");
                    return None;
                }
            }
        }
        panic!("a person was throttled {O:?} a hundred times", O = O::NAME)
    }

    /// The identity provider changes something.
    pub(super) async fn provider<T>(
        &mut self,
        signs: &mut Signs,
        act: impl FnOnce(&mut World, Timestamp, &Caller) -> Result<T, ApiError>,
    ) -> Option<T> {
        let at = self.now();
        let done = self
            .service
            .person(|world, now, who| world.by_identity_provider(|world| act(world, now, who)))
            .await;
        self.running.ring();
        // The next change is known by another second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        if done.is_ok() {
            signs.push(vec![signs::of_provider(at)]);
        } else {
            self.count("calls of people that AWS refused");
        }
        done.ok()
    }

    /// From now on it is another truth, which is followed to its end.
    pub(super) fn changed(&mut self, at: Timestamp, signs: Signs) {
        let world = self.service.world();
        self.following.changed(Change { at, signs }, &self.rules, &world);
    }

    pub(super) async fn tag(&mut self, signs: &mut Signs, account: &Account, tags: &[(&str, &str)]) {
        let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let tags = serde_json::from_value(json!(tags)).unwrap();
        let input = org::TagResource { resource_id: account.id.to_string(), tags };
        self.call(signs, input).await;
        self.sign_tags(signs, account);
    }

    pub(super) async fn untag(&mut self, signs: &mut Signs, account: &Account, key: &str) {
        let input =
            org::UntagResource { resource_id: account.id.to_string(), tag_keys: vec![key.to_owned()] };
        self.call(signs, input).await;
        self.sign_tags(signs, account);
    }

    fn sign_tags(&self, signs: &mut Signs, account: &Account) {
        if let Some(last) = signs.last_mut() {
            last.push(signs::of_tags(account.id.as_str(), self.now()));
        }
    }

    /// An active account of the teams, other than the management account, for which this holds.
    pub(super) fn an_account(&mut self, holds: impl Fn(&Account, &[&str]) -> bool) -> Option<Account> {
        let accounts = self.service.world().accounts_now();
        let fitting: Vec<&Account> = accounts
            .iter()
            .filter(|account| {
                let path: Vec<&str> = account.path.units().iter().map(|unit| unit.name.as_str()).collect();
                account.state.is_active() && !account.is_management && holds(account, &path)
            })
            .collect();
        self.chance.one(&fitting).map(|account| (*account).clone())
    }

    /// One of the groups of teams that there is now.
    pub(super) fn a_group(&mut self) -> Option<(shared::domain::GroupId, String)> {
        let groups = self.service.world().groups_now();
        let names: Vec<String> =
            company::groups_of_teams(self.size).filter(|name| groups.contains_key(name)).collect();
        let name = self.chance.one(&names)?;
        Some((groups[name].clone(), name.clone()))
    }
}

fn is_throttle(error: &ApiError) -> bool {
    ["ThrottlingException", "TooManyRequestsException", "ConcurrentModificationException"]
        .contains(&error.code)
}
