//! Every crash point: each I/O of a workload is numbered, and whoever does it dies right before it and right after it. The next ones set it
//! right, and end where the workload ends that nothing broke off.
//!
//! `cargo xtask exhaustive` goes through them all, and through each pair of one workload: two deaths in the same piece of work.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shared::outcome::Happened;
use simulator::wire::organizations as org;

use super::{
    apart::{alone, beside_each_other},
    fuse::{Fuse, When, fused_throughout},
    members::{joins, leaves},
    model::{Rules, Who, group, in_ou, rule, rules, tagged},
    service::Service,
};

/// The reference workloads: what a person did just before, and all that the service does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workload {
    /// An account is made, and moved to where rules want something.
    Arrives,
    /// An account moves and has another tag: some is given, some taken.
    Moves,
    /// New rules are in force, of which no event tells the accounts.
    OtherRules,
    /// Somebody joins a group whose members have something each, and somebody leaves it.
    Members,
    /// A permission set is edited, and reprovisioned in all its accounts.
    Edit,
    /// Something changes and no event tells of it.
    Unheard,
}

impl Workload {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Arrives, "an account is made and moves into an OU"),
        (Self::Moves, "an account moves and changes a tag"),
        (Self::OtherRules, "other rules come into force"),
        (Self::Members, "somebody joins a group, and somebody leaves it"),
        (Self::Edit, "a permission set is edited"),
        (Self::Unheard, "a change of which no event tells"),
    ];

    /// The service with its old rules carried out, and the change made.
    async fn begin(self) -> Service {
        let service = Service::new();
        joins(&service, "alba@example.com", "Support").await;
        service.publish(&before()).await;
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
        match self {
            Self::Arrives => {
                let input = org::CreateAccount {
                    email: "aws+new@example.com".to_owned(),
                    account_name: "new".to_owned(),
                    role_name: None,
                    iam_user_access_to_billing: None,
                    tags: None,
                };
                service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
                service.pass(Duration::from_mins(1)).await;
                service.move_to("new", "Workloads/Development").await;
            }
            Self::Moves => {
                service.move_to("one-dev", "Workloads/Production").await;
                service.tag("one-dev", "Environment", "Production").await;
            }
            Self::OtherRules => service.publish(&after()).await,
            Self::Members => {
                joins(&service, "bruno@example.com", "Support").await;
                leaves(&service, "alba@example.com", "Support").await;
            }
            Self::Edit => {
                service.edit("ReadOnlyAccess", "Edited").await;
                service.deliver_events().await;
                // Edits are quiet for a while before they are provisioned.
                service.pass(Duration::from_mins(20)).await;
            }
            Self::Unheard => {
                service.tag("play", "Environment", "Production").await;
                service.take_events();
            }
        }
        service
    }

    /// All that the service does about it.
    async fn go(self, service: &Service) {
        match self {
            Self::Arrives | Self::Moves | Self::Members => {}
            Self::OtherRules | Self::Unheard => drop(sweep::handle(service.ports.sweep()).await),
            Self::Edit => {
                for _ in 0..2 {
                    let (keeper, reprovisioner) = (service.ports.keeper(), service.ports.reprovisioner());
                    drop(reprovision::handle(keeper, reprovisioner, "reprovision", service.soon()).await);
                    service.pass(Duration::from_mins(1)).await;
                    service.poll_requests().await;
                }
            }
        }
        service.settle_for(Duration::from_mins(15)).await;
        drop(tick::handle(service.ports.tick()).await);
    }
}

pub(super) fn before() -> Rules {
    rules([
        group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("b", "Auditors").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        rule("c", Who::MembersOf("Support".into())).gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
    ])
}

fn after() -> Rules {
    rules([
        group("d", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        group("b", "Auditors").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        rule("c", Who::MembersOf("Support".into())).gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
    ])
}

/// What a workload ends with: what is assigned, what was told of assignments, and which accounts were provisioned anew.
#[derive(Debug, PartialEq, Eq)]
struct End {
    assignments: Vec<String>,
    told: BTreeSet<String>,
    provisioned: BTreeSet<String>,
}

/// The service works with this fuse until it is done, or has died: what it had in hand comes again, and what it knew is gone.
async fn work(service: &mut Service, workload: Workload, when: When) -> usize {
    let fuse = Fuse::new(when);
    let sound = service.ports.clone();
    service.ports = fused_throughout(&sound, &fuse).cold();
    tokio::select! {
        biased;
        () = Box::pin(workload.go(service)) => {}
        () = fuse.blown() => {}
    }
    service.ports = sound.cold();
    service.check_all().await;
    fuse.count()
}

/// Whoever comes next does the rest, and a sweep finds nothing else to do.
async fn end(service: &Service, workload: Workload, context: &str) -> End {
    Box::pin(workload.go(service)).await;
    // Whoever died may still be at it, for all that the next one knows.
    service.pass(service.ports.sweep.hold).await;
    Box::pin(workload.go(service)).await;
    service.sweep_and_settle().await;
    drop(tick::handle(service.ports.tick()).await);
    service.check_all().await;
    let requests = service.world().request_log().count();
    service.pass(service.ports.settings.lag + Duration::from_secs(1)).await;
    service.sweep_and_settle().await;
    assert_eq!(service.world().request_log().count(), requests, "{context}: it does not rest");
    for row in service.rows().await {
        assert!(["ours", "closed"].contains(&row.state.label()), "{context}: {row:?}");
    }
    let mut told = BTreeSet::new();
    for outcome in service.ports.outcomes.0.lock().unwrap().iter() {
        if let Happened::Granted { .. } | Happened::Revoked { .. } = outcome.happened {
            told.insert(serde_json::to_string(&outcome.happened).unwrap());
        }
    }
    let world = service.world();
    let provisioned = world
        .provisioning_log()
        .filter_map(|record| record.account.as_ref())
        .filter_map(|id| world.account_name(id));
    let provisioned = provisioned.map(str::to_owned).collect();
    drop(world);
    End { assignments: service.assignments(), told, provisioned }
}

/// How one workload went.
#[derive(Debug)]
struct Covered {
    /// How many things it does to the outside.
    ios: usize,
    /// At how many points it died, of twice as many as it has I/Os.
    points: usize,
}

/// The workload with nothing in its way.
fn undisturbed(workload: Workload) -> (usize, End) {
    alone(async {
        let mut service = workload.begin().await;
        let ios = work(&mut service, workload, When::Never).await;
        (ios, end(&service, workload, "undisturbed").await)
    })
}

fn points(ios: usize) -> impl Iterator<Item = When> {
    (0..ios).flat_map(|n| [When::Before(n), When::After(n)])
}

/// Dies at this point, and, where another is given, the next one dies there. Tells how often somebody died.
fn die(workload: Workload, first: When, second: Option<When>, expected: &End) -> usize {
    alone(async {
        let context = format!("{workload:?}: {first:?}, then {second:?}");
        let mut service = Box::pin(workload.begin()).await;
        let mut deaths = 0;
        for when in [Some(first), second].into_iter().flatten() {
            let ios = Box::pin(work(&mut service, workload, when)).await;
            deaths += usize::from(is_reached(when, ios));
            // What the dead one had in hand is hidden no longer.
            service.pass(Duration::from_mins(3)).await;
        }
        assert_eq!(Box::pin(end(&service, workload, &context)).await, *expected, "{context}");
        deaths
    })
}

fn is_reached(when: When, ios: usize) -> bool {
    matches!(when, When::Before(n) | When::After(n) if n < ios)
}

/// All points of a workload, on as many threads as there are processors.
fn all_points(workload: Workload) -> Covered {
    let (ios, expected) = undisturbed(workload);
    let all: Vec<When> = points(ios).collect();
    let next = AtomicUsize::new(0);
    let covered = Mutex::new(Covered { ios, points: 0 });
    beside_each_other(|| {
        while let Some(when) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let deaths = die(workload, *when, None, &expected);
            covered.lock().unwrap().points += deaths;
        }
    });
    covered.into_inner().unwrap()
}

/// Each pair of points of a workload: wherever the first one dies, the one after it dies at each of its own points too.
fn all_pairs(workload: Workload) -> usize {
    let (ios, expected) = undisturbed(workload);
    let all: Vec<When> = points(ios).collect();
    let (next, pairs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    beside_each_other(|| {
        while let Some(first) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            for second in points(usize::MAX) {
                if die(workload, *first, Some(second), &expected) < 2 {
                    break;
                }
                pairs.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    pairs.into_inner()
}

/// Dies at one point in so many: the rest is for `cargo xtask exhaustive`.
#[test]
fn a_workload_that_dies_anywhere_ends_as_if_nothing_had_been() {
    for (workload, _) in Workload::ALL {
        let (ios, expected) = undisturbed(workload);
        assert!(ios > 25, "{workload:?} has only {ios} I/Os");
        assert!(!expected.told.is_empty() || !expected.provisioned.is_empty(), "{workload:?}");
        for when in points(ios).step_by(23) {
            assert_eq!(die(workload, when, None, &expected), 1, "{workload:?}: {when:?}");
        }
    }
}

/// `cargo xtask exhaustive` runs it.
#[test]
#[ignore = "takes minutes: `cargo xtask exhaustive` runs it"]
#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn every_crash_point() {
    let mut table = String::from("| workload | I/Os | deaths, before and after each | pairs of deaths |\n");
    table.push_str("| --- | ---: | ---: | ---: |\n");
    let with_pairs = std::env::var("USHER_CRASH_PAIRS").is_ok();
    for (workload, word) in Workload::ALL {
        let Covered { ios, points } = all_points(workload);
        assert_eq!(points, 2 * ios, "{workload:?}: a point was not reached");
        let pairs = (with_pairs && workload == Workload::Members).then(|| all_pairs(workload));
        let pairs = pairs.map_or_else(String::new, |pairs| pairs.to_string());
        let _ = writeln!(table, "| {word} | {ios} | {points} | {pairs} |");
        println!("{word}: {ios} I/Os, {points} deaths; pairs: {pairs}");
    }
    if let Ok(path) = std::env::var("USHER_CRASH_TABLE") {
        std::fs::write(path, table).unwrap();
    }
}
