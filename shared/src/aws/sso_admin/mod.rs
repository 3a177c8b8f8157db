//! SSO Admin: permission sets, assignments, and the asynchronous requests that change them.

mod permission_sets;
mod read;
mod request;
#[cfg(test)]
mod tests;
mod write;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use aws_sdk_ssoadmin::Client;
use tokio::sync::OnceCell;

use super::{
    error::{calling, unreadable},
    management::{By, Call, Clients, InManagement},
    pages::Pages,
    parse,
};
use crate::{
    domain::{Instance, InstanceArn, PermissionSetArn, RequestId},
    ports::{AccessReader as _, PortError},
};

/// Works in one Identity Center instance over its API.
///
/// Reads are retried by the SDK, but not over a connection that sends each call once; the writes never are, since the engine does that: a lost answer comes back as
/// [`PortError::Failed`], after which the write may have been done.
#[derive(Debug)]
pub struct SsoAdminApi {
    client: Client,
    /// The same client, and beside it one by the management account's role.
    clients: Clients<Client>,
    in_management: InManagement,
    /// Requests that were made by the role, in this process.
    by_role: Mutex<BTreeSet<RequestId>>,
    /// The instance that the caller named, where it did.
    named: Option<InstanceArn>,
    found: OnceCell<Instance>,
}

impl SsoAdminApi {
    /// Works in the instance named, or else in the only one that there is. It is looked up at the first call, once.
    pub(super) fn new(clients: Clients<Client>, instance: Option<InstanceArn>) -> Self {
        Self {
            client: clients.own().clone(),
            clients,
            in_management: InManagement::default(),
            by_role: Mutex::default(),
            named: instance,
            found: OnceCell::new(),
        }
    }

    /// Whether the management account has a permission set; asked only where it matters, that is where there is a role in that account.
    async fn is_in_management(&self, set: &PermissionSetArn) -> Result<bool, PortError> {
        let Some(management) = self.clients.management() else { return Ok(false) };
        if let Some(known) = self.in_management.knows(set) {
            return Ok(known);
        }
        let sets = self.provisioned_in(management).await?;
        let is_there = sets.contains(set);
        self.in_management.learn(sets);
        Ok(is_there)
    }

    /// Remembers who has made a request: who follows it asks by the same credentials.
    fn made(&self, by: By, request: &RequestId) {
        if by == By::Role {
            self.by_role.lock().unwrap_or_else(PoisonError::into_inner).insert(request.clone());
        }
    }

    /// By whom a request is asked about, and by whom then, if AWS tells nothing of it. Which credentials it was made by is known to the process
    /// that made it; any other one asks by its own, to which AWS tells requests of the whole instance, and then by those of the role.
    fn ways_to(&self, request: &RequestId) -> (&Client, Option<&Client>) {
        let is_of_role = self.by_role.lock().unwrap_or_else(PoisonError::into_inner).contains(request);
        match self.clients.of(Call::Follow(By::Role)) {
            (role, By::Role) if is_of_role => (role, None),
            (role, By::Role) => (&self.client, Some(role)),
            (own, By::Own) => (own, None),
        }
    }

    async fn found(&self) -> Result<&Instance, PortError> {
        self.found.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Instance, PortError> {
        let arn = match &self.named {
            Some(arn) => arn.clone(),
            None => self.only_one().await?,
        };
        self.describe(&arn).await
    }

    /// The instance in the client's Region. An instance exists in one primary Region, and permission sets can be read and
    /// assigned only there.
    async fn only_one(&self) -> Result<InstanceArn, PortError> {
        let operation = "ListInstances";
        let mut arns: Vec<InstanceArn> = Vec::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let page = self.client.list_instances().set_next_token(token).send().await;
            let page = page.map_err(calling(operation))?;
            for instance in page.instances() {
                arns.push(parse::id(operation, "instance's ARN", instance.instance_arn())?);
            }
            pages.turn(page.next_token)?;
        }
        match arns.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(PortError::Refused(
                "no Identity Center instance was found: set AWS_REGION to the instance's primary Region, and use \
                 credentials of the management account or of Identity Center's delegated administrator"
                    .to_owned(),
            )),
            several => {
                let names: Vec<&str> = several.iter().map(InstanceArn::as_str).collect();
                Err(PortError::Refused(format!(
                    "several Identity Center instances were found; name the one to work in: {}",
                    names.join(", ")
                )))
            }
        }
    }

    async fn describe(&self, arn: &InstanceArn) -> Result<Instance, PortError> {
        let operation = "DescribeInstance";
        let answer = self.client.describe_instance().instance_arn(arn.as_str()).send().await;
        let answer = answer.map_err(calling(operation))?;
        if answer.permission_sets_enabled() == Some(false) {
            return Err(PortError::Refused(format!(
                "permission sets are switched off in the instance `{arn}`: enable multi-account permissions in the settings \
                 of Identity Center first"
            )));
        }
        let described: InstanceArn = parse::id(operation, "instance's ARN", answer.instance_arn())?;
        if described != *arn {
            return Err(unreadable(operation, format_args!("asked for {arn}, got {described}")));
        }
        Ok(Instance {
            arn: described,
            identity_store: parse::id(operation, "identity store's id", answer.identity_store_id())?,
            owner: parse::id(operation, "owner account", answer.owner_account_id())?,
        })
    }
}
