//! Measured -> settings that follow. Pure.
//!
//! What AWS was seen to refuse is a fact, so the window and the burst follow it both ways. Times are only ever made longer: that a list was
//! quick a few times on one day is no reason to believe it sooner than the defaults do.

use std::{fmt::Write as _, time::Duration};

use shared::engine::EngineSettings;

use crate::report::{Burst, Found, Measured, ProbeReport, SettingFound, Times};

/// The engine keeps to this part of what the whole organization may call.
const SHARE: f64 = 0.5;
/// The most that the engine takes for a window.
const LARGEST_WINDOW: usize = 15;
/// The longest time that a setting may be.
const LONGEST: Duration = Duration::from_hours(24);

/// What follows for each setting that has to do with what was measured.
pub fn settings(measured: &Measured) -> Vec<SettingFound> {
    let default = EngineSettings::default();
    let mut settings = Vec::new();
    settings.extend(window(measured, default.window));
    settings.extend(burst_and_rate(measured, &default));
    settings.extend(lag(measured, default.lag));
    settings.extend(settle_after(measured, default.settle_after));
    settings.extend(patience(measured, default.patience));
    settings
}

fn window(measured: &Measured, default: usize) -> Option<SettingFound> {
    let setting = |value: Option<usize>, because| SettingFound {
        variable: "USHER_WINDOW",
        value: value.filter(|value| *value != default).map(|value| value.to_string()),
        default: default.to_string(),
        because,
    };
    let window = match measured.window.as_ref()? {
        Found::Measured(window) => window,
        Found::NotMeasured { why } => return Some(setting(None, format!("not measured: {why}"))),
    };
    let deletes = match window.deletes_count {
        Some(true) => "; those that take away count too, as Usher takes it",
        Some(false) => "; those that take away do not count, which Usher makes no use of",
        None => "",
    };
    Some(if let Some(size) = window.size() {
        let because = format!("{size} requests were under way at once, and one more was refused{deletes}");
        setting(Some(size.clamp(1, LARGEST_WINDOW)), because)
    } else if window.refused == 0 && window.under_way > default {
        let because = format!("{} requests were under way at once, and none was refused", window.under_way);
        setting(Some(window.under_way.min(LARGEST_WINDOW)), because)
    } else if window.refused == 0 {
        let because = format!(
            "only {} requests were seen under way at once, and none was refused: more assignments at once would show more",
            window.under_way
        );
        setting(None, because)
    } else {
        let because = format!(
            "one more than {} was refused, but only {} of them are known to have been under way, and {} of others",
            window.accepted, window.under_way, window.of_others
        );
        setting(None, because)
    })
}

fn burst_and_rate(measured: &Measured, default: &EngineSettings) -> Vec<SettingFound> {
    let Some(burst) = &measured.burst else { return Vec::new() };
    let setting = |variable, default: u32, value: Option<u32>, because| SettingFound {
        variable,
        value: value.filter(|value| *value < default).map(|value| value.to_string()),
        default: default.to_string(),
        because,
    };
    let (largest, why) = match burst {
        Found::Measured(burst) => smallest_burst(burst),
        Found::NotMeasured { why } => (None, format!("not measured: {why}")),
    };
    let rate = burst.measured().and_then(|burst| burst.a_second);
    let rate_because = match rate {
        Some(rate) => format!("AWS takes {rate:.1} calls a second, of which the engine takes half at most"),
        None => "not measured: no call was throttled, or too few were let through after that".to_owned(),
    };
    vec![
        setting("USHER_ENGINE_BURST", default.burst, largest.map(half), why),
        setting("USHER_ENGINE_RATE", default.rate, rate.map(half), rate_because),
    ]
}

/// Half of it, and one at least.
fn half(number: f64) -> u32 {
    let mut half = 1;
    while half < 20 && f64::from(half + 1) <= number * SHARE {
        half += 1;
    }
    half
}

/// The smaller of both bursts, less what has come back meanwhile.
fn smallest_burst(burst: &Burst) -> (Option<f64>, String) {
    let volleys = [("write", &burst.writes), ("read", &burst.reads)];
    let mut smallest: Option<(f64, String)> = None;
    let mut said = Vec::new();
    for (kind, volley) in volleys {
        match volley {
            Found::NotMeasured { why } => said.push(format!("calls that {kind}: {why}")),
            Found::Measured(volley) if volley.throttled == 0 => {
                said.push(format!(
                    "{} calls that {kind} were made at once, and none was throttled",
                    volley.calls
                ));
            }
            Found::Measured(volley) => {
                let answered = u32::try_from(volley.answered()).map_or(0.0, f64::from);
                let came_back = burst.a_second.unwrap_or_default() * volley.took.0.as_secs_f64();
                let size = (answered - came_back).max(1.0).floor();
                let why = format!(
                    "{} of {} calls that {kind} were let through at once; the engine takes half at most",
                    volley.answered(),
                    volley.calls
                );
                if smallest.as_ref().is_none_or(|(smallest, _)| size < *smallest) {
                    smallest = Some((size, why));
                }
            }
        }
    }
    match smallest {
        Some((size, why)) => (Some(size), why),
        None => (None, said.join("; ")),
    }
}

fn lag(measured: &Measured, default: Duration) -> Option<SettingFound> {
    let lags = match measured.list_lag.as_ref()? {
        Found::Measured(lags) => lags,
        Found::NotMeasured { why } => return Some(longer("USHER_LAG", default, None, 4, "", Some(why))),
    };
    let lists = [&lags.by_account, &lags.by_principal];
    let times = lists.iter().flat_map(|list| [&list.shown, &list.gone]).flatten();
    let longest = times.map(|times| times.longest.0).max();
    let late = lists.iter().any(|list| list.not_within > 0);
    let longest = if late { Some(super::PATIENCE) } else { longest };
    Some(longer("USHER_LAG", default, longest, 4, "the lists of assignments were late by", None))
}

fn settle_after(measured: &Measured, default: Duration) -> Option<SettingFound> {
    let variable = "USHER_SETTLE_AFTER";
    let lists = match measured.status_lists.as_ref()? {
        Found::Measured(lists) => lists,
        Found::NotMeasured { why } => return Some(longer(variable, default, None, 4, "", Some(why))),
    };
    let longest = longest(lists.shown.as_ref());
    let longest = if lists.not_within > 0 { Some(super::PATIENCE) } else { longest };
    Some(longer(variable, default, longest, 4, "the lists of requests were late by", None))
}

fn patience(measured: &Measured, default: Duration) -> Option<SettingFound> {
    let variable = "USHER_PATIENCE";
    let time = match measured.provisioning_time.as_ref()? {
        Found::Measured(time) => time,
        Found::NotMeasured { why } => return Some(longer(variable, default, None, 3, "", Some(why))),
    };
    let longest = longest(time.creates.as_ref()).max(longest(time.deletes.as_ref()));
    Some(longer(variable, default, longest, 3, "requests took", None))
}

fn longest(times: Option<&Times>) -> Option<Duration> {
    times.map(|times| times.longest.0)
}

/// A time that is made longer where some times what was seen is more than the default.
fn longer(
    variable: &'static str,
    default: Duration,
    seen: Option<Duration>,
    times: u32,
    what: &str,
    not_measured: Option<&str>,
) -> SettingFound {
    let wanted = seen.map(|seen| up_to_a_minute(seen.saturating_mul(times)).min(LONGEST));
    let value = wanted.filter(|wanted| *wanted > default);
    let because = match (seen, not_measured, value) {
        (_, Some(why), _) => format!("not measured: {why}"),
        (None, None, _) => "not measured".to_owned(),
        (Some(seen), None, Some(_)) => {
            format!("{what} {} at the longest, and {times} times that is safe", told(seen))
        }
        (Some(seen), None, None) => format!(
            "{what} {} at the longest; a few looks on one day are no reason for less than the default",
            told(seen)
        ),
    };
    SettingFound { variable, value: value.map(written), default: written(default), because }
}

fn up_to_a_minute(time: Duration) -> Duration {
    Duration::from_mins(time.as_secs().div_ceil(60))
}

/// A time as people read it.
pub(crate) fn told(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A time as settings are written.
fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        whole if whole.is_multiple_of(3600) => format!("{}h", whole / 3600),
        whole if whole.is_multiple_of(60) => format!("{}m", whole / 60),
        other => format!("{other}s"),
    }
}

/// The settings as a file of variables; what stays as it is stands there as a comment.
pub fn env_file(report: &ProbeReport) -> String {
    let mut text = String::new();
    let ProbeReport { at, account, instance, settings, .. } = report;
    // Writing to a string does not fail.
    let _ = writeln!(text, "# Measured by `usher probe` in account {account} of {instance}, {at:.0}.");
    for SettingFound { variable, value, default, because } in settings {
        let because = crate::screen::line(because);
        let _ = match value {
            Some(value) => writeln!(text, "\n# {because} (default: {default})\n{variable}={value}"),
            None => writeln!(text, "\n# {variable} stays {default}: {because}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Lags, ListLag, ListOrder, ProvisioningTime, Seconds, StatusLists, Volley, Window};

    fn values(measured: &Measured) -> Vec<(&'static str, Option<String>)> {
        settings(measured).into_iter().map(|one| (one.variable, one.value)).collect()
    }

    fn window(accepted: usize, under_way: usize, refused: usize, of_others: usize) -> Measured {
        let window = Window {
            accepted,
            under_way,
            refused,
            refusal: None,
            of_others,
            deletes_count: None,
            deletes_why: None,
        };
        Measured { window: Some(Found::Measured(window)), ..Measured::default() }
    }

    #[test]
    fn a_window_follows_what_was_refused_or_was_seen_to_be_larger() {
        for (seen, value) in [
            (window(15, 15, 1, 0), Some("15")),
            (window(7, 7, 9, 0), Some("7")),
            (window(18, 18, 2, 0), Some("15")),
            (window(10, 10, 6, 0), None),
            (window(13, 13, 0, 0), Some("13")),
            (window(6, 6, 0, 0), None),
            (window(15, 12, 1, 0), None),
            (window(9, 9, 7, 1), None),
        ] {
            assert_eq!(values(&seen), [("USHER_WINDOW", value.map(str::to_owned))], "{seen:?}");
        }
    }

    fn volley(answered: usize, took: u64) -> Found<Volley> {
        let took = Seconds(Duration::from_millis(took));
        Found::Measured(Volley { calls: 30, throttled: 30 - answered, lost: 0, took, refusal: None })
    }

    #[test]
    fn the_engine_takes_half_of_a_small_burst_and_of_a_low_rate_and_never_more_than_by_default() {
        let of = |writes, reads, a_second| {
            let burst = Found::Measured(Burst { writes, reads, a_second });
            let values = values(&Measured { burst: Some(burst), ..Measured::default() });
            values.into_iter().map(|(_, value)| value.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(of(volley(20, 0), volley(20, 0), Some(20.0)), ["", ""]);
        assert_eq!(of(volley(8, 0), volley(20, 0), Some(8.0)), ["4", "4"]);
        assert_eq!(of(volley(30, 0), volley(30, 0), None), ["", ""]);
        assert_eq!(of(volley(1, 0), volley(30, 0), Some(0.5)), ["1", "1"]);
        // What came back while the calls were under way is no part of the burst.
        assert_eq!(of(volley(16, 400), volley(30, 0), Some(20.0)), ["4", ""]);
    }

    #[test]
    fn times_are_made_longer_and_never_shorter() {
        let times = |seconds| Times::of(&[Duration::from_secs(seconds)]);
        let of = |took, lag, listed| Measured {
            provisioning_time: Some(Found::Measured(ProvisioningTime {
                creates: times(1),
                deletes: times(took),
                looked_every: Seconds(Duration::ZERO),
                troubles: Vec::new(),
            })),
            list_lag: Some(Found::Measured(ListLag {
                by_account: Lags { gone: times(lag), ..Lags::default() },
                by_principal: Lags::default(),
                looked_every: Seconds(Duration::ZERO),
            })),
            status_lists: Some(Found::Measured(StatusLists {
                order: ListOrder::TooFew,
                compared: 0,
                shown: times(listed),
                not_within: 0,
            })),
            ..Measured::default()
        };
        let only = |measured: &Measured| {
            let values = values(measured).into_iter();
            values.map(|(_, value)| value.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(only(&of(3, 2, 1)), ["", "", ""]);
        assert_eq!(only(&of(130, 90, 16)), ["6m", "2m", "7m"]);
        assert_eq!(only(&of(1200, 900, 900)), ["1h", "1h", "1h"]);
    }

    #[test]
    fn what_was_not_asked_for_is_not_told_and_what_could_not_be_measured_changes_nothing() {
        assert!(settings(&Measured::default()).is_empty());
        let why = || "AWS was away".to_owned();
        let none = Measured {
            provisioning_time: Some(Found::NotMeasured { why: why() }),
            list_lag: Some(Found::NotMeasured { why: why() }),
            status_lists: Some(Found::NotMeasured { why: why() }),
            window: Some(Found::NotMeasured { why: why() }),
            burst: Some(Found::NotMeasured { why: why() }),
            status_lifetime: Some(Found::NotMeasured { why: why() }),
        };
        let settings = settings(&none);
        assert_eq!(settings.len(), 6);
        assert!(settings.iter().all(|one| one.value.is_none()), "{settings:?}");
    }
}
