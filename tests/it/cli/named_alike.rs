//! Names that look like something else: what is typed is taken for one thing everywhere, and never suggested again.

use clap::Parser as _;
use cli::{Cli, Ending};

use super::{Place, RULES};

/// An account bears another's id as its name, another one an id that is nobody's; an OU has a slash in its name, and a permission set is
/// called as if it were an id.
const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "200000000001" }
      - { name: "200000000001", id: "200000000002" }
    organizational_units:
      - name: Test/EU
        accounts: [{ name: shop-test, id: "200000000004" }]
  - name: Production
    accounts:
      - { name: shop-prod, id: "200000000003" }
      - { name: "200000000009", id: "200000000005" }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets: [{ name: ReadOnlyAccess }, { name: PowerUserAccess }, { name: ps-1234567890abcdef }]
groups: [{ name: Developers }, { name: Auditors }, { name: "group:x" }]
"#;

#[tokio::test]
async fn a_name_like_an_id_that_is_nobody_s_is_taken_everywhere() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let report = place.path("report.json").display().to_string();
    assert_eq!(place.order(&["audit", "--output", "json", "--out", &report]).await.ending, Ending::Good);
    for words in [
        &["audit", "--account", "200000000009"][..],
        &["audit", "--from", &report, "--account", "200000000009"],
        &["explain", "group:Auditors", "200000000009"],
        &["plan", "--what-if", "move:200000000009:Development"],
        &["delegation", "who", "200000000009"],
    ] {
        let ran = place.order(words).await;
        assert!(ran.ending != Ending::Bad && ran.out.contains("200000000005"), "{words:?}: {ran:?}");
        let nobody = words.join(" ").replace("200000000009", "200000000008");
        let nobody = place.order(&nobody.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(nobody.ending, Ending::Bad, "{nobody:?}");
        let told = nobody.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("has no account `200000000008`"), "{words:?}: {told}");
    }
}

#[tokio::test]
async fn a_group_that_is_called_like_a_kind_is_suggested_as_it_has_to_be_typed() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let ran = place.order(&["explain", "group:x", "shop-dev"]).await;
    assert!(ran.ending == Ending::Bad && ran.err.contains("group:group:x"), "{ran:?}");
    assert_eq!(place.order(&["explain", "group:group:x", "shop-dev"]).await.ending, Ending::Good);
}

#[tokio::test]
async fn an_account_s_id_is_nobody_else_s_whatever_others_are_called() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let audit = place.order(&["audit", "--account", "200000000001"]).await;
    assert!(audit.ending == Ending::Good && audit.out.contains("shop-dev"), "{audit:?}");
    let then = place.order(&["plan", "--what-if", "move:200000000001:Production"]).await;
    assert!(then.out.contains("shop-dev (200000000001) is in Production"), "{then:?}");
    let explained = place.order(&["explain", "group:Auditors", "200000000001"]).await;
    assert!(explained.out.contains("in  shop-dev  200000000001"), "{explained:?}");
}

#[tokio::test]
async fn what_was_typed_is_not_suggested_again() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    // Neither the path, nor the name alone, nor a slip of the pen.
    for ou in ["Development/Test/EU", "Test/EU", "Development/Test/UE"] {
        let moved = place.order(&["plan", "--what-if", &format!("move:shop-dev:{ou}")]).await;
        assert_eq!(moved.ending, Ending::Bad, "{moved:?}");
        let id = moved.err.split_whitespace().find(|word| word.starts_with("ou-ab12-"));
        let by_id = place.order(&["plan", "--what-if", &format!("move:shop-dev:{}", id.unwrap())]).await;
        assert!(by_id.out.contains("is in Development/Test/EU"), "{by_id:?}");
    }

    let set = place.order(&["explain", "group:Auditors", "shop-dev", "ps-1234567890abcdef"]).await;
    assert_eq!(set.ending, Ending::Bad, "{set:?}");
    let id =
        set.err.split_whitespace().find(|word| word.starts_with("ps-") && *word != "ps-1234567890abcdef");
    let by_id = place.order(&["explain", "group:Auditors", "shop-dev", id.unwrap()]).await;
    assert_eq!(by_id.ending, Ending::Good, "{by_id:?}");
}

#[tokio::test]
async fn what_is_said_twice_is_refused_and_not_the_last_believed() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    for [one, other] in
        [["move:shop-dev:Production", "move:200000000001:/"], ["tag:shop-dev:Team=a", "untag:shop-dev:Team"]]
    {
        let ran = place.order(&["plan", "--what-if", one, "--what-if", other]).await;
        assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
        assert!(ran.err.contains(&format!("`--what-if {other}` can't be supposed")), "{}", ran.err);
    }
    let template = place.file("template.json", r#"{ "Resources": {} }"#);
    let twice = ["--parameter", "Env=prod", "--parameter", "Env=dev"];
    let ran = place
        .order(&[&["import", "--cloudformation", template.to_str().unwrap()], &twice[..]].concat())
        .await;
    assert!(ran.ending == Ending::Bad && ran.err.contains("the parameter `Env` is given twice"), "{ran:?}");
}

#[test]
fn an_empty_name_is_a_mistake_on_the_command_line() {
    for option in ["--account", "--person", "--permission-set"] {
        assert!(Cli::try_parse_from(["usher", "audit", option, ""]).is_err(), "{option}");
    }
}

#[tokio::test]
async fn an_organization_without_assignments_is_told_so_by_an_import() {
    let place = Place::new(ORGANIZATION).await;
    let ran = place.order(&["import"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(
        ran.err.contains("nothing is assigned to anybody yet") && ran.err.contains("`usher plan"),
        "{}",
        ran.err
    );
}
