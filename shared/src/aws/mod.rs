//! Adapters to AWS, one file per service: they implement the ports over the SDK. SDK types and AWS's error codes end here.

#![expect(clippy::wildcard_enum_match_arm, reason = "SDK enums are non-exhaustive")]

mod error;
mod identity_store;
mod organizations;
mod pages;
mod parse;
mod sso_admin;
#[cfg(test)]
mod testing;

pub use identity_store::IdentityStoreApi;
pub use organizations::OrganizationsApi;
pub use sso_admin::SsoAdminApi;
