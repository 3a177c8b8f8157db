//! An organization in which every account has every permission set, each for one group, and all of it by rule. Groups are of very different
//! sizes: of each two that share a permission set, one has it in from a twentieth to nearly all of the accounts, and the other in the rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use shared::{
    clock::TokioClock,
    domain::{AccountId, AssignmentKey, GroupId, Mode, Operation, PermissionSetArn, Principal, RuleId},
    engine::{
        EngineSettings, Planner, Reader, Rulebook, RulesOnHand, Sweep, SweepEnd, SweepSettings, SweepSummary,
        all_rows,
    },
    ledger::{Row, State, WRITES_AT_ONCE},
    local::LocalQueue,
    pace::{Api, Paces, Share},
    ports::{Clock as _, Guard, Ledger as _, LedgerReader as _, RowWrite, SeenKind},
    rules::Bundle,
};
use simulator::{Caller, CallerKind, InProcess, Service, Settings, World, wire::sso_admin as sso};

use crate::{ledger::RemoteLedger, trouble::Trouble, work};

/// How much there is. The groups are twice as many as the permission sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) accounts: usize,
    pub(super) sets: usize,
    pub(super) groups: usize,
}

/// The organization, and Usher before it.
pub(super) struct Estate {
    world: Arc<Mutex<World>>,
    pub(super) clock: Arc<TokioClock>,
    pub(super) face: InProcess,
    paces: Arc<Paces>,
    ledger: RemoteLedger,
    inbox: LocalQueue,
    wake: LocalQueue,
    rules: RulesOnHand,
    rulebook: Rulebook,
    pub(super) accounts: Vec<AccountId>,
    pub(super) sets: Vec<PermissionSetArn>,
    pub(super) groups: Vec<GroupId>,
    /// How many parents OUs have: the root, and OUs with OUs below.
    pub(super) parents: usize,
}

/// Accounts directly in one OU.
const IN_AN_OU: usize = 10;
/// By how many tags accounts are told apart: what a group has is counted in parts of these.
const PARTS: usize = 20;
/// OUs directly below another.
const BELOW_AN_OU: usize = 5;

/// Writing to a string can't fail.
macro_rules! line {
    ($text:ident, $($arguments:tt)*) => { _ = writeln!($text, $($arguments)*) };
}

/// The organization's description, and how many parents its OUs have.
fn description(size: Size) -> (String, usize) {
    let mut text = "management_account: { name: management, tags: { Part: none } }\n".to_owned();
    text.push_str("organizational_units:\n");
    let (leaves, mut parents) = (size.accounts.div_ceil(IN_AN_OU), 1);
    for leaf in 0..leaves {
        if leaf % BELOW_AN_OU == 0 {
            parents += 1;
            line!(text, "  - name: Unit-{parents}\n    organizational_units:");
        }
        line!(text, "      - name: Leaf-{leaf}\n        accounts:");
        for account in (leaf * IN_AN_OU)..size.accounts.min((leaf + 1) * IN_AN_OU) {
            line!(
                text,
                "          - {{ name: account-{account}, tags: {{ Part: part-{} }} }}",
                account % PARTS
            );
        }
    }
    text.push_str("permission_sets:\n");
    for set in 0..size.sets {
        line!(text, "  - {{ name: Set-{set} }}");
    }
    text.push_str("groups:\n");
    for group in 0..size.groups {
        line!(text, "  - {{ name: Group-{group} }}");
    }
    (text, parents)
}

/// The parts of the accounts in which the first of a permission set's two groups has it: from one to all but one, and no two neighbours alike.
fn first_parts(set: usize) -> usize {
    1 + set * 7 % (PARTS - 1)
}

/// Which of a permission set's two groups has it in an account.
fn which(set: usize, account: usize) -> usize {
    usize::from(account % PARTS >= first_parts(set))
}

/// Each group gets one permission set in its parts of the accounts.
fn rules(size: Size) -> String {
    let mut text = "version: 1\nsettings: { mode: sync, trusted_account_tags: [Part] }\nrules:\n".to_owned();
    for group in 0..size.groups {
        let set = group / 2;
        let parts: Vec<String> = (0..PARTS)
            .filter(|part| which(set, *part) == group % 2)
            .map(|part| format!("part-{part}"))
            .collect();
        line!(
            text,
            "  - {{ id: rule-{group}, principals: [{{ group: Group-{group} }}], permission_sets: [Set-{set}], accounts: {{ tagged: {{ Part: [{}] }} }} }}",
            parts.join(", ")
        );
    }
    text
}

impl Estate {
    pub(super) fn new(size: Size, share: Share) -> Result<Self, Trouble> {
        let (description, parents) = description(size);
        let mut world = World::from_yaml(&description, Settings::default())
            .map_err(Trouble::while_doing("describing an organization"))?;
        let caller = Caller::new("usher", world.management_account().clone(), CallerKind::Management);
        let named = |kind: &str, n: usize| format!("{kind}-{n}");
        let accounts: Vec<_> =
            (0..size.accounts).filter_map(|n| world.account_named(&named("account", n))).collect();
        let sets: Vec<_> =
            (0..size.sets).filter_map(|n| world.permission_set_named(&named("Set", n))).collect();
        let groups: Vec<_> = (0..size.groups).filter_map(|n| world.group_named(&named("Group", n))).collect();
        for (n, account) in accounts.iter().enumerate() {
            for (at, (set, two)) in sets.iter().zip(groups.chunks(2)).enumerate() {
                let Some(group) = two.get(which(at, n)) else { continue };
                let principal = Principal::Group(group.clone());
                let key = AssignmentKey { account: account.clone(), permission_set: set.clone(), principal };
                world.grant_by_hand(Timestamp::MIN, &caller, &key);
            }
        }
        let bundle = Bundle { files: [("usher.yaml".to_owned(), self::rules(size))].into() };
        let rules = RulesOnHand::of(&bundle).map_err(Trouble::while_doing("reading rules"))?;
        let start = "2026-11-02T09:00:00Z".parse().map_err(Trouble::while_doing("reading a time"))?;
        let clock = Arc::new(TokioClock::starting_at(start));
        let world = Arc::new(Mutex::new(world));
        let paces = Arc::new(Paces::new(share, clock.clone()));
        let mut face = InProcess::new(Arc::clone(&world), clock.clone(), caller);
        face.round_trip = Duration::from_millis(100);
        face.paces = Some(Arc::clone(&paces));
        Ok(Self {
            world,
            face,
            paces,
            ledger: RemoteLedger::new(*clock, Duration::ZERO)?,
            inbox: LocalQueue::fifo(clock.clone()),
            wake: LocalQueue::standard(clock.clone()),
            clock,
            rulebook: Rulebook::fixed(rules.clone()),
            rules,
            accounts,
            sets,
            groups,
            parents,
        })
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The accounts that a permission set is provisioned in: a question that Usher never asks.
    pub(super) async fn accounts_with(&self, set: &PermissionSetArn) -> Result<Vec<AccountId>, Trouble> {
        let instance =
            self.world().instances_mut().first().map(|one| one.arn.to_string()).unwrap_or_default();
        let (mut accounts, mut next_token) = (Vec::new(), None);
        loop {
            self.paces.turn(Api::SsoAdmin, "ListAccountsForProvisionedPermissionSet").await;
            self.clock.sleep(self.face.round_trip).await;
            let input = sso::ListAccountsForProvisionedPermissionSet {
                instance_arn: instance.clone(),
                permission_set_arn: set.to_string(),
                provisioning_status: None,
                max_results: Some(100),
                next_token,
            };
            let now = self.clock.now();
            let page = self.world().call(now, &self.face.caller, input);
            let page = page.map_err(Trouble::while_doing("listing accounts"))?;
            for id in page.account_ids {
                accounts.push(id.parse().map_err(Trouble::while_doing("reading an account's id"))?);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// Puts every assignment into the ledger as ours, with the rule that wants it.
    pub(super) async fn own_everything(&self) -> Result<(), Trouble> {
        let rule: BTreeMap<&GroupId, RuleId> = self
            .groups
            .iter()
            .enumerate()
            .filter_map(|(n, group)| Some((group, format!("rule-{n}").parse().ok()?)))
            .collect();
        let changed_at = self.clock.now() - jiff::SignedDuration::from_hours(1);
        let keys: Vec<AssignmentKey> = self.world().assignments().into_keys().collect();
        let row = |key: &AssignmentKey| {
            let wanted_by = match &key.principal {
                Principal::Group(group) => rule.get(group).map(|rule| (rule.clone(), Mode::Sync)),
                Principal::User(_) => None,
            };
            Row {
                state: State::Ours,
                wanted_by: wanted_by.into_iter().collect(),
                ..work::row(Operation::Grant, key, &self.rules.version, changed_at)
            }
        };
        for keys in keys.chunks(WRITES_AT_ONCE) {
            let rows: Vec<_> = keys.iter().map(|key| RowWrite::of(row(key))).collect();
            let written = self.ledger.write(&rows, &Guard::default()).await;
            written.map_err(Trouble::while_doing("filling the ledger"))?;
        }
        Ok(())
    }

    /// A whole round, in as many runs as it takes.
    pub(super) async fn sweep(&self) -> Result<SweepSummary, Trouble> {
        let sweep = Sweep {
            planner: Planner {
                reader: Reader {
                    organization: &self.face,
                    directory: &self.face,
                    access: &self.face,
                    ledger: &self.ledger,
                    rulebook: &self.rulebook,
                    clock: &*self.clock,
                },
                settings: EngineSettings::default(),
            },
            ledger: &self.ledger,
            inbox: &self.inbox,
            wake: &self.wake,
            settings: SweepSettings::default(),
        };
        loop {
            let swept = sweep.run().await.map_err(Trouble::while_doing("sweeping"))?;
            if swept.run == SweepEnd::RoundEnded {
                return Ok(swept);
            }
        }
    }

    /// The calls to a service since they were last forgotten.
    pub(super) fn calls(&self, api: Api) -> usize {
        let service = match api {
            Api::SsoAdmin => Service::SsoAdmin,
            Api::IdentityStore => Service::IdentityStore,
            Api::Organizations => Service::Organizations,
            Api::Tagging => Service::Tagging,
        };
        self.world().log().iter().filter(|entry| entry.service == service).count()
    }

    pub(super) fn calls_of(&self, operation: &str) -> usize {
        self.world().log().iter().filter(|entry| entry.operation == operation).count()
    }

    /// Calls of any service that were refused for their number.
    pub(super) fn throttles(&self) -> usize {
        let refused = |error: &String| error.contains("Throttl") || error.contains("TooManyRequests");
        self.world().log().iter().filter(|entry| entry.error.as_ref().is_some_and(refused)).count()
    }

    pub(super) fn forget_calls(&self) {
        drop(self.world().take_log());
        self.ledger.writes.store(0, Ordering::Relaxed);
    }

    /// Calls since they were last forgotten that write anything: to the ledger's rows, or to AWS.
    pub(super) fn writes(&self) -> usize {
        let reads = ["List", "Describe", "Get", "Is"];
        let world = self.world();
        let to_aws =
            world.log().iter().filter(|entry| !reads.iter().any(|read| entry.operation.starts_with(read)));
        self.ledger.writes.load(Ordering::Relaxed) + to_aws.count()
    }

    /// All that is remembered, without when it was seen.
    pub(super) async fn remembered(&self) -> Result<BTreeSet<(SeenKind, String, String)>, Trouble> {
        let mut all = BTreeSet::new();
        for kind in [
            SeenKind::PermissionSet,
            SeenKind::PermissionSetTags,
            SeenKind::PermissionSetName,
            SeenKind::Group,
            SeenKind::GroupName,
            SeenKind::User,
            SeenKind::UserName,
            SeenKind::OrganizationalUnit,
            SeenKind::TaggedAccount,
            SeenKind::Fact,
        ] {
            let seen = self.ledger.recall(kind).await.map_err(Trouble::while_doing("reading the ledger"))?;
            all.extend(seen.into_iter().map(|seen| (kind, seen.id, seen.value.to_string())));
        }
        Ok(all)
    }

    /// How much is remembered now that was not, or not so, before.
    pub(super) async fn news_since(
        &self,
        before: &BTreeSet<(SeenKind, String, String)>,
    ) -> Result<usize, Trouble> {
        Ok(self.remembered().await?.difference(before).count())
    }

    /// Rows that were written since they were put there, and those that are there too many or too few.
    pub(super) async fn rows_changed(&self) -> Result<usize, Trouble> {
        let rows = all_rows(&self.ledger).await.map_err(Trouble::while_doing("reading the ledger"))?;
        let changed = rows.iter().filter(|row| row.version != 1 || row.state != State::Ours).count();
        Ok(changed + rows.len().abs_diff(self.world().assignments().len()))
    }
}
