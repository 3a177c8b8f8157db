//! AWS for one machine: Organizations, Identity Store and SSO Admin as one deterministic state machine with two faces.
//!
//! [`World`] holds the state and knows no clock: the time is an argument of every call. [`http`] speaks AWS's wire protocol on a
//! loopback port, so that any AWS client can be pointed at it; [`InProcess`] implements Usher's ports by the same calls, for fast
//! tests under virtual time. What AWS does not document is a field of [`Assumptions`], with the source of its default.

mod caller;
pub mod dispatch;
mod duration;
mod error;
pub mod http;
pub mod iam;
mod in_process;
pub mod organization;
mod pairs;
mod state;
mod text;
pub mod wire;
pub mod world;

pub use caller::{Caller, CallerKind, Role, RoleTaken};
pub use error::ApiError;
pub use in_process::InProcess;
pub use organization::{Description, DescriptionError};
pub use world::{
    Assumptions, Counters, Delivery, Fault, FaultRule, Latency, Limit, LogEntry, Made, MembershipEvents,
    Operation, OperationLimits, OrganizationsLimits, PlannedFault, ProvisioningRecord, Question, Quotas,
    Rate, RequestRecord, SecondRoleUpdate, Service, Settings, StatusOrder, Throttle, World,
};

/// A realistic organization: about forty accounts in nested OUs, permission sets, groups, users, and some assignments made by hand.
pub const EXAMPLE: &str = include_str!("../organizations/example.yaml");
