//! What deciding costs: the rules of a large organization resolved and compared, account by account, on one core.

mod estate;
mod sampled;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{Account, AssignmentKey, InvalidId, Mode, RuleId, RulesVersion},
    ledger::{Cause, Orders, Row, State},
    plan::{self, Actual, ManagementWrites, Plan, Quotas, Situation},
    resolve::{self, Desired},
    rules::Index,
};

use crate::{
    Extent,
    row::{Aim, Row as Line},
};
use estate::{Estate, PER_ACCOUNT};
use sampled::Watch;

/// Why planning could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the benchmark's organization can't be made")]
    Id(#[from] InvalidId),
    #[error("the benchmark's rules can't be read: {0}")]
    Rules(String),
    #[error("{0} assignments were decided, and not the {1} that there are")]
    Count(usize, usize),
    #[error("the samples can't be kept")]
    Sampled(#[from] std::io::Error),
}

/// So many accounts are gone through step by step, so that each step is long enough to be measured.
const TOGETHER: usize = 50;

/// For about so long what is short is repeated for each sample.
const REPEATED: Duration = Duration::from_millis(100);

/// What the ledger and AWS have of what the rules want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Everything,
}

pub(crate) fn measure(extent: Extent) -> Result<Vec<Line>, Trouble> {
    let part = if extent == Extent::Quick { 100 } else { 1 };
    let small = estate::estate(10_000 / part)?;
    let index = small.index()?;
    let mut lines = vec![reading(&small)?];
    let (one, peak) = all(&small, &index, Before::Everything)?;
    lines.push(line(&small, Before::Everything, one, peak));
    let (new, peak) = all(&small, &index, Before::Nothing)?;
    lines.push(line(&small, Before::Nothing, new, peak));
    lines.push(looking(&small, &index)?);
    drop(small);

    let large = estate::estate(20_000 / part)?;
    for (before, half) in [(Before::Everything, one), (Before::Nothing, new)] {
        let (took, peak) = all(&large, &index, before)?;
        let times = took.all().as_secs_f64() / half.all().as_secs_f64();
        lines.push(line(&large, before, took, peak).aimed("times half the size", times, Aim::AtMost(2.2)));
    }
    Ok(lines)
}

/// How long the parts of a round took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    needs: Duration,
    desired: Duration,
    plan: Duration,
    assignments: usize,
}

impl Took {
    fn all(&self) -> Duration {
        self.needs + self.desired + self.plan
    }
}

fn line(estate: &Estate, before: Before, took: Took, peak: Option<f64>) -> Line {
    let accounts = with_thousands(estate.accounts.len());
    let name = match before {
        Before::Nothing => format!("{accounts} accounts, all is new"),
        Before::Everything => format!("{accounts} accounts, nothing changed"),
    };
    let seconds = took.all().as_secs_f64();
    // A second and 256 MiB for a million assignments.
    let million = as_figure(took.assignments) / 1e6;
    let line = Line::new(name)
        .figure("assignments", as_figure(took.assignments))
        .figure("needs (s)", took.needs.as_secs_f64())
        .figure("desired (s)", took.desired.as_secs_f64())
        .figure("plan (s)", took.plan.as_secs_f64())
        .aimed("whole (s)", seconds, Aim::AtMost(million));
    match peak {
        Some(peak) => line.aimed("peak (MiB)", peak, Aim::AtMost(256.0)),
        None => line,
    }
}

/// Decides about all accounts, a few at a time. What was decided about some is gone when the next are looked at.
fn all(estate: &Estate, index: &Index, before: Before) -> Result<(Took, Option<f64>), Trouble> {
    let bench = Bench::new(index, estate)?;
    let mut rounds = Vec::new();
    forget_peak();
    let name = format!("{} accounts", estate.accounts.len());
    let median = sampled::median(&name, Duration::from_millis(1), |times| {
        let mut all = Duration::ZERO;
        for _ in 0..times {
            let took = round(&bench, before)?;
            all += took.all();
            rounds.push(took);
        }
        Ok(all)
    })?;
    // The parts of the round that is nearest to it.
    let nearest = rounds.into_iter().min_by_key(|took| took.all().abs_diff(median)).unwrap_or_default();
    Ok((nearest, peak()))
}

fn round(bench: &Bench<'_>, before: Before) -> Result<Took, Trouble> {
    let Bench { estate, index, now, .. } = *bench;
    let expected = if before == Before::Nothing { PER_ACCOUNT } else { 0 };
    let mut took = Took::default();
    for some in estate.accounts.chunks(TOGETHER) {
        let before: Vec<_> = some.iter().map(|account| bench.before(account, before)).collect();
        let watch = Watch::start();
        for account in some {
            drop(std::hint::black_box(resolve::needs(index, account, now)));
        }
        took.needs += watch.elapsed();
        let watch = Watch::start();
        let desired = |account| resolve::desired(index, account, &estate.facts, now);
        let desired: Vec<_> = some.iter().map(desired).collect();
        took.desired += watch.elapsed();
        let watch = Watch::start();
        for ((account, desired), (rows, actual)) in some.iter().zip(&desired).zip(&before) {
            took.assignments += desired.wanted.len();
            let plan = std::hint::black_box(bench.plan(account, desired, rows, actual));
            if plan.actions.len() != expected {
                return Err(Trouble::Count(plan.actions.len(), expected));
            }
        }
        took.plan += watch.elapsed();
        let watch = Watch::start();
        drop(desired);
        took.desired += watch.elapsed();
    }
    let wanted = estate.accounts.len() * PER_ACCOUNT;
    if took.assignments == wanted { Ok(took) } else { Err(Trouble::Count(took.assignments, wanted)) }
}

/// One account: from its tags and its rows to its plan, with everything that was looked up at hand: what has to be looked up, what the rules
/// want, and what is to be done.
fn looking(estate: &Estate, index: &Index) -> Result<Line, Trouble> {
    let bench = Bench::new(index, estate)?;
    let mut accounts = estate.accounts.iter().cycle();
    let took = sampled::median("one account", REPEATED, |times| {
        let some: Vec<_> = accounts.by_ref().take(usize::try_from(times).unwrap_or(usize::MAX)).collect();
        let (rows, actual) = (Vec::new(), Actual { present: BTreeSet::new(), read_at: bench.now });
        let watch = Watch::start();
        for account in some {
            drop(std::hint::black_box(resolve::needs(index, account, bench.now)));
            let desired = resolve::desired(index, account, &estate.facts, bench.now);
            drop(std::hint::black_box(bench.plan(account, &desired, &rows, &actual)));
        }
        Ok(watch.elapsed())
    })?;
    Ok(Line::new("one account, all is new").figure("assignments", as_figure(PER_ACCOUNT)).aimed(
        "one account (ms)",
        took.as_secs_f64() * 1e3,
        Aim::AtMost(1.0),
    ))
}

/// Reading and compiling the rules: once for each version in each process.
fn reading(estate: &Estate) -> Result<Line, Trouble> {
    let took = sampled::median("reading", REPEATED, |times| {
        let watch = Watch::start();
        for _ in 0..times {
            drop(std::hint::black_box(estate.index()?));
        }
        Ok(watch.elapsed())
    })?;
    let figures = vec![("rules", as_figure(estate::RULES)), ("read (ms)", took.as_secs_f64() * 1e3)];
    Ok(Line::of("reading the rules", figures))
}

/// What all decisions of a round share.
struct Bench<'a> {
    index: &'a Index,
    estate: &'a Estate,
    rules: RulesVersion,
    cause: Cause,
    orders: Orders,
    now: Timestamp,
}

impl<'a> Bench<'a> {
    fn new(index: &'a Index, estate: &'a Estate) -> Result<Self, Trouble> {
        Ok(Self {
            index,
            estate,
            rules: estate.bundle.version(),
            cause: Cause::new("sweep", "bench"),
            orders: Orders::default(),
            now: Timestamp::from_second(1_800_000_000).map_err(|error| Trouble::Rules(error.to_string()))?,
        })
    }

    /// What there is of an account before it is decided. Not measured: the ledger and AWS give it.
    fn before(&self, account: &Account, before: Before) -> (Vec<Row>, Actual) {
        let mut actual = Actual { present: BTreeSet::new(), read_at: self.now };
        if before == Before::Nothing {
            return (Vec::new(), actual);
        }
        let desired = resolve::desired(self.index, account, &self.estate.facts, self.now);
        actual.present = desired.wanted.keys().map(read_anew).collect();
        let rows = desired
            .wanted
            .into_iter()
            .map(|(key, wanted_by)| self.ours(read_anew(&key), wanted_by))
            .collect();
        (rows, actual)
    }

    /// A row of what was granted long ago.
    fn ours(&self, key: AssignmentKey, wanted_by: BTreeMap<RuleId, Mode>) -> Row {
        Row {
            key,
            version: 3,
            state: State::Ours,
            wanted_by,
            rules: Some(self.rules.clone()),
            cause: self.cause.clone(),
            attempts: 1,
            conflicts: 0,
            changed_at: self.now - SignedDuration::from_hours(24),
            missing_since: None,
            departed_since: None,
            orphaned_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            overheard: None,
            look_again: false,
            trouble: None,
            approval: None,
            hold: None,
            over_budget: None,
        }
    }

    fn plan(&self, account: &Account, desired: &Desired, rows: &[Row], actual: &Actual) -> Plan {
        plan::plan(&Situation {
            account,
            desired,
            rows,
            actual,
            principals: &estate::principals(),
            vanished: &BTreeSet::new(),
            orders: &self.orders,
            mode: self.index.settings().mode,
            rules: &self.rules,
            cause: &self.cause,
            management: ManagementWrites::Withheld,
            quotas: Quotas::default(),
            lag: SignedDuration::from_mins(5),
            orphan_grace: SignedDuration::from_hours(24),
            intent_age: SignedDuration::from_mins(15),
            now: self.now,
        })
    }
}

/// The same key, as it comes from AWS or from the ledger: it shares no text with any other.
fn read_anew(key: &AssignmentKey) -> AssignmentKey {
    let AssignmentKey { account, permission_set, principal } = key;
    AssignmentKey {
        account: account.as_str().parse().unwrap_or_else(|_| account.clone()),
        permission_set: permission_set.as_str().parse().unwrap_or_else(|_| permission_set.clone()),
        principal: principal.to_string().parse().unwrap_or_else(|_| principal.clone()),
    }
}

/// `10,000`
fn with_thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
fn as_figure(count: usize) -> f64 {
    count as f64
}

/// Has Linux forget how much memory this process once held.
fn forget_peak() {
    // Elsewhere there is no such file, and no figure either.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process held since [`forget_peak`], in MiB, where the system tells.
fn peak() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(as_figure(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_work_is_named_as_what_it_is_and_every_row_has_its_figures() {
        let lines = measure(Extent::Quick).unwrap();
        let names: Vec<&str> = lines.iter().map(Line::name).collect();
        assert_eq!(
            names,
            [
                "reading the rules",
                "100 accounts, nothing changed",
                "100 accounts, all is new",
                "one account, all is new",
                "200 accounts, nothing changed",
                "200 accounts, all is new",
            ]
        );
        assert!(lines[3].get("one account (ms)").unwrap() > 0.0, "{:?}", lines[3]);
        assert!(lines[5].get("times half the size").unwrap() > 1.0, "{:?}", lines[5]);
        assert_eq!(
            ["7", "1,000", "250,000", "1,000,000"],
            [7, 1_000, 250_000, 1_000_000].map(with_thousands)[..]
        );
    }
}
