//! What no call could have made, an organization's file can't make either.

use simulator::{Settings, World};

use crate::support::SMALL;

/// The small organization with more said of a permission set, a group, a user and an account, each in a line of its own.
fn described(set: &str, group: &str, user: &str, account: &str) -> String {
    let with = |yaml: String, from: &str, to: &str, more: &str| {
        assert!(yaml.contains(from), "{from}");
        yaml.replacen(from, &format!("{to}{more} }}"), 1)
    };
    let yaml = with(SMALL.to_owned(), "{ name: PowerUserAccess }", "{ name: PowerUserAccess", set);
    let yaml = with(yaml, "{ name: Support }", "{ name: Support", group);
    let yaml = with(yaml, "display_name: Bruno Example }", "display_name: Bruno Example", user);
    with(yaml, "{ name: play, id: \"444455556666\" }", "{ name: play, id: \"444455556666\"", account)
}

/// That a file is refused with such a message, in the line and at the column where the text stands.
#[track_caller]
fn refused(yaml: &str, place: &str, expected: &str) {
    let error =
        World::from_yaml(yaml, Settings::default()).err().unwrap_or_else(|| panic!("{expected}: taken"));
    assert!(error.message.contains(expected), "{expected}: {error}");
    let line = yaml.lines().nth(usize::try_from(error.line).unwrap() - 1).unwrap();
    let shown: String = line.chars().skip(usize::try_from(error.column).unwrap() - 1).collect();
    assert!(shown.starts_with(place), "{error} shows {shown}, not {place}");
}

#[test]
fn a_permission_set_of_a_file_is_as_calls_could_have_made_it() {
    let set = |more: &str| described(&format!(", {more}"), "", "", "");
    let long = |letters: usize| "x".repeat(letters);
    refused(&set("session_duration: nonsense"), "nonsense", "between PT1H and PT12H");
    refused(&set("session_duration: PT99H"), "PT99H", "between PT1H and PT12H");
    refused(&set(&format!("description: {}", long(701))), "x", "less than or equal to 700");
    refused(&set("description: \"\u{20ac}\""), "\"\u{20ac}", "made of characters of Latin-1");
    refused(&set(&format!("relay_state: {}", long(241))), "x", "less than or equal to 240");
    refused(&set("relay_state: \"a\u{e4}\""), "\"a", "made of characters that a URL may have");
    let paths = "customer_managed_policies: [{ name: own, path: //bad path// }]";
    refused(&set(paths), "//bad", "made of slashes at both ends");
    let boundary = "permissions_boundary: { customer_managed_policy: { name: \"a b\" } }";
    refused(&set(boundary), "\"a b\"", "made of letters, digits");

    let managed = |count: usize| -> String {
        let arns: Vec<String> =
            (0..count).map(|n| format!("\"arn:aws:iam::aws:policy/Policy{n}\"")).collect();
        format!("managed_policies: [{}], customer_managed_policies: [{{ name: own }}]", arns.join(", "))
    };
    refused(&set(&managed(25)), "PowerUserAccess", "number of policies per permission set");
    World::from_yaml(&set(&managed(24)), Settings::default()).unwrap();

    let inline = |letters: usize| {
        format!(
            "inline_policy: {{ Version: \"2012-10-17\", Statement: {{ Sid: {}, Effect: Allow, Action: \"*\", Resource: \"*\" }} }}",
            long(letters)
        )
    };
    refused(&set(&inline(10_240)), "{ Version", "the size of an inline policy");
    World::from_yaml(&set(&inline(10_000)), Settings::default()).unwrap();
    refused(&set("inline_policy: \"{\\\"Statement\\\": []}\u{20ac}\""), "\"{", "no JSON");
}

#[test]
fn groups_and_users_of_a_file_are_as_calls_could_have_made_them() {
    let named = |name: &str| SMALL.replacen("{ name: Support }", &format!("{{ name: {name} }}"), 1);
    refused(&named("Administrator"), "Administrator", "The name is reserved");
    refused(&named("\"\""), "\"\"", "greater than or equal to 1");
    refused(&named(&"x".repeat(1025)), "x", "less than or equal to 1024");
    refused(&named("\"a\\0b\""), "\"a", "made of characters that can be seen, and spaces");
    World::from_yaml(&named(&"x".repeat(1024)), Settings::default()).unwrap();
    refused(&described("", ", description: \"\"", "", ""), "\"\"", "greater than or equal to 1");
    refused(&described("", ", external_ids: [{ issuer: \"a b\", id: c }]", "", ""), "\"a b\"", "no spaces");
    let twice = "external_ids: [{ issuer: idp, id: g-1 }]";
    let yaml = SMALL.replace(
        "groups: [{ name: Developers }, { name: Support }]",
        &format!("groups: [{{ name: Developers, {twice} }}, {{ name: Support, {twice} }}]"),
    );
    refused(&yaml, "g-1 }] }]", "calls another one `g-1` too");

    let user = |from: &str, to: &str| {
        assert!(SMALL.contains(from), "{from}");
        SMALL.replacen(from, to, 1)
    };
    let name = "user_name: bruno@example.com";
    refused(&user(name, "user_name: a b"), "a b", "spaces only where it is not the user's name");
    refused(&user(name, "user_name: \"\""), "\"\"", "greater than or equal to 1");
    refused(&user(name, "user_name: AWSAdministrators"), "AWSAdmin", "The name is reserved");
    refused(&user("display_name: Bruno Example", "display_name: \"\""), "\"\"", "'displayName'");
    let both = |email: &str| described("", "", &format!(", email: {email}"), "");
    refused(&both("alba@example.com"), "alba", "two users have the e-mail address `alba@example.com`");
    refused(&both("\"\""), "\"\"", "'emails.value'");
    let mut shared = Settings::default();
    shared.assumptions.emails_are_unique = false;
    World::from_yaml(&both("alba@example.com"), shared).unwrap();
    let attributes = |attributes: &str| described("", "", &format!(", attributes: {attributes}"), "");
    refused(&attributes("{ Title: \"\" }"), "{ Title", "greater than or equal to 1");
    refused(&attributes("{ Birthdate: soon }"), "{ Birthdate", "YYYY-MM-DD");
    let id = "11112222-3333-4444-8888-555566667777";
    let yaml = SMALL.replace(", display_name:", &format!(", id: {id}, display_name:"));
    refused(&yaml, id, "two users with the id");
}

#[test]
fn accounts_and_their_instance_are_as_calls_could_have_made_them() {
    let named = |name: &str| SMALL.replacen("name: play", &format!("name: {name}"), 1);
    refused(&named("\"a\\nb\""), "\"a", "made of printable ASCII characters");
    refused(&named(&"x".repeat(51)), "x", "less than or equal to 50");
    let account = |email: &str| described("", "", "", &format!(", email: {email}"));
    refused(&account("nonsense"), "nonsense", "invalid email address");
    refused(&account("a@b.c"), "a@b.c", "greater than or equal to 6");
    let yaml = SMALL.replacen("identity_store: d-9067642ac1", "identity_store: d-9067642ac1, name: a b", 1);
    refused(&yaml, "a b", "made of letters, digits");
    let caller = "callers: [{ access_key: A, role: r, tags: { \"aws:x\": y } }]\n";
    let error = World::from_yaml(&format!("{SMALL}{caller}"), Settings::default()).unwrap_err();
    assert!(error.message.contains("AWS's own"), "{error}");
}
