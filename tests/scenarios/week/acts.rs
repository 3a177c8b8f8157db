//! What each happening is, done.

use jiff::SignedDuration;
use serde_json::json;
use shared::domain::{
    AccountId, AccountState, AssignmentKey, GroupId, ParentId, PermissionSetArn, Principal, UserId,
};
use simulator::{
    World,
    wire::{identity_store as store, organizations as org, sso_admin as sso},
};

use super::{
    company::{self, DIVISIONS, STAGES},
    happenings::Happening,
    office::{INSTANCE, Office, Signs},
    signs,
};
use crate::scenarios::service::USHER;

impl Office<'_> {
    /// Does it; tells whether there was anything to do.
    pub(super) async fn act(&mut self, happening: Happening) -> bool {
        let at = self.now();
        let mut signs = Signs::new();
        match happening {
            Happening::Hire => self.hire(&mut signs).await,
            Happening::Leaver => self.leaver(&mut signs).await,
            Happening::OnCall => self.on_call(&mut signs).await,
            Happening::NewAccount => self.new_account(&mut signs).await,
            Happening::Placed { name, team, stage } => self.place(&mut signs, name, team, stage).await,
            Happening::Tagged { name, team, stage } => self.first_tags(&mut signs, &name, team, stage).await,
            Happening::Move => self.moves(&mut signs).await,
            Happening::Retag => self.retag(&mut signs).await,
            Happening::HandedOver => self.hand_over(&mut signs).await,
            Happening::Suspended => return self.suspend().await,
            Happening::Reactivated(id) => {
                self.service
                    .person(|world, now, _| world.set_account_state(now, &id, AccountState::Active))
                    .await;
            }
            Happening::Closed => {
                if let Some(account) = self.an_account(|_, path| path.first() == Some(&"Workloads")) {
                    self.call(&mut signs, org::CloseAccount { account_id: account.id.to_string() }).await;
                }
            }
            Happening::GroupRenamed => self.rename_group(&mut signs).await,
            Happening::NamedBack(id, name) => {
                self.provider(&mut signs, |world, now, who| world.rename_group(now, who, &id, &name)).await;
            }
            Happening::GroupDeleted => {
                if let Some((id, name)) = self.a_group() {
                    self.provider(&mut signs, |world, now, who| world.delete_group(now, who, &id)).await;
                    self.later(SignedDuration::from_mins(30), Happening::GroupMade(name));
                }
            }
            Happening::GroupMade(name) => {
                self.make_group(&mut signs, &name, Vec::new()).await;
            }
            Happening::AnalystsMade => {
                self.make_group(&mut signs, "Analysts", Vec::new()).await;
            }
            Happening::SetEdits => self.begin_edits(),
            Happening::SetEdited { set, left } => self.edit(&mut signs, set, left).await,
            Happening::SetTagged => self.tag_set(&mut signs).await,
            Happening::GivenByHand => self.give(&mut signs).await,
            Happening::TakenByHand => self.take(&mut signs).await,
            Happening::UnitRenamed => self.rename_unit(&mut signs).await,
            Happening::GroupsMadeAgain => {
                self.make_groups_again().await;
                self.following.bad.push((at, self.now() + SignedDuration::from_hours(1)));
                return true;
            }
            Happening::Approval => return self.approve().await,
            Happening::RulesPublished => return self.publish_more().await,
            Happening::RuleTurns => return self.a_rule_turns().await,
            Happening::Begins(trouble) => return self.begin(trouble),
            Happening::Ends(trouble, began) => return self.end(trouble, began),
            Happening::Sweep => return self.sweep().await,
            Happening::Midnight => return self.midnight(),
        }
        let is_done = !signs.is_empty();
        self.changed(at, signs);
        is_done
    }

    async fn hire(&mut self, signs: &mut Signs) {
        self.made += 1;
        let name = format!("newcomer-{:04}@example.com", self.made);
        let input: store::CreateUser = serde_json::from_value(json!({
            "IdentityStoreId": self.service.world().identity_store(),
            "UserName": name,
            "DisplayName": format!("Newcomer {}", self.made),
            "Name": { "GivenName": "New", "FamilyName": "Comer" },
        }))
        .unwrap();
        let made = self.provider(signs, |world, now, who| world.call(now, who, input)).await;
        let group = self.a_group().map(|(id, _)| id);
        if let (Some(user), Some(group)) = (made, group) {
            let user: UserId = user.user_id.parse().unwrap();
            self.provider(signs, |world, now, who| world.add_to_group(now, who, &group, &user)).await;
        }
    }

    async fn leaver(&mut self, signs: &mut Signs) {
        let users: Vec<UserId> = self.service.world().users_now().into_values().collect();
        let Some(user) = self.chance.one(&users).cloned() else { return };
        let members = self.service.world().members_now();
        for group in members.into_iter().filter(|(_, users)| users.contains(&user)).map(|(group, _)| group) {
            self.provider(signs, |world, now, who| world.remove_from_group(now, who, &group, &user)).await;
        }
        let input = store::DeleteUser {
            identity_store_id: self.service.world().identity_store(),
            user_id: user.to_string(),
            revision: None,
        };
        self.provider(signs, |world, now, who| world.call(now, who, input)).await;
    }

    async fn on_call(&mut self, signs: &mut Signs) {
        let (group, members, users) = {
            let world = self.service.world();
            let group = world.group_named("OnCall").unwrap();
            let members: Vec<UserId> = world.members_now().remove(&group).into_iter().flatten().collect();
            (group, members, world.users_now().into_values().collect::<Vec<_>>())
        };
        let free: Vec<&UserId> = users.iter().filter(|user| !members.contains(user)).collect();
        if let Some(next) = self.chance.one(&free).copied() {
            self.provider(signs, |world, now, who| world.add_to_group(now, who, &group, next)).await;
        }
        if let Some(last) = self.chance.one(&members) {
            self.provider(signs, |world, now, who| world.remove_from_group(now, who, &group, last)).await;
        }
    }

    async fn new_account(&mut self, signs: &mut Signs) {
        self.made += 1;
        let (team, stage) = (self.chance.below(self.size.teams), self.chance.below(STAGES.len()));
        let name = format!("{}-new-{:02}", company::team(team), self.made);
        let input = org::CreateAccount {
            email: format!("aws+{name}@example.com"),
            account_name: name.clone(),
            role_name: None,
            iam_user_access_to_billing: None,
            tags: None,
        };
        if self.call(signs, input).await.is_some() {
            self.later(SignedDuration::from_mins(2), Happening::Placed { name, team, stage });
        }
    }

    async fn place(&mut self, signs: &mut Signs, name: String, team: usize, stage: usize) {
        let made = self.service.world().account_named(&name);
        let Some(account) = made else {
            return self.later(SignedDuration::from_mins(1), Happening::Placed { name, team, stage });
        };
        self.move_to(signs, &account, &company::home(team, stage)).await;
        signs.push(vec![signs::of_made(account.as_str())]);
        self.later(SignedDuration::from_mins(1), Happening::Tagged { name, team, stage });
    }

    async fn first_tags(&mut self, signs: &mut Signs, name: &str, team: usize, stage: usize) {
        if let Some(account) = self.an_account(|account, _| account.name == name) {
            let (team, center) = (company::team(team), format!("cc-{}", team % 9));
            let environment = STAGES[stage].0;
            let tags = [("Team", &*team), ("Environment", environment), ("CostCenter", &*center)];
            self.tag(signs, &account, &tags).await;
        }
    }

    async fn move_to(&mut self, signs: &mut Signs, account: &AccountId, ou: &str) {
        let (from, to) = {
            let world = self.service.world();
            let accounts = world.accounts_now();
            let path = accounts.iter().find(|other| other.id == *account).map(|account| account.path.clone());
            let from = path.and_then(|path| path.units().last().map(|unit| unit.id.to_string()));
            let to = world.ou_at(ou).map(ParentId::Ou);
            (from.unwrap_or_else(|| world.root().to_string()), to)
        };
        let Some(to) = to else { return };
        let input = org::MoveAccount {
            account_id: account.to_string(),
            source_parent_id: from,
            destination_parent_id: to.to_string(),
        };
        self.call(signs, input).await;
    }

    async fn moves(&mut self, signs: &mut Signs) {
        let Some(account) = self.an_account(|_, path| path.len() == 3) else { return };
        let path: Vec<String> = account.path.units().iter().map(|unit| unit.name.clone()).collect();
        let others: Vec<&str> = DIVISIONS.into_iter().filter(|name| path[2] != **name).collect();
        let division = self.chance.one(&others).copied().unwrap_or(DIVISIONS[0]);
        self.move_to(signs, &account.id, &format!("{}/{}/{division}", path[0], path[1])).await;
    }

    async fn retag(&mut self, signs: &mut Signs) {
        let Some(account) = self.an_account(|_, path| path.first() == Some(&"Workloads")) else { return };
        let key = if self.chance.percent(70) { "Tier" } else { "Frozen" };
        if account.tags.get(key).is_some() {
            self.untag(signs, &account, key).await;
        } else {
            self.tag(signs, &account, &[(key, "1")]).await;
        }
    }

    async fn hand_over(&mut self, signs: &mut Signs) {
        let team = company::team(self.chance.below(self.size.teams));
        if let Some(account) = self.an_account(|account, _| account.tags.get("Team").is_some()) {
            self.tag(signs, &account, &[("Team", &team)]).await;
        }
    }

    async fn suspend(&mut self) -> bool {
        let account = self.an_account(|_, path| path.first() == Some(&"Workloads"));
        let is_done = account.is_some();
        if let Some(account) = account {
            let (state, id) = (AccountState::Suspended, account.id);
            self.service.person(|world, now, _| world.set_account_state(now, &id, state)).await;
            self.later(SignedDuration::from_hours(20), Happening::Reactivated(id));
        }
        is_done
    }

    async fn rename_group(&mut self, signs: &mut Signs) {
        if let Some((id, name)) = self.a_group() {
            let other = format!("{name}-old");
            self.provider(signs, |world, now, who| world.rename_group(now, who, &id, &other)).await;
            self.later(SignedDuration::from_hours(1), Happening::NamedBack(id, name));
        }
    }

    /// A group with these members.
    async fn make_group(&mut self, signs: &mut Signs, name: &str, members: Vec<UserId>) {
        let input = store::CreateGroup {
            identity_store_id: self.service.world().identity_store(),
            display_name: Some(name.to_owned()),
            description: None,
        };
        let made = |world: &mut World, now, who: &simulator::Caller| {
            let made = world.call(now, who, input)?;
            let group: GroupId = made.group_id.parse().unwrap();
            for user in &members {
                world.add_to_group(now, who, &group, user)?;
            }
            Ok(())
        };
        self.provider(signs, made).await;
    }

    async fn make_groups_again(&mut self) {
        let (groups, mut members) = {
            let world = self.service.world();
            (world.groups_now(), world.members_now())
        };
        let all: Vec<String> = company::groups_of(self.size.provided).collect();
        let there: Vec<(&String, &GroupId)> =
            all.iter().filter_map(|name| Some((name, groups.get(name)?))).collect();
        for (_, id) in &there {
            let (at, mut signs) = (self.now(), Signs::new());
            self.provider(&mut signs, |world, now, who| world.delete_group(now, who, id)).await;
            self.changed(at, signs);
        }
        for (name, id) in there {
            let (at, mut signs) = (self.now(), Signs::new());
            let members = members.remove(id).into_iter().flatten().collect();
            self.make_group(&mut signs, name, members).await;
            self.changed(at, signs);
        }
    }

    fn begin_edits(&mut self) {
        let sets: Vec<_> =
            self.service.world().permission_sets_now().into_iter().map(|set| set.arn).collect();
        let left = 2 + self.chance.below(4);
        if let Some(set) = self.chance.one(&sets).cloned() {
            self.later(SignedDuration::ZERO, Happening::SetEdited { set, left });
        }
    }

    async fn edit(&mut self, signs: &mut Signs, set: PermissionSetArn, left: usize) {
        self.made += 1;
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Sid": format!("Edit{}", self.made), "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }],
        });
        let input = sso::PutInlinePolicyToPermissionSet {
            instance_arn: INSTANCE.to_owned(),
            permission_set_arn: set.to_string(),
            inline_policy: policy.to_string(),
        };
        self.call(signs, input).await;
        if left > 0 {
            self.later(SignedDuration::from_secs(40), Happening::SetEdited { set, left: left - 1 });
        }
    }

    /// The desk for platforms looks after data instead, and on the next day after platforms again.
    async fn tag_set(&mut self, signs: &mut Signs) {
        let sets = self.service.world().permission_sets_now();
        let Some(set) = sets.into_iter().find(|set| set.name == "PlatformDesk") else { return };
        let value = if set.tags.get("OU") == Some("Platform") { "Data" } else { "Platform" };
        let input: sso::TagResource = serde_json::from_value(json!({
            "InstanceArn": INSTANCE,
            "ResourceArn": set.arn,
            "Tags": [{ "Key": "OU", "Value": value }],
        }))
        .unwrap();
        self.call(signs, input).await;
    }

    /// Somebody assigns in the console what no rule gives.
    async fn give(&mut self, signs: &mut Signs) {
        let (sets, groups) = {
            let world = self.service.world();
            (world.permission_sets_now(), world.groups_now().into_values().collect::<Vec<_>>())
        };
        let Some(account) = self.an_account(|_, _| true) else { return };
        let (set, group) = (self.chance.one(&sets).cloned(), self.chance.one(&groups).cloned());
        let (Some(set), Some(group)) = (set, group) else { return };
        let key = AssignmentKey {
            account: account.id,
            permission_set: set.arn,
            principal: Principal::Group(group),
        };
        if self.service.exists(&key) || self.following.wants(&key) {
            return;
        }
        if self.call(signs, sso::CreateAccountAssignment::from(Named(&key))).await.is_some() {
            self.comparing.given_by_hand(key);
        }
    }

    /// Somebody deletes in the console what the rules give.
    async fn take(&mut self, signs: &mut Signs) {
        let ours: Vec<AssignmentKey> = {
            let world = self.service.world();
            let all = world.assignments().into_iter();
            all.filter(|(_, made)| *made.by.name == *USHER).map(|(key, _)| key).collect()
        };
        let ours: Vec<&AssignmentKey> = ours.iter().filter(|key| self.following.wants(key)).collect();
        let Some(key) = self.chance.one(&ours).copied() else { return };
        self.call(signs, sso::DeleteAccountAssignment::from(Named(key))).await;
    }

    async fn rename_unit(&mut self, signs: &mut Signs) {
        let unit = self.service.world().ou_at("Workloads/Development/Data");
        if let Some(unit) = unit {
            let input = org::UpdateOrganizationalUnit {
                organizational_unit_id: unit.to_string(),
                name: Some("Insight".to_owned()),
            };
            self.call(signs, input).await;
        }
    }
}

/// A key as a call of SSO Admin names it.
struct Named<'a>(&'a AssignmentKey);

impl Named<'_> {
    fn json(&self) -> serde_json::Value {
        let kind = match &self.0.principal {
            Principal::Group(_) => "GROUP",
            Principal::User(_) => "USER",
        };
        json!({
            "InstanceArn": INSTANCE,
            "TargetId": self.0.account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.0.permission_set,
            "PrincipalType": kind,
            "PrincipalId": self.0.principal.id(),
        })
    }
}

impl From<Named<'_>> for sso::CreateAccountAssignment {
    fn from(named: Named<'_>) -> Self {
        serde_json::from_value(named.json()).unwrap()
    }
}

impl From<Named<'_>> for sso::DeleteAccountAssignment {
    fn from(named: Named<'_>) -> Self {
        serde_json::from_value(named.json()).unwrap()
    }
}
