//! How accounts come into the organization and go: made, invited, removed, leaving, closed.

use serde_json::{Value, json};
use simulator::{Assumptions, Caller, CallerKind, Settings, wire::organizations as org};

use crate::{
    faces::{Faced, both, both_with},
    support::{account, key, person, unhurried},
};

const DAY: i64 = 24 * 60 * 60;
const OUTSIDE: &str = "666677778888";

fn role_in(id: &str) -> Caller {
    Caller::new("admin", account(id), CallerKind::Member)
}

fn reason(error: &simulator::ApiError) -> &str {
    error.extra.get("Reason").map_or("", String::as_str)
}

/// Invites an account by its id; gives the handshake's.
fn invite(aws: &mut Faced, id: &str) -> String {
    aws.caller = person();
    let target = json!({ "Id": id, "Type": "ACCOUNT" });
    let tags = json!([{ "Key": "Team", "Value": "mergers" }]);
    let answer = aws.ok::<org::InviteAccountToOrganization>(
        json!({ "Target": target, "Notes": "welcome", "Tags": tags }),
    );
    answer["Handshake"]["Id"].as_str().unwrap().to_owned()
}

fn state(aws: &mut Faced, handshake: &str) -> String {
    aws.caller = person();
    let answer = aws.ok::<org::DescribeHandshake>(json!({ "HandshakeId": handshake }));
    answer["Handshake"]["State"].as_str().unwrap().to_owned()
}

#[test]
fn an_invited_account_joins_the_root_with_its_tags_when_it_accepts() {
    both(|aws| {
        aws.world.put_outside(account(OUTSIDE), "acquired", "root@acquired.example.com");
        let handshake = invite(aws, OUTSIDE);
        let shown =
            aws.ok::<org::DescribeHandshake>(json!({ "HandshakeId": handshake }))["Handshake"].clone();
        assert_eq!(
            shown["Parties"],
            json!([{ "Id": "o-exampleorg1", "Type": "ORGANIZATION" }, { "Id": OUTSIDE, "Type": "ACCOUNT" }])
        );
        assert_eq!(
            (
                &shown["State"],
                &shown["Action"],
                &shown["Resources"][0]["Resources"][0]["Type"],
                &shown["Resources"][2]
            ),
            (
                &json!("OPEN"),
                &json!("INVITE"),
                &json!("MASTER_EMAIL"),
                &json!({ "Value": "welcome", "Type": "NOTES" })
            )
        );
        assert_eq!(
            shown["ExpirationTimestamp"].as_i64().unwrap() - shown["RequestedTimestamp"].as_i64().unwrap(),
            15 * DAY
        );
        aws.refused::<org::DescribeAccount>(json!({ "AccountId": OUTSIDE }), "AccountNotFoundException");

        aws.caller = role_in(OUTSIDE);
        aws.refused::<org::DescribeOrganization>(json!({}), "AWSOrganizationsNotInUseException");
        let listed = aws.all::<org::ListHandshakesForAccount>(json!({}), "Handshakes");
        assert_eq!(listed.len(), 1);
        let accepted = aws.ok::<org::AcceptHandshake>(json!({ "HandshakeId": handshake }));
        assert_eq!(accepted["Handshake"]["State"], "ACCEPTED");
        aws.ok::<org::DescribeOrganization>(json!({}));

        aws.caller = person();
        let joined = aws.ok::<org::DescribeAccount>(json!({ "AccountId": OUTSIDE }))["Account"].clone();
        assert_eq!(
            (&joined["Name"], &joined["JoinedMethod"], &joined["State"], &joined["Paths"]),
            (
                &json!("acquired"),
                &json!("INVITED"),
                &json!("ACTIVE"),
                &json!([format!("o-exampleorg1/r-ab12/{OUTSIDE}/")])
            )
        );
        let tags = aws.ok::<org::ListTagsForResource>(json!({ "ResourceId": OUTSIDE }));
        assert_eq!(tags["Tags"], json!([{ "Key": "Team", "Value": "mergers" }]));
    });
}

#[test]
fn an_invitation_is_answered_once_by_the_right_side_and_forgotten_in_time() {
    both_with(&unhurried(), |aws| {
        let handshake = invite(aws, OUTSIDE);
        let body = || json!({ "HandshakeId": handshake });
        let twice = json!({ "Target": { "Id": OUTSIDE, "Type": "ACCOUNT" } });
        aws.refused::<org::InviteAccountToOrganization>(twice, "DuplicateHandshakeException");
        // The one that invites can't accept, others don't see it, and the invited can't cancel.
        aws.refused::<org::AcceptHandshake>(body(), "AccessDeniedException");
        aws.caller = role_in("222233334444");
        aws.refused::<org::DescribeHandshake>(body(), "HandshakeNotFoundException");
        aws.caller = role_in(OUTSIDE);
        aws.refused::<org::CancelHandshake>(body(), "AccessDeniedException");
        aws.ok::<org::DeclineHandshake>(body());
        aws.refused::<org::DeclineHandshake>(body(), "HandshakeAlreadyInStateException");
        aws.refused::<org::AcceptHandshake>(body(), "InvalidHandshakeTransitionException");
        assert_eq!(state(aws, &handshake), "DECLINED");

        let canceled = invite(aws, OUTSIDE);
        aws.ok::<org::CancelHandshake>(json!({ "HandshakeId": canceled }));
        aws.refused::<org::CancelHandshake>(
            json!({ "HandshakeId": canceled }),
            "HandshakeAlreadyInStateException",
        );

        let expired = invite(aws, OUTSIDE);
        aws.second += 15 * DAY;
        assert_eq!(state(aws, &expired), "EXPIRED");
        aws.caller = role_in(OUTSIDE);
        aws.refused::<org::AcceptHandshake>(
            json!({ "HandshakeId": expired }),
            "InvalidHandshakeTransitionException",
        );
        aws.caller = person();
        assert_eq!(
            aws.all::<org::ListHandshakesForOrganization>(json!({ "MaxResults": 1 }), "Handshakes").len(),
            3
        );
        let others = json!({ "Filter": { "ActionType": "ENABLE_ALL_FEATURES" } });
        assert!(aws.all::<org::ListHandshakesForOrganization>(others, "Handshakes").is_empty());

        aws.second += 15 * DAY;
        assert_eq!(aws.all::<org::ListHandshakesForOrganization>(json!({}), "Handshakes").len(), 1);
        aws.refused::<org::DescribeHandshake>(body(), "HandshakeNotFoundException");
        aws.second += 15 * DAY;
        assert!(aws.all::<org::ListHandshakesForOrganization>(json!({}), "Handshakes").is_empty());
    });
}

#[test]
fn an_invitation_by_address_is_for_the_account_that_has_it() {
    both(|aws| {
        aws.world.put_outside(account(OUTSIDE), "acquired", "root@acquired.example.com");
        let target = json!({ "Id": "Root@acquired.example.com", "Type": "EMAIL" });
        let answer = aws.ok::<org::InviteAccountToOrganization>(json!({ "Target": target }));
        let body = json!({ "HandshakeId": answer["Handshake"]["Id"] });
        aws.caller = role_in("777788889999");
        aws.refused::<org::AcceptHandshake>(body.clone(), "HandshakeNotFoundException");
        aws.caller = role_in(OUTSIDE);
        aws.ok::<org::AcceptHandshake>(body);
        assert_eq!(aws.world.account_named("acquired"), Some(account(OUTSIDE)));
    });
}

#[test]
fn invitations_are_refused_as_documented() {
    both_with(&unhurried(), |aws| {
        for (id, kind, code, expected) in [
            (
                "222233334444",
                "ACCOUNT",
                "HandshakeConstraintViolationException",
                "ALREADY_IN_AN_ORGANIZATION",
            ),
            (
                "aws+222233334444@example.com",
                "EMAIL",
                "HandshakeConstraintViolationException",
                "ALREADY_IN_AN_ORGANIZATION",
            ),
            ("o-exampleorg1", "ORGANIZATION", "InvalidInputException", "INVALID_PARTY_TYPE_TARGET"),
            ("nobody", "EMAIL", "InvalidInputException", "INVALID_EMAIL_ADDRESS_TARGET"),
            ("12", "ACCOUNT", "InvalidInputException", "INVALID_PATTERN"),
            ("", "ACCOUNT", "InvalidInputException", "INPUT_REQUIRED"),
            (OUTSIDE, "PERSON", "InvalidInputException", "INVALID_ENUM"),
        ] {
            let body = json!({ "Target": { "Id": id, "Type": kind } });
            let error = aws.refused::<org::InviteAccountToOrganization>(body, code);
            assert_eq!(reason(&error), expected, "{id}");
        }
        aws.refused::<org::DescribeHandshake>(json!({ "HandshakeId": "x" }), "InvalidInputException");
        aws.refused::<org::DescribeHandshake>(
            json!({ "HandshakeId": "h-00000000" }),
            "HandshakeNotFoundException",
        );
        let both = json!({ "Filter": { "ActionType": "INVITE", "ParentHandshakeId": "h-00000000" } });
        aws.refused::<org::ListHandshakesForOrganization>(both, "InvalidInputException");

        // Ten fewer than the accounts that there are, and twenty invitations a day are always allowed.
        aws.world.settings.quotas.accounts = 0;
        let error = aws.refused::<org::InviteAccountToOrganization>(
            json!({ "Target": { "Id": OUTSIDE, "Type": "ACCOUNT" } }),
            "ConstraintViolationException",
        );
        assert_eq!(reason(&error), "ACCOUNT_NUMBER_LIMIT_EXCEEDED");
        aws.world.settings.quotas.accounts = 15;
        for _ in 0..20 {
            let handshake = invite(aws, OUTSIDE);
            aws.ok::<org::CancelHandshake>(json!({ "HandshakeId": handshake }));
        }
        let again = || json!({ "Target": { "Id": OUTSIDE, "Type": "ACCOUNT" } });
        let error =
            aws.refused::<org::InviteAccountToOrganization>(again(), "HandshakeConstraintViolationException");
        assert_eq!(reason(&error), "HANDSHAKE_RATE_LIMIT_EXCEEDED");
        aws.second += DAY;
        invite(aws, OUTSIDE);
    });
}

#[test]
fn an_account_leaves_without_its_tags_and_can_be_invited_again() {
    both_with(&unhurried(), |aws| {
        let granted = key(&aws.world, "one-dev", "ReadOnlyAccess", "Developers");
        aws.world.grant_by_hand(crate::support::at(0), &person(), &granted);
        let one = "222233334444";
        aws.ok::<org::RemoveAccountFromOrganization>(json!({ "AccountId": one }));
        aws.refused::<org::DescribeAccount>(json!({ "AccountId": one }), "AccountNotFoundException");
        aws.refused::<org::ListTagsForResource>(json!({ "ResourceId": one }), "TargetNotFoundException");
        aws.refused::<org::RemoveAccountFromOrganization>(
            json!({ "AccountId": one }),
            "AccountNotFoundException",
        );
        assert!(aws.world.assignments().contains_key(&granted), "assignments stay by default");

        let handshake = invite(aws, one);
        aws.caller = role_in(one);
        aws.ok::<org::AcceptHandshake>(json!({ "HandshakeId": handshake }));
        aws.caller = person();
        let account = aws.ok::<org::DescribeAccount>(json!({ "AccountId": one }))["Account"].clone();
        assert_eq!((&account["Name"], &account["JoinedMethod"]), (&json!("one-dev"), &json!("INVITED")));

        // An invited account may go at once, by itself too.
        aws.caller = role_in(one);
        aws.ok::<org::LeaveOrganization>(json!({}));
        aws.refused::<org::LeaveOrganization>(json!({}), "AWSOrganizationsNotInUseException");
        aws.caller = person();
        aws.refused::<org::LeaveOrganization>(json!({}), "MasterCannotLeaveOrganizationException");
        aws.refused::<org::RemoveAccountFromOrganization>(
            json!({ "AccountId": "111122223333" }),
            "MasterCannotLeaveOrganizationException",
        );
    });
    let assumptions = Assumptions { departed_accounts_keep_assignments: false, ..Assumptions::default() };
    both_with(&Settings { assumptions, ..unhurried() }, |aws| {
        let granted = key(&aws.world, "one-dev", "ReadOnlyAccess", "Developers");
        aws.world.grant_by_hand(crate::support::at(0), &person(), &granted);
        aws.ok::<org::RemoveAccountFromOrganization>(json!({ "AccountId": "222233334444" }));
        assert!(aws.world.assignments().is_empty());
    });
}

/// Makes an account; gives its id once it is there.
fn create(aws: &mut Faced, name: &str) -> String {
    let email = format!("{name}@example.com");
    let answer = aws.ok::<org::CreateAccount>(json!({ "AccountName": name, "Email": email }));
    let request = answer["CreateAccountStatus"]["Id"].clone();
    aws.second += 10;
    let answer = aws.ok::<org::DescribeCreateAccountStatus>(json!({ "CreateAccountRequestId": request }));
    answer["CreateAccountStatus"]["AccountId"].as_str().unwrap().to_owned()
}

#[test]
fn a_created_account_can_go_after_four_days_and_only_if_it_can_stand_alone() {
    both_with(&unhurried(), |aws| {
        let id = create(aws, "young");
        let body = || json!({ "AccountId": id });
        let error = aws.refused::<org::RemoveAccountFromOrganization>(body(), "ConstraintViolationException");
        assert_eq!(reason(&error), "WAIT_PERIOD_ACTIVE");
        aws.second += 4 * DAY;
        let error = aws.refused::<org::RemoveAccountFromOrganization>(body(), "ConstraintViolationException");
        assert_eq!(reason(&error), "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED");
        let now = crate::support::at(aws.second);
        aws.world.can_stand_alone(now, &account(&id));
        aws.ok::<org::RemoveAccountFromOrganization>(body());
        // Its address is taken all the same.
        aws.ok::<org::CreateAccount>(json!({ "AccountName": "other", "Email": "young@example.com" }));
        aws.second += 10;
        let failed =
            aws.all::<org::ListCreateAccountStatus>(json!({ "States": ["FAILED"] }), "CreateAccountStatuses");
        assert_eq!(failed[0]["FailureReason"], "EMAIL_ALREADY_EXISTS");
        let error = aws.refused::<org::RemoveAccountFromOrganization>(
            json!({ "AccountId": "555566667777" }),
            "ConstraintViolationException",
        );
        assert_eq!(reason(&error), "ACCOUNT_CANNOT_LEAVE_ORGANIZATION");
    });
    let assumptions = Assumptions { created_accounts_can_stand_alone: true, ..Assumptions::default() };
    both_with(&Settings { assumptions, ..unhurried() }, |aws| {
        let id = create(aws, "young");
        aws.second += 4 * DAY;
        aws.ok::<org::RemoveAccountFromOrganization>(json!({ "AccountId": id }));
    });
}

#[test]
fn accounts_are_made_five_at_a_time_and_listed_by_their_state() {
    both_with(&unhurried(), |aws| {
        let body = |n: usize| json!({ "AccountName": format!("a{n}"), "Email": format!("a{n}@example.com") });
        for n in 0..5 {
            aws.ok::<org::CreateAccount>(body(n));
        }
        aws.refused::<org::CreateAccount>(body(5), "TooManyRequestsException");
        let under_way = json!({ "States": ["IN_PROGRESS"] });
        assert_eq!(
            aws.all::<org::ListCreateAccountStatus>(under_way.clone(), "CreateAccountStatuses").len(),
            5
        );
        aws.second += 60;
        assert!(aws.all::<org::ListCreateAccountStatus>(under_way, "CreateAccountStatuses").is_empty());
        aws.ok::<org::CreateAccount>(body(5));
        let all =
            aws.all::<org::ListCreateAccountStatus>(json!({ "MaxResults": 4 }), "CreateAccountStatuses");
        assert_eq!(all.len(), 6);
        aws.refused::<org::ListCreateAccountStatus>(json!({ "States": ["DONE"] }), "InvalidInputException");

        let with = |member: &str, value: &str| {
            let mut body = body(9);
            body[member] = json!(value);
            body
        };
        for (body, expected) in [
            (with("RoleName", "not a role"), "INVALID_ROLE_NAME"),
            (with("IamUserAccessToBilling", "MAYBE"), "INVALID_ENUM"),
            (with("Email", "nobody"), "INVALID_EMAIL_ADDRESS_TARGET"),
            (with("AccountName", ""), "INPUT_REQUIRED"),
            (with("AccountName", &"a".repeat(51)), "MAX_LENGTH_EXCEEDED"),
            (with("AccountName", "ärger"), "INVALID_PATTERN"),
        ] {
            let error = aws.refused::<org::CreateAccount>(body, "InvalidInputException");
            assert_eq!(reason(&error), expected);
        }
        let error = aws.refused::<org::CreateGovCloudAccount>(body(9), "ConstraintViolationException");
        assert_eq!(reason(&error), "MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED");
        aws.world.settings.quotas.accounts = 10;
        let error = aws.refused::<org::CreateAccount>(body(9), "ConstraintViolationException");
        assert_eq!(reason(&error), "ACCOUNT_NUMBER_LIMIT_EXCEEDED");
    });
}

#[test]
fn closed_accounts_are_seen_for_ninety_days_and_three_are_closed_at_a_time() {
    both_with(&unhurried(), |aws| {
        let members = ["222233334444", "333344445555", "444455556666"];
        for id in members {
            aws.ok::<org::CloseAccount>(json!({ "AccountId": id }));
        }
        let more = create_while_closing(aws);
        assert_eq!(reason(&more), "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED");
        aws.refused::<org::CloseAccount>(json!({ "AccountId": members[0] }), "ConflictException");
        aws.second += 60;
        let state = |aws: &mut Faced| {
            aws.ok::<org::DescribeAccount>(json!({ "AccountId": members[0] }))["Account"]["State"].clone()
        };
        assert_eq!(state(aws), "CLOSED");
        aws.second += 89 * DAY;
        assert_eq!(state(aws), "CLOSED");
        assert_eq!(aws.world.next_due(), None, "what takes months is nothing to wait for");
        aws.second += DAY;
        aws.refused::<org::DescribeAccount>(json!({ "AccountId": members[0] }), "AccountNotFoundException");
        let left = aws.all::<org::ListAccounts>(json!({}), "Accounts");
        assert!(left.iter().all(|account| !members.contains(&account["Id"].as_str().unwrap())));
        let names: Vec<Value> = aws
            .world
            .take_events(crate::support::at(aws.second))
            .into_iter()
            .filter(|event| event["detail"]["eventName"] == "AccountDepartedOrganization")
            .map(|event| event["detail"]["serviceEventDetails"]["departureMethod"].clone())
            .collect();
        assert_eq!(names, ["CLEANED", "CLEANED", "CLEANED"]);
    });
}

/// Tries to close a fourth account, the suspended one.
fn create_while_closing(aws: &mut Faced) -> simulator::ApiError {
    aws.refused::<org::CloseAccount>(json!({ "AccountId": "555566667777" }), "ConstraintViolationException")
}

#[test]
fn a_closed_account_that_is_reopened_stays() {
    both_with(&unhurried(), |aws| {
        let id = account("222233334444");
        aws.ok::<org::CloseAccount>(json!({ "AccountId": id }));
        aws.second += 60;
        aws.ok::<org::DescribeOrganization>(json!({}));
        aws.world.set_account_state(
            crate::support::at(aws.second),
            &id,
            shared::domain::AccountState::Active,
        );
        aws.second += 91 * DAY;
        aws.ok::<org::DescribeAccount>(json!({ "AccountId": id }));
    });
}

#[test]
fn two_hundred_and_fifty_accounts_can_be_closed_in_thirty_days() {
    both_with(&unhurried(), |aws| {
        let one = || json!({ "AccountId": "222233334444" });
        for _ in 0..250 {
            aws.ok::<org::CloseAccount>(one());
            aws.second += 60;
            let now = crate::support::at(aws.second);
            aws.world.set_account_state(now, &account("222233334444"), shared::domain::AccountState::Active);
        }
        let error = aws.refused::<org::CloseAccount>(one(), "ConstraintViolationException");
        assert_eq!(reason(&error), "CLOSE_ACCOUNT_QUOTA_EXCEEDED");
        aws.second += 30 * DAY;
        aws.ok::<org::CloseAccount>(one());
    });
}
