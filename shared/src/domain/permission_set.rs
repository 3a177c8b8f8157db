//! Permission sets and the instance they live in.

use std::{fmt, str::FromStr};

use super::{
    AccountId, InvalidId, Tags,
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

id!(
    /// A policy of AWS's own.
    ManagedPolicyArn, "the ARN of an AWS managed policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess",
    |text| text.len() <= 2048
        && text.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::aws:policy/")).is_some_and(|(partition, own)| {
            (partition == "aws" || partition.strip_prefix("aws-").is_some_and(lower_words))
                && own.split('/').all(|part| !part.is_empty() && part.chars().all(is_name_letter))
        })
);

/// `cn`, `us-gov`
fn lower_words(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `[\w+=,.@-]`, of which IAM makes names.
fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

/// A policy that every account with the permission set has to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct CustomerManagedPolicy {
    /// `/`, or more between slashes: `/teams/`.
    pub path: String,
    pub name: String,
}

impl CustomerManagedPolicy {
    /// What is wrong with it, if anything is (`CustomerManagedPolicyReference`, API reference).
    pub fn mistake(&self) -> Option<&'static str> {
        let Self { path, name } = self;
        let parts = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        let is_path = path == "/"
            || path.len() <= 512
                && path.ends_with('/')
                && parts.is_some_and(|parts| {
                    parts.split('/').all(|part| !part.is_empty() && part.chars().all(is_name_letter))
                });
        if name.is_empty() || name.len() > 128 || !name.chars().all(is_name_letter) {
            Some("a policy's name has up to 128 letters, digits and `_+=,.@-`, and no path")
        } else if !is_path {
            Some("a policy's path begins and ends with `/`, such as `/teams/payments/`")
        } else {
            None
        }
    }
}

/// `/teams/Developers`
impl fmt::Display for CustomerManagedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.name)
    }
}

/// What a permission set can't go beyond, whatever its policies say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionsBoundary {
    AwsManaged(ManagedPolicyArn),
    CustomerManaged(CustomerManagedPolicy),
}

impl fmt::Display for PermissionsBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsManaged(policy) => policy.fmt(f),
            Self::CustomerManaged(policy) => policy.fmt(f),
        }
    }
}

/// How long a session lasts: one hour to twelve. As AWS has it, `PT1H`, `PT90M` and `PT1H30M` alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionDuration {
    seconds: i64,
}

/// What AWS takes if nothing is said.
impl Default for SessionDuration {
    fn default() -> Self {
        Self { seconds: 3600 }
    }
}

impl FromStr for SessionDuration {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_iso = text.len() <= 100
            && text.starts_with('P')
            && !text.contains(|c: char| c.is_ascii_lowercase() || c == '.');
        let seconds = text.parse::<jiff::SignedDuration>().ok().filter(|it| is_iso && it.subsec_nanos() == 0);
        match seconds
            .map(|duration| duration.as_secs())
            .filter(|seconds| (3600..=12 * 3600).contains(seconds))
        {
            Some(seconds) => Ok(Self { seconds }),
            None => Err(InvalidId {
                text: text.chars().take(120).collect(),
                expected: "a session's duration from `PT1H`, one hour, to `PT12H`, such as `PT4H` or `PT1H30M`",
            }),
        }
    }
}

impl TryFrom<String> for SessionDuration {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SessionDuration> for String {
    fn from(duration: SessionDuration) -> Self {
        duration.to_string()
    }
}

/// `PT1H30M`
impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        f.write_str("PT")?;
        for (number, letter) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
            if number > 0 {
                write!(f, "{number}{letter}")?;
            }
        }
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_one_hour_to_twelve_however_it_is_written() {
        let read = |text: &str| text.parse::<SessionDuration>().map(|duration| duration.to_string());
        for (text, plain) in [
            ("PT1H", "PT1H"),
            ("PT60M", "PT1H"),
            ("PT90M", "PT1H30M"),
            ("PT12H", "PT12H"),
            ("PT3601S", "PT1H1S"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(plain));
        }
        for wrong in ["", "1h", "pt1h", "PT59M", "PT12H1S", "P1D", "PT1.5H", "-PT2H", "PT1H "] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(SessionDuration::default().to_string(), "PT1H");
    }

    #[test]
    fn policies_are_named_as_iam_names_them() {
        for good in
            ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws-us-gov:iam::aws:policy/job-function/Billing"]
        {
            assert!(good.parse::<ManagedPolicyArn>().is_ok(), "{good}");
        }
        for wrong in [
            "ReadOnlyAccess",
            "arn:aws:iam::111122223333:policy/Mine",
            "arn:aws:iam::aws:policy/",
            "arn:AWS:iam::aws:policy/X",
        ] {
            assert!(wrong.parse::<ManagedPolicyArn>().is_err(), "{wrong}");
        }
        let policy = |path: &str, name: &str| CustomerManagedPolicy { path: path.into(), name: name.into() };
        for good in [policy("/", "Mine"), policy("/teams/", "a+b"), policy("/a/b/", "x")] {
            assert_eq!(good.mistake(), None, "{good}");
        }
        for wrong in [
            policy("/", ""),
            policy("/", "a/b"),
            policy("teams/", "a"),
            policy("/teams", "a"),
            policy("//", "a"),
        ] {
            assert!(wrong.mistake().is_some(), "{wrong}");
        }
    }
}
