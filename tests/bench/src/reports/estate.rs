//! A large organization as a report is made of it: the same whenever it is made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::{
    audit::{AuditedAccount, AuditedSet, Draft, Findings, Only, Person, Place, Planned, Taken, Unit, Way},
    domain::{
        AccountId, AccountState, AssignmentKey, GroupId, InvalidId, Mode, PermissionSetArn, Principal,
        RuleId, Tags, UserId,
    },
    ledger::{Cause, Row, State},
};

/// How large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) accounts: usize,
    pub(super) sets: usize,
    pub(super) people: usize,
    pub(super) groups: usize,
    pub(super) assignments: usize,
}

/// Everything that was read of it.
pub(super) struct Estate {
    accounts: Vec<AuditedAccount>,
    units: BTreeSet<Unit>,
    sets: Vec<AuditedSet>,
    people: Vec<Person>,
    groups: BTreeMap<GroupId, String>,
    members: BTreeMap<GroupId, BTreeSet<UserId>>,
    places: Vec<Place>,
    rows: BTreeMap<AssignmentKey, Row>,
    planned: BTreeMap<AccountId, Planned>,
    began: Timestamp,
}

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";

/// A row of numbers that is the same each time (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from((self.0 >> 33) % end).unwrap_or_default()
    }
}

impl Estate {
    pub(super) fn of(size: Size) -> Result<Self, InvalidId> {
        let mut numbers = Numbers(26);
        let began = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56);
        let (units, accounts) = accounts(size)?;
        let mut sets: Vec<AuditedSet> = (0..size.sets).map(set).collect::<Result<_, _>>()?;
        let people: Vec<Person> = (0..size.people).map(person).collect::<Result<_, _>>()?;
        let mut groups = BTreeMap::new();
        let mut members = BTreeMap::new();
        for number in 0..size.groups {
            let id: GroupId = format!("9067642ac1-{number:08x}-0000-4000-8000-0123456789ab").parse()?;
            groups.insert(
                id.clone(),
                format!(
                    "team-{:03}-{}",
                    number / 5,
                    ["admins", "developers", "readers", "support", "billing"]
                        .get(number % 5)
                        .copied()
                        .unwrap_or("all")
                ),
            );
            let most = 5 + numbers.below(40);
            let of: BTreeSet<UserId> = (0..most)
                .filter_map(|_| people.get(numbers.below(size.people)).map(|person| person.id.clone()))
                .collect();
            members.insert(id, of);
        }
        let ids: Vec<GroupId> = groups.keys().cloned().collect();
        let rule_ids: Vec<RuleId> =
            (0..200).map(|number| format!("rule-{number:03}").parse()).collect::<Result<_, _>>()?;
        let mut keys = BTreeSet::new();
        while keys.len() < size.assignments {
            let account = accounts.get(numbers.below(size.accounts)).map(|account| account.id.clone());
            // Some permission sets are in nearly every account, and most in few.
            let set = numbers.below(size.sets).min(numbers.below(size.sets)).min(numbers.below(size.sets));
            let set = sets.get(set).map(|set| set.arn.clone());
            let principal = if numbers.below(10) == 0 {
                people.get(numbers.below(size.people)).map(|person| Principal::User(person.id.clone()))
            } else {
                ids.get(numbers.below(size.groups)).cloned().map(Principal::Group)
            };
            if let (Some(account), Some(permission_set), Some(principal)) = (account, set, principal) {
                keys.insert(AssignmentKey { account, permission_set, principal });
            }
        }
        let (mut rows, mut planned) = (BTreeMap::new(), BTreeMap::<AccountId, Planned>::new());
        let mut places: BTreeMap<(AccountId, PermissionSetArn), BTreeSet<Principal>> = BTreeMap::new();
        for account in &accounts {
            planned.insert(account.id.clone(), Planned::default());
        }
        for key in keys {
            // Of a hundred, 88 are Usher's and there, 10 are of others, one is gone and one no rule wants any more.
            let lot = numbers.below(100);
            if lot != 98 {
                let place = (key.account.clone(), key.permission_set.clone());
                places.entry(place).or_default().insert(key.principal.clone());
            }
            if !(88..98).contains(&lot) {
                let rule = rule_ids.get(numbers.below(200)).cloned();
                let rules: BTreeSet<RuleId> = rule.into_iter().collect();
                let hours = i64::try_from(1 + numbers.below(10_000)).unwrap_or(1);
                rows.insert(key.clone(), row(&key, &rules, began - SignedDuration::from_hours(hours)));
                if lot != 99
                    && let Some(planned) = planned.get_mut(&key.account)
                {
                    if lot == 0 {
                        planned.until.insert(key.clone(), began + SignedDuration::from_hours(hours));
                    }
                    planned.wanted.insert(key, rules);
                }
            }
        }
        for set in &mut sets {
            let of_set = places.keys().filter(|(_, arn)| *arn == set.arn);
            set.provisioned = of_set.map(|(account, _)| account.clone()).collect();
            set.outdated = set.provisioned.iter().step_by(40).cloned().collect();
        }
        let places = places
            .into_iter()
            .map(|((account, permission_set), principals)| Place { account, permission_set, principals })
            .collect();
        Ok(Self { accounts, units, sets, people, groups, members, places, rows, planned, began })
    }

    /// What a report is compiled from.
    pub(super) fn findings(&self) -> Findings {
        let (instance, store) = ids();
        let mut draft = Draft::begun(self.began, instance.clone());
        draft.listed = Some(self.sets.iter().map(|set| set.arn.clone()).collect());
        draft.sets = self.sets.iter().map(|set| (set.arn.clone(), Some(set.clone()))).collect();
        draft.way = Some(Way::ByAccount);
        draft.places.clone_from(&self.places);
        draft.members = self.members.iter().map(|(id, of)| (id.clone(), Some(of.clone()))).collect();
        let management = self.accounts.first().map(|account| account.id.clone());
        let taken = Taken {
            began: self.began,
            ended: self.began + SignedDuration::from_mins(40),
            instance,
            identity_store: store,
            region: Some("eu-central-1".to_owned()),
            management_account: management.unwrap_or_else(|| account_id(0)),
            rules: None,
            mode: Some(Mode::Sync),
            trusted_account_tags: BTreeSet::new(),
            trusted_permission_set_tags: BTreeSet::new(),
            since: None,
            way: Way::ByAccount,
            only: Only::Everything,
        };
        Findings {
            draft,
            taken,
            organizational_units: self.units.clone(),
            accounts: self.accounts.clone(),
            planned: self.planned.clone(),
            declared: Vec::new(),
            groups: self.groups.clone(),
            people: self.people.clone(),
            gone: BTreeSet::new(),
            last_names: BTreeMap::new(),
            rows: self.rows.clone(),
            lag: SignedDuration::from_mins(5),
        }
    }
}

#[expect(clippy::expect_used, reason = "they are what they have to be")]
fn ids() -> (shared::domain::InstanceArn, shared::domain::IdentityStoreId) {
    (INSTANCE.parse().expect("an instance"), "d-9067642ac1".parse().expect("an identity store"))
}

#[expect(clippy::expect_used, reason = "it has twelve digits")]
fn account_id(number: usize) -> AccountId {
    format!("{:012}", 200_000_000_000 + number).parse().expect("an account's id")
}

/// Accounts in OUs of fifteen or so, two levels deep.
fn accounts(size: Size) -> Result<(BTreeSet<Unit>, Vec<AuditedAccount>), InvalidId> {
    let (mut units, mut accounts) = (BTreeSet::new(), Vec::new());
    for number in 0..size.accounts {
        let (stage, team) = (number % 4, number / 60);
        let stage = ["Development", "Test", "Production", "Sandbox"].get(stage).copied().unwrap_or("Other");
        let path = format!("Workloads-{team:02}/{stage}");
        let top = format!("Workloads-{team:02}");
        units.insert(Unit { id: format!("ou-ab12-{team:08x}").parse()?, path: top });
        let id = format!("ou-ab12-{:08x}", 0x1000_0000 + team * 4 + number % 4).parse()?;
        units.insert(Unit { id, path: path.clone() });
        accounts.push(AuditedAccount {
            id: account_id(number),
            name: format!("team-{:03}-{}-{number:04}", number / 4, stage.to_lowercase()),
            ou: path,
            state: if number % 97 == 96 { AccountState::Suspended } else { AccountState::Active },
            management: number == 0,
            tags: [("Environment", stage.to_owned()), ("Team", format!("team-{:03}", number / 4))]
                .into_iter()
                .collect::<Tags>(),
            unread: false,
        });
    }
    Ok((units, accounts))
}

fn set(number: usize) -> Result<AuditedSet, InvalidId> {
    let arn = format!("arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-{number:016x}").parse()?;
    let policies = ["ReadOnlyAccess", "PowerUserAccess", "SecurityAudit", "job-function/Billing"];
    let policy = policies.get(number % 4).copied().unwrap_or("ReadOnlyAccess");
    Ok(AuditedSet {
        name: format!("{}-{number:03}", policy.rsplit('/').next().unwrap_or_default()),
        description: Some(format!("What people of kind {number} may do")),
        session_duration: Some("PT4H".parse()?),
        managed_policies: [format!("arn:aws:iam::aws:policy/{policy}").parse()?].into(),
        inline_policy: number.is_multiple_of(3).then(|| {
            serde_json::json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Deny", "Action": ["iam:*", "organizations:*"], "Resource": ["*"] },
            ] })
        }),
        unread: false,
        ..AuditedSet::unknown(arn)
    })
}

fn person(number: usize) -> Result<Person, InvalidId> {
    Ok(Person {
        id: format!("9067642ac1-{number:08x}-1111-4000-8000-0123456789ab").parse()?,
        user_name: format!("person.{number:05}@example.com"),
        display_name: Some(format!("Person Number {number}")),
        gone: false,
    })
}

fn row(key: &AssignmentKey, rules: &BTreeSet<RuleId>, changed_at: Timestamp) -> Row {
    Row {
        key: key.clone(),
        version: 1,
        state: State::Ours,
        wanted_by: rules.iter().map(|rule| (rule.clone(), Mode::Sync)).collect(),
        rules: None,
        cause: Cause::new("event", "6ab5f2a0-0000-4000-8000-000000000001"),
        attempts: 1,
        conflicts: 0,
        changed_at,
        missing_since: None,
        departed_since: None,
        orphaned_since: None,
        maybe_sent: false,
        closed_at: None,
        last_request: None,
        overheard: None,
        look_again: false,
        trouble: None,
        approval: None,
        hold: None,
        over_budget: None,
    }
}
