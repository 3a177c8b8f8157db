use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Account, AccountId, AccountState, AssignmentKey, GroupId, Mode, OrganizationalUnit, OuPath,
    PermissionSet, PermissionSetArn, Principal, UserId,
};

const OUS: [(&str, &[&str]); 6] = [
    ("root", &[]),
    ("work", &["Workloads"]),
    ("dev", &["Workloads", "Development"]),
    ("prod", &["Workloads", "Production"]),
    ("slash", &["Workloads", "A/B"]),
    ("sand", &["Sandbox"]),
];

fn path(of: usize) -> OuPath {
    let (_, names) = OUS[of % OUS.len()];
    let unit = |depth: usize| {
        let name = names[depth];
        let own: String =
            names[..=depth].concat().to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        OrganizationalUnit { id: format!("ou-ab12-{own:0<8}").parse().unwrap(), name: name.to_owned() }
    };
    OuPath((0..names.len()).map(unit).collect())
}

fn account_id(number: usize) -> AccountId {
    format!("{:012}", 200_000_000_000 + number).parse().unwrap()
}

fn arn(number: usize) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{number:016}").parse().unwrap()
}

fn group(number: usize) -> Principal {
    Principal::Group(format!("00000000-0000-0000-0000-{number:012}").parse::<GroupId>().unwrap())
}

fn user(number: usize) -> Principal {
    Principal::User(format!("11111111-0000-0000-0000-{number:012}").parse::<UserId>().unwrap())
}

/// Accounts by their OU and their tag `Env`; the first is the management account.
fn accounts(of: &[(usize, &str)]) -> BTreeMap<AccountId, Account> {
    let account = |(number, (ou, env)): (usize, &(usize, &str))| {
        let id = account_id(number);
        let tags = [("Env", *env), ("Odd", "*")];
        let account = Account {
            id: id.clone(),
            name: format!("account {number}"),
            state: if *env == "asleep" { AccountState::Suspended } else { AccountState::Active },
            path: path(*ou),
            tags: tags.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            is_management: number == 0,
        };
        (id, account)
    };
    of.iter().enumerate().map(account).collect()
}

fn directory() -> BTreeMap<Principal, String> {
    let groups = ["Developers", "Twins", "twins", "{odd}", "Auditors", ""].into_iter().enumerate();
    let groups = groups.map(|(number, name)| (group(number), name.to_owned()));
    let users = ["alice@example.com", "bob", "Developers", "yes"].into_iter().enumerate();
    groups.chain(users.map(|(number, name)| (user(number), name.to_owned()))).collect()
}

fn sets() -> BTreeMap<PermissionSetArn, PermissionSet> {
    let names = ["ReadOnlyAccess", "PowerUserAccess", "AWSReadOnlyAccess", "2fa+x"];
    let set = |(number, name): (usize, &str)| {
        let arn = arn(number);
        (arn.clone(), PermissionSet { arn, name: name.to_owned(), tags: [("a", "b")].into_iter().collect() })
    };
    names.into_iter().enumerate().map(set).collect()
}

fn key(account: usize, set: usize, principal: Principal) -> AssignmentKey {
    AssignmentKey { account: account_id(account), permission_set: arn(set), principal }
}

fn trusting(keys: &[&str]) -> Choices {
    Choices { trusted_tags: keys.iter().map(|key| (*key).to_owned()).collect(), ..Choices::default() }
}

/// The text of the rules, which want exactly what there is.
fn imported(existing: &Existing, choices: &Choices) -> (Induced, String) {
    let induced = induce(existing, choices);
    let heading = Heading { mode: Mode::Observe, about: vec!["An import.".to_owned()], declarations: &[] };
    let document = document(existing, &induced, choices, &heading).unwrap();
    let text = document.bundle.files[crate::rules::ROOT_FILE].clone();
    if !induced.rules.is_empty() {
        is_exact(&document, existing, &induced).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    }
    (induced, text)
}

fn rules_of(text: &str) -> &str {
    text.split_once("rules:\n").unwrap().1
}

#[test]
fn whole_ous_tags_and_exceptions_are_found_and_the_rest_is_listed() {
    let existing = Existing {
        accounts: accounts(&[
            (0, ""),
            (2, "dev"),
            (2, "dev"),
            (2, "dev"),
            (2, ""),
            (3, "prod"),
            (3, "prod"),
            (3, "dev"),
            (5, "dev"),
            (5, "dev"),
            (0, ""),
        ]),
        sets: sets(),
        principals: directory(),
        assignments: [
            // All of Development.
            key(1, 1, group(0)),
            key(2, 1, group(0)),
            key(3, 1, group(0)),
            key(4, 1, group(0)),
        ]
        .into_iter()
        // Everything but the sandboxes, twice.
        .chain((1..8).chain([10]).flat_map(|account| [key(account, 0, group(4)), key(account, 3, group(4))]))
        // By the tag.
        .chain([1, 2, 3, 7, 8, 9].map(|account| key(account, 1, user(0))))
        // One alone, one by an ambiguous name, and one in the management account.
        .chain([key(6, 1, user(1)), key(6, 0, group(1)), key(0, 0, group(4))])
        .collect(),
        ..Existing::default()
    };
    let (induced, text) = imported(&existing, &trusting(&["Env"]));
    assert_eq!(induced.wanted, existing.assignments);
    insta::assert_snapshot!(rules_of(&text), @r##"
    # 16 assignments: 1 group x 2 permission sets in 8 accounts.
    - id: auditors-everywhere
      principals: [{ group: Auditors }]
      permission_sets: [ReadOnlyAccess, "2fa+x"]
      accounts: { all_of: [everywhere], except: [{ in_ou: Sandbox }] }
    # 6 assignments: 1 user x 1 permission set in 6 accounts.
    - id: alice-in-dev
      principals: [{ user_name: alice@example.com }]
      permission_sets: [PowerUserAccess]
      accounts: { tagged: { Env: dev } }
    # 4 assignments: 1 group x 1 permission set in 4 accounts.
    - id: developers-in-workloads-development
      principals: [{ group: Developers }]
      permission_sets: [PowerUserAccess]
      accounts: { in_ou: Workloads/Development }

    # Listed singly, by the ids of their accounts:
    # 1 assignment: 1 group x 1 permission set in 1 account.
    # 200000000000 is account 0
    - id: auditors-in-account-0
      principals: [{ group: Auditors }]
      permission_sets: [ReadOnlyAccess]
      accounts: { id: ["200000000000"] }
    # 1 assignment: 1 group x 1 permission set in 1 account.
    # 200000000006 is account 6
    - id: twins-in-account-6
      # 00000000-0000-0000-0000-000000000001 is called "Twins"
      principals: [{ group_id: "00000000-0000-0000-0000-000000000001" }]
      permission_sets: [ReadOnlyAccess]
      accounts: { id: ["200000000006"] }
    # 1 assignment: 1 user x 1 permission set in 1 account.
    # 200000000006 is account 6
    - id: bob-in-account-6
      principals: [{ user_name: bob }]
      permission_sets: [PowerUserAccess]
      accounts: { id: ["200000000006"] }
    "##);
    let (_, untrusted) = imported(&existing, &Choices::default());
    assert!(!untrusted.contains("tagged") && untrusted.len() > text.len(), "{untrusted}");
}

#[test]
fn what_is_left_out_says_why() {
    let mut existing = Existing {
        accounts: accounts(&[(0, ""), (2, ""), (2, ""), (2, "asleep"), (5, "asleep")]),
        sets: sets(),
        principals: directory(),
        assignments: [
            key(1, 0, group(0)),
            key(2, 0, group(0)),
            // Taken in by the rule of the OU, or not.
            key(3, 0, group(0)),
            key(4, 0, group(0)),
            key(1, 2, group(4)),
            key(1, 0, user(9)),
            key(99, 0, group(0)),
        ]
        .into(),
        ..Existing::default()
    };
    let (induced, text) = imported(&existing, &Choices::default());
    let left_out: Vec<(LeftOutWhy, usize)> =
        induced.left_out.0.iter().map(|(why, keys)| (*why, keys.len())).collect();
    let expected = [
        (LeftOutWhy::PrincipalGone, 1),
        (LeftOutWhy::NotActive, 1),
        (LeftOutWhy::ControlTower, 1),
        (LeftOutWhy::Departed, 1),
    ];
    assert_eq!(left_out, expected, "{text}");
    assert!(text.contains("in_ou: Workloads/Development"), "{text}");
    for (line, why) in [
        ("200000000004 ReadOnlyAccess group Developers", "not active"),
        ("200000000001 AWSReadOnlyAccess group Auditors", "Control Tower"),
        ("200000000001 ReadOnlyAccess user:11111111-", "was deleted"),
    ] {
        assert!(text.contains(line) && text.contains(why), "{text}");
    }
    // An account that sleeps and has nothing is not given anything by a rule for its OU.
    existing.assignments.remove(&key(3, 0, group(0)));
    let (_, text) = imported(&existing, &Choices::default());
    assert!(
        text.contains("except: [{ id: [\"200000000003\"] }]") || text.contains("id: [\"200000000001\""),
        "{text}"
    );
    let (induced, _) = imported(&existing, &Choices { control_tower: true, ..Choices::default() });
    assert!(!induced.left_out.0.contains_key(&LeftOutWhy::ControlTower));
}

#[test]
fn a_protected_set_is_given_by_ids_only() {
    let existing = Existing {
        accounts: accounts(&[(0, ""), (2, ""), (2, ""), (2, "")]),
        sets: sets(),
        principals: directory(),
        assignments: (1..4).map(|account| key(account, 1, group(0))).collect(),
        ..Existing::default()
    };
    let choices = Choices { protected_sets: ["PowerUserAccess".to_owned()].into(), ..Choices::default() };
    let (induced, text) = imported(&existing, &choices);
    assert!(induced.rules.iter().all(Rule::lists_accounts), "{text}");
    assert!(text.contains("protected_permission_sets: [PowerUserAccess]"), "{text}");
}

#[test]
fn what_does_not_fit_into_one_file_goes_into_further_ones() {
    let of: Vec<(usize, &str)> = (0..600).map(|_| (0, "")).collect();
    let mut principals = BTreeMap::new();
    let mut assignments = BTreeSet::new();
    for number in 0..600 {
        principals.insert(user(number), format!("user-{number}"));
        let some = (1..600).filter(|account| (account * 31 + number * 17) % 13 == 0);
        assignments.extend(some.map(|account| key(account, number % 4, user(number))));
    }
    // Each of them is another one, so that nothing is said together.
    assignments.extend((0..599).map(|number| key(number + 1, number % 4, user(number))));
    let existing =
        Existing { accounts: accounts(&of), sets: sets(), principals, assignments, ..Existing::default() };
    let choices = Choices { control_tower: true, ..Choices::default() };
    let induced = induce(&existing, &choices);
    let heading = Heading { mode: Mode::Sync, about: Vec::new(), declarations: &[] };
    let document = document(&existing, &induced, &choices, &heading).unwrap();
    assert!(document.bundle.files.len() > 1);
    is_exact(&document, &existing, &induced).unwrap();
}

fn some_organizations() -> impl Strategy<Value = Existing> {
    let env = prop::sample::select(vec!["", "dev", "prod", "asleep", "a b", "*"]);
    let of = prop::collection::vec((0..6_usize, env), 1..24);
    let grants = prop::collection::vec((0..6_usize, 0..4_usize, any::<bool>(), 0..8_u8, 0..64_u64), 0..12);
    let singles = prop::collection::btree_set((0..26_usize, 0..4_usize, 0..7_usize, any::<bool>()), 0..10);
    (of, grants, singles).prop_map(|(of, grants, singles)| {
        let accounts = accounts(&of);
        let mut assignments = BTreeSet::new();
        let principal = |number: usize, is_user: bool| if is_user { user(number % 5) } else { group(number) };
        for (who, set, is_user, shape, chance) in grants {
            for (number, (ou, env)) in of.iter().enumerate() {
                let fits = match shape {
                    0 => true,
                    1 => *ou == 2,
                    2 => [2, 3, 4].contains(ou),
                    3 => *env == "dev",
                    4 => *ou != 5,
                    5 => [2, 3, 4].contains(ou) && *env != "prod",
                    6 => *ou == 2 || *env == "prod",
                    _ => (chance >> (number % 64)) & 1 == 1,
                };
                if fits {
                    assignments.insert(key(number, set, principal(who, is_user)));
                }
            }
        }
        for (number, set, who, is_user) in singles {
            assignments.insert(key(number, set, principal(who, is_user)));
        }
        Existing { accounts, sets: sets(), principals: directory(), assignments, ..Existing::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_rules_want_exactly_what_there_is(existing in some_organizations(), trust in any::<bool>(), at_least in 1..4_usize) {
        let keys: &[&str] = if trust { &["Env", "Odd"] } else { &[] };
        let choices = Choices { at_least, ..trusting(keys) };
        let (induced, text) = imported(&existing, &choices);
        let left_out: usize = induced.left_out.0.values().map(BTreeSet::len).sum();
        let asleep = |key: &&AssignmentKey| {
            existing.accounts.get(&key.account).is_some_and(|account| !account.state.is_active() && !account.is_management)
        };
        let taken_in = existing.assignments.iter().filter(asleep).count()
            - induced.left_out.0.values().flatten().filter(asleep).count();
        prop_assert_eq!(induced.wanted.len() + left_out + taken_in, existing.assignments.len(), "{}", text);
        // Each rule says how many it stands for, and together they are at least all of them.
        let stands_for: usize = induced.rules.iter().map(|rule| rule.assignments).sum();
        prop_assert!(stands_for >= induced.wanted.len());
        prop_assert_eq!(imported(&existing, &choices).1, text);
    }

    #[test]
    fn listing_everything_is_never_cheaper(existing in some_organizations()) {
        let chosen = induce(&existing, &trusting(&["Env"]));
        let listed = induce(&existing, &Choices { at_least: usize::MAX, ..trusting(&["Env"]) });
        prop_assert!(listed.rules.iter().all(Rule::lists_accounts));
        // Each pair's places are chosen for that pair, and sharing is found after: a few rules more can cost a little.
        prop_assert!(chosen.cost() <= listed.cost() * 2, "{} {}", chosen.cost(), listed.cost());
    }
}
