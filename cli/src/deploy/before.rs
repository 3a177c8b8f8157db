//! Before a deployment: whether what the template will be given fits what is there.

use shared::aws::{BucketGuard, BucketSeen, BucketSetUp, Connection};

use super::{room, table};
use crate::{
    Machine,
    args::{AfterArgs, BeforeArgs, ConnectionArgs, Kept},
    doctor::{Findings, Surroundings, records, way_out},
    screen::line,
};

const NEW: &str = "new";
const EXISTING: &str = "existing";

/// Looks at everything beyond what AWS has told.
pub(super) async fn look(
    arguments: &BeforeArgs,
    after: &AfterArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    around: &Surroundings,
    findings: &mut Findings,
) {
    parameters(arguments, around, findings);
    table::before(&around.way, &arguments.table, is(arguments, Kept::Table) == NEW, findings).await;
    buckets(around, arguments, findings).await;
    if arguments.rules.is_empty() {
        findings.untried("rules", "--rules PATH looks at the rule files to begin with");
    } else {
        records::in_files(&arguments.rules, findings);
    }
    room::trail(&around.way, "trail", findings).await;
    if after.forwarder_profile.is_some() || after.forwarder_region.is_some() {
        let there = super::forwarders(after, connection, machine).await;
        room::trail(&there, "forwarder's trail", findings).await;
    }
    room::concurrency(&around.way, findings).await;
}

/// What the template is told of the organization and the instance.
fn parameters(arguments: &BeforeArgs, around: &Surroundings, findings: &mut Findings) {
    let what = "parameters";
    let mut told = Vec::new();
    if let Some(instance) = &around.instance {
        told.push(format!("InstanceArn={}", instance.arn));
    }
    if let Some(facts) = &around.organization {
        let (id, management) = (line(&facts.id), &facts.management_account);
        match &arguments.organization_id {
            Some(given) if *given != facts.id => findings.bad(
                what,
                format!("OrganizationId would be {}, and this is the organization {id}", line(given)),
                format!("OrganizationId={id}, or use credentials of the other organization: with a wrong one the bus admits no forwarder"),
            ),
            Some(_) | None => told.push(format!("OrganizationId={id}")),
        }
        match &arguments.management_account_id {
            Some(given) if given != management => findings.bad(
                what,
                format!("ManagementAccountId would be {given}, and the organization's is {management}"),
                format!("ManagementAccountId={management}: with a wrong one no forwarded event is believed"),
            ),
            Some(_) | None => told.push(format!("ManagementAccountId={management}")),
        }
    }
    if !told.is_empty() {
        findings.good(what, told.join(" "));
    }
}

fn is(arguments: &BeforeArgs, kept: Kept) -> &'static str {
    if arguments.existing.contains(&kept) { EXISTING } else { NEW }
}

async fn buckets(around: &Surroundings, arguments: &BeforeArgs, findings: &mut Findings) {
    let way = &around.way;
    let rules = ("rules bucket", "RulesBucket", &arguments.rules_bucket, Kept::RulesBucket);
    let reports = ("reports bucket", "ReportsBucket", &arguments.reports_bucket, Kept::ReportsBucket);
    if arguments.rules_bucket.is_some() && arguments.rules_bucket == arguments.reports_bucket {
        findings.bad(
            "reports bucket",
            "it would be that of the rules",
            "reports hold names of people and few may read them: give them a bucket of their own",
        );
    }
    for (what, parameter, name, kept) in [rules, reports] {
        let Some(name) = name else {
            let option = what.replace(' ', "-");
            findings.untried(what, format!("--{option} NAME looks whether the name is free"));
            continue;
        };
        let seen = match way.bucket_seen(name).await {
            Ok(seen) => seen,
            Err(error) => {
                let found = format!("whether {name} is there can't be told: {}", line(&error.to_string()));
                findings.warning(what, found, way_out(&error, "s3:ListBucket"));
                continue;
            }
        };
        match (seen, is(arguments, kept)) {
            (BucketSeen::None, NEW) => findings.good(what, format!("{name} is free, and will be made")),
            (BucketSeen::None, _) => findings.bad(
                what,
                format!("there is no bucket {name}"),
                format!("make it, or let {parameter}Is be new"),
            ),
            (BucketSeen::Forbidden, _) => findings.bad(
                what,
                format!("{name} is somebody else's, or you may not look at it"),
                format!("choose another name ({parameter}Name): names of buckets are unique in the whole partition"),
            ),
            (BucketSeen::Elsewhere { region }, _) => findings.bad(
                what,
                format!("{name} is in another Region{}", region.map(|region| format!(", {}", line(&region))).unwrap_or_default()),
                format!("choose another name ({parameter}Name): it has to be in the service's Region"),
            ),
            (BucketSeen::Usable { .. }, NEW) => findings.bad(
                what,
                format!("there is a bucket {name} already, and the deployment would fail at it"),
                format!("if it is meant: --existing {}, and {parameter}Is=existing. Else another name", what.replace(' ', "-")),
            ),
            (BucketSeen::Usable { .. }, _) => {
                if is_own(around, what, name, findings).await {
                    set_up(way, what, name, kept, findings).await;
                }
            }
        }
    }
}

/// Whether a bucket is this account's own: the functions' roles reach no other.
async fn is_own(around: &Surroundings, what: &'static str, name: &str, findings: &mut Findings) -> bool {
    let Some(caller) = &around.caller else { return true };
    match around.way.bucket_is_of(name, &caller.account).await {
        Ok(true) => true,
        Ok(false) => {
            let found = format!("{name} is another account's, which lets this one in");
            findings.bad(what, found, "take a bucket of this account: functions reach no other, since whoever owns it could change what they read");
            false
        }
        Err(error) => {
            let found = format!("whose {name} is can't be told: {}", line(&error.to_string()));
            findings.warning(what, found, way_out(&error, "s3:ListBucket"));
            true
        }
    }
}

/// Whether a bucket that is there already can be used, and who may reach into it.
async fn set_up(way: &Connection, what: &'static str, name: &str, kept: Kept, findings: &mut Findings) {
    guarded(way, what, name, findings).await;
    if kept != Kept::RulesBucket {
        return findings.good(what, format!("{name} is there"));
    }
    match way.bucket_set_up(name).await {
        Ok(BucketSetUp { versioned: true, tells_eventbridge: true }) => {
            findings.good(what, format!("{name} is there, versioned, and sends its events to EventBridge"));
        }
        Ok(BucketSetUp { versioned, tells_eventbridge }) => {
            let mut missing = Vec::new();
            if !versioned {
                missing.push("is not versioned");
            }
            if !tells_eventbridge {
                missing.push("sends no events to EventBridge");
            }
            findings.bad(
                what,
                format!("{name} is there, and {}", missing.join(" and ")),
                "switch that on: by versions an upload is told from the next, and by events uploads are heard of",
            );
        }
        Err(error) => findings.warning(
            what,
            format!("how {name} is set up can't be told: {}", line(&error.to_string())),
            way_out(&error, "s3:GetBucketVersioning` and `s3:GetBucketNotification"),
        ),
    }
}

/// The template changes nothing of a bucket that it doesn't make: who may write to the one decides who has access, and who may read the other sees it.
async fn guarded(way: &Connection, what: &'static str, name: &str, findings: &mut Findings) {
    let BucketGuard { blocks_public_access, is_public, by_tls_only } = match way.bucket_guard(name).await {
        Ok(guard) => guard,
        Err(error) => {
            return findings.warning(
                what,
                format!("who may reach into {name} can't be told: {}", line(&error.to_string())),
                way_out(
                    &error,
                    "s3:GetBucketPublicAccessBlock`, `s3:GetBucketPolicyStatus` and `s3:GetBucketPolicy",
                ),
            );
        }
    };
    if is_public {
        findings.bad(
            what,
            format!("{name} is public by its policy"),
            "see who is in it, and block public access",
        );
    } else if !blocks_public_access {
        findings.warning(
            what,
            format!("{name} doesn't block public access"),
            format!("`aws s3api put-public-access-block --bucket {name} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`"),
        );
    }
    if !by_tls_only {
        findings.warning(
            what,
            format!("{name} takes what doesn't come by TLS"),
            "a statement in its policy: Deny, `s3:*`, where `aws:SecureTransport` is false, as infra/service.yaml has it",
        );
    }
}
