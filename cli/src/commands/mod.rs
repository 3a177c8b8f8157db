//! One file for each command, or for a few that belong together.

pub(crate) mod apply;
mod apply_sets;
pub(crate) mod approvals;
pub(crate) mod approve;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
mod import_template;
pub(crate) mod orders;
pub(crate) mod own;
pub(crate) mod plan;
pub(crate) mod reprovision;
pub(crate) mod rules_check;
pub(crate) mod rules_publish;
pub(crate) mod rules_schema;
pub(crate) mod rules_versions;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod what_if;
pub(crate) mod withheld;
