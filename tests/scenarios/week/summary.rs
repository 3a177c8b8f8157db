//! The week as a table: how long access took, what happened, and what it took.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{following::Way, office::Office};

/// A number of times for each name, as rows of a table.
fn rows<'a>(text: &mut String, head: [&str; 2], rows: impl IntoIterator<Item = (&'a str, usize)>) {
    let [what, times] = head;
    writeln!(text, "\n| {what} | {times} |\n| --- | ---: |").unwrap();
    for (what, times) in rows {
        writeln!(text, "| {what} | {times} |").unwrap();
    }
}

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Half of the times are not longer, 95 of 100, all: by the nearest rank.
fn ranks(mut times: Vec<Duration>) -> [Duration; 3] {
    times.sort_unstable();
    let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    [rank(50), rank(95), rank(100)]
}

impl Office<'_> {
    /// The same week gives the same text.
    pub(super) fn summary(&self, outdated: usize) -> String {
        let mut text = String::from(
            "| from the change in AWS to the end of the request | keys | median | 95 of 100 within | worst |\n\
             | --- | ---: | ---: | ---: | ---: |\n",
        );
        for (wanted, what) in [(true, "granted"), (false, "revoked")] {
            for way in [Way::Heard, Way::Found, Way::HeldUp, Way::Waited] {
                let done = self.following.done.iter().filter(|done| done.wanted == wanted && done.way == way);
                let times: Vec<Duration> = done.map(|done| done.took).collect();
                if !times.is_empty() {
                    let (keys, [median, most, worst]) = (times.len(), ranks(times).map(time));
                    let way = way.words();
                    writeln!(text, "| {what}; {way} | {keys} | {median} | {most} | {worst} |").unwrap();
                }
            }
        }
        rows(&mut text, ["what happened", "times"], self.counts.iter().map(|(what, times)| (*what, *times)));
        let outcomes = self.running.outcomes.borrow();
        rows(&mut text, ["what Usher did", "times"], outcomes.0.iter().map(|(what, times)| (*what, *times)));
        let mut told = BTreeMap::new();
        for outcome in self.service.ports.outcomes.0.lock().unwrap().iter() {
            *told.entry(outcome.happened.word()).or_insert(0) += 1;
        }
        rows(&mut text, ["outcome told on the bus", "times"], told);
        let [grants, revokes] = self.requests();
        let total = self.calls.values().sum();
        let calls = self.calls.iter().map(|(operation, times)| (*operation, *times));
        rows(&mut text, ["call of AWS by Usher", "times"], calls.chain([("**all**", total)]));
        let mut reasons = BTreeMap::new();
        for reason in self.comparing.excused.values() {
            *reasons.entry(*reason).or_insert(0) += 1;
        }
        rows(&mut text, ["in the end not as the rules say, for this reason", "keys"], reasons);
        let requests = [
            ("requests to grant", grants),
            ("requests to revoke", revokes),
            ("changes that were undone before they had come to anything", self.following.undone),
            ("keys not as the rules want them yet, the orphans among them", self.following.open()),
            ("roles in accounts on an old version of their permission set", outdated),
        ];
        rows(&mut text, ["in all", ""], requests);
        text
    }
}

#[test]
fn ranks_are_those_of_the_sorted_times() {
    let seconds = |all: &[u64]| ranks(all.iter().copied().map(Duration::from_secs).collect());
    let expected = |all: [u64; 3]| all.map(Duration::from_secs);
    assert_eq!(seconds(&[7]), expected([7, 7, 7]));
    assert_eq!(seconds(&[3, 1, 2, 4]), expected([2, 4, 4]));
    assert_eq!(seconds(&(1..=100).rev().collect::<Vec<_>>()), expected([50, 95, 100]));
    assert_eq!(time(Duration::from_millis(1_560)), "1.5 s");
    assert_eq!(time(Duration::from_secs(61)), "1 m 01 s");
    assert_eq!(time(Duration::from_mins(122)), "2 h 02 m");
}
