//! `usher delegation`, and what `rules check`, `plan` and `explain` tell of scopes.

use cli::Ending;
use serde_json::Value;

use super::{Place, Ran, run};

const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "200000000001", tags: { Team: shop } }
      - { name: search-dev, id: "200000000002", tags: { Team: search } }
  - name: Production
    accounts:
      - { name: shop-prod, id: "200000000003", tags: { Team: shop } }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets:
  - { name: ReadOnlyAccess, tags: { Environment: All } }
  - { name: Developer, tags: { Environment: Development } }
  - { name: Deploy, tags: { Environment: Production } }
  - { name: AdministratorAccess, tags: { Environment: All } }
groups: [{ name: Shop }, { name: Auditors }]
"#;

const ROOT: &str = "
version: 1
settings:
  mode: sync
  trusted_account_tags: [Team]
  trusted_permission_set_tags: [Environment]
  protected_permission_sets: [AdministratorAccess]
teams:
  - id: accounts
    files: teams/accounts.yaml
    scope: { permission_sets: any, accounts: { id: ['200000000001', '200000000003'] } }
  - id: audit
    files: teams/audit.yaml
    scope: { permission_sets: [ReadOnlyAccess], accounts: everywhere }
  - id: development
    files: teams/development.yaml
    scope:
      permission_sets: { tagged: { Environment: [Development, All] } }
      accounts: { in_ou: Development }
  - id: mixed
    files: teams/mixed.yaml
    scope:
      - { permission_sets: [ReadOnlyAccess], accounts: { in_ou: Production } }
      - { permission_sets: any, accounts: { id: '200000000001' } }
  - { id: platform, files: teams/platform.yaml, scope: unlimited }
";

const RULES: &str = "
rules:
  - { id: root, principals: [{ group: Auditors }], permission_sets: [ReadOnlyAccess], accounts: everywhere }
";

/// Of the team `development`: by name and tag, where its scope goes by tag and OU.
const OF_TEAM: &str = "
version: 1
rules:
  - { id: shop, principals: [{ group: Shop }], permission_sets: [Developer], accounts: { tagged: { Team: shop } } }
";

async fn place() -> Place {
    let place = Place::new(ORGANIZATION).await;
    std::fs::create_dir_all(place.path("rules/teams")).unwrap();
    place.file("rules/usher.yaml", &format!("{ROOT}{RULES}"));
    place
}

async fn delegation(place: &Place, words: &[&str]) -> Ran {
    let (rules, ledger) = (place.path("rules"), place.path("state/ledger.db"));
    let mut line = vec!["usher", "delegation"];
    line.extend(words);
    line.extend(["--rules", rules.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()]);
    run(&line, place.machine()).await
}

#[tokio::test]
async fn a_policy_goes_to_the_output_and_what_has_to_be_known_of_it_beside() {
    let place = place().await;
    let ran = delegation(&place, &["policy", "development"]).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    let policy = ran.json();
    assert_eq!(policy["Version"], "2012-10-17");
    let text = policy.to_string();
    assert!(
        text.contains("arn:aws:sso:::account/200000000001") && text.contains("account/200000000002"),
        "{text}"
    );
    assert!(
        !text.contains("200000000003")
            && text.contains(r#""aws:ResourceTag/Environment":["All","Development"]"#),
        "{text}"
    );
    for told in [
        "Delegated administration of team development",
        "(in_ou Development) selects now",
        "It edits no permission set",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert_eq!(place.writes(), 0);
    assert!(!place.path("state").exists(), "nothing is made on the disk");
}

#[tokio::test]
async fn a_delegated_administrator_s_permission_set_is_a_declaration_that_rules_take() {
    let place = place().await;
    let ran =
        delegation(&place, &["policy", "development", "--as-permission-set", "--session-duration", "PT2H"])
            .await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    assert!(ran.out.contains("relay_state: \"https://us-east-1.console.aws.amazon.com/singlesignon/home?region=us-east-1#/accounts/organization\""), "{}", ran.out);
    let (_, entry) = ran.out.split_once("permission_sets:\n").unwrap();
    let further = format!("permission_sets:\n  - name: Builders\n{entry}");
    for (declared, told) in
        [(&further, "2 permission sets declared"), (&ran.out, "1 permission set declared")]
    {
        let root = place.file("rules/usher.yaml", &format!("{ROOT}{declared}{RULES}"));
        let folder = root.parent().unwrap().to_str().unwrap();
        let check = run(&["usher", "rules", "check", folder], place.machine()).await;
        assert_eq!(check.ending, Ending::Good, "{}{}", check.out, ran.out);
        assert!(check.out.contains(told), "{}", check.out);
    }
    assert!(ran.out.starts_with("# ") && ran.out.contains("leave out the next line"), "{}", ran.out);
    let plan = place.usher("plan", &place.path("rules"), &["--json"]).await.json();
    let set = &plan["permission_sets"][0];
    assert_eq!(
        (&set["name"], &set["action"]),
        (&Value::from("development-delegated-admin"), &Value::from("make"))
    );

    let named = delegation(&place, &["policy", "audit", "--as-permission-set", "--name", "a b"]).await;
    assert!(
        named.ending == Ending::Bad && named.err.contains("no permission set can be called `a b`"),
        "{named:?}"
    );
    let long =
        delegation(&place, &["policy", "audit", "--as-permission-set", "--session-duration", "PT13H"]).await;
    assert!(long.ending == Ending::Bad && long.err.contains("from PT1H to PT12H"), "{long:?}");
}

#[tokio::test]
async fn scopes_that_iam_would_mix_are_written_one_by_one() {
    let place = place().await;
    let both = delegation(&place, &["policy", "mixed"]).await;
    assert_eq!(both.ending, Ending::Bad);
    assert!(
        both.out.is_empty() && both.err.contains("`usher delegation policy mixed --scope 2`"),
        "{both:?}"
    );
    let second = delegation(&place, &["policy", "mixed", "--scope", "2"]).await;
    assert_eq!(second.ending, Ending::Good, "{second:?}");
    assert!(
        second.out.contains("account/200000000001") && !second.out.contains("200000000003"),
        "{}",
        second.out
    );
    let third = delegation(&place, &["policy", "mixed", "--scope", "3"]).await;
    assert!(third.err.contains("the team `mixed` has no scope 3: it has 2"), "{third:?}");
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_may_be_meant() {
    let place = place().await;
    for (words, told) in [
        (&["policy", "developmnt"][..], "perhaps development is meant"),
        (&["policy", "platform"], "has no scope: its files may give anything anywhere"),
        (&["who", "shop-dve"], "perhaps shop-dev (200000000001) is meant"),
        (&["who", "999999999999"], "the organization has no account `999999999999`"),
        (&["who", "shop-dev", "--permission-set", "ReadOnlyAcess"], "perhaps ReadOnlyAccess is meant"),
    ] {
        let ran = delegation(&place, words).await;
        assert!(
            ran.ending == Ending::Bad && ran.err.contains(told) && ran.out.is_empty(),
            "{words:?}: {ran:?}"
        );
    }
}

#[tokio::test]
async fn who_tells_the_teams_that_may_give_access_to_an_account_by_which_scope_and_what() {
    let place = place().await;
    let ran = delegation(&place, &["who", "shop-dev"]).await;
    insta::assert_snapshot!(ran.out.replace(place.path("rules").to_str().unwrap(), "rules"), @r"
    shop-dev  200000000001  Development
      team accounts may give
        Deploy, Developer, ReadOnlyAccess  by the scope at usher.yaml:11: any permission set, id 200000000001 or 200000000003
      team audit may give
        ReadOnlyAccess  by the scope at usher.yaml:14: ReadOnlyAccess, everywhere
      team development may give
        Developer, ReadOnlyAccess  by the scope at usher.yaml:18: tagged Environment: Development or All, in_ou Development
      team mixed may give
        Deploy, Developer, ReadOnlyAccess  by the scope at usher.yaml:24: any permission set, id 200000000001
      team platform may give anything: its scope is unlimited
    ");
    let json =
        delegation(&place, &["who", "200000000003", "--permission-set", "Deploy", "--json"]).await.json();
    let may: Vec<&str> = json["teams"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|team| team["may_give"] == true)
        .map(|team| team["team"].as_str().unwrap())
        .collect();
    assert_eq!(may, ["accounts", "platform"]);
    let management = delegation(&place, &["who", "management"]).await;
    assert!(management.out.contains("only scopes that list its id have it"), "{}", management.out);
    assert!(
        management.out.contains("4 teams may give nothing here: accounts, audit, development, mixed"),
        "{}",
        management.out
    );
}

#[tokio::test]
async fn a_declared_permission_set_is_told_before_it_is_made() {
    let place = place().await;
    let declared = "permission_sets: [{ name: Builders, tags: { Environment: Development } }]";
    place.file("rules/usher.yaml", &format!("{ROOT}{declared}{RULES}"));
    let ran = delegation(&place, &["who", "shop-dev"]).await;
    assert!(
        ran.out
            .contains("Developer, ReadOnlyAccess, Builders (yet to be made)  by the scope at usher.yaml:18"),
        "{}",
        ran.out
    );
    let json =
        delegation(&place, &["who", "shop-dev", "--permission-set", "Builders", "--json"]).await.json();
    assert_eq!(json["permission_set"], "Builders");
    let development =
        json["teams"].as_array().unwrap().iter().find(|it| it["team"] == "development").unwrap();
    assert_eq!(development["scopes"][0]["to_come"], serde_json::json!(["Builders"]), "{development}");
    let audit = json["teams"].as_array().unwrap().iter().find(|it| it["team"] == "audit").unwrap();
    assert_eq!(audit["may_give"], false);
}

#[tokio::test]
async fn what_a_scope_names_and_nothing_is_is_told_in_a_plan() {
    let place = place().await;
    let set = "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-0000000000000009";
    let root = ROOT
        .replace("'200000000003'] }", "'200000000009'] }")
        .replace("in_ou: Development", "in_ou: Developmnt")
        .replace(
            "permission_sets: [ReadOnlyAccess], accounts: everywhere",
            &format!(
                "permission_sets: [ReadOnlyAccess, {{ permission_set_arn: {set} }}], accounts: everywhere"
            ),
        );
    place.file("rules/usher.yaml", &format!("{root}{RULES}"));
    let plan = place.usher("plan", &place.path("rules"), &["--json"]).await.json();
    let told: Vec<_> =
        plan["idle_scopes"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    let no_set = format!("there is no permission set {set}");
    assert_eq!(told, ["there is no account 200000000009", &no_set, "no account is in the OU Developmnt"]);
    let text = place.usher("plan", &place.path("rules"), &[]).await.out;
    assert!(
        text.contains("there is no account 200000000009  the scope of team accounts at usher.yaml:11"),
        "{text}"
    );
    place.file("rules/usher.yaml", &format!("{ROOT}{RULES}"));
    let plan = place.usher("plan", &place.path("rules"), &["--json"]).await.json();
    assert!(plan.get("idle_scopes").is_none(), "{plan}");
}

#[tokio::test]
async fn a_rule_beyond_its_scope_is_refused_by_what_is_written_or_by_the_organization() {
    let place = place().await;
    let rules = place.path("rules");
    // By what is written it may be within: the account tagged shop in Production is what the organization knows.
    place.file("rules/teams/development.yaml", OF_TEAM);
    let check = run(&["usher", "rules", "check", rules.to_str().unwrap()], place.machine()).await;
    assert_eq!(check.ending, Ending::Good, "{}", check.out);
    assert!(check.out.contains("development: 1 rule, within tagged Environment: Development or All, in_ou Development; 1 can be held against it only with an organization"), "{}", check.out);
    assert!(check.out.contains("platform: 0 rules, unlimited"), "{}", check.out);

    let plan = place.usher("plan", &rules, &["--json"]).await.json();
    let withheld = &plan["accounts"].as_array().unwrap().iter().find(|it| it["name"] == "shop-prod").unwrap()
        ["withheld"];
    assert_eq!(withheld[0]["reason"]["kind"], "out_of_scope", "{withheld}");
    assert!(withheld.to_string().contains("beyond the scope of the team whose rule wants it"), "{withheld}");
    let refused = plan["refused"].as_str().unwrap();
    assert!(refused.contains("they give what is beyond the scope of their team"), "{refused}");
    let example = "1 assignment: shop-prod (200000000003) Developer (ps-";
    assert!(refused.contains(example) && refused.contains(") group:Shop ("), "{refused}");
    let text = place.usher("plan", &rules, &[]).await.out;
    assert!(
        text.contains("These rules would not come into force") && !text.contains("usher apply"),
        "{text}"
    );
    let comment = place.usher("plan", &rules, &["--output", "markdown"]).await.out;
    assert!(comment.contains("**These rules would not come into force:**"), "{comment}");
    let supposed = format!("rules:{}", rules.display());
    let before = place.file("usher.yaml", &format!("{ROOT}{RULES}"));
    let what_if = place.usher("plan", &before, &["--what-if", &supposed, "--json"]).await.json();
    assert!(
        what_if["notes"].to_string().contains("these rules would not come into force: they give"),
        "{what_if}"
    );

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Bad);
    let told = apply.err.split_whitespace().collect::<Vec<_>>().join(" ");
    let told_so = format!("rule shop at teams/development.yaml:4 (team development), {example}");
    assert!(told.contains(&told_so), "{told}");
    assert_eq!(place.writes(), 0);
    let ledger = place.path("state/ledger.db");
    let line =
        ["usher", "rules", "publish", rules.to_str().unwrap(), "--ledger", ledger.to_str().unwrap(), "--yes"];
    let publish = run(&line, place.machine()).await;
    assert!(publish.ending == Ending::Bad && publish.err.contains("beyond the scope of"), "{publish:?}");
    assert!(publish.err.contains("(200000000003)") && publish.err.contains("group:Shop"), "{publish:?}");

    // Narrowed, it comes into force; then the account moves, and it is told why.
    place.file(
        "rules/teams/development.yaml",
        &OF_TEAM.replace("tagged: { Team: shop }", "tagged: { Team: shop }, named: shop-dev"),
    );
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let explain = |more: &'static [&'static str]| {
        let ledger = ledger.to_str().unwrap().to_owned();
        let machine = place.machine();
        async move {
            let mut line =
                vec!["usher", "explain", "group:Shop", "shop-dev", "Developer", "--ledger", &ledger];
            line.extend(more);
            run(&line, machine).await
        }
    };
    let here = explain(&[]).await;
    assert!(here.out.contains("+ the team's scope at ") && here.out.contains(" has it"), "{}", here.out);
    let moved = explain(&["--what-if", "move:shop-dev:Production"]).await;
    for told in [
        "Rule shop would give it, and it is beyond the scope of the rule's team",
        "would give it, but for one thing",
        "in_ou Development: the account is in Production",
        "The next run revokes it, within its budget.",
    ] {
        assert!(moved.out.contains(told), "{told}: {}", moved.out);
    }
    let what_if = ["--what-if", "move:shop-dev:Production"];
    let then = place.usher("plan", &rules, &what_if).await;
    assert!(then.out.contains("beyond the scope of its team: would be revoked; is by shop"), "{then:?}");
    let then = place.usher("plan", &rules, &["--what-if", "move:shop-dev:Production", "--json"]).await.json();
    assert_eq!(then["accounts"][0]["revokes"][0]["out_of_scope"], true, "{then}");
    place.file(
        "rules/teams/development.yaml",
        &OF_TEAM
            .replace("[Developer]", "[AdministratorAccess]")
            .replace("tagged: { Team: shop }", "id: '200000000001'"),
    );
    let check = run(&["usher", "rules", "check", rules.to_str().unwrap()], place.machine()).await;
    assert!(
        check.ending == Ending::Bad
            && check.out.contains("the team `development` may not give `AdministratorAccess`"),
        "{}",
        check.out
    );
}

#[tokio::test]
async fn teams_without_any_scope_are_told_of() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file(
        "rules.yaml",
        &format!(
            "version: 1\nsettings: {{ mode: sync }}\nteams: [{{ id: shop, files: shop.yaml }}]\n{RULES}"
        ),
    );
    let check = run(&["usher", "rules", "check", rules.to_str().unwrap()], place.machine()).await;
    assert_eq!(check.ending, Ending::Good);
    assert!(
        check.out.contains("shop: 0 rules, no scope: its files may give anything anywhere"),
        "{}",
        check.out
    );
    let json =
        run(&["usher", "rules", "check", rules.to_str().unwrap(), "--json"], place.machine()).await.json();
    assert_eq!(json["teams"][0]["scope"], "unsaid");
}

#[tokio::test]
async fn one_account_can_not_tell_whether_new_rules_stay_within_their_scopes() {
    let place = place().await;
    let rules = place.path("rules");
    place.file(
        "rules/teams/development.yaml",
        &OF_TEAM.replace("Team: shop }", "Team: shop }, named: shop-dev"),
    );
    let of_one = ["--account", "200000000001"];
    let text = place.usher("plan", &rules, &of_one).await.out;
    assert!(text.contains("One account can't tell") && !text.contains("usher apply"), "{text}");
    let json = place.usher("plan", &rules, &[&of_one[..], &["--json"]].concat()).await.json();
    assert_eq!(json["scopes_untold"], true);
    let comment = place.usher("plan", &rules, &[&of_one[..], &["--output", "markdown"]].concat()).await.out;
    assert!(comment.contains("One account can't tell"), "{comment}");
    let before = place.file("usher.yaml", &format!("{ROOT}{RULES}"));
    let supposed = format!("rules:{}", rules.display());
    let then = place.usher("plan", &before, &[&["--what-if", &supposed], &of_one[..]].concat()).await.out;
    assert!(then.contains("! one account can't tell"), "{then}");

    // Once they are in force over all accounts, one of them is as good as all.
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let text = place.usher("plan", &rules, &of_one).await.out;
    assert!(!text.contains("One account can't tell"), "{text}");
}
