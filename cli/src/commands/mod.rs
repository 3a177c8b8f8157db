//! One file for each command.

pub(crate) mod apply;
pub(crate) mod demo;
pub(crate) mod plan;
pub(crate) mod rules_check;
pub(crate) mod rules_schema;
