//! Who calls, and what the organization lets them do.

use shared::{
    aws::{CallerIdentity, Connection, IDENTITY_CENTER, OrganizationsApi},
    domain::{AccountId, RoleArn},
    ports::{OrganizationFacts, OrganizationReader as _, PortError},
    settings::{Settings, SettingsError},
};

use super::{Findings, is_busy};
use crate::{connect::Aws, report::Verdict, screen::line};

/// Whether there are credentials, and whose.
pub(super) fn caller(
    caller: &Result<CallerIdentity, PortError>,
    profile: Option<&str>,
    findings: &mut Findings,
) {
    let what = "credentials";
    match caller {
        Ok(CallerIdentity { account, arn }) => {
            findings.good(what, format!("{} in account {account}", line(arn)));
        }
        Err(error @ PortError::Barred(_)) => findings.bad(
            what,
            line(&error.to_string()),
            match profile.map(str::to_owned).or_else(|| Settings::from_env().of_aws("AWS_PROFILE")) {
                Some(profile) => format!(
                    "see whether `aws configure list-profiles` has the profile `{0}`; `aws sso login --profile {0}` renews a session that has expired",
                    line(&profile)
                ),
                None => "set AWS_PROFILE or give --profile; `aws sso login` renews a session that has expired".to_owned(),
            },
        ),
        Err(error) => findings.failed(
            what,
            Verdict::Warning,
            error,
            (
                format!("STS did not say whose they are: {}", line(&error.to_string())),
                "check the Region and the endpoint; what follows tells whether they can be used",
            ),
        ),
    }
}

/// The organization and the caller's standing in it; the organization, if it can be read.
pub(super) async fn organization(
    way: &Connection,
    api: &OrganizationsApi,
    caller: Option<&CallerIdentity>,
    aws: Option<&Aws>,
    findings: &mut Findings,
) -> Option<OrganizationFacts> {
    let what = "organization";
    let facts = match api.organization().await {
        Ok(facts) => facts,
        Err(error) => {
            let way_out = if matches!(error, PortError::Denied(_)) {
                "use a role of the management account or of a delegated administrator, and allow `organizations:DescribeOrganization` to it".to_owned()
            } else {
                super::way_out(&error, "organizations:DescribeOrganization")
            };
            findings.failed(what, Verdict::Bad, &error, (line(&error.to_string()), way_out));
            return None;
        }
    };
    let OrganizationFacts { id, management_account } = &facts;
    match way.has_all_features().await {
        Ok(true) => {
            findings.good(what, format!("{} with all features; its management account is {management_account}", line(id)));
        }
        Ok(false) => findings.bad(
            what,
            format!("{} has the features of consolidated billing only", line(id)),
            "enable all features of the organization: Identity Center gives access to accounts with them alone",
        ),
        Err(error) => {
            let told = (line(&error.to_string()), super::way_out(&error, "organizations:DescribeOrganization"));
            findings.failed(what, Verdict::Warning, &error, told);
        }
    }
    trust(way, findings).await;
    if let Some(caller) = caller {
        standing(way, &caller.account, management_account, findings).await;
    }
    if let Some(aws) = aws
        && let Ok(instance) = aws.access.instance().await
        && instance.owner != *management_account
    {
        findings.bad(
            "instance",
            format!("{} is account {}'s own, not the organization's", instance.arn, instance.owner),
            "use the organization's instance: only that has permission sets and assignments",
        );
    }
    Some(facts)
}

async fn trust(way: &Connection, findings: &mut Findings) {
    let what = "trusted access";
    match way.trusts_identity_center().await {
        Ok(true) => findings.good(what, "the organization trusts IAM Identity Center"),
        Ok(false) => findings.bad(
            what,
            "the organization does not trust IAM Identity Center",
            format!("`aws organizations enable-aws-service-access --service-principal {IDENTITY_CENTER}`"),
        ),
        Err(error) if is_busy(&error) => findings.unanswered(what, line(&error.to_string())),
        Err(_) => findings.untried(
            what,
            "only the management account and delegated administrators may ask, with `organizations:ListAWSServiceAccessForOrganization`",
        ),
    }
}

async fn standing(way: &Connection, caller: &AccountId, management: &AccountId, findings: &mut Findings) {
    let what = "standing";
    if caller == management {
        findings.good(what, "the management account: everything can be read and written");
        return;
    }
    match way.delegated_administrators().await {
        Ok(all) if all.contains(caller) => findings.add(
            what,
            Verdict::Note,
            format!("account {caller} is a delegated administrator of IAM Identity Center"),
            Some(
                "assignments of the management account, and permission sets that it has, can be written from there only: Usher \
                 withholds them, and reads assignments account by account"
                    .to_owned(),
            ),
        ),
        Ok(_) => findings.bad(
            what,
            format!("account {caller} is neither the management account nor a delegated administrator of IAM Identity Center"),
            register(caller),
        ),
        Err(error) => findings.failed(
            what,
            Verdict::Warning,
            &error,
            (
                format!("whether account {caller} is a delegated administrator can't be told: {}", line(&error.to_string())),
                format!("allow `organizations:ListDelegatedAdministrators`; if it is none: {}", register(caller)),
            ),
        ),
    }
}

/// The role in the management account, where the environment names one: whether whoever runs this can assume it.
pub(super) async fn role(
    way: &Connection,
    role: Result<Option<RoleArn>, SettingsError>,
    management: Option<&AccountId>,
    findings: &mut Findings,
) {
    let what = "role";
    let role = match role {
        Ok(None) => return,
        Ok(Some(role)) => role,
        Err(error) => {
            findings.bad(
                what,
                line(&error.to_string()),
                "mend the variable; docs/settings.md says what it is for",
            );
            return;
        }
    };
    if management.is_some_and(|management| role.account() != management) {
        findings.bad(
            what,
            format!("USHER_MANAGEMENT_ROLE_ARN is `{role}`, which is not in the management account"),
            "name a role of the management account: infra/management-account.yaml makes them",
        );
        return;
    }
    match way.can_assume(&role, "usher-doctor").await {
        Ok(()) => findings.good(what, format!("{role} can be assumed")),
        // Whatever needs it is read the slow way: a person's own role is seldom trusted there, and the functions' are.
        Err(error) => findings.failed(
            what,
            Verdict::Warning,
            &error,
            (
                format!("{role} can't be assumed: {}", line(&error.to_string())),
                "the role must trust whoever runs Usher, who needs `sts:AssumeRole` on it; the functions have roles of their own, \
                 which may well be trusted where yours is not",
            ),
        ),
    }
}

fn register(account: &AccountId) -> String {
    format!(
        "in the management account: `aws organizations register-delegated-administrator --account-id {account} --service-principal {IDENTITY_CENTER}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where nobody answers.
    async fn found(role: Result<Option<RoleArn>, SettingsError>) -> Vec<(Verdict, String)> {
        let way = Connection::to_stand_in("http://127.0.0.1:9", "AKIAEXAMPLE").sent_once();
        let management: AccountId = "111122223333".parse().unwrap();
        let mut findings = Findings::default();
        super::role(&way, role, Some(&management), &mut findings).await;
        findings.0.into_iter().map(|finding| (finding.verdict, finding.found)).collect()
    }

    #[tokio::test]
    async fn a_role_that_is_set_is_tried_and_one_of_another_account_is_not() {
        assert!(found(Ok(None)).await.is_empty());
        let role = |account: &str| format!("arn:aws:iam::{account}:role/reads").parse().map(Some);
        let other = found(Ok(role("222233334444").unwrap())).await;
        assert!(
            matches!(&other[..], [(Verdict::Bad, found)] if found.contains("not in the management account"))
        );
        let tried = found(Ok(role("111122223333").unwrap())).await;
        assert!(
            matches!(&tried[..], [(Verdict::Warning, found)] if found.contains("can't be assumed: no usable answer"))
        );
        let wrong = SettingsError::Invalid {
            variable: "USHER_MANAGEMENT_ROLE_ARN".to_owned(),
            value: "reads".to_owned(),
            expected: "the ARN of an IAM role",
            example: "x",
        };
        assert_eq!(found(Err(wrong)).await.len(), 1);
    }
}
