//! A sweep's round: taken up where it stopped, by one run at a time, and whatever may die in the middle of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use shared::{
    domain::Principal,
    engine::{SweepEnd, SweepSettings},
    pace::{Paces, Share},
    ports::Clock as _,
};
use simulator::{Caller, CallerKind, Fault, FaultRule, InProcess};

use super::{
    fleet::fleet,
    fuse::{Fuse, When, fused},
    model::{Rules, Where, Who, group, in_ou, rule, rules, tagged},
    service::{Service, Start, USHER},
};

fn document() -> Rules {
    rules([
        group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        group("b", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        rule("c", Who::MembersOf("Developers".into())).gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
        group("d", "Auditors").gets("ReadOnlyAccess").in_accounts(Where::Everywhere),
    ])
}

const WANTED: usize = 3 + 1 + 1 + 4;

/// The rules are in force, and every run of the sweep ends after one page of one principal or account. The permission sets are known
/// from before.
async fn page_by_page() -> Service {
    let mut service = Service::start(Start::default());
    service.publish(&rules([group("nobody", "Nobody of this name").gets("ReadOnlyAccess")])).await;
    service.sweep_and_settle().await;
    service.ports.sweep = SweepSettings { run_for: Duration::ZERO, page: 1, ..SweepSettings::default() };
    service.publish(&document()).await;
    service
}

/// The same service, and every run of the sweep is a round.
fn whole_rounds(mut service: Service) -> Service {
    service.ports.sweep = SweepSettings::default();
    service
}

fn deny(service: &Service, operation: &str) {
    service.world().faults.add(FaultRule {
        operation: operation.to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });
}

/// Runs until the round is over; tells how many runs it took.
async fn round(service: &Service) -> usize {
    for run in 1..100 {
        match service.sweep().await.unwrap().run {
            SweepEnd::RoundEnded => return run,
            SweepEnd::Unfinished => {}
            end @ (SweepEnd::UnderWay | SweepEnd::TooSoon | SweepEnd::AuditsTurn) => panic!("{end:?}"),
        }
    }
    panic!("the round does not end");
}

/// How often Usher called an operation since that entry of the log, by what it asked about.
fn asked(service: &Service, since: usize, operation: &str, about: &str) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for entry in service.world().log().iter().skip(since) {
        if entry.operation == operation && *entry.caller.name == *USHER {
            let about = entry.parameters[about].as_str().unwrap().to_owned();
            *asked.entry(about).or_default() += 1;
        }
    }
    asked
}

fn by_principal(service: &Service, since: usize) -> BTreeMap<String, usize> {
    asked(service, since, "ListAccountAssignmentsForPrincipal", "PrincipalId")
}

fn by_account(service: &Service, since: usize) -> BTreeMap<String, usize> {
    asked(service, since, "ListPermissionSetsProvisionedToAccount", "AccountId")
}

#[tokio::test(start_paused = true)]
async fn a_round_by_principal_goes_on_where_the_run_before_stopped() {
    let service = page_by_page().await;
    let runs = round(&service).await;
    let asked = by_principal(&service, 0);
    assert_eq!(runs, 4, "a run for each principal");
    assert!(asked.len() == 4 && asked.values().all(|times| *times == 1), "{asked:?}");
    service.settle().await;
    assert_eq!(service.assignments().len(), WANTED);
    whole_rounds(service).converged(&["account_not_active"]).await;
}

#[tokio::test(start_paused = true)]
async fn where_principals_may_not_be_asked_about_a_round_goes_by_account_and_finds_the_same() {
    let service = page_by_page().await;
    deny(&service, "ListAccountAssignmentsForPrincipal");
    let runs = round(&service).await;
    let asked = by_account(&service, 0);
    // One in which it was refused, and one for each account that can be asked about or not.
    assert_eq!(runs, 1 + 6);
    assert!(asked.len() == 4 && asked.values().all(|times| *times == 1), "{asked:?}");
    assert_eq!(by_principal(&service, 0).values().sum::<usize>(), 1);
    service.settle().await;
    assert_eq!(service.assignments().len(), WANTED);
    whole_rounds(service).converged(&["account_not_active"]).await;
}

#[tokio::test(start_paused = true)]
async fn accounts_of_a_principal_that_gets_no_answer_are_asked_one_by_one_afterwards() {
    let service = page_by_page().await;
    round(&service).await;
    service.settle().await;
    service.pass(Duration::from_mins(6)).await;
    let since = service.world().log().len();
    service.world().faults.add(FaultRule {
        operation: "ListAccountAssignmentsForPrincipal".to_owned(),
        service: None,
        fault: Fault::InternalError,
        calls: Some(1),
        account: None,
    });
    round(&service).await;
    let asked = by_account(&service, since);
    assert!((1..=4).contains(&asked.len()) && asked.values().all(|times| *times == 1), "{asked:?}");
    assert_eq!(service.inbox.depth().waiting, 0, "nothing differs");
    whole_rounds(service).converged(&["account_not_active"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_page_found_is_acted_on_before_the_round_is_over() {
    let service = page_by_page().await;
    assert_eq!(service.sweep().await.unwrap().run, SweepEnd::Unfinished);
    assert!(service.inbox.depth().waiting > 0);
    service.settle().await;
    let before = service.assignments().len();
    assert!((1..WANTED + 1).contains(&before));
    round(&service).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), WANTED);
}

#[tokio::test(start_paused = true)]
async fn a_run_may_die_before_or_after_anything_that_it_does_and_costs_a_page() {
    let run = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        tokio::select! {
            swept = sweep::handle(ports.sweep()) => drop(swept.unwrap()),
            () = fuse.blown() => {}
        }
        fuse.count()
    };
    for denied in [false, true] {
        let begin = async || {
            let service = page_by_page().await;
            if denied {
                deny(&service, "ListAccountAssignmentsForPrincipal");
            }
            // In the middle of a round.
            assert_eq!(service.sweep().await.unwrap().run, SweepEnd::Unfinished);
            service
        };
        let steps = run(&begin().await, When::Never).await;
        assert!(steps > 10, "only {steps} steps");
        for n in 0..steps {
            for when in [When::Before(n), When::After(n)] {
                let service = begin().await;
                run(&service, when).await;
                service.pass(service.ports.sweep.hold).await;
                round(&service).await;
                let asked = if denied { by_account(&service, 0) } else { by_principal(&service, 0) };
                let again: usize = asked.values().map(|times| times - 1).sum();
                assert!(again <= 1, "{when:?} of {steps}: {asked:?}");
                service.settle().await;
                assert_eq!(service.assignments().len(), WANTED, "{when:?} of {steps}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_are_never_at_a_round_at_a_time() {
    let service = Service::start(Start::default());
    service.publish(&document()).await;
    let (one, other) = tokio::join!(sweep::handle(service.ports.sweep()), async {
        service.pass(Duration::from_millis(300)).await;
        sweep::handle(service.ports.sweep()).await
    });
    assert_eq!((one.unwrap().run, other.unwrap().run), (SweepEnd::RoundEnded, SweepEnd::UnderWay));
    assert!(by_principal(&service, 0).values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_slow_leaves_the_round_to_the_one_that_has_taken_it() {
    let service = page_by_page().await;
    service.sweep().await.unwrap();
    // It stands still for longer than it holds the round, just before it would write how far it is.
    let longer = service.ports.sweep.hold + Duration::from_mins(1);
    let fuse = Fuse::new(When::Never);
    let steps = {
        let ports = fused(&service.ports, &fuse);
        sweep::handle(ports.sweep()).await.unwrap();
        fuse.count()
    };
    let service = page_by_page().await;
    service.sweep().await.unwrap();
    // Behind that write, it compares tags and gives its summary.
    let slow = Fuse::new(When::StallAfter(steps - 4, longer));
    let ports = fused(&service.ports, &slow);
    let (slow, quick) = tokio::join!(sweep::handle(ports.sweep()), async {
        service.pass(service.ports.sweep.hold + Duration::from_secs(30)).await;
        sweep::handle(service.ports.sweep()).await
    });
    assert_eq!(quick.unwrap().run, SweepEnd::Unfinished);
    assert_eq!(slow.unwrap().run, SweepEnd::UnderWay);
    round(&service).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), WANTED);
}

#[tokio::test(start_paused = true)]
async fn a_round_that_rested_for_long_or_looks_by_other_rules_begins_again() {
    let service = page_by_page().await;
    service.sweep().await.unwrap();
    service.pass(service.ports.sweep.patience + Duration::from_secs(1)).await;
    let since = service.world().log().len();
    assert_eq!(round(&service).await, 4);
    assert_eq!(by_principal(&service, since).len(), 4);

    service.sweep().await.unwrap();
    let other = ["a", "b", "c", "d"]
        .map(|id| group(id, "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")));
    service.publish(&rules(other)).await;
    let since = service.world().log().len();
    assert_eq!(round(&service).await, 1, "there is one principal only");
    assert_eq!(by_principal(&service, since).len(), 1);
    service.settle().await;
    assert_eq!(service.assignments(), ["play ReadOnlyAccess Support"]);
}

#[tokio::test(start_paused = true)]
async fn a_round_begins_no_sooner_than_it_should() {
    let mut service = Service::start(Start::default());
    service.ports.sweep.every = Duration::from_hours(1);
    service.publish(&document()).await;
    assert_eq!(service.sweep().await.unwrap().run, SweepEnd::RoundEnded);
    service.settle_for(Duration::from_mins(50)).await;
    assert_eq!(service.sweep().await.unwrap().run, SweepEnd::TooSoon);
    service.pass(Duration::from_hours(1)).await;
    assert_eq!(service.sweep().await.unwrap().run, SweepEnd::RoundEnded);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_fails_gives_the_round_back() {
    let service = Service::start(Start::default());
    service.publish(&document()).await;
    service.world().fail_next("ListAccounts", Fault::InternalError, 1);
    service.sweep().await.unwrap_err();
    assert_eq!(service.sweep().await.unwrap().run, SweepEnd::RoundEnded);
}

#[tokio::test(start_paused = true)]
async fn a_round_that_takes_hours_sees_what_happened_before_it_and_repeats_no_read_for_it() {
    let service = page_by_page().await;
    round(&service).await;
    service.settle().await;
    let ou = service.world().ou_at("Sandbox").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Workloads-2")).await.unwrap();
    service.take_events();
    let since = service.world().log().len();
    loop {
        service.pass(Duration::from_mins(40)).await;
        if service.sweep().await.unwrap().run == SweepEnd::RoundEnded {
            break;
        }
    }
    let asked = asked(&service, since, "ListOrganizationalUnitsForParent", "ParentId");
    assert!(asked.values().all(|times| *times == 1), "names are read once a round: {asked:?}");
    service.settle().await;
    assert!(!service.assignments().iter().any(|one| one.starts_with("play PowerUserAccess")));
}

/// What SSO Admin is asked goes at this many calls a second.
fn at_a_pace(service: &mut Service, sso_admin: f64) {
    let share = Share { sso_admin, identity_store: 20.0, organizations: 1.0, burst: 1 };
    let management = service.world().management_account().clone();
    let face = InProcess {
        world: Arc::clone(&service.world),
        clock: service.clock.clone(),
        caller: Caller::new(USHER, management, CallerKind::Management),
        round_trip: Duration::ZERO,
        paces: Some(Arc::new(Paces::new(share, service.clock.clone()))),
    };
    service.ports.access = Arc::new(face);
}

#[tokio::test(start_paused = true)]
async fn a_round_that_learns_for_hours_what_rules_look_at_is_nobody_elses_and_gets_to_its_end() {
    let mut service = Service::start(Start { organization: &fleet(2, 3500), ..Start::default() });
    at_a_pace(&mut service, 3.0);
    service.publish(&rules([group("all", "Developers").gets_tagged("Environment", "All")])).await;
    // Three thousand and five hundred names, and as many sets' tags: 39 minutes, of which nine fit into a run. The schedule is a little late.
    let hourly = Duration::from_secs(3601);
    for run in 1..=6 {
        let began = service.clock.now();
        let (swept, other) = tokio::join!(service.sweep(), async {
            tokio::time::sleep(service.ports.sweep.hold + Duration::from_mins(1)).await;
            if run == 1 { Some(service.sweep().await) } else { None }
        });
        if let Some(other) = other {
            assert_eq!(other.unwrap().run, SweepEnd::UnderWay);
        }
        match swept.unwrap().run {
            SweepEnd::RoundEnded => {
                let world = service.world();
                let tags = world.log().iter().filter(|entry| entry.parameters["ResourceArn"].is_string());
                assert_eq!(tags.count(), 3500, "what was learned is not asked again");
                return;
            }
            SweepEnd::Unfinished => {}
            end @ (SweepEnd::UnderWay | SweepEnd::TooSoon | SweepEnd::AuditsTurn) => panic!("{end:?}"),
        }
        let took = Duration::try_from(service.clock.now().duration_since(began)).unwrap();
        service.pass(hourly.saturating_sub(took)).await;
    }
    panic!("the round never gets to its first page");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_differs_in_two_pages_of_a_round_is_hinted_for_each() {
    let mut service = Service::start(Start::default());
    let mut groups = ["Developers", "Support"];
    groups.sort_by_key(|name| Principal::Group(service.world().group_named(name).unwrap()));
    service
        .publish(&rules([
            group("first", groups[0]).gets("ReadOnlyAccess").in_accounts(tagged("First", "yes")),
            group("second", groups[1]).gets("ReadOnlyAccess").in_accounts(tagged("Second", "yes")),
        ]))
        .await;
    service.tag("one-prod", "First", "yes").await;
    service.tag("one-prod", "Second", "yes").await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    service.ports.sweep = SweepSettings { run_for: Duration::ZERO, page: 1, ..SweepSettings::default() };

    // No event tells of either tag, and the account is looked at between them.
    for (tag, group, end) in
        [("First", groups[0], SweepEnd::Unfinished), ("Second", groups[1], SweepEnd::RoundEnded)]
    {
        service.tag("two-dev", tag, "yes").await;
        service.take_events();
        assert_eq!(service.sweep().await.unwrap().run, end);
        assert_eq!(service.inbox.depth().waiting, 1, "{tag}");
        service.drain_inbox().await;
        service.run_engine().await;
        assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", group)), "{tag}");
    }
    whole_rounds(service).converged(&[]).await;
}
