//! A backlog of operations, through the window of outstanding requests.

use std::time::Duration;

use shared::{engine::EngineSettings, ports::Clock as _};
use simulator::{Assumptions, Latency, Settings, StatusOrder};

use crate::{
    Extent, decider,
    engine::{Stage, settings},
    figures::{self, Sent, number},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Mix, Organization},
};

/// How AWS lists requests by their status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lists {
    /// The newest first, and up to date.
    NewestFirst,
    /// In no order, and five seconds old.
    Hostile,
}

/// One variant of the work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) mix: Mix,
    pub(crate) latency: Latency,
    pub(crate) window: usize,
    pub(crate) lists: Lists,
    pub(crate) operations: usize,
    pub(crate) accounts: usize,
}

/// The latencies: constant ones, and one with a long tail.
pub(crate) fn latencies() -> Vec<Latency> {
    let constant = [1, 2, 5, 15, 60].map(|seconds| Latency::Constant(Duration::from_secs(seconds)));
    let tail = Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(20) };
    constant.into_iter().chain([tail]).collect()
}

/// How a latency is called in names of rows.
pub(crate) fn latency_name(latency: Latency) -> String {
    match latency {
        Latency::Constant(duration) => format!("L={}", duration.as_secs()),
        Latency::Uniform { .. } => "L=uniform".to_owned(),
        Latency::LogNormal { .. } => "L=log-normal".to_owned(),
    }
}

impl Variant {
    /// `grants/L=2/window=10`, and `/hostile` where lists are.
    pub(crate) fn name(&self) -> String {
        let lists = match self.lists {
            Lists::NewestFirst => "",
            Lists::Hostile => "/hostile",
        };
        format!("{}/{}/window={}{lists}", self.mix.name(), latency_name(self.latency), self.window)
    }

    /// The world of this variant.
    pub(crate) fn world(&self) -> Settings {
        let mut settings = Settings { assignment_latency: self.latency, ..Settings::default() };
        settings.quotas.outstanding = self.window;
        settings.assumptions = match self.lists {
            Lists::NewestFirst => Assumptions::default(),
            Lists::Hostile => Assumptions {
                status_order: StatusOrder::Unordered,
                status_lag: Duration::from_secs(5),
                ..Assumptions::default()
            },
        };
        settings
    }

    /// How long it may take before it is given up: fifty times what the window allows, and an hour.
    pub(crate) fn patience(&self) -> Duration {
        let ideal = number(self.operations) / figures::most_a_second(self.window, self.latency);
        Duration::from_secs_f64(ideal * 50.0 + 3600.0)
    }

    fn aimed_calls(&self) -> f64 {
        match (self.lists, self.mix) {
            (Lists::Hostile, _) => 3.0,
            (Lists::NewestFirst, Mix::Mixed) => 2.5,
            (Lists::NewestFirst, Mix::Grants) => 1.7,
        }
    }

    fn aimed_efficiency(&self) -> f64 {
        match self.latency {
            Latency::Constant(_) => 0.98,
            Latency::Uniform { .. } | Latency::LogNormal { .. } => 0.95,
        }
    }

    /// What the world has seen.
    pub(crate) fn figures(&self, name: String, sent: Sent, most_outstanding: usize, undone: usize) -> Row {
        Row::new(name)
            .figure("operations", number(sent.accepted))
            .figure("seconds", sent.seconds)
            .figure("efficiency", sent.efficiency(self.window, self.latency))
            .figure("calls per operation", sent.calls_per_operation())
            .figure("throttles", number(sent.throttles))
            .figure("conflicts", number(sent.conflicts))
            .figure("most outstanding", number(most_outstanding))
            .figure("undone", number(undone))
    }

    /// The same, with what is aimed at.
    fn aimed(&self, row: Row) -> Row {
        row.aim("efficiency", Aim::AtLeast(self.aimed_efficiency()))
            .aim("calls per operation", Aim::AtMost(self.aimed_calls()))
            .aim("throttles", Aim::AtMost(0.0))
            .aim("conflicts", Aim::AtMost(0.0))
            .aim("undone", Aim::AtMost(0.0))
    }
}

/// All variants of the work.
pub(crate) fn variants(extent: Extent) -> Vec<Variant> {
    let mut variants = Vec::new();
    for lists in [Lists::NewestFirst, Lists::Hostile] {
        for mix in [Mix::Grants, Mix::Mixed] {
            for window in [10, 15] {
                for latency in latencies() {
                    let (operations, accounts) = match extent {
                        Extent::Full => (5000, 400),
                        Extent::Quick => (300, 40),
                    };
                    variants.push(Variant { mix, latency, window, lists, operations, accounts });
                }
            }
        }
    }
    if extent == Extent::Quick {
        variants.retain(|variant| variant.window == 10);
    }
    variants
}

/// A latency with a long tail is drawn anew for each of these seeds, and the least of what comes is told.
const SEEDS: [u64; 3] = [1, 2, 3];

/// What else may be so around a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Whoever decides keeps the decisions fresh, and the ledger answers at once.
    Nothing,
    /// Decisions are as old as they are: from a quarter of a minute on, the engine looks once more before each grant.
    OldDecisions,
    /// The same, and decisions of more than a quarter of an hour are made again: all ages as they are shipped.
    AsShipped,
    /// Each call of the ledger takes 8 ms, as DynamoDB's do.
    RemoteLedger,
}

/// The engine with every variant of the work, and some of them with what is around it.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let measurement = |variant: Variant, around: Around| -> Measurement {
        Box::new(move || {
            let seeds: &[u64] = match variant.latency {
                Latency::LogNormal { .. } | Latency::Uniform { .. } => &SEEDS,
                Latency::Constant(_) => SEEDS.get(..1).unwrap_or_default(),
            };
            let rows = seeds.iter().map(|seed| virtually(backlog(variant, around, *seed)));
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            Ok(Row::least(&rows, "efficiency").unwrap_or_else(|| Row::new(variant.name())))
        })
    };
    let variants = variants(extent);
    let mut measurements: Vec<Measurement> =
        variants.iter().map(|variant| measurement(*variant, Around::Nothing)).collect();
    for (around, mix) in [
        (Around::RemoteLedger, Mix::Grants),
        (Around::OldDecisions, Mix::Grants),
        (Around::AsShipped, Mix::Mixed),
    ] {
        for variant in &variants {
            let seconds = [2, 5].map(|seconds| Latency::Constant(Duration::from_secs(seconds)));
            let plain = variant.lists == Lists::NewestFirst && variant.mix == mix;
            if plain && variant.window == 10 && seconds.contains(&variant.latency) {
                measurements.push(measurement(*variant, around));
            }
        }
    }
    side_by_side(measurements)
}

async fn backlog(variant: Variant, around: Around, seed: u64) -> Result<Row, Trouble> {
    let mut settings = settings(variant.window);
    let (suffix, ledger_takes) = match around {
        Around::Nothing => ("", Duration::ZERO),
        Around::OldDecisions => {
            settings.look_age = EngineSettings::default().look_age;
            ("/old-decisions", Duration::ZERO)
        }
        Around::AsShipped => {
            settings = decider::as_shipped(settings);
            ("/as-shipped", Duration::ZERO)
        }
        Around::RemoteLedger => ("/ledger=8ms", Duration::from_millis(8)),
    };
    let name = format!("writes/{}{suffix}", variant.name());
    let mut organization = Organization::with(variant.accounts, Settings { seed, ..variant.world() })?;
    let accounts = organization.accounts.clone();
    let operations = organization.operations(&accounts, variant.operations, variant.mix);
    let stage = Stage::new(organization, settings, ledger_takes).await?;
    stage.intend(&operations).await?;
    let began = stage.clock.now();
    if around == Around::AsShipped {
        decider::run_to_the_end(&stage, variant.patience()).await?;
    } else {
        stage.run_to_the_end(variant.patience()).await?;
    }
    let sent = Sent::of(&stage.calls(), began);
    let world = stage.world();
    let undone = figures::undone(&world, &operations);
    Ok(variant.aimed(variant.figures(name, sent, world.counters().most_outstanding, undone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_easy_settings_everything_is_done_and_nothing_is_refused() {
        let variant = Variant {
            mix: Mix::Mixed,
            latency: Latency::Constant(Duration::from_secs(2)),
            window: 10,
            lists: Lists::NewestFirst,
            operations: 50,
            accounts: 10,
        };
        let row = virtually(backlog(variant, Around::Nothing, 1)).unwrap();
        for (figure, value) in [("operations", 50.0), ("undone", 0.0), ("throttles", 0.0), ("conflicts", 0.0)]
        {
            assert_eq!(row.get(figure), Some(value), "{figure}");
        }
        let most = row.get("most outstanding").unwrap();
        assert!((1.0..=10.0).contains(&most), "{most}");
        let calls = row.get("calls per operation").unwrap();
        assert!((1.0..20.0).contains(&calls), "{calls}");
        let efficiency = row.get("efficiency").unwrap();
        assert!((0.05..1.5).contains(&efficiency), "{efficiency}");
    }

    #[test]
    fn what_has_waited_too_long_is_decided_again_and_done() {
        // Five under way that take a minute each: the last wait twenty minutes and more.
        let variant = Variant {
            mix: Mix::Mixed,
            latency: Latency::Constant(Duration::from_mins(1)),
            window: 5,
            lists: Lists::NewestFirst,
            operations: 110,
            accounts: 20,
        };
        let row = virtually(backlog(variant, Around::AsShipped, 1)).unwrap();
        assert_eq!(row.get("undone"), Some(0.0), "{row:?}");
        assert!(row.get("seconds").unwrap() > 1_200.0, "{row:?}");
        let never_old = virtually(backlog(variant, Around::OldDecisions, 1)).unwrap();
        let calls = |row: &Row| row.get("calls per operation").unwrap();
        assert!(calls(&row) > calls(&never_old), "a decision costs a look: {row:?} {never_old:?}");
    }

    #[test]
    fn every_variant_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            variants(Extent::Full).iter().map(Variant::name).collect();
        assert_eq!(names.len(), variants(Extent::Full).len());
        assert!(names.contains("grants/L=2/window=10"), "{names:?}");
    }
}
