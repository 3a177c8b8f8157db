//! The report of who has access to what is what AWS has, the ledger says and the rules want, however it is read.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    audit::{Access, Assignment, Audit, ChangeKind, Only, Scope, Standing, Way},
    domain::{AccountId, AssignmentKey, PermissionSetArn, Principal, UserId},
    engine::AuditSettings,
    ports::{LedgerReader as _, Page},
};
use simulator::{EXAMPLE, Fault, FaultRule, World};

use super::{
    fleet::calm,
    members::{joins, leaves},
    model::{Rules, Where, Who, group, in_ou, rule, rules, tagged},
    service::{Service, Start},
    slices::Chance,
};

const WAYS: [Way; 2] = [Way::ByAccount, Way::ByPrincipal];

impl Service {
    pub(super) async fn audit(&self, settings: &AuditSettings) -> Audit {
        self.ports.auditor(settings).audit(None).await.unwrap()
    }

    async fn audit_since(&self, before: &Audit) -> Audit {
        let settings = AuditSettings::default();
        self.ports.auditor(&settings).audit(Some(before)).await.unwrap()
    }

    async fn take_away_by_hand(&self, key: &AssignmentKey) {
        self.person(|world, now, _| world.revoke_by_hand(now, key)).await;
    }
}

fn by(way: Way) -> AuditSettings {
    AuditSettings { way: Some(way), ..AuditSettings::default() }
}

fn told<'a>(audit: &'a Audit, key: &AssignmentKey) -> Option<&'a Assignment> {
    audit.assignments.iter().find(|one| one.key == *key)
}

fn standing(audit: &Audit, key: &AssignmentKey) -> Option<Standing> {
    told(audit, key).map(|one| one.standing)
}

fn developers() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ])
}

/// Rules of several kinds over the example organization.
fn document() -> Rules {
    rules([
        group("read", "Developers")
            .and(Who::Group("Support".into()))
            .gets("ReadOnlyAccess")
            .in_accounts(Where::Everywhere.except([in_ou("Security")])),
        group("payments", "payments-developers")
            .gets("PowerUserAccess")
            .in_accounts(Where::All(vec![tagged("Team", "payments"), in_ou("Workloads")])),
        rule("person", Who::MembersOf("PlatformEngineers".into()))
            .gets("SupportUser")
            .in_accounts(in_ou("Infrastructure")),
    ])
}

/// Who can reach which account with what, worked out from the world's own truth.
fn reach(world: &World) -> BTreeSet<(UserId, AccountId, PermissionSetArn)> {
    let members = world.members_now();
    let mut all = BTreeSet::new();
    for AssignmentKey { account, permission_set, principal } in world.assignments().into_keys() {
        match principal {
            Principal::User(user) => _ = all.insert((user, account, permission_set)),
            Principal::Group(group) => {
                for user in members.get(&group).into_iter().flatten() {
                    all.insert((user.clone(), account.clone(), permission_set.clone()));
                }
            }
        }
    }
    all
}

/// The same as a report tells it, asked about each account, or about each person.
fn told_reach<'a>(
    accesses: impl IntoIterator<Item = Access<'a>>,
) -> Vec<(UserId, AccountId, PermissionSetArn)> {
    let one = |access: Access<'a>| {
        let key = &access.assignment.key;
        access.person.map(|person| (person.id.clone(), key.account.clone(), key.permission_set.clone()))
    };
    accesses.into_iter().filter_map(one).collect()
}

/// The example organization with what rules gave, and with what people did by hand since.
async fn lived_in(seed: u64) -> Service {
    let mut chance = Chance::of(seed);
    let service = Service::start(Start { organization: EXAMPLE, world: calm(), ..Start::default() });
    service.publish(&document()).await;
    service.sweep_and_settle().await;
    let (accounts, sets, groups, users) = {
        let world = service.world();
        let accounts: Vec<AccountId> = world.accounts_now().into_iter().map(|account| account.id).collect();
        let sets: Vec<PermissionSetArn> =
            world.permission_sets_now().into_iter().map(|set| set.arn).collect();
        let groups: Vec<Principal> = world.groups_now().into_values().map(Principal::Group).collect();
        let users: Vec<Principal> = world.users_now().into_values().map(Principal::User).collect();
        (accounts, sets, groups, users)
    };
    for _ in 0..30 {
        let principal = if chance.one_in(3) { chance.pick(&users) } else { chance.pick(&groups) }.clone();
        let (account, permission_set) = (chance.pick(&accounts).clone(), chance.pick(&sets).clone());
        let key = AssignmentKey { account, permission_set, principal };
        if !service.exists(&key) {
            service.grant_by_hand(&key).await;
        }
    }
    let all: Vec<AssignmentKey> = service.world().assignments().into_keys().collect();
    for _ in 0..10 {
        let key = chance.pick(&all).clone();
        if service.exists(&key) {
            service.take_away_by_hand(&key).await;
        }
    }
    service.pass(Duration::from_mins(10)).await;
    service
}

#[tokio::test(start_paused = true)]
async fn every_assignment_is_in_the_report_once_and_ours_is_what_the_ledger_proves() {
    for seed in 0..5 {
        let service = lived_in(seed).await;
        let rows = service.ledger.rows(None).await.unwrap();
        let Page { items: rows, next: None } = rows else { panic!("more than a page") };
        for way in WAYS {
            let audit = service.audit(&by(way)).await;
            let truth: BTreeSet<AssignmentKey> = service.world().assignments().into_keys().collect();
            let keys: BTreeSet<_> = audit.assignments.iter().map(|one| one.key.clone()).collect();
            assert_eq!(keys.len(), audit.assignments.len(), "each once");
            assert!(audit.assignments.is_sorted_by_key(|one| one.key.clone()));
            let there = |one: &&Assignment| one.present;
            let present: BTreeSet<_> =
                audit.assignments.iter().filter(there).map(|one| one.key.clone()).collect();
            assert_eq!(present, truth, "{way:?}, seed {seed}");

            let ours: BTreeSet<_> = audit
                .assignments
                .iter()
                .filter(|one| one.present && one.ours)
                .map(|one| one.key.clone())
                .collect();
            let proved: BTreeSet<_> = rows
                .iter()
                .filter(|row| row.is_ours() && truth.contains(&row.key))
                .map(|row| row.key.clone())
                .collect();
            assert_eq!(ours, proved, "{way:?}, seed {seed}");
            for one in audit.assignments.iter().filter(there) {
                assert_eq!(one.standing == Standing::Foreign, !one.ours, "{one:?}");
            }
            assert!(audit.unread.is_empty() && audit.changed_meanwhile.is_empty(), "{:?}", audit.unread);

            let (accounts, users, meant) = {
                let world = service.world();
                (world.accounts_now(), world.users_now(), reach(&world))
            };
            let by_account: BTreeSet<_> =
                accounts.iter().flat_map(|account| told_reach(audit.who_reaches(&account.id))).collect();
            assert_eq!(by_account, meant, "{way:?}, seed {seed}");
            let by_person: BTreeSet<_> =
                users.values().flat_map(|user| told_reach(audit.reached_by(user))).collect();
            assert_eq!(by_person, meant, "{way:?}, seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_report_is_the_same_bytes_whenever_nothing_has_changed_and_however_it_is_written() {
    let service = lived_in(1).await;
    let first = service.audit(&by(Way::ByAccount)).await;
    let mut second = service.audit(&by(Way::ByAccount)).await;
    second.taken = first.taken.clone();
    let json = serde_json::to_string(&first).unwrap();
    assert_eq!(json, serde_json::to_string(&second).unwrap());
    assert_eq!(serde_json::from_str::<Audit>(&json).unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn each_assignment_says_what_it_is_to_usher() {
    let service = Service::new();
    let ends = "2026-12-24T00:00:00Z".parse().unwrap();
    let document = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")).until(ends),
        group("support", "Support").gets("DeployAccess").in_accounts(in_ou("Workloads/Production")),
    ]);
    service.publish(&document).await;
    service.sweep_and_settle().await;
    let foreign = service.key("play", "PowerUserAccess", "Developers");
    service.grant_by_hand(&foreign).await;
    let gone = service.key("two-dev", "ReadOnlyAccess", "Developers");
    service.take_away_by_hand(&gone).await;
    let orphaned = service.key("one-prod", "DeployAccess", "Support");
    let Principal::Group(support) = orphaned.principal.clone() else { panic!("a group") };
    service.person(|world, now, who| world.delete_group(now, who, &support)).await.unwrap();
    service.pass(Duration::from_mins(10)).await;

    for way in WAYS {
        let audit = service.audit(&by(way)).await;
        let ours = told(&audit, &service.key("one-dev", "ReadOnlyAccess", "Auditors")).unwrap();
        assert_eq!((ours.standing, ours.present, ours.wanted), (Standing::Ours, true, true));
        assert_eq!(ours.until, Some(ends));
        assert!(ours.cause.as_deref().unwrap().starts_with("sweep:"), "{ours:?}");
        assert_eq!(ours.rules.first().unwrap().as_str(), "always");
        assert_eq!(standing(&audit, &foreign), Some(Standing::Foreign));
        let lost = told(&audit, &gone).unwrap();
        assert_eq!((lost.standing, lost.present, lost.ours), (Standing::Drifted, false, true));
        let orphan = told(&audit, &orphaned).unwrap();
        assert_eq!((orphan.standing, orphan.present, orphan.ours), (Standing::Orphaned, true, true));
        let of_it = audit.groups.iter().find(|group| group.id == support).unwrap();
        assert!(of_it.gone && of_it.name == "Support", "it is told by the name that it bore: {of_it:?}");
        assert!(audit.who_reaches(&orphaned.account).iter().all(|access| access.assignment.key != orphaned));
    }

    // Two looks later it is held, and still missing.
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(10)).await;
    service.sweep_and_settle().await;
    let audit = service.audit(&AuditSettings::default()).await;
    let held = told(&audit, &gone).unwrap();
    assert_eq!((held.standing, held.ours), (Standing::Drifted, false));
    assert!(held.note.as_deref().unwrap().contains("deleted it by hand"), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_and_not_there_is_pending_and_gives_nobody_anything() {
    let service = Service::new();
    service.publish(&developers()).await;
    let audit = service.audit(&AuditSettings::default()).await;
    assert_eq!(audit.assignments.len(), 5);
    for one in &audit.assignments {
        assert_eq!((one.standing, one.present, one.wanted), (Standing::Pending, false, true), "{one:?}");
        assert_eq!(one.note.as_deref(), Some("the next run grants it"));
    }
    assert!(audit.who_reaches(&service.account("one-dev")).is_empty());
    assert_eq!(audit.groups.len(), 2, "who would have it is told");
    assert!(audit.groups.iter().all(|group| !group.members_unread));
}

#[tokio::test(start_paused = true)]
async fn without_rules_in_force_everything_that_is_there_is_of_others() {
    let service = Service::new();
    let key = service.key("play", "PowerUserAccess", "Developers");
    service.grant_by_hand(&key).await;
    let audit = service.audit(&AuditSettings::default()).await;
    assert_eq!((audit.taken.rules.clone(), audit.taken.mode), (None, None));
    let (done, known) = service.ports.beside.steps.done_of();
    assert!(done == known && done >= 4, "three permission sets and a place: {done} of {known}");
    assert_eq!(audit.assignments.len(), 1);
    assert_eq!(standing(&audit, &key), Some(Standing::Foreign));
    let access = audit.who_reaches(&key.account);
    assert_eq!(access[0].person.unwrap().user_name, "alba@example.com");
    assert_eq!(access[0].through.unwrap().name, "Developers");
    assert_eq!(audit.people.len(), 2);
    assert_eq!(audit.organizational_units.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_no_rule_wants_any_more_and_nobody_takes_away_has_drifted() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let create_only = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Production")),
    ]);
    service.publish(&create_only).await;
    let audit = service.audit(&AuditSettings::default()).await;
    let leaving = told(&audit, &service.key("one-dev", "ReadOnlyAccess", "Auditors")).unwrap();
    assert_eq!((leaving.standing, leaving.wanted), (Standing::Pending, false));
    assert!(leaving.note.as_deref().unwrap().contains("the next run revokes it"), "{leaving:?}");
    shared::engine::consent::Consent {
        ledger: &*service.ledger,
        clock: &*service.clock,
        by: "alba",
        reason: "",
    }
    .pause()
    .await
    .unwrap();
    let audit = service.audit(&AuditSettings::default()).await;
    let stays = told(&audit, &service.key("one-dev", "ReadOnlyAccess", "Auditors")).unwrap();
    assert_eq!(stays.standing, Standing::Drifted);
    assert!(stays.note.as_deref().unwrap().contains("paused"), "{stays:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_since_the_last_report_is_told_with_its_cause() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(10)).await;
    let before = service.audit(&AuditSettings::default()).await;

    service.move_to("one-dev", "Sandbox").await;
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    let appeared = service.key("play", "PowerUserAccess", "Support");
    service.grant_by_hand(&appeared).await;
    let gone = service.key("two-dev", "ReadOnlyAccess", "Auditors");
    service.take_away_by_hand(&gone).await;
    joins(&service, "bruno@example.com", "Developers").await;
    leaves(&service, "alba@example.com", "Developers").await;
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    let after = service.audit_since(&before).await;
    assert_eq!(after.taken.since, Some(before.taken.began));
    let of = |kind: ChangeKind, key: &AssignmentKey| {
        let is_it = |change: &&shared::audit::Change| {
            change.change == kind
                && change.account.as_ref() == Some(&key.account)
                && change.permission_set.as_ref() == Some(&key.permission_set)
                && change.principal.as_ref() == Some(&key.principal)
        };
        after
            .changes
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {kind:?} of {key}: {:#?}", after.changes))
    };
    let granted = of(ChangeKind::Granted, &service.key("play", "ReadOnlyAccess", "Developers"));
    assert!(granted.cause.as_deref().unwrap().starts_with("event:"), "{granted:?}");
    assert!(granted.at.unwrap() > before.taken.ended);
    assert_eq!(granted.rules.first().unwrap().as_str(), "dev");
    let revoked = of(ChangeKind::Revoked, &service.key("one-dev", "ReadOnlyAccess", "Developers"));
    assert!(revoked.cause.as_deref().unwrap().starts_with("event:"), "{revoked:?}");
    assert_eq!(of(ChangeKind::Appeared, &appeared).cause, None);
    assert_eq!(of(ChangeKind::Gone, &gone).at, None, "nobody knows when");
    let count = |kind| after.changes.iter().filter(|change| change.change == kind).count();
    assert_eq!((count(ChangeKind::Joined), count(ChangeKind::Left)), (1, 1));
    assert_eq!(count(ChangeKind::AccountMoved), 2);
    let moved = after.changes.iter().find(|change| change.account == Some(service.account("play")));
    assert!(moved.is_some());
    let times: Vec<_> = after.changes.iter().filter_map(|change| change.at).collect();
    assert!(times.iter().rev().is_sorted(), "the newest first: {times:?}");

    let calm = service.audit_since(&after).await;
    assert_eq!(calm.changes, [], "nothing has changed since");
}

#[tokio::test(start_paused = true)]
async fn an_edited_permission_set_is_told_with_the_event_that_told_of_it() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let before = service.audit(&AuditSettings::default()).await;
    service.edit("ReadOnlyAccess", "may look at everything").await;
    service.settle().await;
    let after = service.audit_since(&before).await;
    let [edited] = after.changes.as_slice() else { panic!("{:#?}", after.changes) };
    assert_eq!(edited.change, ChangeKind::SetEdited);
    assert!(edited.cause.as_deref().unwrap().starts_with("event:"), "{edited:?}");
    assert!(edited.note.as_deref().unwrap().contains("another description"), "{edited:?}");
    let set = after.permission_sets.iter().find(|set| set.name == "ReadOnlyAccess").unwrap();
    assert_eq!((set.provisioned.len(), set.outdated.len()), (3, 3));
}

fn deny(service: &Service, operation: &str) {
    service.world().faults.add(FaultRule {
        operation: operation.to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });
}

/// Whether something that could not be read is of this kind.
type Is = fn(&Scope) -> bool;

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_named_and_never_told_to_be_gone() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(10)).await;
    let before = service.audit(&AuditSettings::default()).await;
    let parts: [(&str, Is); 6] = [
        ("ListAccountAssignments", |scope| matches!(scope, Scope::Assignments { .. })),
        ("ListAccountsForProvisionedPermissionSet", |scope| matches!(scope, Scope::Provisioned { .. })),
        ("ListGroupMemberships", |scope| matches!(scope, Scope::Members { .. })),
        ("DescribePermissionSet", |scope| matches!(scope, Scope::PermissionSet { .. })),
        ("ListUsers", |scope| matches!(scope, Scope::People)),
        ("ListGroups", |scope| matches!(scope, Scope::Groups)),
    ];
    for (operation, is_one) in parts {
        deny(&service, operation);
        let audit = service.audit_since(&before).await;
        service.world().faults.clear(operation);
        assert!(audit.unread.iter().any(|unread| is_one(&unread.scope)), "{operation}: {:?}", audit.unread);
        assert_eq!(audit.changes, [], "{operation}: nothing has changed");
        let drifted = audit.assignments.iter().filter(|one| one.standing == Standing::Drifted).count();
        assert_eq!(drifted, 0, "{operation}");
        if operation == "DescribePermissionSet" {
            let told: Vec<&str> = audit.unread.iter().map(|unread| unread.what.as_str()).collect();
            assert!(
                told.contains(&"what permission set ReadOnlyAccess holds"),
                "its name is known: {told:?}"
            );
            assert!(audit.permission_sets.iter().any(|set| set.unread && set.name == "ReadOnlyAccess"));
        }
        if operation == "ListGroupMemberships" {
            assert!(audit.groups.iter().all(|group| group.members_unread && group.members.is_empty()));
        }
        // And what was not read then has not appeared since.
        assert_eq!(service.audit_since(&audit).await.changes, [], "{operation}");
    }
    deny(&service, "ListPermissionSets");
    let settings = AuditSettings::default();
    assert!(service.ports.auditor(&settings).audit(None).await.is_err(), "there is no report at all");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_ask_by_principal_it_goes_account_by_account() {
    let service = lived_in(3).await;
    deny(&service, "ListAccountAssignmentsForPrincipal");
    let audit = service.audit(&by(Way::ByPrincipal)).await;
    assert_eq!(audit.taken.way, Way::ByAccount);
    let present = audit.assignments.iter().filter(|one| one.present).count();
    assert_eq!(present, service.world().assignments().len());
    assert_eq!(audit.unread, []);
}

#[tokio::test(start_paused = true)]
async fn one_account_permission_set_or_person_is_read_alone_and_told_the_same() {
    let service = lived_in(2).await;
    let whole = service.audit(&AuditSettings::default()).await;
    let account = service.account("payments-dev");
    let only = |only| AuditSettings { only, ..AuditSettings::default() };
    let calls = service.world().log().len();
    let part = service.audit(&only(Only::Account(account.clone()))).await;
    let in_account: Vec<_> =
        whole.assignments.iter().filter(|one| one.key.account == account).cloned().collect();
    assert_eq!(part.assignments, in_account);
    let places = |operation: &str| {
        service.world().log().iter().skip(calls).filter(|call| call.operation == operation).count()
    };
    let sets: BTreeSet<_> = in_account.iter().map(|one| one.key.permission_set.clone()).collect();
    assert!(places("ListAccountAssignments") <= sets.len(), "nowhere else is looked");

    let set = whole.permission_sets.iter().find(|set| set.name == "ReadOnlyAccess").unwrap();
    let part = service.audit(&only(Only::PermissionSet(set.arn.clone()))).await;
    let of_set: Vec<_> =
        whole.assignments.iter().filter(|one| one.key.permission_set == set.arn).cloned().collect();
    assert_eq!(part.assignments, of_set);
    assert_eq!(part.permission_sets.iter().find(|one| one.arn == set.arn), Some(set));

    let users = service.world().users_now();
    for user in users.into_values().step_by(11) {
        let part = service.audit(&only(Only::Person(user.clone()))).await;
        let of = |audit: &Audit| -> BTreeSet<AssignmentKey> {
            audit.reached_by(&user).into_iter().map(|access| access.assignment.key.clone()).collect()
        };
        assert_eq!(of(&part), of(&whole), "{user}");
    }
}
