//! What one assignment is to AWS, to the ledger and to the rules.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Assignment, Standing};
use crate::{
    domain::{AssignmentKey, Operation, RuleId},
    ledger::{HeldBy, Row, State},
    plan::WithheldReason,
};

/// What a plan made now has to do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Grants,
    Revokes,
    /// This is not done, and why.
    Withheld(Operation, WithheldReason),
}

/// Everything that is known of a key.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub key: &'a AssignmentKey,
    /// AWS lists it.
    pub present: bool,
    pub row: Option<&'a Row>,
    /// The rules that want it; `None` where it can't be said what they want.
    pub wanted: Option<&'a BTreeSet<RuleId>>,
    pub until: Option<Timestamp>,
    pub next: Option<&'a Next>,
    /// Its principal no longer exists.
    pub orphaned: bool,
    /// When the reading began: what has changed since, or within the lag before, may have been read as it was before.
    pub began: Timestamp,
    pub lag: SignedDuration,
}

impl Sight<'_> {
    /// The assignment as it is told; `None` where there is none, and none is wanted.
    pub fn assignment(&self) -> Option<Assignment> {
        let (standing, note) = self.standing()?;
        let is_wanted = self.wanted.is_some_and(|rules| !rules.is_empty());
        // A tombstone tells of the past, unless somebody has taken away what is missed.
        let row = self.row.filter(|row| row.state != State::Closed || standing == Standing::Drifted);
        let rules = match (self.wanted, row) {
            (Some(rules), _) if is_wanted => rules.clone(),
            (_, Some(row)) => row.wanted_by.keys().cloned().collect(),
            (_, None) => BTreeSet::new(),
        };
        Some(Assignment {
            key: self.key.clone(),
            present: self.present,
            standing,
            ours: self.row.is_some_and(Row::is_ours),
            wanted: is_wanted,
            rules,
            since: row.map(|row| row.changed_at),
            cause: row.map(|row| row.cause.as_str().to_owned()),
            until: self.until,
            note,
        })
    }

    fn standing(&self) -> Option<(Standing, Option<String>)> {
        if self.present && self.orphaned {
            let note = "its principal has been deleted: nobody has access by it".to_owned();
            return Some((Standing::Orphaned, Some(note)));
        }
        let Some(row) = self.row else { return self.nobodys() };
        let is_fresh = row.changed_at + self.lag > self.began;
        let told = |standing, note: &str| Some((standing, Some(note.to_owned())));
        match &row.state {
            State::Closed if self.present && is_fresh && row.closed_at.is_some() => {
                told(Standing::Pending, "it was revoked a moment before this was read, or meanwhile")
            }
            State::Closed if !self.present && is_held_as_deleted(row) && self.is_wanted() => {
                told(Standing::Drifted, "somebody deleted it by hand; `usher release` has it made again")
            }
            State::Closed => self.nobodys(),
            State::Granting(intent) if self.present && intent.claim.is_none() && !row.maybe_sent => {
                told(Standing::Foreign, "it was made by others while Usher was about to")
            }
            State::Granting(intent) if intent.claim.is_some() => {
                told(Standing::Pending, "a grant has been sent, and has not ended yet")
            }
            State::Granting(_) if self.present => {
                told(Standing::Uncertain, "an attempt of Usher's may have made it")
            }
            State::Granting(_) => told(Standing::Pending, "a grant is about to be sent"),
            State::Uncertain { reason, contested: _ } => Some((
                Standing::Uncertain,
                Some(format!(
                    "it cannot be said whose it is ({reason}); `usher adopt` or `usher disown` settles it"
                )),
            )),
            State::Blocked { operation: Operation::Grant, .. } if self.present => self.nobodys(),
            State::Blocked { operation, reason, .. } => {
                Some((Standing::Pending, Some(format!("AWS refused to {operation} it: {reason}"))))
            }
            State::Closing(intent) if intent.claim.is_some() => {
                told(Standing::Pending, "a revoke has been sent, and has not ended yet")
            }
            State::Ours | State::Dormant | State::Closing(_) if !self.present => {
                if is_fresh {
                    told(
                        Standing::Pending,
                        "AWS does not list it; it was granted a moment before this was read, or meanwhile",
                    )
                } else {
                    told(Standing::Drifted, "it was Usher's, and is gone by another's hand")
                }
            }
            State::Closing(_) => told(Standing::Pending, "a revoke is about to be sent"),
            State::Ours | State::Dormant => Some(self.kept()),
        }
    }

    /// What is there, and Usher's.
    fn kept(&self) -> (Standing, Option<String>) {
        let unwanted = |why: &str| Some(format!("no rule wants it any more; {why}"));
        match (self.wanted, self.next) {
            (Some(rules), Some(Next::Revokes)) if rules.is_empty() => {
                (Standing::Pending, unwanted("the next run revokes it"))
            }
            // What rules want can't be told for certain: it stays what it was.
            (
                _,
                Some(Next::Withheld(
                    Operation::Revoke,
                    reason @ (WithheldReason::LookupFailed(_)
                    | WithheldReason::PermissionSetAwaited(_)
                    | WithheldReason::AccountNotActive(_)),
                )),
            ) => (Standing::Ours, Some(reason.to_string())),
            (Some(rules), Some(Next::Withheld(Operation::Revoke, reason))) if rules.is_empty() => {
                (Standing::Drifted, unwanted(&reason.to_string()))
            }
            (Some(rules), _) if rules.is_empty() => (Standing::Drifted, unwanted("nothing has been begun")),
            (_, Some(Next::Withheld(_, reason))) => (Standing::Ours, Some(reason.to_string())),
            (_, Some(Next::Grants | Next::Revokes) | None) => (Standing::Ours, None),
        }
    }

    /// What the ledger doesn't claim.
    fn nobodys(&self) -> Option<(Standing, Option<String>)> {
        if self.present {
            let note = self
                .is_wanted()
                .then(|| "rules want it, and it was made by others; `usher adopt` takes it over".to_owned());
            return Some((Standing::Foreign, note));
        }
        if !self.is_wanted() {
            return None;
        }
        let note = match self.next {
            Some(Next::Grants) => "the next run grants it".to_owned(),
            Some(Next::Withheld(_, reason)) => reason.to_string(),
            Some(Next::Revokes) | None => "rules want it, and nothing has been begun".to_owned(),
        };
        Some((Standing::Pending, Some(note)))
    }

    fn is_wanted(&self) -> bool {
        self.wanted.is_some_and(|rules| !rules.is_empty())
    }
}

fn is_held_as_deleted(row: &Row) -> bool {
    row.hold.as_ref().is_some_and(|hold| hold.by == HeldBy::DeletedByHand)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        domain::{Mode, Principal},
        ledger::{Cause, Claim, Fence, Hold, Intent},
    };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(100 + minutes)
    }

    fn key() -> AssignmentKey {
        AssignmentKey {
            account: "200000000001".parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: Principal::Group("9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap()),
        }
    }

    /// A row that was in this state an hour before the reading began.
    fn row(state: State) -> Row {
        Row {
            key: key(),
            version: 1,
            state,
            wanted_by: BTreeMap::from([("dev".parse().unwrap(), Mode::Sync)]),
            rules: None,
            cause: Cause::new("event", "1"),
            attempts: 0,
            conflicts: 0,
            changed_at: at(-60),
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

    fn intent(sent: bool) -> Intent {
        let claim = Claim { fence: Fence(1), at: at(-1), request: None, polled: None };
        Intent {
            decided_at: at(-1),
            not_before: None,
            not_after: None,
            fingerprint: String::new(),
            claim: sent.then_some(claim),
        }
    }

    /// What is told of a key: present or not, wanted or not.
    fn told(row: Option<&Row>, present: bool, wanted: bool) -> Option<Assignment> {
        let rules: BTreeSet<RuleId> = if wanted { ["dev".parse().unwrap()].into() } else { BTreeSet::new() };
        let key = key();
        let sight = Sight {
            key: &key,
            present,
            row,
            wanted: Some(&rules),
            until: None,
            next: None,
            orphaned: false,
            began: at(0),
            lag: SignedDuration::from_mins(5),
        };
        sight.assignment()
    }

    /// The standing if AWS has it, and if it hasn't; rules want it.
    fn standings(row: &Row) -> [Option<Standing>; 2] {
        [true, false].map(|present| told(Some(row), present, true).map(|one| one.standing))
    }

    #[test]
    fn each_state_of_the_ledger_has_its_standing() {
        use Standing::{Drifted, Foreign, Ours, Pending, Uncertain};
        let blocked = |operation| State::Blocked {
            operation,
            reason: "no".to_owned(),
            fingerprint: String::new(),
            retry_at: at(60),
        };
        for (state, there, missing) in [
            (State::Ours, Ours, Drifted),
            (State::Dormant, Ours, Drifted),
            (State::Closed, Foreign, Pending),
            (State::Granting(intent(false)), Foreign, Pending),
            (State::Granting(intent(true)), Pending, Pending),
            (State::Closing(intent(false)), Pending, Drifted),
            (State::Closing(intent(true)), Pending, Pending),
            (State::Uncertain { reason: "lost".to_owned(), contested: false }, Uncertain, Uncertain),
            (blocked(Operation::Grant), Foreign, Pending),
            (blocked(Operation::Revoke), Pending, Pending),
        ] {
            let row = row(state.clone());
            assert_eq!(standings(&row), [Some(there), Some(missing)], "{state:?}");
            let ours = told(Some(&row), true, true).unwrap().ours;
            assert_eq!(ours, row.is_ours(), "{state:?}");
        }
    }

    #[test]
    fn what_is_nobodys_and_nowhere_is_not_told() {
        assert_eq!(told(None, false, false), None);
        assert_eq!(told(Some(&row(State::Closed)), false, false), None);
        assert_eq!(told(None, true, false).unwrap().standing, Standing::Foreign);
        let adoptable = told(None, true, true).unwrap();
        assert!(adoptable.note.unwrap().contains("`usher adopt`"));
    }

    #[test]
    fn what_has_changed_within_the_lag_has_not_drifted() {
        for changed_at in [at(-4), at(3)] {
            let granted = Row { changed_at, ..row(State::Ours) };
            assert_eq!(standings(&granted), [Some(Standing::Ours), Some(Standing::Pending)]);
            let revoked = Row { changed_at, closed_at: Some(changed_at), ..row(State::Closed) };
            assert_eq!(told(Some(&revoked), true, false).unwrap().standing, Standing::Pending);
        }
    }

    #[test]
    fn what_was_deleted_by_hand_is_missed_for_as_long_as_rules_want_it() {
        let hold = Hold { by: HeldBy::DeletedByHand, at: at(-30), reason: String::new() };
        let missed = Row { hold: Some(hold), ..row(State::Closed) };
        let lost = told(Some(&missed), false, true).unwrap();
        assert_eq!((lost.standing, lost.since), (Standing::Drifted, Some(at(-60))));
        assert_eq!(told(Some(&missed), false, false), None);
        assert_eq!(told(Some(&missed), true, true).unwrap().standing, Standing::Foreign);
    }

    #[test]
    fn where_nobody_can_say_what_rules_want_nothing_has_drifted_from_them() {
        let key = key();
        let ours = row(State::Ours);
        let sight = Sight {
            key: &key,
            present: true,
            row: Some(&ours),
            wanted: None,
            until: None,
            next: None,
            orphaned: false,
            began: at(0),
            lag: SignedDuration::from_mins(5),
        };
        assert_eq!(sight.assignment().unwrap().standing, Standing::Ours);
        let why = Next::Withheld(Operation::Revoke, WithheldReason::LookupFailed("no answer".to_owned()));
        let unsure = Sight { wanted: Some(&BTreeSet::new()), next: Some(&why), ..sight };
        assert_eq!(unsure.assignment().unwrap().standing, Standing::Ours);
        let held_back = Next::Withheld(Operation::Revoke, WithheldReason::CreateOnly);
        let kept = Sight { next: Some(&held_back), ..unsure };
        assert_eq!(kept.assignment().unwrap().standing, Standing::Drifted);
        let leaving = Sight { next: Some(&Next::Revokes), ..unsure };
        assert_eq!(leaving.assignment().unwrap().standing, Standing::Pending);
        let orphan = Sight { orphaned: true, ..leaving }.assignment().unwrap();
        assert_eq!((orphan.standing, orphan.ours), (Standing::Orphaned, true));
    }
}
