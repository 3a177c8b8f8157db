//! Scenarios: the whole service in one process under virtual time, watched by a checker that shares no thought with it.
//!
//! How to write one:
//!
//! ```ignore
//! #[tokio::test(start_paused = true)]                       // virtual time: waiting costs nothing
//! async fn an_account_that_moves_gets_what_its_new_ou_gives() {
//!     let service = Service::new();                         // the small organization in `service.rs`; `Service::start` for others
//!     service.publish(&rules([                              // `model.rs`: one value is the YAML and what it means
//!         group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
//!     ])).await;
//!     service.sweep_and_settle().await;                     // publishing hints nobody: the next sweep finds what differs
//!     service.move_to("play", "Workloads/Development").await;   // people act; AWS sends events
//!     service.settle().await;                               // events, inbox, engine, until all is quiet
//!     assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
//!     service.converged(&[]).await;                         // the end of every scenario: see there
//! }
//! ```
//!
//! - Faults: `service.world().fail_next("GetGroupId", Fault::Throttle, 2)`, or `world().faults.add(..)` until cleared. Where
//!   Usher shall be throttled, say `service.checker().throttles_expected = true`.
//! - Finer steps: `deliver_events`, `deliver` (events held back, repeated or turned round by `take_events()`),
//!   `drain_inbox`, `run_engine`, `sweep`, `pass`, and `settle_for` where it can't become quiet.
//! - Anything that a person does goes through `service.person(|world, now, who| ..)`, so that the checker sees the truth change
//!   at its time. `service.world()` alone is for looking and for faults.
//! - The checker runs after every step and stops the test at the first broken promise. `converged(&["foreign"])` names the
//!   reasons (`WithheldReason` in snake case) for which keys may differ from what the rules want in the end; each must occur.

mod accounts;
mod adoption;
mod alarms;
mod allowed;
mod apart;
mod audit_changes;
mod audit_reports;
mod audits;
mod bad_input;
mod beliefs;
mod budgets;
mod bulk_reads;
mod busy_engine;
mod chance;
mod checker;
mod checker_tests;
mod concurrency;
mod consent;
mod crash_points;
mod crashes;
mod dead_letters;
mod declared;
mod declared_moves;
mod declared_rounds;
mod declared_told;
mod deliveries;
mod dst;
mod explained;
mod failures;
mod fleet;
mod foreign;
mod forwarded;
mod fuse;
mod fused;
mod gains;
mod grants;
mod holds;
mod identity_center;
mod imports;
mod joins;
mod last_names;
mod ledger_epochs;
mod members;
mod model;
mod names;
mod orders;
mod outcomes;
mod own_events;
mod people;
mod permission_sets;
mod ports;
mod promises;
mod publishing;
mod records;
mod red_button;
mod renames;
mod reprovisioning;
mod reprovisioning_hanging;
mod reprovisioning_reads;
mod reprovisioning_trouble;
mod rounds;
mod scopes;
mod self_tests;
mod service;
mod settling;
mod slices;
mod slow_requests;
mod staleness;
mod tags_and_moves;
mod ticks;
mod time;
mod waiting;
mod watching;
mod ways;
mod week;
