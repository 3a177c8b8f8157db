//! Why something could not be measured, or not be taken away again.

use std::io;

use shared::domain::{AccountId, AccountState, AssignmentKey, InstanceArn};

/// Why a probe was not begun, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFailure {
    #[error("`{0}` is the management account, and nothing is measured there")]
    ManagementAccount(AccountId),
    #[error("account `{account}` is not active ({state:?}), and nothing is assigned there")]
    NotActive { account: AccountId, state: AccountState },
    #[error("the assignment `{0}` is there already, and was not made by a probe")]
    AlreadyThere(AssignmentKey),
    #[error("the ledger has the assignment `{key}` ({state})")]
    InLedger { key: AssignmentKey, state: &'static str },
    #[error("the rules in force want the assignment `{key}` ({})", rules.join(", "))]
    Wanted { key: AssignmentKey, rules: Vec<String> },
    #[error("it can't be told whether the rules in force want something of account `{account}`: {why}")]
    CannotTell { account: AccountId, why: String },
    #[error("an earlier probe has not been cleaned up: its journal `{path}` is there")]
    Unfinished { path: String },
    #[error("there is no journal at `{path}`")]
    NoJournal { path: String },
    #[error("another `usher probe` works with the journal `{path}`")]
    AtWork { path: String },
    #[error("cannot write the journal `{path}`")]
    Journal { path: String, source: io::Error },
    #[error("the journal `{path}` can't be read: line {line}: {why}")]
    JournalLine { path: String, line: usize, why: String },
    #[error("the journal is of the instance `{journal}`, and this is `{here}`")]
    OtherInstance { journal: InstanceArn, here: InstanceArn },
    #[error("interrupted again, before everything was taken away")]
    InterruptedAgain,
}

impl ProbeFailure {
    /// What to do about it.
    pub(super) fn way_out(&self) -> String {
        match self {
            Self::ManagementAccount(_) => "name a member account that is there for experiments",
            Self::NotActive { .. } => "name an account that is active",
            Self::AlreadyThere(_) => {
                "nothing was changed. Name a permission set and a group that are made for this, or take the assignment away yourself if nobody needs it"
            }
            Self::InLedger { .. } | Self::Wanted { .. } => {
                "nothing was changed. Name an account, a permission set or a group that no rule has to do with, best ones made for this"
            }
            Self::CannotTell { .. } => {
                "nothing was changed. Try again when it can be read, or name another ledger with --ledger"
            }
            Self::Unfinished { .. } => "`usher probe --clean-up` takes away what it has left, by this journal",
            Self::NoJournal { .. } => {
                "a probe that has left something has its journal beside the ledger that it was given, or where its --journal said: give the same --ledger or --journal; a probe that has ended well leaves none"
            }
            Self::AtWork { .. } => "let that one end, or give another path with --journal",
            Self::Journal { .. } => {
                "give a path that can be written with --journal; without a journal nothing more is made, and `usher probe --clean-up` with it takes away what was made before"
            }
            Self::JournalLine { .. } => {
                "mend that line, or take away by hand what the others name, and then the file"
            }
            Self::OtherInstance { .. } => "use the credentials, the Region and --instance-arn of that probe",
            Self::InterruptedAgain => "`usher probe --clean-up` takes away what is left, by its journal",
        }
        .to_owned()
    }
}
