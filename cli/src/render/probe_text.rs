//! What a probe has measured, as text for a terminal.

use std::{fmt::Write as _, time::Duration};

use crate::{
    Paint, Style,
    report::{
        Burst, CleanUpReport, Found, Lags, Left, Lifetime, ListLag, ListOrder, ProbeReport, ProvisioningTime,
        SettingFound, StatusLifetime, StatusLists, Times, Volley, Window,
    },
    screen::{count, line, span},
};

/// The width of what a line is about.
const WIDTH: usize = 34;

/// Writes what was measured, what follows, and what is left.
pub(crate) fn probe(report: &ProbeReport, style: Style) -> String {
    let mut text = Text { text: String::new(), style };
    let measured = &report.measured;
    text.step("provisioning time", measured.provisioning_time.as_ref(), provisioning_time);
    text.step("lists of assignments", measured.list_lag.as_ref(), list_lag);
    text.step("lists of requests", measured.status_lists.as_ref(), status_lists);
    text.step("window", measured.window.as_ref(), window);
    text.step("burst", measured.burst.as_ref(), burst);
    text.step("lifetime of requests", measured.status_lifetime.as_ref(), status_lifetime);
    if report.interrupted {
        text.heading("Interrupted: what is told above is what there was time for.");
    }
    if !report.settings.is_empty() {
        text.heading("Settings that follow");
        for setting in &report.settings {
            text.setting(setting);
        }
    }
    text.left(&report.left);
    text.text
}

/// Writes what is left after cleaning up.
pub(crate) fn clean_up(report: &CleanUpReport, style: Style) -> String {
    let mut text = Text { text: String::new(), style };
    text.left(&report.left);
    text.text.trim_start().to_owned()
}

struct Text {
    text: String,
    style: Style,
}

impl Text {
    fn heading(&mut self, heading: &str) {
        let heading = self.style.paint(Paint::Heading, heading);
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "\n{heading}");
    }

    fn step<T>(&mut self, name: &str, found: Option<&Found<T>>, tell: fn(&T, &mut Self)) {
        match found {
            None => {}
            Some(Found::Measured(measured)) => {
                self.heading(name);
                tell(measured, self);
            }
            Some(Found::NotMeasured { why }) => {
                self.heading(name);
                self.line("not measured", &line(why));
            }
        }
    }

    fn line(&mut self, what: &str, told: &str) {
        let _ = writeln!(self.text, "  {what:WIDTH$}  {told}");
    }

    fn times(&mut self, what: &str, times: Option<&Times>) {
        let told = times.map_or_else(|| "-".to_owned(), of_times);
        self.line(what, &told);
    }

    fn left(&mut self, left: &[Left]) {
        if left.is_empty() {
            let sign = self.style.paint(Paint::Good, "✓");
            let _ = writeln!(self.text, "\n{sign} Nothing is left of what was made.");
            return;
        }
        let told = count(left.len(), "assignment", "assignments");
        let told = self.style.paint(Paint::Bad, format!("{told} could not be taken away:"));
        let _ = writeln!(self.text, "\n{told}");
        for Left { key, why } in left {
            let _ = writeln!(self.text, "  {key}: {}", line(why));
        }
        let _ = writeln!(
            self.text,
            "`usher probe --clean-up` goes on with it; --even-uncertain takes away also what can't be proved to be the probe's."
        );
    }

    fn setting(&mut self, setting: &SettingFound) {
        let SettingFound { variable, value, default, because } = setting;
        let said = match value {
            Some(value) => self.style.paint(Paint::Accent, format!("{variable}={value}")),
            None => format!("{variable} stays {default}"),
        };
        let because = self.style.paint(Paint::Faint, line(because));
        let _ = writeln!(self.text, "  {said}\n      {because}");
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn of_times(times: &Times) -> String {
    let Times { count: number, shortest, median, longest } = times;
    let number = count(*number, "time", "times");
    let [shortest, median, longest] = [shortest, median, longest].map(|time| seconds(time.0));
    format!("{shortest} at the shortest, median {median}, {longest} at the longest ({number})")
}

fn provisioning_time(time: &ProvisioningTime, text: &mut Text) {
    let ProvisioningTime { creates, deletes, looked_every, troubles } = time;
    text.times("to make an assignment", creates.as_ref());
    text.times("to take it away", deletes.as_ref());
    text.line("looked every", &seconds(looked_every.0));
    for trouble in troubles {
        text.line("trouble", &line(trouble));
    }
}

fn list_lag(lag: &ListLag, text: &mut Text) {
    let ListLag { by_account, by_principal, looked_every } = lag;
    for (list, lags) in [("by account", by_account), ("by principal", by_principal)] {
        let Lags { shown, gone, not_within, refused } = lags;
        if let Some(refused) = refused {
            text.line(list, &format!("not measured: {}", line(refused)));
            continue;
        }
        text.times(&format!("{list}, until shown"), shown.as_ref());
        text.times(&format!("{list}, until gone"), gone.as_ref());
        if *not_within > 0 {
            text.line(&format!("{list}, not in time"), &count(*not_within, "time", "times"));
        }
    }
    text.line("looked every", &seconds(looked_every.0));
}

fn status_lists(lists: &StatusLists, text: &mut Text) {
    let StatusLists { order, compared, shown, not_within } = lists;
    let records = count(*compared, "record", "records");
    let order = match order {
        ListOrder::NewestFirst => format!("the newest first ({records})"),
        ListOrder::OldestFirst => format!("the oldest first ({records})"),
        ListOrder::Unordered => format!("neither the newest nor the oldest first ({records})"),
        ListOrder::TooFew => format!("can't be told by {records}: --repetitions 4 makes enough"),
    };
    text.line("order", &order);
    text.times("until a request is shown", shown.as_ref());
    if *not_within > 0 {
        text.line("not shown in time", &count(*not_within, "time", "times"));
    }
}

fn window(window: &Window, text: &mut Text) {
    let Window { accepted, under_way, refused, refusal, of_others, deletes_count, deletes_why } = window;
    let told = match window.size() {
        Some(size) => format!("{size}: one more was refused"),
        None if *refused == 0 => format!("at least {under_way}: none was refused"),
        None => format!("between {under_way} and {}", accepted + of_others),
    };
    text.line("requests under way at once", &told);
    text.line("accepted, refused", &format!("{accepted}, {refused}"));
    if let Some(refusal) = refusal {
        text.line("AWS's words", &line(refusal));
    }
    if *of_others > 0 {
        text.line("of others", &of_others.to_string());
    }
    let deletes = match (deletes_count, deletes_why) {
        (Some(true), _) => "count too".to_owned(),
        (Some(false), _) => "do not count".to_owned(),
        (None, Some(why)) => format!("not measured: {}", line(why)),
        (None, None) => "not measured".to_owned(),
    };
    text.line("requests that take away", &deletes);
}

fn burst(burst: &Burst, text: &mut Text) {
    let Burst { writes, reads, a_second } = burst;
    for (what, volley) in [("calls that write, at once", writes), ("calls that read, at once", reads)] {
        let told = match volley {
            Found::NotMeasured { why } => format!("not measured: {}", line(why)),
            Found::Measured(volley) => of_volley(volley),
        };
        text.line(what, &told);
    }
    let rate = a_second.map_or_else(|| "not measured".to_owned(), |rate| format!("{rate:.1}"));
    text.line("calls a second after that", &rate);
}

fn of_volley(volley: &Volley) -> String {
    let Volley { calls, throttled, lost, took, refusal } = volley;
    let lost = if *lost > 0 { format!(", {lost} without an answer") } else { String::new() };
    let words = refusal.as_ref().map(|words| format!(": {}", line(words))).unwrap_or_default();
    format!("{calls} in {}, {throttled} throttled{lost}{words}", seconds(took.0))
}

fn status_lifetime(lifetime: &StatusLifetime, text: &mut Text) {
    let StatusLifetime { create, delete } = lifetime;
    for (what, lifetime) in [("one that made", create), ("one that took away", delete)] {
        if let Some(Lifetime { request, known_for, gone_after }) = lifetime {
            let known = span(known_for.0.try_into().unwrap_or_default());
            let told = match gone_after {
                Some(gone) => {
                    let gone = span(gone.0.try_into().unwrap_or_default());
                    format!("known for {known}, and gone after {gone} ({request})")
                }
                None => format!("still known after {known} ({request})"),
            };
            text.line(what, &told);
        }
    }
}
