//! The templates in `infra/`: what they let through, and whom they allow what.

mod alarms;
mod buckets;
mod costs;
mod environment;
mod events;
mod events_queue;
mod ledger_keys;
mod moto_patterns;
mod moto_stacks;
mod pages;
mod policies;
mod roles;
mod rules;
mod self_tests;
mod service;
mod threat_model;

use templates::{EVERYTHING, MANAGEMENT, OWN_ROLE, PLACES, Place, Template, fits, forwarded, passing};
