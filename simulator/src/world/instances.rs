//! Identity Center instances: the organization's own, and those that an account may make for itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{AccountId, IdentityStoreId, InstanceArn, Tags};

use super::{
    Call, World, ids, later, networks,
    paging::{PageRequest, page},
    regions::{self, AddedRegion},
    validate,
};
use crate::{
    ApiError, CallerKind,
    wire::{Epoch, identity_store as store, sso_admin as wire},
};

/// One instance.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its ARN.
    pub arn: InstanceArn,
    /// The identity store behind it.
    pub identity_store: IdentityStoreId,
    /// The account that owns it.
    pub owner: AccountId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether permission sets can be used; new instances may be made without.
    pub permission_sets_enabled: bool,
    pub(crate) tags: Tags,
    /// The Regions it was extended to, by their names; not its primary one.
    pub(crate) regions: BTreeMap<String, AddedRegion>,
    /// The attributes of users that become tags of their sessions.
    pub(crate) attributes: Option<wire::AttributeConfiguration>,
    pub(crate) life: Life,
}

/// What comes and goes with time, and how the instance came about.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Life {
    /// The call that made an account's own instance; `None` for the organization's.
    made_by: Option<MadeBy>,
    /// From when on it can be used.
    active_from: Timestamp,
    /// When its deletion ends.
    gone_from: Option<Timestamp>,
    /// The key of the account's own, and from when on it is in use.
    own_key: Option<String>,
    encrypted_from: Timestamp,
    /// From where it can be reached, and from where its identity store; as long as nobody has set it, nothing is shown.
    network: Option<wire::NetworkConfiguration>,
    pub(super) store_network: Option<store::NetworkConfiguration>,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeBy {
    token: Option<String>,
    name: Option<String>,
    tags: Tags,
}

impl Instance {
    /// An organization's instance, in use since it was made.
    pub(crate) fn of_organization(
        arn: InstanceArn,
        identity_store: IdentityStoreId,
        owner: AccountId,
        created_at: Timestamp,
    ) -> Self {
        Self {
            arn,
            identity_store,
            owner,
            name: None,
            created_at,
            permission_sets_enabled: true,
            tags: Tags::default(),
            regions: BTreeMap::new(),
            attributes: None,
            life: Life::default(),
        }
    }

    /// Whether an account made it for itself: it has no permission sets, and what its identity store holds is not simulated.
    pub(crate) fn is_of_account(&self) -> bool {
        self.life.made_by.is_some()
    }

    /// Its status, as long as it is there.
    pub(crate) fn status(&self, now: Timestamp) -> Option<&'static str> {
        match self.life.gone_from {
            Some(gone) => (now < gone).then_some("DELETE_IN_PROGRESS"),
            None if now < self.life.active_from => Some("CREATE_IN_PROGRESS"),
            None => Some("ACTIVE"),
        }
    }

    /// The ARN of its identity store, as the documentation of `DescribeInstance` writes it.
    pub(super) fn identity_store_arn(&self) -> String {
        let partition = self.arn.as_str().split(":sso:").next().unwrap_or("arn:aws");
        format!("{partition}:identitystore::{}:identitystore/{}", self.owner, self.identity_store)
    }

    /// Whether a caller may know of it: everyone in the organization knows the organization's, an account's own is its own matter.
    pub(crate) fn is_known_to(&self, world: &World, call: &Call) -> bool {
        if self.is_of_account() {
            return self.owner == call.caller.account;
        }
        world.organization.account(&call.caller.account).is_some()
    }

    /// Whether a caller may look at it and work in it.
    pub(crate) fn is_open_to(&self, world: &World, call: &Call) -> bool {
        match call.caller.kind {
            CallerKind::Management | CallerKind::DelegatedAdministrator => self.is_known_to(world, call),
            CallerKind::Member => self.is_of_account() && self.owner == call.caller.account,
        }
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListInstances,
) -> Result<wire::ListInstancesOutput, ApiError> {
    if let Some(scope) = &input.region_scope {
        validate::one_of(call, "regionScope", scope, &["CURRENT_REGION", "ALL_REGIONS"])?;
    }
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let region = &world.settings.region;
    let known = world.instances.iter().filter(|instance| instance.is_known_to(world, call));
    let entries = known.filter_map(|instance| {
        let metadata = wire::InstanceMetadata {
            instance_arn: instance.arn.to_string(),
            identity_store_id: instance.identity_store.to_string(),
            identity_store_arn: instance.identity_store_arn(),
            owner_account_id: instance.owner.to_string(),
            name: instance.name.clone(),
            created_date: Epoch(instance.created_at),
            status: instance.status(call.now)?.to_owned(),
            primary_region: region.clone(),
            regions: regions::all(instance, region, call.now).collect(),
        };
        Some((instance.arn.to_string(), metadata))
    });
    // They are kept in the order in which they were made, and pages go by the key.
    let ordered: BTreeMap<String, wire::InstanceMetadata> = entries.collect();
    let (instances, next_token) = page(call, &request, ordered.into_iter())?;
    Ok(wire::ListInstancesOutput { instances, next_token })
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeInstance,
) -> Result<wire::DescribeInstanceOutput, ApiError> {
    let instance = validate::any_instance(world, call, &input.instance_arn)?;
    let region = &world.settings.region;
    let own_key = &instance.life.own_key;
    Ok(wire::DescribeInstanceOutput {
        instance_arn: instance.arn.to_string(),
        identity_store_id: instance.identity_store.to_string(),
        identity_store_arn: instance.identity_store_arn(),
        owner_account_id: instance.owner.to_string(),
        name: instance.name.clone(),
        created_date: Epoch(instance.created_at),
        status: instance.status(call.now).unwrap_or_default().to_owned(),
        primary_region: region.clone(),
        regions: regions::all(instance, region, call.now).collect(),
        permission_sets_enabled: instance.permission_sets_enabled,
        encryption_configuration_details: wire::Encryption {
            key_type: if own_key.is_some() { "CUSTOMER_MANAGED_KEY" } else { "AWS_OWNED_KMS_KEY" }.to_owned(),
            kms_key_arn: own_key.clone(),
            encryption_status: if call.now < instance.life.encrypted_from { "UPDATING" } else { "ENABLED" }
                .to_owned(),
        },
        network_configuration_details: instance.life.network.clone(),
    })
}

pub(super) fn name_is_fine(call: &Call, name: Option<&str>) -> Result<(), ApiError> {
    let Some(name) = name else { return Ok(()) };
    validate::length(call, "name", name, 0..=255)?;
    validate::characters(call, "name", name, validate::word)
}

/// An account makes an instance of its own. The management account can't: its instance is the organization's, which only the
/// console makes. Which code refuses it there is undocumented.
pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateInstance,
) -> Result<wire::CreateInstanceOutput, ApiError> {
    name_is_fine(call, input.name.as_deref())?;
    if let Some(token) = &input.client_token {
        validate::length(call, "clientToken", token, 1..=64)?;
        validate::characters(call, "clientToken", token, |letter| letter.is_ascii_graphic())?;
    }
    let tags = super::tags::first(world, call, input.tags.as_deref().unwrap_or_default())?;
    let account = &call.caller.account;
    if *account == world.organization.management {
        return Err(ApiError::validation(
            "An instance can't be created in the management account of an organization.",
        ));
    }
    let made_by = MadeBy { token: input.client_token.clone(), name: input.name.clone(), tags: tags.clone() };
    let theirs = |instance: &&Instance| instance.owner == *account && instance.status(call.now).is_some();
    if let Some(present) = world.instances.iter().find(theirs) {
        return match &present.life.made_by {
            Some(earlier) if *earlier == made_by && made_by.token.is_some() => {
                Ok(wire::CreateInstanceOutput { instance_arn: present.arn.to_string() })
            }
            Some(_) | None => Err(ApiError::new(
                "ConflictException",
                "An instance of IAM Identity Center already exists in this account.",
            )),
        };
    }
    let broken = |_| ApiError::internal("InternalServerException");
    let arn: InstanceArn =
        format!("arn:aws:sso:::instance/ssoins-{}", ids::hex(call.request_id, 16)).parse().map_err(broken)?;
    let store: IdentityStoreId =
        format!("d-{}", ids::hex(world.ids.named("identity store", arn.as_str()), 10))
            .parse()
            .map_err(broken)?;
    let mut instance = Instance::of_organization(arn, store, account.clone(), call.now);
    instance.name.clone_from(&input.name);
    instance.permission_sets_enabled = false;
    instance.tags = tags;
    instance.life.made_by = Some(made_by);
    instance.life.active_from = later(call.now, world.settings.instance_latency.sample(&mut world.ids));
    let output = wire::CreateInstanceOutput { instance_arn: instance.arn.to_string() };
    world.instances.push(instance);
    Ok(output)
}

/// The place of an instance that the caller's account owns.
fn owned(world: &World, call: &Call, arn: &str) -> Result<usize, ApiError> {
    let instance = validate::any_instance(world, call, arn)?;
    if instance.owner != call.caller.account {
        return Err(ApiError::denied("Only the account that owns the instance can do this."));
    }
    let arn = &instance.arn;
    world
        .instances
        .iter()
        .position(|instance| instance.arn == *arn)
        .ok_or_else(|| ApiError::internal("InternalServerException"))
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateInstance,
) -> Result<wire::Nothing, ApiError> {
    name_is_fine(call, input.name.as_deref())?;
    let wire::UpdateInstance {
        encryption_configuration, permission_sets_enabled, network_configuration, ..
    } = input;
    let several = [
        encryption_configuration.is_some(),
        permission_sets_enabled.is_some(),
        network_configuration.is_some(),
    ];
    if several.into_iter().filter(|given| *given).count() > 1 {
        return Err(ApiError::validation(
            "Only one of EncryptionConfiguration, PermissionSetsEnabled and NetworkConfiguration can be set in a request.",
        ));
    }
    if let Some(encryption) = encryption_configuration {
        key_is_fine(call, encryption)?;
    }
    if let Some(network) = network_configuration {
        networks::of_instance(call, network)?;
    }
    let place = owned(world, call, &input.instance_arn)?;
    let takes = world.settings.instance_latency;
    let Some(instance) = world.instances.get_mut(place) else {
        return Err(ApiError::internal("InternalServerException"));
    };
    if instance.status(call.now) != Some("ACTIVE") {
        return Err(ApiError::new("ConflictException", "The instance is not active."));
    }
    match input.permission_sets_enabled {
        Some(true) if instance.is_of_account() => {
            return Err(ApiError::validation("An account instance can't have permission sets."));
        }
        Some(false) => {
            return Err(call.invalid("permissionSetsEnabled", "false", "The only accepted value is true"));
        }
        Some(true) => instance.permission_sets_enabled = true,
        None => {}
    }
    if let Some(name) = &input.name {
        instance.name = Some(name.clone());
    }
    if let Some(encryption) = &input.encryption_configuration {
        instance.life.own_key.clone_from(&encryption.kms_key_arn);
        instance.life.encrypted_from = later(call.now, takes.sample(&mut world.ids));
    }
    if let Some(network) = network_configuration {
        instance.life.network = Some(network.clone());
    }
    Ok(wire::Nothing {})
}

fn key_is_fine(call: &Call, encryption: &wire::EncryptionConfiguration) -> Result<(), ApiError> {
    let kinds = ["AWS_OWNED_KMS_KEY", "CUSTOMER_MANAGED_KEY"];
    validate::one_of(call, "encryptionConfiguration.keyType", &encryption.key_type, &kinds)?;
    let member = "encryptionConfiguration.kmsKeyArn";
    match (&encryption.kms_key_arn, encryption.key_type == "CUSTOMER_MANAGED_KEY") {
        (None, false) => Ok(()),
        (Some(arn), true) => {
            validate::length(call, member, arn, 20..=2048)?;
            let own = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":kms:"));
            match own {
                Some((partition, own)) if validate::is_partition(partition) && own.contains(":key/") => {
                    Ok(())
                }
                Some(_) | None => Err(validate::pattern(call, member, arn)),
            }
        }
        (None, true) => Err(call.invalid(member, "null", "Member must not be null")),
        (Some(arn), false) => Err(call.invalid(member, arn, "Member must be null for a key that AWS owns")),
    }
}

/// An instance ends, and with it all that is in it: its permission sets, their assignments, its users and groups.
pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteInstance,
) -> Result<wire::Nothing, ApiError> {
    let place = owned(world, call, &input.instance_arn)?;
    let gone_from = later(call.now, world.settings.instance_latency.sample(&mut world.ids));
    let Some(instance) = world.instances.get_mut(place) else {
        return Err(ApiError::internal("InternalServerException"));
    };
    if instance.life.gone_from.is_some() {
        return Err(ApiError::new("ConflictException", "The instance is being deleted."));
    }
    instance.life.gone_from = Some(gone_from);
    if instance.is_of_account() {
        return Ok(wire::Nothing {});
    }
    world.assignments.end_all(call.now);
    world.permission_sets.clear();
    world.directory = super::directory::Directory::default();
    Ok(wire::Nothing {})
}
