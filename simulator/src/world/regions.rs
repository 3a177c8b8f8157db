//! The Regions of an instance: its primary one, and those that it was extended to.
//!
//! Extending takes time and so does taking back; both are seen only in the status. Which requirements an instance has to meet before
//! it can be extended (its identity source, its key) is not simulated.

use jiff::Timestamp;

use super::{
    Call, Instance, World, later,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, sso_admin as wire},
};

/// A Region that was added.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddedRegion {
    added_at: Timestamp,
    active_from: Timestamp,
    gone_from: Option<Timestamp>,
}

impl AddedRegion {
    fn status(&self, now: Timestamp) -> Option<&'static str> {
        match self.gone_from {
            Some(gone) => (now < gone).then_some("REMOVING"),
            None if now < self.active_from => Some("ADDING"),
            None => Some("ACTIVE"),
        }
    }
}

/// All Regions of an instance at a time, the primary one first.
pub(super) fn all<'a>(
    instance: &'a Instance,
    primary: &str,
    now: Timestamp,
) -> impl Iterator<Item = wire::Region> + use<'a> {
    let first = wire::Region {
        region_name: primary.to_owned(),
        status: "ACTIVE".to_owned(),
        added_date: Epoch(instance.created_at),
        is_primary_region: true,
    };
    let added = instance.regions.iter().filter_map(move |(name, region)| {
        Some(wire::Region {
            region_name: name.clone(),
            status: region.status(now)?.to_owned(),
            added_date: Epoch(region.added_at),
            is_primary_region: false,
        })
    });
    std::iter::once(first).chain(added)
}

/// Whether this is a Region's name by the pattern of the API model: `([a-z]+-){2,3}\d`, with 32 letters at most.
pub(super) fn is_region(name: &str) -> bool {
    name.len() <= 32
        && name.rsplit_once('-').is_some_and(|(words, digit)| {
            let words: Vec<_> = words.split('-').collect();
            let lower =
                |word: &&str| !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_lowercase());
            (2..=3).contains(&words.len())
                && words.iter().all(lower)
                && digit.len() == 1
                && digit.bytes().all(|digit| digit.is_ascii_digit())
        })
}

fn name_is_fine(call: &Call, name: &str) -> Result<(), ApiError> {
    validate::length(call, "regionName", name, 1..=32)?;
    if is_region(name) { Ok(()) } else { Err(validate::pattern(call, "regionName", name)) }
}

/// The place of an instance in which no other Region is coming or going.
fn quiet(world: &World, call: &Call, arn: &str) -> Result<usize, ApiError> {
    let instance = validate::instance(world, call, arn)?;
    let under_way = instance
        .regions
        .values()
        .any(|region| matches!(region.status(call.now), Some("ADDING" | "REMOVING")));
    if under_way {
        return Err(ApiError::new("ConflictException", "Another Region is being added or removed."));
    }
    let arn = &instance.arn;
    world
        .instances
        .iter()
        .position(|instance| instance.arn == *arn)
        .ok_or_else(|| ApiError::internal("InternalServerException"))
}

pub(super) fn add(
    world: &mut World,
    call: &Call,
    input: &wire::AddRegion,
) -> Result<wire::RegionStatusOutput, ApiError> {
    name_is_fine(call, &input.region_name)?;
    let place = quiet(world, call, &input.instance_arn)?;
    let active_from = later(call.now, world.settings.instance_latency.sample(&mut world.ids));
    let most = world.settings.quotas.regions_per_instance;
    let Some(instance) = world.instances.get_mut(place) else {
        return Err(ApiError::internal("InternalServerException"));
    };
    let present: Vec<_> =
        all(instance, &world.settings.region, call.now).map(|region| region.region_name).collect();
    if present.contains(&input.region_name) {
        return Err(ApiError::new("ConflictException", "The Region is already enabled for this instance."));
    }
    if present.len() >= most {
        return Err(ApiError::quota("You have exceeded the number of Regions per instance."));
    }
    let region = AddedRegion { added_at: call.now, active_from, gone_from: None };
    instance.regions.insert(input.region_name.clone(), region);
    Ok(wire::RegionStatusOutput { status: "ADDING".to_owned() })
}

fn found(world: &World, call: &Call, instance: &str, name: &str) -> Result<wire::Region, ApiError> {
    name_is_fine(call, name)?;
    let instance = validate::instance(world, call, instance)?;
    all(instance, &world.settings.region, call.now)
        .find(|region| region.region_name == name)
        .ok_or_else(|| ApiError::not_found(format!("Region {name} is not enabled for this instance.")))
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeRegion,
) -> Result<wire::Region, ApiError> {
    found(world, call, &input.instance_arn, &input.region_name)
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListRegions,
) -> Result<wire::RegionsOutput, ApiError> {
    let instance = validate::instance(world, call, &input.instance_arn)?;
    let mut regions: Vec<_> = all(instance, &world.settings.region, call.now)
        .map(|region| (region.region_name.clone(), region))
        .collect();
    regions.sort_by(|one, other| one.0.cmp(&other.0));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (regions, next_token) = page(call, &request, regions.into_iter())?;
    Ok(wire::RegionsOutput { regions, next_token })
}

pub(super) fn remove(
    world: &mut World,
    call: &Call,
    input: &wire::RemoveRegion,
) -> Result<wire::RegionStatusOutput, ApiError> {
    if found(world, call, &input.instance_arn, &input.region_name)?.is_primary_region {
        return Err(ApiError::validation("The primary Region can't be removed."));
    }
    let place = quiet(world, call, &input.instance_arn)?;
    let gone_from = later(call.now, world.settings.instance_latency.sample(&mut world.ids));
    if let Some(region) =
        world.instances.get_mut(place).and_then(|instance| instance.regions.get_mut(&input.region_name))
    {
        region.gone_from = Some(gone_from);
    }
    Ok(wire::RegionStatusOutput { status: "REMOVING".to_owned() })
}
