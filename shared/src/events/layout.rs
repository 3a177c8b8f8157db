//! The ways in which events of accounts name what they are about, and how each is read.

use serde_json::Value;

use super::{
    Event, EventError, Family, Found, Hint, Ignored, Service, account, control_tower,
    event::{short, text},
    organizations, search, tagging,
};
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
    /// `Tag Change on Resource`, by which EventBridge tells of tags itself.
    TagChange,
    /// There is no account yet that could be looked at; another event tells when there is.
    NotYet,
    /// Nothing that rules select by changes.
    Unconcerned,
}

impl super::Layout for Layout {
    type Hint = Hint;
    const FAMILY: Family = Family::Accounts;
    const SERVICES: &'static [Service<Self>] =
        &[organizations::SERVICE, control_tower::SERVICE, account::SERVICE, tagging::SERVICE];
    const SUBJECT: &'static str = "account";

    fn read(self, event: &Event<'_>) -> Found<Hint> {
        match self {
            Self::Account(place) => match account_at(event, place)? {
                Some(hint) => Ok(Ok(hint)),
                None => somewhere(event),
            },
            Self::AccountOrOwn(place) => match account_at(event, place)? {
                Some(hint) => Ok(Ok(hint)),
                None => own(event),
            },
            Self::Own => own(event),
            Self::Ended { status, account } => ended(event, status, |status| match text(status, account) {
                Some(id) => Ok(Ok(Hint::Account(event.parsed(id)?))),
                None => somewhere(event),
            }),
            Self::EndedForSeveral { status } => ended(event, status, |_| somewhere(event)),
            Self::Somewhere => somewhere(event),
            Self::Handshake => handshake(event),
            Self::RenamedOu(place) => match event.id_at(place)? {
                Some(ou) => Ok(Ok(Hint::RenamedOu(ou))),
                None => Err(event.without(place)),
            },
            Self::Tagged(place) => tagged(event, event.text(place).ok_or_else(|| event.without(place))?),
            Self::TagChange => tagging::read(event),
            Self::NotYet => Ok(Err(Ignored::NotYet { name: short(event.name) })),
            Self::Unconcerned => Ok(Err(event.unconcerned())),
        }
    }

    fn of_unknown(event: &Event<'_>) -> Option<Hint> {
        search::subject(event.envelope).filter(|hint| matches!(hint, Hint::Account(_)))
    }
}

/// A report of how something asynchronous ended; the call of the same name that began it names no account yet.
fn ended(event: &Event<'_>, status: &'static str, read: impl FnOnce(&Value) -> Found<Hint>) -> Found<Hint> {
    let Some(status) = event.detail().pointer(status).filter(|status| status.is_object()) else {
        return if event.text("/eventType") == Some("AwsApiCall") {
            Ok(Err(Ignored::NotYet { name: short(event.name) }))
        } else {
            Err(event.missing("serviceEventDetails"))
        };
    };
    let state = text(status, "/state").ok_or_else(|| event.missing("state"))?;
    if !state.eq_ignore_ascii_case("SUCCEEDED") {
        return Ok(Err(Ignored::NotSucceeded { name: short(event.name), state: short(state) }));
    }
    read(status)
}

/// Wherever the event may name an account.
fn somewhere(event: &Event<'_>) -> Found<Hint> {
    search::subject(event.envelope).map(Ok).ok_or_else(|| event.missing("accountId"))
}

/// An accepted invitation. It is logged in the account that accepts it (whether in the management account too is not documented),
/// which the handshake names among its parties, unless it was invited by its e-mail address.
fn handshake(event: &Event<'_>) -> Found<Hint> {
    let handshake = event.detail().pointer("/responseElements/handshake");
    let says = |member: &str| handshake.and_then(|it| it.get(member)).and_then(Value::as_str);
    if let Some(action) = says("action").filter(|action| !action.eq_ignore_ascii_case("INVITE")) {
        // Handshakes also switch on features, which changes nothing for accounts.
        let name = short(&format!("{} ({action})", event.name));
        return Ok(Err(Ignored::Unconcerned { source_name: event.source.to_owned(), name }));
    }
    if let Some(state) = says("state").filter(|state| !state.eq_ignore_ascii_case("ACCEPTED")) {
        return Ok(Err(Ignored::NotSucceeded { name: short(event.name), state: short(state) }));
    }
    match search::subject(event.envelope) {
        Some(hint) => Ok(Ok(hint)),
        None => own(event),
    }
}

/// The account that made the call.
fn own(event: &Event<'_>) -> Found<Hint> {
    let own = ["/recipientAccountId", "/userIdentity/accountId"];
    let own = own.iter().find_map(|place| event.text(place)).ok_or_else(|| event.missing("accountId"))?;
    Ok(Ok(Hint::Account(event.parsed(own)?)))
}

fn account_at(event: &Event<'_>, place: &str) -> Result<Option<Hint>, EventError> {
    Ok(event.id_at::<AccountId>(place)?.map(Hint::Account))
}

/// An account, an OU or the root, as a resource that was tagged.
pub(super) fn tagged(event: &Event<'_>, resource: &str) -> Found<Hint> {
    Ok(if resource.starts_with("ou-") {
        Ok(Hint::Ou(event.parsed(resource)?))
    } else if resource.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(Hint::Account(event.parsed(resource)?))
    } else {
        // Policies are tagged too, and the root, by whose tags nothing selects.
        let is = "neither an account nor an OU";
        Err(Ignored::OtherResource { name: short(event.name), resource: short(resource), is })
    })
}
