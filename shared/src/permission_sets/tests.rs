//! Planning as properties: what is planned leads to what is declared, and nothing else is touched.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        CustomerManagedPolicy, ManagedPolicyArn, Mode, PermissionsBoundary, RuleId, SessionDuration, Tags,
    },
    policy::{Policy, read},
    rules::{DeclaredSet, SetContent, Wanted, WrittenAt},
};

const ARN: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";

fn declared(wanted: Wanted, adopt: bool) -> DeclaredSet {
    let written_at = WrittenAt { file: "rules.yaml".into(), line: 1 };
    DeclaredSet { name: "Developers".to_owned(), wanted, adopt, written_at }
}

fn there(content: SetContent) -> DeclaredSet {
    declared(Wanted::There(Box::new(content)), false)
}

/// What AWS has once these calls were made. It refuses what AWS would.
fn after(actual: Option<Details>, changes: &[Change]) -> Option<Details> {
    changes.iter().fold(actual, |actual, change| {
        let mut it = match (actual, change) {
            (None, Change::Create(set)) => {
                return Some(Details {
                    arn: ARN.parse().unwrap(),
                    name: set.name.clone(),
                    description: set.description.clone(),
                    session_duration: Some(set.session_duration),
                    relay_state: set.relay_state.clone(),
                    aws_managed: BTreeSet::new(),
                    customer_managed: BTreeSet::new(),
                    inline: None,
                    boundary: None,
                    tags: set.tags.clone(),
                });
            }
            (None, other) => panic!("{other} of nothing"),
            (Some(_), Change::Delete) => return None,
            (Some(actual), _) => actual,
        };
        match change.clone() {
            Change::Create(_) | Change::Delete => panic!("{change}"),
            Change::PutBoundary(boundary) => it.boundary = Some(boundary),
            // A relay state that isn't sent is taken away.
            Change::Update { description, session_duration, relay_state } => {
                it.description = description.or(it.description);
                it.session_duration = Some(session_duration);
                it.relay_state = relay_state;
            }
            Change::DetachAws(policy) => assert!(it.aws_managed.remove(&policy)),
            Change::DetachCustomer(policy) => assert!(it.customer_managed.remove(&policy)),
            Change::DeleteInline => assert!(it.inline.take().is_some()),
            Change::PutInline(policy) => it.inline = Some(Inline::Read(policy)),
            Change::AttachAws(policy) => assert!(it.aws_managed.insert(policy)),
            Change::AttachCustomer(policy) => assert!(it.customer_managed.insert(policy)),
            Change::DeleteBoundary => assert!(it.boundary.take().is_some()),
            Change::Tag(tags) => it.tags.0.extend(tags.0),
            Change::Untag(keys) => keys.iter().for_each(|key| assert!(it.tags.0.remove(key).is_some())),
        }
        Some(it)
    })
}

fn policies() -> Vec<Policy> {
    let of = |text: &str| read(&serde_json::from_str(text).unwrap()).unwrap();
    vec![
        of(r#"{ "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } }"#),
        of(r#"{ "Statement": { "Effect": "Deny", "Action": "s3:*", "Resource": "*" } }"#),
    ]
}

fn contents() -> impl Strategy<Value = SetContent> {
    let aws = prop::collection::btree_set("arn:aws:iam::aws:policy/[AB]", 0..3)
        .prop_map(|arns| arns.iter().map(|arn| arn.parse().unwrap()).collect::<BTreeSet<ManagedPolicyArn>>());
    let mine = prop::collection::btree_set("[AB]", 0..3).prop_map(|names| {
        let policy = |name| CustomerManagedPolicy { path: "/".to_owned(), name };
        names.into_iter().map(policy).collect::<BTreeSet<_>>()
    });
    let boundary = prop::option::of("[AB]".prop_map(|name| {
        PermissionsBoundary::CustomerManaged(CustomerManagedPolicy { path: "/".to_owned(), name })
    }));
    let tags = prop::collection::btree_map("[abc]", "[xy]", 0..4).prop_map(Tags);
    let inline = prop::option::of(prop::sample::select(policies()));
    let duration = prop::sample::select(vec!["PT1H", "PT2H"]);
    let text = || prop::option::of("[ab]");
    (text(), duration, text(), aws, mine, inline, boundary, tags).prop_map(
        |(description, duration, relay_state, aws_managed, customer_managed, inline, boundary, tags)| {
            SetContent {
                description,
                session_duration: duration.parse::<SessionDuration>().unwrap(),
                relay_state,
                aws_managed,
                customer_managed,
                inline,
                boundary,
                tags,
            }
        },
    )
}

/// Some set that is there, or none; perhaps one that is being made.
fn actuals() -> impl Strategy<Value = Option<Details>> {
    prop::option::of((contents(), any::<(bool, bool)>())).prop_map(|actual| {
        let (content, (making, odd)) = actual?;
        let declared = there(content);
        let held = Held::default();
        let facts = Facts { mode: Mode::Sync, actual: None, claim: Claim::Ours, held: &held };
        let mut actual = after(None, &plan(&declared, facts).changes)?;
        if making {
            actual.tags.0.insert(MAKING_TAG.to_owned(), "1".to_owned());
        }
        if odd {
            actual.inline = Some(Inline::Odd("{}".to_owned()));
        }
        Some(actual)
    })
}

proptest! {
    #[test]
    fn what_was_planned_leaves_nothing_to_do_and_differs_just_where_it_changes_something(
        content in contents(), actual in actuals()
    ) {
        let held = Held::default();
        let of = |actual: Option<&Details>| {
            plan(&there(content.clone()), Facts { mode: Mode::Sync, actual, claim: Claim::Ours, held: &held })
        };
        let first = of(actual.as_ref());
        prop_assert_eq!(first.withheld, None);
        prop_assert_eq!(first.changes.is_empty(), differences(actual.as_ref(), &content).is_empty());
        let reached = after(actual, &first.changes);
        prop_assert!(of(reached.as_ref()).is_quiet());
        prop_assert!(differences(reached.as_ref(), &content).is_empty());
    }

    /// A crash anywhere leaves a set from which the next run goes on.
    #[test]
    fn a_plan_that_is_broken_off_anywhere_is_finished_by_the_next(
        content in contents(), actual in actuals(), done in 0..12_usize
    ) {
        let held = Held::default();
        let of = |actual: Option<&Details>| {
            plan(&there(content.clone()), Facts { mode: Mode::Sync, actual, claim: Claim::Ours, held: &held }).changes
        };
        let all = of(actual.as_ref());
        let broken_off = after(actual, &all[..done.min(all.len())]);
        // What was bounded is never there without its boundary.
        if let (Some(set), Some(_)) = (&broken_off, &content.boundary) {
            prop_assert!(done == 0 || set.boundary.is_some() || all.len() <= done || set.inline.is_none() || !all.iter().take(done).any(Change::outdates_roles));
        }
        let rest = of(broken_off.as_ref());
        prop_assert!(of(after(broken_off, &rest).as_ref()).is_empty());
    }

    #[test]
    fn what_is_not_ours_is_only_changed_where_it_is_adopted(
        content in contents(), actual in actuals(), mode in prop::sample::select(vec![Mode::Observe, Mode::CreateOnly, Mode::Sync])
    ) {
        let held = Held::default();
        let facts = Facts { mode, actual: actual.as_ref(), claim: Claim::NotOurs, held: &held };
        for wanted in [Wanted::There(Box::new(content.clone())), Wanted::Gone] {
            let planned = plan(&declared(wanted.clone(), false), facts);
            prop_assert!(!planned.adopts);
            if actual.is_some() {
                prop_assert!(!planned.has_work());
            }
            let planned = plan(&declared(wanted, true), facts);
            prop_assert_eq!(planned.adopts, actual.is_some());
            prop_assert!(mode != Mode::Observe || !planned.has_work());
        }
    }

    #[test]
    fn create_only_takes_nothing_away(content in contents(), actual in actuals()) {
        // The mark alone, which anybody may set, is no proof that a set is just being made.
        let Some(actual) = actual else { return Ok(()) };
        let held = Held::default();
        let facts = Facts { mode: Mode::CreateOnly, actual: Some(&actual), claim: Claim::Ours, held: &held };
        let planned = plan(&there(content), facts);
        if planned.has_work() {
            let reached = after(Some(actual.clone()), &planned.changes).unwrap();
            prop_assert!(reached.aws_managed.is_superset(&actual.aws_managed));
            prop_assert!(reached.customer_managed.is_superset(&actual.customer_managed));
            prop_assert!(actual.inline.is_none() || reached.inline == actual.inline);
            prop_assert_eq!(&reached.boundary, &actual.boundary);
            prop_assert_eq!(reached.session_duration, actual.session_duration);
            let kept = actual.tags.iter().all(|(key, value)| reached.tags.get(key) == Some(value));
            prop_assert!(kept);
        }
    }
}

#[test]
fn tags_that_aws_has_set_itself_are_left_alone() {
    let tags: Tags = [("aws:cloudformation:stack-name", "sets"), ("Old", "1")].into_iter().collect();
    let actual = after(
        None,
        &[Change::Create(NewSet {
            name: "Developers".to_owned(),
            description: None,
            session_duration: SessionDuration::default(),
            relay_state: None,
            tags,
        })],
    )
    .unwrap();
    let held = Held::default();
    let facts = Facts { mode: Mode::Sync, actual: Some(&actual), claim: Claim::Ours, held: &held };
    let planned = plan(&there(SetContent::default()), facts);
    assert_eq!(planned.changes, [Change::Untag(vec!["Old".to_owned()])]);
    let told = format!("{:?}", differences(Some(&actual), &SetContent::default()));
    assert!(told.contains("Old=1") && !told.contains("aws:"), "{told}");
}

#[test]
fn a_set_goes_only_when_nothing_holds_it() {
    let actual = after(
        None,
        &[Change::Create(NewSet {
            name: "Developers".to_owned(),
            description: None,
            session_duration: SessionDuration::default(),
            relay_state: None,
            tags: Tags::default(),
        })],
    );
    let gone = declared(Wanted::Gone, false);
    let rule: RuleId = "developers".parse().unwrap();
    let of = |mode, claim, held: &Held| plan(&gone, Facts { mode, actual: actual.as_ref(), claim, held });
    let held =
        |accounts, rules: &[RuleId], in_management| Held { accounts, rules: rules.to_vec(), in_management };
    let free = Held::default();
    let given = held(2, std::slice::from_ref(&rule), false);
    for (mode, claim, held, withheld) in [
        (Mode::Sync, Claim::Ours, &free, None),
        (Mode::Sync, Claim::NotOurs, &free, Some(Withheld::NotOurs)),
        (Mode::CreateOnly, Claim::Ours, &free, Some(Withheld::CreateOnly)),
        (Mode::Observe, Claim::Ours, &free, Some(Withheld::Observed)),
        (Mode::Sync, Claim::Ours, &given, Some(Withheld::GivenByRules { rules: vec![rule.clone()] })),
        (Mode::Sync, Claim::Ours, &held(2, &[], false), Some(Withheld::Provisioned { accounts: 2 })),
        (Mode::Sync, Claim::Ours, &held(2, &[], true), Some(Withheld::InManagementAccount)),
    ] {
        let planned = of(mode, claim, held);
        assert_eq!(
            (planned.changes.as_slice(), planned.withheld.clone()),
            (&[Change::Delete][..], withheld.clone())
        );
        assert_eq!(planned.has_work(), withheld.is_none());
    }
    let facts = Facts { mode: Mode::Sync, actual: None, claim: Claim::NotOurs, held: &free };
    assert!(plan(&gone, facts).is_quiet(), "it is gone");
}

#[test]
fn a_boundary_comes_first_and_policies_go_before_others_come() {
    let content = SetContent {
        boundary: Some(PermissionsBoundary::AwsManaged("arn:aws:iam::aws:policy/B".parse().unwrap())),
        aws_managed: ["arn:aws:iam::aws:policy/New".parse().unwrap()].into(),
        inline: policies().into_iter().next(),
        tags: Tags([("a".to_owned(), "x".to_owned())].into()),
        ..SetContent::default()
    };
    let held = Held::default();
    let of = |content: &SetContent, actual: Option<&Details>| {
        let facts = Facts { mode: Mode::Sync, actual, claim: Claim::Ours, held: &held };
        plan(&there(content.clone()), facts).changes
    };
    let calls = |changes: &[Change]| changes.iter().map(Change::call).collect::<Vec<_>>().join("\n");
    let made = of(&content, None);
    insta::assert_snapshot!(calls(&made), @r"
    CreatePermissionSet
    PutPermissionsBoundaryToPermissionSet
    PutInlinePolicyToPermissionSet
    AttachManagedPolicyToPermissionSet
    ");
    let before = SetContent {
        session_duration: "PT2H".parse().unwrap(),
        aws_managed: ["arn:aws:iam::aws:policy/Old".parse().unwrap()].into(),
        tags: Tags([("b".to_owned(), "x".to_owned())].into()),
        ..SetContent::default()
    };
    let mut actual = after(None, &of(&before, None)).unwrap();
    actual.tags.0.insert(MAKING_TAG.to_owned(), "1".to_owned());
    insta::assert_snapshot!(calls(&of(&content, Some(&actual))), @r"
    PutPermissionsBoundaryToPermissionSet
    UpdatePermissionSet
    DetachManagedPolicyFromPermissionSet
    PutInlinePolicyToPermissionSet
    AttachManagedPolicyToPermissionSet
    UntagResource
    TagResource
    UntagResource
    ");
}
