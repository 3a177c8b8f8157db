//! Events of permission sets, and of assignments that somebody makes or removes: all are calls of Identity Center's API, whether by its
//! console or not.

mod sso;

use std::collections::BTreeSet;

use super::{
    Event, EventError, Family, Found, Ignored, PermissionSetHint, Service,
    event::{bare, is_hidden, short},
    search::{self, Several},
};
use crate::domain::{AssignmentKey, PermissionSetArn, Principal};

/// Where an event names what it is about. Places are JSON pointers into its `detail`. Where an ARN is not in its place, it is looked for
/// in all places where it may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// The call creates or deletes the permission set that is named here.
    Changed(&'static str),
    /// The call edits the permission set that is named here.
    Edited(&'static str),
    /// The call edits a permission set, and names it in a way that is not published.
    EditedSomewhere,
    /// The call tags what is named here.
    Tagged(&'static str),
    /// The call makes or removes an assignment: where AWS's answer is.
    Assignment { answer: &'static str },
    /// The call provisions the permission set that is named here.
    Provisioned(&'static str),
    /// Much may change, and nothing is named.
    ForTheSweep,
    /// Nothing that rules select by changes.
    Unconcerned,
}

impl super::Layout for Layout {
    type Hint = PermissionSetHint;
    const FAMILY: Family = Family::PermissionSets;
    const SERVICES: &'static [Service<Self>] = &[sso::SERVICE];
    const SUBJECT: &'static str = "permission set";

    fn read(self, event: &Event<'_>) -> Found<PermissionSetHint> {
        match self {
            Self::Changed(place) => about(event, place, PermissionSetHint::Changed),
            Self::Edited(place) => about(event, place, PermissionSetHint::Edited),
            Self::EditedSomewhere => Ok(Ok(match named(event) {
                Several::One(set) => PermissionSetHint::Edited(set),
                Several::None | Several::Few(_) | Several::Many => PermissionSetHint::PermissionSets,
            })),
            Self::Tagged(place) => tagged(event, place),
            Self::Assignment { answer } => assignment(event, answer),
            Self::Provisioned(place) => about(event, place, PermissionSetHint::Provisioned),
            Self::ForTheSweep => Ok(Err(event.for_the_sweep())),
            Self::Unconcerned => Ok(Err(event.unconcerned())),
        }
    }

    fn of_unknown(event: &Event<'_>) -> Option<PermissionSetHint> {
        match named(event) {
            Several::One(set) => Some(PermissionSetHint::Named(set)),
            Several::None | Several::Few(_) | Several::Many => None,
        }
    }
}

fn about(
    event: &Event<'_>,
    place: &'static str,
    hint: fn(PermissionSetArn) -> PermissionSetHint,
) -> Found<PermissionSetHint> {
    if let Some(set) = event.id_at(place)? {
        return Ok(Ok(hint(set)));
    }
    match named(event) {
        Several::None => Err(event.without(place)),
        Several::One(set) => Ok(Ok(hint(set))),
        Several::Few(_) | Several::Many => Ok(Ok(PermissionSetHint::PermissionSets)),
    }
}

/// The permission sets that an event names, wherever it does: nothing else looks like their ARNs.
fn named(event: &Event<'_>) -> Several<PermissionSetArn> {
    let mut sets: BTreeSet<PermissionSetArn> = BTreeSet::new();
    let whole = search::each_text(event.envelope, |_, text| sets.extend(text.parse().ok()));
    sets.extend(search::resources(event.envelope).filter_map(|arn| arn.parse().ok()));
    Several::of(sets, whole)
}

/// Instances and applications are tagged too, and by their tags nothing selects.
fn tagged(event: &Event<'_>, place: &'static str) -> Found<PermissionSetHint> {
    match event.text(place) {
        Some(resource) if resource.starts_with("arn:") && !resource.contains(":permissionSet/") => {
            let is = "no permission set";
            Ok(Err(Ignored::OtherResource { name: short(event.name), resource: short(resource), is }))
        }
        Some(_) | None => about(event, place, PermissionSetHint::Changed),
    }
}

/// The parts of an assignment's key stand in the parameters; what is not there is looked for, in AWS's answer as elsewhere.
fn assignment(event: &Event<'_>, answer: &'static str) -> Found<PermissionSetHint> {
    if let Several::One(kind) = member(event, "/requestParameters/targetType")
        && kind != "AWS_ACCOUNT"
    {
        let is = "no account";
        return Ok(Err(Ignored::OtherResource { name: short(event.name), resource: short(kind), is }));
    }
    let (Some(account), Some(permission_set), Some(kind), Some(id)) = (
        part(event, "/requestParameters/targetId")?,
        part(event, "/requestParameters/permissionSetArn")?,
        part(event, "/requestParameters/principalType")?,
        part(event, "/requestParameters/principalId")?,
    ) else {
        return Ok(Ok(PermissionSetHint::PermissionSets));
    };
    let principal = match kind {
        "GROUP" => Principal::Group(event.parsed(bare(id))?),
        "USER" => Principal::User(event.parsed(bare(id))?),
        _ => {
            let expected = "a principal's type: GROUP or USER";
            return Err(EventError::Invalid { name: short(event.name), expected });
        }
    };
    let (account, permission_set) = (event.parsed(account)?, event.parsed(permission_set)?);
    let key = AssignmentKey { account, permission_set, principal };
    // The request bears the id of the call that began it.
    let request = [answer, "/requestID"].into_iter().find_map(|place| event.text(place)?.parse().ok());
    Ok(Ok(PermissionSetHint::Assignment { key, request }))
}

/// A part of an assignment's key; `None` if the event names several.
fn part<'a>(event: &Event<'a>, place: &'static str) -> Result<Option<&'a str>, EventError> {
    match member(event, place) {
        Several::None => Err(event.without(place)),
        Several::One(part) => Ok(Some(part)),
        Several::Few(_) | Several::Many => Ok(None),
    }
}

/// The text at a place, else of the members that have its name elsewhere.
fn member<'a>(event: &Event<'a>, place: &'static str) -> Several<&'a str> {
    if let Some(text) = event.text(place).filter(|text| !is_hidden(text)) {
        return Several::One(text);
    }
    let name = place.rsplit('/').next().unwrap_or(place);
    let mut texts = BTreeSet::new();
    let whole = search::each_text(event.envelope, |path, text| {
        let is_called_so = path.last().is_some_and(|last| last.eq_ignore_ascii_case(name));
        texts.extend((is_called_so && !is_hidden(text)).then_some(text));
    });
    Several::of(texts, whole)
}
