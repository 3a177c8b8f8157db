//! The published schema: what editors say is what the reader says, as far as a schema can tell.

use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../../../docs/usher-rules.schema.json");
const DEMO: &str = include_str!("../../../../cli/examples/rules.yaml");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// YAML as editors see it.
fn document(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(super) fn refusals(text: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    validator
        .iter_errors(&document(text))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn keys_of(map: &Value) -> BTreeSet<String> {
    map["properties"].as_object().into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

#[test]
fn the_schema_is_a_schema() {
    jsonschema::draft7::meta::validate(&schema()).unwrap();
}

#[test]
fn the_schema_has_exactly_the_keys_that_the_reader_has() {
    let schema = schema();
    let mut described: BTreeSet<&str> = BTreeSet::new();
    for (name, keys) in maps() {
        let map = if name == "document" { &schema } else { &schema["definitions"][name] };
        assert_eq!(keys_of(map), keys.iter().map(|key| (*key).to_owned()).collect(), "{name}");
        assert_eq!(map["additionalProperties"], false, "{name}");
        described.insert(name);
    }
    for (name, map) in schema["definitions"].as_object().unwrap() {
        assert!(
            described.contains(name.as_str()) || map.get("properties").is_none(),
            "the reader knows no map `{name}`"
        );
    }
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let schema = schema();
    let explained = |value: &Value| {
        let target = value["$ref"].as_str().and_then(|target| schema.pointer(target.strip_prefix('#')?));
        target.unwrap_or(value)["description"].is_string()
    };
    for (name, _) in maps() {
        let map = if name == "document" { &schema } else { &schema["definitions"][name] };
        for (key, value) in map["properties"].as_object().unwrap() {
            assert!(explained(value), "`{key}` of {name} has no description");
        }
    }
}

#[test]
fn the_words_and_defaults_of_the_schema_are_the_reader_s() {
    let schema = schema();
    let definitions = &schema["definitions"];
    assert_eq!(definitions["mode"]["enum"], serde_json::json!(read_settings::MODES));
    assert_eq!(definitions["rule"]["properties"]["repair"]["enum"], serde_json::json!(read_rule::REPAIRS));
    assert_eq!(
        definitions["account_ou"]["properties"]["name"]["enum"],
        serde_json::json!(read_rule::OU_NAMES)
    );
    let Guardrails { max_deletes, max_delete_percent, max_creates, max_orphan_deletes } =
        Guardrails::default();
    let guardrails = &definitions["guardrails"]["properties"];
    assert_eq!(guardrails["max_deletes"]["default"], max_deletes);
    assert_eq!(guardrails["max_delete_percent"]["default"], max_delete_percent);
    assert_eq!(guardrails["max_creates"]["default"], max_creates);
    assert_eq!(guardrails["max_orphan_deletes"]["default"], max_orphan_deletes);
}

#[test]
fn documents_that_are_read_are_good_by_the_schema() {
    let of_rules = example().files.into_iter().filter(|(name, _)| !name.starts_with("policies/"));
    let mut documents: Vec<String> = of_rules.map(|(_, text)| text).collect();
    documents.push(permission_sets::with_sets(
        "[{ name: A, inline_policy: { Version: 2012-10-17, Statement: { Effect: Deny, Action: \"*\", Resource: \"*\" } }, customer_managed_policies: [X] }]",
    ));
    documents.push(DEMO.to_owned());
    for accounts in [
        "everywhere",
        "{ in_ou: [Workloads, ou-ab12-cdefgh34], directly_in_ou: A b/C }",
        "{ tagged: { Team: [Web, \"1\", { like: \"dev-*\" }, { absent: true }], Environment: { present: true } } }",
        "[{ named: [web, { like: \"*\" }] }, everywhere, { id: [\"111122223333\"] }]",
        "{ all_of: [{ any_of: [everywhere] }], except: [{ id: '111122223333' }] }",
    ] {
        documents.push(with_accounts(accounts));
    }
    for sets in ["[\"a+b=c,d.e@f-g_h\", { name: \"{account_name}-x\" }]", "{ tagged: { B: x } }"] {
        documents.push(with_permission_sets(sets));
    }
    documents.push(with_principals("[{ group: \"{ou_name} {account_id}\" }, { members_of: Größe }, { group_id: 00000000-0000-0000-0000-00000000000d }]"));
    documents.push(with_settings(
        "{ mode: sync, guardrails: { max_deletes: 0, max_delete_percent: 100, max_creates: 4294967295 } }",
    ));
    for text in documents {
        assert_eq!(refusals(&text), [""; 0], "{text}");
        let further = !text.contains("settings:");
        assert!(further || read(&bundle(&text)).is_ok() || text == example().files["usher.yaml"], "{text}");
    }
}

#[test]
fn documents_that_are_refused_are_bad_by_the_schema_too() {
    let rule = "{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }";
    let with_rule = |more: &str| {
        format!(
            "version: 1\nsettings: {{ mode: sync }}\nrules:\n- {{ id: a, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere, {more} }}\n"
        )
    };
    let mut documents = vec![
        permission_sets::with_sets("[]"),
        permission_sets::with_sets("[{ tags: { a: b } }]"),
        permission_sets::with_sets("[{ name: a b }]"),
        permission_sets::with_sets("[{ name: A, session_duration: 1h }]"),
        permission_sets::with_sets("[{ name: A, aws_managed_policies: [ReadOnlyAccess] }]"),
        permission_sets::with_sets("[{ name: A, customer_managed_policies: [/a/b] }]"),
        permission_sets::with_sets("[{ name: A, permissions_boundary: {} }]"),
        permission_sets::with_sets("[{ name: A, inline_policy: {} }]"),
        permission_sets::with_sets("[{ name: A, inline_policy: { file: a.yaml } }]"),
        permission_sets::with_sets("[{ name: A, tags: { a: { like: b } } }]"),
        "version: 1\nnever: []\npermission_sets: [{ name: A }]".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "version: 1".to_owned(),
        format!("version: 2\nsettings: {{ mode: sync }}\nrules: [{rule}]"),
        format!("version: \"1\"\nsettings: {{ mode: sync }}\nrules: [{rule}]"),
        format!("version: 1\nsettings: {{ mode: sync }}\nrule: [{rule}]"),
        "version: 1\nsettings: { mode: sync }\nrules: []".to_owned(),
        format!("version: 1\nsettings: {{ mode: sync }}\nteams: []\nrules: [{rule}]"),
        format!("version: 1\nsettings: {{ mode: sync }}\nteams: [{{ id: a b, files: x }}]\nrules: [{rule}]"),
        format!("version: 1\nsettings: {{ mode: sync }}\nteams: [{{ id: a, files: [] }}]\nrules: [{rule}]"),
        format!(
            "version: 1\nsettings: {{ mode: sync }}\nnever: [{{ permission_sets: [P] }}]\nrules: [{rule}]"
        ),
        format!(
            "version: 1\nsettings: {{ mode: sync }}\nnever: [{{ id: a, permission_sets: [P], accounts: everywhere }}]\nrules: [{rule}]"
        ),
        format!("version: 1\nteams: [{{ id: a, files: x }}]\nrules: [{rule}]"),
        format!("version: 1\nnever: [{{ permission_sets: [P], accounts: everywhere }}]\nrules: [{rule}]"),
    ];
    documents.extend(
        [
            "mode: Sync",
            "team: a b",
            "repair: false",
            "repair: allways",
            "from: 2027-03-31",
            "until: 2027-03-31 00:00:00Z",
            "until: 2027-03-31T00:00:00",
            "match: []",
            "match: [{ permission_set_tag: A }]",
            "match: [{ account_tag: A }]",
            "match: [{ permission_set_tag: A, account_tag: B, account_ou: { name: any } }]",
            "match: [{ permission_set_tag: A, account_ou: { name: some } }]",
            "match: [{ permission_set_tag: A, account_ou: any }]",
            "match: [{ permission_set_tag: A, account_tag: B, wildcard: \"*\" }]",
            "matches: []",
        ]
        .map(with_rule),
    );
    documents.extend(
        [
            "{}",
            "{ mode: on }",
            "{ mode: sync, guardrails: { max_deletes: -1 } }",
            "{ mode: sync, guardrails: { max_delete_percent: 101 } }",
            "{ mode: sync, guardrails: { max_creates: 1.5 } }",
            "{ mode: sync, trusted_account_tags: Team }",
            "{ mode: sync, trusted_account_tags: [\"*\"] }",
            "{ mode: sync, trusted_permission_set_tags: [] }",
            "{ mode: sync, protected_permission_sets: [\"{account_name}\"] }",
        ]
        .map(with_settings),
    );
    documents.extend(
        [
            "everywere",
            "[]",
            "{}",
            "{ except: [{ named: a }] }",
            "{ in_ou: A, except: { named: a } }",
            "{ in_ou: / }",
            "{ in_ou: r-ab12 }",
            "{ in_ou: /Workloads/ }",
            "{ in_ou: ou-typo }",
            "{ in_ou: 'Workloads/*' }",
            "{ id: 111122223333 }",
            "{ id: web }",
            "{ named: 'dev-*' }",
            "{ named: { like: '' } }",
            "{ named: { present: true } }",
            "{ named: 1 }",
            "{ tagged: {} }",
            "{ tagged: [A] }",
            "{ tagged: { Team: [] } }",
            "{ tagged: { Team: { present: false } } }",
            "{ tagged: { Team: { present: true, absent: true } } }",
            "{ tagged: { Team: {} } }",
            "{ tagged: { Team: 'a*' } }",
            "{ tagged: { Team: 1.10 } }",
            "{ any_of: everywhere }",
            "[[everywhere]]",
        ]
        .map(with_accounts),
    );
    documents.extend(
        [
            "everybody",
            "[]",
            "[A]",
            "[{}]",
            "[{ group: A, user_name: b }]",
            "[{ group: '' }]",
            "[{ group: [A] }]",
            "[{ group: '{' }]",
            "[{ group: '{team}' }]",
            "[{ group: '{account_tag.}' }]",
            "[{ group_id: A }]",
            "[{ user_id: 12 }]",
            "[{ members_of: { user_id: A } }]",
            "[{ members_of: {} }]",
        ]
        .map(with_principals),
    );
    documents.extend(
        [
            "P",
            "[]",
            "[1]",
            "[a b]",
            "[A-name-of-more-than-thirty-two-characters]",
            "[{ permission_set_arn: P }]",
            "[{ name: A, tagged: { B: C } }]",
            "{ tagged: { B: '*' } }",
            "['{account_tag.Team}/x']",
            "[arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef]",
        ]
        .map(with_permission_sets),
    );
    for text in documents {
        assert!(read(&bundle(&text)).is_err(), "the reader takes\n{text}");
        assert!(!refusals(&text).is_empty(), "the schema takes\n{text}");
    }
}
