//! Usher's one library: what it knows, decides and does.
//!
//! From the bottom up: [`domain`] is the field's words; [`policy`], [`rules`], [`permission_sets`], [`events`], [`ledger`], [`resolve`], [`plan`], [`guardrail`],
//! [`audit`], [`outcome`], [`provisioning`] and [`reprovision`] are pure decisions about them; [`ports`] is what we need from the world; [`engine`] is the only code
//! that reads, decides and writes, in that order; `aws` and `local` implement the ports; `payloads` reads what Lambda hands over. Nothing points back up.

pub mod audit;
#[cfg(feature = "aws")]
pub mod aws;
pub mod causes;
#[cfg(any(feature = "aws", feature = "local"))]
pub mod clock;
pub mod cloudformation;
pub mod delegation;
pub mod domain;
pub mod engine;
pub mod events;
pub mod guardrail;
pub mod import;
pub mod ledger;
#[cfg(feature = "local")]
pub mod local;
pub mod metrics;
pub mod outcome;
pub mod pace;
#[cfg(feature = "payloads")]
pub mod payloads;
pub mod permission_sets;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod provisioning;
pub mod reprovision;
pub mod resolve;
pub mod rules;
pub mod settings;
#[cfg(feature = "telemetry")]
pub mod telemetry;
