//! Accounts, people, groups and permission sets by what people call them. A name that nothing bears is told with those that are
//! like it, one that several bear with all of them.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    audit::AuditedAccount,
    domain::{AccountId, GroupId, PermissionSetArn, Principal, UserId},
    engine,
    ports::{AccountRecord, LastName, LedgerReader, SeenKind},
};

use crate::{
    Failure,
    connect::Aws,
    failure::Unknown,
    keys::{PrincipalText, SetText},
    screen::line,
    suggestions::{no_account, nobody},
};

/// An account by its id, or by its name. An id that nothing bears is told as it is: the ledger may still know it.
pub(crate) async fn account(text: &str, aws: &Aws) -> Result<AccountId, Failure> {
    let id: Option<AccountId> = text.parse().ok();
    if let Some(id) = &id
        && aws.organization.account(id).await.map_err(Failure::LookUp)?.is_some()
    {
        return Ok(id.clone());
    }
    let all = aws.organization.accounts().await.map_err(Failure::LookUp)?;
    match (account_among(text, &all), id) {
        (Ok(record), _) => Ok(record.id.clone()),
        (Err(Unknown::Account { .. }), Some(id)) => Ok(id),
        (Err(unknown), _) => Err(unknown.into()),
    }
}

/// Something that is told by an account's id or name.
pub(crate) trait Called {
    fn id(&self) -> &AccountId;
    fn name(&self) -> &str;
}

impl Called for AccountRecord {
    fn id(&self) -> &AccountId {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Called for AuditedAccount {
    fn id(&self) -> &AccountId {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The account among all of the organization that is called so, or has this id.
pub(crate) fn account_among<'a, A: Called>(text: &str, all: &'a [A]) -> Result<&'a A, Unknown> {
    // An id is nobody else's, whatever others are called: whoever may rename an account can't take it away.
    if let Some(account) = all.iter().find(|account| account.id().as_str() == text) {
        return Ok(account);
    }
    let called: Vec<&A> = all.iter().filter(|account| account.name() == text).collect();
    match called.as_slice() {
        [only] => Ok(only),
        [] => Err(no_account(text, all)),
        several => {
            let found = several.iter().map(|account| format!("{} ({})", account.id(), line(account.name())));
            Err(Unknown::Ambiguous { what: "accounts are", name: text.to_owned(), found: found.collect() })
        }
    }
}

/// Who is asked about: a user with their groups, or a group.
pub(crate) struct Who {
    pub(crate) principal: Principal,
    /// The principal itself and, of a user, the groups that they are in; each with its name.
    pub(crate) all: BTreeMap<Principal, Option<String>>,
    /// AWS does not know them any more; the ledger does.
    pub(crate) is_gone: bool,
}

/// A user or a group by name or by id, with or without `user:` or `group:`. Of those who are gone, what the ledger still knows.
pub(crate) async fn who(text: &str, aws: &Aws, ledger: &dyn LedgerReader) -> Result<Who, Failure> {
    match living(text, aws).await {
        Err(Failure::Unknown(nobody @ Unknown::Nobody { .. })) => {
            remembered(text, aws, ledger).await?.ok_or_else(|| nobody.into())
        }
        found => found,
    }
}

/// Somebody of whom the ledger has rows, by the id or by the name that they bore last.
async fn remembered(text: &str, aws: &Aws, ledger: &dyn LedgerReader) -> Result<Option<Who>, Failure> {
    let (kind, word) = text.split_once(':').filter(|(kind, _)| matches!(*kind, "user" | "group")).unzip();
    let word = word.unwrap_or(text);
    let mut last: BTreeMap<(SeenKind, String), String> = BTreeMap::new();
    for kind in [SeenKind::GroupName, SeenKind::UserName] {
        for seen in ledger.recall(kind).await? {
            if let Ok(LastName { name, .. }) = serde_json::from_value(seen.value) {
                last.insert((kind, seen.id), name);
            }
        }
    }
    let last = |principal: &Principal| {
        let kind = match principal {
            Principal::Group(_) => SeenKind::GroupName,
            Principal::User(_) => SeenKind::UserName,
        };
        last.get(&(kind, principal.id().to_owned())).cloned()
    };
    let rows = engine::all_rows(ledger).await?;
    let mut meant: BTreeSet<&Principal> = rows.iter().map(|row| &row.key.principal).collect();
    meant.retain(|principal| {
        let is_of_kind = match principal {
            Principal::Group(_) => kind != Some("user"),
            Principal::User(_) => kind != Some("group"),
        };
        is_of_kind && (principal.id() == word || last(principal).as_deref() == Some(word))
    });
    let mut all = meant.iter().copied();
    let (Some(principal), None) = (all.next(), all.next()) else {
        if meant.is_empty() {
            return Ok(None);
        }
        let found = meant.iter().map(ToString::to_string).collect();
        return Err(Unknown::Ambiguous { what: "several were", name: text.to_owned(), found }.into());
    };
    // They may bear another name by now.
    match whole(principal, text, aws).await {
        Err(Failure::Unknown(Unknown::Nobody { .. })) => {
            let all = [(principal.clone(), last(principal))].into();
            Ok(Some(Who { principal: principal.clone(), all, is_gone: true }))
        }
        found => found.map(Some),
    }
}

async fn living(text: &str, aws: &Aws) -> Result<Who, Failure> {
    let principal = principal(text, aws).await?;
    whole(&principal, text, aws).await
}

/// Somebody with all groups that they are in.
async fn whole(principal: &Principal, text: &str, aws: &Aws) -> Result<Who, Failure> {
    let directory = aws.directory.as_ref();
    let mut all = BTreeMap::new();
    let gone = || Unknown::Nobody { name: text.to_owned(), nearest: Vec::new() };
    match principal {
        Principal::Group(id) => {
            let name = directory.group_name(id).await.map_err(Failure::LookUp)?.ok_or_else(gone)?;
            all.insert(principal.clone(), Some(name));
        }
        Principal::User(id) => {
            let name = directory.user_name(id).await.map_err(Failure::LookUp)?.ok_or_else(gone)?;
            all.insert(principal.clone(), Some(name));
            for group in directory.groups_of(id).await.map_err(Failure::LookUp)?.ok_or_else(gone)? {
                let name = directory.group_name(&group).await.map_err(Failure::LookUp)?;
                all.insert(Principal::Group(group), name);
            }
        }
    }
    Ok(Who { principal: principal.clone(), all, is_gone: false })
}

async fn principal(text: &str, aws: &Aws) -> Result<Principal, Failure> {
    let directory = aws.directory.as_ref();
    if let Ok(told) = text.parse::<PrincipalText>() {
        return told.look_up(aws).await;
    }
    // An id alone does not say whose it is.
    let (user, group) = if let (Ok(user), Ok(group)) = (text.parse::<UserId>(), text.parse::<GroupId>()) {
        let is_user = directory.user_name(&user).await.map_err(Failure::LookUp)?.is_some();
        let is_group = directory.group_name(&group).await.map_err(Failure::LookUp)?.is_some();
        (is_user.then_some(user), is_group.then_some(group))
    } else {
        let user = directory.user_id(text).await.map_err(Failure::LookUp)?;
        (user, directory.group_id(text).await.map_err(Failure::LookUp)?)
    };
    match (user, group) {
        (Some(user), None) => Ok(Principal::User(user)),
        (None, Some(group)) => Ok(Principal::Group(group)),
        (Some(_), Some(_)) => Err(Failure::Unknown(Unknown::Ambiguous {
            what: "a user and a group are",
            name: text.to_owned(),
            found: vec![format!("user:{text}"), format!("group:{text}")],
        })),
        (None, None) => Err(nobody(text, aws).await.into()),
    }
}

/// A permission set by its name, its own id or its ARN.
pub(crate) async fn permission_set(
    text: &str,
    aws: &Aws,
    ledger: &dyn LedgerReader,
) -> Result<PermissionSetArn, Failure> {
    let none = |_: String| Unknown::PermissionSet { name: text.to_owned(), nearest: Vec::new() };
    text.parse::<SetText>().map_err(none)?.look_up(aws, ledger).await
}

#[cfg(test)]
mod tests {
    use shared::domain::AccountState;

    use super::*;

    fn record(id: &str, name: &str) -> AccountRecord {
        AccountRecord {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            state: AccountState::Active,
            root: "r-ab12".parse().unwrap(),
            parents: Vec::new(),
        }
    }

    #[test]
    fn an_account_is_found_by_id_or_name_and_else_told_with_what_is_like_it() {
        let all = [
            record("200000000001", "shop-dev"),
            record("200000000002", "shop-prod"),
            record("200000000003", "twin"),
            record("200000000004", "twin"),
            record("200000000005", "200000000001"),
        ];
        assert_eq!(
            account_among("200000000001", &all).unwrap().name,
            "shop-dev",
            "an id comes before a name"
        );
        assert_eq!(account_among("shop-dev", &all).unwrap().id.as_str(), "200000000001");
        assert_eq!(account_among("200000000002", &all).unwrap().name, "shop-prod");
        let Err(Unknown::Ambiguous { found, .. }) = account_among("twin", &all) else { panic!("not told") };
        assert_eq!(found, ["200000000003 (twin)", "200000000004 (twin)"]);
        let near = |text: &str| match account_among(text, &all) {
            Err(Unknown::Account { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("shop-dve"), ["shop-dev (200000000001)"]);
        assert_eq!(near("nothing"), [""; 0]);
        assert_eq!(near("20000000001")[0], "shop-dev (200000000001)");
    }
}
