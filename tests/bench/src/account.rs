//! A new account: fifty assignments in one account, where AWS updates one role at a time or not.

use std::time::Duration;

use shared::{domain::Operation, ports::Clock as _};
use simulator::{Latency, SecondRoleUpdate};

use crate::{
    Extent,
    engine::{ROUND_TRIP, Stage, settings},
    figures::{self, Sent, number, seconds},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Mix, Organization, SETS},
    writes::{Lists, Variant},
};

/// Assignments in the new account: ten permission sets with five groups each.
const ASSIGNMENTS: usize = 50;

/// Several latencies, both windows, and what may become of a second role update.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let mut measurements: Vec<Measurement> = Vec::new();
    for update in [SecondRoleUpdate::GoesAlong, SecondRoleUpdate::Waits, SecondRoleUpdate::Refused] {
        for window in [10, 15] {
            for seconds in [1, 2, 5, 15] {
                if extent == Extent::Full || (window, seconds) == (10, 5) {
                    let latency = Duration::from_secs(seconds);
                    measurements.push(Box::new(move || virtually(filled(update, window, latency))));
                }
            }
        }
    }
    side_by_side(measurements)
}

async fn filled(update: SecondRoleUpdate, window: usize, latency: Duration) -> Result<Row, Trouble> {
    let variant = Variant {
        mix: Mix::Grants,
        latency: Latency::Constant(latency),
        window,
        lists: Lists::NewestFirst,
        operations: ASSIGNMENTS,
        accounts: 1,
    };
    let mut world = variant.world();
    world.assumptions.second_role_update = update;
    let mut organization = Organization::with(variant.accounts, world)?;
    let accounts = organization.accounts.clone();
    let operations = organization.operations(&accounts, variant.operations, variant.mix);
    let stage = Stage::new(organization, settings(window), Duration::ZERO).await?;
    stage.intend(&operations).await?;
    let began = stage.clock.now();
    stage.run_to_the_end(variant.patience()).await?;

    let sent = Sent::of(&stage.calls(), began);
    let world = stage.world();
    let ends = world
        .request_log()
        .filter(|record| record.operation == Operation::Grant)
        .filter_map(|record| record.settled.as_ref().map(|(at, _)| *at));
    let end = ends.max().unwrap_or(began);
    let (one_role, name) = match update {
        SecondRoleUpdate::GoesAlong => (false, ""),
        SecondRoleUpdate::Waits => (true, "/one-role-others-wait"),
        SecondRoleUpdate::Refused => (true, "/one-role-others-refused"),
    };
    let step = (latency + 2 * ROUND_TRIP).as_secs_f64();
    let steps = least_steps(window, one_role);
    let least = number(steps) * latency.as_secs_f64();
    let undone = figures::undone(&world, &operations);
    Ok(Row::new(format!("account/L={}/window={window}{name}", latency.as_secs()))
        .aimed("seconds", seconds(began, end), Aim::AtMost(number(ASSIGNMENTS.div_ceil(window)) * step))
        .figure("least possible (s)", least)
        .aimed(
            "more than the least (s)",
            seconds(began, end) - least,
            Aim::AtMost(number(steps) * (2 * ROUND_TRIP).as_secs_f64()),
        )
        .figure("calls per operation", sent.calls_per_operation())
        .aimed("throttles", number(sent.throttles), Aim::AtMost(0.0))
        .aimed("conflicts", number(sent.conflicts), Aim::AtMost(0.0))
        .aimed("undone", number(undone), Aim::AtMost(0.0)))
}

/// How many times L it takes at least. Where only one role is updated at a time, the first assignments of the permission sets come
/// one after the other, and the others of each set once its first is there.
fn least_steps(window: usize, one_role: bool) -> usize {
    if !one_role {
        return ASSIGNMENTS.div_ceil(window);
    }
    let (mut sets, mut others, mut left, mut steps) = (SETS, 0, ASSIGNMENTS, 0);
    while left > 0 {
        let first = sets.min(1);
        let along = others.min(window - first);
        sets -= first;
        others = others - along + first * (ASSIGNMENTS / SETS - 1);
        left -= first + along;
        steps += 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_gets_all_that_it_should_have() {
        let latency = Duration::from_secs(2);
        let row = virtually(filled(SecondRoleUpdate::GoesAlong, 10, latency)).unwrap();
        assert_eq!(row.get("undone"), Some(0.0));
        let seconds = row.get("seconds").unwrap();
        assert!((10.0..60.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn one_role_at_a_time_makes_the_first_assignments_of_ten_permission_sets_a_queue() {
        assert_eq!((least_steps(10, false), least_steps(15, false)), (5, 4));
        assert_eq!((least_steps(10, true), least_steps(15, true)), (11, 11));
        assert_eq!(least_steps(1, true), ASSIGNMENTS);
    }
}
