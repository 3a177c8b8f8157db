//! Which services may act in the organization, and which accounts administer them in place of the management account.

use jiff::Timestamp;
use shared::domain::{AccountId, AccountState};

use super::{
    Call, Service, World, accounts,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError, Caller, CallerKind,
    wire::{Epoch, organizations as wire},
};

/// The service whose delegated administrator administers the Identity Center instance.
pub(crate) const IDENTITY_CENTER: &str = "sso.amazonaws.com";

fn service_principal(call: &Call, name: &str) -> Result<(), ApiError> {
    validate::length(call, "servicePrincipal", name, 1..=128)?;
    validate::characters(call, "servicePrincipal", name, validate::word)?;
    // Which services there are is a long list that changes; their names all end so.
    if name.ends_with(".amazonaws.com") && !name.starts_with('.') {
        return Ok(());
    }
    Err(ApiError::invalid_input(
        "UNRECOGNIZED_SERVICE_PRINCIPAL",
        "You specified a service principal that isn't recognized.",
    ))
}

fn not_registered() -> ApiError {
    ApiError::new(
        "AccountNotRegisteredException",
        "The account is not a delegated administrator for the service.",
    )
}

pub(super) fn register(
    world: &mut World,
    call: &Call,
    input: &wire::RegisterDelegatedAdministrator,
) -> Result<wire::Nothing, ApiError> {
    service_principal(call, &input.service_principal)?;
    let (account, facts) = accounts::known(world, call, &input.account_id)?;
    let organization = &mut world.organization;
    if account == organization.management {
        return Err(ApiError::constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You can't register the management account as a delegated administrator.",
        ));
    }
    if facts.state != AccountState::Active {
        return Err(ApiError::constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You can't register an account that isn't active as a delegated administrator.",
        ));
    }
    if !organization.services.contains_key(&input.service_principal) {
        return Err(ApiError::constraint(
            "SERVICE_ACCESS_NOT_ENABLED",
            "Trusted access isn't enabled for the service.",
        ));
    }
    let service = &input.service_principal;
    let registered =
        |services: &std::collections::BTreeMap<String, Timestamp>| services.contains_key(service);
    if organization.delegations.get(&account).is_some_and(registered) {
        return Err(ApiError::new(
            "AccountAlreadyRegisteredException",
            "The account is already a delegated administrator for the service.",
        ));
    }
    // Identity Center takes one account; how many others take differs, and is not looked at.
    if service == IDENTITY_CENTER && organization.delegations.values().any(registered) {
        return Err(ApiError::constraint(
            "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED",
            "The service has as many delegated administrators as it can have.",
        ));
    }
    organization.delegations.entry(account).or_default().insert(service.clone(), call.now);
    Ok(wire::Nothing {})
}

pub(super) fn deregister(
    world: &mut World,
    call: &Call,
    input: &wire::DeregisterDelegatedAdministrator,
) -> Result<wire::Nothing, ApiError> {
    service_principal(call, &input.service_principal)?;
    let (account, _) = accounts::known(world, call, &input.account_id)?;
    let delegations = &mut world.organization.delegations;
    let services = delegations.get_mut(&account).ok_or_else(not_registered)?;
    services.remove(&input.service_principal).ok_or_else(not_registered)?;
    if services.is_empty() {
        delegations.remove(&account);
    }
    Ok(wire::Nothing {})
}

pub(super) fn list_administrators(
    world: &mut World,
    call: &Call,
    input: &wire::ListDelegatedAdministrators,
) -> Result<wire::DelegatedAdministratorsOutput, ApiError> {
    if let Some(service) = &input.service_principal {
        service_principal(call, service)?;
    }
    let since = |services: &std::collections::BTreeMap<String, Timestamp>| match &input.service_principal {
        Some(service) => services.get(service).copied(),
        None => services.values().min().copied(),
    };
    let entries = world.organization.delegations.iter().filter_map(|(id, services)| {
        let facts = world.organization.account(id)?;
        let account = accounts::shape(world, id, facts);
        let entry = wire::DelegatedAdministrator {
            id: account.id,
            arn: account.arn,
            email: account.email,
            name: account.name,
            status: account.status,
            state: account.state,
            joined_method: account.joined_method,
            joined_timestamp: account.joined_timestamp,
            delegation_enabled_date: Epoch(since(services)?),
        };
        Some((id.to_string(), entry))
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (delegated_administrators, next_token) = page(call, &request, entries)?;
    Ok(wire::DelegatedAdministratorsOutput { delegated_administrators, next_token })
}

pub(super) fn list_services(
    world: &mut World,
    call: &Call,
    input: &wire::ListDelegatedServicesForAccount,
) -> Result<wire::DelegatedServicesOutput, ApiError> {
    let (account, _) = accounts::known(world, call, &input.account_id)?;
    let services = world.organization.delegations.get(&account).ok_or_else(not_registered)?;
    let entries = services.iter().map(|(service, since)| {
        let entry = wire::DelegatedService {
            service_principal: service.clone(),
            delegation_enabled_date: Epoch(*since),
        };
        (service.clone(), entry)
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (delegated_services, next_token) = page(call, &request, entries)?;
    Ok(wire::DelegatedServicesOutput { delegated_services, next_token })
}

pub(super) fn enable(
    world: &mut World,
    call: &Call,
    input: &wire::EnableAWSServiceAccess,
) -> Result<wire::Nothing, ApiError> {
    service_principal(call, &input.service_principal)?;
    world.organization.services.entry(input.service_principal.clone()).or_insert(call.now);
    Ok(wire::Nothing {})
}

pub(super) fn disable(
    world: &mut World,
    call: &Call,
    input: &wire::DisableAWSServiceAccess,
) -> Result<wire::Nothing, ApiError> {
    service_principal(call, &input.service_principal)?;
    if world.organization.delegations.values().any(|of| of.contains_key(&input.service_principal)) {
        return Err(ApiError::constraint(
            "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE",
            "Deregister the service's delegated administrator first.",
        ));
    }
    // Nothing says that a service without access is refused.
    world.organization.services.remove(&input.service_principal);
    Ok(wire::Nothing {})
}

pub(super) fn list_service_access(
    world: &mut World,
    call: &Call,
    input: &wire::ListAWSServiceAccessForOrganization,
) -> Result<wire::EnabledServicePrincipalsOutput, ApiError> {
    let entries = world.organization.services.iter().map(|(service, since)| {
        let entry =
            wire::EnabledServicePrincipal { service_principal: service.clone(), date_enabled: Epoch(*since) };
        (service.clone(), entry)
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (enabled_service_principals, next_token) = page(call, &request, entries)?;
    Ok(wire::EnabledServicePrincipalsOutput { enabled_service_principals, next_token })
}

impl World {
    /// Where an account's roles stand towards Identity Center, by what is registered in the organization now. Only an active member can
    /// be a delegated administrator.
    pub fn standing(&self, account: &AccountId) -> CallerKind {
        let organization = &self.organization;
        let active = organization.account(account).is_some_and(|facts| facts.state.is_active());
        if *account == organization.management {
            CallerKind::Management
        } else if active
            && organization.delegations.get(account).is_some_and(|of| of.contains_key(IDENTITY_CENTER))
        {
            CallerKind::DelegatedAdministrator
        } else {
            CallerKind::Member
        }
    }

    /// Whether a caller's account is a member that can't do anything any more: suspended, being closed, or closed.
    pub(super) fn is_out_of_use(&self, caller: &Caller) -> bool {
        let organization = &self.organization;
        caller.account != organization.management
            && organization.account(&caller.account).is_some_and(|facts| match facts.state {
                AccountState::Suspended | AccountState::PendingClosure | AccountState::Closed => true,
                AccountState::Active | AccountState::PendingActivation | AccountState::Unknown => false,
            })
    }

    /// Where a caller stands towards one service: Organizations can be read by the delegated administrators of all services, the
    /// others listen to Identity Center's only.
    pub(super) fn standing_towards(&self, caller: &Caller, service: Service) -> CallerKind {
        let active = self.organization.account(&caller.account).is_some_and(|facts| facts.state.is_active());
        if !active && caller.account != self.organization.management {
            // Whatever it was when the caller was made, nothing is delegated to an account that has left or isn't active.
            return CallerKind::Member;
        }
        let delegated = match service {
            Service::Organizations => self.organization.delegations.contains_key(&caller.account),
            Service::IdentityStore | Service::SsoAdmin | Service::Tagging => {
                self.standing(&caller.account) == CallerKind::DelegatedAdministrator
            }
        };
        match caller.kind {
            CallerKind::Member if delegated => CallerKind::DelegatedAdministrator,
            kind @ (CallerKind::Management | CallerKind::DelegatedAdministrator | CallerKind::Member) => kind,
        }
    }
}
