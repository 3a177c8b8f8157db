//! A working week of a company of 400 accounts, and a single day of a smaller one, by chance from a seed.
//!
//! All functions run beside each other at their shares while people, an identity provider and AWS do what they do in a week; events are
//! lost, repeated and late; AWS throttles, and the identity store is away for two hours. After every sweep outside of such times all
//! must be as the rules say, but for what says why not; the assignments of others must be what they were; and the checker watches every
//! call. A seed that fails is run again by `USHER_WEEK_SEED`.

mod acts;
mod company;
mod comparing;
mod following;
mod happenings;
mod known;
mod office;
mod running;
mod signs;
mod summary;
mod troubles;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{clock::SystemClock, domain::PermissionSetArn, ports::Clock as _};
use simulator::{Delivery, Latency, Settings, wire::sso_admin as sso};

use self::{
    company::{OUTSTANDING, Size},
    comparing::Comparing,
    following::Following,
    happenings::{by_chance, planned, sweeps},
    office::{INSTANCE, Office},
    running::Running,
};
use super::{
    chance::Chance,
    service::{Service, Start},
};

const WEEK: Size = Size { accounts: 400, teams: 60, people: 1_200, provided: 4 };
const DAY: Size = Size { accounts: 120, teams: 18, people: 360, provided: 2 };

/// How events come once all that was there before has been given.
const DELIVERY: Delivery = Delivery {
    delay: Latency::Uniform { shortest: Duration::from_secs(1), longest: Duration::from_secs(17) },
    lost: 0.03,
    repeated: 0.05,
    late: 0.02,
    late_by: Duration::from_mins(5),
};

/// Tells how to run a seed again, if it fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was the seed {0}: run it again with USHER_WEEK_SEED={0}", self.0);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn from_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn seed() -> u64 {
    from_environment("USHER_WEEK_SEED").map_or(1, |seed| seed.parse().expect("USHER_WEEK_SEED is a number"))
}

/// Lives through so many days from a Monday on, and the night after the last; tells the summary.
async fn live(size: Size, days: i64, seed: u64) -> String {
    let _seed = Seed(seed);
    let mut chance = Chance::new(seed);
    let organization = company::description(size, &mut chance);
    let seconds = Duration::from_secs;
    let mut world = Settings {
        seed,
        assignment_latency: Latency::LogNormal { median: seconds(4), p99: seconds(30) },
        create_account_latency: Latency::Uniform { shortest: seconds(20), longest: seconds(90) },
        list_lag: seconds(10),
        ..Settings::default()
    };
    world.quotas.outstanding = OUTSTANDING;
    let mut service = Service::start(Start { organization: &organization, world, ..Start::default() });
    service.ports = running::of_sweep(&service);
    service.check().await;
    service.checker().sparing = true;

    // The service's clock begins on a Monday at nine: the week is the next one.
    let monday: Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
    let network = service.world().group_named("Network").unwrap();
    let rules = company::document(&network, monday, days);
    let running = Running::new(&service);
    let comparing = Comparing::new(&service);
    let mut office = Office {
        service: &service,
        running: &running,
        size,
        chance,
        rules,
        following: Following::default(),
        comparing,
        agenda: BTreeMap::new(),
        counts: BTreeMap::new(),
        calls: BTreeMap::new(),
        troubles: BTreeMap::new(),
        made: 0,
    };
    Box::pin(running.during(office.days(monday, days))).await
}

impl Office<'_> {
    async fn days(&mut self, monday: Timestamp, days: i64) -> String {
        self.begin_service(monday).await;
        for day in 0..days {
            let midnight = monday + SignedDuration::from_hours(24 * day);
            let by_chance = by_chance(midnight, self.size, &mut self.chance);
            for (at, happening) in by_chance.into_iter().chain(sweeps(midnight)) {
                self.at(at, happening);
            }
        }
        for (at, happening) in planned(monday, days) {
            self.at(at, happening);
        }
        self.until(monday + SignedDuration::from_hours(24 * days)).await;
        self.finish().await;
        self.summary(self.outdated().await)
    }

    /// On the evening before, Usher gives all that the rules want; that is not part of the week.
    async fn begin_service(&mut self, monday: Timestamp) {
        let evening = monday - SignedDuration::from_hours(6);
        let wait = Duration::try_from(evening.duration_since(self.now())).unwrap();
        tokio::time::sleep(wait).await;
        self.service.publish(&self.rules.clone()).await;
        for _ in 0..2 {
            self.service.sweep().await.unwrap();
            assert!(
                self.running.quiet(SignedDuration::from_hours(2)).await,
                "it does not become quiet: {}",
                self.running.noise()
            );
            self.service.pass(self.service.ports.settings.lag + Duration::from_secs(1)).await;
        }
        self.changed(self.now(), Vec::new());
        let found = self.comparing.unexplained(self.service).await;
        assert!(found.is_empty(), "{found:?}");
        self.service.check_all().await;
        self.service.world().take_log();
        self.service.checker().log_taken();
        self.running.outcomes.take();
        self.service.ports.outcomes.0.lock().unwrap().clear();
        self.following.forget();
        self.service.world().settings.delivery = DELIVERY;
    }

    /// Active accounts with a permission set that was edited since it was last provisioned there.
    async fn outdated(&self) -> usize {
        let sets: Vec<PermissionSetArn> =
            self.service.world().permission_sets_now().into_iter().map(|set| set.arn).collect();
        let accounts = self.service.world().accounts_now();
        let active: BTreeSet<&str> = accounts
            .iter()
            .filter(|account| account.state.is_active())
            .map(|account| account.id.as_str())
            .collect();
        let mut outdated = 0;
        for set in sets {
            let mut next_token = None;
            loop {
                let input = sso::ListAccountsForProvisionedPermissionSet {
                    instance_arn: INSTANCE.to_owned(),
                    permission_set_arn: set.to_string(),
                    provisioning_status: Some("LATEST_PERMISSION_SET_NOT_PROVISIONED".to_owned()),
                    max_results: None,
                    next_token,
                };
                tokio::time::sleep(Duration::from_secs(1)).await;
                let page = self.service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
                let is_active = |id: &&String| active.contains(id.as_str());
                outdated += page.account_ids.iter().filter(is_active).count();
                next_token = page.next_token;
                if next_token.is_none() {
                    break;
                }
            }
        }
        outdated
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_a_company_ends_as_the_rules_say_and_every_sweep_of_it_does() {
    let summary = Box::pin(live(DAY, 1, seed())).await;
    println!("{summary}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_day() {
    let small = Size { accounts: 60, teams: 5, people: 60, provided: 1 };
    let first = Box::pin(live(small, 1, 7)).await;
    assert_eq!(first, Box::pin(live(small, 1, 7)).await);
}

/// `cargo xtask week` runs it; it takes too long for every change.
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes: `cargo xtask week` runs it"]
async fn the_whole_week_of_a_large_company() {
    let seed = seed();
    let summary = Box::pin(live(WEEK, 5, seed)).await;
    println!("{summary}");
    if let Some(path) = from_environment("USHER_WEEK_TABLE") {
        let today = SystemClock.now().strftime("%Y-%m-%d").to_string();
        std::fs::write(path, format!("The seed {seed}, on {today}.\n\n{summary}")).unwrap();
    }
}
