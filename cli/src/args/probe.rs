//! What can be measured in one's own organization.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::{LedgerArgs, duration};
use crate::keys::PrincipalText;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct ProbeArgs {
    /// The account to measure in, by its id or its name: a sandbox
    #[arg(value_name = "ACCOUNT", required_unless_present = "clean_up", value_parser = NonEmptyStringValueParser::new())]
    pub account: Option<String>,
    /// A permission set to assign there, best one made for it; may be given several times
    #[arg(
        long = "permission-set",
        value_name = "NAME",
        required_unless_present = "clean_up",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub permission_sets: Vec<String>,
    /// Whom to assign it to, best a group with nobody in it; may be given several times
    #[arg(long = "principal", value_name = "group:NAME|user:NAME", required_unless_present = "clean_up")]
    pub principals: Vec<PrincipalText>,
    /// Measure this only; several are separated by commas
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub only: Vec<Step>,
    /// How often provisioning and the lists are measured
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub repetitions: u32,
    /// How long at most to watch whether AWS still knows a request that has ended
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub status_for: Duration,
    /// Where what is made is written down before it is made; beside the ledger if you don't say
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Take away what an earlier probe has left, by its journal, and measure nothing
    #[arg(long, conflicts_with_all = ["account", "permission_sets", "principals", "only", "out"])]
    pub clean_up: bool,
    /// Also what is there after a call that got no answer, and can't be proved to be the probe's
    #[arg(long, requires = "clean_up")]
    pub even_uncertain: bool,
    /// Write the settings that follow to this file, which is not there yet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    /// How long requests take to make an assignment, and to take it away
    ProvisioningTime,
    /// How late the lists of assignments show it
    ListLag,
    /// How late the lists of requests show one, and in which order they are
    StatusLists,
    /// How many requests may be under way at once, and whether those that take away count
    Window,
    /// How many calls may come at once, and how many a second after that
    Burst,
    /// How long AWS knows a request that has ended
    StatusLifetime,
}

impl ProbeArgs {
    /// What is to be measured.
    pub fn steps(&self) -> std::collections::BTreeSet<Step> {
        if self.only.is_empty() {
            Step::value_variants().iter().copied().collect()
        } else {
            self.only.iter().copied().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(line: &str) -> Option<ProbeArgs> {
        let parsed = Cli::try_parse_from(line.split(' ')).ok()?;
        if let Command::Probe(probe) = parsed.command { Some(probe) } else { None }
    }

    #[test]
    fn a_probe_names_everything_that_it_makes_and_a_clean_up_nothing() {
        let whole = "usher probe sandbox --permission-set Probe --principal group:Probe";
        assert_eq!(parse(whole).unwrap().steps().len(), 6);
        let some = parse(&format!("{whole} --principal group:Other --only window,burst")).unwrap();
        assert_eq!((some.principals.len(), some.steps()), (2, [Step::Window, Step::Burst].into()));
        assert!(parse("usher probe --clean-up").unwrap().clean_up);
        for wrong in [
            "usher probe",
            "usher probe sandbox --permission-set Probe",
            "usher probe sandbox --principal group:Probe",
            "usher probe sandbox --clean-up",
            "usher probe --even-uncertain",
            "usher probe sandbox --permission-set Probe --principal Probe",
            "usher probe sandbox --permission-set Probe --principal group:Probe --repetitions 0",
            "usher probe sandbox --permission-set Probe --principal group:Probe --status-for soon",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
