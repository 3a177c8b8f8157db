//! Organizations: its accounts, OUs and tags.

use std::collections::BTreeMap;

use aws_sdk_organizations::{
    Client,
    types::{Account, AccountState as SdkState, AccountStatus, ParentType},
};

use super::{
    error::{absent, calling, unreadable},
    management::{Call, Clients},
    pages::Pages,
    parse,
};
use crate::{
    domain::{AccountId, AccountState, OuId, ParentId, RootId, Tags},
    ports::{AccountRecord, OrganizationFacts, OrganizationReader, PortError},
};

/// The largest page that Organizations gives (the API model: `MaxResults` 1 to 20).
const PAGE: i32 = 20;

/// The largest page that the tagging API gives (the API model: `ResourcesPerPage` 1 to 100).
const TAGGED_PAGE: i32 = 100;

/// How many steps up from an account are taken at most. Organizations nests OUs five deep.
const DEEPEST: usize = 20;

/// Reads the organization over its API. The management account, or any delegated administrator, may call it.
#[derive(Debug, Clone)]
pub struct OrganizationsApi {
    client: Client,
    tagging: Option<Clients<aws_sdk_resourcegroupstagging::Client>>,
}

impl OrganizationsApi {
    pub fn new(client: Client) -> Self {
        Self { client, tagging: None }
    }

    /// The same, with the tagging API of the Region that Organizations lives in.
    pub(super) fn with_tagging(self, tagging: Clients<aws_sdk_resourcegroupstagging::Client>) -> Self {
        Self { tagging: Some(tagging), ..self }
    }

    async fn record(&self, operation: &str, account: &Account) -> Result<AccountRecord, PortError> {
        let id: AccountId = parse::id(operation, "account id", account.id())?;
        let (root, parents) = match account.paths() {
            [] => self.walk_up(&id).await?,
            [path] => parents(operation, &id, path)?,
            [..] => {
                return Err(unreadable(operation, format_args!("account {id} has several paths")));
            }
        };
        let name = parse::text(operation, "account name", account.name())?;
        Ok(AccountRecord { id, name, state: state(account), root, parents })
    }

    /// The OUs above an account, outermost first, by asking for each one's parent: for answers without `Paths`.
    async fn walk_up(&self, account: &AccountId) -> Result<(RootId, Vec<OuId>), PortError> {
        let operation = "ListParents";
        let mut parents: Vec<OuId> = Vec::new();
        for _ in 0..DEEPEST {
            let child = parents.last().map_or(account.as_str(), OuId::as_str);
            let page = self.client.list_parents().child_id(child).send().await.map_err(calling(operation));
            let page = match page {
                // It has just been listed, so it is leaving right now: a half-read account is no account.
                Err(PortError::NotFound(text)) => return Err(PortError::Failed(text)),
                page => page?,
            };
            let [parent] = page.parents() else {
                return Err(unreadable(operation, format_args!("`{child}` has not exactly one parent")));
            };
            match parent.r#type() {
                Some(ParentType::Root) => {
                    parents.reverse();
                    return Ok((parse::id(operation, "root's id", parent.id())?, parents));
                }
                Some(ParentType::OrganizationalUnit) => {
                    parents.push(parse::id(operation, "parent's id", parent.id())?);
                }
                _ => {
                    return Err(unreadable(
                        operation,
                        format_args!("`{child}` has a parent of unknown type"),
                    ));
                }
            }
        }
        Err(unreadable(operation, format_args!("account {account} lies too deep")))
    }
}

#[async_trait::async_trait]
impl OrganizationReader for OrganizationsApi {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        let operation = "DescribeOrganization";
        let answer = self.client.describe_organization().send().await.map_err(calling(operation))?;
        let organization = answer.organization().ok_or_else(|| unreadable(operation, "no organization"))?;
        Ok(OrganizationFacts {
            id: parse::text(operation, "organization's id", organization.id())?,
            management_account: parse::id(operation, "management account", organization.master_account_id())?,
        })
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        let operation = "DescribeAccount";
        let answer = self.client.describe_account().account_id(id.as_str()).send().await;
        match answer.map_err(calling(operation)) {
            Ok(answer) => {
                let account = answer.account().ok_or_else(|| unreadable(operation, "no account"))?;
                let record = self.record(operation, account).await?;
                if record.id != *id {
                    return Err(unreadable(operation, format_args!("asked for {id}, got {}", record.id)));
                }
                Ok(Some(record))
            }
            Err(error) => absent(error),
        }
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let operation = "ListAccounts";
        let mut records = Vec::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let page = self.client.list_accounts().max_results(PAGE).set_next_token(token).send().await;
            let page = page.map_err(calling(operation))?;
            for account in page.accounts() {
                records.push(self.record(operation, account).await?);
            }
            pages.turn(page.next_token)?;
        }
        records.sort_by(|a, b| a.id.cmp(&b.id));
        // An account that moves to another page while the pages are turned may be listed twice.
        records.dedup_by(|a, b| a.id == b.id);
        Ok(records)
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        let operation = "ListTagsForResource";
        let mut tags = Tags::default();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_tags_for_resource().resource_id(id.as_str());
            match request.set_next_token(token).send().await.map_err(calling(operation)) {
                Ok(page) => {
                    tags.0
                        .extend(page.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
                    pages.turn(page.next_token)?;
                }
                Err(error) => return absent(error),
            }
        }
        Ok(Some(tags))
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let operation = "GetResources";
        let missing = || PortError::Refused("there is no tagging API to ask".to_owned());
        let (client, _) = self.tagging.as_ref().ok_or_else(missing)?.of(Call::TagsInBulk);
        let mut all = BTreeMap::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = client.get_resources().resource_type_filters("organizations:account");
            let request = request.resources_per_page(TAGGED_PAGE).set_pagination_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            for found in page.resource_tag_mapping_list() {
                let arn = found.resource_arn().unwrap_or_default();
                let id = parse::id(operation, "account id", arn.rsplit('/').next())?;
                let tags = found.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                all.insert(id, Tags(tags.collect()));
            }
            pages.turn(page.pagination_token)?;
        }
        Ok(all)
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        let operation = "ListOrganizationalUnitsForParent";
        let mut names = BTreeMap::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_organizational_units_for_parent().parent_id(parent.to_string());
            let page = request.max_results(PAGE).set_next_token(token).send().await;
            match page.map_err(calling(operation)) {
                Ok(page) => {
                    for unit in page.organizational_units() {
                        let id = parse::id(operation, "organizational unit's id", unit.id())?;
                        names.insert(id, parse::text(operation, "organizational unit's name", unit.name())?);
                    }
                    pages.turn(page.next_token)?;
                }
                Err(error) => return absent(error),
            }
        }
        Ok(Some(names))
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        let operation = "DescribeOrganizationalUnit";
        let request = self.client.describe_organizational_unit().organizational_unit_id(id.as_str());
        match request.send().await.map_err(calling(operation)) {
            Ok(answer) => {
                let name = answer.organizational_unit().and_then(|unit| unit.name());
                parse::text(operation, "organizational unit's name", name).map(Some)
            }
            Err(error) => absent(error),
        }
    }
}

/// `State`, else the older `Status`; an account with neither is never written to.
fn state(account: &Account) -> AccountState {
    match (account.state(), account.status()) {
        (Some(SdkState::Active), _) | (None, Some(AccountStatus::Active)) => AccountState::Active,
        (Some(SdkState::Suspended), _) | (None, Some(AccountStatus::Suspended)) => AccountState::Suspended,
        (Some(SdkState::PendingClosure), _) | (None, Some(AccountStatus::PendingClosure)) => {
            AccountState::PendingClosure
        }
        (Some(SdkState::PendingActivation), _) => AccountState::PendingActivation,
        (Some(SdkState::Closed), _) => AccountState::Closed,
        _ => AccountState::Unknown,
    }
}

/// Reads a path, `o-…/r-…/ou-…/…/<account>/`.
fn parents(operation: &str, account: &AccountId, path: &str) -> Result<(RootId, Vec<OuId>), PortError> {
    let wrong = || unreadable(operation, format_args!("account {account} has the path `{path}`"));
    let steps: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let [organization, root, units @ .., own] = steps.as_slice() else { return Err(wrong()) };
    if !organization.starts_with("o-") || *own != account.as_str() {
        return Err(wrong());
    }
    let units: Result<_, _> = units.iter().map(|unit| unit.parse().map_err(|_| wrong())).collect();
    Ok((root.parse().map_err(|_| wrong())?, units?))
}

#[cfg(test)]
mod tests {
    use aws_sdk_organizations::{
        operation::{
            describe_account::{DescribeAccountError, DescribeAccountOutput},
            list_accounts::{ListAccountsError, ListAccountsOutput},
            list_parents::ListParentsOutput,
            list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceOutput},
        },
        types::{
            Parent, Tag,
            error::{AccountNotFoundException, TargetNotFoundException, TooManyRequestsException},
        },
    };
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::client;

    fn account(id: &str, path: Option<&str>) -> Account {
        let account = Account::builder().id(id).name(format!("account-{id}")).state(SdkState::Active);
        path.map_or(account.clone(), |path| account.paths(path)).build()
    }

    fn id(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn all_pages_are_read_even_an_empty_one() {
        let rule = mock!(Client::list_accounts)
            .match_requests(|request| request.max_results() == Some(20))
            .sequence()
            .output(|| {
                let path = "o-abcdefghij/r-ab12/ou-ab12-cdefgh34/ou-ab12-ijklmn56/222222222222/";
                ListAccountsOutput::builder()
                    .accounts(account("222222222222", Some(path)))
                    .next_token("1")
                    .build()
            })
            .output(|| ListAccountsOutput::builder().next_token("2").build())
            .output(|| {
                let path = "o-abcdefghij/r-ab12/111111111111/";
                ListAccountsOutput::builder().accounts(account("111111111111", Some(path))).build()
            })
            .build();
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &rule));

        let accounts = api.accounts().await.unwrap();

        let ids: Vec<&str> = accounts.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids, ["111111111111", "222222222222"]);
        assert_eq!(accounts[0].parents, []);
        let units: Vec<&str> = accounts[1].parents.iter().map(OuId::as_str).collect();
        assert_eq!(units, ["ou-ab12-cdefgh34", "ou-ab12-ijklmn56"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_with_a_throttled_page_is_an_error_and_not_a_shorter_listing() {
        let rule = mock!(Client::list_accounts)
            .sequence()
            .output(|| {
                let path = "o-abcdefghij/r-ab12/111111111111/";
                ListAccountsOutput::builder()
                    .accounts(account("111111111111", Some(path)))
                    .next_token("1")
                    .build()
            })
            .error(|| {
                ListAccountsError::TooManyRequestsException(
                    TooManyRequestsException::builder()
                        .meta(
                            aws_smithy_types::error::ErrorMetadata::builder()
                                .code("TooManyRequestsException")
                                .message("Rate exceeded")
                                .build(),
                        )
                        .build(),
                )
            })
            .repeatedly()
            .build();
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &rule));

        assert_eq!(
            api.accounts().await,
            Err(PortError::Throttled("ListAccounts: Rate exceeded (TooManyRequestsException)".into()))
        );
        assert_eq!(rule.num_calls(), 4, "one page, then three attempts");
    }

    #[tokio::test]
    async fn a_repeated_token_is_an_error_and_not_a_shorter_listing() {
        let rule = mock!(Client::list_accounts)
            .then_output(|| ListAccountsOutput::builder().next_token("1").build());
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &rule));
        assert!(matches!(api.accounts().await, Err(PortError::Failed(_))));
    }

    #[tokio::test]
    async fn an_account_without_a_path_is_found_by_its_parents() {
        let described = mock!(Client::describe_account)
            .then_output(|| DescribeAccountOutput::builder().account(account("111111111111", None)).build());
        let parent = |id: &'static str, kind: ParentType| {
            move || {
                ListParentsOutput::builder()
                    .parents(Parent::builder().id(id).r#type(kind.clone()).build())
                    .build()
            }
        };
        let first = mock!(Client::list_parents)
            .match_requests(|request| request.child_id() == Some("111111111111"))
            .then_output(parent("ou-ab12-ijklmn56", ParentType::OrganizationalUnit));
        let second = mock!(Client::list_parents)
            .match_requests(|request| request.child_id() == Some("ou-ab12-ijklmn56"))
            .then_output(parent("ou-ab12-cdefgh34", ParentType::OrganizationalUnit));
        let third = mock!(Client::list_parents)
            .match_requests(|request| request.child_id() == Some("ou-ab12-cdefgh34"))
            .then_output(parent("r-ab12", ParentType::Root));
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &described, &first, &second, &third));

        let record = api.account(&id("111111111111")).await.unwrap().unwrap();

        let units: Vec<&str> = record.parents.iter().map(OuId::as_str).collect();
        assert_eq!(units, ["ou-ab12-cdefgh34", "ou-ab12-ijklmn56"]);
        assert!(record.state.is_active());
    }

    #[tokio::test]
    async fn only_what_aws_says_is_absent_is_absent() {
        let account = mock!(Client::describe_account).then_error(|| {
            let meta =
                aws_smithy_types::error::ErrorMetadata::builder().code("AccountNotFoundException").build();
            DescribeAccountError::AccountNotFoundException(
                AccountNotFoundException::builder().meta(meta).build(),
            )
        });
        let tags = mock!(Client::list_tags_for_resource)
            .sequence()
            .error(|| {
                let meta =
                    aws_smithy_types::error::ErrorMetadata::builder().code("TargetNotFoundException").build();
                ListTagsForResourceError::TargetNotFoundException(
                    TargetNotFoundException::builder().meta(meta).build(),
                )
            })
            .http_status(400, Some(r#"{"__type":"AccessDeniedException","Message":"no"}"#.to_owned()))
            .build();
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &account, &tags));

        assert_eq!(api.account(&id("111111111111")).await, Ok(None));
        assert_eq!(api.account_tags(&id("111111111111")).await, Ok(None));
        assert!(matches!(api.account_tags(&id("111111111111")).await, Err(PortError::Denied(_))));
    }

    #[tokio::test]
    async fn tags_are_read_from_all_pages() {
        let tag = |key: &str| Tag::builder().key(key).value("yes").build().unwrap();
        let rule = mock!(Client::list_tags_for_resource)
            .sequence()
            .output(move || ListTagsForResourceOutput::builder().tags(tag("a")).next_token("1").build())
            .output(move || ListTagsForResourceOutput::builder().tags(tag("b")).build())
            .build();
        let api = OrganizationsApi::new(client!(aws_sdk_organizations, &rule));

        let tags = api.account_tags(&id("111111111111")).await.unwrap().unwrap();

        assert_eq!(tags, [("a", "yes"), ("b", "yes")].into_iter().collect());
    }

    #[test]
    fn the_older_status_is_read_where_the_state_is_missing() {
        let old = Account::builder().status(AccountStatus::Suspended).build();
        assert_eq!(state(&old), AccountState::Suspended);
        let both = Account::builder().status(AccountStatus::Active).state(SdkState::Closed).build();
        assert_eq!(state(&both), AccountState::Closed);
        let new = Account::builder().status(AccountStatus::Active).state("FROZEN".into()).build();
        assert_eq!(state(&new), AccountState::Unknown);
        assert_eq!(state(&Account::builder().build()), AccountState::Unknown);
    }

    #[test]
    fn a_path_that_is_not_the_accounts_own_is_an_error() {
        for path in ["", "o-a/r-b", "o-a/r-b/222222222222/", "o-a/r-b/what/111111111111/"] {
            assert!(parents("ListAccounts", &id("111111111111"), path).is_err(), "{path}");
        }
    }
}
