//! What the account has to have beside the service: a trail, and room for its functions.

use shared::aws::{Connection, TrailSeen};

use crate::{
    doctor::{Findings, way_out},
    screen::{count, line},
};

/// How many executions the template reserves.
const RESERVED: u64 = 7;

/// How many Lambda leaves to all functions together that reserve none: more can't be reserved away.
const LEFT: u64 = 100;

/// Whether a trail of this account logs what is written, here: calls reach EventBridge by one.
pub(super) async fn trail(way: &Connection, what: &'static str, findings: &mut Findings) {
    let region = line(way.region().unwrap_or_default());
    let trails = match way.trails().await {
        Ok(trails) => trails,
        Err(error) => {
            findings.warning(
                what,
                format!("whether calls in {region} are logged can't be told: {}", line(&error.to_string())),
                way_out(&error, "cloudtrail:DescribeTrails`, `GetTrailStatus` and `GetEventSelectors"),
            );
            return;
        }
    };
    if let Some(good) = trails.iter().find(|trail| trail.is_logging && trail.logs_writes == Some(true)) {
        let of = if good.of_organization { ", the organization's" } else { "" };
        return findings
            .good(what, format!("{}{of}: it logs management events in {region}", line(&good.name)));
    }
    let way_out = "create a trail of all Regions with management events, best the organization's: calls reach EventBridge by one. Without it only \
                   sweeps find what was done";
    let unsure: Vec<&TrailSeen> =
        trails.iter().filter(|trail| trail.is_logging && trail.logs_writes.is_none()).collect();
    let names =
        |trails: &[&TrailSeen]| trails.iter().map(|trail| line(&trail.name)).collect::<Vec<_>>().join(", ");
    let found = if !unsure.is_empty() {
        format!(
            "whether {} logs all management events in {region} can't be told: you may not read its selectors, or they are finer than that",
            names(&unsure)
        )
    } else if trails.is_empty() {
        format!("there is no trail in {region}")
    } else {
        let all: Vec<&TrailSeen> = trails.iter().collect();
        format!(
            "no trail logs what is written in {region}: {} is switched off, or leaves it out",
            names(&all)
        )
    };
    findings.warning(what, found, way_out);
}

/// Whether the account's limit lets the template reserve what it reserves.
pub(super) async fn concurrency(way: &Connection, findings: &mut Findings) {
    let what = "concurrency";
    match way.unreserved_executions().await {
        Ok(free) if free >= RESERVED + LEFT => {
            findings.good(what, format!("{free} executions are not reserved yet; the service reserves {RESERVED}"));
        }
        Ok(free) => findings.bad(
            what,
            format!(
                "{} not reserved yet; the service reserves {RESERVED}, and Lambda keeps {LEFT} for functions that reserve none",
                count(usize::try_from(free).unwrap_or(usize::MAX), "execution is", "executions are")
            ),
            "have Lambda's quota `Concurrent executions` raised in Service Quotas first, or take back what others have reserved",
        ),
        Err(error) => findings.warning(
            what,
            format!("Lambda's limit can't be told: {}", line(&error.to_string())),
            way_out(&error, "lambda:GetAccountSettings"),
        ),
    }
}
