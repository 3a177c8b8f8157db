//! A delegated administrator's policy allows exactly what the scope has, as IAM evaluates it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shared::{
    delegation::{Delegated, Ground, NoPolicy, delegated},
    domain::{Account, AccountState, InstanceArn, OrganizationalUnit, OuPath, PermissionSet},
    rules::{
        AccountSelector, Glob, NameTemplate, OuRef, PermissionSetSelector, PrincipalMatch, Scope, ScopeSets,
        TagSelector, TagValueSelector, TextSelector, WrittenAt,
    },
};
use simulator::iam::{Context, Decision, Policy, Request, decide};

const INSTANCE: &str = "arn:aws-us-gov:sso:::instance/ssoins-82593a6ed92c8920";
/// Among them what means something in a policy.
const VALUES: [&str; 5] = ["dev", "All", "d*", "${aws:x}", ""];

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let one = (prop::option::of(prop::sample::select(vec!["Dev", "Prod"])), prop::option::of(any_value()));
    prop::collection::vec(one, 1..5).prop_map(|all| {
        let all = all.into_iter().enumerate().map(|(number, (ou, team))| Account {
            id: format!("{number}00000000000").parse().unwrap(),
            name: format!("account-{number}"),
            state: AccountState::Active,
            path: OuPath(ou.into_iter().map(unit).collect()),
            tags: team.into_iter().map(|team| ("Team", team)).collect(),
            is_management: number == 0,
        });
        all.collect()
    })
}

fn unit(name: &str) -> OrganizationalUnit {
    let id = format!("ou-ab12-{}", name.to_lowercase().repeat(8).get(..8).unwrap());
    OrganizationalUnit { id: id.parse().unwrap(), name: name.to_owned() }
}

fn any_value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(VALUES.to_vec())
}

fn sets() -> impl Strategy<Value = Vec<PermissionSet>> {
    let tags = || (prop::option::of(any_value()), prop::option::of(any_value()));
    prop::collection::vec(tags(), 3).prop_map(|all| {
        let names = ["Reader", "Writer", "Admin"].into_iter().zip(all).enumerate();
        let sets = names.map(|(number, (name, (ou, team)))| PermissionSet {
            arn: format!("arn:aws-us-gov:sso:::permissionSet/ssoins-82593a6ed92c8920/ps-{number:016}")
                .parse()
                .unwrap(),
            name: name.to_owned(),
            tags: [("OU", ou), ("Team", team)]
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
        });
        sets.collect()
    })
}

fn tags() -> impl Strategy<Value = TagSelector> {
    let value = prop_oneof![
        4 => any_value().prop_map(|value| TagValueSelector::Value(TextSelector::Is(value.to_owned()))),
        1 => Just(TagValueSelector::Value(TextSelector::Like(Glob::new("d*")))),
        1 => Just(TagValueSelector::Value(TextSelector::Like(Glob::new("?ev")))),
        1 => Just(TagValueSelector::Present),
        1 => Just(TagValueSelector::Absent),
    ];
    let keys = prop::sample::select(vec!["OU".to_owned(), "Team".to_owned()]);
    prop::collection::btree_map(keys, prop::collection::vec(value, 1..3), 1..3).prop_map(TagSelector)
}

fn places() -> impl Strategy<Value = AccountSelector> {
    let ids = || {
        let ids = prop::collection::btree_set(0..5_u8, 1..3);
        ids.prop_map(|ids| {
            AccountSelector::Id(ids.iter().map(|id| format!("{id}00000000000").parse().unwrap()).collect())
        })
    };
    let all_but = |except| AccountSelector::Except {
        of: Box::new(AccountSelector::AllOf(vec![AccountSelector::Everywhere])),
        except: vec![except],
    };
    prop_oneof![
        Just(AccountSelector::Everywhere),
        Just(AccountSelector::InOu(vec![OuRef::Path(vec!["Dev".to_owned()])])),
        Just(AccountSelector::Tagged(TagSelector(
            [("Team".to_owned(), vec![TagValueSelector::Present])].into()
        ))),
        ids(),
        ids().prop_map(all_but),
    ]
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    let one = prop_oneof![
        prop::sample::select(vec!["Reader", "Admin"])
            .prop_map(|name| PermissionSetSelector::Name(NameTemplate::plain(name))),
        tags().prop_map(PermissionSetSelector::Tagged),
    ];
    let sets = prop_oneof![
        1 => Just(ScopeSets::Any),
        3 => prop::collection::vec(one, 1..3).prop_map(ScopeSets::These),
    ];
    let matches = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::option::of(Just("All".to_owned())).prop_map(|wildcard| vec![PrincipalMatch {
            permission_set_tag: "OU".to_owned(),
            principal_tag: "Department".to_owned(),
            wildcard,
        }]),
    ];
    let scope = (sets, places(), matches).prop_map(|(permission_sets, accounts, principal_matches)| Scope {
        permission_sets,
        accounts,
        principal_matches,
        written_at: WrittenAt { file: "usher.yaml".into(), line: 1 },
    });
    prop::collection::vec(scope, 1..3)
}

/// Whether the policy allows this call on all that it is on.
fn allows(
    policy: &Policy,
    action: &str,
    account: &Account,
    set: &PermissionSet,
    department: Option<&str>,
) -> bool {
    let context = Context::default();
    let context = department
        .iter()
        .fold(context, |context, value| context.with("aws:PrincipalTag/Department", [*value]));
    let of_set = set.tags.iter().fold(context.clone(), |context, (key, value)| {
        context.with(&format!("aws:ResourceTag/{key}"), [value.to_owned()])
    });
    let account = format!("arn:aws-us-gov:sso:::account/{}", account.id);
    [(INSTANCE, &context), (account.as_str(), &context), (set.arn.as_str(), &of_set)].into_iter().all(
        |(resource, context)| decide([policy], &Request { action, resource, context }) == Decision::Allowed,
    )
}

/// Whether a scope has it for whoever has this attribute.
fn has(
    scope: &Scope,
    account: &Account,
    set: &PermissionSet,
    protected: &BTreeSet<String>,
    department: Option<&str>,
) -> bool {
    scope.takes_in(account, set.into(), protected)
        && scope.principal_matches.iter().all(|PrincipalMatch { permission_set_tag, wildcard, .. }| {
            let tag = set.tags.get(permission_set_tag);
            department.is_some() && (tag == department || (tag.is_some() && tag == wildcard.as_deref()))
        })
}

proptest! {
    #[test]
    fn a_policy_allows_exactly_what_its_scopes_have(accounts in accounts(), sets in sets(), scopes in scopes(), department in prop::option::of(any_value())) {
        let protected: BTreeSet<String> = ["Admin".to_owned()].into();
        let instance: InstanceArn = INSTANCE.parse().unwrap();
        let ground = Ground { instance: &instance, accounts: &accounts, unread: 0, permission_sets: &sets, protected: &protected };
        let all: Vec<&Scope> = scopes.iter().collect();
        // Where scopes can't be kept apart, each is one policy.
        let written = match delegated(&all, &ground) {
            Err(NoPolicy::Pairs(_)) => scopes.iter().map(|scope| (vec![scope], delegated(&[scope], &ground))).collect(),
            one => vec![(all, one)],
        };
        for (scopes, written) in written {
            let policy = match &written {
                Ok(Delegated { policy, .. }) => Some(Policy::from_json(&policy.to_json()).unwrap()),
                Err(_) => None,
            };
            for (account, set) in accounts.iter().flat_map(|account| sets.iter().map(move |set| (account, set))) {
                let wanted = scopes.iter().any(|scope| has(scope, account, set, &protected, department));
                for action in ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment", "sso:ProvisionPermissionSet"] {
                    let allowed = policy.as_ref().is_some_and(|policy| allows(policy, action, account, set, department));
                    prop_assert_eq!(allowed, wanted, "{} {} {:?} {:?}", account.id, set.name, set.tags, written);
                }
                for action in ["sso:PutInlinePolicyToPermissionSet", "sso:CreatePermissionSet", "sso:TagResource", "sso:UpdatePermissionSet"] {
                    prop_assert!(!policy.as_ref().is_some_and(|policy| allows(policy, action, account, set, department)));
                }
            }
        }
    }
}
