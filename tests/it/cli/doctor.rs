//! `usher doctor`, from what is wrong to what to do about it.

use cli::Ending;
use serde_json::{Value, json};
use shared::{
    aws::Connection,
    clock::SystemClock,
    local::SqliteLedger,
    ports::{Clock as _, Ledger as _, Seen, SeenKind},
};
use simulator::Fault;

use super::{ORGANIZATION, Place, RULES, Ran};

impl Place {
    fn endpoint(&self) -> String {
        self.machine.connection.as_ref().and_then(Connection::endpoint).unwrap().to_owned()
    }

    /// The doctor's look with this access key's role.
    async fn doctor(&self, access_key: &str, more: &[&str]) -> Ran {
        let mut machine = self.machine.clone();
        machine.connection = Some(Connection::to_stand_in(&self.endpoint(), access_key));
        let ledger = self.path("state/ledger.db");
        let mut line = vec!["usher", "doctor", "--ledger", ledger.to_str().unwrap()];
        line.extend(more);
        super::run(&line, &machine).await
    }
}

fn verdicts(report: &Value) -> Vec<(&str, &str)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| (finding["what"].as_str().unwrap(), finding["verdict"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn where_everything_is_there_the_doctor_says_so() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let ran = place.doctor("AKIAEXAMPLEUSHER", &["--rules", rules.to_str().unwrap()]).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    let told = ran.out.replace(place.path("").to_str().unwrap(), "").replace(&place.endpoint(), "ENDPOINT");
    insta::assert_snapshot!(told, @r"
    ✓ region          us-east-1, at the endpoint ENDPOINT
    ✓ credentials     arn:aws:sts::111122223333:assumed-role/usher/usher in account 111122223333
    ✓ instance        arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6, active, owned by account 111122223333
    ✓ organization    o-exampleorg1 with all features; its management account is 111122223333
    ✓ trusted access  the organization trusts IAM Identity Center
    ✓ standing        the management account: everything can be read and written
    ✓ reads           29 calls were tried, and all are allowed
    - writes          no call is made that changes anything; `usher apply` needs sso:CreateAccountAssignment, sso:DeleteAccountAssignment, and for edited permission sets sso:ProvisionPermissionSet
    ✓ settings        what the environment says of the engine can be read
    i ledger          there is none at state/ledger.db yet; `usher apply` makes it
    ✓ rules           2 rules, without mistakes, mode sync

    Everything that Usher needs is there.
    ");
    assert_eq!(place.writes(), 0);

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let json = place.doctor("AKIAEXAMPLEUSHER", &["--json"]).await.json();
    assert_eq!(json["ok"], true);
    let rules = json["findings"].as_array().unwrap().iter().find(|one| one["what"] == "rules").unwrap();
    assert!(rules["found"].as_str().unwrap().starts_with("2 rules in force, mode sync"), "{rules}");
}

/// A role that may not read groups, and one of an account that is nothing to Identity Center.
const CALLERS: &str = r#"
callers:
  - access_key: AKIAEXAMPLENAMES
    role: without-names
    policies:
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "*", Resource: "*" }
          - { Effect: Deny, Action: "identitystore:GetGroupId", Resource: "*" }
          - { Effect: Deny, Action: "sso:GetInlinePolicyForPermissionSet", Resource: "*" }
  - access_key: AKIAEXAMPLESHOP
    role: shop
    account: shop-dev
unknown_access_keys: refused
"#;

#[tokio::test]
async fn a_call_that_is_not_allowed_is_named_with_what_needs_it() {
    let place = Place::new(&format!("{ORGANIZATION}{CALLERS}")).await;
    let ran = place.doctor("AKIAEXAMPLENAMES", &[]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    for part in [
        "2 of 26 calls are not allowed: sso:GetInlinePolicyForPermissionSet, identitystore:GetGroupId",
        "identitystore:GetGroupId, for rules that name groups and people",
        "allow these actions to the role",
        "Usher can't work so: 1 thing to mend.",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let json = place.doctor("AKIAEXAMPLENAMES", &["--json"]).await.json();
    let denied: Vec<&Value> =
        json["calls"].as_array().unwrap().iter().filter(|call| call["outcome"] == "denied").collect();
    assert_eq!(denied.len(), 2, "{denied:?}");
}

#[tokio::test]
async fn an_account_that_identity_center_is_not_delegated_to_is_told_what_to_do() {
    let place = Place::new(&format!("{ORGANIZATION}{CALLERS}")).await;
    let ran = place.doctor("AKIAEXAMPLESHOP", &[]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(ran.out.contains("assumed-role/shop/shop in account 200000000001"), "{}", ran.out);
    assert!(
        ran.out.contains(
            "register-delegated-administrator --account-id 200000000001 --service-principal sso.amazonaws.com"
        ),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn without_credentials_nothing_more_of_aws_is_asked() {
    let place = Place::new(&format!("{ORGANIZATION}{CALLERS}")).await;
    let json = place.doctor("AKIAEXAMPLENOBODY", &["--json"]).await.json();
    assert_eq!(
        verdicts(&json),
        [
            ("region", "good"),
            ("credentials", "bad"),
            ("settings", "good"),
            ("ledger", "note"),
            ("rules", "untried")
        ]
    );
    assert_eq!(json["calls"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn what_is_throttled_is_asked_again_and_then_told_as_that_and_not_as_a_defect() {
    let place = Place::new(ORGANIZATION).await;
    // More often than the SDK's own three attempts would bear.
    place.world().fail_next("GetUserId", Fault::Throttle, 3);
    let passing = place.doctor("AKIAEXAMPLEUSHER", &[]).await;
    assert_eq!(passing.ending, Ending::Good, "{passing:?}");
    assert!(passing.out.contains("29 calls were tried, and all are allowed"), "{}", passing.out);

    place.world().fail_next("DescribeOrganization", Fault::Throttle, 5);
    let busy = place.doctor("AKIAEXAMPLEUSHER", &["--json"]).await.json();
    let told = verdicts(&busy);
    assert!(told.contains(&("organization", "unanswered")), "{told:?}");
    assert!(!told.iter().any(|(_, verdict)| *verdict == "bad"), "{told:?}");
    assert_eq!(busy["ok"], false, "what was not told is not known to be there");

    place.world().fail_next("ListGroupMemberships", Fault::Throttle, 5);
    let busy = place.doctor("AKIAEXAMPLEUSHER", &[]).await;
    assert_eq!(busy.ending, Ending::Bad);
    for part in [
        "? reads           1 call was throttled: identitystore:ListGroupMemberships",
        "throttled, several times over: try again in a minute",
        "AWS was too busy to tell everything: try again in a minute.",
    ] {
        assert!(busy.out.contains(part), "{part}: {}", busy.out);
    }
}

#[tokio::test]
async fn what_is_wrong_with_rules_and_ledger_is_told_beside_what_is_right() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", "version: 1\nsettings: { mode: sink }\nrules: []\n");
    std::fs::create_dir_all(place.path("state")).unwrap();
    place.file("state/ledger.db", &"notes ".repeat(200));
    let json = place.doctor("AKIAEXAMPLEUSHER", &["--json", "--rules", rules.to_str().unwrap()]).await.json();
    assert_eq!(json["ok"], false);
    let bad: Vec<(&str, &str)> =
        verdicts(&json).into_iter().filter(|(_, verdict)| *verdict == "bad").collect();
    assert_eq!(bad, [("ledger", "bad"), ("rules", "bad")]);
}

#[tokio::test]
async fn a_ledger_of_another_instance_is_named_with_both() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let (other, path) = ("arn:aws:sso:::instance/ssoins-0123456789abcdef", place.path("state/ledger.db"));
    let seen = Seen { id: "instance".to_owned(), value: json!(other), at: SystemClock.now() };
    SqliteLedger::open(&path).unwrap().remember(SeenKind::Fact, &[seen]).await.unwrap();

    let ran = place.doctor("AKIAEXAMPLEUSHER", &[]).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    let told = format!(
        "✗ ledger          it belongs to the instance {other}, and this is arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"
    );
    assert!(ran.out.contains(&told), "{}", ran.out);
    // So does the look at what is deployed.
    let ledger = path.display().to_string();
    let line = ["usher", "deploy", "check", "--deployed", "--ledger", &ledger, "--wait", "1ms"];
    let ran = super::run(&line, &place.machine).await;
    assert!(ran.out.contains(&format!("it belongs to the instance {other}")), "{}", ran.out);
}

#[tokio::test]
async fn completions_are_printed_for_every_shell() {
    let place = Place::new(ORGANIZATION).await;
    for (shell, part) in [("bash", "_usher()"), ("zsh", "#compdef usher"), ("fish", "complete -c usher")] {
        let ran = super::run(&["usher", "completions", shell], &place.machine).await;
        assert_eq!(ran.ending, Ending::Good);
        assert!(ran.out.contains(part) && ran.out.contains("reprovision"), "{shell}");
    }
}
