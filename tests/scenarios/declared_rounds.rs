//! How the function goes about declared permission sets: what it reads at whose pace, what it tries again, and what an edit that fails
//! leaves undisturbed.

use std::time::Duration;

use super::{
    declared::{DEVELOPERS, declaring},
    fuse::{Fuse, When, fused},
    reprovisioning::MINUTE,
    service::{SMALL, Service, Start},
};
use jiff::SignedDuration;
use shared::{
    engine::{DeclaredSets, KeepSummary, Kept, Reader, SetKeeper},
    ports::{Clock as _, LedgerReader as _, SeenKind},
};

#[tokio::test(start_paused = true)]
async fn an_edit_that_gets_no_further_brings_what_it_has_done_to_all_waves() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    service.keep().await;
    service.sweep_and_settle().await;
    assert_eq!(service.outdated("Developers").await, [""; 0]);
    let edited = DEVELOPERS.replace("ReadOnlyAccess", "ViewOnlyAccess");
    let waves =
        "{ quiet: 5m, waves: [{ accounts: { named: one-dev } }, { after: 10m, accounts: everywhere }] }";
    service.publish(&declaring(&format!("[{edited}]")).with_reprovision(waves)).await;
    service.fails("AttachManagedPolicyToPermissionSet");

    service.reprovision_for(MINUTE * 3).await;
    assert!(service.details("Developers").await.unwrap().aws_managed.is_empty(), "what goes is gone");
    assert_eq!(service.outdated("Developers").await, ["one-dev", "two-dev"]);
    service.reprovision_for(MINUTE * 9).await;
    assert_eq!(service.outdated("Developers").await, ["two-dev"]);
    service.reprovision_for(MINUTE * 15).await;
    assert_eq!(service.outdated("Developers").await, [""; 0]);
    // It is over, and stays so.
    assert_eq!(service.campaign("Developers").await.filter(|campaign| !campaign.is_over()), None);
    let records = service.records().await.len();
    service.reprovision_for(MINUTE * 60).await;
    assert_eq!(service.records().await.len(), records);

    // Once it gets further, that is due again.
    service.world().faults.clear_all();
    service.reprovision_for(MINUTE * 100).await;
    assert_eq!(service.details("Developers").await.unwrap().aws_managed.len(), 1);
    assert_eq!(service.outdated("Developers").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_same_edit_is_due_again_when_the_one_before_is_done() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]")).with_reprovision("{ quiet: 1m }")).await;
    service.keep().await;
    service.sweep_and_settle().await;
    for records in 1..4 {
        service.attach("Developers", "AdministratorAccess").await;
        // No event tells of it: Usher's own mark is all there is.
        service.take_events();
        service.pass(MINUTE * 16).await;
        assert_eq!(service.keep().await.edited, 1);
        service.take_events();
        assert!(service.campaign("Developers").await.is_some_and(|campaign| !campaign.is_over()));
        service.reprovision_for(MINUTE * 8).await;
        assert_eq!(service.records().await.len(), records);
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_fails_is_tried_again_alone() {
    let service = Service::new();
    let sets = |policy: &str| {
        format!(
            "[{{ name: A, tags: {{ A: a }} }}, {{ name: B, aws_managed_policies: [arn:aws:iam::aws:policy/{policy}] }}, {{ name: C }}]"
        )
    };
    service.publish(&declaring(&sets("ReadOnlyAccess"))).await;
    service.keep().await;
    service.sweep().await.unwrap();
    service.publish(&declaring(&sets("ViewOnlyAccess"))).await;
    service.fails("AttachManagedPolicyToPermissionSet");
    assert_eq!(service.keep().await, KeepSummary { failed: 1, ..KeepSummary::default() });
    let (mut tries, mut described) = (Vec::new(), service.calls("DescribePermissionSet"));
    for minute in 1..15 {
        service.pass(MINUTE).await;
        let failed = service.keep().await.failed;
        let calls = service.calls("DescribePermissionSet") - described;
        described += calls;
        // Once without the lease, and once under it.
        assert_eq!(calls, if failed > 0 { 2 } else { 0 }, "minute {minute}");
        tries.extend((failed > 0).then_some(minute));
    }
    assert_eq!(tries, [2, 6, 14]);

    // The others are looked at as ever.
    service.world().faults.clear_all();
    service.attach("C", "AdministratorAccess").await;
    service.fails("AttachManagedPolicyToPermissionSet");
    service.pass(MINUTE).await;
    assert_eq!(service.keep().await, KeepSummary { edited: 1, ..KeepSummary::default() });
    service.world().faults.clear_all();
    service.pass(MINUTE * 16).await;
    assert_eq!(service.keep().await, KeepSummary { edited: 1, ..KeepSummary::default() });
}

#[tokio::test(start_paused = true)]
async fn names_of_many_sets_are_learned_bit_by_bit_and_kept() {
    let more = (0..23).map(|n| format!("  - {{ name: Other{n} }}")).collect::<Vec<_>>().join("\n");
    let organization = SMALL.replace("permission_sets:\n", &format!("permission_sets:\n{more}\n"));
    let service = Service::start(Start { organization: &organization, ..Start::default() });
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    let known = async || service.ledger.recall(SeenKind::PermissionSet).await.unwrap().len();
    for learned in [5, 10, 15, 20, 25] {
        // There is time for nothing, and something is done.
        let summary = service.ports.keeper().run("keep", service.clock.now()).await.unwrap();
        assert_eq!((summary, known().await), (KeepSummary::default(), learned));
    }
    assert_eq!(service.calls("DescribePermissionSet"), 25, "none is asked for twice");
    assert_eq!(service.keep().await.made, 1);
}

/// What is read while the engine stands still is read at the engine's pace.
#[tokio::test(start_paused = true)]
async fn nothing_is_read_at_the_functions_pace_under_the_lease() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    let fuse = Fuse::new(When::Never);
    let slow = fused(&service.ports, &fuse);
    let keeper = service.ports.keeper();
    let reader = Reader { access: &*slow.access, ..keeper.declared.reader };
    let declared = DeclaredSets { reader, sets: &*slow.sets, ..keeper.declared };
    let keeper = SetKeeper { declared, ..keeper };
    let rules = service.ports.rulebook.in_force(&*service.ledger).await.unwrap();

    assert_eq!(keeper.keep("keep", &rules, "Developers", None).await.unwrap(), Kept::Made);
    assert_eq!(fuse.count(), 0);

    // Without the lease it is the other way round.
    service.pass(Duration::from_mins(1)).await;
    keeper.run("keep", service.clock.now() + SignedDuration::from_mins(1)).await.unwrap();
    assert!(fuse.count() > 1);
}
