//! Usher's one library: what it knows, decides and does.
//!
//! From the bottom up: [`domain`] is the field's words; [`rules`], [`events`], [`resolve`], [`plan`], [`guardrail`],
//! [`provisioning`] and [`ledger`] are pure decisions about them; [`ports`] is what we need from the world; [`engine`] is the
//! only code that reads, decides and writes, in that order; `aws` and `local` implement the ports. Nothing points back up.

#[cfg(feature = "aws")]
pub mod aws;
pub mod causes;
pub mod domain;
pub mod engine;
pub mod events;
pub mod guardrail;
pub mod ledger;
pub mod plan;
pub mod ports;
pub mod provisioning;
pub mod resolve;
pub mod rules;
