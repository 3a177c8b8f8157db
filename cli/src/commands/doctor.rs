//! `usher doctor`: what Usher needs, whether it is there, and what to do about what is not.

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, DoctorArgs},
    doctor, render,
};

/// Looks at everything, and tells.
pub(crate) async fn run(
    arguments: &DoctorArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let report = doctor::examine(arguments, connection, machine).await;
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = render::doctor_text::doctor(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(if report.ok { Ending::Good } else { Ending::Bad })
}
