//! Each function's role against what its function has really asked for in the end-to-end tests: nothing is missing, and nothing is unexplained.
//!
//! `lambda::recorder` writes down what IAM would be asked about the built functions' calls to the simulator and to moto. A call that a role does not
//! allow is missing. A part of a statement (an action, a resource, a leading key) that no call has needed must be implied
//! (`infra/implied-actions.json`, with its source) or have its reason here.

mod held;
mod implied;
mod planted;
mod reasons;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use self::{
    held::{Grant, Held, Part, texts},
    reasons::{NOT_TOLD, REASONS, Reason},
};
use super::{MANAGEMENT, PLACES, Place, Template};
use crate::lambda::{
    calls::Asked,
    recorder::{self, Made, Recording},
};

const SERVICE: &str = "999988887777";

/// A stack with all that can be switched on: in the management account, and in a delegated administrator's.
const EVERYTHING: [(&str, &[(&str, &str)]); 2] = [(MANAGEMENT, &IN_MANAGEMENT), (SERVICE, &DELEGATED)];

const IN_MANAGEMENT: [(&str, &str); 8] = [
    ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
    ("OrganizationId", "o-exampleorg1"),
    ("ManagementAccountId", MANAGEMENT),
    ("RulesBucketName", "usher-rules"),
    ("ReportsBucketName", "usher-reports"),
    ("KeyArn", "arn:aws:kms:us-east-1:123456789012:key/1"),
    ("IdentityCenterKeyArn", "arn:aws:kms:us-east-1:123456789012:key/2"),
    ("ManagementAccountWrites", "direct"),
];

const DELEGATED: [(&str, &str); 8] = [
    ("InstanceArn", "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"),
    ("OrganizationId", "o-exampleorg1"),
    ("ManagementAccountId", MANAGEMENT),
    ("RulesBucketName", "usher-rules"),
    ("ReportsBucketName", "usher-reports"),
    ("ManagementAccountWrites", "direct"),
    ("ManagementReadRoleArn", "arn:aws:iam::123456789012:role/usher-management-reads"),
    ("ManagementWriteRoleArn", "arn:aws:iam::123456789012:role/usher-management-writes"),
];

/// What is wrong with the roles.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    missing: Vec<String>,
    unexplained: Vec<String>,
}

/// Each function with the name of its role in the template.
fn functions(template: &Template) -> BTreeMap<String, String> {
    let resources = template.tree["Resources"].as_object().unwrap().values();
    let functions = resources.filter(|resource| resource["Type"] == "AWS::Lambda::Function");
    let named = functions.map(|function| {
        let name = &function["Properties"]["FunctionName"]["Fn::Sub"];
        let role = texts(&function["Properties"]["Role"]["Fn::GetAtt"]).join(".");
        let name = name.as_str().and_then(|name| name.strip_prefix("${Name}-")).unwrap().to_owned();
        (name, role.strip_suffix(".Arn").unwrap().to_owned())
    });
    named.collect()
}

fn place(account: &str) -> Place {
    // Few, and for as long as the test runs.
    Place { account: account.to_owned().leak(), ..PLACES[0] }
}

/// What a role of a template holds in a stack.
fn held(template: &Template, role: &str, account: &str, parameters: &[(&str, &str)]) -> Held {
    let made = template.made(place(account), parameters);
    let statements = |document: &Value| document["Statement"].as_array().unwrap().clone();
    let properties = &made[role]["Properties"];
    let inline = properties["Policies"].as_array().unwrap().iter();
    let mut all: Vec<Value> = inline.flat_map(|policy| statements(&policy["PolicyDocument"])).collect();
    if properties.get("ManagedPolicyArns").is_some() {
        all.extend(statements(&made["UseOfKeys"]["Properties"]["PolicyDocument"]));
    }
    Held(all)
}

/// What the role of the management account holds that this function has assumed.
fn held_in_management(made: &Made) -> Held {
    let template = Template::read("management-account.yaml").unwrap();
    let given = |name: &str| made.parameters[name].as_str();
    let parameters = [
        ("ServiceAccountId", made.account.as_str()),
        ("OrganizationId", given("OrganizationId")),
        ("InstanceArn", given("InstanceArn")),
        ("ReadingRoles", "arn:aws:iam::999988887777:role/usher-sweep"),
        ("WritingRoles", "arn:aws:iam::999988887777:role/usher-provision"),
    ];
    let role = if given("ManagementReadRoleArn").ends_with("-reads") { "ReadRole" } else { "WriteRole" };
    held(&template, role, given("ManagementAccountId"), &parameters)
}

/// Holds the roles of the functions that something was recorded of against what was recorded.
fn compare(template: &Template, recording: &Recording, reasons: &[Reason]) -> Found {
    let functions = functions(template);
    let mut found = Found::default();
    let mut used: BTreeMap<&str, BTreeSet<Grant>> = BTreeMap::new();
    let mut asked_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (made, asked) in recording {
        let Made { function, account, parameters, by_management_role } = made;
        let Some(role) = functions.get(function) else { panic!("{function} has no role") };
        let held = if *by_management_role {
            held_in_management(made)
        } else {
            let parameters: Vec<_> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let held = held(template, role, account, &parameters);
            used.entry(role).or_default().extend(held.used(asked));
            asked_by
                .entry(role)
                .or_default()
                .extend(asked.iter().flat_map(|it| &it.actions).map(String::as_str));
            held
        };
        let by = if *by_management_role { " by its role in the management account" } else { "" };
        let need_not_be_told =
            |it: &&Asked| it.actions == ["s3:ListBucket"] && NOT_TOLD.contains(&function.as_str());
        let lacks = held.lacks(asked).into_iter().filter(|it| !need_not_be_told(it));
        found.missing.extend(lacks.map(|Asked { actions, resource, keys }| {
            format!("{function}{by}: {} on {resource} {keys:?}", actions.join(" or "))
        }));
    }
    for (role, used) in &used {
        let function = functions.iter().find(|(_, of)| of == role).map(|(name, _)| name.as_str()).unwrap();
        let reasons: Vec<&Reason> = reasons.iter().filter(|reason| reason.function == function).collect();
        found.unexplained.extend(unexplained(template, role, used, &asked_by[role], &reasons));
    }
    found.missing.sort();
    found.missing.dedup();
    found
}

/// What a role grants that nothing explains; and reasons for what it does not grant.
fn unexplained(
    template: &Template,
    role: &str,
    used: &BTreeSet<Grant>,
    asked: &BTreeSet<&str>,
    reasons: &[&Reason],
) -> Vec<String> {
    // What is asked, has a reason, or is implied, implies in its turn what it implies.
    let mut known: BTreeSet<String> = asked.iter().map(|action| (*action).to_owned()).collect();
    known.extend(reasons.iter().map(|reason| reason.part.to_owned()));
    let mut implied = BTreeSet::new();
    for _ in 0..2 {
        let all = implied::all().into_iter();
        let by_now: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let due = all.filter(|entry| entry.policy.is_some() || entry.concerns(role, &by_now));
        let due: Vec<String> = due.flat_map(|entry| entry.implies).collect();
        implied.extend(due.iter().cloned());
        known.extend(due);
    }
    let mut open = BTreeSet::new();
    let mut stale: Vec<&Reason> = reasons.to_vec();
    for (account, parameters) in EVERYTHING {
        let held = held(template, role, account, parameters);
        let reasoned = |grant: &Grant| {
            let text = held.text(grant);
            reasons.iter().any(|reason| reason.is_of(&grant.sid, &text))
        };
        let grants = held.grants();
        stale.retain(|reason| !grants.iter().any(|grant| reason.is_of(&grant.sid, &held.text(grant))));
        for grant in &grants {
            let explained = match &grant.part {
                Part::Action(action) => implied.contains(action),
                // Of a statement none of whose actions the code asks for.
                Part::Resource(_) | Part::LeadingKey(_) => {
                    let unused = |action: &String| {
                        let of_it = Grant { sid: grant.sid.clone(), part: Part::Action(action.clone()) };
                        !used.contains(&of_it) && (implied.contains(action) || reasoned(&of_it))
                    };
                    held.actions_of(&grant.sid).iter().all(unused)
                }
            };
            if !used.contains(grant) && !explained && !reasoned(grant) {
                open.insert(format!("{role}, {}: {}", grant.sid, held.text(grant)));
            }
        }
    }
    open.extend(stale.iter().map(|reason| format!("{role} does not grant what has a reason: {reason:?}")));
    open.into_iter().collect()
}

/// The template, and what all tests have recorded.
fn recorded() -> (Template, Recording) {
    (Template::read("service.yaml").unwrap(), recorder::read_all())
}

#[test]
#[ignore = "it judges what the end-to-end tests have recorded: `cargo xtask roles` runs it after them"]
fn each_role_holds_what_its_function_has_asked_for_and_nothing_unexplained() {
    let (template, recording) = recorded();
    let of: BTreeSet<&String> = recording.keys().map(|made| &made.function).collect();
    let functions = functions(&template);
    assert_eq!(
        of,
        functions.keys().collect(),
        "recorded, and there: run `cargo xtask roles`, which records anew"
    );
    let found = compare(&template, &recording, &REASONS);
    assert_eq!(found, Found::default(), "{found:#?}");
}

#[test]
fn each_reason_is_a_sentence_about_a_function_that_there_is() {
    let functions = functions(&Template::read("service.yaml").unwrap());
    for Reason { function, sid, part, why } in REASONS {
        assert!(functions.contains_key(function), "{function}");
        assert!(!part.is_empty() && why.split(' ').count() > 3, "{function}, {sid}: {part}: {why}");
        // And what it names is there.
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        for word in why.split([' ', '(', ')', ',']) {
            if let Some(scenario) = word.strip_prefix("scenarios::") {
                assert!(root.join(format!("tests/scenarios/{scenario}.rs")).exists(), "{word}");
            } else if word.starts_with("engine/") {
                assert!(root.join("shared/src").join(word).exists(), "{word}");
            }
        }
    }
}

#[test]
fn each_role_holds_what_its_functions_actions_imply() {
    let template = Template::read("service.yaml").unwrap();
    let roles: BTreeSet<String> = functions(&template).into_values().collect();
    assert_eq!(roles.len(), 11);
    let (account, parameters) = EVERYTHING[0];
    let held: BTreeMap<String, Held> =
        roles.into_iter().map(|role| (role.clone(), held(&template, &role, account, parameters))).collect();
    // By what each role holds: that this is what its function asks for is for the recordings to tell.
    let actions: BTreeMap<String, BTreeSet<String>> =
        held.iter().map(|(role, held)| (role.clone(), held.actions())).collect();
    let asked = actions
        .iter()
        .map(|(role, actions)| (role.clone(), actions.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(implied::lacking(&held, &asked), [""; 0]);
    for entry in implied::all() {
        let known = |condition: &String| template.tree["Conditions"].get(condition).is_some();
        assert!(entry.condition.iter().all(known), "{entry:?}");
        assert!(entry.policy.iter().all(|policy| policy == "UseOfKeys"), "{entry:?}");
    }
}
