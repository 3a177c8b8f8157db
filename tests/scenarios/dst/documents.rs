//! The rule documents of histories: some of a dozen rules that use what rules can say.

use jiff::SignedDuration;
use shared::{engine::PublishError, ports::Clock as _};

use super::simulation::Simulation;
use crate::scenarios::{
    chance::Chance,
    model::{Joined, Reach, Rule, Rules, Where, Who, group, in_ou, rule, rules, tagged},
};

fn all(simulation: &Simulation, chance: &mut Chance) -> Vec<Rule> {
    let now = simulation.service.clock.now();
    let soon =
        |chance: &mut Chance| now + SignedDuration::from_mins(chance.below(600).try_into().unwrap_or(1));
    vec![
        group("developers", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("deploy", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        group("audit", "Auditors").gets("ReadOnlyAccess").in_accounts(Where::Everywhere),
        rule("members", Who::MembersOf("Developers".into()))
            .gets("PowerUserAccess")
            .in_accounts(in_ou("Sandbox")),
        rule("team", Who::GroupOfTag("Team".into(), String::new()))
            .gets("PowerUserAccess")
            .in_accounts(Where::All(vec![in_ou("Workloads"), Where::Has("Team".into(), true)])),
        group("matched", "Support")
            .gets_tagged("Environment", "Development")
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All"))
            .in_accounts(in_ou("Workloads")),
        group("kept", "Support")
            .gets("PowerUserAccess")
            .in_accounts(Where::Named("two-dev".into()))
            .reaching(Reach::CreateOnly),
        rule("bruno", Who::User("bruno@example.com".into()))
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Sandbox")),
        group("watched", "Developers")
            .gets("DeployAccess")
            .in_accounts(in_ou("Sandbox"))
            .reaching(Reach::Observe),
        group("later", "Auditors")
            .gets("DeployAccess")
            .in_accounts(in_ou("Workloads/Production"))
            .from(soon(chance)),
        group("for-now", "Developers")
            .gets("DeployAccess")
            .in_accounts(in_ou("Workloads"))
            .until(soon(chance)),
        group("tagged-sets", "Auditors")
            .gets_tagged("Environment", "All")
            .in_accounts(Where::Everywhere.except([tagged("Environment", "Production")])),
    ]
}

/// Most of the rules; now and then with a mode, a `never` or budgets of its own.
fn drawn(simulation: &Simulation, chance: &mut Chance) -> Rules {
    let mut chosen = all(simulation, chance);
    chosen.retain(|_| chance.percent(70));
    let mut document = rules(chosen);
    if chance.percent(25) {
        document = document.never(group("", "Support").gets("DeployAccess").in_accounts(in_ou("Sandbox")));
    }
    document.reach = match chance.below(10) {
        0 => Reach::Observe,
        1 => Reach::CreateOnly,
        _ => Reach::Sync,
    };
    document.max_deletes = 2 + u32::try_from(chance.below(20)).unwrap_or(0);
    document.max_creates = 5 + u32::try_from(chance.below(300)).unwrap_or(0);
    document.max_orphan_deletes = 1 + u32::try_from(chance.below(20)).unwrap_or(0);
    document
}

pub(super) async fn publish(simulation: &Simulation, chance: &mut Chance) {
    let document = drawn(simulation, chance);
    put(simulation, document).await;
}

/// Somebody publishes a document without any rule. It is refused whole, unless there was none before.
pub(super) async fn publish_nothing(simulation: &Simulation) {
    let document = rules([]);
    let before = simulation.service.checker().rules_now().map_or(0, Rules::len);
    let ended = simulation.service.try_publish(&document).await;
    assert!(before == 0 || ended.is_err(), "a document without any rule was brought into force");
    if ended.is_ok() {
        simulation.state.borrow_mut().published.insert(document.bundle().version(), document);
    }
}

async fn put(simulation: &Simulation, document: Rules) {
    let ended: Result<(), PublishError> = simulation.service.try_publish(&document).await;
    if simulation.aloud
        && let Err(refused) = &ended
    {
        println!("  refused: {refused:?}");
    }
    if ended.is_ok() {
        simulation.state.borrow_mut().published.insert(document.bundle().version(), document);
    }
}
