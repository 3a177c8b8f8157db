//! How requests are looked up and listed: the same for assignments and for provisionings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::RequestId;

use super::{
    Call, StatusOrder, World, earlier, later,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, sso_admin as wire},
};

/// What the lists show of a request.
pub(super) trait Followed {
    /// Its id.
    fn id(&self) -> &RequestId;
    /// When it was accepted.
    fn accepted_at(&self) -> Timestamp;
    /// When and how it ended; `None` while it is under way.
    fn settled(&self) -> Option<(Timestamp, Result<(), &str>)>;
}

/// The status that was true at a time.
pub(super) fn status_at(request: &impl Followed, time: Timestamp) -> &'static str {
    match request.settled() {
        Some((at, outcome)) if at <= time => {
            if outcome.is_ok() {
                "SUCCEEDED"
            } else {
                "FAILED"
            }
        }
        Some(_) | None => "IN_PROGRESS",
    }
}

/// Why it failed.
pub(super) fn failure(request: &impl Followed) -> Option<String> {
    request.settled().and_then(|(_, outcome)| outcome.err()).map(str::to_owned)
}

/// Whether AWS still knows a request.
fn is_kept(world: &World, call: &Call, request: &impl Followed) -> bool {
    match (world.settings.assumptions.status_retention, request.settled()) {
        (Some(kept), Some((at, _))) => later(at, kept) > call.now,
        (None, _) | (_, None) => true,
    }
}

/// The request with this id, if it is still known.
pub(super) fn described<'w, R: Followed>(
    world: &'w World,
    call: &Call,
    instance: &str,
    member: &str,
    id: &str,
    find: impl FnOnce(&RequestId) -> Option<&'w R>,
) -> Result<&'w R, ApiError> {
    validate::instance(world, call, instance)?;
    let id: RequestId = validate::id(call, member, id)?;
    find(&id)
        .filter(|request| is_kept(world, call, *request))
        .ok_or_else(|| ApiError::not_found(format!("Could not find request with id {id}")))
}

/// What a list call asks for.
pub(super) struct Asked<'a> {
    pub(super) instance: &'a str,
    pub(super) filter: Option<&'a wire::StatusFilter>,
    pub(super) page: PageRequest<'a>,
}

/// One page of requests, which come in the order of their acceptance.
pub(super) fn listed<'w, R: Followed + 'w>(
    world: &'w World,
    call: &Call,
    asked: &Asked<'_>,
    requests: impl DoubleEndedIterator<Item = (usize, &'w R)>,
) -> Result<(Vec<wire::StatusMetadata>, Option<String>), ApiError> {
    validate::instance(world, call, asked.instance)?;
    let wanted = asked.filter.and_then(|filter| filter.status.as_deref());
    if let Some(status) = wanted {
        validate::one_of(call, "filter.status", status, &["IN_PROGRESS", "FAILED", "SUCCEEDED"])?;
    }
    let seen = earlier(call.now, world.settings.assumptions.status_lag);
    let entries = requests.rev().filter_map(|(place, request)| {
        let status = status_at(request, seen);
        let shown = request.accepted_at() <= seen
            && wanted.is_none_or(|wanted| wanted == status)
            && is_kept(world, call, request);
        shown.then(|| {
            let metadata = wire::StatusMetadata {
                status: status.to_owned(),
                request_id: request.id().to_string(),
                created_date: Epoch(request.accepted_at()),
            };
            (place, metadata)
        })
    });
    match world.settings.assumptions.status_order {
        StatusOrder::NewestFirst => page(
            call,
            &asked.page,
            entries.map(|(place, entry)| (format!("{:012}", 999_999_999_999 - place), entry)),
        ),
        StatusOrder::Unordered => {
            let shuffled: BTreeMap<String, wire::StatusMetadata> = entries
                .map(|(_, entry)| (world.ids.named("status order", &entry.request_id).to_string(), entry))
                .collect();
            page(call, &asked.page, shuffled.into_iter())
        }
    }
}
