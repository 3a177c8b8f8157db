//! The table at the end: which check passed, and how long it took.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::failure::{self, Failure};

/// What was run so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    failure: Option<Failure>,
    took: Duration,
}

impl Report {
    /// Runs one check under its own heading and remembers how it went.
    pub(crate) fn check(&mut self, name: &'static str, run: impl FnOnce() -> Result<(), Failure>) {
        println!("\n=== {name}");
        let started = Instant::now();
        let failure = run().err();
        if let Some(failure) = &failure {
            println!("failed: {failure}");
        }
        self.lines.push(Line { name, failure, took: started.elapsed() });
    }

    /// Prints the table; fails when a check did.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!("\n=== results\n{self}");
        failure::none(
            self.lines
                .into_iter()
                .filter_map(|Line { name, failure, took: _ }| Some(format!("{name}: {}", failure?)))
                .collect(),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
        for Line { name, failure, took } in &self.lines {
            let result = if failure.is_some() { "FAILED" } else { "ok" };
            writeln!(f, "{name:width$}  {result:6}  {:>7.1} s", took.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_fails_the_whole_and_the_others_are_still_run() {
        let mut report = Report::default();
        report.check("first", || Err(Failure::Broken(vec!["it is wrong".to_owned()])));
        report.check("second", || Ok(()));

        let table = report.to_string();
        assert!(table.contains("first   FAILED") && table.contains("second  ok"), "{table}");
        assert_eq!(report.finish().unwrap_err().to_string(), "first: it is wrong");
    }
}
