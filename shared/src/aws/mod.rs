//! Adapters to AWS, one file per service: they implement the ports over the SDK. SDK types and AWS's error codes end here.
//!
//! [`connect()`] makes the operator's [`Connection`], [`Connection::of_function`] a function's, and that makes every adapter. The Region, the endpoints (`AWS_ENDPOINT_URL` and
//! `AWS_ENDPOINT_URL_<SERVICE>`) and the credentials come from where every AWS tool looks for them.

#![expect(clippy::wildcard_enum_match_arm, reason = "SDK enums are non-exhaustive")]

mod account;
mod connect;
mod deployment;
mod dynamodb;
mod error;
mod eventbridge;
mod function;
mod http;
mod identity_store;
mod management;
mod organizations;
mod paced;
mod pages;
mod parse;
mod reports;
mod resources;
mod s3;
mod self_test;
mod signed;
mod sqs;
mod sso_admin;
mod standing;
#[cfg(test)]
mod testing;
mod uploads;
mod witness;

pub use account::TrailSeen;
pub use connect::{ConnectOptions, Connection, connect};
pub use deployment::{BucketGuard, BucketSeen, BucketSetUp, TableSeen, TableShape};
pub use dynamodb::{DynamoDbLedger, create_table};
pub use eventbridge::EventBridgeBus;
pub use function::Service;
pub use http::TrustError;
pub use identity_store::IdentityStoreApi;
pub use organizations::OrganizationsApi;
pub use reports::S3Reports;
pub use s3::{LARGEST_BUNDLE, S3Rules};
pub use sqs::SqsQueue;
pub use sso_admin::SsoAdminApi;
pub use standing::{CallerIdentity, ControlPolicy, IDENTITY_CENTER, InstanceSeen};
pub use uploads::S3Uploads;
pub use witness::S3Witness;
