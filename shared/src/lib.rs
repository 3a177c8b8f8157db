//! Usher's one library: what it knows, decides and does.
//!
//! From the bottom up: [`domain`] is the field's words; [`rules`], [`events`], [`resolve`], [`plan`], [`guardrail`],
//! [`provisioning`] and [`ledger`] are pure decisions about them; [`ports`] is what we need from the world; [`engine`] is the
//! only code that reads, decides and writes, in that order; `aws` and `local` implement the ports. Nothing points back up.

pub mod domain;
pub mod ledger;
#[cfg(feature = "local")]
pub mod local;
pub mod ports;
pub mod rules;
pub mod settings;
#[cfg(feature = "telemetry")]
pub mod telemetry;
