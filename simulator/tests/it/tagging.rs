//! `GetResources`: the tags of all accounts, a hundred at a time.

use serde_json::{Value, json};
use simulator::{
    Assumptions, Caller, CallerKind, Settings,
    wire::{Tag, organizations as org, tagging},
};

use crate::{
    faces::{Faced, both_with},
    support::{account, at, delegated, person},
};

fn accounts() -> tagging::GetResources {
    tagging::GetResources {
        resource_type_filters: Some(vec!["organizations:account".to_owned()]),
        ..Default::default()
    }
}

fn tag(aws: &mut Faced, second: i64, resource: &str, tags: &[(&str, &str)]) {
    let tags = tags.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() });
    aws.ok_at(
        at(second),
        &person(),
        org::TagResource { resource_id: resource.to_owned(), tags: tags.collect() },
    );
}

/// The ids of what an answer holds, by the ends of the ARNs.
fn ids(answer: &Value) -> Vec<&str> {
    let list = answer["ResourceTagMappingList"].as_array().unwrap();
    list.iter().map(|entry| entry["ResourceARN"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

fn only_key(key: &str, values: &[&str]) -> Vec<tagging::TagFilter> {
    let values = (!values.is_empty()).then(|| values.iter().map(ToString::to_string).collect());
    vec![tagging::TagFilter { key: Some(key.to_owned()), values }]
}

#[test]
fn accounts_that_never_had_a_tag_do_not_appear_and_those_that_lost_theirs_do() {
    both_with(&Settings::default(), |aws| {
        let answer = aws.ok_at(at(0), &person(), accounts());
        assert_eq!(
            answer,
            json!({
                "PaginationToken": "",
                "ResourceTagMappingList": [
                    { "ResourceARN": "arn:aws:organizations::111122223333:account/o-exampleorg1/222233334444",
                      "Tags": [{ "Key": "Environment", "Value": "Development" }] },
                    { "ResourceARN": "arn:aws:organizations::111122223333:account/o-exampleorg1/333344445555",
                      "Tags": [{ "Key": "Environment", "Value": "Development" }] },
                ],
            })
        );
        let untag = org::UntagResource {
            resource_id: "222233334444".to_owned(),
            tag_keys: vec!["Environment".to_owned()],
        };
        aws.ok_at(at(1), &person(), untag);
        let never = org::UntagResource {
            resource_id: "444455556666".to_owned(),
            tag_keys: vec!["Environment".to_owned()],
        };
        aws.ok_at(at(2), &person(), never);
        tag(aws, 3, "444455556666", &[]);
        let answer = aws.ok_at(at(4), &person(), accounts());
        assert_eq!(ids(&answer), ["222233334444", "333344445555"]);
        assert_eq!(answer["ResourceTagMappingList"][0]["Tags"], json!([]));

        aws.world.depart(at(5), &account("222233334444"));
        assert_eq!(ids(&aws.ok_at(at(6), &person(), accounts())), ["333344445555"]);
    });
}

#[test]
fn only_the_management_account_in_us_east_1_sees_accounts_and_others_get_an_empty_answer() {
    both_with(&Settings::default(), |aws| {
        let empty = json!({ "PaginationToken": "", "ResourceTagMappingList": [] });
        let member = Caller::new("app", account("333344445555"), CallerKind::Member);
        assert_eq!(aws.ok_at(at(0), &member, accounts()), empty);
        assert_eq!(aws.ok_at(at(1), &delegated(), accounts()), empty);
        let region = |aws: &mut Faced, second, region| {
            aws.world.from_region(Some(region), |world| {
                serde_json::to_value(world.call(at(second), &person(), accounts()).unwrap()).unwrap()
            })
        };
        assert_eq!(region(aws, 2, "eu-central-1"), empty);
        assert_eq!(ids(&region(aws, 3, "us-east-1")).len(), 2);

        aws.world.settings.assumptions = Assumptions {
            tagging_answers_in_every_region: true,
            delegated_administrator_sees_tagged_accounts: true,
            ..Assumptions::default()
        };
        assert_eq!(ids(&region(aws, 4, "eu-central-1")).len(), 2);
        assert_eq!(ids(&aws.ok_at(at(5), &delegated(), accounts())).len(), 2);
    });
}

#[test]
fn filters_choose_by_type_and_by_tags_and_arns_by_themselves() {
    both_with(&Settings::default(), |aws| {
        tag(aws, 0, "r-ab12", &[("Owner", "platform")]);
        let sandbox = aws.world.ou_at("Sandbox").unwrap().to_string();
        tag(aws, 1, &sandbox, &[("Owner", "platform")]);
        tag(aws, 2, "222233334444", &[("Team", "a")]);
        let of_types = |types: &[&str]| tagging::GetResources {
            resource_type_filters: Some(types.iter().map(ToString::to_string).collect()),
            ..Default::default()
        };
        let all = ["222233334444", "333344445555", sandbox.as_str(), "r-ab12"];
        assert_eq!(ids(&aws.ok_at(at(3), &person(), tagging::GetResources::default())), all);
        assert_eq!(ids(&aws.ok_at(at(4), &person(), of_types(&["organizations"]))), all);
        assert_eq!(
            ids(&aws.ok_at(at(5), &person(), of_types(&["organizations:ou", "organizations:root"]))),
            all[2..]
        );
        assert!(ids(&aws.ok_at(at(6), &person(), of_types(&["ec2:instance"]))).is_empty());

        for (second, filter, expected) in [
            (7, only_key("Team", &[]), &["222233334444"][..]),
            (8, only_key("Environment", &["Production", "Development"]), &["222233334444", "333344445555"]),
            (9, only_key("Environment", &["development"]), &[]),
        ] {
            let input = tagging::GetResources { tag_filters: Some(filter), ..accounts() };
            assert_eq!(ids(&aws.ok_at(at(second), &person(), input)), expected);
        }
        let both = tagging::GetResources {
            tag_filters: Some(
                [only_key("Team", &[]), only_key("Environment", &[])].into_iter().flatten().collect(),
            ),
            ..accounts()
        };
        assert_eq!(ids(&aws.ok_at(at(10), &person(), both)), ["222233334444"]);

        let arn = |id: &str| format!("arn:aws:organizations::111122223333:account/o-exampleorg1/{id}");
        let named = tagging::GetResources {
            resource_arn_list: Some(vec![arn("333344445555"), arn("999999999999")]),
            ..Default::default()
        };
        assert_eq!(ids(&aws.ok_at(at(11), &person(), named)), ["333344445555"]);
    });
}

#[test]
fn pages_hold_as_many_resources_or_tags_as_asked_and_end_with_an_empty_token() {
    both_with(&Settings::default(), |aws| {
        let many: Vec<_> = (0..49).map(|n| format!("k{n:02}")).collect();
        let many: Vec<_> = many.iter().map(|key| (key.as_str(), "")).collect();
        for (second, id) in (0..).zip(["222233334444", "333344445555", "444455556666"]) {
            tag(aws, second, id, &many);
        }
        let mut second = 10;
        let mut pages = |input: tagging::GetResources| {
            let mut sizes = Vec::new();
            let mut token = Some(String::new());
            loop {
                second += 1;
                let input = tagging::GetResources { pagination_token: token, ..input.clone() };
                let answer = aws.ok_at(at(second), &person(), input);
                sizes.push(ids(&answer).len());
                let next = answer["PaginationToken"].as_str().unwrap();
                if next.is_empty() {
                    return sizes;
                }
                token = Some(next.to_owned());
            }
        };
        assert_eq!(pages(accounts()), [3]);
        assert_eq!(pages(tagging::GetResources { resources_per_page: Some(1), ..accounts() }), [1, 1, 1]);
        // 50, 50 and 49 tags.
        assert_eq!(pages(tagging::GetResources { tags_per_page: Some(100), ..accounts() }), [2, 1]);
        assert_eq!(pages(tagging::GetResources { tags_per_page: Some(149), ..accounts() }), [3]);
        assert_eq!(
            pages(tagging::GetResources {
                tags_per_page: Some(500),
                resources_per_page: Some(2),
                ..accounts()
            }),
            [2, 1]
        );
    });
}

#[test]
fn what_the_documentation_forbids_is_an_invalid_parameter() {
    both_with(&Settings::default(), |aws| {
        let arns =
            Some(vec!["arn:aws:organizations::111122223333:account/o-exampleorg1/222233334444".to_owned()]);
        let bad = [
            tagging::GetResources { resources_per_page: Some(0), ..accounts() },
            tagging::GetResources { resources_per_page: Some(101), ..accounts() },
            tagging::GetResources { tags_per_page: Some(99), ..accounts() },
            tagging::GetResources { tags_per_page: Some(501), ..accounts() },
            tagging::GetResources { pagination_token: Some("forged".to_owned()), ..accounts() },
            tagging::GetResources { tag_filters: Some(only_key("", &[])), ..accounts() },
            tagging::GetResources { tag_filters: Some(only_key("k", &["v"; 21])), ..accounts() },
            tagging::GetResources { exclude_compliant_resources: Some(true), ..accounts() },
            tagging::GetResources { resource_arn_list: arns.clone(), ..accounts() },
            tagging::GetResources {
                resource_arn_list: arns,
                resources_per_page: Some(5),
                ..Default::default()
            },
            tagging::GetResources { resource_arn_list: Some(Vec::new()), ..Default::default() },
            tagging::GetResources { resource_arn_list: Some(vec!["x".to_owned()]), ..Default::default() },
        ];
        for (second, input) in (0..).zip(bad) {
            assert_eq!(
                aws.refused_at(at(second), &person(), input.clone()).code,
                "InvalidParameterException",
                "{input:?}"
            );
        }
    });
}

#[test]
fn answers_may_lag_and_too_many_calls_are_throttled() {
    let assumptions =
        Assumptions { tagging_lag: std::time::Duration::from_secs(30), ..Assumptions::default() };
    both_with(&Settings { assumptions, ..Settings::default() }, |aws| {
        tag(aws, 0, "444455556666", &[("Team", "a")]);
        assert_eq!(ids(&aws.ok_at(at(29), &person(), accounts())), ["222233334444", "333344445555"]);
        assert_eq!(ids(&aws.ok_at(at(30), &person(), accounts())).len(), 3);
        for _ in 0..5 {
            aws.ok_at(at(60), &person(), accounts());
        }
        assert_eq!(aws.refused_at(at(60), &person(), accounts()).code, "ThrottledException");
    });
}
