//! The organization as a tree: what hangs where.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{AccountId, OuId, ParentId, RootId, Tags};

use super::{
    Call, World, accounts, creations,
    delegation::IDENTITY_CENTER,
    departures, earlier, handshakes,
    paging::{PageRequest, page},
    timeline::Timeline,
    units::Unit,
    validate,
};
use crate::{ApiError, wire::organizations as wire};

/// The organization's state.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Organization {
    /// `o-…`
    pub(crate) id: String,
    pub(crate) root: RootId,
    pub(crate) management: AccountId,
    pub(crate) units: BTreeMap<OuId, Unit>,
    pub(crate) accounts: BTreeMap<AccountId, Timeline<accounts::Facts>>,
    /// By the id of an account, an OU or the root; only what has a tag or once had one is here.
    pub(crate) tags: BTreeMap<String, Timeline<Tags>>,
    pub(super) creations: BTreeMap<String, creations::Creation>,
    /// By the handshake's id.
    pub(crate) invitations: BTreeMap<String, handshakes::Invitation>,
    /// Accounts that are known and are no members: those that left, and those that a test has put there.
    pub(crate) outside: BTreeMap<AccountId, departures::Outsider>,
    /// The services that each delegated administrator administers, with since when.
    pub(crate) delegations: BTreeMap<AccountId, BTreeMap<String, Timestamp>>,
    /// The services that may act in the organization, with since when.
    pub(crate) services: BTreeMap<String, Timestamp>,
    /// When accounts were closed by a call.
    pub(super) closings: Vec<Timestamp>,
}

impl Organization {
    pub(crate) fn new(id: String, root: RootId, management: AccountId) -> Self {
        Self {
            id,
            root,
            management,
            units: BTreeMap::new(),
            accounts: BTreeMap::new(),
            tags: BTreeMap::new(),
            creations: BTreeMap::new(),
            invitations: BTreeMap::new(),
            outside: BTreeMap::new(),
            delegations: BTreeMap::new(),
            services: BTreeMap::new(),
            closings: Vec::new(),
        }
    }

    /// An account as it is now.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&accounts::Facts> {
        self.accounts.get(id).and_then(Timeline::latest)
    }

    /// An account administers Identity Center from the beginning.
    pub(crate) fn delegate(&mut self, account: &AccountId) {
        let since = self.services.get(IDENTITY_CENTER).copied().unwrap_or(Timestamp::UNIX_EPOCH);
        self.delegations.entry(account.clone()).or_default().insert(IDENTITY_CENTER.to_owned(), since);
    }

    /// The e-mail address of an account, whether it is a member or not.
    pub(super) fn email_of(&self, id: &AccountId) -> Option<&str> {
        let member = self.account(id).map(|facts| facts.email.as_str());
        member.or_else(|| self.outside.get(id).map(|outsider| outsider.email.as_str()))
    }

    /// Whether any account, in the organization or outside, has this e-mail address.
    pub(super) fn email_is_taken(&self, email: &str) -> bool {
        let ids = self.accounts.keys().chain(self.outside.keys());
        ids.filter_map(|id| self.email_of(id)).any(|taken| taken.eq_ignore_ascii_case(email))
    }

    /// Changes an account from `at` on.
    pub(crate) fn change(
        &mut self,
        at: Timestamp,
        id: &AccountId,
        change: impl FnOnce(&mut accounts::Facts),
    ) {
        if let Some(line) = self.accounts.get_mut(id)
            && let Some(mut facts) = line.latest().cloned()
        {
            change(&mut facts);
            line.set(at, facts);
        }
    }

    /// The tags of an account, an OU or the root.
    pub(crate) fn tags_of(&self, id: &str) -> Tags {
        self.tags.get(id).and_then(Timeline::latest).cloned().unwrap_or_default()
    }

    /// From `at` on, these are the tags.
    pub(crate) fn set_tags(&mut self, at: Timestamp, id: &str, tags: Tags) {
        // What never had a tag has no entry, which the tagging API shows.
        if !tags.0.is_empty() || self.tags.contains_key(id) {
            self.tags.entry(id.to_owned()).or_default().set(at, tags);
        }
    }

    /// What kind of resource an id is of, as ARNs write it.
    pub(crate) fn kind_of(&self, id: &str) -> &'static str {
        if id.starts_with("ou-") {
            "ou"
        } else if id == self.root.as_str() {
            "root"
        } else {
            "account"
        }
    }

    pub(crate) fn exists(&self, parent: &ParentId) -> bool {
        match parent {
            ParentId::Root(root) => *root == self.root,
            ParentId::Ou(ou) => self.units.contains_key(ou),
        }
    }

    /// The ids from the root down to this parent, as `Paths` writes them: each followed by a slash.
    pub(super) fn path(&self, parent: &ParentId) -> String {
        let mut ids: Vec<&str> = self.way_up(parent).map(|(ou, _)| ou.as_str()).collect();
        ids.extend([self.root.as_str(), self.id.as_str()]);
        ids.iter().rev().flat_map(|id| [id, "/"]).collect()
    }

    /// How many OUs lie on the way from the root down to this parent, itself included.
    pub(crate) fn depth(&self, parent: &ParentId) -> usize {
        self.way_up(parent).count()
    }

    /// The OUs from this parent, itself included, up to the root.
    pub(super) fn way_up(&self, parent: &ParentId) -> impl Iterator<Item = (&OuId, &Unit)> {
        let unit = |parent: &ParentId| match parent {
            ParentId::Root(_) => None,
            ParentId::Ou(ou) => self.units.get_key_value(ou),
        };
        // No way is longer than there are OUs, so it ends whatever the tree is like.
        std::iter::successors(unit(parent), move |(_, above)| unit(&above.parent)).take(self.units.len())
    }

    pub(super) fn arn(&self, kind: &str, own: &str) -> String {
        format!("arn:aws:organizations::{}:{kind}/{}/{own}", self.management, self.id)
    }
}

/// A parent named by an input.
pub(super) fn parent(world: &World, call: &Call, member: &str, id: &str) -> Result<ParentId, ApiError> {
    let parent: ParentId = validate::id(call, member, id)?;
    if world.organization.exists(&parent) {
        return Ok(parent);
    }
    Err(ApiError::new("ParentNotFoundException", "You specified parent that doesn't exist."))
}

/// Refuses a caller whose account is in no organization, as far as this one knows.
pub(super) fn in_organization(world: &World, call: &Call) -> Result<(), ApiError> {
    if world.organization.account(&call.caller.account).is_some() {
        return Ok(());
    }
    Err(ApiError::new(
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    ))
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    _: &wire::DescribeOrganization,
) -> Result<wire::DescribeOrganizationOutput, ApiError> {
    in_organization(world, call)?;
    let organization = &world.organization;
    let management = &organization.management;
    Ok(wire::DescribeOrganizationOutput {
        organization: wire::Organization {
            id: organization.id.clone(),
            arn: format!("arn:aws:organizations::{management}:organization/{}", organization.id),
            feature_set: "ALL".to_owned(),
            master_account_arn: organization.arn("account", management.as_str()),
            master_account_id: management.to_string(),
            master_account_email: organization
                .account(management)
                .map(|facts| facts.email.clone())
                .unwrap_or_default(),
            available_policy_types: Vec::new(),
        },
    })
}

pub(super) fn list_roots(
    world: &mut World,
    call: &Call,
    input: &wire::ListRoots,
) -> Result<wire::ListRootsOutput, ApiError> {
    let root = world.organization.root.to_string();
    let entry = wire::Root {
        arn: world.organization.arn("root", &root),
        id: root.clone(),
        name: "Root".to_owned(),
        policy_types: Vec::new(),
    };
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (roots, next_token) = page(call, &request, std::iter::once((root, entry)))?;
    Ok(wire::ListRootsOutput { roots, next_token })
}

pub(super) fn list_parents(
    world: &mut World,
    call: &Call,
    input: &wire::ListParents,
) -> Result<wire::ListParentsOutput, ApiError> {
    let parent = if input.child_id.starts_with("ou-") {
        let ou: OuId = validate::id(call, "childId", &input.child_id)?;
        world.organization.units.get(&ou).map(|unit| unit.parent.clone())
    } else {
        let account: AccountId = validate::id(call, "childId", &input.child_id)?;
        world.organization.account(&account).map(|facts| facts.parent.clone())
    };
    let parent = parent.ok_or_else(|| {
        ApiError::new("ChildNotFoundException", "You specified a child that doesn't exist.")
    })?;
    let kind = match parent {
        ParentId::Root(_) => "ROOT",
        ParentId::Ou(_) => "ORGANIZATIONAL_UNIT",
    };
    let entry = wire::Relative { id: parent.to_string(), r#type: kind.to_owned() };
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (parents, next_token) = page(call, &request, std::iter::once((parent.to_string(), entry)))?;
    Ok(wire::ListParentsOutput { parents, next_token })
}

pub(super) fn list_children(
    world: &mut World,
    call: &Call,
    input: &wire::ListChildren,
) -> Result<wire::ListChildrenOutput, ApiError> {
    validate::one_of(call, "childType", &input.child_type, &["ACCOUNT", "ORGANIZATIONAL_UNIT"])?;
    let parent = parent(world, call, "parentId", &input.parent_id)?;
    let organization = &world.organization;
    let ids: Vec<String> = if input.child_type == "ACCOUNT" {
        let seen = earlier(call.now, world.settings.list_lag);
        organization
            .accounts
            .iter()
            .filter(|(_, line)| line.at(seen).is_some_and(|facts| facts.parent == parent))
            .map(|(id, _)| id.to_string())
            .collect()
    } else {
        organization
            .units
            .iter()
            .filter(|(_, unit)| unit.parent == parent)
            .map(|(id, _)| id.to_string())
            .collect()
    };
    let entries =
        ids.into_iter().map(|id| (id.clone(), wire::Relative { id, r#type: input.child_type.clone() }));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (children, next_token) = page(call, &request, entries)?;
    Ok(wire::ListChildrenOutput { children, next_token })
}
