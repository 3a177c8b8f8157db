//! A backlog of fifty thousand operations: straight through, handed over from run to run, and with engines that die in the middle.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::{
    engine::{RunEnd, Wake},
    ports::Clock as _,
};
use simulator::Latency;

use crate::{
    Extent, decider,
    engine::{Stage, settings},
    figures::{self, Sent, number, seconds},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Mix, Operations, Organization},
    writes::{Lists, Variant},
};

/// How often the work is handed over, or the engine is killed.
const BREAKS: usize = 20;

/// What happens to the engine in the middle.
#[derive(Debug, Clone, Copy)]
enum Breaks {
    Never,
    /// Never, but decisions grow as old as they may as shipped, and are made again then.
    AsShipped,
    /// Each run ends after this time, as if its Lambda had to.
    HandedOver(Duration),
    /// Each run but the last is dropped at any moment, on average after this time.
    Killed(Duration),
}

/// A stage with its work.
struct Begun {
    stage: Stage,
    operations: Operations,
    variant: Variant,
    at: Timestamp,
}

pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let variant = Variant {
        mix: Mix::Mixed,
        latency: Latency::Constant(Duration::from_secs(2)),
        window: 10,
        lists: Lists::NewestFirst,
        operations: match extent {
            Extent::Full => 50_000,
            Extent::Quick => 3_000,
        },
        accounts: 400,
    };
    // The others are compared with it.
    let (straight, took) = virtually(worked_off(variant, Breaks::Never, None))?;
    // A hundredth more, so that what handing over costs makes no further run.
    let between = Duration::from_secs_f64(1.01 * took / number(BREAKS + 1));
    let measurement = |breaks: Breaks| -> Measurement {
        Box::new(move || Ok(virtually(worked_off(variant, breaks, Some(took)))?.0))
    };
    let others = [Breaks::HandedOver(between), Breaks::Killed(between), Breaks::AsShipped].map(measurement);
    let mut rows = vec![straight];
    rows.extend(side_by_side(others.into())?);
    Ok(rows)
}

/// The row, and how many seconds it took.
async fn worked_off(variant: Variant, breaks: Breaks, straight: Option<f64>) -> Result<(Row, f64), Trouble> {
    let mut organization = Organization::with(variant.accounts, variant.world())?;
    let accounts = organization.accounts.clone();
    let operations = organization.operations(&accounts, variant.operations, variant.mix);
    let mut settings = settings(variant.window);
    settings.run_for = match breaks {
        Breaks::HandedOver(between) => between,
        Breaks::Never | Breaks::AsShipped | Breaks::Killed(_) => Duration::from_hours(1000),
    };
    if matches!(breaks, Breaks::AsShipped) {
        settings = decider::as_shipped(settings);
    }
    let stage = Stage::new(organization, settings, Duration::ZERO).await?;
    stage.intend(&operations).await?;
    let at = stage.clock.now();
    let begun = Begun { stage, operations, variant, at };
    let (name, runs, idle) = match breaks {
        Breaks::Never => ("straight", begun.stage.run_to_the_end(variant.patience()).await?, 0.0),
        Breaks::AsShipped => {
            ("as-shipped", decider::run_to_the_end(&begun.stage, variant.patience()).await?, 0.0)
        }
        Breaks::HandedOver(_) => ("handed-over", begun.stage.run_to_the_end(variant.patience()).await?, 0.0),
        Breaks::Killed(between) => {
            let (runs, idle) = begun.killed(between).await?;
            ("killed", runs, idle)
        }
    };
    Ok(begun.row(name, runs, idle, straight))
}

impl Begun {
    /// Runs that die at any moment, each followed by another once its lease has run out; tells how many runs there were, and
    /// how many seconds of leases they left behind.
    async fn killed(&self, between: Duration) -> Result<(u32, f64), Trouble> {
        let end = self.at + self.variant.patience();
        let (wake, mut runs, mut idle) = (Wake::first(), 0, 0.0);
        for dies in moments(between) {
            let run = self.stage.tidily(self.stage.run(&wake, end));
            runs += 1;
            tokio::select! {
                // Else Tokio draws lots, and no two runs are alike.
                biased;
                summary = run => {
                    let summary = summary.map_err(Trouble::while_doing("running the engine"))?;
                    if summary.end == RunEnd::Done {
                        return Ok((runs, idle));
                    }
                }
                () = self.stage.clock.sleep(dies) => {
                    if let Some(left) = self.stage.ledger.left_behind() {
                        idle += seconds(self.stage.clock.now(), left).max(0.0);
                        self.stage.sleep_until(left + SignedDuration::from_millis(1)).await;
                    }
                }
            }
        }
        Ok((runs + self.stage.run_to_the_end(self.variant.patience()).await?, idle))
    }

    /// The row, and how many seconds it took.
    fn row(&self, name: &str, runs: u32, idle: f64, straight: Option<f64>) -> (Row, f64) {
        let calls = self.stage.calls();
        let sent = Sent::of(&calls, self.at);
        let world = self.stage.world();
        let row = Row::new(format!("backlog/{name}"))
            .figure("operations", number(self.operations.len()))
            .figure("runs", f64::from(runs))
            .figure("seconds", sent.seconds)
            .figure("leases left behind (s)", idle);
        let more = straight.map(|straight| 100.0 * (sent.seconds - idle - straight) / straight);
        let row = match more {
            // What decisions cost that are made again is no part of the aim.
            Some(more) if name == "as-shipped" => row.figure("more time (%)", more),
            Some(more) => row.aimed("more time (%)", more, Aim::AtMost(1.0)),
            None => row,
        };
        let again = sent.accepted.saturating_sub(self.operations.len());
        let row = row
            .figure("efficiency", sent.efficiency(self.variant.window, self.variant.latency))
            .figure("calls per operation", sent.calls_per_operation())
            .aimed("lost", number(figures::undone(&world, &self.operations)), Aim::AtMost(0.0))
            .figure("sent again", number(again))
            .aimed("calls for a busy key", number(figures::overlapping(&world, &calls)), Aim::AtMost(0.0))
            .aimed("throttles", number(sent.throttles), Aim::AtMost(0.0))
            .aimed("conflicts", number(sent.conflicts), Aim::AtMost(0.0));
        (row, sent.seconds)
    }
}

/// How long each engine lives: from half the average to one and a half times, to the millisecond, the same in every run.
fn moments(average: Duration) -> impl Iterator<Item = Duration> {
    // Weyl's sequence by the golden ratio: spread evenly, and near no multiple of anything in the engine.
    (1..=BREAKS).map(move |n| average.mul_f64(0.5 + (number(n) * 0.618_033_988_75).fract()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_however_often_the_engine_is_killed() {
        let variant = Variant {
            mix: Mix::Mixed,
            latency: Latency::Constant(Duration::from_secs(2)),
            window: 10,
            lists: Lists::NewestFirst,
            operations: 300,
            accounts: 60,
        };
        let killed = Breaks::Killed(Duration::from_secs(5));
        let (row, seconds) = virtually(worked_off(variant, killed, Some(100.0))).unwrap();
        for figure in ["lost", "calls for a busy key"] {
            assert_eq!(row.get(figure), Some(0.0), "{row:?}");
        }
        assert!(row.get("runs").unwrap() > 5.0, "{row:?}");
        assert!(row.get("leases left behind (s)").unwrap() > 100.0, "{row:?}");
        assert!(seconds > 100.0 && row.get("more time (%)").is_some(), "{row:?}");
    }

    #[test]
    fn engines_live_for_different_times_that_are_near_the_average() {
        let lives: Vec<Duration> = moments(Duration::from_secs(100)).collect();
        assert_eq!(lives.len(), BREAKS);
        assert!(lives.iter().all(|life| (50..150).contains(&life.as_secs())), "{lives:?}");
        let all: Duration = lives.iter().sum();
        assert!((all.as_secs_f64() / number(BREAKS) - 100.0).abs() < 5.0, "{all:?}");
    }
}
