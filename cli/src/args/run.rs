//! What `usher run` can be told.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{LedgerArgs, duration};

#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The rule files, or the folder that they are in, to be brought into force at the start; those in force if absent
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The pause between two sweeps
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        help = "The pause between two sweeps; USHER_SWEEP_EVERY if absent, else 30m"
    )]
    pub sweep_every: Option<Duration>,
    /// An SQS queue that EventBridge puts events into
    #[arg(
        long,
        value_name = "URL",
        value_parser = queue_url,
        help = "An SQS queue that EventBridge puts events into; USHER_EVENTS_QUEUE_URL says the same"
    )]
    pub events_queue: Option<String>,
    /// Read the queues of the deployed functions, by the variables that they have, instead of queues in this process
    #[arg(long)]
    pub deployed_queues: bool,
    /// Append what comes of it to this file: outcomes, one JSON document a line
    #[arg(long, value_name = "PATH")]
    pub outcomes: Option<PathBuf>,
    /// Keep reports of who has access to what in this folder
    #[arg(long, value_name = "DIR")]
    pub reports: Option<PathBuf>,
    /// The least time from one report to the next
    #[arg(long, value_name = "TIME", default_value = "20h", value_parser = duration, requires = "reports")]
    pub audit_every: Duration,
    /// Print one JSON document a line instead of text
    #[arg(long)]
    pub json: bool,
}

fn queue_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = rest.and_then(|rest| rest.split_once('/')).is_some_and(|(host, path)| {
        !host.is_empty() && !path.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
    });
    if fits {
        Ok(text.to_owned())
    } else {
        Err("write its URL: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{
        Cli,
        args::{Command, LedgerAt},
    };

    fn parse(more: &[&str]) -> Result<RunArgs, clap::Error> {
        let line = ["usher", "run"].iter().chain(more);
        let Command::Run(run) = Cli::try_parse_from(line)?.command else { panic!("not run") };
        Ok(run)
    }

    #[test]
    fn nothing_needs_to_be_said() {
        let run = parse(&[]).unwrap();
        assert!(run.rules.is_empty() && run.events_queue.is_none() && !run.deployed_queues && !run.json);
        assert_eq!(run.ledger.at, LedgerAt::File(".usher/ledger.db".into()));
        assert!(
            run.sweep_every.is_none() && run.reports.is_none() && parse(&["--audit-every", "1h"]).is_err()
        );
    }

    #[test]
    fn a_queue_is_told_by_its_url() {
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/usher-events";
        assert_eq!(parse(&["--events-queue", url]).unwrap().events_queue.as_deref(), Some(url));
        for wrong in ["usher-events", "https://", "https://host", "arn:aws:sqs:eu-west-1:111122223333:a"] {
            let error = parse(&["--events-queue", wrong]).unwrap_err().to_string();
            assert!(error.contains("https://sqs.REGION"), "{error}");
        }
    }
}
