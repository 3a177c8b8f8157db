//! The only writes, sent once each.

use aws_sdk_ssoadmin::{
    config::{self, retry::RetryConfig},
    types::{PrincipalType, ProvisionTargetType, TargetType},
};

use super::{
    SsoAdminApi,
    request::{provisioning, request},
};
use crate::{
    aws::{error::calling, management::Call},
    domain::{AssignmentKey, PermissionSetArn, Principal, ProvisioningTarget},
    ports::{AccessWriter, PortError, Provisioning, Request},
};

/// One attempt: a write that got no answer must not be sent again before somebody has looked what became of it.
pub(super) fn once() -> config::Builder {
    config::Config::builder().retry_config(RetryConfig::disabled())
}

fn principal_type(principal: &Principal) -> PrincipalType {
    match principal {
        Principal::Group(_) => PrincipalType::Group,
        Principal::User(_) => PrincipalType::User,
    }
}

#[async_trait::async_trait]
impl AccessWriter for SsoAdminApi {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        let operation = "CreateAccountAssignment";
        let (client, by) = self.clients.of(Call::Assign(&key.account));
        let call = client
            .create_account_assignment()
            .instance_arn(self.found().await?.arn.as_str())
            .target_type(TargetType::AwsAccount)
            .target_id(key.account.as_str())
            .permission_set_arn(key.permission_set.as_str())
            .principal_type(principal_type(&key.principal))
            .principal_id(key.principal.id());
        let answer = call.customize().config_override(once()).send().await.map_err(calling(operation))?;
        let request = request(operation, answer.account_assignment_creation_status())?;
        self.made(by, &request.id);
        Ok(request)
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        let operation = "DeleteAccountAssignment";
        let (client, by) = self.clients.of(Call::Assign(&key.account));
        let call = client
            .delete_account_assignment()
            .instance_arn(self.found().await?.arn.as_str())
            .target_type(TargetType::AwsAccount)
            .target_id(key.account.as_str())
            .permission_set_arn(key.permission_set.as_str())
            .principal_type(principal_type(&key.principal))
            .principal_id(key.principal.id());
        let answer = call.customize().config_override(once()).send().await.map_err(calling(operation))?;
        let request = request(operation, answer.account_assignment_deletion_status())?;
        self.made(by, &request.id);
        Ok(request)
    }

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        let operation = "ProvisionPermissionSet";
        let in_management = self.is_in_management(set).await?;
        let (kind, account) = match target {
            ProvisioningTarget::Account(account) => {
                (ProvisionTargetType::AwsAccount, Some(account.to_string()))
            }
            ProvisioningTarget::AllProvisionedAccounts => (ProvisionTargetType::AllProvisionedAccounts, None),
        };
        let (client, by) = self.clients.of(Call::Provision { target, in_management });
        let call = client
            .provision_permission_set()
            .instance_arn(self.found().await?.arn.as_str())
            .permission_set_arn(set.as_str())
            .target_type(kind)
            .set_target_id(account);
        let answer = call.customize().config_override(once()).send().await.map_err(calling(operation))?;
        let provisioning = provisioning(operation, answer.permission_set_provisioning_status())?;
        self.made(by, &provisioning.id);
        Ok(provisioning)
    }
}
