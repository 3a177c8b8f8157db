//! Permission sets and the rules that give them, changed by one version of the document: nothing is taken away before what takes its place
//! is there, and nothing waits for ever.

use std::time::Duration;

use super::{
    declared::declaring,
    members::leaves,
    model::{Rule, Rules, Where, Who, group, in_ou, rule, rules},
    reprovisioning::MINUTE,
    service::Service,
};
use shared::{
    domain::Operation,
    ledger::Cause,
    plan::WithheldReason,
    ports::{Ledger as _, Seen, SeenKind},
};

const HOUR: Duration = Duration::from_hours(1);

fn in_development(rule: Rule) -> Rule {
    rule.in_accounts(in_ou("Workloads/Development"))
}

impl Service {
    /// Both accounts of `Workloads/Development` are looked at, as after any publication.
    async fn look(&self) {
        self.hint("one-dev").await;
        self.hint("two-dev").await;
        self.settle().await;
    }

    /// Why nothing is revoked in an account.
    async fn reasons(&self, account: &str) -> Vec<WithheldReason> {
        let (id, cause) = (self.account(account), Cause::new("test", "1"));
        let (decided, _) = self.ports.planner().account(&id, &cause).await.unwrap();
        let revokes = decided.plan.withheld.into_iter().filter(|it| it.operation == Operation::Revoke);
        revokes.map(|withheld| withheld.reason).collect()
    }
}

/// Under these rules, and as they say.
async fn kept(document: &Rules) -> Service {
    let service = Service::new();
    service.publish(document).await;
    service.keep().await;
    service.deliver_events().await;
    service.sweep_and_settle().await;
    service
}

#[tokio::test(start_paused = true)]
async fn a_set_and_the_rule_that_selects_it_change_their_tags_in_one_version_and_nobody_loses_it() {
    let document = |key: &str, value: &str| {
        rules([in_development(group("developers", "Developers").gets_tagged(key, value))])
            .with_permission_sets(&format!("[{{ name: Develop, tags: {{ {key}: {value} }} }}]"))
    };
    let service = kept(&document("Team", "shop")).await;
    let both = ["one-dev Develop Developers", "two-dev Develop Developers"];
    assert_eq!(service.assignments(), both);
    // Its tags are remembered, as they are before.
    service.pass(MINUTE).await;
    service.publish(&document("Env", "dev")).await;

    service.look().await;
    assert_eq!(service.assignments(), both);
    let awaited = [WithheldReason::PermissionSetAwaited("Develop".to_owned())];
    assert_eq!(service.reasons("one-dev").await, awaited);
    assert_eq!(
        awaited.map(|awaited| awaited.to_string()),
        ["it stays until the permission set `Develop`, which may take its place, is as the rules declare it"]
    );
    assert_eq!(service.keep().await.edited, 1);
    service.look().await;

    assert_eq!(service.assignments(), both);
    assert_eq!(service.reasons("one-dev").await, [], "its new tags are known at once");
    service.pass(HOUR).await;
    service.sweep_and_settle().await;
    assert_eq!((service.calls("DeleteAccountAssignment"), service.calls("CreateAccountAssignment")), (0, 2));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_gave_stays_until_the_set_is_made_whole_that_takes_its_place() {
    let sets = "[{ name: Develop }, { name: Build, aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess] }]";
    let service = kept(
        &rules([
            in_development(group("developers", "Developers").gets("Develop")),
            in_development(group("auditors", "Auditors").gets("ReadOnlyAccess")),
        ])
        .with_permission_sets("[{ name: Develop }]"),
    )
    .await;
    // Another rule gives it; that of the auditors is gone.
    service
        .publish(
            &rules([in_development(group("builders", "Developers").gets("Build"))])
                .with_permission_sets(sets),
        )
        .await;

    service.look().await;
    let old = ["one-dev Develop Developers", "two-dev Develop Developers"];
    assert_eq!(service.assignments(), old, "the auditors wait for nothing");
    // It is there, and not yet what it is declared to be.
    service.fails("AttachManagedPolicyToPermissionSet");
    assert_eq!(service.keep().await.failed, 1);
    service.deliver_events().await;
    service.look().await;
    assert!(old.iter().all(|old| service.assignments().contains(&(*old).to_owned())));
    service.world().faults.clear_all();
    service.pass(MINUTE * 2).await;
    assert_eq!(service.keep().await.edited, 1);
    service.deliver_events().await;
    service.look().await;

    assert_eq!(service.assignments(), ["one-dev Build Developers", "two-dev Build Developers"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_ever_and_what_nobody_is_to_have_any_more_does_not_wait() {
    let people = || in_development(rule("people", Who::MembersOf("Developers".to_owned())));
    let support = || in_development(group("support", "Support"));
    let service = kept(&rules([
        people().gets("ReadOnlyAccess"),
        support().gets("ReadOnlyAccess"),
        in_development(group("auditors", "Auditors").gets("PowerUserAccess")),
    ]))
    .await;
    let never = in_development(group("never", "Auditors").gets("PowerUserAccess"));
    service
        .publish(
            &rules([
                people().gets("Build"),
                support().gets("Build"),
                in_development(group("auditors", "Auditors").gets("PowerUserAccess").gets("Build")),
            ])
            .never(never)
            .with_permission_sets("[{ name: Build }]"),
        )
        .await;
    service.fails("CreatePermissionSet");
    assert_eq!(service.keep().await.failed, 1);
    leaves(&service, "alba@example.com", "Developers").await;

    service.look().await;
    let old = ["one-dev ReadOnlyAccess Support", "two-dev ReadOnlyAccess Support"];
    assert_eq!(service.assignments(), old, "what is forbidden is gone, and so is what those had who left");
    // It fails all the time, and is told.
    for _ in 0..11 {
        service.pass(HOUR * 2).await;
        service.keep().await;
        service.look().await;
        assert_eq!(service.assignments(), old);
        assert_eq!(
            service.reasons("two-dev").await,
            [WithheldReason::PermissionSetAwaited("Build".to_owned())]
        );
    }
    service.pass(HOUR * 3).await;
    service.look().await;
    assert_eq!(service.assignments(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_set_that_is_left_as_it_is_once_all_have_been_gone_through() {
    let document = |key: &str, sets: &str| {
        rules([group("a", "Developers").gets_tagged(key, "All").in_accounts(Where::Everywhere)])
            .with_permission_sets(sets)
    };
    let service = kept(&document("Environment", "[{ name: Other }]")).await;
    let before = service.assignments();
    assert!(before.contains(&"one-dev ReadOnlyAccess Developers".to_owned()), "{before:?}");
    // Others made it, and nobody says `adopt`.
    service.publish(&document("Scope", "[{ name: ReadOnlyAccess, tags: { Scope: All } }]")).await;
    service.look().await;
    assert_eq!(service.assignments(), before, "nobody has looked at it yet");
    assert_eq!(service.keep().await.withheld, 1);
    service.look().await;
    assert_eq!(service.assignments(), before, "what is remembered may be from before");

    service.pass(MINUTE * 16).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0], "the plan has shown it");
}

#[tokio::test(start_paused = true)]
async fn an_edit_leaves_the_tags_in_memory_that_it_gave() {
    let document = |value: &str| {
        rules([in_development(group("developers", "Developers").gets_tagged("Team", value))])
            .with_permission_sets(&format!("[{{ name: Develop, tags: {{ Team: {value} }} }}]"))
    };
    let service = kept(&document("shop")).await;
    service.pass(MINUTE).await;
    service.publish(&document("web")).await;
    service.keep().await;
    let set = service.set("Develop");
    let seen = service.ports.ledger.recall_one(SeenKind::PermissionSetTags, set.as_str()).await.unwrap();
    assert_eq!(seen.unwrap().value, serde_json::json!({ "Team": "web" }));
    // A slower reader doesn't put back what it read before.
    let old = Seen {
        id: set.to_string(),
        value: serde_json::json!({ "Team": "shop" }),
        at: "2026-11-02T09:00:00Z".parse().unwrap(),
    };
    service.ledger.remember(SeenKind::PermissionSetTags, &[old]).await.unwrap();
    let seen = service.ports.ledger.recall_one(SeenKind::PermissionSetTags, set.as_str()).await.unwrap();
    assert_eq!(seen.unwrap().value, serde_json::json!({ "Team": "web" }));
    // What is declared and not selected by anything is no matter of this.
    service.publish(&declaring("[{ name: Developers }]")).await;
    assert_eq!(service.keep().await.made, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_gave_stays_until_the_set_that_is_there_is_as_declared() {
    let document = |given: &str, policy: &str| {
        rules([in_development(group("developers", "Developers").gets(given))]).with_permission_sets(&format!(
            "[{{ name: Develop }}, {{ name: Build, aws_managed_policies: [arn:aws:iam::aws:policy/{policy}] }}]"
        ))
    };
    let service = kept(&document("Develop", "ViewOnlyAccess")).await;
    let old = ["one-dev Develop Developers", "two-dev Develop Developers"];
    assert_eq!(service.assignments(), old);
    // Both are there; the one that the rule gives now is edited by the same version.
    service.publish(&document("Build", "ReadOnlyAccess")).await;
    service.look().await;
    let both = |service: &Service| old.iter().all(|old| service.assignments().contains(&(*old).to_owned()));
    assert!(both(&service), "nobody has looked at it since it is declared so");
    service.fails("AttachManagedPolicyToPermissionSet");
    assert_eq!(service.keep().await.failed, 1);
    service.look().await;
    assert!(both(&service), "it has none of its policies now");
    assert_eq!(service.reasons("one-dev").await, [WithheldReason::PermissionSetAwaited("Build".to_owned())]);

    service.world().faults.clear_all();
    service.pass(MINUTE * 2).await;
    assert_eq!(service.keep().await.edited, 1);
    service.look().await;
    let new = ["one-dev Build Developers", "two-dev Build Developers"];
    assert_eq!(service.assignments(), new);

    // What stays as it is declared is not waited for.
    service.publish(&document("Develop", "ReadOnlyAccess")).await;
    service.look().await;
    assert_eq!(service.assignments(), old);
    service.converged(&[]).await;
}
