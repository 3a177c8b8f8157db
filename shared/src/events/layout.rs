//! The ways in which events name what they are about, and how each is read.

use serde_json::Value;

use super::{Envelope, EventError, Found, Hint, Ignored, Service, search, short, tagged};
use crate::domain::AccountId;

/// Where an event names what it is about. Places are JSON pointers into its `detail`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// The call names the account here.
    Account(&'static str),
    /// The call names the account here, and is about the caller's own where it names none.
    AccountOrOwn(&'static str),
    /// The call is about the account that makes it.
    Own,
    /// Something asynchronous has ended: where its status is, and where in that the account.
    Ended { status: &'static str, account: &'static str },
    /// The same, with the accounts that the status names.
    EndedForSeveral { status: &'static str },
    /// How it is laid out is not published: the account is looked for in all places where it may be.
    Somewhere,
    /// An invitation was answered.
    Handshake,
    /// The call renames the OU that is named here.
    RenamedOu(&'static str),
    /// The call tags what is named here.
    Tagged(&'static str),
    /// There is no account yet that could be looked at; another event tells when there is.
    NotYet,
    /// Nothing that rules select by changes.
    Unconcerned,
}

impl Layout {
    pub(super) fn read(self, service: &Service, name: &str, envelope: &Envelope) -> Found {
        let detail = &envelope.detail;
        match self {
            Self::Account(place) => match account_at(name, detail, place)? {
                Some(hint) => Ok(Ok(hint)),
                None => somewhere(name, envelope),
            },
            Self::AccountOrOwn(place) => match account_at(name, detail, place)? {
                Some(hint) => Ok(Ok(hint)),
                None => own(name, detail),
            },
            Self::Own => own(name, detail),
            Self::Ended { status, account } => ended(name, detail, status, |status| {
                account_at(name, status, account)?
                    .map_or_else(|| somewhere(name, envelope), |hint| Ok(Ok(hint)))
            }),
            Self::EndedForSeveral { status } => ended(name, detail, status, |_| somewhere(name, envelope)),
            Self::Somewhere => somewhere(name, envelope),
            Self::Handshake => handshake(name, envelope),
            Self::RenamedOu(place) => {
                let invalid = |source| EventError::Invalid { name: short(name), source };
                let ou = text(detail, place).ok_or_else(|| missing(name, "organizationalUnitId"))?;
                Ok(Ok(Hint::RenamedOu(ou.parse().map_err(invalid)?)))
            }
            Self::Tagged(place) => {
                tagged(name, text(detail, place).ok_or_else(|| missing(name, "resourceId"))?)
            }
            Self::NotYet => Ok(Err(Ignored::NotYet { name: short(name) })),
            Self::Unconcerned => {
                Ok(Err(Ignored::Unconcerned { source_name: short(service.source), name: short(name) }))
            }
        }
    }
}

/// A report of how something asynchronous ended; the call of the same name that began it names no account yet.
fn ended(name: &str, detail: &Value, status: &'static str, read: impl FnOnce(&Value) -> Found) -> Found {
    let Some(status) = detail.pointer(status).filter(|status| status.is_object()) else {
        let began = detail.get("eventType").and_then(Value::as_str) == Some("AwsApiCall");
        return if began {
            Ok(Err(Ignored::NotYet { name: short(name) }))
        } else {
            Err(missing(name, "serviceEventDetails"))
        };
    };
    let state = text(status, "/state").ok_or_else(|| missing(name, "state"))?;
    if !state.eq_ignore_ascii_case("SUCCEEDED") {
        return Ok(Err(Ignored::NotSucceeded { name: short(name), state: short(state) }));
    }
    read(status)
}

/// Wherever the event may name an account.
fn somewhere(name: &str, envelope: &Envelope) -> Found {
    search::subject(envelope).map(Ok).ok_or_else(|| missing(name, "accountId"))
}

/// An accepted invitation. It is logged in the account that accepts it (whether in the management account too is not documented),
/// which the handshake names among its parties, unless it was invited by its e-mail address.
fn handshake(name: &str, envelope: &Envelope) -> Found {
    let detail = &envelope.detail;
    let handshake = detail.pointer("/responseElements/handshake");
    let says = |member: &str| handshake.and_then(|it| it.get(member)).and_then(Value::as_str);
    if let Some(action) = says("action").filter(|action| !action.eq_ignore_ascii_case("INVITE")) {
        // Handshakes also switch on features, which changes nothing for accounts.
        let name = short(&format!("{name} ({action})"));
        return Ok(Err(Ignored::Unconcerned { source_name: "aws.organizations".into(), name }));
    }
    if let Some(state) = says("state").filter(|state| !state.eq_ignore_ascii_case("ACCEPTED")) {
        return Ok(Err(Ignored::NotSucceeded { name: short(name), state: short(state) }));
    }
    match search::subject(envelope) {
        Some(hint) => Ok(Ok(hint)),
        None => own(name, detail),
    }
}

/// The account that made the call.
fn own(name: &str, detail: &Value) -> Found {
    let own = ["/recipientAccountId", "/userIdentity/accountId"];
    let own = own.iter().find_map(|place| text(detail, place)).ok_or_else(|| missing(name, "accountId"))?;
    parse(name, own).map(Ok)
}

fn account_at(name: &str, value: &Value, place: &str) -> Result<Option<Hint>, EventError> {
    text(value, place).map(|id| parse(name, id)).transpose()
}

fn parse(name: &str, id: &str) -> Result<Hint, EventError> {
    let invalid = |source| EventError::Invalid { name: short(name), source };
    id.parse::<AccountId>().map(Hint::Account).map_err(invalid)
}

fn text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place).and_then(Value::as_str)
}

fn missing(name: &str, member: &'static str) -> EventError {
    EventError::Missing { name: short(name), member }
}
