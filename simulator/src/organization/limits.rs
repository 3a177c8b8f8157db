//! What a description may not say because no call could have made it so.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

use super::{DescriptionError, Text};
use crate::{
    World,
    world::{Stated, is_managed_policy, tag_mistake},
};

/// How many tags anything can have.
const MOST_TAGS: usize = 50;

/// Reads the tags of an account, an OU, the root or a permission set.
pub(super) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let tags: BTreeMap<String, String> = Deserialize::deserialize(deserializer)?;
    if tags.len() > MOST_TAGS {
        return Err(D::Error::custom(format!("there are {} tags: {MOST_TAGS} at most", tags.len())));
    }
    match tags.iter().find_map(|(key, value)| tag_mistake(key, value)) {
        Some(mistake) => Err(D::Error::custom(mistake)),
        None => Ok(tags),
    }
}

/// Reads the ARNs of policies of AWS's own.
pub(super) fn managed_policies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arns: Vec<String> = Deserialize::deserialize(deserializer)?;
    match arns.iter().find(|arn| !is_managed_policy(arn)) {
        Some(bad) => Err(D::Error::custom(format!(
            "`{bad}` is not the ARN of a policy of AWS's own, such as `arn:aws:iam::aws:policy/ReadOnlyAccess`"
        ))),
        None => Ok(arns),
    }
}

/// Refuses a text that a call would be refused for.
pub(super) fn check<'t>(
    world: &World,
    text: impl Into<Option<&'t Text>>,
    stated: impl FnOnce(&'t str) -> Stated<'t>,
) -> Result<(), DescriptionError> {
    text.into().map_or(Ok(()), |text| check_at(world, text, stated(&text.value)))
}

/// The same for what follows from a text, or belongs to what it names.
pub(super) fn check_at(world: &World, place: &Text, stated: Stated<'_>) -> Result<(), DescriptionError> {
    world.would_refuse(stated).map_or(Ok(()), |why| Err(DescriptionError::at(place, why)))
}
