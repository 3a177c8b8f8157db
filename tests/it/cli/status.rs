//! `usher status`.

use cli::Ending;
use serde_json::json;
use shared::{
    aws::{Connection, create_table},
    domain::RulesVersion,
    ports::{Ledger as _, RulesInForce},
};

use super::{ORGANIZATION, Place, RULES, Ran, run};
use crate::lambda::moto::Moto;

impl Place {
    /// `usher status` of the ledger in the folder.
    async fn status(&self, more: &[&str]) -> Ran {
        let ledger = self.path("state/ledger.db");
        let mut line = vec!["usher", "status", "--ledger", ledger.to_str().unwrap()];
        line.extend(more);
        run(&line, &self.machine).await
    }

    fn calls(&self) -> u64 {
        self.world().counters().calls.values().sum()
    }
}

#[tokio::test]
async fn without_a_ledger_there_is_no_status_and_none_is_made() {
    let place = Place::new(ORGANIZATION).await;
    let status = place.status(&[]).await;
    assert_eq!(status.ending, Ending::Bad);
    assert!(status.err.contains("there is no ledger") && status.err.contains("--ledger"), "{}", status.err);
    assert!(!place.path("state").exists());
}

#[tokio::test]
async fn what_hangs_and_what_was_refused_are_told_apart_and_nothing_is_asked_of_aws() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().fail_next("CreateAccountAssignment", simulator::Fault::AccessDenied, 1);
    place.usher("apply", &rules, &["--yes"]).await;
    let calls = place.calls();

    let json = place.status(&["--json"]).await;
    assert_eq!(json.ending, Ending::Good, "{json:?}");
    let document = json.json();
    assert_eq!(document["counts"]["ours"], 3);
    assert_eq!(document["counts"]["blocked"], 1);
    assert_eq!(document["rules"]["count"], 2);
    assert_eq!(document["spent_today"], json!({ "grants": 4, "revokes": 0 }));
    let blocked = &document["blocked"][0];
    assert!(blocked["why"].as_str().unwrap().contains("CreateAccountAssignment"), "{blocked}");
    assert!(blocked["permission_set"]["name"].is_string(), "{blocked}");

    let text = place.status(&[]).await;
    assert!(text.out.contains("Refused by AWS (1)"), "{}", text.out);
    assert!(text.out.contains("Assignments: 3 ours, 1 blocked."), "{}", text.out);
    assert_eq!(place.calls(), calls);

    let named = place.status(&["--names"]).await;
    assert!(place.calls() > calls);
    assert!(
        named.out.contains("  group Auditors  ") || named.out.contains("  group Developers  "),
        "{}",
        named.out
    );
}

#[tokio::test]
async fn what_is_with_aws_is_under_way_with_its_request() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().fail_next("CreateAccountAssignment", simulator::Fault::Hang, 1);
    place.usher("apply", &rules, &["--yes", "--timeout", "2s"]).await;

    let document = place.status(&["--json"]).await.json();
    let under_way = document["under_way"].as_array().unwrap();
    assert!(!under_way.is_empty(), "{document}");
    assert!(
        under_way.iter().any(|work| work["state"] == "sending" && work["request"].is_string()),
        "{document}"
    );
    assert!(place.status(&[]).await.out.contains("Under way ("));
}

mod moto_dynamodb {
    use super::*;

    #[tokio::test]
    async fn the_ledger_of_the_deployed_functions_has_a_status_and_is_not_applied_to() {
        let moto = Moto::start().await;
        create_table(&moto.dynamodb(), "usher-ledger").await.unwrap();
        let mut place = Place::new(ORGANIZATION).await;
        place.machine.connection = Some(Connection::to_stand_in(moto.endpoint(), "AKIAEXAMPLEUSHER"));
        let version: RulesVersion = "cd".repeat(32).parse().unwrap();
        let rules = RulesInForce {
            version,
            since: "2026-11-24T00:00:00Z".parse().unwrap(),
            rules: 5,
            provenance: None,
        };
        let ledger = place.machine.connection.as_ref().unwrap().ledger("usher-ledger");
        ledger.bring_into_force(None, &rules).await.unwrap();

        let line = ["usher", "status", "--ledger", "dynamodb:usher-ledger"];
        let status = run(&line, &place.machine).await;
        assert_eq!(status.ending, Ending::Good, "{status:?}");
        assert!(status.out.contains("Ledger dynamodb:usher-ledger"), "{}", status.out);
        assert!(status.out.contains("version cdcdcdcdcdcd, 5 rules"), "{}", status.out);

        let pause = ["usher", "pause", "--by", "alba", "--ledger", "dynamodb:usher-ledger"];
        assert_eq!(run(&pause, &place.machine).await.ending, Ending::Good);
        let status = run(&line, &place.machine).await;
        assert!(status.out.contains("Paused by alba"), "{}", status.out);

        let missing = run(&["usher", "status", "--ledger", "dynamodb:no-such-table"], &place.machine).await;
        assert_eq!(missing.ending, Ending::Bad, "{missing:?}");

        let rules = place.file("rules.yaml", RULES);
        let line = [
            "usher",
            "apply",
            "--rules",
            rules.to_str().unwrap(),
            "--yes",
            "--ledger",
            "dynamodb:usher-ledger",
        ];
        let apply = run(&line, &place.machine).await;
        assert_eq!(apply.ending, Ending::Bad);
        assert!(apply.err.contains("belongs to deployed functions"), "{}", apply.err);
    }
}
