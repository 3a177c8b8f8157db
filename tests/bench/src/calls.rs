//! The calls of SSO Admin that the world has seen, as far as figures need them.

use jiff::Timestamp;
use simulator::{LogEntry, Service};

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    /// Whether it was Usher's, or that of the strategy in its place.
    pub(crate) ours: bool,
    /// The key, if it asks for an assignment to be made or deleted.
    pub(crate) writes: Option<String>,
    pub(crate) refused: Option<Refused>,
    /// Its id, which is that of the assignment request too.
    pub(crate) id: String,
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// For the number of calls or of requests under way.
    Throttled,
    /// A request for the same key, or one that updates a role of the same account, was under way.
    InConflict,
    Otherwise,
}

impl Call {
    /// `None` for calls of other services.
    pub(crate) fn of(entry: &LogEntry, us: &str) -> Option<Self> {
        if entry.service != Service::SsoAdmin {
            return None;
        }
        let member = |name: &str| entry.parameters.get(name).and_then(|value| value.as_str()).unwrap_or("");
        let key = || ["TargetId", "PermissionSetArn", "PrincipalId"].map(member).join(" ");
        let writes =
            matches!(entry.operation, "CreateAccountAssignment" | "DeleteAccountAssignment").then(key);
        Some(Self {
            at: entry.at,
            ours: *entry.caller.name == *us,
            id: if writes.is_some() { entry.request_id.to_string() } else { String::new() },
            writes,
            refused: entry.error.as_deref().map(|code| match code {
                "ThrottlingException" => Refused::Throttled,
                "ConflictException" => Refused::InConflict,
                _ => Refused::Otherwise,
            }),
        })
    }

    /// Whether it is an assignment request that was accepted.
    pub(crate) fn is_accepted(&self) -> bool {
        self.writes.is_some() && self.refused.is_none()
    }
}
