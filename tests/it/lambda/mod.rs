//! The built functions, run as in Lambda: the Runtime API, their own processes, AWS's stores, and the simulator on the wire.

pub(crate) mod calls;
mod cargo_lambda_runtime;
mod function;
pub(crate) mod log;
pub(crate) mod moto;
mod moto_audit;
mod moto_bad_input;
mod moto_chain;
mod moto_crash;
mod moto_dead_letters;
mod moto_management;
mod moto_reprovision;
mod moto_roles;
mod moto_rules;
mod moto_self_test;
mod moto_shares;
mod moto_slow;
mod moto_trouble;
mod names;
mod payloads;
pub(crate) mod recorder;
pub(crate) mod runtime_api;
pub(crate) mod service;

pub(crate) use function::{Function, built};
