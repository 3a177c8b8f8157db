//! Permission sets that the rules declare: made, edited, deleted by the function, and reprovisioned after.

use std::time::Duration;

use shared::{
    domain::PermissionSetArn,
    engine::KeepSummary,
    permission_sets::{Change, Details, MAKING_TAG},
    ports::{LedgerReader as _, SeenKind},
};
use simulator::{Fault, FaultRule, wire::sso_admin as sso};

use super::{
    fuse::{Fuse, When, fused},
    model::{Reach, Rules, Where, group, in_ou, rules},
    reprovisioning::MINUTE,
    service::Service,
};

pub(super) const DEVELOPERS: &str = "{ name: Developers, description: For those who develop, session_duration: PT4H, \
    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess], customer_managed_policies: [Common], \
    permissions_boundary: { customer_managed_policy: Boundary }, tags: { Team: shop }, \
    inline_policy: { Version: 2012-10-17, Statement: { Effect: Allow, Action: \"s3:*\", Resource: \"*\" } } }";

pub(super) fn declaring(sets: &str) -> Rules {
    rules([group("developers", "Developers").gets("Developers").in_accounts(in_ou("Workloads/Development"))])
        .with_permission_sets(sets)
}

impl Service {
    /// One invocation of the function that keeps them.
    pub(super) async fn keep(&self) -> KeepSummary {
        self.ports.keeper().run("keep", self.soon()).await.unwrap()
    }

    pub(super) async fn details(&self, name: &str) -> Option<Details> {
        let arn = self.world().permission_set_named(name)?;
        self.ports.sets.details(&arn).await.unwrap()
    }

    pub(super) fn calls(&self, name: &str) -> u64 {
        let world = self.world();
        world.counters().calls.iter().filter(|(call, _)| call.ends_with(name)).map(|(_, calls)| calls).sum()
    }

    /// A call that fails from now on.
    pub(super) fn fails(&self, operation: &str) {
        let (operation, fault) = (operation.to_owned(), Fault::AccessDenied);
        self.world().faults.add(FaultRule { operation, service: None, fault, calls: None, account: None });
    }

    /// A person attaches a policy.
    pub(super) async fn attach(&self, name: &str, policy: &str) {
        let set = self.set(name);
        let input = serde_json::json!({
            "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", "PermissionSetArn": set,
            "ManagedPolicyArn": format!("arn:aws:iam::aws:policy/{policy}"),
        });
        let input: sso::AttachManagedPolicyToPermissionSet = serde_json::from_value(input).unwrap();
        self.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    }
}

fn policies(details: &Details) -> Vec<String> {
    details.aws_managed.iter().map(|arn| arn.as_str().rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_declared_set_is_made_whole_and_the_assignments_to_it_follow() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0], "there is nothing to assign yet");

    let summary = service.keep().await;

    assert_eq!(summary, KeepSummary { made: 1, ..KeepSummary::default() });
    let made = service.details("Developers").await.unwrap();
    assert_eq!(made.session_duration.unwrap().to_string(), "PT4H");
    assert_eq!((policies(&made), made.customer_managed.len()), (vec!["ReadOnlyAccess".to_owned()], 1));
    assert_eq!(made.boundary.unwrap().to_string(), "/Boundary");
    assert!(made.inline.is_some());
    assert_eq!(made.tags.iter().collect::<Vec<_>>(), [("Team", "shop")], "the mark is gone");
    // Its own event tells that there is something to give now.
    service.deliver_events().await;
    service.settle().await;
    assert_eq!(service.assignments(), ["one-dev Developers Developers", "two-dev Developers Developers"]);

    // Nothing is written when nothing differs.
    service.pass(Duration::from_mins(16)).await;
    assert_eq!(service.keep().await, KeepSummary::default());
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_document_reaches_the_accounts_as_the_schedule_says() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    service.keep().await;
    service.sweep_and_settle().await;
    assert_eq!(service.outdated("Developers").await, [""; 0]);

    let edited = DEVELOPERS.replace("PT4H", "PT8H").replace("ReadOnlyAccess", "ViewOnlyAccess");
    service.publish(&declaring(&format!("[{edited}]"))).await;
    service.reprovision().await;

    let now = service.details("Developers").await.unwrap();
    assert_eq!(
        (now.session_duration.unwrap().to_string(), policies(&now)),
        ("PT8H".into(), vec!["ViewOnlyAccess".to_owned()])
    );
    assert_eq!(service.outdated("Developers").await, ["one-dev", "two-dev"]);
    let campaign = service.campaign("Developers").await.expect("it is due, without any event");
    assert!(campaign.edits.iter().any(|edit| edit.by == "Usher"), "{campaign:?}");

    service.reprovision_for(MINUTE * 8).await;
    assert_eq!(service.outdated("Developers").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_changes_by_hand_is_set_right_and_sets_that_nobody_declared_are_left_alone() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    service.keep().await;
    service.attach("Developers", "AdministratorAccess").await;
    service.attach("ReadOnlyAccess", "AdministratorAccess").await;
    let other = service.details("ReadOnlyAccess").await.unwrap();

    assert_eq!(service.keep().await, KeepSummary::default(), "it is not looked at all the time");
    service.pass(Duration::from_mins(16)).await;
    assert_eq!(service.keep().await.edited, 1);

    assert_eq!(policies(&service.details("Developers").await.unwrap()), ["ReadOnlyAccess"]);
    assert_eq!(service.details("ReadOnlyAccess").await.unwrap(), other);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_others_made_is_changed_only_where_it_is_adopted() {
    let service = Service::new();
    let before = service.details("ReadOnlyAccess").await.unwrap();
    let declared = |more: &str| {
        let set = format!("[{{ name: ReadOnlyAccess, session_duration: PT2H, tags: {{ A: b }}{more} }}]");
        rules([group("a", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Everywhere)])
            .with_permission_sets(&set)
    };
    service.publish(&declared("")).await;
    let summary = service.keep().await;
    assert_eq!(summary, KeepSummary { withheld: 1, ..KeepSummary::default() });
    assert_eq!(service.details("ReadOnlyAccess").await.unwrap(), before);

    service.publish(&declared(", adopt: true")).await;
    assert_eq!(service.keep().await.edited, 1);
    let after = service.details("ReadOnlyAccess").await.unwrap();
    assert_eq!(after.session_duration.unwrap().to_string(), "PT2H");
    assert_eq!(after.tags.iter().collect::<Vec<_>>(), [("A", "b")]);

    // It is Usher's from then on.
    service.publish(&declared("").with_reprovision("{ quiet: 1m }")).await;
    service.attach("ReadOnlyAccess", "AdministratorAccess").await;
    assert_eq!(service.keep().await.edited, 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_is_deleted_once_nothing_holds_it_and_only_if_the_document_says_so() {
    let service = Service::new();
    let others = |sets: &str| {
        rules([group("a", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
            .with_permission_sets(sets)
    };
    service.publish(&declaring(&format!("[{DEVELOPERS}, {{ name: Spare }}]"))).await;
    service.keep().await;
    service.sweep_and_settle().await;

    service.publish(&others("[{ name: Spare }, { name: Developers, delete: true }]")).await;
    assert_eq!(service.keep().await.withheld, 1, "two accounts have it");
    assert!(service.details("Developers").await.is_some());
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(16)).await;
    assert_eq!(service.keep().await.deleted, 1);
    assert!(service.details("Developers").await.is_none());

    // What is taken out of the document stays.
    service.publish(&others("[{ name: Developers, delete: true }]")).await;
    service.keep().await;
    assert!(service.details("Spare").await.is_some());
    // And what others made is not deleted.
    service.publish(&others("[{ name: DeployAccess, delete: true }]")).await;
    assert_eq!(service.keep().await.withheld, 1);
    assert!(service.details("DeployAccess").await.is_some());
    assert_eq!(service.calls("DeletePermissionSet"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_was_deleted_by_hand_is_made_again_and_stands_for_its_name() {
    let service = Service::new();
    let sets = declaring(&format!("[{DEVELOPERS}]"));
    service.publish(&sets).await;
    service.keep().await;
    let gone = service.set("Developers");
    service.ports.set_writer.change(&gone, &Change::Delete).await.unwrap();
    service.pass(Duration::from_mins(16)).await;

    assert_eq!(service.keep().await.made, 1);

    assert_ne!(service.set("Developers"), gone);
    service.sweep_and_settle().await;
    assert_eq!(
        service.assignments().len(),
        2,
        "the document itself declares it, so nobody has to confirm it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_and_the_modes_hold() {
    let service = Service::new();
    let document = |reach: Reach, sets: &str| {
        let mut rules = declaring(sets);
        rules.reach = reach;
        rules
    };
    service.publish(&document(Reach::Observe, &format!("[{DEVELOPERS}]"))).await;
    assert_eq!(service.keep().await, KeepSummary::default());
    assert!(service.details("Developers").await.is_none());

    service.publish(&document(Reach::CreateOnly, &format!("[{DEVELOPERS}]"))).await;
    service.pause().await;
    assert_eq!(service.keep().await, KeepSummary::default());
    service.resume().await;
    assert_eq!(service.keep().await.made, 1);

    let narrower = DEVELOPERS.replace("customer_managed_policies: [Common], ", "");
    service.publish(&document(Reach::CreateOnly, &format!("[{narrower}]"))).await;
    assert_eq!(service.keep().await.withheld, 1);
    assert_eq!(service.details("Developers").await.unwrap().customer_managed.len(), 1);
    let wider = DEVELOPERS.replace("[Common]", "[Common, More]");
    service.publish(&document(Reach::CreateOnly, &format!("[{wider}]"))).await;
    assert_eq!(service.keep().await.edited, 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_of_which_no_answer_came_is_known_again_and_made_whole() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    let lost = |fault| FaultRule {
        operation: "CreatePermissionSet".to_owned(),
        service: None,
        fault,
        calls: Some(1),
        account: None,
    };
    // Nothing was done the first time, and it was done the second.
    for fault in [Fault::InternalError, Fault::LostAnswer] {
        service.world().faults.add(lost(fault));
        assert_eq!(service.keep().await, KeepSummary { failed: 1, ..KeepSummary::default() });
        service.pass(Duration::from_mins(2)).await;
    }
    let half = service.details("Developers").await.unwrap();
    assert!(half.inline.is_none() && half.tags.get(MAKING_TAG).is_some(), "{half:?}");
    // Others that bear a mark are not taken for Usher's.
    let other = service.set("ReadOnlyAccess");
    let mark = Change::Tag([(MAKING_TAG, "1")].into_iter().collect());
    service.ports.set_writer.change(&other, &mark).await.unwrap();
    service
        .publish(&declaring(&format!("[{DEVELOPERS}, {{ name: ReadOnlyAccess, session_duration: PT2H }}]")))
        .await;

    let summary = service.keep().await;

    assert_eq!((summary.edited, summary.withheld), (1, 1), "{summary:?}");
    let made = service.details("Developers").await.unwrap();
    assert!(made.inline.is_some() && made.tags.get(MAKING_TAG).is_none(), "{made:?}");
    assert_eq!(made.arn, half.arn);
    service.sweep_and_settle().await;
    assert!(service.assignments().contains(&"one-dev Developers Developers".to_owned()));
}

/// A set is made and another edited, whatever the function dies of.
#[tokio::test(start_paused = true)]
async fn the_function_may_die_before_or_after_anything_that_it_does() {
    let run = async |when: When| -> (Service, usize) {
        let service = Service::new();
        service.publish(&declaring("[{ name: Edited, tags: { A: b } }, { name: Spare }]")).await;
        service.keep().await;
        service.told_of_sets().await;
        let edited = "{ name: Edited, session_duration: PT2H, customer_managed_policies: [X] }";
        let spare = "{ name: Spare, delete: true }";
        service.publish(&declaring(&format!("[{DEVELOPERS}, {edited}, {spare}]"))).await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let until = service.soon();
        tokio::select! {
            kept = async { ports.keeper().run("dies", until).await } => {
                kept.unwrap();
            }
            () = fuse.blown() => {}
        }
        (service, fuse.count())
    };
    let (_, steps) = run(When::Never).await;
    assert!(steps > 40, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let (service, _) = run(when).await;
            // The lease of the dead one runs out.
            service.pass(Duration::from_mins(2)).await;
            service.keep().await;
            service.pass(Duration::from_mins(16)).await;
            assert_eq!(service.keep().await, KeepSummary::default(), "{when:?} of {steps}");
            let mut told = service.told_of_sets().await;
            told.sort_unstable();
            let all = ["set_deleted Spare", "set_edited Edited", "set_made Developers"];
            assert_eq!(told, all, "{when:?} of {steps}");
            let made = service.details("Developers").await.unwrap();
            assert_eq!(made.tags.iter().collect::<Vec<_>>(), [("Team", "shop")], "{when:?}: {MAKING_TAG}");
            assert!(made.inline.is_some() && made.boundary.is_some(), "{when:?}");
            let edited = service.details("Edited").await.unwrap();
            assert_eq!((edited.tags.is_empty(), edited.customer_managed.len()), (true, 1), "{when:?}");
            let campaign = service.campaign("Edited").await.expect("an edit is due");
            assert_eq!(campaign.permission_set, edited.arn);
            let own = service.ledger.recall(SeenKind::OwnPermissionSet).await.unwrap();
            // Nothing is begun any more.
            let own: Vec<PermissionSetArn> = own
                .iter()
                .map(|seen| seen.id.parse().unwrap_or_else(|_| panic!("{when:?}: {own:?}")))
                .collect();
            assert!(own.contains(&made.arn) && own.contains(&edited.arn), "{when:?}: {own:?}");
        }
    }
}
