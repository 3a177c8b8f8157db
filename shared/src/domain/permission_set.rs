//! Permission sets and the instance they live in.

use super::{
    AccountId, Tags,
    id::{id, lower_alphanumeric, uuid},
};

/// What follows `arn:<partition>:sso:::` in an ARN of any partition.
fn sso_resource(text: &str) -> Option<&str> {
    let (partition, resource) = text.strip_prefix("arn:")?.split_once(":sso:::")?;
    let known = partition == "aws" || partition.strip_prefix("aws-").is_some_and(|rest| !rest.is_empty());
    (known && partition.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        .then_some(resource)
}

/// `ssoins-` or `ins-` and sixteen characters.
fn instance_name(text: &str) -> bool {
    text.strip_prefix("ssoins-").or_else(|| text.strip_prefix("ins-")).is_some_and(|own| {
        own.len() == 16 && own.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    })
}

id!(
    /// The Identity Center instance.
    InstanceArn, "an Identity Center instance's ARN, such as arn:aws:sso:::instance/ssoins-1234567890abcdef",
    |text| sso_resource(text).and_then(|r| r.strip_prefix("instance/")).is_some_and(instance_name)
);

id!(
    /// A permission set. A set that is deleted and made again under its name has another ARN, and is another set.
    PermissionSetArn,
    "a permission set's ARN, such as arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
    |text| sso_resource(text)
        .and_then(|r| r.strip_prefix("permissionSet/"))
        .and_then(|r| r.split_once('/'))
        .is_some_and(|(instance, own)| instance_name(instance)
            && own.strip_prefix("ps-").is_some_and(|own| own.len() == 16 && own.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')))
);

id!(
    /// The identity store behind the instance: `d-` and ten hexadecimal digits, or a UUID.
    IdentityStoreId, "an identity store's id, such as d-9067642ac1",
    |text| uuid(text) || text.strip_prefix("d-").is_some_and(|own| lower_alphanumeric(own, 10..=10))
);

/// The Identity Center instance that Usher works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub arn: InstanceArn,
    pub identity_store: IdentityStoreId,
    /// The account that owns the instance: the management account, for an organization's instance.
    pub owner: AccountId,
}

/// What rules can see of a permission set. It exists only when all of it has been read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PermissionSet {
    pub arn: PermissionSetArn,
    /// Unique within the instance, at most 32 characters; it can't be changed.
    pub name: String,
    pub tags: Tags,
}

/// Where a permission set's newest version is brought to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisioningTarget {
    Account(AccountId),
    /// Every account in which it is provisioned, by one request with one status.
    AllProvisionedAccounts,
}
