//! AWS's errors: a documented code, AWS's wording, and the members that some of them carry.

use std::collections::BTreeMap;

/// An error answer as AWS would give it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The code, such as `ConflictException`; `__type` on the wire.
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
    /// The HTTP status: 400 for all that the caller can do something about, 500 otherwise.
    pub status: u16,
    /// Further members, such as `ResourceType` and `Reason`.
    pub extra: BTreeMap<&'static str, String>,
}

/// Not a code of AWS's: the call was done and its answer got lost on the way.
const LOST: &str = "LostAnswer";

/// Not a code of AWS's: nothing was done, and no answer will come.
const SILENCE: &str = "NoAnswer";

impl ApiError {
    /// An error with status 400, which is what JSON 1.1 services answer to everything but their own faults.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400, extra: BTreeMap::new() }
    }

    /// The same with one more member.
    pub fn with(mut self, member: &'static str, value: impl Into<String>) -> Self {
        self.extra.insert(member, value.into());
        self
    }

    /// The request rate is used up.
    pub fn rate_exceeded(code: &'static str) -> Self {
        Self::new(code, "Rate exceeded")
    }

    /// The window of outstanding assignment requests is full.
    pub fn window_full() -> Self {
        Self::new("ThrottlingException", "There are too many requests processing. Please try again later.")
    }

    /// The caller may not do this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", message)
    }

    /// The input is not what the documentation asks for, in the words of Identity Store and SSO Admin.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// The input is not what the documentation asks for, in the words of Organizations.
    pub fn invalid_input(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new("InvalidInputException", message).with("Reason", reason)
    }

    /// Organizations can't do it because of one of its limits or the state that things are in.
    pub fn constraint(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new("ConstraintViolationException", message).with("Reason", reason)
    }

    /// The same of an invitation.
    pub fn handshake_constraint(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new("HandshakeConstraintViolationException", message).with("Reason", reason)
    }

    /// What SSO Admin says of a thing that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    /// A quota is used up.
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new("ServiceQuotaExceededException", message)
    }

    /// A fault of the service's own; nothing was done.
    pub fn internal(code: &'static str) -> Self {
        Self {
            status: 500,
            ..Self::new(code, "An internal error has occurred. Try your query again at a later time.")
        }
    }

    /// The call was done, and the caller gets no answer.
    pub(crate) fn lost() -> Self {
        Self { status: 500, ..Self::new(LOST, "the connection was closed before the answer came") }
    }

    /// Nothing is done, and the caller waits for an answer until it gives up.
    pub(crate) fn timed_out() -> Self {
        Self { status: 500, ..Self::new(SILENCE, "no answer came in time") }
    }

    /// Whether the caller is to wait for ever.
    pub fn is_silence(&self) -> bool {
        self.code == SILENCE
    }

    /// Whether there is to be no answer at all.
    pub fn is_lost(&self) -> bool {
        self.code == LOST
    }
}
