//! From the description to the world: ids are checked or made, names looked up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_saphyr::Spanned;
use shared::domain::{
    AccountId, AccountState, AssignmentKey, IdentityStoreId, InstanceArn, InvalidId, OuId, ParentId,
    PermissionSetArn, Principal, RootId, Tags,
};

use super::{
    AccountEntry, AssignmentEntry, Description, DescriptionError, OutsideEntry, Text, UnitEntry, callers,
    details, limits, principals, simulation,
};
use crate::{
    Caller, CallerKind, Settings, World,
    world::{Instance, NewAccount, NewPermissionSet, Stated, ids, permission_set_arn},
};

/// Who made what a description holds: nobody of Usher's.
pub(super) const BY_HAND: &str = "by-hand";

pub(super) type Built<T> = Result<T, DescriptionError>;

/// The world that is described, with its callers and faults.
pub(super) fn build(description: &Description, settings: Settings) -> Built<World> {
    let mut world = match (&description.state, &description.management_account) {
        (Some(state), None) => {
            let sound = state.value.is_sound();
            sound.map_err(|mistake| simulation::mistake_in_state(&description.yaml, mistake))?;
            World::restored(settings, state.value.clone())
        }
        (None, Some(management)) => organization(description, management, settings)?,
        (Some(state), Some(_)) => {
            return Err(DescriptionError::at(
                state,
                "a file has either a `state`, which is everything, or a `management_account` and what goes with it",
            ));
        }
        (None, None) => {
            let message = "a file has a `management_account`, or a `state` that was written down";
            return Err(DescriptionError { line: 1, column: 1, message: message.to_owned() });
        }
    };
    callers(&mut world, description)?;
    for fault in &description.faults {
        if let Some(why) = fault.value.mistake() {
            return Err(DescriptionError::at(fault, format!("no call would ever meet this fault: {why}")));
        }
        world.faults.add(fault.value.clone());
    }
    Ok(world)
}

fn callers(world: &mut World, description: &Description) -> Built<()> {
    let organization = &world.organization;
    let accounts: BTreeSet<AccountId> = organization.accounts.keys().cloned().collect();
    let members = accounts.iter().filter_map(|id| Some((id, &organization.account(id)?.name)));
    let names = by_name(members.clone());
    let outside = organization.outside.iter().map(|(id, outsider)| (id, &outsider.name));
    let all_names = by_name(members.chain(outside));
    // A caller's account need not be a member, nor be known at all: it may have left, or may come.
    let of_any = |place: &Text| match place.value.parse() {
        Ok(id) => Ok(id),
        Err(InvalidId { .. }) => account_at(&accounts, &all_names, place),
    };
    for entry in &description.callers {
        callers::add(world, entry, of_any)?;
    }
    let of_members = |place: &Text| account_at(&accounts, &names, place);
    callers::delegate(world, &description.delegated_administrators, of_members)?;
    world.refuse_unknown_keys(description.unknown_access_keys == callers::UnknownKeys::Refused);
    Ok(())
}

/// Accounts by their names; `None` for a name that several have.
fn by_name<'a>(
    accounts: impl Iterator<Item = (&'a AccountId, &'a String)>,
) -> BTreeMap<String, Option<AccountId>> {
    let mut names = BTreeMap::new();
    for (id, name) in accounts {
        names.entry(name.clone()).and_modify(|several| *several = None).or_insert_with(|| Some(id.clone()));
    }
    names
}

fn organization(description: &Description, described: &AccountEntry, settings: Settings) -> Built<World> {
    let ids = ids::Ids::new(settings.seed);
    // All that a description holds is older than anything that happens later, and the same whenever it is read.
    let since: Timestamp = Timestamp::from_second(1_704_067_200).unwrap_or(Timestamp::UNIX_EPOCH);
    let suffix: String = ids::letters(ids.named("root", ""), 4);
    let root: RootId = given(description.root.as_ref(), || format!("r-{suffix}"))?;
    let organization_id = match &description.organization {
        None => format!("o-{}", ids::letters(ids.named("organization", ""), 10)),
        Some(id) => organization_id(id)?,
    };
    let mut taken = BTreeSet::new();
    let management = account_id(&ids, &described.name, described.id.as_ref(), &mut taken)?;
    let own = ids::hex(ids.named("instance", ""), 16);
    let mut instance = Instance::of_organization(
        given::<InstanceArn>(description.instance.arn.as_ref(), || {
            format!("arn:aws:sso:::instance/ssoins-{own}")
        })?,
        given::<IdentityStoreId>(description.instance.identity_store.as_ref(), || {
            format!("d-{}", ids::hex(ids.named("identity store", ""), 10))
        })?,
        management.clone(),
        since,
    );
    // Everything else here has ARNs of the partition `aws`: a world with two would be none of AWS's.
    if let Some(arn) = &description.instance.arn
        && !arn.value.starts_with("arn:aws:")
    {
        let message = format!(
            "`{}` is in another partition: only `aws` is simulated, as in `arn:aws:sso:::instance/…`",
            arn.value
        );
        return Err(DescriptionError::at(arn, message));
    }
    instance.name = description.instance.name.as_ref().map(|name| name.value.clone());
    instance.permission_sets_enabled = description.instance.permission_sets_enabled.unwrap_or(true);
    let instance_arn = instance.arn.clone();
    let organization = crate::world::organization_of(organization_id, root.clone(), management.clone());
    let mut building = Building {
        world: World::new(settings, organization, vec![instance]),
        ids,
        since,
        accounts: taken,
        account_names: BTreeMap::new(),
        emails: BTreeSet::new(),
    };
    limits::check(&building.world, &description.instance.name, Stated::InstanceName)?;
    let parent = ParentId::Root(root.clone());
    building.world.organization.set_tags(Timestamp::MIN, root.as_str(), tags(&description.tags));
    building.account(described, management.clone(), &parent)?;
    building.accounts(&description.accounts, &parent)?;
    building.units(&description.organizational_units, &parent, "")?;
    let members = building.accounts.clone();
    building.outside(&description.outside_accounts)?;
    building.accounts = members;
    building.permission_sets(description, &instance_arn)?;
    principals::add(&mut building.world, &building.ids, since, description)?;
    let by = Caller::new(BY_HAND, management, CallerKind::Management);
    for assignment in &description.assignments {
        let key = building.key(assignment)?;
        building.world.put_assignment(Timestamp::MIN, &by, &key);
        details::role(&mut building.world, &key, &assignment.permission_set, assignment.version)?;
    }
    Ok(building.world)
}

/// An id that was given, or one that is made.
pub(super) fn given<T: std::str::FromStr<Err = InvalidId>>(
    text: Option<&Text>,
    make: impl FnOnce() -> String,
) -> Built<T> {
    match text {
        Some(text) => {
            text.value.parse().map_err(|error: InvalidId| DescriptionError::at(text, error.to_string()))
        }
        None => make().parse().map_err(|error: InvalidId| DescriptionError {
            line: 1,
            column: 1,
            message: error.to_string(),
        }),
    }
}

fn organization_id(text: &Text) -> Built<String> {
    let fine = text.value.strip_prefix("o-").is_some_and(|own| {
        (10..=32).contains(&own.len()) && own.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if fine {
        return Ok(text.value.clone());
    }
    Err(DescriptionError::at(
        text,
        format!("`{}` is not an organization's id, such as o-exampleorgid", text.value),
    ))
}

fn account_id(
    ids: &ids::Ids,
    name: &Text,
    id: Option<&Text>,
    taken: &mut BTreeSet<AccountId>,
) -> Built<AccountId> {
    let place = id.unwrap_or(name);
    let id: AccountId = given(id, || ids::account_digits(ids.named("account", &name.value)))?;
    if taken.insert(id.clone()) {
        return Ok(id);
    }
    Err(DescriptionError::at(place, format!("there are two accounts with the id `{id}`")))
}

fn tags(tags: &BTreeMap<String, String>) -> Tags {
    Tags(tags.clone())
}

pub(super) fn twice<T>(place: &Spanned<T>, what: &str, name: &str) -> DescriptionError {
    DescriptionError::at(place, format!("there are two {what} named `{name}`"))
}

/// The account with this id or name.
fn account_at(
    accounts: &BTreeSet<AccountId>,
    names: &BTreeMap<String, Option<AccountId>>,
    place: &Text,
) -> Built<AccountId> {
    let text = &place.value;
    if let Some(id) = text.parse::<AccountId>().ok().filter(|id| accounts.contains(id)) {
        return Ok(id);
    }
    match names.get(text) {
        Some(Some(id)) => Ok(id.clone()),
        Some(None) => {
            Err(DescriptionError::at(place, format!("several accounts are named `{text}`: give the id")))
        }
        None => Err(DescriptionError::at(place, format!("there is no account `{text}`"))),
    }
}

struct Building {
    world: World,
    ids: ids::Ids,
    since: Timestamp,
    accounts: BTreeSet<AccountId>,
    /// `None` for a name that several accounts have: AWS allows that, but an assignment must then give the id.
    account_names: BTreeMap<String, Option<AccountId>>,
    emails: BTreeSet<String>,
}

impl Building {
    fn accounts(&mut self, entries: &[AccountEntry], parent: &ParentId) -> Built<()> {
        for entry in entries {
            let id = account_id(&self.ids, &entry.name, entry.id.as_ref(), &mut self.accounts)?;
            self.account(entry, id, parent)?;
        }
        Ok(())
    }

    fn account(&mut self, entry: &AccountEntry, id: AccountId, parent: &ParentId) -> Built<()> {
        let name = &entry.name.value;
        let email = self.email(&entry.name, entry.email.as_ref(), &id)?;
        self.account_names
            .entry(name.clone())
            .and_modify(|id| *id = None)
            .or_insert_with(|| Some(id.clone()));
        self.world.put_account(
            self.since,
            NewAccount {
                id,
                name: name.clone(),
                email,
                state: entry.state.map_or(AccountState::Active, AccountState::from),
                parent: parent.clone(),
                tags: tags(&entry.tags),
            },
        );
        Ok(())
    }

    /// The e-mail address of an account, which no other has; its name is looked at too.
    fn email(&mut self, name: &Text, given: Option<&Text>, id: &AccountId) -> Built<String> {
        limits::check(&self.world, name, Stated::AccountName)?;
        limits::check(&self.world, given, Stated::AccountEmail)?;
        let email = given.map_or_else(|| format!("aws+{id}@example.com"), |email| email.value.clone());
        if !self.emails.insert(email.to_lowercase()) {
            return Err(DescriptionError::at(
                given.unwrap_or(name),
                "two accounts have the same e-mail address",
            ));
        }
        Ok(email)
    }

    /// Accounts in no organization. No assignment can name them.
    fn outside(&mut self, entries: &[OutsideEntry]) -> Built<()> {
        for OutsideEntry { name, id, email } in entries {
            let account = account_id(&self.ids, name, id.as_ref(), &mut self.accounts)?;
            let email = self.email(name, email.as_ref(), &account)?;
            self.world.put_outside(account, &name.value, &email);
        }
        Ok(())
    }

    fn units(&mut self, entries: &[UnitEntry], parent: &ParentId, path: &str) -> Built<()> {
        let mut names = BTreeSet::new();
        for entry in entries {
            let name = &entry.name.value;
            if name.is_empty() || name.chars().count() > 128 {
                return Err(DescriptionError::at(&entry.name, "an OU's name has 1 to 128 characters"));
            }
            if !names.insert(name) {
                return Err(twice(&entry.name, "OUs in one parent", name));
            }
            if self.world.organization.depth(parent) >= self.world.settings.quotas.ou_depth {
                return Err(DescriptionError::at(&entry.name, "OUs nest five deep at most"));
            }
            let path = format!("{path}/{name}");
            let root = self.world.organization.root.as_str().trim_start_matches("r-").to_owned();
            let id: OuId = given(entry.id.as_ref(), || {
                format!("ou-{root}-{}", ids::letters(self.ids.named("ou", &path), 8))
            })?;
            if self.world.organization.units.contains_key(&id) {
                return Err(DescriptionError::at(
                    entry.id.as_ref().unwrap_or(&entry.name),
                    format!("there are two OUs with the id `{id}`"),
                ));
            }
            self.world.put_unit(id.clone(), name, parent.clone(), tags(&entry.tags));
            let here = ParentId::Ou(id);
            self.accounts(&entry.accounts, &here)?;
            self.units(&entry.organizational_units, &here, &path)?;
        }
        Ok(())
    }

    fn permission_sets(&mut self, description: &Description, instance: &InstanceArn) -> Built<()> {
        for entry in &description.permission_sets {
            let name = &entry.name.value;
            if name.is_empty() || name.len() > 32 || !name.chars().all(crate::world::is_word) {
                let message =
                    format!("`{name}` is not a permission set's name: 1 to 32 letters, digits or `_+=,.@-`");
                return Err(DescriptionError::at(&entry.name, message));
            }
            if self.world.permission_set_named(name).is_some() {
                return Err(twice(&entry.name, "permission sets", name));
            }
            let own = ids::hex(self.ids.named("permission set", name), 16);
            let arn: PermissionSetArn = permission_set_arn(instance, &own)
                .ok_or_else(|| DescriptionError::at(&entry.name, "can't make an ARN in this instance"))?;
            limits::check(&self.world, &entry.description, Stated::SetDescription)?;
            limits::check(&self.world, &entry.session_duration, Stated::SessionDuration)?;
            let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
            self.world.put_permission_set(
                self.since,
                arn.clone(),
                NewPermissionSet {
                    name: name.clone(),
                    description: text(&entry.description),
                    session_duration: text(&entry.session_duration),
                    tags: tags(&entry.tags),
                    managed_policies: entry.managed_policies.iter().cloned().collect(),
                },
            );
            let policies = details::Given {
                relay_state: entry.relay_state.as_ref(),
                inline_policy: entry.inline_policy.as_ref(),
                customer_managed_policies: &entry.customer_managed_policies,
                permissions_boundary: entry.permissions_boundary.as_ref(),
                version: entry.version.as_ref(),
                managed_policies: entry.managed_policies.len(),
            };
            details::permission_set(&mut self.world, &entry.name, &arn, &policies)?;
        }
        Ok(())
    }

    fn key(&self, entry: &AssignmentEntry) -> Built<AssignmentKey> {
        let account = &entry.account;
        let account_id = account_at(&self.accounts, &self.account_names, account)?;
        let set = &entry.permission_set;
        let permission_set = self.world.permission_set_named(&set.value).ok_or_else(|| {
            DescriptionError::at(set, format!("there is no permission set named `{}`", set.value))
        })?;
        let principal = match (&entry.group, &entry.user) {
            (Some(group), None) => {
                self.world.group_named(&group.value).map(Principal::Group).ok_or_else(|| {
                    DescriptionError::at(group, format!("there is no group named `{}`", group.value))
                })?
            }
            (None, Some(user)) => {
                self.world.user_named(&user.value).map(Principal::User).ok_or_else(|| {
                    DescriptionError::at(user, format!("there is no user named `{}`", user.value))
                })?
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(DescriptionError::at(account, "an assignment has either a `group` or a `user`"));
            }
        };
        Ok(AssignmentKey { account: account_id, permission_set, principal })
    }
}
