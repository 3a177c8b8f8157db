//! Permission sets: reading them whole, and the calls that change them.

use std::collections::BTreeSet;

use aws_sdk_ssoadmin::types::{
    CustomerManagedPolicyReference, PermissionsBoundary as Boundary, Tag, builders::TagBuilder,
};

use super::{SsoAdminApi, write::once};
use crate::{
    aws::{
        error::{absent, calling, unbuildable, unreadable},
        management::Call,
        pages::Pages,
        parse,
    },
    domain::{CustomerManagedPolicy, ManagedPolicyArn, PermissionSetArn, PermissionsBoundary, Tags},
    permission_sets::{Change, Details, Inline, NewSet},
    ports::{AccessReader as _, PermissionSetReader, PermissionSetWriter, PortError},
};

/// The largest page (the API model: `MaxResults` 1 to 100).
const PAGE: i32 = 100;

fn reference(policy: &CustomerManagedPolicy) -> Result<CustomerManagedPolicyReference, PortError> {
    let reference = CustomerManagedPolicyReference::builder().name(&policy.name).path(&policy.path);
    reference.build().map_err(unbuildable)
}

fn customer_managed(given: &CustomerManagedPolicyReference) -> CustomerManagedPolicy {
    let path = given.path().unwrap_or("/").to_owned();
    CustomerManagedPolicy { path, name: given.name().to_owned() }
}

fn boundary_of(operation: &str, given: &Boundary) -> Result<PermissionsBoundary, PortError> {
    match (given.customer_managed_policy_reference(), given.managed_policy_arn()) {
        (Some(reference), None) => Ok(PermissionsBoundary::CustomerManaged(customer_managed(reference))),
        (None, Some(arn)) => parse::id(operation, "boundary", Some(arn)).map(PermissionsBoundary::AwsManaged),
        (None, None) | (Some(_), Some(_)) => {
            Err(unreadable(operation, "a permissions boundary of no known kind"))
        }
    }
}

fn boundary(boundary: &PermissionsBoundary) -> Result<Boundary, PortError> {
    Ok(match boundary {
        PermissionsBoundary::AwsManaged(arn) => Boundary::builder().managed_policy_arn(arn.as_str()).build(),
        PermissionsBoundary::CustomerManaged(policy) => {
            Boundary::builder().customer_managed_policy_reference(reference(policy)?).build()
        }
    })
}

fn tags(tags: &Tags) -> Result<Vec<Tag>, PortError> {
    let tag = |(key, value): (&str, &str)| TagBuilder::default().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(unbuildable)
}

impl SsoAdminApi {
    async fn aws_managed(&self, arn: &PermissionSetArn) -> Result<BTreeSet<ManagedPolicyArn>, PortError> {
        let operation = "ListManagedPoliciesInPermissionSet";
        let instance = self.found().await?;
        let mut policies = BTreeSet::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request =
                self.client.list_managed_policies_in_permission_set().instance_arn(instance.arn.as_str());
            let request = request.permission_set_arn(arn.as_str()).max_results(PAGE).set_next_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            for policy in page.attached_managed_policies() {
                policies.insert(parse::id(operation, "policy's ARN", policy.arn())?);
            }
            pages.turn(page.next_token)?;
        }
        Ok(policies)
    }

    async fn customer_managed(
        &self,
        arn: &PermissionSetArn,
    ) -> Result<BTreeSet<CustomerManagedPolicy>, PortError> {
        let operation = "ListCustomerManagedPolicyReferencesInPermissionSet";
        let instance = self.found().await?;
        let mut policies = BTreeSet::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self
                .client
                .list_customer_managed_policy_references_in_permission_set()
                .instance_arn(instance.arn.as_str());
            let request = request.permission_set_arn(arn.as_str()).max_results(PAGE).set_next_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            policies.extend(page.customer_managed_policy_references().iter().map(customer_managed));
            pages.turn(page.next_token)?;
        }
        Ok(policies)
    }

    async fn inline(&self, arn: &PermissionSetArn) -> Result<Option<Inline>, PortError> {
        let operation = "GetInlinePolicyForPermissionSet";
        let instance = self.found().await?;
        let request = self.client.get_inline_policy_for_permission_set().instance_arn(instance.arn.as_str());
        match request.permission_set_arn(arn.as_str()).send().await.map_err(calling(operation)) {
            Ok(answer) => Ok(answer.inline_policy().and_then(Inline::of_answer)),
            // Which of both it says where there is none is not documented; that the permission set is there was asked before.
            Err(error) => absent(error),
        }
    }

    async fn boundary(&self, arn: &PermissionSetArn) -> Result<Option<PermissionsBoundary>, PortError> {
        let operation = "GetPermissionsBoundaryForPermissionSet";
        let instance = self.found().await?;
        let request =
            self.client.get_permissions_boundary_for_permission_set().instance_arn(instance.arn.as_str());
        match request.permission_set_arn(arn.as_str()).send().await.map_err(calling(operation)) {
            Ok(answer) => answer.permissions_boundary().map(|it| boundary_of(operation, it)).transpose(),
            Err(error) => absent(error),
        }
    }
}

#[async_trait::async_trait]
impl PermissionSetReader for SsoAdminApi {
    async fn details(&self, arn: &PermissionSetArn) -> Result<Option<Details>, PortError> {
        let operation = "DescribePermissionSet";
        let instance = self.found().await?;
        let request = self.client.describe_permission_set().instance_arn(instance.arn.as_str());
        let answer = match request.permission_set_arn(arn.as_str()).send().await.map_err(calling(operation)) {
            Ok(answer) => answer,
            Err(error) => return self.absent_here(error).await,
        };
        let set = answer.permission_set().ok_or_else(|| unreadable(operation, "no permission set"))?;
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let rest = async {
            Ok(Details {
                arn: arn.clone(),
                name: parse::text(operation, "permission set's name", set.name())?,
                description: text(set.description()),
                session_duration: set.session_duration().and_then(|duration| duration.parse().ok()),
                relay_state: text(set.relay_state()),
                aws_managed: self.aws_managed(arn).await?,
                customer_managed: self.customer_managed(arn).await?,
                inline: self.inline(arn).await?,
                boundary: self.boundary(arn).await?,
                tags: self
                    .permission_set_tags(arn)
                    .await?
                    .ok_or_else(|| PortError::NotFound(format!("the permission set `{arn}` is gone")))?,
            })
        };
        match rest.await {
            Ok(details) => Ok(Some(details)),
            // It has gone meanwhile.
            Err(error) => self.absent_here(error).await,
        }
    }
}

#[async_trait::async_trait]
impl PermissionSetWriter for SsoAdminApi {
    async fn create(&self, set: &NewSet) -> Result<PermissionSetArn, PortError> {
        let operation = "CreatePermissionSet";
        let NewSet { name, description, session_duration, relay_state, tags: of_set } = set;
        let of_set = tags(of_set)?;
        let call = self
            .client
            .create_permission_set()
            .instance_arn(self.found().await?.arn.as_str())
            .name(name)
            .set_description(description.clone())
            .session_duration(session_duration.to_string())
            .set_relay_state(relay_state.clone())
            .set_tags((!of_set.is_empty()).then_some(of_set));
        let answer = call.customize().config_override(once()).send().await.map_err(calling(operation))?;
        let arn = answer.permission_set().and_then(|set| set.permission_set_arn());
        parse::id(operation, "permission set", arn)
    }

    async fn change(&self, arn: &PermissionSetArn, change: &Change) -> Result<(), PortError> {
        let in_management = self.is_in_management(arn).await?;
        let (client, _) = self.clients.of(Call::Change { in_management });
        let (instance, arn) = (self.found().await?.arn.as_str(), arn.as_str());
        let failed = change.call();
        macro_rules! send {
            ($call:ident $(, $member:ident $value:expr)*) => {
                client.$call().instance_arn(instance).permission_set_arn(arn)$(.$member($value))*
                    .customize().config_override(once()).send().await.map(drop).map_err(calling(failed))
            };
        }
        match change {
            Change::Create(set) => {
                Err(PortError::Refused(format!("`{}` can't be made of another", set.name)))
            }
            Change::PutBoundary(given) => {
                send!(put_permissions_boundary_to_permission_set, permissions_boundary boundary(given)?)
            }
            Change::Update { description, session_duration, relay_state } => send!(
                update_permission_set,
                set_description description.clone(),
                session_duration session_duration.to_string(),
                set_relay_state relay_state.clone()
            ),
            Change::DetachAws(policy) => {
                send!(detach_managed_policy_from_permission_set, managed_policy_arn policy.as_str())
            }
            Change::DetachCustomer(policy) => send!(
                detach_customer_managed_policy_reference_from_permission_set,
                customer_managed_policy_reference reference(policy)?
            ),
            Change::DeleteInline => send!(delete_inline_policy_from_permission_set),
            Change::PutInline(policy) => {
                send!(put_inline_policy_to_permission_set, inline_policy policy.to_json())
            }
            Change::AttachAws(policy) => {
                send!(attach_managed_policy_to_permission_set, managed_policy_arn policy.as_str())
            }
            Change::AttachCustomer(policy) => send!(
                attach_customer_managed_policy_reference_to_permission_set,
                customer_managed_policy_reference reference(policy)?
            ),
            Change::DeleteBoundary => send!(delete_permissions_boundary_from_permission_set),
            Change::Tag(given) => {
                let call = client.tag_resource().instance_arn(instance).resource_arn(arn);
                let call = call.set_tags(Some(tags(given)?)).customize().config_override(once());
                call.send().await.map(drop).map_err(calling(failed))
            }
            Change::Untag(keys) => {
                let call = client.untag_resource().instance_arn(instance).resource_arn(arn);
                let call = call.set_tag_keys(Some(keys.clone())).customize().config_override(once());
                call.send().await.map(drop).map_err(calling(failed))
            }
            Change::Delete => send!(delete_permission_set),
        }
    }
}
