//! Why rules that are about somebody give nothing, what is left of those who are gone, and what a change would give up.

use cli::Ending;
use shared::{clock::SystemClock, ports::Clock as _};
use simulator::{Caller, CallerKind};

use super::{ORGANIZATION, Place};

const DEV: &str = "200000000001";

const RULES: &str = "
version: 1
settings: { mode: sync, trusted_account_tags: [Team], trusted_permission_set_tags: [Team] }
rules:
  - id: developers
    principals: [{ group: Developers }]
    permission_sets: [ReadOnlyAccess]
    accounts: { in_ou: Development }
  - id: joined
    principals: [{ group: Auditors }]
    permission_sets: [PowerUserAccess]
    accounts: { in_ou: Development }
    match: [{ permission_set_tag: Team, account_tag: Team }]
  - id: yet-to-come
    principals: [{ group: Auditors }]
    permission_sets: [Auditing]
    accounts: { in_ou: Development }
";

#[tokio::test]
async fn a_rule_that_is_about_them_here_and_gives_nothing_is_told_with_why() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let ran = place.usher("explain", &rules, &["group:Auditors", DEV]).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    let told =
        ran.out.split_once("Rules about them").unwrap().1.replace(rules.to_str().unwrap(), "rules.yaml");
    insta::assert_snapshot!(told, @r"
    that give them nothing here
     rule joined (rules.yaml:9, sync): gives nothing here
       - none of its permission sets fits here: ask about one of them to see why
     rule yet-to-come (rules.yaml:14, sync): gives nothing here
       + group Auditors: it is this group
       - permission set name Auditing: there is no permission set `Auditing`
       + in_ou Development: the account is in Development
    ");
}

#[tokio::test]
async fn an_orphan_is_explained_by_its_id_and_by_the_name_that_it_bore() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let group = place.world().group_named("Developers").unwrap();
    let person = Caller::new("person", "111122223333".parse().unwrap(), CallerKind::Management);
    place.world().delete_group(SystemClock.now(), &person, &group).unwrap();

    for words in [format!("group:{group}"), group.to_string(), "Developers".to_owned()] {
        let ran = place.usher("explain", &rules, &[&words, DEV, "ReadOnlyAccess"]).await;
        assert_eq!(ran.ending, Ending::Good, "{words}: {ran:?}");
        assert!(ran.out.contains("AWS does not know them any more; the ledger does"), "{words}: {}", ran.out);
        assert!(ran.out.contains("It is there, and Usher's since"), "{words}: {}", ran.out);
        assert!(ran.out.contains("ReadOnlyAccess: assigned, and it gives nobody access"), "{}", ran.out);
    }
    let ran = place.usher("explain", &rules, &["user:Developers", DEV, "ReadOnlyAccess"]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
}

#[tokio::test]
async fn what_is_pending_and_would_be_given_up_is_part_of_the_difference() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    // Decided, and not sent.
    place.usher("apply", &rules, &["--timeout", "1ns", "--yes"]).await;
    let moved = place.order(&["plan", "--what-if", "move:shop-dev:Production"]).await;
    assert_eq!(moved.ending, Ending::ToDo, "{moved:?}");
    assert!(
        moved.out.contains("its grant, decided and not finished, would be given up; by developers"),
        "{}",
        moved.out
    );
    assert!(moved.out.contains("1 under way would be given up"), "{}", moved.out);
    let tagged = place.order(&["plan", "--what-if", "tag:search-dev:Team=other"]).await;
    assert!(!tagged.out.contains("given up"), "{}", tagged.out);
}

#[tokio::test]
async fn somebody_who_was_renamed_is_explained_as_the_living_and_not_as_gone() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let group = place.world().group_named("Developers").unwrap();
    let person = Caller::new("person", "111122223333".parse().unwrap(), CallerKind::Management);
    place.world().rename_group(SystemClock.now(), &person, &group, "Engineers").unwrap();
    let ran = place.usher("explain", &rules, &["group:Developers", DEV, "ReadOnlyAccess"]).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    assert!(ran.out.starts_with("group Engineers"), "{}", ran.out);
    assert!(!ran.out.contains("does not know them any more"), "{}", ran.out);
}

#[tokio::test]
async fn what_is_given_up_as_things_are_and_would_go_on_is_part_of_the_difference() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--timeout", "1ns", "--yes"]).await;
    place.moved(DEV, "Production");
    let back = place.order(&["plan", "--what-if", "move:shop-dev:Development"]).await;
    assert_eq!(back.ending, Ending::ToDo, "{back:?}");
    assert!(back.out.contains("would go on, and is given up as things are; by developers"), "{}", back.out);
}
