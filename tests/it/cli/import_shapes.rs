//! Organizations of many shapes, as chance has it: imported, adopted, and left as they are.

use std::{collections::BTreeSet, fmt::Write as _};

use cli::Ending;
use shared::{clock::SystemClock, domain::AccountState, ports::Clock as _};
use simulator::{Caller, CallerKind, wire::identity_store::DeleteUser};

use super::Place;

/// Numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// An organization whose assignments were given by whole OUs, by teams, and one by one.
fn generated(seed: u64) -> String {
    let mut chance = Chance(seed);
    let (mut text, mut assigned) = (String::new(), BTreeSet::new());
    let mut accounts = Vec::new();
    text.push_str("organization: o-exampleorg1\nroot: r-ab12\nmanagement_account: { name: management, id: \"111122223333\" }\norganizational_units:\n");
    for ou in 0..3 {
        let _ = write!(text, "  - name: Unit {ou}\n    accounts:\n");
        for _ in 0..=chance.below(4) {
            let (number, team) = (accounts.len(), chance.below(3));
            accounts.push((ou, team));
            let _ = writeln!(
                text,
                "      - {{ name: account-{number}, id: \"2000000000{number:02}\", tags: {{ Team: team-{team} }} }}"
            );
        }
    }
    text.push_str("instance: { arn: \"arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6\", identity_store: d-9067642ac1, name: example }\n");
    text.push_str(
        "permission_sets: [{ name: ReadOnlyAccess }, { name: PowerUserAccess }, { name: \"+odd\" }]\n",
    );
    text.push_str("groups: [{ name: Group 0 }, { name: \"yes\" }, { name: \"{odd}\" }, { name: Leavers }]\nusers: [{ user_name: alice@example.com, display_name: Alice }, { user_name: \"7\", display_name: Seven }, { user_name: gone@example.com, display_name: Gone }]\nassignments:\n");
    let who = [
        "group: Group 0",
        "group: \"yes\"",
        "group: \"{odd}\"",
        "user: alice@example.com",
        "user: \"7\"",
        "group: Leavers",
        "user: gone@example.com",
    ];
    let sets = ["ReadOnlyAccess", "PowerUserAccess", "\"+odd\""];
    for _ in 0..4 {
        let (who, set, kind, of) =
            (chance.below(who.len()), chance.below(3), chance.below(3), chance.below(3));
        for (number, (ou, team)) in accounts.iter().enumerate() {
            if kind == 0 && *ou == of || kind == 1 && *team == of || kind == 2 && *ou != of {
                assigned.insert((number, set, who));
            }
        }
    }
    for _ in 0..3 {
        assigned.insert((chance.below(accounts.len()), chance.below(3), chance.below(who.len())));
    }
    for who in 5..7 {
        assigned.insert((chance.below(accounts.len()), chance.below(3), who));
    }
    for (number, set, one) in assigned {
        let _ = writeln!(
            text,
            "  - {{ account: account-{number}, permission_set: {}, {} }}",
            sets[set], who[one]
        );
    }
    text
}

/// A group and a user are deleted, an account is suspended and one is closed: what they had stays listed.
fn lose_some(place: &Place, seed: u64) {
    let mut world = place.world();
    let mut chance = Chance(seed + 1000);
    let now = SystemClock.now();
    let person = Caller::new("console-admin", "111122223333".parse().unwrap(), CallerKind::Management);
    let leavers = world.group_named("Leavers").unwrap();
    world.delete_group(now, &person, &leavers).unwrap();
    let gone = world.user_named("gone@example.com").unwrap();
    let input =
        DeleteUser { identity_store_id: world.identity_store(), user_id: gone.to_string(), revision: None };
    world.call(now, &person, input).unwrap();
    let accounts = world.accounts_now();
    for state in [AccountState::Suspended, AccountState::Closed] {
        let account = &accounts[chance.below(accounts.len())];
        if account.id.as_str() != "111122223333" {
            world.set_account_state(now, &account.id, state);
        }
    }
}

#[tokio::test]
async fn organizations_of_any_shape_are_imported_adopted_and_left_as_they_are() {
    for seed in 0..12 {
        let place = Place::new(&generated(seed)).await;
        let lost = seed % 3 != 0;
        if lost {
            lose_some(&place, seed);
        }
        let before = place.there();
        let trust: &[&str] = if seed % 2 == 0 { &["--trust-tag", "Team"] } else { &[] };
        let (rules, text) = place.imported("usher.yaml", &[&["--mode", "sync"], trust].concat()).await;
        let plan = place.usher("plan", &rules, &["--json"]).await;
        assert_eq!(plan.ending, Ending::Good, "{seed}: {text}\n{plan:?}");
        let adopt = place
            .order(&["import", "--adopt", "--rules", rules.to_str().unwrap(), "--by", "alba", "--yes"])
            .await;
        assert_eq!(adopt.ending, Ending::Good, "{seed}: {adopt:?}");
        let plan = place.usher("plan", &rules, &["--json"]).await;
        assert_eq!(plan.ending, Ending::Good, "{seed}: {plan:?}");
        // Where rules for others take in an account that isn't active, what it has is left as it is.
        let plan = plan.json();
        let accounts = plan["accounts"].as_array().unwrap().iter();
        let withheld = accounts.flat_map(|account| account["withheld"].as_array().unwrap());
        for withheld in withheld {
            assert!(lost && withheld["reason"]["kind"] == "account_not_active", "{seed}: {withheld}");
        }
        let apply = place.usher("apply", &rules, &["--yes"]).await;
        assert_eq!(apply.ending, Ending::Good, "{seed}: {apply:?}");
        assert_eq!((place.writes(), place.there()), (0, before), "{seed}");
    }
}
