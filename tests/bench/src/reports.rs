//! What it takes to make a report of a large organization once everything has been read, and how large it is.

mod estate;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use shared::audit::{Audit, Remembered, changes, csv};

use crate::{Extent, row::Row, trouble::Trouble};
use estate::{Estate, Size};

/// Where the report is left, for whatever shows reports to be tried with: `usher audit --from` reads it.
const LEFT_AT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench-audit.json");

/// Each is done so often; the median counts.
const TIMES: usize = 5;

/// A megabyte, as files are told.
const MB: f64 = 1_000_000.0;

pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let large = Size { accounts: 1_000, sets: 100, people: 2_000, groups: 500, assignments: 50_000 };
    let sizes = match extent {
        Extent::Full => vec![
            large,
            Size { accounts: 5_000, sets: 100, people: 10_000, groups: 1_000, assignments: 250_000 },
        ],
        Extent::Quick => vec![Size { accounts: 100, sets: 20, people: 200, groups: 50, assignments: 5_000 }],
    };
    let mut rows = Vec::new();
    for size in sizes {
        let (row, report) = one(size)?;
        rows.push(row);
        if size == large || extent == Extent::Quick {
            let path = Path::new(LEFT_AT);
            fs::write(path, report).map_err(|source| Trouble::write(path, source))?;
        }
    }
    Ok(rows)
}

fn one(size: Size) -> Result<(Row, Vec<u8>), Trouble> {
    let estate = Estate::of(size).map_err(Trouble::while_doing("making an organization"))?;
    let mut compiled: Option<Audit> = None;
    let compile = median(|| {
        let findings = estate.findings();
        let began = Instant::now();
        compiled = Some(findings.compile());
        began.elapsed()
    });
    let audit = compiled.ok_or(Trouble::Nothing("a report"))?;
    let mut written = Vec::new();
    let json = median(|| {
        let began = Instant::now();
        written = serde_json::to_vec(&audit).unwrap_or_default();
        began.elapsed()
    });
    let mut table = String::new();
    let to_csv = median(|| {
        let began = Instant::now();
        table = csv::assignments(&audit, &audit.assignments).unwrap_or_default();
        began.elapsed()
    });
    let mut read: Option<Audit> = None;
    let reading = median(|| {
        let began = Instant::now();
        read = serde_json::from_slice(&written).ok();
        began.elapsed()
    });
    let before = read.ok_or(Trouble::Nothing("a report that can be read again"))?;
    let comparing = median(|| {
        let began = Instant::now();
        let found = changes(&before, &audit, &Remembered::default());
        assert!(found.is_empty(), "nothing has changed");
        began.elapsed()
    });
    let name = format!(
        "{} accounts, {} permission sets, {} people, {} assignments",
        size.accounts,
        size.sets,
        size.people,
        audit.assignments.len()
    );
    let row = Row::new(name)
        .figure("compile (ms)", milliseconds(compile))
        .figure("to JSON (ms)", milliseconds(json))
        .figure("JSON (MB)", megabytes(written.len()))
        .figure("to CSV (ms)", milliseconds(to_csv))
        .figure("CSV (MB)", megabytes(table.len()))
        .figure("read (ms)", milliseconds(reading))
        .figure("compare (ms)", milliseconds(comparing));
    Ok((row, written))
}

fn median(mut once: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..TIMES).map(|_| once()).collect();
    all.sort_unstable();
    all.get(TIMES / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a size of a file")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / MB
}
