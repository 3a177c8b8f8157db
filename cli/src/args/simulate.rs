//! What `usher simulate` can be told.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Args;

use super::{LedgerAt, duration, ledger::ledger_at};

/// The highest speed. The ledger's lease, 90 seconds by the simulated clock, must outlast any call of the AWS SDK, which takes real time.
const FASTEST: u32 = 100;

#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// The loopback port to listen on; 0 for one that is free, which is then printed
    #[arg(long, value_name = "N", default_value_t = 4580)]
    pub port: u16,
    /// The organization to begin with; the example organization if absent
    #[arg(long, value_name = "FILE")]
    pub organization: Option<PathBuf>,
    /// The rule files, or the folder that they are in; rules for the example organization if absent
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with = "without_functions")]
    pub rules: Vec<PathBuf>,
    /// Keep the ledger in this file, and the rules in force beside it; a temporary one if absent
    #[arg(long, value_name = "PATH", value_parser = ledger_file, conflicts_with = "without_functions")]
    pub ledger: Option<PathBuf>,
    /// Append what comes of it to this file: outcomes, one JSON document a line
    #[arg(long, value_name = "PATH", conflicts_with = "without_functions")]
    pub outcomes: Option<PathBuf>,
    /// How many seconds pass in a real one; 1 is real time
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub speed: NonZeroU32,
    /// The bare simulator: nothing reacts to what happens in it
    #[arg(long)]
    pub without_functions: bool,
    /// The pause between two sweeps, by the simulated clock
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration, conflicts_with = "without_functions")]
    pub sweep_every: Duration,
    /// Keep reports of who has access to what in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "without_functions")]
    pub reports: Option<PathBuf>,
    /// The least time from one report to the next, by the simulated clock
    #[arg(long, value_name = "TIME", default_value = "20h", value_parser = duration, requires = "reports")]
    pub audit_every: Duration,
}

fn ledger_file(text: &str) -> Result<PathBuf, String> {
    match ledger_at(text)? {
        LedgerAt::File(path) => Ok(path),
        LedgerAt::Table(_) => {
            Err("what is simulated keeps its ledger in a file; one of that name is ./dynamodb:…".to_owned())
        }
    }
}

fn speed(text: &str) -> Result<NonZeroU32, String> {
    let speed = text.parse().ok().and_then(NonZeroU32::new).filter(|speed| speed.get() <= FASTEST);
    speed.ok_or_else(|| format!("write a whole number from 1 (real time) to {FASTEST}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{Cli, args::Command};

    fn parse(more: &[&str]) -> Result<SimulateArgs, clap::Error> {
        let line = ["usher", "simulate"].iter().chain(more);
        let Command::Simulate(simulate) = Cli::try_parse_from(line)?.command else { panic!("not simulate") };
        Ok(simulate)
    }

    #[test]
    fn nothing_needs_to_be_said() {
        let simulate = parse(&[]).unwrap();
        assert_eq!((simulate.port, simulate.speed.get()), (4580, 1));
        assert_eq!(simulate.sweep_every, Duration::from_mins(15));
        assert!(simulate.reports.is_none() && parse(&["--audit-every", "1h"]).is_err());
        assert!(simulate.organization.is_none() && simulate.rules.is_empty() && simulate.ledger.is_none());
    }

    #[test]
    fn a_speed_is_a_whole_number_that_the_lease_can_stand() {
        assert_eq!(parse(&["--speed", "60"]).unwrap().speed.get(), 60);
        for wrong in ["0", "-1", "1.5", "fast", "101", "99999999999"] {
            let error = parse(&["--speed", wrong]).unwrap_err().to_string();
            assert!(
                error.contains("1 (real time) to 100") || error.contains("unexpected argument"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_table_is_no_ledger_for_what_is_simulated() {
        let error = parse(&["--ledger", "dynamodb:usher-ledger"]).unwrap_err().to_string();
        assert!(error.contains("keeps its ledger in a file"), "{error}");
        assert_eq!(parse(&["--ledger", "a/b.db"]).unwrap().ledger.unwrap(), PathBuf::from("a/b.db"));
    }

    #[test]
    fn without_functions_there_is_nothing_that_rules_a_ledger_or_sweeps_would_be_for() {
        assert!(parse(&["--without-functions", "--port", "0"]).unwrap().without_functions);
        for beside in [["--rules", "a"], ["--ledger", "a"], ["--sweep-every", "1h"], ["--reports", "a"]] {
            assert!(parse(&["--without-functions", beside[0], beside[1]]).is_err(), "{beside:?}");
        }
    }
}
