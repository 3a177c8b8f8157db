//! What a plan can't tell, or waits with: it says so, in each of its forms.

use cli::Ending;
use simulator::Fault;

use super::{ORGANIZATION, Place, RULES};

#[tokio::test]
async fn what_if_does_not_say_nothing_where_a_look_up_has_failed() {
    let place = Place::new(ORGANIZATION).await;
    let rules =
        place.file("rules.yaml", &RULES.replace("mode: sync", "mode: sync, trusted_account_tags: [Team]"));
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    place.world().fail_next("GetGroupId", Fault::AccessDenied, 1000);
    let then = place.usher("plan", &rules, &["--what-if", "tag:shop-dev:Team=pay"]).await;
    assert_eq!(then.ending, Ending::Bad, "{then:?}");
    assert!(
        then.out.contains("nothing would be granted or revoked otherwise that could be told in 1 account"),
        "{}",
        then.out
    );
    assert!(then.out.contains("2 entries of the rules could not be told"), "{}", then.out);
}
