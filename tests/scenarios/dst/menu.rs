//! What can go wrong: the menu that each history chooses from.

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Throttled,
    WindowFull,
    Conflict,
    Failed,
    Hangs,
    Slow,
    AnswerLost,
    NoAnswer,
    Denied,
    InternalError,
    StaleLists,
    UnorderedStatuses,
    ShortLivedStatuses,
    ShortPages,
    EmptyTags,
    EventsRepeated,
    EventsReordered,
    EventsDropped,
    EventsForged,
    EventsLate,
    TwoAtOnce,
    LeaseExpires,
    ClockJumps,
    WriteLoses,
    TimeLimit,
    Killed,
    AnyOperationFails,
    LedgerWiped,
    LedgerRestored,
    OrganizationsDown,
    IdentityStoreDown,
    SsoAdminDown,
    LedgerDown,
    RulesDown,
    GroupMadeAgain,
    SetMadeAgain,
    RulesEmptied,
}

use Trouble as T;

/// All of them, each with its word.
pub(super) const MENU: [(Trouble, &str); 37] = [
    (T::Throttled, "throttled by its rate"),
    (T::WindowFull, "window of requests full"),
    (T::Conflict, "ConflictException"),
    (T::Failed, "FAILED, for each known reason"),
    (T::Hangs, "IN_PROGRESS for ever"),
    (T::Slow, "a request takes long"),
    (T::AnswerLost, "answer lost after a success"),
    (T::NoAnswer, "no answer at all"),
    (T::Denied, "AccessDeniedException"),
    (T::InternalError, "internal errors"),
    (T::StaleLists, "lists 30 s stale"),
    (T::UnorderedStatuses, "status lists unordered"),
    (T::ShortLivedStatuses, "status records short-lived"),
    (T::ShortPages, "short and empty pages with a token"),
    (T::EmptyTags, "an empty 200 from the tagging API"),
    (T::EventsRepeated, "events repeated"),
    (T::EventsReordered, "events reordered"),
    (T::EventsDropped, "events dropped"),
    (T::EventsForged, "events forged"),
    (T::EventsLate, "events days late"),
    (T::TwoAtOnce, "two of one function at once"),
    (T::LeaseExpires, "lease expires in mid-call"),
    (T::ClockJumps, "clock jumps by an hour"),
    (T::WriteLoses, "conditional writes lose"),
    (T::TimeLimit, "time limit at any millisecond"),
    (T::Killed, "killed at any I/O"),
    (T::AnyOperationFails, "any I/O fails, done or not"),
    (T::LedgerWiped, "ledger wiped"),
    (T::LedgerRestored, "ledger restored"),
    (T::OrganizationsDown, "Organizations down"),
    (T::IdentityStoreDown, "Identity Store down"),
    (T::SsoAdminDown, "SSO Admin down"),
    (T::LedgerDown, "ledger down"),
    (T::RulesDown, "rules source down"),
    (T::GroupMadeAgain, "group made again"),
    (T::SetMadeAgain, "permission set made again"),
    (T::RulesEmptied, "rules emptied by mistake"),
];

impl Trouble {
    pub(super) fn word(self) -> &'static str {
        MENU.iter().find(|(trouble, _)| *trouble == self).map_or("?", |(_, word)| *word)
    }
}
