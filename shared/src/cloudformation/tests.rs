use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        AccountId, AssignmentKey, CustomerManagedPolicy, Mode, PermissionSetArn, PermissionsBoundary,
        Principal,
    },
    import::{self, Choices, Heading},
    rules::{ROOT_FILE, SetContent},
};

const ARTICLE: &str = include_str!("fixtures/alice-and-frank.json");
const FUNCTIONS: &str = include_str!("fixtures/functions.yaml");

const ALICE: &str = "926703446b-f10fac16-ab5b-45c3-86c1-aaaaaaaaaaaa";
const FRANK: &str = "926703446b-f10fac16-ab5b-45c3-86c1-ffffffffffff";

fn given(parameters: &[(&str, &str)]) -> Given {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Given { parameters: parameters.collect(), ..Given::default() }
}

fn article() -> Given {
    given(&[
        ("InstanceARN", "arn:aws:sso:::instance/ssoins-1234567890abcdef"),
        ("ExampleOrgDevAccountId", "111122223333"),
        ("ExampleOrgTestAccountId", "444455556666"),
        ("AliceDeveloperUserId", ALICE),
        ("FrankInfosecUserId", FRANK),
    ])
}

fn problems(template: &Template) -> Vec<String> {
    let told = template.problems.iter().map(|problem| {
        let plain = problem.plain();
        format!("{}:{}: {}", plain.line, plain.column, plain.message)
    });
    told.collect()
}

/// The rule document of templates, which wants exactly what they say.
fn document(templates: &[Template]) -> String {
    let (existing, declarations) = imported(templates);
    let choices = Choices { at_least: usize::MAX, control_tower: true, ..Choices::default() };
    let induced = import::induce(&existing, &choices);
    let heading = Heading { mode: Mode::Observe, about: Vec::new(), declarations: &declarations };
    let document = import::document(&existing, &induced, &choices, &heading).unwrap();
    let text = document.bundle.files[ROOT_FILE].clone();
    import::is_exact(&document, &existing, &induced).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    text
}

#[test]
fn the_articles_template_becomes_three_sets_and_three_rules() {
    let template = read("article.json", ARTICLE, &article()).unwrap();
    assert_eq!(problems(&template), Vec::<String>::new());
    insta::assert_snapshot!(document(&[template]), @r##"
    version: 1
    settings:
      mode: observe

    permission_sets:
      - name: EC2-S3-FullAccess
        description: "EC2 and S3 access for developers"
        aws_managed_policies: ["arn:aws:iam::aws:policy/AmazonEC2FullAccess", "arn:aws:iam::aws:policy/AmazonS3FullAccess"]
        tags: { Name: EC2S3Access }
      - name: AuditAccess
        description: "Audit access for the security team"
        aws_managed_policies: ["arn:aws:iam::aws:policy/SecurityAudit"]
        tags: { Name: SecurityAuditAccess }
      - name: PowerUserAccess
        description: "Power user access for the security team"
        aws_managed_policies: ["arn:aws:iam::aws:policy/PowerUserAccess"]
        tags: { Name: PowerUserAccess }

    rules:

      # Listed singly, by the ids of their accounts:
      # 1 assignment: 1 user x 1 permission set in 1 account.
      # 111122223333 is ExampleOrgDevAccountId
      - id: alicedeveloperuserid-in-exampleorgdevaccountid
        # 926703446b-f10fac16-ab5b-45c3-86c1-aaaaaaaaaaaa is called "AliceDeveloperUserId"
        principals: [{ user_id: "926703446b-f10fac16-ab5b-45c3-86c1-aaaaaaaaaaaa" }]
        permission_sets: [EC2-S3-FullAccess]
        accounts: { id: ["111122223333"] }
      # 1 assignment: 1 user x 1 permission set in 1 account.
      # 111122223333 is ExampleOrgDevAccountId
      - id: frankinfosecuserid-in-exampleorgdevaccountid
        # 926703446b-f10fac16-ab5b-45c3-86c1-ffffffffffff is called "FrankInfosecUserId"
        principals: [{ user_id: "926703446b-f10fac16-ab5b-45c3-86c1-ffffffffffff" }]
        permission_sets: [AuditAccess]
        accounts: { id: ["111122223333"] }
      # 1 assignment: 1 user x 1 permission set in 1 account.
      # 444455556666 is ExampleOrgTestAccountId
      - id: frankinfosecuserid-in-exampleorgtestaccountid
        # 926703446b-f10fac16-ab5b-45c3-86c1-ffffffffffff is called "FrankInfosecUserId"
        principals: [{ user_id: "926703446b-f10fac16-ab5b-45c3-86c1-ffffffffffff" }]
        permission_sets: [PowerUserAccess]
        accounts: { id: ["444455556666"] }
    "##);
}

#[test]
fn without_its_parameters_each_place_that_needs_one_is_told_and_the_sets_are_read() {
    let template = read("article.json", ARTICLE, &Given::default()).unwrap();
    assert_eq!((template.sets.len(), template.assignments.len()), (3, 0));
    let told = problems(&template);
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(told[0].starts_with("54:33: the parameter `AliceDeveloperUserId` has no value"), "{told:#?}");
    let help = template.problems[0].plain().help.clone().unwrap();
    assert_eq!(help, "say it with --parameter AliceDeveloperUserId=VALUE");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let broken = ARTICLE.replace("\\\\d{12}", "\\d{12}");
    let error = read("article.json", &broken, &article()).unwrap_err();
    let plain = error.0[0].plain();
    assert_eq!((plain.line, plain.file.as_str()), (10, "article.json"), "{plain:?}");
    assert!(plain.help.as_ref().unwrap().contains("backslash"), "{plain:?}");
    for (text, told) in [
        ("", "empty"),
        ("[]", "no `Resources`"),
        ("Resources: 7", "no `Resources`"),
        ("Resources: { A: &a { Type: x }, B: *a }", "alias"),
        ("a: 1\na: 2", "written twice"),
        ("a: 1\n---\nb: 2", "second document"),
        (&"[".repeat(200), ""),
    ] {
        let error = read("t.yaml", text, &Given::default()).unwrap_err();
        assert!(error.0[0].plain().message.contains(told), "{text}: {error:?}");
    }
    let large = " ".repeat(1_000_001);
    assert!(read("t.yaml", &large, &Given::default()).is_err());
}

#[test]
fn functions_are_followed_and_what_cannot_be_is_named_with_its_place_while_the_rest_is_read() {
    let group = "f10fac16-ab5b-45c3-86c1-0123456789ab";
    let template =
        read("functions.yaml", FUNCTIONS, &given(&[("Developers", group), ("Devs", "x")])).unwrap();
    insta::assert_snapshot!(problems(&template).join("\n"), @r"
    1:1: the template has no parameter `Devs`
    31:28: there is no parameter and no resource `Name`
    59:30: `Ref` of the permission set `Whole` is not its ARN, but an id that CloudFormation makes
    61:22: `PrincipalType` is `USER` or `GROUP`
    62:30: `Fn::ImportValue` can't be followed
    ");
    assert_eq!(template.switched_off, 1);
    assert_eq!(template.others, [("AWS::S3::Bucket".to_owned(), 1)].into());
    let [whole] = template.sets.as_slice() else { panic!("{:?}", template.sets) };
    assert!(whole.content.inline.as_ref().unwrap().to_json().contains("arn:aws:s3:::logs-dev"));
    let [first] = template.assignments.as_slice() else { panic!("{:?}", template.assignments) };
    assert_eq!((first.account.as_str(), first.principal.id()), ("222233334444", group));

    // Without what can't be followed in it, the first set is read as well.
    let mended = FUNCTIONS.replace("-${Name}", "");
    let template = read("functions.yaml", &mended, &given(&[("Developers", group)])).unwrap();
    let set = template.sets.iter().find(|set| set.id == "Set").unwrap();
    assert_eq!(set.name, "Developers-dev");
    let SetContent { description, session_duration, aws_managed, inline, .. } = &set.content;
    assert_eq!((description, session_duration.to_string()), (&None, "PT8H".to_owned()));
    let arns: Vec<&str> = aws_managed.iter().map(crate::domain::ManagedPolicyArn::as_str).collect();
    assert_eq!(
        arns,
        ["arn:aws:iam::aws:policy/AmazonS3FullAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"]
    );
    assert!(inline.as_ref().unwrap().to_json().contains("arn:aws:s3:::${literal}"));
    // In another stage other things hold.
    let prod = given(&[("Developers", group), ("Stage", "prod")]);
    let template = read("functions.yaml", &mended, &prod).unwrap();
    assert_eq!((template.assignments.len(), template.switched_off), (0, 2));
    assert_eq!(
        template.sets.iter().find(|set| set.id == "Set").unwrap().content.description.as_deref(),
        Some("only prod")
    );
}

#[test]
fn a_condition_that_rests_on_itself_ends() {
    let text = "
Conditions: { A: !Not [!Condition B], B: !Or [!Condition A, !Condition A] }
Resources:
  X: { Type: AWS::SSO::Assignment, Condition: A, Properties: {} }
";
    let template = read("t.yaml", text, &Given::default()).unwrap();
    assert!(problems(&template)[0].contains("rests on itself"), "{:?}", template.problems);
}

fn arn(number: usize) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{number:016}").parse().unwrap()
}

fn account(number: usize) -> AccountId {
    format!("{:012}", 200_000_000_000 + number).parse().unwrap()
}

fn principal(number: usize) -> Principal {
    let id = format!("00000000-0000-0000-0000-{number:012}");
    if number.is_multiple_of(2) {
        Principal::Group(id.parse().unwrap())
    } else {
        Principal::User(id.parse().unwrap())
    }
}

fn some_sets() -> impl Strategy<Value = BTreeMap<PermissionSetArn, (String, Option<SetContent>)>> {
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*",
        "Condition": { "StringLike": { "aws:PrincipalTag/Team": ["a*", "${aws:username}", "yes"] } } }] });
    let policy = crate::policy::read(&policy).unwrap();
    let content = (any::<bool>(), any::<bool>(), 0..3_u8, prop::option::of("[ -~]{1,20}")).prop_map(
        move |(inline, managed, boundary, description)| SetContent {
            description: description.filter(|text| !text.trim().is_empty() && !text.contains("{{")),
            session_duration: if managed {
                "PT4H".parse().unwrap()
            } else {
                crate::domain::SessionDuration::default()
            },
            relay_state: inline.then(|| "https://console.aws.amazon.com/".to_owned()),
            aws_managed: managed
                .then(|| "arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap())
                .into_iter()
                .collect(),
            customer_managed: managed
                .then(|| CustomerManagedPolicy { path: "/a/".to_owned(), name: "true".to_owned() })
                .into_iter()
                .collect(),
            inline: inline.then(|| policy.clone()),
            boundary: match boundary {
                0 => None,
                1 => Some(PermissionsBoundary::AwsManaged(
                    "arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap(),
                )),
                _ => Some(PermissionsBoundary::CustomerManaged(CustomerManagedPolicy {
                    path: "/".into(),
                    name: "B".into(),
                })),
            },
            tags: if managed {
                [("Team", "no"), ("a b", "7")].into_iter().collect()
            } else {
                crate::domain::Tags::default()
            },
        },
    );
    prop::collection::vec(prop::option::of(content), 4).prop_map(|contents| {
        let names = ["Read-Only", "ReadOnly", "7", "null"];
        let set = |(number, content)| (arn(number), (names[number].to_owned(), content));
        contents.into_iter().enumerate().map(set).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_exported_and_imported_again_is_the_same(
        sets in some_sets(),
        keys in prop::collection::btree_set((0..4_usize, 0..9_usize, 0..40_usize), 1..60),
        yaml in any::<bool>(),
        resources in 3..80_usize,
    ) {
        let assignments: BTreeSet<AssignmentKey> = keys
            .into_iter()
            .map(|(set, who, at)| AssignmentKey { account: account(at), permission_set: arn(set), principal: principal(who) })
            .collect();
        let what = ToExport { instance: "arn:aws:sso:::instance/ssoins-1234567890abcdef".parse().unwrap(), sets, assignments };
        let form = if yaml { Form::Yaml } else { Form::Json };
        let limits = Limits { resources, bytes: 20_000 };
        let exported = export(&what, form, limits).unwrap();
        prop_assert_eq!(&export(&what, form, limits).unwrap(), &exported);

        let mut back: BTreeSet<(String, Principal, AccountId)> = BTreeSet::new();
        let mut declared = BTreeMap::new();
        let mut templates = Vec::new();
        for stack in &exported.stacks {
            prop_assert!(stack.resources <= resources && stack.template.len() <= limits.bytes, "{}", stack.template.len());
            let template = read("exported", &stack.template, &Given::default()).unwrap();
            prop_assert_eq!(problems(&template), Vec::<String>::new(), "{}", stack.template);
            for set in &template.sets {
                prop_assert!(declared.insert(set.name.clone(), set.content.clone()).is_none());
            }
            for assigned in &template.assignments {
                let name = match &assigned.set {
                    SetOf::Named(name) => name.clone(),
                    SetOf::Arn(arn) => what.sets[arn].0.clone(),
                };
                back.insert((name, assigned.principal.clone(), assigned.account.clone()));
            }
            let to_import: serde_json::Value = serde_json::from_str(&stack.to_import).unwrap();
            prop_assert_eq!(to_import.as_array().unwrap().len(), stack.resources);
            templates.push(template);
        }
        let there = what.assignments.iter().map(|key| {
            (what.sets[&key.permission_set].0.clone(), key.principal.clone(), key.account.clone())
        });
        prop_assert_eq!(back, there.collect());
        let contents = what.sets.values().filter_map(|(name, content)| Some((name.clone(), content.clone()?)));
        prop_assert_eq!(declared, contents.collect());
        document(&templates);
    }
}

fn with_conditions(conditions: &str) -> String {
    format!(
        r#"{{ "Conditions": {{ {conditions} }}, "Resources": {{ "A": {{ "Type": "AWS::SSO::Assignment", "Condition": "C0", "Properties": {{}} }} }} }}"#
    )
}

#[test]
fn a_permission_set_whose_name_comes_to_no_text_is_named_with_its_place() {
    let named = |name: &str| {
        let text = format!(
            "Resources:\n  Good: {{ Type: AWS::SSO::PermissionSet, Properties: {{ InstanceArn: x, Name: Good }} }}\n  Odd:\n    Type: AWS::SSO::PermissionSet\n    Properties:\n      InstanceArn: x\n{name}"
        );
        let template = read("odd.yaml", &text, &Given::default()).unwrap();
        assert_eq!(template.sets.len(), 1, "{name}: the rest is read");
        problems(&template)
    };
    for name in ["!GetAtt Good.PermissionSetArn", "!Sub \"${Good.PermissionSetArn}\"", "[a, b]", "{ a: b }"] {
        let told = named(&format!("      Name: {name}\n"));
        assert!(matches!(&told[..], [one] if one.starts_with("7:")), "{name}: {told:?}");
    }
    assert_eq!(named("").len(), 1, "and so is one without a name");
}

#[test]
fn conditions_that_rest_on_too_many_others_are_told_and_followed_no_further() {
    let chain: Vec<String> =
        (0..4000).map(|number| format!(r#""C{number}": {{ "Condition": "C{}" }}"#, number + 1)).collect();
    let template = read("chain.json", &with_conditions(&chain.join(",")), &Given::default()).unwrap();
    assert!(problems(&template)[0].contains("more than 60 conditions rest on each other"), "{template:?}");

    // Each asks for the next one twice.
    let twice: Vec<String> = (0..40)
        .map(|number| {
            let next = format!(r#"{{ "Condition": "C{}" }}"#, number + 1);
            format!(r#""C{number}": {{ "Fn::And": [{next}, {next}] }}"#)
        })
        .chain([r#""C40": { "Fn::Equals": ["a", "a"] }"#.to_owned()])
        .collect();
    let template = read("twice.json", &with_conditions(&twice.join(",")), &Given::default()).unwrap();
    assert!(problems(&template)[0].contains("asks for too much"), "{template:?}");
}

#[test]
fn a_text_that_is_made_from_itself_again_and_again_is_told() {
    let mut value = r#""0123456789""#.to_owned();
    for _ in 0..9 {
        value = format!(
            r#"{{ "Fn::Sub": ["${{x}}${{x}}${{x}}${{x}}${{x}}${{x}}${{x}}${{x}}", {{ "x": {value} }}] }}"#
        );
    }
    let text = format!(
        r#"{{ "Resources": {{ "P": {{ "Type": "AWS::SSO::PermissionSet", "Properties": {{ "Name": {value} }} }} }} }}"#
    );
    let template = read("bomb.json", &text, &Given::default()).unwrap();
    assert!(problems(&template)[0].contains("asks for too much"), "{:?}", problems(&template));
}

#[test]
fn what_may_give_access_elsewhere_is_told_and_nothing_in_a_name_commands_a_terminal() {
    let text = r#"{ "Transform": "Mine", "Resources": { "N": { "Type": "AWS::CloudFormation::Stack" },
        "M": { "Type": "My::Own::SSO::MODULE" }, "E\u001b[31m": { "Properties": {} } } }"#;
    let template = read("nested.json", text, &Given::default()).unwrap();
    let told = problems(&template).join("\n");
    assert_eq!(template.problems.len(), 4, "{told}");
    assert!(told.contains("`N` (AWS::CloudFormation::Stack) may give access"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
}

/// The policy of a template's only set, with this for a condition's value.
fn conditioned(value: &str) -> Template {
    let text = format!(
        "
Parameters: {{ Stage: {{ Type: String, Default: {value} }} }}
Mappings: {{ M: {{ k: {{ v: {value} }} }} }}
Conditions: {{ On: !Equals [a, a] }}
Resources:
  Set:
    Type: AWS::SSO::PermissionSet
    Condition: 'On'
    Properties:
      Name: Set
      InlinePolicy:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: '*'
            Resource: '*'
            Condition:
              Bool: {{ aws:MultiFactorAuthPresent: {value} }}
"
    );
    read("t.yaml", &text, &Given::default()).unwrap()
}

#[test]
fn words_that_yaml_has_for_truths_are_read_as_cloudformation_reads_them_or_told_with_their_place() {
    for (value, is) in [
        ("True", "true"),
        ("yes", "true"),
        ("on", "true"),
        ("FALSE", "false"),
        ("No", "false"),
        ("7", "7"),
        ("'yes'", "yes"),
        ("! yes", "yes"),
        ("2012-10-17", "2012-10-17"),
        ("098765432109", "098765432109"),
    ] {
        let template = conditioned(value);
        assert_eq!(problems(&template), Vec::<String>::new(), "{value}");
        let policy = template.sets[0].content.inline.as_ref().unwrap();
        let found = &policy.statements[0].conditions["Bool"]["aws:MultiFactorAuthPresent"];
        assert_eq!(*found, [is.to_owned()].into(), "{value}");
    }
    for value in ["y", "null", "~", "", "011122223333", "1.10", "1_000", "12:30"] {
        let template = conditioned(value);
        let told = problems(&template);
        assert!(template.sets.is_empty() && told.len() == 1, "{value}: {told:?}");
        assert!(told[0].starts_with("18:"), "{value}: {told:?}");
        assert!(template.problems[0].plain().help.as_ref().unwrap().contains("quotes"), "{value}");
    }
}

#[test]
fn a_truth_is_one_in_a_parameter_and_in_a_mapping_too_and_a_name_is_a_name() {
    let text = |value: &str, name: &str| {
        format!(
            "
Parameters: {{ On: {{ Type: String, Default: {value} }} }}
Mappings: {{ M: {{ k: {{ v: {value} }} }} }}
Resources:
  Set: {{ Type: AWS::SSO::PermissionSet, Properties: {{ Name: {name} }} }}
"
        )
    };
    for name in ["!Ref On", "!FindInMap [M, k, v]", "yes"] {
        let template = read("t.yaml", &text("Yes", name), &Given::default()).unwrap();
        assert_eq!(problems(&template), Vec::<String>::new(), "{name}");
        assert_eq!(template.sets[0].name, "true", "{name}");
        let template = read("t.yaml", &text("0x1F", name), &Given::default()).unwrap();
        assert_eq!(
            (problems(&template).len(), template.sets.len()),
            if name == "yes" { (0, 1) } else { (1, 0) }
        );
    }
}

#[test]
fn what_stands_for_a_set_is_no_set_that_the_template_names() {
    let stand_in = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000";
    let assignment = |set: &str| {
        format!(
            "{{ Type: AWS::SSO::Assignment, Properties: {{ PermissionSetArn: {set}, PrincipalType: USER, PrincipalId: {ALICE}, TargetType: AWS_ACCOUNT, TargetId: '111122223333' }} }}"
        )
    };
    let text = format!(
        "
Resources:
  Set: {{ Type: AWS::SSO::PermissionSet, Properties: {{ Name: Set }} }}
  One: {}
  Other: {}
",
        assignment("!GetAtt Set.PermissionSetArn"),
        assignment(stand_in),
    );
    let template = read("t.yaml", &text, &Given::default()).unwrap();
    assert_eq!(problems(&template), Vec::<String>::new());
    let (existing, _) = imported(std::slice::from_ref(&template));
    assert_eq!((existing.sets.len(), existing.assignments.len()), (2, 2));
    let text = document(&[template]);
    assert!(
        text.contains(&format!("permission_set_arn: \"{stand_in}\"")) && text.contains(" Set]"),
        "{text}"
    );
}

#[test]
fn sets_that_nothing_gives_are_declared_in_a_file_that_goes_beside_others() {
    let text = "Resources: { Set: { Type: AWS::SSO::PermissionSet, Properties: { Name: Set } } }";
    let template = read("t.yaml", text, &Given::default()).unwrap();
    let (existing, declarations) = imported(&[template]);
    assert!(existing.assignments.is_empty());
    let mut bundle = import::declared_alone(&["Nobody has it.".to_owned()], &declarations).bundle;
    insta::assert_snapshot!(bundle.files["permission-sets.yaml"], @r"
    # Nobody has it.
    version: 1

    permission_sets:
      - name: Set
    ");
    let root = "version: 1\nsettings: { mode: observe }\nrules:\n  - { id: a, principals: [{ group: a }], permission_sets: [Set], accounts: everywhere }\n";
    bundle.files.insert(ROOT_FILE.to_owned(), root.to_owned());
    assert_eq!(crate::rules::read(&bundle).unwrap().permission_sets.len(), 1);
}
