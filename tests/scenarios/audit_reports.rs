//! Reports on a schedule: read over several runs, kept whole, and only then pointed at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use shared::{
    audit::{Audit, ChangeKind, Way},
    engine::{
        AuditSettings, Auditor, Pointer, Reader, ReportEnd, ReportError, ReportSettings, ReportSummary,
        Reporter, SweepEnd,
    },
    pace::{Paces, Share},
    ports::{Clock as _, LedgerReader as _, PortError, Reports},
};
use simulator::{Caller, CallerKind, Fault, FaultRule, InProcess};

use super::{
    fleet::fleet,
    model::{Rules, group, in_ou, rules},
    service::{Service, Start, USHER},
};

/// Reports in memory. Some write may fail, and everything after it: the function has died.
#[derive(Default)]
pub(super) struct Shelf {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    /// How many writes are still done.
    left: Mutex<Option<usize>>,
}

impl Shelf {
    fn write(&self, name: &str, content: &[u8]) -> Result<(), PortError> {
        if let Some(left) = &mut *self.left.lock().unwrap() {
            *left = left.checked_sub(1).ok_or_else(|| PortError::Failed("the function has died".into()))?;
        }
        self.kept.lock().unwrap().insert(name.to_owned(), content.to_vec());
        Ok(())
    }

    /// From now on every write fails.
    pub(super) fn fail(&self) {
        *self.left.lock().unwrap() = Some(0);
    }

    fn names(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().cloned().collect()
    }

    fn latest(&self) -> Option<Pointer> {
        let kept = self.kept.lock().unwrap();
        kept.get("latest.json").map(|content| serde_json::from_slice(content).unwrap())
    }

    /// The last report, as whoever follows the pointer finds it.
    fn report(&self) -> Audit {
        let latest = self.latest().unwrap();
        let kept = self.kept.lock().unwrap();
        assert!(latest.forms.values().all(|name| kept.contains_key(name)), "{latest:?}");
        serde_json::from_slice(&kept[&latest.forms["json"]]).unwrap()
    }
}

#[async_trait::async_trait]
impl Reports for Shelf {
    async fn fetch(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.kept.lock().unwrap().get(name).cloned())
    }

    async fn keep(&self, name: &str, _kind: &str, content: &[u8]) -> Result<(), PortError> {
        match self.fetch(name).await? {
            Some(kept) if kept != content => Err(PortError::Refused(format!("`{name}` is another one"))),
            _ => self.write(name, content),
        }
    }

    async fn replace(&self, name: &str, _kind: &str, content: &[u8]) -> Result<(), PortError> {
        self.write(name, content)
    }
}

fn developers() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ])
}

async fn granted() -> Service {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(10)).await;
    service
}

pub(super) const DAILY: ReportSettings =
    ReportSettings { run_for: Duration::from_mins(10), every: Duration::from_hours(20) };

pub(super) async fn run(
    service: &Service,
    shelf: &Shelf,
    settings: ReportSettings,
) -> Result<ReportSummary, ReportError> {
    let auditing = AuditSettings::default();
    let auditor = service.ports.auditor(&auditing);
    audit::handle(Reporter { auditor, ledger: &*service.ledger, reports: shelf, settings }).await
}

#[tokio::test(start_paused = true)]
async fn a_report_is_made_once_a_day_and_tells_what_has_changed() {
    let (service, shelf) = (granted().await, Shelf::default());
    let first = run(&service, &shelf, DAILY).await.unwrap();
    assert_eq!(first.run, ReportEnd::Written);
    assert_eq!(first.counts.unwrap().assignments, 5);
    assert_eq!(shelf.report().taken.since, None);
    let name = first.report.unwrap();
    assert!(name.starts_with("reports/2026/11/02/2026-11-02T09-") && name.ends_with("Z.json"), "{name}");

    assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::TooSoon);
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    service.pass(Duration::from_hours(21)).await;
    assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::Written);
    let second = shelf.report();
    let granted = second.changes.iter().filter(|change| change.change == ChangeKind::Granted).count();
    assert_eq!((second.assignments.len(), granted), (7, 2), "{:#?}", second.changes);
    let reports = shelf.names().iter().filter(|name| name.starts_with("reports/")).count();
    assert_eq!(reports, 6, "each in three forms, and the first is still there");
}

/// A process whose calls of SSO Admin are at the share of a sweep.
fn at_the_share(service: &Service) -> Arc<InProcess> {
    let share = Share { sso_admin: 3.0, identity_store: 8.0, organizations: 0.5, burst: 1 };
    let management = service.world().management_account().clone();
    Arc::new(InProcess {
        world: Arc::clone(&service.world),
        clock: service.clock.clone(),
        caller: Caller::new(USHER, management, CallerKind::Management),
        round_trip: Duration::from_millis(50),
        paces: Some(Arc::new(Paces::new(share, service.clock.clone()))),
    })
}

/// The same service whose calls are at that share.
fn paced(mut service: Service) -> Service {
    let face = at_the_share(&service);
    service.ports.organization = face.clone();
    service.ports.directory = face.clone();
    service.ports.access = face.clone();
    service.ports.sets = face;
    service
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_for_one_run_is_gone_on_with_by_the_next_and_is_the_same_report() {
    let service = paced(granted().await);
    let whole = service.audit(&AuditSettings::default()).await;
    let (shelf, short) = (Shelf::default(), ReportSettings { run_for: Duration::from_secs(3), ..DAILY });
    let (mut read, mut runs) = (0, 0);
    let written = loop {
        runs += 1;
        let summary = run(&service, &shelf, short).await.unwrap();
        if summary.run == ReportEnd::Written {
            break summary;
        }
        assert_eq!(summary.run, ReportEnd::Unfinished);
        assert!(summary.read >= read, "it gets on: {summary:?}");
        assert!(shelf.latest().is_none(), "nothing is half written");
        read = summary.read;
        assert!(runs < 50);
    };
    assert!(runs > 3, "{runs}");
    assert_eq!(written.counts.unwrap().assignments, 5);
    let mut report = shelf.report();
    report.taken = whole.taken.clone();
    assert_eq!(report, whole);
    assert_eq!(shelf.fetch("draft.json").await, Ok(Some(b"null".to_vec())));
}

#[tokio::test(start_paused = true)]
async fn wherever_the_function_dies_the_pointer_leads_to_a_whole_report() {
    let service = paced(granted().await);
    for writes in 0..5 {
        let shelf = Shelf::default();
        run(&service, &shelf, DAILY).await.unwrap();
        let before = shelf.latest().unwrap();
        service.pass(Duration::from_hours(21)).await;
        let short = ReportSettings { run_for: Duration::from_secs(12), ..DAILY };
        *shelf.left.lock().unwrap() = Some(writes);
        let mut died = false;
        for _ in 0..20 {
            match run(&service, &shelf, short).await {
                Ok(summary) if summary.run == ReportEnd::Written => break,
                Ok(_) => {}
                Err(_) => {
                    died = true;
                    break;
                }
            }
        }
        assert!(died, "after {writes} writes");
        // Whoever looks now finds the report before, or the new one: whole.
        shelf.report();
        *shelf.left.lock().unwrap() = None;
        service.pass(Duration::from_secs(2)).await;
        let mut last = ReportEnd::Unfinished;
        for _ in 0..20 {
            last = run(&service, &shelf, short).await.unwrap().run;
            if matches!(last, ReportEnd::Written | ReportEnd::TooSoon) {
                break;
            }
        }
        assert!(matches!(last, ReportEnd::Written | ReportEnd::TooSoon), "{last:?}");
        assert!(shelf.latest().unwrap().began > before.began);
        assert_eq!(shelf.report().assignments.len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn beside_a_sweep_nothing_is_read() {
    let (service, shelf) = (granted().await, Shelf::default());
    let round = service.ledger.round().await.unwrap().unwrap();
    let taken_until = Some(service.clock.now() + jiff::SignedDuration::from_mins(1));
    let taken = shared::ledger::Round { taken_until, ..round };
    assert!(shared::ports::Ledger::keep_round(&*service.ledger, &taken).await.unwrap());
    let calls = service.world().log().len();
    assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::SweepsTurn);
    assert_eq!(service.world().log().len(), calls);
    service.pass(Duration::from_mins(2)).await;
    assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::Written);
}

/// How many calls of SSO Admin there were at most within a minute, since that entry of the log.
fn most_in_a_minute(service: &Service, since: usize) -> usize {
    let world = service.world();
    let reads = world
        .log()
        .iter()
        .skip(since)
        .filter(|entry| *entry.caller.name == *USHER && format!("{:?}", entry.service) == "SsoAdmin");
    let times: Vec<_> = reads.map(|entry| entry.at).collect();
    let within = |from: &jiff::Timestamp| {
        let end = *from + jiff::SignedDuration::from_mins(1);
        times.iter().filter(|at| *at >= from && **at < end).count()
    };
    times.iter().map(within).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn where_a_sweep_is_always_at_work_a_report_ends_all_the_same_and_rounds_go_on() {
    let mut service = Service::start(Start { organization: &fleet(60, 8), ..Start::default() });
    let document = ["Set0", "Set1", "Set2"]
        .map(|set| group(&set.to_lowercase(), "Developers").gets(set).in_accounts(in_ou("Fleet")));
    service.publish(&rules(document)).await;
    service.sweep_and_settle().await;
    service.world().faults.add(FaultRule {
        operation: "ListAccountAssignmentsForPrincipal".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });
    let reading = at_the_share(&service);
    service = paced(service);
    service.ports.sweep.run_for = Duration::from_mins(1);
    let (shelf, short) = (Shelf::default(), ReportSettings { run_for: Duration::from_mins(1), ..DAILY });
    let auditing = AuditSettings::default();
    let calls = service.world().log().len();
    let (mut rounds, mut written, mut refused) = (0, 0, 0);
    for quarter in 0..24 {
        // Neither is always the first.
        let [sweep_at, audit_at] = if quarter % 2 == 0 { [0, 1] } else { [1, 0] };
        let (swept, audited) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_secs(sweep_at)).await;
                service.sweep().await.unwrap().run
            },
            async {
                tokio::time::sleep(Duration::from_secs(audit_at)).await;
                let auditor = service.ports.auditor(&auditing);
                let reader = Reader {
                    organization: &*reading,
                    directory: &*reading,
                    access: &*reading,
                    ..auditor.reader
                };
                let auditor = Auditor { reader, sets: &*reading, ..auditor };
                let ledger = &*service.ledger;
                let reporter = Reporter { auditor, ledger, reports: &shelf, settings: short };
                audit::handle(reporter).await.unwrap().run
            }
        );
        rounds += usize::from(swept == SweepEnd::RoundEnded);
        written += usize::from(audited == ReportEnd::Written);
        refused += usize::from(audited == ReportEnd::SweepsTurn);
        service.pass(Duration::from_mins(13)).await;
    }
    assert_eq!(written, 1, "one in six hours");
    // Each takes two runs.
    assert!(rounds >= 10 && refused > 0, "{rounds} rounds, {refused} times refused");
    assert_eq!(shelf.report().assignments.len(), 180);
    let most = most_in_a_minute(&service, calls);
    assert!((60..=182).contains(&most), "{most} calls of SSO Admin in a minute, at three a second");
}

#[tokio::test(start_paused = true)]
async fn a_report_before_that_cannot_be_read_is_no_reason_not_to_make_the_next() {
    let (service, shelf) = (granted().await, Shelf::default());
    run(&service, &shelf, DAILY).await.unwrap();
    for broken in [Some(b"{".to_vec()), None] {
        let name = shelf.latest().unwrap().forms["json"].clone();
        match broken {
            Some(content) => _ = shelf.kept.lock().unwrap().insert(name.clone(), content),
            None => _ = shelf.kept.lock().unwrap().remove(&name),
        }
        service.pass(Duration::from_hours(21)).await;
        assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::Written);
        assert_eq!(shelf.report().taken.since, None);
    }
    shelf.kept.lock().unwrap().insert("draft.json".into(), b"nonsense".to_vec());
    shelf.kept.lock().unwrap().insert("latest.json".into(), b"nonsense".to_vec());
    assert_eq!(run(&service, &shelf, DAILY).await.unwrap().run, ReportEnd::Written);
    assert_eq!(shelf.report().taken.way, Way::ByAccount);
}

#[tokio::test(start_paused = true)]
async fn tags_that_come_one_by_one_are_read_over_several_runs() {
    let service = Service::start(Start { organization: &fleet(60, 2), ..Start::default() });
    service.publish(&rules([group("all", "Support").gets("Set1").in_accounts(in_ou("Yard"))])).await;
    service.world().faults.add(FaultRule {
        operation: "GetResources".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });
    let service = paced(service);
    let (shelf, short) = (Shelf::default(), ReportSettings { run_for: Duration::from_secs(9), ..DAILY });
    let asked = |since: usize| {
        let world = service.world();
        let is_one = |parameters: &serde_json::Value| parameters["ResourceId"].is_string();
        world.log().iter().skip(since).filter(|entry| is_one(&entry.parameters)).count()
    };
    let (mut runs, began) = (0, service.world().log().len());
    loop {
        let since = service.world().log().len();
        let end = run(&service, &shelf, short).await.unwrap().run;
        // Five a second.
        assert!(asked(since) <= 46, "{} in a run of nine seconds", asked(since));
        runs += 1;
        assert!(runs < 20);
        if end == ReportEnd::Written {
            break;
        }
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(asked(began), 61, "each is asked once");
    let report = shelf.report();
    let tagged = report.accounts.iter().filter(|account| account.tags.get("Kind") == Some("unit")).count();
    assert_eq!((tagged, report.unread.len()), (60, 0));
}
