//! When reprovisioning may be sent: windows that open by the clock of a place, and freezes.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};

use super::rule_set::WrittenAt;

/// When something may be sent. Without windows it is at any time that is not frozen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    pub windows: Vec<Window>,
    pub freezes: Vec<Freeze>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// All of them, as rules write them.
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("mon", Self::Mon),
        ("tue", Self::Tue),
        ("wed", Self::Wed),
        ("thu", Self::Thu),
        ("fri", Self::Fri),
        ("sat", Self::Sat),
        ("sun", Self::Sun),
    ];

    fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A time of the day in minutes from midnight: 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// 24:00: nothing opens then.
    pub(super) const END: Self = Self(24 * 60);

    /// `08:00`; `None` if it is no time of a day.
    pub fn read(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str| {
            (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
        };
        let (hours, minutes): (u16, u16) = (number(hours)?, number(minutes)?);
        let time = hours * 60 + minutes;
        (minutes < 60 && time <= 24 * 60).then_some(Self(time))
    }
}

/// A time zone by its name, as the database that is built in has it: the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    zone: TimeZone,
}

impl Zone {
    /// The zone with this name, in its exact writing.
    pub fn named(name: &str) -> Option<Self> {
        let zone = database().get(name).ok()?;
        // The database forgives a different case; a document says what it means.
        (zone.iana_name() == Some(name)).then(|| Self { name: name.into(), zone })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name that is meant, most likely.
    pub(super) fn near(name: &str) -> Option<String> {
        let known: Vec<String> = database().available().map(|name| name.as_str().to_owned()).collect();
        if let Some(same) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            return Some(same.clone());
        }
        let whole = super::reader::nearest(name, known.iter().map(String::as_str));
        let city = || known.iter().find(|known| known.rsplit('/').next() == Some(name)).map(String::as_str);
        whole.or_else(city).map(str::to_owned)
    }

    /// When a day's clock shows this time. A time that is skipped by the clock is the one as much later; of one that comes twice it is the first.
    fn at(&self, date: Date, time: TimeOfDay) -> Option<Timestamp> {
        let midnight = date.at(0, 0, 0, 0);
        let civil = midnight.checked_add(SignedDuration::from_mins(i64::from(time.0))).ok()?;
        self.zone.to_ambiguous_timestamp(civil).compatible().ok()
    }
}

fn database() -> &'static TimeZoneDatabase {
    static BUILT_IN: OnceLock<TimeZoneDatabase> = OnceLock::new();
    BUILT_IN.get_or_init(TimeZoneDatabase::bundled)
}

/// Open on these days from one time on until another, by the clock of a place. One that ends no later than it begins ends on the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub days: BTreeSet<Day>,
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    pub zone: Zone,
}

impl Window {
    /// From when until when it is open, where it opens on that day.
    fn on(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(&Day::of(date.weekday())) {
            return None;
        }
        let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
        let (from, to) = (self.zone.at(date, self.from)?, self.zone.at(last, self.to)?);
        // A clock that is put forward may skip all of it.
        (from < to).then_some((from, to))
    }

    /// The first time from this one on at which it is open.
    fn opening(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.zone.zone.to_datetime(at).date();
        // It may have opened yesterday; a week's only day may be one on which the clock skips it.
        (-1..=15).find_map(|days| {
            let date = today.checked_add(Span::new().days(days)).ok()?;
            let (from, to) = self.on(date)?;
            (at < to).then_some(from.max(at))
        })
    }
}

/// Nothing is sent from one time on until another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: Option<String>,
    pub written_at: WrittenAt,
}

/// What keeps the calendar shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut<'a> {
    NoWindow,
    Frozen(&'a Freeze),
}

impl Calendar {
    /// What keeps it shut at this time; `None` while it is open.
    pub fn shut(&self, at: Timestamp) -> Option<Shut<'_>> {
        if let Some(freeze) = self.freeze(at) {
            return Some(Shut::Frozen(freeze));
        }
        let open =
            self.windows.is_empty() || self.windows.iter().any(|window| window.opening(at) == Some(at));
        (!open).then_some(Shut::NoWindow)
    }

    /// The first time from this one on at which it is open; `None` if there is none.
    pub fn opening(&self, at: Timestamp) -> Option<Timestamp> {
        let mut at = at;
        // Each time round a freeze is behind it, or it is open.
        for _ in 0..=self.freezes.len() {
            while let Some(freeze) = self.freeze(at) {
                at = freeze.until;
            }
            let opening = match self.windows.as_slice() {
                [] => at,
                windows => windows.iter().filter_map(|window| window.opening(at)).min()?,
            };
            if self.freeze(opening).is_none() {
                return Some(opening);
            }
            at = opening;
        }
        None
    }

    fn freeze(&self, at: Timestamp) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| freeze.from <= at && at < freeze.until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(days: &[Day], from: &str, to: &str, zone: &str) -> Window {
        Window {
            days: days.iter().copied().collect(),
            from: TimeOfDay::read(from).unwrap(),
            to: TimeOfDay::read(to).unwrap(),
            zone: Zone::named(zone).unwrap(),
        }
    }

    fn written() -> WrittenAt {
        WrittenAt { file: "rules.yaml".into(), line: 1 }
    }

    fn calendar(windows: Vec<Window>) -> Calendar {
        Calendar { windows, freezes: Vec::new() }
    }

    fn opening(calendar: &Calendar, at: &str) -> String {
        calendar.opening(at.parse().unwrap()).unwrap().to_string()
    }

    const WEEKDAYS: [Day; 5] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];

    #[test]
    fn a_window_opens_by_the_clock_of_its_place_whatever_the_season() {
        let berlin = calendar(vec![window(&WEEKDAYS, "08:00", "18:00", "Europe/Berlin")]);
        // A Friday evening before the clock goes back: on Monday it is an hour later by UTC.
        assert_eq!(opening(&berlin, "2026-10-23T15:59:59Z"), "2026-10-23T15:59:59Z");
        assert_eq!(opening(&berlin, "2026-10-23T16:00:00Z"), "2026-10-26T07:00:00Z");
        assert_eq!(opening(&berlin, "2027-03-26T17:00:00Z"), "2027-03-29T06:00:00Z");
    }

    #[test]
    fn a_window_may_end_on_the_next_day_and_all_day_is_from_midnight_to_midnight() {
        let night = calendar(vec![window(&[Day::Sat], "22:00", "06:00", "America/New_York")]);
        assert_eq!(opening(&night, "2026-11-01T02:30:00Z"), "2026-11-01T02:30:00Z");
        // The clock goes back that night: it is open for nine hours.
        assert_eq!(opening(&night, "2026-11-01T10:59:59Z"), "2026-11-01T10:59:59Z");
        assert_eq!(opening(&night, "2026-11-01T11:00:00Z"), "2026-11-08T03:00:00Z");
        let sunday = calendar(vec![window(&[Day::Sun], "00:00", "24:00", "UTC")]);
        assert_eq!(opening(&sunday, "2026-11-01T23:59:59Z"), "2026-11-01T23:59:59Z");
        assert_eq!(opening(&sunday, "2026-11-02T00:00:00Z"), "2026-11-08T00:00:00Z");
    }

    #[test]
    fn an_hour_that_the_clock_skips_is_a_window_that_does_not_open_that_day() {
        let skipped = calendar(vec![window(&[Day::Sun], "02:00", "03:00", "Europe/Berlin")]);
        assert_eq!(opening(&skipped, "2027-03-27T12:00:00Z"), "2027-04-04T00:00:00Z");
        // An hour that comes twice is begun once, and ends with its second end.
        assert_eq!(opening(&skipped, "2026-10-25T00:00:00Z"), "2026-10-25T00:00:00Z");
    }

    #[test]
    fn a_freeze_keeps_windows_shut_and_the_next_one_opens_after_it() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let freeze = |from: &str, until: &str| Freeze {
            from: at(from),
            until: at(until),
            reason: None,
            written_at: written(),
        };
        let frozen = Calendar {
            windows: vec![window(&WEEKDAYS, "08:00", "18:00", "Europe/Berlin")],
            freezes: vec![
                freeze("2026-12-18T00:00:00Z", "2027-01-04T10:00:00Z"),
                freeze("2027-01-04T10:00:00Z", "2027-01-08T17:30:00Z"),
            ],
        };
        assert_eq!(opening(&frozen, "2026-12-17T17:30:00Z"), "2027-01-11T07:00:00Z");
        assert_eq!(frozen.shut(at("2026-12-18T09:00:00Z")), Some(Shut::Frozen(&frozen.freezes[0])));
        assert_eq!(frozen.shut(at("2026-12-17T17:30:00Z")), Some(Shut::NoWindow));
        assert_eq!(frozen.shut(at("2026-12-17T16:30:00Z")), None);
        assert_eq!(Calendar::default().opening(at("2026-12-18T09:00:00Z")), Some(at("2026-12-18T09:00:00Z")));
    }

    #[test]
    fn times_and_zones_are_read_in_one_writing_only() {
        for text in ["8:00", "08:60", "24:01", "08:00:00", "08", "-1:00", "", "0８:00"] {
            assert_eq!(TimeOfDay::read(text), None, "{text}");
        }
        assert_eq!(TimeOfDay::read("24:00"), Some(TimeOfDay(1440)));
        assert!(Zone::named("Europe/Berlin").is_some() && Zone::named("UTC").is_some());
        for name in ["europe/berlin", "Berlin", "CEST+2", "", "+02:00", "../etc/passwd"] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
        for (name, near) in [
            ("europe/berlin", Some("Europe/Berlin")),
            ("Berlin", Some("Europe/Berlin")),
            ("Europe/Berln", Some("Europe/Berlin")),
            ("Nowhere in particular", None),
        ] {
            assert_eq!(Zone::near(name).as_deref(), near);
        }
    }

    /// Open or not at one minute, told without any arithmetic of intervals: by what the clock shows.
    fn is_open(window: &Window, at: Timestamp) -> bool {
        let shows = window.zone.zone.to_datetime(at);
        let minute = u16::try_from(i32::from(shows.hour()) * 60 + i32::from(shows.minute())).unwrap();
        let on = |date: Date| window.days.contains(&Day::of(date.weekday()));
        let (today, yesterday) = (shows.date(), shows.date().yesterday().unwrap());
        if window.to > window.from {
            on(today) && minute >= window.from.0 && minute < window.to.0
        } else {
            (on(today) && minute >= window.from.0) || (on(yesterday) && minute < window.to.0)
        }
    }

    fn any_window() -> impl Strategy<Value = Window> {
        let zones = prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"]);
        let days =
            prop::collection::btree_set(prop::sample::select(Day::ALL.map(|(_, day)| day).to_vec()), 1..4);
        // Whole hours that no clock skips or repeats: those have tests of their own.
        (days, 4_u16..24, 4_u16..=24, zones).prop_filter_map("it never opens", |(days, from, to, zone)| {
            let (from, to) = (TimeOfDay(from * 60), TimeOfDay(to * 60));
            (from != to).then(|| Window { days, from, to, zone: Zone::named(zone).unwrap() })
        })
    }

    proptest! {
        #[test]
        fn the_opening_is_the_first_open_minute(
            windows in prop::collection::vec(any_window(), 1..3),
            // Across both of the year's changes of the clock.
            minute in 0_i64..360 * 24 * 60,
            freezes in prop::collection::vec((0_i64..360 * 24, 1_i64..200), 0..3),
        ) {
            let start: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
            let freezes: Vec<Freeze> = freezes.into_iter().map(|(from, hours)| {
                let from = start + SignedDuration::from_hours(from);
                Freeze { from, until: from + SignedDuration::from_hours(hours), reason: None, written_at: written() }
            }).collect();
            let calendar = Calendar { windows, freezes };
            let at = start + SignedDuration::from_mins(minute);
            let opening = calendar.opening(at).unwrap();
            let open = |at: Timestamp| {
                calendar.windows.iter().any(|window| is_open(window, at))
                    && !calendar.freezes.iter().any(|freeze| freeze.from <= at && at < freeze.until)
            };
            prop_assert!(opening >= at && open(opening), "{} is shut", opening);
            prop_assert!(calendar.shut(opening).is_none());
            let mut before = at;
            while before < opening {
                prop_assert!(!open(before), "{} is open, before {}", before, opening);
                prop_assert!(calendar.shut(before).is_some());
                before += SignedDuration::from_mins(15);
            }
        }
    }
}
