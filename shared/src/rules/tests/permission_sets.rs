//! What a document declares of permission sets, and what is said of every mistake in it.

use super::*;
use crate::policy::Policy;

const RULE: &str = "{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }";

pub(super) fn with_sets(sets: &str) -> String {
    format!("version: 1\nsettings: {{ mode: sync }}\npermission_sets: {sets}\nrules: [{RULE}]\n")
}

fn said(sets: &str) -> Vec<DeclaredSet> {
    let rules = read(&bundle(&with_sets(sets)));
    rules.unwrap_or_else(|error| panic!("{}", rendered(&error))).permission_sets
}

fn content(set: &DeclaredSet) -> &SetContent {
    match &set.wanted {
        Wanted::There(content) => content,
        Wanted::Gone => panic!("{set:?}"),
    }
}

#[test]
fn what_is_declared_is_read_whole() {
    let sets = said(
        "
- name: Developers
  description: For those who develop
  session_duration: PT90M
  relay_state: https://console.aws.amazon.com/s3
  aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
  customer_managed_policies: [Common, { name: Extra, path: /teams/ }]
  inline_policy:
    Version: 2012-10-17
    Statement:
      Effect: Allow
      Action: [s3:PutObject, s3:GetObject]
      Resource: \"*\"
      Condition: { NumericLessThan: { aws:MultiFactorAuthAge: 3600 }, Bool: { aws:SecureTransport: true } }
  permissions_boundary: { customer_managed_policy: Boundary }
  tags: { Team: shop, Empty: \"\" }
  adopt: true
- { name: Old, delete: true }
- { name: Bare }",
    );
    let names: Vec<_> = sets.iter().map(|set| (set.name.as_str(), set.adopt)).collect();
    assert_eq!(names, [("Bare", false), ("Developers", true), ("Old", false)]);
    assert_eq!(content(&sets[0]), &SetContent::default());
    assert_eq!(sets[2].wanted, Wanted::Gone);
    let developers = content(&sets[1]);
    assert_eq!(developers.session_duration.to_string(), "PT1H30M");
    assert_eq!(developers.boundary.as_ref().unwrap().to_string(), "/Boundary");
    let customer: Vec<_> = developers.customer_managed.iter().map(ToString::to_string).collect();
    assert_eq!(customer, ["/Common", "/teams/Extra"]);
    assert_eq!(developers.tags.get("Empty"), Some(""));
    insta::assert_snapshot!(developers.inline.as_ref().unwrap().to_json(), @r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}]}"#);
}

fn several(files: &[(&str, &str)]) -> Bundle {
    Bundle { files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect() }
}

fn refused(bundle: &Bundle) -> String {
    let problems = read(bundle).unwrap_err().plain().into_iter();
    let lines = problems.map(|PlainProblem { file, line, column, message, help, .. }| {
        let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{file}:{line}:{column} {message}{help}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_policy_in_a_file_is_part_of_the_bundle() {
    let rules = with_sets("[{ name: A, inline_policy: { file: policies/a.json } }]");
    // As editors write it, with tabs.
    let json = "{\n\t\"Version\": \"2012-10-17\",\n\t\"Statement\": [\n\t\t{\n\t\t\t\"Effect\": \"Allow\",\n\t\t\t\"Action\": \"s3:*\",\n\t\t\t\"Resource\": \"arn:aws:s3:::a\\/*\"\n\t\t}\n\t]\n}\n";
    let bundle = several(&[("rules.yaml", &rules), ("policies/a.json", json)]);
    let sets = read(&bundle).unwrap_or_else(|error| panic!("{}", rendered(&error))).permission_sets;
    let policy: &Policy = content(&sets[0]).inline.as_ref().unwrap();
    assert_eq!(policy.statements[0].resources.patterns.first().unwrap(), "arn:aws:s3:::a/*");
    let other = several(&[("rules.yaml", &rules), ("policies/a.json", &json.replace("s3", "ec2"))]);
    assert_ne!(bundle.version(), other.version());

    assert_eq!(several(&[("rules.yaml", &rules)]).policy_files(), ["policies/a.json".to_owned()].into());
    let elsewhere = several(&[("/etc/usher/rules.yaml", &rules)]);
    assert_eq!(elsewhere.policy_files(), ["/etc/usher/policies/a.json".to_owned()].into());
    assert!(bundle.policy_files().is_empty());
}

#[test]
fn what_is_wrong_in_a_policy_s_file_is_shown_there() {
    let rules = with_sets("[{ name: A, inline_policy: { file: a.json } }]");
    let with = |json: &str| refused(&several(&[("usher.yaml", &rules), ("a.json", json)]));
    let all = [
        refused(&several(&[("usher.yaml", &rules)])),
        with(""),
        with("{"),
        with("{\"Version\": \"2012-10-17\",\n\"Statement\": [{\"Effect\": \"Allow\",}]}"),
        with("{\"Statement\": []}"),
        with("{\"Version\": \"2012-10-17\",\n\"Statement\": [{\"Effect\": \"allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"}]}"),
        with(&format!("{{\"Id\": \"{}\"}}", "x".repeat(MAX_FILE_BYTES))),
        refused(&several(&[("usher.yaml", &with_sets("[{ name: A }]")), ("a.json", "{}")])),
    ]
    .join("\n\n");
    insta::assert_snapshot!(all, @r##"
    usher.yaml:3:53 there is no file `a.json` among the rules | it is looked for in the folder of the root file, and is part of the rules' bundle

    a.json:1:1 the policy's file is empty

    a.json:1:1 the policy's file is not JSON: EOF while parsing an object | IAM's policies are JSON, which has no comments and no comma before a bracket

    a.json:2:34 the policy's file is not JSON: key must be a string | IAM's policies are JSON, which has no comments and no comma before a bracket

    a.json:1:15 a policy has at least one statement

    a.json:2:26 an `Effect` is `Allow` or `Deny`

    a.json:1:1 `a.json` has 262154 bytes; a rule file has at most 262144

    a.json:1:1 no permission set names the file `a.json` | a rule file ends in `.yaml`; a policy's file is named by an `inline_policy`
    "##);
    let outside =
        |path: &str| listed(&with_sets(&format!("[{{ name: A, inline_policy: {{ file: \"{path}\" }} }}]")));
    for path in [
        "/etc/a.json",
        "../a.json",
        "a/../../a.json",
        "a//b.json",
        "./a.json",
        "a.yaml",
        "a\\\\b.json",
        ".json/",
    ] {
        assert!(outside(path).contains("is not a policy's file"), "{path}: {}", outside(path));
    }
}

fn policies(count: usize) -> String {
    let arns: Vec<_> = (0..count).map(|number| format!("arn:aws:iam::aws:policy/P{number}")).collect();
    arns.join(", ")
}

#[test]
fn every_mistake_says_where_it_is_and_the_way_out() {
    let mut all = String::new();
    let tags: Vec<_> = (0..50).map(|number| format!("k{number}: v")).collect();
    for sets in [
        "{}".to_owned(),
        "[]".to_owned(),
        "[Developers]".to_owned(),
        "[{ description: x }]".to_owned(),
        "[{ name: \"a b\" }]".to_owned(),
        "[{ name: abcdefghijklmnopqrstuvwxyzabcdefg }]".to_owned(),
        "[{ name: A }, { name: A }]".to_owned(),
        "[{ name: A, sesion_duration: PT1H }]".to_owned(),
        "[{ name: A, session_duration: 1h }]".to_owned(),
        "[{ name: A, session_duration: PT13H }]".to_owned(),
        format!("[{{ name: A, description: {} }}]", "x".repeat(701)),
        "[{ name: A, description: \"100 €\" }]".to_owned(),
        format!("[{{ name: A, relay_state: {} }}]", "x".repeat(241)),
        "[{ name: A, relay_state: \"https://a/<b>\" }]".to_owned(),
        "[{ name: A, aws_managed_policies: [ReadOnlyAccess] }]".to_owned(),
        "[{ name: A, aws_managed_policies: [\"arn:aws:iam::111122223333:policy/Mine\"] }]".to_owned(),
        "[{ name: A, aws_managed_policies: [arn:aws:iam::aws:policy/X, arn:aws:iam::aws:policy/X] }]".to_owned(),
        format!("[{{ name: A, aws_managed_policies: [{}], customer_managed_policies: [Mine] }}]", policies(25)),
        "[{ name: A, customer_managed_policies: [/teams/Mine] }]".to_owned(),
        "[{ name: A, customer_managed_policies: [{ name: Mine, path: teams }] }]".to_owned(),
        "[{ name: A, permissions_boundary: { aws_managed_policy: arn:aws:iam::aws:policy/X, customer_managed_policy: Y } }]".to_owned(),
        "[{ name: A, tags: { \"aws:x\": v } }]".to_owned(),
        "[{ name: A, tags: { \"usher:x\": v } }]".to_owned(),
        "[{ name: A, tags: { x: true } }]".to_owned(),
        "[{ name: A, tags: { x: \"<>\" } }]".to_owned(),
        format!("[{{ name: A, tags: {{ {} }} }}]", tags.join(", ")),
        "[{ name: A, inline_policy: ReadOnly }]".to_owned(),
        "[{ name: A, inline_policy: { Statement: [{ Effect: Allow, Action: GetObject, Resource: yes }] } }]".to_owned(),
        "[{ name: A, inline_policy: { Statement: [{ Effect: Allow, Action: s3:GetObject, Resource: here, Sid: 1 }] } }]".to_owned(),
        "[{ name: A, adopt: yes }]".to_owned(),
        "[{ name: A, delete: true, tags: { a: b } }]".to_owned(),
        "[{ name: P, delete: true }]".to_owned(),
    ] {
        let shown: String = sets.chars().take(100).collect();
        writeln!(all, "{shown}\n{}", listed(&with_sets(&sets))).unwrap();
    }
    insta::assert_snapshot!(all, @r##"
    {}
    3:18+2 expected a list of permission sets, each with its `name`, found a map

    []
    3:18+2 expected a list of permission sets, each with its `name`, found an empty list | list at least one, or leave the key out if it is optional

    [Developers]
    3:19+10 expected a permission set as a map with `name`, `description`, `session_duration`, `relay_state`, `aws_managed_policies`, `customer_managed_policies`, `inline_policy`, `permissions_boundary`, `tags`, `adopt` or `delete`, found `Developers`

    [{ description: x }]
    3:19+18 a permission set needs the key `name` | say what it is called: the name can't be changed later

    [{ name: "a b" }]
    3:27+5 no permission set can be called `a b` | a name has up to 32 letters, digits and `_+=,.@-`

    [{ name: abcdefghijklmnopqrstuvwxyzabcdefg }]
    3:27+33 no permission set can be called `abcdefghijklmnopqrstuvwxyzabcdefg` | a name has up to 32 letters, digits and `_+=,.@-`

    [{ name: A }, { name: A }]
    3:40+1 the permission set `A` is declared twice | a permission set is declared once, in one file

    [{ name: A, sesion_duration: PT1H }]
    3:30+15 a permission set can't have the key `sesion_duration` | did you mean `session_duration`?

    [{ name: A, session_duration: 1h }]
    3:48+2 `1h` is not a session's duration from `PT1H`, one hour, to `PT12H`, such as `PT4H` or `PT1H30M`

    [{ name: A, session_duration: PT13H }]
    3:48+5 `PT13H` is not a session's duration from `PT1H`, one hour, to `PT12H`, such as `PT4H` or `PT1H30M`

    [{ name: A, description: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    3:43+701 a description has at most 700 characters, and this has 701

    [{ name: A, description: "100 €" }]
    3:43+7 a description can't have the character '€'

    [{ name: A, relay_state: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    3:43+241 a relay state has at most 240 characters, and this has 241

    [{ name: A, relay_state: "https://a/<b>" }]
    3:43+15 a relay state can't have the character '<'

    [{ name: A, aws_managed_policies: [ReadOnlyAccess] }]
    3:53+14 `ReadOnlyAccess` is not the ARN of an AWS managed policy | write it out: arn:aws:iam::aws:policy/ReadOnlyAccess

    [{ name: A, aws_managed_policies: ["arn:aws:iam::111122223333:policy/Mine"] }]
    3:53+39 `arn:aws:iam::111122223333:policy/Mine` is not the ARN of an AWS managed policy | a policy of an account's own goes under `customer_managed_policies`, by its name

    [{ name: A, aws_managed_policies: [arn:aws:iam::aws:policy/X, arn:aws:iam::aws:policy/X] }]
    3:80+25 `arn:aws:iam::aws:policy/X` is listed twice

    [{ name: A, aws_managed_policies: [arn:aws:iam::aws:policy/P0, arn:aws:iam::aws:policy/P1, arn:aws:i
    3:769+25 26 policies are attached; a permission set has at most 25, AWS's own and the customer's together

    [{ name: A, customer_managed_policies: [/teams/Mine] }]
    3:58+11 no customer managed policy can be `//teams/Mine` | a policy's name has up to 128 letters, digits and `_+=,.@-`, and no path

    [{ name: A, customer_managed_policies: [{ name: Mine, path: teams }] }]
    3:58+27 no customer managed policy can be `teamsMine` | a policy's path begins and ends with `/`, such as `/teams/payments/`

    [{ name: A, permissions_boundary: { aws_managed_policy: arn:aws:iam::aws:policy/X, customer_managed_
    3:52+77 a permissions boundary has exactly one of `aws_managed_policy` or `customer_managed_policy` | list them one by one

    [{ name: A, tags: { "aws:x": v } }]
    3:38+7 keys that begin with `aws:` or `usher:` are not yours to set

    [{ name: A, tags: { "usher:x": v } }]
    3:38+9 keys that begin with `aws:` or `usher:` are not yours to set

    [{ name: A, tags: { x: true } }]
    3:41+4 expected a tag's value, found `true`, which is true or false to YAML | quote it: "true"

    [{ name: A, tags: { x: "<>" } }]
    3:41+4 a tag's value has up to 256 letters, digits, spaces and `_.:/=+-@`

    [{ name: A, tags: { k0: v, k1: v, k2: v, k3: v, k4: v, k5: v, k6: v, k7: v, k8: v, k9: v, k10: v, k1
    3:36+392 50 tags; Usher gives a permission set at most 49

    [{ name: A, inline_policy: ReadOnly }]
    3:45+8 expected a policy with its `Statement`, or `{ file: policies/developers.json }`, found `ReadOnly`

    [{ name: A, inline_policy: { Statement: [{ Effect: Allow, Action: GetObject, Resource: yes }] } }]
    3:105+3 expected a text of a policy, found `yes`, which is true or false to YAML | quote it: "yes"

    [{ name: A, inline_policy: { Statement: [{ Effect: Allow, Action: s3:GetObject, Resource: here, Sid:
    3:108+4 `here` is no resource: it is `*` or an ARN, such as `arn:aws:s3:::bucket/*`
    3:119+1 this is a text

    [{ name: A, adopt: yes }]
    3:37+3 expected `true` or `false`, found `yes`

    [{ name: A, delete: true, tags: { a: b } }]
    3:44+4 a permission set that is to be deleted can't have `tags` | leave all but `name` out, or take `delete` away

    [{ name: P, delete: true }]
    3:27+1 the permission set `P` is to be deleted, and the rule `a` at rules.yaml:4 gives it | take it out of the rule first: once that is in force and its assignments are gone, it is deleted
    "##);
}

#[test]
fn any_file_may_declare_but_a_team_s() {
    let root = format!("version: 1\nsettings: {{ mode: sync }}\nrules: [{RULE}]\n");
    let further = "version: 1\npermission_sets: [{ name: A }]\n";
    let bundle = several(&[("usher.yaml", &root), ("sets.yaml", further)]);
    assert_eq!(read(&bundle).unwrap().permission_sets.len(), 1);
    let twice = several(&[("usher.yaml", &root), ("sets.yaml", further), ("more.yaml", further)]);
    insta::assert_snapshot!(refused(&twice), @"sets.yaml:2:27 the permission set `A` is declared twice; the first time at more.yaml:2 | a permission set is declared once, in one file");
    let teams = format!("{root}teams: [{{ id: web, files: [web/*] }}]\n");
    let theirs = several(&[("usher.yaml", &teams), ("web/sets.yaml", further)]);
    insta::assert_snapshot!(refused(&theirs), @"web/sets.yaml:2:1 the team `web` can't declare permission sets | move them to `usher.yaml`: whoever edits a permission set decides what everybody may do who has it, wherever that is");
}
