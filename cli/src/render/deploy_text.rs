//! What was found before or after a deployment, as text for a terminal.

use std::fmt::Write as _;

use shared::domain::Route;

use super::doctor_text::{UNANSWERED, calls, one};
use crate::{
    Paint, Style,
    report::{DeployReport, HopName, SelfTestTold, Stage, Verdict},
    screen::count,
};

/// Writes each finding with the way out below it, and the hops of the self-tests.
pub(crate) fn deploy(report: &DeployReport, style: Style) -> String {
    let mut text = String::new();
    let width = report.findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
    for finding in &report.findings {
        one(&mut text, finding, width, style);
        let route = match finding.what {
            "reads" => {
                calls(&mut text, &report.calls, width, style);
                None
            }
            "self-test" => Some(Route::Direct),
            "by the forwarder" => Some(Route::Forwarded),
            _ => None,
        };
        for told in report.self_tests.iter().filter(|told| Some(told.route) == route) {
            hops(&mut text, told, width, style);
        }
    }
    let of = |verdict| report.findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (can, cannot) = match report.stage {
        Stage::Before => ("The service can be deployed", "It can't be deployed so"),
        Stage::After => ("The service works", "The service does not work so"),
    };
    let sum = match (of(Verdict::Bad), of(Verdict::Unanswered), of(Verdict::Warning)) {
        (0, 0, 0) => format!("{can}."),
        (0, 0, some) => format!("{can}, with {}.", count(some, "warning", "warnings")),
        (0, _, _) => UNANSWERED.to_owned(),
        (some, _, _) => format!("{cannot}: {} to mend.", count(some, "thing", "things")),
    };
    let _ = writeln!(text, "\n{}", style.paint(Paint::Heading, sum));
    text
}

fn hops(text: &mut String, told: &SelfTestTold, width: usize, style: Style) {
    let mut by_another_clock = false;
    for hop in &told.hops {
        let name = match hop.hop {
            HopName::Sent => "sent",
            HopName::Taken => "taken by EventBridge",
            HopName::Received => "received by on-account-event",
            HopName::Written => "written into the ledger",
            HopName::ReadBack => "read back",
        };
        by_another_clock |= hop.after_ms < 0;
        let (seconds, rest) = (hop.after_ms / 1000, (hop.after_ms % 1000).abs());
        let sign = if hop.after_ms < 0 && seconds == 0 { "-" } else { "" };
        let line = format!("{name:28}  {:>9}", format!("{sign}{seconds}.{rest:03} s"));
        let _ = writeln!(text, "  {:width$}  {}", "", style.paint(Paint::Faint, line));
    }
    if by_another_clock {
        let ahead = "this machine's clock is ahead of Lambda's, which says when it was received and written";
        let _ = writeln!(text, "  {:width$}  {}", "", style.paint(Paint::Faint, ahead));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::domain::SelfTestId;

    use super::*;
    use crate::report::{Finding, Hop};

    fn told(after: &[(HopName, i64)]) -> String {
        let hops = after.iter().map(|(hop, after_ms)| Hop {
            hop: *hop,
            at: Timestamp::UNIX_EPOCH,
            after_ms: *after_ms,
        });
        let test =
            SelfTestTold { id: SelfTestId::of(1), route: Route::Direct, came: true, hops: hops.collect() };
        let finding =
            Finding { what: "self-test", verdict: Verdict::Good, found: "it came".to_owned(), way_out: None };
        let report = DeployReport {
            format: 1,
            ok: true,
            stage: Stage::After,
            findings: vec![finding],
            calls: Vec::new(),
            self_tests: vec![test],
        };
        deploy(&report, Style { colour: false })
    }

    #[test]
    fn each_hop_is_told_with_its_time_since_it_was_sent() {
        let hops = [
            (HopName::Sent, 0),
            (HopName::Taken, 93),
            (HopName::Received, 1004),
            (HopName::Written, 1005),
            (HopName::ReadBack, 12_500),
        ];
        insta::assert_snapshot!(told(&hops), @r"
        ✓ self-test  it came
                     sent                            0.000 s
                     taken by EventBridge            0.093 s
                     received by on-account-event    1.004 s
                     written into the ledger         1.005 s
                     read back                      12.500 s

        The service works.
        ");
    }

    #[test]
    fn a_clock_that_is_ahead_is_told_of() {
        let text = told(&[(HopName::Sent, 0), (HopName::Received, -250), (HopName::Written, -1250)]);
        assert!(text.contains("-0.250 s") && text.contains("-1.250 s"), "{text}");
        assert!(text.contains("this machine's clock is ahead of Lambda's"), "{text}");
    }
}
