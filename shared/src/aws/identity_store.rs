//! Identity Store: who is behind a name. AWS's messages may quote names of people, so only their codes are passed on.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_identitystore::{
    Client,
    operation::{
        describe_group::DescribeGroupError, describe_user::DescribeUserError, get_group_id::GetGroupIdError,
        get_user_id::GetUserIdError, list_group_memberships::ListGroupMembershipsError,
        list_group_memberships_for_member::ListGroupMembershipsForMemberError,
    },
    types::{AlternateIdentifier, MemberId, ResourceType, UniqueAttribute, error::ResourceNotFoundException},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{Document, error::metadata::ProvideErrorMetadata};

use super::{
    error::{calling_in_private, unbuildable, unreadable},
    pages::Pages,
    parse,
};
use crate::{
    domain::{GroupId, IdentityStoreId, UserId},
    ports::{Directory, Memberships, PortError, UserNames},
};

/// The largest page (the API model: `MaxResults` 1 to 100).
const PAGE: i32 = 100;

/// Looks up groups and users over the API.
///
/// Whether `GetGroupId` and `GetUserId` compare names by case is not documented. If they don't, a name in a rule that differs
/// from the directory's only by case finds the group or the user all the same; there is never more than one of them.
#[derive(Debug, Clone)]
pub struct IdentityStoreApi {
    client: Client,
    store: IdentityStoreId,
}

impl IdentityStoreApi {
    pub fn new(client: Client, store: IdentityStoreId) -> Self {
        Self { client, store }
    }
}

#[async_trait::async_trait]
impl Directory for IdentityStoreApi {
    async fn group_id(&self, name: &str) -> Result<Option<GroupId>, PortError> {
        let operation = "GetGroupId";
        let request = self.client.get_group_id().identity_store_id(self.store.as_str());
        match request.alternate_identifier(unique("displayName", name)?).send().await {
            Ok(answer) => parse::id(operation, "group id", Some(answer.group_id())).map(Some),
            Err(error) => absent(operation, &ResourceType::Group, error, |error| match error {
                GetGroupIdError::ResourceNotFoundException(found) => Some(found),
                _ => None,
            }),
        }
    }

    async fn user_id(&self, user_name: &str) -> Result<Option<UserId>, PortError> {
        let operation = "GetUserId";
        let request = self.client.get_user_id().identity_store_id(self.store.as_str());
        match request.alternate_identifier(unique("userName", user_name)?).send().await {
            Ok(answer) => parse::id(operation, "user id", Some(answer.user_id())).map(Some),
            Err(error) => absent(operation, &ResourceType::User, error, |error| match error {
                GetUserIdError::ResourceNotFoundException(found) => Some(found),
                _ => None,
            }),
        }
    }

    async fn group_name(&self, id: &GroupId) -> Result<Option<String>, PortError> {
        let operation = "DescribeGroup";
        let request = self.client.describe_group().identity_store_id(self.store.as_str());
        match request.group_id(id.as_str()).send().await {
            Ok(answer) => parse::text(operation, "display name", answer.display_name()).map(Some),
            Err(error) => absent(operation, &ResourceType::Group, error, |error| match error {
                DescribeGroupError::ResourceNotFoundException(found) => Some(found),
                _ => None,
            }),
        }
    }

    async fn user_name(&self, id: &UserId) -> Result<Option<String>, PortError> {
        let operation = "DescribeUser";
        let request = self.client.describe_user().identity_store_id(self.store.as_str());
        match request.user_id(id.as_str()).send().await {
            Ok(answer) => parse::text(operation, "user name", answer.user_name()).map(Some),
            Err(error) => absent(operation, &ResourceType::User, error, |error| match error {
                DescribeUserError::ResourceNotFoundException(found) => Some(found),
                _ => None,
            }),
        }
    }

    async fn memberships(&self, group: &GroupId) -> Result<Option<Memberships>, PortError> {
        let operation = "ListGroupMemberships";
        let mut members = Memberships::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_group_memberships().identity_store_id(self.store.as_str());
            let request = request.group_id(group.as_str()).max_results(PAGE).set_next_token(token);
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) => {
                    return absent(operation, &ResourceType::Group, error, |error| match error {
                        ListGroupMembershipsError::ResourceNotFoundException(found) => Some(found),
                        _ => None,
                    });
                }
            };
            for membership in page.group_memberships() {
                let user = match membership.member_id() {
                    Some(MemberId::UserId(user)) => Some(user.as_str()),
                    // A member of a kind that is new to us would be left out without a word.
                    Some(_) | None => None,
                };
                // An id that is missing or new to us costs a look-up later, and no access.
                let id = membership.membership_id().parse().ok();
                members.insert(parse::id(operation, "user id", user)?, id);
            }
            pages.turn(page.next_token)?;
        }
        Ok(Some(members))
    }

    async fn groups_of(&self, user: &UserId) -> Result<Option<BTreeSet<GroupId>>, PortError> {
        let operation = "ListGroupMembershipsForMember";
        let mut groups = BTreeSet::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request =
                self.client.list_group_memberships_for_member().identity_store_id(self.store.as_str());
            let member = MemberId::UserId(user.to_string());
            let page = match request.member_id(member).max_results(PAGE).set_next_token(token).send().await {
                Ok(page) => page,
                Err(error) => {
                    return absent(operation, &ResourceType::User, error, |error| match error {
                        ListGroupMembershipsForMemberError::ResourceNotFoundException(found) => Some(found),
                        _ => None,
                    });
                }
            };
            for membership in page.group_memberships() {
                groups.insert(parse::id(operation, "group id", membership.group_id())?);
            }
            pages.turn(page.next_token)?;
        }
        Ok(Some(groups))
    }

    async fn all_groups(&self) -> Result<BTreeMap<GroupId, String>, PortError> {
        let operation = "ListGroups";
        let mut groups = BTreeMap::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_groups().identity_store_id(self.store.as_str());
            let page = request.max_results(PAGE).set_next_token(token).send().await;
            let page = page.map_err(calling_in_private(operation))?;
            for group in page.groups() {
                // What has no name is found by none.
                if let Some(name) = group.display_name() {
                    let id = parse::id(operation, "group id", Some(group.group_id()))?;
                    groups.insert(id, name.to_owned());
                }
            }
            pages.turn(page.next_token)?;
        }
        Ok(groups)
    }

    async fn people(&self) -> Result<BTreeMap<UserId, UserNames>, PortError> {
        let operation = "ListUsers";
        let mut users = BTreeMap::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_users().identity_store_id(self.store.as_str());
            let page = request.max_results(PAGE).set_next_token(token).send().await;
            let page = page.map_err(calling_in_private(operation))?;
            for user in page.users() {
                let id = parse::id(operation, "user id", Some(user.user_id()))?;
                let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
                let names =
                    UserNames { user_name: text(user.user_name()), display_name: text(user.display_name()) };
                users.insert(id, names);
            }
            pages.turn(page.next_token)?;
        }
        Ok(users)
    }
}

fn unique(attribute: &str, value: &str) -> Result<AlternateIdentifier, PortError> {
    if value.is_empty() {
        return Err(PortError::Refused(format!("an empty {attribute} was looked up")));
    }
    let attribute = UniqueAttribute::builder()
        .attribute_path(attribute)
        .attribute_value(Document::String(value.to_owned()))
        .build()
        .map_err(unbuildable)?;
    Ok(AlternateIdentifier::UniqueAttribute(attribute))
}

/// `Ok(None)` only when AWS says that just this kind of thing is missing: the whole store may be missing too, or its key.
fn absent<T, E>(
    operation: &'static str,
    kind: &ResourceType,
    error: SdkError<E, HttpResponse>,
    not_found: fn(&E) -> Option<&ResourceNotFoundException>,
) -> Result<Option<T>, PortError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let missing = error.as_service_error().and_then(not_found).map(|found| found.resource_type().cloned());
    match (calling_in_private(operation)(error), missing) {
        (PortError::NotFound(_), Some(Some(missing))) if missing == *kind => Ok(None),
        (PortError::NotFound(text), Some(missing)) => {
            let what = missing.as_ref().map_or("something unnamed", ResourceType::as_str);
            Err(PortError::NotFound(format!("{text}, of {what}")))
        }
        (PortError::NotFound(_), None) => Err(unreadable(operation, "found nothing, and said nothing of it")),
        (error, _) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_identitystore::{
        operation::{
            get_group_id::GetGroupIdOutput, list_group_memberships::ListGroupMembershipsOutput,
            list_group_memberships_for_member::ListGroupMembershipsForMemberOutput,
        },
        types::GroupMembership,
    };
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::client;

    const GROUP: &str = "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab";

    fn store() -> IdentityStoreId {
        "d-9067642ac1".parse().unwrap()
    }

    #[tokio::test]
    async fn a_group_is_found_by_its_display_name() {
        let rule = mock!(Client::get_group_id)
            .match_requests(|request| match request.alternate_identifier() {
                Some(AlternateIdentifier::UniqueAttribute(unique)) => {
                    unique.attribute_path() == "displayName"
                        && *unique.attribute_value() == Document::String("Developers".into())
                }
                _ => false,
            })
            .then_output(|| {
                let found = GetGroupIdOutput::builder().group_id(GROUP).identity_store_id("d-9067642ac1");
                found.group_arn("arn:aws:identitystore:::group/x").build().unwrap()
            });
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &rule), store());

        assert_eq!(api.group_id("Developers").await, Ok(Some(GROUP.parse().unwrap())));
    }

    #[tokio::test]
    async fn a_missing_group_is_absent_and_a_missing_store_is_an_error() {
        let not_found = |rest: &str| {
            Some(format!(r#"{{"__type":"ResourceNotFoundException","Message":"no Alice"{rest}}}"#))
        };
        let rule = mock!(Client::get_user_id)
            .sequence()
            .http_status(400, not_found(r#","ResourceType":"USER""#))
            .http_status(400, not_found(r#","ResourceType":"IDENTITY_STORE""#))
            .http_status(400, not_found(""))
            .http_status(400, not_found(r#","ResourceType":"USER","Reason":"KMS_NotFoundException""#))
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &rule), store());

        assert_eq!(api.user_id("alice").await, Ok(None));
        let error = api.user_id("alice").await.unwrap_err();
        assert_eq!(
            error,
            PortError::NotFound("GetUserId: ResourceNotFoundException, of IDENTITY_STORE".into())
        );
        let error = api.user_id("alice").await.unwrap_err();
        assert_eq!(
            error,
            PortError::NotFound("GetUserId: ResourceNotFoundException, of something unnamed".into())
        );
        assert!(matches!(api.user_id("alice").await, Err(PortError::Barred(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_look_up_is_tried_three_times_and_then_is_an_error() {
        let throttled = r#"{"__type":"ThrottlingException","Message":"Rate exceeded for alice@example.com"}"#;
        let rule = mock!(Client::describe_user)
            .sequence()
            .http_status(400, Some(throttled.to_owned()))
            .repeatedly()
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &rule), store());

        let error = api.user_name(&GROUP.parse().unwrap()).await.unwrap_err();

        assert_eq!(error, PortError::Throttled("DescribeUser: ThrottlingException".into()));
        assert_eq!(rule.num_calls(), 3);
    }

    const ALICE: &str = "9067642ac1-0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";
    const BOB: &str = "9067642ac1-1b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";

    fn membership(user: Option<&str>) -> GroupMembership {
        let membership = GroupMembership::builder().identity_store_id("d-9067642ac1").membership_id(GROUP);
        let membership = membership.membership_arn("arn:aws:identitystore:::membership/x").group_id(GROUP);
        membership.set_member_id(user.map(|user| MemberId::UserId(user.to_owned()))).build().unwrap()
    }

    fn page(users: &[&str], token: Option<&str>) -> ListGroupMembershipsOutput {
        let memberships = users.iter().map(|user| membership(Some(user))).collect();
        let page = ListGroupMembershipsOutput::builder().set_group_memberships(Some(memberships));
        page.set_next_token(token.map(str::to_owned)).build().unwrap()
    }

    #[tokio::test]
    async fn the_members_of_a_group_are_those_of_all_pages() {
        let first = mock!(Client::list_group_memberships)
            .match_requests(|request| request.next_token().is_none() && request.group_id() == Some(GROUP))
            .then_output(|| page(&[BOB], Some("more")));
        let second = mock!(Client::list_group_memberships)
            .match_requests(|request| request.next_token() == Some("more"))
            .then_output(|| page(&[ALICE, BOB], None));
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &first, &second), store());

        let members = api.members(&GROUP.parse().unwrap()).await;

        assert_eq!(members, Ok(Some([ALICE, BOB].map(|id| id.parse().unwrap()).into())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_of_members_that_fails_leaves_no_members_at_all() {
        let first = mock!(Client::list_group_memberships)
            .match_requests(|request| request.next_token().is_none())
            .then_output(|| page(&[ALICE], Some("more")));
        let throttled = r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#;
        let second = mock!(Client::list_group_memberships)
            .match_requests(|request| request.next_token() == Some("more"))
            .sequence()
            .http_status(400, Some(throttled.to_owned()))
            .repeatedly()
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &first, &second), store());

        let members = api.members(&GROUP.parse().unwrap()).await;

        assert_eq!(members, Err(PortError::Throttled("ListGroupMemberships: ThrottlingException".into())));
    }

    #[tokio::test]
    async fn a_member_without_a_user_id_and_a_page_that_comes_again_are_errors() {
        let nobody = mock!(Client::list_group_memberships).then_output(|| {
            ListGroupMembershipsOutput::builder().group_memberships(membership(None)).build().unwrap()
        });
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &nobody), store());
        assert!(matches!(api.members(&GROUP.parse().unwrap()).await, Err(PortError::Failed(_))));

        let round = mock!(Client::list_group_memberships).then_output(|| page(&[ALICE], Some("again")));
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &round), store());
        assert!(matches!(api.members(&GROUP.parse().unwrap()).await, Err(PortError::Failed(_))));
    }

    #[tokio::test]
    async fn the_groups_of_a_user_are_those_of_all_pages_and_none_only_where_the_user_is_missing() {
        let page = |group: Option<&str>, token: Option<&str>| {
            let membership =
                GroupMembership::builder().identity_store_id("d-9067642ac1").membership_id(GROUP);
            let membership = membership.membership_arn("arn:aws:identitystore:::membership/x");
            let membership = membership.set_group_id(group.map(str::to_owned)).build().unwrap();
            let page = ListGroupMembershipsForMemberOutput::builder().group_memberships(membership);
            page.set_next_token(token.map(str::to_owned)).build().unwrap()
        };
        let not_found = |kind: &str| {
            let error =
                r#"{"__type":"ResourceNotFoundException","Message":"not found","ResourceType":"KIND"}"#;
            Some(error.replace("KIND", kind))
        };
        let rule = mock!(Client::list_group_memberships_for_member)
            .match_requests(|request| *request.member_id().unwrap() == MemberId::UserId(ALICE.to_owned()))
            .sequence()
            .output(move || page(Some(BOB), Some("more")))
            .output(move || page(Some(GROUP), None))
            .output(move || page(Some(GROUP), Some("more")))
            .output(move || page(None, None))
            .http_status(400, not_found("USER"))
            .http_status(400, not_found("IDENTITY_STORE"))
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &rule), store());
        let user = ALICE.parse().unwrap();

        assert_eq!(api.groups_of(&user).await, Ok(Some([BOB, GROUP].map(|id| id.parse().unwrap()).into())));
        assert!(matches!(api.groups_of(&user).await, Err(PortError::Failed(_))), "one without an id");
        assert_eq!(api.groups_of(&user).await, Ok(None));
        assert!(matches!(api.groups_of(&user).await, Err(PortError::NotFound(_))));
    }

    #[tokio::test]
    async fn only_a_group_that_aws_says_is_missing_has_no_list_of_members() {
        let not_found = |kind: &str| {
            let error =
                r#"{"__type":"ResourceNotFoundException","Message":"not found","ResourceType":"KIND"}"#;
            Some(error.replace("KIND", kind))
        };
        let rule = mock!(Client::list_group_memberships)
            .sequence()
            .http_status(400, not_found("GROUP"))
            .http_status(400, not_found("IDENTITY_STORE"))
            .output(|| page(&[], None))
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &rule), store());
        let group = GROUP.parse().unwrap();

        assert_eq!(api.members(&group).await, Ok(None));
        assert!(matches!(api.members(&group).await, Err(PortError::NotFound(_))));
        assert_eq!(api.members(&group).await, Ok(Some(std::collections::BTreeSet::new())));
    }

    #[tokio::test]
    async fn the_groups_of_a_user_are_those_of_all_pages_and_a_missing_user_has_none() {
        let page = |token: Option<&str>| {
            let page =
                ListGroupMembershipsForMemberOutput::builder().group_memberships(membership(Some(ALICE)));
            page.set_next_token(token.map(str::to_owned)).build().unwrap()
        };
        let missing = r#"{"__type":"ResourceNotFoundException","Message":"not found","ResourceType":"USER"}"#;
        let first = mock!(Client::list_group_memberships_for_member)
            .match_requests(|request| {
                request.next_token().is_none()
                    && request.member_id() == Some(&MemberId::UserId(ALICE.to_owned()))
            })
            .then_output(move || page(Some("more")));
        let second = mock!(Client::list_group_memberships_for_member)
            .match_requests(|request| request.next_token() == Some("more"))
            .then_output(move || page(None));
        let gone = mock!(Client::list_group_memberships_for_member)
            .sequence()
            .http_status(400, Some(missing.to_owned()))
            .build();
        let api = IdentityStoreApi::new(client!(aws_sdk_identitystore, &first, &second, &gone), store());
        let groups = api.groups_of(&ALICE.parse().unwrap()).await;
        assert_eq!(groups, Ok(Some([GROUP.parse().unwrap()].into())));
        assert_eq!(api.groups_of(&BOB.parse().unwrap()).await, Ok(None));
    }
}
