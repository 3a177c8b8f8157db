//! What it costs to see everything: the read plans that there are, side by side over the same organization, and whole sweeps.

mod estate;

use std::collections::BTreeSet;

use shared::{
    domain::{AssignmentKey, Principal},
    pace::{Api, Share},
    ports::{AccessReader as _, Clock as _, PortError},
};

use crate::{
    Extent,
    reads::estate::{Estate, Size},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
};

/// The whole of AWS's rates: how long a plan takes if nobody else reads or writes.
const ALL_OF_IT: Share = Share { sso_admin: 20.0, identity_store: 20.0, organizations: 1.0, burst: 1 };

/// A sweep's share where nothing is said: see `Settings::sweep_share`.
const SWEEPS_SHARE: Share = Share { sso_admin: 3.0, identity_store: 8.0, organizations: 0.5, burst: 1 };

/// A way to learn of all assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// What each principal has: ours.
    Principals,
    /// Who has each permission set in each account.
    Pairs,
    /// What is provisioned in each account, and who has it there.
    Accounts,
    /// Where each permission set is provisioned, and who has it there.
    PermissionSets,
}

impl Plan {
    const ALL: [Self; 4] = [Self::Principals, Self::Pairs, Self::Accounts, Self::PermissionSets];

    fn name(self) -> &'static str {
        match self {
            Self::Principals => "reads/by principal",
            Self::Pairs => "reads/all pairs of account and permission set",
            Self::Accounts => "reads/by account",
            Self::PermissionSets => "reads/by permission set",
        }
    }

    async fn read(self, estate: &Estate) -> Result<BTreeSet<AssignmentKey>, Trouble> {
        let failed = |error: PortError| Trouble::while_doing("reading assignments")(error);
        let (access, mut found) = (&estate.face, BTreeSet::new());
        let mut pairs = Vec::new();
        match self {
            Self::Principals => {
                for group in &estate.groups {
                    let principal = Principal::Group(group.clone());
                    found.extend(access.assignments_of(&principal).await.map_err(failed)?);
                }
            }
            Self::Pairs => {
                for account in &estate.accounts {
                    pairs.extend(estate.sets.iter().map(|set| (account.clone(), set.clone())));
                }
            }
            Self::Accounts => {
                for account in &estate.accounts {
                    let sets = access.provisioned_in(account).await.map_err(failed)?;
                    pairs.extend(sets.into_iter().map(|set| (account.clone(), set)));
                }
            }
            Self::PermissionSets => {
                for set in &estate.sets {
                    let accounts = estate.accounts_with(set).await?;
                    pairs.extend(accounts.into_iter().map(|account| (account, set.clone())));
                }
            }
        }
        for (account, permission_set) in pairs {
            for principal in access.principals(&account, &permission_set).await.map_err(failed)? {
                let (account, permission_set) = (account.clone(), permission_set.clone());
                found.insert(AssignmentKey { account, permission_set, principal });
            }
        }
        Ok(found)
    }
}

/// All rows about reading.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let size = match extent {
        Extent::Full => Size { accounts: 1000, sets: 50, groups: 100 },
        Extent::Quick => Size { accounts: 40, sets: 10, groups: 20 },
    };
    let plan = |plan: Plan| -> Measurement { Box::new(move || virtually(read(plan, size))) };
    let mut measurements: Vec<Measurement> = Plan::ALL.into_iter().map(plan).collect();
    measurements.push(Box::new(move || virtually(sweep(size, Temperature::Cold))));
    measurements.push(Box::new(move || virtually(sweep(size, Temperature::Warm))));
    side_by_side(measurements)
}

async fn read(plan: Plan, size: Size) -> Result<Row, Trouble> {
    let estate = Estate::new(size, ALL_OF_IT)?;
    let began = estate.clock.now();
    let found = plan.read(&estate).await?;
    let seconds = estate.clock.now().duration_since(began).as_secs_f64();
    let truth: BTreeSet<AssignmentKey> = estate.world().assignments().into_keys().collect();
    let (calls, assignments) = (estate.calls(Api::SsoAdmin), truth.len());
    let row = Row::new(plan.name())
        .figure("assignments", number(assignments))
        .figure("calls", number(calls))
        .figure("seconds at the whole rate", seconds)
        .figure("wrong", number(found.symmetric_difference(&truth).count()))
        .aim("wrong", Aim::AtMost(0.0));
    Ok(match plan {
        Plan::Principals => row.aim("calls", Aim::AtMost(by_principal(size, assignments))),
        Plan::Pairs | Plan::Accounts | Plan::PermissionSets => row,
    })
}

/// A call for each hundred assignments, a little more, and one for each group.
fn by_principal(size: Size, assignments: usize) -> f64 {
    1.05 * (number(assignments) / 100.0) + number(size.groups)
}

/// What is remembered when a sweep begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Temperature {
    /// Nothing.
    Cold,
    /// What the sweep before it saw.
    Warm,
}

/// A sweep that finds nothing to do. Its rules look at no name of an OU, so these are asked for when it is cold.
async fn sweep(size: Size, temperature: Temperature) -> Result<Row, Trouble> {
    let estate = Estate::new(size, SWEEPS_SHARE)?;
    estate.own_everything().await?;
    if temperature == Temperature::Warm {
        estate.sweep().await?;
    }
    let before = estate.remembered().await?;
    estate.forget_calls();
    let (began, real) = (estate.clock.now(), std::time::Instant::now());
    let swept = estate.sweep().await?;
    let seconds = estate.clock.now().duration_since(began).as_secs_f64();
    let inventory = estate.calls(Api::Organizations) + estate.calls(Api::Tagging);
    let (name, most) = match temperature {
        Temperature::Cold => ("reads/sweep, cold", 65 + estate.parents),
        Temperature::Warm => ("reads/sweep, warm, nothing to do", 65),
    };
    let assignments = size.accounts * size.sets;
    Ok(Row::new(name)
        .figure("assignments", number(assignments))
        .figure("calls of SSO Admin", number(estate.calls(Api::SsoAdmin)))
        .aimed(
            "calls by principal",
            number(estate.calls_of("ListAccountAssignmentsForPrincipal")),
            Aim::AtMost(by_principal(size, assignments)),
        )
        .aimed("calls of the inventory", number(inventory), Aim::AtMost(number(most)))
        .figure("calls for names of OUs", number(estate.calls_of("ListOrganizationalUnitsForParent")))
        .figure("calls of the directory", number(estate.calls(Api::IdentityStore)))
        .figure("seconds at its share", seconds)
        .figure("real seconds", real.elapsed().as_secs_f64())
        .aimed("hints", number(swept.differing), Aim::AtMost(0.0))
        .aimed("rows changed", number(estate.rows_changed().await?), Aim::AtMost(0.0))
        .aimed("calls that write", number(estate.writes()), Aim::AtMost(0.0))
        .figure("facts learned", number(estate.news_since(&before).await?))
        .figure("throttles", number(estate.throttles()))
        .aim("throttles", Aim::AtMost(0.0)))
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near to 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_sees_the_same_and_a_sweep_with_nothing_to_do_does_nothing() {
        let rows = measure(Extent::Quick).unwrap();
        let figures = |name: &str| -> Vec<Option<f64>> { rows.iter().map(|row| row.get(name)).collect() };
        assert_eq!(figures("wrong"), [Some(0.0), Some(0.0), Some(0.0), Some(0.0), None, None]);
        let calls = figures("calls");
        assert_eq!(calls[1..4], [Some(400.0), Some(440.0), Some(410.0)]);
        assert!(calls[0] < Some(30.0), "{calls:?}");
        for nothing in ["hints", "rows changed", "calls that write", "throttles"] {
            assert_eq!(figures(nothing)[4..], [Some(0.0), Some(0.0)], "{nothing}");
        }
        assert!(figures("facts learned")[4] > Some(0.0));
        assert_eq!(figures("facts learned")[5], Some(0.0), "a warm sweep learns nothing that is new");
    }
}
