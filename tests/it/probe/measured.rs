//! What is measured is what the simulator was told.

use std::time::Duration;

use cli::{
    args::Step,
    probe,
    report::{Found, ListOrder, ProbeReport, Times},
};
use shared::{engine::EngineSettings, settings::Settings as Env};
use simulator::{Latency, Rate, Settings, StatusOrder};

use super::Bench;

const ALL: [Step; 6] = [
    Step::ProvisioningTime,
    Step::ListLag,
    Step::StatusLists,
    Step::Window,
    Step::Burst,
    Step::StatusLifetime,
];

/// What a simulator is told.
struct Told {
    latency: (u64, u64),
    list_lag: u64,
    status_lag: u64,
    order: StatusOrder,
    window: usize,
    deletes_count: bool,
    rate: Rate,
    retention: Option<u64>,
    repetitions: usize,
    found: ListOrder,
    /// `USHER_WINDOW`, `USHER_ENGINE_BURST`, `USHER_ENGINE_RATE`, `USHER_LAG`, `USHER_SETTLE_AFTER` and `USHER_PATIENCE`, where they follow.
    settings: [Option<&'static str>; 6],
}

const TOLD: [Told; 4] = [
    Told {
        latency: (2, 2),
        list_lag: 0,
        status_lag: 0,
        order: StatusOrder::NewestFirst,
        window: 10,
        deletes_count: true,
        rate: Rate { per_second: 20, burst: 20 },
        retention: Some(100),
        repetitions: 4,
        found: ListOrder::NewestFirst,
        settings: [None; 6],
    },
    Told {
        latency: (20, 20),
        list_lag: 30,
        status_lag: 7,
        order: StatusOrder::Unordered,
        window: 15,
        deletes_count: false,
        rate: Rate { per_second: 8, burst: 5 },
        retention: Some(3600),
        repetitions: 6,
        found: ListOrder::Unordered,
        settings: [Some("15"), Some("2"), Some("4"), None, None, None],
    },
    Told {
        latency: (3, 6),
        list_lag: 4,
        status_lag: 2,
        order: StatusOrder::NewestFirst,
        window: 7,
        deletes_count: true,
        rate: Rate { per_second: 15, burst: 12 },
        retention: Some(40),
        repetitions: 2,
        found: ListOrder::TooFew,
        settings: [Some("7"), Some("6"), Some("7"), None, None, None],
    },
    Told {
        latency: (130, 130),
        list_lag: 100,
        status_lag: 40,
        order: StatusOrder::NewestFirst,
        window: 12,
        deletes_count: false,
        rate: Rate { per_second: 12, burst: 16 },
        retention: None,
        repetitions: 4,
        found: ListOrder::NewestFirst,
        settings: [Some("12"), Some("8"), Some("6"), Some("7m"), Some("3m"), Some("7m")],
    },
];

fn bench(told: &Told) -> Bench {
    let seconds = Duration::from_secs;
    let (shortest, longest) = told.latency;
    let mut settings = Settings {
        assignment_latency: Latency::Uniform { shortest: seconds(shortest), longest: seconds(longest) },
        list_lag: seconds(told.list_lag),
        ..Settings::default()
    };
    settings.quotas.outstanding = told.window;
    settings.quotas.sso_admin = Some(told.rate);
    settings.assumptions.deletes_share_the_window = told.deletes_count;
    settings.assumptions.status_order = told.order;
    settings.assumptions.status_lag = seconds(told.status_lag);
    settings.assumptions.status_retention = told.retention.map(seconds);
    Bench::new(18, settings)
}

/// Whether all of these lie where they were to be, but for the time between two looks.
fn within(times: Option<&Times>, shortest: u64, longest: u64) -> bool {
    times.is_some_and(|times| {
        times.shortest.0 + Duration::from_millis(600) >= Duration::from_secs(shortest)
            && times.longest.0 <= Duration::from_secs(longest) + Duration::from_millis(2500)
    })
}

#[tokio::test(start_paused = true)]
async fn whatever_the_simulator_is_told_is_what_is_measured_and_nothing_is_left() {
    for told in &TOLD {
        let bench = bench(told);
        let (before, lists) = (bench.assignments(), bench.lists().await);
        let order = bench.order(&ALL, told.repetitions);
        let (measured, left) = bench.probe(&order).await;
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(bench.assignments(), before);
        assert_eq!(bench.world().outstanding(), 0);
        tokio::time::sleep(Duration::from_secs(told.list_lag)).await;
        assert_eq!(bench.lists().await, lists);
        assert!(!bench.path().exists());

        let (shortest, longest) = told.latency;
        let time = measured.provisioning_time.as_ref().and_then(Found::measured).unwrap();
        assert!(within(time.creates.as_ref(), shortest, longest), "{time:?}");
        assert!(within(time.deletes.as_ref(), shortest, longest), "{time:?}");
        assert_eq!(time.creates.as_ref().unwrap().count, told.repetitions);

        let lag = measured.list_lag.as_ref().and_then(Found::measured).unwrap();
        for list in [&lag.by_account, &lag.by_principal] {
            assert!(within(list.shown.as_ref(), told.list_lag, told.list_lag), "{lag:?}");
            assert!(within(list.gone.as_ref(), told.list_lag, told.list_lag), "{lag:?}");
        }

        let lists = measured.status_lists.as_ref().and_then(Found::measured).unwrap();
        assert_eq!(lists.order, told.found, "{lists:?}");
        assert!(within(lists.shown.as_ref(), told.status_lag, told.status_lag), "{lists:?}");

        let window = measured.window.as_ref().and_then(Found::measured).unwrap();
        assert_eq!(window.size(), Some(told.window), "{window:?}");
        assert_eq!(window.deletes_count, Some(told.deletes_count), "{window:?}");

        let burst = measured.burst.as_ref().and_then(Found::measured).unwrap();
        let of_bucket = usize::try_from(told.rate.burst).unwrap();
        for volley in [&burst.writes, &burst.reads] {
            assert_eq!(volley.measured().unwrap().answered(), of_bucket, "{burst:?}");
        }
        let rate = burst.a_second.unwrap();
        assert!((rate / f64::from(told.rate.per_second) - 1.0).abs() < 0.05, "{rate}");

        let lifetime = measured.status_lifetime.as_ref().and_then(Found::measured).unwrap();
        for one in [&lifetime.create, &lifetime.delete] {
            let one = one.as_ref().unwrap();
            match told.retention.map(Duration::from_secs) {
                Some(kept) if kept < order.status_for => {
                    let apart = Duration::from_secs(3) + kept / 20;
                    let gone = one.gone_after.unwrap().0;
                    assert!(one.known_for.0 < kept && one.known_for.0 + apart >= kept, "{one:?}");
                    assert!(gone + Duration::from_secs(1) >= kept && gone <= kept + apart, "{one:?}");
                }
                Some(_) | None => {
                    assert_eq!(one.gone_after, None);
                    assert!(one.known_for.0 >= order.status_for, "{one:?}");
                }
            }
        }

        let settings = probe::settings(&measured);
        let values: Vec<Option<&str>> = settings.iter().map(|one| one.value.as_deref()).collect();
        assert_eq!(values, told.settings, "{settings:?}");
        let report = ProbeReport {
            format: cli::report::FORMAT,
            at: "2026-11-02T09:00:00Z".parse().unwrap(),
            instance: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6".parse().unwrap(),
            account: super::SANDBOX.parse().unwrap(),
            measured,
            interrupted: false,
            left,
            settings,
        };
        is_read_back(&probe::env_file(&report), &told.settings);
    }
}

/// The file is one of variables that are all settings, and they are taken.
fn is_read_back(file: &str, values: &[Option<&str>; 6]) {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let variables: Vec<(String, String)> = lines
        .map(|line| line.split_once('=').unwrap())
        .map(|(variable, value)| (variable.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(variables.len(), values.iter().flatten().count(), "{file}");
    let env = variables.clone();
    let of_env = move |variable: &str| env.iter().find(|(name, _)| name == variable).map(|(_, v)| v.clone());
    let engine = Env::reading(of_env).engine().unwrap();
    let default = EngineSettings::default();
    let number = |at: usize, default| values[at].map_or(default, |value: &str| value.parse().unwrap());
    assert_eq!(engine.window, number(0, 10));
    assert_eq!((engine.burst as usize, engine.rate as usize), (number(1, 10), number(2, 10)));
    for (at, time, default) in [
        (3, engine.lag, default.lag),
        (4, engine.settle_after, default.settle_after),
        (5, engine.patience, default.patience),
    ] {
        assert_eq!(time > default, values[at].is_some(), "{file}");
    }
    assert!(file.lines().all(|line| line.is_ascii() || line.starts_with('#')), "{file}");
}

#[tokio::test(start_paused = true)]
async fn steps_that_are_left_out_make_nothing_and_few_groups_tell_what_they_can() {
    let bench = Bench::new(5, Settings::default());
    let (measured, left) = bench.probe(&bench.order(&[Step::Burst], 3)).await;
    assert!(measured.burst.is_some() && measured.window.is_none() && measured.list_lag.is_none());
    assert!(left.is_empty());
    assert_eq!(bench.world().request_log().count(), 0, "calls that write name what there is not");

    let (measured, _) = bench.probe(&bench.order(&[Step::Window], 3)).await;
    let window = measured.window.as_ref().and_then(Found::measured).unwrap();
    assert_eq!((window.accepted, window.under_way, window.size(), window.deletes_count), (4, 4, None, None));
    assert_eq!(probe::settings(&measured)[0].value, None);

    let alone = Bench::new(1, Settings::default());
    let (measured, _) = alone.probe(&alone.order(&[Step::Window], 3)).await;
    let Some(Found::NotMeasured { why }) = measured.window else { panic!("{measured:?}") };
    assert!(why.contains("17"), "{why}");
    assert_eq!(alone.world().request_log().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_others_have_under_way_keeps_a_window_from_being_told() {
    let settings =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(30)), ..Settings::default() };
    let bench = Bench::new(14, settings);
    let mut order = bench.order(&[Step::Window], 1);
    let foreign = order.keys.pop().unwrap();
    let other = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        shared::ports::AccessWriter::grant(&bench.face, &foreign).await.unwrap();
    };
    let before = bench.assignments();
    let ((measured, left), ()) = tokio::join!(bench.probe(&order), other);
    let window = measured.window.as_ref().and_then(Found::measured).unwrap();
    // The first of the probe's is made in 30 seconds, and the others are sent then.
    assert_eq!((window.accepted, window.size(), window.of_others), (9, None, 1), "{window:?}");
    assert_eq!(window.deletes_count, None);
    assert_eq!(probe::settings(&measured)[0].value, None);
    assert!(left.is_empty());
    let mut now = bench.assignments();
    assert!(now.remove(&foreign).is_some(), "what others make stays");
    assert_eq!(now, before);
}
