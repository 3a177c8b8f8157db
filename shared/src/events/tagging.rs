//! `Tag Change on Resource`: EventBridge's own event about tags, which needs no trail.
//!
//! Seen with `service` organizations and `resource-type` account in others' rules; no full sample is published, so the id is
//! taken from the end of the resource's ARN (`arn:aws:organizations::<management>:account/o-…/<account>`).

use serde_json::Value;

use super::{Envelope, EventError, Found, Ignored, short, tagged};

pub(super) const SOURCE: &str = "aws.tag";
pub(super) const DETAIL_TYPE: &str = "Tag Change on Resource";

pub(super) fn read(envelope: &Envelope) -> Found {
    let name = envelope.detail_type.as_str();
    let service = envelope.detail.get("service").and_then(Value::as_str).unwrap_or_default();
    if service != "organizations" {
        return Ok(Err(Ignored::Unconcerned {
            source_name: format!("tag of {}", short(service)),
            name: short(name),
        }));
    }
    let resource = envelope
        .resources
        .first()
        .ok_or_else(|| EventError::Missing { name: short(name), member: "resources" })?;
    let id = resource.rsplit('/').next().unwrap_or_default();
    tagged(name, id)
}
