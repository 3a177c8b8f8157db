//! `usher deploy check`: whether the service can be deployed here, and whether it works once it is.

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, DeployCheckArgs},
    deploy, render,
};

/// Looks at everything, and tells.
pub(crate) async fn check(
    arguments: &DeployCheckArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let report = deploy::check(arguments, connection, machine).await;
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = render::deploy_text::deploy(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(if report.ok { Ending::Good } else { Ending::Bad })
}
