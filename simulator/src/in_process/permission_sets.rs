//! SSO Admin's ports for permission sets as a whole.

use std::collections::BTreeSet;

use shared::{
    domain::{CustomerManagedPolicy, PermissionSetArn, PermissionsBoundary, Tags},
    permission_sets::{Change, Details, Inline, NewSet},
    ports::{AccessReader as _, PermissionSetReader, PermissionSetWriter, PortError},
};

use super::{InProcess, access::is_not_found, port_error, read, unless_absent};
use crate::wire::{self as shapes, sso_admin as wire};

fn reference(policy: &CustomerManagedPolicy) -> wire::CustomerManagedPolicyReference {
    wire::CustomerManagedPolicyReference { name: policy.name.clone(), path: Some(policy.path.clone()) }
}

fn customer_managed(given: wire::CustomerManagedPolicyReference) -> CustomerManagedPolicy {
    CustomerManagedPolicy { path: given.path.unwrap_or_else(|| "/".to_owned()), name: given.name }
}

fn boundary(boundary: &PermissionsBoundary) -> wire::PermissionsBoundary {
    match boundary {
        PermissionsBoundary::AwsManaged(arn) => wire::PermissionsBoundary {
            managed_policy_arn: Some(arn.to_string()),
            ..wire::PermissionsBoundary::default()
        },
        PermissionsBoundary::CustomerManaged(policy) => wire::PermissionsBoundary {
            customer_managed_policy_reference: Some(reference(policy)),
            ..wire::PermissionsBoundary::default()
        },
    }
}

fn boundary_of(given: wire::PermissionsBoundary) -> Result<PermissionsBoundary, PortError> {
    match (given.customer_managed_policy_reference, given.managed_policy_arn) {
        (Some(reference), _) => Ok(PermissionsBoundary::CustomerManaged(customer_managed(reference))),
        (None, Some(arn)) => read(&arn).map(PermissionsBoundary::AwsManaged),
        (None, None) => Err(PortError::Failed("cannot read the answer: an empty boundary".to_owned())),
    }
}

fn tags(tags: &Tags) -> Vec<shapes::Tag> {
    tags.iter().map(|(key, value)| shapes::Tag { key: key.to_owned(), value: value.to_owned() }).collect()
}

#[async_trait::async_trait]
impl PermissionSetReader for InProcess {
    async fn details(&self, arn: &PermissionSetArn) -> Result<Option<Details>, PortError> {
        let (instance_arn, permission_set_arn) = (self.instance_arn(), arn.to_string());
        let input = wire::DescribePermissionSet {
            instance_arn: instance_arn.clone(),
            permission_set_arn: permission_set_arn.clone(),
        };
        let Some(described) = unless_absent(self.call(input).await, is_not_found)? else { return Ok(None) };
        let set = described.permission_set;
        let mut aws_managed = BTreeSet::new();
        let mut next_token = None;
        loop {
            let input = wire::ListManagedPoliciesInPermissionSet {
                instance_arn: instance_arn.clone(),
                permission_set_arn: permission_set_arn.clone(),
                max_results: Some(100),
                next_token,
            };
            let page = self.call(input).await.map_err(port_error)?;
            for policy in page.attached_managed_policies {
                aws_managed.insert(read(&policy.arn)?);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        let mut of_customer = BTreeSet::new();
        loop {
            let input = wire::ListCustomerManagedPolicyReferencesInPermissionSet {
                instance_arn: instance_arn.clone(),
                permission_set_arn: permission_set_arn.clone(),
                max_results: Some(100),
                next_token,
            };
            let page = self.call(input).await.map_err(port_error)?;
            of_customer.extend(page.customer_managed_policy_references.into_iter().map(customer_managed));
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        let input = wire::GetInlinePolicyForPermissionSet {
            instance_arn: instance_arn.clone(),
            permission_set_arn: permission_set_arn.clone(),
        };
        let inline = unless_absent(self.call(input).await, is_not_found)?;
        let input = wire::GetPermissionsBoundaryForPermissionSet { instance_arn, permission_set_arn };
        let bound = unless_absent(self.call(input).await, is_not_found)?;
        let Some(tags) = self.permission_set_tags(arn).await? else { return Ok(None) };
        Ok(Some(Details {
            arn: arn.clone(),
            name: set.name,
            description: set.description,
            session_duration: set.session_duration.and_then(|duration| duration.parse().ok()),
            relay_state: set.relay_state,
            aws_managed,
            customer_managed: of_customer,
            inline: inline.and_then(|answer| Inline::of_answer(&answer.inline_policy)),
            boundary: bound.map(|answer| boundary_of(answer.permissions_boundary)).transpose()?,
            tags,
        }))
    }
}

#[async_trait::async_trait]
impl PermissionSetWriter for InProcess {
    async fn create(&self, set: &NewSet) -> Result<PermissionSetArn, PortError> {
        let NewSet { name, description, session_duration, relay_state, tags: of_set } = set;
        let input = wire::CreatePermissionSet {
            name: name.clone(),
            description: description.clone(),
            instance_arn: self.instance_arn(),
            session_duration: Some(session_duration.to_string()),
            relay_state: relay_state.clone(),
            tags: (!of_set.is_empty()).then(|| tags(of_set)),
        };
        read(&self.call(input).await.map_err(port_error)?.permission_set.permission_set_arn)
    }

    async fn change(&self, arn: &PermissionSetArn, change: &Change) -> Result<(), PortError> {
        let (instance_arn, permission_set_arn) = (self.instance_arn(), arn.to_string());
        let answer = match change.clone() {
            Change::Create(set) => {
                return Err(PortError::Refused(format!("`{}` can't be made of another", set.name)));
            }
            Change::PutBoundary(given) => {
                let permissions_boundary = boundary(&given);
                let input = wire::PutPermissionsBoundaryToPermissionSet {
                    instance_arn,
                    permission_set_arn,
                    permissions_boundary,
                };
                self.call(input).await.map(drop)
            }
            Change::Update { description, session_duration, relay_state } => {
                let session_duration = Some(session_duration.to_string());
                let input = wire::UpdatePermissionSet {
                    instance_arn,
                    permission_set_arn,
                    description,
                    session_duration,
                    relay_state,
                };
                self.call(input).await.map(drop)
            }
            Change::DetachAws(policy) => {
                let managed_policy_arn = policy.to_string();
                let input = wire::DetachManagedPolicyFromPermissionSet {
                    instance_arn,
                    permission_set_arn,
                    managed_policy_arn,
                };
                self.call(input).await.map(drop)
            }
            Change::DetachCustomer(policy) => {
                let input = wire::DetachCustomerManagedPolicyReferenceFromPermissionSet {
                    instance_arn,
                    permission_set_arn,
                    customer_managed_policy_reference: reference(&policy),
                };
                self.call(input).await.map(drop)
            }
            Change::DeleteInline => {
                let input = wire::DeleteInlinePolicyFromPermissionSet { instance_arn, permission_set_arn };
                self.call(input).await.map(drop)
            }
            Change::PutInline(policy) => {
                let inline_policy = policy.to_json();
                let input =
                    wire::PutInlinePolicyToPermissionSet { instance_arn, permission_set_arn, inline_policy };
                self.call(input).await.map(drop)
            }
            Change::AttachAws(policy) => {
                let managed_policy_arn = policy.to_string();
                let input = wire::AttachManagedPolicyToPermissionSet {
                    instance_arn,
                    permission_set_arn,
                    managed_policy_arn,
                };
                self.call(input).await.map(drop)
            }
            Change::AttachCustomer(policy) => {
                let input = wire::AttachCustomerManagedPolicyReferenceToPermissionSet {
                    instance_arn,
                    permission_set_arn,
                    customer_managed_policy_reference: reference(&policy),
                };
                self.call(input).await.map(drop)
            }
            Change::DeleteBoundary => {
                let input =
                    wire::DeletePermissionsBoundaryFromPermissionSet { instance_arn, permission_set_arn };
                self.call(input).await.map(drop)
            }
            Change::Tag(given) => {
                let (instance_arn, tags) = (Some(instance_arn), tags(&given));
                let input = wire::TagResource { instance_arn, resource_arn: permission_set_arn, tags };
                self.call(input).await.map(drop)
            }
            Change::Untag(tag_keys) => {
                let instance_arn = Some(instance_arn);
                let input = wire::UntagResource { instance_arn, resource_arn: permission_set_arn, tag_keys };
                self.call(input).await.map(drop)
            }
            Change::Delete => {
                self.call(wire::DeletePermissionSet { instance_arn, permission_set_arn }).await.map(drop)
            }
        };
        answer.map_err(port_error)
    }
}
