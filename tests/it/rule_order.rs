//! The order of files and of rules means nothing for what is wanted.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::{
    domain::{
        Account, AccountState, AssignmentKey, GroupId, Mode, OrganizationalUnit, OuPath, PermissionSet,
        RuleId,
    },
    resolve::{Desired, Facts, Lookup, desired},
    rules::{Bundle, Index, read},
};

const ROOT: &str = "version: 1
settings: { mode: sync, trusted_account_tags: [E, T], trusted_permission_set_tags: [E] }
teams: [{ id: a, files: a/* }, { id: b, files: [b/*, c.yaml] }]
never:
- { principals: [{ group: web-x }], permission_sets: [P2], accounts: { tagged: { E: { like: \"p*\" } } } }
";

/// What a rule says but its id: many ways to select the same few accounts, sets and groups.
fn bodies() -> impl Strategy<Value = String> {
    let principals = prop::sample::select(vec![
        "[{ group: G }]",
        "[{ group: web-x }, { group: G }]",
        "[{ group: Missing }]",
        "[{ group: \"{account_name}-x\" }]",
    ]);
    let sets = prop::sample::select(vec![
        "[P1]",
        "[P2, P1]",
        "{ tagged: { E: { present: true } } }",
        "[\"{account_name}\", { tagged: { E: dev } }]",
    ]);
    let accounts = prop::sample::select(vec![
        "everywhere",
        "{ in_ou: A }",
        "{ tagged: { E: [dev, { like: \"p?od\" }] } }",
        "{ named: { like: \"w*\" } }",
        "[{ tagged: { T: { absent: true } } }, { id: \"111111111111\" }]",
        "{ all_of: [everywhere], except: [{ directly_in_ou: A }] }",
    ]);
    let more = prop::sample::select(vec![
        "",
        ", mode: observe",
        ", match: [{ permission_set_tag: E, account_tag: E, wildcard: all }]",
        ", match: [{ permission_set_tag: E, account_ou: { name: any } }]",
    ]);
    (principals, sets, accounts, more).prop_map(|(principals, sets, accounts, more)| {
        format!("principals: {principals}, permission_sets: {sets}, accounts: {accounts}{more} }}\n")
    })
}

fn accounts() -> Vec<Account> {
    let account = |id: &str, name: &str, ou: &[&str], tags: &[(&str, &str)]| Account {
        id: id.repeat(12).parse().unwrap(),
        name: name.to_owned(),
        state: AccountState::Active,
        path: OuPath(
            ou.iter()
                .map(|name| OrganizationalUnit {
                    id: format!("ou-root-0000000{}", name.to_lowercase()).parse().unwrap(),
                    name: (*name).to_owned(),
                })
                .collect(),
        ),
        tags: tags.iter().copied().collect(),
        is_management: false,
    };
    vec![
        account("1", "web", &["A"], &[("E", "dev"), ("T", "web")]),
        account("2", "P1", &["A", "B"], &[("E", "prod")]),
        account("3", "shop", &[], &[]),
    ]
}

fn facts() -> Facts {
    let group =
        |own: &str| Lookup::Found(format!("00000000-0000-0000-0000-00000000000{own}").parse().unwrap());
    let missing = ["Missing", "P1-x", "shop-x"].map(|name| (name.to_owned(), Lookup::<GroupId>::Absent));
    let set = |own: &str, tags: &[(&str, &str)]| PermissionSet {
        arn: format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-000000000000000{own}")
            .parse()
            .unwrap(),
        name: format!("P{own}"),
        tags: tags.iter().copied().collect(),
    };
    let found = [("G".to_owned(), group("1")), ("web-x".to_owned(), group("2"))];
    Facts {
        groups: found.into_iter().chain(missing).collect(),
        group_ids: BTreeMap::new(),
        users: BTreeMap::new(),
        user_ids: BTreeMap::new(),
        members: BTreeMap::new(),
        member_groups: BTreeMap::new(),
        permission_sets: Lookup::Found(
            vec![set("1", &[("E", "dev")]), set("2", &[("E", "A")]), set("3", &[("E", "all")])].into(),
        ),
        confirmed: BTreeMap::new(),
    }
}

type Wanted = Vec<BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>>;

/// What the rules want and what is forbidden, in every account.
fn outcome(files: BTreeMap<String, String>) -> (Wanted, Wanted) {
    let rules = read(&Bundle { files }).unwrap_or_else(|error| panic!("{:?}", error.problems()));
    let (index, facts) = (Index::compile(rules), facts());
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    let outcomes = accounts().into_iter().map(|account| {
        let Desired { wanted, forbidden, .. } = desired(&index, &account, &facts, now);
        (wanted, forbidden)
    });
    outcomes.unzip()
}

/// Each rule in one of the files: 0 is the root.
fn files(rules: &[(usize, String)]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([("usher.yaml".to_owned(), ROOT.to_owned())]);
    for (file, rule) in rules {
        let name = ["usher.yaml", "a/x.yaml", "b/x.yaml", "c.yaml"][*file];
        let text = files.entry(name.to_owned()).or_insert_with(|| "version: 1\n".to_owned());
        if !text.contains("\nrules:\n") {
            text.push_str("rules:\n");
        }
        text.push_str(rule);
    }
    files
}

proptest! {
    #[test]
    fn neither_the_order_of_rules_nor_the_file_that_one_is_in_changes_what_is_wanted(
        bodies in prop::collection::vec(bodies(), 1..8),
        places in prop::collection::vec((0..4usize, any::<u16>()), 8),
    ) {
        let rules: Vec<String> =
            bodies.iter().enumerate().map(|(at, body)| format!("- {{ id: r{at}, {body}")).collect();
        let in_root: Vec<(usize, String)> = rules.iter().cloned().map(|rule| (0, rule)).collect();
        let mut spread: Vec<(u16, (usize, String))> =
            rules.into_iter().zip(&places).map(|(rule, (file, order))| (*order, (*file, rule))).collect();
        spread.sort();
        let spread: Vec<_> = spread.into_iter().map(|(_, placed)| placed).collect();

        prop_assert_eq!(outcome(files(&in_root)), outcome(files(&spread)));
    }
}

#[test]
fn the_documents_of_the_property_want_something() {
    let rule = "- { id: r, principals: [{ group: web-x }, { group: G }], permission_sets: [P2, P1], accounts: everywhere }\n";
    let (wanted, forbidden) = outcome(files(&[(2, rule.to_owned())]));
    assert_eq!(wanted.iter().map(BTreeMap::len).collect::<Vec<_>>(), [4, 3, 4]);
    assert_eq!(forbidden.iter().map(BTreeMap::len).collect::<Vec<_>>(), [0, 1, 0]);
}
