//! Who receives access.

use super::id::{id, uuid};

/// An id in the identity store: a UUID, in older ones preceded by ten hexadecimal digits and a dash.
fn store_id(text: &str) -> bool {
    uuid(text)
        || text.split_once('-').is_some_and(|(store, own)| {
            store.len() == 10 && store.bytes().all(|b| b.is_ascii_hexdigit()) && uuid(own)
        })
}

id!(
    /// A group in the identity store.
    GroupId, "a group's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab", store_id
);

id!(
    /// A user in the identity store.
    UserId, "a user's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab", store_id
);

id!(
    /// That one user is in one group: another one if they leave and join again.
    MembershipId, "a membership's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab", store_id
);

/// Who receives access; the variant is the principal type. Identified by its id, whatever its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    Group(GroupId),
    User(UserId),
}

impl Principal {
    /// The bare id.
    pub fn id(&self) -> &str {
        match self {
            Self::Group(id) => id.as_str(),
            Self::User(id) => id.as_str(),
        }
    }
}

/// `group:<id>` or `user:<id>`.
impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(id) => write!(f, "group:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl std::str::FromStr for Principal {
    type Err = super::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("group", id)) => id.parse().map(Self::Group),
            Some(("user", id)) => id.parse().map(Self::User),
            _ => Err(super::InvalidId {
                text: text.to_owned(),
                expected: "a principal, such as group:<id> or user:<id>",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_identity_store_are_uuids_of_which_older_ones_begin_with_the_store() {
        for id in [
            "f10fac16-ab5b-45c3-86c1-0123456789ab",
            "F10FAC16-AB5B-45C3-86C1-0123456789AB",
            "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab",
        ] {
            assert_eq!(id.parse::<GroupId>().unwrap().as_str(), id);
            assert_eq!(id.parse::<UserId>().unwrap().as_str(), id);
            assert_eq!(id.parse::<MembershipId>().unwrap().as_str(), id);
        }
        for other in [
            "",
            "xxxx",
            "f10fac16ab5b45c386c10123456789ab",
            "f10fac16-ab5b-45c3-86c1-0123456789a",
            "9067642ac-f10fac16-ab5b-45c3-86c1-0123456789ab",
            "9067642acg-f10fac16-ab5b-45c3-86c1-0123456789ab",
            "arn:aws:identitystore:::group/f10fac16-ab5b-45c3-86c1-0123456789ab",
        ] {
            assert!(other.parse::<MembershipId>().is_err(), "{other}");
        }
    }
}
