//! One assignment in plain words: what there is, since when and why, and what comes next.

use jiff::Timestamp;
use shared::{
    domain::Operation,
    ledger::{Approval, Cause, Intent, Row, State},
    plan::WithheldReason,
};

use crate::{
    render,
    report::{HoldTold, WithheldTold},
    screen::line,
};

/// What is known of an assignment.
pub(super) struct Known<'a> {
    /// Whether AWS lists it.
    pub(super) is_there: Option<bool>,
    /// Why that could not be read.
    pub(super) unread: Option<&'a String>,
    pub(super) row: Option<&'a Row>,
    /// When the rules came into force that it was last decided by.
    pub(super) rules_since: Option<Timestamp>,
    pub(super) is_wanted: bool,
    pub(super) forbidden_by: &'a [String],
    /// The rules that would give it beyond the scope of their team.
    pub(super) out_of_scope: &'a [String],
    pub(super) until: Option<Timestamp>,
    /// A rule that wants it takes nothing away.
    pub(super) outlives_its_rules: bool,
    pub(super) next: Option<Operation>,
    /// The approval that lets that past the budgets, where one does.
    pub(super) approved: Option<&'a Approval>,
    /// Its permission set is declared and yet to be made.
    pub(super) awaits_set: bool,
    pub(super) withheld: Option<&'a WithheldTold>,
    pub(super) hold: Option<&'a HoldTold>,
}

impl Known<'_> {
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut says: Vec<String> = self.presence().into_iter().chain(self.record()).collect();
        says.extend(
            self.row
                .and_then(|row| row.trouble.as_ref())
                .map(|trouble| format!("What went wrong last: {}.", line(trouble))),
        );
        if let [first, more @ ..] = self.forbidden_by {
            let more = if more.is_empty() { String::new() } else { format!(" and at {}", more.join(", ")) };
            says.push(format!("A rule would give it, and the `never` at {first}{more} forbids it."));
        }
        if let [first, more @ ..] = self.out_of_scope {
            let more = if more.is_empty() { String::new() } else { format!(" and {}", more.join(", ")) };
            says.push(format!(
                "Rule {first}{more} would give it, and it is beyond the scope of the rule's team: narrow the rule, or have the scope widened in the root file."
            ));
        }
        says.extend(self.until.map(|until| {
            let until = render::minute(until);
            if self.outlives_its_rules {
                format!("All rules that give it end on {until}. It stays then: not all that want it are in sync mode.")
            } else {
                format!("It ends on {until}: all rules that want it do.")
            }
        }));
        says.extend(self.held());
        match (self.next, self.withheld) {
            // What forbids it was told already.
            (_, Some(withheld))
                if matches!(withheld.reason, WithheldReason::Never | WithheldReason::OutOfScope) => {}
            (_, Some(withheld)) => says.push(refused(withheld)),
            (Some(Operation::Grant), None) if self.awaits_set => {
                says.push("It is granted once the permission set is made.".to_owned());
            }
            (Some(Operation::Grant), None) => {
                says.push(format!("The next run grants it, {}.", self.by_what_right()));
            }
            // Why was told already.
            (Some(Operation::Revoke), None)
                if !self.out_of_scope.is_empty() || !self.forbidden_by.is_empty() =>
            {
                says.push("The next run revokes it, within its budget.".to_owned());
            }
            (Some(Operation::Revoke), None) => {
                let right = self.by_what_right();
                says.push(format!("No rule wants it any more: the next run revokes it, {right}."));
            }
            (None, None) => says.extend(self.at_rest()),
        }
        says
    }

    /// What the budgets have to say of what comes next.
    fn by_what_right(&self) -> String {
        match self.approved {
            Some(approval) => {
                let until = render::minute(approval.expires_at);
                format!("past the budgets: {} has approved it, until {until}", line(&approval.by))
            }
            None => "within its budget".to_owned(),
        }
    }

    /// Whether it is there, and whose it is.
    fn presence(&self) -> Option<String> {
        let is_ours = self.row.is_some_and(Row::is_ours);
        let state = self.row.map(|row| &row.state);
        Some(match (self.is_there, state) {
            (None, _) => {
                let why = self.unread.map(|why| format!(": {}", line(why))).unwrap_or_default();
                format!("Whether it is there was not read{why}.")
            }
            (Some(true), Some(State::Uncertain { reason, .. })) => {
                format!("It is there, and it can't be said whose it is: {}.", line(reason))
            }
            (Some(true), Some(State::Granting(_))) => {
                "It is there, and Usher's own request for it has not ended yet.".to_owned()
            }
            // That is told with its time.
            (Some(true), Some(State::Ours)) => return None,
            (Some(true), _) if is_ours => "It is there, and it is Usher's.".to_owned(),
            (Some(true), _) if self.withheld.is_some() => "It is there, made by others.".to_owned(),
            (Some(true), _) => {
                "It is there, made by others: Usher does not touch it unless `usher adopt` takes it over."
                    .to_owned()
            }
            (Some(false), _) if is_ours => "It was Usher's, and AWS does not list it.".to_owned(),
            (Some(false), Some(State::Uncertain { reason, .. })) => {
                format!("It is not there, and a request for it may have had effect: {}.", line(reason))
            }
            (Some(false), _) => "It is not there.".to_owned(),
        })
    }

    /// What the ledger says of it.
    fn record(&self) -> Option<String> {
        // What only an approval was written for had nothing before.
        let row = self.row.filter(|row| {
            !(self.approved.is_some() && row.state == State::Closed && row.closed_at.is_none())
        })?;
        let since = render::minute(row.changed_at);
        let decided = format!("{}{}", cause(&row.cause), self.version(row));
        Some(match &row.state {
            State::Ours if self.is_there == Some(true) => {
                format!("It is there, and Usher's since {since}, {decided}.")
            }
            State::Ours => format!("Usher's since {since}, {decided}."),
            State::Granting(intent) => under_way("granted", intent, &decided),
            State::Closing(intent) => under_way("revoked", intent, &decided),
            State::Closed => match row.closed_at {
                Some(closed) => {
                    format!("Usher revoked it on {}, {decided}.", render::minute(closed))
                }
                None => format!("The ledger has had nothing of it since {since}, {decided}."),
            },
            State::Uncertain { .. } => format!("It has been uncertain since {since}, {decided}."),
            State::Blocked { operation, reason, fingerprint: _, retry_at } => format!(
                "AWS refused the {operation} on {since}, {decided}: {}. It is tried again when its rules or its account change, or on {}.",
                line(reason).trim_end_matches('.'),
                render::minute(*retry_at)
            ),
            State::Dormant => format!(
                "It sleeps since {since}, {decided}: its account is not active, and it goes on when that is."
            ),
        })
    }

    fn version(&self, row: &Row) -> String {
        let Some(version) = &row.rules else { return String::new() };
        let since = self.rules_since.map(|since| format!(" (in force since {})", render::minute(since)));
        format!(", last decided under rules version {}{}", version.short(), since.unwrap_or_default())
    }

    fn held(&self) -> Option<String> {
        let HoldTold { what, by, since, reason } = self.hold?;
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", line(reason)) };
        let since = render::minute(*since);
        let Some(by) = by else {
            return Some(format!("Somebody deleted it by hand; it is on hold since {since}{reason}."));
        };
        let by = line(by);
        Some(match *what {
            "everything" => format!("{by} has paused Usher since {since}{reason}."),
            "assignment" => format!("{by} has put it on hold since {since}{reason}."),
            what => format!("{by} has put its {what} on hold since {since}{reason}."),
        })
    }

    /// Nothing is to be done, and nothing withheld.
    fn at_rest(&self) -> Option<String> {
        let row = self.row?;
        match &row.state {
            State::Ours if self.is_wanted && self.is_there == Some(true) => {
                Some("Rules want it, so it stays.".to_owned())
            }
            State::Uncertain { .. } => {
                Some("`usher adopt` or `usher disown` settles whose it is.".to_owned())
            }
            State::Ours
            | State::Granting(_)
            | State::Closing(_)
            | State::Closed
            | State::Blocked { .. }
            | State::Dormant => None,
        }
    }
}

/// What is not done, why, and the way out.
fn refused(withheld: &WithheldTold) -> String {
    let what = match withheld.operation {
        Operation::Grant => "It is not granted",
        Operation::Revoke => "It is not revoked",
    };
    let why = line(&withheld.why);
    match &withheld.command {
        Some(command) => format!("{what}: {why}. Way out: `{}`.", line(command)),
        // Some reasons tell it themselves.
        None if why.contains("`usher ") => format!("{what}: {why}."),
        None => format!("{what}: {why}. Way out: {}.", withheld.way_out),
    }
}

fn under_way(what: &str, intent: &Intent, decided: &str) -> String {
    let Intent { decided_at, not_before, claim, .. } = intent;
    match claim {
        None => {
            let waits = not_before.map(|until| format!(", not before {}", render::minute(until)));
            format!(
                "It is to be {what}: decided on {}, {decided}; not sent yet{}.",
                render::minute(*decided_at),
                waits.unwrap_or_default()
            )
        }
        Some(claim) => {
            let request = claim.request.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
            format!(
                "It is being {what}: with AWS since {}{request}, {decided}; not ended yet.",
                render::minute(claim.at)
            )
        }
    }
}

/// What it was decided for, in words.
fn cause(cause: &Cause) -> String {
    match cause.as_str().split_once(':') {
        Some(("event", id)) => format!("because of event {id}"),
        Some(("sweep", id)) => format!("found by the sweep {id}"),
        Some(("command", command)) if command.starts_with("apply") => {
            format!("by `usher apply` ({command})")
        }
        Some(("command", command)) => format!("by a command ({command})"),
        Some(("rules", id)) => format!("because rules came into force ({id})"),
        Some(("turn", rule)) => format!("because a rule began or ended ({rule})"),
        Some(_) | None => format!("because of {}", cause.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::ledger::{Claim, Fence, Held};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn row(state: State) -> Row {
        let text = r#"{ "key": { "account": "111122223333", "permission_set": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
            "principal": { "group": "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab" } }, "state": "closed", "wanted_by": {}, "rules": null,
            "cause": "event:6ab5", "changed_at": "2027-01-15T08:00:00Z" }"#;
        let row: Row = serde_json::from_str(text).unwrap();
        Row { state, rules: Some("ab".repeat(32).parse().unwrap()), ..row }
    }

    fn intent(claim: Option<Claim>) -> Intent {
        Intent { decided_at: at(1), not_before: None, not_after: None, fingerprint: String::new(), claim }
    }

    fn told<'a>(is_there: bool, row: Option<&'a Row>, change: impl FnOnce(&mut Known<'a>)) -> String {
        let mut known = Known {
            is_there: Some(is_there),
            unread: None,
            row,
            rules_since: Some(at(-60)),
            is_wanted: true,
            forbidden_by: &[],
            out_of_scope: &[],
            until: None,
            outlives_its_rules: false,
            next: None,
            approved: None,
            awaits_set: false,
            withheld: None,
            hold: None,
        };
        change(&mut known);
        known.sentences().join("\n")
    }

    #[test]
    fn every_state_of_the_ledger_is_told_in_words() {
        let claim = Claim { fence: Fence(1), at: at(2), request: None, polled: None };
        let blocked = |operation| State::Blocked {
            operation,
            reason: "AccessDenied.".to_owned(),
            fingerprint: String::new(),
            retry_at: at(1440),
        };
        let uncertain = State::Uncertain { reason: "an answer was lost".to_owned(), contested: false };
        let states = [
            (true, State::Ours),
            (false, State::Ours),
            (false, State::Granting(intent(None))),
            (false, State::Granting(intent(Some(claim.clone())))),
            (true, State::Closing(intent(Some(claim)))),
            (false, State::Closed),
            (true, State::Closed),
            (true, uncertain),
            (false, blocked(Operation::Grant)),
            (true, blocked(Operation::Revoke)),
            (true, State::Dormant),
        ];
        let all: Vec<String> = states
            .into_iter()
            .map(|(is_there, state)| {
                let label = state.label();
                format!("[{label}]\n{}", told(is_there, Some(&row(state)), |_| {}))
            })
            .collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        [ours]
        It is there, and Usher's since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        Rules want it, so it stays.
        [ours]
        It was Usher's, and AWS does not list it.
        Usher's since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        [pending]
        It is not there.
        It is to be granted: decided on 2027-01-15 08:01 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC); not sent yet.
        [sending]
        It is not there.
        It is being granted: with AWS since 2027-01-15 08:02 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC); not ended yet.
        [closing]
        It is there, and it is Usher's.
        It is being revoked: with AWS since 2027-01-15 08:02 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC); not ended yet.
        [closed]
        It is not there.
        The ledger has had nothing of it since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        [closed]
        It is there, made by others: Usher does not touch it unless `usher adopt` takes it over.
        The ledger has had nothing of it since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        [uncertain]
        It is there, and it can't be said whose it is: an answer was lost.
        It has been uncertain since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        `usher adopt` or `usher disown` settles whose it is.
        [blocked]
        It is not there.
        AWS refused the grant on 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC): AccessDenied. It is tried again when its rules or its account change, or on 2027-01-16 08:00 UTC.
        [blocked]
        It is there, and it is Usher's.
        AWS refused the revoke on 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC): AccessDenied. It is tried again when its rules or its account change, or on 2027-01-16 08:00 UTC.
        [dormant]
        It is there, and it is Usher's.
        It sleeps since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC): its account is not active, and it goes on when that is.
        ");
    }

    #[test]
    fn what_is_withheld_held_or_to_be_done_is_told_with_the_way_out() {
        let withheld = WithheldTold {
            operation: Operation::Grant,
            reason: WithheldReason::Held(Held::Account),
            why: WithheldReason::Held(Held::Account).to_string(),
            way_out: "`usher release ACCOUNT`",
            command: Some("usher release 111122223333".to_owned()),
        };
        let hold = |what, by: Option<&str>| HoldTold {
            what,
            by: by.map(str::to_owned),
            since: at(0),
            reason: "incident 12".to_owned(),
        };
        let account = hold("account", Some("alba"));
        let (everything, by_hand) = (hold("everything", Some("alba")), hold("assignment", None));
        let at_rules = ["rules.yaml:12".to_owned()];
        let of_rules = ["shop".to_owned(), "web".to_owned()];
        let ours = row(State::Ours);
        let all = [
            told(false, None, |known| {
                known.withheld = Some(&withheld);
                known.hold = Some(&account);
            }),
            told(false, None, |known| known.hold = Some(&everything)),
            told(false, None, |known| known.hold = Some(&by_hand)),
            told(false, None, |known| known.forbidden_by = &at_rules),
            told(false, None, |known| known.out_of_scope = &of_rules),
            told(false, None, |known| known.next = Some(Operation::Grant)),
            told(true, Some(&ours), |known| known.next = Some(Operation::Revoke)),
            told(true, Some(&ours), |known| known.until = Some(at(60))),
            told(true, Some(&ours), |known| {
                known.until = Some(at(60));
                known.outlives_its_rules = true;
            }),
            told(false, None, |known| {
                known.next = Some(Operation::Grant);
                known.awaits_set = true;
            }),
            told(true, None, |_| {}),
        ];
        insta::assert_snapshot!(all.join("\n--\n"), @r"
        It is not there.
        alba has put its account on hold since 2027-01-15 08:00 UTC: incident 12.
        It is not granted: its account is on hold; `usher release` lets it go on. Way out: `usher release 111122223333`.
        --
        It is not there.
        alba has paused Usher since 2027-01-15 08:00 UTC: incident 12.
        --
        It is not there.
        Somebody deleted it by hand; it is on hold since 2027-01-15 08:00 UTC: incident 12.
        --
        It is not there.
        A rule would give it, and the `never` at rules.yaml:12 forbids it.
        --
        It is not there.
        Rule shop and web would give it, and it is beyond the scope of the rule's team: narrow the rule, or have the scope widened in the root file.
        --
        It is not there.
        The next run grants it, within its budget.
        --
        It is there, and Usher's since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        No rule wants it any more: the next run revokes it, within its budget.
        --
        It is there, and Usher's since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        It ends on 2027-01-15 09:00 UTC: all rules that want it do.
        Rules want it, so it stays.
        --
        It is there, and Usher's since 2027-01-15 08:00 UTC, because of event 6ab5, last decided under rules version abababababab (in force since 2027-01-15 07:00 UTC).
        All rules that give it end on 2027-01-15 09:00 UTC. It stays then: not all that want it are in sync mode.
        Rules want it, so it stays.
        --
        It is not there.
        It is granted once the permission set is made.
        --
        It is there, made by others: Usher does not touch it unless `usher adopt` takes it over.
        ");
    }

    #[test]
    fn every_kind_of_cause_is_told_in_words() {
        let told: BTreeMap<&str, String> = ["event", "sweep", "command", "rules", "turn", "schedule"]
            .into_iter()
            .map(|kind| (kind, cause(&Cause::new(kind, "1"))))
            .collect();
        assert_eq!(told["event"], "because of event 1");
        assert_eq!(told["schedule"], "because of schedule:1");
        assert_eq!(cause(&Cause::new("command", "apply-1")), "by `usher apply` (apply-1)");
        assert!(told.values().all(|text| text.contains('1')));
    }
}
