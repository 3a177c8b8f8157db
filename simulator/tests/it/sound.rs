//! States that don't hang together, as people's edits leave them: indexes that lead astray, turns that never end, things that are there twice.

use serde_json::{Value, json};
use simulator::{
    ApiError, Caller, CallerKind, EXAMPLE, Settings, World, dispatch::dispatch, wire::sso_admin as sso,
};

use crate::support::{INSTANCE, STORE, account, at, create_input, key, person, small};

/// A small organization in which a request and a provisioning are under way, as a state.
fn busy() -> (World, String) {
    let mut world = small(Settings::default());
    let groups = ["Developers", "Support"].map(|name| world.group_named(name).unwrap());
    world.name_group_externally(&groups[0], "idp", "g-1");
    world.name_group_externally(&groups[1], "idp", "g-2");
    world.put_outside("999922223333".parse().unwrap(), "acquired", "root@acquired.example.com");
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.call(at(0), &person(), create_input(&key)).unwrap();
    let provision = json!({ "InstanceArn": INSTANCE, "PermissionSetArn": key.permission_set, "TargetType": "AWS_ACCOUNT",
        "TargetId": "333344445555" });
    ask(&mut world, "SWBExternalService.ProvisionPermissionSet", &provision).unwrap();
    let yaml = world.to_yaml().unwrap();
    (world, yaml)
}

fn ask(world: &mut World, target: &str, body: &Value) -> Result<Value, ApiError> {
    dispatch(world, at(0), &person(), target, body.to_string().as_bytes())
}

/// That the state is refused with these words where one piece of text is replaced by another, with the place of the mistake.
#[track_caller]
fn refused(yaml: &str, from: &str, to: &str, expected: &str, place: &str) {
    assert_eq!(yaml.matches(from).count(), 1, "{from} in\n{yaml}");
    let edited = yaml.replacen(from, to, 1);
    let error =
        World::from_yaml(&edited, Settings::default()).err().unwrap_or_else(|| panic!("{expected}: taken"));
    assert!(error.message.contains(expected), "{error}");
    let line = edited.lines().nth(usize::try_from(error.line).unwrap() - 1).unwrap();
    assert!(line.contains(place), "{error} shows {line}");
}

#[test]
fn a_turn_is_had_by_a_request_that_will_end() {
    let (world, yaml) = busy();
    World::from_yaml(&yaml, Settings::default()).unwrap();
    let request = world.request_log().next().unwrap().id.to_string();
    let provisioning = world.provisioning_log().next().unwrap().id.to_string();
    let nobody = "11112222-3333-4444-8888-555566667777";
    let place = "222233334444";
    for other in [nobody, &provisioning] {
        let expected = format!("no request `{other}` is under way in the account");
        refused(&yaml, &format!("holder: {request}"), &format!("holder: {other}"), &expected, place);
    }
    let waiting = format!("holder: {request}\n        waiting: []");
    let to = format!("holder: {request}\n        waiting: [{nobody}]");
    refused(&yaml, &waiting, &to, &format!("no request `{nobody}`"), place);
    let expected = "nothing in `due` would ever end it";
    let due = format!("  - - - \"2026-11-21T12:00:02Z\"\n      - 1\n    - Request: {request}\n");
    refused(&yaml, &due, "", expected, place);
    let ended = "    settled: null\n    takes: 2s";
    let to = "    settled: [\"2026-11-21T12:00:00Z\", { Ok: null }]\n    takes: 2s";
    refused(&yaml, ended, to, &format!("no request `{request}` is under way"), place);
    refused(
        &yaml,
        &format!("holder: {provisioning}"),
        &format!("holder: {request}"),
        &format!("no request `{request}`"),
        "333344445555",
    );
}

#[test]
fn an_index_leads_to_what_has_the_name() {
    let (world, yaml) = busy();
    let [developers, support] =
        ["Developers", "Support"].map(|name| world.group_named(name).unwrap().to_string());
    let entry = format!("      Support: {support}\n");
    let ghost = format!("{entry}      Ghost: {developers}\n");
    refused(&yaml, &entry, &ghost, "is not named `Ghost` but `Developers`", "Ghost");
    let bruno = world.user_named("bruno@example.com").unwrap();
    let index = "    emails:\n      alba@example.com";
    let to = format!("    emails:\n      ghost@example.com: {bruno}\n      alba@example.com");
    refused(&yaml, index, &to, "is not `ghost@example.com` but `bruno@example.com`", "ghost");
    let index = "    user_names:\n      alba@example.com";
    let to = format!("    user_names:\n      ghost: {bruno}\n      alba@example.com");
    refused(&yaml, index, &to, "the name of the user", "ghost");

    let pair = format!("    - - - idp\n        - g-2\n      - {support}\n");
    let other = pair.replace(&support, &developers);
    refused(&yaml, &pair, &other, "by what `idp` calls it, `g-2`", &support);
    let more = format!("{pair}    - [[idp, g-3], {support}]\n");
    refused(&yaml, &pair, &more, "an external id here that nobody has", "external_groups");
}

#[test]
fn nothing_is_there_twice_and_owners_are_there() {
    let (_, yaml) = busy();
    refused(&yaml, "name: PowerUserAccess", "name: ReadOnlyAccess", "two permission sets named", "ps-");
    for (id, place) in [("222233334444", "333344445555"), ("999922223333", "999922223333")] {
        let (from, to) = match id {
            "999922223333" => ("root@acquired.example.com", "AWS+222233334444@example.com"),
            _ => ("aws+333344445555@example.com", "aws+222233334444@EXAMPLE.com"),
        };
        refused(&yaml, from, to, "two accounts have the e-mail address", place);
    }
    refused(
        &yaml,
        "    owner: \"111122223333\"",
        "    owner: \"888822223333\"",
        "belongs to the account `888822223333`, and not to the management account",
        "owner: \"888822223333\"",
    );
}

#[test]
fn counters_beyond_all_counting_are_refused_and_large_ones_go_on() {
    let (mut world, _) = busy();
    let set = world.permission_set_named("PowerUserAccess").unwrap();
    let update = json!({ "InstanceArn": INSTANCE, "PermissionSetArn": set, "Description": "more" });
    ask(&mut world, "SWBExternalService.UpdatePermissionSet", &update).unwrap();
    let group = world.group_named("Support").unwrap();
    let operations = json!([{ "AttributePath": "description", "AttributeValue": "more" }]);
    let change = json!({ "IdentityStoreId": STORE, "GroupId": group, "Operations": operations });
    ask(&mut world, "AWSIdentityStore.UpdateGroup", &change).unwrap();
    let yaml = world.to_yaml().unwrap();
    for (from, kind) in [("      version: 2\n", "version: "), ("          changes: 1\n", "changes: ")] {
        for count in [u64::MAX, (1 << 53) + 1] {
            let to = from.replace(['1', '2'], &count.to_string());
            refused(&yaml, from, &to, "no world counts so far", kind);
        }
    }
    refused(&yaml, "      version: 2\n", "      version: 0\n", "versions are counted from 1", "version: 0");
    let most = (1_u64 << 53).to_string();
    let large = yaml
        .replace("      version: 2\n", &format!("      version: {most}\n"))
        .replace("          changes: 1\n", &format!("          changes: {most}\n"));
    let mut large = World::from_yaml(&large, Settings::default()).unwrap();
    ask(&mut large, "SWBExternalService.UpdatePermissionSet", &update).unwrap();
    ask(&mut large, "AWSIdentityStore.UpdateGroup", &change).unwrap();
}

#[test]
fn an_id_of_an_identity_provider_names_one_thing() {
    let (mut world, _) = busy();
    let support = world.group_named("Support").unwrap();
    world.name_group_externally(&support, "idp", "g-1");
    let users = ["alba@example.com", "bruno@example.com"].map(|name| world.user_named(name).unwrap());
    world.name_user_externally(&users[0], "idp", "u-1");
    world.name_user_externally(&users[1], "idp", "u-1");
    world.name_user_externally(&users[1], "idp", "u-1");
    let yaml = world.to_yaml().unwrap();
    World::from_yaml(&yaml, Settings::default()).unwrap();
    let developers = world.group_named("Developers").unwrap();
    let body = json!({ "IdentityStoreId": STORE, "GroupId": developers });
    let answer = ask(&mut world, "AWSIdentityStore.DescribeGroup", &body).unwrap();
    assert_eq!(answer.get("ExternalIds"), None);
}

#[test]
fn an_account_that_is_no_member_may_have_an_instance() {
    let mut world = small(Settings::default());
    let stranger = Caller::new("app", account("888822223333"), CallerKind::Member);
    world.call(at(0), &stranger, sso::CreateInstance::default()).unwrap();
    World::from_yaml(&world.to_yaml().unwrap(), Settings::default()).unwrap();
}

#[test]
fn the_example_hangs_together_once_it_is_written_down() {
    let world = World::from_yaml(EXAMPLE, Settings::default()).unwrap();
    World::from_yaml(&world.to_yaml().unwrap(), Settings::default()).unwrap();
}
