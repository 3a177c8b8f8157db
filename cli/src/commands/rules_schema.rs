//! `usher rules schema`: what editors need to complete and explain rule files.

use crate::{Ending, Failure, Screen};

const SCHEMA: &str = include_str!("../../../docs/usher-rules.schema.json");

/// Prints the schema.
pub(crate) fn run(screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    screen.out.write_all(SCHEMA.as_bytes()).map_err(Failure::Output)?;
    Ok(Ending::Good)
}
