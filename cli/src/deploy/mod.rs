//! Whether the service can be deployed, and whether it works once it is. It holds no writer; a self-test puts an event of its own on a bus.

mod after;
mod before;
mod room;
mod self_test;
mod table;
mod trusted_tags;

use std::collections::BTreeMap;

use shared::{aws::Connection, settings::Settings};

use crate::{
    Machine,
    args::{AfterArgs, ConnectionArgs, DeployCheckArgs},
    connect,
    doctor::{self, Findings, Surroundings},
    report::{DeployReport, FORMAT, SelfTestTold, Stage},
    screen::line,
};

/// Looks at everything.
pub(crate) async fn check(
    arguments: &DeployCheckArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> DeployReport {
    let mut findings = Findings::default();
    let around = Box::pin(doctor::surroundings(connection, machine, &mut findings)).await;
    let is_deployed = arguments.deployed || arguments.stack.is_some();
    let self_tests = if around.is_barred {
        let what = if is_deployed { "service" } else { "deployment" };
        findings.untried(what, "AWS can't be asked");
        Vec::new()
    } else if is_deployed {
        Box::pin(after(arguments, connection, machine, &around, &mut findings)).await
    } else {
        Box::pin(before::look(
            &arguments.before,
            &arguments.after,
            connection,
            machine,
            &around,
            &mut findings,
        ))
        .await;
        Vec::new()
    };
    let findings = findings.into_all();
    DeployReport {
        format: FORMAT,
        ok: doctor::is_ok(&findings),
        stage: if is_deployed { Stage::After } else { Stage::Before },
        findings,
        calls: around.calls,
        self_tests,
    }
}

async fn after(
    arguments: &DeployCheckArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    around: &Surroundings,
    findings: &mut Findings,
) -> Vec<SelfTestTold> {
    let settings = match &arguments.stack {
        None => Settings::from_env(),
        Some(stack) => match of_stack(&around.way, stack).await {
            Ok(settings) => settings,
            Err(why) => {
                findings.bad(
                    "stack",
                    format!("{}: {why}", line(stack)),
                    "is it the service's stack, in this account and Region, and may you `cloudformation:DescribeStacks`?",
                );
                return Vec::new();
            }
        },
    };
    let deployed =
        after::Deployed { around, settings: &settings, arguments: &arguments.after, connection, machine };
    deployed.look(findings).await
}

/// The settings that a stack's output tells.
async fn of_stack(way: &Connection, stack: &str) -> Result<Settings, String> {
    let outputs = way.stack_outputs(stack).await.map_err(|error| line(&error.to_string()))?;
    let settings = outputs.get("ToolSettings").ok_or_else(|| "it has no output `ToolSettings`".to_owned())?;
    let settings = exported(settings);
    Ok(Settings::reading(move |variable| settings.get(variable).cloned()))
}

/// What lines such as `export A=1` set.
fn exported(lines: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.trim().strip_prefix("export ")?.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    lines.lines().filter_map(pair).collect()
}

/// The way to the account and Region of the forwarder.
async fn forwarders(arguments: &AfterArgs, connection: &ConnectionArgs, machine: &Machine) -> Connection {
    let AfterArgs { forwarder_profile, forwarder_region, .. } = arguments;
    let mut there = connection.clone();
    there.profile = forwarder_profile.clone().or(there.profile);
    there.region = forwarder_region.clone().or(there.region);
    let there = connect::connection(&there, machine).await;
    match forwarder_region {
        Some(region) => there.in_region(region),
        None => there,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stacks_settings_are_read_as_a_shell_would() {
        let found = exported(
            "export USHER_LEDGER_TABLE=usher-ledger\n  export USHER_RULES_PREFIX=\nnothing\nexport broken\n",
        );
        assert_eq!(found["USHER_LEDGER_TABLE"], "usher-ledger");
        assert_eq!(found["USHER_RULES_PREFIX"], "");
        assert_eq!(found.len(), 2);
    }
}
