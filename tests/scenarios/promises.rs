//! The promises that the checker holds against what happens, and the ways in which they are broken.

use shared::domain::AssignmentKey;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Violation {
    /// A delete was sent for what a person had made.
    DeletedTheirs(AssignmentKey),
    /// A grant was sent that no rule had wanted for a while.
    GrantedUnwanted(AssignmentKey),
    /// A delete was sent for what the rules wanted all the time.
    RevokedWanted(AssignmentKey),
    /// A delete was sent while no rules in `sync` mode were in force.
    RevokedWithoutSync(AssignmentKey),
    /// There is an assignment of ours, or a request, that no row admits.
    NoRow(AssignmentKey),
    /// A row says that it is ours, and none of our grants succeeded.
    NotProved(AssignmentKey),
    /// A call was made for a key whose row had no claim.
    SentWithoutClaim(AssignmentKey),
    /// So many requests of ours were under way at once.
    WindowExceeded(usize),
    /// A call was made for a key that a request of ours was under way for.
    TwoAtOnce(AssignmentKey),
    /// We were too fast.
    Throttled(String),
    /// An account that was not active was written to.
    NotActive(AssignmentKey),
    /// The management account was written to.
    Management(AssignmentKey),
    /// A look at one account led to a write in another.
    OutOfScope(AssignmentKey),
    /// More deletes in a day than the guardrails allow.
    OverBudget { deletes: usize, limit: usize },
    /// A call was made for what somebody had stopped.
    SentWhileStopped(AssignmentKey),
    /// A delete that a budget had held back was sent, and nobody had approved it, nor was it wanted in between.
    NotApproved(AssignmentKey),
    /// It is not as the rules want it, and nothing says why, or it is said and was not expected.
    Differs { key: AssignmentKey, wanted: bool, reason: Option<String> },
    /// A reason that was expected is given for no key.
    ReasonMissing(String),
    /// There was nothing to do, and something was written.
    NotIdle(String),
    /// An outcome names a person.
    NamesPeople(String),
}

/// A promise that is held against what happens, by the numbers of the design and the words of `docs/semantics.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Promise {
    /// A delete takes away only what is ours.
    OnlyOurs,
    /// A grant is one that a rule in force wants, of this very principal and permission set.
    OnlyWanted,
    /// What is ours or under way has a row, and its call a claim.
    IntentFirst,
    /// A delete is one that no rule wanted, and in sync mode.
    MissingIsNotEmpty,
    /// No more deletes than the budgets allow, or a person did.
    Bounded,
    /// Nothing is sent for what a person has stopped.
    Stopped,
    /// A row that says ours can prove it.
    Proved,
    /// No call for a key while a request for it is under way.
    OneAtATime,
    /// Only active accounts are written to, and the management account not without its role.
    OnlyActive,
    /// No more requests at once than the window has.
    Window,
    /// Faults stop, two sweeps: what is there is what is wanted, but for what says why.
    Converges,
    /// Then nothing more is written.
    Rests,
    /// No person is named in what is told.
    NamesNobody,
}

impl Promise {
    pub(super) const ALL: [(Self, &'static str); 13] = [
        (Self::OnlyOurs, "only what is ours is deleted"),
        (Self::OnlyWanted, "only what is wanted is granted"),
        (Self::IntentFirst, "an intent comes before its call"),
        (Self::MissingIsNotEmpty, "what is wanted is never taken away"),
        (Self::Bounded, "deletes are bounded"),
        (Self::Stopped, "what is stopped stays stopped"),
        (Self::Proved, "accepted is not provisioned"),
        (Self::OneAtATime, "one request for a key at a time"),
        (Self::OnlyActive, "only active accounts are written to"),
        (Self::Window, "the window is kept"),
        (Self::Converges, "two sweeps bring all that is wanted"),
        (Self::Rests, "then nothing more is written"),
        (Self::NamesNobody, "nobody is named"),
    ];

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(promise, _)| *promise == self).map_or("?", |(_, word)| *word)
    }
}
