//! What happens in the week, and when: by chance in office hours, and what the plan of the week sets.

use jiff::{SignedDuration, Timestamp};
use shared::domain::{AccountId, GroupId, PermissionSetArn};

use super::company::Size;
use crate::scenarios::chance::Chance;

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// Somebody begins, and joins a team.
    Hire,
    /// Somebody leaves all groups and the company.
    Leaver,
    /// Somebody else is on call.
    OnCall,
    /// An account is asked for; it is put into its OU and then tagged.
    NewAccount,
    Placed {
        name: String,
        team: usize,
        stage: usize,
    },
    Tagged {
        name: String,
        team: usize,
        stage: usize,
    },
    /// An account moves to another division's OU.
    Move,
    /// One of an account's tags that rules look at comes or goes.
    Retag,
    /// An account gets another team.
    HandedOver,
    /// An account is suspended, and works again on the next day.
    Suspended,
    Reactivated(AccountId),
    Closed,
    /// A group gets another name by mistake, and an hour later its own again.
    GroupRenamed,
    NamedBack(GroupId, String),
    /// A group is deleted, and half an hour later there is one of its name.
    GroupDeleted,
    GroupMade(String),
    /// A permission set is edited several times in a few minutes.
    SetEdits,
    SetEdited {
        set: PermissionSetArn,
        left: usize,
    },
    /// A permission set gets another tag that rules look at.
    SetTagged,
    GivenByHand,
    TakenByHand,
    /// What budgets have held back is approved.
    Approval,
    /// A group that a rule names is made for the first time.
    AnalystsMade,
    UnitRenamed,
    /// New rules come into force.
    RulesPublished,
    /// A rule begins or ends.
    RuleTurns,
    /// One of the identity providers deletes all of its groups and makes them again.
    GroupsMadeAgain,
    Begins(Trouble),
    Ends(Trouble, Timestamp),
    Sweep,
    /// Every difference is asked about anew, after the day's last sweep.
    Midnight,
}

/// A bad time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// AWS takes fewer calls a second than it says.
    Throttling,
    /// Others use most of the requests that may be under way.
    Crowded,
    /// The identity store answers nothing.
    Outage,
}

impl Happening {
    /// Whether it can't happen while the identity store is away.
    pub(super) fn needs_the_directory(&self) -> bool {
        matches!(
            self,
            Self::Hire
                | Self::Leaver
                | Self::OnCall
                | Self::GroupRenamed
                | Self::NamedBack(..)
                | Self::GroupDeleted
                | Self::GroupMade(_)
                | Self::AnalystsMade
                | Self::GroupsMadeAgain
        )
    }

    /// What it is called in the summary; nothing for what is no happening of its own.
    pub(super) fn label(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hire => "people hired",
            Self::Leaver => "people who left",
            Self::OnCall => "changes of who is on call",
            Self::NewAccount => "accounts made",
            Self::Move => "accounts moved",
            Self::Retag => "tags of accounts set or removed",
            Self::HandedOver => "accounts given to another team",
            Self::Suspended => "accounts suspended",
            Self::Closed => "accounts closed",
            Self::GroupRenamed => "groups renamed, and back",
            Self::GroupDeleted => "groups deleted and made again",
            Self::SetEdited { .. } => "edits of permission sets",
            Self::SetTagged => "tags of permission sets changed",
            Self::GivenByHand => "assignments made by hand",
            Self::TakenByHand => "assignments of Usher's deleted by hand",
            Self::Approval => "approvals of what waited",
            Self::UnitRenamed => "OUs renamed",
            Self::RulesPublished => "rules published",
            Self::RuleTurns => "times at which a rule began or ended",
            Self::GroupsMadeAgain => "times that a provider made all its groups again",
            Self::Begins(Trouble::Throttling) => "throttling hours",
            Self::Begins(Trouble::Crowded) => "hours with a crowded window",
            Self::Begins(Trouble::Outage) => "outages of the identity store",
            Self::Sweep => "sweeps",
            Self::Placed { .. }
            | Self::Tagged { .. }
            | Self::Reactivated(_)
            | Self::NamedBack(..)
            | Self::GroupMade(_)
            | Self::SetEdits
            | Self::AnalystsMade
            | Self::Ends(..)
            | Self::Midnight => return None,
        })
    }
}

/// How often each thing happens on a day, in a company of 400 accounts.
const DAILY: [(Happening, usize); 14] = [
    (Happening::Hire, 8),
    (Happening::Leaver, 5),
    (Happening::OnCall, 3),
    (Happening::NewAccount, 3),
    (Happening::Move, 4),
    (Happening::Retag, 14),
    (Happening::HandedOver, 3),
    (Happening::Suspended, 1),
    (Happening::Closed, 1),
    (Happening::GroupRenamed, 1),
    (Happening::GroupDeleted, 1),
    (Happening::SetEdits, 3),
    (Happening::GivenByHand, 4),
    (Happening::TakenByHand, 3),
];

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// When the office is open on a day that begins at this midnight.
const OPENS: i64 = 8;
const CLOSES: i64 = 18;

/// What chance brings on one day.
pub(super) fn by_chance(midnight: Timestamp, size: Size, chance: &mut Chance) -> Vec<(Timestamp, Happening)> {
    let mut all = Vec::new();
    for (happening, in_400) in DAILY {
        let times = (in_400 * size.accounts).div_ceil(400);
        for _ in 0..times {
            let seconds = chance.below(usize::try_from((CLOSES - OPENS) * 3600).unwrap());
            let at = midnight + hours(OPENS) + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
            all.push((at, happening.clone()));
        }
    }
    all
}

/// Every hour's sweep of a day, and every difference asked about after the last.
pub(super) fn sweeps(midnight: Timestamp) -> Vec<(Timestamp, Happening)> {
    let mut all: Vec<_> =
        (0..24).map(|hour| (midnight + hours(hour) + minutes(30), Happening::Sweep)).collect();
    all.push((midnight + hours(23) + minutes(29), Happening::Midnight));
    all
}

/// What the plan of a week, or of a single day, sets.
pub(super) fn planned(monday: Timestamp, days: i64) -> Vec<(Timestamp, Happening)> {
    let mut all = Vec::new();
    let mut at = |day: i64, minute: i64, happening| {
        all.push((monday + hours(24 * day.min(days - 1)) + minutes(minute), happening));
    };
    let trouble = |at: &mut dyn FnMut(i64, i64, Happening), day, from: i64, to: i64, trouble| {
        at(day, from * 60, Happening::Begins(trouble));
        let began = monday + hours(24 * i64::min(day, days - 1) + from);
        at(day, to * 60, Happening::Ends(trouble, began));
    };
    trouble(&mut at, 0, 13, 15, Trouble::Throttling);
    trouble(&mut at, 1, 9, 11, Trouble::Outage);
    trouble(&mut at, 3, 16, 17, Trouble::Crowded);
    at(1, 8 * 60 + 20, Happening::AnalystsMade);
    at(2, 11 * 60 + 35, Happening::GroupsMadeAgain);
    at(3, 8 * 60 + 40, Happening::UnitRenamed);
    at(4, 15 * 60 + 45, Happening::RulesPublished);
    for day in 0..days {
        at(day, 8 * 60 + 10, Happening::SetTagged);
        at(day, 15 * 60 + 20, Happening::Approval);
    }
    for turn in super::company::turns(monday, days) {
        all.push((turn, Happening::RuleTurns));
    }
    all
}
