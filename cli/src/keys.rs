//! Assignments, accounts and principals as people write them: by name or by id. Names are looked up, ids are taken as they are.

use std::{fmt, str::FromStr};

use futures::stream::{self, StreamExt as _};
use shared::{
    domain::{AccountId, AssignmentKey, GroupId, PermissionSet, PermissionSetArn, Principal, UserId},
    engine,
    ports::{LedgerReader, SeenKind},
};

use crate::{
    Failure,
    connect::Aws,
    report::{PermissionSetName, PrincipalName},
    suggestions,
};

/// `ACCOUNT/PERMISSION-SET/PRINCIPAL`, such as `111122223333/ReadOnlyAccess/group:Auditors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyText {
    pub account: AccountId,
    pub permission_set: SetText,
    pub principal: PrincipalText,
}

/// A permission set's name, or its own id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetText {
    /// `ps-` and sixteen characters.
    Id(String),
    Name(String),
}

/// A principal by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalText {
    Id(Principal),
    Group(String),
    User(String),
}

/// What can be put on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldTarget {
    Account(AccountId),
    Principal(PrincipalText),
    Key(KeyText),
}

const KEY: &str = "write it like 111122223333/ReadOnlyAccess/group:Auditors, with names or ids";
const PRINCIPAL: &str = "write it like group:Auditors or user:alba@example.com, with a name or an id";

impl FromStr for KeyText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        let (Some(account), Some(set), Some(principal)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KEY.to_owned());
        };
        let account = account.parse().map_err(|error| format!("{error}; {KEY}"))?;
        let permission_set = set.parse().map_err(|_: String| KEY.to_owned())?;
        Ok(Self { account, permission_set, principal: principal.parse()? })
    }
}

impl FromStr for SetText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Of an ARN its last part is enough.
        let text = if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or_default() } else { text };
        let own = text.strip_prefix("ps-").filter(|own| own.len() == 16);
        let is_id = own.is_some_and(|own| own.bytes().all(|b| b.is_ascii_alphanumeric()));
        match text {
            "" => Err("write a permission set's name, or its own id: ps-…".to_owned()),
            id if is_id => Ok(Self::Id(id.to_owned())),
            name => Ok(Self::Name(name.to_owned())),
        }
    }
}

impl FromStr for PrincipalText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(principal) = text.parse() {
            return Ok(Self::Id(principal));
        }
        match text.split_once(':') {
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            Some(("user", name)) if !name.is_empty() => Ok(Self::User(name.to_owned())),
            Some(_) | None => Err(PRINCIPAL.to_owned()),
        }
    }
}

impl FromStr for HoldTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(account) = text.strip_prefix("account:").unwrap_or(text).parse() {
            return Ok(Self::Account(account));
        }
        let begins_with_a_principal = text.starts_with("group:") || text.starts_with("user:");
        if text.contains('/') && !begins_with_a_principal {
            return text.parse().map(Self::Key);
        }
        text.parse()
            .map(Self::Principal)
            .map_err(|error: String| format!("{error}; or an account's id; or a key: {KEY}"))
    }
}

impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, permission_set, principal } = self;
        let (SetText::Id(set) | SetText::Name(set)) = permission_set;
        write!(f, "{account}/{set}/{principal}")
    }
}

impl fmt::Display for HoldTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Principal(principal) => write!(f, "{principal}"),
            Self::Key(key) => write!(f, "{key}"),
        }
    }
}

impl fmt::Display for PrincipalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(principal) => write!(f, "{principal}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

impl KeyText {
    /// A key as it can be typed: by names where they are known.
    pub(crate) fn of(account: &AccountId, set: &PermissionSetName, principal: &PrincipalName) -> String {
        let PrincipalName { kind, name, id } = principal;
        let set = set.name.as_deref().unwrap_or_else(|| own_id(&set.arn));
        format!("{account}/{set}/{kind}:{}", name.as_deref().unwrap_or(id))
    }

    /// The key, its names looked up.
    pub(crate) async fn look_up(
        &self,
        aws: &Aws,
        ledger: &dyn LedgerReader,
    ) -> Result<AssignmentKey, Failure> {
        Ok(AssignmentKey {
            account: self.account.clone(),
            permission_set: self.permission_set.look_up(aws, ledger).await?,
            principal: self.principal.look_up(aws).await?,
        })
    }
}

fn own_id(arn: &PermissionSetArn) -> &str {
    arn.as_str().rsplit('/').next().unwrap_or_default()
}

impl PrincipalText {
    /// The principal, where it is given by its id.
    pub(crate) fn id(&self) -> Option<&Principal> {
        match self {
            Self::Id(principal) => Some(principal),
            Self::Group(_) | Self::User(_) => None,
        }
    }

    pub(crate) async fn look_up(&self, aws: &Aws) -> Result<Principal, Failure> {
        let found = match self {
            Self::Id(principal) => return Ok(principal.clone()),
            Self::Group(name) => {
                aws.directory.group_id(name).await.map(|id: Option<GroupId>| id.map(Principal::Group))
            }
            Self::User(name) => {
                aws.directory.user_id(name).await.map(|id: Option<UserId>| id.map(Principal::User))
            }
        };
        match found.map_err(Failure::LookUp)? {
            Some(found) => Ok(found),
            None => Err(suggestions::nobody(&self.to_string(), aws).await.into()),
        }
    }
}

impl SetText {
    pub(crate) async fn look_up(
        &self,
        aws: &Aws,
        ledger: &dyn LedgerReader,
    ) -> Result<PermissionSetArn, Failure> {
        match self {
            Self::Id(id) => {
                let all = aws.access.permission_sets().await.map_err(Failure::LookUp)?;
                if let Some(found) = all.into_iter().find(|arn| own_id(arn) == id) {
                    return Ok(found);
                }
                // One that was deleted may still be in the ledger.
                let rows = engine::all_rows(ledger).await?;
                let of_row = rows.into_iter().map(|row| row.key.permission_set).find(|arn| own_id(arn) == id);
                match of_row {
                    Some(found) => Ok(found),
                    None => Err(suggestions::no_permission_set(id, aws, ledger).await?.into()),
                }
            }
            Self::Name(name) => {
                // What is remembered says where to look first. It is believed only if AWS still says so.
                for seen in ledger.recall(SeenKind::PermissionSet).await? {
                    if let Ok(set) = serde_json::from_value::<PermissionSet>(seen.value)
                        && set.name == *name
                        && aws.bears(&set.arn, name).await?
                    {
                        return Ok(set.arn);
                    }
                }
                let all = aws.access.permission_sets().await.map_err(Failure::LookUp)?;
                let mut named =
                    stream::iter(all).map(async |arn| (aws.bears(&arn, name).await, arn)).buffered(4);
                while let Some((bears, arn)) = named.next().await {
                    if bears? {
                        return Ok(arn);
                    }
                }
                Err(suggestions::no_permission_set(name, aws, ledger).await?.into())
            }
        }
    }
}

impl Aws {
    /// Whether a permission set has this name now.
    async fn bears(&self, arn: &PermissionSetArn, name: &str) -> Result<bool, Failure> {
        let set = self.access.permission_set(arn).await.map_err(Failure::LookUp)?;
        Ok(set.is_some_and(|set| set.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab";

    #[test]
    fn a_key_is_read_and_written_alike_with_names_or_ids() {
        for text in [
            "111122223333/ReadOnlyAccess/group:Auditors".to_owned(),
            format!("111122223333/ps-1234567890abcdef/group:{GROUP}"),
            "111122223333/A/user:a/b:c@example.com".to_owned(),
        ] {
            assert_eq!(text.parse::<KeyText>().unwrap().to_string(), text);
        }
        let by_id: KeyText = format!("111122223333/ps-1234567890abcdef/user:{GROUP}").parse().unwrap();
        assert!(matches!(by_id.permission_set, SetText::Id(_)));
        assert!(matches!(by_id.principal, PrincipalText::Id(Principal::User(_))));
        for wrong in [
            "",
            "1/2/3",
            "111122223333/A",
            "111122223333//group:A",
            "111122223333/A/B",
            "111122223333/A/group:",
        ] {
            assert!(wrong.parse::<KeyText>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_on_hold_is_told_apart_by_its_form() {
        let target = |text: &str| text.parse::<HoldTarget>();
        assert!(matches!(target("111122223333"), Ok(HoldTarget::Account(_))));
        assert!(matches!(target("account:111122223333"), Ok(HoldTarget::Account(_))));
        assert!(matches!(target("group:a/b"), Ok(HoldTarget::Principal(PrincipalText::Group(_)))));
        assert!(matches!(target(&format!("group:{GROUP}")), Ok(HoldTarget::Principal(PrincipalText::Id(_)))));
        assert!(matches!(target("111122223333/A/user:b"), Ok(HoldTarget::Key(_))));
        assert!(target("role:a").unwrap_err().contains("or an account's id"));
    }
}
