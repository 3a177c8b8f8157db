//! States that are taken up: those that people have edited, those of a later time, and those whose callers' accounts are elsewhere.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulator::{Latency, Settings, World, wire::organizations as org};

use crate::{
    served::served,
    support::{SMALL, at, create_input, key, locked, person, small},
};

const ORG: &str = "AWSOrganizationsV20161128";

/// The small organization as a state, and the same with one piece of text for another.
fn edited(from: &str, to: &str) -> String {
    let mut world = small(Settings::default());
    world.advance(at(0));
    let yaml = world.to_yaml().unwrap();
    assert_eq!(yaml.matches(from).count(), 1, "{from} in\n{yaml}");
    yaml.replacen(from, to, 1)
}

/// A world as a state, but for how many ids it has given: answers of the control endpoint have one each.
fn but_for_ids(world: &World) -> String {
    let yaml = world.to_yaml().unwrap();
    let lines = yaml.lines().filter(|line| !line.starts_with("    counter: "));
    lines.collect::<Vec<_>>().join("\n")
}

/// What follows a text in a state, up to the end of its line.
fn after(yaml: &str, text: &str) -> String {
    let rest = yaml.split_once(text).unwrap_or_else(|| panic!("no {text} in\n{yaml}")).1;
    rest.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_state_that_does_not_hang_together_is_told_where_and_leaves_the_world_as_it_is() {
    let world = small(Settings::default());
    let [workloads, sandbox] = ["Workloads", "Sandbox"].map(|path| world.ou_at(path).unwrap().to_string());
    let development = world.ou_at("Workloads/Development").unwrap().to_string();
    let group = world.group_named("Developers").unwrap().to_string();
    let unit = |id: &str, name: &str, parent: &str| {
        format!("      {id}:\n        name: {name}\n        parent: {parent}\n")
    };
    let plain = {
        let mut world = small(Settings::default());
        world.advance(at(0));
        world.to_yaml().unwrap()
    };
    let membership =
        after(&plain, "    memberships:\n      ").trim_end_matches(':').trim_matches('"').to_owned();
    let workloads_unit = unit(&workloads, "Workloads", "r-ab12");
    let mistakes = [
        // An OU below itself, by one step and by two.
        (
            edited(&workloads_unit, &unit(&workloads, "Workloads", &workloads)),
            "lies below itself",
            "parent: ou-",
        ),
        (
            edited(&workloads_unit, &unit(&workloads, "Workloads", &development)),
            "lies below itself",
            "parent: ou-",
        ),
        (
            edited(&unit(&sandbox, "Sandbox", "r-ab12"), &unit(&sandbox, "Sandbox", "ou-ab12-nowhere1")),
            "the OU `ou-ab12-nowhere1`, which isn't there",
            "parent: ou-ab12-nowhere1",
        ),
        (
            edited(&unit(&sandbox, "Sandbox", "r-ab12"), &unit(&sandbox, "Sandbox", "r-zz99")),
            "the root `r-zz99`",
            "parent: r-zz99",
        ),
        (
            edited("    management: \"111122223333\"", "    management: \"999922223333\""),
            "`999922223333` is not among the accounts",
            "management: \"999922223333\"",
        ),
        (
            edited("    delegations: {}", "    delegations: { \"999922223333\": {} }"),
            "the delegated administrator `999922223333`",
            "999922223333",
        ),
        (
            edited(&format!("Developers: {group}"), "Developers: 11112222-3333-4444-8888-555566667777"),
            "doesn't find the group",
            "",
        ),
        (
            plain.replacen(
                &format!("        group: {group}"),
                "        group: 11112222-3333-4444-8888-555566667777",
                1,
            ),
            "there is no group",
            "",
        ),
        (
            plain.replace(&membership, "11112222-3333-4444-8888-555566667777").replacen(
                "11112222-3333-4444-8888-555566667777",
                &membership,
                1,
            ),
            "`members` and `groups_of` don't both have this membership",
            "",
        ),
        (
            edited("  begun: 0\n", "  begun: 18446744073709551615\n"),
            "no world counts so far",
            "begun: 18446744073709551615",
        ),
    ];
    let served = served(small(Settings::default())).await;
    let before = but_for_ids(&locked(&served.world));
    for (yaml, message, place) in mistakes {
        let (status, _, told) = served.send("PUT", "/_usher/state", "", yaml.as_bytes()).await;
        assert_eq!(status, 400, "{message}: {told}");
        assert!(told["message"].as_str().unwrap().contains(message), "{told}");
        let line = usize::try_from(told["line"].as_u64().unwrap()).unwrap();
        let shown = yaml.lines().nth(line - 1).unwrap();
        assert!(shown.contains(place) && line > 1, "{told} shows {shown}");
        assert!(but_for_ids(&locked(&served.world)) == before, "{message}: a mistake changes nothing");
        // It still answers.
        let body = json!({ "OrganizationalUnitId": development }).to_string();
        let target = format!("{ORG}.DescribeOrganizationalUnit");
        assert_eq!(served.call(&target, "AKIAANY", body.as_bytes()).await.0, 200);
        served.clock.forward(Duration::from_mins(1));
        *locked(&served.world) = small(Settings::default());
    }
}

#[test]
fn a_path_has_the_ids_from_the_organization_down() {
    let mut world = small(Settings::default());
    let ous = ["Workloads", "Workloads/Development"].map(|path| world.ou_at(path).unwrap());
    let input = org::DescribeOrganizationalUnit { organizational_unit_id: ous[1].to_string() };
    let answer = world.call(at(0), &person(), input).unwrap();
    let path = serde_json::to_value(answer).unwrap()["OrganizationalUnit"]["Path"].clone();
    assert_eq!(path, json!(format!("o-exampleorg1/r-ab12/{}/{}/", ous[0], ous[1])));
}

/// A world with a request of ten seconds that was accepted, left as a state at this second.
fn left_at(second: i64) -> String {
    let settings =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(10)), ..Settings::default() };
    let mut world = small(settings);
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.call(at(second - 4), &person(), create_input(&key)).unwrap();
    world.advance(at(second));
    world.to_yaml().unwrap()
}

#[test]
fn a_state_of_a_later_time_goes_on_at_once_and_at_the_callers_pace() {
    // Left a day ahead, in a world that was hurried.
    let mut world = World::from_yaml(&left_at(86_400), Settings::default()).unwrap();
    world.advance(at(0));
    assert_eq!(world.next_due(), Some(at(6)));
    world.advance(at(5));
    assert_eq!((world.outstanding(), world.assignments().len()), (1, 0));
    world.advance(at(6));
    assert_eq!((world.outstanding(), world.assignments().len()), (0, 1));
    // Time doesn't go back in it: what is told is later than all that was.
    assert_eq!(world.now(), at(86_406));
    // Buckets fill: 20 a second, and no more.
    let mut calls = |second: i64, thousandth: i64| {
        let now = at(second) + SignedDuration::from_millis(thousandth);
        let list = json!({}).to_string();
        (0..100)
            .take_while(|_| {
                let target = "SWBExternalService.ListInstances";
                simulator::dispatch::dispatch(&mut world, now, &person(), target, list.as_bytes()).is_ok()
            })
            .count()
    };
    assert_eq!([calls(7, 0), calls(7, 500), calls(8, 500)], [20, 10, 20]);
    // Written again and taken up a second time, it goes on still.
    let yaml = world.to_yaml().unwrap();
    let mut again = World::from_yaml(&yaml, Settings::default()).unwrap();
    again.advance(at(9));
    again.advance(at(19));
    assert_eq!(again.now().duration_since(world.now()), SignedDuration::from_secs(10));
}

#[tokio::test]
async fn a_running_world_takes_a_state_of_a_later_time_and_goes_on() {
    let served = served(small(Settings::default())).await;
    assert_eq!(served.send("PUT", "/_usher/state", "", left_at(86_400).as_bytes()).await.0, 204);
    served.clock.forward(Duration::from_secs(6));
    let (_, _, told) = served.send("GET", "/_usher/requests", "", b"").await;
    assert_eq!(told["requests"][0]["status"], "SUCCEEDED", "{told}");
    let (_, _, told) = served.send("GET", "/_usher/events", "", b"").await;
    assert_eq!(told["events"].as_array().map(Vec::len), Some(1), "{told}");
}

const CALLERS: &str = "callers:\n  - { access_key: PLAY, role: admin, account: play }\n  - { access_key: NEW, role: admin, account: acquired }\n  \
                       - { access_key: UNKNOWN, role: admin, account: \"999900001111\" }\n\
                       outside_accounts:\n  - { name: acquired, id: \"666677778888\", email: root@acquired.example.com }\n  - { name: partner }\n";

#[tokio::test]
async fn an_outside_account_is_invited_accepts_and_is_a_member_all_over_http() {
    let served = served(World::from_yaml(&format!("{SMALL}{CALLERS}"), Settings::default()).unwrap()).await;
    let call = async |operation: &str, access_key: &str, body: Value| {
        served.clock.forward(Duration::from_mins(1));
        served.call(&format!("{ORG}.{operation}"), access_key, body.to_string().as_bytes()).await
    };
    let (status, told) = call("DescribeOrganization", "NEW", json!({})).await;
    assert_eq!((status, &told["__type"]), (400, &json!("AWSOrganizationsNotInUseException")));
    let target = json!({ "Target": { "Type": "EMAIL", "Id": "root@acquired.example.com" } });
    let (status, told) = call("InviteAccountToOrganization", "AKIAANY", target).await;
    assert_eq!(status, 200, "{told}");
    let handshake = json!({ "HandshakeId": told["Handshake"]["Id"] });
    // It is for the account with the address, and for no other.
    assert_eq!(call("AcceptHandshake", "UNKNOWN", handshake.clone()).await.0, 400);
    let (status, told) = call("AcceptHandshake", "NEW", handshake).await;
    assert_eq!((status, &told["Handshake"]["State"]), (200, &json!("ACCEPTED")), "{told}");
    let (_, told) = call("DescribeAccount", "AKIAANY", json!({ "AccountId": "666677778888" })).await;
    assert_eq!(told["Account"]["Name"], "acquired");
    assert_eq!(call("DescribeOrganization", "NEW", json!({})).await.0, 200);
}

#[tokio::test]
async fn a_state_is_taken_up_again_after_a_callers_account_has_left() {
    let served = served(World::from_yaml(&format!("{SMALL}{CALLERS}"), Settings::default()).unwrap()).await;
    let (status, told) = served.call(&format!("{ORG}.LeaveOrganization"), "PLAY", b"{}").await;
    assert_eq!(status, 200, "{told}");
    let left = but_for_ids(&locked(&served.world));
    let yaml = locked(&served.world).to_yaml().unwrap();
    let (status, _, told) = served.send("PUT", "/_usher/state", "", yaml.as_bytes()).await;
    assert_eq!(status, 204, "{told}");
    assert!(but_for_ids(&locked(&served.world)) == left, "it is the same world");
    let (_, told) = served.call(&format!("{ORG}.DescribeOrganization"), "PLAY", b"{}").await;
    assert_eq!(told["__type"], "AWSOrganizationsNotInUseException");
}

#[test]
fn a_mistake_in_outside_accounts_is_shown_where_it_is() {
    let first = u64::try_from(SMALL.lines().count()).unwrap() + 1;
    for (section, expected) in [
        ("outside_accounts: [{ name: a, id: \"222233334444\" }]", "two accounts with the id `222233334444`"),
        (
            "outside_accounts: [{ name: a, email: A@b.ch }, { name: b, email: a@b.CH }]",
            "the same e-mail address",
        ),
        ("outside_accounts: [{ name: \"\" }]", "length greater than or equal to 1"),
        ("outside_accounts: [{ name: a, state: ACTIVE }]", "state"),
        (
            "outside_accounts: [{ name: a }]\ncallers: [{ access_key: A, role: r, account: b }]",
            "no account `b`",
        ),
        (
            "outside_accounts: [{ name: a }]\nassignments: [{ account: a, permission_set: ReadOnlyAccess, group: Support }]",
            "no account `a`",
        ),
        ("outside_accounts: [{ name: a }]\ndelegated_administrators: [a]", "no account `a`"),
    ] {
        let error = World::from_yaml(&format!("{SMALL}{section}\n"), Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(error.line, first + u64::from(section.contains('\n')), "{error}");
    }
}
