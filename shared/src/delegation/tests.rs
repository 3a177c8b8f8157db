//! Policies as they are written for scopes.

use serde_json::Value;

use super::*;
use crate::{
    domain::{AccountState, OrganizationalUnit, OuPath},
    rules::{self, Bundle},
};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-82593a6ed92c8920";

fn scopes(text: &str) -> Vec<Scope> {
    let root = format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Team], trusted_permission_set_tags: [Environment, OU, Team, team], protected_permission_sets: [Admin, Later] }}\nteams: [{{ id: t, files: t.yaml, scope: {text} }}]\nrules: [{{ id: r, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}]\n"
    );
    let files = [("usher.yaml".to_owned(), root)].into();
    let set = rules::read(&Bundle { files }).unwrap_or_else(|error| panic!("{:?}", error.plain()));
    set.teams[0].limits().unwrap().to_vec()
}

fn account(id: &str, ou: &str, team: Option<&str>) -> Account {
    let unit = OrganizationalUnit { id: "ou-ab12-cdefgh34".parse().unwrap(), name: ou.to_owned() };
    Account {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        state: AccountState::Active,
        path: OuPath(if ou.is_empty() { Vec::new() } else { vec![unit] }),
        tags: team.map(|team| ("Team", team)).into_iter().collect(),
        is_management: ou.is_empty(),
    }
}

fn organization() -> Vec<Account> {
    vec![
        account("111122223333", "", None),
        account("112233445566", "Development", Some("shop")),
        account("223344556677", "Development", None),
        account("334455667788", "Production", Some("shop")),
    ]
}

fn set(name: &str, own: u8, partition: &str) -> PermissionSet {
    PermissionSet {
        arn: format!("arn:{partition}:sso:::permissionSet/ssoins-82593a6ed92c8920/ps-{own:016}")
            .parse()
            .unwrap(),
        name: name.to_owned(),
        tags: [("Environment", "Development")].into_iter().collect(),
    }
}

fn written_in(instance: &str, text: &str) -> Result<Delegated, NoPolicy> {
    let scopes = scopes(text);
    let instance: InstanceArn = instance.parse().unwrap();
    let sets = [("ReadOnly", 1), ("Admin", 2)].map(|(name, own)| set(name, own, partition(&instance)));
    let protected = ["Admin", "Later"].map(str::to_owned).into();
    let accounts = organization();
    let ground = Ground {
        instance: &instance,
        accounts: &accounts,
        unread: 0,
        permission_sets: &sets,
        protected: &protected,
    };
    delegated(&scopes.iter().collect::<Vec<_>>(), &ground)
}

fn written(text: &str) -> Delegated {
    written_in(INSTANCE, text).unwrap()
}

/// All but what is only read.
fn work_of(delegated: &Delegated) -> String {
    let policy: Value = serde_json::to_value(&delegated.policy).unwrap();
    let lines = policy["Statement"].as_array().unwrap().iter().filter(|it| it["Sid"] != "Look").map(|it| {
        let condition = it.get("Condition").map(|condition| format!(" if {condition}")).unwrap_or_default();
        format!("{} {} {}{condition}", it["Sid"], it["Effect"], it["Resource"])
    });
    lines.collect::<Vec<_>>().join("\n").replace("ssoins-82593a6ed92c8920", "INS")
}

#[test]
fn any_permission_set_in_these_accounts() {
    let by_ids = written("{ permission_sets: any, accounts: { id: ['112233445566', '999999999999'] } }");
    insta::assert_snapshot!(work_of(&by_ids), @r#"
    "AssignInAccounts" "Allow" ["arn:aws:sso:::account/112233445566","arn:aws:sso:::instance/INS"]
    "AssignPermissionSets1" "Allow" "arn:aws:sso:::permissionSet/INS/*"
    "NothingProtected" "Deny" "arn:aws:sso:::permissionSet/INS/ps-0000000000000002"
    "#);
    assert_eq!(
        by_ids.notes,
        [
            Note::NoAccount(vec!["999999999999".parse().unwrap()]),
            Note::ProtectedByArn,
            Note::UnmadeProtected(vec!["Later".to_owned()])
        ]
    );
}

#[test]
fn keys_that_differ_in_case_alone_are_one_key_to_iam_and_refused() {
    let refused = |text: &str| written_in(INSTANCE, text).unwrap_err();
    let keys = |one: &str, other: &str| NoPolicy::KeysByCase(vec![one.to_owned(), other.to_owned()]);
    assert_eq!(
        refused("{ permission_sets: { tagged: { Team: a, team: b } }, accounts: everywhere }"),
        keys("`Team`", "`team`")
    );
    let matched = |first: &str, other: &str, of: &str| {
        format!(
            "{{ permission_sets: any, accounts: everywhere, match: [{{ permission_set_tag: {first}, principal_tag: Dept }}, {{ permission_set_tag: {other}, principal_tag: {of} }}] }}"
        )
    };
    assert_eq!(refused(&matched("Team", "team", "Unit")), keys("`Team`", "`team`"));
    let told = refused(&matched("Team", "OU", "dept"));
    assert_eq!(told, keys("`Dept`", "`dept`"));
    assert!(told.to_string().contains("asks for `Dept` and `dept` at once"), "{told}");
    // In two selections, each of which may fit by itself, nothing is mixed.
    written("{ permission_sets: [{ tagged: { Team: a } }, { tagged: { team: b } }], accounts: everywhere }");
}

#[test]
fn these_permission_sets_in_any_account() {
    let everywhere = written("{ permission_sets: [ReadOnly, Missing], accounts: everywhere }");
    insta::assert_snapshot!(work_of(&everywhere), @r#"
    "AssignInAccounts" "Allow" ["arn:aws:sso:::account/*","arn:aws:sso:::instance/INS"]
    "AssignPermissionSets1" "Allow" "arn:aws:sso:::permissionSet/INS/ps-0000000000000001"
    "NotInTheseAccounts" "Deny" "arn:aws:sso:::account/111122223333"
    "#);
    assert_eq!(everywhere.notes, [Note::NoSet(vec!["Missing".to_owned()])]);
    let but = written(
        "{ permission_sets: [ReadOnly], accounts: { all_of: [everywhere], except: [{ id: '334455667788' }] } }",
    );
    assert!(work_of(&but).contains(r#""NotInTheseAccounts" "Deny" ["arn:aws:sso:::account/111122223333","arn:aws:sso:::account/334455667788"]"#));
}

#[test]
fn permission_sets_with_these_tags_in_accounts_of_an_ou() {
    let by_tags = written(
        "{ permission_sets: { tagged: { Environment: [Development, All], OU: [Test, All] } }, accounts: { in_ou: Development } }",
    );
    insta::assert_snapshot!(work_of(&by_tags), @r#"
    "AssignInAccounts" "Allow" ["arn:aws:sso:::account/112233445566","arn:aws:sso:::account/223344556677","arn:aws:sso:::instance/INS"]
    "AssignPermissionSets1" "Allow" "arn:aws:sso:::permissionSet/INS/*" if {"StringEquals":{"aws:ResourceTag/Environment":["All","Development"],"aws:ResourceTag/OU":["All","Test"]}}
    "NothingProtected" "Deny" "arn:aws:sso:::permissionSet/INS/ps-0000000000000002"
    "#);
    assert_eq!(by_tags.notes[0], Note::Expanded { selector: "in_ou Development".to_owned(), accounts: 2 });
    let told = by_tags.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(
        told.contains("the 2 accounts are those that the scope (in_ou Development) selects now"),
        "{told}"
    );
}

#[test]
fn attributes_of_whoever_is_signed_in_are_variables() {
    let matched = written(
        "{ permission_sets: { tagged: { OU: [Test, { like: 'x*' }] } }, accounts: { id: '112233445566' }, match: [{ permission_set_tag: OU, principal_tag: Department, wildcard: All }] }",
    );
    insta::assert_snapshot!(work_of(&matched).lines().find(|line| line.contains("PermissionSets1")).unwrap(), @r#""AssignPermissionSets1" "Allow" "arn:aws:sso:::permissionSet/INS/*" if {"Null":{"aws:PrincipalTag/Department":"false"},"StringEquals":{"aws:ResourceTag/OU":["${aws:PrincipalTag/Department}","All"]},"StringLike":{"aws:ResourceTag/OU":["Test","x*"]}}"#);
    assert!(matched.notes.contains(&Note::Attributes(vec!["Department".to_owned()])));
}

#[test]
fn every_kind_of_value_has_its_condition() {
    let cases = [
        "{ Team: shop }",
        "{ Team: [shop, { like: 'a*?' }] }",
        "{ Team: ['a${b}', { like: '*${c}' }] }",
        "{ Team: { present: true } }",
        "{ Team: { absent: true } }",
        "{ Team: [shop, { absent: true }] }",
        "{ Team: [{ present: true }, { absent: true }], OU: a }",
    ];
    let lines = cases.map(|tags| {
        let scope = &scopes(&format!("{{ permission_sets: {{ tagged: {tags} }}, accounts: everywhere }}"))[0];
        let ScopeSets::These(all) = &scope.permission_sets else { unreachable!() };
        let PermissionSetSelector::Tagged(tags) = &all[0] else { unreachable!() };
        serde_json::to_string(&conditions::of(Some(tags), &[])).unwrap()
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"StringEquals":{"aws:ResourceTag/Team":["shop"]}}
    {"StringLike":{"aws:ResourceTag/Team":["a*?","shop"]}}
    {"StringLike":{"aws:ResourceTag/Team":["*${$}{c}","a${$}{b}"]}}
    {"Null":{"aws:ResourceTag/Team":["false"]}}
    {"Null":{"aws:ResourceTag/Team":["true"]}}
    {"StringEqualsIfExists":{"aws:ResourceTag/Team":["shop"]}}
    {"StringEquals":{"aws:ResourceTag/OU":["a"]}}
    "#);
}

#[test]
fn scopes_whose_pairs_iam_would_mix_are_refused_and_others_are_one_policy() {
    let pairs = "[{ permission_sets: [ReadOnly], accounts: { id: '112233445566' } }, { permission_sets: any, accounts: { id: '223344556677' } }]";
    assert_eq!(written_in(INSTANCE, pairs), Err(NoPolicy::Pairs(2)));
    let same_place = "[{ permission_sets: [ReadOnly], accounts: { id: '112233445566' } }, { permission_sets: { tagged: { OU: a } }, accounts: { id: '112233445566' } }]";
    assert_eq!(work_of(&written(same_place)).matches("AssignPermissionSets").count(), 2);
    let same_sets = "[{ permission_sets: [ReadOnly], accounts: { id: '112233445566' } }, { permission_sets: [ReadOnly], accounts: { tagged: { Team: shop } } }]";
    let both = work_of(&written(same_sets));
    assert!(
        both.contains("112233445566") && both.contains("334455667788") && !both.contains("223344556677"),
        "{both}"
    );
}

#[test]
fn nothing_is_written_for_what_is_not_there() {
    let nowhere = "{ permission_sets: any, accounts: { in_ou: Nowhere } }";
    assert_eq!(written_in(INSTANCE, nowhere), Err(NoPolicy::NoAccount));
    let nothing = "{ permission_sets: [Missing], accounts: everywhere }";
    assert_eq!(written_in(INSTANCE, nothing), Err(NoPolicy::NoSet(vec!["Missing".to_owned()])));
}

#[test]
fn no_partition_is_written_down() {
    for (name, console) in [
        (
            "aws-us-gov",
            Some(
                "https://us-gov-west-1.console.amazonaws-us-gov.com/singlesignon/home?region=us-gov-west-1#/accounts/organization",
            ),
        ),
        (
            "aws-cn",
            Some(
                "https://us-gov-west-1.console.amazonaws.cn/singlesignon/home?region=us-gov-west-1#/accounts/organization",
            ),
        ),
        ("aws-iso", None),
    ] {
        let instance = INSTANCE.replace("aws", name);
        let delegated = written_in(&instance, "{ permission_sets: any, accounts: everywhere }").unwrap();
        let json = delegated.policy.to_json();
        assert!(
            !json.contains("arn:aws:") && json.contains(&format!("arn:{name}:sso:::account/*")),
            "{json}"
        );
        assert_eq!(relay_state(&instance.parse().unwrap(), "us-gov-west-1").as_deref(), console);
    }
}

#[test]
fn the_length_is_counted_as_aws_counts_it() {
    let scopes = scopes("{ permission_sets: any, accounts: { in_ou: Development } }");
    let accounts: Vec<Account> = (0..300_u64)
        .map(|id| account(&format!("{:012}", 200_000_000_000 + id), "Development", None))
        .collect();
    let instance = INSTANCE.parse().unwrap();
    let protected = BTreeSet::new();
    let ground = Ground {
        instance: &instance,
        accounts: &accounts,
        unread: 0,
        permission_sets: &[],
        protected: &protected,
    };
    let delegated = delegated(&[&scopes[0]], &ground).unwrap();
    let counted = delegated.policy.to_json().chars().filter(|c| !c.is_whitespace()).count();
    assert_eq!((delegated.characters, delegated.over()), (counted, Some(counted - 10_240)));
    let short = written("{ permission_sets: any, accounts: everywhere }");
    assert_eq!(short.over(), None);
}

#[test]
fn what_a_team_may_do_edits_nothing_that_others_have() {
    for action in ACTIONS.iter().filter(|action| action.purpose != Purpose::Assign) {
        let verb = action.name.split(':').nth(1).unwrap();
        assert!(["List", "Describe", "Get", "Search"].iter().any(|begin| verb.starts_with(begin)), "{verb}");
    }
    let work: Vec<&str> =
        ACTIONS.iter().filter(|action| action.purpose == Purpose::Assign).map(|action| action.name).collect();
    assert_eq!(
        work,
        ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment", "sso:ProvisionPermissionSet"]
    );
}
