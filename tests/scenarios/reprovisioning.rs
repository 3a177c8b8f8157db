//! Edited permission sets on their way to the accounts that have them.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::{
    domain::{AccountId, PermissionSetArn},
    engine::{ReprovisionSummary, records},
    ledger::{Campaign, CampaignEnd, CampaignRecord, Order, Orders},
    outcome::Happened,
    ports::{Clock as _, Ledger as _, LedgerReader as _, OfVersion},
};
use simulator::{Latency, Settings, wire::sso_admin as sso};

use super::{
    model::{Rules, Where, group, rules},
    ports::Ports,
    service::{Service, Start},
};

pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// The rules of every scenario here, with what they say of reprovisioning.
pub(super) fn saying(reprovision: &str) -> Rules {
    rules([group("all", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Everywhere)])
        .with_reprovision(reprovision)
}

/// Developers have `ReadOnlyAccess` everywhere, under rules that say this.
pub(super) async fn granted(start: Start<'_>, document: &Rules) -> Service {
    let service = Service::start(start);
    service.publish(document).await;
    service.sweep_and_settle().await;
    service
}

pub(super) async fn by(reprovision: &str) -> Service {
    granted(Start::default(), &saying(reprovision)).await
}

impl Service {
    pub(super) fn set(&self, name: &str) -> PermissionSetArn {
        self.world().permission_set_named(name).unwrap()
    }

    /// A person edits a permission set.
    pub(super) async fn edit(&self, name: &str, description: &str) {
        let set = self.set(name);
        let instance = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
        let hours = if description.len().is_multiple_of(2) { "PT2H" } else { "PT3H" };
        let input = json!({
            "InstanceArn": instance, "PermissionSetArn": set, "Description": description, "SessionDuration": hours,
        });
        let input: sso::UpdatePermissionSet = serde_json::from_value(input).unwrap();
        self.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    }

    /// The accounts that have an old version, by name.
    pub(super) async fn outdated(&self, name: &str) -> Vec<String> {
        let set = self.set(name);
        let accounts = self.ports.access.accounts_on(&set, OfVersion::Outdated).await.unwrap().unwrap();
        let world = self.world();
        let mut names: Vec<String> =
            accounts.iter().map(|id| world.account_name(id).unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// One invocation of the function, and of those around it meanwhile.
    pub(super) async fn reprovision(&self) -> ReprovisionSummary {
        self.reprovision_with(&self.ports).await
    }

    pub(super) async fn reprovision_with(&self, ports: &Ports) -> ReprovisionSummary {
        self.deliver_events().await;
        let run = reprovision::handle(ports.keeper(), ports.reprovisioner(), "reprovision", self.soon());
        let mut run = std::pin::pin!(run);
        let summary = loop {
            tokio::select! {
                summary = &mut run => break summary.unwrap().reprovision,
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    self.poll_requests().await;
                    self.at_most_three();
                }
            }
        };
        self.poll_requests().await;
        self.check().await;
        self.at_most_three();
        summary
    }

    /// The schedule invokes it for this long.
    pub(super) async fn reprovision_for(&self, time: Duration) {
        let end = self.clock.now() + SignedDuration::try_from(time).unwrap();
        while self.clock.now() < end {
            let next = self.clock.now() + SignedDuration::from_mins(1);
            self.reprovision().await;
            let left = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
            self.pass(left).await;
        }
    }

    /// AWS takes three at once, and never had to refuse a fourth.
    pub(super) fn at_most_three(&self) {
        let world = self.world();
        let running = world.provisioning_log().filter(|record| record.settled.is_none()).count();
        assert!(running <= 3, "{running} at once");
    }

    pub(super) async fn campaign(&self, name: &str) -> Option<Campaign> {
        self.ledger.campaign(&self.set(name)).await.unwrap()
    }

    pub(super) async fn records(&self) -> Vec<CampaignRecord> {
        records(&*self.ledger).await.unwrap()
    }

    /// The only record there is.
    pub(super) async fn record(&self) -> CampaignRecord {
        let mut all = self.records().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(super) fn names(&self, ids: impl IntoIterator<Item = AccountId>) -> BTreeSet<String> {
        let world = self.world();
        ids.into_iter().map(|id| world.account_name(&id).unwrap().to_owned()).collect()
    }

    /// What was asked of AWS, in order: the account's name, or `all`.
    pub(super) fn requests_to_provision(&self) -> Vec<String> {
        let world = self.world();
        let target = |account: &Option<AccountId>| {
            account.as_ref().map_or("all".to_owned(), |id| world.account_name(id).unwrap().to_owned())
        };
        world.provisioning_log().map(|record| target(&record.account)).collect()
    }

    pub(super) async fn order(&self, orders: Orders) {
        let version = self.ledger.orders().await.unwrap().version;
        self.ledger.give_orders(&Orders { version, ..orders }).await.unwrap();
    }

    pub(super) async fn push(&self, name: &str) {
        let set = self.set(name);
        let now = order(self.clock.now());
        shared::engine::push(&*self.ledger, &*self.clock, &set, &now).await.unwrap();
    }
}

pub(super) fn order(at: Timestamp) -> Order {
    Order { by: "alba".to_owned(), at, reason: "test".to_owned() }
}

pub(super) fn named<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

pub(super) const ALL: [&str; 4] = ["one-dev", "one-prod", "play", "two-dev"];

#[tokio::test(start_paused = true)]
async fn a_burst_of_edits_is_one_campaign_and_reaches_every_account() {
    let service = by("{}").await;
    for number in 0..5 {
        service.edit("ReadOnlyAccess", &"x".repeat(number + 1)).await;
        service.reprovision_for(MINUTE).await;
    }
    assert_eq!(service.outdated("ReadOnlyAccess").await, ALL);
    assert_eq!(service.requests_to_provision(), [""; 0], "edits within the quiet period are one");
    service.reprovision_for(Duration::from_mins(6)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.requests_to_provision(), ["all"]);
    let record = service.record().await;
    assert_eq!((record.end, record.edits.len()), (CampaignEnd::Done, 5));
    assert_eq!(service.names(record.updated), named(ALL));
    let edit = record.edits.iter().min_by_key(|edit| edit.at).unwrap();
    assert_eq!((edit.name.as_str(), edit.event.is_empty()), ("UpdatePermissionSet", false));
    assert!(!edit.by.is_empty() && !edit.by.contains("console-admin"), "{edit:?}");
    assert_eq!(service.campaign("ReadOnlyAccess").await, None);
    let told = service.ledger.untold(1000).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .filter_map(|outcome| {
            let Happened::Reprovisioned(told) = &outcome.happened else { return None };
            Some((outcome.cause.as_str(), told))
        })
        .collect();
    assert_eq!((told.len(), told[0].1.updated.len(), told[0].1.edits.len()), (1, 4, 5));
    assert_eq!(told[0].0, format!("event:{}", edit.event));
    // Our own call has come back as an event meanwhile, and led to nothing.
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!(service.requests_to_provision(), ["all"]);
    service.converged(&["account_not_active"]).await;
}

#[tokio::test(start_paused = true)]
async fn one_account_at_a_time_is_asked_for_where_not_all_of_them_are_due() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    // A person has brought one of them up to date by hand.
    let (set, account) = (service.set("ReadOnlyAccess"), service.account("play"));
    let input = json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", "PermissionSetArn": set,
        "TargetType": "AWS_ACCOUNT", "TargetId": account,
    });
    let input: sso::ProvisionPermissionSet = serde_json::from_value(input).unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.requests_to_provision(), ["play", "one-dev", "two-dev", "one-prod"]);
    assert_eq!(service.names(service.record().await.updated), named(["one-dev", "one-prod", "two-dev"]));
}

pub(super) const CANARY: &str =
    "{ waves: [{ accounts: { tagged: { Environment: Production } } }, { after: 2h, accounts: everywhere }] }";

#[tokio::test(start_paused = true)]
async fn the_canaries_come_first_and_the_rest_after_a_pause() {
    let service = by(CANARY).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-dev", "play", "two-dev"]);
    service.reprovision_for(Duration::from_mins(110)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-dev", "play", "two-dev"]);
    service.reprovision_for(Duration::from_mins(12)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.requests_to_provision(), ["one-prod", "one-dev", "two-dev", "play"]);
    assert_eq!(service.record().await.end, CampaignEnd::Done);
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_stops_the_rest_and_the_record_says_why() {
    let service = by(CANARY).await;
    let (account, set) = (service.account("one-prod"), service.set("ReadOnlyAccess"));
    service.world().faults.policy_is_missing(account.clone(), set.clone(), "CustomPolicy");
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_hours(3)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ALL);
    assert_eq!(service.requests_to_provision(), ["one-prod"]);
    let record = service.record().await;
    assert_eq!(record.end, CampaignEnd::Stopped { wave: 1 });
    assert!(record.failed[&account].contains("CustomPolicy"), "{record:?}");
    assert_eq!(service.names(record.not_begun), named(["one-dev", "play", "two-dev"]));

    // A day later it is tried again; by then the policy is there.
    service.world().faults.policy_is_there(account, set);
    service.pass(Duration::from_hours(22)).await;
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, ["one-dev", "play", "two-dev"]);
}

#[tokio::test(start_paused = true)]
async fn a_wave_that_matches_no_account_is_told_and_holds_nothing_up() {
    let service = by("{ waves: [{ accounts: { tagged: { Ring: canary } } }, { after: 2h, accounts: { in_ou: Workloads } }] }").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(8)).await;
    // What no wave selects comes last, right after.
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    let record = service.record().await;
    assert_eq!((record.end, record.empty_waves), (CampaignEnd::Done, [1].into()));
    assert_eq!(service.requests_to_provision().last().map(String::as_str), Some("play"));
}

/// It is 09:00 UTC on a Monday in November, when it begins.
#[tokio::test(start_paused = true)]
async fn a_window_is_waited_for_by_the_clock_of_its_place() {
    let service =
        by("{ windows: [{ days: [mon, tue], from: \"18:00\", to: \"20:00\", time_zone: Europe/Berlin }] }")
            .await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    let until = |text: &str| -> Duration {
        let at: Timestamp = text.parse().unwrap();
        at.duration_since(service.clock.now()).try_into().unwrap()
    };
    service.pass(until("2026-11-02T16:58:00Z")).await;
    service.reprovision().await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    service.pass(until("2026-11-02T17:00:00Z")).await;
    service.reprovision_for(MINUTE).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_window_is_an_hour_earlier_by_utc_once_the_clock_is_put_forward() {
    let service =
        by("{ windows: [{ days: sun, from: \"09:00\", to: \"10:00\", time_zone: Europe/Berlin }] }").await;
    let until = |text: &str| -> Duration {
        let at: Timestamp = text.parse().unwrap();
        at.duration_since(service.clock.now()).try_into().unwrap()
    };
    // The Sunday of the change.
    service.pass(until("2027-03-27T12:00:00Z")).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_mins(8)).await;
    service.pass(until("2027-03-28T06:58:00Z")).await;
    service.reprovision().await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    service.pass(until("2027-03-28T07:00:00Z")).await;
    service.reprovision_for(MINUTE).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_holds_edits_back_and_a_push_goes_through_it() {
    let service =
        by("{ freezes: [{ from: 2026-11-02T00:00:00Z, until: 2026-11-05T00:00:00Z, reason: fair }] }").await;
    service.edit("ReadOnlyAccess", "one").await;
    service.edit("PowerUserAccess", "one").await;
    service.reprovision_for(Duration::from_mins(30)).await;
    assert_eq!(service.requests_to_provision(), [""; 0]);
    service.push("ReadOnlyAccess").await;
    service.reprovision_for(MINUTE).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert!(service.record().await.pushed.is_some());
    assert!(service.campaign("PowerUserAccess").await.is_some(), "nobody pushed that one");
}

#[tokio::test(start_paused = true)]
async fn a_push_waits_neither_for_quiet_nor_for_waves_and_needs_no_event() {
    let service = by(CANARY).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.take_events();
    service.push("ReadOnlyAccess").await;
    service.reprovision_for(MINUTE).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.requests_to_provision(), ["all"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_event_told_is_found_by_the_schedule() {
    let service = by("{}").await;
    service.reprovision().await;
    service.edit("ReadOnlyAccess", "one").await;
    service.take_events();
    service.reprovision_for(Duration::from_mins(25)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    let record = service.record().await;
    assert_eq!((record.end, record.edits.len()), (CampaignEnd::Done, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_twice_or_late_leads_to_nothing_more() {
    let service = by("{}").await;
    service.edit("ReadOnlyAccess", "one").await;
    let events = service.take_events();
    service.deliver(events.clone()).await;
    service.deliver(events.clone()).await;
    service.reprovision_for(Duration::from_mins(7)).await;
    assert_eq!(service.record().await.edits.len(), 1);
    service.deliver(events).await;
    assert_eq!(service.campaign("ReadOnlyAccess").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_edit_while_it_is_under_way_is_provisioned_too() {
    let world =
        Settings { provisioning_latency: Latency::Constant(Duration::from_secs(40)), ..Settings::default() };
    let service = granted(Start { world, ..Start::default() }, &saying("{}")).await;
    service.edit("ReadOnlyAccess", "one").await;
    service.reprovision_for(Duration::from_secs(5 * 60 + 1)).await;
    assert_eq!(service.requests_to_provision(), ["all"]);
    service.edit("ReadOnlyAccess", "two!").await;
    service.reprovision_for(Duration::from_mins(10)).await;
    assert_eq!(service.outdated("ReadOnlyAccess").await, [""; 0]);
    assert_eq!(service.record().await.edits.len(), 2);
}
