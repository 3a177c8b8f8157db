//! The Resource Groups Tagging API: the tags of many resources of Organizations at a time.
//!
//! It knows what is tagged and what ever was; what never had a tag does not appear. Organizations' resources are those of the
//! management account in us-east-1: elsewhere the answer is empty, and no error.

use shared::domain::Tags;

use super::{
    Call, World, earlier,
    paging::{PageRequest, page},
};
use crate::{
    ApiError, CallerKind,
    wire::{Tag, tagging as wire},
};

/// Where Organizations lives.
const HOME: &str = "us-east-1";

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn check(input: &wire::GetResources) -> Result<(), ApiError> {
    let filters = input.tag_filters.as_deref().unwrap_or_default();
    let types = input.resource_type_filters.as_deref().unwrap_or_default();
    if let Some(arns) = &input.resource_arn_list {
        let filtered = input.tag_filters.is_some() || input.resource_type_filters.is_some();
        let paged = input.resources_per_page.is_some()
            || input.tags_per_page.is_some()
            || input.pagination_token.as_ref().is_some_and(|token| !token.is_empty());
        if filtered || paged {
            return Err(invalid("ResourceARNList can't be combined with filters or pagination parameters."));
        }
        if arns.is_empty() || arns.len() > 100 || arns.iter().any(|arn| !(1..=1011).contains(&arn.len())) {
            return Err(invalid("ResourceARNList must have 1 to 100 ARNs of 1 to 1011 characters."));
        }
        if let Some(bad) = arns.iter().find(|arn| !arn.starts_with("arn:")) {
            let bad: String = bad.chars().take(120).collect();
            return Err(invalid(format!("{bad} is not a valid ARN.")));
        }
    }
    if input.resources_per_page.is_some_and(|size| !(1..=100).contains(&size)) {
        return Err(invalid("ResourcesPerPage must be between 1 and 100."));
    }
    if input.tags_per_page.is_some_and(|size| !(100..=500).contains(&size)) {
        return Err(invalid("TagsPerPage must be between 100 and 500."));
    }
    if filters.len() > 50 {
        return Err(invalid("TagFilters can have at most 50 keys."));
    }
    for filter in filters {
        let key = filter.key.as_deref().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) {
            return Err(invalid("A tag filter's key must have 1 to 128 characters."));
        }
        let values = filter.values.as_deref().unwrap_or_default();
        if values.len() > 20 || values.iter().any(|value| value.chars().count() > 256) {
            return Err(invalid("A tag filter can have at most 20 values of at most 256 characters."));
        }
    }
    if types.len() > 100 || types.iter().any(|kind| kind.chars().count() > 256) {
        return Err(invalid("ResourceTypeFilters can have at most 100 types of at most 256 characters."));
    }
    if input.exclude_compliant_resources == Some(true) && input.include_compliance_details != Some(true) {
        return Err(invalid("ExcludeCompliantResources needs IncludeComplianceDetails to be true."));
    }
    Ok(())
}

/// Whether a type of resource, `organizations` or such as `organizations:account`, is asked for.
fn is_asked_for(types: Option<&[String]>, kind: &str) -> bool {
    types.is_none_or(|types| {
        types.is_empty()
            || types.iter().any(|asked| match asked.split_once(':') {
                None => asked == "organizations",
                Some((service, of_it)) => service == "organizations" && of_it == kind,
            })
    })
}

fn passes(filters: &[wire::TagFilter], tags: &Tags) -> bool {
    filters.iter().all(|filter| {
        let values = filter.values.as_deref().unwrap_or_default();
        let value = filter.key.as_deref().and_then(|key| tags.get(key));
        value.is_some_and(|value| values.is_empty() || values.iter().any(|wanted| wanted == value))
    })
}

/// How many resources, from the first on, fit into a number of tags; at least one, since a resource is never split.
fn that_fit(resources: &[wire::ResourceTagMapping], tags_per_page: i64) -> i64 {
    let mut left = tags_per_page;
    let mut count = 0;
    for resource in resources {
        // One without tags counts as one tag.
        left -= i64::try_from(resource.tags.len().max(1)).unwrap_or(i64::MAX);
        if left < 0 {
            break;
        }
        count += 1;
    }
    count.max(1)
}

pub(super) fn get_resources(
    world: &mut World,
    call: &Call,
    input: &wire::GetResources,
) -> Result<wire::GetResourcesOutput, ApiError> {
    check(input)?;
    let assumptions = &world.settings.assumptions;
    let region = call.region.as_deref().unwrap_or(HOME);
    let visible = (region == HOME || assumptions.tagging_answers_in_every_region)
        && match call.caller.kind {
            CallerKind::Management => true,
            CallerKind::DelegatedAdministrator => assumptions.delegated_administrator_sees_tagged_accounts,
            CallerKind::Member => false,
        };
    let seen = earlier(call.now, assumptions.tagging_lag);
    let compliant = input.include_compliance_details == Some(true);
    let nothing = !visible || input.exclude_compliant_resources == Some(true);
    let types = input.resource_type_filters.as_deref();
    let filters = input.tag_filters.as_deref().unwrap_or_default();
    let organization = &world.organization;
    let mapping = |id: &String, tags: &Tags| {
        let kind = organization.kind_of(id);
        let resource_arn = organization.arn(kind, id);
        let named = input.resource_arn_list.as_ref().is_none_or(|arns| arns.contains(&resource_arn));
        (named && is_asked_for(types, kind) && passes(filters, tags)).then(|| wire::ResourceTagMapping {
            resource_arn,
            tags: tags
                .iter()
                .map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() })
                .collect(),
            compliance_details: compliant.then(|| wire::ComplianceDetails {
                noncompliant_keys: Vec::new(),
                keys_with_noncompliant_values: Vec::new(),
                compliance_status: true,
            }),
        })
    };
    let entries: Vec<(String, wire::ResourceTagMapping)> = organization
        .tags
        .iter()
        .filter(|_| !nothing)
        .filter_map(|(id, line)| Some((id.clone(), mapping(id, line.at(seen)?)?)))
        .collect();
    let token = input.pagination_token.as_deref().filter(|token| !token.is_empty());
    let cut = |size| page(call, &PageRequest { token, size }, entries.iter().cloned());
    let (mut list, mut next) = cut(input.resources_per_page)?;
    if let Some(most) = input.tags_per_page {
        (list, next) = cut(Some(that_fit(&list, most).min(i64::try_from(list.len()).unwrap_or(100).max(1))))?;
    }
    Ok(wire::GetResourcesOutput {
        pagination_token: next.unwrap_or_default(),
        resource_tag_mapping_list: list,
    })
}
