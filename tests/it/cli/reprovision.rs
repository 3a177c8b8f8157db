//! Edited permission sets, with the tool.

use cli::Ending;
use serde_json::json;
use shared::{clock::SystemClock, ports::Clock as _};
use simulator::{Caller, CallerKind, wire::sso_admin as sso};

use super::Place;

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
