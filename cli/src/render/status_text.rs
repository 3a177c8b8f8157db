//! The ledger's state as text for a terminal.

use std::fmt::Write as _;

use jiff::Timestamp;
use shared::{domain::Operation, ledger::Frozen};

use super::rows::{self, Row};
use crate::{
    Paint, Style,
    report::{BlockedStatus, FrozenStatus, OrderStatus, RowStatus, SetStatus, StatusReport, WorkStatus},
    screen::{count, line, span},
};

/// So many rows of a list are written; JSON has them all.
const LISTED: usize = 50;

/// Writes it all.
pub(crate) fn status(report: &StatusReport, style: Style) -> String {
    let mut text = String::new();
    let now = report.at;
    let instance = report.instance.as_ref().map_or_else(
        || "no instance yet".to_owned(),
        |arn| arn.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
    );
    let heading = |what: &str| style.paint(Paint::Heading, what);
    let _ = writeln!(text, "{} {} ({instance})", heading("Ledger"), line(&report.ledger));
    match &report.rules {
        Some(rules) => {
            let _ = writeln!(
                text,
                "{} version {}, {}, in force since {} ({} ago)",
                heading("Rules "),
                rules.version.short(),
                count(rules.count, "rule", "rules"),
                at_the_second(rules.since),
                span(now.duration_since(rules.since)),
            );
        }
        None => {
            let _ = writeln!(text, "{} none were ever brought into force", heading("Rules "));
        }
    }
    if let Some(paused) = &report.paused {
        let order = ordered(paused, now);
        let _ = writeln!(
            text,
            "{} {order}; `usher resume` lets everything go on",
            style.paint(Paint::Bad, "Paused")
        );
    }
    if let Some(FrozenStatus { since, stops, doubt }) = &report.frozen {
        let stopped = match stops {
            Frozen::Revokes => "nothing is taken away",
            Frozen::Everything => "nothing is sent",
        };
        let _ = writeln!(
            text,
            "{} since {}: {doubt}; {stopped} until `usher ledger confirm`",
            style.paint(Paint::Bad, "Frozen"),
            at_the_second(*since),
        );
    }
    text.push('\n');

    if !report.holds.is_empty() {
        let _ = writeln!(text, "{} ({})", heading("Accounts and principals on hold"), report.holds.len());
        for hold in &report.holds {
            let what = hold
                .name
                .as_deref()
                .map_or_else(|| hold.what.clone(), |name| format!("{} ({})", hold.what, line(name)));
            let order = style.paint(Paint::Faint, ordered(&hold.order, now));
            let _ = writeln!(text, "  {} {what}  {order}", style.paint(Paint::Warning, "!"));
        }
        text.push('\n');
    }
    let waiting = [
        ("On hold", &report.held),
        ("Over budget", &report.over_budget),
        ("Approved, and not made use of yet", &report.approved),
    ];
    for (title, rows) in waiting {
        section(&mut text, title, rows, |row| told(row, ("!", Paint::Warning), "", now), style);
    }
    section(&mut text, "Under way", &report.under_way, |work| work_row(work, now), style);
    section(&mut text, "Refused by AWS", &report.blocked, |blocked| blocked_row(blocked, now), style);
    section(
        &mut text,
        "It cannot be said whose they are",
        &report.uncertain,
        |row| told(row, ("?", Paint::Warning), "", now),
        style,
    );
    section(
        &mut text,
        "Ours, in accounts that are not active",
        &report.dormant,
        |row| told(row, ("z", Paint::Faint), "", now),
        style,
    );
    section(
        &mut text,
        "Permission sets that are not as declared",
        &report.permission_sets,
        |set| set_row(set, now),
        style,
    );
    numbers(&mut text, report, style);
    text
}

fn set_row(set: &SetStatus, now: Timestamp) -> Row {
    let ago = span(now.duration_since(set.since));
    let (sign, paint) = match set.state.as_str() {
        "failed" => ("✗", Paint::Bad),
        "begun" => ("~", Paint::Accent),
        _ => ("!", Paint::Warning),
    };
    let why = set.why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    Row {
        sign,
        paint,
        columns: [line(&set.name), set.state.replace('_', " ")],
        rest: format!("for {ago}{why}"),
    }
}

fn numbers(text: &mut String, report: &StatusReport, style: Style) {
    let number = |state: &str| report.counts.get(state).copied().unwrap_or(0);
    let mut parts = vec![format!("{} ours", number("ours"))];
    let words = ["pending", "sending", "closing", "blocked", "uncertain", "dormant"];
    parts.extend(words.iter().filter(|word| number(word) > 0).map(|word| format!("{} {word}", number(word))));
    let _ = writeln!(text, "{} {}.", style.paint(Paint::Heading, "Assignments:"), parts.join(", "));
    let spent = report.spent_today;
    let today = format!("today's budgets: {} granted, {} revoked", spent.grants, spent.revokes);
    let _ = writeln!(text, "  {}", style.paint(Paint::Faint, today));
}

fn section<T>(text: &mut String, title: &str, all: &[T], row: impl Fn(&T) -> Row, style: Style) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "{} ({})", style.paint(Paint::Heading, title), all.len());
    let lines: Vec<Row> = all.iter().take(LISTED).map(row).collect();
    rows::write(text, &lines, style);
    if let Some(more) = all.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more; --json lists all");
    }
    text.push('\n');
}

fn work_row(work: &WorkStatus, now: Timestamp) -> Row {
    let ago = |at: Timestamp| span(now.duration_since(at));
    let what = match work.operation {
        Operation::Grant => "grant",
        Operation::Revoke => "revoke",
    };
    let stage = match (work.sent_at, &work.request, work.not_before.filter(|at| *at > now)) {
        (Some(at), Some(_), _) => format!("with AWS for {}", ago(at)),
        (Some(at), None, _) => format!("being sent for {}", ago(at)),
        (None, _, Some(at)) => format!("to be sent in {}", span(at.duration_since(now))),
        (None, _, None) => "not yet sent".to_owned(),
    };
    let attempts = match work.attempts {
        0 | 1 => String::new(),
        more => format!(", attempt {more}"),
    };
    told(&work.row, ("~", Paint::Accent), &format!("{what} {stage}{attempts}, decided "), now)
}

fn blocked_row(blocked: &BlockedStatus, now: Timestamp) -> Row {
    let what = match blocked.operation {
        Operation::Grant => "not granted",
        Operation::Revoke => "not revoked",
    };
    let again = if blocked.retry_at > now {
        format!("again in {} at the latest", span(blocked.retry_at.duration_since(now)))
    } else {
        "again at the next look".to_owned()
    };
    told(&blocked.row, ("✗", Paint::Bad), &format!("{what}, {again}; refused "), now)
}

/// The row's line: what is said of it, its age, and why.
fn told(row: &RowStatus, (sign, paint): (&'static str, Paint), what: &str, now: Timestamp) -> Row {
    let why = row.why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    Row {
        sign,
        paint,
        columns: [format!("{}  {}", row.account, row.permission_set), row.principal.to_string()],
        rest: format!("{what}{} ago{why}", span(now.duration_since(row.since))),
    }
}

/// Who ordered something, when and why.
fn ordered(order: &OrderStatus, now: Timestamp) -> String {
    let reason = if order.reason.is_empty() { String::new() } else { format!(": {}", line(&order.reason)) };
    format!("by {}, {} ago{reason}", line(&order.by), span(now.duration_since(order.since)))
}

fn at_the_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        render::sample,
        report::{FORMAT, HoldStatus, RulesStatus, SpentToday},
    };

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn row(state: &'static str, minutes: i64, why: Option<&str>) -> RowStatus {
        RowStatus {
            account: "111122223333".parse().unwrap(),
            permission_set: sample::set(Some("ReadOnlyAccess")),
            principal: sample::group(Some("Auditors")),
            rules: sample::rule("audit"),
            state,
            since: now() - SignedDuration::from_mins(minutes),
            cause: "sweep:1".to_owned(),
            why: why.map(str::to_owned),
        }
    }

    fn order(by: &str, reason: &str) -> OrderStatus {
        let since = now() - SignedDuration::from_mins(3);
        OrderStatus { by: by.to_owned(), since, reason: reason.to_owned() }
    }

    fn set(name: &str, state: &str, why: Option<&str>) -> SetStatus {
        let since = now() - SignedDuration::from_mins(6);
        SetStatus { name: name.to_owned(), state: state.to_owned(), since, why: why.map(str::to_owned) }
    }

    fn report() -> StatusReport {
        let ago = |seconds| Some(now() - SignedDuration::from_secs(seconds));
        let work = |operation, sent_at, request: Option<&str>, not_before, attempts| WorkStatus {
            row: row("sending", 5, (attempts > 1).then_some("Rate\nexceeded")),
            operation,
            decided_at: now(),
            sent_at,
            request: request.map(str::to_owned),
            not_before,
            attempts,
        };
        StatusReport {
            format: FORMAT,
            ledger: ".usher/ledger.db".to_owned(),
            at: now(),
            instance: Some("arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6".parse().unwrap()),
            rules: Some(RulesStatus {
                version: "ab".repeat(32).parse().unwrap(),
                since: now() - SignedDuration::from_hours(51),
                count: 12,
            }),
            paused: Some(order("alba", "incident 12")),
            frozen: None,
            holds: vec![HoldStatus {
                what: "group:9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab".to_owned(),
                name: Some("Contractors".to_owned()),
                order: order("alba", ""),
            }],
            held: vec![row("closed", 7, Some("deleted by hand"))],
            over_budget: vec![row("ours", 8, Some("over what may be revoked on 2026-11-24"))],
            approved: vec![row("ours", 9, Some("revoke by alba, until 2026-11-25 11:51 UTC"))],
            counts: [
                ("ours", 31),
                ("sending", 2),
                ("pending", 2),
                ("blocked", 1),
                ("uncertain", 1),
                ("dormant", 1),
                ("closing", 0),
                ("closed", 4),
            ]
            .into(),
            under_way: vec![
                work(Operation::Grant, ago(4), Some("r"), None, 1),
                work(Operation::Revoke, ago(2), None, None, 3),
                work(Operation::Grant, None, None, ago(-90), 2),
                work(Operation::Grant, None, None, None, 0),
            ],
            blocked: vec![BlockedStatus {
                row: row("blocked", 90, Some("CreateAccountAssignment: not allowed")),
                operation: Operation::Grant,
                retry_at: now() + SignedDuration::from_hours(22),
            }],
            uncertain: vec![row("uncertain", 1600, Some("no answer came"))],
            dormant: vec![row("dormant", 60, None)],
            permission_sets: vec![
                set("Builders", "failed", Some("CreatePermissionSet: denied")),
                set("Watchers", "begun", None),
            ],
            spent_today: SpentToday { grants: 7, revokes: 2 },
        }
    }

    #[test]
    fn everything_that_waits_is_told_with_its_age() {
        insta::assert_snapshot!(status(&report(), Style::default()), @r"
        Ledger .usher/ledger.db (ssoins-7223a1b2c3d4e5f6)
        Rules  version abababababab, 12 rules, in force since 2026-11-22 09:00:00 UTC (2 d 3 h ago)
        Paused by alba, 3 min ago: incident 12; `usher resume` lets everything go on

        Accounts and principals on hold (1)
          ! group:9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab (Contractors)  by alba, 3 min ago

        On hold (1)
          ! 111122223333  ReadOnlyAccess  group Auditors  7 min ago: deleted by hand

        Over budget (1)
          ! 111122223333  ReadOnlyAccess  group Auditors  8 min ago: over what may be revoked on 2026-11-24

        Approved, and not made use of yet (1)
          ! 111122223333  ReadOnlyAccess  group Auditors  9 min ago: revoke by alba, until 2026-11-25 11:51 UTC

        Under way (4)
          ~ 111122223333  ReadOnlyAccess  group Auditors  grant with AWS for 4 s, decided 5 min ago
          ~ 111122223333  ReadOnlyAccess  group Auditors  revoke being sent for 2 s, attempt 3, decided 5 min ago: Rate exceeded
          ~ 111122223333  ReadOnlyAccess  group Auditors  grant to be sent in 1 min 30 s, attempt 2, decided 5 min ago: Rate exceeded
          ~ 111122223333  ReadOnlyAccess  group Auditors  grant not yet sent, decided 5 min ago

        Refused by AWS (1)
          ✗ 111122223333  ReadOnlyAccess  group Auditors  not granted, again in 22 h at the latest; refused 1 h 30 min ago: CreateAccountAssignment: not allowed

        It cannot be said whose they are (1)
          ? 111122223333  ReadOnlyAccess  group Auditors  1 d 2 h ago: no answer came

        Ours, in accounts that are not active (1)
          z 111122223333  ReadOnlyAccess  group Auditors  1 h ago

        Permission sets that are not as declared (2)
          ✗ Builders  failed  for 6 min: CreatePermissionSet: denied
          ~ Watchers  begun   for 6 min

        Assignments: 31 ours, 2 pending, 2 sending, 1 blocked, 1 uncertain, 1 dormant.
          today's budgets: 7 granted, 2 revoked
        ");
    }

    #[test]
    fn a_long_list_says_how_much_of_it_is_left_out() {
        let mut many = report();
        many.dormant = vec![row("dormant", 1, None); LISTED + 3];
        let text = status(&many, Style::default());
        assert!(text.contains("are not active (53)"), "{text}");
        assert!(text.contains("and 3 more; --json lists all"), "{text}");
    }

    #[test]
    fn an_empty_ledger_says_so() {
        let empty = StatusReport {
            instance: None,
            rules: None,
            paused: None,
            frozen: None,
            holds: Vec::new(),
            held: Vec::new(),
            over_budget: Vec::new(),
            approved: Vec::new(),
            counts: [("ours", 0)].into(),
            under_way: Vec::new(),
            blocked: Vec::new(),
            uncertain: Vec::new(),
            dormant: Vec::new(),
            permission_sets: Vec::new(),
            spent_today: SpentToday::default(),
            ..report()
        };
        insta::assert_snapshot!(status(&empty, Style::default()), @r"
        Ledger .usher/ledger.db (no instance yet)
        Rules  none were ever brought into force

        Assignments: 0 ours.
          today's budgets: 0 granted, 0 revoked
        ");
    }
}
