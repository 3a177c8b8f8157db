//! What is explained agrees with the plan, and with a second statement of what rules mean, over generated rules.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{AccountId, AssignmentKey, Mode, Operation, PermissionSet, Principal, RuleId},
    engine::{Dossier, Opened},
    ledger::Cause,
    plan::WithheldReason,
    resolve::{self, Question},
};
use simulator::{EXAMPLE, World};

use super::{
    fleet::calm,
    model::{Joined, Reach, Rule, Rules, Truth, Where, Who, group, in_ou, rule, rules, scope, tagged},
    service::{Service, Start},
    slices::Chance,
};

const GROUPS: [&str; 5] = ["Developers", "Support", "payments-developers", "SecurityAuditors", "Nobody"];
const SETS: [&str; 4] = ["ReadOnlyAccess", "PowerUserAccess", "SupportUser", "NoSuchSet"];

fn one_of(chance: &mut Chance, all: &[&'static str]) -> &'static str {
    all[chance.below(all.len())]
}

/// Some accounts.
fn place(chance: &mut Chance) -> Where {
    let teams = ["payments", "search", "platform"];
    match chance.below(7) {
        0 => Where::Everywhere,
        1 => in_ou(one_of(chance, &["Workloads", "Workloads/Test", "Infrastructure"])),
        2 => tagged("Team", one_of(chance, &teams)),
        3 => Where::All(vec![in_ou("Workloads"), tagged("Team", one_of(chance, &teams))]),
        4 => Where::Any(vec![Where::Named("search-prod".into()), tagged("Team", one_of(chance, &teams))]),
        5 => in_ou("Workloads").except([tagged("Environment", "Production")]),
        _ => Where::Id("111122223333".into()),
    }
}

/// Somebody, and something.
fn about(id: &str, chance: &mut Chance) -> Rule {
    let about = match chance.below(4) {
        0 => rule(id, Who::User("pavel.eskerby@example.com".into())),
        1 => rule(id, Who::MembersOf(one_of(chance, &GROUPS).into())),
        2 => rule(id, Who::GroupOfTag("Team".into(), "-developers".into())),
        _ => group(id, one_of(chance, &GROUPS)).and(Who::MembersOf(one_of(chance, &GROUPS).into())),
    };
    let about = about.gets(one_of(chance, &SETS));
    if chance.one_in(3) { about.gets_tagged("Environment", "Test") } else { about }
}

/// What two teams may give.
fn scoped(rules: Rules) -> Rules {
    let own = scope(in_ou("Workloads")).of("ReadOnlyAccess").of_tagged("Environment", &["Test", "All"]);
    let other = scope(tagged("Team", "payments"));
    rules
        .scoped("one", [own, other])
        .scoped("two", [scope(Where::Everywhere).of_tagged("OU", &["Workloads", "All"])])
}

/// The rule, in the file of a team unless it is beyond the team's scope by what is written alone: it would be refused then.
fn owned(rule: Rule, chance: &mut Chance) -> Rule {
    let owned = rule.clone().of_team(one_of(chance, &["one", "two"]));
    let reads = shared::rules::read(&scoped(rules([owned.clone()])).bundle()).is_ok();
    if reads && !chance.one_in(4) { owned } else { rule }
}

fn document(chance: &mut Chance) -> Rules {
    let list: Vec<Rule> = (0..10)
        .map(|number| {
            let about = about(&format!("rule-{number}"), chance);
            // Names made from a tag are given only where every account has it.
            let mut rule =
                about.in_accounts(Where::All(vec![Where::Has("Team".into(), true), place(chance)]));
            if chance.one_in(4) {
                let with = [Joined::AccountTag("Environment".into()), Joined::NearestOu, Joined::AnyOu];
                rule = rule.where_tag("Environment", chance.pick(&with).clone(), Some("All"));
            }
            if chance.one_in(5) {
                rule = rule.until("2026-01-01T00:00:00Z".parse().unwrap());
            }
            rule.reaching(*chance.pick(&[Reach::Sync, Reach::Sync, Reach::CreateOnly, Reach::Observe]))
        })
        .collect();
    let list = list.into_iter().map(|rule| owned(rule, chance)).collect::<Vec<_>>();
    scoped(rules(list))
        .never(group("", one_of(chance, &GROUPS)).gets(one_of(chance, &SETS)).in_accounts(place(chance)))
}

/// Everybody as they are asked about: a user with their groups, and each group.
fn questions(world: &World) -> Vec<(Principal, BTreeMap<Principal, Option<String>>)> {
    let (groups, members) = (world.groups_now(), world.members_now());
    let mut all = Vec::new();
    for (name, user) in world.users_now().into_iter().step_by(6) {
        let of = groups.iter().filter(|(_, id)| members.get(*id).is_some_and(|of| of.contains(&user)));
        let mut asked: BTreeMap<_, _> =
            of.map(|(name, id)| (Principal::Group(id.clone()), Some(name.clone()))).collect();
        asked.insert(Principal::User(user.clone()), Some(name));
        all.push((Principal::User(user), asked));
    }
    for (name, id) in groups {
        let group = Principal::Group(id);
        all.push((group.clone(), [(group, Some(name))].into()));
    }
    all
}

/// What the plan wants, with the rules that do, what a `never` takes out of it, and what is beyond a scope.
fn planned(opened: &Opened) -> [BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>; 3] {
    let (mut wanted, mut forbidden, mut beyond) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for action in opened.plan.actions().iter().filter(|action| action.operation == Operation::Grant) {
        wanted.insert(action.key.clone(), action.rules.clone());
    }
    for withheld in opened.plan.withheld().iter().filter(|it| it.operation == Operation::Grant) {
        let to = if withheld.reason == WithheldReason::Never {
            &mut forbidden
        } else if withheld.reason == WithheldReason::OutOfScope {
            &mut beyond
        } else {
            &mut wanted
        };
        to.insert(withheld.key.clone(), withheld.rules.clone());
    }
    [wanted, forbidden, beyond]
}

/// Holds what is said of one account against its plan; tells how much was wanted there.
fn compare(
    dossier: &Dossier,
    sets: &[PermissionSet],
    asked: &[(Principal, BTreeMap<Principal, Option<String>>)],
    meant: &BTreeSet<AssignmentKey>,
) -> (usize, usize) {
    let opened = dossier.found.as_ref().unwrap();
    let [wanted, forbidden, beyond] = planned(opened);
    let (account, index) = (&opened.account, &dossier.basis.rules.index);
    let (mut agreed, mut agreed_beyond) = (0, 0);
    for set in sets {
        for (principal, principals) in asked {
            let question = Question { principals, set: Some(set) };
            let why = resolve::why(index, account, &opened.facts, dossier.now, question);
            for of in principals.keys() {
                let key = AssignmentKey {
                    account: account.id.clone(),
                    permission_set: set.arn.clone(),
                    principal: of.clone(),
                };
                let explained = why.wanted_by(of);
                let context = format!("{key}, asked about {principal}");
                assert_eq!(explained, wanted.get(&key).cloned().unwrap_or_default(), "{context}");
                assert_eq!(!explained.is_empty(), meant.contains(&key), "{context}");
                let is_barred = why.barred_by(of).next().is_some() && !why.given_by(of).is_empty();
                assert_eq!(is_barred, forbidden.contains_key(&key), "{context}");
                if explained.is_empty() && !is_barred {
                    let explained = why.beyond(of);
                    assert_eq!(explained, beyond.get(&key).cloned().unwrap_or_default(), "{context}");
                    agreed_beyond += usize::from(!explained.is_empty());
                }
                agreed += usize::from(!explained.is_empty());
            }
        }
    }
    (agreed, agreed_beyond)
}

#[tokio::test(start_paused = true)]
async fn explain_gives_a_rule_exactly_for_the_assignments_that_plan_wants() {
    let cause = Cause::new("command", "explain");
    let (mut agreed, mut beyond) = (0, 0);
    for seed in 0..6 {
        let mut chance = Chance::of(seed);
        let document = document(&mut chance);
        let service = Service::start(Start { organization: EXAMPLE, world: calm(), ..Start::default() });
        service.publish(&document).await;
        let (asked, sets, accounts, meant) = {
            let world = service.world();
            let accounts: Vec<AccountId> =
                world.accounts_now().into_iter().map(|account| account.id).step_by(5).collect();
            let meant = document.wanted(&Truth::of(&world));
            (questions(&world), world.permission_sets_now(), accounts, meant)
        };
        for account in accounts {
            let dossier = service.ports.planner().dossier(&account, None, &cause).await.unwrap();
            // In the management account nothing is planned of what is there already: a row of its own says so elsewhere.
            if dossier.found.as_ref().is_some_and(|opened| opened.account.is_management) {
                continue;
            }
            let (of_account, beyond_of_account) = compare(&dossier, &sets, &asked, &meant);
            agreed += of_account;
            beyond += beyond_of_account;
        }
    }
    assert!(agreed > 100 && beyond > 20, "{agreed} and {beyond}: that is too little to say anything");
}
