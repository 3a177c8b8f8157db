//! What Usher needs of AWS and of this machine, looked at one after the other: what rests on something that is missing is not looked at.
//! It holds no writer.

mod calls;
pub(crate) mod records;
mod standing;

use std::error::Error;

use shared::{
    aws::{CallerIdentity, Connection, InstanceSeen},
    domain::InstanceArn,
    ports::{OrganizationFacts, PortError},
    settings::Settings,
};

use crate::{
    Failure, Machine,
    args::{ConnectionArgs, DoctorArgs},
    connect::{self, Aws},
    report::{CallTried, DoctorReport, FORMAT, Finding, Verdict},
    screen::{count, line},
};

/// What is said where AWS was too busy to tell.
const TRY_AGAIN: &str = "throttled, several times over: try again in a minute";

/// What a doctor collects.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(what, Verdict::Good, found, None);
    }

    pub(crate) fn note(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(what, Verdict::Note, found, None);
    }

    pub(crate) fn warning(
        &mut self,
        what: &'static str,
        found: impl Into<String>,
        way_out: impl Into<String>,
    ) {
        self.add(what, Verdict::Warning, found, Some(way_out.into()));
    }

    pub(crate) fn bad(&mut self, what: &'static str, found: impl Into<String>, way_out: impl Into<String>) {
        self.add(what, Verdict::Bad, found, Some(way_out.into()));
    }

    /// What could not be told, for this error. Of AWS's being busy nothing follows but that it is to be asked again.
    pub(crate) fn failed(
        &mut self,
        what: &'static str,
        verdict: Verdict,
        error: &(dyn Error + 'static),
        (found, way_out): (impl Into<String>, impl Into<String>),
    ) {
        if is_busy(error) {
            self.unanswered(what, found);
        } else {
            self.add(what, verdict, found, Some(way_out.into()));
        }
    }

    fn unanswered(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(what, Verdict::Unanswered, found, Some(TRY_AGAIN.to_owned()));
    }

    pub(crate) fn untried(&mut self, what: &'static str, why: impl Into<String>) {
        self.add(what, Verdict::Untried, why, None);
    }

    pub(crate) fn add(
        &mut self,
        what: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        way_out: Option<String>,
    ) {
        self.0.push(Finding { what, verdict, found: found.into(), way_out });
    }

    pub(crate) fn into_all(self) -> Vec<Finding> {
        self.0
    }
}

/// What AWS has told: as much of it as could be asked.
pub(crate) struct Surroundings {
    pub(crate) way: Connection,
    /// Nothing can be asked: there is no Region, or there are no credentials.
    pub(crate) is_barred: bool,
    pub(crate) caller: Option<CallerIdentity>,
    pub(crate) instance: Option<InstanceSeen>,
    pub(crate) organization: Option<OrganizationFacts>,
    /// The calls that were tried.
    pub(crate) calls: Vec<CallTried>,
}

/// Looks at everything.
pub(crate) async fn examine(
    arguments: &DoctorArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> DoctorReport {
    let mut findings = Findings::default();
    let around = Box::pin(surroundings(connection, machine, &mut findings)).await;
    records::settings(machine, &mut findings);
    let at = &arguments.ledger.at;
    records::ledger(at, connection, machine, around.instance.as_ref(), &mut findings).await;
    records::rules(&arguments.rules, at, connection, machine, &mut findings).await;
    let findings = findings.into_all();
    let ok = is_ok(&findings);
    DoctorReport { format: FORMAT, ok, findings, calls: around.calls }
}

/// Whether all that is needed is there; what nobody could tell is not known to be.
pub(crate) fn is_ok(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| match finding.verdict {
        Verdict::Good | Verdict::Note | Verdict::Warning | Verdict::Untried => true,
        Verdict::Bad | Verdict::Unanswered => false,
    })
}

/// Looks at what Usher needs of AWS.
pub(crate) async fn surroundings(
    connection: &ConnectionArgs,
    machine: &Machine,
    findings: &mut Findings,
) -> Surroundings {
    let way = connect::connection(connection, machine).await.patient();
    let mut around = Surroundings {
        way,
        is_barred: true,
        caller: None,
        instance: None,
        organization: None,
        calls: Vec::new(),
    };
    if !reaches_aws(&around.way, connection, findings) {
        return around;
    }
    let way = &around.way;
    let caller = way.caller().await;
    standing::caller(&caller, connection.profile.as_deref(), findings);
    if matches!(caller, Err(PortError::Barred(_))) {
        return around;
    }
    around.is_barred = false;
    around.caller = caller.ok();
    around.instance = instance(way, connection.instance_arn.as_ref(), findings).await;
    let aws = match &around.instance {
        Some(instance) => opened(way, instance, machine, findings).await,
        None => None,
    };
    let organization = way.organizations();
    around.organization =
        standing::organization(way, &organization, around.caller.as_ref(), aws.as_ref(), findings).await;
    let facts = around.organization.as_ref();
    let role = Settings::from_env().management_role_arn();
    standing::role(way, role, facts.map(|facts| &facts.management_account), findings).await;
    around.calls = calls::try_all(&organization, aws.as_ref(), facts).await;
    allowed(&around.calls, facts.is_some() && aws.is_some(), findings);
    calls::writes(findings);
    around
}

/// What to do about a call that was not answered, by what came instead: only what is not allowed can be allowed.
pub(crate) fn way_out(error: &PortError, action: &str) -> String {
    match error {
        PortError::Denied(_) => format!("allow `{action}` to the role that Usher runs as"),
        PortError::Barred(_) => "see to the credentials first".to_owned(),
        PortError::Unassumed(_) => "see to the role first".to_owned(),
        PortError::Throttled(_) | PortError::WindowFull(_) | PortError::Conflict(_) => TRY_AGAIN.to_owned(),
        PortError::NotFound(_) | PortError::Refused(_) => "check the Region".to_owned(),
        PortError::Failed(_) => "check the Region, the endpoint and the network, and try again".to_owned(),
    }
}

/// Whether there is a Region to ask in.
fn reaches_aws(way: &Connection, connection: &ConnectionArgs, findings: &mut Findings) -> bool {
    let Some(region) = way.region() else {
        findings.bad(
            "region",
            "no Region is set",
            "set AWS_REGION, give --region, or put `region` into the profile: the primary Region of your Identity Center instance",
        );
        return false;
    };
    let endpoint = connection.endpoint_url.as_deref().or_else(|| way.endpoint());
    let at = endpoint.map(|url| format!(", at the endpoint {}", line(url))).unwrap_or_default();
    findings.good("region", format!("{}{at}", line(region)));
    true
}

/// The instance that is worked in.
async fn instance(
    way: &Connection,
    asked: Option<&InstanceArn>,
    findings: &mut Findings,
) -> Option<InstanceSeen> {
    let what = "instance";
    let region = line(way.region().unwrap_or_default());
    let all = match way.instances().await {
        Ok(all) => all,
        Err(error) => {
            let told = (line(&error.to_string()), way_out(&error, "sso:ListInstances"));
            findings.failed(what, Verdict::Bad, &error, told);
            return None;
        }
    };
    let mut candidates = all.iter().filter(|seen| asked.is_none_or(|asked| seen.arn == *asked));
    let found = match (candidates.next(), candidates.next()) {
        (Some(only), None) => only,
        (Some(_), Some(_)) => {
            let arns: Vec<&str> = all.iter().map(|seen| seen.arn.as_str()).collect();
            findings.bad(
                what,
                format!("there are {} instances in {region}: {}", arns.len(), arns.join(", ")),
                "say which by --instance-arn or USHER_INSTANCE_ARN: the organization's, owned by the management account",
            );
            return None;
        }
        (None, _) if asked.is_some() => {
            findings.bad(
                what,
                format!("there is no such instance in {region}"),
                "check --instance-arn (USHER_INSTANCE_ARN) and the Region",
            );
            return None;
        }
        (None, _) => {
            let (found, way_out) = elsewhere(way, &region).await;
            findings.bad(what, found, way_out);
            return None;
        }
    };
    if let Some(primary) = found.primary_region.as_deref().filter(|primary| *primary != region) {
        findings.bad(
            what,
            format!("{} is in {region} too, and its primary Region is {}", found.arn, line(primary)),
            format!("give that one by --region or AWS_REGION, and deploy there: {}", line(primary)),
        );
        return None;
    }
    if found.status != "ACTIVE" {
        findings.bad(
            what,
            format!("{} is {}", found.arn, line(&found.status)),
            "wait until it is ACTIVE, or look at it in the console",
        );
        return None;
    }
    Some(found.clone())
}

/// What is said where the Region has no instance: where there is one, if that can be told.
async fn elsewhere(way: &Connection, region: &str) -> (String, String) {
    let found = format!("there is no Identity Center instance in {region}");
    let primary =
        way.instances_anywhere().await.unwrap_or_default().into_iter().find_map(|seen| seen.primary_region);
    match primary.as_deref().map(line) {
        Some(primary) => (
            format!("{found}: it is in {primary}"),
            format!("give its primary Region by --region {primary} or AWS_REGION; the service is deployed there too"),
        ),
        None => (
            found,
            "give its primary Region by --region or AWS_REGION; if there is none anywhere, enable IAM Identity Center for the organization"
                .to_owned(),
        ),
    }
}

/// The services of the instance, if it can be worked in.
async fn opened(
    way: &Connection,
    instance: &InstanceSeen,
    machine: &Machine,
    findings: &mut Findings,
) -> Option<Aws> {
    let paced = connect::paced(way.clone(), machine);
    let paced = match paced {
        Ok(paced) => paced,
        Err(error) => {
            findings.bad("instance", told(&error), "mend the setting");
            return None;
        }
    };
    match Aws::of(&paced, Some(instance.arn.clone())).await {
        Ok(aws) => {
            let InstanceSeen { arn, owner, .. } = instance;
            findings.good("instance", format!("{arn}, active, owned by account {owner}"));
            Some(aws)
        }
        Err(failure) => {
            let told = (told(&failure), "the sentence before says what Usher needs of it");
            findings.failed("instance", Verdict::Bad, &failure, told);
            None
        }
    }
}

/// What the calls that were tried come to.
fn allowed(calls: &[CallTried], all: bool, findings: &mut Findings) {
    use crate::report::CallOutcome::{Allowed, Denied, Failed, Unanswered, Untried};
    let of = |outcome| calls.iter().filter(move |call| call.outcome == outcome);
    let names = |outcome| of(outcome).map(|call| call.action).collect::<Vec<_>>().join(", ");
    let what = "reads";
    let (good, denied, failed) = (of(Allowed).count(), of(Denied).count(), of(Failed).count());
    let unanswered = of(Unanswered).count();
    if denied > 0 {
        findings.bad(
            what,
            format!("{denied} of {} calls are not allowed: {}", calls.len(), names(Denied)),
            "allow these actions to the role; docs/cli.md says what each command needs",
        );
    }
    if failed > 0 {
        findings.warning(
            what,
            format!("{failed} calls gave no answer that tells: {}", names(Failed)),
            "try again; --json has AWS's words",
        );
    }
    if unanswered > 0 {
        let calls = count(unanswered, "call was", "calls were");
        findings.unanswered(what, format!("{calls} throttled: {}", names(Unanswered)));
    }
    let unclear = denied + failed + unanswered;
    if good + unclear == 0 {
        findings.untried(what, "what comes before is missing");
    } else if unclear == 0 {
        let untried = of(Untried).count();
        let rest = if untried > 0 {
            format!("; nothing to try {untried} on: {}", names(Untried))
        } else {
            String::new()
        };
        let found = format!("{good} calls were tried, and all are allowed{rest}");
        if all { findings.good(what, found) } else { findings.note(what, found) }
    }
}

/// Whether AWS or the ledger was too busy to answer: nothing else is told by that.
pub(crate) fn is_busy(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<PortError>() {
            return matches!(
                error,
                PortError::Throttled(_) | PortError::WindowFull(_) | PortError::Conflict(_)
            );
        }
        next = cause.source();
    }
    false
}

/// A failure with its causes, in one line.
pub(crate) fn told(failure: &Failure) -> String {
    line(&shared::causes::joined(failure))
}
