//! The simulator from outside: its world, and its two faces.

#[cfg(test)]
mod assignment_calls;
#[cfg(test)]
mod assignments;
#[cfg(test)]
mod assumed_roles;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod constraints;
#[cfg(test)]
mod control;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod description;
#[cfg(test)]
mod event_bus;
mod events;
#[cfg(test)]
mod faces;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod hints;
#[cfg(test)]
mod http;
#[cfg(test)]
mod identity_center_hints;
#[cfg(test)]
mod identity_store;
#[cfg(test)]
mod identity_stores;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod instances;
#[cfg(test)]
mod large;
#[cfg(test)]
mod later_faults;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod membership;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod permission_sets;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod role_updates;
#[cfg(test)]
mod served;
#[cfg(test)]
mod sound;
#[cfg(test)]
mod state;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tagging;
#[cfg(test)]
mod taken_up;
