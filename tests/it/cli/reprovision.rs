//! Edited permission sets, with the tool.

use std::time::Duration;

use cli::Ending;
use jiff::SignedDuration;
use serde_json::json;
use shared::{
    clock::SystemClock,
    ledger::{Campaign, Stage},
    local::SqliteLedger,
    ports::{Clock as _, Guard, Ledger as _, LedgerReader as _},
};
use simulator::{Caller, CallerKind, Fault, Latency, wire::sso_admin as sso};

use super::{ORGANIZATION, Place, RULES};

impl Place {
    fn edit(&self, name: &str) {
        let mut world = self.world();
        let (set, arn) = (world.permission_set_named(name).unwrap(), world.instances_mut()[0].arn.clone());
        let input = json!({ "InstanceArn": arn, "PermissionSetArn": set, "SessionDuration": "PT4H" });
        let input: sso::UpdatePermissionSet = serde_json::from_value(input).unwrap();
        let person = Caller::new("console-admin", world.management_account().clone(), CallerKind::Management);
        world.call(SystemClock.now(), &person, input).unwrap();
    }
}

#[tokio::test]
async fn an_edit_is_shown_pushed_and_on_record() {
    let (place, _) = Place::applied().await;
    let nothing = place.order(&["reprovision"]).await;
    assert_eq!(nothing.out, "0 permission sets on the way.\n", "{nothing:?}");
    place.edit("PowerUserAccess");

    let shown = place.order(&["reprovision", "PowerUserAccess"]).await;
    assert_eq!(shown.ending, Ending::Good, "{shown:?}");
    assert!(shown.out.starts_with("PowerUserAccess is outdated in "), "{}", shown.out);
    assert!(shown.out.contains("No edit of it was heard of"), "{}", shown.out);
    let json = place.order(&["reprovision", "PowerUserAccess", "--json"]).await.json();
    let outdated = json["waves"]["1"].as_array().unwrap().clone();
    assert!(!outdated.is_empty(), "{json}");

    let pushed = place.order(&["reprovision", "PowerUserAccess", "--now", "--by", "alba"]).await;
    assert_eq!(pushed.ending, Ending::Good, "{pushed:?}");
    assert!(pushed.out.contains("done, newest version in "), "{}", pushed.out);
    let shown = place.order(&["reprovision", "PowerUserAccess"]).await;
    assert!(shown.out.contains("There is nothing to do."), "{}", shown.out);
    let list = place.order(&["reprovision", "--json"]).await.json();
    assert_eq!(list["campaigns"], json!([]));
    assert_eq!(list["records"][0]["updated"], json!(outdated));
    assert_eq!(list["records"][0]["pushed"]["by"], "alba");
}

#[tokio::test]
async fn a_set_that_no_rule_names_is_told_by_its_name_too() {
    let more = "  - { name: PowerUserAccess }\n  - { name: Unruled }\n";
    let organization = ORGANIZATION.replace("  - { name: PowerUserAccess }\n", more).replace(
        "assignments:\n",
        "assignments:\n  - { account: shop-dev, permission_set: Unruled, group: Developers }\n",
    );
    let place = Place::new(&organization).await;
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--yes"]).await;
    place.edit("Unruled");
    let arn = place.world().permission_set_named("Unruled").unwrap();
    for asked in ["Unruled", arn.as_str()] {
        let shown = place.order(&["reprovision", asked]).await;
        assert!(shown.out.starts_with("Unruled is outdated in 1 account"), "{asked}: {shown:?}");
    }
    let pushed = place.order(&["reprovision", "Unruled", "--now", "--by", "alba"]).await;
    assert!(pushed.out.contains("Unruled: done, newest version in 1 account"), "{pushed:?}");
}

#[tokio::test]
async fn what_can_not_be_pushed_says_why() {
    let (place, _) = Place::applied().await;
    let unknown = place.order(&["reprovision", "NoSuchAccess", "--now"]).await;
    assert_eq!(unknown.ending, Ending::Bad);
    assert!(unknown.err.contains("there is no permission set `NoSuchAccess`"), "{}", unknown.err);
    let nameless = place.order(&["reprovision", "PowerUserAccess", "--now", "--by", " "]).await;
    assert!(nameless.err.contains("say who you are with --by NAME"), "{}", nameless.err);
    place.order(&["pause", "--by", "alba"]).await;
    let paused = place.order(&["reprovision", "PowerUserAccess", "--now", "--by", "alba"]).await;
    assert!(paused.out.contains("nothing is sent until `usher resume`"), "{}", paused.out);
}

const PUSH: [&str; 5] = ["reprovision", "PowerUserAccess", "--now", "--by", "alba"];

#[tokio::test]
async fn a_push_that_was_broken_off_is_gone_on_with_by_the_same_command() {
    let (place, _) = Place::applied().await;
    place.edit("PowerUserAccess");
    place.world().settings.provisioning_latency = Latency::Constant(Duration::from_secs(3));
    let set = place.world().permission_set_named("PowerUserAccess").unwrap();
    let ledger = SqliteLedger::open(&place.path("state/ledger.db")).unwrap();
    let under_way = async {
        loop {
            let campaign = ledger.campaign(&set).await.unwrap();
            if campaign.is_some_and(|campaign| campaign.sent.iter().any(|sent| sent.request.is_some())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        pushed = place.order(&PUSH) => panic!("it was not to come to its end: {pushed:?}"),
        () = under_way => {}
    }
    // It has died. AWS goes on.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let again = tokio::time::timeout(Duration::from_mins(1), place.order(&PUSH)).await;
    let again = again.expect("nobody has asked after what was under way");
    assert_eq!(again.ending, Ending::Good, "{again:?}");
    assert!(again.out.contains("It was under way or waiting already"), "{}", again.out);
    assert!(again.out.contains("done, newest version in 2 accounts"), "{}", again.out);
    assert_eq!(place.world().provisioning_log().count(), 1);
}

#[tokio::test]
async fn accounts_that_have_failed_are_told_with_when_they_are_tried_again() {
    let (place, _) = Place::applied().await;
    place.edit("PowerUserAccess");
    let reason = "Received a 404 status error: Not supported policy CustomPolicy".to_owned();
    place.world().fail_next("ProvisionPermissionSet", Fault::FailLater(reason), 9);
    let pushed = place.order(&PUSH).await;
    assert_eq!(pushed.ending, Ending::Bad, "{pushed:?}");
    let shown = place.order(&["reprovision", "PowerUserAccess"]).await;
    assert!(shown.out.contains("The last time has not reached them all"), "{}", shown.out);
    assert!(shown.out.contains("Not supported policy CustomPolicy"), "{}", shown.out);
}

#[tokio::test]
async fn a_push_sends_nothing_of_what_is_due_beside_it() {
    let (place, _) = Place::applied().await;
    place.edit("PowerUserAccess");
    place.edit("ReadOnlyAccess");
    let set = place.world().permission_set_named("ReadOnlyAccess").unwrap();
    let ledger = SqliteLedger::open(&place.path("state/ledger.db")).unwrap();
    let due = Campaign::found(set.clone(), SystemClock.now() - SignedDuration::from_hours(1));
    ledger.keep_campaign(&due, &Guard::default()).await.unwrap();
    let pushed = place.order(&PUSH).await;
    assert_eq!(pushed.ending, Ending::Good, "{pushed:?}");
    let campaign = ledger.campaign(&set).await.unwrap().unwrap();
    assert!(matches!(campaign.stage, Stage::Quiet { .. }) && campaign.sent.is_empty(), "{campaign:?}");
    let world = place.world();
    assert!(world.provisioning_log().all(|record| record.permission_set != set));
}
