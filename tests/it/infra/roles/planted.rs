//! That the comparison finds what is planted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Found, IN_MANAGEMENT, MANAGEMENT, Reason, Template, compare};
use crate::lambda::{
    calls::Asked,
    recorder::{Made, Recording},
};

fn asked(action: &str, resource: &str, keys: &[(&str, &str)]) -> Asked {
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
    Asked { actions: vec![action.to_owned()], resource: resource.to_owned(), keys: keys.collect() }
}

const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/usher-ledger";

/// All that on-account-event asks for, written by hand.
fn recording() -> Recording {
    let parameters: BTreeMap<String, String> =
        IN_MANAGEMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let made = Made {
        function: "on-account-event".to_owned(),
        account: MANAGEMENT.to_owned(),
        parameters,
        by_management_role: false,
    };
    let key = [("dynamodb:LeadingKeys", "seen#organizational-unit")];
    let all = [
        asked("organizations:ListAccounts", "*", &[]),
        asked("dynamodb:PutItem", TABLE, &key),
        asked("dynamodb:PutItem", TABLE, &[("dynamodb:LeadingKeys", "seen#self-test")]),
        asked("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:usher-inbox.fifo", &[]),
        asked("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:usher-parked", &[]),
    ];
    [(made, all.into())].into()
}

/// The template with the statements of on-account-event's role changed.
fn changed(change: impl Fn(&mut Vec<Value>)) -> Template {
    let mut template = Template::read("service.yaml").unwrap();
    let document = &mut template.tree["Resources"]["OnAccountEventRole"]["Properties"]["Policies"][0];
    change(document["PolicyDocument"]["Statement"].as_array_mut().unwrap());
    template
}

fn statement<'a>(all: &'a mut [Value], sid: &str) -> &'a mut Value {
    all.iter_mut().find(|statement| statement["Sid"] == sid).unwrap()
}

#[test]
fn a_role_that_fits_is_found_to_fit() {
    assert_eq!(compare(&changed(|_| ()), &recording(), &[]), Found::default());
}

#[test]
fn what_a_role_lacks_is_found() {
    let without = changed(|all| all.retain(|statement| statement["Sid"] != "ListsTheOrganization"));
    let found = compare(&without, &recording(), &[]);
    assert_eq!(found.missing, ["on-account-event: organizations:ListAccounts on * {}"]);

    let other_key = changed(|all| {
        statement(all, "WritesWhatItLearnsAndDecides")["Condition"]["ForAllValues:StringLike"] =
            json!({ "dynamodb:LeadingKeys": ["seen#group", "seen#self-test"] });
    });
    let found = compare(&other_key, &recording(), &[]);
    assert_eq!(found.missing.len(), 1, "{found:?}");
    assert!(found.missing[0].contains("seen#organizational-unit"), "{found:?}");
    assert!(found.unexplained.iter().any(|it| it.ends_with("seen#group")), "{found:?}");

    let other_queue = changed(|all| {
        statement(all, "HintsAccounts")["Resource"] = json!({ "Fn::GetAtt": "Wake.Arn" });
    });
    let found = compare(&other_queue, &recording(), &[]);
    assert!(found.missing.len() == 1 && found.missing[0].contains("usher-inbox.fifo"), "{found:?}");
}

#[test]
fn what_a_role_has_too_much_is_found_part_by_part_unless_it_has_a_reason() {
    let with = changed(|all| {
        statement(all, "HintsAccounts")["Action"] = json!(["sqs:SendMessage", "sqs:PurgeQueue"]);
        statement(all, "ParksWhatItCannotRead")["Resource"] =
            json!([{ "Fn::GetAtt": "Parked.Arn" }, { "Fn::GetAtt": "Polls.Arn" }]);
        statement(all, "WritesWhatItLearnsAndDecides")["Condition"]["ForAllValues:StringLike"] =
            json!({ "dynamodb:LeadingKeys": ["seen#organizational-unit", "seen#self-test", "lease"] });
    });
    let found = compare(&with, &recording(), &[]);
    assert_eq!(found.missing, [""; 0]);
    let polls = "arn:aws:sqs:us-east-1:123456789012:usher-polls";
    let here = [
        "OnAccountEventRole, HintsAccounts: sqs:PurgeQueue".to_owned(),
        format!("OnAccountEventRole, ParksWhatItCannotRead: {polls}"),
        "OnAccountEventRole, WritesWhatItLearnsAndDecides: lease".to_owned(),
    ];
    assert!(here.iter().all(|it| found.unexplained.contains(it)), "{found:?}");

    let reason = |sid, part| Reason { function: "on-account-event", sid, part, why: "planted" };
    let reasons = [
        reason("HintsAccounts", "sqs:PurgeQueue"),
        reason("ParksWhatItCannotRead", ":usher-polls"),
        reason("WritesWhatItLearnsAndDecides", "lease"),
    ];
    assert_eq!(compare(&with, &recording(), &reasons), Found::default());
    // What has a reason must be granted.
    let found = compare(&changed(|_| ()), &recording(), &reasons);
    assert_eq!(found.unexplained.len(), 3, "{found:?}");
}
