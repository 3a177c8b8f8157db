//! The plan for one account is its slice of the plan for all; and where nothing has changed, nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AccountId, AccountState, AssignmentKey, Mode, Operation, Principal, RequestId, RuleId},
    engine::Planner,
    ledger::{Cause, Claim, Fence, Intent, Row, State, WRITES_AT_ONCE},
    plan::Plan,
    ports::{Clock as _, Guard, Ledger as _, RowWrite},
};
use simulator::{Caller, CallerKind, EXAMPLE, Fault, FaultRule, InProcess, Service as Api};

use super::{
    fleet::calm,
    model::{Joined, Reach, Rules, Where, Who, group, in_ou, rule, rules, scope, tagged},
    ports::Ports,
    service::{Service, Start, USHER},
};

/// Rules of every kind over the example organization.
fn document() -> Rules {
    rules([
        group("read", "Developers")
            .and(Who::Group("Support".into()))
            .gets("ReadOnlyAccess")
            .gets("ViewOnlyAccess")
            .in_accounts(Where::Everywhere.except([in_ou("Security"), tagged("Compliance", "pci")])),
        group("develop", "Developers")
            .gets_tagged("Environment", "Development")
            .in_accounts(in_ou("Workloads/Development")),
        group("payments", "payments-developers")
            .gets("PowerUserAccess")
            .in_accounts(Where::All(vec![tagged("Team", "payments"), in_ou("Workloads")])),
        group("watch", "SecurityAuditors")
            .gets("SecurityAudit")
            .in_accounts(Where::Everywhere)
            .reaching(Reach::Observe),
        group("keep", "PlatformEngineers")
            .gets_tagged("OU", "Infrastructure")
            .in_accounts(Where::Any(vec![in_ou("Infrastructure"), Where::Named("search-prod".into())]))
            .reaching(Reach::CreateOnly),
        rule("person", Who::User("pavel.eskerby@example.com".into()))
            .gets("AdministratorAccess")
            .in_accounts(Where::Id("111122223333".into())),
        rule("members", Who::MembersOf("Support".into()))
            .and(Who::MembersOf("Group that is not there".into()))
            .gets("ViewOnlyAccess")
            .in_accounts(in_ou("Workloads")),
        rule("team", Who::GroupOfTag("Team".into(), "-developers".into()))
            .gets("ReadOnlyAccess")
            .in_accounts(Where::All(vec![Where::Has("Team".into(), true), in_ou("Workloads")])),
        group("joined", "Support")
            .gets_tagged("Environment", "Development")
            .gets_tagged("Environment", "All")
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All"))
            .from("2026-11-01T00:00:00Z".parse().unwrap())
            .until("2027-11-01T00:00:00Z".parse().unwrap()),
        group("over", "Developers").gets("Billing").until("2026-11-01T00:00:00Z".parse().unwrap()),
        group("nobody", "Group that is not there").gets("Billing").in_accounts(in_ou("Sandbox")),
        group("of-a-team", "Support")
            .gets("PowerUserAccess")
            .in_accounts(tagged("Team", "payments"))
            .of_team("shop"),
    ])
    .scoped("shop", [scope(in_ou("Workloads/Development")).of_tagged("Environment", &["Development", "All"])])
    .never(group("", "Support").gets("ViewOnlyAccess").in_accounts(tagged("Environment", "Production")))
}

/// Numbers that look random, the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Every state that a row can be in, pending and claimed ones apart.
const STATES: usize = 10;

fn state(which: usize, now: Timestamp, chance: &mut Chance) -> State {
    let minutes =
        |chance: &mut Chance, n: usize| SignedDuration::from_mins(i64::try_from(chance.below(n)).unwrap());
    let intent = |chance: &mut Chance, claim: bool| Intent {
        decided_at: now - minutes(chance, 20),
        not_before: chance.one_in(4).then(|| now + minutes(chance, 5)),
        not_after: None,
        fingerprint: "0123456789abcdef".to_owned(),
        claim: claim.then(|| Claim {
            fence: Fence(1),
            at: now - minutes(chance, 10),
            request: Some("f81d4fae-7dec-11d0-a765-00a0c91e6bf6".parse::<RequestId>().unwrap()),
            polled: None,
        }),
    };
    let blocked = |operation, chance: &mut Chance| State::Blocked {
        operation,
        reason: "refused".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
        retry_at: now + SignedDuration::from_hours(1) - minutes(chance, 120),
    };
    match which {
        0 => State::Granting(intent(chance, false)),
        1 => State::Granting(intent(chance, true)),
        2 => State::Ours,
        3 => State::Closing(intent(chance, false)),
        4 => State::Closing(intent(chance, true)),
        5 => State::Closed,
        6 => State::Uncertain { reason: "an answer was lost".to_owned(), contested: false },
        7 => blocked(Operation::Grant, chance),
        8 => blocked(Operation::Revoke, chance),
        _ => State::Dormant,
    }
}

/// Rows of every state for an account, over keys that rules want and keys that they don't.
fn rows_for(account: &AccountId, keys: &[AssignmentKey], now: Timestamp, chance: &mut Chance) -> Vec<Row> {
    let ids = [
        "read", "develop", "payments", "watch", "keep", "person", "members", "team", "joined", "over",
        "nobody", "gone",
    ];
    let mut rows = BTreeMap::new();
    for which in 0..STATES {
        for _ in 0..2 {
            let key = AssignmentKey { account: account.clone(), ..chance.pick(keys).clone() };
            let wanted: BTreeMap<RuleId, Mode> = (0..chance.below(3))
                .map(|_| {
                    let mode = *chance.pick(&[Mode::Sync, Mode::Sync, Mode::CreateOnly, Mode::Observe]);
                    (chance.pick(&ids).parse().unwrap(), mode)
                })
                .collect();
            let minutes = i64::try_from(chance.below(15)).unwrap();
            let row = Row {
                key: key.clone(),
                version: 0,
                state: state(which, now, chance),
                wanted_by: wanted,
                rules: None,
                cause: Cause::new("event", "before"),
                attempts: 0,
                conflicts: 0,
                changed_at: now - SignedDuration::from_mins(minutes),
                missing_since: chance.one_in(3).then(|| now - SignedDuration::from_mins(minutes / 2)),
                departed_since: None,
                orphaned_since: None,
                maybe_sent: false,
                closed_at: chance.one_in(3).then(|| now - SignedDuration::from_mins(minutes)),
                last_request: None,
                overheard: None,
                look_again: chance.one_in(5),
                trouble: None,
                approval: None,
                hold: None,
                over_budget: None,
            };
            rows.insert(key, row);
        }
    }
    rows.into_values().collect()
}

/// The service over the example organization with these rows of chance, and assignments of chance, some of them ours.
async fn seeded(seed: u64) -> (Service, Ports) {
    let service = Service::start(Start { organization: EXAMPLE, world: calm(), ..Start::default() });
    service.publish(&document()).await;
    service.pass(Duration::from_hours(1)).await;
    let mut chance = Chance(seed);
    let now = service.clock.now();
    let mut rows = Vec::new();
    {
        let mut world = service.world();
        let usher = Caller::new(USHER, world.management_account().clone(), CallerKind::Management);
        let groups: Vec<_> = world.groups_now().into_values().collect();
        let users: Vec<_> = world.users_now().into_values().take(2).collect();
        let principals = groups.iter().cloned().map(Principal::Group);
        let principals: Vec<_> = principals.chain(users.into_iter().map(Principal::User)).collect();
        let mut accounts: Vec<_> = world.accounts_now().into_iter().map(|account| account.id).collect();
        let anywhere = accounts[0].clone();
        let mut keys = Vec::new();
        for set in world.permission_sets_now() {
            for principal in &principals {
                let (permission_set, principal) = (set.arn.clone(), principal.clone());
                keys.push(AssignmentKey { account: anywhere.clone(), permission_set, principal });
            }
        }
        // An account that only the ledger still knows.
        accounts.push("999900001111".parse().unwrap());
        for account in &accounts {
            rows.extend(rows_for(account, &keys, now, &mut chance));
        }
        for row in &rows {
            if chance.one_in(2) && row.key.account.as_str() != "999900001111" {
                let by = if chance.one_in(2) { &usher } else { &service.person };
                world.grant_by_hand(now, by, &row.key);
            }
        }
        for account in &accounts {
            if chance.one_in(6) {
                let state = *chance.pick(&[
                    AccountState::Suspended,
                    AccountState::PendingClosure,
                    AccountState::Closed,
                    AccountState::PendingActivation,
                ]);
                world.set_account_state(now, account, state);
            }
        }
        if chance.one_in(3) {
            let group = chance.pick(&groups).clone();
            world.delete_group(now, &service.person, &group).unwrap();
        }
    }
    for rows in rows.chunks(WRITES_AT_ONCE) {
        let rows: Vec<_> = rows.iter().map(|row| RowWrite::of(row.clone())).collect();
        service.ledger.write(&rows, &Guard::default()).await.unwrap();
    }
    // Without any time on the way, both plans are made at the same moment.
    let caller = Caller::new(USHER, service.world().management_account().clone(), CallerKind::Management);
    let face = Arc::new(InProcess::new(Arc::clone(&service.world), service.clock.clone(), caller));
    let ports =
        Ports { organization: face.clone(), directory: face.clone(), access: face, ..service.ports.clone() };
    (service, ports)
}

/// Compares the slices with the plans for each account; tells how much there was to compare.
async fn compare(planner: &Planner<'_>, context: &str) -> (usize, usize) {
    let cause = Cause::new("sweep", "now");
    let survey = planner.everything(&cause).await.unwrap();
    let accounts: BTreeSet<AccountId> = survey
        .decided
        .iter()
        .map(|decided| decided.plan.account.clone())
        .chain(survey.unread.keys().cloned())
        .collect();
    let slices: BTreeMap<_, _> =
        survey.decided.into_iter().map(|decided| (decided.plan.account.clone(), decided)).collect();
    let (mut actions, mut withheld) = (0, 0);
    for account in accounts {
        let alone = planner.account(&account, &cause).await;
        let Ok((alone, _)) = alone else {
            assert!(
                survey.unread.contains_key(&account),
                "{context}: {account} can't be read alone: {alone:?}"
            );
            continue;
        };
        let slice = slices.get(&account).unwrap_or_else(|| panic!("{context}: {account} is in no slice"));
        let Plan { account: _, actions: of_slice, withheld: of_slice_withheld, records } = &slice.plan;
        assert_eq!(*of_slice, alone.plan.actions, "{context}: {account}");
        assert_eq!(*of_slice_withheld, alone.plan.withheld, "{context}: {account}");
        assert_eq!(*records, alone.plan.records, "{context}: {account}");
        assert_eq!((&slice.account, &slice.waiting), (&alone.account, &alone.waiting), "{context}");
        actions += of_slice.len() + records.len();
        withheld += of_slice_withheld.len();
    }
    (actions, withheld)
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_one_account_is_its_slice_of_the_plan_for_all() {
    for seed in 0..12 {
        let (service, ports) = seeded(seed).await;
        let rows = service.rows().await;
        for which in 0..STATES {
            let label = state(which, service.clock.now(), &mut Chance(seed)).label();
            assert!(rows.iter().filter(|row| row.state.label() == label).count() > 20, "{label}");
        }
        let (actions, withheld) = compare(&ports.planner(), &format!("seed {seed}")).await;
        assert!(actions > 100 && withheld > 50, "seed {seed}: {actions} and {withheld}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_its_slice_too_where_look_ups_fail() {
    let faults = [
        ("GetGroupId", None, Fault::Throttle, false),
        ("GetUserId", None, Fault::InternalError, false),
        ("ListGroupMemberships", None, Fault::InternalError, false),
        ("DescribeGroup", None, Fault::AccessDenied, false),
        ("ListPermissionSets", None, Fault::InternalError, false),
        ("DescribePermissionSet", None, Fault::Throttle, false),
        ("ListAccountAssignmentsForPrincipal", None, Fault::AccessDenied, false),
        ("DescribeOrganizationalUnit", None, Fault::InternalError, false),
        ("ListTagsForResource", Some(Api::Organizations), Fault::Throttle, true),
    ];
    for (seed, (operation, api, fault, one)) in faults.into_iter().enumerate() {
        let (service, ports) = seeded(100 + u64::try_from(seed).unwrap()).await;
        let account = one.then(|| service.account("search-prod"));
        service.checker().throttles_expected = true;
        // What is read of many at once is not to be had either: a look at one account alone does not ask so.
        for operation in [operation, "ListOrganizationalUnitsForParent", "GetResources"] {
            let is_in_bulk = operation.starts_with("ListOrg") || operation == "GetResources";
            service.world().faults.add(FaultRule {
                operation: operation.to_owned(),
                service: if is_in_bulk { None } else { api },
                fault: fault.clone(),
                calls: None,
                account: if is_in_bulk { None } else { account.clone() },
            });
        }
        compare(&ports.planner(), operation).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_everything_writes_nothing() {
    let service = Service::start(Start { organization: EXAMPLE, ..Start::default() });
    service.publish(&document()).await;
    service.sweep_and_settle().await;
    assert!(service.assignments().len() > 80);
    service.pass(Duration::from_mins(6)).await;
    let before = (service.rows().await, service.assignments(), service.world().request_log().count());

    let swept = service.sweep().await.unwrap();
    assert_eq!((swept.differing, swept.unread), (0, 0));
    assert_eq!(service.inbox.depth().waiting, 0);
    let accounts = service.world().accounts_now();
    for account in accounts {
        service.hint(&account.name).await;
        service.pass(Duration::from_millis(10)).await;
    }
    service.settle().await;
    let after = (service.rows().await, service.assignments(), service.world().request_log().count());
    assert_eq!(before, after);
    service.converged(&["account_not_active", "management_account", "observed"]).await;
}
