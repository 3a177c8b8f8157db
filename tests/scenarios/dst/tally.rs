//! What was counted: histories, steps, troubles, and how often each promise was held against what happened, and under what.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::menu::{MENU, Trouble};
use crate::scenarios::promises::Promise;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) histories: u64,
    pub(super) steps: u64,
    pub(super) simulated: Duration,
    /// How often each trouble began.
    pub(super) begun: BTreeMap<Trouble, u64>,
    /// How often each promise was checked.
    promises: BTreeMap<Promise, u64>,
    /// The same, by each trouble that was at work then, or had just been.
    under: BTreeMap<(Promise, Trouble), u64>,
}

impl Tally {
    /// So often in all each promise has been checked by now, and these troubles were at work since the last look.
    pub(super) fn checked(&mut self, asked: &BTreeMap<Promise, u64>, at_work: &[Trouble]) {
        for (promise, times) in asked {
            let before = self.promises.insert(*promise, *times).unwrap_or_default();
            let more = times - before;
            if more > 0 {
                for trouble in at_work {
                    *self.under.entry((*promise, *trouble)).or_default() += more;
                }
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self { histories, steps, simulated, begun, promises, under } = other;
        self.histories += histories;
        self.steps += steps;
        self.simulated += *simulated;
        for (trouble, times) in begun {
            *self.begun.entry(*trouble).or_default() += times;
        }
        for (promise, times) in promises {
            *self.promises.entry(*promise).or_default() += times;
        }
        for (cell, times) in under {
            *self.under.entry(*cell).or_default() += times;
        }
    }

    /// Every promise that was never checked, and every one that was never checked under some trouble.
    pub(super) fn gaps(&self) -> Vec<String> {
        let never = Promise::ALL.iter().filter(|(promise, _)| !self.promises.contains_key(promise));
        let never = never.map(|(_, word)| format!("{word}: never"));
        let cells =
            Promise::ALL.iter().flat_map(|promise| MENU.iter().map(move |trouble| (promise, trouble)));
        let under = cells
            .filter(|((promise, _), (trouble, _))| !self.under.contains_key(&(*promise, *trouble)))
            .map(|((_, promise), (_, trouble))| format!("{promise}: not under {trouble}"));
        never.chain(under).collect()
    }

    pub(super) fn json(&self) -> Value {
        let seconds = self.simulated.as_secs();
        let troubles: BTreeMap<&str, u64> =
            self.begun.iter().map(|(it, times)| (it.word(), *times)).collect();
        let promises: BTreeMap<&str, u64> =
            self.promises.iter().map(|(it, times)| (it.word(), *times)).collect();
        let mut under: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((promise, trouble), times) in &self.under {
            under.entry(promise.word()).or_default().insert(trouble.word(), *times);
        }
        json!({
            "histories": self.histories, "steps": self.steps, "simulated_seconds": seconds,
            "faults": troubles, "checks": promises, "checks_under_faults": under,
        })
    }
}

impl Tally {
    /// What was reached, in one line.
    pub(super) fn line(&self, took: Duration) -> String {
        let days = self.simulated.as_secs() / 86_400;
        let speed = self.simulated.as_secs_f64() / took.as_secs_f64().max(0.001);
        format!(
            "{} histories of {} steps in all: {days} simulated days in {:.0} s, {speed:.0} times as fast as real time.",
            self.histories,
            self.steps,
            took.as_secs_f64()
        )
    }

    /// Tables for people: how often each promise was checked, and of that how often under each kind of trouble.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from("| | promise | checked |\n| ---: | --- | ---: |\n");
        for (n, (promise, word)) in Promise::ALL.iter().enumerate() {
            let times = self.promises.get(promise).copied().unwrap_or_default();
            let _ = writeln!(text, "| {} | {word} | {times} |", n + 1);
        }
        text.push_str("\n| trouble | begun |");
        for n in 1..=Promise::ALL.len() {
            let _ = write!(text, " {n} |");
        }
        text.push_str("\n| --- | ---: |");
        text.push_str(&" ---: |".repeat(Promise::ALL.len()));
        text.push('\n');
        for (trouble, word) in MENU {
            let _ = write!(text, "| {word} | {} |", self.begun.get(&trouble).copied().unwrap_or_default());
            for (promise, _) in Promise::ALL {
                let times = self.under.get(&(promise, trouble)).copied().unwrap_or_default();
                let _ = write!(text, " {times} |");
            }
            text.push('\n');
        }
        text
    }
}
