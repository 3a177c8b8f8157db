//! `Tag Change on Resource`: EventBridge's own event about tags, which needs no trail.
//!
//! Seen with `service` organizations and `resource-type` account in others' rules; no full sample is published, so the id is
//! taken from the end of the resource's ARN (`arn:aws:organizations::<management>:account/o-…/<account>`).

use super::{
    Event, Found, Hint, Ignored, Service,
    event::short,
    layout::{Layout, tagged},
};

pub(super) const SERVICE: Service<Layout> = Service {
    source: "aws.tag",
    event_source: None,
    names: &[("Tag Change on Resource", Layout::TagChange)],
};

pub(super) fn read(event: &Event<'_>) -> Found<Hint> {
    let service = event.text("/service").unwrap_or_default();
    if service != "organizations" {
        let source_name = format!("tag of {}", short(service));
        return Ok(Err(Ignored::Unconcerned { source_name, name: short(event.name) }));
    }
    let resource = event.envelope.resources.first().ok_or_else(|| event.missing("resources"))?;
    tagged(event, resource.rsplit('/').next().unwrap_or_default())
}
