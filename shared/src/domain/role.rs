//! IAM roles, as far as one is assumed.

use std::{fmt, str::FromStr, sync::Arc};

use super::{AccountId, InvalidId};

/// The ARN of an IAM role, with or without a path. It tells the account that the role is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn {
    text: Arc<str>,
    account: AccountId,
}

impl RoleArn {
    /// The ARN as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that the role is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let account = || {
            let (partition, rest) = text.strip_prefix("arn:")?.split_once(":iam::")?;
            let (account, role) = rest.split_once(":role/")?;
            let name = role.rsplit('/').next()?;
            let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
            // IAM's own limits: a name of 64 letters, below a path of 512.
            let fits = partition.starts_with("aws")
                && partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                && (1..=64).contains(&name.len())
                && role.len() <= 576
                && role.bytes().all(|b| is_word(b) || b == b'/')
                && !role.starts_with('/');
            account.parse().ok().filter(|_| fits)
        };
        match account() {
            Some(account) => Ok(Self { text: text.into(), account }),
            None => Err(InvalidId {
                text: text.chars().take(120).collect(),
                expected: "the ARN of an IAM role, such as arn:aws:iam::111122223333:role/usher-management-reads",
            }),
        }
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_says_which_account_it_is_in() {
        for (text, name) in [
            ("arn:aws:iam::111122223333:role/usher-management-reads", "usher-management-reads"),
            ("arn:aws-us-gov:iam::111122223333:role/ops/usher/reads", "reads"),
            ("arn:aws-cn:iam::111122223333:role/reads+1=a,b.c@d_e", "reads+1=a,b.c@d_e"),
        ] {
            let role: RoleArn = text.parse().unwrap();
            assert_eq!((role.as_str(), role.account().as_str(), role.name()), (text, "111122223333", name));
        }
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for text in [
            "",
            "usher-management-reads",
            "arn:aws:iam::111122223333:user/reads",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role//reads",
            "arn:aws:iam::11112222333:role/reads",
            "arn:aws:iam:eu-west-1:111122223333:role/reads",
            "arn:gcp:iam::111122223333:role/reads",
            "arn:aws:iam::111122223333:role/reads and more",
            "arn:aws:iam::111122223333:role/reads,arn:aws:iam::111122223333:role/writes",
            "arn:aws:sts::111122223333:assumed-role/reads/usher",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }
}
