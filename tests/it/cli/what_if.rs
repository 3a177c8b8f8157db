//! `plan --what-if`: what would change, before anybody does it.

use std::collections::BTreeMap;

use clap::Parser as _;
use cli::{Cli, Ending};
use serde_json::Value;

use super::explain::{Asked, DEV, RULES};

#[tokio::test]
async fn what_if_tells_only_what_the_change_makes() {
    let asked = Asked::applied().await;
    let what_if = async |words: &[&str]| {
        let mut line = vec!["plan"];
        line.extend(words.iter().flat_map(|word| ["--what-if", *word]));
        asked.place.order(&line).await
    };
    let moved = what_if(&["move:shop-dev:Production"]).await;
    assert_eq!(moved.ending, Ending::ToDo, "{moved:?}");
    // The version is that of the rules.
    insta::assert_snapshot!(moved.out, @r"
    Suppose that
      shop-dev (200000000001) is in Production, and not in Development

    Rules in force (4 rules, mode sync, version 4c8f7d4a2831)

    shop-dev  200000000001  Development -> Production
      - PowerUserAccess  group Developers        would be revoked; is by developers
      ! PowerUserAccess  group shop-developers   its revoke would be withheld: its rules are in create-only mode (rule by-stage)
      ! PowerUserAccess  user alice@example.com  its revoke would be withheld: its rules are in create-only mode (rule by-stage)
      ~ ReadOnlyAccess   user bob@example.com    its grant would no longer be withheld: the rules are in observe mode (rule watched)

    Then: 0 would be granted, 1 would be revoked in 1 account; 2 would be withheld; 1 would not be withheld any more. Nothing was changed.
    ");

    let same = what_if(&["tag:shop-dev:Stage=dev"]).await;
    assert_eq!(same.ending, Ending::Good, "{same:?}");
    assert!(same.out.contains("nothing would be granted or revoked otherwise in 1 account"), "{}", same.out);
    let untagged = what_if(&["untag:shop-dev:Team"]).await;
    // What `create-only` has given is not taken away: that is withheld.
    assert!(untagged.out.contains("its rules are in create-only mode"), "{}", untagged.out);
    // An account without any tag, with one.
    let tagged = what_if(&["tag:200000000004:Team=shop", "tag:200000000004:Stage=dev"]).await;
    assert_eq!(tagged.ending, Ending::ToDo, "{tagged:?}");
    assert!(tagged.out.contains("+ PowerUserAccess"), "{}", tagged.out);
    assert!(tagged.out.contains("would be granted, by by-stage"), "{}", tagged.out);

    let before = asked.place.writes();
    let json = asked.place.order(&["plan", "--what-if", "move:shop-dev:/", "--json"]).await.json();
    assert_eq!(
        (&json["accounts"][0]["ou"], &json["accounts"][0]["ou_then"]),
        (&"Development".into(), &"".into())
    );
    assert_eq!(json["accounts"][0]["revokes"].as_array().unwrap().len(), 1);
    assert_eq!(json["summary"]["revokes"], 1);
    assert_eq!(asked.place.writes(), before);
}

#[tokio::test]
async fn what_happens_after_a_move_is_what_was_foretold() {
    let asked = Asked::applied().await;
    let foretold =
        asked.place.order(&["plan", "--what-if", "move:shop-dev:Production", "--json"]).await.json();
    let explained = asked
        .in_force(&["group:Developers", DEV, "PowerUserAccess", "--what-if", "move:shop-dev:Production"])
        .await;
    assert!(explained.out.contains("The next run revokes it"), "{}", explained.out);
    assert!(
        explained.out.contains("supposed: shop-dev (200000000001) is in Production"),
        "{}",
        explained.out
    );
    asked.place.moved(DEV, "Production");
    let plan = asked.place.usher("plan", &asked.rules, &["--json"]).await.json();
    let of =
        |accounts: &Value| accounts.as_array().unwrap().iter().find(|one| one["id"] == DEV).unwrap().clone();
    let (then, now) = (of(&foretold["accounts"]), of(&plan["accounts"]));
    for list in ["grants", "revokes"] {
        assert_eq!(then[list], now[list], "{list}");
    }
    assert!(!now["revokes"].as_array().unwrap().is_empty());
    assert_eq!(now["ou"], "Production");
}

#[tokio::test]
async fn other_rules_are_supposed_for_the_whole_organization() {
    let asked = Asked::applied().await;
    let fewer = asked
        .place
        .file("fewer.yaml", &RULES.replace("in_ou: [Development, Production]", "in_ou: Production"));
    let change = format!("rules:{}", fewer.display());
    let then = asked.place.order(&["plan", "--what-if", &change, "--json"]).await;
    assert_eq!(then.ending, Ending::ToDo, "{then:?}");
    let report = then.json();
    assert_ne!(report["rules_then"]["version"], report["rules"]["version"]);
    assert_eq!((&report["summary"]["revokes"], &report["summary"]["grants"]), (&1.into(), &0.into()));
    assert_eq!(report["summary"]["accounts"], 5);

    let same = format!("rules:{}", asked.rules.display());
    let calls = || asked.place.world().counters().calls.clone();
    let counted = |from: &BTreeMap<String, u64>, to: &BTreeMap<String, u64>, name: &str| -> u64 {
        let of = |calls: &BTreeMap<String, u64>| -> u64 {
            calls.iter().filter(|(call, _)| call.ends_with(name)).map(|(_, count)| *count).sum()
        };
        of(to) - of(from)
    };
    let start: BTreeMap<String, u64> = calls().into_iter().collect();
    asked.place.usher("plan", &asked.rules, &[]).await;
    let planned: BTreeMap<String, u64> = calls().into_iter().collect();
    let same = asked.place.order(&["plan", "--what-if", &same]).await;
    assert_eq!(same.ending, Ending::Good, "{same:?}");
    let ended: BTreeMap<String, u64> = calls().into_iter().collect();
    for name in ["ListAccounts", "ListAccountAssignmentsForPrincipal", "ListPermissionSets"] {
        let once = counted(&start, &planned, name);
        assert!(once > 0, "{name}");
        assert_eq!(counted(&planned, &ended, name), once, "{name}: two plans ask once");
    }
    let broken = asked.place.file("broken.yaml", "version: 1\nrule: []\n");
    let broken = asked.place.order(&["plan", "--what-if", &format!("rules:{}", broken.display())]).await;
    assert_eq!(broken.ending, Ending::Bad);
    assert!(broken.err.contains("broken.yaml"), "{}", broken.err);
}

#[tokio::test]
async fn what_cannot_be_supposed_is_refused_with_its_place_and_the_way_out() {
    let asked = Asked::applied().await;
    for (change, told) in [
        ("move:shop-dve:Production", "perhaps shop-dev (200000000001)"),
        ("move:shop-dev:Prodution", "perhaps Production is meant"),
        ("move:shop-dev:ou-ab12-cdefgh34", "the organization has no OU `ou-ab12-cdefgh34`"),
        ("tag:twin:Team=shop", "200000000004 (twin), 200000000005 (twin)"),
        ("rules:missing.yaml", "cannot read the rule file `missing.yaml`"),
    ] {
        let ran = asked.place.order(&["plan", "--what-if", change]).await;
        assert_eq!(ran.ending, Ending::Bad, "{change}");
        let err = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(err.contains(told), "{change}: {err}");
        assert!(
            change.starts_with("rules:") || err.contains(&format!("`--what-if {change}` can't be supposed")),
            "{err}"
        );
    }
    let wrong = Cli::try_parse_from(["usher", "plan", "--what-if", "mov:a:B"]).unwrap_err().to_string();
    assert!(wrong.contains("'mov:a:B'") && wrong.contains("perhaps `move:`"), "{wrong}");
}
